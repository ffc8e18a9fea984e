/*
 * Exits of a guest to a bare monitor in user mode and back, and what else a monitor does. The guest
 * marks its paths itself (guest.S). It belongs to a VCPU of this CPU that is less urgent than the
 * thread that measures; between two repetitions it is halted, and its handler waits.
 */
#include "bench.h"
#include "guest_paths.h"
#include "vcpu_state.h"

/* Selectors: of each guest, and what they share. */
enum {
    VM = 320,
    VCPU,
    VCPU_MEM,
    VCPU_TIME,
    BARE,        /* the monitor in assembly, */
    BARE_PORTAL, /* for exits that it knows; */
    IDLE,        /* the one in C, for those that */
    IDLE_PORTAL, /* end a path, or begin */
    GO,          /* semaphores */
    EACH = 16,   /* selectors of a guest */
    DONE = VM + 2 * EACH,
};

_Static_assert(offsetof(struct vcpu_state, injection) == INJECTION, "guest_paths.h");
_Static_assert(STATE_INJECTION == GROUP_INJECTION, "guest_paths.h");
_Static_assert(GROUPS_ALL == (STATE_ALL & ~STATE_XSAVE), "guest_paths.h");

extern const char monitor_entry[];
extern const char guest_begin[], guest_end[], guest_handler[];
extern const char guest_vmcall[], guest_vmmcall[], guest_cpuid[], guest_out[], guest_mmio[],
    guest_all[], guest_touch[], guest_inject[], guest_leave[], guest_spin[], guest_wake[];

#define GUEST_MEMORY  0x14000000ull /* where this program has it, */
#define GUEST_PAGES   0x15000000ull /* and the VCPUs' pages */
#define MONITOR_STACK 4096u
#define FLAT_LIMIT    0xffffffffu

struct guest {
    struct handler handler;           /* of STARTUP, HLT, and a first touch */
    volatile struct vcpu_state *page; /* of its VCPU */
    uint32_t base;                    /* of its selectors */
    const char *next;                 /* path to be taken */
    uint8_t stack[MONITOR_STACK] __attribute__((aligned(16)));
};

static struct guest guests[2];

static volatile uint32_t *guest_memory(uint64_t gpa)
{
    return (volatile uint32_t *)(GUEST_MEMORY + gpa);
}

static struct vcpu_segment flat(uint16_t selector, uint16_t attributes)
{
    return (struct vcpu_segment){selector, attributes, FLAT_LIMIT, 0};
}

/* 32-bit protected mode, flat, without paging; interrupts off. */
static void state_begin(volatile struct vcpu_state *page)
{
    struct vcpu_segment data = flat(0x10, 0xc93);

    page->cs = flat(0x08, 0xc9b);
    page->ss = page->ds = page->es = page->fs = page->gs = data;
    page->tr = (struct vcpu_segment){0x18, 0x8b, 0x67, 0};
    page->gdtr = (struct vcpu_segment){.limit = 0x17, .base = GUEST_GDT};
    page->idtr = (struct vcpu_segment){.limit = 0x7ff, .base = GUEST_IDT};
    page->cr0 = 0x31; /* PE, ET, NE */
    page->rsp = GUEST_STACK;
    page->rflags = 2;
    page->msrs = MSR_PASS_ALL;
}

static uint32_t gpa_of(const char *code)
{
    return GUEST_CODE + (uint32_t)(code - guest_begin);
}

static void touch(struct guest *guest)
{
    struct map map = {
        .address = GUEST_NOTHING, .count = 1, .rights = MEM_RIGHT_READ | MEM_RIGHT_WRITE};

    require(memory_map(PAGE, guest->base, &map).status, "a page for the guest");
}

