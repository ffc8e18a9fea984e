/*
 * What the C library does by services, for tests/programs/terminal.t. With `count N` it writes so
 * many lines and says how long the slowest took. Otherwise each line that is typed is a command:
 *
 *   tty        is the output a terminal?
 *   take       can the program open the session that the C library has?
 *   time       the time of day, and how long that took
 *   waits      waits that end at a time of day
 *   random N   so many random bytes, and how long that took
 *   cancel     a thread that reads is cancelled; so is one that reads while another one writes
 *   log N TEXT says that to the log, with level N; / becomes a line's end
 *   end        ends, with the last words without a line's end
 *
 * Anything else is said back.
 */
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "console_protocol.h"
#include "log_protocol.h"
#include "session.h"

#define NANOSECONDS 1000000000ll
#define PAUSE       10000000l /* between lines */

static long long now(clockid_t clock)
{
    struct timespec t;

    return clock_gettime(clock, &t) ? -1 : t.tv_sec * NANOSECONDS + t.tv_nsec;
}

static struct timespec at(long long when)
{
    return (struct timespec){when / NANOSECONDS, when % NANOSECONDS};
}

static long milliseconds_since(long long begin)
{
    return (long)((now(CLOCK_MONOTONIC) - begin) / 1000000);
}

/* One line a write, by a buffer that is the C library's own. */
static int count_lines(unsigned long lines)
{
    const struct timespec pause = {.tv_nsec = PAUSE};
    long slowest = 0;

    for (unsigned long n = 1; n <= lines; n++) {
        long long begin = now(CLOCK_MONOTONIC);
        printf("line %lu\n", n);
        long took = milliseconds_since(begin);
        slowest = took > slowest ? took : slowest;
        nanosleep(&pause, NULL);
    }
    printf("wrote %lu lines, the slowest in %ld ms\n", lines, slowest);
    return 0;
}

static void say_tty(void)
{
    struct winsize size = {9, 9, 9, 9};
    int answer = ioctl(1, TIOCGWINSZ, &size);

    printf("tty: %d %d %d, size %d %u\n", isatty(0), isatty(1), isatty(2), answer,
           size.ws_row + size.ws_col);
}

static void say_take(void)
{
    struct session s;

    printf("take: %d\n", session_open(&s, CONSOLE_SERVICE, CONSOLE_VERSION) == SESSION_TAKEN);
}

static void say_time(void)
{
    long long begin = now(CLOCK_MONOTONIC), wall = now(CLOCK_REALTIME);
    int error = wall < 0 ? errno : 0;
    long took = milliseconds_since(begin);
    struct timeval v = {0};

    printf("time: %lld, errno %d, in %ld ms\n", wall < 0 ? -1 : wall / NANOSECONDS, error, took);
    if (error)
        return;
    int failed = gettimeofday(&v, NULL);
    long long day = v.tv_sec * NANOSECONDS, later = time(NULL) * NANOSECONDS;
    struct timespec fine;
    printf("time: %s\n", !failed && day / NANOSECONDS * NANOSECONDS >= wall - NANOSECONDS &&
                                 later >= day && later < wall + 60 * NANOSECONDS &&
                                 clock_getres(CLOCK_REALTIME, &fine) == 0 && fine.tv_nsec > 0
                             ? "all agree"
                             : "they differ");
}

static bool in_time(long long begin)
{
    long took = milliseconds_since(begin);

    return took >= 49 && took < 20000;
}

