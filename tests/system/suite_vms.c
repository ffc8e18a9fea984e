/*
 * VMs without guests: what is mapped into them, which pages count as written, and that all of it
 * goes.
 */
#include "suites.h"
#include "utcb.h"
#include "world.h"

enum {
    VM = TEST_SELECTORS,
    PART, /* MEM of PART_PAGES pages */
    WEAK, /* a capability to one of them with fewer rights */
    COPY,
    POOL,
    FUNDS, /* what POOL has */
};

#define PART_PAGES 16u
#define LARGE      (2ull << 20)
#define HUGE       (1ull << 30)
#define SPACE_END  0x00007ffffffff000ull
#define READ       MEM_RIGHT_READ
#define RW         (READ | MEM_RIGHT_WRITE)
#define RWX        (RW | MEM_RIGHT_EXECUTE)

static enum status map_at(uint32_t memory, uint64_t address, uint64_t offset, uint32_t count,
                          uint32_t level, uint32_t rights)
{
    struct map map = {address, offset, count, level, rights};

    return memory_map(memory, VM, &map).status;
}

/* How many of count pages are told as written; more than 512: it fails. */
static uint64_t dirty(uint64_t address, uint32_t count, uint32_t level)
{
    struct utcb *utcb = (struct utcb *)FIRST_UTCB_ADDRESS;
    uint64_t told = 0;

    for (unsigned i = 0; i < 8; i++) {
        utcb->word[i] = UINT64_MAX;
    }
    if (vm_dirty(VM, address, count, level) != STATUS_SUCCESS) {
        return 513;
    }
    for (unsigned i = 0; i < 512; i++) {
        told += utcb->word[i / 64] >> i % 64 & 1;
    }
    return told;
}

static bool open(void)
{
    return tap_ok(
        vm_create(VM, SELECTOR_POOL).status == STATUS_SUCCESS &&
            memory_create(PART, SELECTOR_POOL, WORLD_MEMORY, 0, PART_PAGES * PAGE, 0).status ==
                STATUS_SUCCESS,
        "a VM and 16 pages of memory");
}

static void close(uint64_t before)
{
    tap_equal(object_destroy(VM), STATUS_SUCCESS, "the VM goes");
    tap_equal(object_destroy(PART), STATUS_SUCCESS, "the memory goes");
    world_balance(before);
}

static void check_create(void)
{
    uint64_t before = world_free();

    tap_equal(vm_create(VM, SELECTOR_POOL).status, STATUS_SUCCESS, "create");
    tap_equal(capability_lookup(VM).type, OBJECT_VM, "it is a VM");
    tap_equal(vm_create(VM, SELECTOR_POOL).status, STATUS_IN_USE, "its selector is taken");
    (void)capability_delegate(SELECTOR_PD, WEAK, VM, (uint32_t)~RIGHT_DESTROY & RIGHTS_ALL);
    tap_equal(object_destroy(WEAK), STATUS_NO_RIGHT, "destroy: without the right");
    tap_equal(object_destroy(VM), STATUS_SUCCESS, "destroy");
    tap_equal(capability_lookup(WEAK).status, STATUS_BAD_CAPABILITY, "no capability is left");
    world_balance(before);

    tap_ok(pool_create(POOL, SELECTOR_POOL).status == STATUS_SUCCESS &&
               memory_create(FUNDS, SELECTOR_POOL, WORLD_MEMORY, 0, PAGE, 0).status ==
                   STATUS_SUCCESS &&
               pool_deposit(POOL, FUNDS) == STATUS_SUCCESS,
           "a pool of one frame");
    struct answer poor = vm_create(VM, POOL);
    tap_equal(poor.status, STATUS_NEEDS_FRAMES, "is too poor");
    tap_equal(poor.value, 1, "by one frame");
    tap_ok(object_destroy(POOL) == STATUS_SUCCESS && object_destroy(FUNDS) == STATUS_SUCCESS,
           "it goes");
    world_balance(before);
}

