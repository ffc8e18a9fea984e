/*
 * A new context finds its struct by a pointer on its stack: its registers carry nothing, or the
 * first message.
 */
#include "thread.h"

#include <stddef.h>

_Noreturn void thread_run(struct thread *thread);

/* Puts pointer on top of the stack, so that RSP is 16-byte aligned. */
static uint64_t stack_make(void *end, void *pointer)
{
    void **top = (void **)((uintptr_t)end & ~(uintptr_t)15) - 2;

    top[0] = pointer;
    top[1] = 0;
    return (uint64_t)top;
}

struct answer thread_start(struct thread *thread, const struct place *place,
                           const struct schedule *schedule)
{
    uint64_t rsp = stack_make(place->stack_end, thread);
    struct answer answer;

    thread->utcb = (struct utcb *)place->utcb;
    answer = context_create(thread->context, place->pool, place->domain, (uint64_t)thread_entry,
                            rsp, place->utcb, place->cpu);
    if (answer.status != STATUS_SUCCESS)
        return answer;
    answer = time_create(thread->time, place->pool, thread->context, schedule);
    if (answer.status != STATUS_SUCCESS)
        (void)object_destroy(thread->context);
    return answer;
}

enum status thread_end(const struct thread *thread)
{
    enum status status = object_destroy(thread->time);

    if (status != STATUS_SUCCESS && status != STATUS_BAD_CAPABILITY)
        return status;
    return object_destroy(thread->context);
}

/* A reply that nobody waits for is a wait for a call that never comes: there is no portal. */
_Noreturn void thread_run(struct thread *thread)
{
    struct message nothing = message_make(thread->utcb);

    thread->run(thread, thread->argument);
    for (;;) {
        nothing.length = 0;
        (void)!portal_reply(&nothing);
    }
}

_Static_assert(offsetof(struct handler, utcb) == 8, "start.S");
_Static_assert(offsetof(struct handler, handle) == 16, "start.S");
_Static_assert(offsetof(struct message, length) == 8, "start.S");
_Static_assert(offsetof(struct message, word) == 16, "start.S");
_Static_assert(offsetof(struct message, utcb) == 48, "start.S");

struct answer handler_start(struct handler *handler, const struct place *place)
{
    handler->utcb = (struct utcb *)place->utcb;
    return context_create(handler->context, place->pool, place->domain, (uint64_t)handler_entry,
                          stack_make(place->stack_end, handler), place->utcb, place->cpu);
}
