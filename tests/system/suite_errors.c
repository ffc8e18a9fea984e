/*
 * Each documented error, provoked. The plan is ipc/abi/errors.list: a row without a case in
 * errors_cases.c fails, and a case without a row does not compile. A call that fails changes
 * nothing that can be seen: no pool's balance, no selector.
 */
#include "errors.h"
#include "suites.h"

struct row {
    const char *name;
    uint32_t call, status;
};

static const struct row rows[ERROR_ROWS] = {
#define ERROR(call, kind, status, when) \
    {#call " " #kind " " #status ": " when, SYSCALL_##call, STATUS_##status},
#include "errors.list"
#undef ERROR
};

/* What no refused call may change. */
struct balance {
    uint64_t free[5];
};

static struct balance balance(void)
{
    static const uint32_t pools[] = {SELECTOR_POOL, E_EMPTY_POOL, E_FUNDED, E_POOR, E_SPLIT};
    struct balance b;

    for (unsigned i = 0; i < sizeof(pools) / sizeof(pools[0]); i++) {
        b.free[i] = pool_free(pools[i]).value;
    }
    return b;
}

static bool balance_is(const struct balance *before)
{
    struct balance now = balance();
    bool same = capability_lookup(E_NONE).status == STATUS_BAD_CAPABILITY;

    for (unsigned i = 0; i < sizeof(now.free) / sizeof(now.free[0]); i++) {
        same = same && now.free[i] == before->free[i];
    }
    return same;
}

static bool expect(bool ok, const char *what, uint64_t value)
{
    if (!ok) {
        tap_comment();
        print("%s: %lu\n", what, value);
    }
    return ok;
}

/* The call itself, between two looks at what it must not change. */
static bool refused(const struct row *row, const struct error_case *c)
{
    struct system_registers r = c->r;
    struct lookup first = capability_lookup((uint32_t)r.rdi), then;
    struct balance before = balance();

    r.rax |= row->call;
    enum status status = stage_call(r);
    then = capability_lookup((uint32_t)r.rdi);
    return expect(status == row->status, "status", status) &&
           expect(balance_is(&before), "something changed, status", status) &&
           expect(first.status == then.status && first.rights == then.rights, "rights now",
                  then.rights);
}

static bool provoked(const struct row *row, const struct error_case *c)
{
    bool open = (!c->deep || deep_open(c->deep)) && (!c->open || c->open());
    bool ok = expect(open, "it cannot be set up for", row->call);

    if (ok && c->provoke) {
        enum status status = c->provoke();
        ok = expect(status == row->status, "status", status);
    } else if (ok) {
        ok = refused(row, c);
    }
    if (c->deep) {
        deep_close();
    }
    if (c->close) {
        c->close();
    }
    return ok;
}

static void check(const struct row *row, const struct error_case *c)
{
    struct balance before = balance();

    if (!c->r.rdi && !c->r.rax && !c->provoke) {
        tap_comment();
        print("there is no case\n");
        tap_ok(false, row->name);
    } else if (c->two_cpus && world.machine->info->cpus.count < 2) {
        tap_skip(row->name, "needs two CPUs");
    } else if (c->guest && world.machine->info->guest.kind == GUEST_NONE) {
        tap_skip(row->name, "needs a machine with guests");
    } else {
        bool ok = provoked(row, c);
        tap_ok(expect(balance_is(&before), "not as before, frames", world_free()) && ok, row->name);
    }
}

void suite_errors(const struct machine *m)
{
    if (!world_open(m)) {
        return;
    }
    uint64_t before = world_free();
    if (stage_open(m)) {
        for (unsigned i = 0; i < ERROR_ROWS; i++) {
            check(&rows[i], &error_cases[i]);
        }
    }
    stage_close();
    world_balance(before);
}
