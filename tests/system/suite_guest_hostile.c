/*
 * Guests that do what they should not, beside one that behaves and a domain that knows nothing of
 * them. Each thing is an exit, an exception of the guest, or harmless; and nobody else notices.
 */
#include "evil.h"
#include "good.h"
#include "suites.h"

#define LIMIT 200000u /* exits of one guest */
#define ALL   (~0u & ~(1u << 2))

static const struct hostile_case {
    const struct tiny *guest;
    struct evil choice;
    const char *what;
} cases[] = {
    {&tiny_evil_events, {.limit = LIMIT}, "exceptions, with handlers and without"},
    {&tiny_evil_events, {.limit = LIMIT, .exceptions = ALL}, "exceptions that the monitor wants"},
    {&tiny_evil_virtual, {.limit = LIMIT}, "instructions of VMX and SVM"},
    {&tiny_evil_privileged, {.limit = LIMIT}, "privileged instructions with odd operands"},
    {&tiny_evil_privileged,
     {.limit = LIMIT, .exceptions = ALL, .intercepts = INTERCEPT_ALL, .msrs = MSR_PASS_ALL},
     "the same, with all that can be asked for"},
    {&tiny_evil_user, {.limit = LIMIT}, "all of it as a program"},
    {&tiny_evil_control, {.limit = LIMIT}, "each bit of the control and debug registers"},
    {&tiny_evil_control, {.limit = LIMIT, .exceptions = ALL}, "with exceptions"},
    {&tiny_evil_segments, {.limit = LIMIT}, "segments, far jumps, tasks, beyond 4 GiB"},
    {&tiny_evil_segments, {.limit = LIMIT, .exceptions = ALL}, "with exceptions"},
    {&tiny_evil_real, {.limit = LIMIT}, "real mode: each INT n, limits, A20"},
    {&tiny_evil_xcr0, {.limit = LIMIT}, "each bit of XCR0"},
};

#define CASES (sizeof(cases) / sizeof(cases[0]))

void suite_guest_hostile(const struct machine *m)
{
    if (!monitor_possible(m)) {
        return;
    }
    uint64_t before = world_free();
    /* Where QEMU counts instructions, that guest begins anew for ever; why, is not known. */
    bool counted = m->exact && m->info->guest.kind == GUEST_SVM;

    if (good_open() && monitor_open(0, TINY_BYTES)) {
        for (unsigned i = 0; i < CASES; i++) {
            if (counted && cases[i].guest == &tiny_evil_segments) {
                continue;
            }
            (void)evil_try(&monitors[0], cases[i].guest, &cases[i].choice, cases[i].what);
            tap_ok(good_goes_on(), "the others go on");
        }
        monitor_close(&monitors[0]);
    }
    good_close();
    world_balance(before);
}
