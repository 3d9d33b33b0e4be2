#include "qscan/undo.h"

#include <errno.h>
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
    if (is_delete) {
        error =
            unlinkat(place_folder(place, folder)->fd, name, 0) < 0 ? errno : 0;
    } else {
        int run_fd = place_make_run_fd(place, folder);

        error = run_fd < 0 ? errno
                           : act_move(place_folder(place, folder)->fd, name,
                                      run_fd, held_name);
    }
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
static bool complete_place(struct place *place)
{
    size_t complaints = place->request->complaints->count;

    for (size_t i = 0; i < place->held.count; i++)
        complete_message(place, &place->held.items[i]);
    return place_sync(place) && place->request->complaints->count == complaints;
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

bool undo_complete_taking(const struct place_request *request, const char *name)
{
    return for_unfinished(request, name, complete_place) &&
           for_unfinished(request, name, end_place);
}

/* ---- what keeps a message ---- */

static const char control_exists[] = "a control file of this id exists now";

static void leave(const struct place *place, const struct held *held,
                  const char *what, struct undo_result *result)
{
    place_complain_left(place, held, what, 0);
    result->left++;
}

static void fail(const struct place *place, const struct held *held,
                 const char *what, int error, struct undo_result *result)
{
    place_complain_left(place, held, what, error);
    result->failed++;
}

/* How files go back, in earnest or as far as a look tells. Answers are 0 or
 * errno values, EEXIST: one of that name is in the way. */
struct way {
    int (*reunite)(const struct place *place, const struct held *held);
    int (*put_data)(const struct place *place, const struct held *held);
    int (*put_transcripts)(const struct place *place, const struct held *held);
};

/* 0, or why df did not get to its place; ENOENT: it is nowhere. */
static int bring_data(const struct place *place, const struct held *held,
                      const struct way *way)
{
    struct stat st;

    if (place_is_held_file(place, held->data, 'd', held, &st))
        return way->put_data(place, held);
    /* never taken, or put back by an undo that was killed */
    return place_is_queue_file(place, held->data, 'd', held, &st) &&
                   place_is_the_file(&held->data_file, &st)
               ? 0
               : ENOENT;
}

/* All but the control file, which goes last: without its df it would be
 * delivered empty. True when it may follow. */
static bool bring_files(const struct place *place, const struct held *held,
                        const struct way *way, struct undo_result *result)
{
    int error;

    if (!place_is_control_held(place, held)) {
        error = way->reunite(place, held);
        result->restored += error == 0;
        /* of what is back already, or gone, there is nothing to be reunited */
        result->failed += error != 0 && error != ENOENT;
        return false;
    }
    if (place_has_control_anywhere(place, held)) {
        leave(place, held, control_exists, result);
        return false;
    }
    error = bring_data(place, held, way);
    if (error == EEXIST)
        leave(place, held, "a df of this id exists now", result);
    else if (error == ENOENT)
        fail(place, held, "its df is not held", 0, result);
    else if (error != 0)
        fail(place, held, "df cannot be put back", error, result);
    if (error != 0)
        return false;
    error = way->put_transcripts(place, held);
    if (error != 0)
        fail(place, held, "xf cannot be put back", error, result);
    return error == 0;
}

/* ---- restoring ---- */

static int put_data(const struct place *place, const struct held *held)
{
    return place_put_back(place, held->data, 'd', held);
}

static const struct way in_earnest = {
    .reunite = place_reunite,
    .put_data = put_data,
    .put_transcripts = place_put_back_transcripts,
};

static void restore_control(const struct place *place, const struct held *held,
                            struct undo_result *result)
{
    int error = place_put_back(place, place->control, held->letter, held);

    if (error == 0)
        result->restored++;
    else if (error == EEXIST)
        leave(place, held, control_exists, result);
    else
        fail(place, held, "control file cannot be put back", error, result);
}

/* False when the disk fails: what is not back goes to where it was held. */
static bool restore_batch(const struct place *place, struct held *items,
                          size_t count, struct undo_result *result)
{
    for (size_t i = 0; i < count; i++)
        items[i].may_follow =
            bring_files(place, &items[i], &in_earnest, result);
    if (!place_sync(place)) {
        for (size_t i = 0; i < count; i++)
            result->failed += items[i].may_follow;
        return false;
    }
    for (size_t i = 0; i < count; i++)
        if (items[i].may_follow)
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
    if (complete_place(place) && is_sure) {
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

static int foresee_data(const struct place *place, const struct held *held)
{
    struct stat st;

    return place_is_queue_file(place, held->data, 'd', held, &st) ? EEXIST : 0;
}

static int foresee_transcripts(const struct place *place,
                               const struct held *held)
{
    struct stat st;

    for (size_t i = 0; i < place->folder_count; i++)
        if (place_may_have_transcript(place, i, held) &&
            place_is_held_file(place, i, 'x', held, &st) &&
            place_is_queue_file(place, i, 'x', held, &st))
            return EEXIST;
    return 0;
}

static int foresee_reunion(const struct place *place, const struct held *held)
{
    return place_is_split(place, held) ? 0 : ENOENT;
}

static const struct way on_paper = {
    .reunite = foresee_reunion,
    .put_data = foresee_data,
    .put_transcripts = foresee_transcripts,
};

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
        result->restored +=
            bring_files(place, &place->held.items[i], &on_paper, result);
    return true;
}

void undo_foresee(const struct place_request *request, const char *name,
                  struct undo_result *result_r)
{
    *result_r = (struct undo_result){0};
    place_walk(request, name, foresee_place, result_r);
}
