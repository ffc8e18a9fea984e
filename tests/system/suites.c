/* The table of suites. Its order is the order in which they run. */
#include "suites.h"

#include "glob.h"
#include "tap.h"

struct suite {
    const char *name;
    void (*run)(const struct machine *m);
};

static const struct suite suites[] = {
    {"registers", suite_registers},
    {"boot_info", suite_boot_info},
    {"memory", suite_memory},
    {"devices", suite_devices},
    {"cpus", suite_cpus},
    {"modules", suite_modules},
    {"clock", suite_clock},
    {"syscalls", suite_syscalls},
    {"ports", suite_ports},
    {"protection", suite_protection},
    {"objects", suite_objects},
    {"exhaustion", suite_exhaustion},
    {"poverty", suite_poverty},
    {"grants", suite_grants},
    {"mapping", suite_mapping},
    {"vms", suite_vms},
    {"semaphores", suite_semaphores},
    {"ipc", suite_ipc},
    {"calls", suite_calls},
    {"items", suite_items},
    {"exceptions", suite_exceptions},
    {"hostile", suite_hostile},
    {"scheduling", suite_scheduling},
    {"vectors", suite_vectors},
    {"secrets", suite_secrets},
    {"remains", suite_remains},
    {"interrupts", suite_interrupts},
    {"port_ranges", suite_port_ranges},
    {"messages", suite_messages},
    {"shares", suite_shares},
    {"inversion", suite_inversion},
    {"smp", suite_smp},
    {"ends", suite_ends},
    {"crossing", suite_crossing},
    {"cycles", suite_cycles},
    {"fuzz", suite_fuzz},
    {"control", suite_control},
    {"recall", suite_recall},
    {"trace", suite_trace},
    {"errors", suite_errors},
    {"reserved", suite_reserved},
    {"guest_modes", suite_guest_modes},
    {"guest_fuzz", suite_guest_fuzz},
    {"guest_exits", suite_guest_exits},
    {"guest_memory", suite_guest_memory},
    {"guest_revocation", suite_guest_revocation},
    {"guest_hostile", suite_guest_hostile},
    {"guest_sweep_msrs", suite_guest_sweep_msrs},
    {"guest_sweep_ports", suite_guest_sweep_ports},
    {"guest_storms", suite_guest_storms},
    {"guest_ports", suite_guest_ports},
    {"guest_injection", suite_guest_injection},
    {"guest_state", suite_guest_state},
    {"guest_control", suite_guest_control},
    {"guest_vectors", suite_guest_vectors},
    {"guest_switch", suite_guest_switch},
    {"guest_xcr0", suite_guest_xcr0},
    {"guest_points", suite_guest_points},
    {"guest_refused", suite_guest_refused},
    {"guest_recall", suite_guest_recall},
    {"guest_freeze", suite_guest_freeze},
    {"guest_copies", suite_guest_copies},
    {"guest_turns", suite_guest_turns},
    {"guest_takeover", suite_guest_takeover},
    {"guest_ends", suite_guest_ends},
};

#define SUITES (sizeof(suites) / sizeof(suites[0]))

static unsigned suites_matching(struct word glob)
{
    unsigned count = 0;

    for (unsigned i = 0; i < SUITES; i++) {
        count += glob_match(glob.text, glob.length, suites[i].name);
    }
    return count;
}

unsigned suites_run(const struct machine *m, struct word glob)
{
    unsigned failed = 0, count = suites_matching(glob);

    tap_plan(count ? count : 1);
    if (count == 0) {
        tap_suite_begin("selection");
        tap_ok(false, "some suite matches tests=GLOB");
        return !tap_suite_end();
    }
    for (unsigned i = 0; i < SUITES; i++) {
        if (glob_match(glob.text, glob.length, suites[i].name)) {
            tap_suite_begin(suites[i].name);
            suites[i].run(m);
            failed += !tap_suite_end();
        }
    }
    return failed;
}