static void check_sizes(const struct machine *m)
{
    uint64_t before = world_free();

    if (!open()) {
        return;
    }
    tap_equal(map_at(PART, 0, 0, 1, 0, RW), STATUS_SUCCESS, "map at 0");
    tap_equal(map_at(PART, SPACE_END - PAGE, 0, 1, 0, RW), STATUS_SUCCESS, "map at the end");
    tap_equal(map_at(PART, LARGE - 5 * PAGE, PAGE, 10, 0, READ), STATUS_SUCCESS,
              "map across two tables");
    tap_equal(map_at(PART, LARGE, 0, 1, 0, READ), STATUS_IN_USE, "map: something is there");
    tap_equal(memory_unmap(VM, LARGE), STATUS_BAD_PARAMETER, "unmap from the middle");
    tap_equal(memory_unmap(VM, 0) | memory_unmap(VM, SPACE_END - PAGE) |
                  memory_unmap(VM, LARGE - 5 * PAGE),
              STATUS_SUCCESS, "unmap");
    tap_equal(memory_unmap(VM, 0), STATUS_BAD_PARAMETER, "unmap again");
    (void)object_destroy(PART);
    tap_equal(map_at(WORLD_MEMORY, HUGE, 0, 2, 1, RWX), STATUS_SUCCESS, "map pages of 2 MiB");
    tap_equal(map_at(WORLD_MEMORY, HUGE + PAGE, 0, 1, 0, RW), STATUS_IN_USE, "they take the place");
    tap_equal(map_at(WORLD_MEMORY, 0, 0, 1, 2, RW), STATUS_BAD_PARAMETER, "no such 1 GiB");
    tap_ok(m->info->guest.features & GUEST_LARGE
               ? vm_dirty(VM, 0, 1, 2) == STATUS_SUCCESS || !(m->info->guest.features & GUEST_DIRTY)
               : vm_protect(VM, 0, 1, 2, false) == STATUS_BAD_PARAMETER,
           "pages of 1 GiB are there if the feature says so");
    tap_equal(object_control(VM, VM_SPLIT, HUGE).status, STATUS_BAD_PARAMETER, "split: two pages");
    tap_equal(memory_unmap(VM, HUGE), STATUS_SUCCESS, "unmap");
    tap_equal(map_at(WORLD_MEMORY, HUGE, LARGE, 1, 1, RW), STATUS_SUCCESS, "map one");
    tap_equal(object_control(VM, VM_SPLIT, HUGE).status, STATUS_SUCCESS, "split it");
    tap_equal(object_control(VM, VM_SPLIT, HUGE).status, STATUS_BAD_PARAMETER, "split: once more");
    tap_equal(memory_unmap(VM, HUGE), STATUS_SUCCESS, "it goes as one");
    tap_equal(object_destroy(VM), STATUS_SUCCESS, "the VM goes");
    world_balance(before);
}

static void check_rights(void)
{
    static const struct {
        uint32_t rights;
        enum status in_vm, in_domain;
    } cases[] = {
        {0, STATUS_BAD_PARAMETER, STATUS_BAD_PARAMETER},
        {READ, STATUS_SUCCESS, STATUS_SUCCESS},
        {RW, STATUS_SUCCESS, STATUS_SUCCESS},
        {READ | MEM_RIGHT_EXECUTE, STATUS_SUCCESS, STATUS_SUCCESS},
        {RWX, STATUS_SUCCESS, STATUS_BAD_PARAMETER},
        {MEM_RIGHT_WRITE, STATUS_BAD_PARAMETER, STATUS_BAD_PARAMETER},
        {MEM_RIGHT_EXECUTE, STATUS_BAD_PARAMETER, STATUS_BAD_PARAMETER},
        {MEM_RIGHT_WRITE | MEM_RIGHT_EXECUTE, STATUS_BAD_PARAMETER, STATUS_BAD_PARAMETER},
        {READ | MEM_RIGHT_DMA, STATUS_BAD_PARAMETER, STATUS_BAD_PARAMETER},
    };
    uint64_t before = world_free();

    if (!open()) {
        return;
    }
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct map map = {TEST_ADDRESS, 0, 1, 0, cases[i].rights};
        tap_equal(memory_map(PART, VM, &map).status, cases[i].in_vm, "rights in a VM");
        (void)memory_unmap(VM, TEST_ADDRESS);
        tap_equal(memory_map(PART, SELECTOR_PD, &map).status, cases[i].in_domain, "in a domain");
        (void)memory_unmap(SELECTOR_PD, TEST_ADDRESS);
    }
    (void)capability_delegate(SELECTOR_PD, WEAK, PART, RW);
    tap_equal(map_at(WEAK, 0, 0, 1, 0, RWX), STATUS_NO_RIGHT, "more than the memory has");
    (void)capability_revoke(WEAK, REVOKE_SELF);
    (void)capability_delegate(SELECTOR_PD, WEAK, VM, (uint32_t)~VM_RIGHT_MAP & RIGHTS_ALL);
    struct map map = {0, 0, 1, 0, RW};
    tap_equal(memory_map(PART, WEAK, &map).status, STATUS_NO_RIGHT, "map: without the right");
    tap_equal(memory_unmap(WEAK, 0), STATUS_NO_RIGHT, "unmap: without the right");
    tap_equal(object_control(WEAK, VM_SPLIT, 0).status, STATUS_NO_RIGHT, "nor split");
    tap_equal(vm_dirty(WEAK, 0, 1, 0), STATUS_NO_RIGHT, "nor ask what is written");
    tap_equal(vm_protect(WEAK, 0, 1, 0, true), STATUS_NO_RIGHT, "nor protect");
    tap_equal(object_control(VM, VM_PROTECT + 1, 0).status, STATUS_BAD_PARAMETER, "no operation");
    close(before);
}

