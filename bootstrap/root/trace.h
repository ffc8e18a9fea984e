/* Says by which calls a program got to where it stopped, if its boot module has symbols. */
#pragma once

#include "root.h"

/* One line a frame, innermost first. Of a thread that is not the main one, its RIP alone. */
void trace_say(const struct program *p);
