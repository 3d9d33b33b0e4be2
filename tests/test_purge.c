/* The modes that take and undo: their exit status, what they say, and what is
 * where afterwards. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <time.h>

#include <jansson.h>

#include "qscan/interrupt.h"
#include "qscan/purge.h"
#include "tests/heard.h"
#include "tests/spool.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define RUN "20200101T120000Z-1"
#define LATER_RUN "20210101T000000Z-1"
#define ID "6AMHqPjw023670"
#define OTHER_ID "6AMHqPjw023671"
#define REST_ID "6AMHqPjw023672"

enum { DONE = 0, SOMETHING_FAILED = 1, NOTHING_DONE = 2 };

enum { DAY_SEC = 24 * 3600 };

/* Nothing is that old. */
static const int64_t CENTURY_SEC = INT64_C(36525) * DAY_SEC;

struct purging {
    struct spool spool;
    struct config config;
    json_t *lines; /* what the last mode said */
};

/* Two messages that go and one that stays. */
static void begin(struct purging *purging)
{
    *purging = (struct purging){.config = {.return_sec = CENTURY_SEC}};
    spool_open(&purging->spool, SPOOL_PLAIN);
    purging->spool.options.format = FORMAT_JSON;
    spool_write(&purging->spool, ID, "dead");
    spool_write(&purging->spool, OTHER_ID, "dead");
    spool_write(&purging->spool, REST_ID, "rest");
    spool_scan(&purging->spool);
}

/* A run that holds one message, and a later one that holds another. */
static void begin_with_runs(struct purging *purging)
{
    *purging = (struct purging){.config = {.return_sec = CENTURY_SEC}};
    spool_open(&purging->spool, SPOOL_PLAIN);
    purging->spool.options.format = FORMAT_JSON;
    spool_write(&purging->spool, ID, "dead");
    spool_run(&purging->spool, RUN, false);
    spool_write(&purging->spool, OTHER_ID, "dead");
    spool_run(&purging->spool, LATER_RUN, false);
}

static void end(struct purging *purging)
{
    json_decref(purging->lines);
    spool_close(&purging->spool);
}

static void read_lines(struct purging *purging)
{
    char *text = spool_text(&purging->spool, "out"), *rest = text, *line;

    json_decref(purging->lines);
    purging->lines = json_array();
    while ((line = strsep(&rest, "\n")) != NULL && line[0] != '\0')
        if (json_array_append_new(purging->lines, json_loads(line, 0, NULL)) !=
            0)
            fail_msg("no JSON: %s", line);
    free(text);
}

static int run_unread(struct purging *purging,
                      int (*mode)(const struct purge_request *request))
{
    struct spool *spool = &purging->spool;
    struct output output;
    struct purge_request request = {.options = &spool->options,
                                    .config = &purging->config,
                                    .queues = &spool->set,
                                    .scan = &spool->scan,
                                    .complaints = &spool->complaints,
                                    .output = &output};
    int status;

    folder_need(output_open(&output, folder_path(&spool->folder, "out"),
                            &spool->complaints),
                "out");
    status = mode(&request);
    folder_need(output_close(&output, true), "out");
    return status;
}

static int run(struct purging *purging,
               int (*mode)(const struct purge_request *request))
{
    int status = run_unread(purging, mode);

    read_lines(purging);
    return status;
}

static int purge(struct purging *purging)
{
    return run(purging, purge_run);
}

static int undo(struct purging *purging, const char *name)
{
    purging->spool.options.mode = MODE_UNDO;
    purging->spool.options.run = name;
    return run(purging, purge_undo);
}

static int expunge(struct purging *purging, const char *name)
{
    purging->spool.options.mode = MODE_EXPUNGE;
    purging->spool.options.run = name;
    return run(purging, purge_expunge);
}

static int list_runs(struct purging *purging)
{
    purging->spool.options.mode = MODE_RUNS;
    return run(purging, purge_list_runs);
}

/* The line of a message or a run, by its id or name. */
static const json_t *line_of(const struct purging *purging, const char *key,
                             const char *value)
{
    for (size_t i = 0; i < json_array_size(purging->lines); i++) {
        const json_t *line = json_array_get(purging->lines, i);
        const char *got = json_string_value(json_object_get(line, key));

        if (got != NULL && strcmp(got, value) == 0)
            return line;
    }
    fail_msg("no line of %s %s", key, value);
    return NULL;
}

static const char *text_of(const json_t *line, const char *key)
{
    const char *text = json_string_value(json_object_get(line, key));

    return text == NULL ? "" : text;
}

/* The last line is the result. */
static const json_t *result_of(const struct purging *purging)
{
    size_t count = json_array_size(purging->lines);

    assert_true(count > 0);
    return json_array_get(purging->lines, count - 1);
}

/* "purged=2 kept=1": numbers and true ones of the result. */
static void assert_result(const struct purging *purging, const char *want)
{
    char words[256], *rest = words, *word;

    snprintf(words, sizeof(words), "%s", want);
    while ((word = strsep(&rest, " ")) != NULL) {
        char *value = strchr(word, '=');
        const json_t *got;

        *value++ = '\0';
        got = json_object_get(result_of(purging), word);
        if (!json_is_integer(got) || json_integer_value(got) != atoll(value))
            fail_msg("%s: %lld, want %s", word,
                     (long long)json_integer_value(got), value);
    }
}

static bool is_dry(const struct purging *purging)
{
    const json_t *value = json_object_get(result_of(purging), "dry_run");

    assert_true(json_is_boolean(value));
    return json_is_true(value);
}

static void assert_untouched(struct purging *purging)
{
    for (size_t i = 0; i < purging->spool.message_count; i++)
        spool_assert_queued(&purging->spool, purging->spool.messages[i].id);
    assert_false(spool_has(&purging->spool, "q/" HOLD_ROOT));
}

static void add_word(struct string_list *list, const char *word)
{
    assert_true(string_list_add(list, slice_from_string(word)));
}

/* ---- classes ---- */

