/* The timer of the VMM's local APIC: Intel SDM 3A, 11.5.4. */
#include "vmm_apics.h"

/* Ticks in which so many counts of the undivided timer are over. */
static uint64_t ticks(uint64_t counts)
{
    return time_scale_up(counts, LAPIC_HZ, MACHINE_HZ);
}

static void test_one_shot(void)
{
    struct lapic *l = &cpu[0];

    cpus_start(1, true);
    uint64_t start = machine_now;
    lapic_write(l, 0x3e0, 0xb);
    lapic_write(l, 0x320, 0x40);
    is_u64(timers_next(&machine.timers), 0, "nothing is armed");
    lapic_write(l, 0x380, 1000);
    is_u64(timers_next(&machine.timers), start + ticks(1000), "armed for its end");
    is_u64(lapic_read(l, 0x390), 1000, "it begins with its count");
    machine_now = start + ticks(1);
    is_u64(lapic_read(l, 0x390), 999, "after one period one less");
    machine_now--;
    is_u64(lapic_read(l, 0x390), 1000, "not a tick earlier");
    machine_run(start + ticks(1000) - 1);
    ok(lapic_read(l, 0x390) == 1 && lapic_next(l) == -1, "a tick before its end");
    machine_run(start + ticks(1000));
    ok(lapic_read(l, 0x390) == 0 && told.wakes[0] == 1 && serve_is(0, 0x40), "at its end");
    is_u64(timers_next(&machine.timers), 0, "and it is over");
    machine_run(start + ticks(100000));
    ok(serve_is(0, -1) && lapic_read(l, 0x390) == 0, "for ever");
    is_u64(lapic_read(l, 0x380), 1000, "the initial count stays");
    lapic_write(l, 0x380, 5);
    lapic_write(l, 0x380, 0);
    is_u64(timers_next(&machine.timers), 0, "0 stops it");
    lapic_write(l, 0x380, 0xffffffff);
    is_u64(timers_next(&machine.timers), machine_now + ticks(0xffffffff), "the longest");
    lapic_write(l, 0x320, 0x10040);
    is_u64(timers_next(&machine.timers), 0, "masked, nobody waits for it");
    machine_now += ticks(0xfffffff0);
    is_u64(lapic_read(l, 0x390), 15, "but it counts");
    lapic_write(l, 0x320, 0x40);
    machine_run(machine_now + ticks(15));
    is_u64(serve(0), 0x40, "unmasked in time");
    lapic_write(l, 0x320, 0x10040);
    lapic_write(l, 0x380, 10);
    machine_run(machine_now + ticks(11));
    lapic_write(l, 0x320, 0x40);
    machine_run(machine_now + ticks(11));
    is_u64(serve(0), -1, "what ended while it was masked is lost");
    lapic_write(l, 0x380, 10);
    machine_now += ticks(10);
    lapic_write(l, 0x320, 0x41);
    is_u64(serve(0), 0x40, "what was over before it changed comes as it was");
}

static void test_divide(void)
{
    static const struct {
        uint32_t value, divisor;
    } divide[] = {{0x0, 2},  {0x1, 4},  {0x2, 8},   {0x3, 16},
                  {0x8, 32}, {0x9, 64}, {0xa, 128}, {0xb, 1}};
    struct lapic *l = &cpu[0];

    for (unsigned i = 0; i < 8; i++) {
        cpus_start(1, true);
        lapic_write(l, 0x320, 0x40);
        lapic_write(l, 0x3e0, divide[i].value);
        lapic_write(l, 0x380, 1000);
        is_u64(timers_next(&machine.timers), machine_now + ticks(1000ull * divide[i].divisor),
               "divided by %u", divide[i].divisor);
    }
    cpus_start(1, true);
    lapic_write(l, 0x320, 0x40);
    lapic_write(l, 0x3e0, 0xb);
    lapic_write(l, 0x380, 1000);
    machine_now += ticks(400);
    lapic_write(l, 0x3e0, 0x0);
    is_u64(lapic_read(l, 0x390), 600, "divided anew, the count goes on");
    lapic_write(l, 0x280, 0);
    is_u64(lapic_read(l, 0x280), 0, "and nothing else happens");
    is_u64(timers_next(&machine.timers), machine_now + ticks(1200), "at the new rate");
    machine_run(machine_now + ticks(1200));
    is_u64(serve(0), 0x40, "to its end");
}

static void test_periodic(void)
{
    struct lapic *l = &cpu[0];
    bool exact = true;

    cpus_start(1, true);
    uint64_t start = machine_now;
    lapic_write(l, 0x3e0, 0xb);
    lapic_write(l, 0x320, 0x20040);
    lapic_write(l, 0x380, 333);
    for (uint64_t i = 1; i <= 1000; i++) {
        exact = exact && timers_next(&machine.timers) == start + ticks(333 * i);
        machine_run(timers_next(&machine.timers) - 1);
        exact = exact && serve_is(0, -1) && lapic_read(l, 0x390) == 1;
        machine_run(timers_next(&machine.timers));
        exact = exact && lapic_read(l, 0x390) == 333 && serve_is(0, 0x40);
    }
    ok(exact, "each of 1000 periods ends at its tick");
    machine_run(start + ticks(333ull * 1005 + 100));
    ok(serve_is(0, 0x40) && serve_is(0, -1), "five periods late it is one interrupt");
    is_u64(timers_next(&machine.timers), start + ticks(333ull * 1006), "and the phase is kept");
    is_u64(lapic_read(l, 0x390), 233, "the count too");
    lapic_write(l, 0x320, 0x30041);
    is_u64(timers_next(&machine.timers), 0, "masked, nobody waits");
    machine_run(start + ticks(333ull * 1010 + 1));
    lapic_write(l, 0x320, 0x20041);
    is_u64(timers_next(&machine.timers), start + ticks(333ull * 1011), "unmasked, in its phase");
    lapic_write(l, 0x320, 0x41);
    is_u64(lapic_read(l, 0x390), 332, "as a one-shot it goes on");
    machine_run(machine_now + ticks(332));
    ok(serve_is(0, 0x41) && !timers_next(&machine.timers), "and ends");
    lapic_write(l, 0x380, 0xffffffff);
    lapic_write(l, 0x320, 0x20041);
    machine_run(machine_now + ticks(1ull << 50));
    is_u64(serve(0), 0x41, "weeks late");
    ok(timers_next(&machine.timers) > machine_now &&
           timers_next(&machine.timers) <= machine_now + ticks(0xffffffff),
       "the next one is within a period");
}

