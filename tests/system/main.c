/*
 * The first program: prints the banner, or runs the suites that tests=GLOB selects, or commits
 * the fault that fault=NAME says; then powers the machine off. Its status is 0, or 1 when a suite
 * failed, a fault went unpunished or the boot information cannot be used.
 *
 * Other options: expect.cpus=N, expect.memory=BYTES and expect.framebuffer are what the machine
 * has, `exact` says that time counts instructions, `hold` keeps the machine running for who looks
 * at it from outside.
 */
#include "banner.h"
#include "cpu.h"
#include "fault.h"
#include "print.h"
#include "suites.h"
#include "sys.h"

int main(const void *area, uint64_t entered);

/* Larger than any area that the kernel maps. The memory suite checks the size that it claims. */
#define AREA_LIMIT (16u << 20)

static bool machine_open(struct machine *m, const void *area)
{
    enum boot_view_status status = boot_view_open(&m->view, area, AREA_LIMIT);
    struct word word;

    if (status != BOOT_VIEW_OK) {
        print("# [first] error: boot information area is unusable (%u)\n", (unsigned)status);
        return false;
    }
    m->info = m->view.header;
    m->command_line = boot_view_string(&m->view, m->info->command_line);
    if (!m->command_line) {
        print("# [first] error: the command line lies outside the boot information area\n");
        return false;
    }
    m->cpus = 0;
    m->memory = 0;
    (void)option_number(m->command_line, "expect.cpus", &m->cpus);
    (void)option_number(m->command_line, "expect.memory", &m->memory);
    m->framebuffer = option_find(m->command_line, "expect.framebuffer", &word);
    m->exact = option_find(m->command_line, "exact", &word);
    return true;
}

/* What the command line asks for; returns the status. */
static unsigned machine_use(const struct machine *m, uint64_t entered)
{
    struct word word;

    if (option_find(m->command_line, "fault", &word)) {
        fault_run(m, word);
        return 1;
    }
    if (option_find(m->command_line, "tests", &word)) {
        return suites_run(m, word) > 0;
    }
    banner_print(m, entered);
    return 0;
}

/* entered: the TSC at the program's first lines. */
int main(const void *area, uint64_t entered)
{
    struct machine machine;
    struct word word;
    unsigned status = 1;

    if (machine_open(&machine, area)) {
        status = machine_use(&machine, entered);
        if (option_find(machine.command_line, "hold", &word)) {
            print("# [first] holding\n");
            for (;;) {
                cpu_pause();
            }
        }
    }
    print("# [first] error: power off returned %u\n", (unsigned)sys_power_off(status));
    return 1;
}
