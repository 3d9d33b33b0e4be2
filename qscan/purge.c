#include "qscan/purge.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <sys/stat.h>
#include <unistd.h>

#include "qscan/interrupt.h"
#include "qscan/list.h"
#include "qscan/plan.h"
#include "qscan/report.h"
#include "qscan/expunge.h"
#include "qscan/rowtext.h"
#include "qscan/runs.h"
#include "qscan/undo.h"

enum { EXIT_DONE = 0, EXIT_SOMETHING_FAILED = 1, EXIT_NOTHING_DONE = 2 };

/* ---- which ---- */

static bool is_known_class(const struct rules *rules, const char *name)
{
    static const char *const by_kind[] = {"quarantined", "lost", "damaged",
                                          "orphan", "unclassified"};

    for (size_t i = 0; i < sizeof(by_kind) / sizeof(by_kind[0]); i++)
        if (strcmp(by_kind[i], name) == 0)
            return true;
    for (size_t i = 0; i < rules_count(rules); i++)
        if (strcmp(rules_class(rules, i), name) == 0)
            return true;
    return false;
}

static bool check_known(const struct string_list *names,
                        const struct rules *rules, struct complaints *to)
{
    for (size_t i = 0; i < names->count; i++) {
        if (is_known_class(rules, names->strings[i]))
            continue;
        complain(to, slice_from_string(names->strings[i]), "unknown class",
                 "no rule gives it", "nothing done");
        return false;
    }
    return true;
}

bool purge_check_classes(const struct options *options,
                         const struct rules *rules, struct complaints *to)
{
    static const char *const refused[] = {"damaged", "lost", "orphan"};

    if (!check_known(&options->classes, rules, to) ||
        !check_known(&options->purge_classes, rules, to))
        return false;
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        if (!string_list_has(&options->purge_classes, refused[i]))
            continue;
        complain(to, slice_from_string(refused[i]), "cannot be purged yet",
                 "such files cannot be put back safely", "nothing done");
        return false;
    }
    return true;
}

/* What kept the rule that purges from it; else the rule that it has. */
static const char *why_not_purged(const struct scene *scene,
                                  const struct facts *row)
{
    const char *rule = rowtext_rule(scene, row);
    struct rowtext_missed missed;

    if (rowtext_missed(scene, row, &missed))
        return missed.words;
    return rule != NULL ? rule : "no rule is about it";
}

/* Why a selected message stays, or NULL when it is to be taken. */
static const char *reason_to_keep(const struct purge_request *request,
                                  const struct facts *row)
{
    const char *class = rowtext_class(&request->scan->scene, row);

    if (row->state == FACTS_UNREADABLE)
        return "cannot be read";
    if (row->state != FACTS_JUDGED && row->state != FACTS_QUARANTINED)
        return "by kind of file, not by rule";
    if (rowtext_keep_reason(row) != NULL)
        return rowtext_keep_reason(row);
    if (request->options->mode == MODE_PURGE_BOUNCES &&
        row->state == FACTS_QUARANTINED)
        return "by kind of file, not by rule";
    if (request->options->mode == MODE_PURGE_BOUNCES && !row->is_purge)
        return why_not_purged(&request->scan->scene, row);
    if (request->options->mode == MODE_PURGE_CLASS &&
        !string_list_has(&request->options->purge_classes, class))
        return "another class";
    if (!act_is_plain_id(facts_id(row)))
        return "its id is not plain text";
    return NULL;
}

static void action_of(void *context, const struct facts *row,
                      struct list_action *action_r)
{
    const struct purge_request *request = context;
    const char *keep = reason_to_keep(request, row);

    action_r->action = keep != NULL                  ? "keep"
                       : request->options->is_delete ? "delete"
                                                     : "hold";
    action_r->why = keep;
    action_r->has_identity = request->options->plan_file != NULL;
    if (keep == NULL) {
        const char *rule = rowtext_rule(&request->scan->scene, row);

        action_r->why = row->state == FACTS_QUARANTINED ? "by kind of file"
                        : rule == NULL                  ? "its class was named"
                                                        : rule;
    }
}

/* What is judged again under the lock must come out the same. */
static bool still_wanted(void *context, const struct message *message,
                         const struct rules_verdict *verdict,
                         bool is_where_true)
{
    const struct purge_request *request = context;
    const struct options *options = request->options;
    struct facts row = *message->row;
    const char *class;

    row.rule = verdict->rule;
    class = rowtext_class(message->scene, &row);
    if (!is_where_true || (options->classes.count > 0 &&
                           !string_list_has(&options->classes, class)))
        return false;
    return options->mode == MODE_PURGE_BOUNCES
               ? verdict->purge
               : string_list_has(&options->purge_classes, class);
}

struct selection {
    struct act_job *jobs;
    size_t count;
    size_t kept;
    uint64_t bytes;
};

static bool select_jobs(const struct purge_request *request,
                        struct selection *selection_r)
{
    const struct facts_table *table = &request->scan->table;
    size_t capacity = 0;

