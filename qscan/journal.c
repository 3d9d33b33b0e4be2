#include "qscan/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

enum {
    CLIENTS_NOTED = 2, /* one host alone proves no relaying */
    RECIPIENTS_NOTED = 20,
    LINE_MAX_BYTES = 1024 * 1024,
    TAIL_BYTES = 4096, /* longer than any line that ends a journal */
    LOCK_TRIES = 3,    /* somebody may look whether a run is alive */
    LOCK_PAUSE_NSEC = 2 * 1000 * 1000,
};

/* 0, or an errno value: EWOULDBLOCK while the run works. */
static int lock_file(int fd)
{
    for (int i = 1; flock(fd, LOCK_EX | LOCK_NB) < 0; i++) {
        if (errno != EWOULDBLOCK || i == LOCK_TRIES)
            return errno;
        nanosleep(&(struct timespec){.tv_nsec = LOCK_PAUSE_NSEC}, NULL);
    }
    return 0;
}

/* Locked, but an expunge that had the lock before took its name away. */
static bool has_lost_name(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 && st.st_nlink == 0;
}

static int open_at(struct journal *journal, int directory, const char *name,
                   const char *path, int flags)
{
    int fd = openat(
        directory, name,
        O_RDWR | O_APPEND | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | flags, 0600);
    struct stat st;
    int error;

    if (fd < 0)
        return errno;
    error = fstat(fd, &st) < 0     ? errno
            : !S_ISREG(st.st_mode) ? EINVAL
                                   : lock_file(fd);
    if (error == 0 && has_lost_name(fd))
        error = (flags & O_CREAT) != 0 ? EEXIST : ENOENT;
    if (error != 0) {
        close(fd);
        return error;
    }
    journal->fd = fd;
    journal->path = strdup(path);
    pthread_mutex_init(&journal->lock, NULL);
    return 0;
}

int journal_create(struct journal *journal, int directory, const char *name,
                   const char *path)
{
    return open_at(journal, directory, name, path, O_CREAT | O_EXCL);
}

int journal_open(struct journal *journal, int directory, const char *name,
                 const char *path)
{
    return open_at(journal, directory, name, path, 0);
}

void journal_close(struct journal *journal)
{
    if (journal->path == NULL)
        return;
    /* a worker that is about to end may have a copy of the descriptor yet */
    flock(journal->fd, LOCK_UN);
    close(journal->fd);
    free(journal->path);
    pthread_mutex_destroy(&journal->lock);
    journal->path = NULL;
}

