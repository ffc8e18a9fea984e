/*
 * Groups of the state, between the VMCB and the state page.
 */
#include "svm.h"

#define EFER_SVME (1ull << 12) /* VMRUN wants it (APM 2, 15.5.1); no guest sees it */

#define RFLAGS_VM (1ull << 17)

#define SEGMENT_DPL_SHIFT 5
#define SEGMENT_DPL       (3u << SEGMENT_DPL_SHIFT)
#define SEGMENT_LONG      (1u << 9)
#define SEGMENT_DEFAULT   (1u << 10)
#define SEGMENT_BUSY      (1u << 1)

/*
 * Attributes of TR, that is a present TSS, of 16 bits or more. TCG ends the machine if it finds
 * something else there, or a busy one.
 */
#define TSS_NEVER  0x16u
#define TSS_ALWAYS 0x81u

#define UNLIKELY(condition) __builtin_expect(!!(condition), false)

/* Those that registers_copy knows. */
#define STATE_REGISTERS                                                                 \
    (STATE_RFLAGS | STATE_RSP | STATE_SEGMENTS | STATE_CR | STATE_DR | STATE_SYSENTER | \
     STATE_SYSCALL | STATE_TSC)

void svm_reset(struct vcpu *vcpu)
{
    struct vmcb *vmcb = svm_vmcb(vcpu);
    const struct vcpu_segment data = {.attributes = 0x93, .limit = 0xffff};

    __builtin_memset(&vmcb->es, 0, sizeof(*vmcb) - offsetof(struct vmcb, es));
    vmcb->es = vmcb->ss = vmcb->ds = vmcb->fs = vmcb->gs = data;
    vmcb->cs = (struct vcpu_segment){0xf000, 0x9b, 0xffff, 0xffff0000};
    vmcb->ldtr = (struct vcpu_segment){.attributes = 0x82, .limit = 0xffff};
    vmcb->tr = (struct vcpu_segment){.attributes = 0x89, .limit = 0xffff};
    vmcb->gdtr.limit = vmcb->idtr.limit = 0xffff;
    vcpu->more[MORE_EFER] = 0;
    vmcb->efer = EFER_SVME;
    vmcb->cr0 = guest_cr0(0x60000010);
    vmcb->dr6 = guest_dr6(0);
    vmcb->dr7 = guest_dr7(0);
    vmcb->rflags = RFLAGS_RESERVED;
    vmcb->rip = 0xfff0;
    vmcb->pat = 0x0007040600070406;
}

#define SEGMENTS 10u

_Static_assert(offsetof(struct vmcb, tr) - offsetof(struct vmcb, es) ==
                       (SEGMENTS - 1) * sizeof(struct vcpu_segment) &&
                   offsetof(struct vcpu_state, tr) - offsetof(struct vcpu_state, es) ==
                       (SEGMENTS - 1) * sizeof(struct vcpu_segment),
               "the same segments");

/* From VMCB to page if it is to be shown, otherwise back. */
INLINE void word_copy(uint64_t *page, uint64_t *vmcb, bool show)
{
    if (show)
        *page = *vmcb;
    else
        *vmcb = GUEST_READ(*page);
}

INLINE void words_copy(void *page, void *vmcb, uint64_t words, bool show)
{
    void *to = show ? page : vmcb, *from = show ? vmcb : page;

    __asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(words) : : "memory");
}

/*
 * The CPU takes any: it makes bases canonical, and does not look at what is reserved (APM 2,
 * 15.5.1).
 */
INLINE void segments_copy(struct vcpu_segment *page, struct vcpu_segment *vmcb, uint32_t groups,
                          bool show)
{
    static const uint8_t places[SEGMENTS] = {1, 2, 0, 3, 4, 5, 7, 9, 6, 8}; /* two for a group */

    if ((groups & STATE_SEGMENTS) == STATE_SEGMENTS) {
        words_copy(page, vmcb, SEGMENTS * sizeof(*page) / sizeof(uint64_t), show);
        return;
    }
    for (unsigned n = 0; n < SEGMENTS; n++) {
        unsigned i = places[n];
        if (groups & STATE_CS_SS << n / 2)
            words_copy(&page[i], &vmcb[i], sizeof(*page) / sizeof(uint64_t), show);
    }
}

