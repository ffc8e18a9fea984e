/*
 * Not in musl: a portal handler (bootstrap/musl/port/handler.c) has been destroyed from outside.
 * What pthread_exit and pthread_join do for a thread that ends by itself is done for it here; the
 * destructors of its thread-specific data do not run.
 */
#include <sys/mman.h>

#include "libc.h"
#include "pthread_impl.h"

void cairn_thread_forget(void *thread)
{
    pthread_t t = thread;

    __tl_lock();
    t->next->prev = t->prev;
    t->prev->next = t->next;
    if (!--libc.threads_minus_1)
        libc.need_locks = -1;
    __tl_unlock();
    (void)munmap(t->map_base, t->map_size);
}
