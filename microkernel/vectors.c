/*
 * XSAVE and XRSTOR (SDM 1, chapter 13).
 */
#include "vectors.h"

#include "cpu.h"
#include "ec.h"
#include "stop.h"
#include "x86.h"

#define XCR0_ALL       0xffffffffu /* both halves of the requested-feature bitmap */
#define EAX_XGETBV1    (1u << 2)   /* CPUID.(0xd,1) */
#define XINUSE_X87_SSE 3u

/* An XSAVE area in its initial state: header zero, control words as at reset. */
struct initial_vectors {
    uint16_t x87_control;
    uint8_t pad1[22];
    uint32_t mxcsr;
    uint8_t pad2[484];
    uint8_t header[64];
} __attribute__((aligned(64)));

_Static_assert(sizeof(struct initial_vectors) == 576, "legacy area and header");

static const struct initial_vectors initial_vectors = {.x87_control = 0x037f, .mxcsr = 0x1f80};

static void vectors_reset(void)
{
    __asm__ volatile("xrstor %0" : : "m"(initial_vectors), "a"(XCR0_ALL), "d"(XCR0_ALL));
}

void vectors_enable(struct cpu *cpu)
{
    struct cpuid leaf = cpuid(0xd, 0);

    xcr0_write((uint64_t)leaf.edx << 32 | leaf.eax);
    uint32_t size = cpuid(0xd, 0).ebx;
    if (size > FRAME_OBJECT_MAXIMUM - offsetof(struct ec, vectors))
        stop("cpu %u: vector state of %u bytes is too large", cpu->index, size);
    cpu->xgetbv1 = cpuid(0xd, 1).eax & EAX_XGETBV1;
    __asm__ volatile("fninit");
    vectors_reset();
}

/* May any component differ from its initial value? */
static bool vectors_in_use(const struct cpu *cpu)
{
    return !cpu->xgetbv1 || xgetbv(1);
}

void vectors_save(struct cpu *cpu, struct ec *ec)
{
    if (!vectors_in_use(cpu))
        return;
    __asm__ volatile("xsave %0" : "+m"(*ec->vectors) : "a"(XCR0_ALL), "d"(XCR0_ALL) : "memory");
    ec->vectors_saved = true;
    vectors_reset();
    cpu->vectors = cpu->ready_domain = 0;
}

void vectors_switch(struct cpu *cpu, struct ec *ec)
{
    if (ec->vectors_saved) {
        __asm__ volatile("xrstor %0" : : "m"(*ec->vectors), "a"(XCR0_ALL), "d"(XCR0_ALL));
        ec->vectors_saved = false;
    } else if (cpu->vectors && cpu->vectors != ec->pd->id && vectors_in_use(cpu)) {
        vectors_reset();
    }
    cpu->vectors = cpu->ready_domain = ec->pd->id;
}
