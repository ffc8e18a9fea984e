/*
 * Opens sessions and asks, and prints `# [bench] NAME TICKS MAXIMUM [PART]` for each path, as the
 * bench program does (tests/bench/system): the configuration calls it bench, and root puts that
 * before each line. A session can be opened only once, so the server offers many services.
 */
#include <stdio.h>

#include "echo.h"
#include "probe.h"
#include "session.h"

#define WARM_UP     8u
#define REPETITIONS 16u
#define OPENINGS    12u /* of which the first ones warm up, and the last one is traced */
#define OPEN_WARM   3u

uint32_t probe_before, probe_after;

static struct session sessions[OPENINGS];
static bool failed;

struct path {
    const char *name, *part;
    void (*run)(unsigned repetition);
    unsigned warm, counted;
};

static void path_empty(unsigned repetition)
{
    (void)repetition;
    probe_begin();
    probe_end();
}

/* Until both sides know that they are connected: the server has a higher priority. */
static void path_open(unsigned repetition)
{
    char name[] = "echo.00";
    enum session_status opened, connected;

    name[5] = (char)('0' + repetition / 10);
    name[6] = (char)('0' + repetition % 10);
    probe_begin();
    opened = session_open(&sessions[repetition], name, ECHO_VERSION);
    connected = session_connect(&sessions[repetition], 0);
    probe_end();
    failed = failed || opened != SESSION_DONE || connected != SESSION_DONE;
}

static void path_round_trip(unsigned repetition)
{
    struct session_entry entry = {.id = repetition, .word = {repetition}};

    probe_begin();
    enum session_status status = session_call(&sessions[0], &entry, 0);
    probe_end();
    failed = failed || status != SESSION_DONE || entry.word[0] != repetition + 1;
}

/* Time for the other CPU to fall asleep, and no interrupt in what is measured next. */
static void pause_shortly(void)
{
    uint64_t until = __builtin_ia32_rdtsc() + ENVIRONMENT->tsc_hz / 10000;

    (void)semaphore_down(PROCESS_NOTICE, DOWN_ZERO, until);
}

static void path_measure(const struct path *path)
{
    static uint32_t overhead;
    uint32_t least = UINT32_MAX, most = 0;
    unsigned n = 0;

    for (; n < path->warm; n++)
        path->run(n);
    for (unsigned i = 0; i < path->counted; i++, n++) {
        pause_shortly();
        if (!i)
            mark(MARK_OPEN);
        path->run(n);
        uint32_t ticks = probe_after - probe_before;
        least = ticks < least ? ticks : least;
        most = ticks > most ? ticks : most;
    }
    mark(MARK_CLOSE);
    pause_shortly();
    debugger_break(); /* one more, to be traced */
    path->run(n);
    debugger_break();
    overhead = overhead ? overhead : least;
    printf("%s %u %u%s\n", path->name, least - overhead, most - overhead, path->part);
}

int main(void)
{
    static const struct path paths[] = {
        {"empty", "", path_empty, WARM_UP, REPETITIONS},
        {"session.open", "", path_open, OPEN_WARM, OPENINGS - OPEN_WARM - 1},
        {"session.round-trip", "", path_round_trip, WARM_UP, REPETITIONS},
    };

    pause_shortly();
    for (unsigned i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
        path_measure(&paths[i]);
    return failed ? 1 : 0;
}
