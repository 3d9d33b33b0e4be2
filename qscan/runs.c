#include "qscan/runs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "qscan/act.h"
#include "qscan/expunge.h"
#include "qscan/interrupt.h"
#include "qscan/undo.h"

/* ---- looking ---- */

static void look_at_file(const struct place *place, size_t folder, char letter,
                         const struct held *held, struct held_run *run)
{
    struct stat st;

    if (!place_is_held_file(place, folder, letter, held, &st))
        return;
    run->file_count++;
    run->held_bytes += (uint64_t)st.st_size;
}

static void look_at_message(const struct place *place, const struct held *held,
                            int64_t old_before, struct held_run *run)
{
    size_t before = run->file_count;
    bool is_held;

    look_at_file(place, place->control, held->letter, held, run);
    is_held = run->file_count > before;
    run->held_count += is_held;
    run->old_count += is_held && held->created < old_before;
    look_at_file(place, held->data, 'd', held, run);
    for (size_t i = 0; i < place->folder_count; i++)
        if (place_may_have_transcript(place, i, held))
            look_at_file(place, i, 'x', held, run);
    if (!is_held && run->file_count > before) {
        run->rest_count += run->file_count - before;
        run->split_count += place_is_split(place, held);
    }
}

/* A run that can be locked does nothing any more: was it killed, or has it
 * come to its end since its journal was read, or gone, having taken nothing? */
static void look_at_end(struct place *place, struct held_run *run)
{
    int error = place_try_lock(place);
    bool is_unfinished;

    if (error == 0)
        error = place_read(place);
    is_unfinished = error == 0 ? place_is_half_done(place)
                               : error != EWOULDBLOCK && error != ENOENT;
    run->is_alive = run->is_alive || error == EWOULDBLOCK;
    run->is_unfinished = run->is_unfinished || is_unfinished;
}

/* So many were removed by an expunge; held: those that are left. */
static size_t count_expunged(const struct place *place, size_t held)
{
    size_t count = place->state.expunged_count;

    if (place->state.is_expunging && place->state.expunging_held > held)
        count += place->state.expunging_held - held;
    return count;
}

/* What is asked of each place of a run. */
struct look {
    int64_t old_before;
    struct held_run *run;
};

static bool look_at_place(void *context, struct place *place)
{
    const struct look *look = context;
    struct held_run *run = look->run;
    size_t held_before = run->held_count;

    if (place_is_half_done(place))
        look_at_end(place, run);
    run->has_journal = run->has_journal || place->has_journal;
    run->taken_count += place->held.count;
    /* a journal that several places share does not say whose they were */
    if (place->held.count == place->state.take_count)
        run->taken_count -= place->state.untaken_count;
    run->is_delete = run->is_delete || place->state.is_delete;
    for (size_t i = 0; i < place->held.count; i++)
        look_at_message(place, &place->held.items[i], look->old_before, run);
    run->is_expunging = run->is_expunging || place->state.is_expunging;
    run->expunged_count += count_expunged(place, run->held_count - held_before);
    return true;
}

/* Files that no journal names, over all folders of the run: the first folder
 * with files, or NULL. */
static const struct queue_folder *
find_strangers(const struct place_request *request, const struct held_run *run)
{
    const struct queue_folder *found = NULL;
    size_t count = 0;

    for (size_t i = 0; i < request->queues->folder_count; i++) {
        const struct queue_folder *folder = &request->queues->folders[i];
        const char *why = NULL;
        size_t before = count;
        int fd;

        if (!folder->holds_control && !folder->holds_data &&
            !folder->holds_transcripts)
            continue;
        fd = hold_open_run(folder, run->name, &why);
        if (fd < 0)
            continue;
        count += hold_count_files(fd);
        if (found == NULL && count > before)
            found = folder;
        close(fd);
    }
    return run->is_alive || count <= run->file_count ? NULL : found;
}

/* Whoever keeps journals elsewhere, meant it: that is no failure. */
static void warn_of_no_journal(const struct place_request *request,
                               const char *run, const char *consequence)
{
    complain_warning(request->complaints, slice_from_string(run),
                     "this run holds files, but no journal",
                     "it is gone, or elsewhere (--journal=DIR)", consequence);
}

static void tell_of_strangers(const struct place_request *request,
                              const struct queue_folder *folder,
                              const struct held_run *run)
{
    char name[sizeof(HOLD_ROOT) + HOLD_RUN_MAX];

    if (!run->has_journal) {
        warn_of_no_journal(request, run->name, "left alone");
        return;
    }
    snprintf(name, sizeof(name), HOLD_ROOT "/%s", run->name);
    act_complain(request->complaints, folder, name,
                 "holds files that its journal does not name", 0, "left alone");
}

static bool look_at_places(const struct place_request *request,
                           const char *name, int64_t old_before,
                           struct held_run *run_r)
{
    struct look look = {.old_before = old_before, .run = run_r};

    *run_r = (struct held_run){.time = hold_run_time(name)};
    snprintf(run_r->name, sizeof(run_r->name), "%s", name);
    return place_walk(request, name, look_at_place, &look);
}

