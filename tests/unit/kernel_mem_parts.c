/*
 * MEM objects: division, deposits in steps, and their ends.
 */
#include "kernel_mem.h"

static void test_divide(void)
{
    struct mem *child;

    world_open(MEM_UNCACHED);
    divide(0, 9, 0, 0, MEM_UNCACHED, STATUS_BAD_PARAMETER);
    divide(0, 9, 1, FRAME_SIZE, MEM_UNCACHED, STATUS_BAD_PARAMETER);
    divide(0, 9, 0, 1, MEM_UNCACHED, STATUS_BAD_PARAMETER);
    divide(0, 9, FRAME_SIZE, RAM_FRAMES * FRAME_SIZE, MEM_UNCACHED, STATUS_BAD_PARAMETER);
    divide(0, 9, (RAM_FRAMES + 1) * FRAME_SIZE, FRAME_SIZE, MEM_UNCACHED, STATUS_BAD_PARAMETER);
    divide(0, 9, FRAME_SIZE, 0xfffffffffffff000, MEM_UNCACHED, STATUS_BAD_PARAMETER);
    divide(0, 9, 0, FRAME_SIZE, MEM_WRITE_BACK, STATUS_BAD_PARAMETER);
    slots[0].depth = DEPTH_MAX - 1;
    divide(0, 9, 0, FRAME_SIZE, MEM_UNCACHED, STATUS_DEPTH);
    slots[0].depth = 1;
    ok(!tree_first(&ram.children), "nothing is divided so far");

    child = divide(0, 5, 0x4000, 0x4000, MEM_WRITE_COMBINING, STATUS_SUCCESS);
    is_u64(child->base, ram_at(0x4000), "the child's base");
    is_u64(child->size, 0x4000, "and size");
    is_u64(capability_rights(slots[5].word), EVERYTHING, "and rights");
    divide(0, 9, 0x3000, 0x2000, MEM_UNCACHED, STATUS_IN_USE);
    divide(0, 9, 0x5000, 0x1000, MEM_UNCACHED, STATUS_IN_USE);
    divide(0, 9, 0x7000, 0x2000, MEM_UNCACHED, STATUS_IN_USE);
    divide(0, 9, 0x1000, 0x9000, MEM_UNCACHED, STATUS_IN_USE);
    struct mem *before = divide(0, 6, 0x3000, 0x1000, MEM_UNCACHED, STATUS_SUCCESS);
    struct mem *behind = divide(0, 7, 0x8000, 0x1000, MEM_UNCACHED, STATUS_SUCCESS);
    is_u64(map(0, 0, 0x1000, 0x20000, 1, 0, R), STATUS_IN_USE, "a divided MEM is not mapped");

    ok(map(1, 5, 0x1000, 0x3000, 1, 0, R) == STATUS_SUCCESS, "the child is mapped");
    is_u64(world_translate(&spaces[1], 0x1000), ram_at(0x7000), "its last page");
    divide(5, 9, 0, 0x1000, MEM_WRITE_COMBINING, STATUS_IN_USE);
    divide(5, 9, 0, 0x1000, MEM_UNCACHED, STATUS_BAD_PARAMETER);
    is_u64(mem_close(&ram), STATUS_IN_USE, "what was there at boot is not destroyed");
    ok(mem_destroy(child), "the child is destroyed");
    ok(!world_translate(&spaces[1], 0x1000) && !slot_word(&slots[5]), "mapping and slot are gone");
    child = divide(0, 5, 0x4000, 0x4000, MEM_UNCACHED, STATUS_SUCCESS);
    ok(mem_destroy(child) && mem_destroy(before) && mem_destroy(behind), "its place is free again");
    ok(unchanged(), "and everything is as before");
    ok(map(0, 0, 0x1000, 0, 1, 0, R) == STATUS_SUCCESS, "an undivided MEM is mapped again");
    divide(0, 9, 0, 0x1000, MEM_UNCACHED, STATUS_IN_USE);
    revoke(0, 1, false);
    ram.object.dying = true;
    divide(0, 9, 0, 0x1000, MEM_UNCACHED, STATUS_BAD_CAPABILITY);
}

static void delegate(unsigned from, unsigned to, uint32_t rights)
{
    if (slot_delegate(&slots[from], slots[from].word, &slots[to], rights) != STATUS_SUCCESS)
        abort();
}

