#include "asking.h"

#include <string.h>

#include "console_protocol.h"
#include "port.h"
#include "ticks.h"

/* The console does not print by itself, even if the configuration says so. */
static bool is_offered(const char *name)
{
    const struct environment_offer *offer = environment_entries(&ENVIRONMENT->offers);

    for (uint32_t i = 0; i < ENVIRONMENT->offers.count; i++)
        if (strcmp(environment_string(offer[i].name), name) == 0)
            return true;
    return false;
}

bool port_service_is_there(struct port_service *s)
{
    if (!s->looked) {
        s->looked = true;
        s->there =
            !is_offered(s->name) && session_open(&s->session, s->name, s->version) == SESSION_DONE;
    }
    return s->there;
}

uint64_t port_service_deadline(void)
{
    uint64_t ticks = PORT_PATIENCE_S * ENVIRONMENT->tsc_hz, heartbeat = ENVIRONMENT->heartbeat / 4;

    return port_deadline(tsc_now(), heartbeat && heartbeat < ticks ? heartbeat : ticks);
}

/* Is it another one than did not answer, or has it answered since? */
static bool is_back(struct port_service *s)
{
    uint64_t generation = s->session.generation;
    struct session_entry old;

    if (session_connect(&s->session, PORT_PAST) != SESSION_DONE)
        return false;
    return s->session.generation != generation || session_take(&s->session, &old) == SESSION_DONE;
}

bool port_service_ask(struct port_service *s, struct session_entry *entry)
{
    const struct session_entry request = *entry;
    uint64_t deadline = port_service_deadline();
    enum session_status status;

    if (!port_service_is_there(s) || (s->late && !is_back(s)))
        return false;
    struct port_floating floating = port_floating_now();
    do {
        *entry = request;
        entry->id = ++s->id;
        status = session_connect(&s->session, deadline);
        if (status == SESSION_DONE)
            status = session_call(&s->session, entry, deadline);
    } while ((status == SESSION_RECONNECT || status == SESSION_BROKEN) && tsc_now() < deadline);
    port_floating_set(floating);
    s->late = status != SESSION_DONE;
    return !s->late;
}
