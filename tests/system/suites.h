/* The system suites. Each runs as one TAP subtest and looks at one side of the machine. */
#ifndef CAIRN_SYSTEM_SUITES_H
#define CAIRN_SYSTEM_SUITES_H

#include "machine.h"
#include "options.h"

void suite_boot_info(const struct machine *m);
void suite_memory(const struct machine *m);
void suite_devices(const struct machine *m);
void suite_cpus(const struct machine *m);
void suite_modules(const struct machine *m);
void suite_clock(const struct machine *m);
void suite_registers(const struct machine *m);
void suite_syscalls(const struct machine *m);
void suite_ports(const struct machine *m);
void suite_protection(const struct machine *m);

/* Runs the suites whose names match glob and prints their TAP. Returns how many failed. */
unsigned suites_run(const struct machine *m, struct word glob);

#endif
