/* The VMM's local APIC without its timer, register by register: Intel SDM 3A, chapter 11. */
#include "vmm_apics.h"

#define GP (0xdeadull << 48) /* what msr() says of an MSR that faults */

static void test_reset(void)
{
    static const struct {
        uint32_t offset, value;
    } reset[] = {
        {0x20, 0x01000000}, {0x30, 0x01050014}, {0x80, 0},      {0x90, 0},      {0xa0, 0},
        {0xb0, 0},          {0xc0, 0},          {0xd0, 0},      {0xe0, ~0u},    {0xf0, 0xff},
        {0x100, 0},         {0x170, 0},         {0x180, 0},     {0x1f0, 0},     {0x200, 0},
        {0x270, 0},         {0x280, 0},         {0x300, 0},     {0x310, 0},     {0x320, 1 << 16},
        {0x330, 1 << 16},   {0x340, 1 << 16},   {0x350, 65536}, {0x360, 65536}, {0x370, 65536},
        {0x380, 0},         {0x390, 0},         {0x3e0, 0},
    };

    cpus_start(2, false);
    for (unsigned i = 0; i < sizeof(reset) / sizeof(reset[0]); i++)
        is_u64(lapic_read(&cpu[1], reset[i].offset), reset[i].value, "register %#x after RESET",
               reset[i].offset);
    is_u64(msr(0, MSR_APIC_BASE), 0xfee00900, "the bootstrap processor's base");
    is_u64(msr(1, MSR_APIC_BASE), 0xfee00800, "another one's");
    lapic_boot(&cpu[0]);
    lapic_boot(&cpu[1]);
    ok(lapic_read(&cpu[0], 0x350) == 0x700 && lapic_read(&cpu[1], 0x350) == 0x10000 &&
           lapic_read(&cpu[1], 0x360) == 0x400 && lapic_read(&cpu[1], 0xf0) == 0x1ff,
       "virtual wire as firmware leaves it");
    cpus_start(CPUS, false);
    struct lapic more;
    ok(!lapic_open(&more, &apics, &machine.timers, 8) && apics.count == CPUS, "there is no ninth");
}

/* Each register takes its writable bits and no others. */
static void test_writable(void)
{
    static const struct {
        uint32_t offset, writable, fixed;
    } registers[] = {
        {0x20, 0, 0},           {0x30, 0, 0x01050014},  {0x80, 0xff, 0},
        {0xa0, 0, 0},           {0xd0, 0xff000000, 0},  {0xe0, 0xf0000000, 0x0fffffff},
        {0xf0, 0x11ff, 0},      {0x100, 0, 0},          {0x180, 0, 0},
        {0x200, 0, 0},          {0x310, 0xff000000, 0}, {0x320, 0x000700ff, 0},
        {0x330, 0x000107ff, 0}, {0x340, 0x000107ff, 0}, {0x350, 0x0001a7ff, 0},
        {0x360, 0x0001a7ff, 0}, {0x370, 0x000100ff, 0}, {0x390, 0, 0},
        {0x3e0, 0xb, 0},
    };

    for (unsigned i = 0; i < sizeof(registers) / sizeof(registers[0]); i++) {
        uint32_t offset = registers[i].offset;
        cpus_start(1, true);
        for (uint32_t bit = 0; bit < 32; bit++) {
            uint32_t value = 1u << bit;
            if (offset == 0xf0)
                value |= 0x100; /* or the LVT would be masked */
            lapic_write(&cpu[0], offset, value);
            uint32_t want = (value & registers[i].writable) | registers[i].fixed;
            if (lapic_read(&cpu[0], offset) != want)
                is_u64(lapic_read(&cpu[0], offset), want, "register %#x bit %u", offset, bit);
        }
        lapic_write(&cpu[0], offset, ~0u);
        uint32_t got = lapic_read(&cpu[0], offset);
        is_u64(got, offset == 0xa0 ? 0 : registers[i].writable | registers[i].fixed,
               "register %#x has its writable bits", offset);
    }
    is_u64(lapic_read(&cpu[0], 0x280), 0, "and none of that was an error");
}

