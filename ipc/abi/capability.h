/*
 * Capabilities: what a selector can name, and with which rights.
 *
 * A selector is an index into the capability table of the caller's protection domain. A capability
 * is an object and rights. Delegation copies it with the same rights or fewer; what was copied is
 * derived from the original, and revoking the original's grant empties every selector and removes
 * every mapping derived from it. Emptying a selector revokes what was derived from it first, so a
 * capability never outlives the one it came from.
 */
#pragma once

#include <stdint.h>

#define SELECTORS 65536u /* selectors of a protection domain: 0 to SELECTORS - 1 */

enum object_type {
    OBJECT_NONE = 0,
    OBJECT_PD = 1,        /* protection domain */
    OBJECT_POOL = 2,      /* kernel memory */
    OBJECT_MEM = 3,       /* range of physical memory */
    OBJECT_EC = 4,        /* execution context */
    OBJECT_SC = 5,        /* scheduling context */
    OBJECT_PT = 6,        /* portal */
    OBJECT_SM = 7,        /* semaphore */
    OBJECT_CPU = 8,       /* authority for scheduling contexts on a CPU */
    OBJECT_PORTS = 9,     /* range of I/O ports */
    OBJECT_IRQ = 10,      /* range of interrupt lines */
    OBJECT_PCI = 11,      /* PCI functions, as the authority for their MSIs */
    OBJECT_PLATFORM = 12, /* power, event trace */
    OBJECT_VM = 13,       /* guest-physical address space */
    OBJECT_VCPU = 14,     /* virtual CPU */
    /* 15 DMA domain is foreseen. */
};

/* Every type: the holder may destroy the object. */
#define RIGHT_DESTROY (1u << 0)

#define PD_RIGHT_DELEGATE (1u << 1) /* put capabilities into its table, and look them up */
#define PD_RIGHT_MAP      (1u << 2) /* map memory and ports into it */
#define PD_RIGHT_CREATE   (1u << 3) /* create execution contexts in it */

#define POOL_RIGHT_USE     (1u << 1) /* let it pay for an object */
#define POOL_RIGHT_DEPOSIT (1u << 2) /* deposit and withdraw */

#define MEM_RIGHT_READ    (1u << 1) /* map readable */
#define MEM_RIGHT_WRITE   (1u << 2) /* map writable */
#define MEM_RIGHT_EXECUTE (1u << 3) /* map executable */
#define MEM_RIGHT_DMA     (1u << 4) /* map for devices */
#define MEM_RIGHT_DIVIDE  (1u << 5) /* create ranges within it, deposit it */

#define EC_RIGHT_CONTROL (1u << 1) /* its exceptions, supervisor, recall, resume */
#define EC_RIGHT_STATE   (1u << 2) /* read and set its registers, so single step */
#define EC_RIGHT_PORTAL  (1u << 3) /* create portals into it */
#define EC_RIGHT_SC      (1u << 4) /* give it a scheduling context */

#define SC_RIGHT_READ (1u << 1) /* read the time consumed */

#define PT_RIGHT_CALL    (1u << 1)
#define PT_RIGHT_CONTROL (1u << 2) /* set its id */

#define SM_RIGHT_UP   (1u << 1)
#define SM_RIGHT_DOWN (1u << 2)

#define CPU_RIGHT_DIVIDE    (1u << 1) /* create CPU capabilities with a part of its share */
#define CPU_RIGHT_TIME      (1u << 2) /* create scheduling contexts */
#define CPU_RIGHT_UNLIMITED (1u << 3) /* without a limit to their time, outside of the share */

#define VM_RIGHT_MAP    PD_RIGHT_MAP    /* map memory into it, watch and protect what is mapped */
#define VM_RIGHT_CREATE PD_RIGHT_CREATE /* create virtual CPUs of it */

#define VCPU_RIGHT_CONTROL EC_RIGHT_CONTROL /* its portals, supervisor, recall, freeze, resume */
#define VCPU_RIGHT_STATE   EC_RIGHT_STATE   /* its page; read and write its state */
#define VCPU_RIGHT_SC      EC_RIGHT_SC      /* give it a scheduling context */

/* Ranges: I/O ports, interrupt lines, PCI functions. */
#define RANGE_RIGHT_DIVIDE (1u << 1) /* create ranges within it */
#define RANGE_RIGHT_USE    (1u << 2) /* open ports; bind, acknowledge and unbind interrupts */

#define PLATFORM_RIGHT_POWER (1u << 1) /* power the machine off */
#define PLATFORM_RIGHT_TRACE (1u << 2) /* switch the event trace */

#define RIGHTS_ALL 0xffffu
