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

void bare_main(const uint64_t *stack)
{
    uint64_t count = stack[0];
    const char *const *argument = (const char *const *)(stack + 1);
    bool same = text_equal(argument[0], (const char *)ENVIRONMENT + ENVIRONMENT->name);

    if (count > 1 && text_equal(argument[1], "fault"))
        __asm__ volatile("mov $0x1234, %eax; ud2");
    if (count > 1 && text_equal(argument[1], "silent"))
        for (;;)
            (void)semaphore_down(PROCESS_NOTICE, 0, 0);
    if (count > 1 && text_equal(argument[1], "serve"))
        serve(0);
    if (count > 1 && text_equal(argument[1], "falter"))
        serve(300);
    if (count > 1 && text_equal(argument[1], "ask"))
        ask();
    print(same ? "named as its first argument" : "named otherwise");
    end(count > 1 && text_equal(argument[1], "seven") ? 7 : 0);
}

__asm__(".text\n.globl _start\n_start: xor %ebp, %ebp\n mov %rsp, %rdi\n call bare_main\n ud2\n");
