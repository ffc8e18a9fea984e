/*
 * One end of sessions, honest or hostile, by its argument. As a server of `echo`, and of the
 * requests that another one breaks; as a client of any service.
 *
 * Of echo, a reply has each word of its request plus one.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "console_protocol.h"
#include "log_protocol.h"
#include "random_protocol.h"
#include "service.h"
#include "tsc.h"

#define ECHO_VERSION 1u
#define ROUNDS       200u
#define PATIENCE_MS  200u /* of who is lied to */
#define WAIT_S       30u  /* of who is not */

static uint64_t after(uint64_t milliseconds)
{
    return tsc_now() + milliseconds * (ENVIRONMENT->tsc_hz / 1000);
}

static _Noreturn void sleep_for_ever(void)
{
    const struct timespec pause = {.tv_sec = 1000};

    for (;;)
        nanosleep(&pause, NULL);
}

/* Servers. */

static _Noreturn void serve(void)
{
    static struct service service;
    struct session_entry e;
    uint32_t client;

    service_open(&service, ENVIRONMENT->cpu, (struct utcb *)PROCESS_UTCB, ECHO_VERSION);
    for (;;) {
        if (service_wait(&service, &client, &e, 0) != SERVICE_REQUEST)
            continue;
        for (unsigned i = 0; i < 7; i++)
            e.word[i]++;
        e.operation = 0;
        (void)service_reply(&service, client, &e);
    }
}

/* The memory of the first client that is there, once that has written its generation. */
static struct session_memory *first_client(void)
{
    const struct environment_client *clients = environment_entries(&ENVIRONMENT->clients);
    struct session_memory *m = (struct session_memory *)clients[0].address;

    while (!__atomic_load_n(&m->generation, __ATOMIC_ACQUIRE))
        (void)semaphore_down(PROCESS_NOTICE, DOWN_ZERO, after(10));
    return m;
}

static void ring(void)
{
    (void)semaphore_up(PROCESS_CLIENTS);
}

/* More replies than there can be. */
static void lie_of_replies(struct session_memory *m)
{
    __atomic_store_n(&m->replies.head, m->replies.tail + SESSION_ENTRIES + 1, __ATOMIC_RELEASE);
    ring();
}

static void lie_far(struct session_memory *m)
{
    __atomic_store_n(&m->replies.head, UINT64_MAX, __ATOMIC_RELEASE);
    ring();
}

/* More requests taken than were sent. */
static void lie_of_requests(struct session_memory *m)
{
    __atomic_store_n(&m->requests.tail, m->requests.head + 1, __ATOMIC_RELEASE);
    ring();
}

/* Replies that nobody has asked for: faster than they can be taken. */
static void lie_of_ids(struct session_memory *m)
{
    for (unsigned i = 0; i < SESSION_ENTRIES; i++)
        m->replies.entry[i].id = 0xdead;
    for (;;)
        __atomic_store_n(&m->replies.head,
                         __atomic_load_n(&m->replies.tail, __ATOMIC_RELAXED) + SESSION_ENTRIES,
                         __ATOMIC_RELAXED);
}

/* The semaphore alone. */
static void lie_of_nothing(struct session_memory *m)
{
    (void)m;
    ring();
}

static const struct lie {
    const char *name;
    void (*tell)(struct session_memory *m);
} lies[] = {{"replies", lie_of_replies},
            {"far", lie_far},
            {"requests", lie_of_requests},
            {"ids", lie_of_ids},
            {"rings", lie_of_nothing}};

static _Noreturn void lie(const char *name)
{
    struct session_memory *m = first_client();

    for (unsigned i = 0; i < sizeof(lies) / sizeof(lies[0]); i++)
        while (strcmp(name, lies[i].name) == 0)
            lies[i].tell(m);
    sleep_for_ever(); /* silent: it never replies */
}

/* Clients. */

static void open_or_end(struct session *s, const char *service, uint64_t version)
{
    if (session_open(s, service, version) == SESSION_DONE)
        return;
    printf("there is no %s\n", service);
    exit(1);
}

static bool echo_once(struct session *s, uint32_t n)
{
    struct session_entry e = {.id = n, .word = {n, 1, 2, 3, 4, 5, 6}};
    enum session_status status = session_call(s, &e, after(1000ull * WAIT_S));

    return status == SESSION_DONE && e.word[0] == n + 1ull && e.word[6] == 7;
}

