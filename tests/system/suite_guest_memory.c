/* What a guest can do with its memory: rights, sizes of pages, types, what is shared. */
#include "servant.h"
#include "suites.h"

enum {
    BIG = TEST_SELECTORS, /* 2 MiB of memory, in one piece */
    PART,                 /* cut from something */
    POOL,
};

#define BYTES       (TINY_BYTES + 4 * PAGE)
#define BACK        TINY_BYTES /* in the monitor's memory: a page that is mapped elsewhere */
#define AT          0x80000ull /* there, in guest-physical memory */
#define DATA        0x128ull   /* in a page */
#define WINDOW      0x1ff000ull
#define LARGE       (2ull << 20)
#define BIG_ADDRESS (TEST_ADDRESS + (4ull << 28))
#define CODE        0xc30000600db8ull /* mov $0x600d, %eax; ret */
#define RETURNED    0x600du
#define VALUE       0x1122334455667788ull
#define ALL         (MEM_RIGHT_READ | MEM_RIGHT_WRITE | MEM_RIGHT_EXECUTE)

static struct servant *const servant = &servants[0];
static struct monitor *const monitor = &monitors[0];

static volatile uint64_t *word(uint64_t offset)
{
    return (volatile uint64_t *)monitor_at(monitor, offset);
}

static bool unmapped(uint64_t gpa)
{
    return memory_unmap(monitor_vm(monitor), gpa) == STATUS_SUCCESS;
}

/* With all rights, whatever was there before. */
static bool mend_all(struct servant *s)
{
    (void)memory_unmap(monitor_vm(s->monitor), AT);
    return monitor_map(s->monitor, AT, BACK, ALL) == STATUS_SUCCESS;
}

/* One access with some rights; it is done in any case, by and by. */
static bool access_is_right(uint64_t what, uint32_t rights)
{
    static const uint64_t bits[] = {EXIT_GPA_READ, EXIT_GPA_WRITE, EXIT_GPA_EXECUTE};
    static const uint32_t needs[] = {MEM_RIGHT_READ, MEM_RIGHT_WRITE, MEM_RIGHT_EXECUTE};
    static const uint64_t results[] = {VALUE, ~VALUE, RETURNED};
    uint64_t address = AT + (what == TINY_DO_CALL ? 0 : DATA);

    *word(BACK) = CODE;
    *word(BACK + DATA) = VALUE;
    if (rights && monitor_map(monitor, AT, BACK, rights) != STATUS_SUCCESS) {
        return false;
    }
    bool good = servant_do(servant, what, address, 1, ~VALUE) == results[what] &&
                *word(BACK + DATA) == (what == TINY_DO_WRITE ? ~VALUE : VALUE);
    if (rights & needs[what]) {
        good = good && servant->misses == 0;
    } else {
        good =
            servant_missed(servant, bits[what] | (rights ? EXIT_GPA_MAPPED : 0), address) && good;
    }
    return unmapped(AT) && good;
}

static void check_rights(void)
{
    static const struct {
        uint32_t rights;
        const char *what;
    } cases[] = {
        {0, "not mapped: each access is told, and done when it is mapped"},
        {MEM_RIGHT_READ, "can be read: writing and executing are told"},
        {MEM_RIGHT_READ | MEM_RIGHT_WRITE, "can be read and written: executing is told"},
        {MEM_RIGHT_READ | MEM_RIGHT_EXECUTE, "can be read and executed: writing is told"},
        {ALL, "can be read, written and executed"},
    };

    servant->mend = mend_all;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        bool good = true;
        for (uint64_t what = TINY_DO_READ; what <= TINY_DO_CALL; what++) {
            good = access_is_right(what, cases[i].rights) && good;
        }
        tap_ok(good, cases[i].what);
    }
    servant->mend = NULL;
}

/* A page table of the guest that it does not see, or cannot write; it is in its own memory. */
static void check_tables(void)
{
    const uint64_t directory = TINY_TABLES + 2 * PAGE, linear = 2 * LARGE;
    bool good = true;

    *word(directory + 16) = AT | 7;
    for (unsigned i = 0; i < 2; i++) {
        *word(BACK) = TINY_DATA | 7; /* not accessed yet, so it will be written */
        *word(TINY_DATA + DATA) = VALUE + i;
        if (i) {
            good = monitor_map(monitor, AT, BACK, MEM_RIGHT_READ) == STATUS_SUCCESS && good;
        }
        servant->mend = mend_all;
        good = servant_do(servant, TINY_DO_READ, linear + DATA, 1, 0) == VALUE + i && good;
        good = servant->misses == 1 && (servant->missed.qualification & EXIT_GPA_WALK) &&
               !(servant->missed.qualification & EXIT_GPA_MAPPED) == !i &&
               (servant->missed.address & ~(PAGE - 1)) == AT && good;
        if (!good) {
            (void)servant_missed(servant, EXIT_GPA_WALK, AT);
        }
        good = unmapped(AT) && good;
        tap_ok(good, i ? "a page table that the guest cannot write" : "one that is not mapped");
    }
    servant->mend = NULL;
    *word(directory + 16) = 0;
}

