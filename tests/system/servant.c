/* See servant.h. */
#include "servant.h"

#define PRESENT 7ull /* writable, for programs */

struct servant servants[MONITORS];

/* Semaphores: it is to go on; it asks. */
static uint32_t go(const struct servant *s)
{
    return SEMAPHORE + 2 * s->monitor->index;
}

static uint32_t asks(const struct servant *s)
{
    return go(s) + 1;
}

static struct servant *servant_of(const struct monitor_vcpu *v)
{
    return &servants[v->monitor->index];
}

static uint64_t next(struct servant *s, volatile struct vcpu_state *page)
{
    s->result = page->rax;
    (void)semaphore_up(asks(s));
    (void)semaphore_down(go(s), 0, 0);
    page->rdi = s->order.what;
    page->rbx = s->order.address;
    page->rcx = s->order.count;
    page->rdx = s->order.value;
    page->rip += 2;
    return STATE_RIP;
}

static uint64_t answer(struct monitor_vcpu *v, const struct monitor_exit *e)
{
    struct servant *s = servant_of(v);

    if (e->reason == EXIT_STARTUP) {
        return monitor_begin(v);
    }
    if (e->reason == EXIT_IO && (e->qualification & EXIT_IO_PORT) == TINY_ASK) {
        return next(s, v->page);
    }
    if (e->reason == EXIT_GPA) {
        s->missed = *e;
        s->misses++;
        if (s->mend && s->mend(s)) {
            return 0;
        }
    } else {
        s->others++;
        tap_comment();
        print("servant: exit %lu, qualification %#lx, rip %#lx, address %#lx\n", e->reason,
              e->qualification, e->rip, e->address);
    }
    v->page->rip = v->page->rsi;
    return STATE_RIP;
}

static bool asked(struct servant *s)
{
    if (semaphore_down(asks(s), 0, MONITOR_LIMIT) == STATUS_SUCCESS) {
        return true;
    }
    tap_comment();
    print("servant: order %lu at %#lx takes too long, after %lu misses\n", s->order.what,
          s->order.address, s->misses);
    return false;
}

bool servant_open(struct servant *s, struct monitor *m, uint32_t cpu)
{
    struct monitor_vcpu *v = &m->vcpus[0];

    *s = (struct servant){.monitor = m};
    (void)semaphore_down(go(s), DOWN_TRY | DOWN_ZERO, 0);
    (void)semaphore_down(asks(s), DOWN_TRY | DOWN_ZERO, 0);
    if (!monitor_add(m, 0, cpu, 0)) {
        return false;
    }
    v->mode = tiny_servant.mode;
    v->answer = answer;
    monitor_load(m, &tiny_servant);
    return monitor_start(v, PRIORITY_LOW) && asked(s);
}

bool servant_close(struct servant *s)
{
    bool good = tap_equal(s->others, 0, "the guest has no other exits");

    return tap_ok(monitor_remove(&s->monitor->vcpus[0]), "the guest goes") && good;
}

void servant_begin(struct servant *s, const struct order *order)
{
    s->order = *order;
    s->misses = 0;
    (void)semaphore_up(go(s));
}

uint64_t servant_end(struct servant *s)
{
    return asked(s) ? s->result : UINT64_MAX;
}

uint64_t servant_do(struct servant *s, uint64_t what, uint64_t address, uint64_t count,
                    uint64_t value)
{
    const struct order order = {what, address, count, value};

    servant_begin(s, &order);
    return servant_end(s);
}

void servant_point(struct servant *s, uint64_t linear, uint64_t gpa)
{
    uint64_t table = TINY_TABLES + 3 * PAGE;

    *(volatile uint64_t *)monitor_at(s->monitor, table + linear / PAGE * 8) = gpa | PRESENT;
}

bool servant_counts(const volatile uint64_t *number)
{
    uint64_t value = *number, end = MONITOR_LIMIT;

    while (*number == value && tsc_read() < end) {
        world_sleep(world.millisecond / 10);
    }
    return *number != value;
}

bool servant_stands(const volatile uint64_t *number)
{
    uint64_t value = *number;

    world_sleep(world.millisecond / 2);
    return *number == value;
}

bool servant_missed(const struct servant *s, uint64_t qualification, uint64_t address)
{
    const struct monitor_exit *e = &s->missed;

    if (s->misses == 1 && e->qualification == qualification && e->address == address) {
        return true;
    }
    tap_comment();
    print("%lu misses, the last with qualification %#lx, address %#lx, should be %#lx, %#lx\n",
          s->misses, e->qualification, e->address, qualification, address);
    return false;
}
