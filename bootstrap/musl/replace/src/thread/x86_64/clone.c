/*
 * Replaces musl's clone.s: a thread of this program, as pthread_create asks for it. Anything else
 * that Linux can clone (a process, a thread that shares less) there is not.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <stdarg.h>

#include "pthread_impl.h"

#define THREAD                                                                         \
    (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SETTLS | \
     CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID)

long cairn_thread_clone(int (*run)(void *), void *stack, void *argument, int *tid, void *tls,
                        volatile int *cleared);

hidden int __clone(int (*run)(void *), void *stack, int flags, void *argument, ...)
{
    va_list list;

    if ((flags & THREAD) != THREAD)
        return -ENOSYS;
    va_start(list, argument);
    int *tid = va_arg(list, int *);
    void *tls = va_arg(list, void *);
    volatile int *cleared = va_arg(list, volatile int *);
    va_end(list);
    return (int)cairn_thread_clone(run, stack, argument, tid, tls, cleared);
}
