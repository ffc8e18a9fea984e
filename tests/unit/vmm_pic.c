/* The VMM's two 8259A: Intel 8259A data sheet; ELCR: ICH9, 13.8. */
#include "pic.h"

#include "vmm_machine.h"

static struct pic pic;
static const struct line output = {wire_set, NULL, 0};

static bool asks(void)
{
    return wire.level & 1;
}

/* As a PC's system does: vectors 0x20 and 0x28, nothing masked, ICW4 as given. */
static void start(uint8_t icw4)
{
    machine_start();
    memset(&wire, 0, sizeof(wire));
    ok(pic_open(&pic, &machine, output), "they are there");
    for (uint16_t i = 0; i < 2; i++) {
        uint16_t port = i ? 0xa0 : 0x20;
        out(port, 0x11);
        out(port + 1, i ? 0x28 : 0x20);
        out(port + 1, i ? 2 : 4);
        out(port + 1, icw4);
    }
}

static void pulse(uint32_t line)
{
    pic_set(&pic, line, true);
    pic_set(&pic, line, false);
}

static void test_reset(void)
{
    machine_start();
    memset(&wire, 0, sizeof(wire));
    ok(pic_open(&pic, &machine, output), "they are there");
    ok(in(0x21) == 0xff && in(0xa1) == 0xff, "all lines are masked");
    ok(!in(0x20) && !in(0xa0) && !in(0x4d0) && !in(0x4d1), "nothing asks, all are edges");
    for (uint32_t line = 0; line < 16; line++)
        pic_set(&pic, line, true);
    ok(!asks() && in(0x20) == 0xfb && in(0xa0) == 0xff, "masked lines show in IRR");
    out(0xa1, 0xfe);
    out(0x21, 0xfb);
    ok(asks() && pic_take(&pic) == 0x70, "vectors as firmware leaves them");
    pic_reset(&pic);
    out(0x21, 0xfe);
    ok(!asks(), "RESET forgets edges");
    pic_set(&pic, 0, false);
    pic_set(&pic, 0, true);
    is_u64(pic_take(&pic), 8, "the first one's");
    is_u64(bus_read(&machine.ports, 0x20, 2), 0xfe00, "two ports at once");
    ok(!pic_open(&pic, &machine, output), "there is one pair");
}

static void test_init(void)
{
    start(0x01);
    ok(in(0x21) == 0 && in(0xa1) == 0, "initialisation clears the masks");
    out(0x21, 0xa5);
    ok(in(0x21) == 0xa5 && in(0x20) == 0, "OCW1 is the mask");
    pic_set(&pic, 1, true);
    out(0x20, 0x0b);
    ok(pic_take(&pic) == 0x21 && in(0x20) == 0x02, "line 1 is in service");
    out(0x20, 0x11);
    is_u64(in(0x20), 0, "ICW1 clears, IRR is read again");
    pic_set(&pic, 6, true);
    is_u64(in(0x20), 0x40, "truly IRR");
    ok(!asks(), "it does not ask");
    pic_set(&pic, 0, true);
    ok(!asks(), "it asks for nothing before its last word");
    out(0x21, 0x47);
    out(0x21, 0x04);
    ok(!asks(), "not yet");
    out(0x21, 0x01);
    ok(asks() && pic_take(&pic) == 0x40, "now; the vector's lower bits are the line");
    out(0x20, 0x10);
    out(0x21, 0x50);
    out(0x21, 0x04);
    out(0x21, 0x80);
    is_u64(in(0x21), 0x80, "without ICW4 there are three words");
    out(0x20, 0x13);
    out(0x21, 0x50);
    out(0x21, 0x03);
    out(0x21, 0x81);
    is_u64(in(0x21), 0x81, "a single one has no ICW3");
    pic_set(&pic, 2, true);
    is_u64(pic.chip[0].lines & 4, 0, "line 2 is the cascade's");
    pic_set(&pic, 16, true);
    pic_set(&pic, UINT32_MAX, true);
    ok(pic.chip[0].lines == 0x43 && !pic.chip[1].lines, "there is no line 16");
}

