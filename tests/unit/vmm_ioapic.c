/* The VMM's I/O APIC: 82093AA data sheet, and the EOI register of ICH9, 13.5. */
#include "ioapic.h"

#include "isa.h"
#include "vmm_apics.h"

static struct ioapic ioapic;

static uint32_t get(uint32_t number)
{
    bus_write(&machine.memory, IOAPIC_BASE, 4, number);
    return (uint32_t)bus_read(&machine.memory, IOAPIC_BASE + 0x10, 4);
}

static void set(uint32_t number, uint32_t value)
{
    bus_write(&machine.memory, IOAPIC_BASE, 4, number);
    bus_write(&machine.memory, IOAPIC_BASE + 0x10, 4, value);
}

/* An entry for CPU 1. */
static void route(uint32_t pin, uint32_t low)
{
    set(0x11 + pin * 2, 1u << 24);
    set(0x10 + pin * 2, low);
}

static void start(void)
{
    cpus_start(4, true);
    ok(ioapic_open(&ioapic, &machine, &apics), "it is there");
}

static void test_registers(void)
{
    bool entries = true;

    start();
    is_u64(get(0), 0, "id");
    is_u64(get(1), 0x00170020, "24 pins, version 0x20");
    for (uint32_t pin = 0; pin < 24; pin++)
        entries = entries && get(0x10 + pin * 2) == 0x10000 && !get(0x11 + pin * 2);
    ok(entries, "all pins are masked after RESET");
    set(0, ~0u);
    ok(get(0) == 0x0f000000 && get(2) == 0x0f000000, "the id has 4 bits, and is the priority");
    set(1, 0);
    set(2, 0);
    ok(get(1) == 0x00170020 && get(2) == 0x0f000000, "both are read-only");
    entries = true;
    for (uint32_t pin = 0; pin < 24; pin++)
        for (uint32_t bit = 0; bit < 32; bit++) {
            set(0x10 + pin * 2, 1u << bit);
            set(0x11 + pin * 2, 1u << bit);
            entries = entries && get(0x10 + pin * 2) == (1u << bit & 0x1afff) &&
                      get(0x11 + pin * 2) == (1u << bit & 0xff000000);
        }
    ok(entries, "each writable bit of an entry, and no other one");
    for (uint32_t number = 3; number < 0x100; number++) {
        if (number >= 0x10 && number < 0x40)
            continue;
        set(number, ~0u);
        if (get(number))
            ok(false, "register %#x", number);
    }
    ok(get(0) == 0x0f000000 && get(0x3f) == 0x80000000, "others are 0 and change nothing");
    ok(!ioapic_open(&ioapic, &machine, &apics), "there is one");
    ioapic_reset(&ioapic);
    ok(!get(0) && get(0x10) == 0x10000, "RESET");
}

static void test_sizes(void)
{
    start();
    bus_write(&machine.memory, IOAPIC_BASE, 1, 0x01);
    is_u64(bus_read(&machine.memory, IOAPIC_BASE, 4), 1, "the index is a byte");
    is_u64(bus_read(&machine.memory, IOAPIC_BASE + 0x12, 1), 0x17, "a byte of the window");
    is_u64(bus_read(&machine.memory, IOAPIC_BASE + 0x10, 8), 0x00170020, "8 bytes are two words");
    is_u64(bus_read(&machine.memory, IOAPIC_BASE + 0x20, 4), 0, "there is nothing else");
    bus_write(&machine.memory, IOAPIC_BASE, 4, 0xffffff11);
    bus_write(&machine.memory, IOAPIC_BASE + 0x10, 2, 0xffff);
    bus_write(&machine.memory, IOAPIC_BASE + 0x13, 1, 0xff);
    is_u64(get(0x11), 0, "the window is written in words only");
}

static void test_edge(void)
{
    struct line line = {ioapic_set, &ioapic, 4};

    start();
    line_set(&line, true);
    route(4, 0x61);
    is_u64(served(0x61), 0, "an edge on a masked pin is lost");
    line_set(&line, false);
    is_u64(served(0x61), 0, "a fall is none");
    line_set(&line, true);
    is_u64(served(0x61), 2, "a rise is one, for its CPU");
    line_set(&line, true);
    is_u64(served(0x61), 0, "once");
    ok(get(0x18) == 0x61 && !vectors_has(&cpu[1].tmr, 0x61), "with no remote IRR");
    set(0x19, 0xff000000);
    set(0x18, 0x2061);
    line_set(&line, false);
    line_set(&line, true);
    is_u64(served(0x61), 0xf, "to all; the polarity changes nothing");
    ioapic_set(&ioapic, 24, true);
    ioapic_set(&ioapic, UINT32_MAX, true);
    is_u64(ioapic.lines, 1 << 4, "there is no pin 24");
}

