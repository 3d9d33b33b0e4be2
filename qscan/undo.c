#include "qscan/undo.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "qscan/act.h"
#include "qscan/interrupt.h"

enum { BATCH = 512 };

/* Descriptors of a run's folders are opened when they are first asked for. */
enum { RUN_FD_NONE = -1, RUN_FD_UNKNOWN = -2 };

/* A journal entry that outlives its line. */
struct held {
    char id[FACTS_ID_MAX + 1];
    char letter;
    uint16_t data; /* folder of df, or FACTS_NO_DIR: not to be found */
    struct journal_file control_file, data_file;
    uint64_t transcript_inode; /* 0 = none */
    int64_t created;
    bool is_data_back; /* this undo put it, or found it, beside its place */
};

struct held_list {
    struct held *items;
    size_t count, capacity;
    bool has_failed;
};

/* One run in one control folder, and the run's folders elsewhere. */
struct place {
    const struct undo_request *request;
    const char *run;
    uint16_t control;
    int *run_fds; /* by folder number */
    size_t folder_count;
    struct held_list held;
    struct journal_state state;
    bool has_journal, is_journal_elsewhere;
    bool is_part;            /* expunged, while others of the run stay */
    struct journal *journal; /* locked, after lock_place; else NULL */
};

/* ---- opening ---- */

static const struct queue_folder *folder_at(const struct place *place,
                                            size_t number)
{
    return &place->request->queues->folders[number];
}

/* The run's own folder below a folder of the queue; RUN_FD_NONE: no such. */
static int run_fd_of(const struct place *place, size_t folder)
{
    const char *why = NULL;
    int *fd = &place->run_fds[folder];

    if (*fd == RUN_FD_UNKNOWN) {
        *fd = hold_open_run(folder_at(place, folder), place->run, &why);
        if (*fd < 0) {
            *fd = RUN_FD_NONE;
            if (errno != ENOENT)
                hold_complain(place->request->complaints,
                              folder_at(place, folder),
                              "holding folder refused", why, "left alone");
        }
    }
    return *fd;
}

/* ---- files of a message ---- */

static bool has_file(int folder, const char *name, struct stat *st)
{
    return folder >= 0 && fstatat(folder, name, st, AT_SYMLINK_NOFOLLOW) == 0;
}

static struct slice id_of(const struct held *held)
{
    return slice_from_string(held->id);
}

static bool is_held_file(const struct place *place, size_t folder, char letter,
                         const struct held *held, struct stat *st)
{
    char name[QUEUE_HELD_NAME_MAX];

    return folder != FACTS_NO_DIR &&
           queue_file_name(name, letter, id_of(held), true) &&
           has_file(run_fd_of(place, folder), name, st);
}

static bool is_queue_file(const struct place *place, size_t folder, char letter,
                          const struct held *held, struct stat *st)
{
    char name[QUEUE_HELD_NAME_MAX];

    return folder != FACTS_NO_DIR &&
           queue_file_name(name, letter, id_of(held), false) &&
           has_file(folder_at(place, folder)->fd, name, st);
}

static bool is_control_held(const struct place *place, const struct held *held)
{
    struct stat st;

    return is_held_file(place, place->control, held->letter, held, &st);
}

/* ---- what the journal names ---- */

/* The df folder of the queue directory that the place is the control folder
 * of. */
static uint16_t own_data_folder(const struct place *place)
{
    const struct queue_set *queues = place->request->queues;

    for (size_t d = 0; d < queues->dir_count; d++)
        if (!queues->dirs[d].is_held &&
            queues->dirs[d].control == place->control)
            return queues->dirs[d].data;
    return FACTS_NO_DIR;
}

/* FACTS_NO_DIR: none, or several. */
static uint16_t data_folder_of_inode(const struct place *place, uint64_t inode)
{
    const struct queue_set *queues = place->request->queues;
    uint16_t found = FACTS_NO_DIR;

    for (size_t i = 0; i < place->folder_count; i++) {
        if (!queues->folders[i].holds_data || queues->folders[i].inode != inode)
            continue;
        if (found != FACTS_NO_DIR)
            return FACTS_NO_DIR;
        found = (uint16_t)i;
    }
    return found;
}

/*
 * Where df lay. Path and inode say it, if the queue is named as it was then.
 * Else the inode may, which survives a reboot, but which folders on two disks
 * may share, and which a copy of the queue has not: so it is wherever it is
 * held.
 */
static uint16_t find_data_folder(const struct place *place,
                                 const struct held *held,
                                 const struct journal_entry *entry)
{
    const struct queue_set *queues = place->request->queues;
    uint16_t likely[2];
    struct stat st;

    if (entry->data_folder == NULL)
        return place->control;
    for (size_t i = 0; i < place->folder_count; i++)
        if (queues->folders[i].inode == entry->folder_inode &&
            strcmp(queues->folders[i].path, entry->data_folder) == 0)
            return (uint16_t)i;
    likely[0] = data_folder_of_inode(place, entry->folder_inode);
    likely[1] = own_data_folder(place);
    for (size_t i = 0; i < 2; i++)
        if (is_held_file(place, likely[i], 'd', held, &st))
            return likely[i];
    for (size_t i = 0; i < place->folder_count; i++)
        if (queues->folders[i].holds_data &&
            is_held_file(place, i, 'd', held, &st))
            return (uint16_t)i;
    return likely[0] != FACTS_NO_DIR ? likely[0] : likely[1];
}

/* A journal elsewhere names messages of all places. In a copy of the queue no
 * folder has the inode: what is held here is of here. */
