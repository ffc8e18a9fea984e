/*
 * Binding interrupts to semaphores, and delivering them.
 */
#include "interrupt.h"

#include "boot.h"
#include "cpu.h"
#include "range.h"

#define MSI_ADDRESS       0xfee00000u /* SDM 3A, 10.11.1 */
#define MSI_ADDRESS_SHIFT 12
#define MSI_DATA_SHIFT    32 /* fixed delivery, edge: the data is the vector */
#define APIC_IDS          255u

static struct bindings *bindings[BOOT_MAX_CPUS] SEALED;

static struct lock bind_lock;                      /* of all that is not under a binding's own */
static struct interrupt *lines[HANDOFF_LINES_MAX]; /* by global system interrupt; NULL: not bound */

void interrupts_place(void)
{
    for (uint32_t cpu = 0; cpu < boot_handoff.cpus; cpu++)
        bindings[cpu] = frame_at(boot_handoff.cpu_frames +
                                 (cpu * HANDOFF_CPU_FRAMES + GUEST_FRAMES) * FRAME_SIZE);
}

static uint32_t message_address(uint32_t cpu)
{
    return MSI_ADDRESS | boot_handoff.apic_id[cpu] << MSI_ADDRESS_SHIFT;
}

/* The lock for the chain and bind_lock are held. */
static enum status bind_locked(struct sm *sm, const struct line *line, uint32_t cpu,
                               struct interrupt **bound)
{
    if (__atomic_load_n(&sm->object.dying, __ATOMIC_RELAXED))
        return STATUS_ABORTED;
    if (line->registers && lines[line->gsi])
        return STATUS_IN_USE;
    struct interrupt *i = *bound = vector_find(bindings[cpu]);
    if (!i)
        return STATUS_IN_USE;
    i->next = sm->interrupts;
    i->link = &sm->interrupts;
    if (i->next)
        i->next->link = &i->next;
    sm->interrupts = i;

    lock_take(&i->lock);
    i->coalesced = 0;
    i->masked = false;
    i->line = *line;
    i->sm = sm;
    lock_give(&i->lock);
    if (line->registers) {
        lines[line->gsi] = i;
        line_open(&i->line, boot_handoff.apic_id[cpu],
                  VECTOR_DEVICES + (uint32_t)(i - bindings[cpu]->of));
    }
    return STATUS_SUCCESS;
}

/* RDX: line or function, within the range, R8: semaphore, R9: CPU and, of a line, flags. */
static uint64_t bind(struct ec *ec, struct node *slot, uint64_t word)
{
    struct object *object = capability_object(word), *head = object_head(object), *sm;
    const struct range *range = (const struct range *)object;
    struct registers *regs = &ec->regs;
    bool msi = object->type == OBJECT_PCI;
    uint64_t cpu = regs->r9 & ~(msi ? 0 : IRQ_LEVEL | IRQ_LOW);
    struct line line = {.registers = NULL};
    struct interrupt *i = NULL;
    enum status status = table_find(&ec->pd->table, regs->r8, OBJECT_SM, SM_RIGHT_UP, &sm);

    if (status)
        return status;
    if (!range_holds(range, regs->rdx, 1) || cpu >= boot_handoff.cpus ||
        boot_handoff.apic_id[cpu] >= APIC_IDS)
        return STATUS_BAD_PARAMETER;
    if (!msi && !line_find(&line, range->base + (uint32_t)regs->rdx, regs->r9))
        return STATUS_BAD_PARAMETER;

    lock_take(&head->lock);
    lock_take(&bind_lock);
    status = slot_check(slot, word, 1);
    if (!status)
        status = bind_locked((struct sm *)sm, &line, (uint32_t)cpu, &i);
    if (!status)
        node_insert(slot, &i->node, capability_make(object, 0), NODE_INTERRUPT);
    lock_give(&bind_lock);
    lock_give(&head->lock);
    if (!status && msi)
        regs->rdx = message_address((uint32_t)cpu) |
                    (VECTOR_DEVICES + (uint64_t)(i - bindings[cpu]->of)) << MSI_DATA_SHIFT;
    return status;
}

