/*
 * PCI (PCI Local Bus 3.0; PCI Firmware 3.0, 4.1): one bus of functions behind a host bridge, which
 * is device 0. Each function is function 0 of a device of its own. Configuration space answers at
 * ports 0xcf8 and 0xcfc and at PCI_CONFIG; what is not there reads as all ones.
 *
 * BARs have addresses from the beginning, as if firmware had given them, and may be moved. One is
 * on its bus while the command register says so, it lies in the bridge's window, and nothing else
 * is there; otherwise nobody answers for it. The function is told of nothing of that.
 *
 * Pin INTA of device n is wire n % 4, which is GSI PCI_GSI + n % 4 (for the _PRT of the DSDT).
 */
#pragma once

#include "devices.h"

#define PCI_CONFIG      0xe0000000ull /* memory-mapped configuration space of buses 0 to 255 */
#define PCI_CONFIG_SIZE 0x10000000ull
#define PCI_MEMORY      0xd0000000ull /* window for memory BARs */
#define PCI_MEMORY_END  0xe0000000ull
#define PCI_PORTS       0xc000u /* window for I/O BARs */
#define PCI_PORTS_END   0xd000u
#define PCI_GSI         16u

#define PCI_DEVICES 32u
#define PCI_BARS    6u
#define PCI_WIRES   4u

/* Offsets in configuration space (PCI 3.0, 6.1). */
#define PCI_COMMAND    0x04u
#define PCI_STATUS     0x06u
#define PCI_BAR_FIRST  0x10u
#define PCI_CAPABILITY 0x34u
#define PCI_LINE       0x3cu

#define PCI_COMMAND_IO      (1u << 0)
#define PCI_COMMAND_MEMORY  (1u << 1)
#define PCI_COMMAND_MASTER  (1u << 2)
#define PCI_COMMAND_NO_INTX (1u << 10)

/* A 64-bit BAR takes the place of the next one too. */
enum pci_bar_kind { PCI_BAR_NONE, PCI_BAR_PORTS, PCI_BAR_MEMORY, PCI_BAR_MEMORY64 };

struct pci_bar {
    enum pci_bar_kind kind;
    unsigned widest; /* as in struct bus_range */
    uint64_t size;   /* bytes: a power of two; 4 to 256 for ports, from 16 on for memory */
    const struct bus_operations *operations;
    void *device;
    uint64_t first;  /* where it is after a reset */
    uint64_t mapped; /* where it is on its bus; 0: it is not */
};

/* Of a function. Each may be NULL. */
struct pci_operations {
    /* So much of configuration space is about to be read; has been written. */
    void (*config_read)(void *device, uint32_t offset, uint32_t size);
    void (*config_written)(void *device, uint32_t offset, uint32_t size);
    void (*reset)(void *device); /* with the bus, after configuration space */
};

struct pci_identity {
    uint16_t vendor, device, subsystem_vendor, subsystem;
    uint32_t class; /* class, subclass, interface, revision: the register at 8 */
    bool intx;      /* it has INTA */
};

struct pci_bus;

struct pci_function {
    struct pci_bus *bus;
    uint32_t number; /* of the device */
    bool interrupt;  /* it asks for INTA */
    uint8_t config[256];
    uint8_t writable[256]; /* bits that the guest can change, but for BARs */
    uint8_t initial[256];
    uint32_t used; /* bytes of config: capabilities go behind */
    struct pci_bar bar[PCI_BARS];
    const struct pci_operations *operations;
    void *device;
};

/* Where the bus's signals go. */
struct pci_wiring {
    struct line wire[PCI_WIRES]; /* active while one of its functions asks */
    uint8_t irq[PCI_WIRES];      /* told in the Interrupt Line register; 0xff: none */
    struct line reset;           /* goes up when the guest resets the machine by port 0xcf9 */
};

struct pci_bus {
    struct machine *machine;
    struct pci_wiring wiring;
    uint32_t address; /* CONFIG_ADDRESS */
    uint8_t reset_control;
    uint64_t next_memory, next_port; /* not given to a BAR yet */
    struct pci_function *function[PCI_DEVICES];
    struct pci_function bridge;
};

/* Registers 0xcf8 to 0xcff and PCI_CONFIG; false: something else is there. */
bool pci_open(struct pci_bus *bus, struct machine *machine, const struct pci_wiring *wiring);
/* Everything as after RESET; functions too. */
void pci_reset(struct pci_bus *bus);

/*
 * A function: begin, then bars and capabilities, then add, which gives it the next device number
 * and addresses. False: there is no room, among devices or in a window.
 */
void pci_function_begin(struct pci_function *function, const struct pci_identity *identity,
                        const struct pci_operations *operations, void *device);
/* Its offset in configuration space; what follows the two bytes of its header is body. */
uint32_t pci_capability_add(struct pci_function *function, uint8_t id, const void *body,
                            uint32_t size);
/* The guest can change these bits of a byte. */
void pci_writable_set(struct pci_function *function, uint32_t offset, uint8_t mask);
bool pci_add(struct pci_bus *bus, struct pci_function *function);

/* The function asks for INTA or does not; what becomes of it says the command register. */
void pci_interrupt(struct pci_function *function, bool level);
/* May it read and write RAM, and send messages? */
bool pci_is_master(const struct pci_function *function);

uint32_t pci_config_read(struct pci_bus *bus, uint32_t number, uint32_t offset, uint32_t size);
void pci_config_write(struct pci_bus *bus, uint32_t number, uint32_t offset, uint32_t size,
                      uint32_t value);
