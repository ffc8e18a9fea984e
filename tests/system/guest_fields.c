/* See guest_fields.h. */
#include "guest_fields.h"

#include "tiny.h"

#define FIELD(group_, member, a, b)                                                        \
    {                                                                                      \
        .group = STATE_##group_, .offset = offsetof(struct vcpu_state, member),            \
        .size = sizeof(((struct vcpu_state *)0)->member), .value = {a, b}, .name = #member \
    }

/* In the image (Intel SDM 1, 13.4). */
#define IMAGE(at, bytes, a, b)                                                     \
    {                                                                              \
        .group = STATE_XSAVE, .offset = VCPU_IMAGE_OFFSET + (at), .size = (bytes), \
        .value = {a, b}, .name = "image + " #at                                    \
    }

#define HIGH 0xffff800012345000ull /* a canonical address */

const struct field guest_fields[] = {
    FIELD(RIP, rip, TINY_CODE, TINY_CODE + 4),
    FIELD(RFLAGS, rflags, 0x2, 0x247),
    FIELD(RSP, rsp, TINY_STACK, TINY_STACK - 0x123),
    FIELD(CS_SS, cs.selector, TINY_CODE64, 0x48),
    FIELD(CS_SS, cs.attributes, 0xa9b, 0xa9b),
    FIELD(CS_SS, cs.limit, 0xffffffff, 0xffffffff),
    FIELD(CS_SS, cs.base, 0, 0),
    FIELD(CS_SS, ss.selector, TINY_DATA32, TINY_DATA16),
    FIELD(CS_SS, ss.attributes, 0xc93, 0x493),
    FIELD(CS_SS, ss.limit, 0xffffffff, 0xfffff),
    FIELD(CS_SS, ss.base, 0, 0x1000),
    FIELD(DS_ES, ds.selector, TINY_DATA32, TINY_DATA16),
    FIELD(DS_ES, ds.attributes, 0xc93, 0x493),
    FIELD(DS_ES, ds.limit, 0xffffffff, 0x12345),
    FIELD(DS_ES, ds.base, 0, 0x12345),
    FIELD(DS_ES, es.selector, TINY_DATA32, 0),
    FIELD(DS_ES, es.attributes, 0xc93, 0x493),
    FIELD(DS_ES, es.limit, 0xffffffff, 0x54321),
    FIELD(DS_ES, es.base, 0, 0x54321000),
    FIELD(FS_GS, fs.selector, TINY_DATA32, 0),
    FIELD(FS_GS, fs.attributes, 0xc93, 0x493),
    FIELD(FS_GS, fs.limit, 0xffffffff, 0x777),
    FIELD(FS_GS, fs.base, 0, HIGH),
    FIELD(FS_GS, gs.selector, TINY_DATA32, TINY_DATA16),
    FIELD(FS_GS, gs.attributes, 0xc93, 0x493),
    FIELD(FS_GS, gs.limit, 0xffffffff, 0x888),
    FIELD(FS_GS, gs.base, 0, HIGH + 1),
    FIELD(LDTR_TR, ldtr.selector, 0, 0x50),
    FIELD(LDTR_TR, ldtr.attributes, 0x82, 0x82),
    FIELD(LDTR_TR, ldtr.limit, 0, 0x1f),
    FIELD(LDTR_TR, ldtr.base, 0, HIGH + 2),
    FIELD(LDTR_TR, tr.selector, TINY_TR, TINY_TASK),
    FIELD(LDTR_TR, tr.attributes, 0x8b, 0x8b),
    FIELD(LDTR_TR, tr.limit, 0x67, 0x77),
    FIELD(LDTR_TR, tr.base, TINY_TSS, HIGH + 3),
    FIELD(GDTR_IDTR, gdtr.limit, 0xff, 0x7f),
    FIELD(GDTR_IDTR, gdtr.base, TINY_GDT, HIGH + 4),
    FIELD(GDTR_IDTR, idtr.limit, 0xfff, 0x3ff),
    FIELD(GDTR_IDTR, idtr.base, TINY_IDT, HIGH + 5),
    FIELD(CR, cr0, 0x80010031, 0x8005003b),
    FIELD(CR, cr2, 0, 0x123456789abcdef0),
    FIELD(CR, cr3, TINY_TABLES, TINY_TABLES + 0x18),
    FIELD(CR, cr4, 0x20, 0x2a0),
    FIELD(TPR, cr8, 3, 9),
    FIELD(TPR, tpr_threshold, 0, 5),
    FIELD(EFER, efer, 0x500, 0xd01),
    FIELD(DR, dr[0], 0x1000, 0x111111111111),
    FIELD(DR, dr[1], 0x2000, 0x222222222222),
    FIELD(DR, dr[2], 0x3000, 0x333333333333),
    FIELD(DR, dr[3], 0x4000, 0x444444444444),
    FIELD(DR, dr6, 0xffff0ff0, 0xffff4ff1),
    FIELD(DR, dr7, 0x400, 0x700),
    FIELD(SYSENTER, sysenter_cs, 0x8, 0x12348),
    FIELD(SYSENTER, sysenter_esp, 0x1000, HIGH + 6),
    FIELD(SYSENTER, sysenter_eip, 0x2000, HIGH + 7),
    FIELD(SYSCALL, star, 0x0010000800000000, 0x0020001811112222),
    FIELD(SYSCALL, lstar, 0x3000, HIGH + 8),
    FIELD(SYSCALL, cstar, 0x4000, HIGH + 9),
    FIELD(SYSCALL, sfmask, 0x100, 0x47700),
    FIELD(SYSCALL, kernel_gs_base, 0x5000, HIGH + 10),
    FIELD(PAT, pat, 0x0007040600070406, 0x0106050400010706),
    FIELD(INJECTION, injection.info, EVENT_VALID | EVENT_EXTERNAL | 0x40,
          EVENT_VALID | EVENT_EXCEPTION | EVENT_ERROR | 13),
    FIELD(INJECTION, injection.error, 0, 0x1234),
    FIELD(INTERRUPTS, shadow, 0, SHADOW_STI),
    FIELD(INTERRUPTS, activity, VCPU_ACTIVE, VCPU_HALTED),
    FIELD(INTERRUPTS, pending_debug, 0, 0x4000),
    FIELD(WINDOWS, windows, 0, WINDOW_INTERRUPT | WINDOW_NMI),
    FIELD(CONTROLS, exceptions, 0, 0x4041),
    FIELD(CONTROLS, intercepts, 0, INTERCEPT_TSC | INTERCEPT_INVLPG),
    FIELD(CONTROLS, msrs, 0, MSR_PASS_ALL),
    FIELD(TIME, deadline, 0, UINT64_MAX / 2),
    FIELD(TSC, tsc_offset, 0, 0xfedcba9876543210),
    FIELD(XSAVE, xcr0, 1, 3),
    IMAGE(0, 2, 0x37f, 0x27f),
    IMAGE(24, 4, 0x1f80, 0x9f80),
    IMAGE(32, 8, 0x1111111111111111, 0x2222222222222222),
    IMAGE(160, 8, 0x3333333333333333, 0x4444444444444444),
    IMAGE(408, 8, 0x5555555555555555, 0x6666666666666666),
    {.group = STATE_XSAVE, /* components that are in use are the CPU's affair */
     .offset = VCPU_IMAGE_OFFSET + 512,
     .size = 8,
     .value = {3, 3},
     .any = 0xfffffffc,
     .name = "image + 512"},
};

const unsigned guest_fields_count = sizeof(guest_fields) / sizeof(guest_fields[0]);
