/*
 * GDT, TSS and IDT (SDM 3A, chapters 3, 6 and 7). NMI, double fault, machine check and debug
 * exceptions have stacks of their own: they can come at any instruction, also on the first ones of
 * a system call, where the stack pointer is still the user's.
 */
#include "cpu.h"
#include "entry.h"
#include "vector_set.h"
#include "x86.h"

#define GATE_INTERRUPT 0x8e00ull /* present, privilege 0, 64-bit interrupt gate */
#define GATE_USER      0x6000u   /* may be raised by INT n at privilege 3 */

#define TSS_BUSY (1ull << 41) /* LTR sets it, and wants it clear (SDM 3A, 7.2.3) */

#define IST_NMI 1
#define IST_DF  2
#define IST_MC  3
#define IST_DB  4

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

static void segments_load(void)
{
    __asm__ volatile("pushq %0\n\t"
                     "lea 1f(%%rip), %%rax\n\t"
                     "push %%rax\n\t"
                     "lretq\n"
                     "1:\n\t"
                     "mov %w1, %%ss\n\t"
                     "xor %%eax, %%eax\n\t"
                     "mov %%eax, %%ds\n\t"
                     "mov %%eax, %%es\n\t"
                     "mov %%eax, %%fs\n\t"
                     "mov %%eax, %%gs"
                     :
                     : "i"(KERNEL_CS), "r"(KERNEL_SS)
                     : "rax", "memory");
}

void system_call_setup(struct cpu *cpu)
{
    uint64_t entry = cpu_area(cpu->index) + CPU_ENTRY;

    /* SYSCALL takes CS and SS from bits 47:32, SYSRET from bits 63:48 (SDM 3A, 5.8.8). */
    msr_write(MSR_STAR, (uint64_t)(USER_SS - 8) << 48 | (uint64_t)KERNEL_CS << 32);
    msr_write(MSR_LSTAR, entry + (cpu->tracing ? (uint64_t)(entry_traced - entry_page) : 0));
    msr_write(MSR_SFMASK, ~RFLAGS_RESERVED & 0x3fffff);
}

struct table_pointer gdt_pointer(const struct cpu *cpu)
{
    return (struct table_pointer){sizeof(cpu->gdt) - 1, (uint64_t)cpu->gdt};
}

uint64_t idt_address(void)
{
    return (uint64_t)idt;
}

void task_load(struct cpu *cpu)
{
    cpu->gdt[TSS_SELECTOR / 8] &= ~TSS_BUSY;
    __asm__ volatile("ltr %w0" : : "r"(TSS_SELECTOR) : "memory");
}

void cpu_descriptors_load(struct cpu *cpu)
{
    uint64_t area = cpu_area(cpu->index), base = area + CPU_TSS;
    struct tss *tss = (struct tss *)base;
    /* The bitmap's last byte is the window's: ports from 0xfff8 on can never be opened. */
    uint64_t limit = CPU_AREA_SIZE - CPU_TSS - 1;

    *tss = (struct tss){
        .rsp = {area + CPU_STACK_TOP},
        .ist = {area + CPU_NMI_STACK + FRAME_SIZE, area + CPU_DF_STACK + FRAME_SIZE,
                area + CPU_MC_STACK + FRAME_SIZE, area + CPU_DB_STACK + FRAME_SIZE},
        .io_bitmap = CPU_IO_BITMAP - CPU_TSS,
    };
    cpu->gdt[KERNEL_CS / 8] = 0x00209b0000000000; /* 64-bit code, privilege 0 */
    cpu->gdt[KERNEL_SS / 8] = 0x0000930000000000; /* data, privilege 0 */
    cpu->gdt[USER_SS / 8] = 0x0000f30000000000;   /* data, privilege 3 */
    cpu->gdt[USER_CS / 8] = 0x0020fb0000000000;   /* 64-bit code, privilege 3 */
    cpu->gdt[TSS_SELECTOR / 8] =
        0x0000890000000000 | limit | (base & 0xffffff) << 16 | (base >> 24 & 0xff) << 56;
    cpu->gdt[TSS_SELECTOR / 8 + 1] = base >> 32;

    struct table_pointer gdtr = gdt_pointer(cpu);
    struct table_pointer idtr = {sizeof(idt) - 1, (uint64_t)idt};
    __asm__ volatile("lgdt %0" : : "m"(gdtr));
    segments_load();
    __asm__ volatile("lidt %0; lldt %w1" : : "m"(idtr), "r"(0));
    task_load(cpu);
    system_call_setup(cpu);
    msr_write(MSR_SYSENTER_CS, 0); /* SYSENTER is then #GP (SDM 2B) */
}
