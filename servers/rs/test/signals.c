/* SPDX-License-Identifier: MIT */
/*
 * Which signals end a service, and what the kernel is told about a service when it is made.
 */
#include "../state.h"

#include "errors.h"
#include "protocols/kernel.h"
#include "protocols/service.h"
#include "testing/fake_kernel.h"
#include "testing/testing.h"

enum { HELLO = 12, OTHER = 13, KILL = 9, LAST_OF_SERVICES = 31 };

static struct rs_state state;
static struct privilege privilege;

static int accept(endpoint_t destination, struct message *message)
{
    (void)destination;
    message->status = 0;
    return 0;
}

static struct rs_slot *add(uint32_t index, const char *label)
{
    struct rs_slot *slot = &state.slot[index];

    *slot = (struct rs_slot){ .flags = RS_IN_USE | RS_ACTIVE, .endpoint = (endpoint_t)index, .other = RS_NO_SLOT, .late = RS_NO_SLOT };
    memcpy(slot->manifest.label, label, strlen(label) + 1);
    return slot;
}

static struct rs_slot *begin(void)
{
    fake_reset();
    fake_sendrec = accept;
    memset(&state, 0, sizeof(state));
    for (int i = 0; i < SERVICE_SLOTS; i++)
        state.slot[i].endpoint = ENDPOINT_NONE;
    state.boot_step = RS_BOOT_DONE;
    (void)add(OTHER, "other");
    return add(HELLO, "hello");
}

/* Linux's numbers. covers SIG-5, SIG-6 */
TEST(lethal_and_termination_signals_end_a_service_all_others_are_messages)
{
    static const int deadly[] = { 4, 5, 6, 7, 8, 9, 11, 13, 31 };
    uint32_t deaths = 0;

    for (int signal = 1; signal <= LAST_OF_SERVICES; signal++) {
        struct rs_slot *slot = begin();
        bool dies = false;
        int answer;

        for (size_t i = 0; i < sizeof(deadly) / sizeof(deadly[0]); i++)
            dies |= deadly[i] == signal;
        slot->flags |= RS_EXITING; /* no replacement: only the end counts here */
        answer = rs_signal(&state, HELLO, signal, outbox_default());
        CHECK_EQ(answer, dies ? -EDEADEPT : 0);
        CHECK_EQ(slot->flags == 0, dies);
        if (!dies) {
            struct service_signal_received_request request;

            CHECK_EQ(fake_sent_to(HELLO)->message.type, SERVICE_SIGNAL_RECEIVED);
            service_signal_received_request_get(&fake_sent_to(HELLO)->message, &request);
            CHECK_EQ(request.signal, signal);
        }
        deaths += dies;
    }
    CHECK_EQ(deaths, sizeof(deadly) / sizeof(deadly[0]));
}

static bool may_send(uint32_t id)
{
    return (privilege.send_mask[id / 64] >> id % 64 & 1) != 0;
}

/* covers RS-6, RS-43 */
TEST(privileges_are_what_the_manifest_says_and_no_flag_more)
{
    struct rs_slot *slot = begin();
    char error[MANIFEST_ERROR_BYTES];
    const char *text = "service hello { ipc NONE; system BASIC getinfo; io 3f8:8; irq 4; memory a0000:1000; }";

    CHECK_EQ(manifest_read(text, strlen(text), NULL, &slot->manifest, error), 0);
    (void)manifest_read("service other { ipc NONE; }", 27, NULL, &state.slot[OTHER].manifest, error);
    rs_privileges(&state, &slot->manifest, PRIVILEGE_RST_SYS_PROC, &privilege);
    CHECK_EQ(privilege.flags, PRIVILEGE_SYS_PROC | PRIVILEGE_PREEMPTIBLE | PRIVILEGE_BILLABLE | PRIVILEGE_CHECK_IO_PORT |
                                  PRIVILEGE_CHECK_IRQ | PRIVILEGE_CHECK_MEM | PRIVILEGE_RST_SYS_PROC);
    CHECK_EQ(privilege.signal_manager, ENDPOINT_RS);
    CHECK_EQ(privilege.backup_signal_manager, ENDPOINT_NONE);
    CHECK(privilege.io_count == 1 && privilege.irq_count == 1 && privilege.memory_count == 1);
    CHECK(!may_send(OTHER) && !may_send(PRIVILEGE_ID_USER));
    slot->manifest.user_peers = 1;
    slot->manifest.all_peers = 1;
    rs_privileges(&state, &slot->manifest, 0, &privilege);
    CHECK(may_send(OTHER) && may_send(PRIVILEGE_ID_USER));
}

/* covers SIG-1, ISO-2 */
TEST(a_signal_manager_is_rs_itself_or_a_service_that_is_there)
{
    struct rs_slot *slot = begin();
    char error[MANIFEST_ERROR_BYTES] = "";

    memcpy(slot->manifest.signal_manager, "SELF", sizeof("SELF"));
    rs_privileges(&state, &slot->manifest, 0, &privilege);
    CHECK_EQ(privilege.signal_manager, ENDPOINT_SELF);
    memcpy(slot->manifest.signal_manager, "other", sizeof("other"));
    CHECK_EQ(rs_check_manifest(&state, &slot->manifest, error), 0);
    rs_privileges(&state, &slot->manifest, 0, &privilege);
    CHECK_EQ(privilege.signal_manager, OTHER);
    memcpy(slot->manifest.signal_manager, "ghost", sizeof("ghost"));
    CHECK_EQ(rs_check_manifest(&state, &slot->manifest, error), -EINVAL);
    CHECK_STR(error, " sigmgr: there is no service 'ghost'");
    rs_privileges(&state, &slot->manifest, 0, &privilege);
    CHECK_EQ(privilege.signal_manager, ENDPOINT_RS);
}
