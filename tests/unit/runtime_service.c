/*
 * Sessions from the server's side: clients that come, go, flood, lie and do not take replies.
 */
#include "runtime_sessions.h"

static struct session_entry entry;
static uint32_t client;

static void send(unsigned i, uint32_t id)
{
    const struct session_entry request = {.id = id};

    if (session_send(&sessions[i], &request) != SESSION_DONE)
        abort();
}

static void test_coming(void)
{
    world_reset();
    is_u64(server_event(&client, &entry), -1, "nobody is there");
    connect_both(1);
    is_u64(server_event(&client, &entry), -1, "a client that has not said anything yet is not");
    (void)session_connect(&sessions[1], PAST);
    is_u64(server_event(&client, &entry), SERVICE_CAME, "one comes");
    is_u64(client, 1, "it is known by its place");
    send(1, 5);
    is_u64(server_event(&client, &entry), SERVICE_REQUEST, "it asks");
    is_u64(entry.id, 5, "what it asks");
    send(1, 6);
    disconnect(1);
    is_u64(server_event(&client, &entry), SERVICE_WENT, "it goes: what it asked last goes with it");
    ok(!service_reply(&service, 1, &entry), "and it gets no reply");
    connect_both(1);
    (void)session_connect(&sessions[1], PAST);
    is_u64(server_event(&client, &entry), SERVICE_CAME, "it is there again");
    is_u64(server_event(&client, &entry), -1, "with nothing of before");
    disconnect(1);
    connect_both(1);
    (void)session_connect(&sessions[1], PAST);
    is_u64(server_event(&client, &entry), SERVICE_WENT, "gone and back before the server looks");
    is_u64(server_event(&client, &entry), SERVICE_CAME, "is both");
}

static void test_version(void)
{
    world_reset();
    sessions[0].version = VERSION + 1;
    connect_both(0);
    (void)session_connect(&sessions[0], PAST);
    send(0, 1);
    is_u64(server_event(&client, &entry), -1, "who speaks another version is not served");
    memories[0]->version = VERSION;
    is_u64(server_event(&client, &entry), -1, "nor if it changes its mind");
}

static void test_turns(void)
{
    world_connect();
    for (unsigned n = 0; n < SESSION_ENTRIES; n++)
        send(0, n);
    send(2, 100);
    is_u64(server_event(&client, &entry), SERVICE_REQUEST, "one floods");
    uint32_t first = client;
    is_u64(server_event(&client, &entry), SERVICE_REQUEST, "another one asks once");
    ok(first != client && first + client == 2, "each has its turn");
}

static void test_replies(void)
{
    unsigned taken = 0;

    world_connect();
    while (taken <= SESSION_ENTRIES && service_reply(&service, 0, &entry))
        taken++;
    is_u64(taken, SESSION_ENTRIES, "replies that are not taken fill the ring, no more");
    memories[0]->replies.tail = 1;
    ok(service_reply(&service, 0, &entry), "until one is taken");
    memories[0]->replies.tail = 1000;
    ok(!service_reply(&service, 0, &entry), "a lie about that is the client's loss");
    ok(service_reply(&service, 1, &entry), "others get theirs");
}

static void test_lies(void)
{
    world_connect();
    memories[0]->requests.head = SESSION_ENTRIES + 1;
    is_u64(server_event(&client, &entry), SERVICE_WENT, "more requests than fit: it is gone");
    memories[0]->requests.head = 1;
    is_u64(server_event(&client, &entry), -1, "and stays so");
    disconnect(0);
    connect_both(0);
    (void)session_connect(&sessions[0], PAST);
    is_u64(server_event(&client, &entry), SERVICE_CAME, "until it is connected again");
    memories[0]->generation = 99;
    is_u64(server_event(&client, &entry), SERVICE_WENT, "a generation that is none ends it too");
}

static void test_data(void)
{
    const uint64_t there = BYTES - SESSION_DATA;

    world_connect();
    ok(service_data(&service, 0, 0, there) == (char *)memories[0] + SESSION_DATA, "all data");
    ok(service_data(&service, 0, there, 0), "nothing at the end");
    ok(!service_data(&service, 0, 0, there + 1), "a byte more");
    ok(!service_data(&service, 0, 1, there), "all but the first, and a byte more");
    ok(!service_data(&service, 0, there + 1, 0), "behind the end");
    ok(!service_data(&service, 0, 1, UINT64_MAX), "a size that wraps");
    ok(!service_data(&service, 0, UINT64_MAX, 2), "an offset that wraps");
}

static void test_waiting(void)
{
    world_connect();
    is_u64(service_wait(&service, &client, &entry, PAST), SERVICE_TIME, "the deadline");
    bell = 1;
    is_u64(service_wait(&service, &client, &entry, 0), SERVICE_WOKEN, "woken for something else");
    environment->heartbeat = 1000;
    service_open(&service, 0, NULL, VERSION);
    alive_calls = 0;
    (void)service_wait(&service, &client, &entry, PAST);
    is_u64(alive_calls, 1, "root hears that it is alive");
    service.alive = UINT64_MAX;
    (void)server_event(&client, &entry);
    is_u64(alive_calls, 1, "but not before it is time");
}

/* Whatever a client writes, the server goes on and serves the others. */
static void test_noise(void)
{
    uint32_t state = 1;

    for (unsigned n = 0; n < 20000; n++) {
        uint64_t *word = (uint64_t *)memories[0];
        if (n % 16 == 0)
            world_connect();
        state = state * 1664525 + 1013904223;
        word[state >> 8 & (n % 2 ? 63 : 1023)] = state >> 20 & 1 ? state >> 21 : UINT64_MAX;
        bell++;
        send(1, n);
        server_run();
        if (session_take(&sessions[1], &entry) != SESSION_DONE || entry.id != n) {
            ok(false, "step %u: another client suffers", n);
            return;
        }
    }
    ok(true, "noise of one client hurts no other");
}

int main(void)
{
    world_make();
    test_coming();
    test_version();
    test_turns();
    test_replies();
    test_lies();
    test_data();
    test_waiting();
    test_noise();
    world_end();
    return done_testing();
}
