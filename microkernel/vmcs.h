/*
 * Fields of the VMCS that have a value (SDM 3D, appendix B), and the instructions that reach them.
 */
#pragma once

#include "types.h"

enum vmcs_field {
    VMCS_VPID = 0x0000,

    VMCS_GUEST_ES = 0x0800, /* and so on: see vmx_state.c; so for limit, rights and base */
    VMCS_HOST_CS = 0x0c02,
    VMCS_HOST_SS = 0x0c04,
    VMCS_HOST_TR = 0x0c0c,

    VMCS_IO_BITMAP = 0x2000, /* two */
    VMCS_MSR_BITMAP = 0x2004,
    VMCS_EXIT_STORE_LIST = 0x2006,
    VMCS_EXIT_LOAD_LIST = 0x2008,
    VMCS_ENTRY_LOAD_LIST = 0x200a,
    VMCS_TSC_OFFSET = 0x2010,
    VMCS_VIRTUAL_APIC = 0x2012,
    VMCS_EPT = 0x201a,
    VMCS_ENCLS_BITMAP = 0x202e,
    VMCS_TSC_MULTIPLIER = 0x2032,
    VMCS_GUEST_PHYSICAL = 0x2400,
    VMCS_LINK = 0x2800,
    VMCS_GUEST_PAT = 0x2804,
    VMCS_GUEST_EFER = 0x2806,
    VMCS_GUEST_PDPTE = 0x280a, /* of four */
    VMCS_HOST_PAT = 0x2c00,
    VMCS_HOST_EFER = 0x2c02,

    VMCS_PIN_CONTROLS = 0x4000,
    VMCS_PROC_CONTROLS = 0x4002,
    VMCS_EXCEPTIONS = 0x4004,
    VMCS_EXIT_CONTROLS = 0x400c,
    VMCS_EXIT_STORES = 0x400e,
    VMCS_EXIT_LOADS = 0x4010,
    VMCS_ENTRY_CONTROLS = 0x4012,
    VMCS_ENTRY_LOADS = 0x4014,
    VMCS_ENTRY_EVENT = 0x4016,
    VMCS_ENTRY_ERROR = 0x4018,
    VMCS_ENTRY_LENGTH = 0x401a,
    VMCS_TPR_THRESHOLD = 0x401c,
    VMCS_PROC2_CONTROLS = 0x401e,
    VMCS_INSTRUCTION_ERROR = 0x4400,
    VMCS_EXIT_REASON = 0x4402,
    VMCS_EXIT_EVENT = 0x4404,
    VMCS_EXIT_ERROR = 0x4406,
    VMCS_VECTORING_EVENT = 0x4408,
    VMCS_VECTORING_ERROR = 0x440a,
    VMCS_EXIT_LENGTH = 0x440c,
    VMCS_GUEST_ES_LIMIT = 0x4800,
    VMCS_GUEST_ES_RIGHTS = 0x4814,
    VMCS_INTERRUPTIBILITY = 0x4824,
    VMCS_GUEST_SYSENTER_CS = 0x482a,
    VMCS_PREEMPTION = 0x482e,

    VMCS_CR0_MASK = 0x6000,
    VMCS_CR4_MASK = 0x6002,
    VMCS_CR0_SHADOW = 0x6004,
    VMCS_CR4_SHADOW = 0x6006,
    VMCS_QUALIFICATION = 0x6400,
    VMCS_GUEST_CR0 = 0x6800,
    VMCS_GUEST_CR3 = 0x6802,
    VMCS_GUEST_CR4 = 0x6804,
    VMCS_GUEST_ES_BASE = 0x6806,
    VMCS_GUEST_DR7 = 0x681a,
    VMCS_GUEST_RSP = 0x681c,
    VMCS_GUEST_RIP = 0x681e,
    VMCS_GUEST_RFLAGS = 0x6820,
    VMCS_PENDING_DEBUG = 0x6822,
    VMCS_GUEST_SYSENTER_ESP = 0x6824,
    VMCS_GUEST_SYSENTER_EIP = 0x6826,
    VMCS_HOST_CR0 = 0x6c00,
    VMCS_HOST_CR3 = 0x6c02,
    VMCS_HOST_CR4 = 0x6c04,
    VMCS_HOST_TR_BASE = 0x6c0a,
    VMCS_HOST_GDTR_BASE = 0x6c0c,
    VMCS_HOST_IDTR_BASE = 0x6c0e,
    VMCS_HOST_RSP = 0x6c14,
    VMCS_HOST_RIP = 0x6c16,
};

#define VMCS_NEXT 2u /* from a field to the same one of the next segment */

/*
 * Of the current VMCS. Reading a field that does not exist is a fault of the kernel, found by any
 * test; a write does nothing then.
 */
static inline uint64_t vmcs_read(uint64_t field)
{
    uint64_t value;
    __asm__ volatile("vmread %1, %0" : "=r"(value) : "r"(field) : "cc");
    return value;
}

static inline void vmcs_write(uint64_t field, uint64_t value)
{
    __asm__ volatile("vmwrite %1, %0" : : "r"(field), "r"(value) : "cc");
}

/*
 * All that can be written, known or not, becomes 0: VMCLEAR does not do that (SDM 3C, 24.11.3). Of
 * an encoding (24.11.2) bits 14:13 are the width, 11:10 the type, which is 1 for those that only
 * the CPU writes, and 9:1 the index. What the CPU does not have it refuses.
 */
static inline void vmcs_zero(void)
{
    for (uint32_t kind = 0; kind < 16; kind++)
        for (uint32_t index = 0; kind % 4 != 1 && index < 32; index++)
            vmcs_write(kind / 4 << 13 | kind % 4 << 10 | index << 1, 0);
}

/* Into memory, which saves an instruction: eight bytes, of which a narrower field leaves 0. */
static inline void vmcs_read_to(uint64_t field, void *to)
{
    __asm__ volatile("vmread %1, %0" : "=m"(*(uint64_t *)to) : "r"(field) : "cc");
}

/* VMCLEAR, VMPTRLD of a frame by its physical address (SDM 3C, chapter 30). */
#define VMX_INSTRUCTION(name)                                                                  \
    static inline bool name(uint64_t frame)                                                    \
    {                                                                                          \
        bool failed;                                                                           \
        __asm__ volatile(#name " %1; setna %0" : "=qm"(failed) : "m"(frame) : "cc", "memory"); \
        return !failed;                                                                        \
    }
VMX_INSTRUCTION(vmclear)
VMX_INSTRUCTION(vmptrld)
#undef VMX_INSTRUCTION

/*
 * What the CPU has by an EPT pointer, or under a VPID, or by any (SDM 3C, 28.3.3). An address would
 * follow in the operand; it counts with neither type.
 */
enum vmx_invalidation { INVALIDATE_CONTEXT = 1, INVALIDATE_ALL = 2 };
static inline void invept(enum vmx_invalidation type, uint64_t pointer)
{
    uint64_t of[2] = {pointer, 0};
    __asm__ volatile("invept %0, %1" : : "m"(of), "r"((uint64_t)type) : "cc", "memory");
}

static inline void invvpid(enum vmx_invalidation type, uint64_t vpid)
{
    uint64_t of[2] = {vpid, 0};
    __asm__ volatile("invvpid %0, %1" : : "m"(of), "r"((uint64_t)type) : "cc", "memory");
}
