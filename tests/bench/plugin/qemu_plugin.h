/*
 * The part of QEMU's plugin interface that the counter uses, declared by hand because Debian ships
 * no header for it. Source: QEMU 7.2, "QEMU TCG Plugins" (docs/devel/tcg-plugins.rst), interface
 * version 1; QEMU refuses a plugin whose version it does not know.
 *
 * QEMU resolves these functions when it loads the plugin. Callbacks run on the thread that executes
 * the machine; with one CPU there is one such thread, so the counters need no locks.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PLUGIN_VERSION 1
#define PLUGIN_EXPORT  __attribute__((visibility("default")))

/* Handle of this plugin; the caller passes it on unread. */
typedef uint64_t plugin_id_t;

struct qemu_plugin_tb;   /* a translated block: a straight run of instructions */
struct qemu_plugin_insn; /* an instruction in it; valid only while it is being translated */

/* What QEMU tells at installation. */
struct plugin_info {
    const char *target_name;
    struct {
        int min;
        int cur;
    } version;
    bool system_emulation;
    struct {
        int smp_vcpus;
        int max_vcpus;
    } system;
};

enum plugin_op {
    PLUGIN_ADD_U64 = 0,
};

/* Which CPU registers a callback touches: none of ours touches any. */
enum plugin_cb_flags {
    PLUGIN_CB_NO_REGS = 0,
};

/* A block is about to be translated; it may be translated again later. */
void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id_t id,
                                           void (*cb)(plugin_id_t id, struct qemu_plugin_tb *tb));

/* Called when the emulator ends. */
void qemu_plugin_register_atexit_cb(plugin_id_t id, void (*cb)(plugin_id_t id, void *data),
                                    void *data);

/* Calls cb(cpu, data) each time before the block runs. */
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb,
                                          void (*cb)(unsigned int cpu, void *data),
                                          enum plugin_cb_flags flags, void *data);

/* Calls cb(cpu, data) each time before the instruction runs. */
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn,
                                            void (*cb)(unsigned int cpu, void *data),
                                            enum plugin_cb_flags flags, void *data);

/* Adds addend to *counter each time the instruction begins, after its callbacks. */
void qemu_plugin_register_vcpu_insn_exec_inline(struct qemu_plugin_insn *insn, enum plugin_op op,
                                                void *counter, uint64_t addend);

size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t index);

/* The instruction's bytes, their number, its virtual address, and where QEMU keeps its memory. */
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
void *qemu_plugin_insn_haddr(const struct qemu_plugin_insn *insn);

/* Ours, called by QEMU after loading. Returns 0, or anything else to refuse. */
PLUGIN_EXPORT extern int qemu_plugin_version;
PLUGIN_EXPORT int qemu_plugin_install(plugin_id_t id, const struct plugin_info *info, int argc,
                                      char **argv);
