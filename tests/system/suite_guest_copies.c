/*
 * A VCPU is frozen, and goes on in another VM, to which its state and memory were copied, as it
 * does where it was: in the middle of a computation, with an event to be injected, in a shadow.
 */
#include "agent.h"
#include "guest_control.h"
#include "suites.h"

#define GUEST        0u
#define COPY         1u
#define KNOCK_BEHIND 0x81u /* port */

static volatile enum status said[2]; /* by what was done on the VCPU's CPU */

static uint32_t vcpu(void)
{
    return control_selector(GUEST);
}

static void freeze(void)
{
    tap_equal(vcpu_freeze(vcpu()), STATUS_SUCCESS, "it is frozen");
}

static void resume(void)
{
    tap_equal(vcpu_resume(vcpu()), STATUS_SUCCESS, "it is resumed");
}

static struct {
    uint8_t page[PAGE]; /* of the VCPU that was frozen */
    bool whole;         /* all of the state is set with the reply, not before */
    uint32_t more;      /* groups that the start changes besides */
    volatile bool begun;
} moved;

static void page_copy(volatile uint8_t *to, const volatile uint8_t *from, uint64_t bytes)
{
    for (uint64_t i = 0; i < bytes; i += 8) {
        *(volatile uint64_t *)(to + i) = *(const volatile uint64_t *)(from + i);
    }
}

static void read_whole(void)
{
    said[0] = vcpu_read(vcpu(), STATE_ALL);
    page_copy(moved.page, (volatile uint8_t *)control_vcpu(GUEST)->page, PAGE);
}

static void write_whole(void)
{
    page_copy((volatile uint8_t *)control_vcpu(COPY)->page, moved.page, PAGE);
    said[1] = vcpu_write(control_selector(COPY), STATE_ALL);
}

/* Of the copy: it starts where the other one was. */
static uint64_t answer_copy(struct monitor_vcpu *v, const struct monitor_exit *e)
{
    if (e->reason != EXIT_STARTUP) {
        return monitor_answer(v, e);
    }
    if (moved.whole) {
        page_copy((volatile uint8_t *)v->page, moved.page, PAGE);
        return STATE_ALL;
    }
    page_copy((volatile uint8_t *)&v->page->rax, moved.page, 16ull * 8);
    return 0;
}

/* The frozen VCPU and its memory to the copy, which has no time yet. */
static bool copy_open(uint32_t from, uint32_t to, bool whole)
{
    moved.whole = whole;
    control_there(from, read_whole);
    if (!tap_equal(said[0], STATUS_SUCCESS, "its state") ||
        !control_open(COPY, &tiny_reckoner, to, STATE_INTERRUPTS)) {
        return false;
    }
    controls[COPY].answer = answer_copy;
    page_copy(monitor_at(&monitors[COPY], 0), monitor_at(&monitors[GUEST], 0), TINY_BYTES);
    if (!whole) {
        control_there(to, write_whole);
        tap_equal(said[1], STATUS_SUCCESS, "and into another VCPU");
    }
    return true;
}

#define STEPS     TINY_DATA
#define LIMIT     (TINY_DATA + 8)
#define RESULT    (TINY_DATA + 24) /* and following, to the end of the page */
#define STEPS_ON  300u
#define CR4_SSE   0x600ull
#define UNLIMITED UINT64_MAX

static uint64_t answer_reckoner(struct monitor_vcpu *v, const struct monitor_exit *e)
{
    if (e->reason != EXIT_STARTUP) {
        return monitor_answer(v, e);
    }
    uint64_t groups = monitor_begin(v);
    v->page->cr4 |= CR4_SSE;
    return groups | STATE_CR;
}

static bool reckoner_open(unsigned i, uint32_t cpu, uint64_t limit)
{
    if (!control_open(i, &tiny_reckoner, cpu, 0)) {
        return false;
    }
    controls[i].answer = answer_reckoner;
    *control_word(i, LIMIT) = limit;
    return control_start(i);
}

static uint64_t result_sum(unsigned i)
{
    uint64_t sum = 0;

    for (uint64_t at = RESULT; at < TINY_DATA + PAGE; at += 8) {
        sum = (sum << 7 | sum >> 57) ^ *control_word(i, at);
    }
    return sum;
}

static void finish(unsigned i, uint64_t steps, const char *what)
{
    tap_ok(monitor_wait(&monitors[i]) && *control_word(i, STEPS) == steps, what);
}

