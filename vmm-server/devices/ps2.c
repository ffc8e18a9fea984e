#include "ps2.h"

#include <string.h>

enum { OUT_FULL = 1, SYSTEM = 4, WAS_COMMAND = 8, UNLOCKED = 0x10, OUT_AUX = 0x20 };
enum { OUT_TIMEOUT = 0x40 }; /* bits of the status register; */
/* of the command byte, */
enum { KEY_IRQ = 1, AUX_IRQ = 2, KEY_OFF = 0x10, AUX_OFF = 0x20, TRANSLATE = 0x40 };
/* and of the output port. */
enum { PORT_RUN = 1, PORT_A20 = 2, PORT_KEY_FULL = 0x10, PORT_AUX_FULL = 0x20 };

/* Commands of the controller: memory is 32 bytes each, pulses end the list; */
enum { READ_RAM = 0x20, WRITE_RAM = 0x60, DISABLE_AUX = 0xa7, ENABLE_AUX, TEST_AUX, TEST_SELF };
enum { TEST_KEYBOARD = 0xab, DISABLE_KEYBOARD = 0xad, ENABLE_KEYBOARD, READ_INPUT_PORT = 0xc0 };
enum { READ_OUTPUT_PORT = 0xd0, WRITE_OUTPUT_PORT, WRITE_KEYBOARD_BUFFER, WRITE_AUX_BUFFER };
enum { WRITE_AUX = 0xd4, READ_TEST_INPUTS = 0xe0, PULSE = 0xf0 };
/* and of the keyboard: those to set all keys are four, of scan code set 3. */
enum { SET_LEDS = 0xed, ECHO, SET_CODES = 0xf0, IDENTIFY = 0xf2, SET_TYPEMATIC, ENABLE, DISABLE };
enum { SET_DEFAULTS = 0xf6, SET_ALL_KEYS, SEND_AGAIN = 0xfe, RESET };

enum { ACKNOWLEDGE = 0xfa, BAD = 0xfe, PASSED = 0xaa, SELF_PASSED = 0x55, BREAK = 0xf0 };

/* Scan codes of set 1 by those of set 2: what the controller's translation does. */
static const uint8_t set_1[0x80] = {
    0xff, 0x43, 0x41, 0x3f, 0x3d, 0x3b, 0x3c, 0x58, 0x64, 0x44, 0x42, 0x40, 0x3e, 0x0f, 0x29, 0x59,
    0x65, 0x38, 0x2a, 0x70, 0x1d, 0x10, 0x02, 0x5a, 0x66, 0x71, 0x2c, 0x1f, 0x1e, 0x11, 0x03, 0x5b,
    0x67, 0x2e, 0x2d, 0x20, 0x12, 0x05, 0x04, 0x5c, 0x68, 0x39, 0x2f, 0x21, 0x14, 0x13, 0x06, 0x5d,
    0x69, 0x31, 0x30, 0x23, 0x22, 0x15, 0x07, 0x5e, 0x6a, 0x72, 0x32, 0x24, 0x16, 0x08, 0x09, 0x5f,
    0x6b, 0x33, 0x25, 0x17, 0x18, 0x0b, 0x0a, 0x60, 0x6c, 0x34, 0x35, 0x26, 0x27, 0x19, 0x0c, 0x61,
    0x6d, 0x73, 0x28, 0x74, 0x1a, 0x0d, 0x62, 0x6e, 0x3a, 0x36, 0x1c, 0x1b, 0x75, 0x2b, 0x63, 0x76,
    0x55, 0x56, 0x77, 0x78, 0x79, 0x7a, 0x0e, 0x7b, 0x7c, 0x4f, 0x7d, 0x4b, 0x47, 0x7e, 0x7f, 0x6f,
    0x52, 0x53, 0x50, 0x4c, 0x4d, 0x48, 0x01, 0x45, 0x57, 0x4e, 0x51, 0x4a, 0x37, 0x49, 0x46, 0x54,
};

static uint8_t translate(uint8_t code)
{
    if (code < sizeof(set_1))
        return set_1[code];
    return code == 0x83 ? 0x41 : code == 0x84 ? 0x54 : code;
}

/* --- the output buffer --- */

static void lines_update(struct ps2 *ps2)
{
    bool full = ps2->status & OUT_FULL;
    bool aux = ps2->status & OUT_AUX;

    line_set(&ps2->lines.keyboard, full && !aux && ps2->ram[0] & KEY_IRQ);
    line_set(&ps2->lines.auxiliary, full && aux && ps2->ram[0] & AUX_IRQ);
}

/* The next byte from the keyboard as the guest shall see it; false: there is none. */
static bool keyboard_next(struct ps2 *ps2, uint8_t *byte)
{
    bool found = false;

    while (!found && ps2->count) {
        *byte = ps2->queue[ps2->head];
        ps2->head = (ps2->head + 1) % PS2_QUEUE;
        ps2->count--;
        found = true;
        if (!(ps2->ram[0] & TRANSLATE))
            continue;
        found = *byte != BREAK; /* it becomes bit 7 of the code that follows */
        if (found)
            *byte = translate(*byte) | (ps2->broken ? 0x80 : 0);
        ps2->broken = !found;
    }
    return found;
}

