/* See guest_events.h. */
#include "guest_events.h"

struct events events;

static bool has_error(uint64_t vector, uint32_t mode)
{
    return mode != TINY_REAL && (vector == 8 || (vector >= 10 && vector <= 14) || vector == 17);
}

/* Memory at a linear address: that of the guest's code, or of what was mapped for it. */
static volatile void *at(const struct monitor *m, uint64_t linear)
{
    if (linear >= EVENTS_STACKS) {
        linear = TINY_BYTES + (linear - EVENTS_STACKS);
    }
    return monitor_at(m, linear < m->bytes - 8 ? linear : 0);
}

static uint64_t width(uint32_t mode)
{
    return mode == TINY_REAL ? 2 : mode == TINY_LONG ? 8 : 4;
}

static uint64_t pop(struct monitor_vcpu *v, uint64_t *rsp)
{
    volatile void *value = at(v->monitor, v->page->ss.base + *rsp);
    uint64_t mask = v->mode == TINY_LONG ? UINT64_MAX : (1ull << 8 * width(v->mode)) - 1;

    *rsp += width(v->mode);
    return *(volatile uint64_t *)value & mask;
}

uint64_t events_answer(struct monitor_vcpu *v, const struct monitor_exit *e)
{
    struct frame *f = &events.frame;
    uint64_t rsp = v->page->rsp;

    if (e->reason != EXIT_IO || e->rip < TINY_HANDLERS || e->rip >= TINY_TABLES) {
        return monitor_answer(v, e);
    }
    *f = (struct frame){.vector = e->qualification & EXIT_IO_PORT};
    if (has_error(f->vector, v->mode)) {
        f->error = pop(v, &rsp);
        v->page->rsp = rsp;
    }
    f->rip = pop(v, &rsp);
    f->cs = pop(v, &rsp);
    f->flags = pop(v, &rsp);
    events.frames[events.count++ % 16] = *f;
    return monitor_skip(v) | STATE_RSP;
}

void events_return(struct monitor_vcpu *v, uint64_t rip)
{
    volatile uint8_t *to = at(v->monitor, v->page->ss.base + v->page->rsp);

    for (uint64_t i = 0; i < width(v->mode); i++) {
        to[i] = (uint8_t)(rip >> 8 * i);
    }
}

enum status events_map(struct monitor_vcpu *v, uint64_t gpa)
{
    const uint32_t rights = MEM_RIGHT_READ | MEM_RIGHT_WRITE;
    uint64_t page = gpa & ~(PAGE - 1);

    if (page == EVENTS_TABLE) {
        return monitor_map(v->monitor, page, TINY_IDT, rights);
    }
    if (page < EVENTS_STACKS || page >= EVENTS_STACKS + EVENTS_PAGES * PAGE) {
        return STATUS_BAD_PARAMETER;
    }
    return monitor_map(v->monitor, page, TINY_BYTES + (page - EVENTS_STACKS), rights);
}

void events_unmap(struct monitor *m)
{
    for (uint64_t i = 0; i < EVENTS_PAGES; i++) {
        (void)memory_unmap(monitor_vm(m), EVENTS_STACKS + i * PAGE);
    }
    (void)memory_unmap(monitor_vm(m), EVENTS_TABLE);
}

void events_print(const struct monitor_vcpu *v)
{
    monitor_print(v);
    for (unsigned i = 0; i < events.count && i < 16; i++) {
        const struct frame *f = &events.frames[i];

        tap_comment();
        print("handler %u: vector %lu, error %#lx, rip %#lx, cs %#lx, flags %#lx\n", i, f->vector,
              f->error, f->rip, f->cs, f->flags);
    }
}
