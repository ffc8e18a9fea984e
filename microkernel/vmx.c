/*
 * VMX is switched on; the life of a VMCS, and what is in it at first.
 */
#include "vmx.h"

#include "guest_msrs.h"
#include "guest_tag.h"
#include "ports.h"
#include "stop.h"

#define MSR_FEATURE_CONTROL 0x3au
#define FEATURE_LOCKED      (1ull << 0)
#define FEATURE_VMX         (1ull << 2) /* outside of SMX */

static const uint32_t syscall_msrs[SYSCALL_MSRS] = {MSR_STAR, MSR_LSTAR, MSR_SFMASK};

#define MSR_HIGH     0xc0000000u
#define BITMAP_HIGH  0x400u /* offset, in bytes, of the bits of MSRs from there on; */
#define BITMAP_WRITE 0x800u /* of those for WRMSR */

/* Lets guests at an MSR, or not. */
static void msr_open(struct cpu *cpu, uint32_t msr, bool open)
{
    uint32_t bit = msr & 0x1fff, offset = (msr >= MSR_HIGH ? BITMAP_HIGH : 0) + bit / 8;
    uint8_t *read = (uint8_t *)vmx_cpu_frame(cpu, FRAME_MSRS) + offset;
    uint8_t *write = read + BITMAP_WRITE, mask = (uint8_t)(1u << bit % 8);

    *read = (uint8_t)(open ? *read & ~mask : *read | mask);
    *write = (uint8_t)(open ? *write & ~mask : *write | mask);
}

static void pass(struct cpu *cpu, uint32_t msrs)
{
    struct vmx_cpu *own = vmx_cpu_frame(cpu, FRAME_CPU);

    for (unsigned i = 0; i < GUEST_MSRS; i++)
        msr_open(cpu, guest_msrs_passed[i].msr, msrs & guest_msrs_passed[i].choice);
    for (unsigned i = 0; i < SYSCALL_MSRS; i++)
        own->syscall[i] = (struct vcpu_msr){syscall_msrs[i], msr_read(syscall_msrs[i])};
}

/* What the CPU knows of guest memory it knows by the tables or by both (SDM 3C, 28.3.1). */
static void forget(struct vcpu *vcpu)
{
    uint64_t root = vcpu ? vmx_physical(vcpu->vm->space.root) : 0;
    uint64_t pointer[2] = {root | vmx_cpu(cpu_this())->controls.ept}, none[2] = {0};

    invept(vcpu ? INVALIDATE_CONTEXT : INVALIDATE_ALL, pointer);
    if (!vcpu)
        invvpid(INVALIDATE_ALL, none);
}

/* CR0 as it is meets what VMX asks for (SDM 3C, 23.8). */
static const char *start(struct cpu *cpu)
{
    struct vmx_cpu *own = vmx_cpu_frame(cpu, FRAME_CPU);
    uint32_t *region = vmx_cpu_frame(cpu, FRAME_VMXON);

    /* Firmware may have left the choice to us, or have made it. */
    if (!(msr_read(MSR_FEATURE_CONTROL) & FEATURE_LOCKED))
        msr_write(MSR_FEATURE_CONTROL, FEATURE_LOCKED | FEATURE_VMX);
    if (!(msr_read(MSR_FEATURE_CONTROL) & FEATURE_VMX))
        return "VMX, which the firmware has switched off";
    const char *missing = vmx_controls_choose(&own->controls, &cpu->guest.limits);
    if (missing)
        return missing;
    *region = own->controls.revision;
    cr4_write(cr4_read() | CR4_VMXE | own->controls.cr4_set);
    if (!vmxon(vmx_physical(region)))
        return "what VMXON wants";
    own->gdt = gdt_pointer(cpu);
    own->xcr0 = __builtin_ia32_xgetbv(0);
    __builtin_memset(vmx_cpu_frame(cpu, FRAME_MSRS), 0xff, FRAME_SIZE);
    pass(cpu, 0);
    guest_tags_start(&cpu->guest, 0xffff); /* VPID 0 is the host's */
    forget(NULL);
    return NULL;
}

