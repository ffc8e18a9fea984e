#include "platform.h"

#include <stdlib.h>

#include "ends.h"
#include "interrupts.h"
#include "kvm.h"
#include "terminal.h"
#include "vcpu.h"
#include "wall_clock.h"

#define COM1       0x3f8u
#define LAPIC_SIZE 4096u
#define PIC_WIRES  10u /* lines 10 and 11; the DSDT says so too */
#define SLEEP_OFF  5u  /* the type of S5 in the DSDT */

/* --- hooks: what devices ask of the VM --- */

static void on_wake(void *owner, uint32_t id)
{
    struct platform *p = owner;

    if (!p->current || p->current->id != id) /* an exit that is being handled looks at its end */
        vcpu_wake(&p->vm->vcpu[id]);
}

static void on_nmi(void *owner, uint32_t id)
{
    struct platform *p = owner;

    p->vm->vcpu[id].nmi = true;
    on_wake(owner, id);
}

/* The only VCPU is the one that would begin in the firmware after INIT, as after a reset. */
static void on_init(void *owner, uint32_t id)
{
    struct platform *p = owner;

    (void)id;
    p->vm->reset_wanted = true;
}

static void on_startup(void *owner, uint32_t id, uint8_t vector)
{
    (void)owner;
    (void)id;
    (void)vector;
}

static void on_reset(void *owner)
{
    struct platform *p = owner;

    p->vm->reset_wanted = true;
}

static void on_reset_line(void *owner, uint32_t pin, bool level)
{
    (void)pin;
    if (level)
        on_reset(owner);
}

static void on_sleep(void *owner, uint8_t type)
{
    struct platform *p = owner;

    if (type == SLEEP_OFF)
        end_off(p->vm);
}

static void on_debug_exit(void *owner, uint32_t value)
{
    struct platform *p = owner;

    end_exit(p->vm, value);
}

static void typed_deliver(void *owner)
{
    struct platform *p = owner;
    const uint8_t *bytes;
    uint32_t count, taken;

    do {
        count = terminal_typed(&bytes);
        taken = count ? uart_receive(&p->uart, bytes, count) : 0;
        terminal_take(taken);
    } while (count && taken == count);
}

static bool on_fill(void *owner, uint8_t *bytes, uint32_t size)
{
    (void)owner;
    return random_fill(bytes, size);
}

/* --- the page of the LAPIC, which is each VCPU's own --- */

static uint64_t lapic_bus_read(void *owner, uint64_t offset, unsigned size)
{
    struct platform *p = owner;

    if (lapic_page(&p->current->lapic) != LAPIC_BASE)
        return UINT64_MAX;
    interrupts_tpr_take(p->current);
    return lapic_page_read(&p->current->lapic, offset, size);
}

static void lapic_bus_write(void *owner, uint64_t offset, unsigned size, uint64_t value)
{
    struct platform *p = owner;

    if (lapic_page(&p->current->lapic) != LAPIC_BASE)
        return;
    interrupts_tpr_take(p->current);
    lapic_page_write(&p->current->lapic, offset, size, value);
    interrupts_tpr_set(p->current);
}

static bool lapics_open(struct platform *p)
{
    static const struct bus_operations operations = {lapic_bus_read, lapic_bus_write};
    const struct bus_range page = {LAPIC_BASE, LAPIC_SIZE, &operations, p, 8};

    p->apics = (struct apics){.address_bits = p->vm->physical_bits,
                              .owner = p,
                              .wake = on_wake,
                              .init = on_init,
                              .startup = on_startup,
                              .nmi = on_nmi};
    for (uint32_t id = 0; id < p->vm->config.vcpus; id++)
        if (!lapic_open(&p->vm->vcpu[id].lapic, &p->apics, &p->machine.timers, id))
            return false;
    return bus_add(&p->machine.memory, &page);
}

/* --- */

static uint64_t timers_now(void)
{
    return tsc_now();
}

static struct line isa_line(struct platform *p, uint32_t pin)
{
    return (struct line){isa_set, &p->isa, pin};
}

static bool controllers_open(struct platform *p)
{
    const struct line lint0 = {lapic_lint, &p->vm->vcpu[0].lapic, 0};

    p->isa = (struct isa){&p->pic, &p->ioapic};
    return lapics_open(p) && ioapic_open(&p->ioapic, &p->machine, &p->apics) &&
           pic_open(&p->pic, &p->machine, lint0);
}

static bool clocks_open(struct platform *p)
{
    const struct line irq0 = {hpet_pass, &p->hpet, 0};
    const struct line irq8 = {hpet_pass, &p->hpet, 8};
    const struct line ioapic = {ioapic_set, &p->ioapic, 0};
    const uint64_t size = p->vm->ram_size;
    const uint64_t low = size < GUEST_LOW_END ? size : GUEST_LOW_END;
    const struct rtc_setup setup = {.seconds = wall_clock_seconds(p->vm),
                                    .tick = tsc_now(),
                                    .low_ram = low,
                                    .high_ram = size - low};

    return hpet_open(&p->hpet, &p->machine, isa_line(p, 0), ioapic) &&
           pit_open(&p->pit, &p->machine, irq0) && rtc_open(&p->rtc, &p->machine, &irq8, &setup);
}

