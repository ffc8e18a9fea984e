/*
 * SYSCALL from hostile hands: every number and argument that is not a valid call, and every state
 * of registers, flags and stack pointer, returns an error and leaves the caller as it was.
 */
#include "print.h"
#include "suites.h"
#include "sys.h"
#include "tap.h"

enum {
    RAX,
    RCX,
    RSP = 4,
    RSI = 6,
    RDI = 7,
    R11 = 11,
};

#define FLAGS_FIXED 0x2
#define FLAGS_KEPT  0x244cd5 /* ID, AC, NT, OF, DF and the arithmetic flags */
#define KERNEL_HALF (1ull << 63)
#define BAD_NUMBER  0xdead

static void registers_fill(struct sys_registers *r, uint64_t number, uint64_t flags)
{
    for (unsigned i = 0; i < 16; i++) {
        r->general[i] = 0x1111111111111111ull * i ^ 0x5a5a;
    }
    r->general[RAX] = number;
    r->flags = flags;
    r->selectors = 0;
}

static void check_numbers(void)
{
    static const uint64_t numbers[] = {
        0,
        2,
        3,
        0x7f,
        0x80,
        0xff,
        0x100,
        0x101,
        0xffff,
        0x10001,
        0x7fffffff,
        0x80000000,
        0x80000001,
        0xffffffff,
        0x100000000,
        0x100000001, /* SYSCALL_POWER_OFF for who looks at 32 bits only */
        0x7fffffffffffffff,
        0x8000000000000001,
        0xffffffffffffffff,
    };
    uint64_t wrong = 0;

    for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        if (sys_call(numbers[i], 0, 0, 0) != STATUS_BAD_CALL) {
            tap_comment();
            print("number %#lx was not refused\n", numbers[i]);
            wrong++;
        }
    }
    tap_equal(wrong, 0, "numbers that are no call return BAD_CALL");
}

static void check_arguments(void)
{
    static const uint64_t statuses[] = {
        256, 257, 0x10000, 0x80000000, 0x100000000, 0x8000000000000000, 0xffffffffffffffff,
    };
    uint64_t wrong = 0;

    for (unsigned i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        if (sys_call(SYSCALL_POWER_OFF, statuses[i], 0, 0) != STATUS_BAD_PARAMETER) {
            wrong++;
        }
    }
    tap_equal(wrong, 0, "a power-off status above 255 returns BAD_PARAMETER");

    /* A kernel that looks no further ends here with status 1. */
    wrong = sys_call(SYSCALL_POWER_OFF, 1, 1, 0) != STATUS_BAD_PARAMETER;
    wrong += sys_call(SYSCALL_POWER_OFF, 1, 1ull << 63, 0) != STATUS_BAD_PARAMETER;
    wrong += sys_call(SYSCALL_POWER_OFF, 1, 0, 1) != STATUS_BAD_PARAMETER;
    wrong += sys_call(SYSCALL_POWER_OFF, 1, 0, 1ull << 63) != STATUS_BAD_PARAMETER;
    tap_equal(wrong, 0, "an unused argument that is not zero returns BAD_PARAMETER");
}

/* Runs one SYSCALL with that number, flags and stack pointer; true if all is as before. */
static bool call_preserves(uint64_t number, uint64_t flags, uint64_t stack, uint64_t status)
{
    struct sys_registers in, out;
    bool same = true;

    registers_fill(&in, number, flags);
    in.general[RSP] = stack;
    in.general[RDI] = UINT64_MAX; /* never a valid status, should the number be taken for one */
    sys_call_raw(&in, &out);
    for (unsigned i = 0; i < 16; i++) {
        if (i != RAX && i != RCX && i != R11 && in.general[i] != out.general[i]) {
            tap_comment();
            print("register %u: %#lx before, %#lx after\n", i, in.general[i], out.general[i]);
            same = false;
        }
    }
    return same && out.general[RAX] == status;
}

static void check_flags(void)
{
    static const uint64_t flags[] = {
        0x000002,          0x000003,          0x0008d7,          0x000402 /* DF */,
        0x004002 /* NT */, 0x040002 /* AC */, 0x200002 /* ID */, 0x244cd7,
    };
    struct sys_registers in, out;
    bool kept = true;

    for (unsigned i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        registers_fill(&in, BAD_NUMBER, flags[i]);
        sys_call_raw(&in, &out);
        if ((out.flags & FLAGS_KEPT) != (flags[i] & FLAGS_KEPT)) {
            tap_comment();
            print("flags %#lx before, %#lx after\n", flags[i], out.flags);
            kept = false;
        }
        kept = kept && out.general[RAX] == STATUS_BAD_CALL;
    }
    tap_ok(kept, "flags are preserved: arithmetic, DF, NT, AC, ID");
}

static void check_stacks(void)
{
    static const uint64_t stacks[] = {
        0,
        1,
        0xfff,
        0x400000,
        0x7ffffffff000,
        0x800000000000,
        0xffff800000000000,
        0xffffffff80000000,
        0xffffffffffffffff,
    };
    bool preserved = true;

    for (unsigned i = 0; i < sizeof(stacks) / sizeof(stacks[0]); i++) {
        preserved =
            call_preserves(BAD_NUMBER, FLAGS_FIXED, stacks[i], STATUS_BAD_CALL) && preserved;
    }
    tap_ok(preserved, "any stack pointer will do: null, not canonical, in the kernel's half");
}

/* Compiled code here uses no vector registers, so XMM15 keeps what is put there. */
static void check_vectors(void)
{
    const uint64_t value = 0x0123456789abcdef;
    uint64_t after;

    __asm__ volatile("movq %0, %%xmm15" : : "r"(value));
    (void)sys_call(BAD_NUMBER, 0, 0, 0);
    __asm__ volatile("movq %%xmm15, %0" : "=r"(after));
    tap_equal(after, value, "vector registers are preserved");
}

static void check_leaks(void)
{
    struct sys_registers in, out;

    registers_fill(&in, BAD_NUMBER, FLAGS_FIXED);
    sys_call_raw(&in, &out);
    tap_equal(out.general[RAX], STATUS_BAD_CALL, "the status is all of RAX");
    tap_ok(!(out.general[RCX] & KERNEL_HALF) && !(out.general[R11] & KERNEL_HALF),
           "RCX and R11 hold no kernel address");
    tap_equal(out.selectors & 0x70007, 0x30003, "CS and SS still have privilege 3");
}

void suite_syscalls(const struct machine *m)
{
    const uint64_t stack = 0x1234567812345678;

    (void)m;
    check_numbers();
    check_arguments();
    tap_ok(call_preserves(BAD_NUMBER, FLAGS_FIXED, stack, STATUS_BAD_CALL),
           "registers but RAX, RCX, R11 are preserved by a bad call");
    tap_ok(call_preserves(SYSCALL_POWER_OFF, FLAGS_FIXED, stack, STATUS_BAD_PARAMETER),
           "registers but RAX, RCX, R11 are preserved by a bad parameter");
    check_flags();
    check_stacks();
    check_vectors();
    check_leaks();
}
