/*
 * ACPI's fixed hardware (ACPI 6.4, 4.8.3): PM1a event and control registers and the power
 * management timer, 12 ports. The guest is always in ACPI mode.
 */
#pragma once

#include "devices.h"

#define ACPI_PM_PORT    0x600u
#define ACPI_PM_EVENT   0u /* registers: offsets from there */
#define ACPI_PM_CONTROL 4u
#define ACPI_PM_TIMER   8u
#define ACPI_PM_PORTS   12u
#define ACPI_PM_HZ      3579545u
#define ACPI_PM_S5      5u /* sleep type of "off": the DSDT tells it */

struct acpi_pm {
    struct machine *machine;
    struct line sci;
    void (*sleep)(void *context, uint8_t type);
    void *context;
    struct timer timer;
    uint64_t start;  /* the tick at which the timer was 0 */
    uint64_t halves; /* times that the timer's bit 31 had changed when TMR_STS was cleared */
    uint16_t status, enable, control;
};

/* sleep: the guest asks for a state, by the type that the DSDT gave it. False: ports are taken. */
bool acpi_pm_open(struct acpi_pm *pm, struct machine *machine, const struct line *sci,
                  void (*sleep)(void *context, uint8_t type), void *context);
void acpi_pm_reset(struct acpi_pm *pm);

/* Somebody pressed it. What comes of it is the guest's affair. */
void acpi_pm_power_button(struct acpi_pm *pm);