static bool legacy_open(struct platform *p)
{
    const struct uart_host host = {terminal_put, typed_deliver, p};
    const struct ps2_lines lines = {isa_line(p, 1), isa_line(p, 12), {on_reset_line, p, 0}};
    const struct line com1 = isa_line(p, 4);
    const struct line sci = isa_line(p, 9);

    return uart_open(&p->uart, &p->machine, COM1, &com1, &host) &&
           ps2_open(&p->ps2, &p->machine, &lines) &&
           acpi_pm_open(&p->acpi_pm, &p->machine, &sci, on_sleep, p) &&
           reset_open(&p->reset, &p->machine, on_reset, p) &&
           debug_exit_open(&p->debug_exit, &p->machine, on_debug_exit, p);
}

static bool testdev_add(struct platform *p)
{
    struct line lines[TESTDEV_LINES];

    if (!p->vm->config.testdev)
        return true;
    for (uint32_t i = 0; i < TESTDEV_LINES; i++)
        lines[i] = (struct line){ioapic_set, &p->ioapic, i};
    uint8_t *memory = calloc(1, TESTDEV_MEMORY_SIZE);
    if (!memory)
        give_up("no memory for the test device");
    return testdev_open(&p->testdev, &p->machine, lines, memory);
}

/* INTA to INTD: each is a pin of the I/O APIC, and two share a line of the PICs. */
static void on_wire(void *owner, uint32_t pin, bool level)
{
    struct platform *p = owner;
    const uint32_t line = PIC_WIRES + pin % 2;

    p->wires = (p->wires & ~(1u << pin)) | (uint32_t)level << pin;
    ioapic_set(&p->ioapic, PCI_GSI + pin, level);
    pic_set(&p->pic, line, p->wires & (5u << pin % 2));
}

static bool pci_devices_open(struct platform *p)
{
    const struct message_port messages = {apics_message, &p->apics};
    const struct virtio_rng_source source = {on_fill, p};
    struct pci_wiring wiring = {.reset = {on_reset_line, p, 0}};

    for (uint32_t i = 0; i < PCI_WIRES; i++) {
        wiring.wire[i] = (struct line){on_wire, p, i};
        wiring.irq[i] = (uint8_t)(PIC_WIRES + i % 2);
    }
    return pci_open(&p->pci, &p->machine, &wiring) &&
           virtio_rng_open(&p->rng, &p->pci, &p->vm->memory, &messages, &source);
}

static uint64_t msr_now(void *owner)
{
    (void)owner;
    return tsc_now();
}

static void msr_tsc_offset(void *owner, uint64_t offset)
{
    struct vcpu *v = owner;

    vcpu_need(v, STATE_TSC);
    v->state->tsc_offset = offset;
    vcpu_change(v, STATE_TSC);
    lapic_tsc_offset_set(&v->lapic, offset);
}

static void msrs_open(struct platform *p)
{
    for (uint32_t id = 0; id < p->vm->config.vcpus; id++) {
        struct vcpu *v = &p->vm->vcpu[id];
        v->msrs = (struct msrs){.hooks = {.now = msr_now,
                                          .tsc_offset = msr_tsc_offset,
                                          .wall_clock = kvm_wall_clock,
                                          .system_time = kvm_system_time,
                                          .pv_eoi = kvm_eoi,
                                          .owner = v},
                                .amd = ENVIRONMENT->guest.kind == GUEST_SVM,
                                .physical_bits = p->vm->physical_bits};
    }
}

bool platform_open(struct platform *p, struct vm *vm)
{
    p->vm = vm;
    p->machine.timers = (struct timers){.hz = ENVIRONMENT->tsc_hz, .now = timers_now};
    msrs_open(p);
    return controllers_open(p) && clocks_open(p) && legacy_open(p) && testdev_add(p) &&
           pci_devices_open(p);
}

void platform_reset(struct platform *p)
{
    pic_reset(&p->pic);
    ioapic_reset(&p->ioapic);
    hpet_reset(&p->hpet);
    pit_reset(&p->pit);
    rtc_reset(&p->rtc);
    uart_reset(&p->uart);
    ps2_reset(&p->ps2);
    acpi_pm_reset(&p->acpi_pm);
    reset_reset(&p->reset);
    pci_reset(&p->pci);
    if (p->vm->config.testdev)
        testdev_reset(&p->testdev);
}

void platform_recalled(struct platform *p)
{
    typed_deliver(p);
}
