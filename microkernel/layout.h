/*
 * Numbers that C and assembly share. Addresses are in ipc/abi/kernel_layout.h.
 */
#pragma once

#include "kernel_layout.h"

#define SYSCALL_LENGTH 2 /* bytes of the SYSCALL instruction */

#define VECTOR_WAKE 0xf1 /* another CPU has work for this one */
