/*
 * There are no signals. What a program does with them still has a meaning: a thread that raises one
 * whose default is to end the program stops right there, and root tells where, with its registers.
 * A signal to another thread has one meaning only, to interrupt its wait: that is how
 * pthread_cancel works, whose target then finds its flag set.
 */
#include <errno.h>
#include <signal.h>

#include "calls.h"

#define SIGNAL_CANCEL 33 /* musl's SIGCANCEL */

_Noreturn void port_signal_fatal(long signal);

static bool is_ignored(long signal)
{
    return signal == 0 || signal == SIGCHLD || signal == SIGURG || signal == SIGWINCH ||
           signal == SIGCONT;
}

static long signal_raise(struct port_thread *thread, long signal)
{
    if (signal < 0 || signal >= _NSIG)
        return -EINVAL;
    if (!thread)
        return -ESRCH;
    if (is_ignored(signal))
        return 0;
    if (signal == SIGNAL_CANCEL) {
        port_interrupt(thread);
        return 0;
    }
    if (thread != port_self() || signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN ||
        signal == SIGTTOU)
        return -ENOSYS;
    port_output_flush();
    port_signal_fatal(signal);
}

/* thread, signal */
long call_tkill(const long *a)
{
    return signal_raise(port_thread_of(a[0]), a[1]);
}

/* process, thread, signal */
long call_tgkill(const long *a)
{
    return a[0] == PORT_PROCESS ? signal_raise(port_thread_of(a[1]), a[2]) : -ESRCH;
}

/* process, signal */
long call_kill(const long *a)
{
    return a[0] == PORT_PROCESS || a[0] == 0 ? signal_raise(port_self(), a[1]) : -ESRCH;
}

/* how, set, old set, size. Whatever is blocked, nothing comes. */
long call_rt_sigprocmask(const long *a)
{
    sigset_t *old = (sigset_t *)a[2];

    if (a[3] != _NSIG / 8)
        return -EINVAL;
    if (old)
        old->__bits[0] = 0;
    return 0;
}
