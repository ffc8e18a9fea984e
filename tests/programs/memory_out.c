/* Memory that is used up: every call says so, nothing breaks, and all of it can be had again. */
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "check.h"

#define PAGE  ((size_t)4096)
#define BLOCK 65536u

struct chain {
    struct chain *next;
};

/* Takes blocks until there are none; how many. */
static unsigned take_all(struct chain **chain, size_t size)
{
    unsigned count = 0;
    struct chain *c;

    *chain = NULL;
    while ((c = malloc(size))) {
        memset(c, 0x5a, size);
        c->next = *chain;
        *chain = c;
        count++;
    }
    return count;
}

static void give_all(struct chain *chain)
{
    while (chain) {
        struct chain *next = chain->next;
        free(chain);
        chain = next;
    }
}

static void *nothing(void *argument)
{
    return argument;
}

static void check_all_taken(void)
{
    pthread_t thread;

    check(mmap(NULL, 64 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
                  MAP_FAILED &&
              errno == ENOMEM,
          "mmap says so");
    check(pthread_create(&thread, NULL, nothing, NULL) == EAGAIN, "pthread_create says so");
    void *volatile block = malloc(BLOCK); /* or a compiler need not ask for it */
    check(block == NULL && errno == ENOMEM, "malloc says so");
    free(block);
}

#define THREADS 12u

static pthread_barrier_t barrier;

static void *meet(void *argument)
{
    pthread_barrier_wait(&barrier);
    return argument;
}

/* What malloc had, the kernel can have: each thread needs some of that. */
static void check_threads(void)
{
    pthread_t thread[THREADS];
    unsigned made = 0;

    pthread_barrier_init(&barrier, NULL, THREADS);
    while (made < THREADS && !pthread_create(&thread[made], NULL, meet, NULL))
        made++;
    check(made == THREADS, "%u threads at once after that", made);
    for (unsigned i = 0; made == THREADS && i < made; i++)
        pthread_join(thread[i], NULL);
}

int main(void)
{
    struct chain *chain;
    unsigned first = take_all(&chain, BLOCK);

    check(first > 2, "%u blocks of 64 KiB can be had", first);
    check_all_taken();
    give_all(chain);

    unsigned least = first;
    for (unsigned i = 0; i < 10; i++) {
        unsigned again = take_all(&chain, BLOCK);

        give_all(chain);
        if (again < least)
            least = again;
    }
    check(least + 1 >= first, "as many again, ten times: %u at least", least);

    unsigned small = take_all(&chain, 100);
    check(small > 1000, "%u small blocks can be had", small);
    give_all(chain);
    unsigned small_again = take_all(&chain, 100);
    check(small_again + small / 20 >= small, "as many again: %u", small_again);
    give_all(chain);

    check_threads();
    pthread_t thread;
    void *result = NULL;
    check(pthread_create(&thread, NULL, nothing, &chain) == 0 &&
              pthread_join(thread, &result) == 0 && result == &chain,
          "a thread can be made again");
    return checks_end();
}