    *selection_r = (struct selection){.jobs = NULL};
    for (size_t i = 0; i < table->count; i++)
        capacity += table->rows[i].is_purge ||
                    request->options->mode == MODE_PURGE_CLASS;
    selection_r->jobs = calloc(capacity + 1, sizeof(*selection_r->jobs));
    if (selection_r->jobs == NULL)
        return false;
    for (size_t i = 0; i < table->count; i++) {
        const struct facts *row = &table->rows[i];

        if (!list_is_selected(request->options, request->scan, row))
            continue;
        if (reason_to_keep(request, row) != NULL) {
            selection_r->kept += row->state != FACTS_ORPHAN;
            continue;
        }
        selection_r->jobs[selection_r->count++].row = (uint32_t)i;
        selection_r->bytes += row->size_bytes;
    }
    return true;
}

/* ---- asking ---- */

/* A class that no purge rule gives is nobody's considered judgement. */
static bool is_any_class_unjudged(const struct purge_request *request)
{
    const struct rules *rules = request->scan->scene.rules;
    const struct string_list *classes = &request->options->purge_classes;

    for (size_t c = 0; c < classes->count; c++) {
        bool is_judged = false;

        for (size_t i = 0; i < rules_count(rules); i++)
            is_judged = is_judged || (rules_purges(rules, i) &&
                                      strcmp(rules_class(rules, i),
                                             classes->strings[c]) == 0);
        if (!is_judged)
            return true;
    }
    return false;
}

/* Where the answer comes from, or NULL when nobody is there. What ids were
 * read from has ended. */
static FILE *open_answers(const struct options *options)
{
    if (isatty(STDIN_FILENO)) {
        clearerr(stdin);
        return stdin;
    }
    return options->ids_from_stdin && isatty(STDERR_FILENO)
               ? fopen("/dev/tty", "re")
               : NULL;
}

/* "take 2 messages" becomes "Take 2 messages? [y/N] ", in lines. */
static void print_question(const char *what)
{
    struct buffer text = {0}, lines = {0};

    buffer_printf(&text, "%c%s? [y/N]", toupper((unsigned char)what[0]),
                  what + 1);
    report_add_filled(&lines, 0, 2, slice_make(text.bytes, text.len));
    fprintf(stderr, "%.*s ", (int)lines.len, lines.bytes);
    fflush(stderr);
    buffer_free(&text);
    buffer_free(&lines);
}

static bool is_confirmed(FILE *from, const char *what)
{
    char answer[16];
    bool has_answer;

    print_question(what);
    has_answer = fgets(answer, sizeof(answer), from) != NULL;
    if (!has_answer)
        fputc('\n', stderr);
    return has_answer && (answer[0] == 'y' || answer[0] == 'Y');
}

/* The option that nobody may give unasked. */
static const char *option_to_confirm(const struct options *options)
{
    switch (options->mode) {
    case MODE_UNDO:
        return "--undo";
    case MODE_EXPUNGE:
        return "--expunge";
    case MODE_APPLY:
        return "--apply";
    default:
        return options->is_delete ? "--delete" : "--purge";
    }
}

static void complain_unconfirmed(const struct purge_request *request,
                                 const char *what)
{
    struct buffer why = {0};

    buffer_printf(&why, "it would %s", what);
    buffer_add(&why, slice_make("", 1));
    complain(request->complaints,
             slice_from_string(option_to_confirm(request->options)),
             "needs --yes without a terminal", why.bytes, "nothing done");
    buffer_free(&why);
}

/*
 * On a terminal the question is asked: what, as behind "it would". Without one,
 * only what is harmless goes ahead without --yes. EXIT_DONE = go on.
 */
static int ask(const struct purge_request *request, const char *what,
               bool needs_yes)
{
    FILE *from;
    bool is_yes;

    if (request->options->is_yes)
        return EXIT_DONE;
    from = open_answers(request->options);
    if (from == NULL) {
        if (!needs_yes)
            return EXIT_DONE;
        complain_unconfirmed(request, what);
        return EXIT_NOTHING_DONE;
    }
    is_yes = is_confirmed(from, what);
    if (from != stdin)
        fclose(from);
    if (is_yes)
        return EXIT_DONE;
    fputs("qscan: not confirmed; nothing done\n", stderr);
    return EXIT_NOTHING_DONE;
}

static const char *class_of_job(const struct purge_request *request,
                                const struct act_job *job)
{
    return job->planned != NULL
               ? job->planned->class
               : rowtext_class(&request->scan->scene,
                               &request->scan->table.rows[job->row]);
}

/* "531 bounce-zombie messages of /var/spool/mqueue" */
static void add_what_goes(struct buffer *what,
                          const struct purge_request *request,
                          const struct act_job *jobs, size_t count)
{
    const struct facts *rows = request->scan->table.rows;
    const struct string_list *names = &request->options->queues;
    bool is_one_class = count > 0, is_one_dir = count > 0;

    for (size_t i = 1; i < count; i++) {
        is_one_class = is_one_class && strcmp(class_of_job(request, &jobs[i]),
                                              class_of_job(request, jobs)) == 0;
        is_one_dir =
            is_one_dir && rows[jobs[i].row].dir == rows[jobs[0].row].dir;
    }
    buffer_printf(what, "%zu ", count);
    if (is_one_class) {
        buffer_add_escaped(what, slice_from_string(class_of_job(request, jobs)),
                           0);
        buffer_add_string(what, " ");
    }
    buffer_printf(what, "message%s of ", count == 1 ? "" : "s");
    if (names->count == 1)
        buffer_add_escaped(what, slice_from_string(names->strings[0]), 0);
    else if (is_one_dir)
        buffer_add_escaped(
            what,
            slice_from_string(
                request->queues->dirs[rows[jobs[0].row].dir].path),
            0);
    else
        buffer_printf(what, "%zu queue directories",
                      request->queues->dir_count);
}

