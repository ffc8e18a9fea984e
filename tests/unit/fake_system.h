/*
 * Included before everything else of a test of the runtime (-include): its system calls are
 * functions of the test's.
 */
#pragma once

#include "system.h"

enum status fake_up(uint32_t semaphore);
enum status fake_down(uint32_t semaphore, uint32_t flags, uint64_t deadline);
enum status fake_call(uint32_t portal, struct message *message, uint64_t deadline);

#define semaphore_up   fake_up
#define semaphore_down fake_down
#define portal_call    fake_call
