/* The system suites. Each runs as one TAP subtest and looks at one side of the machine. */
#pragma once

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
void suite_objects(const struct machine *m);
void suite_exhaustion(const struct machine *m);
void suite_poverty(const struct machine *m);
void suite_grants(const struct machine *m);
void suite_mapping(const struct machine *m);
void suite_vms(const struct machine *m);
void suite_semaphores(const struct machine *m);
void suite_ipc(const struct machine *m);
void suite_calls(const struct machine *m);
void suite_items(const struct machine *m);
void suite_exceptions(const struct machine *m);
void suite_hostile(const struct machine *m);
void suite_scheduling(const struct machine *m);
void suite_vectors(const struct machine *m);
void suite_secrets(const struct machine *m);
void suite_remains(const struct machine *m);
void suite_interrupts(const struct machine *m);
void suite_port_ranges(const struct machine *m);
void suite_messages(const struct machine *m);
void suite_shares(const struct machine *m);
void suite_inversion(const struct machine *m);
void suite_smp(const struct machine *m);
void suite_ends(const struct machine *m);
void suite_crossing(const struct machine *m);
void suite_cycles(const struct machine *m);
void suite_fuzz(const struct machine *m);
void suite_control(const struct machine *m);
void suite_recall(const struct machine *m);
void suite_trace(const struct machine *m);
void suite_errors(const struct machine *m);
void suite_reserved(const struct machine *m);
void suite_guest_modes(const struct machine *m);
void suite_guest_fuzz(const struct machine *m);
void suite_guest_exits(const struct machine *m);
void suite_guest_memory(const struct machine *m);
void suite_guest_revocation(const struct machine *m);
void suite_guest_hostile(const struct machine *m);
void suite_guest_sweep_msrs(const struct machine *m);
void suite_guest_sweep_ports(const struct machine *m);
void suite_guest_storms(const struct machine *m);
void suite_guest_ports(const struct machine *m);
void suite_guest_injection(const struct machine *m);
void suite_guest_state(const struct machine *m);
void suite_guest_control(const struct machine *m);
void suite_guest_vectors(const struct machine *m);
void suite_guest_switch(const struct machine *m);
void suite_guest_xcr0(const struct machine *m);
void suite_guest_points(const struct machine *m);
void suite_guest_refused(const struct machine *m);
void suite_guest_recall(const struct machine *m);
void suite_guest_freeze(const struct machine *m);
void suite_guest_copies(const struct machine *m);
void suite_guest_turns(const struct machine *m);
void suite_guest_takeover(const struct machine *m);
void suite_guest_ends(const struct machine *m);

/* Runs the suites whose names match glob and prints their TAP. Returns how many failed. */
unsigned suites_run(const struct machine *m, struct word glob);
