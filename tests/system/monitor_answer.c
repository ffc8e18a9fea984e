/* What the test monitor does for its guests. */
#include "monitor.h"

uint64_t monitor_skip(struct monitor_vcpu *v)
{
    unsigned length = monitor_length(v->monitor, v->page->rip, v->mode);

    if (length == 0) {
        return monitor_stop(v);
    }
    v->page->rip += length;
    return STATE_RIP;
}

/* It sleeps until it is removed. */
uint64_t monitor_stop(struct monitor_vcpu *v)
{
    v->page->activity = VCPU_HALTED;
    v->page->shadow = 0;
    v->page->pending_debug = 0;
    (void)semaphore_up(monitor_done(v->monitor));
    return STATE_INTERRUPTS;
}

static void answer_cpuid(volatile struct vcpu_state *s)
{
    s->rax = MONITOR_VALUE(1);
    s->rbx = MONITOR_VALUE(2);
    s->rcx = MONITOR_VALUE(3);
    s->rdx = MONITOR_VALUE(4);
}

static void answer_io(volatile struct vcpu_state *s, uint64_t qualification)
{
    uint64_t size = (qualification & EXIT_IO_SIZE) >> EXIT_IO_SIZE_SHIFT;
    uint64_t value = MONITOR_VALUE(qualification & EXIT_IO_PORT);
    uint64_t mask = size == 4 ? UINT64_MAX : (1ull << 8 * size) - 1;

    if ((qualification & EXIT_IO_IN) && !(qualification & EXIT_IO_STRING)) {
        s->rax = (size == 4 ? 0 : s->rax & ~mask) | (value & mask);
    }
}

static void answer_msr(volatile struct vcpu_state *s, uint64_t qualification)
{
    if (!(qualification & EXIT_MSR_WRITE)) {
        s->rax = MONITOR_VALUE((uint32_t)qualification);
        s->rdx = MONITOR_VALUE(1);
    }
}

uint64_t monitor_answer(struct monitor_vcpu *v, const struct monitor_exit *e)
{
    switch (e->reason) {
    case EXIT_STARTUP:
        return monitor_begin(v);
    case EXIT_RECALL:
    case EXIT_TIMER:
    case EXIT_INTERRUPT_WINDOW:
    case EXIT_NMI_WINDOW:
    case EXIT_TPR:
        return 0;
    case EXIT_CPUID:
        answer_cpuid(v->page);
        return monitor_skip(v);
    case EXIT_IO:
        answer_io(v->page, e->qualification);
        return monitor_skip(v);
    case EXIT_MSR:
        answer_msr(v->page, e->qualification);
        return monitor_skip(v);
    case EXIT_HYPERCALL:
    case EXIT_PAUSE:
    case EXIT_CR:
    case EXIT_DR:
    case EXIT_XSETBV:
    case EXIT_GPA:
    case EXIT_CACHE:
    case EXIT_TSC:
    case EXIT_PMC:
    case EXIT_MWAIT:
    case EXIT_INVLPG:
        return monitor_skip(v);
    default:
        return monitor_stop(v);
    }
}

static bool is_prefix(uint8_t byte, uint32_t mode)
{
    return byte == 0x66 || byte == 0x67 || byte == 0xf2 || byte == 0xf3 || byte == 0x26 ||
           byte == 0x2e || byte == 0x36 || byte == 0x3e || byte == 0x64 || byte == 0x65 ||
           (mode == TINY_LONG && (byte & 0xf0) == 0x40);
}

/* ModR/M, SIB and displacement of what is addressed (Intel SDM 2A, 2.1.5). */
static unsigned operand_length(const volatile uint8_t *at, bool wide)
{
    unsigned mod = at[0] >> 6, rm = at[0] & 7;

    if (mod == 3) {
        return 1;
    }
    if (!wide) {
        return mod == 1 ? 2 : mod == 2 || rm == 6 ? 3 : 1;
    }
    unsigned sib = rm == 4;
    unsigned base = sib ? at[1] & 7 : rm;
    return 1 + sib + (mod == 1 ? 1 : mod == 2 || base == 5 ? 4 : 0);
}

/* After 0x0f. */
static unsigned length_two(const volatile uint8_t *at, bool wide)
{
    switch (at[0]) {
    case 0x06: /* CLTS */
    case 0x08: /* INVD */
    case 0x09: /* WBINVD */
    case 0x0b: /* UD2 */
    case 0x30: /* WRMSR, RDTSC, RDMSR, RDPMC */
    case 0x31:
    case 0x32:
    case 0x33:
    case 0xa2: /* CPUID */
        return 1;
    case 0x20: /* MOV of CR and DR */
    case 0x21:
    case 0x22:
    case 0x23:
        return 2;
    case 0x01: /* VMCALL, VMMCALL, MONITOR, XSETBV, INVLPG, LMSW ... */
        return 1 + operand_length(at + 1, wide);
    default:
        return 0;
    }
}

static unsigned length_one(const volatile uint8_t *at, bool wide)
{
    switch (at[0]) {
    case 0x6c: /* INS, OUTS */
    case 0x6d:
    case 0x6e:
    case 0x6f:
    case 0x90: /* PAUSE, after its prefix */
    case 0xec: /* IN, OUT by DX */
    case 0xed:
    case 0xee:
    case 0xef:
    case 0xf4: /* HLT */
        return 1;
    case 0xe4: /* IN, OUT */
    case 0xe5:
    case 0xe6:
    case 0xe7:
        return 2;
    case 0x88: /* MOV */
    case 0x89:
    case 0x8a:
    case 0x8b:
        return 1 + operand_length(at + 1, wide);
    case 0xa1: /* MOV of the accumulator, but in 64-bit mode */
    case 0xa3:
        return wide ? 5 : 3;
    default:
        return 0;
    }
}

unsigned monitor_length(const struct monitor *m, uint64_t gpa, uint32_t mode)
{
    const volatile uint8_t *at = monitor_at(m, gpa);
    bool wide = mode != TINY_REAL;
    unsigned prefixes = 0;

    if (gpa > m->bytes - 16) {
        return 0;
    }
    while (prefixes < 4 && is_prefix(at[prefixes], mode)) {
        wide ^= at[prefixes] == 0x67 && mode != TINY_LONG;
        prefixes++;
    }
    at += prefixes;
    unsigned rest = at[0] == 0x0f ? length_two(at + 1, wide) : length_one(at, wide);
    return rest == 0 ? 0 : prefixes + rest + (at[0] == 0x0f);
}
