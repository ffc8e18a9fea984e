/* What fuzzers must not do, and what they do instead. */
#include "fuzz.h"

#define WAIT   100000u /* ticks that a thread waits at most, mostly */
#define SPACE  0x00007ffffffff000ull
#define LOWEST 31u /* fuzzed time is less urgent than the fuzzers */

/* Most waits end soon, some have ended before; a few never end and are cut off from outside. */
static uint64_t deadline_tame(struct fuzzer *f, uint64_t deadline)
{
    uint64_t now = tsc_read();

    if (fuzz_chance(f, 16384)) {
        return 0;
    }
    return deadline && deadline < now + WAIT ? deadline : now + fuzz_random(f, WAIT);
}

/* A reply needs a caller: the handler does it. */
static void reply_tame(struct fuzzer *f, struct system_registers *r)
{
    *r = (struct system_registers){.rax = SYSCALL_CALL | 2 << MESSAGE_SHIFT,
                                   .rdi = F_CALLED + f->cpu,
                                   .rsi = r->rax,
                                   .r10 = tsc_read() + 4ull * WAIT};
}

/* A selector that CREATE or DELEGATE would fill is in the range for that, or it is in use. */
static uint64_t destination_tame(uint64_t selector, uint64_t base, uint64_t limit)
{
    if (selector >= SELECTORS || (selector >= base && selector < limit)) {
        return selector;
    }
    return selector < F_END ? F_PD : base + selector % (limit - base);
}

static void ec_tame(struct fuzzer *f, struct system_registers *r)
{
    if (r->rdx >= F_MADE && r->rdx < F_LAST) {
        r->rdx = F_PD; /* in another domain there is nothing to run */
    }
    if (r->r8 < SPACE && r->r8 != (uint64_t)fuzz_kill) {
        r->r8 = fuzz_chance(f, 4) ? (uint64_t)fuzz_stuck : (uint64_t)fuzz_echo;
    }
}

static void create_tame(struct fuzzer *f, struct system_registers *r)
{
    uint64_t type = r->rdi & 0xff;

    r->rdi = type | destination_tame(r->rdi >> 8, F_MADE, F_COPIES) << 8;
    if (type == OBJECT_EC) {
        ec_tame(f, r);
    } else if (type == OBJECT_MEM && r->rdx == F_MAP) {
        r->rdx = F_MEM;
    } else if (type == OBJECT_SC && (r->r8 & 0xff) < 128) {
        r->r8 = (r->r8 & ~0xffull) | (r->r8 & LOWEST);
    }
}

/* Should it be EC_SET: the context goes on at code that is there, or at an address that is not. */
static void state_tame(struct fuzzer *f)
{
    static const uint64_t rips[] = {0, 1ull << 63, SPACE - 1};
    struct utcb_state *state = (struct utcb_state *)f->utcb;

    state->rip = fuzz_chance(f, 16) ? rips[fuzz_random(f, 3)] : (uint64_t)fuzz_echo;
}

void fuzz_tame(struct fuzzer *f, struct system_registers *r)
{
    uint64_t number = (r->rax & 0xff) <= SYSCALL_REPLY ? r->rax & 0xff : r->rax;

    switch (number) {
    case SYSCALL_CALL:
        r->r10 = deadline_tame(f, r->r10);
        break;
    case SYSCALL_REPLY:
        reply_tame(f, r);
        break;
    case SYSCALL_DOWN:
        r->rdx = deadline_tame(f, r->rdx);
        break;
    case SYSCALL_CREATE:
        create_tame(f, r);
        break;
    case SYSCALL_DELEGATE:
        r->rsi = destination_tame(r->rsi, F_COPIES, F_LAST);
        break;
    case SYSCALL_REVOKE: /* an object that nobody names any more would be lost to its pool */
        r->rsi &= r->rdi < F_COPIES ? ~(uint64_t)REVOKE_SELF : UINT64_MAX;
        break;
    case SYSCALL_UNMAP: /* not the program, nor its UTCBs */
        r->rsi |= r->rsi < FUZZ_ADDRESS ? FUZZ_ADDRESS : 0;
        break;
    case SYSCALL_DEPOSIT: /* what is revoked while it is deposited never comes back */
        if (r->rsi == F_MEM || r->rsi == F_MAP || r->rsi == F_DEEP ||
            (r->rsi >= F_MADE && r->rsi < F_LAST)) {
            r->rsi = F_LEND + fuzz_random(f, fuzz_threads);
        }
        break;
    case SYSCALL_CONTROL:
        state_tame(f);
        break;
    default:
        break;
    }
}
