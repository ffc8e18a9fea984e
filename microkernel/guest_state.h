/*
 * What a monitor wrote, made into what cannot do harm: pure functions, for both back ends. And, at
 * the end, the groups that have a part in no control structure.
 *
 * A value that would fault when the kernel loads it, or let the guest out of its limits, is made
 * impossible here. A state that the CPU refuses at entry is not looked for: that is an EXIT_FAILED.
 * SDM: Intel's manual, 3C; APM: AMD's, 2.
 */
#pragma once

#include "boot.h"
#include "guest.h"
#include "x86.h"

/* A field of the state page, which user mode writes at any time: once, and as a whole. */
#define GUEST_READ(field) __atomic_load_n(&(field), __ATOMIC_RELAXED)

#define VECTOR_DB 1u
#define VECTOR_BP 3u
#define VECTOR_OF 4u
#define VECTOR_UD 6u
#define VECTOR_PF 14u
#define VECTOR_AC 17u
#define VECTOR_MC 18u

/*
 * Exceptions that exit always. Of #DB and #AC, delivery can raise the same again, for ever and
 * without an instruction between them at which an interrupt is taken (SDM 3A, table 6-5: they are
 * benign): the kernel delivers them itself, so there is an exit in each round. #MC is the host's.
 */
#define EXCEPTIONS_ALWAYS (1u << VECTOR_DB | 1u << VECTOR_AC | 1u << VECTOR_MC)

/*
 * SDM 26.3.1.1, APM 15.5.1. ET is fixed. PG without PE is refused by VMX and paged real mode on SVM
 * (APM 15.19); NW without CD is refused by SVM, and VMX does not load either (SDM 26.3.2.1).
 */
static inline uint64_t guest_cr0(uint64_t value)
{
    return (value & boot_handoff.guest.limits.cr0) | CR0_ET;
}

/* SDM 26.3.1.1, APM 15.5.1. Not every CPU checks reserved bits. */
static inline uint64_t guest_cr4(uint64_t value)
{
    return value & boot_handoff.guest.limits.cr4;
}

/* LMA follows from LME and paging (SDM 26.3.1.1, APM 14.6.1). cr0 is the guest's own. */
static inline uint64_t guest_efer(uint64_t value, uint64_t cr0)
{
    uint64_t efer = value & boot_handoff.guest.limits.efer & ~EFER_LMA;

    return efer & EFER_LME && cr0 & CR0_PG ? efer | EFER_LMA : efer;
}

/*
 * SDM 3A, 2.6, "Extended control registers": XSETBV of anything else is #GP, in the kernel. The
 * limits have no component besides AVX and AVX-512 that needs another one: the loader leaves out
 * MPX and AMX.
 */
static inline uint64_t guest_xcr0(uint64_t value)
{
    const uint64_t sse = 1u << 1, avx = 1u << 2, avx512 = 7u << 5;
    uint64_t xcr0 = (value & boot_handoff.guest.limits.xcr0) | 1;

    if (!(xcr0 & sse))
        xcr0 &= ~avx;
    if (!(xcr0 & avx) || (xcr0 & avx512) != avx512)
        xcr0 &= ~avx512;
    return xcr0;
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
    /* Those below 32, by type: of an NMI, an exception, INT1, and INT3 or INTO. */
    static const uint32_t vectors[8] = {0, 0, 1u << 2, ~(1u << 2), 0, 1u << 1, 3u << 3, 0};

    if (type >= EVENT_INT && (length < 1 || length > 15))
        return false;
    return type == EVENT_EXTERNAL || type == EVENT_INT ||
           (vector < 32 && vectors[type >> 8] >> vector & 1);
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

/* Exceptions and intercepts are one word of the page. There is no exception 2: it is the host's. */
#define CONTROLS(page) (*(uint64_t *)&(page)->exceptions)
_Static_assert(offsetof(struct vcpu_state, exceptions) % 8 == 0 &&
                   offsetof(struct vcpu_state, intercepts) ==
                       offsetof(struct vcpu_state, exceptions) + 4,
               "one word");

static inline uint64_t guest_controls(uint64_t value)
{
    return value & ((uint64_t)INTERCEPT_ALL << 32 | (UINT32_MAX & ~(1u << 2)));
}

static inline uint32_t guest_shadow(uint32_t value)
{
    return value & (SHADOW_STI | SHADOW_MOV_SS | SHADOW_NMI);
}

#define INLINE static inline __attribute__((always_inline))

/* The groups that monitors take together, and some of them. */
#define STATE_MOST     (STATE_ALL & ~(STATE_BASIC | STATE_XSAVE))
#define STATE_SEGMENTS (STATE_CS_SS | STATE_DS_ES | STATE_FS_GS | STATE_LDTR_TR | STATE_GDTR_IDTR)

/*
 * Of the groups that have a part in no control structure, that part, to be compiled into what the
 * back ends do about the groups: to the page, and from there. What is seldom is called: the image
 * to the page; and from there groups of which more is to be done, which guest_common_set returns:
 * guest_rest_set takes over what it finds in the page then.
 */
void guest_image_get(struct vcpu *vcpu);
void guest_rest_set(struct vcpu *vcpu, uint32_t groups);

INLINE void guest_common_get(struct vcpu *vcpu, struct vcpu_state *page, uint32_t groups)
{
    if (groups & STATE_DR)
        for (unsigned i = 0; i < 4; i++)
            page->dr[i] = vcpu->own.dr[i];
    if (groups & STATE_INTERRUPTS)
        page->activity = vcpu->activity;
    if (groups & STATE_CONTROLS)
        page->msrs = vcpu->msrs;
    if (groups & STATE_TIME)
        page->deadline = vcpu->deadline;
    if (groups & STATE_XSAVE)
        guest_image_get(vcpu);
}

/* DR0 to DR3 are mostly what they were, and slow to write. */
INLINE uint32_t guest_common_set(struct vcpu *vcpu, const struct vcpu_state *page, uint32_t groups)
{
    uint32_t rest = groups & STATE_XSAVE;
    const uint64_t *own = vcpu->own.dr;

    if (groups & STATE_DR &&
        __builtin_expect(GUEST_READ(page->dr[0]) != own[0] || GUEST_READ(page->dr[1]) != own[1] ||
                             GUEST_READ(page->dr[2]) != own[2] || GUEST_READ(page->dr[3]) != own[3],
                         false))
        rest |= STATE_DR;
    if (groups & STATE_INTERRUPTS) {
        uint32_t activity = GUEST_READ(page->activity);
        vcpu->activity = activity <= VCPU_WAITING ? activity : VCPU_ACTIVE;
        vcpu->ec.pending &= (uint8_t)~PENDING_HALT;
        if (__builtin_expect(vcpu->activity != VCPU_ACTIVE, false))
            vcpu->ec.pending |= PENDING_HALT;
    }
    if (groups & STATE_CONTROLS) {
        vcpu->msrs = GUEST_READ(page->msrs) & MSR_PASS_ALL;
        if (__builtin_expect(vcpu->msrs != cpu_this()->guest.msrs, false))
            cpu_this()->guest.settled = NULL;
    }
    if (groups & STATE_TIME) {
        vcpu->deadline = GUEST_READ(page->deadline);
        if (__builtin_expect(vcpu->deadline || timer_is_armed(&vcpu->ec.timer) ||
                                 vcpu->ec.pending & PENDING_TIMER,
                             false))
            rest |= STATE_TIME;
    }
    return rest;
}
