/* The interpreter by hand-made cases: addresses, segments, pages, devices, strings, the cache. */
#include "tap.h"
#include "vmm_emulate_world.h"

static bool faults(enum emulate_result result, unsigned vector, uint64_t error)
{
    const struct emulate_fault *f = &world.e.fault;

    return result == EMULATE_FAULT && f->vector == vector && f->has_error && f->error == error;
}

static void real_mode(void)
{
    struct vcpu_state *s = world_reset();

    s->rbx = 0x10;
    s->rsi = 0x20;
    s->ds.base = 0x2000;
    ram_set(0x2031, 2, 0xbeef);
    ok(RUN(0x8b, 0x40, 0x01) == EMULATE_DONE, "mov ax, [bx+si+1]");
    is_u64(s->rax, 0xbeef, "loads the word");
    is_u64(s->rip, AT_CODE + 3, "RIP goes on");
    is_u64(world.e.changed, STATE_RIP, "and only that has changed");
    s = world_reset();
    s->rbp = 0x7ffe;
    s->ss.base = 0x10000;
    ram_set(0x17ffe, 4, 0x12345678);
    ok(RUN(0x66, 0x8b, 0x4e, 0x00) == EMULATE_DONE && s->rcx == 0x12345678, "mov ecx, [bp]: SS");
    s = world_reset();
    s->rbx = 0xffff;
    ok(faults(RUN(0x8b, 0x07), 13, 0), "mov ax, [bx] across the end of the segment: #GP(0)");
    is_u64(s->rip, AT_CODE, "at the instruction");
    s->rbp = 0xffff;
    ok(faults(RUN(0x89, 0x46, 0x00), 12, 0), "by SS it is #SS(0)");
    s->rbx = 0xfff0;
    s->rsi = 0x30;
    ram_set(0x20, 2, 0x1234);
    ok(RUN(0x8b, 0x10) == EMULATE_DONE && s->rdx == 0x1234, "[bx+si] wraps at 64 KiB");
    s = world_reset();
    s->rax = 0x12345;
    ok(faults(RUN(0x67, 0x8b, 0x00), 13, 0), "mov ax, [eax] beyond the limit");
    s->fs.base = 0x500;
    ram_set(0x510, 1, 0x77);
    ok(RUN(0x64, 0xa0, 0x10, 0x00) == EMULATE_DONE && (s->rax & 0xff) == 0x77, "mov al, fs:[16]");
    s = world_reset();
    s->rsp = 0;
    s->rax = 0xaaaa;
    ok(RUN(0x50) == EMULATE_DONE && s->rsp == 0xfffe && ram_get(0xfffe, 2) == 0xaaaa,
       "push ax: SP wraps");
    s->rsp = 1;
    s->rip = AT_CODE;
    ok(faults(RUN(0x50), 12, 0) && s->rsp == 1, "push across the end of the stack segment");
    s = world_reset();
    ok(RUN(0x66, 0x50) == EMULATE_DONE && s->rsp == 0x7ffc, "push eax takes 4 bytes");
    s->cs.limit = AT_CODE + 3;
    ok(faults(RUN(0xb8, 0x11, 0x22), 13, 0), "an instruction across the limit of CS");
}

static void lengths(void)
{
    struct vcpu_state *s = world_long(0);

    ok(RUN(0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x89,
           0xc0) == EMULATE_DONE,
       "15 bytes are an instruction");
    s->rip = AT_CODE;
    ok(faults(RUN(0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e,
                  0x2e, 0x89, 0xc0),
              13, 0),
       "16 are #GP");
    ok(RUN(0xf0, 0x89, 0x00) == EMULATE_FAULT && world.e.fault.vector == 6 &&
           !world.e.fault.has_error,
       "lock mov is #UD");
    ok(RUN(0x8d, 0xc0) == EMULATE_FAULT && world.e.fault.vector == 6, "lea of a register is #UD");
    ok(RUN(0x0f, 0xa2) == EMULATE_UNKNOWN && RUN(0xf4) == EMULATE_UNKNOWN, "CPUID, HLT: unknown");
    is_u64(s->rip, AT_CODE, "nothing has changed");
    s->rip = 0x1ffe; /* the next page is not there */
    ram_set(PAGES + 0x4000 + 16, 8, 0);
    ok(faults(RUN(0xb8, 0x11), 14, 16) && world.e.fault.cr2 == 0x2000,
       "an instruction that goes on in a page that is not there");
    ok(RUN(0x89, 0xc0) == EMULATE_DONE, "one that ends there does not need it");
    s->rip = WORLD_DEVICE;
    ok(emulate(&world.e) == EMULATE_UNKNOWN, "what is no RAM is not fetched");
    s->rip = AT_CODE;
    s->instruction_bytes = 2;
    memcpy(s->instruction, "\xb0\x55", 2);
    ok(emulate(&world.e) == EMULATE_DONE && s->rax == 0x55, "bytes that the CPU told are taken");
    s->rip = AT_CODE;
    s->instruction_bytes = 1;
    ok(RUN(0xb0, 0x66) == EMULATE_DONE && s->rax == 0x66, "if they do not do, the rest is fetched");
}