/* The object's lock is held; the binding has left its chain. */
void interrupt_remove(struct node *node)
{
    struct interrupt *i = CONTAINER(node, struct interrupt, node);

    lock_take(&bind_lock);
    lock_take(&i->lock);
    i->sm = NULL;
    node->word = 0; /* bound_through must not take the next binding for this one */
    line_close(&i->line);
    lock_give(&i->lock);
    *i->link = i->next;
    if (i->next)
        i->next->link = i->link;
    if (i->line.registers)
        lines[i->line.gsi] = NULL;
    lock_give(&bind_lock);
}

/* Is it bound, through this range? Under the lock of the range's chain, or the binding's own. */
static bool bound_through(const struct interrupt *i, const struct range *range)
{
    return i->sm && capability_object(i->node.word) == &range->part.object;
}

/* Perhaps bound through the range: a line by its place there, an MSI by what IRQ_BIND returned. */
static struct interrupt *interrupt_find(const struct range *range, uint64_t name)
{
    uint64_t n = (name >> MSI_DATA_SHIFT) - VECTOR_DEVICES;

    if (range->part.object.type == OBJECT_IRQ)
        return range_holds(range, name, 1)
                   ? __atomic_load_n(&lines[range->base + name], __ATOMIC_RELAXED)
                   : NULL;
    for (uint32_t cpu = 0; n < DEVICE_VECTORS && cpu < boot_handoff.cpus; cpu++)
        if ((uint32_t)name == message_address(cpu))
            return &bindings[cpu]->of[n];
    return NULL;
}

uint64_t interrupt_control(struct ec *ec, struct node *slot, uint64_t word)
{
    struct range *range = (struct range *)capability_object(word);
    struct registers *regs = &ec->regs;
    bool unbind = regs->rsi == IRQ_UNBIND;

    if (regs->rsi == IRQ_BIND)
        return bind(ec, slot, word);
    struct interrupt *i = interrupt_find(range, regs->rdx);
    if (regs->rsi > IRQ_ACKNOWLEDGE || !i)
        return STATUS_BAD_PARAMETER;
    struct lock *lock = unbind ? &object_head(&range->part.object)->lock : &i->lock;
    lock_take(lock);
    bool mine = bound_through(i, range);
    if (mine && unbind) {
        node_remove(&i->node);
    } else if (mine) {
        regs->rdx = i->coalesced | (i->masked && !i->line.level ? IRQ_CUT_OFF : 0);
        i->coalesced = 0;
        if (i->masked)
            line_mask(&i->line, false);
        i->masked = false;
    }
    lock_give(lock);
    return mine ? STATUS_SUCCESS : STATUS_BAD_PARAMETER;
}

bool interrupt_end_one(struct sm *sm)
{
    lock_take(&bind_lock);
    struct interrupt *i = sm->interrupts;
    struct object *object = i ? capability_object(i->node.word) : NULL;
    lock_give(&bind_lock);

    if (!i)
        return false;
    /* The object stays until this CPU leaves the kernel; the binding may have ended by now. */
    struct object *head = object_head(object);
    lock_take(&head->lock);
    if (bound_through(i, (struct range *)object) && i->sm == sm)
        node_remove(&i->node);
    lock_give(&head->lock);
    return true;
}

void interrupt_raised(struct cpu *cpu, uint32_t vector)
{
    struct interrupt *i = bindings[cpu->index]->of + (vector - VECTOR_DEVICES);

    lock_take(&i->lock);
    if (i->sm && !i->masked) {
        i->coalesced = semaphore_up(i->sm, 1) ? 0 : i->coalesced + 1;
        if (i->line.level || i->coalesced >= INTERRUPT_BOUND) {
            i->masked = true;
            line_mask(&i->line, true);
        }
    }
    lock_give(&i->lock);
}
