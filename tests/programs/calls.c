/*
 * Every Linux call number, with harmless arguments, and what calls.list says of it. What is done
 * either succeeds or finds fault with the arguments; what is not done returns its error exactly.
 * Numbers beyond the list are unknown. Those that end the thread or the program are in exits.c.
 */
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <unistd.h>

#include "check.h"

enum { DONE = 0 };

static const struct row {
    int refused; /* DONE, or an error */
    const char *name;
} rows[] = {
#define CALL(number, name)     [number] = {DONE, #name},
#define REFUSED(number, error) [number] = {error, "refused"},
#include "calls.inc"
};

/* They do not return, or stop the thread. */
static bool ends_something(long number)
{
    return number == SYS_exit || number == SYS_exit_group;
}

/*
 * No descriptor, no thread, no clock of that number; nothing that is long; flags that do not exist.
 */
static long call(long number)
{
    static char space[256];
    static const long none[2] = {0, 0};

    switch (number) {
    case SYS_brk:
    case SYS_set_tid_address:
    case SYS_mmap:
        return syscall(number, 0l, 0l, 0l, 0l, -1l, 0l);
    case SYS_getcpu:
        return syscall(number, space, 0l);
    case SYS_open:
        return syscall(number, "none", 0l, 0l);
    case SYS_openat:
        return syscall(number, -100l, "none", 0l, 0l);
    case SYS_getrandom:
        return syscall(number, space, 16l, -1l);
    case SYS_nanosleep:
        return syscall(number, none, 0l);
    case SYS_clock_nanosleep:
        return syscall(number, 1l, 0l, none, 0l);
    case SYS_futex:
        return syscall(number, space, 1l, 0l, 0l, 0l, 0l);
    case SYS_rt_sigprocmask:
        return syscall(number, 0l, 0l, space, 8l);
    default:
        return syscall(number, -1l, (long)space, 0l, 0l, 0l, 0l);
    }
}

int main(void)
{
    unsigned done = 0, refused = 0, wrong = 0;
    char space[16];

    for (long number = 0; number < (long)(sizeof(rows) / sizeof(rows[0])); number++) {
        const struct row *row = &rows[number];

        if (ends_something(number))
            continue;
        errno = 0;
        long result = call(number);
        if (row->refused) {
            refused++;
            if (result == -1 && errno == row->refused)
                continue;
        } else {
            done++;
            if (result != -1 || errno != ENOSYS)
                continue;
        }
        wrong++;
        printf("# call %ld (%s): %ld, errno %d\n", number, row->name, result, errno);
    }
    check(!wrong, "%u calls are done and %u refused as the list says", done, refused);
    check(syscall(451) == -1 && errno == ENOSYS, "beyond it nothing is");
    check(syscall(-1) == -1 && errno == ENOSYS, "nor before it");
    check(getpid() == 1 && getppid() == 0 && syscall(SYS_gettid) == 1, "the program's own numbers");
    check(getuid() == 65534 && geteuid() == 65534 && getgid() == 65534, "nobody's");
    check(syscall(SYS_getrandom, space, 16l, 0l) == -1 && errno == ENOSYS,
          "no random numbers without the service");
    check(fork() == -1 && errno == ENOSYS, "no fork");
    return checks_end();
}
