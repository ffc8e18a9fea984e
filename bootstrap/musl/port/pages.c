/*
 * An entry: bits 0 and 1 rights, bits 2 and 3 its kind, bit 4 has a frame; bits 63:32 the frame, or
 * the page of the other MEM, whose selector is in bits 31:16. A page is mapped exactly if it has
 * rights.
 */
#include "pages.h"

#include <errno.h>

enum kind { FREE = 0, ANONYMOUS = 1, FOREIGN = 2, TAKEN = 3 };

#define RIGHTS    3u
#define HAS_FRAME (1u << 4)

static enum kind kind_of(uint64_t entry)
{
    return (enum kind)(entry >> 2 & 3);
}

static uint32_t rights_of(uint64_t entry)
{
    return (uint32_t)(entry & RIGHTS);
}

static uint64_t make(enum kind kind, uint32_t rights)
{
    return (uint64_t)kind << 2 | rights;
}

static uint64_t address_of(const struct port_pages *p, uint32_t page)
{
    return p->base + (uint64_t)page * PORT_PAGE;
}

void port_pages_open(struct port_pages *p, uint64_t *entry, uint32_t count, uint32_t heap,
                     uint64_t base)
{
    p->entry = entry;
    p->count = count;
    p->heap = heap;
    p->hint = heap;
    p->base = base;
}

uint32_t port_pages_find(struct port_pages *p, uint32_t pages)
{
    uint32_t run = 0;

    while (p->hint < p->count && p->entry[p->hint])
        p->hint++;
    for (uint32_t page = p->hint; page < p->count; page++) {
        run = p->entry[page] ? 0 : run + 1;
        if (run == pages)
            return page + 1 - pages;
    }
    return PORT_PAGE_NONE;
}

bool port_pages_are_free(const struct port_pages *p, uint32_t page, uint32_t pages)
{
    for (uint32_t i = page; i < page + pages; i++)
        if (p->entry[i])
            return false;
    return true;
}

static void forget(struct port_pages *p, uint32_t page)
{
    p->entry[page] = 0;
    if (page >= p->heap && page < p->hint)
        p->hint = page;
}

static void remove_one(struct port_pages *p, uint32_t page)
{
    uint64_t entry = p->entry[page];

    if (rights_of(entry))
        port_page_unmap(address_of(p, page));
    if (entry & HAS_FRAME)
        port_frames_give(&p->frames, (uint32_t)(entry >> 32));
    forget(p, page);
}

/* Gives an anonymous page without a frame one, and maps it. */
static bool populate(struct port_pages *p, uint32_t page, uint32_t rights)
{
    uint32_t frame = port_frames_take(&p->frames);
    uint64_t address = address_of(p, page);

    if (frame == PORT_FRAME_NONE)
        return false;
    if (!port_page_map(frame, address, PORT_READ | PORT_WRITE))
        goto give;
    port_page_clear(address);
    if (!(rights & PORT_WRITE)) {
        port_page_unmap(address);
        if (!port_page_map(frame, address, rights))
            goto give;
    }
    p->entry[page] = make(ANONYMOUS, rights) | HAS_FRAME | (uint64_t)frame << 32;
    return true;
give:
    port_frames_give(&p->frames, frame);
    return false;
}

int port_pages_add(struct port_pages *p, uint32_t page, uint32_t pages, uint32_t rights)
{
    for (uint32_t i = 0; i < pages; i++) {
        if (!rights) {
            p->entry[page + i] = make(ANONYMOUS, 0);
        } else if (!populate(p, page + i, rights)) {
            while (i-- > 0)
                remove_one(p, page + i);
            return ENOMEM;
        }
    }
    return 0;
}

int port_pages_add_foreign(struct port_pages *p, uint32_t page, uint32_t pages, uint32_t memory,
                           uint32_t first, uint32_t rights)
{
    for (uint32_t i = 0; i < pages; i++) {
        if (!port_page_map_foreign(memory, first + i, address_of(p, page + i), rights)) {
            while (i-- > 0)
                remove_one(p, page + i);
            return ENOMEM;
        }
        p->entry[page + i] =
            make(FOREIGN, rights) | (uint64_t)memory << 16 | (uint64_t)(first + i) << 32;
    }
    return 0;
}

void port_pages_reserve(struct port_pages *p, uint32_t page, uint32_t pages)
{
    for (uint32_t i = page; i < page + pages; i++)
        p->entry[i] = make(TAKEN, 0);
}

void port_pages_release(struct port_pages *p, uint32_t page, uint32_t pages)
{
    for (uint32_t i = page; i < page + pages; i++)
        forget(p, i);
}

int port_pages_remove(struct port_pages *p, uint32_t page, uint32_t pages)
{
    for (uint32_t i = page; i < page + pages; i++)
        if (kind_of(p->entry[i]) == TAKEN)
            return EINVAL;
    for (uint32_t i = page; i < page + pages; i++)
        if (p->entry[i])
            remove_one(p, i);
    return 0;
}

static int protect_check(uint64_t entry, uint32_t rights, bool alone)
{
    switch (kind_of(entry)) {
    case FREE:
        return ENOMEM;
    case FOREIGN:
        return rights_of(entry) == rights ? 0 : EACCES;
    case TAKEN:
        return EACCES;
    default:
        return !alone && rights && rights_of(entry) && rights_of(entry) != rights ? ENOTSUP : 0;
    }
}

static bool protect_one(struct port_pages *p, uint32_t page, uint32_t rights)
{
    uint64_t entry = p->entry[page];

    if (rights_of(entry) == rights)
        return true;
    if (!(entry & HAS_FRAME))
        return populate(p, page, rights);
    if (rights_of(entry))
        port_page_unmap(address_of(p, page));
    p->entry[page] = entry & ~(uint64_t)RIGHTS;
    if (rights && !port_page_map((uint32_t)(entry >> 32), address_of(p, page), rights))
        return false;
    p->entry[page] |= rights;
    return true;
}

int port_pages_protect(struct port_pages *p, uint32_t page, uint32_t pages, uint32_t rights,
                       bool alone)
{
    for (uint32_t i = page; i < page + pages; i++) {
        int error = protect_check(p->entry[i], rights, alone);

        if (error)
            return error;
    }
    for (uint32_t i = page; i < page + pages; i++)
        if (!protect_one(p, i, rights))
            return ENOMEM;
    return 0;
}

/* A page that is not accessible loses its frame, and gets a fresh one when it becomes so. */
int port_pages_clear(struct port_pages *p, uint32_t page, uint32_t pages)
{
    for (uint32_t i = page; i < page + pages; i++)
        if (!p->entry[i])
            return ENOMEM;
    for (uint32_t i = page; i < page + pages; i++) {
        uint64_t entry = p->entry[i];

        if (kind_of(entry) != ANONYMOUS || !(entry & HAS_FRAME))
            continue;
        if (rights_of(entry) & PORT_WRITE) {
            port_page_clear(address_of(p, i));
        } else if (!rights_of(entry)) {
            port_frames_give(&p->frames, (uint32_t)(entry >> 32));
            p->entry[i] = make(ANONYMOUS, 0);
        }
    }
    return 0;
}
