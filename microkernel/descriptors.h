/*
 * The interrupt descriptor table, shared by all CPUs.
 */
#ifndef CAIRN_DESCRIPTORS_H
#define CAIRN_DESCRIPTORS_H

/* Fills the table. Called once, before the kernel's page tables make it read-only. */
void idt_build(void);

#endif
