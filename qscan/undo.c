#include "qscan/undo.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "qscan/act.h"
#include "qscan/interrupt.h"

enum { BATCH = 512 };

/* A journal entry that outlives its line. */
struct held {
    char id[FACTS_ID_MAX + 1];
    char letter;
    uint16_t data; /* folder of df, or FACTS_NO_DIR: not to be found */
    uint64_t data_inode;
    int64_t created;
    bool is_back; /* control file restored */
    bool is_data_back;
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
    int *run_fds; /* by folder number; -1 = not there */
    struct held_list held;
    struct journal_state state;
};

/* ---- opening ---- */

/* Where df lay: by its inode, which survives a reboot, else by its path. */
static uint16_t find_data_folder(const struct place *place,
                                 const struct journal_entry *entry)
{
    const struct queue_set *queues = place->request->queues;

    for (size_t i = 0; i < queues->folder_count; i++)
        if (queues->folders[i].inode == entry->folder_inode &&
            (entry->data_folder == NULL
                 ? i == place->control
                 : strcmp(queues->folders[i].path, entry->data_folder) == 0))
            return (uint16_t)i;
    for (size_t i = 0; i < queues->folder_count; i++)
        if (queues->folders[i].holds_data &&
            queues->folders[i].inode == entry->folder_inode)
            return (uint16_t)i;
    return FACTS_NO_DIR;
}

static void remember(void *context, const struct journal_entry *entry)
{
    struct place *place = context;
    struct held_list *list = &place->held;
    struct held *held;

    if (list->count == list->capacity) {
        size_t capacity = list->capacity == 0 ? 256 : list->capacity * 2;
        struct held *items = realloc(list->items, capacity * sizeof(*items));

        if (items == NULL) {
            list->has_failed = true;
            return;
        }
        list->items = items;
        list->capacity = capacity;
    }
    held = &list->items[list->count++];
    *held = (struct held){.letter = entry->letter,
                          .data = find_data_folder(place, entry),
                          .data_inode = entry->data_inode,
                          .created = entry->created};
    memcpy(held->id, entry->id, sizeof(held->id));
}

static void close_place(struct place *place)
{
    for (size_t i = 0;
         place->run_fds != NULL && i < place->request->queues->folder_count;
         i++)
        if (place->run_fds[i] >= 0)
            close(place->run_fds[i]);
    free(place->run_fds);
    free(place->held.items);
    *place = (struct place){0};
}

/* Which directory holds the journal: beside the files, or --journal=DIR. */
static int read_journal_with(struct place *place,
                             void (*take)(void *context,
                                          const struct journal_entry *entry),
                             void *context)
{
    const char *elsewhere = place->request->options->journal_directory;
    char *path;
    int error;

    if (elsewhere == NULL)
        return journal_read(place->run_fds[place->control], HOLD_JOURNAL, take,
                            context, &place->state);
    if (asprintf(&path, "%s/%s.journal", elsewhere, place->run) < 0)
        return ENOMEM;
    error = journal_read(AT_FDCWD, path, take, context, &place->state);
    free(path);
    return error;
}

/* The same for writing; EWOULDBLOCK while the run still works. */
static int open_journal(const struct place *place, struct journal *journal)
{
    const char *elsewhere = place->request->options->journal_directory;
    char *path;
    int error;

    if (elsewhere == NULL)
        return journal_open(journal, place->run_fds[place->control],
                            HOLD_JOURNAL, HOLD_JOURNAL);
    if (asprintf(&path, "%s/%s.journal", elsewhere, place->run) < 0)
        return ENOMEM;
    error = journal_open(journal, AT_FDCWD, path, path);
    free(path);
    return error;
}

/* False when this control folder has nothing of that run. */
static bool open_place(struct place *place, const struct undo_request *request,
                       const char *run, uint16_t control)
{
    const struct queue_set *queues = request->queues;
    const char *why = NULL;
    int error;

    *place = (struct place){.request = request, .run = run, .control = control};
    if (!queues->folders[control].holds_control)
        return false;
    place->run_fds = malloc(queues->folder_count * sizeof(int));
    if (place->run_fds == NULL)
        return false;
    for (size_t i = 0; i < queues->folder_count; i++)
        place->run_fds[i] =
            hold_open_run(&queues->folders[i], run, false, &why);
    if (place->run_fds[control] < 0) {
        close_place(place);
        return false;
    }
    error = read_journal_with(place, remember, place);
    if (error != 0 || place->held.has_failed) {
        act_complain(request->complaints, &queues->folders[control], run,
                     "journal cannot be read", error == 0 ? ENOMEM : error,
                     "left alone, see --journal");
        close_place(place);
        return false;
    }
    return true;
}

static bool has_file(int folder, const char *name, struct stat *st)
{
    return folder >= 0 && fstatat(folder, name, st, AT_SYMLINK_NOFOLLOW) == 0;
}

