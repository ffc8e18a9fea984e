/*
 * Interrupts of a device as ups of a semaphore. The device is the timer of the first PCs (82C54),
 * whose output is ISA interrupt 0: in mode 0 it rises once and stays up, in mode 2 it falls for a
 * moment at a rate.
 */
#include "ranges.h"
#include "suites.h"
#include "world.h"

enum {
    LINE = TEST_SELECTORS, /* the timer's line, a range of one */
    SM,
    OTHER_SM,
    WEAK,
    GRANT,            /* of all lines */
    DONE = SEMAPHORE, /* standing semaphores */
    WAITER = 0,       /* actor */
};

#define PIT_PORT    0x40
#define PIT_PORTS   4
#define PIT_HZ      1193182u
#define PIT_ONCE    0x30 /* counter 0, both bytes, mode 0 */
#define PIT_REPEAT  0x34 /* mode 2 */
#define PIT_COMMAND (PIT_PORT + 3)

#define SOON WORLD_LIMIT

static void pit_start(uint8_t mode, uint32_t hz)
{
    uint32_t count = PIT_HZ / hz;

    port_write8(PIT_COMMAND, mode);
    port_write8(PIT_PORT, (uint8_t)count);
    port_write8(PIT_PORT, (uint8_t)(count >> 8));
}

/* Its output goes down, and stays there for the 55 ms that the longest count takes. */
static void pit_stop(void)
{
    port_write8(PIT_COMMAND, PIT_ONCE);
    port_write8(PIT_PORT, 0);
    port_write8(PIT_PORT, 0);
}

static uint32_t pit_line(const struct machine *m)
{
    const struct boot_override *o;

    for (uint32_t i = 0; (o = boot_view_entry(&m->view, &m->info->overrides, i, sizeof(*o))); i++) {
        if (o->isa_irq == 0) {
            return o->gsi;
        }
    }
    return 0;
}

static void spin(uint64_t milliseconds)
{
    uint64_t end = tsc_read() + milliseconds * world.millisecond;

    while (tsc_read() < end) {
        cpu_pause();
    }
}

static enum status quiet(void)
{
    return semaphore_down(SM, 0, tsc_read() + 5 * world.millisecond);
}

/* An emulator on a busy host delivers the last ones late: then it is tried again. */
static bool many_are_one(void)
{
    bool one = false;

    for (unsigned i = 0; i < 10 && !one; i++) {
        pit_start(PIT_REPEAT, 1000);
        spin(50);
        pit_stop();
        spin(10);
        enum status first = semaphore_down(SM, DOWN_TRY, 0);
        enum status second = semaphore_down(SM, DOWN_TRY, 0);
        struct answer a = irq_acknowledge(LINE, 0);
        one = first == STATUS_SUCCESS && second == STATUS_WOULD_BLOCK &&
              a.status == STATUS_SUCCESS && a.value > 0 && !(a.value & IRQ_CUT_OFF);
        (void)semaphore_down(SM, DOWN_ZERO | DOWN_TRY, 0);
    }
    return one;
}

static void check_edge(void)
{
    tap_equal(irq_bind(LINE, 0, SM, 0), STATUS_SUCCESS, "bind the line, edge");
    tap_equal(irq_bind(LINE, 0, OTHER_SM, 0), STATUS_IN_USE, "a line is bound once");
    pit_start(PIT_ONCE, 1000);
    tap_equal(semaphore_down(SM, 0, SOON), STATUS_SUCCESS, "it wakes who waits");
    tap_equal(quiet(), STATUS_TIMEOUT, "once");
    pit_start(PIT_ONCE, 1000);
    tap_equal(semaphore_down(SM, 0, SOON), STATUS_SUCCESS, "and again without acknowledgement");

    tap_ok(many_are_one(), "many interrupts are one up, and are told at the acknowledgement");
    tap_equal(irq_acknowledge(LINE, 0).value, 0, "and says it once");
}

