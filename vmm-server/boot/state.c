#include "state.h"

#include "bytes.h"

/* Attributes of segments: present, with 4 KiB granularity; accessed, code readable, data writable
 * (Intel SDM 3A, 3.4.5). */
#define CODE32 0xc9bu
#define CODE64 0xa9bu
#define DATA   0xc93u
#define TSS    0x8bu /* 32-bit or 64-bit, busy */

#define RFLAGS_FIXED 0x2u

uint32_t boot_state_protected(struct vcpu_state *s, uint32_t entry)
{
    const struct vcpu_segment data = {BOOT_DATA, DATA, UINT32_MAX, 0};

    memset(&s->rax, 0, offsetof(struct vcpu_state, rip)); /* all general registers */
    s->rip = entry;
    s->rflags = RFLAGS_FIXED;
    s->cs = (struct vcpu_segment){BOOT_CODE, CODE32, UINT32_MAX, 0};
    s->ss = s->ds = s->es = s->fs = s->gs = data;
    s->tr = (struct vcpu_segment){0, TSS, 0x67, 0};
    s->ldtr = s->gdtr = s->idtr = (struct vcpu_segment){0};
    s->cr0 = BOOT_CR0_PE | BOOT_CR0_ET;
    s->cr2 = s->cr3 = s->cr4 = 0;
    memset(s->pdpte, 0, sizeof(s->pdpte));
    s->efer = 0;
    return STATE_RIP | STATE_RFLAGS | STATE_RSP | STATE_CS_SS | STATE_DS_ES | STATE_FS_GS |
           STATE_LDTR_TR | STATE_GDTR_IDTR | STATE_CR | STATE_EFER;
}

uint32_t boot_state_long(struct vcpu_state *s, uint64_t entry, uint64_t cr3, uint64_t gdt)
{
    uint32_t changed = boot_state_protected(s, 0);

    s->rip = entry;
    s->cs.attributes = CODE64;
    s->gdtr = (struct vcpu_segment){.limit = BOOT_GDT_SIZE - 1, .base = gdt};
    s->cr0 |= BOOT_CR0_PG;
    s->cr3 = cr3;
    s->cr4 = BOOT_CR4_PAE;
    s->efer = BOOT_EFER_LME | BOOT_EFER_LMA;
    return changed;
}

/* A descriptor with base 0 and limit 4 GiB. */
static uint64_t descriptor(uint64_t attributes)
{
    return (attributes & 0xff) << 40 | 0xfull << 48 | (attributes >> 8) << 52 | 0xffff;
}

void boot_gdt_write(uint8_t *gdt)
{
    memset(gdt, 0, BOOT_GDT_SIZE);
    put64(gdt + BOOT_CODE, descriptor(CODE64));
    put64(gdt + BOOT_DATA, descriptor(DATA));
}