static struct slice id_of(const struct held *held)
{
    return slice_from_string(held->id);
}

/* Size of a held file; false when it is not there. */
static bool is_held_file(const struct place *place, uint16_t folder,
                         char letter, const struct held *held, struct stat *st)
{
    char name[QUEUE_HELD_NAME_MAX];

    return folder != FACTS_NO_DIR &&
           queue_file_name(name, letter, id_of(held), true) &&
           has_file(place->run_fds[folder], name, st);
}

static bool is_queue_file(const struct place *place, uint16_t folder,
                          char letter, const struct held *held, struct stat *st)
{
    char name[QUEUE_HELD_NAME_MAX];

    return folder != FACTS_NO_DIR &&
           queue_file_name(name, letter, id_of(held), false) &&
           has_file(place->request->queues->folders[folder].fd, name, st);
}

/* A control file, or a rewrite of one, of that id in any queue directory. */
static bool has_control_anywhere(const struct place *place,
                                 const struct held *held)
{
    const struct queue_set *queues = place->request->queues;
    static const char letters[] = "qhQtT";
    struct stat st;

    for (size_t d = 0; d < queues->dir_count; d++)
        for (const char *letter = letters; *letter != '\0'; letter++)
            if (!queues->dirs[d].is_held &&
                is_queue_file(place, queues->dirs[d].control, *letter, held,
                              &st))
                return true;
    return false;
}

/* ---- looking ---- */

static bool is_journal_alive(const struct place *place)
{
    struct journal journal = {0};
    int error = open_journal(place, &journal);

    journal_close(&journal);
    return error == EWOULDBLOCK;
}

static void look_at_place(const struct place *place, int64_t old_before,
                          struct undo_run *run)
{
    run->taken_count += place->state.take_count;
    run->is_delete = run->is_delete || place->state.is_delete;
    run->is_undone = run->is_undone || place->state.is_undone;
    if (!place->state.has_end) {
        if (is_journal_alive(place))
            run->is_alive = true;
        else
            run->is_unfinished = true;
    }
    for (size_t i = 0; i < place->held.count; i++) {
        const struct held *held = &place->held.items[i];
        struct stat st;

        if (!is_held_file(place, place->control, held->letter, held, &st))
            continue;
        run->held_count++;
        run->held_bytes += (uint64_t)st.st_size;
        run->old_count += held->created < old_before;
        if (is_held_file(place, held->data, 'd', held, &st))
            run->held_bytes += (uint64_t)st.st_size;
    }
}

