/*
 * Instructions that C has no word for, as far as the loader needs them, and the registers it
 * names. Intel SDM 2 (instructions), 4 (MSRs).
 */
#pragma once

#include <stdint.h>

#define MSR_APIC_BASE       0x0000001bu
#define MSR_FEATURE_CONTROL 0x0000003au
#define MSR_ARCH_CAPS       0x0000010au
#define MSR_PAT             0x00000277u
#define MSR_SYSENTER_CS     0x00000174u
#define MSR_X2APIC          0x00000800u /* first of the x2APIC registers */
#define MSR_EFER            0xc0000080u
#define MSR_STAR            0xc0000081u
#define MSR_LSTAR           0xc0000082u
#define MSR_SFMASK          0xc0000084u
#define MSR_VM_CR           0xc0010114u
#define MSR_VM_HSAVE_PA     0xc0010117u

#define APIC_BASE_ADDRESS 0x000ffffffffff000ull /* in MSR_APIC_BASE */

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

static inline uint64_t msr_read(uint32_t msr)
{
    uint32_t low, high;
    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
    return (uint64_t)high << 32 | low;
}

static inline void msr_write(uint32_t msr, uint64_t value)
{
    __asm__ volatile("wrmsr"
                     :
                     : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
                     : "memory");
}

/* Earlier instructions are done before the reading (SDM 2B, RDTSC). */
static inline uint64_t tsc_read(void)
{
    uint32_t low, high;
    __asm__ volatile("lfence; rdtsc" : "=a"(low), "=d"(high) : : "memory");
    return (uint64_t)high << 32 | low;
}

/* Nor does a later instruction begin before it. */
static inline uint64_t tsc_read_ordered(void)
{
    uint64_t tsc = tsc_read();

    __asm__ volatile("lfence" : : : "memory");
    return tsc;
}

#define PORT_ACCESS(bits, suffix, reg)                                                           \
    static inline uint##bits##_t port_read##bits(uint16_t port)                                  \
    {                                                                                            \
        uint##bits##_t value;                                                                    \
        __asm__ volatile("in" #suffix " %1, %" #reg "0" : "=a"(value) : "Nd"(port) : "memory");  \
        return value;                                                                            \
    }                                                                                            \
    static inline void port_write##bits(uint16_t port, uint##bits##_t value)                     \
    {                                                                                            \
        __asm__ volatile("out" #suffix " %" #reg "0, %1" : : "a"(value), "Nd"(port) : "memory"); \
    }
PORT_ACCESS(8, b, b)
PORT_ACCESS(16, w, w)
PORT_ACCESS(32, l, k)
#undef PORT_ACCESS

#define CONTROL_REGISTER(name)                                          \
    static inline uint64_t name##_read(void)                            \
    {                                                                   \
        uint64_t value;                                                 \
        __asm__ volatile("mov %%" #name ", %0" : "=r"(value));          \
        return value;                                                   \
    }                                                                   \
    static inline void name##_write(uint64_t value)                     \
    {                                                                   \
        __asm__ volatile("mov %0, %%" #name : : "r"(value) : "memory"); \
    }
CONTROL_REGISTER(cr0)
CONTROL_REGISTER(cr3)
CONTROL_REGISTER(cr4)
CONTROL_REGISTER(dr7)
#undef CONTROL_REGISTER

static inline void cpu_pause(void)
{
    __asm__ volatile("pause" : : : "memory");
}
