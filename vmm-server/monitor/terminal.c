#include "terminal.h"

#include <string.h>

#include "cairn/resources.h"
#include "console_protocol.h"
#include "session.h"
#include "vcpu.h"

#define OUT_BYTES  4096u /* powers of two */
#define IN_BYTES   1024u
#define WRITE_MOST 1024u /* at a time; behind it in the session's memory is room for input */
#define READ_MOST  256u

/* Ids of requests. */
enum { REQUEST_MODE = 1, REQUEST_READ, REQUEST_WRITE, REQUEST_END };

static struct {
    struct vm *vm;
    struct session session;
    struct mutex lock; /* of what is sent */
    bool there;        /* the configuration has a console */
    bool connected;
    bool writing, reading;  /* such a request is on its way */
    uint32_t out, out_done; /* bytes put; printed or given up. The first belongs to VCPUs */
    uint32_t in, in_done;   /* bytes typed; taken. The first belongs to the terminal's thread */
    uint32_t waits;         /* a VCPU does, for room. Atomic */
    uint64_t pause;         /* TSC: nothing is written before, as the console had no room */
    bool deaf;              /* it has waited in vain: what comes is lost until there is room */
    uint8_t out_ring[OUT_BYTES], in_ring[IN_BYTES];
} t;

static void lock(void)
{
    if (mutex_take(&t.lock) != STATUS_SUCCESS)
        __builtin_trap();
}

void terminal_open(struct vm *vm)
{
    t.vm = vm;
    t.lock = mutex_make(MONITOR_TERMINAL_LOCK);
    t.there = session_open(&t.session, CONSOLE_SERVICE, CONSOLE_VERSION) == SESSION_DONE;
    if (t.there && session_data_size(&t.session) < WRITE_MOST + READ_MOST)
        give_up("the session with the console is too small");
}

static uint64_t after(uint64_t milliseconds)
{
    return tsc_now() + milliseconds * (ENVIRONMENT->tsc_hz / 1000);
}

/* The functions below hold the lock. */

static bool send(uint32_t id, uint32_t operation, uint64_t first, uint64_t second)
{
    const struct session_entry e = {.operation = operation, .id = id, .word = {first, second}};

    return t.connected && session_send(&t.session, &e) == SESSION_DONE;
}

static void write_begin(void)
{
    uint32_t size = __atomic_load_n(&t.out, __ATOMIC_ACQUIRE) - t.out_done;
    uint8_t *to = session_data(&t.session);

    if (t.pause && tsc_now() >= t.pause)
        t.pause = 0;
    if (t.writing || !size || !t.connected || t.pause)
        return;
    size = size < WRITE_MOST ? size : WRITE_MOST;
    for (uint32_t i = 0; i < size; i++)
        to[i] = t.out_ring[(t.out_done + i) % OUT_BYTES];
    t.writing = send(REQUEST_WRITE, CONSOLE_WRITE, 0, size);
}

static void read_begin(void)
{
    uint32_t room = IN_BYTES - (t.in - __atomic_load_n(&t.in_done, __ATOMIC_ACQUIRE));

    if (!t.reading && room)
        t.reading =
            send(REQUEST_READ, CONSOLE_READ, WRITE_MOST, room < READ_MOST ? room : READ_MOST);
}

#define PAUSE_MS 50u

/* A server that says that it took more than it was given is taken at the ring's word. One that
 * takes nothing is not asked again at once: both would do nothing else. */
static void write_done(const struct session_entry *reply)
{
    uint32_t size = __atomic_load_n(&t.out, __ATOMIC_ACQUIRE) - t.out_done;

    t.writing = false;
    if (reply->operation == CONSOLE_DONE)
        t.out_done += reply->word[0] < size ? (uint32_t)reply->word[0] : size;
    if (reply->operation != CONSOLE_DONE || !reply->word[0])
        t.pause = after(PAUSE_MS);
    if (__atomic_exchange_n(&t.waits, 0, __ATOMIC_SEQ_CST))
        (void)semaphore_up(MONITOR_ROOM);
}

static void read_done(const struct session_entry *reply)
{
    const volatile uint8_t *from = (const volatile uint8_t *)session_data(&t.session) + WRITE_MOST;
    uint32_t room = IN_BYTES - (t.in - __atomic_load_n(&t.in_done, __ATOMIC_ACQUIRE));
    uint64_t size = reply->operation == CONSOLE_DONE ? reply->word[0] : 0;

    t.reading = false;
    size = size < room ? size : room;
    size = size < READ_MOST ? size : READ_MOST;
    for (uint32_t i = 0; i < size; i++)
        t.in_ring[(t.in + i) % IN_BYTES] = from[i];
    if (!size)
        return;
    __atomic_store_n(&t.in, t.in + (uint32_t)size, __ATOMIC_RELEASE);
    vcpu_wake(&t.vm->vcpu[0]);
}