bool runs_look_at(const struct place_request *request, const char *name,
                  int64_t old_before, struct held_run *run_r)
{
    size_t complaints = request->complaints->count;
    bool is_found = look_at_places(request, name, old_before, run_r);
    const struct queue_folder *strange = find_strangers(request, run_r);

    /* What the run took since its journals were looked for is none: before its
     * first file all of them are there. */
    if (strange != NULL && request->complaints->count == complaints) {
        is_found = look_at_places(request, name, old_before, run_r);
        strange = find_strangers(request, run_r);
    }
    run_r->has_strangers = strange != NULL;
    if (strange != NULL)
        tell_of_strangers(request, strange, run_r);
    return is_found;
}

/* The run's folder below a control folder of that number, or negative. */
static int open_control_run(const struct place_request *request, size_t number,
                            const char *run)
{
    const struct queue_folder *folder = &request->queues->folders[number];
    const char *why = NULL;

    return folder->holds_control ? hold_open_run(folder, run, &why) : -1;
}

/* Files, and no journal: whether that run came to its end, and what it took,
 * only its journal knows. */
static void look_for_journal(const struct place_request *request,
                             const char *run)
{
    char *path = place_journal_elsewhere(request, run);
    bool is_known = path != NULL && access(path, F_OK) == 0;

    for (size_t i = 0; i < request->queues->folder_count && !is_known; i++) {
        int fd = open_control_run(request, i, run);

        if (fd < 0)
            continue;
        if (faccessat(fd, HOLD_JOURNAL, F_OK, 0) < 0 &&
            hold_count_files(fd) > 0) {
            warn_of_no_journal(request, run, "not completed");
            is_known = true;
        }
        close(fd);
    }
    free(path);
}

/* By the last line of its journals alone: most runs are long finished, and
 * their journals long. */
static bool may_be_unfinished(const struct place_request *request,
                              const char *run)
{
    bool is_unfinished = false;

    for (size_t i = 0; i < request->queues->folder_count && !is_unfinished;
         i++) {
        int fd = open_control_run(request, i, run);
        bool is_finished = true;
        char *path;

        if (fd < 0)
            continue;
        path = place_journal_elsewhere(request, run);
        if (path == NULL ||
            journal_is_finished(AT_FDCWD, path, &is_finished) != 0)
            journal_is_finished(fd, HOLD_JOURNAL, &is_finished);
        is_unfinished = !is_finished;
        free(path);
        close(fd);
    }
    return is_unfinished;
}

static void warn_of_unfinished(const struct place_request *request,
                               const struct held_run *run)
{
    char hint[HOLD_RUN_MAX + 64];

    snprintf(hint, sizeof(hint), "the next purge completes it, %s=%s%s",
             run->is_expunging ? "--undo"
             : run->is_delete  ? "or --expunge"
                               : "or --undo",
             run->name, run->is_expunging ? " puts back the rest" : "");
    complain_warning(request->complaints, slice_from_string(run->name),
                     run->is_expunging ? "its expunge did not come to its end"
                                       : "this run did not come to its end",
                     NULL,
                     options_is_taking(request->options) ? "it is completed now"
                                                         : hint);
}

void runs_list_unfinished(const struct place_request *request,
                          struct string_list *runs)
{
    struct string_list all = {0};

    hold_list_runs(request->queues, &all, request->complaints);
    for (size_t r = 0; r < all.count; r++) {
        struct held_run run;

        if (options_is_taking(request->options))
            look_for_journal(request, all.strings[r]);
        if (!may_be_unfinished(request, all.strings[r]) ||
            !runs_look_at(request, all.strings[r], 0, &run) ||
            !run.is_unfinished)
            continue;
        warn_of_unfinished(request, &run);
        string_list_add(runs, slice_from_string(all.strings[r]));
    }
    string_list_free(&all);
}

/* ---- completing ---- */

bool runs_complete(const struct place_request *request, const char *name)
{
    char hint[HOLD_RUN_MAX + 32] = "it holds nothing";
    bool is_expunged = expunge_has_begun(request, name);

    if (!undo_complete_taking(request, name) ||
        (is_expunged && !expunge_rest(request, name)) ||
        interrupt_signal() != 0)
        return false;
    if (hold_has_control(request->queues, name))
        snprintf(hint, sizeof(hint), "--undo=%s puts it back", name);
    if (options_is_taking(request->options))
        complain_warning(request->complaints, slice_from_string(name),
                         is_expunged ? "its expunge is complete now"
                                     : "this run is complete now",
                         NULL, hint);
    return true;
}

/* ---- held messages as rows ---- */

/* The run's folder as one more folder of the set; -1 when it is not there. */
static int open_run_folder(const struct place *place, uint16_t folder)
{
    struct queue_set *queues = place->request->queues;
    char *name = NULL, *path = NULL;
    int number = -1;

    if (place_run_fd(place, folder) >= 0 &&
        asprintf(&name, HOLD_ROOT "/%s", place->run) >= 0 &&
        asprintf(&path, "%s/%s", queues->folders[folder].path, name) >= 0)
        number =
            queue_open_folder(queues, queues->folders[folder].fd, name, path);
    free(name);
    free(path);
    return number;
}

