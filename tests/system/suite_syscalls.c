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
    RBX = 3,
    RSP,
    RBP,
    RDI = 7,
    R11 = 11,
    R12,
};

#define FLAGS_FIXED 0x2
#define FLAGS_KEPT  0x244cd5 /* ID, AC, NT, OF, DF and the arithmetic flags */
#define KERNEL_HALF (1ull << 63)
#define BAD_NUMBER  0xdead
#define EMPTY       40u /* selector */

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
        SYSCALL_COUNT,
        15,
        0x7f,
        0x80,
        0xff,
        0xffff,
        0x100ff,
        0x7fffffff,
        0x80000080,
        0xffffffff,
        0x1000000ff,
        0x7fffffffffffffff,
        0x8000000000000080,
        0xffffffffffffffff,
    };
    static const uint64_t reserved[] = {1ull << 8, 1ull << 31, 1ull << 32, 1ull << 63};
    uint64_t wrong = 0;

    for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        if (sys_call(numbers[i], 0, 0, 0) != STATUS_BAD_CALL) {
            tap_comment();
            print("number %#lx was not refused\n", numbers[i]);
            wrong++;
        }
    }
    tap_equal(wrong, 0, "numbers that are no call return BAD_CALL");
    for (unsigned i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++) {
        wrong += sys_call(SYSCALL_LOOKUP | reserved[i], SELECTOR_PD, 0, 0) != STATUS_BAD_CALL;
    }
    tap_equal(wrong, 0, "all of RAX is the number of a call without a message");
    tap_equal(sys_call(SYSCALL_LOOKUP, SELECTOR_PD, 0, 0), STATUS_SUCCESS,
              "the number itself works");
}

/* A kernel that takes one of these for valid ends the run here. */
static void check_arguments(void)
{
    static const uint64_t statuses[] = {
        256, 257, 0x10000, 0x80000000, 0x100000000, 0x8000000000000000, 0xffffffffffffffff,
    };
    uint64_t wrong = 0;

    for (unsigned i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        wrong += sys_call(SYSCALL_CONTROL, SELECTOR_PLATFORM, PLATFORM_POWER_OFF, statuses[i]) !=
                 STATUS_BAD_PARAMETER;
    }
    tap_equal(wrong, 0, "a power-off status above 255 returns BAD_PARAMETER");
    wrong = sys_call(SYSCALL_CONTROL, SELECTOR_PLATFORM, 99, 1) != STATUS_BAD_PARAMETER;
    wrong += sys_call(SYSCALL_CONTROL, SELECTOR_PLATFORM, 1ull << 63, 1) != STATUS_BAD_PARAMETER;
    tap_equal(wrong, 0, "an operation that there is not returns BAD_PARAMETER");
    wrong = sys_call(SYSCALL_CONTROL, EMPTY, 0, 1) != STATUS_BAD_CAPABILITY;
    wrong +=
        sys_call(SYSCALL_CONTROL, 1ull << 32 | SELECTOR_PLATFORM, 0, 1) != STATUS_BAD_CAPABILITY;
    wrong +=
        sys_call(SYSCALL_CONTROL, 1ull << 63 | SELECTOR_PLATFORM, 0, 1) != STATUS_BAD_CAPABILITY;
    tap_equal(wrong, 0, "an empty selector and one past the table return BAD_CAPABILITY");
}

/* A register that the call does not preserve holds nothing that was not the caller's. */
static bool is_harmless(unsigned i, uint64_t before, uint64_t after)
{
    switch (i) {
    case RBX:
    case RSP:
    case RBP:
    case R12:
    case R12 + 1:
    case R12 + 2:
    case R12 + 3:
        return after == before;
    case RAX:
        return true;
    case RCX:
        return after == 0 || after == before || after == (uint64_t)sys_call_raw_return;
    case R11:
        return !(after & KERNEL_HALF);
    default:
        return after == 0 || after == before;
    }
}

/* Runs one SYSCALL with that number, flags and stack pointer. */
static bool call_preserves(uint64_t number, uint64_t flags, uint64_t stack, uint64_t status)
{
    struct sys_registers in, out;
    bool same = true;

    registers_fill(&in, number, flags);
    in.general[RSP] = stack;
    in.general[RDI] = UINT64_MAX; /* never a selector, should the number be taken for a call */
    sys_call_raw(&in, &out);
    for (unsigned i = 0; i < 16; i++) {
        if (!is_harmless(i, in.general[i], out.general[i])) {
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
    bool refused = true;

    (void)m;
    check_numbers();
    check_arguments();
    tap_ok(call_preserves(BAD_NUMBER, FLAGS_FIXED, stack, STATUS_BAD_CALL),
           "a bad call preserves registers, or leaves nothing in them");
    tap_ok(call_preserves(SYSCALL_CONTROL, FLAGS_FIXED, stack, STATUS_BAD_CAPABILITY),
           "so does a call that is refused");
    for (uint64_t n = SYSCALL_UP; n < SYSCALL_COUNT; n++) {
        if (n == SYSCALL_DOWN) {
            continue;
        }
        struct sys_registers in, out;
        registers_fill(&in, n, FLAGS_FIXED);
        sys_call_raw(&in, &out);
        if (out.general[RAX] == STATUS_SUCCESS || out.general[RAX] == STATUS_BAD_CALL) {
            tap_comment();
            print("call %lu with nonsense returned %lu\n", n, out.general[RAX]);
            refused = false;
        }
    }
    tap_ok(refused, "each call refuses nonsense");
    check_flags();
    check_stacks();
    check_vectors();
    check_leaks();
}
