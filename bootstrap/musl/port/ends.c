/* The program's end. */
#include "calls.h"
#include "root_calls.h"

/* status: its low 8 bits are what root hears */
long call_exit_group(const long *a)
{
    const struct port_request request = {.operation = ROOT_EXIT, .word = (uint8_t)a[0]};

    port_output_flush();
    (void)port_root_call(&request, NULL);
    port_rest(port_self()->utcb);
}
