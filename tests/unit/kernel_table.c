/*
 * Capability tables over a real pool: lookups at and past every edge, frames of slots that are
 * missing, pools that run out at every point, and tables that are given up in small steps.
 */
#include "table.h"

#include <stdlib.h>

#include "tap.h"

#define FRAMES  64u
#define TABLES  4u
#define OBJECTS 16u
#define ROUNDS  60u

static uint8_t *memory;
static struct pool *pool;
static struct object source, objects[OBJECTS];
static struct deposit *deposit;
static struct table tables[TABLES];

static uint64_t random_state = 0x9e3779b97f4a7c15ull;

static uint32_t random_below(uint32_t bound)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 32) % bound;
}

bool mem_retreat_step(struct node *origin)
{
    (void)origin;
    return false;
}

void mem_remove(struct node *origin)
{
    (void)origin;
    abort();
}

void part_remove(struct node *origin)
{
    mem_remove(origin);
}

void sc_remove(struct node *node)
{
    mem_remove(node);
}

unsigned mappings_remove(struct node *first, const struct chain *end, unsigned limit)
{
    (void)first, (void)end, (void)limit;
    abort(); /* there are none here */
}

void interrupt_remove(struct node *node)
{
    (void)mappings_remove(node, NULL, 1);
}

static void reset(unsigned frames)
{
    if (!memory)
        memory = aligned_alloc(FRAME_SIZE, FRAMES * FRAME_SIZE);
    if (!pool)
        pool = aligned_alloc(FRAME_SIZE, FRAME_SIZE);
    memset(memory, 0, frames * FRAME_SIZE);
    memset(memory + frames * FRAME_SIZE, 0xaa, (FRAMES - frames) * FRAME_SIZE); /* not the pool's */
    memset(pool, 0, FRAME_SIZE);
    memset(tables, 0, sizeof(tables));
    memset(objects, 0, sizeof(objects));
    for (unsigned i = 0; i < OBJECTS; i++)
        chain_init(&objects[i].nodes);
    pool_init(pool);
    deposit = pool_deposit_open(pool, memory, frames * FRAME_SIZE, &source);
    while (frames--)
        pool_deposit_extend(deposit);
}

static bool create(struct table *table, uint64_t selector, struct object *object, uint32_t rights)
{
    struct node *slot = table_slot(table, selector);

    if (!slot || !slot_claim(slot))
        return false;
    node_insert_first(object, slot, rights);
    return true;
}

static void clear(struct table *table)
{
    unsigned budget;

    do
        budget = 1000;
    while (table_end_step(table, &budget));
    pool_give_frame(pool, table->directory);
}

/* Every frame is back, and all of them come off the deposit zero. */
static bool balanced(unsigned frames)
{
    bool good = pool->free_frames == frames;

    good &= pool_deposit_close(deposit);
    while (deposit->frames) {
        const uint8_t *frame = pool_deposit_shrink(deposit);
        for (unsigned i = 0; i < FRAME_SIZE; i++)
            good &= !frame[i];
    }
    return good;
}

static void test_lookup(void)
{
    struct table *table = &tables[0];
    struct object *found = NULL;
    struct node *slot;

    reset(8);
    ok(table_init(table, pool), "a table takes one frame");
    is_u64(pool->free_frames, 7, "for its directory");
    ok(!table_slot(table, 0) && !table_slot(table, SELECTORS - 1), "it has no slots yet");
    is_u64(table_word(table, 5), CAPABILITY_EMPTY, "so every selector is empty");
    ok(table_extend(table, 0), "slots can be added at the start");
    ok(table_extend(table, SELECTORS - 1), "and at the end");
    is_u64(pool->free_frames, 5, "for a frame each");
    ok(table_slot(table, 0) + 127 == table_slot(table, 127), "a frame holds 128 slots");
    ok(!table_slot(table, 128) && table_slot(table, SELECTORS - 1), "of its own selectors");
    ok(!table_slot(table, SELECTORS) && !table_slot(table, 1ull << 32) && !table_slot(table, ~0ull),
       "no slot has a selector past the table");
    objects[0].type = OBJECT_SM;
    ok(create(table, 127, &objects[0], SM_RIGHT_UP | RIGHT_DESTROY), "a capability is put there");
    is_u64(table_find(table, 127, OBJECT_SM, SM_RIGHT_UP, &found), STATUS_SUCCESS, "and found");
    ok(found == &objects[0], "to its object");
    is_u64(table_find(table, 127, OBJECT_SM, SM_RIGHT_UP | SM_RIGHT_DOWN, &found), STATUS_NO_RIGHT,
           "but not with a right that it lacks");
    is_u64(table_find(table, 127, OBJECT_PT, 0, &found), STATUS_BAD_CAPABILITY,
           "nor as another type");
    is_u64(table_find(table, 126, OBJECT_SM, 0, &found), STATUS_BAD_CAPABILITY,
           "an empty selector is refused");
    is_u64(table_find(table, SELECTORS, OBJECT_SM, 0, &found), STATUS_BAD_CAPABILITY,
           "and one past the table");
    slot = table_slot(table, 126);
    ok(slot_claim(slot), "a slot is claimed");
    is_u64(table_find(table, 126, OBJECT_SM, 0, &found), STATUS_BAD_CAPABILITY,
           "it names nothing before it is filled");
    slot_unclaim(slot);
    clear(table);
    ok(chain_empty(&objects[0].nodes), "the table goes, and its capability with it");
    ok(balanced(8), "all frames are back and zero");
}

