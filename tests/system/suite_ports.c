/* The I/O ports of the first program: those it was given work. Refusals are fault cases. */
#include "cpu.h"
#include "suites.h"
#include "tap.h"
#include "uart.h"

static void check_table(const struct machine *m)
{
    const struct boot_ports *p;
    bool inside = true;
    uint32_t ports = 0;

    for (uint32_t i = 0; (p = machine_ports(m, i)); i++) {
        inside = inside && p->count > 0 && p->base + (uint32_t)p->count <= 0x10000;
        inside = inside && (p->kind == PORTS_COM1 || p->kind == PORTS_PM_TIMER);
        ports += p->count;
    }
    tap_ok(inside, "ranges are of known kinds and end within 64 Ki ports");
    tap_equal(ports, 8 + 4, "8 ports of COM1 and 4 of the PM timer, no more");
    tap_equal(machine_port(m, PORTS_COM1), UART_BASE, "COM1 is at 0x3f8");
}

static void check_uart(void)
{
    uint8_t saved = port_read8(UART_SCRATCH);
    bool kept = true;

    for (unsigned i = 0; i < 256; i++) {
        port_write8(UART_SCRATCH, (uint8_t)i);
        kept = kept && port_read8(UART_SCRATCH) == i;
    }
    port_write8(UART_SCRATCH, saved);
    tap_ok(kept, "COM1's scratch register keeps what is written");
    for (uint16_t port = UART_BASE + 1; port < UART_BASE + 8; port++) {
        (void)port_read8(port);
    }
    tap_ok(true, "COM1's registers can be read");
    tap_ok(port_read8(UART_LSR) != 0xff, "COM1 answers");
}

void suite_ports(const struct machine *m)
{
    check_table(m);
    check_uart();
}
