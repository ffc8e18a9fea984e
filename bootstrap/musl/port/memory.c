/* Linux's calls on memory, on top of pages.c. Lengths are rounded up to whole pages. */
#include <errno.h>
#include <sys/mman.h>

#include "calls.h"

static uint64_t heap_end; /* brk: bytes from the base on */

/* False: rounding up wraps. */
static bool round_up(uint64_t size, uint64_t *whole)
{
    *whole = (size + PORT_PAGE - 1) & ~(uint64_t)(PORT_PAGE - 1);
    return *whole >= size;
}

/* Nothing is executable but the program's text: EACCES. */
static int rights_of(long protection, uint32_t *rights)
{
    if (protection & ~(PROT_READ | PROT_WRITE | PROT_EXEC))
        return EINVAL;
    if (protection & PROT_EXEC)
        return EACCES;
    *rights =
        protection & PROT_WRITE ? PORT_READ | PORT_WRITE : (protection & PROT_READ ? PORT_READ : 0);
    return 0;
}

/* Where a new mapping goes; what MAP_FIXED finds there goes away. 0 or an errno value. */
static int place(uint64_t address, uint64_t size, long flags, uint32_t *page, uint32_t *pages)
{
    if (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) {
        if (address % PORT_PAGE)
            return EINVAL;
        if (!port_range_pages(address, size, page, pages))
            return ENOMEM;
        if (port_pages_are_free(&port_pages, *page, *pages))
            return 0;
        return flags & MAP_FIXED_NOREPLACE ? EEXIST : port_pages_remove(&port_pages, *page, *pages);
    }
    if (size / PORT_PAGE >= port_pages.count)
        return ENOMEM;
    *pages = (uint32_t)(size / PORT_PAGE);
    *page = port_pages_find(&port_pages, *pages);
    return *page == PORT_PAGE_NONE ? ENOMEM : 0;
}

static int map_file(const struct port_file_part *part, uint64_t offset, uint32_t page,
                    uint32_t pages, uint32_t rights)
{
    uint64_t first = offset / PORT_PAGE;

    if (offset % PORT_PAGE)
        return EINVAL;
    if (first >= part->pages || pages > part->pages - first)
        return ENXIO;
    return port_pages_add_foreign(&port_pages, page, pages, part->memory, (uint32_t)first, rights);
}

static long map_locked(const long *a, uint64_t size, uint32_t rights,
                       const struct port_file_part *part)
{
    uint32_t page = 0, pages = 0;
    int error = place((uint64_t)a[0], size, a[3], &page, &pages);

    if (error)
        return -error;
    error = part ? map_file(part, (uint64_t)a[5], page, pages, rights)
                 : port_pages_add(&port_pages, page, pages, rights);
    return error ? -error : (long)(port_pages.base + (uint64_t)page * PORT_PAGE);
}

/* address, length, protection, flags, descriptor, offset */
long call_mmap(const long *a)
{
    struct port_file_part part;
    bool is_file = !(a[3] & MAP_ANONYMOUS);
    uint64_t size;
    uint32_t rights = 0;
    int error = rights_of(a[2], &rights);

    if (error)
        return -error;
    if (!a[1] || !(a[3] & (MAP_PRIVATE | MAP_SHARED)))
        return -EINVAL;
    if (!round_up((uint64_t)a[1], &size))
        return -ENOMEM;
    if (is_file && rights != PORT_READ)
        return -EACCES;
    if (is_file)
        port_lock(PORT_LOCK_FILES);
    long result = -EBADF;
    if (!is_file || port_file_find(a[4], &part)) {
        port_lock(PORT_LOCK_RESOURCES);
        result = map_locked(a, size, rights, is_file ? &part : NULL);
        port_unlock(PORT_LOCK_RESOURCES);
    }
    if (is_file)
        port_unlock(PORT_LOCK_FILES);
    return result;
}

int port_unmap(uint64_t address, uint64_t size)
{
    uint32_t page, pages;

    if (address % PORT_PAGE || !size || !round_up(size, &size))
        return EINVAL;
    if (!port_range_pages(address, size, &page, &pages))
        return EINVAL;
    return port_pages_remove(&port_pages, page, pages);
}

/* address, length */
long call_munmap(const long *a)
{
    port_lock(PORT_LOCK_RESOURCES);
    int error = port_unmap((uint64_t)a[0], (uint64_t)a[1]);
    port_unlock(PORT_LOCK_RESOURCES);
    return -error;
}

/* address, length, protection */
long call_mprotect(const long *a)
{
    uint64_t size;
    uint32_t page, pages, rights = 0;
    int error = rights_of(a[2], &rights);

    if (!error && (a[0] % PORT_PAGE || !round_up((uint64_t)a[1], &size)))
        error = EINVAL;
    if (error)
        return -error;
    if (!port_range_pages((uint64_t)a[0], size, &page, &pages))
        return -ENOMEM;
    port_lock(PORT_LOCK_RESOURCES);
    error = port_pages_protect(&port_pages, page, pages, rights, port_is_alone());
    port_unlock(PORT_LOCK_RESOURCES);
    return -error;
}

/* address, length, advice. Only what changes something visible is done. */
long call_madvise(const long *a)
{
    uint64_t size;
    uint32_t page, pages;
    int error = 0;

    if (a[0] % PORT_PAGE || !round_up((uint64_t)a[1], &size))
        return -EINVAL;
    if (a[2] != MADV_NORMAL && a[2] != MADV_RANDOM && a[2] != MADV_SEQUENTIAL &&
        a[2] != MADV_WILLNEED && a[2] != MADV_FREE && a[2] != MADV_DONTNEED)
        return -EINVAL;
    if (!port_range_pages((uint64_t)a[0], size, &page, &pages))
        return -ENOMEM;
    if (a[2] == MADV_DONTNEED) {
        port_lock(PORT_LOCK_RESOURCES);
        error = port_pages_clear(&port_pages, page, pages);
        port_unlock(PORT_LOCK_RESOURCES);
    }
    return -error;
}

/* The heap gets, or loses, whole pages between its old end and its new one. False: no memory. */
static bool heap_move(uint64_t end)
{
    uint64_t from, to;
    bool done = true;

    if (!round_up(heap_end, &from) || !round_up(end, &to) ||
        to > (uint64_t)port_pages.heap * PORT_PAGE)
        return false;
    uint32_t first = (uint32_t)(from / PORT_PAGE), last = (uint32_t)(to / PORT_PAGE);
    if (last > first)
        done = port_pages_are_free(&port_pages, first, last - first) &&
               port_pages_add(&port_pages, first, last - first, PORT_READ | PORT_WRITE) == 0;
    else if (last < first)
        done = port_pages_remove(&port_pages, last, first - last) == 0;
    if (done)
        heap_end = end;
    return done;
}

/* new end, or 0; the end that it has then */
long call_brk(const long *a)
{
    uint64_t end = (uint64_t)a[0];

    port_lock(PORT_LOCK_RESOURCES);
    if (end >= port_pages.base)
        (void)heap_move(end - port_pages.base);
    end = port_pages.base + heap_end;
    port_unlock(PORT_LOCK_RESOURCES);
    return (long)end;
}
