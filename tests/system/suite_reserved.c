/*
 * Bits that must not be set: each one of each argument of each call is set in a call that is good
 * otherwise, and the call is refused. The stage is that of the documented errors (errors.h).
 */
#include <stddef.h>

#include "errors.h"
#include "ranges.h"
#include "suites.h"
#include "uart.h"

#define MASKS 5u

#define PAIR(low, high)  ((low) | (uint64_t)(high) << 32)
#define NEW(type)        (OBJECT_##type | E_NONE << 8)
#define DESTROY_NEW      .rax = SYSCALL_DESTROY, .rdi = E_NONE
#define NOT_A_SELECTOR   (~(uint64_t)(SELECTORS - 1))
#define NO_SELECTOR_PAIR ((NOT_A_SELECTOR & 0xffffffff) | NOT_A_SELECTOR << 32)
#define NOT_CANONICAL    (~0x7fffffffffffull) /* bits that no program's address has */
#define OFFSET           (PAGE - 1)
#define ANY_BIT          UINT64_MAX
#define TYPE_BITS        0xf0ull
#define NOT_A_CPU        (~(uint64_t)(BOOT_MAX_CPUS - 1))
#define NOT_A_LENGTH     0xfffffffff0fe0000ull /* of CALL and REPLY: above 511 words or 15 items */
#define PORTS_ADDRESS    0x4000000000000000ull
#define NOT_A_NUMBER     (~0xfull)

enum argument { RAX, RDI, RSI, RDX, R8, R9, R10 };

/* Bits of a register, and how the call is refused when one of them is set. */
struct mask {
    enum argument argument;
    enum status status;
    uint64_t bits;
};

struct good {
    const char *name;
    struct system_registers r, undo;
    bool only_refused; /* not to be made as it stands: it would end the run, wait, or fail */
    struct mask masks[MASKS];
};