static int write_all(int fd, struct slice rest)
{
    while (rest.len > 0) {
        ssize_t n = write(fd, rest.ptr, rest.len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno;
        rest = slice_skip(rest, (size_t)n);
    }
    return 0;
}

/* A line that a full disk or a crash cut gets its end, or the next would be
 * lost with it. */
static int end_cut_line(int fd)
{
    off_t end = lseek(fd, 0, SEEK_END);
    char last = '\n';

    if (end > 0 && pread(fd, &last, 1, end - 1) != 1)
        return errno;
    return last == '\n' ? 0 : write_all(fd, SLICE_LITERAL("\n"));
}

int journal_append(struct journal *journal, const struct buffer *lines)
{
    int error;

    if (lines->has_failed)
        return ENOMEM;
    pthread_mutex_lock(&journal->lock);
    error = end_cut_line(journal->fd);
    if (error == 0)
        error = write_all(journal->fd, slice_make(lines->bytes, lines->len));
    pthread_mutex_unlock(&journal->lock);
    if (error == 0 && fdatasync(journal->fd) < 0)
        error = errno;
    return error;
}

/* ---- lines ---- */

static void open_event(struct jsonout *json, struct buffer *out,
                       const char *name)
{
    jsonout_init(json, out);
    jsonout_open(json, '{');
    jsonout_field(json, "event", slice_from_string(name));
}

static void close_event(struct jsonout *json)
{
    jsonout_lossy(json);
    jsonout_close(json, '}');
    buffer_add_string(json->out, "\n");
}

void journal_add_begin(struct buffer *out, const char *run,
                       const char *queue_path, bool is_delete)
{
    struct jsonout json;
    char host[256] = "";

    gethostname(host, sizeof(host) - 1);
    open_event(&json, out, "begin");
    jsonout_field(&json, "run", slice_from_string(run));
    jsonout_field(&json, "version", SLICE_LITERAL(QSCAN_VERSION));
    jsonout_field_integer(&json, "time", time(NULL));
    jsonout_field(&json, "host", slice_from_string(host));
    jsonout_field_integer(&json, "uid", (int64_t)getuid());
    jsonout_field(&json, "queue", slice_from_string(queue_path));
    jsonout_field(&json, "action",
                  slice_from_string(is_delete ? "delete" : "hold"));
    close_event(&json);
}

static void add_stat(struct jsonout *json, const char *key,
                     const struct stat *st)
{
    jsonout_key(json, key);
    jsonout_open(json, '{');
    jsonout_field_integer(json, "inode", (int64_t)st->st_ino);
    jsonout_field_integer(json, "uid", st->st_uid);
    jsonout_field_integer(json, "gid", st->st_gid);
    jsonout_field_integer(json, "mode", st->st_mode & 07777);
    jsonout_field_integer(json, "size", st->st_size);
    jsonout_field_integer(json, "mtime", st->st_mtim.tv_sec);
    jsonout_field_integer(json, "atime", st->st_atim.tv_sec);
    jsonout_close(json, '}');
}

void journal_add_take(struct buffer *out, const struct message *message,
                      const struct queue_folder *control,
                      const struct queue_folder *data,
                      uint64_t transcript_inode, const char *class,
                      const char *rule)
{
    const struct qf *qf = &message->qf;
    char letter[2] = {message->row->letter, '\0'};
    struct jsonout json;

    open_event(&json, out, "take");
    jsonout_field(&json, "id", message->id);
    jsonout_field(&json, "letter", slice_from_string(letter));
    jsonout_field(&json, "class", slice_from_string(class));
    jsonout_field(&json, "rule", slice_from_string(rule));
    jsonout_field_integer(&json, "created", qf->created);
    jsonout_field(&json, "sender", qf->sender);
    jsonout_field(&json, "status", qf->status);
    jsonout_key(&json, "recipients");
    jsonout_open(&json, '[');
    for (size_t i = 0; i < qf->recipient_count && i < RECIPIENTS_NOTED; i++)
        jsonout_string(&json, qf->recipients[i].address);
    jsonout_close(&json, ']');
    add_stat(&json, "qf", &message->control_stat);
    add_stat(&json, "df", &message->data_stat);
    if (transcript_inode != 0)
        jsonout_field_integer(&json, "xf_inode", (int64_t)transcript_inode);
    if (data != control)
        jsonout_field(&json, "df_folder", slice_from_string(data->path));
    jsonout_field_integer(&json, "df_folder_inode", (int64_t)data->inode);
    jsonout_field_integer(&json, "qf_folder_inode", (int64_t)control->inode);
    close_event(&json);
}

void journal_add_end(struct buffer *out, size_t taken, bool is_completed)
{
    struct jsonout json;

    open_event(&json, out, "end");
    jsonout_field_integer(&json, "time", time(NULL));
    jsonout_field_integer(&json, "taken", (int64_t)taken);
    jsonout_field_boolean(&json, "completed", is_completed);
    close_event(&json);
}

void journal_add_undo_begin(struct buffer *out)
{
    struct jsonout json;

    open_event(&json, out, "undo-begin");
    jsonout_field_integer(&json, "time", time(NULL));
    close_event(&json);
}

void journal_add_undo(struct buffer *out, size_t restored, size_t left)
{
    struct jsonout json;

    open_event(&json, out, "undo");
    jsonout_field_integer(&json, "time", time(NULL));
    jsonout_field_integer(&json, "restored", (int64_t)restored);
    jsonout_field_integer(&json, "left", (int64_t)left);
    close_event(&json);
}

/* Device and inode: the roots of two disks have one inode. */
static void add_folder(struct jsonout *json, const struct queue_folder *control)
{
    jsonout_field_integer(json, "qf_folder_device", (int64_t)control->device);
    jsonout_field_integer(json, "qf_folder_inode", (int64_t)control->inode);
}

void journal_add_expunge_begin(struct buffer *out,
                               const struct queue_folder *control, size_t held)
{
    struct jsonout json;

    open_event(&json, out, "expunge-begin");
    jsonout_field_integer(&json, "time", time(NULL));
    jsonout_field_integer(&json, "held", (int64_t)held);
    add_folder(&json, control);
    close_event(&json);
}

void journal_add_expunge(struct buffer *out, const struct queue_folder *control,
                         size_t removed, size_t left)
{
    struct jsonout json;

    open_event(&json, out, "expunge");
    jsonout_field_integer(&json, "time", time(NULL));
    jsonout_field_integer(&json, "removed", (int64_t)removed);
    jsonout_field_integer(&json, "left", (int64_t)left);
    add_folder(&json, control);
    close_event(&json);
}

/* One reply tells enough. */
static bool is_noted(struct slice name, unsigned count)
{
    return count >= CLIENTS_NOTED || (count > 0 && crowd_is_reply(name));
}

void journal_add_clients(struct buffer *out, const struct crowd *crowd)
{
    struct jsonout json;

    for (uint32_t n = 1; n < crowd->client_domains.count; n++) {
        struct slice domain = intern_text(&crowd->client_domains, n);
        unsigned count = crowd_clients_of(crowd, n);

        if (!is_noted(domain, count))
            continue;
        open_event(&json, out, "clients");
        jsonout_field(&json, "domain", domain);
        jsonout_field_integer(&json, "count", count);
        close_event(&json);
    }
}

/* ---- reading ---- */

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static int64_t integer_of(const json_t *object, const char *key)
{
    return (int64_t)json_integer_value(json_object_get(object, key));
}

static struct journal_file file_of(const json_t *stat)
{
    return (struct journal_file){.inode = (uint64_t)integer_of(stat, "inode"),
                                 .size_bytes = integer_of(stat, "size"),
                                 .mtime = integer_of(stat, "mtime")};
}

static bool read_take(const json_t *line, struct journal_entry *entry_r)
{
    const char *id = text_of(line, "id");
    const char *letter = text_of(line, "letter");

    if (id == NULL || letter == NULL || strlen(id) > FACTS_ID_MAX ||
        (letter[0] != 'q' && letter[0] != 'h'))
        return false;
    *entry_r = (struct journal_entry){
        .letter = letter[0],
        .control = file_of(json_object_get(line, "qf")),
        .data = file_of(json_object_get(line, "df")),
        .transcript_inode = (uint64_t)integer_of(line, "xf_inode"),
        .folder_inode = (uint64_t)integer_of(line, "df_folder_inode"),
        .control_folder_inode = (uint64_t)integer_of(line, "qf_folder_inode"),
        .data_folder = text_of(line, "df_folder"),
        .class = text_of(line, "class"),
        .rule = text_of(line, "rule"),
        .created = integer_of(line, "created"),
    };
    memcpy(entry_r->id, id, strlen(id) + 1);
    return true;
}

/* What ends a run, an undo or an expunge: nothing was left half done before
 * it. */
static bool is_last_event(const char *event)
{
    return strcmp(event, "end") == 0 || strcmp(event, "undo") == 0 ||
           strcmp(event, "expunge") == 0;
}

static size_t untaken(const struct journal_state *state, int64_t taken)
{
    return taken < 0 || (uint64_t)taken > state->take_count
               ? 0
               : state->take_count - (size_t)taken;
}

static size_t count_of(const json_t *object, const char *key)
{
    int64_t count = integer_of(object, key);

    return count < 0 ? 0 : (size_t)count;
}

/* control NULL: of any. */
static bool is_of_folder(const json_t *line, const struct queue_folder *control)
{
    return control == NULL ||
           ((dev_t)integer_of(line, "qf_folder_device") == control->device &&
            (ino_t)integer_of(line, "qf_folder_inode") == control->inode);
}

static void read_expunge(const json_t *line, bool is_begin,
                         struct journal_state *state)
{
    state->is_expunging = is_begin;
    state->has_end = !is_begin;
    if (is_begin)
        state->expunging_held = count_of(line, "held");
    else
        state->expunged_count += count_of(line, "removed");
}

static void read_line(const json_t *line, const struct queue_folder *control,
                      void (*take)(void *context,
                                   const struct journal_entry *entry),
                      void *context, struct journal_state *state)
{
    const char *event = text_of(line, "event");
    struct journal_entry entry;

    if (event == NULL)
        return;
    if (strcmp(event, "take") == 0 && read_take(line, &entry)) {
        state->take_count++;
        state->has_end = false;
        if (take != NULL)
            take(context, &entry);
    } else if (strcmp(event, "begin") == 0) {
        const char *action = text_of(line, "action");

        state->has_begin = true;
        state->begin_time = integer_of(line, "time");
        state->is_delete = action != NULL && strcmp(action, "delete") == 0;
    } else if (strcmp(event, "undo-begin") == 0) {
        state->has_end = false;
    } else if (strcmp(event, "expunge-begin") == 0 ||
               strcmp(event, "expunge") == 0) {
        if (is_of_folder(line, control))
            read_expunge(line, event[strlen("expunge")] == '-', state);
    } else if (is_last_event(event)) {
        state->has_end = true;
        if (!state->has_run_end &&
            json_is_true(json_object_get(line, "completed")))
            state->untaken_count = untaken(state, integer_of(line, "taken"));
        state->has_run_end = true;
    }
}

/* NULL with errno set when it cannot be opened. */
static FILE *open_to_read(int directory, const char *name)
{
    int fd =
        openat(directory, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "r");

    if (file == NULL && fd >= 0) {
        int error = errno;

        close(fd);
        errno = error;
    }
    return file;
}

void journal_read_clients(int directory, const char *name,
                          void (*found)(void *context, const char *domain,
                                        unsigned count),
                          void *context)
{
    FILE *file = open_to_read(directory, name);
    char *text = NULL;
    size_t capacity = 0;
    ssize_t len;
    bool is_before_takes = true;

    while (file != NULL && is_before_takes &&
           (len = getline(&text, &capacity, file)) > 0) {
        json_t *line = json_loadb(text, (size_t)len, 0, NULL);
        const char *event = text_of(line, "event");
        const char *domain = text_of(line, "domain");
        int64_t count = integer_of(line, "count");

        is_before_takes = event != NULL && strcmp(event, "take") != 0;
        if (is_before_takes && strcmp(event, "clients") == 0 &&
            domain != NULL && count > 0 && count <= CROWD_CLIENTS_MAX)
            found(context, domain, (unsigned)count);
        json_decref(line);
    }
    free(text);
    if (file != NULL)
        fclose(file);
}

int journal_read(int directory, const char *name,
                 const struct queue_folder *control,
                 void (*take)(void *context, const struct journal_entry *entry),
                 void *context, struct journal_state *state_r)
{
    FILE *file = open_to_read(directory, name);
    char *text = NULL;
    size_t capacity = 0;
    ssize_t len;
    int error;

    *state_r = (struct journal_state){0};
    if (file == NULL)
        return errno;
    errno = 0;
    while ((len = getline(&text, &capacity, file)) > 0) {
        json_t *line;

        if (text[len - 1] != '\n')
            break;
        line = len > LINE_MAX_BYTES ? NULL
                                    : json_loadb(text, (size_t)len, 0, NULL);
        if (line != NULL)
            read_line(line, control, take, context, state_r);
        json_decref(line);
        errno = 0;
    }
    /* without memory getline ends as at the end of the file */
    error = len < 0 ? errno : 0;
    free(text);
    fclose(file);
    return error;
}

/* The event of the last line in a text; false when it is cut or none. */
static bool ends_well(struct slice text)
{
    size_t start = text.len;
    json_t *line;
    const char *event;
    bool is_last;

    if (text.len == 0 || text.ptr[text.len - 1] != '\n')
        return false;
    for (start--; start > 0 && text.ptr[start - 1] != '\n';)
        start--;
    line = json_loadb(text.ptr + start, text.len - start, 0, NULL);
    event = line == NULL ? NULL : text_of(line, "event");
    is_last = event != NULL && is_last_event(event);
    json_decref(line);
    return is_last;
}

int journal_is_finished(int directory, const char *name, bool *is_finished_r)
{
    int fd =
        openat(directory, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    char tail[TAIL_BYTES];
    struct stat st;
    ssize_t len = -1;
    int error;

    if (fd >= 0 && fstat(fd, &st) == 0)
        len = pread(fd, tail, sizeof(tail),
                    st.st_size < TAIL_BYTES ? 0 : st.st_size - TAIL_BYTES);
    error = errno;
    if (fd >= 0)
        close(fd);
    if (len < 0)
        return error;
    *is_finished_r = ends_well(slice_make(tail, (size_t)len));
    return 0;
}
