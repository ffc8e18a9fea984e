/*
 * The first program gets its loaded segments, the boot information read-only, and the I/O ports
 * recorded there.
 */
#include "first.h"

#include "boot.h"
#include "entry.h"
#include "reserve.h"
#include "stop.h"
#include "x86.h"

/*
 * End of what a program may map. The last pages of the lower half stay empty, so that the address
 * behind any instruction is canonical (see SYSRET in entry.S).
 */
#define USER_END 0x00007ffffffff000ull

static uint64_t first_root SEALED;

struct io_bitmap first_ports(void)
{
    const struct boot_info *info = boot_info();
    const struct boot_ports *ports = boot_table(&info->ports);
    struct io_bitmap bitmap = io_bitmap_make();

    for (uint32_t i = 0; i < info->ports.count; i++) {
        if (ports[i].count > 0x10000 - ports[i].base)
            stop("boot information: I/O ports past 0xffff");
        for (uint32_t port = ports[i].base; port < ports[i].base + (uint32_t)ports[i].count;
             port++) {
            uint8_t *bits = frame_pointer(bitmap.frame[port >> 15]);
            bits[port % 0x8000 / 8] &= (uint8_t) ~(1u << port % 8);
        }
    }
    return bitmap;
}

void first_build(void)
{
    hpa_t root = reserve_take();

    paging_share_kernel(root, hpa(kernel_root));
    for (uint32_t i = 0; i < boot_handoff.first_segments; i++) {
        const struct handoff_segment *s = &boot_handoff.first[i];
        if (s->virtual >= USER_END || s->size > USER_END - s->virtual)
            stop("handoff: segment %u of the first program is not in the user's half", i);
        space_map(root, s->virtual, hpa(s->physical), s->size, segment_rights(s->rights),
                  PAGE_USER);
    }
    space_map(root, BOOT_INFO_ADDRESS, hpa(boot_handoff.boot_info), boot_handoff.boot_info_size,
              PAGE_RO, PAGE_USER);
    first_root = root.value;
}

void first_start(void)
{
    cr3_write(first_root);
    user_enter(boot_handoff.first_entry, BOOT_INFO_ADDRESS);
}
