/* The instruction classifier of the bench counter: each event, its look-alikes, all prefixes. */
#include "classify.h"
#include "tap.h"

#define BIT(event) (1u << (event))
#define STRING     (BIT(EVENT_STRING) | BIT(EVENT_STRING_STEP))

struct row {
    const char *text;
    uint8_t size;
    uint8_t bytes[15];
    uint32_t events;
};

static const struct row rows[] = {
    {"mov %rax,%cr3", 3, {0x0f, 0x22, 0xd8}, BIT(EVENT_CR3)},
    {"mov %r9,%cr3", 4, {0x41, 0x0f, 0x22, 0xd9}, BIT(EVENT_CR3)},
    {"mov to cr3, mod not 3", 3, {0x0f, 0x22, 0x18}, BIT(EVENT_CR3)},
    {"mov to cr11", 4, {0x44, 0x0f, 0x22, 0xd8}, 0},
    {"REX.R before a prefix is ignored", 5, {0x44, 0x2e, 0x0f, 0x22, 0xd8}, BIT(EVENT_CR3)},
    {"mov %rax,%cr4", 3, {0x0f, 0x22, 0xe0}, 0},
    {"mov %cr3,%rax", 3, {0x0f, 0x20, 0xd8}, 0},
    {"mov %rax,%dr3", 3, {0x0f, 0x23, 0xd8}, 0},

    {"invlpg (%rax)", 3, {0x0f, 0x01, 0x38}, BIT(EVENT_INVALIDATE)},
    {"invlpg (%r8)", 4, {0x41, 0x0f, 0x01, 0x38}, BIT(EVENT_INVALIDATE)},
    {"invlpga", 3, {0x0f, 0x01, 0xdf}, BIT(EVENT_INVALIDATE)},
    {"invpcid (%rdi),%rax", 5, {0x66, 0x0f, 0x38, 0x82, 0x07}, BIT(EVENT_INVALIDATE)},
    {"0f 38 82 without 66", 4, {0x0f, 0x38, 0x82, 0x07}, 0},
    {"invvpid", 5, {0x66, 0x0f, 0x38, 0x81, 0x07}, 0},
    {"swapgs", 3, {0x0f, 0x01, 0xf8}, 0},
    {"lgdt (%rax)", 3, {0x0f, 0x01, 0x10}, 0},

    {"fxsave (%rax)", 3, {0x0f, 0xae, 0x00}, BIT(EVENT_XSAVE)},
    {"fxrstor64 (%rax)", 4, {0x48, 0x0f, 0xae, 0x08}, BIT(EVENT_XSAVE)},
    {"ldmxcsr (%rax)", 3, {0x0f, 0xae, 0x10}, 0},
    {"stmxcsr (%rax)", 3, {0x0f, 0xae, 0x18}, 0},
    {"xsave64 (%rax)", 4, {0x48, 0x0f, 0xae, 0x20}, BIT(EVENT_XSAVE)},
    {"xrstor 8(%rsp)", 5, {0x0f, 0xae, 0x6c, 0x24, 0x08}, BIT(EVENT_XSAVE)},
    {"xsaveopt (%rax)", 3, {0x0f, 0xae, 0x30}, BIT(EVENT_XSAVE)},
    {"clflush (%rax)", 3, {0x0f, 0xae, 0x38}, 0},
    {"clwb (%rax)", 4, {0x66, 0x0f, 0xae, 0x30}, 0},
    {"ptwrite (%rax)", 4, {0xf3, 0x0f, 0xae, 0x20}, 0},
    {"rdfsbase %eax", 4, {0xf3, 0x0f, 0xae, 0xc0}, 0},
    {"lfence", 3, {0x0f, 0xae, 0xe8}, 0},
    {"mfence", 3, {0x0f, 0xae, 0xf0}, 0},
    {"xrstors (%rax)", 3, {0x0f, 0xc7, 0x18}, BIT(EVENT_XSAVE)},
    {"xsavec64 (%rax)", 4, {0x48, 0x0f, 0xc7, 0x20}, BIT(EVENT_XSAVE)},
    {"xsaves (%rax)", 3, {0x0f, 0xc7, 0x28}, BIT(EVENT_XSAVE)},
    {"vmptrld (%rax)", 3, {0x0f, 0xc7, 0x30}, 0},
    {"cmpxchg8b (%rax)", 3, {0x0f, 0xc7, 0x08}, 0},
    {"sysret", 2, {0x0f, 0x07}, BIT(EVENT_RETURN)},
    {"iretq", 2, {0x48, 0xcf}, BIT(EVENT_RETURN)},
    {"ret", 1, {0xc3}, 0},
    {"lret", 1, {0xcb}, 0},
    {"sti", 1, {0xfb}, BIT(EVENT_STI)},
    {"cli", 1, {0xfa}, BIT(EVENT_CLI)},
    {"cld", 1, {0xfc}, 0},
    {"rdrand %eax", 3, {0x0f, 0xc7, 0xf0}, 0},
    {"xgetbv", 3, {0x0f, 0x01, 0xd0}, 0},

    {"wrmsr", 2, {0x0f, 0x30}, BIT(EVENT_WRMSR)},
    {"rdtsc", 2, {0x0f, 0x31}, 0},
    {"rdmsr", 2, {0x0f, 0x32}, BIT(EVENT_RDMSR)},
    {"rdpmc", 2, {0x0f, 0x33}, 0},

    {"lock incl (%rax)", 3, {0xf0, 0xff, 0x00}, BIT(EVENT_LOCK)},
    {"lock cmpxchg %ecx,(%rdx)", 4, {0xf0, 0x0f, 0xb1, 0x0a}, BIT(EVENT_LOCK)},
    {"xacquire lock", 4, {0xf2, 0xf0, 0xff, 0x00}, BIT(EVENT_LOCK)},
    {"incl (%rax)", 2, {0xff, 0x00}, 0},
    {"xchg %eax,(%rbx)", 2, {0x87, 0x03}, BIT(EVENT_LOCK)},
    {"xchg %r8b,(%rbx)", 3, {0x44, 0x86, 0x03}, BIT(EVENT_LOCK)},
    {"lock xchg counts once", 3, {0xf0, 0x87, 0x03}, BIT(EVENT_LOCK)},
    {"xchg %eax,%ebx by ModRM", 2, {0x87, 0xc3}, 0},
    {"xchg %rax,%rbx", 2, {0x48, 0x93}, 0},
    {"pause", 2, {0xf3, 0x90}, 0},

    {"vmrun", 3, {0x0f, 0x01, 0xd8}, BIT(EVENT_VMRUN)},
    {"vmmcall", 3, {0x0f, 0x01, 0xd9}, 0},
    {"vmload", 3, {0x0f, 0x01, 0xda}, BIT(EVENT_VMLOAD)},
    {"vmsave", 3, {0x0f, 0x01, 0xdb}, BIT(EVENT_VMLOAD)},
    {"stgi", 3, {0x0f, 0x01, 0xdc}, 0},

    {"in $0x60,%al", 2, {0xe4, 0x60}, BIT(EVENT_PORT)},
    {"in %dx,%eax", 1, {0xed}, BIT(EVENT_PORT)},
    {"out %ax,$0x60", 3, {0x66, 0xe7, 0x60}, BIT(EVENT_PORT)},
    {"out %al,%dx", 1, {0xee}, BIT(EVENT_PORT)},
    {"insb", 1, {0x6c}, BIT(EVENT_PORT)},
    {"rep outsl", 2, {0xf3, 0x6f}, BIT(EVENT_PORT) | STRING},
    {"call rel32", 5, {0xe8, 0, 0, 0, 0}, 0},
    {"jmp rel8", 2, {0xeb, 0x00}, 0},

    {"movsb", 1, {0xa4}, 0},
    {"rep movsb", 2, {0xf3, 0xa4}, STRING},
    {"rep stosq", 3, {0xf3, 0x48, 0xab}, STRING},
    {"rep stosb, 32-bit address", 3, {0x67, 0xf3, 0xaa}, STRING},
    {"repne scasb", 2, {0xf2, 0xae}, STRING},
    {"repe cmpsw", 3, {0x66, 0xf3, 0xa7}, STRING},
    {"rep lodsb", 2, {0xf3, 0xac}, STRING},
    {"test $0,%al", 2, {0xa8, 0x00}, 0},
    {"repz ret", 2, {0xf3, 0xc3}, 0},
    {"tzcnt is not bsf with rep", 4, {0xf3, 0x0f, 0xbc, 0xc0}, 0},
    {"movss 0f 10 under f3", 4, {0xf3, 0x0f, 0x10, 0x00}, 0},

    {"hlt", 1, {0xf4}, BIT(EVENT_HLT)},

    {"VEX c5 before bytes like an event", 4, {0xc5, 0xf8, 0xae, 0x10}, 0},
    {"VEX c4 before bytes like an event", 5, {0xc4, 0xe2, 0x79, 0x82, 0x00}, 0},
    {"EVEX before bytes like an event", 6, {0x62, 0xf1, 0x7c, 0x48, 0x10, 0x00}, 0},
    {"XOP 8f", 5, {0x8f, 0xe9, 0x78, 0x01, 0x38}, 0},
    {"16-bit lds", 2, {0xc5, 0x00}, 0},
    {"32-bit inc %eax", 1, {0x40}, 0},
    {"16-bit dec %edi", 2, {0x66, 0x4f}, 0},
    {"an event's bytes as immediate", 5, {0xb8, 0x0f, 0x30, 0x0f, 0x32}, 0},
    {"all prefixes, wrmsr",
     9,
     {0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x67, 0x0f, 0x30},
     BIT(EVENT_WRMSR)},

    {"nothing", 0, {0}, 0},
    {"prefix only", 1, {0xf0}, 0},
    {"escape only", 1, {0x0f}, 0},
    {"second escape only", 3, {0x66, 0x0f, 0x38}, 0},
    {"group without ModRM", 2, {0x0f, 0x01}, 0},
    {"mov to cr without ModRM", 2, {0x0f, 0x22}, 0},
    {"xchg without ModRM", 1, {0x87}, 0},
};

