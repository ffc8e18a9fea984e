/* The registers at the first instruction carry nothing but the boot information's address. */
#include "cpu.h"
#include "entry.h"
#include "print.h"
#include "suites.h"
#include "tap.h"

#define RFLAGS_FIXED 0x2
#define RFLAGS_IF    0x200

#define CPUID_OSXSAVE (1u << 27)
#define XSAVE_LEGACY  576 /* FXSAVE area and header (Intel SDM 1, 13.4) */

/* XSAVE areas of CPUs to come may be larger; then the check says so. */
static uint8_t xsave_area[16384] __attribute__((aligned(64)));

static void check_general(void)
{
    static const char *const names[ENTRY_REGISTERS] = {
        "RAX", "RCX", "RDX", "RBX", "RSP", "RBP", "RSI", "RDI",
        "R8",  "R9",  "R10", "R11", "R12", "R13", "R14", "R15",
    };
    /* SYSRET, by which the kernel enters, takes RIP from RCX and RFLAGS from R11. */
    uint64_t expected[ENTRY_REGISTERS] = {[ENTRY_RDI] = BOOT_INFO_ADDRESS,
                                          [ENTRY_RCX] = (uint64_t)_start,
                                          [ENTRY_R11] = RFLAGS_FIXED | RFLAGS_IF};
    uint64_t leaked = 0;

    for (unsigned i = 0; i < ENTRY_REGISTERS; i++) {
        if (entry_state.general[i] != expected[i]) {
            tap_comment();
            print("%s = %#lx\n", names[i], entry_state.general[i]);
            leaked++;
        }
    }
    tap_equal(leaked, 0, "general registers but RDI, RCX and R11 are zero");
    tap_equal(entry_state.general[ENTRY_RDI], BOOT_INFO_ADDRESS, "RDI = boot information");
    tap_equal(entry_state.flags, RFLAGS_FIXED | RFLAGS_IF,
              "RFLAGS has interrupts on and nothing else");
}

static void check_selectors(void)
{
    const uint16_t *s = entry_state.selectors;
    bool harmless = true;

    for (unsigned i = ENTRY_DS; i < ENTRY_SELECTOR_COUNT; i++) {
        harmless = harmless && (s[i] == 0 || (s[i] & 7) == 3);
    }
    tap_equal(s[ENTRY_CS] & 7, 3, "CS is a GDT selector with privilege 3");
    tap_equal(s[ENTRY_SS] & 7, 3, "SS is a GDT selector with privilege 3");
    tap_ok(harmless, "DS, ES, FS, GS are null or have privilege 3");
}

static uint64_t bytes_dirty(const uint8_t *bytes, uint64_t begin, uint64_t end)
{
    uint64_t dirty = 0;

    for (uint64_t i = begin; i < end; i++) {
        dirty += bytes[i] != 0;
    }
    return dirty;
}

/* FXSAVE image in 64-bit mode: Intel SDM 1, table 10-2. */
static void check_fpu(void)
{
    const uint8_t *image = entry_state.fxsave;
    uint16_t control = (uint16_t)(image[0] | image[1] << 8);
    uint32_t mxcsr = (uint32_t)(image[24] | image[25] << 8 | image[26] << 16);

    tap_equal(control, 0x37f, "x87 control word is initial");
    tap_equal(bytes_dirty(image, 2, 5), 0, "x87 status and tags are initial");
    tap_equal(bytes_dirty(image, 8, 24), 0, "x87 instruction and data pointers are zero");
    tap_equal(mxcsr, 0x1f80, "MXCSR is initial");
    tap_equal(bytes_dirty(image, 32, 160), 0, "x87 registers are zero");
    tap_equal(bytes_dirty(image, 160, 416), 0, "XMM registers are zero");
}

static uint64_t xcr0_read(void)
{
    uint32_t low, high;

    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}

/*
 * Everything that XSAVE covers beyond the legacy area. No compiled code here uses vector
 * registers, so they still hold what they did at entry.
 */
static void check_extended(void)
{
    uint32_t size = cpuid_checked(0xd).ebx;
    uint64_t components;

    if (!(cpuid(1, 0).ecx & CPUID_OSXSAVE)) {
        tap_ok(true, "no vector registers beyond XMM are enabled");
        return;
    }
    if (!tap_ok(size >= XSAVE_LEGACY && size <= sizeof(xsave_area), "XSAVE area fits")) {
        return;
    }
    components = xcr0_read();
    __asm__ volatile("xsave64 %0"
                     : "+m"(xsave_area)
                     : "a"((uint32_t)components), "d"((uint32_t)(components >> 32)));
    tap_equal(bytes_dirty(xsave_area, XSAVE_LEGACY, size), 0,
              "vector registers beyond XMM are zero");
    tap_comment();
    print("XCR0 = %#lx, %u bytes\n", components, size);
}

void suite_registers(const struct machine *m)
{
    (void)m;
    check_general();
    check_selectors();
    check_fpu();
    check_extended();
    tap_equal(entry_state.bss_dirty, 0, ".bss was zero");
    tap_equal(entry_state.stack_dirty, 0, "the stack was zero");
}
