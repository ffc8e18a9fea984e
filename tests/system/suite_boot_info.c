/* The boot information area obeys its own rules: version, sizes, zeroes, tables inside. */
#include "cpu.h"
#include "suites.h"
#include "tap.h"

#define TABLES 8

struct table_rule {
    const char *name;
    const struct boot_table *table;
    uint32_t entry_size, limit;
};

/* [begin, end) of a table, in bytes from the start of the area. */
static uint64_t table_begin(const struct boot_table *t)
{
    return t->offset;
}

static uint64_t table_end(const struct boot_table *t)
{
    return t->offset + (uint64_t)t->count * t->entry_size;
}

static void check_table(const struct machine *m, const struct table_rule *rule)
{
    const struct boot_table *t = rule->table;
    bool ok = t->reserved == 0 && t->count <= rule->limit;

    if (t->count > 0) {
        ok = ok && boot_view_entry(&m->view, t, t->count - 1, rule->entry_size);
    }
    tap_ok(ok, rule->name);
}

static void check_overlap(const struct table_rule *rules)
{
    bool apart = true;

    for (unsigned i = 0; i < TABLES; i++) {
        for (unsigned k = 0; k < i; k++) {
            const struct boot_table *a = rules[i].table, *b = rules[k].table;

            if (a->count && b->count) {
                apart = apart && (table_end(a) <= table_begin(b) || table_end(b) <= table_begin(a));
            }
        }
    }
    tap_ok(apart, "tables do not overlap");
}

static void check_tables(const struct machine *m)
{
    const struct boot_info *info = m->info;
    const struct table_rule rules[TABLES] = {
        {"memory table", &info->memory, sizeof(struct boot_memory), BOOT_MAX_RANGES},
        {"module table", &info->modules, sizeof(struct boot_module), BOOT_MAX_MODULES},
        {"CPU table", &info->cpus, sizeof(struct boot_cpu), BOOT_MAX_CPUS},
        {"I/O APIC table", &info->ioapics, sizeof(struct boot_ioapic), BOOT_MAX_IOAPICS},
        {"override table", &info->overrides, sizeof(struct boot_override), BOOT_MAX_OVERRIDES},
        {"PCI table", &info->pci, sizeof(struct boot_pci), BOOT_MAX_BUSES},
        {"port table", &info->ports, sizeof(struct boot_ports), BOOT_MAX_PORTS},
        {"function table", &info->functions, sizeof(struct boot_function), BOOT_MAX_FUNCTIONS},
    };

    for (unsigned i = 0; i < TABLES; i++) {
        check_table(m, &rules[i]);
    }
    check_overlap(rules);
    tap_ok(info->memory.count > 0, "memory table has entries");
    tap_ok(info->cpus.count > 0, "CPU table has entries");
}

/* Nothing of what the loader's or the kernel's frames held before may show behind the data. */
static void check_tail(const struct machine *m)
{
    const uint8_t *area = (const uint8_t *)m->info;
    uint64_t end = (m->view.size + 4095ull) & ~4095ull;
    uint64_t dirty = 0;

    for (uint64_t i = m->view.size; i < end; i++) {
        dirty += area[i] != 0;
    }
    tap_equal(dirty, 0, "rest of the last page is zero");
}

static bool framebuffer_is_typed(const struct machine *m)
{
    const struct boot_memory *range;

    for (uint32_t i = 0; (range = machine_memory(m, i)); i++) {
        if (range->type == MEMORY_FRAMEBUFFER && range->base == m->info->framebuffer.base) {
            return true;
        }
    }
    return false;
}

static void check_framebuffer(const struct machine *m)
{
    const struct boot_framebuffer *fb = &m->info->framebuffer;

    if (m->framebuffer) {
        tap_ok(fb->base, "the firmware's framebuffer is handed over");
    }
    if (fb->base == 0) {
        tap_ok(fb->pitch == 0 && fb->width == 0 && fb->height == 0 && fb->bits_per_pixel == 0,
               "no framebuffer: its fields are zero");
        return;
    }
    tap_ok(fb->width > 0 && fb->height > 0, "framebuffer has a size");
    tap_ok((uint64_t)fb->width * fb->bits_per_pixel <= 8ull * fb->pitch,
           "framebuffer lines fit its pitch");
    tap_ok(framebuffer_is_typed(m), "framebuffer is a range of its own in the memory map");
}

