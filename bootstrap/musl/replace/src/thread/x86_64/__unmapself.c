/*
 * Replaces musl's __unmapself.s: a detached thread ends, and its stack is unmapped when nothing
 * uses it any more.
 */
#include "pthread_impl.h"

_Noreturn void cairn_thread_leave(void *base, size_t size);

hidden void __unmapself(void *base, size_t size)
{
    cairn_thread_leave(base, size);
}
