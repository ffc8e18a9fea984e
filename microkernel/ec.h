/*
 * Execution contexts: threads. Each belongs to one CPU and one protection domain for life.
 *
 * The registers of the program are saved here on every way into the kernel: by a system call only
 * those that survive it, by an interrupt or exception all of them. `full` says which, and with it
 * how the program is resumed.
 *
 * A chain of calls: a caller has partner = the handler it called; that one has caller = it. A
 * helper has partner = the handler that was busy, and its system call starts again when it runs. In
 * other states than these partner means nothing.
 */
#pragma once

#include "entry.h"
#include "pd.h"
#include "timers.h"
#include "utcb.h"

#define CHAIN_MAX 16u
#define CALLS_MAX (CHAIN_MAX - 1) /* in one chain */

enum ec_state {
    EC_RUNNABLE = ACTIVITY_READY,  /* runs when a scheduling context comes to it */
    EC_WAITING = ACTIVITY_WAITING, /* a handler, for its next call */
    EC_BLOCKED = ACTIVITY_BLOCKED, /* in a semaphore */
    EC_STOPPED = ACTIVITY_STOPPED, /* died, or was stopped */
    EC_CALLING = 8, /* for the reply of partner; from here on its time goes to partner */
    EC_TIMED,       /* the same, and timer is armed */
    EC_HELPING,     /* for partner to become free; runs it meanwhile */
};

/* Which of an EC's registers are saved: in regs, or for a VCPU, which is an EC too, elsewhere. */
enum ec_full {
    FULL_CALL = 0,  /* those that survive a system call */
    FULL_ALL = 1,   /* all of regs */
    FULL_GUEST = 2, /* always: it is a VCPU (vcpu.h) */
};

enum ec_pending {
    PENDING_EXCEPTION = 1, /* raise regs.vector, whose handler was busy */
    PENDING_RECALL = 2,    /* then VECTOR_RECALL */
};

/* An EC or SC that its CPU has been asked to end (sched.h). Under that CPU's wake_lock. */
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

    /* entry.S reads these five as one word. */
    uint32_t cpu;
    uint8_t state;      /* enum ec_state; set to EC_RUNNABLE by other CPUs, under wake_lock */
    uint8_t full;       /* enum ec_full */
    bool vectors_saved; /* vector state is in the area below, not in the CPU */
    uint8_t pending;    /* enum ec_pending: what it must do before it runs */

    uint64_t fs_base, gs_base;

    struct pd *pd;
    struct space *space; /* of pd */
    struct utcb *utcb;   /* in the frame map */
    struct ec *caller;   /* whose call this one is handling, or ec_nobody */
    struct ec *partner;  /* see above */
    uint32_t room;       /* calls that there may still be one in the other from here */
    uint32_t events;     /* selector of the portal for exception 0 */

    struct sm *blocked_on; /* under its lock */
    struct chain waiting;  /* link in that semaphore's queue, or among the helpers of partner */
    struct chain helpers;  /* ECs whose calls wait for this handler to be free */
    struct timer timer;    /* deadline of the wait or call */
    struct chain parked;   /* scheduling contexts that wait for this one to wake */
    struct chain portals;  /* portals into this one */
    struct chain wake;     /* link in its CPU's list of those that were woken */
    struct sc *reserve;    /* carries it on when it has no donor, or that one no time */
    bool first;          /* made at boot: the kernel supervises it, if nobody else does. Constant */
    struct chain scs;    /* scheduling contexts whose home this is (sc.sibling) */
    struct chain member; /* link in its domain's list */
    struct ending ending;
    uint64_t address;       /* CR2 of its last exception */
    struct node supervisor; /* semaphore to be upped when it stops; a slot like any other */
    struct mem page_mem;    /* frame of the UTCB, or of a VCPU's page, mapped as other memory is */
    struct node page_slot;  /* the capability to it, from which all others are derived */
};

#define EC_VECTORS 1024u /* offset of the XSAVE area, which ends at FRAME_OBJECT_MAXIMUM */

_Static_assert(offsetof(struct ec, pending) == offsetof(struct ec, cpu) + 7, "one word");

/* Bytes at the beginning of both structures that mean the same. */
#define REGISTERS_SHARED offsetof(struct registers, vector)
_Static_assert(REGISTERS_SHARED == offsetof(struct utcb_state, fs_base), "the same registers");
_Static_assert(sizeof(struct ec) <= EC_VECTORS, "the vector state follows");

/* Stands for none where one is looked at before it is known that there is one: no CPU has it. */
extern struct ec ec_nobody;

/* The fields from cpu to pending of an EC that has nothing saved or pending. */
static inline uint64_t ec_word(uint32_t cpu, enum ec_state state)
{
    return cpu | (uint64_t)state << 32;
}

static inline uint64_t ec_word_of(const struct ec *ec)
{
    return *(const uint64_t *)&ec->cpu;
}

static inline void *ec_vectors(struct ec *ec)
{
    return (char *)ec + EC_VECTORS;
}

/* Does its time go to its partner? */
static inline bool ec_donates(const struct ec *ec)
{
    return ec->state >= EC_CALLING;
}

/*
 * An EC that waits for its first call, with its UTCB at a page's address in the domain. Memory for
 * ec is zero but for its object, its CPU, RIP and RSP. STATUS_BAD_PARAMETER: an address is not the
 * user's, or there is no such CPU; STATUS_NEEDS_FRAMES: the domain's pool or that of the EC lacks
 * some; STATUS_IN_USE: the UTCB's address is.
 */
enum status ec_init(struct ec *ec, struct pd *pd, uint64_t utcb)
    __attribute__((warn_unused_result));

/* What every EC begins with, virtual CPUs too; it waits. Its domain or VM has it. */
void ec_prepare(struct ec *ec);

/* Takes an EC that has ended from there. Its memory and that of its UTCB stay. */
void ec_end(struct ec *ec);

/*
 * Makes ec the one whose registers the CPU will have: address space, segment bases, vector state.
 * The general registers follow with ec_resume or ec_resume_full.
 */
void ec_switch(struct cpu *cpu, struct ec *ec);

/* The CPU's segment bases belong to the current EC, which is to be another. */
void ec_bases_save(struct cpu *cpu);

/* What the CPU holds of ec's domain: address space, I/O ports, no vector state of another one. */
void space_enter(struct cpu *cpu, struct ec *ec);

/* The current EC, whose registers are saved in full, has to wait for its turn. */
NORETURN void ec_preempt(struct cpu *cpu, struct ec *ec);
