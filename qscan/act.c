#include "qscan/act.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "parsers/input.h"
#include "qscan/closing.h"
#include "qscan/interrupt.h"
#include "qscan/rowtext.h"
#include "qscan/syslogger.h"
#include "qscan/workers.h"

enum {
    BATCH = 512,            /* messages between two syncs */
    SPARE_DESCRIPTORS = 64, /* besides the locked control files */
    LOCK_TRIES = 3,         /* gatherq holds a shared lock for a moment */
    LOCK_PAUSE_NSEC = 2 * 1000 * 1000,
    SECOND_PASS_NSEC = 500 * 1000 * 1000,
    NAME_TRIES = 16, /* for a run that nobody else has named so */
};

enum fate {
    FATE_TAKE,
    FATE_TAKEN,
    FATE_BUSY,
    FATE_CHANGED,
    FATE_VANISHED,
    FATE_FAILED,
    FATE_STOPPED, /* the run ended before its turn */
};

/* Where the files of one folder go. */
struct target {
    bool is_ready;
    int run_fd;              /* .qscan/RUN of this folder, or -1 */
    struct journal *journal; /* of a control folder */
    /* Of a control folder: names of one directory change one by one in any
     * case, and who waits here does not spin on the kernel's locks. */
    pthread_mutex_t names_lock;
};

struct taken {
    struct act_job *job;
    enum fate fate;
    int fd;         /* the locked control file, or -1 */
    struct stat st; /* of that file, under the lock */
    uint16_t data;  /* folder of df */
    uint64_t bytes;
    bool has_lost_race; /* only for the log */
    const char *class, *rule;
};

struct actor {
    struct act_run *run;
    struct scene scene; /* the scan's, but for now: the clock, always */
    struct message message;
    struct rules_matcher *matcher, *where_matcher;
    struct taken *batch;
    struct buffer lines, log; /* for the journal, and for syslog */
    bool *is_touched;         /* by folder number: to be synced */
    bool has_begun;           /* this pass */
    struct act_result counts; /* merged at the end */
};

struct act_run {
    struct act_request *request;
    struct scan *scan;
    struct target *targets; /* by folder number */
    struct journal *journals;
    size_t journal_count;
    struct actor *actors;
    struct act_job **busy; /* for the second pass */
    size_t busy_count;
    pthread_mutex_t busy_lock;
    atomic_bool has_stopped; /* the journal cannot be written any more */
    atomic_bool is_torn;     /* a control file went without its df */
    struct act_job *jobs;    /* of this pass */
    size_t batch_size;
    const char *run_name;
    bool has_syslog;
    struct syslogger *logger; /* when it has; until both passes are over */
    pthread_mutex_t table_lock;
    bool is_table_shared; /* of descriptors: somebody got none of its own */
};

int act_move(int from_folder, const char *from, int to_folder, const char *to)
{
    return renameat2(from_folder, from, to_folder, to, RENAME_NOREPLACE) == 0
               ? 0
               : errno;
}

void act_complain(struct complaints *to, const struct queue_folder *folder,
                  const char *name, const char *what, int error,
                  const char *consequence)
{
    struct buffer object = {0};

    buffer_printf(&object, "%s/%s", folder->path, name);
    complain(to, slice_make(object.bytes, object.len), what,
             error == 0 ? NULL : strerror(error), consequence);
    buffer_free(&object);
}

bool act_sync(struct complaints *to, const struct queue_folder *folder,
              int run_fd)
{
    /* Some file systems have nothing to sync. */
    if (fsync(run_fd >= 0 ? run_fd : folder->fd) == 0 || errno == EINVAL)
        if (run_fd < 0 || fsync(folder->fd) == 0 || errno == EINVAL)
            return true;
    act_complain(to, folder, ".", "cannot be synced", errno,
                 "a crash may undo the last");
    return false;
}

bool act_is_plain_id(struct slice id)
{
    for (size_t i = 0; i < id.len; i++)
        if (id.ptr[i] <= ' ' || id.ptr[i] >= 0x7f || id.ptr[i] == '"' ||
            id.ptr[i] == '\\')
            return false;
    return id.len > 0;
}

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

static bool is_planned_file(const struct act_planned *planned,
                            const struct stat *st)
{
    return planned == NULL ||
           (planned->device == st->st_dev && planned->inode == st->st_ino &&
            planned->size_bytes == st->st_size &&
            planned->mtime_nsec == message_nsec(&st->st_mtim) &&
            planned->ctime_nsec == message_nsec(&st->st_ctim));
}

