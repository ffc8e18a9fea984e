/* A Multiboot kernel, whatever its header or ELF file says. */
#include "vmm_boot.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct vcpu_state state;
    const uint8_t *info, *list;

    if (size < 8 || !boot_one(boot_multiboot, data, size, &state))
        return 0;
    info = require_ram(state.rbx, 88);
    require_string(get32(info + 16));
    require_string(get32(info + 64));
    (void)require_ram(get32(info + 48), get32(info + 44));
    require(get32(info + 20) <= 2);
    for (uint32_t i = 0; i < get32(info + 20); i++) {
        list = require_ram(get32(info + 24) + i * 16ull, 16);
        (void)require_ram(get32(list), get32(list + 4) - get32(list));
        require_string(get32(list + 8));
    }
    return 0;
}
