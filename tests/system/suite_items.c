/* Capabilities in messages: which arrive, where, with which rights, and which do not. */
#include "suites.h"
#include "world.h"

enum {
    OTHER = TEST_SELECTORS,
    OBJECT,      /* the capability that is sent */
    WEAK,        /* the same with fewer rights */
    EMPTY,       /* nothing */
    OWN_WINDOW,  /* and following: for replies */
    SERVER = 0,  /* actor */
    THERE = 400, /* window in the other domain: slots that are there, and empty */
    EDGE = 508,  /* the last four of them */
    NOWHERE = 60000,
    SOME = 4, /* items that most messages have */
};

/* What the handler is asked for: word 0, with arguments in words 1 and 2. */
enum request {
    OPEN,  /* the window for the next call: first selector, count */
    LOOK,  /* replies type and rights of a selector */
    SEND,  /* sends so many capabilities, from a selector on */
    CLEAR, /* empties so many selectors from one on */
};

/* Replies in word 2 how many capabilities came with the request. */
static void serve(struct handler *self, struct message *m)
{
    uint64_t came = MESSAGE_LENGTH_ITEMS(m->length), items = 0;
    uint32_t a = (uint32_t)m->word[1], b = (uint32_t)m->word[2];
    struct lookup l = {STATUS_SUCCESS, OBJECT_NONE, 0};

    switch ((enum request)m->word[0]) {
    case OPEN:
        self->utcb->window = a;
        self->utcb->window_count = b;
        break;
    case LOOK:
        l = capability_lookup(a);
        break;
    case SEND:
        for (items = 0; items < b; items++) {
            self->utcb->item[items] = (struct utcb_item){a + (uint32_t)items, RIGHTS_ALL};
        }
        break;
    case CLEAR:
        for (uint32_t i = 0; i < b; i++) {
            (void)capability_revoke(a + i, REVOKE_SELF);
        }
        break;
    }
    m->word[0] = l.type;
    m->word[1] = l.rights;
    m->word[2] = came;
    m->length = MESSAGE_LENGTH(3, items);
}

static struct message ask(enum request request, uint64_t a, uint64_t b, uint64_t items)
{
    struct message m = world_message();

    m.word[0] = request;
    m.word[1] = a;
    m.word[2] = b;
    m.length = MESSAGE_LENGTH(3, items);
    if (portal_call(actor_portal(SERVER), &m, 0) != STATUS_SUCCESS) {
        m.word[2] = UINT64_MAX;
    }
    return m;
}

static void items_set(uint32_t selector, uint32_t rights)
{
    struct utcb *utcb = (struct utcb *)FIRST_UTCB_ADDRESS;

    for (unsigned i = 0; i < MESSAGE_ITEMS; i++) {
        utcb->item[i] = (struct utcb_item){selector, rights};
    }
}

static void own_window(uint32_t first, uint32_t count)
{
    struct utcb *utcb = (struct utcb *)FIRST_UTCB_ADDRESS;

    utcb->window = first;
    utcb->window_count = count;
}

/* How many of count selectors there, from first on, are the object with these rights. */
static uint64_t found(uint32_t first, uint64_t count, uint32_t rights)
{
    uint64_t right = 0;

    for (uint64_t i = 0; i < count; i++) {
        struct message m = ask(LOOK, first + i, 0, 0);
        right += m.word[0] == OBJECT_SM && m.word[1] == rights;
    }
    return right;
}

/*
 * Opens a window there, sends items and sees how many arrive; no more than those are there, or in
 * the four selectors behind. The items are as set before.
 */
static void pass(uint32_t first, uint32_t count, uint64_t items, uint64_t expected,
                 const char *what)
{
    (void)ask(OPEN, first, count, 0);
    uint64_t came = ask(OPEN, 0, 0, items).word[2];
    tap_equal(came, expected, what);
    tap_equal(found(first, expected + 4, RIGHTS_ALL), expected, "so many are there");
    (void)ask(CLEAR, first, expected, 0);
}

static void check_windows(void)
{
    items_set(OBJECT, RIGHTS_ALL);
    pass(THERE, MESSAGE_ITEMS, 1, 1, "one capability");
    pass(THERE, MESSAGE_ITEMS, MESSAGE_ITEMS, MESSAGE_ITEMS, "as many as a message can have");
    pass(THERE, UINT32_MAX, SOME, SOME, "a window that is larger than any message");
    pass(THERE, 0, SOME, 0, "a closed window");
    pass(THERE, 2, SOME, 2, "a window of two");
    pass(EDGE, MESSAGE_ITEMS, MESSAGE_ITEMS, 4, "a window of which only four slots are there");
    pass(NOWHERE, MESSAGE_ITEMS, SOME, 0, "a window of which no slot is there");
    pass(SELECTORS - 1, MESSAGE_ITEMS, SOME, 0, "a window at the table's end");
    pass(SELECTORS, MESSAGE_ITEMS, SOME, 0, "a window past the table");
    pass(UINT32_MAX, MESSAGE_ITEMS, SOME, 0, "a window far past the table");
    (void)capability_delegate(OTHER, THERE + 2, OBJECT, SM_RIGHT_UP);
    pass(THERE, MESSAGE_ITEMS, SOME, 2, "a window with a full slot in its middle");
    tap_equal(found(THERE + 2, 1, SM_RIGHT_UP), 1, "which is as it was");
    pass(THERE + 2, MESSAGE_ITEMS, SOME, 0, "a window with a full slot at its beginning");
    (void)ask(CLEAR, THERE, SOME, 0);
}

