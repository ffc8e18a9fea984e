/*
 * Frames of a pool go from one use to the next without anything of the last one. A program sees
 * those that become UTCBs, and all of them once their MEM is withdrawn.
 */
#include "actors.h"
#include "canary_check.h"
#include "ranges.h"
#include "suites.h"
#include "world.h"

enum {
    PART = TEST_SELECTORS, /* the frames */
    POOR,                  /* the pool that has them */
    CHILD,                 /* what it pays for */
    CONTEXT,
    TIME,
    PAGES,
    OWNER = 1,
};

#define FRAMES 24u
#define HERE   TEST_ADDRESS
#define UTCB   (TEST_ADDRESS + (1ull << 30))
#define DEEP   0x500000000000ull /* needs tables of its own at all levels */
#define MARK   0x5ec2e70000000000ull
#define RW     (MEM_RIGHT_READ | MEM_RIGHT_WRITE)

static struct canary marks;

static void page_mark(uint64_t address, uint64_t pages)
{
    for (uint64_t at = address; at < address + pages * PAGE; at += 8) {
        *(volatile uint64_t *)at = MARK | (at & 0xffffffff);
    }
}

static uint64_t page_dirty(uint64_t address, uint64_t pages)
{
    uint64_t dirty = 0;

    for (uint64_t at = address; at < address + pages * PAGE; at += 8) {
        dirty += *(volatile uint64_t *)at != 0;
    }
    return dirty;
}

static enum status part_map(void)
{
    struct map map = {.address = HERE, .count = FRAMES, .rights = RW};

    return memory_map(PART, SELECTOR_PD, &map).status;
}

static bool part_open(void)
{
    bool open = memory_create(PART, SELECTOR_POOL, WORLD_MEMORY, 0, FRAMES * PAGE, 0).status ==
                    STATUS_SUCCESS &&
                memory_create(PAGES, SELECTOR_POOL, WORLD_MEMORY, 1 << 20, PAGE, 0).status ==
                    STATUS_SUCCESS &&
                pool_create(POOR, SELECTOR_POOL).status == STATUS_SUCCESS &&
                part_map() == STATUS_SUCCESS;

    if (open) {
        page_mark(HERE, FRAMES);
    }
    return tap_ok(open && pool_deposit(POOR, PART) == STATUS_SUCCESS, "frames full of marks");
}

/* They come back clean. */
static void part_check(const char *what)
{
    tap_equal(pool_free(POOR).value, FRAMES, "all frames are free again");
    tap_equal(pool_withdraw(POOR, PART), STATUS_SUCCESS, "they are taken back");
    tap_equal(part_map(), STATUS_SUCCESS, "and mapped");
    tap_equal(page_dirty(HERE, FRAMES), 0, what);
    page_mark(HERE, FRAMES);
    tap_equal(pool_deposit(POOR, PART), STATUS_SUCCESS, "full of marks they are deposited");
}

/* Each frame in turn: as many UTCBs as there are frames, twice; all of them stay marked. */
static void check_utcbs(void)
{
    uint64_t made[2] = {0, 0}, dirty = 0, gone = 0;

    for (unsigned turn = 0; turn < 2; turn++) {
        for (uint32_t i = 0; i < FRAMES; i++) {
            uint64_t address = UTCB + i * PAGE;
            if (context_create(CONTEXT + 10 + i, POOR, SELECTOR_PD, 0, 0, address, 0).status ==
                STATUS_SUCCESS) {
                made[turn]++;
                dirty += page_dirty(address, 1);
                page_mark(address, 1);
            }
        }
        for (uint32_t i = 0; i < FRAMES; i++) {
            gone += object_destroy(CONTEXT + 10 + i) == STATUS_SUCCESS;
        }
    }
    tap_equal(made[0], FRAMES / 2, "as many contexts as the frames are enough for");
    tap_ok(made[1] == made[0] && gone == 2 * made[0], "and again");
    tap_equal(dirty, 0, "nothing is in a new UTCB");
    part_check("UTCBs leave nothing");
}

