/*
 * Handlers as threads of musl: pthread_create makes stack and thread-local storage, and what it
 * takes for the new thread's clone makes an EC that waits for calls (thread.c). The function that
 * it is given never runs.
 */
#include "cairn/handler.h"

#include <errno.h>
#include <pthread.h>

#include "port.h"

void cairn_thread_forget(void *thread);

static void *never(void *argument)
{
    return argument;
}

int cairn_handler_start(struct handler *handler, size_t stack)
{
    pthread_attr_t attributes;
    pthread_t thread;
    int error = pthread_attr_init(&attributes);

    if (!error && stack)
        error = pthread_attr_setstacksize(&attributes, stack);
    if (error)
        return error;
    port_self()->next_handler = handler;
    error = pthread_create(&thread, &attributes, never, NULL);
    port_self()->next_handler = NULL;
    (void)pthread_attr_destroy(&attributes);
    return error;
}

void cairn_handler_end(struct handler *handler)
{
    void *thread = port_handler_clear(handler);

    if (thread)
        cairn_thread_forget(thread);
}
