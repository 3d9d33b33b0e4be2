#include "qscan/undo.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "qscan/act.h"
#include "qscan/interrupt.h"

enum { BATCH = 512 };

/* Descriptors of a run's folders are opened when they are first asked for. */
enum { RUN_FD_NONE = -1, RUN_FD_UNKNOWN = -2 };

/* Or half put back. */
static bool is_half_taken(const struct place *place)
{
    return place_is_half_done(place) && !place->state.is_expunging;
}

/* ---- looking ---- */

static void look_at_file(const struct place *place, size_t folder, char letter,
                         const struct held *held, struct undo_run *run)
{
    struct stat st;

    if (!place_is_held_file(place, folder, letter, held, &st))
        return;
    run->file_count++;
    run->held_bytes += (uint64_t)st.st_size;
}

static void look_at_message(const struct place *place, const struct held *held,
                            int64_t old_before, struct undo_run *run)
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
static void look_at_end(struct place *place, struct undo_run *run)
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
    struct undo_run *run;
};

static bool look_at_place(void *context, struct place *place)
{
    const struct look *look = context;
    struct undo_run *run = look->run;
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
find_strangers(const struct place_request *request, const struct undo_run *run)
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
                              const struct undo_run *run)
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
                           struct undo_run *run_r)
{
    struct look look = {.old_before = old_before, .run = run_r};

    *run_r = (struct undo_run){.time = hold_run_time(name)};
    snprintf(run_r->name, sizeof(run_r->name), "%s", name);
    return place_walk(request, name, look_at_place, &look);
}

bool undo_look_at_run(const struct place_request *request, const char *name,
                      int64_t old_before, struct undo_run *run_r)
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

/* Files, and no journal: whether that run came to its end, and what it took,
 * only its journal knows. */
