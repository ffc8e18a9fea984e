/*
 * The first C code of a program, before musl's own: there is no thread pointer yet, and nothing may
 * fail but by ending the program.
 */
#include <string.h>

#include "port.h"
#include "root_calls.h"
#include "ticks.h"

#define STATUS_OF_START 127u /* exit status of a program that cannot begin */

void cairn_port_start(void);

static _Noreturn void fail(const char *why)
{
    const struct port_request text = {.operation = ROOT_PRINT, .word = strlen(why), .text = why};
    const struct port_request end = {.operation = ROOT_EXIT, .word = STATUS_OF_START};

    (void)port_root_call(&text, NULL);
    (void)port_root_call(&end, NULL);
    port_rest((struct utcb *)PROCESS_UTCB);
}

void cairn_port_start(void)
{
    const struct environment *environment = ENVIRONMENT;
    uint64_t hz = environment->tsc_hz;

    port_main_thread_open(environment);
    if (environment->magic != ENVIRONMENT_MAGIC || environment->version != ENVIRONMENT_VERSION)
        fail("error: the environment is of another version");
    if (hz < PORT_HZ_MINIMUM || hz > PORT_HZ_MAXIMUM)
        fail("error: the frequency of the TSC is out of range");
    if (!port_resources_open(environment) || !port_locks_open() || !port_main_thread_ready())
        fail("error: too little memory to begin");
}
