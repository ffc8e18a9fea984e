/* See monitor.h. */
#include "monitor.h"

#define PRINTED 16u /* exits, when something is wrong */

struct monitor monitors[MONITORS];

bool monitor_possible(const struct machine *m)
{
    if (m->info->guest.kind == GUEST_NONE) {
        tap_skip("guests", "the machine has neither VMX nor SVM");
        return false;
    }
    return world_open(m);
}

static bool went_well(struct answer a, const char *what)
{
    if (a.status != STATUS_SUCCESS) {
        tap_comment();
        print("%s: status %u, value %lu\n", what, (unsigned)a.status, a.value);
    }
    return a.status == STATUS_SUCCESS;
}

static bool ended(uint32_t selector, const char *what)
{
    return went_well((struct answer){object_destroy(selector), 0}, what);
}

static bool memory_open(struct monitor *m, uint64_t mapped)
{
    struct map map = {.address = (uint64_t)monitor_at(m, 0),
                      .count = (uint32_t)(m->bytes / PAGE),
                      .rights = MEM_RIGHT_READ | MEM_RIGHT_WRITE};

    if (!went_well(memory_create(monitor_memory(m), SELECTOR_POOL, WORLD_MEMORY,
                                 m->index * MONITOR_BYTES, m->bytes, 0),
                   "guest memory") ||
        !went_well(memory_map(monitor_memory(m), SELECTOR_PD, &map), "in the monitor")) {
        return false;
    }
    map.address = 0;
    map.count = (uint32_t)(mapped / PAGE);
    map.rights |= MEM_RIGHT_EXECUTE;
    return went_well(memory_map(monitor_memory(m), monitor_vm(m), &map), "in the VM");
}

bool monitor_open_part(unsigned i, uint64_t bytes, uint64_t mapped)
{
    struct monitor *m = &monitors[i];

    m->index = i;
    m->bytes = bytes;
    return tap_ok(went_well(vm_create(monitor_vm(m), SELECTOR_POOL), "VM") &&
                      memory_open(m, mapped),
                  "a VM with memory");
}

bool monitor_open(unsigned i, uint64_t bytes)
{
    return monitor_open_part(i, bytes, bytes);
}

void monitor_close(struct monitor *m)
{
    bool vm = ended(monitor_vm(m), "end of the VM");

    tap_ok(ended(monitor_memory(m), "end of guest memory") && vm, "the VM and its memory go");
}

enum status monitor_map(struct monitor *m, uint64_t gpa, uint64_t offset, uint32_t rights)
{
    struct map map = {.address = gpa, .offset = offset, .count = 1, .rights = rights};

    return memory_map(monitor_memory(m), monitor_vm(m), &map).status;
}

static void handle(struct handler *self, struct message *message)
{
    struct monitor_vcpu *v = self->argument;
    uint64_t number = v->exits < MONITOR_EXITS ? v->exits : MONITOR_EXITS - 1;
    struct monitor_exit *e = &v->log[number];

    *e = (struct monitor_exit){.words = message->length,
                               .reason = message->word[0],
                               .qualification = message->word[1],
                               .rip = message->word[2],
                               .address = message->word[3],
                               .state = *v->page};
    v->exits++;
    message->word[0] = v->answer ? v->answer(v, e) : monitor_answer(v, e);
    message->length = 1;
}

enum status monitor_bind(struct monitor_vcpu *v, uint32_t reason, uint32_t groups)
{
    return vcpu_bind(monitor_vcpu(v), reason, actor_portal(monitor_actor(v)), groups).status;
}

static bool page_open(struct monitor_vcpu *v)
{
    struct map map = {.address = (uint64_t)monitor_at(v->monitor, MONITOR_BYTES + v->index * PAGE),
                      .count = 1,
                      .rights = MEM_RIGHT_READ | MEM_RIGHT_WRITE};

    v->page = (volatile struct vcpu_state *)map.address;
    return went_well(vcpu_page(monitor_vcpu(v), monitor_page(v)), "MEM of the page") &&
           went_well(memory_map(monitor_page(v), SELECTOR_PD, &map), "mapping of the page");
}

bool monitor_add(struct monitor *m, unsigned i, uint32_t cpu, uint32_t groups)
{
    struct monitor_vcpu *v = &m->vcpus[i];

    v->monitor = m;
    v->index = i;
    v->cpu = cpu;
    v->exits = 0;
    v->answer = NULL;
    if (!went_well(vcpu_create(monitor_vcpu(v), SELECTOR_POOL, monitor_vm(m), cpu), "VCPU") ||
        !page_open(v) || !actor_serve_at(monitor_actor(v), cpu, SELECTOR_PD, handle, v)) {
        return false;
    }
    for (uint32_t reason = 0; reason < EXIT_COUNT; reason++) {
        struct answer a = {monitor_bind(v, reason, reason == EXIT_STARTUP ? STATE_ALL : groups),
                           reason};
        if (!went_well(a, "portal of an exit")) {
            return false;
        }
    }
    return true;
}

bool monitor_remove(struct monitor_vcpu *v)
{
    bool time = ended(monitor_time(v), "end of its time");
    bool vcpu = ended(monitor_vcpu(v), "end of the VCPU");

    return actor_end(monitor_actor(v)) && vcpu && time;
}

bool monitor_start(struct monitor_vcpu *v, uint8_t priority)
{
    struct schedule schedule = actor_schedule(priority);

    schedule.cpu = SELECTOR_CPUS + v->cpu;
    return went_well(time_create(monitor_time(v), SELECTOR_POOL, monitor_vcpu(v), &schedule),
                     "time of the VCPU");
}

bool monitor_wait(struct monitor *m)
{
    return went_well((struct answer){semaphore_down(monitor_done(m), 0, MONITOR_LIMIT), 0},
                     "end of the guest");
}

bool monitor_run(struct monitor *m, const struct tiny *guest, uint32_t groups,
                 uint64_t (*answer)(struct monitor_vcpu *v, const struct monitor_exit *e))
{
    struct monitor_vcpu *v = &m->vcpus[0];
    bool good = monitor_add(m, 0, 0, groups);

    if (good) {
        v->mode = guest->mode;
        v->answer = answer;
        monitor_load(m, guest);
        good = monitor_start(v, PRIORITY_LOW) && monitor_wait(m);
    }
    good = monitor_remove(v) && good;
    if (!good) {
        tap_comment();
        print("guest %s, after %lu exits:\n", guest->name, v->exits);
        monitor_print(v);
    }
    return good;
}

void monitor_print(const struct monitor_vcpu *v)
{
    for (uint64_t i = 0; i < v->exits && i < PRINTED; i++) {
        const struct monitor_exit *e = &v->log[i];

        tap_comment();
        print("exit %lu: reason %lu, qualification %#lx, rip %#lx, address %#lx, "
              "rsp %#lx, rax %#lx, interrupted %#x\n",
              i, e->reason, e->qualification, e->rip, e->address, e->state.rsp, e->state.rax,
              e->state.interrupted.info);
    }
}
