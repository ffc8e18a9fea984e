/*
 * The virtual machine control block (APM 2, appendix B), and the numbers that it holds.
 */
#pragma once

#include "types.h"
#include "vcpu_state.h"

struct vmcb {
    /* Control area. */
    uint16_t cr_reads, cr_writes, dr_reads, dr_writes; /* bit n: that of register n exits */
    uint32_t exceptions;
    uint32_t intercepts, intercepts2; /* INTERCEPTS(codes from 0x60 on, and from 0x80 on) */
    uint8_t reserved0[44];
    uint64_t io_bitmap, msr_bitmap;
    uint64_t tsc_offset;
    uint32_t asid;
    uint8_t tlb_control; /* TLB_* */
    uint8_t reserved1[3];
    uint8_t tpr;              /* the guest's CR8 */
    uint8_t virtual_irq;      /* 1: one is pending, with this vector, if TPR allows it, */
    uint8_t virtual_priority; /* which IGNORE_TPR in this byte makes it do */
    uint8_t virtual_masking;  /* 1: RFLAGS.IF and CR8 of the guest are not the host's */
    uint8_t virtual_vector;
    uint8_t reserved2[3];
    uint64_t shadow; /* bit 0 */
    uint64_t exit_code, exit_info1, exit_info2;
    uint64_t interrupted; /* as in struct vcpu_event */
    uint64_t nested;      /* bit 0: nested paging */
    uint8_t reserved3[16];
    uint64_t event; /* to be injected: as in struct vcpu_event */
    uint64_t nested_cr3;
    uint64_t reserved4;
    uint64_t clean; /* CLEAN_ALL: nothing has changed since the last exit but what is not cached */
    uint64_t next_rip;
    uint8_t instruction_bytes, instruction[15];
    uint8_t reserved5[800];

    /* State save area. */
    struct vcpu_segment es, cs, ss, ds, fs, gs, gdtr, ldtr, idtr, tr;
    uint8_t reserved6[43];
    uint8_t cpl;
    uint8_t reserved7[4];
    uint64_t efer;
    uint8_t reserved8[112];
    uint64_t cr4, cr3, cr0, dr7, dr6, rflags, rip;
    uint8_t reserved9[88];
    uint64_t rsp;
    uint8_t reserved10[24];
    uint64_t rax;
    uint64_t star, lstar, cstar, sfmask, kernel_gs_base;
    uint64_t sysenter_cs, sysenter_esp, sysenter_eip;
    uint64_t cr2;
    uint8_t reserved11[32];
    uint64_t pat;
};

_Static_assert(offsetof(struct vmcb, io_bitmap) == 0x40, "APM 2, table B-1");
_Static_assert(offsetof(struct vmcb, exit_code) == 0x70, "APM 2, table B-1");
_Static_assert(offsetof(struct vmcb, event) == 0xa8, "APM 2, table B-1");
_Static_assert(offsetof(struct vmcb, instruction) == 0xd1, "APM 2, table B-1");
_Static_assert(offsetof(struct vmcb, es) == 0x400, "APM 2, table B-2");
_Static_assert(offsetof(struct vmcb, cpl) == 0x4cb, "APM 2, table B-2");
_Static_assert(offsetof(struct vmcb, rip) == 0x578, "APM 2, table B-2");
_Static_assert(offsetof(struct vmcb, rsp) == 0x5d8, "APM 2, table B-2");
_Static_assert(offsetof(struct vmcb, rax) == 0x5f8, "APM 2, table B-2");
_Static_assert(offsetof(struct vmcb, pat) == 0x668, "APM 2, table B-2");

#define TLB_FORGET_ALL 1u /* of all ASIDs (APM 2, 15.16.2) */

#define IGNORE_TPR 0x10u
#define CLEAN_ALL  0x3ffu

/* Exit codes (APM 2, appendix C). Of registers and exceptions: the first one. */
enum svm_exit_code {
    SVM_CR_WRITE = 0x10,
    SVM_DR_READ = 0x20,
    SVM_DR_WRITE = 0x30,
    SVM_EXCEPTION = 0x40,
    SVM_INTR = 0x60,
    SVM_INIT = 0x63,  /* and NMI and SMI between them */
    SVM_VINTR = 0x64, /* a virtual interrupt is about to be taken */
    SVM_CR0 = 0x65,   /* a write of CR0 that changes more than TS and MP */
    SVM_RDTSC = 0x6e,
    SVM_RDPMC = 0x6f,
    SVM_CPUID = 0x72,
    SVM_RSM = 0x73,
    SVM_IRET = 0x74,
    SVM_INVD = 0x76,
    SVM_PAUSE = 0x77,
    SVM_HLT = 0x78,
    SVM_INVLPG = 0x79,
    SVM_INVLPGA = 0x7a,
    SVM_IO = 0x7b,
    SVM_MSR = 0x7c,
    SVM_TASK = 0x7d,
    SVM_SHUTDOWN = 0x7f,
    SVM_VMRUN = 0x80,
    SVM_VMMCALL = 0x81,
    SVM_RDTSCP = 0x87, /* and between them other instructions of SVM */
    SVM_WBINVD = 0x89,
    SVM_MONITOR = 0x8a,
    SVM_MWAIT = 0x8b,
    SVM_XSETBV = 0x8d,
    SVM_RDPRU = 0x8e,
    SVM_NPF = 0x400,
    SVM_STEPPED = 0x10000, /* no exit of the CPU: what it stepped over has been executed (svm.h), */
    SVM_STEPPED_CR8,       /* a write of CR8 */
};

/* The bit in vmcb.intercepts or intercepts2 that makes a guest exit with SVM_name. */
#define INTERCEPTS(name) (1u << (SVM_##name & 31))

/* Those from one on until another. */
#define INTERCEPTS_TO(first, last) (2 * INTERCEPTS(last) - INTERCEPTS(first))

#define SVM_INVALID UINT32_MAX /* VMRUN refused the state */
