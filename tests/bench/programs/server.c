/* Serves `echo`. The marker stands where a request is answered and the client is on its way. */
#include "echo.h"
#include "probe.h"
#include "service.h"

int main(void)
{
    static struct service service;
    struct session_entry entry;
    uint32_t client;

    service_open(&service, ENVIRONMENT->cpu, (struct utcb *)PROCESS_UTCB, ECHO_VERSION);
    for (;;) {
        if (service_wait(&service, &client, &entry, 0) != SERVICE_REQUEST)
            continue;
        entry.operation = 0;
        entry.word[0]++;
        (void)service_reply(&service, client, &entry);
        mark(MARK_MIDDLE);
    }
}
