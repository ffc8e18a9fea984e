/*
 * The reserve and the page tables built out of it, in an arena of the host's memory: the kernel's
 * frame_pointer is one to one before the frame map, so "physical" addresses are the arena's own.
 */
#include <stdlib.h>
#include <sys/mman.h>

#include "boot_info.h"
#include "kernel_fakes.h"
#include "layout.h"
#include "paging.h"
#include "reserve.h"
#include "tap.h"

#define ARENA_FRAMES 64u

static uint64_t arena;
static struct boot_memory memory[2];

static void arena_open(unsigned frames)
{
    memset((void *)arena, 0xa5, ARENA_FRAMES * FRAME_SIZE);
    memory[0] = (struct boot_memory){arena, frames * FRAME_SIZE, MEMORY_KERNEL, 0};
    memory[1] = (struct boot_memory){arena + frames * FRAME_SIZE, 0, MEMORY_FREE, 0};
    reserve_open(memory);
}

/* The last-level entry for address, 0 where a table is missing; checks the upper levels' rights. */
static uint64_t walk(hpa_t root, uint64_t address, bool *upper_user)
{
    uint64_t *table = (uint64_t *)root.value;

    *upper_user = true;
    for (int level = 3; level > 0; level--) {
        uint64_t entry = table[address >> (12 + 9 * level) & 511];
        if (!(entry & PAGE_PRESENT))
            return 0;
        *upper_user = *upper_user && (entry & PAGE_USER);
        table = (uint64_t *)(entry & PAGE_ADDRESS);
    }
    return table[address >> 12 & 511];
}

static void test_reserve(void)
{
    arena_open(3);
    hpa_t a = reserve_take(), b = reserve_take();
    is_u64(a.value, arena, "the first frame is the range's first");
    is_u64(b.value, arena + FRAME_SIZE, "the second follows");
    bool zero = true;
    for (unsigned i = 0; i < FRAME_SIZE; i++)
        zero = zero && ((uint8_t *)a.value)[i] == 0 && ((uint8_t *)b.value)[i] == 0;
    ok(zero, "frames are cleared");
    is_u64(((uint8_t *)arena)[2 * FRAME_SIZE], 0xa5, "a frame not taken is not touched");
    reserve_close();
    is_u64(memory[0].size, 2 * FRAME_SIZE, "what was taken stays the kernel's");
    is_u64(memory[1].base, arena + 2 * FRAME_SIZE, "the rest begins behind it");
    is_u64(memory[1].size, FRAME_SIZE, "and is given back");
    ok(STOPS(reserve_take()), "nothing can be taken after that");
}

static void test_reserve_limits(void)
{
    arena_open(1);
    reserve_take();
    ok(STOPS(reserve_take()), "a used-up reserve stops the kernel");
    is_str(kernel_message, "# [kernel] the reserve of 1 frames is used up\n", "with these words");

    struct boot_memory wrong[][2] = {
        {{arena, FRAME_SIZE, MEMORY_FREE, 0}, {arena + FRAME_SIZE, 0, MEMORY_FREE, 0}},
        {{arena, FRAME_SIZE, MEMORY_KERNEL, 0}, {arena + FRAME_SIZE, 0, MEMORY_LOADER, 0}},
        {{arena, FRAME_SIZE, MEMORY_KERNEL, 0}, {arena + FRAME_SIZE, 1, MEMORY_FREE, 0}},
        {{arena, FRAME_SIZE, MEMORY_KERNEL, 0}, {arena + 2 * FRAME_SIZE, 0, MEMORY_FREE, 0}},
        {{arena + 8, FRAME_SIZE, MEMORY_KERNEL, 0}, {arena + 8 + FRAME_SIZE, 0, MEMORY_FREE, 0}},
        {{arena, 100, MEMORY_KERNEL, 0}, {arena + 100, 0, MEMORY_FREE, 0}},
    };
    for (volatile unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        ok(STOPS(reserve_open(wrong[i])), "reserve that is not one range of frames, case %u", i);
}

static void test_map(void)
{
    static const struct {
        uint64_t address;
        enum page_rights rights;
        uint64_t extra;
    } cases[] = {
        {0x400000, PAGE_RX, PAGE_USER},
        {0x401000, PAGE_RO, PAGE_USER},
        {0x600000, PAGE_RW, PAGE_USER},
        {0x00007fffffffe000, PAGE_RW, PAGE_USER},
        {KERNEL_IMAGE, PAGE_RX, PAGE_GLOBAL},
        {CPU_AREAS + CPU_STACK, PAGE_RW, PAGE_GLOBAL},
        {DEVICES, PAGE_RW, PAGE_GLOBAL | PAGE_UNCACHED},
        {FRAME_MAP, PAGE_RO, 0},
    };
    bool upper_user;

    arena_open(ARENA_FRAMES);
    hpa_t root = reserve_take();
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        hpa_t frame = hpa(0x123000 + i * FRAME_SIZE);
        ok(paging_map(root, cases[i].address, frame, cases[i].rights, cases[i].extra),
           "0x%lx is mapped", cases[i].address);
        uint64_t entry = walk(root, cases[i].address, &upper_user);
        is_u64(entry,
               frame.value | (uint64_t)cases[i].rights | cases[i].extra | PAGE_ACCESSED |
                   PAGE_DIRTY,
               "with its frame, its rights and nothing else");
        is_u64(upper_user, cases[i].address < FRAME_MAP,
               "upper levels let the user in only in the lower half");
        ok(!paging_map(root, cases[i].address, hpa(0x999000), PAGE_RW, 0),
           "mapping it again is refused");
        is_u64(walk(root, cases[i].address, &upper_user), entry, "and changes nothing");
    }
    is_u64(walk(root, 0x402000, &upper_user), 0, "the page behind a mapped one is not mapped");
    is_u64(walk(root, CPU_AREAS, &upper_user), 0, "the guard page below a stack is not mapped");
}

static void test_rights(void)
{
    ok(!(PAGE_RW & PAGE_RX & PAGE_WRITE), "no rights are writable and executable");
    ok((PAGE_RW & PAGE_NX) && (PAGE_RO & PAGE_NX), "data is not executable");
    ok(!(PAGE_RX & PAGE_WRITE) && !(PAGE_RO & PAGE_WRITE), "text and constants are not writable");
}

static void test_prepare(void)
{
    bool upper_user;

    arena_open(ARENA_FRAMES);
    hpa_t root = reserve_take();
    paging_prepare(root, FRAME_MAP + 0x200000);
    uint64_t taken = reserve_taken();
    is_u64(taken, 4, "a root and three tables below it");
    is_u64(walk(root, FRAME_MAP + 0x200000, &upper_user), 0, "nothing is mapped");
    ok(!upper_user, "and the way there is not the user's");
    ok(paging_map(root, FRAME_MAP + 0x3ff000, hpa(0x5000), PAGE_RW, 0), "a page in that table");
    is_u64(reserve_taken(), taken, "takes no further table");
    paging_prepare(root, FRAME_MAP + 0x300000);
    is_u64(reserve_taken(), taken, "nor does preparing it again");
    is_u64(reserve_base().value, root.value, "the first frame taken is the reserve's first");
}

int main(void)
{
    void *memory_arena = mmap(NULL, ARENA_FRAMES * FRAME_SIZE, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory_arena == MAP_FAILED)
        return 1;
    arena = (uint64_t)memory_arena;
    test_reserve();
    test_reserve_limits();
    test_map();
    test_rights();
    test_prepare();
    return done_testing();
}