static void test_classes_that_may_be_named(void **state)
{
    static const struct {
        const char *class;
        bool may_select;
        const char *refusal; /* of taking it; NULL: none */
    } cases[] = {
        {"dead", true, NULL},
        {"rest", true, NULL},
        {"quarantined", true, NULL},
        {"unclassified", true, NULL},
        {"damaged", true, "cannot be purged yet"},
        {"lost", true, "cannot be purged yet"},
        {"orphan", true, "cannot be purged yet"},
        {"unheard-of", false, "unknown class"},
        {"", false, "unknown class"},
    };
    struct purging purging;
    struct spool *spool = &purging.spool;

    (void)state;
    begin(&purging);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct options options = {.mode = MODE_LIST};

        add_word(&options.classes, "dead");
        add_word(&options.classes, cases[i].class);
        if (purge_check_classes(&options, spool->rules, &spool->complaints) !=
            cases[i].may_select)
            fail_msg("--class=%s", cases[i].class);
        spool_assert_complaints(spool, !cases[i].may_select, NULL);
        string_list_free(&options.classes);

        add_word(&options.purge_classes, "dead");
        add_word(&options.purge_classes, cases[i].class);
        if (purge_check_classes(&options, spool->rules, &spool->complaints) !=
            (cases[i].refusal == NULL))
            fail_msg("--purge=%s", cases[i].class);
        spool_assert_complaints(spool, cases[i].refusal != NULL,
                                cases[i].refusal);
        string_list_free(&options.purge_classes);
    }
    end(&purging);
}

/* ---- purging ---- */

static void test_bounces_are_taken_unasked(void **state)
{
    struct purging purging;
    const char *run_name, *path;

    (void)state;
    begin(&purging);
    assert_int_equal(purge(&purging), DONE);
    assert_result(&purging, "purged=2 kept=1 busy=0 changed=0 vanished=0 "
                            "failed=0 unreached=0");
    assert_false(is_dry(&purging));
    run_name = text_of(result_of(&purging), "run");
    spool_assert_held(&purging.spool, run_name, ID);
    spool_assert_held(&purging.spool, run_name, OTHER_ID);
    spool_assert_queued(&purging.spool, REST_ID);
    path = folder_path(&purging.spool.folder,
                       spool_journal(&purging.spool, run_name));
    assert_string_equal(text_of(result_of(&purging), "journal"), path);
    assert_non_null(strstr(text_of(result_of(&purging), "undo"), run_name));
    /* there is nothing more to take */
    spool_scan(&purging.spool);
    assert_int_equal(purge(&purging), DONE);
    assert_result(&purging, "purged=0 kept=1 held_bytes=0");
    assert_string_equal(text_of(result_of(&purging), "run"), "");
    end(&purging);
}

static void test_dry_run_says_what_would_go_and_why(void **state)
{
    static const struct {
        const char *id, *action, *why;
    } lines[] = {
        {ID, "hold", "dead"},
        {OTHER_ID, "hold", "dead"},
        {REST_ID, "keep", "rest"},
        {"6AMHqPjw023673", "keep", "by kind of file, not by rule"},
        {"6AMHqPjw\"23674", "keep", "its id is not plain text"},
        {"6AMHqPjw023675", "keep", "a tf beside it: being rewritten"},
        {"6AMHqPjw023676", "keep", "by kind of file, not by rule"},
    };
    struct purging purging;
    struct spool *spool = &purging.spool;

    (void)state;
    begin(&purging);
    spool_write(spool, lines[3].id, "quarantined");
    spool_write(spool, lines[4].id, "dead");
    spool_write(spool, lines[5].id, "dead");
    folder_write(&spool->folder, "q/tf6AMHqPjw023675", "");
    folder_write(&spool->folder, "q/qf6AMHqPjw023676", "V8\nS<ann@exam");
    spool_scan(spool);
    spool->options.is_dry_run = true;
    assert_int_equal(purge(&purging), DONE);
    assert_result(&purging, "purged=2 kept=5");
    assert_true(is_dry(&purging));
    assert_string_equal(text_of(result_of(&purging), "run"), "");
    assert_int_equal(json_array_size(purging.lines), COUNT(lines) + 1);
    for (size_t i = 0; i < COUNT(lines); i++) {
        const json_t *line = line_of(&purging, "id", lines[i].id);

        assert_string_equal(text_of(line, "action"), lines[i].action);
        assert_string_equal(text_of(line, "why"), lines[i].why);
    }
    assert_untouched(&purging);
    spool->options.is_delete = true;
    assert_int_equal(purge(&purging), DONE);
    assert_string_equal(text_of(line_of(&purging, "id", ID), "action"),
                        "delete");
    assert_untouched(&purging);
    end(&purging);
}

static void test_deleting_needs_yes(void **state)
{
    struct purging purging;

    (void)state;
    begin(&purging);
    purging.spool.options.is_delete = true;
    assert_int_equal(purge(&purging), NOTHING_DONE);
    assert_untouched(&purging);
    spool_assert_complaints(&purging.spool, 1,
                            "needs --yes without a terminal");
    purging.spool.options.is_yes = true;
    assert_int_equal(purge(&purging), DONE);
    assert_result(&purging, "purged=2 kept=1 held_bytes=0");
    assert_string_equal(text_of(result_of(&purging), "undo"), "");
    spool_assert_file(&purging.spool, "q/qf" ID, NULL);
    spool_assert_file(&purging.spool, "q/df" ID, NULL);
    spool_assert_queued(&purging.spool, REST_ID);
    assert_int_equal(list_runs(&purging), DONE);
    assert_string_equal(text_of(result_of(&purging), "state"), "deleted");
    end(&purging);
}

/* Of a class that no purge rule gives nobody has judged that it may go. */
static void test_unjudged_class_needs_yes(void **state)
{
    struct purging purging;
    struct options *options = &purging.spool.options;
    const char *run_name;

    (void)state;
    begin(&purging);
    options->mode = MODE_PURGE_CLASS;
    add_word(&options->purge_classes, "dead");
    add_word(&options->purge_classes, "rest");
    assert_int_equal(purge(&purging), NOTHING_DONE);
    assert_untouched(&purging);
    spool_assert_complaints(&purging.spool, 1,
                            "needs --yes without a terminal");
    string_list_free(&options->purge_classes);
    add_word(&options->purge_classes, "rest");
    options->is_yes = true;
    assert_int_equal(purge(&purging), DONE);
    assert_result(&purging, "purged=1 kept=2");
    run_name = text_of(result_of(&purging), "run");
    spool_assert_held(&purging.spool, run_name, REST_ID);
    spool_assert_queued(&purging.spool, ID);
    end(&purging);

    /* a purge rule gives this one; what is being rewritten stays even so */
    begin(&purging);
    folder_write(&purging.spool.folder, "q/tf" ID, "");
    spool_scan(&purging.spool);
    options->mode = MODE_PURGE_CLASS;
    add_word(&options->purge_classes, "dead");
    assert_int_equal(purge(&purging), DONE);
    assert_result(&purging, "purged=1 kept=2 changed=0");
    end(&purging);
}

