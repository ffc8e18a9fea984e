/*
 * One counter for the machine and one for each CPU. A waiter raises the first and interrupts the
 * CPUs that lag behind it; a CPU that takes an interrupt catches up.
 */

#include "boot.h"
#include "cpu.h"
#include "shoot.h"
#include "x86.h"

static uint64_t newest;
static uint64_t passed[BOOT_MAX_CPUS];

void quiesce_note(void)
{
    __atomic_store_n(&passed[cpu_this()->index], __atomic_load_n(&newest, __ATOMIC_ACQUIRE),
                     __ATOMIC_RELEASE);
}

void quiesce(void)
{
    if (boot_handoff.cpus == 1)
        return;

    uint64_t wanted = __atomic_add_fetch(&newest, 1, __ATOMIC_ACQ_REL);
    uint32_t here = cpu_this()->index;

    for (uint32_t i = 0; i < boot_handoff.cpus; i++)
        if (i != here)
            cpu_interrupt(i);
    for (uint32_t i = 0; i < boot_handoff.cpus; i++) {
        while (i != here && __atomic_load_n(&passed[i], __ATOMIC_ACQUIRE) < wanted) {
            quiesce_note();
            shoot_serve(here);
            interrupts_take();
        }
    }
}
