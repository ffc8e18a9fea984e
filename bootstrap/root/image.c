/*
 * A program's memory from its ELF file. What nobody writes is mapped from the module itself, so all
 * instances share it; the rest is copied to PROGRAM_IMAGE, which holds one after the other its
 * writable segments, its stack, its environment and its notices.
 */
#include <string.h>

#include "build.h"
#include "environment_make.h"
#include "memory.h"

const struct elf_limits elf_limits = {PROCESS_IMAGE, PROCESS_IMAGE_END};

static uint32_t memory_of_module(uint32_t number)
{
    for (uint32_t i = 0; i < root.info->memory.count; i++) {
        const struct boot_memory *range = boot_entry(&root.info->memory, i);
        if (range->type == MEMORY_MODULE && range->index == number)
            return SELECTOR_MEMORY + i;
    }
    return SELECTOR_NONE;
}

uint32_t module_find(const char *name, uint64_t *size)
{
    for (uint32_t i = 0; i < root.info->modules.count; i++) {
        const struct boot_module *module = boot_entry(&root.info->modules, i);
        if (strcmp(boot_text(module->name), name) == 0) {
            *size = module->size;
            return memory_of_module(i);
        }
    }
    return SELECTOR_NONE;
}

static uint64_t pages_up(uint64_t bytes)
{
    return (bytes + PAGE - 1) & ~(PAGE - 1);
}

/* Is it mapped from the file as it is? */
static bool segment_is_shared(const struct elf_segment *s)
{
    return !(s->rights & SEGMENT_WRITE) && s->offset % PAGE == 0 &&
           pages_up(s->file_size) == s->memory_size;
}

static bool image_check(struct building *b)
{
    struct elf_fault fault;

    if (elf_check((const uint8_t *)WINDOW_MODULE, b->module_size, &elf_limits, &b->elf, &fault)) {
        elf_fault_text(&fault, b->fault->text, sizeof(b->fault->text));
        return building_fails(b, "ELF file", STATUS_BAD_PARAMETER);
    }
    return true;
}

static void image_plan(struct building *b)
{
    b->private_size = 0;
    for (uint32_t i = 0; i < b->elf.count; i++)
        if (!segment_is_shared(&b->elf.segment[i]))
            b->private_size += b->elf.segment[i].memory_size;
    b->stack_offset = b->program->stack_offset = b->private_size;
    b->environment_offset = b->stack_offset + b->program->conf->stack;
    b->environment_size = pages_up(environment_most(b->program));
    b->notices_offset = b->environment_offset + b->environment_size;
    b->image_size = b->notices_offset + PAGE;
}

bool image_open(struct building *b)
{
    b->module = module_find(b->program->conf->program.text, &b->module_size);
    if (b->module == SELECTOR_NONE)
        return building_fails(b, "module that is not there", STATUS_BAD_SELECTOR);
    if (b->module_size > MODULE_MAX)
        return building_fails(b, "module of more than 64 MiB", STATUS_BAD_PARAMETER);
    enum status status = pages_map(&root.funds, b->module, SELECTOR_PD, WINDOW_MODULE, 0,
                                   pages_up(b->module_size), MEM_RIGHT_READ);
    if (status != STATUS_SUCCESS)
        return building_fails(b, "module", status);
    if (!image_check(b)) {
        image_close(b);
        return false;
    }
    image_plan(b);
    return true;
}

void image_close(struct building *b)
{
    pages_unmap(WINDOW_MODULE, pages_up(b->module_size));
    pages_unmap(WINDOW_IMAGE, b->image_size);
}

/* The program headers, which are at an address of the program if a segment holds them. */
static bool headers_find(const struct building *b, struct stack_start *start)
{
    uint64_t offset = *(const uint64_t *)(WINDOW_MODULE + 32); /* e_phoff, e_phnum: elf_check has */
    uint16_t count = *(const uint16_t *)(WINDOW_MODULE + 56);  /* found them inside the file */

    for (uint32_t i = 0; i < b->elf.count; i++) {
        const struct elf_segment *s = &b->elf.segment[i];
        if (offset - s->offset < s->file_size &&
            s->file_size - (offset - s->offset) >= count * 56ull) {
            start->headers = s->virtual + (offset - s->offset);
            start->header_count = count;
            return true;
        }
    }
    return false;
}

