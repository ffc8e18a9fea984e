/*
 * Groups of the state, between the VMCB and the state page.
 */
#include "guest_common.h"
#include "svm.h"

#define EFER_SVME (1ull << 12) /* VMRUN wants it (APM 2, 15.5.1); no guest sees it */

#define CR0_CD (1ull << 30)
#define CR0_NW (1ull << 29)

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

/* The groups that monitors take together. */
#define STATE_MOST     (STATE_ALL & ~(STATE_BASIC | STATE_XSAVE))
#define STATE_MSRS     (STATE_SYSENTER | STATE_SYSCALL | STATE_PAT | STATE_EFER)
#define STATE_SEGMENTS (STATE_CS_SS | STATE_DS_ES | STATE_FS_GS | STATE_LDTR_TR | STATE_GDTR_IDTR)

/* Exceptions and intercepts, which are one word of the page. */
#define CONTROLS(page) (*(uint64_t *)&(page)->exceptions)
#define CONTROLS_ALL   (guest_exceptions(UINT32_MAX) | (uint64_t)INTERCEPT_ALL << 32)

_Static_assert(offsetof(struct vcpu_state, intercepts) ==
                   offsetof(struct vcpu_state, exceptions) + 4,
               "one word");

void svm_reset(struct vcpu *vcpu)
{
    struct vmcb *vmcb = svm_vmcb(vcpu);
    const struct vcpu_segment data = {.attributes = 0x93, .limit = 0xffff};

    vmcb->es = vmcb->ss = vmcb->ds = vmcb->fs = vmcb->gs = data;
    vmcb->cs = (struct vcpu_segment){0xf000, 0x9b, 0xffff, 0xffff0000};
    vmcb->ldtr = (struct vcpu_segment){.attributes = 0x82, .limit = 0xffff};
    vmcb->tr = (struct vcpu_segment){.attributes = 0x89, .limit = 0xffff};
    vmcb->gdtr = vmcb->idtr = (struct vcpu_segment){.limit = 0xffff};
    vmcb->cpl = 0;
    vcpu->more[MORE_EFER] = 0;
    vmcb->efer = EFER_SVME;
    vmcb->cr0 = guest_cr0(0x60000010);
    vmcb->cr2 = vmcb->cr3 = vmcb->cr4 = 0;
    vmcb->dr6 = guest_dr6(0);
    vmcb->dr7 = guest_dr7(0);
    vmcb->rflags = RFLAGS_RESERVED;
    vmcb->rip = 0xfff0;
    vmcb->rsp = vmcb->rax = 0;
    vmcb->pat = 0x0007040600070406;
}

#define SEGMENTS 10u

_Static_assert(offsetof(struct vmcb, tr) - offsetof(struct vmcb, es) ==
                       (SEGMENTS - 1) * sizeof(struct vcpu_segment) &&
                   offsetof(struct vcpu_state, tr) - offsetof(struct vcpu_state, es) ==
                       (SEGMENTS - 1) * sizeof(struct vcpu_segment),
               "the same segments");

INLINE void pair_copy(struct vcpu_segment *to, const struct vcpu_segment *from, unsigned i,
                      unsigned j)
{
    to[i] = from[i];
    to[j] = from[j];
}

/*
 * From page to VMCB or back: both have es, cs, ss, ds, fs, gs, gdtr, ldtr, idtr, tr. The CPU takes
 * any: it makes bases canonical, and does not look at what is reserved (APM 2, 15.5.1).
 */
INLINE void segments_copy(struct vcpu_segment *to, const struct vcpu_segment *from, uint32_t groups)
{
    if ((groups & STATE_SEGMENTS) == STATE_SEGMENTS) {
        uint64_t words = SEGMENTS * sizeof(*to) / sizeof(uint64_t);
        __asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(words) : : "memory");
        return;
    }
    if (groups & STATE_CS_SS)
        pair_copy(to, from, 1, 2);
    if (groups & STATE_DS_ES)
        pair_copy(to, from, 0, 3);
    if (groups & STATE_FS_GS)
        pair_copy(to, from, 4, 5);
    if (groups & STATE_LDTR_TR)
        pair_copy(to, from, 7, 9);
    if (groups & STATE_GDTR_IDTR)
        pair_copy(to, from, 6, 8);
}