static bool is_of_place(const struct place *place, const struct held *held,
                        const struct journal_entry *entry)
{
    const struct queue_set *queues = place->request->queues;

    if (!place->is_journal_elsewhere ||
        entry->control_folder_inode == folder_at(place, place->control)->inode)
        return true;
    for (size_t i = 0; i < place->folder_count; i++)
        if (queues->folders[i].holds_control &&
            queues->folders[i].inode == entry->control_folder_inode)
            return false;
    return is_control_held(place, held);
}

static struct held *add_held(struct held_list *list)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity == 0 ? 256 : list->capacity * 2;
        struct held *items = realloc(list->items, capacity * sizeof(*items));

        if (items == NULL) {
            list->has_failed = true;
            return NULL;
        }
        list->items = items;
        list->capacity = capacity;
    }
    return &list->items[list->count++];
}

static void remember(void *context, const struct journal_entry *entry)
{
    struct place *place = context;
    struct held held = {.letter = entry->letter,
                        .control_file = entry->control,
                        .data_file = entry->data,
                        .transcript_inode = entry->transcript_inode,
                        .created = entry->created};
    struct held *added;

    memcpy(held.id, entry->id, sizeof(held.id));
    if (!is_of_place(place, &held, entry))
        return;
    added = add_held(&place->held);
    if (added == NULL)
        return;
    *added = held;
    added->data = find_data_folder(place, &held, entry);
}

static void unlock(struct journal *journal)
{
    if (journal != NULL)
        journal_close(journal);
    free(journal);
}

static void close_place(struct place *place)
{
    unlock(place->journal);
    for (size_t i = 0; place->run_fds != NULL && i < place->folder_count; i++)
        if (place->run_fds[i] >= 0)
            close(place->run_fds[i]);
    free(place->run_fds);
    free(place->held.items);
    *place = (struct place){0};
}

/* The journal's folder and name: in --journal=DIR, else beside the files.
 * NULL without memory; free it. */
static char *journal_name(struct place *place, int *directory_r)
{
    const char *elsewhere = place->request->options->journal_directory;
    char *name;

    if (elsewhere != NULL) {
        if (asprintf(&name, "%s/%s.journal", elsewhere, place->run) < 0)
            return NULL;
        *directory_r = AT_FDCWD;
        place->is_journal_elsewhere = access(name, F_OK) == 0;
        if (place->is_journal_elsewhere)
            return name;
        free(name);
    }
    *directory_r = run_fd_of(place, place->control);
    return strdup(HOLD_JOURNAL);
}

static int read_journal_with(struct place *place,
                             void (*take)(void *context,
                                          const struct journal_entry *entry),
                             void *context)
{
    int directory;
    char *name = journal_name(place, &directory);
    int error = name == NULL
                    ? ENOMEM
                    : journal_read(directory, name,
                                   place->is_journal_elsewhere
                                       ? folder_at(place, place->control)
                                       : NULL,
                                   take, context, &place->state);

    free(name);
    return error;
}

/* What the journal names by now; 0 or an errno value. */
static int read_place(struct place *place)
{
    int error;

    place->held.count = 0;
    error = read_journal_with(place, remember, place);
    place->has_journal = error == 0;
    return error == 0 && place->held.has_failed ? ENOMEM : error;
}

/* Nobody else works on what is locked. 0, EWOULDBLOCK: the run still lives,
 * or another qscan is at it; or another errno value. */
static int lock_journal(struct place *place)
{
    int directory;
    char *name = journal_name(place, &directory);
    struct journal *journal = calloc(1, sizeof(*journal));
    int error = name == NULL || journal == NULL
                    ? ENOMEM
                    : journal_open(journal, directory, name, name);

    free(name);
    if (error == 0)
        place->journal = journal;
    else
        free(journal);
    return error;
}

static void unlock_place(struct place *place)
{
    unlock(place->journal);
    place->journal = NULL;
}

/* The run may have gone on between the reading and the lock. Only what had its
 * end names all already. */
static int lock_place(struct place *place)
{
    int error = lock_journal(place);

    if (error == 0 && !place->state.has_end) {
        error = read_place(place);
        if (error != 0)
            unlock_place(place);
    }
    return error;
}

/* Begun, and not ended when it was read. Before the first line there is
 * neither a lock nor anything done: its run makes it just now, or was killed
 * there. */
static bool is_half_done(const struct place *place)
{
    return place->has_journal && !place->state.has_end &&
           (place->state.has_begin || place->state.take_count > 0);
}

/* Or half put back. */
static bool is_half_taken(const struct place *place)
{
    return is_half_done(place) && !place->state.is_expunging;
}

static bool is_same_place(const struct undo_request *request, uint16_t control)
{
    return control < request->queues->folder_count &&
           request->queues->folders[control].holds_control;
}

static void complain_journal(const struct place *place, int error,
                             const char *what, const char *consequence)
{
    char name[sizeof(HOLD_ROOT) + HOLD_RUN_MAX];

    snprintf(name, sizeof(name), HOLD_ROOT "/%s", place->run);
    act_complain(place->request->complaints, folder_at(place, place->control),
                 name, what, error, consequence);
}