/* Fills the output buffer if it is empty: the controller's own answers first. */
static void output_fill(struct ps2 *ps2)
{
    if (ps2->status & OUT_FULL)
        return;
    ps2->status &= 0xff & ~(OUT_AUX | OUT_TIMEOUT);
    if (ps2->answer) {
        ps2->output = (uint8_t)ps2->answer;
        ps2->status |= (uint8_t)(ps2->answer >> 8);
        ps2->answer = 0;
    } else if (!(ps2->ram[0] & KEY_OFF) && keyboard_next(ps2, &ps2->output)) {
        ps2->status |= OUT_FULL;
    }
    lines_update(ps2);
}

/* flags: OUT_AUX and OUT_TIMEOUT. An answer that was not fetched before the next is lost. */
static void answer(struct ps2 *ps2, uint8_t byte, uint8_t flags)
{
    ps2->answer = (uint16_t)((OUT_FULL | flags) << 8 | byte);
    output_fill(ps2);
}

static uint8_t output_read(struct ps2 *ps2)
{
    uint8_t byte = ps2->output;

    ps2->status &= 0xff & ~OUT_FULL;
    lines_update(ps2); /* each byte is an edge of its own */
    output_fill(ps2);
    return byte;
}

/* --- the keyboard --- */

/* What does not fit is lost: nobody has fetched the PS2_QUEUE bytes before it. */
static void keyboard_send(struct ps2 *ps2, uint8_t byte)
{
    if (ps2->count == PS2_QUEUE)
        return;
    ps2->queue[(ps2->head + ps2->count++) % PS2_QUEUE] = byte;
    ps2->last = byte;
}

static void keyboard_default(struct ps2 *ps2, bool scanning)
{
    ps2->set = 2;
    ps2->scanning = scanning;
    ps2->keyboard = 0;
}

static void keyboard_parameter(struct ps2 *ps2, uint8_t value)
{
    uint8_t command = ps2->keyboard;

    ps2->keyboard = 0;
    if (command != SET_CODES) {
        keyboard_send(ps2, ACKNOWLEDGE); /* LEDs and repetition: the host's keyboard has them */
    } else if (value > 2) {
        keyboard_send(ps2, BAD); /* there is no set 3 */
    } else {
        keyboard_send(ps2, ACKNOWLEDGE);
        if (value)
            ps2->set = value;
        else
            keyboard_send(ps2, ps2->set);
    }
}

static void keyboard_command(struct ps2 *ps2, uint8_t command)
{
    if (command == SEND_AGAIN) {
        keyboard_send(ps2, ps2->last);
        return;
    }
    ps2->head = ps2->count = 0; /* a command ends what was being sent */
    ps2->broken = false;
    if (command == ECHO || command < SET_LEDS || command == 0xef || command == 0xf1 ||
        (command > SET_ALL_KEYS + 3 && command != RESET)) {
        keyboard_send(ps2, command == ECHO ? ECHO : BAD);
        return;
    }
    keyboard_send(ps2, ACKNOWLEDGE);
    switch (command) {
    case SET_LEDS:
    case SET_CODES:
    case SET_TYPEMATIC:
        ps2->keyboard = command;
        break;
    case IDENTIFY:
        keyboard_send(ps2, 0xab);
        keyboard_send(ps2, 0x83);
        break;
    case ENABLE:
        ps2->scanning = true;
        break;
    case DISABLE:
    case SET_DEFAULTS:
        keyboard_default(ps2, command != DISABLE);
        break;
    case RESET:
        keyboard_default(ps2, true);
        keyboard_send(ps2, PASSED);
        break;
    default:
        break;
    }
}

bool ps2_key(struct ps2 *ps2, const uint8_t *code, uint32_t size)
{
    bool released = false;

    if (!ps2->scanning || size > PS2_QUEUE - ps2->count)
        return false;
    for (uint32_t i = 0; i < size; i++) {
        if (ps2->set == 2) {
            keyboard_send(ps2, code[i]);
        } else if (code[i] != BREAK) {
            keyboard_send(ps2, translate(code[i]) | (released ? 0x80 : 0));
        }
        released = code[i] == BREAK;
    }
    output_fill(ps2);
    return true;
}

/* --- the controller --- */

static void port_write(struct ps2 *ps2, uint8_t value)
{
    ps2->port = value & 0x0f;
    if (!(value & PORT_RUN))
        line_set(&ps2->lines.reset, true);
}

static uint8_t port_read(const struct ps2 *ps2)
{
    uint8_t full = ps2->status & OUT_AUX ? PORT_AUX_FULL : PORT_KEY_FULL;

    return ps2->port | (ps2->status & OUT_FULL ? full : 0);
}

