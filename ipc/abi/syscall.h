/*
 * System calls: SYSCALL with the call's number in RAX, arguments in RDI, RSI, RDX, R8, R9, R10.
 * RAX returns a status. All general registers but RBX, RBP, R12 to R15 and RSP are lost; calls that
 * can hand control to another execution context (CALL, REPLY, DOWN) lose those too.
 * README.md in this folder is the reference: rights, errors, bounds and atomicity of each call.
 */
#pragma once

enum syscall_number {
    SYSCALL_CALL = 0,      /* portal, words, deadline: call a portal and wait for the reply */
    SYSCALL_REPLY = 1,     /* words: reply to the caller, if any, and wait for the next call */
    SYSCALL_UP = 2,        /* sm: add one, or wake one */
    SYSCALL_DOWN = 3,      /* sm, flags, deadline: take one, or wait */
    SYSCALL_CREATE = 4,    /* type, selector, pool, three arguments of the type */
    SYSCALL_DELEGATE = 5,  /* pd, selector there, own selector, rights mask */
    SYSCALL_REVOKE = 6,    /* selector, flags: everything derived from it */
    SYSCALL_DESTROY = 7,   /* selector: the object */
    SYSCALL_LOOKUP = 8,    /* selector: its type and rights */
    SYSCALL_MAP = 9,       /* mem, pd, address, offset, count and size, rights */
    SYSCALL_UNMAP = 10,    /* pd, address, count and size */
    SYSCALL_DEPOSIT = 11,  /* pool, mem */
    SYSCALL_WITHDRAW = 12, /* pool, mem */
    SYSCALL_CONTROL = 13,  /* selector, operation of its type, arguments */
    SYSCALL_COUNT
};

enum status {
    STATUS_SUCCESS = 0,
    STATUS_BAD_CALL = 1,       /* no such call */
    STATUS_BAD_PARAMETER = 2,  /* an argument is out of range or a reserved bit is set */
    STATUS_BAD_SELECTOR = 3,   /* past the table, or the place there is not free where it must be */
    STATUS_BAD_CAPABILITY = 4, /* the selector is empty or names an object of another type */
    STATUS_NO_RIGHT = 5,       /* the capability lacks a right that the call needs */
    STATUS_IN_USE = 6,         /* a selector, an address or an object is taken already */
    STATUS_NEEDS_FRAMES = 7,   /* RDX: how many more frames the pool must have */
    STATUS_TIMEOUT = 8,        /* the deadline passed first */
    STATUS_ABORTED = 9,        /* what the call waited for was destroyed */
    STATUS_DEPTH = 10,         /* a chain of calls, helpers or derivations is too long */
    STATUS_WRONG_CPU = 11,     /* the object belongs to another CPU */
    STATUS_BUSY = 12,          /* not now: the object is being changed by another call */
    STATUS_WOULD_BLOCK = 13,   /* DOWN with DOWN_TRY, and the semaphore is zero */
};

/* Flags of DOWN. */
#define DOWN_TRY  1u /* do not wait */
#define DOWN_ZERO 2u /* take everything, not one */

/* Flags of REVOKE. */
#define REVOKE_SELF 1u /* and empty the selector itself */

/* Operations of CONTROL, by type of the object. */
enum control_pd { PD_SPLIT = 0 /* address of a large page: makes 512 smaller ones of it */ };
enum control_pool { POOL_INFO = 0 /* RDX: frames free; R8: frames in all */ };
enum control_ec {
    EC_EVENTS = 0,     /* selector of the portal for exception 0 */
    EC_SUPERVISOR = 1, /* selector of a semaphore that is upped whenever the EC stops */
    EC_RECALL = 2,     /* raises VECTOR_RECALL when it would next run in user mode */
    EC_RESUME = 3,     /* goes on, having stopped */
    EC_READ = 4,       /* struct utcb_state to the caller's UTCB */
    EC_SET = 5,        /* and from there */
};
enum control_vm {
    VM_SPLIT = PD_SPLIT,
    VM_DIRTY = 1,   /* which pages were written since the last time, to words 0 to 7 of the UTCB */
    VM_PROTECT = 2, /* pages cannot be written, or as they were mapped */
};
enum control_vcpu {
    VCPU_BIND = 0,       /* exit reason, portal, groups of the state that come with it */
    VCPU_SUPERVISOR = 1, /* as EC_SUPERVISOR */
    VCPU_RECALL = 2,     /* EXIT_RECALL soon, also from another CPU */
    VCPU_RESUME = 3,     /* goes on, having stopped or been frozen */
    VCPU_READ = 4,       /* groups of its state to its page */
    VCPU_WRITE = 5,      /* and from there */
    VCPU_FREEZE = 6,     /* on return it does not run, and will not until VCPU_RESUME */
    VCPU_PAGE = 7,       /* MEM of its page to a selector */
};
enum control_sc { SC_TIME = 0 /* RDX: TSC ticks consumed; R8: its id in the event trace */ };
enum control_cpu { CPU_INFO = 0 /* RDX: share that is free; R8: share in all, of CPU_SHARE_ALL */ };
enum control_platform {
    PLATFORM_POWER_OFF = 0, /* exit status of the run */
    PLATFORM_TRACE = 1,     /* 1: every CPU records events (trace.h); 0: none does */
};

#define CPU_SHARE_ALL 65536u /* the whole time of a CPU */

/* Vector of a recall: its portal is EC_EVENTS + 32. */
#define VECTOR_RECALL 32u

/* Ranges. What the arguments and results are, README.md says. */
enum control_ports { PORTS_OPEN = 0, PORTS_CLOSE = 1 };
enum control_irq { IRQ_BIND = 0, IRQ_UNBIND = 1, IRQ_ACKNOWLEDGE = 2 };
enum control_pci { PCI_BIND = 0, PCI_UNBIND = 1, PCI_ACKNOWLEDGE = 2 };

/* Flags of IRQ_BIND, beside the CPU; without them the line is edge-triggered, active high. */
#define IRQ_LEVEL (1ull << 16)
#define IRQ_LOW   (1ull << 17)

/* What acknowledging returns besides the number of coalesced interrupts: the source was cut off. */
#define IRQ_CUT_OFF (1ull << 63)

/* Capabilities of the first program. */
#define SELECTOR_PD       1u
#define SELECTOR_EC       2u
#define SELECTOR_SC       3u
#define SELECTOR_POOL     4u
#define SELECTOR_PLATFORM 5u
#define SELECTOR_PORTS    6u    /* all but the last eight */
#define SELECTOR_IRQ      7u    /* global system interrupts, from 0 */
#define SELECTOR_PCI      8u    /* functions of segment 0: bus << 8 | device << 3 | function */
#define SELECTOR_TRACE    9u    /* MEM of all event traces, read-only (event_trace.h) */
#define SELECTOR_CPUS     64u   /* and following: one for each CPU */
#define SELECTOR_MEMORY   1024u /* and following: MEM of each entry of boot_info.memory; RAM only */

/* The first program's UTCB: one page. */
#define FIRST_UTCB_ADDRESS 0x00006ffffffff000ull
