/*
 * GDT and TSS (SDM 3A, chapters 3 and 7). NMI, double fault, machine check and debug exceptions
 * have stacks of their own: they can come at any instruction, also on the first ones of a system
 * call, where the stack pointer is still the user's.
 */
#include "descriptors.h"

#include <stdint.h>

#define PAGE 0x1000u

struct tss {
    uint32_t reserved0;
    uint64_t rsp[3];
    uint64_t reserved1;
    uint64_t ist[7];
    uint64_t reserved2;
    uint16_t reserved3;
    uint16_t io_bitmap; /* offset from the start of the TSS */
} __attribute__((packed));

_Static_assert(sizeof(struct tss) == TSS_SIZE, "SDM 3A, 7.7");

/* Operand of LGDT (SDM 2A). */
struct table_pointer {
    uint16_t limit;
    uint64_t base;
} __attribute__((packed));

void descriptors_fill(void *page, unsigned cpu)
{
    uint64_t area = CPU_AREAS + (uint64_t)cpu * CPU_AREA_SIZE, base = area + CPU_TSS;
    /* The bitmap's last byte is the window's: ports from 0xfff8 on can never be opened. */
    uint64_t limit = CPU_AREA_SIZE - CPU_TSS - 1;
    uint64_t *gdt = page;
    struct tss *tss = (struct tss *)((char *)page + PAGE - TSS_SIZE);

    gdt[KERNEL_CS / 8] = 0x00209b0000000000; /* 64-bit code, privilege 0 */
    gdt[KERNEL_SS / 8] = 0x0000930000000000; /* data, privilege 0 */
    gdt[USER_SS / 8] = 0x0000f30000000000;   /* data, privilege 3 */
    gdt[USER_CS / 8] = 0x0020fb0000000000;   /* 64-bit code, privilege 3 */
    gdt[TSS_SELECTOR / 8] =
        0x0000890000000000 | limit | (base & 0xffffff) << 16 | (base >> 24 & 0xff) << 56;
    gdt[TSS_SELECTOR / 8 + 1] = base >> 32;
    *(struct table_pointer *)((char *)page + CPU_GDT_POINTER - CPU_TSS_PAGE) =
        (struct table_pointer){GDT_SIZE - 1, area + CPU_GDT};
    *tss = (struct tss){.rsp = {area + CPU_STACK_TOP}, .io_bitmap = CPU_IO_BITMAP - CPU_TSS};
    tss->ist[IST_NMI - 1] = area + CPU_NMI_STACK + PAGE;
    tss->ist[IST_DF - 1] = area + CPU_DF_STACK + PAGE;
    tss->ist[IST_MC - 1] = area + CPU_MC_STACK + PAGE;
    tss->ist[IST_DB - 1] = area + CPU_DB_STACK + PAGE;
}