/* The DPL of SS is what CPL is (APM 2, 15.5.1), and a TSS in use is busy. */
INLINE void segments_get(const struct vmcb *vmcb, struct vcpu_state *page, uint32_t groups)
{
    segments_copy(&page->es, &vmcb->es, groups);
    if (groups & STATE_CS_SS)
        page->ss.attributes = (uint16_t)((vmcb->ss.attributes & ~SEGMENT_DPL) |
                                         (uint32_t)vmcb->cpl << SEGMENT_DPL_SHIFT);
    if (groups & STATE_LDTR_TR)
        page->tr.attributes |= SEGMENT_BUSY;
}

INLINE uint64_t pat_get(const struct vcpu *vcpu, const struct vmcb *vmcb)
{
    return vcpu->flags & SVM_PAT_HERE ? msr_read(MSR_PAT) : vmcb->pat;
}

INLINE void msrs_get(const struct vcpu *vcpu, const struct vmcb *vmcb, struct vcpu_state *page,
                     uint32_t groups)
{
    if (groups & STATE_SYSENTER) {
        page->sysenter_cs = vmcb->sysenter_cs;
        page->sysenter_esp = vmcb->sysenter_esp;
        page->sysenter_eip = vmcb->sysenter_eip;
    }
    if (groups & STATE_SYSCALL) {
        page->star = vmcb->star;
        page->lstar = vmcb->lstar;
        page->cstar = vmcb->cstar;
        page->sfmask = vmcb->sfmask;
        page->kernel_gs_base = vmcb->kernel_gs_base;
    }
    if (groups & STATE_PAT)
        page->pat = pat_get(vcpu, vmcb);
    if (groups & STATE_EFER)
        page->efer = vcpu->more[MORE_EFER];
}

INLINE void registers_get(const struct vcpu *vcpu, const struct vmcb *vmcb, struct vcpu_state *page,
                          uint32_t groups)
{
    if (groups & STATE_CR) {
        page->cr0 = vmcb->cr0;
        page->cr2 = vmcb->cr2;
        page->cr3 = vmcb->cr3;
        page->cr4 = vmcb->cr4;
    }
    if (groups & STATE_TPR) {
        page->cr8 = vmcb->tpr & 15;
        page->tpr_threshold = (uint32_t)vcpu->more[MORE_THRESHOLD];
    }
    if (groups & STATE_DR) {
        page->dr6 = vmcb->dr6;
        page->dr7 = vmcb->dr7;
    }
}

INLINE void events_get(const struct vcpu *vcpu, const struct vmcb *vmcb, struct vcpu_state *page,
                       uint32_t groups)
{
    uint32_t flags = vcpu->flags;

    if (groups & STATE_INJECTION) {
        *(uint64_t *)&page->injection = vmcb->event;
        if (UNLIKELY(flags & SVM_SOFTWARE && (vmcb->event & EVENT_TYPE) == EVENT_EXCEPTION))
            page->injection.info ^=
                EVENT_EXCEPTION ^
                ((vmcb->event & EVENT_VECTOR) == VECTOR_DB ? EVENT_INT1 : EVENT_INT3);
        page->injection_length = flags & SVM_SOFTWARE ? (uint32_t)vcpu->more[MORE_LENGTH] : 0;
    }
    if (groups & STATE_INTERRUPTS) {
        page->shadow = ((uint32_t)vmcb->shadow & SHADOW_STI) | (flags & SVM_NMI_BLOCKED);
        page->pending_debug = vcpu->more[MORE_DEBUG];
    }
    if (groups & STATE_WINDOWS)
        page->windows = flags & SVM_WINDOWS;
    if (groups & STATE_CONTROLS)
        CONTROLS(page) = vcpu->more[MORE_CONTROLS];
    if (groups & STATE_TSC) {
        page->tsc_offset = vmcb->tsc_offset;
        page->tsc_ratio = vcpu->more[MORE_RATIO];
    }
}

