/* Memory operands: segments, pages, pieces; reads now, writes when nothing can fail any more. */
#include "run.h"

bool is_canonical(const struct vcpu_state *s, uint64_t linear)
{
    unsigned unused = s->cr4 & CR4_LA57 ? 7 : 16;

    return (uint64_t)((int64_t)(linear << unused) >> unused) == linear;
}

static bool segment_fault(struct run *r, unsigned segment)
{
    return run_raise_error(r, segment == SEGMENT_SS ? VECTOR_SS : VECTOR_GP, 0);
}

/* Intel SDM 3, 5.3 and 5.5: limits and types. */
static bool segment_allows(const struct run *r, const struct vcpu_segment *s, uint64_t offset,
                           uint64_t size, enum walk_access access)
{
    bool code = s->attributes & SEGMENT_CODE;

    if (r->protects) {
        if (!(s->attributes & SEGMENT_PRESENT))
            return false;
        if (access & WALK_WRITE ? code || !(s->attributes & SEGMENT_WRITABLE)
                                : code && !(s->attributes & SEGMENT_WRITABLE))
            return false;
        if (!code && s->attributes & SEGMENT_DOWN) {
            uint64_t top = s->attributes & SEGMENT_BIG ? UINT32_MAX : 0xffff;
            return offset > s->limit && offset + size - 1 <= top;
        }
    }
    return offset + size - 1 <= s->limit;
}

bool segment_linear(struct run *r, unsigned segment, uint64_t offset, uint64_t size,
                    enum walk_access access, uint64_t *linear)
{
    const struct vcpu_segment *s = segment_at(r->s, segment);

    if (r->mode == 8) {
        *linear = segment >= SEGMENT_FS ? s->base + offset : offset;
        if (!is_canonical(r->s, *linear) || !is_canonical(r->s, *linear + size - 1))
            return segment_fault(r, segment);
        return true;
    }
    if (!segment_allows(r, s, offset, size, access))
        return segment_fault(r, segment);
    *linear = (s->base + offset) & UINT32_MAX;
    return true;
}

bool linear_resolve(struct run *r, uint64_t linear, unsigned size, enum walk_access access,
                    struct access *a)
{
    unsigned room = 4096 - (unsigned)(linear & 4095);

    a->size = size;
    a->first = size < room ? size : room;
    if (!run_walk(r, linear, access, &a->gpa[0], &a->host[0]))
        return false;
    return a->first == size || run_walk(r, linear + room, access, &a->gpa[1], &a->host[1]);
}

bool memory_resolve(struct run *r, unsigned segment, uint64_t offset, unsigned size,
                    enum walk_access access, struct access *a)
{
    uint64_t linear;

    if (!segment_linear(r, segment, offset, size, access, &linear))
        return false;
    return linear_resolve(r, linear, size, r->cpl == 3 ? access | WALK_USER : access, a);
}

/* Those of one size are one access, which other CPUs see whole where it is aligned. */
static uint64_t host_read(const uint8_t *host, unsigned size)
{
    uint64_t value = 0;

    switch (size) {
    case 1:
        return *host;
    case 2:
        memcpy(&value, host, 2);
        break;
    case 4:
        memcpy(&value, host, 4);
        break;
    case 8:
        memcpy(&value, host, 8);
        break;
    default:
        memcpy(&value, host, size & 7);
        break;
    }
    return value;
}

static void host_write(uint8_t *host, unsigned size, uint64_t value)
{
    switch (size) {
    case 1:
        *host = (uint8_t)value;
        break;
    case 2:
        memcpy(host, &value, 2);
        break;
    case 4:
        memcpy(host, &value, 4);
        break;
    case 8:
        memcpy(host, &value, 8);
        break;
    default:
        memcpy(host, &value, size & 7);
        break;
    }
}

/* A device sees the bytes of an operand that crosses into its page one at a time. */
static uint64_t piece_read(struct run *r, const struct access *a, unsigned piece, unsigned size)
{
    uint64_t value = 0;

    if (a->host[piece])
        return host_read(a->host[piece], size);
    if (size == a->size)
        return bus_read(r->e->devices, a->gpa[piece], size);
    for (unsigned i = 0; i < size; i++)
        value |= bus_read(r->e->devices, a->gpa[piece] + i, 1) << i * 8;
    return value;
}

static void piece_write(struct run *r, const struct access *a, unsigned piece, unsigned size,
                        uint64_t value)
{
    if (a->host[piece])
        host_write(a->host[piece], size, value);
    else if (size == a->size)
        bus_write(r->e->devices, a->gpa[piece], size, value);
    else
        for (unsigned i = 0; i < size; i++)
            bus_write(r->e->devices, a->gpa[piece] + i, 1, value >> i * 8);
}

uint64_t access_read(struct run *r, const struct access *a)
{
    uint64_t value = piece_read(r, a, 0, a->first);

    if (a->first < a->size)
        value |= piece_read(r, a, 1, a->size - a->first) << a->first * 8;
    return value;
}

void access_write(struct run *r, const struct access *a, uint64_t value)
{
    piece_write(r, a, 0, a->first, value);
    if (a->first < a->size)
        piece_write(r, a, 1, a->size - a->first, value >> a->first * 8);
}

bool memory_read(struct run *r, unsigned segment, uint64_t offset, unsigned size, uint64_t *value)
{
    struct access a;

    if (!memory_resolve(r, segment, offset, size, WALK_READ, &a))
        return false;
    *value = access_read(r, &a);
    return true;
}

bool table_read(struct run *r, uint64_t linear, unsigned size, uint64_t *value)
{
    struct access a;

    if (!linear_resolve(r, linear, size, WALK_IMPLICIT, &a))
        return false;
    *value = access_read(r, &a);
    return true;
}

void memory_write(struct run *r, const struct access *a, uint64_t value)
{
    r->write[r->writes++] = (struct write){.access = *a, .value = value};
}

/* What is not aligned is not locked: no other CPU's access is whole there either. */
static bool write_locked(struct run *r, const struct write *w)
{
    void *host = w->access.host[0];
    uint64_t expected = w->expected;

    if (!host || (uintptr_t)host % w->access.size) {
        access_write(r, &w->access, w->value);
        return true;
    }
    switch (w->access.size) {
    case 1: {
        uint8_t old = (uint8_t)expected;
        return __atomic_compare_exchange_n((uint8_t *)host, &old, (uint8_t)w->value, false,
                                           __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    }
    case 2: {
        uint16_t old = (uint16_t)expected;
        return __atomic_compare_exchange_n((uint16_t *)host, &old, (uint16_t)w->value, false,
                                           __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    }
    case 4: {
        uint32_t old = (uint32_t)expected;
        return __atomic_compare_exchange_n((uint32_t *)host, &old, (uint32_t)w->value, false,
                                           __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    }
    default:
        return __atomic_compare_exchange_n((uint64_t *)host, &expected, w->value, false,
                                           __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    }
}

bool writes_commit(struct run *r)
{
    for (unsigned i = 0; i < r->writes; i++) {
        const struct write *w = &r->write[i];
        if (!w->locked)
            access_write(r, &w->access, w->value);
        else if (!write_locked(r, w))
            return false; /* it is the only one of its instruction */
    }
    return true;
}
