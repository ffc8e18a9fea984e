/*
 * Recording events. Each CPU writes its own ring only; the readers are programs.
 */
#include "trace.h"

#include "boot.h"
#include "ec.h"
#include "shoot.h"
#include "x86.h"

static bool wanted; /* atomic */

void trace_record(struct cpu *cpu, enum trace_type type, uint64_t a, uint64_t b)
{
    uint64_t number = ++cpu->trace_number;
    struct trace_entry *entry = frame_at(boot_handoff.trace + cpu->index * TRACE_BYTES +
                                         number % TRACE_ENTRIES * sizeof(*entry));

    __atomic_store_n(&entry->stamp, 0, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    entry->tsc = tsc_read();
    entry->word[0] = a;
    entry->word[1] = b;
    __atomic_store_n(&entry->stamp, number << 8 | type, __ATOMIC_RELEASE);
}

void trace_update(struct cpu *cpu)
{
    bool on = __atomic_load_n(&wanted, __ATOMIC_RELAXED);

    if (on == cpu->tracing)
        return;
    cpu->tracing = on;
    cpu->waiting = on ? 0 : ec_word(cpu->index, EC_WAITING); /* exceptions go the slow way too */
    msr_write(MSR_LSTAR,
              cpu_area(cpu->index) + CPU_ENTRY + (on ? (uint64_t)(entry_traced - entry_page) : 0));
    cpu->guest.msrs = UINT32_MAX; /* after guests too: guest->pass */
    cpu->guest.settled = NULL;
}

void trace_switch(bool on)
{
    __atomic_store_n(&wanted, on, __ATOMIC_RELAXED);
    trace_update(cpu_this());
    quiesce(); /* whose interrupt makes the others look */
}

uint64_t syscall_traced(struct ec *ec)
{
    uint64_t number = ec->regs.rax, status = STATUS_BAD_CALL;
    struct cpu *cpu = cpu_this();

    trace(cpu, TRACE_CALL, number, ec->regs.rdi);
    if ((number & 0xff) <= SYSCALL_REPLY)
        number &= 0xff; /* the length of the message is above */
    if (number < SYSCALL_COUNT)
        status = syscall_table[number](ec);
    trace(cpu, TRACE_RETURN, status, trace_id(ec));
    return status;
}
