/*
 * States that the CPU refuses to enter: an exit says so, the host has its own, and when the monitor
 * has mended the state the guest runs.
 */
#include "guest_host.h"
#include "monitor.h"
#include "suites.h"

#define CR0_NW    (1ull << 29)
#define CR0_PE    (1ull << 0)
#define CODE_BOTH 0x0e9b /* L and D */
#define CODE_NEW  0x0a9a /* not accessed */
#define TSS_FREE  0x0089 /* not busy */
#define RFLAGS_VM (1ull << 17)
#define EITHER    0

static void no_pae(volatile struct vcpu_state *s)
{
    s->cr4 = 0;
}

static void no_pe(volatile struct vcpu_state *s)
{
    s->cr0 &= ~CR0_PE;
}

static void far_cr3(volatile struct vcpu_state *s)
{
    s->cr3 |= 1ull << 60;
}

static void both_sizes(volatile struct vcpu_state *s)
{
    s->cs.attributes = CODE_BOTH;
}

static void write_through(volatile struct vcpu_state *s)
{
    s->cr0 |= CR0_NW;
}

static void not_accessed(volatile struct vcpu_state *s)
{
    s->cs.attributes = CODE_NEW;
}

static void not_busy(volatile struct vcpu_state *s)
{
    s->tr.attributes = TSS_FREE;
}

static void no_tss(volatile struct vcpu_state *s)
{
    s->tr.attributes &= (uint16_t)~SEGMENT_PRESENT;
}

static void virtual_8086(volatile struct vcpu_state *s)
{
    s->rflags |= RFLAGS_VM;
}

static void limit_odd(volatile struct vcpu_state *s)
{
    s->ds.limit = 0xffff0000; /* in pages, but not a whole number of them */
}

static const struct {
    const char *name;
    uint32_t kind; /* of CPUs that refuse it */
    void (*spoil)(volatile struct vcpu_state *s);
} cases[] = {
    {"64-bit mode without PAE", EITHER, no_pae},
    {"CR3 too wide", EITHER, far_cr3},
    {"paging without protection", EITHER, no_pe},
    {"64-bit code of 32 bits", EITHER, both_sizes},
    {"NW without CD", GUEST_SVM, write_through},
    {"CS that was not accessed", GUEST_VMX, not_accessed},
    {"a TSS that is not busy", GUEST_VMX, not_busy},
    {"no TSS", GUEST_VMX, no_tss},
    {"virtual-8086 in 64-bit mode", GUEST_VMX, virtual_8086},
    {"a limit that is not in pages", GUEST_VMX, limit_odd},
};

static unsigned current;
static uint64_t host;

static uint64_t answer(struct monitor_vcpu *v, const struct monitor_exit *e)
{
    host |= host_check(false);
    if (e->reason == EXIT_STARTUP) {
        uint64_t groups = monitor_begin(v);
        cases[current].spoil(v->page);
        return groups;
    }
    return e->reason == EXIT_FAILED && v->exits == 2 ? monitor_begin(v) : monitor_answer(v, e);
}

static void check(struct monitor *m, uint32_t cpu)
{
    struct monitor_vcpu *v = &m->vcpus[0];
    bool good = monitor_add(m, 0, cpu, STATE_ALL);

    v->mode = TINY_LONG;
    v->answer = answer;
    host = 0;
    monitor_load(m, &tiny_long);
    tap_comment();
    print("%s\n", cases[current].name);
    good = good && monitor_start(v, PRIORITY_LOW) && monitor_wait(m);
    if (!tap_ok(good, "it is mended and runs") ||
        !tap_ok(v->log[1].reason == EXIT_FAILED && v->log[1].qualification == FAILURE_STATE,
                "after an entry that failed because of the state") ||
        !tap_equal(v->exits, 5, "and not once more")) {
        monitor_print(v);
    }
    tap_equal(host, 0, "the host has its own");
    tap_ok(monitor_remove(v), "it goes");
}

void suite_guest_refused(const struct machine *m)
{
    if (!monitor_possible(m)) {
        return;
    }
    uint64_t before = world_free();

    host_note();
    if (monitor_open(0, TINY_BYTES)) {
        for (current = 0; current < sizeof(cases) / sizeof(cases[0]); current++) {
            if (cases[current].kind == EITHER || cases[current].kind == m->info->guest.kind) {
                check(&monitors[0], current % m->info->cpus.count);
            }
        }
    }
    monitor_close(&monitors[0]);
    world_balance(before);
}
