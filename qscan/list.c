#include "qscan/list.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "parsers/header.h"
#include "qscan/interrupt.h"
#include "qscan/rowtext.h"

enum {
    BLOCK = 8192,    /* rows between two writes */
    ID_COLUMNS = 14, /* most ids since sendmail 8.12 */
    DAYS_MAX = 99999,
    UNDECIDED_MAX = 64,
};

struct lister {
    struct message message;
    struct rules_matcher *matcher;
    struct buffer out;
};

struct list_run {
    const struct options *options;
    struct scan *scan;
    const uint32_t *order;
    size_t first, count; /* of the block in work */
    list_action_of action_of;
    void *context;
    size_t columns; /* of a terminal; 0 = lines are not cut */
    struct lister *listers;
};

bool list_is_selected(const struct options *options, const struct scan *scan,
                      const struct facts *row)
{
    char id[FACTS_ID_MAX + 1];

    if (row->state == FACTS_GONE || row->is_held || !row->is_wanted)
        return false;
    if (options->classes.count > 0 &&
        !string_list_has(&options->classes, rowtext_class(&scan->scene, row)))
        return false;
    if (options->ids.count == 0)
        return !options->ids_from_stdin;
    facts_copy_id(row, id);
    /* sorted when the options were completed */
    return string_list_find(&options->ids, id) < options->ids.count;
}

/* ---- pieces ---- */

void list_add_span(struct buffer *out, int64_t sec)
{
    long long s = sec < 0 ? 0 : sec;

    if (s < 60)
        buffer_printf(out, "%llds", s);
    else if (s < 3600)
        buffer_printf(out, "%lldm", s / 60);
    else if (s < 48 * 3600)
        buffer_printf(out, "%lldh%02lldm", s / 3600, s / 60 % 60);
    else if (s < 100 * 86400)
        buffer_printf(out, "%lldd%02lldh", s / 86400, s / 3600 % 24);
    else
        buffer_printf(out, "%lldd",
                      s / 86400 < DAYS_MAX ? s / 86400 : DAYS_MAX);
}

/* The x.y.z of an SMTP reply in a status text (RFC 3463), or absent. */
static struct slice enhanced_code(struct slice status)
{
    if (slice_starts(status, SLICE_LITERAL("Deferred: ")))
        status = slice_skip(status, 10);
    if (status.len < 9 || !byte_is_digit(status.ptr[0]) ||
        status.ptr[3] != ' ' || !byte_is_digit(status.ptr[4]) ||
        status.ptr[5] != '.')
        return (struct slice){NULL, 0};
    status = slice_skip(status, 4);
    return slice_head(status, slice_index(status, ' '));
}

static void add_file(struct buffer *out, const struct message *message)
{
    const struct facts *row = message->row;

    buffer_printf(
        out, "%s/%cf",
        queue_folder_for(message->scene->queues, row->dir, row->letter)->path,
        row->letter);
    buffer_add(out, message->id);
}

static bool is_read(const struct message *message)
{
    return message->has_control_stat;
}

/* The recipient that a report is mostly about: the first that failed, of a
 * warning the first that is delayed. */
static const struct dsn_recipient *main_dsn_recipient(const struct dsn *dsn)
{
    struct slice action = dsn->kind == DSN_WARNING ? SLICE_LITERAL("delayed")
                                                   : SLICE_LITERAL("failed");

    for (size_t i = 0; i < dsn->recipient_count; i++)
        if (slice_equal_nocase(dsn->recipients[i].action, action))
            return &dsn->recipients[i];
    return dsn->recipient_count > 0 ? &dsn->recipients[0] : NULL;
}

/* ---- JSON ---- */

static void json_recipients(struct jsonout *json, const struct message *message)
{
    jsonout_key(json, "recipients");
    jsonout_open(json, '[');
    for (size_t i = 0; is_read(message) && i < message->qf.recipient_count;
         i++) {
        const struct qf_recipient *recipient = &message->qf.recipients[i];
        struct slice status = message_status_of(message, recipient);

        jsonout_open(json, '{');
        jsonout_field(json, "address", address_bare(recipient->address));
        jsonout_field(json, "status", status);
        jsonout_field(json, "dsn", enhanced_code(status));
        jsonout_close(json, '}');
    }
    jsonout_close(json, ']');
}

static void json_optional(struct jsonout *json, const char *key, bool has,
                          int64_t number)
{
    jsonout_key(json, key);
    if (has)
        jsonout_integer(json, number);
    else
        jsonout_null(json);
}