/* Computes, is frozen after some time, and goes on here and there. */
static void check_copy(uint32_t from, uint32_t to, bool whole, uint64_t delay)
{
    uint64_t sums[3] = {0}, steps = 0;

    if (reckoner_open(GUEST, from, UNLIMITED) && control_goes_on(GUEST, "it computes")) {
        world_sleep(delay);
        freeze();
        steps = *control_word(GUEST, STEPS) + STEPS_ON;
        *control_word(GUEST, LIMIT) = steps;
        if (copy_open(from, to, whole) && control_start(COPY)) {
            finish(COPY, steps, "a copy of it comes to the end");
            sums[1] = result_sum(COPY);
        }
        control_close(COPY);
        resume();
        finish(GUEST, steps, "so does it");
        sums[0] = result_sum(GUEST);
    }
    control_close(GUEST);
    if (reckoner_open(GUEST, from, steps)) {
        finish(GUEST, steps, "one that is not disturbed computes the same");
        sums[2] = result_sum(GUEST);
    }
    control_close(GUEST);
    if (!tap_ok(sums[0] == sums[2] && sums[1] == sums[2] && sums[0] != 0,
                "all with the same result")) {
        tap_comment();
        print("%lu steps: %lx, %lx and %lx\n", steps, sums[0], sums[1], sums[2]);
    }
}

/* Events; those of an instruction have a length, and nothing to return to here. */
static const struct event {
    uint32_t info, length;
} events[] = {
    {EVENT_VALID | EVENT_EXTERNAL | 0x40, 0}, {EVENT_VALID | EVENT_NMI | 2, 0},
    {EVENT_VALID | EVENT_EXCEPTION | 6, 0},   {EVENT_VALID | EVENT_INT | 0x50, 2},
    {EVENT_VALID | EVENT_INT3 | 3, 1},
};

#define EVENTS_COUNT (sizeof(events) / sizeof(events[0]))

static const struct event *event;

/* Of the handler of the event. */
static uint64_t event_port(void)
{
    return (event->info & EVENT_VECTOR) | 1ull << EXIT_IO_SIZE_SHIFT;
}

/* The reply to a knock injects; the VCPU is frozen before it takes effect. */
static uint64_t answer_inject(struct monitor_vcpu *v, const struct monitor_exit *e)
{
    if (e->reason != EXIT_IO || e->rip >= TINY_HANDLERS || moved.begun) {
        return monitor_answer(v, e);
    }
    moved.begun = true;
    v->page->injection.info = event->info;
    v->page->injection_length = event->length;
    v->page->rflags |= 0x200;
    return monitor_skip(v) | STATE_INJECTION | STATE_RFLAGS;
}

static void check_injection(uint32_t from, uint32_t to, bool whole)
{
    moved.begun = false;
    if (!control_open(GUEST, &tiny_knocker, from, 0)) {
        control_close(GUEST);
        return;
    }
    controls[GUEST].answer = answer_inject;
    controls[GUEST].hold = EXIT_IO;
    (void)control_start(GUEST);
    (void)control_held("its handler stays in an exit");
    freeze();
    control_let(GUEST);
    tap_ok(control_await(&controls[GUEST].seen[EXIT_IO], 0), "and injects an event");
    control_settle(from);
    if (copy_open(from, to, whole)) {
        const struct vcpu_state *s = (const struct vcpu_state *)moved.page;
        tap_ok(s->injection.info == event->info && s->injection_length == event->length,
               "it is part of the state");
        controls[COPY].hold = EXIT_IO;
        (void)control_start(COPY);
        (void)control_held("a copy goes on");
        tap_equal(control_vcpu(COPY)->log[1].qualification, event_port(), "with the event");
        control_let(COPY);
        if (!event->length) {
            control_goes_on(COPY, "and after it");
            tap_equal(*control_word(COPY, TINY_DATA + 8), 0, "with its registers");
        }
        tap_equal(controls[COPY].seen[EXIT_FAILED], 0, "each entry succeeds");
    }
    control_close(COPY);
    controls[GUEST].hold = EXIT_IO;
    resume();
    (void)control_held("it goes on");
    tap_equal(control_vcpu(GUEST)->log[2].qualification, event_port(), "with the event");
    control_let(GUEST);
    if (!event->length) { /* Bochs lets NMIs that are blocked in one VCPU be so in the next one */
        control_goes_on(GUEST, "and after it");
    }
    control_close(GUEST);
}

