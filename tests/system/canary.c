/* Marks, and what is left of them where they must not be. */
#include "canary_check.h"

#include "cpu.h"
#include "print.h"
#include "tap.h"

#define FCW         0
#define FSW         2
#define FTW         4
#define MXCSR       24
#define MXCSR_MASK  28
#define LEGACY      32 /* registers from here on */
#define XMM         160
#define SOFTWARE    464 /* bytes for software's use, then the header */
#define HEADER      512
#define STANDARD    576
#define X87_INITIAL 0x37f
#define X87_MARK    0xf7f
#define SSE_INITIAL 0x1f80u
#define SSE_MARK    0x7fbfu /* rounding, all flags, all masked */

#define KERNEL_HALF 0xffff800000000000ull

#define COMPONENT_X87   0
#define COMPONENT_SSE   1
#define COMPONENT_AVX   2
#define COMPONENT_MASKS 5 /* and two more, of AVX-512 */
#define COMPONENTS      8

static uint64_t components(void)
{
    uint32_t low, high;

    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}

static void bytes_set(uint8_t *to, uint64_t count, uint8_t value)
{
    for (uint64_t i = 0; i < count; i++) {
        to[i] = value;
    }
}

static void word_set(uint8_t *to, uint32_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++) {
        to[i] = (uint8_t)(value >> 8 * i);
    }
}

/* The initial state, with no component in use. */
static void image_initial(uint8_t *image)
{
    bytes_set(image, CANARY_VECTORS, 0);
    word_set(image + FCW, X87_INITIAL, 2);
    word_set(image + MXCSR, SSE_INITIAL, 4);
}

/* Marks in all components from first to last that there are. */
static void image_extend(uint8_t *image, unsigned first, unsigned last, uint8_t mark)
{
    uint64_t there = components();

    for (unsigned i = first; i <= last; i++) {
        struct cpuid place = cpuid(0xd, i);
        bool known = i == COMPONENT_AVX || i >= COMPONENT_MASKS;
        if (known && there >> i & 1 && place.ebx + place.eax <= CANARY_VECTORS) {
            bytes_set(image + place.ebx, place.eax, mark);
            image[HEADER] |= (uint8_t)(1u << i);
        }
    }
}

void canary_vectors(struct canary *c, enum canary_part part)
{
    uint8_t *image = c->in_vectors, mark = (uint8_t)(CANARY_MARK(c) | 0x80);
    bool all = part == CANARY_ALL;

    image_initial(image);
    if (all || part == CANARY_X87_CONTROL) {
        word_set(image + FCW, X87_MARK, 2);
        image[HEADER] |= 1u << COMPONENT_X87;
    }
    if (all || part == CANARY_X87) {
        word_set(image + FSW, 0x5f00, 2);
        image[FTW] = 0xff;
        for (unsigned i = 0; i < 8; i++) {
            bytes_set(image + LEGACY + (size_t)16 * i, 10, mark);
        }
        image[HEADER] |= 1u << COMPONENT_X87;
    }
    if (all || part == CANARY_SSE_CONTROL) {
        word_set(image + MXCSR, SSE_MARK, 4);
        image[HEADER] |= 1u << COMPONENT_SSE;
    }
    if (all || part == CANARY_SSE) {
        bytes_set(image + XMM, SOFTWARE - XMM - 48, mark);
        image[HEADER] |= 1u << COMPONENT_SSE;
    }
    if (all || part == CANARY_WIDE) {
        image_extend(image, COMPONENT_AVX, COMPONENTS - 1, mark);
    }
}

void canary_fill(struct canary *c, unsigned owner)
{
    c->owner = owner;
    c->event = CANARY_SYSCALL;
    c->stop = 0;
    for (unsigned i = 0; i < CANARY_REGISTERS; i++) {
        c->in[i] = CANARY_MARK(c) << 32 | i;
        c->out[i] = 0;
    }
    c->in_bases[0] = CANARY_MARK(c) << 12;
    c->in_bases[1] = (CANARY_MARK(c) << 12) + 8;
    for (unsigned i = 0; i < CANARY_VECTORS; i++) {
        c->out_vectors[i] = 0;
    }
    canary_vectors(c, CANARY_ALL);
}

static void report(const char *what, unsigned i, uint64_t value)
{
    tap_comment();
    print("%s %u: %#lx\n", what, i, value);
}

/* A mark of somebody else; marks are made with owner 0 before they get theirs. */
static bool is_other(const struct canary *c, uint64_t value)
{
    uint64_t owner = value >> 32 & 0xff;

    return value >> 40 == CANARY_MARK(c) >> 8 && owner != 0 && owner != c->owner;
}

uint64_t canary_general(const struct canary *c, uint64_t message)
{
    uint64_t wrong = 0;

    for (unsigned i = 0; i < CANARY_REGISTERS; i++) {
        uint64_t value = c->out[i];
        bool own = value == 0 || value == c->in[i] || i == CANARY_RSP || message >> i & 1;
        if (i == CANARY_RCX || i == CANARY_R11) {
            own = own || (!is_other(c, value) && value < KERNEL_HALF);
        }
        if (!own) {
            report("register", i, value);
            wrong++;
        }
    }
    return wrong;
}

uint64_t canary_kept(const struct canary *c)
{
    uint64_t wrong = 0;

    for (unsigned i = 0; i < CANARY_REGISTERS; i++) {
        if (i != CANARY_RSP && c->out[i] != c->in[i]) {
            report("register", i, c->out[i]);
            wrong++;
        }
    }
    return wrong;
}

uint64_t canary_bases(const struct canary *c, bool fresh)
{
    uint64_t wrong = 0;

    for (unsigned i = 0; i < 2; i++) {
        if (c->out_bases[i] != (fresh ? 0 : c->in_bases[i])) {
            report("base", i, c->out_bases[i]);
            wrong++;
        }
    }
    return wrong;
}

/* Bytes of the x87 instruction and data pointers, which not every emulator keeps. */
static bool is_compared(unsigned i)
{
    return i < 5 || (i >= MXCSR && i < MXCSR_MASK) || (i >= LEGACY && i < SOFTWARE) ||
           i >= STANDARD;
}

uint64_t canary_vectors_wrong(const struct canary *c, bool initial)
{
    static uint8_t expected[CANARY_VECTORS];
    uint64_t wrong = 0;

    image_initial(expected);
    for (unsigned i = 0; i < CANARY_VECTORS; i++) {
        uint8_t right = initial ? expected[i] : c->in_vectors[i];
        bool looked = is_compared(i) || (initial && i < MXCSR);
        if (looked && c->out_vectors[i] != right) {
            if (!wrong) {
                report("vector state, byte", i, c->out_vectors[i]);
            }
            wrong++;
        }
    }
    return wrong;
}
