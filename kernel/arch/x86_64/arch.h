/* SPDX-License-Identifier: MIT */
/*
 * What the portable kernel asks of the processor and the board. Everything below runs with interrupts off and the big kernel lock held, unless said.
 * All of physical memory is mapped at PHYSICAL_MAP_BASE (kernel only).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel_info.h"
#include "message.h"

struct thread;
struct trap_frame;

/* ---- boot (boot.c, acpi.c, loader.c) ---- */
extern struct boot_info boot_info; /* filled by arch code before kernel_main */
extern struct machine_info machine_info;
/* Portable entry on the boot processor, after paging, traps, ACPI and the early allocator; written in kernel/main.c. */
void kernel_main(void);
/* Start the other processors; each ends up in kernel_main_secondary() (kernel/main.c) with the lock held. */
void smp_start_others(void);
void kernel_main_secondary(void);
/* Contiguous zeroed frames before VM runs (early allocator; panics when RAM is out: it names the minimum). Returns a physical address. */
uint64_t early_allocate(size_t bytes);
/* No more early_allocate after this: fills boot_info.free. */
void early_finish(void);

/* ---- leaving the kernel (entry.S, switch.c) ---- */
/* Make `thread` current_thread() of this processor and load its space (NULL: nobody, kernel space or whatever is loaded); clears stale TLB bits.
 * copy_message_in/out work in the space loaded here. FS base, FPU trap state and the kernel stack may be loaded here or in arch_resume. */
void arch_switch(struct thread *thread);
/* inline.h: space_switch(thread, thread->space), the same for a thread that has a space */
/* Release the big lock and return to user mode with `thread`, which arch_switch has made current (checks the stale bits once more). Does not return. */
void arch_resume(struct thread *thread) __attribute__((noreturn));
/* The same directly after space_switch: the space is not looked at again. */
void arch_resume_switched(struct thread *thread) __attribute__((noreturn));
/* After arch_switch(NULL): release the big lock, sti; hlt. Interrupts that come then enter as from a user thread with current_thread() == NULL. */
void arch_idle(void) __attribute__((noreturn));
/* Make `space` the loaded one of this processor and drop stale translations; cheap if it is loaded. Needed before copy_message_out to a thread of another
 * space. arch_resume does it too. */
void space_activate(uint32_t space);
/*
 * Portable handlers that entry code calls after saving registers into current_thread()->frame, lock taken. They end in schedule_and_resume(), or return:
 * then entry code calls it. Whoever changes registers of a saved frame other than the call's results (rax, rdx) sets frame.vector to 0, so that the
 * way out is a full iret (arch_thread_entry, arch_signal_frame, arch_sigreturn do).
 */
void handle_syscall(struct thread *thread); /* kernel/ipc/trap.c */
void handle_page_fault(struct thread *thread, uint64_t address, uint64_t error);
void handle_exception(struct thread *thread, uint32_t vector, uint64_t error);
void handle_interrupt(uint32_t line); /* kernel/irq/: device line; arch has masked it: irq_line_enable when it may come again */
void handle_timer(void);              /* kernel/time/ */
void handle_reschedule(void);         /* inter-processor interrupt */
void schedule_and_resume(void) __attribute__((noreturn)); /* kernel/sched/: pick a thread, finish its pending work, arch_resume */

/* ---- processors ---- */
uint32_t cpu_count(void);
uint64_t cpu_space_switches(uint32_t cpu); /* how often another address space was loaded */
void cpu_kick(uint32_t cpu);               /* inter-processor interrupt: reschedule / look at TLB bits */
void big_lock(void);
void big_unlock(void);
/* Without it for so many pauses, so that another processor can get it. What the caller knew before may have changed. */
void big_lock_give_way(uint32_t pauses);
/* inline.h: cpu_current(), current_thread() (NULL when idle), time_cycles() */
void arch_thread_init(struct thread *thread); /* fresh registers for user mode, FPU area */
void arch_thread_entry(struct thread *thread, uint64_t ip, uint64_t sp);
void arch_thread_fork(struct thread *child, struct thread *parent); /* registers, FPU, FS base */
void arch_thread_release(struct thread *thread);                    /* FPU state on a processor is dropped */
void arch_fpu_save(struct thread *thread);                          /* make thread->fpu_area valid (flush from its processor) */
void arch_fpu_discard(struct thread *thread);                       /* the memory copy was changed: reload at next use */

