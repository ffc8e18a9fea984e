/* Registers of calls: anything, or what the interface's grammar makes plausible. */
#include "fuzz.h"

#define LEVELS 3u

static const uint64_t edges[] = {
    0,
    1,
    2,
    7,
    0xff,
    0x100,
    0xfff,
    PAGE,
    0xffff,
    SELECTORS,
    0x10001,
    0x7fffffff,
    0xffffffff,
    1ull << 32,
    0x00007fffffffe000,
    0x00007ffffffff000,
    0x0000800000000000,
    0xffff800000000000,
    0xffffffff80000000,
    1ull << 63,
    UINT64_MAX,
    FIRST_UTCB_ADDRESS,
    FUZZ_ADDRESS,
    0x400000,
};

static uint64_t value(struct fuzzer *f)
{
    switch (fuzz_random(f, 8)) {
    case 0:
        return fuzz_random(f, UINT64_MAX);
    case 1:
        return edges[fuzz_random(f, sizeof(edges) / sizeof(edges[0]))];
    case 2:
        return fuzz_random(f, F_LAST) << (8 * fuzz_random(f, 5)) | fuzz_random(f, F_LAST);
    case 3:
        return FUZZ_ADDRESS + fuzz_random(f, 64) * PAGE;
    case 4:
        return tsc_read() + fuzz_random(f, 100000) - 50000;
    case 5:
        return F_MADE + fuzz_random(f, F_LAST - F_MADE);
    default:
        return fuzz_random(f, F_END);
    }
}

struct system_registers fuzz_nonsense(struct fuzzer *f)
{
    struct system_registers r = {.rdi = value(f),
                                 .rsi = value(f),
                                 .rdx = value(f),
                                 .r8 = value(f),
                                 .r9 = value(f),
                                 .r10 = value(f)};

    r.rax = fuzz_chance(f, 16) ? value(f) : fuzz_random(f, SYSCALL_COUNT + 1);
    if (fuzz_chance(f, 8)) {
        r.rax |= value(f) << 8;
    }
    return r;
}

/* The capability of a type that nothing takes away. */
static uint32_t fixed(struct fuzzer *f, enum object_type type)
{
    static const uint32_t selectors[] = {
        [OBJECT_PD] = F_PD,   [OBJECT_POOL] = F_POOL, [OBJECT_MEM] = F_MEM,
        [OBJECT_SM] = F_SM,   [OBJECT_CPU] = F_CPU,   [OBJECT_PORTS] = F_PORTS,
        [OBJECT_IRQ] = F_IRQ, [OBJECT_PCI] = F_PCI,   [OBJECT_PLATFORM] = F_PLATFORM,
        [OBJECT_VM] = F_VM,
    };

    switch (type) {
    case OBJECT_EC:
        return F_EC + (uint32_t)fuzz_random(f, fuzz_threads);
    case OBJECT_SC:
        return F_SC + (uint32_t)fuzz_random(f, fuzz_threads);
    case OBJECT_PT:
        return F_CALLED + f->cpu;
    case OBJECT_CPU:
        return fuzz_chance(f, 4) ? F_CPU + (uint32_t)fuzz_random(f, FUZZ_CPUS) : F_CPU + f->cpu;
    default:
        return selectors[type];
    }
}

/* One that was made, or copied, if one is found soon. */
static uint32_t made(struct fuzzer *f, enum object_type type)
{
    uint32_t base = fuzz_chance(f, 3) ? F_COPIES : F_MADE;
    uint32_t at = (uint32_t)fuzz_random(f, F_COPIES - F_MADE);

    for (unsigned i = 0; i < F_COPIES - F_MADE; i++) {
        uint32_t s = base + (at + i) % (F_COPIES - F_MADE);
        if (fuzz_kinds[s] == type) {
            return s;
        }
    }
    return base + at;
}

/* A selector where a capability of that type is wanted: mostly there is one. */
static uint32_t of(struct fuzzer *f, enum object_type type)
{
    switch (fuzz_random(f, 32)) {
    case 0:
    case 1:
        return F_WEAK + type;
    case 2:
        return F_MADE + (uint32_t)fuzz_random(f, F_LAST - F_MADE);
    case 3:
        return (uint32_t)fuzz_random(f, F_END);
    case 4:
        return SELECTORS + (uint32_t)fuzz_random(f, 2) * 0xfffff;
    default:
        return fuzz_chance(f, 3) ? fixed(f, type) : made(f, type);
    }
}

