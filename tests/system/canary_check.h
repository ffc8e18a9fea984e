/* Marks of an owner in all registers (canary.h), and what must be there after the kernel. */
#pragma once

#include <stdbool.h>

#include "canary.h"

/* Upper half of every mark in a general register. */
#define CANARY_MARK(c) (0x5ec2e700ull | (c)->owner)

/* What of the vector state is marked: a kernel may think that some parts cannot leak alone. */
enum canary_part {
    CANARY_ALL,
    CANARY_X87_CONTROL,
    CANARY_X87,
    CANARY_SSE_CONTROL,
    CANARY_SSE,
    CANARY_WIDE, /* beyond XMM */
    CANARY_PARTS,
};

/* Marks everywhere, for a SYSCALL; the caller then puts the call's arguments over them. */
void canary_fill(struct canary *c, unsigned owner);
void canary_vectors(struct canary *c, enum canary_part part);

/*
 * How many general registers hold what is neither zero nor as it was, but for those that carry a
 * message (bits). RCX and R11 may have an address, flags, or what the owner had there when it was
 * last interrupted.
 */
uint64_t canary_general(const struct canary *c, uint64_t message);

/* How many general registers are not as they were. */
uint64_t canary_kept(const struct canary *c);

/* How many segment bases are not as they were; fresh: not zero. */
uint64_t canary_bases(const struct canary *c, bool fresh);

/* How many bytes of the vector state are not as they were; initial: not as in a new thread. */
uint64_t canary_vectors_wrong(const struct canary *c, bool initial);
