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