static bool add_held_row(struct facts_table *table, const struct held *held,
                         uint16_t dir)
{
    struct facts *row = facts_add(table);

    if (row == NULL)
        return false;
    row->dir = dir;
    row->rule = RULES_NO_RULE;
    row->letter = held->letter;
    row->is_held = row->is_regular = true;
    facts_set_id(row, slice_from_string(held->id));
    return true;
}

/* A queue directory of its own for each pair of folders that is met. */
static uint16_t dir_of_pair(const struct place *place, uint16_t data)
{
    struct queue_set *queues = place->request->queues;
    int control_folder = open_run_folder(place, place->control);
    int data_folder = data == FACTS_NO_DIR ? -1 : open_run_folder(place, data);

    if (control_folder < 0 || data_folder < 0)
        return FACTS_NO_DIR;
    for (size_t d = 0; d < queues->dir_count; d++)
        if (queues->dirs[d].is_held &&
            queues->dirs[d].control == control_folder &&
            queues->dirs[d].data == data_folder)
            return (uint16_t)d;
    return queue_add_held(queues, queues->folders[control_folder].path,
                          (uint16_t)control_folder, (uint16_t)data_folder);
}

struct rows {
    struct facts_table *table;
    const char *id; /* NULL: all */
    size_t added;
};

static bool add_place_rows(void *context, struct place *place)
{
    struct rows *rows = context;
    uint16_t last_data = FACTS_NO_DIR;
    uint16_t dir = FACTS_NO_DIR;

    for (size_t h = 0; h < place->held.count; h++) {
        const struct held *held = &place->held.items[h];

        if ((rows->id != NULL && strcmp(rows->id, held->id) != 0) ||
            !place_is_control_held(place, held))
            continue;
        if (dir == FACTS_NO_DIR || held->data != last_data)
            dir = dir_of_pair(place, held->data);
        last_data = held->data;
        if (dir == FACTS_NO_DIR) /* its df is nowhere, that of the next is */
            continue;
        if (!add_held_row(rows->table, held, dir))
            break;
        rows->added++;
    }
    return true;
}

size_t runs_add_held_rows(const struct place_request *request, const char *name,
                          const char *id, struct facts_table *table)
{
    struct rows rows = {.table = table, .id = id};

    place_walk(request, name, add_place_rows, &rows);
    return rows.added;
}

/* Of the journal elsewhere, which all places share, or of each place's own. */
static void read_clients_of(const struct place_request *request,
                            const char *run,
                            void (*found)(void *context, const char *domain,
                                          unsigned count),
                            void *context)
{
    char *elsewhere = place_journal_elsewhere(request, run);
    bool is_elsewhere = elsewhere != NULL && access(elsewhere, F_OK) == 0;

    if (is_elsewhere)
        journal_read_clients(AT_FDCWD, elsewhere, found, context);
    free(elsewhere);
    for (size_t i = 0; i < request->queues->folder_count && !is_elsewhere;
         i++) {
        int fd = open_control_run(request, i, run);

        if (fd < 0)
            continue;
        journal_read_clients(fd, HOLD_JOURNAL, found, context);
        close(fd);
    }
}

void runs_read_clients(const struct place_request *request,
                       void (*found)(void *context, const char *domain,
                                     unsigned count),
                       void *context)
{
    struct string_list runs = {0};

    hold_list_runs(request->queues, &runs, NULL); /* said already */
    for (size_t r = 0; r < runs.count; r++)
        read_clients_of(request, runs.strings[r], found, context);
    string_list_free(&runs);
}

/* ---- finding ---- */

struct search {
    const char *id;
    const struct place *place; /* that is read */
    char *class, *rule;
};

static void compare_entry(void *context, const struct journal_entry *entry)
{
    struct search *search = context;
    struct held held = {.letter = entry->letter};

    if (search->class != NULL || strcmp(entry->id, search->id) != 0)
        return;
    memcpy(held.id, entry->id, sizeof(held.id));
    if (!place_is_control_held(search->place, &held))
        return;
    search->class = strdup(entry->class == NULL ? "" : entry->class);
    search->rule = strdup(entry->rule == NULL ? "" : entry->rule);
}

static bool search_place(void *context, struct place *place)
{
    struct search *search = context;

    search->place = place;
    /* read again: the line's own texts are wanted */
    place_read_journal(place, compare_entry, search);
    return search->class == NULL;
}

bool runs_find_held(const struct place_request *request, const char *id,
                    char run_r[static HOLD_RUN_MAX], char **class_r,
                    char **rule_r)
{
    struct string_list runs = {0};
    struct search search = {.id = id};

    hold_list_runs(request->queues, &runs, request->complaints);
    for (size_t r = runs.count; r > 0 && search.class == NULL; r--)
        if (place_walk(request, runs.strings[r - 1], search_place, &search))
            snprintf(run_r, HOLD_RUN_MAX, "%s", runs.strings[r - 1]);
    string_list_free(&runs);
    *class_r = search.class;
    *rule_r = search.rule;
    return search.class != NULL;
}
