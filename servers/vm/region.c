/* SPDX-License-Identifier: MIT */
/*
 * The AVL tree of a space. Recursion depth is the height of the tree, at most about 24.
 */
#include "region.h"

#include "object.h"
#include "pool.h"
#include "protocols/kernel.h"
#include "protocols/vm.h"

static int height(uint32_t index)
{
    return index == VM_NONE ? 0 : region_at(index)->height;
}

static void update_height(uint32_t index)
{
    struct region *region = region_at(index);
    int left = height(region->left);
    int right = height(region->right);

    region->height = (uint8_t)(1 + (left > right ? left : right));
}

static uint32_t rotate_right(uint32_t index)
{
    struct region *region = region_at(index);
    uint32_t top = region->left;

    region->left = region_at(top)->right;
    region_at(top)->right = index;
    update_height(index);
    update_height(top);
    return top;
}

static uint32_t rotate_left(uint32_t index)
{
    struct region *region = region_at(index);
    uint32_t top = region->right;

    region->right = region_at(top)->left;
    region_at(top)->left = index;
    update_height(index);
    update_height(top);
    return top;
}

static uint32_t balance(uint32_t index)
{
    struct region *region = region_at(index);
    int difference = height(region->left) - height(region->right);

    if (difference > 1) {
        if (height(region_at(region->left)->left) < height(region_at(region->left)->right)) {
            region->left = rotate_left(region->left);
        }
        return rotate_right(index);
    }
    if (difference < -1) {
        if (height(region_at(region->right)->right) < height(region_at(region->right)->left)) {
            region->right = rotate_right(region->right);
        }
        return rotate_left(index);
    }
    update_height(index);
    return index;
}

static uint32_t tree_insert(uint32_t root, uint32_t index)
{
    struct region *region;

    if (root == VM_NONE) {
        return index;
    }
    region = region_at(root);
    if (region_at(index)->start < region->start) {
        region->left = tree_insert(region->left, index);
    } else {
        region->right = tree_insert(region->right, index);
    }
    return balance(root);
}

static uint32_t tree_take_lowest(uint32_t root, uint32_t *lowest)
{
    struct region *region = region_at(root);

    if (region->left == VM_NONE) {
        *lowest = root;
        return region->right;
    }
    region->left = tree_take_lowest(region->left, lowest);
    return balance(root);
}

static uint32_t tree_remove(uint32_t root, uint32_t index)
{
    struct region *region = region_at(root);

    if (root != index) {
        if (region_at(index)->start < region->start) {
            region->left = tree_remove(region->left, index);
        } else {
            region->right = tree_remove(region->right, index);
        }
        return balance(root);
    }
    if (region->left == VM_NONE || region->right == VM_NONE) {
        return region->left == VM_NONE ? region->right : region->left;
    }

    uint32_t successor;
    uint32_t right = tree_take_lowest(region->right, &successor);

    region_at(successor)->left = region->left;
    region_at(successor)->right = right;
    return balance(successor);
}

uint32_t region_find(const struct space *space, uint64_t address)
{
    uint32_t index = space->root;
    uint32_t found = VM_NONE;

    while (index != VM_NONE) {
        const struct region *region = region_at(index);

        if (region->end > address) {
            found = index;
            index = region->left;
        } else {
            index = region->right;
        }
    }
    return found;
}

bool region_range_is_free(const struct space *space, uint64_t start, uint64_t end)
{
    uint32_t index = region_find(space, start);

    return index == VM_NONE || region_at(index)->start >= end;
}

/* ---- into and out of a space ---- */

