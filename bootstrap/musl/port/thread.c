/*
 * Threads: an EC and an SC each, a semaphore to wait in, and a UTCB in a page of the address space.
 * Stack and thread-local storage are musl's affair, which maps and unmaps them.
 *
 * A thread cannot destroy its own EC. When it ends it leaves its stack, tells who waits for it,
 * and rests in state PORT_THREAD_OVER; the next thread that is made or joined, or that ends, clears
 * it away. So at most the last one of those that ended is still there.
 */
#include <errno.h>
#include <stdint.h>

#include "cairn/threads.h"
#include "calls.h"
#include "root_calls.h"
#include "selectors.h"
#include "thread.h"

#define THREADS (ROOT_THREADS + 1u) /* of which the first is the main thread */

#define SELECTORS_OF_THREAD 3u /* EC, SC, semaphore */

/* Periods in a second, in which a thread has its share. */
#define PERIODS 100u

/* Without a wish and without the right to all of it, a thread has this part of a CPU's share. */
#define SHARES 16u

/* Where musl keeps the pointer to the record, in bytes from the thread pointer: `sysinfo`. */
#define RECORD_PLACE 32u

extern const char port_thread_enter[], port_handler_enter[];
_Noreturn void port_thread_leave(struct port_thread *self, void *base, size_t size);

long cairn_thread_clone(int (*run)(void *), void *stack, void *argument, int *tid, void *tls,
                        volatile int *cleared);
_Noreturn void cairn_thread_leave(void *base, size_t size);
void *cairn_thread_main(void);
_Noreturn void port_thread_begin(struct port_thread *self);
_Noreturn void port_thread_finish(struct port_thread *self, void *base, size_t size);

static struct port_thread threads[THREADS];
static uint64_t time_gone; /* TSC ticks of threads that were cleared away */

_Static_assert(offsetof(struct port_thread, utcb) == 0, "enter.S");
_Static_assert(offsetof(struct port_thread, tls) == 8, "enter.S");
_Static_assert(offsetof(struct utcb, item) == 3904, "enter.S");
_Static_assert(sizeof(threads[0].after) > RECORD_PLACE, "the record is within");

struct port_thread *port_self(void)
{
    uint64_t base;
    struct port_thread *self;

    __asm__("rdfsbase %0" : "=r"(base));
    if (!base)
        return &threads[0]; /* musl has not begun */
    __asm__("mov %%fs:%c1, %0" : "=r"(self) : "i"(RECORD_PLACE));
    return self ? self : &threads[0];
}

void *cairn_thread_main(void)
{
    return &threads[0];
}

long port_thread_number(const struct port_thread *thread)
{
    return thread - threads + 1;
}

static uint32_t state_of(const struct port_thread *thread)
{
    return __atomic_load_n(&thread->state, __ATOMIC_ACQUIRE);
}

struct port_thread *port_thread_of(long tid)
{
    if (tid < 1 || tid > (long)THREADS || state_of(&threads[tid - 1]) != PORT_THREAD_LIVES)
        return NULL;
    return &threads[tid - 1];
}

bool port_is_alone(void)
{
    for (unsigned i = 1; i < THREADS; i++)
        if (state_of(&threads[i]) == PORT_THREAD_LIVES)
            return false;
    return true;
}

/* What handlers use is their callers' time. */
static uint64_t time_of(const struct port_thread *thread)
{
    struct answer a = time_consumed(thread->time);

    return a.status == STATUS_SUCCESS && !thread->handler ? a.value : 0;
}

uint64_t port_threads_time(void)
{
    port_lock(PORT_LOCK_RESOURCES);
    uint64_t sum = time_gone;
    for (unsigned i = 0; i < THREADS; i++)
        if (state_of(&threads[i]) != PORT_THREAD_NONE)
            sum += time_of(&threads[i]);
    port_unlock(PORT_LOCK_RESOURCES);
    return sum;
}

void port_main_thread_open(const struct environment *environment)
{
    threads[0] = (struct port_thread){.utcb = (struct utcb *)PROCESS_UTCB,
                                      .state = PORT_THREAD_LIVES,
                                      .context = PROCESS_EC,
                                      .time = PROCESS_SC,
                                      .cpu = environment->cpu};
}

bool port_main_thread_ready(void)
{
    struct answer a;

    threads[0].sleep = port_selectors_take(1);
    if (threads[0].sleep == SELECTOR_NONE)
        return false;
    PORT_WITH_FUNDS(a, semaphore_create(threads[0].sleep, PROCESS_POOL, 0));
    return a.status == STATUS_SUCCESS;
}

