/* The 16550A, register by register (PC16550D data sheet). */
#include "uart.h"

#include "vmm_legacy.h"

enum { DATA = 0x3f8, IER, IIR, LCR, MCR, LSR, MSR, SCRATCH, FCR = IIR };
enum { IRQ = 4, OUT2 = 8, LOOP = 16 };

static struct uart uart;
static uint8_t sent[256];
static unsigned sent_count, rooms;

static void note_byte(void *context, uint8_t byte)
{
    ok(context == &uart, "the hook has its context");
    sent[sent_count++ % sizeof(sent)] = byte;
}

static void note_room(void *context)
{
    (void)context;
    rooms++;
}

/* With interrupts let through, and so much of IER and FCR. */
static void uart_make(uint32_t ier, uint32_t fcr)
{
    const struct line irq = wire_line(IRQ);
    const struct uart_host host = {note_byte, note_room, &uart};

    machine_make();
    sent_count = rooms = 0;
    ok(uart_open(&uart, &machine, 0x3f8, &irq, &host), "it opens");
    out(MCR, OUT2);
    out(FCR, fcr);
    out(IER, ier);
}

static uint32_t receive(const char *text)
{
    return uart_receive(&uart, (const uint8_t *)text, (uint32_t)strlen(text));
}

static void test_reset_values(void)
{
    static const uint8_t values[] = {0, 0, 1, 0, OUT2, 0x60, 0xb0, 0};
    const struct line irq = wire_line(IRQ);
    const struct uart_host none = {0};

    uart_make(0, 0);
    for (uint16_t i = 0; i < 8; i++)
        is_u64(in(DATA + i), values[i], "register %u", i);
    ok(!uart_open(&uart, &machine, 0x3f1, &irq, &none) &&
           !uart_open(&uart, &machine, 0x3ff, &irq, &none),
       "it does not open where it is already");
    uart_make(0, 0);
    out(LCR, 0x80);
    is_u64(in(DATA) | in(IER) << 8, 1, "the divisor");
}

static void test_bits(void)
{
    uart_make(0, 0);
    for (uint32_t value = 0; value < 256; value++) {
        out(SCRATCH, value);
        out(LCR, value & 0x7f);
        out(IER, value);
        if (in(SCRATCH) != value || in(LCR) != (value & 0x7f) || in(IER) != (value & 15))
            ok(false, "0x%x in scratch, LCR, IER", value);
    }
    is_u64(in(SCRATCH), 0xff, "scratch and LCR keep all bits, IER four");
    out(MCR, 0xef);
    is_u64(in(MCR), 0x0f, "MCR keeps the lower ones");
    out(MCR, 0xff);
    is_u64(in(MCR), 0x1f, "five with loopback");
    out(LCR, 0x80);
    out(DATA, 0x34);
    out(IER, 0x12);
    ok(in(DATA) == 0x34 && in(IER) == 0x12, "DLAB: the divisor");
    out(LCR, 3);
    ok(in(IER) == 0x0f && uart.divisor == 0x1234, "behind it IER as it was");
    is_u64(sent_count, 0, "nothing was sent");
    out(LSR, 0xff);
    out(MSR, 0xff);
    out(MCR, 0);
    in(MSR);
    ok(in(LSR) == 0x60 && in(MSR) == 0xb0, "LSR and MSR cannot be written");
    bus_write(&machine.ports, LCR, 4, 0x12000803);
    ok(in(LCR) == 3 && in(MCR) == 8, "a wide access is several narrow ones");
}

static void test_transmit(void)
{
    uart_make(0, 1);
    out(DATA, 'a');
    out(DATA, 0xff);
    ok(sent_count == 2 && sent[0] == 'a' && sent[1] == 0xff, "bytes go out as they are written");
    is_u64(in(LSR), 0x60, "the transmitter is empty");
    is_u64(in(IIR), 0xc1, "no interrupt: it is off");
    out(IER, 2);
    ok(wires[IRQ].level, "THRE: when it is switched on");
    is_u64(in(IIR), 0xc2, "IIR says so");
    ok(!wires[IRQ].level && in(IIR) == 0xc1, "and clears it");
    out(IER, 2);
    ok(!wires[IRQ].level, "to leave it on does not raise it");
    out(IER, 0);
    out(IER, 2);
    ok(wires[IRQ].rises == 2, "off and on does");
    in(IIR);
    out(DATA, 'b');
    ok(wires[IRQ].level && sent_count == 3, "it comes after each byte");
    out(DATA, 'c');
    ok(wires[IRQ].rises == 3, "still up");
    out(IER, 0);
    ok(!wires[IRQ].level, "off");
    uart.host.transmit = NULL;
    out(DATA, 'd');
    is_u64(sent_count, 4, "without a hook the byte is gone");
}

