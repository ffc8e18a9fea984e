/*
 * The fields of a VCPU's page, by group, each with two values that a 64-bit guest can run with, so
 * that any mixture of groups is a state that can be entered (guest_fields.c).
 */
#pragma once

#include "vcpu_state.h"

struct field {
    uint32_t group; /* STATE_* */
    uint16_t offset, size;
    uint64_t value[2];
    uint64_t any; /* bits that the CPU may have as it likes */
    const char *name;
};

extern const struct field guest_fields[];
extern const unsigned guest_fields_count;

/* Groups whose second value changes what the guest does: not for one that runs. */
#define FIELDS_AT_REST (STATE_INJECTION | STATE_INTERRUPTS | STATE_WINDOWS)

/* What fields hold that nobody wrote. */
#define FIELD_JUNK 0xa5a5a5a5a5a5a5a5ull

static inline uint64_t field_get(const volatile struct vcpu_state *page, const struct field *f)
{
    const volatile uint8_t *at = (const volatile uint8_t *)page + f->offset;

    switch (f->size) {
    case 2:
        return *(const volatile uint16_t *)at;
    case 4:
        return *(const volatile uint32_t *)at;
    default:
        return *(const volatile uint64_t *)at;
    }
}

static inline void field_put(volatile struct vcpu_state *page, const struct field *f,
                             uint64_t value)
{
    volatile uint8_t *at = (volatile uint8_t *)page + f->offset;

    switch (f->size) {
    case 2:
        *(volatile uint16_t *)at = (uint16_t)value;
        break;
    case 4:
        *(volatile uint32_t *)at = (uint32_t)value;
        break;
    default:
        *(volatile uint64_t *)at = value;
        break;
    }
}

/* The part of a value that fits. */
static inline uint64_t field_cut(const struct field *f, uint64_t value)
{
    return f->size == 8 ? value : value & ((1ull << 8 * f->size) - 1);
}
