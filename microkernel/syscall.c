/*
 * System calls (ipc/abi/syscall.h).
 */
#include "syscall.h"

#include "entry.h"
#include "stop.h"

#define EXIT_STATUS_MAX 255

uint64_t syscall_handle(uint64_t number, uint64_t a, uint64_t b, uint64_t c)
{
    if (number != SYSCALL_POWER_OFF)
        return STATUS_BAD_CALL;
    if (a > EXIT_STATUS_MAX || b || c)
        return STATUS_BAD_PARAMETER;
    power_off((unsigned)a);
}