/* How many interrupts a second an emulator manages is not known, so it is tried ever longer. */
static void check_bound(void)
{
    struct answer a = {STATUS_SUCCESS, 0};
    enum status first = STATUS_SUCCESS, then = STATUS_SUCCESS;

    /* What comes between the two looks is the last one before the cut: again, too. */
    for (uint64_t time = 200; time <= 6400 && !(a.value & IRQ_CUT_OFF && then == STATUS_TIMEOUT);
         time *= 2) {
        pit_start(PIT_REPEAT, 20000);
        spin(time);
        first = semaphore_down(SM, DOWN_TRY, 0);
        then = quiet();
        a = irq_acknowledge(LINE, 0);
    }
    tap_ok(a.value & IRQ_CUT_OFF, "a storm is cut off");
    tap_equal(first, STATUS_SUCCESS, "it was one up");
    tap_equal(then, STATUS_TIMEOUT, "and then silent");
    pit_start(PIT_REPEAT, 20000);
    tap_equal(semaphore_down(SM, 0, SOON), STATUS_SUCCESS, "acknowledging opened it again");
    pit_stop();
    tap_equal(irq_unbind(LINE, 0), STATUS_SUCCESS, "unbind");
    (void)semaphore_down(SM, DOWN_TRY | DOWN_ZERO, 0);
    pit_start(PIT_ONCE, 1000);
    tap_equal(quiet(), STATUS_TIMEOUT, "an unbound line is silent");
    tap_equal(irq_unbind(LINE, 0), STATUS_BAD_PARAMETER, "it is not bound");
    tap_equal(irq_acknowledge(LINE, 0).status, STATUS_BAD_PARAMETER, "nothing to acknowledge");
}

/*
 * The line falls, is acknowledged, and nothing more comes; what comes after the moment for which it
 * stays down is another edge, of a host that has looked away: then again.
 */
static bool falls_silently(void)
{
    for (unsigned i = 0; i < 20; i++) {
        uint64_t end = tsc_read() + 50 * world.millisecond;
        pit_stop();
        bool good = irq_acknowledge(LINE, 0).status == STATUS_SUCCESS && quiet() == STATUS_TIMEOUT;
        if (good || tsc_read() < end) {
            return good;
        }
    }
    return false;
}

static void check_level(void)
{
    pit_stop();
    tap_equal(irq_bind(LINE, 0, SM, IRQ_LEVEL), STATUS_SUCCESS, "bind the line, level");
    pit_start(PIT_ONCE, 1000);
    tap_equal(semaphore_down(SM, 0, SOON), STATUS_SUCCESS, "the line rises");
    tap_equal(quiet(), STATUS_TIMEOUT, "it is masked until acknowledged");
    tap_equal(irq_acknowledge(LINE, 0).status, STATUS_SUCCESS, "acknowledge");
    tap_equal(semaphore_down(SM, 0, SOON), STATUS_SUCCESS, "it is still up: one more");
    tap_ok(falls_silently(), "it falls, acknowledge, and nothing more");
    pit_start(PIT_ONCE, 1000);
    tap_equal(semaphore_down(SM, 0, SOON), STATUS_SUCCESS, "it rises once more");
    tap_equal(irq_unbind(LINE, 0), STATUS_SUCCESS, "unbind, not acknowledged");
    pit_stop();
    tap_equal(irq_bind(LINE, 0, SM, IRQ_LEVEL), STATUS_SUCCESS, "bind it anew");
    pit_start(PIT_ONCE, 1000);
    tap_equal(semaphore_down(SM, 0, SOON), STATUS_SUCCESS, "it comes again");
    pit_stop();
    tap_equal(irq_unbind(LINE, 0), STATUS_SUCCESS, "unbind");
}

static volatile uint64_t raised;

