/* What the cases of documented errors share (errors.h). */
#include "errors.h"
#include "ranges.h"

#define LARGE        (2ull << 20)
#define PART_PAGE    32u /* E_MEM */
#define PAID_PAGE    48u
#define POOR_FRAMES  3u
#define SPLIT_FRAMES 6u /* a domain, two tables and the record of the mapping */

enum status stage_call(struct system_registers r)
{
    system_switching(&r);
    return (enum status)(r.rax & MESSAGE_STATUS);
}

static bool done(struct answer a)
{
    return a.status == STATUS_SUCCESS;
}

bool funded_open(uint32_t pool, uint32_t part, uint32_t payer, uint64_t page, uint64_t frames)
{
    return done(pool_create(pool, payer)) &&
           done(memory_create(part, SELECTOR_POOL, WORLD_MEMORY, page * PAGE, frames * PAGE, 0)) &&
           pool_deposit(pool, part) == STATUS_SUCCESS;
}

static bool weak_open(const struct machine *m)
{
    uint32_t last = m->info->guest.kind == GUEST_NONE ? OBJECT_PLATFORM : OBJECT_VCPU;
    static const uint32_t sources[] = {
        [OBJECT_PD] = SELECTOR_PD,
        [OBJECT_POOL] = E_FUNDED,
        [OBJECT_MEM] = E_MEM,
        [OBJECT_EC] = E_EC,
        [OBJECT_SC] = SELECTOR_SC,
        [OBJECT_PT] = E_PT,
        [OBJECT_SM] = E_SM,
        [OBJECT_CPU] = SELECTOR_CPUS,
        [OBJECT_PORTS] = SELECTOR_PORTS,
        [OBJECT_IRQ] = SELECTOR_IRQ,
        [OBJECT_PCI] = SELECTOR_PCI,
        [OBJECT_PLATFORM] = SELECTOR_PLATFORM,
        [OBJECT_VM] = E_VM,
        [OBJECT_VCPU] = E_VCPU,
    };
    bool open = true;

    for (uint32_t type = OBJECT_PD; type <= last; type++) {
        open = open &&
               done(capability_delegate(SELECTOR_PD, E_WEAK + type, sources[type], E_WEAK_RIGHT));
    }
    return open;
}

static bool domains_open(void)
{
    struct map map = {
        .address = E_MAPPED, .count = 1, .level = 1, .rights = MEM_RIGHT_READ | MEM_RIGHT_WRITE};

    return funded_open(E_POOR, E_POOR_PART, SELECTOR_POOL, 0, POOR_FRAMES) &&
           done(domain_create(E_POOR_PD, E_POOR)) &&
           funded_open(E_SPLIT, E_SPLIT_PART, SELECTOR_POOL, POOR_FRAMES, SPLIT_FRAMES) &&
           done(domain_create(E_SPLIT_PD, E_SPLIT)) &&
           done(memory_create(E_LARGE, SELECTOR_POOL, WORLD_MEMORY, LARGE, LARGE, 0)) &&
           done(memory_map(E_LARGE, E_SPLIT_PD, &map)) && pool_free(E_POOR).value == 0 &&
           pool_free(E_SPLIT).value == 0;
}

static bool remote_open(const struct machine *m)
{
    return m->info->cpus.count < 2 ||
           (done(context_create(E_REMOTE, SELECTOR_POOL, SELECTOR_PD, 0, 0, E_ADDRESS + 9 * PAGE,
                                1)) &&
            done(portal_create(E_REMOTE_PT, SELECTOR_POOL, E_REMOTE, 0)));
}

static bool guests_open(const struct machine *m)
{
    return m->info->guest.kind == GUEST_NONE ||
           (done(vm_create(E_VM, SELECTOR_POOL)) &&
            done(vcpu_create(E_VCPU, SELECTOR_POOL, E_VM, 0)) &&
            (m->info->cpus.count < 2 || done(vcpu_create(E_REMOTE_VCPU, SELECTOR_POOL, E_VM, 1))));
}

bool stage_open(const struct machine *m)
{
    bool open =
        done(memory_create(E_MEM, SELECTOR_POOL, WORLD_MEMORY, PART_PAGE * PAGE, E_PAGES * PAGE,
                           0)) &&
        done(context_create(E_EC, SELECTOR_POOL, SELECTOR_PD, 0, 0, E_ADDRESS + 8 * PAGE, 0)) &&
        done(portal_create(E_PT, SELECTOR_POOL, E_EC, 0)) &&
        done(semaphore_create(E_SM, SELECTOR_POOL, 0)) &&
        done(pool_create(E_EMPTY_POOL, SELECTOR_POOL)) &&
        funded_open(E_FUNDED, E_FUNDED_PART, SELECTOR_POOL, 16, 2) &&
        done(memory_create(E_PAID, E_FUNDED, WORLD_MEMORY, PAID_PAGE * PAGE, PAGE, 0)) &&
        range_create(OBJECT_PORTS, E_PORTS, SELECTOR_PORTS, E_PORT, 1) == STATUS_SUCCESS &&
        range_create(OBJECT_IRQ, E_IRQ, SELECTOR_IRQ, E_LINE, 1) == STATUS_SUCCESS &&
        range_create(OBJECT_PCI, E_PCI, SELECTOR_PCI, 8, 1) == STATUS_SUCCESS;

    return tap_ok(open && domains_open() && guests_open(m) && weak_open(m) && remote_open(m),
                  "the stage");
}

/* Pools go before the memory that is deposited in them. */
void stage_close(void)
{
    static const uint32_t objects[] = {
        E_REMOTE_VCPU, E_VCPU,       E_VM,         E_REMOTE_PT, E_REMOTE, E_SPLIT_PD,
        E_SPLIT,       E_SPLIT_PART, E_POOR_PD,    E_POOR,      E_PAID,   E_POOR_PART,
        E_FUNDED,      E_LARGE,      E_EMPTY_POOL, E_PORTS,     E_IRQ,    E_PCI,
        E_FUNDED_PART, E_SM,         E_PT,         E_EC,        E_MEM,
    };
    bool closed = true;

    for (uint32_t type = OBJECT_PD; type <= OBJECT_VCPU; type++) {
        (void)capability_revoke(E_WEAK + type, REVOKE_SELF);
    }
    for (unsigned i = 0; i < sizeof(objects) / sizeof(objects[0]); i++) {
        closed = (capability_lookup(objects[i]).status == STATUS_BAD_CAPABILITY ||
                  object_destroy(objects[i]) == STATUS_SUCCESS) &&
                 closed;
    }
    tap_ok(closed, "the stage goes");
}

/* E_CHAIN is the first of the chain; E_DEEP replaces the last that could be made. */
bool deep_open(uint32_t source)
{
    uint32_t from = source, before = source;

    for (uint32_t i = 0; i < 300; i++) {
        struct answer a = capability_delegate(SELECTOR_PD, E_CHAIN + i, from, RIGHTS_ALL);
        if (a.status != STATUS_SUCCESS) {
            return a.status == STATUS_DEPTH &&
                   capability_revoke(from, REVOKE_SELF) == STATUS_SUCCESS &&
                   done(capability_delegate(SELECTOR_PD, E_DEEP, before, RIGHTS_ALL));
        }
        before = from;
        from = E_CHAIN + i;
    }
    return false;
}

void deep_close(void)
{
    (void)capability_revoke(E_CHAIN, REVOKE_SELF);
}
