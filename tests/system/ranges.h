/* Calls on ranges of ports, interrupt lines and PCI functions, for the suites about them. */
#pragma once

#include "system.h"

static inline struct answer range_control(uint32_t range, uint64_t operation, uint64_t a,
                                          uint64_t b, uint64_t c)
{
    return system_answer((struct system_registers){
        .rax = SYSCALL_CONTROL, .rdi = range, .rsi = operation, .rdx = a, .r8 = b, .r9 = c});
}

static inline enum status range_create(enum object_type type, uint32_t selector, uint32_t parent,
                                       uint64_t offset, uint64_t count)
{
    return object_create(type, selector, SELECTOR_POOL, parent, offset, count, 0).status;
}

static inline enum status ports_open(uint32_t range, uint32_t domain, uint64_t offset,
                                     uint64_t count)
{
    return range_control(range, PORTS_OPEN, domain, offset, count).status;
}

static inline enum status ports_close(uint32_t range, uint32_t domain, uint64_t offset)
{
    return range_control(range, PORTS_CLOSE, domain, offset, 0).status;
}

static inline enum status irq_bind(uint32_t range, uint64_t line, uint32_t semaphore,
                                   uint64_t cpu_flags)
{
    return range_control(range, IRQ_BIND, line, semaphore, cpu_flags).status;
}

static inline enum status irq_unbind(uint32_t range, uint64_t line)
{
    return range_control(range, IRQ_UNBIND, line, 0, 0).status;
}

/* value: how many were coalesced, and IRQ_CUT_OFF. */
static inline struct answer irq_acknowledge(uint32_t range, uint64_t line)
{
    return range_control(range, IRQ_ACKNOWLEDGE, line, 0, 0);
}
