#include "qscan/hold.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/fsuid.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "parsers/array.h"

void hold_new_run_name(char name[static HOLD_RUN_MAX], unsigned attempt)
{
    uint32_t random = attempt;
    time_t now = time(NULL);
    struct tm tm;
    char stamp[32];

    gmtime_r(&now, &tm);
    strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &tm);
    if (attempt == 0) {
        snprintf(name, HOLD_RUN_MAX, "%s-%ld", stamp, (long)getpid());
        return;
    }
    /* two with one process id, in two containers, must not go on in step */
    if (getrandom(&random, sizeof(random), GRND_NONBLOCK) < 0)
        random = attempt;
    snprintf(name, HOLD_RUN_MAX, "%s-%ld-%u", stamp, (long)getpid(),
             (unsigned)random);
}

int64_t hold_run_time(const char *name)
{
    struct tm tm = {0};
    const char *end = strptime(name, "%Y%m%dT%H%M%SZ", &tm);

    return end == NULL || end[0] != '-' ? -1 : timegm(&tm);
}

bool hold_is_run_name(const char *name)
{
    return strlen(name) < HOLD_RUN_MAX && hold_run_time(name) >= 0 &&
           strspn(name, "0123456789TZ-") == strlen(name);
}

static int refuse(int fd, const char *why, const char **why_r)
{
    close(fd);
    *why_r = why;
    errno = EPERM;
    return -1;
}

static int open_checked(int parent, const char *name,
                        const struct queue_folder *folder, const char **why_r)
{
    int fd =
        openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct stat st;

    if (fd < 0) {
        *why_r = strerror(errno);
        return -1;
    }
    if (fstat(fd, &st) < 0 || st.st_uid != folder->owner)
        return refuse(fd, "owned by somebody else than the directory it is in",
                      why_r);
    if ((st.st_mode & 077) != 0 && fchmod(fd, 0700) < 0)
        return refuse(fd, "open for others", why_r);
    return fd;
}

/* Some file systems have nothing to sync. */
static bool is_synced(int fd)
{
    return fsync(fd) == 0 || errno == EINVAL;
}

/*
 * Makes a folder that is its owner's from the start: given away only later,
 * one whose maker was killed in between would be refused ever after. The
 * file system user is this thread's alone.
 */
static int make_as_owner(int parent, const char *name,
                         const struct queue_folder *folder)
{
    bool is_root = geteuid() == 0;
    int result = -1, error = EPERM;

    if (is_root) {
        setfsgid(folder->group);
        setfsuid(folder->owner);
    }
    /* setfsuid tells no failure, only who it is now */
    if ((uid_t)setfsuid((uid_t)-1) == folder->owner) {
        result = mkdirat(parent, name, 0700);
        error = errno;
    }
    if (is_root) {
        setfsuid(0);
        setfsgid(getegid());
    }
    errno = error;
    return result;
}

/* A new folder, whose name is on disk. */
static int make_checked(int parent, const char *name,
                        const struct queue_folder *folder, const char **why_r)
{
    int error;

    if (geteuid() != 0 && geteuid() != folder->owner) {
        *why_r = "only root and the owner of the queue can make it";
        errno = EPERM;
        return -1;
    }
    if (make_as_owner(parent, name, folder) == 0 && is_synced(parent))
        return open_checked(parent, name, folder, why_r);
    error = errno;
    *why_r = strerror(error);
    errno = error;
    return -1;
}

int hold_open_root(const struct queue_folder *folder, const char **why_r)
{
    return open_checked(folder->fd, HOLD_ROOT, folder, why_r);
}

static int open_below(int root, const char *run,
                      const struct queue_folder *folder, const char **why_r,
                      int (*open)(int parent, const char *name,
                                  const struct queue_folder *folder,
                                  const char **why_r))
{
    int fd = root < 0 ? -1 : open(root, run, folder, why_r);
    int error = errno;

    if (root >= 0)
        close(root);
    errno = error;
    return fd;
}

int hold_open_run(const struct queue_folder *folder, const char *run,
                  const char **why_r)
{
    return open_below(hold_open_root(folder, why_r), run, folder, why_r,
                      open_checked);
}

int hold_make_run(const struct queue_folder *folder, const char *run,
                  const char **why_r)
{
    int root = hold_open_root(folder, why_r);

    if (root < 0 && errno == ENOENT) {
        root = make_checked(folder->fd, HOLD_ROOT, folder, why_r);
        if (root < 0 && errno == EEXIST)
            root = hold_open_root(folder, why_r);
    }
    return open_below(root, run, folder, why_r, make_checked);
}

bool hold_is_refused(const struct queue_set *set,
                     const struct queue_folder *folder)
{
    for (size_t i = 0; i < set->open_bases.count; i++) {
        struct stat st;

        if (stat(set->open_bases.strings[i], &st) == 0 &&
            st.st_dev == folder->device && st.st_ino == folder->inode)
            return true;
    }
    return false;
}

/* ---- which runs there are ---- */

enum { COPIED_AFTER_SEC = 2 };

struct run {
    char name[HOLD_RUN_MAX];
    int64_t time;      /* of its name */
    long process;      /* the same */
    int64_t born_nsec; /* of its first folder, of those that tell; 0: none */
};

struct run_list {
    struct run *items;
    size_t count, capacity;
};

