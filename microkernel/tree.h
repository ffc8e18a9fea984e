/*
 * Ordered search tree, intrusive: a trie (trie.h) in which the bits of a key, the highest ones
 * first, say which way its node lies, and for equal keys those of the order of insertion. Nodes are
 * in order of their keys; nodes with equal keys in the order in which they were inserted. Whatever
 * is in a subtree's first half is before what is in the second, only its root can be anywhere. So
 * it needs no balancing, and a walk is never longer than 128 nodes, nor than there are.
 *
 * A tree and a node that are all zero are an empty tree and a node in no tree. Locking is the
 * caller's.
 */
#pragma once

#include "trie.h"

struct tree_node {
    struct trie_node trie; /* its place is NULL while it is in no tree; the key is the caller's */
    uint64_t order;
};

struct tree {
    struct trie_node *root;
    struct tree_node *first; /* the node with the least key */
    uint64_t order;          /* of the node that was inserted last */
};

/* Puts node, which is in no tree, behind all nodes whose keys are not larger. */
void tree_insert(struct tree *tree, struct tree_node *node, uint64_t key);

/* Takes node, which is in tree, out of it. */
void tree_remove(struct tree *tree, struct tree_node *node);

/* The last node whose key is at most key, NULL if all are larger. */
struct tree_node *tree_floor(const struct tree *tree, uint64_t key);

/* The first node, NULL if the tree is empty. */
static inline struct tree_node *tree_first(const struct tree *tree)
{
    return tree->first;
}

/* Is node in a tree? */
static inline bool tree_holds(const struct tree_node *node)
{
    return node->trie.place;
}
