/*
 * The guest's state: groups of it (STATE_*) from the VMCS to the page and back. What is written is
 * made harmless (guest_state.h); what does not go together the CPU refuses at the entry.
 *
 * Each direction is one straight function: groups cost a test, fields the instructions that move
 * them. What the CPU writes wider than a field (vmcs_read_to) goes over what is written next.
 */
#include "vmx.h"

#define INLINE static inline __attribute__((always_inline))

#define HAS(group) __builtin_expect(groups &(group), true) /* no jump where it is named */
#define SELDOM     __asm__ volatile("") /* in a branch: it is one, instead of always a few more */

#define RIGHTS_UNUSABLE (1u << 16)

#define DEBUG_B0_B3   0xfu
#define DEBUG_ENABLED (1u << 12) /* SDM 3C, table 24-4: one of them is on in DR7 */

/* Attributes have bits 15:12 of the access rights in 11:8, and no bit for unusable (24.4.1). */
INLINE void segment_get(struct vcpu_segment *to, enum vmcs_segment i)
{
    vmcs_read_to(VMCS_GUEST_ES + i * VMCS_NEXT, &to->selector);
    vmcs_read_to(VMCS_GUEST_ES_LIMIT + i * VMCS_NEXT, &to->limit);
    vmcs_read_to(VMCS_GUEST_ES_BASE + i * VMCS_NEXT, &to->base);
    uint32_t rights = (uint32_t)vmcs_read(VMCS_GUEST_ES_RIGHTS + i * VMCS_NEXT);
    if (rights & RIGHTS_UNUSABLE) {
        SELDOM;
        rights &= 0xffff & ~SEGMENT_PRESENT;
    }
    ((uint8_t *)&to->attributes)[0] = (uint8_t)rights;
    ((uint8_t *)&to->attributes)[1] = (uint8_t)(rights >> 12);
}

INLINE void segment_set(const struct vcpu_segment *from, enum vmcs_segment i)
{
    const uint8_t *attributes = (const uint8_t *)&from->attributes;
    uint32_t rights = (uint16_t)(GUEST_READ(attributes[1]) << 12) | GUEST_READ(attributes[0]);

    if (!(rights & SEGMENT_PRESENT)) {
        SELDOM;
        rights |= RIGHTS_UNUSABLE;
    }
    vmcs_write(VMCS_GUEST_ES_RIGHTS + i * VMCS_NEXT, rights);
    vmcs_write_from(VMCS_GUEST_ES + i * VMCS_NEXT, &from->selector);
    vmcs_write_from(VMCS_GUEST_ES_LIMIT + i * VMCS_NEXT, &from->limit);
    vmcs_write(VMCS_GUEST_ES_BASE + i * VMCS_NEXT, guest_canonical(GUEST_READ(from->base)));
}

/* The page has them in this order: es, cs, ss, ds, fs, gs, gdtr, ldtr, idtr, tr. */
#define PLACE(segment) ((segment) < SEG_LDTR ? (segment) : 2 * (segment)-5)

INLINE void segments_get(struct vcpu_state *page, enum vmcs_segment i, enum vmcs_segment k)
{
    segment_get(&page->es + PLACE(i), i);
    segment_get(&page->es + PLACE(k), k);
}

INLINE void segments_set(const struct vcpu_state *page, enum vmcs_segment i, enum vmcs_segment k)
{
    segment_set(&page->es + PLACE(i), i);
    segment_set(&page->es + PLACE(k), k);
}

/* Paging of 32 bits by PAE: the CPU has the four entries that CR3 points to. */
INLINE bool uses_pdptes(const struct vcpu *vcpu, uint64_t cr4)
{
    return vcpu->more[MORE_CR0] & CR0_PG && cr4 & CR4_PAE && !(vcpu->more[MORE_EFER] & EFER_LMA);
}

