/*
 * The console's screen: whose lines come when, what a client cannot do to the terminal, and who
 * gets what is typed.
 */
#include "screen.h"

#include "tap.h"

static struct screen screen;

static const char *shown(void)
{
    static char text[SCREEN_TEXT * 16];
    size_t used = 0;

    while (used + 1 < sizeof(text) && screen_take(&screen, &text[used]))
        used++;
    text[used] = 0;
    return text;
}

static void say(uint32_t client, const char *text)
{
    (void)screen_write(&screen, client, text, (uint32_t)strlen(text));
}

static void type(const char *keys)
{
    while (*keys)
        screen_type(&screen, *keys++);
}

static const char *read_by(uint32_t client)
{
    static char text[SCREEN_TYPED + 1];

    text[screen_read(&screen, client, text, SCREEN_TYPED)] = 0;
    return text;
}

/* Root is client 0; two programs. */
static void reset(void)
{
    screen = (struct screen){0};
    screen_come(&screen, 0, "root");
    screen_come(&screen, 1, "one");
    screen_come(&screen, 2, "two");
}

static void test_lines(void)
{
    reset();
    ok(!screen_has_text(&screen), "nothing at first");
    say(1, "hello\n");
    ok(screen_has_text(&screen), "a line waits");
    is_str(shown(), "# [one] hello\n", "with its client's name");
    say(0, "# [root] word\n");
    is_str(shown(), "# [root] word\n", "client 0 speaks for others");
    say(1, "be");
    say(2, "whole\n");
    is_str(shown(), "# [two] whole\n", "half a line is held back");
    ok(screen_holds(&screen), "and known to be");
    say(1, "gin\n");
    is_str(shown(), "# [one] begin\n", "until the rest is there");
    say(1, "no end");
    screen_release(&screen);
    is_str(shown(), "# [one] no end\n", "or nobody waits any longer");
    say(1, "\n\r\n");
    is_str(shown(), "# [one] \n# [one] \n", "empty lines");
    say(1, "\033[2J\x80\x01\t\n");
    is_str(shown(), "# [one] ?[2J??\t\n", "what a terminal would act on is not there");
    say(1, "x\ngone");
    screen_go(&screen, 1);
    is_str(shown(), "# [one] x\n# [one] gone\n", "who goes leaves its text");
    say(2, "half");
    screen_go(&screen, 2);
    screen_come(&screen, 2, "new");
    say(2, "a\n");
    is_str(shown(), "# [new] half\n# [new] a\n", "and the next one begins a line of its own");
}

/* When all of a client's text is on the line. */
static void test_printed(void)
{
    char c;

    reset();
    ok(screen_is_printed(&screen, 1), "of nothing all is printed");
    say(1, "ab\n");
    ok(!screen_is_printed(&screen, 1), "what waits is not");
    while (screen_take(&screen, &c) && c != 'b') {
    }
    screen_sent(&screen);
    ok(!screen_is_printed(&screen, 1), "nor is a line but for its end");
    (void)shown();
    ok(!screen_is_printed(&screen, 1), "nor what has not left the port");
    say(2, "x\n");
    screen_sent(&screen);
    ok(screen_is_printed(&screen, 1), "then it is, whoever else waits");
    ok(!screen_is_printed(&screen, 2), "who is not printed");
    (void)shown();
    ok(screen_is_printed(&screen, 1), "which changes nothing for the first one");
    say(1, "no end");
    is_str(shown(), "", "half a line is held back");
    screen_end(&screen, 1);
    is_str(shown(), "# [one] no end\n", "but not when it was the end");
    screen_sent(&screen);
    ok(screen_is_printed(&screen, 1), "and is printed");
}

static void test_turns(void)
{
    char text[SCREEN_TEXT + 100], line[300] = "";

    reset();
    memset(text, '\n', sizeof(text));
    is_u64(screen_write(&screen, 1, text, sizeof(text)), SCREEN_TEXT, "a flood fills its own room");
    is_u64(screen_write(&screen, 1, text, 1), 0, "no more");
    say(2, "me too\n");
    const char *all = shown();
    const char *mine = strstr(all, "# [two] me too\n");
    ok(mine && mine - all < 1000, "another one has its turn soon");
    ok(!screen_has_text(&screen), "all of it was shown");
    memset(line, 'x', 299);
    say(1, line);
    say(1, "\n");
    all = shown();
    ok(strlen(all) == 300 + 2 * strlen("# [one] ") + 1, "a line that is too long is cut in two");
}