static void look_for_journal(const struct place_request *request,
                             const char *run)
{
    char *path = place_journal_elsewhere(request, run);
    bool is_known = path != NULL && access(path, F_OK) == 0;

    for (size_t i = 0; i < request->queues->folder_count && !is_known; i++) {
        const struct queue_folder *folder = &request->queues->folders[i];
        const char *why = NULL;
        int fd = folder->holds_control ? hold_open_run(folder, run, &why) : -1;

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
        const struct queue_folder *folder = &request->queues->folders[i];
        const char *why = NULL;
        char *path;
        bool is_finished = true;
        int fd;

        if (!folder->holds_control ||
            (fd = hold_open_run(folder, run, &why)) < 0)
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
                               const struct undo_run *run)
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

void undo_list_unfinished(const struct place_request *request,
                          struct string_list *runs)
{
    struct string_list all = {0};

    hold_list_runs(request->queues, &all, request->complaints);
    for (size_t r = 0; r < all.count; r++) {
        struct undo_run run;

        if (options_is_taking(request->options))
            look_for_journal(request, all.strings[r]);
        if (!may_be_unfinished(request, all.strings[r]) ||
            !undo_look_at_run(request, all.strings[r], 0, &run) ||
            !run.is_unfinished)
            continue;
        warn_of_unfinished(request, &run);
        string_list_add(runs, slice_from_string(all.strings[r]));
    }
    string_list_free(&all);
}

/* ---- completing ---- */

/* Takes a file after its control file, if it is still the very file; removes
 * none but by inode. */
static void take_after(struct place *place, size_t folder, char letter,
                       const struct held *held, const struct journal_file *file)
{
    char name[QUEUE_HELD_NAME_MAX], held_name[QUEUE_HELD_NAME_MAX];
    bool is_delete = place->state.is_delete;
    struct stat st;
    int error;

    if (!place_is_queue_file(place, folder, letter, held, &st) ||
        (is_delete ? st.st_ino != file->inode : !place_is_the_file(file, &st)))
        return;
    queue_file_name(name, letter, slice_from_string(held->id), false);
    queue_file_name(held_name, letter, slice_from_string(held->id), true);
    if (is_delete)
        error =
            unlinkat(place_folder(place, folder)->fd, name, 0) < 0 ? errno : 0;
    else
        error = act_move(place_folder(place, folder)->fd, name,
                         place_run_fd(place, folder), held_name);
    if (error != 0)
        act_complain(place->request->complaints, place_folder(place, folder),
                     name, is_delete ? "cannot be removed" : "cannot be taken",
                     error, "the next purge completes it");
}

static void complete_message(struct place *place, const struct held *held)
{
    /* the journal knows no more of it */
    const struct journal_file transcript = {held->transcript_inode, -1, -1};

    if (!place->state.is_delete && !place_is_control_held(place, held)) {
        place_reunite(place, held);
        return;
    }
    if (place_has_control_anywhere(place, held))
        return;
    take_after(place, held->data, 'd', held, &held->data_file);
    for (size_t i = 0; i < place->folder_count; i++)
        if (place_may_have_transcript(place, i, held))
            take_after(place, i, 'x', held, &transcript);
}

/* False when something stays half done. */
static bool complete_messages(struct place *place)
{
    size_t complaints = place->request->complaints->count;

    for (size_t i = 0; i < place->held.count; i++)
        complete_message(place, &place->held.items[i]);
    return place->request->complaints->count == complaints;
}

static bool complete_place(struct place *place)
{
    bool is_good = complete_messages(place);

    return place_sync(place) && is_good;
}

/* What the run had announced, but was killed before it took. Of a run whose
 * undo was killed: none. */
static size_t count_untaken(const struct place *place)
{
    size_t count = 0;

    if (place->state.has_run_end)
        return 0;
    for (size_t i = 0; i < place->held.count; i++) {
        const struct held *held = &place->held.items[i];

        count += place->state.is_delete
                     ? place_has_control_anywhere(place, held)
                     : !place_is_control_held(place, held);
    }
    return count;
}

static bool end_place(struct place *place)
{
    struct buffer line = {0};

    journal_add_end(&line, place->state.take_count - count_untaken(place),
                    true);
    return place_append(place, &line);
}

/* What is done in each place that has no end. */
struct completing {
    bool (*work)(struct place *place);
    bool is_good;
};

/* Locked, and if it is there, and unfinished, still. */
static bool work_locked(void *context, struct place *place)
{
    struct completing *completing = context;
    int error = is_half_taken(place) ? place_lock(place) : ENOENT;

    if (error == 0) {
        if (is_half_taken(place) && !completing->work(place))
            completing->is_good = false;
    } else if (error != ENOENT) {
        place_complain_lock(place, error);
        completing->is_good = false;
    }
    return true;
}

static bool for_unfinished(const struct place_request *request,
                           const char *name, bool (*work)(struct place *place))
{
    struct completing completing = {.work = work, .is_good = true};

    place_walk(request, name, work_locked, &completing);
    return completing.is_good;
}

/* What was half taken, or half put back. A journal elsewhere is shared by all
 * places, so it gets its end when all of them are done. */
static bool complete_taking(const struct place_request *request,
                            const char *name)
{
    return for_unfinished(request, name, complete_place) &&
           for_unfinished(request, name, end_place);
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
        if (dir == FACTS_NO_DIR || !add_held_row(rows->table, held, dir))
            break;
        rows->added++;
    }
    return true;
}

size_t undo_add_held_rows(const struct place_request *request, const char *name,
                          const char *id, struct facts_table *table)
{
    struct rows rows = {.table = table, .id = id};

    place_walk(request, name, add_place_rows, &rows);
    return rows.added;
}

void undo_read_clients(const struct place_request *request,
                       void (*found)(void *context, const char *domain,
                                     unsigned count),
                       void *context)
{
    struct string_list runs = {0};

    hold_list_runs(request->queues, &runs, NULL); /* said already */
    for (size_t r = 0; r < runs.count; r++) {
        for (size_t i = 0; i < request->queues->folder_count; i++) {
            const struct queue_folder *folder = &request->queues->folders[i];
            const char *why = NULL;
            int run_fd;

            if (!folder->holds_control)
                continue;
            run_fd = hold_open_run(folder, runs.strings[r], &why);
            if (run_fd < 0)
                continue;
            journal_read_clients(run_fd, HOLD_JOURNAL, found, context);
            close(run_fd);
        }
    }
    string_list_free(&runs);
}

/* ---- restoring ---- */

static const char control_exists[] = "a control file of this id exists now";

static const char data_exists[] = "a df of this id exists now";

static const char data_missing[] = "its df is not held";

static const char transcript_stays[] = "xf cannot be put back";

/* Never taken, or put back by an undo that was killed. */
static bool is_data_queued(const struct place *place, const struct held *held)
{
    struct stat st;

    return place_is_queue_file(place, held->data, 'd', held, &st) &&
           place_is_the_file(&held->data_file, &st);
}

