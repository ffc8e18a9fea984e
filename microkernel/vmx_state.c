/*
 * The guest's state: groups of it (STATE_*) from the VMCS to the page and back. What is written is
 * made harmless (guest_state.h); what does not go together the CPU refuses at the entry.
 *
 * A monitor that takes all of it mostly leaves most as it is. So what it was shown is kept, and
 * what is the same when it comes back is not written: that comparison is all that is made for speed
 * here.
 *
 * What the CPU writes wider than a field (vmcs_read_to) goes over what is written next.
 */
#include "vmx.h"

#include "xsave_image.h"

/* Where the page has STATE_MOST. */
#define SHOWN_BYTES (offsetof(struct vcpu_state, xcr0) - offsetof(struct vcpu_state, injection))

#define RIGHTS_UNUSABLE (1u << 16)

#define DEBUG_B0_B3   0xfu
#define DEBUG_ENABLED (1u << 12) /* SDM 3C, table 24-4: one of them is on in DR7 */

/*
 * In the order of the VMCS, groups and the places in the page: ES, CS, SS, DS, FS, GS, LDTR, TR;
 * and GDTR, IDTR, which have a base and a limit.
 */
#define SEGMENTS 8u
#define TABLES   2u
static const struct {
    uint32_t group, place;
} segments[SEGMENTS + TABLES] = {
    {STATE_DS_ES, 0},     {STATE_CS_SS, 1},     {STATE_CS_SS, 2},   {STATE_DS_ES, 3},
    {STATE_FS_GS, 4},     {STATE_FS_GS, 5},     {STATE_LDTR_TR, 7}, {STATE_LDTR_TR, 9},
    {STATE_GDTR_IDTR, 6}, {STATE_GDTR_IDTR, 8},
};

/* Attributes have bits 15:12 of the access rights in 11:8, and no bit for unusable (24.4.1). */
static void segments_get(struct vcpu_state *to, uint32_t groups)
{
    for (uint32_t i = 0; i < SEGMENTS + TABLES; i++) {
        struct vcpu_segment *segment = &to->es + segments[i].place;
        if (!(groups & segments[i].group))
            continue;
        if (i < SEGMENTS)
            vmcs_read_to(VMCS_GUEST_ES + i * VMCS_NEXT, &segment->selector);
        vmcs_read_to(VMCS_GUEST_ES_LIMIT + i * VMCS_NEXT, &segment->limit);
        vmcs_read_to(VMCS_GUEST_ES_BASE + i * VMCS_NEXT, &segment->base);
        if (i >= SEGMENTS)
            continue;
        uint32_t rights = (uint32_t)vmcs_read(VMCS_GUEST_ES_RIGHTS + i * VMCS_NEXT);
        if (rights & RIGHTS_UNUSABLE)
            rights &= 0xffff & ~SEGMENT_PRESENT;
        ((uint8_t *)&segment->attributes)[0] = (uint8_t)rights;
        ((uint8_t *)&segment->attributes)[1] = (uint8_t)(rights >> 12);
    }
}

static void segments_set(const struct vcpu_state *from, uint32_t groups)
{
    for (uint32_t i = 0; i < SEGMENTS + TABLES; i++) {
        if (!(groups & segments[i].group))
            continue;
        const struct vcpu_segment *segment = &from->es + segments[i].place;
        uint32_t attributes = GUEST_READ(segment->attributes);
        uint32_t rights = (attributes & 0xff) | (attributes & 0xf00) << 4;
        vmcs_write(VMCS_GUEST_ES_BASE + i * VMCS_NEXT, guest_canonical(GUEST_READ(segment->base)));
        vmcs_write(VMCS_GUEST_ES_LIMIT + i * VMCS_NEXT,
                   GUEST_READ(segment->limit) & (i < SEGMENTS ? UINT32_MAX : 0xffff));
        if (i >= SEGMENTS)
            continue;
        vmcs_write(VMCS_GUEST_ES + i * VMCS_NEXT, GUEST_READ(segment->selector));
        vmcs_write(VMCS_GUEST_ES_RIGHTS + i * VMCS_NEXT,
                   rights & SEGMENT_PRESENT ? rights : rights | RIGHTS_UNUSABLE);
    }
}

