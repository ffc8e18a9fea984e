/*
 * System calls on memory: mapping it, and lending it to the kernel.
 */
#include "cpu.h"
#include "mapping.h"
#include "pd.h"
#include "syscalls.h"
#include "vcpu.h"

#define FRAMES_AT_ONCE 4u

_Static_assert(offsetof(struct pd, space) == offsetof(struct vm, space), "space_of takes both");

inline struct space *space_of(uint64_t word)
{
    return __builtin_expect(capability_serves(word, OBJECT_PD, PD_RIGHT_MAP), true) ||
                   capability_serves(word, OBJECT_VM, VM_RIGHT_MAP)
               ? &((struct pd *)capability_object(word))->space
               : NULL;
}

enum status space_refusal(uint64_t word)
{
    return capability_serves(word, OBJECT_VM, 0) ? STATUS_NO_RIGHT : table_refusal(word, OBJECT_PD);
}

/*
 * RDI: MEM | domain or VM << 32, RSI: address, RDX: offset, R8: pages | level << 16, R9:
 * rights.
 */
uint64_t syscall_map(struct ec *ec)
{
    struct registers *regs = &ec->regs;
    struct table *own = &ec->pd->table;
    struct map_request request = {.address = regs->rsi,
                                  .offset = regs->rdx,
                                  .count = (uint32_t)(regs->r8 & 0xffff),
                                  .level = regs->r8 >> 16,
                                  .rights = regs->r9};
    uint64_t word, target = table_raw(own, regs->rdi >> 32);
    struct node *slot;
    enum status status = table_find_slot(own, (uint32_t)regs->rdi, OBJECT_MEM, 0, &slot, &word);

    if (status)
        return status;
    struct space *space = space_of(target);
    if (!space)
        return space_refusal(target);
    return mapping_create(space, slot, word, &request, cpu_this()->index, &regs->rdx);
}

/* RDI: domain or VM, RSI: address at which a mapping begins. */
uint64_t syscall_unmap(struct ec *ec)
{
    uint64_t target = table_raw(&ec->pd->table, ec->regs.rdi);
    struct space *space = space_of(target);

    if (!space)
        return space_refusal(target);
    if (ec->regs.rsi >= SPACE_END) /* ports are recorded beyond it */
        return STATUS_BAD_PARAMETER;
    return mapping_unmap(space, ec->regs.rsi, cpu_this()->index);
}

/*
 * A MEM is destroyed with the pool that pays for it, and must be free then: so it is lent only to
 * pools that this one pays for, which go before it, or to the first pool, which stays.
 */
static bool pool_may_have(const struct pool *pool, const struct mem *mem)
{
    return !pool->object.pool || pool_pays(mem->object.pool, &pool->object);
}

/* RDI: pool, RSI: MEM. */
uint64_t syscall_deposit(struct ec *ec)
{
    struct table *own = &ec->pd->table;
    struct object *pool;
    struct node *slot;
    uint64_t word;
    bool more;
    enum status status = table_find(own, ec->regs.rdi, OBJECT_POOL, POOL_RIGHT_DEPOSIT, &pool);

    if (!status)
        status = table_find_slot(own, ec->regs.rsi, OBJECT_MEM, MEM_RIGHT_DIVIDE, &slot, &word);
    if (status)
        return status;
    if (!pool_may_have((struct pool *)pool, mem_of(word)))
        return STATUS_BAD_PARAMETER;
    if (!slot_revoke(slot, false))
        return syscall_again();
    status =
        mem_deposit_step(slot, word, (struct pool *)pool, FRAMES_AT_ONCE, cpu_this()->index, &more);
    return !status && more ? syscall_again() : status;
}

/* RDI: pool, RSI: MEM. */
uint64_t syscall_withdraw(struct ec *ec)
{
    struct table *own = &ec->pd->table;
    struct object *pool, *mem;
    bool more;
    enum status status = table_find(own, ec->regs.rdi, OBJECT_POOL, POOL_RIGHT_DEPOSIT, &pool);

    if (!status)
        status = table_find(own, ec->regs.rsi, OBJECT_MEM, MEM_RIGHT_DIVIDE, &mem);
    if (status)
        return status;
    status = mem_withdraw_step((struct mem *)mem, (struct pool *)pool, FRAMES_AT_ONCE,
                               cpu_this()->index, &more);
    return !status && more ? syscall_again() : status;
}
