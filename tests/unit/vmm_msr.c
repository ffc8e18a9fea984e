/* MSRs that the monitor answers. */
#include "msr.h"

#include <string.h>

#include "tap.h"

static struct msrs msrs;
static uint64_t clock_now, told_offset, told_wall, told_system, told_eoi;
static bool refuse;

static uint64_t hook_now(void *owner)
{
    return owner == &msrs ? clock_now : 0;
}

static void hook_offset(void *owner, uint64_t offset)
{
    (void)owner;
    told_offset = offset;
}

static void hook_wall(void *owner, uint64_t gpa)
{
    (void)owner;
    told_wall = gpa;
}

static bool hook_system(void *owner, uint64_t value)
{
    (void)owner;
    told_system = value;
    return !refuse;
}

static bool hook_eoi(void *owner, uint64_t value)
{
    (void)owner;
    told_eoi = value;
    return !refuse;
}

static void setup(bool amd)
{
    memset(&msrs, 0xee, sizeof(msrs));
    msrs.hooks = (struct msr_hooks){hook_now, hook_offset, hook_wall, hook_system, hook_eoi, &msrs};
    msrs.amd = amd;
    msrs.physical_bits = 40;
    msrs.microcode = 0x200005e00000000ull;
    msrs.tsc_offset = 0;
    msrs_reset(&msrs);
    refuse = false;
}

static bool faults(uint32_t number)
{
    uint64_t value = 0;

    return msr_read(&msrs, number, &value) == MSR_FAULT;
}

static uint64_t get(uint32_t number)
{
    uint64_t value = 0xdead;

    ok(msr_read(&msrs, number, &value) == MSR_DONE, "0x%x can be read", number);
    return value;
}

static bool put(uint32_t number, uint64_t value)
{
    return msr_write(&msrs, number, value) == MSR_DONE;
}

static void test_reset_values(void)
{
    static const struct {
        uint32_t number;
        uint64_t intel, amd; /* 0xbad: there is none */
    } values[] = {
        {0x17, 0, 0xbad},
        {0x2a, 0, 0xbad},
        {0x3a, 1, 0xbad},
        {0x3b, 0, 0},
        {0x8b, 0x200005e00000000ull, 0x200005e00000000ull},
        {0xfe, 0x504, 0x504},
        {0x179, 0, 0},
        {0x17a, 0, 0},
        {0x1a0, 0x1801, 0xbad},
        {0x1d9, 0, 0},
        {0x200, 0xc0000000, 0xc0000000},
        {0x201, 0xffc0000800ull, 0xffc0000800ull},
        {0x202, 0, 0},
        {0x207, 0, 0},
        {0x208, 0xbad, 0xbad},
        {0x250, 0x0606060606060606ull, 0x0606060606060606ull},
        {0x258, 0x0606060606060606ull, 0x0606060606060606ull},
        {0x259, 0, 0},
        {0x268, 0x0606060606060606ull, 0x0606060606060606ull},
        {0x26f, 0x0606060606060606ull, 0x0606060606060606ull},
        {0x2ff, 0xc06, 0xc06},
        {0xc0010010, 0xbad, 0},
        {0xc0010015, 0xbad, 1 << 24},
        {0xc001001a, 0xbad, 0xc0000000},
        {0xc001001d, 0xbad, 0},
        {0xc001001f, 0xbad, 1ull << 46},
        {0xc0010055, 0xbad, 0},
        {0xc0010058, 0xbad, 0},
        {0xc0011029, 0xbad, 2},
        {0x4b564d00, 0, 0},
        {0x4b564d01, 0, 0},
        {0x4b564d04, 0, 0},
    };

    for (uint32_t amd = 0; amd < 2; amd++) {
        setup(amd);
        for (unsigned i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
            uint64_t want = amd ? values[i].amd : values[i].intel;
            if (want == 0xbad)
                ok(faults(values[i].number), "there is no 0x%x", values[i].number);
            else
                is_u64(get(values[i].number), want, "its value");
        }
    }
}

/* How many there are at all: no others answer. */
static void test_others(void)
{
    for (uint32_t amd = 0; amd < 2; amd++) {
        uint32_t answers = 0;
        setup(amd);
        for (uint32_t i = 0; i < 0x2000; i++)
            for (uint32_t k = 0; k < 5; k++) {
                static const uint32_t bases[] = {0, 0xc0000000, 0xc0010000, 0x4b564d00, 0x40000000};
                answers += faults(bases[k] + i) ? 0 : 1;
            }
        is_u64(answers, amd ? 30 + 8 : 30 + 4, "so many answer");
        ok(!put(0x48, 0) && !put(0x49, 1) && !put(0x10a, 0) && !put(0xc0000103, 0) &&
               !put(UINT32_MAX, 0),
           "SPEC_CTRL, PRED_CMD, ARCH_CAPABILITIES, TSC_AUX are not there");
    }
}

static void test_tsc(void)
{
    setup(false);
    clock_now = 1000;
    is_u64(get(0x10), 1000u, "the TSC");
    ok(put(0x10, 50), "is written");
    is_u64(told_offset, (uint64_t)-950, "the monitor is told");
    is_u64(get(0x3b), (uint64_t)-950, "it was adjusted");
    clock_now = 1100;
    is_u64(get(0x10), 150u, "it goes on from there");
    ok(put(0x10, 1150) && told_offset == 50 && get(0x3b) == 50, "it is written again");
    ok(put(0x3b, 0), "the adjustment is taken back");
    ok(told_offset == 0 && get(0x10) == 1100, "so is the offset");
    msrs.tsc_offset = 7;
    ok(put(0x3b, 100), "adjusted");
    ok(told_offset == 107 && get(0x10) == 1207, "on top of the offset that was there");
    msrs_reset(&msrs);
    ok(get(0x3b) == 0 && get(0x10) == 1207, "a reset leaves the TSC to the monitor");
}