/*
 * Each group as it is. VMLOAD takes any value of MSRs, as it does bases; the kernel loads none of
 * them itself.
 */
INLINE void registers_copy(struct vcpu_state *page, struct vmcb *vmcb, uint32_t groups, bool show)
{
    if (groups & STATE_RFLAGS)
        word_copy(&page->rflags, &vmcb->rflags, show);
    if (groups & STATE_RSP)
        word_copy(&page->rsp, &vmcb->rsp, show);
    if (groups & STATE_SEGMENTS)
        segments_copy(&page->es, &vmcb->es, groups, show);
    if (groups & STATE_CR) {
        word_copy(&page->cr0, &vmcb->cr0, show);
        word_copy(&page->cr2, &vmcb->cr2, show);
        word_copy(&page->cr3, &vmcb->cr3, show);
        word_copy(&page->cr4, &vmcb->cr4, show);
    }
    if (groups & STATE_DR) {
        word_copy(&page->dr6, &vmcb->dr6, show);
        word_copy(&page->dr7, &vmcb->dr7, show);
    }
    if (groups & STATE_SYSENTER)
        words_copy(&page->sysenter_cs, &vmcb->sysenter_cs, 3, show);
    if (groups & STATE_SYSCALL)
        words_copy(&page->star, &vmcb->star, 5, show);
    if (groups & STATE_TSC)
        word_copy(&page->tsc_offset, &vmcb->tsc_offset, show);
}

INLINE uint64_t pat_get(const struct vcpu *vcpu, const struct vmcb *vmcb)
{
    return vcpu->flags & SVM_PAT_HERE ? msr_read(MSR_PAT) : vmcb->pat;
}

INLINE void groups_get(struct vcpu *vcpu, uint32_t groups)
{
    struct vmcb *vmcb = svm_vmcb(vcpu);
    struct vcpu_state *page = vcpu->page;

    if (groups & STATE_RIP)
        page->rip = vmcb->rip;
    if (groups & STATE_REGISTERS)
        registers_copy(page, vmcb, groups, true);
    if (groups & STATE_CS_SS) /* the DPL of SS is what CPL is (APM 2, 15.5.1) */
        page->ss.attributes = (uint16_t)((vmcb->ss.attributes & ~SEGMENT_DPL) |
                                         (uint32_t)vmcb->cpl << SEGMENT_DPL_SHIFT);
    if (groups & STATE_LDTR_TR) /* a TSS in use is busy */
        page->tr.attributes |= SEGMENT_BUSY;
    if (groups & STATE_TPR) {
        page->cr8 = vmcb->tpr & 15;
        page->tpr_threshold = (uint32_t)vcpu->more[MORE_THRESHOLD];
    }
    if (groups & STATE_PAT)
        page->pat = pat_get(vcpu, vmcb);
    if (groups & STATE_EFER)
        page->efer = vcpu->more[MORE_EFER];
    if (groups & STATE_INJECTION) {
        *(uint64_t *)&page->injection = vmcb->event;
        page->injection_length = (uint32_t)vcpu->more[MORE_LENGTH];
    }
    if (groups & STATE_INTERRUPTS) {
        page->shadow = ((uint32_t)vmcb->shadow & SHADOW_STI) | (vcpu->flags & SVM_NMI_BLOCKED);
        page->pending_debug = vcpu->more[MORE_DEBUG];
    }
    if (groups & STATE_WINDOWS)
        page->windows = vcpu->flags & SVM_WINDOWS;
    if (groups & STATE_CONTROLS)
        CONTROLS(page) = vcpu->more[MORE_CONTROLS];
    if (groups & STATE_TSC)
        page->tsc_ratio = vcpu->more[MORE_RATIO];
    guest_common_get(vcpu, page, groups);
}

static __attribute__((noinline)) void some_get(struct vcpu *vcpu, uint32_t groups)
{
    groups_get(vcpu, groups);
}

void svm_get(struct vcpu *vcpu, uint32_t groups)
{
    if ((groups & ~STATE_XSAVE) == STATE_MOST)
        groups_get(vcpu, STATE_MOST | (groups & STATE_XSAVE));
    else
        some_get(vcpu, groups);
}