/* Its fields are for its own CPU to write. */
static void init(struct vcpu *vcpu)
{
    for (unsigned i = 0; i < SYSCALL_MSRS; i++)
        vcpu->own.syscall[i].msr = syscall_msrs[i];
}

static void host_fill(const struct cpu *cpu)
{
    uint64_t area = cpu_area(cpu->index);

    vmcs_write(VMCS_HOST_CR0, cr0_read() | CR0_TS); /* the guest's vector state is in the CPU */
    vmcs_write(VMCS_HOST_CR4, cr4_read());
    vmcs_write(VMCS_HOST_EFER, msr_read(MSR_EFER));
    vmcs_write(VMCS_HOST_PAT, msr_read(MSR_PAT));
    vmcs_write(VMCS_HOST_TR_BASE, area + CPU_TSS);
    vmcs_write(VMCS_HOST_GDTR_BASE, (uint64_t)cpu->gdt);
    vmcs_write(VMCS_HOST_IDTR_BASE, idt_address());
    vmcs_write(VMCS_HOST_RSP, area + CPU_STACK_TOP);
    vmcs_write(VMCS_HOST_RIP, (uint64_t)vmx_exit_entry);
}

#define CR0_INITIAL (CR0_CD | CR0_NW | CR0_ET)

/* Constants; most of them are the state after INIT where it is not 0 (SDM 3A, table 9-1). */
static const struct {
    uint32_t field, value;
} initial[] = {{VMCS_EXCEPTIONS, EXCEPTIONS_ALWAYS},
               {VMCS_CR0_SHADOW, CR0_INITIAL},
               {VMCS_GUEST_RIP, 0xfff0},
               {VMCS_GUEST_RFLAGS, RFLAGS_RESERVED},
               {VMCS_GUEST_DR7, 0x400},
               {VMCS_HOST_CS, KERNEL_CS},
               {VMCS_HOST_SS, KERNEL_SS},
               {VMCS_HOST_TR, TSS_SELECTOR},
               {VMCS_GUEST_ES + SEG_CS * VMCS_NEXT, 0xf000},
               {VMCS_GUEST_ES_BASE + SEG_CS * VMCS_NEXT, 0xffff0000},
               {VMCS_GUEST_ES_RIGHTS + SEG_CS * VMCS_NEXT, 0x9b},
               {VMCS_GUEST_ES_RIGHTS + SEG_LDTR * VMCS_NEXT, 0x82},
               {VMCS_GUEST_ES_RIGHTS + SEG_TR * VMCS_NEXT, 0x8b},
               {VMCS_GUEST_GDTR_LIMIT, 0xffff},
               {VMCS_GUEST_IDTR_LIMIT, 0xffff}};

