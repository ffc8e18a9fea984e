/*
 * Second domains. The kernel does not say where this program's segments are in physical memory, so
 * each is looked for among the frames that belong to it: by the content of its first page.
 */
#include "boot_info.h"
#include "world.h"

#define LOOK (TEST_ADDRESS - 2 * PAGE) /* suites use what follows */
#define NONE UINT32_MAX

extern char text_begin[], text_end[], rodata_begin[], rodata_end[], data_begin[], bss_end[];

struct segment {
    char *begin, *end;
    uint32_t rights;
    uint32_t memory; /* selector of the MEM, */
    uint64_t offset; /* and where in it; found once */
};

static struct segment segments[] = {
    {text_begin, text_end, MEM_RIGHT_READ | MEM_RIGHT_EXECUTE, 0, 0},
    {rodata_begin, rodata_end, MEM_RIGHT_READ, 0, 0},
    {data_begin, bss_end, MEM_RIGHT_READ | MEM_RIGHT_WRITE, 0, 0},
};

#define SEGMENTS (sizeof(segments) / sizeof(segments[0]))

static bool page_equal(const char *a, const char *b)
{
    const volatile uint64_t *x = (const volatile uint64_t *)a, *y = (const volatile uint64_t *)b;

    for (unsigned i = 0; i < PAGE / 8; i++) {
        if (x[i] != y[i]) {
            return false;
        }
    }
    return true;
}

/* Is the page at offset of the MEM the first one of the segment? */
static bool segment_is_at(const struct segment *s, uint32_t memory, uint64_t offset)
{
    struct map map = {.address = LOOK, .offset = offset, .count = 1, .rights = MEM_RIGHT_READ};

    if (memory_map(memory, SELECTOR_PD, &map).status != STATUS_SUCCESS) {
        return false;
    }
    bool equal = page_equal((const char *)LOOK, s->begin);
    (void)memory_unmap(SELECTOR_PD, LOOK);
    return equal;
}

static bool segment_find(struct segment *s)
{
    const struct boot_memory *range;

    for (uint32_t i = 0; !s->memory && (range = machine_memory(world.machine, i)); i++) {
        for (uint64_t at = 0; range->type == MEMORY_FIRST && at < range->size; at += PAGE) {
            if (segment_is_at(s, SELECTOR_MEMORY + i, at)) {
                s->memory = SELECTOR_MEMORY + i;
                s->offset = at;
                break;
            }
        }
    }
    return s->memory;
}

static bool segment_map(const struct segment *s, uint32_t domain)
{
    uint64_t size = ((uint64_t)(s->end - s->begin) + PAGE - 1) & ~(PAGE - 1);
    struct map map = {.address = (uint64_t)s->begin,
                      .offset = s->offset,
                      .count = (uint32_t)(size / PAGE),
                      .rights = s->rights};

    return memory_map(s->memory, domain, &map).status == STATUS_SUCCESS;
}

bool domain_open_from(uint32_t selector, uint32_t pool)
{
    bool open = domain_create(selector, pool).status == STATUS_SUCCESS;

    for (unsigned i = 0; open && i < SEGMENTS; i++) {
        open = segment_find(&segments[i]) && segment_map(&segments[i], selector);
    }
    return open;
}

bool domain_open(uint32_t selector)
{
    bool open = domain_open_from(selector, SELECTOR_POOL);

    for (uint32_t s = 0; open && s < SEMAPHORES; s++) {
        open = domain_give(selector, SEMAPHORE + s);
    }
    return tap_ok(open, "a second domain with this program");
}

bool domain_close(uint32_t selector)
{
    return tap_equal(object_destroy(selector), STATUS_SUCCESS, "the second domain goes");
}
