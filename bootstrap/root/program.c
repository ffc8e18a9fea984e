/*
 * The life of a program's domain. Its memory is one piece: in front what root fills (the image),
 * then what is deposited in its pool, then what is its own.
 */
#include "program.h"

#include "build.h"
#include "environment_make.h"
#include "held.h"
#include "memory.h"
#include "sessions.h"

#define SELF(p, which) program_selector((p), (which))

static const struct conf_resource *ram_of(const struct program *p)
{
    for (uint32_t i = 0; i < p->conf->resources; i++)
        if (p->conf->resource[i].kind == CONF_RAM)
            return &p->conf->resource[i];
    return NULL;
}

static uint64_t ram_size(const struct program *p)
{
    const struct conf_resource *ram = ram_of(p);

    return ram ? ram->count : 0;
}

/* Who wants most of it and has none yet; NULL: all have. */
static struct program *next_without(bool ram)
{
    struct program *next = NULL;
    uint64_t most = 0;

    for (uint32_t i = 0; i < root.conf.programs; i++) {
        struct program *p = &root.program[i];
        uint64_t size = ram ? ram_size(p) : p->conf->memory;
        if ((ram ? p->has_ram : p->has_memory) || size <= most)
            continue;
        next = p;
        most = size;
    }
    return next;
}

static bool none_left(struct conf_fault *fault, const struct program *p, uint32_t line,
                      const char *what)
{
    return conf_wrong(fault, line, "%s: expected %s of at most %lu KiB, the largest piece left",
                      p->conf->name.text, what, memory_largest() >> 10);
}

bool programs_take_memory(struct conf_fault *fault)
{
    for (struct program *p; (p = next_without(true)); p->has_ram = true)
        if (!memory_reserve_ram(SELF(p, PROGRAM_RAM), ram_size(p), &p->ram_base))
            return none_left(fault, p, ram_of(p)->line, "ram");
    for (struct program *p; (p = next_without(false)); p->has_memory = true)
        if (!memory_reserve(SELF(p, PROGRAM_MEMORY), p->conf->memory, &p->memory_base))
            return none_left(fault, p, p->conf->line, "memory");
    return true;
}

/* The first time it is cleared. */
static bool memory_have(struct building *b)
{
    struct program *p = b->program;

    if (p->memory_size)
        return true;
    if (!memory_clear(SELF(p, PROGRAM_MEMORY), p->conf->memory, p->memory_base))
        return building_fails(b, "memory", STATUS_NEEDS_FRAMES);
    p->memory_size = p->conf->memory;
    return true;
}

static bool part_make(struct building *b, uint32_t selector, uint64_t offset, uint64_t size)
{
    struct answer a;

    WITH_FUNDS(
        &root.funds, a,
        memory_create(selector, SELECTOR_POOL, SELF(b->program, PROGRAM_MEMORY), offset, size, 0));
    return a.status == STATUS_SUCCESS || building_fails(b, "part of its memory", a.status);
}

static bool image_make(struct building *b)
{
    struct program *p = b->program;

    if (b->image_size >= p->memory_size)
        return building_fails(b, "memory, which is too little", STATUS_NEEDS_FRAMES);
    selectors_open(&p->deposits, SELF(p, PROGRAM_DEPOSITS), FUNDS_DEPOSITS);
    p->funds = (struct funds){.pool = SELF(p, PROGRAM_POOL),
                              .bank = SELECTOR_POOL,
                              .memory = SELF(p, PROGRAM_MEMORY),
                              .offset = b->image_size,
                              .end = p->memory_size,
                              .selectors = &p->deposits};
    return part_make(b, SELF(p, PROGRAM_IMAGE), 0, b->image_size);
}

#define BANK_FRAMES 2u /* the pool, and records of what the program deposits in that */

static enum status pools_make(struct program *p)
{
    struct answer a;