static void test_level(void)
{
    struct line line = {ioapic_set, &ioapic, 16};
    struct lapic *l = &cpu[1];

    start();
    route(16, 0x18071);
    line_set(&line, true);
    is_u64(lapic_next(l), -1, "masked");
    set(0x30, 0x8071);
    is_u64(lapic_next(l), 0x71, "unmasked it asks");
    is_u64(get(0x30), 0xc071, "remote IRR");
    lapic_taken(l, 0x71);
    line_set(&line, false);
    line_set(&line, true);
    is_u64(lapic_next(l), -1, "once until its end");
    lapic_eoi(l);
    is_u64(lapic_next(l), 0x71, "still up, it asks again");
    lapic_taken(l, 0x71);
    line_set(&line, false);
    lapic_eoi(l);
    ok(lapic_next(l) == -1 && get(0x30) == 0x8071, "down, it is over");
    line_set(&line, true);
    lapic_taken(l, 0x71);
    set(0x30, 0x18071);
    lapic_eoi(l);
    ok(lapic_next(l) == -1 && get(0x30) == 0x18071, "masked in between, it does not");
    set(0x30, 0x8071);
    lapic_taken(l, 0x71);
    lapic_write(l, 0xf0, 0x11ff);
    lapic_eoi(l);
    is_u64(get(0x30), 0xc071, "a suppressed broadcast leaves it");
    bus_write(&machine.memory, IOAPIC_BASE + 0x40, 4, 0x70);
    is_u64(get(0x30), 0xc071, "another vector too");
    bus_write(&machine.memory, IOAPIC_BASE + 0x40, 4, 0x71);
    is_u64(serve(1), 0x71, "the EOI register ends it");
    set(0x30, 0x71);
    is_u64(get(0x30), 0x71, "as an edge there is no remote IRR");
    set(0x30, 0x8071);
    is_u64(serve(1), 0x71, "as a level again it asks");
}

/* Two pins with one vector end together. */
static void test_shared(void)
{
    start();
    route(16, 0x8071);
    route(17, 0x8071);
    ioapic_set(&ioapic, 16, true);
    ioapic_set(&ioapic, 17, true);
    lapic_taken(&cpu[1], 0x71);
    ioapic_set(&ioapic, 16, false);
    lapic_eoi(&cpu[1]);
    ok(get(0x30) == 0x8071 && get(0x32) == 0xc071, "the one that is up asks again");
    is_u64(lapic_next(&cpu[1]), 0x71, "so it is pending");
}

static void test_modes(void)
{
    start();
    route(1, 0x8400);
    ioapic_set(&ioapic, 1, true);
    ok(told.nmis[1] == 1 && get(0x12) == 0x8400, "an NMI is an edge, as is said or not");
    route(0, 0x700);
    ioapic_set(&ioapic, 0, true);
    ok(lapic_extint(&cpu[1]), "ExtINT");
    route(2, 0x500);
    ioapic_set(&ioapic, 2, true);
    is_u64(told.inits[1], 1, "INIT");
    route(3, 0x640);
    ioapic_set(&ioapic, 3, true);
    is_u64(told.startups[1], 0, "there is no startup here");
    lapic_write(&cpu[1], 0xf0, 0x1ff);
    route(5, 0x8162);
    set(0x1b, 0xff000000);
    lapic_write(&cpu[0], 0x80, 0x20);
    lapic_write(&cpu[1], 0x80, 0x20);
    lapic_write(&cpu[3], 0x80, 0x20);
    ioapic_set(&ioapic, 5, true);
    ok(get(0x1a) == 0xc162 && served(0x62) == 4, "the lowest priority, as a level");
    lapic_write(&cpu[1], 0xd0, 4u << 24);
    route(6, 0x863);
    set(0x1d, 4u << 24);
    ioapic_set(&ioapic, 6, true);
    is_u64(served(0x63), 2, "logical");
    lapic_write(&cpu[1], 0xf0, 0xff);
    route(7, 0x8064);
    ioapic_set(&ioapic, 7, true);
    is_u64(get(0x1e), 0x8064, "what nobody takes has no remote IRR");
}

static void test_isa(void)
{
    static struct pic pic;
    struct isa isa = {&pic, &ioapic};
    struct line timer = {isa_set, &isa, 0};
    struct line uart = {isa_set, &isa, 4};

    start();
    ok(pic_open(&pic, &machine, (struct line){0}), "with PICs");
    line_set(&timer, true);
    line_set(&uart, true);
    is_u64(ioapic.lines, 1 << 2 | 1 << 4, "line 0 is pin 2, others are their own");
    is_u64(pic.chip[0].lines, 1 << 0 | 1 << 4, "and at the PIC itself");
}

int main(void)
{
    test_registers();
    test_sizes();
    test_edge();
    test_level();
    test_shared();
    test_modes();
    test_isa();
    return done_testing();
}