static void check_revoke(void)
{
    uint64_t before = world_free();

    if (!open()) {
        return;
    }
    (void)capability_delegate(SELECTOR_PD, COPY, PART, RIGHTS_ALL);
    tap_equal(map_at(COPY, 0, 0, 4, 0, RW), STATUS_SUCCESS, "map through a copy");
    tap_equal(map_at(PART, LARGE, 0, 4, 0, RW), STATUS_SUCCESS, "and through the original");
    tap_equal(capability_revoke(COPY, REVOKE_SELF), STATUS_SUCCESS, "revoke the copy");
    tap_equal(memory_unmap(VM, 0), STATUS_BAD_PARAMETER, "its mapping is gone");
    tap_equal(map_at(PART, LARGE, 0, 4, 0, RW), STATUS_IN_USE, "the other one stands");
    tap_equal(map_at(PART, 0, 0, 4, 0, RW), STATUS_SUCCESS, "the place is free");
    tap_equal(capability_revoke(PART, 0), STATUS_SUCCESS, "revoke all");
    tap_equal(map_at(PART, LARGE, 0, 1, 0, RW), STATUS_SUCCESS, "that place is free too");
    close(before);
}

static void check_dirty(void)
{
    uint64_t before = world_free();

    if (!open()) {
        return;
    }
    tap_equal(dirty(0, 512, 0), 0, "nothing is mapped, nothing is written");
    tap_equal(map_at(PART, 2 * PAGE, 0, 10, 0, RW), STATUS_SUCCESS, "map 10 pages");
    tap_equal(dirty(0, 512, 1), 0, "none is a page of 2 MiB");
    tap_equal(dirty(0, 4, 0), 2, "what was mapped counts as written");
    tap_equal(*(volatile uint64_t *)FIRST_UTCB_ADDRESS, 12, "bit n is page n");
    tap_equal(dirty(0, 512, 0), 8, "once");
    tap_equal(dirty(0, 512, 0), 0, "then it is not");
    tap_equal(map_at(PART, LARGE - PAGE, 0, 1, 0, READ), STATUS_SUCCESS, "map the last of a table");
    tap_equal(dirty(0, 512, 0), 1, "is told");
    tap_equal(((volatile uint64_t *)FIRST_UTCB_ADDRESS)[7], 1ull << 63, "by the last bit");
    tap_equal(dirty(PAGE, 511, 0), 0, "a range that ends with the table");
    (void)memory_unmap(VM, 2 * PAGE);
    (void)memory_unmap(VM, LARGE - PAGE);
    (void)object_destroy(PART);
    tap_equal(map_at(WORLD_MEMORY, LARGE, 0, 2, 1, RW), STATUS_SUCCESS, "pages of 2 MiB");
    tap_equal(dirty(0, 512, 1), 2, "are told");
    tap_equal(dirty(0, 512, 1) + dirty(LARGE, 512, 0), 0, "once, and as what they are");
    (void)memory_unmap(VM, LARGE);
    (void)map_at(WORLD_MEMORY, LARGE, 0, 1, 1, RW);
    tap_equal(dirty(LARGE, 1, 1), 1, "a page of 2 MiB");
    tap_equal(object_control(VM, VM_SPLIT, LARGE).status, STATUS_SUCCESS, "is split");
    tap_equal(dirty(LARGE, 1, 1), 0, "it is no page any more");
    tap_equal(dirty(LARGE, 512, 0), 512, "all of it counts as written");
    tap_equal(dirty(LARGE, 512, 0), 0, "once");
    tap_equal(object_destroy(VM), STATUS_SUCCESS, "the VM goes with it");
    world_balance(before);
}

