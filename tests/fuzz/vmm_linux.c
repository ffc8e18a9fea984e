/* A bzImage, whatever it says. */
#include "vmm_boot.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct vcpu_state state;
    const uint8_t *zero;

    if (size < 8 || !boot_one(boot_linux, data, size, &state))
        return 0;
    zero = require_ram(state.rsi, 4096);
    require_string(get32(zero + 0x228));
    if (get32(zero + 0x21c))
        (void)require_ram(get32(zero + 0x218), get32(zero + 0x21c));
    require(zero[0x1e8] > 0 && zero[0x1e8] <= 8);
    (void)require_ram(state.cr3, 6 * 4096ull);
    (void)require_ram(state.gdtr.base, 32);
    return 0;
}
