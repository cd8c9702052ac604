/* SPDX-License-Identifier: MIT */
/*
 * Instructions are taken apart with the right lengths, and each mistake of mutate.c changes what its name says.
 */
#include "sys/mutate.h"

#include <string.h>

#include "sys/instruction.h"
#include "sys/loop.h"
#include "testing/testing.h"

/* The rest of the library is linked too. */
grant_t public_table_grant = -1;

int kernel_request(struct message *message)
{
    (void)message;
    return 0;
}

static uint32_t length_of(const char *bytes)
{
    uint8_t code[32] = { 0 };
    struct instruction parts;

    memcpy(code, bytes, strlen(bytes));
    return instruction_decode(code, &parts) ? parts.length : 0;
}

TEST(lengths_are_those_of_the_disassembler)
{
    CHECK(length_of("\x55") == 1);
    CHECK(length_of("\x48\x89\xe5") == 3);                     /* mov %rsp,%rbp */
    CHECK(length_of("\x48\x8d\x05\x11\x22\x33\x44") == 7);     /* lea 0x44332211(%rip),%rax */
    CHECK(length_of("\x66\x41\xc7\x44\x24\x10\x34\x12") == 8); /* movw $0x1234,0x10(%r12) */
    CHECK(length_of("\xc7\x84\xc8\x10\x11\x12\x13\x01\x02\x03\x04") == 11);
    CHECK(length_of("\x48\xb8\x01\x02\x03\x04\x05\x06\x07\x08") == 10); /* movabs */
    CHECK(length_of("\xf6\x40\x08\x01") == 4);                          /* testb $1,8(%rax) */
    CHECK(length_of("\xf7\xd8") == 2);                                  /* neg %eax */
    CHECK(length_of("\x0f\x84\x11\x22\x33\x44") == 6);
    CHECK(length_of("\x0f\xb6\x04\x25\x11\x22\x33\x44") == 8); /* movzbl 0x44332211,%eax */
    CHECK(length_of("\xf3\x48\xa5") == 3);
    CHECK(length_of("\xf4") == 0);
}

/* Every way that fits this instruction, one after the other; the one with this name in *mutation. */
static bool find(const char *bytes, const char *name, struct mutation *mutation)
{
    uint8_t code[32] = { 0 };

    memcpy(code, bytes, strlen(bytes));
    for (uint32_t random = 0; random < 7; random++) {
        if (mutate_instruction(code, random, mutation) && strcmp(mutation->name, name) == 0)
            return true;
    }
    return false;
}

TEST(a_condition_is_inverted_moved_by_one_or_its_branch_deleted)
{
    struct mutation mutation;

    CHECK(find("\x72\x10", "inverted-condition", &mutation) && mutation.after[0] == 0x73);
    CHECK(find("\x72\x10", "off-by-one", &mutation) && mutation.after[0] == 0x76);
    CHECK(find("\x72\x10", "deleted-branch", &mutation) && mutation.after[0] == 0x90 && mutation.after[1] == 0x90);
    CHECK(find("\x83\xf8\x05", "off-by-one", &mutation) && (mutation.after[2] == 4 || mutation.after[2] == 6));
}

TEST(a_store_is_skipped_or_goes_elsewhere)
{
    struct mutation mutation;

    CHECK(find("\x48\x89\x46\x10", "skipped-store", &mutation) && mutation.after[0] == 0x90 && mutation.length == 4);
    CHECK(find("\x48\x89\x46\x10", "wrong-pointer", &mutation) && memcmp(mutation.after, mutation.before, 4) != 0 &&
          mutation.after[0] == 0x48);
    CHECK(find("\x48\x89\x46\x10", "wrong-source", &mutation) && (mutation.after[2] & 0xc7) == 0x46);
    CHECK(!find("\x48\x89\x46\x10", "wrong-destination", &mutation));
    CHECK(find("\x48\x8b\x46\x10", "wrong-destination", &mutation) && (mutation.after[2] & 0xc7) == 0x46);
}

TEST(a_call_and_what_is_unknown_stay_as_they_are)
{
    struct mutation mutation;
    uint8_t call[16] = { 0xe8, 1, 2, 3, 4 }, halt[16] = { 0xf4 };

    for (uint32_t random = 0; random < 7; random++) {
        CHECK(!mutate_instruction(call, random, &mutation));
        CHECK(!mutate_instruction(halt, random, &mutation));
    }
}
