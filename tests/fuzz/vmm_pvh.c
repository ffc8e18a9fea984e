/* A PVH kernel, whatever its ELF file says. */
#include "vmm_boot.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct vcpu_state state;
    const uint8_t *info, *list;

    if (size < 8 || !boot_one(boot_pvh, data, size, &state))
        return 0;
    info = require_ram(state.rbx, 56);
    require_string(get64(info + 24));
    (void)require_ram(get64(info + 40), get32(info + 48) * 24ull);
    require(get32(info + 12) <= 3);
    for (uint32_t i = 0; i < get32(info + 12); i++) {
        list = require_ram(get64(info + 16) + i * 32ull, 32);
        (void)require_ram(get64(list), get64(list + 8));
        if (get64(list + 16))
            require_string(get64(list + 16));
    }
    return 0;
}