static void test_quarantined_goes_by_its_class_alone(void **state)
{
    struct purging purging;
    struct options *options = &purging.spool.options;
    const char *run_name;

    (void)state;
    begin(&purging);
    spool_write(&purging.spool, "6AMHqPjw023673", "quarantined");
    spool_scan(&purging.spool);
    options->mode = MODE_PURGE_CLASS;
    options->is_yes = true;
    add_word(&options->purge_classes, "quarantined");
    assert_int_equal(purge(&purging), DONE);
    assert_result(&purging, "purged=1 kept=3");
    run_name = text_of(result_of(&purging), "run");
    spool_assert_held(&purging.spool, run_name, "6AMHqPjw023673");
    end(&purging);
}

static void test_narrowed_to_ids_and_classes(void **state)
{
    struct purging purging;
    struct options *options = &purging.spool.options;
    const char *run_name;

    (void)state;
    begin(&purging);
    add_word(&options->classes, "rest");
    assert_int_equal(purge(&purging), DONE);
    assert_result(&purging, "purged=0 kept=1");
    assert_untouched(&purging);
    string_list_free(&options->classes);
    add_word(&options->ids, OTHER_ID);
    add_word(&options->ids, REST_ID);
    assert_int_equal(purge(&purging), DONE);
    assert_result(&purging, "purged=1 kept=1");
    run_name = text_of(result_of(&purging), "run");
    spool_assert_held(&purging.spool, run_name, OTHER_ID);
    spool_assert_queued(&purging.spool, ID);
    end(&purging);
}

static void test_judged_otherwise_under_the_lock(void **state)
{
    static const struct {
        enum mode mode;
        const char *purge_classes[2], *class;
    } cases[] = {
        {MODE_PURGE_BOUNCES, {NULL}, NULL},
        {MODE_PURGE_CLASS, {"dead"}, NULL},
        /* it would go as well, but for --class */
        {MODE_PURGE_CLASS, {"dead", "rest"}, "dead"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct purging purging;
        struct options *options = &purging.spool.options;

        begin(&purging);
        options->mode = cases[i].mode;
        options->is_yes = true;
        for (size_t c = 0; c < 2 && cases[i].purge_classes[c] != NULL; c++)
            add_word(&options->purge_classes, cases[i].purge_classes[c]);
        if (cases[i].class != NULL)
            add_word(&options->classes, cases[i].class);
        folder_write(&purging.spool.folder, "q/qf" ID, spool_rest_text);
        assert_int_equal(purge(&purging), DONE);
        assert_result(&purging, "purged=1 changed=1");
        spool_assert_file(&purging.spool, "q/qf" ID, spool_rest_text);
        end(&purging);
    }
}

static void test_where_holds_under_the_lock_still(void **state)
{
    struct purging purging;
    struct spool *spool = &purging.spool;
    char *text, *sender;

    (void)state;
    begin(&purging);
    spool->where = rules_compile_condition(
        spool->rules, SLICE_LITERAL("sender is ann@example.net"), NULL, NULL);
    assert_non_null(spool->where);
    spool_scan(spool);
    text = spool_text(spool, "q/qf" ID);
    sender = strstr(text, "S<ann");
    assert_non_null(sender);
    memcpy(sender, "S<eve", 5);
    folder_write(&spool->folder, "q/qf" ID, text);
    assert_int_equal(purge(&purging), DONE);
    assert_result(&purging, "purged=1 kept=1 changed=1");
    spool_assert_file(spool, "q/qf" ID, text);
    free(text);
    end(&purging);
}

/* Nothing is left undone in silence. */
static void test_what_stays_behind_is_a_failure(void **state)
{
    struct purging purging;
    int fd;

    (void)state;
    begin(&purging);
    fd = open(folder_path(&purging.spool.folder, "q/qf" ID), O_RDWR);
    folder_need(fd >= 0 && flock(fd, LOCK_EX) == 0, "flock");
    assert_int_equal(purge(&purging), SOMETHING_FAILED);
    close(fd);
    assert_result(&purging, "purged=1 kept=1 busy=1 failed=0");
    spool_assert_queued(&purging.spool, ID);
    end(&purging);

    begin(&purging);
    spool_move(&purging.spool, "q/qf" ID, "away");
    folder_make(&purging.spool.folder, "q/qf" ID);
    assert_int_equal(purge(&purging), SOMETHING_FAILED);
    assert_result(&purging, "purged=1 kept=1 busy=0 failed=1");
    end(&purging);

    /* a folder that could not be listed, say */
    begin(&purging);
    complain(&purging.spool.complaints, SLICE_LITERAL("q"), "cannot be listed",
             NULL, NULL);
    purging.spool.options.is_dry_run = true;
    assert_int_equal(purge(&purging), SOMETHING_FAILED);
    assert_untouched(&purging);
    purging.spool.options.is_dry_run = false;
    assert_int_equal(purge(&purging), SOMETHING_FAILED);
    assert_result(&purging, "purged=2 kept=1");
    end(&purging);
}

static void test_vanished_is_no_failure(void **state)
{
    struct purging purging;

    (void)state;
    begin(&purging);
    spool_remove(&purging.spool, "q/qf" ID);
    assert_int_equal(purge(&purging), DONE);
    assert_result(&purging, "purged=1 kept=1 vanished=1");
    end(&purging);
}

static void test_nothing_done_without_a_holding_folder(void **state)
{
    struct purging purging;

    (void)state;
    begin(&purging);
    add_word(&purging.spool.set.open_bases,
             folder_path(&purging.spool.folder, "q"));
    assert_int_equal(purge(&purging), NOTHING_DONE);
    assert_int_equal(json_array_size(purging.lines), 0);
    assert_untouched(&purging);
    spool_assert_complaints(&purging.spool, 1, "nothing done");
    end(&purging);
}

/* In a process of its own: a signal is never forgotten. */
static void test_interrupted_before_the_first(void **state)
{
    struct purging purging;
    int status;
    pid_t child;

    (void)state;
    begin(&purging);
    child = fork();
    folder_need(child >= 0, "fork");
    if (child == 0) {
        interrupt_setup();
        raise(SIGTERM);
        _exit(run_unread(&purging, purge_run));
    }
    folder_need(waitpid(child, &status, 0) == child, "waitpid");
    assert_true(WIFEXITED(status));
    read_lines(&purging);
    assert_result(&purging, "purged=0 kept=1 unreached=2");
    assert_untouched(&purging);
    end(&purging);
}

/* ---- on a terminal ---- */

static void answer(int master, const char *text)
{
    folder_need(write(master, text, strlen(text)) == (ssize_t)strlen(text),
                "terminal");
}

/* Both ends of one; false: none to be had here. */
static bool open_terminal(int *master_r, int *slave_r)
{
    *master_r = posix_openpt(O_RDWR | O_NOCTTY);
    *slave_r = -1;
    if (*master_r < 0)
        return false;
    if (grantpt(*master_r) == 0 && unlockpt(*master_r) == 0)
        *slave_r = open(ptsname(*master_r), O_RDWR | O_NOCTTY);
    if (*slave_r < 0)
        close(*master_r);
    return *slave_r >= 0;
}

static void test_asked_on_a_terminal(void **state)
{
    static const struct {
        const char *answer;
        int status;
    } cases[] = {{"y\n", DONE},          {"Yes\n", DONE},
                 {"n\n", NOTHING_DONE},  {"\n", NOTHING_DONE},
                 {" y\n", NOTHING_DONE}, {"\x04", NOTHING_DONE}};
    int master, slave, saved;

    (void)state;
    if (!open_terminal(&master, &slave)) {
        print_message("no terminal to be had\n");
        skip();
    }
    saved = dup(STDIN_FILENO);
    dup2(slave, STDIN_FILENO);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct purging purging;
        int status;

        begin(&purging);
        answer(master, cases[i].answer);
        status = purge(&purging);
        if (status != cases[i].status)
            fail_msg("case %zu: %d", i, status);
        if (status == DONE)
            assert_result(&purging, "purged=2");
        else
            assert_untouched(&purging);
        spool_assert_complaints(&purging.spool, 0, NULL);
        end(&purging);
    }
    dup2(saved, STDIN_FILENO);
    close(saved);
    close(slave);
    close(master);
}

