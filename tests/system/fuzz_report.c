/* What came back from the fuzzers' calls, against the list of documented errors (fuzz_stage.h). */
#include "fuzz_stage.h"

#define CALLS_FULL 1000000u /* so many reach what is documented */
#define PERCENT    95u

static const char *const names[FUZZ_CALLS] = {
    [SYSCALL_CALL] = "CALL",         [SYSCALL_REPLY] = "REPLY",     [SYSCALL_UP] = "UP",
    [SYSCALL_DOWN] = "DOWN",         [SYSCALL_CREATE] = "CREATE",   [SYSCALL_DELEGATE] = "DELEGATE",
    [SYSCALL_REVOKE] = "REVOKE",     [SYSCALL_DESTROY] = "DESTROY", [SYSCALL_LOOKUP] = "LOOKUP",
    [SYSCALL_MAP] = "MAP",           [SYSCALL_UNMAP] = "UNMAP",     [SYSCALL_DEPOSIT] = "DEPOSIT",
    [SYSCALL_WITHDRAW] = "WITHDRAW", [SYSCALL_CONTROL] = "CONTROL", [SYSCALL_COUNT] = "none",
};

static const struct pair {
    uint32_t call, status;
} errors[] = {
#define ERROR(call, kind, status, when) {SYSCALL_##call, STATUS_##status},
#include "errors.list"
#undef ERROR
};

bool fuzz_documented(uint64_t call, uint64_t status)
{
    bool found = status == STATUS_SUCCESS && call < SYSCALL_COUNT;

    for (unsigned i = 0; !found && i < sizeof(errors) / sizeof(errors[0]); i++) {
        found = errors[i].call == call && errors[i].status == status;
    }
    return found;
}

static uint64_t counted(unsigned mode, unsigned call, unsigned status)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < fuzz_threads; i++) {
        sum += fuzzers[i].count[mode][call][status];
    }
    return sum;
}

/* Calls whose status is not documented: how many, and the first one of each thread. */
static uint64_t odd_report(void)
{
    uint64_t odd = 0;

    for (unsigned i = 0; i < fuzz_threads; i++) {
        const struct fuzzer *f = &fuzzers[i];
        odd += f->odd_count;
        if (f->odd_count) {
            tap_comment();
            print("fuzz: status %lu of rax %#lx rdi %#lx rsi %#lx rdx %#lx r8 %#lx r9 %#lx "
                  "r10 %#lx\n",
                  f->odd_status, f->odd.rax, f->odd.rdi, f->odd.rsi, f->odd.rdx, f->odd.r8,
                  f->odd.r9, f->odd.r10);
        }
    }
    return odd;
}

static void pair_print(unsigned call, unsigned status)
{
    uint64_t grammar = counted(FUZZ_GRAMMAR, call, status);

    tap_comment();
    print("fuzz: %s %u: %lu and %lu%s\n", names[call], status, grammar,
          counted(FUZZ_RANDOM, call, status), grammar ? "" : ", not reached");
}

/* Documented, and possible here: only with two CPUs can something be on another one. */
static bool is_expected(unsigned call, unsigned status)
{
    return fuzz_documented(call, status) && (fuzz_cpus > 1 || status != STATUS_WRONG_CPU);
}

void fuzz_report(uint64_t calls)
{
    uint64_t expected = 0, reached = 0;

    for (unsigned call = 0; call < FUZZ_CALLS; call++) {
        for (unsigned status = 0; status < FUZZ_STATUSES; status++) {
            if (is_expected(call, status)) {
                pair_print(call, status);
                expected++;
                reached += counted(FUZZ_GRAMMAR, call, status) > 0;
            }
        }
    }
    tap_comment();
    print("fuzz: grammar reached %lu of %lu documented pairs of call and status, %lu %%\n", reached,
          expected, reached * 100 / expected);
    tap_equal(odd_report(), 0, "every status that came back is documented");
    /* With several CPUs it depends on the host what meets what; there the calls are fewer, too. */
    if (fuzz_cpus == 1 && calls >= CALLS_FULL) {
        tap_ok(reached * 100 >= expected * PERCENT, "95 % of the documented pairs are reached");
    }
}
