#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/spool.h"

#include <dirent.h>

#define RULES                                                                  \
    "rule dead\n class dead\n on message\n purge yes, foreign\n"               \
    " when status ~ /refused/\n"                                               \
    " hit M=refused R=<a@b.example>\n miss M=Deferred R=<a@b.example>\n"       \
    "rule rest\n class rest\n on message\n purge no\n when recipient exists\n" \
    " hit R=<a@b.example>\n"

const char spool_rest_text[] =
    "V8\nT1000000000\nK1000005000\nN7\nP30000\nMDeferred\nFs\n"
    "S<ann@example.net>\nRPF:<bob@example.org>\n.\n";

/* ---- life ---- */

void spool_open(struct spool *spool, enum spool_layout layout)
{
    const struct rules_file file = {"test.rules", SLICE_LITERAL(RULES)};

    *spool = (struct spool){.layout = layout};
    folder_open(&spool->folder);
    folder_make(&spool->folder, "q");
    if (layout == SPOOL_PARTED) {
        folder_make(&spool->folder, "q/qf");
        folder_make(&spool->folder, "q/df");
        folder_make(&spool->folder, "q/xf");
    }
    complaints_init(&spool->complaints, true);
    spool->options = (struct options){.mode = MODE_PURGE_BOUNCES,
                                      .now = -1,
                                      .older_sec = -1,
                                      .workers = 1,
                                      .progress = PROGRESS_NEVER,
                                      .is_quiet = true,
                                      .no_syslog = true};
    spool->rules = rules_compile(&file, 1, NULL, 0, NULL, NULL, NULL);
    assert_non_null(spool->rules);
}

static void drop_scan(struct spool *spool)
{
    if (!spool->is_scanned)
        return;
    free(spool->jobs);
    spool->jobs = NULL;
    scan_free(&spool->scan);
    queue_close(&spool->set);
    spool->is_scanned = false;
}

void spool_close(struct spool *spool)
{
    drop_scan(spool);
    rules_free(spool->where);
    rules_free(spool->rules);
    string_list_free(&spool->options.classes);
    string_list_free(&spool->options.purge_classes);
    string_list_free(&spool->options.ids);
    folder_close(&spool->folder);
}

const struct spool_message *spool_message(const struct spool *spool,
                                          const char *id)
{
    for (size_t i = 0; i < spool->message_count; i++)
        if (strcmp(spool->messages[i].id, id) == 0)
            return &spool->messages[i];
    fail_msg("%s: never written", id);
    return NULL;
}

size_t spool_bytes(const struct spool *spool)
{
    size_t bytes = 0;

    for (size_t i = 0; i < spool->message_count; i++)
        bytes += strlen(spool->messages[i].control) +
                 strlen(spool->messages[i].data);
    return bytes;
}

void spool_put_journals_elsewhere(struct spool *spool)
{
    folder_make(&spool->folder, "journals");
    snprintf(spool->journals, sizeof(spool->journals), "%s",
             folder_path(&spool->folder, "journals"));
    spool->options.journal_directory = spool->journals;
}

void spool_write(struct spool *spool, const char *id, const char *class)
{
    struct spool_message *message = &spool->messages[spool->message_count++];

    folder_need(spool->message_count <= SPOOL_MESSAGES_MAX, "too many");
    message->letter = strcmp(class, "quarantined") == 0 ? 'h' : 'q';
    snprintf(message->id, sizeof(message->id), "%s", id);
    snprintf(message->control, sizeof(message->control),
             "V8\nT%d\nK1000005000\nN7\nP30000\n"
             "MDeferred: %s by mx.example.net.\nFs\nS<ann@example.net>\n"
             "RPF:<bob@example.org>\nH??Subject: %s\n.\n",
             SPOOL_CREATED,
             strcmp(class, "rest") == 0 ? "greeted" : "Connection refused", id);
    snprintf(message->data, sizeof(message->data), "the body of %s\n", id);
    folder_write(&spool->folder, spool_queued(spool, message->letter, id),
                 message->control);
    folder_write(&spool->folder, spool_queued(spool, 'd', id), message->data);
}

void spool_scan(struct spool *spool)
{
    struct string_list names = {0};
    const struct config none = {0};
    struct scan *scan = &spool->scan;

    drop_scan(spool);
    assert_true(string_list_add(
        &names, slice_from_string(folder_path(&spool->folder, "q"))));
    assert_true(queue_open(&spool->set, &names, &none, &spool->complaints));
    string_list_free(&names);
    *scan = (struct scan){.queues = &spool->set,
                          .worker_count = spool->options.workers,
                          .complaints = &spool->complaints,
                          .progress = {.when = PROGRESS_NEVER}};
    scan->scene.queues = &spool->set;
    scan->scene.rules = spool->rules;
    scan->scene.where = spool->where;
    scan->scene.now = SPOOL_CREATED + 86400;
    scan->scene.basis_key[0] = UINT64_C(0x243f6a8885a308d3);
    scan->scene.basis_key[1] = UINT64_C(0x13198a2e03707344);
    facts_init(&scan->table);
    spool->is_scanned = true;
    assert_true(scan_run(scan));
}

