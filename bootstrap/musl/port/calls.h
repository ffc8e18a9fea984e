/* What is done for a Linux call: call_NAME, with its six arguments. A result or a negative errno.
 */
#pragma once

#include "port.h"

#define CALL(number, name) long call_##name(const long *a);
#define REFUSED(number, why)
#include "calls.inc"
#undef CALL
#undef REFUSED
