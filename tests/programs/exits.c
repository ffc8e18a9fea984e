/* The ways to end; the argument says which. tests/programs/musl.t knows what root has to say. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static void say(void)
{
    puts("exit handler");
}

static void *last(void *argument)
{
    pthread_t main_thread = *(pthread_t *)argument;

    pthread_join(main_thread, NULL);
    puts("the last thread");
    return NULL;
}

static void *fault(void *argument)
{
    char *p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    (void)argument;
    p[5] = 1;
    return p;
}

static unsigned overflow(unsigned depth) // NOLINT(misc-no-recursion): that is its purpose
{
    volatile char part[1000];

    part[depth % sizeof(part)] = 1;
    return depth ? overflow(depth - 1) + (unsigned char)part[depth % sizeof(part)] : 0;
}

int main(int count, char **argument)
{
    const char *way = count > 1 ? argument[1] : "";
    pthread_t thread, self = pthread_self();

    atexit(say);
    printf("%s", "no end of line");
    if (!strcmp(way, "return"))
        return 3;
    if (!strcmp(way, "exit"))
        exit(259);
    if (!strcmp(way, "_exit"))
        _exit(5);
    if (!strcmp(way, "group"))
        syscall(SYS_exit_group, 6);
    if (!strcmp(way, "last")) {
        static pthread_t main_thread;
        main_thread = self;
        pthread_create(&thread, NULL, last, &main_thread);
        pthread_exit(NULL);
    }
    if (!strcmp(way, "abort"))
        abort();
    if (!strcmp(way, "raise"))
        raise(SIGTERM);
    if (!strcmp(way, "thread")) {
        pthread_create(&thread, NULL, fault, NULL);
        pthread_join(thread, NULL);
    }
    if (!strcmp(way, "stack"))
        return (int)overflow(1u << 20);
    return 1;
}