static __attribute__((noinline)) void basic_get(const struct vmcb *vmcb, struct vcpu_state *page,
                                                uint32_t groups)
{
    if (groups & STATE_RIP)
        page->rip = vmcb->rip;
    if (groups & STATE_RFLAGS)
        page->rflags = vmcb->rflags;
    if (groups & STATE_RSP)
        page->rsp = vmcb->rsp;
}

INLINE void groups_get(struct vcpu *vcpu, uint32_t groups)
{
    const struct vmcb *vmcb = svm_vmcb(vcpu);
    struct vcpu_state *page = vcpu->page;

    if (groups & (STATE_CR | STATE_TPR | STATE_DR))
        registers_get(vcpu, vmcb, page, groups);
    if (groups & STATE_SEGMENTS)
        segments_get(vmcb, page, groups);
    if (groups & STATE_MSRS)
        msrs_get(vcpu, vmcb, page, groups);
    events_get(vcpu, vmcb, page, groups);
    guest_common_get(vcpu, page, groups);
    if (groups & STATE_XSAVE)
        guest_image_get(vcpu);
}

static __attribute__((noinline)) void some_get(struct vcpu *vcpu, uint32_t groups)
{
    groups_get(vcpu, groups);
}

void svm_get(struct vcpu *vcpu, uint32_t groups)
{
    if (groups & STATE_BASIC)
        basic_get(svm_vmcb(vcpu), vcpu->page, groups);
    if (STATE_MOST & ~groups)
        some_get(vcpu, groups);
    else
        groups_get(vcpu, STATE_MOST | (groups & STATE_XSAVE));
}

INLINE void segments_set(struct vmcb *vmcb, const struct vcpu_state *page, uint32_t groups)
{
    segments_copy(&vmcb->es, &page->es, groups);
    if (groups & STATE_LDTR_TR)
        vmcb->tr.attributes = (uint16_t)((vmcb->tr.attributes & ~TSS_NEVER) | TSS_ALWAYS);
    if (groups & STATE_GDTR_IDTR) {
        vmcb->gdtr.limit = guest_table_limit(vmcb->gdtr.limit);
        vmcb->idtr.limit = guest_table_limit(vmcb->idtr.limit);
    }
}

/* VMLOAD takes any value, as it does bases; the kernel loads none of them itself. */
INLINE void msrs_set(struct vmcb *vmcb, const struct vcpu_state *page, uint32_t groups)
{
    if (groups & STATE_SYSENTER) {
        vmcb->sysenter_cs = GUEST_READ(page->sysenter_cs);
        vmcb->sysenter_esp = GUEST_READ(page->sysenter_esp);
        vmcb->sysenter_eip = GUEST_READ(page->sysenter_eip);
    }
    if (groups & STATE_SYSCALL) {
        vmcb->star = GUEST_READ(page->star);
        vmcb->lstar = GUEST_READ(page->lstar);
        vmcb->cstar = GUEST_READ(page->cstar);
        vmcb->sfmask = GUEST_READ(page->sfmask);
        vmcb->kernel_gs_base = GUEST_READ(page->kernel_gs_base);
    }
}

INLINE void registers_set(struct vmcb *vmcb, const struct vcpu_state *page, uint32_t groups)
{
    if (groups & STATE_RFLAGS)
        vmcb->rflags = guest_rflags(GUEST_READ(page->rflags));
    if (groups & STATE_RSP)
        vmcb->rsp = GUEST_READ(page->rsp);
    if (groups & STATE_CR) {
        vmcb->cr0 = guest_cr0(GUEST_READ(page->cr0));
        vmcb->cr2 = GUEST_READ(page->cr2);
        vmcb->cr3 = GUEST_READ(page->cr3);
        vmcb->cr4 = guest_cr4(GUEST_READ(page->cr4));
    }
    if (groups & STATE_DR) {
        vmcb->dr6 = guest_dr6(GUEST_READ(page->dr6));
        vmcb->dr7 = guest_dr7(GUEST_READ(page->dr7));
    }
    if (groups & STATE_TSC)
        vmcb->tsc_offset = GUEST_READ(page->tsc_offset);
}