INLINE void cr_get(struct vcpu *vcpu, struct vcpu_state *page)
{
    uint64_t cr4_free = vmx_cr4_free();
    uint64_t cr4 = (vmcs_read(VMCS_GUEST_CR4) & cr4_free) | (vcpu->more[MORE_CR4] & ~cr4_free);

    page->cr0 = (vmcs_read(VMCS_GUEST_CR0) & CR0_FREE) | (vcpu->more[MORE_CR0] & ~CR0_FREE);
    page->cr2 = vcpu->own.cr2;
    vmcs_read_to(VMCS_GUEST_CR3, &page->cr3);
    page->cr4 = cr4;
    if (uses_pdptes(vcpu, cr4))
        for (unsigned i = 0; i < 4; i++)
            vmcs_read_to(VMCS_GUEST_PDPTE + i * VMCS_NEXT, &page->pdpte[i]);
}

INLINE void efer_set(const struct vmx_controls *c, struct vcpu *vcpu, uint64_t value)
{
    uint64_t efer = guest_efer(value, vcpu->more[MORE_CR0]);

    if (efer == vcpu->more[MORE_EFER])
        return;
    vcpu->more[MORE_EFER] = efer;
    vmcs_write(VMCS_GUEST_EFER, efer);
    vmcs_write(VMCS_ENTRY_CONTROLS, c->entry | (efer & EFER_LMA ? ENTRY_LONG_MODE : 0));
}

/*
 * What the guest's own MOV to CR would do is done: the CPU forgets what it has of the guest's page
 * tables. So this is also the way in which an INVLPG that was an exit is carried out.
 */
INLINE void paging_set(const struct vmx_controls *c, struct vcpu *vcpu,
                       const struct vcpu_state *page, uint32_t groups)
{
    uint64_t efer = vcpu->more[MORE_EFER];

    if (HAS(STATE_EFER))
        efer = GUEST_READ(page->efer);
    if (HAS(STATE_CR)) {
        uint64_t cr0 = guest_cr0(GUEST_READ(page->cr0)), cr4 = guest_cr4(GUEST_READ(page->cr4));
        vcpu->more[MORE_CR0] = cr0;
        vcpu->more[MORE_CR4] = cr4;
        vmcs_write(VMCS_CR0_SHADOW, cr0);
        vmcs_write(VMCS_CR4_SHADOW, cr4);
        vmcs_write(VMCS_GUEST_CR0, (cr0 & ~(CR0_CD | CR0_NW)) | c->cr0_set);
        vmcs_write(VMCS_GUEST_CR4, cr4 | c->cr4_set);
        vmcs_write_from(VMCS_GUEST_CR3, &page->cr3);
        vcpu->own.cr2 = GUEST_READ(page->cr2);
    }
    efer_set(c, vcpu, efer);
    if (groups & STATE_CR && uses_pdptes(vcpu, vcpu->more[MORE_CR4]))
        for (unsigned i = 0; i < 4; i++)
            vmcs_write_from(VMCS_GUEST_PDPTE + i * VMCS_NEXT, &page->pdpte[i]);
    if (vcpu->more[MORE_VPID])
        invvpid(INVALIDATE_CONTEXT, &vcpu->more[MORE_VPID]);
}

INLINE void tpr_set(struct vcpu *vcpu, const struct vcpu_state *page)
{
    uint32_t threshold = guest_tpr(GUEST_READ(page->tpr_threshold));

    *vmx_tpr(vcpu) = guest_tpr(GUEST_READ(page->cr8)) << 4;
    if (threshold == vcpu->more[MORE_THRESHOLD])
        return;
    vcpu->more[MORE_THRESHOLD] = threshold;
    vcpu->flags = threshold ? vcpu->flags | VMX_TPR : vcpu->flags & ~VMX_TPR;
    vmcs_write(VMCS_TPR_THRESHOLD, 0); /* what it is otherwise depends on CR8 */
}