static int ask_purge(const struct purge_request *request,
                     const struct act_job *jobs, size_t count, uint64_t bytes,
                     bool is_delete, bool needs_yes)
{
    struct buffer what = {0};
    int status;

    buffer_add_string(&what, is_delete ? "delete " : "take ");
    add_what_goes(&what, request, jobs, count);
    buffer_add_string(&what, " (");
    report_add_bytes(&what, bytes);
    buffer_add_string(&what, is_delete ? " of bodies) for good"
                                       : " of bodies), undoably");
    buffer_add(&what, slice_make("", 1));
    status = ask(request, what.bytes, needs_yes);
    buffer_free(&what);
    return status;
}

/* ---- telling ---- */

static bool is_only_looking(const struct options *options)
{
    return options->is_dry_run || options->plan_file != NULL;
}

/* A command to be pasted: about the same queues and the same journal. */
static void add_run_command(struct buffer *out, const struct options *options,
                            const char *mode, const char *run)
{
    buffer_printf(out, "qscan %s=%s", mode, run);
    report_add_value(out, " -C ", options->config_file);
    report_add_value(out, " --journal=", options->journal_directory);
    report_add_paths(out, &options->queues);
}

static void add_json_result(const struct purge_request *request,
                            const struct act_result *result, size_t kept,
                            bool is_delete, struct buffer *out)
{
    bool is_dry = is_only_looking(request->options);
    bool is_there = !is_dry && result->purged > 0; /* a run to be named */
    struct slice none = {NULL, 0};
    struct buffer undo = {0};
    struct jsonout json;

    if (is_there && !is_delete)
        add_run_command(&undo, request->options, "--undo", result->run);
    jsonout_init(&json, out);
    jsonout_open(&json, '{');
    jsonout_field(&json, "run",
                  is_there ? slice_from_string(result->run) : none);
    jsonout_field(&json, "journal",
                  result->journals.count == 0
                      ? none
                      : slice_from_string(result->journals.strings[0]));
    jsonout_field_integer(&json, "purged", (int64_t)result->purged);
    jsonout_field_integer(&json, "kept", (int64_t)kept);
    jsonout_field_integer(&json, "busy", (int64_t)result->busy);
    jsonout_field_integer(&json, "changed", (int64_t)result->changed);
    jsonout_field_integer(&json, "vanished", (int64_t)result->vanished);
    jsonout_field_integer(&json, "failed", (int64_t)result->failed);
    jsonout_field_integer(&json, "unreached", (int64_t)result->unreached);
    jsonout_field_integer(&json, "held_bytes",
                          is_delete ? 0 : (int64_t)result->taken_bytes);
    jsonout_field(&json, "undo",
                  undo.len == 0 ? none : slice_make(undo.bytes, undo.len));
    jsonout_field_boolean(&json, "dry_run", is_dry);
    jsonout_close(&json, '}');
    buffer_add_string(out, "\n");
    buffer_free(&undo);
}

static void add_count(struct buffer *out, size_t count, const char *what)
{
    if (count > 0)
        buffer_printf(out, "  %zu %s\n", count, what);
}

static void add_text_result(const struct purge_request *request,
                            const struct act_result *result, size_t kept,
                            bool is_delete, struct buffer *out)
{
    bool is_dry = is_only_looking(request->options);

    /* by whatever reason: what is in the queue still */
    kept += result->busy + result->changed + result->failed + result->unreached;
    if (!is_dry && interrupt_signal() != 0)
        buffer_add_string(out, "Interrupted. ");
    buffer_add_string(out, is_dry
                               ? (is_delete ? "Would delete " : "Would take ")
                           : is_delete ? "Deleted "
                                       : "Took ");
    if (result->purged == 0) {
        buffer_add_string(out, "no message");
    } else {
        buffer_printf(out, "%zu message%s, ", result->purged,
                      result->purged == 1 ? "" : "s");
        report_add_bytes(out, result->taken_bytes);
    }
    buffer_printf(out, "; kept %zu.\n", kept);
    add_count(out, result->busy, "busy: being delivered, kept");
    add_count(out, result->changed, "changed since they were judged, kept");
    add_count(out, result->vanished,
              "gone meanwhile: delivered, or taken by another run");
    add_count(out, result->failed, "failed, kept: named above");
    add_count(out, result->unreached, "not reached before the end, kept");
    if (is_dry)
        buffer_add_string(out, "Nothing was changed.\n");
    if (is_dry || is_delete || result->purged == 0)
        return;
    buffer_add_string(out, "They are held and still take their space. ");
    buffer_add_string(out, "Put them back:\n  ");
    add_run_command(out, request->options, "--undo", result->run);
    buffer_add_string(out, "\nFree the space for good:\n  ");
    add_run_command(out, request->options, "--expunge", result->run);
    buffer_add_string(out, "\n");
}

static void tell(const struct purge_request *request,
                 const struct act_result *result, size_t kept, bool is_delete)
{
    struct buffer out = {0};

    if (request->options->format == FORMAT_JSON)
        add_json_result(request, result, kept, is_delete, &out);
    else if (request->options->format == FORMAT_TEXT)
        add_text_result(request, result, kept, is_delete, &out);
    output_write(request->output, &out);
    buffer_free(&out);
}

