/* Instructions that C cannot express. */
#pragma once

#include <stdint.h>

struct cpuid {
    uint32_t eax, ebx, ecx, edx;
};

static inline struct cpuid cpuid(uint32_t leaf, uint32_t subleaf)
{
    struct cpuid r;

    __asm__ volatile("cpuid"
                     : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
                     : "a"(leaf), "c"(subleaf));
    return r;
}

/* CPUID of a leaf that may not exist: all zero then. */
static inline struct cpuid cpuid_checked(uint32_t leaf)
{
    uint32_t base = leaf & 0x80000000u;
    uint32_t highest = cpuid(base, 0).eax;

    if (highest < leaf || (highest & 0x80000000u) != base) {
        return (struct cpuid){0, 0, 0, 0};
    }
    return cpuid(leaf, 0);
}

/* TSC, read after all earlier instructions (Intel SDM 2B, RDTSC: LFENCE before it). */
static inline uint64_t tsc_read(void)
{
    uint32_t low, high;

    __asm__ volatile("lfence; rdtsc" : "=a"(low), "=d"(high) : : "memory");
    return (uint64_t)high << 32 | low;
}

static inline uint8_t port_read8(uint16_t port)
{
    uint8_t value;

    __asm__ volatile("inb %w1, %b0" : "=a"(value) : "Nd"(port));
    return value;
}

static inline uint32_t port_read32(uint16_t port)
{
    uint32_t value;

    __asm__ volatile("inl %w1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static inline void port_write8(uint16_t port, uint8_t value)
{
    __asm__ volatile("outb %b0, %w1" : : "a"(value), "Nd"(port));
}

static inline void cpu_pause(void)
{
    __asm__ volatile("pause");
}
