#include "supervise.h"

#include "handler.h"
#include "program.h"
#include "say.h"
#include "talk.h"
#include "trace.h"

#define BACK_OFF_MS  100u   /* before the first restart; doubled by each failure that follows */
#define FAILURES_MAX 5u     /* then it is given up */
#define STEADY_MS    10000u /* having run so long, a program's earlier failures are forgotten */

/* The run ends with the last of those with which it ends together: have all stopped? */
static void end_with_last(void)
{
    uint32_t result = 0;

    for (uint32_t i = 0; i < root.conf.programs; i++) {
        const struct program *p = &root.program[i];
        if (p->conf->ends != CONF_ENDS_ALL)
            continue;
        if (p->state == PROGRAM_RUNNING || p->state == PROGRAM_WAITING)
            return;
        result = result ? result : p->result;
    }
    end_run(result);
}

/* It has ended for good, and the run with it if that ends with it. */
static void stay_down(struct program *p, uint32_t status)
{
    p->result = status;
    if (p->conf->ends == CONF_ENDS_YES)
        end_run(status);
    if (p->conf->ends == CONF_ENDS_ALL)
        end_with_last();
}

static void start(struct program *p)
{
    struct program_fault fault;

    if (program_start(p, &fault))
        return;
    say("%s cannot be started: %s, status %u%s%s", p->conf->name.text, fault.what, fault.status,
        fault.text[0] ? ": " : "", fault.text);
    p->state = PROGRAM_FAILED;
    stay_down(p, p->conf->failure);
}

/* It has stopped, with this status: again after a pause, or not. */
static void again(struct program *p, bool wanted, uint32_t status)
{
    uint64_t now = tsc_read();

    p->due = 0;
    p->state = PROGRAM_STOPPED;
    if (!wanted || p->conf->restart == CONF_RESTART_NEVER) {
        stay_down(p, status);
        return;
    }
    if (now - p->since > STEADY_MS * root.millisecond)
        p->failures = 0;
    if (p->failures == FAILURES_MAX) {
        p->state = PROGRAM_FAILED;
        say("%s FAILED: it has stopped %u times, each time soon after its start; it stays down",
            p->conf->name.text, p->failures + 1);
        stay_down(p, status);
        return;
    }
    p->state = PROGRAM_WAITING;
    p->due = now + ((uint64_t)BACK_OFF_MS << p->failures++) * root.millisecond;
    p->restarts++;
}

/* False: there was none. */
static bool text_print(struct program *p)
{
    char text[ROOT_TEXT];
    uint32_t dropped, size = text_take(&p->text, p->instance, text, sizeof(text), &dropped);

    if (dropped)
        say("%s says more than can be printed: %u bytes dropped", p->conf->name.text, dropped);
    say_for(p->conf->name.text, text, size);
    return size;
}

static void fault_tell(const struct program *p)
{
    const struct stopped *stopped = &p->stopped;
    const struct utcb_state *s = &stopped->state;

    say("%s has stopped: exception %lu, error 0x%lx, address 0x%lx, thread %u on CPU %u",
        p->conf->name.text, s->vector, s->error, s->address, stopped->thread, stopped->cpu);
    say("  rip 0x%lx rsp 0x%lx rbp 0x%lx rflags 0x%lx", s->rip, s->rsp, s->rbp, s->rflags);
    say("  rax 0x%lx rbx 0x%lx rcx 0x%lx rdx 0x%lx", s->rax, s->rbx, s->rcx, s->rdx);
    say("  rsi 0x%lx rdi 0x%lx r8 0x%lx r9 0x%lx", s->rsi, s->rdi, s->r8, s->r9);
    say("  r10 0x%lx r11 0x%lx r12 0x%lx r13 0x%lx", s->r10, s->r11, s->r12, s->r13);
    say("  r14 0x%lx r15 0x%lx fs 0x%lx gs 0x%lx", s->r14, s->r15, s->fs_base, s->gs_base);
    trace_say(p);
}

/* All that it has said comes before what is said of its end; but it may be saying more. */
static void text_drain(struct program *p)
{
    for (unsigned i = 0; i < TEXT_RECORDS && text_print(p); i++) {
    }
}

static void faulted(struct program *p)
{
    text_drain(p);
    fault_tell(p);
    stopped_release(p);
    program_stop(p);
    again(p, true, p->conf->failure);
}

static void exited(struct program *p, uint32_t status)
{
    text_drain(p);
    say("%s has ended with status %u", p->conf->name.text, status);
    program_stop(p);
    if (p->conf->ends == CONF_ENDS_YES)
        end_run(status);
    again(p, status || p->conf->restart == CONF_RESTART_ALWAYS, status);
}

static void silent(struct program *p)
{
    text_drain(p);
    say("%s has not called for %u ms: it is stopped", p->conf->name.text, 2 * p->conf->heartbeat);
    program_stop(p);
    again(p, true, p->conf->failure);
}

static void hear(struct program *p)
{
    uint32_t told = told_take(&p->told);

    if (p->state != PROGRAM_RUNNING)
        return;
    if (told & TOLD_ALIVE && p->due)
        p->due = tsc_read() + 2ull * p->conf->heartbeat * root.millisecond;
    if (told & TOLD_FAULT)
        faulted(p);
    else if (told & TOLD_EXIT)
        exited(p, told_status(told));
    else if (told & TOLD_TEXT && text_print(p))
        program_tell_text(p); /* there may be more */
}

static void due(struct program *p)
{
    if (p->state == PROGRAM_RUNNING)
        silent(p);
    else if (p->state == PROGRAM_WAITING)
        start(p);
}

void supervise_start(struct program *p)
{
    if (p->state == PROGRAM_RUNNING) {
        say("%s runs", p->conf->name.text);
        return;
    }
    p->failures = 0;
    p->due = 0;
    start(p);
}

void supervise_stop(struct program *p)
{
    if (p->state == PROGRAM_RUNNING) {
        text_drain(p);
        program_stop(p);
    }
    p->state = PROGRAM_STOPPED;
    p->due = 0;
    say("%s is stopped", p->conf->name.text);
}

void supervise_restart(struct program *p)
{
    supervise_stop(p);
    p->restarts++;
    supervise_start(p);
}

/* Until when nothing has to be done unless somebody says so; 0: for ever. */
static uint64_t next_due(void)
{
    uint64_t next = 0;

    for (uint32_t i = 0; i < root.conf.programs; i++) {
        uint64_t at = root.program[i].due;
        if (at && (!next || at < next))
            next = at;
    }
    return next;
}

/* A run in which nothing runs any more, or will, is over. */
static void end_if_idle(void)
{
    bool failed = false;

    for (uint32_t i = 0; i < root.conf.programs; i++) {
        enum program_state state = root.program[i].state;
        if (state == PROGRAM_RUNNING || state == PROGRAM_WAITING)
            return;
        failed = failed || state == PROGRAM_FAILED;
    }
    say("no program runs any more");
    end_run(failed ? CONF_FAILURE : 0);
}

void supervise(void)
{
    for (uint32_t i = 0; i < root.conf.programs; i++)
        root.program[i].state = PROGRAM_WAITING; /* none has ended because it was not started yet */
    for (uint32_t i = 0; i < root.conf.programs; i++)
        start(&root.program[i]);
    for (;;) {
        talk_pump();
        end_if_idle();
        (void)semaphore_down(ROOT_EVENTS, DOWN_ZERO, next_due());
        for (uint32_t i = 0; i < root.conf.programs; i++) {
            struct program *p = &root.program[i];
            hear(p);
            if (p->due && tsc_read() >= p->due)
                due(p);
        }
    }
}