static void check_ranges(bool dirty_there)
{
    static const struct {
        uint64_t address;
        uint32_t count, level;
    } bad[] = {{1, 1, 0},      {PAGE, 1, 1},         {0, 0, 0},         {0, 513, 0},
               {PAGE, 512, 0}, {HUGE - LARGE, 2, 1}, {SPACE_END, 1, 0}, {SPACE_END - PAGE, 2, 0},
               {0, 1, 3},      {1ull << 63, 1, 0}};
    uint64_t before = world_free(), wrong = 0;

    if (!open()) {
        return;
    }
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        wrong += vm_dirty(VM, bad[i].address, bad[i].count, bad[i].level) != STATUS_BAD_PARAMETER;
        wrong += vm_protect(VM, bad[i].address, bad[i].count, bad[i].level, true) !=
                 STATUS_BAD_PARAMETER;
    }
    tap_equal(wrong, 0, "ranges that are none are refused");
    tap_equal(vm_dirty(VM, 0, 1, 0), dirty_there ? STATUS_SUCCESS : STATUS_BAD_PARAMETER,
              "what is written is told where the feature is");
    tap_equal(vm_pages_control(VM, VM_PROTECT, 0, 1, 0, 2).status, STATUS_BAD_PARAMETER,
              "protect: neither 0 nor 1");
    (void)map_at(PART, 0, 0, 4, 0, RW);
    tap_equal(vm_protect(VM, 0, 512, 0, true), STATUS_SUCCESS, "protect what is mapped");
    tap_equal(vm_protect(VM, 0, 512, 0, false), STATUS_SUCCESS, "and no more");
    tap_equal(vm_protect(VM, 0, 512, 0, true), STATUS_SUCCESS, "and again");
    tap_equal(memory_unmap(VM, 0), STATUS_SUCCESS, "and it is unmapped");
    (void)map_at(PART, 0, 0, 4, 0, RW);
    close(before);
}

/* With what is mapped into it, by its pool, and its pool in the order that suits nobody. */
static void check_end(void)
{
    uint64_t before = world_free();

    tap_ok(
        pool_create(POOL, SELECTOR_POOL).status == STATUS_SUCCESS &&
            memory_create(FUNDS, SELECTOR_POOL, WORLD_MEMORY, 0, 64 * PAGE, 0).status ==
                STATUS_SUCCESS &&
            pool_deposit(POOL, FUNDS) == STATUS_SUCCESS &&
            memory_create(PART, SELECTOR_POOL, WORLD_MEMORY, LARGE, PART_PAGES * PAGE, 0).status ==
                STATUS_SUCCESS &&
            vm_create(VM, POOL).status == STATUS_SUCCESS,
        "a VM with a pool of its own");
    uint64_t wrong = 0;
    for (unsigned i = 0; i < 100; i++) {
        wrong += map_at(PART, i * 16ull * PAGE, 0, 16, 0, RW) != STATUS_SUCCESS;
    }
    tap_equal(wrong, 0, "and a hundred mappings");
    tap_equal(object_destroy(POOL), STATUS_SUCCESS, "it goes with its pool");
    tap_equal(capability_lookup(VM).status, STATUS_BAD_CAPABILITY, "all of it");
    tap_ok(object_destroy(PART) == STATUS_SUCCESS && object_destroy(FUNDS) == STATUS_SUCCESS,
           "the memory is free");
    world_balance(before);
}

void suite_vms(const struct machine *m)
{
    if (!world_open(m)) {
        return;
    }
    if (m->info->guest.kind == GUEST_NONE) {
        tap_equal(vm_create(VM, SELECTOR_POOL).status, STATUS_BAD_PARAMETER,
                  "no VM on a machine without guests");
        return;
    }
    check_create();
    check_sizes(m);
    check_rights();
    check_revoke();
    if (m->info->guest.features & GUEST_DIRTY) {
        check_dirty();
    }
    check_ranges(m->info->guest.features & GUEST_DIRTY);
    check_end();
}
