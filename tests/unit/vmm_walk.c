/*
 * The page walker against a reference that is written from the manual's tables (Intel SDM 3, 4.3
 * to 4.7), in all paging modes, on random tables; and some cases by hand.
 */
#include <stdlib.h>

#include "emulate.h"
#include "kernel_random.h"
#include "tap.h"

#define RAM    0x18000ul
#define ROUNDS 200000u

static uint8_t ram[RAM] __attribute__((aligned(4096)));
static uint8_t before[RAM] __attribute__((aligned(4096)));
static const struct guest_memory memory = {2,
                                           {{0, RAM / 2, ram}, {0x100000, RAM / 2, ram + RAM / 2}}};

enum paging { NONE, BITS_32, PAE, LEVELS_4, LEVELS_5, PAGINGS };

/* What the reference says: a translation, or a fault; and which bits it wants set. */
struct answer {
    bool faults;
    uint32_t error;
    uint64_t gpa;
    unsigned count;
    uint64_t at[5], bits[5]; /* offsets into ram of the entries, and what is to be set there */
};

/* Where a guest-physical address is in `ram`; RAM: nowhere. */
static uint64_t place(uint64_t gpa)
{
    if (gpa < RAM / 2)
        return gpa;
    return gpa >= 0x100000 && gpa < 0x100000 + RAM / 2 ? gpa - 0x100000 + RAM / 2 : RAM;
}

static uint64_t bits_of(uint64_t value, unsigned high, unsigned low)
{
    return value >> low & ((2ull << (high - low)) - 1);
}

/* One level of the reference: the bits that index it, and how its entries look. */
struct level {
    unsigned high, low; /* of the linear address */
    bool large;         /* PS makes it a page */
    bool ps_reserved;
};

static const struct level levels_32[] = {{31, 22, true, false}, {21, 12, false, false}};
static const struct level levels_pae[] = {{29, 21, true, false}, {20, 12, false, false}};
static const struct level levels_long[] = {{56, 48, false, true},
                                           {47, 39, false, true},
                                           {38, 30, true, false},
                                           {29, 21, true, false},
                                           {20, 12, false, false}};

static bool is_reserved(const struct vcpu_state *s, enum paging paging, unsigned phys_bits,
                        uint64_t entry, const struct level *level, bool large)
{
    if (paging == BITS_32)
        return large && bits_of(entry, 21, 13);
    if (entry >> 63 && !(s->efer & 1 << 11))
        return true;
    if (paging == PAE && bits_of(entry, 62, 52))
        return true;
    if (phys_bits < 52 && bits_of(entry, 51, phys_bits))
        return true;
    if (level->ps_reserved && entry & 0x80)
        return true;
    return large && level->low > 13 && bits_of(entry, level->low - 1, 13);
}

static struct answer fault_of(const struct vcpu_state *s, unsigned access, uint32_t why)
{
    bool user = access & WALK_USER && !(access & WALK_IMPLICIT);
    bool smep = s->cr4 >> 20 & 1;
    bool nxe = s->cr4 >> 5 & 1 && s->efer >> 11 & 1;

    return (struct answer){.faults = true,
                           .error = why | (access & WALK_WRITE ? 2 : 0) | (user ? 4 : 0) |
                                    (access & WALK_EXECUTE && (smep || nxe) ? 16 : 0)};
}

/* The tables of 4.6: each right by itself. */
static bool may(const struct vcpu_state *s, unsigned access, bool user, bool writable, bool nx)
{
    bool wp = s->cr0 >> 16 & 1;
    bool smep = s->cr4 >> 20 & 1;
    bool smap = s->cr4 >> 21 & 1;
    bool ac = s->rflags >> 18 & 1;

    if (access & WALK_USER && !(access & WALK_IMPLICIT)) {
        if (!user)
            return false;
        if (access & WALK_EXECUTE)
            return !nx;
        return access & WALK_WRITE ? writable : true;
    }
    if (access & WALK_EXECUTE)
        return user ? !smep && !nx : !nx;
    if (user && smap && (!ac || access & WALK_IMPLICIT))
        return false;
    return access & WALK_WRITE ? writable || !wp : true;
}