const struct facts *spool_row(const struct spool *spool, const char *id)
{
    const struct facts_table *table = &spool->scan.table;

    for (size_t i = 0; i < table->count; i++)
        if (slice_equal(facts_id(&table->rows[i]), slice_from_string(id)))
            return &table->rows[i];
    fail_msg("%s: no row", id);
    return NULL;
}

/* ---- runs ---- */

static bool is_to_be_purged(void *context, const struct message *message,
                            const struct rules_verdict *verdict,
                            bool is_where_true)
{
    (void)context;
    (void)message;
    return verdict->purge && is_where_true;
}

struct act_request spool_request(struct spool *spool)
{
    const struct facts_table *table = &spool->scan.table;
    struct act_request request = {.scan = &spool->scan,
                                  .options = &spool->options,
                                  .still_wanted = is_to_be_purged};

    free(spool->jobs);
    spool->jobs = calloc(table->count + 1, sizeof(*spool->jobs));
    folder_need(spool->jobs != NULL, "jobs");
    for (size_t i = 0; i < table->count; i++)
        if (table->rows[i].state != FACTS_ORPHAN)
            spool->jobs[request.job_count++].row = (uint32_t)i;
    request.jobs = spool->jobs;
    return request;
}

struct act_planned spool_plan(struct spool *spool, const char *name)
{
    struct stat st = spool_stat(spool, name);

    return (struct act_planned){.device = st.st_dev,
                                .inode = st.st_ino,
                                .size_bytes = st.st_size,
                                .mtime_nsec = message_nsec(&st.st_mtim),
                                .ctime_nsec = message_nsec(&st.st_ctim),
                                .class = "by plan",
                                .rule = "of yesterday"};
}

static void rename_run(struct spool *spool, const char *from, const char *to)
{
    for (size_t i = 0; i < spool->set.folder_count; i++) {
        const struct queue_folder *folder = &spool->set.folders[i];
        char old[SPOOL_NAME_MAX], new[SPOOL_NAME_MAX];

        snprintf(old, sizeof(old), HOLD_ROOT "/%s", from);
        snprintf(new, sizeof(new), HOLD_ROOT "/%s", to);
        folder_need(renameat(folder->fd, old, folder->fd, new) == 0 ||
                        errno == ENOENT,
                    from);
    }
    if (spool->options.journal_directory != NULL) {
        char old[FOLDER_PATH_MAX], new[FOLDER_PATH_MAX];

        snprintf(old, sizeof(old), "%s/%s.journal",
                 spool->options.journal_directory, from);
        snprintf(new, sizeof(new), "%s/%s.journal",
                 spool->options.journal_directory, to);
        folder_need(rename(old, new) == 0, from);
    }
}

void spool_run(struct spool *spool, const char *run, bool is_delete)
{
    struct act_request request;
    struct act_result result;

    spool_scan(spool);
    request = spool_request(spool);
    request.is_delete = is_delete;
    assert_true(act_take(&request, &result));
    assert_true(request.job_count > 0);
    assert_int_equal(result.purged, request.job_count);
    rename_run(spool, result.run, run);
    act_result_free(&result);
    assert_int_equal(spool->complaints.count, 0);
}

void spool_cut_end(struct spool *spool, const char *run)
{
    const char *name = spool_journal(spool, run);
    char *text = spool_text(spool, name);
    size_t len = strlen(text);

    folder_need(len > 1 && text[len - 1] == '\n', "no line");
    text[len - 1] = '\0';
    folder_write_bytes(&spool->folder, name, text,
                       (size_t)(strrchr(text, '\n') + 1 - text));
    free(text);
}

void spool_half_expunge(struct spool *spool, const char *run, const char *id,
                        size_t held)
{
    char line[64];

    snprintf(line, sizeof(line), "{\"event\":\"expunge-begin\",\"held\":%zu}\n",
             held);
    spool_append(spool, spool_journal(spool, run), line);
    spool_remove(spool, spool_held(spool, run, 'q', id));
    spool_remove(spool, spool_held(spool, run, 'd', id));
}

/* ---- files ---- */

static char *next_name(struct spool *spool)
{
    return spool->names[spool->next++ % 4];
}

/* Of the files with that letter. */
static const char *folder_of(const struct spool *spool, char letter)
{
    if (spool->layout == SPOOL_PLAIN)
        return "q";
    return letter == 'd' ? "q/df" : letter == 'x' ? "q/xf" : "q/qf";
}

const char *spool_queued(struct spool *spool, char letter, const char *id)
{
    char *name = next_name(spool);

    snprintf(name, SPOOL_NAME_MAX, "%s/%cf%s", folder_of(spool, letter), letter,
             id);
    return name;
}

