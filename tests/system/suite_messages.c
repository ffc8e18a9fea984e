/*
 * Message-signalled interrupts (PCI 3.0, 6.8). The device that raises them is an Intel 82574
 * network card, because all of its registers can be reached by I/O ports: one that sets interrupt
 * causes makes it interrupt at once. Where there is none, only the calls are tested.
 */
#include "ranges.h"
#include "suites.h"
#include "world.h"

enum {
    FUNCTION = TEST_SELECTORS, /* the card, a range of one */
    SM,
    WEAK,
};

#define CONFIG_ADDRESS 0xcf8
#define CONFIG_DATA    0xcfc
#define CONFIG_PORTS   8
#define PCI_COMMAND    0x04
#define PCI_BAR2       0x18
#define PCI_LIST       0x34
#define COMMAND_IO_DMA 0x5
#define CAPABILITY_MSI 0x05
#define MSI_ENABLE     (1u << 16)
#define MSI_LONG       (1u << 23) /* the address has 64 bits */

#define CARD       0x10d38086u /* device, vendor */
#define CARD_PORTS 8
#define CAUSE_SET  0xc8
#define MASK_SET   0xd0
#define CAUSE_SENT (1u << 0)
#define CAUSE_READ 0xc0

#define NONE UINT32_MAX
#define SOON WORLD_LIMIT

static void port_write32(uint16_t port, uint32_t value)
{
    __asm__ volatile("outl %0, %w1" : : "a"(value), "Nd"(port) : "memory");
}

static uint32_t config_read(uint32_t function, uint32_t offset)
{
    port_write32(CONFIG_ADDRESS, 1u << 31 | function << 8 | offset);
    return port_read32(CONFIG_DATA);
}

static void config_write(uint32_t function, uint32_t offset, uint32_t value)
{
    port_write32(CONFIG_ADDRESS, 1u << 31 | function << 8 | offset);
    port_write32(CONFIG_DATA, value);
}

static uint32_t card_find(void)
{
    for (uint32_t function = 0; function < 256; function++) {
        if (config_read(function, 0) == CARD) {
            return function;
        }
    }
    return NONE;
}

static uint32_t msi_find(uint32_t card)
{
    uint32_t at = config_read(card, PCI_LIST) & 0xfc;

    for (unsigned i = 0; at && i < 48; i++) {
        uint32_t head = config_read(card, at);
        if ((head & 0xff) == CAPABILITY_MSI) {
            return at;
        }
        at = head >> 8 & 0xfc;
    }
    return 0;
}

/* Lets the card send the message. */
static void msi_set(uint32_t card, uint64_t message)
{
    uint32_t at = msi_find(card), head = config_read(card, at);

    config_write(card, at + 4, (uint32_t)message);
    if (head & MSI_LONG) {
        config_write(card, at + 8, 0);
    }
    config_write(card, at + (head & MSI_LONG ? 12 : 8), (uint32_t)(message >> 32));
    config_write(card, at, head | MSI_ENABLE);
}

static uint16_t card_ports(uint32_t card)
{
    return (uint16_t)(config_read(card, PCI_BAR2) & 0xfffc);
}

static void card_write(uint32_t card, uint32_t reg, uint32_t value)
{
    port_write32(card_ports(card), reg);
    port_write32((uint16_t)(card_ports(card) + 4), value);
}

/* It may send its message again and again until the cause is read, which is after some time. */
static void card_interrupt(uint32_t card, uint64_t time)
{
    card_write(card, CAUSE_SET, CAUSE_SENT);
    world_sleep(time);
    port_write32(card_ports(card), CAUSE_READ);
    (void)port_read32((uint16_t)(card_ports(card) + 4));
}

static enum status quiet(void)
{
    return semaphore_down(SM, 0, tsc_read() + 5 * world.millisecond);
}

