/* Values of system.conf: each takes its text and says what was expected if it is not that. */
#pragma once

#include "conf.h"

/* Reads value into *program; NULL, or what was expected. The text becomes names, where it is some.
 */
typedef const char *conf_take(char *value, uint32_t line, struct conf_program *program);

struct conf_key {
    const char *name;
    conf_take *take;
    bool repeats;
    const char *means; /* for README.md, which a check compares */
};

#define CONF_KEYS 20u

extern const struct conf_key conf_keys[CONF_KEYS];

/* Is it the name of a program, service or module? */
bool conf_is_name(const char *text);
