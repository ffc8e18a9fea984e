/*
 * Profile: a QEMU plugin that says which instructions the bench program's paths execute.
 *
 *   -plugin profile.so,out=FILE[,from=START,count=LENGTH]
 *
 * Between the markers that open and close a path (tests/bench/system/probe.h) it counts, by
 * address, what runs between those that begin and end a repetition. When the path closes it appends
 * to FILE: a line "path N REPETITIONS", N counting from 0, then "ADDRESS FIRST SECOND" for each
 * address that ran: how often before the repetitions' middle, if they have one, and how often after
 * it. With from= and count= there is one path with one repetition: the LENGTH instructions that
 * follow the first START ones of the run, counted as the counter counts. It is written at the end.
 *
 * Invariant: one CPU. A place has one entry, however often QEMU translates it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "classify.h"
#include "probe.h"
#include "qemu_plugin.h"

#define PLACES (1u << 20) /* a power of two, more than the machine has code */

struct place {
    uint64_t address; /* 0: unused; no path runs code there */
    uint64_t counts[2];
};

PLUGIN_EXPORT int qemu_plugin_version = PLUGIN_VERSION;

static struct place places[PLACES];
static size_t place_count;
static uint64_t paths, repetitions;
static bool open;
static int part = -1; /* which count, or -1: no repetition runs */
static uint64_t executed, window_start, window_length;
static FILE *out;

static struct place *place_of(uint64_t address)
{
    size_t at = (address * 0x9e3779b97f4a7c15) >> 44;

    for (; places[at].address; at = (at + 1) % PLACES)
        if (places[at].address == address)
            return &places[at];
    if (++place_count > PLACES / 2) {
        fprintf(stderr, "profile: too much code\n");
        exit(2);
    }
    places[at].address = address;
    return &places[at];
}

static void path_write(void)
{
    fprintf(out, "path %" PRIu64 " %" PRIu64 "\n", paths++, repetitions);
    for (size_t i = 0; i < PLACES; i++) {
        struct place *place = &places[i];
        if (place->counts[0] || place->counts[1])
            fprintf(out, "0x%" PRIx64 " %" PRIu64 " %" PRIu64 "\n", place->address,
                    place->counts[0], place->counts[1]);
        place->counts[0] = place->counts[1] = 0;
    }
    fflush(out);
}

static void on_insn(unsigned int cpu, void *data)
{
    struct place *place = data;

    (void)cpu;
    if (part >= 0)
        place->counts[part]++;
}

static void on_any(unsigned int cpu, void *data)
{
    struct place *place = data;

    (void)cpu;
    if (executed++ - window_start < window_length)
        place->counts[0]++;
}

static void on_end(plugin_id_t id, void *data)
{
    (void)id;
    (void)data;
    repetitions = 1;
    path_write();
}

static void on_marker(unsigned int cpu, void *data)
{
    (void)cpu;
    switch ((uintptr_t)data) {
    case MARK_OPEN:
        open = true;
        repetitions = 0;
        break;
    case MARK_BEGIN:
        part = open ? 0 : -1;
        repetitions += open;
        break;
    case MARK_MIDDLE:
        part = part < 0 ? -1 : 1;
        break;
    case MARK_END:
        part = -1;
        break;
    case MARK_CLOSE:
        open = false;
        path_write();
        break;
    default:
        break;
    }
}

static void on_translate(plugin_id_t id, struct qemu_plugin_tb *tb)
{
    (void)id;
    for (size_t i = 0; i < qemu_plugin_tb_n_insns(tb); i++) {
        struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
        int marker = insn_marker(qemu_plugin_insn_data(insn), qemu_plugin_insn_size(insn));

        if (window_length)
            qemu_plugin_register_vcpu_insn_exec_cb(insn, on_any, PLUGIN_CB_NO_REGS,
                                                   place_of(qemu_plugin_insn_vaddr(insn)));
        else if (marker >= 0)
            qemu_plugin_register_vcpu_insn_exec_cb(insn, on_marker, PLUGIN_CB_NO_REGS,
                                                   (void *)(uintptr_t)marker);
        else
            qemu_plugin_register_vcpu_insn_exec_cb(insn, on_insn, PLUGIN_CB_NO_REGS,
                                                   place_of(qemu_plugin_insn_vaddr(insn)));
    }
}

static bool argument_take(const char *argument)
{
    if (!strncmp(argument, "out=", 4) && !out)
        return (out = fopen(argument + 4, "w")) != NULL;
    if (!strncmp(argument, "from=", 5))
        return sscanf(argument + 5, "%" SCNu64, &window_start) == 1;
    if (!strncmp(argument, "count=", 6))
        return sscanf(argument + 6, "%" SCNu64, &window_length) == 1;
    return false;
}

int qemu_plugin_install(plugin_id_t id, const struct plugin_info *info, int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        if (!argument_take(argv[i])) {
            fprintf(stderr, "profile: bad argument '%s'\n", argv[i]);
            return 1;
        }
    }
    if (!out) {
        fprintf(stderr, "profile: the argument out=FILE is missing\n");
        return 1;
    }
    if (!info->system_emulation || info->system.max_vcpus != 1) {
        fprintf(stderr, "profile: it works for machines with one CPU\n");
        return 1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, on_translate);
    if (window_length)
        qemu_plugin_register_atexit_cb(id, on_end, NULL);
    return 0;
}
