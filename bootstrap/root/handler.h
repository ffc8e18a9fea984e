/* Root's portals: what programs ask for (ipc/protocol/root_calls.h). */
#pragma once

#include "root.h"

/* The handler of a CPU, with a reserve, and its watcher. False, and a line said: it cannot be. */
__attribute__((warn_unused_result)) bool handlers_open(void);
