/*
 * What shoot.c asks of the processor.
 */
#include "cpu.h"
#include "shoot.h"
#include "x86.h"

uint32_t shoot_this_cpu(void)
{
    return cpu_this()->index;
}

void shoot_cr3_load(uint64_t value)
{
    cr3_write(value);
}

/* Changing CR4.PGE forgets everything (SDM 3A, 4.10.4.1). */
void shoot_everything_invalidate(void)
{
    uint64_t cr4 = cr4_read();

    cr4_write(cr4 & ~CR4_PGE);
    cr4_write(cr4);
}

void shoot_pause(void)
{
    cpu_pause();
}