/* Offset of a physical address from the start of the area; beyond its end if it is not inside. */
static uint64_t offset_in_area(const struct machine *m, uint64_t address)
{
    const struct boot_memory *range;

    for (uint32_t i = 0; (range = machine_memory(m, i)); i++) {
        if (range->type == MEMORY_BOOT_INFO && range->size) {
            return address - range->base;
        }
    }
    return UINT64_MAX;
}

/*
 * The ACPI root pointer is where the firmware put it, on 16 bytes (ACPI 6.4, 5.2.5.1), or a copy
 * in the area when the boot loader handed over a copy only.
 */
static void check_root_pointer(const struct machine *m)
{
    const char signature[8] = {'R', 'S', 'D', ' ', 'P', 'T', 'R', ' '};
    uint64_t offset = offset_in_area(m, m->info->acpi_rsdp);
    bool equal = true;

    if (offset > m->view.size - sizeof(signature)) {
        tap_ok(m->info->acpi_rsdp != 0 && m->info->acpi_rsdp % 16 == 0,
               "ACPI root pointer is the firmware's");
        return;
    }
    for (unsigned i = 0; i < sizeof(signature); i++) {
        equal = equal && ((const char *)m->info)[offset + i] == signature[i];
    }
    tap_ok(equal, "ACPI root pointer is a copy in this area");
}

static void check_flags(const struct boot_info *info)
{
    const uint32_t known =
        BOOT_FLAG_DMA_CONFINED | BOOT_FLAG_VTD | BOOT_FLAG_AMDVI | BOOT_FLAG_PM_TIMER_32;
    const uint32_t iommu = info->flags & (BOOT_FLAG_VTD | BOOT_FLAG_AMDVI);

    tap_equal(info->flags & ~known, 0, "no unknown flag");
    tap_ok(iommu != (BOOT_FLAG_VTD | BOOT_FLAG_AMDVI), "at most one kind of IOMMU");
    tap_ok((iommu != 0) == (info->acpi_dmar != 0), "IOMMU table's address goes with its flag");
    tap_equal(info->flags & BOOT_FLAG_DMA_CONFINED, 0, "DMA is not called confined");
}

/* Without guests nothing is said of them; with them, at least what every x86-64 CPU has. */
static void check_guest(const struct boot_guest *g)
{
    const uint64_t cr0 = 1ull << 0 | 1ull << 31, efer = 1ull << 8 | 1ull << 10;

    if (g->kind == GUEST_NONE) {
        tap_equal(g->features | g->cr0 | g->cr4 | g->efer | g->xcr0 | g->tags | g->image, 0,
                  "no guests, and nothing about them");
        return;
    }
    tap_ok(g->kind <= GUEST_SVM, "a known kind of guests");
    tap_equal(g->features >> 8, 0, "no unknown feature of theirs");
    tap_ok((g->cr0 & cr0) == cr0 && (g->cr4 & 1u << 5) && (g->efer & efer) == efer,
           "they can have 64-bit mode");
    tap_ok(!(g->cr4 & 1u << 13), "but not VMX");
    tap_ok(!(g->efer & 1u << 12), "and not SVM");
    tap_ok((g->xcr0 & 3) == 3 && g->image >= 576 && g->image <= 3072, "x87 and SSE state");
    tap_ok(g->tags >= 1, "and tags");
}

void suite_boot_info(const struct machine *m)
{
    const struct boot_info *info = m->info;

    tap_equal(info->magic, BOOT_INFO_MAGIC, "magic");
    tap_equal(info->version_major, ABI_VERSION_MAJOR, "major version");
    tap_equal(info->version_minor, ABI_VERSION_MINOR, "minor version");
    tap_equal(info->version_patch, ABI_VERSION_PATCH, "patch version");
    tap_equal(info->header_size, sizeof(*info), "header size");
    tap_ok(info->reserved[0] == 0 && info->reserved[1] == 0 && info->reserved[2] == 0,
           "reserved bytes are zero");
    tap_equal(info->framebuffer.reserved, 0, "framebuffer's reserved byte is zero");
    check_flags(info);
    check_guest(&info->guest);
    check_tables(m);
    check_tail(m);
    check_framebuffer(m);
    tap_ok(boot_view_string(&m->view, info->command_line), "command line lies inside");
    tap_ok(boot_view_string(&m->view, info->boot_loader), "boot loader's name lies inside");
    check_root_pointer(m);
    tap_ok(info->kernel_entry_tsc < tsc_read(), "the kernel was entered in the past");
}
