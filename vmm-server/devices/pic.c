#include "pic.h"

#include <string.h>

#define CASCADE 2u

#define ICW1_INIT   0x10u
#define ICW1_SINGLE 0x02u
#define ICW1_ICW4   0x01u
#define ICW4_NESTED 0x10u
#define ICW4_AUTO   0x02u
#define OCW3        0x08u

static const uint8_t elcr_writable[2] = {0xf8, 0xde}; /* not timer, keyboard, cascade, RTC, FPU */

/* How many lines go before this one. */
static uint32_t rank(const struct pic_chip *chip, uint32_t line)
{
    return (line - chip->lowest - 1u) & 7;
}

/* The line of highest priority of those; -1: none. */
static int first_of(const struct pic_chip *chip, uint8_t lines)
{
    if (!lines)
        return -1;
    uint32_t line = (chip->lowest + 1u) & 7;
    while (!(lines >> line & 1))
        line = (line + 1) & 7;
    return (int)line;
}

/* What in service keeps others out. */
static uint8_t in_service(const struct pic_chip *chip)
{
    return chip->special_mask ? chip->isr & (uint8_t)~chip->imr : chip->isr;
}

/* The line whose interrupt can be taken; -1: none. */
static int request(const struct pic_chip *chip)
{
    int line = first_of(chip, chip->irr & (uint8_t)~chip->imr);
    int served = first_of(chip, in_service(chip));

    if (line < 0 || chip->next)
        return -1;
    if (served < 0 || rank(chip, (uint32_t)line) < rank(chip, (uint32_t)served))
        return line;
    /* The second chip has priorities of its own. */
    return line == served && line == CASCADE && chip->nested ? line : -1;
}

static void update(struct pic *pic)
{
    struct pic_chip *first = &pic->chip[0];
    bool asked = first->asks;

    pic->chip[1].asks = request(&pic->chip[1]) >= 0;
    first->irr =
        (uint8_t)((first->irr & ~(1u << CASCADE)) | (uint32_t)pic->chip[1].asks << CASCADE);
    first->asks = request(first) >= 0;
    if (first->asks != asked)
        line_set(&pic->output, first->asks);
}

void pic_set(void *target, uint32_t pin, bool level)
{
    struct pic *pic = target;
    struct pic_chip *chip = &pic->chip[pin >> 3 & 1];
    uint8_t bit = (uint8_t)(1u << (pin & 7));

    if (pin > 15 || pin == CASCADE || !!(chip->lines & bit) == level)
        return;
    chip->lines ^= bit;
    if (level)
        chip->irr |= bit;
    else
        chip->irr &= (uint8_t)~bit;
    update(pic);
}

/* Takes the request of highest priority: its line, or 7 if there is none any more. */
static uint32_t acknowledge(struct pic_chip *chip)
{
    int line = request(chip);

    if (line < 0)
        return 7;
    uint8_t bit = (uint8_t)(1u << line);
    if (!(chip->elcr & bit))
        chip->irr &= (uint8_t)~bit;
    if (!chip->automatic)
        chip->isr |= bit;
    else if (chip->rotate)
        chip->lowest = (uint8_t)line;
    return (uint32_t)line;
}

uint8_t pic_take(struct pic *pic)
{
    struct pic_chip *chip = &pic->chip[0];
    bool cascaded = request(chip) == CASCADE && !chip->single;
    uint32_t line = acknowledge(chip);

    if (cascaded) {
        chip = &pic->chip[1];
        line = acknowledge(chip);
    }
    uint8_t vector = (uint8_t)(chip->vector | line);
    update(pic);
    return vector;
}

/* --- registers
 * -----------------------------------------------------------------------------------*/

/* Initialisation begins: edges that came before are forgotten. */
static void icw1_write(struct pic_chip *chip, uint8_t value)
{
    chip->irr = chip->lines & chip->elcr;
    chip->isr = 0;
    chip->imr = 0;
    chip->lowest = 7;
    chip->next = 2;
    chip->single = value & ICW1_SINGLE;
    chip->with_icw4 = value & ICW1_ICW4;
    chip->nested = false;
    chip->automatic = false;
    chip->rotate = false;
    chip->read_isr = false;
    chip->poll = false;
    chip->special_mask = false;
}