static void link_region(uint32_t index)
{
    struct region *region = region_at(index);
    struct space *space = space_at(region->space);

    region->next = region_find(space, region->start);
    region->previous = region->next == VM_NONE ? space->last : region_at(region->next)->previous;
    if (region->next == VM_NONE) {
        space->last = index;
    } else {
        region_at(region->next)->previous = index;
    }
    if (region->previous == VM_NONE) {
        space->first = index;
    } else {
        region_at(region->previous)->next = index;
    }
    region->left = VM_NONE;
    region->right = VM_NONE;
    region->height = 1;
    space->root = tree_insert(space->root, index);
    space->region_count++;
    space->total_pages += (region->end - region->start) >> PAGE_BITS;
}

static void unlink_region(uint32_t index)
{
    struct region *region = region_at(index);
    struct space *space = space_at(region->space);

    space->root = tree_remove(space->root, index);
    if (region->next == VM_NONE) {
        space->last = region->previous;
    } else {
        region_at(region->next)->previous = region->previous;
    }
    if (region->previous == VM_NONE) {
        space->first = region->next;
    } else {
        region_at(region->previous)->next = region->next;
    }
    if (space->cached == index) {
        space->cached = VM_NONE;
    }
    space->region_count--;
    space->total_pages -= (region->end - region->start) >> PAGE_BITS;
}

static bool continues(const struct region *low, const struct region *high)
{
    return low->end == high->start && low->kind == high->kind && low->protection == high->protection && low->flags == high->flags &&
           low->object == high->object && low->uncached == high->uncached && low->device == high->device && low->inode == high->inode &&
           low->file_end == high->file_end && (low->kind == REGION_ANONYMOUS || low->offset + (low->end - low->start) == high->offset);
}

bool region_merge_next(struct vm_state *state, uint32_t index)
{
    struct region *region = region_at(index);
    uint32_t next = region->next;

    if (next == VM_NONE || (region->flags & (REGION_GROWSDOWN | REGION_WINDOW)) != 0 || !continues(region, region_at(next))) {
        return false;
    }

    /* In this order a crash in between leaves an overlap, not a hole (restart.c). */
    uint64_t end = region_at(next)->end;

    region_set_end(state, index, end);
    region_remove(state, next);
    return true;
}

uint32_t region_add(struct vm_state *state, uint32_t space, const struct region *model)
{
    uint32_t index = pool_take(state, &state->regions);
    uint32_t previous;

    if (index == VM_NONE) {
        return VM_NONE;
    }

    *region_at(index) = *model;
    region_at(index)->space = space;
    link_region(index);
    object_attach(index);
    region_merge_next(state, index);
    previous = region_at(index)->previous;
    if (previous != VM_NONE && region_merge_next(state, previous)) {
        return previous;
    }
    return index;
}

void region_adopt(uint32_t index)
{
    link_region(index);
    object_attach(index);
}

void region_remove(struct vm_state *state, uint32_t index)
{
    unlink_region(index);
    object_detach(state, index);
    pool_give(&state->regions, index);
}

/* A tree of the same shape; *last is the copy of the region before in address order. Returns the copy of `index`, or 0 if there are no records. */
static uint32_t copy_tree(struct vm_state *state, uint32_t index, uint32_t to, uint32_t *last)
{
    uint32_t left = VM_NONE;
    uint32_t right = VM_NONE;
    uint32_t copy;
    struct region *region;

    if (region_at(index)->left != VM_NONE) {
        left = copy_tree(state, region_at(index)->left, to, last);
    }
    copy = pool_take(state, &state->regions);
    if (copy == VM_NONE) {
        return VM_NONE;
    }
    region = region_at(copy);
    *region = *region_at(index);
    region->space = to;
    region->previous = *last;
    region->next = VM_NONE;
    if (*last == VM_NONE) {
        space_at(to)->first = copy;
    } else {
        region_at(*last)->next = copy;
    }
    *last = copy;
    object_attach(copy);
    if (region_at(index)->right != VM_NONE) {
        right = copy_tree(state, region_at(index)->right, to, last);
    }
    region_at(copy)->left = left;
    region_at(copy)->right = right;
    return copy;
}