/* The honest one: all answers, while others do what they want. */
static int ask(void)
{
    struct session s;
    unsigned right = 0;

    open_or_end(&s, "echo", ECHO_VERSION);
    (void)session_connect(&s, 0);
    for (uint32_t n = 0; n < ROUNDS; n++)
        right += echo_once(&s, n);
    printf("%u of %u answers\n", right, ROUNDS);
    return right == ROUNDS ? 0 : 1;
}

/* Asks for ever, whether it is connected or not, and says how it goes. */
static _Noreturn void keep(void)
{
    const struct timespec pause = {.tv_nsec = 10000000};
    unsigned long answers = 0, none = 0;
    struct session s;

    open_or_end(&s, "echo", ECHO_VERSION);
    for (uint32_t n = 0;; n++) {
        struct session_entry e = {.id = n, .word = {n}};
        bool done = session_connect(&s, after(PATIENCE_MS)) == SESSION_DONE &&
                    session_call(&s, &e, after(PATIENCE_MS)) == SESSION_DONE && e.word[0] == n + 1;
        answers += done;
        none += !done;
        if (!done || n % 8 == 0)
            printf("%lu answers, %lu without, bell %s\n", answers, none,
                   capability_lookup(s.bell).status == STATUS_SUCCESS ? "there" : "gone");
        nanosleep(&pause, NULL);
    }
}

/* One that is lied to: it comes back from every call. What it read outside would be a fault. */
static int doubt(const char *service)
{
    struct session s;
    unsigned back = 0;

    open_or_end(&s, service, ECHO_VERSION);
    (void)session_connect(&s, 0);
    for (unsigned n = 0; n < 5; n++) {
        struct session_entry e = {.id = n};
        enum session_status status = session_call(&s, &e, after(PATIENCE_MS));
        back += status == SESSION_BROKEN || status == SESSION_TIMEOUT || status == SESSION_FULL;
        (void)session_connect(&s, after(PATIENCE_MS));
    }
    printf("came back from %u of 5 calls\n", back);
    return back == 5 ? 0 : 1;
}

/* As fast as it can, without looking at what comes back: the ring of replies fills up. */
static _Noreturn void flood(void)
{
    const struct session_entry e = {.operation = 1};
    struct session s;

    open_or_end(&s, "echo", ECHO_VERSION);
    (void)session_connect(&s, 0);
    for (;;)
        if (session_send(&s, &e) != SESSION_DONE)
            (void)semaphore_up(s.bell);
}

/* Sends as many as there is room for, and is silent. */
static _Noreturn void fill(void)
{
    const struct session_entry e = {.operation = 1};
    struct session s;

    open_or_end(&s, "echo", ECHO_VERSION);
    (void)session_connect(&s, 0);
    for (unsigned n = 0; n < 4 * SESSION_ENTRIES; n++)
        while (session_send(&s, &e) != SESSION_DONE)
            (void)semaphore_down(s.wait, DOWN_ZERO, after(1));
    printf("has asked and does not listen\n");
    sleep_for_ever();
}

/* Everything that a client can write is written. */
static _Noreturn void scribble(void)
{
    static const uint64_t values[] = {0,          1,          SESSION_ENTRIES, SESSION_ENTRIES + 1,
                                      UINT64_MAX, 1ull << 63, 1ull << 32};
    struct session s;
    uint64_t seed = 1;

    open_or_end(&s, "echo", ECHO_VERSION);
    for (unsigned n = 0;; n++) {
        (void)session_connect(&s, 0);
        uint64_t *const words[] = {&s.memory->requests.head, &s.memory->requests.tail,
                                   &s.memory->replies.head,  &s.memory->replies.tail,
                                   &s.memory->version,       &s.memory->generation};
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        *(volatile uint64_t *)words[(seed >> 33) % 6] = values[(seed >> 45) % 7];
        (void)semaphore_up(s.bell);
        if (n % 16 == 15) { /* an honest start, so that there is something to break */
            s.memory->generation = s.generation;
            s.memory->version = ECHO_VERSION;
        }
    }
}

/* Ends with a request on its way. */
static int leave(void)
{
    const struct session_entry e = {.operation = 1};
    struct session s;

    open_or_end(&s, "echo", ECHO_VERSION);
    (void)session_connect(&s, 0);
    (void)session_send(&s, &e);
    return 0;
}