    WITH_FUNDS(&root.funds, a, pool_create(SELF(p, PROGRAM_BANK), SELECTOR_POOL));
    if (a.status != STATUS_SUCCESS)
        return a.status;
    p->funds.pool = SELF(p, PROGRAM_BANK);
    a.status = funds_deposit(&p->funds, BANK_FRAMES);
    if (a.status == STATUS_SUCCESS)
        WITH_FUNDS(&p->funds, a, pool_create(SELF(p, PROGRAM_POOL), SELF(p, PROGRAM_BANK)));
    p->funds.pool = SELF(p, PROGRAM_POOL);
    return a.status;
}

static bool domain_make(struct building *b)
{
    struct program *p = b->program;
    struct answer a = {pools_make(p), 0};

    if (a.status == STATUS_SUCCESS)
        WITH_FUNDS(&p->funds, a, domain_create(SELF(p, PROGRAM_PD), SELF(p, PROGRAM_POOL)));
    if (a.status == STATUS_SUCCESS)
        WITH_FUNDS(&p->funds, a,
                   semaphore_create(SELF(p, PROGRAM_NOTICE), SELF(p, PROGRAM_POOL), 0));
    return a.status == STATUS_SUCCESS || building_fails(b, "domain", a.status);
}

/* Its main thread, without time yet, which tells root if it stops. */
static bool context_make(struct building *b)
{
    struct program *p = b->program;
    struct answer a;

    WITH_FUNDS(&p->funds, a,
               context_create(SELF(p, PROGRAM_EC), SELF(p, PROGRAM_POOL), SELF(p, PROGRAM_PD),
                              b->elf.entry, b->rsp, PROCESS_UTCB, p->conf->cpu));
    if (a.status == STATUS_SUCCESS)
        a.status = context_supervise(SELF(p, PROGRAM_EC), cpu_selector(p->conf->cpu, CPU_TROUBLE));
    return a.status == STATUS_SUCCESS || building_fails(b, "main thread", a.status);
}

/* The time from which its share is reckoned. */
#define PERIOD_MS 100u

/*
 * Of a share that is limited, the main thread has so much; the rest is for further threads on its
 * CPU, which could have no time otherwise.
 */
static uint64_t budget_of(const struct conf_program *conf, uint64_t period)
{
    return conf->cpu_share ? period * conf->cpu_share / 100 * 3 / 4 : period;
}

static bool time_make(struct building *b)
{
    struct program *p = b->program;
    uint64_t period = PERIOD_MS * root.millisecond;
    struct schedule schedule = {
        .cpu = SELF(p, PROGRAM_CPUS + p->conf->cpu),
        .priority = p->conf->priority,
        .budget = budget_of(p->conf, period),
        .period = period,
    };
    struct answer a;

    WITH_FUNDS(
        &p->funds, a,
        time_create(SELF(p, PROGRAM_SC), SELF(p, PROGRAM_POOL), SELF(p, PROGRAM_EC), &schedule));
    if (a.status == STATUS_SUCCESS)
        a.status = held_give(p, PROCESS_SC, SELF(p, PROGRAM_SC), SC_RIGHT_READ);
    return a.status == STATUS_SUCCESS || building_fails(b, "time", a.status);
}

/* What every program finds at the same selectors (process.h). */
static bool common_give(struct building *b)
{
    struct program *p = b->program;
    const struct {
        uint32_t there, selector, rights;
    } common[] = {
        {PROCESS_PD, SELF(p, PROGRAM_PD), PD_RIGHT_MAP | PD_RIGHT_CREATE},
        {PROCESS_EC, SELF(p, PROGRAM_EC), EC_RIGHT_CONTROL | EC_RIGHT_STATE | EC_RIGHT_PORTAL},
        {PROCESS_POOL, SELF(p, PROGRAM_POOL), POOL_RIGHT_USE | POOL_RIGHT_DEPOSIT},
        {PROCESS_BANK, SELF(p, PROGRAM_BANK), POOL_RIGHT_USE},
        {PROCESS_NOTICE, SELF(p, PROGRAM_NOTICE), SM_RIGHT_UP | SM_RIGHT_DOWN},
    };
    enum status status = STATUS_SUCCESS;

    for (unsigned i = 0; i < sizeof(common) / sizeof(common[0]) && status == STATUS_SUCCESS; i++)
        status = held_give(p, common[i].there, common[i].selector, common[i].rights);
    return status == STATUS_SUCCESS || building_fails(b, "capability", status);
}