/* Paging of 32 bits by PAE: the CPU has the four entries that CR3 points to. */
static inline bool uses_pdptes(const struct vcpu *vcpu, uint64_t cr4)
{
    return vcpu->more[MORE_CR0] & CR0_PG && cr4 & CR4_PAE && !(vcpu->more[MORE_EFER] & EFER_LMA);
}

static inline void cr_get(const struct vcpu *vcpu, struct vcpu_state *page)
{
    uint64_t cr4 = (vmcs_read(VMCS_GUEST_CR4) & CR4_FREE) | (vcpu->more[MORE_CR4] & ~CR4_FREE);

    page->cr0 = (vmcs_read(VMCS_GUEST_CR0) & CR0_FREE) | (vcpu->more[MORE_CR0] & ~CR0_FREE);
    page->cr2 = vcpu->own.cr2;
    vmcs_read_to(VMCS_GUEST_CR3, &page->cr3);
    page->cr4 = cr4;
    if (uses_pdptes(vcpu, cr4))
        for (unsigned i = 0; i < 4; i++)
            vmcs_read_to(VMCS_GUEST_PDPTE + i * VMCS_NEXT, &page->pdpte[i]);
}

/* The CPU forgets what it has of the guest's page tables. */
static void translations_forget(const struct vcpu *vcpu)
{
    if (vcpu->more[MORE_VPID])
        invvpid(INVALIDATE_CONTEXT, vcpu->more[MORE_VPID]);
}

/*
 * What the guest's own MOV to CR would do is done. So this is also the way in which an INVLPG that
 * was an exit is carried out.
 */
static void paging_set(struct vcpu *vcpu, const struct vcpu_state *page, uint32_t groups)
{
    const struct vmx_controls *c = &boot_handoff.guest.vmx;
    uint64_t efer = groups & STATE_EFER ? GUEST_READ(page->efer) : vcpu->more[MORE_EFER];

    if (groups & STATE_CR) {
        uint64_t cr0 = guest_cr0(GUEST_READ(page->cr0)), cr4 = guest_cr4(GUEST_READ(page->cr4));
        vcpu->more[MORE_CR0] = cr0;
        vcpu->more[MORE_CR4] = cr4;
        vmcs_write(VMCS_CR0_SHADOW, cr0);
        vmcs_write(VMCS_CR4_SHADOW, cr4);
        vmcs_write(VMCS_GUEST_CR0, (cr0 & ~(CR0_CD | CR0_NW)) | c->cr0_set);
        vmcs_write(VMCS_GUEST_CR4, cr4 | c->cr4_set);
        vmcs_write(VMCS_GUEST_CR3, GUEST_READ(page->cr3));
        vcpu->own.cr2 = GUEST_READ(page->cr2);
    }
    efer = guest_efer(efer, vcpu->more[MORE_CR0]);
    vcpu->more[MORE_EFER] = efer;
    vmcs_write(VMCS_GUEST_EFER, efer);
    vmcs_write(VMCS_ENTRY_CONTROLS, c->entry | (efer & EFER_LMA ? ENTRY_LONG_MODE : 0));
    if (groups & STATE_CR && uses_pdptes(vcpu, vcpu->more[MORE_CR4]))
        for (unsigned i = 0; i < 4; i++)
            vmcs_write(VMCS_GUEST_PDPTE + i * VMCS_NEXT, GUEST_READ(page->pdpte[i]));
    translations_forget(vcpu);
}

static inline void tpr_set(struct vcpu *vcpu, const struct vcpu_state *page)
{
    uint32_t threshold = GUEST_READ(page->tpr_threshold) & 15;

    *vmx_tpr(vcpu) = (uint32_t)GUEST_READ(page->cr8) << 4 & 0xf0;
    vcpu->more[MORE_THRESHOLD] = threshold;
    vcpu->flags = threshold ? vcpu->flags | VMX_TPR : vcpu->flags & ~VMX_TPR;
    vmcs_write(VMCS_TPR_THRESHOLD, 0); /* what it is otherwise depends on CR8 */
}

static inline void syscall_get(const struct vcpu *vcpu, struct vcpu_state *page)
{
    page->star = vcpu->own.syscall[0].value;
    page->lstar = vcpu->own.syscall[1].value;
    page->sfmask = vcpu->own.syscall[2].value;
    page->cstar = msr_read(MSR_CSTAR); /* these stay in the CPU (vmx.c) */
    page->kernel_gs_base = msr_read(MSR_KERNEL_GS_BASE);
}

