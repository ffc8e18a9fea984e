/*
 * Virtual CPUs: the page that a VCPU shares with whoever monitors it, exits, and what a reply says.
 * The same on VMX and SVM.
 *
 * An exit is a call of the portal that is bound to its reason, with four words: reason,
 * qualification, RIP, address. At that time the page holds the registers that come with every exit
 * and the groups that the binding names. The reply has one word: the groups that it changed
 * (STATE_*); the guest goes on with what the page holds of them. The general registers but RSP need
 * no group: what the page holds when the guest goes on is what it gets.
 *
 * The kernel reads each field once. What a guest cannot have is refused, made what it can be, or
 * becomes an EXIT_FAILED: README.md says which.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum vcpu_exit {
    EXIT_STARTUP = 0,          /* it has time for the first time; its state is that after INIT */
    EXIT_RECALL = 1,           /* VCPU_RECALL */
    EXIT_TIMER = 2,            /* the deadline has passed; there is none any more */
    EXIT_INTERRUPT_WINDOW = 3, /* the guest can take an interrupt now; not wanted any more */
    EXIT_NMI_WINDOW = 4,       /* or an NMI */
    EXIT_EXCEPTION = 5,        /* one of those in `exceptions`; it has not been delivered */
    EXIT_TRIPLE_FAULT = 6,
    EXIT_HYPERCALL = 7, /* VMCALL or VMMCALL */
    EXIT_CPUID = 8,
    EXIT_HLT = 9,
    EXIT_PAUSE = 10,  /* with INTERCEPT_PAUSE */
    EXIT_IO = 11,     /* IN, OUT, INS, OUTS at a port that is not open */
    EXIT_MSR = 12,    /* RDMSR or WRMSR of one that is not passed through */
    EXIT_CR = 13,     /* access to a control register that takes the monitor */
    EXIT_DR = 14,     /* access to a debug register */
    EXIT_XSETBV = 15, /* not on CPUs that do not tell (feature GUEST_XSETBV) */
    EXIT_GPA = 16,    /* guest-physical access that no mapping allows */
    EXIT_TASK_SWITCH = 17,
    EXIT_CACHE = 18,  /* INVD or WBINVD */
    EXIT_TSC = 19,    /* RDTSC or RDTSCP, with INTERCEPT_TSC */
    EXIT_PMC = 20,    /* RDPMC */
    EXIT_MWAIT = 21,  /* MONITOR or MWAIT */
    EXIT_INVLPG = 22, /* with INTERCEPT_INVLPG */
    EXIT_TPR = 23,    /* CR8 fell below the threshold */
    EXIT_FAILED = 24, /* the CPU refused the state: enum vcpu_failure */
    EXIT_COUNT
};

/*
 * The qualification, by reason; for those that are not listed it is 0. address is 0 where nothing
 * is said of it. INSTRUCTION bits tell two instructions of one reason from each other.
 *
 * EXCEPTION    bits 7:0 vector, bit 8: with error code, 63:32 error code; address: of a page fault
 * IO           EXIT_IO_*
 * MSR          bits 31:0 number, bit 32: write
 * CR           bits 7:0 register, 15:8 enum vcpu_cr_access, 23:16 general register, or 0xff: not
 *              known; address: of LMSW, the operand, or not known: UINT64_MAX
 * DR           bits 7:0 register, bit 8: it is read, 23:16 general register or 0xff
 * GPA          EXIT_GPA_*; address: guest-physical
 * TASK_SWITCH  bits 15:0 selector of the TSS, 17:16 enum vcpu_task_source, bit 31: with error code,
 *              63:32 error code
 * CACHE        bit 0: INVD, bit 1: WBINVD; both: not known
 * TSC          bit 0: RDTSC, bit 1: RDTSCP; both: not known
 * MWAIT        bit 0: MONITOR, bit 1: MWAIT
 * INVLPG       address: linear, or 0 where the CPU does not tell
 * FAILED       enum vcpu_failure; address: what the CPU said
 */
#define EXIT_IO_PORT       0xffffull    /* mask */
#define EXIT_IO_SIZE       (7ull << 16) /* mask: 1, 2 or 4 bytes */
#define EXIT_IO_SIZE_SHIFT 16
#define EXIT_IO_IN         (1ull << 19)
#define EXIT_IO_STRING     (1ull << 20)
#define EXIT_IO_REP        (1ull << 21)