static void test_fixed(void)
{
    static const uint32_t fixed[] = {0x17, 0x3a, 0xfe, 0x179};
    static const uint32_t fixed_amd[] = {0x8b, 0xc001001a, 0xc001001d, 0xc0010055, 0xc0010058};

    setup(false);
    for (unsigned i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
        ok(!put(fixed[i], get(fixed[i])), "0x%x cannot be written", fixed[i]);
    ok(put(0x8b, 0) && !put(0x8b, 1), "the microcode's revision: 0 only");
    is_u64(get(0x8b), 0x200005e00000000ull, "and it stays");
    ok(put(0x17a, 0) && !put(0x17a, 1), "MCG_STATUS is cleared");
    ok(put(0x1d9, 3) && get(0x1d9) == 0 && !put(0x1d9, 4), "DEBUGCTL ignores LBR and BTF");
    setup(true);
    for (unsigned i = 0; i < sizeof(fixed_amd) / sizeof(fixed_amd[0]); i++)
        ok(!put(fixed_amd[i], get(fixed_amd[i])), "0x%x cannot be written", fixed_amd[i]);
}

static void test_misc_enable(void)
{
    setup(false);
    ok(put(0x1a0, 0x1800) && get(0x1a0) == 0x1800, "fast strings are switched off");
    ok(put(0x1a0, 0x400c51889ull) && get(0x1a0) == 0x1801, "other features are not there");
    ok(!put(0x1a0, 0x1803) && !put(0x1a0, 1ull << 35) && get(0x1a0) == 0x1801,
       "reserved bits fault");
}

static void test_mtrr(void)
{
    bool good = true;

    setup(false);
    for (uint64_t type = 0; type < 256; type++) {
        bool is = type == 0 || type == 1 || type == 4 || type == 5 || type == 6;
        good = good && put(0x2ff, 0xc00 | type) == is && put(0x202, 0x100000 | type) == is &&
               put(0x250, type) == is && put(0x26f, type << 56) == is;
    }
    ok(good, "types are those that there are");
    is_u64(get(0x2ff), 0xc06u, "default type");
    is_u64(get(0x202), 0x100006u, "a base");
    is_u64(get(0x26f), 0x0600000000000000ull, "fixed ranges");
    ok(put(0x2ff, 0) && get(0x2ff) == 0, "off");
    for (uint32_t bit = 8; bit < 64; bit++)
        if (put(0x2ff, 1ull << bit) != (bit == 10 || bit == 11))
            ok(false, "bit %u of the default type", bit);
    for (uint32_t bit = 0; bit < 64; bit++) {
        if (bit > 7 && put(0x204, 1ull << bit) != (bit >= 12 && bit < 40))
            ok(false, "bit %u of a base", bit);
        if (put(0x205, 1ull << bit) != (bit >= 11 && bit < 40))
            ok(false, "bit %u of a mask", bit);
    }
    is_u64(get(0x205), 1ull << 39, "a mask, up to the width of addresses");
    msrs_reset(&msrs);
    ok(get(0x205) == 0 && get(0x2ff) == 0xc06, "reset");
}

static void test_amd(void)
{
    setup(true);
    ok(put(0xc0010015, 1u << 24 | 1u << 6) && get(0xc0010015) == (1u << 24 | 1u << 6),
       "HWCR: flush filter");
    ok(!put(0xc0010015, 1u << 18) && !put(0xc0010015, 1ull << 32), "not what it does not have");
    ok(put(0xc0011029, 0) && get(0xc0011029) == 0 && put(0xc0011029, 2) && !put(0xc0011029, 1),
       "DE_CFG");
    ok(put(0xc001001f, 0) && get(0xc001001f) == 0, "NB_CFG");
    ok(put(0xc0010010, 1 << 20) && get(0xc0010010) == 1 << 20 && !put(0xc0010010, 1 << 23),
       "SYSCFG, without memory encryption");
}

static void test_kvm(void)
{
    setup(false);
    ok(put(0x4b564d00, 0x1234564) && told_wall == 0x1234564 && get(0x4b564d00) == 0x1234564,
       "wall clock");
    told_wall = 0;
    ok(!put(0x4b564d00, 0x1234562) && !put(0x4b564d00, 1) && told_wall == 0, "aligned");
    ok(put(0x4b564d01, 0x7001) && told_system == 0x7001 && get(0x4b564d01) == 0x7001,
       "system time");
    ok(!put(0x4b564d01, 0x7003) && told_system == 0x7001, "its reserved bit");
    ok(put(0x4b564d04, 0x8001) && told_eoi == 0x8001 && get(0x4b564d04) == 0x8001,
       "end of interrupt");
    ok(!put(0x4b564d04, 0x8002) && told_eoi == 0x8001, "its reserved bit");
    refuse = true;
    ok(!put(0x4b564d01, 0x9001) && told_system == 0x9001 && get(0x4b564d01) == 0x7001,
       "what the monitor refuses faults");
    ok(!put(0x4b564d04, 0x9001) && get(0x4b564d04) == 0x8001, "here too");
    ok(faults(0x11) && faults(0x12) && faults(0x4b564d02) && faults(0x4b564d03) &&
           faults(0x4b564d05),
       "KVM's others are not there");
}

int main(void)
{
    test_reset_values();
    test_others();
    test_tsc();
    test_fixed();
    test_misc_enable();
    test_mtrr();
    test_amd();
    test_kvm();
    return done_testing();
}
