/*
 * The console server: one 16550, its interrupt, and the clients of the service `console`. One
 * thread does all: it wakes when a client has written, the port has something, or time is up.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "console_protocol.h"
#include "screen.h"
#include "service.h"
#include "tsc.h"
#include "uart.h"

#define HOLD_MS 250u /* an unfinished line waits so long */

struct request {
    bool there;
    uint32_t id;
    uint64_t offset, room; /* of a print: what is left of it */
};

static struct {
    struct service service;
    struct screen screen;
    struct uart uart;
    uint32_t irq;         /* selector of the range with its line */
    const char *keyboard; /* the program that has it first; NULL: root */
    struct request read[SESSION_CLIENTS], flush[SESSION_CLIENTS], print[SESSION_CLIENTS];
    uint64_t release; /* TSC: when unfinished lines are written; 0: there are none */
} console;

_Static_assert(SCREEN_CLIENTS == SESSION_CLIENTS, "a place for each");

static void reply(uint32_t client, uint32_t id, enum console_status status, uint64_t value)
{
    const struct session_entry entry = {.operation = status, .id = id, .word = {value}};

    (void)service_reply(&console.service, client, &entry);
}

static void write_handle(uint32_t client, const struct session_entry *e)
{
    const char *text = service_data(&console.service, client, e->word[0], e->word[1]);
    uint32_t taken;

    if (!text || e->word[1] > SCREEN_TEXT) {
        reply(client, e->id, CONSOLE_BAD_REQUEST, 0);
        return;
    }
    taken = screen_write(&console.screen, client, text, (uint32_t)e->word[1]);
    reply(client, e->id, taken || !e->word[1] ? CONSOLE_DONE : CONSOLE_FULL, taken);
    if (!console.release)
        console.release = tsc_now() + HOLD_MS * (ENVIRONMENT->tsc_hz / 1000);
}

static void read_handle(uint32_t client, const struct session_entry *e)
{
    struct request *r = &console.read[client];

    if (r->there)
        reply(client, e->id, CONSOLE_BUSY, 0);
    else if (!e->word[1] || !service_data(&console.service, client, e->word[0], e->word[1]))
        reply(client, e->id, CONSOLE_BAD_REQUEST, 0);
    else
        *r = (struct request){true, e->id, e->word[0], e->word[1]};
}

static void print_handle(uint32_t client, const struct session_entry *e)
{
    struct request *r = &console.print[client];

    if (r->there)
        reply(client, e->id, CONSOLE_BUSY, 0);
    else if (!service_data(&console.service, client, e->word[0], e->word[1]))
        reply(client, e->id, CONSOLE_BAD_REQUEST, 0);
    else
        *r = (struct request){true, e->id, e->word[0], e->word[1]};
}

static void request_handle(uint32_t client, const struct session_entry *e)
{
    switch (e->operation) {
    case CONSOLE_WRITE:
        write_handle(client, e);
        break;
    case CONSOLE_READ:
        read_handle(client, e);
        break;
    case CONSOLE_PRINT:
        print_handle(client, e);
        break;
    case CONSOLE_MODE:
        if (e->word[0] <= CONSOLE_RAW)
            screen_set_raw(&console.screen, client, e->word[0] == CONSOLE_RAW);
        reply(client, e->id, e->word[0] <= CONSOLE_RAW ? CONSOLE_DONE : CONSOLE_BAD_REQUEST, 0);
        break;
    case CONSOLE_FLUSH:
        console.flush[client] = (struct request){.there = true, .id = e->id};
        break;
    default:
        reply(client, e->id, CONSOLE_BAD_REQUEST, 0);
    }
}

static const char *client_name(uint32_t client)
{
    const struct environment_client *c = environment_entries(&ENVIRONMENT->clients);

    return environment_string(c[client].name);
}

static void client_come(uint32_t client)
{
    screen_come(&console.screen, client, client_name(client));
    if (console.keyboard && strcmp(console.keyboard, client_name(client)) == 0)
        screen_focus(&console.screen, client);
}

static void event_handle(enum service_event event, uint32_t client, const struct session_entry *e)
{
    if (event == SERVICE_REQUEST) {
        request_handle(client, e);
    } else if (event == SERVICE_CAME || event == SERVICE_WENT) {
        console.read[client].there = console.flush[client].there = false;
        console.print[client].there = false;
        if (event == SERVICE_CAME)
            client_come(client);
        else
            screen_go(&console.screen, client);
    }
}

/* What was typed goes to who waits for it. */
static void reads_answer(void)
{
    for (uint32_t i = 0; i < ENVIRONMENT->clients.count; i++) {
        struct request *r = &console.read[i];
        char text[SCREEN_TYPED];
        uint32_t size = 0;
        if (!r->there)
            continue;
        size = screen_read(&console.screen, i, text,
                           r->room < sizeof(text) ? (uint32_t)r->room : sizeof(text));
        if (!size)
            continue;
        memcpy(service_data(&console.service, i, r->offset, r->room), text, size);
        r->there = false;
        reply(i, r->id, CONSOLE_DONE, size);
    }
}