/* What was cut through a capability goes with it, and what was cut through another one stays. */
static void test_revoke_children(void)
{
    world_open(MEM_WRITE_BACK);
    delegate(0, 1, RIGHTS_ALL & ~MEM_RIGHT_WRITE);
    delegate(0, 2, RIGHTS_ALL);
    divide(1, 3, 0, 0x8000, MEM_WRITE_BACK, STATUS_SUCCESS);
    ok(!(capability_rights(slots[3].word) & MEM_RIGHT_WRITE), "a child has no more rights");
    struct mem *other = divide(2, 4, 0x10000, 0x8000, MEM_WRITE_BACK, STATUS_SUCCESS);
    divide(3, 5, 0x2000, 0x4000, MEM_WRITE_BACK, STATUS_SUCCESS);
    delegate(5, 6, RIGHTS_ALL);
    divide(6, 7, 0, 0x1000, MEM_WRITE_BACK, STATUS_SUCCESS);
    ok(map(0, 7, 0x5000, 0, 1, 0, R) == STATUS_SUCCESS, "a child's child's child is mapped");
    ok(map(1, 4, 0x5000, 0, 8, 0, R) == STATUS_SUCCESS, "and so is another child");
    is_u64(revoke(1, 1, false), 9, "revoking takes a step for each node");
    ok(!world_translate(&spaces[0], 0x5000) && !slot_word(&slots[3]) && !slot_word(&slots[5]) &&
           !slot_word(&slots[6]) && !slot_word(&slots[7]),
       "the children, their capabilities and mappings are gone");
    is_u64(world_translate(&spaces[1], 0x5000), ram_at(0x10000), "the other child stands");
    ok(tree_first(&ram.children) == &other->place &&
           tree_floor(&ram.children, UINT64_MAX) == &other->place,
       "alone");
    is_u64(revoke(0, 3, false), 3, "revoking the first capability ends that too");
    ok(unchanged() && !tree_first(&ram.children), "and everything is as before");

    divide(0, 1, 0, 0x8000, MEM_WRITE_BACK, STATUS_SUCCESS);
    struct mem *child = divide(1, 2, 0, 0x8000, MEM_WRITE_BACK, STATUS_SUCCESS);
    divide(2, 3, 0, 0x8000, MEM_WRITE_BACK, STATUS_SUCCESS);
    ok(mem_destroy(child) && slot_word(&slots[1]) && !slot_word(&slots[3]),
       "a MEM is destroyed with its children, its parent stays");
    divide(1, 2, 0, 0x8000, MEM_WRITE_BACK, STATUS_SUCCESS);
    ok(mem_destroy(mem_of(slots[1].word)) && unchanged(), "or goes with them");
}

/* A child whose capability goes is taken back from its pool first, in steps. */
static void test_revoke_deposited(void)
{
    bool more = true;

    world_open(MEM_WRITE_BACK);
    divide(0, 1, 0, 0x20000, MEM_WRITE_BACK, STATUS_SUCCESS);
    struct mem *lent = divide(1, 2, 0x1000, 0x9000, MEM_WRITE_BACK, STATUS_SUCCESS);
    divide(1, 3, 0x10000, 0x2000, MEM_WRITE_BACK, STATUS_SUCCESS);
    is_u64(mem_deposit_step(&slots[2], slots[2].word, pool, 9, 0, &more), STATUS_SUCCESS,
           "a child is deposited");
    is_u64(mem_close(lent), STATUS_IN_USE, "and cannot be destroyed");
    ok(revoke(0, 64, false) >= 3, "nine frames are taken back in several steps");
    ok(!slot_word(&slots[1]) && !slot_word(&slots[2]) && !slot_word(&slots[3]),
       "revoking takes all capabilities");
    ok(unchanged() && !tree_first(&ram.children) && !quiet_frames, "and the memory");
}

/* If frames of it are in use, it stays until it is withdrawn by what it was cut from. */
static void test_revoke_used(void)
{
    bool more;

    world_open(MEM_WRITE_BACK);
    divide(0, 1, 0, 0x8000, MEM_WRITE_BACK, STATUS_SUCCESS);
    divide(1, 2, 0x1000, 0x2000, MEM_WRITE_BACK, STATUS_SUCCESS);
    is_u64(mem_deposit_step(&slots[2], slots[2].word, pool, 9, 0, &more), STATUS_SUCCESS,
           "a child is deposited");
    void *used = pool_drain(pool, 0);
    revoke(0, 2, false);
    ok(!slot_word(&slots[1]) && !slot_word(&slots[2]), "revoking takes all capabilities");
    divide(0, 9, 0x1000, 0x1000, MEM_WRITE_BACK, STATUS_IN_USE);
    is_u64(map(0, 0, 0x5000, 0x4000, 1, 0, R), STATUS_IN_USE, "but what is deposited is not free");
    is_u64(mem_withdraw_step(&ram, pool, 1, 0, &more), STATUS_BUSY, "nor withdrawn while in use");
    pool_refill(pool, used);
    for (more = true; more;)
        if (mem_withdraw_step(&ram, pool, 1, 0, &more) != STATUS_SUCCESS)
            break;
    ok(unchanged() && !tree_first(&ram.children), "the MEM above withdraws it: all ends then");
    is_u64(mem_withdraw_step(&ram, pool, 1, 0, &more), STATUS_BAD_PARAMETER, "nothing is left");
    ok(map(0, 0, 0x5000, 0x4000, 1, 0, R) == STATUS_SUCCESS, "and it can be mapped");
    revoke(0, 1, false);
}

