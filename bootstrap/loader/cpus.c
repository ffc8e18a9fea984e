/*
 * Starting the other CPUs (Intel SDM 3A, 9.4.4). All of them get INIT together, then one after the
 * other gets its start-up interrupt and the offer of an index; see trampoline.S for the protocol.
 * Waits are by the TSC, which was measured before, so every one of them ends.
 */
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "console.h"
#include "hardware.h"
#include "lapic.h"
#include "tsc.h"
#include "x86.h"

#define FRAME_SIZE      4096u
#define LOW_MEMORY      0xa0000u
#define COMMAND_INIT    0x4500u /* assert, edge */
#define COMMAND_STARTUP 0x4600u /* the vector is the frame's number */
#define EFER_LMA        (1u << 10)

#define INIT_WAIT_US  10000u
#define FIRST_WAIT_US 1000u    /* then the start-up interrupt is sent again */
#define LAST_WAIT_US  5000000u /* long, for emulators on a busy host; most machines need 100 us */

/* What the 16-bit code loads; in its order there. Page tables lie below 4 GiB. */
struct trampoline_data {
    uint32_t cr0, cr3, cr4, efer;
} __attribute__((packed));

extern const uint8_t trampoline_start[];
extern const uint32_t trampoline_size, trampoline_data_offset;
extern uint64_t cpu_claim;

static void trampoline_install(uint64_t frame)
{
    uint8_t *to = (uint8_t *)frame;
    struct trampoline_data data = {.cr0 = (uint32_t)cr0_read(),
                                   .cr3 = (uint32_t)cr3_read(),
                                   .cr4 = (uint32_t)cr4_read(),
                                   .efer = (uint32_t)msr_read(MSR_EFER) & ~EFER_LMA};

    memcpy(to, trampoline_start, trampoline_size);
    memcpy(to + trampoline_data_offset, &data, sizeof(data));
}

/* Waits so long, or until the offer was taken. true if it was. */
static bool claim_wait(uint64_t tsc_hz, uint32_t microseconds)
{
    uint64_t start = tsc_read(), ticks = tsc_hz * microseconds / 1000000;

    do {
        if (__atomic_load_n(&cpu_claim, __ATOMIC_ACQUIRE) == 0)
            return true;
        cpu_pause();
    } while (tsc_read() - start < ticks);
    return false;
}

static void delay(uint64_t tsc_hz, uint32_t microseconds)
{
    uint64_t start = tsc_read(), ticks = tsc_hz * microseconds / 1000000;

    while (tsc_read() - start < ticks)
        cpu_pause();
}

/* Offers the index to the CPU and starts it. *taken: did it answer? */
static enum hardware_status cpu_start(uint64_t tsc_hz, uint64_t trampoline, uint32_t apic_id,
                                      uint32_t index, bool *taken)
{
    uint64_t offer = (uint64_t)index << 32 | apic_id;
    uint32_t command = COMMAND_STARTUP | (uint32_t)(trampoline / FRAME_SIZE);

    __atomic_store_n(&cpu_claim, offer, __ATOMIC_SEQ_CST);
    *taken = false;
    if (!lapic_send(apic_id, command))
        return HARDWARE_IPI_STUCK;
    *taken = claim_wait(tsc_hz, FIRST_WAIT_US);
    if (*taken)
        return HARDWARE_OK;
    if (!lapic_send(apic_id, command))
        return HARDWARE_IPI_STUCK;
    *taken = claim_wait(tsc_hz, LAST_WAIT_US);
    if (*taken)
        return HARDWARE_OK;

    /* Close the offer, unless the CPU took it right now; and back to waiting for a start-up. */
    *taken = !__atomic_compare_exchange_n(&cpu_claim, &offer, 0, false, __ATOMIC_SEQ_CST,
                                          __ATOMIC_SEQ_CST);
    if (!*taken && !lapic_send(apic_id, COMMAND_INIT))
        return HARDWARE_IPI_STUCK;
    return HARDWARE_OK;
}

static enum hardware_status cpus_start(struct hardware *hw, uint64_t trampoline)
{
    uint32_t found = hw->cpus, running = 1;

    for (uint32_t i = 1; i < found; i++)
        if (!lapic_send(hw->apic_id[i], COMMAND_INIT))
            return HARDWARE_IPI_STUCK;
    delay(hw->tsc_hz, INIT_WAIT_US);

    for (uint32_t i = 1; i < found; i++) {
        uint32_t apic_id = hw->apic_id[i];
        bool taken;
        enum hardware_status status = cpu_start(hw->tsc_hz, trampoline, apic_id, running, &taken);

        if (status != HARDWARE_OK)
            return status;
        if (taken) {
            hw->apic_id[running] = apic_id;
            status = tsc_compare(running, hw->tsc_hz, &hw->tsc_skew[running]);
            if (status != HARDWARE_OK)
                return status;
            running++;
        } else {
            hw->cpus_silent++;
            console_line("warning: the CPU with APIC id %u does not start and is left out",
                         apic_id);
        }
    }
    hw->cpus = running;
    return HARDWARE_OK;
}

enum hardware_status hardware_start_cpus(struct hardware *hw, uint64_t trampoline,
                                         struct handoff *handoff)
{
    if (trampoline == 0 || trampoline % FRAME_SIZE || trampoline >= LOW_MEMORY ||
        trampoline_size > FRAME_SIZE)
        return HARDWARE_BAD_TRAMPOLINE;

    if (hw->cpus > 1) {
        trampoline_install(trampoline);
        enum hardware_status status = cpus_start(hw, trampoline);
        if (status != HARDWARE_OK)
            return status;
    }
    handoff->cpus = hw->cpus;
    for (uint32_t i = 0; i < hw->cpus; i++)
        handoff->apic_id[i] = hw->apic_id[i];
    handoff->timer_ratio = (hw->lapic_hz << 32) / hw->tsc_hz;
    handoff->tsc_hz = hw->tsc_hz;
    handoff->power_off = hw->power_off;
    return HARDWARE_OK;
}