/* All of it that is there goes; what is not there is refused, which changes nothing. */
static void clear_away(struct port_thread *t)
{
    time_gone += time_of(t);
    (void)object_destroy(t->time);
    (void)object_destroy(t->context);
    (void)object_destroy(t->sleep);
    port_selectors_give(t->context, SELECTORS_OF_THREAD);
    port_place_give((uint64_t)t->utcb, 1);
    __atomic_store_n(&t->state, PORT_THREAD_NONE, __ATOMIC_RELEASE);
}

void port_threads_clear(void)
{
    for (unsigned i = 1; i < THREADS; i++)
        if (state_of(&threads[i]) == PORT_THREAD_OVER)
            clear_away(&threads[i]);
}

static struct port_thread *record_find(void)
{
    for (unsigned i = 1; i < THREADS; i++)
        if (state_of(&threads[i]) == PORT_THREAD_NONE)
            return &threads[i];
    return NULL;
}

/* The CPU's time as the program has it: all of its share. */
static uint64_t share_of_cpu(uint32_t cpu, uint64_t *available)
{
    struct system_registers r = {
        .rax = SYSCALL_CONTROL, .rdi = PROCESS_CPUS + cpu, .rsi = CPU_INFO};

    system_plain(&r);
    *available = r.rdx;
    return r.rax == STATUS_SUCCESS ? r.r8 : 0;
}

static struct schedule schedule_of(const struct port_thread *t, uint32_t wish)
{
    const struct environment *environment = ENVIRONMENT;
    uint32_t rights = capability_lookup(PROCESS_CPUS + t->cpu).rights;
    uint64_t period = environment->tsc_hz / PERIODS, available;
    struct schedule s = {.cpu = PROCESS_CPUS + t->cpu,
                         .priority = (uint8_t)environment->priority,
                         .reserve = t->handler,
                         .budget = period,
                         .period = period};

    if (wish || !(rights & CPU_RIGHT_UNLIMITED)) {
        uint64_t whole = share_of_cpu(t->cpu, &available), share = wish ? wish : whole / SHARES;
        s.budget = period * share / CPU_SHARE_ALL; /* shares are rounded up: never more than this */
    }
    return s;
}

/* Arguments and first instruction of a new thread, on its stack. */
static uint64_t stack_prepare(struct port_thread *t, void *stack)
{
    void **top = (void **)((uintptr_t)stack & ~(uintptr_t)15) - 2;

    top[0] = t->handler ? (void *)t->handler : (void *)t;
    top[1] = t->tls;
    *(struct port_thread **)((char *)t->tls + RECORD_PLACE) = t;
    return (uint64_t)top;
}

/* Root will tell if it stops, and knows where it is. */
static bool supervise(struct port_thread *t)
{
    const struct port_request request = {.operation = ROOT_THREAD,
                                         .selector = t->context,
                                         .rights = EC_RIGHT_STATE | EC_RIGHT_CONTROL};
    uint64_t place = 0;

    if (context_supervise(t->context, PROCESS_TROUBLE + t->cpu) != STATUS_SUCCESS ||
        port_root_call(&request, &place) != ROOT_DONE)
        return false;
    t->place = (uint32_t)place;
    return true;
}

static void unsupervise(const struct port_thread *t)
{
    const struct port_request request = {.operation = ROOT_THREAD_END, .word = t->place};

    (void)port_root_call(&request, NULL);
}

/* The objects of a thread, its time last: it runs from then on. */
static bool objects_make(struct port_thread *t, void *stack, uint32_t share)
{
    const char *entry = t->handler ? port_handler_enter : port_thread_enter;
    const struct schedule schedule = schedule_of(t, share);
    uint64_t rsp = stack_prepare(t, stack);
    struct answer a;

    PORT_WITH_FUNDS(a, context_create(t->context, PROCESS_POOL, PROCESS_PD, (uint64_t)entry, rsp,
                                      (uint64_t)t->utcb, t->cpu));
    if (a.status != STATUS_SUCCESS)
        return false;
    PORT_WITH_FUNDS(a, semaphore_create(t->sleep, PROCESS_POOL, 0));
    if (a.status != STATUS_SUCCESS || !supervise(t))
        return false;
    if (t->handler) {
        t->handler->context = t->context;
        t->handler->utcb = t->utcb;
    }
    __atomic_store_n(&t->state, PORT_THREAD_LIVES, __ATOMIC_RELEASE);
    PORT_WITH_FUNDS(a, time_create(t->time, PROCESS_POOL, t->context, &schedule));
    if (a.status == STATUS_SUCCESS)
        return true;
    unsupervise(t);
    return false;
}

