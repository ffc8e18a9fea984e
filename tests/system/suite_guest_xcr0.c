/*
 * XCR0: with and without an exit XSETBV is of the guest alone. Two guests of one CPU have all that
 * it lets them use, the one marks, the other nothing; each keeps that, and their monitor sees none
 * of it.
 */
#include "guest_host.h"
#include "monitor.h"
#include "suites.h"

#define CR4_OSXSAVE (1ull << 18)
#define ROUNDS      12u
#define MARK        0xa1b2c3d4a1b2c3d4ull
#define IMAGE       0xc000u /* guest-physical: what it loads */
#define STORED      0xd000u
#define HEADER      512u /* of an XSAVE image */
#define COMPONENTS  10u
#define BOUNDS      4u /* a component with reserved bits: it stays empty */
#define PROTECTION  9u /* one of four bytes */

static struct seen {
    uint64_t exits, wrong, marks, host, xcr0;
} seen[MONITORS];

static uint64_t wanted, allowed;
static uint32_t where; /* CPU */
static uint8_t own[PAGE] __attribute__((aligned(64)));

/* Each word of a component that can have any value. */
static unsigned words(unsigned n)
{
    return n == BOUNDS ? 0 : n == PROTECTION ? 1 : cpuid(0xd, n).eax / 4;
}

static volatile uint32_t *word(const struct monitor *m, uint64_t image, unsigned n, unsigned i)
{
    return (volatile uint32_t *)monitor_at(m, image + cpuid(0xd, n).ebx + 4ull * i);
}

static void clear(struct monitor *m, uint64_t image)
{
    for (uint64_t at = 0; at < PAGE; at += 8) {
        *(volatile uint64_t *)monitor_at(m, image + at) = 0;
    }
}

static void image_put(struct monitor *m)
{
    clear(m, IMAGE);
    clear(m, STORED);
    *(volatile uint32_t *)monitor_at(m, IMAGE) = 0x37f;
    *(volatile uint32_t *)monitor_at(m, IMAGE + 24) = 0x1f80;
    *(volatile uint64_t *)monitor_at(m, IMAGE + HEADER) = allowed;
    for (unsigned n = 2; n < COMPONENTS; n++) {
        for (unsigned i = 0; m->index == 0 && allowed >> n & 1 && i < words(n); i++) {
            *word(m, IMAGE, n, i) = (uint32_t)MARK;
        }
    }
}

static uint64_t stored_wrong(struct monitor *m)
{
    uint64_t wrong = 0;

    for (unsigned n = 2; n < COMPONENTS; n++) {
        for (unsigned i = 0; allowed >> n & 1 && i < words(n); i++) {
            wrong += *word(m, STORED, n, i) != *word(m, IMAGE, n, i);
        }
    }
    clear(m, STORED);
    return wrong;
}

/*
 * In this program's own registers. That guests' are there is noticed at the first use, by every CPU
 * (Intel SDM 2D, "XSAVE": #NM); QEMU's TCG does not look at CR0.TS for XSAVE, so another
 * instruction comes first.
 */
static uint64_t marks(void)
{
    uint64_t found = 0;

    __asm__ volatile("movaps %%xmm0, %%xmm0; xsave64 %0" : "+m"(own) : "a"(-1), "d"(-1));
    for (unsigned at = 0; at < sizeof(own); at += 4) {
        found += *(volatile uint32_t *)(void *)(own + at) == (uint32_t)MARK;
    }
    return found;
}

static uint64_t answer(struct monitor_vcpu *v, const struct monitor_exit *e)
{
    struct seen *s = &seen[v->monitor->index];

    if (e->reason == EXIT_STARTUP) {
        uint64_t groups = monitor_begin(v);
        v->page->cr4 |= CR4_OSXSAVE;
        v->page->rax = wanted;
        v->page->r14 = IMAGE;
        v->page->r13 = STORED;
        return groups;
    }
    s->host |= host_check(false);
    if (e->reason == EXIT_XSETBV) {
        v->page->xcr0 = e->state.rax;
        return monitor_skip(v) | STATE_XSAVE;
    }
    if (e->reason != EXIT_IO) {
        s->wrong++;
        return monitor_answer(v, e);
    }
    s->wrong += s->exits > 0 ? stored_wrong(v->monitor) : 0;
    s->xcr0 = e->state.xcr0;
    if (++s->exits >= ROUNDS) {
        return s->exits == ROUNDS ? monitor_stop(v) : 0;
    }
    if (s->exits % 3 == 1) {
        s->marks += marks();
    } else if (s->exits % 3 == 2) {
        world_sleep(world.millisecond / 4);
    }
    return monitor_skip(v);
}

static bool add(unsigned i)
{
    struct monitor_vcpu *v = &monitors[i].vcpus[0];

    if (!monitor_add(&monitors[i], 0, where, STATE_XSAVE)) {
        return false;
    }
    v->mode = tiny_xcr0.mode;
    v->answer = answer;
    monitor_load(&monitors[i], &tiny_xcr0);
    image_put(&monitors[i]);
    seen[i] = (struct seen){0};
    return true;
}

static void check(void)
{
    bool good = add(0) && add(1) && monitor_start(&monitors[0].vcpus[0], PRIORITY_LOW) &&
                monitor_start(&monitors[1].vcpus[0], PRIORITY_LOW) && monitor_wait(&monitors[0]) &&
                monitor_wait(&monitors[1]);

    tap_comment();
    print("XCR0 %#lx on CPU %u\n", wanted, where);
    tap_ok(good, "two guests run to their ends");
    for (unsigned i = 0; i < MONITORS; i++) {
        tap_equal(seen[i].exits, ROUNDS, "all rounds of a guest");
        tap_equal(seen[i].wrong, 0, "it kept what is its own");
        tap_equal(seen[i].xcr0, allowed, "and its XCR0");
        tap_equal(seen[i].host, 0, "its monitor had the host's");
        tap_equal(seen[i].marks, 0, "and nothing of a guest's");
    }
    good = monitor_remove(&monitors[0].vcpus[0]);
    tap_ok(monitor_remove(&monitors[1].vcpus[0]) && good, "they go");
    tap_equal(marks(), 0, "with all that they had");
}

/* Where XSETBV does not exit, the CPU's limits are the guest's. */
static void check_all(const struct boot_guest *limits)
{
    const uint64_t values[] = {1, 3, 7, UINT32_MAX};
    uint64_t most = limits->features & GUEST_XSETBV ? limits->xcr0 : UINT64_MAX;

    for (unsigned i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        wanted = values[i] & cpuid(0xd, 0).eax;
        allowed = wanted & most;
        check();
    }
}

void suite_guest_xcr0(const struct machine *m)
{
    if (!monitor_possible(m)) {
        return;
    }
    if (!(m->info->guest.cr4 & CR4_OSXSAVE)) {
        tap_skip("XCR0", "no guest can have CR4.OSXSAVE");
        return;
    }
    uint64_t before = world_free();

    host_note();
    if (monitor_open(0, TINY_BYTES) && monitor_open(1, TINY_BYTES)) {
        for (where = 0; where < m->info->cpus.count && where < 2; where++) {
            check_all(&m->info->guest);
        }
    }
    monitor_close(&monitors[0]);
    monitor_close(&monitors[1]);
    world_balance(before);
}
