/*
 * Calls that belong together: what a status needs that chance hardly brings about. Each uses
 * selectors of its own among those that CREATE fills, so other threads can interfere.
 */
#include "fuzz.h"

#define SOON        400000u            /* ticks; a killer comes earlier */
#define LESS_URGENT (PRIORITY_LOW - 8) /* than the fuzzers: runs while they wait */

/* Selectors of a plot; the next one of the same thread has others. */
struct cast {
    struct fuzzer *f;
    uint32_t first;
};

static enum status call(struct cast *c, struct system_registers r)
{
    return fuzz_call(c->f, FUZZ_GRAMMAR, r);
}

static enum status create(struct cast *c, enum object_type type, uint32_t role, uint64_t a,
                          uint64_t b, uint64_t d, uint64_t e)
{
    return call(c, (struct system_registers){.rax = SYSCALL_CREATE,
                                             .rdi = type | (uint64_t)(c->first + role) << 8,
                                             .rsi = F_POOL,
                                             .rdx = a,
                                             .r8 = b,
                                             .r9 = d,
                                             .r10 = e});
}

static enum status create_ec(struct cast *c, uint32_t role, const char *code, uint64_t rsp)
{
    uint64_t utcb = FUZZ_ADDRESS + (64 + c->first + role) * PAGE;

    return create(c, OBJECT_EC, role, F_PD, (uint64_t)code, rsp, utcb | c->f->cpu);
}

static void destroy(struct cast *c, uint32_t role)
{
    (void)call(c, (struct system_registers){.rax = SYSCALL_DESTROY, .rdi = c->first + role});
}

/* Role 6 and 7: somebody who destroys two others soon. */
static void killer_start(struct cast *c, uint32_t first, uint32_t second)
{
    uint64_t rsp = c->first + first;

    if (second != first) {
        rsp |= (uint64_t)(c->first + second) << 16;
    }
    (void)create_ec(c, 6, fuzz_kill, rsp);
    (void)create(c, OBJECT_SC, 7, (c->first + 6) | (uint64_t)(F_CPU + c->f->cpu) << 32,
                 PRIORITY_LOW + 8, 1000000, 1000000);
}

static void killer_end(struct cast *c)
{
    destroy(c, 7);
    destroy(c, 6);
}

/* A semaphore goes while somebody waits. */
static void plot_semaphore(struct cast *c)
{
    (void)create(c, OBJECT_SM, 0, 0, 0, 0, 0);
    killer_start(c, 0, 0);
    (void)call(c, (struct system_registers){
                      .rax = SYSCALL_DOWN, .rdi = c->first, .rdx = tsc_read() + SOON});
    killer_end(c);
    destroy(c, 0);
}

/* A handler goes in the middle of a call. */
static void plot_handler(struct cast *c)
{
    (void)create_ec(c, 0, fuzz_stuck, 0);
    (void)create(c, OBJECT_PT, 1, c->first, 1, 0, 0);
    killer_start(c, 1, 0);
    (void)call(c, (struct system_registers){
                      .rax = SYSCALL_CALL, .rdi = c->first + 1, .r10 = tsc_read() + SOON});
    killer_end(c);
    destroy(c, 1);
    destroy(c, 0);
}

/* A handler calls itself. */
static void plot_recursion(struct cast *c)
{
    (void)call(c, (struct system_registers){.rax = SYSCALL_CALL | 2 << MESSAGE_SHIFT,
                                            .rdi = F_CALLED + c->f->cpu,
                                            .rdx = F_CALLED + c->f->cpu,
                                            .r10 = tsc_read() + SOON});
}

/* Memory is withdrawn while an object is in it, and when it is not. */
static void plot_lend(struct cast *c)
{
    struct system_registers deposit = {
        .rax = SYSCALL_DEPOSIT, .rdi = c->first, .rsi = F_LEND + c->f->index};
    struct system_registers withdraw = deposit;

    withdraw.rax = SYSCALL_WITHDRAW;
    (void)create(c, OBJECT_POOL, 0, 0, 0, 0, 0);
    (void)call(c, deposit);
    (void)call(c, deposit);
    (void)call(c, (struct system_registers){.rax = SYSCALL_CREATE,
                                            .rdi = OBJECT_SM | (c->first + 1) << 8,
                                            .rsi = c->first});
    (void)call(c, withdraw);
    destroy(c, 1);
    (void)call(c, withdraw);
    (void)call(c, withdraw);
    destroy(c, 0);
}

