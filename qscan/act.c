#include "qscan/act_part.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "parsers/input.h"
#include "qscan/interrupt.h"

enum {
    BATCH = 512,            /* messages between two syncs */
    SPARE_DESCRIPTORS = 64, /* besides the locked control files */
    SECOND_PASS_NSEC = 500 * 1000 * 1000,
    NAME_TRIES = 16, /* for a run that nobody else has named so */
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
                          act_take_piece, run, progress);
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
                   act_is_planned_file(planned, &message->control_stat) &&
                   act_has_data_file(message)
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
