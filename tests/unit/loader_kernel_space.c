/*
 * The kernel's half, built in an arena of the host's memory, which is its own "physical" memory,
 * and read back as a processor would.
 */
#include "kernel_space.h"

#include <string.h>
#include <sys/mman.h>

#include "event_trace.h"
#include "tap.h"

#define PRESENT    (1ull << 0)
#define WRITE      (1ull << 1)
#define USER       (1ull << 2)
#define UNCACHED   (3ull << 3)
#define MARKED     (3ull << 5)
#define GLOBAL     (1ull << 8)
#define NO_EXECUTE (1ull << 63)
#define ADDRESS    0x000ffffffffff000ull

#define RO (PRESENT | MARKED | GLOBAL | NO_EXECUTE)
#define RW (RO | WRITE)
#define RX (PRESENT | MARKED | GLOBAL)

#define CPUS         2ul
#define ARENA_FRAMES 1024u
#define INFO         0x900000ull

static uint64_t arena;
static struct hardware hardware = {
    .cpus = CPUS,
    .lapic_base = 0xfee00000,
    .ioapics = 2,
    .ioapic = {{.base = 0xfec00000}, {.base = 0xfec01800}},
};
static struct ranges map = {
    .count = 5,
    .entry = {{0x0, 0x1000, MEMORY_RESERVED, 0},
              {0x1000, 0x5ff000, MEMORY_FREE, 0},
              {0xfd000000, 0x100000, MEMORY_ACPI_TABLES, 0},
              {0x100200000, 0x40200000, MEMORY_FREE, 0}},
};
static const struct handoff_segment segments[] = {
    {KERNEL_IMAGE, 0x400000, 0x3000, SEGMENT_READ | SEGMENT_EXECUTE, 0},
    {KERNEL_IMAGE + 0x3000, 0x500000, 0x1000, SEGMENT_READ, 0},
    {KERNEL_IMAGE + 0x4000, 0x600000, 0x2000, SEGMENT_READ | SEGMENT_WRITE, 0},
};
static const struct kernel_space_source source = {&map, &hardware, segments, 3};
static struct handoff handoff = {.cpus = CPUS, .boot_info = INFO, .boot_info_size = 0x2000};
static uint64_t end;

/* The last-level entry for address; counts those above it that let the user in. NULL: no table. */
static uint64_t *walk(uint64_t address, unsigned *user)
{
    uint64_t *table = (uint64_t *)handoff.root;

    for (int level = 3; table && level > 0; level--) {
        uint64_t entry = table[address >> (12 + 9 * level) & 511];
        if (!(entry & PRESENT))
            return NULL;
        *user += (entry & USER) != 0;
        table = (uint64_t *)(entry & ADDRESS);
    }
    return table ? &table[address >> 12 & 511] : NULL;
}

static uint64_t entry_at(uint64_t address)
{
    unsigned user = 0;
    uint64_t *entry = walk(address, &user);

    return entry && !user ? *entry : 0;
}

/* All entries of the last level; how many of those tell of an odd right. */
static unsigned entries_count(unsigned *odd)
{
    unsigned found = 0;

    const uint64_t *root = (const uint64_t *)handoff.root;

    for (unsigned a = 256; root && a < 512; a++) {
        uint64_t *pdpt = (uint64_t *)(root[a] & ADDRESS);
        for (unsigned b = 0; pdpt && b < 512; b++) {
            uint64_t *pd = (uint64_t *)(pdpt[b] & ADDRESS);
            for (unsigned c = 0; pd && c < 512; c++) {
                uint64_t *pt = (uint64_t *)(pd[c] & ADDRESS);
                for (unsigned d = 0; pt && d < 512; d++) {
                    if (!pt[d])
                        continue;
                    found++;
                    *odd += (pt[d] & USER) || !(pt[d] & GLOBAL) || (pt[d] & MARKED) != MARKED ||
                            ((pt[d] & WRITE) && !(pt[d] & NO_EXECUTE));
                }
            }
        }
    }
    return found;
}

static bool all_bytes(uint64_t base, uint64_t size, uint8_t value)
{
    const uint8_t *bytes = (const uint8_t *)base;

    for (uint64_t i = 0; bytes && i < size; i++)
        if (bytes[i] != value)
            return false;
    return bytes != NULL;
}

static void test_handoff(void)
{
    ok(all_bytes(handoff.ports_none, 2 * PAGE_SIZE, 0xff), "two frames of ones");
    ok(all_bytes(handoff.trace, CPUS * TRACE_BYTES, 0), "the trace's frames are zero");
    for (uint64_t cpu = 0; cpu < CPUS; cpu++) {
        uint64_t base = handoff.cpu_frames + cpu * HANDOFF_CPU_FRAMES * PAGE_SIZE;
        uint64_t maps = base + HANDOFF_GUEST * PAGE_SIZE;
        uint64_t rest = maps + HANDOFF_GUEST_MAPS * PAGE_SIZE;
        ok(all_bytes(base, maps - base, 0) && all_bytes(maps, rest - maps, 0xff) &&
               all_bytes(rest, base + HANDOFF_CPU_FRAMES * PAGE_SIZE - rest, 0),
           "CPU %lu: maps of ones, the rest zero", cpu);
    }
    ok(all_bytes(handoff.pool, HANDOFF_POOL_FRAMES * PAGE_SIZE, 0), "and the pool's");
    ok(all_bytes(handoff.root, PAGE_SIZE / 2, 0), "the lower half is empty");
    ok(end <= arena + kernel_space_frames(&source) * PAGE_SIZE, "it takes no more than it said");
    ok(all_bytes(end, arena + ARENA_FRAMES * PAGE_SIZE - end, 0xa5),
       "and touches nothing behind what it took");
}

