/*
 * XSAVE and XRSTOR (SDM 1, chapter 13).
 */
#include "vectors.h"

#include "xsave_image.h"

const struct guest_image initial_vectors
    __attribute__((aligned(64))) = {.legacy = {0x7f, 0x03}, .mxcsr = 0x1f80};

/* MXCSR is not among what XGETBV(1) tells of (SDM 1, 13.6). */
void vectors_reset(void)
{
    uint64_t used = __builtin_ia32_xgetbv(1); /* components */

    if (used)
        __asm__ volatile("xrstor %0" : : "m"(initial_vectors), "a"(used), "d"(used >> 32));
    __asm__ volatile("ldmxcsr %0" : : "m"(initial_vectors.mxcsr));
}

/* To the memory of the VCPU whose state is in the registers. */
static void guest_save(struct cpu *cpu)
{
    __asm__ volatile("clts" : : : "memory");
    vectors_write(cpu->guest.vectors->vectors);
}

/* A domain that is entered by the fast way would find TS set: none fits it until space_enter. */
void vectors_give(struct cpu *cpu, struct vcpu *vcpu)
{
    if (cpu->guest.vectors)
        guest_save(cpu);
    vectors_read(vcpu->vectors);
    cr0_write(cr0_read() | CR0_TS);
    cpu->guest.vectors = vcpu;
    cpu->shoot->plain = TAG_PORTS;
}

bool vectors_take(struct cpu *cpu)
{
    if (!cpu->guest.vectors)
        return false;
    guest_save(cpu);
    cpu->guest.vectors = cpu->guest.settled = NULL;
    vectors_reset();
    return true;
}