/* Messages are one up. An emulator on a busy host sends them late: then again, with more time. */
static bool come_as_one(uint32_t card, unsigned messages)
{
    for (uint64_t time = 1; time <= 1024; time *= 2) {
        for (unsigned i = 0; i < messages; i++) {
            card_interrupt(card, time * world.millisecond);
        }
        if (semaphore_down(SM, DOWN_TRY, 0) == STATUS_SUCCESS && quiet() == STATUS_TIMEOUT) {
            return true;
        }
        (void)semaphore_down(SM, DOWN_TRY | DOWN_ZERO, 0);
    }
    return false;
}

static void check_calls(uint32_t cpus)
{
    struct answer a = range_control(FUNCTION, PCI_BIND, 0, SM, cpus - 1);

    tap_equal(a.status, STATUS_SUCCESS, "bind an MSI");
    tap_equal((uint32_t)a.value & 0xfff00fff, 0xfee00000, "its address is a local APIC's");
    tap_ok(a.value >> 32 >= 0x30 && a.value >> 32 < 0xf0, "its data is a vector for devices");
    struct answer b = range_control(FUNCTION, PCI_BIND, 0, SM, cpus - 1);
    tap_ok(b.status == STATUS_SUCCESS && b.value != a.value, "a second one is another one");
    tap_equal(range_control(FUNCTION, PCI_UNBIND, b.value, 0, 0).status, STATUS_SUCCESS, "unbind");
    tap_equal(range_control(FUNCTION, PCI_UNBIND, b.value, 0, 0).status, STATUS_BAD_PARAMETER,
              "it is not bound");
    tap_equal(range_control(SELECTOR_PCI, PCI_UNBIND, a.value, 0, 0).status, STATUS_BAD_PARAMETER,
              "nor through another range");
    tap_equal(range_control(FUNCTION, PCI_ACKNOWLEDGE, a.value, 0, 0).status, STATUS_SUCCESS,
              "acknowledge");
    tap_equal(range_control(FUNCTION, PCI_UNBIND, a.value, 0, 0).status, STATUS_SUCCESS, "unbind");
    tap_equal(range_control(FUNCTION, PCI_BIND, 0, SM, IRQ_LEVEL).status, STATUS_BAD_PARAMETER,
              "an MSI has no level");
    tap_equal(range_control(FUNCTION, PCI_BIND, 1, SM, 0).status, STATUS_BAD_PARAMETER,
              "a function past the range");
}

/* Every vector of a CPU can be taken, then they are used up, then all are free again. */
static void check_vectors(void)
{
    enum { MOST = 256 };
    static uint64_t messages[MOST];
    uint32_t count = 0, freed = 0;
    struct answer a = {STATUS_SUCCESS, 0};

    while (count < MOST && a.status == STATUS_SUCCESS) {
        a = range_control(FUNCTION, PCI_BIND, 0, SM, 0);
        messages[count] = a.value;
        count += a.status == STATUS_SUCCESS;
    }
    tap_equal(a.status, STATUS_IN_USE, "vectors are used up");
    tap_equal(count, 192, "after 192");
    for (uint32_t i = 0; i < count / 2; i++) {
        freed += range_control(FUNCTION, PCI_UNBIND, messages[i], 0, 0).status == STATUS_SUCCESS;
    }
    tap_equal(freed, count / 2, "half of them are given back");
    tap_equal(object_destroy(SM), STATUS_SUCCESS, "the semaphore goes with the others");
    (void)semaphore_create(SM, SELECTOR_POOL, 0);
    for (freed = 0; range_control(FUNCTION, PCI_BIND, 0, SM, 0).status == STATUS_SUCCESS;) {
        freed++;
    }
    tap_equal(freed, 192, "all can be taken again");
    tap_equal(capability_revoke(FUNCTION, 0), STATUS_SUCCESS, "a revocation gives all back");
}

static void storm(uint32_t card, uint64_t pause)
{
    for (unsigned i = 0; i < 2000; i++) {
        uint64_t end = tsc_read() + pause;
        card_write(card, CAUSE_SET, CAUSE_SENT);
        port_write32(card_ports(card), CAUSE_READ);
        (void)port_read32((uint16_t)(card_ports(card) + 4));
        while (tsc_read() < end) {
        }
    }
}

