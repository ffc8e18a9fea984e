/*
 * Balanced search tree, intrusive: an AVL tree in which each node knows its parent and the height
 * of its subtree. Nodes are in order of their keys; nodes with equal keys in the order in which
 * they were inserted. The heights of a node's two subtrees differ by at most one, so n nodes are
 * never deeper than 1.45 * log2(n + 2), and every walk is bounded by that.
 *
 * A tree and a node that are all zero are an empty tree and a node in no tree. Locking is the
 * caller's.
 */
#ifndef CAIRN_TREE_H
#define CAIRN_TREE_H

#include "types.h"

enum tree_side {
    TREE_BEFORE = 0, /* smaller keys */
    TREE_BEHIND = 1, /* larger keys, and equal ones that came later */
};

struct tree_node {
    struct tree_node *child[2]; /* by enum tree_side; NULL: none */
    struct tree_node *parent;   /* NULL: the root */
    uint64_t key;               /* does not change while the node is in a tree */
    uint32_t height;            /* of its subtree: 1 for a leaf; 0: in no tree */
};

struct tree {
    struct tree_node *root;
    struct tree_node *first; /* the node with the least key */
};

/* Puts node, which is in no tree, behind all nodes whose keys are not larger. O(log n). */
void tree_insert(struct tree *tree, struct tree_node *node, uint64_t key);

/* Takes node, which is in tree, out of it. O(log n). */
void tree_remove(struct tree *tree, struct tree_node *node);

/* The node behind node, NULL if that is the last. O(log n), and O(1) a node over a whole walk. */
struct tree_node *tree_next(const struct tree_node *node);

/* The last node whose key is at most key, NULL if all are larger. O(log n). */
struct tree_node *tree_floor(const struct tree *tree, uint64_t key);

/* The first node, NULL if the tree is empty. O(1). */
static inline struct tree_node *tree_first(const struct tree *tree)
{
    return tree->first;
}

/* Is node in a tree? */
static inline bool tree_holds(const struct tree_node *node)
{
    return node->height != 0;
}

#endif
