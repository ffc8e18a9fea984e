/*
 * A guest whose RAM can be looked at, for the tests of boot protocols: what was there before is
 * known, so a byte that nobody was to write shows.
 */
#pragma once

#include <stdlib.h>

#include "boot.h"
#include "bytes.h"
#include "load.h"
#include "state.h"
#include "tap.h"

#define MIB          (1ull << 20)
#define GUEST_FILL   0xa5 /* RAM before */
#define GUEST_ACPI   0xe0000ull
#define GUEST_ACPI_N 0x20000ull

static struct guest_memory guest_memory;
static uint8_t *guest_host;
static struct vcpu_state guest_state;
static struct boot_error guest_error;
static uint32_t guest_changed;
static struct boot_image guest_modules[4];
static struct boot_request request;

/* RAM of so many bytes, and a request without any image. */
static inline void guest_begin(uint64_t size)
{
    free(guest_host);
    guest_host = malloc(size);
    memset(guest_host, GUEST_FILL, size);
    guest_memory_lay(&guest_memory, guest_host, size);
    memset(&guest_state, 0xff, sizeof(guest_state));
    request = (struct boot_request){.memory = &guest_memory,
                                    .modules = guest_modules,
                                    .command_line = "a b",
                                    .rsdp = GUEST_ACPI + 16,
                                    .acpi_base = GUEST_ACPI,
                                    .acpi_size = GUEST_ACPI_N};
}

static inline const uint8_t *at(uint64_t gpa)
{
    const uint8_t *p = guest_at(&guest_memory, gpa, 1);

    return p ? p : (const uint8_t *)"";
}

/* Are so many bytes from there on still as they were? */
static inline bool untouched(uint64_t gpa, uint64_t size)
{
    const uint8_t *p = guest_at(&guest_memory, gpa, size);

    for (uint64_t i = 0; p && i < size; i++)
        if (p[i] != GUEST_FILL)
            return false;
    return p != NULL;
}

static inline void is_refused(bool booted, const char *why)
{
    ok(!booted, "refused: %s", why);
    is_str(guest_error.text, why, "and it says why");
}

static inline void is_untouched_low(void)
{
    ok(untouched(0, BOOT_LOW), "the first page is not touched");
    ok(untouched(GUEST_ACPI, GUEST_ACPI_N), "nor are the ACPI tables");
    ok(untouched(0xc0000, 0x20000), "nor is what is below them");
}

/* The state that PVH and Multiboot begin with. */
static inline void is_protected_mode(uint32_t entry)
{
    const struct vcpu_state *s = &guest_state;
    const struct vcpu_segment *data[] = {&s->ds, &s->es, &s->fs, &s->gs, &s->ss};

    is_u64(s->rip, entry, "EIP: the entry");
    is_u64(s->rflags, 2, "EFLAGS: interrupts off, no VM");
    is_u64(s->cr0 & 0x80000001, 1, "CR0: PE, no PG");
    is_u64(s->cr4, 0, "CR4");
    is_u64(s->efer, 0, "EFER");
    is_u64(s->cs.attributes, 0xc9b, "CS: 32-bit code, read and execute");
    is_u64(s->cs.base, 0, "from 0");
    is_u64(s->cs.limit, UINT32_MAX, "to 4 GiB");
    for (unsigned i = 0; i < 5; i++)
        ok(data[i]->attributes == 0xc93 && data[i]->base == 0 && data[i]->limit == UINT32_MAX,
           "data segment %u: flat, read and write", i);
    is_u64(s->tr.attributes, 0x8b, "TR: a busy 32-bit TSS");
    is_u64(s->tr.limit, 0x67, "of 104 bytes");
    ok(s->rcx + s->rdx + s->rsi + s->rdi + s->rbp + s->r8 + s->r15 == 0, "other registers are 0");
    is_u64(guest_changed,
           STATE_RIP | STATE_RFLAGS | STATE_RSP | STATE_CS_SS | STATE_DS_ES | STATE_FS_GS |
               STATE_LDTR_TR | STATE_GDTR_IDTR | STATE_CR | STATE_EFER,
           "the groups that were set");
}

/* --- images --- */

#define IMAGE_SIZE 0x6000u

static uint8_t image[IMAGE_SIZE];

static inline void put16(uint8_t *to, uint16_t value)
{
    memcpy(to, &value, sizeof(value));
}

static inline void image_use(size_t size)
{
    request.kernel = (struct boot_image){.data = image, .size = size};
}

struct elf_segment {
    uint32_t type;
    uint64_t offset, virtual, physical, file_size, size;
};

/* An ELF file with these program headers from offset 64 on. */
static inline void elf_make(bool is_64, uint64_t entry, const struct elf_segment *s, uint16_t count)
{
    for (unsigned i = 0; i < IMAGE_SIZE; i++)
        image[i] = (uint8_t)(i * 7 + i / 256);
    memset(image, 0, 64 + 64ull * count);
    memcpy(image,
           "\x7f"
           "ELF",
           4);
    image[4] = is_64 ? 2 : 1;
    image[5] = image[6] = 1;
    put16(image + 16, 2);
    put16(image + 18, is_64 ? 62 : 3);
    put32(image + 24, (uint32_t)entry);
    if (is_64) {
        put64(image + 24, entry);
        put64(image + 32, 64);
    } else {
        put32(image + 28, 64);
    }
    put16(image + (is_64 ? 54 : 42), is_64 ? 56 : 32);
    put16(image + (is_64 ? 56 : 44), count);
    for (unsigned i = 0; i < count; i++) {
        uint8_t *p = image + 64 + i * (is_64 ? 56ull : 32ull);
        const uint64_t wide[] = {s[i].offset, s[i].virtual, s[i].physical, s[i].file_size,
                                 s[i].size};
        put32(p, s[i].type);
        for (unsigned k = 0; k < 5; k++) {
            if (is_64)
                put64(p + 8 + k * 8ull, wide[k]);
            else
                put32(p + 4 + k * 4ull, (uint32_t)wide[k]);
        }
    }
    image_use(IMAGE_SIZE);
}
