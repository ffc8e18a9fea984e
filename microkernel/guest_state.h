/*
 * What a monitor wrote, made into what cannot do harm: pure functions, for both back ends.
 *
 * A value that would fault when the kernel loads it, or let the guest out of its limits, is made
 * impossible here. A state that the CPU refuses at entry is not looked for: that is an EXIT_FAILED.
 * SDM: Intel's manual, 3C; APM: AMD's, 2.
 */
#ifndef CAIRN_GUEST_STATE_H
#define CAIRN_GUEST_STATE_H

#include "boot_info.h"
#include "guest.h"
#include "vcpu_state.h"
#include "x86.h"

/* A field of the state page, which user mode writes at any time: once, and as a whole. */
#define GUEST_READ(field) __atomic_load_n(&(field), __ATOMIC_RELAXED)

/*
 * SDM 26.3.1.1, APM 15.5.1. ET is fixed. PG without PE is refused by VMX and paged real mode on SVM
 * (APM 15.19); NW without CD is refused by SVM, and VMX does not load either (SDM 26.3.2.1).
 */
static inline uint64_t guest_cr0(uint64_t value)
{
    return (value & guest_limits.cr0) | CR0_ET;
}

/* SDM 26.3.1.1, APM 15.5.1. Not every CPU checks reserved bits. */
static inline uint64_t guest_cr4(uint64_t value)
{
    return value & guest_limits.cr4;
}

/* LMA follows from LME and paging (SDM 26.3.1.1, APM 14.6.1). cr0 is the guest's own. */
static inline uint64_t guest_efer(uint64_t value, uint64_t cr0)
{
    uint64_t efer = value & guest_limits.efer & ~EFER_LMA;

    return efer & EFER_LME && cr0 & CR0_PG ? efer | EFER_LMA : efer;
}

/* SDM 3A, 2.6, "Extended control registers": XSETBV of anything else is #GP, in the kernel. */
static inline uint64_t guest_xcr0(uint64_t value)
{
    const uint64_t sse = 1u << 1, avx = 1u << 2, mpx = 3u << 3, avx512 = 7u << 5, amx = 3u << 17;
    uint64_t xcr0 = (value & guest_limits.xcr0) | 1;

    if (!(xcr0 & sse))
        xcr0 &= ~avx;
    if (!(xcr0 & avx) || (xcr0 & avx512) != avx512)
        xcr0 &= ~avx512;
    if ((xcr0 & mpx) != mpx)
        xcr0 &= ~mpx;
    return (xcr0 & amx) == amx ? xcr0 : xcr0 & ~amx;
}

/* The start of an XSAVE image (SDM 1, 13.4). */
struct guest_image {
    uint8_t legacy[24];
    uint32_t mxcsr, mxcsr_mask;
    uint8_t registers[480];
    uint64_t components, compaction, reserved[6];
};

_Static_assert(sizeof(struct guest_image) == 576, "legacy area and header");

/*
 * Of a copy that nobody else sees: XRSTOR under xcr0 or more does not fault (SDM 1, 13.8). All CPUs
 * with XSAVE have these bits of MXCSR.
 */
static inline void guest_image_tame(struct guest_image *image, uint64_t xcr0)
{
    image->mxcsr &= 0xffff;
    image->components &= xcr0;
    image->compaction = 0;
    for (unsigned i = 0; i < 6; i++)
        image->reserved[i] = 0;
}

/* SDM 26.3.1.4. VM stays: where it cannot be, VMX refuses it, and SVM has no such mode. */
static inline uint64_t guest_rflags(uint64_t value)
{
    return (value & 0x3f7fd5) | RFLAGS_RESERVED;
}

/* SDM 3B, 17.2.3 and 17.2.4. Upper bits are #GP for MOV DR, and refused by both at entry. */
static inline uint64_t guest_dr6(uint64_t value)
{
    return (value & 0xe00f) | 0xffff0ff0;
}

static inline uint64_t guest_dr7(uint64_t value)
{
    return (value & 0xffff23ff) | 0x400;
}

/* SDM 26.3.1.5: what ABI and CPUs have in common, BS and B0 to B3. */
static inline uint64_t guest_pending_debug(uint64_t value)
{
    return value & 0x400f;
}