/* With n frames in the pool, for all n up to what three selectors take. */
static void test_exhaustion(void)
{
    static const uint64_t selectors[4] = {100, 1000, 101, 65535};
    unsigned good = 0;

    for (unsigned frames = 0; frames <= 5; frames++) {
        unsigned left = frames;

        reset(frames);
        if (!table_init(&tables[0], pool)) {
            good += frames == 0;
            continue;
        }
        left--;
        for (unsigned i = 0; i < 4; i++) {
            bool takes = !table_slot(&tables[0], selectors[i]);

            good += !table_extend(&tables[0], selectors[i]) == (takes && !left);
            left -= takes && left;
            good += pool->free_frames == left;
        }
        clear(&tables[0]);
        good += balanced(frames);
    }
    is_u64(good, 1 + 5 * 9, "each call takes what it needs or says that it is missing");
}

/* Delegates around at random, then gives the tables up one after the other in small steps. */
static bool fill_and_clear(void)
{
    unsigned budget, left;
    bool good = true, more;

    reset(FRAMES);
    for (unsigned i = 0; i < TABLES; i++)
        good &= table_init(&tables[i], pool);
    for (unsigned i = 0; i < OBJECTS; i++)
        good &= table_extend(&tables[0], 200ull * i) &&
                create(&tables[0], 200ull * i, &objects[i], RIGHTS_ALL);
    for (unsigned i = 0; i < 2000; i++) {
        struct table *from = &tables[random_below(TABLES)], *to = &tables[random_below(TABLES)];
        uint64_t at = 600ull * random_below(8) + random_below(8),
                 with = 200ull * random_below(OBJECTS);
        struct node *slot = table_slot(from, random_below(2) ? with : at + random_below(8));
        uint64_t word = slot ? slot_word(slot) : CAPABILITY_EMPTY;

        if (word && table_extend(to, at))
            (void)!slot_delegate(slot, word, table_slot(to, at), RIGHTS_ALL);
    }
    for (unsigned i = TABLES; i-- > 0;) {
        do {
            budget = left = 1 + random_below(20);
            more = table_end_step(&tables[i], &left);
            good &= left <= budget && tables[i].directory;
        } while (more);
        good &= !tables[i].end;
        pool_give_clean_frame(pool, tables[i].directory);
    }
    for (unsigned i = 0; i < OBJECTS; i++)
        good &= chain_empty(&objects[i].nodes);
    return good && balanced(FRAMES);
}

static void test_clear(void)
{
    unsigned good = 0;

    for (unsigned i = 0; i < ROUNDS; i++)
        good += fill_and_clear();
    is_u64(good, ROUNDS, "tables with each other's capabilities go and leave nothing behind");
}

/* A step with little budget removes no more than that, and the next goes on. */
static void test_clear_steps(void)
{
    struct table *table = &tables[0];
    unsigned steps = 0, budget;

    reset(4);
    ok(table_init(table, pool) && table_extend(table, 0) && table_extend(table, 128),
       "a table of 256 slots");
    ok(create(table, 0, &objects[0], 1), "with a capability");
    for (unsigned i = 1; i < 200; i++)
        if (slot_delegate(table_slot(table, 0), table_word(table, 0), table_slot(table, i), 1))
            abort();
    do {
        budget = 10;
        steps++;
    } while (table_end_step(table, &budget));
    ok(steps >= 20 && steps <= 22, "and 199 derived ones goes ten a step (%u steps)", steps);
    ok(!table_slot(table, 0) && !table_slot(table, 128), "the frames of slots go with them");
    pool_give_clean_frame(pool, table->directory);
    ok(balanced(4), "all frames are back and zero");
}

/* A step looks at one frame of slots, though nothing in it takes from the budget. */
static void test_clear_empty(void)
{
    struct table *table = &tables[0];
    unsigned steps = 1, budget = 10;

    reset(6);
    bool made = table_init(table, pool) && table_extend(table, SELECTORS - 1);
    for (unsigned i = 0; i < 4; i++)
        made = made && table_extend(table, i * TABLE_SLOTS);
    ok(made, "a table of five empty frames of slots");
    while (table_end_step(table, &budget))
        steps++;
    is_u64(steps, 6, "is given up one a step, with one for the gap");
    pool_give_clean_frame(pool, table->directory);
    ok(balanced(6), "all frames are back and zero");
}

int main(void)
{
    test_lookup();
    test_exhaustion();
    test_clear_steps();
    test_clear_empty();
    test_clear();
    free(memory);
    free(pool);
    return done_testing();
}
