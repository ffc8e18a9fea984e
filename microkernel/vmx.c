/*
 * The life of a VMCS, and what is in it at first.
 */
#include "vmx.h"

#include "ports.h"
#include "stop.h"

static const uint32_t syscall_msrs[SYSCALL_MSRS] = {MSR_STAR, MSR_LSTAR, MSR_SFMASK};

/*
 * The bitmap has a bit for each MSR from 0 on, then, in as many bytes, for those from 0xc0000000
 * on; then the same for WRMSR (SDM 3C, 24.6.9).
 */
static void pass(struct cpu *cpu, uint32_t msrs)
{
    struct vcpu_msr *syscall = vmx_cpu_frame(cpu, FRAME_SYSCALL);
    uint8_t *map = vmx_cpu_frame(cpu, FRAME_MSRS);

    for (unsigned i = 0; i < GUEST_MSRS; i++) {
        uint32_t msr = guest_msrs_passed[i].msr, closed = !(msrs & guest_msrs_passed[i].choice);
        for (uint32_t bit = msr >> 31 << 13 | (msr & 0x1fff); bit < FRAME_SIZE * 8; bit += 1u << 14)
            map[bit / 8] = (uint8_t)((map[bit / 8] & ~(1u << bit % 8)) | closed << bit % 8);
    }
    for (unsigned i = 0; i < SYSCALL_MSRS; i++)
        syscall[i] = (struct vcpu_msr){syscall_msrs[i], msr_read(syscall_msrs[i])};
}

/* What the CPU knows of guest memory it knows by the tables or by both (SDM 3C, 28.3.1). */
static void forget(struct vcpu *vcpu)
{
    uint64_t root = vcpu ? frame_address(vcpu->vm->space.root) : 0;

    invept(vcpu ? INVALIDATE_CONTEXT : INVALIDATE_ALL, root | boot_handoff.guest.vmx.ept);
    if (!vcpu)
        invvpid(INVALIDATE_ALL, 0);
}

static void vmcs_clear(const struct vcpu *vcpu)
{
    if (!vmclear(frame_address(vcpu->control)))
        stop("cpu %u: VMCLEAR", vcpu->ec.cpu);
}

/* The fields are for its own CPU to write: what they are to be is kept until then. */
static void init(struct vcpu *vcpu)
{
    const struct vcpu_segment data = {.attributes = 0x93, .limit = 0xffff};
    struct vcpu_state *state = &vcpu->told;

    state->es = state->ss = state->ds = state->fs = state->gs = data;
    state->cs = (struct vcpu_segment){0xf000, 0x9b, 0xffff, 0xffff0000};
    state->ldtr = (struct vcpu_segment){.attributes = 0x82, .limit = 0xffff};
    state->tr = (struct vcpu_segment){.attributes = 0x8b, .limit = 0xffff};
    state->gdtr = state->idtr = (struct vcpu_segment){.limit = 0xffff};
    state->cr0 = CR0_CD | CR0_NW;
    state->pat = 0x0007040600070406;
    for (unsigned i = 0; i < SYSCALL_MSRS; i++)
        vcpu->own.syscall[i].msr = syscall_msrs[i];
    *(uint32_t *)vcpu->control = boot_handoff.guest.vmx.revision;
    vmcs_clear(vcpu);
}

static void fill(struct cpu *cpu, struct vcpu *vcpu)
{
    const struct vmx_controls *c = &boot_handoff.guest.vmx;
    uint64_t area = cpu_area(cpu->index);

    vmcs_zero();
    vmcs_write(VMCS_PIN_CONTROLS, c->pin);
    vmcs_write(VMCS_PROC2_CONTROLS, c->proc2);
    vmcs_write(VMCS_EXIT_CONTROLS, c->exit);
    for (unsigned i = 0; i < PORTS_FRAMES; i++)
        vmcs_write(VMCS_IO_BITMAP + i * VMCS_NEXT,
                   frame_address(vmx_cpu_frame(cpu, GUEST_PORTS + i)));
    vmcs_write(VMCS_MSR_BITMAP, frame_address(vmx_cpu_frame(cpu, FRAME_MSRS)));
    vmcs_write(VMCS_EXIT_STORE_LIST, frame_address(vcpu->own.syscall));
    vmcs_write(VMCS_ENTRY_LOAD_LIST, frame_address(vcpu->own.syscall));
    vmcs_write(VMCS_EXIT_LOAD_LIST, frame_address(vmx_cpu_frame(cpu, FRAME_SYSCALL)));
    vmcs_write(VMCS_VIRTUAL_APIC, frame_address(vcpu->apic));
    vmcs_write(VMCS_EPT, frame_address(vcpu->vm->space.root) | c->ept);
    vmcs_write(VMCS_LINK, UINT64_MAX);
    vmcs_write(VMCS_ENCLS_BITMAP, UINT64_MAX); /* all leaves exit, on CPUs that have any */
    vmcs_write(VMCS_CR0_MASK, ~CR0_FREE);
    vmcs_write(VMCS_CR4_MASK, ~CR4_FREE);
    vmcs_write(VMCS_PREEMPTION, c->preemption);     /* refused where there is none */
    vmcs_write(VMCS_HOST_CR0, cr0_read() | CR0_TS); /* the guest's vector state is in the CPU */
    vmcs_write(VMCS_HOST_CR4, cr4_read());
    vmcs_write(VMCS_HOST_EFER, msr_read(MSR_EFER));
    vmcs_write(VMCS_HOST_PAT, msr_read(MSR_PAT));
    vmcs_write(VMCS_HOST_CS, KERNEL_CS);
    vmcs_write(VMCS_HOST_SS, KERNEL_SS);
    vmcs_write(VMCS_HOST_TR, TSS_SELECTOR);
    vmcs_write(VMCS_HOST_TR_BASE, area + CPU_TSS);
    vmcs_write(VMCS_HOST_GDTR_BASE, (uint64_t)cpu_gdt(cpu));
    vmcs_write(VMCS_HOST_IDTR_BASE, idt_address());
    vmcs_write(VMCS_HOST_RSP, area + CPU_STACK_TOP);
    vmcs_write(VMCS_HOST_RIP, (uint64_t)vmx_exit_entry);
    vmcs_write(VMCS_GUEST_RIP, 0xfff0);
    vmcs_write(VMCS_GUEST_RFLAGS, RFLAGS_RESERVED);
    vmx_write(vcpu, &vcpu->told, STATE_ALL);
}

/* KERNEL_GS_BASE and CSTAR are of no use to the host: they stay until another VCPU needs them. */
void vmx_load(struct cpu *cpu, struct vcpu *vcpu)
{
    struct vcpu *last = cpu->guest.loaded;

    if (last) {
        last->own.kernel_gs_base = msr_read(MSR_KERNEL_GS_BASE);
        last->own.cstar = msr_read(MSR_CSTAR);
    }
    if (!vmptrld(frame_address(vcpu->control)))
        stop("cpu %u: VMPTRLD", cpu->index);
    if (!(vcpu->flags & VMX_FILLED))
        fill(cpu, vcpu);
    cpu->guest.loaded = vcpu;
    vcpu->flags |= VMX_FILLED;
    msr_write(MSR_KERNEL_GS_BASE, vcpu->own.kernel_gs_base);
    msr_write(MSR_CSTAR, vcpu->own.cstar);
}

const struct guest_backend vmx_backend = {
    .init = init,
    .end = vmcs_clear,
    .get = vmx_get,
    .set = vmx_set,
    .enter = vmx_enter,
    .pass = pass,
    .forget = forget,
};
