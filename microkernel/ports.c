/*
 * I/O permission bitmaps in the windows of the CPUs. A window's entries are written by its own CPU
 * and by the one that ends a space whose bitmap is there: both hold window_lock. The one that ends
 * the space says that the window forbids all only after the CPU has forgotten the old entries; if
 * that CPU enters another domain before, it sees the old bitmap there and changes it itself.
 */
#include "ports.h"

#include "address_space.h"
#include "boot.h"
#include "cpu.h"
#include "lock.h"
#include "pool.h"

static struct lock window_lock;

/* Maps the space's bitmap into a window, or with NULL the one that forbids all. */
static void window_set(uint32_t index, const struct space *space)
{
    for (unsigned i = 0; i < PORTS_FRAMES; i++)
        window_ports_set(index, i,
                         hpa(space ? (uint64_t)space->ports[i] - FRAME_BASE
                                   : boot_handoff.ports_none + i * FRAME_SIZE));
}

bool ports_load(struct cpu *cpu, const struct space *space)
{
    const uint64_t *ports = __atomic_load_n(&space->ports[0], __ATOMIC_ACQUIRE);
    uint64_t window = cpu_area(cpu->index) + CPU_IO_BITMAP;

    if (ports && cpu->guest.task_short) {
        cpu->guest.task_short = false;
        task_load(cpu);
        if (cpu->ports == ports)
            return true;
    }
    if (cpu->ports == ports)
        return false;
    lock_take(&window_lock);
    window_set(cpu->index, ports ? space : NULL);
    for (unsigned i = 0; i < PORTS_FRAMES; i++)
        shoot_page_invalidate(window + i * FRAME_SIZE);
    __atomic_store_n(&cpu->ports, ports, __ATOMIC_RELAXED);
    lock_give(&window_lock);
    cpu->shoot->plain = TAG_PORTS; /* until space_enter says otherwise */
    return true;
}

void ports_end(struct space *space, uint32_t cpu)
{
    const uint64_t *bitmap = space->ports[0];

    if (!bitmap)
        return;
    lock_take(&window_lock);
    for (uint32_t i = 0; i < boot_handoff.cpus; i++) {
        if (cpu_at(i)->ports != bitmap)
            continue;
        window_set(i, NULL);
        for (unsigned page = 0; page < PORTS_FRAMES; page++)
            shoot_add_kernel(cpu_area(i) + CPU_IO_BITMAP + page * FRAME_SIZE);
    }
    lock_give(&window_lock);
    shoot_flush(cpu);
    lock_take(&window_lock);
    for (uint32_t i = 0; i < boot_handoff.cpus; i++)
        if (cpu_at(i)->ports == bitmap)
            __atomic_store_n(&cpu_at(i)->ports, NULL, __ATOMIC_RELAXED);
    lock_give(&window_lock);
    for (unsigned i = 0; i < PORTS_FRAMES; i++) {
        pool_give_frame(space->pool, space->ports[i]);
        space->ports[i] = NULL;
    }
}