/* As much as there is room for, until all has been taken. */
static void prints_take(void)
{
    for (uint32_t i = 0; i < ENVIRONMENT->clients.count; i++) {
        struct request *r = &console.print[i];
        if (!r->there || !r->room)
            continue;
        const char *text = service_data(&console.service, i, r->offset, r->room);
        uint32_t taken = screen_write(&console.screen, i, text,
                                      r->room < SCREEN_TEXT ? (uint32_t)r->room : SCREEN_TEXT);
        r->offset += taken;
        r->room -= taken;
        if (!r->room)
            screen_end(&console.screen, i);
    }
}

static void prints_answer(void)
{
    for (uint32_t i = 0; i < ENVIRONMENT->clients.count; i++) {
        struct request *r = &console.print[i];
        if (!r->there || r->room || !screen_is_printed(&console.screen, i))
            continue;
        r->there = false;
        reply(i, r->id, CONSOLE_DONE, 0);
    }
}

/* Does anybody want to hear when the transmitter is empty? */
static bool line_is_awaited(void)
{
    for (uint32_t i = 0; i < ENVIRONMENT->clients.count; i++)
        if (console.flush[i].there || console.print[i].there)
            return true;
    return false;
}

static void flushes_answer(void)
{
    if (screen_has_text(&console.screen) || !uart_room(&console.uart))
        return;
    for (uint32_t i = 0; i < ENVIRONMENT->clients.count; i++)
        if (console.flush[i].there) {
            console.flush[i].there = false;
            reply(i, console.flush[i].id, CONSOLE_DONE, 0);
        }
}

/*
 * The line is cut off after so many interrupts in a row that found the semaphore up, as they do
 * while clients keep this program busy. An interrupt that was missed is none that is needed: the
 * port is looked at after this.
 */
static void irq_acknowledge(void)
{
    (void)system_answer((struct system_registers){
        .rax = SYSCALL_CONTROL, .rdi = console.irq, .rsi = IRQ_ACKNOWLEDGE, .rdx = 0});
}

/* Until the transmitter is full or nothing is left. */
static void port_serve(void)
{
    char c;

    irq_acknowledge();
    while (uart_receive(&console.uart, &c))
        screen_type(&console.screen, c);
    uint32_t room = uart_room(&console.uart);
    if (room)
        screen_sent(&console.screen);
    for (; room > 1; room--) { /* two for an end */
        if (!screen_take(&console.screen, &c)) {
            uart_notify(&console.uart, line_is_awaited());
            return;
        }
        if (c == '\n')
            uart_send(&console.uart, '\r'), room--;
        uart_send(&console.uart, c);
    }
    uart_notify(&console.uart, true);
}

static void time_serve(void)
{
    if (console.release && tsc_now() >= console.release) {
        console.release = 0;
        screen_release(&console.screen);
    }
}

static const struct environment_resource *resource_find(enum environment_kind kind)
{
    const struct environment_resource *r = environment_entries(&ENVIRONMENT->resources);

    for (uint32_t i = 0; i < ENVIRONMENT->resources.count; i++)
        if (r[i].kind == kind)
            return &r[i];
    fprintf(stderr, "the configuration gives no %s\n", kind == RESOURCE_IRQ ? "irq" : "ports");
    exit(1);
}

/* Its interrupt ups the semaphore in which this program waits anyway. */
static void port_open(void)
{
    const struct environment_resource *ports = resource_find(RESOURCE_PORTS);
    const struct environment_resource *irq = resource_find(RESOURCE_IRQ);
    enum status status = system_answer((struct system_registers){.rax = SYSCALL_CONTROL,
                                                                 .rdi = irq->selector,
                                                                 .rsi = IRQ_BIND,
                                                                 .rdx = 0,
                                                                 .r8 = PROCESS_NOTICE,
                                                                 .r9 = ENVIRONMENT->cpu})
                             .status;

    if (status != STATUS_SUCCESS) {
        fprintf(stderr, "interrupt line %lu cannot be bound: status %u\n", irq->base,
                (unsigned)status);
        exit(1);
    }
    console.irq = irq->selector;
    if (ports->count < 8 || !uart_open(&console.uart, (uint16_t)ports->base)) {
        fprintf(stderr, "no 16550 at port 0x%lx\n", ports->base);
        exit(1);
    }
}

/* An argument names the program that has the keyboard as soon as it comes. */
int main(int count, char **words)
{
    struct session_entry entry;
    uint32_t client;

    console.keyboard = count > 1 ? words[1] : NULL;
    port_open();
    console.screen.column =
        ENVIRONMENT->restarts != 0; /* the last one may have stopped within one */
    service_open(&console.service, ENVIRONMENT->cpu, (struct utcb *)PROCESS_UTCB, CONSOLE_VERSION);
    for (;;) {
        enum service_event event = service_wait(&console.service, &client, &entry, console.release);
        event_handle(event, client, &entry);
        prints_take();
        time_serve();
        port_serve();
        prints_answer();
        reads_answer();
        flushes_answer();
    }
}
