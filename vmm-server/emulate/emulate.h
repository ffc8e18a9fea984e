/*
 * Carries out one instruction of the guest in software, as the processor would: for those that
 * touch emulated memory, string port I/O, and what an exit asks help for.
 *
 * Works on the state page: before, it must hold all of EMULATE_STATE; afterwards `changed` has the
 * groups that the reply has to name.
 */
#pragma once

#include <stddef.h>

#include "bus.h"
#include "guest_memory.h"
#include "vcpu_state.h"

/* Groups of the state that are read. */
#define EMULATE_STATE                                                                 \
    (STATE_RIP | STATE_RFLAGS | STATE_RSP | STATE_CS_SS | STATE_DS_ES | STATE_FS_GS | \
     STATE_LDTR_TR | STATE_GDTR_IDTR | STATE_CR | STATE_EFER | STATE_INTERRUPTS)

enum emulate_result {
    EMULATE_DONE,    /* executed; of a repeated one, at least one step: RIP is at it or after it */
    EMULATE_FAULT,   /* it raises `fault`, which the caller injects; nothing else has changed */
    EMULATE_UNKNOWN, /* not an instruction that this knows; nothing has changed */
};

struct emulate_fault {
    uint8_t vector;
    bool has_error;
    uint32_t error;
    uint64_t cr2; /* of a page fault */
};

/* Decoded instructions by RIP, checked against the bytes that are there now. */
struct decode_cache;
size_t decode_cache_bytes(void); /* of one, which is all zeros at first */

struct emulate {
    struct vcpu_state *state;
    const struct guest_memory *memory;
    struct bus *devices; /* guest-physical addresses that are not RAM */
    struct bus *ports;
    struct decode_cache *cache; /* or NULL */
    uint8_t phys_bits;          /* of a guest-physical address: what is above is reserved */
    uint32_t changed;           /* out: STATE_* */
    struct emulate_fault fault; /* out */
};

enum emulate_result emulate(struct emulate *e);

#define EMULATE_BYTES 15u /* of the longest instruction */

/* The bytes from RIP on that can be fetched: how many. If those are too few, `fault` says why, with
 * vector 0 if they are not in RAM. Neither devices nor ports are needed. */
unsigned emulate_fetch(struct emulate *e, uint8_t bytes[EMULATE_BYTES]);

/* --- walk.c: the guest's page tables --- */

enum walk_access {
    WALK_READ = 0,
    WALK_WRITE = 1,
    WALK_EXECUTE = 2,
    WALK_USER = 4,     /* as CPL 3 does; without it as supervisor */
    WALK_IMPLICIT = 8, /* of descriptor tables and the TSS: supervisor, whatever AC says */
};

/*
 * The guest-physical address of a linear one, for every paging mode (none, 32-bit with PSE, PAE,
 * 4 levels, 5 levels; NX, WP, SMEP, SMAP). Sets accessed and dirty bits as the processor does.
 * False: a page fault, which is in *fault. A table that is not in RAM reads as not present.
 */
bool walk(const struct vcpu_state *state, const struct guest_memory *memory, uint8_t phys_bits,
          uint64_t linear, enum walk_access access, uint64_t *gpa, struct emulate_fault *fault);