void purge_tell_interrupted(const struct purge_request *request)
{
    const struct act_result result = {.purged = 0};
    struct buffer out = {0};

    if (request->options->format == FORMAT_JSON)
        add_json_result(request, &result, 0, request->options->is_delete, &out);
    else if (request->options->format == FORMAT_TEXT)
        buffer_add_string(&out, "Interrupted. Took no message.\n");
    output_write(request->output, &out);
    buffer_free(&out);
}

/* ---- purging ---- */

/* The scan knows how large df is, where most of it is; what would be held is
 * the rest, too. */
static uint64_t control_bytes(const struct purge_request *request,
                              const struct selection *selection)
{
    const struct scan *scan = request->scan;
    uint64_t bytes = 0;

    for (size_t i = 0; i < selection->count; i++) {
        const struct facts *row = &scan->table.rows[selection->jobs[i].row];
        struct stat st;

        if (row->state != FACTS_ORPHAN && /* its only file is its size */
            queue_stat_row(scan->queues, row, &st))
            bytes += (uint64_t)st.st_size;
    }
    return bytes;
}

/* The plan and what it would come to; to the terminal, or to --plan's file. */
static int print_plan(const struct purge_request *request,
                      const struct selection *selection, struct output *output)
{
    struct options options = *request->options;
    struct purge_request to = *request;
    struct act_result result = {
        .purged = selection->count,
        .taken_bytes = selection->bytes + control_bytes(request, selection)};

    if (options.plan_file != NULL)
        options.format = FORMAT_JSON;
    to.options = &options;
    to.output = output;
    if (!list_print(&options, request->scan, action_of, &to, output))
        return EXIT_SOMETHING_FAILED;
    tell(&to, &result, selection->kept, options.is_delete);
    return request->complaints->count > 0 ? EXIT_SOMETHING_FAILED : EXIT_DONE;
}

static int write_plan(const struct purge_request *request,
                      const struct selection *selection)
{
    struct output output;
    int status;

    if (!output_open(&output, request->options->plan_file,
                     request->complaints)) {
        output_close(&output, false);
        return EXIT_NOTHING_DONE;
    }
    status = print_plan(request, selection, &output);
    if (!output_close(&output, status != EXIT_NOTHING_DONE))
        return EXIT_NOTHING_DONE;
    if (!request->options->is_quiet)
        fprintf(stderr,
                "qscan: %zu message%s in the plan; act on it with "
                "--apply\n",
                selection->count, selection->count == 1 ? "" : "s");
    return status;
}

static int act(const struct purge_request *request, struct act_job *jobs,
               size_t count, size_t kept, const struct plan *plan,
               bool is_delete)
{
    struct act_request act_request = {.scan = request->scan,
                                      .options = request->options,
                                      .jobs = jobs,
                                      .job_count = count,
                                      .is_delete = is_delete,
                                      .still_wanted = still_wanted,
                                      .context = (void *)request};
    struct act_result result = {.purged = 0};
    int status = EXIT_DONE;

    if (count > 0 && !act_take(&act_request, &result)) {
        act_result_free(&result);
        return EXIT_NOTHING_DONE;
    }
    result.unreached = count - result.purged - result.busy - result.changed -
                       result.vanished - result.failed;
    if (plan != NULL) {
        result.vanished += plan->missing_count;
        result.changed += plan->changed_count;
    }
    tell(request, &result, kept, is_delete);
    if (result.busy > 0 || result.failed > 0 || request->complaints->count > 0)
        status = EXIT_SOMETHING_FAILED;
    act_result_free(&result);
    return status;
}

static int run_apply(const struct purge_request *request)
{
    struct plan plan;
    uint64_t bytes = 0;
    int status;

    if (!plan_read(&plan, request->options->apply_file, request->scan,
                   request->complaints)) {
        plan_free(&plan);
        return EXIT_NOTHING_DONE;
    }
    for (size_t i = 0; i < plan.job_count; i++)
        bytes += plan.jobs[i].planned->data_bytes;
    if (!act_may_hold(request->scan, plan.jobs, plan.job_count)) {
        status = EXIT_NOTHING_DONE;
    } else if (request->options->is_dry_run) {
        struct act_result result = {.vanished = plan.missing_count,
                                    .changed = plan.changed_count};

        act_foresee(request->scan, plan.jobs, plan.job_count, &result);
        tell(request, &result, 0, plan.is_delete);
        status = EXIT_DONE;
    } else {
        status = plan.job_count == 0
                     ? EXIT_DONE
                     : ask_purge(request, plan.jobs, plan.job_count, bytes,
                                 plan.is_delete, true);
        if (status == EXIT_DONE)
            status = act(request, plan.jobs, plan.job_count, 0, &plan,
                         plan.is_delete);
    }
    plan_free(&plan);
    return status;
}

int purge_run(const struct purge_request *request)
{
    const struct options *options = request->options;
    struct selection selection;
    int status;

    if (options->mode == MODE_APPLY)
        return run_apply(request);
    if (!select_jobs(request, &selection)) {
        complain(request->complaints, SLICE_LITERAL("memory"), "not enough",
                 NULL, "nothing done");
        return EXIT_NOTHING_DONE;
    }
    if (!act_may_hold(request->scan, selection.jobs, selection.count)) {
        status = EXIT_NOTHING_DONE;
    } else if (options->plan_file != NULL) {
        status = write_plan(request, &selection);
    } else if (options->is_dry_run) {
        status = print_plan(request, &selection, request->output);
    } else {
        bool needs_yes =
            options->is_delete || (options->mode == MODE_PURGE_CLASS &&
                                   is_any_class_unjudged(request));

        status =
            selection.count == 0
                ? EXIT_DONE
                : ask_purge(request, selection.jobs, selection.count,
                            selection.bytes, options->is_delete, needs_yes);
        if (status == EXIT_DONE)
            status = act(request, selection.jobs, selection.count,
                         selection.kept, NULL, options->is_delete);
    }
    free(selection.jobs);
    return status;
}