/* False when this control folder has nothing of that run. */
static bool open_place(struct place *place, const struct undo_request *request,
                       const char *run, uint16_t control)
{
    int error;

    *place = (struct place){.request = request,
                            .run = run,
                            .control = control,
                            .folder_count = request->queues->folder_count};
    if (!is_same_place(request, control))
        return false;
    place->run_fds = malloc(place->folder_count * sizeof(int));
    for (size_t i = 0; place->run_fds != NULL && i < place->folder_count; i++)
        place->run_fds[i] = RUN_FD_UNKNOWN;
    if (place->run_fds == NULL || run_fd_of(place, control) < 0) {
        close_place(place);
        return false;
    }
    error = read_place(place);
    /* Killed before it wrote one, or the journal is elsewhere. */
    if (error != 0 && error != ENOENT) {
        complain_journal(place, error, "journal cannot be read", "left alone");
        close_place(place);
        return false;
    }
    return true;
}

/* A control file, or a rewrite of one, of that id in any queue directory. */
static bool has_control_anywhere(const struct place *place,
                                 const struct held *held)
{
    const struct queue_set *queues = place->request->queues;
    /* q twice: a release from quarantine renames h to q between two looks */
    static const char letters[] = "qhQtTq";
    struct stat st;

    for (size_t d = 0; d < queues->dir_count; d++)
        for (const char *letter = letters; *letter != '\0'; letter++)
            if (!queues->dirs[d].is_held &&
                is_queue_file(place, queues->dirs[d].control, *letter, held,
                              &st))
                return true;
    return false;
}

/* Size and time tell it in a copy of the queue; what is rewritten has another
 * time. */
static bool is_the_file(const struct journal_file *file, const struct stat *st)
{
    return st->st_ino == file->inode || (st->st_size == file->size_bytes &&
                                         st->st_mtim.tv_sec == file->mtime);
}

/* The very control file that was taken, in the queue again: a crash of the
 * machine lost its renaming, but perhaps not that of its df. */
static bool is_control_back(const struct place *place, const struct held *held)
{
    static const char letters[] = "qhQq";
    struct stat st;

    for (const char *letter = letters; *letter != '\0'; letter++)
        if (is_queue_file(place, place->control, *letter, held, &st) &&
            is_the_file(&held->control_file, &st))
            return true;
    return false;
}

/* Then the df that is held is its only one. */
static bool is_split(const struct place *place, const struct held *held)
{
    struct stat st;

    return is_held_file(place, held->data, 'd', held, &st) &&
           !is_queue_file(place, held->data, 'd', held, &st) &&
           is_control_back(place, held);
}

/* ---- looking ---- */

/* Names in a folder of the run, but for its journal. */
static size_t count_names(int fd)
{
    DIR *directory = fdopendir(dup(fd));
    struct dirent *entry;
    size_t count = 0;

    if (directory == NULL)
        return 0;
    rewinddir(directory); /* its offset is that of fd */
    while ((entry = readdir(directory)) != NULL)
        count +=
            entry->d_name[0] != '.' && strcmp(entry->d_name, HOLD_JOURNAL) != 0;
    closedir(directory);
    return count;
}

static void look_at_file(const struct place *place, size_t folder, char letter,
                         const struct held *held, struct undo_run *run)
{
    struct stat st;

    if (!is_held_file(place, folder, letter, held, &st))
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
    for (size_t i = 0; held->transcript_inode != 0 && i < place->folder_count;
         i++)
        if (folder_at(place, i)->holds_transcripts)
            look_at_file(place, i, 'x', held, run);
    if (!is_held && run->file_count > before) {
        run->rest_count += run->file_count - before;
        run->split_count += is_split(place, held);
    }
}

/* A run that can be locked does nothing any more: was it killed, or has it
 * come to its end since its journal was read, or gone, having taken nothing? */
static void look_at_end(struct place *place, struct undo_run *run)
{
    int error = lock_journal(place);
    bool is_unfinished;

    unlock_place(place);
    if (error == 0)
        error = read_place(place);
    is_unfinished = error == 0 ? is_half_done(place)
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

static void look_at_place(struct place *place, int64_t old_before,
                          struct undo_run *run)
{
    size_t held_before = run->held_count;

    if (is_half_done(place))
        look_at_end(place, run);
    run->has_journal = run->has_journal || place->has_journal;
    run->taken_count += place->held.count;
    /* a journal that several places share does not say whose they were */
    if (place->held.count == place->state.take_count)
        run->taken_count -= place->state.untaken_count;
    run->is_delete = run->is_delete || place->state.is_delete;
    for (size_t i = 0; i < place->held.count; i++)
        look_at_message(place, &place->held.items[i], old_before, run);
    run->is_expunging = run->is_expunging || place->state.is_expunging;
    run->expunged_count += count_expunged(place, run->held_count - held_before);
}

/* Files that no journal names, over all folders of the run: the first folder
 * with files, or NULL. */
static const struct queue_folder *
find_strangers(const struct undo_request *request, const struct undo_run *run)
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
        count += count_names(fd);
        if (found == NULL && count > before)
            found = folder;
        close(fd);
    }
    return run->is_alive || count <= run->file_count ? NULL : found;
}

/* Whoever keeps journals elsewhere, meant it: that is no failure. */
static void warn_of_no_journal(const struct undo_request *request,
                               const char *run, const char *consequence)
{
    complain_warning(request->complaints, slice_from_string(run),
                     "this run holds files, but no journal",
                     "it is gone, or elsewhere (--journal=DIR)", consequence);
}