/* The queue's path is as long as somebody likes. */
static void test_question_in_lines(void **state)
{
    struct purging purging;
    struct options *options = &purging.spool.options;
    struct heard heard;
    int master, slave, saved;
    char *asked, *line;
    char name[200] = "/spool/";

    (void)state;
    if (!open_terminal(&master, &slave)) {
        print_message("no terminal to be had\n");
        skip();
    }
    begin(&purging);
    memset(name + strlen(name), 'q', sizeof(name) - strlen(name) - 1);
    add_word(&options->queues, name);
    saved = dup(STDIN_FILENO);
    dup2(slave, STDIN_FILENO);
    answer(master, "n\n");
    heard_begin(&heard, &purging.spool.folder);
    assert_int_equal(purge(&purging), NOTHING_DONE);
    heard_end(&heard);
    dup2(saved, STDIN_FILENO);
    assert_non_null(strstr(heard.text, "Take 2 dead messages of"));
    assert_non_null(strstr(heard.text, "? [y/N] "));
    asked = heard.text;
    *strstr(asked, "qscan: not confirmed") = '\0';
    while ((line = strsep(&asked, "\n")) != NULL)
        assert_true(strlen(line) < 80);
    close(saved);
    close(slave);
    close(master);
    string_list_free(&options->queues);
    end(&purging);
}

/* ---- plans ---- */

static void plan(struct purging *purging, char path[static FOLDER_PATH_MAX])
{
    struct options *options = &purging->spool.options;

    snprintf(path, FOLDER_PATH_MAX, "%s",
             folder_path(&purging->spool.folder, "plan"));
    options->plan_file = path;
    assert_int_equal(purge(purging), DONE);
    options->plan_file = NULL;
    options->mode = MODE_APPLY;
    options->apply_file = path;
}

static void test_plan_is_applied(void **state)
{
    struct purging purging;
    struct options *options = &purging.spool.options;
    char path[FOLDER_PATH_MAX];
    const char *run_name;

    (void)state;
    begin(&purging);
    plan(&purging, path);
    assert_true(spool_has(&purging.spool, "plan"));
    assert_untouched(&purging);
    /* acts on what was judged long ago: never unasked */
    assert_int_equal(purge(&purging), NOTHING_DONE);
    spool_assert_complaints(&purging.spool, 1,
                            "needs --yes without a terminal");
    options->is_dry_run = true;
    assert_int_equal(purge(&purging), DONE);
    assert_result(&purging, "purged=2 vanished=0 changed=0");
    assert_true(is_dry(&purging));
    assert_untouched(&purging);
    options->is_dry_run = false;
    options->is_yes = true;
    assert_int_equal(purge(&purging), DONE);
    assert_result(&purging, "purged=2 vanished=0 changed=0");
    run_name = text_of(result_of(&purging), "run");
    spool_assert_held(&purging.spool, run_name, ID);
    spool_assert_held(&purging.spool, run_name, OTHER_ID);
    spool_assert_queued(&purging.spool, REST_ID);
    spool_assert_complaints(&purging.spool, 0, NULL);
    end(&purging);
}

