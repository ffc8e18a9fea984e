/*
 * The system calls, one function each; ipc/abi/README.md says what they do, and which rights and
 * errors they have. Selectors are 32 bits wide: an index into the caller's capability table.
 *
 * Two stubs do all of it, but for semaphores, whose calls are short. Most calls preserve RBX, RBP,
 * R12 to R15 and lose the rest; those that can hand control to another execution context (CALL,
 * REPLY, DOWN) lose all but RSP, the vector registers too. The stubs push: code that has them has
 * no red zone (-mno-red-zone).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "capability.h"
#include "message.h"
#include "syscall.h"

/*
 * What such a call loses in code that has vector registers: to a compiler an asm statement is no
 * function call.
 */
#ifdef __SSE__
#define SYSTEM_LOST                                                                            \
    , "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", \
        "xmm11", "xmm12", "xmm13", "xmm14", "xmm15", "st", "st(1)", "st(2)", "st(3)", "st(4)", \
        "st(5)", "st(6)", "st(7)"
#else
#define SYSTEM_LOST
#endif

/* What a call returns: value (RDX) has a meaning for some statuses only. */
struct answer {
    enum status status;
    uint64_t value;
};

/* Arguments and results by register; RAX is the number, then the status. */
struct system_registers {
    uint64_t rax, rdi, rsi, rdx, r8, r9, r10;
};

/* A call that preserves what a function call does. */
static inline void system_plain(struct system_registers *r)
{
    register uint64_t r8 __asm__("r8");
    register uint64_t r9 __asm__("r9");
    register uint64_t r10 __asm__("r10");

    r8 = r->r8;
    r9 = r->r9;
    r10 = r->r10;
    __asm__ volatile("syscall"
                     : "+a"(r->rax), "+D"(r->rdi), "+S"(r->rsi), "+d"(r->rdx), "+r"(r8), "+r"(r9),
                       "+r"(r10)
                     :
                     : "rcx", "r11", "cc", "memory");
    r->r8 = r8;
}

/* A call after which only RSP is what it was. */
static inline void system_switching(struct system_registers *r)
{
    register uint64_t r8 __asm__("r8");
    register uint64_t r9 __asm__("r9");
    register uint64_t r10 __asm__("r10");

    r8 = r->r8;
    r9 = r->r9;
    r10 = r->r10;
    __asm__ volatile("push %%rbp; syscall; pop %%rbp"
                     : "+a"(r->rax), "+D"(r->rdi), "+S"(r->rsi), "+d"(r->rdx), "+r"(r8), "+r"(r9),
                       "+r"(r10)
                     :
                     : "rbx", "rcx", "r11", "r12", "r13", "r14", "r15", "cc", "memory" SYSTEM_LOST);
    r->r8 = r8;
    r->r9 = r9;
}

static inline struct answer system_answer(struct system_registers r)
{
    system_plain(&r);
    return (struct answer){(enum status)r.rax, r.rdx};
}

/*
 * Calls the portal with the message; on STATUS_SUCCESS the message is the reply. Its deadline is
 * absolute, in TSC ticks; 0: none. On an error the message's length is 0.
 */
__attribute__((warn_unused_result)) static inline enum status
portal_call(uint32_t portal, struct message *message, uint64_t deadline)
{
    struct system_registers r = {.rax = SYSCALL_CALL | message->length << MESSAGE_SHIFT,
                                 .rdi = portal,
                                 .rsi = message->word[0],
                                 .rdx = message->word[1],
                                 .r8 = message->word[2],
                                 .r9 = message->word[3],
                                 .r10 = deadline};

    system_switching(&r);
    message->length = r.rax >> MESSAGE_SHIFT;
    message->word[0] = r.rsi;
    message->word[1] = r.rdx;
    message->word[2] = r.r8;
    message->word[3] = r.r9;
    return (enum status)(r.rax & MESSAGE_STATUS);
}

/*
 * Replies with the message, if somebody waits for a reply, and waits for the next call, which the
 * message then is. STATUS_BAD_PARAMETER: it is too long; nobody got it.
 */
__attribute__((warn_unused_result)) static inline enum status portal_reply(struct message *message)
{
    struct system_registers r = {.rax = SYSCALL_REPLY | message->length << MESSAGE_SHIFT,
                                 .rsi = message->word[0],
                                 .rdx = message->word[1],
                                 .r8 = message->word[2],
                                 .r9 = message->word[3]};

    system_switching(&r);
    message->portal = r.rdi;
    message->length = r.rax >> MESSAGE_SHIFT;
    message->word[0] = r.rsi;
    message->word[1] = r.rdx;
    message->word[2] = r.r8;
    message->word[3] = r.r9;
    return (enum status)(r.rax & MESSAGE_STATUS);
}