INLINE void syscall_get(const struct vcpu *vcpu, struct vcpu_state *page)
{
    page->star = vcpu->own.syscall[0].value;
    page->lstar = vcpu->own.syscall[1].value;
    page->sfmask = vcpu->own.syscall[2].value;
    page->cstar = msr_read(MSR_CSTAR); /* these stay in the CPU (vmx.c) */
    page->kernel_gs_base = msr_read(MSR_KERNEL_GS_BASE);
}

INLINE void msr_change(uint32_t msr, uint64_t value)
{
    if (msr_read(msr) != value)
        msr_write(msr, value);
}

INLINE void syscall_set(struct vcpu *vcpu, const struct vcpu_state *page)
{
    vcpu->own.syscall[0].value = GUEST_READ(page->star);
    vcpu->own.syscall[1].value = guest_canonical(GUEST_READ(page->lstar));
    vcpu->own.syscall[2].value = (uint32_t)GUEST_READ(page->sfmask);
    msr_change(MSR_CSTAR, guest_canonical(GUEST_READ(page->cstar)));
    msr_change(MSR_KERNEL_GS_BASE, guest_canonical(GUEST_READ(page->kernel_gs_base)));
}

/* None once it was delivered; what does not go with it is 0 on the page. */
INLINE void injection_get(struct vcpu_state *page)
{
    uint32_t event = (uint32_t)vmcs_read(VMCS_ENTRY_EVENT);
    bool valid = event & EVENT_VALID;

    page->injection = (struct vcpu_event){0, 0};
    page->injection_length = 0;
    if (__builtin_expect(!valid, true))
        return;
    page->injection.info = event;
    if (event & EVENT_ERROR)
        page->injection.error = (uint32_t)vmcs_read(VMCS_ENTRY_ERROR);
    if ((event & EVENT_TYPE) >= EVENT_INT)
        page->injection_length = (uint32_t)vmcs_read(VMCS_ENTRY_LENGTH);
}

INLINE void injection_set(const struct vcpu *vcpu, const struct vcpu_state *page)
{
    uint32_t info = GUEST_READ(page->injection.info);

    if (!(info & EVENT_VALID)) {
        vmcs_write(VMCS_ENTRY_EVENT, 0);
        return;
    }
    struct guest_event event =
        guest_event(info, GUEST_READ(page->injection.error), GUEST_READ(page->injection_length),
                    vcpu->more[MORE_CR0]);
    vmcs_write(VMCS_ENTRY_EVENT, event.info);
    vmcs_write(VMCS_ENTRY_ERROR, event.error); /* 0 unless there is one; so is the length */
    vmcs_write(VMCS_ENTRY_LENGTH, event.length);
}

INLINE void interrupts_set(const struct vcpu_state *page)
{
    uint64_t debug = guest_pending_debug(GUEST_READ(page->pending_debug));

    vmcs_write(VMCS_INTERRUPTIBILITY, guest_shadow(GUEST_READ(page->shadow)));
    vmcs_write(VMCS_PENDING_DEBUG, debug & DEBUG_B0_B3 ? debug | DEBUG_ENABLED : debug);
}

void vmx_proc_update(struct cpu *cpu, struct vcpu *vcpu)
{
    uint64_t windows = vcpu->more[MORE_WINDOWS], intercepts = vcpu->more[MORE_CONTROLS] >> 32;

    vmcs_write(VMCS_PROC_CONTROLS, vmx_cpu(cpu)->controls.proc |
                                       (windows & WINDOW_INTERRUPT ? PROC_INTERRUPT_WINDOW : 0) |
                                       (windows & WINDOW_NMI ? PROC_NMI_WINDOW : 0) |
                                       (intercepts & INTERCEPT_PAUSE ? PROC_PAUSE : 0) |
                                       (intercepts & INTERCEPT_TSC ? PROC_RDTSC : 0) |
                                       (intercepts & INTERCEPT_INVLPG ? PROC_INVLPG : 0));
}