static void test_page(void)
{
    cpus_start(1, true);
    lapic_write(&cpu[0], 0x370, 0x40); /* the error interrupt */
    is_u64(lapic_read(&cpu[0], 0x84), 0, "between registers there is 0");
    is_u64(lapic_page_read(&cpu[0], 0x31, 2), 0x0500, "bytes 1 and 2 of the version");
    is_u64(lapic_page_read(&cpu[0], 0x30, 8), 0x01050014, "8 bytes");
    is_u64(lapic_page_read(&cpu[0], 0x33, 1), 0x01, "its last byte");
    lapic_page_write(&cpu[0], 0x80, 4, 0x20);
    lapic_page_write(&cpu[0], 0x80, 1, 0x30);
    lapic_page_write(&cpu[0], 0x80, 8, 0x40);
    lapic_page_write(&cpu[0], 0x81, 4, 0x50);
    is_u64(lapic_read(&cpu[0], 0x80), 0x20, "only aligned words are written");
    is_u64(lapic_next(&cpu[0]), -1, "no error until here");
    is_u64(lapic_read(&cpu[0], 0x40), 0, "a register that is none");
    lapic_write(&cpu[0], 0x280, 0);
    is_u64(lapic_read(&cpu[0], 0x280), 0x80, "is an illegal register address");
    is_u64(serve(0), 0x40, "and an interrupt");
    lapic_write(&cpu[0], 0xff0, 0);
    is_u64(lapic_read(&cpu[0], 0x280), 0x80, "ESR stays until it is written");
    lapic_write(&cpu[0], 0x280, 0);
    lapic_write(&cpu[0], 0x280, 0);
    is_u64(lapic_read(&cpu[0], 0x280), 0, "twice, and it is clear");
    serve(0);
    lapic_write(&cpu[0], 0x3f0, 0x55);
    is_u64(served(0x55), 0, "there is no self-IPI register in xAPIC mode");
    is_u64(lapic_page(&cpu[0]), LAPIC_BASE, "the page");
    x2_enable(0);
    is_u64(lapic_page(&cpu[0]), UINT64_MAX, "there is none in x2APIC mode");
    lapic_write(&cpu[0], 0x80, 0x77);
    is_u64(lapic_read(&cpu[0], 0x80), 0xffffffff, "it reads all ones");
    is_u64(msr(0, 0x808), 0x20, "and is not written");
}

static void test_base(void)
{
    static const struct {
        uint64_t from, to;
        bool possible;
    } changes[] = {
        {0x000, 0x800, true}, {0x000, 0xc00, false}, {0x000, 0x400, false}, {0x800, 0x000, true},
        {0x800, 0xc00, true}, {0x800, 0x400, false}, {0xc00, 0x800, false}, {0xc00, 0x400, false},
        {0xc00, 0x000, true}, {0xc00, 0xc00, true},  {0x800, 0x801, false}, {0x800, 0xa00, false},
    };

    for (unsigned i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        cpus_start(1, true);
        cpu[0].base = LAPIC_BASE | changes[i].from;
        is_u64(lapic_msr_write(&cpu[0], MSR_APIC_BASE, LAPIC_BASE | changes[i].to),
               changes[i].possible, "from %#lx to %#lx", (unsigned long)changes[i].from,
               (unsigned long)changes[i].to);
        is_u64(msr(0, MSR_APIC_BASE),
               LAPIC_BASE | (changes[i].possible ? changes[i].to : changes[i].from), "so it is");
    }
    cpus_start(1, true);
    ok(!lapic_msr_write(&cpu[0], MSR_APIC_BASE, 1ull << 39 | 0x800), "no address beyond the width");
    ok(lapic_msr_write(&cpu[0], MSR_APIC_BASE, 0x7fffff800ull << 0 | 0x800), "the last one");
    is_u64(lapic_page(&cpu[0]), 0x7fffff000ull, "moves the page");
    lapic_accept(&cpu[0], APIC_FIXED, 0x44, false);
    ok(lapic_msr_write(&cpu[0], MSR_APIC_BASE, LAPIC_BASE) && !lapic_enabled(&cpu[0]), "disabled");
    ok(lapic_next(&cpu[0]) == -1 && cpu[0].svr == 0xff, "it is as after RESET");
    is_u64(lapic_read(&cpu[0], 0x30), 0xffffffff, "has no page");
    ok(!lapic_accept(&cpu[0], APIC_NMI, 0, false) && !told.nmis[0], "and takes nothing");
    is_u64(msr(0, 0x802), GP, "has no x2APIC registers");
    cpus_start(4, true);
    lapic_write(&cpu[3], 0xd0, 0xab000000);
    lapic_msr_write(&cpu[3], MSR_APIC_BASE, msr(3, MSR_APIC_BASE));
    is_u64(lapic_read(&cpu[3], 0xd0), 0xab000000, "the same mode again changes nothing");
    lapic_write(&cpu[3], 0x310, 0xab000000);
    x2_enable(3);
    is_u64(msr(3, 0x802), 3, "x2APIC id");
    is_u64(msr(3, 0x80d), 8, "logical id");
    is_u64(msr(3, 0x830), 0, "the destination in ICR is not kept");
    lapic_cr8_set(&cpu[3], 5);
    lapic_accept(&cpu[3], APIC_INIT, 0, false);
    ok(!lapic_cr8(&cpu[3]) && !msr(3, 0x80a), "INIT clears the priorities");
    ok(msr(3, MSR_APIC_BASE) == 0xfee00c00 && msr(3, 0x80d) == 8 && msr(3, 0x80f) == 0xff,
       "INIT keeps the mode");
}