static inline enum status semaphore_up(uint32_t semaphore)
{
    uint64_t rax = SYSCALL_UP, rdi = semaphore;

    __asm__ volatile("syscall"
                     : "+a"(rax), "+D"(rdi)
                     :
                     : "rcx", "rdx", "rsi", "r8", "r9", "r10", "r11", "cc", "memory");
    return (enum status)rax;
}

/* flags: DOWN_TRY, DOWN_ZERO; the deadline is absolute, in TSC ticks; 0: none. */
static inline enum status semaphore_down(uint32_t semaphore, uint32_t flags, uint64_t deadline)
{
    uint64_t rax = SYSCALL_DOWN, rdi = semaphore, rsi = flags;

    __asm__ volatile("push %%rbp; push %%rbx; syscall; pop %%rbx; pop %%rbp"
                     : "+a"(rax), "+D"(rdi), "+S"(rsi), "+d"(deadline)
                     :
                     : "rcx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "cc",
                       "memory" SYSTEM_LOST);
    return (enum status)rax;
}

/*
 * Creates an object of a type into an empty selector, paid by the pool; the arguments are the
 * type's own. On STATUS_NEEDS_FRAMES value is how many frames a pool lacks (pool.h adds them).
 */
__attribute__((warn_unused_result)) static inline struct answer
object_create(enum object_type type, uint32_t selector, uint32_t pool, uint64_t a, uint64_t b,
              uint64_t c, uint64_t d)
{
    return system_answer((struct system_registers){.rax = SYSCALL_CREATE,
                                                   .rdi = (uint64_t)type | (uint64_t)selector << 8,
                                                   .rsi = pool,
                                                   .rdx = a,
                                                   .r8 = b,
                                                   .r9 = c,
                                                   .r10 = d});
}

static inline struct answer domain_create(uint32_t selector, uint32_t pool)
{
    return object_create(OBJECT_PD, selector, pool, 0, 0, 0, 0);
}

static inline struct answer pool_create(uint32_t selector, uint32_t pool)
{
    return object_create(OBJECT_POOL, selector, pool, 0, 0, 0, 0);
}

/* A part of another MEM. type: bits 3 and 4 of a page-table entry; 0 is write-back. */
static inline struct answer memory_create(uint32_t selector, uint32_t pool, uint32_t parent,
                                          uint64_t offset, uint64_t size, uint64_t type)
{
    return object_create(OBJECT_MEM, selector, pool, parent, offset, size, type);
}

/* utcb: address of a free page in the domain. */
static inline struct answer context_create(uint32_t selector, uint32_t pool, uint32_t domain,
                                           uint64_t rip, uint64_t rsp, uint64_t utcb, uint32_t cpu)
{
    return object_create(OBJECT_EC, selector, pool, domain, rip, rsp, utcb | cpu);
}

/* A CPU capability with a part of another one's share, of CPU_SHARE_ALL, and at most its ceiling.
 */
static inline struct answer cpu_create(uint32_t selector, uint32_t pool, uint32_t parent,
                                       uint8_t ceiling, uint32_t share)
{
    return object_create(OBJECT_CPU, selector, pool, parent, ceiling, share, 0);
}

/* How an SC runs. Times in TSC ticks; a budget as large as the period is unlimited. */
struct schedule {
    uint32_t cpu; /* selector of the CPU capability */
    uint8_t priority;
    bool reserve; /* does not start its EC, only carries it on when a caller's time is lost */
    uint64_t budget, period;
};

static inline struct answer time_create(uint32_t selector, uint32_t pool, uint32_t context,
                                        const struct schedule *s)
{
    return object_create(OBJECT_SC, selector, pool, context | (uint64_t)s->cpu << 32,
                         s->priority | (s->reserve ? 1u << 8 : 0), s->budget, s->period);
}

/* id is what the handler finds in message.portal. */
static inline struct answer portal_create(uint32_t selector, uint32_t pool, uint32_t context,
                                          uint64_t id)
{
    return object_create(OBJECT_PT, selector, pool, context, id, 0, 0);
}

