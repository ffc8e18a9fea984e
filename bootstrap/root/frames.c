#include "frames.h"

static bool word_read(const struct stack_view *stack, uint64_t address, uint64_t *value)
{
    uint64_t offset = address - stack->base; /* what is below the stack is far above it, so */

    if (address % 8 || offset >= stack->size)
        return false;
    *value = __atomic_load_n(&stack->word[offset / 8], __ATOMIC_RELAXED);
    return true;
}

bool frame_is_made(const uint8_t *code, uint64_t size)
{
    for (uint64_t i = 0; i + 3 <= size; i++)
        if (code[i] == 0x48 && code[i + 1] == 0x89 && code[i + 2] == 0xe5)
            return true;
    return false;
}

uint32_t frames_walk(const struct stack_view *stack, uint64_t rip, uint64_t rsp, uint64_t rbp,
                     bool made, uint64_t frame[FRAMES_MAX])
{
    uint32_t count = 0;
    uint64_t caller, next;

    frame[count++] = rip;
    if (!made && word_read(stack, rsp, &caller) && caller)
        frame[count++] = caller;
    while (count < FRAMES_MAX && word_read(stack, rbp, &next) &&
           word_read(stack, rbp + 8, &caller) && caller) {
        frame[count++] = caller;
        if (next <= rbp)
            break;
        rbp = next;
    }
    return count;
}
