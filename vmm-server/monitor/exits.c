#include "exits.h"

#include "ends.h"
#include "instruction.h"
#include "interrupts.h"
#include "vcpu.h"

#define KVM_ENOSYS 1000u

/* General registers are the same for all; what is listed is read with the exit, not by a call of
 * its own. */
uint32_t exit_groups(uint32_t reason)
{
    /* Where the CPU does not tell how long an instruction is, it is looked at. All segments at once
     * take the kernel fewer instructions than some of them. */
    const uint32_t look = ENVIRONMENT->guest.features & GUEST_LENGTH ? 0 : EMULATE_STATE;

    switch (reason) {
    case EXIT_STARTUP:
        return STATE_ALL;
    case EXIT_GPA:
        return EMULATE_STATE;
    case EXIT_RECALL:
    case EXIT_TIMER:
    case EXIT_INTERRUPT_WINDOW:
    case EXIT_NMI_WINDOW:
    case EXIT_TPR:
        return STATE_INTERRUPTS | STATE_TPR;
    case EXIT_HLT:
        return STATE_INTERRUPTS | STATE_TPR | look;
    case EXIT_CR:
        return STATE_CR | STATE_EFER | STATE_TPR | look;
    case EXIT_DR:
        return STATE_DR | STATE_CR | look;
    case EXIT_CPUID:
        return STATE_CR | look;
    case EXIT_XSETBV:
        return STATE_XSAVE | STATE_CR | look;
    case EXIT_MSR: /* of the LAPIC's most */
        return STATE_TPR | look;
    case EXIT_IO:
        return 0;
    default:
        return look;
    }
}

static void crash(struct vcpu *v, const char *what, uint64_t qualification, uint64_t address)
{
    end_crash(v, "%s (qualification 0x%lx, address 0x%lx)", what, qualification, address);
}

void exit_emulate(struct vcpu *v, const char *what, uint64_t qualification, uint64_t address)
{
    struct machine *machine = &v->vm->platform.machine;

    vcpu_need(v, EMULATE_STATE);
    struct emulate e = {.state = v->state,
                        .memory = &v->vm->memory,
                        .devices = &machine->memory,
                        .ports = &machine->ports,
                        .cache = v->decoded,
                        .phys_bits = v->vm->physical_bits};
    enum emulate_result result = emulate(&e);
    vcpu_change(v, e.changed);
    switch (result) {
    case EMULATE_DONE:
        break;
    case EMULATE_FAULT:
        if (e.fault.vector == VECTOR_PF) {
            v->state->cr2 = e.fault.cr2;
            vcpu_change(v, STATE_CR);
        }
        vcpu_raise(v, e.fault.vector, e.fault.has_error, e.fault.error);
        break;
    case EMULATE_UNKNOWN:
        crash(v, what, qualification, address);
        break;
    }
}

static void exit_io(struct vcpu *v, uint64_t qualification)
{
    struct vcpu_state *s = v->state;
    struct bus *ports = &v->vm->platform.machine.ports;
    uint16_t port = (uint16_t)(qualification & EXIT_IO_PORT);
    unsigned size = (unsigned)((qualification & EXIT_IO_SIZE) >> EXIT_IO_SIZE_SHIFT);

    if (qualification & EXIT_IO_STRING) {
        exit_emulate(v, "string I/O that is not known", qualification, 0);
        return;
    }
    if (!(qualification & EXIT_IO_IN)) {
        bus_write(ports, port, size, s->rax);
    } else {
        uint64_t value = bus_read(ports, port, size);
        uint64_t keep = size == 4 ? 0 : UINT64_MAX << size * 8;
        s->rax = (s->rax & keep) | (value & ~(size == 4 ? UINT64_MAX << 32 : keep));
    }
    instruction_skip_io(v);
}

/* It waits for an interrupt, or goes on with the next instruction if one is there. */
static void exit_hlt(struct vcpu *v)
{
    if (!instruction_skip(v, 1))
        return;
    v->halted = true;
    v->state->shadow &= SHADOW_NMI;
    v->state->activity = VCPU_HALTED;
    vcpu_change(v, STATE_INTERRUPTS);
}

/* Nothing that we offer: Linux asks with CPL 0 and gets KVM's answer. */
static void exit_hypercall(struct vcpu *v)
{
    v->state->rax = -(uint64_t)KVM_ENOSYS;
    (void)instruction_skip(v, 3);
}

static void exit_timer(struct vcpu *v)
{
    v->deadline = 0;
    timers_run(&v->vm->platform.machine.timers);
}

static void exit_recall(struct vcpu *v)
{
    __atomic_store_n(&v->recalled, 0, __ATOMIC_SEQ_CST);
    platform_recalled(&v->vm->platform);
}

void exit_handle(struct vcpu *v, const struct message *m)
{
    const uint64_t reason = m->word[0];
    const uint64_t qualification = m->word[1];
    const uint64_t address = m->word[3];

    if (reason < EXIT_COUNT)
        v->exits[reason]++;
    v->vm->platform.current = v;

    interrupts_look(v);
    switch (reason) {
    case EXIT_STARTUP:
        end_reset(v->vm);
        break;
    case EXIT_RECALL:
        exit_recall(v);
        break;
    case EXIT_TIMER:
        exit_timer(v);
        break;
    case EXIT_INTERRUPT_WINDOW:
    case EXIT_NMI_WINDOW:
        v->windows &= reason == EXIT_NMI_WINDOW ? ~WINDOW_NMI : ~WINDOW_INTERRUPT;
        break;
    case EXIT_TPR:
        interrupts_tpr_take(v);
        break;
    case EXIT_TRIPLE_FAULT:
        v->vm->reset_wanted = true;
        break;
    case EXIT_HYPERCALL:
        exit_hypercall(v);
        break;
    case EXIT_CPUID:
        exit_cpuid(v);
        break;
    case EXIT_HLT:
        exit_hlt(v);
        break;
    case EXIT_PAUSE:
    case EXIT_CACHE:
        (void)instruction_skip(v, 2);
        break;
    case EXIT_IO:
        exit_io(v, qualification);
        break;
    case EXIT_MSR:
        exit_msr(v, qualification);
        break;
    case EXIT_CR:
        exit_cr(v, qualification, address);
        break;
    case EXIT_DR:
        exit_dr(v, qualification);
        break;
    case EXIT_XSETBV:
        exit_xsetbv(v);
        break;
    case EXIT_GPA:
        exit_emulate(v, "an access to where nothing is, by an instruction that is not known",
                     qualification, address);
        break;
    case EXIT_PMC:
        vcpu_raise(v, VECTOR_GP, true, 0);
        break;
    case EXIT_MWAIT:
        vcpu_raise(v, VECTOR_UD, false, 0);
        break;
    case EXIT_TASK_SWITCH:
        crash(v, "a hardware task switch, which is not built", qualification, address);
        break;
    case EXIT_FAILED:
        crash(v, "a state that the processor refuses", qualification, address);
        break;
    default:
        crash(v, "an exit that was not asked for", qualification, address);
        break;
    }
    if (v->vm->reset_wanted)
        end_reset(v->vm);
    if (v->vm->end == VM_RUNS)
        interrupts_offer(v);
    else
        vcpu_stop(v);
}
