/*
 * Uses the services that it is given, over and over: random bytes, the time, the log. It says at
 * the end how often each answered, and ends with 1 if one answered wrongly. Through restarts of
 * servers it goes on. The argument is how many rounds; without one, or with 0, until it is stopped.
 * With a second one it says after every so many rounds how it is.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clock_protocol.h"
#include "log_protocol.h"
#include "random_protocol.h"
#include "session.h"
#include "tsc.h"

#define WAIT_S     10u /* for an answer, and for a server that is being restarted */
#define PER_SECOND 50
#define DRIFT_NS   100000000u

struct service_use {
    const char *name;
    struct session session;
    bool there;
    unsigned long answers, reconnects, wrong;
};

static struct service_use clocks = {.name = "clock"}, logs = {.name = "log"},
                          numbers = {.name = "random"};

static uint64_t deadline(void)
{
    return tsc_now() + WAIT_S * ENVIRONMENT->tsc_hz;
}

/* Asks until there is an answer; false: there was none in time. */
static bool ask(struct service_use *use, struct session_entry *entry)
{
    const struct session_entry request = *entry;

    for (;;) {
        *entry = request;
        enum session_status status = session_call(&use->session, entry, deadline());
        if (status == SESSION_DONE)
            break;
        if (status != SESSION_RECONNECT && status != SESSION_BROKEN)
            return false;
        use->reconnects++;
        if (session_connect(&use->session, deadline()) != SESSION_DONE)
            return false;
    }
    use->answers++;
    return true;
}

/*
 * Time does not go back; when the server was started again, by no more than it may have counted
 * seconds otherwise than the real-time clock.
 */
static void clock_use(struct service_use *use)
{
    static uint64_t last;
    static unsigned long reconnects;
    struct session_entry e = {.operation = CLOCK_WALL};

    if (!ask(use, &e)) {
        use->wrong++;
        return;
    }
    if (use->reconnects != reconnects)
        last -= last < DRIFT_NS ? last : DRIFT_NS;
    reconnects = use->reconnects;
    use->wrong += e.operation == CLOCK_DONE && e.word[0] < last;
    last = e.operation == CLOCK_DONE ? e.word[0] : last;
}

static void random_use(struct service_use *use)
{
    struct session_entry e = {.operation = RANDOM_BYTES, .word = {0, 64}};
    static char last[64];
    char *bytes = session_data(&use->session);

    if (!ask(use, &e) || e.operation == RANDOM_BAD_REQUEST) {
        use->wrong++;
        return;
    }
    if (e.operation == RANDOM_DONE) {
        use->wrong += memcmp(last, bytes, sizeof(last)) == 0;
        memcpy(last, bytes, sizeof(last));
    }
}

static void log_use(struct service_use *use, unsigned long round)
{
    char *text = session_data(&use->session);
    int size = snprintf(text, 64, "round %lu", round);
    struct session_entry e = {.operation = LOG_WRITE, .word = {LOG_DEBUG, 0, (uint64_t)size}};

    use->wrong += !ask(use, &e) || e.operation == LOG_BAD_REQUEST;
}

static void open_all(void)
{
    clocks.there = session_open(&clocks.session, "clock", CLOCK_VERSION) == SESSION_DONE;
    logs.there = session_open(&logs.session, "log", LOG_VERSION) == SESSION_DONE;
    numbers.there = session_open(&numbers.session, "random", RANDOM_VERSION) == SESSION_DONE;
}

static unsigned long tell(const struct service_use *use)
{
    if (use->there)
        printf("%s: %lu answers, %lu wrong, %lu reconnects\n", use->name, use->answers, use->wrong,
               use->reconnects);
    return use->wrong;
}

static unsigned long tell_all(void)
{
    return tell(&clocks) + tell(&logs) + tell(&numbers);
}

int main(int count, char **argument)
{
    unsigned long rounds = count > 1 ? strtoul(argument[1], NULL, 10) : 0;
    unsigned long often = count > 2 ? strtoul(argument[2], NULL, 10) : 0;
    const struct timespec pause = {.tv_nsec = 1000000000 / PER_SECOND};

    setvbuf(stdout, NULL, _IOLBF, 0); /* or what is said stays until a buffer is full */
    open_all();
    for (unsigned long round = 1; round <= rounds || !rounds; round++) {
        if (clocks.there)
            clock_use(&clocks);
        if (numbers.there)
            random_use(&numbers);
        if (logs.there)
            log_use(&logs, round);
        if (often && round % often == 0)
            (void)tell_all();
        nanosleep(&pause, NULL);
    }
    return tell_all() ? 1 : 0;
}
