/* Instructions that have been carried out: going on behind them. */
#pragma once

#include "vm.h"

/*
 * RIP goes behind the instruction at it, whose opcode has so many bytes behind its prefixes: where
 * the CPU does not tell the length, prefixes are looked for in the guest's memory. False: it cannot
 * be read any more, and a fault is raised or the guest goes on at the same place.
 */
bool instruction_skip(struct vcpu *v, unsigned opcode);
/* Behind so many bytes. */
void instruction_skip_bytes(struct vcpu *v, unsigned length);
/* Behind IN or OUT: with the port in DX their opcode has one byte, otherwise two. */
void instruction_skip_io(struct vcpu *v);

/* Of a MOV to or from a control or debug register at RIP: the general register. False: it is none,
 * or cannot be read. */
bool instruction_register(struct vcpu *v, unsigned *number);
