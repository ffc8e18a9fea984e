/*
 * Portal handlers that are threads of the C library: with a stack, errno and thread-local variables
 * of their own. They may use everything that a thread may, on their callers' time; what they wait
 * for, their caller waits for.
 *
 *     static void serve(struct handler *self, struct message *m) { ... }
 *     struct handler handler = {.handle = serve};
 *     error = cairn_handler_start(&handler, 0);
 *     answer = portal_create(selector, PROCESS_POOL, handler.context, id);
 *
 * Words from the fifth on are in the UTCB, where they stay as long as the handler makes no portal
 * call of its own; printing is none that counts.
 */
#pragma once

#include <stddef.h>

#include "thread.h"

/*
 * Makes the execution context, on the CPU that cairn_thread_place said or the caller's own, with a
 * stack of that size (0: as pthreads have it), and time on which it goes on when a caller's is
 * lost. 0 or an error as of pthread_create. The struct stays where it is until the end.
 */
int cairn_handler_start(struct handler *handler, size_t stack);

/*
 * Ends it, whatever it is doing: callers find their portal call aborted, and what it has taken, a
 * lock or memory, stays taken. So nobody calls it any more when it ends. Not for itself.
 */
void cairn_handler_end(struct handler *handler);
