#include "guest_memory.h"

#include <stddef.h>
#include <string.h>

static void piece_add(struct guest_memory *memory, uint64_t gpa, uint64_t end, uint8_t *host)
{
    if (gpa < end)
        memory->ram[memory->count++] = (struct guest_ram){gpa, end - gpa, host};
}

void guest_memory_lay(struct guest_memory *memory, uint8_t *host, uint64_t size)
{
    uint64_t low = size < GUEST_LOW_END ? size : GUEST_LOW_END;

    memory->count = 0;
    piece_add(memory, 0, GUEST_VGA, host);
    piece_add(memory, GUEST_VGA_END, low, host + GUEST_VGA_END);
    piece_add(memory, GUEST_HIGH, GUEST_HIGH + (size - low), host + low);
}

void *guest_at(const struct guest_memory *memory, uint64_t gpa, uint64_t size)
{
    for (uint32_t i = 0; i < memory->count; i++) {
        const struct guest_ram *ram = &memory->ram[i];
        uint64_t offset = gpa - ram->gpa;
        if (offset < ram->size && size <= ram->size - offset)
            return ram->host + offset;
    }
    return NULL;
}

bool guest_read(const struct guest_memory *memory, uint64_t gpa, void *to, uint64_t size)
{
    const void *from = guest_at(memory, gpa, size);

    if (from)
        memcpy(to, from, size);
    return from != NULL;
}

bool guest_write(const struct guest_memory *memory, uint64_t gpa, const void *from, uint64_t size)
{
    void *to = guest_at(memory, gpa, size);

    if (to)
        memcpy(to, from, size);
    return to != NULL;
}