/* Asked last: where df was read, this costs no call. */
static bool has_data_file(struct message *message)
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
        !has_data_file(message))
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
        return has_data_file(message) ? FATE_TAKE : FATE_CHANGED;
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
    if (!is_planned_file(taken->job->planned, &actor->message.control_stat))
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

/* Pieces are batches, cut where the directory changes. */
static void take_piece(void *context, unsigned worker, size_t first, size_t end)
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

/* ---- the run ---- */

/* Directory, then inode: neighbours on disk go together. */
static int compare_jobs(const void *a, const void *b, void *context)
{
    const struct facts *rows = context;
    const struct facts *one = &rows[((const struct act_job *)a)->row];
    const struct facts *two = &rows[((const struct act_job *)b)->row];

    if (one->dir != two->dir)
        return one->dir < two->dir ? -1 : 1;
    return one->inode < two->inode ? -1 : one->inode > two->inode;
}

/* What is empty only: the folder of this run, and .qscan. */
static void remove_run_folder(const struct act_run *run,
                              const struct queue_folder *folder)
{
    const char *why = NULL;
    int root = hold_open_root(folder, &why);

    if (root < 0)
        return;
    unlinkat(root, run->run_name, AT_REMOVEDIR);
    close(root);
    unlinkat(folder->fd, HOLD_ROOT, AT_REMOVEDIR);
}

/* In every queue directory, a folder of one kind. */
static int for_each_dir(const struct queue_set *queues, bool of_data,
                        int (*work)(void *context, uint16_t folder),
                        void *context)
{
    int error = 0;

    for (size_t d = 0; error == 0 && d < queues->dir_count; d++)
        if (!queues->dirs[d].is_held)
            error = work(context, of_data ? queues->dirs[d].data
                                          : queues->dirs[d].transcripts);
    return error;
}

/* In every folder that a file of this message may be taken from; ends with the
 * first error. */
static int for_each_folder(const struct queue_set *queues,
                           const struct facts *row,
                           int (*work)(void *context, uint16_t folder),
                           void *context)
{
    const struct queue_dir *dir = &queues->dirs[row->dir];
    int error = work(context, dir->control);

    if (error == 0)
        error = work(context, dir->data);
    if (error == 0)
        error = work(context, dir->transcripts);
    /* a d line: any data folder of the set may be meant */
    if (error == 0 && (row->beside & BESIDE_DATA) == 0)
        error = for_each_dir(queues, true, work, context);
    /* as may any folder of transcripts */
    if (error == 0 && (row->beside & BESIDE_TRANSCRIPT) != 0)
        error = for_each_dir(queues, false, work, context);
    return error;
}

static int refuse_folder(void *context, uint16_t folder)
{
    const struct scan *scan = context;
    const struct queue_set *queues = scan->queues;

    if (!hold_is_refused(queues, &queues->folders[folder]))
        return 0;
    hold_complain(scan->complaints, &queues->folders[folder],
                  "sendmail would take a holding folder here for a queue "
                  "(the wildcard above it has no prefix)",
                  NULL, "nothing done");
    return EPERM;
}

bool act_may_hold(const struct scan *scan, const struct act_job *jobs,
                  size_t count)
{
    int error = 0;

    if (scan->queues->open_bases.count == 0)
        return true;
    for (size_t i = 0; error == 0 && i < count; i++)
        error = for_each_folder(scan->queues, &scan->table.rows[jobs[i].row],
                                refuse_folder, (void *)(uintptr_t)scan);
    return error == 0;
}

static bool is_no_room(int error)
{
    return error == ENOSPC || error == EDQUOT;
}

/* EEXIST without a complaint: another run has the name. A deletion whose
 * journal is elsewhere has its folder only to be found by, when it was killed.
 */
