/*
 * qscan: judges a sendmail queue by rules and takes away, undoably, the
 * bounces that no host will ever accept. This file is the line from argv to
 * the mode; each mode has a file of its own.
 */
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "parsers/input.h"
#include "qscan/attackers.h"
#include "qscan/explain.h"
#include "qscan/find.h"
#include "qscan/interrupt.h"
#include "qscan/list.h"
#include "qscan/logread.h"
#include "qscan/logsummary.h"
#include "qscan/purge.h"
#include "qscan/ruleset.h"
#include "qscan/scan.h"
#include "qscan/summary.h"
#include "qscan/runs.h"
#include "qscan/version.h"

enum { IDS_NAMED = 10 }; /* of those that are not in the queue */

struct program {
    struct options options;
    struct config config;
    struct queue_set queues;
    struct ruleset ruleset;
    struct rules *where;
    struct scan scan;
    struct complaints complaints;
    struct output output;
};

static int run_check_rules(struct program *program)
{
    struct rules_check_result result = {0};
    struct timespec start, end;

    clock_gettime(CLOCK_MONOTONIC, &start);
    rules_check(program->ruleset.rules, ruleset_complain, &program->complaints,
                &result);
    clock_gettime(CLOCK_MONOTONIC, &end);
    fprintf(program->output.file,
            "rules %zu, events %zu, files %zu, samples %zu, failed %zu, "
            "%.1f ms\n",
            result.rule_count, result.event_count, program->ruleset.file_count,
            result.sample_count, result.failed_count,
            (double)(end.tv_sec - start.tv_sec) * 1e3 +
                (double)(end.tv_nsec - start.tv_nsec) / 1e6);
    return result.failed_count > 0 ? EXIT_SOMETHING_FAILED : EXIT_DONE;
}

/* What is missing on a copied sendmail.cf's host is said; what is there and
 * cannot be read is a failure, but not of a log. */
static void tell_of_faults(struct program *program, bool is_failure)
{
    const struct config *config = &program->config;

    for (size_t i = 0; i < config->fault_count; i++) {
        const struct config_fault *fault = &config->faults[i];

        /* what sendmail itself would read well, or do without, is no failure */
        (is_failure && fault->error > 0 && fault->error != ENOENT
             ? complain
             : complain_warning)(
            &program->complaints, slice_from_string(fault->path),
            "cannot be read", config_fault_text(fault),
            fault->lists_hosts
                ? "domains and hosts of ours that it lists are not known"
                : "domains of ours that it lists are not known");
    }
}

static bool load_rules(struct program *program)
{
    const struct options *options = &program->options;
    /* The domains of this host are no matter to another host's queue. */
    bool is_ours = program->queues.is_from_config ||
                   options->config_file != NULL ||
                   queue_is_configured(&program->queues, &program->config);

    if (is_ours)
        tell_of_faults(program, true);
    if (!ruleset_load(&program->ruleset, &options->rules, &program->config,
                      is_ours, &program->complaints))
        return false;
    if (options->where == NULL)
        return true;
    program->where = rules_compile_condition(
        program->ruleset.rules, slice_from_string(options->where),
        ruleset_complain, &program->complaints);
    if (program->where == NULL)
        complain(&program->complaints, SLICE_LITERAL("--where"),
                 "the condition is refused", NULL, "nothing done");
    return program->where != NULL;
}

static bool is_of_queues(enum mode mode)
{
    return mode != MODE_LOGS && mode != MODE_ATTACKERS &&
           mode != MODE_CHECK_RULES;
}

/* A file that is named must be there, and be what it is named as: with no
 * domains of ours, mail for them would be judged as a stranger's. Of the usual
 * ones, one that is there and does not help is told of. */
static bool read_config(struct program *program)
{
    const struct options *options = &program->options;
    const struct config *config = &program->config;
    bool is_named = options->config_file != NULL;
    bool is_failure =
        is_named || (is_of_queues(options->mode) && options->queues.count == 0);
    int error = config_read(&program->config, options->config_file);
    const char *file = is_named ? options->config_file : config->file;

    if (error == 0)
        return true;
    (is_failure ? complain : complain_warning)(
        &program->complaints,
        slice_from_string(file == NULL ? "sendmail.cf" : file),
        error == CONFIG_IS_NONE ? "not a sendmail.cf" : "cannot be read",
        error == CONFIG_IS_NONE ? "no line of a configuration in it"
                                : strerror(error),
        is_failure ? "nothing done"
                   : "queues and domains that it names are not known");
    return !is_failure;
}