/*
 * Some registers follow from others. What the CPU would refuse (APM 2, 15.5.1, "Canonicalization
 * and consistency checks") does not get that far: QEMU's TCG loses the guest's state then. And
 * without paging, when nobody sees it, there is no LME: at an exit from LME without PAE, TCG would
 * leave the kernel without paging. The flags that are to be set.
 */
INLINE uint32_t state_settle(struct vcpu *vcpu, struct vmcb *vmcb, uint64_t efer, bool stack)
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
    if ((cr0 & (CR0_NW | CR0_CD)) == CR0_NW || vmcb->cr3 & svm.cr3_fixed)
        return SVM_REFUSED;
    return efer & EFER_LMA && (!(cr0 & CR0_PE) || !(vmcb->cr4 & CR4_PAE) ||
                               (vmcb->cs.attributes & mode) == mode)
               ? SVM_REFUSED
               : 0;
}

/* Flags that follow from groups. */
INLINE uint32_t flags_of(uint32_t groups)
{
    return (groups & STATE_INTERRUPTS ? SVM_NMI_BLOCKED | SVM_DEBUG : 0) |
           (groups & STATE_INJECTION ? SVM_SOFTWARE : 0) |
           (groups & STATE_WINDOWS ? SVM_WINDOWS : 0) |
           (groups & (STATE_CR | STATE_EFER | STATE_CS_SS) ? SVM_REFUSED : 0);
}

INLINE uint32_t interrupts_set(struct vcpu *vcpu, struct vmcb *vmcb, const struct vcpu_state *page)
{
    uint32_t shadow = guest_shadow(GUEST_READ(page->shadow));
    uint64_t debug = guest_pending_debug(GUEST_READ(page->pending_debug));

    vmcb->shadow = shadow & (SHADOW_STI | SHADOW_MOV_SS) ? 1 : 0;
    vcpu->more[MORE_DEBUG] = debug;
    return (shadow & SHADOW_NMI) | (debug ? SVM_DEBUG : 0);
}

/* INT1, INT3 and INTO are exceptions to SVM (APM 2, 15.20). Is it an NMI? */
static bool injection_set(struct vcpu *vcpu, const struct vcpu_state *page)
{
    struct vmcb *vmcb = svm_vmcb(vcpu);
    struct guest_event event =
        guest_event(GUEST_READ(page->injection.info), GUEST_READ(page->injection.error),
                    GUEST_READ(page->injection_length), vmcb->cr0);
    uint32_t type = event.info & EVENT_TYPE;

    if (type == EVENT_INT1 || type == EVENT_INT3)
        event.info = (event.info & ~EVENT_TYPE) | EVENT_EXCEPTION;
    vmcb->event = event.info | (uint64_t)event.error << 32;
    vcpu->more[MORE_LENGTH] = event.length;
    vcpu->flags |= (event.length ? SVM_SOFTWARE : 0) | (type == EVENT_NMI ? SVM_NMI_BLOCKED : 0);
    return type == EVENT_NMI;
}

/* What is seldom, or costs much. */
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
    if (groups & STATE_INJECTION && injection_set(vcpu, page))
        groups |= STATE_WINDOWS;
    if (groups & (STATE_TPR | STATE_CONTROLS | STATE_WINDOWS))
        svm_intercept(vcpu);
    if (groups & (STATE_DR | STATE_TIME | STATE_XSAVE))
        guest_rest_set(vcpu, groups);
}

/* The controls. Have they changed? */
INLINE bool controls_set(struct vcpu *vcpu, const struct vcpu_state *page)
{
    uint64_t controls = GUEST_READ(CONTROLS(page)) & CONTROLS_ALL;

    if (!UNLIKELY(controls != vcpu->more[MORE_CONTROLS]))
        return false;
    vcpu->more[MORE_CONTROLS] = controls;
    return true;
}

INLINE bool threshold_set(struct vcpu *vcpu, struct vmcb *vmcb, const struct vcpu_state *page)
{
    uint32_t threshold = guest_tpr(GUEST_READ(page->tpr_threshold));

    vmcb->tpr = (uint8_t)guest_tpr(GUEST_READ(page->cr8));
    if (!UNLIKELY(threshold != vcpu->more[MORE_THRESHOLD]))
        return false;
    vcpu->more[MORE_THRESHOLD] = threshold;
    return true;
}

