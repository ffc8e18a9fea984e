/*
 * The event trace (ipc/abi/event_trace.h). While it is off, it costs a test of cpu->tracing where
 * an event is, and nothing in system calls, calls and replies included: those enter by another way
 * while it is on (entry.S).
 */
#pragma once

#include "cpu.h"
#include "event_trace.h"

_Static_assert(TRACE_BYTES % FRAME_SIZE == 0, "a ring is whole frames");

/* Starts or stops recording, on every CPU when it returns. Opens interrupts. */
void trace_switch(bool on);

/* This CPU does what trace_switch, somewhere, has asked for. */
void trace_update(struct cpu *cpu);

void trace_record(struct cpu *cpu, enum trace_type type, uint64_t a, uint64_t b);

static inline void trace(struct cpu *cpu, enum trace_type type, uint64_t a, uint64_t b)
{
    if (__builtin_expect(cpu->tracing, false))
        trace_record(cpu, type, a, b);
}

/* What names an object in the trace while it lives: no address that means anything to a program. */
static inline uint64_t trace_id(const void *object)
{
    return (uint64_t)object - FRAME_MAP;
}
