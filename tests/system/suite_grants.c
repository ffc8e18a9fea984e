/* DELEGATE, REVOKE and what the capabilities of two domains are worth meanwhile. */
#include "suites.h"
#include "world.h"

enum {
    OBJECT = TEST_SELECTORS,
    A,
    B,
    C,
    OTHER,      /* the second domain */
    CHAIN,      /* and following */
    SERVER = 0, /* actor */
};

#define CHAIN_LENGTH 300u

static enum status delegate(uint32_t from, uint32_t to, uint32_t mask)
{
    return capability_delegate(SELECTOR_PD, to, from, mask).status;
}

static bool is_empty(uint32_t selector)
{
    return capability_lookup(selector).status == STATUS_BAD_CAPABILITY;
}

static void check_rights(void)
{
    uint64_t wrong = 0;

    for (uint32_t mask = 1; mask <= RIGHTS_ALL; mask = mask * 3 + 1) {
        wrong += delegate(OBJECT, A, mask) != STATUS_SUCCESS;
        wrong += capability_lookup(A).rights != mask;
        wrong += capability_lookup(A).type != OBJECT_SM;
        wrong += delegate(A, B, RIGHTS_ALL) != STATUS_SUCCESS;
        wrong += capability_lookup(B).rights != mask;
        wrong += delegate(B, C, ~mask & RIGHTS_ALL) != STATUS_NO_RIGHT;
        wrong += !is_empty(C);
        wrong += capability_revoke(OBJECT, 0) != STATUS_SUCCESS;
        wrong += !is_empty(A) || !is_empty(B);
    }
    tap_equal(wrong, 0, "rights are those of the source and of the mask");
}

static void check_errors(void)
{
    uint64_t before = world_free();

    tap_equal(delegate(C, A, RIGHTS_ALL), STATUS_BAD_CAPABILITY, "delegate: empty source");
    tap_equal(delegate(SELECTORS, A, RIGHTS_ALL), STATUS_BAD_CAPABILITY,
              "delegate: past the table");
    tap_equal(delegate(OBJECT, SELECTORS, RIGHTS_ALL), STATUS_BAD_SELECTOR, "delegate: to past it");
    tap_equal(delegate(OBJECT, SELECTOR_PD, RIGHTS_ALL), STATUS_IN_USE, "delegate: to one in use");
    tap_equal(delegate(OBJECT, OBJECT, RIGHTS_ALL), STATUS_IN_USE, "delegate: to itself");
    tap_equal(delegate(OBJECT, A, RIGHTS_ALL + 1), STATUS_BAD_PARAMETER, "delegate: reserved bit");
    tap_equal(delegate(OBJECT, A, 0), STATUS_NO_RIGHT, "delegate: no rights");
    tap_equal(capability_delegate(OBJECT, A, OBJECT, 1).status, STATUS_BAD_CAPABILITY,
              "delegate: the domain is a semaphore");
    (void)delegate(SELECTOR_PD, B, RIGHTS_ALL & ~PD_RIGHT_DELEGATE);
    tap_equal(capability_delegate(B, A, OBJECT, 1).status, STATUS_NO_RIGHT,
              "delegate: the domain without the right");
    tap_equal(capability_revoke(B, REVOKE_SELF), STATUS_SUCCESS, "revoke: itself");
    tap_equal(capability_revoke(OBJECT, 2), STATUS_BAD_PARAMETER, "revoke: reserved bit");
    tap_equal(capability_revoke(B, 0), STATUS_BAD_CAPABILITY, "revoke: empty");
    tap_equal(capability_revoke(SELECTORS, 0), STATUS_BAD_CAPABILITY, "revoke: past the table");
    tap_ok(is_empty(A), "nothing was delegated");
    world_balance(before);
}

static void check_selective(void)
{
    (void)delegate(OBJECT, A, RIGHTS_ALL);
    (void)delegate(OBJECT, B, RIGHTS_ALL);
    (void)delegate(A, C, RIGHTS_ALL);
    tap_equal(capability_revoke(A, 0), STATUS_SUCCESS, "revoke what was derived");
    tap_ok(is_empty(C), "it is gone");
    tap_ok(!is_empty(A) && !is_empty(B) && !is_empty(OBJECT), "nothing else is");
    (void)delegate(A, C, RIGHTS_ALL);
    tap_equal(capability_revoke(A, REVOKE_SELF), STATUS_SUCCESS, "revoke with itself");
    tap_ok(is_empty(A) && is_empty(C), "both are gone");
    tap_ok(!is_empty(B) && !is_empty(OBJECT), "the other grant stands");
    tap_equal(semaphore_up(B), STATUS_SUCCESS, "and can be used");
    tap_equal(semaphore_down(OBJECT, DOWN_TRY, 0), STATUS_SUCCESS, "on the same object");
    tap_equal(capability_revoke(OBJECT, 0), STATUS_SUCCESS, "revoke the last grant");
    tap_ok(is_empty(B), "it is gone");
}

