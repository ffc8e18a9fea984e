/*
 * The IDT (SDM 3A, chapter 6). GDT and TSS are in the window of each CPU, where the loader has made
 * them.
 */
#include "cpu.h"
#include "entry.h"
#include "interrupt.h"
#include "x86.h"

#define GATE_INTERRUPT 0x8e00ull /* present, privilege 0, 64-bit interrupt gate */
#define GATE_USER      0x6000u   /* may be raised by INT n at privilege 3 */

#define TSS_BUSY (1ull << 41) /* LTR sets it, and wants it clear (SDM 3A, 7.2.3) */

static uint64_t idt[256][2] SEALED __attribute__((aligned(4096)));

/* SDM 3A, 6.14.1. */
static void idt_set(unsigned vector, uint16_t more)
{
    uint64_t handler =
        (uint64_t)(vector < 32 ? trap_exceptions[vector] : trap_interrupts[vector - 32]);

    idt[vector][0] = (handler & 0xffff) | KERNEL_CS << 16 | (GATE_INTERRUPT | more) << 32 |
                     (handler >> 16 & 0xffff) << 48;
    idt[vector][1] = handler >> 32;
}

void idt_build(void)
{
    static const uint16_t more[32] = {
        [1] = IST_DB, [2] = IST_NMI, [3] = GATE_USER, [4] = GATE_USER, [8] = IST_DF, [18] = IST_MC};

    for (unsigned vector = 0; vector < 32; vector++)
        idt_set(vector, more[vector]);
    for (unsigned vector = VECTOR_DEVICES; vector <= VECTOR_WAKE; vector++)
        idt_set(vector, 0);
    idt_set(VECTOR_SPURIOUS, 0);
}

uint64_t idt_address(void)
{
    return (uint64_t)idt;
}

void idt_load(void)
{
    struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) idtr = {sizeof(idt) - 1, (uint64_t)idt};

    __asm__ volatile("lidt %0" : : "m"(idtr));
}

void task_load(struct cpu *cpu)
{
    cpu_gdt(cpu)[TSS_SELECTOR / 8] &= ~TSS_BUSY;
    __asm__ volatile("ltr %w0" : : "r"(TSS_SELECTOR) : "memory");
}
