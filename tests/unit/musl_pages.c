/*
 * The pages of a program of the C library (bootstrap/musl/port), with frames: against a fake kernel
 * that knows what is mapped where, lets mappings fail, and checks that no frame is mapped twice. A
 * random walk compares the port with a model that has a line for each page.
 */
#include <errno.h>

#include "pages.h"
#include "tap.h"

#define BASE   0x40000000ull
#define PAGES  200u
#define HEAP   16u
#define FRAMES 64u
#define CHUNK  8u

static struct port_pages pages;
static uint64_t entries[PAGES], bitmap[FRAMES / 64 + 1];

/* The fake kernel. */
static struct mapping {
    bool mapped, foreign, zero;
    uint32_t frame, memory, rights;
} kernel[PAGES];
static uint32_t users[FRAMES];
static int until_failure = -1; /* mappings that succeed before one fails; -1: all do */
static unsigned faults;

static struct mapping *at(uint64_t address)
{
    return &kernel[(address - BASE) / PORT_PAGE];
}

static bool may_map(uint64_t address)
{
    faults += at(address)->mapped;
    if (until_failure == 0)
        return false;
    until_failure -= until_failure > 0;
    return true;
}

bool port_page_map(uint32_t frame, uint64_t address, uint32_t rights)
{
    if (!may_map(address))
        return false;
    faults += users[frame]++ != 0;
    *at(address) = (struct mapping){.mapped = true, .frame = frame, .rights = rights};
    return true;
}

bool port_page_map_foreign(uint32_t memory, uint32_t page, uint64_t address, uint32_t rights)
{
    if (!may_map(address))
        return false;
    *at(address) = (struct mapping){
        .mapped = true, .foreign = true, .memory = memory, .frame = page, .rights = rights};
    return true;
}

void port_page_unmap(uint64_t address)
{
    struct mapping *m = at(address);

    faults += !m->mapped;
    if (!m->foreign)
        users[m->frame]--;
    m->mapped = false;
}

void port_page_clear(uint64_t address)
{
    faults += !at(address)->mapped || !(at(address)->rights & PORT_WRITE);
    at(address)->zero = true;
}

static void open_all(void)
{
    memset(entries, 0, sizeof(entries));
    memset(bitmap, 0, sizeof(bitmap));
    memset(kernel, 0, sizeof(kernel));
    memset(users, 0, sizeof(users));
    until_failure = -1;
    faults = 0;
    port_frames_open(&pages.frames, bitmap, FRAMES, CHUNK);
    port_pages_open(&pages, entries, PAGES, HEAP, BASE);
}

static unsigned frames_used(void)
{
    unsigned used = 0;

    for (unsigned i = 0; i < FRAMES; i++)
        used += (unsigned)(bitmap[i / 64] >> i % 64 & 1);
    return used;
}

static void test_frames(void)
{
    struct port_frames *f = &pages.frames;

    open_all();
    is_u64(port_frames_take(f), FRAMES - 1, "the highest frame comes first");
    is_u64(port_frames_take(f), FRAMES - 2, "then the next");
    port_frames_give(f, FRAMES - 1);
    is_u64(port_frames_take(f), FRAMES - 1, "what is given back comes again");
    is_u64(f->lowest, FRAMES - CHUNK, "pages use one chunk");
    port_frames_set_floor(f, FRAMES - CHUNK + 1);
    is_u64(f->floor, 0, "the kernel cannot have part of it");
    port_frames_set_floor(f, FRAMES - CHUNK - 1);
    for (unsigned i = 2; i < CHUNK; i++)
        (void)!port_frames_take(f);
    is_u64(port_frames_take(f), PORT_FRAME_NONE,
           "a chunk of which the kernel has a part is not used");
    port_frames_give(f, FRAMES - 3);
    is_u64(port_frames_take(f), FRAMES - 3, "but what is free in others is");

    open_all();
    unsigned all = 0;
    while (port_frames_take(f) != PORT_FRAME_NONE)
        all++;
    is_u64(all, FRAMES, "all frames can be had");
    is_u64(frames_used(), FRAMES, "each once");
}

