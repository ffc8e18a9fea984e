/*
 * TAP with one level of subtests: each suite is one test at column 0 whose own tests stand before
 * it, indented by four spaces. One suite at a time.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Prints the plan of the whole run. */
void tap_plan(unsigned suites);

void tap_suite_begin(const char *name);

/* Closes the suite: its plan, then its own result. True if none of its tests failed. */
bool tap_suite_end(void);

/* One test. Returns ok, so that a caller can stop or explain. */
bool tap_ok(bool ok, const char *what);

/* One test that compares; on failure prints both values. */
bool tap_equal(uint64_t got, uint64_t expected, const char *what);

/* One test: got <= limit; on failure prints both values. */
bool tap_at_most(uint64_t got, uint64_t limit, const char *what);

/* One test that cannot run here. */
void tap_skip(const char *what, const char *reason);

/* Begins an indented comment line; the caller prints the rest and the line feed. */
void tap_comment(void);