static void test_plan_of_what_is_no_more(void **state)
{
    struct purging purging;
    struct options *options = &purging.spool.options;
    char path[FOLDER_PATH_MAX];

    (void)state;
    begin(&purging);
    spool_write(&purging.spool, "6AMHqPjw023673", "dead");
    spool_scan(&purging.spool);
    plan(&purging, path);
    options->is_yes = true;
    /* gone, rewritten, and about to be */
    spool_remove(&purging.spool, "q/qf" ID);
    spool_remove(&purging.spool, "q/df" ID);
    folder_write(&purging.spool.folder, "q/qf" OTHER_ID, spool_rest_text);
    folder_write(&purging.spool.folder, "q/tf6AMHqPjw023673", "");
    spool_scan(&purging.spool);
    for (int dry = 1; dry >= 0; dry--) {
        options->is_dry_run = dry == 1;
        assert_int_equal(purge(&purging), DONE);
        assert_int_equal(is_dry(&purging), dry);
        assert_result(&purging, "purged=0 vanished=1 changed=2 unreached=0");
    }
    assert_false(spool_has(&purging.spool, "q/" HOLD_ROOT));
    spool_assert_file(&purging.spool, "q/qf" OTHER_ID, spool_rest_text);
    end(&purging);
}

/* The plan says it, not the options of who applies it. */
static void test_plan_to_delete(void **state)
{
    struct purging purging;
    struct options *options = &purging.spool.options;
    char path[FOLDER_PATH_MAX];

    (void)state;
    begin(&purging);
    options->is_delete = true;
    options->format = FORMAT_TEXT; /* of what is shown, not of the plan */
    plan(&purging, path);
    options->format = FORMAT_JSON;
    options->is_delete = false;
    options->is_yes = true;
    assert_int_equal(purge(&purging), DONE);
    assert_result(&purging, "purged=2 held_bytes=0");
    spool_assert_file(&purging.spool, "q/df" ID, NULL);
    assert_int_equal(list_runs(&purging), DONE);
    assert_string_equal(text_of(result_of(&purging), "state"), "deleted");
    end(&purging);
}

static void test_plan_cannot_be_written_or_read(void **state)
{
    struct purging purging;
    struct options *options = &purging.spool.options;

    (void)state;
    begin(&purging);
    options->plan_file = "/dev/null/none";
    assert_int_equal(purge(&purging), NOTHING_DONE);
    spool_assert_complaints(&purging.spool, 1, "cannot be written");
    options->plan_file = NULL;
    options->mode = MODE_APPLY;
    options->apply_file = "/dev/null/none";
    options->is_yes = true;
    assert_int_equal(purge(&purging), NOTHING_DONE);
    spool_assert_complaints(&purging.spool, 1, NULL);
    assert_untouched(&purging);
    end(&purging);
}

/* ---- undoing ---- */

static void test_latest_run_that_holds_something_is_undone(void **state)
{
    struct purging purging;

    (void)state;
    begin_with_runs(&purging);
    assert_int_equal(undo(&purging, NULL), DONE);
    assert_string_equal(text_of(result_of(&purging), "run"), LATER_RUN);
    assert_result(&purging, "restored=1 left=0 failed=0 older_than_return=0");
    assert_false(is_dry(&purging));
    spool_assert_queued(&purging.spool, OTHER_ID);
    spool_assert_held(&purging.spool, RUN, ID);
    assert_int_equal(undo(&purging, NULL), DONE);
    assert_string_equal(text_of(result_of(&purging), "run"), RUN);
    spool_assert_queued(&purging.spool, ID);
    spool_assert_complaints(&purging.spool, 0, NULL);
    assert_int_equal(undo(&purging, NULL), NOTHING_DONE);
    assert_int_equal(json_array_size(purging.lines), 0);
    spool_assert_complaints(&purging.spool, 1, "no run holds anything");
    end(&purging);
}

static void test_run_that_is_named_is_undone(void **state)
{
    struct purging purging;

    (void)state;
    begin_with_runs(&purging);
    purging.spool.options.is_dry_run = true;
    assert_int_equal(undo(&purging, RUN), DONE);
    assert_result(&purging, "restored=0 would_restore=1");
    assert_true(is_dry(&purging));
    spool_assert_held(&purging.spool, RUN, ID);
    purging.spool.options.is_dry_run = false;
    assert_int_equal(undo(&purging, RUN), DONE);
    assert_result(&purging, "restored=1");
    spool_assert_queued(&purging.spool, ID);
    spool_assert_held(&purging.spool, LATER_RUN, OTHER_ID);
    assert_int_equal(undo(&purging, RUN), NOTHING_DONE);
    spool_assert_complaints(&purging.spool, 1, "was undone before");
    assert_int_equal(undo(&purging, "20200101T000000Z-2"), NOTHING_DONE);
    spool_assert_complaints(&purging.spool, 1, "no such run");
    assert_int_equal(undo(&purging, "../q"), NOTHING_DONE);
    spool_assert_complaints(&purging.spool, 1, "not the name of a run");
    end(&purging);
}

/* sendmail would return them at once. */
static void test_undoing_what_is_old_needs_yes(void **state)
{
    struct purging purging;
    struct heard heard;

    (void)state;
    begin_with_runs(&purging);
    purging.config.return_sec = 5 * DAY_SEC;
    heard_begin(&heard, &purging.spool.folder);
    assert_int_equal(undo(&purging, RUN), NOTHING_DONE);
    heard_end(&heard);
    assert_non_null(strstr(
        heard.text,
        "qscan: --undo: needs --yes without a terminal: it would put back 1 "
        "message of run " RUN ", 1 of them older than 5 days "));
    spool_assert_complaints(&purging.spool, 1, NULL);
    spool_assert_held(&purging.spool, RUN, ID);
    purging.spool.options.is_yes = true;
    assert_int_equal(undo(&purging, RUN), DONE);
    assert_result(&purging, "restored=1 older_than_return=1");
    spool_assert_queued(&purging.spool, ID);
    end(&purging);
}

static void test_what_stays_held_is_a_failure(void **state)
{
    struct purging purging;

    (void)state;
    begin_with_runs(&purging);
    folder_write(&purging.spool.folder, "q/qf" ID, "of somebody else");
    assert_int_equal(undo(&purging, RUN), SOMETHING_FAILED);
    assert_result(&purging, "restored=0 left=1 failed=0");
    spool_assert_file(&purging.spool, "q/qf" ID, "of somebody else");
    spool_assert_complaints(&purging.spool, 1, "stays held");
    end(&purging);

    begin_with_runs(&purging);
    spool_remove(&purging.spool, spool_held(&purging.spool, RUN, 'd', ID));
    assert_int_equal(undo(&purging, RUN), SOMETHING_FAILED);
    assert_result(&purging, "restored=0 left=0 failed=1");
    end(&purging);
}

