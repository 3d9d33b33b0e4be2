#include "qscan/place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "parsers/array.h"
#include "qscan/act.h"

/* Descriptors of a run's folders are opened when they are first asked for. */
enum { RUN_FD_NONE = -1, RUN_FD_UNKNOWN = -2 };

/* ---- complaints ---- */

void place_complain(const struct place *place, int error, const char *what,
                    const char *consequence)
{
    char name[sizeof(HOLD_ROOT) + HOLD_RUN_MAX];

    snprintf(name, sizeof(name), HOLD_ROOT "/%s", place->run);
    act_complain(place->request->complaints,
                 place_folder(place, place->control), name, what, error,
                 consequence);
}

void place_complain_left(const struct place *place, const struct held *held,
                         const char *what, int error)
{
    act_complain(place->request->complaints,
                 place_folder(place, place->control), held->id, what, error,
                 "stays held");
}

void place_complain_lock(const struct place *place, int error)
{
    if (error == EWOULDBLOCK && options_is_taking(place->request->options))
        complain_warning(place->request->complaints,
                         slice_from_string(place->run),
                         "another qscan works on it", NULL, "left alone");
    else if (error == EWOULDBLOCK)
        place_complain(place, 0, "its run still works", "left alone");
    else
        place_complain(place, error, "journal cannot be locked", "left alone");
}

/* ---- folders and files ---- */

const struct queue_folder *place_folder(const struct place *place,
                                        size_t number)
{
    return &place->request->queues->folders[number];
}

int place_run_fd(const struct place *place, size_t folder)
{
    const char *why = NULL;
    int *fd = &place->run_fds[folder];

    if (*fd == RUN_FD_UNKNOWN) {
        *fd = hold_open_run(place_folder(place, folder), place->run, &why);
        if (*fd < 0) {
            *fd = RUN_FD_NONE;
            if (errno != ENOENT)
                hold_complain(place->request->complaints,
                              place_folder(place, folder),
                              "holding folder refused", why, "left alone");
        }
    }
    return *fd;
}

int place_make_run_fd(const struct place *place, size_t folder)
{
    const char *why = NULL;
    int *fd = &place->run_fds[folder];

    if (place_run_fd(place, folder) < 0)
        *fd = hold_make_run(place_folder(place, folder), place->run, &why);
    return *fd;
}

static bool has_file(int folder, const char *name, struct stat *st)
{
    return folder >= 0 && fstatat(folder, name, st, AT_SYMLINK_NOFOLLOW) == 0;
}

static struct slice id_of(const struct held *held)
{
    return slice_from_string(held->id);
}

bool place_is_held_file(const struct place *place, size_t folder, char letter,
                        const struct held *held, struct stat *st)
{
    char name[QUEUE_HELD_NAME_MAX];

    return folder != FACTS_NO_DIR &&
           queue_file_name(name, letter, id_of(held), true) &&
           has_file(place_run_fd(place, folder), name, st);
}

bool place_is_queue_file(const struct place *place, size_t folder, char letter,
                         const struct held *held, struct stat *st)
{
    char name[QUEUE_HELD_NAME_MAX];

    return folder != FACTS_NO_DIR &&
           queue_file_name(name, letter, id_of(held), false) &&
           has_file(place_folder(place, folder)->fd, name, st);
}

bool place_is_control_held(const struct place *place, const struct held *held)
{
    struct stat st;

    return place_is_held_file(place, place->control, held->letter, held, &st);
}

size_t place_count_held(const struct place *place)
{
    size_t count = 0;

    for (size_t i = 0; i < place->held.count; i++)
        count += place_is_control_held(place, &place->held.items[i]);
    return count;
}