static bool open_queues(struct program *program)
{
    if (queue_open(&program->queues, &program->options.queues, &program->config,
                   &program->complaints))
        return true;
    complain(&program->complaints, SLICE_LITERAL("queues"), "none can be read",
             NULL, "nothing done");
    return false;
}

static struct place_request places_of(struct program *program)
{
    return (struct place_request){.queues = &program->queues,
                                  .options = &program->options,
                                  .complaints = &program->complaints};
}

/*
 * A run that was killed is completed by the next one that takes. What it holds
 * still counts in the crowd: the bounces of a source are as many as they were.
 */
static void add_unfinished(struct program *program)
{
    struct place_request places = places_of(program);
    struct string_list runs = {0};

    runs_list_unfinished(&places, &runs);
    for (size_t i = 0; i < runs.count; i++) {
        if (options_is_taking(&program->options))
            runs_complete(&places, runs.strings[i]);
        runs_add_held_rows(&places, runs.strings[i], NULL,
                           &program->scan.table);
    }
    string_list_free(&runs);
}

static void set_scene(struct program *program)
{
    struct scan *scan = &program->scan;
    const struct options *options = &program->options;
    int64_t clock = time(NULL);

    scan->queues = &program->queues;
    scan->scene.queues = scan->queues;
    scan->scene.rules = program->ruleset.rules;
    scan->scene.where = program->where;
    scan->scene.now = options->now >= 0 ? options->now : clock;
    /* A message must not grow old by a word on the command line. */
    if (scan->scene.now > clock && options_is_purge_mode(options->mode) &&
        (!options->is_dry_run || options->plan_file != NULL)) {
        complain_warning(&program->complaints, SLICE_LITERAL("--now"),
                         "lies in the future", NULL,
                         "ages are judged as of the clock");
        scan->scene.now = clock;
    }
    scan->scene.is_domains_known = program->ruleset.is_domains_known;
    scan->worker_count = options->workers;
    scan->reads_data = rules_need(program->ruleset.rules, FROM_DATA_FILE) ||
                       rules_need(program->ruleset.rules, FROM_CROWD);
    scan->looks_at_files = options->mode != MODE_SUMMARY;
    scan->progress.when = options->progress;
    scan->complaints = &program->complaints;
    scan->is_verbose = options->is_verbose;
}

static void add_known(void *context, const char *domain, unsigned count)
{
    scan_add_known_clients(context, domain, count);
}

/* A purge takes away the very bounces that showed for which domains mail
 * comes in; its journal remembers it. */
static void add_known_clients(struct program *program)
{
    struct place_request places = places_of(program);

    runs_read_clients(&places, add_known, &program->scan);
}

static bool judge_queue(struct program *program)
{
    struct scan *scan = &program->scan;
    int64_t began = time(NULL);
    bool is_done;

    set_scene(program);
    add_unfinished(program);
    add_known_clients(program);
    if (options_is_purge_mode(program->options.mode) &&
        !program->options.is_dry_run) {
        scan->newnames = newnames_new(&program->queues);
        /* what is told of by a server may be old */
        if (scan->newnames != NULL)
            scan->scene.basis_before = began;
        keyed_hash_new_key(scan->scene.basis_key);
    }
    is_done =
        program->options.mode == MODE_APPLY ? scan_list(scan) : scan_run(scan);
    if (program->queues.unreadable_count > 0) {
        newnames_free(
            scan->newnames); /* not all was listed: it must be looked for */
        scan->newnames = NULL;
    }
    if (!is_done && interrupt_signal() == 0)
        complain(&program->complaints, SLICE_LITERAL("memory"), "not enough",
                 NULL, "nothing done");
    return is_done && interrupt_signal() == 0;
}

static void free_held(struct explain_held *held)
{
    free(held->class);
    free(held->rule);
    *held = (struct explain_held){.run = ""};
}

