/*
 * Finding \_S5_ in AML: the encodings that firmware uses, and everything malformed refused. The
 * blocks lie at the end of a heap allocation, so that the sanitizer sees a byte too far.
 */
#include <stdlib.h>

#include "loader_fakes.h"
#include "s5.h"
#include "tap.h"

/* s5_find on a copy of exactly that size. */
static bool find(const uint8_t *aml, size_t size, struct s5_values *values)
{
    uint8_t *copy = malloc(size ? size : 1);

    memcpy(copy, aml, size);
    bool found = s5_find(copy, (uint32_t)size, values);
    free(copy);
    return found;
}

#define NAME '_', 'S', '5', '_'

static const struct {
    const char *what;
    uint8_t aml[32];
    uint8_t size, found, a, b;
} cases[] = {
    {"four zeros (QEMU)", {0x08, NAME, 0x12, 6, 4, 0, 0, 0, 0}, 12, 1, 0, 0},
    {"bytes", {0x08, NAME, 0x12, 8, 4, 0x0a, 5, 0x0a, 6, 0, 0}, 14, 1, 5, 6},
    {"one and a word", {0x08, NAME, 0x12, 6, 2, 0x01, 0x0b, 7, 0}, 12, 1, 1, 7},
    {"double word", {0x08, NAME, 0x12, 8, 2, 0x0c, 3, 0, 0, 0, 0}, 14, 1, 3, 0},
    {"root prefix", {0x08, 0x5c, NAME, 0x12, 4, 2, 0x01, 0x00}, 11, 1, 1, 0},
    {"one element holds both", {0x08, NAME, 0x12, 5, 1, 0x0b, 0x05, 0x03}, 11, 1, 5, 3},
    {"two bytes of length", {0x08, NAME, 0x12, 0x46, 0x00, 2, 0x0a, 5, 0x00}, 12, 1, 5, 0},
    {"after other bytes", {0xaa, '_', 'S', 0x08, NAME, 0x12, 4, 2, 1, 1}, 13, 1, 1, 1},
    {"second definition", {0x08, NAME, 0x08, NAME, 0x12, 4, 2, 1, 1}, 15, 1, 1, 1},
    {"only a reference", {0x70, NAME, 0x12, 4, 2, 1, 1}, 10, 0, 0, 0},
    {"no package", {0x08, NAME, 0x0a, 5, 0, 0, 0}, 10, 0, 0, 0},
    {"no elements", {0x08, NAME, 0x12, 2, 0, 0, 0}, 10, 0, 0, 0},
    {"value too large", {0x08, NAME, 0x12, 5, 2, 0x0a, 8, 0}, 11, 0, 0, 0},
    {"Ones", {0x08, NAME, 0x12, 4, 2, 0xff, 0xff}, 10, 0, 0, 0},
    {"element is a name", {0x08, NAME, 0x12, 7, 2, 'A', 'B', 'C', 'D', 0}, 13, 0, 0, 0},
    {"package longer than block", {0x08, NAME, 0x12, 9, 4, 0, 0, 0, 0}, 12, 0, 0, 0},
    {"package shorter than its length", {0x08, NAME, 0x12, 0, 4, 0, 0, 0, 0}, 12, 0, 0, 0},
    {"elements past the package", {0x08, NAME, 0x12, 3, 4, 0, 0, 0, 0}, 12, 0, 0, 0},
    {"long length cut off", {0x08, NAME, 0x12, 0xc6, 0x00}, 8, 0, 0, 0},
    {"reserved length bits", {0x08, NAME, 0x12, 0x76, 0x00, 2, 0, 0, 0}, 12, 0, 0, 0},
    {"number cut off", {0x08, NAME, 0x12, 4, 2, 0x0a, 1}, 10, 0, 0, 0},
    {"name at the end", {0x08, NAME}, 5, 0, 0, 0},
    {"name at the start", {NAME, 0x12, 4, 2, 1, 1}, 9, 0, 0, 0},
    {"nothing", {0}, 0, 0, 0, 0},
};

int main(void)
{
    static const uint8_t good[] = {0x08, NAME, 0x12, 8, 4, 0x0a, 5, 0x0a, 6, 0, 0};
    uint64_t state = 1;
    unsigned wild = 0;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct s5_values values = {9, 9};
        bool found = find(cases[i].aml, cases[i].size, &values);

        ok(found == cases[i].found &&
               (!found || (values.a == cases[i].a && values.b == cases[i].b)),
           "%s", cases[i].what);
    }

    for (size_t size = 0; size < 10; size++) {
        struct s5_values values;

        ok(!find(good, size, &values), "cut off after %zu bytes", size);
    }

    for (unsigned i = 0; i < 20000; i++) {
        uint8_t aml[64];
        struct s5_values values = {0, 0};

        for (size_t k = 0; k < sizeof(aml); k++)
            aml[k] = (uint8_t)noise(&state);
        memcpy(aml + 20, good, sizeof(good));
        aml[20 + noise(&state) % sizeof(good)] = (uint8_t)noise(&state);
        aml[20 + noise(&state) % sizeof(good)] = (uint8_t)noise(&state);
        if (find(aml, noise(&state) % sizeof(aml), &values) && (values.a > 7 || values.b > 7))
            wild++;
    }
    is_u64(wild, 0, "damaged definitions never give a value above 7");
    return done_testing();
}
