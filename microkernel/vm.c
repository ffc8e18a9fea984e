/*
 * VMs: making one, and what CONTROL does with it.
 */
#include "vm.h"

#include "cpu.h"
#include "ec.h"
#include "guest.h"
#include "mapping.h"

enum status vm_init(struct vm *vm, struct pool *pool)
{
    const struct space_format *format = guest_limits.kind == GUEST_VMX ? &space_ept : &space_npt;
    unsigned levels = guest_limits.features & GUEST_LARGE ? 3 : 2;

    if (guest_limits.kind == GUEST_NONE)
        return STATUS_BAD_PARAMETER;
    chain_init(&vm->vcpus);
    return space_init_guest(&vm->space, pool, format, levels) ? STATUS_SUCCESS
                                                              : STATUS_NEEDS_FRAMES;
}

/* RDX: guest-physical address, R8: pages | size << 16. */
static enum status range_watch(struct ec *caller, struct vm *vm, enum space_watch what)
{
    const struct registers *regs = &caller->regs;
    uint64_t changed[SPACE_WATCH_WORDS] = {0};
    enum status status = mapping_watch(&vm->space, regs->rdx, (uint32_t)(regs->r8 & 0xffff),
                                       regs->r8 >> 16, what, changed, cpu_this()->index);

    for (unsigned i = 0; !status && what == WATCH_DIRTY && i < SPACE_WATCH_WORDS; i++)
        caller->utcb->word[i] = changed[i];
    return status;
}

uint64_t vm_control(struct ec *caller, struct vm *vm, uint32_t rights)
{
    struct registers *regs = &caller->regs;
    enum status status;

    if (regs->rsi > VM_PROTECT)
        return STATUS_BAD_PARAMETER;
    if (!(rights & VM_RIGHT_MAP))
        return STATUS_NO_RIGHT;
    switch (regs->rsi) {
    case VM_DIRTY:
        if (!(guest_limits.features & GUEST_DIRTY))
            return STATUS_BAD_PARAMETER;
        return range_watch(caller, vm, WATCH_DIRTY);
    case VM_PROTECT:
        if (regs->r9 > 1)
            return STATUS_BAD_PARAMETER;
        return range_watch(caller, vm, regs->r9 ? WATCH_PROTECT : WATCH_RESTORE);
    default:
        status = mapping_split(&vm->space, regs->rdx, cpu_this()->index);
        if (status == STATUS_NEEDS_FRAMES)
            regs->rdx = 1;
        return status;
    }
}