static void segments(void)
{
    struct vcpu_state *s = world_protected(0);

    s->ds = segment_of(16, 0, 0xfff, DATA_32 | 4); /* expands down */
    s->rbx = 0x1000;
    ok(RUN(0x8b, 0x03) == EMULATE_DONE, "expand-down: above the limit is in");
    s->rip = AT_CODE;
    s->rbx = 0xfff;
    ok(faults(RUN(0x8b, 0x03), 13, 0), "the limit is not");
    s->ds.attributes = DATA_32 & ~0x400u;
    s->ds.attributes |= 4;
    s->rbx = 0xfffd;
    ok(faults(RUN(0x8b, 0x03), 13, 0), "without B it ends at 64 KiB");
    s = world_protected(0);
    s->ds.attributes = 0xc91; /* read-only */
    ok(faults(RUN(0x89, 0x03), 13, 0), "a read-only segment is not written");
    ok(RUN(0x8b, 0x03) == EMULATE_DONE, "it is read");
    s->rip = AT_CODE;
    ok(faults(RUN(0x2e, 0x89, 0x03), 13, 0), "code is not written");
    s->cs.attributes = 0xc99;
    ok(faults(RUN(0x2e, 0x8b, 0x03), 13, 0), "code that is execute-only is not read");
    s->es.attributes = 0;
    ok(faults(RUN(0x26, 0x8b, 0x03), 13, 0), "nor is a null segment");
    s = world_protected(0);
    s->ds.limit = 0x102;
    s->rbx = 0x100;
    ok(faults(RUN(0x8b, 0x03), 13, 0), "the last byte is beyond the limit");
    s = world_long(0);
    s->rbx = 0x800000000000;
    ok(faults(RUN(0x8b, 0x03), 13, 0), "not canonical: #GP");
    s->rbp = 0x800000000000;
    ok(faults(RUN(0x8b, 0x45, 0), 12, 0), "by RBP #SS");
    s->rbx = 0x7ffffffffffd;
    ok(faults(RUN(0x8b, 0x03), 13, 0), "nor is its last byte");
    s->ds.base = 0x100000;
    s->rbx = 0x3000;
    ram_set(0x3000, 4, 99);
    ok(RUN(0x8b, 0x03) == EMULATE_DONE && s->rax == 99, "in 64-bit mode DS has no base");
}

static void pages(void)
{
    struct vcpu_state *s = world_long(3);
    uint64_t entry = PAGES + 0x4000 + 4 * 8;

    ram_set(0x3ffc, 4, 0xaaaaaaaa);
    ram_set(entry, 8, 0x4005);
    s->rbx = 0x3ffe;
    s->rax = 0x11111111;
    ok(faults(RUN(0x89, 0x03), 14, 7) && world.e.fault.cr2 == 0x4000,
       "a write into a second page that is read-only");
    is_u64(ram_get(0x3ffc, 4), 0xaaaaaaaa, "leaves the first as it was");
    ram_set(entry, 8, 0x7007);
    ok(RUN(0x89, 0x03) == EMULATE_DONE && ram_get(0x3ffe, 2) == 0x1111 &&
           ram_get(0x7000, 2) == 0x1111,
       "it goes to two places");
    is_u64(ram_get(entry, 8), 0x7067, "accessed and dirty");
    s->rip = AT_CODE;
    s->rsp = 0x4000;
    ram_set(entry, 8, 0);
    s->rbx = 0x4000;
    ok(faults(RUN(0xff, 0x33), 14, 4) && s->rsp == 0x4000,
       "push [rbx] that faults: RSP is as it was");
    ok(faults(RUN(0x8f, 0x03), 14, 4) && s->rsp == 0x4000, "pop [rbx] too");
}

