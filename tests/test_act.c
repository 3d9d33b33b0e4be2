/* Taking messages away: which go, which stay and why, and where their files
 * are afterwards. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

/* wraps: flock fsync time unshare */

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include "qscan/act.h"
#include "tests/few_descriptors.h"
#include "tests/spool.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define ID "6AMHqPjw023670"
#define OTHER_ID "6AMHqPjw023671"
#define THIRD_ID "6AMHqPjw023672"
#define FOURTH_ID "6AMHqPjw023673"

/* ---- faults ---- */

static bool fails_to_sync_folders;
static time_t stopped_clock; /* 0: goes on */

/* What is done once to the control file, when it is open and not locked. */
static struct spool *meddled;
static void (*before_lock)(void);

/* Refused once, and slowly, so that others come meanwhile. */
static atomic_bool refuses_table;
static atomic_uint tables_asked_for;

int __wrap_unshare(int flags);
int __real_unshare(int flags);
int __wrap_flock(int fd, int operation);
int __real_flock(int fd, int operation);
int __wrap_fsync(int fd);
int __real_fsync(int fd);
time_t __wrap_time(time_t *now_r);
time_t __real_time(time_t *now_r);

int __wrap_unshare(int flags)
{
    tables_asked_for++;
    if (!atomic_exchange(&refuses_table, false))
        return __real_unshare(flags);
    nanosleep(&(struct timespec){.tv_nsec = 20 * 1000 * 1000}, NULL);
    errno = ENOMEM;
    return -1;
}

static bool is_meddled_file(int fd)
{
    struct stat named, open;

    return lstat(folder_path(&meddled->folder, "q/qf" ID), &named) == 0 &&
           fstat(fd, &open) == 0 && named.st_ino == open.st_ino;
}

int __wrap_flock(int fd, int operation)
{
    void (*meddle)(void) = before_lock;

    if (meddle != NULL && is_meddled_file(fd)) {
        before_lock = NULL;
        meddle();
    }
    return __real_flock(fd, operation);
}

int __wrap_fsync(int fd)
{
    struct stat st;

    if (!fails_to_sync_folders || fstat(fd, &st) < 0 || !S_ISDIR(st.st_mode))
        return __real_fsync(fd);
    errno = EIO;
    return -1;
}

time_t __wrap_time(time_t *now_r)
{
    return stopped_clock != 0 ? stopped_clock : __real_time(now_r);
}

/* ---- taking ---- */

/* What is done once, while the run has its messages locked and has taken none:
 * when the first is judged again. It is another thread than that of the test,
 * so it must not assert. */
struct meddler {
    struct spool *spool;
    const struct act_result *result;
    void (*meddle)(struct meddler *meddler);
    pid_t locker;
    atomic_size_t asked_count; /* whichever worker asks */
};

static bool meddle_once(void *context, const struct message *message,
                        const struct rules_verdict *verdict, bool is_where_true)
{
    struct meddler *meddler = context;

    (void)message;
    if (atomic_fetch_add(&meddler->asked_count, 1) == 0 &&
        meddler->meddle != NULL)
        meddler->meddle(meddler);
    return verdict->purge && is_where_true;
}

/* Takes all that was found, with somebody at work meanwhile. */
static void take_beside(struct meddler *meddler, struct act_result *result_r)
{
    struct act_request request = spool_request(meddler->spool);

    meddler->result = result_r;
    request.still_wanted = meddle_once;
    request.context = meddler;
    assert_true(act_take(&request, result_r));
}

static void take(struct spool *spool, struct act_result *result_r)
{
    struct meddler nobody = {.spool = spool};

    take_beside(&nobody, result_r);
}

static void open_with(struct spool *spool, enum spool_layout layout,
                      const char *const *ids, size_t count)
{
    spool_open(spool, layout);
    for (size_t i = 0; i < count; i++)
        spool_write(spool, ids[i], "dead");
    spool_scan(spool);
}

/* One message that would go, in a plain queue. */
static void open_with_one(struct spool *spool)
{
    static const char *const ids[] = {ID};

    open_with(spool, SPOOL_PLAIN, ids, COUNT(ids));
}

static void assert_counts(const struct act_result *result,
                          const struct act_result *want)
{
    if (result->purged != want->purged || result->busy != want->busy ||
        result->changed != want->changed ||
        result->vanished != want->vanished || result->failed != want->failed)
        fail_msg("purged %zu busy %zu changed %zu vanished %zu failed %zu",
                 result->purged, result->busy, result->changed,
                 result->vanished, result->failed);
}

/* A run that took nothing leaves nothing behind. */
static void assert_no_run(struct spool *spool, const struct act_result *result)
{
    assert_int_equal(result->purged, 0);
    assert_int_equal(result->taken_bytes, 0);
    assert_int_equal(result->journals.count, 0);
    assert_false(spool_has(spool, "q/" HOLD_ROOT));
}

/* Judged by the scan, and no more what it was: counted as changed. */
static void assert_only_changed(struct spool *spool)
{
    struct act_result result;

    take(spool, &result);
    assert_counts(&result, &(struct act_result){.changed = 1});
    assert_no_run(spool, &result);
    spool_assert_complaints(spool, 0, NULL);
    spool_close(spool);
}

/* ---- names and folders ---- */

