/* A thread on each CPU that looks at ECs which have stopped there: only there can they be read. */
#pragma once

#include "root.h"

__attribute__((warn_unused_result)) bool watch_open(uint32_t cpu);
