/*
 * What a monitor wrote: for any value the result is one that cannot fault in the kernel or leave
 * the limits, what a guest may have is kept, and doing it twice changes nothing.
 */
#include "guest_state.h"

#include "tap.h"

struct handoff boot_handoff;
static struct boot_guest *const guest_limits = &boot_handoff.guest.limits;

static uint64_t random_state = 0x6e657374;

/* Bits of all densities: few, many, few above many. */
static uint64_t random_value(void)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < 2; i++) {
        random_state ^= random_state << 13;
        random_state ^= random_state >> 7;
        random_state ^= random_state << 17;
        value = i && random_state & 1 << 20 ? value & random_state : value ^ random_state;
    }
    return random_state & 1 << 21 ? value >> (random_state & 63) : value;
}

#define ROUNDS 200000u

static void control_registers(void)
{
    bool limits = true, kept = true, again = true, lma = true;

    for (unsigned i = 0; i < ROUNDS; i++) {
        uint64_t value = random_value(), cr0, cr4, efer;

        *guest_limits = (struct boot_guest){
            .cr0 = random_value(), .cr4 = random_value(), .efer = random_value()};
        cr0 = guest_cr0(value);
        cr4 = guest_cr4(value);
        efer = guest_efer(value, cr0);
        limits = limits && !(cr0 & ~guest_limits->cr0 & ~CR0_ET) && !(cr4 & ~guest_limits->cr4) &&
                 !(efer & ~guest_limits->efer & ~EFER_LMA);
        kept = kept && cr0 == ((value & guest_limits->cr0) | CR0_ET) &&
               cr4 == (value & guest_limits->cr4) &&
               (efer | EFER_LMA) == ((value & guest_limits->efer) | EFER_LMA);
        lma = lma && !(efer & EFER_LMA) == !(efer & EFER_LME && cr0 & CR0_PG);
        again = again && guest_cr0(cr0) == cr0 && guest_cr4(cr4) == cr4 &&
                guest_efer(efer, cr0) == efer;
    }
    ok(limits, "CR0, CR4 and EFER are within the limits");
    ok(kept, "and have what is within them");
    ok(lma, "LMA is LME and paging");
    ok(again, "twice is once");
    *guest_limits = (struct boot_guest){.efer = EFER_LME | EFER_LMA | EFER_NXE};
    is_u64(guest_efer(EFER_LMA, CR0_PG), 0, "no LMA without LME");
    is_u64(guest_efer(EFER_LME, CR0_PG), EFER_LME | EFER_LMA, "LMA even if it was not asked for");
    is_u64(guest_efer(EFER_LME | EFER_LMA, 0), EFER_LME, "and not without paging");
}

/* SDM 2B, "XSETBV", and 1, 13.3, rule by rule. */
static bool xcr0_valid(uint64_t xcr0)
{
    bool sse = xcr0 >> 1 & 1, avx = xcr0 >> 2 & 1;
    unsigned mpx = xcr0 >> 3 & 3, avx512 = xcr0 >> 5 & 7, amx = xcr0 >> 17 & 3;

    return xcr0 & 1 && (!avx || sse) && (mpx == 0 || mpx == 3) &&
           (avx512 == 0 || (avx512 == 7 && avx)) && (amx == 0 || amx == 3);
}

static void extended_states(void)
{
    const uint64_t cpus[] = {0x1, 0x3, 0x7, 0xe7, 0x203, 0x207, 0x2e7}; /* within XSAVE_KNOWN */
    bool valid = true, kept = true;

    for (unsigned c = 0; c < sizeof cpus / sizeof cpus[0]; c++) {
        *guest_limits = (struct boot_guest){.xcr0 = cpus[c]};
        for (uint64_t value = 0; value < 1 << 20; value++) {
            uint64_t xcr0 = guest_xcr0(value << 44 | value);

            valid = valid && xcr0_valid(xcr0) && !(xcr0 & ~cpus[c]);
            if (!(value & ~cpus[c]) && xcr0_valid(value))
                kept = kept && xcr0 == value;
        }
    }
    ok(valid, "XCR0 is one that XSETBV takes, and within the limits");
    ok(kept, "what is valid is kept");
}

