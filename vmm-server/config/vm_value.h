/*
 * Pieces of a text, and the value of a key out of one.
 */
#pragma once

#include "vm_keys.h"

/* size bytes, without a NUL behind them. */
struct slice {
    const char *text;
    size_t size;
};

/* Without blanks at both ends. */
struct slice slice_trim(struct slice s);
bool slice_is(struct slice s, const char *string);

enum vm_value {
    VM_VALUE_TAKEN,
    VM_VALUE_WRONG, /* not what the key takes */
    VM_VALUE_LATER, /* that is not built yet */
};

/* Puts the value into its place in *config. */
enum vm_value vm_value_take(struct vm_config *config, const struct vm_key *key, struct slice value);
