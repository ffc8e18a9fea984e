/*
 * One print and one read are on their way at most, of whatever threads. All that touches the
 * session holds the lock of output. To wait, a reader gives it back, as somebody may print
 * meanwhile; both then wait in one semaphore, which wakes one of them: so each looks again after a
 * while.
 */
#include "terminal.h"

#include <errno.h>
#include <string.h>

#include "asking.h"
#include "console_protocol.h"
#include "port.h"

/* The session's data: text to print, then what was typed. */
#define INPUT       PORT_TERMINAL_TEXT
#define INPUT_BYTES 512u

/* Of a wait that somebody else's may disturb; and of a reader that somebody may cancel. */
#define LOOK_MS  20u
#define PAUSE_MS 100u

static struct terminal {
    struct port_service service;
    uint32_t print, read;      /* ids of requests that are on their way; 0: none */
    bool printed;              /* the last print is on the line */
    bool refused;              /* or the console did not want it */
    uint32_t readers;          /* threads that wait */
    uint32_t input, input_end; /* in the data: what was typed and nobody has read */
} terminal = {.service = {.name = CONSOLE_SERVICE, .version = CONSOLE_VERSION}};

static struct session *session(void)
{
    return &terminal.service.session;
}

static uint64_t milliseconds(uint64_t count)
{
    return tsc_now() + count * (ENVIRONMENT->tsc_hz / 1000);
}

static void await(uint64_t deadline)
{
    struct port_floating floating = port_floating_now();

    (void)semaphore_down(session()->wait, DOWN_ZERO, deadline);
    port_floating_set(floating);
}

static void reply_take(const struct session_entry *reply)
{
    if (reply->id == terminal.print) {
        terminal.print = 0;
        terminal.printed = reply->operation == CONSOLE_DONE;
        terminal.refused = !terminal.printed;
    } else if (reply->id == terminal.read) {
        terminal.read = 0;
        if (reply->operation != CONSOLE_DONE || reply->word[0] > INPUT_BYTES)
            return;
        terminal.input = INPUT;
        terminal.input_end = INPUT + (uint32_t)reply->word[0];
    }
}

/* Takes what the console has said. False: it is not there. The lock is held. */
static bool pump(void)
{
    uint64_t generation = session()->generation;
    struct session_entry reply;

    if (session_connect(session(), PORT_PAST) != SESSION_DONE)
        return false;
    if (session()->generation != generation)
        terminal.print = terminal.read = 0; /* another one, which knows nothing of them */
    for (unsigned i = 0; i < SESSION_ENTRIES && session_take(session(), &reply) == SESSION_DONE;
         i++)
        reply_take(&reply);
    return !session()->broken;
}

/* The id of the request, or 0: it could not be sent. */
static uint32_t request(enum console_operation operation, uint64_t offset, uint64_t size)
{
    struct session_entry entry = {.operation = operation, .word = {offset, size}};

    do
        entry.id = ++terminal.service.id;
    while (!entry.id);
    return session_send(session(), &entry) == SESSION_DONE ? entry.id : 0;
}

static bool is_there(void)
{
    return port_service_is_there(&terminal.service) &&
           session_data_size(session()) >= INPUT + INPUT_BYTES;
}

bool port_terminal_is_there(void)
{
    port_lock(PORT_LOCK_OUTPUT);
    bool there = is_there();
    port_unlock(PORT_LOCK_OUTPUT);
    return there;
}

/* Sends the text as soon as it can, and again to a console that was started again. */
static bool print_pump(const char *text, size_t size)
{
    if (!pump())
        return false;
    if (terminal.print || terminal.printed || terminal.refused)
        return true;
    memcpy(session_data(session()), text, size);
    terminal.print = request(CONSOLE_PRINT, 0, size);
    return true;
}

bool port_terminal_print(const char *text, size_t size)
{
    uint64_t deadline = port_service_deadline();

    if (!is_there())
        return false;
    /* What is on its way still is what was given up: the console has to be done with that first. */
    if (terminal.service.late && (!pump() || terminal.print))
        return false;
    terminal.printed = terminal.refused = false;
    while (print_pump(text, size), !terminal.printed && !terminal.refused) {
        uint64_t look = milliseconds(LOOK_MS);
        if (tsc_now() >= deadline)
            break;
        await(terminal.readers && look < deadline ? look : deadline);
    }
    terminal.service.late = !terminal.printed && !terminal.refused;
    return terminal.printed;
}

/* The lock is held. */
static size_t input_take(char *to, size_t size)
{
    size_t there = terminal.input_end - terminal.input;

    size = size < there ? size : there;
    memcpy(to, (const char *)session_data(session()) + terminal.input, size);
    terminal.input += (uint32_t)size;
    return size;
}

/* How long a reader waits before it looks around: who is alone cannot be cancelled. */
static uint64_t reader_deadline(void)
{
    port_lock(PORT_LOCK_RESOURCES);
    bool alone = port_is_alone();
    port_unlock(PORT_LOCK_RESOURCES);
    return alone ? port_service_deadline() : milliseconds(PAUSE_MS);
}

/* Asks for a line, if nothing is there; how much there is. *gone: until then the console may be
 * away.
 */
static size_t read_pump(char *to, size_t size, uint64_t *gone)
{
    port_lock(PORT_LOCK_OUTPUT);
    bool there = pump();
    size_t got = input_take(to, size);
    if (there && !got && !terminal.read)
        terminal.read = request(CONSOLE_READ, INPUT, INPUT_BYTES);
    port_unlock(PORT_LOCK_OUTPUT);
    if (there)
        *gone = 0;
    else if (!*gone)
        *gone = port_service_deadline();
    return got;
}

static long read_wait(char *to, size_t size)
{
    uint64_t gone = 0;

    for (;;) {
        size_t got = read_pump(to, size, &gone);
        if (got)
            return (long)got;
        if (port_interrupted())
            return -EINTR;
        if (gone && tsc_now() >= gone)
            return -EIO;
        uint64_t look = reader_deadline();
        await(gone && gone < look ? gone : look);
    }
}

long port_terminal_read(char *to, size_t size, bool wait)
{
    if (!wait) {
        port_lock(PORT_LOCK_OUTPUT);
        size_t got = input_take(to, size);
        port_unlock(PORT_LOCK_OUTPUT);
        return (long)got;
    }
    __atomic_fetch_add(&terminal.readers, 1, __ATOMIC_RELAXED);
    long result = read_wait(to, size);
    __atomic_fetch_sub(&terminal.readers, 1, __ATOMIC_RELAXED);
    return result;
}
