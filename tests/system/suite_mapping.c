/* MEM objects: mapping them, lending them to the kernel, and taking all of it back. */
#include "suites.h"
#include "world.h"

enum {
    PART = TEST_SELECTORS, /* MEM of PART_PAGES pages */
    WEAK,
    OTHER, /* second domain */
    POOL,
    POOL2,
    HUNGRY,     /* an object that POOL pays for */
    READER = 0, /* actors */
    PAGER,
    GO = SEMAPHORE, /* standing semaphores */
    DONE,
};

#define PART_PAGES 16u
#define LARGE      (2ull << 20)
#define SPACE_END  0x00007ffffffff000ull
#define RW         (MEM_RIGHT_READ | MEM_RIGHT_WRITE)
#define RX         (MEM_RIGHT_READ | MEM_RIGHT_EXECUTE)
#define HERE       TEST_ADDRESS

static enum status map_at(uint32_t memory, uint64_t address, uint64_t offset, uint32_t count,
                          uint32_t level, uint32_t rights)
{
    struct map map = {address, offset, count, level, rights};

    return memory_map(memory, SELECTOR_PD, &map).status;
}

static enum status map_page(uint64_t address, uint64_t offset, uint32_t rights)
{
    return map_at(PART, address, offset, 1, 0, rights);
}

static enum status unmap(uint64_t address)
{
    return memory_unmap(SELECTOR_PD, address);
}

static volatile uint64_t *at(uint64_t address)
{
    return (volatile uint64_t *)address;
}

static bool part_open(void)
{
    return tap_equal(
        memory_create(PART, SELECTOR_POOL, WORLD_MEMORY, 0, PART_PAGES * PAGE, 0).status,
        STATUS_SUCCESS, "16 pages of memory");
}

static void check_use(void)
{
    uint64_t before = world_free();

    tap_equal(map_page(HERE, 0, RW), STATUS_SUCCESS, "map a page");
    *at(HERE) = 0x1234;
    tap_equal(map_page(HERE + PAGE, 0, MEM_RIGHT_READ), STATUS_SUCCESS, "map it once more");
    tap_equal(*at(HERE + PAGE), 0x1234, "both show the same memory");
    *at(HERE + 8) = 0x5678;
    tap_equal(*at(HERE + PAGE + 8), 0x5678, "at once");
    tap_equal(map_page(HERE + 2 * PAGE, PAGE, RW), STATUS_SUCCESS, "map another page");
    *at(HERE + 2 * PAGE) = 1;
    tap_equal(*at(HERE), 0x1234, "it is other memory");
    tap_equal(unmap(HERE), STATUS_SUCCESS, "unmap");
    tap_equal(*at(HERE + PAGE), 0x1234, "the other mapping stands");
    tap_equal(map_page(HERE, PAGE, RW), STATUS_SUCCESS, "the address is free again");
    tap_equal(*at(HERE), 1, "and shows what was mapped there now");
    tap_equal(unmap(HERE), STATUS_SUCCESS, "unmap");
    tap_equal(unmap(HERE), STATUS_BAD_PARAMETER, "unmap again");
    tap_equal(unmap(HERE + PAGE) | unmap(HERE + 2 * PAGE), STATUS_SUCCESS, "unmap the others");
    world_balance(before);
}

