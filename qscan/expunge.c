#include "qscan/expunge.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "qscan/act.h"
#include "qscan/interrupt.h"
#include "qscan/undo.h"

/*
 * The places of a run that are expunged. Their journals stay locked from before
 * the first message goes until the last folder is gone: whoever looks meanwhile
 * finds the run alive, and its expunge not killed.
 */
struct expunging {
    const struct place_request *request;
    const char *run;
    struct expunge_result *result;
    bool *is_begun;            /* by folder number: such a place */
    struct journal **journals; /* the same; NULL: it has none */
    struct journal *shared;    /* the one elsewhere, of all places */
    bool is_rest;              /* only those that an expunge had begun */
    bool is_part;              /* of some place it keeps off */
};

static void remove_held(const struct place *place, size_t folder, char letter,
                        const struct held *held, struct expunge_result *result)
{
    char name[QUEUE_HELD_NAME_MAX];
    struct stat st;

    if (!place_is_held_file(place, folder, letter, held, &st))
        return;
    queue_file_name(name, letter, slice_from_string(held->id), true);
    if (unlinkat(place_run_fd(place, folder), name, 0) == 0) {
        result->files++;
        result->freed_bytes += (uint64_t)st.st_size;
        return;
    }
    act_complain(place->request->complaints, place_folder(place, folder), name,
                 "held file cannot be removed", errno, "still held");
    result->failed++;
}

/* The control file first: the rest of a message is nothing to put back. */
static void remove_message(const struct place *place, const struct held *held,
                           struct expunge_result *result)
{
    size_t failed = result->failed;
    struct stat st;

    if (place_reunite(place, held) == 0)
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

/* A run makes its journal before the folders that it is not in: where there is
 * one now, those may be its own. */
static bool has_begun_since(const struct place *place)
{
    return !place->has_journal && faccessat(place_run_fd(place, place->control),
                                            HOLD_JOURNAL, F_OK, 0) == 0;
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
            place_run_fd(place, i) >= 0 && !has_begun_since(place))
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

/* Its journal was not there when the others were locked: its run works. */
static void keep_off(const struct expunging *expunging,
                     const struct place *place)
{
    expunging->is_begun[place->control] = false;
    expunging->result->failed++;
    place_complain_lock(place, EWOULDBLOCK);
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
        if (place.has_journal && place.journal == NULL)
            keep_off(expunging, &place);
        else
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
                                     struct expunge_result *result)
{
    char *path = place_journal_elsewhere(request, name);

    if (path != NULL && unlinkat(AT_FDCWD, path, 0) < 0 && errno != ENOENT) {
        complain(request->complaints, slice_from_string(path),
                 "journal cannot be removed", strerror(errno), "it stays");
        result->failed++;
    }
    free(path);
}

static bool has_come_through(const struct expunge_result *result)
{
    return result->failed == 0 && interrupt_signal() == 0;
}

static void expunge_begun(struct expunging *expunging)
{
    struct expunge_result *result = expunging->result;
    bool is_all_here = !expunging->is_part &&
                       expunging->request->options->journal_directory != NULL &&
                       is_journal_all_here(expunging->request, expunging->run);

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
                    bool is_rest, struct expunge_result *result)
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
        act_log_result(request->options, name, "expunge",
                       &(struct act_log){.files = result->files,
                                         .failed = result->failed});
    }
    free(expunging.journals);
    free(expunging.is_begun);
    return is_found;
}

bool expunge_run(const struct place_request *request, const char *name,
                 struct expunge_result *result_r)
{
    *result_r = (struct expunge_result){0};
    /* What is half taken would lose its better half. */
    if (undo_complete_taking(request, name))
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

bool expunge_has_begun(const struct place_request *request, const char *name)
{
    bool is_begun = false;

    place_walk(request, name, note_begun, &is_begun);
    return is_begun;
}

bool expunge_rest(const struct place_request *request, const char *name)
{
    struct expunge_result result = {0};

    expunge(request, name, true, &result);
    return has_come_through(&result);
}
