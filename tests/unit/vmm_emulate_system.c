/* The interpreter by hand-made cases: control flow, segment and control registers, privilege. */
#include "tap.h"
#include "vmm_emulate_world.h"

#define GDT 0x6000u

static bool faults(enum emulate_result result, unsigned vector, uint64_t error)
{
    const struct emulate_fault *f = &world.e.fault;

    return result == EMULATE_FAULT && f->vector == vector && f->has_error && f->error == error;
}

static uint64_t descriptor(uint64_t base, uint64_t limit, uint64_t attributes)
{
    return (limit & 0xffff) | (base & 0xffffff) << 16 | (attributes & 0xff) << 40 |
           (limit >> 16 & 0xf) << 48 | (attributes >> 8 & 0xf) << 52 | (base >> 24) << 56;
}

static void gdt_make(struct vcpu_state *s)
{
    s->gdtr.base = GDT;
    s->gdtr.limit = 0x4f;
    ram_set(GDT + 8, 8, descriptor(0, 0xfffff, 0xc9a));
    ram_set(GDT + 16, 8, descriptor(0x100000, 0xf, 0xc92));
    ram_set(GDT + 24, 8, descriptor(0, 0xffff, 0x9a));
    ram_set(GDT + 32, 8, descriptor(0, 0xffff, 0x12)); /* not present */
    ram_set(GDT + 40, 8, descriptor(0, 0xfffff, 0xcf2));
    ram_set(GDT + 48, 8, descriptor(0, 0xfffff, 0xa9a));
    ram_set(GDT + 56, 8, descriptor(0x7000, 0x67, 0x89)); /* a TSS */
    ram_set(GDT + 64, 8, descriptor(0, 0xfffff, 0xc98));  /* not readable */
}

static void real_far(void)
{
    struct vcpu_state *s = world_reset();

    ok(RUN(0xea, 0x34, 0x12, 0x00, 0x10) == EMULATE_DONE, "jmp 1000:1234");
    ok(s->cs.selector == 0x1000 && s->cs.base == 0x10000 && s->rip == 0x1234 &&
           s->cs.limit == 0xffff,
       "CS and IP");
    is_u64(world.e.changed, STATE_RIP | STATE_CS_SS, "are told");
    ok(RUN(0x9a, 0x10, 0x00, 0x00, 0x20) == EMULATE_DONE && s->rsp == 0x7ffc &&
           ram_get(0x7ffc, 4) == 0x10001239,
       "call 2000:0010 pushes CS:IP");
    ok(RUN(0xca, 0x04, 0x00) == EMULATE_DONE && s->rip == 0x1239 && s->cs.base == 0x10000 &&
           s->rsp == 0x8004,
       "retf 4");
    s = world_reset();
    s->rflags = 0x302;
    ram_set(0x84, 4, 0x20000100);
    ok(RUN(0xcd, 0x21) == EMULATE_DONE && s->cs.base == 0x20000 && s->rip == 0x100, "int 21h");
    ok(s->rflags == 2 && ram_get(0x7ffa, 2) == AT_CODE + 2 && ram_get(0x7ffe, 2) == 0x302,
       "pushes FLAGS, CS, IP; IF and TF are off");
    s->pending_debug = 0;
    s->shadow = SHADOW_NMI;
    ok(RUN(0xcf) == EMULATE_DONE && s->rip == AT_CODE + 2 && s->cs.base == 0 && s->rflags == 0x302,
       "iret");
    is_u64(s->shadow, 0, "unblocks NMIs");
    s->idtr.limit = 0x20;
    s->rip = AT_CODE;
    ok(RUN(0xcd, 0x21) == EMULATE_FAULT && world.e.fault.vector == 13, "beyond the table: #GP");
    s = world_reset();
    s->rbx = 0x100;
    ram_set(0x100, 4, 0x30000044);
    ok(RUN(0xc4, 0x3f) == EMULATE_DONE && s->es.base == 0x30000 && s->rdi == 0x44, "les di, [bx]");
    s->rip = AT_CODE;
    ok(RUN(0xff, 0x2f) == EMULATE_DONE && s->cs.base == 0x30000 && s->rip == 0x44, "jmp far [bx]");
}

