/*
 * Which controls a VMCS has. The CPU says of each bit whether it must be 1 and whether it may be
 * (SDM 3D, appendix A): what is needed and cannot be had is told, what is not known keeps the value
 * that it must have.
 */
#include "vmx.h"

#include "boot.h"

#define MSR_BASIC    0x480u
#define MSR_MISC     0x485u
#define MSR_CR0_SET  0x486u /* then those that may be 1, and both of CR4 */
#define MSR_CR4_SET  0x488u
#define MSR_CR4_MAY  0x489u
#define MSR_PROC2    0x48bu
#define MSR_EPT_VPID 0x48cu
#define MSR_PIN      0x48du /* "true" ones, those that tell which of the default bits may be 0 */
#define MSR_PROC     0x48eu
#define MSR_EXIT     0x48fu
#define MSR_ENTRY    0x490u

#define BASIC_REVISION 0x7fffffffull
#define BASIC_TRUE     (1ull << 55)

#define PIN_NEEDED (1u << 0 /* interrupt */ | 1u << 3 /* NMI */ | 1u << 5 /* virtual NMIs */)

#define PROC_NEEDED                                                                               \
    (1u << 3 /* TSC offset */ | 1u << 7 /* HLT */ | 1u << 10 /* MWAIT */ | 1u << 11 /* RDPMC */ | \
     1u << 21 /* TPR shadow */ | 1u << 23 /* DR */ | 1u << 25 /* port map */ |                    \
     1u << 28 /* MSR bitmap */ | 1u << 29 /* MONITOR */ | 1u << 31 /* secondary */)
#define PROC_CR3_CR8 (1u << 15 | 1u << 16 | 1u << 19 | 1u << 20) /* loads and stores */
#define PROC_CHANGING \
    (PROC_INTERRUPT_WINDOW | PROC_INVLPG | PROC_RDTSC | PROC_NMI_WINDOW | PROC_PAUSE)

#define PROC2_NEEDED       (1u << 1 /* EPT */ | 1u << 5 /* VPID */ | 1u << 6 /* WBINVD */)
#define PROC2_UNRESTRICTED (1u << 7)
#define PROC2_ENCLS        (1u << 15)
#define PROC2_TSC_SCALING  (1u << 25)

/* The CPU saves the guest's PAT, which it may change, and no EFER, which it does not. */
#define EXIT_NEEDED                                                         \
    (1u << 2 /* debug */ | 1u << 9 /* long mode */ | 1u << 18 /* save, */ | \
     1u << 19 /* load PAT */ | 1u << 21 /* load EFER */)
#define ENTRY_NEEDED (1u << 2 /* debug */ | 1u << 14 /* PAT */ | 1u << 15 /* EFER */)

/* SDM 3D, A.10. Of INVEPT and INVVPID, one context and all. */
#define EPT_1G         (1ull << 17)
#define EPT_DIRTY_BITS (1ull << 21)
#define EPT_NEEDED                                                                        \
    (1ull << 6 /* four levels */ | 1ull << 14 /* write-back */ | 1ull << 16 /* 2 MiB */ | \
     1ull << 20 /* INVEPT */ | 3ull << 25 | 1ull << 32 /* INVVPID */ | 3ull << 41)

/* EPT pointer (SDM 3C, 24.6.11): tables are write-back and have four levels. */
#define EPTP_FORMAT (6u | 3u << 3)
#define EPTP_DIRTY  (1u << 6)

#define GUEST_CR0                                                                              \
    (CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_NW | CR0_CD | \
     CR0_PG)
#define GUEST_CR4                                                                                 \
    (CR4_VME | CR4_PVI | CR4_TSD | CR4_DE | CR4_PSE | CR4_PAE | CR4_MCE | CR4_PGE | CR4_PCE |     \
     CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_UMIP | CR4_FSGSBASE | CR4_PCIDE | CR4_OSXSAVE | CR4_SMEP | \
     CR4_SMAP)

static void limits_add(struct boot_guest *limits, const struct vmx_controls *c, uint64_t ept)
{
    limits->features = GUEST_XSETBV | GUEST_LENGTH | GUEST_PAUSE |
                       (ept & EPT_DIRTY_BITS ? GUEST_DIRTY : 0) | (ept & EPT_1G ? GUEST_LARGE : 0) |
                       (c->proc2 & PROC2_TSC_SCALING ? GUEST_TSC_RATIO : 0);
    limits->cr0 = GUEST_CR0;
    limits->cr4 = GUEST_CR4 & msr_read(MSR_CR4_MAY);
    limits->efer = EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE;
    limits->tags = 0x10000;
}

const char *vmx_controls_choose(struct vmx_controls *c, struct boot_guest *limits)
{
    uint64_t basic = msr_read(MSR_BASIC);

    if (!(basic & BASIC_TRUE) || !vmx_choose(msr_read(MSR_PROC), PROC_NEEDED | PROC_CHANGING, 0,
                                             PROC_CR3_CR8 | PROC_CHANGING, &c->proc))
        return "processor controls";
    c->proc &= ~PROC_CHANGING;
    if (!vmx_choose(msr_read(MSR_PROC2), PROC2_NEEDED,
                    PROC2_UNRESTRICTED | PROC2_ENCLS | PROC2_TSC_SCALING, 0, &c->proc2))
        return "EPT or VPID";
    if (!(c->proc2 & PROC2_UNRESTRICTED))
        return "unrestricted guests";
    uint64_t ept = msr_read(MSR_EPT_VPID);
    if ((ept & EPT_NEEDED) != EPT_NEEDED)
        return "a format or an invalidation of EPT";
    if (!vmx_choose(msr_read(MSR_PIN), PIN_NEEDED, PIN_PREEMPTION, 0, &c->pin))
        return "virtual NMIs";
    if (!vmx_choose(msr_read(MSR_EXIT), EXIT_NEEDED, 0, 0, &c->exit) ||
        !vmx_choose(msr_read(MSR_ENTRY), ENTRY_NEEDED, 0, ENTRY_LONG_MODE, &c->entry))
        return "switching of PAT or EFER";
    c->preemption = (uint32_t)(boot_handoff.tsc_hz / 4096 >> (msr_read(MSR_MISC) & 31));
    c->revision = basic & BASIC_REVISION;
    c->cr0_set = msr_read(MSR_CR0_SET) & ~(CR0_PE | CR0_PG); /* unrestricted guests have them */
    c->cr4_set = msr_read(MSR_CR4_SET);
    c->ept = EPTP_FORMAT | (ept & EPT_DIRTY_BITS ? EPTP_DIRTY : 0);
    limits_add(limits, c, ept);
    return NULL;
}
