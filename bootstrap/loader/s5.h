/*
 * The sleep type values for S5 (power off) from AML, without an AML interpreter.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Values for the SLP_TYP field of PM1a_CNT and PM1b_CNT, 0 to 7. */
struct s5_values {
    uint8_t a, b;
};

/*
 * Looks in size bytes of AML (a definition block without its header) for
 * Name (_S5_, Package () {a, b, ...}) with constant elements: ACPI 6.4, 7.4.2 and 20.2.5.1. The
 * first one that is well formed counts; false if there is none.
 */
bool s5_find(const uint8_t *aml, uint32_t size, struct s5_values *values);