static inline void syscall_set(struct vcpu *vcpu, const struct vcpu_state *page)
{
    vcpu->own.syscall[0].value = GUEST_READ(page->star);
    vcpu->own.syscall[1].value = guest_canonical(GUEST_READ(page->lstar));
    vcpu->own.syscall[2].value = (uint32_t)GUEST_READ(page->sfmask);
    msr_write(MSR_CSTAR, guest_canonical(GUEST_READ(page->cstar)));
    msr_write(MSR_KERNEL_GS_BASE, guest_canonical(GUEST_READ(page->kernel_gs_base)));
}

/* None once it was delivered; what does not go with it is 0. */
static inline void injection_get(struct vcpu_state *page)
{
    uint32_t event = (uint32_t)vmcs_read(VMCS_ENTRY_EVENT);
    bool valid = event & EVENT_VALID;

    page->injection.info = valid ? event : 0;
    page->injection.error = valid ? (uint32_t)vmcs_read(VMCS_ENTRY_ERROR) : 0;
    page->injection_length = valid ? (uint32_t)vmcs_read(VMCS_ENTRY_LENGTH) : 0;
}

static inline void injection_set(const struct vcpu *vcpu, const struct vcpu_state *page)
{
    struct guest_event event =
        guest_event(GUEST_READ(page->injection.info), GUEST_READ(page->injection.error),
                    GUEST_READ(page->injection_length), vcpu->more[MORE_CR0]);

    vmcs_write(VMCS_ENTRY_EVENT, event.info);
    vmcs_write(VMCS_ENTRY_ERROR, event.error); /* 0 unless there is one; so is the length */
    vmcs_write(VMCS_ENTRY_LENGTH, event.length);
}

void vmx_proc_update(struct vcpu *vcpu)
{
    uint64_t windows = vcpu->more[MORE_WINDOWS], intercepts = vcpu->more[MORE_CONTROLS] >> 32;

    vmcs_write(VMCS_PROC_CONTROLS, boot_handoff.guest.vmx.proc |
                                       (windows & WINDOW_INTERRUPT ? PROC_INTERRUPT_WINDOW : 0) |
                                       (windows & WINDOW_NMI ? PROC_NMI_WINDOW : 0) |
                                       (intercepts & INTERCEPT_PAUSE ? PROC_PAUSE : 0) |
                                       (intercepts & INTERCEPT_TSC ? PROC_RDTSC : 0) |
                                       (intercepts & INTERCEPT_INVLPG ? PROC_INVLPG : 0));
}

static void controls_set(struct vcpu *vcpu, const struct vcpu_state *page, uint32_t groups)
{
    if (groups & STATE_WINDOWS)
        vcpu->more[MORE_WINDOWS] = GUEST_READ(page->windows) & (WINDOW_INTERRUPT | WINDOW_NMI);
    if (groups & STATE_CONTROLS) {
        vcpu->more[MORE_CONTROLS] = guest_controls(GUEST_READ(CONTROLS(page)));
        vmcs_write(VMCS_EXCEPTIONS, (uint32_t)vcpu->more[MORE_CONTROLS] | EXCEPTIONS_ALWAYS);
    }
    vmx_proc_update(vcpu);
}

/* The CPU's ratio has 48 bits after the point, that of the page 32. */
static inline void tsc_set(const struct vcpu_state *page)
{
    uint64_t ratio = GUEST_READ(page->tsc_ratio) << 16;

    vmcs_write(VMCS_TSC_OFFSET, GUEST_READ(page->tsc_offset));
    vmcs_write(VMCS_TSC_MULTIPLIER, ratio ? ratio : 1ull << 48); /* refused where there is none */
}