/* Registers that the monitor has written: what could do harm there. Others stay as they are. */
INLINE void registers_tame(struct vmcb *vmcb)
{
    vmcb->rflags = guest_rflags(vmcb->rflags);
    vmcb->tr.attributes = (uint16_t)((vmcb->tr.attributes & ~TSS_NEVER) | TSS_ALWAYS);
    vmcb->gdtr.limit &= 0xffff;
    vmcb->idtr.limit &= 0xffff;
    vmcb->cr0 = guest_cr0(vmcb->cr0);
    vmcb->cr4 = guest_cr4(vmcb->cr4);
    vmcb->dr6 = guest_dr6(vmcb->dr6);
    vmcb->dr7 = guest_dr7(vmcb->dr7);
}

/*
 * Some registers follow from others. What the CPU would refuse (APM 2, 15.5.1, "Canonicalization
 * and consistency checks") does not get that far: QEMU's TCG loses the guest's state then. And
 * without paging, when nobody sees it, there is no LME: at an exit from LME without PAE, TCG would
 * leave the kernel without paging.
 */
INLINE void state_settle(struct vcpu *vcpu, struct vmcb *vmcb, uint64_t efer, bool stack)
{
    uint64_t cr0 = vmcb->cr0;
    const uint32_t mode = SEGMENT_LONG | SEGMENT_DEFAULT;

    efer = guest_efer(efer, cr0);
    vcpu->more[MORE_EFER] = efer;
    vmcb->efer = (efer & EFER_LMA ? efer : efer & ~EFER_LME) | EFER_SVME;
    if (!(cr0 & CR0_PE))
        vmcb->cpl = 0;
    else if (stack)
        vmcb->cpl =
            vmcb->rflags & RFLAGS_VM ? 3 : (uint8_t)(vmcb->ss.attributes >> SEGMENT_DPL_SHIFT & 3);
    vcpu->flags &= ~SVM_REFUSED;
    if ((cr0 & (CR0_NW | CR0_CD)) == CR0_NW || vmcb->cr3 & boot_handoff.guest.svm.cr3_fixed ||
        (efer & EFER_LMA &&
         (!(cr0 & CR0_PE) || !(vmcb->cr4 & CR4_PAE) || (vmcb->cs.attributes & mode) == mode)))
        vcpu->flags |= SVM_REFUSED;
}

INLINE void interrupts_set(struct vcpu *vcpu, struct vmcb *vmcb, const struct vcpu_state *page)
{
    uint32_t shadow = guest_shadow(GUEST_READ(page->shadow));
    uint64_t debug = guest_pending_debug(GUEST_READ(page->pending_debug));

    vmcb->shadow = shadow & (SHADOW_STI | SHADOW_MOV_SS) ? 1 : 0;
    vcpu->more[MORE_DEBUG] = debug;
    vcpu->flags = (vcpu->flags & ~(SVM_NMI_BLOCKED | SVM_DEBUG)) | (shadow & SHADOW_NMI) |
                  (debug ? SVM_DEBUG : 0);
}

/* Of what svm_intercept goes by. */
INLINE void control_set(struct vcpu *vcpu, enum svm_more control, uint64_t value)
{
    if (UNLIKELY(value != vcpu->more[control])) {
        vcpu->more[control] = value;
        vcpu->flags |= SVM_CHANGED;
    }
}

static void injection_set(struct vcpu *vcpu, const struct vcpu_state *page)
{
    struct vmcb *vmcb = svm_vmcb(vcpu);
    struct guest_event event =
        guest_event(GUEST_READ(page->injection.info), GUEST_READ(page->injection.error),
                    GUEST_READ(page->injection_length), vmcb->cr0);

    vmcb->event = event.info | (uint64_t)event.error << 32;
    vcpu->more[MORE_LENGTH] = event.length;
    vcpu->flags &= ~SVM_EVENT;
    if (event.length || (event.info & EVENT_TYPE) == EVENT_NMI)
        vcpu->flags |= SVM_EVENT;
}

