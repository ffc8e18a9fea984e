/* The tally; see tally.h. Invariant: totals[] are right whenever raw[] is empty. */
#include "tally.h"

#include <inttypes.h>
#include <stddef.h>

enum level {
    LEVEL_KERNEL,
    LEVEL_LOWER,
    LEVEL_GUEST,
    LEVELS,
};

struct stretch {
    uint64_t length;
    uint64_t start;    /* instructions counted before it */
    uint64_t from, to; /* addresses of its first block and of its last */
};

static struct counts raw[2]; /* by half of the address space: lower, upper */
static struct counts totals[LEVELS];
static bool in_guest;
static uint64_t exits;
static enum { STRETCH_NEVER, STRETCH_WANTED, STRETCH_NONE, STRETCH_RUNS } stretch_state;
static struct stretch stretch, longest;

struct counts *tally_raw(uint64_t address)
{
    return &raw[address >> 63];
}

uint64_t tally_now(void)
{
    uint64_t sum = raw[0].instructions + raw[1].instructions;

    for (size_t i = 0; i < LEVELS; i++)
        sum += totals[i].instructions;
    return sum;
}

static void counts_move(struct counts *to, struct counts *from)
{
    to->instructions += from->instructions;
    for (size_t i = 0; i < EVENTS; i++)
        to->events[i] += from->events[i];
    *from = (struct counts){0};
}

/* Credits what has run since the last call to the present level. */
static void counts_settle(void)
{
    counts_move(&totals[in_guest ? LEVEL_GUEST : LEVEL_LOWER], &raw[0]);
    counts_move(&totals[in_guest ? LEVEL_GUEST : LEVEL_KERNEL], &raw[1]);
}

void tally_enter_guest(void)
{
    counts_settle();
    in_guest = true;
}

void tally_leave_guest(void)
{
    counts_settle();
    in_guest = false;
    exits++;
}

bool tally_in_guest(void)
{
    return in_guest;
}

void tally_write(FILE *out, const char *name, uint64_t pass)
{
    static const char *const level_names[LEVELS] = {"kernel", "lower", "guest"};

    counts_settle();
    fprintf(out, "{\"point\": \"%s\", \"pass\": %" PRIu64 ", \"exits\": %" PRIu64, name, pass,
            exits);
    for (size_t level = 0; level < LEVELS; level++) {
        fprintf(out, ", \"%s\": {\"instructions\": %" PRIu64, level_names[level],
                totals[level].instructions);
        for (size_t i = 0; i < EVENTS; i++)
            fprintf(out, ", \"%s\": %" PRIu64, event_name((enum event)i), totals[level].events[i]);
        fprintf(out, "}");
    }
    fprintf(out, ", \"stretch\": {\"instructions\": %" PRIu64 ", \"start\": %" PRIu64,
            longest.length, longest.start);
    fprintf(out, ", \"from\": \"0x%" PRIx64 "\", \"to\": \"0x%" PRIx64 "\"}}\n", longest.from,
            longest.to);
    fflush(out);
    longest = (struct stretch){0};
}

void stretch_arm(void)
{
    if (stretch_state == STRETCH_NEVER)
        stretch_state = STRETCH_WANTED;
}

void stretch_begin(uint64_t address)
{
    if (stretch_state == STRETCH_NONE) {
        stretch_state = STRETCH_RUNS;
        stretch = (struct stretch){.start = tally_now(), .from = address};
    }
    stretch.to = address;
}

void stretch_end(uint64_t more)
{
    if (stretch_state == STRETCH_WANTED)
        stretch_state = STRETCH_NONE;
    if (stretch_state != STRETCH_RUNS)
        return;
    stretch_state = STRETCH_NONE;
    stretch.length = tally_now() + more - stretch.start;
    if (stretch.length > longest.length)
        longest = stretch;
}
