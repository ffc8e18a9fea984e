#include "talk.h"

#include <string.h>

#include "command.h"
#include "console_protocol.h"
#include "memory.h"
#include "say.h"
#include "session.h"

#define SAID_BYTES   16384u
#define WRITE_BYTES  2048u /* of one request; then comes the room for what is read */
#define READ_BYTES   256u
#define FINISH_MS    2000u
#define CONSOLE_AREA 0x400000000ull

/* Ids of requests, of which each is on its way once at most. */
enum request { REQUEST_WRITE, REQUEST_READ, REQUEST_FLUSH };

static struct {
    const struct link *link; /* NULL: there is no console in the configuration */
    struct session session;
    uint32_t out;       /* bit n: request n is on its way */
    uint32_t put, sent; /* bytes of said, since the start */
    uint32_t writing;   /* of those, in the request that is on its way */
    uint32_t dropped;
    bool flushed;
    char said[SAID_BYTES];
} talk;

bool talk_open(void)
{
    talk.link = sessions_of_root();
    if (!talk.link)
        return true;
    talk.session = (struct session){.memory = (struct session_memory *)CONSOLE_AREA,
                                    .notice = &talk.link->notice,
                                    .size = talk.link->size,
                                    .version = CONSOLE_VERSION,
                                    .bell = program_selector(talk.link->server, PROGRAM_NOTICE)};
    return pages_map(&root.funds, ROOT_SESSIONS, SELECTOR_PD, CONSOLE_AREA, 0, talk.link->size,
                     MEM_RIGHT_READ | MEM_RIGHT_WRITE) == STATUS_SUCCESS;
}

static char *said_at(uint32_t n)
{
    return &talk.said[n % SAID_BYTES];
}

bool talk_put(const char *text, size_t size)
{
    if (!talk.link || !talk.link->connected)
        return false;
    if (size > SAID_BYTES - (talk.put - talk.sent)) {
        talk.dropped += (uint32_t)size;
        return true;
    }
    for (size_t i = 0; i < size; i++)
        *said_at(talk.put++) = text[i];
    return true;
}

/* What the console has not taken goes to the port that it had. */
static void fall_back(void)
{
    while (talk.sent != talk.put)
        say_raw(said_at(talk.sent++), 1);
    talk.out = 0;
}

static bool request(enum request id, uint32_t operation, uint64_t offset, uint64_t size)
{
    const struct session_entry entry = {.operation = operation, .id = id, .word = {offset, size}};

    if (talk.out >> id & 1 || session_send(&talk.session, &entry) != SESSION_DONE)
        return false;
    talk.out |= 1u << id;
    return true;
}

static void write_more(void)
{
    uint32_t size = talk.put - talk.sent;
    char *data = session_data(&talk.session);

    if (!size || talk.out >> REQUEST_WRITE & 1)
        return;
    size = size < WRITE_BYTES ? size : WRITE_BYTES;
    for (uint32_t i = 0; i < size; i++)
        data[i] = *said_at(talk.sent + i);
    if (request(REQUEST_WRITE, CONSOLE_WRITE, 0, size))
        talk.writing = size;
}

/* A line was typed. The console is trusted as little as any other server. */
static void command_take(uint64_t size)
{
    char line[READ_BYTES + 1];

    size = size < READ_BYTES ? size : READ_BYTES;
    memcpy(line, (const char *)session_data(&talk.session) + WRITE_BYTES, size);
    line[size] = 0;
    command_do(line);
}

static void reply_take(const struct session_entry *reply)
{
    if (reply->id > REQUEST_FLUSH || !(talk.out >> reply->id & 1))
        return;
    talk.out &= ~(1u << reply->id);
    if (reply->id == REQUEST_WRITE && reply->operation == CONSOLE_DONE)
        talk.sent += reply->word[0] < talk.writing ? (uint32_t)reply->word[0] : talk.writing;
    if (reply->id == REQUEST_READ && reply->operation == CONSOLE_DONE)
        command_take(reply->word[0]);
    talk.flushed = talk.flushed || reply->id == REQUEST_FLUSH;
}

void talk_pump(void)
{
    struct session_entry reply;

    if (!talk.link)
        return;
    if (!talk.link->connected) {
        fall_back();
        return;
    }
    if (talk.session.generation != talk.link->generation) {
        talk.out = 0;
        (void)session_connect(&talk.session, 1); /* it is there: this does not wait */
    }
    for (unsigned i = 0; i < SESSION_ENTRIES && session_take(&talk.session, &reply) == SESSION_DONE;
         i++)
        reply_take(&reply);
    if (talk.dropped && SAID_BYTES - (talk.put - talk.sent) > LINE_BYTES) {
        uint32_t dropped = talk.dropped;
        talk.dropped = 0;
        say("more was said than the console took: %u bytes dropped", dropped);
    }
    write_more();
    (void)request(REQUEST_READ, CONSOLE_READ, WRITE_BYTES, READ_BYTES);
}

void talk_finish(void)
{
    uint64_t deadline = tsc_read() + FINISH_MS * root.millisecond;

    if (!talk.link)
        return;
    talk.flushed = false;
    while (talk.link->connected && !talk.flushed && tsc_read() < deadline) {
        talk_pump();
        if (talk.sent == talk.put)
            (void)request(REQUEST_FLUSH, CONSOLE_FLUSH, 0, 0);
        (void)semaphore_down(ROOT_EVENTS, DOWN_ZERO, deadline);
    }
    fall_back();
}
