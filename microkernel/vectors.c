/*
 * XSAVE and XRSTOR (SDM 1, chapter 13).
 */
#include "vectors.h"

#include "cpu.h"
#include "ec.h"
#include "stop.h"
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
    if (size > FRAME_OBJECT_MAXIMUM - offsetof(struct ec, vectors))
        stop("cpu %u: vector state of %u bytes is too large", cpu->index, size);
    if (!(cpuid(0xd, 1).eax & EAX_XGETBV1))
        stop("cpu %u cannot tell which vector state is in use", cpu->index);
    __asm__ volatile("fninit");
    vectors_reset();
}

void vectors_load(struct ec *ec)
{
    __asm__ volatile("xrstor %0" : : "m"(*ec->vectors), "a"(XCR0_ALL), "d"(XCR0_ALL));
    ec->vectors_saved = false;
}