static void check_items(void)
{
    struct utcb *utcb = (struct utcb *)FIRST_UTCB_ADDRESS;

    items_set(OBJECT, RIGHTS_ALL);
    utcb->item[1].selector = EMPTY;
    pass(THERE, MESSAGE_ITEMS, SOME, 1, "an empty selector ends what is sent");
    utcb->item[1].selector = SELECTORS;
    pass(THERE, MESSAGE_ITEMS, SOME, 1, "so does one past the table");
    utcb->item[1] = (struct utcb_item){OBJECT, 0};
    pass(THERE, MESSAGE_ITEMS, SOME, 1, "so does one with no right");

    struct message m = world_message();
    m.length = MESSAGE_LENGTH(0, MESSAGE_ITEMS + 1);
    tap_equal(portal_call(actor_portal(SERVER), &m, 0), STATUS_BAD_PARAMETER, "nine items");
    m.length = MESSAGE_LENGTH(0, 0xffff);
    tap_equal(portal_call(actor_portal(SERVER), &m, 0), STATUS_BAD_PARAMETER, "65535 items");
}

/* Rights: those of the source, of the mask, and nothing else. What was sent can be taken back. */
static void check_rights(void)
{
    uint64_t wrong = 0;

    for (uint32_t mask = 1; mask <= RIGHTS_ALL; mask = mask * 3 + 1) {
        items_set(OBJECT, mask | ~RIGHTS_ALL);
        (void)ask(OPEN, THERE, 1, 0);
        wrong += ask(OPEN, 0, 0, 1).word[2] != 1 || found(THERE, 1, mask) != 1;
        (void)ask(CLEAR, THERE, 1, 0);
    }
    tap_equal(wrong, 0, "rights are cut by the mask");
    items_set(WEAK, RIGHTS_ALL);
    (void)ask(OPEN, THERE, 1, 0);
    tap_equal(ask(OPEN, 0, 0, 1).word[2], 1, "a weak capability is sent with all rights");
    tap_equal(found(THERE, 1, SM_RIGHT_DOWN), 1, "it has those that it had");
    tap_equal(capability_revoke(WEAK, 0), STATUS_SUCCESS, "it is taken back");
    tap_equal(ask(LOOK, THERE, 0, 0).word[0], OBJECT_NONE, "and gone there");
    items_set(WEAK, SM_RIGHT_UP);
    pass(THERE, 1, 1, 0, "a mask that leaves no right");
}

static void check_replies(void)
{
    struct message m;

    for (uint32_t i = 0; i < SOME; i++) {
        (void)capability_delegate(OTHER, THERE + i, OBJECT, SM_RIGHT_UP | SM_RIGHT_DOWN);
    }
    own_window(OWN_WINDOW, 3);
    m = ask(SEND, THERE, SOME, 0);
    tap_equal(MESSAGE_LENGTH_ITEMS(m.length), 3, "a reply fills the window of three");
    tap_equal(capability_lookup(OWN_WINDOW + 2).rights, SM_RIGHT_UP | SM_RIGHT_DOWN,
              "with the rights that the sender had");
    tap_equal(capability_lookup(OWN_WINDOW + 3).status, STATUS_BAD_CAPABILITY, "and no more");
    m = ask(SEND, THERE, SOME, 0);
    tap_equal(MESSAGE_LENGTH_ITEMS(m.length), 0, "the next one finds it full");
    (void)ask(CLEAR, THERE, SOME, 0);
    tap_equal(capability_lookup(OWN_WINDOW).status, STATUS_BAD_CAPABILITY,
              "when the sender's are gone, so are these");
    own_window(0, 0);
    m = ask(SEND, OWN_WINDOW, 1, 0);
    tap_equal(MESSAGE_LENGTH_ITEMS(m.length), 0, "a closed window gets none");
}

static void check_domain(uint32_t domain)
{
    if (tap_ok(actor_serve(SERVER, domain, serve, NULL), "a handler")) {
        check_windows();
        check_items();
        check_rights();
        check_replies();
        tap_ok(actor_end(SERVER), "the handler goes");
    }
}

void suite_items(const struct machine *m)
{
    if (!world_open(m)) {
        return;
    }
    uint64_t before = world_free();
    (void)semaphore_create(OBJECT, SELECTOR_POOL, 0);
    (void)capability_delegate(SELECTOR_PD, WEAK, OBJECT, SM_RIGHT_DOWN);
    if (domain_open(OTHER)) {
        check_domain(OTHER);
        domain_close(OTHER);
    }
    tap_equal(object_destroy(OBJECT), STATUS_SUCCESS, "the object goes");
    world_balance(before);
}