static void loads(void)
{
    struct vcpu_state *s = world_protected(0);

    gdt_make(s);
    s->rax = 16;
    ok(RUN(0x8e, 0xd8) == EMULATE_DONE && s->ds.base == 0x100000 && s->ds.limit == 0xffff,
       "mov ds");
    is_u64(s->ds.attributes, 0xc93, "accessed");
    is_u64(ram_get(GDT + 16 + 5, 1), 0x93, "in memory too");
    ok(world.e.changed & STATE_DS_ES, "is told");
    s->rip = AT_CODE;
    ok(RUN(0x8e, 0xd0) == EMULATE_DONE && s->shadow == SHADOW_MOV_SS, "mov ss: its shadow");
    ok(RUN(0x90) == EMULATE_DONE && !s->shadow && world.e.changed & STATE_INTERRUPTS,
       "then it ends");
    s->rip = AT_CODE;
    s->rax = 32;
    ok(faults(RUN(0x8e, 0xd8), 11, 32), "not present: #NP");
    ok(faults(RUN(0x8e, 0xd0), 12, 32), "of SS #SS");
    s->rax = 0x50;
    ok(faults(RUN(0x8e, 0xc0), 13, 0x50), "beyond the table: #GP");
    s->rax = 56;
    ok(faults(RUN(0x8e, 0xc0), 13, 56), "a system segment");
    s->rax = 64;
    ok(faults(RUN(0x8e, 0xc0), 13, 64), "code that cannot be read");
    s->rax = 8;
    ok(faults(RUN(0x8e, 0xd0), 13, 8), "code as SS");
    s->rax = 0;
    ok(faults(RUN(0x8e, 0xd0), 13, 0), "null as SS");
    ok(RUN(0x8e, 0xe0) == EMULATE_DONE && !(s->fs.attributes & SEGMENT_PRESENT), "null as FS");
    s->rip = AT_CODE;
    s->rax = 12;
    ok(faults(RUN(0x8e, 0xd8), 13, 12), "no LDT");
    s->rax = 8;
    ok(RUN(0x8e, 0xc8) == EMULATE_FAULT && world.e.fault.vector == 6, "mov cs is #UD");
}

static void far_protected(void)
{
    struct vcpu_state *s = world_protected(0);

    gdt_make(s);
    ok(RUN(0xea, 0, 0x20, 0, 0, 24, 0) == EMULATE_DONE && s->rip == 0x2000 &&
           s->cs.attributes == 0x9b,
       "jmp to a 16-bit segment");
    s = world_protected(0);
    gdt_make(s);
    ok(faults(RUN(0xea, 0, 0x20, 0, 0, 16, 0), 13, 16), "to data");
    ok(faults(RUN(0xea, 0, 0x20, 0, 0, 0, 0), 13, 0), "to null");
    ok(RUN(0xea, 0, 0x20, 0, 0, 56, 0) == EMULATE_UNKNOWN, "to a TSS: unknown");
    ok(RUN(0xea, 0, 0, 1, 0, 24, 0) == EMULATE_FAULT && s->cs.limit == UINT32_MAX,
       "beyond the limit: nothing is changed");
    s->rsp = 0x8000;
    ram_set(0x8000, 4, 0x3000);
    ram_set(0x8004, 4, 8);
    ram_set(0x8008, 4, 0x202);
    ok(RUN(0xcf) == EMULATE_DONE && s->rip == 0x3000 && s->rflags == 0x202 && s->rsp == 0x800c,
       "iretd to the same privilege");
    s->rip = AT_CODE;
    s->rsp = 0x8000;
    ram_set(0x8004, 4, 11);
    ok(RUN(0xcf) == EMULATE_UNKNOWN && RUN(0xcb) == EMULATE_UNKNOWN, "to another: unknown");
    s = world_long(0);
    gdt_make(s);
    s->rsp = 0x8000;
    ram_set(0x8000, 8, 0x3000);
    ram_set(0x8008, 8, 8);
    ok(RUN(0x48, 0xcb) == EMULATE_DONE && s->cs.attributes == 0xc9b, "lretq to 32 bits");
}

static void privilege(void)
{
    struct vcpu_state *s = world_protected(3);

    ok(faults(RUN(0xfa), 13, 0) && faults(RUN(0xec), 13, 0), "CLI, IN at CPL 3");
    s->tr = segment_of(56, 0x7000, 0x200, 0x8b);
    ram_set(0x7066, 2, 0x68);
    memset(world.ram + 0x7068, 0xff, 0x100);
    ram_set(0x7068 + 0x60 / 8, 1, 0xee);
    s->rdx = 0x60;
    ok(RUN(0xec) == EMULATE_DONE && world.port == 0x60, "a port that the TSS allows");
    s->rip = AT_CODE;
    ok(faults(RUN(0xed), 13, 0), "not four of them");
    s->rdx = 0xfff0;
    ok(faults(RUN(0xec), 13, 0), "beyond the bitmap");
    s->rflags |= 3 << 12;
    ok(RUN(0xfa) == EMULATE_DONE && RUN(0xec) == EMULATE_DONE, "with IOPL 3 both");
    ok(RUN(0x9d) == EMULATE_DONE, "popf");
    s = world_protected(3);
    ram_set(0x8000, 4, 0x3202);
    ok(RUN(0x9d) == EMULATE_DONE && s->rflags == 2, "does not change IF and IOPL at CPL 3");
    s->rip = AT_CODE;
    ok(faults(RUN(0x0f, 0x22, 0xc0), 13, 0) && faults(RUN(0x0f, 0x01, 0x10), 13, 0),
       "mov cr0, lgdt are #GP");
    ok(RUN(0x0f, 0x01, 0x00) == EMULATE_DONE, "sgdt is not");
    s->rip = AT_CODE;
    s->cr4 |= 1 << 11;
    ok(faults(RUN(0x0f, 0x01, 0x00), 13, 0), "but with UMIP");
}

