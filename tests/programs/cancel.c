/* Cancellation without signals: a thread ends where it waits, or where it would next wait. */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static volatile bool go, cleaned;

static void clean(void *argument)
{
    (void)argument;
    cleaned = true;
}

static void *sleeps(void *argument)
{
    pthread_cleanup_push(clean, NULL);
    for (;;)
        sleep(1000);
    pthread_cleanup_pop(0);
    return argument;
}

static void unlock(void *argument)
{
    pthread_mutex_unlock(argument);
}

static void *waits(void *argument)
{
    pthread_mutex_lock(&mutex);
    pthread_cleanup_push(unlock, &mutex);
    for (;;)
        pthread_cond_wait(&condition, &mutex);
    pthread_cleanup_pop(0);
    return argument;
}

/* Not where it could be cancelled, until it may. */
static void *works(void *argument)
{
    int old;

    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old);
    while (!go)
        usleep(1000);
    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &old);
    pthread_testcancel();
    return argument;
}

static bool ends_cancelled(void *(*run)(void *), useconds_t pause)
{
    pthread_t thread;
    void *result = NULL;

    if (pthread_create(&thread, NULL, run, NULL))
        return false;
    usleep(pause);
    bool cancelled = pthread_cancel(thread) == 0;
    usleep(1000);
    go = true;
    return pthread_join(thread, &result) == 0 && cancelled && result == PTHREAD_CANCELED;
}

static void check_signals(void)
{
    sigset_t set;
    pthread_t thread;

    check(signal(SIGTERM, SIG_IGN) == SIG_ERR && errno == ENOSYS, "no signal has a handler");
    sigemptyset(&set);
    check(sigprocmask(SIG_BLOCK, &set, NULL) == 0, "any can be blocked: none comes");
    check(raise(SIGCHLD) == 0 && raise(SIGCONT) == 0, "what is ignored by default is");
    check(raise(SIGSTOP) == -1 && errno == ENOSYS, "nobody is stopped by a signal");
    check(raise(1000) == -1 && errno == EINVAL, "and there are not so many");
    if (pthread_create(&thread, NULL, sleeps, NULL))
        return;
    check(pthread_kill(thread, 0) == 0, "a thread is there");
    check(pthread_kill(thread, SIGUSR1) == ENOSYS, "nothing is sent to it");
    pthread_cancel(thread);
    pthread_join(thread, NULL);
}

int main(void)
{
    check(ends_cancelled(sleeps, 5000) && cleaned, "in a sleep, with its clean-up");
    check(ends_cancelled(sleeps, 0), "at once");
    check(ends_cancelled(waits, 5000), "in a condition variable");
    check(pthread_mutex_trylock(&mutex) == 0, "whose mutex is free then");
    go = false;
    check(ends_cancelled(works, 5000), "not before it allows it");
    unsigned right = 0;
    for (unsigned i = 0; i < 30; i++)
        right += ends_cancelled(sleeps, i * 37);
    check(right == 30, "at whatever moment: %u of 30", right);
    check_signals();
    return checks_end();
}