/* Exits that begin or end a path; and the first touch of a page, which this one backs. */
static void idle(struct handler *self, struct message *message)
{
    struct guest *guest = self->argument;
    uint64_t groups = STATE_RIP;

    message->length = 1;
    message->word[0] = 0;
    if (guest->page->reason == EXIT_GPA) {
        touch(guest);
        return;
    }
    if (guest->page->reason == EXIT_STARTUP) {
        state_begin(guest->page);
        groups = STATE_ALL & ~STATE_XSAVE;
    } else if (guest->next != guest_leave) {
        require(semaphore_up(DONE), "the end of a path");
    }
    require(semaphore_down(guest->base + (GO - VM), 0, 0), "the next path");
    guest->page->rip = gpa_of(guest->next);
    guest->page->rflags = 2;
    message->word[0] = groups | STATE_RFLAGS;
}

static void start(unsigned index, const char *path)
{
    guests[index].next = path;
    require(semaphore_up(guests[index].base + (GO - VM)), "the guest");
}

static void run_path(uint64_t path)
{
    start(0, (const char *)path);
    require(semaphore_down(DONE, 0, 0), "the guest's path");
    probe_before = *guest_memory(GUEST_BEFORE);
    probe_after = *guest_memory(GUEST_AFTER);
}

static void bind(const struct guest *guest, uint32_t reason, uint32_t portal, uint32_t groups)
{
    require(vcpu_bind(guest->base + (VCPU - VM), reason, guest->base + portal - VM, groups).status,
            "an exit's portal");
}

static void run_touch(uint64_t path)
{
    bind(&guests[0], EXIT_GPA, IDLE_PORTAL, 0);
    run_path(path);
    require(memory_unmap(guests[0].base, GUEST_NOTHING), "taking the page back");
    bind(&guests[0], EXIT_GPA, BARE_PORTAL, 0);
}

/* The second guest is less urgent: it spins, and goes on when the first one halts. */
static void run_leave(uint64_t path)
{
    start(1, guest_spin);
    bench_pause();
    start(0, (const char *)path);
    require(semaphore_down(DONE, 0, 0), "the second guest's path");
    probe_before = *guest_memory(GUEST_BEFORE);
    probe_after = *guest_memory(GUEST_AFTER);
}

static void run_wake(uint64_t path)
{
    bench_pause();
    guests[0].next = (const char *)path;
    probe_begin();
    enum status status = semaphore_up(guests[0].base + (GO - VM));
    probe_end();
    require(status, "the guest");
    require(semaphore_down(DONE, 0, 0), "the guest's path");
}

/* Code, descriptors of flat segments, and one gate. */
static void memory_fill(void)
{
    static const uint32_t gdt[] = {0, 0, 0xffff, 0xcf9b00, 0xffff, 0xcf9300};
    struct map map = {.address = GUEST_MEMORY,
                      .count = GUEST_BYTES / PAGE_BYTES,
                      .rights = MEM_RIGHT_READ | MEM_RIGHT_WRITE};
    uint32_t handler = gpa_of(guest_handler);

    require(memory_map(BLOCK, SELECTOR_PD, &map).status, "the guests' memory");
    for (const char *from = guest_begin; from < guest_end; from++) {
        ((volatile char *)guest_memory(GUEST_CODE))[from - guest_begin] = *from;
    }
    for (unsigned i = 0; i < sizeof(gdt) / sizeof(gdt[0]); i++) {
        guest_memory(GUEST_GDT)[i] = gdt[i];
    }
    volatile uint32_t *gate = guest_memory(GUEST_IDT + 8ull * GUEST_VECTOR);
    gate[0] = 0x08 << 16 | (handler & 0xffff);
    gate[1] = (handler & 0xffff0000) | 0x8e00;
}

