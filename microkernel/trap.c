/*
 * Interrupts and exceptions. A program's exception goes to its portal (ec_control.c); one of the
 * kernel ends the run with a diagnosis.
 */
#include "interrupt.h"
#include "ipc.h"
#include "lapic.h"
#include "ports.h"
#include "sched.h"
#include "shoot.h"
#include "stop.h"
#include "trace.h"
#include "vectors.h"

#define VECTOR_DEBUG         1
#define VECTOR_NMI           2
#define VECTOR_DEVICE        7 /* #NM */
#define VECTOR_DOUBLE_FAULT  8
#define VECTOR_PROTECTION    13
#define VECTOR_PAGE_FAULT    14
#define VECTOR_MACHINE_CHECK 18

/* More is to be known than the registers, or it is no program's affair. */
#define VECTORS_SPECIAL                                                   \
    (1u << VECTOR_NMI | 1u << VECTOR_DEVICE | 1u << VECTOR_DOUBLE_FAULT | \
     1u << VECTOR_PROTECTION | 1u << VECTOR_PAGE_FAULT | 1u << VECTOR_MACHINE_CHECK)

/* For a reader of a debug build; a release build says only what and where. */
static void registers_print(const struct registers *r)
{
    console_print("# [kernel]   rax %lx rbx %lx rcx %lx rdx %lx\n", r->rax, r->rbx, r->rcx, r->rdx);
    console_print("# [kernel]   rsi %lx rdi %lx rbp %lx rsp %lx\n", r->rsi, r->rdi, r->rbp, r->rsp);
    console_print("# [kernel]   r8 %lx r9 %lx r10 %lx r11 %lx\n", r->r8, r->r9, r->r10, r->r11);
    console_print("# [kernel]   r12 %lx r13 %lx r14 %lx r15 %lx\n", r->r12, r->r13, r->r14, r->r15);
    console_print("# [kernel]   rflags %lx cr0 %lx cr2 %lx cr3 %lx cr4 %lx\n", r->rflags,
                  cr0_read(), cr2_read(), cr3_read(), cr4_read());
}

static NORETURN void exception_report(const struct registers *regs, const char *mode,
                                      uint64_t address)
{
    bool external = regs->vector == VECTOR_NMI || regs->vector == VECTOR_MACHINE_CHECK;

    stop_claim();
    console_print("# [kernel] cpu %u: %s exception %lu error 0x%lx at rip 0x%lx", cpu_this()->index,
                  mode, regs->vector, regs->error, regs->rip);
    if (regs->vector == VECTOR_PAGE_FAULT)
        console_print(" address 0x%lx", address);
    console_print("%s\n", external ? ", from outside the program" : "");
    if (CAIRN_DEBUG)
        registers_print(regs);
    power_off(EXIT_SYSTEM_FAILED);
}

void exception_end_run(const struct ec *ec)
{
    exception_report(&ec->regs, "user", ec->address);
}

static void interrupt_handle(struct cpu *cpu, uint64_t vector, uint64_t rip)
{
    if (vector == VECTOR_SPURIOUS)
        return; /* nothing was asked for and nothing is acknowledged (SDM 3A, 10.9) */
    trace(cpu, TRACE_INTERRUPT, vector, rip);
    if (vector < VECTOR_TIMER)
        interrupt_raised(cpu, (uint32_t)vector);
    lapic_write(LAPIC_EOI, 0);
    if (vector == VECTOR_TIMER) {
        sched_timer_interrupt(cpu);
    } else if (vector == VECTOR_WAKE) {
        trace_update(cpu);
        quiesce_note();
        shoot_serve(cpu->index);
        sched_wake_interrupt(cpu);
    }
}

void trap_user(struct cpu *cpu, struct ec *ec)
{
    uint64_t vector = ec->regs.vector;

    if (vector >= 32) {
        interrupt_handle(cpu, vector, ec->regs.rip);
        if (cpu->reschedule)
            ec_preempt(cpu, ec);
        ec_resume_full(ec);
    }
    ec->address = 0;
    if (1u << vector & VECTORS_SPECIAL) {
        if (vector == VECTOR_PAGE_FAULT)
            ec->address = cr2_read(); /* otherwise that may be another's */
        else if (vector != VECTOR_PROTECTION && vector != VECTOR_DEVICE)
            exception_end_run(ec);
        else if (vector == VECTOR_DEVICE ? vectors_take(cpu) : ports_load(cpu, cpu->shoot->current))
            ec_resume_full(ec);
    }
    ec->full = FULL_ALL;
    vectors_save(ec);
    trace(cpu, TRACE_EXCEPTION, vector, ec->regs.rip);
    ipc_exception(cpu, ec);
}

/*
 * Interrupts of the kernel come only where it opens them for them: what they change is looked at
 * afterwards there. It touches vector registers only where it has a stack, so #NM may tell it that
 * a guest's state is in them: that costs nothing where there is none.
 */
void trap_kernel(const struct registers *regs, uint64_t *rflags)
{
    if (regs->vector >= 32)
        interrupt_handle(cpu_this(), regs->vector, 0);
    else if (regs->vector == VECTOR_DEBUG)
        /* A program's single step that came late, on the first instruction of a system call. */
        *rflags &= ~RFLAGS_TF;
    else if (regs->vector != VECTOR_DEVICE || !vectors_take(cpu_this()))
        exception_report(regs, "kernel", cr2_read());
}
