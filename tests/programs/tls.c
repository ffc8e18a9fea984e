/* Thread-local storage: initial values, one copy a thread, keys with destructors, errno. */
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>

#include "check.h"

static __thread int initial = 42;
static __thread int zero;
static __thread struct {
    char c;
} __attribute__((aligned(64))) aligned;

static pthread_key_t key;
static unsigned destroyed;

static void destroy(void *value)
{
    destroyed += *(unsigned *)value;
}

static void *look(void *argument)
{
    static unsigned one = 1;
    bool right = initial == 42 && zero == 0 && (uintptr_t)&aligned % 64 == 0 && errno == 0;

    initial = 7;
    zero = 8;
    errno = EBADF;
    right = right && pthread_getspecific(key) == NULL && !pthread_setspecific(key, &one);
    return right && errno == EBADF ? argument : NULL;
}

int main(void)
{
    unsigned right = 0;

    check(initial == 42 && zero == 0 && (uintptr_t)&aligned % 64 == 0, "the main thread's");
    initial = 1;
    zero = 2;
    pthread_key_create(&key, destroy);
    for (unsigned i = 0; i < 10; i++) {
        pthread_t thread;
        void *result = NULL;

        right += !pthread_create(&thread, NULL, look, &key) && !pthread_join(thread, &result) &&
                 result == &key;
    }
    check(right == 10, "%u of 10 threads find their own", right);
    check(initial == 1 && zero == 2, "and leave the main thread's alone");
    check(destroyed == 10, "%u of 10 values are destroyed", destroyed);
    return checks_end();
}