static enum object_type any_type(struct fuzzer *f)
{
    return (enum object_type)(OBJECT_PD +
                              fuzz_random(f, fuzz_guests ? OBJECT_VM : OBJECT_PLATFORM));
}

static uint64_t address(struct fuzzer *f)
{
    return fuzz_chance(f, 16) ? value(f) : FUZZ_ADDRESS + fuzz_random(f, 64) * PAGE;
}

/* Words and capabilities of a message, and a window for those of the reply. */
static uint64_t message(struct fuzzer *f)
{
    uint64_t words = fuzz_random(f, fuzz_chance(f, 16) ? 500 : 6);
    uint64_t items = fuzz_chance(f, 4) ? fuzz_random(f, MESSAGE_ITEMS + 2) : 0;

    for (uint64_t i = 0; i < items && i < MESSAGE_ITEMS; i++) {
        f->utcb->item[i] =
            (struct utcb_item){of(f, any_type(f)), (uint32_t)fuzz_random(f, RIGHTS_ALL + 2)};
    }
    f->utcb->window = (uint32_t)(F_COPIES + fuzz_random(f, 120));
    f->utcb->window_count = (uint32_t)fuzz_random(f, MESSAGE_ITEMS);
    return (words | items << 16) << MESSAGE_SHIFT;
}

static void create(struct fuzzer *f, struct system_registers *r)
{
    enum object_type type = any_type(f);
    uint64_t destination = fuzz_chance(f, 32) ? value(f) : F_MADE + fuzz_random(f, 128);

    r->rdi = (uint64_t)type | destination << 8;
    r->rsi = fuzz_chance(f, 8) ? F_POOR_POOL : of(f, OBJECT_POOL);
    r->r8 = fuzz_random(f, 64);
    r->r9 = 1 + fuzz_random(f, 4);
    switch (type) {
    case OBJECT_MEM:
        r->rdx = fuzz_chance(f, 16) ? F_DEEP : of(f, OBJECT_MEM);
        r->r8 = fuzz_random(f, MEM_FRAMES) * PAGE + fuzz_chance(f, 16);
        r->r9 = (fuzz_chance(f, 2) ? 1 : fuzz_random(f, MEM_FRAMES)) * PAGE;
        r->r10 = fuzz_chance(f, 8) ? fuzz_random(f, 5) : 0;
        break;
    case OBJECT_EC:
        r->rdx = fuzz_chance(f, 8) ? F_POOR_PD : of(f, OBJECT_PD);
        r->r8 = fuzz_chance(f, 16) ? UINT64_MAX : 0;
        r->r10 = address(f) + (fuzz_chance(f, 3) ? fuzz_random(f, FUZZ_CPUS) : f->cpu);
        break;
    case OBJECT_SC:
        r->rdx = of(f, OBJECT_EC) | (uint64_t)of(f, OBJECT_CPU) << 32;
        r->r8 = fuzz_random(f, 140) | fuzz_random(f, 2) << 8 | (uint64_t)fuzz_chance(f, 16) << 9;
        r->r9 = 1 + fuzz_random(f, 50000);
        r->r10 = fuzz_random(f, 200000);
        break;
    case OBJECT_PT:
        r->rdx = of(f, OBJECT_EC);
        break;
    case OBJECT_CPU:
        r->rdx = of(f, OBJECT_CPU);
        r->r8 = fuzz_random(f, 140);
        r->r9 = fuzz_random(f, CPU_SHARE_ALL / 8);
        r->r10 = fuzz_chance(f, 16);
        break;
    default:
        r->rdx = type >= OBJECT_CPU ? of(f, type) : fuzz_random(f, 3);
        break;
    }
}

static void control_ec(struct fuzzer *f, struct system_registers *r)
{
    r->rsi = fuzz_random(f, EC_SET + 2);
    r->rdx = fuzz_chance(f, 8) ? value(f) : 0;
    if (r->rsi == EC_SUPERVISOR) {
        r->rdx = fuzz_chance(f, 8) ? F_DEEP_SM : of(f, OBJECT_SM);
    }
}