static void test_shrink(void)
{
    struct port_frames *f = &pages.frames;

    open_all();
    is_u64(port_frames_shrink(f), PORT_FRAME_NONE, "no chunk, none is given back");
    for (unsigned i = 0; i < FRAMES; i++)
        (void)!port_frames_take(f);
    is_u64(port_frames_shrink(f), PORT_FRAME_NONE, "nor one in use");
    for (unsigned i = 0; i < 2 * CHUNK; i++)
        port_frames_give(f, i);
    is_u64(port_frames_shrink(f), 0, "the lowest, when it is free");
    is_u64(port_frames_shrink(f), 1, "then the next");
    is_u64(port_frames_shrink(f), PORT_FRAME_NONE, "not the one after them");
    port_frames_set_floor(f, 2 * CHUNK);
    is_u64(f->floor, 2 * CHUNK, "the kernel can have both");
    is_u64(port_frames_take(f), PORT_FRAME_NONE, "and pages neither");
}

static void test_add(void)
{
    open_all();
    is_u64(port_pages_find(&pages, 3), HEAP, "new pages are behind the heap");
    ok(!port_pages_add(&pages, HEAP, 3, PORT_READ | PORT_WRITE), "three are added");
    ok(kernel[HEAP].zero && kernel[HEAP + 2].zero && kernel[HEAP].rights == 3, "mapped and zero");
    is_u64(port_pages_find(&pages, 1), HEAP + 3, "the next is behind them");
    ok(!port_pages_remove(&pages, HEAP + 1, 1), "the middle one goes");
    ok(kernel[HEAP].mapped && !kernel[HEAP + 1].mapped && kernel[HEAP + 2].mapped,
       "the others are not touched");
    is_u64(port_pages_find(&pages, 1), HEAP + 1, "its place is used again");
    is_u64(port_pages_find(&pages, 2), HEAP + 3, "if it is large enough");
    is_u64(port_pages_find(&pages, PAGES), PORT_PAGE_NONE, "not so many");
    ok(!port_pages_add(&pages, HEAP + 1, 1, PORT_READ) && kernel[HEAP + 1].rights == PORT_READ,
       "read-only, it is");
    ok(!port_pages_add(&pages, 100, 50, 0) && frames_used() == 3, "no rights, no frames");
    port_pages_reserve(&pages, 160, 2);
    is_u64(port_pages_remove(&pages, 159, 3), EINVAL, "what somebody has taken stays");
    port_pages_release(&pages, 160, 2);
    ok(!port_pages_remove(&pages, 0, PAGES) && frames_used() == 0, "all of it goes");
    is_u64(faults, 0, "the kernel saw nothing wrong");
}

static void test_no_memory(void)
{
    unsigned left = 0;

    for (int n = 0; n < 12; n++) {
        open_all();
        until_failure = n;
        ok(port_pages_add(&pages, HEAP, 6, PORT_READ) == (n < 12 ? ENOMEM : 0),
           "mapping %d fails: ENOMEM", n);
        left += frames_used();
        for (unsigned i = 0; i < PAGES; i++)
            left += kernel[i].mapped || entries[i];
    }
    is_u64(left, 0, "and nothing is left of it");
    open_all();
    is_u64(port_pages_add(&pages, HEAP, FRAMES + 1, PORT_READ), ENOMEM, "more than there is");
    is_u64(frames_used(), 0, "leaves nothing either");
    until_failure = 2;
    is_u64(port_pages_add_foreign(&pages, HEAP, 3, 500, 0, PORT_READ), ENOMEM, "nor another MEM's");
    ok(port_pages_are_free(&pages, 0, PAGES) && !kernel[HEAP].mapped, "leave anything");
    is_u64(faults, 0, "the kernel saw nothing wrong");
}

