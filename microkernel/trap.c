/*
 * Interrupts and exceptions. A program's exception goes to its portal (ec_control.c); one of the
 * kernel ends the run with a diagnosis.
 */
#include "cpu.h"
#include "ec_control.h"
#include "entry.h"
#include "interrupt.h"
#include "lapic.h"
#include "ports.h"
#include "quiesce.h"
#include "sched.h"
#include "shoot.h"
#include "stop.h"
#include "syscall.h"
#include "trace.h"
#include "vectors.h"
#include "x86.h"

#define VECTOR_DEBUG         1
#define VECTOR_NMI           2
#define VECTOR_DOUBLE_FAULT  8
#define VECTOR_PROTECTION    13
#define VECTOR_PAGE_FAULT    14
#define VECTOR_MACHINE_CHECK 18

static const char *const vector_names[32] = {
    [0] = "divide error",
    [1] = "debug",
    [2] = "NMI",
    [3] = "breakpoint",
    [4] = "overflow",
    [5] = "bound range exceeded",
    [6] = "invalid opcode",
    [7] = "device not available",
    [8] = "double fault",
    [10] = "invalid TSS",
    [11] = "segment not present",
    [12] = "stack fault",
    [13] = "general protection",
    [14] = "page fault",
    [16] = "x87 floating point",
    [17] = "alignment check",
    [18] = "machine check",
    [19] = "SIMD floating point",
    [20] = "virtualization",
    [21] = "control protection",
};

/* The registers, for a reader of a debug build; a release build says only what and where. */
static void registers_print(const struct registers *r)
{
    console_print("# [kernel]   rax %016lx rbx %016lx rcx %016lx rdx %016lx\n", r->rax, r->rbx,
                  r->rcx, r->rdx);
    console_print("# [kernel]   rsi %016lx rdi %016lx rbp %016lx rsp %016lx\n", r->rsi, r->rdi,
                  r->rbp, r->rsp);
    console_print("# [kernel]   r8  %016lx r9  %016lx r10 %016lx r11 %016lx\n", r->r8, r->r9,
                  r->r10, r->r11);
    console_print("# [kernel]   r12 %016lx r13 %016lx r14 %016lx r15 %016lx\n", r->r12, r->r13,
                  r->r14, r->r15);
    console_print("# [kernel]   rflags %lx cr0 %lx cr2 %lx cr3 %lx cr4 %lx dr6 %lx\n", r->rflags,
                  cr0_read(), cr2_read(), cr3_read(), cr4_read(), dr6_read());
}

static const char *vector_name(uint64_t vector)
{
    if (vector == VECTOR_RECALL)
        return "recall";
    return vector < 32 && vector_names[vector] ? vector_names[vector] : "reserved";
}

static NORETURN void exception_report(const struct registers *regs, const char *mode,
                                      uint64_t address)
{
    bool external = regs->vector == VECTOR_NMI || regs->vector == VECTOR_MACHINE_CHECK;

    stop_claim();
    console_print("# [kernel] cpu %u: %s exception %lu (%s) error 0x%lx at rip 0x%lx",
                  cpu_this()->index, mode, regs->vector, vector_name(regs->vector), regs->error,
                  regs->rip);
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

/* The frame of an interrupted program goes to its EC, which can then be switched away from. */
static void frame_save(const struct trap_frame *f, struct registers *regs)
{
    *regs = (struct registers){
        .rax = f->rax,
        .rdi = f->rdi,
        .rsi = f->rsi,
        .rdx = f->rdx,
        .r8 = f->r8,
        .r9 = f->r9,
        .r10 = f->r10,
        .rip = f->rip,
        .rflags = f->rflags,
        .rsp = f->rsp,
        .rbx = f->rbx,
        .rbp = f->rbp,
        .r12 = f->r12,
        .r13 = f->r13,
        .r14 = f->r14,
        .r15 = f->r15,
        .rcx = f->rcx,
        .r11 = f->r11,
        .vector = f->vector,
        .error = f->error,
    };
}

/* Of the kernel, or one that is nobody's. */
static NORETURN void exception_fatal(const struct trap_frame *frame)
{
    struct registers regs;

    frame_save(frame, &regs);
    exception_report(&regs, frame->cs & 3 ? "user" : "kernel", cr2_read());
}

static void interrupt_handle(struct cpu *cpu, const struct trap_frame *frame)
{
    uint64_t vector = frame->vector;

    if (vector == VECTOR_DEVICE) {
        vector = frame->error + VECTOR_MIDDLE;
        interrupt_raised(cpu, (uint32_t)vector);
    }
    trace(cpu, TRACE_INTERRUPT, vector, frame->cs & 3 ? frame->rip : 0);
    lapic_write(LAPIC_EOI, 0);
    if (frame->vector == VECTOR_DEVICE)
        return;
    if (frame->vector == VECTOR_TIMER) {
        cpu->timer_fired = tsc_read();
        sched_timer_interrupt(cpu);
    } else {
        trace_update(cpu);
        quiesce_note();
        shoot_serve(cpu->index);
        sched_wake_interrupt(cpu);
    }
}

/*
 * Interrupts of the kernel come only where it opens them for them: what they change is looked at
 * afterwards there.
 */
void trap_handle(struct trap_frame *frame)
{
    struct cpu *cpu = cpu_this();
    struct ec *ec = cpu->current;
    bool interrupt = frame->vector >= 32;
    bool fatal = frame->vector == VECTOR_NMI || frame->vector == VECTOR_DOUBLE_FAULT ||
                 frame->vector == VECTOR_MACHINE_CHECK;

    if (interrupt)
        interrupt_handle(cpu, frame);
    if (frame->vector == VECTOR_PROTECTION && frame->cs & 3 && ports_missed(cpu, &ec->pd->space))
        return;
    if (frame->vector == VECTOR_DEBUG && !(frame->cs & 3)) {
        /* A program's single step that came late, on the first instruction of a system call. */
        frame->rflags &= ~RFLAGS_TF;
        return;
    }
    if (fatal || (!interrupt && !(frame->cs & 3)))
        exception_fatal(frame);
    if (!(frame->cs & 3) || (interrupt && !cpu->reschedule))
        return;
    frame_save(frame, &ec->regs);
    if (interrupt)
        ec_preempt(cpu, ec);
    trace(cpu, TRACE_EXCEPTION, frame->vector, frame->rip);
    ec->full = true;
    ec->address = cr2_read();
    vectors_save(cpu, ec);
    if (frame->vector == VECTOR_DEBUG)
        stack_restart(cpu, ec, ec_raise); /* this stack is for the entry only */
    ec_raise(cpu, ec);
}