/* Each for 50 ms. */
static void say_waits(void)
{
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
    struct timespec end = at(now(CLOCK_REALTIME) + 50000000);
    long long begin = now(CLOCK_MONOTONIC);
    sem_t semaphore;

    bool right = clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &end, NULL) == 0 && in_time(begin);
    right = right && clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &end, NULL) == 0;
    begin = now(CLOCK_MONOTONIC);
    end = at(now(CLOCK_REALTIME) + 50000000);
    pthread_mutex_lock(&mutex);
    right =
        right && pthread_cond_timedwait(&condition, &mutex, &end) == ETIMEDOUT && in_time(begin);
    begin = now(CLOCK_MONOTONIC);
    end = at(now(CLOCK_REALTIME) + 50000000);
    sem_init(&semaphore, 0, 0);
    right = right && sem_timedwait(&semaphore, &end) == -1 && errno == ETIMEDOUT && in_time(begin);
    printf("waits: %s\n", right ? "all end in time" : "wrong");
}

static void say_random(size_t size)
{
    static unsigned char bytes[1 << 16];
    unsigned kinds = 0;
    bool seen[256] = {false};

    memset(bytes, 0, sizeof(bytes));
    long long begin = now(CLOCK_MONOTONIC);
    ssize_t got = getrandom(bytes, size, 0);
    int error = got < 0 ? errno : 0;
    long took = milliseconds_since(begin);
    for (ssize_t i = 0; i < got; i++)
        seen[bytes[i]] = true;
    for (unsigned i = 0; i < 256; i++)
        kinds += seen[i];
    printf("random: %zd of %zu, %u kinds, errno %d, in %ld ms\n", got, size, kinds, error, took);
    if (got > 0)
        printf("random: entropy %d, flags %d\n", getentropy(bytes, 256),
               getrandom(bytes, 1, 0x80) == -1 && errno == EINVAL);
}

static void *reader(void *nothing)
{
    char byte;

    (void)!read(0, &byte, 1);
    return nothing;
}

static void say_cancel(void)
{
    const struct timespec pause = {.tv_nsec = 50000000};
    pthread_t thread;
    void *result = NULL;

    pthread_create(&thread, NULL, reader, NULL);
    for (unsigned n = 1; n <= 5; n++) {
        nanosleep(&pause, NULL);
        printf("beside a reader %u\n", n);
    }
    pthread_cancel(thread);
    pthread_join(thread, &result);
    printf("cancel: %d\n", result == PTHREAD_CANCELED);
}

static void say_log(char *text)
{
    static struct session log;
    struct session_entry e = {.operation = LOG_WRITE, .word = {strtoul(text, &text, 10), 0, 0}};

    text += *text == ' ';
    if (!log.memory && session_open(&log, "log", LOG_VERSION) != SESSION_DONE)
        return;
    for (char *c = strchr(text, '/'); c; c = strchr(c, '/'))
        *c = '\n';
    e.word[2] = strlen(text);
    enum session_status status = session_connect(&log, 0);
    memcpy(session_data(&log), text, e.word[2]);
    if (status == SESSION_DONE)
        status = session_call(&log, &e, 0);
    printf("log: %d %u\n", status, e.operation);
}

static bool command_do(char *line)
{
    line[strcspn(line, "\n")] = 0;
    if (strcmp(line, "tty") == 0)
        say_tty();
    else if (strcmp(line, "take") == 0)
        say_take();
    else if (strcmp(line, "time") == 0)
        say_time();
    else if (strcmp(line, "waits") == 0)
        say_waits();
    else if (strncmp(line, "random ", 7) == 0)
        say_random(strtoul(line + 7, NULL, 10) % (1 << 16));
    else if (strncmp(line, "log ", 4) == 0)
        say_log(line + 4);
    else if (strcmp(line, "cancel") == 0)
        say_cancel();
    else
        printf("said: %s\n", line);
    return strcmp(line, "end") != 0;
}

int main(int count, char **argument)
{
    char line[300];

    if (count > 2 && strcmp(argument[1], "count") == 0)
        return count_lines(strtoul(argument[2], NULL, 10));
    printf("what shall it be?"); /* no end of line: it is there when the answer is read */
    fflush(stdout);
    while (fgets(line, sizeof(line), stdin) && command_do(line)) {
    }
    printf("last words, errno %d", errno);
    return 0;
}
