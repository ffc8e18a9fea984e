/* Control and debug registers, as the SDM and the APM say what MOV to them does. */
#include "exits.h"
#include "instruction.h"
#include "interrupts.h"
#include "vcpu.h"

#define CR0_PE (1ull << 0)
#define CR0_MP (1ull << 1)
#define CR0_EM (1ull << 2)
#define CR0_TS (1ull << 3)
#define CR0_NW (1ull << 29)
#define CR0_CD (1ull << 30)
#define CR0_PG (1ull << 31)

#define CR4_PAE   (1ull << 5)
#define CR4_PCIDE (1ull << 17)
#define CR4_LA57  (1ull << 12)

#define EFER_LME (1ull << 8)
#define EFER_LMA (1ull << 10)

#define REGISTER_SP 4u

/* General registers are in the page in the order of their numbers. */
static uint64_t *general(struct vcpu *v, uint64_t number)
{
    if (number == REGISTER_SP)
        vcpu_need(v, STATE_RSP);
    return &v->state->rax + (number & 15);
}

/* PAE paging outside of long mode takes four entries when CR3, CR0 or CR4 say so (SDM 3A, 4.4.1).
 */
static bool pdpte_load(struct vcpu *v, uint64_t cr0, uint64_t cr3, uint64_t cr4)
{
    const uint64_t reserved = 0x1e6 | ~((1ull << v->vm->physical_bits) - 1);
    uint64_t entry[4];

    if (!(cr0 & CR0_PG) || !(cr4 & CR4_PAE) || v->state->efer & EFER_LMA)
        return true;
    if (!guest_read(&v->vm->memory, cr3 & 0xffffffe0u, entry, sizeof(entry)))
        return false;
    for (unsigned i = 0; i < 4; i++)
        if (entry[i] & 1 && entry[i] & reserved)
            return false;
    for (unsigned i = 0; i < 4; i++)
        v->state->pdpte[i] = entry[i];
    return true;
}

static bool cr0_write(struct vcpu *v, uint64_t value)
{
    struct vcpu_state *s = v->state;
    const uint64_t fixed = 1ull << 4; /* ET */

    value |= fixed;
    if (value >> 32 || (value & CR0_PG && !(value & CR0_PE)) ||
        (value & CR0_NW && !(value & CR0_CD)))
        return false;
    if (value & CR0_PG && !(s->cr0 & CR0_PG) && s->efer & EFER_LME) {
        vcpu_need(v, STATE_CS_SS);
        if (!(s->cr4 & CR4_PAE) || s->cs.attributes & 1u << 9)
            return false; /* long mode begins in a compatibility segment */
    }
    if (!(value & CR0_PG) && s->cr0 & CR0_PG && s->efer & EFER_LMA) {
        vcpu_need(v, STATE_CS_SS);
        if (s->cs.attributes & 1u << 9 || s->cr4 & CR4_PCIDE)
            return false;
    }
    value &= ENVIRONMENT->guest.cr0;
    if ((value ^ s->cr0) & (CR0_PG | CR0_CD | CR0_NW)) {
        /* LMA follows LME and PG, which decides what the entries are for. */
        uint64_t efer = s->efer;
        s->efer = value & CR0_PG && efer & EFER_LME ? efer | EFER_LMA : efer & ~EFER_LMA;
        if (!pdpte_load(v, value, s->cr3, s->cr4)) {
            s->efer = efer;
            return false;
        }
        if (s->efer != efer)
            vcpu_change(v, STATE_EFER);
    }
    s->cr0 = value;
    vcpu_change(v, STATE_CR);
    return true;
}

static bool cr4_write(struct vcpu *v, uint64_t value)
{
    const uint64_t paging = 1ull << 4 | CR4_PAE | 1ull << 7 | 1ull << 20; /* PSE, PGE, SMEP */
    struct vcpu_state *s = v->state;

    if (value & ~ENVIRONMENT->guest.cr4)
        return false;
    if (s->efer & EFER_LMA && (!(value & CR4_PAE) || (value ^ s->cr4) & CR4_LA57))
        return false;
    if (value & CR4_PCIDE && !(s->efer & EFER_LMA))
        return false;
    if ((value ^ s->cr4) & paging && !pdpte_load(v, s->cr0, s->cr3, value))
        return false;
    s->cr4 = value;
    vcpu_change(v, STATE_CR);
    return true;
}

static bool cr_write(struct vcpu *v, unsigned number, uint64_t value)
{
    struct vcpu_state *s = v->state;

    switch (number) {
    case 0:
        return cr0_write(v, value);
    case 3:
        if (!pdpte_load(v, s->cr0, value, s->cr4))
            return false;
        s->cr3 = value;
        vcpu_change(v, STATE_CR);
        return true;
    case 4:
        return cr4_write(v, value);
    case 8:
        if (value & ~15ull)
            return false;
        s->cr8 = value;
        vcpu_change(v, STATE_TPR);
        interrupts_tpr_take(v);
        return true;
    default:
        return false;
    }
}

