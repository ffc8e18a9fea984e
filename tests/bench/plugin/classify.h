/*
 * Which of the events that a bench counts an instruction is, told from its bytes alone.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum event {
    EVENT_CR3,         /* MOV to CR3 */
    EVENT_INVALIDATE,  /* INVLPG, INVLPGA, INVPCID */
    EVENT_XSAVE,       /* XSAVE, XSAVEOPT, XSAVEC, XSAVES, XRSTOR, XRSTORS, FXSAVE, FXRSTOR */
    EVENT_WRMSR,       /* WRMSR */
    EVENT_RDMSR,       /* RDMSR */
    EVENT_LOCK,        /* LOCK prefix, or XCHG with memory */
    EVENT_VMRUN,       /* VMRUN */
    EVENT_VMLOAD,      /* VMLOAD, VMSAVE */
    EVENT_PORT,        /* IN, OUT, INS, OUTS */
    EVENT_STRING,      /* string instruction with a repeat prefix */
    EVENT_STRING_STEP, /* the same: a bit of its own for whoever counts its iterations apart */
    EVENT_HLT,         /* HLT */
    EVENT_STI,         /* STI */
    EVENT_CLI,         /* CLI */
    EVENT_RETURN,      /* IRET, SYSRET */
    EVENTS,
};

/* Name of an event as the counter prints it; event < EVENTS. */
const char *event_name(enum event event);

/*
 * Returns the set of events (bit 1 << enum event) that the instruction is; no bit for one that is
 * none. bytes: the whole instruction, size: its length in bytes. Any bytes may be given; what is
 * cut short is none.
 *
 * It works for 16-, 32- and 64-bit code without being told which: see the source for why.
 * Encodings: AMD64 Architecture Programmer's Manual vol. 3, 1.2 to 1.5 and appendix A.
 */
uint32_t insn_classify(const uint8_t *bytes, size_t size);

/* Returns NN of the marker NOPL 0x4d4b00NN(%rax) (bytes 0f 1f 80 NN 00 4b 4d), or -1 for another
 * instruction. The marker does nothing and traps at no level. */
int insn_marker(const uint8_t *bytes, size_t size);
