/*
 * Lets every call of qscan that changes a disk fail, one at a time, and holds
 * what is left against what must never happen.
 *
 *     driver [--all] [-v] QSCAN FAULT_LIBRARY QUEUE
 *
 * QUEUE is an unpacked tests/fixtures/queue-demo; it is only read. For every
 * scenario (taking, deleting, undoing, expunging, completing a killed run),
 * every call, every n until the program gets through without meeting the
 * fault: a fresh queue, the fault, a look at the wreck, a recovery without
 * faults, a look again. Without --all the errno values and the recoveries
 * take turns; -v tells all.
 *
 * After that, two at once: one stops before each of these calls, another
 * begins and stops where it asks whether the first still lives; the first goes
 * on to its end, or is killed there or a little later, then the other.
 */
#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

enum {
    PATH_BYTES = 512,
    FILES_MAX = 128,
    OUTPUT_BYTES = 64 * 1024,
    ARGS_MAX = 24,
    NTH_MAX = 400,   /* no scenario makes as many calls of one kind */
    REPEATS_MAX = 6, /* undo, undo, ... until nothing is left to undo */
    FAILURES_MAX = 20,
    QUEUE_OWNER = 65534,
};

/* ---- the queue ---- */

static const char *const zombies[] = {
    "6AI4qioP005238", "6AI4ql5s005823", "6AJ9febX009549", "6AKGt2Qo012456",
    "6AKGt3Ag012686", "6AKGt4pP012872", "6AKGt7Lw012916", "6ALGJlYL017016",
    "6AMAKYis018794", "6AMEjQA6022445", "6AMEjW2L022719", "6AMIAFMD023585",
};

/* In the layout of two queues its df lies in the other, named by a d line. */
static const char distant[] = "6AKGt4pP012872";

static const char *const others[] = {
    "6AI4qog6005949", /* a bounce to a host that is alive */
    "6AI4qp5l006101", /* to seven recipients */
    "6AMJJqMZ027838", /* relayed bounce */
    "6AMJJsRS028140", /* autoreply */
    "6AMJJw8E028245", /* inbound */
    "6AMJGB5X027695", /* a fresh bounce */
};

struct file {
    char id[24];
    char letter;
    bool is_zombie;
    char *bytes;
    size_t len;
    mode_t mode;
    time_t mtime;
    char path[PATH_BYTES]; /* in the queue of this round, absolute */
    ino_t inode;
};

enum layout { FLAT, SPLIT, TWO };

struct world {
    const char *qscan, *library;
    bool is_all, is_verbose;
    char root[PATH_BYTES];
    char queue[PATH_BYTES];   /* what is named to qscan */
    char journal[PATH_BYTES]; /* a folder outside the queue */
    enum layout layout;
    bool has_journal_elsewhere;
    struct file files[FILES_MAX];
    size_t file_count;
    int tell_fd;
    /* of the last run of qscan */
    char out[OUTPUT_BYTES], err[OUTPUT_BYTES];
    int status; /* as of waitpid */
    bool has_struck, was_interrupted;
    bool was_killed; /* the one with the fault */
    /* for messages */
    char doing[256];
    unsigned rounds, failures;
};