/* 0, or why df did not get to its place; ENOENT: it is nowhere. */
static int restore_data(const struct place *place, const struct held *held)
{
    struct stat st;

    if (place_is_held_file(place, held->data, 'd', held, &st))
        return place_put_back(place, held->data, 'd', held);
    return is_data_queued(place, held) ? 0 : ENOENT;
}

/* All but the control file, which goes last: without its df it would be
 * delivered empty. */
static void restore_files(const struct place *place, struct held *held,
                          struct undo_result *result)
{
    int error;

    if (!place_is_control_held(place, held)) {
        /* mostly: back already, or gone */
        result->restored += place_reunite(place, held);
        return;
    }
    if (place_has_control_anywhere(place, held)) {
        place_complain_left(place, held, control_exists, 0);
        result->left++;
        return;
    }
    error = restore_data(place, held);
    if (error == EEXIST) {
        place_complain_left(place, held, data_exists, 0);
        result->left++;
        return;
    }
    if (error == 0) {
        held->is_data_back = true;
        error = place_put_back_transcripts(place, held);
        if (error == 0)
            return;
        held->is_data_back = false;
        place_complain_left(place, held, transcript_stays, error);
    } else if (error == ENOENT) {
        place_complain_left(place, held, data_missing, 0);
    } else {
        place_complain_left(place, held, "df cannot be put back", error);
    }
    result->failed++;
}

static void restore_control(const struct place *place, struct held *held,
                            struct undo_result *result)
{
    int error;

    if (!held->is_data_back)
        return;
    error = place_put_back(place, place->control, held->letter, held);
    if (error == 0) {
        result->restored++;
        return;
    }
    place_complain_left(place, held,
                        error == EEXIST ? control_exists
                                        : "control file cannot be put back",
                        error == EEXIST ? 0 : error);
    result->left += error == EEXIST;
    result->failed += error != EEXIST;
}

/* False when the disk fails: what is not back goes to where it was held. */
static bool restore_batch(const struct place *place, struct held *items,
                          size_t count, struct undo_result *result)
{
    for (size_t i = 0; i < count; i++)
        restore_files(place, &items[i], result);
    if (!place_sync(place)) {
        for (size_t i = 0; i < count; i++)
            result->failed += items[i].is_data_back;
        return false;
    }
    for (size_t i = 0; i < count; i++)
        restore_control(place, &items[i], result);
    return place_sync(place);
}

static void restore_place(struct place *place, struct undo_result *result)
{
    size_t restored = result->restored;
    size_t count = place->held.count;
    struct buffer line = {0};
    bool is_sure = true;
    int error;

    if (place->state.is_expunging)
        place_add_expunge_end(place, &line);
    journal_add_undo_begin(&line);
    error = journal_append(place->journal, &line);
    buffer_clear(&line);
    if (error != 0 && place->state.is_expunging) {
        /* what stays held would be expunged by the next purge */
        place_complain(place, error, "journal cannot be written", "left alone");
        result->failed++;
        return;
    }
    if (error != 0) /* a full disk is no reason: renames take no space */
        place_complain(place, error, "journal cannot be written",
                       "put back all the same");
    for (size_t first = 0; first < count && interrupt_signal() == 0;
         first += BATCH)
        if (!restore_batch(place, &place->held.items[first],
                           first + BATCH < count ? BATCH : count - first,
                           result)) {
            is_sure = false;
            break;
        }
    /* Whose control file could not follow goes back to the holding folder. What
     * the disk did not confirm is looked at again by the next. */
    if (complete_messages(place) && is_sure) {
        journal_add_undo(&line, result->restored - restored,
                         place_count_held(place));
        place_append(place, &line);
    }
    buffer_free(&line);
}

static bool lock_and_restore(void *context, struct place *place)
{
    struct undo_result *result = context;
    int error;

    if (!place->has_journal || place->state.is_delete)
        return true;
    error = place_lock(place);
    if (error == 0) {
        restore_place(place, result);
    } else {
        place_complain_lock(place, error);
        result->failed++;
    }
    return true;
}

bool undo_restore(const struct place_request *request, const char *name,
                  struct undo_result *result_r)
{
    *result_r = (struct undo_result){0};
    return place_walk(request, name, lock_and_restore, result_r);
}

/* ---- foreseeing ---- */