bool place_may_have_transcript(const struct place *place, size_t folder,
                               const struct held *held)
{
    return held->transcript_inode != 0 &&
           place_folder(place, folder)->holds_transcripts;
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
        if (place_is_held_file(place, likely[i], 'd', held, &st))
            return likely[i];
    for (size_t i = 0; i < place->folder_count; i++)
        if (queues->folders[i].holds_data &&
            place_is_held_file(place, i, 'd', held, &st))
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
        entry->control_folder_inode ==
            place_folder(place, place->control)->inode)
        return true;
    for (size_t i = 0; i < place->folder_count; i++)
        if (queues->folders[i].holds_control &&
            queues->folders[i].inode == entry->control_folder_inode)
            return false;
    return place_is_control_held(place, held);
}

static struct held *add_held(struct held_list *list)
{
    struct held *items = array_with_room(list->items, list->count,
                                         &list->capacity, sizeof(*items));

    if (items == NULL) {
        list->has_failed = true;
        return NULL;
    }
    list->items = items;
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

/* ---- its journal ---- */

char *place_journal_elsewhere(const struct place_request *request,
                              const char *run)
{
    const char *directory = request->options->journal_directory;
    char *path;

    return directory == NULL ||
                   asprintf(&path, "%s/%s.journal", directory, run) < 0
               ? NULL
               : path;
}

/* The journal's folder and name: in --journal=DIR, else beside the files.
 * NULL without memory; free it. */
static char *journal_name(struct place *place, int *directory_r)
{
    char *path = place_journal_elsewhere(place->request, place->run);

    if (path == NULL && place->request->options->journal_directory != NULL)
        return NULL;
    place->is_journal_elsewhere = path != NULL && access(path, F_OK) == 0;
    if (place->is_journal_elsewhere) {
        *directory_r = AT_FDCWD;
        return path;
    }
    free(path);
    *directory_r = place_run_fd(place, place->control);
    return strdup(HOLD_JOURNAL);
}

int place_read_journal(struct place *place,
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
                                       ? place_folder(place, place->control)
                                       : NULL,
                                   take, context, &place->state);

    free(name);
    return error;
}

int place_read(struct place *place)
{
    int error;

    place->held.count = 0;
    error = place_read_journal(place, remember, place);
    place->has_journal = error == 0;
    return error == 0 && place->held.has_failed ? ENOMEM : error;
}

void place_free_journal(struct journal *journal)
{
    if (journal != NULL)
        journal_close(journal);
    free(journal);
}

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
    place_free_journal(place->journal);
    place->journal = NULL;
}

/* The run may have gone on between the reading and the lock. Only what had its
 * end names all already. */
int place_lock(struct place *place)
{
    int error = lock_journal(place);

    if (error == 0 && !place->state.has_end) {
        error = place_read(place);
        if (error != 0)
            unlock_place(place);
    }
    return error;
}

int place_try_lock(struct place *place)
{
    int error = lock_journal(place);

    unlock_place(place);
    return error;
}

bool place_is_half_done(const struct place *place)
{
    return place->has_journal && !place->state.has_end &&
           (place->state.has_begin || place->state.take_count > 0);
}

bool place_append(struct place *place, struct buffer *line)
{
    int error = journal_append(place->journal, line);

    buffer_free(line);
    return error == 0 ||
           (place_complain(place, error, "journal cannot be written",
                           "the next purge completes it"),
            false);
}

void place_add_expunge_end(const struct place *place, struct buffer *line)
{
    size_t held = place_count_held(place);
    size_t before = place->state.expunging_held;

    journal_add_expunge(line, place_folder(place, place->control),
                        before > held ? before - held : 0, held);
}

/* ---- opening ---- */

void place_close(struct place *place)
{
    place_free_journal(place->journal);
    for (size_t i = 0; place->run_fds != NULL && i < place->folder_count; i++)
        if (place->run_fds[i] >= 0)
            close(place->run_fds[i]);
    free(place->run_fds);
    free(place->held.items);
    *place = (struct place){0};
}

