/*
 * What a domain's own pool pays for, with one frame after the other: a call is refused with nothing
 * changed until there are enough, and with the frames that it asked for it succeeds.
 */
#include "ranges.h"
#include "suites.h"
#include "world.h"

enum {
    POOR = TEST_SELECTORS, /* a pool of a few frames */
    PART,                  /* MEM of those frames */
    MORE,                  /* MEM of those that the call asked for */
    CHILD,                 /* the domain that POOR pays for */
    PAGES,                 /* MEM of 2 MiB to be mapped */
};

#define LARGE      (2ull << 20)
#define DOMAIN     3u /* frames of an empty domain */
#define PORT       0x80u
#define SLOT_FIRST 5u
#define SLOT_LAST  (SELECTORS - 1)

enum action { GIVE, MAP_PAGES, SPLIT, OPEN };

static const struct use {
    const char *name;
    enum action action;
    uint64_t where; /* selector, address or port */
    uint32_t count, level;
    uint64_t frames;
} uses[] = {
    {"DELEGATE to the first slots", GIVE, SLOT_FIRST, 1, 0, 1},
    {"DELEGATE to the last slot", GIVE, SLOT_LAST, 1, 0, 1},
    {"MAP one page", MAP_PAGES, 0x100000000, 1, 0, 4},
    {"MAP a page of 2 MiB", MAP_PAGES, 0x100000000, 1, 1, 3},
    {"MAP pages across 2 MiB", MAP_PAGES, 0x100000000 + LARGE - PAGE, 2, 0, 5},
    {"MAP pages across 1 GiB", MAP_PAGES, 0x140000000 - PAGE, 2, 0, 6},
    {"MAP pages across 512 GiB", MAP_PAGES, 0x8000000000 - PAGE, 2, 0, 7},
    {"MAP 512 pages across 512 GiB", MAP_PAGES, 0x8000000000 - 5 * PAGE, 512, 0, 7},
    {"PD_SPLIT", SPLIT, 0x100000000, 1, 1, 1},
    {"PORTS_OPEN", OPEN, PORT, 1, 0, 3},
};

static uint64_t wrong;

static void check(const struct use *u, uint64_t frames, uint64_t got, uint64_t expected,
                  const char *what)
{
    if (got != expected) {
        wrong++;
        tap_comment();
        print("%s with %lu frames: %s: %lu, not %lu\n", u->name, frames, what, got, expected);
    }
}

static struct answer use(const struct use *u)
{
    struct map map = {u->where, 0, u->count, u->level, MEM_RIGHT_READ};

    switch (u->action) {
    case GIVE:
        return capability_delegate(CHILD, (uint32_t)u->where, PAGES, RIGHTS_ALL);
    case MAP_PAGES:
        return memory_map(PAGES, CHILD, &map);
    case SPLIT:
        return object_control(CHILD, PD_SPLIT, u->where);
    case OPEN:
        break;
    }
    return range_control(SELECTOR_PORTS, PORTS_OPEN, CHILD, u->where, u->count);
}

/* Can it be undone? Only if it has been done. Delegation has no such call. */
static enum status undo(const struct use *u)
{
    switch (u->action) {
    case GIVE:
        return STATUS_SUCCESS;
    case MAP_PAGES:
        return memory_unmap(CHILD, u->where);
    case SPLIT: /* as one page it can be split; as many it cannot */
        return object_control(CHILD, PD_SPLIT, u->where).status == STATUS_BAD_PARAMETER
                   ? STATUS_SUCCESS
                   : STATUS_BAD_PARAMETER;
    case OPEN:
        break;
    }
    return ports_close(SELECTOR_PORTS, CHILD, u->where);
}

static bool deposit(uint32_t selector, uint64_t offset, uint64_t frames)
{
    return !frames ||
           (memory_create(selector, SELECTOR_POOL, WORLD_MEMORY, offset, frames * PAGE, 0).status ==
                STATUS_SUCCESS &&
            pool_deposit(POOR, selector) == STATUS_SUCCESS);
}

/* A domain whose pool has so many frames left. */
static bool poor_open(const struct use *u, uint64_t frames)
{
    struct map map = {u->where, 0, 1, 1, MEM_RIGHT_READ};
    bool split = u->action == SPLIT;
    uint64_t spent = DOMAIN + (split ? 3 : 0);

    return pool_create(POOR, SELECTOR_POOL).status == STATUS_SUCCESS &&
           deposit(PART, 0, spent + frames) &&
           domain_create(CHILD, POOR).status == STATUS_SUCCESS &&
           (!split || memory_map(PAGES, CHILD, &map).status == STATUS_SUCCESS) &&
           pool_free(POOR).value == frames;
}

static void try(const struct use *u, uint64_t frames)
{
    bool enough = frames >= u->frames;

    check(u, frames, poor_open(u, frames), true, "a poor domain");
    struct answer a = use(u);
    check(u, frames, a.status, enough ? STATUS_SUCCESS : STATUS_NEEDS_FRAMES, "status");
    if (!enough) {
        check(u, frames, a.value, u->frames - frames, "frames asked for");
        check(u, frames, pool_free(POOR).value, frames, "frames left");
        if (u->action != GIVE && u->action != SPLIT) {
            check(u, frames, undo(u), STATUS_BAD_PARAMETER, "nothing is there");
        }
        check(u, frames, deposit(MORE, 0x80000, a.value), true, "as many as it asked for");
        check(u, frames, use(u).status, STATUS_SUCCESS, "once more");
    }
    check(u, frames, pool_free(POOR).value, 0, "all are used");
    check(u, frames, undo(u), STATUS_SUCCESS, "it is done");
    check(u, frames, object_destroy(CHILD), STATUS_SUCCESS, "the domain goes");
    check(u, frames, object_destroy(POOR), STATUS_SUCCESS, "the pool goes");
    check(u, frames, object_destroy(PART), STATUS_SUCCESS, "its frames are there");
    if (!enough) {
        check(u, frames, object_destroy(MORE), STATUS_SUCCESS, "and the others");
    }
}

void suite_poverty(const struct machine *m)
{
    if (!world_open(m)) {
        return;
    }
    uint64_t before = world_free();
    if (!tap_equal(memory_create(PAGES, SELECTOR_POOL, WORLD_MEMORY, LARGE, LARGE, 0).status,
                   STATUS_SUCCESS, "memory to map")) {
        return;
    }
    for (unsigned i = 0; i < sizeof(uses) / sizeof(uses[0]); i++) {
        wrong = 0;
        for (uint64_t frames = 0; frames <= uses[i].frames; frames++) {
            try(&uses[i], frames);
        }
        tap_equal(wrong, 0, uses[i].name);
    }
    tap_equal(object_destroy(PAGES), STATUS_SUCCESS, "the memory goes");
    world_balance(before);
}