static void check_sizes(void)
{
    uint64_t before = world_free(), wrong = 0;

    tap_equal(map_at(PART, HERE + LARGE - 5 * PAGE, PAGE, 10, 0, RW), STATUS_SUCCESS,
              "map pages across two tables");
    for (unsigned i = 0; i < 10; i++) {
        *at(HERE + LARGE - 5 * PAGE + i * PAGE) = i;
    }
    for (unsigned i = 0; i < 10; i++) {
        wrong += *at(HERE + LARGE - 5 * PAGE + i * PAGE) != i;
    }
    tap_equal(wrong, 0, "each is a page of its own");
    tap_equal(unmap(HERE + LARGE - 4 * PAGE), STATUS_BAD_PARAMETER, "unmap from the middle");
    tap_equal(unmap(HERE + LARGE - 5 * PAGE), STATUS_SUCCESS, "unmap them in one");
    (void)object_destroy(PART);

    tap_equal(map_at(WORLD_MEMORY, HERE, 0, 2, 1, RW), STATUS_SUCCESS, "map two pages of 2 MiB");
    tap_equal(map_at(WORLD_MEMORY, HERE + 2 * LARGE, 0, 512, 0, MEM_RIGHT_READ), STATUS_SUCCESS,
              "map 512 pages of 4 KiB");
    *at(HERE + LARGE - 8) = 0x77;
    tap_equal(*at(HERE + 3 * LARGE - 8), 0x77, "both show the same memory");
    tap_equal(map_at(WORLD_MEMORY, HERE + PAGE, 0, 1, 0, RW), STATUS_IN_USE,
              "a small page within a large one");
    tap_equal(object_control(SELECTOR_PD, PD_SPLIT, HERE).status, STATUS_BAD_PARAMETER,
              "split: two pages");
    tap_equal(unmap(HERE) | unmap(HERE + 2 * LARGE), STATUS_SUCCESS, "unmap both");

    (void)map_at(WORLD_MEMORY, HERE, 0, 1, 1, RW);
    tap_equal(object_control(SELECTOR_PD, PD_SPLIT, HERE).status, STATUS_SUCCESS, "split a page");
    tap_equal(*at(HERE + LARGE - 8), 0x77, "it maps the same memory");
    tap_equal(object_control(SELECTOR_PD, PD_SPLIT, HERE).status, STATUS_BAD_PARAMETER,
              "split: small pages");
    tap_equal(unmap(HERE), STATUS_SUCCESS, "they go as one");
    part_open();
    world_balance(before);
}

static void check_errors(void)
{
    uint64_t before = world_free();

    tap_equal(map_at(SELECTOR_PD, HERE, 0, 1, 0, RW), STATUS_BAD_CAPABILITY, "map: a PD as memory");
    tap_equal(map_at(WEAK, HERE, 0, 1, 0, RW), STATUS_BAD_CAPABILITY, "map: empty selector");
    tap_equal(map_page(HERE + 1, 0, RW), STATUS_BAD_PARAMETER, "map: odd address");
    tap_equal(map_page(HERE, 1, RW), STATUS_BAD_PARAMETER, "map: odd offset");
    tap_equal(map_page(HERE, PART_PAGES * PAGE, RW), STATUS_BAD_PARAMETER, "map: past the memory");
    tap_equal(map_page(HERE, 0 - PAGE, RW), STATUS_BAD_PARAMETER, "map: before the memory");
    tap_equal(map_at(PART, HERE, 0, 0, 0, RW), STATUS_BAD_PARAMETER, "map: no page");
    tap_equal(map_at(WORLD_RANGE, HERE, 0, 513, 0, RW), STATUS_BAD_PARAMETER, "map: 513 pages");
    tap_equal(map_at(PART, HERE, 0, 1, 3, RW), STATUS_BAD_PARAMETER, "map: no such page size");
    tap_equal(map_at(PART, HERE, 0, 1, 1, RW), STATUS_BAD_PARAMETER, "map: too little for 2 MiB");
    tap_equal(map_page(SPACE_END, 0, RW), STATUS_BAD_PARAMETER, "map: past the user's addresses");
    tap_equal(map_page(0xffff800000000000, 0, RW), STATUS_BAD_PARAMETER, "map: in the kernel's");
    tap_equal(map_page(HERE, 0, RW | MEM_RIGHT_EXECUTE), STATUS_BAD_PARAMETER,
              "map: writable and executable");
    tap_equal(map_page(HERE, 0, MEM_RIGHT_WRITE), STATUS_BAD_PARAMETER, "map: not readable");
    tap_equal(map_page(HERE, 0, 0), STATUS_BAD_PARAMETER, "map: no rights");
    tap_equal(map_page(HERE, 0, RW | MEM_RIGHT_DMA), STATUS_BAD_PARAMETER, "map: other rights");
    tap_equal(map_page((uint64_t)&world & ~(PAGE - 1), 0, RW), STATUS_IN_USE,
              "map: over the program");
    tap_equal(map_at(WORLD_MEMORY, HERE, 0, 1, 0, RW), STATUS_IN_USE, "map: divided memory");
    (void)capability_delegate(SELECTOR_PD, WEAK, PART, MEM_RIGHT_READ);
    tap_equal(map_at(WEAK, HERE, 0, 1, 0, RW), STATUS_NO_RIGHT, "map: rights that one has not");
    tap_equal(map_at(WEAK, HERE, 0, 1, 0, RX), STATUS_NO_RIGHT, "map: to execute neither");
    (void)capability_revoke(WEAK, REVOKE_SELF);
    (void)capability_delegate(SELECTOR_PD, WEAK, SELECTOR_PD, PD_RIGHT_DELEGATE);
    struct map map = {HERE, 0, 1, 0, RW};
    tap_equal(memory_map(PART, WEAK, &map).status, STATUS_NO_RIGHT,
              "map: domain without the right");
    tap_equal(memory_unmap(WEAK, HERE), STATUS_NO_RIGHT, "unmap: domain without the right");
    (void)capability_revoke(WEAK, REVOKE_SELF);
    tap_equal(memory_map(PART, WEAK, &map).status, STATUS_BAD_CAPABILITY, "map: no domain");
    tap_equal(memory_unmap(WEAK, HERE), STATUS_BAD_CAPABILITY, "unmap: no domain");
    world_balance(before);
}

