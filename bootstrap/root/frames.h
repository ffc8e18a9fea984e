/*
 * Who called whom, by frame pointers: at RBP is the caller's RBP, and above it the address that
 * the function returns to. The stack is its program's, which may have written anything there, and
 * may still do so: each word is read once, and only from the stack itself.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define FRAMES_MAX 16u

/* A program's stack, as it is in memory of the reader's. Base and size are multiples of 8. */
struct stack_view {
    const uint64_t *word;
    uint64_t base, size; /* its address in the program, and its bytes */
};

/*
 * Has a function made itself a frame (mov %rsp, %rbp) in its first bytes, those up to RIP? What is
 * so simple that it needs no stack has none, nor has what was called and is no code.
 */
bool frame_is_made(const uint8_t *code, uint64_t size);

/*
 * Addresses of calls into frame[FRAMES_MAX], the innermost first: first RIP itself, then the
 * addresses that are returned to. Frames lead upwards only, so there is no loop. Where no frame is
 * made, the first return address is at RSP. Returns how many, at least 1.
 */
uint32_t frames_walk(const struct stack_view *stack, uint64_t rip, uint64_t rsp, uint64_t rbp,
                     bool made, uint64_t frame[FRAMES_MAX]);