static __attribute__((noinline, cold)) void controls_change(struct cpu *cpu, struct vcpu *vcpu,
                                                            uint64_t controls, uint32_t windows)
{
    uint32_t exceptions = guest_exceptions((uint32_t)controls);

    vcpu->more[MORE_CONTROLS] =
        (uint64_t)guest_intercepts((uint32_t)(controls >> 32)) << 32 | exceptions;
    vcpu->more[MORE_WINDOWS] = guest_windows(windows);
    vmcs_write(VMCS_EXCEPTIONS, exceptions | EXCEPTIONS_ALWAYS);
    vmx_proc_update(cpu, vcpu);
}

/* Exceptions, and intercepts above them, as they stand in the page. */
#define CONTROLS(page) (*(uint64_t *)&(page)->exceptions)
_Static_assert(offsetof(struct vcpu_state, exceptions) % 8 == 0 &&
                   offsetof(struct vcpu_state, intercepts) ==
                       offsetof(struct vcpu_state, exceptions) + 4,
               "one word");

INLINE void controls_set(struct cpu *cpu, struct vcpu *vcpu, struct vcpu_state *page,
                         uint32_t groups)
{
    uint64_t controls = vcpu->more[MORE_CONTROLS];
    uint32_t windows = (uint32_t)vcpu->more[MORE_WINDOWS];

    if (HAS(STATE_WINDOWS))
        windows = GUEST_READ(page->windows);
    if (HAS(STATE_CONTROLS))
        controls = GUEST_READ(CONTROLS(page));
    if (windows != vcpu->more[MORE_WINDOWS] || controls != vcpu->more[MORE_CONTROLS])
        controls_change(cpu, vcpu, controls, windows);
}

/* The CPU's ratio has 48 bits after the point, that of the page 32. */
INLINE void tsc_set(const struct vcpu_state *page)
{
    uint64_t ratio = GUEST_READ(page->tsc_ratio) << 16;

    vmcs_write_from(VMCS_TSC_OFFSET, &page->tsc_offset);
    if (guest_limits.features & GUEST_TSC_RATIO)
        vmcs_write(VMCS_TSC_MULTIPLIER, ratio ? ratio : 1ull << 48);
}

static __attribute__((noinline)) void groups_get(struct vcpu *vcpu, uint32_t groups)
{
    struct vcpu_state *page = vcpu->page;

    if (HAS(STATE_RIP))
        vmcs_read_to(VMCS_GUEST_RIP, &page->rip);
    if (HAS(STATE_RFLAGS))
        vmcs_read_to(VMCS_GUEST_RFLAGS, &page->rflags);
    if (HAS(STATE_RSP))
        vmcs_read_to(VMCS_GUEST_RSP, &page->rsp);
    if (HAS(STATE_CS_SS))
        segments_get(page, SEG_CS, SEG_SS);
    if (HAS(STATE_DS_ES))
        segments_get(page, SEG_DS, SEG_ES);
    if (HAS(STATE_FS_GS))
        segments_get(page, SEG_FS, SEG_GS);
    if (HAS(STATE_LDTR_TR))
        segments_get(page, SEG_LDTR, SEG_TR);
    if (HAS(STATE_GDTR_IDTR)) {
        vmcs_read_to(VMCS_GUEST_GDTR_LIMIT, &page->gdtr.limit);
        vmcs_read_to(VMCS_GUEST_GDTR_BASE, &page->gdtr.base);
        vmcs_read_to(VMCS_GUEST_IDTR_LIMIT, &page->idtr.limit);
        vmcs_read_to(VMCS_GUEST_IDTR_BASE, &page->idtr.base);
    }
    if (HAS(STATE_CR))
        cr_get(vcpu, page);
    if (HAS(STATE_TPR)) {
        page->cr8 = *vmx_tpr(vcpu) >> 4;
        page->tpr_threshold = (uint32_t)vcpu->more[MORE_THRESHOLD];
    }
    if (HAS(STATE_EFER))
        page->efer = vcpu->more[MORE_EFER];
    if (HAS(STATE_DR))
        vmcs_read_to(VMCS_GUEST_DR7, &page->dr7);
    if (HAS(STATE_SYSENTER)) {
        vmcs_read_to(VMCS_GUEST_SYSENTER_CS, &page->sysenter_cs);
        vmcs_read_to(VMCS_GUEST_SYSENTER_ESP, &page->sysenter_esp);
        vmcs_read_to(VMCS_GUEST_SYSENTER_EIP, &page->sysenter_eip);
    }
    if (HAS(STATE_SYSCALL))
        syscall_get(vcpu, page);
    if (HAS(STATE_PAT))
        vmcs_read_to(VMCS_GUEST_PAT, &page->pat);
    if (HAS(STATE_INJECTION))
        injection_get(page);
    if (HAS(STATE_INTERRUPTS)) {
        page->shadow = guest_shadow((uint32_t)vmcs_read(VMCS_INTERRUPTIBILITY));
        page->pending_debug = guest_pending_debug(vmcs_read(VMCS_PENDING_DEBUG));
    }
    if (HAS(STATE_WINDOWS))
        page->windows = (uint32_t)vcpu->more[MORE_WINDOWS];
    if (HAS(STATE_CONTROLS))
        CONTROLS(page) = vcpu->more[MORE_CONTROLS];
    if (HAS(STATE_TSC)) {
        vmcs_read_to(VMCS_TSC_OFFSET, &page->tsc_offset);
        if (guest_limits.features & GUEST_TSC_RATIO)
            page->tsc_ratio = vmcs_read(VMCS_TSC_MULTIPLIER) >> 16;
    }
}

