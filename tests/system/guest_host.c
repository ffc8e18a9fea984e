/* See guest_host.h. */
#include "guest_host.h"

#include "cpu.h"
#include "uart.h"

#define LEAF7_ECX_UMIP (1u << 2)
#define BASE(n)        (0x600000000000ull + 0x1000 * (n))
#define SELECTORS      0x10000u
#define STEP           8u

static uint64_t xcr0, limit, selectors;

static uint64_t xgetbv(void)
{
    uint32_t low, high;

    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}

/* 0 where a program may not know. */
static uint64_t gdt_limit(void)
{
    struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) table = {0, 0};

    if (!(cpuid(7, 0).ecx & LEAF7_ECX_UMIP)) {
        __asm__ volatile("sgdt %0" : "=m"(table));
    }
    return table.limit;
}

/* A sum over what LAR, LSL and VERR find. */
static uint64_t selectors_sum(void)
{
    uint64_t sum = 0;

    for (uint32_t selector = 3; selector < SELECTORS; selector += STEP) {
        uint64_t rights = 0, bytes = 0;
        uint8_t readable;
        __asm__ volatile("lar %3, %0; lsl %3, %1; verr %w3; setz %2"
                         : "+&r"(rights), "+&r"(bytes), "=&r"(readable)
                         : "r"((uint64_t)selector)
                         : "cc");
        sum += (rights + bytes + readable) * (selector + 1);
    }
    return sum;
}

void host_note(void)
{
    xcr0 = xgetbv();
    limit = gdt_limit();
    selectors = selectors_sum();
}

uint64_t host_check(bool all)
{
    uint64_t wrong = 0;
    uint8_t before = port_read8(UART_SCRATCH);

    port_write8(UART_SCRATCH, (uint8_t)(before + 1));
    wrong |= port_read8(UART_SCRATCH) == before ? HOST_PORT : 0;
    wrong |= xgetbv() != xcr0 ? HOST_XCR0 : 0;
    wrong |= gdt_limit() != limit ? HOST_LIMIT : 0;
    wrong |= all && selectors_sum() != selectors ? HOST_SEGMENT : 0;
    return wrong;
}

void host_bases_set(uint64_t n)
{
    __asm__ volatile("wrfsbase %0; wrgsbase %1" : : "r"(BASE(n)), "r"(BASE(n) + 8));
}

uint64_t host_bases_check(uint64_t n)
{
    uint64_t fs, gs;

    __asm__ volatile("rdfsbase %0; rdgsbase %1" : "=r"(fs), "=r"(gs));
    return fs == BASE(n) && gs == BASE(n) + 8 ? 0 : HOST_BASE;
}

void host_bases_clear(void)
{
    __asm__ volatile("wrfsbase %0; wrgsbase %0" : : "r"(0ull));
}
