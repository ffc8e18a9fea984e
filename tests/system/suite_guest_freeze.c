/*
 * A VCPU that is frozen stands still, can be looked into and changed, and goes on as if nothing had
 * been.
 */
#include "agent.h"
#include "guest_control.h"
#include "suites.h"

#define GUEST 0u

static volatile enum status said[4]; /* by what was done on the VCPU's CPU */

static uint32_t vcpu(void)
{
    return control_selector(GUEST);
}

static uint64_t seen(uint32_t reason)
{
    return controls[GUEST].seen[reason];
}

static bool start(const struct tiny *guest, uint32_t cpu)
{
    return control_open(GUEST, guest, cpu, 0) && control_start(GUEST);
}

static void freeze(void)
{
    tap_equal(vcpu_freeze(vcpu()), STATUS_SUCCESS, "it is frozen");
}

static void resume(void)
{
    tap_equal(vcpu_resume(vcpu()), STATUS_SUCCESS, "it is resumed");
}

static void state_move(void)
{
    said[0] = vcpu_read(vcpu(), STATE_ALL);
    said[1] = vcpu_write(vcpu(), STATE_ALL);
    said[2] = vcpu_write(vcpu(), STATE_ALL + 1);
}

static void check_state(uint32_t cpu, enum status expected)
{
    if (cpu != 0) {
        state_move();
        tap_ok(said[0] == STATUS_WRONG_CPU && said[1] == STATUS_WRONG_CPU,
               "its state is out of reach from another CPU");
    }
    control_there(cpu, state_move);
    tap_equal(said[0], expected, "read of its state");
    tap_equal(said[1], expected, "write of its state");
    tap_equal(said[2], STATUS_BAD_PARAMETER, "there are no other groups");
}

static void check_running(uint32_t cpu)
{
    if (start(&tiny_spinner, cpu) && control_goes_on(GUEST, "it runs")) {
        check_state(cpu, STATUS_BUSY);
        tap_equal(vcpu_resume(vcpu()), STATUS_BUSY, "it cannot be resumed");
        uint64_t exits = control_vcpu(GUEST)->exits;
        freeze();
        uint64_t count = *control_count(GUEST);
        control_stands_still(GUEST, "it stands still");
        freeze();
        check_state(cpu, STATUS_SUCCESS);
        tap_equal(*control_count(GUEST), count, "its memory is what it was");
        resume();
        control_goes_on(GUEST, "it goes on");
        tap_equal(control_vcpu(GUEST)->exits, exits, "without an exit");
        tap_equal(object_control(vcpu(), VCPU_FREEZE, 1).status, STATUS_BAD_PARAMETER,
                  "freezing takes no argument");
    }
    control_close(GUEST);
}

/* No resume takes effect after a later freeze has returned. */
static void check_often(uint32_t cpu)
{
    uint64_t wrong = 0;

    if (start(&tiny_spinner, cpu) && control_goes_on(GUEST, "it runs")) {
        freeze();
        for (unsigned i = 0; i < 60; i++) {
            wrong += vcpu_resume(vcpu()) != STATUS_SUCCESS;
            if (i % 3 == 0) {
                world_sleep(i * world.millisecond / 600);
            }
            wrong += vcpu_freeze(vcpu()) != STATUS_SUCCESS;
            uint64_t count = *control_count(GUEST);
            world_sleep(world.millisecond / 20);
            wrong += *control_count(GUEST) != count;
        }
        tap_equal(wrong, 0, "it is frozen and resumed again and again");
        resume();
        control_goes_on(GUEST, "and goes on");
    }
    control_close(GUEST);
}

static uint64_t answer_halted(struct monitor_vcpu *v, const struct monitor_exit *e)
{
    volatile struct vcpu_state *s = v->page;

    if (e->reason != EXIT_HLT && e->reason != EXIT_RECALL) {
        return monitor_answer(v, e);
    }
    s->activity = e->reason == EXIT_HLT ? VCPU_HALTED : VCPU_ACTIVE;
    s->shadow = 0;
    s->pending_debug = 0;
    return STATE_INTERRUPTS | (e->reason == EXIT_HLT ? monitor_skip(v) : 0);
}

static void wake_up(void)
{
    said[0] = vcpu_read(vcpu(), STATE_INTERRUPTS);
    control_vcpu(GUEST)->page->activity = VCPU_ACTIVE;
    said[1] = vcpu_write(vcpu(), STATE_INTERRUPTS);
}

