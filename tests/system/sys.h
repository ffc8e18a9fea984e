/*
 * System calls with any number, which ipc/runtime has no functions for, and a raw SYSCALL that
 * shows every register around it. Not for calls that hand control to another thread.
 */
#pragma once

#include <stdint.h>

#include "syscall.h"

/* Calls the kernel with any number and arguments (RDI, RSI, RDX; the rest as they are). */
uint64_t sys_call(uint64_t number, uint64_t a, uint64_t b, uint64_t c);

/* Ends the system; status 0 to 255 becomes the status of the run. Returns only on an error. */
static inline enum status sys_power_off(unsigned status)
{
    return (enum status)sys_call(SYSCALL_CONTROL, SELECTOR_PLATFORM, PLATFORM_POWER_OFF, status);
}

/*
 * Registers for sys_call_raw, in the order RAX RCX RDX RBX RSP RBP RSI RDI R8 .. R15. RSP is
 * loaded as it stands, so it may hold any value; the routine keeps its own stack pointer aside.
 */
struct sys_registers {
    uint64_t general[16];
    uint64_t flags;
    uint64_t selectors; /* out: CS in bits 15:0, SS in bits 31:16 */
};

/*
 * Loads every register and RFLAGS from *in, executes one SYSCALL, stores what it finds to *out
 * and restores the caller's registers. In in->flags only the arithmetic flags, DF, NT and AC may
 * be set. sys_call_raw_return is the address after the SYSCALL.
 */
void sys_call_raw(const struct sys_registers *in, struct sys_registers *out);
extern const char sys_call_raw_return[];
