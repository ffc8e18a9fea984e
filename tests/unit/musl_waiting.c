/* The queue of those who wait for an address (bootstrap/musl/port/waiting.c). */
#include "tap.h"
#include "waiting.h"

#define WAITERS 6u

static struct port_waiting queue;
static struct port_waiter waiter[WAITERS];
static unsigned woken[64], woken_count;
static int a, b;

void port_waiter_wake(struct port_waiter *w)
{
    woken[woken_count++ % 64] = (unsigned)(w - waiter);
}

static void open_all(void)
{
    queue = (struct port_waiting){0};
    woken_count = 0;
    for (unsigned i = 0; i < WAITERS; i++)
        port_waiting_add(&queue, &waiter[i], i % 2 ? &b : &a, 1u << i);
}

/* Is the chain whole, with so many in it? */
static bool holds(unsigned count)
{
    struct port_waiter *last = NULL;
    unsigned found = 0;

    for (struct port_waiter *w = queue.first; w; w = w->next) {
        if (w->previous != last || !w->queued)
            return false;
        last = w;
        found++;
    }
    return last == queue.last && found == count;
}

static void test_wake(void)
{
    open_all();
    ok(holds(WAITERS), "all wait");
    is_u64(port_waiting_wake(&queue, &a, 2, UINT32_MAX), 2, "two of an address are woken");
    ok(woken[0] == 0 && woken[1] == 2 && holds(4), "the first two");
    is_u64(port_waiting_wake(&queue, &woken_count, 9, UINT32_MAX), 0, "nobody of another one");
    is_u64(port_waiting_wake(&queue, &b, 9, 1u << 3), 1, "one has the bit");
    ok(woken[2] == 3 && !waiter[3].queued && holds(3), "that one");
    is_u64(port_waiting_wake(&queue, &b, 0, UINT32_MAX), 0, "none is none");
    is_u64(port_waiting_wake(&queue, &b, 9, UINT32_MAX), 2, "then the others");
    is_u64(port_waiting_wake(&queue, &a, UINT32_MAX, UINT32_MAX), 1, "and the last");
    ok(holds(0) && !queue.first && !queue.last, "nobody waits");
}

static void test_remove(void)
{
    open_all();
    port_waiting_remove(&queue, &waiter[0]);
    ok(holds(5), "the first leaves");
    port_waiting_remove(&queue, &waiter[5]);
    ok(holds(4), "the last leaves");
    port_waiting_remove(&queue, &waiter[2]);
    ok(holds(3), "one in the middle leaves");
}

static void test_move(void)
{
    open_all();
    is_u64(port_waiting_move(&queue, &a, &b, 2), 2, "two are moved");
    ok(holds(WAITERS), "all wait still");
    is_u64(port_waiting_wake(&queue, &a, 9, UINT32_MAX), 1, "one stayed");
    is_u64(port_waiting_wake(&queue, &b, 9, UINT32_MAX), 5, "the others are woken elsewhere");
    ok(woken[1] == 1 && woken[2] == 3 && woken[3] == 5 && woken[4] == 0 && woken[5] == 2,
       "those who were there before them first");
    open_all();
    is_u64(port_waiting_move(&queue, &a, &a, 9), 0, "to where they are, nobody is moved");
    is_u64(port_waiting_move(&queue, &b, &a, UINT32_MAX), 3, "all of an address, each once");
    ok(holds(WAITERS), "and nobody is lost");
}

int main(void)
{
    test_wake();
    test_remove();
    test_move();
    return done_testing();
}