/* Groups of which rest_set has to look at the page: it takes what it finds then. */
INLINE uint32_t rest_find(const struct vcpu *vcpu, const struct vcpu_state *page, uint32_t groups)
{
    uint32_t rest = 0;

    if (groups & STATE_PAT && UNLIKELY(GUEST_READ(page->pat) != pat_get(vcpu, svm_vmcb(vcpu))))
        rest |= STATE_PAT;
    if (groups & STATE_INJECTION && UNLIKELY(GUEST_READ(page->injection.info) & EVENT_VALID))
        rest |= STATE_INJECTION;
    if (groups & STATE_TSC && UNLIKELY(svm.has & SVM_TSC_RATIO))
        rest |= STATE_TSC;
    return rest;
}

INLINE void groups_set(struct vcpu *vcpu, uint32_t groups)
{
    struct vmcb *vmcb = svm_vmcb(vcpu);
    const struct vcpu_state *page = vcpu->page;
    uint32_t old = vcpu->flags, flags = old & ~flags_of(groups);
    uint32_t rest = rest_find(vcpu, page, groups) | guest_common_set(vcpu, page, groups);

    vmcb->clean = 0;
    if (UNLIKELY(flags & SVM_NMI_BLOCKED) && groups & STATE_INJECTION &&
        (vmcb->event & (EVENT_VALID | EVENT_TYPE)) == (EVENT_VALID | EVENT_NMI))
        flags &= ~SVM_NMI_BLOCKED; /* it has not been delivered, so it blocks none */
    if (groups & STATE_SEGMENTS)
        segments_set(vmcb, page, groups);
    registers_set(vmcb, page, groups);
    if (groups & (STATE_CR | STATE_EFER)) /* as the guest's own MOV to CR would, and its INVLPG */
        vmcb->tlb_control = svm.forget;
    if (groups & STATE_MSRS)
        msrs_set(vmcb, page, groups);
    if (groups & (STATE_CR | STATE_EFER | STATE_CS_SS))
        flags |= state_settle(vcpu, vmcb,
                              groups & STATE_EFER ? GUEST_READ(page->efer) : vcpu->more[MORE_EFER],
                              groups & STATE_CS_SS);
    if (groups & STATE_INTERRUPTS)
        flags |= interrupts_set(vcpu, vmcb, page);
    if (groups & STATE_INJECTION)
        vmcb->event = 0;
    if (groups & STATE_WINDOWS)
        flags |= guest_windows(GUEST_READ(page->windows));
    vcpu->flags = flags;
    if (groups & STATE_TPR && threshold_set(vcpu, vmcb, page))
        rest |= STATE_TPR;
    if (groups & STATE_CONTROLS && controls_set(vcpu, page))
        rest |= STATE_CONTROLS;
    if (UNLIKELY((old ^ flags) & (SVM_INTERRUPT | SVM_NMI_BLOCKED)))
        rest |= STATE_WINDOWS;
    if (rest)
        rest_set(vcpu, rest);
}

static __attribute__((noinline)) void some_set(struct vcpu *vcpu, uint32_t groups)
{
    groups_set(vcpu, groups);
}

static __attribute__((noinline)) void most_set(struct vcpu *vcpu, uint32_t groups)
{
    const uint32_t all = STATE_MOST | STATE_RFLAGS | STATE_RSP;

    if (all & ~groups)
        some_set(vcpu, groups);
    else
        groups_set(vcpu, all | (groups & STATE_XSAVE));
}

void svm_set(struct vcpu *vcpu, uint32_t groups)
{
    struct vmcb *vmcb = svm_vmcb(vcpu);

    vcpu->flags &= ~SVM_STEP_OVER; /* the guest is elsewhere, perhaps */
    if (groups & STATE_RIP) {
        vmcb->rip = GUEST_READ(vcpu->page->rip);
        vmcb->shadow = 0;
    }
    if (groups & ~STATE_RIP)
        most_set(vcpu, groups);
}
