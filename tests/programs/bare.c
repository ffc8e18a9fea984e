/*
 * A program without a C library: what root promises in process.h, and an exit. With an argument it
 * does something else: ends by a fault, falls silent, serves `echo`, asks there.
 */
#include "service.h"

_Noreturn void bare_main(const uint64_t *stack);

static struct message message(void)
{
    return message_make((struct utcb *)PROCESS_UTCB);
}

static uint32_t root_portal(void)
{
    return PROCESS_ROOT + ENVIRONMENT->cpu;
}

static bool text_equal(const char *a, const char *b)
{
    for (; *a && *a == *b; a++)
        b++;
    return *a == *b;
}

/* What a trace is made of: calls that a compiler neither merges nor turns into jumps. */
__attribute__((noinline)) static uint64_t stumble(uint64_t way)
{
    if (way == 1)
        __asm__ volatile("mov $0x1234, %eax; ud2");
    return way + 1;
}

__attribute__((noinline)) static void mislead(uint64_t way)
{
    if (way == 2) /* a frame that leads to itself, */
        __asm__ volatile("push $0x77; sub $8, %rsp; mov %rsp, (%rsp); mov %rsp, %rbp; ud2");
    if (way == 3) /* one that is not wholly there, */
        __asm__ volatile("mov $0x3efff8, %rbp; ud2");
    if (way == 4) /* one that leads back */
        __asm__ volatile("push $0x77; push $0x3e0000; mov %rsp, %rbp; ud2");
}

__attribute__((noinline)) static uint64_t stagger(uint64_t way)
{
    way = stumble(way);
    __asm__ volatile("" : "+r"(way));
    return way;
}

__attribute__((noinline)) static void wander(uint64_t way)
{
    void (*nowhere)(void);

    __asm__ volatile("xor %k0, %k0" : "=r"(nowhere));
    if (way == 5)
        nowhere();
    mislead(way);
    if (stagger(way) == 0)
        __asm__ volatile("nop");
}

static uint64_t print(const char *text)
{
    struct message m = message();
    uint64_t length = 0, word = 0;

    while (text[length])
        length++;
    (void)message_put(&m, ROOT_VERSION | ROOT_PRINT);
    (void)message_put(&m, length);
    for (uint64_t i = 0; i < length; i++) {
        word |= (uint64_t)(uint8_t)text[i] << i % 8 * 8;
        if (i % 8 == 7 || i == length - 1) {
            (void)message_put(&m, word);
            word = 0;
        }
    }
    if (portal_call(root_portal(), &m, 0) != STATUS_SUCCESS)
        return UINT64_MAX;
    return m.word[0];
}

static _Noreturn void end(uint64_t status)
{
    struct message m = message();

    (void)message_put(&m, ROOT_VERSION | ROOT_EXIT);
    (void)message_put(&m, status);
    (void)!portal_call(root_portal(), &m, 0);
    for (;;)
        (void)semaphore_down(PROCESS_NOTICE, 0, 0);
}

#define ECHO_VERSION 1u
#define ASKED        1000u

/* Adds one to each word; ends by a fault after so many requests, if not 0. */
static _Noreturn void serve(uint64_t requests)
{
    static struct service service;
    struct session_entry entry;
    uint32_t client;

    service_open(&service, ENVIRONMENT->cpu, (struct utcb *)PROCESS_UTCB, ECHO_VERSION);
    for (uint64_t n = 1;;) {
        if (service_wait(&service, &client, &entry, 0) != SERVICE_REQUEST)
            continue;
        for (unsigned i = 0; i < 7; i++)
            entry.word[i]++;
        entry.operation = 0;
        (void)service_reply(&service, client, &entry);
        if (n++ == requests)
            __asm__ volatile("ud2");
    }
}

