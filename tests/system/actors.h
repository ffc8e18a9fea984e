/* What actors do that C cannot express (actors.S). */
#pragma once

#include <stdint.h>

/*
 * 100 divided by *divisor, by the DIV at exception_divide. *wrong: how many registers that the
 * division leaves alone were changed over it.
 */
uint64_t exception_divide_call(const volatile uint64_t *divisor, volatile uint64_t *wrong);
extern const char exception_divide[];

/* Puts a value into both halves of every XMM register. */
void vectors_fill(uint64_t value);

/* In how many halves of XMM registers the value is: 0 to 32. */
uint64_t vectors_count(uint64_t value);
