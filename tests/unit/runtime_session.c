/*
 * Sessions from the client's side: connecting, asking, and servers that die, fall silent or lie.
 */
#include "runtime_sessions.h"

static enum session_status ask(unsigned i, uint64_t value)
{
    struct session_entry entry = {.id = (uint32_t)value, .word = {value}};
    enum session_status status = session_call(&sessions[i], &entry, FAR);

    return status == SESSION_DONE && entry.word[0] != value + 1 ? SESSION_BROKEN : status;
}

static void test_open(void)
{
    struct session s, *second = &sessions[1];

    world_reset();
    is_u64(session_open(&s, "fourth", VERSION), SESSION_UNKNOWN, "a service that it does not use");
    is_u64(session_open(&s, "firs", VERSION), SESSION_UNKNOWN, "the beginning of a name");
    is_u64(session_open(&s, "second", VERSION), SESSION_TAKEN, "one that somebody has opened");
    ok(second->memory == memories[1] && second->bell == PROCESS_USES + 2 &&
           second->wait == PROCESS_USES + 3,
       "who has it has its memory and its semaphores");
    is_u64(session_data_size(second), BYTES - SESSION_DATA, "bytes for data");
    ok((char *)session_data(second) == (char *)memories[1] + SESSION_DATA, "and where they are");
}

static void test_connect(void)
{
    struct session_entry entry = {0};

    world_reset();
    is_u64(session_connect(&sessions[0], PAST), SESSION_TIMEOUT, "nobody is there: the deadline");
    is_u64(session_send(&sessions[0], &entry), SESSION_RECONNECT, "nothing is sent");
    is_u64(session_receive(&sessions[0], &entry, PAST), SESSION_RECONNECT, "nothing comes");
    connect_both(0);
    is_u64(session_connect(&sessions[0], 0), SESSION_DONE, "the server is there");
    is_u64(memories[0]->version, VERSION, "the version stands in the memory");
    is_u64(memories[0]->generation, 1, "and the generation");
    bell = 0;
    is_u64(session_connect(&sessions[0], 0), SESSION_DONE, "once more");
    is_u64(bell, 0, "changes nothing");
    for (uint64_t n = 0; n < 3ull * SESSION_ENTRIES; n++)
        if (ask(0, n) != SESSION_DONE)
            ok(false, "request %u", (unsigned)n);
    ok(true, "three times around the rings");
}

static void test_full(void)
{
    struct session_entry entry = {.operation = 1};
    unsigned wrong = 0;

    world_connect();
    for (unsigned n = 0; n < SESSION_ENTRIES; n++) {
        entry.id = n;
        wrong += session_send(&sessions[0], &entry) != SESSION_DONE;
    }
    is_u64(wrong, 0, "as many requests as there can be");
    is_u64(session_send(&sessions[0], &entry), SESSION_FULL, "one more");
    is_u64(session_take(&sessions[0], &entry), SESSION_NONE, "there is no reply yet");
    server_run();
    for (unsigned n = 0; n < SESSION_ENTRIES; n++)
        wrong += session_take(&sessions[0], &entry) != SESSION_DONE || entry.id != n;
    is_u64(wrong, 0, "all replies, in their order");
    is_u64(session_take(&sessions[0], &entry), SESSION_NONE, "and no more");
}

static void test_restart(void)
{
    struct session_entry entry = {.id = 1};

    world_connect();
    is_u64(ask(0, 4), SESSION_DONE, "a request is answered");
    is_u64(session_send(&sessions[0], &entry), SESSION_DONE, "a further one is on its way");
    disconnect(0);
    is_u64(session_receive(&sessions[0], &entry, 0), SESSION_RECONNECT, "and the server dies");
    is_u64(session_send(&sessions[0], &entry), SESSION_RECONNECT, "nothing is sent");
    connect_both(0);
    is_u64(session_receive(&sessions[0], &entry, 0), SESSION_RECONNECT, "another server is none");
    is_u64(session_connect(&sessions[0], 0), SESSION_DONE, "connected again");
    is_u64(session_take(&sessions[0], &entry), SESSION_NONE, "what was on its way is gone");
    is_u64(ask(0, 5), SESSION_DONE, "it answers");
    is_u64(ask(1, 6), SESSION_DONE, "others never noticed");
}

static void wake_only(void)
{
    static unsigned times;

    if (++times % 8)
        waiting[0]++;
}

/* A server that first answers what nobody has asked. */
static void reply_to_others(void)
{
    struct session_ring *ring = &memories[0]->replies;

    ring->entry[0] = (struct session_entry){.id = 12345};
    ring->entry[1] = (struct session_entry){.id = 3, .word = {4}};
    ring->head = 2;
    waiting[0]++;
}

static void test_silence(void)
{
    world_connect();
    other_side = NULL;
    is_u64(ask(0, 1), SESSION_TIMEOUT, "a server that is silent: the deadline");
    other_side = wake_only;
    is_u64(ask(0, 2), SESSION_TIMEOUT, "one that wakes for nothing, likewise");
    world_connect();
    other_side = reply_to_others;
    is_u64(ask(0, 3), SESSION_DONE, "replies to what was not asked are passed over");
}

static void test_lies(void)
{
    struct session_entry entry = {0};

    world_connect();
    memories[0]->replies.head = SESSION_ENTRIES + 1;
    is_u64(session_take(&sessions[0], &entry), SESSION_BROKEN, "more replies than fit");
    memories[0]->replies.head = 0;
    is_u64(session_take(&sessions[0], &entry), SESSION_BROKEN, "it stays broken");
    is_u64(session_send(&sessions[0], &entry), SESSION_BROKEN, "in both directions");
    other_side = NULL;
    waiting[0] = 0;
    is_u64(session_connect(&sessions[0], PAST), SESSION_TIMEOUT, "until the server is another one");
    disconnect(0);
    connect_both(0);
    is_u64(session_connect(&sessions[0], PAST), SESSION_DONE, "which it is now");
    other_side = server_run;
    is_u64(ask(0, 1), SESSION_DONE, "it answers");
    memories[0]->requests.tail = sessions[0].sent + 1;
    is_u64(session_send(&sessions[0], &entry), SESSION_BROKEN, "requests taken that never were");
    is_u64(session_receive(&sessions[0], &entry, 0), SESSION_BROKEN, "it stays broken");
}

/* Whatever is in the rings, nothing outside of the memory is touched, and nobody waits for ever. */
static void test_noise(void)
{
    uint32_t state = 1;

    for (unsigned n = 0; n < 20000; n++) {
        uint64_t *word = (uint64_t *)memories[0];
        if (n % 16 == 0)
            world_connect();
        state = state * 1664525 + 1013904223;
        word[state >> 8 & (n % 2 ? 63 : 1023)] = state >> 20 & 1 ? state >> 21 : UINT64_MAX;
        (void)ask(0, n);
        if (ask(1, n) != SESSION_DONE) {
            ok(false, "step %u: another session suffers", n);
            return;
        }
    }
    ok(true, "noise in one session hurts no other");
}

int main(void)
{
    world_make();
    test_open();
    test_connect();
    test_full();
    test_restart();
    test_silence();
    test_lies();
    test_noise();
    world_end();
    return done_testing();
}
