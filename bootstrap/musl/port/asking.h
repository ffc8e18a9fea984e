/*
 * Services that the port uses for the program, where the configuration lets it (`uses`): each is
 * opened when it is needed first, and is the program's own if that has opened it before. Whoever
 * calls holds the lock under which the service is.
 *
 * Nobody waits for a service longer than PORT_PATIENCE_S. One that did not answer within that is
 * late: until it answers, or root has started it again, nobody waits for it at all.
 */
#pragma once

#include "session.h"

#define PORT_PATIENCE_S 10u
#define PORT_PAST       1u /* a deadline that has passed: only what is there already */

struct port_service {
    const char *name;
    uint64_t version;
    struct session session;
    bool looked, there; /* for it in the environment, once */
    bool late;
    uint32_t id; /* of the last request */
};

/* Does the program use it, and is it the port's? The first time, it is opened. */
bool port_service_is_there(struct port_service *s);

/*
 * From now on, in TSC ticks: what a wait for a service ends by. A program that root wants to hear
 * of has to be back much earlier than it is taken for dead.
 */
uint64_t port_service_deadline(void);

/* The entry becomes the reply. False: there is none in time. Requests can come twice. */
bool port_service_ask(struct port_service *s, struct session_entry *entry);
