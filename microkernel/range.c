/*
 * Cutting parts, and what CONTROL does with ports.
 */
#include "range.h"

#include "cpu.h"
#include "interrupt.h"
#include "mapping.h"
#include "pd.h"
#include "sc.h"
#include "syscalls.h"

enum status part_derive(struct node *slot, uint64_t word, struct part *part, uint32_t share,
                        struct node *destination)
{
    struct object *parent = capability_object(word), *head = object_head(parent);

    part->object.cut = true;
    part->top = head;
    lock_take(&head->lock);
    enum status status = slot_check(slot, word, 2);
    if (!status && parent->type == OBJECT_CPU)
        status = share_take((struct cpu_share *)parent, share);
    if (!status)
        part_insert(slot, part, NODE_PART, destination, capability_rights(word) | RIGHT_DESTROY);
    lock_give(&head->lock);
    return status;
}

/* A call that is destroying it releases it too. */
void part_remove(struct node *origin)
{
    struct part *part = CONTAINER(origin, struct part, origin);

    part->object.dying = true;
    if (part->object.type == OBJECT_CPU)
        ((struct cpu_share *)part)->parent->free += ((struct cpu_share *)part)->share;
    if (object_claim(&part->object))
        shoot_part(CONTAINER(origin, struct part, origin));
}

/* RDX: protection domain, R8: first port, within the range, R9: how many; PORTS_CLOSE: none. */
static uint64_t ports_control(struct ec *ec, struct node *slot, uint64_t word)
{
    const struct range *range = (const struct range *)capability_object(word);
    struct registers *regs = &ec->regs;
    bool open = regs->rsi == PORTS_OPEN;
    uint64_t target = table_raw(&ec->pd->table, regs->rdx);
    struct space *space = space_of(target);

    if (!space)
        return space_refusal(target);
    if (regs->rsi > PORTS_CLOSE || !range_holds(range, regs->r8, open ? regs->r9 : 1))
        return STATUS_BAD_PARAMETER;
    uint32_t first = range->base + (uint32_t)regs->r8;
    if (!open)
        return regs->r9 ? STATUS_BAD_PARAMETER
                        : mapping_unmap(space, ports_address(first), cpu_this()->index);
    return mapping_open_ports(space, slot, word, first, (uint32_t)regs->r9, &regs->rdx);
}

uint64_t range_control(struct ec *ec, enum object_type type)
{
    struct node *slot;
    uint64_t word;
    enum status status =
        table_find_slot(&ec->pd->table, ec->regs.rdi, type, RANGE_RIGHT_USE, &slot, &word);

    if (status)
        return status;
    return type == OBJECT_PORTS ? ports_control(ec, slot, word) : interrupt_control(ec, slot, word);
}
