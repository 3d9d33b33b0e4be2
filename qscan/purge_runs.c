#include "qscan/purge.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include "qscan/ask.h"
#include "qscan/expunge.h"
#include "qscan/interrupt.h"
#include "qscan/list.h"
#include "qscan/report.h"
#include "qscan/runs.h"
#include "qscan/undo.h"

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

static bool ask_undo(const struct purge_request *request,
                     const struct held_run *run)
{
    struct buffer what = {0};
    bool is_confirmed;

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
    is_confirmed = ask_confirm(request->options, request->complaints,
                               what.bytes, run->old_count > 0);
    buffer_free(&what);
    return is_confirmed;
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
        report_add_count_line(&out, result->left,
                              "stay held: files of their ids exist");
        report_add_count_line(&out, result->failed, "failed, named above");
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
    if (!ask_undo(request, &run))
        return EXIT_NOTHING_DONE;
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
        report_add_count_line(&out, result->failed, "failed, named above");
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
        status =
            ask_confirm(request->options, request->complaints, what.bytes, true)
                ? expunge(request, &expunging)
                : EXIT_NOTHING_DONE;
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