#define EXIT_MSR_WRITE (1ull << 32)

enum vcpu_cr_access { CR_WRITE = 0, CR_READ = 1, CR_CLTS = 2, CR_LMSW = 3 };
#define EXIT_REGISTER_UNKNOWN 0xffull

enum vcpu_task_source { TASK_CALL = 0, TASK_IRET = 1, TASK_JUMP = 2, TASK_GATE = 3 };

#define EXIT_GPA_READ    (1ull << 0)
#define EXIT_GPA_WRITE   (1ull << 1)
#define EXIT_GPA_EXECUTE (1ull << 2)
#define EXIT_GPA_MAPPED  (1ull << 3) /* a mapping is there, but does not allow it */
#define EXIT_GPA_WALK    (1ull << 4) /* the access was to a page table of the guest */

/* Why an entry failed. */
enum vcpu_failure {
    FAILURE_STATE = 1,   /* the guest's state is not consistent; address: what VMX says of it */
    FAILURE_CONTROL = 2, /* a control or host field; address: VM-instruction error */
    FAILURE_MSR = 3,     /* address: number of the entry in the list of MSRs */
    FAILURE_EXIT = 4,    /* an exit that the kernel does not know; address: its number */
};

/* Groups of the state: what comes with an exit, and what a reply changed. */
#define STATE_RIP        (1u << 0) /* rip; the guest has gone on, so a shadow ends */
#define STATE_RFLAGS     (1u << 1)
#define STATE_RSP        (1u << 2)
#define STATE_CS_SS      (1u << 3)
#define STATE_DS_ES      (1u << 4)
#define STATE_FS_GS      (1u << 5)
#define STATE_LDTR_TR    (1u << 6)
#define STATE_GDTR_IDTR  (1u << 7)
#define STATE_CR         (1u << 8) /* cr0, cr2, cr3, cr4 and, with PAE paging, pdpte */
#define STATE_TPR        (1u << 9) /* cr8 and the threshold */
#define STATE_EFER       (1u << 10)
#define STATE_DR         (1u << 11)
#define STATE_SYSENTER   (1u << 12)
#define STATE_SYSCALL    (1u << 13) /* star to kernel_gs_base */
#define STATE_PAT        (1u << 14)
#define STATE_INJECTION  (1u << 15) /* injection; interrupted comes with every exit */
#define STATE_INTERRUPTS (1u << 16) /* shadow, activity, pending_debug */
#define STATE_WINDOWS    (1u << 17)
#define STATE_CONTROLS   (1u << 18) /* exceptions, intercepts, msrs */
#define STATE_TIME       (1u << 19) /* deadline */
#define STATE_TSC        (1u << 20) /* tsc_offset, tsc_ratio */
#define STATE_XSAVE      (1u << 21) /* xcr0, xss and the image */
#define STATE_ALL        ((1u << 22) - 1)

/* As in a descriptor: bits 7:0 are its bits 47:40, 11:8 its bits 55:52. Not present: unusable. */
#define SEGMENT_PRESENT (1u << 7)

struct vcpu_segment {
    uint16_t selector;
    uint16_t attributes;
    uint32_t limit; /* in bytes, of GDTR and IDTR too */
    uint64_t base;
};

/* An event that is injected with the entry, or whose delivery the exit interrupted. */
#define EVENT_VECTOR    0xffu
#define EVENT_EXTERNAL  (0u << 8)
#define EVENT_NMI       (2u << 8)
#define EVENT_EXCEPTION (3u << 8)
#define EVENT_INT       (4u << 8) /* INT n; length must be its length */
#define EVENT_INT1      (5u << 8)
#define EVENT_INT3      (6u << 8) /* INT3 or INTO */
#define EVENT_TYPE      (7u << 8)
#define EVENT_ERROR     (1u << 11)
#define EVENT_VALID     (1u << 31)

struct vcpu_event {
    uint32_t info;  /* EVENT_* */
    uint32_t error; /* error code */
};

