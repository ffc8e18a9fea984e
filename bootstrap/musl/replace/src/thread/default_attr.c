/*
 * Replaces musl's default_attr.c: stacks are memory from their start on, not when they are first
 * touched, so they are smaller than Linux's.
 */
#include "pthread_impl.h"

unsigned __default_stacksize = 65536;
unsigned __default_guardsize = 4096;
