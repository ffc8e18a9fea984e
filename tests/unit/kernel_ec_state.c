/*
 * What an EC's registers are made of before they are used: for any value, the result is one with
 * which the kernel can leave to user mode, and what a program may have is kept.
 */
#include "ec_control.h"

#include "tap.h"

#define KEPT    0x254dd5ull /* CF PF AF ZF SF TF DF OF NT RF AC ID */
#define ALWAYS  0x202ull    /* interrupts on; bit 1 is one */
#define LAST    0x00007fffffffefffull
#define LOW_END 0x00007fffffffffffull
#define HIGH    0xffff800000000000ull

static struct utcb_state good(void)
{
    return (struct utcb_state){.rip = 0x400000, .rsp = 0x0123456789abcdef, .rflags = 0x202};
}

static void flags(void)
{
    unsigned wrong = 0;

    for (unsigned bit = 0; bit < 64; bit++) {
        struct utcb_state state = good();
        state.rflags = 1ull << bit;
        wrong += !state_constrain(&state) || state.rflags != ((1ull << bit & KEPT) | ALWAYS);
        state.rflags = ~(1ull << bit);
        wrong += !state_constrain(&state) || state.rflags != ((~(1ull << bit) & KEPT) | ALWAYS);
    }
    is_u64(wrong, 0, "each flag alone, and all but each");
}

static void rip(void)
{
    static const struct {
        uint64_t rip;
        bool fine;
    } cases[] = {{0, true},     {LAST, true},        {LAST + 1, false},  {LOW_END, false},
                 {HIGH, false}, {1ull << 47, false}, {UINT64_MAX, false}};

    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct utcb_state state = good();
        state.rip = cases[i].rip;
        is_u64(state_constrain(&state), cases[i].fine, "RIP %#" PRIx64, cases[i].rip);
        is_u64(state.rip, cases[i].rip, "it stays");
    }
}

static void bases(void)
{
    static const struct {
        uint64_t base;
        bool fine;
    } cases[] = {
        {0, true},    {LOW_END, true},    {LOW_END + 1, false}, {HIGH - 1, false},
        {HIGH, true}, {UINT64_MAX, true}, {1ull << 63, false},  {0x7fffffffffffffff, false}};

    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct utcb_state fs = good(), gs = good();
        fs.fs_base = gs.gs_base = cases[i].base;
        is_u64(state_constrain(&fs), cases[i].fine, "FS base %#" PRIx64, cases[i].base);
        is_u64(state_constrain(&gs), cases[i].fine, "GS base %#" PRIx64, cases[i].base);
    }
}

int main(void)
{
    struct utcb_state state = good();

    flags();
    rip();
    bases();
    ok(state_constrain(&state) && state.rsp == 0x0123456789abcdef, "any RSP will do");
    return done_testing();
}
