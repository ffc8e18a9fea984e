/*
 * What CONTROL does with ports, interrupt lines and PCI functions.
 */
#include "range.h"

#include "cpu.h"
#include "interrupt.h"
#include "mapping.h"
#include "pd.h"
#include "syscalls.h"

/* RDX: protection domain, R8: first port, within the range, R9: how many; PORTS_CLOSE: none. */
static uint64_t ports_control(struct ec *ec, struct node *slot, uint64_t word)
{
    const struct range *range = (const struct range *)capability_object(word);
    struct registers *regs = &ec->regs;
    bool open = regs->rsi == PORTS_OPEN;
    struct object *pd;
    enum status status = table_find(&ec->pd->table, regs->rdx, OBJECT_PD, PD_RIGHT_MAP, &pd);

    if (status)
        return status;
    if (regs->rsi > PORTS_CLOSE || !range_holds(range, regs->r8, open ? regs->r9 : 1))
        return STATUS_BAD_PARAMETER;
    struct space *space = &((struct pd *)pd)->space;
    uint32_t first = range->base + (uint32_t)regs->r8;
    if (!open)
        return regs->r9 ? STATUS_BAD_PARAMETER
                        : mapping_unmap(space, PORTS_ADDRESS + first, cpu_this()->index);
    return mapping_open_ports(space, slot, word, first, (uint32_t)regs->r9, &regs->rdx);
}

/* RDX: line or function, within the range, R8: semaphore, R9: CPU and, of a line, flags. */
static uint64_t bind(struct ec *ec, struct node *slot, uint64_t word)
{
    const struct range *range = (const struct range *)capability_object(word);
    struct registers *regs = &ec->regs;
    uint64_t flags = range->object.type == OBJECT_IRQ ? IRQ_LEVEL | IRQ_LOW : 0;
    struct object *sm;
    enum status status = table_find(&ec->pd->table, regs->r8, OBJECT_SM, SM_RIGHT_UP, &sm);

    if (status)
        return status;
    if (!range_holds(range, regs->rdx, 1) || (regs->r9 & ~flags) >= BOOT_MAX_CPUS)
        return STATUS_BAD_PARAMETER;
    struct interrupt_request request = {.slot = slot,
                                        .word = word,
                                        .sm = (struct sm *)sm,
                                        .source = range->base + (uint32_t)regs->rdx,
                                        .cpu = (uint32_t)(regs->r9 & ~flags),
                                        .level = regs->r9 & IRQ_LEVEL,
                                        .low = regs->r9 & IRQ_LOW};
    return interrupt_bind(&request, &regs->rdx);
}

/* RDX: of a line its place in the range, of an MSI what IRQ_BIND returned. */
static uint64_t interrupt_control(struct ec *ec, struct node *slot, uint64_t word)
{
    struct range *range = (struct range *)capability_object(word);
    struct registers *regs = &ec->regs;
    bool line = range->object.type == OBJECT_IRQ;

    if (regs->rsi == IRQ_BIND)
        return bind(ec, slot, word);
    if (regs->rsi > IRQ_ACKNOWLEDGE || (line && !range_holds(range, regs->rdx, 1)))
        return STATUS_BAD_PARAMETER;
    struct interrupt *i = interrupt_find(range, line ? range->base + regs->rdx : regs->rdx);
    if (!i)
        return STATUS_BAD_PARAMETER;
    return regs->rsi == IRQ_UNBIND ? interrupt_unbind(range, i)
                                   : interrupt_acknowledge(range, i, &regs->rdx);
}

uint64_t range_control(struct ec *ec)
{
    struct node *slot;
    uint64_t word, type = capability_object(table_word(&ec->pd->table, ec->regs.rdi))->type;
    enum status status = table_find_slot(&ec->pd->table, ec->regs.rdi, (enum object_type)type,
                                         RANGE_RIGHT_USE, &slot, &word);

    if (status)
        return status;
    return type == OBJECT_PORTS ? ports_control(ec, slot, word) : interrupt_control(ec, slot, word);
}