static inline struct answer semaphore_create(uint32_t selector, uint32_t pool, uint64_t count)
{
    return object_create(OBJECT_SM, selector, pool, count, 0, 0, 0);
}

/* A VM: a guest-physical address space. What is mapped into it, its virtual CPUs see. */
static inline struct answer vm_create(uint32_t selector, uint32_t pool)
{
    return object_create(OBJECT_VM, selector, pool, 0, 0, 0, 0);
}

/* Pages of a VM: count of them, of one size (as for memory_map), from a guest-physical address on.
 */
static inline struct answer vm_pages_control(uint32_t vm, uint64_t operation, uint64_t address,
                                             uint32_t count, uint32_t level, uint64_t argument)
{
    return system_answer((struct system_registers){.rax = SYSCALL_CONTROL,
                                                   .rdi = vm,
                                                   .rsi = operation,
                                                   .rdx = address,
                                                   .r8 = count | (uint64_t)level << 16,
                                                   .r9 = argument});
}

/* Which were written since the last time: bits of words 0 to 7 of the caller's UTCB. */
static inline enum status vm_dirty(uint32_t vm, uint64_t address, uint32_t count, uint32_t level)
{
    return vm_pages_control(vm, VM_DIRTY, address, count, level, 0).status;
}

/* They cannot be written any more, or as they were mapped. */
static inline enum status vm_protect(uint32_t vm, uint64_t address, uint32_t count, uint32_t level,
                                     bool protect)
{
    return vm_pages_control(vm, VM_PROTECT, address, count, level, protect).status;
}

/* A virtual CPU of a VM on a CPU. It has time by time_create, as a context has. */
static inline struct answer vcpu_create(uint32_t selector, uint32_t pool, uint32_t vm, uint32_t cpu)
{
    return object_create(OBJECT_VCPU, selector, pool, vm, cpu, 0, 0);
}

/* Copies a capability of the caller to a domain's table with the rights that are in mask too. */
static inline struct answer capability_delegate(uint32_t domain, uint32_t there, uint32_t selector,
                                                uint32_t mask)
{
    return system_answer((struct system_registers){
        .rax = SYSCALL_DELEGATE, .rdi = domain, .rsi = there, .rdx = selector, .r8 = mask});
}

/* Takes back everything derived from a capability; with REVOKE_SELF that one too. */
static inline enum status capability_revoke(uint32_t selector, uint32_t flags)
{
    return system_answer(
               (struct system_registers){.rax = SYSCALL_REVOKE, .rdi = selector, .rsi = flags})
        .status;
}

static inline enum status object_destroy(uint32_t selector)
{
    return system_answer((struct system_registers){.rax = SYSCALL_DESTROY, .rdi = selector}).status;
}

struct lookup {
    enum status status;
    enum object_type type; /* OBJECT_NONE unless status is STATUS_SUCCESS */
    uint32_t rights;
};

static inline struct lookup capability_lookup(uint32_t selector)
{
    struct answer a =
        system_answer((struct system_registers){.rax = SYSCALL_LOOKUP, .rdi = selector});

    if (a.status != STATUS_SUCCESS)
        return (struct lookup){a.status, OBJECT_NONE, 0};
    return (struct lookup){a.status, (enum object_type)(a.value & 0xffff),
                           (uint32_t)(a.value >> 16)};
}

/* Pages of one size: level 0 is 4 KiB, 1 is 2 MiB, 2 is 1 GiB; at most 512 of them. */
struct map {
    uint64_t address; /* in the domain */
    uint64_t offset;  /* in the MEM */
    uint32_t count, level;
    uint32_t rights; /* of MEM_RIGHT_READ, MEM_RIGHT_WRITE, MEM_RIGHT_EXECUTE */
};

static inline struct answer memory_map(uint32_t memory, uint32_t domain, const struct map *map)
{
    return system_answer((struct system_registers){.rax = SYSCALL_MAP,
                                                   .rdi = memory | (uint64_t)domain << 32,
                                                   .rsi = map->address,
                                                   .rdx = map->offset,
                                                   .r8 = map->count | (uint64_t)map->level << 16,
                                                   .r9 = map->rights});
}

/* Undoes the memory_map call that made the mapping at address. */
static inline enum status memory_unmap(uint32_t domain, uint64_t address)
{
    return system_answer(
               (struct system_registers){.rax = SYSCALL_UNMAP, .rdi = domain, .rsi = address})
        .status;
}