static void wait_for(struct thread *self, void *argument)
{
    (void)self;
    (void)argument;
    while (semaphore_down(SM, 0, 0) == STATUS_SUCCESS) {
        raised++;
    }
    (void)semaphore_up(DONE);
}

/* The waiter's thread runs in the middle of this one; it goes with the semaphore. */
static void check_destroy(void)
{
    struct schedule high = actor_schedule(PRIORITY_HIGH);
    uint64_t limit = SOON;

    raised = 0;
    if (!tap_ok(actor_run(WAITER, SELECTOR_PD, &high, wait_for, NULL), "a thread that waits")) {
        return;
    }
    tap_equal(irq_bind(LINE, 0, SM, 0), STATUS_SUCCESS, "bind");
    pit_start(PIT_REPEAT, 1000);
    while (raised < 10 && tsc_read() < limit) {
        cpu_pause();
    }
    tap_ok(raised >= 10, "it runs at each interrupt, though this one spins");
    tap_equal(object_destroy(SM), STATUS_SUCCESS, "the semaphore goes while it is bound");
    tap_equal(semaphore_down(DONE, 0, SOON), STATUS_SUCCESS, "the waiter is woken");
    tap_ok(actor_end(WAITER), "and goes");
    spin(5);
    tap_equal(irq_acknowledge(LINE, 0).status, STATUS_BAD_PARAMETER, "the binding has gone");
    (void)semaphore_create(SM, SELECTOR_POOL, 0);
}

/* The binding goes with the grant it was made through, and with the object. */
static void check_revoke(uint64_t cpu)
{
    (void)capability_delegate(SELECTOR_PD, WEAK, LINE, RANGE_RIGHT_USE);
    tap_equal(irq_bind(WEAK, 0, SM, cpu), STATUS_SUCCESS, "bind through a grant");
    tap_equal(semaphore_down(SM, 0, SOON), STATUS_SUCCESS, "it comes");
    tap_equal(capability_revoke(LINE, 0), STATUS_SUCCESS, "revoke the grant");
    (void)semaphore_down(SM, DOWN_TRY | DOWN_ZERO, 0);
    tap_equal(quiet(), STATUS_TIMEOUT, "it comes no more");
    tap_equal(irq_bind(LINE, 0, SM, cpu), STATUS_SUCCESS, "the line is free");
    tap_equal(semaphore_down(SM, 0, SOON), STATUS_SUCCESS, "it comes");
    tap_equal(object_destroy(LINE), STATUS_SUCCESS, "the range goes while it is bound");
    (void)semaphore_down(SM, DOWN_TRY | DOWN_ZERO, 0);
    tap_equal(quiet(), STATUS_TIMEOUT, "it comes no more");
    pit_stop();
}

/* A range goes with the capability that it was cut from, and what is bound with it. */
static void check_origin(uint32_t line, uint64_t cpu)
{
    pit_start(PIT_REPEAT, 1000);
    (void)capability_delegate(SELECTOR_PD, GRANT, SELECTOR_IRQ, RIGHTS_ALL);
    tap_equal(range_create(OBJECT_IRQ, LINE, GRANT, line, 1), STATUS_SUCCESS, "cut from a grant");
    tap_equal(irq_bind(LINE, 0, SM, cpu), STATUS_SUCCESS, "bind");
    tap_equal(semaphore_down(SM, 0, SOON), STATUS_SUCCESS, "it comes");
    tap_equal(capability_revoke(GRANT, REVOKE_SELF), STATUS_SUCCESS, "revoke the grant");
    tap_equal(capability_lookup(LINE).status, STATUS_BAD_CAPABILITY, "the range has gone");
    (void)semaphore_down(SM, DOWN_TRY | DOWN_ZERO, 0);
    tap_equal(quiet(), STATUS_TIMEOUT, "it comes no more");
    tap_equal(irq_bind(SELECTOR_IRQ, line, SM, 0), STATUS_SUCCESS, "the line is free");
    tap_equal(irq_unbind(SELECTOR_IRQ, line), STATUS_SUCCESS, "unbind");
    pit_stop();
}

