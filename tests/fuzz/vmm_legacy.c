/*
 * The legacy devices of a PC, whatever a guest and the host's side do with them. An input is a list
 * of operations of 8 bytes; time passes only when one says so, so that each run is the same.
 *
 * To hold: nothing outside of a device changes (the sanitizers say it), lines have the levels that
 * the registers say, nothing asks for more than it can take, and no timer is forgotten: after the
 * timers ran none is due.
 */
#include <stdlib.h>
#include <string.h>

#include "acpi_pm.h"
#include "debug_exit.h"
#include "ps2.h"
#include "reset.h"
#include "rtc.h"
#include "testdev.h"
#include "uart.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum operation {
    PORT_WRITE, /* port, value */
    PORT_READ,
    MEMORY_WRITE, /* offset, value */
    MEMORY_READ,
    DEVICE_WRITE, /* number of a port that a device has, value */
    TIME,         /* seconds, ticks */
    RECEIVE,      /* bytes */
    BREAK,
    KEY, /* bytes, code */
    BUTTON,
    RESET,
    OPERATIONS,
};

struct step {
    uint8_t operation, size; /* 1 << size % 4 bytes */
    uint16_t place;
    uint32_t value;
};

#define HZ    1000000000ull
#define LINES 32u

/* Ports that devices have: first and number. */
static const uint16_t ports[][2] = {
    {0x3f8, 8}, {0x70, 2}, {0x60, 1},  {0x64, 1},    {0x600, 12},
    {0x92, 1},  {0xf4, 4}, {0xe0, 12}, {0x2000, 24},
};

static struct machine machine;
static uint64_t now;
static bool levels[LINES];
static uint32_t offered; /* bytes that the host has for the UART */

static struct uart uart;
static struct rtc rtc;
static struct ps2 ps2;
static struct acpi_pm pm;
static struct reset reset;
static struct debug_exit debug_exit;
static struct testdev testdev;
static uint8_t memory[TESTDEV_MEMORY_SIZE];

static void require(bool holds)
{
    if (!holds)
        abort();
}

static uint64_t read_now(void)
{
    return now;
}

static void set_level(void *target, uint32_t pin, bool level)
{
    require(target == levels && pin < LINES);
    levels[pin] = level;
}

static struct line line_of(uint32_t pin)
{
    return (struct line){set_level, levels, pin};
}

static void offer(void *context)
{
    static const uint8_t bytes[64];
    uint32_t taken = uart_receive(context, bytes, offered < 64 ? offered : 64);

    require(taken <= offered && taken <= UART_FIFO);
    offered -= taken;
}

static void transmit(void *context, uint8_t byte)
{
    (void)byte;
    require(context == &uart);
}

static void asleep(void *context, uint8_t type)
{
    require(context == &pm && type < 8);
}

static void was_reset(void *context)
{
    require(context == &reset);
}

static void exited(void *context, uint32_t value)
{
    (void)value;
    require(context == &debug_exit);
}

static void machine_make(void)
{
    const struct uart_host host = {transmit, offer, &uart};
    const struct ps2_lines ps2_lines = {line_of(1), line_of(12), {reset_set, &reset, 0}};
    const struct line irq4 = line_of(4);
    const struct line irq8 = line_of(8);
    const struct line irq9 = line_of(9);
    const struct rtc_setup setup = {1700000000, 0, 1ull << 30, 1ull << 32};
    struct line lines[TESTDEV_LINES];

    now = HZ;
    offered = 0;
    memset(levels, 0, sizeof(levels));
    machine = (struct machine){.timers = {.hz = HZ, .now = read_now}};
    for (uint32_t i = 0; i < TESTDEV_LINES; i++)
        lines[i] = line_of(i % 2 ? 30 : 31);
    require(uart_open(&uart, &machine, UART_COM1, &irq4, &host));
    require(rtc_open(&rtc, &machine, &irq8, &setup));
    require(ps2_open(&ps2, &machine, &ps2_lines));
    require(acpi_pm_open(&pm, &machine, &irq9, asleep, &pm));
    require(reset_open(&reset, &machine, was_reset, &reset));
    require(debug_exit_open(&debug_exit, &machine, exited, &debug_exit));
    require(testdev_open(&testdev, &machine, lines, memory));
}

static void machine_reset(void)
{
    uart_reset(&uart);
    rtc_reset(&rtc);
    ps2_reset(&ps2);
    acpi_pm_reset(&pm);
    reset_reset(&reset);
    testdev_reset(&testdev);
    require(!levels[1] && !levels[4] && !levels[8] && !levels[9] && !levels[12]);
}

/* The monitor runs timers before the guest goes on. */
static void time_pass(uint64_t ticks)
{
    now += ticks;
    timers_run(&machine.timers);
    require(!machine.timers.first || machine.timers.first->deadline > now);
}

static uint16_t port_of(uint16_t number)
{
    const uint16_t *range = ports[number % (sizeof(ports) / sizeof(ports[0]))];

    return (uint16_t)(range[0] + (number >> 8) % range[1]);
}

static void step_do(const struct step *step)
{
    unsigned size = 1u << step->size % 4;
    const uint8_t code[] = {(uint8_t)step->value, (uint8_t)(step->value >> 8),
                            (uint8_t)(step->value >> 16), (uint8_t)(step->value >> 24)};

    switch ((enum operation)(step->operation % OPERATIONS)) {
    case PORT_WRITE:
        bus_write(&machine.ports, step->place, size, step->value);
        break;
    case PORT_READ:
        bus_read(&machine.ports, step->place, size);
        break;
    case MEMORY_WRITE:
        bus_write(&machine.memory, TESTDEV_MEMORY + step->place, size, step->value);
        break;
    case MEMORY_READ:
        bus_read(&machine.memory, TESTDEV_MEMORY + step->place, size);
        break;
    case DEVICE_WRITE:
        bus_write(&machine.ports, port_of(step->place), 1, step->value);
        bus_read(&machine.ports, port_of(step->place), size);
        break;
    case TIME:
        time_pass(step->place * HZ + step->value);
        break;
    case RECEIVE:
        offered += step->place % 256;
        offer(&uart);
        break;
    case BREAK:
        uart_receive_break(&uart);
        break;
    case KEY:
        ps2_key(&ps2, code, step->place % 5);
        break;
    case BUTTON:
        acpi_pm_power_button(&pm);
        break;
    default:
        machine_reset();
    }
}

static void state_check(void)
{
    bool full = ps2.status & 1;
    bool second = ps2.status & 0x20;

    require(levels[4] == uart.raised && uart.count <= UART_FIFO && uart.head < UART_FIFO);
    require(!offered || uart.refused);
    require(levels[8] == ((rtc.cmos[11] & rtc.cmos[12] & 0x70) != 0));
    require(rtc.weekday < 7 && rtc.index < RTC_BYTES);
    require(levels[9] == ((pm.status & pm.enable) != 0));
    require(levels[1] == (full && !second && ps2.ram[0] & 1));
    require(levels[12] == (full && second && ps2.ram[0] & 2));
    require(ps2.count <= PS2_QUEUE && ps2.head < PS2_QUEUE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct step step;

    machine_make();
    for (; size >= sizeof(step); data += sizeof(step), size -= sizeof(step)) {
        memcpy(&step, data, sizeof(step));
        step_do(&step);
        time_pass(1);
        state_check();
    }
    return 0;
}
