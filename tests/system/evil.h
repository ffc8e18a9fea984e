/*
 * Hostile guests (guests/tiny/hostile.S) on VCPU 0 of a monitor. Whatever a guest's step leads to,
 * it goes on with the next one, at its RSI: in the state in which it is, or, if that is none in
 * which anything could run, in the one in which it began. A step that leads to nothing, or to
 * too many exits, ends after a while. At each exit the monitor looks whether its own registers are
 * as they were.
 */
#pragma once

#include "monitor.h"

struct evil {
    uint32_t exceptions, intercepts, msrs; /* what the guest has */
    uint64_t exits, reasons[EXIT_COUNT];
    uint64_t vectors[256]; /* what its handlers got */
    uint64_t begun;        /* how often it was put into the first state */
    uint64_t marred;       /* exits at which registers of ours were not as they were */
    uint64_t failures;     /* EXIT_FAILED but FAILURE_STATE */
    uint64_t way;          /* the last RSI that is one */
    uint64_t turns;        /* exits with that */
    uint64_t components;   /* XCR0, as it was */
    uint64_t limit;        /* exits after which it must have ended, */
    bool ended;            /* and did */
    bool patient;          /* it may go on for ever with the same step */
};

extern struct evil evil;

/* A hostile guest begins, on a CPU, as urgent as the one that behaves (good.h). */
bool evil_start(struct monitor *m, const struct tiny *guest, uint32_t cpu,
                const struct evil *choice);

/* It goes, wherever it is. True: nothing was wrong. With a comment. */
bool evil_stop(struct monitor *m);

/* Both on CPU 0, and between them it comes to its end: one test. */
bool evil_try(struct monitor *m, const struct tiny *guest, const struct evil *choice,
              const char *what);

/* Guest and memory as at the begin, but for general registers. */
uint64_t evil_begin(struct monitor_vcpu *v);

/* Our registers that no guest can have changed: gives them values; none of them was. */
void evil_host_mark(void);
bool evil_host_is_whole(void);
