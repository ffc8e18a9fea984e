/*
 * The service `random`: random bytes that nobody else can foretell.
 */
#pragma once

#define RANDOM_VERSION 1u

enum random_operation {
    RANDOM_BYTES =
        1, /* word 0: offset in the session's data; word 1: bytes. Reply: word 0: bytes */
};

enum random_status {
    RANDOM_DONE = 0,
    RANDOM_BAD_REQUEST = 1,
    RANDOM_NO_SOURCE = 2, /* the processor has neither RDSEED nor RDRAND, or they fail */
};
