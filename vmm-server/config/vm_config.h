/*
 * A VM file: what it says of a virtual machine. Parsed by the same code on the host, before
 * anything is booted, and in the system, by the VMM.
 *
 * All sections and keys stand in one table (vm_keys.c), from which the parser, its messages and the
 * documentation come.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* In the order of the words in vm_keys.c. VM_BOOT_FIRMWARE is refused by the parser so far. */
enum vm_boot { VM_BOOT_LINUX, VM_BOOT_PVH, VM_BOOT_MULTIBOOT, VM_BOOT_FIRMWARE };
enum vm_again { VM_RESTART, VM_STOP };

#define VM_NAME     21u    /* with its NUL: vm.NAME.module12 is the name of a boot module */
#define VM_PATH     1024u  /* the same */
#define VM_CMDLINE  2048u  /* the same */
#define VM_MODULES  13u    /* with VM file, kernel and initrd as many as a program has files */
#define VM_FILE_MAX 65536u /* bytes */

struct vm_module {
    uint32_t line;
    char path[VM_PATH];
    char arguments[VM_PATH];
};

/* Keys of [vm] by their number; VM_KEY_COUNT is how many there are. */
enum vm_key_number {
    VM_KEY_NAME,
    VM_KEY_MEMORY,
    VM_KEY_VCPUS,
    VM_KEY_BOOT,
    VM_KEY_KERNEL,
    VM_KEY_INITRD,
    VM_KEY_CMDLINE,
    VM_KEY_MODULE,
    VM_KEY_PRIORITY,
    VM_KEY_CPU_SHARE,
    VM_KEY_ON_RESET,
    VM_KEY_ON_CRASH,
    VM_KEY_COUNT,
};

struct vm_config {
    char name[VM_NAME];
    uint64_t memory; /* bytes: a multiple of 2 MiB */
    uint32_t vcpus;
    uint32_t boot; /* enum vm_boot */
    char kernel[VM_PATH];
    char initrd[VM_PATH]; /* "": none */
    char cmdline[VM_CMDLINE];
    uint32_t modules;
    struct vm_module module[VM_MODULES];
    uint32_t priority;
    uint32_t cpu_share;          /* percent; 0: no limit */
    uint32_t on_reset, on_crash; /* enum vm_again */
    bool testdev;
    uint32_t line[VM_KEY_COUNT]; /* where each key of [vm] stands; 0: nowhere */
};

struct vm_error {
    uint32_t line;  /* from 1 on; 0: the whole file */
    char text[200]; /* what was wrong and what was expected */
};

/* Reads size bytes of text. False: *error says why; *config means nothing. */
__attribute__((warn_unused_result)) bool vm_config_parse(struct vm_config *config, const char *text,
                                                         uint64_t size, struct vm_error *error);
