/* The table of fault cases, from faults.list; the deeds themselves are in faults.S. */
#include "fault.h"

#include "print.h"
#include "uart.h"

struct fault {
    const char *name, *vectors, *errors, *what;
    void (*run)(void);
    const char *rip, *address; /* all ones where it cannot be known */
};

#define FAULT(name, vectors, errors, platform, what) \
    void fault_##name(void);                         \
    extern const char fault_##name##_rip[], fault_##name##_address[];
#include "faults.list"
#undef FAULT

static const struct fault faults[] = {
#define FAULT(name, vectors, errors, platform, what) \
    {#name, vectors, errors, what, fault_##name, fault_##name##_rip, fault_##name##_address},
#include "faults.list"
#undef FAULT
};

/* Parameters of cases whose place differs from machine to machine; read by faults.S. */
extern uint64_t fault_kernel_frame;
extern uint16_t fault_timer_port;
uint64_t fault_kernel_frame;
uint16_t fault_timer_port;

static void parameters_set(const struct machine *m)
{
    const struct boot_memory *range;

    for (uint32_t i = 0; (range = machine_memory(m, i)); i++) {
        if (range->type == MEMORY_KERNEL && range->size) {
            fault_kernel_frame = range->base;
        }
    }
    fault_timer_port = machine_port(m, PORTS_PM_TIMER);
}

void fault_run(const struct machine *m, struct word name)
{
    for (unsigned i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        const struct fault *f = &faults[i];

        if (word_equal(name, f->name)) {
            parameters_set(m);
            print("# [first] fault %s: %s\n", f->name, f->what);
            print("# [first] expected: vector %s error %s rip %#lx address %#lx\n", f->vectors,
                  f->errors, (uint64_t)f->rip, (uint64_t)f->address);
            f->run();
            print("# [first] fault %s: nothing happened\n", f->name);
            return;
        }
    }
    print("# [first] error: no such fault case: ");
    print_untrusted(name.text, name.length);
    print("\n");
}
