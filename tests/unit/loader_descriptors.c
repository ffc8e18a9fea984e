/*
 * GDT and TSS of a window, as the processor reads them.
 */
#include "descriptors.h"

#include <stdint.h>
#include <string.h>

#include "tap.h"

#define CPU  3u
#define AREA (CPU_AREAS + (uint64_t)CPU * CPU_AREA_SIZE)

static uint8_t page[4096] __attribute__((aligned(8)));

static uint64_t word_at(unsigned offset)
{
    uint64_t word;

    memcpy(&word, page + offset, sizeof(word));
    return word;
}

int main(void)
{
    unsigned tss = CPU_TSS - CPU_TSS_PAGE;
    uint64_t low, high;

    descriptors_fill(page, CPU);
    is_u64(word_at(0), 0, "the first descriptor is none");
    is_u64(word_at(KERNEL_CS) >> 40 & 0xff, 0x9b, "kernel code");
    is_u64(word_at(KERNEL_SS) >> 40 & 0xff, 0x93, "kernel data");
    is_u64(word_at(USER_SS & ~7u) >> 40 & 0xff, 0xf3, "user data");
    is_u64(word_at(USER_CS & ~7u) >> 40 & 0xff, 0xfb, "user code");
    low = word_at(TSS_SELECTOR);
    high = word_at(TSS_SELECTOR + 8);
    is_u64(low >> 40 & 0xff, 0x89, "a TSS that is not busy");
    is_u64((low >> 16 & 0xffffff) | low >> 56 << 24 | high << 32, AREA + CPU_TSS, "it is there");
    is_u64((low & 0xffff) + 1, CPU_AREA_SIZE - CPU_TSS, "and ends with the window");
    is_u64(word_at(CPU_GDT_POINTER - CPU_TSS_PAGE) & 0xffff, GDT_SIZE - 1, "the GDT's limit");
    is_u64(word_at(CPU_GDT_POINTER + 2 - CPU_TSS_PAGE), AREA + CPU_GDT, "and its address");
    is_u64(word_at(tss + 4), AREA + CPU_STACK_TOP, "the main stack");
    is_u64(word_at(tss + 36 + 8 * (IST_NMI - 1)), AREA + CPU_NMI_STACK + 4096, "that of NMI");
    is_u64(word_at(tss + 36 + 8 * (IST_DF - 1)), AREA + CPU_DF_STACK + 4096, "of double faults");
    is_u64(word_at(tss + 36 + 8 * (IST_MC - 1)), AREA + CPU_MC_STACK + 4096, "of machine checks");
    is_u64(word_at(tss + 36 + 8 * (IST_DB - 1)), AREA + CPU_DB_STACK + 4096, "of #DB");
    is_u64(word_at(tss + 96) >> 48, CPU_IO_BITMAP - CPU_TSS, "the I/O bitmap has its own frames");
    return done_testing();
}
