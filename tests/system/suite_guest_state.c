/*
 * All of a VCPU's state, by groups: what is written comes back, by calls and by replies, and other
 * groups stay as they are, in the VCPU and in the page.
 */
#include "guest_fields.h"
#include "monitor.h"
#include "suites.h"

#define GROUPS  22u
#define RANDOM  60u /* masks with any bits */
#define MASKS   (2 * GROUPS + RANDOM + 2)
#define RUNNING (STATE_ALL & ~FIELDS_AT_REST)

static unsigned wrong;

/* Each group alone, all but each, any, all, none. */
static uint32_t mask(unsigned i)
{
    if (i < GROUPS) {
        return 1u << i;
    }
    if (i < 2 * GROUPS) {
        return STATE_ALL & ~(1u << (i - GROUPS));
    }
    if (i < 2 * GROUPS + RANDOM) {
        return (i * 2654435761u >> 7) & STATE_ALL;
    }
    return i & 1 ? STATE_ALL : 0;
}

/* The fields of those groups get their first or second value, the others junk. */
static void page_fill(volatile struct vcpu_state *page, uint32_t groups, unsigned which)
{
    for (unsigned i = 0; i < guest_fields_count; i++) {
        const struct field *f = &guest_fields[i];

        field_put(page, f, f->group & groups ? f->value[which] : FIELD_JUNK);
    }
}

static void expect(volatile struct vcpu_state *page, const struct field *f, uint64_t value,
                   uint32_t groups, const char *when)
{
    uint64_t got = field_get(page, f);

    if ((got ^ field_cut(f, value)) & ~f->any) {
        if (wrong < 20) {
            tap_comment();
            print("%s %s, groups %#x: got %#lx, expected %#lx\n", f->name, when, groups, got,
                  field_cut(f, value));
        }
        wrong++;
    }
}

/* What the page has after a read of groups, but for some; `second` have their second value. */
static void page_expect(volatile struct vcpu_state *page, uint32_t read, uint32_t second,
                        uint32_t but, const char *when)
{
    for (unsigned i = 0; i < guest_fields_count; i++) {
        const struct field *f = &guest_fields[i];
        uint64_t value = f->value[f->group & second ? 1 : 0];

        if (!(f->group & but)) {
            expect(page, f, f->group & read ? value : FIELD_JUNK, second, when);
        }
    }
}

static void call(enum status status, const char *what)
{
    if (status != STATUS_SUCCESS) {
        tap_comment();
        print("%s: status %u\n", what, (unsigned)status);
        wrong++;
    }
}

static void write_groups(struct monitor_vcpu *v, uint32_t groups, unsigned which)
{
    page_fill(v->page, groups, which);
    call(vcpu_write(monitor_vcpu(v), groups), "VCPU_WRITE");
}

static void read_groups(struct monitor_vcpu *v, uint32_t groups)
{
    page_fill(v->page, 0, 0);
    call(vcpu_read(monitor_vcpu(v), groups), "VCPU_READ");
}

/* One that has not begun. */
static void check_calls(struct monitor *m)
{
    struct monitor_vcpu *v = &m->vcpus[0];

    wrong = 0;
    bool open = monitor_add(m, 0, 0, 0);
    for (unsigned i = 0; open && i < MASKS; i++) {
        write_groups(v, STATE_ALL, 0);
        write_groups(v, mask(i), 1);
        read_groups(v, STATE_ALL);
        page_expect(v->page, STATE_ALL, mask(i), 0, "after VCPU_WRITE");
        read_groups(v, mask(i));
        page_expect(v->page, mask(i), mask(i), 0, "after VCPU_READ");
    }
    (void)object_destroy(monitor_vcpu(v));
    (void)actor_end(monitor_actor(v));
    tap_equal(open ? wrong : 1, 0, "what is written is read, group by group, and nothing else");
}

/* Three exits for each mask: all of the first values, some of the second, and what came of it. */
static uint64_t reply(struct monitor_vcpu *v, const struct monitor_exit *e)
{
    uint64_t round = (v->exits - 1) / 2;
    uint32_t groups = round < MASKS ? mask((unsigned)round) & RUNNING : 0;

    if (e->reason == EXIT_STARTUP) {
        page_fill(v->page, STATE_ALL, 0);
        return STATE_ALL & ~STATE_INJECTION;
    }
    if (e->reason != EXIT_IO) {
        wrong++;
        return monitor_stop(v);
    }
    if (v->exits % 2 == 0) { /* the guest has all the first values */
        read_groups(v, STATE_ALL);
        page_expect(v->page, STATE_ALL, 0, STATE_INJECTION, "after a reply with all");
        page_fill(v->page, groups, 1);
        return groups;
    }
    groups = mask((unsigned)round - 1) & RUNNING;
    read_groups(v, STATE_ALL);
    page_expect(v->page, STATE_ALL, groups, STATE_INJECTION, "after a reply");
    if (round >= MASKS) {
        return monitor_stop(v);
    }
    page_fill(v->page, STATE_ALL, 0);
    return RUNNING;
}

static void check_replies(struct monitor *m)
{
    wrong = 0;
    bool good = monitor_run(m, &tiny_again, 0, reply);
    tap_equal(good ? wrong : 1, 0, "what a reply changes the guest has, and nothing else changes");
    tap_equal(m->vcpus[0].exits, 2ull * MASKS + 1, "with an exit for each reply");
}

static uint32_t bound;

/* Exits come with a group: the page has that one, and of others what the monitor left there. */
static uint64_t look(struct monitor_vcpu *v, const struct monitor_exit *e)
{
    if (e->reason == EXIT_STARTUP) {
        page_fill(v->page, STATE_ALL, 0);
        return STATE_ALL & ~STATE_INJECTION;
    }
    if (v->exits == 2) {
        page_fill(v->page, 0, 0);
        return 0;
    }
    page_expect(v->page, bound | STATE_RIP | STATE_RFLAGS | STATE_RSP, 0, STATE_INJECTION,
                "at an exit");
    return monitor_stop(v);
}

static void check_exits(struct monitor *m)
{
    bool good = true;

    wrong = 0;
    for (unsigned i = 0; good && i < MASKS; i++) {
        bound = mask(i);
        good = monitor_run(m, &tiny_again, bound, look);
    }
    tap_equal(good ? wrong : 1, 0, "an exit comes with its groups and no others");
}

static void check_errors(struct monitor *m)
{
    struct monitor_vcpu *v = &m->vcpus[0];

    if (!tap_ok(monitor_add(m, 0, 0, 0), "a VCPU")) {
        return;
    }
    tap_equal(vcpu_read(monitor_vcpu(v), STATE_ALL + 1), STATUS_BAD_PARAMETER, "no such group");
    tap_equal(vcpu_write(monitor_vcpu(v), 1u << 31), STATUS_BAD_PARAMETER, "nor to be written");
    (void)object_destroy(monitor_vcpu(v));
    (void)actor_end(monitor_actor(v));
}

void suite_guest_state(const struct machine *m)
{
    if (!monitor_possible(m)) {
        return;
    }
    uint64_t before = world_free();

    if (monitor_open(0, TINY_BYTES)) {
        check_calls(&monitors[0]);
        check_replies(&monitors[0]);
        check_exits(&monitors[0]);
        check_errors(&monitors[0]);
    }
    monitor_close(&monitors[0]);
    world_balance(before);
}