/* Another CPU's contexts. On a machine with one CPU there is none. */
static void plot_elsewhere(struct cast *c)
{
    uint64_t utcb = FUZZ_ADDRESS + (64 + c->first) * PAGE;
    uint32_t other = c->f->cpu ? 0 : 1;

    (void)create(c, OBJECT_EC, 0, F_PD, (uint64_t)fuzz_echo, 0, utcb | other);
    (void)create(c, OBJECT_PT, 1, c->first, 1, 0, 0);
    (void)create(c, OBJECT_SC, 2, c->first | (uint64_t)(F_CPU + c->f->cpu) << 32, 1, 1000, 1000);
    (void)call(c, (struct system_registers){
                      .rax = SYSCALL_CALL, .rdi = c->first + 1, .r10 = tsc_read() + SOON});
    destroy(c, 1);
    destroy(c, 0);
}

/* Somebody lends memory and takes it back; this thread lends it, too. */
static void plot_rivals(struct cast *c)
{
    uint64_t memory = F_LEND + c->f->index;

    (void)create_ec(c, 0, fuzz_lend, F_POOL | memory << 16);
    (void)create(c, OBJECT_SC, 1, c->first | (uint64_t)(F_CPU + c->f->cpu) << 32, LESS_URGENT,
                 1000000, 1000000);
    for (unsigned i = 0; i < 4; i++) {
        (void)call(c, (struct system_registers){.rax = SYSCALL_DOWN,
                                                .rdi = F_NEVER,
                                                .rdx = tsc_read() + fuzz_random(c->f, SOON)});
        (void)call(c,
                   (struct system_registers){.rax = SYSCALL_DEPOSIT, .rdi = F_POOL, .rsi = memory});
    }
    destroy(c, 1);
    destroy(c, 0);
    (void)call(c, (struct system_registers){.rax = SYSCALL_WITHDRAW, .rdi = F_POOL, .rsi = memory});
}

/* What cannot be derived any further, is there already, or must not be. */
static void plot_limits(struct cast *c)
{
    struct system_registers supervise = {
        .rax = SYSCALL_CONTROL, .rdi = c->first + 1, .rsi = EC_SUPERVISOR, .rdx = F_DEEP_SM};

    (void)create(c, OBJECT_MEM, 0, F_DEEP, 0, PAGE, 0);
    (void)create_ec(c, 1, fuzz_echo, 0);
    (void)call(c, supervise);
    supervise.rdx = F_SM;
    (void)call(c, supervise);
    (void)call(c, supervise);
    (void)create(c, OBJECT_MEM, 2, F_MEM, fuzz_random(c->f, MEM_FRAMES) * PAGE, PAGE, 0);
    (void)call(c, (struct system_registers){
                      .rax = SYSCALL_DEPOSIT, .rdi = F_POOR_POOL, .rsi = c->first + 2});
    (void)call(c, (struct system_registers){.rax = SYSCALL_DESTROY, .rdi = F_ROOT});
    destroy(c, 2);
    destroy(c, 1);
}

/* A domain gets capabilities and memory, and goes with them. */
static void plot_domain(struct cast *c)
{
    (void)create(c, OBJECT_PD, 0, 0, 0, 0, 0);
    for (uint64_t i = 0; i < 8; i++) {
        (void)call(c, (struct system_registers){.rax = SYSCALL_DELEGATE,
                                                .rdi = c->first,
                                                .rsi = i * 200,
                                                .rdx = i < 4 ? F_SM : c->first,
                                                .r8 = RIGHTS_ALL});
        (void)call(c, (struct system_registers){.rax = SYSCALL_MAP,
                                                .rdi = F_MAP | (uint64_t)c->first << 32,
                                                .rsi = i << (12 + 3 * i),
                                                .r8 = 1 + i,
                                                .r9 = MEM_RIGHT_READ});
    }
    destroy(c, 0);
}

void fuzz_plot(struct fuzzer *f)
{
    static void (*const plots[])(struct cast * c) = {plot_semaphore, plot_handler,   plot_recursion,
                                                     plot_lend,      plot_elsewhere, plot_domain,
                                                     plot_rivals,    plot_limits};
    struct cast cast = {f, F_MADE + 8 * (uint32_t)fuzz_random(f, 16)};

    plots[fuzz_random(f, sizeof(plots) / sizeof(plots[0]))](&cast);
}