/* shadow */
#define SHADOW_STI    (1u << 0)
#define SHADOW_MOV_SS (1u << 1)
#define SHADOW_NMI    (1u << 3) /* NMIs are blocked until IRET */

enum vcpu_activity {
    VCPU_ACTIVE = 0,
    VCPU_HALTED = 1, /* the guest does not run until a recall or the deadline, which are exits */
    VCPU_WAITING = 2 /* the same: for a SIPI */
};

/* windows */
#define WINDOW_INTERRUPT (1u << 0)
#define WINDOW_NMI       (1u << 1)

/* intercepts: what exits only if it is asked for. */
#define INTERCEPT_PAUSE  (1u << 0)
#define INTERCEPT_TSC    (1u << 1)
#define INTERCEPT_INVLPG (1u << 2)
#define INTERCEPT_ALL    7u

/* msrs: what does not exit, because the guest has its own, in the groups above. */
#define MSR_PASS_FS_GS_BASE (1u << 0) /* IA32_FS_BASE, IA32_GS_BASE */
#define MSR_PASS_SYSCALL    (1u << 1) /* STAR, LSTAR, CSTAR, SFMASK, KERNEL_GS_BASE */
#define MSR_PASS_SYSENTER   (1u << 2)
#define MSR_PASS_PAT        (1u << 3)
#define MSR_PASS_ALL        15u

#define VCPU_IMAGE_OFFSET 1024u /* of the XSAVE image in the page */
#define VCPU_IMAGE_BYTES  3072u

/* The page from its start on. Reserved fields are not looked at. */
struct vcpu_state {
    /* With every exit. General registers in the order in which instructions number them. */
    uint64_t rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi;
    uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
    uint64_t rip, rflags;
    uint32_t reason;            /* enum vcpu_exit */
    uint8_t instruction_length; /* 0: the CPU does not tell */
    uint8_t instruction_bytes;  /* how many of instruction[] it told */
    uint8_t reserved0[2];
    uint64_t qualification, address;
    uint8_t instruction[16];
    struct vcpu_event interrupted; /* delivery that the exit interrupted: inject it again */

    /* By group. */
    struct vcpu_event injection; /* none after each exit */
    uint32_t injection_length;   /* bytes of the instruction, for EVENT_INT to EVENT_INT3 */
    uint32_t windows;            /* WINDOW_* that are wanted */
    uint32_t shadow, activity;
    uint64_t pending_debug; /* DR6 bits of a trap that comes with the entry: BS (14), B0 to B3 */
    uint64_t deadline;      /* absolute, in the kernel's TSC ticks; 0: none */
    uint64_t tsc_offset;    /* the guest's TSC is the kernel's, times tsc_ratio, plus this */
    uint64_t tsc_ratio;     /* 32.32 fixed point; 0 or 1 << 32 without the feature */
    uint32_t exceptions;    /* bit n: exception n exits */
    uint32_t intercepts;    /* INTERCEPT_* */
    uint32_t msrs;          /* MSR_PASS_* */
    uint32_t tpr_threshold; /* 0 to 15: CR8 below it is an exit; 0: none */
    struct vcpu_segment es, cs, ss, ds, fs, gs, gdtr, ldtr, idtr, tr;
    uint64_t cr0, cr2, cr3, cr4, cr8;
    uint64_t pdpte[4];
    uint64_t efer;
    uint64_t dr[4], dr6, dr7;
    uint64_t sysenter_cs, sysenter_esp, sysenter_eip;
    uint64_t star, lstar, cstar, sfmask, kernel_gs_base;
    uint64_t pat;
    uint64_t xcr0, xss;

    /* Interrupts for the guest: whoever holds the page sets bits, then recalls it (VCPU_RECALL). */
    uint64_t pending[4];  /* by vector; the monitor injects them. Virtual delivery: see features */
    uint64_t eoi_exit[4]; /* vectors whose EOI exits, with virtual delivery only */
    uint32_t outstanding; /* not 0: bits were set since it was last cleared */
    uint32_t reserved1;
};

_Static_assert(sizeof(struct vcpu_state) <= VCPU_IMAGE_OFFSET, "the image follows");
_Static_assert(offsetof(struct vcpu_state, rip) == 128, "general registers by their number");
