/*
 * Who and where a thread is. A program sees one process, itself, and no users: everybody is nobody.
 */
#include <errno.h>
#include <sched.h>
#include <string.h>

#include "calls.h"

#define NOBODY 65534

long call_getpid(const long *a)
{
    (void)a;
    return PORT_PROCESS;
}

long call_getppid(const long *a)
{
    (void)a;
    return 0; /* as Linux says of a parent that cannot be seen */
}

long call_gettid(const long *a)
{
    (void)a;
    return port_thread_number(port_self());
}

long call_getuid(const long *a)
{
    (void)a;
    return NOBODY;
}

long call_geteuid(const long *a)
{
    return call_getuid(a);
}

long call_getgid(const long *a)
{
    return call_getuid(a);
}

long call_getegid(const long *a)
{
    return call_getuid(a);
}

/* cpu or NULL, node or NULL */
long call_getcpu(const long *a)
{
    if (a[0])
        *(unsigned *)a[0] = port_self()->cpu;
    if (a[1])
        *(unsigned *)a[1] = 0;
    return 0;
}

static struct port_thread *thread_named(long tid)
{
    return tid ? port_thread_of(tid) : port_self();
}

/* thread, size, set. A thread stays on its CPU: a set without that one cannot be. */
long call_sched_setaffinity(const long *a)
{
    const struct port_thread *thread = thread_named(a[0]);
    const uint8_t *set = (const uint8_t *)a[2];

    if (!thread)
        return -ESRCH;
    if (thread->cpu / 8 >= (uint64_t)a[1] || !(set[thread->cpu / 8] >> thread->cpu % 8 & 1))
        return -EINVAL;
    return 0;
}

/* thread, size, set; how many bytes of it were written */
long call_sched_getaffinity(const long *a)
{
    const struct port_thread *thread = thread_named(a[0]);
    uint64_t set;

    if (!thread)
        return -ESRCH;
    if ((uint64_t)a[1] < sizeof(set) || (uint64_t)a[1] % sizeof(set))
        return -EINVAL;
    set = 1ull << thread->cpu;
    memcpy((void *)a[2], &set, sizeof(set));
    return sizeof(set);
}

#define YIELDS_IN_SECOND 100000u

/* Others get the CPU, of the same priority too, because the thread waits for a moment. */
long call_sched_yield(const long *a)
{
    (void)a;
    (void)port_sleep(tsc_now() + ENVIRONMENT->tsc_hz / YIELDS_IN_SECOND);
    return 0;
}

/* head, size. Of robust mutexes, whose owners musl looks after by itself when they end. */
long call_set_robust_list(const long *a)
{
    return a[1] == 3 * sizeof(long) ? 0 : -EINVAL;
}
