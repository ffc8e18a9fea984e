/*
 * Threads and handlers. Both are an execution context with a stack and a UTCB. A thread has time of
 * its own and runs a function once; a handler has none, waits for calls through its portals and
 * runs on its callers' time.
 *
 * The struct belongs to the caller and stays where it is until the end; it must be reachable in the
 * domain in which the context runs, as must the stack. What the functions need of the kernel's
 * memory comes from one pool; a failed call changes nothing.
 */
#pragma once

#include "system.h"

/* Where and out of what an execution context is made. */
struct place {
    uint32_t pool;
    uint32_t domain;
    uint32_t cpu;    /* index */
    void *stack_end; /* address behind the stack, in the domain */
    uint64_t utcb;   /* address of a free page in the domain */
};

struct thread {
    uint32_t context; /* selectors: of the EC, */
    uint32_t time;    /* and of the SC */
    struct utcb *utcb;
    void (*run)(struct thread *self, void *argument);
    void *argument;
};

/*
 * Starts thread->run(thread, thread->argument) in a new EC and SC at the two selectors that thread
 * names. When run returns the thread waits for ever; thread_end removes it.
 */
__attribute__((warn_unused_result)) struct answer
thread_start(struct thread *thread, const struct place *place, const struct schedule *schedule);

/* Destroys the SC and the EC, whatever the thread is doing. Not for the caller itself. */
enum status thread_end(const struct thread *thread);

struct handler {
    uint32_t context; /* selector of the EC */
    struct utcb *utcb;
    /* Handles the call in *message and leaves the reply there. */
    void (*handle)(struct handler *self, struct message *message);
    void *argument;
};

/* Makes the EC, which waits for calls through portals that are made into it (portal_create). */
__attribute__((warn_unused_result)) struct answer handler_start(struct handler *handler,
                                                                const struct place *place);

/*
 * start.S: first instructions of a thread, with RSP at a struct thread *; of a handler likewise,
 * which handles, replies and waits. A reply that is too long is replaced by an empty one.
 */
extern const char thread_entry[], handler_entry[];