/* A message that a run holds is found too, with the journal's reason. */
static const struct facts *find_held(struct program *program, const char *id,
                                     struct explain_held *held_r)
{
    struct place_request places = places_of(program);
    struct facts_table *table = &program->scan.table;

    if (!runs_find_held(&places, id, held_r->run, &held_r->class,
                        &held_r->rule))
        return NULL;
    if (runs_add_held_rows(&places, held_r->run, id, table) > 0)
        return &table->rows[table->count - 1];
    free_held(held_r);
    return NULL;
}

static void add_held(struct buffer *out, const char *id,
                     const struct explain_held *held)
{
    buffer_add_escaped(out, slice_from_string(id), 0);
    buffer_printf(out, " is held by run %s: class ", held->run);
    buffer_add_escaped(out, slice_from_string(held->class), 0);
    buffer_add_string(out, ", rule ");
    buffer_add_escaped(out, slice_from_string(held->rule), 0);
    buffer_add_string(out, "\n");
}

static int show_or_explain(struct program *program, const struct facts *row,
                           const struct explain_held *held, struct buffer *out)
{
    const struct options *options = &program->options;
    struct message message;
    enum input_outcome outcome;

    message_init(&message, &program->scan.scene);
    outcome = message_load(&message, row, true);
    if (outcome != INPUT_OK && row->state != FACTS_ORPHAN)
        complain(&program->complaints, slice_from_string(options->id),
                 "cannot be read", input_outcome_text(outcome), "left alone");
    else if (options->mode == MODE_SHOW)
        show_message(&message, out);
    else
        explain_message(&message, held, options->format, out);
    message_free(&message);
    return program->complaints.count > 0 ? EXIT_SOMETHING_FAILED : EXIT_DONE;
}

static const struct facts *find_message(struct program *program,
                                        const struct find_name *name,
                                        struct explain_held *held_r)
{
    const struct facts *row = find_row(&program->scan, name), *held;

    /* a run that did not come to its end has rows from the beginning */
    if (row != NULL ? !row->is_held : name->has_folder && !name->is_folder)
        return row;
    held = find_held(program, name->id, held_r);
    return held != NULL ? held : row;
}

/* "6AI4" may be meant for all ids of a day. */
static const char *why_missing(const struct facts_table *table, const char *id)
{
    struct slice start = slice_from_string(id);

    for (size_t i = 0; start.len > 0 && i < table->count; i++)
        if (table->rows[i].state != FACTS_GONE &&
            slice_starts(facts_id(&table->rows[i]), start))
            return "some begin so, but an id is taken whole";
    return NULL;
}

static void complain_missing(struct program *program, const char *id)
{
    complain(&program->complaints, slice_from_string(id),
             "no message of this id in the queue",
             why_missing(&program->scan.table, id), "nothing done");
}

static void complain_no_file(struct program *program,
                             const struct find_name *name)
{
    struct find_name any = find_by_id(name->id);
    const char *why = find_row(&program->scan, &any) != NULL
                          ? "a message of this id has files of other names"
                          : why_missing(&program->scan.table, name->id);

    complain(&program->complaints, slice_from_string(program->options.id),
             "no such file in the queue", why, "nothing done");
}

static int run_one_message(struct program *program)
{
    struct options *options = &program->options;
    struct buffer out = {0};
    struct find_name name = find_by_id(options->id);
    struct explain_held held = {.run = ""};
    const struct facts *row = find_message(program, &name, &held);
    int status = EXIT_NOTHING_DONE;

    if (row == NULL && find_parse(&name, options->id))
        row = find_message(program, &name, &held);
    if (row != NULL) {
        if (held.run[0] != '\0' && options->format == FORMAT_TEXT)
            add_held(&out, name.id, &held);
        status = show_or_explain(program, row, &held, &out);
        output_write(&program->output, &out);
    } else if (name.letter != 0) {
        complain_no_file(program, &name);
    } else {
        complain_missing(program, options->id);
    }
    free_held(&held);
    buffer_free(&out);
    return status;
}

static struct purge_request purge_request_of(struct program *program)
{
    return (struct purge_request){.options = &program->options,
                                  .config = &program->config,
                                  .queues = &program->queues,
                                  .scan = &program->scan,
                                  .complaints = &program->complaints,
                                  .output = &program->output};
}

