/* CPUID and the model-specific registers: each is answered by who knows it. */
#include "exits.h"
#include "instruction.h"
#include "interrupts.h"
#include "vcpu.h"

#define MSR_EFER    0xc0000080u
#define CPUID_XSAVE 0xdu

#define MSR_X2APIC_EOI  (MSR_X2APIC + 0x0b)
#define MSR_X2APIC_ICR  (MSR_X2APIC + 0x30)
#define MSR_X2APIC_SELF (MSR_X2APIC + 0x3f)

#define EFER_LME (1ull << 8)
#define EFER_LMA (1ull << 10)
#define CR0_PG   (1ull << 31)

static void host_cpuid(uint32_t leaf, uint32_t subleaf, uint32_t out[4])
{
    __asm__ volatile("cpuid"
                     : "=a"(out[0]), "=b"(out[1]), "=c"(out[2]), "=d"(out[3])
                     : "a"(leaf), "c"(subleaf));
}

/* From those that were given lately: features are put together in some hundred instructions. */
static const uint32_t *answer(struct vcpu *v, uint32_t leaf, uint32_t subleaf)
{
    const struct vcpu_state *s = v->state;
    const bool enabled = lapic_enabled(&v->lapic);
    struct cpuid_answer *kept = &v->answers[(leaf ^ leaf >> 28) % CPUID_ANSWERS];

    if (kept->valid && kept->leaf == leaf && kept->subleaf == subleaf && kept->cr4 == s->cr4 &&
        kept->xcr0 == s->xcr0 && kept->apic_enabled == enabled)
        return kept->out;
    const struct cpuid_view view = {.host = host_cpuid,
                                    .limits = ENVIRONMENT->guest,
                                    .tsc_hz = ENVIRONMENT->tsc_hz,
                                    .vcpus = v->vm->config.vcpus,
                                    .apic_id = v->id,
                                    .cr4 = s->cr4,
                                    .xcr0 = s->xcr0,
                                    .apic_enabled = enabled};
    *kept = (struct cpuid_answer){.leaf = leaf,
                                  .subleaf = subleaf,
                                  .cr4 = s->cr4,
                                  .xcr0 = s->xcr0,
                                  .apic_enabled = enabled,
                                  .valid = true};
    cpuid(&view, leaf, subleaf, kept->out);
    return kept->out;
}

void exit_cpuid(struct vcpu *v)
{
    struct vcpu_state *s = v->state;

    /* Its size follows XCR0, which the guest may have set without an exit. */
    if ((uint32_t)s->rax == CPUID_XSAVE)
        vcpu_need(v, STATE_XSAVE);
    const uint32_t *out = answer(v, (uint32_t)s->rax, (uint32_t)s->rcx);
    s->rax = out[0];
    s->rbx = out[1];
    s->rcx = out[2];
    s->rdx = out[3];
    (void)instruction_skip(v, 2);
}

static bool is_lapic(uint32_t number)
{
    return number == MSR_APIC_BASE || number == MSR_TSC_DEADLINE ||
           (number >= MSR_X2APIC && number < MSR_X2APIC + 0x100);
}

/* Registers of the LAPIC that neither show the task priority nor change it. CR8, which the guest
 * writes without an exit, matters with them only if an interrupt waits, and then it is looked at
 * before that is offered. */
static bool is_without_tpr(uint32_t number)
{
    return number == MSR_TSC_DEADLINE || number == MSR_X2APIC_EOI || number == MSR_X2APIC_ICR ||
           number == MSR_X2APIC_SELF;
}

static bool efer_write(struct vcpu *v, uint64_t value)
{
    struct vcpu_state *s = v->state;

    vcpu_need(v, STATE_EFER | STATE_CR);
    if (value & ~(ENVIRONMENT->guest.efer | EFER_LMA) ||
        ((value ^ s->efer) & EFER_LME && s->cr0 & CR0_PG))
        return false;
    s->efer = (value & ~EFER_LMA) | (s->efer & EFER_LMA);
    vcpu_change(v, STATE_EFER);
    return true;
}

static bool read(struct vcpu *v, uint32_t number, uint64_t *value)
{
    if (number == MSR_EFER) {
        vcpu_need(v, STATE_EFER);
        *value = v->state->efer;
        return true;
    }
    if (!is_lapic(number))
        return msr_read(&v->msrs, number, value) == MSR_DONE;
    interrupts_tpr_take(v);
    return lapic_msr_read(&v->lapic, number, value);
}

static bool write(struct vcpu *v, uint32_t number, uint64_t value)
{
    if (number == MSR_EFER)
        return efer_write(v, value);
    if (!is_lapic(number))
        return msr_write(&v->msrs, number, value) == MSR_DONE;
    if (is_without_tpr(number))
        return lapic_msr_write(&v->lapic, number, value);
    interrupts_tpr_take(v);
    bool good = lapic_msr_write(&v->lapic, number, value);
    interrupts_tpr_set(v);
    return good;
}

void exit_msr(struct vcpu *v, uint64_t qualification)
{
    struct vcpu_state *s = v->state;
    uint32_t number = (uint32_t)qualification;
    uint64_t value = (uint32_t)s->rax | s->rdx << 32;
    bool good = qualification & EXIT_MSR_WRITE ? write(v, number, value) : read(v, number, &value);

    if (!good) {
        vcpu_raise(v, VECTOR_GP, true, 0);
        return;
    }
    if (!(qualification & EXIT_MSR_WRITE)) {
        s->rax = (uint32_t)value;
        s->rdx = value >> 32;
    }
    (void)instruction_skip(v, 2);
}
