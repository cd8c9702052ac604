/* SPDX-License-Identifier: MIT */
/*
 * Kernel calls as C functions, for the ones that need no request structs at the caller; each is SENDREC to ENDPOINT_SYSTEM (abi/protocols/kernel.idl).
 * For the others use the generated kernel_call_*(ENDPOINT_SYSTEM, &request, &reply). Return 0 or a negative error.
 */
#pragma once

#include <stddef.h>

#include "kernel_info.h"
#include "message.h"
#include "privilege.h"

int sys_vircopy(endpoint_t source, uint64_t source_address, endpoint_t destination, uint64_t destination_address, size_t length);
/* From a process into our memory, and the other way. */
int sys_copy_from(endpoint_t source, uint64_t address, void *to, size_t length);
int sys_copy_to(endpoint_t destination, uint64_t address, const void *from, size_t length);
/* Returns the length without NUL, or -EFAULT, -ENAMETOOLONG. */
int sys_copy_string(endpoint_t source, uint64_t address, char *to, size_t room);
/* The same where nobody would miss what `to` holds, were the handler rolled back: it is not journaled. For texts of which only what was copied is ever
 * read, into a buffer that this handler has taken or whose use begins here. */
int sys_copy_string_anew(endpoint_t source, uint64_t address, char *to, size_t room);
int sys_memset(endpoint_t process, uint64_t address, int byte, size_t length);
/* Uptime in ns. */
uint64_t sys_uptime(void);
uint64_t sys_realtime(void);
/* Alarm at an absolute uptime, 0: none; comes as a notification from CLOCK. */
int sys_setalarm(uint64_t deadline_ns);
int sys_getinfo(uint32_t what, void *address, size_t length, size_t *length_bytes);
int sys_irq_set_policy(uint32_t line, uint32_t hook);
int sys_irq_enable(uint32_t hook);
int sys_irq_disable(uint32_t hook);
int sys_in8(uint16_t port, uint8_t *value);
int sys_out8(uint16_t port, uint8_t value);
int sys_kill(endpoint_t process, int signo);