/* OUT2 opens the way to the line, and loopback closes it. */
static void test_gate(void)
{
    uart_make(2, 0);
    ok(wires[IRQ].level, "with OUT2");
    out(MCR, 0);
    ok(!wires[IRQ].level && in(IIR) == 2, "not without it, but IIR says it");
    out(IER, 0);
    out(IER, 2);
    out(MCR, OUT2 | LOOP);
    ok(!wires[IRQ].level, "nor in loopback");
    out(MCR, OUT2);
    ok(wires[IRQ].level, "again with it");
}

static void test_receive_one(void)
{
    uart_make(1, 0);
    is_u64(receive("xyz"), 1, "without FIFOs it takes one byte");
    ok(wires[IRQ].level, "and asks for an interrupt");
    is_u64(in(IIR), 4, "received data");
    is_u64(in(LSR), 0x61, "data ready");
    is_u64(receive("y"), 0, "no room");
    is_u64(rooms, 0, "nobody was told of any");
    is_u64(in(DATA), 'x', "the byte");
    ok(!wires[IRQ].level && in(LSR) == 0x60 && rooms == 1, "gone; the host is told of room");
    is_u64(in(DATA), 0, "there is no other");
    is_u64(rooms, 1, "it is told once");
    is_u64(receive("y"), 1, "it goes on");
    in(DATA);
    is_u64(rooms, 1, "all was taken: nobody is told");
    ok(!machine.timers.first, "no time-out without FIFOs");
}

static void test_levels(void)
{
    static const uint8_t levels[] = {1, 4, 8, 14};
    const uint8_t byte = 'q';

    for (uint32_t i = 0; i < 4; i++) {
        uart_make(1, 1 | i << 6);
        for (uint32_t n = 1; n < levels[i]; n++)
            uart_receive(&uart, &byte, 1);
        ok(!wires[IRQ].level && in(IIR) == 0xc1, "level %u: not one before", levels[i]);
        uart_receive(&uart, &byte, 1);
        ok(wires[IRQ].level && in(IIR) == 0xc4, "at it");
        ok(!machine.timers.first, "no time-out while that is pending");
        in(DATA);
        ok(!wires[IRQ].level, "below it no more");
        ok(levels[i] == 1 || machine.timers.first, "but a time-out, if there are some left");
    }
    is_u64(receive("01234567"), 3, "16 fit"); /* 13 are there */
    is_u64(in(LSR), 0x61, "no overrun: the rest waits outside");
    for (uint32_t n = 0; n < 13; n++)
        is_u64(in(DATA), 'q', "first in");
    ok(rooms == 0 && in(DATA) == '0' && in(DATA) == '1' && in(DATA) == '2' && rooms == 1,
       "first out; the host is told when all is read");
}

static void test_time_out(void)
{
    /* 4 characters of 10 bits at 115,200 bits a second: 40 * 16 / 1,843,200 s */
    const uint64_t wait = time_scale_up(640, 1843200, HZ);

    uart_make(1, 0xc1);
    out(LCR, 3);
    receive("ab");
    is_u64(timers_next(&machine.timers), now + wait, "four characters' time");
    run_until(now + wait - 1);
    ok(!wires[IRQ].level, "not before");
    run_until(now + 1);
    ok(wires[IRQ].level && in(IIR) == 0xcc, "character time-out, exactly at the tick");
    is_u64(in(DATA), 'a', "a read");
    ok(!wires[IRQ].level, "takes it away");
    is_u64(timers_next(&machine.timers), now + wait, "and begins the time anew");
    now += wait - 5;
    receive("c");
    is_u64(timers_next(&machine.timers), now + wait, "as does a byte that comes");
    now += 7;
    out(IER, 0);
    ok(!machine.timers.first, "without its interrupt there is no timer");
    out(IER, 1);
    is_u64(timers_next(&machine.timers), now - 7 + wait, "time went on");
    run_until(now + 100 * wait);
    ok(wires[IRQ].level && wires[IRQ].rises == 2, "late, once");
    receive("0123456789ab");
    is_u64(in(IIR), 0xc4, "the level is more urgent");
    out(FCR, 0xc3);
    ok(!wires[IRQ].level && in(LSR) == 0x60 && !machine.timers.first, "FCR clears the FIFO");
    receive("x");
    uart_reset(&uart);
    ok(!machine.timers.first && in(LSR) == 0x60, "so does RESET");
}

