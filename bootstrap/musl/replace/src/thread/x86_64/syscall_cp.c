/*
 * Replaces musl's syscall_cp.s: a call that is a cancellation point. There are no signals, so no
 * handler asks where in this code a thread is: pthread_cancel interrupts the thread's wait
 * (bootstrap/musl/port/signals.c), and the call returns EINTR.
 */
#include "pthread_impl.h"
#include "syscall.h"

hidden const char __cp_begin[1], __cp_end[1], __cp_cancel[1];
hidden long __cancel(void);

hidden long __syscall_cp_asm(volatile void *cancel, long n, long a, long b, long c, long d, long e,
                             long f)
{
    if (*(volatile int *)cancel)
        return __cancel();
    return cairn_linux_call(n, a, b, c, d, e, f);
}
