/*
 * The loader is trusted like the kernel, but a mismatch of versions must be told, not suffered.
 */
#include "boot.h"

#include "stop.h"

struct handoff boot_handoff SEALED;

void boot_accept(const struct handoff *handoff)
{
    const struct boot_info *info = frame_at(handoff->boot_info);

    if (handoff->magic != HANDOFF_MAGIC || handoff->version != HANDOFF_VERSION ||
        handoff->size != sizeof(*handoff) || info->magic != BOOT_INFO_MAGIC ||
        info->version_major != ABI_VERSION_MAJOR || info->version_minor != ABI_VERSION_MINOR)
        stop("the loader and this kernel are of different versions");
    boot_handoff = *handoff;
}