static void ram_write(struct ps2 *ps2, uint8_t index, uint8_t value)
{
    ps2->ram[index] = value;
    if (index)
        return;
    ps2->status = (uint8_t)((ps2->status & ~SYSTEM) | (value & SYSTEM));
    lines_update(ps2);
    output_fill(ps2);
}

static void command_write(struct ps2 *ps2, uint8_t command)
{
    uint8_t *mode = &ps2->ram[0];

    ps2->status |= WAS_COMMAND;
    ps2->command = 0;
    if (command >= PULSE) {
        if (!(command & PORT_RUN))
            line_set(&ps2->lines.reset, true);
        return;
    }
    switch (command) {
    case READ_RAM ... READ_RAM + 31:
        answer(ps2, ps2->ram[command - READ_RAM], 0);
        break;
    case WRITE_RAM ... WRITE_RAM + 31:
    case WRITE_OUTPUT_PORT ... WRITE_AUX:
        ps2->command = command;
        break;
    case DISABLE_AUX:
        *mode |= AUX_OFF;
        break;
    case ENABLE_AUX:
        *mode &= 0xff & ~AUX_OFF;
        break;
    case TEST_SELF:
        ram_write(ps2, 0, *mode | SYSTEM | KEY_OFF | AUX_OFF);
        answer(ps2, SELF_PASSED, 0);
        break;
    case TEST_AUX:
    case TEST_KEYBOARD:
    case READ_TEST_INPUTS:
        answer(ps2, 0, 0);
        break;
    case DISABLE_KEYBOARD:
        *mode |= KEY_OFF;
        break;
    case ENABLE_KEYBOARD:
        *mode &= 0xff & ~KEY_OFF;
        output_fill(ps2);
        break;
    case READ_INPUT_PORT:
        answer(ps2, 0x80, 0); /* not locked */
        break;
    case READ_OUTPUT_PORT:
        answer(ps2, port_read(ps2), 0);
        break;
    default: /* no command of this controller: there is no answer */
        break;
    }
}

static void data_write(struct ps2 *ps2, uint8_t value)
{
    uint8_t command = ps2->command;

    ps2->status &= 0xff & ~WAS_COMMAND;
    ps2->command = 0;
    switch (command) {
    case WRITE_RAM ... WRITE_RAM + 31:
        ram_write(ps2, command - WRITE_RAM, value);
        break;
    case WRITE_OUTPUT_PORT:
        port_write(ps2, value);
        break;
    case WRITE_KEYBOARD_BUFFER:
        answer(ps2, value, 0);
        break;
    case WRITE_AUX_BUFFER:
        answer(ps2, value, OUT_AUX);
        break;
    case WRITE_AUX: /* nobody clocks the byte in */
        answer(ps2, BAD, OUT_AUX | OUT_TIMEOUT);
        break;
    default: /* for the keyboard, which is let talk to answer */
        ps2->ram[0] &= 0xff & ~KEY_OFF;
        if (ps2->keyboard && value < SET_LEDS)
            keyboard_parameter(ps2, value);
        else
            keyboard_command(ps2, value);
        output_fill(ps2);
    }
}

static uint64_t ps2_read(void *device, uint64_t offset, unsigned size)
{
    (void)offset;
    (void)size;
    return output_read(device);
}

static void ps2_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    (void)offset;
    (void)size;
    data_write(device, (uint8_t)value);
}

static uint64_t status_read(void *device, uint64_t offset, unsigned size)
{
    const struct ps2 *ps2 = device;

    (void)offset;
    (void)size;
    return ps2->status;
}

static void status_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    (void)offset;
    (void)size;
    command_write(device, (uint8_t)value);
}

/* As firmware leaves it: tested, translating, interrupts of the keyboard on. */
void ps2_reset(struct ps2 *ps2)
{
    const struct ps2 fresh = {.machine = ps2->machine,
                              .lines = ps2->lines,
                              .ram = {KEY_IRQ | SYSTEM | AUX_OFF | TRANSLATE},
                              .status = SYSTEM | UNLOCKED,
                              .port = 0x0c | PORT_A20 | PORT_RUN,
                              .last = PASSED};

    *ps2 = fresh;
    keyboard_default(ps2, true);
    lines_update(ps2);
}

bool ps2_open(struct ps2 *ps2, struct machine *machine, const struct ps2_lines *lines)
{
    static const struct bus_operations data = {ps2_read, ps2_write};
    static const struct bus_operations command = {status_read, status_write};
    const struct bus_range data_range = {PS2_DATA, 1, &data, ps2, 1};
    const struct bus_range command_range = {PS2_COMMAND, 1, &command, ps2, 1};

    ps2->machine = machine;
    ps2->lines = *lines;
    ps2_reset(ps2);
    return bus_add(&machine->ports, &data_range) && bus_add(&machine->ports, &command_range);
}
