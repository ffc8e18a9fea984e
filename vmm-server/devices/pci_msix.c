#include "pci_msix.h"

#include <string.h>

#define CAPABILITY_ID 0x11u
#define CONTROL_MASK  0x40u /* in the upper byte of message control: function mask, */
#define CONTROL_ON    0x80u /* enable */
#define ENTRY_MASKED  1u    /* vector control */
#define ENTRY_BYTES   16ull

enum { WORD_ADDRESS, WORD_UPPER, WORD_DATA, WORD_CONTROL };

static uint8_t control_of(const struct msix *msix)
{
    return msix->function->config[msix->capability + 3];
}

bool msix_enabled(const struct msix *msix)
{
    return control_of(msix) & CONTROL_ON;
}

/* Sends what is pending and can be sent now. */
static void pending_send(struct msix *msix)
{
    if ((control_of(msix) & (CONTROL_ON | CONTROL_MASK)) != CONTROL_ON ||
        !pci_is_master(msix->function))
        return;
    for (uint32_t i = 0; i < msix->vectors && msix->pending >> i; i++) {
        const uint32_t *word = msix->table[i].word;
        if (!(msix->pending >> i & 1) || word[WORD_CONTROL] & ENTRY_MASKED)
            continue;
        msix->pending &= ~(1ull << i);
        message_send(&msix->port, (uint64_t)word[WORD_UPPER] << 32 | word[WORD_ADDRESS],
                     word[WORD_DATA]);
    }
}

void msix_send(struct msix *msix, uint32_t vector)
{
    if (vector >= msix->vectors || !msix_enabled(msix))
        return;
    msix->pending |= 1ull << vector;
    pending_send(msix);
}

void msix_config_written(struct msix *msix)
{
    if (msix->pending)
        pending_send(msix);
}

/* Accesses are of 4 or 8 bytes (PCI 3.0, 6.8.2); smaller ones get their part of a word too. */
static uint64_t table_read(void *device, uint64_t offset, unsigned size)
{
    const struct msix *msix = device;
    uint32_t shift = (offset & 3) * 8;
    uint32_t word = 0;

    if ((offset & 3) + size > 4)
        return UINT64_MAX;
    if (offset < msix->vectors * ENTRY_BYTES)
        word = msix->table[offset / ENTRY_BYTES].word[offset / 4 % 4];
    else if (offset >= MSIX_PENDING && offset < MSIX_PENDING + 8)
        word = (uint32_t)(msix->pending >> (offset & 4) * 8);
    return word >> shift;
}

static void table_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    struct msix *msix = device;
    uint32_t shift = (offset & 3) * 8;
    uint32_t mask = (uint32_t)(((1ull << size * 8) - 1) << shift);

    if ((offset & 3) + size > 4 || offset >= msix->vectors * ENTRY_BYTES)
        return;
    uint32_t n = offset / 4 % 4;
    uint32_t *word = &msix->table[offset / ENTRY_BYTES].word[n];
    *word = (*word & ~mask) | ((uint32_t)(value << shift) & mask);
    if (n == WORD_ADDRESS)
        *word &= ~3u;
    if (n == WORD_CONTROL)
        *word &= ENTRY_MASKED;
    pending_send(msix);
}

void msix_reset(struct msix *msix)
{
    msix->pending = 0;
    memset(msix->table, 0, sizeof(msix->table));
    for (uint32_t i = 0; i < msix->vectors; i++)
        msix->table[i].word[WORD_CONTROL] = ENTRY_MASKED;
}

void msix_open(struct msix *msix, struct pci_function *function, uint32_t bar, uint32_t vectors,
               const struct message_port *port)
{
    static const struct bus_operations operations = {table_read, table_write};
    const uint32_t table = bar;
    const uint32_t pending = bar | MSIX_PENDING;
    uint8_t body[10] = {(uint8_t)(vectors - 1)};

    memcpy(body + 2, &table, 4);
    memcpy(body + 6, &pending, 4);
    *msix = (struct msix){.function = function, .port = *port, .vectors = vectors};
    msix->capability = pci_capability_add(function, CAPABILITY_ID, body, sizeof(body));
    pci_writable_set(function, msix->capability + 3, CONTROL_ON | CONTROL_MASK);
    function->bar[bar] = (struct pci_bar){PCI_BAR_MEMORY, .widest = 4, .size = MSIX_BYTES,
                                          .operations = &operations, .device = msix};
    msix_reset(msix);
}
