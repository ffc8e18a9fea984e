/*
 * A VM file, whatever it says. What is accepted has to be what the structure promises.
 */
#include <stdlib.h>
#include <string.h>

#include "vm_keys.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void require_config(const struct vm_config *c)
{
    require(memchr(c->name, 0, VM_NAME) && c->name[0]);
    require(memchr(c->kernel, 0, VM_PATH) && c->kernel[0]);
    require(memchr(c->initrd, 0, VM_PATH) && memchr(c->cmdline, 0, VM_CMDLINE));
    require(c->memory >= VM_MEMORY_UNIT && c->memory % VM_MEMORY_UNIT == 0);
    require(c->memory <= 64ull << 30);
    require(c->vcpus == 1 && c->boot < VM_BOOT_FIRMWARE);
    require(c->priority >= 1 && c->priority < 50 && c->cpu_share <= 100);
    require(c->on_reset <= VM_STOP && c->on_crash <= VM_STOP);
    require(c->modules <= VM_MODULES && (!c->modules || c->boot != VM_BOOT_LINUX));
    for (uint32_t i = 0; i < c->modules; i++) {
        require(memchr(c->module[i].path, 0, VM_PATH) && c->module[i].path[0]);
        require(memchr(c->module[i].arguments, 0, VM_PATH) && c->module[i].line);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct vm_config config;
    struct vm_error error = {0};
    char *text = malloc(size ? size : 1); /* to the byte */

    require(text);
    if (size)
        memcpy(text, data, size);
    if (vm_config_parse(&config, text, size, &error))
        require_config(&config);
    else
        require(strlen(error.text) && strlen(error.text) < sizeof(error.text));
    free(text);
    return 0;
}