static void system_registers(void)
{
    struct vcpu_state *s = world_reset();

    ok(RUN(0xfb) == EMULATE_DONE && s->rflags == 0x202 && s->shadow == SHADOW_STI,
       "sti: its shadow");
    ok(RUN(0xfb) == EMULATE_DONE && s->shadow == 0, "not if it was on");
    s = world_reset();
    s->rbx = 0x200;
    ram_set(0x200, 2, 0x27);
    ram_set(0x202, 4, 0xff123456);
    ok(RUN(0x0f, 0x01, 0x17) == EMULATE_DONE && s->gdtr.base == 0x123456 && s->gdtr.limit == 0x27,
       "lgdt takes 24 bits");
    s->rip = AT_CODE;
    ok(RUN(0x66, 0x0f, 0x01, 0x1f) == EMULATE_DONE && s->idtr.base == 0xff123456, "with 66 32");
    s->rip = AT_CODE;
    ok(RUN(0x0f, 0x01, 0x07) == EMULATE_DONE && ram_get(0x200, 8) == 0x1234560027, "sgdt");
    s->rip = AT_CODE;
    s->rax = 0x11;
    ok(RUN(0x0f, 0x22, 0xc0) == EMULATE_DONE && s->cr0 == 0x11, "mov cr0, eax: protected mode");
    ok(world.e.changed & STATE_CR, "is told");
    s->rip = AT_CODE;
    s->rax = 0xe;
    ok(RUN(0x0f, 0x01, 0xf0) == EMULATE_DONE && s->cr0 == 0x1f, "lmsw does not clear PE");
    ok(RUN(0x0f, 0x06) == EMULATE_DONE && s->cr0 == 0x17, "clts");
    ok(RUN(0x0f, 0x01, 0xe1) == EMULATE_DONE && s->rcx == 0x17, "smsw cx");
    s->rip = AT_CODE;
    s->rax = 0x80000010;
    ok(faults(RUN(0x0f, 0x22, 0xc0), 13, 0), "PG without PE");
    s->rax = 0x20000011;
    ok(faults(RUN(0x0f, 0x22, 0xc0), 13, 0), "NW without CD");
    s = world_protected(0);
    s->efer = 0x100;
    s->rax = 0x80000011;
    ok(faults(RUN(0x0f, 0x22, 0xc0), 13, 0), "long mode without PAE");
    s->cr4 = 0x20;
    s->cr3 = PAGES;
    ok(RUN(0x0f, 0x22, 0xc0) == EMULATE_DONE && s->efer == 0x500, "with PAE it begins");
    ok(world.e.changed & STATE_EFER, "is told");
    s = world_protected(0);
    s->cr4 = 0x20;
    s->cr3 = 0x3000;
    s->rax = 0x80000011;
    ram_set(0x3000, 8, 0x5001);
    ok(RUN(0x0f, 0x22, 0xc0) == EMULATE_DONE && s->pdpte[0] == 0x5001, "PAE loads its registers");
    s = world_protected(0);
    s->cr4 = 0x20;
    s->cr3 = 0x3000;
    s->rax = 0x80000011;
    ram_set(0x3000, 8, 0x5003);
    ok(faults(RUN(0x0f, 0x22, 0xc0), 13, 0) && s->cr0 == 0x11, "not with reserved bits");
    s->rcx = 0x1234;
    ok(RUN(0x0f, 0x22, 0xd1) == EMULATE_DONE && s->cr2 == 0x1234, "mov cr2");
    s->rip = AT_CODE;
    ok(RUN(0x0f, 0x22, 0xc8) == EMULATE_FAULT && world.e.fault.vector == 6, "CR1 is #UD");
}

static void debug_trap(void)
{
    struct vcpu_state *s = world_reset();

    s->rflags |= 0x10100;
    ok(RUN(0x90) == EMULATE_DONE && s->pending_debug == 1u << 14, "TF: a #DB is pending");
    is_u64(s->rflags, 0x102, "RF ends");
    s->pending_debug = 0;
    ok(RUN(0x8e, 0xd0) == EMULATE_DONE && !s->pending_debug, "not behind mov ss");
}

int main(void)
{
    real_far();
    loads();
    far_protected();
    privilege();
    system_registers();
    debug_trap();
    return done_testing();
}
