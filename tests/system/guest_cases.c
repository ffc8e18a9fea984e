/* See guest_cases.h. */
#include "guest_cases.h"

#include "boot_info.h"

#define PORT 0x1234ull
#define STEP 0xf0u /* the monitor is to do something */

#define IO(port, size, more)                                            \
    {                                                                   \
        EXIT_IO, (port) | (size##ull) << EXIT_IO_SIZE_SHIFT | (more), 0 \
    }
#define SIZES(port, more) IO(port, 1, more), IO(port, 2, more), IO(port, 4, more)
#define HALT           \
    {                  \
        EXIT_HLT, 0, 0 \
    }

#define PORTS                                                                                  \
    {                                                                                          \
        SIZES(0x80, 0), SIZES(PORT, 0), SIZES(0x81, EXIT_IO_IN), SIZES(PORT, EXIT_IO_IN), HALT \
    }

#define REPEAT (EXIT_IO_STRING | EXIT_IO_REP)
#define STRINGS                                                                \
    {                                                                          \
        SIZES(PORT, EXIT_IO_STRING), SIZES(PORT, EXIT_IO_STRING | EXIT_IO_IN), \
            SIZES(PORT, REPEAT), SIZES(PORT, REPEAT | EXIT_IO_IN), HALT        \
    }

#define MSR(number)                            \
    {EXIT_MSR, number, 0},                     \
    {                                          \
        EXIT_MSR, (number) | EXIT_MSR_WRITE, 0 \
    }
#define MSRS                                                                                 \
    {                                                                                        \
        MSR(0x1b), MSR(0x10), MSR(0xc0000080), MSR(0xc0000082), MSR(0xc0000100), MSR(0x277), \
            MSR(0x174), MSR(0x12345678), HALT                                                \
    }

#define DR(n, read, general)                            \
    {                                                   \
        EXIT_DR, (n) | (read) << 8 | (general) << 16, 0 \
    }
#define CR(n, access, general, address)                                   \
    {                                                                     \
        EXIT_CR, (n) | (uint64_t)(access) << 8 | (general) << 16, address \
    }
#define GPA(address, how)      \
    {                          \
        EXIT_GPA, how, address \
    }
#define GPA_DATA                                                         \
    GPA(CASE_NOTHING, EXIT_GPA_READ), GPA(CASE_NOTHING, EXIT_GPA_WRITE), \
        GPA(CASE_READ, EXIT_GPA_WRITE | EXIT_GPA_MAPPED)
#define GPA_ALL                                                             \
    {                                                                       \
        GPA_DATA, GPA(CASE_WRITE, EXIT_GPA_EXECUTE | EXIT_GPA_MAPPED), HALT \
    }

#define CODE(vector, code)                                                 \
    {                                                                      \
        EXIT_EXCEPTION, (vector) | (1ull << 8) | (uint64_t)(code) << 32, 0 \
    }
#define FAULT(vector)             \
    {                             \
        EXIT_EXCEPTION, vector, 0 \
    }
#define PAGE_FAULT(code, address)                                        \
    {                                                                    \
        EXIT_EXCEPTION, 14 | 1ull << 8 | (uint64_t)(code) << 32, address \
    }
#define HANDLED(vector)  IO(vector, 1, 0)
#define HANDLED4(vector) HANDLED(vector), HANDLED(vector), HANDLED(vector), HANDLED(vector)
#define EXCEPTIONS       (1u << 0 | 1u << 3 | 1u << 6 | 1u << 11 | 1u << 12 | 1u << 13 | 1u << 14)

uint64_t answer_at_rsi(struct monitor_vcpu *v, const struct monitor_exit *e)
{
    volatile struct vcpu_state *s = v->page;
    uint64_t vector = e->qualification & EXIT_IO_PORT, wide = v->mode == TINY_LONG ? 8 : 4;

    if (e->reason == EXIT_EXCEPTION) {
        s->rip = s->rsi;
        return STATE_RIP;
    }
    if (e->reason != EXIT_IO || e->rip < TINY_HANDLERS) {
        return monitor_answer(v, e);
    }
    if (vector == 8 || (vector >= 10 && vector <= 14)) {
        s->rsp += wide;
    }
    *(volatile uint32_t *)monitor_at(v->monitor, s->rsp) = (uint32_t)s->rsi;
    return monitor_skip(v) | STATE_RSP;
}

uint64_t answer_return(struct monitor_vcpu *v, const struct monitor_exit *e)
{
    volatile struct vcpu_state *s = v->page;

    if (e->reason != EXIT_GPA || e->rip != CASE_WRITE) {
        return monitor_answer(v, e);
    }
    s->rip = *(volatile uint32_t *)monitor_at(v->monitor, s->rsp);
    s->rsp += v->mode == TINY_LONG ? 8 : 4;
    return STATE_RIP | STATE_RSP;
}

uint64_t answer_map(struct monitor_vcpu *v, const struct monitor_exit *e)
{
    const uint32_t rights = MEM_RIGHT_READ | MEM_RIGHT_WRITE;

    if (e->reason == EXIT_GPA && e->address == CASE_NOTHING) {
        return monitor_map(v->monitor, CASE_NOTHING, TINY_BYTES, rights) ? monitor_stop(v) : 0;
    }
    if (e->reason == EXIT_HLT) {
        (void)memory_unmap(monitor_vm(v->monitor), CASE_NOTHING);
    }
    return answer_return(v, e);
}

uint64_t answer_threshold(struct monitor_vcpu *v, const struct monitor_exit *e)
{
    if (e->reason != EXIT_IO) {
        return monitor_answer(v, e);
    }
    v->page->cr8 = 9;
    v->page->tpr_threshold = 5;
    return monitor_skip(v) | STATE_TPR;
}

uint64_t answer_osxsave(struct monitor_vcpu *v, const struct monitor_exit *e)
{
    if (e->reason != EXIT_CR) {
        return monitor_answer(v, e);
    }
    v->page->cr4 |= 1u << 18;
    return monitor_skip(v) | STATE_CR;
}

const struct guest_case guest_cases[] = {
    {.guest = &tiny_ports16, .expected = PORTS},
    {.guest = &tiny_ports32, .expected = PORTS},
    {.guest = &tiny_ports64, .expected = PORTS},
    {.guest = &tiny_strings16, .expected = STRINGS},
    {.guest = &tiny_strings32, .expected = STRINGS},
    {.guest = &tiny_strings64, .expected = STRINGS},
    {.guest = &tiny_msrs16, .expected = MSRS},
    {.guest = &tiny_msrs64, .expected = MSRS},
    {.guest = &tiny_msrs_own, .msrs = MSR_PASS_ALL, .expected = {IO(PORT, 4, 0), HALT}},
    {.guest = &tiny_debug,
     .expected = {DR(0ull, 0, 3ull), DR(1ull, 0, 3ull), DR(2ull, 0, 3ull), DR(3ull, 0, 3ull),
                  DR(6ull, 0, 3ull), DR(7ull, 0, 3ull), DR(0ull, 1, 6ull), DR(1ull, 1, 9ull),
                  DR(2ull, 1, 0ull), DR(3ull, 1, 0ull), DR(6ull, 1, 0ull), DR(7ull, 1, 15ull),
                  HALT}},
    {.guest = &tiny_asked16,
     .what = "asked for",
     .feature = GUEST_PAUSE,
     .intercepts = INTERCEPT_ALL,
     .expected = {{EXIT_PAUSE, 0, 0},
                  {EXIT_TSC, 1, 0},
                  IO(PORT, 1, 0),
                  {EXIT_INVLPG, 0, TINY_DATA},
                  IO(PORT, 1, 0),
                  HALT}},
    {.guest = &tiny_asked64,
     .what = "asked for",
     .feature = GUEST_PAUSE,
     .intercepts = INTERCEPT_ALL,
     .expected = {{EXIT_PAUSE, 0, 0},
                  {EXIT_TSC, 1, 0},
                  IO(PORT, 1, 0),
                  {EXIT_INVLPG, 0, TINY_DATA},
                  IO(PORT, 1, 0),
                  HALT}},
    {.guest = &tiny_asked16,
     .what = "not asked for",
     .expected = {IO(PORT, 1, 0), IO(PORT, 1, 0), HALT}},
    {.guest = &tiny_asked64,
     .what = "not asked for",
     .expected = {IO(PORT, 1, 0), IO(PORT, 1, 0), HALT}},
    {.guest = &tiny_asked64,
     .what = "INVLPG and TSC",
     .intercepts = INTERCEPT_INVLPG | INTERCEPT_TSC,
     .expected =
         {{EXIT_TSC, 1, 0}, IO(PORT, 1, 0), {EXIT_INVLPG, 0, TINY_DATA}, IO(PORT, 1, 0), HALT}},
    {.guest = &tiny_tscp,
     .what = "asked for",
     .kind = GUEST_SVM,
     .intercepts = INTERCEPT_TSC,
     .expected = {{EXIT_TSC, 2, 0}, HALT}},
    {.guest = &tiny_tscp,
     .what = "which it has not",
     .kind = GUEST_VMX,
     .answer = answer_at_rsi,
     .expected = {HANDLED(6), HALT}},
    {.guest = &tiny_control, .expected = {CR(0ull, CR_WRITE, 3ull, 0), HALT}},
    {.guest = &tiny_lmsw, .expected = {CR(0ull, CR_LMSW, 0xffull, 0x31), HALT}},
    {.guest = &tiny_tpr,
     .answer = answer_threshold,
     .expected = {IO(STEP, 1, 0), {EXIT_TPR, 0, 0}, HALT}},
    {.guest = &tiny_xsetbv,
     .feature = GUEST_XSETBV,
     .answer = answer_osxsave,
     .expected = {CR(4ull, CR_WRITE, 11ull, 0), {EXIT_XSETBV, 0, 0}, HALT}},
    {.guest = &tiny_xsetbv,
     .what = "without an exit",
     .lacks = GUEST_XSETBV,
     .answer = answer_osxsave,
     .expected = {CR(4ull, CR_WRITE, 11ull, 0), HALT}},
    {.guest = &tiny_always,
     .expected = {{EXIT_CPUID, 0, 0},
                  {EXIT_PMC, 0, 0},
                  {EXIT_CACHE, 1, 0},
                  {EXIT_CACHE, 2, 0},
                  {EXIT_MWAIT, 1, 0},
                  {EXIT_MWAIT, 2, 0},
                  HALT}},
    {.guest = &tiny_always16,
     .expected =
         {{EXIT_CPUID, 0, 0}, {EXIT_PMC, 0, 0}, {EXIT_CACHE, 1, 0}, {EXIT_CACHE, 2, 0}, HALT}},
    {.guest = &tiny_vmcall16, .kind = GUEST_VMX, .expected = {{EXIT_HYPERCALL, 0, 0}, HALT}},
    {.guest = &tiny_vmcall64, .kind = GUEST_VMX, .expected = {{EXIT_HYPERCALL, 0, 0}, HALT}},
    {.guest = &tiny_vmmcall16, .kind = GUEST_SVM, .expected = {{EXIT_HYPERCALL, 0, 0}, HALT}},
    {.guest = &tiny_vmmcall64, .kind = GUEST_SVM, .expected = {{EXIT_HYPERCALL, 0, 0}, HALT}},
    {.guest = &tiny_vmcall64,
     .what = "which is not this CPU's",
     .kind = GUEST_SVM,
     .answer = answer_at_rsi,
     .expected = {HANDLED(6), HALT}},
    {.guest = &tiny_vmmcall64,
     .what = "which is not this CPU's",
     .kind = GUEST_VMX,
     .answer = answer_at_rsi,
     .expected = {HANDLED(6), HALT}},
    {.guest = &tiny_triple16, .expected = {{EXIT_TRIPLE_FAULT, 0, 0}}},
    {.guest = &tiny_triple32, .expected = {{EXIT_TRIPLE_FAULT, 0, 0}}},
    {.guest = &tiny_triple64, .expected = {{EXIT_TRIPLE_FAULT, 0, 0}}},
    {.guest = &tiny_physical16, .expected = {GPA_DATA, HALT}},
    {.guest = &tiny_physical32, .answer = answer_return, .expected = GPA_ALL},
    {.guest = &tiny_physical_paged, .answer = answer_return, .expected = GPA_ALL},
    {.guest = &tiny_physical_pae, .answer = answer_return, .expected = GPA_ALL},
    {.guest = &tiny_physical64, .answer = answer_return, .expected = GPA_ALL},
    {.guest = &tiny_physical32,
     .what = "mapped when it is missed",
     .answer = answer_map,
     .expected = {GPA(CASE_NOTHING, EXIT_GPA_READ),
                  GPA(CASE_READ, EXIT_GPA_WRITE | EXIT_GPA_MAPPED),
                  GPA(CASE_WRITE, EXIT_GPA_EXECUTE | EXIT_GPA_MAPPED), HALT}},
    {.guest = &tiny_physical64,
     .what = "mapped when it is missed",
     .answer = answer_map,
     .expected = {GPA(CASE_NOTHING, EXIT_GPA_READ),
                  GPA(CASE_READ, EXIT_GPA_WRITE | EXIT_GPA_MAPPED),
                  GPA(CASE_WRITE, EXIT_GPA_EXECUTE | EXIT_GPA_MAPPED), HALT}},
    {.guest = &tiny_walk32, .expected = {GPA(CASE_NOTHING, EXIT_GPA_WALK), HALT}},
    {.guest = &tiny_walk64, .expected = {GPA(CASE_NOTHING, EXIT_GPA_WALK), HALT}},
    {.guest = &tiny_task,
     .kind = GUEST_VMX, /* QEMU's TCG does not intercept it */
     .expected = {{EXIT_TASK_SWITCH, TINY_TASK | TASK_JUMP << 16, 0}}},
    {.guest = &tiny_faults64,
     .what = "asked for",
     .exceptions = EXCEPTIONS,
     .answer = answer_at_rsi,
     .expected = {FAULT(0), FAULT(6), CODE(13, 0), CODE(12, TINY_ABSENT), CODE(13, 0xfc),
                  CODE(11, TINY_ABSENT), PAGE_FAULT(0, 0x300000), PAGE_FAULT(2, 0x300008), HALT}},
    {.guest = &tiny_faults64,
     .what = "not asked for",
     .answer = answer_at_rsi,
     .expected = {HANDLED(0), HANDLED(6), HANDLED(13), HANDLED(12), HANDLED(13), HANDLED(11),
                  HANDLED(14), HANDLED(14), HALT}},
    {.guest = &tiny_faults32,
     .what = "asked for",
     .exceptions = EXCEPTIONS,
     .answer = answer_at_rsi,
     .expected = {FAULT(0), FAULT(6), CODE(13, 0x7c), PAGE_FAULT(0, 0x300000),
                  PAGE_FAULT(2, 0x300008), HALT}},
    {.guest = &tiny_faults32,
     .what = "some asked for",
     .exceptions = 1u << 14,
     .answer = answer_at_rsi,
     .expected = {HANDLED(0), HANDLED(6), HANDLED(13), PAGE_FAULT(0, 0x300000),
                  PAGE_FAULT(2, 0x300008), HALT}},
    {.guest = &tiny_breakpoint,
     .what = "asked for",
     .kind = GUEST_VMX, /* QEMU's TCG intercepts it as a software interrupt only */
     .exceptions = EXCEPTIONS,
     .answer = answer_at_rsi,
     .expected = {FAULT(3), HALT}},
    {.guest = &tiny_breakpoint,
     .what = "not asked for",
     .answer = answer_at_rsi,
     .expected = {HANDLED(3), HALT}},
    {.guest = &tiny_undefined,
     .answer = answer_at_rsi,
     .expected = {HANDLED4(6), HANDLED4(6), HANDLED4(6), HANDLED4(6), HANDLED(6), HANDLED(6),
                  HANDLED(6), HALT}},
};

const unsigned guest_cases_count = sizeof(guest_cases) / sizeof(guest_cases[0]);