static bool has_flag(const struct space *space, uint16_t flags)
{
    for (uint32_t i = space->first; i != VM_NONE; i = region_at(i)->next) {
        if ((region_at(i)->flags & flags) != 0) {
            return true;
        }
    }
    return false;
}

bool region_copy_all(struct vm_state *state, uint32_t from, uint32_t to, uint16_t left_out)
{
    struct space *space = space_at(to);
    const struct space *model = space_at(from);
    uint32_t last = VM_NONE;

    if (!pool_reserve(state, &state->regions, model->region_count)) {
        return false;
    }
    if (model->root != VM_NONE && !has_flag(model, left_out)) {
        space->root = copy_tree(state, model->root, to, &last);
        space->last = last;
        space->region_count = model->region_count;
        space->total_pages = model->total_pages;
        return true;
    }
    for (uint32_t i = model->first; i != VM_NONE; i = region_at(i)->next) {
        struct region copy = *region_at(i);

        if ((copy.flags & left_out) == 0) {
            region_add(state, to, &copy);
        }
    }
    return true;
}

void region_remove_all(struct vm_state *state, uint32_t index)
{
    struct space *space = space_at(index);
    uint32_t i = space->first;

    while (i != VM_NONE) {
        uint32_t next = region_at(i)->next;

        object_detach(state, i);
        pool_give(&state->regions, i);
        i = next;
    }
    space->root = VM_NONE;
    space->first = VM_NONE;
    space->last = VM_NONE;
    space->cached = VM_NONE;
    space->region_count = 0;
    space->total_pages = 0;
}

uint32_t region_split(struct vm_state *state, uint32_t index, uint64_t at)
{
    uint32_t upper = pool_take(state, &state->regions);
    struct region *region = region_at(index);
    struct region *high = region_at(upper);

    if (upper == VM_NONE) {
        return VM_NONE;
    }

    *high = *region;
    high->start = at;
    high->offset += at - region->start;
    /* Only the lowest part of a stack grows. */
    high->flags &= (uint16_t)~REGION_GROWSDOWN;
    region_set_end(state, index, at);
    link_region(upper);
    object_attach(upper);
    return upper;
}

void region_grow_down(struct vm_state *state, uint32_t index, uint64_t start)
{
    struct region *region = region_at(index);

    (void)state;
    space_at(region->space)->total_pages += (region->start - start) >> PAGE_BITS;
    region->start = start;
}

void region_set_end(struct vm_state *state, uint32_t index, uint64_t end)
{
    struct region *region = region_at(index);
    struct space *space = space_at(region->space);

    (void)state;
    space->total_pages -= (region->end - region->start) >> PAGE_BITS;
    region->end = end;
    space->total_pages += (region->end - region->start) >> PAGE_BITS;
}

/* ---- placement ---- */

static uint64_t mmap_base(const struct space *space)
{
    uint64_t room = space->limit_stack;
    uint64_t top = space->stack_top != 0 ? space->stack_top : USER_TOP;

    if (room < STACK_ROOM_BYTES || room > top / 4) {
        room = STACK_ROOM_BYTES;
    }
    return page_down(top - room - STACK_GAP_BYTES);
}

uint64_t region_find_gap(const struct space *space, uint64_t length)
{
    uint64_t high = mmap_base(space);
    uint32_t index = space->last;

    while (index != VM_NONE) {
        const struct region *region = region_at(index);
        uint64_t guard = (region->flags & REGION_GROWSDOWN) != 0 ? STACK_GAP_BYTES : 0;

        if (region->end < high && high - region->end >= length) {
            break;
        }
        if (region->start < high + guard) {
            high = region->start > guard ? region->start - guard : 0;
        }
        index = region->previous;
    }
    if (high < length || high - length < USER_LOWEST) {
        return 0;
    }
    return high - length;
}

bool region_has_counted(const struct region *region)
{
    return region->kind == REGION_ANONYMOUS || (region->kind == REGION_PRIVATE && (region->flags & REGION_COPIES) != 0);
}
