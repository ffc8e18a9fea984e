/*
 * AVL tree. Insertion and removal change the tree at its bottom, then tree_repair goes up from
 * there and puts heights and balance right; it ends where a subtree is as high as it was before.
 */
#include "tree.h"

static uint32_t node_height(const struct tree_node *node)
{
    return node ? node->height : 0;
}

static void node_measure(struct tree_node *node)
{
    uint32_t before = node_height(node->child[TREE_BEFORE]);
    uint32_t behind = node_height(node->child[TREE_BEHIND]);

    node->height = 1 + (before > behind ? before : behind);
}

/* Makes lower, or nothing if it is NULL, the child of upper on that side. */
static void node_adopt(struct tree_node *upper, unsigned side, struct tree_node *lower)
{
    upper->child[side] = lower;
    if (lower)
        lower->parent = upper;
}

/* Puts heir, or nothing if it is NULL, in the place that node has below its parent. */
static void tree_replace(struct tree *tree, const struct tree_node *node, struct tree_node *heir)
{
    struct tree_node *parent = node->parent;

    if (parent) {
        node_adopt(parent, parent->child[TREE_BEHIND] == node ? TREE_BEHIND : TREE_BEFORE, heir);
        return;
    }
    tree->root = heir;
    if (heir)
        heir->parent = NULL;
}

/*
 * Lifts upper's child on that side into upper's place; the order of nodes stays. For TREE_BEFORE:
 *
 *        upper            lower
 *        /   \            /   \
 *     lower   c   -->    a   upper
 *     /   \                  /   \
 *    a   middle          middle   c
 *
 * Returns lower.
 */
static struct tree_node *tree_lift(struct tree *tree, struct tree_node *upper, unsigned side)
{
    struct tree_node *lower = upper->child[side];

    tree_replace(tree, upper, lower);
    node_adopt(upper, side, lower->child[1 - side]);
    node_adopt(lower, 1 - side, upper);
    node_measure(upper);
    node_measure(lower);
    return lower;
}

/*
 * Balances a node whose subtrees' heights differ by two, that on side high being the higher one.
 * Returns the node that is in its place then.
 */
static struct tree_node *tree_balance(struct tree *tree, struct tree_node *node, unsigned high)
{
    struct tree_node *lower = node->child[high];

    /* Lifting lower leaves its inner child where it was: that must not be the higher of the two. */
    if (node_height(lower->child[1 - high]) > node_height(lower->child[high]))
        tree_lift(tree, lower, 1 - high);
    return tree_lift(tree, node, high);
}

/* A subtree of node is one higher or lower than before: puts right node and what is above it. */
static void tree_repair(struct tree *tree, struct tree_node *node)
{
    while (node) {
        uint32_t before = node_height(node->child[TREE_BEFORE]);
        uint32_t behind = node_height(node->child[TREE_BEHIND]);
        uint32_t height = node->height;

        if (before > behind + 1)
            node = tree_balance(tree, node, TREE_BEFORE);
        else if (behind > before + 1)
            node = tree_balance(tree, node, TREE_BEHIND);
        else
            node->height = 1 + (before > behind ? before : behind);
        if (node->height == height)
            return;
        node = node->parent;
    }
}

static struct tree_node *node_first(struct tree_node *node)
{
    while (node->child[TREE_BEFORE])
        node = node->child[TREE_BEFORE];
    return node;
}

void tree_insert(struct tree *tree, struct tree_node *node, uint64_t key)
{
    struct tree_node *parent = NULL, **place = &tree->root;
    bool first = true;

    while (*place) {
        parent = *place;
        unsigned side = key < parent->key ? TREE_BEFORE : TREE_BEHIND;
        first = first && side == TREE_BEFORE;
        place = &parent->child[side];
    }
    *node = (struct tree_node){.parent = parent, .key = key, .height = 1};
    *place = node;
    if (first)
        tree->first = node;
    tree_repair(tree, parent);
}

void tree_remove(struct tree *tree, struct tree_node *node)
{
    struct tree_node *before = node->child[TREE_BEFORE], *behind = node->child[TREE_BEHIND];
    struct tree_node *lowest = node->parent; /* the lowest node whose subtree lost one */

    if (tree->first == node)
        tree->first = tree_next(node);
    if (before && behind) {
        /* The next node has nothing before it: it leaves its place easily and takes node's. */
        struct tree_node *heir = node_first(behind);
        lowest = heir->parent == node ? heir : heir->parent;
        tree_replace(tree, heir, heir->child[TREE_BEHIND]);
        node_adopt(heir, TREE_BEFORE, node->child[TREE_BEFORE]);
        node_adopt(heir, TREE_BEHIND, node->child[TREE_BEHIND]);
        heir->height = node->height;
        tree_replace(tree, node, heir);
    } else {
        tree_replace(tree, node, before ? before : behind);
    }
    node->height = 0;
    tree_repair(tree, lowest);
}

struct tree_node *tree_next(const struct tree_node *node)
{
    if (node->child[TREE_BEHIND])
        return node_first(node->child[TREE_BEHIND]);
    while (node->parent && node->parent->child[TREE_BEHIND] == node)
        node = node->parent;
    return node->parent;
}

struct tree_node *tree_floor(const struct tree *tree, uint64_t key)
{
    struct tree_node *node = tree->root, *found = NULL;

    while (node) {
        bool larger = node->key > key;
        if (!larger)
            found = node;
        node = node->child[larger ? TREE_BEFORE : TREE_BEHIND];
    }
    return found;
}
