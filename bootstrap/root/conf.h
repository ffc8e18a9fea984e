/*
 * The system's configuration: what system.conf says, as structures. conf.c reads the text and
 * refuses what the grammar (README.md) does not have; plan.c refuses what the machine does not.
 *
 * All names point into the text, which stays where it is and was cut into strings by conf_read.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONF_PROGRAMS  80u
#define CONF_ARGUMENTS 32u /* of a program */
#define CONF_NAMES     16u /* files, uses and offers of a program, each */
#define CONF_RESOURCES 16u
#define CONF_FAILURE   8u  /* exit status of a run that failed, if nothing else is said */
#define CONF_NAME_MAX  32u /* characters of a program's or service's name */

/* Letters, digits, '.', '_', '-'; and the line that says it. */
struct conf_name {
    const char *text;
    uint32_t line;
};

struct conf_list {
    uint32_t count;
    struct conf_name name[CONF_NAMES];
};

enum conf_kind { CONF_PORTS, CONF_IRQ, CONF_PCI, CONF_RAM };

/* A range of the machine: ports, interrupt lines, PCI functions; of RAM the bytes are in count. */
struct conf_resource {
    enum conf_kind kind;
    uint32_t line;
    uint64_t base, count;
};

enum conf_restart {
    CONF_RESTART_ALWAYS, /* when it faults, exits or falls silent; with back-off */
    CONF_RESTART_FAULT,  /* not when it exits with status 0 */
    CONF_RESTART_NEVER,
};

/* Does the run end with it, with its exit status? */
enum conf_ends {
    CONF_ENDS_NO,
    CONF_ENDS_YES,
    CONF_ENDS_ALL, /* with the last one of these; the status is the first that is not 0 */
};

struct conf_program {
    struct conf_name name;    /* of the section */
    struct conf_name program; /* the boot module with its ELF file; as the name, if not said */
    const char *argument[CONF_ARGUMENTS]; /* without the name; blanks separate, "" quote */
    uint32_t arguments;
    uint64_t memory;  /* bytes of its own, a multiple of 4096 */
    uint64_t stack;   /* bytes, a multiple of 4096 */
    uint64_t session; /* bytes of memory of each session in which it is the server */
    uint32_t cpu;     /* of its main thread */
    uint64_t cpus;    /* mask: CPUs on which it may have threads; `cpu` among them */
    uint8_t priority;
    uint32_t cpu_share; /* percent of each of its CPUs that it has at most; 0: without a limit */
    uint32_t heartbeat; /* milliseconds; 0: none */
    enum conf_restart restart;
    enum conf_ends ends;
    uint32_t failure; /* exit status of the run, if it ends with it and that failed */
    struct conf_list files, uses, offers;
    struct conf_resource resource[CONF_RESOURCES];
    uint32_t resources;
    uint32_t line; /* of the section's head */
};

struct conf {
    struct conf_program program[CONF_PROGRAMS];
    uint32_t programs;
};

/* What is wrong, where, and what was expected; one line, without the file's name. */
struct conf_fault {
    uint32_t line; /* from 1 on */
    char text[120];
};

/* Says what is wrong; false. */
__attribute__((format(printf, 3, 4))) bool conf_wrong(struct conf_fault *fault, uint32_t line,
                                                      const char *format, ...);

/*
 * Reads size characters of text, which it changes: names end with NUL then. text[size] belongs to
 * it too. False: *fault says why; *conf means nothing.
 */
__attribute__((warn_unused_result)) bool conf_read(char *text, size_t size, struct conf *conf,
                                                   struct conf_fault *fault);
