/* What the tests of derivation share: objects, slots, and mappings that are nothing but nodes. */
#pragma once

#include "derive.h"

#include <pthread.h>
#include <stdlib.h>

#include "kernel_random.h"
#include "tap.h"

#define OBJECTS  8u
#define SLOTS    192u
#define MAPPINGS 64u
#define NODES    (SLOTS + MAPPINGS)
#define NOBODY   (-1)

struct model {
    bool used;
    unsigned object;
    uint32_t rights;
    int parent, child, sibling; /* first child: the one derived last */
};

static struct object objects[OBJECTS] __attribute__((aligned(64)));
static struct node nodes[NODES]; /* slots, then mappings */
static struct model model[NODES];
static int first[OBJECTS]; /* the object's first capability */
static unsigned removed;   /* mappings, by mappings_remove */
static uint64_t errors;

static inline void expect(bool good, int line)
{
    if (!good && errors++ < 10)
        printf("# line %d\n", line);
}

#define EXPECT(condition) expect(condition, __LINE__)

bool mem_retreat_step(struct node *origin)
{
    (void)origin;
    return false;
}

void mem_remove(struct node *origin)
{
    (void)origin;
    abort();
}

void part_remove(struct node *origin)
{
    mem_remove(origin);
}

void sc_remove(struct node *node)
{
    mem_remove(node);
}

unsigned mappings_remove(struct node *from, const struct chain *end, unsigned limit)
{
    struct node *node = from, *next;
    unsigned count = 0;

    EXPECT(limit > 0);
    for (uint32_t depth = from->depth;; node = next) {
        EXPECT(node >= nodes + SLOTS && node < nodes + NODES && node->word == 0xabc);
        next = CONTAINER(node->chain.next, struct node, chain);
        chain_remove(&node->chain);
        *node = (struct node){0};
        __atomic_fetch_add(&removed, 1, __ATOMIC_RELAXED);
        if (++count == limit || &next->chain == end || next->kind != NODE_MAPPING ||
            next->depth != depth)
            return count;
    }
}

void interrupt_remove(struct node *node)
{
    (void)node;
    EXPECT(false); /* there are none here */
}

static inline void object_reset(struct object *object)
{
    memset(object, 0, sizeof(*object));
    chain_init(&object->nodes);
}

static inline void reset(void)
{
    memset(nodes, 0, sizeof(nodes));
    memset(model, 0, sizeof(model));
    for (unsigned i = 0; i < OBJECTS; i++) {
        object_reset(&objects[i]);
        first[i] = NOBODY;
    }
    removed = 0;
    errors = 0;
}