/* The lock is held. The new thread's number, or -EAGAIN. */
static long thread_make(struct port_thread *t, void *stack, uint32_t share)
{
    uint32_t selector = port_selectors_take(SELECTORS_OF_THREAD);
    uint64_t place = port_place_take(1);

    t->context = selector;
    t->time = selector + 1;
    t->sleep = selector + 2;
    t->utcb = (struct utcb *)place;
    if (selector != SELECTOR_NONE && place && objects_make(t, stack, share))
        return port_thread_number(t);
    if (selector != SELECTOR_NONE && place) {
        clear_away(t);
        return -EAGAIN;
    }
    if (selector != SELECTOR_NONE)
        port_selectors_give(selector, SELECTORS_OF_THREAD);
    if (place)
        port_place_give(place, 1);
    return -EAGAIN;
}

long cairn_thread_clone(int (*run)(void *), void *stack, void *argument, int *tid, void *tls,
                        volatile int *cleared)
{
    struct port_thread *self = port_self();
    long result = -EAGAIN;

    port_lock(PORT_LOCK_RESOURCES);
    port_threads_clear();
    struct port_thread *t = record_find();
    if (t) {
        *t = (struct port_thread){.tls = tls,
                                  .cpu = self->next_is_placed ? self->next_cpu : self->cpu,
                                  .run = run,
                                  .argument = argument,
                                  .floating = port_floating_now(),
                                  .cleared = cleared,
                                  .handler = self->next_handler};
        *tid = (int)port_thread_number(t);
        result = thread_make(t, stack, self->next_share);
    }
    port_unlock(PORT_LOCK_RESOURCES);
    self->next_is_placed = false;
    self->next_share = 0;
    self->next_handler = NULL;
    return result;
}

void port_thread_begin(struct port_thread *self)
{
    port_floating_set(self->floating);
    self->run(self->argument);
    port_thread_leave(self, NULL, 0);
}

/*
 * On the page of the UTCB. After the word is cleared the thread's stack and thread-local storage
 * may be gone; after its state is set, any moment may be its last.
 */
void port_thread_finish(struct port_thread *self, void *base, size_t size)
{
    self->after[RECORD_PLACE / sizeof(void *)] = self;
    __asm__ volatile("wrfsbase %0" : : "r"(self->after) : "memory");
    port_lock(PORT_LOCK_RESOURCES);
    if (size)
        (void)port_unmap((uint64_t)base, size);
    port_threads_clear();
    port_unlock(PORT_LOCK_RESOURCES);
    if (self->cleared) {
        __atomic_store_n(self->cleared, 0, __ATOMIC_SEQ_CST);
        port_wake_all(self->cleared);
    }
    if (self != &threads[0]) {
        unsupervise(self);
        __atomic_store_n(&self->state, PORT_THREAD_OVER, __ATOMIC_RELEASE);
    }
    port_rest(self->utcb);
}

void cairn_thread_leave(void *base, size_t size)
{
    port_thread_leave(port_self(), base, size);
}

/* status, which only the program's end has */
long call_exit(const long *a)
{
    (void)a;
    port_thread_leave(port_self(), NULL, 0);
}

/* address */
long call_set_tid_address(const long *a)
{
    struct port_thread *self = port_self();

    self->cleared = (volatile int *)a[0];
    return port_thread_number(self);
}

/* The EC first: from then on the handler does nothing any more. */
void *port_handler_clear(const struct handler *handler)
{
    void *tls = NULL;

    port_lock(PORT_LOCK_RESOURCES);
    for (unsigned i = 1; i < THREADS; i++) {
        struct port_thread *t = &threads[i];

        if (t->handler != handler || state_of(t) != PORT_THREAD_LIVES)
            continue;
        tls = t->tls;
        unsupervise(t);
        clear_away(t);
    }
    port_unlock(PORT_LOCK_RESOURCES);
    return tls;
}

int cairn_thread_place(uint32_t cpu, uint32_t share)
{
    struct port_thread *self = port_self();

    if (cpu >= 64 || !(ENVIRONMENT->cpus >> cpu & 1) || share > CPU_SHARE_ALL)
        return EINVAL;
    self->next_cpu = cpu;
    self->next_share = share;
    self->next_is_placed = true;
    return 0;
}

uint32_t cairn_thread_cpu(void)
{
    return port_self()->cpu;
}

struct utcb *cairn_thread_utcb(void)
{
    return port_self()->utcb;
}

uint32_t cairn_thread_context(void)
{
    return port_self()->context;
}
