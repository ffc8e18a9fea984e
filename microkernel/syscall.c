/*
 * The table of system calls, and CONTROL, which asks an object for what is its type's own.
 */
#include "syscall.h"

#include "cpu.h"
#include "ec_control.h"
#include "entry.h"
#include "ipc.h"
#include "mapping.h"
#include "pd.h"
#include "pool.h"
#include "range.h"
#include "sc.h"
#include "semaphore.h"
#include "stop.h"
#include "syscalls.h"
#include "trace.h"
#include "vcpu.h"

#define EXIT_STATUS_MAX 255

static enum status platform_control(const struct registers *regs, uint32_t rights)
{
    bool trace = regs->rsi == PLATFORM_TRACE;

    if (regs->rsi > PLATFORM_TRACE || regs->rdx > (trace ? 1 : EXIT_STATUS_MAX))
        return STATUS_BAD_PARAMETER;
    if (!(rights & (trace ? PLATFORM_RIGHT_TRACE : PLATFORM_RIGHT_POWER)))
        return STATUS_NO_RIGHT;
    if (!trace)
        power_off((unsigned)regs->rdx);
    trace_switch(regs->rdx);
    return STATUS_SUCCESS;
}

/* RDI: selector, RSI: operation of the object's type, RDX: argument. */
uint64_t syscall_control(struct ec *ec)
{
    struct registers *regs = &ec->regs;
    uint64_t word = table_word(&ec->pd->table, regs->rdi);
    struct object *object = capability_object(word);
    uint32_t rights = capability_rights(word);

    if (!word)
        return STATUS_BAD_CAPABILITY;
    if (object->type >= OBJECT_PORTS && object->type <= OBJECT_PCI)
        return range_control(ec, (enum object_type)object->type);
    if (regs->rsi && object->type != OBJECT_EC && object->type != OBJECT_PLATFORM &&
        object->type < OBJECT_VM)
        return STATUS_BAD_PARAMETER; /* the others have one operation */
    switch (object->type) {
    case OBJECT_POOL:
        regs->rdx = ((struct pool *)object)->free_frames;
        regs->r8 = ((struct pool *)object)->frames;
        return STATUS_SUCCESS;
    case OBJECT_EC:
        return ec_control(ec, (struct ec *)object, rights);
    case OBJECT_PD: /* with one operation, which is a VM's too */
    case OBJECT_VM:
        return vm_control(ec, (struct vm *)object, rights);
    case OBJECT_VCPU:
        return vcpu_control(ec, (struct vcpu *)object, rights);
    case OBJECT_SC:
        if (!(rights & SC_RIGHT_READ))
            return STATUS_NO_RIGHT;
        regs->rdx = ((struct sc *)object)->budget.consumed;
        regs->r8 = trace_id(object);
        return STATUS_SUCCESS;
    case OBJECT_CPU:
        regs->rdx = ((struct cpu_share *)object)->free;
        regs->r8 = ((struct cpu_share *)object)->share;
        return STATUS_SUCCESS;
    case OBJECT_PLATFORM:
        return platform_control(regs, rights);
    default:
        return STATUS_BAD_CAPABILITY;
    }
}

uint64_t (*const syscall_table[])(struct ec *ec) = {
    [SYSCALL_CALL] = ipc_call,
    [SYSCALL_REPLY] = ipc_reply,
    [SYSCALL_UP] = syscall_up,
    [SYSCALL_DOWN] = syscall_down,
    [SYSCALL_CREATE] = syscall_create,
    [SYSCALL_DELEGATE] = syscall_delegate,
    [SYSCALL_REVOKE] = syscall_revoke,
    [SYSCALL_DESTROY] = syscall_destroy,
    [SYSCALL_LOOKUP] = syscall_lookup,
    [SYSCALL_MAP] = syscall_map,
    [SYSCALL_UNMAP] = syscall_unmap,
    [SYSCALL_DEPOSIT] = syscall_deposit,
    [SYSCALL_WITHDRAW] = syscall_withdraw,
    [SYSCALL_CONTROL] = syscall_control,
};