/* Tables of capabilities and pages, records and a bitmap of ports. */
static void check_domain(void)
{
    struct map map = {.address = DEEP, .count = 1, .rights = MEM_RIGHT_READ};
    uint64_t used = 0;

    used += domain_create(CHILD, POOR).status == STATUS_SUCCESS;
    used += memory_map(PAGES, CHILD, &map).status == STATUS_SUCCESS;
    map.address = HERE;
    used += memory_map(PAGES, CHILD, &map).status == STATUS_SUCCESS;
    for (uint32_t i = 0; i < 3; i++) {
        used += capability_delegate(CHILD, i * 1000, PAGES, RIGHTS_ALL).status == STATUS_SUCCESS;
    }
    used += ports_open(SELECTOR_PORTS, CHILD, 0x80, 1) == STATUS_SUCCESS;
    used += semaphore_create(CONTEXT, POOR, 77).status == STATUS_SUCCESS;
    used += pool_create(TIME, POOR).status == STATUS_SUCCESS;
    tap_equal(used, 9, "a domain and what belongs to it");
    tap_ok(pool_free(POOR).value < FRAMES / 2, "take many frames");
    tap_equal(object_destroy(CHILD) | object_destroy(CONTEXT) | object_destroy(TIME),
              STATUS_SUCCESS, "all goes");
    part_check("tables, records, bitmaps and objects leave nothing");
}

/* Marks in all registers, which the kernel saves in its frames when it preempts the thread. */
static void check_thread(void)
{
    struct schedule low = actor_schedule(PRIORITY_LOW);
    volatile struct utcb_state *state = (volatile struct utcb_state *)FIRST_UTCB_ADDRESS;

    canary_fill(&marks, OWNER);
    marks.in[CANARY_RAX] = SYSCALL_DOWN; /* and preempted again and again before that */
    marks.in[CANARY_RDI] = SELECTORS;
    bool made = context_create(CONTEXT, POOR, SELECTOR_PD, (uint64_t)canary_serve,
                               (uint64_t)marks.in, UTCB, 0)
                    .status == STATUS_SUCCESS;
    made = made && time_create(TIME, POOR, CONTEXT, &low).status == STATUS_SUCCESS;
    tap_ok(made, "a thread with marks in all registers");
    for (unsigned i = 0; made && i < 20; i++) {
        world_sleep(world.millisecond);
    }
    tap_ok(marks.out[CANARY_RAX] != 0, "runs and is preempted");
    tap_equal(object_destroy(TIME) | object_destroy(CONTEXT), STATUS_SUCCESS, "it goes");
    made = context_create(CONTEXT, POOR, SELECTOR_PD, (uint64_t)canary_serve, (uint64_t)marks.in,
                          UTCB, 0)
               .status == STATUS_SUCCESS;
    tap_ok(made && context_read(CONTEXT) == STATUS_SUCCESS, "the next one");
    tap_equal(state->rbx | state->rbp | state->r12 | state->r15 | state->fs_base, 0,
              "has none of its registers");
    tap_equal(object_destroy(CONTEXT), STATUS_SUCCESS, "it goes");
    part_check("registers leave nothing in a frame");
}

void suite_remains(const struct machine *m)
{
    if (!world_open(m)) {
        return;
    }
    uint64_t before = world_free();
    if (!part_open()) {
        return;
    }
    check_utcbs();
    check_domain();
    check_thread();
    tap_equal(object_destroy(POOR), STATUS_SUCCESS, "the pool goes");
    tap_equal(part_map(), STATUS_SUCCESS, "its frames are there");
    tap_equal(page_dirty(HERE, FRAMES), 0, "and clean");
    tap_equal(object_destroy(PART) | object_destroy(PAGES), STATUS_SUCCESS, "the memory goes");
    world_balance(before);
}
