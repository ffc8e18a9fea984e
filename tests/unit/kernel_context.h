/*
 * Coroutines, for tests in which several CPUs run.
 */
#pragma once

#include <stdint.h>
#include <string.h>

#define STACK 0x40000u

/* Leaves a stack, whose pointer goes to *from, for another that was left so. */
void context_switch(void **from, void *to);
__asm__(".pushsection .text\n"
        "context_switch:\n"
        "    push %rbp; push %rbx; push %r12; push %r13; push %r14; push %r15\n"
        "    mov %rsp, (%rdi)\n"
        "    mov %rsi, %rsp\n"
        "    pop %r15; pop %r14; pop %r13; pop %r12; pop %rbx; pop %rbp\n"
        "    ret\n"
        ".popsection");

/* A stack from which context_switch enters a function that never returns. */
static void *context_new(char *stack, void (*function)(void))
{
    uint64_t *top = (uint64_t *)(void *)(stack + STACK) - 8;

    memset(top, 0, 8 * sizeof(*top));
    top[6] = (uint64_t)function;
    return top;
}
