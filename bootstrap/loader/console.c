/*
 * Lines on COM1 (16550) and errors on the VGA text screen. See console.h.
 *
 * Every wait is bounded: a UART that never becomes ready costs time, not the boot.
 */
#include "console.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "format.h"
#include "x86.h"

#define COM1         0x3f8
#define UART_DATA    (COM1 + 0)
#define UART_IER     (COM1 + 1)
#define UART_FCR     (COM1 + 2)
#define UART_LCR     (COM1 + 3)
#define UART_MCR     (COM1 + 4)
#define UART_LSR     (COM1 + 5)
#define UART_SCRATCH (COM1 + 7)

#define LCR_8N1          0x03
#define LCR_DIVISOR      0x80 /* the first two registers are the divisor */
#define FCR_ENABLE_CLEAR 0x07
#define MCR_DTR_RTS      0x03
#define LSR_THRE         0x20 /* ready for a character */

#define POLLS_MAX 1000000u /* about a second of port reads; a character takes 87 us */

#define SCREEN_ADDRESS 0xb8000
#define SCREEN_COLUMNS 80
#define SCREEN_COLOUR  0x0f00 /* white on black */
#define LINE_MAX       400

static bool serial_present;
static bool screen_is_text = true;
static size_t screen_row;

void console_init(void)
{
    port_write8(UART_SCRATCH, 0x5a);
    if (port_read8(UART_SCRATCH) != 0x5a)
        return;
    serial_present = true;
    port_write8(UART_IER, 0);
    port_write8(UART_LCR, LCR_DIVISOR);
    port_write8(UART_DATA, 1); /* 115200 baud */
    port_write8(UART_IER, 0);
    port_write8(UART_LCR, LCR_8N1);
    port_write8(UART_FCR, FCR_ENABLE_CLEAR);
    port_write8(UART_MCR, MCR_DTR_RTS);
}

void console_set_text_screen(bool text)
{
    screen_is_text = text;
}

static void serial_put(char character)
{
    unsigned polls = 0;

    while (!(port_read8(UART_LSR) & LSR_THRE) && polls < POLLS_MAX)
        polls++;
    port_write8(UART_DATA, (uint8_t)character);
}

static void serial_line(const char *text)
{
    if (!serial_present)
        return;
    while (*text)
        serial_put(*text++);
    serial_put('\n');
}

/* Text from the left margin, wrapped, the rest of its last row blank. Then one row down. */
static void screen_line(const char *text)
{
    volatile uint16_t *cell = (volatile uint16_t *)SCREEN_ADDRESS + screen_row * SCREEN_COLUMNS;
    size_t column = 0;

    if (!screen_is_text)
        return;
    while (*text || column % SCREEN_COLUMNS || !column)
        cell[column++] = (uint16_t)(SCREEN_COLOUR | (uint8_t)(*text ? *text++ : ' '));
    screen_row += column / SCREEN_COLUMNS;
}

/* The prefix and the formatted text in line[]. */
static void line_make(char line[LINE_MAX], const char *prefix, const char *format,
                      va_list arguments)
{
    size_t used = 0;

    while (*prefix)
        line[used++] = *prefix++;
    format_text(line + used, LINE_MAX - used, format, arguments);
}

void console_line(const char *format, ...)
{
    char line[LINE_MAX];
    va_list arguments;

    va_start(arguments, format);
    line_make(line, "# [loader] ", format, arguments);
    va_end(arguments);
    serial_line(line);
}

void fail(const char *format, ...)
{
    char line[LINE_MAX];
    va_list arguments;

    va_start(arguments, format);
    line_make(line, "# [loader] error: ", format, arguments);
    va_end(arguments);
    serial_line(line);
    screen_line(line);
    serial_line("CAIRN-EXIT 8");
    screen_line("CAIRN-EXIT 8");
    for (;;)
        __asm__ volatile("cli; hlt");
}
