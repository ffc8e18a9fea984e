/*
 * The boot information area: what the first user program learns about the machine.
 *
 * The loader builds it, the kernel completes it and maps it read-only at BOOT_INFO_ADDRESS. It is
 * one block of whole pages: a header, then tables, then strings. Tables and strings are named by
 * their offset from the start of the area, so that the block can be copied and read anywhere.
 *
 * Compatibility: a reader accepts the area when magic and version_major agree. A higher
 * version_minor only appends header fields, entry fields or tables: use header_size and each
 * table's entry_size, never sizeof, to step. Reserved fields are zero.
 */
#pragma once

#include <stdint.h>

#define BOOT_INFO_MAGIC   0x6e726143u           /* "Carn" */
#define BOOT_INFO_ADDRESS 0x0000700000000000ull /* virtual, in the first program */

/* Semantic version of the kernel interface; CHANGES.md says what each one changed. */
#define ABI_VERSION_MAJOR 0
#define ABI_VERSION_MINOR 4
#define ABI_VERSION_PATCH 0

#define BOOT_MAX_CPUS      64
#define BOOT_MAX_MODULES   128
#define BOOT_MAX_RANGES    512
#define BOOT_MAX_IOAPICS   8
#define BOOT_MAX_OVERRIDES 24
#define BOOT_MAX_BUSES     16 /* PCI segments with a memory-mapped configuration space */
#define BOOT_MAX_PORTS     8
#define BOOT_MAX_FUNCTIONS 32

/* offset in bytes from the start of the area; entries of entry_size bytes each, 8-byte aligned. */
struct boot_table {
    uint32_t offset;
    uint32_t count;
    uint32_t entry_size;
    uint32_t reserved;
};

enum memory_type {
    MEMORY_FREE = 1,         /* RAM that nobody uses */
    MEMORY_RESERVED = 2,     /* not RAM, or RAM that the firmware keeps */
    MEMORY_ACPI_TABLES = 3,  /* RAM with ACPI tables (E820 type 3) */
    MEMORY_ACPI_NVS = 4,     /* RAM that the firmware keeps over sleep (E820 type 4) */
    MEMORY_DEFECTIVE = 5,    /* RAM that the firmware found bad */
    MEMORY_KERNEL = 6,       /* the kernel's own frames */
    MEMORY_BOOT_INFO = 7,    /* this area */
    MEMORY_FIRST = 8,        /* segments of the first program */
    MEMORY_MODULE = 9,       /* content of a boot module, unpacked */
    MEMORY_LOADER = 10,      /* the loader's own: FREE when it is gone, so nobody sees it */
    MEMORY_FRAMEBUFFER = 11, /* linear framebuffer */
};

/*
 * A range of physical memory. Sorted by base, never overlapping. FREE, KERNEL, BOOT_INFO, FIRST,
 * MODULE and LOADER ranges are multiples of 4096 bytes; the others are as the firmware gave them.
 * index: the module's number in the module table for MEMORY_MODULE, otherwise zero.
 */
struct boot_memory {
    uint64_t base;
    uint64_t size; /* bytes; zero-sized entries are possible and mean nothing */
    uint32_t type; /* enum memory_type */
    uint32_t index;
};

/* A boot module other than the kernel and the first program's ELF file. */
struct boot_module {
    uint64_t base;      /* physical, 4096-byte aligned */
    uint64_t size;      /* bytes of content; the rest of the last page is zero */
    uint32_t name;      /* offset of the NUL-terminated NAME in the argument name=NAME */
    uint32_t arguments; /* offset of the whole argument string, NUL-terminated */
};

/* CPU features that the kernel switched on or uses; CPUID tells programs the others. */
#define CPU_FEATURE_NX     (1ull << 0) /* EFER.NXE set */
#define CPU_FEATURE_SMEP   (1ull << 1) /* CR4.SMEP set */
#define CPU_FEATURE_SMAP   (1ull << 2) /* CR4.SMAP set */
#define CPU_FEATURE_UMIP   (1ull << 3) /* CR4.UMIP set */
#define CPU_FEATURE_WP     (1ull << 4) /* CR0.WP set */
#define CPU_FEATURE_X2APIC (1ull << 5) /* local APIC in x2APIC mode */
#define CPU_FEATURE_TSC_DEADLINE                                    \
    (1ull << 6) /* one-shot timer by TSC deadline, else LAPIC count \
                 */

/* A running CPU. Features are written by that CPU itself, from its registers, when it comes up. */
struct boot_cpu {
    uint32_t apic_id;
    uint32_t reserved;
    uint64_t features; /* CPU_FEATURE_* */
    uint64_t tsc_skew; /* upper bound of the difference to CPU 0's TSC, in TSC ticks */
};

struct boot_ioapic {
    uint64_t base; /* physical address of its registers */
    uint32_t id;
    uint32_t gsi_base;
    uint32_t gsi_count; /* number of inputs, read from its version register by the kernel */
    uint32_t reserved;
};