static enum status deposit(unsigned frames, bool *more)
{
    return mem_deposit_step(&slots[0], slots[0].word, pool, frames, 0, more);
}

static void test_deposit(void)
{
    bool more;

    world_open(MEM_UNCACHED);
    is_u64(deposit(1, &more), STATUS_BAD_PARAMETER, "device memory cannot be deposited");
    world_open(MEM_WRITE_BACK);
    is_u64(mem_withdraw_step(&ram, pool, 1, 0, &more), STATUS_BAD_PARAMETER, "nothing to withdraw");
    memset((void *)ram.base, 0xa5, ram.size);
    ok(map(0, 0, 0x1000, 0, 1, 0, RW) == STATUS_SUCCESS, "mapped");
    is_u64(deposit(1, &more), STATUS_IN_USE, "mapped memory cannot be deposited");
    revoke(0, 1, false);

    unsigned steps = 0;
    for (more = true; more && steps < 7; steps++)
        ok(deposit(10, &more) == STATUS_SUCCESS, "a step of depositing");
    is_u64(pool->free_frames, opened + 70, "what is deposited can be used at once");
    is_u64(quiet_frames, 70, "and is in the frame map");
    is_u64(map(0, 0, 0x1000, 0, 1, 0, RW), STATUS_IN_USE, "none of it can be mapped");
    divide(0, 9, 0, 0x1000, MEM_WRITE_BACK, STATUS_IN_USE);
    is_u64(mem_close(&ram), STATUS_IN_USE, "nor destroyed");
    while (more && deposit(100, &more) == STATUS_SUCCESS)
        ;
    is_u64(pool->free_frames, opened + RAM_FRAMES, "started again it goes on to the end");
    is_u64(deposit(1, &more), STATUS_IN_USE, "it cannot be deposited again");
    struct pool *other = (struct pool *)arena_frame(RAM - 1);
    memset(other, 0, FRAME_SIZE);
    pool_init(other);
    is_u64(mem_deposit_step(&slots[0], slots[0].word, other, 1, 0, &more), STATUS_IN_USE,
           "nor in another pool");
    is_u64(mem_withdraw_step(&ram, other, 1, 0, &more), STATUS_BAD_PARAMETER,
           "nor withdrawn from there");

    void *rest = pool_drain(pool, 0);
    is_u64(mem_withdraw_step(&ram, pool, 4, 0, &more), STATUS_BUSY, "not while it is used");
    pool_refill(pool, rest);
    ok(mem_withdraw_step(&ram, pool, 4, 0, &more) == STATUS_SUCCESS && more, "a step back");
    is_u64(pool->free_frames, opened, "none of it is handed out any more");
    is_u64(deposit(1, &more), STATUS_BUSY, "it cannot be deposited meanwhile");
    is_u64(map(0, 0, 0x1000, 0, 1, 0, RW), STATUS_IN_USE, "nor mapped");
    for (more = true; more;)
        if (mem_withdraw_step(&ram, pool, 100, 0, &more) != STATUS_SUCCESS)
            break;
    bool zero = true;
    for (uint64_t i = 0; i < ram.size / 8; i++)
        zero = zero && !((uint64_t *)ram.base)[i];
    ok(zero, "every frame comes back zero");
    is_u64(quiet_frames, 0, "and left the frame map");
    ok(unchanged() && !ram.deposit, "everything is as before");
    ok(map(0, 0, 0x1000, 0, 1, 0, RW) == STATUS_SUCCESS, "it can be mapped again");
    revoke(0, 1, false);
    is_u64(mem_deposit_step(&slots[0], capability_make(&ram.object, R), pool, 1, 0, &more),
           STATUS_BAD_CAPABILITY, "not through a slot that holds another word");
}

/* DEPOSITS_MAX deposits are all that a pool takes. */
static void test_deposit_places(void)
{
    static struct object sources[DEPOSITS_MAX];
    bool more;

    world_open(MEM_WRITE_BACK);
    for (unsigned i = 1; i < DEPOSITS_MAX; i++)
        if (!pool_deposit_open(pool, (void *)(i * FRAME_SIZE), FRAME_SIZE, &sources[i]))
            abort();
    is_u64(deposit(1, &more), STATUS_IN_USE, "a pool with all its deposits");
    ok(!ram.deposit && !quiet_frames && !more, "nothing changes");
}

int main(void)
{
    if (!arena_open(RAM + RAM_FRAMES))
        return 1;
    shoot_start(0, 0, true);
    test_divide();
    test_revoke_children();
    test_revoke_deposited();
    test_revoke_used();
    test_deposit();
    test_deposit_places();
    return done_testing();
}
