#include "uart.h"

#define CLOCK_HZ 1843200u /* 16 periods make a bit at a divisor of 1 */

enum { DATA, IER, IIR, LCR, MCR, LSR, MSR, SCRATCH, FCR = IIR, DIVISOR_LOW = DATA, DIVISOR_HIGH };

enum { IER_DATA = 1, IER_SENT = 2, IER_LINE = 4, IER_MODEM = 8, IER_BITS = 15 };
enum { IIR_MODEM = 0, IIR_NONE = 1, IIR_SENT = 2, IIR_DATA = 4, IIR_LINE = 6, IIR_STALE = 12 };
enum { IIR_FIFO = 0xc0 };
enum { FCR_ON = 1, FCR_CLEAR_RECEIVED = 2, FCR_BITS = 0xc9, FCR_LEVEL = 6 /* its shift */ };
enum { LCR_BITS = 3, LCR_STOP = 4, LCR_PARITY = 8, LCR_DIVISOR = 0x80 };
enum { MCR_OUT2 = 8, MCR_LOOP = 16, MCR_BITS = 31 };
enum { LSR_DATA = 1, LSR_OVERRUN = 2, LSR_BREAK = 16, LSR_EMPTY = 0x60, LSR_FIFO_ERROR = 0x80 };
enum { LSR_ERRORS = 0x1e };
/* The other side is there and ready: DCD, DSR, CTS. */
enum { MSR_CONNECTED = 0xb0, MSR_RING = 0x40, MSR_DELTAS = 15 };

static uint32_t room(const struct uart *uart)
{
    return (uart->fcr & FCR_ON ? UART_FIFO : 1) - uart->count;
}

/* Characters at which the guest wants to know: one without FIFOs. */
static uint32_t level(const struct uart *uart)
{
    static const uint8_t levels[] = {1, 4, 8, 14};

    return levels[uart->fcr >> FCR_LEVEL];
}

/* The most urgent interrupt (data sheet, table IV). */
static uint8_t reason(const struct uart *uart)
{
    if (uart->ier & IER_LINE && uart->lsr & LSR_ERRORS)
        return IIR_LINE;
    if (uart->ier & IER_DATA && uart->count >= level(uart))
        return IIR_DATA;
    if (uart->ier & IER_DATA && uart->stale)
        return IIR_STALE;
    if (uart->ier & IER_SENT && uart->sent)
        return IIR_SENT;
    if (uart->ier & IER_MODEM && uart->msr & MSR_DELTAS)
        return IIR_MODEM;
    return IIR_NONE;
}

/* In loopback OUT2 is inactive at its pin, which in a PC opens the way to the interrupt line. */
static void irq_update(struct uart *uart)
{
    bool raised = (uart->mcr & (MCR_OUT2 | MCR_LOOP)) == MCR_OUT2 && reason(uart) != IIR_NONE;

    if (raised == uart->raised)
        return;
    uart->raised = raised;
    line_set(&uart->irq, raised);
}

/* Four characters' time after the FIFO was last touched, what is in it is said to be stale. */
static void timer_update(struct uart *uart)
{
    bool waits = uart->ier & IER_DATA && uart->count && uart->count < level(uart) && !uart->stale;
    uint64_t deadline = 0;

    if (waits) {
        uint32_t bits = 7u + (uart->lcr & LCR_BITS);
        bits += (uart->lcr & LCR_STOP ? 1u : 0) + (uart->lcr & LCR_PARITY ? 1u : 0);
        uint64_t divisor = uart->divisor ? uart->divisor : 0x10000;
        deadline = uart->touched +
                   time_scale_up(4ull * bits * 16 * divisor, CLOCK_HZ, uart->machine->timers.hz);
    }
    if (deadline != uart->timer.deadline)
        timer_set(&uart->machine->timers, &uart->timer, deadline);
}

static void update(struct uart *uart)
{
    timer_update(uart);
    irq_update(uart);
}