static void devices(void)
{
    struct vcpu_state *s = world_long(0);

    s->rbx = WORLD_DEVICE;
    memcpy(world.device + 16, "\x11\x22\x33\x44\x55\x66\x77\x88", 8);
    ok(RUN(0x8b, 0x43, 0x10) == EMULATE_DONE, "mov eax, [rbx+16] of a device");
    is_u64(s->rax, 0x44332211, "reads it");
    is_u64(world.reads, 1, "once");
    s->rip = AT_CODE;
    ok(RUN(0x80, 0x43, 0x10, 0x01) == EMULATE_DONE && world.device[16] == 0x12,
       "add byte [rbx+16], 1 reads and writes");
    is_u64(world.reads + world.writes, 3, "once each");
    s->rip = AT_CODE;
    ok(RUN(0xf0, 0x0f, 0xc1, 0x4b, 0x10) == EMULATE_DONE, "lock xadd of a device");
    s->rip = AT_CODE;
    s->rsp = 0x10;
    ram_set(PAGES + 0x4000, 8, 0);
    world.reads = 0;
    ok(faults(RUN(0xff, 0x73, 0x10), 14, 2) && world.reads == 0,
       "a push that faults has not read the device");
    s = world_long(0);
    s->rsi = 0x3000;
    s->rdi = WORLD_DEVICE + 0x100;
    s->rcx = 3;
    memcpy(world.ram + 0x3000, "abcdefghijkl", 12);
    ok(RUN(0xf3, 0xa5) == EMULATE_DONE && !memcmp(world.device + 0x100, "abcdefghijkl", 12),
       "rep movsd into a device");
    is_u64(world.writes, 3, "three accesses");
    ok(s->rcx == 0 && s->rsi == 0x300c && s->rip == AT_CODE + 2, "to its end");
    s->rip = AT_CODE;
    s->rbx = 0x2fffffff;
    s->rbx = WORLD_DEVICE + 0xfff; /* the next page is no device */
    ok(RUN(0x8b, 0x03) == EMULATE_DONE && s->rax == 0xffffff00, "bytes of no device are all ones");
}

static void strings(void)
{
    struct vcpu_state *s = world_long(0);

    s->rdi = 0x10000;
    s->rcx = 10000;
    s->rax = 0x5a;
    ok(RUN(0xf3, 0xaa) == EMULATE_DONE, "rep stosb of 10,000 bytes");
    is_u64(s->rcx, 10000 - 4096, "does 4 KiB");
    is_u64(s->rip, AT_CODE, "and stays");
    ok(emulate(&world.e) == EMULATE_DONE && emulate(&world.e) == EMULATE_DONE && s->rcx == 0 &&
           s->rip == AT_CODE + 2,
       "three calls do it");
    ok(ram_get(0x10000 + 9999, 1) == 0x5a && ram_get(0x10000 + 10000, 1) == 0, "to the byte");
    s->rip = AT_CODE;
    s->rdi = 0x11000 - 8;
    s->rcx = 16;
    ram_set(PAGES + 0x4000 + 0x11 * 8, 8, 0x11005);
    s->cr0 |= 1 << 16;
    ok(RUN(0xf3, 0xaa) == EMULATE_DONE && s->rcx == 8 && s->rip == AT_CODE,
       "steps before a fault are done");
    ok(faults(RUN(0xf3, 0xaa), 14, 3) && s->rcx == 8 && world.e.fault.cr2 == 0x11000,
       "then it is told");
    s->rip = AT_CODE;
    s->rflags |= 0x400;
    s->rsi = 0x3007;
    s->rdi = 0x3107;
    s->rcx = 8;
    memcpy(world.ram + 0x3000, "12345678", 8);
    ok(RUN(0xf3, 0xa4) == EMULATE_DONE && !memcmp(world.ram + 0x3100, "12345678", 8) &&
           s->rsi == 0x2fff,
       "backwards");
    s = world_long(0);
    s->rdi = 0x3000;
    s->rcx = 100;
    s->rax = 'x';
    ram_set(0x3005, 1, 'x');
    ok(RUN(0xf2, 0xae) == EMULATE_DONE && s->rcx == 94 && s->rdi == 0x3006 && s->rflags & 0x40,
       "repne scasb finds it");
    s = world_long(0);
    s->rdi = 0x3000;
    s->rdx = 0x1f0;
    s->rcx = 2;
    ok(RUN(0xf3, 0x66, 0x6d) == EMULATE_DONE && world.port == 0x1f0 && world.port_size == 2 &&
           world.port_count == 2,
       "rep insw");
    is_u64(ram_get(0x3000, 4), 0xcdf1cdf0, "what the port says");
    s->rip = AT_CODE;
    s->rsi = 0x3000;
    s->rcx = 1;
    ok(RUN(0xf3, 0x6e) == EMULATE_DONE && world.port_value == 0xf0, "rep outsb");
    s->rip = AT_CODE;
    s->rcx = 5;
    s->rflags |= 0x100;
    ok(RUN(0xf3, 0xa4) == EMULATE_DONE && s->rcx == 4 && s->pending_debug == 1u << 14,
       "with TF one step, and the trap");
    ok(world.e.changed & STATE_INTERRUPTS, "which is told");
    s = world_protected(0);
    s->rcx = 0x10002;
    s->rdi = 0x1fffe;
    s->rax = 0x44;
    ok(RUN(0x67, 0xf3, 0xaa) == EMULATE_DONE && s->rcx == 0x10000 && s->rdi == 0x10000,
       "16-bit addresses: CX, DI");
    ok(ram_get(0xfffe, 2) == 0x4444, "DI wraps");
}

