#include "ends.h"

#include <stdarg.h>
#include <stdio.h>

#include "images.h"
#include "terminal.h"
#include "vcpu.h"

#define STATUS_OFF   0u
#define STATUS_CRASH 4u

#define TAIL_BYTES 640u

static void end(struct vm *vm, enum vm_end how, uint32_t status)
{
    if (vm->end != VM_RUNS)
        return;
    vm->status = status;
    __atomic_store_n(&vm->end, how, __ATOMIC_RELEASE);
    terminal_end();
}

void end_off(struct vm *vm)
{
    end(vm, VM_OFF, STATUS_OFF);
}

void end_exit(struct vm *vm, uint32_t value)
{
    end(vm, VM_EXIT, (value << 1 | 1) & 0xff);
}

static void registers_say(struct vcpu *v)
{
    const struct vcpu_state *s = v->state;

    vcpu_need(v, STATE_ALL);
    say("  rip 0x%lx rsp 0x%lx rflags 0x%lx cs 0x%x:0x%lx ss 0x%x:0x%lx", s->rip, s->rsp, s->rflags,
        s->cs.selector, s->cs.base, s->ss.selector, s->ss.base);
    say("  rax 0x%lx rbx 0x%lx rcx 0x%lx rdx 0x%lx", s->rax, s->rbx, s->rcx, s->rdx);
    say("  rsi 0x%lx rdi 0x%lx rbp 0x%lx r8 0x%lx r9 0x%lx", s->rsi, s->rdi, s->rbp, s->r8, s->r9);
    say("  r10 0x%lx r11 0x%lx r12 0x%lx r13 0x%lx r14 0x%lx r15 0x%lx", s->r10, s->r11, s->r12,
        s->r13, s->r14, s->r15);
    say("  cr0 0x%lx cr2 0x%lx cr3 0x%lx cr4 0x%lx efer 0x%lx", s->cr0, s->cr2, s->cr3, s->cr4,
        s->efer);
}

/* What the guest printed last: it may say why. */
static void tail_say(void)
{
    char text[TAIL_BYTES + 1];
    uint32_t size = terminal_tail(text, TAIL_BYTES);
    uint32_t begin = 0;

    for (uint32_t i = 0; i <= size; i++) {
        if (i < size && text[i] != '\n')
            continue;
        text[i] = 0;
        if (text[begin] && text[begin] != '\r')
            say("  | %s", &text[begin]);
        begin = i + 1;
    }
}

void end_crash(struct vcpu *v, const char *format, ...)
{
    char text[160];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    say("the guest has crashed: %s", text);
    registers_say(v);
    tail_say();
    if (v->vm->config.on_crash == VM_RESTART) {
        v->vm->reset_wanted = true;
        v->vm->booted = false; /* it begins anew, whatever on_reset says */
    } else {
        end(v->vm, VM_CRASHED, STATUS_CRASH);
    }
}

void end_reset(struct vm *vm)
{
    struct vcpu *v = &vm->vcpu[0];
    bool first = !vm->booted;

    vm->reset_wanted = false;
    if (!first && vm->config.on_reset == VM_STOP) {
        end_off(vm);
        return;
    }
    vm->booted = true;
    vcpu_state_reset(v);
    v->msrs.tsc_offset = -tsc_now();
    v->state->tsc_offset = v->msrs.tsc_offset;
    msrs_reset(&v->msrs);
    lapic_reset(&v->lapic);
    lapic_tsc_offset_set(&v->lapic, v->msrs.tsc_offset);
    lapic_boot(&v->lapic);
    platform_reset(&vm->platform);
    images_boot(vm, v);
}
