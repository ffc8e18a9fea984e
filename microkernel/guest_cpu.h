/*
 * What a CPU keeps of guests (guest.h).
 */
#ifndef CAIRN_GUEST_CPU_H
#define CAIRN_GUEST_CPU_H

#include "boot_info.h"
#include "types.h"

struct vcpu;
struct vm;

/* What a CPU must do on the way into a guest, because it keeps what it should not (barrier.h). */
enum guest_barrier {
    BARRIER_BRANCHES = 1, /* predictions of branches: where another VM's guest ran before */
    BARRIER_BUFFERS = 2,  /* what passed through its buffers, and */
    BARRIER_L1D = 4,      /* its first-level data cache: each time */
};

/*
 * Part of struct cpu. Only its own CPU touches it, but for what CPU 0 reads at boot. `vectors`,
 * `debug` and so on name the VCPU whose state the CPU has there, whether or not that one runs;
 * NULL: none. Whoever needs the registers for something else saves them first.
 */
struct guest_cpu {
    struct vcpu *settled;     /* it has all of those below: it enters at once. NULL: look at them */
    struct vcpu *vectors;     /* CR0.TS is set then (vectors.h) */
    struct vcpu *debug;       /* DR0 to DR3, DR6 */
    struct vcpu *loaded;      /* VMX: whose VMCS is current; SVM: whose MSRs were loaded last */
    const struct vm *vm;      /* of the guest that was entered last, or NULL */
    uint64_t generation;      /* of tags; from 1 on */
    uint64_t stamps;          /* last one given to a VM (struct guest_tag) */
    uint32_t next_id;         /* next tag */
    uint32_t last_id;         /* highest tag that the CPU has */
    uint32_t msrs;            /* MSR_PASS_* of the MSR bitmap */
    bool ports_open;          /* some are in the I/O permission map, which is that of the VM */
    uint64_t ports;           /* that had this stamp */
    bool task_short;          /* VMX: TR has lost its I/O bitmap (ports.c) */
    uint32_t barriers;        /* BARRIER_* */
    void *frames;             /* GUEST_FRAMES frames: the back end's, physically contiguous */
    struct boot_guest limits; /* of this CPU, */
    const char *missing;      /* and why it can have no guest, or NULL; for guest_publish */
};

#define GUEST_FRAMES 7u

/*
 * Those from here on are the I/O permission map, for which both back ends use the same: a bit for
 * each port in two frames, and in the third what is behind the last one (APM 2, 15.10.1).
 */
#define GUEST_PORTS 4u

#endif
