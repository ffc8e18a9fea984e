/*
 * Boot protocols: put an image into the guest's RAM and say with what state its first VCPU begins.
 * Images come from whoever wrote the VM file: they are not trusted, every field is checked, nothing
 * is written outside of the guest's RAM. They stay as they are; a reset loads them again.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "guest_memory.h"
#include "vcpu_state.h"

struct boot_image {
    const uint8_t *data;
    uint64_t size;
    const char *arguments; /* of a Multiboot module */
};

struct boot_request {
    const struct guest_memory *memory;
    struct boot_image kernel, initrd; /* initrd.size 0: none */
    const struct boot_image *modules;
    uint32_t module_count;
    const char *command_line;
    uint64_t rsdp;                 /* guest-physical address of ACPI's root pointer */
    uint64_t acpi_base, acpi_size; /* RAM that holds ACPI tables: told as such in memory maps */
};

struct boot_error {
    char text[160]; /* what was wrong, and where in the image */
};

/* Each sets the groups STATE_* of a fresh VCPU that it names in *changed. */
bool boot_linux(const struct boot_request *request, struct vcpu_state *state, uint32_t *changed,
                struct boot_error *error);
bool boot_pvh(const struct boot_request *request, struct vcpu_state *state, uint32_t *changed,
              struct boot_error *error);
bool boot_multiboot(const struct boot_request *request, struct vcpu_state *state, uint32_t *changed,
                    struct boot_error *error);