/* ICW3 says what is wired here already. */
static void icw_write(struct pic_chip *chip, uint8_t value)
{
    uint8_t last = chip->with_icw4 ? 4 : 3;

    if (chip->next == 2)
        chip->vector = value & 0xf8;
    if (chip->next == 4) {
        chip->nested = value & ICW4_NESTED;
        chip->automatic = value & ICW4_AUTO;
    }
    chip->next++;
    if (chip->next == 3 && chip->single)
        chip->next++;
    if (chip->next > last)
        chip->next = 0;
}

/* OCW2: bit 7 rotates, bit 6 names a line, bit 5 is an end of interrupt. */
static void ocw2_write(struct pic_chip *chip, uint8_t value)
{
    bool rotates = value >> 7 & 1;
    bool named = value >> 6 & 1;
    bool ends = value >> 5 & 1;
    int line = named ? value & 7 : first_of(chip, in_service(chip));

    if (!ends && !named) {
        chip->rotate = rotates;
        return;
    }
    if (line < 0)
        return;
    if (ends)
        chip->isr &= (uint8_t) ~(1u << line);
    if (rotates)
        chip->lowest = (uint8_t)line;
}

static void ocw3_write(struct pic_chip *chip, uint8_t value)
{
    if (value >> 6 & 1)
        chip->special_mask = value >> 5 & 1;
    chip->poll = value >> 2 & 1;
    if (value >> 1 & 1)
        chip->read_isr = value & 1;
}

static void chip_write(void *device, uint64_t offset, unsigned size, uint64_t wide)
{
    struct pic_chip *chip = device;
    uint8_t value = (uint8_t)wide;

    (void)size;
    if (offset && chip->next)
        icw_write(chip, value);
    else if (offset)
        chip->imr = value;
    else if (value & ICW1_INIT)
        icw1_write(chip, value);
    else if (value & OCW3)
        ocw3_write(chip, value);
    else
        ocw2_write(chip, value);
    update(chip->pic);
}

/* A read after a poll command is an acknowledge: bit 7 and the line. */
static uint64_t chip_read(void *device, uint64_t offset, unsigned size)
{
    struct pic_chip *chip = device;

    (void)size;
    if (chip->poll) {
        chip->poll = false;
        uint8_t value = request(chip) < 0 ? 0 : (uint8_t)(0x80 | acknowledge(chip));
        update(chip->pic);
        return value;
    }
    if (offset)
        return chip->imr;
    return chip->read_isr ? chip->isr : chip->irr;
}

static uint64_t elcr_read(void *device, uint64_t offset, unsigned size)
{
    const struct pic *pic = device;

    (void)size;
    return pic->chip[offset & 1].elcr;
}

static void elcr_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    struct pic *pic = device;
    struct pic_chip *chip = &pic->chip[offset & 1];

    (void)size;
    chip->elcr = (uint8_t)value & elcr_writable[offset & 1];
    chip->irr |= chip->lines & chip->elcr;
    update(pic);
}

void pic_reset(struct pic *pic)
{
    for (uint32_t i = 0; i < 2; i++) {
        struct pic_chip *chip = &pic->chip[i];
        chip->elcr = 0;
        icw1_write(chip, ICW1_ICW4);
        chip->next = 0;
        chip->imr = 0xff;
        chip->vector = i ? 0x70 : 0x08;
    }
    update(pic);
}

bool pic_open(struct pic *pic, struct machine *machine, struct line output)
{
    static const struct bus_operations chip = {chip_read, chip_write};
    static const struct bus_operations elcr = {elcr_read, elcr_write};
    const struct bus_range ranges[] = {{0x20, 2, &chip, &pic->chip[0], 1},
                                       {0xa0, 2, &chip, &pic->chip[1], 1},
                                       {0x4d0, 2, &elcr, pic, 1}};
    bool added = true;

    memset(pic, 0, sizeof(*pic));
    pic->output = output;
    pic->chip[0].pic = pic;
    pic->chip[1].pic = pic;
    pic_reset(pic);
    for (uint32_t i = 0; i < 3; i++)
        added = added && bus_add(&machine->ports, &ranges[i]);
    return added;
}
