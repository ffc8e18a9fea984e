/*
 * Guests and the exits that each of them has: what suite guest_exits compares. The first is always
 * EXIT_STARTUP, and is not listed.
 */
#pragma once

#include "monitor.h"

#define CASE_EXITS 24u

struct expected {
    uint64_t reason; /* EXIT_STARTUP: no more */
    uint64_t qualification;
    uint64_t address;
};

/* What is listed is what a CPU says that tells all; where it tells less, the exit may too. */
struct guest_case {
    const struct tiny *guest;
    const char *what; /* besides the guest's name */
    uint32_t kind;    /* GUEST_VMX, GUEST_SVM; 0: both */
    uint32_t feature; /* GUEST_* that it needs, */
    uint32_t lacks;   /* and that must not be there */
    uint32_t exceptions, intercepts, msrs;
    uint64_t (*answer)(struct monitor_vcpu *v, const struct monitor_exit *e);
    struct expected expected[CASE_EXITS];
};

extern const struct guest_case guest_cases[];
extern const unsigned guest_cases_count;

/* Answers, besides the usual ones. */

/* At an exception or in its handler: the guest goes on at its RSI. */
uint64_t answer_at_rsi(struct monitor_vcpu *v, const struct monitor_exit *e);

/* Where nothing can be executed: the guest returns from there. */
uint64_t answer_return(struct monitor_vcpu *v, const struct monitor_exit *e);

/* What is not mapped is mapped, and the guest tries again; it goes when the guest halts. */
uint64_t answer_map(struct monitor_vcpu *v, const struct monitor_exit *e);

/* A threshold of the TPR when the guest asks for it. */
uint64_t answer_threshold(struct monitor_vcpu *v, const struct monitor_exit *e);

/* The guest gets CR4.OSXSAVE. */
uint64_t answer_osxsave(struct monitor_vcpu *v, const struct monitor_exit *e);

/* Guest-physical pages that cases expect. */
#define CASE_NOTHING 0x40000ull
#define CASE_READ    0x41000ull              /* can be read */
#define CASE_WRITE   0x42000ull              /* and written, but not executed */
#define CASE_BYTES   (TINY_BYTES + 3 * PAGE) /* the last two are those */
