/* Errors that need several calls, or several threads (errors.h). */
#include <stddef.h>

#include "errors.h"
#include "ranges.h"

enum {
    PART = E_CASE + 1,
    SM = E_CASE + 2,
    DOMAIN = E_CASE + 3,
    POOL = E_CASE + 4,
    GO = SEMAPHORE, /* standing semaphore */
    ACTOR = 0,
};

#define LIMIT     WORLD_LIMIT
#define CHAIN     16u  /* handlers */
#define CROWD     20u  /* more bindings than one step of DESTROY ends */
#define VECTORS   192u /* of a CPU */
#define PROXY     48u  /* frames of the domain that is then left without */
#define LENT      256u /* frames that are deposited and withdrawn in many steps */
#define POOLS     15u  /* below SELECTOR_POOL */
#define TRIES     2000u
#define CASE_UTCB (E_ADDRESS + PAGE)

static volatile enum status noted; /* by another thread */

/* --- calls
 * ---------------------------------------------------------------------------------------*/

/* Argument: selector of the next portal. Replies the status of the innermost call. */
static void call_next(struct handler *self, struct message *m)
{
    struct message next = message_make(self->utcb);
    enum status status = portal_call((uint32_t)(uint64_t)self->argument, &next, 0);

    m->word[0] = status == STATUS_SUCCESS ? next.word[0] : (uint64_t)status;
    m->length = 1;
}

enum status scene_chain(void)
{
    struct message m = world_message();
    bool made = true;

    for (unsigned i = 0; i < CHAIN; i++) {
        uint64_t next = actor_portal(i + 1 < CHAIN ? i + 1 : 0);
        made = made && actor_serve(i, SELECTOR_PD, call_next, (void *)next);
    }
    if (!made || portal_call(actor_portal(0), &m, LIMIT) != STATUS_SUCCESS) {
        m.word[0] = STATUS_SUCCESS;
    }
    for (unsigned i = 0; i < CHAIN; i++) {
        (void)actor_end(i);
    }
    return (enum status)m.word[0];
}

bool scene_handler_gone(void)
{
    return context_create(E_CASE + 1, SELECTOR_POOL, SELECTOR_PD, 0, 0, CASE_UTCB, 0).status ==
               STATUS_SUCCESS &&
           portal_create(E_CASE, SELECTOR_POOL, E_CASE + 1, 0).status == STATUS_SUCCESS &&
           object_destroy(E_CASE + 1) == STATUS_SUCCESS;
}

void scene_handler_close(void)
{
    (void)object_destroy(E_CASE);
}

/* --- semaphores that go
 * --------------------------------------------------------------------------*/

/* Waits for SM; what then follows is noted. */
static void wait_then(struct thread *self, void *argument)
{
    const struct system_registers *then = argument;
    enum status status = semaphore_down(SM, 0, LIMIT);

    (void)self;
    noted = status == STATUS_ABORTED && then ? stage_call(*then) : status;
}

/*
 * Destroys SM while a more urgent thread waits for it: that goes on between two steps of the
 * destruction, because of the many bindings.
 */
static enum status while_destroyed(const struct system_registers *then)
{
    struct schedule high = actor_schedule(PRIORITY_HIGH);
    bool made = semaphore_create(SM, SELECTOR_POOL, 0).status == STATUS_SUCCESS;

    noted = STATUS_SUCCESS;
    for (unsigned i = 0; i < CROWD; i++) {
        made = made && range_control(E_PCI, PCI_BIND, 0, SM, 0).status == STATUS_SUCCESS;
    }
    if (made && actor_run(ACTOR, SELECTOR_PD, &high, wait_then, (void *)then)) {
        (void)object_destroy(SM);
        (void)actor_end(ACTOR);
    }
    return noted;
}

enum status scene_down(void)
{
    return while_destroyed(NULL);
}

enum status scene_irq_bind(void)
{
    static const struct system_registers bind = {
        .rax = SYSCALL_CONTROL, .rdi = E_IRQ, .rsi = IRQ_BIND, .rdx = 0, .r8 = SM};

    return while_destroyed(&bind);
}

enum status scene_pci_bind(void)
{
    static const struct system_registers bind = {
        .rax = SYSCALL_CONTROL, .rdi = E_PCI, .rsi = PCI_BIND, .rdx = 0, .r8 = SM};

    return while_destroyed(&bind);
}

/* --- bindings and supervisors
 * --------------------------------------------------------------------*/

bool scene_supervised(void)
{
    return semaphore_create(E_CASE, SELECTOR_POOL, 0).status == STATUS_SUCCESS &&
           context_supervise(E_EC, E_CASE) == STATUS_SUCCESS;
}

void scene_supervised_close(void)
{
    (void)object_destroy(E_CASE);
}

bool scene_vcpu_supervised(void)
{
    return semaphore_create(E_CASE, SELECTOR_POOL, 0).status == STATUS_SUCCESS &&
           vcpu_set_supervisor(E_VCPU, E_CASE) == STATUS_SUCCESS;
}

/* Less urgent than this thread, so it does not begin. */
bool scene_vcpu_ready(void)
{
    struct schedule low = actor_schedule(PRIORITY_LOW);

    return vcpu_create(E_CASE, SELECTOR_POOL, E_VM, 0).status == STATUS_SUCCESS &&
           time_create(E_CASE + 1, SELECTOR_POOL, E_CASE, &low).status == STATUS_SUCCESS;
}

