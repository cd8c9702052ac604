/* SPDX-License-Identifier: MIT */
/*
 * Who may ask for what: every request, every kind of caller, every state of the target, against the rules of behaviour.md ISO-1 written down
 * here a second time, in words of their own.
 */
#include "../state.h"

#include "errors.h"
#include "protocols/rs.h"
#include "testing/testing.h"

enum { TARGET = 12, CONTROLLER = 13, STRANGER = 14, PROGRAM = 300 };

static struct rs_state state;

static const uint32_t requests[] = { RS_UP,   RS_DOWN, RS_REFRESH, RS_RESTART,  RS_UPDATE,    RS_CLONE,
                                     RS_EDIT, RS_DUMP, RS_CRASH,   RS_SHUTDOWN, RS_GETSYSINFO };
static const uint32_t conditions[] = {
    0, RS_LATEREPLY, RS_INITIALIZING, RS_UPDATING, RS_EXITING, RS_TERMINATED, RS_TERMINATED | RS_LATEREPLY
};

enum caller { ROOT, NOBODY, OWNER_OF_CONTROL, OTHER_SERVICE, CALLERS };

static void add(uint32_t index, const char *label)
{
    state.slot[index] = (struct rs_slot){
        .flags = RS_IN_USE | RS_ACTIVE, .endpoint = (endpoint_t)index, .other = RS_NO_SLOT, .late = RS_NO_SLOT
    };
    memcpy(state.slot[index].manifest.label, label, strlen(label) + 1);
}

static void begin(void)
{
    memset(&state, 0, sizeof(state));
    add(TARGET, "hello");
    add(CONTROLLER, "warden");
    add(STRANGER, "other");
    state.slot[CONTROLLER].manifest.control_count = 2;
    memcpy(state.slot[CONTROLLER].manifest.control[1], "hello", sizeof("hello"));
    state.slot[STRANGER].manifest.control_count = 1;
    memcpy(state.slot[STRANGER].manifest.control[0], "hell", sizeof("hell"));
}

static int ask(uint32_t type, enum caller caller, bool has_target)
{
    static const endpoint_t endpoints[CALLERS] = { PROGRAM, PROGRAM, CONTROLLER, STRANGER };
    struct rs_operation operation = { .type = type, .caller = endpoints[caller], .is_root = caller == ROOT };
    bool is_global = type == RS_SHUTDOWN || type == RS_GETSYSINFO;

    return rs_permission(&state, &operation, is_global ? NULL : "hello", has_target && !is_global ? &state.slot[TARGET] : NULL);
}

static int expected(uint32_t type, enum caller caller, uint32_t condition, bool is_core)
{
    bool is_busy = (condition & (RS_LATEREPLY | RS_INITIALIZING | RS_UPDATING | RS_EXITING)) != 0;

    if (type == RS_SHUTDOWN || type == RS_GETSYSINFO)
        return caller == ROOT ? 0 : -EPERM;
    if (caller == NOBODY || caller == OTHER_SERVICE)
        return -EPERM;
    if (type == RS_CRASH)
        return condition == RS_INITIALIZING ? -EBUSY : (condition & RS_TERMINATED) != 0 ? -EPERM : 0;
    if (is_busy)
        return -EBUSY;
    if ((condition & RS_TERMINATED) != 0 && type != RS_DOWN && type != RS_RESTART && type != RS_EDIT)
        return -EPERM;
    return is_core && type == RS_DOWN ? -EPERM : 0;
}

/* covers ISO-1, RS-22 */
TEST(the_whole_matrix)
{
    uint32_t allowed = 0, refused = 0, busy = 0;

    for (size_t r = 0; r < sizeof(requests) / sizeof(requests[0]); r++) {
        for (int caller = 0; caller < CALLERS; caller++) {
            for (size_t c = 0; c < 2 * sizeof(conditions) / sizeof(conditions[0]); c++) {
                bool is_core = c % 2 != 0;
                int answer;

                begin();
                state.slot[TARGET].flags |= conditions[c / 2];
                state.slot[TARGET].manifest.sys_flags = is_core ? RS_SYS_CORE : 0;
                answer = ask(requests[r], (enum caller)caller, true);
                CHECK_EQ(answer, expected(requests[r], (enum caller)caller, conditions[c / 2], is_core));
                allowed += answer == 0;
                refused += answer == -EPERM;
                busy += answer == -EBUSY;
            }
        }
    }
    CHECK(allowed > 0 && busy > 0 && refused > allowed);
}

/* covers ISO-1 */
TEST(a_service_that_is_not_there_yet_may_be_started_by_root_and_its_controller)
{
    begin();
    CHECK_EQ(ask(RS_UP, ROOT, false), 0);
    CHECK_EQ(ask(RS_UP, OWNER_OF_CONTROL, false), 0);
    CHECK_EQ(ask(RS_UP, OTHER_SERVICE, false), -EPERM);
    CHECK_EQ(ask(RS_UP, NOBODY, false), -EPERM);
}

TEST(a_controller_that_was_replaced_by_another_service_has_no_rights)
{
    struct rs_operation operation = { .type = RS_DOWN, .caller = endpoint_make(1, CONTROLLER) };

    begin(); /* the slot's endpoint has another generation */
    CHECK_EQ(rs_permission(&state, &operation, "hello", &state.slot[TARGET]), -EPERM);
}
