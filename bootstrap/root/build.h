/* The steps of program_start, in their order. Each false is told in *fault. */
#pragma once

#include "elf.h"
#include "program.h"

#define MODULE_MAX (64ull << 20) /* bytes of an ELF file */

extern const struct elf_limits elf_limits; /* where its segments may be */

/* What is being built. */
struct building {
    struct program *program;
    struct program_fault *fault;
    uint32_t module;      /* selector of the MEM with its ELF file, */
    uint64_t module_size; /* mapped at WINDOW_MODULE */
    struct elf_image elf;
    uint64_t private_size; /* bytes of PROGRAM_IMAGE that its segments need */
    uint64_t stack_offset; /* in PROGRAM_IMAGE: its stack, then environment, then notices */
    uint64_t environment_offset, environment_size, notices_offset, image_size;
    uint64_t rsp;
    struct environment *environment; /* in WINDOW_IMAGE, until image_close */
};

/*
 * image.c: finds and checks the ELF file and lays out PROGRAM_IMAGE; fills that, which stays at
 * WINDOW_IMAGE; takes both out of the windows.
 */
bool image_open(struct building *b);
bool image_fill(struct building *b);
void image_close(struct building *b);
uint32_t module_find(const char *name, uint64_t *size); /* MEM of a boot module */

/* image.c: maps all of it into the program's domain. */
bool image_map(struct building *b);

/* resources.c: what the configuration gives it, into its table; and the environment that says so.
 */
bool resources_give(struct building *b, void *environment, uint32_t size);

/* Bytes that the environment of a program has at most. */
uint64_t environment_most(const struct program *p);

/* Remembers what failed; false. */
static inline bool building_fails(const struct building *b, const char *what, enum status status)
{
    b->fault->what = what;
    b->fault->status = status;
    return false;
}
