/*
 * Which controls a VMCS has. The CPU says of each bit whether it must be 1 and whether it may be
 * (SDM 3D, appendix A): what is needed and cannot be had is told, what is not known keeps the value
 * that it must have.
 */
#include "cpu_check.h"
#include "guest.h"

#define PIN_NEEDED     (1u << 0 /* interrupt */ | 1u << 3 /* NMI */ | 1u << 5 /* virtual NMIs */)
#define PIN_PREEMPTION (1u << 6)

#define PROC_NEEDED                                                                               \
    (1u << 3 /* TSC offset */ | 1u << 7 /* HLT */ | 1u << 10 /* MWAIT */ | 1u << 11 /* RDPMC */ | \
     1u << 21 /* TPR shadow */ | 1u << 23 /* DR */ | 1u << 25 /* port map */ |                    \
     1u << 28 /* MSR bitmap */ | 1u << 29 /* MONITOR */ | 1u << 31 /* secondary */)
#define PROC_CR3_CR8 (1u << 15 | 1u << 16 | 1u << 19 | 1u << 20) /* loads and stores */

/* Those that the kernel sets as a guest runs. */
#define PROC_CHANGING                                                               \
    (1u << 2 /* interrupt window */ | 1u << 9 /* INVLPG */ | 1u << 12 /* RDTSC */ | \
     1u << 22 /* NMI window */ | 1u << 30 /* PAUSE */)

#define PROC2_NEEDED       (1u << 1 /* EPT */ | 1u << 5 /* VPID */ | 1u << 6 /* WBINVD */)
#define PROC2_UNRESTRICTED (1u << 7)
#define PROC2_ENCLS        (1u << 15)
#define PROC2_TSC_SCALING  (1u << 25)

/* The CPU saves the guest's PAT, which it may change, and no EFER, which it does not. */
#define EXIT_NEEDED                                                         \
    (1u << 2 /* debug */ | 1u << 9 /* long mode */ | 1u << 18 /* save, */ | \
     1u << 19 /* load PAT */ | 1u << 21 /* load EFER */)
#define ENTRY_NEEDED    (1u << 2 /* debug */ | 1u << 14 /* PAT */ | 1u << 15 /* EFER */)
#define ENTRY_LONG_MODE (1u << 9)

/* SDM 3D, A.10. Of INVEPT and INVVPID, one context and all. */
#define EPT_1G         (1ull << 17)
#define EPT_DIRTY_BITS (1ull << 21)
#define EPT_NEEDED                                                                        \
    (1ull << 6 /* four levels */ | 1ull << 14 /* write-back */ | 1ull << 16 /* 2 MiB */ | \
     1ull << 20 /* INVEPT */ | 3ull << 25 | 1ull << 32 /* INVVPID */ | 3ull << 41)

/* EPT pointer (SDM 3C, 24.6.11): tables are write-back and have four levels. */
#define EPTP_FORMAT (6u | 3u << 3)
#define EPTP_DIRTY  (1u << 6)

#define CR0_UNRESTRICTED 0x80000001ull /* PE and PG, which VMX asks for, but not of such guests */
#define GUEST_CR0        0xe005003full /* all that there are */
/* All up to OSXMMEXCPT, UMIP, FSGSBASE, PCIDE, OSXSAVE, SMEP, SMAP */
#define GUEST_CR4 0x370fffull

static void limits_add(struct handoff_guest *guest, const struct guest_facts *facts)
{
    struct boot_guest *limits = &guest->limits;
    uint64_t ept = facts->vmx[VMX_EPT];

    limits->kind = GUEST_VMX;
    limits->features = GUEST_XSETBV | GUEST_LENGTH | GUEST_PAUSE |
                       (ept & EPT_DIRTY_BITS ? GUEST_DIRTY : 0) | (ept & EPT_1G ? GUEST_LARGE : 0) |
                       (guest->vmx.proc2 & PROC2_TSC_SCALING ? GUEST_TSC_RATIO : 0);
    limits->cr0 = GUEST_CR0;
    limits->cr4 = GUEST_CR4 & facts->vmx[VMX_CR4_MAY];
    limits->tags = 0x10000;
}

const char *guest_choose_vmx(const struct guest_facts *facts, struct handoff_guest *guest)
{
    struct vmx_controls *c = &guest->vmx;
    const uint64_t *can = facts->vmx;

    if (!(facts->feature_control & FEATURE_CONTROL_VMX))
        return "VMX, which the firmware has switched off";
    if (!(can[VMX_BASIC] & VMX_BASIC_TRUE) ||
        !vmx_choose(can[VMX_PROC], PROC_NEEDED | PROC_CHANGING, 0, PROC_CR3_CR8 | PROC_CHANGING,
                    &c->proc))
        return "processor controls";
    c->proc &= ~PROC_CHANGING;
    if (!vmx_choose(can[VMX_PROC2], PROC2_NEEDED,
                    PROC2_UNRESTRICTED | PROC2_ENCLS | PROC2_TSC_SCALING, 0, &c->proc2))
        return "EPT or VPID";
    if (!(c->proc2 & PROC2_UNRESTRICTED))
        return "unrestricted guests";
    if ((can[VMX_EPT] & EPT_NEEDED) != EPT_NEEDED)
        return "a format or an invalidation of EPT";
    if (!vmx_choose(can[VMX_PIN], PIN_NEEDED, PIN_PREEMPTION, 0, &c->pin))
        return "virtual NMIs";
    if (!vmx_choose(can[VMX_EXIT], EXIT_NEEDED, 0, 0, &c->exit) ||
        !vmx_choose(can[VMX_ENTRY], ENTRY_NEEDED, 0, ENTRY_LONG_MODE, &c->entry))
        return "switching of PAT or EFER";
    c->preemption = (uint32_t)(facts->tsc_hz / 4096 >> (can[VMX_MISC] & 31));
    c->revision = can[VMX_BASIC] & VMX_BASIC_REVISION;
    c->cr0_set = can[VMX_CR0_SET] & ~CR0_UNRESTRICTED;
    c->cr4_set = can[VMX_CR4_SET];
    c->ept = EPTP_FORMAT | (can[VMX_EPT] & EPT_DIRTY_BITS ? EPTP_DIRTY : 0);
    limits_add(guest, facts);
    return NULL;
}
