/* The helpers of tap.h see a difference: a harness that cannot fail would prove nothing. */
#include "tap.h"

#include <stdlib.h>
#include <unistd.h>

/*
 * Run `check` with standard output thrown away and take its failure back from the counters.
 * Returns what the check returned.
 */
static bool quiet(bool (*check)(void))
{
    int screen = dup(STDOUT_FILENO);
    unsigned run = tap_run, failed = tap_failed;
    bool result;

    if (screen < 0 || !freopen("/dev/null", "w", stdout))
        abort();
    result = check();
    fflush(stdout);
    if (dup2(screen, STDOUT_FILENO) < 0)
        abort();
    close(screen);
    if (tap_run != run + 1 || tap_failed != failed + !result)
        abort();
    tap_run = run;
    tap_failed = failed;
    return result;
}

static bool false_condition(void)
{
    return ok(false, "false");
}

static bool high_half_differs(void)
{
    return is_u64(1ull << 32, 0, "differs only above bit 31");
}

static bool prefix_of_string(void)
{
    return is_str("cairn", "cairns", "a prefix");
}

static bool null_and_string(void)
{
    return is_str(NULL, "", "NULL and the empty string");
}

static bool nothing_checked(void)
{
    unsigned run = tap_run, failed = tap_failed;
    int status;

    tap_run = tap_failed = 0;
    status = done_testing();
    tap_run = run + 1;
    tap_failed = failed + (status != 0);
    return status == 0;
}

int main(void)
{
    ok(!quiet(false_condition), "a false condition fails");
    ok(!quiet(high_half_differs), "numbers are compared in 64 bits");
    ok(!quiet(prefix_of_string), "strings are compared to their end");
    ok(!quiet(null_and_string), "NULL is not an empty string");
    ok(!quiet(nothing_checked), "a program without checks fails");
    is_u64(1ull << 63, 1ull << 63, "equal numbers pass");
    is_str("cairn", "cairn", "equal strings pass");
    return done_testing();
}
