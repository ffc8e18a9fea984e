/*
 * Intel SDM 3, 4.3 to 4.7: paging, access rights, page-fault error codes, accessed and dirty bits.
 * 1 GiB pages are always there; PSE-36 never is, so bits 21:13 of a 4 MiB page are reserved.
 */
#include "run.h"

#define PTE_PRESENT  (1ull << 0)
#define PTE_WRITE    (1ull << 1)
#define PTE_USER     (1ull << 2)
#define PTE_ACCESSED (1ull << 5)
#define PTE_DIRTY    (1ull << 6)
#define PTE_LARGE    (1ull << 7)
#define PTE_NX       (1ull << 63)
#define PTE_FRAME    0x000ffffffffff000ull

#define CR0_WP   (1ull << 16)
#define CR4_PSE  (1ull << 4)
#define CR4_SMEP (1ull << 20)
#define CR4_SMAP (1ull << 21)
#define EFER_NXE (1ull << 11)

#define ERROR_PRESENT  1u
#define ERROR_WRITE    2u
#define ERROR_USER     4u
#define ERROR_RESERVED 8u
#define ERROR_FETCH    16u

#define TRIES 16 /* when others change the tables at the same time */

/* What all of a walk depends on. */
struct steps {
    const struct vcpu_state *state;
    const struct guest_memory *memory;
    uint64_t linear;
    uint64_t reserved; /* of each entry */
    unsigned access;
    unsigned largest;       /* PS is for entries that map at most 1 << largest bytes */
    struct walk_memo *memo; /* or NULL */
    bool marks;             /* sets accessed and dirty bits */
};

enum outcome { WALKED, UNMARKED, LOST, FAILED }; /* LOST: somebody changed an entry */

static bool is_user(unsigned access)
{
    return access & WALK_USER && !(access & WALK_IMPLICIT);
}

static enum outcome fail(const struct steps *w, uint32_t why, struct emulate_fault *fault)
{
    const struct vcpu_state *s = w->state;
    bool tells_fetch = s->cr4 & CR4_SMEP || (s->cr4 & CR4_PAE && s->efer & EFER_NXE);

    if (w->access & WALK_WRITE)
        why |= ERROR_WRITE;
    if (is_user(w->access))
        why |= ERROR_USER;
    if (w->access & WALK_EXECUTE && tells_fetch)
        why |= ERROR_FETCH;
    *fault = (struct emulate_fault){14, true, why, w->linear};
    return FAILED;
}

/* Whether the rights on the way, the AND and the OR of its entries, allow the access. */
static inline bool is_allowed(const struct steps *w, uint64_t all, uint64_t any)
{
    const struct vcpu_state *s = w->state;
    bool user_page = all & PTE_USER;

    if (w->access & WALK_EXECUTE) {
        if (any & PTE_NX)
            return false;
        return is_user(w->access) ? user_page : !(user_page && s->cr4 & CR4_SMEP);
    }
    if (is_user(w->access))
        return user_page && (!(w->access & WALK_WRITE) || all & PTE_WRITE);
    if (user_page && s->cr4 & CR4_SMAP && (w->access & WALK_IMPLICIT || !(s->rflags & FLAG_AC)))
        return false;
    return !(w->access & WALK_WRITE) || all & PTE_WRITE || !(s->cr0 & CR0_WP);
}

