/*
 * XSAVE images of a monitor: what is taken over is what XRSTOR accepts, has each component that the
 * image says is in use, and nothing else of the private area changes.
 */
#include "xsave_image.h"

#include "tap.h"

#define ROUNDS 20000u
#define PKRU   9u

struct handoff boot_handoff;

/* As CPUs with AVX-512 have it; without MPX there is a gap behind AVX. */
static const struct xsave_layout layout = {
    .components = 0x2e7,
    .bytes = 2696,
    .component = {[2] = {576, 256},
                  [5] = {1088, 64},
                  [6] = {1152, 512},
                  [7] = {1664, 1024},
                  [PKRU] = {2688, 8}},
};

static uint8_t shared[VCPU_IMAGE_BYTES] __attribute__((aligned(64)));
static uint8_t private[VCPU_IMAGE_BYTES] __attribute__((aligned(64)));
static uint8_t before[VCPU_IMAGE_BYTES];

static uint64_t random_state = 0x78736176;

static uint64_t random_value(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    return random_state ^= random_state << 17;
}

static void fill(uint8_t *bytes)
{
    for (unsigned i = 0; i < VCPU_IMAGE_BYTES; i += 8) {
        uint64_t value = random_value();
        memcpy(bytes + i, &value, sizeof(value));
    }
}

/* Which component does a byte belong to, as the manual draws the image? */
static unsigned component_of(unsigned byte)
{
    for (unsigned n = 2; n < XSAVE_COMPONENTS; n++)
        if (byte - layout.component[n].offset < layout.component[n].bytes)
            return n;
    return XSAVE_COMPONENTS;
}

/* Extended components: taken if in use, otherwise as they were. */
static bool extended_right(uint64_t used)
{
    for (unsigned i = sizeof(struct guest_image); i < VCPU_IMAGE_BYTES; i++) {
        unsigned n = component_of(i);
        bool taken = n < XSAVE_COMPONENTS && used >> n & 1;
        if (private[i] != (taken ? shared : before)[i])
            return false;
    }
    return true;
}

static void random_images(void)
{
    const struct guest_image *from = (const struct guest_image *)shared;
    const struct guest_image *to = (const struct guest_image *)private;
    bool accepted = true, legacy = true, extended = true;

    for (unsigned round = 0; round < ROUNDS; round++) {
        fill(shared);
        fill(private);
        memcpy(before, private, sizeof(before));
        xsave_take(&layout, private, shared);
        accepted = accepted && !(to->components & ~layout.components) && !(to->mxcsr >> 16);
        for (unsigned i = 0; i < 7; i++)
            accepted = accepted && !to->zero[i];
        legacy = legacy && to->components == (from->components & layout.components) &&
                 to->mxcsr == (from->mxcsr & 0xffff) &&
                 !memcmp(to->legacy, from->legacy, sizeof(to->legacy)) &&
                 !memcmp(private + 32, shared + 32, XSAVE_LEGACY - 32);
        extended = extended && extended_right(to->components);
    }
    ok(accepted, "XRSTOR takes the image, whatever it was");
    ok(legacy, "x87 and SSE state, MXCSR and what is in use are the monitor's");
    ok(extended, "components in use are taken, all else stays");
}

static void edges(void)
{
    struct guest_image *from = (struct guest_image *)shared;

    memset(shared, 0x5a, sizeof(shared));
    memset(private, 0, sizeof(private));
    from->components = 1u << PKRU;
    xsave_take(&layout, private, shared);
    is_u64(private[2687], 0, "before the last component");
    is_u64(private[2688], 0x5a, "its first byte");
    is_u64(private[2695], 0x5a, "its last");
    is_u64(private[2696], 0, "behind it");
    from->components = 3u << 3 | 3ull << 17 | 1ull << 62 | 1ull << 63;
    xsave_take(&layout, private, shared);
    is_u64(((struct guest_image *)private)->components, 0, "none of MPX, AMX and those unknown");
}

int main(void)
{
    random_images();
    edges();
    return done_testing();
}
