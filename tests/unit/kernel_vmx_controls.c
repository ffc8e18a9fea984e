/* How the controls of a VMCS are chosen, for each answer that a CPU can give of a bit. */
#include "vmx.h"

#include "tap.h"

/* Of a bit: it must be 1, it may be. A CPU that demands a bit allows it. */
static uint64_t capability(uint32_t set, uint32_t allowed)
{
    return (uint64_t)(allowed | set) << 32 | set;
}

static void test_needed(void)
{
    uint32_t result = 0;

    ok(vmx_choose(capability(0, 0x5), 0x5, 0, 0, &result) && result == 0x5, "what is needed is on");
    ok(!vmx_choose(capability(0, 0x4), 0x5, 0, 0, &result), "one that cannot be had is told");
    ok(!vmx_choose(capability(0, 0), 1u << 31, 0, 0, &result), "the highest one, too");
}

static void test_wished(void)
{
    uint32_t result = 0;

    ok(vmx_choose(capability(0, 0x7), 0x1, 0x2, 0, &result) && result == 0x3,
       "what is wished is on where it can be, and nothing else");
    ok(vmx_choose(capability(0, 0x5), 0x1, 0x2, 0, &result) && result == 0x1,
       "and off where it cannot");
}

static void test_demanded(void)
{
    uint32_t result = 0;

    ok(vmx_choose(capability(0xf0, 0), 0, 0, 0, &result) && result == 0xf0,
       "what the CPU demands is on, known or not");
    ok(!vmx_choose(capability(0x10, 0), 0, 0, 0x10, &result), "unless it must not be");
    ok(vmx_choose(capability(0, 0x10), 0, 0, 0x10, &result) && !result,
       "what must not be, but can, is off");
    ok(!vmx_choose(capability(0x10, 0), 0x10, 0, 0x10, &result) &&
           vmx_choose(capability(0, 0x10), 0x10, 0, 0x10, &result) && result == 0x10,
       "what is needed and must not stay on is a bit that can be switched");
}

int main(void)
{
    test_needed();
    test_wished();
    test_demanded();
    return done_testing();
}