/* ---- runs ---- */

static struct place_request places_of(const struct purge_request *request)
{
    return (struct place_request){.queues = request->queues,
                                  .options = request->options,
                                  .complaints = request->complaints};
}

/* A name mistyped is no folder without runs. */
static bool has_journal_folder(const struct purge_request *request)
{
    const char *path = request->options->journal_directory;
    struct stat st;
    int error;

    if (path == NULL)
        return true;
    error = stat(path, &st) < 0 ? errno : S_ISDIR(st.st_mode) ? 0 : ENOTDIR;
    if (error != 0)
        complain(request->complaints, slice_from_string(path),
                 "no journal can be there", strerror(error), "nothing done");
    return error == 0;
}

static bool is_wanted_run(const struct options *options, const char *name)
{
    int64_t began = hold_run_time(name);

    return options->older_sec < 0 ||
           (began >= 0 && time(NULL) - began >= options->older_sec);
}

static int64_t old_before(const struct purge_request *request)
{
    return time(NULL) - request->config->return_sec;
}

/* A run whose expunging was killed holds nothing to put back, but files; one
 * with --delete that was killed holds nothing, but leaves df in the queue. */
static bool has_work(const struct options *options, const struct held_run *run)
{
    return run->held_count > 0 || run->split_count > 0 ||
           (options->mode == MODE_EXPUNGE &&
            (run->rest_count > 0 || run->is_expunging ||
             (run->is_unfinished && run->is_delete)));
}

/* The run that was named, or the latest that still holds something. */
static bool choose_run(const struct purge_request *request,
                       struct held_run *run_r)
{
    struct place_request places = places_of(request);
    const char *wanted = request->options->run;
    size_t complaints = request->complaints->count;
    struct string_list runs = {0};
    bool is_found = false, is_any_told_of = false;

    if (wanted != NULL && !hold_is_run_name(wanted)) {
        complain(request->complaints, slice_from_string(wanted),
                 "not the name of a run", "--runs lists them", "nothing done");
        return false;
    }
    if (!has_journal_folder(request))
        return false;
    hold_list_runs(request->queues, &runs, request->complaints);
    for (size_t i = runs.count; i > 0 && !is_found; i--) {
        const char *name = runs.strings[i - 1];

        if (wanted != NULL && strcmp(name, wanted) != 0)
            continue;
        is_found = runs_look_at(&places, name, old_before(request), run_r) &&
                   (wanted != NULL || has_work(request->options, run_r));
        is_any_told_of = is_any_told_of || run_r->has_strangers;
    }
    string_list_free(&runs);
    if (!is_found)
        complain(request->complaints,
                 slice_from_string(wanted != NULL ? wanted
                                   : request->options->mode == MODE_EXPUNGE
                                       ? "--expunge"
                                       : "--undo"),
                 wanted != NULL ? "no such run"
                 : is_any_told_of || request->complaints->count > complaints
                     ? "no other run holds anything"
                     : "no run holds anything",
                 NULL, "nothing done");
    return is_found;
}

static void add_span_text(struct buffer *out, int64_t sec)
{
    if (sec % (24 * 3600) == 0)
        buffer_printf(out, "%lld day%s", (long long)(sec / (24 * 3600)),
                      sec == 24 * 3600 ? "" : "s");
    else
        list_add_span(out, sec);
}

static size_t count_to_restore(const struct held_run *run)
{
    return run->held_count + run->split_count;
}

static int ask_undo(const struct purge_request *request,
                    const struct held_run *run)
{
    struct buffer what = {0};
    int status;

    buffer_printf(&what, "put back %zu message%s of run %s",
                  count_to_restore(run), count_to_restore(run) == 1 ? "" : "s",
                  run->name);
    if (run->old_count > 0) {
        buffer_printf(&what, ", %zu of them older than ", run->old_count);
        add_span_text(&what, request->config->return_sec);
        buffer_add_string(
            &what, " (sendmail will return those to postmaster at once)");
    }
    buffer_add(&what, slice_make("", 1));
    status = ask(request, what.bytes, run->old_count > 0);
    buffer_free(&what);
    return status;
}

