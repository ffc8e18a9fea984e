/*
 * I/O APICs and the legacy interrupt controllers.
 */
#ifndef CAIRN_IOAPIC_H
#define CAIRN_IOAPIC_H

/*
 * Masks every input of every I/O APIC and of the two 8259 PICs, and records each I/O APIC's number
 * of inputs in the boot information.
 */
void interrupts_mask_all(void);

#endif
