#include "apics.h"

#include <stddef.h>

#include "lapic.h"

/* The one of lowest priority of those that can take it: the first of several. */
static struct lapic *lowest_choose(const struct apics *apics, const struct apic_message *message)
{
    struct lapic *best = NULL;

    for (uint32_t i = 0; i < apics->count; i++) {
        struct lapic *l = apics->lapic[i];
        if (l != message->except && lapic_enabled(l) && l->svr & SVR_ENABLED &&
            lapic_is_meant(l, message->destination, message->logical) &&
            (!best || l->ppr < best->ppr))
            best = l;
    }
    return best;
}

bool apics_deliver(struct apics *apics, const struct apic_message *message)
{
    bool taken = false;

    if (message->mode == APIC_LOWEST) {
        struct lapic *l = lowest_choose(apics, message);
        return l && lapic_accept(l, APIC_FIXED, message->vector, message->level);
    }
    for (uint32_t i = 0; i < apics->count; i++) {
        struct lapic *l = apics->lapic[i];
        if (l != message->except && lapic_is_meant(l, message->destination, message->logical) &&
            lapic_accept(l, message->mode, message->vector, message->level))
            taken = true;
    }
    return taken;
}

void apics_message(void *target, uint64_t address, uint32_t data)
{
    struct apic_message message = {
        .destination = apics_destination((uint8_t)(address >> 12)),
        .logical = address >> 2 & 1,
        .mode = data >> 8 & 7,
        .vector = (uint8_t)data,
        .level = data >> 15 & 1,
    };

    if (address >> 20 != 0xfee)
        return;
    if (message.level && !(data >> 14 & 1)) /* a level that falls */
        return;
    if (address >> 3 & 1 && message.mode == APIC_FIXED) /* redirection hint */
        message.mode = APIC_LOWEST;
    apics_deliver(target, &message);
}