static void check_revoke(void)
{
    uint64_t before = world_free();

    (void)capability_delegate(SELECTOR_PD, WEAK, PART, RIGHTS_ALL);
    tap_equal(map_at(WEAK, HERE, 0, 1, 0, RW), STATUS_SUCCESS, "map from a derived capability");
    tap_equal(map_page(HERE + PAGE, 0, RW), STATUS_SUCCESS, "map from the first one");
    tap_equal(capability_revoke(WEAK, REVOKE_SELF), STATUS_SUCCESS, "revoke the derived one");
    tap_equal(unmap(HERE), STATUS_BAD_PARAMETER, "its mapping is gone");
    *at(HERE + PAGE) = 5;
    tap_equal(*at(HERE + PAGE), 5, "the other one stands");
    tap_equal(capability_revoke(PART, 0), STATUS_SUCCESS, "revoke the first one");
    tap_equal(unmap(HERE + PAGE), STATUS_BAD_PARAMETER, "its mapping is gone too");

    (void)map_page(HERE, 0, RW);
    tap_equal(object_destroy(PART), STATUS_SUCCESS, "destroy memory that is mapped");
    tap_equal(unmap(HERE), STATUS_BAD_PARAMETER, "the mapping is gone");
    part_open();
    world_balance(before);
}

