/*
 * Events in tiny guests, as suite guest_injection looks at them: each handler (TINY_HANDLERS) tells
 * its vector by a port, and has on its stack what the CPU pushed.
 */
#pragma once

#include "monitor.h"

#define RFLAGS_IF (1ull << 9)
#define DR6_BS    (1ull << 14)

/* Guest-physical: pages of stacks, and another place for the IDT, which guests find not mapped. */
#define EVENTS_STACKS 0x40000ull
#define EVENTS_PAGES  7u
#define EVENTS_TABLE  0x50000ull
#define EVENTS_BYTES  (TINY_BYTES + EVENTS_PAGES * PAGE)

struct frame {
    uint64_t vector, error, rip, cs, flags;
};

struct events {
    unsigned count;     /* handlers that began */
    struct frame frame; /* of the last one */
    struct frame frames[16];
};

extern struct events events;

/* monitor_answer, and: a handler's frame is noted and its error code taken off. */
uint64_t events_answer(struct monitor_vcpu *v, const struct monitor_exit *e);

/* The handler of that frame, whose exit was just answered, returns there. */
void events_return(struct monitor_vcpu *v, uint64_t rip);

/* Maps what belongs at a guest-physical address; and undoes all of it. */
enum status events_map(struct monitor_vcpu *v, uint64_t gpa);
void events_unmap(struct monitor *m);

/* The log, and what the handlers found. */
void events_print(const struct monitor_vcpu *v);

/* Events whose delivery is interrupted (guest_deliveries.c). */
void check_deliveries(struct monitor *m, uint32_t kind);
