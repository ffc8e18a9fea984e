/*
 * The program's own part of its address space, page by page: what is there, and where the next
 * pages can go. Every page is mapped by a call of its own, so that any part of any mapping can be
 * taken out without touching its neighbours, which other threads may be using.
 *
 * An entry describes a page: nothing; anonymous memory, with a frame if it was ever accessible; a
 * page of another MEM; or taken by somebody else (a UTCB, a window). The first `heap` pages are for
 * brk and are never chosen by port_pages_find.
 *
 * Not safe for two threads at a time. Pages are numbers from the base on. Errors are errno values,
 * 0 is success.
 */
#pragma once

#include "frames.h"

enum port_rights { PORT_READ = 1, PORT_WRITE = 2 };

#define PORT_PAGE      4096u
#define PORT_PAGE_NONE UINT32_MAX

struct port_pages {
    uint64_t *entry;
    uint32_t count;
    uint32_t heap; /* pages of them, from the first on, that are for brk */
    uint32_t hint; /* no page from heap on and below it is free */
    uint64_t base; /* address of page 0 */
    struct port_frames frames;
};

/* entry has count words, which are zero. */
void port_pages_open(struct port_pages *p, uint64_t *entry, uint32_t count, uint32_t heap,
                     uint64_t base);

/* The first of `pages` adjacent pages that are free; PORT_PAGE_NONE: there are not so many. */
__attribute__((warn_unused_result)) uint32_t port_pages_find(struct port_pages *p, uint32_t pages);

/* Is each of them free? */
bool port_pages_are_free(const struct port_pages *p, uint32_t page, uint32_t pages);

/*
 * Anonymous memory, zeroed, in free pages. Without rights it takes no frames. ENOMEM: frames, or
 * the kernel's memory, are used up; nothing has changed.
 */
__attribute__((warn_unused_result)) int port_pages_add(struct port_pages *p, uint32_t page,
                                                       uint32_t pages, uint32_t rights);

/* Pages of another MEM, from its page `first` on, in free pages. ENOMEM as above. */
__attribute__((warn_unused_result)) int port_pages_add_foreign(struct port_pages *p, uint32_t page,
                                                               uint32_t pages, uint32_t memory,
                                                               uint32_t first, uint32_t rights);

/* Free pages are taken by somebody else, who maps there what he wants; and given back. */
void port_pages_reserve(struct port_pages *p, uint32_t page, uint32_t pages);
void port_pages_release(struct port_pages *p, uint32_t page, uint32_t pages);

/* Whatever is there goes, but for pages that somebody else has taken: EINVAL. */
__attribute__((warn_unused_result)) int port_pages_remove(struct port_pages *p, uint32_t page,
                                                          uint32_t pages);

/*
 * Anonymous pages get these rights. A page that is accessible goes away for a moment: `alone` says
 * that nobody can notice. ENOMEM: a page is none, or there is no memory (some pages have their new
 * rights then); EACCES: a page is another MEM's or taken; ENOTSUP: a page has other rights, wants
 * some, and the caller is not alone.
 */
__attribute__((warn_unused_result)) int port_pages_protect(struct port_pages *p, uint32_t page,
                                                           uint32_t pages, uint32_t rights,
                                                           bool alone);

/* Fills what is anonymous with zeros. ENOMEM: a page is none. */
__attribute__((warn_unused_result)) int port_pages_clear(struct port_pages *p, uint32_t page,
                                                         uint32_t pages);

/*
 * Supplied by the port (resources.c): one page is mapped, unmapped, or filled with zeros. False:
 * the kernel's memory is used up.
 */
__attribute__((warn_unused_result)) bool port_page_map(uint32_t frame, uint64_t address,
                                                       uint32_t rights);
__attribute__((warn_unused_result)) bool port_page_map_foreign(uint32_t memory, uint32_t page,
                                                               uint64_t address, uint32_t rights);
void port_page_unmap(uint64_t address);
void port_page_clear(uint64_t address);
