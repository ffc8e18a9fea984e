/*
 * The loader's formats and the names of boot modules.
 */
#include "format.h"
#include "names.h"
#include "tap.h"

static __attribute__((format(printf, 3, 4))) size_t make(char *text, size_t size,
                                                         const char *format, ...)
{
    va_list arguments;
    size_t length;

    va_start(arguments, format);
    length = format_text(text, size, format, arguments);
    va_end(arguments);
    return length;
}

static void test_format(void)
{
    char text[64];

    is_u64(make(text, sizeof(text), "%s-%c-%u-%lu-%x-%lx-%%", "a", 'b', 4294967295u, UINT64_MAX,
                0xabcu, 0x123456789abcdef0ul),
           58, "length");
    is_str(text, "a-b-4294967295-18446744073709551615-abc-123456789abcdef0-%", "all conversions");
    make(text, sizeof(text), "%u %x", 0, 0);
    is_str(text, "0 0", "zero");
    make(text, sizeof(text), "a%sb", "\x1b[2J\n\x80");
    is_str(text, "a?[2J??b", "characters that a terminal would act on");
    is_u64(make(text, 4, "%s", "abcdef"), 3, "cut off at the size");
    is_str(text, "abc", "with its end");
    is_u64(make(text, 1, "%u", 12345u), 0, "no room at all");
    is_str(text, "", "empty text");
}

static void named(const char *arguments, const char *want)
{
    char name[NAME_MAX_BYTES];

    is_u64(name_find(arguments, name), NAME_SUCCESS, "'%s' has a name", arguments);
    is_str(name, want, "it is this");
}

static void unnamed(const char *arguments, enum name_status want)
{
    char name[NAME_MAX_BYTES];

    is_u64(name_find(arguments, name), want, "'%s': %s", arguments, name_status_text(want));
}

static void test_names(void)
{
    char longest[5 + NAME_MAX_BYTES + 1] = "name=";

    named("name=kernel", "kernel");
    named("/some/path/kernel.lz4 name=kernel", "kernel");
    named("file name=test.a_b-C9 x=y name", "test.a_b-C9");
    named("/a/surname=x name=b", "b");
    unnamed("", NAME_MISSING);
    unnamed("name", NAME_MISSING);
    unnamed("xname=kernel", NAME_MISSING);
    unnamed("name=a name=b", NAME_TWICE);
    unnamed("name=", NAME_BAD);
    unnamed("name= kernel", NAME_BAD);
    unnamed("name=a/b", NAME_BAD);
    unnamed("name=a\tb", NAME_BAD);
    memset(longest + 5, 'a', NAME_MAX_BYTES - 1);
    named(longest, longest + 5);
    memset(longest + 5, 'a', NAME_MAX_BYTES);
    unnamed(longest, NAME_BAD);
}

int main(void)
{
    test_format();
    test_names();
    return done_testing();
}