bool place_open(struct place *place, const struct place_request *request,
                const char *run, uint16_t control)
{
    int error;

    *place = (struct place){.request = request,
                            .run = run,
                            .control = control,
                            .folder_count = request->queues->folder_count};
    if (!request->queues->folders[control].holds_control)
        return false;
    place->run_fds = malloc(place->folder_count * sizeof(int));
    for (size_t i = 0; place->run_fds != NULL && i < place->folder_count; i++)
        place->run_fds[i] = RUN_FD_UNKNOWN;
    if (place->run_fds == NULL || place_run_fd(place, control) < 0) {
        place_close(place);
        return false;
    }
    error = place_read(place);
    /* Killed before it wrote one, or the journal is elsewhere. */
    if (error != 0 && error != ENOENT) {
        place_complain(place, error, "journal cannot be read", "left alone");
        place_close(place);
        return false;
    }
    return true;
}

bool place_walk(const struct place_request *request, const char *run,
                bool (*work)(void *context, struct place *place), void *context)
{
    /* work may add folders to the queues, which are no places */
    size_t count = request->queues->folder_count;
    bool is_found = false, goes_on = true;

    for (size_t i = 0; i < count && goes_on; i++) {
        struct place place;

        if (!place_open(&place, request, run, (uint16_t)i))
            continue;
        is_found = true;
        goes_on = work(context, &place);
        place_close(&place);
    }
    return is_found;
}

/* ---- in the queue again ---- */

bool place_has_control_anywhere(const struct place *place,
                                const struct held *held)
{
    const struct queue_set *queues = place->request->queues;
    /* q twice: a release from quarantine renames h to q between two looks */
    static const char letters[] = "qhQtTq";
    struct stat st;

    for (size_t d = 0; d < queues->dir_count; d++)
        for (const char *letter = letters; *letter != '\0'; letter++)
            if (!queues->dirs[d].is_held &&
                place_is_queue_file(place, queues->dirs[d].control, *letter,
                                    held, &st))
                return true;
    return false;
}

bool place_is_the_file(const struct journal_file *file, const struct stat *st)
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
        if (place_is_queue_file(place, place->control, *letter, held, &st) &&
            place_is_the_file(&held->control_file, &st))
            return true;
    return false;
}

bool place_is_split(const struct place *place, const struct held *held)
{
    struct stat st;

    return place_is_held_file(place, held->data, 'd', held, &st) &&
           !place_is_queue_file(place, held->data, 'd', held, &st) &&
           is_control_back(place, held);
}

int place_put_back(const struct place *place, size_t folder, char letter,
                   const struct held *held)
{
    char name[QUEUE_HELD_NAME_MAX], held_name[QUEUE_HELD_NAME_MAX];

    if (!queue_file_name(name, letter, id_of(held), false) ||
        !queue_file_name(held_name, letter, id_of(held), true))
        return EINVAL;
    return act_move(place_run_fd(place, folder), held_name,
                    place_folder(place, folder)->fd, name);
}

int place_put_back_transcripts(const struct place *place,
                               const struct held *held)
{
    struct stat st;
    int error = 0;

    for (size_t i = 0; error == 0 && i < place->folder_count; i++)
        if (place_may_have_transcript(place, i, held) &&
            place_is_held_file(place, i, 'x', held, &st))
            error = place_put_back(place, i, 'x', held);
    return error;
}

int place_reunite(const struct place *place, const struct held *held)
{
    int error;

    if (!place_is_split(place, held))
        return ENOENT;
    error = place_put_back(place, held->data, 'd', held);
    if (error == 0)
        error = place_put_back_transcripts(place, held);
    if (error != 0)
        place_complain_left(place, held, "its files cannot be put back", error);
    return error;
}

bool place_sync(const struct place *place)
{
    bool is_good = true;

    for (size_t i = 0; i < place->folder_count; i++) {
        const struct queue_folder *folder = place_folder(place, i);

        if ((folder->holds_control || folder->holds_data ||
             folder->holds_transcripts) &&
            place_run_fd(place, i) >= 0)
            is_good = act_sync(place->request->complaints, folder,
                               place_run_fd(place, i)) &&
                      is_good;
    }
    return is_good;
}
