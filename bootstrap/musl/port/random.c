/* Random numbers, by the service `random`, if the program uses it. */
#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "asking.h"
#include "calls.h"
#include "random_protocol.h"

#define PART_BYTES 1024u     /* of one request */
#define MOST_BYTES (1 << 25) /* of one call, as Linux has it */

static struct port_service service = {.name = "random", .version = RANDOM_VERSION};

/* The lock is held. What was given is given to nobody else. */
static bool part_get(char *to, size_t size)
{
    struct session_entry entry = {.operation = RANDOM_BYTES, .word = {0, size}};

    if (session_data_size(&service.session) < size || !port_service_ask(&service, &entry) ||
        entry.operation != RANDOM_DONE || entry.word[0] != size)
        return false;
    memcpy(to, session_data(&service.session), size);
    memset(session_data(&service.session), 0, size);
    return true;
}

/* buffer, size, flags */
long call_getrandom(const long *a)
{
    size_t size = (size_t)a[1] < MOST_BYTES ? (size_t)a[1] : MOST_BYTES, done = 0;
    bool more = true;

    if (a[2] & ~(long)(GRND_NONBLOCK | GRND_RANDOM))
        return -EINVAL;
    port_lock(PORT_LOCK_SERVICES);
    bool there = port_service_is_there(&service);
    while (there && more && done < size) {
        size_t part = size - done < PART_BYTES ? size - done : PART_BYTES;
        more = part_get((char *)a[0] + done, part);
        done += more ? part : 0;
    }
    port_unlock(PORT_LOCK_SERVICES);
    if (!there)
        return -ENOSYS;
    return done || !size ? (long)done : -EIO;
}
