/*
 * The VMM's interrupt controllers and timers, wired as in the machine, and a guest that does what
 * it likes to their registers while lines move and time passes. What must hold whatever it does:
 * vectors are legal and in order, what is cached is what it is computed from, no timer is left
 * behind, and no controller asks for what it does not have.
 */
#include <stdlib.h>
#include <string.h>

#include "hpet.h"
#include "isa.h"
#include "lapic.h"
#include "pit.h"

#define CPUS 3u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct machine machine;
static struct apics apics;
static struct lapic cpu[CPUS];
static struct ioapic ioapic;
static struct pic pic;
static struct pit pit;
static struct hpet hpet;
static struct isa isa = {&pic, &ioapic};
static uint64_t now;

static void require(bool holds)
{
    if (!holds)
        abort();
}

static uint64_t clock_now(void)
{
    return now;
}

static void heard(void *owner, uint32_t id)
{
    require(owner == &machine && id < CPUS);
}

static void init(void *owner, uint32_t id)
{
    heard(owner, id);
    lapic_init(&cpu[id]);
}

static void startup(void *owner, uint32_t id, uint8_t vector)
{
    (void)vector;
    heard(owner, id);
}

static void open_all(void)
{
    now = 1;
    machine = (struct machine){.timers = {.hz = 2400000007, .now = clock_now}};
    apics = (struct apics){.address_bits = 40,
                           .owner = &machine,
                           .wake = heard,
                           .init = init,
                           .startup = startup,
                           .nmi = heard};
    for (uint32_t i = 0; i < CPUS; i++) {
        require(lapic_open(&cpu[i], &apics, &machine.timers, i));
        lapic_boot(&cpu[i]);
    }
    require(ioapic_open(&ioapic, &machine, &apics));
    require(pic_open(&pic, &machine, (struct line){lapic_lint, &cpu[0], 0}));
    require(hpet_open(&hpet, &machine, (struct line){isa_set, &isa, 0},
                      (struct line){ioapic_set, &ioapic, 0}));
    require(pit_open(&pit, &machine, (struct line){hpet_pass, &hpet, 0}));
}

/* --- what must hold
 * ------------------------------------------------------------------------------*/

static void require_set(const struct vectors *set)
{
    int highest = -1;

    for (uint32_t i = 0; i < 4; i++)
        require((set->words >> i & 1) == !!set->word[i]);
    for (uint32_t i = 0; i < 4; i++)
        if (set->word[i])
            highest = (int)(i * 64 + 63 - (uint32_t)__builtin_clzll(set->word[i]));
    require(vectors_highest(set) == highest && !(set->word[0] & 0xffff));
}

static void require_lapic(const struct lapic *l)
{
    int vector = lapic_next(l);
    int served = vectors_highest(&l->isr);

    require_set(&l->irr);
    require_set(&l->isr);
    require((vector < 0 || vector >> 4 > l->tpr >> 4) && vector < 256);
    require(vector < 0 || served < 0 || vector >> 4 > served >> 4);
    require(l->ppr >> 4 == (served >> 4 > l->tpr >> 4 ? served >> 4 : l->tpr >> 4));
    require(!(l->base & APIC_BASE_EXTD) || lapic_enabled(l));
    require(!l->left || l->initial);
    for (uint32_t i = 0; i < LVT_COUNT && !(l->svr & SVR_ENABLED); i++)
        require(l->lvt[i] & LVT_MASKED);
}

static void require_timers(void)
{
    uint64_t last = 1;
    uint32_t count = 0;

    for (const struct timer *t = machine.timers.first; t; t = t->next) {
        require(t->deadline >= last && ++count <= CPUS + 1 + HPET_TIMERS);
        last = t->deadline;
    }
}

static void require_all(void)
{
    for (uint32_t i = 0; i < CPUS; i++)
        require_lapic(&cpu[i]);
    for (uint32_t pin = 0; pin < IOAPIC_PINS; pin++)
        require((ioapic.remote >> pin & 1) == (ioapic.entry[pin] >> 14 & 1));
    require(pic.chip[0].asks == (cpu[0].line & 1));
    require(!pic.chip[0].asks || pic.chip[0].irr & (uint8_t)~pic.chip[0].imr);
    require((pic.chip[0].irr >> 2 & 1) == pic.chip[1].asks);
    require((hpet.ioapic_up & ~0x00f00000u) == 0 && (hpet.isa_up & ~0x101u) == 0);
    require_timers();
}

/* --- what a guest and its devices do
 * -------------------------------------------------------------*/

struct input {
    const uint8_t *data;
    size_t left;
};

/* So many bytes; 0 where there are no more. */
static uint64_t take(struct input *input, unsigned bytes)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < bytes && input->left; i++, input->left--)
        value |= (uint64_t)*input->data++ << i * 8;
    return value;
}

static void time_pass(uint64_t ticks)
{
    now += ticks;
    timers_run(&machine.timers);
    require(!timers_next(&machine.timers) || timers_next(&machine.timers) > now);
}

