/*
 * I/O permission bitmaps in the windows of the CPUs. A CPU has a domain's bitmap there only while
 * the domain is loaded: so when all have left one that ends (space_end), it is in no window.
 */
#include "ports.h"

#include "boot.h"
#include "cpu.h"

bool ports_load(struct cpu *cpu, const struct space *space)
{
    const uint64_t *ports = space ? __atomic_load_n(&space->ports[0], __ATOMIC_ACQUIRE) : NULL;
    bool task = ports && cpu->guest.task_short;

    if (task) {
        cpu->guest.task_short = false;
        task_load(cpu);
    }
    if (cpu->ports == ports)
        return task;
    for (unsigned i = 0; i < PORTS_FRAMES; i++) {
        window_ports_set(cpu->index, i,
                         hpa(ports ? (uint64_t)space->ports[i] - FRAME_BASE
                                   : boot_handoff.ports_none + i * FRAME_SIZE));
        shoot_page_invalidate(cpu_area(cpu->index) + CPU_IO_BITMAP + i * FRAME_SIZE);
    }
    cpu->ports = ports;
    cpu->shoot->plain = TAG_PORTS; /* until space_enter says otherwise */
    return true;
}

void space_left(void)
{
    (void)ports_load(cpu_this(), NULL);
}