static bool is_transcript_in_the_way(const struct place *place,
                                     const struct held *held)
{
    struct stat st;

    for (size_t i = 0; i < place->folder_count; i++)
        if (place_may_have_transcript(place, i, held) &&
            place_is_held_file(place, i, 'x', held, &st) &&
            place_is_queue_file(place, i, 'x', held, &st))
            return true;
    return false;
}

/* As restore_files and restore_control. */
static void foresee_message(const struct place *place, const struct held *held,
                            struct undo_result *result)
{
    struct stat st;
    bool is_data_held = place_is_held_file(place, held->data, 'd', held, &st);

    if (!place_is_control_held(place, held)) {
        result->restored += place_is_split(place, held);
    } else if (place_has_control_anywhere(place, held)) {
        place_complain_left(place, held, control_exists, 0);
        result->left++;
    } else if (is_data_held &&
               place_is_queue_file(place, held->data, 'd', held, &st)) {
        place_complain_left(place, held, data_exists, 0);
        result->left++;
    } else if (!is_data_held && !is_data_queued(place, held)) {
        place_complain_left(place, held, data_missing, 0);
        result->failed++;
    } else if (is_transcript_in_the_way(place, held)) {
        place_complain_left(place, held, transcript_stays, EEXIST);
        result->failed++;
    } else {
        result->restored++;
    }
}

static bool foresee_place(void *context, struct place *place)
{
    struct undo_result *result = context;
    int error = place_is_half_done(place) ? place_try_lock(place) : 0;

    if (error == EWOULDBLOCK) {
        place_complain_lock(place, error);
        result->failed++;
        return true;
    }
    for (size_t i = 0; i < place->held.count; i++)
        foresee_message(place, &place->held.items[i], result);
    return true;
}

void undo_foresee(const struct place_request *request, const char *name,
                  struct undo_result *result_r)
{
    *result_r = (struct undo_result){0};
    place_walk(request, name, foresee_place, result_r);
}

/* ---- expunging ---- */

/*
 * The places of a run that are expunged. Their journals stay locked from before
 * the first message goes until the last folder is gone: whoever looks meanwhile
 * finds the run alive, and its expunge not killed.
 */
struct expunging {
    const struct place_request *request;
    const char *run;
    struct undo_result *result;
    bool *is_begun;            /* by folder number: such a place */
    struct journal **journals; /* the same; NULL: it has none */
    struct journal *shared;    /* the one elsewhere, of all places */
    bool is_rest;              /* only those that an expunge had begun */
    bool is_part;              /* of some place it keeps off */
};

static void remove_held(const struct place *place, size_t folder, char letter,
                        const struct held *held, struct undo_result *result)
{
    char name[QUEUE_HELD_NAME_MAX];
    struct stat st;

    if (!place_is_held_file(place, folder, letter, held, &st))
        return;
    queue_file_name(name, letter, slice_from_string(held->id), true);
    if (unlinkat(place_run_fd(place, folder), name, 0) == 0) {
        result->expunged_files++;
        result->freed_bytes += (uint64_t)st.st_size;
        return;
    }
    act_complain(place->request->complaints, place_folder(place, folder), name,
                 "held file cannot be removed", errno, "still held");
    result->failed++;
}

/* The control file first: the rest of a message is nothing to put back. */
static void remove_message(const struct place *place, const struct held *held,
                           struct undo_result *result)
{
    size_t failed = result->failed;
    struct stat st;

    if (place_reunite(place, held))
        return;
    if (place_has_control_anywhere(place, held) &&
        !place_is_queue_file(place, held->data, 'd', held, &st) &&
        place_is_held_file(place, held->data, 'd', held, &st)) {
        place_complain_left(
            place, held,
            "a control file of this id, without df, is in the queue", 0);
        result->failed++;
        return;
    }
    remove_held(place, place->control, held->letter, held, result);
    if (result->failed > failed)
        return;
    remove_held(place, held->data, 'd', held, result);
    for (size_t i = 0; i < place->folder_count; i++)
        if (place_may_have_transcript(place, i, held))
            remove_held(place, i, 'x', held, result);
}

