/*
 * The interpreter against the processor: random instructions on random state, executed here at
 * CPL 3 in 64-bit and compatibility mode, then interpreted, agree in registers, defined flags,
 * memory and faults.
 *
 * The test lives in the handler of a signal: the code page is full of INT3, so whatever an
 * instruction does ends in a signal, whose frame tells the state; the frame is then given the state
 * of the next one. Memory stays as it is, in both worlds, so it is compared and never copied.
 */
#define _GNU_SOURCE /* REG_* */
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/ucontext.h>

#include "tap.h"
#include "vmm_emulate_random.h"

/* Interprets it, and says whether it is one that the processor may try. */
static bool interpret(void)
{
    struct vcpu_state *s = &world.page.state;

    memcpy(s, now.before, sizeof(now.before));
    s->rip = now.at;
    s->rflags = now.flags_before;
    s->cs.attributes = now.mode == 8 ? 0xafb : 0xcfb;
    s->cs.selector = now.mode == 8 ? 0x33 : 0x23;
    memset(world.code, 0xcc, 4096);
    memcpy(world.code + (now.at - CODE), now.bytes, now.decoded.length);
    do
        now.result = emulate(&world.e);
    while (now.result == EMULATE_DONE && s->rip == now.at && now.class->flags & CLASS_REPEAT);
    if (now.result == EMULATE_UNKNOWN ||
        (now.result == EMULATE_DONE && s->rip - now.at < now.decoded.length))
        return false; /* the latter might never end */
    /* Pages of the sanitizers, of this program and of the kernel are not tried. */
    return !(now.result == EMULATE_FAULT && world.e.fault.vector == 14 &&
             world.e.fault.cr2 - 0x10000 >= 0x7fff0000 - 0x10000);
}

/* Chooses instructions until there is one to execute. */
static void next(void)
{
    for (;;) {
        now.mode = modes == 2 && random_below(3) == 0 ? 4 : 8;
        do
            now.class = &classes[random_below(CLASSES)];
        while (now.mode == 8 && now.class->flags & CLASS_32);
        unsigned modrm = bytes_make();
        enum decode_result decoded =
            instruction_decode(&now.decoded, now.bytes, sizeof(now.bytes), now.mode);
        now.at = CODE + 128 + random_below(3000);
        if (decoded == DECODE_INVALID && random_below(8) == 0)
            now.decoded.length = INSTRUCTION_BYTES;
        else if (decoded != DECODE_OK)
            continue;
        state_make(modrm);
        now.undefined = undefined_flags(&now.decoded, now.before);
        if (now.undefined == UINT64_MAX || (now.mode == 4 && now.decoded.address_width == 2))
            continue;
        /* What aims into memory has changed bytes. */
        if (decoded == DECODE_OK)
            instruction_decode(&now.decoded, now.bytes, sizeof(now.bytes), now.mode);
        if (interpret())
            break;
        skipped++;
    }
    memset((void *)CODE, 0xcc, 4096);
    memcpy((void *)now.at, now.bytes, now.decoded.length);
}

static const int native_order[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP,
                                     REG_RSI, REG_RDI, REG_R8,  REG_R9,  REG_R10, REG_R11,
                                     REG_R12, REG_R13, REG_R14, REG_R15};

static void give(greg_t *gregs)
{
    for (unsigned n = 0; n < 16; n++)
        gregs[native_order[n]] = (greg_t)now.before[n];
    gregs[REG_RIP] = (greg_t)now.at;
    gregs[REG_EFL] = (greg_t)now.flags_before;
    gregs[REG_CSGSFS] = now.mode == 8 ? 0x002b000000000033 : 0x002b000000000023;
}

static void show(const char *what, uint64_t got, uint64_t want)
{
    printf("# %s, %u bits: %s: interpreted %#" PRIx64 ", executed %#" PRIx64 "\n#  ",
           now.class->name, now.mode * 8, what, got, want);
    for (unsigned n = 0; n < now.decoded.length; n++)
        printf(" %02x", now.bytes[n]);
    printf("; flags %#" PRIx64, now.flags_before);
    for (unsigned n = 0; n < 16; n++)
        printf("%s%" PRIx64, n ? " " : "; registers ", now.before[n]);
    printf("\n");
    fflush(stdout);
}

static bool agrees(const char *what, uint64_t got, uint64_t want)
{
    if (got == want)
        return true;
    if (wrong < SHOWN)
        show(what, got, want);
    return false;
}

/* Where the processor went: after an INT3, or a place that cannot be fetched from. */
static bool has_gone_on(const greg_t *gregs, uint64_t *rip)
{
    *rip = (uint64_t)gregs[REG_RIP];
    if (gregs[REG_TRAPNO] == 3) {
        *rip -= 1;
        return true;
    }
    return gregs[REG_TRAPNO] == 14 && gregs[REG_ERR] & 16 && *rip != now.at;
}

static bool compare(const greg_t *gregs)
{
    const struct vcpu_state *s = &world.page.state;
    const struct emulate_fault *fault = &world.e.fault;
    uint64_t mask = now.mode == 8 ? UINT64_MAX : UINT32_MAX;
    uint64_t rip;
    bool done = has_gone_on(gregs, &rip);
    uint64_t got;
    bool same = agrees("done", now.result == EMULATE_DONE, done);

    /* Of several accesses some may have been made, and which one faults first is not said. */
    if (same && !done && now.class->flags & CLASS_PIECES) {
        memcpy(world.data, (void *)DATA, BYTES);
        return agrees("RIP", s->rip, rip);
    }
    for (unsigned n = 0; n < (now.mode == 8 ? 16 : 8); n++) {
        memcpy(&got, (const uint64_t *)(const void *)s + n, 8);
        same = same && agrees("register", got & mask, (uint64_t)gregs[native_order[n]] & mask);
    }
    same = same && agrees("RIP", s->rip, rip);
    got = EFLAGS_SEEN & ~(done ? now.undefined : 0);
    same = same && agrees("flags", s->rflags & got, (uint64_t)gregs[REG_EFL] & got);
    if (!done && same) {
        same = agrees("vector", fault->vector, (uint64_t)gregs[REG_TRAPNO]);
        if (same && fault->has_error)
            same = agrees("error code", fault->error, (uint64_t)gregs[REG_ERR]);
        if (same && fault->vector == 14)
            same = agrees("CR2", fault->cr2, (uint64_t)gregs[REG_CR2]);
    }
    return same && agrees("memory", 0, memcmp(world.data, (void *)DATA, BYTES) != 0);
}