static void check_deposit(void)
{
    uint64_t before = world_free(), dirty = 0;

    (void)pool_create(POOL, SELECTOR_POOL);
    (void)pool_create(POOL2, SELECTOR_POOL);
    tap_equal(pool_deposit(PART, PART), STATUS_BAD_CAPABILITY, "deposit: no pool");
    tap_equal(pool_deposit(POOL, POOL), STATUS_BAD_CAPABILITY, "deposit: no memory");
    (void)capability_delegate(SELECTOR_PD, WEAK, PART, RW);
    tap_equal(pool_deposit(POOL, WEAK), STATUS_NO_RIGHT, "deposit: memory without the right");
    (void)capability_revoke(WEAK, REVOKE_SELF);
    (void)capability_delegate(SELECTOR_PD, WEAK, POOL, POOL_RIGHT_USE);
    tap_equal(pool_deposit(WEAK, PART), STATUS_NO_RIGHT, "deposit: a pool without the right");
    tap_equal(pool_withdraw(WEAK, PART), STATUS_NO_RIGHT, "withdraw: a pool without the right");
    (void)capability_revoke(WEAK, REVOKE_SELF);
    tap_equal(pool_withdraw(POOL, PART), STATUS_BAD_PARAMETER, "withdraw: not deposited");
    (void)memory_create(HUNGRY, SELECTOR_POOL, PART, PAGE, PAGE, 0);
    tap_equal(pool_deposit(POOL, PART), STATUS_SUCCESS, "deposit: divided memory");
    tap_equal(capability_lookup(HUNGRY).status, STATUS_BAD_CAPABILITY, "its part goes");
    tap_equal(pool_withdraw(POOL, PART), STATUS_SUCCESS, "withdraw it");

    (void)map_at(PART, HERE, 0, PART_PAGES, 0, RW);
    for (uint64_t i = 0; i < PART_PAGES * PAGE; i += 8) {
        *at(HERE + i) = i ^ 0xdeadbeef;
    }
    tap_equal(pool_deposit(POOL, PART), STATUS_SUCCESS, "deposit memory that is mapped");
    tap_equal(unmap(HERE), STATUS_BAD_PARAMETER, "the mapping is gone");
    tap_equal(pool_free(POOL).value, PART_PAGES, "the pool has its frames");
    tap_equal(map_page(HERE, 0, RW), STATUS_IN_USE, "map: deposited memory");
    tap_equal(memory_create(HUNGRY, SELECTOR_POOL, PART, 0, PAGE, 0).status, STATUS_IN_USE,
              "divide: deposited memory");
    tap_equal(pool_deposit(POOL, PART), STATUS_IN_USE, "deposit: deposited memory");
    tap_equal(pool_deposit(POOL2, PART), STATUS_IN_USE, "deposit: to another pool");
    tap_equal(pool_withdraw(POOL2, PART), STATUS_BAD_PARAMETER, "withdraw: from another pool");
    tap_equal(object_destroy(PART), STATUS_IN_USE, "destroy: deposited memory");
    (void)domain_create(HUNGRY, POOL);
    tap_equal(pool_withdraw(POOL, PART), STATUS_BUSY, "withdraw: frames in use");
    tap_equal(pool_free(POOL).value, PART_PAGES - 3, "nothing changed");
    tap_equal(object_destroy(HUNGRY), STATUS_SUCCESS, "what uses them goes");
    tap_equal(pool_withdraw(POOL, PART), STATUS_SUCCESS, "withdraw");
    tap_equal(pool_free(POOL).value, 0, "the pool is empty");
    (void)memory_create(WEAK, SELECTOR_POOL, PART, PAGE, 8 * PAGE, 0);
    tap_equal(pool_deposit(POOL, WEAK), STATUS_SUCCESS, "deposit a part of it");
    tap_equal(capability_revoke(PART, 0), STATUS_SUCCESS, "revoke that");
    tap_equal(pool_free(POOL).value, 0, "it leaves the pool by itself");
    (void)memory_create(WEAK, SELECTOR_POOL, PART, PAGE, 8 * PAGE, 0);
    (void)pool_deposit(POOL, WEAK);
    (void)domain_create(HUNGRY, POOL);
    tap_equal(capability_revoke(PART, 0), STATUS_SUCCESS, "revoke it while it is used");
    tap_equal(capability_lookup(WEAK).status, STATUS_BAD_CAPABILITY, "nobody can name it");
    tap_equal(pool_withdraw(POOL, PART), STATUS_BUSY, "withdraw a part: frames in use");
    (void)object_destroy(HUNGRY);
    tap_equal(pool_withdraw(POOL, PART), STATUS_SUCCESS, "withdraw it by what it was cut from");
    tap_equal(pool_withdraw(POOL, PART), STATUS_BAD_PARAMETER, "nothing of it is left there");

    tap_equal(map_at(PART, HERE, 0, PART_PAGES, 0, RW), STATUS_SUCCESS, "map it again");
    for (uint64_t i = 0; i < PART_PAGES * PAGE; i += 8) {
        dirty += *at(HERE + i) != 0;
    }
    tap_equal(dirty, 0, "it comes back cleared");
    (void)unmap(HERE);
    (void)pool_deposit(POOL, PART);
    (void)domain_create(HUNGRY, POOL);
    tap_equal(object_destroy(POOL) | object_destroy(POOL2), STATUS_SUCCESS, "the pools go");
    tap_equal(capability_lookup(HUNGRY).status, STATUS_BAD_CAPABILITY, "with what they paid for");
    tap_equal(map_at(PART, HERE, 0, PART_PAGES, 0, RW), STATUS_SUCCESS, "and the frames are back");
    (void)unmap(HERE);
    world_balance(before);
}

