/* The state in which a guest starts, and the tables in its memory that go with it. */
#include "monitor.h"

#define GROUPS                                                                        \
    (STATE_RIP | STATE_RFLAGS | STATE_RSP | STATE_CS_SS | STATE_DS_ES | STATE_FS_GS | \
     STATE_LDTR_TR | STATE_GDTR_IDTR | STATE_CR | STATE_EFER)

/* Attributes of segments (struct vcpu_segment). */
#define CODE16 0x009b
#define DATA16 0x0093
#define CODE32 0x0c9b
#define DATA32 0x0c93
#define CODE64 0x0a9b
#define TSS    0x008b
#define LDT    0x0082

#define CR0_PE  (1ull << 0)
#define CR0_ET  (1ull << 4)
#define CR0_NE  (1ull << 5)
#define CR0_WP  (1ull << 16)
#define CR0_PG  (1ull << 31)
#define CR4_PAE (1ull << 5)
#define EFER_LM (5ull << 8) /* LME, LMA */

#define ENTRY_TABLE 7ull /* present, writable, for programs */
#define ENTRY_PDPT  1ull /* PAE: the others are reserved */

static void put32(struct monitor *m, uint64_t gpa, uint32_t value)
{
    *(volatile uint32_t *)monitor_at(m, gpa) = value;
}

static void put64(struct monitor *m, uint64_t gpa, uint64_t value)
{
    *(volatile uint64_t *)monitor_at(m, gpa) = value;
}

/* The first 2 MiB to themselves. */
static void pages_put(struct monitor *m, uint64_t table, uint64_t size)
{
    for (uint64_t i = 0; i < 512; i++) {
        if (size == 4) {
            put32(m, table + 4 * i, (uint32_t)(i * PAGE | ENTRY_TABLE));
        } else {
            put64(m, table + 8 * i, i * PAGE | ENTRY_TABLE);
        }
    }
}

static void tables_put(struct monitor *m, uint32_t mode)
{
    const uint64_t first = TINY_TABLES, next = TINY_TABLES + PAGE;

    for (uint64_t at = first; at < first + 4 * PAGE; at += 8) {
        put64(m, at, 0);
    }
    if (mode == TINY_PAGED) {
        put32(m, first, (uint32_t)(next | ENTRY_TABLE));
        pages_put(m, next, 4);
    } else if (mode == TINY_PAE) {
        put64(m, first, next | ENTRY_PDPT);
        put64(m, next, (next + PAGE) | ENTRY_TABLE);
        pages_put(m, next + PAGE, 8);
    } else if (mode == TINY_LONG) {
        put64(m, first, next | ENTRY_TABLE);
        put64(m, next, (next + PAGE) | ENTRY_TABLE);
        put64(m, next + PAGE, (next + 2 * PAGE) | ENTRY_TABLE);
        pages_put(m, next + 2 * PAGE, 8);
    }
}

/* A descriptor (Intel SDM 3A, 3.4.5); attributes as in struct vcpu_segment. */
static void descriptor_put(struct monitor *m, uint32_t selector, uint64_t attributes, uint64_t base,
                           uint64_t limit)
{
    put64(m, TINY_GDT + selector,
          (limit & 0xffff) | (base & 0xffffff) << 16 | (attributes & 0xff) << 40 |
              (limit >> 16 & 0xf) << 48 | (attributes >> 8 & 0xf) << 52 | (base >> 24) << 56);
}

static void descriptors_put(struct monitor *m)
{
    descriptor_put(m, 0, 0, 0, 0);
    descriptor_put(m, TINY_CODE32, CODE32, 0, 0xfffff);
    descriptor_put(m, TINY_DATA32, DATA32, 0, 0xfffff);
    descriptor_put(m, TINY_CODE64, CODE64, 0, 0xfffff);
    descriptor_put(m, TINY_CODE16, CODE16, 0, 0xffff);
    descriptor_put(m, TINY_DATA16, DATA16, 0, 0xffff);
    descriptor_put(m, TINY_TR, TSS, TINY_TSS, 0x67);
    put64(m, TINY_GDT + TINY_TR + 8, 0);
    descriptor_put(m, TINY_TASK, TSS & ~2u, TINY_TSS2, 0x67);
    descriptor_put(m, TINY_ABSENT, DATA32 & ~SEGMENT_PRESENT, 0, 0xfffff);
}

