/*
 * The environment and the start of the stack, as root makes them.
 */
#include <stdlib.h>

#include "environment_make.h"
#include "tap.h"

#define END 0x3f0000ull

static void test_environment(void)
{
    struct environment_writer w;
    uint64_t *memory = calloc(1, 512);

    environment_begin(&w, memory, 512);
    w.block->name = environment_text(&w, "one");
    struct environment_file *files =
        environment_table(&w, &w.block->files, 2, sizeof(struct environment_file));
    files[1].name = environment_text(&w, "second");
    ok(environment_end(&w), "it fits");

    const struct environment *e = (const struct environment *)memory;
    is_u64(e->magic, ENVIRONMENT_MAGIC, "magic");
    is_str((const char *)e + e->name, "one", "name");
    is_u64(e->files.count, 2, "files");
    is_u64(e->files.offset % 8, 0, "aligned");
    files = (struct environment_file *)((char *)memory + e->files.offset);
    is_str((const char *)e + files[1].name, "second", "name of a file");
    ok(e->size <= 512 && e->size >= sizeof(*e) + 2 * sizeof(*files), "size %u", e->size);
    free(memory);
}

/* Each size that is too small is refused, and nothing is written behind it. */
static void test_small(void)
{
    unsigned refused = 0;

    for (uint32_t size = 0; size < 300; size += 8) {
        struct environment_writer w;
        struct environment_table table;
        uint64_t *memory = calloc(1, size ? size : 1);

        environment_begin(&w, memory, size);
        (void)environment_text(&w, "a name");
        (void)environment_table(&w, &table, 3, 24);
        refused += !environment_end(&w);
        free(memory);
    }
    ok(refused > 10 && refused < 38, "%u sizes are too small", refused);
}

static const struct stack_start start = {.name = "prog",
                                         .argument = (const char *const[]){"a", "b c"},
                                         .arguments = 2,
                                         .headers = 0x400040,
                                         .header_count = 3,
                                         .entry = 0x401000,
                                         .random = {1, 2, 3}};

static void test_stack(void)
{
    char *memory = calloc(1, 4096);
    uint64_t rsp = stack_make(memory, 4096, END, &start);
    const uint64_t *word = (const uint64_t *)(memory + (rsp - (END - 4096)));

    is_u64(rsp % 16, 0, "RSP is aligned");
    is_u64(word[0], 3, "argc");
    is_str(memory + (word[1] - (END - 4096)), "prog", "argv[0]");
    is_str(memory + (word[2] - (END - 4096)), "a", "argv[1]");
    is_str(memory + (word[3] - (END - 4096)), "b c", "argv[2]");
    is_u64(word[4] | word[5], 0, "ends of argv and of the environment");
    is_u64(word[6], 3, "AT_PHDR");
    is_u64(word[7], 0x400040, "its value");
    unsigned i = 6;
    while (word[i] && word[i] != 25)
        i += 2;
    is_u64(word[i], 25, "AT_RANDOM");
    is_u64((uint8_t)memory[word[i + 1] - (END - 4096)], 1, "its bytes");
    while (word[i])
        i += 2;
    ok((const char *)&word[i + 1] < memory + 4096, "the vector has an end");
    free(memory);
}

static void test_stack_small(void)
{
    unsigned fits = 0;

    for (size_t size = 0; size < 400; size += 16) {
        char *memory = malloc(size ? size : 1);
        fits += stack_make(memory, size, END, &start) != 0;
        free(memory);
    }
    ok(fits > 5 && fits < 20, "%u sizes of the stack do", fits);
}

int main(void)
{
    test_environment();
    test_small();
    test_stack();
    test_stack_small();
    return done_testing();
}