static __attribute__((noinline, cold)) void load_and_get(struct vcpu *vcpu, uint32_t groups)
{
    vmx_load(cpu_this(), vcpu);
    groups_get(vcpu, groups);
}

void vmx_get(struct vcpu *vcpu, uint32_t groups)
{
    guest_get_common(vcpu, groups);
    if (cpu_this()->guest.loaded != vcpu)
        load_and_get(vcpu, groups);
    else
        groups_get(vcpu, groups);
}

/* What the guest has of its own in registers that the kernel needs too (vmx.h). */
INLINE void own_set(const struct cpu *cpu, struct vcpu *vcpu)
{
    enum syscall_switch how = vcpu->msrs & MSR_PASS_SYSCALL      ? SYSCALL_STORE
                              : vcpu->more[MORE_EFER] & EFER_SCE ? SYSCALL_LOAD
                                                                 : SYSCALL_NONE;

    vcpu->flags &= ~VMX_XCR0;
    if (vcpu->more[MORE_CR4] & CR4_OSXSAVE && vcpu->own.xcr0 != vmx_cpu(cpu)->xcr0)
        vcpu->flags |= VMX_XCR0;
    if (how == vcpu->more[MORE_SYSCALL])
        return;
    vcpu->more[MORE_SYSCALL] = how;
    vmcs_write(VMCS_ENTRY_LOADS, how == SYSCALL_NONE ? 0 : SYSCALL_MSRS);
    vmcs_write(VMCS_EXIT_LOADS, how == SYSCALL_NONE ? 0 : SYSCALL_MSRS);
    vmcs_write(VMCS_EXIT_STORES, how == SYSCALL_STORE ? SYSCALL_MSRS : 0);
}

/* The guest has gone on, so a shadow ends. */
INLINE void rip_set(const struct vcpu_state *page)
{
    uint64_t shadow = vmcs_read(VMCS_INTERRUPTIBILITY);

    vmcs_write_from(VMCS_GUEST_RIP, &page->rip);
    if (shadow & INTERRUPTIBILITY_SHADOW)
        vmcs_write(VMCS_INTERRUPTIBILITY, shadow & ~(uint64_t)INTERRUPTIBILITY_SHADOW);
}

