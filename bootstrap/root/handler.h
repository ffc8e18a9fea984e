/* Root's portals: what programs ask for (ipc/protocol/root_calls.h). */
#pragma once

#include "root.h"

/* The handler of a CPU, with a reserve, and its watcher. False, and a line said: it cannot be. */
__attribute__((warn_unused_result)) bool handlers_open(void);

/* Appends text, all or nothing. False: there is no room, or somebody else appends just now. */
bool text_put(struct text_ring *ring, const char *text, uint32_t size);

/* Text of a program that it wants printed: takes up to size bytes. Main thread. */
uint32_t text_take(struct text_ring *ring, char *text, uint32_t size);
