/* SPDX-License-Identifier: MIT */
/*
 * Live update, the new version's side: the state of the old one, which waits stopped and untouched, is copied. Any refusal here makes RS put the
 * old version back.
 */
#include <stddef.h>

#include "arena.h"
#include "base/format.h"
#include "base/string.h"
#include "errors.h"
#include "layout/layout.h"
#include "protocols/kernel.h"
#include "protocols/service.h"
#include "protocols/vm.h"
#include "sys/crash_notes.h"
#include "sys/grant.h"
#include "sys/ipc.h"
#include "sys/journal.h"
#include "sys/log.h"
#include "sys/loop.h"
#include "sys/sef_update.h"
#include "sys/service_header.h"

extern const struct service_header service_header;
extern char __layout_start[], __layout_end[];

#define PAGE_MASK 4095ull

struct arena_list {
    const struct journal_arena *arena;
    uint32_t count;
};

static struct layout_pair pair;
static struct service_header old_header;
static struct journal_arena own_arena[JOURNAL_ARENAS], old_arena[JOURNAL_ARENAS];
static struct arena_list own = { .arena = own_arena }, old = { .arena = old_arena };

static uint8_t *arena_at(uint32_t number)
{
    return (uint8_t *)(uintptr_t)(ARENA_ADDRESS + number * ARENA_STRIDE);
}

/* Copy memory of the old version. */
static int fetch(uint64_t address, void *to, uint64_t length)
{
    struct kernel_statectl_request request = {
        .request = KERNEL_STATE_REQUEST_TAKE, .address = address, .length = length, .to = (uint64_t)(uintptr_t)to
    };
    struct message message = { .type = KERNEL_STATECTL };

    kernel_statectl_request_put(&message, &request);
    return length == 0 ? 0 : kernel_request(&message);
}

/* The old version waits: its memory may be ours too. If VM does not know of it any more (it was restarted meanwhile): a copy. */
static int take_memory(uint32_t number, uint64_t source, uint64_t bytes, bool writable)
{
    int result;

    if (identity.endpoint == ENDPOINT_VM) /* it cannot ask itself; RS had the old version lay out memory for it (load_service) */
        return fetch(source, arena_at(number), bytes);
    result = arena_adopt(number, source, bytes, writable);
    if (result == 0)
        return 0;
    result = arena_make(number, bytes);
    return result != 0 ? result : fetch(source, arena_at(number), bytes);
}

static void find_sections(const struct service_header *header, struct layout_side *side)
{
    for (uint32_t i = 0; i < LAYOUT_SECTIONS; i++) {
        side->section[i] = (uint8_t *)(uintptr_t)header->section[i].start;
        side->bytes[i] = header->section[i].end - header->section[i].start;
    }
}

/* The old version's layout and sections, which follow each other, at other addresses. */
static int take_old(void)
{
    struct layout_side *side = &pair.old;
    uint64_t layout_page = old_header.layout & ~PAGE_MASK, start, end;
    int result = take_memory(ARENA_PAST_LAYOUT, layout_page, old_header.layout_end - layout_page, false);

    find_sections(&old_header, side);
    start = old_header.section[0].start;
    end = old_header.section[LAYOUT_SECTIONS - 1].end;
    for (uint32_t i = 0; i < LAYOUT_SECTIONS; i++) {
        if (old_header.section[i].start < start || old_header.section[i].end > end)
            return -ENOEXEC;
        side->section[i] = arena_at(ARENA_PAST_SECTIONS) + (old_header.section[i].start - start);
    }
    if (result == 0)
        result = take_memory(ARENA_PAST_SECTIONS, start, end - start, false);
    side->layout = (const struct layout *)(const void *)(arena_at(ARENA_PAST_LAYOUT) + (old_header.layout - layout_page));
    return result;
}

/* ---- arenas ---- */

static const struct journal_arena *find_arena(const struct arena_list *list, const char *name)
{
    for (uint32_t i = 0; i < list->count; i++) {
        if (strcmp(list->arena[i].name, name) == 0)
            return &list->arena[i];
    }
    return NULL;
}

