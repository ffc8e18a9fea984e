/*
 * What the kernel accepts as a handoff, and what it makes of the boot information.
 */
#include <stdlib.h>

#include "boot.h"
#include "kernel_fakes.h"
#include "tap.h"

struct area {
    struct boot_info info;
    struct boot_memory memory[2];
    struct boot_cpu cpus[2];
};

static struct area area;
static struct handoff handoff;

#define TABLE(field)                                                              \
    {                                                                             \
        offsetof(struct area, field), sizeof(area.field) / sizeof(area.field[0]), \
            sizeof(area.field[0]), 0                                              \
    }

static void handoff_make(void)
{
    area = (struct area){
        .info = {.magic = BOOT_INFO_MAGIC,
                 .header_size = sizeof(struct boot_info),
                 .version_major = ABI_VERSION_MAJOR,
                 .version_minor = ABI_VERSION_MINOR,
                 .size = sizeof(struct area),
                 .memory = TABLE(memory),
                 .cpus = TABLE(cpus)},
        .memory = {{0, FRAME_SIZE, MEMORY_LOADER, 0}, {0x100000, 0x10000, MEMORY_KERNEL, 0}}};
    handoff = (struct handoff){.magic = HANDOFF_MAGIC,
                               .version = HANDOFF_VERSION,
                               .size = sizeof(handoff),
                               .boot_info = (uint64_t)&area,
                               .boot_info_size = FRAME_SIZE,
                               .cpus = 2,
                               .tsc_hz = 1000000000};
}

/* Breaks one field of the sound handoff; the kernel must stop. */
#define REFUSED(change)                                                                \
    do {                                                                               \
        handoff_make();                                                                \
        change;                                                                        \
        ok(STOPS(boot_accept(&handoff)), "refused: " #change);                         \
        is_str(kernel_message, "the loader and this kernel are of different versions", \
               "  says why");                                                          \
    } while (0)

int main(void)
{
    REFUSED(handoff.magic++);
    REFUSED(handoff.version++);
    REFUSED(handoff.size--);
    REFUSED(area.info.magic++);
    REFUSED(area.info.version_major++);
    REFUSED(area.info.version_minor++);

    handoff_make();
    ok(!STOPS(boot_accept(&handoff)), "a sound handoff is accepted");
    ok(!memcmp(&boot_handoff, &handoff, sizeof(handoff)), "and copied");
    ok(boot_info() == &area.info, "the boot information is where it says");
    ok(boot_table(&area.info.cpus) == area.cpus, "and its tables too");
    return done_testing();
}