static struct answer reference(const struct vcpu_state *s, enum paging paging, unsigned phys_bits,
                               uint64_t linear, unsigned access)
{
    const struct level *level = paging == BITS_32 ? levels_32
                                : paging == PAE   ? levels_pae
                                                  : levels_long + (paging == LEVELS_4);
    unsigned size = paging == BITS_32 ? 4 : 8;
    uint64_t physical = ((phys_bits < 52 ? 1ull << phys_bits : 1ull << 52) - 1) & ~0xfffull;
    uint64_t table = paging == BITS_32 ? s->cr3 & 0xfffff000 : s->cr3 & physical;
    struct answer a = {.faults = false};
    bool user = true;
    bool writable = true;
    bool nx = false;

    if (paging == NONE)
        return (struct answer){.gpa = linear & UINT32_MAX};
    if (paging == PAE) {
        uint64_t pdpte = s->pdpte[bits_of(linear, 31, 30)];
        if (!(pdpte & 1))
            return fault_of(s, access, 0);
        table = pdpte & physical;
    }
    for (;; level++) {
        uint64_t at = place(table + bits_of(linear, level->high, level->low) * size);
        uint64_t entry = 0;
        if (at < RAM)
            memcpy(&entry, ram + at, size);
        if (!(entry & 1))
            return fault_of(s, access, 0);
        bool large = level->large && entry & 0x80 && (paging != BITS_32 || s->cr4 & 0x10);
        if (is_reserved(s, paging, phys_bits, entry, level, large))
            return fault_of(s, access, 9);
        user = user && entry & 4;
        writable = writable && entry & 2;
        nx = nx || entry >> 63;
        a.at[a.count] = at;
        a.bits[a.count++] = 0x20;
        uint64_t frame = paging == BITS_32 ? entry & 0xfffff000 : entry & 0x000ffffffffff000ull;
        if (large || level->low == 12) {
            if (!may(s, access, user, writable, nx))
                return fault_of(s, access, 1);
            a.gpa = (frame >> level->low << level->low) | bits_of(linear, level->low - 1, 0);
            if (access & WALK_WRITE)
                a.bits[a.count - 1] |= 0x40;
            return a;
        }
        table = frame;
    }
}

static uint64_t random64(void)
{
    random_below(2);
    return random_state;
}

/* Entries that mostly lead on: present, to a page of the RAM, with few of the odd bits. */
static uint64_t random_entry(unsigned size)
{
    uint64_t page =
        random_below(4) ? random_below(12) * 4096ull : 0x100000 + random_below(12) * 4096ull;
    uint64_t entry = page | (random64() & 0xfff & ~0x80ull) | (random_below(16) ? 7 : 0);

    if (random_below(24) == 0)
        entry ^= 1;
    if (random_below(5) == 0) /* a large page, often aligned */
        entry = 0x80 | (random_below(2) ? entry & 0xc0000fff : entry);
    if (random_below(30) == 0)
        entry |= 1ull << random_below(size * 8);
    if (size == 8 && random_below(10) == 0)
        entry |= 1ull << 63;
    return entry;
}

static void tables_make(unsigned size)
{
    for (unsigned at = 0; at < RAM; at += size) {
        uint64_t entry = random_entry(size);
        memcpy(ram + at, &entry, size);
    }
}

static void state_make(struct vcpu_state *s, enum paging paging)
{
    *s = (struct vcpu_state){.cr0 = 0x11 | (random64() & 1 << 16), .rflags = random64() & 1 << 18};
    s->cr4 = random64() & (1 << 20 | 1 << 21 | 1 << 4);
    s->efer = random64() & 1 << 11;
    if (paging != NONE)
        s->cr0 |= 1ull << 31;
    if (paging >= PAE)
        s->cr4 |= 1 << 5;
    if (paging >= LEVELS_4)
        s->efer |= 0x500;
    if (paging == LEVELS_5)
        s->cr4 |= 1 << 12;
    s->cr3 = random_below(14) * 4096ull;
    for (unsigned n = 0; n < 4; n++)
        s->pdpte[n] = random_entry(8) & ~0x7ff00000000001e6ull;
}

static const unsigned accesses[] = {WALK_READ,
                                    WALK_WRITE,
                                    WALK_EXECUTE,
                                    WALK_USER,
                                    WALK_USER | WALK_WRITE,
                                    WALK_USER | WALK_EXECUTE,
                                    WALK_IMPLICIT,
                                    WALK_IMPLICIT | WALK_WRITE,
                                    WALK_IMPLICIT | WALK_USER};

static struct {
    uint64_t good, absent, reserved, refused, marked;
} counts;

