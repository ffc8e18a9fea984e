/* The timer of a LAPIC (Intel SDM 3A, 11.5.4), for lapic.c and lapic_msr.c. */
#pragma once

#include "lapic.h"

enum lapic_timer_mode { TIMER_ONE_SHOT, TIMER_PERIODIC, TIMER_DEADLINE };

/* After RESET. */
void lapic_timer_reset(struct lapic *l);
/* The function of its struct timer. */
void lapic_timer_fire(void *lapic, uint64_t deadline);
/* The registers: LVT entry (writable bits only), initial count, divider, current count. */
void lapic_timer_entry_set(struct lapic *l, uint32_t entry);
void lapic_timer_initial_set(struct lapic *l, uint32_t initial);
void lapic_timer_divide_set(struct lapic *l, uint32_t divide);
uint32_t lapic_timer_count(const struct lapic *l);
/* IA32_TSC_DEADLINE. */
void lapic_timer_deadline_set(struct lapic *l, uint64_t deadline);
uint64_t lapic_timer_deadline(struct lapic *l);