static void test_x2_rights(void)
{
    /* r: read, w: write of 0 */
    static const struct {
        uint32_t first, last;
        bool r, w;
    } rights[] = {
        {0x00, 0x01, 0, 0}, {0x02, 0x03, 1, 0}, {0x04, 0x07, 0, 0}, {0x08, 0x08, 1, 1},
        {0x09, 0x09, 0, 0}, {0x0a, 0x0a, 1, 0}, {0x0b, 0x0b, 0, 1}, {0x0c, 0x0c, 0, 0},
        {0x0d, 0x0d, 1, 0}, {0x0e, 0x0e, 0, 0}, {0x0f, 0x0f, 1, 1}, {0x10, 0x27, 1, 0},
        {0x28, 0x28, 1, 1}, {0x29, 0x2f, 0, 0}, {0x30, 0x30, 1, 1}, {0x31, 0x31, 0, 0},
        {0x32, 0x38, 1, 1}, {0x39, 0x39, 1, 0}, {0x3a, 0x3d, 0, 0}, {0x3e, 0x3e, 1, 1},
        {0x3f, 0x3f, 0, 1}, {0x40, 0xff, 0, 0},
    };
    bool right = true;

    cpus_start(1, true);
    for (uint32_t n = 0; n < 0x100; n++)
        right = right && msr(0, 0x800 + n) == GP && !lapic_msr_write(&cpu[0], 0x800 + n, 0);
    ok(right, "in xAPIC mode each of them faults");
    x2_enable(0);
    for (unsigned i = 0; i < sizeof(rights) / sizeof(rights[0]); i++)
        for (uint32_t n = rights[i].first; n <= rights[i].last; n++) {
            bool r = msr(0, 0x800 + n) != GP;
            bool w = lapic_msr_write(&cpu[0], 0x800 + n, 0);
            if (r != rights[i].r || w != rights[i].w)
                ok(false, "MSR %#x: read %d, write %d", 0x800 + n, r, w);
        }
    ok(!lapic_msr_write(&cpu[0], 0x7ff, 0) && !lapic_msr_write(&cpu[0], 0, 0), "no other MSR");
}

