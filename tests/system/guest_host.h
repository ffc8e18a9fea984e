/*
 * What the host has in registers that guests have too, as a program sees it: noted before there is
 * a guest, and compared between its exits.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* What is not as it was. */
#define HOST_XCR0    (1u << 0)
#define HOST_LIMIT   (1u << 1) /* of GDTR, where SGDT tells */
#define HOST_SEGMENT (1u << 2) /* LAR, LSL, VERR know other selectors */
#define HOST_PORT    (1u << 3)
#define HOST_BASE    (1u << 4) /* of FS or GS */

void host_note(void);

/* Returns HOST_*; selectors only if that is wanted, because there are many. */
uint64_t host_check(bool selectors);

/* This thread's own segment bases, of which n tells one from another. */
void host_bases_set(uint64_t n);
uint64_t host_bases_check(uint64_t n);
void host_bases_clear(void);