/* Gates to TINY_HANDLERS. */
static void gates_put(struct monitor *m, uint32_t mode)
{
    for (uint32_t n = 0; n < 256; n++) {
        uint32_t handler = TINY_HANDLERS + TINY_HANDLER * n;
        uint32_t selector = mode == TINY_LONG ? TINY_CODE64 : TINY_CODE32;
        uint32_t size = mode == TINY_LONG ? 16 : 8;

        if (mode == TINY_REAL) {
            put32(m, 4ull * n, handler);
        } else {
            put32(m, TINY_IDT + size * n, selector << 16 | handler);
            put32(m, TINY_IDT + size * n + 4, 0x8e00);
        }
        if (mode == TINY_LONG) {
            put64(m, TINY_IDT + size * n + 8, 0);
        }
    }
}

static void copy(struct monitor *m, uint64_t gpa, const uint8_t *from, uint64_t bytes)
{
    for (uint64_t i = 0; i < bytes; i++) {
        monitor_at(m, gpa)[i] = from[i];
    }
}

void monitor_load(struct monitor *m, const struct tiny *guest)
{
    for (uint64_t at = 0; at < TINY_BYTES; at += 8) {
        put64(m, at, 0);
    }
    tables_put(m, guest->mode);
    descriptors_put(m);
    gates_put(m, guest->mode);
    copy(m, TINY_HANDLERS, guest->mode == TINY_LONG ? tiny_handlers64 : tiny_handlers,
         256ull * TINY_HANDLER);
    copy(m, TINY_CODE, guest->code, guest->bytes);
}

static struct vcpu_segment segment(uint32_t selector, uint32_t attributes, uint64_t base,
                                   uint32_t limit)
{
    return (struct vcpu_segment){(uint16_t)selector, (uint16_t)attributes, limit, base};
}

static void segments_set(volatile struct vcpu_state *s, struct vcpu_segment code,
                         struct vcpu_segment data)
{
    s->cs = code;
    s->ss = s->ds = s->es = s->fs = s->gs = data;
}

uint64_t monitor_begin(struct monitor_vcpu *v)
{
    volatile struct vcpu_state *s = v->page;

    for (unsigned i = 0; i < 16; i++) {
        (&s->rax)[i] = 0;
    }
    s->rip = TINY_CODE;
    s->rflags = 2;
    s->rsp = TINY_STACK;
    s->ldtr = segment(0, LDT, 0, 0);
    s->tr = segment(v->mode == TINY_REAL ? 0 : TINY_TR, TSS, TINY_TSS, 0x67);
    s->gdtr = segment(0, 0, TINY_GDT, 0xff);
    s->idtr = segment(0, 0, v->mode == TINY_REAL ? 0 : TINY_IDT, PAGE - 1);
    s->cr0 = CR0_ET | CR0_NE;
    s->cr2 = 0;
    s->cr3 = TINY_TABLES;
    s->cr4 = s->efer = 0;
    if (v->mode == TINY_REAL) {
        segments_set(s, segment(0, CODE16, 0, 0xffff), segment(0, DATA16, 0, 0xffff));
        return GROUPS;
    }
    segments_set(s, segment(TINY_CODE32, CODE32, 0, UINT32_MAX),
                 segment(TINY_DATA32, DATA32, 0, UINT32_MAX));
    s->cr0 |= CR0_PE | CR0_WP;
    if (v->mode == TINY_PAGED) {
        s->cr0 |= CR0_PG;
    } else if (v->mode == TINY_PAE) {
        s->cr0 |= CR0_PG;
        s->cr4 = CR4_PAE;
        s->pdpte[0] = (TINY_TABLES + PAGE) | ENTRY_PDPT;
        s->pdpte[1] = s->pdpte[2] = s->pdpte[3] = 0;
    } else if (v->mode == TINY_LONG) {
        s->cr0 |= CR0_PG;
        s->cr4 = CR4_PAE;
        s->efer = EFER_LM;
        s->cs = segment(TINY_CODE64, CODE64, 0, UINT32_MAX);
    }
    return GROUPS;
}