static void test_x2_reserved(void)
{
    static const struct {
        uint32_t number;
        uint64_t writable; /* what is no fault */
    } registers[] = {
        {0x808, 0xff},       {0x80b, 0},
        {0x80f, 0x11ff},     {0x828, 0},
        {0x832, 0x000710ff}, {0x833, 0x000117ff},
        {0x834, 0x000117ff}, {0x835, 0x0001f7ff},
        {0x836, 0x0001f7ff}, {0x837, 0x000110ff},
        {0x838, 0xffffffff}, {0x83e, 0xb},
        {0x83f, 0xff},       {0x830, 0xffffffff000cdfffull},
    };

    cpus_start(1, true);
    x2_enable(0);
    for (unsigned i = 0; i < sizeof(registers) / sizeof(registers[0]); i++)
        for (uint32_t bit = 0; bit < 64; bit++) {
            uint64_t before = registers[i].number < 0x83f ? msr(0, registers[i].number) : 0;
            bool want = registers[i].writable >> bit & 1;
            bool got = lapic_msr_write(&cpu[0], registers[i].number, 1ull << bit);
            if (got != want)
                is_u64(got, want, "MSR %#x, bit %u", registers[i].number, bit);
            if (!got && registers[i].number < 0x83f && registers[i].number != 0x80b)
                if (msr(0, registers[i].number) != before)
                    ok(false, "MSR %#x changed by a write that faults", registers[i].number);
        }
    ok(lapic_msr_write(&cpu[0], 0x830, 0x100000040ull), "ICR is one write");
    is_u64(msr(0, 0x830), 0x100000040ull, "and one read");
}

static void test_priority(void)
{
    struct lapic *l = &cpu[0];

    cpus_start(1, true);
    is_u64(lapic_next(l), -1, "nothing is pending");
    lapic_accept(l, APIC_FIXED, 0x31, false);
    lapic_accept(l, APIC_FIXED, 0x92, false);
    lapic_accept(l, APIC_FIXED, 0x31, false);
    is_u64(told.wakes[0], 2, "a wake for each that was not pending yet");
    is_u64(lapic_next(l), 0x92, "the highest one first");
    is_u64(lapic_read(l, 0x240), 1 << 18, "IRR shows it");
    is_u64(lapic_read(l, 0x210), 1 << 17, "and the other one, in its word");
    lapic_taken(l, 0x92);
    ok(!lapic_read(l, 0x240) && lapic_read(l, 0x140) == 1 << 18, "it is in service now");
    is_u64(lapic_read(l, 0xa0), 0x90, "PPR is its class");
    is_u64(lapic_next(l), -1, "a lower one waits");
    lapic_accept(l, APIC_FIXED, 0x9f, false);
    is_u64(lapic_next(l), -1, "one of the same class too");
    lapic_accept(l, APIC_FIXED, 0xa0, false);
    is_u64(lapic_next(l), 0xa0, "a higher one does not");
    lapic_taken(l, 0xa0);
    lapic_eoi(l);
    is_u64(lapic_read(l, 0xa0), 0x90, "EOI ends the highest one");
    lapic_write(l, 0xb0, 0x1234);
    is_u64(lapic_next(l), 0x9f, "by the register too, whatever is written");
    lapic_write(l, 0x80, 0x9a);
    is_u64(lapic_next(l), -1, "TPR keeps its class out");
    is_u64(lapic_read(l, 0xa0), 0x9a, "PPR is TPR, with its lower half");
    is_u64(lapic_cr8(l), 9, "CR8 is its upper half");
    lapic_cr8_set(l, 8);
    ok(lapic_next(l) == 0x9f && lapic_read(l, 0x80) == 0x80, "which can be written");
    lapic_cr8_set(l, 0);
    ok(serve_is(0, 0x9f) && serve_is(0, 0x31) && serve_is(0, -1), "and all come");
    lapic_eoi(l);
    is_u64(lapic_read(l, 0xa0), 0, "an EOI of nothing does nothing");
    bool all = true;
    for (unsigned vector = 16; vector < 256; vector++)
        all = all && lapic_accept(l, APIC_FIXED, (uint8_t)vector, false);
    for (unsigned vector = 255; vector >= 16; vector--)
        all = all && lapic_next(l) == (int)vector && serve_is(0, (int)vector);
    ok(all && lapic_next(l) == -1, "all vectors, in their order");
    lapic_write(l, 0x80, 0x30);
    lapic_accept(l, APIC_FIXED, 0x51, false);
    lapic_taken(l, 0x51);
    lapic_write(l, 0x80, 0x5c);
    is_u64(lapic_read(l, 0xa0), 0x5c, "in one class TPR wins");
}

