/* Every reason to leave a guest, with its qualification. */
#include "guest_cases.h"
#include "suites.h"

static const struct guest_case *current;
static uint32_t kind;
static unsigned lengths_wrong;

static uint64_t answer(struct monitor_vcpu *v, const struct monitor_exit *e)
{
    if (e->reason != EXIT_STARTUP) {
        return current->answer ? current->answer(v, e) : monitor_answer(v, e);
    }
    v->page->exceptions = current->exceptions;
    v->page->intercepts = current->intercepts;
    v->page->msrs = current->msrs;
    return monitor_begin(v) | STATE_CONTROLS;
}

/* An SVM CPU without decode assists does not say which register, or which of two instructions. */
static bool says(const struct monitor_exit *e, const struct expected *x)
{
    const uint64_t unknown = EXIT_REGISTER_UNKNOWN << 16;
    uint64_t write = (x->qualification & 0xff) | unknown; /* it may be LMSW */
    bool vague = kind == GUEST_SVM;

    switch (e->reason) {
    case EXIT_CR:
        vague = vague && e->qualification == write;
        return e->qualification == x->qualification || vague;
    case EXIT_DR:
        return e->qualification == x->qualification ||
               (vague && e->qualification == (x->qualification | unknown));
    case EXIT_CACHE:
    case EXIT_TSC:
        return e->qualification == x->qualification || (vague && e->qualification == 3);
    case EXIT_GPA:
        if (x->qualification & EXIT_GPA_WALK) {
            return (e->qualification & EXIT_GPA_WALK) && !(e->qualification & EXIT_GPA_MAPPED);
        }
        break;
    default:
        break;
    }
    return e->qualification == x->qualification;
}

static bool is_as_expected(const struct monitor_exit *e, const struct expected *x)
{
    bool vague = kind == GUEST_SVM &&
                 (e->reason == EXIT_INVLPG || (e->reason == EXIT_CR && x->address)) &&
                 (e->address == 0 || e->address == UINT64_MAX);

    return e->words == 4 && e->reason == x->reason && says(e, x) &&
           (e->address == x->address || vague) && e->state.reason == e->reason &&
           e->state.qualification == e->qualification && e->state.address == e->address &&
           e->state.rip == e->rip && e->state.interrupted.info == 0;
}

/* Exits of instructions, whose length VMX tells (Intel SDM 3C, 27.2.5). */
static bool has_length(const struct monitor_exit *e)
{
    return e->reason != EXIT_STARTUP && e->reason != EXIT_GPA && e->reason != EXIT_TRIPLE_FAULT &&
           e->reason != EXIT_EXCEPTION && e->reason != EXIT_TPR && e->reason != EXIT_FAILED;
}

static void check_lengths(const struct monitor_vcpu *v, uint32_t features)
{
    for (uint64_t i = 0; i < v->exits && i < MONITOR_EXITS; i++) {
        const struct monitor_exit *e = &v->log[i];
        unsigned length = monitor_length(v->monitor, e->rip, v->mode);

        if ((features & GUEST_LENGTH) && has_length(e) && length &&
            e->state.instruction_length != length) {
            tap_comment();
            print("%s, exit %lu: length %u, should be %u\n", current->guest->name, i,
                  e->state.instruction_length, length);
            lengths_wrong++;
        }
    }
}

static bool check_exits(const struct monitor_vcpu *v)
{
    const struct expected *x = current->expected;
    uint64_t i;

    for (i = 0; x[i].reason != EXIT_STARTUP; i++) {
        if (i + 1 >= v->exits || !is_as_expected(&v->log[i + 1], &x[i])) {
            tap_comment();
            print("exit %lu should be reason %lu, qualification %#lx, address %#lx\n", i + 1,
                  x[i].reason, x[i].qualification, x[i].address);
            return false;
        }
    }
    return v->exits == i + 1;
}

static void check_case(struct monitor *m, uint32_t features)
{
    const struct monitor_vcpu *v = &m->vcpus[0];

    if ((current->kind && current->kind != kind) || (current->feature & ~features) ||
        (current->lacks & features)) {
        return;
    }
    tap_comment();
    print("guest %s%s%s\n", current->guest->name, current->what ? ", " : "",
          current->what ? current->what : "");
    bool came = monitor_run(m, current->guest, STATE_CR, answer);
    if (!tap_ok(came && check_exits(v), "its exits") && came) {
        monitor_print(v);
    }
    check_lengths(v, features);
}

void suite_guest_exits(const struct machine *m)
{
    if (!monitor_possible(m)) {
        return;
    }
    uint64_t before = world_free();
    struct monitor *monitor = &monitors[0];

    kind = m->info->guest.kind;
    lengths_wrong = 0;
    if (monitor_open_part(0, CASE_BYTES, TINY_BYTES) &&
        tap_ok(monitor_map(monitor, CASE_READ, TINY_BYTES + PAGE, MEM_RIGHT_READ) ==
                       STATUS_SUCCESS &&
                   monitor_map(monitor, CASE_WRITE, TINY_BYTES + 2 * PAGE,
                               MEM_RIGHT_READ | MEM_RIGHT_WRITE) == STATUS_SUCCESS,
               "pages with fewer rights")) {
        for (unsigned i = 0; i < guest_cases_count; i++) {
            current = &guest_cases[i];
            check_case(monitor, m->info->guest.features);
        }
        tap_equal(lengths_wrong, 0, "the lengths of instructions are right");
    }
    monitor_close(monitor);
    world_balance(before);
}
