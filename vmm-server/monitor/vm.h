/*
 * The VM: what the monitor keeps. One handler thread serves the exits of a VCPU, on the VCPU's CPU
 * and time; the terminal has a thread of its own (terminal.h). All that is shared is under the VM's
 * lock, which an exit takes before it looks at anything and gives up before it replies.
 */
#pragma once

#include "cairn/handler.h"
#include "cpuid.h"
#include "emulate.h"
#include "environment.h"
#include "guest_memory.h"
#include "lapic.h"
#include "msr.h"
#include "mutex.h"
#include "platform.h"
#include "vcpu_state.h"
#include "vm_config.h"

/* Selectors of the program's own, behind those of the C library. */
enum monitor_selector {
    MONITOR_FIRST = 1392, /* CAIRN_SELECTORS_FREE; main.c checks it */
    MONITOR_LOCK = MONITOR_FIRST,
    MONITOR_VM,
    MONITOR_TERMINAL_LOCK,
    MONITOR_ROOM,         /* semaphore: the terminal has room for output */
    MONITOR_END,          /* semaphore: the VM has ended */
    MONITOR_RAM,          /* and following: parts of RAM that are mapped in pages of one size */
    MONITOR_VCPUS = 1424, /* and following: VCPU_SELECTORS for each */
};

enum vcpu_selector {
    VCPU_SELF,
    VCPU_STATE, /* MEM of its page */
    VCPU_TIME,
    VCPU_PORTAL,
    VCPU_SELECTORS = 8,
};

#define MONITOR_VCPUS_MAX 8u

/* What CPUID said, and all that it depended on. */
#define CPUID_ANSWERS 16u
struct cpuid_answer {
    uint64_t cr4, xcr0;
    uint32_t leaf, subleaf, out[4];
    bool valid, apic_enabled;
};

/* Places in the address space, above what the C library uses. */
#define MONITOR_RAM_AT    0x500000000000ull
#define MONITOR_STATES_AT 0x400000000000ull /* a page for each VCPU */
#define MONITOR_IMAGES_AT 0x410000000000ull /* boot images, while they are loaded */

struct vm;

struct vcpu {
    struct vm *vm;
    uint32_t id; /* of its LAPIC too */
    struct vcpu_state *state;
    struct handler handler;
    struct lapic lapic;

    /* Of the exit that is being handled. */
    uint32_t held;    /* groups that the page has */
    uint32_t changed; /* groups that the reply names */

    /* What the kernel was told last. */
    uint64_t deadline;
    uint32_t windows;
    uint32_t threshold;

    uint32_t recalled; /* a recall is on its way. Atomic */
    bool nmi;          /* one is pending */
    bool halted;
    uint32_t *pv_eoi;    /* the guest's word for it (kvm.c); NULL: it has none */
    bool pv_eoi_offered; /* its bit is set there, or the guest has taken it */

    struct decode_cache *decoded;
    struct cpuid_answer answers[CPUID_ANSWERS];
    struct msrs msrs;
    uint64_t exits[EXIT_COUNT];
};

/* How the VM ends. */
enum vm_end {
    VM_RUNS,
    VM_OFF,     /* power-off, or a reset where that ends it */
    VM_EXIT,    /* by the debug-exit port: status is there */
    VM_CRASHED, /* the guest did what cannot be carried out */
};

struct vm {
    struct vm_config config;
    struct mutex lock;
    struct guest_memory memory;
    uint64_t ram_size;
    uint32_t ram_selector; /* MEM that root gave */
    struct platform platform;
    uint8_t physical_bits;
    uint64_t wall_clock; /* nanoseconds since 1970 at TSC 0; 0: not known */
    enum vm_end end;     /* Atomic */
    uint32_t status;
    bool reset_wanted, booted;
    struct vcpu vcpu[MONITOR_VCPUS_MAX];
};

static inline uint32_t vcpu_selector(const struct vcpu *v, enum vcpu_selector which)
{
    return MONITOR_VCPUS + v->id * VCPU_SELECTORS + which;
}

static inline uint64_t tsc_now(void)
{
    return __builtin_ia32_rdtsc();
}

/* A call again, with more frames in the program's pool, until it does not lack any. */
#define WITH_FUNDS(answer, call) \
    do                           \
        (answer) = (call);       \
    while (cairn_funds_add(&(answer)))

/* main.c: a line about the VM, and the end of the program, with status 8. */
__attribute__((format(printf, 1, 2))) void say(const char *format, ...);
__attribute__((format(printf, 1, 2))) _Noreturn void give_up(const char *format, ...);