static void fill(struct cpu *cpu, struct vcpu *vcpu)
{
    const struct vmx_cpu *own = vmx_cpu(cpu);
    const struct vmx_controls *c = &own->controls;

    vmcs_zero();
    for (unsigned i = SEG_ES; i <= SEG_TR; i++) {
        vmcs_write(VMCS_GUEST_ES_LIMIT + i * VMCS_NEXT, 0xffff);
        vmcs_write(VMCS_GUEST_ES_RIGHTS + i * VMCS_NEXT, 0x93);
    }
    for (unsigned i = 0; i < sizeof(initial) / sizeof(initial[0]); i++)
        vmcs_write(initial[i].field, initial[i].value);
    vmcs_write(VMCS_PIN_CONTROLS, c->pin);
    vmcs_write(VMCS_PROC_CONTROLS, c->proc);
    vmcs_write(VMCS_PROC2_CONTROLS, c->proc2);
    vmcs_write(VMCS_EXIT_CONTROLS, c->exit);
    vmcs_write(VMCS_ENTRY_CONTROLS, c->entry);
    for (unsigned i = 0; i < PORTS_FRAMES; i++)
        vmcs_write(VMCS_IO_BITMAP + i * VMCS_NEXT,
                   vmx_physical(vmx_cpu_frame(cpu, GUEST_PORTS + i)));
    vmcs_write(VMCS_MSR_BITMAP, vmx_physical(vmx_cpu_frame(cpu, FRAME_MSRS)));
    vmcs_write(VMCS_EXIT_STORE_LIST, vmx_physical(vcpu->own.syscall));
    vmcs_write(VMCS_ENTRY_LOAD_LIST, vmx_physical(vcpu->own.syscall));
    vmcs_write(VMCS_EXIT_LOAD_LIST, vmx_physical(own->syscall));
    vmcs_write(VMCS_VIRTUAL_APIC, vmx_physical(vcpu->apic));
    vmcs_write(VMCS_EPT, vmx_physical(vcpu->vm->space.root) | c->ept);
    vmcs_write(VMCS_LINK, UINT64_MAX);
    vmcs_write(VMCS_ENCLS_BITMAP, UINT64_MAX); /* all leaves exit, on CPUs that have any */
    vmcs_write(VMCS_GUEST_PAT, 0x0007040600070406);
    vmcs_write(VMCS_GUEST_CR0, CR0_ET | c->cr0_set);
    vmcs_write(VMCS_GUEST_CR4, c->cr4_set);
    vmcs_write(VMCS_CR0_MASK, ~CR0_FREE);
    vmcs_write(VMCS_CR4_MASK, ~vmx_cr4_free());
    if (c->pin & PIN_PREEMPTION)
        vmcs_write(VMCS_PREEMPTION, c->preemption);
    if (guest_limits.features & GUEST_TSC_RATIO)
        vmcs_write(VMCS_TSC_MULTIPLIER, 1ull << 48);
    vcpu->more[MORE_CR0] = CR0_INITIAL;
    host_fill(cpu);
}

static void vmcs_load(const struct cpu *cpu, const struct vcpu *vcpu, bool clear)
{
    uint64_t frame = vmx_physical(vcpu->control);

    if ((clear && !vmclear(frame)) || !vmptrld(frame))
        stop("cpu %u: VMCLEAR or VMPTRLD", cpu->index);
}

/* KERNEL_GS_BASE and CSTAR are of no use to the host: they stay until another VCPU needs them. */
void vmx_load(struct cpu *cpu, struct vcpu *vcpu)
{
    struct vcpu *last = cpu->guest.loaded;
    bool first = !(vcpu->flags & VMX_FILLED);

    if (last) {
        last->own.kernel_gs_base = msr_read(MSR_KERNEL_GS_BASE);
        last->own.cstar = msr_read(MSR_CSTAR);
    }
    if (first)
        *(uint32_t *)vcpu->control = vmx_cpu(cpu)->controls.revision;
    vmcs_load(cpu, vcpu, first);
    if (first)
        fill(cpu, vcpu);
    cpu->guest.loaded = vcpu;
    vcpu->flags |= VMX_FILLED;
    msr_write(MSR_KERNEL_GS_BASE, vcpu->own.kernel_gs_base);
    msr_write(MSR_CSTAR, vcpu->own.cstar);
}

void vmx_clear(struct cpu *cpu, struct vcpu *vcpu)
{
    vmcs_load(cpu, vcpu, true);
    vcpu->flags &= ~VMX_LAUNCHED;
    vmcs_write(VMCS_ENTRY_EVENT, 0);
}

static void end(struct vcpu *vcpu)
{
    struct cpu *cpu = cpu_this();

    if (cpu->guest.loaded == vcpu)
        cpu->guest.loaded = NULL;
    if (vcpu->flags & VMX_FILLED && !vmclear(vmx_physical(vcpu->control)))
        stop("cpu %u: VMCLEAR", cpu->index);
}

const struct guest_backend vmx_backend = {
    .name = "VMX",
    .start = start,
    .init = init,
    .end = end,
    .get = vmx_get,
    .set = vmx_set,
    .enter = vmx_enter,
    .pass = pass,
    .forget = forget,
};
