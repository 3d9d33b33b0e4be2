#include "qscan/purge.h"

#include <stdio.h>
#include <stdlib.h>

#include "qscan/ask.h"
#include "qscan/interrupt.h"
#include "qscan/list.h"
#include "qscan/plan.h"
#include "qscan/report.h"
#include "qscan/rowtext.h"

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

static bool ask_purge(const struct purge_request *request,
                      const struct act_job *jobs, size_t count, uint64_t bytes,
                      bool is_delete, bool needs_yes)
{
    struct buffer what = {0};
    bool is_confirmed;

    buffer_add_string(&what, is_delete ? "delete " : "take ");
    add_what_goes(&what, request, jobs, count);
    buffer_add_string(&what, " (");
    report_add_bytes(&what, bytes);
    buffer_add_string(&what, is_delete ? " of bodies) for good"
                                       : " of bodies), undoably");
    buffer_add(&what, slice_make("", 1));
    is_confirmed = ask_confirm(request->options, request->complaints,
                               what.bytes, needs_yes);
    buffer_free(&what);
    return is_confirmed;
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
    report_add_count_line(out, result->busy, "busy: being delivered, kept");
    report_add_count_line(out, result->changed,
                          "changed since they were judged, kept");
    report_add_count_line(out, result->vanished,
                          "gone meanwhile: delivered, or taken by another run");
    report_add_count_line(out, result->failed, "failed, kept: named above");
    report_add_count_line(out, result->unreached,
                          "not reached before the end, kept");
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
        status =
            plan.job_count == 0 || ask_purge(request, plan.jobs, plan.job_count,
                                             bytes, plan.is_delete, true)
                ? act(request, plan.jobs, plan.job_count, 0, &plan,
                      plan.is_delete)
                : EXIT_NOTHING_DONE;
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
            selection.count == 0 ||
                    ask_purge(request, selection.jobs, selection.count,
                              selection.bytes, options->is_delete, needs_yes)
                ? act(request, selection.jobs, selection.count, selection.kept,
                      NULL, options->is_delete)
                : EXIT_NOTHING_DONE;
    }
    free(selection.jobs);
    return status;
}