static void test_what_cannot_be_undone(void **state)
{
    struct purging purging;

    (void)state;
    begin(&purging);
    spool_remove(&purging.spool, "q/qf" REST_ID);
    spool_run(&purging.spool, RUN, true);
    assert_int_equal(undo(&purging, RUN), NOTHING_DONE);
    spool_assert_complaints(&purging.spool, 1, "deleted for good, not held");
    /* nor is it the latest that holds anything */
    assert_int_equal(undo(&purging, NULL), NOTHING_DONE);
    spool_assert_complaints(&purging.spool, 1, "no run holds anything");
    end(&purging);

    begin_with_runs(&purging);
    spool_remove(&purging.spool, spool_journal(&purging.spool, RUN));
    assert_int_equal(undo(&purging, RUN), NOTHING_DONE);
    spool_assert_complaints(&purging.spool, 1,
                            "cannot be undone without its journal");
    assert_int_equal(expunge(&purging, RUN), NOTHING_DONE);
    spool_assert_complaints(&purging.spool, 1,
                            "cannot be expunged without its journal");
    /* beside it the others go, as on every day */
    purging.spool.options.is_yes = true;
    purging.spool.options.older_sec = DAY_SEC;
    assert_int_equal(expunge(&purging, NULL), DONE);
    assert_result(&purging, "runs=1 files=2");
    spool_assert_complaints(&purging.spool, 0, NULL);
    assert_true(
        spool_has(&purging.spool, spool_held(&purging.spool, RUN, 'q', ID)));
    end(&purging);
}

/* It holds nothing, but left a df in the queue: that is freed, not undone. */
static void test_killed_deletion_is_freed(void **state)
{
    struct purging purging;
    struct spool *spool = &purging.spool;

    (void)state;
    begin(&purging);
    spool_remove(spool, "q/qf" REST_ID);
    folder_need(link(folder_path(&spool->folder, "q/df" ID),
                     folder_path(&spool->folder, "df")) == 0,
                "link");
    spool_run(spool, RUN, true);
    spool_move(spool, "df", "q/df" ID);
    spool_cut_end(spool, RUN);
    assert_int_equal(undo(&purging, RUN), NOTHING_DONE);
    spool_assert_complaints(spool, 1, "deleted for good, not held");
    assert_int_equal(undo(&purging, NULL), NOTHING_DONE);
    spool_assert_complaints(spool, 1, "no run holds anything");
    assert_true(spool_has(spool, "q/df" ID));
    spool->options.is_yes = true;
    assert_int_equal(expunge(&purging, NULL), DONE);
    assert_result(&purging, "runs=1 files=0");
    spool_assert_file(spool, "q/df" ID, NULL);
    end(&purging);
}

/* A crash put its control file back, but not its df. */
static void test_split_counts_as_something_to_undo(void **state)
{
    struct purging purging;

    (void)state;
    begin_with_runs(&purging);
    spool_move(&purging.spool,
               spool_held(&purging.spool, LATER_RUN, 'q', OTHER_ID),
               "q/qf" OTHER_ID);
    purging.spool.options.is_dry_run = true;
    assert_int_equal(undo(&purging, NULL), DONE);
    assert_string_equal(text_of(result_of(&purging), "run"), LATER_RUN);
    assert_result(&purging, "would_restore=1");
    purging.spool.options.is_dry_run = false;
    assert_int_equal(undo(&purging, NULL), DONE);
    assert_result(&purging, "restored=1");
    spool_assert_queued(&purging.spool, OTHER_ID);
    end(&purging);
}

/* ---- expunging ---- */

static void test_expunging_needs_yes(void **state)
{
    struct purging purging;
    struct options *options = &purging.spool.options;
    size_t bytes;

    (void)state;
    begin_with_runs(&purging);
    bytes = strlen(purging.spool.messages[1].control) +
            strlen(purging.spool.messages[1].data);
    assert_int_equal(expunge(&purging, NULL), NOTHING_DONE);
    spool_assert_complaints(&purging.spool, 1,
                            "needs --yes without a terminal");
    options->is_dry_run = true;
    assert_int_equal(expunge(&purging, NULL), DONE);
    assert_result(&purging, "runs=1 messages=1 files=2");
    assert_int_equal(json_integer_value(json_object_get(result_of(&purging),
                                                        "would_free_bytes")),
                     bytes);
    assert_true(is_dry(&purging));
    spool_assert_held(&purging.spool, LATER_RUN, OTHER_ID);
    options->is_dry_run = false;
    options->is_yes = true;
    assert_int_equal(expunge(&purging, NULL), DONE);
    assert_result(&purging, "runs=1 files=2 failed=0");
    assert_int_equal(
        json_integer_value(json_object_get(result_of(&purging), "freed_bytes")),
        bytes);
    assert_false(spool_has(&purging.spool, "q/" HOLD_ROOT "/" LATER_RUN));
    spool_assert_held(&purging.spool, RUN, ID);
    end(&purging);
}

static void test_run_that_is_named_is_expunged(void **state)
{
    struct purging purging;

    (void)state;
    begin_with_runs(&purging);
    purging.spool.options.is_yes = true;
    /* a name is no leave to take what is too young */
    purging.spool.options.older_sec = CENTURY_SEC;
    assert_int_equal(expunge(&purging, RUN), NOTHING_DONE);
    spool_assert_complaints(&purging.spool, 1, "not expunged");
    spool_assert_held(&purging.spool, RUN, ID);
    purging.spool.options.older_sec = 0;
    assert_int_equal(expunge(&purging, RUN), DONE);
    assert_result(&purging, "runs=1 files=2");
    assert_false(spool_has(&purging.spool, "q/" HOLD_ROOT "/" RUN));
    spool_assert_held(&purging.spool, LATER_RUN, OTHER_ID);
    purging.spool.options.older_sec = -1;
    assert_int_equal(expunge(&purging, RUN), NOTHING_DONE);
    spool_assert_complaints(&purging.spool, 1, "no such run");
    assert_int_equal(expunge(&purging, NULL), DONE);
    assert_int_equal(expunge(&purging, NULL), NOTHING_DONE);
    spool_assert_complaints(&purging.spool, 1, "no run holds anything");
    end(&purging);
}