static void check_errors(uint32_t line)
{
    tap_equal(range_create(OBJECT_IRQ, LINE, SELECTOR_IRQ, line, 0), STATUS_BAD_PARAMETER,
              "a range of none");
    tap_equal(range_create(OBJECT_IRQ, LINE, SELECTOR_IRQ, line, UINT64_MAX), STATUS_BAD_PARAMETER,
              "a range past its parent");
    tap_equal(range_create(OBJECT_PCI, LINE, SELECTOR_IRQ, line, 1), STATUS_BAD_CAPABILITY,
              "a range of another type");
    tap_equal(range_create(OBJECT_IRQ, LINE, SELECTOR_IRQ, line, 1), STATUS_SUCCESS,
              "a range of one line");
    tap_equal(irq_bind(LINE, 1, SM, 0), STATUS_BAD_PARAMETER, "bind a line past it");
    tap_equal(irq_bind(LINE, 0, SELECTOR_PD, 0), STATUS_BAD_CAPABILITY, "bind to a PD");
    tap_equal(irq_bind(LINE, 0, SM, BOOT_MAX_CPUS), STATUS_BAD_PARAMETER, "no such CPU");
    tap_equal(irq_bind(LINE, 0, SM, 1 << 18), STATUS_BAD_PARAMETER, "a reserved flag");
    tap_equal(range_control(LINE, 3, 0, 0, 0).status, STATUS_BAD_PARAMETER, "no such operation");
    (void)capability_delegate(SELECTOR_PD, WEAK, LINE, RANGE_RIGHT_DIVIDE);
    tap_equal(irq_bind(WEAK, 0, SM, 0), STATUS_NO_RIGHT, "bind without the right");
    (void)capability_revoke(WEAK, REVOKE_SELF);
    (void)capability_delegate(SELECTOR_PD, WEAK, LINE, RANGE_RIGHT_USE);
    tap_equal(range_create(OBJECT_IRQ, OTHER_SM + 8, WEAK, 0, 1), STATUS_NO_RIGHT,
              "divide without the right");
    (void)capability_revoke(WEAK, REVOKE_SELF);
    (void)capability_delegate(SELECTOR_PD, WEAK, SM, SM_RIGHT_DOWN);
    tap_equal(irq_bind(LINE, 0, WEAK, 0), STATUS_NO_RIGHT, "bind to a semaphore without UP");
    (void)capability_revoke(WEAK, REVOKE_SELF);
}

void suite_interrupts(const struct machine *m)
{
    if (!world_open(m)) {
        return;
    }
    uint32_t line = pit_line(m);
    uint32_t last = m->info->cpus.count - 1;
    if (!tap_equal(ports_open(SELECTOR_PORTS, SELECTOR_PD, PIT_PORT, PIT_PORTS), STATUS_SUCCESS,
                   "the timer's ports")) {
        return;
    }
    uint64_t before = world_free();
    (void)semaphore_create(SM, SELECTOR_POOL, 0);
    (void)semaphore_create(OTHER_SM, SELECTOR_POOL, 0);
    pit_stop();
    check_errors(line);
    check_edge();
    check_bound();
    check_level();
    check_destroy();
    pit_start(PIT_REPEAT, 1000);
    check_revoke(0);
    tap_equal(range_create(OBJECT_IRQ, LINE, SELECTOR_IRQ, line, 1), STATUS_SUCCESS,
              "the range again");
    pit_start(PIT_REPEAT, 1000);
    check_revoke(last);
    check_origin(line, last);
    (void)object_destroy(SM);
    (void)object_destroy(OTHER_SM);
    world_balance(before);
    tap_equal(ports_close(SELECTOR_PORTS, SELECTOR_PD, PIT_PORT), STATUS_SUCCESS,
              "the ports are closed again");
}