/* False: it is not `entry` any more. */
static bool entry_mark(unsigned size, void *at, uint64_t entry, uint64_t bits)
{
    uint32_t entry_32 = (uint32_t)entry;

    if ((entry & bits) == bits)
        return true;
    if (size == 8)
        return __atomic_compare_exchange_n((uint64_t *)at, &entry, entry | bits, false,
                                           __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    return __atomic_compare_exchange_n((uint32_t *)at, &entry_32, entry_32 | (uint32_t)bits, false,
                                       __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

/* The piece of RAM where a table is; NULL: none. RAM comes in whole pages, and so do tables. */
static const struct guest_ram *ram_of(const struct guest_memory *memory, uint64_t table)
{
    for (unsigned i = 0; i < memory->count; i++)
        if (table - memory->ram[i].gpa < memory->ram[i].size)
            return &memory->ram[i];
    return NULL;
}

/* Bits of an entry that maps a page of 1 << shift bytes, between its frame and bit 12. */
static uint64_t large_reserved(unsigned shift)
{
    return (1ull << shift) - (1ull << 13);
}

/* Reserved bits, of one where PS is set too: at shift 12 that is PAT, of 4 bytes it may be ignored.
 */
static bool is_legal(const struct steps *w, uint64_t entry, unsigned shift, unsigned size)
{
    if (entry & w->reserved)
        return false;
    if (shift == 12 || !(entry & PTE_LARGE))
        return true;
    return shift <= w->largest ? !(entry & large_reserved(shift)) : size == 4;
}

/*
 * From the table at `table`, whose entries of so many bytes map 1 << shift bytes each, down to the
 * page. Made twice, for each size: the way of every access to a device goes through here.
 */
__attribute__((always_inline)) static inline enum outcome
descend(struct steps *w, const unsigned size, uint64_t table, unsigned shift, uint64_t *gpa,
        struct emulate_fault *fault)
{
    const unsigned bits = size == 8 ? 9 : 10;
    const uint64_t usual = w->reserved | PTE_LARGE | PTE_PRESENT;
    const uint64_t linear = w->linear;
    const bool marks = w->marks;
    struct walk_memo *memo = size == 8 ? w->memo : NULL;
    struct guest_ram ram = {0};
    uint64_t all = UINT64_MAX;
    uint64_t any = 0;
    uint64_t entry;
    void *at;

    for (;;) {
        if (table - ram.gpa >= ram.size) {
            const struct guest_ram *found = ram_of(w->memory, table);
            if (!found)
                return fail(w, 0, fault);
            ram = *found;
        }
        at = ram.host + (table - ram.gpa) + (linear >> shift & ((1u << bits) - 1)) * size;
        entry = size == 8 ? __atomic_load_n((uint64_t *)at, __ATOMIC_RELAXED)
                          : __atomic_load_n((uint32_t *)at, __ATOMIC_RELAXED);
        all &= entry;
        any |= entry;
        if (memo) {
            memo->at[memo->count] = at;
            memo->entry[memo->count++] = entry;
        }
        if ((entry & usual) != PTE_PRESENT) {
            if (!(entry & PTE_PRESENT))
                return fail(w, 0, fault);
            if (!is_legal(w, entry, shift, size))
                return fail(w, ERROR_PRESENT | ERROR_RESERVED, fault);
            if (shift <= w->largest)
                break;
        }
        if (shift == 12)
            break;
        if (marks && !entry_mark(size, at, entry, PTE_ACCESSED))
            return LOST;
        table = entry & PTE_FRAME;
        shift -= bits;
    }
    uint64_t last = w->access & WALK_WRITE ? PTE_ACCESSED | PTE_DIRTY : PTE_ACCESSED;
    if (!is_allowed(w, all, any))
        return fail(w, ERROR_PRESENT, fault);
    uint64_t offset = (1ull << shift) - 1;
    *gpa = (entry & PTE_FRAME & ~offset) | (linear & offset);
    if (marks)
        return entry_mark(size, at, entry, last) ? WALKED : LOST;
    return all & PTE_ACCESSED && (entry & last) == last ? WALKED : UNMARKED;
}

/* Finds the first table. */
static enum outcome walk_once(struct steps *w, uint8_t phys_bits, uint64_t *gpa,
                              struct emulate_fault *fault)
{
    const struct vcpu_state *s = w->state;
    uint64_t too_high = phys_bits < 52 ? (1ull << 52) - (1ull << phys_bits) : 0;
    uint64_t table = s->cr3;
    unsigned shift = s->cr4 & CR4_LA57 ? 48 : 39;

    if (!(s->cr4 & CR4_PAE)) {
        w->reserved = 0;
        w->largest = s->cr4 & CR4_PSE ? 22 : 12;
        return descend(w, 4, s->cr3 & 0xfffff000u, 22, gpa, fault);
    }
    w->reserved = too_high | (s->efer & EFER_NXE ? 0 : PTE_NX);
    w->largest = 30;
    if (!(s->efer & EFER_LMA)) {
        w->largest = 21;
        w->reserved |= 0x7ff0000000000000ull;
        table = s->pdpte[w->linear >> 30 & 3];
        shift = 21;
        if (!(table & PTE_PRESENT))
            return fail(w, 0, fault);
    }
    return descend(w, 8, table & PTE_FRAME & ~too_high, shift, gpa, fault);
}

/* Nothing is marked before it is known that the access is allowed. */
static bool walk_all(struct steps *w, uint8_t phys_bits, uint64_t *gpa, struct emulate_fault *fault)
{
    for (unsigned i = 0; i < TRIES; i++) {
        if (w->memo)
            w->memo->count = 0;
        enum outcome outcome = walk_once(w, phys_bits, gpa, fault);
        if (outcome == WALKED || outcome == FAILED)
            return outcome == WALKED;
        w->marks = !w->marks; /* after LOST it is looked at anew */
    }
    fail(w, 0, fault); /* as if an entry had been absent while it was changed */
    return false;
}

bool walk(const struct vcpu_state *state, const struct guest_memory *memory, uint8_t phys_bits,
          uint64_t linear, enum walk_access access, uint64_t *gpa, struct emulate_fault *fault)
{
    if (!(state->efer & EFER_LMA))
        linear &= UINT32_MAX;
    if (!(state->cr0 & CR0_PG)) {
        *gpa = linear;
        return true;
    }
    struct steps w = {.state = state, .memory = memory, .linear = linear, .access = access};
    return walk_all(&w, phys_bits, gpa, fault);
}

static bool memo_holds(const struct walk_memo *m, const struct vcpu_state *s, uint64_t linear,
                       unsigned access)
{
    if (m->page != linear >> 12 || !m->count || m->access != access || m->cr0 != s->cr0 ||
        m->cr3 != s->cr3 || m->cr4 != s->cr4 || m->efer != s->efer ||
        m->ac != (s->rflags & FLAG_AC))
        return false;
    for (unsigned i = 0; i < m->count; i++)
        if (__atomic_load_n(m->at[i], __ATOMIC_RELAXED) != m->entry[i])
            return false;
    return true;
}

/* Walks, and keeps how. */
static bool memo_make(struct run *r, struct walk_memo *m, uint64_t linear, enum walk_access access)
{
    const struct vcpu_state *s = r->s;
    struct emulate *e = r->e;
    struct steps w = {
        .state = s, .memory = e->memory, .linear = linear, .access = access, .memo = m};

    *m = (struct walk_memo){.page = linear >> 12,
                            .cr0 = s->cr0,
                            .cr3 = s->cr3,
                            .cr4 = s->cr4,
                            .efer = s->efer,
                            .ac = s->rflags & FLAG_AC,
                            .access = access};
    if (walk_all(&w, e->phys_bits, &m->gpa, &e->fault)) {
        m->gpa &= ~4095ull;
        m->host = guest_at(e->memory, m->gpa, 4096);
        return true;
    }
    m->count = 0;
    return false;
}

bool run_walk(struct run *r, uint64_t linear, enum walk_access access, uint64_t *gpa,
              uint8_t **host)
{
    struct emulate *e = r->e;

    if (e->cache && r->s->efer & EFER_LMA && r->s->cr0 & CR0_PG) {
        struct walk_memo *m = &e->cache->walk[(linear >> 12 ^ access) % WALK_MEMOS];
        if (memo_holds(m, r->s, linear, access) || memo_make(r, m, linear, access)) {
            *gpa = m->gpa | (linear & 4095);
            *host = m->host ? m->host + (linear & 4095) : NULL;
            return true;
        }
    } else if (walk(r->s, e->memory, e->phys_bits, linear, access, gpa, &e->fault)) {
        *host = guest_at(e->memory, *gpa, 1); /* RAM comes in whole pages */
        return true;
    }
    r->result = EMULATE_FAULT;
    return false;
}