static void tell_of_strangers(const struct undo_request *request,
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

static bool look_at_places(const struct undo_request *request, const char *name,
                           int64_t old_before, struct undo_run *run_r)
{
    bool is_found = false;

    *run_r = (struct undo_run){.time = hold_run_time(name)};
    snprintf(run_r->name, sizeof(run_r->name), "%s", name);
    for (size_t i = 0; i < request->queues->folder_count; i++) {
        struct place place;

        if (!open_place(&place, request, name, (uint16_t)i))
            continue;
        is_found = true;
        look_at_place(&place, old_before, run_r);
        close_place(&place);
    }
    return is_found;
}

bool undo_look_at_run(const struct undo_request *request, const char *name,
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

/* DIR/RUN.journal of --journal=DIR; NULL without that option, or without
 * memory; free it. */
static char *journal_elsewhere(const struct undo_request *request,
                               const char *run)
{
    const char *directory = request->options->journal_directory;
    char *path;

    return directory == NULL ||
                   asprintf(&path, "%s/%s.journal", directory, run) < 0
               ? NULL
               : path;
}

/* Files, and no journal: whether that run came to its end, and what it took,
 * only its journal knows. */
static void look_for_journal(const struct undo_request *request,
                             const char *run)
{
    char *path = journal_elsewhere(request, run);
    bool is_known = path != NULL && access(path, F_OK) == 0;

    for (size_t i = 0; i < request->queues->folder_count && !is_known; i++) {
        const struct queue_folder *folder = &request->queues->folders[i];
        const char *why = NULL;
        int fd = folder->holds_control ? hold_open_run(folder, run, &why) : -1;

        if (fd < 0)
            continue;
        if (faccessat(fd, HOLD_JOURNAL, F_OK, 0) < 0 && count_names(fd) > 0) {
            warn_of_no_journal(request, run, "not completed");
            is_known = true;
        }
        close(fd);
    }
    free(path);
}

/* By the last line of its journals alone: most runs are long finished, and
 * their journals long. */
static bool may_be_unfinished(const struct undo_request *request,
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
        path = journal_elsewhere(request, run);
        if (path == NULL ||
            journal_is_finished(AT_FDCWD, path, &is_finished) != 0)
            journal_is_finished(fd, HOLD_JOURNAL, &is_finished);
        is_unfinished = !is_finished;
        free(path);
        close(fd);
    }
    return is_unfinished;
}

static void warn_of_unfinished(const struct undo_request *request,
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

void undo_list_unfinished(const struct undo_request *request,
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

    if (!is_queue_file(place, folder, letter, held, &st) ||
        (is_delete ? st.st_ino != file->inode : !is_the_file(file, &st)))
        return;
    queue_file_name(name, letter, id_of(held), false);
    queue_file_name(held_name, letter, id_of(held), true);
    if (is_delete)
        error = unlinkat(folder_at(place, folder)->fd, name, 0) < 0 ? errno : 0;
    else
        error = act_move(folder_at(place, folder)->fd, name,
                         run_fd_of(place, folder), held_name);
    if (error != 0)
        act_complain(place->request->complaints, folder_at(place, folder), name,
                     is_delete ? "cannot be removed" : "cannot be taken", error,
                     "the next purge completes it");
}

static int put_back(const struct place *place, size_t folder, char letter,
                    const struct held *held)
{
    char name[QUEUE_HELD_NAME_MAX], held_name[QUEUE_HELD_NAME_MAX];

    if (!queue_file_name(name, letter, id_of(held), false) ||
        !queue_file_name(held_name, letter, id_of(held), true))
        return EINVAL;
    return act_move(run_fd_of(place, folder), held_name,
                    folder_at(place, folder)->fd, name);
}

static void complain_left(const struct place *place, const struct held *held,
                          const char *what, int error)
{
    act_complain(place->request->complaints, folder_at(place, place->control),
                 held->id, what, error, "stays held");
}

static int restore_transcripts(const struct place *place,
                               const struct held *held)
{
    struct stat st;
    int error = 0;

    for (size_t i = 0;
         held->transcript_inode != 0 && error == 0 && i < place->folder_count;
         i++)
        if (folder_at(place, i)->holds_transcripts &&
            is_held_file(place, i, 'x', held, &st))
            error = put_back(place, i, 'x', held);
    return error;
}

/* The df goes back to its control file; true when it did. */
static bool reunite(const struct place *place, const struct held *held)
{
    int error;

    if (!is_split(place, held))
        return false;
    error = put_back(place, held->data, 'd', held);
    if (error == 0)
        error = restore_transcripts(place, held);
    if (error != 0)
        complain_left(place, held, "its files cannot be put back", error);
    return error == 0;
}

static void complete_message(struct place *place, const struct held *held)
{
    /* the journal knows no more of it */
    const struct journal_file transcript = {held->transcript_inode, -1, -1};

    if (!place->state.is_delete && !is_control_held(place, held)) {
        reunite(place, held);
        return;
    }
    if (has_control_anywhere(place, held))
        return;
    take_after(place, held->data, 'd', held, &held->data_file);
    for (size_t i = 0; held->transcript_inode != 0 && i < place->folder_count;
         i++)
        if (folder_at(place, i)->holds_transcripts)
            take_after(place, i, 'x', held, &transcript);
}

/* Every folder the run has to do with; false after a complaint. */
static bool sync_place(const struct place *place)
{
    bool is_good = true;

    for (size_t i = 0; i < place->folder_count; i++) {
        const struct queue_folder *folder = folder_at(place, i);

        if ((folder->holds_control || folder->holds_data ||
             folder->holds_transcripts) &&
            run_fd_of(place, i) >= 0)
            is_good = act_sync(place->request->complaints, folder,
                               run_fd_of(place, i)) &&
                      is_good;
    }
    return is_good;
}

static void complain_lock(const struct place *place, int error)
{
    if (error == EWOULDBLOCK && options_is_taking(place->request->options))
        complain_warning(place->request->complaints,
                         slice_from_string(place->run),
                         "another qscan works on it", NULL, "left alone");
    else if (error == EWOULDBLOCK)
        complain_journal(place, 0, "its run still works", "left alone");
    else
        complain_journal(place, error, "journal cannot be locked",
                         "left alone");
}

/* False when something stays half done. */
static bool complete_place(struct place *place)
{
    size_t complaints = place->request->complaints->count;

    for (size_t i = 0; i < place->held.count; i++)
        complete_message(place, &place->held.items[i]);
    return sync_place(place) && place->request->complaints->count == complaints;
}

static bool append_line(struct place *place, struct buffer *line)
{
    int error = journal_append(place->journal, line);

    buffer_free(line);
    return error == 0 ||
           (complain_journal(place, error, "journal cannot be written",
                             "the next purge completes it"),
            false);
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

        count += place->state.is_delete ? has_control_anywhere(place, held)
                                        : !is_control_held(place, held);
    }
    return count;
}

static bool end_place(struct place *place)
{
    struct buffer line = {0};

    journal_add_end(&line, place->state.take_count - count_untaken(place),
                    true);
    return append_line(place, &line);
}

/* Locked, and if it is there, and unfinished, still. */
static bool work_locked(struct place *place, bool (*work)(struct place *place))
{
    int error = lock_place(place);

    if (error == ENOENT)
        return true;
    if (error != 0) {
        complain_lock(place, error);
        return false;
    }
    return !is_half_taken(place) || work(place);
}

/* Does it in each place that has no end, or whose journal is yet to get it:
 * a journal elsewhere is shared by all places, so it ends when all are done. */
static bool for_unfinished(const struct undo_request *request, const char *name,
                           bool (*work)(struct place *place))
{
    bool is_good = true;

    for (size_t i = 0; i < request->queues->folder_count; i++) {
        struct place place;

        if (!open_place(&place, request, name, (uint16_t)i))
            continue;
        if (is_half_taken(&place))
            is_good = work_locked(&place, work) && is_good;
        close_place(&place);
    }
    return is_good;
}

/* What was half taken, or half put back. */
static bool complete_taking(const struct undo_request *request,
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

    if (run_fd_of(place, folder) >= 0 &&
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

static size_t add_place_rows(const struct place *place, const char *id,
                             struct facts_table *table)
{
    uint16_t last_data = FACTS_NO_DIR;
    uint16_t dir = FACTS_NO_DIR;
    size_t added = 0;

    for (size_t h = 0; h < place->held.count; h++) {
        const struct held *held = &place->held.items[h];

        if ((id != NULL && strcmp(id, held->id) != 0) ||
            !is_control_held(place, held))
            continue;
        if (dir == FACTS_NO_DIR || held->data != last_data)
            dir = dir_of_pair(place, held->data);
        last_data = held->data;
        if (dir == FACTS_NO_DIR || !add_held_row(table, held, dir))
            break;
        added++;
    }
    return added;
}

size_t undo_add_held_rows(const struct undo_request *request, const char *name,
                          const char *id, struct facts_table *table)
{
    size_t folder_count = request->queues->folder_count;
    size_t added = 0;

    for (size_t i = 0; i < folder_count; i++) {
        struct place place;

        if (!open_place(&place, request, name, (uint16_t)i))
            continue;
        added += add_place_rows(&place, id, table);
        close_place(&place);
    }
    return added;
}

void undo_read_clients(const struct undo_request *request,
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

    return is_queue_file(place, held->data, 'd', held, &st) &&
           is_the_file(&held->data_file, &st);
}

/* 0, or why df did not get to its place; ENOENT: it is nowhere. */
static int restore_data(const struct place *place, const struct held *held)
{
    struct stat st;

    if (is_held_file(place, held->data, 'd', held, &st))
        return put_back(place, held->data, 'd', held);
    return is_data_queued(place, held) ? 0 : ENOENT;
}

/* All but the control file, which goes last: without its df it would be
 * delivered empty. */
static void restore_files(const struct place *place, struct held *held,
                          struct undo_result *result)
{
    int error;

    if (!is_control_held(place, held)) { /* mostly: back already, or gone */
        result->restored += reunite(place, held);
        return;
    }
    if (has_control_anywhere(place, held)) {
        complain_left(place, held, control_exists, 0);
        result->left++;
        return;
    }
    error = restore_data(place, held);
    if (error == EEXIST) {
        complain_left(place, held, data_exists, 0);
        result->left++;
        return;
    }
    if (error == 0) {
        held->is_data_back = true;
        error = restore_transcripts(place, held);
        if (error == 0)
            return;
        held->is_data_back = false;
        complain_left(place, held, transcript_stays, error);
    } else if (error == ENOENT) {
        complain_left(place, held, data_missing, 0);
    } else {
        complain_left(place, held, "df cannot be put back", error);
    }
    result->failed++;
}

static void restore_control(const struct place *place, struct held *held,
                            struct undo_result *result)
{
    int error;

    if (!held->is_data_back)
        return;
    error = put_back(place, place->control, held->letter, held);
    if (error == 0) {
        result->restored++;
        return;
    }
    complain_left(place, held,
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
    if (!sync_place(place)) {
        for (size_t i = 0; i < count; i++)
            result->failed += items[i].is_data_back;
        return false;
    }
    for (size_t i = 0; i < count; i++)
        restore_control(place, &items[i], result);
    return sync_place(place);
}

/* Whose control file could not follow goes back to the holding folder; true
 * when nothing stays half back. */
static bool settle(struct place *place)
{
    size_t complaints = place->request->complaints->count;

    for (size_t i = 0; i < place->held.count; i++)
        complete_message(place, &place->held.items[i]);
    return place->request->complaints->count == complaints;
}

static size_t count_held(const struct place *place)
{
    size_t count = 0;

    for (size_t i = 0; i < place->held.count; i++)
        count += is_control_held(place, &place->held.items[i]);
    return count;
}

/* Ends an expunge: from here on what it left may come back. */
static void add_expunge_end(const struct place *place, struct buffer *line)
{
    size_t held = count_held(place);
    size_t before = place->state.expunging_held;

    journal_add_expunge(line, folder_at(place, place->control),
                        before > held ? before - held : 0, held);
}

static void restore_place(struct place *place, struct undo_result *result)
{
    size_t restored = result->restored;
    size_t count = place->held.count;
    struct buffer line = {0};
    bool is_sure = true;
    int error;

    if (place->state.is_expunging)
        add_expunge_end(place, &line);
    journal_add_undo_begin(&line);
    error = journal_append(place->journal, &line);
    buffer_clear(&line);
    if (error != 0 && place->state.is_expunging) {
        /* what stays held would be expunged by the next purge */
        complain_journal(place, error, "journal cannot be written",
                         "left alone");
        result->failed++;
        return;
    }
    if (error != 0) /* a full disk is no reason: renames take no space */
        complain_journal(place, error, "journal cannot be written",
                         "put back all the same");
    for (size_t first = 0; first < count && interrupt_signal() == 0;
         first += BATCH)
        if (!restore_batch(place, &place->held.items[first],
                           first + BATCH < count ? BATCH : count - first,
                           result)) {
            is_sure = false;
            break;
        }
    /* what the disk did not confirm is looked at again by the next */
    if (settle(place) && is_sure) {
        journal_add_undo(&line, result->restored - restored, count_held(place));
        append_line(place, &line);
    }
    buffer_free(&line);
}

bool undo_restore(const struct undo_request *request, const char *name,
                  struct undo_result *result_r)
{
    bool is_found = false;

    *result_r = (struct undo_result){0};
    for (size_t i = 0; i < request->queues->folder_count; i++) {
        struct place place;
        int error;

        if (!open_place(&place, request, name, (uint16_t)i))
            continue;
        is_found = true;
        if (place.has_journal && !place.state.is_delete) {
            error = lock_place(&place);
            if (error != 0) {
                complain_lock(&place, error);
                result_r->failed++;
            } else {
                restore_place(&place, result_r);
            }
        }
        close_place(&place);
    }
    return is_found;
}

/* ---- foreseeing ---- */

static bool is_transcript_in_the_way(const struct place *place,
                                     const struct held *held)
{
    struct stat st;

    for (size_t i = 0; held->transcript_inode != 0 && i < place->folder_count;
         i++)
        if (folder_at(place, i)->holds_transcripts &&
            is_held_file(place, i, 'x', held, &st) &&
            is_queue_file(place, i, 'x', held, &st))
            return true;
    return false;
}

/* As restore_files and restore_control. */
static void foresee_message(const struct place *place, const struct held *held,
                            struct undo_result *result)
{
    struct stat st;
    bool is_data_held = is_held_file(place, held->data, 'd', held, &st);

    if (!is_control_held(place, held)) {
        result->restored += is_split(place, held);
    } else if (has_control_anywhere(place, held)) {
        complain_left(place, held, control_exists, 0);
        result->left++;
    } else if (is_data_held &&
               is_queue_file(place, held->data, 'd', held, &st)) {
        complain_left(place, held, data_exists, 0);
        result->left++;
    } else if (!is_data_held && !is_data_queued(place, held)) {
        complain_left(place, held, data_missing, 0);
        result->failed++;
    } else if (is_transcript_in_the_way(place, held)) {
        complain_left(place, held, transcript_stays, EEXIST);
        result->failed++;
    } else {
        result->restored++;
    }
}

static void foresee_place(struct place *place, struct undo_result *result)
{
    int error = is_half_done(place) ? lock_journal(place) : 0;

    unlock_place(place);
    if (error == EWOULDBLOCK) {
        complain_lock(place, error);
        result->failed++;
        return;
    }
    for (size_t i = 0; i < place->held.count; i++)
        foresee_message(place, &place->held.items[i], result);
}

void undo_foresee(const struct undo_request *request, const char *name,
                  struct undo_result *result_r)
{
    *result_r = (struct undo_result){0};
    for (size_t i = 0; i < request->queues->folder_count; i++) {
        struct place place;

        if (!open_place(&place, request, name, (uint16_t)i))
            continue;
        foresee_place(&place, result_r);
        close_place(&place);
    }
}

/* ---- expunging ---- */

static void remove_held(const struct place *place, size_t folder, char letter,
                        const struct held *held, struct undo_result *result)
{
    char name[QUEUE_HELD_NAME_MAX];
    struct stat st;

    if (!is_held_file(place, folder, letter, held, &st))
        return;
    queue_file_name(name, letter, id_of(held), true);
    if (unlinkat(run_fd_of(place, folder), name, 0) == 0) {
        result->expunged_files++;
        result->freed_bytes += (uint64_t)st.st_size;
        return;
    }
    act_complain(place->request->complaints, folder_at(place, folder), name,
                 "held file cannot be removed", errno, "still held");
    result->failed++;
}

/* The control file first: the rest of a message is nothing to put back. */
static void remove_message(const struct place *place, const struct held *held,
                           struct undo_result *result)
{
    size_t failed = result->failed;
    struct stat st;

    if (reunite(place, held))
        return;
    if (has_control_anywhere(place, held) &&
        !is_queue_file(place, held->data, 'd', held, &st) &&
        is_held_file(place, held->data, 'd', held, &st)) {
        complain_left(place, held,
                      "a control file of this id, without df, is in the queue",
                      0);
        result->failed++;
        return;
    }
    remove_held(place, place->control, held->letter, held, result);
    if (result->failed > failed)
        return;
    remove_held(place, held->data, 'd', held, result);
    for (size_t i = 0; held->transcript_inode != 0 && i < place->folder_count;
         i++)
        if (folder_at(place, i)->holds_transcripts)
            remove_held(place, i, 'x', held, result);
}

/* Removes a folder; one that holds what is in no journal stays. */
static bool remove_folder(const struct place *place, size_t folder, int parent,
                          const char *name)
{
    bool is_root = strcmp(name, HOLD_ROOT) == 0;
    char path[sizeof(HOLD_ROOT) + HOLD_RUN_MAX];

    if (unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
        return true;
    /* other runs are in it, or df of messages of other places */
    if ((errno == ENOTEMPTY || errno == EEXIST) && (is_root || place->is_part))
        return true;
    snprintf(path, sizeof(path), "%s%s", is_root ? "" : HOLD_ROOT "/", name);
    act_complain(place->request->complaints, folder_at(place, folder), path,
                 "cannot be removed", errno, "the folder stays");
    return false;
}

/* The run's folder below one of the queue, and .qscan after the last run. */
static bool remove_run_folder(const struct place *place, size_t folder)
{
    const struct queue_folder *queue_folder = folder_at(place, folder);
    const char *why = NULL;
    int root = hold_open_root(queue_folder, &why);
    bool is_good;

    if (root < 0)
        return true;
    is_good = remove_folder(place, folder, root, place->run) &&
              act_sync(place->request->complaints, queue_folder, root);
    close(root);
    return is_good && remove_folder(place, folder, queue_folder->fd, HOLD_ROOT);
}

static bool remove_journal(const struct place *place)
{
    int directory = run_fd_of(place, place->control);

    if (unlinkat(directory, HOLD_JOURNAL, 0) == 0 || errno == ENOENT)
        return true;
    complain_journal(place, errno, "journal cannot be removed", "it stays");
    return false;
}

/* False after a complaint: files that no journal names, or that a run took
 * which began just now. */
static bool is_emptied(const struct place *place)
{
    if (count_names(run_fd_of(place, place->control)) == 0)
        return true;
    complain_journal(place, ENOTEMPTY, "cannot be removed", "the folder stays");
    return false;
}

/* The journal and the folder it is in go last: by them a run is known. */
static void remove_folders(const struct place *place,
                           struct undo_result *result)
{
    bool is_good = true;

    for (size_t i = 0; i < place->folder_count; i++) {
        const struct queue_folder *folder = folder_at(place, i);

        if (!folder->holds_control &&
            (folder->holds_data || folder->holds_transcripts) &&
            run_fd_of(place, i) >= 0)
            is_good = remove_run_folder(place, i) && is_good;
    }
    if (!is_good || !is_emptied(place) ||
        (place->has_journal && !remove_journal(place)) ||
        !remove_run_folder(place, place->control))
        result->failed++;
}

static void remove_messages(const struct place *place,
                            struct undo_result *result)
{
    for (size_t i = 0; i < place->held.count && interrupt_signal() == 0; i++)
        remove_message(place, &place->held.items[i], result);
}

/*
 * The places of a run that are expunged. Their journals stay locked from before
 * the first message goes until the last folder is gone: whoever looks meanwhile
 * finds the run alive, and its expunge not killed.
 */
struct expunging {
    const struct undo_request *request;
    const char *run;
    struct undo_result *result;
    bool *is_begun;            /* by folder number: such a place */
    struct journal **journals; /* the same; NULL: it has none */
    struct journal *shared;    /* the one elsewhere, of all places */
    bool is_only_begun;        /* only those that an expunge had begun */
    bool is_part;              /* of some place it keeps off */
    bool is_found;
};

/* False after a complaint. */
static bool lock_expunged(struct expunging *expunging, struct place *place)
{
    bool is_locked = place->is_journal_elsewhere && expunging->shared != NULL;
    int error = is_locked || !place->has_journal ? 0 : lock_place(place);

    if (error != 0) {
        complain_lock(place, error);
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
    journal_add_expunge_begin(&line, folder_at(place, place->control),
                              count_held(place));
    error = journal_append(place->journal, &line);
    if (error != 0)
        complain_journal(place, error, "journal cannot be written",
                         "expunged all the same");
    buffer_free(&line);
}

static void begin_expunge(struct expunging *expunging, size_t folder)
{
    struct place place;

    if (!open_place(&place, expunging->request, expunging->run,
                    (uint16_t)folder))
        return;
    expunging->is_found = true;
    if ((!expunging->is_only_begun || place.state.is_expunging) &&
        lock_expunged(expunging, &place)) {
        note_expunge(&place);
        expunging->is_begun[folder] = true;
        expunging->journals[folder] = place.journal;
        place.journal = NULL; /* stays locked */
    } else {
        expunging->is_part = true;
    }
    close_place(&place);
}

static void for_each_begun(const struct expunging *expunging,
                           void (*work)(const struct place *place,
                                        struct undo_result *result))
{
    for (size_t i = 0; i < expunging->request->queues->folder_count; i++) {
        struct place place;

        if (!expunging->is_begun[i] || !open_place(&place, expunging->request,
                                                   expunging->run, (uint16_t)i))
            continue;
        place.is_part = expunging->is_part;
        work(&place, expunging->result);
        close_place(&place);
    }
}

/* It failed, or was interrupted: what is left is not for the next purge to
 * remove. */
static void stop_expunge(const struct expunging *expunging)
{
    for (size_t i = 0; i < expunging->request->queues->folder_count; i++) {
        struct buffer line = {0};
        struct place place;

        if (expunging->journals[i] == NULL ||
            !open_place(&place, expunging->request, expunging->run,
                        (uint16_t)i))
            continue;
        place.journal = expunging->journals[i];
        if (place.state.is_expunging) {
            add_expunge_end(&place, &line);
            append_line(&place, &line);
        }
        place.journal = NULL;
        close_place(&place);
    }
}

static void unlock_expunged(struct expunging *expunging)
{
    for (size_t i = 0; i < expunging->request->queues->folder_count; i++)
        if (expunging->journals[i] != expunging->shared)
            unlock(expunging->journals[i]);
    unlock(expunging->shared);
    free(expunging->journals);
    free(expunging->is_begun);
}

/* Whether a journal elsewhere names nothing but messages of these queues:
 * those of another are put back by it yet. */
static bool is_journal_all_here(const struct undo_request *request,
                                const char *name)
{
    size_t here_count = 0, take_count = 0;

    for (size_t i = 0; i < request->queues->folder_count; i++) {
        struct place place;

        if (!open_place(&place, request, name, (uint16_t)i))
            continue;
        here_count += place.held.count;
        take_count = place.state.take_count;
        close_place(&place);
    }
    return here_count == take_count;
}

static void remove_journal_elsewhere(const struct undo_request *request,
                                     const char *name,
                                     struct undo_result *result)
{
    char *path = journal_elsewhere(request, name);

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
    if (expunging->is_found && is_all_here && has_come_through(result))
        remove_journal_elsewhere(expunging->request, expunging->run, result);
    if (!has_come_through(result))
        stop_expunge(expunging);
}

/* is_only_begun: of the places that an expunge had begun. */
static bool expunge(const struct undo_request *request, const char *name,
                    bool is_only_begun, struct undo_result *result)
{
    size_t count = request->queues->folder_count;
    struct expunging expunging = {.request = request,
                                  .run = name,
                                  .result = result,
                                  .is_only_begun = is_only_begun};

    expunging.is_begun = calloc(count, sizeof(*expunging.is_begun));
    expunging.journals = calloc(count, sizeof(struct journal *));
    if (expunging.is_begun == NULL || expunging.journals == NULL) {
        complain(request->complaints, SLICE_LITERAL("memory"), "not enough",
                 NULL, "nothing done");
        result->failed++;
        free(expunging.is_begun);
        free(expunging.journals);
        return true;
    }
    for (size_t i = 0; i < count; i++)
        begin_expunge(&expunging, i);
    expunge_begun(&expunging);
    unlock_expunged(&expunging);
    return expunging.is_found;
}

bool undo_expunge(const struct undo_request *request, const char *name,
                  struct undo_result *result_r)
{
    *result_r = (struct undo_result){0};
    /* What is half taken would lose its better half. */
    if (complete_taking(request, name))
        return expunge(request, name, false, result_r);
    result_r->failed++;
    return true;
}

static bool has_begun_expunge(const struct undo_request *request,
                              const char *name)
{
    bool is_begun = false;

    for (size_t i = 0; i < request->queues->folder_count && !is_begun; i++) {
        struct place place;

        if (!open_place(&place, request, name, (uint16_t)i))
            continue;
        is_begun = place.state.is_expunging;
        close_place(&place);
    }
    return is_begun;
}

bool undo_complete(const struct undo_request *request, const char *name)
{
    char hint[HOLD_RUN_MAX + 32] = "it holds nothing";
    bool is_expunged = has_begun_expunge(request, name);
    struct undo_result result = {0};

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
    const struct place *place;
    char *class, *rule;
};

static void compare_entry(void *context, const struct journal_entry *entry)
{
    struct search *search = context;
    struct held held = {.letter = entry->letter};

    if (search->class != NULL || strcmp(entry->id, search->id) != 0)
        return;
    memcpy(held.id, entry->id, sizeof(held.id));
    if (!is_control_held(search->place, &held))
        return;
    search->class = strdup(entry->class == NULL ? "" : entry->class);
    search->rule = strdup(entry->rule == NULL ? "" : entry->rule);
}

bool undo_find_held(const struct undo_request *request, const char *id,
                    char run_r[static HOLD_RUN_MAX], char **class_r,
                    char **rule_r)
{
    struct string_list runs = {0};
    struct search search = {.id = id};

    hold_list_runs(request->queues, &runs, request->complaints);
    for (size_t r = runs.count; r > 0 && search.class == NULL; r--) {
        for (size_t i = 0;
             i < request->queues->folder_count && search.class == NULL; i++) {
            struct place place;

            if (!open_place(&place, request, runs.strings[r - 1], (uint16_t)i))
                continue;
            search.place = &place;
            /* read again: the line's own texts are wanted */
            read_journal_with(&place, compare_entry, &search);
            snprintf(run_r, HOLD_RUN_MAX, "%s", runs.strings[r - 1]);
            close_place(&place);
        }
    }
    string_list_free(&runs);
    *class_r = search.class;
    *rule_r = search.rule;
    return search.class != NULL;
}
