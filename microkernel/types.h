/*
 * Address kinds. Each has its own type, so that mixing them does not compile.
 */
#pragma once

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

/* Data that is written at boot only, then made read-only (address_space.h). */
#define SEALED __attribute__((section(".sealed")))

#define NORETURN __attribute__((noreturn))
