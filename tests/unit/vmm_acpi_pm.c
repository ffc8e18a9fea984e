/* ACPI fixed hardware, register by register (ACPI 6.4, 4.8.3.1 to 4.8.3.3). */
#include "acpi_pm.h"

#include "vmm_legacy.h"

enum { STATUS = 0x600, ENABLE = 0x602, CONTROL = 0x604, TIMER = 0x608 };

static struct acpi_pm pm;
static unsigned sleeps;
static uint8_t slept;

static void note_sleep(void *context, uint8_t type)
{
    ok(context == &pm, "the hook has its context");
    slept = type;
    sleeps++;
}

static void pm_make(void)
{
    const struct line sci = wire_line(9);

    machine_make();
    ok(acpi_pm_open(&pm, &machine, &sci, note_sleep, &pm), "it opens");
}

static uint32_t in16(uint16_t port)
{
    return (uint32_t)bus_read(&machine.ports, port, 2);
}

static void out16(uint16_t port, uint32_t value)
{
    bus_write(&machine.ports, port, 2, value);
}

static void test_registers(void)
{
    pm_make();
    const struct line sci = wire_line(9);
    ok(!acpi_pm_open(&pm, &machine, &sci, note_sleep, &pm), "once");
    is_u64(in16(STATUS), 0, "status is 0");
    is_u64(in16(ENABLE), 0, "enable is 0");
    is_u64(in16(CONTROL), 1, "SCI_EN is 1");
    is_u64(in16(0x606), 0, "the hole is 0");
    out16(ENABLE, 0xffff);
    is_u64(in16(ENABLE), 0x0521, "enable: timer, global, power button, RTC");
    out16(ENABLE, 0);
    out16(CONTROL, 0xdfff);
    is_u64(in16(CONTROL), 0x1c03, "control: BM_RLD and SLP_TYP are kept, SCI_EN stays");
    out16(CONTROL, 0);
    is_u64(in16(CONTROL), 1, "SCI_EN cannot be cleared");
    is_u64(sleeps, 0, "no SLP_EN, no sleep");
    bus_write(&machine.ports, STATUS, 4, 0x01200000);
    is_u64(in16(ENABLE), 0x0120, "status and enable at once");
    out(ENABLE, 1);
    is_u64(in16(ENABLE), 0x0101, "a byte of it");
    is_u64(bus_read(&machine.ports, ENABLE, 4), 0x00010101, "an access over two registers");
    bus_write(&machine.ports, 0x601, 4, 0xff000000);
    is_u64(in16(ENABLE), 0, "an odd one writes enable with 0");
    is_u64(in16(CONTROL), 3, "and control's low byte");
    acpi_pm_reset(&pm);
    is_u64(bus_read(&machine.ports, STATUS, 8) & 0xffffffffffff, 0x000100000000, "after RESET");
}

static void test_sleep(void)
{
    pm_make();
    sleeps = 0;
    out16(CONTROL, 5 << 10);
    is_u64(sleeps, 0, "a type alone");
    out16(CONTROL, 5 << 10 | 1 << 13);
    ok(sleeps == 1 && slept == 5, "SLP_EN: state 5");
    is_u64(in16(CONTROL), 5 << 10 | 1, "it reads as 0");
    out(CONTROL + 1, 0x20 | 7 << 2);
    ok(sleeps == 2 && slept == 7, "by the high byte alone");
    out(CONTROL, 0xff);
    is_u64(sleeps, 2, "the low byte has no SLP_EN");
    bus_write(&machine.ports, CONTROL, 4, 0x2400);
    ok(sleeps == 3 && slept == 1, "as 32 bits");
    pm.sleep = NULL;
    out16(CONTROL, 1 << 13);
    is_u64(sleeps, 3, "without a hook nothing happens");
}

