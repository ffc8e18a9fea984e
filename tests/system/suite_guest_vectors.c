/*
 * Vector and debug registers: a guest keeps its own over exits, other guests and programs; nobody
 * else sees them, and it sees nobody's.
 */
#include "actors.h"
#include "monitor.h"
#include "suites.h"

enum {
    OTHER = TEST_SELECTORS, /* domain */
    NEAR = 0,               /* actors */
    FAR,
};

#define HALVES   32u
#define ROUNDS   48u
#define LONG     20000u        /* turns of a guest's waiting loop */
#define DR6      0xffff0ff1ull /* with some of B0 to B3 */
#define CR4_SSE  (3ull << 9)
#define MINE     0x1111111122222222ull
#define THEIRS   0x3333333344444444ull
#define HANDLERS 0x5555555566666666ull
#define GUESTS   0x7777777700000000ull /* and the VM's index << 16, and the round */

/* The XSAVE image (Intel SDM 1, 13.4). */
#define IMAGE_MXCSR      24u
#define IMAGE_XMM        160u
#define IMAGE_COMPONENTS 512u
#define IMAGE_RESERVED   520u
#define IMAGE_EXTENDED   576u

/* What one VM's monitor has seen. */
static struct seen {
    uint64_t value; /* in the guest's registers now */
    uint64_t exits, looks, zero, sleeps, image_wrong, debug_wrong;
    uint64_t lost; /* what the guest says */
} seen[MONITORS];

static volatile uint64_t keeps, kept_wrong, leaked;

static volatile uint64_t *image_at(const struct monitor_vcpu *v, uint64_t offset)
{
    return (volatile uint64_t *)((volatile uint8_t *)v->page + VCPU_IMAGE_OFFSET + offset);
}

/* The guest's registers are in the image; they become others, and the rest of it what may be. */
static uint64_t image_change(struct monitor_vcpu *v, struct seen *s, uint64_t next)
{
    for (unsigned i = 0; i < HALVES; i++) {
        s->image_wrong += *image_at(v, IMAGE_XMM + 8ull * i) != s->value;
        *image_at(v, IMAGE_XMM + 8ull * i) = next;
    }
    *image_at(v, IMAGE_MXCSR) = 0xffffffffffff1f80;
    *image_at(v, IMAGE_COMPONENTS) = UINT64_MAX;
    for (uint64_t at = IMAGE_RESERVED; at < IMAGE_EXTENDED; at += 8) {
        *image_at(v, at) = UINT64_MAX;
    }
    s->value = v->page->rdi = next;
    return STATE_XSAVE;
}

static uint64_t begin(struct monitor_vcpu *v, struct seen *s)
{
    uint64_t groups = monitor_begin(v) | STATE_DR;

    s->value = GUESTS | v->monitor->index << 16;
    v->page->cr4 |= CR4_SSE;
    v->page->rax = ROUNDS;
    v->page->rdi = s->value;
    v->page->r9 = LONG;
    for (unsigned i = 0; i < 4; i++) {
        v->page->dr[i] = s->value + i;
    }
    v->page->dr6 = DR6 + v->monitor->index;
    return groups;
}

/* In turn: leaves the registers alone, uses them, changes the guest's, sleeps. */
static uint64_t answer(struct monitor_vcpu *v, const struct monitor_exit *e)
{
    struct seen *s = &seen[v->monitor->index];
    uint64_t groups = 0;

    if (e->reason == EXIT_STARTUP) {
        return begin(v, s);
    }
    if (e->reason != EXIT_IO) {
        return monitor_answer(v, e);
    }
    if ((e->qualification & EXIT_IO_PORT) != 0x80) {
        s->lost = e->state.rax;
        return monitor_answer(v, e);
    }
    for (unsigned i = 0; i < 4; i++) {
        s->debug_wrong += e->state.dr[i] != (GUESTS | v->monitor->index << 16) + i;
    }
    s->debug_wrong += e->state.dr6 != DR6 + v->monitor->index;
    uint64_t turn = s->exits++ % 4;
    if (turn == 1) {
        s->looks++;
        s->zero += vectors_count(0);
        vectors_fill(HANDLERS);
    } else if (turn == 2) {
        groups = image_change(v, s, s->value + 1);
    } else if (turn == 3) {
        world_sleep(world.millisecond / 4);
    }
    return monitor_skip(v) | groups;
}