static void timed_out(void *device, uint64_t deadline)
{
    struct uart *uart = device;

    (void)deadline;
    uart->stale = true;
    update(uart);
}

static void touch(struct uart *uart)
{
    uart->touched = uart->machine->timers.now();
    uart->stale = false;
}

/* The host may go on: it is told when all was read, so that it fills the FIFO at once. */
static void host_wake(struct uart *uart)
{
    if (!uart->refused || uart->count || uart->mcr & MCR_LOOP)
        return;
    uart->refused = false;
    if (uart->host.room)
        uart->host.room(uart->host.context);
}

/* The errors of a character show in LSR when it is the next one to be read. */
static void received_show(struct uart *uart)
{
    if (uart->count)
        uart->lsr |= (uint8_t)(uart->fifo[uart->head] >> 8);
}

/* With FIFOs what comes too much is lost, without them what was there before. */
static void received_add(struct uart *uart, uint16_t character)
{
    if (!room(uart)) {
        uart->lsr |= LSR_OVERRUN;
        if (uart->fcr & FCR_ON)
            return;
        uart->count = 0;
    }
    uart->fifo[(uart->head + uart->count++) % UART_FIFO] = character;
    if (uart->count == 1)
        received_show(uart);
}

static uint8_t received_take(struct uart *uart)
{
    if (!uart->count)
        return 0;
    uint8_t byte = (uint8_t)uart->fifo[uart->head];
    uart->head = (uart->head + 1) % UART_FIFO;
    uart->count--;
    received_show(uart);
    touch(uart);
    update(uart);
    host_wake(uart);
    return byte;
}

uint32_t uart_receive(struct uart *uart, const uint8_t *bytes, uint32_t count)
{
    uint32_t taken = 0;

    if (!(uart->mcr & MCR_LOOP))
        while (taken < count && room(uart))
            received_add(uart, bytes[taken++]);
    uart->refused |= taken < count;
    if (taken) {
        touch(uart);
        update(uart);
    }
    return taken;
}

bool uart_receive_break(struct uart *uart)
{
    if (uart->mcr & MCR_LOOP || !room(uart))
        return false;
    received_add(uart, LSR_BREAK << 8);
    touch(uart);
    update(uart);
    return true;
}

static uint8_t identification_read(struct uart *uart)
{
    uint8_t value = reason(uart);

    if (value == IIR_SENT) {
        uart->sent = false;
        irq_update(uart);
    }
    return value | (uart->fcr & FCR_ON ? IIR_FIFO : 0);
}

static uint8_t line_status_read(struct uart *uart)
{
    uint8_t value = uart->lsr | LSR_EMPTY | (uart->count ? LSR_DATA : 0);

    for (uint32_t i = 0; uart->fcr & FCR_ON && i < uart->count; i++)
        if (uart->fifo[(uart->head + i) % UART_FIFO] >> 8)
            value |= LSR_FIFO_ERROR;
    if (uart->lsr) {
        uart->fifo[uart->head] &= 0xff;
        uart->lsr = 0;
        irq_update(uart);
    }
    return value;
}

static uint8_t modem_status_read(struct uart *uart)
{
    uint8_t value = uart->msr;

    uart->msr &= 0xff & ~MSR_DELTAS;
    irq_update(uart);
    return value;
}

static uint64_t uart_read(void *device, uint64_t offset, unsigned size)
{
    struct uart *uart = device;
    bool divisor = uart->lcr & LCR_DIVISOR;

    (void)size;
    switch (offset) {
    case DATA:
        return divisor ? (uint8_t)uart->divisor : received_take(uart);
    case IER:
        return divisor ? uart->divisor >> 8 : uart->ier;
    case IIR:
        return identification_read(uart);
    case LCR:
        return uart->lcr;
    case MCR:
        return uart->mcr;
    case LSR:
        return line_status_read(uart);
    case MSR:
        return modem_status_read(uart);
    default:
        return uart->scratch;
    }
}

