/* The fuzzers' threads: they call, count, and clean up when they are told to. */
#include "fuzz.h"

struct fuzzer fuzzers[FUZZ_THREADS];
unsigned fuzz_threads;
volatile enum fuzz_order fuzz_order;
uint8_t fuzz_kinds[F_LAST];

/* xorshift64*; limit is small against 2^64. */
uint64_t fuzz_random(struct fuzzer *f, uint64_t limit)
{
    f->random ^= f->random >> 12;
    f->random ^= f->random << 25;
    f->random ^= f->random >> 27;
    return (f->random * 0x2545f4914f6cdd1dull >> 16) % limit;
}

/* f->last is the call, unless the handler behind F_CALLED made it. */
static void count(struct fuzzer *f, enum fuzz_mode mode, uint64_t number, uint64_t status)
{
    uint64_t call = (number & 0xff) <= SYSCALL_REPLY ? number & 0xff : number;

    if (call >= SYSCALL_COUNT) {
        call = SYSCALL_COUNT;
    }
    if (call <= SYSCALL_REPLY) {
        status &= MESSAGE_STATUS;
    }
    if (status < FUZZ_STATUSES && f->count[mode][call][status]++) {
        return; /* looked at when it came first */
    }
    if (!fuzz_documented(call, status) && !f->odd_count++) {
        f->odd = f->last;
        f->odd.rax = number;
        f->odd_status = status;
    }
}

/* What a selector is now, as far as one thread can say. */
static void note(const struct system_registers *in, uint64_t status)
{
    if (status != STATUS_SUCCESS) {
        return;
    }
    if (in->rax == SYSCALL_CREATE) {
        fuzz_kinds[in->rdi >> 8] = (uint8_t)in->rdi;
    } else if (in->rax == SYSCALL_DELEGATE && in->rsi < F_LAST && in->rdx < F_LAST) {
        fuzz_kinds[in->rsi] = fuzz_kinds[in->rdx];
    } else if (in->rax == SYSCALL_DESTROY && in->rdi < F_LAST) {
        fuzz_kinds[in->rdi] = OBJECT_NONE;
    }
}

enum status fuzz_call(struct fuzzer *f, enum fuzz_mode mode, struct system_registers r)
{
    struct system_registers in = r;

    f->last = in;
    f->beat++;
    system_switching(&r);
    f->done++;
    count(f, mode, in.rax, r.rax);
    note(&in, r.rax);
    return (enum status)(r.rax & MESSAGE_STATUS);
}

static struct system_registers registers_destroy(uint32_t selector)
{
    return (struct system_registers){.rax = SYSCALL_DESTROY, .rdi = selector};
}

static bool succeeds(struct system_registers r)
{
    system_switching(&r);
    return r.rax == STATUS_SUCCESS;
}

/* Destroys what it can; returns how much that was. */
static uint64_t clean(struct fuzzer *f)
{
    uint64_t done = 0;

    for (uint32_t s = F_COPIES; s < F_LAST; s++, f->beat++) {
        done += capability_revoke(s, REVOKE_SELF) == STATUS_SUCCESS;
    }
    for (uint32_t s = F_MADE; s < F_COPIES; s++, f->beat++) {
        struct lookup l = capability_lookup(s);
        for (unsigned i = 0; l.type == OBJECT_POOL && i < fuzz_threads; i++) {
            done += pool_withdraw(s, F_LEND + i) == STATUS_SUCCESS;
        }
        done += l.status == STATUS_SUCCESS && succeeds(registers_destroy(s));
    }
    for (unsigned i = 0; i < fuzz_threads; i++) {
        done += pool_withdraw(F_POOL, F_LEND + i) == STATUS_SUCCESS;
        done += pool_withdraw(F_POOR_POOL, F_LEND + i) == STATUS_SUCCESS;
    }
    return done;
}

static void step(struct fuzzer *f)
{
    enum fuzz_mode mode = fuzz_chance(f, 2) ? FUZZ_GRAMMAR : FUZZ_RANDOM;
    struct system_registers r;

    if (mode == FUZZ_GRAMMAR && fuzz_chance(f, 64)) {
        fuzz_plot(f);
        return;
    }
    r = mode == FUZZ_GRAMMAR ? fuzz_grammar(f) : fuzz_nonsense(f);
    fuzz_tame(f, &r);
    (void)fuzz_call(f, mode, r);
}

void fuzz_run(struct thread *self, void *argument)
{
    struct fuzzer *f = argument;

    f->utcb = self->utcb;
    while (fuzz_order != FUZZ_END) {
        if (fuzz_order == FUZZ_RUN && f->done < f->limit) {
            step(f);
        } else if (fuzz_order == FUZZ_CLEAN && f->cleaned == UINT64_MAX) {
            f->cleaned = clean(f);
        } else {
            f->beat++;
            (void)semaphore_down(F_NEVER, 0, tsc_read() + 100000);
        }
    }
}

void fuzz_called(struct handler *self, struct message *message)
{
    struct fuzzer *f = self->argument;

    for (;;) {
        if (message->length > 1 && message->word[1]) {
            struct message inner = message_make(self->utcb);
            enum status status =
                portal_call((uint32_t)message->word[1], &inner, tsc_read() + 50000);
            count(f, FUZZ_GRAMMAR, SYSCALL_CALL, status);
        }
        struct system_registers r = {.rax = (message->word[0] & ~0xffull) | SYSCALL_REPLY};
        system_switching(&r);
        count(f, FUZZ_GRAMMAR, SYSCALL_REPLY, r.rax);
        if ((r.rax & MESSAGE_STATUS) != STATUS_SUCCESS) {
            message->length = 0;
            return;
        }
        message->length = r.rax >> MESSAGE_SHIFT;
        message->word[0] = r.rsi;
        message->word[1] = r.rdx;
    }
}
