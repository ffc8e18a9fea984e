/* COM1 by polling (16550 data sheet: line status at 5, bit 5: the transmitter is empty). */
#include "say.h"

#include <stdarg.h>

#include "conf.h"
#include "format.h"
#include "system.h"
#include "talk.h"

#define COM1        0x3f8u
#define LINE_STATUS 5u
#define EMPTY       0x20u

static uint8_t line_status(void)
{
    uint8_t status;

    __asm__ volatile("inb %w1, %b0" : "=a"(status) : "Nd"(COM1 + LINE_STATUS));
    return status;
}

static void put(char c)
{
    while (!(line_status() & EMPTY)) {
    }
    __asm__ volatile("outb %b0, %w1" : : "a"(c), "Nd"(COM1));
}

void say_raw(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        put(text[i]);
}

/* A whole line: by the console, if there is one. */
static void line_say(const char *name, const char *text, size_t size)
{
    char line[LINE_BYTES + CONF_NAME_MAX + 8];
    size_t used = 0;

    for (const char *p = "# ["; *p; p++)
        line[used++] = *p;
    for (const char *p = name; *p && used < 3 + CONF_NAME_MAX; p++)
        line[used++] = *p;
    line[used++] = ']';
    line[used++] = ' ';
    for (size_t i = 0; i < size && i < LINE_BYTES; i++)
        line[used++] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
    line[used++] = '\n';
    if (!talk_put(line, used))
        say_raw(line, used);
}

void say(const char *format, ...)
{
    char line[LINE_BYTES];
    va_list arguments;

    va_start(arguments, format);
    size_t size = format_text(line, sizeof(line), format, arguments);
    va_end(arguments);
    line_say("root", line, size);
}

void say_for(const char *name, const char *text, size_t size)
{
    size_t start = 0;

    for (size_t i = 0; i < size; i++) {
        if (text[i] != '\n' && i - start < LINE_BYTES)
            continue;
        line_say(name, text + start, i - start);
        start = text[i] == '\n' ? i + 1 : i;
    }
    if (start < size)
        line_say(name, text + start, size - start);
}

void end_run(unsigned status)
{
    talk_finish();
    (void)object_control(SELECTOR_PLATFORM, PLATFORM_POWER_OFF, status);
    for (;;)
        (void)semaphore_down(0, 0, 0);
}