static uint64_t cr_read(const struct vcpu *v, unsigned number)
{
    const struct vcpu_state *s = v->state;

    return number == 0 ? s->cr0 : number == 3 ? s->cr3 : number == 4 ? s->cr4 : s->cr8;
}

/* Where the CPU does not say which register, or what LMSW's operand is, it is carried out as any
 * other instruction. */
static bool cr_known(uint64_t qualification, uint64_t address)
{
    enum vcpu_cr_access access = (enum vcpu_cr_access)(qualification >> 8 & 0xff);

    if (access == CR_CLTS)
        return true;
    if (access == CR_LMSW)
        return address != UINT64_MAX;
    return (qualification >> 16 & 0xff) != EXIT_REGISTER_UNKNOWN;
}

void exit_cr(struct vcpu *v, uint64_t qualification, uint64_t address)
{
    unsigned number = qualification & 0xff;
    struct vcpu_state *s = v->state;
    bool good = true;

    if (!cr_known(qualification, address)) {
        exit_emulate(v, "a control register, by an instruction that is not known", qualification,
                     address);
        return;
    }
    switch ((enum vcpu_cr_access)(qualification >> 8 & 0xff)) {
    case CR_WRITE:
        good = cr_write(v, number, *general(v, qualification >> 16));
        break;
    case CR_READ:
        *general(v, qualification >> 16) = cr_read(v, number);
        if ((qualification >> 16 & 15) == REGISTER_SP)
            vcpu_change(v, STATE_RSP);
        break;
    case CR_CLTS:
        good = cr0_write(v, s->cr0 & ~CR0_TS);
        break;
    case CR_LMSW:
        good = cr0_write(v, (s->cr0 & ~(CR0_MP | CR0_EM | CR0_TS)) |
                                (address & (CR0_PE | CR0_MP | CR0_EM | CR0_TS)));
        break;
    }
    if (good)
        (void)instruction_skip(v, (qualification >> 8 & 0xff) == CR_CLTS ? 2 : 3);
    else
        vcpu_raise(v, VECTOR_GP, true, 0);
}

#define DR6_FIXED 0xffff0ff0ull
#define DR7_FIXED 0x400ull
#define DR7_GD    (1ull << 13)
#define CR4_DE    (1ull << 3)

void exit_dr(struct vcpu *v, uint64_t qualification)
{
    unsigned number = qualification & 7;
    struct vcpu_state *s = v->state;

    unsigned general_number = qualification >> 16 & 0xff;
    if (general_number == EXIT_REGISTER_UNKNOWN && !instruction_register(v, &general_number)) {
        vcpu_raise(v, VECTOR_UD, false, 0);
        return;
    }
    if (number == 4 || number == 5) {
        if (s->cr4 & CR4_DE) {
            vcpu_raise(v, VECTOR_UD, false, 0);
            return;
        }
        number += 2;
    }
    uint64_t *reg = general(v, general_number);
    uint64_t *dr = number < 4 ? &s->dr[number] : number == 6 ? &s->dr6 : &s->dr7;
    if (qualification >> 8 & 1) {
        *reg = *dr;
        if (general_number == REGISTER_SP)
            vcpu_change(v, STATE_RSP);
    } else if (number >= 6 && *reg >> 32) {
        vcpu_raise(v, VECTOR_GP, true, 0);
        return;
    } else {
        *dr = number == 6 ? *reg | DR6_FIXED : number == 7 ? *reg | DR7_FIXED : *reg;
        vcpu_change(v, STATE_DR);
    }
    (void)instruction_skip(v, 3);
}

/* The kernel lets nothing into XCR0 that the machine does not have; what does not go together is
 * #GP (SDM 1, 13.3). */
void exit_xsetbv(struct vcpu *v)
{
    struct vcpu_state *s = v->state;
    uint64_t value = (uint32_t)s->rax | s->rdx << 32;
    uint64_t avx512 = value & 0xe0;

    vcpu_need(v, STATE_CS_SS);
    if ((s->ss.attributes >> 5 & 3) != 0 || (uint32_t)s->rcx != 0 || !(value & 1) ||
        value & ~ENVIRONMENT->guest.xcr0 || (value & 4 && !(value & 2)) ||
        (avx512 && (avx512 != 0xe0 || !(value & 4)))) {
        vcpu_raise(v, VECTOR_GP, true, 0);
        return;
    }
    s->xcr0 = value;
    vcpu_change(v, STATE_XSAVE);
    (void)instruction_skip(v, 3);
}