/* Which arenas the old version has stands in its journal, our own ones in ours. */
static int list_arenas(void)
{
    const struct layout_variable *before = layout_find(pair.old.layout, LAYOUT_JOURNAL, "journal");
    const struct layout_variable *variable = layout_find(pair.new.layout, LAYOUT_JOURNAL, "journal");

    memcpy(own_arena, journal.arena, sizeof(own_arena));
    own.count = journal.arena_count;
    if (before == NULL || variable == NULL)
        return -ENOEXEC;
    if (!layout_convert_table(&pair, before, pair.old.section[LAYOUT_JOURNAL] + before->offset, variable, &journal))
        return -EINVAL;
    memcpy(old_arena, journal.arena, sizeof(old_arena));
    old.count = journal.arena_count < JOURNAL_ARENAS ? journal.arena_count : JOURNAL_ARENAS;
    return 0;
}

/* Where something that the old version had in an arena is now. */
static uint64_t moved_in_arena(uint64_t address, uint64_t length)
{
    for (uint32_t i = 0; i < old.count; i++) {
        const struct journal_arena *arena = &old_arena[i], *mine;
        const struct layout_variable *before, *variable;
        uint32_t moved;

        if (address - arena->address >= arena->bytes)
            continue;
        mine = find_arena(&own, arena->name);
        before = layout_find(pair.old.layout, LAYOUT_ARENAS, arena->name);
        variable = layout_find(pair.new.layout, LAYOUT_ARENAS, arena->name);
        if (mine == NULL || before == NULL || variable == NULL)
            return 0;
        moved = layout_moved_within(&pair, before, variable, (uint32_t)(address - arena->address), length);
        return moved == LAYOUT_NONE ? 0 : mine->address + moved;
    }
    return 0;
}

static uint64_t translate_pointer(uint64_t pointer)
{
    return moved_in_arena(pointer, 0);
}

/* Where something that the old version had lent is now; 0: nowhere. */
static uint64_t translate_lent(uint64_t address, uint64_t length)
{
    for (uint32_t i = 0; i < LAYOUT_SECTIONS; i++) {
        const struct service_border *border = &old_header.section[i];
        uint32_t moved;

        if (address < border->start || address >= border->end)
            continue;
        moved = layout_moved(&pair, i, (uint32_t)(address - border->start), length);
        return moved == LAYOUT_NONE ? 0 : (uint64_t)(uintptr_t)pair.new.section[i] + moved;
    }
    return moved_in_arena(address, length);
}

static uint32_t number_of(const struct journal_arena *arena)
{
    return (uint32_t)((arena->address - ARENA_ADDRESS) / ARENA_STRIDE);
}

static int take_table(const struct layout_variable *variable)
{
    const char *name = layout_name(pair.new.layout, variable);
    const struct layout_variable *before = layout_find(pair.old.layout, LAYOUT_ARENAS, name);
    const struct journal_arena *past = find_arena(&old, name), *mine = find_arena(&own, name);
    int result;

    if (mine == NULL || mine->bytes < layout_size(pair.new.layout, variable) ||
        (past != NULL && before != NULL && past->bytes < layout_size(pair.old.layout, before))) {
        format_string(pair.problem, sizeof(pair.problem), "%s: the table is not as its description says", name);
        return -ENOEXEC;
    }
    if (before == NULL || past == NULL) /* added */
        return arena_make(number_of(mine), mine->bytes);
    if (layout_is_same(&pair, before, variable))
        return take_memory(number_of(mine), past->address, past->bytes, true);
    result = arena_make(number_of(mine), mine->bytes);
    if (result == 0)
        result = take_memory(ARENA_PAST_TABLE, past->address, past->bytes, false);
    if (result == 0 && !layout_convert_table(&pair, before, arena_at(ARENA_PAST_TABLE), variable, (void *)(uintptr_t)mine->address))
        result = -EINVAL;
    return result;
}

static int take_tables(void)
{
    const struct layout_variable *variable;
    int result = 0;

    for (uint32_t i = 0; result == 0 && (variable = layout_variable_at(pair.new.layout, i)) != NULL; i++) {
        if (variable->section == LAYOUT_ARENAS)
            result = take_table(variable);
    }
    return result;
}

/* ---- the whole ---- */

const void *service_past(const char *path, size_t *bytes)
{
    const struct layout_variable *variable;
    const struct journal_arena *arena;
    uint32_t offset;
    const struct layout_type *type = pair.old.layout != NULL ? layout_field(pair.old.layout, path, &variable, &offset) : NULL;

    if (type == NULL)
        return NULL;
    *bytes = type->size;
    if (variable->section < LAYOUT_SECTIONS)
        return pair.old.section[variable->section] + variable->offset + offset;
    arena = find_arena(&old, layout_name(pair.old.layout, variable));
    if (arena == NULL || take_memory(ARENA_PAST_TABLE, arena->address, arena->bytes, false) != 0)
        return NULL;
    return arena_at(ARENA_PAST_TABLE) + offset;
}

