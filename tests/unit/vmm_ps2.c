/* The keyboard controller and its keyboard (PS/2 Hardware Interface Technical Reference). */
#include "ps2.h"

#include "vmm_legacy.h"

enum { DATA = 0x60, STATUS = 0x64, COMMAND = 0x64 };
enum { KEY = 1, AUX = 12, RESET = 20 };

static struct ps2 ps2;

static void ps2_make(void)
{
    const struct ps2_lines lines = {wire_line(KEY), wire_line(AUX), wire_line(RESET)};

    machine_make();
    ok(ps2_open(&ps2, &machine, &lines), "it opens");
}

/* The answer to a command of the controller. */
static uint32_t ask(uint32_t command)
{
    out(COMMAND, command);
    return in(DATA);
}

static void command_with(uint32_t command, uint32_t parameter)
{
    out(COMMAND, command);
    out(DATA, parameter);
}

/* The next byte is this one. */
static void next(uint32_t byte, const char *what)
{
    is_u64(in(DATA), byte, "%s", what);
}

/* What comes out is these bytes and no more. */
static void comes(const char *what, const uint8_t *bytes, uint32_t count)
{
    uint32_t i = 0;

    for (; in(STATUS)&1 && i < 64; i++) {
        uint32_t byte = in(DATA);
        if (i >= count || byte != bytes[i])
            ok(false, "%s: byte %u is 0x%x", what, i, byte);
    }
    is_u64(i, count, "%s: so many bytes", what);
}
#define COMES(what, ...) \
    comes(what, (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

#define PRESS(...) \
    ps2_key(&ps2, (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

static void test_reset_values(void)
{
    const struct ps2_lines lines = {0};

    ps2_make();
    is_u64(in(STATUS), 0x14, "tested, not locked, nothing to read");
    is_u64(ask(0x20), 0x65, "command byte: IRQ 1, translation, no second port");
    is_u64(ask(0xd0), 0x0f, "output port: no reset, A20");
    is_u64(ask(0xc0), 0x80, "input port");
    is_u64(ask(0xe0), 0, "test inputs");
    ok(!ps2_open(&ps2, &machine, &lines), "it does not open where it is already");
    out(COMMAND, 0xfe);
    is_u64(wires[RESET].rises, 0, "lines that lead nowhere");
    machine_make();
    const struct bus_range taken = {COMMAND, 1, NULL, NULL, 1};
    bus_add(&machine.ports, &taken);
    ok(!ps2_open(&ps2, &machine, &lines), "nor where one of its ports is taken");
}

static void test_ram(void)
{
    ps2_make();
    for (uint32_t i = 0; i < 32; i++)
        command_with(0x60 + i, 0x40 + i);
    for (uint32_t i = 0; i < 32; i++)
        is_u64(ask(0x20 + i), 0x40 + i, "byte %u of its memory", i);
    command_with(0x60, 0xfb);
    is_u64(in(STATUS)&4, 0, "the system flag is the command byte's");
    command_with(0x60, 0x04);
    is_u64(in(STATUS), 0x14, "and is set with it; bit 3: last was data");
    out(COMMAND, 0x20);
    is_u64(in(STATUS), 0x1d, "last was a command; there is an answer");
    out(COMMAND, 0x21);
    out(COMMAND, 0x22);
    next(4, "an answer");
    next(0x42, "of those nobody fetches the last one waits");
    is_u64(in(STATUS)&1, 0, "no more");
    out(COMMAND, 0x60);
    out(COMMAND, 0xaa);
    is_u64(in(DATA), 0x55, "a command takes the place of one that waits");
}

static void test_tests(void)
{
    ps2_make();
    command_with(0x60, 0x40);
    is_u64(ask(0xaa), 0x55, "self test");
    is_u64(ask(0x20), 0x74, "after it: both ports off, system flag");
    is_u64(ask(0xab), 0, "the keyboard's wires are fine");
    is_u64(ask(0xa9), 0, "the second port's as well");
    out(COMMAND, 0xa8);
    is_u64(ask(0x20), 0x54, "second port on");
    out(COMMAND, 0xa7);
    is_u64(ask(0x20), 0x74, "off");
    out(COMMAND, 0xae);
    is_u64(ask(0x20), 0x64, "keyboard on");
    out(COMMAND, 0xad);
    is_u64(ask(0x20), 0x74, "off");
    static const uint8_t unknown[] = {0x00, 0x1f, 0x40, 0x5f, 0x80, 0xa0, 0xa4, 0xac,
                                      0xaf, 0xbf, 0xc1, 0xcf, 0xd5, 0xdf, 0xe1, 0xef};
    for (uint32_t i = 0; i < sizeof(unknown); i++) {
        out(COMMAND, unknown[i]);
        is_u64(in(STATUS)&1, 0, "0x%x is no command", unknown[i]);
    }
}

static void test_ports(void)
{
    ps2_make();
    command_with(0xd1, 0xdd);
    is_u64(ask(0xd0), 0x0d, "A20 off");
    command_with(0xd1, 0xdf);
    out(COMMAND, 0x20);
    is_u64((in(DATA), ask(0xd0)), 0x0f, "on");
    PRESS(0x1c);
    out(COMMAND, 0xd0);
    next(0x1e, "a key in the buffer");
    next(0x1f, "shows in the output port");
    command_with(0xd3, 0);
    out(COMMAND, 0xd0);
    next(0, "a byte from the second port");
    next(0x2f, "has another bit there");
    is_u64(wires[RESET].rises, 0, "no reset so far");
    command_with(0xd1, 0xde);
    ok(wires[RESET].level, "bit 0 off is a reset");
    for (uint32_t pulse = 0xf0; pulse <= 0xff; pulse++) {
        ps2_make();
        out(COMMAND, pulse);
        is_u64(wires[RESET].rises, !(pulse & 1), "0x%x", pulse);
    }
}

static void test_interrupts(void)
{
    ps2_make();
    PRESS(0x1c);
    ok(wires[KEY].level && in(STATUS) == 0x15, "IRQ 1 while there is a byte");
    command_with(0x60, 0x44);
    ok(!wires[KEY].level, "not when it is off");
    command_with(0x60, 0x45);
    ok(wires[KEY].level, "on again");
    PRESS(0xf0, 0x1c);
    is_u64(in(DATA), 0x1e, "the key");
    ok(wires[KEY].level && wires[KEY].rises == 3, "each byte has its edge");
    is_u64(in(DATA), 0x9e, "its release");
    ok(!wires[KEY].level && in(DATA) == 0x9e, "nothing new");
    command_with(0xd2, 0x77);
    ok(wires[KEY].level && in(DATA) == 0x77, "a byte as if from the keyboard: IRQ 1");
    command_with(0x60, 0x47);
    command_with(0xd3, 0xa5);
    ok(!wires[KEY].level && wires[AUX].level, "as if from the second port: IRQ 12");
    is_u64(in(STATUS), 0x35, "and its bit in the status");
    is_u64(in(DATA), 0xa5, "the byte");
    ok(!wires[AUX].level && in(STATUS) == 0x14, "fetched");
    command_with(0xd4, 0xf2);
    ok(wires[AUX].level && in(STATUS) == 0x75, "nobody is at the second port: time-out");
    is_u64(in(DATA), 0xfe, "said by its byte too");
    command_with(0x60, 0x45);
    command_with(0xd3, 0xa5);
    ok(!wires[AUX].level && in(STATUS) == 0x35, "IRQ 12 is off");
    ps2_reset(&ps2);
    ok(!wires[AUX].level && !wires[KEY].level && in(STATUS) == 0x14, "RESET");
    PRESS(0x1c);
    ok(wires[KEY].level, "a key");
    ps2_reset(&ps2);
    ok(!wires[KEY].level, "RESET lowers its line");
}

static void test_disabled(void)
{
    ps2_make();
    out(COMMAND, 0xad);
    ok(PRESS(0x1c), "a key while its clock is held");
    is_u64(in(STATUS)&1, 0, "waits");
    is_u64(ask(0x20), 0x75, "the controller answers");
    out(COMMAND, 0xae);
    COMES("let go", 0x1e);
    out(COMMAND, 0xad);
    PRESS(0x1c);
    command_with(0x60, 0x45);
    COMES("by the command byte", 0x1e);
    out(COMMAND, 0xad);
    out(DATA, 0xee);
    COMES("or to talk to it", 0xee);
    is_u64(ask(0x20), 0x45, "which switches it on");
}

/* Raw bytes: translation off. */
static void keyboard_make(void)
{
    ps2_make();
    command_with(0x60, 0x05);
}

static void test_keyboard(void)
{
    keyboard_make();
    out(DATA, 0xff);
    COMES("reset", 0xfa, 0xaa);
    out(DATA, 0xf2);
    COMES("identify", 0xfa, 0xab, 0x83);
    out(DATA, 0xee);
    COMES("echo", 0xee);
    out(DATA, 0xed);
    COMES("LEDs", 0xfa);
    out(DATA, 7);
    COMES("their parameter", 0xfa);
    out(DATA, 0xf3);
    COMES("typematic", 0xfa);
    out(DATA, 0x2b);
    COMES("its parameter", 0xfa);
    out(DATA, 0x2b);
    COMES("no command", 0xfe);
    for (uint32_t command = 0xf7; command <= 0xfa; command++) {
        out(DATA, command);
        COMES("all keys alike", 0xfa);
    }
    static const uint8_t unknown[] = {0x00, 0xec, 0xef, 0xf1, 0xfb, 0xfc, 0xfd};
    for (uint32_t i = 0; i < sizeof(unknown); i++) {
        out(DATA, unknown[i]);
        COMES("unknown", 0xfe);
    }
    out(DATA, 0xf2);
    in(DATA);
    out(DATA, 0xfe);
    COMES("again", 0xab, 0x83, 0x83);
    out(DATA, 0xed);
    out(DATA, 0xf2);
    COMES("a command instead of a parameter", 0xfa, 0xfa, 0xab, 0x83);
    out(DATA, 0xed);
    out(DATA, 0xed);
    out(DATA, 7);
    COMES("the same again, and its parameter", 0xfa, 0xfa, 0xfa);
    out(DATA, 0xf2);
    out(DATA, 0xee);
    COMES("a command ends an answer", 0xfa, 0xee);
}

static void test_scanning(void)
{
    keyboard_make();
    out(DATA, 0xf5);
    COMES("off", 0xfa);
    ok(!PRESS(0x1c), "then keys are refused");
    out(DATA, 0xf4);
    COMES("on", 0xfa);
    ok(PRESS(0x1c), "then not");
    COMES("key", 0x1c);
    out(DATA, 0xf5);
    out(DATA, 0xf6);
    COMES("defaults", 0xfa, 0xfa);
    out(DATA, 1);
    COMES("no parameter is waited for", 0xfe);
    ok(PRESS(0x1c), "which are on");
    in(DATA);
    out(COMMAND, 0xad);
    for (uint32_t i = 0; i < 16; i++)
        ok(PRESS(0xf0, 0x1c), "key %u", i);
    ok(!PRESS(0xf0, 0x1c), "no room: nothing is taken");
    out(COMMAND, 0xae);
    uint32_t bytes = 0;
    for (; in(STATUS)&1; bytes++)
        in(DATA);
    is_u64(bytes, 32, "all that was taken came");
    for (uint32_t i = 0; i < 40; i++)
        out(DATA, 0xfe);
    for (bytes = 0; in(STATUS)&1; bytes++)
        next(0x1c, "the last byte again");
    is_u64(bytes, 33, "as often as there is room, and one that is out");
}

static void test_sets(void)
{
    keyboard_make();
    PRESS(0xe0, 0x75);
    PRESS(0xe0, 0xf0, 0x75);
    COMES("set 2", 0xe0, 0x75, 0xe0, 0xf0, 0x75);
    out(DATA, 0xf0);
    out(DATA, 0);
    COMES("which set", 0xfa, 0xfa, 2);
    out(DATA, 0xf0);
    out(DATA, 1);
    COMES("set 1", 0xfa, 0xfa);
    PRESS(0xe0, 0x75);
    PRESS(0xe0, 0xf0, 0x75);
    PRESS(0x83);
    PRESS(0xf0, 0x84);
    COMES("set 1", 0xe0, 0x48, 0xe0, 0xc8, 0x41, 0xd4);
    out(DATA, 0xf0);
    out(DATA, 3);
    COMES("set 3 there is not", 0xfa, 0xfe);
    out(DATA, 0xf0);
    out(DATA, 0);
    COMES("the set is as it was", 0xfa, 0xfa, 1);
    out(DATA, 0xf0);
    out(DATA, 2);
    COMES("set 2", 0xfa, 0xfa);
    PRESS(0x1c);
    COMES("it is", 0x1c);
    out(DATA, 0xf0);
    out(DATA, 1);
    COMES("set 1", 0xfa, 0xfa);
    out(DATA, 0xff);
    COMES("reset", 0xfa, 0xaa);
    PRESS(0x1c);
    COMES("set 2 again", 0x1c);
}

static void test_translation(void)
{
    /* Esc, F7, Alt+SysRq, A, Return, right Control, Up, keypad 5, F12, release of Shift */
    static const uint8_t codes[] = {0x76, 0x83, 0x84, 0x1c, 0x5a, 0x14, 0x75, 0x73, 0x07, 0x12};
    static const uint8_t wanted[] = {0x01, 0x41, 0x54, 0x1e, 0x1c, 0x1d, 0x48, 0x4c, 0x58, 0x2a};

    ps2_make();
    for (uint32_t i = 0; i < sizeof(codes); i++) {
        PRESS(codes[i]);
        PRESS(0xf0, codes[i]);
        COMES("pressed, released", wanted[i], wanted[i] | 0x80);
    }
    PRESS(0xe1, 0x14, 0x77, 0xe1, 0xf0, 0x14, 0xf0, 0x77);
    COMES("Pause", 0xe1, 0x1d, 0x45, 0xe1, 0x9d, 0xc5);
    out(DATA, 0xf2);
    COMES("what the keyboard says is translated", 0xfa, 0xab, 0x41);
    PRESS(0xf0);
    is_u64(in(STATUS)&1, 0, "half a code is no byte");
    out(DATA, 0xee);
    COMES("and is forgotten with a command", 0xee);
    PRESS(0x1c);
    COMES("a key is pressed", 0x1e);
}

int main(void)
{
    test_reset_values();
    test_ram();
    test_tests();
    test_ports();
    test_interrupts();
    test_disabled();
    test_keyboard();
    test_scanning();
    test_sets();
    test_translation();
    return done_testing();
}