static const uint8_t marker[7] = {0x0f, 0x1f, 0x80, 0x2a, 0x00, 0x4b, 0x4d};

static void check_markers(void)
{
    uint8_t changed[7];
    unsigned int refused = 0;

    is_u64(insn_marker(marker, sizeof(marker)), 0x2a, "a marker gives its number");
    is_u64(insn_classify(marker, sizeof(marker)), 0, "a marker is no event");
    ok(insn_marker(marker, 6) == -1 && insn_marker(marker, 0) == -1, "a marker cut short is none");
    for (size_t i = 0; i < sizeof(marker); i++) {
        memcpy(changed, marker, sizeof(marker));
        changed[i] ^= 1;
        refused += insn_marker(changed, sizeof(changed)) == -1;
    }
    is_u64(refused, 6, "each byte but the number must fit");
}

/* Whatever the bytes, the classifier stays inside them: every size has its own block, so that the
 * address sanitizer sees a read past the end. */
static void check_bounds(void)
{
    uint32_t state = 1, seen = 0;

    for (unsigned int round = 0; round < 200000; round++) {
        size_t size = round % 16;
        uint8_t block[16], *bytes = block + 16 - size;

        for (size_t i = 0; i < size; i++) {
            state = state * 1664525u + 1013904223u;
            bytes[i] = (uint8_t)(state >> 24);
        }
        seen |= insn_classify(bytes, size);
        (void)insn_marker(bytes, size);
    }
    is_u64(seen >> EVENTS, 0, "random bytes give known events only");
}

static void check_names(void)
{
    bool distinct = true;

    for (unsigned int i = 0; i < EVENTS; i++) {
        distinct &= event_name((enum event)i) != NULL;
        for (unsigned int j = 0; distinct && j < i; j++)
            distinct &= strcmp(event_name((enum event)i), event_name((enum event)j)) != 0;
    }
    ok(distinct, "every event has a name of its own");
}

int main(void)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        is_u64(insn_classify(rows[i].bytes, rows[i].size), rows[i].events, "%s", rows[i].text);
    check_markers();
    check_bounds();
    check_names();
    return done_testing();
}
