/* Interrupts between LAPICs, messages and the LINT pins: Intel SDM 3A, 11.5, 11.6 and 11.11. */
#include "vmm_apics.h"

static void icr(uint32_t id, uint32_t destination, uint32_t low)
{
    lapic_write(&cpu[id], 0x310, destination << 24);
    lapic_write(&cpu[id], 0x300, low);
}

static void test_ipi(void)
{
    cpus_start(4, true);
    icr(0, 2, 0x40);
    is_u64(served(0x40), 0x4, "physical destination");
    is_u64(lapic_read(&cpu[0], 0x300), 0x40, "sent at once");
    icr(0, 0xff, 0x40);
    is_u64(served(0x40), 0xf, "broadcast");
    icr(0, 9, 0x40);
    is_u64(served(0x40), 0, "nobody");
    icr(1, 0, 0x48040);
    ok(served(0x40) == 0x2 && !vectors_has(&cpu[1].tmr, 0x40), "self");
    icr(1, 0, 0x80040);
    is_u64(served(0x40), 0xf, "all including self");
    icr(1, 0, 0xc0040);
    is_u64(served(0x40), 0xd, "all excluding self");
    icr(0, 3, 0x8040);
    is_u64(lapic_read(&cpu[3], 0x1a0), 0, "a level-triggered one is an edge");
    is_u64(served(0x40), 0x8, "that arrives");
    icr(0, 1, 0x400);
    ok(told.nmis[1] == 1 && !told.nmis[0], "NMI");
    icr(0, 1, 0x500 | 0x4000 | 0x8000);
    is_u64(told.inits[1], 1, "INIT");
    icr(0, 1, 0x500 | 0x8000);
    is_u64(told.inits[1], 1, "its falling level does nothing");
    icr(0, 1, 0x6f1);
    ok(told.startups[1] == 1 && told.vector == 0xf1, "startup");
    lapic_write(&cpu[1], 0xf0, 0x1ff);
    icr(0, 0, 0xc0400);
    ok(told.nmis[1] == 2 && told.nmis[2] == 1 && !told.nmis[0], "NMI to all others");
    icr(0, 0, 0xc4500);
    ok(told.inits[1] == 2 && told.inits[2] == 1 && told.inits[3] == 1 && !told.inits[0],
       "INIT to all others");
    for (uint32_t mode = 0; mode < 8; mode++)
        if (mode == 2 || mode == 3 || mode == 7) {
            struct told before = told;
            icr(0, 0, mode << 8 | 0x40);
            ok(!memcmp(&before, &told, sizeof(told)) && !lapic_extint(&cpu[0]) && !served(0x40),
               "mode %u goes nowhere", mode);
        }
    icr(0, 1, 0x40);
    is_u64(served(0x40), 0, "a LAPIC after INIT takes no interrupt");
}

static void test_logical(void)
{
    cpus_start(4, true);
    for (uint32_t i = 0; i < 4; i++)
        lapic_write(&cpu[i], 0xd0, 1u << (24 + i));
    icr(0, 0x0a, 0x840);
    is_u64(served(0x40), 0xa, "flat");
    icr(0, 0xff, 0x840);
    is_u64(served(0x40), 0xf, "broadcast");
    icr(0, 0x0, 0x840);
    is_u64(served(0x40), 0, "nobody");
    for (uint32_t i = 0; i < 4; i++) {
        lapic_write(&cpu[i], 0xe0, 0);
        lapic_write(&cpu[i], 0xd0, (i & 2) << 27 | 1u << (24 + (i & 1)));
    }
    icr(0, 0x13, 0x840);
    is_u64(served(0x40), 0xc, "all of cluster 1");
    icr(0, 0x02, 0x840);
    is_u64(served(0x40), 0x2, "one of cluster 0");
    icr(0, 0xf1, 0x840);
    is_u64(served(0x40), 0x5, "in every cluster");
    lapic_write(&cpu[0], 0xe0, 0x50000000);
    icr(1, 0x01, 0x840);
    is_u64(served(0x40), 0, "a model that there is not");
    for (uint32_t i = 0; i < 4; i++)
        x2_enable(i);
    lapic_msr_write(&cpu[0], 0x830, 0x600000840ull);
    is_u64(served(0x40), 0x6, "x2APIC");
    lapic_msr_write(&cpu[0], 0x830, 0x1000600000840ull);
    is_u64(served(0x40), 0, "another cluster");
    lapic_msr_write(&cpu[0], 0x830, 0xffffffff00000840ull);
    is_u64(served(0x40), 0xf, "broadcast");
    lapic_msr_write(&cpu[0], 0x830, 0xff00000040ull);
    is_u64(served(0x40), 0, "255 is an id like others");
    lapic_msr_write(&cpu[0], 0x830, 0x300000040ull);
    is_u64(served(0x40), 0x8, "physical");
    lapic_msr_write(&cpu[2], 0x83f, 0x40);
    is_u64(served(0x40), 0x4, "self-IPI");
    lapic_msr_write(&cpu[2], 0x83f, 0x0f);
    lapic_msr_write(&cpu[2], 0x828, 0);
    is_u64(msr(2, 0x828), 0x20, "an illegal one is an error");
    cpus_start(2, true);
    x2_enable(0);
    lapic_msr_write(&cpu[0], 0x830, 0x10100000040ull);
    is_u64(served(0x40), 0, "a wide id is not cut");
    lapic_write(&cpu[1], 0xd0, 2u << 24);
    lapic_msr_write(&cpu[0], 0x830, 0x10200000840ull);
    is_u64(served(0x40), 0, "nor is a wide logical one");
}