/* Reads through the window; the number of misses. */
static uint64_t look(uint64_t gpa)
{
    servant_point(servant, WINDOW, gpa);
    (void)servant_do(servant, TINY_DO_READ, WINDOW + DATA, 1, 0);
    return servant->misses;
}

static void check_ends(void)
{
    unsigned width = cpuid_checked(0x80000008).eax & 0xff;
    uint64_t last = (1ull << (width < 47 ? width : 47)) - PAGE;

    tap_ok(look(last) == 1 && servant_missed(servant, EXIT_GPA_READ, last + DATA),
           "the last page of guest-physical memory is not mapped");
    *word(BACK + DATA) = VALUE;
    bool mapped = monitor_map(monitor, last, BACK, ALL) == STATUS_SUCCESS;
    tap_ok(mapped && look(last) == 0 && servant->result == VALUE, "and can be");
    tap_ok(unmapped(last) && look(last) == 1, "and unmapped");
    tap_ok(monitor_map(monitor, 1ull << 47, BACK, ALL) == STATUS_BAD_PARAMETER &&
               monitor_map(monitor, 0 - PAGE, BACK, ALL) == STATUS_BAD_PARAMETER,
           "nothing can be mapped beyond 2^47");
    servant_point(servant, WINDOW, TINY_DATA);
}

static uint64_t sum(uint64_t first, uint64_t pages)
{
    uint64_t result = 0;

    for (uint64_t i = 0; i < pages; i++) {
        result = 3 * result + first + i;
    }
    return result;
}

static bool big_open(void)
{
    const struct map here = {
        .address = BIG_ADDRESS, .count = 1, .level = 1, .rights = MEM_RIGHT_READ | MEM_RIGHT_WRITE};

    return memory_create(BIG, SELECTOR_POOL, WORLD_MEMORY, LARGE, LARGE, 0).status ==
               STATUS_SUCCESS &&
           memory_map(BIG, SELECTOR_PD, &here).status == STATUS_SUCCESS;
}

static void check_large(void)
{
    const uint64_t directory = TINY_TABLES + 2 * PAGE;
    const struct map there = {.address = LARGE, .count = 1, .level = 1, .rights = ALL};
    const struct map small = {.address = LARGE, .count = LARGE / PAGE, .rights = ALL};

    *word(directory + 8) = LARGE | 0x87; /* of 2 MiB in the guest too */
    tap_ok(memory_map(BIG, monitor_vm(monitor), &there).status == STATUS_SUCCESS,
           "a page of 2 MiB is mapped");
    (void)servant_do(servant, TINY_DO_FILL, LARGE, 512, VALUE);
    uint64_t wrong = 0;
    for (uint64_t i = 0; i < 512; i++) {
        wrong += *(volatile uint64_t *)(BIG_ADDRESS + i * PAGE) != VALUE + i;
    }
    tap_equal(wrong + servant->misses, 0, "the guest writes all of it");
    tap_equal(servant_do(servant, TINY_DO_ADD, LARGE, 512, 0), sum(VALUE, 512), "and reads it");
    tap_equal(object_control(monitor_vm(monitor), VM_SPLIT, LARGE).status, STATUS_SUCCESS,
              "it is split");
    tap_ok(servant_do(servant, TINY_DO_ADD, LARGE, 512, 0) == sum(VALUE, 512) &&
               servant->misses == 0,
           "the guest reads the same");
    tap_equal(object_control(monitor_vm(monitor), VM_SPLIT, LARGE).status, STATUS_BAD_PARAMETER,
              "it cannot be split again");
    bool gone = unmapped(LARGE);
    (void)servant_do(servant, TINY_DO_READ, LARGE + PAGE, 1, 0);
    tap_ok(gone && servant_missed(servant, EXIT_GPA_READ, LARGE + PAGE),
           "it is unmapped as it was made");
    tap_ok(memory_map(BIG, monitor_vm(monitor), &small).status == STATUS_SUCCESS &&
               servant_do(servant, TINY_DO_ADD, LARGE, 512, 0) == sum(VALUE, 512) &&
               servant->misses == 0 && unmapped(LARGE),
           "in small pages it is the same");
}

