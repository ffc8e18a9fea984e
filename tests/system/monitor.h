/*
 * A monitor of virtual machines for suites: one domain, this one, in which each VCPU has a handler
 * of its exits on its CPU. Every exit is noted in a log, which the suite compares, and answered: by
 * the suite's own function, or as a guest of guests/tiny expects.
 *
 * What instructions its guests use, it knows the length of, where the CPU does not tell.
 */
#pragma once

#include "tiny.h"
#include "vcpu_state.h"
#include "world.h"

#define MONITORS       2u
#define MONITOR_VCPUS  4u
#define MONITOR_EXITS  40u          /* that a log holds; later ones are only counted */
#define MONITOR_BYTES  (1ull << 20) /* at most, of guest memory */
#define MONITOR_LIMIT  WORLD_LIMIT
#define MONITOR_GROUPS (STATE_ALL & ~STATE_XSAVE)

/* An exit as its handler found it. */
struct monitor_exit {
    uint64_t words; /* of the message */
    uint64_t reason, qualification, rip, address;
    struct vcpu_state state; /* the page; groups that were not asked for are older */
};

struct monitor_vcpu {
    struct monitor *monitor;
    unsigned index;
    uint32_t cpu;
    volatile struct vcpu_state *page;
    uint32_t mode; /* TINY_REAL and so on: what it starts in */

    /*
     * Changes the page and returns the groups that are to be taken over. NULL: monitor_answer. The
     * exit is the record in the log, or the last one when that is full.
     */
    uint64_t (*answer)(struct monitor_vcpu *v, const struct monitor_exit *e);
    volatile uint64_t exits; /* in all */
    struct monitor_exit log[MONITOR_EXITS];
};

/* A VM with memory at guest-physical 0, which the monitor sees too. */
struct monitor {
    unsigned index;
    uint64_t bytes;
    struct monitor_vcpu vcpus[MONITOR_VCPUS];
};

extern struct monitor monitors[MONITORS];

/* Selectors and addresses. */
static inline uint32_t monitor_vm(const struct monitor *m)
{
    return TEST_SELECTORS + 384 + 64 * m->index;
}

static inline uint32_t monitor_memory(const struct monitor *m)
{
    return monitor_vm(m) + 1;
}

static inline uint32_t monitor_vcpu(const struct monitor_vcpu *v)
{
    return monitor_vm(v->monitor) + 4 + 4 * v->index;
}

static inline uint32_t monitor_page(const struct monitor_vcpu *v)
{
    return monitor_vcpu(v) + 1;
}

static inline uint32_t monitor_time(const struct monitor_vcpu *v)
{
    return monitor_vcpu(v) + 2;
}

static inline unsigned monitor_actor(const struct monitor_vcpu *v)
{
    return 8 + MONITOR_VCPUS * v->monitor->index + v->index;
}

/* Upped when a VCPU of the VM comes to its end (monitor_stop). */
static inline uint32_t monitor_done(const struct monitor *m)
{
    return SEMAPHORE + 5 + m->index;
}

/* Where the monitor has guest memory from 0 on. */
static inline volatile uint8_t *monitor_at(const struct monitor *m, uint64_t gpa)
{
    return (volatile uint8_t *)(TEST_ADDRESS + ((1ull + m->index) << 28) + gpa);
}

/* False, and a comment: this machine has no guests. Suites return then. */
bool monitor_possible(const struct machine *m);

/*
 * Monitor i opens a VM with so many bytes of memory, multiple of 4096, all of it mapped with all
 * rights. Each is a test, and false when it failed.
 */
bool monitor_open(unsigned i, uint64_t bytes);
void monitor_close(struct monitor *m);

/* The same, of which only the first `mapped` bytes are in the VM's guest-physical space. */
bool monitor_open_part(unsigned i, uint64_t bytes, uint64_t mapped);

/* Maps a page of the memory at a guest-physical address, with rights; no test. */
enum status monitor_map(struct monitor *m, uint64_t gpa, uint64_t offset, uint32_t rights);

/*
 * VCPU i with its page, its handler, and the handler's portal bound to all reasons, with groups;
 * EXIT_STARTUP comes with all. No test; false and a comment when it failed.
 */
bool monitor_add(struct monitor *m, unsigned i, uint32_t cpu, uint32_t groups);
bool monitor_remove(struct monitor_vcpu *v);

/* Exits of a reason come with other groups. */
enum status monitor_bind(struct monitor_vcpu *v, uint32_t reason, uint32_t groups);

/* Gives it time: it starts. */
bool monitor_start(struct monitor_vcpu *v, uint8_t priority);

/* Waits until a VCPU of the VM has come to its end; false: it takes too long. */
bool monitor_wait(struct monitor *m);

/* Puts a guest and what its mode needs (tables, descriptors, handlers) into memory. */
void monitor_load(struct monitor *m, const struct tiny *guest);

/*
 * A guest on a new VCPU 0 on CPU 0, to its end. True: it came there; what it did is in the log. No
 * test, but a comment that says what was wrong.
 */
bool monitor_run(struct monitor *m, const struct tiny *guest, uint32_t groups,
                 uint64_t (*answer)(struct monitor_vcpu *v, const struct monitor_exit *e));

/* Prints the log as comments. */
void monitor_print(const struct monitor_vcpu *v);

/*
 * The usual answer: at the start the state of its mode; HLT, and what a guest cannot go on from,
 * ends it; other instructions are stepped over, and those that read get MONITOR_VALUE.
 */
uint64_t monitor_answer(struct monitor_vcpu *v, const struct monitor_exit *e);

#define MONITOR_VALUE(n) (0x5a5a0000u + (n)) /* n: port, MSR, or register of CPUID from 1 on */

/* Parts of it. All return groups. */
uint64_t monitor_begin(struct monitor_vcpu *v); /* monitor_state.c */
uint64_t monitor_skip(struct monitor_vcpu *v);
uint64_t monitor_stop(struct monitor_vcpu *v);

/* Length of the instruction at a guest-physical address; 0: none that guests here use. */
unsigned monitor_length(const struct monitor *m, uint64_t gpa, uint32_t mode);