static int open_target(void *context, uint16_t folder)
{
    struct act_run *run = context;
    struct target *target = &run->targets[folder];
    const struct queue_folder *of = &run->scan->scene.queues->folders[folder];
    const char *why = NULL;
    int error;

    if (target->is_ready)
        return 0;
    target->run_fd = hold_make_run(of, run->run_name, &why);
    error = target->run_fd < 0 ? errno : 0;
    target->is_ready = error == 0;
    if (error == 0 || error == EEXIST)
        return error;
    remove_run_folder(run, of);
    if (is_no_room(error) && run->request->is_delete &&
        run->request->options->journal_directory != NULL) {
        complain_warning(run->scan->complaints, slice_from_string(of->path),
                         "no room for a holding folder", NULL,
                         "what a crash leaves half deleted stays, as orphans");
        target->is_ready = true;
        return 0;
    }
    hold_complain(
        run->scan->complaints, of, "holding folder cannot be made", why,
        is_no_room(error) ? "nothing done, see --delete with --journal"
                          : "nothing done");
    return error;
}

/* A journal is there after a crash only if its name is. */
static int sync_directory_of(const struct act_run *run, uint16_t folder)
{
    const char *elsewhere = run->request->options->journal_directory;
    int fd = elsewhere == NULL
                 ? run->targets[folder].run_fd
                 : open(elsewhere, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int error = fd < 0 || (fsync(fd) < 0 && errno != EINVAL) ? errno : 0;

    if (elsewhere != NULL && fd >= 0)
        close(fd);
    return error;
}

/* Unlinks a journal of this run. */
static void remove_journal(const struct act_run *run, uint16_t folder,
                           const struct journal *journal)
{
    if (run->request->options->journal_directory != NULL)
        unlinkat(AT_FDCWD, journal->path, 0);
    else
        unlinkat(run->targets[folder].run_fd, HOLD_JOURNAL, 0);
}

/* The journal of --journal=DIR has the run in its name and is shared by all
 * queue directories; else each control folder has its own beside the files. */
static int create_journal(struct act_run *run, uint16_t folder,
                          struct journal *journal)
{
    const struct queue_set *queues = run->scan->scene.queues;
    const char *elsewhere = run->request->options->journal_directory;
    struct buffer begin = {0};
    char *path = NULL;
    int error;

    if (elsewhere != NULL) {
        if (asprintf(&path, "%s/%s.journal", elsewhere, run->run_name) < 0)
            return ENOMEM;
        error = journal_create(journal, AT_FDCWD, path, path);
    } else {
        if (asprintf(&path, "%s/" HOLD_ROOT "/%s/" HOLD_JOURNAL,
                     queues->folders[folder].path, run->run_name) < 0)
            return ENOMEM;
        error = journal_create(journal, run->targets[folder].run_fd,
                               HOLD_JOURNAL, path);
    }
    if (error == 0) {
        journal_add_begin(&begin, run->run_name, queues->folders[folder].path,
                          run->request->is_delete);
        if (run->scan->scene.crowd != NULL) /* none was counted for a plan */
            journal_add_clients(&begin, run->scan->scene.crowd);
        error = journal_append(journal, &begin);
        if (error == 0)
            error = sync_directory_of(run, folder);
        if (error != 0) {
            remove_journal(run, folder, journal);
            journal_close(journal);
        }
        buffer_free(&begin);
    }
    if (error != 0 && error != EEXIST)
        complain(run->scan->complaints, slice_from_string(path),
                 "journal cannot be written", strerror(error),
                 "nothing done, see --journal");
    free(path);
    return error;
}

static int open_journal(struct act_run *run, uint16_t folder,
                        struct act_result *result)
{
    bool is_shared = run->request->options->journal_directory != NULL;
    struct journal *journal = &run->journals[run->journal_count];
    int error;

    if (run->targets[folder].journal != NULL)
        return 0;
    if (is_shared && run->journal_count > 0) {
        run->targets[folder].journal = &run->journals[0];
        return 0;
    }
    error = create_journal(run, folder, journal);
    if (error != 0)
        return error;
    run->targets[folder].journal = journal;
    run->journal_count++;
    return string_list_add(&result->journals, slice_from_string(journal->path))
               ? 0
               : ENOMEM;
}

/* The journal before the folders that it is not in: an expunge that finds one
 * of those finds the run alive. */
static int prepare_row(struct act_run *run, const struct facts *row,
                       struct act_result *result)
{
    const struct queue_set *queues = run->scan->scene.queues;
    uint16_t control = queues->dirs[row->dir].control;
    int error = open_target(run, control);

    if (error == 0)
        error = open_journal(run, control, result);
    return error != 0 ? error : for_each_folder(queues, row, open_target, run);
}

/* Holding folders and journals of all that is to be taken, before the first
 * message goes; 0 or an errno value. */
static int prepare(struct act_run *run, struct act_result *result)
{
    int error = 0;

    for (size_t i = 0; error == 0 && i < run->request->job_count; i++)
        error = prepare_row(
            run, &run->scan->table.rows[run->request->jobs[i].row], result);
    return error;
}

static bool start_actors(struct act_run *run)
{
    const struct scene *scene = &run->scan->scene;
    unsigned count = run->scan->worker_count;

    run->actors = calloc(count, sizeof(*run->actors));
    for (unsigned i = 0; run->actors != NULL && i < count; i++) {
        struct actor *actor = &run->actors[i];

        actor->run = run;
        actor->scene = *scene;
        actor->scene.now = time(NULL);
        message_init(&actor->message, &actor->scene);
        actor->matcher = rules_matcher_new(scene->rules);
        actor->batch = calloc(run->batch_size, sizeof(*actor->batch));
        actor->is_touched =
            calloc(scene->queues->folder_count, sizeof(*actor->is_touched));
        if (scene->where != NULL)
            actor->where_matcher = rules_matcher_new(scene->where);
        if (actor->matcher == NULL || actor->batch == NULL ||
            !rules_remember(actor->matcher, scene->basis_key) ||
            actor->is_touched == NULL ||
            (scene->where != NULL && actor->where_matcher == NULL))
            return false;
    }
    return run->actors != NULL;
}

static void stop_actors(struct act_run *run, struct act_result *result)
{
    for (unsigned i = 0; run->actors != NULL && i < run->scan->worker_count;
         i++) {
        struct actor *actor = &run->actors[i];

        result->purged += actor->counts.purged;
        result->changed += actor->counts.changed;
        result->vanished += actor->counts.vanished;
        result->failed += actor->counts.failed;
        result->taken_bytes += actor->counts.taken_bytes;
        message_free(&actor->message);
        rules_matcher_free(actor->matcher);
        rules_matcher_free(actor->where_matcher);
        buffer_free(&actor->lines);
        buffer_free(&actor->log);
        free(actor->batch);
        free(actor->is_touched);
    }
    free(run->actors);
    run->actors = NULL;
}

/* As many as fit in the descriptors that queue_open asked for, beside the
 * folders, their holding folders and journals; as if the workers shared one
 * table, which they do where the system denies them their own. */
static size_t batch_size_for(const struct act_run *run)
{
    size_t reserved =
        SPARE_DESCRIPTORS + 3 * run->scan->scene.queues->folder_count;
    struct rlimit limit;
    size_t each;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 64;
    each = limit.rlim_cur > reserved
               ? (limit.rlim_cur - reserved) / run->scan->worker_count
               : 1;
    return each > BATCH ? BATCH : each < 1 ? 1 : each;
}

/* False after a complaint. */
static bool take_pass(struct act_run *run, struct act_job *jobs, size_t count)
{
    struct progress *progress = &run->scan->progress;
    bool is_done;

    run->jobs = jobs;
    run->is_table_shared = false;
    for (unsigned i = 0; i < run->scan->worker_count; i++)
        run->actors[i].has_begun = false;
    progress_begin(progress, "messages taken", count);
    is_done = workers_run(run->scan->worker_count, count, run->batch_size,
                          take_piece, run, progress);
    progress_end(progress);
    if (!is_done)
        complain(run->scan->complaints, SLICE_LITERAL("threads"),
                 "cannot be started", NULL, "nothing more is taken");
    return is_done;
}

/* As inspect sees it under the lock. */
static enum fate foresee(struct message *message, const struct facts *row,
                         const struct act_planned *planned)
{
    enum input_outcome outcome = message_load(message, row, true);

    if (outcome == INPUT_GONE)
        return FATE_VANISHED;
    return outcome == INPUT_OK && message->qf_outcome == QF_OK &&
                   message->control_stat.st_nlink == 1 &&
                   is_planned_file(planned, &message->control_stat) &&
                   has_data_file(message)
               ? FATE_TAKE
               : FATE_CHANGED;
}

void act_foresee(const struct scan *scan, const struct act_job *jobs,
                 size_t count, struct act_result *result)
{
    struct message message;

    message_init(&message, &scan->scene);
    for (size_t i = 0; i < count; i++) {
        enum fate fate =
            foresee(&message, &scan->table.rows[jobs[i].row], jobs[i].planned);

        result->purged += fate == FATE_TAKE;
        result->changed += fate == FATE_CHANGED;
        result->vanished += fate == FATE_VANISHED;
        if (fate == FATE_TAKE)
            result->taken_bytes += jobs[i].planned->data_bytes +
                                   (uint64_t)jobs[i].planned->size_bytes;
    }
    message_free(&message);
}

/* What was locked gets one more chance, when its delivery had time to end. */
static void second_pass(struct act_run *run)
{
    size_t count = run->busy_count;
    struct act_job *jobs = malloc((count + 1) * sizeof(*jobs));

    if (count == 0 || jobs == NULL || interrupt_signal() != 0) {
        free(jobs);
        return;
    }
    for (size_t i = 0; i < count; i++)
        jobs[i] = *run->busy[i];
    run->busy_count = 0;
    nanosleep(&(struct timespec){.tv_nsec = SECOND_PASS_NSEC}, NULL);
    take_pass(run, jobs, count);
    for (size_t i = 0; i < run->busy_count; i++) {
        char name[QUEUE_HELD_NAME_MAX] = "";
        const struct facts *row = &run->scan->table.rows[run->busy[i]->row];
        const struct queue_set *queues = run->scan->scene.queues;

        queue_file_name(name, row->letter, facts_id(row), false);
        act_complain(run->scan->complaints,
                     &queues->folders[queues->dirs[row->dir].control], name,
                     "busy", 0, "kept");
    }
    free(jobs);
}

/* Nothing was taken: nothing is left of the run. What is removed here was
 * made by this run: names that were there already are refused. */
static void remove_run(struct act_run *run)
{
    const struct queue_set *queues = run->scan->scene.queues;

    for (size_t i = 0; run->targets != NULL && i < queues->folder_count; i++) {
        if (run->targets[i].journal != NULL)
            remove_journal(run, (uint16_t)i, run->targets[i].journal);
        if (run->targets[i].run_fd >= 0)
            remove_run_folder(run, &queues->folders[i]);
    }
}

static void end_journals(struct act_run *run, size_t taken)
{
    struct buffer end = {0};

    journal_add_end(&end, taken, false);
    for (size_t i = 0; i < run->journal_count; i++) {
        int error = journal_append(&run->journals[i], &end);

        if (error != 0 && !atomic_load(&run->has_stopped))
            complain(run->scan->complaints,
                     slice_from_string(run->journals[i].path),
                     "journal cannot be finished", strerror(error),
                     "the next purge finishes it");
    }
    buffer_free(&end);
}

static void close_descriptors(struct act_run *run)
{
    size_t folder_count = run->scan->scene.queues->folder_count;

    for (size_t i = 0; i < run->journal_count; i++)
        journal_close(&run->journals[i]);
    run->journal_count = 0;
    for (size_t i = 0; run->targets != NULL && i < folder_count; i++) {
        if (run->targets[i].run_fd >= 0)
            close(run->targets[i].run_fd);
        run->targets[i].run_fd = -1;
        run->targets[i].is_ready = false;
        run->targets[i].journal = NULL;
    }
}

static void close_run(struct act_run *run, struct act_result *result)
{
    /* without its end a journal is completed by the next run */
    if (!atomic_load(&run->is_torn)) {
        if (result->purged > 0)
            end_journals(run, result->purged);
        else
            remove_run(run);
    }
    if (result->purged == 0)
        string_list_free(&result->journals);
    close_descriptors(run);
}

static bool allocate(struct act_run *run)
{
    size_t count = run->scan->scene.queues->folder_count;

    run->targets = calloc(count, sizeof(*run->targets));
    for (size_t i = 0; run->targets != NULL && i < count; i++) {
        run->targets[i].run_fd = -1; /* none is open, whatever else fails */
        pthread_mutex_init(&run->targets[i].names_lock, NULL);
    }
    run->journals = calloc(count + 1, sizeof(*run->journals));
    run->busy = calloc(run->request->job_count + 1, sizeof(*run->busy));
    return run->targets != NULL && run->journals != NULL && run->busy != NULL;
}

static void free_targets(struct act_run *run)
{
    size_t count = run->scan->scene.queues->folder_count;

    for (size_t i = 0; run->targets != NULL && i < count; i++)
        pthread_mutex_destroy(&run->targets[i].names_lock);
    free(run->targets);
}

/* Another run has the name: what was made so far goes. */
static void begin_anew(struct act_run *run, struct act_result *result,
                       unsigned attempt)
{
    remove_run(run);
    close_descriptors(run);
    string_list_free(&result->journals);
    hold_new_run_name(result->run, attempt);
}

static bool begin_run(struct act_run *run, struct act_result *result)
{
    bool has_memory = allocate(run);
    int error = has_memory ? prepare(run, result) : 0;

    for (unsigned i = 1; error == EEXIST && i < NAME_TRIES; i++) {
        begin_anew(run, result, i);
        error = prepare(run, result);
    }
    if (error == EEXIST)
        complain(run->scan->complaints, slice_from_string(run->run_name),
                 "a run of this name is there already", NULL, "nothing done");
    has_memory =
        has_memory && error != ENOMEM && (error != 0 || start_actors(run));
    if (!has_memory)
        complain(run->scan->complaints, SLICE_LITERAL("memory"), "not enough",
                 NULL, "nothing done");
    return has_memory && error == 0;
}

bool act_open_syslog(const struct options *options)
{
    if (options->no_syslog || access("/dev/log", W_OK) != 0)
        return false;
    openlog("qscan", LOG_PID | LOG_NDELAY, LOG_MAIL);
    return true;
}

void act_log_result(const struct options *options, const char *run,
                    const char *action, const struct act_log *counts)
{
    if (act_open_syslog(options))
        syslog(LOG_NOTICE,
               "qscan run=%s action=%s restored=%zu left=%zu files=%zu "
               "failed=%zu",
               run, action, counts->restored, counts->left, counts->files,
               counts->failed);
}

static void send_line(struct slice line)
{
    syslog(LOG_NOTICE, "%.*s", (int)line.len, line.ptr);
}

/* What nobody could tell of is not taken. */
static bool start_logger(struct act_run *run)
{
    run->has_syslog = act_open_syslog(run->request->options);
    if (!run->has_syslog)
        return true;
    run->logger = syslogger_start(send_line);
    if (run->logger == NULL)
        complain(run->scan->complaints, SLICE_LITERAL("syslog"),
                 "a thread for it cannot be started", NULL,
                 "nothing is taken, see --no-syslog");
    return run->logger != NULL;
}

static void stop_logger(struct act_run *run)
{
    if (run->has_syslog && !syslogger_stop(run->logger))
        complain(run->scan->complaints, SLICE_LITERAL("memory"), "not enough",
                 NULL,
                 "lines are missing in syslog, the journal has all of them");
}

/* Both passes; false after a complaint. */
static bool take_all(struct act_run *run, struct act_result *result)
{
    const struct act_request *request = run->request;
    bool is_done;

    if (!start_logger(run))
        return false;
    is_done = take_pass(run, request->jobs, request->job_count);
    second_pass(run);
    result->busy = run->busy_count;
    stop_logger(run);
    return is_done;
}

static void log_run(const struct act_run *run, const struct act_result *result)
{
    if (run->has_syslog)
        syslog(LOG_NOTICE,
               "qscan run=%s action=%s purged=%zu busy=%zu changed=%zu "
               "vanished=%zu failed=%zu",
               result->run, run->request->is_delete ? "delete" : "hold",
               result->purged, result->busy, result->changed, result->vanished,
               result->failed);
}

bool act_take(struct act_request *request, struct act_result *result_r)
{
    struct act_run run = {.request = request, .scan = request->scan};
    bool is_done;

    *result_r = (struct act_result){.purged = 0};
    hold_new_run_name(result_r->run, 0);
    run.run_name = result_r->run;
    run.batch_size = batch_size_for(&run);
    pthread_mutex_init(&run.busy_lock, NULL);
    pthread_mutex_init(&run.table_lock, NULL);
    qsort_r(request->jobs, request->job_count, sizeof(*request->jobs),
            compare_jobs, request->scan->table.rows);
    is_done = begin_run(&run, result_r) && take_all(&run, result_r);
    stop_actors(&run, result_r);
    close_run(&run, result_r);
    if (is_done)
        log_run(&run, result_r);
    pthread_mutex_destroy(&run.busy_lock);
    pthread_mutex_destroy(&run.table_lock);
    free_targets(&run);
    free(run.journals);
    free(run.busy);
    return is_done;
}

void act_result_free(struct act_result *result)
{
    string_list_free(&result->journals);
}
