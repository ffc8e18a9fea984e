/*
 * What a program finds when it starts: its address space, its capabilities and its environment.
 * bootstrap/root makes it so, for each program that it starts; a program may rely on nothing else.
 *
 * Address space: the program's segments; a stack between guard pages, with RSP at what the System V
 * ABI for x86-64 (3.4.1) puts there: argc, argv, NULL, no environment variables, NULL, and an
 * auxiliary vector with AT_PHDR, AT_PHENT, AT_PHNUM, AT_ENTRY, AT_PAGESZ, AT_RANDOM (16 bytes) and
 * AT_SECURE; its main thread's UTCB at PROCESS_UTCB; the environment, read-only, at
 * PROCESS_ENVIRONMENT; the notices, read-only, at PROCESS_NOTICES. Addresses from PROCESS_FREE to
 * PROCESS_FREE_END are the program's own. All other registers but RSP are 0; vector state is
 * initial. All of it but what is the program's own shares one top-level part, to need few tables.
 */
#pragma once

#include <stdint.h>

#include "boot_info.h"

#define PROCESS_ENVIRONMENT 0x0000000000200000ull /* at most 64 KiB */
#define PROCESS_NOTICES     0x0000000000220000ull /* one page */
#define PROCESS_STACK_END   0x00000000003f0000ull /* grows down from here, at most 1 MiB */
#define PROCESS_UTCB        0x00000000003ff000ull
#define PROCESS_IMAGE       0x0000000000400000ull /* where segments can be, */
#define PROCESS_IMAGE_END   0x0000000030000000ull /* up to here; then memory of sessions, */
#define PROCESS_FREE        0x0000000040000000ull /* up to here; then what is its own */
#define PROCESS_FREE_END    0x0000600000000000ull

/* Capabilities. What is not listed here or named by the environment is empty. */
#define PROCESS_PD        1u /* its domain: MAP, CREATE */
#define PROCESS_EC        2u /* its main thread: CONTROL, STATE, PORTAL */
#define PROCESS_SC        3u /* the time of that: READ; soon after it has begun to run */
#define PROCESS_POOL      4u /* which its domain stands on: USE, DEPOSIT */
#define PROCESS_MEMORY    5u /* its own memory, to be divided: READ, WRITE, DIVIDE */
#define PROCESS_NOTICE    6u /* semaphore that is upped when a notice changes: UP, DOWN */
#define PROCESS_BANK      7u /* which that stands on, for records of what is deposited there: USE */
#define PROCESS_ROOT      8u /* and following: root's portal on each CPU that it may use: CALL */
#define PROCESS_TROUBLE   72u  /* and following: semaphores to supervise its ECs there with: UP */
#define PROCESS_CPUS      136u /* and following: time on each CPU that it may use: TIME */
#define PROCESS_RESOURCES 200u /* and following: what the environment names */
#define PROCESS_USES \
    240u /* and following: two for each service that it uses (session_protocol.h) */
#define PROCESS_CLIENTS 272u  /* and following: one for each client that it can have */
#define PROCESS_OWN     336u  /* from here on, selectors are the program's own */
#define PROCESS_OWN_END 4096u /* and up to here */

#define ENVIRONMENT_MAGIC   0x76456e7261436e45ull
#define ENVIRONMENT_VERSION 1u

/* A part of the environment: entries of one kind, that many, from this offset on (bytes). */
struct environment_table {
    uint32_t offset, count;
};

/* A boot module that it may read: a file. Its bytes are from the start of the MEM on. */
struct environment_file {
    uint32_t name;     /* offset of its name, NUL-terminated */
    uint32_t selector; /* MEM: READ */
    uint64_t size;     /* bytes; the rest of the last page is zero */
};

enum environment_kind {
    RESOURCE_PORTS = 1, /* I/O ports: base, count; a PORTS range, already open, right USE */
    RESOURCE_IRQ = 2,   /* global system interrupts: base, count; an IRQ range, right USE */
    RESOURCE_PCI = 3,   /* a PCI function: base is its number; a PCI range, right USE */
    RESOURCE_RAM = 4, /* RAM for a guest: count bytes; a MEM, cleared, from a multiple of 2 MiB on:
                         READ, WRITE, EXECUTE, DIVIDE. base is its place in the GiB that it begins
                         in: 0 from 1 GiB on, if the machine has such a piece, so that pages of
                         1 GiB fit too */
};

struct environment_resource {
    uint32_t name; /* offset of the name that the configuration gives it, or of "" */
    uint32_t kind; /* enum environment_kind */
    uint32_t selector;
    uint32_t reserved;
    uint64_t base, count;
};

/* A service that it may use: the session's memory is at address, all the time (session_protocol.h).
 */
struct environment_use {
    uint32_t name; /* of the service: offset */
    uint32_t size; /* bytes of the memory */
    uint64_t address;
};

/* A program that may use one of its services. Its place in the table is its badge. */
struct environment_client {
    uint32_t name;    /* of the program: offset */
    uint32_t service; /* which of `offers` */
    uint32_t size;    /* bytes of the memory */
    uint32_t reserved;
    uint64_t address;
};

struct environment_offer {
    uint32_t name; /* of the service: offset */
    uint32_t reserved;
};

/* One block of whole pages, as is the boot information area: header, tables, strings. */
struct environment {
    uint64_t magic;
    uint32_t version;
    uint32_t size; /* bytes */
    uint32_t name; /* offset of the program's name in the system */
    uint32_t cpu;  /* index of the CPU of its main thread */
    uint32_t machine_cpus;
    uint32_t priority; /* of its main thread, which is the ceiling of its further ones */
    uint32_t restarts; /* how often it was started before in this run */
    uint64_t cpus;     /* mask: those that it may use */
    uint64_t tsc_hz;
    uint64_t memory_size;    /* of PROCESS_MEMORY, bytes */
    uint64_t heartbeat;      /* ticks within which it has to call ROOT_ALIVE again; 0: need not */
    struct boot_guest guest; /* what a guest can have on this machine */
    struct environment_table files;     /* struct environment_file */
    struct environment_table resources; /* struct environment_resource */
    struct environment_table uses;      /* struct environment_use */
    struct environment_table offers;    /* struct environment_offer */
    struct environment_table clients;   /* struct environment_client */
};