static void json_numbers(struct jsonout *json, struct message *message)
{
    const struct qf *qf = &message->qf;
    bool has = is_read(message);
    bool has_data =
        message->row->letter == 'd' || (has && message_need_data_stat(message));
    int64_t created = message->row->created;

    json_optional(json, "tries", has && qf->has_tries, qf->tries);
    json_optional(json, "created", created != 0, created);
    json_optional(json, "last_attempt",
                  has && qf->has_last_attempt && qf->last_attempt != 0,
                  qf->last_attempt);
    json_optional(json, "age_sec", created != 0, message->scene->now - created);
    json_optional(json, "size_bytes", has_data,
                  message->row->letter == 'd'
                      ? (int64_t)message->row->size_bytes
                      : message->data_stat.st_size);
}

static void json_dsn(struct jsonout *json, struct message *message)
{
    enum dsn_kind kind = message_dsn_kind(message);
    const struct dsn_recipient *recipient = NULL;
    static const struct dsn_recipient none;

    jsonout_key(json, "dsn");
    if (kind == DSN_NONE) {
        jsonout_null(json);
        return;
    }
    message_need_dsn(message);
    recipient = main_dsn_recipient(&message->dsn);
    if (recipient == NULL)
        recipient = &none;
    jsonout_open(json, '{');
    jsonout_field(json, "kind", slice_from_string(dsn_kind_text(kind)));
    jsonout_field(json, "final_recipient", recipient->final_recipient);
    jsonout_field(json, "status", recipient->status);
    jsonout_field(json, "diagnostic", recipient->diagnostic);
    jsonout_field(json, "remote_mta", recipient->remote_mta);
    jsonout_close(json, '}');
}

static void json_source(struct jsonout *json, struct message *message)
{
    const struct client *source = message_source(message);
    char text[ADDRESS_IP_TEXT_MAX];

    jsonout_key(json, "source");
    if (source == NULL) {
        jsonout_null(json);
    } else {
        jsonout_open(json, '{');
        jsonout_key(json, "address");
        if (source->has_ip)
            jsonout_string(json,
                           slice_make(text, ip_format(&source->ip, text)));
        else
            jsonout_null(json);
        jsonout_field(json, "name", source->name);
        jsonout_field_boolean(json, "forged", source->forged);
        jsonout_close(json, '}');
    }
    jsonout_field(json, "parent_id",
                  message_is_own_report(message) ? message->dsn.parent_id
                                                 : (struct slice){NULL, 0});
}

static void json_undecided(struct jsonout *json, struct message *message,
                           struct rules_matcher *matcher)
{
    struct rules_verdict verdict = {.undecided_count = 0};

    jsonout_key(json, "undecided");
    jsonout_open(json, '[');
    if (message->row->state == FACTS_JUDGED && is_read(message) &&
        message->row->is_undecided) {
        rules_judge(matcher, message_fetch, message, &verdict);
        for (size_t i = 0; i < verdict.undecided_count && i < UNDECIDED_MAX;
             i++)
            jsonout_string(json,
                           slice_from_string(rules_name(message->scene->rules,
                                                        verdict.undecided[i])));
    }
    jsonout_close(json, ']');
}

/* What --apply compares: the very file, unchanged since. */
static void json_identity(struct jsonout *json, const struct message *message)
{
    const struct stat *st = &message->control_stat;

    jsonout_key(json, "identity");
    jsonout_open(json, '{');
    jsonout_field_integer(json, "device", (int64_t)st->st_dev);
    jsonout_field_integer(json, "inode", (int64_t)st->st_ino);
    jsonout_field_integer(json, "size", st->st_size);
    jsonout_field_integer(json, "mtime_nsec", message_nsec(&st->st_mtim));
    jsonout_field_integer(json, "ctime_nsec", message_nsec(&st->st_ctim));
    jsonout_close(json, '}');
}

static void json_line(struct buffer *out, struct message *message,
                      struct rules_matcher *matcher,
                      const struct list_action *action)
{
    const struct scene *scene = message->scene;
    const struct facts *row = message->row;
    struct slice none = {NULL, 0};
    bool has = is_read(message);
    struct buffer file = {0};
    struct jsonout json;

    jsonout_init(&json, out);
    jsonout_open(&json, '{');
    jsonout_field(&json, "id", message->id);
    jsonout_field(&json, "queue",
                  slice_from_string(scene->queues->dirs[row->dir].path));
    add_file(&file, message);
    jsonout_field(&json, "file", slice_make(file.bytes, file.len));
    buffer_free(&file);
    jsonout_field(&json, "class", slice_from_string(rowtext_class(scene, row)));
    jsonout_field(&json, "rule", slice_from_string(rowtext_rule(scene, row)));
    jsonout_field_boolean(&json, "purge", row->is_purge);
    json_undecided(&json, message, matcher);
    jsonout_field(&json, "sender",
                  has && !slice_is_absent(message->qf.sender)
                      ? address_bare(message->qf.sender)
                      : none);
    json_recipients(&json, message);
    jsonout_field(&json, "status", has ? message->qf.status : none);
    json_numbers(&json, message);
    jsonout_field(&json, "flags", has ? message->qf.flags : none);
    jsonout_field(&json, "quarantine", has ? message->qf.quarantine : none);
    jsonout_field(&json, "origin", has ? message_origin(message) : none);
    if (has) {
        json_dsn(&json, message);
        json_source(&json, message);
    } else {
        jsonout_field(&json, "dsn", none);
        jsonout_field(&json, "source", none);
        jsonout_field(&json, "parent_id", none);
    }
    if (action->action != NULL) {
        jsonout_field(&json, "action", slice_from_string(action->action));
        jsonout_field(&json, "why", slice_from_string(action->why));
    }
    if (action->has_identity && has)
        json_identity(&json, message);
    jsonout_lossy(&json);
    jsonout_close(&json, '}');
    buffer_add_string(out, "\n");
}

