/*
 * Tries every selector below those that are its own, and says what is there, in the words in which
 * root's `authority` says what it has given: the two must agree. It stays there to be compared
 * with, or probes as often as its argument says.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "process.h"
#include "system.h"

static const char *const type_names[] = {
    [OBJECT_PD] = "PD",       [OBJECT_POOL] = "POOL", [OBJECT_MEM] = "MEM", [OBJECT_EC] = "EC",
    [OBJECT_SC] = "SC",       [OBJECT_PT] = "PT",     [OBJECT_SM] = "SM",   [OBJECT_CPU] = "CPU",
    [OBJECT_PORTS] = "PORTS", [OBJECT_IRQ] = "IRQ",   [OBJECT_PCI] = "PCI",
};

static const char *type_name(enum object_type type)
{
    return type < sizeof(type_names) / sizeof(type_names[0]) && type_names[type] ? type_names[type]
                                                                                 : "something else";
}

static unsigned probe(void)
{
    unsigned found = 0;

    for (uint32_t selector = 0; selector < PROCESS_OWN; selector++) {
        struct lookup l = capability_lookup(selector);
        if (l.status != STATUS_SUCCESS)
            continue;
        printf("holds %u: %s, rights 0x%x\n", selector, type_name(l.type), l.rights);
        found++;
    }
    return found;
}

int main(int count, char **argument)
{
    const struct timespec pause = {.tv_sec = 1};
    unsigned long times = count > 1 ? strtoul(argument[1], NULL, 10) : 0;

    setvbuf(stdout, NULL, _IOLBF, 0); /* or what is said stays until a buffer is full */
    for (unsigned long n = 0; n < times || !times; n++) {
        if (times || !n)
            printf("found %u capabilities\n", probe());
        nanosleep(&pause, NULL);
    }
    return 0;
}
