/*
 * VMs: making one, and what CONTROL does with it.
 */
#include "boot.h"
#include "guest.h"
#include "mapping.h"

enum status vm_init(struct vm *vm, struct pool *pool)
{
    const struct space_format *format =
        boot_handoff.guest.limits.kind == GUEST_VMX ? &space_ept : &space_pages;
    unsigned levels = boot_handoff.guest.limits.features & GUEST_LARGE ? 3 : 2;

    if (boot_handoff.guest.limits.kind == GUEST_NONE)
        return STATUS_BAD_PARAMETER;
    chain_init(&vm->vcpus);
    return space_init_guest(&vm->space, pool, format, levels) ? STATUS_SUCCESS
                                                              : STATUS_NEEDS_FRAMES;
}

/* RDX: guest-physical address; R8: pages | size << 16 and R9: protect, of those that watch. */
uint64_t vm_control(struct ec *caller, struct vm *vm, uint32_t rights)
{
    struct registers *regs = &caller->regs;
    uint64_t changed[SPACE_WATCH_WORDS] = {0};
    uint32_t cpu = cpu_this()->index;
    bool dirty = regs->rsi == VM_DIRTY;
    enum status status;

    if (regs->rsi > VM_PROTECT)
        return STATUS_BAD_PARAMETER;
    if (!(rights & VM_RIGHT_MAP))
        return STATUS_NO_RIGHT;
    if (regs->rsi == VM_SPLIT) {
        status = mapping_split(&vm->space, regs->rdx, cpu);
        if (status == STATUS_NEEDS_FRAMES)
            regs->rdx = 1;
        return status;
    }
    if (dirty ? !(boot_handoff.guest.limits.features & GUEST_DIRTY) : regs->r9 > 1)
        return STATUS_BAD_PARAMETER;
    status = mapping_watch(&vm->space, regs->rdx, (uint32_t)(regs->r8 & 0xffff), regs->r8 >> 16,
                           dirty      ? WATCH_DIRTY
                           : regs->r9 ? WATCH_PROTECT
                                      : WATCH_RESTORE,
                           changed, cpu);
    if (!status && dirty)
        __builtin_memcpy(caller->utcb->word, changed, sizeof(changed));
    return status;
}