/*
 * 1024 messages in a row that nobody takes are enough. The card sends at most 8,000 a second, and
 * an emulator on a busy host fewer: then again, with longer pauses.
 */
static void check_bound(uint32_t card, uint64_t message)
{
    enum status first = STATUS_SUCCESS, then = STATUS_SUCCESS;
    struct answer a = {STATUS_SUCCESS, 0};

    for (uint64_t times = 1; times <= 32 && !(a.value & IRQ_CUT_OFF && then == STATUS_TIMEOUT);
         times *= 2) {
        storm(card, times * world.millisecond / 6);
        first = semaphore_down(SM, 0, SOON);
        card_interrupt(card, world.millisecond);
        then = quiet();
        a = range_control(WEAK, PCI_ACKNOWLEDGE, message, 0, 0);
    }
    tap_equal(first, STATUS_SUCCESS, "a storm of messages is one up");
    tap_equal(then, STATUS_TIMEOUT, "then they are dropped");
    tap_equal(a.value, IRQ_CUT_OFF | 1024, "after 1024, as the acknowledgement says");
    tap_ok(come_as_one(card, 1), "and the next one comes again");
    a = range_control(WEAK, PCI_ACKNOWLEDGE, message, 0, 0);
    tap_ok(!(a.value & IRQ_CUT_OFF), "it is cut off no more");
}

static void check_card(uint32_t card, uint32_t cpus)
{
    uint16_t ports = card_ports(card);

    if (!tap_equal(ports_open(SELECTOR_PORTS, SELECTOR_PD, ports, CARD_PORTS), STATUS_SUCCESS,
                   "the card's ports")) {
        return;
    }
    (void)capability_delegate(SELECTOR_PD, WEAK, FUNCTION, RANGE_RIGHT_USE);
    struct answer a = range_control(WEAK, PCI_BIND, 0, SM, cpus - 1);
    tap_equal(a.status, STATUS_SUCCESS, "bind an MSI through a grant");
    config_write(card, PCI_COMMAND, COMMAND_IO_DMA);
    msi_set(card, a.value);
    card_write(card, MASK_SET, CAUSE_SENT);
    tap_ok(come_as_one(card, 1), "the card's message is one up");
    tap_ok(come_as_one(card, 2), "several messages are one up");
    check_bound(card, a.value);
    (void)capability_revoke(FUNCTION, 0);
    card_interrupt(card, world.millisecond);
    tap_equal(quiet(), STATUS_TIMEOUT, "after a revocation there is none");
    config_write(card, PCI_COMMAND, 0);
    (void)ports_close(SELECTOR_PORTS, SELECTOR_PD, ports);
}

void suite_messages(const struct machine *m)
{
    if (!world_open(m)) {
        return;
    }
    if (!tap_equal(ports_open(SELECTOR_PORTS, SELECTOR_PD, CONFIG_ADDRESS, CONFIG_PORTS),
                   STATUS_SUCCESS, "the ports of PCI configuration")) {
        return;
    }
    uint64_t before = world_free();
    uint32_t card = card_find();
    (void)semaphore_create(SM, SELECTOR_POOL, 0);
    tap_equal(range_create(OBJECT_PCI, FUNCTION, SELECTOR_PCI, card == NONE ? 0 : card, 1),
              STATUS_SUCCESS, "a range of one function");
    check_calls(m->info->cpus.count);
    check_vectors();
    if (card == NONE) {
        tap_skip("messages of a device", "there is no 82574");
    } else {
        check_card(card, m->info->cpus.count);
    }
    (void)object_destroy(FUNCTION);
    (void)object_destroy(SM);
    world_balance(before);
    (void)ports_close(SELECTOR_PORTS, SELECTOR_PD, CONFIG_ADDRESS);
}
