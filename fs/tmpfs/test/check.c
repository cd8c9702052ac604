/* SPDX-License-Identifier: MIT */
/*
 * The state check finds damage that is planted, each kind by itself.
 */
#include "tree.h"

static uint32_t file, directory, link_node;

static void start_with_nodes(void)
{
    start();
    directory = new_directory(root, "directory");
    file = new_file(directory, "a file with a name that does not fit into its entry alone");
    new_file(root, "other");
    CHECK_EQ(do_symlink(root, "link", "a text that takes up more than one of the pieces, which have sixty bytes each", &link_node), 0);
    check_state();
}

static bool is_found(void)
{
    const char *broken = tmpfs_state_check(&tmpfs);

    if (broken != NULL)
        testing_note("%s", broken);
    return broken != NULL;
}

#define PLANT(what, statement)         \
    TEST(the_state_check_finds_##what) \
    {                                  \
        start_with_nodes();            \
        statement;                     \
        CHECK(is_found());             \
    }

static struct tmpfs_inode *inode(uint32_t number)
{
    return &tmpfs_tables->inode[number];
}

static struct tmpfs_entry *first_of(uint32_t number)
{
    return &tmpfs_tables->record[inode(number)->first_entry].entry;
}

PLANT(a_lost_inode, tmpfs.inodes_free--)
PLANT(a_lost_record, tmpfs.records_free--)
PLANT(a_free_inode_with_a_name, inode(file)->mode = 0)
PLANT(a_link_count_that_is_too_high, inode(file)->nlink++)
PLANT(a_node_without_name_and_reference, inode(file)->nlink = 0)
PLANT(a_directory_without_parent, inode(directory)->parent = 0)
PLANT(a_directory_below_a_file, inode(directory)->parent = file)
PLANT(a_directory_that_forgot_its_name, inode(directory)->own_entry = 0)
PLANT(an_entry_of_another_directory, first_of(directory)->directory = root)
PLANT(an_entry_that_names_nothing, first_of(directory)->inode = TMPFS_INODES + 5)
PLANT(a_list_that_is_cut, first_of(root)->next = 0)
PLANT(a_list_that_is_a_ring, first_of(root)->next = inode(root)->first_entry)
PLANT(a_list_with_a_wild_index, first_of(root)->next = 0x80000000)
PLANT(a_wrong_count_of_entries, inode(root)->entry_count++)
PLANT(a_name_that_lost_its_tail, first_of(directory)->more = 0)
PLANT(a_name_with_a_wild_tail, first_of(directory)->more = TMPFS_RECORDS)
PLANT(a_link_text_that_is_cut, tmpfs_tables->record[inode(link_node)->text].piece.next = 0)
PLANT(a_link_that_is_longer_than_its_text, inode(link_node)->size += 60)
PLANT(an_inode_of_no_mount, inode(file)->mount = TMPFS_MOUNTS)
PLANT(a_used_inode_in_the_free_list, inode(tmpfs.free_inode)->next_free = file)
PLANT(a_ring_in_the_free_list, tmpfs_tables->record[tmpfs.free_record].entry.next = tmpfs.free_record)
