/*
 * Maps its RAM (RESOURCE_RAM) in large pages, as root says that it can, and writes to its end. Says
 * how many there are. It was cleared, so it has to be 0 when it is started again.
 */
#include <stdio.h>

#include "environment.h"
#include "port.h"
#include "system.h"

#define ADDRESS 0x100000000000ull
#define ENTRIES 512u
#define MARK    0x600dull

static const struct environment_resource *ram_find(void)
{
    const struct environment_resource *r = environment_entries(&ENVIRONMENT->resources);

    for (uint32_t i = 0; i < ENVIRONMENT->resources.count; i++)
        if (r[i].kind == RESOURCE_RAM)
            return &r[i];
    return NULL;
}

static enum status pages_map(const struct environment_resource *ram, struct map map, uint64_t size,
                             uint64_t pages)
{
    for (uint64_t now; pages; pages -= now) {
        struct answer a;
        now = pages < ENTRIES ? pages : ENTRIES;
        map.count = (uint32_t)now;
        PORT_WITH_FUNDS(a, memory_map(ram->selector, PROCESS_PD, &map));
        if (a.status != STATUS_SUCCESS)
            return a.status;
        map.address += now * size;
        map.offset += now * size;
    }
    return STATUS_SUCCESS;
}

/* All whole pages of a size, and what is in the first and the last word of them. */
static int try(const struct environment_resource *ram, const char *what, uint32_t level)
{
    const uint64_t size = 4096ull << 9 * level, first = -ram->base & (size - 1);
    const uint64_t pages = ram->count > first ? (ram->count - first) / size : 0;
    const struct map map = {.address = ADDRESS * (level + 1),
                            .offset = first,
                            .level = level,
                            .rights = MEM_RIGHT_READ | MEM_RIGHT_WRITE};
    enum status status = pages_map(ram, map, size, pages);
    unsigned wrong = status != STATUS_SUCCESS;

    if (!wrong && pages) {
        volatile uint64_t *word = (volatile uint64_t *)map.address;
        volatile uint64_t *last = word + pages * size / sizeof(*word) - 1;
        const uint64_t want = level == 1 ? 0 : MARK; /* the smaller pages have come first */
        wrong += *last != want || (want == 0 && *word != 0);
        *word = *last = MARK;
        wrong += *last != MARK;
    }
    printf("%lu pages of %s: %s, status %u\n", pages, what, wrong ? "WRONG" : "right",
           (unsigned)status);
    return wrong ? 1 : 0;
}

int main(void)
{
    const struct environment_resource *ram = ram_find();

    return ram ? try(ram, "2 MiB", 1) + try(ram, "1 GiB", 2) : 1;
}
