/* Vector state: using it, and putting it to its initial value. */
#pragma once

#include <stdint.h>

#include "cpu.h"

#define LEAF_1_AVX (1u << 28) /* ECX; XCR0 has what the CPU has (ipc/abi/README.md) */

/* x87, SSE and, where there is AVX, the upper halves differ from their initial values. */
static inline void vectors_use(void)
{
    __asm__ volatile("fninit; fld1; pcmpeqd %%xmm0, %%xmm0; movdqa %%xmm0, %%xmm15" : : : "memory");
    if (cpuid(1, 0).ecx & LEAF_1_AVX) {
        __asm__ volatile("vcmptrueps %%ymm1, %%ymm1, %%ymm1" : : : "memory");
    }
}

/* SDM 1, 13.8: a header of zeros stands for the initial value of every component. */
static inline void vectors_clear(void)
{
    static const struct {
        uint16_t control;
        uint8_t pad[22];
        uint32_t mxcsr;
        uint8_t rest[548];
    } __attribute__((aligned(64))) initial = {.control = 0x37f, .mxcsr = 0x1f80};

    __asm__ volatile("xrstor %0" : : "m"(initial), "a"(-1), "d"(-1) : "memory");
}
