/*
 * Search trie, intrusive: which way a node lies is said by the bits of its path, the lowest ones
 * first: they choose one of TRIE_ROOTS roots, then one bit chooses in each level. A path is another
 * number for each key. So it needs no balancing, and a walk is never longer than 60 nodes; keys
 * that follow each other, or are multiples of something, have paths that differ in their first
 * bits. There is no order: it finds a key, or any.
 *
 * A node's subtrees are alike to whoever is above: any of its leaves can take its place.
 */
#pragma once

#include "types.h"

#define TRIE_ROOTS 16u

struct trie_node {
    struct trie_node *child[2];
    struct trie_node **place; /* what points to it: its parent's child, or the root */
    uint64_t key;
};

struct trie {
    struct trie_node *root[TRIE_ROOTS];
};

/* An odd factor gives each key another product; the middle bits of that depend on most of its. */
static inline uint64_t trie_path(uint64_t key)
{
    uint64_t product = key * 0x9e3779b97f4a7c15;

    return product >> 32 | product << 32;
}

static inline struct trie_node *trie_find(const struct trie *trie, uint64_t key)
{
    uint64_t bits = trie_path(key);
    struct trie_node *node = trie->root[bits % TRIE_ROOTS];

    for (bits /= TRIE_ROOTS; node && node->key != key; bits >>= 1)
        node = node->child[bits & 1];
    return node;
}

/* The node's children are NULL. */
static inline void trie_insert(struct trie *trie, struct trie_node *node, uint64_t key)
{
    uint64_t bits = trie_path(key);
    struct trie_node **place = &trie->root[bits % TRIE_ROOTS];

    for (bits /= TRIE_ROOTS; *place; bits >>= 1)
        place = &(*place)->child[bits & 1];
    node->key = key;
    node->place = place;
    *place = node;
}

static inline void trie_remove(struct trie_node *node)
{
    struct trie_node *leaf = node, *below;

    while ((below = leaf->child[0] ? leaf->child[0] : leaf->child[1]))
        leaf = below;
    *leaf->place = NULL;
    if (leaf == node)
        return;
    for (unsigned side = 0; side < 2; side++)
        if ((leaf->child[side] = node->child[side]))
            leaf->child[side]->place = &leaf->child[side];
    leaf->place = node->place;
    *leaf->place = leaf;
}

/* Some node, NULL if there is none. */
static inline struct trie_node *trie_any(const struct trie *trie)
{
    unsigned i = 0;

    while (i < TRIE_ROOTS - 1 && !trie->root[i])
        i++;
    return trie->root[i];
}