/* To where the next timer fires, or late by so much. */
static void time_skip(uint64_t late)
{
    uint64_t next = timers_next(&machine.timers);

    if (next && next - now < 1ull << 48)
        time_pass(next - now + late);
}

static void serve(struct lapic *l, bool ends)
{
    int vector = lapic_next(l);

    if (lapic_extint(l)) {
        uint8_t from_pic = pic_take(&pic) & 0xf8;
        require(from_pic == pic.chip[0].vector || from_pic == pic.chip[1].vector);
        lapic_extint_taken(l);
    } else if (vector >= 0) {
        require(vectors_has(&l->irr, (uint8_t)vector));
        lapic_taken(l, (uint8_t)vector);
        require(vectors_highest(&l->isr) == vector && lapic_next(l) < 0);
        require(!lapic_eoi_can_be_skipped(l) ||
                (!l->irr.words && !vectors_has(&l->tmr, (uint8_t)vector)));
    }
    if (ends)
        lapic_eoi(l);
}

static void access_port(uint64_t what, uint64_t value)
{
    static const uint16_t ports[] = {0x20, 0x21, 0xa0, 0xa1, 0x4d0, 0x4d1,
                                     0x40, 0x41, 0x42, 0x43, 0x61};
    uint16_t port = ports[(what & 15) % (sizeof(ports) / sizeof(ports[0]))];
    unsigned bytes = 1u << (what >> 5 & 3);

    if (what & 16)
        bus_write(&machine.ports, port, bytes, value);
    else
        bus_read(&machine.ports, port, bytes);
}

static void access_memory(uint64_t base, uint64_t offset, bool writes, unsigned bytes,
                          uint64_t value)
{
    if (writes)
        bus_write(&machine.memory, base + offset, bytes, value);
    else
        bus_read(&machine.memory, base + offset, bytes);
}

static void access_lapic(struct lapic *l, uint64_t offset, bool writes, unsigned bytes,
                         uint64_t value)
{
    if (writes)
        lapic_page_write(l, offset & 0xfff, bytes, value);
    else
        lapic_page_read(l, offset & 0xfff, bytes);
}

static void access_msr(struct lapic *l, uint64_t what, bool writes, uint64_t value)
{
    uint32_t msr = MSR_X2APIC + (uint32_t)(what & 0x7f);
    uint64_t read;

    if (what >> 7 & 1)
        msr = what & 1 ? MSR_APIC_BASE : MSR_TSC_DEADLINE;
    if (msr == MSR_APIC_BASE && what >> 1 & 1) /* likely ones too */
        value = LAPIC_BASE | (value & 0xc00);
    if (writes)
        lapic_msr_write(l, msr, value);
    else if (lapic_msr_read(l, msr, &read))
        require(msr >= MSR_X2APIC + 0x40 ? msr == MSR_TSC_DEADLINE : true);
}

static void step(struct input *input)
{
    uint64_t command = take(input, 1);
    struct lapic *l = &cpu[(command >> 4 & 3) % CPUS];
    bool flag = command >> 6 & 1;
    unsigned bytes = 1u << (command >> 4 & 3);

    switch (command & 15) {
    case 0:
    case 1:
        access_port(command >> 1 << 1, 0);
        access_port(take(input, 1), take(input, 1));
        break;
    case 2:
        access_memory(IOAPIC_BASE, take(input, 1), flag, bytes, take(input, 4));
        break;
    case 3: /* one that does something: an entry */
        access_memory(IOAPIC_BASE, 0, true, 4, take(input, 1) & 0x3f);
        access_memory(IOAPIC_BASE, 0x10, true, 4, take(input, 4));
        break;
    case 4:
    case 5:
        access_memory(HPET_BASE, take(input, 2) & 0x3ff, flag, bytes, take(input, 8));
        break;
    case 6:
        access_lapic(l, take(input, 2), flag, 1u << (command >> 7) * 2, take(input, 4));
        break;
    case 7:
        access_lapic(l, (take(input, 1) & 0x3f) << 4, true, 4, take(input, 4));
        break;
    case 8:
    case 9:
        access_msr(l, take(input, 1), flag, take(input, 8));
        break;
    case 10:
        time_pass(take(input, 1) << (take(input, 1) & 0x1f));
        break;
    case 11:
        time_skip(command >> 4);
        break;
    case 12:
        if (flag)
            isa_set(&isa, (uint32_t)take(input, 1) & 31, command >> 7);
        else
            ioapic_set(&ioapic, (uint32_t)take(input, 1) & 31, command >> 7);
        break;
    case 13:
        serve(l, flag);
        break;
    case 14:
        apics_message(&apics, 0xfee00000 | take(input, 3), (uint32_t)take(input, 2));
        break;
    default:
        if (flag)
            lapic_tsc_offset_set(l, take(input, 8));
        else
            lapic_cr8_set(l, take(input, 1) & 15);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, size};

    open_all();
    while (input.left) {
        step(&input);
        require_all();
    }
    return 0;
}