static void tell_undo(const struct purge_request *request,
                      const struct held_run *run,
                      const struct undo_result *result, bool is_dry)
{
    size_t count = result->restored;
    /* of what goes back no more can be old */
    size_t old_count = count > run->old_count ? run->old_count : count;
    struct buffer out = {0};
    struct jsonout json;

    if (request->options->format == FORMAT_JSON) {
        jsonout_init(&json, &out);
        jsonout_open(&json, '{');
        jsonout_field(&json, "run", slice_from_string(run->name));
        jsonout_field_integer(&json, "restored", is_dry ? 0 : (int64_t)count);
        if (is_dry)
            jsonout_field_integer(&json, "would_restore", (int64_t)count);
        jsonout_field_integer(&json, "left", (int64_t)result->left);
        jsonout_field_integer(&json, "failed", (int64_t)result->failed);
        jsonout_field_integer(&json, "older_than_return", (int64_t)old_count);
        jsonout_field_boolean(&json, "dry_run", is_dry);
        jsonout_close(&json, '}');
        buffer_add_string(&out, "\n");
    } else {
        if (interrupt_signal() != 0)
            buffer_add_string(&out, "Interrupted. ");
        buffer_printf(&out, "%s %zu message%s of run %s.\n",
                      is_dry ? "Would put back" : "Put back", count,
                      count == 1 ? "" : "s", run->name);
        if (old_count > 0) {
            buffer_printf(&out, "  %s%zu older than ",
                          old_count < run->old_count ? "up to " : "",
                          old_count);
            add_span_text(&out, request->config->return_sec);
            buffer_add_string(&out, ": returned to postmaster at the next "
                                    "queue run\n");
        }
        add_count(&out, result->left, "stay held: files of their ids exist");
        add_count(&out, result->failed, "failed, named above");
    }
    output_write(request->output, &out);
    buffer_free(&out);
}

/* Who undoes the latest run may have meant one before. */
static void tell_of_others(const struct purge_request *request,
                           const char *name)
{
    struct place_request places = places_of(request);
    struct string_list runs = {0};
    struct buffer out = {0};

    if (request->options->format == FORMAT_JSON)
        return;
    hold_list_runs(request->queues, &runs, request->complaints);
    for (size_t i = runs.count; i > 0 && out.len == 0; i--) {
        const char *other = runs.strings[i - 1];
        struct held_run run;

        /* a look at the folder spares the journal of every run undone before */
        if (strcmp(other, name) != 0 &&
            hold_has_control(request->queues, other) &&
            runs_look_at(&places, other, 0, &run) && run.held_count > 0)
            buffer_printf(&out, "Run %s still holds %zu message%s.\n", other,
                          run.held_count, run.held_count == 1 ? "" : "s");
    }
    output_write(request->output, &out);
    buffer_free(&out);
    string_list_free(&runs);
}

/* Why there is nothing to put back, after find_strangers had its say. */
static const char *why_nothing_is_held(const struct held_run *run)
{
    if (run->expunged_count > 0)
        return run->expunged_count < run->taken_count
                   ? "was undone before, but for what an expunge had removed"
                   : "its messages were removed for good by an expunge";
    if (run->is_delete)
        return "its messages were deleted for good, not held";
    if (run->has_strangers)
        return run->has_journal ? "holds nothing that its journal names"
                                : "cannot be undone without its journal";
    return run->taken_count > 0 ? "was undone before" : "took nothing";
}

/* Of a run that does not come back whole. */
static void complain_expunged(const struct purge_request *request,
                              const struct held_run *run)
{
    char what[96];

    if (run->expunged_count == 0)
        return;
    snprintf(what, sizeof(what),
             run->expunged_count == 1
                 ? "%zu of its messages was removed for good by an expunge"
                 : "%zu of its messages were removed for good by an expunge",
             run->expunged_count);
    complain(request->complaints, slice_from_string(run->name), what, NULL,
             "only the rest can be put back");
}

static int undo_status(const struct purge_request *request,
                       const struct undo_result *result)
{
    return result->left > 0 || result->failed > 0 ||
                   request->complaints->count > 0
               ? EXIT_SOMETHING_FAILED
               : EXIT_DONE;
}

int purge_undo(const struct purge_request *request)
{
    struct place_request places = places_of(request);
    struct held_run run;
    struct undo_result result = {0};
    int status;

    if (!choose_run(request, &run))
        return EXIT_NOTHING_DONE;
    if (count_to_restore(&run) == 0 &&
        (run.expunged_count > 0 || run.is_delete || !run.is_unfinished)) {
        complain(request->complaints, slice_from_string(run.name),
                 why_nothing_is_held(&run), NULL, "nothing done");
        return EXIT_NOTHING_DONE;
    }
    complain_expunged(request, &run);
    if (request->options->is_dry_run) {
        undo_foresee(&places, run.name, &result);
        tell_undo(request, &run, &result, true);
        return undo_status(request, &result);
    }
    status = ask_undo(request, &run);
    if (status != EXIT_DONE)
        return status;
    undo_restore(&places, run.name, &result);
    act_log_result(request->options, run.name, "undo",
                   &(struct act_log){.restored = result.restored,
                                     .left = result.left,
                                     .failed = result.failed});
    tell_undo(request, &run, &result, false);
    tell_of_others(request, run.name);
    return undo_status(request, &result);
}

/* The runs that --expunge means, and what they hold together. */
struct expunging {
    struct string_list names;
    size_t message_count, file_count;
    uint64_t bytes;
};

static bool add_expunged(struct expunging *expunging,
                         const struct held_run *run)
{
    expunging->message_count += run->held_count;
    expunging->file_count += run->file_count;
    expunging->bytes += run->held_bytes;
    return string_list_add(&expunging->names, slice_from_string(run->name));
}

/* Or holds nothing that one could name. */
static bool has_its_journal(const struct held_run *run)
{
    return run->has_journal || !run->has_strangers;
}

/* The one named, all older than --older, or the latest that holds
 * something. */