static inline enum status pool_deposit(uint32_t pool, uint32_t memory)
{
    return system_answer(
               (struct system_registers){.rax = SYSCALL_DEPOSIT, .rdi = pool, .rsi = memory})
        .status;
}

static inline enum status pool_withdraw(uint32_t pool, uint32_t memory)
{
    return system_answer(
               (struct system_registers){.rax = SYSCALL_WITHDRAW, .rdi = pool, .rsi = memory})
        .status;
}

/* An operation of the object's type (enum control_... in ipc/abi/syscall.h). */
static inline struct answer object_control(uint32_t selector, uint64_t operation, uint64_t argument)
{
    return system_answer((struct system_registers){
        .rax = SYSCALL_CONTROL, .rdi = selector, .rsi = operation, .rdx = argument});
}

/* value: frames of the pool that are free. */
static inline struct answer pool_free(uint32_t pool)
{
    return object_control(pool, POOL_INFO, 0);
}

/* Exception n of the execution context calls the portal that its domain has at events + n. */
static inline enum status context_set_events(uint32_t context, uint32_t events)
{
    return object_control(context, EC_EVENTS, events).status;
}

/* The semaphore is upped whenever the context stops because its exception had no portal. */
static inline enum status context_supervise(uint32_t context, uint32_t semaphore)
{
    return object_control(context, EC_SUPERVISOR, semaphore).status;
}

/* The context raises VECTOR_RECALL when it would next run in user mode. */
static inline enum status context_recall(uint32_t context)
{
    return object_control(context, EC_RECALL, 0).status;
}

/* A context that has stopped goes on. */
static inline enum status context_resume(uint32_t context)
{
    return object_control(context, EC_RESUME, 0).status;
}

/* Its registers to the caller's UTCB, as a struct utcb_state, and from there. */
static inline enum status context_read(uint32_t context)
{
    return object_control(context, EC_READ, 0).status;
}

static inline enum status context_set(uint32_t context)
{
    return object_control(context, EC_SET, 0).status;
}

/* Exits of a reason (enum vcpu_exit) call the portal, and come with groups of the state. */
static inline struct answer vcpu_bind(uint32_t vcpu, uint32_t reason, uint32_t portal,
                                      uint32_t groups)
{
    return system_answer((struct system_registers){.rax = SYSCALL_CONTROL,
                                                   .rdi = vcpu,
                                                   .rsi = VCPU_BIND,
                                                   .rdx = reason,
                                                   .r8 = portal,
                                                   .r9 = groups});
}

/* The MEM of the page that it shares with its monitor (struct vcpu_state), to an empty selector. */
static inline struct answer vcpu_page(uint32_t vcpu, uint32_t selector)
{
    return object_control(vcpu, VCPU_PAGE, selector);
}

/* The semaphore is upped whenever the VCPU stops because its exit had no handler. */
static inline enum status vcpu_set_supervisor(uint32_t vcpu, uint32_t semaphore)
{
    return object_control(vcpu, VCPU_SUPERVISOR, semaphore).status;
}

/* EXIT_RECALL soon, on whatever CPU it is. */
static inline enum status vcpu_recall(uint32_t vcpu)
{
    return object_control(vcpu, VCPU_RECALL, 0).status;
}

/* On return it does not run, and will not until it is resumed. */
static inline enum status vcpu_freeze(uint32_t vcpu)
{
    return object_control(vcpu, VCPU_FREEZE, 0).status;
}

/* One that has stopped or was frozen goes on. */
static inline enum status vcpu_resume(uint32_t vcpu)
{
    return object_control(vcpu, VCPU_RESUME, 0).status;
}

/* Groups of its state (STATE_*) to its page, and from there. */
static inline enum status vcpu_read(uint32_t vcpu, uint32_t groups)
{
    return object_control(vcpu, VCPU_READ, groups).status;
}

static inline enum status vcpu_write(uint32_t vcpu, uint32_t groups)
{
    return object_control(vcpu, VCPU_WRITE, groups).status;
}

/* Every CPU begins or ceases to record events (event_trace.h). */
static inline enum status trace_switch(bool on)
{
    return object_control(SELECTOR_PLATFORM, PLATFORM_TRACE, on).status;
}

/* value: the share of a CPU capability that is free. */
static inline struct answer cpu_free(uint32_t cpu)
{
    return object_control(cpu, CPU_INFO, 0);
}

/* value: TSC ticks that the scheduling context has used in all. */
static inline struct answer time_consumed(uint32_t time)
{
    return object_control(time, SC_TIME, 0);
}