/* Asks until all is answered, through restarts of the server. */
static void ask(void)
{
    struct session session;
    uint32_t wrong = 0;

    if (session_open(&session, "echo", ECHO_VERSION) != SESSION_DONE) {
        print("there is no echo");
        end(1);
    }
    for (uint32_t n = 0; n < ASKED;) {
        struct session_entry entry = {.id = n, .word = {n, 1, 2, 3, 4, 5, 6}};
        enum session_status status = session_call(&session, &entry, 0);
        if (status == SESSION_RECONNECT) {
            (void)session_connect(&session, 0);
            continue;
        }
        wrong += status != SESSION_DONE || entry.word[0] != n + 1 || entry.word[6] != 7;
        n++;
    }
    print(wrong ? "answers are wrong" : "a thousand answers");
    end(wrong ? 1 : 0);
}

static uint64_t request(uint64_t operation, uint64_t word, bool brings, uint64_t *result)
{
    struct message m = message();

    *result = 0;
    (void)message_put(&m, ROOT_VERSION | operation);
    (void)message_put(&m, word);
    m.utcb->item[0] = (struct utcb_item){PROCESS_EC, EC_RIGHT_STATE | EC_RIGHT_CONTROL};
    m.length = MESSAGE_LENGTH(m.length, brings);
    if (portal_call(root_portal(), &m, 0) != STATUS_SUCCESS)
        return UINT64_MAX;
    *result = m.word[1];
    return m.word[0];
}

#define ENTRIES 2000u /* more than root could keep */

/* Is told of as a thread over and over, and as too many. */
static void enter(void)
{
    uint64_t place[ROOT_THREADS + 1], wrong = 0;

    for (unsigned n = 0; n < ENTRIES; n++) {
        wrong += request(ROOT_THREAD, 0, true, &place[0]) != ROOT_DONE;
        wrong += request(ROOT_THREAD_END, place[0], false, &place[1]) != ROOT_DONE;
    }
    for (unsigned n = 0; n <= ROOT_THREADS; n++)
        wrong += request(ROOT_THREAD, 0, true, &place[n]) !=
                 (n < ROOT_THREADS ? (uint64_t)ROOT_DONE : ROOT_FULL);
    wrong += request(ROOT_THREAD_END, place[7], false, &place[8]) != ROOT_DONE;
    wrong += request(ROOT_THREAD_END, place[7], false, &place[8]) != ROOT_BAD_REQUEST;
    wrong += request(ROOT_THREAD_END, ROOT_THREADS, false, &place[8]) != ROOT_BAD_REQUEST;
    wrong += request(ROOT_THREAD, 0, false, &place[8]) != ROOT_BAD_REQUEST;
    print(wrong ? "entries went wrong" : "entries are as they should be");
}

#define LINES 3000u

/* As fast as it can, numbered, until it has said so much. */
static void flood(void)
{
    char line[] = "line 000000 of a flood that goes on and on and on";

    for (unsigned n = 0; n < LINES; n++) {
        for (unsigned digit = 0, rest = n; digit < 6; digit++, rest /= 10)
            line[10 - digit] = (char)('0' + rest % 10);
        print(line);
    }
}

void bare_main(const uint64_t *stack)
{
    uint64_t count = stack[0];
    const char *const *argument = (const char *const *)(stack + 1);
    bool same = text_equal(argument[0], (const char *)ENVIRONMENT + ENVIRONMENT->name);

    if (count > 1 && text_equal(argument[1], "fault"))
        wander(count > 2 ? (uint64_t)(argument[2][0] - '0') : 1);
    if (count > 1 && text_equal(argument[1], "silent"))
        for (;;)
            (void)semaphore_down(PROCESS_NOTICE, 0, 0);
    if (count > 1 && text_equal(argument[1], "serve"))
        serve(0);
    if (count > 1 && text_equal(argument[1], "falter"))
        serve(300);
    if (count > 1 && text_equal(argument[1], "ask"))
        ask();
    if (count > 1 && text_equal(argument[1], "enter"))
        enter();
    if (count > 1 && text_equal(argument[1], "flood"))
        flood();
    print(same ? "named as its first argument" : "named otherwise");
    end(count > 1 && text_equal(argument[1], "seven") ? 7 : 0);
}

__asm__(".text\n.globl _start\n_start: xor %ebp, %ebp\n mov %rsp, %rdi\n call bare_main\n ud2\n");