static void data_write(struct uart *uart, uint8_t byte)
{
    uart->sent = true;
    if (uart->mcr & MCR_LOOP) {
        received_add(uart, byte);
        touch(uart);
        timer_update(uart);
    } else if (uart->host.transmit) {
        uart->host.transmit(uart->host.context, byte);
    }
    irq_update(uart);
}

/* The transmitter is always empty, so that to ask for its interrupt is to have it. */
static void interrupts_write(struct uart *uart, uint8_t value)
{
    uart->sent |= value & ~uart->ier & IER_SENT;
    uart->ier = value & IER_BITS;
    update(uart);
}

/* Without bit 0 nothing else is programmed, and to change it clears the FIFO. */
static void fifo_write(struct uart *uart, uint8_t value)
{
    bool changes = (value ^ uart->fcr) & FCR_ON;

    if (changes || value & FCR_CLEAR_RECEIVED) {
        uart->count = 0;
        uart->stale = false;
    }
    uart->fcr = value & FCR_ON ? value & FCR_BITS : 0;
    update(uart);
    host_wake(uart);
}

/* In loopback the four outputs are the four inputs: DTR is DSR, RTS CTS, OUT1 RI, OUT2 DCD. */
static void modem_write(struct uart *uart, uint8_t value)
{
    uint8_t before = uart->msr;
    uint8_t inputs = MSR_CONNECTED;

    uart->mcr = value & MCR_BITS;
    if (uart->mcr & MCR_LOOP)
        inputs = (uint8_t)((value & 1) << 5 | (value & 2) << 3 | (value & 12) << 4);
    uint8_t changed = (before ^ inputs) & (0xff & ~MSR_DELTAS);
    if (inputs & MSR_RING)
        changed &= 0xff & ~MSR_RING; /* only its end counts */
    uart->msr = inputs | (before & MSR_DELTAS) | changed >> 4;
    irq_update(uart);
    host_wake(uart);
}

static void uart_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    struct uart *uart = device;
    bool divisor = uart->lcr & LCR_DIVISOR;

    (void)size;
    switch (offset) {
    case DATA:
        if (divisor)
            uart->divisor = (uart->divisor & 0xff00) | (uint8_t)value;
        else
            data_write(uart, (uint8_t)value);
        break;
    case IER:
        if (divisor)
            uart->divisor = (uint16_t)(value << 8) | (uart->divisor & 0xff);
        else
            interrupts_write(uart, (uint8_t)value);
        break;
    case FCR:
        fifo_write(uart, (uint8_t)value);
        break;
    case LCR:
        uart->lcr = (uint8_t)value;
        break;
    case MCR:
        modem_write(uart, (uint8_t)value);
        break;
    case SCRATCH:
        uart->scratch = (uint8_t)value;
        break;
    default: /* LSR and MSR are for reading; the chip's makers write there in tests */
        break;
    }
}

/* Data sheet, table III; the divisor, which RESET leaves alone, is 1: 115,200 bits a second. */
void uart_reset(struct uart *uart)
{
    uart->ier = uart->fcr = uart->lcr = uart->mcr = uart->lsr = uart->scratch = 0;
    uart->msr = MSR_CONNECTED;
    uart->divisor = 1;
    uart->sent = uart->stale = uart->raised = false;
    uart->head = uart->count = 0;
    timer_update(uart);
    line_set(&uart->irq, false);
    host_wake(uart);
}

bool uart_open(struct uart *uart, struct machine *machine, uint16_t port, const struct line *irq,
               const struct uart_host *host)
{
    static const struct bus_operations operations = {uart_read, uart_write};
    const struct bus_range range = {port, UART_PORTS, &operations, uart, 1};

    *uart = (struct uart){.machine = machine, .irq = *irq, .host = *host};
    uart->timer = (struct timer){.fire = timed_out, .device = uart};
    uart_reset(uart);
    return bus_add(&machine->ports, &range);
}
