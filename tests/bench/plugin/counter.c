/*
 * Counter: a QEMU plugin that counts executed instructions and events by level.
 *
 *   -plugin counter.so,out=FILE[,at=NAME:0xADDRESS]...[,stretch=NAME]
 *
 * Levels: "kernel" is the host at addresses of the upper half, "lower" the host below (firmware and
 * loader first, programs later), "guest" everything between VMRUN and #VMEXIT. VMRUN itself belongs
 * to the host. Each passing of a point appends a line of JSON with all counts to FILE. Points are
 * markers (classify.h, at any level), the addresses given by at= (on the host), and the end of the
 * run. Counts do not yet hold the instruction of the point itself. The numbers of a run repeat
 * exactly, but for those at its end: QEMU stops the CPU some instructions after the power-off.
 *
 * An instruction counts when it begins, so one that faults and is restarted counts again. A string
 * instruction with a repeat prefix counts once for each iteration as QEMU runs it (under -icount:
 * one more than the count register says, for the check that ends it); the event "string" counts it
 * once, "string_step" counts its iterations.
 *
 * "stretch" is the longest run of kernel instructions, since the line before, that nothing could
 * interrupt. It begins at the kernel's entry (first upper-half instruction after another level), at
 * CLI or at a preemption marker; it ends with IRET, SYSRET, STI or HLT, before the next such
 * marker, or at another level. (After IRET an interrupt may come before the first instruction
 * there.) What lies between STI and CLI is a stretch of its own, to which the handler of an
 * interrupt taken there belongs. Stretches are measured after the first passing of the point given
 * by stretch=, from the next instruction of the lower half on: the start of the kernel, which is
 * one long stretch, is none of them. "start" is the number of instructions counted before it,
 * "from" and "to" are its first and its last block.
 *
 * Invariant: one CPU. QEMU translates an instruction, which instruments it, before it first runs
 * it; whether it runs in a guest is known only when it runs.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "classify.h"
#include "qemu_plugin.h"
#include "tally.h"

#define MAX_POINTS  64
#define MAX_RESUMES 64
#define MAX_NAME    48

#define MARKER_PREEMPTION 0xff

/* A place whose passing is written down. */
struct point {
    char name[MAX_NAME];
    uint64_t address;
    uint64_t passes;
};

/* Where the host goes on after a #VMEXIT: behind its VMRUN. memory tells it from the same address
 * in a guest; it is NULL, which fits any, where VMRUN ends its page. */
struct resume {
    uint64_t address;
    const uint8_t *memory;
};

PLUGIN_EXPORT int qemu_plugin_version = PLUGIN_VERSION;

static struct point points[MAX_POINTS];
static size_t point_count;
static uint64_t marker_passes[256];
static struct resume resumes[MAX_RESUMES];
static size_t resume_count;
static const struct resume *entered; /* while in a guest: where it will come out */
static const struct point *stretch_from;
static FILE *out;

static void on_point(unsigned int cpu, void *data)
{
    struct point *point = data;

    (void)cpu;
    if (tally_in_guest())
        return;
    if (point == stretch_from)
        stretch_arm();
    tally_write(out, point->name, ++point->passes);
}

static void on_marker(unsigned int cpu, void *data)
{
    size_t number = (size_t)(uintptr_t)data;
    char name[MAX_NAME];

    (void)cpu;
    snprintf(name, sizeof(name), "marker.%zu", number);
    tally_write(out, name, ++marker_passes[number]);
}

/* A VMRUN in a guest changes no level: it causes an exit. */
static void on_vmrun(unsigned int cpu, void *data)
{
    const struct resume *resume = data;
    struct counts *counts = tally_raw(resume->address);

    (void)cpu;
    counts->instructions++;
    counts->events[EVENT_VMRUN]++;
    if (tally_in_guest())
        return;
    stretch_end(0);
    entered = resume;
    tally_enter_guest();
}

static void on_resume(unsigned int cpu, void *data)
{
    (void)cpu;
    if (tally_in_guest() && data == entered)
        tally_leave_guest();
}

/* A repeated string instruction is entered anew for each iteration: from the second one on, the
 * instruction before it was itself. */
static void on_string(unsigned int cpu, void *data)
{
    static uint64_t last_address, last_count;
    uint64_t address = (uint64_t)(uintptr_t)data, count = tally_now();

    (void)cpu;
    if (address != last_address || count != last_count + 1)
        tally_raw(address)->events[EVENT_STRING]++;
    last_address = address;
    last_count = count;
}

/* Before an instruction after which interrupts can be taken: it is the last of its stretch. */
static void on_open(unsigned int cpu, void *data)
{
    (void)cpu;
    (void)data;
    if (!tally_in_guest())
        stretch_end(1);
}

/* Before CLI, and at a preemption marker, which writes no line: it may be passed very often. Not
 * that of a program. data: its address. */
static void on_preemption(unsigned int cpu, void *data)
{
    uint64_t address = (uint64_t)(uintptr_t)data;

    (void)cpu;
    if (tally_in_guest())
        return;
    stretch_end(0);
    if (address >> 63)
        stretch_begin(address);
}

static void on_block(unsigned int cpu, void *data)
{
    uint64_t address = (uint64_t)(uintptr_t)data;

    (void)cpu;
    if (tally_in_guest())
        return;
    if (address >> 63)
        stretch_begin(address);
    else
        stretch_end(0);
}

/* Returns the entry of this place; the same one each time. */
static struct resume *resume_add(uint64_t address, const uint8_t *memory)
{
    struct resume resume = {address, (address & 0xfff) ? memory : NULL};