static void test_image(void)
{
    is_u64(entry_at(KERNEL_IMAGE), 0x400000 | RX, "text");
    is_u64(entry_at(KERNEL_IMAGE + 0x2000), 0x402000 | RX, "its last page");
    is_u64(entry_at(KERNEL_IMAGE + 0x3000), 0x500000 | RO, "constants");
    is_u64(entry_at(KERNEL_IMAGE + 0x5000), 0x601000 | RW, "data");
    is_u64(entry_at(KERNEL_IMAGE + 0x6000), 0, "nothing behind it");
    is_u64(entry_at(DEVICES), 0xfee00000 | RW | UNCACHED, "local APIC");
    is_u64(entry_at(DEVICES + 0x1000), 0xfec00000 | RW | UNCACHED, "first I/O APIC");
    is_u64(entry_at(DEVICES + 0x2000), 0xfec01000 | RW | UNCACHED,
           "one that does not start a page");
}

static void test_windows(void)
{
    static const uint32_t data[] = {CPU_STACK,    CPU_STACK + 0x1000, CPU_DATA,     CPU_NMI_STACK,
                                    CPU_DF_STACK, CPU_MC_STACK,       CPU_DB_STACK, CPU_TSS_PAGE};

    for (uint64_t cpu = 0; cpu < CPUS; cpu++) {
        uint64_t area = CPU_AREAS + cpu * CPU_AREA_SIZE, mapped = 0;
        for (unsigned i = 0; i < sizeof(data) / sizeof(data[0]); i++) {
            uint64_t entry = entry_at(area + data[i]), frame = entry & ADDRESS;
            ok(frame >= arena && frame < end && entry == (frame | RW), "CPU %lu: data at %x", cpu,
               data[i]);
        }
        is_u64(entry_at(area + CPU_ENTRY), 0x400000 | RX, "what SYSCALL enters");
        is_u64(entry_at(area + CPU_IO_BITMAP), handoff.ports_none | RO, "no port is open");
        is_u64(entry_at(area + CPU_IO_BITMAP + 0x1000), (handoff.ports_none + 0x1000) | RO, "none");
        for (uint64_t page = 0; page < CPU_AREA_SIZE; page += 0x1000)
            mapped += entry_at(area + page) != 0;
        is_u64(mapped, 11, "guard pages are not mapped");
    }
    is_u64(entry_at(CPU_AREAS + CPUS * CPU_AREA_SIZE + CPU_STACK), 0, "no further window");
}

static void test_frame_map(void)
{
    unsigned user = 0, odd = 0, frames = (unsigned)((end - arena) / PAGE_SIZE);

    is_u64(entry_at(FRAME_MAP + arena), arena | RW, "the first frame is in the frame map");
    is_u64(entry_at(FRAME_MAP + end - PAGE_SIZE), (end - PAGE_SIZE) | RW, "and the last one");
    is_u64(entry_at(FRAME_MAP + end), 0, "and no other");
    is_u64(entry_at(FRAME_MAP + INFO + 0x1000), (INFO + 0x1000) | RW, "the boot information is");
    ok(walk(FRAME_MAP + 0x1000, &user) && walk(FRAME_MAP + 0x5ff000, &user) &&
           walk(FRAME_MAP + 0x100200000, &user) && walk(FRAME_MAP + 0x1403ff000, &user),
       "there are tables for all RAM");
    ok(!walk(FRAME_MAP + 0xfd000000, &user) && !walk(FRAME_MAP + 0x140400000, &user),
       "and for nothing else");
    is_u64(user, 0, "no table lets the user in");
    is_u64(entries_count(&odd), 6 + CPUS * 11 + 3 + 2 + frames, "nothing else is mapped");
    is_u64(odd, 0, "every page is global, marked, not the user's, not writable and executable");
}

int main(void)
{
    void *memory = mmap(NULL, ARENA_FRAMES * PAGE_SIZE, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return 1;
    arena = (uint64_t)memory;
    map.entry[4] = (struct boot_memory){arena, ARENA_FRAMES * PAGE_SIZE, MEMORY_KERNEL, 0};
    memset(memory, 0xa5, ARENA_FRAMES * PAGE_SIZE);
    ok(kernel_space_frames(&source) <= ARENA_FRAMES, "the arena is large enough");
    end = kernel_space_build(&source, arena, &handoff);
    test_handoff();
    test_image();
    test_windows();
    test_frame_map();
    return done_testing();
}
