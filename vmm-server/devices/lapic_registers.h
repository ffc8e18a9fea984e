/* The registers of a LAPIC by number (offset / 16, or MSR - 0x800), for lapic.c and lapic_msr.c. */
#pragma once

#include "lapic.h"

enum {
    REGISTER_ID = 0x02,
    REGISTER_VERSION = 0x03,
    REGISTER_TPR = 0x08,
    REGISTER_APR = 0x09,
    REGISTER_PPR = 0x0a,
    REGISTER_EOI = 0x0b,
    REGISTER_RRD = 0x0c,
    REGISTER_LDR = 0x0d,
    REGISTER_DFR = 0x0e,
    REGISTER_SVR = 0x0f,
    REGISTER_ISR = 0x10,
    REGISTER_TMR = 0x18,
    REGISTER_IRR = 0x20,
    REGISTER_ESR = 0x28,
    REGISTER_ICR = 0x30,
    REGISTER_ICR_HIGH = 0x31,
    REGISTER_LVT = 0x32, /* six of them, as enum lapic_lvt */
    REGISTER_INITIAL = 0x38,
    REGISTER_CURRENT = 0x39,
    REGISTER_DIVIDE = 0x3e,
    REGISTER_SELF_IPI = 0x3f,
    REGISTERS = 0x40,
};

/* In which modes it can be accessed. */
enum { READ = 1, WRITE = 2, X2_READ = 4, X2_WRITE = 8 };

struct lapic_register {
    uint8_t rights;
    uint32_t writable; /* bits */
    uint32_t kept;     /* bits that are no fault to write, and do not change */
};

extern const struct lapic_register lapic_registers[REGISTERS];

/* Errors of ESR (SDM 3A, 11.5.3). */
#define ERROR_SEND_VECTOR    (1u << 5)
#define ERROR_RECEIVE_VECTOR (1u << 6)
#define ERROR_REGISTER       (1u << 7)

/* An error happened: for ESR, and as an interrupt. */
void lapic_fail(struct lapic *l, uint32_t error);

/* Of a register that the mode has; value holds writable bits only. */
uint32_t lapic_register_read(struct lapic *l, uint32_t number);
void lapic_register_write(struct lapic *l, uint32_t number, uint32_t value);
/* Sends the interrupt that is in ICR. */
void lapic_send(struct lapic *l);
/* TPR or what is in service changed. */
void lapic_priority_update(struct lapic *l);
/* The entry of LINT0 or LINT1 changed: it asks if it is a level that is up. */
void lapic_lint_level(struct lapic *l, uint32_t pin);
