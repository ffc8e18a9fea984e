/*
 * What guests of VMX and of SVM have in common. See guest.h.
 */
#include "guest.h"

#include <stdbool.h>

#include "cpu_check.h"
#include "vcpu_state.h"

/*
 * MPX is left out: bounds registers would need checks of their own. So are components with a size
 * that does not fit the page.
 */
#define XSAVE_KNOWN 0x2e7ull
#define XSAVE_FIRST 576u /* bytes of x87 and SSE state, and the header */

#define EFER_GUEST 0xd01ull /* SCE, LME, LMA, NXE */

/* From CPUID leaf 0xd, whose subleaf of a component is size and offset (SDM 2A, "CPUID"). */
static void layout_make(const struct guest_facts *facts, struct xsave_layout *layout)
{
    *layout = (struct xsave_layout){.components = facts->xsave[0].eax & XSAVE_KNOWN,
                                    .bytes = XSAVE_FIRST};
    for (uint32_t n = 2; n < XSAVE_COMPONENTS; n++) {
        uint32_t bytes = facts->xsave[n].eax, offset = facts->xsave[n].ebx;
        if (!(layout->components & 1u << n))
            continue;
        if (bytes + offset > VCPU_IMAGE_BYTES) {
            layout->components &= ~(1ull << n);
            continue;
        }
        layout->component[n].offset = offset;
        layout->component[n].bytes = bytes;
        if (bytes + offset > layout->bytes)
            layout->bytes = bytes + offset;
    }
}

const char *guest_choose(const struct guest_facts *facts, struct handoff_guest *guest)
{
    layout_make(facts, &guest->xsave);
    guest->xcr0 = facts->xsave[0].eax;
    guest->limits.efer = EFER_GUEST;
    guest->limits.xcr0 = guest->xsave.components;
    guest->limits.image = guest->xsave.bytes;
    if (facts->ext1.ecx & EXT1_ECX_SVM)
        return guest_choose_svm(facts, guest);
    if (facts->leaf1.ecx & LEAF1_ECX_VMX)
        return guest_choose_vmx(facts, guest);
    return "SVM and VMX";
}

uint32_t guest_barriers(const struct guest_facts *facts)
{
    const uint64_t rdcl_no = 1u << 0, skip_l1d = 1u << 3, mds_no = 1u << 5, taa_no = 1u << 8,
                   fb_clear = 1u << 17, rfds_clear = 1u << 28;
    uint32_t leaf7 = facts->leaf7.edx;
    uint64_t told = facts->arch_caps;
    bool vmx = !(facts->ext1.ecx & EXT1_ECX_SVM);
    bool immune = told & mds_no && told & taa_no && !(told & (fb_clear | rfds_clear));

    return (leaf7 & 1u << 26 || facts->ext8.ebx & 1u << 12 ? BARRIER_BRANCHES : 0) |
           (leaf7 & 1u << 10 && !immune ? BARRIER_BUFFERS : 0) |
           (vmx && leaf7 & 1u << 28 && !(told & (rdcl_no | skip_l1d)) ? BARRIER_L1D : 0);
}