static void test_older_runs_are_expunged(void **state)
{
    struct purging purging;
    struct options *options = &purging.spool.options;

    (void)state;
    begin_with_runs(&purging);
    /* a job that finds none has no question */
    options->older_sec = CENTURY_SEC;
    assert_int_equal(expunge(&purging, NULL), DONE);
    assert_result(&purging, "runs=0 files=0");
    options->is_yes = true;
    options->older_sec = time(NULL) - hold_run_time(LATER_RUN) + DAY_SEC;
    assert_int_equal(expunge(&purging, NULL), DONE);
    assert_result(&purging, "runs=1 files=2");
    assert_false(spool_has(&purging.spool, "q/" HOLD_ROOT "/" RUN));
    spool_assert_held(&purging.spool, LATER_RUN, OTHER_ID);
    options->older_sec = 0;
    assert_int_equal(expunge(&purging, NULL), DONE);
    assert_result(&purging, "runs=1 files=2");
    assert_false(spool_has(&purging.spool, "q/" HOLD_ROOT));
    spool_assert_complaints(&purging.spool, 0, NULL);
    end(&purging);
}

static void test_what_is_not_freed_is_a_failure(void **state)
{
    struct purging purging;

    (void)state;
    begin_with_runs(&purging);
    purging.spool.options.is_yes = true;
    folder_write(&purging.spool.folder, "q/hf" ID, "V8\n");
    assert_int_equal(expunge(&purging, RUN), SOMETHING_FAILED);
    assert_result(&purging, "runs=0 files=0 failed=1");
    spool_assert_held(&purging.spool, RUN, ID);
    end(&purging);
}

/* Its expunge was killed: nothing to undo, but something to free. */
static void test_rest_of_an_expunge_is_expunged(void **state)
{
    struct purging purging;

    (void)state;
    begin_with_runs(&purging);
    purging.spool.options.is_yes = true;
    spool_remove(&purging.spool,
                 spool_held(&purging.spool, LATER_RUN, 'q', OTHER_ID));
    purging.spool.options.is_dry_run = true;
    assert_int_equal(undo(&purging, NULL), DONE);
    assert_string_equal(text_of(result_of(&purging), "run"), RUN);
    purging.spool.options.is_dry_run = false;
    assert_int_equal(expunge(&purging, NULL), DONE);
    assert_result(&purging, "runs=1 files=1");
    assert_false(spool_has(&purging.spool, "q/" HOLD_ROOT "/" LATER_RUN));
    spool_assert_held(&purging.spool, RUN, ID);
    end(&purging);
}

/* One that was killed: what is left goes back, but never as if it were all. */
static void test_rest_of_an_expunge_is_put_back(void **state)
{
    struct purging purging;

    (void)state;
    begin(&purging);
    spool_remove(&purging.spool, "q/qf" REST_ID);
    spool_run(&purging.spool, RUN, false);
    spool_half_expunge(&purging.spool, RUN, OTHER_ID, 2);
    assert_int_equal(list_runs(&purging), DONE);
    assert_string_equal(text_of(line_of(&purging, "run", RUN), "state"),
                        "half-expunged");
    purging.spool.options.is_dry_run = true;
    assert_int_equal(undo(&purging, NULL), SOMETHING_FAILED);
    spool_assert_complaints(&purging.spool, 1, "1 of its messages was removed");
    purging.spool.options.is_dry_run = false;
    assert_int_equal(undo(&purging, NULL), SOMETHING_FAILED);
    spool_assert_complaints(&purging.spool, 1, "only the rest can be put back");
    assert_result(&purging, "restored=1 left=0 failed=0");
    spool_assert_queued(&purging.spool, ID);
    end(&purging);

    /* nothing but its journal is left */
    begin_with_runs(&purging);
    purging.spool.options.is_yes = true;
    spool_half_expunge(&purging.spool, LATER_RUN, OTHER_ID, 1);
    assert_int_equal(undo(&purging, LATER_RUN), NOTHING_DONE);
    spool_assert_complaints(&purging.spool, 1, "removed for good");
    assert_int_equal(expunge(&purging, NULL), DONE);
    assert_result(&purging, "runs=1 files=0");
    assert_false(spool_has(&purging.spool, "q/" HOLD_ROOT "/" LATER_RUN));
    end(&purging);
}

/* Its messages are gone, but not its folder: nothing of it was undone. */
static void test_expunge_that_leaves_a_folder(void **state)
{
    struct purging purging;

    (void)state;
    begin_with_runs(&purging);
    purging.spool.options.is_yes = true;
    folder_write(&purging.spool.folder, "q/" HOLD_ROOT "/" RUN "/notes", "x");
    assert_int_equal(expunge(&purging, RUN), SOMETHING_FAILED);
    assert_result(&purging, "runs=0 files=2 failed=1");
    assert_int_equal(list_runs(&purging), SOMETHING_FAILED);
    assert_string_equal(text_of(line_of(&purging, "run", RUN), "state"),
                        "half-expunged");
    assert_int_equal(undo(&purging, RUN), NOTHING_DONE);
    spool_remove(&purging.spool, "q/" HOLD_ROOT "/" RUN "/notes");
    complaints_init(&purging.spool.complaints, true);
    assert_int_equal(expunge(&purging, RUN), DONE);
    assert_false(spool_has(&purging.spool, "q/" HOLD_ROOT "/" RUN));
    end(&purging);
}

/* ---- listing ---- */

static void assert_state(const struct purging *purging, const char *name,
                         const char *want)
{
    assert_string_equal(text_of(line_of(purging, "run", name), "state"), want);
}

