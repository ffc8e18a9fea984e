/*
 * I/O APICs and the legacy interrupt controllers.
 */
#ifndef CAIRN_IOAPIC_H
#define CAIRN_IOAPIC_H

/*
 * Masks every input of every I/O APIC and of the two 8259 PICs, and records each I/O APIC's number
 * of inputs in the boot information. Before any local APIC masks LINT0: the firmware may have left
 * a PIC with a request pending, which must be withdrawn while its way to the CPU is still open.
 */
void interrupts_mask_all(void);

#endif