static bool choose_expunged(const struct purge_request *request,
                            struct expunging *expunging)
{
    struct place_request places = places_of(request);
    struct string_list runs = {0};
    struct held_run run;

    if (request->options->older_sec < 0 || request->options->run != NULL) {
        if (!choose_run(request, &run))
            return false;
        if (has_its_journal(&run) && is_wanted_run(request->options, run.name))
            return add_expunged(expunging, &run);
        complain(request->complaints, slice_from_string(run.name),
                 has_its_journal(&run) ? "not expunged"
                                       : "cannot be expunged without its "
                                         "journal",
                 has_its_journal(&run) ? "it is younger than --older" : NULL,
                 "nothing done");
        return false;
    }
    if (!has_journal_folder(request))
        return false;
    hold_list_runs(request->queues, &runs, request->complaints);
    for (size_t i = 0; i < runs.count; i++)
        /* one whose journal is elsewhere was told of, and is left alone */
        if (is_wanted_run(request->options, runs.strings[i]) &&
            runs_look_at(&places, runs.strings[i], 0, &run) &&
            has_its_journal(&run))
            add_expunged(expunging, &run);
    string_list_free(&runs);
    return true;
}

static void add_stamp(struct buffer *out, int64_t epoch_sec)
{
    char stamp[64] = "";
    time_t began = (time_t)epoch_sec;
    struct tm tm;

    if (localtime_r(&began, &tm) != NULL)
        strftime(stamp, sizeof(stamp), "%Y-%m-%d %H:%M", &tm);
    buffer_add_string(out, stamp);
}

/* "run RUN of DAY TIME: 12 messages, 1.2 MB" */
static void add_expunging(struct buffer *out, const struct expunging *expunging)
{
    size_t count = expunging->names.count;

    if (count == 1) {
        buffer_printf(out, "run %s of ", expunging->names.strings[0]);
        add_stamp(out, hold_run_time(expunging->names.strings[0]));
    } else {
        buffer_printf(out, "%zu runs", count);
    }
    buffer_printf(out, " (%zu message%s, ", expunging->message_count,
                  expunging->message_count == 1 ? "" : "s");
    report_add_bytes(out, expunging->bytes);
    buffer_add_string(out, ")");
}

static void tell_would_expunge(const struct purge_request *request,
                               const struct expunging *expunging)
{
    struct buffer out = {0};
    struct jsonout json;

    if (request->options->format == FORMAT_JSON) {
        jsonout_init(&json, &out);
        jsonout_open(&json, '{');
        jsonout_field_integer(&json, "runs", (int64_t)expunging->names.count);
        jsonout_field_integer(&json, "messages",
                              (int64_t)expunging->message_count);
        jsonout_field_integer(&json, "files", (int64_t)expunging->file_count);
        jsonout_field_integer(&json, "would_free_bytes",
                              (int64_t)expunging->bytes);
        jsonout_field_boolean(&json, "dry_run", true);
        jsonout_close(&json, '}');
        buffer_add_string(&out, "\n");
    } else {
        buffer_add_string(&out, "Would expunge ");
        add_expunging(&out, expunging);
        buffer_add_string(&out, " for good; nothing was changed\n");
    }
    output_write(request->output, &out);
    buffer_free(&out);
}

static void tell_expunge(const struct purge_request *request, size_t run_count,
                         const struct expunge_result *result)
{
    struct buffer out = {0};
    struct jsonout json;

    if (request->options->format == FORMAT_JSON) {
        jsonout_init(&json, &out);
        jsonout_open(&json, '{');
        jsonout_field_integer(&json, "runs", (int64_t)run_count);
        jsonout_field_integer(&json, "files", (int64_t)result->files);
        jsonout_field_integer(&json, "freed_bytes",
                              (int64_t)result->freed_bytes);
        jsonout_field_integer(&json, "failed", (int64_t)result->failed);
        jsonout_field_boolean(&json, "dry_run", request->options->is_dry_run);
        jsonout_close(&json, '}');
        buffer_add_string(&out, "\n");
    } else {
        if (interrupt_signal() != 0)
            buffer_add_string(&out, "Interrupted. ");
        buffer_printf(&out, "Expunged %zu run%s: %zu file%s, ", run_count,
                      run_count == 1 ? "" : "s", result->files,
                      result->files == 1 ? "" : "s");
        report_add_bytes(&out, result->freed_bytes);
        buffer_add_string(&out, " freed.\n");
        add_count(&out, result->failed, "failed, named above");
    }
    output_write(request->output, &out);
    buffer_free(&out);
}

static int expunge(const struct purge_request *request,
                   const struct expunging *expunging)
{
    struct place_request places = places_of(request);
    struct expunge_result sum = {0};
    size_t expunged_count = 0;

    for (size_t i = 0; i < expunging->names.count && interrupt_signal() == 0;
         i++) {
        const char *name = expunging->names.strings[i];
        struct expunge_result result;

        expunge_run(&places, name, &result);
        expunged_count += result.failed == 0 && interrupt_signal() == 0;
        sum.files += result.files;
        sum.freed_bytes += result.freed_bytes;
        sum.failed += result.failed;
    }
    tell_expunge(request, expunged_count, &sum);
    return sum.failed > 0 || request->complaints->count > 0
               ? EXIT_SOMETHING_FAILED
               : EXIT_DONE;
}

