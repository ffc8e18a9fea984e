/*
 * Execution contexts: threads. Each belongs to one CPU and one protection domain for life.
 *
 * The registers of the program are saved here on every way into the kernel: by a system call only
 * those that survive it, by an interrupt or exception all of them. `full` says which, and with it
 * how the program is resumed.
 *
 * A chain of calls: a caller has partner = the handler it called; that one has caller = it. A
 * helper has partner = the handler that was busy, and its system call starts again when it runs.
 */
#ifndef CAIRN_EC_H
#define CAIRN_EC_H

#include "layout.h"
#include "mem.h"
#include "object.h"
#include "pd.h"
#include "timers.h"
#include "types.h"
#include "utcb.h"

#define CHAIN_MAX 16u

enum ec_state {
    EC_RUNNABLE, /* runs when a scheduling context comes to it */
    EC_WAITING,  /* a handler, for its next call */
    EC_CALLING,  /* for the reply of partner */
    EC_HELPING,  /* for partner to become free; runs it meanwhile */
    EC_BLOCKED,  /* in a semaphore */
    EC_STOPPED,  /* died, or was stopped */
};

enum ec_pending {
    PENDING_EXCEPTION = 1, /* raise regs.vector, whose handler was busy */
    PENDING_RECALL = 2,    /* then VECTOR_RECALL */
};

struct registers {
    uint64_t rax, rdi, rsi, rdx, r8, r9, r10;
    uint64_t rip, rflags, rsp;
    uint64_t rbx, rbp, r12, r13, r14, r15, rcx, r11;
    uint64_t vector, error;
};

/* An EC or SC that its CPU has been asked to end (ending.h). Under that CPU's wake_lock. */
struct ending {
    struct chain chain; /* link in that CPU's list */
    uint8_t type;       /* OBJECT_EC or OBJECT_SC. Constant */
    bool done;
};

struct cpu;
struct sc;

struct ec {
    struct object object;
    struct registers regs;
    bool full;          /* all of regs is saved */
    uint8_t state;      /* enum ec_state; set to EC_RUNNABLE by other CPUs, under wake_lock */
    bool vectors_saved; /* vector state is in the area below, not in the CPU */
    uint8_t pending;    /* enum ec_pending: what it must do before it runs */
    uint32_t cpu;
    uint64_t fs_base, gs_base;

    struct pd *pd;
    struct utcb *utcb;  /* in the frame map */
    struct ec *caller;  /* whose call this one is handling */
    struct ec *partner; /* see above */
    uint32_t depth;     /* calls between the first caller and this one */
    uint32_t events;    /* selector of the portal for exception 0 */

    struct sm *blocked_on; /* under its lock */
    struct chain waiting;  /* link in that semaphore's queue, or among the helpers of partner */
    struct chain helpers;  /* ECs whose calls wait for this handler to be free */
    struct timer timer;    /* deadline of the wait or call */
    struct chain parked;   /* scheduling contexts that wait for this one to wake */
    struct chain portals;  /* portals into this one */
    struct chain wake;     /* link in its CPU's list of those that were woken */
    struct sc *reserve;    /* carries it on when it has no donor, or that one no time */
    struct chain scs;      /* scheduling contexts whose home this is (sc.sibling) */
    struct chain member;   /* link in its domain's list */
    struct ending ending;
    uint64_t address;       /* CR2 of its last exception */
    struct node supervisor; /* semaphore to be upped when it stops; a slot like any other */
    struct mem utcb_mem;    /* the UTCB's frame, mapped like any other memory */
    struct node utcb_slot;  /* capability that only this mapping was made from */

    uint8_t vectors[] __attribute__((aligned(64))); /* XSAVE area, to FRAME_OBJECT_MAXIMUM */
};

_Static_assert(offsetof(struct ec, regs) == EC_REGS, "entry.S");
_Static_assert(offsetof(struct ec, regs.r11) == EC_R11, "entry.S");
_Static_assert(offsetof(struct ec, full) == EC_FULL, "entry.S");
_Static_assert(offsetof(struct ec, vectors) <= 1024, "room for the vector state");

struct ec_request {
    uint64_t rip, rsp;
    uint64_t utcb; /* address in the protection domain, page aligned */
    uint32_t cpu;
};

/*
 * An EC that waits for its first call. Memory for ec is zero but for its object.
 * STATUS_BAD_PARAMETER: an address is not the user's, or there is no such CPU; STATUS_NEEDS_FRAMES:
 * *needs more, in the domain's pool or in that of the EC; STATUS_IN_USE: the UTCB's address is.
 */
enum status ec_init(struct ec *ec, struct pd *pd, struct pool *pool,
                    const struct ec_request *request, uint64_t *needs)
    __attribute__((warn_unused_result));

/* Takes an EC that has ended out of its domain. Its memory and that of its UTCB stay. */
void ec_end(struct ec *ec);

/*
 * Makes ec the one whose registers the CPU will have: address space, segment bases, vector state.
 * The general registers follow with ec_resume or ec_resume_full.
 */
void ec_switch(struct cpu *cpu, struct ec *ec);

/* The current EC, whose registers are saved in full, has to wait for its turn. */
NORETURN void ec_preempt(struct cpu *cpu, struct ec *ec);

/* The deadline of its wait or call has passed. */
void ec_wait_expired(struct ec *ec);

#endif