static void handlers_make(struct guest *guest, unsigned index, uint32_t cpu)
{
    struct place place = {.pool = SELECTOR_POOL,
                          .domain = SELECTOR_PD,
                          .cpu = cpu,
                          .stack_end = guest->stack + MONITOR_STACK,
                          .utcb = UTCBS + (16 + 2 * index) * PAGE_BYTES};
    uint32_t bare = guest->base + (BARE - VM);

    guest->handler =
        (struct handler){.context = guest->base + (IDLE - VM), .handle = idle, .argument = guest};
    require(handler_start(&guest->handler, &place).status, "a handler");
    require(portal_create(bare + (IDLE_PORTAL - BARE), SELECTOR_POOL, guest->handler.context,
                          (uint64_t)guest->page)
                .status,
            "a portal");
    require(context_create(bare, SELECTOR_POOL, SELECTOR_PD, (uint64_t)monitor_entry, 0,
                           place.utcb + PAGE_BYTES, cpu)
                .status,
            "the monitor");
    require(portal_create(bare + (BARE_PORTAL - BARE), SELECTOR_POOL, bare, (uint64_t)guest->page)
                .status,
            "a portal");
    for (uint32_t reason = 0; reason < EXIT_COUNT; reason++) {
        bind(guest, reason, BARE_PORTAL, 0);
    }
    bind(guest, EXIT_STARTUP, IDLE_PORTAL, 0);
    bind(guest, EXIT_HLT, IDLE_PORTAL, 0);
    bind(guest, EXIT_PMC, BARE_PORTAL, GROUPS_ALL);
}

/* All guests see the same memory. */
static void guest_make(unsigned index, uint8_t priority, uint32_t cpu)
{
    struct guest *guest = &guests[index];
    uint32_t base = VM + index * EACH, vcpu = base + (VCPU - VM), page = base + (VCPU_MEM - VM);
    struct map memory = {.count = GUEST_BYTES / PAGE_BYTES,
                         .rights = MEM_RIGHT_READ | MEM_RIGHT_WRITE | MEM_RIGHT_EXECUTE};
    struct map map = {.address = GUEST_PAGES + index * PAGE_BYTES,
                      .count = 1,
                      .rights = MEM_RIGHT_READ | MEM_RIGHT_WRITE};
    struct schedule schedule = {.cpu = SELECTOR_CPUS + cpu,
                                .priority = priority,
                                .budget = bench_tsc_hz,
                                .period = bench_tsc_hz};

    guest->base = base;
    guest->page = (volatile struct vcpu_state *)map.address;
    require(vm_create(base, SELECTOR_POOL).status, "a VM");
    require(memory_map(BLOCK, base, &memory).status, "its memory");
    require(vcpu_create(vcpu, SELECTOR_POOL, base, cpu).status, "a VCPU");
    require(vcpu_page(vcpu, page).status, "its page");
    require(memory_map(page, SELECTOR_PD, &map).status, "its page's mapping");
    require(semaphore_create(base + (GO - VM), SELECTOR_POOL, 0).status, "a semaphore");
    handlers_make(guest, index, cpu);
    require(time_create(base + (VCPU_TIME - VM), SELECTOR_POOL, vcpu, &schedule).status,
            "its time");
}

#define GUEST_PATH(name, code, run)                \
    {                                              \
        "guest." name, NULL, run, (uint64_t)(code) \
    }

static const struct path paths_svm[] = {
    GUEST_PATH("hypercall", guest_vmmcall, run_path),
    {0},
};

static const struct path paths_vmx[] = {
    GUEST_PATH("hypercall", guest_vmcall, run_path),
    {0},
};

static const struct path paths[] = {
    GUEST_PATH("cpuid", guest_cpuid, run_path),   GUEST_PATH("port", guest_out, run_path),
    GUEST_PATH("mmio", guest_mmio, run_path),     GUEST_PATH("all-state", guest_all, run_path),
    GUEST_PATH("inject", guest_inject, run_path), GUEST_PATH("first-touch", guest_touch, run_touch),
    GUEST_PATH("switch", guest_leave, run_leave), {0},
};

void measure_guests(bool svm)
{
    require(semaphore_create(DONE, SELECTOR_POOL, 0).status, "a semaphore");
    memory_fill();
    guest_make(0, BENCH_PRIORITY - 16, 0);
    guest_make(1, BENCH_PRIORITY - 32, 0);
    paths_measure(svm ? paths_svm : paths_vmx);
    paths_measure(paths);
}

static const struct path paths_wake[] = {
    {"guest.wake.cross-cpu", NULL, run_wake, (uint64_t)guest_wake},
    {0},
};

void measure_guest_wake(void)
{
    require(semaphore_create(DONE, SELECTOR_POOL, 0).status, "a semaphore");
    memory_fill();
    guest_make(0, BENCH_PRIORITY, 1);
    paths_measure(paths_wake);
}
