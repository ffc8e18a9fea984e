/*
 * Giving capabilities and taking them back.
 */
#include "cpu.h"
#include "pd.h"
#include "shoot.h"
#include "syscalls.h"

uint64_t syscall_again(void)
{
    cpu_this()->reschedule = true;
    return SYSCALL_AGAIN;
}

enum status slot_open(struct ec *ec, struct table *table, uint64_t selector, struct node **slot)
{
    if (selector >= SELECTORS)
        return STATUS_BAD_SELECTOR;
    *slot = table_slot(table, selector);
    if (!*slot)
        *slot = table_extend(table, selector);
    if (!*slot) {
        ec->regs.rdx = 1;
        return STATUS_NEEDS_FRAMES;
    }
    return STATUS_SUCCESS;
}

/* RDI: protection domain, RSI: selector there, RDX: own selector, R8: mask of rights. */
uint64_t syscall_delegate(struct ec *ec)
{
    struct table *own = &ec->pd->table;
    struct object *object;
    struct node *slot;
    enum status status = table_find(own, ec->regs.rdi, OBJECT_PD, PD_RIGHT_DELEGATE, &object);

    if (status)
        return status;
    if (ec->regs.r8 & ~(uint64_t)RIGHTS_ALL)
        return STATUS_BAD_PARAMETER;
    if (((struct pd *)object)->space.dying)
        return STATUS_BAD_CAPABILITY;
    struct node *source = table_slot(own, ec->regs.rdx);
    uint64_t word = slot_word(source);
    if (!word)
        return STATUS_BAD_CAPABILITY;
    status = slot_open(ec, &((struct pd *)object)->table, ec->regs.rsi, &slot);
    return status ? status : slot_delegate(source, word, slot, (uint32_t)ec->regs.r8);
}

inline bool slot_revoke(struct node *slot, bool self)
{
    uint32_t cpu = cpu_this()->index;
    unsigned budget = NODES_AT_ONCE;
    bool more = slot_revoke_step(slot, &budget, self);
    bool all = self && !slot_word(slot);

    /* Interrupts came in: what was looked up must be looked up again, unless this was all. */
    more |= shoot_flush(cpu) && !all;
    if (!more)
        shoot_settle(cpu);
    return !more;
}

/* RDI: selector, RSI: flags. */
uint64_t syscall_revoke(struct ec *ec)
{
    struct node *slot = table_slot(&ec->pd->table, ec->regs.rdi);

    if (ec->regs.rsi & ~(uint64_t)REVOKE_SELF)
        return STATUS_BAD_PARAMETER;
    if (!slot_word(slot))
        return STATUS_BAD_CAPABILITY;
    return slot_revoke(slot, ec->regs.rsi & REVOKE_SELF) ? STATUS_SUCCESS : syscall_again();
}

/* RDI: selector. RDX returns type | rights << 16. */
uint64_t syscall_lookup(struct ec *ec)
{
    uint64_t word = table_word(&ec->pd->table, ec->regs.rdi);

    if (!word)
        return STATUS_BAD_CAPABILITY;
    ec->regs.rdx = capability_object(word)->type | (uint64_t)capability_rights(word) << 16;
    return STATUS_SUCCESS;
}