static void test_illegal(void)
{
    cpus_start(2, true);
    ok(!lapic_accept(&cpu[0], APIC_FIXED, 15, false) &&
           lapic_accept(&cpu[0], APIC_FIXED, 16, false),
       "vectors begin at 16");
    lapic_write(&cpu[0], 0x280, 0);
    is_u64(lapic_read(&cpu[0], 0x280), 0x40, "received illegal vector");
    lapic_write(&cpu[0], 0x370, 0x0f);
    lapic_write(&cpu[0], 0x310, 1 << 24);
    lapic_write(&cpu[0], 0x300, 0x0e);
    lapic_write(&cpu[0], 0x280, 0);
    is_u64(lapic_read(&cpu[0], 0x280), 0x60, "sent one; the error's own vector is one too");
    is_u64(served(0x0e), 0, "and it does not arrive");
}

static void test_disable(void)
{
    struct lapic *l = &cpu[0];

    cpus_start(1, true);
    lapic_write(l, 0x350, 0x41);
    lapic_accept(l, APIC_FIXED, 0x60, false);
    lapic_accept(l, APIC_FIXED, 0x50, false);
    lapic_write(l, 0x340, 0x10041);
    lapic_write(l, 0xf0, 0xff);
    is_u64(lapic_read(l, 0x350), 0x10041, "software disable masks the LVT");
    is_u64(lapic_read(l, 0x340), 0x10041, "what was masked too");
    lapic_write(l, 0x350, 0x41);
    lapic_write(l, 0x320, 0x41);
    ok(lapic_read(l, 0x350) == 0x10041 && lapic_read(l, 0x320) == 0x10041, "for as long");
    ok(!lapic_accept(l, APIC_FIXED, 0x70, false), "nothing new is taken");
    ok(serve_is(0, 0x60) && serve_is(0, 0x50) && serve_is(0, -1), "what was pending still comes");
    ok(lapic_accept(l, APIC_NMI, 0, false) && told.nmis[0] == 1, "so does an NMI");
    ok(lapic_accept(l, APIC_STARTUP, 0x9a, false) && told.vector == 0x9a, "a startup");
    ok(lapic_accept(l, APIC_INIT, 0, false) && told.inits[0] == 1, "and INIT");
    ok(!lapic_accept(l, APIC_SMI, 0, false) && !lapic_accept(l, 3, 0x40, false), "not an SMI");
    lapic_write(l, 0xf0, 0x1ff);
    lapic_write(l, 0x350, 0x41);
    is_u64(lapic_read(l, 0x350), 0x41, "enabled again");
}

static void told_eoi(void *ioapic, uint8_t vector)
{
    ok(ioapic == &told, "the I/O APIC is told");
    told.eois++;
    told.eoi = vector;
}

static void test_eoi(void)
{
    struct lapic *l = &cpu[0];

    cpus_start(1, true);
    apics.eoi = told_eoi;
    apics.ioapic = &told;
    ok(!lapic_eoi_can_be_skipped(l), "nothing is in service");
    lapic_accept(l, APIC_FIXED, 0x51, true);
    is_u64(lapic_read(l, 0x1a0), 1 << 17, "TMR says level");
    lapic_taken(l, 0x51);
    ok(!lapic_eoi_can_be_skipped(l), "a level needs its EOI");
    lapic_accept(l, APIC_FIXED, 0x61, false);
    lapic_taken(l, 0x61);
    ok(lapic_eoi_can_be_skipped(l), "an edge above it does not");
    lapic_accept(l, APIC_FIXED, 0x41, false);
    ok(!lapic_eoi_can_be_skipped(l), "but if another one waits");
    lapic_eoi(l);
    ok(!told.eois, "the edge's end is nobody's affair");
    lapic_eoi(l);
    ok(told.eois == 1 && told.eoi == 0x51, "the level's is");
    is_u64(serve(0), 0x41, "the other one");
    lapic_accept(l, APIC_FIXED, 0x51, false);
    is_u64(lapic_read(l, 0x1a0), 0, "TMR follows the last one");
    serve(0);
    lapic_write(l, 0xf0, 0x11ff);
    lapic_accept(l, APIC_FIXED, 0x51, true);
    serve(0);
    is_u64(told.eois, 1, "suppressed broadcast");
}

int main(void)
{
    test_reset();
    test_writable();
    test_page();
    test_base();
    test_x2_rights();
    test_x2_reserved();
    test_priority();
    test_illegal();
    test_disable();
    test_eoi();
    return done_testing();
}
