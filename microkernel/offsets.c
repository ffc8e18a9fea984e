/*
 * What entry.S has to know of C: this file is only compiled to assembly, from which the build makes
 * offsets.h (component.mk).
 */
#include "portal.h"
#include "vmx.h"

#define VALUE(name, value)         __asm__(".ascii \"OFFSET " name " %c0\"" : : "i"(value))
#define OFFSET(name, type, member) VALUE(name, offsetof(struct type, member))
#define WINDOW(name, member)       VALUE(name, CPU_DATA + offsetof(struct cpu, member))

/* A general register, in struct ec, and in the state page and what a VCPU has of it (told). */
#define GENERAL(name)                   \
    OFFSET("EC_" #name, ec, regs.name); \
    OFFSET("PAGE_" #name, vcpu_state, name)

void offsets(void);

void offsets(void)
{
    WINDOW("CPU_USER_RSP", user_rsp);
    WINDOW("CPU_CURRENT", current);
    WINDOW("CPU_RESCHEDULE", reschedule);
    WINDOW("CPU_TRAPPED", trapped);
    WINDOW("CPU_WAITING", waiting);
    WINDOW("CPU_CALLING", calling);
    WINDOW("CPU_SHOOT", shoot);
    WINDOW("CPU_TAG", tag);

    GENERAL(rax);
    GENERAL(rbx);
    GENERAL(rcx);
    GENERAL(rdx);
    GENERAL(rsi);
    GENERAL(rdi);
    GENERAL(rbp);
    GENERAL(rsp);
    GENERAL(r8);
    GENERAL(r9);
    GENERAL(r10);
    GENERAL(r11);
    GENERAL(r12);
    GENERAL(r13);
    GENERAL(r14);
    GENERAL(r15);
    OFFSET("EC_rip", ec, regs.rip);
    OFFSET("EC_rflags", ec, regs.rflags);
    OFFSET("EC_vector", ec, regs.vector);
    OFFSET("EC_error", ec, regs.error);

    OFFSET("EC_REGISTERS", ec, regs);
    OFFSET("EC_RUN", ec, cpu);
    OFFSET("EC_STATE", ec, state);
    OFFSET("EC_FULL", ec, full);
    OFFSET("EC_SAVED", ec, vectors_saved);
    VALUE("EC_VECTORS", EC_VECTORS);
    OFFSET("EC_FS_BASE", ec, fs_base);
    OFFSET("EC_GS_BASE", ec, gs_base);
    OFFSET("EC_PD", ec, pd);
    OFFSET("EC_SPACE", ec, space);
    OFFSET("EC_UTCB", ec, utcb);
    OFFSET("EC_CALLER", ec, caller);
    OFFSET("EC_PARTNER", ec, partner);
    OFFSET("EC_ROOM", ec, room);

    OFFSET("VCPU_PAGE", vcpu, page);
    OFFSET("VCPU_TOLD", vcpu, told);
    VALUE("VMCS_INSTRUCTION_ERROR", VMCS_INSTRUCTION_ERROR);
    OFFSET("PD_DIRECTORY", pd, table.directory);
    OFFSET("SPACE_GENERATION", space, tags[0].generation);
    OFFSET("SPACE_CR3", space, tags[0].cr3);
    OFFSET("SHOOT_CURRENT", shoot_cpu, current);
    OFFSET("SHOOT_LOADED", shoot_cpu, loaded);
    OFFSET("SHOOT_PLAIN", shoot_cpu, plain);
    OFFSET("SLOT_WORD", node, word);
    OFFSET("OBJECT_TYPE", object, type);
    OFFSET("PT_EC", pt, ec);
    OFFSET("PT_ID", pt, id);

    VALUE("SLOT_SHIFT", __builtin_ctz(sizeof(struct node)));
    VALUE("FRAME_SLOTS", TABLE_SLOTS);
    VALUE("FRAME_SLOTS_SHIFT", __builtin_ctz(TABLE_SLOTS));
    VALUE("TABLE_SELECTORS", SELECTORS);
    VALUE("PORTAL", OBJECT_PT);
    VALUE("CALL_BIT", 48 + __builtin_ctz(PT_RIGHT_CALL));
    VALUE("RUNNABLE", EC_RUNNABLE);
    VALUE("WAITING", EC_WAITING);
    VALUE("CALLING", EC_CALLING);
    VALUE("CALLS", CALLS_MAX);
    VALUE("REGISTER_WORDS", MESSAGE_REGISTERS);
    VALUE("LONGEST", MESSAGE_WORDS);
    VALUE("SYSCALLS", SYSCALL_COUNT);
    VALUE("STATES", STATE_ALL);
    VALUE("BAD_CALL", STATUS_BAD_CALL);
}
