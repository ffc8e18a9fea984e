/*
 * The program's memory, selectors and deposits. Its memory is one MEM: pages use it from the top
 * down in chunks, the kernel gets what it lacks from the bottom up (frames.h).
 *
 * Deposits are made in batches, because there can be FUNDS_DEPOSITS of them only.
 */
#include "cairn/resources.h"

#include <errno.h>
#include <string.h>

#include "funds.h"
#include "port.h"

#define CHUNKS        48u /* at most, so that there are few MEMs */
#define CHUNK_MINIMUM 4u  /* frames */

/* Pages that the address space has for each frame, and besides: guards, reserved parts, files. */
#define PAGES_PER_FRAME 4u
#define PAGES_MORE      448u

struct port_pages port_pages;

static struct resources {
    struct selectors selectors;
    struct selectors
        deposits; /* their own: a selector that needs a frame for its slot is no help */
    struct funds funds;
    uint32_t batch;
    uint32_t chunk[CHUNKS + 1]; /* selectors of their MEMs; 0: not made yet */
    struct mutex lock[PORT_LOCKS];
} resources;

void port_lock(enum port_lock which)
{
    struct port_floating floating = port_floating_now();

    if (mutex_take(&resources.lock[which]) != STATUS_SUCCESS)
        __builtin_trap(); /* the program destroyed a semaphore of the port */
    port_floating_set(floating);
}

void port_unlock(enum port_lock which)
{
    mutex_give(&resources.lock[which]);
}

uint32_t port_selectors_take(uint32_t count)
{
    return selectors_take(&resources.selectors, count);
}

void port_selectors_give(uint32_t selector, uint32_t count)
{
    selectors_give(&resources.selectors, selector, count);
}

uint32_t cairn_selectors_take(uint32_t count)
{
    port_lock(PORT_LOCK_RESOURCES);
    uint32_t selector = port_selectors_take(count);
    port_unlock(PORT_LOCK_RESOURCES);
    return selector;
}

void cairn_selectors_give(uint32_t selector, uint32_t count)
{
    port_lock(PORT_LOCK_RESOURCES);
    port_selectors_give(selector, count);
    port_unlock(PORT_LOCK_RESOURCES);
}

/* Takes a chunk that pages do not need any more from them. */
static bool chunk_return(void)
{
    uint32_t chunk = port_frames_shrink(&port_pages.frames);

    if (chunk == PORT_FRAME_NONE)
        return false;
    if (resources.chunk[chunk]) {
        (void)object_destroy(resources.chunk[chunk]);
        port_selectors_give(resources.chunk[chunk], 1);
        resources.chunk[chunk] = 0;
    }
    return true;
}

static bool deposit(uint64_t frames)
{
    struct funds *f = &resources.funds;

    do
        f->end = (uint64_t)port_pages.frames.lowest * PORT_PAGE;
    while (frames > (f->end - f->offset) / PORT_PAGE && chunk_return());
    if (funds_deposit(f, frames) != STATUS_SUCCESS)
        return false;
    port_frames_set_floor(&port_pages.frames, (uint32_t)(f->offset / PORT_PAGE));
    return true;
}

bool port_funds_add(const struct answer *answer)
{
    if (answer->status != STATUS_NEEDS_FRAMES || answer->value == 0)
        return false;
    return (answer->value < resources.batch && deposit(resources.batch)) || deposit(answer->value);
}

bool cairn_funds_add(const struct answer *answer)
{
    if (answer->status != STATUS_NEEDS_FRAMES)
        return false;
    port_lock(PORT_LOCK_RESOURCES);
    bool added = port_funds_add(answer);
    port_unlock(PORT_LOCK_RESOURCES);
    return added;
}

/* Selector of a chunk's MEM, which is made when it is needed first; 0: it cannot be made. */
static uint32_t chunk_find(uint32_t chunk)
{
    uint64_t size = (uint64_t)port_pages.frames.chunk * PORT_PAGE, begin = chunk * size;
    uint64_t whole = (uint64_t)port_pages.frames.count * PORT_PAGE;
    struct answer a;

    if (resources.chunk[chunk])
        return resources.chunk[chunk];
    uint32_t fresh = port_selectors_take(1);
    if (fresh == SELECTOR_NONE)
        return 0;
    if (size > whole - begin)
        size = whole - begin;
    PORT_WITH_FUNDS(a, memory_create(fresh, PROCESS_POOL, PROCESS_MEMORY, begin, size, 0));
    if (a.status != STATUS_SUCCESS) {
        port_selectors_give(fresh, 1);
        return 0;
    }
    resources.chunk[chunk] = fresh;
    return fresh;
}

static uint32_t mem_rights(uint32_t rights)
{
    return MEM_RIGHT_READ | (rights & PORT_WRITE ? MEM_RIGHT_WRITE : 0);
}

static bool map(uint32_t memory, uint64_t offset, uint64_t address, uint32_t rights)
{
    const struct map where = {
        .address = address, .offset = offset, .count = 1, .rights = mem_rights(rights)};
    struct answer a;

    PORT_WITH_FUNDS(a, memory_map(memory, PROCESS_PD, &where));
    return a.status == STATUS_SUCCESS;
}

bool port_page_map(uint32_t frame, uint64_t address, uint32_t rights)
{
    uint32_t chunk = frame / port_pages.frames.chunk;
    uint32_t memory = chunk_find(chunk);

    return memory &&
           map(memory, (uint64_t)(frame % port_pages.frames.chunk) * PORT_PAGE, address, rights);
}

