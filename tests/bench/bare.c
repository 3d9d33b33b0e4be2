/*
 * bare scan DIR THREADS qf|both
 * bare hold|delete DIR THREADS <IDS
 *
 * What the machine itself takes for the work, without any judging: the figures
 * that `make bench` holds qscan against. scan lists a flat queue and opens,
 * reads and closes each control file, or each and its data file. hold and
 * delete take the messages whose ids are read from standard input: nothing is
 * listed or read to find them. What a purge owes to each message is done: both
 * locks, the identity under them, control and data file read again (the
 * shipped rules judge by both, and the verdict counts only under the lock),
 * the df looked at for the journal, a journal line, synced a batch at a time,
 * and a barrier after each step of a batch. Nothing is parsed or judged.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    NAME_MAX_BYTES = 24, /* longer names are no queue ids */
    BATCH = 512,
    BUFFER_BYTES = 1 << 16,
    THREADS_MAX = 64,
};

struct names {
    char (*ids)[NAME_MAX_BYTES]; /* without "qf" */
    size_t count, room;
};

struct work {
    int dir, hold; /* hold < 0: delete */
    const char *mode;
    struct names names;
    atomic_size_t next;
    atomic_size_t failed;
    atomic_uint_fast64_t bytes;
};

static void die(const char *what)
{
    fprintf(stderr, "bare: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void add_name(struct names *names, const char *id, size_t len)
{
    if (len >= NAME_MAX_BYTES)
        return;
    if (names->count == names->room) {
        names->room = names->room == 0 ? 4096 : names->room * 2;
        names->ids = realloc(names->ids, names->room * sizeof(names->ids[0]));
        if (names->ids == NULL)
            die("memory");
    }
    memcpy(names->ids[names->count], id, len);
    names->ids[names->count++][len] = '\0';
}

static void list_directory(int dir, struct names *names)
{
    static char buffer[1 << 18];
    ssize_t n;

    while ((n = getdents64(dir, buffer, sizeof(buffer))) > 0) {
        for (ssize_t at = 0; at < n;) {
            struct dirent64 entry;
            const char *name = buffer + at + offsetof(struct dirent64, d_name);

            memcpy(&entry, buffer + at, offsetof(struct dirent64, d_name));
            if (name[0] == 'q' && name[1] == 'f')
                add_name(names, name + 2, strlen(name + 2));
            at += entry.d_reclen;
        }
    }
    if (n < 0)
        die("getdents");
}

static void list_input(struct names *names)
{
    char line[256];

    while (fgets(line, sizeof(line), stdin) != NULL)
        add_name(names, line, strcspn(line, "\n"));
}

static void full_name(char name[static NAME_MAX_BYTES + 2], char letter,
                      const char *id)
{
    name[0] = letter;
    name[1] = 'f';
    memcpy(name + 2, id, strlen(id) + 1);
}

static size_t read_all(int fd, char *buffer)
{
    size_t bytes = 0;
    ssize_t n;

    do {
        n = read(fd, buffer, BUFFER_BYTES);
        bytes += n > 0 ? (size_t)n : 0;
    } while (n == BUFFER_BYTES);
    return bytes;
}

/* ---- scan ---- */

static void read_file(struct work *work, char letter, const char *id,
                      char *buffer)
{
    char name[NAME_MAX_BYTES + 2];
    int fd;

    full_name(name, letter, id);
    fd = openat(work->dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        work->failed++;
        return;
    }
    work->bytes += read_all(fd, buffer);
    close(fd);
}

static void *scan(void *argument)
{
    struct work *work = argument;
    bool both = strcmp(work->mode, "both") == 0;
    char *buffer = malloc(BUFFER_BYTES);
    size_t from;

    if (buffer == NULL)
        die("memory");
    while ((from = atomic_fetch_add(&work->next, BATCH)) < work->names.count) {
        for (size_t i = from; i < from + BATCH && i < work->names.count; i++) {
            read_file(work, 'q', work->names.ids[i], buffer);
            if (both)
                read_file(work, 'd', work->names.ids[i], buffer);
        }
    }
    free(buffer);
    return NULL;
}

/* ---- hold, delete ---- */

static int lock_control_file(int dir, const char *id, char *buffer)
{
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    char name[NAME_MAX_BYTES + 2];
    struct stat by_fd, by_name;
    int fd;

    full_name(name, 'q', id);
    fd = openat(dir, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return -1;
    if (flock(fd, LOCK_EX | LOCK_NB) != 0 ||
        fcntl(fd, F_OFD_SETLK, &whole) != 0 || fstat(fd, &by_fd) != 0 ||
        fstatat(dir, name, &by_name, AT_SYMLINK_NOFOLLOW) != 0 ||
        by_fd.st_ino != by_name.st_ino) {
        close(fd);
        return -1;
    }
    read_all(fd, buffer);
    return fd;
}

static void read_data_file(int dir, const char *id, char *buffer)
{
    char name[NAME_MAX_BYTES + 2];
    struct stat st;
    int fd;

    full_name(name, 'd', id);
    fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0)
        die("df");
    read_all(fd, buffer);
    close(fd);
}

static void take(struct work *work, char letter, const char *id)
{
    char name[NAME_MAX_BYTES + 2];
    int failed;

    full_name(name, letter, id);
    failed = work->hold < 0 ? unlinkat(work->dir, name, 0)
                            : renameat(work->dir, name, work->hold, name);
    if (failed)
        work->failed++;
}

static void barrier(const struct work *work)
{
    if (work->hold >= 0 && fsync(work->hold) != 0)
        die("fsync of the holding folder");
    if (fsync(work->dir) != 0)
        die("fsync of the queue");
}

static void take_batch(struct work *work, int journal, size_t from,
                       size_t count, char *buffer)
{
    char(*ids)[NAME_MAX_BYTES] = work->names.ids + from;
    static const char line[] = "{\"id\":\"%s\",\"class\":\"bounce-zombie\","
                               "\"mode\":384,\"uid\":0,\"gid\":0}\n";
    static _Thread_local char lines[BATCH * (sizeof(line) + NAME_MAX_BYTES)];
    size_t bytes = 0;
    int fds[BATCH];

    for (size_t i = 0; i < count; i++) {
        fds[i] = lock_control_file(work->dir, ids[i], buffer);
        if (fds[i] < 0) {
            work->failed++;
            continue;
        }
        read_data_file(work->dir, ids[i], buffer);
        bytes += (size_t)sprintf(lines + bytes, line, ids[i]);
    }
    if (write(journal, lines, bytes) != (ssize_t)bytes ||
        fdatasync(journal) != 0)
        die("journal");
    for (size_t i = 0; i < count; i++)
        if (fds[i] >= 0)
            take(work, 'q', ids[i]);
    barrier(work);
    for (size_t i = 0; i < count; i++)
        if (fds[i] >= 0)
            take(work, 'd', ids[i]);
    barrier(work);
    for (size_t i = 0; i < count; i++)
        if (fds[i] >= 0)
            close(fds[i]);
}

static void *act(void *argument)
{
    struct work *work = argument;
    char *buffer = malloc(BUFFER_BYTES);
    char journal_name[64];
    size_t from;
    int journal;

    /* One journal a thread, so that none waits for another's. */
    snprintf(journal_name, sizeof(journal_name), ".bare-journal-%lx",
             (unsigned long)pthread_self());
    journal = openat(work->dir, journal_name,
                     O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (buffer == NULL || journal < 0)
        die("journal");
    while ((from = atomic_fetch_add(&work->next, BATCH)) < work->names.count)
        take_batch(work, journal, from,
                   work->names.count - from < BATCH ? work->names.count - from
                                                    : BATCH,
                   buffer);
    close(journal);
    free(buffer);
    return NULL;
}

/* ---- */

static void run(struct work *work, long thread_count, void *(*what)(void *))
{
    pthread_t threads[THREADS_MAX];

    for (long i = 0; i < thread_count; i++)
        if (pthread_create(&threads[i], NULL, what, work) != 0)
            die("thread");
    for (long i = 0; i < thread_count; i++)
        pthread_join(threads[i], NULL);
}

int main(int argc, char **argv)
{
    static struct work work;
    long threads = argc >= 4 ? strtol(argv[3], NULL, 10) : 0;
    bool scans = argc == 5 && strcmp(argv[1], "scan") == 0;
    bool holds = argc == 4 && strcmp(argv[1], "hold") == 0;
    bool deletes = argc == 4 && strcmp(argv[1], "delete") == 0;

    if ((!scans && !holds && !deletes) || threads < 1 ||
        threads > THREADS_MAX) {
        fprintf(stderr, "usage: bare scan DIR THREADS qf|both\n"
                        "       bare hold|delete DIR THREADS <IDS\n");
        return 2;
    }
    work.hold = -1;
    work.dir = open(argv[2], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (work.dir < 0)
        die(argv[2]);
    if (scans) {
        work.mode = argv[4];
        list_directory(work.dir, &work.names);
        run(&work, threads, scan);
    } else {
        if (holds) {
            if (mkdirat(work.dir, ".bare-hold", 0700) != 0)
                die(".bare-hold");
            work.hold = openat(work.dir, ".bare-hold", O_RDONLY | O_CLOEXEC);
        }
        list_input(&work.names);
        run(&work, threads, act);
    }
    fprintf(stderr, "%zu messages, %zu failed, %llu bytes\n", work.names.count,
            (size_t)work.failed, (unsigned long long)work.bytes);
    return work.failed == 0 ? 0 : 1;
}