/* Requests that name what is not theirs, to the servers of devices; each has to be refused. */

static const uint64_t offsets[] = {0, 1, 4096, 16384, 1ull << 32, 1ull << 63, UINT64_MAX};

#define UNKNOWN 99u /* operation */
#define OFFSETS (sizeof(offsets) / sizeof(offsets[0]))

static unsigned refused(struct session *s, uint32_t operation, unsigned first, uint32_t bad)
{
    unsigned wrong = 0;

    for (unsigned i = 0; i < OFFSETS * OFFSETS; i++) {
        struct session_entry e = {.operation = operation, .id = i};
        uint64_t size = session_data_size(s), offset = offsets[i / OFFSETS],
                 count = offsets[i % OFFSETS];
        bool fits = offset <= size && count <= size - offset;
        e.word[first] = offset;
        e.word[first + 1] = count;
        if (fits && operation != UNKNOWN)
            continue;
        wrong += session_call(s, &e, after(1000ull * WAIT_S)) != SESSION_DONE || e.operation != bad;
    }
    return wrong;
}

static int pry(void)
{
    struct session console, log, random;
    unsigned wrong = 0;

    open_or_end(&console, "console", CONSOLE_VERSION);
    open_or_end(&log, "log", LOG_VERSION);
    open_or_end(&random, "random", RANDOM_VERSION);
    (void)session_connect(&console, 0);
    (void)session_connect(&log, 0);
    (void)session_connect(&random, 0);
    for (uint32_t operation = 0; operation < 2; operation++) {
        wrong += refused(&console, operation ? CONSOLE_WRITE : UNKNOWN, 0, CONSOLE_BAD_REQUEST);
        wrong += refused(&console, operation ? CONSOLE_READ : UNKNOWN, 0, CONSOLE_BAD_REQUEST);
        wrong += refused(&console, operation ? CONSOLE_PRINT : UNKNOWN, 0, CONSOLE_BAD_REQUEST);
        wrong += refused(&log, operation ? LOG_WRITE : UNKNOWN, 1, LOG_BAD_REQUEST);
        wrong += refused(&log, operation ? LOG_READ : UNKNOWN, 1, LOG_BAD_REQUEST);
        wrong += refused(&random, operation ? RANDOM_BYTES : UNKNOWN, 0, RANDOM_BAD_REQUEST);
    }
    printf("%u lies were believed\n", wrong);
    return wrong ? 1 : 0;
}

/* A thread that is not the main one. */
static void *stumble(void *argument)
{
    __asm__ volatile("ud2");
    return argument;
}

static int fault(void)
{
    pthread_t thread;

    return pthread_create(&thread, NULL, stumble, NULL) || pthread_join(thread, NULL);
}

#define SPAWNED 4u

static void *answer(void *argument)
{
    return argument;
}

/* Threads on the main thread's CPU, all there at once. */
static int spawn(void)
{
    static char place[SPAWNED];
    pthread_t thread[SPAWNED];
    unsigned made = 0, right = 0;
    void *result;

    while (made < SPAWNED && !pthread_create(&thread[made], NULL, answer, &place[made]))
        made++;
    for (unsigned i = 0; i < made; i++)
        right += !pthread_join(thread[i], &result) && result == &place[i];
    printf("%u of %u threads ran\n", right, SPAWNED);
    return right == SPAWNED ? 0 : 1;
}

int main(int count, char **argument)
{
    const char *way = count > 1 ? argument[1] : "";

    setvbuf(stdout, NULL, _IOLBF, 0);
    if (strcmp(way, "serve") == 0)
        serve();
    if (strcmp(way, "lie") == 0 && count > 2)
        lie(argument[2]);
    if (strcmp(way, "flood") == 0)
        flood();
    if (strcmp(way, "fill") == 0)
        fill();
    if (strcmp(way, "scribble") == 0)
        scribble();
    if (strcmp(way, "leave") == 0)
        return leave();
    if (strcmp(way, "ask") == 0)
        return ask();
    if (strcmp(way, "keep") == 0)
        keep();
    if (strcmp(way, "spawn") == 0)
        return spawn();
    if (strcmp(way, "fault") == 0)
        return fault();
    if (strcmp(way, "doubt") == 0 && count > 2)
        return doubt(argument[2]);
    return strcmp(way, "pry") == 0 ? pry() : 1;
}
