/*
 * The order of the start. First the boot CPU alone: what fills sealed data. Then every CPU, out of
 * the loader's page tables: its registers and its timer. Then CPU 0 enters the first program; the
 * others wait.
 */
#include "boot.h"
#include "cpu.h"
#include "guest.h"
#include "interrupt.h"
#include "sched.h"
#include "shoot.h"
#include "stop.h"
#include "x86.h"

extern const char kernel_entry_ap[];
void kernel_start(struct handoff *handoff);

static uint32_t cpus_on; /* CPUs on the kernel's page tables */

void kernel_start(struct handoff *handoff)
{
    boot_accept(handoff);
    interrupts_place();
    idt_build();
    guest_choose();
    sealed_protect();
    __atomic_store_n(&handoff->ap_entry, (uint64_t)kernel_entry_ap, __ATOMIC_RELEASE);
}

/* Waits until all CPUs have come into the kernel, at most for a second. */
static void cpus_await(void)
{
    uint64_t start = tsc_read();

    while (__atomic_load_n(&cpus_on, __ATOMIC_ACQUIRE) != boot_handoff.cpus) {
        if (tsc_read() - start > boot_handoff.tsc_hz)
            stop("only %u of %u CPUs came into the kernel", cpus_on, boot_handoff.cpus);
        cpu_pause();
    }
}

void cpu_main(uint32_t index)
{
    struct cpu *cpu = cpu_at(index);

    cpu->index = index;
    cpu->waiting = ec_word(index, EC_WAITING);
    cpu->shoot = &shoot_cpus[index];
    cpu->tag = index * sizeof(struct tag);
    cpu->since = tsc_read();
    cpu->armed = cpu->slice_end = TIMERS_NEVER;
    chain_init(&cpu->woken);
    chain_init(&cpu->ending);
    chain_init(&cpu->doomed);
    runqueue_init(&cpu->ready);
    idt_load();
    shoot_start(index, boot_handoff.root, cr4_read() & CR4_PCIDE);
    guest_start(cpu);
    __atomic_add_fetch(&cpus_on, 1, __ATOMIC_ACQ_REL);

    if (index == 0) {
        cpus_await();
        first_make();
    }
    schedule(cpu);
}
