/* The time of day, by the service `clock`, if the program uses it. */
#pragma once

#include <stdbool.h>

#include "ticks.h"

/* Since 1970-01-01T00:00:00Z. False: nobody has told this program. */
bool port_wall_now(struct port_time *now);
