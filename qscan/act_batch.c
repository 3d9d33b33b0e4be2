#include "qscan/act_part.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "parsers/input.h"
#include "qscan/closing.h"
#include "qscan/rowtext.h"

enum {
    LOCK_TRIES = 3, /* gatherq holds a shared lock for a moment */
    LOCK_PAUSE_NSEC = 2 * 1000 * 1000,
};

/* ---- one message ---- */

static const struct facts *row_of(const struct actor *actor,
                                  const struct taken *taken)
{
    return &actor->run->scan->table.rows[taken->job->row];
}

static uint16_t control_number(const struct actor *actor,
                               const struct facts *row)
{
    return actor->run->scan->scene.queues->dirs[row->dir].control;
}

static const struct queue_folder *control_folder(const struct actor *actor,
                                                 const struct facts *row)
{
    return &actor->run->scan->scene.queues->folders[control_number(actor, row)];
}

static enum fate fail(const struct actor *actor, const struct facts *row,
                      const char *what, int error)
{
    char name[QUEUE_HELD_NAME_MAX] = "";

    queue_file_name(name, row->letter, facts_id(row), false);
    act_complain(actor->run->scan->complaints, control_folder(actor, row), name,
                 what, error, "kept");
    return FATE_FAILED;
}

/*
 * Both kinds, because sendmail uses the one it was built with: flock, or
 * fcntl (conf.c: lockfile). The open-file-description form of the latter does
 * not vanish when another descriptor of the file is closed. True when held.
 */
static bool try_lock(int fd, int *error_r)
{
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

    *error_r = 0;
    if (flock(fd, LOCK_EX | LOCK_NB) == 0 &&
        fcntl(fd, F_OFD_SETLK, &whole) == 0)
        return true;
    if (errno != EWOULDBLOCK && errno != EAGAIN && errno != EACCES &&
        errno != EINTR)
        *error_r = errno;
    flock(fd, LOCK_UN);
    return false;
}

static enum fate lock_control(struct actor *actor, const struct facts *row,
                              int fd)
{
    int error;

    for (int i = 0; i < LOCK_TRIES; i++) {
        if (try_lock(fd, &error))
            return FATE_TAKE;
        if (error != 0)
            return fail(actor, row, "cannot be locked", error);
        nanosleep(&(struct timespec){.tv_nsec = LOCK_PAUSE_NSEC}, NULL);
    }
    return FATE_BUSY;
}

/* Opens and locks; a file without a byte is sendmail's newborn, and a lock on
 * it would make sendmail abort the submission (queueup). */
static enum fate open_locked(struct actor *actor, struct taken *taken)
{
    const struct facts *row = row_of(actor, taken);
    char name[QUEUE_HELD_NAME_MAX];
    struct stat st;

    if (!queue_file_name(name, row->letter, facts_id(row), false))
        return FATE_CHANGED;
    taken->fd = input_openat(control_folder(actor, row)->fd, name,
                             O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (taken->fd < 0 && errno == ENOENT)
        return FATE_VANISHED;
    if (taken->fd < 0 && errno == ELOOP)
        return FATE_CHANGED;
    if (taken->fd < 0)
        return fail(actor, row, "cannot be opened", errno);
    if (fstat(taken->fd, &st) < 0)
        return fail(actor, row, "cannot be looked at", errno);
    if (!S_ISREG(st.st_mode) || st.st_size == 0)
        return FATE_CHANGED;
    taken->st = st;
    return lock_control(actor, row, taken->fd);
}

/* Another control file, or a rewrite of one, that came since the names were
 * listed: df belongs to it as well. Nearly always none did. */
static bool has_company(const struct actor *actor, const struct facts *row)
{
    static const char letters[] = "qhQt";
    char name[QUEUE_HELD_NAME_MAX];
    struct stat st;

    if ((row->beside & (BESIDE_CONTROL | BESIDE_REWRITE)) == 0 &&
        !newnames_has_seen(actor->run->scan->newnames, facts_id(row)))
        return false;
    for (const char *letter = letters; *letter != '\0'; letter++)
        if (*letter != row->letter &&
            (!queue_file_name(name, *letter, facts_id(row), false) ||
             fstatat(control_folder(actor, row)->fd, name, &st,
                     AT_SYMLINK_NOFOLLOW) == 0 ||
             errno != ENOENT))
            return true;
    return false;
}

/* Under the lock: is the name still this file? A rewrite swaps inodes. Where
 * it is, what the name says of size and links is true of the descriptor. */
static enum fate check_identity(struct actor *actor, struct taken *taken)
{
    const struct facts *row = row_of(actor, taken);
    struct stat locked = taken->st;
    char name[QUEUE_HELD_NAME_MAX];