bool port_page_map_foreign(uint32_t memory, uint32_t page, uint64_t address, uint32_t rights)
{
    return map(memory, (uint64_t)page * PORT_PAGE, address, rights);
}

void port_page_unmap(uint64_t address)
{
    (void)memory_unmap(PROCESS_PD, address);
}

void port_page_clear(uint64_t address)
{
    memset((void *)address, 0, PORT_PAGE);
}

bool port_range_pages(uint64_t address, uint64_t size, uint32_t *page, uint32_t *pages)
{
    uint64_t base = port_pages.base, whole = (uint64_t)port_pages.count * PORT_PAGE;

    if (address < base || address - base > whole || size > whole - (address - base))
        return false;
    *page = (uint32_t)((address - base) / PORT_PAGE);
    *pages = (uint32_t)(size / PORT_PAGE);
    return true;
}

uint64_t port_place_take(uint32_t pages)
{
    uint32_t page = port_pages_find(&port_pages, pages);

    if (page == PORT_PAGE_NONE)
        return 0;
    port_pages_reserve(&port_pages, page, pages);
    return port_pages.base + (uint64_t)page * PORT_PAGE;
}

void port_place_give(uint64_t address, uint32_t pages)
{
    port_pages_release(&port_pages, (uint32_t)((address - port_pages.base) / PORT_PAGE), pages);
}

/*
 * The tables, which describe the program's memory, are in it: at the end of the address space that
 * they describe.
 */
static bool tables_open(uint32_t frames, uint32_t pages)
{
    uint64_t base = PROCESS_FREE, bitmap = base + (uint64_t)pages * PORT_PAGE;
    uint64_t entries = bitmap + (uint64_t)port_frames_words(frames) * sizeof(uint64_t);
    uint64_t bytes = entries + pages * sizeof(uint64_t) - bitmap;
    struct port_frames *f = &port_pages.frames;
    uint32_t needed = (uint32_t)((bytes + PORT_PAGE - 1) / PORT_PAGE);

    if (needed >= frames)
        return false;
    f->count = frames;
    f->lowest = (frames - needed) / f->chunk * f->chunk;
    for (uint32_t i = 0; i < needed; i++) {
        if (!port_page_map(frames - 1 - i, bitmap + (uint64_t)i * PORT_PAGE, PORT_WRITE))
            return false;
        port_page_clear(bitmap + (uint64_t)i * PORT_PAGE);
    }
    uint32_t lowest = f->lowest;
    port_frames_open(f, (uint64_t *)bitmap, frames, f->chunk);
    port_pages_open(&port_pages, (uint64_t *)entries, pages, frames, base);
    for (uint32_t i = 0; i < needed; i++)
        (void)!port_frames_take(f);
    f->lowest = lowest;
    port_frames_set_floor(f, (uint32_t)(resources.funds.offset / PORT_PAGE));
    return true;
}

bool port_resources_open(const struct environment *environment)
{
    uint64_t frames = environment->memory_size / PORT_PAGE;

    if (frames > UINT32_MAX / PAGES_PER_FRAME / 2)
        return false;
    uint32_t count = (uint32_t)frames, chunk = (count + CHUNKS - 1) / CHUNKS;
    uint32_t pages = count * PAGES_PER_FRAME + PAGES_MORE;

    port_pages.frames.chunk = chunk < CHUNK_MINIMUM ? CHUNK_MINIMUM : chunk;
    resources.batch = count / 128 < 1 ? 1 : count / 128;
    selectors_open(&resources.deposits, PROCESS_OWN, FUNDS_DEPOSITS);
    selectors_open(&resources.selectors, PROCESS_OWN + FUNDS_DEPOSITS, SELECTORS_MAX);
    resources.funds = (struct funds){.pool = PROCESS_POOL,
                                     .bank = PROCESS_BANK,
                                     .memory = PROCESS_MEMORY,
                                     .selectors = &resources.deposits};
    return tables_open(count, pages);
}

bool port_locks_open(void)
{
    for (unsigned i = 0; i < PORT_LOCKS; i++) {
        uint32_t selector = port_selectors_take(1);
        struct answer a;

        if (selector == SELECTOR_NONE)
            return false;
        PORT_WITH_FUNDS(a, semaphore_create(selector, PROCESS_POOL, 0));
        if (a.status != STATUS_SUCCESS)
            return false;
        resources.lock[i] = mutex_make(selector);
    }
    return true;
}

void *cairn_map(uint32_t memory, uint64_t offset, size_t size, uint32_t rights)
{
    uint64_t pages = size / PORT_PAGE, first = offset / PORT_PAGE;
    uint32_t wanted = PORT_READ | (rights & MEM_RIGHT_WRITE ? PORT_WRITE : 0);
    int error = ENOMEM;
    void *address = NULL;

    if ((offset | size) % PORT_PAGE || !pages || !(rights & MEM_RIGHT_READ) ||
        memory > UINT16_MAX || first > UINT32_MAX - pages) {
        errno = EINVAL;
        return NULL;
    }
    port_lock(PORT_LOCK_RESOURCES);
    uint32_t page =
        pages > port_pages.count ? PORT_PAGE_NONE : port_pages_find(&port_pages, (uint32_t)pages);
    if (page != PORT_PAGE_NONE)
        error = port_pages_add_foreign(&port_pages, page, (uint32_t)pages, memory, (uint32_t)first,
                                       wanted);
    if (!error)
        address = (void *)(port_pages.base + (uint64_t)page * PORT_PAGE);
    port_unlock(PORT_LOCK_RESOURCES);
    if (error)
        errno = error;
    return address;
}
