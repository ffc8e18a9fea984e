/* The state after INIT (ipc/abi/README.md, "Virtual machines"), for a reset in mid-life. */
#include <string.h>

#include "vcpu.h"

#define REAL_DATA 0x93u /* attributes: present, read and write, accessed */
#define REAL_CODE 0x9bu
#define REAL_LDT  0x82u
#define REAL_TSS  0x8bu
#define LIMIT     0xffffu

static struct vcpu_segment segment(uint16_t attributes)
{
    return (struct vcpu_segment){.attributes = attributes, .limit = LIMIT};
}

void vcpu_state_reset(struct vcpu *v)
{
    struct vcpu_state *s = v->state;

    memset(s, 0, offsetof(struct vcpu_state, pending));
    s->rip = 0xfff0;
    s->rflags = 2;
    s->es = s->ss = s->ds = s->fs = s->gs = segment(REAL_DATA);
    s->cs = (struct vcpu_segment){0xf000, REAL_CODE, LIMIT, 0xffff0000};
    s->gdtr = s->idtr = segment(0);
    s->ldtr = segment(REAL_LDT);
    s->tr = segment(REAL_TSS);
    s->cr0 = 0x60000010;
    s->dr6 = 0xffff0ff0;
    s->dr7 = 0x400;
    s->pat = 0x0007040600070406;
    s->xcr0 = 1;
    s->msrs = MSR_PASS_ALL;
    memset((char *)s + VCPU_IMAGE_OFFSET, 0, VCPU_IMAGE_BYTES);
    v->changed = STATE_ALL;
    v->held = STATE_ALL;
    v->deadline = 0;
    v->windows = v->threshold = 0;
    v->halted = v->nmi = false;
    v->pv_eoi = NULL;
    v->pv_eoi_offered = false;
}