static void test_deadline(void)
{
    struct lapic *l = &cpu[0];

    cpus_start(1, true);
    lapic_tsc_offset_set(l, 0 - machine_now);
    ok(lapic_msr_write(l, MSR_TSC_DEADLINE, 5000), "in another mode it can be written");
    ok(msr(0, MSR_TSC_DEADLINE) == 0 && !timers_next(&machine.timers), "and does nothing");
    uint64_t start = machine_now;
    lapic_write(l, 0x320, 0x40042);
    lapic_msr_write(l, MSR_TSC_DEADLINE, 5000);
    is_u64(timers_next(&machine.timers), start + 5000, "armed, in host ticks");
    is_u64(msr(0, MSR_TSC_DEADLINE), 5000, "reads what was written");
    ok(!lapic_read(l, 0x390), "there is no count");
    lapic_write(l, 0x380, 7);
    is_u64(lapic_read(l, 0x380), 0, "and no initial one");
    machine_run(start + 4999);
    is_u64(serve(0), -1, "not a tick early");
    machine_run(start + 5000);
    ok(!vectors_has(&l->tmr, 0x42), "as an edge");
    is_u64(serve(0), 0x42, "on its tick");
    is_u64(msr(0, MSR_TSC_DEADLINE), 0, "then it is 0");
    lapic_msr_write(l, MSR_TSC_DEADLINE, 4000);
    is_u64(serve(0), 0x42, "one in the past comes at once");
    lapic_msr_write(l, MSR_TSC_DEADLINE, 6000);
    lapic_tsc_offset_set(l, 500 - start);
    is_u64(timers_next(&machine.timers), start + 5500, "it follows the guest's TSC");
    lapic_msr_write(l, MSR_TSC_DEADLINE, 0);
    is_u64(timers_next(&machine.timers), 0, "0 disarms");
    lapic_msr_write(l, MSR_TSC_DEADLINE, UINT64_MAX);
    is_u64(timers_next(&machine.timers), UINT64_MAX, "a tick that the host never has");
    lapic_tsc_offset_set(l, 0 - (machine_now + 10));
    lapic_msr_write(l, MSR_TSC_DEADLINE, UINT64_MAX);
    is_u64(timers_next(&machine.timers), machine_now + 9, "a TSC before 0 is a large one");
    lapic_tsc_offset_set(l, 0);
    lapic_msr_write(l, MSR_TSC_DEADLINE, machine_now + 10);
    machine_now += 10;
    is_u64(msr(0, MSR_TSC_DEADLINE), 0, "read when it is over, before anything fired");
    is_u64(serve(0), 0x42, "it came");
    lapic_msr_write(l, MSR_TSC_DEADLINE, machine_now + 10);
    lapic_write(l, 0x320, 0x50042);
    is_u64(timers_next(&machine.timers), 0, "masked, nobody waits");
    is_u64(msr(0, MSR_TSC_DEADLINE), machine_now + 10, "it is still there");
    machine_run(machine_now + 10);
    lapic_write(l, 0x320, 0x40042);
    ok(serve_is(0, -1) && !timers_next(&machine.timers), "it is lost when it is over");
    lapic_msr_write(l, MSR_TSC_DEADLINE, machine_now + 10);
    lapic_write(l, 0x320, 0x42);
    ok(!timers_next(&machine.timers) && !msr(0, MSR_TSC_DEADLINE), "another mode disarms");
    lapic_write(l, 0x380, 10);
    lapic_write(l, 0x320, 0x60042);
    ok(!timers_next(&machine.timers) && !lapic_read(l, 0x390), "a reserved mode does nothing");
    lapic_write(l, 0x320, 0x42);
    ok(!timers_next(&machine.timers), "and nothing is left");
}

static void test_ends(void)
{
    cpus_start(1, true);
    lapic_write(&cpu[0], 0x320, 0x20040);
    lapic_write(&cpu[0], 0x380, 100);
    lapic_init(&cpu[0]);
    ok(!timers_next(&machine.timers) && !lapic_read(&cpu[0], 0x390), "INIT stops it");
    cpus_start(1, true);
    lapic_write(&cpu[0], 0x320, 0x20040);
    lapic_write(&cpu[0], 0x380, 100);
    lapic_write(&cpu[0], 0xf0, 0xff);
    ok(!timers_next(&machine.timers) && lapic_read(&cpu[0], 0x390), "a software disable masks it");
    cpus_start(1, true);
    lapic_write(&cpu[0], 0x320, 0x0f);
    lapic_write(&cpu[0], 0x380, 1);
    machine_run(machine_now + ticks(2));
    lapic_write(&cpu[0], 0x280, 0);
    is_u64(lapic_read(&cpu[0], 0x280), 0x40, "an illegal vector is an error");
}

int main(void)
{
    test_one_shot();
    test_divide();
    test_periodic();
    test_deadline();
    test_ends();
    return done_testing();
}
