/* Guests in each mode run, compute, report and halt. */
#include "monitor.h"
#include "suites.h"

#define REPORT 0x1234u

static const struct case_mode {
    const struct tiny *guest;
    uint64_t result, size; /* what it computes, and how many bytes of it it reports */
} cases[] = {
    {&tiny_real, 5050, 2},     {&tiny_protected, 479001600, 4},      {&tiny_paged, 479001600, 4},
    {&tiny_pae, 479001600, 4}, {&tiny_long, 2432902008176640000, 4},
};

#define CASES (sizeof(cases) / sizeof(cases[0]))

static void check_log(const struct monitor_vcpu *v, const struct case_mode *c)
{
    static const uint64_t reasons[] = {EXIT_STARTUP, EXIT_IO, EXIT_CPUID, EXIT_HLT};
    const struct monitor_exit *log = v->log;
    uint64_t mask = (1ull << 8 * c->size) - 1;
    unsigned wrong = 0;

    if (!tap_equal(v->exits, 4, "four exits")) {
        monitor_print(v);
        return;
    }
    for (unsigned i = 0; i < 4; i++) {
        wrong += log[i].reason != reasons[i] || log[i].state.reason != reasons[i] ||
                 log[i].words != 4 || log[i].rip != log[i].state.rip ||
                 log[i].qualification != log[i].state.qualification ||
                 log[i].address != log[i].state.address;
    }
    tap_equal(wrong, 0, "of these reasons, the same in the page as in the message");
    tap_equal(log[1].qualification, REPORT | c->size << EXIT_IO_SIZE_SHIFT, "it reports");
    tap_equal(log[1].state.rax & mask, c->result & mask, "what it computed");
    tap_equal(log[2].state.rax, 0x40000000, "it asks for CPUID");
    tap_equal(*(volatile uint32_t *)monitor_at(v->monitor, TINY_DATA), (uint32_t)c->result,
              "and wrote it to memory");
    tap_equal(log[3].state.rbx & UINT32_MAX, MONITOR_VALUE(2), "the answer is there");
    tap_equal(*monitor_at(v->monitor, log[3].rip), 0xf4, "RIP is that of HLT");
}

void suite_guest_modes(const struct machine *m)
{
    if (!monitor_possible(m)) {
        return;
    }
    uint64_t before = world_free();
    if (monitor_open(0, TINY_BYTES)) {
        for (unsigned i = 0; i < CASES; i++) {
            if (tap_ok(monitor_run(&monitors[0], cases[i].guest, 0, NULL), cases[i].guest->name)) {
                check_log(&monitors[0].vcpus[0], &cases[i]);
            }
        }
    }
    monitor_close(&monitors[0]);
    world_balance(before);
}