/* ---- CSV ---- */

static void csv_number(struct buffer *out, bool has, int64_t number)
{
    buffer_add_string(out, ",");
    if (has)
        buffer_printf(out, "%lld", (long long)number);
}

static void csv_line(struct buffer *out, struct message *message,
                     const struct list_action *action)
{
    const struct scene *scene = message->scene;
    const struct facts *row = message->row;
    const struct qf *qf = &message->qf;
    const char *rule = rowtext_rule(scene, row);
    bool has = is_read(message);
    bool has_data =
        row->letter == 'd' || (has && message_need_data_stat(message));
    struct buffer joined = {0};

    buffer_add_csv(out, message->id);
    buffer_printf(out, ",%s,%s,%s,", rowtext_class(scene, row),
                  rule == NULL ? "" : rule, row->is_purge ? "yes" : "no");
    buffer_add_csv(out, has ? address_bare(qf->sender) : SLICE_LITERAL(""));
    for (size_t i = 0; has && i < qf->recipient_count; i++) {
        if (i > 0)
            buffer_add_string(&joined, " ");
        buffer_add(&joined, address_bare(qf->recipients[i].address));
    }
    buffer_add_string(out, ",");
    buffer_add_csv(out, slice_make(joined.bytes, joined.len));
    buffer_free(&joined);
    buffer_add_string(out, ",");
    buffer_add_csv(out, has ? qf->status : SLICE_LITERAL(""));
    csv_number(out, has && qf->has_tries, qf->tries);
    csv_number(out, row->created != 0, scene->now - row->created);
    csv_number(out, has_data,
               row->letter == 'd' ? (int64_t)row->size_bytes
                                  : message->data_stat.st_size);
    buffer_add_string(out, ",");
    add_file(&joined, message);
    buffer_add_csv(out, slice_make(joined.bytes, joined.len));
    buffer_free(&joined);
    if (action->action != NULL) {
        buffer_printf(out, ",%s,", action->action);
        buffer_add_csv(out, slice_from_string(action->why));
    }
    buffer_add_string(out, "\n");
}

/* ---- text ---- */

static void pad(struct buffer *out, size_t used, size_t width)
{
    for (; used < width; used++)
        buffer_add_string(out, " ");
}

static void text_line(struct buffer *out, struct message *message,
                      const struct list_action *action, size_t columns)
{
    const struct facts *row = message->row;
    const struct qf *qf = &message->qf;
    struct buffer rest = {0};
    struct slice status;
    size_t start, used = buffer_add_escaped(out, message->id, 0);

    pad(out, used, ID_COLUMNS);
    start = out->len;
    buffer_printf(out, " %-14s ", rowtext_class(message->scene, row));
    if (action->action != NULL)
        buffer_printf(out, "%-6s ", action->action);
    if (row->state == FACTS_UNREADABLE)
        buffer_add_string(&rest, "-");
    else
        list_add_span(
            &rest, row->created == 0 ? 0 : message->scene->now - row->created);
    buffer_printf(out, "%6.*s ", (int)rest.len, rest.bytes);
    buffer_clear(&rest);
    if (action->why != NULL) { /* before what a narrow terminal cuts */
        buffer_add_string(&rest, "[");
        buffer_add_string(&rest, action->why);
        buffer_add_string(&rest, "]  ");
    }
    if (is_read(message) && qf->recipient_count > 0) {
        buffer_add(&rest, address_bare(qf->recipients[0].address));
        if (qf->recipient_count > 1)
            buffer_printf(&rest, " (+%zu)", qf->recipient_count - 1);
        status = message_status_of(message, &qf->recipients[0]);
        buffer_add_string(&rest, status.len > 0 ? "  " : "");
        buffer_add(&rest, status);
    } else {
        add_file(&rest, message);
    }
    if (columns > 0) {
        used = (used > ID_COLUMNS ? used : ID_COLUMNS) + (out->len - start);
        columns = columns > used + 10 ? columns - used : 10;
    }
    buffer_add_escaped(out, slice_make(rest.bytes, rest.len), columns);
    buffer_add_string(out, "\n");
    buffer_free(&rest);
}

