/*
 * The guest's platform: every device, in one place, and how they are wired.
 *
 *     PIT, RTC -> HPET -> ISA 0, 8      UART -> ISA 4      keyboard -> ISA 1      ACPI -> ISA 9
 *     ISA n -> PIC and I/O APIC;  PIC -> LINT0 of the first VCPU;
 *     PCI's INTA to INTD -> I/O APIC 16 to 19, and PIC 10, 11, 10, 11;
 *     I/O APIC and messages -> the bus of the local APICs
 */
#pragma once

#include "acpi_pm.h"
#include "debug_exit.h"
#include "devices.h"
#include "hpet.h"
#include "isa.h"
#include "pci.h"
#include "pit.h"
#include "ps2.h"
#include "reset.h"
#include "rtc.h"
#include "testdev.h"
#include "uart.h"
#include "virtio_rng.h"

struct vcpu;
struct vm;

struct platform {
    struct vm *vm;
    struct vcpu *current; /* whose exit is being handled */
    struct machine machine;
    struct apics apics;
    struct ioapic ioapic;
    struct pic pic;
    struct isa isa;
    struct pit pit;
    struct hpet hpet;
    struct rtc rtc;
    struct uart uart;
    struct ps2 ps2;
    struct acpi_pm acpi_pm;
    struct reset reset;
    struct debug_exit debug_exit;
    struct testdev testdev;
    struct pci_bus pci;
    uint32_t wires; /* levels of INTA to INTD */
    struct virtio_rng rng;
};

/* Sets up all devices, and the LAPICs and MSRs of all VCPUs. False: two have the same addresses. */
bool platform_open(struct platform *p, struct vm *vm);
/* All devices to their state after RESET. */
void platform_reset(struct platform *p);
/* Somebody outside of the VCPU had something for it: what was typed. */
void platform_recalled(struct platform *p);
