#include "images.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acpi_tables.h"
#include "boot.h"
#include "cairn/resources.h"
#include "vcpu.h"

#define PAGE        4096ull
#define PIECE       512u /* pages that one call maps */
#define STATUS_FILE 2

/* Where the tables of ACPI are: the root pointer where a guest looks for it, the others after it.
 */
#define ACPI_RSDP 0xe0000ull
#define ACPI_BASE 0xe0040ull
#define ACPI_SIZE 0x1ffc0ull
#define ACPI_AREA 0x20000ull

static const struct environment_file *file_find(const char *suffix, uint32_t number)
{
    const struct environment_file *file = environment_entries(&ENVIRONMENT->files);
    char name[64];

    if (number == UINT32_MAX)
        (void)snprintf(name, sizeof(name), "%s%s", environment_string(ENVIRONMENT->name), suffix);
    else
        (void)snprintf(name, sizeof(name), "%s%s%u", environment_string(ENVIRONMENT->name), suffix,
                       number);
    for (uint32_t i = 0; i < ENVIRONMENT->files.count; i++)
        if (strcmp(environment_string(file[i].name), name) == 0)
            return &file[i];
    give_up("root gives no file %s", name);
}

/* Where the next image is mapped: they are all there only while the guest is being loaded. */
static uint64_t next_address;

static struct boot_image image_map(const struct environment_file *file)
{
    uint64_t pages = (file->size + PAGE - 1) / PAGE;
    struct boot_image image = {.data = (const uint8_t *)next_address, .size = file->size};
    struct map map = {.address = next_address, .rights = MEM_RIGHT_READ};

    for (; pages; pages -= map.count) {
        struct answer a;
        map.count = pages < PIECE ? (uint32_t)pages : PIECE;
        WITH_FUNDS(a, memory_map(file->selector, PROCESS_PD, &map));
        if (a.status != STATUS_SUCCESS)
            give_up("%s cannot be mapped: status %u", environment_string(file->name), a.status);
        map.address += PIECE * PAGE;
        map.offset += PIECE * PAGE;
    }
    next_address = map.address;
    return image;
}

static void images_unmap(void)
{
    for (uint64_t at = MONITOR_IMAGES_AT; at < next_address; at += PIECE * PAGE)
        (void)memory_unmap(PROCESS_PD, at);
    next_address = MONITOR_IMAGES_AT;
}

void images_config(struct vm *vm)
{
    struct vm_error error;

    next_address = MONITOR_IMAGES_AT;
    const struct boot_image text = image_map(file_find("", UINT32_MAX));
    bool good = vm_config_parse(&vm->config, (const char *)text.data, text.size, &error);
    images_unmap();
    if (good)
        return;
    say("error: line %u: %s", error.line, error.text);
    exit(STATUS_FILE);
}

static bool boot(struct vm *vm, const struct boot_request *request, struct vcpu *v,
                 struct boot_error *error)
{
    uint32_t changed = 0; /* all groups are named anyway */

    switch (vm->config.boot) {
    case VM_BOOT_LINUX:
        return boot_linux(request, v->state, &changed, error);
    case VM_BOOT_PVH:
        return boot_pvh(request, v->state, &changed, error);
    case VM_BOOT_MULTIBOOT:
        return boot_multiboot(request, v->state, &changed, error);
    }
    return false;
}

static void tables_write(struct vm *vm)
{
    const struct acpi_request request = {.memory = &vm->memory,
                                         .rsdp = ACPI_RSDP,
                                         .base = ACPI_BASE,
                                         .size = ACPI_SIZE,
                                         .vcpus = vm->config.vcpus,
                                         .hpet_id = HPET_ID};

    if (!acpi_tables_write(&request))
        give_up("the ACPI tables do not fit");
}

void images_boot(struct vm *vm, struct vcpu *v)
{
    static struct boot_image modules[VM_MODULES];
    const struct vm_config *c = &vm->config;
    struct boot_error error;
    struct boot_request request = {.memory = &vm->memory,
                                   .kernel = image_map(file_find(".kernel", UINT32_MAX)),
                                   .modules = modules,
                                   .module_count = c->modules,
                                   .command_line = c->cmdline,
                                   .rsdp = ACPI_RSDP,
                                   .acpi_base = ACPI_RSDP,
                                   .acpi_size = ACPI_AREA};

    tables_write(vm);
    if (c->initrd[0])
        request.initrd = image_map(file_find(".initrd", UINT32_MAX));
    for (uint32_t i = 0; i < c->modules; i++) {
        modules[i] = image_map(file_find(".module", i));
        modules[i].arguments = c->module[i].arguments;
    }
    bool good = boot(vm, &request, v, &error);
    images_unmap();
    if (good)
        return;
    say("error: %s: %s", c->kernel, error.text);
    exit(STATUS_FILE);
}