static void test_time_of_characters(void)
{
    static const struct {
        uint8_t lcr;
        uint32_t bits;
    } formats[] = {{0, 7}, {3, 10}, {4, 8}, {8, 8}, {0x1f, 12}};

    for (uint32_t i = 0; i < 5; i++) {
        uart_make(1, 0xc1);
        out(LCR, 0x80);
        out(DATA, i % 2 ? 0 : 12);
        out(LCR, formats[i].lcr);
        receive("a");
        uint64_t clocks = 4ull * formats[i].bits * 16 * (i % 2 ? 65536 : 12);
        is_u64(timers_next(&machine.timers), now + time_scale_up(clocks, 1843200, HZ),
               "LCR %u: %u bits", formats[i].lcr, formats[i].bits);
    }
}

static void test_fifo_control(void)
{
    uart_make(1, 0);
    out(FCR, 0xc0);
    receive("a");
    is_u64(in(IIR), 4, "without bit 0 nothing is programmed");
    out(FCR, 1);
    ok(in(IIR) == 0xc1 && in(LSR) == 0x60, "to switch FIFOs on clears them");
    receive("abc");
    out(FCR, 5);
    is_u64(in(LSR), 0x61, "to clear the transmitter's leaves the receiver's");
    uart.refused = true;
    out(FCR, 0);
    ok(in(IIR) == 1 && in(LSR) == 0x60 && rooms == 1, "off clears; the host is told");
}

static void test_break(void)
{
    uart_make(5, 0xc1);
    ok(uart_receive_break(&uart) && wires[IRQ].level, "a break asks for an interrupt");
    in(LSR);
    is_u64(timers_next(&machine.timers), now + time_scale_up(448, 1843200, HZ),
           "and its byte for the time-out");
    in(DATA);
    receive("a");
    now += 5;
    ok(uart_receive_break(&uart), "a break");
    is_u64(in(LSR), 0xe1, "an error is in the FIFO, not yet the next");
    ok(!wires[IRQ].level, "no interrupt yet");
    in(DATA);
    ok(wires[IRQ].level && in(IIR) == 0xc6, "line status: it is the next");
    is_u64(in(LSR), 0xf1, "BI");
    ok(!wires[IRQ].level && in(LSR) == 0x61, "once");
    is_u64(in(DATA), 0, "its byte is 0");
    is_u64(in(LSR), 0x60, "and no error is left");
    uart_receive_break(&uart);
    in(DATA);
    receive("ab");
    is_u64(in(LSR)&0x80, 0, "no old error is found behind what is there");
    out(FCR, 0xc3);
    receive("0123456789abcdef");
    ok(!uart_receive_break(&uart), "no room for one");
    out(IER, 0);
    out(FCR, 0);
    ok(uart_receive_break(&uart) && in(LSR) == 0x71, "without FIFOs too");
    ok(!uart_receive_break(&uart), "one");
    out(MCR, LOOP);
    in(DATA);
    ok(!uart_receive_break(&uart), "not in loopback");
}

static void test_loopback(void)
{
    uart_make(0, 0);
    out(MCR, LOOP);
    in(MSR);
    out(DATA, 0x5a);
    ok(sent_count == 0 && in(LSR) == 0x61, "what is sent comes in");
    is_u64(receive("x"), 0, "the wire is cut");
    out(DATA, 0xa5);
    is_u64(in(LSR), 0x63, "overrun: the first is lost");
    ok(in(LSR) == 0x61 && in(DATA) == 0xa5, "OE goes when read");
    is_u64(rooms, 0, "no room for the host");
    out(IER, 4);
    out(FCR, 1);
    for (uint32_t i = 0; i < 17; i++)
        out(DATA, i);
    is_u64(in(IIR), 0xc6, "overrun with FIFOs: line status");
    is_u64(in(LSR), 0x63, "OE");
    for (uint32_t i = 0; i < 16; i++)
        is_u64(in(DATA), i, "here the last is lost");
    out(IER, 1);
    out(FCR, 0xc1);
    now += 12345;
    out(DATA, 1);
    is_u64(timers_next(&machine.timers), now + time_scale_up(448, 1843200, HZ),
           "it times out as well");
    in(DATA);
    out(MCR, 0);
    is_u64(rooms, 1, "out of loopback: there is room");
}

