/* Port 0x92 and the line that resets, and the debug-exit port. */
#include "reset.h"

#include "debug_exit.h"
#include "vmm_legacy.h"

static unsigned resets;

static void count_reset(void *context)
{
    ok(context == &resets, "the hook has its context");
    resets++;
}

static void test_port_92(void)
{
    static struct reset reset;
    const struct line line = {reset_set, &reset, 7};

    machine_make();
    ok(reset_open(&reset, &machine, count_reset, &resets), "it opens");
    ok(!reset_open(&reset, &machine, count_reset, &resets), "not where it is already");
    is_u64(in(0x92), 2, "A20 is open");
    out(0x92, 0);
    is_u64(in(0x92), 0, "A20 can be closed");
    out(0x92, 0xfe);
    is_u64(in(0x92), 2, "the other bits cannot be set");
    is_u64(resets, 0, "nothing was reset");
    out(0x92, 3);
    is_u64(resets, 1, "bit 0 resets when it becomes 1");
    is_u64(in(0x92), 3, "and stays");
    out(0x92, 3);
    is_u64(resets, 1, "not while it is 1");
    reset_reset(&reset);
    is_u64(in(0x92), 2, "as after RESET");
    out(0x92, 1);
    is_u64(resets, 2, "again");
    bus_write(&machine.ports, 0x92, 2, 0);
    is_u64(in(0x92), 1, "an access that leaves the port is none of it");
    line_set(&line, false);
    is_u64(resets, 2, "the line is low");
    line_set(&line, true);
    is_u64(resets, 3, "it resets when it is high");
}

static void test_without_hook(void)
{
    static struct reset reset;

    machine_make();
    ok(reset_open(&reset, &machine, NULL, NULL), "without a hook");
    out(0x92, 1);
    is_u64(in(0x92), 1, "the bit is set and nothing happens");
}

static uint32_t exited;
static unsigned exits;

static void note_exit(void *context, uint32_t value)
{
    ok(context == &exits, "the hook has its context");
    exited = value;
    exits++;
}

static void test_debug_exit(void)
{
    static struct debug_exit device;

    machine_make();
    ok(debug_exit_open(&device, &machine, note_exit, &exits), "debug exit");
    ok(!debug_exit_open(&device, &machine, note_exit, &exits), "once");
    is_u64(bus_read(&machine.ports, 0xf4, 4), 0, "reads give 0");
    is_u64(in(0xf7), 0, "at its last port too");
    is_u64(in(0xf8), 0xff, "which that is");
    is_u64(exits, 0, "to read is not to exit");
    out(0xf4, 0x1ff);
    ok(exits == 1 && exited == 0xff, "a byte");
    bus_write(&machine.ports, 0xf4, 2, 0x12345);
    ok(exits == 2 && exited == 0x2345, "two");
    bus_write(&machine.ports, 0xf4, 4, 0xdeadbeef);
    ok(exits == 3 && exited == 0xdeadbeef, "four, as one value");
    out(0xf7, 0);
    ok(exits == 4 && exited == 0, "0 is a value too");
    bus_write(&machine.ports, 0xf6, 4, 1);
    is_u64(exits, 4, "an access that leaves the ports is none");
    device.exit = NULL;
    out(0xf4, 1);
    is_u64(exits, 4, "without a hook nothing happens");
}

int main(void)
{
    test_port_92();
    test_without_hook();
    test_debug_exit();
    return done_testing();
}
