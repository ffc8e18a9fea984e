/*
 * States of a processor in which a kernel can begin.
 */
#pragma once

#include "vcpu_state.h"

#define BOOT_CODE 0x10u /* selectors */
#define BOOT_DATA 0x18u

#define BOOT_CR0_PE   0x1u
#define BOOT_CR0_ET   0x10u
#define BOOT_CR0_PG   0x80000000u
#define BOOT_CR4_PAE  0x20u
#define BOOT_EFER_LME 0x100u
#define BOOT_EFER_LMA 0x400u

/* Protected mode, flat segments of 4 GiB, no paging, interrupts off; all registers are 0, and there
 * is no GDT. Returns the groups that it set. */
uint32_t boot_state_protected(struct vcpu_state *state, uint32_t entry);

/* 64-bit mode with these page tables, and a GDT of four entries. */
uint32_t boot_state_long(struct vcpu_state *state, uint64_t entry, uint64_t cr3, uint64_t gdt);

#define BOOT_GDT_SIZE 32u /* bytes: nothing, nothing, code, data */

/* The GDT that belongs to it. */
void boot_gdt_write(uint8_t *gdt);
