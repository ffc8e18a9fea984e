/*
 * Making an EC, and changing from one to another: what the CPU holds of it besides the general
 * registers.
 */
#include "ec.h"

#include "boot.h"
#include "cpu.h"
#include "ec_control.h"
#include "entry.h"
#include "ipc.h"
#include "mapping.h"
#include "ports.h"
#include "sched.h"
#include "semaphore.h"
#include "syscalls.h"
#include "trace.h"
#include "vectors.h"
#include "x86.h"

#define RFLAGS_START (RFLAGS_RESERVED | RFLAGS_IF)

static enum status utcb_map(struct ec *ec, struct pool *pool, uint64_t address, uint64_t *needs)
{
    struct map_request request = {
        .address = address, .count = 1, .rights = MEM_RIGHT_READ | MEM_RIGHT_WRITE};

    mem_init(&ec->utcb_mem, pool, (uint64_t)ec->utcb - FRAME_BASE, FRAME_SIZE, MEM_WRITE_BACK);
    node_insert_first(&ec->utcb_mem.object, &ec->utcb_slot, request.rights);
    return mapping_create(&ec->pd->space, &ec->utcb_slot, ec->utcb_slot.word, &request,
                          cpu_this()->index, needs);
}

enum status ec_init(struct ec *ec, struct pd *pd, struct pool *pool,
                    const struct ec_request *request, uint64_t *needs)
{
    if (request->rip >= SPACE_END || request->utcb >= SPACE_END ||
        request->cpu >= boot_handoff.cpus)
        return STATUS_BAD_PARAMETER;
    ec->utcb = pool_take_frame(pool);
    if (!ec->utcb) {
        *needs = 1;
        return STATUS_NEEDS_FRAMES;
    }
    ec->pd = pd;
    ec->cpu = request->cpu;
    enum status status = utcb_map(ec, pool, request->utcb, needs);
    if (status) {
        pool_give_frame(pool, ec->utcb);
        return status;
    }
    ec->state = EC_WAITING;
    ec->regs.rip = request->rip;
    ec->regs.rsp = request->rsp;
    ec->regs.rflags = RFLAGS_START;
    chain_init(&ec->waiting);
    chain_init(&ec->parked);
    chain_init(&ec->helpers);
    chain_init(&ec->portals);
    chain_init(&ec->wake);
    chain_init(&ec->scs);
    chain_init(&ec->ending.chain);
    ec->ending.type = OBJECT_EC;
    lock_take(&pd->object.lock);
    chain_insert(&pd->ecs, &ec->member);
    lock_give(&pd->object.lock);
    return STATUS_SUCCESS;
}

void ec_end(struct ec *ec)
{
    while (!slot_revoke(&ec->supervisor, true)) {
    }
    lock_take(&ec->pd->object.lock);
    chain_remove(&ec->member);
    lock_give(&ec->pd->object.lock);
}

static void bases_save(struct ec *ec)
{
    ec->fs_base = fs_base_read();
    ec->gs_base = gs_base_read();
}

/* There is more to do than to load registers. */
static void switch_slowly(struct cpu *cpu, struct ec *ec)
{
    if (ec->pending)
        stack_restart(cpu, ec, ec_raise_pending);
    vectors_switch(cpu, ec);
    if (cpu->tracing) {
        cpu->ready_domain = 0;
        trace_record(cpu, TRACE_EC, trace_id(ec), ec->pd->id);
    }
}

void ec_switch(struct cpu *cpu, struct ec *ec)
{
    if (cpu->current != ec) {
        if (cpu->current)
            bases_save(cpu->current);
        fs_base_write(ec->fs_base);
        gs_base_write(ec->gs_base);
        cpu->current = ec;
        if (shoot_cpus[cpu->index].current != &ec->pd->space) {
            space_load(&ec->pd->space, cpu->index);
            if (cpu->ports != ec->pd->space.ports[0])
                ports_load(cpu, &ec->pd->space);
        }
    }
    if (ec->vectors_saved || ec->pending || cpu->ready_domain != ec->pd->id)
        switch_slowly(cpu, ec);
}

void ec_preempt(struct cpu *cpu, struct ec *ec)
{
    ec->full = true;
    vectors_save(cpu, ec);
    schedule(cpu);
}

void ec_wait_expired(struct ec *ec)
{
    if (semaphore_cancel(ec) || ipc_cancel(ec))
        ec_wake(ec, STATUS_TIMEOUT);
}

void syscall_leave(struct ec *ec, uint64_t status)
{
    if (status == SYSCALL_AGAIN)
        ec->regs.rip -= SYSCALL_LENGTH;
    else
        ec->regs.rax = status;
    ec_preempt(cpu_this(), ec);
}
