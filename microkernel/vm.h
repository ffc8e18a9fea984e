/*
 * VMs: guest-physical address spaces. One is a space (space.h) in the format of NPT or EPT, and the
 * virtual CPUs that run in it.
 */
#ifndef CAIRN_VM_H
#define CAIRN_VM_H

#include "object.h"
#include "pool.h"
#include "space.h"
#include "syscall.h"

struct vm {
    struct object object;
    struct chain vcpus; /* of it (ec.member), under the object's lock; as the ECs of a domain */
    struct space space;
};

_Static_assert(sizeof(struct vm) <= FRAME_OBJECT_MAXIMUM, "a VM has one frame");

/*
 * Memory for vm is zero; its object is not touched. STATUS_BAD_PARAMETER: the machine has no
 * guests; STATUS_NEEDS_FRAMES: the pool lacks a frame.
 */
enum status vm_init(struct vm *vm, struct pool *pool) __attribute__((warn_unused_result));

struct ec;

/* CONTROL on a VM (ipc/abi/README.md). */
uint64_t vm_control(struct ec *caller, struct vm *vm, uint32_t rights);

#endif