static void test_protect(void)
{
    open_all();
    ok(!port_pages_add(&pages, 20, 4, 0), "four pages without rights");
    is_u64(port_pages_protect(&pages, 20, 5, PORT_READ, true), ENOMEM, "a hole has none to change");
    ok(!port_pages_protect(&pages, 21, 2, 3, false), "not alone, two become accessible");
    is_u64(frames_used(), 2, "and have frames");
    is_u64(port_pages_protect(&pages, 20, 4, PORT_READ, false), ENOTSUP,
           "not alone, what is accessible does not change");
    is_u64(kernel[21].rights, 3, "nor does any of it");
    ok(!port_pages_protect(&pages, 20, 4, PORT_READ, true), "alone, it does");
    ok(kernel[20].rights == 1 && kernel[21].rights == 1, "all of it");
    uint32_t frame = kernel[21].frame;
    ok(!port_pages_protect(&pages, 21, 1, 0, false) && !kernel[21].mapped, "all rights go");
    ok(!port_pages_protect(&pages, 21, 1, 3, false) && kernel[21].frame == frame,
       "and come back with what was there");
    ok(!port_pages_protect(&pages, 21, 1, 0, false) && !port_pages_clear(&pages, 21, 1) &&
           frames_used() == 3,
       "not needed and not accessible: its frame is free");
    ok(!port_pages_add_foreign(&pages, 30, 1, 9, 4, PORT_READ), "a page of another MEM");
    is_u64(port_pages_protect(&pages, 30, 1, 3, true), EACCES, "keeps its rights");
    is_u64(port_pages_protect(&pages, 30, 1, PORT_READ, true), 0, "which can be asked for again");
    is_u64(port_pages_clear(&pages, 31, 1), ENOMEM, "what is not there is not cleared");
    is_u64(faults, 0, "the kernel saw nothing wrong");
}

/* The model: rights of each page, or -1. */
static int model[PAGES];

static unsigned differences(void)
{
    unsigned count = 0;

    for (unsigned i = 0; i < PAGES; i++) {
        count += (model[i] > 0) != kernel[i].mapped;
        count += model[i] > 0 && kernel[i].rights != (uint32_t)model[i];
        count += (model[i] < 0) != (entries[i] == 0);
    }
    return count;
}

static void step(uint64_t random)
{
    uint32_t n = 1 + (uint32_t)(random >> 8) % 8, page = (uint32_t)(random >> 16) % (PAGES - 8);
    static const uint32_t some[] = {0, PORT_READ, PORT_READ | PORT_WRITE};
    uint32_t rights = some[(random >> 32) % 3];
    int error;

    switch (random % 4) {
    case 0:
    case 1:
        page = random % 4 ? port_pages_find(&pages, n) : page;
        if (page == PORT_PAGE_NONE || !port_pages_are_free(&pages, page, n))
            return;
        error = port_pages_add(&pages, page, n, rights);
        break;
    case 2:
        error = port_pages_remove(&pages, page, n);
        for (uint32_t i = page; !error && i < page + n; i++)
            model[i] = -1;
        return;
    default:
        for (uint32_t i = page; i < page + n; i++)
            if (model[i] < 0)
                return;
        until_failure = -1;
        error = port_pages_protect(&pages, page, n, rights, true);
    }
    for (uint32_t i = page; i < page + n; i++)
        if (!error)
            model[i] = (int)rights;
        else if (entries[i]) /* a protect that ran out of memory: some have changed */
            model[i] = kernel[i].mapped ? (int)kernel[i].rights : 0;
}

static void test_walk(void)
{
    uint64_t random = 88172645463325252ull;
    unsigned wrong = 0;

    open_all();
    memset(model, -1, sizeof(model));
    for (unsigned i = 0; i < 200000; i++) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        until_failure = random % 5 ? -1 : (int)(random >> 40) % 10;
        step(random >> 3);
        wrong += i % 16 == 0 && differences();
    }
    until_failure = -1;
    is_u64(wrong, 0, "200,000 random steps: pages are what a model says");
    ok(!port_pages_remove(&pages, 0, PAGES), "all of it is removed");
    is_u64(frames_used(), 0, "and all frames are free");
    is_u64(faults, 0, "the kernel saw nothing wrong");
}

int main(void)
{
    test_frames();
    test_shrink();
    test_add();
    test_no_memory();
    test_protect();
    test_walk();
    return done_testing();
}