static void test_runs_and_their_states(void **state)
{
    struct purging purging;
    struct journal journal = {.path = NULL};
    const char *path;

    (void)state;
    begin_with_runs(&purging);
    assert_int_equal(undo(&purging, RUN), DONE);
    folder_make(&purging.spool.folder, "q/" HOLD_ROOT "/20220101T000000Z-1");
    assert_int_equal(list_runs(&purging), DONE);
    assert_int_equal(json_array_size(purging.lines), 3);
    assert_state(&purging, RUN, "undone");
    assert_state(&purging, LATER_RUN, "held");
    assert_state(&purging, "20220101T000000Z-1", "empty");
    assert_int_equal(json_integer_value(json_object_get(
                         line_of(&purging, "run", LATER_RUN), "held")),
                     1);
    assert_int_equal(json_integer_value(json_object_get(
                         line_of(&purging, "run", RUN), "taken")),
                     1);
    spool_cut_end(&purging.spool, LATER_RUN);
    assert_int_equal(list_runs(&purging), DONE);
    assert_state(&purging, LATER_RUN, "unfinished");
    path = folder_path(&purging.spool.folder,
                       spool_journal(&purging.spool, LATER_RUN));
    assert_int_equal(journal_open(&journal, AT_FDCWD, path, path), 0);
    assert_int_equal(list_runs(&purging), DONE);
    assert_state(&purging, LATER_RUN, "working");
    journal_close(&journal);
    /* its journal is in another place: that is told, and no failure */
    spool_remove(&purging.spool, spool_journal(&purging.spool, LATER_RUN));
    assert_int_equal(list_runs(&purging), DONE);
    assert_state(&purging, LATER_RUN, "elsewhere");
    end(&purging);
}

static void test_older_runs_are_listed(void **state)
{
    struct purging purging;
    struct options *options = &purging.spool.options;

    (void)state;
    begin_with_runs(&purging);
    options->older_sec = time(NULL) - hold_run_time(LATER_RUN) + DAY_SEC;
    assert_int_equal(list_runs(&purging), DONE);
    assert_int_equal(json_array_size(purging.lines), 1);
    assert_state(&purging, RUN, "held");
    options->older_sec = CENTURY_SEC;
    assert_int_equal(list_runs(&purging), DONE);
    assert_int_equal(json_array_size(purging.lines), 0);
    end(&purging);
}

/* ---- as text ---- */

static void assert_says(struct purging *purging,
                        int (*mode)(const struct purge_request *request),
                        const char *words)
{
    char *text;

    purging->spool.options.format = FORMAT_TEXT;
    assert_int_equal(run_unread(purging, mode), DONE);
    text = spool_text(&purging->spool, "out");
    if (strstr(text, words) == NULL)
        fail_msg("not \"%s\" in: %s", words, text);
    free(text);
}

static void test_said_in_words(void **state)
{
    struct purging purging;
    struct options *options = &purging.spool.options;

    (void)state;
    begin(&purging);
    assert_says(&purging, purge_list_runs, "No runs.\n");
    options->is_dry_run = true;
    assert_says(&purging, purge_run, "Would take 2 messages, ");
    assert_says(&purging, purge_run, "kept 1.\nNothing was changed.\n");
    options->is_dry_run = false;
    assert_says(&purging, purge_run, "Took 2 messages, ");
    assert_says(&purging, purge_list_runs, " held                 2 ");
    options->mode = MODE_UNDO;
    options->is_dry_run = true;
    assert_says(&purging, purge_undo, "Would put back 2 messages of run ");
    options->is_dry_run = false;
    assert_says(&purging, purge_undo, "Put back 2 messages of run ");
    end(&purging);

    begin_with_runs(&purging);
    options->mode = MODE_UNDO;
    assert_says(&purging, purge_undo, "Run " RUN " still holds 1 message.\n");
    options->mode = MODE_EXPUNGE;
    options->is_dry_run = true;
    assert_says(&purging, purge_expunge,
                "Would expunge run " RUN " of 2020-01-01 ");
    options->is_dry_run = false;
    options->is_yes = true;
    assert_says(&purging, purge_expunge, "Expunged 1 run: 2 files, ");
    end(&purging);
}

/* Nobody is asked, from wherever the tests are started. */
static int leave_the_terminal(void **state)
{
    int fd = open("/dev/null", O_RDONLY);

    (void)state;
    if (fd < 0 || dup2(fd, STDIN_FILENO) < 0)
        return -1;
    close(fd);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_classes_that_may_be_named),
        cmocka_unit_test(test_bounces_are_taken_unasked),
        cmocka_unit_test(test_dry_run_says_what_would_go_and_why),
        cmocka_unit_test(test_deleting_needs_yes),
        cmocka_unit_test(test_unjudged_class_needs_yes),
        cmocka_unit_test(test_quarantined_goes_by_its_class_alone),
        cmocka_unit_test(test_narrowed_to_ids_and_classes),
        cmocka_unit_test(test_judged_otherwise_under_the_lock),
        cmocka_unit_test(test_where_holds_under_the_lock_still),
        cmocka_unit_test(test_what_stays_behind_is_a_failure),
        cmocka_unit_test(test_vanished_is_no_failure),
        cmocka_unit_test(test_nothing_done_without_a_holding_folder),
        cmocka_unit_test(test_interrupted_before_the_first),
        cmocka_unit_test(test_asked_on_a_terminal),
        cmocka_unit_test(test_question_in_lines),
        cmocka_unit_test(test_plan_is_applied),
        cmocka_unit_test(test_plan_of_what_is_no_more),
        cmocka_unit_test(test_plan_to_delete),
        cmocka_unit_test(test_plan_cannot_be_written_or_read),
        cmocka_unit_test(test_latest_run_that_holds_something_is_undone),
        cmocka_unit_test(test_run_that_is_named_is_undone),
        cmocka_unit_test(test_undoing_what_is_old_needs_yes),
        cmocka_unit_test(test_what_stays_held_is_a_failure),
        cmocka_unit_test(test_what_cannot_be_undone),
        cmocka_unit_test(test_killed_deletion_is_freed),
        cmocka_unit_test(test_split_counts_as_something_to_undo),
        cmocka_unit_test(test_expunging_needs_yes),
        cmocka_unit_test(test_run_that_is_named_is_expunged),
        cmocka_unit_test(test_older_runs_are_expunged),
        cmocka_unit_test(test_what_is_not_freed_is_a_failure),
        cmocka_unit_test(test_rest_of_an_expunge_is_expunged),
        cmocka_unit_test(test_rest_of_an_expunge_is_put_back),
        cmocka_unit_test(test_expunge_that_leaves_a_folder),
        cmocka_unit_test(test_runs_and_their_states),
        cmocka_unit_test(test_older_runs_are_listed),
        cmocka_unit_test(test_said_in_words),
    };

    return cmocka_run_group_tests(tests, leave_the_terminal, NULL);
}
