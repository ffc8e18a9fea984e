/*
 * The module and the stack are mapped where programs are built, which nobody does meanwhile. The
 * program's other threads may still run, and write to the stack.
 *
 * Further threads have stacks that the program has mapped from its own memory, page by page, and
 * root does not follow that: it says where they were, no more.
 */
#include "trace.h"

#include "build.h"
#include "frames.h"
#include "memory.h"
#include "say.h"
#include "symbols.h"

struct file {
    const uint8_t *byte;
    struct elf_image image;
    struct symbols symbols;
};

/* A call's return address may be where the next function begins. */
static void frame_say(const struct file *file, uint32_t number, uint64_t address)
{
    char name[SYMBOL_NAME_MAX];
    uint64_t back = number ? 1 : 0, offset;

    if (symbols_find(&file->symbols, address - back, name, &offset))
        say("  #%u 0x%lx %s+0x%lx", number, address, name, offset + back);
    else
        say("  #%u 0x%lx", number, address);
}

/* The function's code up to an address, which the file has. */
static bool has_frame(const struct file *file, uint64_t rip)
{
    char name[SYMBOL_NAME_MAX];
    uint64_t offset;

    if (!symbols_find(&file->symbols, rip, name, &offset))
        return false;
    for (uint32_t i = 0; i < file->image.count; i++) {
        const struct elf_segment *s = &file->image.segment[i];
        uint64_t start = rip - offset - s->virtual;
        if (start < s->file_size && offset <= s->file_size - start)
            return frame_is_made(file->byte + s->offset + start, offset);
    }
    return false;
}

static void frames_say(const struct program *p, const struct file *file)
{
    const struct utcb_state *s = &p->stopped.state;
    struct stack_view stack = {(const uint64_t *)WINDOW_IMAGE, PROCESS_STACK_END - p->conf->stack,
                               p->conf->stack};
    uint64_t frame[FRAMES_MAX];

    if (p->stopped.thread ||
        pages_map(&root.funds, program_selector(p, PROGRAM_IMAGE), SELECTOR_PD, WINDOW_IMAGE,
                  p->stack_offset, stack.size, MEM_RIGHT_READ) != STATUS_SUCCESS)
        stack.size = 0;
    uint32_t count = frames_walk(&stack, s->rip, s->rsp, s->rbp, has_frame(file, s->rip), frame);
    pages_unmap(WINDOW_IMAGE, stack.size);
    for (uint32_t i = 0; i < count; i++)
        frame_say(file, i, frame[i]);
}

void trace_say(const struct program *p)
{
    struct file file = {.byte = (const uint8_t *)WINDOW_MODULE};
    struct elf_fault fault;
    uint64_t size, bytes;
    uint32_t module = module_find(p->conf->program.text, &size);

    if (module == SELECTOR_NONE || size > MODULE_MAX)
        return;
    bytes = (size + PAGE - 1) & ~(PAGE - 1);
    if (pages_map(&root.funds, module, SELECTOR_PD, WINDOW_MODULE, 0, bytes, MEM_RIGHT_READ) ==
            STATUS_SUCCESS &&
        elf_check(file.byte, size, &elf_limits, &file.image, &fault) == ELF_SUCCESS &&
        symbols_open(file.byte, size, &file.symbols))
        frames_say(p, &file);
    pages_unmap(WINDOW_MODULE, bytes);
}