const char *spool_held(struct spool *spool, const char *run, char letter,
                       const char *id)
{
    char *name = next_name(spool);

    snprintf(name, SPOOL_NAME_MAX, "%s/" HOLD_ROOT "/%s/%s.%cf",
             folder_of(spool, letter), run, id, letter);
    return name;
}

const char *spool_journal(struct spool *spool, const char *run)
{
    char *name = next_name(spool);

    snprintf(name, SPOOL_NAME_MAX, "%s/" HOLD_ROOT "/%s/" HOLD_JOURNAL,
             folder_of(spool, 'q'), run);
    return name;
}

void spool_move(struct spool *spool, const char *from, const char *to)
{
    folder_need(rename(folder_path(&spool->folder, from),
                       folder_path(&spool->folder, to)) == 0,
                from);
}

void spool_remove(struct spool *spool, const char *name)
{
    folder_need(unlink(folder_path(&spool->folder, name)) == 0, name);
}

void spool_append(struct spool *spool, const char *name, const char *text)
{
    size_t len = strlen(text);
    int fd = open(folder_path(&spool->folder, name), O_WRONLY | O_APPEND);

    folder_need(fd >= 0 && write(fd, text, len) == (ssize_t)len, name);
    close(fd);
}

bool spool_has(struct spool *spool, const char *name)
{
    struct stat st;

    if (lstat(folder_path(&spool->folder, name), &st) == 0)
        return true;
    folder_need(errno == ENOENT, name);
    return false;
}

struct stat spool_stat(struct spool *spool, const char *name)
{
    struct stat st;

    folder_need(lstat(folder_path(&spool->folder, name), &st) == 0, name);
    return st;
}

char *spool_text(struct spool *spool, const char *name)
{
    int fd = open(folder_path(&spool->folder, name), O_RDONLY);
    struct stat st;
    char *text;

    folder_need(fd >= 0 && fstat(fd, &st) == 0, name);
    text = malloc((size_t)st.st_size + 1);
    folder_need(text != NULL &&
                    read(fd, text, (size_t)st.st_size) == (ssize_t)st.st_size,
                name);
    text[st.st_size] = '\0';
    close(fd);
    return text;
}

/* ---- assertions ---- */

void spool_assert_file(struct spool *spool, const char *name, const char *text)
{
    char *got;

    if (spool_has(spool, name) != (text != NULL))
        fail_msg("%s: %s", name, text == NULL ? "is there" : "is not there");
    if (text == NULL)
        return;
    got = spool_text(spool, name);
    assert_string_equal(got, text);
    free(got);
}

/* run NULL: any. */
static void assert_no_other_run_holds(struct spool *spool, const char *run,
                                      const char *id, char letter)
{
    char root[SPOOL_NAME_MAX];
    struct dirent *entry;
    DIR *runs;

    snprintf(root, sizeof(root), "%s/" HOLD_ROOT, folder_of(spool, letter));
    runs = opendir(folder_path(&spool->folder, root));
    while (runs != NULL && (entry = readdir(runs)) != NULL)
        if (entry->d_name[0] != '.' &&
            (run == NULL || strcmp(entry->d_name, run) != 0))
            spool_assert_file(
                spool, spool_held(spool, entry->d_name, letter, id), NULL);
    if (runs != NULL)
        closedir(runs);
}

/* run NULL: in the queue. */
static void assert_file_of(struct spool *spool, const char *run, char letter,
                           const char *id, const char *text)
{
    spool_assert_file(spool, spool_queued(spool, letter, id),
                      run == NULL ? text : NULL);
    if (run != NULL)
        spool_assert_file(spool, spool_held(spool, run, letter, id), text);
    assert_no_other_run_holds(spool, run, id, letter);
}

static void assert_place(struct spool *spool, const char *run, const char *id)
{
    const struct spool_message *message = spool_message(spool, id);

    assert_file_of(spool, run, message->letter, id, message->control);
    assert_file_of(spool, run, 'd', id, message->data);
}

void spool_assert_queued(struct spool *spool, const char *id)
{
    assert_place(spool, NULL, id);
}

void spool_assert_held(struct spool *spool, const char *run, const char *id)
{
    assert_place(spool, run, id);
}

void spool_assert_complaints(struct spool *spool, size_t count,
                             const char *what)
{
    struct complaints *complaints = &spool->complaints;
    bool is_said = what == NULL;

    for (size_t i = 0; !is_said && i < complaints->kind_count; i++)
        is_said = strstr(complaints->kinds[i].text, what) != NULL;
    if (complaints->count != count || !is_said)
        fail_msg("%zu complaints, first%s; want %zu, \"%s\"", complaints->count,
                 complaints->kinds[0].text, count, what == NULL ? "" : what);
    complaints_init(complaints, complaints->is_quiet);
}