/* Memory that is in use as something else is not a guest's, and the other way round. */
static void check_uses(void)
{
    const struct map there = {.address = AT, .count = 1, .rights = ALL};
    const uint32_t vm = monitor_vm(monitor);

    bool good = memory_map(BIG, vm, &there).status == STATUS_SUCCESS;
    tap_ok(good && memory_create(PART, SELECTOR_POOL, BIG, 0, PAGE, 0).status == STATUS_IN_USE,
           "memory of a guest cannot be divided");
    tap_equal(memory_map(BIG, vm, &there).status, STATUS_IN_USE, "its address is taken");
    tap_ok(pool_create(POOL, SELECTOR_POOL).status == STATUS_SUCCESS &&
               pool_deposit(POOL, BIG) == STATUS_SUCCESS,
           "it can be deposited");
    (void)servant_do(servant, TINY_DO_READ, AT, 1, 0);
    tap_ok(servant_missed(servant, EXIT_GPA_READ, AT), "then the guest has it no more");
    tap_equal(memory_map(BIG, vm, &there).status, STATUS_IN_USE, "nor can it get it");
    tap_ok(pool_withdraw(POOL, BIG) == STATUS_SUCCESS && object_destroy(POOL) == STATUS_SUCCESS,
           "it comes back");
    good = memory_create(PART, SELECTOR_POOL, BIG, 0, PAGE, 0).status == STATUS_SUCCESS;
    tap_ok(good && memory_map(BIG, vm, &there).status == STATUS_IN_USE,
           "memory that is divided cannot be a guest's");
    tap_ok(object_destroy(PART) == STATUS_SUCCESS, "the part goes");
}

/* Only devices' memory has another type, and there is no capability to any. */
static void check_types(void)
{
    bool good = true;

    for (uint64_t type = 1; type <= 3; type += 2) {
        good =
            memory_create(PART, SELECTOR_POOL, BIG, 0, PAGE, type).status == STATUS_BAD_PARAMETER &&
            good;
    }
    tap_ok(good, "no RAM is uncached, or combines writes");
    tap_skip("other memory types", "there is no memory of devices");
}

/* The same frames in two VMs. */
static void check_shared(void)
{
    struct monitor *other = &monitors[1];
    const struct map map = {.address = AT, .offset = BACK, .count = 1, .rights = ALL};

    if (!monitor_open(1, TINY_BYTES) || !servant_open(&servants[1], other, 0)) {
        return;
    }
    tap_ok(monitor_map(monitor, AT, BACK, ALL) == STATUS_SUCCESS &&
               memory_map(monitor_memory(monitor), monitor_vm(other), &map).status ==
                   STATUS_SUCCESS,
           "a page of two VMs");
    uint64_t wrong = 0;
    for (uint64_t i = 0; i < 8; i++) {
        struct servant *from = &servants[i % 2], *to = &servants[1 - i % 2];
        wrong += servant_do(from, TINY_DO_WRITE, AT + DATA, 1, VALUE + i) != VALUE + i ||
                 servant_do(to, TINY_DO_READ, AT + DATA, 1, 0) != VALUE + i;
    }
    tap_equal(wrong, 0, "each sees what the other writes");
    tap_ok(unmapped(AT), "one loses it");
    (void)servant_do(servant, TINY_DO_READ, AT + DATA, 1, 0);
    tap_ok(servant_missed(servant, EXIT_GPA_READ, AT + DATA), "and does not see it any more");
    tap_ok(servant_do(&servants[1], TINY_DO_READ, AT + DATA, 1, 0) == VALUE + 7 &&
               servants[1].misses == 0,
           "the other one does");
    (void)servant_close(&servants[1]);
    monitor_close(other);
}

void suite_guest_memory(const struct machine *m)
{
    if (!monitor_possible(m)) {
        return;
    }
    uint64_t before = world_free();

    if (monitor_open_part(0, BYTES, TINY_BYTES) &&
        tap_ok(big_open() && servant_open(servant, monitor, 0),
               "a guest that does as it is told")) {
        check_rights();
        check_tables();
        check_ends();
        check_large();
        check_shared();
        check_uses();
        check_types();
        (void)servant_close(servant);
    }
    tap_equal(object_destroy(BIG), STATUS_SUCCESS, "the memory goes");
    monitor_close(monitor);
    world_balance(before);
}
