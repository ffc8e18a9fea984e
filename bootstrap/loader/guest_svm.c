/*
 * What guests of SVM can have (AMD APM 2, chapter 15). Nested paging is needed, and nothing else
 * that not every CPU with SVM has.
 */
#include <stddef.h>

#include "cpu_check.h"
#include "guest.h"

#define SVM_NEXT_RIP     (1u << 3)
#define SVM_TSC_RATIO    (1u << 4)
#define SVM_FLUSH_ASID   (1u << 6)
#define EXT1_EDX_PAGE1GB (1u << 26)

/* TLB control (APM 2, 15.16). */
#define TLB_FORGET_ALL   1u
#define TLB_FORGET_GUEST 3u

#define GUEST_CR0 0xe005003full /* all that there are (APM 2, 3.1.1) */
#define CR4_PCE   (1ull << 8)

/* Bits of CR4 that a CPU with a feature has, and guests with it. */
static uint64_t cr4_known(const struct guest_facts *facts)
{
    const struct {
        uint32_t word;
        uint8_t bit;
        uint8_t first, last; /* of CR4 */
    } features[] = {
        {facts->leaf1.edx, 1, 0, 1},    {facts->leaf1.edx, 4, 2, 2},
        {facts->leaf1.edx, 2, 3, 3},    {facts->leaf1.edx, 3, 4, 4},
        {facts->leaf1.edx, 6, 5, 5},    {facts->leaf1.edx, 7, 6, 6},
        {facts->leaf1.edx, 13, 7, 7},   {facts->leaf1.edx, 24, 9, 9},
        {facts->leaf1.edx, 25, 10, 10}, {facts->leaf7.ecx, 2, 11, 11},
        {facts->leaf7.ebx, 0, 16, 16},  {facts->leaf1.ecx, 17, 17, 17},
        {facts->leaf1.ecx, 26, 18, 18}, {facts->leaf7.ebx, 7, 20, 20},
        {facts->leaf7.ebx, 20, 21, 21},
    };
    uint64_t known = CR4_PCE; /* RDPMC exits */

    for (unsigned i = 0; i < sizeof(features) / sizeof(features[0]); i++)
        if (features[i].word >> features[i].bit & 1)
            known |= 1ull << features[i].first | 1ull << features[i].last;
    return known;
}

const char *guest_choose_svm(const struct guest_facts *facts, struct handoff_guest *guest)
{
    struct boot_guest *limits = &guest->limits;
    uint32_t has = facts->svm.edx;

    if (facts->vm_cr & VM_CR_SVMDIS)
        return "SVM, which the firmware has switched off";
    if (!(has & SVM_NESTED_PAGING))
        return "nested paging";
    if (facts->svm.ebx < 2)
        return "address-space identifiers";
    guest->svm.has = has;
    guest->svm.forget = has & SVM_FLUSH_ASID ? TLB_FORGET_GUEST : TLB_FORGET_ALL;
    guest->svm.cr3_fixed = UINT64_MAX << (facts->ext8.eax & 0xff);
    limits->kind = GUEST_SVM;
    limits->features = GUEST_DIRTY | GUEST_PAUSE |
                       (has & SVM_NEXT_RIP ? GUEST_XSETBV | GUEST_LENGTH : 0) |
                       (has & SVM_TSC_RATIO ? GUEST_TSC_RATIO : 0) |
                       (facts->ext1.edx & EXT1_EDX_PAGE1GB ? GUEST_LARGE : 0);
    limits->cr0 = GUEST_CR0;
    limits->cr4 = cr4_known(facts);
    limits->tags = facts->svm.ebx;
    return NULL;
}