static bool agrees(const struct vcpu_state *s, enum paging paging, uint8_t phys_bits,
                   uint64_t linear, unsigned access)
{
    struct emulate_fault fault = {0};
    struct answer want = reference(s, paging, phys_bits, linear, access);
    uint64_t gpa = 0;

    memcpy(before, ram, RAM);
    bool good = walk(s, &memory, phys_bits, linear, (enum walk_access)access, &gpa, &fault);
    if (want.faults) {
        uint64_t cr2 = paging >= LEVELS_4 ? linear : linear & UINT32_MAX;
        uint64_t *count = want.error & 8   ? &counts.reserved
                          : want.error & 1 ? &counts.refused
                                           : &counts.absent;
        (*count)++;
        return !good && fault.vector == 14 && fault.has_error && fault.error == want.error &&
               fault.cr2 == cr2 && !memcmp(before, ram, RAM);
    }
    counts.good++;
    for (unsigned n = 0; n < want.count; n++) {
        before[want.at[n]] = (uint8_t)(before[want.at[n]] | want.bits[n]);
    }
    counts.marked += want.count != 0;
    return good && gpa == want.gpa && !memcmp(before, ram, RAM);
}

static const char *const names[] = {"no paging", "32-bit", "PAE", "4 levels", "5 levels"};

static void random_walks(enum paging paging)
{
    struct vcpu_state s;
    unsigned wrong = 0;

    memset(&counts, 0, sizeof(counts));
    for (unsigned n = 0; n < ROUNDS / PAGINGS / 100; n++) {
        static const uint8_t widths[] = {36, 40, 46, 52};
        uint8_t phys_bits = widths[random_below(4)];
        tables_make(paging == BITS_32 ? 4 : 8);
        for (unsigned m = 0; m < 100; m++) {
            state_make(&s, paging);
            uint64_t linear = random64();
            unsigned access = accesses[random_below(sizeof(accesses) / sizeof(accesses[0]))];
            if (!agrees(&s, paging, phys_bits, linear, access) && wrong++ < 4)
                printf("# %s: %#" PRIx64 ", access %u, cr4 %#" PRIx64 "\n", names[paging], linear,
                       access, s.cr4);
        }
    }
    is_u64(wrong, 0, "%s: agrees with the reference", names[paging]);
    printf("# %" PRIu64 " translated, %" PRIu64 " absent, %" PRIu64 " reserved, %" PRIu64
           " refused\n",
           counts.good, counts.absent, counts.reserved, counts.refused);
    ok(counts.good > 1000 && (paging == NONE || counts.absent > 1000), "%s: of all kinds",
       names[paging]);
    if (paging != NONE)
        ok(counts.reserved > 100 && counts.refused > 100, "%s: faults of all kinds", names[paging]);
}

/* Two levels, one page: the user's, read-only. */
static void by_hand(void)
{
    struct vcpu_state s = {.cr0 = 0x80000011, .cr3 = 0x1000};
    struct emulate_fault fault;
    uint32_t *table = (uint32_t *)(void *)ram;
    uint64_t gpa;

    memset(ram, 0, RAM);
    table[1024 + 1] = 0x2007;
    table[2048 + 3] = 0x5005;
    ok(walk(&s, &memory, 40, 0x403123, WALK_USER, &gpa, &fault), "a user's page is read");
    is_u64(gpa, 0x5123, "at its address");
    is_u64(table[1024 + 1], 0x2027, "the directory's entry is accessed");
    is_u64(table[2048 + 3], 0x5025, "the page is accessed, not dirty");
    ok(!walk(&s, &memory, 40, 0x403123, WALK_USER | WALK_WRITE, &gpa, &fault), "not written");
    is_u64(fault.error, 7, "by the user: protection, write, user");
    is_u64(fault.cr2, 0x403123, "CR2");
    ok(walk(&s, &memory, 40, 0x403123, WALK_WRITE, &gpa, &fault), "by a supervisor it is");
    is_u64(table[2048 + 3], 0x5065, "and dirty");
    s.cr0 |= 1 << 16;
    ok(!walk(&s, &memory, 40, 0x403123, WALK_WRITE, &gpa, &fault) && fault.error == 3,
       "not with CR0.WP");
    s.cr3 = 0xf0000000;
    ok(!walk(&s, &memory, 40, 0x403123, WALK_READ, &gpa, &fault) && fault.error == 0,
       "tables outside of RAM are empty");
}

int main(void)
{
    by_hand();
    for (enum paging paging = NONE; paging < PAGINGS; paging++)
        random_walks(paging);
    return done_testing();
}