#define SPARE_FRAMES 2u /* without any, a program could not even have a selector for a deposit */

/* All that is left, but for a frame that its time may need: root deposits nothing after that. */
static bool own_give(struct building *b)
{
    struct program *p = b->program;
    enum status spare = funds_deposit(&p->funds, SPARE_FRAMES);
    uint64_t offset = p->funds.offset + PAGE;

    if (spare != STATUS_SUCCESS)
        return building_fails(b, "memory, which is too little", spare);

    if (offset >= p->memory_size ||
        !part_make(b, SELF(p, PROGRAM_OWN), offset, p->memory_size - offset))
        return building_fails(b, "memory, which is too little", STATUS_NEEDS_FRAMES);
    p->funds.end = offset;
    enum status status = held_give(p, PROCESS_MEMORY, SELF(p, PROGRAM_OWN),
                                   MEM_RIGHT_READ | MEM_RIGHT_WRITE | MEM_RIGHT_DIVIDE);
    b->environment->memory_size = p->memory_size - offset;
    return status == STATUS_SUCCESS || building_fails(b, "memory of its own", status);
}

/* Its time last: it runs from then on. */
static bool build(struct building *b)
{
    struct program *p = b->program;

    if (!image_make(b) || !domain_make(b) || !image_fill(b) || !image_map(b) || !sessions_map(b) ||
        !context_make(b) || !common_give(b) || !own_give(b) || !time_make(b))
        return false;
    enum status status = pages_map(&root.funds, SELF(p, PROGRAM_IMAGE), SELECTOR_PD,
                                   WINDOW_NOTICES + program_index(p) * PAGE, b->notices_offset,
                                   PAGE, MEM_RIGHT_READ | MEM_RIGHT_WRITE);
    if (status != STATUS_SUCCESS)
        return building_fails(b, "notices", status);
    p->since = tsc_read();
    p->due = p->conf->heartbeat ? p->since + 2ull * p->conf->heartbeat * root.millisecond : 0;
    p->state = PROGRAM_RUNNING;
    sessions_connect(p);
    return true;
}

bool program_start(struct program *p, struct program_fault *fault)
{
    struct building b = {.program = p, .fault = fault};

    *fault = (struct program_fault){0};
    if (!memory_have(&b) || !image_open(&b))
        return false;
    told_open(&p->told, ++p->instance);
    program_tell_text(p); /* of the last instance, which was told nobody */
    bool built = build(&b);
    image_close(&b);
    if (!built)
        program_stop(p);
    return built;
}

/* What the program's pool did not pay for. */
static void parts_destroy(struct program *p)
{
    for (uint32_t cpu = 0; cpu < root.cpus; cpu++)
        if (p->conf->cpus >> cpu & 1)
            (void)object_destroy(SELF(p, PROGRAM_CPUS + cpu));
    (void)object_destroy(SELF(p, PROGRAM_OWN));
    for (; p->funds.deposits; p->funds.deposits--)
        (void)object_destroy(p->funds.deposit[p->funds.deposits - 1]);
    (void)object_destroy(SELF(p, PROGRAM_IMAGE));
}

void program_stop(struct program *p)
{
    p->state = PROGRAM_STOPPED;
    if (told_close(&p->told) & TOLD_FAULT) /* from now on nobody leaves word for it */
        stopped_release(p);
    sessions_disconnect(p);
    (void)object_destroy(SELF(p, PROGRAM_BANK));
    parts_destroy(p);
    p->held_count = 0;
}
