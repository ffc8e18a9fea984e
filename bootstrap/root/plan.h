/*
 * Does the machine have what the configuration asks for, and does it ask for anything twice? Pure:
 * the machine is a few numbers, and a function that knows the boot modules.
 */
#pragma once

#include "conf.h"

struct plan_machine {
    uint32_t cpus;
    uint32_t lines;  /* interrupt lines */
    uint64_t memory; /* bytes that programs can have */
    bool (*has_module)(const char *name);
};

/* False: *fault says what of it is too much, or given to whom already. */
__attribute__((warn_unused_result)) bool
plan_check(const struct conf *conf, const struct plan_machine *machine, struct conf_fault *fault);
