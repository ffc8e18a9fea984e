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
    bool armed, running;
    uint64_t start_address, start;
    uint64_t longest_address, longest;
};

static struct counts raw[2]; /* by half of the address space: lower, upper */
static struct counts totals[LEVELS];
static bool in_guest;
static uint64_t exits;
static struct stretch stretch;

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
    fprintf(out,
            ", \"stretch\": {\"instructions\": %" PRIu64 ", \"address\": \"0x%" PRIx64 "\"}}\n",
            stretch.longest, stretch.longest_address);
    fflush(out);
}

void stretch_arm(void)
{
    stretch.armed = true;
}

void stretch_begin(uint64_t address)
{
    if (!stretch.armed || stretch.running)
        return;
    stretch.running = true;
    stretch.start = tally_now();
    stretch.start_address = address;
}

void stretch_end(void)
{
    uint64_t length = tally_now() - stretch.start;

    if (!stretch.running)
        return;
    stretch.running = false;
    if (length <= stretch.longest)
        return;
    stretch.longest = length;
    stretch.longest_address = stretch.start_address;
}