    if (!queue_file_name(name, row->letter, facts_id(row), false) ||
        fstatat(control_folder(actor, row)->fd, name, &taken->st,
                AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? FATE_VANISHED : FATE_CHANGED;
    return taken->st.st_nlink == 1 && taken->st.st_dev == locked.st_dev &&
                   taken->st.st_ino == locked.st_ino
               ? FATE_TAKE
               : FATE_CHANGED;
}

bool act_is_planned_file(const struct act_planned *planned,
                         const struct stat *st)
{
    return planned == NULL ||
           (planned->device == st->st_dev && planned->inode == st->st_ino &&
            planned->size_bytes == st->st_size &&
            planned->mtime_nsec == message_nsec(&st->st_mtim) &&
            planned->ctime_nsec == message_nsec(&st->st_ctim));
}

bool act_has_data_file(struct message *message)
{
    return message_need_data_stat(message) &&
           S_ISREG(message->data_stat.st_mode);
}

/* Byte by byte what the scan judged: to read df and ask the rules again would
 * come to the same. then: the scene of the scan. A verdict to purge left no
 * rule undecided. */
static bool is_as_scanned(struct message *message, const struct scene *then)
{
    return message->row->is_purge && message->row->basis != 0 &&
           message_basis(message) == message->row->basis &&
           message_is_as_then(message, then->rules, then->now) &&
           (then->where == NULL ||
            message_is_as_then(message, then->where, then->now));
}

static enum fate ask_rules(struct actor *actor, struct taken *taken)
{
    const struct act_request *request = actor->run->request;
    struct message *message = &actor->message;
    struct rules_verdict verdict, where;
    bool is_where_true = true;

    rules_judge(actor->matcher, message_fetch, message, &verdict);
    if (message->row->state != FACTS_JUDGED) {
        verdict.rule = RULES_NO_RULE; /* its class goes by the kind of file */
        verdict.purge = false;
    }
    if (actor->where_matcher != NULL) {
        rules_judge(actor->where_matcher, message_fetch, message, &where);
        is_where_true = where.rule != RULES_NO_RULE;
    }
    if (!request->still_wanted(request->context, message, &verdict,
                               is_where_true) ||
        !act_has_data_file(message))
        return FATE_CHANGED;
    taken->class = verdict.rule == RULES_NO_RULE
                       ? rowtext_class(message->scene, message->row)
                       : rules_class(message->scene->rules, verdict.rule);
    taken->rule = verdict.rule == RULES_NO_RULE
                      ? ""
                      : rules_name(message->scene->rules, verdict.rule);
    return FATE_TAKE;
}

/* Judges what was read again: recipients shrink, texts change, and all
 * remaining recipients would go with the message. */
static enum fate judge_again(struct actor *actor, struct taken *taken)
{
    const struct scene *scene = &actor->run->scan->scene;
    struct message *message = &actor->message;

    if (message->qf_outcome != QF_OK)
        return FATE_CHANGED;
    if (taken->job->planned != NULL) {
        taken->class = taken->job->planned->class;
        taken->rule = taken->job->planned->rule;
        return act_has_data_file(message) ? FATE_TAKE : FATE_CHANGED;
    }
    if (!is_as_scanned(message, scene))
        return ask_rules(actor, taken);
    taken->class = rowtext_class(scene, message->row);
    taken->rule = rowtext_rule(scene, message->row);
    return FATE_TAKE;
}

static uint16_t data_folder_number(const struct actor *actor)
{
    const struct queue_set *queues = actor->run->scan->scene.queues;

    for (size_t i = 0; i < queues->folder_count; i++)
        if (queues->folders[i].fd == actor->message.data_folder)
            return (uint16_t)i;
    return FACTS_NO_DIR;
}

/* Of its xf, wherever it is; 0 = there is none. */
static uint64_t transcript_inode(const struct actor *actor,
                                 const struct facts *row)
{
    const struct queue_set *queues = actor->run->scan->scene.queues;
    char name[QUEUE_HELD_NAME_MAX];
    struct stat st;

    if ((row->beside & BESIDE_TRANSCRIPT) == 0 ||
        !queue_file_name(name, 'x', facts_id(row), false))
        return 0;
    for (size_t d = 0; d < queues->dir_count; d++)
        if (!queues->dirs[d].is_held &&
            fstatat(queues->folders[queues->dirs[d].transcripts].fd, name, &st,
                    AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISREG(st.st_mode))
            return st.st_ino;
    return 0;
}

/* Once locked and still the same file, it stays so until it is unlocked. */
static enum fate secure(struct actor *actor, struct taken *taken)
{
    enum fate fate = open_locked(actor, taken);

    return fate == FATE_TAKE ? check_identity(actor, taken) : fate;
}

static enum fate inspect(struct actor *actor, struct taken *taken)
{
    const struct facts *row = row_of(actor, taken);
    enum fate fate;

    if (!act_is_plain_id(facts_id(row)) || has_company(actor, row))
        return FATE_CHANGED;
    if (message_load_locked(&actor->message, row, taken->fd, &taken->st) !=
        INPUT_OK)
        return fail(actor, row, "cannot be read",
                    actor->message.control_input.error);
    if (!act_is_planned_file(taken->job->planned, &actor->message.control_stat))
        return FATE_CHANGED;
    fate = judge_again(actor, taken);
    if (fate != FATE_TAKE)
        return fate;
    taken->data = data_folder_number(actor);
    if (taken->data == FACTS_NO_DIR ||
        !actor->run->targets[taken->data].is_ready)
        return FATE_CHANGED; /* its df moved to another directory */
    taken->bytes = (uint64_t)actor->message.control_stat.st_size +
                   (uint64_t)actor->message.data_stat.st_size;
    journal_add_take(&actor->lines, &actor->message, control_folder(actor, row),
                     &actor->run->scan->scene.queues->folders[taken->data],
                     transcript_inode(actor, row), taken->class, taken->rule);
    return FATE_TAKE;
}

/* ---- taking files ---- */

/* Takes one file of a message out of its folder; 0 or an errno value. */
static int take_file(const struct actor *actor, uint16_t folder, char letter,
                     struct slice id)
{
    const struct queue_folder *from =
        &actor->run->scan->scene.queues->folders[folder];
    const struct target *target = &actor->run->targets[folder];
    char name[QUEUE_HELD_NAME_MAX], held[QUEUE_HELD_NAME_MAX];
    int error;

    if (!queue_file_name(name, letter, id, false) ||
        !queue_file_name(held, letter, id, true))
        return EINVAL;
    if (actor->run->request->is_delete)
        return unlinkat(from->fd, name, 0) == 0 ? 0 : errno;
    if (target->run_fd < 0)
        return ENOENT;
    error = act_move(from->fd, name, target->run_fd, held);
    /* the file is there, so the holding folder is not: somebody removed it */
    if (error == ENOENT &&
        faccessat(from->fd, name, F_OK, AT_SYMLINK_NOFOLLOW | AT_EACCESS) == 0)
        error = ESTALE;
    return error;
}

static bool sync_folder(struct actor *actor, uint16_t folder)
{
    return act_sync(actor->run->scan->complaints,
                    &actor->run->scan->scene.queues->folders[folder],
                    actor->run->request->is_delete
                        ? -1
                        : actor->run->targets[folder].run_fd);
}

/* What could not be finished here is finished from the journal, which gets no
 * end. */
static void leave_torn(struct actor *actor, const struct queue_folder *folder,
                       const char *name, const char *what, int error)
{
    char hint[HOLD_RUN_MAX + 64];

    snprintf(hint, sizeof(hint), "the next purge completes it, or %s=%s",
             actor->run->request->is_delete ? "--expunge" : "--undo",
             actor->run->run_name);
    atomic_store(&actor->run->is_torn, true);
    act_complain(actor->run->scan->complaints, folder, name, what, error, hint);
}

/* The df cannot follow: the control file goes back, so that nothing is
 * torn. */
static void put_control_back(struct actor *actor, struct taken *taken,
                             const char *what, int error)
{
    const struct facts *row = row_of(actor, taken);
    const struct queue_folder *folder = control_folder(actor, row);
    uint16_t number = control_number(actor, row);
    char name[QUEUE_HELD_NAME_MAX], held[QUEUE_HELD_NAME_MAX];

    queue_file_name(name, row->letter, facts_id(row), false);
    queue_file_name(held, row->letter, facts_id(row), true);
    taken->fate = FATE_FAILED;
    if (!actor->run->request->is_delete &&
        act_move(actor->run->targets[number].run_fd, held, folder->fd, name) ==
            0) {
        act_complain(actor->run->scan->complaints, folder, name, what, error,
                     "put back");
        if (!sync_folder(actor, number))
            atomic_store(&actor->run->is_torn, true);
    } else {
        leave_torn(actor, folder, name, what, error);
    }
}

static void take_controls(struct actor *actor, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct taken *taken = &actor->batch[i];
        const struct facts *row = row_of(actor, taken);
        int error;

        if (taken->fate != FATE_TAKE)
            continue;
        error = take_file(actor, control_number(actor, row), row->letter,
                          facts_id(row));
        if (error == 0)
            taken->fate = FATE_TAKEN;
        else if (error == ENOENT)
            taken->fate = FATE_VANISHED;
        else
            taken->fate = fail(actor, row, "cannot be taken", error);
    }
}

/* A transcript is nobody's without its message. */
static void take_transcripts(struct actor *actor, const struct facts *row)
{
    const struct queue_set *queues = actor->run->scan->scene.queues;

    for (size_t d = 0;
         (row->beside & BESIDE_TRANSCRIPT) != 0 && d < queues->dir_count; d++) {
        uint16_t folder = queues->dirs[d].transcripts;
        char name[QUEUE_HELD_NAME_MAX] = "";
        int error;

        if (queues->dirs[d].is_held)
            continue;
        error = take_file(actor, folder, 'x', facts_id(row));

        if (error == 0)
            actor->is_touched[folder] = true;
        if (error == 0 || error == ENOENT)
            continue;
        queue_file_name(name, 'x', facts_id(row), false);
        leave_torn(actor, &queues->folders[folder], name, "cannot be taken",
                   error);
    }
}

static void take_data(struct actor *actor, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct taken *taken = &actor->batch[i];
        const struct facts *row = row_of(actor, taken);
        int error;

        if (taken->fate != FATE_TAKEN)
            continue;
        error = take_file(actor, taken->data, 'd', facts_id(row));
        actor->is_touched[taken->data] = true;
        if (error == 0 || error == ENOENT)
            take_transcripts(actor, row);
        else
            put_control_back(actor, taken, "its df cannot be taken", error);
    }
}

/* The disk could not confirm that the control files went. If it forgets that
 * after a crash, but not that their df went, those would be gone: so they
 * stay, and the run ends. */
static void give_up_batch(struct actor *actor, size_t count)
{
    atomic_store(&actor->run->has_stopped, true);
    for (size_t i = 0; i < count; i++)
        if (actor->batch[i].fate == FATE_TAKEN)
            put_control_back(actor, &actor->batch[i],
                             "taking it cannot be made sure", 0);
}

/* The control folder of a batch: it has but one. */
static bool sync_controls(struct actor *actor, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (actor->batch[i].fate == FATE_TAKEN)
            return sync_folder(
                actor, control_number(actor, row_of(actor, &actor->batch[i])));
    return true;
}

/* The folders of df and xf. If the disk forgets what was taken from them,
 * the journal completes it: it gets no end. */
static void sync_touched(struct actor *actor)
{
    for (size_t i = 0; i < actor->run->scan->scene.queues->folder_count; i++) {
        if (actor->is_touched[i] && !sync_folder(actor, (uint16_t)i))
            atomic_store(&actor->run->is_torn, true);
        actor->is_touched[i] = false;
    }
}

/* Class and rule may come out of a plan, which is anybody's text. */
static void log_taken(struct actor *actor, const struct taken *taken)
{
    struct buffer *log = &actor->log;
    size_t len = log->len;

    if (!actor->run->has_syslog)
        return;
    buffer_add_escaped(log, facts_id(row_of(actor, taken)), 0);
    buffer_printf(log,
                  ": removed by qscan run=%s class=", actor->run->run_name);
    buffer_add_escaped(log, slice_from_string(taken->class), 0);
    buffer_add_string(log, " rule=");
    if (taken->rule != NULL)
        buffer_add_escaped(log, slice_from_string(taken->rule), 0);
    buffer_add_string(log, "\n");
    if (log->has_failed)
        log->len = len; /* a line is whole, or it is missing */
}

static void remember_busy(struct actor *actor, struct act_job *job)
{
    struct act_run *run = actor->run;

    pthread_mutex_lock(&run->busy_lock);
    run->busy[run->busy_count++] = job;
    pthread_mutex_unlock(&run->busy_lock);
}

/* And with it both locks of each. */
static void unlock_batch(struct actor *actor, size_t count)
{
    struct closing closing = {.count = 0};

    for (size_t i = 0; i < count; i++)
        if (actor->batch[i].fd >= 0)
            closing_add(&closing, actor->batch[i].fd);
    closing_close(&closing);
}

static void finish_batch(struct actor *actor, size_t count)
{
    struct act_result *counts = &actor->counts;

    unlock_batch(actor, count);
    for (size_t i = 0; i < count; i++) {
        struct taken *taken = &actor->batch[i];

        switch (taken->fate) {
        case FATE_TAKEN:
            counts->purged++;
            counts->taken_bytes += taken->bytes;
            log_taken(actor, taken);
            break;
        case FATE_BUSY:
            remember_busy(actor, taken->job);
            break;
        case FATE_CHANGED:
            counts->changed++;
            break;
        case FATE_VANISHED:
            counts->vanished++;
            break;
        case FATE_TAKE:
        case FATE_FAILED:
            counts->failed++;
            break;
        case FATE_STOPPED:
            break;
        }
    }
    if (actor->run->has_syslog)
        syslogger_add(actor->run->logger, &actor->log);
}

/* Of the control folder of a batch: it has but one. */
static struct target *control_target(const struct actor *actor)
{
    const struct facts *row = row_of(actor, &actor->batch[0]);