static void test_plain_ids(void **state)
{
    static const struct {
        const char *id;
        bool is_plain;
    } cases[] = {
        {"6AMHqPjw023670", true},
        {"!", true}, /* the first and the last of them */
        {"~", true},
        {"a/b", true},
        {"", false},
        {" ", false},
        {"\x7f", false},
        {"a\"", false},
        {"\\a", false},
        {"a\nb", false},
        {"a\x1f", false},
        {"\x80", false},
        {"\xff", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        if (act_is_plain_id(slice_from_string(cases[i].id)) !=
            cases[i].is_plain)
            fail_msg("case %zu: \"%s\"", i, cases[i].id);
    assert_false(act_is_plain_id(slice_make("a\0b", 3)));
}

static void test_move_never_replaces(void **state)
{
    struct spool spool;
    int q, r;

    (void)state;
    spool_open(&spool, SPOOL_PLAIN);
    folder_make(&spool.folder, "r");
    folder_write(&spool.folder, "q/a", "one");
    folder_write(&spool.folder, "r/b", "two");
    q = open(folder_path(&spool.folder, "q"), O_RDONLY | O_DIRECTORY);
    r = open(folder_path(&spool.folder, "r"), O_RDONLY | O_DIRECTORY);
    assert_true(q >= 0 && r >= 0);
    assert_int_equal(act_move(q, "a", r, "b"), EEXIST);
    spool_assert_file(&spool, "q/a", "one");
    spool_assert_file(&spool, "r/b", "two");
    assert_int_equal(act_move(q, "a", q, "a"), EEXIST);
    assert_int_equal(act_move(q, "none", r, "c"), ENOENT);
    assert_int_equal(act_move(q, "a", r, "c"), 0);
    spool_assert_file(&spool, "q/a", NULL);
    spool_assert_file(&spool, "r/c", "one");
    close(q);
    close(r);
    spool_close(&spool);
}

static void test_sync_of_both_folders(void **state)
{
    struct complaints complaints;
    struct queue_folder folder = {.path = (char *)"q"};
    int pipe_fds[2], closed;

    (void)state;
    complaints_init(&complaints, true);
    folder.fd = open("/", O_RDONLY | O_DIRECTORY);
    assert_true(folder.fd >= 0 && pipe(pipe_fds) == 0);
    closed = dup(folder.fd);
    close(closed);
    assert_true(act_sync(&complaints, &folder, -1));
    assert_true(act_sync(&complaints, &folder, folder.fd));
    /* what cannot be synced at all says EINVAL, and is no failure */
    assert_true(act_sync(&complaints, &folder, pipe_fds[0]));
    assert_int_equal(complaints.count, 0);
    assert_false(act_sync(&complaints, &folder, closed));
    assert_int_equal(complaints.count, 1);
    close(folder.fd);
    folder.fd = pipe_fds[0];
    assert_true(act_sync(&complaints, &folder, -1));
    assert_int_equal(complaints.count, 1);
    folder.fd = closed;
    assert_false(act_sync(&complaints, &folder, pipe_fds[0]));
    assert_false(act_sync(&complaints, &folder, -1));
    assert_int_equal(complaints.count, 3);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
}

static void test_complaint_has_its_reason(void **state)
{
    struct complaints complaints;
    struct queue_folder folder = {.path = (char *)"q"};

    (void)state;
    complaints_init(&complaints, true);
    act_complain(&complaints, &folder, "qf" ID, "cannot be taken", EACCES,
                 "kept");
    act_complain(&complaints, &folder, "qf" ID, "busy", 0, "kept");
    assert_int_equal(complaints.count, 2);
    assert_string_equal(complaints.kinds[0].text,
                        ": cannot be taken: Permission denied; kept");
    assert_string_equal(complaints.kinds[1].text, ": busy; kept");
}

static void test_no_syslog_where_it_is_not_wanted(void **state)
{
    struct options options = {.no_syslog = true};

    (void)state;
    assert_false(act_open_syslog(&options));
    options.no_syslog = false;
    assert_int_equal(act_open_syslog(&options), access("/dev/log", W_OK) == 0);
}

/* ---- what goes ---- */

static void test_taken_in_every_layout(void **state)
{
    static const char *const ids[] = {ID, OTHER_ID, THIRD_ID, FOURTH_ID};

    (void)state;
    for (int layout = SPOOL_PLAIN; layout <= SPOOL_PARTED; layout++) {
        struct spool spool;
        struct act_result result;

        spool_open(&spool, (enum spool_layout)layout);
        spool.options.workers = 3;
        for (size_t i = 0; i < COUNT(ids); i++)
            spool_write(&spool, ids[i], "dead");
        folder_write(&spool.folder, spool_queued(&spool, 'x', ID), "said");
        spool_scan(&spool);
        take(&spool, &result);
        assert_counts(&result, &(struct act_result){.purged = COUNT(ids)});
        assert_int_equal(result.taken_bytes, spool_bytes(&spool));
        for (size_t i = 0; i < COUNT(ids); i++)
            spool_assert_held(&spool, result.run, ids[i]);
        spool_assert_file(&spool, spool_queued(&spool, 'x', ID), NULL);
        spool_assert_file(&spool, spool_held(&spool, result.run, 'x', ID),
                          "said");
        spool_assert_complaints(&spool, 0, NULL);
        act_result_free(&result);
        spool_close(&spool);
    }
}

/* A worker without descriptors of its own locks files in the table that all
 * share: nobody may copy that any more, or the locks outlive their batch. */
static void test_one_shared_table_is_shared_by_all(void **state)
{
    static const char *const ids[] = {ID, OTHER_ID, THIRD_ID, FOURTH_ID};
    struct spool spool;
    struct act_result result;
    rlim_t before;

    (void)state;
    spool_open(&spool, SPOOL_PLAIN);
    spool.options.workers = 3;
    for (size_t i = 0; i < COUNT(ids); i++)
        spool_write(&spool, ids[i], "dead");
    spool_scan(&spool);
    /* batches of one, so that each worker gets some */
    before = few_descriptors(72);
    tables_asked_for = 0;
    refuses_table = true;
    take(&spool, &result);
    few_descriptors(before);
    assert_true(tables_asked_for <= 1); /* none under the thread sanitizer */
    refuses_table = false;
    assert_counts(&result, &(struct act_result){.purged = COUNT(ids)});
    spool_assert_complaints(&spool, 0, NULL);
    act_result_free(&result);
    spool_close(&spool);
}

static struct journal_state state_of(const struct act_result *result)
{
    struct journal_state got;

    assert_int_equal(result->journals.count, 1);
    assert_int_equal(journal_read(AT_FDCWD, result->journals.strings[0], NULL,
                                  NULL, NULL, &got),
                     0);
    return got;
}

/* The last line of a journal that names a message. */
struct noted {
    struct journal_entry entry;
    char class_and_rule[64];
};

static void note(void *context, const struct journal_entry *entry)
{
    struct noted *noted = context;

    noted->entry = *entry;
    snprintf(noted->class_and_rule, sizeof(noted->class_and_rule), "%s %s",
             entry->class, entry->rule);
}

static struct noted noted_by(const struct act_result *result)
{
    struct noted noted = {.class_and_rule = ""};
    struct journal_state journal;

    assert_int_equal(journal_read(AT_FDCWD, result->journals.strings[0], NULL,
                                  note, &noted, &journal),
                     0);
    return noted;
}

static void assert_class_and_rule(const struct act_result *result,
                                  const char *want)
{
    assert_string_equal(noted_by(result).class_and_rule, want);
}

static void test_journal_names_what_was_taken(void **state)
{
    static const char *const ids[] = {ID, OTHER_ID};
    struct spool spool;
    struct act_result result;
    struct journal_state journal;

    (void)state;
    open_with(&spool, SPOOL_PARTED, ids, COUNT(ids));
    take(&spool, &result);
    journal = state_of(&result);
    assert_string_equal(
        result.journals.strings[0],
        folder_path(&spool.folder, spool_journal(&spool, result.run)));
    assert_int_equal(journal.take_count, 2);
    assert_true(journal.has_begin && journal.has_end);
    assert_false(journal.is_delete);
    act_result_free(&result);
    spool_close(&spool);
}

/* By these an undo knows the very files. */
static void test_journal_knows_the_files(void **state)
{
    struct spool spool;
    struct act_result result;
    struct journal_entry entry;

    (void)state;
    spool_open(&spool, SPOOL_PARTED);
    spool_write(&spool, ID, "dead");
    folder_write(&spool.folder, spool_queued(&spool, 'x', ID), "said");
    spool_scan(&spool);
    take(&spool, &result);
    entry = noted_by(&result).entry;
    assert_string_equal(entry.id, ID);
    assert_int_equal(entry.letter, 'q');
    assert_int_equal(entry.created, SPOOL_CREATED);
    assert_int_equal(
        entry.control.inode,
        spool_stat(&spool, spool_held(&spool, result.run, 'q', ID)).st_ino);
    assert_int_equal(
        entry.data.inode,
        spool_stat(&spool, spool_held(&spool, result.run, 'd', ID)).st_ino);
    assert_int_equal(
        entry.transcript_inode,
        spool_stat(&spool, spool_held(&spool, result.run, 'x', ID)).st_ino);
    assert_int_equal(entry.control_folder_inode,
                     spool_stat(&spool, "q/qf").st_ino);
    assert_int_equal(entry.folder_inode, spool_stat(&spool, "q/df").st_ino);
    act_result_free(&result);
    spool_close(&spool);
}

static void test_deleted_for_good(void **state)
{
    static const char *const ids[] = {ID, OTHER_ID};
    struct spool spool;
    struct act_request request;
    struct act_result result;
    struct journal_state journal;

    (void)state;
    spool_open(&spool, SPOOL_PARTED);
    spool_write(&spool, ids[0], "dead");
    spool_write(&spool, ids[1], "rest");
    folder_write(&spool.folder, spool_queued(&spool, 'x', ID), "said");
    spool_scan(&spool);
    request = spool_request(&spool);
    request.is_delete = true;
    assert_true(act_take(&request, &result));
    assert_counts(&result, &(struct act_result){.purged = 1, .changed = 1});
    for (const char *letter = "qdx"; *letter != '\0'; letter++) {
        spool_assert_file(&spool, spool_queued(&spool, *letter, ID), NULL);
        spool_assert_file(&spool, spool_held(&spool, result.run, *letter, ID),
                          NULL);
    }
    spool_assert_queued(&spool, OTHER_ID);
    journal = state_of(&result);
    assert_int_equal(journal.take_count, 1);
    assert_true(journal.has_end && journal.is_delete);
    spool_assert_complaints(&spool, 0, NULL);
    act_result_free(&result);
    spool_close(&spool);
}

static bool is_any_wanted(void *context, const struct message *message,
                          const struct rules_verdict *verdict,
                          bool is_where_true)
{
    bool *has_rule = context;

    (void)message;
    *has_rule = verdict->rule != RULES_NO_RULE || verdict->purge;
    return is_where_true;
}

/* Its class goes by the kind of file, whatever a rule says. */
static void test_quarantined_goes_when_it_is_wanted(void **state)
{
    struct spool spool;
    struct act_request request;
    struct act_result result;
    bool has_rule = true;

    (void)state;
    spool_open(&spool, SPOOL_PLAIN);
    spool_write(&spool, ID, "quarantined");
    spool_scan(&spool);
    request = spool_request(&spool);
    request.still_wanted = is_any_wanted;
    request.context = &has_rule;
    assert_true(act_take(&request, &result));
    assert_counts(&result, &(struct act_result){.purged = 1});
    assert_false(has_rule);
    spool_assert_held(&spool, result.run, ID);
    act_result_free(&result);
    spool_close(&spool);
}

/* The fingerprint that the scan of a purge would have noted. */
static void note_basis(struct spool *spool)
{
    struct facts *row = &spool->scan.table.rows[0];
    struct message message;

    message_init(&message, &spool->scan.scene);
    assert_int_equal(message_load(&message, row, true), INPUT_OK);
    row->basis = message_basis(&message);
    assert_int_not_equal(row->basis, 0);
    message_free(&message);
}

/* Byte for byte what the scan saw: no rule is asked a second time. */
static void test_judged_again_only_without_its_fingerprint(void **state)
{
    (void)state;
    for (int has_basis = 0; has_basis <= 1; has_basis++) {
        struct spool spool;
        struct meddler nobody = {.spool = &spool};
        struct act_result result;

        open_with_one(&spool);
        if (has_basis)
            note_basis(&spool);
        take_beside(&nobody, &result);
        assert_int_equal(nobody.asked_count, !has_basis);
        assert_counts(&result, &(struct act_result){.purged = 1});
        spool_assert_held(&spool, result.run, ID);
        assert_class_and_rule(&result, "dead dead");
        act_result_free(&result);
        spool_close(&spool);
    }
}

/* What it is now is noted, not what it was. */
static void test_class_is_that_under_the_lock(void **state)
{
    struct spool spool;
    struct act_request request;
    struct act_result result;
    bool has_rule = false;

    (void)state;
    open_with_one(&spool);
    folder_write(&spool.folder, "q/qf" ID, spool_rest_text);
    request = spool_request(&spool);
    request.still_wanted = is_any_wanted;
    request.context = &has_rule;
    assert_true(act_take(&request, &result));
    assert_true(has_rule);
    assert_class_and_rule(&result, "rest rest");
    act_result_free(&result);
    spool_close(&spool);
}

static void test_fingerprint_of_other_bytes_is_none(void **state)
{
    static const char *const files[] = {"q/qf" ID, "q/df" ID};

    (void)state;
    for (size_t i = 0; i < COUNT(files); i++) {
        struct spool spool;
        struct meddler nobody = {.spool = &spool};
        struct act_result result;

        open_with_one(&spool);
        note_basis(&spool);
        folder_write(&spool.folder, files[i], spool_rest_text);
        take_beside(&nobody, &result);
        assert_int_equal(nobody.asked_count, 1);
        /* of what is now in it only the control file tells the class */
        assert_counts(
            &result, &(struct act_result){.purged = i == 1, .changed = i == 0});
        act_result_free(&result);
        spool_close(&spool);
    }
}

/* ---- plans ---- */

/* What is foreseen, happens. */
static void take_planned(struct spool *spool, const struct act_planned *planned,
                         struct act_result *result_r)
{
    struct act_request request = spool_request(spool);
    struct act_result foreseen = {.purged = 0};

    request.jobs[0].planned = planned;
    request.still_wanted = NULL; /* a plan is not judged again */
    act_foresee(&spool->scan, request.jobs, 1, &foreseen);
    assert_true(act_take(&request, result_r));
    assert_int_equal(foreseen.purged, result_r->purged);
    assert_int_equal(foreseen.changed, result_r->changed);
}

static void test_planned_file_goes_as_the_plan_says(void **state)
{
    struct spool spool;
    struct act_planned planned;
    struct act_result result;

    (void)state;
    spool_open(&spool, SPOOL_PLAIN);
    spool_write(&spool, ID, "rest");
    spool_scan(&spool);
    planned = spool_plan(&spool, "q/qf" ID);
    take_planned(&spool, &planned, &result);
    assert_counts(&result, &(struct act_result){.purged = 1});
    spool_assert_held(&spool, result.run, ID);
    assert_class_and_rule(&result, "by plan of yesterday");
    act_result_free(&result);
    spool_close(&spool);
}

static void test_another_file_than_planned_stays(void **state)
{
    struct spool spool;

    (void)state;
    open_with_one(&spool);
    for (int i = 0; i < 6; i++) {
        struct act_planned planned = spool_plan(&spool, "q/qf" ID);
        struct act_result result;

        planned.device += i == 0;
        planned.inode += i == 1;
        planned.size_bytes += i == 2;
        planned.mtime_nsec += i == 3;
        planned.ctime_nsec += i == 4;
        if (i == 5) /* the very file, but nothing to go with it */
            spool_move(&spool, "q/df" ID, "away");
        take_planned(&spool, &planned, &result);
        assert_counts(&result, &(struct act_result){.changed = 1});
        assert_no_run(&spool, &result);
    }
    spool_move(&spool, "away", "q/df" ID);
    spool_assert_queued(&spool, ID);
    spool_close(&spool);
}

/* ---- what is no more what it was ---- */

static void test_vanished_since_the_scan(void **state)
{
    static const char *const ids[] = {ID, OTHER_ID};
    struct spool spool;
    struct act_result result;

    (void)state;
    open_with(&spool, SPOOL_PLAIN, ids, COUNT(ids));
    spool_remove(&spool, "q/qf" ID);
    take(&spool, &result);
    assert_counts(&result, &(struct act_result){.purged = 1, .vanished = 1});
    spool_assert_held(&spool, result.run, OTHER_ID);
    assert_true(spool_has(&spool, "q/df" ID));
    act_result_free(&result);
    spool_close(&spool);
}

static void test_rewritten_since_the_scan_is_judged_again(void **state)
{
    struct spool spool;

    (void)state;
    open_with_one(&spool);
    folder_write(&spool.folder, "q/qf" ID, spool_rest_text);
    assert_only_changed(&spool);
    /* without its last line, which says that it is whole */
    open_with_one(&spool);
    folder_write_bytes(&spool.folder, "q/qf" ID, spool.messages[0].control,
                       strlen(spool.messages[0].control) - 2);
    assert_only_changed(&spool);
}

static void test_where_is_asked_again(void **state)
{
    struct spool spool;

    (void)state;
    spool_open(&spool, SPOOL_PLAIN);
    spool_write(&spool, ID, "dead");
    spool.where = rules_compile_condition(
        spool.rules, SLICE_LITERAL("sender is eve@example.net"), NULL, NULL);
    assert_non_null(spool.where);
    spool_scan(&spool);
    assert_only_changed(&spool);
}

static void test_without_df_it_stays(void **state)
{
    struct spool spool;

    (void)state;
    open_with_one(&spool);
    spool_remove(&spool, "q/df" ID);
    assert_only_changed(&spool);
    /* no regular one either */
    open_with_one(&spool);
    spool_remove(&spool, "q/df" ID);
    folder_make(&spool.folder, "q/df" ID);
    assert_only_changed(&spool);
    /* nor was there one when it was judged */
    spool_open(&spool, SPOOL_PLAIN);
    spool_write(&spool, ID, "dead");
    spool_remove(&spool, "q/df" ID);
    spool_scan(&spool);
    assert_only_changed(&spool);
}

static void make_link_of(struct spool *spool, const char *target)
{
    spool_move(spool, "q/qf" ID, "other");
    folder_need(symlink(target, folder_path(&spool->folder, "q/qf" ID)) == 0,
                "symlink");
}

static void test_odd_files_stay(void **state)
{
    struct spool spool;

    (void)state;
    open_with_one(&spool);
    folder_need(link(folder_path(&spool.folder, "q/qf" ID),
                     folder_path(&spool.folder, "other")) == 0,
                "link");
    assert_only_changed(&spool);
    open_with_one(&spool);
    make_link_of(&spool, "../other");
    assert_only_changed(&spool);
    open_with_one(&spool);
    make_link_of(&spool, "../none");
    assert_only_changed(&spool);
    open_with_one(&spool);
    spool_remove(&spool, "q/qf" ID);
    folder_need(mkfifo(folder_path(&spool.folder, "q/qf" ID), 0600) == 0,
                "mkfifo");
    assert_only_changed(&spool);
}

static void test_what_cannot_be_opened_has_failed(void **state)
{
    struct spool spool;
    struct act_result result;

    (void)state;
    open_with_one(&spool);
    spool_move(&spool, "q/qf" ID, "away");
    folder_make(&spool.folder, "q/qf" ID);
    take(&spool, &result);
    assert_counts(&result, &(struct act_result){.failed = 1});
    assert_no_run(&spool, &result);
    spool_assert_complaints(&spool, 1, "cannot be opened");
    spool_close(&spool);
}

static void test_id_that_no_text_can_carry_stays(void **state)
{
    struct spool spool;

    (void)state;
    spool_open(&spool, SPOOL_PLAIN);
    spool_write(&spool, "6AMHqPjw\"23670", "dead");
    spool_scan(&spool);
    assert_only_changed(&spool);
}

static void write_beside(struct spool *spool, char letter)
{
    folder_write(&spool->folder, spool_queued(spool, letter, ID), "V8\n");
}

/* df may belong to the other, as well. */
static void test_in_company_it_stays(void **state)
{
    static const char letters[] = "hQt";
    struct spool spool;

    (void)state;
    for (const char *letter = letters; *letter != '\0'; letter++) {
        /* came after the names were listed, unwatched and watched */
        open_with_one(&spool);
        write_beside(&spool, *letter);
        assert_only_changed(&spool);
        open_with_one(&spool);
        spool.scan.newnames = newnames_new(&spool.set);
        write_beside(&spool, *letter);
        assert_only_changed(&spool);
    }
    /* was listed, and nothing came since */
    spool_open(&spool, SPOOL_PLAIN);
    spool_write(&spool, ID, "dead");
    write_beside(&spool, 't');
    spool_scan(&spool);
    spool.scan.newnames = newnames_new(&spool.set);
    assert_only_changed(&spool);
}

/* ---- who else is at it ---- */

enum lock_kind { LOCK_FLOCK, LOCK_FCNTL, LOCK_FCNTL_SHARED };

/* Another process that has the file locked when this returns, until it is
 * ended by unlock. */
static pid_t lock(struct spool *spool, const char *name, enum lock_kind kind)
{
    const char *path = folder_path(&spool->folder, name);
    struct flock whole = {.l_type = kind == LOCK_FCNTL ? F_WRLCK : F_RDLCK,
                          .l_whence = SEEK_SET};
    int ready[2];
    char byte;
    pid_t child;

    folder_need(pipe(ready) == 0, "pipe");
    child = fork();
    folder_need(child >= 0, "fork");
    if (child == 0) {
        int fd;

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        fd = open(path, O_RDWR);
        if (fd < 0 || (kind == LOCK_FLOCK ? flock(fd, LOCK_EX)
                                          : fcntl(fd, F_SETLK, &whole)) < 0)
            _exit(1);
        folder_need(write(ready[1], "", 1) == 1, "write");
        for (;;)
            pause();
    }
    close(ready[1]);
    folder_need(read(ready[0], &byte, 1) == 1, "no lock");
    close(ready[0]);
    return child;
}

static void unlock(pid_t locker)
{
    kill(locker, SIGKILL);
    folder_need(waitpid(locker, NULL, 0) == locker, "waitpid");
}

static void test_busy_by_whichever_lock(void **state)
{
    static const char *const ids[] = {ID, OTHER_ID, THIRD_ID, FOURTH_ID};
    struct spool spool;
    struct act_result result;
    pid_t lockers[3];

    (void)state;
    open_with(&spool, SPOOL_PLAIN, ids, COUNT(ids));
    for (int kind = LOCK_FLOCK; kind <= LOCK_FCNTL_SHARED; kind++)
        lockers[kind] = lock(&spool, spool_queued(&spool, 'q', ids[kind]),
                             (enum lock_kind)kind);
    take(&spool, &result);
    assert_counts(&result, &(struct act_result){.purged = 1, .busy = 3});
    for (size_t i = 0; i < COUNT(lockers); i++)
        spool_assert_queued(&spool, ids[i]);
    spool_assert_held(&spool, result.run, FOURTH_ID);
    spool_assert_complaints(&spool, 3, ": busy; kept");
    act_result_free(&result);
    /* a next run is not in the way of itself */
    for (size_t i = 0; i < COUNT(lockers); i++)
        unlock(lockers[i]);
    spool_scan(&spool);
    take(&spool, &result);
    assert_counts(&result, &(struct act_result){.purged = 3});
    act_result_free(&result);
    spool_close(&spool);
}

/* It may be locked by who is about to write it, and is not tried: a lock would
 * make sendmail refuse the mail. */
static void test_newborn_is_not_locked(void **state)
{
    struct spool spool;
    pid_t locker;

    (void)state;
    open_with_one(&spool);
    folder_write(&spool.folder, "q/qf" ID, "");
    locker = lock(&spool, "q/qf" ID, LOCK_FLOCK);
    assert_only_changed(&spool);
    unlock(locker);
}

static void rewrite_control(void)
{
    folder_write(&meddled->folder, "q/tf" ID, meddled->messages[0].control);
    spool_move(meddled, "q/tf" ID, "q/qf" ID);
}

static void remove_control(void)
{
    spool_remove(meddled, "q/qf" ID);
}

static void test_locked_is_not_what_bears_the_name(void **state)
{
    struct spool spool;
    struct act_result result;

    (void)state;
    meddled = &spool;
    /* the same text, but of another inode, which nobody has locked */
    open_with_one(&spool);
    before_lock = rewrite_control;
    take(&spool, &result);
    assert_null(before_lock);
    assert_counts(&result, &(struct act_result){.changed = 1});
    spool_assert_queued(&spool, ID);
    spool_close(&spool);

    open_with_one(&spool);
    before_lock = remove_control;
    take(&spool, &result);
    assert_counts(&result, &(struct act_result){.vanished = 1});
    assert_no_run(&spool, &result);
    spool_close(&spool);
}

static void end_delivery(struct meddler *meddler)
{
    unlock(meddler->locker);
}

static void test_busy_has_a_second_chance(void **state)
{
    static const char *const ids[] = {ID, OTHER_ID};
    struct spool spool;
    struct meddler delivery = {.spool = &spool, .meddle = end_delivery};
    struct act_result result;

    (void)state;
    open_with(&spool, SPOOL_PLAIN, ids, COUNT(ids));
    delivery.locker = lock(&spool, "q/qf" ID, LOCK_FCNTL);
    take_beside(&delivery, &result);
    assert_counts(&result, &(struct act_result){.purged = 2});
    spool_assert_held(&spool, result.run, ID);
    spool_assert_held(&spool, result.run, OTHER_ID);
    spool_assert_complaints(&spool, 0, NULL);
    act_result_free(&result);
    spool_close(&spool);
}

static bool is_locked_for_others(struct spool *spool, const char *name)
{
    int fd = open(folder_path(&spool->folder, name), O_RDWR);
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    bool is_flocked, is_locked;

    folder_need(fd >= 0, name);
    is_flocked = flock(fd, LOCK_EX | LOCK_NB) < 0;
    is_locked = fcntl(fd, F_OFD_GETLK, &whole) == 0 && whole.l_type != F_UNLCK;
    close(fd);
    return is_flocked && is_locked;
}

static void see_locks(struct meddler *meddler)
{
    folder_need(is_locked_for_others(meddler->spool, "q/qf" ID),
                "not locked both ways");
}

static void test_both_locks_are_held_meanwhile(void **state)
{
    struct spool spool;
    struct meddler sendmail = {.spool = &spool, .meddle = see_locks};
    struct act_result result;

    (void)state;
    open_with_one(&spool);
    take_beside(&sendmail, &result);
    assert_int_equal(sendmail.asked_count, 1);
    assert_counts(&result, &(struct act_result){.purged = 1});
    assert_false(
        is_locked_for_others(&spool, spool_held(&spool, result.run, 'q', ID)));
    act_result_free(&result);
    spool_close(&spool);
}

static void take_control_away(struct meddler *meddler)
{
    spool_move(meddler->spool, "q/qf" ID, "away");
}

static void test_vanished_before_its_renaming(void **state)
{
    struct spool spool;
    struct meddler deleter = {.spool = &spool, .meddle = take_control_away};
    struct act_result result;

    (void)state;
    open_with_one(&spool);
    take_beside(&deleter, &result);
    assert_counts(&result, &(struct act_result){.vanished = 1});
    assert_no_run(&spool, &result);
    spool_move(&spool, "away", "q/qf" ID);
    spool_assert_queued(&spool, ID);
    spool_close(&spool);
}

static void take_held_name(struct meddler *meddler, char letter)
{
    folder_write(&meddler->spool->folder,
                 spool_held(meddler->spool, meddler->result->run, letter, ID),
                 "was here first");
}

static void take_held_control_name(struct meddler *meddler)
{
    take_held_name(meddler, 'q');
}

static void take_held_data_name(struct meddler *meddler)
{
    take_held_name(meddler, 'd');
}

static void take_held_transcript_name(struct meddler *meddler)
{
    take_held_name(meddler, 'x');
}

/* The other message of the batch goes all the same. */
static void test_name_is_taken_in_the_holding_folder(void **state)
{
    static const struct {
        char letter;
        void (*meddle)(struct meddler *meddler);
        const char *complaint;
    } cases[] = {
        {'q', take_held_control_name, "cannot be taken: File exists; kept"},
        {'d', take_held_data_name,
         "its df cannot be taken: File exists; put back"},
    };
    static const char *const ids[] = {ID, OTHER_ID};

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct spool spool;
        struct meddler other = {.spool = &spool, .meddle = cases[i].meddle};
        struct act_result result;
        const char *held;

        open_with(&spool, SPOOL_PLAIN, ids, COUNT(ids));
        take_beside(&other, &result);
        assert_counts(&result, &(struct act_result){.purged = 1, .failed = 1});
        spool_assert_held(&spool, result.run, OTHER_ID);
        held = spool_held(&spool, result.run, cases[i].letter, ID);
        spool_assert_file(&spool, held, "was here first");
        spool_remove(&spool, held);
        spool_assert_queued(&spool, ID);
        spool_assert_complaints(&spool, 1, cases[i].complaint);
        /* nothing is torn */
        assert_true(state_of(&result).has_end);
        act_result_free(&result);
        spool_close(&spool);
    }
}

/* The message went: its transcript is left to who completes the run. */
static void test_transcript_that_cannot_follow_leaves_no_end(void **state)
{
    struct spool spool;
    struct meddler other = {.spool = &spool,
                            .meddle = take_held_transcript_name};
    struct act_result result;

    (void)state;
    open_with_one(&spool);
    folder_write(&spool.folder, "q/xf" ID, "said");
    spool_scan(&spool);
    take_beside(&other, &result);
    assert_counts(&result, &(struct act_result){.purged = 1});
    spool_assert_held(&spool, result.run, ID);
    spool_assert_file(&spool, "q/xf" ID, "said");
    assert_false(state_of(&result).has_end);
    spool_assert_complaints(&spool, 1, "the next purge completes it");
    act_result_free(&result);
    spool_close(&spool);
}

static void break_disk(struct meddler *meddler)
{
    (void)meddler;
    fails_to_sync_folders = true;
}

/* A crash could forget that they went. */
static void test_what_the_disk_does_not_confirm_is_put_back(void **state)
{
    static const char *const ids[] = {ID, OTHER_ID};
    struct spool spool;
    struct meddler disk = {.spool = &spool, .meddle = break_disk};
    struct act_result result;

    (void)state;
    open_with(&spool, SPOOL_PARTED, ids, COUNT(ids));
    take_beside(&disk, &result);
    fails_to_sync_folders = false;
    assert_counts(&result, &(struct act_result){.failed = 2});
    spool_assert_queued(&spool, ID);
    spool_assert_queued(&spool, OTHER_ID);
    spool_assert_complaints(&spool, spool.complaints.count,
                            "taking it cannot be made sure; put back");
    act_result_free(&result);
    spool_close(&spool);
}

/* ---- runs ---- */

static void test_run_never_joins_another_of_its_name(void **state)
{
    struct spool spool;
    struct act_result result;
    char name[HOLD_RUN_MAX], folder[SPOOL_NAME_MAX];

    (void)state;
    open_with_one(&spool);
    stopped_clock = 1795375579;
    hold_new_run_name(name, 0);
    snprintf(folder, sizeof(folder), "q/" HOLD_ROOT "/%s", name);
    folder_make(&spool.folder, folder);
    folder_write(&spool.folder, spool_held(&spool, name, 'q', "other"), "x");
    take(&spool, &result);
    stopped_clock = 0;
    assert_counts(&result, &(struct act_result){.purged = 1});
    assert_string_not_equal(result.run, name);
    assert_int_equal(hold_run_time(result.run), 1795375579);
    spool_assert_held(&spool, result.run, ID);
    spool_assert_file(&spool, spool_held(&spool, name, 'q', "other"), "x");
    spool_assert_file(&spool, spool_journal(&spool, name), NULL);
    act_result_free(&result);
    spool_close(&spool);
}

static void test_journal_elsewhere(void **state)
{
    static const char *const ids[] = {ID, OTHER_ID};
    struct spool spool;
    struct act_result result;
    char name[SPOOL_NAME_MAX];

    (void)state;
    open_with(&spool, SPOOL_PLAIN, ids, COUNT(ids));
    spool_put_journals_elsewhere(&spool);
    take(&spool, &result);
    assert_counts(&result, &(struct act_result){.purged = 2});
    snprintf(name, sizeof(name), "journals/%s.journal", result.run);
    assert_true(spool_has(&spool, name));
    assert_int_equal(state_of(&result).take_count, 2);
    spool_assert_file(&spool, spool_journal(&spool, result.run), NULL);
    act_result_free(&result);

    /* a run that took nothing takes its journal back */
    folder_write(&spool.folder, "q/qf" THIRD_ID, spool_rest_text);
    folder_write(&spool.folder, "q/df" THIRD_ID, "x");
    spool_scan(&spool);
    spool_remove(&spool, name);
    take(&spool, &result);
    assert_counts(&result, &(struct act_result){.changed = 1});
    assert_int_equal(rmdir(spool.journals), 0);
    spool_close(&spool);
}

/* Before the first message goes. */
static void assert_nothing_done(struct spool *spool, const char *complaint)
{
    struct act_request request = spool_request(spool);
    struct act_result result;

    assert_false(act_take(&request, &result));
    assert_counts(&result, &(struct act_result){.purged = 0});
    assert_int_equal(result.journals.count, 0);
    spool_assert_queued(spool, ID);
    spool_assert_complaints(spool, 1, complaint);
    act_result_free(&result);
    spool_close(spool);
}

static void test_without_a_journal_nothing_is_done(void **state)
{
    struct spool spool;

    (void)state;
    open_with_one(&spool);
    spool.options.journal_directory = "/dev/null/none";
    assert_nothing_done(&spool, "journal cannot be written");
}

static void test_without_a_holding_folder_nothing_is_done(void **state)
{
    struct spool spool;

    (void)state;
    /* somebody else's */
    open_with_one(&spool);
    folder_make(&spool.folder, "q/" HOLD_ROOT);
    spool.set.folders[0].owner = geteuid() + 1;
    assert_nothing_done(&spool, "holding folder cannot be made");
}

/* Where sendmail would take it for a queue. */
static void test_where_no_holding_folder_may_be(void **state)
{
    struct spool spool;
    struct act_request request;

    (void)state;
    open_with_one(&spool);
    request = spool_request(&spool);
    assert_true(act_may_hold(&spool.scan, request.jobs, request.job_count));
    assert_true(
        string_list_add(&spool.set.open_bases,
                        slice_from_string(folder_path(&spool.folder, "q"))));
    assert_true(act_may_hold(&spool.scan, request.jobs, 0));
    assert_false(act_may_hold(&spool.scan, request.jobs, request.job_count));
    spool_assert_complaints(&spool, 1, "for a queue");
    spool_close(&spool);
}

/* All at once: each message has one fate, none is counted twice. */
static void test_counts_add_up(void **state)
{
    static const char *const ids[] = {
        "6AMHqPjw023670", "6AMHqPjw023671", "6AMHqPjw023672", "6AMHqPjw023673",
        "6AMHqPjw023674", "6AMHqPjw023675", "6AMHqPjw023676"};
    struct spool spool;
    struct act_result result;
    pid_t locker;

    (void)state;
    spool_open(&spool, SPOOL_PLAIN);
    spool.options.workers = 2;
    for (size_t i = 0; i < COUNT(ids); i++)
        spool_write(&spool, ids[i], "dead");
    spool_scan(&spool);
    spool_remove(&spool, "q/qf6AMHqPjw023670");
    folder_write(&spool.folder, "q/qf6AMHqPjw023671", "");
    spool_remove(&spool, "q/df6AMHqPjw023672");
    spool_remove(&spool, "q/qf6AMHqPjw023673");
    folder_make(&spool.folder, "q/qf6AMHqPjw023673");
    locker = lock(&spool, "q/qf6AMHqPjw023674", LOCK_FLOCK);
    take(&spool, &result);
    unlock(locker);
    assert_counts(
        &result,
        &(struct act_result){
            .purged = 2, .busy = 1, .changed = 2, .vanished = 1, .failed = 1});
    assert_int_equal(result.unreached, 0);
    spool_assert_held(&spool, result.run, ids[5]);
    spool_assert_held(&spool, result.run, ids[6]);
    assert_int_equal(state_of(&result).take_count, 2);
    act_result_free(&result);
    spool_close(&spool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_ids),
        cmocka_unit_test(test_move_never_replaces),
        cmocka_unit_test(test_sync_of_both_folders),
        cmocka_unit_test(test_complaint_has_its_reason),
        cmocka_unit_test(test_no_syslog_where_it_is_not_wanted),
        cmocka_unit_test(test_taken_in_every_layout),
        cmocka_unit_test(test_one_shared_table_is_shared_by_all),
        cmocka_unit_test(test_journal_names_what_was_taken),
        cmocka_unit_test(test_journal_knows_the_files),
        cmocka_unit_test(test_deleted_for_good),
        cmocka_unit_test(test_quarantined_goes_when_it_is_wanted),
        cmocka_unit_test(test_judged_again_only_without_its_fingerprint),
        cmocka_unit_test(test_class_is_that_under_the_lock),
        cmocka_unit_test(test_fingerprint_of_other_bytes_is_none),
        cmocka_unit_test(test_planned_file_goes_as_the_plan_says),
        cmocka_unit_test(test_another_file_than_planned_stays),
        cmocka_unit_test(test_vanished_since_the_scan),
        cmocka_unit_test(test_rewritten_since_the_scan_is_judged_again),
        cmocka_unit_test(test_where_is_asked_again),
        cmocka_unit_test(test_without_df_it_stays),
        cmocka_unit_test(test_odd_files_stay),
        cmocka_unit_test(test_what_cannot_be_opened_has_failed),
        cmocka_unit_test(test_id_that_no_text_can_carry_stays),
        cmocka_unit_test(test_in_company_it_stays),
        cmocka_unit_test(test_busy_by_whichever_lock),
        cmocka_unit_test(test_newborn_is_not_locked),
        cmocka_unit_test(test_locked_is_not_what_bears_the_name),
        cmocka_unit_test(test_busy_has_a_second_chance),
        cmocka_unit_test(test_both_locks_are_held_meanwhile),
        cmocka_unit_test(test_vanished_before_its_renaming),
        cmocka_unit_test(test_name_is_taken_in_the_holding_folder),
        cmocka_unit_test(test_transcript_that_cannot_follow_leaves_no_end),
        cmocka_unit_test(test_what_the_disk_does_not_confirm_is_put_back),
        cmocka_unit_test(test_run_never_joins_another_of_its_name),
        cmocka_unit_test(test_journal_elsewhere),
        cmocka_unit_test(test_without_a_journal_nothing_is_done),
        cmocka_unit_test(test_without_a_holding_folder_nothing_is_done),
        cmocka_unit_test(test_where_no_holding_folder_may_be),
        cmocka_unit_test(test_counts_add_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
