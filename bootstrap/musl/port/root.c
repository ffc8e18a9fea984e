/*
 * Calls of root's portal. A handler of the program may be in the middle of a message whose further
 * words are in its UTCB: what a request overwrites there is put back.
 */
#include "root_calls.h"

#include <string.h>

#include "port.h"

#define TEXT_WORDS (ROOT_TEXT / sizeof(uint64_t))

uint64_t port_root_call(const struct port_request *request, uint64_t *result)
{
    const struct port_thread *self = port_self();
    struct message m = message_make(self->utcb);
    uint64_t saved[2 + TEXT_WORDS - MESSAGE_REGISTERS], words = 2, text[TEXT_WORDS];

    if (request->text) {
        words += (request->word + 7) / 8;
        text[(request->word + 7) / 8 - 1] = 0;
        memcpy(text, request->text, request->word);
    }
    uint64_t further = words > MESSAGE_REGISTERS ? words - MESSAGE_REGISTERS : 0;
    memcpy(saved, self->utcb->word + MESSAGE_REGISTERS, further * sizeof(saved[0]));

    (void)message_put(&m, ROOT_VERSION | request->operation);
    (void)message_put(&m, request->word);
    for (uint64_t i = 2; i < words; i++)
        (void)message_put(&m, text[i - 2]);
    if (request->selector) {
        self->utcb->item[0] = (struct utcb_item){request->selector, request->rights};
        m.length |= 1u << 16;
    }
    struct port_floating floating = port_floating_now();
    enum status status = portal_call(PROCESS_ROOT + self->cpu, &m, 0);
    port_floating_set(floating);

    memcpy(self->utcb->word + MESSAGE_REGISTERS, saved, further * sizeof(saved[0]));
    if (status != STATUS_SUCCESS || m.length == 0)
        return ROOT_UNKNOWN;
    if (result)
        *result = message_get(&m, 1);
    return m.word[0];
}