static void cache(void)
{
    struct vcpu_state *s = world_long(0);

    for (unsigned n = 0; n < 2; n++) {
        s->rip = AT_CODE;
        s->rax = 0;
        ok(RUN(0xb8, 0x11, 0, 0, 0) == EMULATE_DONE && s->rax == 0x11, "an instruction");
    }
    s->rip = AT_CODE;
    ok(RUN(0xb8, 0x22, 0, 0, 0) == EMULATE_DONE && s->rax == 0x22, "changed in memory");
    s->rip = AT_CODE;
    s->cs.attributes = CODE_REAL;
    ok(RUN(0xb8, 0x22, 0, 0, 0) == EMULATE_DONE && s->rip == AT_CODE + 3, "in another mode");
    s->rip = AT_CODE;
    ok(RUN(0x0f, 0xff) == EMULATE_UNKNOWN && RUN(0x0f, 0xff) == EMULATE_UNKNOWN,
       "what is unknown is not kept");
    world.e.cache = NULL;
    ok(RUN(0xb8, 0x33, 0) == EMULATE_DONE && s->rax == 0x33, "without a cache");
}

/* Walks are kept: each change of what they depend on has to be seen. */
static void walks(void)
{
    struct vcpu_state *s = world_long(0);
    uint64_t entry = PAGES + 0x4000 + 3 * 8;

    ram_set(0x3000, 4, 0x33);
    ram_set(0x7000, 4, 0x77);
    s->rbx = 0x3000;
    for (unsigned n = 0; n < 3; n++) {
        s->rip = AT_CODE;
        ok(RUN(0x8b, 0x03) == EMULATE_DONE && s->rax == 0x33, "a page is read");
    }
    s->rip = AT_CODE;
    ram_set(entry, 8, 0x7027);
    ok(RUN(0x8b, 0x03) == EMULATE_DONE && s->rax == 0x77, "another page is there");
    s->rip = AT_CODE;
    ok(RUN(0x8b, 0x03) == EMULATE_DONE && s->rax == 0x77, "and again");
    s->rip = AT_CODE;
    s->cr4 |= 1 << 21;
    ok(faults(RUN(0x8b, 0x03), 14, 1), "SMAP");
    s->rflags |= 1 << 18;
    ok(RUN(0x8b, 0x03) == EMULATE_DONE, "not with AC");
    s->rip = AT_CODE;
    ram_set(PAGES + 0x1000, 8, 0);
    ok(faults(RUN(0x8b, 0x03), 14, 16) && world.e.fault.cr2 == AT_CODE, "a table is gone");
    uint8_t bytes[EMULATE_BYTES];
    ok(!emulate_fetch(&world.e, bytes) && world.e.fault.vector == 14 &&
           world.e.fault.cr2 == AT_CODE,
       "nothing is fetched then");
    s->cr0 &= ~(1ull << 31);
    s->efer = 0;
    s->cs = segment_of(8, 0, UINT32_MAX, CODE_32);
    ok(emulate_fetch(&world.e, bytes) == EMULATE_BYTES && bytes[0] == 0x8b && bytes[1] == 0x03,
       "bytes are fetched");
    s->rip = WORLD_RAM - 2;
    ok(emulate_fetch(&world.e, bytes) == 2 && !world.e.fault.vector, "up to the end of RAM");
}

int main(void)
{
    real_mode();
    lengths();
    segments();
    pages();
    devices();
    strings();
    cache();
    walks();
    return done_testing();
}
