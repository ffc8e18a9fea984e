/*
 * Address kinds. Each has its own type, so that mixing them does not compile.
 */
#ifndef CAIRN_TYPES_H
#define CAIRN_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAME_SIZE 4096ul

/* Host-physical address. */
typedef struct {
    uint64_t value;
} hpa_t;

static inline hpa_t hpa(uint64_t value)
{
    return (hpa_t){value};
}

static inline hpa_t hpa_add(hpa_t address, uint64_t bytes)
{
    return (hpa_t){address.value + bytes};
}

/* Data that is constant once the kernel runs on its own page tables: mapped read-only then. */
#define SEALED __attribute__((section(".sealed")))

/* Upper bits of every address in the kernel's half. Unit tests on the host have none. */
#ifndef KERNEL_HIGH_BITS
#define KERNEL_HIGH_BITS 0xffff000000000000
#endif

#define NORETURN __attribute__((noreturn))

#endif
