/* Fetch, decode, carry out, and what the state page is told of it. */
#include "run.h"

#define TRIES 8 /* of a locked instruction, before the guest tries it again itself */

static void run_begin(struct run *r, struct emulate *e)
{
    struct vcpu_state *s = e->state;
    unsigned cs = s->cs.attributes;

    r->e = e;
    r->s = s;
    r->gpr = (uint64_t *)(void *)s;
    r->flags = s->rflags;
    r->protects = s->cr0 & CR0_PE && !(s->rflags & FLAG_VM);
    r->cpl = s->rflags & FLAG_VM && s->cr0 & CR0_PE ? 3 : r->protects ? SEGMENT_DPL(&s->ss) : 0;
    r->mode = s->efer & EFER_LMA && cs & SEGMENT_LONG ? 8 : cs & SEGMENT_BIG ? 4 : 2;
    r->stack = r->mode == 8 ? 8 : s->ss.attributes & SEGMENT_BIG ? 4 : 2;
    r->opened = false;
    r->loaded = 0;
    r->changed = 0;
    r->shadow = s->shadow & SHADOW_NMI;
    r->writes = 0;
}

/* Bytes of the instruction that are there, and how many, up to the end of a page. */
struct fetched {
    uint8_t bytes[16];
    unsigned count;
};

/* Adds bytes from linear on, at most to the end of its page. */
static bool fetch(struct run *r, struct fetched *f, uint64_t linear)
{
    enum walk_access access = r->cpl == 3 ? WALK_EXECUTE | WALK_USER : WALK_EXECUTE;
    unsigned room = 4096 - (unsigned)(linear & 4095);
    unsigned size = INSTRUCTION_BYTES - f->count;
    uint64_t gpa;
    uint8_t *host;

    if (size > room)
        size = room;
    if (!run_walk(r, linear, access, &gpa, &host))
        return false;
    if (!host)
        return run_unknown(r);
    if (size == INSTRUCTION_BYTES) /* nearly always */
        memcpy(f->bytes, host, INSTRUCTION_BYTES);
    else
        memcpy(f->bytes + f->count, host, size);
    f->count += size;
    return true;
}

/* Where the byte at RIP + offset is. */
static uint64_t linear_at(const struct run *r, unsigned offset)
{
    uint64_t rip = r->s->rip + offset;

    return r->mode == 8 ? rip : (r->s->cs.base + rip) & UINT32_MAX;
}

unsigned emulate_fetch(struct emulate *e, uint8_t bytes[EMULATE_BYTES])
{
    struct run r;
    struct fetched f;

    e->fault.vector = 0;
    f.count = 0;
    run_begin(&r, e);
    while (f.count < INSTRUCTION_BYTES && fetch(&r, &f, linear_at(&r, f.count)))
        ;
    memcpy(bytes, f.bytes, EMULATE_BYTES);
    return f.count;
}

size_t decode_cache_bytes(void)
{
    return sizeof(struct decode_cache);
}

static bool is_same(const uint8_t *cached, const uint8_t *now, unsigned length)
{
    uint64_t a[2];
    uint64_t b[2];

    memcpy(a, cached, 16);
    memcpy(b, now, 16);
    if (length <= 8)
        return !((a[0] ^ b[0]) & mask_of(length));
    return a[0] == b[0] && !((a[1] ^ b[1]) & mask_of(length - 8));
}

/* From the cache, or decoded into it, or into *own. */
static enum decode_result look_up(struct run *r, const struct fetched *f, uint64_t linear,
                                  struct instruction *own)
{
    struct decode_cache *cache = r->e->cache;
    uint64_t slot = (linear ^ linear >> 6 ^ linear >> 12) % DECODE_CACHE_ENTRIES;

    if (!cache) {
        r->i = own;
        return instruction_decode(own, f->bytes, f->count, r->mode);
    }
    r->i = &cache->entry[slot].instruction;
    if (cache->entry[slot].mode == r->mode && r->i->length <= f->count &&
        is_same(cache->entry[slot].bytes, f->bytes, r->i->length))
        return DECODE_OK;
    cache->entry[slot].mode = 0;
    enum decode_result result = instruction_decode(r->i, f->bytes, f->count, r->mode);
    if (result == DECODE_OK) {
        cache->entry[slot].mode = (uint8_t)r->mode;
        memcpy(cache->entry[slot].bytes, f->bytes, 16);
    }
    return result;
}

/* Intel SDM 3, 6.15: an instruction of more than 15 bytes, or beyond the limit, is #GP(0). */
static bool run_decode(struct run *r, struct instruction *own)
{
    struct vcpu_state *s = r->s;
    uint64_t linear = linear_at(r, 0);
    struct fetched f;
    unsigned told = s->instruction_bytes;

    f.count = told < INSTRUCTION_BYTES ? told : INSTRUCTION_BYTES;
    memcpy(f.bytes, s->instruction, 16);
    if (r->mode == 8 ? !is_canonical(s, s->rip) : s->rip > s->cs.limit)
        return run_raise_error(r, VECTOR_GP, 0);
    if (!told && !fetch(r, &f, linear))
        return false;
    enum decode_result result = look_up(r, &f, linear, own);
    if (result == DECODE_SHORT && f.count < INSTRUCTION_BYTES) {
        if (!fetch(r, &f, linear_at(r, f.count)))
            return false;
        result = look_up(r, &f, linear, own);
    }
    if (result == DECODE_UNKNOWN)
        return run_unknown(r);
    if (result == DECODE_SHORT)
        return run_raise_error(r, VECTOR_GP, 0);
    if (result == DECODE_INVALID)
        return run_raise(r, VECTOR_UD);
    r->next = s->rip + r->i->length;
    if (r->mode != 8 && r->next - 1 > s->cs.limit)
        return run_raise_error(r, VECTOR_GP, 0);
    return true;
}

static void run_end(struct run *r, uint64_t rsp)
{
    struct vcpu_state *s = r->s;
    bool traps = s->rflags & FLAG_TF && !(r->shadow & SHADOW_MOV_SS);

    r->flags = (r->flags & ~FLAG_RF) | FLAG_ONE;
    r->changed |= STATE_RIP;
    if (s->rip == r->next && r->i->repeat)
        r->flags |= s->rflags & FLAG_RF; /* it goes on */
    s->rip = r->mode == 8 ? r->next : r->next & UINT32_MAX;
    if (r->flags != s->rflags)
        r->changed |= STATE_RFLAGS;
    s->rflags = r->flags;
    if (s->rsp != rsp)
        r->changed |= STATE_RSP;
    if (traps) /* Intel SDM 3, 17.3.1.4 */
        s->pending_debug |= 1u << 14;
    if (traps || s->shadow != r->shadow)
        r->changed |= STATE_INTERRUPTS;
    s->shadow = r->shadow;
    r->e->changed = r->changed;
}

enum emulate_result emulate(struct emulate *e)
{
    struct run r;
    struct instruction own;
    uint64_t saved[16];

    e->changed = 0;
    memcpy(saved, e->state, sizeof(saved));
    for (unsigned i = 0; i < TRIES; i++) {
        run_begin(&r, e);
        if (!run_decode(&r, &own))
            return r.result;
        if (!r.i->execute(&r)) {
            memcpy(e->state, saved, sizeof(saved));
            return r.result;
        }
        if (writes_commit(&r)) {
            run_end(&r, saved[4]);
            return EMULATE_DONE;
        }
        memcpy(e->state, saved, sizeof(saved));
    }
    return EMULATE_DONE; /* nothing has changed; the guest comes again */
}