static bool add(unsigned i)
{
    struct monitor_vcpu *v = &monitors[i].vcpus[0];

    if (!monitor_open(i, TINY_BYTES) || !monitor_add(&monitors[i], 0, 0, 0)) {
        return false;
    }
    v->answer = answer;
    v->mode = tiny_vectors.mode;
    monitor_load(&monitors[i], &tiny_vectors);
    seen[i] = (struct seen){0};
    return monitor_bind(v, EXIT_IO, STATE_DR | STATE_XSAVE) == STATUS_SUCCESS;
}

static void check_guest(unsigned i)
{
    const struct seen *s = &seen[i];

    tap_equal(s->exits, ROUNDS, "all exits of a guest");
    tap_equal(s->lost, 0, "it kept its registers, or had what its monitor wrote");
    tap_equal(s->zero, s->looks * HALVES, "its monitor found none but empty ones");
    tap_equal(s->image_wrong, 0, "and the guest's where it asked for them");
    tap_equal(s->debug_wrong, 0, "debug registers were kept too");
}

/* Another thread beside guests: its own are there, none of a guest. Argument: its value. */
static void keep_vectors(struct thread *self, void *argument)
{
    uint64_t mine = (uint64_t)argument;

    (void)self;
    for (;;) {
        for (uint64_t n = 0; n <= ROUNDS / 4; n++) {
            leaked += vectors_count(GUESTS + n) + vectors_count((GUESTS | 1 << 16) + n);
        }
        vectors_fill(mine);
        uint64_t end = tsc_read() + world.millisecond / 32;
        while (tsc_read() < end) {
        }
        kept_wrong += HALVES - vectors_count(mine);
        keeps++;
        world_sleep(world.millisecond / 2);
    }
}

/* This thread too, which runs when the guests sleep. */
static void keep_while_running(void)
{
    uint64_t wrong = 0, end = MONITOR_LIMIT;

    vectors_fill(MINE);
    while ((seen[0].exits < ROUNDS || seen[1].exits < ROUNDS) && tsc_read() < end) {
        wrong += HALVES - vectors_count(MINE);
    }
    tap_equal(wrong, 0, "a program's registers are kept while guests run");
}

static void check_together(void)
{
    struct schedule higher = actor_schedule(PRIORITY_HIGH + 1);

    keeps = kept_wrong = leaked = 0;
    if (!tap_ok(add(0) && add(1), "two VMs with a VCPU each") ||
        !tap_ok(actor_run(NEAR, SELECTOR_PD, &higher, keep_vectors, (void *)THEIRS) &&
                    actor_run(FAR, OTHER, &higher, keep_vectors, (void *)(THEIRS + 1)),
                "threads in both domains that come between") ||
        !tap_ok(monitor_start(&monitors[0].vcpus[0], PRIORITY_HIGH) &&
                    monitor_start(&monitors[1].vcpus[0], PRIORITY_HIGH),
                "the guests run")) {
        return;
    }
    keep_while_running();
    bool ended = monitor_wait(&monitors[0]);
    tap_ok(monitor_wait(&monitors[1]) && ended, "to their ends");
    check_guest(0);
    check_guest(1);
    tap_ok(keeps > 8, "the threads came between");
    tap_equal(kept_wrong, 0, "and kept theirs");
    tap_equal(leaked, 0, "and saw nothing of a guest");
    tap_ok(actor_end(NEAR) && actor_end(FAR), "they go");
}

/* The state of a guest that ends while the CPU has it goes with it. */
static void check_end(void)
{
    tap_ok(monitor_remove(&monitors[0].vcpus[0]) && monitor_remove(&monitors[1].vcpus[0]),
           "the guests go");
    uint64_t left = 0;
    for (uint64_t n = 0; n <= ROUNDS / 4; n++) {
        left += vectors_count(GUESTS + n) + vectors_count((GUESTS | 1 << 16) + n);
    }
    tap_equal(left, 0, "nothing of them is left");
}

void suite_guest_vectors(const struct machine *m)
{
    if (!monitor_possible(m)) {
        return;
    }
    uint64_t before = world_free();
    if (domain_open(OTHER)) {
        check_together();
        check_end();
        monitor_close(&monitors[0]);
        monitor_close(&monitors[1]);
        domain_close(OTHER);
    }
    vectors_fill(0);
    world_balance(before);
}
