/*
 * Finding \_S5_ in AML. The bytes are searched, not interpreted: the name can only be followed by a
 * package where it is defined, and everything after it is checked to lie inside the package, and
 * the package inside the block.
 */
#include "s5.h"

#define AML_ZERO    0x00
#define AML_ONE     0x01
#define AML_NAME_OP 0x08
#define AML_BYTE    0x0a
#define AML_WORD    0x0b
#define AML_DWORD   0x0c
#define AML_PACKAGE 0x12
#define AML_ROOT    0x5c
#define SLP_TYP_MAX 7u

/* A part of the block that is still to be read. */
struct aml_bytes {
    const uint8_t *next;
    uint32_t left;
};

static bool aml_byte(struct aml_bytes *bytes, uint8_t *value)
{
    if (bytes->left == 0)
        return false;
    *value = *bytes->next++;
    bytes->left--;
    return true;
}

/* A little-endian number of size bytes. */
static bool aml_number(struct aml_bytes *bytes, uint32_t size, uint32_t *value)
{
    uint8_t byte;

    *value = 0;
    for (uint32_t i = 0; i < size; i++) {
        if (!aml_byte(bytes, &byte))
            return false;
        *value |= (uint32_t)byte << (8 * i);
    }
    return true;
}

/*
 * PkgLength (ACPI 6.4, 20.2.4): the top two bits of the first byte say how many bytes follow. It
 * counts itself. Cuts bytes down to the package's content.
 */
static bool aml_enter_package(struct aml_bytes *bytes)
{
    uint8_t first;
    uint32_t before = bytes->left, rest = 0;

    if (!aml_byte(bytes, &first))
        return false;
    uint32_t follow = first >> 6;
    if (follow != 0 && (first & 0x30))
        return false;
    if (!aml_number(bytes, follow, &rest))
        return false;
    uint32_t length = follow ? rest << 4 | (first & 0xf) : first & 0x3fu;
    uint32_t used = before - bytes->left;
    if (length < used || length > before)
        return false;
    bytes->left = length - used;
    return true;
}

static bool aml_constant(struct aml_bytes *bytes, uint32_t *value)
{
    uint8_t op;

    if (!aml_byte(bytes, &op))
        return false;
    switch (op) {
    case AML_ZERO:
    case AML_ONE:
        *value = op;
        return true;
    case AML_BYTE:
        return aml_number(bytes, 1, value);
    case AML_WORD:
        return aml_number(bytes, 2, value);
    case AML_DWORD:
        return aml_number(bytes, 4, value);
    default:
        return false;
    }
}

/* The package that follows the name. One element alone holds a and b in its two low bytes. */
static bool s5_package(struct aml_bytes bytes, struct s5_values *values)
{
    uint8_t op, count;
    uint32_t a, b;

    if (!aml_byte(&bytes, &op) || op != AML_PACKAGE || !aml_enter_package(&bytes))
        return false;
    if (!aml_byte(&bytes, &count) || count == 0 || !aml_constant(&bytes, &a))
        return false;
    if (count == 1) {
        b = a >> 8 & 0xff;
        a &= 0xff;
    } else if (!aml_constant(&bytes, &b)) {
        return false;
    }
    if (a > SLP_TYP_MAX || b > SLP_TYP_MAX)
        return false;
    *values = (struct s5_values){.a = (uint8_t)a, .b = (uint8_t)b};
    return true;
}

bool s5_find(const uint8_t *aml, uint32_t size, struct s5_values *values)
{
    for (uint32_t i = 0; i + 4 < size; i++) {
        if (aml[i] != '_' || aml[i + 1] != 'S' || aml[i + 2] != '5' || aml[i + 3] != '_')
            continue;
        bool named = (i >= 1 && aml[i - 1] == AML_NAME_OP) ||
                     (i >= 2 && aml[i - 1] == AML_ROOT && aml[i - 2] == AML_NAME_OP);
        struct aml_bytes rest = {.next = aml + i + 4, .left = size - i - 4};
        if (named && s5_package(rest, values))
            return true;
    }
    return false;
}