/* Removes a folder; one that holds what is in no journal stays. */
static bool remove_folder(const struct expunging *expunging,
                          const struct queue_folder *folder, int parent,
                          const char *name)
{
    bool is_root = strcmp(name, HOLD_ROOT) == 0;
    char path[sizeof(HOLD_ROOT) + HOLD_RUN_MAX];

    if (unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
        return true;
    /* other runs are in it, or df of messages of other places */
    if ((errno == ENOTEMPTY || errno == EEXIST) &&
        (is_root || expunging->is_part))
        return true;
    snprintf(path, sizeof(path), "%s%s", is_root ? "" : HOLD_ROOT "/", name);
    act_complain(expunging->request->complaints, folder, path,
                 "cannot be removed", errno, "the folder stays");
    return false;
}

/* The run's folder below one of the queue, and .qscan after the last run. */
static bool remove_run_folder(const struct expunging *expunging,
                              const struct queue_folder *folder)
{
    const char *why = NULL;
    int root = hold_open_root(folder, &why);
    bool is_good;

    if (root < 0)
        return true;
    is_good = remove_folder(expunging, folder, root, expunging->run) &&
              act_sync(expunging->request->complaints, folder, root);
    close(root);
    return is_good && remove_folder(expunging, folder, folder->fd, HOLD_ROOT);
}

static bool remove_journal(const struct place *place)
{
    int directory = place_run_fd(place, place->control);

    if (unlinkat(directory, HOLD_JOURNAL, 0) == 0 || errno == ENOENT)
        return true;
    place_complain(place, errno, "journal cannot be removed", "it stays");
    return false;
}

/* False after a complaint: files that no journal names, or that a run took
 * which began just now. */
static bool is_emptied(const struct place *place)
{
    if (hold_count_files(place_run_fd(place, place->control)) == 0)
        return true;
    place_complain(place, ENOTEMPTY, "cannot be removed", "the folder stays");
    return false;
}

/* The journal and the folder it is in go last: by them a run is known. */
static void remove_folders(const struct expunging *expunging,
                           struct place *place)
{
    bool is_good = true;

    for (size_t i = 0; i < place->folder_count; i++) {
        const struct queue_folder *folder = place_folder(place, i);

        if (!folder->holds_control &&
            (folder->holds_data || folder->holds_transcripts) &&
            place_run_fd(place, i) >= 0)
            is_good = remove_run_folder(expunging, folder) && is_good;
    }
    if (!is_good || !is_emptied(place) ||
        (place->has_journal && !remove_journal(place)) ||
        !remove_run_folder(expunging, place_folder(place, place->control)))
        expunging->result->failed++;
}

static void remove_messages(const struct expunging *expunging,
                            struct place *place)
{
    for (size_t i = 0; i < place->held.count && interrupt_signal() == 0; i++)
        remove_message(place, &place->held.items[i], expunging->result);
}

/* False after a complaint. */
static bool lock_expunged(struct expunging *expunging, struct place *place)
{
    bool is_locked = place->is_journal_elsewhere && expunging->shared != NULL;
    int error = is_locked || !place->has_journal ? 0 : place_lock(place);

    if (error != 0) {
        place_complain_lock(place, error);
        expunging->result->failed++;
        return false;
    }
    if (is_locked)
        place->journal = expunging->shared;
    else if (place->is_journal_elsewhere)
        expunging->shared = place->journal;
    return true;
}

/* Before the first message goes, the journal says so. A full disk is no reason
 * not to free it. */
static void note_expunge(const struct place *place)
{
    struct buffer line = {0};
    int error;

    if (place->journal == NULL || place->state.is_expunging)
        return;
    journal_add_expunge_begin(&line, place_folder(place, place->control),
                              place_count_held(place));
    error = journal_append(place->journal, &line);
    if (error != 0)
        place_complain(place, error, "journal cannot be written",
                       "expunged all the same");
    buffer_free(&line);
}

static bool begin_expunge(void *context, struct place *place)
{
    struct expunging *expunging = context;

    if ((!expunging->is_rest || place->state.is_expunging) &&
        lock_expunged(expunging, place)) {
        note_expunge(place);
        expunging->is_begun[place->control] = true;
        expunging->journals[place->control] = place->journal;
        place->journal = NULL; /* stays locked */
    } else {
        expunging->is_part = true;
    }
    return true;
}

/* No other places are opened: what is wrong with them was said. */
static void for_each_begun(const struct expunging *expunging,
                           void (*work)(const struct expunging *expunging,
                                        struct place *place))
{
    for (size_t i = 0; i < expunging->request->queues->folder_count; i++) {
        struct place place;

        if (!expunging->is_begun[i] || !place_open(&place, expunging->request,
                                                   expunging->run, (uint16_t)i))
            continue;
        place.journal = expunging->journals[i];
        work(expunging, &place);
        place.journal = NULL;
        place_close(&place);
    }
}

/* It failed, or was interrupted: what is left is not for the next purge to
 * remove. */
static void end_expunge(const struct expunging *expunging, struct place *place)
{
    struct buffer line = {0};

    (void)expunging;
    if (place->journal == NULL || !place->state.is_expunging)
        return;
    place_add_expunge_end(place, &line);
    place_append(place, &line);
}

static void unlock_expunged(struct expunging *expunging)
{
    for (size_t i = 0; i < expunging->request->queues->folder_count; i++)
        if (expunging->journals[i] != expunging->shared)
            place_free_journal(expunging->journals[i]);
    place_free_journal(expunging->shared);
}

struct counts {
    size_t here, taken; /* messages of this place, of the journal */
};

static bool count_here(void *context, struct place *place)
{
    struct counts *counts = context;

    counts->here += place->held.count;
    counts->taken = place->state.take_count;
    return true;
}

/* Whether a journal elsewhere names nothing but messages of these queues:
 * those of another are put back by it yet. */
static bool is_journal_all_here(const struct place_request *request,
                                const char *name)
{
    struct counts counts = {0};

    place_walk(request, name, count_here, &counts);
    return counts.here == counts.taken;
}

static void remove_journal_elsewhere(const struct place_request *request,
                                     const char *name,
                                     struct undo_result *result)
{
    char *path = place_journal_elsewhere(request, name);

    if (path != NULL && unlinkat(AT_FDCWD, path, 0) < 0 && errno != ENOENT) {
        complain(request->complaints, slice_from_string(path),
                 "journal cannot be removed", strerror(errno), "it stays");
        result->failed++;
    }
    free(path);
}

static bool has_come_through(const struct undo_result *result)
{
    return result->failed == 0 && interrupt_signal() == 0;
}

static void expunge_begun(struct expunging *expunging)
{
    struct undo_result *result = expunging->result;
    bool is_all_here =
        is_journal_all_here(expunging->request, expunging->run) &&
        !expunging->is_part;

    for_each_begun(expunging, remove_messages);
    /* a place may hold files of another's messages: folders go last */
    if (has_come_through(result))
        for_each_begun(expunging, remove_folders);
    if (is_all_here && has_come_through(result))
        remove_journal_elsewhere(expunging->request, expunging->run, result);
    if (!has_come_through(result))
        for_each_begun(expunging, end_expunge);
}

/* is_rest: of the places that an expunge had begun. */
static bool expunge(const struct place_request *request, const char *name,
                    bool is_rest, struct undo_result *result)
{
    size_t count = request->queues->folder_count;
    struct expunging expunging = {
        .request = request, .run = name, .result = result, .is_rest = is_rest};
    bool is_found = true;

    expunging.is_begun = calloc(count, sizeof(*expunging.is_begun));
    expunging.journals = calloc(count, sizeof(struct journal *));
    if (expunging.is_begun == NULL || expunging.journals == NULL) {
        complain(request->complaints, SLICE_LITERAL("memory"), "not enough",
                 NULL, "nothing done");
        result->failed++;
    } else {
        is_found = place_walk(request, name, begin_expunge, &expunging);
        if (is_found)
            expunge_begun(&expunging);
        unlock_expunged(&expunging);
    }
    free(expunging.journals);
    free(expunging.is_begun);
    return is_found;
}

bool undo_expunge(const struct place_request *request, const char *name,
                  struct undo_result *result_r)
{
    *result_r = (struct undo_result){0};
    /* What is half taken would lose its better half. */
    if (complete_taking(request, name))
        return expunge(request, name, false, result_r);
    result_r->failed++;
    return true;
}

static bool note_begun(void *context, struct place *place)
{
    bool *is_begun = context;

    *is_begun = place->state.is_expunging;
    return !*is_begun;
}

bool undo_complete(const struct place_request *request, const char *name)
{
    char hint[HOLD_RUN_MAX + 32] = "it holds nothing";
    struct undo_result result = {0};
    bool is_expunged = false;

    place_walk(request, name, note_begun, &is_expunged);
    if (!complete_taking(request, name))
        return false;
    if (is_expunged)
        expunge(request, name, true, &result);
    if (!has_come_through(&result))
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

bool undo_find_held(const struct place_request *request, const char *id,
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