    return &actor->run->targets[control_number(actor, row)];
}

/* Nothing may go whose taking is not on disk first. */
static bool write_journal(struct actor *actor, size_t count)
{
    struct act_run *run = actor->run;
    struct journal *journal = control_target(actor)->journal;
    int error;

    if (actor->lines.len == 0)
        return true;
    error = atomic_load(&run->has_stopped)
                ? ECANCELED
                : journal_append(journal, &actor->lines);
    if (error == 0)
        return true;
    if (!atomic_exchange(&run->has_stopped, true))
        complain(run->scan->complaints, slice_from_string(journal->path),
                 "journal cannot be written", strerror(error),
                 "nothing more is taken, see --journal");
    for (size_t i = 0; i < count; i++)
        if (actor->batch[i].fate == FATE_TAKE)
            actor->batch[i].fate = FATE_STOPPED;
    return false;
}

static void judge_batch(struct actor *actor, struct act_job *jobs, size_t count)
{
    buffer_clear(&actor->lines);
    for (size_t i = 0; i < count; i++) {
        struct taken *taken = &actor->batch[i];

        *taken = (struct taken){.job = &jobs[i], .fd = -1};
        taken->fate = atomic_load(&actor->run->has_stopped)
                          ? FATE_STOPPED
                          : secure(actor, taken);
    }
    /* what comes from here on was begun without the lock on any of these */
    newnames_catch_up(actor->run->scan->newnames);
    for (size_t i = 0; i < count; i++)
        if (actor->batch[i].fate == FATE_TAKE)
            actor->batch[i].fate = inspect(actor, &actor->batch[i]);
}

/* One batch, all of one control folder. */
static void take_batch(struct actor *actor, struct act_job *jobs, size_t count)
{
    struct target *target;

    judge_batch(actor, jobs, count);
    target = control_target(actor);
    if (write_journal(actor, count)) {
        pthread_mutex_lock(&target->names_lock);
        take_controls(actor, count);
        pthread_mutex_unlock(&target->names_lock);
        if (sync_controls(actor, count)) {
            pthread_mutex_lock(&target->names_lock);
            take_data(actor, count);
            pthread_mutex_unlock(&target->names_lock);
            sync_touched(actor);
        } else {
            give_up_batch(actor, count);
        }
    }
    finish_batch(actor, count);
}

/* Before it opens anything. Once one could not, none may: a copy of the table
 * that they share would hold what is locked there. */
static void own_descriptors(struct actor *actor)
{
    struct act_run *run = actor->run;

    if (actor->has_begun)
        return;
    actor->has_begun = true;
    pthread_mutex_lock(&run->table_lock);
    run->is_table_shared = run->is_table_shared || !workers_own_descriptors();
    pthread_mutex_unlock(&run->table_lock);
}

void act_take_piece(void *context, unsigned worker, size_t first, size_t end)
{
    struct act_run *run = context;
    const struct facts *rows = run->scan->table.rows;

    own_descriptors(&run->actors[worker]);
    while (first < end) {
        size_t next = first + 1;

        while (next < end &&
               rows[run->jobs[next].row].dir == rows[run->jobs[first].row].dir)
            next++;
        take_batch(&run->actors[worker], run->jobs + first, next - first);
        first = next;
    }
}