static void test_priority(void)
{
    start(0x01);
    pic_set(&pic, 5, true);
    pic_set(&pic, 3, true);
    is_u64(pic_take(&pic), 0x23, "the lower line first");
    ok(!asks(), "it keeps the other one out");
    pic_set(&pic, 1, true);
    ok(asks() && pic_take(&pic) == 0x21, "but not a higher one");
    out(0x20, 0x0b);
    is_u64(in(0x20), 0x0a, "both are in service");
    out(0x20, 0x20);
    ok(in(0x20) == 0x08 && !asks(), "the end of the higher one");
    out(0x20, 0x63);
    ok(in(0x20) == 0 && asks(), "of line 3 by its number");
    is_u64(pic_take(&pic), 0x25, "the other one");
    out(0x20, 0x0a);
    is_u64(in(0x20), 0, "IRR");
    out(0x20, 0x40);
    out(0x20, 0x45);
    out(0x20, 0x0b);
    is_u64(in(0x20), 0x20, "no operation");
    out(0x20, 0x20);
    out(0x20, 0x20);
    is_u64(in(0x20), 0, "an end of nothing");
    pic_set(&pic, 0, true);
    ok(pic_take(&pic) == 0x20 && in(0x20) == 0x01, "line 0");
    out(0x20, 0x20);
    is_u64(in(0x20), 0, "and its end");
}

static void test_cascade(void)
{
    start(0x01);
    pic_set(&pic, 12, true);
    ok(asks() && in(0x20) == 0x04, "the second one asks on line 2");
    pic_set(&pic, 1, true);
    is_u64(pic_take(&pic), 0x21, "line 1 goes before");
    out(0x20, 0x20);
    is_u64(pic_take(&pic), 0x2c, "then line 12");
    out(0x20, 0x0b);
    out(0xa0, 0x0b);
    ok(in(0x20) == 0x04 && in(0xa0) == 0x10, "in service in both");
    pic_set(&pic, 8, true);
    ok(!asks(), "line 8 waits, for line 2 is in service");
    out(0xa0, 0x20);
    ok(!asks(), "as long as the first one's end is missing");
    out(0x20, 0x20);
    is_u64(pic_take(&pic), 0x28, "then it comes");
    start(0x11);
    pic_set(&pic, 12, true);
    pic_take(&pic);
    pic_set(&pic, 8, true);
    ok(asks() && pic_take(&pic) == 0x28, "specially nested it comes at once");
    pic_set(&pic, 3, true);
    ok(!asks(), "a lower line of the first one does not");
}

static void test_spurious(void)
{
    start(0x01);
    pulse(3);
    ok(!asks() && wire.rises[0] == 1, "a request that falls is gone");
    is_u64(pic_take(&pic), 0x27, "who takes it gets line 7");
    out(0x20, 0x0b);
    is_u64(in(0x20), 0, "which is not in service");
    pic_set(&pic, 9, true);
    pic.chip[1].irr = 0; /* it falls between the two acknowledge cycles */
    is_u64(pic_take(&pic), 0x2f, "the second one's is line 15");
    out(0xa0, 0x0b);
    ok(in(0x20) == 0x04 && in(0xa0) == 0, "and the first one has line 2 in service");
}

static void test_level(void)
{
    start(0x01);
    out(0x4d0, 0xff);
    out(0x4d1, 0xff);
    ok(in(0x4d0) == 0xf8 && in(0x4d1) == 0xde, "lines that can be levels");
    pic_set(&pic, 5, true);
    is_u64(pic_take(&pic), 0x25, "a level");
    is_u64(in(0x20), 0x20, "still asks");
    out(0x20, 0x20);
    ok(asks() && pic_take(&pic) == 0x25, "and comes again");
    pic_set(&pic, 5, false);
    out(0x20, 0x20);
    ok(!asks() && !in(0x20), "until it falls");
    out(0x4d0, 0);
    pic_set(&pic, 5, true);
    pic_take(&pic);
    out(0x20, 0x20);
    ok(!asks(), "as an edge it comes once");
    out(0x4d0, 0x20);
    ok(asks(), "made a level it asks");
    out(0x4d0, 0x20);
    ok(asks(), "written again too");
    out(0x20, 0x11);
    out(0x21, 0x20);
    out(0x21, 4);
    out(0x21, 1);
    ok(asks(), "initialisation does not forget levels");
}

static void test_rotation(void)
{
    start(0x01);
    pic_set(&pic, 4, true);
    pic_take(&pic);
    out(0x20, 0xa0);
    pulse(0);
    pic_set(&pic, 0, true);
    pic_set(&pic, 4, false);
    pic_set(&pic, 4, true);
    pic_set(&pic, 5, true);
    is_u64(pic_take(&pic), 0x25, "after line 4 rotated, 5 is the first");
    out(0x20, 0xe5);
    is_u64(pic_take(&pic), 0x20, "after line 5, 0 is before 4");
    out(0x20, 0x20);
    out(0x20, 0xc3);
    pic_set(&pic, 0, false);
    pic_set(&pic, 0, true);
    is_u64(pic_take(&pic), 0x24, "line 3 was made the last one");
    start(0x03);
    out(0x20, 0x0b);
    pic_set(&pic, 2 + 1, true);
    ok(pic_take(&pic) == 0x23 && in(0x20) == 0, "an automatic end");
    out(0x20, 0x80);
    pic_set(&pic, 3, false);
    pic_set(&pic, 3, true);
    pic_take(&pic);
    pic_set(&pic, 0, true);
    pic_set(&pic, 4, true);
    is_u64(pic_take(&pic), 0x24, "that rotates");
    out(0x20, 0x00);
    pic_set(&pic, 6, true);
    pic_set(&pic, 4, false);
    pic_set(&pic, 4, true);
    is_u64(pic_take(&pic), 0x26, "as before");
    is_u64(pic_take(&pic), 0x20, "and not any more");
    is_u64(pic_take(&pic), 0x24, "line 4 is the last one still");
}

