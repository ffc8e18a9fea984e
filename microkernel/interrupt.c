/*
 * Binding interrupts to semaphores, and delivering them.
 */
#include "interrupt.h"

#include "boot.h"
#include "cpu.h"
#include "reserve.h"

#define MSI_ADDRESS       0xfee00000u /* SDM 3A, 10.11.1 */
#define MSI_ADDRESS_SHIFT 12
#define MSI_DATA_SHIFT    32 /* fixed delivery, edge: the data is the vector */
#define APIC_IDS          255u

struct bindings {
    struct vector_set vectors;
    struct interrupt of[DEVICE_VECTORS];
};

static struct bindings *bindings[BOOT_MAX_CPUS] SEALED;

static struct lock bind_lock;              /* of all that is not under a binding's own */
static struct interrupt *lines[LINES_MAX]; /* by global system interrupt; NULL: not bound */

void interrupts_reserve(void)
{
    for (uint32_t cpu = 0; cpu < boot_handoff.cpus; cpu++) {
        bindings[cpu] = (struct bindings *)(FRAME_MAP + reserve_take().value);
        for (size_t more = FRAME_SIZE; more < sizeof(struct bindings); more += FRAME_SIZE)
            (void)reserve_take(); /* frames of the reserve follow one another */
    }
}

/* The object's lock and bind_lock are held; nothing can fail any more. */
static void binding_make(struct interrupt *i, const struct interrupt_request *request,
                         uint32_t vector)
{
    struct sm *sm = request->sm;

    i->node.word = capability_make(capability_object(request->word), 0);
    i->node.depth = request->slot->depth + 1;
    i->node.kind = NODE_INTERRUPT;
    chain_insert(&request->slot->chain, &i->node.chain);
    i->next = sm->interrupts;
    i->link = &sm->interrupts;
    if (i->next)
        i->next->link = &i->next;
    sm->interrupts = i;

    lock_take(&i->lock);
    i->source = request->source;
    i->coalesced = 0;
    i->masked = false;
    i->level = request->level;
    i->sm = sm;
    lock_give(&i->lock);
    if (!i->message) {
        lines[request->source] = i;
        line_open(&i->line, boot_handoff.apic_id[request->cpu], VECTOR_DEVICES + vector,
                  request->level, request->low);
    }
}

static enum status bind_locked(const struct interrupt_request *request, struct line line,
                               bool message, uint32_t *vector)
{
    if (__atomic_load_n(&request->sm->object.dying, __ATOMIC_RELAXED))
        return STATUS_ABORTED;
    if (!message && lines[request->source])
        return STATUS_IN_USE;
    *vector = vector_take(&bindings[request->cpu]->vectors);
    if (*vector == DEVICE_VECTORS)
        return STATUS_IN_USE;
    struct interrupt *i = &bindings[request->cpu]->of[*vector];
    i->message = message;
    i->line = line;
    i->cpu = (uint16_t)request->cpu;
    binding_make(i, request, *vector);
    return STATUS_SUCCESS;
}

enum status interrupt_bind(const struct interrupt_request *request, uint64_t *message)
{
    struct object *object = capability_object(request->word);
    bool msi = object->type == OBJECT_PCI;
    struct line line = {0};
    enum status status;
    uint32_t vector = 0;

    if (request->cpu >= boot_handoff.cpus || boot_handoff.apic_id[request->cpu] >= APIC_IDS)
        return STATUS_BAD_PARAMETER;
    if (!msi && (request->source >= LINES_MAX || !line_find(request->source, &line)))
        return STATUS_BAD_PARAMETER;

    lock_take(&object->lock);
    lock_take(&bind_lock);
    if (request->slot->word != request->word || object->dying)
        status = STATUS_BAD_CAPABILITY;
    else if (request->slot->depth >= DEPTH_MAX)
        status = STATUS_DEPTH;
    else
        status = bind_locked(request, line, msi, &vector);
    lock_give(&bind_lock);
    lock_give(&object->lock);
    if (!status && msi)
        *message = MSI_ADDRESS | boot_handoff.apic_id[request->cpu] << MSI_ADDRESS_SHIFT |
                   (uint64_t)(VECTOR_DEVICES + vector) << MSI_DATA_SHIFT;
    return status;
}

/* The object's lock is held; the binding has left its chain. */
void interrupt_remove(struct node *node)
{
    struct interrupt *i = CONTAINER(node, struct interrupt, node);
    struct bindings *all = bindings[i->cpu];

    lock_take(&bind_lock);
    lock_take(&i->lock);
    i->sm = NULL;
    if (!i->message)
        line_close(&i->line);
    lock_give(&i->lock);
    *i->link = i->next;
    if (i->next)
        i->next->link = i->link;
    if (!i->message)
        lines[i->source] = NULL;
    vector_give(&all->vectors, (uint32_t)(i - all->of));
    node->word = 0; /* bound_through must not take the next binding for this one */
    lock_give(&bind_lock);
}

/* Was it bound through this object, by what is known without its lock? */
static bool bound_through(const struct interrupt *i, const struct range *range)
{
    return i->node.kind == NODE_INTERRUPT && capability_object(i->node.word) == &range->object;
}

static struct interrupt *message_find(uint64_t message)
{
    uint64_t vector = message >> MSI_DATA_SHIFT;

    for (uint32_t cpu = 0; cpu < boot_handoff.cpus; cpu++)
        if ((uint32_t)message == (MSI_ADDRESS | boot_handoff.apic_id[cpu] << MSI_ADDRESS_SHIFT) &&
            vector >= VECTOR_DEVICES && vector < VECTOR_DEVICES + DEVICE_VECTORS)
            return &bindings[cpu]->of[vector - VECTOR_DEVICES];
    return NULL;
}

struct interrupt *interrupt_find(const struct range *range, uint64_t name)
{
    if (range->object.type == OBJECT_PCI)
        return message_find(name);
    return name < LINES_MAX ? __atomic_load_n(&lines[name], __ATOMIC_RELAXED) : NULL;
}

enum status interrupt_unbind(struct range *range, struct interrupt *i)
{
    lock_take(&range->object.lock);
    bool mine = bound_through(i, range);
    if (mine)
        node_remove(&i->node);
    lock_give(&range->object.lock);
    return mine ? STATUS_SUCCESS : STATUS_BAD_PARAMETER;
}

enum status interrupt_acknowledge(struct range *range, struct interrupt *i, uint64_t *missed)
{
    lock_take(&range->object.lock);
    bool mine = bound_through(i, range);
    if (mine) {
        lock_take(&i->lock);
        *missed = i->coalesced | (i->masked && !i->level ? IRQ_CUT_OFF : 0);
        i->coalesced = 0;
        if (i->masked && !i->message)
            line_unmask(&i->line);
        i->masked = false;
        lock_give(&i->lock);
    }
    lock_give(&range->object.lock);
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
    lock_take(&object->lock);
    if (bound_through(i, (struct range *)object) && i->sm == sm)
        node_remove(&i->node);
    lock_give(&object->lock);
    return true;
}

void interrupt_raised(struct cpu *cpu, uint32_t vector)
{
    struct interrupt *i = &bindings[cpu->index]->of[vector - VECTOR_DEVICES];

    lock_take(&i->lock);
    if (i->sm && !i->masked) {
        i->coalesced = semaphore_signal(i->sm) ? 0 : i->coalesced + 1;
        i->masked = i->level || i->coalesced >= INTERRUPT_BOUND;
        if (i->masked && !i->message)
            line_mask(&i->line);
    }
    lock_give(&i->lock);
}
