/*
 * Making an EC, and changing from one to another: what the CPU holds of it besides the general
 * registers.
 */
#include "ec.h"

#include "ec_control.h"
#include "mapping.h"
#include "ports.h"
#include "sched.h"
#include "syscalls.h"
#include "trace.h"
#include "vcpu.h"
#include "vectors.h"

struct ec ec_nobody = {.cpu = UINT32_MAX, .state = EC_STOPPED};

static enum status utcb_make(struct ec *ec, struct space *space, uint64_t address)
{
    struct pool *pool = ec->object.pool;
    struct map_request request = {
        .address = address, .count = 1, .rights = MEM_RIGHT_READ | MEM_RIGHT_WRITE};
    uint64_t needs;

    ec->utcb = pool_take_frame(pool);
    if (!ec->utcb)
        return STATUS_NEEDS_FRAMES;
    mem_init(&ec->page_mem, pool, (uint64_t)ec->utcb - FRAME_BASE, FRAME_SIZE, MEM_WRITE_BACK);
    node_insert_first(&ec->page_mem.object, &ec->page_slot, (uint32_t)request.rights);
    enum status status = mapping_create(space, &ec->page_slot, ec->page_slot.word, &request,
                                        cpu_this()->index, &needs);
    if (status)
        pool_give_frame(pool, ec->utcb);
    return status;
}

/* What has it; a VM begins as a domain does. */
static struct pd *home_of(struct ec *ec)
{
    return ec_is_vcpu(ec) ? (struct pd *)vcpu_of(ec)->vm : ec->pd;
}

inline void ec_prepare(struct ec *ec)
{
    struct pd *home = home_of(ec);

    ec->caller = &ec_nobody;
    ec->room = CALLS_MAX;
    ec->events = SELECTORS; /* no portals */
    ec->state = EC_WAITING;
    chain_init(&ec->waiting);
    chain_init(&ec->parked);
    chain_init(&ec->helpers);
    chain_init(&ec->portals);
    chain_init(&ec->wake);
    chain_init(&ec->scs);
    chain_init(&ec->ending.chain);
    ec->ending.type = OBJECT_EC;
    lock_take(&home->object.lock);
    chain_insert(&home->ecs, &ec->member);
    lock_give(&home->object.lock);
}

enum status ec_init(struct ec *ec, struct pd *pd, uint64_t utcb)
{
    if (ec->regs.rip >= SPACE_END || utcb >= SPACE_END || ec->cpu >= boot_handoff.cpus)
        return STATUS_BAD_PARAMETER;
    enum status status = utcb_make(ec, &pd->space, utcb);
    if (status)
        return status;
    ec->pd = pd;
    ec->space = &pd->space;
    ec->regs.rflags = RFLAGS_RESERVED | RFLAGS_IF;
    ec_prepare(ec);
    return STATUS_SUCCESS;
}

void ec_end(struct ec *ec)
{
    struct pd *home = home_of(ec);

    while (!slot_revoke(&ec->supervisor, true)) {
    }
    lock_take(&home->object.lock);
    chain_remove(&ec->member);
    lock_give(&home->object.lock);
}

void space_enter(struct cpu *cpu, struct ec *ec)
{
    if (cpu->ports)
        (void)ports_load(cpu, NULL);
    space_load(ec->space, cpu->index);
    if (ec->space->ports[0] && cpu->shoot->current) /* NULL: the space is dying */
        (void)ports_load(cpu, ec->space);
    if (cpu->guest.vectors)
        vectors_take(cpu);
    cpu->shoot->plain = cpu->ports ? TAG_PORTS : cpu->shoot->generation;
    if (!ec->vectors_saved)
        vectors_reset();
}

inline void ec_bases_save(struct cpu *cpu)
{
    if (!cpu->current)
        return;
    cpu->current->fs_base = __builtin_ia32_rdfsbase64();
    cpu->current->gs_base = __builtin_ia32_rdgsbase64();
}

void ec_switch(struct cpu *cpu, struct ec *ec)
{
    if (ec->pending)
        stack_restart(cpu, ec, ec_raise_pending);
    if (cpu->current != ec) {
        ec_bases_save(cpu);
        __builtin_ia32_wrfsbase64(ec->fs_base);
        __builtin_ia32_wrgsbase64(ec->gs_base);
        cpu->current = ec;
        if (cpu->shoot->current != ec->space)
            space_enter(cpu, ec);
        else if (cpu->guest.vectors)
            vectors_take(cpu);
        trace(cpu, TRACE_EC, trace_id(ec), trace_id(ec->pd));
    }
    if (ec->vectors_saved)
        vectors_load(ec);
}

void ec_preempt(struct cpu *cpu, struct ec *ec)
{
    ec->full = FULL_ALL;
    vectors_save(ec);
    schedule(cpu);
}

void syscall_leave(struct ec *ec, uint64_t status)
{
    if (status == SYSCALL_AGAIN)
        ec->regs.rip -= SYSCALL_LENGTH;
    else
        ec->regs.rax = status;
    ec_preempt(cpu_this(), ec);
}
