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
#ifndef CAIRN_INTERRUPT_H
#define CAIRN_INTERRUPT_H

#include "derive.h"
#include "ioapic.h"
#include "range.h"
#include "semaphore.h"
#include "vector_set.h"

#define INTERRUPT_BOUND 1024u

struct cpu;

/* One vector of one CPU, from boot to the end of the machine. */
struct interrupt {
    struct node node;        /* in the chain of the object it was bound through */
    struct interrupt *next;  /* bound to the same semaphore, */
    struct interrupt **link; /* and what points to this one; under the lock of all bindings */
    struct sm *sm;           /* NULL: not bound. Under lock */
    struct lock lock;
    uint32_t source; /* number of the line or function */
    uint16_t cpu;
    struct line line;
    uint32_t coalesced; /* interrupts in a row that found the semaphore up. Under lock */
    bool message;       /* MSI: there is no line */
    bool level;
    bool masked; /* under lock: waits for the acknowledgement */
};

/* What to bind. */
struct interrupt_request {
    struct node *slot; /* names a range by `word` */
    uint64_t word;
    struct sm *sm;
    uint32_t source; /* in the range */
    uint32_t cpu;
    bool level, low;
};

/* Takes the bindings' memory from the reserve, before the kernel's half is complete. */
void interrupts_reserve(void);

/*
 * Binds a line or, through an OBJECT_PCI, an MSI, which *message then describes (address in bits
 * 31:0, data in bits 63:32). STATUS_BAD_PARAMETER: no such line or CPU, or the CPU's APIC id does
 * not fit; STATUS_IN_USE: the line is bound, or all vectors of the CPU are; STATUS_BAD_CAPABILITY:
 * slot has changed; STATUS_ABORTED: the semaphore is being destroyed; STATUS_DEPTH.
 */
__attribute__((warn_unused_result)) enum status
interrupt_bind(const struct interrupt_request *request, uint64_t *message);

/*
 * Finds the binding that was made through this object: of a line, by its number, or by an MSI's
 * message. NULL: there is none. It may be gone by now, which the two below notice.
 */
struct interrupt *interrupt_find(const struct range *range, uint64_t name);

/* STATUS_BAD_PARAMETER: it is not bound through this object any more. */
__attribute__((warn_unused_result)) enum status interrupt_unbind(struct range *range,
                                                                 struct interrupt *i);

/* Lets it come again. *missed: how many were coalesced, and IRQ_CUT_OFF (ipc/abi/syscall.h). */
__attribute__((warn_unused_result)) enum status
interrupt_acknowledge(struct range *range, struct interrupt *i, uint64_t *missed);

/* Ends one binding to a semaphore that takes no new ones. False: there is none. */
bool interrupt_end_one(struct sm *sm);

/* The interrupt of a device, on this CPU; before it is ended at the local APIC. */
void interrupt_raised(struct cpu *cpu, uint32_t vector);

#endif