static void groups_get(struct vcpu *vcpu, struct vcpu_state *to, uint32_t groups)
{
    guest_common_get(vcpu, to, groups);
    if (groups & STATE_SEGMENTS)
        segments_get(to, groups);
    if (groups & STATE_CR)
        cr_get(vcpu, to);
    if (groups & STATE_TPR) {
        to->cr8 = *vmx_tpr(vcpu) >> 4;
        to->tpr_threshold = (uint32_t)vcpu->more[MORE_THRESHOLD];
    }
    if (groups & STATE_EFER)
        to->efer = vcpu->more[MORE_EFER];
    if (groups & STATE_DR) {
        to->dr6 = cpu_this()->guest.debug == vcpu ? dr6_read() : vcpu->own.dr6;
        vmcs_read_to(VMCS_GUEST_DR7, &to->dr7);
    }
    if (groups & STATE_SYSENTER) {
        vmcs_read_to(VMCS_GUEST_SYSENTER_CS, &to->sysenter_cs);
        vmcs_read_to(VMCS_GUEST_SYSENTER_ESP, &to->sysenter_esp);
        vmcs_read_to(VMCS_GUEST_SYSENTER_EIP, &to->sysenter_eip);
    }
    if (groups & STATE_SYSCALL)
        syscall_get(vcpu, to);
    if (groups & STATE_PAT)
        vmcs_read_to(VMCS_GUEST_PAT, &to->pat);
    if (groups & STATE_INJECTION)
        injection_get(to);
    if (groups & STATE_INTERRUPTS) {
        to->shadow = guest_shadow((uint32_t)vmcs_read(VMCS_INTERRUPTIBILITY));
        to->pending_debug = guest_pending_debug(vmcs_read(VMCS_PENDING_DEBUG));
    }
    if (groups & STATE_WINDOWS)
        to->windows = (uint32_t)vcpu->more[MORE_WINDOWS];
    if (groups & STATE_CONTROLS)
        CONTROLS(to) = vcpu->more[MORE_CONTROLS];
    if (groups & STATE_TSC) {
        vmcs_read_to(VMCS_TSC_OFFSET, &to->tsc_offset);
        if (boot_handoff.guest.limits.features & GUEST_TSC_RATIO)
            to->tsc_ratio = vmcs_read(VMCS_TSC_MULTIPLIER) >> 16;
    }
}

/* Most of it goes to the copy first, which nobody else writes. */
void vmx_get(struct vcpu *vcpu, uint32_t groups)
{
    struct vcpu_state *page = vcpu->page, *told = &vcpu->told;
    bool most = !(STATE_MOST & ~groups);

    if (cpu_this()->guest.loaded != vcpu)
        vmx_load(cpu_this(), vcpu);
    if (groups & STATE_RIP)
        vmcs_read_to(VMCS_GUEST_RIP, &page->rip);
    if (groups & STATE_RFLAGS)
        vmcs_read_to(VMCS_GUEST_RFLAGS, &page->rflags);
    if (groups & STATE_RSP)
        vmcs_read_to(VMCS_GUEST_RSP, &page->rsp);
    groups_get(vcpu, most ? told : page, groups);
    if (most) {
        xsave_words_copy(&page->injection, &told->injection, SHOWN_BYTES);
        vcpu->flags |= VMX_SHOWN;
    }
}

/* Is the page what was shown, and the guest what it was then? */
static bool unchanged(const struct vcpu *vcpu)
{
    const void *page = &vcpu->page->injection, *told = &vcpu->told.injection;
    size_t words = SHOWN_BYTES / sizeof(uint64_t);
    bool equal;

    if (!(vcpu->flags & VMX_SHOWN))
        return false;
    __asm__ volatile("repe cmpsq"
                     : "=@cce"(equal), "+D"(page), "+S"(told), "+c"(words)
                     :
                     : "memory");
    return equal;
}

/* What the guest has of its own in registers that the kernel needs too (vmx.h). */
static void own_set(struct vcpu *vcpu)
{
    bool store = vcpu->msrs & MSR_PASS_SYSCALL, load = store || vcpu->more[MORE_EFER] & EFER_SCE;

    vcpu->flags &= ~VMX_XCR0;
    if (vcpu->more[MORE_CR4] & CR4_OSXSAVE && vcpu->own.xcr0 != boot_handoff.guest.xcr0)
        vcpu->flags |= VMX_XCR0;
    vmcs_write(VMCS_ENTRY_LOADS, load ? SYSCALL_MSRS : 0);
    vmcs_write(VMCS_EXIT_LOADS, load ? SYSCALL_MSRS : 0);
    vmcs_write(VMCS_EXIT_STORES, store ? SYSCALL_MSRS : 0);
}