void list_message(struct buffer *out, enum format format,
                  struct message *message, struct rules_matcher *matcher,
                  const struct list_action *action, size_t columns)
{
    switch (format) {
    case FORMAT_JSON:
        json_line(out, message, matcher, action);
        break;
    case FORMAT_CSV:
        csv_line(out, message, action);
        break;
    case FORMAT_TEXT:
        text_line(out, message, action, columns);
        break;
    }
}

/* ---- the whole ---- */

static void list_row(struct list_run *run, struct lister *lister,
                     const struct facts *row)
{
    struct list_action action = {0};
    enum input_outcome outcome;

    if (!list_is_selected(run->options, run->scan, row))
        return;
    if (run->action_of != NULL)
        run->action_of(run->context, row, &action);
    if (row->state == FACTS_ORPHAN) {
        lister->message.row = row;
        lister->message.id = facts_id(row);
        lister->message.has_control_stat = false;
    } else {
        outcome = message_load(&lister->message, row, true);
        if (outcome == INPUT_GONE)
            return; /* delivered meanwhile */
    }
    list_message(&lister->out, run->options->format, &lister->message,
                 lister->matcher, &action, run->columns);
}

/* Jobs are as many as workers: each writes one stretch of the block. */
static void list_stretches(void *context, unsigned worker, size_t first,
                           size_t end)
{
    struct list_run *run = context;

    (void)worker;
    workers_own_descriptors();
    for (size_t s = first; s < end; s++) {
        size_t from = run->first + run->count * s / run->scan->worker_count;
        size_t to = run->first + run->count * (s + 1) / run->scan->worker_count;

        for (size_t i = from; i < to; i++)
            list_row(run, &run->listers[s],
                     &run->scan->table.rows[run->order[i]]);
    }
}

static bool print_blocks(struct list_run *run, struct output *output)
{
    struct progress quiet = {.when = PROGRESS_NEVER};
    unsigned workers = run->scan->worker_count;

    for (run->first = 0; run->first < run->scan->table.count;
         run->first += BLOCK) {
        run->count = run->scan->table.count - run->first;
        if (run->count > BLOCK)
            run->count = BLOCK;
        progress_begin(&quiet, "", workers);
        if (!workers_run(workers, workers, 1, list_stretches, run, &quiet) ||
            interrupt_signal() != 0)
            return false;
        for (unsigned i = 0; i < workers; i++)
            output_write(output, &run->listers[i].out);
        if (output->has_failed)
            return true; /* said already; reading on serves nobody */
    }
    return true;
}

static size_t terminal_columns(const struct options *options,
                               const struct output *output)
{
    struct winsize size;

    if (options->format != FORMAT_TEXT || !isatty(fileno(output->file)))
        return 0;
    if (ioctl(fileno(output->file), TIOCGWINSZ, &size) == 0 &&
        size.ws_col >= 40)
        return size.ws_col;
    return 80;
}

static const char csv_head[] =
    "id,class,rule,purge,sender,recipients,status,tries,age_sec,size_bytes,"
    "file";

bool list_print(const struct options *options, struct scan *scan,
                list_action_of action_of, void *context, struct output *output)
{
    struct list_run run = {.options = options,
                           .scan = scan,
                           .action_of = action_of,
                           .context = context,
                           .columns = terminal_columns(options, output)};
    uint32_t *order = facts_order_by_id(&scan->table);
    bool is_done;

    run.order = order;
    run.listers = calloc(scan->worker_count, sizeof(*run.listers));
    is_done = order != NULL && run.listers != NULL;
    for (unsigned i = 0; is_done && i < scan->worker_count; i++) {
        message_init(&run.listers[i].message, &scan->scene);
        run.listers[i].matcher = rules_matcher_new(scan->scene.rules);
        is_done = run.listers[i].matcher != NULL;
    }
    if (is_done && options->format == FORMAT_CSV) {
        buffer_printf(&run.listers[0].out, "%s%s\n", csv_head,
                      action_of == NULL ? "" : ",action,why");
        output_write(output, &run.listers[0].out);
    }
    is_done = is_done && print_blocks(&run, output);
    for (unsigned i = 0; run.listers != NULL && i < scan->worker_count; i++) {
        message_free(&run.listers[i].message);
        rules_matcher_free(run.listers[i].matcher);
        buffer_free(&run.listers[i].out);
    }
    free(run.listers);
    free(order);
    return is_done;
}
