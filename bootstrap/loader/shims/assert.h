/*
 * The lz4 sources' internal assertions stay off, as in every release build of them: all input is
 * checked by code, not by assertions.
 */
#pragma once

#define assert(condition) ((void)0)