static void test_modem(void)
{
    static const uint8_t status[] = {0, 0x20, 0x10, 0x30, 0x40, 0x60, 0x50, 0x70};

    uart_make(8, 0);
    out(MCR, LOOP);
    is_u64(in(MSR), 0x0b, "loopback: all inputs fall, and changed");
    for (uint32_t i = 0; i < 16; i++) {
        out(MCR, LOOP | i);
        is_u64(in(MSR)&0xf0, status[i & 7] | (i & 8) << 4, "outputs 0x%x are inputs", i);
    }
    is_u64(in(MSR)&15, 0, "no change");
    out(MCR, LOOP | 0xb);
    is_u64(in(IIR), 0, "modem status is an interrupt");
    is_u64(in(MSR), 0xb4, "TERI: RI went");
    is_u64(in(IIR), 1, "it is read");
    out(MCR, LOOP | 0xf);
    is_u64(in(MSR), 0xf0, "that RI comes is no event");
    out(MCR, LOOP);
    in(MSR);
    out(MCR, OUT2);
    ok(wires[IRQ].level && in(MSR) == 0xbb && !wires[IRQ].level, "out of it: connected again");
}

/* Each reason alone, with all interrupts on but its own. */
static void test_enables(void)
{
    uart_make(15 & ~4, 0);
    in(IIR);
    out(MCR, LOOP);
    in(MSR);
    out(DATA, 1);
    in(DATA);
    in(IIR);
    out(DATA, 1);
    out(DATA, 2);
    in(DATA);
    in(IIR);
    is_u64(in(IIR), 1, "line status is off");
    uart_make(15 & ~1, 1);
    in(IIR);
    receive("a");
    is_u64(in(IIR), 0xc1, "data is off");
    out(FCR, 0x41);
    receive("b");
    out(IER, 15);
    run_until(now + HZ);
    is_u64(in(IIR), 0xcc, "characters are stale");
    out(IER, 15 & ~1);
    is_u64(in(IIR), 0xc1, "which is off with data");
    uart_make(15 & ~8, 0);
    in(IIR);
    out(MCR, LOOP);
    is_u64(in(IIR), 1, "the modem's is off");
}

static void test_priorities(void)
{
    uart_make(0, 0);
    out(MCR, LOOP);
    out(DATA, 1);
    out(DATA, 2);
    out(IER, 15);
    is_u64(in(IIR), 6, "first line status");
    in(LSR);
    is_u64(in(IIR), 4, "then data");
    in(DATA);
    is_u64(in(IIR), 2, "then the transmitter");
    is_u64(in(IIR), 0, "then the modem");
    in(MSR);
    is_u64(in(IIR), 1, "then nothing");
    out(DATA, 3);
    uart_reset(&uart);
    ok(in(IIR) == 1 && in(IER) == 0 && in(MCR) == 0 && in(LSR) == 0x60, "RESET ends all");
    uart_make(2, 0xc1);
    receive("0123456789abcdefgh");
    ok(wires[IRQ].level, "an interrupt");
    uart_reset(&uart);
    ok(!wires[IRQ].level && rooms == 1, "RESET ends it too, and makes room");
    out(MCR, OUT2);
    out(IER, 1);
    ok(!wires[IRQ].level, "nothing is left of what was pending");
    out(IER, 2);
    ok(wires[IRQ].rises == 2, "the line rises anew");
}

/* What the hook of room offers at once is taken within the guest's read. */
static void refill(void *context)
{
    rooms++;
    uart_receive(context, (const uint8_t *)"0123456789abcdefghij", 20);
}

static void test_refill(void)
{
    uart_make(1, 1);
    uart.host.room = refill;
    receive("0123456789abcdefghij");
    for (uint32_t i = 0; i < 16; i++)
        in(DATA);
    ok(rooms == 1 && uart.count == 16, "filled again by the last read");
    ok(wires[IRQ].level, "and the line is up");
    uart.host.room = NULL;
    for (uint32_t i = 0; i < 16; i++)
        in(DATA);
    ok(rooms == 1 && !uart.refused, "a host without the hook is not told");
}

int main(void)
{
    test_reset_values();
    test_bits();
    test_transmit();
    test_gate();
    test_receive_one();
    test_levels();
    test_time_out();
    test_time_of_characters();
    test_fifo_control();
    test_break();
    test_loopback();
    test_modem();
    test_enables();
    test_priorities();
    test_refill();
    return done_testing();
}
