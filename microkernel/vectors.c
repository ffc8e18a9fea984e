/*
 * XSAVE and XRSTOR (SDM 1, chapter 13).
 */
#include "vectors.h"

#include "cpu.h"
#include "ec.h"
#include "shoot.h"
#include "stop.h"
#include "vcpu.h"
#include "x86.h"

#define EAX_XGETBV1 (1u << 2) /* CPUID.(0xd,1) */

/* An XSAVE area in its initial state: header zero, control words as at reset. */
struct initial_vectors {
    uint16_t x87_control;
    uint8_t pad1[22];
    uint32_t mxcsr;
    uint8_t pad2[484];
    uint8_t header[64];
} __attribute__((aligned(64)));

_Static_assert(sizeof(struct initial_vectors) == 576, "legacy area and header");

const struct initial_vectors initial_vectors = {.x87_control = 0x037f, .mxcsr = 0x1f80};

/* MXCSR is not among what XGETBV(1) tells of (SDM 1, 13.6). */
void vectors_reset(void)
{
    uint64_t used = __builtin_ia32_xgetbv(1); /* components */

    if (used)
        __asm__ volatile("xrstor %0" : : "m"(initial_vectors), "a"(used), "d"(used >> 32));
    __asm__ volatile("ldmxcsr %0" : : "m"(initial_vectors.mxcsr));
}

void vectors_enable(struct cpu *cpu)
{
    __builtin_ia32_xsetbv(0, cpuid(0xd, 0).eax); /* none of the upper components is for programs */
    uint32_t size = cpuid(0xd, 0).ebx;
    if (size > XSAVE_MAXIMUM)
        stop("cpu %u: vector state of %u bytes is too large", cpu->index, size);
    if (!(cpuid(0xd, 1).eax & EAX_XGETBV1))
        stop("cpu %u cannot tell which vector state is in use", cpu->index);
    __asm__ volatile("fninit");
    vectors_reset();
}

void vectors_load(struct ec *ec)
{
    vectors_touch();
    vectors_read(ec_vectors(ec));
    ec->vectors_saved = false;
}

static void task_switched_clear(void)
{
    __asm__ volatile("clts" : : : "memory");
}

/* A domain that is entered by the fast way would find TS set: none fits it until space_enter. */
void vectors_give(struct cpu *cpu, struct vcpu *vcpu)
{
    if (cpu->guest.vectors) {
        task_switched_clear();
        vectors_write(cpu->guest.vectors->vectors, XCR0_ALL);
    }
    vectors_read(vcpu->vectors);
    cr0_write(cr0_read() | CR0_TS);
    cpu->guest.vectors = vcpu;
    cpu->shoot->plain = TAG_PORTS;
}

void vectors_show(void *image, uint32_t components)
{
    task_switched_clear();
    vectors_write(image, components);
    cr0_write(cr0_read() | CR0_TS);
}

void vectors_update(struct cpu *cpu, const struct vcpu *vcpu)
{
    if (cpu->guest.vectors != vcpu)
        return;
    task_switched_clear();
    vectors_read(vcpu->vectors);
    cr0_write(cr0_read() | CR0_TS);
}

static void taken(struct cpu *cpu)
{
    cpu->guest.vectors = cpu->guest.settled = NULL;
    vectors_reset();
}

void vectors_take(struct cpu *cpu)
{
    task_switched_clear();
    vectors_write(cpu->guest.vectors->vectors, XCR0_ALL);
    taken(cpu);
}

void vectors_forget(struct cpu *cpu, const struct vcpu *vcpu)
{
    if (cpu->guest.vectors != vcpu)
        return;
    task_switched_clear();
    taken(cpu);
}

bool vectors_wanted(struct cpu *cpu)
{
    if (!cpu->guest.vectors)
        return false;
    vectors_take(cpu);
    return true;
}
