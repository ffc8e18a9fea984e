/*
 * Interrupts and exceptions. Until there are portals to deliver them to, an exception of the
 * program ends the run with a diagnosis; one of the kernel always does.
 */
#include "cpu.h"
#include "entry.h"
#include "lapic.h"
#include "stop.h"
#include "timer.h"
#include "x86.h"

#define VECTOR_DEBUG         1
#define VECTOR_NMI           2
#define VECTOR_DOUBLE_FAULT  8
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
static void registers_print(const struct trap_frame *f)
{
    console_print("# [kernel]   rax %016lx rbx %016lx rcx %016lx rdx %016lx\n", f->rax, f->rbx,
                  f->rcx, f->rdx);
    console_print("# [kernel]   rsi %016lx rdi %016lx rbp %016lx rsp %016lx\n", f->rsi, f->rdi,
                  f->rbp, f->rsp);
    console_print("# [kernel]   r8  %016lx r9  %016lx r10 %016lx r11 %016lx\n", f->r8, f->r9,
                  f->r10, f->r11);
    console_print("# [kernel]   r12 %016lx r13 %016lx r14 %016lx r15 %016lx\n", f->r12, f->r13,
                  f->r14, f->r15);
    console_print("# [kernel]   cs %lx ss %lx rflags %lx cr0 %lx cr2 %lx cr3 %lx cr4 %lx dr6 %lx\n",
                  f->cs, f->ss, f->rflags, cr0_read(), cr2_read(), cr3_read(), cr4_read(),
                  dr6_read());
}

static NORETURN void exception_report(const struct trap_frame *frame)
{
    const char *name = vector_names[frame->vector] ? vector_names[frame->vector] : "reserved";
    bool external = frame->vector == VECTOR_NMI || frame->vector == VECTOR_MACHINE_CHECK;

    stop_claim();
    console_print("# [kernel] cpu %u: %s exception %lu (%s) error 0x%lx at rip 0x%lx",
                  cpu_this()->index, frame->cs & 3 ? "user" : "kernel", frame->vector, name,
                  frame->error, frame->rip);
    if (frame->vector == VECTOR_PAGE_FAULT)
        console_print(" address 0x%lx", cr2_read());
    console_print("%s\n", external ? ", from outside the program" : "");
    if (CAIRN_DEBUG)
        registers_print(frame);
    power_off(EXIT_SYSTEM_FAILED);
}

void trap_handle(struct trap_frame *frame)
{
    if (frame->vector == VECTOR_TIMER)
        timer_interrupt();
    else
        exception_report(frame);
}
