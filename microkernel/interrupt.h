/*
 * Interrupts of devices, as ups of semaphores.
 *
 * A binding is a vector of one CPU. It is derived from the capability to the interrupt line, or to
 * the PCI function, through which it was made: revoking that grant, or destroying the object, ends
 * it. It also ends with its semaphore. (Not with a grant of the semaphore: as with a portal into an
 * EC, the right to make the binding was used when it was made.)
 *
 * Interrupts that come while the semaphore is not zero are coalesced: the count does not rise above
 * one. A line that is level-triggered is masked until it is acknowledged. A source of which
 * INTERRUPT_BOUND interrupts in a row were coalesced is cut off: a line is masked, an MSI, which
 * only its device can keep back, is dropped. Acknowledging tells so, and opens it again.
 *
 * Locks: the object's, then the lock of all bindings (interrupt.c), then a binding's own, then a
 * semaphore's or the I/O APICs'. An interrupt takes the binding's own only, so when a binding has
 * been undone under it, no CPU is delivering it.
 */
#pragma once

#include "semaphore.h"

#define VECTOR_DEVICES  0x30u /* the first one; those below are for exceptions and the 8259s */
#define DEVICE_VECTORS  192u  /* up to VECTOR_TIMER */
#define INTERRUPT_BOUND 1024u

/* Of the HANDOFF_CPU_FRAMES, the first ones; GUEST_FRAMES for guests follow. */
#define INTERRUPT_FRAMES 5ul

struct cpu;
struct ec;

/* An input of an I/O APIC. */
struct line {
    volatile uint32_t *registers; /* of the I/O APIC; NULL: no line, to which nothing is done */
    uint32_t gsi;
    uint32_t redirection; /* register of the lower half of its entry */
    uint32_t entry;       /* what that is while it is open */
    bool level;
};

/* Where a global system interrupt comes in; flags of IRQ_BIND. False: nowhere. */
bool line_find(struct line *line, uint32_t gsi, uint64_t flags) __attribute__((warn_unused_result));

/* Lets the line interrupt the CPU with that APIC id, which is below 255. */
void line_open(struct line *line, uint32_t apic_id, uint32_t vector);

/* Of an open line. */
void line_mask(const struct line *line, bool masked);

/*
 * Masks it, and makes it an edge-triggered one: otherwise an interrupt that was not yet ended under
 * the old vector would keep the input from sending another one for good.
 */
void line_close(struct line *line);

/* One vector of one CPU, from boot to the end of the machine. */
struct interrupt {
    struct node node;        /* in the chain of the object it was bound through */
    struct interrupt *next;  /* bound to the same semaphore, */
    struct interrupt **link; /* and what points to this one; under the lock of all bindings */
    struct sm *sm;           /* NULL: not bound. Under lock */
    struct lock lock;
    struct line line;   /* of an MSI: none */
    uint32_t coalesced; /* interrupts in a row that found the semaphore up. Under lock */
    bool masked;        /* under lock: waits for the acknowledgement */
};

/* Those of one CPU. */
struct bindings {
    uint32_t next; /* where the search for one that is free begins */
    struct interrupt of[DEVICE_VECTORS];
};

_Static_assert(sizeof(struct bindings) <= INTERRUPT_FRAMES * FRAME_SIZE, "the loader's share");

/*
 * A vector of the CPU that is not bound; NULL: all are. One that was given back is taken again as
 * late as possible: an interrupt that is still on its way then finds nobody. Under the lock of
 * all bindings.
 */
static inline struct interrupt *vector_find(struct bindings *all)
{
    for (uint32_t n = 0; n < DEVICE_VECTORS; n++) {
        uint32_t at = (all->next + n) % DEVICE_VECTORS;
        if (!all->of[at].sm) {
            all->next = at + 1;
            return &all->of[at];
        }
    }
    return NULL;
}

/* Finds the bindings' memory, which the loader has set aside, before sealed data is protected. */
void interrupts_place(void);

/*
 * CONTROL of lines and, through an OBJECT_PCI, of MSIs (ipc/abi/README.md), by the capability that
 * slot has as `word`. STATUS_BAD_PARAMETER: no such line, operation, CPU or binding, or the CPU's
 * APIC id does not fit; STATUS_IN_USE: the line is bound, or all vectors of the CPU are;
 * STATUS_BAD_CAPABILITY: slot has changed; STATUS_ABORTED: the semaphore is being destroyed;
 * STATUS_DEPTH.
 */
uint64_t interrupt_control(struct ec *ec, struct node *slot, uint64_t word);

/* Ends one binding to a semaphore that takes no new ones. False: there is none. */
bool interrupt_end_one(struct sm *sm);

/* The interrupt of a device, on this CPU; before it is ended at the local APIC. */
void interrupt_raised(struct cpu *cpu, uint32_t vector);
