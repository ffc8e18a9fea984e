/*
 * Standard output: lines go to root whole, a long one in parts. What a line should be stands in
 * front of it; tests/programs/musl.t compares.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "check.h"

static void write_text(int stream, const char *text)
{
    check(write(stream, text, strlen(text)) == (ssize_t)strlen(text), "is written");
}

int main(int count, char **argument)
{
    char text[3000];
    struct winsize size;

    check(count == 3 && !strcmp(argument[1], "two") && !strcmp(argument[2], "words here"),
          "the arguments are those of the configuration");
    check(getenv("PATH") == NULL, "there are no environment variables");
    check(isatty(1) == 0 && errno == ENOTTY, "the output is no terminal");
    check(ioctl(1, TIOCGWINSZ, &size) == -1 && errno == ENOTTY, "and has no size");
    fflush(stdout);
    write_text(1, "a line in ");
    write_text(1, "two parts\nand another\n");
    fprintf(stderr, "an error, %s\n", "at once");
    snprintf(text, sizeof(text), "%d %s %5.2f %#lx %c", -5, "text", 3.14159, 255ul, 'z');
    check(strcmp(text, "-5 text  3.14 0xff z") == 0, "numbers are written: %s", text);
    double value = 0;
    check(sscanf("2.5e3", "%lf", &value) == 1 && value > 2499.9 && value < 2500.1, "and read");
    fflush(stdout);
    memset(text, 'L', sizeof(text));
    text[2500] = '\n';
    write(1, text, 2501);
    struct iovec parts[] = {{"vector ", 7}, {"of parts\n", 9}};
    check(writev(1, parts, 2) == 16, "parts are written together");
    int result = checks_end();
    fflush(stdout);
    write(1, "the last line has no end", 24);
    return result;
}