int purge_expunge(const struct purge_request *request)
{
    struct expunging expunging = {.bytes = 0};
    struct buffer what = {0};
    int status = EXIT_DONE;

    if (!choose_expunged(request, &expunging)) {
        status = EXIT_NOTHING_DONE;
    } else if (expunging.names.count == 0) {
        /* a weekly cron job must not mail about it */
        if (request->options->is_dry_run)
            tell_would_expunge(request, &expunging);
        else
            tell_expunge(request, 0, &(struct expunge_result){0});
    } else if (request->options->is_dry_run) {
        tell_would_expunge(request, &expunging);
        status =
            request->complaints->count > 0 ? EXIT_SOMETHING_FAILED : EXIT_DONE;
    } else {
        buffer_add_string(&what, "expunge ");
        add_expunging(&what, &expunging);
        buffer_add_string(&what, " for good");
        buffer_add(&what, slice_make("", 1));
        status = ask(request, what.bytes, true);
        if (status == EXIT_DONE)
            status = expunge(request, &expunging);
    }
    buffer_free(&what);
    string_list_free(&expunging.names);
    return status;
}

/* An expunge of it did not come to its end, and no undo put back the rest. */
static bool is_half_expunged(const struct held_run *run)
{
    return run->is_expunging ||
           (run->expunged_count > 0 &&
            (run->file_count > 0 || run->expunged_count >= run->taken_count));
}

enum run_state {
    RUN_WORKING,
    RUN_HALF_EXPUNGED,
    RUN_UNFINISHED,
    RUN_DELETED,
    RUN_HELD,
    RUN_ELSEWHERE, /* --journal=DIR: what it holds, only that knows */
    RUN_UNDONE,
    RUN_EMPTY,
};

static enum run_state state_of(const struct held_run *run)
{
    if (run->is_alive)
        return RUN_WORKING;
    if (is_half_expunged(run))
        return RUN_HALF_EXPUNGED;
    if (run->is_unfinished || run->rest_count > 0)
        return RUN_UNFINISHED;
    if (run->is_delete)
        return RUN_DELETED;
    if (run->held_count > 0)
        return RUN_HELD;
    if (!has_its_journal(run))
        return RUN_ELSEWHERE;
    return run->taken_count > 0 ? RUN_UNDONE : RUN_EMPTY;
}

static const char *const state_texts[] = {
    [RUN_WORKING] = "working",
    [RUN_HALF_EXPUNGED] = "half-expunged",
    [RUN_UNFINISHED] = "unfinished",
    [RUN_DELETED] = "deleted",
    [RUN_HELD] = "held",
    [RUN_ELSEWHERE] = "elsewhere",
    [RUN_UNDONE] = "undone",
    [RUN_EMPTY] = "empty",
};

/* Null where nobody knows. */
static void add_run_count(struct jsonout *json, const char *key, bool is_known,
                          uint64_t count)
{
    jsonout_key(json, key);
    if (is_known)
        jsonout_integer(json, (int64_t)count);
    else
        jsonout_null(json);
}

static void add_run(struct buffer *out, enum format format,
                    const struct held_run *run)
{
    enum run_state state = state_of(run);
    bool is_known = state != RUN_ELSEWHERE;
    struct jsonout json;
    struct buffer stamp = {0};

    if (format == FORMAT_JSON) {
        jsonout_init(&json, out);
        jsonout_open(&json, '{');
        jsonout_field(&json, "run", slice_from_string(run->name));
        jsonout_field_integer(&json, "time", run->time);
        jsonout_field(&json, "state", slice_from_string(state_texts[state]));
        add_run_count(&json, "taken", is_known, run->taken_count);
        add_run_count(&json, "held", is_known, run->held_count);
        add_run_count(&json, "held_bytes", is_known, run->held_bytes);
        add_run_count(&json, "expunged", is_known, run->expunged_count);
        jsonout_close(&json, '}');
        buffer_add_string(out, "\n");
        return;
    }
    add_stamp(&stamp, run->time);
    buffer_printf(out, "%-24s %-16.*s %-13s", run->name, (int)stamp.len,
                  stamp.bytes, state_texts[state]);
    if (is_known)
        buffer_printf(out, " %8zu  %7.1f\n", run->held_count,
                      (double)run->held_bytes / 1e6);
    else
        buffer_printf(out, " %8s  %7s\n", "-", "-");
    buffer_free(&stamp);
}

int purge_list_runs(const struct purge_request *request)
{
    struct place_request places = places_of(request);
    struct string_list runs = {0};
    struct buffer out = {0};
    size_t shown = 0;

    if (!has_journal_folder(request))
        return EXIT_NOTHING_DONE;
    hold_list_runs(request->queues, &runs, request->complaints);
    for (size_t i = 0; i < runs.count; i++) {
        struct held_run run;

        if (!is_wanted_run(request->options, runs.strings[i]) ||
            !runs_look_at(&places, runs.strings[i], 0, &run))
            continue;
        if (shown++ == 0 && request->options->format == FORMAT_TEXT)
            buffer_add_string(&out, "run                      began"
                                    "            state         messages       "
                                    "MB\n");
        add_run(&out, request->options->format, &run);
    }
    if (shown == 0 && request->options->format == FORMAT_TEXT)
        buffer_add_string(&out, "No runs.\n");
    output_write(request->output, &out);
    buffer_free(&out);
    string_list_free(&runs);
    return request->complaints->count > 0 ? EXIT_SOMETHING_FAILED : EXIT_DONE;
}