static void test_special(void)
{
    start(0x01);
    pic_set(&pic, 1, true);
    pic_take(&pic);
    pic_set(&pic, 6, true);
    ok(!asks(), "line 6 waits for line 1");
    out(0x21, 0x02);
    ok(!asks(), "although that is masked");
    out(0x20, 0x68);
    ok(asks() && pic_take(&pic) == 0x26, "with a special mask it does not");
    out(0x20, 0x0b);
    out(0x20, 0x20);
    is_u64(in(0x20), 0x02, "the end is not one of what is masked");
    out(0x20, 0x28);
    pic_set(&pic, 7, true);
    ok(asks(), "without its enable bit the mode stays");
    out(0x20, 0x48);
    ok(!asks(), "it is over");
    out(0x20, 0x68);
    out(0x21, 0);
    for (uint32_t i = 0; i < 2; i++) { /* ICW4's modes and this one end with ICW1 */
        out(0x20, 0x11);
        out(0x21, 0x20);
        out(0x21, 4);
        out(0x21, i ? 0x01 : 0x13);
        out(0x20, i ? 0x0b : 0xe8);
        out(0x20, i ? 0x0b : 0x80);
    }
    pic_set(&pic, 1, false);
    pic_set(&pic, 1, true);
    ok(pic_take(&pic) == 0x21 && in(0x20) == 0x02, "no automatic end");
    out(0x21, 0x02);
    pic_set(&pic, 6, false);
    pic_set(&pic, 6, true);
    ok(!asks(), "no special mask");
    out(0x21, 0);
    out(0x20, 0x20);
    pic_set(&pic, 9, true);
    ok(pic_take(&pic) == 0x29, "line 9");
    pic_set(&pic, 8, true);
    ok(!asks(), "and no nesting");
}

static void test_poll(void)
{
    start(0x01);
    out(0x20, 0x0c);
    is_u64(in(0x20), 0, "a poll finds nothing");
    pic_set(&pic, 5, true);
    is_u64(in(0x20), 0x20, "the next read is IRR");
    out(0x20, 0x0c);
    is_u64(in(0x21), 0x85, "a poll finds line 5");
    ok(!asks(), "and takes it");
    out(0x20, 0x0b);
    is_u64(in(0x20), 0x20, "it is in service");
    out(0x20, 0x20);
    pic_set(&pic, 10, true);
    out(0xa0, 0x0c);
    ok(in(0xa0) == 0x82 && !asks(), "the second one's own");
}

/* Whatever is written: vectors are as programmed, and a level that nobody masks arrives. */
static void test_hostile(void)
{
    uint32_t random = 1;
    bool right = true;

    start(0x01);
    for (uint32_t i = 0; i < 200000; i++) {
        static const uint16_t ports[] = {0x20, 0x21, 0xa0, 0xa1, 0x4d0, 0x4d1};
        random = random * 1664525 + 1013904223;
        uint16_t port = ports[(random >> 28) % 6];
        if (random >> 27 & 1)
            out(port, (uint8_t)(random >> 8));
        else
            pic_set(&pic, random >> 8 & 15, random >> 13 & 1);
        if (asks()) {
            uint8_t vector = pic_take(&pic);
            right = right && ((vector & 0xf8) == pic.chip[0].vector ||
                              (vector & 0xf8) == pic.chip[1].vector);
        }
        in(port);
    }
    ok(right, "no vector but theirs");
    pic_reset(&pic);
    out(0x4d0, 0x20);
    out(0x21, 0xdf);
    pic_set(&pic, 5, true);
    ok(asks() && pic_take(&pic) == 0x0d, "and they still work");
}

int main(void)
{
    test_reset();
    test_init();
    test_priority();
    test_cascade();
    test_spurious();
    test_level();
    test_rotation();
    test_special();
    test_poll();
    test_hostile();
    return done_testing();
}
