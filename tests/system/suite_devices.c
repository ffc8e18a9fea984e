/* What the firmware described besides memory and CPUs: interrupts, PCI, and DMA switched off. */
#include "print.h"
#include "suites.h"
#include "tap.h"

static const struct boot_ioapic *ioapic(const struct machine *m, uint32_t i)
{
    return boot_view_entry(&m->view, &m->info->ioapics, i, sizeof(struct boot_ioapic));
}

static const struct boot_override * override(const struct machine *m, uint32_t i)
{
    return boot_view_entry(&m->view, &m->info->overrides, i, sizeof(struct boot_override));
}

static const struct boot_pci *segment(const struct machine *m, uint32_t i)
{
    return boot_view_entry(&m->view, &m->info->pci, i, sizeof(struct boot_pci));
}

static const struct boot_function *function(const struct machine *m, uint32_t i)
{
    return boot_view_entry(&m->view, &m->info->functions, i, sizeof(struct boot_function));
}

static bool gsi_known(const struct machine *m, uint32_t gsi)
{
    const struct boot_ioapic *a;

    for (uint32_t i = 0; (a = ioapic(m, i)); i++) {
        if (gsi >= a->gsi_base && gsi - a->gsi_base < a->gsi_count) {
            return true;
        }
    }
    return false;
}

static void check_ioapics(const struct machine *m)
{
    const struct boot_ioapic *a, *b;
    bool sane = true, apart = true;

    for (uint32_t i = 0; (a = ioapic(m, i)); i++) {
        /* The register holds the highest index in 8 bits (82093AA, 3.2.2). */
        sane = sane && a->base && a->base % 16 == 0 && a->reserved == 0;
        sane = sane && a->gsi_count >= 16 && a->gsi_count <= 256;
        for (uint32_t k = 0; k < i && (b = ioapic(m, k)); k++) {
            apart = apart && a->base != b->base &&
                    (a->gsi_base >= b->gsi_base + (uint64_t)b->gsi_count ||
                     b->gsi_base >= a->gsi_base + (uint64_t)a->gsi_count);
        }
    }
    tap_ok(m->info->ioapics.count > 0, "there is an I/O APIC");
    tap_ok(sane, "I/O APICs have sane bases and sizes");
    tap_ok(apart, "I/O APICs do not overlap");
}

static void check_overrides(const struct machine *m)
{
    const struct boot_override *o;
    bool sane = true;

    for (uint32_t i = 0; (o = override(m, i)); i++) {
        sane =
            sane && o->isa_irq < 16 && gsi_known(m, o->gsi) && o->flags <= 0xf && o->reserved == 0;
    }
    tap_ok(sane, "overrides name ISA lines and known inputs");
}

static void check_segments(const struct machine *m)
{
    const struct boot_pci *s;
    bool sane = true;

    for (uint32_t i = 0; (s = segment(m, i)); i++) {
        sane = sane && s->base && s->base % (1u << 20) == 0 && s->first_bus <= s->last_bus &&
               s->reserved == 0;
    }
    tap_ok(sane, "PCI segments have sane bases and buses");
}

/*
 * On i440FX boards, such as Bochs', the host bridge at 0:0.0 and the ISA bridge at 0:1.0 have
 * their bus-master bits hard-wired to one (data sheets of 82441FX and 82371SB, PCICMD): listed,
 * they are told truly. Any other function must be off.
 */
static void check_functions(const struct machine *m)
{
    const struct boot_function *f;
    uint64_t others = 0;

    for (uint32_t i = 0; (f = function(m, i)); i++) {
        tap_comment();
        print("bus mastering is on: %x:%02x:%02x.%u\n", f->segment, f->bus,
              f->device_function >> 3u, f->device_function & 7u);
        others += f->segment || f->bus || (f->device_function != 0 && f->device_function != 1 << 3);
    }
    tap_equal(others, 0, "bus mastering is off on every PCI function that lets it");
}

void suite_devices(const struct machine *m)
{
    check_ioapics(m);
    check_overrides(m);
    check_segments(m);
    check_functions(m);
}