/* --- */

static bool has_ended(void)
{
    return __atomic_load_n(&t.vm->end, __ATOMIC_ACQUIRE) != VM_RUNS;
}

#define RETRY_MS 1000u

/* A console that died has lost what it had not printed; what it had not answered is sent again. */
static void connect(void)
{
    lock();
    t.connected = false;
    while (session_connect(&t.session, 1) != SESSION_DONE) {
        mutex_give(&t.lock);
        (void)semaphore_down(t.session.wait, DOWN_ZERO, after(RETRY_MS));
        if (has_ended())
            return;
        lock();
    }
    t.connected = true;
    t.writing = t.reading = false;
    t.pause = 0;
    (void)send(REQUEST_MODE, CONSOLE_MODE, CONSOLE_RAW, 0);
    read_begin();
    write_begin();
    mutex_give(&t.lock);
}

#define PATIENCE_MS 2000u /* with the console, once the VM has ended */

void terminal_serve(void)
{
    struct session_entry reply;
    uint64_t deadline = 0;

    if (!t.there) {
        (void)semaphore_down(MONITOR_END, 0, 0);
        return;
    }
    for (;;) {
        if (has_ended() && !deadline)
            deadline = after(PATIENCE_MS);
        if (deadline && tsc_now() >= deadline)
            return;
        uint64_t until = t.pause && (!deadline || t.pause < deadline) ? t.pause : deadline;
        enum session_status status =
            t.connected ? session_receive(&t.session, &reply, until) : SESSION_RECONNECT;
        if (status == SESSION_TIMEOUT) {
            lock();
            write_begin();
            mutex_give(&t.lock);
            continue;
        }
        if (status != SESSION_DONE) {
            connect();
            if (!t.connected)
                return;
            if (has_ended())
                terminal_end();
            continue;
        }
        lock();
        if (reply.id == REQUEST_WRITE)
            write_done(&reply);
        else if (reply.id == REQUEST_READ)
            read_done(&reply);
        write_begin();
        read_begin();
        bool over = has_ended() && reply.id == REQUEST_END && !t.writing;
        if (reply.id == REQUEST_END && !over)
            (void)send(REQUEST_END, CONSOLE_FLUSH, 0, 0);
        mutex_give(&t.lock);
        if (over)
            return;
    }
}

static bool is_full(void)
{
    return t.out - __atomic_load_n(&t.out_done, __ATOMIC_SEQ_CST) == OUT_BYTES;
}

/* A console that takes nothing for a second is waited for once, not at each byte. */
static void room_await(void)
{
    const uint64_t deadline = after(RETRY_MS);

    while (is_full() && !t.deaf) {
        __atomic_store_n(&t.waits, 1, __ATOMIC_SEQ_CST);
        if (is_full())
            t.deaf = semaphore_down(MONITOR_ROOM, DOWN_ZERO, deadline) == STATUS_TIMEOUT;
    }
}

void terminal_put(void *unused, uint8_t byte)
{
    (void)unused;
    if (is_full() && t.there)
        room_await();
    if (is_full() && t.there)
        return;
    if (is_full())
        t.out_done++; /* without a console the last of it is kept, for a crash */
    t.deaf = false;
    t.out_ring[t.out % OUT_BYTES] = byte;
    __atomic_store_n(&t.out, t.out + 1, __ATOMIC_RELEASE);
    if (__atomic_load_n(&t.writing, __ATOMIC_RELAXED))
        return;
    lock();
    write_begin();
    mutex_give(&t.lock);
}

uint32_t terminal_typed(const uint8_t **bytes)
{
    uint32_t count = __atomic_load_n(&t.in, __ATOMIC_ACQUIRE) - t.in_done;
    uint32_t at = t.in_done % IN_BYTES;

    *bytes = &t.in_ring[at];
    return count < IN_BYTES - at ? count : IN_BYTES - at;
}

void terminal_take(uint32_t count)
{
    bool was_full = t.in - t.in_done == IN_BYTES;

    __atomic_store_n(&t.in_done, t.in_done + count, __ATOMIC_RELEASE);
    if (!count || !was_full)
        return;
    lock();
    read_begin();
    mutex_give(&t.lock);
}

void terminal_end(void)
{
    if (!t.there) {
        (void)semaphore_up(MONITOR_END);
        return;
    }
    lock();
    (void)send(REQUEST_END, CONSOLE_FLUSH, 0, 0);
    mutex_give(&t.lock);
}

uint32_t terminal_tail(char *text, uint32_t size)
{
    uint32_t count = t.out < size ? t.out : size;

    count = count < OUT_BYTES ? count : OUT_BYTES;
    for (uint32_t i = 0; i < count; i++)
        text[i] = (char)t.out_ring[(t.out - count + i) % OUT_BYTES];
    return count;
}
