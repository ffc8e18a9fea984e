/* What ring 3 can see and change of the CPU without faulting: nothing that matters. */
#include "cpu.h"
#include "print.h"
#include "suites.h"
#include "tap.h"

#define RFLAGS_IF   0x200ull
#define RFLAGS_IOPL 0x3000ull

/* Access-rights word of LAR, bits 8 and up (Intel SDM 2A, LAR). */
#define RIGHTS_TYPE    0x0f00u
#define RIGHTS_SEGMENT 0x1000u /* code or data, not a gate or system segment */
#define RIGHTS_DPL     0x6000u
#define RIGHTS_PRESENT 0x8000u

static uint64_t flags_try(uint64_t flags)
{
    uint64_t got;

    __asm__ volatile("pushq %1; popfq; pushfq; popq %0; pushq $0x202; popfq"
                     : "=r"(got)
                     : "r"(flags)
                     : "cc", "memory");
    return got;
}

static bool rights_load(uint16_t selector, uint32_t *rights)
{
    bool valid;

    __asm__ volatile("lar %2, %0" : "=r"(*rights), "=@ccz"(valid) : "r"((uint32_t)selector));
    return valid;
}

static void check_flags(void)
{
    tap_equal(flags_try(0x2) & RFLAGS_IF, RFLAGS_IF, "POPF cannot turn interrupts off");
    tap_equal(flags_try(0x3202) & RFLAGS_IOPL, 0, "POPF cannot raise IOPL");
}

/* Every selector that ring 3 may name, in GDT and LDT; LAR tells only of usable ones. */
static void check_selectors(void)
{
    unsigned visible = 0, wrong = 0;

    for (uint32_t selector = 0; selector < 0x10000; selector += 4) {
        uint32_t rights;

        if (!rights_load((uint16_t)(selector | 3), &rights)) {
            continue;
        }
        visible++;
        if ((rights & (RIGHTS_SEGMENT | RIGHTS_DPL | RIGHTS_PRESENT)) !=
            (RIGHTS_SEGMENT | RIGHTS_DPL | RIGHTS_PRESENT)) {
            tap_comment();
            print("selector %#x has rights %#x\n", selector, rights);
            wrong++;
        }
    }
    tap_equal(wrong, 0, "ring 3 sees no gate and no descriptor of another privilege");
    tap_at_most(visible, 3, "ring 3 sees its code and data segments only");
}

/* The kernel lets ring 3 read the bases where the CPU can (CR4.FSGSBASE). */
static void check_bases(void)
{
    uint64_t fs, gs;

    if (!(cpuid_checked(7).ebx & 1)) {
        tap_ok(true, "FS and GS bases cannot be read by this CPU");
        return;
    }
    __asm__ volatile("rdfsbase %0; rdgsbase %1" : "=r"(fs), "=r"(gs));
    tap_equal(fs, 0, "FS base is zero");
    tap_equal(gs, 0, "GS base is zero");
}

void suite_protection(const struct machine *m)
{
    (void)m;
    check_flags();
    check_selectors();
    check_bases();
    tap_ok(!(cpuid_checked(7).ecx & 1u << 4), "no protection keys are enabled");
}