static void deadline_write(void)
{
    control_vcpu(GUEST)->page->deadline = tsc_read() + world.millisecond;
    said[1] = vcpu_write(vcpu(), STATE_TIME);
}

static void check_halted(uint32_t cpu)
{
    if (!control_open(GUEST, &tiny_sleeper, cpu, 0)) {
        control_close(GUEST);
        return;
    }
    controls[GUEST].answer = answer_halted;
    (void)control_start(GUEST);
    tap_ok(control_await(&controls[GUEST].seen[EXIT_HLT], 0), "it halts");
    control_settle(cpu);
    freeze();
    check_state(cpu, STATUS_SUCCESS);
    tap_equal(control_vcpu(GUEST)->page->activity, VCPU_HALTED, "it is asleep");
    tap_equal(vcpu_recall(vcpu()), STATUS_SUCCESS, "recall");
    control_stands_still(GUEST, "it sleeps on");
    tap_equal(seen(EXIT_RECALL), 0, "and is not recalled");
    resume();
    tap_ok(control_await(control_count(GUEST), 0), "resumed, it is");
    tap_equal(seen(EXIT_RECALL), 1, "once");
    tap_ok(control_await(&controls[GUEST].seen[EXIT_HLT], 1), "it halts again");
    control_settle(cpu);
    freeze();
    resume();
    control_stands_still(GUEST, "resumed, it sleeps as before");
    freeze();
    control_there(cpu, wake_up);
    tap_ok(said[0] == STATUS_SUCCESS && said[1] == STATUS_SUCCESS, "its state is changed");
    resume();
    tap_ok(control_await(control_count(GUEST), 1), "it has been woken by that");
    tap_ok(control_await(&controls[GUEST].seen[EXIT_HLT], 2), "and halts");
    control_settle(cpu);
    freeze();
    control_there(cpu, deadline_write);
    resume();
    tap_ok(control_await(&controls[GUEST].seen[EXIT_TIMER], 0), "a deadline set so finds it");
    control_close(GUEST);
}

static void check_exiting(uint32_t cpu)
{
    if (start(&tiny_knocker, cpu) && control_goes_on(GUEST, "it exits again and again")) {
        controls[GUEST].hold = EXIT_IO;
        (void)control_held("its handler stays in an exit");
        check_state(cpu, STATUS_SUCCESS);
        freeze();
        check_state(cpu, STATUS_SUCCESS);
        uint64_t exits = control_vcpu(GUEST)->exits, count = *control_count(GUEST);
        control_let(GUEST);
        control_stands_still(GUEST, "its handler replies; it stands still");
        tap_equal(*control_count(GUEST), count, "it has not gone on");
        tap_equal(control_vcpu(GUEST)->exits, exits, "and had no other exit");
        resume();
        control_goes_on(GUEST, "it goes on");
        tap_equal(*control_word(GUEST, TINY_DATA + 8), 0, "with its registers");
        tap_ok(control_await(&control_vcpu(GUEST)->exits, exits), "and exits again");
    }
    control_close(GUEST);
}

static void check_not_started(uint32_t cpu)
{
    if (control_open(GUEST, &tiny_spinner, cpu, 0)) {
        tap_equal(vcpu_resume(vcpu()), STATUS_BUSY, "without time it cannot be resumed");
        check_state(cpu, STATUS_SUCCESS);
        freeze();
        (void)control_start(GUEST);
        world_sleep(2 * world.millisecond);
        tap_equal(control_vcpu(GUEST)->exits, 0, "frozen before, it does not begin");
        resume();
        tap_ok(control_await(control_count(GUEST), 0), "resumed, it does");
    }
    control_close(GUEST);
}

static void check_cpu(uint32_t cpu)
{
    tap_comment();
    print("on CPU %u\n", cpu);
    check_running(cpu);
    check_often(cpu);
    check_halted(cpu);
    check_exiting(cpu);
    check_not_started(cpu);
}

void suite_guest_freeze(const struct machine *m)
{
    bool several = m->info->cpus.count > 1;

    if (!monitor_possible(m) || (several && !agent_open())) {
        return;
    }
    uint64_t before = world_free();
    check_cpu(0);
    if (several) {
        check_cpu(1);
    }
    world_balance(before);
}
