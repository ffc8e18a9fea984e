/*
 * Who called whom, read from stacks that their programs may have filled with anything. The view is
 * allocated exactly, so a word read outside of it ends the test.
 */
#include <stdlib.h>
#include <string.h>

#include "frames.h"
#include "tap.h"

#define BASE  0x3e0000ull
#define WORDS 64u

static uint64_t frame[FRAMES_MAX];

static uint64_t at(unsigned word)
{
    return BASE + 8ull * word;
}

static struct stack_view stack_new(void)
{
    return (struct stack_view){calloc(WORDS, 8), BASE, 8ull * WORDS};
}

static void put(const struct stack_view *stack, unsigned word, uint64_t next, uint64_t caller)
{
    uint64_t *words = (uint64_t *)stack->word;

    words[word] = next;
    words[word + 1] = caller;
}

static void test_chain(void)
{
    struct stack_view stack = stack_new();

    put(&stack, 4, at(10), 0x1001);
    put(&stack, 10, at(40), 0x1002);
    put(&stack, 40, 0, 0x1003);
    is_u64(frames_walk(&stack, 0x1000, at(2), at(4), true, frame), 4, "three callers");
    is_u64(frame[0], 0x1000, "first where it is");
    is_u64(frame[1], 0x1001, "then its caller");
    is_u64(frame[3], 0x1003, "and the outermost");
    put(&stack, 40, 0, 0);
    is_u64(frames_walk(&stack, 0x1000, at(2), at(4), true, frame), 3, "0 is nobody's address");
    free((void *)stack.word);
}

static void test_jump_to_nowhere(void)
{
    struct stack_view stack = stack_new();

    put(&stack, 2, 0x1001, 0);
    put(&stack, 4, 0, 0x1002);
    is_u64(frames_walk(&stack, 0, at(2), at(4), false, frame), 3, "who called nothing is there");
    is_u64(frame[1], 0x1001, "from the top of the stack");
    is_u64(frame[2], 0x1002, "then its caller");
    is_u64(frames_walk(&stack, 0, BASE - 8, at(4), false, frame), 2, "unless RSP is elsewhere");
    is_u64(frames_walk(&stack, 0, at(2) + 1, at(4), false, frame), 2, "or odd");
    free((void *)stack.word);
}

static void test_made(void)
{
    const uint8_t code[] = {0x31, 0xc0, 0x55, 0x48, 0x89, 0xe5, 0x90};
    unsigned made = 0;

    for (unsigned size = 0; size <= sizeof(code); size++)
        made = made << 1 | frame_is_made(code, size);
    is_u64(made, 3, "a frame is made where RBP is set");
}

/* The last word that can be a frame's, and all around the stack. */
static void test_edges(void)
{
    struct stack_view stack = stack_new();
    const uint64_t outside[] = {
        0,         8,          BASE - 8,       BASE - 16, at(WORDS - 1), at(WORDS), at(WORDS) + 8,
        at(1) + 4, UINT64_MAX, UINT64_MAX - 7, 1ull << 63};
    uint32_t most = 0;

    memset((void *)stack.word, 0xff, 8ull * WORDS);
    for (unsigned i = 0; i < sizeof(outside) / sizeof(outside[0]); i++) {
        uint32_t count = frames_walk(&stack, 1, 2, outside[i], false, frame);
        most = count > most ? count : most;
    }
    is_u64(most, 1, "no frame from outside");
    put(&stack, WORDS - 2, UINT64_MAX, 0x1001);
    is_u64(frames_walk(&stack, 1, 2, at(WORDS - 2), true, frame), 2, "the last frame");
    stack.size = 0;
    is_u64(frames_walk(&stack, 1, BASE, BASE, false, frame), 1, "no stack");
    free((void *)stack.word);
}

static void test_loops(void)
{
    struct stack_view stack = stack_new();

    put(&stack, 4, at(4), 0x1001);
    is_u64(frames_walk(&stack, 1, 2, at(4), true, frame), 2, "one that leads to itself");
    put(&stack, 4, at(10), 0x1001);
    put(&stack, 10, at(4), 0x1002);
    is_u64(frames_walk(&stack, 1, 2, at(4), true, frame), 3, "two that lead to each other");
    for (unsigned i = 0; i + 1 < WORDS; i++)
        ((uint64_t *)stack.word)[i] = at(i + 1);
    is_u64(frames_walk(&stack, 1, 2, at(0), true, frame), FRAMES_MAX, "more than there can be");
    free((void *)stack.word);
}

/* Any words at all, many of which lead into the stack. */
static void test_random(void)
{
    struct stack_view stack = stack_new();
    uint64_t seed = 1;
    bool within = true;

    for (unsigned n = 0; n < 20000; n++) {
        for (unsigned i = 0; i < WORDS; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            ((uint64_t *)stack.word)[i] =
                seed >> 61 ? BASE + (seed >> 30) % (8 * WORDS + 64) : seed;
        }
        uint32_t count = frames_walk(&stack, seed, BASE + (seed >> 20) % 600,
                                     BASE + (seed >> 40) % 600, seed >> 63, frame);
        within = within && count >= 1 && count <= FRAMES_MAX;
    }
    ok(within, "never none, never too many");
    free((void *)stack.word);
}

int main(void)
{
    test_chain();
    test_jump_to_nowhere();
    test_made();
    test_edges();
    test_loops();
    test_random();
    return done_testing();
}
