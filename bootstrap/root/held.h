/*
 * Which capabilities each program has been given: root puts none into a program's table but by
 * these, so what `authority` prints is what is there (beyond PROCESS_OWN a program has its own).
 */
#pragma once

#include "root.h"

/* Delegates to a selector of the program's, with at most those rights, and remembers it. */
__attribute__((warn_unused_result)) enum status held_give(struct program *p, uint32_t there,
                                                          uint32_t selector, uint32_t rights);

/* It is not there any more: what it named has gone. */
void held_forget(struct program *p, uint32_t there);

/* Says what a program holds; and who can reach whom, as a graph in the language of Graphviz. */
void authority_say(const struct program *p);
void authority_say_graph(void);