static void flags_and_debug(void)
{
    bool flags = true, dr6 = true, dr7 = true, pending = true;

    for (unsigned i = 0; i < ROUNDS; i++) {
        uint64_t value = random_value();

        /* Bits 3, 5, 15 and from 22 on are reserved (SDM 1, 3.4.3). */
        flags = flags && !(guest_rflags(value) & 0xffffffffffc08028) && guest_rflags(value) & 2 &&
                !((guest_rflags(value) ^ value) & 0x3f7fd5);
        dr6 = dr6 && !(guest_dr6(value) >> 32) && !(guest_dr6(value) & 0x1000) &&
              (guest_dr6(value) & 0xffff0ff0) == 0xffff0ff0 &&
              !((guest_dr6(value) ^ value) & 0xe00f);
        dr7 = dr7 && !(guest_dr7(value) >> 32) && !(guest_dr7(value) & 0xd800) &&
              guest_dr7(value) & 0x400 && !((guest_dr7(value) ^ value) & 0xffff23ff);
        pending = pending && guest_pending_debug(value) == (value & 0x400f);
    }
    ok(flags, "RFLAGS: reserved bits as they must be, all others kept");
    ok(guest_rflags(1 << 17) & 1 << 17, "VM among them");
    ok(dr6, "DR6: the same");
    ok(dr7, "DR7: the same");
    ok(pending, "pending debug exceptions: BS and B0 to B3");
    is_u64(guest_dr6(0), 0xffff0ff0, "DR6 after INIT");
    is_u64(guest_dr7(0), 0x400, "DR7 after INIT");
}

static void addresses(void)
{
    bool good = true;

    for (unsigned i = 0; i < ROUNDS; i++) {
        uint64_t value = random_value(), upper = guest_canonical(value) >> 47;

        good = good && (upper == 0 || upper == 0x1ffff) &&
               !((guest_canonical(value) ^ value) & 0xffffffffffff);
    }
    ok(good, "addresses are canonical and have their lower 48 bits");
    is_u64(guest_canonical(0x00007fffffffffff), 0x00007fffffffffff, "the last of the lower half");
    is_u64(guest_canonical(0x0000800000000000), 0xffff800000000000, "the first of the upper half");
}

static uint64_t pat_slow(uint64_t value)
{
    uint64_t result = 0;

    for (unsigned i = 0; i < 64; i += 8) {
        uint64_t type = value >> i & 0xff;
        result |= (type > 7 || type == 2 || type == 3 ? 6 : type) << i;
    }
    return result;
}

static void memory_types(void)
{
    bool single = true, good = true;

    for (unsigned place = 0; place < 64; place += 8)
        for (uint64_t type = 0; type < 256; type++)
            for (unsigned rest = 0; rest < 2; rest++) {
                uint64_t value = (rest ? ~0ull & ~(255ull << place) : 0) | type << place;
                single = single && guest_pat(value) == pat_slow(value);
            }
    for (unsigned i = 0; i < ROUNDS; i++) {
        uint64_t value = random_value() & (i & 1 ? ~0ull : 0x0707070707070707);
        good = good && guest_pat(value) == pat_slow(value);
    }
    ok(single, "PAT: each type at each place");
    ok(good, "random PATs, byte by byte");
    is_u64(guest_pat(0x0007040600070406), 0x0007040600070406, "the PAT after INIT");
}

/* SDM 26.2.1.3 in other words: what the CPU would say of an event that it gets. */
static bool event_accepted(struct guest_event e, uint64_t cr0)
{
    uint32_t type = e.info >> 8 & 7, vector = e.info & 255;
    bool exception = type == 3, software = type >= 4 && type <= 6;
    bool error = e.info >> 11 & 1,
         pushes = exception && cr0 & 1 &&
                  (vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21);

    if (!(e.info >> 31))
        return !e.info && !e.error && !e.length;
    return !(e.info & 0x7ffff000) && type != 1 && type != 7 && (type != 2 || vector == 2) &&
           (!exception || vector < 32) && error == pushes && !(e.error >> 16) &&
           (error || !e.error) && (software ? e.length >= 1 && e.length <= 15 : !e.length);
}