static void control(struct fuzzer *f, struct system_registers *r)
{
    enum object_type type = any_type(f);

    r->rdi = of(f, type);
    r->rsi = fuzz_random(f, fuzz_chance(f, 8) ? 9 : 3);
    r->rdx = fuzz_random(f, 64);
    r->r8 = fuzz_random(f, 64);
    r->r9 = fuzz_chance(f, 4) ? value(f) : fuzz_random(f, 4);
    switch (type) {
    case OBJECT_PD:
        r->rdx = address(f);
        break;
    case OBJECT_VM:
        r->rdx = address(f);
        r->r8 = fuzz_random(f, 514) | fuzz_random(f, LEVELS + 1) << 16;
        break;
    case OBJECT_EC:
        control_ec(f, r);
        break;
    case OBJECT_PORTS:
        r->rdx = fuzz_chance(f, 8) ? F_POOR_PD : of(f, OBJECT_PD);
        break;
    case OBJECT_IRQ:
    case OBJECT_PCI:
        r->r8 = of(f, OBJECT_SM);
        break;
    case OBJECT_PLATFORM:
        r->rdx = fuzz_random(f, 3);
        break;
    default:
        break;
    }
}

/* What memory is mapped into. */
static uint32_t space(struct fuzzer *f)
{
    return of(f, fuzz_guests && fuzz_chance(f, 4) ? OBJECT_VM : OBJECT_PD);
}

static void map(struct fuzzer *f, struct system_registers *r)
{
    uint64_t memory = fuzz_chance(f, 2) ? F_MAP : of(f, OBJECT_MEM);
    uint64_t domain = fuzz_chance(f, 8) ? F_POOR_PD : space(f);

    r->rdi = memory | domain << 32;
    r->rsi = address(f);
    r->rdx = fuzz_random(f, fuzz_chance(f, 2) ? 2 : MEM_FRAMES) * PAGE;
    r->r8 = (1 + fuzz_random(f, 4)) | (fuzz_chance(f, 16) ? fuzz_random(f, LEVELS + 1) << 16 : 0);
    r->r9 = MEM_RIGHT_READ | fuzz_random(f, 2) * MEM_RIGHT_WRITE |
            (fuzz_chance(f, 16) ? MEM_RIGHT_EXECUTE : 0);
    if (fuzz_chance(f, 16)) { /* the smallest mapping, of one that is at its limit */
        r->rdi = F_DEEP | (uint64_t)F_PD << 32;
        r->rdx = 0;
        r->r8 = 1;
    }
}

static void delegate(struct fuzzer *f, struct system_registers *r)
{
    r->rdi = fuzz_chance(f, 8) ? F_POOR_PD : of(f, OBJECT_PD);
    r->rsi = fuzz_chance(f, 16) ? value(f) : F_COPIES + fuzz_random(f, 128);
    r->rdx = fuzz_chance(f, 16) ? F_DEEP : of(f, any_type(f));
    r->r8 = fuzz_chance(f, 2) ? RIGHTS_ALL : fuzz_random(f, RIGHTS_ALL + 0x1000);
}

struct system_registers fuzz_grammar(struct fuzzer *f)
{
    struct system_registers r = {.rax = fuzz_random(f, SYSCALL_COUNT)};

    if (fuzz_chance(f, 64)) {
        r.rax |= 1ull << (32 + fuzz_random(f, 32));
    }
    switch (r.rax) {
    case SYSCALL_CALL:
        r.rdi = of(f, OBJECT_PT);
        r.rax |= message(f);
        r.rsi = message(f);
        r.r10 = fuzz_chance(f, 16) ? 1 : 0;
        break;
    case SYSCALL_REPLY:
        r.rax |= message(f);
        break;
    case SYSCALL_DOWN:
    case SYSCALL_UP:
        r.rdi = of(f, OBJECT_SM);
        r.rsi = fuzz_chance(f, 2) ? DOWN_TRY : fuzz_random(f, 5);
        break;
    case SYSCALL_CREATE:
        create(f, &r);
        break;
    case SYSCALL_DELEGATE:
        delegate(f, &r);
        break;
    case SYSCALL_REVOKE:
        r.rdi = of(f, any_type(f));
        r.rsi = fuzz_chance(f, 16) ? value(f) : fuzz_random(f, 2);
        break;
    case SYSCALL_DESTROY:
    case SYSCALL_LOOKUP:
        r.rdi = of(f, any_type(f));
        break;
    case SYSCALL_MAP:
        map(f, &r);
        break;
    case SYSCALL_UNMAP:
        r.rdi = space(f);
        r.rsi = address(f);
        break;
    case SYSCALL_DEPOSIT:
    case SYSCALL_WITHDRAW:
        r.rdi = of(f, OBJECT_POOL);
        r.rsi = fuzz_chance(f, 4) ? of(f, OBJECT_MEM) : F_LEND + fuzz_random(f, fuzz_threads);
        break;
    case SYSCALL_CONTROL:
        control(f, &r);
        break;
    default:
        r.rdi = value(f);
        break;
    }
    return r;
}