/* Not every file system keeps it; long after the run's own time it is that of a
 * copy. */
static int64_t born_nsec(int root, const struct run *run)
{
    struct statx st;

    if (statx(root, run->name, AT_SYMLINK_NOFOLLOW, STATX_BTIME, &st) < 0 ||
        (st.stx_mask & STATX_BTIME) == 0 || st.stx_btime.tv_sec < run->time ||
        st.stx_btime.tv_sec > run->time + COPIED_AFTER_SEC)
        return 0;
    return st.stx_btime.tv_sec * 1000000000 + st.stx_btime.tv_nsec;
}

static struct run *find_run(const struct run_list *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->items[i].name, name) == 0)
            return &list->items[i];
    return NULL;
}

/* NULL without memory. */
static struct run *add_run(struct run_list *list, const char *name)
{
    struct run *items = array_with_room(list->items, list->count,
                                        &list->capacity, sizeof(*items));
    struct run *run;

    if (items == NULL)
        return NULL;
    list->items = items;
    run = &list->items[list->count++];
    *run = (struct run){.time = hold_run_time(name),
                        .process = strtol(strchr(name, '-') + 1, NULL, 10)};
    memcpy(run->name, name, strlen(name) + 1);
    return run;
}

/* False without memory. */
static bool list_root(int root, struct run_list *runs)
{
    DIR *directory = fdopendir(root);
    struct dirent *entry;
    bool is_good = true;

    if (directory == NULL) {
        close(root);
        return false;
    }
    while ((entry = readdir(directory)) != NULL) {
        struct run *run;
        int64_t born;

        if (!hold_is_run_name(entry->d_name))
            continue;
        run = find_run(runs, entry->d_name);
        if (run == NULL)
            run = add_run(runs, entry->d_name);
        if (run == NULL) {
            is_good = false;
            break;
        }
        born = born_nsec(root, run);
        if (born != 0 && (run->born_nsec == 0 || born < run->born_nsec))
            run->born_nsec = born;
    }
    closedir(directory);
    return is_good;
}

/* Of one second the process numbers tell less: they begin anew. */
static int compare_runs(const void *a, const void *b)
{
    const struct run *x = a, *y = b;

    if (x->time != y->time)
        return x->time < y->time ? -1 : 1;
    if (x->born_nsec != y->born_nsec)
        return x->born_nsec < y->born_nsec ? -1 : 1;
    if (x->process != y->process)
        return x->process < y->process ? -1 : 1;
    return strcmp(x->name, y->name);
}

void hold_complain(struct complaints *to, const struct queue_folder *folder,
                   const char *what, const char *why, const char *consequence)
{
    char *path = NULL;

    if (asprintf(&path, "%s/" HOLD_ROOT, folder->path) >= 0)
        complain(to, slice_from_string(path), what, why, consequence);
    free(path);
}

bool hold_list_runs(const struct queue_set *set, struct string_list *runs,
                    struct complaints *to)
{
    struct run_list list = {0};
    bool is_good = true;

    for (size_t i = 0; i < set->folder_count; i++) {
        const struct queue_folder *folder = &set->folders[i];
        const char *why = NULL;
        int root;

        if (!folder->holds_control)
            continue;
        root = hold_open_root(folder, &why);
        if (root >= 0) {
            is_good = list_root(root, &list) && is_good;
        } else if (errno != ENOENT) {
            if (to != NULL)
                hold_complain(to, folder, "holding folder refused", why,
                              "left alone");
            is_good = false;
        }
    }
    if (list.count > 0)
        qsort(list.items, list.count, sizeof(*list.items), compare_runs);
    for (size_t i = 0; i < list.count; i++)
        is_good =
            string_list_add(runs, slice_from_string(list.items[i].name)) &&
            is_good;
    free(list.items);
    return is_good;
}

/* ID.qf, ID.hf */
static bool is_held_control(const char *name)
{
    size_t len = strlen(name);

    return len > 3 && (strcmp(name + len - 3, ".qf") == 0 ||
                       strcmp(name + len - 3, ".hf") == 0);
}

static bool has_held_control(int fd)
{
    DIR *directory = fdopendir(fd);
    struct dirent *entry;
    bool is_found = false;

    if (directory == NULL) {
        close(fd);
        return false;
    }
    while (!is_found && (entry = readdir(directory)) != NULL)
        is_found = is_held_control(entry->d_name);
    closedir(directory);
    return is_found;
}

bool hold_has_control(const struct queue_set *set, const char *run)
{
    bool is_found = false;

    for (size_t i = 0; i < set->folder_count && !is_found; i++) {
        const char *why = NULL;
        int fd = set->folders[i].holds_control
                     ? hold_open_run(&set->folders[i], run, &why)
                     : -1;

        is_found = fd >= 0 && has_held_control(fd);
    }
    return is_found;
}

size_t hold_count_files(int fd)
{
    DIR *directory = fdopendir(dup(fd));
    struct dirent *entry;
    size_t count = 0;

    if (directory == NULL)
        return 0;
    rewinddir(directory); /* its offset is that of fd */
    while ((entry = readdir(directory)) != NULL)
        count +=
            entry->d_name[0] != '.' && strcmp(entry->d_name, HOLD_JOURNAL) != 0;
    closedir(directory);
    return count;
}