__attribute__((noreturn, format(printf, 1, 2))) static void
die(const char *format, ...)
{
    va_list arguments;

    fputs("fault driver: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(2);
}

__attribute__((format(printf, 2, 3))) static void
join(char path[static PATH_BYTES], const char *format, ...)
{
    va_list arguments;
    int len;

    va_start(arguments, format);
    len = vsnprintf(path, PATH_BYTES, format, arguments);
    va_end(arguments);
    if (len < 0 || len >= PATH_BYTES)
        die("path too long");
}

static void empty_folder(const char *path)
{
    DIR *directory = opendir(path);
    struct dirent *entry;

    if (directory == NULL)
        return;
    while ((entry = readdir(directory)) != NULL) {
        char below[PATH_BYTES];

        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        join(below, "%s/%s", path, entry->d_name);
        if (unlink(below) == 0)
            continue;
        empty_folder(below);
        if (rmdir(below) < 0)
            die("%s: %s", below, strerror(errno));
    }
    closedir(directory);
}

__attribute__((format(printf, 2, 3))) static void
broken(struct world *world, const char *format, ...)
{
    va_list arguments;

    printf("  FAILED  %s: ", world->doing);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    printf("\n%s%s", world->out, world->err);
    fflush(stdout);
    if (++world->failures >= FAILURES_MAX) {
        puts("  too many; stopped");
        empty_folder(world->root);
        rmdir(world->root);
        exit(1);
    }
}

static char *read_file(const char *path, size_t *len_r)
{
    int fd = open(path, O_RDONLY);
    struct stat st;
    char *bytes;

    if (fd < 0 || fstat(fd, &st) < 0)
        die("%s: %s", path, strerror(errno));
    bytes = malloc((size_t)st.st_size + 1);
    if (bytes == NULL || read(fd, bytes, (size_t)st.st_size) != st.st_size)
        die("%s: cannot be read", path);
    close(fd);
    *len_r = (size_t)st.st_size;
    return bytes;
}

static struct file *add_file(struct world *world, char letter, const char *id,
                             bool is_zombie)
{
    struct file *file = &world->files[world->file_count++];

    if (world->file_count > FILES_MAX)
        die("too many files");
    *file = (struct file){.letter = letter, .is_zombie = is_zombie};
    snprintf(file->id, sizeof(file->id), "%s", id);
    file->mtime = 1795300000 + (time_t)world->file_count * 7;
    file->mode = 0600;
    return file;
}

static void load_message(struct world *world, const char *queue, const char *id,
                         bool is_zombie)
{
    for (const char *letter = "qd"; *letter != '\0'; letter++) {
        struct file *file = add_file(world, *letter, id, is_zombie);
        char path[PATH_BYTES];

        join(path, "%s/%cf%s", queue, *letter, id);
        file->bytes = read_file(path, &file->len);
        file->mode = *letter == 'q' ? 0600 : 0640;
    }
}

/* A transcript: sendmail leaves them on disk only when they are long. */
static void load_transcript(struct world *world, const char *id)
{
    struct file *file = add_file(world, 'x', id, true);

    file->bytes = strdup("451 a long conversation\n");
    file->len = strlen(file->bytes);
}

static void load(struct world *world, const char *queue)
{
    for (size_t i = 0; i < LENGTH(zombies); i++)
        load_message(world, queue, zombies[i], true);
    load_transcript(world, zombies[1]);
    load_transcript(world, zombies[8]);
    for (size_t i = 0; i < LENGTH(others); i++)
        load_message(world, queue, others[i], false);
}

/* Root purges a queue that is sendmail's, as on a real host. */
static void give_away(const char *path)
{
    if (geteuid() == 0 && chown(path, QUEUE_OWNER, QUEUE_OWNER) < 0)
        die("%s: %s", path, strerror(errno));
}

static void make_folder(const char *path)
{
    if (mkdir(path, 0755) < 0)
        die("%s: %s", path, strerror(errno));
    give_away(path);
}

/* The folder a file of the n-th message stands in. */
static void folder_of(const struct world *world, const struct file *file,
                      size_t n, char path[static PATH_BYTES])
{
    if (world->layout == FLAT)
        join(path, "%s/q1", world->root);
    else if (world->layout == TWO && n % 2 == 0 &&
             (file->letter != 'd' || strcmp(file->id, distant) != 0))
        join(path, "%s/q2", world->root);
    else
        join(path, "%s/q1/%cf", world->root, file->letter);
}

/* q1 with qf/, xf/ and a link df to another folder, as to another disk. */
static void make_split(const struct world *world)
{
    char path[PATH_BYTES], link[PATH_BYTES];

    join(path, "%s/q1/qf", world->root);
    make_folder(path);
    join(path, "%s/q1/xf", world->root);
    make_folder(path);
    join(path, "%s/disk", world->root);
    make_folder(path);
    join(link, "%s/q1/df", world->root);
    if (symlink(path, link) < 0)
        die("%s: %s", link, strerror(errno));
}

static void make_folders(struct world *world)
{
    char path[PATH_BYTES];

    empty_folder(world->root);
    join(path, "%s/q1", world->root);
    make_folder(path);
    join(world->queue, "%s/q1", world->root);
    if (world->layout != FLAT)
        make_split(world);
    if (world->layout == TWO) {
        join(path, "%s/q2", world->root);
        make_folder(path);
        join(world->queue, "%s/q*", world->root);
    }
    join(world->journal, "%s/journals", world->root);
    make_folder(world->journal);
}

static void write_file(struct file *file)
{
    int fd = open(file->path, O_WRONLY | O_CREAT | O_EXCL, file->mode);
    struct timespec times[2] = {{.tv_sec = file->mtime},
                                {.tv_sec = file->mtime}};
    struct stat st;

    if (fd < 0 || write(fd, file->bytes, file->len) != (ssize_t)file->len ||
        fchmod(fd, file->mode) < 0 || futimens(fd, times) < 0 ||
        fstat(fd, &st) < 0)
        die("%s: %s", file->path, strerror(errno));
    file->inode = st.st_ino;
    close(fd);
    give_away(file->path);
}

static void make_queue(struct world *world)
{
    size_t message = 0;

    make_folders(world);
    for (size_t i = 0; i < world->file_count; i++) {
        struct file *file = &world->files[i];
        char folder[PATH_BYTES];

        message += file->letter == 'q';
        /* transcripts stand behind all zombies: by their own message */
        folder_of(world, file,
                  file->letter != 'x'                 ? message
                  : strcmp(file->id, zombies[1]) == 0 ? 2
                                                      : 9,
                  folder);
        join(file->path, "%s/%cf%s", folder, file->letter, file->id);
        write_file(file);
    }
}

/* ---- running qscan ---- */

/* So few descriptors that a batch has a handful of messages. */
static void limit_descriptors(const struct world *world)
{
    static const rlim_t limits[] = {[FLAT] = 72, [SPLIT] = 81, [TWO] = 84};
    struct rlimit limit = {limits[world->layout], limits[world->layout]};

    setrlimit(RLIMIT_NOFILE, &limit);
}

static void slurp(int fd, char text[static OUTPUT_BYTES])
{
    ssize_t len = pread(fd, text, OUTPUT_BYTES - 1, 0);

    text[len < 0 ? 0 : len] = '\0';
}

static void run_child(const struct world *world, const char *const *args,
                      const char *fault, int out, int err)
{
    char tell[16];

    dup2(open("/dev/null", O_RDONLY), STDIN_FILENO);
    dup2(out, STDOUT_FILENO);
    dup2(err, STDERR_FILENO);
    if (fault != NULL) {
        snprintf(tell, sizeof(tell), "%d", world->tell_fd);
        setenv("QSCAN_FAULT", fault, 1);
        setenv("QSCAN_FAULT_FD", tell, 1);
        setenv("LD_PRELOAD", world->library, 1);
    }
    limit_descriptors(world);
    execv(world->qscan, (char *const *)(uintptr_t)args);
    _exit(127);
}

struct child {
    pid_t pid;
    int out, err;
};

/* qscan MODE, with the fault or without. */
static struct child start_qscan(struct world *world, const char *const *mode,
                                const char *fault)
{
    char journal[PATH_BYTES + 16];
    const char *args[ARGS_MAX] = {"qscan"};
    size_t n = 1;
    struct child child = {.out = memfd_create("out", MFD_CLOEXEC),
                          .err = memfd_create("err", MFD_CLOEXEC)};

    for (; *mode != NULL; mode++)
        args[n++] = *mode;
    args[n++] = "-C/dev/null";
    args[n++] = "--no-syslog";
    args[n++] = "-j1";
    args[n++] = "-fjson";
    if (world->has_journal_elsewhere) {
        snprintf(journal, sizeof(journal), "--journal=%s", world->journal);
        args[n++] = journal;
    }
    args[n++] = world->queue;
    assert(n < ARGS_MAX);
    if (ftruncate(world->tell_fd, 0) < 0)
        die("ftruncate: %s", strerror(errno));
    child.pid = fork();
    if (child.pid == 0)
        run_child(world, args, fault, child.out, child.err);
    if (child.pid < 0)
        die("fork: %s", strerror(errno));
    return child;
}

static void finish_qscan(struct world *world, const struct child *child)
{
    if (waitpid(child->pid, &world->status, 0) != child->pid)
        die("wait: %s", strerror(errno));
    slurp(child->out, world->out);
    slurp(child->err, world->err);
    close(child->out);
    close(child->err);
}

static void run_qscan(struct world *world, const char *const *mode,
                      const char *fault)
{
    struct child child = start_qscan(world, mode, fault);
    char byte;

    finish_qscan(world, &child);
    world->has_struck = pread(world->tell_fd, &byte, 1, 0) == 1;
    if (world->is_verbose)
        printf("%s: %s %s: status %x\n%s%s", world->doing, mode[0],
               fault == NULL ? "" : fault, (unsigned)world->status, world->out,
               world->err);
}

static int exit_status(const struct world *world)
{
    return WIFEXITED(world->status) ? WEXITSTATUS(world->status) : -1;
}

static const char *const purge[] = {"--purge-bounces", "--now=1795375579",
                                    NULL};
static const char *const purge_delete[] = {"--purge-bounces", "--delete",
                                           "--yes", "--now=1795375579", NULL};
static const char *const undo[] = {"--undo", "--yes", NULL};
static const char *const expunge[] = {"--expunge", "--yes", NULL};
static const char *const expunge_all[] = {"--expunge", "--older=0s", "--yes",
                                          NULL};
static const char *const runs[] = {"--runs", NULL};
static const char *const summary[] = {"--now=1795375579", NULL};

/* ---- looking ---- */

enum place { GONE, IN_QUEUE, HELD, TWICE };

static bool is_same_file(const struct file *file, const char *path)
{
    struct stat st;
    char *bytes;
    size_t len;
    bool is_same;

    if (lstat(path, &st) < 0 || !S_ISREG(st.st_mode) ||
        (st.st_mode & 07777) != file->mode || st.st_mtime != file->mtime ||
        st.st_ino != file->inode || (size_t)st.st_size != file->len)
        return false;
    bytes = read_file(path, &len);
    is_same = memcmp(bytes, file->bytes, len) == 0;
    free(bytes);
    return is_same;
}

/* Looks through all runs of the file's folder. */
static bool find_held(const struct file *file, char held[static PATH_BYTES])
{
    char root[PATH_BYTES];
    const char *slash = strrchr(file->path, '/');
    DIR *directory;
    struct dirent *entry;
    bool is_found = false;

    join(root, "%.*s/.qscan", (int)(slash - file->path), file->path);
    directory = opendir(root);
    while (directory != NULL && !is_found &&
           (entry = readdir(directory)) != NULL) {
        join(held, "%s/%s/%s.%cf", root, entry->d_name, file->id, file->letter);
        is_found = access(held, F_OK) == 0;
    }
    if (directory != NULL)
        closedir(directory);
    return is_found;
}

static enum place place_of(struct world *world, const struct file *file)
{
    char held[PATH_BYTES];
    bool is_held = find_held(file, held);
    bool is_queued = access(file->path, F_OK) == 0;

    if ((is_held && !is_same_file(file, held)) ||
        (is_queued && !is_same_file(file, file->path)))
        broken(world, "%cf%s is not the file it was", file->letter, file->id);
    return is_held && is_queued ? TWICE
           : is_held            ? HELD
           : is_queued          ? IN_QUEUE
                                : GONE;
}

static const struct file *file_of(const struct world *world, const char *id,
                                  char letter)
{
    for (size_t i = 0; i < world->file_count; i++)
        if (world->files[i].letter == letter &&
            strcmp(world->files[i].id, id) == 0)
            return &world->files[i];
    return NULL;
}

struct count {
    size_t queued, held, gone, torn; /* by qf and df: whole, or not */
    size_t strays;                   /* transcripts elsewhere than their qf */
};

/* What may never be, whatever happened, and what each message came to. */
static struct count look_at_messages(struct world *world, bool may_be_gone)
{
    struct count count = {0};

    for (size_t i = 0; i < LENGTH(zombies); i++) {
        const struct file *transcript = file_of(world, zombies[i], 'x');
        enum place qf = place_of(world, file_of(world, zombies[i], 'q'));
        enum place df = place_of(world, file_of(world, zombies[i], 'd'));
        enum place xf = transcript == NULL ? qf : place_of(world, transcript);

        if (qf == TWICE || df == TWICE || xf == TWICE)
            broken(world, "%s: a file twice", zombies[i]);
        if (qf == IN_QUEUE && df != IN_QUEUE)
            broken(world, "%s: a control file without df", zombies[i]);
        if (!may_be_gone && (qf == GONE || df == GONE || xf == GONE))
            broken(world, "%s: lost", zombies[i]);
        count.strays += xf != qf;
        if (qf != df)
            count.torn++;
        else if (qf == IN_QUEUE)
            count.queued++;
        else if (qf == HELD)
            count.held++;
        else
            count.gone++;
    }
    for (size_t i = 0; i < world->file_count; i++)
        if (!world->files[i].is_zombie &&
            place_of(world, &world->files[i]) != IN_QUEUE)
            broken(world, "%cf%s: was never to be touched",
                   world->files[i].letter, world->files[i].id);
    return count;
}

/* Every name below the queue is one of ours, but in holding folders. */
static void look_for_strangers(struct world *world, const char *path)
{
    DIR *directory = opendir(path);
    struct dirent *entry;

    while (directory != NULL && (entry = readdir(directory)) != NULL) {
        char below[PATH_BYTES];
        struct stat st;
        bool is_ours = false;

        if (entry->d_name[0] == '.')
            continue;
        join(below, "%s/%s", path, entry->d_name);
        if (lstat(below, &st) < 0 || S_ISLNK(st.st_mode))
            continue;
        if (S_ISDIR(st.st_mode)) {
            if (strcmp(below, world->journal) != 0)
                look_for_strangers(world, below);
            continue;
        }
        for (size_t i = 0; i < world->file_count && !is_ours; i++)
            is_ours = world->files[i].inode == st.st_ino &&
                      strcmp(strrchr(world->files[i].path, '/') + 1,
                             entry->d_name) == 0;
        if (!is_ours)
            broken(world, "%s: who made this?", below);
    }
    if (directory != NULL)
        closedir(directory);
}

/* "qscan: OBJECT: WHAT[: WHY]; CONSEQUENCE", each line. */
static void look_at_words(struct world *world, bool must_speak)
{
    char *line = world->err;

    if (must_speak && *line == '\0')
        broken(world, "exit %d without a word", exit_status(world));
    while (*line != '\0') {
        char *end = strchr(line, '\n');
        const char *object = line + strlen("qscan: ");
        const char *what, *consequence;

        if (end == NULL || strncmp(line, "qscan: ", 7) != 0) {
            broken(world, "not an error line of qscan");
            return;
        }
        *end = '\0';
        what = strstr(object, ": ");
        consequence = strstr(object, "; ");
        if (what == NULL || consequence == NULL || consequence < what)
            broken(world, "not OBJECT: WHAT; CONSEQUENCE: %s", line);
        *end = '\n';
        line = end + 1;
    }
}

static long number_of(const struct world *world, const char *key)
{
    char quoted[32];
    const char *at;

    snprintf(quoted, sizeof(quoted), "\"%s\":", key);
    at = strstr(world->out, quoted);
    return at == NULL ? -1 : atol(at + strlen(quoted));
}

static void expect_exit(struct world *world, int wanted)
{
    if (exit_status(world) != wanted)
        broken(world, "exit %d, not %d", exit_status(world), wanted);
}

/* ---- recoveries ---- */

/* Again and again, until nothing is left to do. */
static void repeat(struct world *world, const char *const *mode)
{
    for (int i = 0; i < REPEATS_MAX; i++) {
        run_qscan(world, mode, NULL);
        if (exit_status(world) == 2 || number_of(world, "runs") == 0)
            return;
        expect_exit(world, 0);
    }
    broken(world, "%s has always more to do", mode[0]);
}

/* Every summary is short and to the point until somebody looks after it. */
static void look_at_summary(struct world *world)
{
    run_qscan(world, summary, NULL);
    expect_exit(world, 0);
    look_at_words(world, false);
}

static void undo_all(struct world *world)
{
    struct count count;

    repeat(world, undo);
    count = look_at_messages(world, false);
    if (count.queued != LENGTH(zombies) || count.strays > 0)
        broken(world, "undone, and %zu held, %zu torn", count.held, count.torn);
    look_for_strangers(world, world->root);
    look_at_summary(world);
}

static void purge_again(struct world *world)
{
    struct count count;

    run_qscan(world, purge, NULL);
    expect_exit(world, 0);
    count = look_at_messages(world, false);
    if (count.held != LENGTH(zombies) || count.strays > 0)
        broken(world, "purged, and %zu queued, %zu torn", count.queued,
               count.torn);
}

static void purge_and_undo(struct world *world)
{
    purge_again(world);
    undo_all(world);
}

static bool has_names(const char *path)
{
    DIR *directory = opendir(path);
    struct dirent *entry;
    bool is_empty = true;

    while (directory != NULL && is_empty &&
           (entry = readdir(directory)) != NULL)
        is_empty =
            strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
    if (directory != NULL)
        closedir(directory);
    return !is_empty;
}

/* Nothing of any run stays behind, not even its folder. */
static void expunge_all_runs(struct world *world)
{
    static const char *const folders[] = {"q1", "q1/qf", "q1/df", "q1/xf",
                                          "q2"};
    struct count count;

    repeat(world, expunge_all);
    count = look_at_messages(world, true);
    if (count.torn + count.strays > 0 || count.held > 0)
        broken(world, "expunged, and %zu held, %zu torn", count.held,
               count.torn);
    for (size_t i = 0; i < LENGTH(folders); i++) {
        char path[PATH_BYTES];

        join(path, "%s/%s/.qscan", world->root, folders[i]);
        if (has_names(path))
            broken(world, "%s: something stays behind", path);
    }
    look_at_summary(world);
}

/* Runs that hold something, one after the other, by no name. */
static void expunge_each(struct world *world)
{
    struct count count;

    repeat(world, expunge);
    count = look_at_messages(world, true);
    if (count.torn + count.strays > 0 || count.held > 0)
        broken(world, "expunged, and %zu held, %zu torn", count.held,
               count.torn);
}

static void delete_again(struct world *world)
{
    struct count count;

    run_qscan(world, purge_delete, NULL);
    expect_exit(world, 0);
    count = look_at_messages(world, true);
    if (count.gone != LENGTH(zombies) || count.strays > 0)
        broken(world, "deleted, and %zu queued, %zu torn", count.queued,
               count.torn);
    look_for_strangers(world, world->root);
}

/* A run of the other kind completes a deletion as well. */
static void purge_after_delete(struct world *world)
{
    struct count count;

    run_qscan(world, purge, NULL);
    expect_exit(world, 0);
    count = look_at_messages(world, true);
    if (count.torn + count.strays > 0 || count.queued > 0)
        broken(world, "purged, and %zu queued, %zu torn", count.queued,
               count.torn);
    expunge_all_runs(world);
}

/* What is half expunged never comes back half, nor as if it were all. */
static void undo_after_expunge(struct world *world)
{
    struct count count = look_at_messages(world, true);

    run_qscan(world, undo, NULL);
    if (count.gone + count.torn > 0 && exit_status(world) == 0)
        broken(world, "%zu gone, and undone without a word", count.gone);
    count = look_at_messages(world, true);
    if (exit_status(world) == 1 && count.held > 0)
        broken(world, "undone, and %zu held", count.held);
    run_qscan(world, undo, NULL);
    look_at_messages(world, true);
    expunge_all_runs(world);
}

/* One that was killed is completed: nothing stays half expunged. One that only
 * failed is left to whoever saw it fail. */
static void purge_after_expunge(struct world *world)
{
    struct count count;

    run_qscan(world, purge, NULL);
    expect_exit(world, 0);
    count = look_at_messages(world, true);
    if (world->was_killed && count.torn + count.strays > 0)
        broken(world, "purged, and %zu torn", count.torn);
    run_qscan(world, runs, NULL);
    if (world->was_killed && strstr(world->out, "half-expunged") != NULL)
        broken(world, "purged, and half expunged still");
    expunge_all_runs(world);
}

/* ---- scenarios ---- */

enum { RECOVERIES_MAX = 4 };

struct scenario {
    const char *name;
    /* before the fault: a clean run, or one that is killed at this fault */
    const char *const *before;
    const char *before_fault;
    const char *const *mode;
    bool may_be_gone;
    bool is_take; /* its counts are those of taking */
    bool has_journal_elsewhere;
    void (*recoveries[RECOVERIES_MAX])(struct world *world);
};

static const struct scenario scenarios[] = {
    {.name = "hold",
     .mode = purge,
     .is_take = true,
     .recoveries = {purge_and_undo, undo_all, expunge_all_runs}},
    {.name = "delete",
     .mode = purge_delete,
     .is_take = true,
     .may_be_gone = true,
     .recoveries = {delete_again, purge_after_delete}},
    {.name = "undo",
     .before = purge,
     .mode = undo,
     .recoveries = {undo_all, purge_and_undo, expunge_each, expunge_all_runs}},
    {.name = "expunge",
     .before = purge,
     .mode = expunge,
     .may_be_gone = true,
     .recoveries = {expunge_each, undo_after_expunge, expunge_all_runs,
                    purge_after_expunge}},
    {.name = "complete",
     .before = purge,
     .before_fault = "renameat2:9:kill-before",
     .mode = purge,
     .recoveries = {purge_and_undo, undo_all, expunge_all_runs}},
    {.name = "complete-delete",
     .before = purge_delete,
     .before_fault = "unlinkat:9:kill-before",
     .mode = purge_delete,
     .may_be_gone = true,
     .recoveries = {delete_again, purge_after_delete}},
    {.name = "undo-of-killed",
     .before = purge,
     .before_fault = "renameat2:9:kill-before",
     .mode = undo,
     .recoveries = {undo_all, purge_and_undo}},
    {.name = "journal-elsewhere",
     .mode = purge,
     .is_take = true,
     .has_journal_elsewhere = true,
     .recoveries = {purge_and_undo, undo_all, expunge_all_runs}},
};

static const char *const calls[] = {
    "renameat2", "unlinkat", "fsync",   "fdatasync", "flock",
    "fcntl",     "write",    "mkdirat", "openat",
};

static const char *const errors[] = {"EIO", "ENOSPC", "EACCES"};

/* The fault struck and the program went on: did it say the truth? */
static void look_at_report(struct world *world, const struct scenario *scenario,
                           const struct count *count)
{
    int status = exit_status(world);

    /* Interrupted, it stops between two batches. */
    if (status == 128 + SIGTERM && world->was_interrupted) {
        if (count->torn + count->strays > 0)
            broken(world, "interrupted, and %zu torn", count->torn);
        if (scenario->is_take &&
            number_of(world, "purged") + number_of(world, "unreached") !=
                (long)LENGTH(zombies))
            broken(world, "interrupted, and counts wrongly");
        status = 1;
        if (world->err[0] == '\0')
            snprintf(world->err, sizeof(world->err), "qscan: a: b; c\n");
    }
    if (status < 0 || status > 2) {
        broken(world, "exit %d", status);
        return;
    }
    look_at_words(world, status != 0);
    if (status == 0 && world->err[0] != '\0' &&
        strstr(world->err, "did not come to its end") == NULL)
        broken(world, "complained, and exit 0");
    if (!scenario->is_take)
        return;
    if (status == 2 && count->queued != LENGTH(zombies))
        broken(world, "nothing done by its exit status, and %zu queued",
               count->queued);
    if (strstr(world->err, "/qf/.: cannot be synced") != NULL &&
        count->queued + count->torn == 0)
        broken(world, "took df of what may not be gone after a crash");
    if (status == 0 && count->queued > 0)
        broken(world, "all done by its exit status, and %zu queued",
               count->queued);
    if (status != 2 &&
        number_of(world, "purged") !=
            (long)(LENGTH(zombies) - count->queued - count->torn))
        broken(world, "says %ld purged; %zu queued, %zu torn",
               number_of(world, "purged"), count->queued, count->torn);
}

/* One fault, and one recovery. False when the fault was never met. */
static bool play(struct world *world, const struct scenario *scenario,
                 const char *fault, size_t recovery)
{
    struct count count;

    snprintf(world->doing, sizeof(world->doing), "%s, layout %d, %s, way %zu",
             scenario->name, (int)world->layout, fault, recovery);
    world->has_journal_elsewhere = scenario->has_journal_elsewhere;
    make_queue(world);
    if (scenario->before != NULL) {
        run_qscan(world, scenario->before, scenario->before_fault);
        if (scenario->before_fault == NULL)
            expect_exit(world, 0);
        else if (!WIFSIGNALED(world->status))
            broken(world, "was to be killed before");
    }
    run_qscan(world, scenario->mode, fault);
    world->was_killed = WIFSIGNALED(world->status);
    world->was_interrupted = strstr(fault, ":term") != NULL;
    count = look_at_messages(world, scenario->may_be_gone);
    look_for_strangers(world, world->root);
    if (WIFEXITED(world->status))
        look_at_report(world, scenario, &count);
    if (!world->has_struck) {
        expect_exit(world, 0);
        if (count.torn > 0)
            broken(world, "no fault, and %zu torn", count.torn);
        return false;
    }
    world->rounds++;
    scenario->recoveries[recovery](world);
    return true;
}

static size_t recovery_count(const struct scenario *scenario)
{
    size_t count = 0;

    while (count < RECOVERIES_MAX && scenario->recoveries[count] != NULL)
        count++;
    return count;
}

/* This call fails in every way at its n-th time. */
static bool play_nth(struct world *world, const struct scenario *scenario,
                     const char *call, unsigned nth)
{
    const char *whats[LENGTH(errors) + 4];
    size_t what_count = 0, ways = recovery_count(scenario);
    bool has_struck = false;

    /* the plain layout goes through every n, the others through a third */
    if (!world->is_all && world->layout != FLAT &&
        nth % 3 != (unsigned)world->layout)
        return true;
    for (size_t i = 0; i < LENGTH(errors); i++)
        if (world->is_all || nth % LENGTH(errors) == i)
            whats[what_count++] = errors[i];
    whats[what_count++] = "kill-before";
    /* kill-before of the next call is mostly the same */
    if (world->is_all || strcmp(call, "mkdirat") == 0)
        whats[what_count++] = "kill-after";
    if (strcmp(call, "write") == 0)
        whats[what_count++] = "short";
    if (strcmp(call, "fsync") == 0)
        whats[what_count++] = "term";
    for (size_t i = 0; i < what_count; i++)
        for (size_t way = 0; way < ways; way++) {
            char fault[64];

            if (!world->is_all && (nth / LENGTH(errors) + i) % ways != way)
                continue;
            snprintf(fault, sizeof(fault), "%s:%u:%s", call, nth, whats[i]);
            has_struck |= play(world, scenario, fault, way);
        }
    return has_struck;
}

static void play_scenario(struct world *world, const struct scenario *scenario)
{
    for (size_t c = 0; c < LENGTH(calls); c++)
        for (unsigned nth = 1; nth < NTH_MAX; nth++)
            if (!play_nth(world, scenario, calls[c], nth))
                break;
}

/* ---- two at once ---- */

struct race {
    const char *name;
    const char *const *before;
    const char *before_fault;
    const char *const *one, *const *other;
    bool may_be_gone;
};

static const struct race races[] = {
    {.name = "purge and purge", .one = purge, .other = purge},
    {.name = "purge and undo", .one = purge, .other = undo},
    {.name = "purge and runs", .one = purge, .other = runs},
    {.name = "purge and expunge",
     .one = purge,
     .other = expunge_all,
     .may_be_gone = true},
    {.name = "undo and purge", .before = purge, .one = undo, .other = purge},
    {.name = "undo and undo", .before = purge, .one = undo, .other = undo},
    {.name = "undo and expunge",
     .before = purge,
     .one = undo,
     .other = expunge,
     .may_be_gone = true},
    {.name = "expunge and undo",
     .before = purge,
     .one = expunge,
     .other = undo,
     .may_be_gone = true},
    {.name = "expunge and purge",
     .before = purge,
     .one = expunge,
     .other = purge,
     .may_be_gone = true},
    {.name = "complete and purge",
     .before = purge,
     .before_fault = "renameat2:9:kill-before",
     .one = purge,
     .other = purge},
};

static bool is_stopped(const struct child *child)
{
    siginfo_t info;

    if (waitid(P_PID, (id_t)child->pid, &info, WSTOPPED | WEXITED | WNOWAIT) <
        0)
        die("wait: %s", strerror(errno));
    return info.si_code == CLD_STOPPED;
}

/* Of two that both came to their end, what is said must be true. */
static void look_at_pair(struct world *world, const struct race *race)
{
    static const char *const untrue[] = {"not come to its end", "not name",
                                         "but no journal"};
    int status = exit_status(world);

    if (status < 0 || status > 2) {
        broken(world, "exit %d", status);
        return;
    }
    look_at_words(world, status != 0);
    for (size_t i = 0; race->before_fault == NULL && i < LENGTH(untrue); i++)
        if (strstr(world->err, untrue[i]) != NULL)
            broken(world, "untrue: %s", untrue[i]);
    if ((race->other == purge && status != 0 &&
         number_of(world, "busy") <= 0) ||
        (race->other == runs && status != 0))
        broken(world, "exit %d", status);
}

/* One call of each, and how the first goes on. False when it never came
 * there. */
static bool play_pair(struct world *world, const struct race *race,
                      const char *one_fault, const char *other_fault,
                      int signal)
{
    struct child one, other;
    struct count count;
    bool is_killed;

    snprintf(world->doing, sizeof(world->doing), "%s, layout %d, %s, %s%s",
             race->name, (int)world->layout, one_fault, other_fault,
             signal == SIGKILL ? ", killed" : "");
    make_queue(world);
    if (race->before != NULL)
        run_qscan(world, race->before, race->before_fault);
    one = start_qscan(world, race->one, one_fault);
    if (!is_stopped(&one)) {
        finish_qscan(world, &one);
        return false;
    }
    other = start_qscan(world, race->other, other_fault);
    is_stopped(&other);
    kill(one.pid, signal);
    finish_qscan(world, &one);
    is_killed = WIFSIGNALED(world->status);
    if (!is_killed)
        look_at_words(world, exit_status(world) != 0);
    kill(other.pid, SIGCONT);
    finish_qscan(world, &other);
    world->rounds++;
    count = look_at_messages(world, race->may_be_gone);
    look_for_strangers(world, world->root);
    if (!is_killed) {
        look_at_pair(world, race);
        if (count.torn + count.strays > 0)
            broken(world, "%zu torn", count.torn);
    }
    if (race->may_be_gone)
        expunge_all_runs(world);
    else
        undo_all(world);
    return true;
}

/* Where the other stops, or does not: it makes no 400 such calls. Whether one
 * lives is asked three times for each journal, before anything is done. */
static const char *const others_stops[] = {
    "flock:1:stop", "flock:4:stop", "fsync:1:stop",    "flock:400:stop",
    "flock:2:stop", "flock:7:stop", "renameat2:1:stop"};

static bool play_pairs(struct world *world, const struct race *race,
                       const char *call, unsigned nth)
{
    size_t count = world->is_all       ? LENGTH(others_stops)
                   : race->may_be_gone ? 3
                                       : 2;
    char stop[64], stop_die[64];
    bool is_met = false;

    /* around the first lines of the journal every one, then a few */
    if (!world->is_all && nth > 2 && nth % 7 != (unsigned)world->layout)
        return true;
    snprintf(stop, sizeof(stop), "%s:%u:stop", call, nth);
    snprintf(stop_die, sizeof(stop_die), "%s:%u:stop-die", call, nth);
    for (size_t i = 0; i < count; i++) {
        is_met |= play_pair(world, race, stop, others_stops[i], SIGCONT);
        is_met |= play_pair(world, race, stop, others_stops[i], SIGKILL);
        is_met |= play_pair(world, race, stop_die, others_stops[i], SIGCONT);
    }
    return is_met;
}

static void play_race(struct world *world, const struct race *race)
{
    world->has_journal_elsewhere = false;
    for (size_t c = 0; c < LENGTH(calls); c++)
        for (unsigned nth = 1; nth < NTH_MAX; nth++)
            if (!play_pairs(world, race, calls[c], nth))
                break;
}

/* Without a fault all must be as the faulty runs are held against. */
static void play_clean(struct world *world)
{
    struct count count;

    snprintf(world->doing, sizeof(world->doing), "no fault, layout %d",
             (int)world->layout);
    make_queue(world);
    purge_again(world);
    if (number_of(world, "purged") != (long)LENGTH(zombies))
        die("the queue has not the messages it should\n%s%s", world->out,
            world->err);
    undo_all(world);
    expunge_all_runs(world);
    count = look_at_messages(world, false);
    if (count.queued != LENGTH(zombies))
        broken(world, "expunged what was undone");
}

static void make_root(struct world *world)
{
    const char *top = getenv("TMPDIR");

    if (top == NULL)
        top = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    join(world->root, "%s/qscan-fault.XXXXXX", top);
    if (mkdtemp(world->root) == NULL)
        die("%s: %s", world->root, strerror(errno));
}

/* A d line before the I line of the distant message. */
static void add_d_line(struct world *world)
{
    static const char line[] = "\ndq1";

    for (size_t i = 0; i < world->file_count; i++) {
        struct file *file = &world->files[i];
        size_t len = file->len + strlen(line);
        char *bytes, *at;

        if (file->letter != 'q' || strcmp(file->id, distant) != 0)
            continue;
        bytes = calloc(1, len + 1);
        at = memmem(file->bytes, file->len, "\nI", 2);
        if (bytes == NULL || at == NULL)
            die("%s: no I line", distant);
        snprintf(bytes, len + 1, "%.*s%s%.*s", (int)(at - file->bytes),
                 file->bytes, line,
                 (int)(file->len - (size_t)(at - file->bytes)), at);
        free(file->bytes);
        file->bytes = bytes;
        file->len = len;
    }
}

/* All of one layout, in a process of its own; true when all was well. */
static bool play_layout(struct world *world, enum layout layout)
{
    const char *only = getenv("FAULT_ONLY"); /* one scenario */

    world->layout = layout;
    if (layout == TWO)
        add_d_line(world);
    make_root(world);
    play_clean(world);
    for (size_t i = 0; i < LENGTH(scenarios); i++)
        if (only == NULL || strcmp(only, scenarios[i].name) == 0)
            play_scenario(world, &scenarios[i]);
    for (size_t i = 0; i < LENGTH(races); i++)
        if (only == NULL || strcmp(only, races[i].name) == 0)
            play_race(world, &races[i]);
    empty_folder(world->root);
    rmdir(world->root);
    printf("  faults: layout %d, %u rounds, %u failed\n", (int)layout,
           world->rounds, world->failures);
    fflush(stdout);
    return world->failures == 0;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"all", no_argument, NULL, 'a'},
                                            {NULL, 0, NULL, 0}};
    static struct world world;
    bool is_good = true;
    int option;

    while ((option = getopt_long(argc, argv, "av", options, NULL)) != -1) {
        world.is_all = world.is_all || option == 'a';
        world.is_verbose = world.is_verbose || option == 'v';
    }
    if (argc - optind != 3)
        die("usage: driver [--all] [-v] QSCAN LIBRARY QUEUE");
    world.qscan = argv[optind];
    world.library = argv[optind + 1];
    load(&world, argv[optind + 2]);
    umask(022);
    for (int layout = FLAT; layout <= TWO; layout++)
        if (fork() == 0) {
            world.tell_fd = memfd_create("tell", 0);
            exit(!play_layout(&world, (enum layout)layout));
        }
    for (int layout = FLAT, status; layout <= TWO; layout++)
        is_good = wait(&status) > 0 && status == 0 && is_good;
    for (size_t i = 0; i < world.file_count; i++)
        free(world.files[i].bytes);
    return !is_good;
}
