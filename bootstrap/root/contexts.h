/*
 * ECs that programs have made and asked root to look after (ROOT_THREAD). The capability of each
 * stays at the selector of root's at which it arrived; the program knows it by a place.
 *
 * Handlers of all CPUs come here at the same time, for instances that may be gone by then, and
 * nobody waits. Two words are changed by compare and exchange alone: a place says of which instance
 * it is and where its EC is, so one of an instance that is gone is free; and a selector has an
 * owner, so that one whose EC has ended, which the next EC may get, is nobody's but the new
 * owner's.
 */
#pragma once

#include "root.h"

/* The caller of a handler: a program, and which instance of it. */
struct caller {
    struct program *program;
    uint32_t instance;
};

/* Makes the slots of a CPU's selectors, which are there from then on. */
__attribute__((warn_unused_result)) bool contexts_open(uint32_t cpu);

/* A selector of that CPU at which the next capability can arrive; SELECTOR_NONE: all are taken. */
uint32_t context_window(uint32_t cpu);

/* What has arrived there is an EC of the caller's from now on: its place. ROOT_FULL: it has too
 * many; the selector is empty again. */
enum root_status context_add(const struct caller *caller, uint32_t selector, uint64_t *place);
enum root_status context_remove(const struct caller *caller, uint64_t place);

/* The selector of the EC in a place of that instance; SELECTOR_NONE: there is none. */
uint32_t context_at(const struct caller *caller, uint32_t place);