/* TSC and CPUID tell nobody else's secrets; a service for random numbers is what keys come from. */
static void random_fill(uint8_t byte[16])
{
    uint64_t x = tsc_read();

    for (unsigned i = 0; i < 16; i++) {
        x = x * 6364136223846793005u + tsc_read();
        byte[i] = (uint8_t)(x >> 56);
    }
}

static bool stack_fill(struct building *b)
{
    const struct conf_program *conf = b->program->conf;
    struct stack_start start = {.name = conf->name.text,
                                .argument = conf->argument,
                                .arguments = conf->arguments,
                                .entry = b->elf.entry};

    if (!headers_find(b, &start))
        return building_fails(b, "program headers, which no segment holds", STATUS_BAD_PARAMETER);
    random_fill(start.random);
    b->rsp =
        stack_make((char *)WINDOW_IMAGE + b->stack_offset, conf->stack, PROCESS_STACK_END, &start);
    return b->rsp ||
           building_fails(b, "arguments, which do not fit the stack", STATUS_BAD_PARAMETER);
}

static void segments_fill(const struct building *b)
{
    char *to = (char *)WINDOW_IMAGE;

    for (uint32_t i = 0; i < b->elf.count; i++) {
        const struct elf_segment *s = &b->elf.segment[i];
        if (segment_is_shared(s))
            continue;
        memcpy(to, (const char *)WINDOW_MODULE + s->offset, s->file_size);
        to += s->memory_size;
    }
}

bool image_fill(struct building *b)
{
    uint32_t image = program_selector(b->program, PROGRAM_IMAGE);
    enum status status = pages_map(&root.funds, image, SELECTOR_PD, WINDOW_IMAGE, 0, b->image_size,
                                   MEM_RIGHT_READ | MEM_RIGHT_WRITE);

    if (status != STATUS_SUCCESS)
        return building_fails(b, "image", status);
    memset((void *)WINDOW_IMAGE, 0,
           b->image_size); /* what the program had before it was restarted */
    segments_fill(b);
    return stack_fill(b) && resources_give(b, (char *)WINDOW_IMAGE + b->environment_offset,
                                           (uint32_t)b->environment_size);
}

static uint32_t map_rights(const struct elf_segment *s)
{
    return MEM_RIGHT_READ | (s->rights & SEGMENT_WRITE ? MEM_RIGHT_WRITE : 0) |
           (s->rights & SEGMENT_EXECUTE ? MEM_RIGHT_EXECUTE : 0);
}

bool image_map(struct building *b)
{
    struct program *p = b->program;
    uint32_t pd = program_selector(p, PROGRAM_PD), image = program_selector(p, PROGRAM_IMAGE);
    enum status status = STATUS_SUCCESS;
    uint64_t offset = 0;

    for (uint32_t i = 0; i < b->elf.count && status == STATUS_SUCCESS; i++) {
        const struct elf_segment *s = &b->elf.segment[i];
        bool shared = segment_is_shared(s);
        status = pages_map(&p->funds, shared ? b->module : image, pd, s->virtual,
                           shared ? s->offset : offset, s->memory_size, map_rights(s));
        offset += shared ? 0 : s->memory_size;
    }
    if (status == STATUS_SUCCESS)
        status = pages_map(&p->funds, image, pd, PROCESS_STACK_END - p->conf->stack,
                           b->stack_offset, p->conf->stack, MEM_RIGHT_READ | MEM_RIGHT_WRITE);
    if (status == STATUS_SUCCESS)
        status = pages_map(&p->funds, image, pd, PROCESS_ENVIRONMENT, b->environment_offset,
                           b->environment_size, MEM_RIGHT_READ);
    if (status == STATUS_SUCCESS)
        status = pages_map(&p->funds, image, pd, PROCESS_NOTICES, b->notices_offset, PAGE,
                           MEM_RIGHT_READ);
    return status == STATUS_SUCCESS || building_fails(b, "memory of its domain", status);
}
