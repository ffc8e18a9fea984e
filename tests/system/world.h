/*
 * What the suites of the capability system share: memory and selectors of their own, threads and
 * handlers (actors) with stacks and UTCBs, semaphores, and further domains that run this program.
 *
 * A second domain has the same program at the same addresses, data included; so actors in both talk
 * through variables. It has no I/O ports: only the first one prints.
 */
#pragma once

#include "cpu.h"
#include "machine.h"
#include "print.h"
#include "tap.h"
#include "thread.h"

/* Selectors: four for each actor, then the semaphores, then those of the suites. */
#define ACTORS          20u
#define ACTOR_SELECTORS 256u
#define SEMAPHORES      8u
#define SEMAPHORE       384u /* and following */
#define WORLD_MEMORY    400u /* MEM of WORLD_BYTES, 2 MiB aligned; a leaf that nobody uses */
#define WORLD_DEPOSIT   401u
#define WORLD_RANGE     402u
#define TEST_SELECTORS  512u /* and following: for a suite, which leaves them empty */
#define TEST_COUNT      512u

#define WORLD_BYTES (4ull << 20)
#define PAGE        4096ull

/* Addresses: a page for each actor's UTCB; 4 GiB for suites, which leave them empty. */
#define ACTOR_UTCBS  0x10000000ull
#define TEST_ADDRESS 0x100000000ull

/*
 * The deadline of a wait for what comes in any case. A host may run a CPU five times slower than
 * another, and look away from one for a while: nothing is concluded from a time that has passed.
 */
#define WORLD_LIMIT (tsc_read() + 20000 * world.millisecond)

/* Where time counts instructions, a timer is at most so many ticks late. */
#define EXACT_LATENESS 3000u

#define FIRST_PRIORITY 64u /* of this program's own thread */
#define PRIORITY_LOW   32u
#define PRIORITY_HIGH  96u

/* Events of actors in any domain go to the portals at EVENTS + vector, where there are some. */
#define EVENTS 448u

struct world {
    const struct machine *machine; /* NULL: not open yet */
    uint64_t millisecond;          /* TSC ticks */
    uint32_t boot_memory;          /* selector of the MEM that WORLD_MEMORY is a part of */
};

extern struct world world;

struct actor {
    struct thread thread;
    struct handler handler;
    bool serves;
};

extern struct actor actors[ACTORS];

/* Opens it the first time, empties the semaphores each time. False, and a failed test: it cannot.
 */
bool world_open(const struct machine *m);

/* Frames free in SELECTOR_POOL. */
uint64_t world_free(void);

/* One test: the pool has as many free frames as `before`. */
void world_balance(uint64_t before);

/* Blocks for so many ticks, or until a time. */
void world_sleep(uint64_t ticks);
void world_sleep_until(uint64_t deadline);

static inline uint32_t actor_context(unsigned i)
{
    return ACTOR_SELECTORS + 4 * i;
}

static inline uint32_t actor_time(unsigned i)
{
    return ACTOR_SELECTORS + 4 * i + 1;
}

static inline uint32_t actor_portal(unsigned i)
{
    return ACTOR_SELECTORS + 4 * i + 2;
}

static inline uint64_t actor_utcb(unsigned i)
{
    return ACTOR_UTCBS + i * PAGE;
}

/* Id of an actor's portal. */
static inline uint64_t actor_id(unsigned i)
{
    return 0xabcd000000000000ull + i;
}

/* Unlimited time on CPU 0. */
struct schedule actor_schedule(uint8_t priority);

/* Actor i becomes a thread of a domain (SELECTOR_PD: this one). */
bool actor_run(unsigned i, uint32_t domain, const struct schedule *schedule,
               void (*run)(struct thread *self, void *argument), void *argument);

/* The same on another CPU than the first. */
bool actor_run_at(unsigned i, uint32_t cpu, uint32_t domain, const struct schedule *schedule,
                  void (*run)(struct thread *self, void *argument), void *argument);

/* Actor i becomes a handler with a portal. */
bool actor_serve(unsigned i, uint32_t domain,
                 void (*handle)(struct handler *self, struct message *message), void *argument);

bool actor_serve_at(unsigned i, uint32_t cpu, uint32_t domain,
                    void (*handle)(struct handler *self, struct message *message), void *argument);

/* Destroys what actor i has, whatever it is doing. True if all of it went. */
bool actor_end(unsigned i);

/* An empty message of this program's first thread. */
struct message world_message(void);

/* A domain at a selector that runs this program and has the semaphores at the same selectors. */
bool domain_open(uint32_t selector);

/* A domain that runs this program, has no capability, and is paid for by that pool. No test. */
bool domain_open_from(uint32_t selector, uint32_t pool);

/* Delegates with all rights to the same selector of a domain. */
bool domain_give(uint32_t domain, uint32_t selector);

bool domain_close(uint32_t selector);
