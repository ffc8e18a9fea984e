/* Memory that the C library hands out: mmap and its kin, brk, malloc. */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"

#define PAGE ((size_t)4096)

static void *map(size_t size, int protection)
{
    void *p = mmap(NULL, size, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return p == MAP_FAILED ? NULL : p;
}

static bool is_zero(const char *p, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (p[i])
            return false;
    return true;
}

static void check_parts(void)
{
    char *p = map(5 * PAGE, PROT_READ | PROT_WRITE);

    if (!check(p && is_zero(p, 5 * PAGE), "five pages are mapped and zero"))
        return;
    memset(p, 'x', 5 * PAGE);
    check(munmap(p + PAGE, 2 * PAGE) == 0, "the second and third are unmapped");
    check(p[0] == 'x' && p[3 * PAGE] == 'x' && p[5 * PAGE - 1] == 'x', "the others stay");
    char *q = mmap(p + PAGE, PAGE, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    check(q == p + PAGE && is_zero(q, PAGE), "a new one goes where one was, and is zero");
    check(mmap(p, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) ==
                  MAP_FAILED &&
              errno == EEXIST,
          "none goes where one is, unless it may");
    q = mmap(p, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    check(q == p && is_zero(p, PAGE), "but with MAP_FIXED, and is zero");
    check(munmap(p, 5 * PAGE) == 0, "all of it goes, the hole too");
    check(munmap(p, 5 * PAGE) == 0, "nothing is there any more, which is no error");
}

static void check_protection(void)
{
    char *p = map(3 * PAGE, PROT_NONE);

    check(p != NULL, "pages without access are mapped");
    check(mprotect(p + PAGE, PAGE, PROT_READ | PROT_WRITE) == 0 && is_zero(p + PAGE, PAGE),
          "one becomes writable, and is zero");
    p[PAGE] = 'y';
    check(mprotect(p + PAGE, PAGE, PROT_READ) == 0 && p[PAGE] == 'y', "read-only, it keeps it");
    check(mprotect(p + PAGE, PAGE, PROT_NONE) == 0 &&
              mprotect(p + PAGE, PAGE, PROT_READ | PROT_WRITE) == 0 && p[PAGE] == 'y',
          "taken away and given back too");
    check(madvise(p + PAGE, PAGE, MADV_DONTNEED) == 0 && p[PAGE] == 0, "not needed, it is zero");
    check(mprotect(p, PAGE, PROT_READ | PROT_EXEC) == -1 && errno == EACCES,
          "nothing becomes executable");
    check(mmap(NULL, PAGE, PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED &&
              errno == EACCES,
          "or is mapped so");
    check(munmap(p, 3 * PAGE) == 0 && mprotect(p, PAGE, PROT_READ) == -1 && errno == ENOMEM,
          "what is unmapped has no protection");
}

static void check_refusals(void)
{
    const int anonymous = MAP_PRIVATE | MAP_ANONYMOUS;

    check(mmap(NULL, 0, PROT_READ, anonymous, -1, 0) == MAP_FAILED && errno == EINVAL,
          "no bytes: EINVAL");
    check(mmap(NULL, SIZE_MAX - 5000, PROT_READ, anonymous, -1, 0) == MAP_FAILED && errno == ENOMEM,
          "nearly all bytes: ENOMEM");
    check(mmap((void *)0x1234, PAGE, PROT_READ, anonymous | MAP_FIXED, -1, 0) == MAP_FAILED &&
              errno == EINVAL,
          "fixed and not at a page: EINVAL");
    check(mmap((void *)0x400000, PAGE, PROT_READ, anonymous | MAP_FIXED, -1, 0) == MAP_FAILED &&
              errno == ENOMEM,
          "over the program itself: ENOMEM");
    check(munmap((void *)0x400000, PAGE) == -1 && errno == EINVAL, "which cannot be unmapped");
    check(madvise((void *)0x400000, PAGE, 12345) == -1 && errno == EINVAL, "unknown advice");
    check(mremap((void *)0x400000, PAGE, PAGE, 0) == MAP_FAILED && errno == ENOSYS,
          "mremap: ENOSYS");
}

/* Blocks of all sizes in an order that looks like none, with their sizes as their content. */
#define BLOCKS 256u
static unsigned char *block[BLOCKS];
static size_t size_of[BLOCKS];

static bool block_is_right(unsigned i)
{
    for (size_t k = 0; k < size_of[i]; k += 61)
        if (block[i][k] != (unsigned char)(i + size_of[i]))
            return false;
    return true;
}

static void check_malloc(void)
{
    uint64_t random = 12345;
    unsigned wrong = 0, failed = 0;

    for (unsigned round = 0; round < 20000; round++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        unsigned i = (unsigned)(random >> 33) % BLOCKS;

        wrong += block[i] && !block_is_right(i);
        size_of[i] = (random >> 45) % (round % 64 ? 600 : 40000);
        unsigned char *p = realloc(block[i], size_of[i] + 1);
        failed += !p;
        if (!p)
            continue;
        block[i] = p;
        memset(p, (int)(i + size_of[i]), size_of[i] + 1);
    }
    for (unsigned i = 0; i < BLOCKS; i++) {
        wrong += block[i] && !block_is_right(i);
        free(block[i]);
    }
    check(!wrong && !failed, "malloc under load: %u blocks were wrong, %u were refused", wrong,
          failed);
    void *aligned = aligned_alloc(PAGE, 3 * PAGE);
    check(aligned && (uintptr_t)aligned % PAGE == 0, "aligned memory is");
    free(aligned);
    volatile size_t huge = SIZE_MAX / 2;
    void *volatile none = calloc(huge, 4); /* without volatile a compiler need not ask */
    check(none == NULL && errno == ENOMEM, "a product that wraps: ENOMEM");
}

static void check_brk(void)
{
    char *end = sbrk(0);

    check(end != (void *)-1, "there is a heap");
    check(sbrk(1) == (void *)-1 && errno == ENOMEM, "which belongs to malloc: sbrk is refused");
}

int main(void)
{
    check_parts();
    check_protection();
    check_refusals();
    check_brk();
    check_malloc();
    return checks_end();
}
