/* Formatted output of the first program. */
#pragma once

#include <stdint.h>

/*
 * Writes to COM1. Knows %s, %c, %u, %lu, %x, %lx (with 0x in front for #) and %%, and a width with
 * zero filling ("%03lu"); anything else is printed as it stands.
 */
void print(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Prints a number of bytes, from 16 KiB on in KiB, from 16 MiB on in MiB, rounded down. */
void print_size(uint64_t bytes);

/* Prints untrusted text: at most limit characters, each outside printable ASCII as '?'. */
void print_untrusted(const char *text, uint64_t limit);
