/*
 * Ports that are open in a VM: its guests use them without an exit, others' do not; and from when
 * they are closed on they exit, also where the guest runs on another CPU.
 */
#include "monitor.h"
#include "ranges.h"
#include "suites.h"
#include "uart.h"

enum {
    GRANT = TEST_SELECTORS, /* of the range of COM1 */
};

/* Exits of the guest `scratch` where its port is closed, and where it is open. */
#define EXITS_CLOSED 5u
#define EXITS_OPEN   3u

static uint64_t exits_of(struct monitor *m)
{
    *(volatile uint32_t *)monitor_at(m, TINY_DATA) = 0;
    port_write8(UART_SCRATCH, 0);
    return monitor_run(m, &tiny_scratch, 0, NULL) ? m->vcpus[0].exits : 0;
}

static void check_open(struct monitor *m)
{
    const struct monitor_exit *log = m->vcpus[0].log;

    tap_equal(exits_of(m), EXITS_OPEN, "open: no exit");
    tap_equal(log[1].qualification & EXIT_IO_PORT, UART_SCRATCH - 1, "but of the port beside it");
    tap_equal(*(volatile uint32_t *)monitor_at(m, TINY_DATA), 0x5a,
              "the guest reads what it wrote");
    tap_equal(port_read8(UART_SCRATCH), 0x5a, "as does this program");
}

static void check_closed(struct monitor *m)
{
    tap_equal(exits_of(m), EXITS_CLOSED, "closed: each access is an exit");
    tap_equal(port_read8(UART_SCRATCH), 0, "and reaches nothing");
}

static void check_calls(struct monitor *m)
{
    uint32_t vm = monitor_vm(m);

    check_closed(m);
    tap_equal(ports_open(SELECTOR_PORTS, vm, UART_SCRATCH, 1), STATUS_SUCCESS,
              "the port is opened");
    check_open(m);
    tap_equal(ports_open(SELECTOR_PORTS, vm, UART_SCRATCH, 1), STATUS_IN_USE, "it is open");
    if (monitor_open(1, TINY_BYTES)) {
        check_closed(&monitors[1]);
        check_open(m);
    }
    monitor_close(&monitors[1]);
    tap_equal(ports_close(SELECTOR_PORTS, vm, UART_SCRATCH), STATUS_SUCCESS, "it is closed");
    check_closed(m);
}

static void check_revoked(struct monitor *m)
{
    tap_equal(capability_delegate(SELECTOR_PD, GRANT, SELECTOR_PORTS, RIGHTS_ALL).status,
              STATUS_SUCCESS, "a grant of the ports");
    tap_equal(ports_open(GRANT, monitor_vm(m), UART_SCRATCH, 1), STATUS_SUCCESS,
              "the port is opened by it");
    check_open(m);
    tap_equal(capability_revoke(GRANT, REVOKE_SELF), STATUS_SUCCESS, "the grant is revoked");
    check_closed(m);
}

/* It runs, on the last CPU, while the port is closed: it is at its monitor then, and stays there.
 */
static void check_running(struct monitor *m, uint32_t cpu)
{
    struct monitor_vcpu *v = &m->vcpus[0];
    volatile uint32_t *count = (volatile uint32_t *)monitor_at(m, TINY_DATA);

    *count = 0;
    tap_equal(ports_open(SELECTOR_PORTS, monitor_vm(m), UART_SCRATCH, 1), STATUS_SUCCESS,
              "the port is opened");
    if (tap_ok(monitor_add(m, 0, cpu, 0), "a VCPU")) {
        v->mode = tiny_scratches.mode;
        v->answer = NULL;
        monitor_load(m, &tiny_scratches);
        tap_ok(monitor_start(v, PRIORITY_LOW), "it starts");
        for (unsigned i = 0; i < 20000 && *count < 10; i++) {
            world_sleep(world.millisecond);
        }
        tap_ok(*count >= 10, "its guest uses the port");
        tap_equal(v->exits, 1, "without an exit");
        tap_equal(ports_close(SELECTOR_PORTS, monitor_vm(m), UART_SCRATCH), STATUS_SUCCESS,
                  "the port is closed");
        port_write8(UART_SCRATCH, 0);
        for (unsigned i = 0; i < 20000 && v->exits < 10; i++) {
            world_sleep(world.millisecond);
        }
        tap_ok(v->exits >= 10, "its guest exits");
        tap_equal(v->log[1].reason, EXIT_IO, "for the port");
        tap_equal(port_read8(UART_SCRATCH), 0, "which it does not reach any more");
    }
    tap_ok(monitor_remove(v), "it goes");
}

void suite_guest_ports(const struct machine *m)
{
    if (!monitor_possible(m)) {
        return;
    }
    uint64_t before = world_free();
    if (monitor_open(0, TINY_BYTES)) {
        check_calls(&monitors[0]);
        check_revoked(&monitors[0]);
        check_running(&monitors[0], 0);
        if (m->info->cpus.count > 1) {
            check_running(&monitors[0], 1);
        }
        tap_equal(ports_open(SELECTOR_PORTS, monitor_vm(&monitors[0]), UART_SCRATCH, 1),
                  STATUS_SUCCESS, "open when the VM goes");
    }
    monitor_close(&monitors[0]);
    world_balance(before);
}