static void test_lowest(void)
{
    cpus_start(4, true);
    lapic_write(&cpu[0], 0x80, 0x50);
    lapic_write(&cpu[1], 0x80, 0x40);
    lapic_write(&cpu[2], 0x80, 0x30);
    lapic_write(&cpu[3], 0xf0, 0xff);
    icr(0, 0xff, 0x140);
    is_u64(served(0x40), 0x4, "the lowest priority of those that are enabled");
    icr(2, 0, 0xc0140);
    is_u64(served(0x40), 0x2, "of all but the sender");
    icr(0, 3, 0x140);
    is_u64(served(0x40), 0, "of none");
    lapic_write(&cpu[0], 0x80, 0);
    icr(1, 0xff, 0x140);
    is_u64(served(0x40), 0x1, "another one is the lowest now");
    lapic_write(&cpu[1], 0x80, 0);
    icr(1, 0xff, 0x140);
    is_u64(served(0x40), 0x1, "the first of two");
    lapic_msr_write(&cpu[0], MSR_APIC_BASE, LAPIC_BASE);
    icr(1, 0xff, 0x140);
    is_u64(served(0x40), 0x2, "not one that is disabled");
}

static void test_message(void)
{
    struct message_port port = {apics_message, &apics};

    cpus_start(4, true);
    message_send(&port, 0xfee02000, 0x45);
    is_u64(served(0x45), 0x4, "a message to CPU 2");
    message_send(&port, 0xfeeff000, 0x45);
    is_u64(served(0x45), 0xf, "to all");
    message_send(&port, 0xfef02000, 0x45);
    message_send(&port, 0x1fee02000, 0x45);
    is_u64(served(0x45), 0, "to an address that is none of theirs");
    message_send(&port, 0xfee01000, 0xc045);
    ok(served(0x45) == 2 && vectors_has(&cpu[1].tmr, 0x45), "a level");
    message_send(&port, 0xfee01000, 0x8045);
    is_u64(served(0x45), 0, "that falls");
    for (uint32_t i = 0; i < 4; i++)
        lapic_write(&cpu[i], 0xd0, 1u << (24 + i));
    message_send(&port, 0xfee0c004, 0x45);
    is_u64(served(0x45), 0xc, "logical");
    lapic_write(&cpu[2], 0x80, 0x10);
    message_send(&port, 0xfee0c00c, 0x45);
    is_u64(served(0x45), 0x8, "redirected to the lowest");
    message_send(&port, 0xfee03000, 0x400);
    is_u64(told.nmis[3], 1, "an NMI");
    told.wakes[3] = 0;
    message_send(&port, 0xfee03000, 0x700);
    ok(lapic_extint(&cpu[3]) && told.wakes[3] == 1, "an ExtINT");
    lapic_extint_taken(&cpu[3]);
    ok(!lapic_extint(&cpu[3]), "that was taken");
}

static void test_lint(void)
{
    struct line pic = {lapic_lint, &cpu[0], 0};
    struct line nmi = {lapic_lint, &cpu[0], 1};

    cpus_start(1, false);
    line_set(&pic, true);
    ok(!lapic_extint(&cpu[0]) && !told.wakes[0], "LINT0 is masked");
    lapic_boot(&cpu[0]);
    ok(lapic_extint(&cpu[0]), "the PIC comes through");
    line_set(&nmi, true);
    is_u64(told.nmis[0], 1, "so does an NMI at the same time");
    line_set(&pic, false);
    ok(!lapic_extint(&cpu[0]), "it stopped asking");
    line_set(&pic, true);
    is_u64(told.wakes[0], 1, "asking wakes");
    line_set(&nmi, true);
    is_u64(told.nmis[0], 1, "a level is no edge");
    lapic_write(&cpu[0], 0x350, 0x10700);
    ok(!lapic_extint(&cpu[0]), "masked");
    lapic_write(&cpu[0], 0x350, 0x8052);
    is_u64(lapic_next(&cpu[0]), 0x52, "as a level of its own vector");
    lapic_write(&cpu[0], 0x350, 0x8052);
    is_u64(lapic_read(&cpu[0], 0x350), 0xc052, "its remote IRR");
    is_u64(serve(0), 0x52, "is served");
    is_u64(serve(0), 0x52, "and comes again, as the line is up");
    line_set(&pic, false);
    is_u64(serve(0), 0x52, "a third time, it was pending");
    ok(serve_is(0, -1) && lapic_read(&cpu[0], 0x350) == 0x8052, "then no more");
    lapic_write(&cpu[0], 0x350, 0x53);
    line_set(&pic, true);
    ok(!vectors_has(&cpu[0].tmr, 0x53) && serve_is(0, 0x53) && serve_is(0, -1), "as an edge once");
    line_set(&nmi, false);
    lapic_write(&cpu[0], 0x360, 0x500);
    line_set(&nmi, true);
    is_u64(told.inits[0], 1, "INIT");
    lapic_lint(&cpu[0], 2, true);
    lapic_lint(&cpu[0], UINT32_MAX, true);
    is_u64(cpu[0].line, 3, "there is no LINT2");
    lapic_msr_write(&cpu[0], MSR_APIC_BASE, LAPIC_BASE);
    ok(lapic_extint(&cpu[0]), "without an APIC LINT0 is INTR");
    line_set(&nmi, false);
    line_set(&nmi, true);
    is_u64(told.nmis[0], 2, "and LINT1 NMI");
}

int main(void)
{
    test_ipi();
    test_logical();
    test_lowest();
    test_message();
    test_lint();
    return done_testing();
}