static void caught(int signal, siginfo_t *information, void *context)
{
    greg_t *gregs = ((ucontext_t *)context)->uc_mcontext.gregs;

    (void)information;
    /* The kernel leaves AC as it was. */
    __asm__ volatile("sub $128, %%rsp; pushq $0x202; popfq; add $128, %%rsp" : : : "cc", "memory");
    if (signal == SIGUSR1) {
        next();
        give(gregs);
        return;
    }
    if (!compare(gregs)) {
        wrong++;
        memcpy(world.data, (void *)DATA, BYTES);
    }
    counts[now.class - classes][now.mode == 8]++;
    if (++compared == COMPARED)
        siglongjmp(finished, 1);
    next();
    give(gregs);
}

static void tables_make(void)
{
    uint64_t *table = (uint64_t *)(void *)tables;

    table[0] = (TABLES + 0x1000) | 7;
    table[512] = (TABLES + 0x2000) | 7;
    table[1024 + (CODE >> 21)] = (TABLES + 0x3000) | 7;
    table[1536] = CODE | 7;
    table[1536 + 16] = DATA | 7;
    table[1536 + 17] = (DATA + 4096) | 7;
}

static void world_make(void)
{
    struct vcpu_state *s = &world.page.state;

    world.code = malloc(4096);
    world.data = malloc(BYTES);
    tables_make();
    world.memory.count = 3;
    world.memory.ram[0] = (struct guest_ram){TABLES, sizeof(tables), tables};
    world.memory.ram[1] = (struct guest_ram){CODE, 4096, world.code};
    world.memory.ram[2] = (struct guest_ram){DATA, BYTES, world.data};
    world.e = (struct emulate){.state = s,
                               .memory = &world.memory,
                               .devices = &world.devices,
                               .ports = &world.ports,
                               .cache = &world.cache,
                               .phys_bits = 40};
    s->cr0 = 0x80050033;
    s->cr3 = TABLES;
    s->cr4 = 0x820; /* PAE, UMIP */
    s->efer = 0xd01;
    s->cs.limit = UINT32_MAX;
    s->ds = s->es = s->ss = (struct vcpu_segment){0x2b, 0xcf3, UINT32_MAX, 0};
    s->tr = (struct vcpu_segment){0x40, 0x8b, 0x67, 0};
    for (unsigned n = 0; n < BYTES; n++)
        world.data[n] = (uint8_t)random64();
    memcpy((void *)DATA, world.data, BYTES);
}

static void *map(uint64_t at, size_t size, int rights)
{
    return mmap((void *)at, size, rights, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
}

static void signals_take(void)
{
    static const int signals[] = {SIGSEGV, SIGTRAP, SIGILL, SIGFPE, SIGBUS, SIGUSR1};
    static uint8_t room[STACK];
    stack_t stack = {.ss_sp = room, .ss_size = STACK};
    struct sigaction action = {.sa_sigaction = caught, .sa_flags = SA_SIGINFO | SA_ONSTACK};

    sigaltstack(&stack, NULL);
    for (unsigned n = 0; n < sizeof(signals) / sizeof(signals[0]); n++) {
        for (unsigned m = 0; m < sizeof(signals) / sizeof(signals[0]); m++)
            sigaddset(&action.sa_mask, signals[m]);
        sigaction(signals[n], &action, NULL);
    }
}

/* The 32-bit code segment of Linux, if it is there, and data segments that such code can use. */
static bool has_compatibility(void)
{
    uint32_t rights = 0;
    bool valid;

    __asm__("lar %2, %0" : "+r"(rights), "=@ccz"(valid) : "r"(0x23u));
    if (!valid || (rights & 0x60f800) != 0x40f800)
        return false;
    __asm__ volatile("mov %0, %%ds; mov %0, %%es" : : "r"(0x2bu));
    return true;
}

int main(void)
{
    const void *code = map(CODE, 4096, PROT_READ | PROT_WRITE | PROT_EXEC);
    const void *data = map(DATA, BYTES, PROT_READ | PROT_WRITE);

    if ((uint64_t)code != CODE || (uint64_t)data != DATA) {
        ok(false, "memory at fixed addresses");
        return done_testing();
    }
    modes = has_compatibility() ? 2 : 1;
    world_make();
    signals_take();
    if (!sigsetjmp(finished, 1))
        raise(SIGUSR1);
    is_u64(wrong, 0, "of %" PRIu64 " instructions interpreted and executed none disagrees",
           compared);
    printf("# %" PRIu64 " more were not executed\n", skipped);
    for (unsigned n = 0; n < CLASSES; n++) {
        ok(counts[n][0] + counts[n][1] > 0, "%s: %" PRIu64 " in 64-bit mode, %" PRIu64 " in 32-bit",
           classes[n].name, counts[n][1], counts[n][0]);
    }
    ok(modes == 2 || compared, "compatibility mode%s",
       modes == 2 ? "" : " # SKIP the host has no 32-bit code segment");
    return done_testing();
}
