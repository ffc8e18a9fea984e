/* TAP writer. Counts belong to the suite that is open; suites counts those that were closed. */
#include "tap.h"

#include "print.h"

static struct {
    const char *name;
    unsigned run, failed;
    unsigned suites;
} tap;

void tap_plan(unsigned suites)
{
    print("1..%u\n", suites);
}

void tap_suite_begin(const char *name)
{
    tap.name = name;
    tap.run = 0;
    tap.failed = 0;
    print("    # Subtest: %s\n", name);
}

bool tap_suite_end(void)
{
    bool ok = tap.failed == 0 && tap.run > 0;

    print("    1..%u\n", tap.run);
    print("%s %u - %s\n", ok ? "ok" : "not ok", ++tap.suites, tap.name);
    return ok;
}

bool tap_ok(bool ok, const char *what)
{
    tap.run++;
    tap.failed += !ok;
    print("    %s %u - %s\n", ok ? "ok" : "not ok", tap.run, what);
    return ok;
}

bool tap_equal(uint64_t got, uint64_t expected, const char *what)
{
    if (!tap_ok(got == expected, what)) {
        tap_comment();
        print("got %#lx, expected %#lx\n", got, expected);
    }
    return got == expected;
}

bool tap_at_most(uint64_t got, uint64_t limit, const char *what)
{
    if (!tap_ok(got <= limit, what)) {
        tap_comment();
        print("got %lu, limit %lu\n", got, limit);
    }
    return got <= limit;
}

void tap_skip(const char *what, const char *reason)
{
    tap.run++;
    print("    ok %u - %s # SKIP %s\n", tap.run, what, reason);
}

void tap_comment(void)
{
    print("    # ");
}