/* Segment bases, and addresses in MSRs: WRMSR of another one is #GP (SDM 2B, "WRMSR"). */
static inline uint64_t guest_canonical(uint64_t address)
{
    return (uint64_t)((int64_t)(address << 16) >> 16);
}

/* SDM 3A, 11.12.2: memory types 0, 1 and 4 to 7; what is none becomes write-back. */
static inline uint64_t guest_pat(uint64_t value)
{
    const uint64_t bytes = 0x0101010101010101;
    uint64_t bad = value >> 3 | value >> 4 | value >> 5 | value >> 6 | value >> 7;

    bad = (bad | (value >> 1 & ~(value >> 2))) & bytes;
    return (value & ~(bad * 0xff)) | bad * 6;
}

/* An event as VMX wants it, which is as EVENT_* has it; info 0: none. */
struct guest_event {
    uint32_t info, error, length;
};

/* Does an exception push an error code (SDM 3A, table 6-1)? */
static inline bool guest_has_error(uint32_t vector)
{
    const uint32_t with_error = 1u << 8 | 31u << 10 | 1u << 17 | 1u << 21;

    return vector < 32 && with_error >> vector & 1;
}

/* Does the CPU have such an event (SDM 26.2.1.3, APM 15.20)? Software's have a length. */
static inline bool guest_event_valid(uint32_t type, uint32_t vector, uint32_t length)
{
    bool software = length >= 1 && length <= 15;

    switch (type) {
    case EVENT_EXTERNAL:
        return true;
    case EVENT_NMI:
        return vector == 2;
    case EVENT_EXCEPTION:
        return vector < 32 && vector != 2;
    case EVENT_INT:
        return software;
    case EVENT_INT1:
        return software && vector == 1;
    case EVENT_INT3:
        return software && (vector == 3 || vector == 4);
    default:
        return false;
    }
}

/*
 * An error code goes with each exception that has one, and only in protected mode (SDM 26.2.1.3):
 * 0 if the monitor did not say EVENT_ERROR. Its upper half is reserved.
 */
static inline struct guest_event guest_event(uint32_t info, uint32_t error, uint32_t length,
                                             uint64_t cr0)
{
    uint32_t type = info & EVENT_TYPE, vector = info & EVENT_VECTOR;
    struct guest_event event = {0, 0, 0};

    if (!(info & EVENT_VALID) || !guest_event_valid(type, vector, length))
        return event;
    event.info = EVENT_VALID | type | vector;
    if (type >= EVENT_INT)
        event.length = length;
    if (type == EVENT_EXCEPTION && cr0 & CR0_PE && guest_has_error(vector)) {
        event.info |= EVENT_ERROR;
        event.error = info & EVENT_ERROR ? error & 0xffff : 0;
    }
    return event;
}

/*
 * A segment of the page. What of type, limit and base do not go together is refused at entry (SDM
 * 26.3.1.2).
 */
static inline struct vcpu_segment guest_segment(const struct vcpu_segment *shared)
{
    return (struct vcpu_segment){
        .selector = GUEST_READ(shared->selector),
        .attributes = GUEST_READ(shared->attributes) & 0xfff,
        .limit = GUEST_READ(shared->limit),
        .base = guest_canonical(GUEST_READ(shared->base)),
    };
}

/* Limits of GDTR and IDTR have 16 bits (SDM 26.3.1.3). */
static inline uint32_t guest_table_limit(uint32_t limit)
{
    return limit & 0xffff;
}

static inline uint32_t guest_windows(uint32_t value)
{
    return value & (WINDOW_INTERRUPT | WINDOW_NMI);
}

static inline uint32_t guest_shadow(uint32_t value)
{
    return value & (SHADOW_STI | SHADOW_MOV_SS | SHADOW_NMI);
}

static inline uint32_t guest_activity(uint32_t value)
{
    return value <= VCPU_WAITING ? value : VCPU_ACTIVE;
}

/* There is no exception 2: an NMI is the host's. */
static inline uint32_t guest_exceptions(uint32_t value)
{
    return value & ~(1u << 2);
}

static inline uint32_t guest_intercepts(uint32_t value)
{
    return value & INTERCEPT_ALL;
}

static inline uint32_t guest_msrs(uint32_t value)
{
    return value & MSR_PASS_ALL;
}

/* CR8 and the threshold. */
static inline uint32_t guest_tpr(uint64_t value)
{
    return value & 15;
}

#endif