static int upgrade(void)
{
    const struct service *service = running_service;
    int result = 0;

    for (uint32_t version = pair.old.layout->version; version < pair.new.layout->version &&result == 0; version++) {
        if (version >= service->upgrade_count || service->upgrades[version] == NULL)
            continue;
        result = service->upgrades[version](service->state);
        if (result != 0)
            sef_problem("the upgrade of the state from version %u failed: error %d", version, result);
    }
    return result;
}

static int convert(void)
{
    int result = 0;

    arena_restart(true);
    if (running_service->attach != NULL)
        result = running_service->attach();
    if (result == 0)
        result = list_arenas();
    if (result == 0 && !layout_convert(&pair))
        result = -EINVAL;
    memcpy(journal.arena, own_arena, sizeof(own_arena));
    journal.arena_count = own.count;
    journal_start(); /* its log came with the old addresses, and grants are relocated by code that logs */
    if (result == 0)
        result = take_tables();
    if (result != 0) {
        sef_problem("the state of the old version does not fit: %s", pair.problem);
        return result;
    }
    if (!grant_relocate(translate_lent)) {
        sef_problem("the old version has lent memory that is no more: not now");
        return -EBUSY;
    }
    result = upgrade();
    if (result == 0)
        log_info("the state was converted to the new layout");
    return result;
}

static int convert_from_old(void)
{
    int result = take_old();

    pair.new.layout = (const struct layout *)(const void *)__layout_start;
    pair.translate = translate_pointer;
    find_sections(&service_header, &pair.new);
    if (result != 0)
        return result;
    if (!layout_is_good(&pair.old, old_header.layout_end - old_header.layout) ||
        !layout_is_good(&pair.new, (uint64_t)(__layout_end - __layout_start))) {
        sef_problem("no good description of the state: old %llu bytes, new %llu",
                    (unsigned long long)(old_header.layout_end - old_header.layout), (unsigned long long)(__layout_end - __layout_start));
        return -ENOEXEC;
    }
    result = convert();
    pair.old.layout = NULL;
    for (uint32_t number = ARENA_PAST_LAYOUT; number <= ARENA_PAST_SECTIONS; number++)
        (void)arena_make(number, 0);
    return result;
}

uint32_t update_fault_asked(void)
{
    struct service_image image = { 0 };
    uint64_t magic = 0;
    uint32_t fault = SERVICE_UPDATE_FAULT_NONE;

    if (fetch((uint64_t)(uintptr_t)&service_header, &image, sizeof(image)) != 0 || image.header.magic != SERVICE_HEADER_MAGIC)
        return SERVICE_UPDATE_FAULT_NONE;
    if (fetch(image.crash_notes + offsetof(struct crash_notes, magic), &magic, sizeof(magic)) != 0 || magic != CRASH_NOTES_MAGIC)
        return SERVICE_UPDATE_FAULT_NONE;
    (void)fetch(image.crash_notes + offsetof(struct crash_notes, update_fault), &fault, sizeof(fault));
    return fault;
}

static bool is_same_layout(void)
{
    const struct layout *mine = (const struct layout *)(const void *)__layout_start;
    struct layout past = { 0 };

    if (memcmp(&old_header, &service_header, sizeof(old_header)) != 0)
        return false;
    if (service_header.layout == service_header.layout_end)
        return true;
    return fetch(old_header.layout, &past, sizeof(past)) == 0 && memcmp(&past, mine, sizeof(past)) == 0;
}

static int take_unchanged(void)
{
    int result = resume_take_sections();

    for (uint32_t i = 0; i < journal.arena_count && i < JOURNAL_ARENAS && result == 0; i++)
        result = take_memory(i, journal.arena[i].address, journal.arena[i].bytes, true);
    return result;
}

int update_take(void)
{
    int result = fetch((uint64_t)(uintptr_t)&service_header, &old_header, sizeof(old_header));

    if (result != 0 || old_header.magic != service_header.magic) {
        sef_problem("the old version is no service that is linked for %p: error %d", (const void *)&service_header, result);
        return result != 0 ? result : -ENOEXEC;
    }
    return is_same_layout() ? take_unchanged() : convert_from_old();
}