static int run_mode(struct program *program)
{
    struct purge_request purge;

    switch (program->options.mode) {
    case MODE_SUMMARY:
        if (!summary_print(&program->options, &program->scan, &program->output))
            return EXIT_SOMETHING_FAILED;
        break;
    case MODE_LIST:
        if (!list_print(&program->options, &program->scan, NULL, NULL,
                        &program->output))
            return EXIT_SOMETHING_FAILED;
        break;
    case MODE_EXPLAIN:
    case MODE_SHOW:
        return run_one_message(program);
    case MODE_PURGE_BOUNCES:
    case MODE_PURGE_CLASS:
    case MODE_APPLY:
        purge = purge_request_of(program);
        return purge_run(&purge);
    case MODE_UNDO:
    case MODE_EXPUNGE:
    case MODE_RUNS:
    case MODE_CHECK_RULES:
    case MODE_LOGS:
    case MODE_ATTACKERS:
        break; /* they judge no queue */
    }
    return program->complaints.count > 0 ? EXIT_SOMETHING_FAILED : EXIT_DONE;
}

static int run_on_runs(struct program *program)
{
    struct purge_request purge = purge_request_of(program);

    switch (program->options.mode) {
    case MODE_UNDO:
        return purge_undo(&purge);
    case MODE_EXPUNGE:
        return purge_expunge(&purge);
    default:
        return purge_list_runs(&purge);
    }
}

/* --id=- reads them from standard input; sorted, for looking up. */
static bool complete_ids(struct program *program)
{
    struct string_list *ids = &program->options.ids;
    char *line = NULL;
    size_t capacity = 0;
    ssize_t len;

    while (program->options.ids_from_stdin &&
           (len = getline(&line, &capacity, stdin)) > 0) {
        struct slice id = slice_trim(slice_make(line, (size_t)len));

        if (id.len > 0 && !string_list_add(ids, id)) {
            free(line);
            return false;
        }
    }
    free(line);
    if (program->options.ids_from_stdin && ids->count == 0) {
        complain(&program->complaints, SLICE_LITERAL("--id=-"),
                 "no id on standard input", NULL, "nothing done");
        return false;
    }
    string_list_sort_once(ids);
    return true;
}

/* Of the ids that were asked for some may be gone meanwhile; when all are, it
 * was a mistake. */
static bool check_ids(struct program *program)
{
    const struct string_list *ids = &program->options.ids;
    const struct facts_table *table = &program->scan.table;
    bool *found = calloc(ids->count + 1, sizeof(*found));
    size_t missing_count = ids->count;

    for (size_t i = 0; found != NULL && ids->count > 0 && i < table->count;
         i++) {
        char id[FACTS_ID_MAX + 1];
        size_t at;

        facts_copy_id(&table->rows[i], id);
        at = string_list_find(ids, id);
        if (at < ids->count && !found[at]) {
            found[at] = true;
            missing_count--;
        }
    }
    if (ids->count == 1 && missing_count == 1) {
        free(found);
        complain_missing(program, ids->strings[0]);
        return false;
    }
    for (size_t i = 0, named = 0;
         found != NULL && i < ids->count && named < IDS_NAMED; i++) {
        if (found[i])
            continue;
        complain_warning(
            &program->complaints, slice_from_string(ids->strings[i]),
            "no message of this id in the queue",
            why_missing(table, ids->strings[i]),
            ++named < IDS_NAMED ? "passed over" : "no more of them are named");
    }
    free(found);
    if (ids->count == 0 || missing_count < ids->count)
        return true;
    complain(&program->complaints, SLICE_LITERAL("--id"),
             "none of them is in the queue", NULL, "nothing done");
    return false;
}

static int print_logs(struct program *program, struct logread *logs)
{
    bool is_good =
        program->options.mode == MODE_LOGS
            ? logsummary_print(&program->options, logs, &program->output)
            : attackers_print(&program->options, logs, &program->output);

    return !is_good || program->complaints.count > 0 ? EXIT_SOMETHING_FAILED
                                                     : EXIT_DONE;
}