static void test_keys(void)
{
    reset();
    type("lis\x7ft\b\b\b\b\bab\r");
    is_str(shown(), "lis\b \bt\b \b\b \b\b \bab\n", "what is typed is shown");
    is_str(read_by(1), "", "it is not for others");
    is_str(read_by(0), "ab\n", "a line, as it is at its end");
    type("half");
    is_str(read_by(0), "", "half a line is none yet");
    (void)shown();
    say(1, "between\n");
    is_str(shown(), "\n# [one] between\nhalf", "what was typed stands there again");
    type("\x03new\n");
    is_str(shown(), "^C\nnew\n", "Ctrl-C forgets it");
    is_str(read_by(0), "new\n", "and the next line is whole");
    type("\x01\x80\n");
    is_str(read_by(0), "\n", "what is no character is left out");
    type("one\ntwo\n");
    is_str(read_by(0), "one\n", "two lines: the first");
    is_str(read_by(0), "two\n", "and the second");
    for (unsigned i = 0; i < 2 * SCREEN_TYPED; i++)
        type("y");
    type("\n");
    is_u64(strlen(read_by(0)), SCREEN_TYPED, "a line ends where there is no more room");
}

static void test_focus(void)
{
    reset();
    type("\x1dn");
    is_str(shown(), "# [console] the keyboard is with one\n", "the next one has the keyboard");
    type("a\n");
    is_str(read_by(1), "a\n", "what is typed is for it");
    type("\x1d"
         "2");
    type("b\n");
    is_str(read_by(2), "b\n", "one by its number");
    type("\x1dn");
    type("c\n");
    is_str(read_by(0), "c\n", "after the last one comes the first one");
    type("\x1d"
         "2\x1dr"
         "d\n");
    is_str(read_by(0), "d\n", "r is root");
    screen_focus(&screen, 2);
    type("x\n");
    is_str(read_by(2), "x\n", "one that is given it");
    type("\x1dr");
    (void)shown();
    type("\x1d"
         "9");
    ok(strstr(shown(), "after Ctrl-]"), "a client that is not there: what there is");
    type("\x1dn");
    screen_go(&screen, 1);
    type("e\n");
    is_str(read_by(0), "e\n", "when it goes, root has the keyboard");
    screen_go(&screen, 0);
    (void)shown();
    type("f\n");
    is_str(shown(), "", "nobody is there: keys are lost");
    screen_go(&screen, 2);
    type("\x1dr");
    is_str(shown(), "# [console] the keyboard is with nobody\n", "and that is said");
}

static void test_raw(void)
{
    reset();
    screen_set_raw(&screen, 1, true);
    type("\x1d"
         "1");
    (void)shown();
    type("a\x03\x7f");
    is_str(shown(), "", "in raw mode nothing is echoed");
    is_str(read_by(1), "a\x03\x7f", "each key is there at once, as it is");
    say(1, "\033[2Jhalf");
    is_str(shown(), "\033[2Jhalf", "text goes out as it is");
    say(2, "me\n");
    is_str(shown(), "", "others wait while its line is not ended");
    say(1, "\r");
    is_str(shown(), "\r", "which a carriage return does not");
    say(1, "\n");
    is_str(shown(), "\n# [two] me\n", "and come then");
    type("\x1dr");
    (void)shown();
    say(1, "\033x\n");
    is_str(shown(), "# [one] ?x\n", "without the keyboard it is as all others");
    type("\x1d"
         "1");
    for (unsigned i = 0; i < 2 * SCREEN_TYPED; i++)
        type("z");
    is_u64(strlen(read_by(1)), SCREEN_TYPED, "keys that there is no room for are lost");
}

/* Anything at all: whatever goes out stays within the ring, and every line can be told whose it is.
 */
static void test_noise(void)
{
    uint32_t state = 1;
    unsigned wrong = 0;

    reset();
    for (unsigned n = 0; n < 100000; n++) {
        char byte, text[40];
        state = state * 1664525 + 1013904223;
        uint32_t client = state >> 30, size = state >> 24 & 31;
        memset(text, (int)(state >> 16 & 127), sizeof(text));
        text[state >> 12 & 31] = '\n';
        if (screen.client[client].name)
            (void)screen_write(&screen, client, text, size);
        screen_type(&screen, (char)(state >> 8));
        wrong += screen.out_put - screen.out_taken > SCREEN_OUT;
        wrong += screen.client[client].put - screen.client[client].taken > SCREEN_TEXT;
        wrong += screen.client[client].typed > SCREEN_TYPED;
        for (unsigned i = 0; i < 16 && screen_take(&screen, &byte);)
            i++;
        (void)screen_read(&screen, client, text, sizeof(text));
    }
    is_u64(wrong, 0, "noise overflows nothing");
}

int main(void)
{
    test_lines();
    test_printed();
    test_turns();
    test_keys();
    test_focus();
    test_raw();
    test_noise();
    return done_testing();
}