static const struct good goods[] = {
    {"CALL",
     {.rax = SYSCALL_CALL, .rdi = ACTOR_SELECTORS + 2},
     .masks = {{RAX, STATUS_BAD_PARAMETER, NOT_A_LENGTH},
               {RDI, STATUS_BAD_CAPABILITY, NOT_A_SELECTOR}}},
    {"REPLY",
     {.rax = SYSCALL_REPLY},
     .only_refused = true,
     .masks = {{RAX, STATUS_BAD_PARAMETER, NOT_A_LENGTH}}},
    {"UP",
     {.rax = SYSCALL_UP, .rdi = E_SM},
     {.rax = SYSCALL_DOWN, .rdi = E_SM},
     .masks = {{RAX, STATUS_BAD_CALL, NOT_A_NUMBER}, {RDI, STATUS_BAD_CAPABILITY, NOT_A_SELECTOR}}},
    {"DOWN",
     {.rax = SYSCALL_DOWN, .rdi = E_SM, .rsi = DOWN_TRY},
     .only_refused = true,
     .masks = {{RAX, STATUS_BAD_CALL, NOT_A_NUMBER},
               {RDI, STATUS_BAD_CAPABILITY, NOT_A_SELECTOR},
               {RSI, STATUS_BAD_PARAMETER, ~3ull}}},
    {"CREATE",
     {.rax = SYSCALL_CREATE, .rdi = NEW(SM), .rsi = SELECTOR_POOL},
     {DESTROY_NEW},
     .masks = {{RAX, STATUS_BAD_CALL, NOT_A_NUMBER},
               {RDI, STATUS_BAD_PARAMETER, TYPE_BITS},
               {RDI, STATUS_BAD_SELECTOR, NOT_A_SELECTOR << 8},
               {RSI, STATUS_BAD_CAPABILITY, NOT_A_SELECTOR}}},
    {"CREATE MEM",
     {.rax = SYSCALL_CREATE,
      .rdi = NEW(MEM),
      .rsi = SELECTOR_POOL,
      .rdx = E_MEM,
      .r8 = 0,
      .r9 = PAGE},
     {DESTROY_NEW},
     .masks = {{RDX, STATUS_BAD_CAPABILITY, NOT_A_SELECTOR},
               {R8, STATUS_BAD_PARAMETER, OFFSET | ~(E_PAGES *PAGE - 1)},
               {R9, STATUS_BAD_PARAMETER, OFFSET | ~(2 * E_PAGES * PAGE - 1)},
               {R10, STATUS_BAD_PARAMETER, ANY_BIT}}},
    {"CREATE EC",
     {.rax = SYSCALL_CREATE,
      .rdi = NEW(EC),
      .rsi = SELECTOR_POOL,
      .rdx = SELECTOR_PD,
      .r8 = 0,
      .r9 = 0,
      .r10 = E_ADDRESS},
     {DESTROY_NEW},
     .masks = {{RDX, STATUS_BAD_CAPABILITY, NOT_A_SELECTOR},
               {R8, STATUS_BAD_PARAMETER, NOT_CANONICAL},
               {R10, STATUS_BAD_PARAMETER, NOT_CANONICAL | (OFFSET & NOT_A_CPU)}}},
    {"CREATE SC",
     {.rax = SYSCALL_CREATE,
      .rdi = NEW(SC),
      .rsi = SELECTOR_POOL,
      .rdx = PAIR(E_EC, SELECTOR_CPUS),
      .r8 = 1 | 1 << 8,
      .r9 = 1,
      .r10 = 1},
     {DESTROY_NEW},
     .masks = {{RDX, STATUS_BAD_CAPABILITY, NO_SELECTOR_PAIR},
               {R8, STATUS_BAD_PARAMETER, ~0x17full}}},
    {"CREATE PT",
     {.rax = SYSCALL_CREATE, .rdi = NEW(PT), .rsi = SELECTOR_POOL, .rdx = E_EC},
     {DESTROY_NEW},
     .masks = {{RDX, STATUS_BAD_CAPABILITY, NOT_A_SELECTOR}}},
    {"CREATE CPU",
     {.rax = SYSCALL_CREATE,
      .rdi = NEW(CPU),
      .rsi = SELECTOR_POOL,
      .rdx = SELECTOR_CPUS,
      .r8 = 1,
      .r9 = 1},
     {DESTROY_NEW},
     .masks = {{RDX, STATUS_BAD_CAPABILITY, NOT_A_SELECTOR},
               {R8, STATUS_BAD_PARAMETER, ~0x7full},
               {R9, STATUS_BAD_PARAMETER, ~(CPU_SHARE_ALL - 1ull)},
               {R10, STATUS_BAD_PARAMETER, ANY_BIT}}},
    {"CREATE PORTS",
     {.rax = SYSCALL_CREATE,
      .rdi = NEW(PORTS),
      .rsi = SELECTOR_POOL,
      .rdx = E_PORTS,
      .r8 = 0,
      .r9 = 1},
     {DESTROY_NEW},
     .masks = {{RDX, STATUS_BAD_CAPABILITY, NOT_A_SELECTOR},
               {R8, STATUS_BAD_PARAMETER, ANY_BIT},
               {R9, STATUS_BAD_PARAMETER, ANY_BIT},
               {R10, STATUS_BAD_PARAMETER, ANY_BIT}}},
    {"CREATE IRQ",
     {.rax = SYSCALL_CREATE, .rdi = NEW(IRQ), .rsi = SELECTOR_POOL, .rdx = E_IRQ, .r8 = 0, .r9 = 1},
     {DESTROY_NEW},
     .masks = {{RDX, STATUS_BAD_CAPABILITY, NOT_A_SELECTOR},
               {R8, STATUS_BAD_PARAMETER, ANY_BIT},
               {R9, STATUS_BAD_PARAMETER, ANY_BIT},
               {R10, STATUS_BAD_PARAMETER, ANY_BIT}}},
    {"CREATE PCI",
     {.rax = SYSCALL_CREATE, .rdi = NEW(PCI), .rsi = SELECTOR_POOL, .rdx = E_PCI, .r8 = 0, .r9 = 1},
     {DESTROY_NEW},
     .masks = {{RDX, STATUS_BAD_CAPABILITY, NOT_A_SELECTOR},
               {R8, STATUS_BAD_PARAMETER, ANY_BIT},
               {R9, STATUS_BAD_PARAMETER, ANY_BIT},
               {R10, STATUS_BAD_PARAMETER, ANY_BIT}}},
    {"DELEGATE",
     {.rax = SYSCALL_DELEGATE, .rdi = SELECTOR_PD, .rsi = E_NONE, .rdx = E_SM, .r8 = RIGHTS_ALL},
     {.rax = SYSCALL_REVOKE, .rdi = E_NONE, .rsi = REVOKE_SELF},
     .masks = {{RDI, STATUS_BAD_CAPABILITY, NOT_A_SELECTOR},
               {RSI, STATUS_BAD_SELECTOR, NOT_A_SELECTOR},
               {RDX, STATUS_BAD_CAPABILITY, NOT_A_SELECTOR},
               {R8, STATUS_BAD_PARAMETER, ~(uint64_t)RIGHTS_ALL},
               {RAX, STATUS_BAD_CALL, NOT_A_NUMBER}}},
    {"REVOKE",
     {.rax = SYSCALL_REVOKE, .rdi = E_PAID},
     .masks = {{RAX, STATUS_BAD_CALL, NOT_A_NUMBER},
               {RDI, STATUS_BAD_CAPABILITY, NOT_A_SELECTOR},
               {RSI, STATUS_BAD_PARAMETER, ~1ull}}},
    {"DESTROY",
     {.rax = SYSCALL_DESTROY, .rdi = E_SM},
     .only_refused = true,
     .masks = {{RAX, STATUS_BAD_CALL, NOT_A_NUMBER}, {RDI, STATUS_BAD_CAPABILITY, NOT_A_SELECTOR}}},
    {"LOOKUP",
     {.rax = SYSCALL_LOOKUP, .rdi = E_SM},
     .masks = {{RAX, STATUS_BAD_CALL, NOT_A_NUMBER}, {RDI, STATUS_BAD_CAPABILITY, NOT_A_SELECTOR}}},
    {"MAP",
     {.rax = SYSCALL_MAP,
      .rdi = PAIR(E_MEM, SELECTOR_PD),
      .rsi = E_ADDRESS,
      .rdx = 0,
      .r8 = 1,
      .r9 = MEM_RIGHT_READ},
     {.rax = SYSCALL_UNMAP, .rdi = SELECTOR_PD, .rsi = E_ADDRESS},
     .masks = {{RDI, STATUS_BAD_CAPABILITY, NO_SELECTOR_PAIR},
               {RSI, STATUS_BAD_PARAMETER, OFFSET | NOT_CANONICAL},
               {RDX, STATUS_BAD_PARAMETER, OFFSET | ~(E_PAGES *PAGE - 1)},
               {R8, STATUS_BAD_PARAMETER, ~0x1full},
               {R9, STATUS_BAD_PARAMETER, ~0xeull}}},
    {"UNMAP",
     {.rax = SYSCALL_UNMAP, .rdi = E_SPLIT_PD, .rsi = E_MAPPED},
     .only_refused = true,
     .masks = {{RAX, STATUS_BAD_CALL, NOT_A_NUMBER},
               {RDI, STATUS_BAD_CAPABILITY, NOT_A_SELECTOR},
               {RSI, STATUS_BAD_PARAMETER, ANY_BIT}}},
    {"DEPOSIT",
     {.rax = SYSCALL_DEPOSIT, .rdi = E_EMPTY_POOL, .rsi = E_MEM},
     {.rax = SYSCALL_WITHDRAW, .rdi = E_EMPTY_POOL, .rsi = E_MEM},
     .masks = {{RAX, STATUS_BAD_CALL, NOT_A_NUMBER},
               {RDI, STATUS_BAD_CAPABILITY, NOT_A_SELECTOR},
               {RSI, STATUS_BAD_CAPABILITY, NOT_A_SELECTOR}}},
    {"WITHDRAW",
     {.rax = SYSCALL_WITHDRAW, .rdi = E_FUNDED, .rsi = E_FUNDED_PART},
     .only_refused = true,
     .masks = {{RAX, STATUS_BAD_CALL, NOT_A_NUMBER},
               {RDI, STATUS_BAD_CAPABILITY, NOT_A_SELECTOR},
               {RSI, STATUS_BAD_CAPABILITY, NOT_A_SELECTOR}}},
    {"PD_SPLIT",
     {.rax = SYSCALL_CONTROL, .rdi = E_SPLIT_PD, .rsi = PD_SPLIT, .rdx = E_MAPPED},
     .only_refused = true,
     .masks = {{RAX, STATUS_BAD_CALL, NOT_A_NUMBER},
               {RDI, STATUS_BAD_CAPABILITY, NOT_A_SELECTOR},
               {RSI, STATUS_BAD_PARAMETER, ANY_BIT},
               {RDX, STATUS_BAD_PARAMETER, ANY_BIT}}},
    {"POOL_INFO",
     {.rax = SYSCALL_CONTROL, .rdi = E_POOR, .rsi = POOL_INFO},
     .masks = {{RSI, STATUS_BAD_PARAMETER, ANY_BIT}}},
    {"EC_EVENTS",
     {.rax = SYSCALL_CONTROL, .rdi = E_EC, .rsi = EC_EVENTS, .rdx = EVENTS},
     .masks = {{RSI, STATUS_BAD_PARAMETER, ~7ull}, {RDX, STATUS_BAD_PARAMETER, NOT_A_SELECTOR}}},
    {"EC_SUPERVISOR",
     {.rax = SYSCALL_CONTROL, .rdi = E_EC, .rsi = EC_SUPERVISOR, .rdx = E_SM},
     .only_refused = true,
     .masks = {{RDX, STATUS_BAD_CAPABILITY, NOT_A_SELECTOR}}},
    {"EC_RECALL",
     {.rax = SYSCALL_CONTROL, .rdi = E_EC, .rsi = EC_RECALL},
     .masks = {{RDX, STATUS_BAD_PARAMETER, ANY_BIT}}},
    {"EC_RESUME",
     {.rax = SYSCALL_CONTROL, .rdi = E_EC, .rsi = EC_RESUME},
     .only_refused = true,
     .masks = {{RDX, STATUS_BAD_PARAMETER, ANY_BIT}}},
    {"EC_READ",
     {.rax = SYSCALL_CONTROL, .rdi = E_EC, .rsi = EC_READ},
     .masks = {{RDX, STATUS_BAD_PARAMETER, ANY_BIT}}},
    {"EC_SET",
     {.rax = SYSCALL_CONTROL, .rdi = E_EC, .rsi = EC_SET},
     .masks = {{RDX, STATUS_BAD_PARAMETER, ANY_BIT}}},
    {"SC_TIME",
     {.rax = SYSCALL_CONTROL, .rdi = SELECTOR_SC, .rsi = SC_TIME},
     .masks = {{RSI, STATUS_BAD_PARAMETER, ANY_BIT}}},
    {"CPU_INFO",
     {.rax = SYSCALL_CONTROL, .rdi = SELECTOR_CPUS, .rsi = CPU_INFO},
     .masks = {{RSI, STATUS_BAD_PARAMETER, ANY_BIT}}},
    {"PLATFORM_TRACE",
     {.rax = SYSCALL_CONTROL, .rdi = SELECTOR_PLATFORM, .rsi = PLATFORM_TRACE},
     .masks = {{RSI, STATUS_BAD_PARAMETER, ~1ull}, {RDX, STATUS_BAD_PARAMETER, ~1ull}}},
    {"PLATFORM_POWER_OFF",
     {.rax = SYSCALL_CONTROL, .rdi = SELECTOR_PLATFORM, .rsi = PLATFORM_POWER_OFF, .rdx = 1},
     .only_refused = true,
     .masks = {{RSI, STATUS_BAD_PARAMETER, ~1ull}, {RDX, STATUS_BAD_PARAMETER, ~0xffull}}},
    {"PORTS_OPEN",
     {.rax = SYSCALL_CONTROL,
      .rdi = E_PORTS,
      .rsi = PORTS_OPEN,
      .rdx = SELECTOR_PD,
      .r8 = 0,
      .r9 = 1},
     {.rax = SYSCALL_CONTROL, .rdi = E_PORTS, .rsi = PORTS_CLOSE, .rdx = SELECTOR_PD},
     .masks = {{RSI, STATUS_BAD_PARAMETER, ~1ull},
               {RDX, STATUS_BAD_CAPABILITY, NOT_A_SELECTOR},
               {R8, STATUS_BAD_PARAMETER, ANY_BIT},
               {R9, STATUS_BAD_PARAMETER, ANY_BIT}}},
    {"PORTS_CLOSE",
     {.rax = SYSCALL_CONTROL,
      .rdi = SELECTOR_PORTS,
      .rsi = PORTS_CLOSE,
      .rdx = SELECTOR_PD,
      .r8 = UART_BASE},
     .only_refused = true,
     .masks = {{RDX, STATUS_BAD_CAPABILITY, NOT_A_SELECTOR},
               {R8, STATUS_BAD_PARAMETER, ANY_BIT},
               {R9, STATUS_BAD_PARAMETER, ANY_BIT}}},
    {"IRQ_BIND",
     {.rax = SYSCALL_CONTROL, .rdi = E_IRQ, .rsi = IRQ_BIND, .rdx = 0, .r8 = E_SM},
     {.rax = SYSCALL_CONTROL, .rdi = E_IRQ, .rsi = IRQ_UNBIND},
     .masks = {{RSI, STATUS_BAD_PARAMETER, ANY_BIT},
               {RDX, STATUS_BAD_PARAMETER, ANY_BIT},
               {R8, STATUS_BAD_CAPABILITY, NOT_A_SELECTOR},
               {R9, STATUS_BAD_PARAMETER, NOT_A_CPU & ~(IRQ_LEVEL | IRQ_LOW)}}},
    {"PCI_BIND",
     {.rax = SYSCALL_CONTROL, .rdi = E_PCI, .rsi = PCI_BIND, .rdx = 0, .r8 = E_SM},
     .only_refused = true,
     .masks = {{RSI, STATUS_BAD_PARAMETER, ANY_BIT},
               {RDX, STATUS_BAD_PARAMETER, ANY_BIT},
               {R8, STATUS_BAD_CAPABILITY, NOT_A_SELECTOR},
               {R9, STATUS_BAD_PARAMETER, NOT_A_CPU}}},
};