/* What is seldom, or costs much: it takes what it finds in the page then. */
static __attribute__((noinline)) void rest_set(struct vcpu *vcpu, uint32_t groups)
{
    const struct vcpu_state *page = vcpu->page;

    if (groups & (STATE_PAT | STATE_TSC))
        svm_unload(cpu_this());
    if (groups & STATE_PAT)
        svm_vmcb(vcpu)->pat = guest_pat(GUEST_READ(page->pat));
    if (groups & STATE_TSC) {
        uint64_t ratio = GUEST_READ(page->tsc_ratio) & 0xffffffffff; /* APM 2, 15.30.5 */
        vcpu->more[MORE_RATIO] = ratio ? ratio : 1ull << 32;
    }
    if (groups & STATE_INJECTION)
        injection_set(vcpu, page);
    if (groups & (STATE_DR | STATE_TIME | STATE_XSAVE))
        guest_rest_set(vcpu, groups);
}

INLINE void groups_set(struct vcpu *vcpu, uint32_t groups)
{
    struct vmcb *vmcb = svm_vmcb(vcpu);
    struct vcpu_state *page = vcpu->page;
    uint32_t old = vcpu->flags, rest = guest_common_set(vcpu, page, groups);

    vmcb->clean = 0;
    if (groups & STATE_REGISTERS) {
        registers_copy(page, vmcb, groups, false);
        registers_tame(vmcb);
    }
    if (groups & (STATE_CR | STATE_EFER)) /* as the guest's own MOV to CR would, and its INVLPG */
        vmcb->tlb_control = (uint8_t)boot_handoff.guest.svm.forget;
    if (groups & (STATE_CR | STATE_EFER | STATE_CS_SS))
        state_settle(vcpu, vmcb,
                     groups & STATE_EFER ? GUEST_READ(page->efer) : vcpu->more[MORE_EFER],
                     groups & STATE_CS_SS);
    if (groups & STATE_TPR) {
        vmcb->tpr = GUEST_READ(page->cr8) & 15;
        control_set(vcpu, MORE_THRESHOLD, GUEST_READ(page->tpr_threshold) & 15);
    }
    if (groups & STATE_CONTROLS)
        control_set(vcpu, MORE_CONTROLS, guest_controls(GUEST_READ(CONTROLS(page))));
    if (groups & STATE_INTERRUPTS)
        interrupts_set(vcpu, vmcb, page);
    if (groups & STATE_WINDOWS)
        vcpu->flags = (vcpu->flags & ~SVM_WINDOWS) | (GUEST_READ(page->windows) & SVM_WINDOWS);
    if (UNLIKELY((old ^ vcpu->flags) & (SVM_INTERRUPT | SVM_NMI_BLOCKED)))
        vcpu->flags |= SVM_CHANGED;
    if (groups & STATE_INJECTION &&
        UNLIKELY(vmcb->event || GUEST_READ(page->injection.info) & EVENT_VALID))
        rest |= STATE_INJECTION;
    if (groups & STATE_PAT && UNLIKELY(GUEST_READ(page->pat) != pat_get(vcpu, vmcb)))
        rest |= STATE_PAT;
    if (groups & STATE_TSC && UNLIKELY(svm_has(SVM_TSC_RATIO)))
        rest |= STATE_TSC;
    if (rest)
        rest_set(vcpu, rest);
}

static __attribute__((noinline)) void some_set(struct vcpu *vcpu, uint32_t groups)
{
    groups_set(vcpu, groups);
}

void svm_set(struct vcpu *vcpu, uint32_t groups)
{
    const uint32_t all = STATE_MOST | STATE_RFLAGS | STATE_RSP;
    struct vmcb *vmcb = svm_vmcb(vcpu);

    vcpu->flags &= ~SVM_STEP_OVER; /* the guest is elsewhere, perhaps */
    if (groups & STATE_RIP) {
        vmcb->rip = GUEST_READ(vcpu->page->rip);
        vmcb->shadow = 0;
    }
    if (!(groups & ~STATE_RIP))
        return;
    if (all & ~groups)
        some_set(vcpu, groups);
    else
        groups_set(vcpu, all | (groups & STATE_XSAVE));
}