static void all_events(void)
{
    bool accepted = true, faithful = true;
    unsigned none = 0;

    for (uint32_t info = 0; info < 0x1000; info++)
        for (uint32_t length = 0; length < 18; length++)
            for (unsigned more = 0; more < 8; more++) {
                uint32_t valid = more & 1 ? EVENT_VALID : 0, junk = more & 2 ? 0x7ffff000 : 0;
                uint64_t cr0 = more & 4 ? CR0_PE : CR0_PG;
                uint32_t error = (uint32_t)random_value();
                struct guest_event e = guest_event(info | valid | junk, error, length, cr0);

                accepted = accepted && event_accepted(e, cr0) && (valid || !e.info);
                none += valid && !e.info;
                if (!e.info)
                    continue;
                faithful = faithful && (e.info & 0x7ff) == (info & 0x7ff);
                if (e.info & info & EVENT_ERROR)
                    faithful = faithful && e.error == (error & 0xffff);
            }
    ok(accepted, "whatever was asked for, the CPU has such an event");
    ok(faithful, "type, vector and error code are those that were asked for");
    /* In 4 ways each, with and without EVENT_ERROR, by length: see guest_event_valid. */
    is_u64(none, 8 * (18 * (2 * 256 + 255 + 225) + 3 * 256 + 15 * (255 + 254) + 3 * 512),
           "and none more than that is left out");
}

static struct guest_event event(uint32_t info, uint32_t error, uint32_t length, uint64_t cr0)
{
    return guest_event(info | EVENT_VALID, error, length, cr0);
}

static void some_events(void)
{
    struct guest_event e = event(EVENT_EXCEPTION | 13, 0x1234, 0, CR0_PE);

    is_u64(e.info, EVENT_VALID | EVENT_EXCEPTION | EVENT_ERROR | 13, "#GP has an error code");
    is_u64(e.error, 0, "0, if none was named");
    e = event(EVENT_EXCEPTION | EVENT_ERROR | 13, 0xfffff, 0, 0);
    is_u64(e.info, EVENT_VALID | EVENT_EXCEPTION | 13, "in real mode it has none");
    e = event(EVENT_EXCEPTION | EVENT_ERROR | 6, 5, 9, CR0_PE);
    ok(e.info == (EVENT_VALID | EVENT_EXCEPTION | 6) && !e.error && !e.length, "nor has #UD");
    e = event(EVENT_EXTERNAL | 0x30, 0, 3, 0);
    ok(e.info == (EVENT_VALID | 0x30) && !e.length, "an interrupt has no length");
    e = event(EVENT_INT | 0x80, 0, 2, 0);
    ok(e.info == (EVENT_VALID | EVENT_INT | 0x80) && e.length == 2, "INT 0x80 has");
    ok(!event(EVENT_INT | 0x80, 0, 0, 0).info, "and is nothing without it");
    ok(event(EVENT_NMI | 2, 0, 0, 0).info && !event(EVENT_NMI | 3, 0, 0, 0).info, "NMI is 2");
    ok(!event(EVENT_EXCEPTION | 2, 0, 0, 0).info, "and only NMI is");
    ok(event(EVENT_INT1 | 1, 0, 1, 0).info && !event(EVENT_INT1 | 3, 0, 1, 0).info, "INT1 is 1");
    ok(event(EVENT_INT3 | 4, 0, 1, 0).info && !event(EVENT_INT3 | 1, 0, 1, 0).info, "INTO is 4");
}

static void masks(void)
{
    bool good = true;

    for (unsigned i = 0; i < ROUNDS; i++) {
        uint64_t value = random_value() >> (i & 31), controls = guest_controls(value);
        uint32_t shadow = (uint32_t)value;

        good = good && !(controls & 4) && controls >> 32 <= INTERCEPT_ALL &&
               !((controls ^ value) & 0x7fffffffb) && !(guest_shadow(shadow) & ~0xbu) &&
               !((guest_shadow(shadow) ^ shadow) & 0xb);
    }
    ok(good, "exceptions, intercepts, shadow: what there is");
}

int main(void)
{
    control_registers();
    extended_states();
    flags_and_debug();
    addresses();
    memory_types();
    all_events();
    some_events();
    masks();
    return done_testing();
}
