/*
 * GDT and TSS of a CPU's window (ipc/abi/kernel_layout.h). Pure.
 */
#pragma once

#include "kernel_layout.h"

/* Fills the page at CPU_TSS_PAGE of that CPU's window, which is zero. */
void descriptors_fill(void *page, unsigned cpu);
