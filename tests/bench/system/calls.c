/* System calls that do nothing, portal calls, exceptions, interrupts. */
#include "bench.h"

extern const char undefined_begin[], undefined_ud[], undefined_end[];

/* Handlers by index: stacks, UTCBs and selectors (bench.h). */
enum { ECHO, ECHO_OTHER, TAKE, TAKE_OTHER, REPAIR };

static void echo(struct handler *self, struct message *message)
{
    (void)self;
    (void)message; /* is the reply */
}

static void take(struct handler *self, struct message *message)
{
    (void)self;
    message->length = 0;
}

static void repair(struct handler *self, struct message *message)
{
    (void)self;
    *(volatile uint16_t *)(CODE_WRITE + (uint64_t)(undefined_ud - undefined_begin)) = 0x9066;
    message->length = 0;
}

static struct handler handlers[] = {
    [ECHO] = {.handle = echo},       [ECHO_OTHER] = {.handle = echo}, [TAKE] = {.handle = take},
    [TAKE_OTHER] = {.handle = take}, [REPAIR] = {.handle = repair},
};

static void run_bad_call(uint64_t argument)
{
    struct system_registers r = {.rax = argument};

    probe_begin();
    system_plain(&r);
    probe_end();
    require_true(r.rax == STATUS_BAD_CALL, "a call that does not exist");
}

static void run_lookup(uint64_t selector)
{
    struct lookup found;

    probe_begin();
    found = capability_lookup((uint32_t)selector);
    probe_end();
    require(found.status, "look-up");
}

/* argument: words, and handler << 32. The handler sends the message back. */
static void run_call(uint64_t argument)
{
    struct message message = {.length = (uint32_t)argument, .word = {1, 2, 3, 4}};
    uint32_t portal = handler_portal((unsigned)(argument >> 32));
    enum status status;

    probe_begin();
    status = portal_call(portal, &message, 0);
    probe_end();
    require(status, "a call");
    require_true(message.length == (uint32_t)argument && message.word[3] == 4, "the echo");
}

/* argument: handler. Its window is one slot, which the sender empties again. */
static void run_call_capability(uint64_t argument)
{
    struct utcb *utcb = (struct utcb *)WORKER_UTCB;
    struct message message = {.length = MESSAGE_LENGTH(0, 1)};
    uint32_t portal = handler_portal((unsigned)argument);
    enum status status;

    utcb->item[0] = (struct utcb_item){SEMAPHORES, RIGHTS_ALL};
    probe_begin();
    status = portal_call(portal, &message, 0);
    probe_end();
    require(status, "a call with a capability");
    require(capability_revoke(SEMAPHORES, 0), "taking the capability back");
}

/* The path's own code is in the page that the handler changes. */
static void run_undefined(uint64_t argument)
{
    void (*code)(uint32_t * before, uint32_t * after) =
        (void (*)(uint32_t *, uint32_t *))(uintptr_t)argument;
    volatile uint8_t *to = (volatile uint8_t *)CODE_WRITE;

    for (const char *from = undefined_begin; from < undefined_end; from++) {
        *to++ = (uint8_t)*from;
    }
    code(&probe_before, &probe_after);
}

/* In the first domain, whose handler also takes the time. */
static void run_interrupt(uint64_t argument)
{
    struct message message = {.length = 0};

    (void)argument;
    require(portal_call(RAISE, &message, 0), "raising an interrupt");
    probe_before = (uint32_t)message.word[0];
    probe_after = (uint32_t)message.word[1];
}

#define to_handler(index) ((uint64_t)(index) << 32)
#define call_paths(name, index)                                \
    {name ".0w", NULL, run_call, to_handler(index)},           \
        {name ".4w", NULL, run_call, to_handler(index) | 4},   \
        {name ".16w", NULL, run_call, to_handler(index) | 16}, \
        {name ".64w", NULL, run_call, to_handler(index) | 64}, \
    {                                                          \
        name ".256w", NULL, run_call, to_handler(index) | 256  \
    }

static const struct path paths[] = {
    {"syscall.null", NULL, run_bad_call, 0xff},
    {"syscall.lookup", NULL, run_lookup, SEMAPHORES},
    call_paths("ipc.call.intra-pd", ECHO),
    call_paths("ipc.call.inter-pd", ECHO_OTHER),
    {"ipc.call.intra-pd.capability", NULL, run_call_capability, TAKE},
    {"ipc.call.inter-pd.capability", NULL, run_call_capability, TAKE_OTHER},
    {"exception.ud", NULL, run_undefined, CODE_EXECUTE},
    {"interrupt.thread.return", "interrupt.thread", run_interrupt, 0},
    {0},
};

/* Opens the windows: each handler has its UTCB; that of the other domain is reached by a call. */
static void open_window(struct handler *self, struct message *message)
{
    self->utcb->window = (uint32_t)message->word[0];
    self->utcb->window_count = 1;
    self->handle = take;
    message->length = 0;
}

static void window_open(unsigned index)
{
    struct message message = {.length = 1, .word = {FREE}};

    require(portal_call(handler_portal(index), &message, 0), "opening a window");
}

void measure_calls(void)
{
    setup_other();
    handlers[TAKE].handle = handlers[TAKE_OTHER].handle = open_window;
    for (unsigned i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++) {
        setup_handler(&handlers[i], i,
                      i == ECHO_OTHER || i == TAKE_OTHER ? (uint32_t)OTHER : SELECTOR_PD);
    }
    window_open(TAKE);
    window_open(TAKE_OTHER);
    /* The slots of the other domain's window. */
    require(capability_delegate(OTHER, FREE, SEMAPHORES, RIGHTS_ALL).status, "slots");
    require(capability_revoke(SEMAPHORES, 0), "slots");
    require(portal_create(EVENTS + 6, SELECTOR_POOL, handlers[REPAIR].context, 6).status,
            "the portal of #UD");
    require(context_set_events(SELECTOR_EC, EVENTS), "events");
    paths_measure(paths);
}
