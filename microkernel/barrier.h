/*
 * What keeps a guest from learning, by speculation, what others did on its CPU before. Which of it
 * a CPU needs is cpu->guest.barriers: what the CPU itself enumerates, found at boot.
 *
 * A guest of another VM does not go on with predictions of branches that this one trained (SDM 4,
 * IA32_PRED_CMD). What passed through buffers of the CPU is overwritten by VERW (SDM 2C, "VERW", on
 * CPUs with MD_CLEAR), and on VMX, where a guest chooses addresses that the CPU then looks for in
 * its data cache, that is emptied (SDM 4, IA32_FLUSH_CMD). IA32_SPEC_CTRL is not passed through and
 * keeps the host's value.
 */
#ifndef CAIRN_BARRIER_H
#define CAIRN_BARRIER_H

#include "cpu.h"
#include "layout.h"
#include "vcpu.h"
#include "x86.h"

/* Which of them this CPU needs, by CPUID and IA32_ARCH_CAPABILITIES. */
static inline uint32_t barriers_needed(bool vmx)
{
    const uint64_t rdcl_no = 1u << 0, skip_l1d = 1u << 3, mds_no = 1u << 5, taa_no = 1u << 8,
                   fb_clear = 1u << 17, rfds_clear = 1u << 28;
    uint32_t leaf7 = cpuid(7, 0).edx, amd = cpuid(0x80000008, 0).ebx;
    uint64_t told = leaf7 & 1u << 29 ? msr_read(MSR_ARCH_CAPS) : 0;
    bool immune = told & mds_no && told & taa_no && !(told & (fb_clear | rfds_clear));

    return (leaf7 & 1u << 26 || amd & 1u << 12 ? BARRIER_BRANCHES : 0) |
           (leaf7 & 1u << 10 && !immune ? BARRIER_BUFFERS : 0) |
           (vmx && leaf7 & 1u << 28 && !(told & (rdcl_no | skip_l1d)) ? BARRIER_L1D : 0);
}

/* Before vcpu's guest is entered. False: this is to be done each time. */
static inline bool barriers_pass(struct cpu *cpu, const struct vcpu *vcpu)
{
    static const uint16_t segment = USER_SS;
    uint32_t barriers = cpu->guest.barriers;

    if (barriers & BARRIER_BRANCHES && cpu->guest.vm != vcpu->vm)
        msr_write(MSR_PRED_CMD, 1);
    cpu->guest.vm = vcpu->vm;
    if (barriers & BARRIER_L1D)
        msr_write(MSR_FLUSH_CMD, 1);
    if (barriers & BARRIER_BUFFERS)
        __asm__ volatile("verw %0" : : "m"(segment) : "cc", "memory");
    return !(barriers & (BARRIER_L1D | BARRIER_BUFFERS));
}

#endif