static uint64_t *register_at(struct system_registers *r, enum argument argument)
{
    uint64_t *const places[] = {&r->rax, &r->rdi, &r->rsi, &r->rdx, &r->r8, &r->r9, &r->r10};

    return places[argument];
}

/* How many of the bits are not refused as they must be. */
static unsigned bits_check(const struct good *good, const struct mask *mask)
{
    unsigned wrong = 0;

    for (unsigned bit = 0; bit < 64; bit++) {
        struct system_registers r = good->r;

        if (!(mask->bits >> bit & 1)) {
            continue;
        }
        *register_at(&r, mask->argument) ^= 1ull << bit;
        enum status status = stage_call(r);
        if (status != mask->status && !wrong++) {
            tap_comment();
            print("register %u, bit %u: status %u\n", (unsigned)mask->argument, bit,
                  (unsigned)status);
        }
    }
    return wrong;
}

static void check(const struct good *good)
{
    uint64_t before = world_free();
    unsigned wrong = 0;

    for (unsigned i = 0; i < MASKS; i++) {
        wrong += bits_check(good, &good->masks[i]);
    }
    wrong += capability_lookup(E_NONE).status != STATUS_BAD_CAPABILITY;
    wrong += world_free() != before;
    if (!good->only_refused) { /* but for those bits it is good */
        wrong += stage_call(good->r) != STATUS_SUCCESS;
        wrong += good->undo.rax && stage_call(good->undo) != STATUS_SUCCESS;
    }
    tap_equal(wrong, 0, good->name);
}

/* The kernel keeps opened ports like mappings, each at the address of a page that there is not. */
static void check_port(void)
{
    tap_equal(ports_open(E_PORTS, SELECTOR_PD, 0, 1), STATUS_SUCCESS, "a port is opened");
    tap_equal(memory_unmap(SELECTOR_PD, PORTS_ADDRESS + E_PORT * PAGE), STATUS_BAD_PARAMETER,
              "UNMAP does not close it");
    tap_equal(ports_close(E_PORTS, SELECTOR_PD, 0), STATUS_SUCCESS, "it was open");
}

static void serve(struct handler *self, struct message *m)
{
    (void)self;
    m->length = 0;
}

void suite_reserved(const struct machine *m)
{
    if (!world_open(m)) {
        return;
    }
    uint64_t before = world_free();
    if (stage_open(m) && tap_ok(actor_serve(0, SELECTOR_PD, serve, NULL), "a handler")) {
        for (unsigned i = 0; i < sizeof(goods) / sizeof(goods[0]); i++) {
            check(&goods[i]);
        }
        check_port();
        tap_ok(actor_end(0), "the handler goes");
    }
    stage_close();
    world_balance(before);
}