/* The guest has gone on, so a shadow ends. */
static inline void rip_set(struct vcpu *vcpu)
{
    uint64_t shadow = vmcs_read(VMCS_INTERRUPTIBILITY);

    vmcs_write(VMCS_GUEST_RIP, GUEST_READ(vcpu->page->rip));
    if (shadow & INTERRUPTIBILITY_SHADOW) {
        vmcs_write(VMCS_INTERRUPTIBILITY, shadow & ~(uint64_t)INTERRUPTIBILITY_SHADOW);
        vcpu->flags &= ~VMX_SHOWN;
    }
}

void vmx_write(struct vcpu *vcpu, const struct vcpu_state *page, uint32_t groups)
{
    if (groups & (STATE_CR | STATE_EFER))
        paging_set(vcpu, page, groups);
    if (groups & STATE_SEGMENTS)
        segments_set(page, groups);
    if (groups & STATE_TPR)
        tpr_set(vcpu, page);
    if (groups & STATE_DR)
        vmcs_write(VMCS_GUEST_DR7, guest_dr7(GUEST_READ(page->dr7)));
    if (groups & STATE_SYSENTER) {
        vmcs_write(VMCS_GUEST_SYSENTER_CS, GUEST_READ(page->sysenter_cs));
        vmcs_write(VMCS_GUEST_SYSENTER_ESP, guest_canonical(GUEST_READ(page->sysenter_esp)));
        vmcs_write(VMCS_GUEST_SYSENTER_EIP, guest_canonical(GUEST_READ(page->sysenter_eip)));
    }
    if (groups & STATE_SYSCALL)
        syscall_set(vcpu, page);
    if (groups & STATE_PAT)
        vmcs_write(VMCS_GUEST_PAT, guest_pat(GUEST_READ(page->pat)));
    if (groups & STATE_INTERRUPTS) {
        uint64_t debug = guest_pending_debug(GUEST_READ(page->pending_debug));
        vmcs_write(VMCS_INTERRUPTIBILITY, guest_shadow(GUEST_READ(page->shadow)));
        vmcs_write(VMCS_PENDING_DEBUG, debug & DEBUG_B0_B3 ? debug | DEBUG_ENABLED : debug);
    }
    if (groups & STATE_TSC)
        tsc_set(page);
    if (groups & (STATE_CR | STATE_EFER | STATE_CONTROLS | STATE_XSAVE))
        own_set(vcpu);
    if (groups & (STATE_WINDOWS | STATE_CONTROLS))
        controls_set(vcpu, page, groups);
}

static __attribute__((noinline)) void some_set(struct vcpu *vcpu, uint32_t groups)
{
    const struct vcpu_state *page = vcpu->page;
    struct cpu *cpu = cpu_this();

    if (cpu->guest.loaded != vcpu)
        vmx_load(cpu, vcpu);
    if (groups & STATE_RIP)
        rip_set(vcpu);
    if (groups & STATE_RFLAGS)
        vmcs_write(VMCS_GUEST_RFLAGS, guest_rflags(GUEST_READ(page->rflags)));
    if (groups & STATE_RSP)
        vmcs_write(VMCS_GUEST_RSP, GUEST_READ(page->rsp));
    bool same = !(STATE_MOST & ~groups) && unchanged(vcpu);
    vcpu->flags &= ~VMX_SHOWN;
    uint32_t rest =
        guest_common_set(vcpu, page, groups & (same ? STATE_TIME | STATE_XSAVE : STATE_ALL));
    if (rest)
        guest_rest_set(vcpu, rest);
    if (groups & STATE_DR) {
        vcpu->own.dr6 = guest_dr6(GUEST_READ(page->dr6));
        if (cpu->guest.debug == vcpu)
            dr6_write(vcpu->own.dr6);
    }
    if (same)
        translations_forget(vcpu);
    groups &= same ? STATE_XSAVE : ~STATE_BASIC;
    if (groups & ~STATE_INJECTION)
        vmx_write(vcpu, page, groups);
    if (groups & STATE_INJECTION)
        injection_set(vcpu, page); /* looks at CR0 */
}

void vmx_set(struct vcpu *vcpu, uint32_t groups)
{
    if (groups == STATE_RIP && cpu_this()->guest.loaded == vcpu)
        rip_set(vcpu);
    else if (groups)
        some_set(vcpu, groups);
}
