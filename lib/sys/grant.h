/* SPDX-License-Identifier: MIT */
/*
 * Memory grants: the granter's side (cpf_*, behaviour.md GR-6) and the grantee's (sys_safecopy*). The table is part of the state.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "grant_abi.h"

/* Return a grant id >= 0, or -EINVAL, -ENOSPC. flags: GRANT_READ, GRANT_WRITE, GRANT_MAP (page aligned). */
grant_t cpf_grant_direct(endpoint_t grantee, const void *address, size_t length, uint32_t flags);
grant_t cpf_grant_indirect(endpoint_t grantee, endpoint_t from, grant_t grant);
/* VFS only: on behalf of process `owner`, addresses are the owner's. */
grant_t cpf_grant_magic(endpoint_t grantee, endpoint_t owner, uint64_t address, size_t length, uint32_t flags);
#ifdef DEBUG_JOURNAL
/* Somebody else may write there now (journal_debug.c). */
bool grant_is_lent(uint64_t address);
#endif
/* Grants in force. */
uint32_t grants_in_force(void);
/* -EINVAL if unused. */
int cpf_revoke(grant_t grant);
/* Tell the kernel where the table is; the first grant and a restart do it. */
void grant_register(void);
/* Live update: what was lent of the old version's memory is elsewhere. translate: the new address, 0: none. false: something is nowhere. */
bool grant_relocate(uint64_t (*translate)(uint64_t address, uint64_t length));

int sys_safecopyfrom(endpoint_t granter, grant_t grant, uint64_t offset, void *address, size_t length);
int sys_safecopyto(endpoint_t granter, grant_t grant, uint64_t offset, const void *address, size_t length);
