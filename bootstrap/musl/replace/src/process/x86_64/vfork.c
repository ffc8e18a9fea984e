/* Replaces musl's vfork.s: there are no processes to fork. */
#include <errno.h>
#include <unistd.h>

pid_t vfork(void)
{
    errno = ENOSYS;
    return -1;
}