/* In the second domain: reads HERE each time it is told to. */
static volatile uint64_t seen;
static volatile uint64_t faults, fault_vector, fault_error, fault_address, fault_rip;
static volatile enum status repaired;

static void read_here(struct thread *self, void *argument)
{
    (void)self;
    (void)argument;
    for (;;) {
        (void)semaphore_down(GO, 0, 0);
        seen = *at(HERE);
        (void)semaphore_up(DONE);
    }
}

/* In this domain: maps the second page there when the other one has gone. */
static void page_in(struct handler *self, struct message *m)
{
    struct map map = {HERE, PAGE, 1, 0, MEM_RIGHT_READ};

    (void)self;
    faults = faults + 1;
    fault_vector = m->word[0];
    fault_error = m->word[1];
    fault_rip = m->word[2];
    fault_address = m->word[3];
    repaired = memory_map(PART, OTHER, &map).status;
    m->length = 0;
}

static void check_domains(void)
{
    struct map map = {HERE, 0, 1, 0, MEM_RIGHT_READ};
    struct schedule high = actor_schedule(PRIORITY_HIGH);

    if (!domain_open(OTHER) || !tap_ok(actor_serve(PAGER, SELECTOR_PD, page_in, NULL), "a pager") ||
        !tap_ok(actor_run(READER, OTHER, &high, read_here, NULL), "a reader there")) {
        return;
    }
    (void)capability_delegate(OTHER, EVENTS + 14, actor_portal(PAGER), PT_RIGHT_CALL);
    tap_equal(context_set_events(actor_context(READER), EVENTS), STATUS_SUCCESS, "its events");
    (void)map_page(HERE, 0, RW);
    *at(HERE) = 0xaaaa;
    (void)unmap(HERE);
    (void)map_page(HERE, PAGE, RW);
    *at(HERE) = 0xbbbb;
    (void)unmap(HERE);

    tap_equal(memory_map(PART, OTHER, &map).status, STATUS_SUCCESS,
              "map a page in the other domain");
    (void)semaphore_up(GO);
    tap_equal(seen, 0xaaaa, "it sees the memory");
    tap_equal(faults, 0, "without a fault");
    tap_equal(capability_revoke(PART, 0), STATUS_SUCCESS, "revoke the memory");
    (void)semaphore_up(GO);
    tap_equal(faults, 1, "it faults");
    tap_equal(fault_vector, 14, "page fault");
    tap_equal(fault_error, 4, "of user mode, reading, not present");
    tap_equal(fault_address, HERE, "at the address");
    tap_ok(fault_rip >= (uint64_t)read_here && fault_rip < (uint64_t)read_here + 256,
           "in its code");
    tap_equal(repaired, STATUS_SUCCESS, "the pager maps another page");
    tap_equal(seen, 0xbbbb, "it goes on and sees that one");
    tap_equal(memory_unmap(OTHER, HERE), STATUS_SUCCESS, "unmap it");
    (void)semaphore_up(GO);
    tap_equal(faults, 2, "it faults again");
    tap_equal(seen, 0xbbbb, "and is helped again");
    tap_ok(actor_end(READER) && actor_end(PAGER), "reader and pager go");
    domain_close(OTHER);
}

void suite_mapping(const struct machine *m)
{
    if (!world_open(m)) {
        return;
    }
    uint64_t before = world_free();
    if (!part_open()) {
        return;
    }
    check_use();
    check_sizes();
    check_errors();
    check_revoke();
    check_deposit();
    check_domains();
    tap_equal(object_destroy(PART), STATUS_SUCCESS, "the memory goes");
    world_balance(before);
}