/* Recalled instead, its monitor hears of the event that it has not got. */
static void check_withdrawn(uint32_t cpu)
{
    moved.begun = false;
    if (!control_open(GUEST, &tiny_knocker, cpu, STATE_INTERRUPTS)) {
        control_close(GUEST);
        return;
    }
    controls[GUEST].answer = answer_inject;
    controls[GUEST].hold = EXIT_IO;
    (void)control_start(GUEST);
    (void)control_held("its handler stays in an exit");
    tap_equal(vcpu_recall(vcpu()), STATUS_SUCCESS, "recall");
    control_let(GUEST);
    tap_ok(control_await(&controls[GUEST].seen[EXIT_RECALL], 0), "it is recalled");
    const struct vcpu_state *s = &control_vcpu(GUEST)->log[2].state;
    tap_ok(s->reason == EXIT_RECALL && s->interrupted.info == event->info &&
               (!event->length || s->injection_length == event->length),
           "and told of the event that was to be injected");
    tap_equal(s->injection.info & EVENT_VALID, 0, "which is not any more");
    tap_equal(s->shadow, 0, "and blocks none");
    control_goes_on(GUEST, "it goes on without it");
    tap_ok(control_await(&controls[GUEST].seen[EXIT_IO], 1), "to its next exit");
    const struct monitor_exit *e = &control_vcpu(GUEST)->log[3];
    tap_equal(e->qualification, CONTROL_KNOCK, "as the monitor wanted");
    control_close(GUEST);
}

/* An exit in the shadow of STI; the window that is wanted comes behind the shadow. */
static uint64_t answer_shadow(struct monitor_vcpu *v, const struct monitor_exit *e)
{
    volatile struct vcpu_state *s = v->page;

    if (e->reason == EXIT_IO && !moved.begun) {
        moved.begun = true;
        s->windows = WINDOW_INTERRUPT;
        return STATE_WINDOWS; /* the instruction once more */
    }
    return e->reason == EXIT_STARTUP && v->monitor->index == COPY ? answer_copy(v, e)
                                                                  : monitor_answer(v, e);
}

/* QEMU's SVM forgets shadows: at VMRUN, and so in the end if it is interrupted behind that. */
static void check_shadow_log(unsigned i, unsigned at)
{
    const struct monitor_exit *log = &control_vcpu(i)->log[at];
    bool vmx = world.machine->info->guest.kind == GUEST_VMX;

    tap_ok(monitor_wait(&monitors[i]), "it comes to its end");
    unsigned window = vmx || log[1].reason == EXIT_INTERRUPT_WINDOW;
    const struct monitor_exit *knock = &log[1 - window];
    tap_ok(knock->reason == EXIT_IO && knock->qualification == CONTROL_KNOCK &&
               (!vmx || knock->state.shadow == SHADOW_STI),
           "the instruction is executed again, in the shadow");
    tap_ok(log[window].reason == EXIT_INTERRUPT_WINDOW &&
               log[window].rip == knock->rip + (window ? 2 : 0),
           "the window opens behind it");
    tap_ok(log[2].reason == EXIT_IO &&
               log[2].qualification == (KNOCK_BEHIND | 1ull << EXIT_IO_SIZE_SHIFT),
           "once, and the guest goes on");
}

static void check_shadow(uint32_t from, uint32_t to, bool whole)
{
    moved.begun = false;
    if (!control_open(GUEST, &tiny_shadow, from, STATE_INTERRUPTS)) {
        control_close(GUEST);
        return;
    }
    controls[GUEST].answer = answer_shadow;
    controls[GUEST].hold = EXIT_IO;
    (void)control_start(GUEST);
    (void)control_held("an exit in the shadow of STI");
    freeze();
    control_let(GUEST);
    tap_ok(control_await(&controls[GUEST].seen[EXIT_IO], 0), "its handler wants a window");
    control_settle(from);
    tap_equal(control_vcpu(GUEST)->log[1].state.shadow, SHADOW_STI, "there is a shadow");
    if (copy_open(from, to, whole)) {
        controls[COPY].answer = answer_shadow;
        (void)control_start(COPY);
        check_shadow_log(COPY, 1);
    }
    control_close(COPY);
    resume();
    check_shadow_log(GUEST, 2);
    control_close(GUEST);
}

static void check_copies(uint32_t from, uint32_t to)
{
    tap_comment();
    print("from CPU %u to %u\n", from, to);
    for (unsigned i = 0; i < 4; i++) {
        check_copy(from, to, i % 2, i * (i * world.millisecond / 16));
    }
    for (unsigned i = 0; i < EVENTS_COUNT; i++) {
        event = &events[i];
        check_injection(from, to, i % 2);
    }
    check_shadow(from, to, true);
    check_shadow(from, to, false);
}

static void check_events(uint32_t cpu)
{
    for (unsigned i = 0; i < EVENTS_COUNT; i++) {
        event = &events[i];
        check_withdrawn(cpu);
    }
}

void suite_guest_copies(const struct machine *m)
{
    bool several = m->info->cpus.count > 1;

    if (!monitor_possible(m) || (several && !agent_open())) {
        return;
    }
    uint64_t before = world_free();
    check_events(0);
    check_copies(0, 0);
    if (several) {
        check_events(1);
        check_copies(1, 1);
        check_copies(0, 1);
        check_copies(1, 0);
    }
    world_balance(before);
}