/* ---- address spaces (space.c) ---- */
enum { SPACE_NONE = 0xffffffff, SPACE_COUNT = PROCESS_SLOTS + 256 };
int space_create(uint32_t space);
int space_destroy(uint32_t space);
bool space_is_used(uint32_t space);
/* flags: kernel.idl map_flags. -ENOMEM: no table frame. Marks other processors' TLBs stale and interrupts those that run the space. */
int space_map(uint32_t space, uint64_t address, uint64_t physical, uint32_t flags);
/* Consecutive pages; *done counts those that were mapped or replaced. The low bits of frames do not count. */
int space_map_range(uint32_t space, uint64_t address, const uint64_t *frames, uint64_t count, uint32_t flags, uint64_t *done);
int space_unmap(uint32_t space, uint64_t address, uint64_t *entry);
/* Frames of the present entries, which stay: before the destruction of a space that no thread uses. */
int space_drain_range(uint32_t space, uint64_t address, uint64_t count, uint64_t *out, uint64_t room, uint64_t *present, uint64_t *done);
int space_protect(uint32_t space, uint64_t address, uint64_t count, uint32_t flags);
uint64_t space_entry(uint32_t space, uint64_t address);                             /* in the format of kernel.idl unmap; 0: not present */
int space_entries(uint32_t space, uint64_t address, uint64_t count, uint64_t *out); /* the same for pages in a row */
/* Stops when `out` (NULL: not wanted) has `room` entries; *done pages were looked at, *present copied. -ENOMEM: *done and *present tell how far it came. */
int space_fork_range(uint32_t source, uint32_t destination, uint64_t address, uint64_t count, bool cow, uint64_t *out, uint64_t room,
                     uint64_t *present, uint64_t *done);
/* Unmap a range, absent tables skipped; same meaning of out, room, present and done. */
int space_unmap_range(uint32_t space, uint64_t address, uint64_t count, uint64_t *out, uint64_t room, uint64_t *present, uint64_t *done);
void space_flush(uint32_t space); /* after a batch of changes */
int space_tables_give(uint64_t frame);
uint64_t space_tables_take(void); /* 0: none left */
void space_tables_count(uint64_t *total, uint64_t *free);
bool frame_is_kernel(uint64_t physical);  /* kernel image, tables, per-processor data: never mapped for anybody */
uint8_t frames_of_kernel(uint64_t first); /* a bit for each of the 8 frames from number `first` on */
bool memory_is_ram(uint64_t base, uint64_t length);

/* ---- copies (copy.c) ---- */
/* Address translation of a user page for access through the physical map: returns a kernel pointer valid for the rest of the page, or NULL if the page
 * is not present or not permitted. Respects the stale bits. */
void *space_pointer(uint32_t space, uint64_t address, bool write);
/* Fast paths in the current space, 64 bytes, false on a fault: copy_message_in(to, user_address), copy_message_out(user_address, from) in inline.h. */
/* Copy between spaces (SPACE_NONE: kernel address). 0, or -EFAULT with *fault_space and *fault_address and *fault_write set to what was missing. */
struct copy_fault {
    uint32_t space;
    bool write;
    uint64_t address;
};
int copy_spaces(uint32_t source, uint64_t source_address, uint32_t destination, uint64_t destination_address, uint64_t length,
                struct copy_fault *fault);
/* Sum of the 64-bit words of a range, read at its own addresses. Both are multiples of 8 and the range is in the user half: the caller has checked. False:
 * not all of it is present. Loads the space. */
bool space_checksum(uint32_t space, uint64_t address, uint64_t length, uint64_t *sum);
void page_zero(uint64_t physical);
void page_copy(uint64_t destination, uint64_t source);

/* ---- interrupts, time, ports ---- */
int irq_line_enable(uint32_t line); /* IOAPIC; -EINVAL no such line */
int irq_line_disable(uint32_t line);
uint64_t time_uptime_ns(void);                          /* monotonic, same on all processors */
void time_page_set_offset(uint64_t realtime_offset_ns); /* for the vDSO; it starts with machine_info.boot_realtime_ns */
void timer_set(uint64_t deadline_ns);                   /* this processor's one-shot; UINT64_MAX: off */
uint32_t port_in(uint16_t port, int bytes);
void port_out(uint16_t port, uint32_t value, int bytes);
void arch_poweroff(void) __attribute__((noreturn)); /* ACPI S5 (q35: PM1a; microvm: sleep control register) */
void arch_reset(void) __attribute__((noreturn));
void arch_panic_exit(void) __attribute__((noreturn)); /* isa-debug-exit 0xf4, then halt; all other processors stopped */
void serial_write(const char *text, size_t length);   /* log port COM2 if it is there, else COM1 */
void arch_backtrace(const struct thread *thread);     /* frame pointers; prints to the log with symbols for the kernel */

/* ---- Linux (signal.c) ---- */
struct signal_frame_request;
int arch_signal_frame(struct thread *thread, const struct signal_frame_request *request, struct copy_fault *fault);
struct linux_sigreturn_result; /* process/thread.h */
int arch_sigreturn(struct thread *thread, struct linux_sigreturn_result *result, struct copy_fault *fault);

#include "inline.h"