static int run_logs(struct program *program)
{
    const struct options *options = &program->options;
    struct log_set set = {0};
    struct logread logs = {.set = &set,
                           .workers = options->workers,
                           .since = options->since,
                           .until = options->until,
                           .complaints = &program->complaints,
                           .progress = {.when = options->progress}};
    int status = EXIT_NOTHING_DONE;

    tell_of_faults(program, false);
    if (ruleset_load(&program->ruleset, &options->rules, &program->config, true,
                     &program->complaints) &&
        log_set_open(&set, options, &program->complaints)) {
        logs.rules = program->ruleset.rules;
        if (logread_run(&logs))
            status = print_logs(program, &logs);
        logread_free(&logs);
    }
    log_set_free(&set);
    return status;
}

static int run(struct program *program)
{
    const struct options *options = &program->options;
    struct purge_request purge;

    if (!output_open(&program->output, options->output_file,
                     &program->complaints))
        return EXIT_NOTHING_DONE;
    if (!read_config(program))
        return EXIT_NOTHING_DONE;
    if (options->mode == MODE_CHECK_RULES)
        return load_rules(program) ? run_check_rules(program)
                                   : EXIT_NOTHING_DONE;
    if (options->mode == MODE_LOGS || options->mode == MODE_ATTACKERS)
        return run_logs(program);
    if (!open_queues(program))
        return EXIT_NOTHING_DONE;
    if (options->mode == MODE_UNDO || options->mode == MODE_EXPUNGE ||
        options->mode == MODE_RUNS)
        return run_on_runs(program);
    if (!load_rules(program) ||
        !purge_check_classes(options, program->ruleset.rules,
                             &program->complaints) ||
        !complete_ids(program))
        return EXIT_NOTHING_DONE;
    if (!judge_queue(program)) {
        purge = purge_request_of(program);
        if (interrupt_signal() != 0 && options_is_taking(options))
            purge_tell_interrupted(&purge);
        return EXIT_NOTHING_DONE;
    }
    if (!check_ids(program))
        return EXIT_NOTHING_DONE;
    return run_mode(program);
}

static void program_free(struct program *program)
{
    scan_free(&program->scan);
    rules_free(program->where);
    ruleset_free(&program->ruleset);
    queue_close(&program->queues);
    config_free(&program->config);
    options_free(&program->options);
}

/* A standard descriptor that is closed would be taken by the next file that is
 * opened: what is printed would go into a control file. */
static void reserve_descriptors(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDONLY) != fd)
            _exit(EXIT_NOTHING_DONE);
}

/* glibc raises these two after each large table that is freed, until tables
 * come from its heap, which keeps what they leave: a quarter more memory. */
static void give_memory_back(void)
{
#ifdef __GLIBC__
    mallopt(M_MMAP_THRESHOLD, 128 * 1024);
    mallopt(M_TRIM_THRESHOLD, 128 * 1024);
#endif
}

/* What is printed by stdio: --help, --version. */
static int said(void)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return EXIT_DONE;
    fprintf(stderr, "qscan: standard output: cannot be written: %s\n",
            strerror(errno));
    return EXIT_SOMETHING_FAILED;
}

int main(int argc, char **argv)
{
    struct program program = {0};
    int status;

    reserve_descriptors();
    give_memory_back();
    if (geteuid() != getuid() || getegid() != getgid()) {
        fputs("qscan: must not run setuid or setgid; nothing done\n", stderr);
        return EXIT_NOTHING_DONE;
    }
    switch (options_read(&program.options, argc, argv)) {
    case OPTIONS_HELP:
        options_print_help();
        return said();
    case OPTIONS_VERSION:
        version_print();
        return said();
    case OPTIONS_WRONG:
        options_free(&program.options);
        return EXIT_NOTHING_DONE;
    case OPTIONS_RUN:
        break;
    }
    complaints_init(&program.complaints, program.options.is_quiet);
    signal(SIGPIPE, SIG_IGN);
    interrupt_setup();
    input_setup();
    status = run(&program);
    if (!output_close(&program.output, status != EXIT_NOTHING_DONE) &&
        status == EXIT_DONE)
        status = EXIT_SOMETHING_FAILED;
    complaints_finish(&program.complaints);
    program_free(&program);
    if (interrupt_signal() != 0)
        status = 128 + interrupt_signal();
    return status;
}