void scene_vcpu_close(void)
{
    (void)object_destroy(E_CASE + 1);
    (void)object_destroy(E_CASE);
}

/* A VM, its top table, two tables and the record of the mapping: five frames. */
bool scene_poor_vm(void)
{
    struct map map = {.address = E_MAPPED, .count = 1, .level = 1, .rights = MEM_RIGHT_READ};

    return funded_open(POOL, PART, SELECTOR_POOL, 64, 5) &&
           vm_create(E_CASE, POOL).status == STATUS_SUCCESS &&
           memory_map(E_LARGE, E_CASE, &map).status == STATUS_SUCCESS && pool_free(POOL).value == 0;
}

void scene_poor_vm_close(void)
{
    (void)object_destroy(POOL);
    (void)object_destroy(PART);
}

bool scene_share(void)
{
    return cpu_create(E_CASE, SELECTOR_POOL, SELECTOR_CPUS, 1, 0).status == STATUS_SUCCESS;
}

void scene_share_close(void)
{
    (void)object_destroy(E_CASE);
}

bool scene_line_bound(void)
{
    return semaphore_create(SM, SELECTOR_POOL, 0).status == STATUS_SUCCESS &&
           irq_bind(E_IRQ, 0, SM, 0) == STATUS_SUCCESS;
}

bool scene_vectors_bound(void)
{
    bool bound = semaphore_create(SM, SELECTOR_POOL, 0).status == STATUS_SUCCESS;

    for (unsigned i = 0; i < VECTORS; i++) {
        bound = bound && range_control(E_PCI, PCI_BIND, 0, SM, 0).status == STATUS_SUCCESS;
    }
    return bound;
}

void scene_bound_close(void)
{
    (void)object_destroy(SM);
}

/* --- memory
 * --------------------------------------------------------------------------------------*/

/* In a domain whose pool has nothing left: fills a selector that no frame of slots is there for. */
static void create_far(struct handler *self, struct message *m)
{
    (void)self;
    m->word[0] = semaphore_create(SELECTORS - 1, 1, 0).status;
    m->length = 1;
}

static void page_far(struct handler *self, struct message *m)
{
    (void)self;
    m->word[0] = vcpu_page(2, SELECTORS - 1).status;
    m->length = 1;
}

/* Takes all frames of a pool. They go with the pool. */
static void drain(uint32_t pool)
{
    for (uint32_t i = 0; pool_free(pool).value && i < PROXY; i++) {
        (void)!pool_create(E_CHAIN + i, pool).status;
    }
}

/* What `call` is refused with there. It has `selector` at 2. */
static enum status without_frames(void (*call)(struct handler *self, struct message *m),
                                  uint32_t selector)
{
    struct message m = world_message();

    if (funded_open(POOL, PART, SELECTOR_POOL, E_PAGE_FREE, PROXY) &&
        domain_open_from(DOMAIN, POOL) &&
        capability_delegate(DOMAIN, 1, SELECTOR_POOL, POOL_RIGHT_USE).status == STATUS_SUCCESS &&
        capability_delegate(DOMAIN, 2, selector, RIGHTS_ALL).status == STATUS_SUCCESS &&
        actor_serve(ACTOR, DOMAIN, call, NULL)) {
        drain(POOL);
        if (portal_call(actor_portal(ACTOR), &m, LIMIT) != STATUS_SUCCESS) {
            m.word[0] = STATUS_SUCCESS;
        }
        (void)actor_end(ACTOR);
    }
    (void)object_destroy(POOL);
    (void)object_destroy(PART);
    return (enum status)m.word[0];
}

enum status scene_slot(void)
{
    return without_frames(create_far, E_SM);
}

enum status scene_page(void)
{
    return without_frames(page_far, E_VCPU);
}

/* Lends and takes back for ever. */
static void lend(struct thread *self, void *argument)
{
    (void)self;
    (void)argument;
    for (;;) {
        (void)pool_deposit(POOL, PART);
        (void)pool_withdraw(POOL, PART);
    }
}

/* This thread comes in between, where the deadline of its sleep happens to find the other one. */
enum status scene_deposit(void)
{
    struct schedule low = actor_schedule(PRIORITY_LOW);
    enum status status = STATUS_SUCCESS;

    if (pool_create(POOL, SELECTOR_POOL).status == STATUS_SUCCESS &&
        memory_create(PART, SELECTOR_POOL, WORLD_MEMORY, E_PAGE_FREE * PAGE, LENT * PAGE, 0)
                .status == STATUS_SUCCESS &&
        actor_run(ACTOR, SELECTOR_PD, &low, lend, NULL)) {
        for (unsigned i = 0; status != STATUS_BUSY && i < TRIES; i++) {
            world_sleep(world.millisecond / 20 + i * 97ull);
            status = pool_deposit(POOL, PART);
        }
        (void)actor_end(ACTOR);
    }
    (void)object_destroy(POOL);
    (void)object_destroy(PART);
    return status;
}

bool scene_pools(void)
{
    bool made = true;

    for (uint32_t i = 0; made && i < POOLS; i++) {
        made = funded_open(E_CHAIN + i, E_CHAIN + POOLS + i, i ? E_CHAIN + i - 1 : SELECTOR_POOL,
                           E_PAGE_FREE + 2 * i, 2);
    }
    return made;
}

void scene_pools_close(void)
{
    (void)object_destroy(E_CHAIN);
    for (uint32_t i = 0; i < POOLS; i++) {
        (void)object_destroy(E_CHAIN + POOLS + i);
    }
}