bool undo_look_at_run(const struct undo_request *request, const char *name,
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

/* ---- completing ---- */

static void sync_fd(int fd)
{
    if (fd >= 0)
        fsync(fd);
}

/* df follows its held control file, if it is still the very file. */
static bool complete_hold(struct place *place, const struct held *held)
{
    char name[QUEUE_HELD_NAME_MAX], held_name[QUEUE_HELD_NAME_MAX];
    struct stat st;
    int error;

    if (!is_held_file(place, place->control, held->letter, held, &st) ||
        is_held_file(place, held->data, 'd', held, &st) ||
        has_control_anywhere(place, held) ||
        !is_queue_file(place, held->data, 'd', held, &st) ||
        st.st_ino != held->data_inode || place->run_fds[held->data] < 0)
        return false;
    queue_file_name(name, 'd', id_of(held), false);
    queue_file_name(held_name, 'd', id_of(held), true);
    error = act_move(place->request->queues->folders[held->data].fd, name,
                     place->run_fds[held->data], held_name);
    if (error != 0)
        act_complain(place->request->complaints,
                     &place->request->queues->folders[held->data], name,
                     "cannot be taken", error, "the next run completes it");
    return error == 0;
}

static bool complete_delete(struct place *place, const struct held *held)
{
    const struct queue_folder *folder;
    char name[QUEUE_HELD_NAME_MAX];
    struct stat st;

    if (has_control_anywhere(place, held) ||
        !is_queue_file(place, held->data, 'd', held, &st) ||
        st.st_ino != held->data_inode)
        return false;
    folder = &place->request->queues->folders[held->data];
    queue_file_name(name, 'd', id_of(held), false);
    if (unlinkat(folder->fd, name, 0) == 0)
        return true;
    act_complain(place->request->complaints, folder, name, "cannot be removed",
                 errno, "the next run completes it");
    return false;
}

static int append_event(const struct place *place, const struct buffer *line)
{
    struct journal journal = {0};
    int error = open_journal(place, &journal);

    if (error == 0)
        error = journal_append(&journal, line);
    journal_close(&journal);
    return error;
}

static size_t complete_place(struct place *place)
{
    size_t moved = 0;
    size_t failures = place->request->complaints->count;
    struct buffer line = {0};

    for (size_t i = 0; i < place->held.count; i++)
        moved += place->state.is_delete
                     ? complete_delete(place, &place->held.items[i])
                     : complete_hold(place, &place->held.items[i]);
    for (size_t i = 0; i < place->request->queues->folder_count; i++)
        if (place->run_fds[i] >= 0) {
            sync_fd(place->run_fds[i]);
            sync_fd(place->request->queues->folders[i].fd);
        }
    if (place->request->complaints->count == failures) {
        journal_add_end(&line, moved, true);
        append_event(place, &line);
        buffer_free(&line);
    }
    return moved;
}

void undo_list_unfinished(const struct undo_request *request,
                          struct string_list *runs)
{
    struct string_list all = {0};

    hold_list_runs(request->queues, &all, request->complaints);
    for (size_t r = 0; r < all.count; r++) {
        struct undo_run run;

        if (undo_look_at_run(request, all.strings[r], 0, &run) &&
            run.is_unfinished)
            string_list_add(runs, slice_from_string(all.strings[r]));
    }
    string_list_free(&all);
}

size_t undo_complete(const struct undo_request *request, const char *name)
{
    size_t moved = 0;

    for (size_t i = 0; i < request->queues->folder_count; i++) {
        struct place place;

        if (!open_place(&place, request, name, (uint16_t)i))
            continue;
        if (!place.state.has_end && !is_journal_alive(&place))
            moved += complete_place(&place);
        close_place(&place);
    }
    return moved;
}

/* ---- held messages as rows ---- */

/* The run's folder as one more folder of the set; -1 when it is not there. */
static int open_run_folder(const struct place *place, uint16_t folder)
{
    struct queue_set *queues = place->request->queues;
    char *name = NULL, *path = NULL;
    int number = -1;

    if (place->run_fds[folder] >= 0 &&
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
    row->id_len = (uint8_t)strlen(held->id);
    memcpy(row->id, held->id, row->id_len);
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
        struct stat st;

        if ((id != NULL && strcmp(id, held->id) != 0) ||
            !is_held_file(place, place->control, held->letter, held, &st))
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

/* ---- restoring ---- */

static int put_back(const struct place *place, uint16_t folder, char letter,
                    const struct held *held)
{
    char name[QUEUE_HELD_NAME_MAX], held_name[QUEUE_HELD_NAME_MAX];

    if (!queue_file_name(name, letter, id_of(held), false) ||
        !queue_file_name(held_name, letter, id_of(held), true))
        return EINVAL;
    return act_move(place->run_fds[folder], held_name,
                    place->request->queues->folders[folder].fd, name);
}

static void complain_left(const struct place *place, const struct held *held,
                          const char *what, int error)
{
    act_complain(place->request->complaints,
                 &place->request->queues->folders[place->control], held->id,
                 what, error, "stays held");
}

/* df goes first: a control file without df would be delivered empty. */
static void restore_data(struct place *place, struct held *held,
                         struct undo_result *result)
{
    struct stat st;
    int error;

    if (!is_held_file(place, place->control, held->letter, held, &st))
        return; /* back already, or expunged */
    if (has_control_anywhere(place, held)) {
        complain_left(place, held, "a control file of this id exists now", 0);
        result->left++;
        return;
    }
    if (!is_held_file(place, held->data, 'd', held, &st)) {
        /* never taken, or put back by an undo that was killed */
        if (is_queue_file(place, held->data, 'd', held, &st) &&
            st.st_ino == held->data_inode) {
            held->is_data_back = true;
            return;
        }
        complain_left(place, held, "its df is not held", 0);
        result->failed++;
        return;
    }
    error = put_back(place, held->data, 'd', held);
    held->is_data_back = error == 0;
    if (error == EEXIST) {
        complain_left(place, held, "a df of this id exists now", 0);
        result->left++;
    } else if (error != 0) {
        complain_left(place, held, "df cannot be put back", error);
        result->failed++;
    }
}

static void restore_control(struct place *place, struct held *held,
                            struct undo_result *result)
{
    int error;

    if (!held->is_data_back)
        return;
    error = put_back(place, place->control, held->letter, held);
    if (error == 0) {
        held->is_back = true;
        result->restored++;
        return;
    }
    complain_left(place, held,
                  error == EEXIST ? "a control file of this id exists now"
                                  : "control file cannot be put back",
                  error == EEXIST ? 0 : error);
    result->left += error == EEXIST;
    result->failed += error != EEXIST;
}

static void sync_all(const struct place *place)
{
    for (size_t i = 0; i < place->request->queues->folder_count; i++)
        if (place->run_fds[i] >= 0) {
            sync_fd(place->request->queues->folders[i].fd);
            sync_fd(place->run_fds[i]);
        }
}

static void restore_place(struct place *place, struct undo_result *result)
{
    size_t before = result->left + result->failed;
    size_t restored = result->restored;
    struct buffer line = {0};

    for (size_t first = 0; first < place->held.count && interrupt_signal() == 0;
         first += BATCH) {
        size_t end = first + BATCH < place->held.count ? first + BATCH
                                                       : place->held.count;

        for (size_t i = first; i < end; i++)
            restore_data(place, &place->held.items[i], result);
        sync_all(place);
        for (size_t i = first; i < end; i++)
            restore_control(place, &place->held.items[i], result);
        sync_all(place);
    }
    if (interrupt_signal() != 0)
        return;
    journal_add_undo(&line, result->restored - restored,
                     result->left + result->failed - before);
    append_event(place, &line);
    buffer_free(&line);
}

bool undo_restore(const struct undo_request *request, const char *name,
                  struct undo_result *result_r)
{
    bool is_found = false;

    *result_r = (struct undo_result){0};
    for (size_t i = 0; i < request->queues->folder_count; i++) {
        struct place place;

        if (!open_place(&place, request, name, (uint16_t)i))
            continue;
        is_found = true;
        if (is_journal_alive(&place)) {
            act_complain(request->complaints, &request->queues->folders[i],
                         name, "its run still works", 0, "left alone");
            result_r->failed++;
        } else {
            if (!place.state.has_end)
                complete_place(&place);
            restore_place(&place, result_r);
        }
        close_place(&place);
    }
    return is_found;
}

/* ---- expunging ---- */

static void remove_held(struct place *place, uint16_t folder, char letter,
                        const struct held *held, struct undo_result *result)
{
    char name[QUEUE_HELD_NAME_MAX];
    struct stat st;

    if (!is_held_file(place, folder, letter, held, &st))
        return;
    queue_file_name(name, letter, id_of(held), true);
    if (unlinkat(place->run_fds[folder], name, 0) == 0) {
        result->expunged_files++;
        result->freed_bytes += (uint64_t)st.st_size;
        return;
    }
    act_complain(place->request->complaints,
                 &place->request->queues->folders[folder], name,
                 "held file cannot be removed", errno, "still held");
    result->failed++;
}

static void remove_folders(struct place *place, struct undo_result *result)
{
    const struct queue_set *queues = place->request->queues;

    for (size_t i = 0; i < queues->folder_count; i++) {
        const char *why = NULL;
        int root;

        if (place->run_fds[i] < 0)
            continue;
        root = hold_open_root(&queues->folders[i], false, &why);
        if (root < 0)
            continue;
        /* Something that is in no journal stays, and its folder with it. */
        if (unlinkat(root, place->run, AT_REMOVEDIR) < 0 &&
            errno != ENOTEMPTY && errno != EEXIST && errno != ENOENT) {
            act_complain(place->request->complaints, &queues->folders[i],
                         place->run, "cannot be removed", errno,
                         "an empty folder stays");
            result->failed++;
        }
        fsync(root);
        close(root);
        /* gone when this was the last run */
        unlinkat(queues->folders[i].fd, HOLD_ROOT, AT_REMOVEDIR);
    }
}

static void expunge_place(struct place *place, struct undo_result *result)
{
    size_t failed = result->failed;
    const struct queue_set *queues = place->request->queues;

    for (size_t i = 0; i < place->held.count && interrupt_signal() == 0; i++) {
        const struct held *held = &place->held.items[i];

        remove_held(place, place->control, held->letter, held, result);
        remove_held(place, held->data, 'd', held, result);
        for (size_t d = 0; d < queues->dir_count; d++)
            remove_held(place, queues->dirs[d].transcripts, 'x', held, result);
    }
    if (interrupt_signal() != 0 || result->failed > failed)
        return;
    if (place->request->options->journal_directory == NULL)
        unlinkat(place->run_fds[place->control], HOLD_JOURNAL, 0);
    remove_folders(place, result);
}

bool undo_expunge(const struct undo_request *request, const char *name,
                  struct undo_result *result_r)
{
    bool is_found = false;

    *result_r = (struct undo_result){0};
    for (size_t i = 0; i < request->queues->folder_count; i++) {
        struct place place;

        if (!open_place(&place, request, name, (uint16_t)i))
            continue;
        is_found = true;
        if (is_journal_alive(&place)) {
            act_complain(request->complaints, &request->queues->folders[i],
                         name, "its run still works", 0, "left alone");
            result_r->failed++;
        } else {
            if (!place.state.has_end)
                complete_place(&place);
            expunge_place(&place, result_r);
        }
        close_place(&place);
    }
    return is_found;
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
    struct stat st;

    if (search->class != NULL || strcmp(entry->id, search->id) != 0)
        return;
    memcpy(held.id, entry->id, sizeof(held.id));
    if (!is_held_file(search->place, search->place->control, held.letter, &held,
                      &st))
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