    for (size_t i = 0; i < resume_count; i++)
        if (resumes[i].address == resume.address && resumes[i].memory == resume.memory)
            return &resumes[i];
    if (resume_count == MAX_RESUMES) {
        fprintf(stderr, "counter: more than %d places with VMRUN\n", MAX_RESUMES);
        exit(2);
    }
    resumes[resume_count] = resume;
    return &resumes[resume_count++];
}

static struct resume *resume_find(uint64_t address, const uint8_t *memory)
{
    for (size_t i = 0; i < resume_count; i++)
        if (resumes[i].address == address && (!resumes[i].memory || resumes[i].memory == memory))
            return &resumes[i];
    return NULL;
}

static void call_at(struct qemu_plugin_insn *insn, void (*cb)(unsigned int cpu, void *data),
                    void *data)
{
    qemu_plugin_register_vcpu_insn_exec_cb(insn, cb, PLUGIN_CB_NO_REGS, data);
}

static void events_instrument(struct qemu_plugin_insn *insn, uint32_t events, uint64_t address)
{
    struct counts *counts = tally_raw(address);

    if (events & (1u << EVENT_STRING))
        call_at(insn, on_string, (void *)(uintptr_t)address);
    if (events & (1u << EVENT_HLT | 1u << EVENT_STI | 1u << EVENT_RETURN))
        call_at(insn, on_open, NULL);
    if (events & (1u << EVENT_CLI))
        call_at(insn, on_preemption, (void *)(uintptr_t)address);
    events &= ~(1u << EVENT_STRING);
    for (size_t i = 0; i < EVENTS; i++)
        if (events & (1u << i))
            qemu_plugin_register_vcpu_insn_exec_inline(insn, PLUGIN_ADD_U64, &counts->events[i], 1);
    qemu_plugin_register_vcpu_insn_exec_inline(insn, PLUGIN_ADD_U64, &counts->instructions, 1);
}

static void insn_instrument(struct qemu_plugin_insn *insn)
{
    const uint8_t *bytes = qemu_plugin_insn_data(insn);
    size_t size = qemu_plugin_insn_size(insn);
    uint64_t address = qemu_plugin_insn_vaddr(insn);
    uint32_t events = insn_classify(bytes, size);
    int marker = insn_marker(bytes, size);

    for (size_t i = 0; i < point_count; i++)
        if (points[i].address == address)
            call_at(insn, on_point, &points[i]);
    if (marker == MARKER_PREEMPTION)
        call_at(insn, on_preemption, (void *)(uintptr_t)address);
    else if (marker >= 0)
        call_at(insn, on_marker, (void *)(uintptr_t)marker);
    if (events & (1u << EVENT_VMRUN)) /* counted by its callback, before the level changes */
        call_at(insn, on_vmrun,
                resume_add(address + size, (const uint8_t *)qemu_plugin_insn_haddr(insn) + size));
    else
        events_instrument(insn, events, address);
}

static void on_translate(plugin_id_t id, struct qemu_plugin_tb *tb)
{
    size_t count = qemu_plugin_tb_n_insns(tb);
    uint64_t address = qemu_plugin_tb_vaddr(tb);
    struct qemu_plugin_insn *first;
    struct resume *resume;

    (void)id;
    if (!count)
        return;
    first = qemu_plugin_tb_get_insn(tb, 0);
    resume = resume_find(address, qemu_plugin_insn_haddr(first));
    if (resume)
        call_at(first, on_resume, resume);
    if (stretch_from)
        call_at(first, on_block, (void *)(uintptr_t)address);
    for (size_t i = 0; i < count; i++)
        insn_instrument(qemu_plugin_tb_get_insn(tb, i));
}

static void on_end(plugin_id_t id, void *data)
{
    bool failed;

    (void)id;
    (void)data;
    tally_write(out, "end", 1);
    failed = ferror(out);
    if (fclose(out) || failed)
        fprintf(stderr, "counter: cannot write the counts\n");
}

/* text: NAME:0xADDRESS; a name is letters, digits, '.', '-' and '_'. */
static bool point_add(const char *text)
{
    struct point *point = &points[point_count];
    size_t length =
        strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_");
    char *end;

    if (point_count == MAX_POINTS || !length || length >= MAX_NAME ||
        strncmp(text + length, ":0x", 3) != 0)
        return false;
    memcpy(point->name, text, length);
    point->address = strtoull(text + length + 1, &end, 16);
    if (*end)
        return false;
    point_count++;
    return true;
}

static const struct point *point_find(const char *name)
{
    for (size_t i = 0; i < point_count; i++)
        if (!strcmp(points[i].name, name))
            return &points[i];
    return NULL;
}

/* Arguments come in the order given; stretch= must follow the at= that it names. */
static bool argument_take(const char *argument)
{
    if (!strncmp(argument, "out=", 4) && !out) {
        out = fopen(argument + 4, "w");
        return out != NULL;
    }
    if (!strncmp(argument, "at=", 3))
        return point_add(argument + 3);
    if (!strncmp(argument, "stretch=", 8)) {
        stretch_from = point_find(argument + 8);
        return stretch_from != NULL;
    }
    return false;
}

int qemu_plugin_install(plugin_id_t id, const struct plugin_info *info, int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        if (!argument_take(argv[i])) {
            fprintf(stderr, "counter: bad argument '%s'\n", argv[i]);
            return 1;
        }
    }
    if (!out) {
        fprintf(stderr, "counter: the argument out=FILE is missing\n");
        return 1;
    }
    if (!info->system_emulation || info->system.max_vcpus != 1) {
        fprintf(stderr, "counter: it counts machines with one CPU\n");
        return 1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, on_translate);
    qemu_plugin_register_atexit_cb(id, on_end, NULL);
    return 0;
}
