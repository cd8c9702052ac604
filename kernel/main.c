/* SPDX-License-Identifier: MIT */
/*
 * Start of the portable kernel: threads for the boot services, then scheduling for ever. Everything after that happens in handlers.
 */
#include "arch/x86_64/arch.h"
#include "debug/debug.h"
#include "debug/trace.h"
#include "process/privileges.h"
#include "sched/sched.h"
#include "time/alarm.h"

/* RS and VM run at once and may do everything; they set up the others. */
static void give_first_privileges(struct thread *t)
{
    struct privilege *p = &thread_privilege(t)->p;
    bool is_rs = t->endpoint == ENDPOINT_RS;

    privilege_allow_all(p);
    p->flags |= is_rs ? PRIVILEGE_ROOT_SYS_PROC : PRIVILEGE_VM_SYS_PROC;
    p->signal_manager = is_rs ? ENDPOINT_SELF : ENDPOINT_RS;
    rts_clear(t, RTS_NO_PRIV);
}

static void make_boot_service(const struct boot_process *boot)
{
    struct thread *t = thread_create(endpoint_slot(boot->endpoint), boot->space, boot->name);

    arch_thread_entry(t, boot->entry, boot->stack_top);
    t->frame.rdi = (uint64_t)boot->endpoint;
    t->cpu = 0;
    if (boot->endpoint == ENDPOINT_RS || boot->endpoint == ENDPOINT_VM)
        give_first_privileges(t);
}

void kernel_main(void)
{
    thread_init_all();
    trace_init();
    sched_init();
    sched_cpu_online();
    realtime_offset_ns = machine_info.boot_realtime_ns;
    log_printf("planaria: %u processors, %lu MiB, %u boot services\n", cpu_count(), boot_info.total_bytes >> 20, boot_info.process_count);
    for (uint32_t i = 0; i < boot_info.process_count; i++)
        make_boot_service(&boot_info.process[i]);
    smp_start_others();
    early_finish();
    schedule_and_resume();
}

void kernel_main_secondary(void)
{
    sched_cpu_online();
    schedule_and_resume();
}
