/*
 * Where every Linux call of the C library arrives (replace/arch/x86_64/syscall_arch.h). What each
 * number does is in calls.list, from which the rows are made.
 */
#include <errno.h>

#include "calls.h"

static const struct row {
    long (*call)(const long *argument);
    int error;
} rows[] = {
#define CALL(number, name)   [number] = {.call = call_##name},
#define REFUSED(number, why) [number] = {.error = (why)},
#include "calls.inc"
#undef CALL
#undef REFUSED
};

long cairn_linux_call(long number, long a, long b, long c, long d, long e, long f);

long cairn_linux_call(long number, long a, long b, long c, long d, long e, long f)
{
    const long argument[] = {a, b, c, d, e, f};

    if (number < 0 || (unsigned long)number >= sizeof(rows) / sizeof(rows[0]))
        return -ENOSYS;
    const struct row *row = &rows[number];
    return row->call ? row->call(argument) : -row->error;
}