static void check_depth(void)
{
    uint32_t from = OBJECT, made = 0;
    enum status status = STATUS_SUCCESS;

    for (uint32_t i = 0; i < CHAIN_LENGTH && status == STATUS_SUCCESS; i++) {
        status = delegate(from, CHAIN + i, RIGHTS_ALL);
        made += status == STATUS_SUCCESS;
        from = CHAIN + i;
    }
    tap_equal(status, STATUS_DEPTH, "a chain of delegations comes to an end");
    tap_equal(made, 254, "after 254 of them");
    tap_equal(capability_revoke(CHAIN + 100, 0), STATUS_SUCCESS, "revoke from the middle");
    tap_ok(!is_empty(CHAIN + 100) && is_empty(CHAIN + 101) && is_empty(CHAIN + 253),
           "all behind it are gone");
    tap_equal(capability_revoke(OBJECT, 0), STATUS_SUCCESS, "revoke from the start");
    tap_ok(is_empty(CHAIN) && is_empty(CHAIN + 100), "all are gone");

    for (uint32_t i = 0; i < CHAIN_LENGTH; i++) {
        (void)delegate(OBJECT, CHAIN + i, RIGHTS_ALL);
    }
    tap_ok(!is_empty(CHAIN) && !is_empty(CHAIN + CHAIN_LENGTH - 1), "300 grants side by side");
    tap_equal(capability_revoke(OBJECT, 0), STATUS_SUCCESS, "revoke them all");
    uint32_t left = 0;
    for (uint32_t i = 0; i < CHAIN_LENGTH; i++) {
        left += !is_empty(CHAIN + i);
    }
    tap_equal(left, 0, "none is left");
}

/* In the second domain: what is at selector word 0 there? */
static void look(struct handler *self, struct message *m)
{
    struct lookup l = capability_lookup((uint32_t)message_get(m, 0));

    (void)self;
    m->length = 3;
    m->word[0] = l.status;
    m->word[1] = l.type;
    m->word[2] = l.rights;
}

static struct lookup look_there(uint32_t selector)
{
    struct message m = world_message();

    (void)message_put(&m, selector);
    if (portal_call(actor_portal(SERVER), &m, 0) != STATUS_SUCCESS) {
        return (struct lookup){STATUS_BAD_CALL, OBJECT_NONE, 0};
    }
    return (struct lookup){(enum status)m.word[0], (enum object_type)m.word[1],
                           (uint32_t)m.word[2]};
}

static void check_domains(void)
{
    if (!domain_open(OTHER) || !tap_ok(actor_serve(SERVER, OTHER, look, NULL), "a handler there")) {
        return;
    }
    tap_equal(look_there(100).status, STATUS_BAD_CAPABILITY, "the other table is empty there");
    tap_equal(capability_delegate(OTHER, 100, OBJECT, SM_RIGHT_UP).status, STATUS_SUCCESS,
              "delegate to the other domain");
    struct lookup l = look_there(100);
    tap_equal(l.type, OBJECT_SM, "it is there");
    tap_equal(l.rights, SM_RIGHT_UP, "with the rights that were given");
    tap_equal(capability_revoke(OBJECT, 0), STATUS_SUCCESS, "take it back");
    tap_equal(look_there(100).status, STATUS_BAD_CAPABILITY, "it is gone");
    tap_equal(capability_delegate(OTHER, 100, OBJECT, RIGHTS_ALL).status, STATUS_SUCCESS,
              "delegate again");
    tap_equal(object_destroy(OBJECT), STATUS_SUCCESS, "destroy the object");
    tap_equal(look_there(100).status, STATUS_BAD_CAPABILITY, "it is gone there too");
    tap_ok(actor_end(SERVER), "the handler goes");
    domain_close(OTHER);
}

void suite_grants(const struct machine *m)
{
    if (!world_open(m)) {
        return;
    }
    uint64_t before = world_free();
    tap_equal(semaphore_create(OBJECT, SELECTOR_POOL, 0).status, STATUS_SUCCESS, "an object");
    check_rights();
    check_errors();
    check_selective();
    check_depth();
    check_domains();
    world_balance(before);
}