/* Paging before what looks at CR0. */
static __attribute__((noinline)) void groups_set(struct vcpu *vcpu, uint32_t groups)
{
    struct vcpu_state *page = vcpu->page;
    struct cpu *cpu = cpu_this();

    if (HAS(STATE_RIP))
        rip_set(page);
    if (HAS(STATE_CR | STATE_EFER))
        paging_set(&vmx_cpu(cpu)->controls, vcpu, page, groups);
    if (HAS(STATE_RFLAGS))
        vmcs_write(VMCS_GUEST_RFLAGS, guest_rflags(GUEST_READ(page->rflags)));
    if (HAS(STATE_RSP))
        vmcs_write_from(VMCS_GUEST_RSP, &page->rsp);
    if (HAS(STATE_CS_SS))
        segments_set(page, SEG_CS, SEG_SS);
    if (HAS(STATE_DS_ES))
        segments_set(page, SEG_DS, SEG_ES);
    if (HAS(STATE_FS_GS))
        segments_set(page, SEG_FS, SEG_GS);
    if (HAS(STATE_LDTR_TR))
        segments_set(page, SEG_LDTR, SEG_TR);
    if (HAS(STATE_GDTR_IDTR)) {
        vmcs_write(VMCS_GUEST_GDTR_LIMIT, guest_table_limit(GUEST_READ(page->gdtr.limit)));
        vmcs_write(VMCS_GUEST_GDTR_BASE, guest_canonical(GUEST_READ(page->gdtr.base)));
        vmcs_write(VMCS_GUEST_IDTR_LIMIT, guest_table_limit(GUEST_READ(page->idtr.limit)));
        vmcs_write(VMCS_GUEST_IDTR_BASE, guest_canonical(GUEST_READ(page->idtr.base)));
    }
    if (HAS(STATE_TPR))
        tpr_set(vcpu, page);
    if (HAS(STATE_DR))
        vmcs_write(VMCS_GUEST_DR7, guest_dr7(GUEST_READ(page->dr7)));
    if (HAS(STATE_SYSENTER)) {
        vmcs_write_from(VMCS_GUEST_SYSENTER_CS, &page->sysenter_cs);
        vmcs_write(VMCS_GUEST_SYSENTER_ESP, guest_canonical(GUEST_READ(page->sysenter_esp)));
        vmcs_write(VMCS_GUEST_SYSENTER_EIP, guest_canonical(GUEST_READ(page->sysenter_eip)));
    }
    if (HAS(STATE_SYSCALL))
        syscall_set(vcpu, page);
    if (HAS(STATE_PAT)) {
        uint64_t pat = GUEST_READ(page->pat);
        if (pat != vmcs_read(VMCS_GUEST_PAT)) /* which is one that can be */
            vmcs_write(VMCS_GUEST_PAT, guest_pat(pat));
    }
    if (HAS(STATE_INJECTION))
        injection_set(vcpu, page);
    if (HAS(STATE_INTERRUPTS))
        interrupts_set(page);
    if (HAS(STATE_TSC))
        tsc_set(page);
    if (HAS(STATE_CR | STATE_EFER | STATE_CONTROLS | STATE_XSAVE))
        own_set(cpu, vcpu);
    if (HAS(STATE_WINDOWS | STATE_CONTROLS))
        controls_set(cpu, vcpu, page, groups);
}

static __attribute__((noinline, cold)) void load_and_set(struct vcpu *vcpu, uint32_t groups)
{
    vmx_load(cpu_this(), vcpu);
    groups_set(vcpu, groups);
}

void vmx_set(struct vcpu *vcpu, uint32_t groups)
{
    if (groups & ~STATE_RIP)
        guest_set_common(vcpu, groups);
    if (cpu_this()->guest.loaded != vcpu)
        load_and_set(vcpu, groups);
    else if (groups == STATE_RIP)
        rip_set(vcpu->page);
    else
        groups_set(vcpu, groups);
}