static void test_button(void)
{
    pm_make();
    acpi_pm_power_button(&pm);
    is_u64(in16(STATUS), 0x100, "PWRBTN_STS");
    ok(!wires[9].level, "no SCI: it is off");
    out16(ENABLE, 0x100);
    ok(wires[9].level, "SCI: it is on");
    acpi_pm_power_button(&pm);
    ok(wires[9].level && wires[9].rises == 1, "pressed again, the same");
    out16(STATUS, 0xfeff);
    ok(wires[9].level, "other bits do not clear it");
    out(STATUS + 1, 1);
    ok(!wires[9].level && in16(STATUS) == 0, "1 clears it, and SCI goes");
    acpi_pm_power_button(&pm);
    ok(wires[9].rises == 2, "the next one");
    acpi_pm_reset(&pm);
    ok(!wires[9].level && in16(STATUS) == 0, "RESET clears it");
}

/* The first tick at which the timer has counted so far. */
static uint64_t at_count(uint64_t count)
{
    return pm.start + time_scale_up(count, ACPI_PM_HZ, HZ);
}

static void test_timer(void)
{
    uint64_t half = 1ull << 31;

    pm_make();
    is_u64(bus_read(&machine.ports, TIMER, 4), 0, "the timer begins at 0");
    now = at_count(1) - 1;
    is_u64(bus_read(&machine.ports, TIMER, 4), 0, "a tick before its first count");
    now++;
    is_u64(bus_read(&machine.ports, TIMER, 4), 1, "at it");
    now = pm.start + 3600 * HZ;
    is_u64(bus_read(&machine.ports, TIMER, 4), 3600ull * 3579545 % (1ull << 32), "after an hour");
    is_u64(in16(TIMER + 2), (uint32_t)(3600ull * 3579545) >> 16, "its high half");
    bus_write(&machine.ports, TIMER, 4, 0xffffffff);
    is_u64(bus_read(&machine.ports, TIMER, 4), (uint32_t)(3600ull * 3579545), "it is for reading");
    pm_make();
    ok(!machine.timers.first, "nobody waits for the timer");
    now = at_count(half) - 1;
    is_u64(in16(STATUS), 0, "before bit 31 changes");
    now++;
    is_u64(in16(STATUS), 1, "TMR_STS when it does, although nobody waits");
    out16(STATUS, 1);
    is_u64(in16(STATUS), 0, "it is cleared");
    now = at_count(2 * half);
    out16(STATUS, 0x100);
    is_u64(in16(STATUS), 1, "when it changes back to 0 too; other bits do not clear it");
    is_u64(bus_read(&machine.ports, TIMER, 4), 0, "at the wrap");
}

static void test_timer_interrupt(void)
{
    uint64_t half = 1ull << 31;

    pm_make();
    out16(ENABLE, 1);
    is_u64(timers_next(&machine.timers), at_count(half), "with TMR_EN there is a timer");
    run_until(at_count(half) - 1);
    ok(!wires[9].level, "not yet");
    run_until(at_count(half));
    ok(wires[9].level, "SCI at the tick");
    ok(!machine.timers.first, "no timer until it is cleared");
    now = at_count(4 * half) + 5;
    out16(STATUS, 1);
    ok(!wires[9].level, "cleared late");
    is_u64(timers_next(&machine.timers), at_count(5 * half), "the next change is the next");
    run_until(at_count(5 * half) + 12345);
    ok(wires[9].level && wires[9].rises == 2, "told late");
    out16(ENABLE, 0);
    ok(!wires[9].level && !machine.timers.first, "without TMR_EN neither SCI nor timer");
    out16(STATUS, 1);
    out16(ENABLE, 1);
    acpi_pm_reset(&pm);
    ok(!machine.timers.first, "RESET switches it off");
    is_u64(in16(STATUS), 0, "and it begins anew");
    is_u64(bus_read(&machine.ports, TIMER, 4), 0, "at 0");
}

int main(void)
{
    test_registers();
    test_sleep();
    test_button();
    test_timer();
    test_timer_interrupt();
    return done_testing();
}