/* ISA interrupt line that is not wired one to one (ACPI 6.4, 5.2.12.5). */
struct boot_override {
    uint32_t isa_irq;
    uint32_t gsi;
    uint32_t flags; /* MPS INTI flags: bits 1:0 polarity, bits 3:2 trigger mode */
    uint32_t reserved;
};

/* PCI segment with memory-mapped configuration space (PCI Firmware 3.0, 4.1.2, MCFG). */
struct boot_pci {
    uint64_t base; /* physical address of bus 0's configuration space */
    uint16_t segment;
    uint8_t first_bus;
    uint8_t last_bus;
    uint32_t reserved;
};

/* I/O ports that the first program may use: [base, base + count). */
struct boot_ports {
    uint16_t base;
    uint16_t count;
    uint32_t kind; /* enum boot_port_kind */
};

enum boot_port_kind {
    PORTS_COM1 = 1,     /* 16550 UART */
    PORTS_PM_TIMER = 2, /* ACPI power-management timer, 3.579545 MHz */
};

/* A PCI function on which bus mastering could not be switched off. */
struct boot_function {
    uint16_t segment;
    uint8_t bus;
    uint8_t device_function; /* device << 3 | function */
    uint32_t reserved;
};

/* Linear framebuffer as the boot loader left it; base is zero where there is none. */
struct boot_framebuffer {
    uint64_t base;  /* physical */
    uint32_t pitch; /* bytes per line */
    uint32_t width; /* pixels */
    uint32_t height;
    uint8_t bits_per_pixel;
    uint8_t red_position, red_size;
    uint8_t green_position, green_size;
    uint8_t blue_position, blue_size;
    uint8_t reserved;
};

/* What a guest can have on this machine; the same on all CPUs. */
enum boot_guest_kind { GUEST_NONE = 0, GUEST_VMX = 1, GUEST_SVM = 2 };

#define GUEST_XSETBV           (1u << 0) /* XSETBV exits; otherwise the guest sets what it has */
#define GUEST_LENGTH           (1u << 1) /* exits of instructions tell their length */
#define GUEST_DIRTY            (1u << 2) /* VM_DIRTY */
#define GUEST_TSC_RATIO        (1u << 3) /* vcpu_state.tsc_ratio */
#define GUEST_VIRTUAL_DELIVERY (1u << 4) /* vcpu_state.pending is delivered by the CPU */
#define GUEST_POSTED           (1u << 5) /* and without an exit */
#define GUEST_PAUSE            (1u << 6) /* INTERCEPT_PAUSE */
#define GUEST_LARGE            (1u << 7) /* pages of 1 GiB in guest-physical space */

struct boot_guest {
    uint32_t kind;     /* enum boot_guest_kind */
    uint32_t features; /* GUEST_* */
    uint64_t cr0;      /* bits that can be set; others are 0 in every guest */
    uint64_t cr4;
    uint64_t efer;
    uint64_t xcr0;
    uint32_t tags;  /* ASIDs or VPIDs of a CPU */
    uint32_t image; /* bytes of the XSAVE image in a VCPU's page */
};

#define BOOT_FLAG_DMA_CONFINED (1u << 0) /* an IOMMU blocks all DMA that was not granted */
#define BOOT_FLAG_VTD          (1u << 1) /* the firmware describes an Intel IOMMU (DMAR) */
#define BOOT_FLAG_AMDVI        (1u << 2) /* the firmware describes an AMD IOMMU (IVRS) */
#define BOOT_FLAG_PM_TIMER_32  (1u << 3) /* the ACPI PM timer has 32 bits, not 24 */

struct boot_info {
    uint32_t magic;       /* BOOT_INFO_MAGIC */
    uint16_t header_size; /* sizeof(struct boot_info) of the writer */
    uint8_t version_major;
    uint8_t version_minor;
    uint8_t version_patch;
    uint8_t reserved[3];
    uint32_t size;  /* bytes in use, header included; the area is this rounded up to pages */
    uint32_t flags; /* BOOT_FLAG_* */

    uint64_t tsc_hz;           /* TSC ticks per second */
    uint64_t kernel_entry_tsc; /* TSC just before the kernel's first instruction */
    uint64_t acpi_rsdp;        /* physical address of the ACPI root pointer, 0 if unknown */
    uint64_t acpi_dmar;        /* physical address of the DMAR or IVRS table, 0 if none */
    uint32_t command_line;     /* offset of the command line, NUL-terminated */
    uint32_t boot_loader;      /* offset of the boot loader's name, NUL-terminated */

    struct boot_framebuffer framebuffer;

    struct boot_table memory;    /* struct boot_memory */
    struct boot_table modules;   /* struct boot_module */
    struct boot_table cpus;      /* struct boot_cpu */
    struct boot_table ioapics;   /* struct boot_ioapic */
    struct boot_table overrides; /* struct boot_override */
    struct boot_table pci;       /* struct boot_pci */
    struct boot_table ports;     /* struct boot_ports */
    struct boot_table functions; /* struct boot_function: bus mastering still on */

    struct boot_guest guest;
};
