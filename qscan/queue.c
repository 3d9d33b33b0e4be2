#include "qscan/queue.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "parsers/input.h"
#include "qscan/hold.h"
#include "qscan/queue_part.h"

enum { DESCRIPTORS_WANTED = 65536 };

static const char default_queue[] = "/var/spool/mqueue";

const struct queue_folder *queue_folder_for(const struct queue_set *set,
                                            uint16_t dir, char letter)
{
    const struct queue_dir *queue = &set->dirs[dir];

    return &set->folders[letter == 'd'   ? queue->data
                         : letter == 'x' ? queue->transcripts
                                         : queue->control];
}

bool queue_stat_row(const struct queue_set *set, const struct facts *row,
                    struct stat *st_r)
{
    char name[QUEUE_HELD_NAME_MAX];

    return queue_file_name(name, row->letter, facts_id(row), row->is_held) &&
           fstatat(queue_folder_for(set, row->dir, row->letter)->fd, name, st_r,
                   AT_SYMLINK_NOFOLLOW) == 0;
}

bool queue_file_name(char name[static QUEUE_HELD_NAME_MAX], char letter,
                     struct slice id, bool is_held)
{
    if (id.len == 0 || id.len + 4 > QUEUE_HELD_NAME_MAX ||
        slice_index(id, '/') < id.len || slice_index(id, '\0') < id.len)
        return false;
    if (is_held) {
        memcpy(name, id.ptr, id.len);
        name[id.len] = '.';
        name[id.len + 1] = letter;
        name[id.len + 2] = 'f';
        name[id.len + 3] = '\0';
    } else {
        name[0] = letter;
        name[1] = 'f';
        memcpy(name + 2, id.ptr, id.len);
        name[id.len + 2] = '\0';
    }
    return true;
}

char *queue_join_path(const char *directory, const char *name)
{
    size_t len = strlen(directory);
    char *path;

    while (len > 1 && directory[len - 1] == '/')
        len--;
    if (name == NULL)
        return strndup(directory, len);
    if (asprintf(&path, "%.*s%s%s", (int)len, directory,
                 len == 1 && directory[0] == '/' ? "" : "/", name) < 0)
        return NULL;
    return path;
}

/* As opendir(3), but for its access time. */
static DIR *open_directory(const char *path)
{
    int fd = input_openat(AT_FDCWD, path,
                          O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK);
    DIR *directory = fd < 0 ? NULL : fdopendir(fd);

    if (directory == NULL && fd >= 0)
        close(fd);
    return directory;
}

int queue_open_folder(struct queue_set *set, int directory, const char *name,
                      const char *path)
{
    int fd = input_openat(directory, name,
                          O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    struct queue_folder *folders;

    if (fd < 0)
        return -1;
    if (fstat(fd, &st) < 0) {
        close(fd);
        return -1;
    }
    for (size_t i = 0; i < set->folder_count; i++) {
        if (set->folders[i].device == st.st_dev &&
            set->folders[i].inode == st.st_ino) {
            close(fd);
            return (int)i;
        }
    }
    folders = realloc(set->folders, (set->folder_count + 1) * sizeof(*folders));
    if (folders == NULL || set->folder_count >= 3 * QUEUE_DIRS_MAX) {
        if (folders != NULL)
            set->folders = folders;
        close(fd);
        errno = ENOMEM;
        return -1;
    }
    set->folders = folders;
    folders[set->folder_count] = (struct queue_folder){
        .path = queue_join_path(path, NULL),
        .fd = fd,
        .device = st.st_dev,
        .inode = st.st_ino,
        .owner = st.st_uid,
        .group = st.st_gid,
        .is_writable = (st.st_mode & S_IWOTH) != 0,
        .is_shared = (st.st_mode & (S_IWGRP | S_IWOTH)) != 0,
        .first_dir = FACTS_NO_DIR,
    };
    return (int)set->folder_count++;
}

void queue_complain_path(struct complaints *to, const char *path,
                         const char *what, int error, const char *consequence)
{
    complain(to, slice_from_string(path), what, strerror(error), consequence);
}

static void warn_of_writable(struct queue_set *set, int number,
                             struct complaints *to)
{
    struct queue_folder *folder = &set->folders[number];

    if (folder->is_writable)
        complain_warning(to, slice_from_string(folder->path),
                         "anybody may write into this directory", NULL,
                         "whoever does can do anything to its mail");
    folder->is_writable = false;
}

/* The qf, df or xf subdirectory where there is one, else the folder itself;
 * -1 when it is there but cannot be opened. */
static int open_subfolder(struct queue_set *set, int top, const char *name,
                          struct complaints *to)
{
    char *path = queue_join_path(set->folders[top].path, name);
    int folder;

    if (path == NULL)
        return top;
    folder = queue_open_folder(set, set->folders[top].fd, name, path);
    if (folder < 0 && (errno == ENOENT || errno == ENOTDIR)) {
        folder = top;
    } else if (folder < 0) {
        queue_complain_path(to, path, "cannot be opened", errno,
                            "its queue is left out");
        set->unreadable_count++;
    }
    free(path);
    return folder;
}

/* Takes one queue directory into the set, unless it is there. */
static bool add_dir(struct queue_set *set, const char *path,
                    struct complaints *to)
{
    int top = queue_open_folder(set, AT_FDCWD, path, path);
    int control, data, transcripts;
    struct queue_dir *dirs;

    if (top < 0) {
        queue_complain_path(to, path, "cannot be opened", errno, "left out");
        set->unreadable_count++;
        return false;
    }
    control = open_subfolder(set, top, "qf", to);
    data = open_subfolder(set, top, "df", to);
    transcripts = open_subfolder(set, top, "xf", to);
    if (control < 0 || data < 0 || transcripts < 0)
        return false;
    warn_of_writable(set, top, to);
    warn_of_writable(set, control, to);
    warn_of_writable(set, data, to);
    warn_of_writable(set, transcripts, to);
    if (set->folders[control].holds_control)
        return true; /* named twice, or two groups share it */
    dirs = realloc(set->dirs, (set->dir_count + 1) * sizeof(*dirs));
    if (dirs == NULL || set->dir_count >= QUEUE_DIRS_MAX) {
        if (dirs != NULL)
            set->dirs = dirs;
        complain(to, slice_from_string(path), "too many queue directories",
                 NULL, "left out");
        return false;
    }
    set->dirs = dirs;
    dirs[set->dir_count] = (struct queue_dir){
        .path = queue_join_path(path, NULL),
        .control = (uint16_t)control,
        .data = (uint16_t)data,
        .transcripts = (uint16_t)transcripts,
    };
    set->folders[control].holds_control = true;
    set->folders[control].first_dir = (uint16_t)set->dir_count;
    set->folders[data].holds_data = true;
    set->folders[transcripts].holds_transcripts = true;
    if (set->folders[data].first_dir == FACTS_NO_DIR)
        set->folders[data].first_dir = (uint16_t)set->dir_count;
    if (set->folders[transcripts].first_dir == FACTS_NO_DIR)
        set->folders[transcripts].first_dir = (uint16_t)set->dir_count;
    set->dir_count++;
    return true;
}

bool queue_is_file_name(const char *name)
{
    return name[0] != '\0' && name[1] == 'f' && name[2] != '\0' &&
           strchr("qhQdxtT", name[0]) != NULL;
}

static bool is_queue_folder(const char *name)
{
    return strcmp(name, "qf") == 0 || strcmp(name, "df") == 0 ||
           strcmp(name, "xf") == 0;
}

static void look_at(struct look *look, const struct dirent *entry)
{
    bool is_directory = entry->d_type == DT_DIR;

    if (strcmp(entry->d_name, HOLD_ROOT) == 0)
        look->has_holding = true;
    else if (entry->d_name[0] == '.')
        return;
    else if (is_queue_folder(entry->d_name))
        look->has_queue_folders = true;
    else if (queue_is_file_name(entry->d_name) && !is_directory)
        look->has_queue_files = true;
    else if (is_directory || entry->d_type == DT_LNK)
        look->has_directories = true;
    else
        look->has_others = true;
}

int queue_look_into(const char *path, struct look *look_r)
{
    DIR *directory = open_directory(path);
    struct dirent *entry;

    *look_r = (struct look){0};
    if (directory == NULL)
        return errno;
    for (int n = 0; n < 100000 && !look_r->has_queue_files &&
                    (entry = readdir(directory)) != NULL;
         n++)
        look_at(look_r, entry);
    closedir(directory);
    return 0;
}

bool queue_looks_like_one(const struct look *look)
{
    return look->has_queue_files || look->has_queue_folders ||
           look->has_holding;
}

bool queue_is_directory(const char *path, bool is_link_good)
{
    struct stat st;

    return (is_link_good ? stat(path, &st) : lstat(path, &st)) == 0 &&
           S_ISDIR(st.st_mode);
}

/* Whether another of the three folders is there. */
static bool has_other_folder(const char *queue, char letter)
{
    bool is_there = false;

    for (const char *other = "qdx"; *other != '\0'; other++) {
        char name[] = {*other, 'f', '\0'};
        char *path = queue_join_path(queue, name);

        is_there = is_there || (*other != letter && path != NULL &&
                                queue_is_directory(path, true));
        free(path);
    }
    return is_there;
}

/* Cuts "q1/qf" to "q1", where that is a queue and this its folder. */
static bool cut_to_queue(char *path, char *letter_r)
{
    size_t len = strlen(path);
    char *slash;

    while (len > 1 && path[len - 1] == '/')
        path[--len] = '\0';
    slash = strrchr(path, '/');
    if (slash == NULL || !is_queue_folder(slash + 1))
        return false;
    *letter_r = slash[1];
    slash[slash == path] = '\0';
    return has_other_folder(path, *letter_r);
}

/* The queue that name is a folder of, or NULL. */
static char *queue_around(const char *name, char *letter_r)
{
    char *path = strdup(name);

    if (path != NULL && cut_to_queue(path, letter_r))
        return path;
    free(path);
    path = realpath(name, NULL); /* where "qf", "." and links lead */
    if (path != NULL && cut_to_queue(path, letter_r))
        return path;
    free(path);
    return NULL;
}

/* Read for a queue, its control files would have no df, or its df no control
 * file. */
static bool is_part_of_queue(const char *name, struct complaints *to)
{
    char letter = '\0';
    char *queue = queue_around(name, &letter), *hint;

    if (queue == NULL)
        return false;
    if (asprintf(&hint, "name %s", queue) < 0)
        hint = NULL;
    free(queue);
    complain(
        to, slice_from_string(name),
        letter == 'q'   ? "the folder of control files of a queue, not a queue"
        : letter == 'd' ? "the folder of data files of a queue, not a queue"
                        : "the folder of transcripts of a queue, not a queue",
        hint, "left out");
    free(hint);
    return true;
}

bool queue_list_below(const char *base, const char *prefix,
                      struct string_list *names)
{
    DIR *directory = open_directory(base);
    struct dirent *entry;

    if (directory == NULL)
        return false;
    while ((entry = readdir(directory)) != NULL)
        if (entry->d_name[0] != '.' &&
            strncmp(entry->d_name, prefix, strlen(prefix)) == 0 &&
            (entry->d_type == DT_DIR || entry->d_type == DT_LNK ||
             entry->d_type == DT_UNKNOWN))
            string_list_add(names, slice_from_string(entry->d_name));
    closedir(directory);
    string_list_sort(names);
    return true;
}

/* Every directory, or link to one, below base whose name starts with prefix.
 * Returns how many there are. */
static size_t add_matching(struct queue_set *set, const char *base,
                           const char *prefix, struct complaints *to)
{
    struct string_list names = {0};
    size_t count = 0;

    queue_list_below(base, prefix, &names);
    for (size_t i = 0; i < names.count; i++) {
        char *path = queue_join_path(base, names.strings[i]);

        if (path != NULL && queue_is_directory(path, true)) {
            count++;
            if (set->is_from_config || !is_part_of_queue(path, to))
                add_dir(set, path, to);
        }
        free(path);
    }
    string_list_free(&names);
    return count;
}

/* A search for queues below a directory. */
struct search {
    struct queue_set *set;
    struct complaints *to;
    size_t looks_left;
};

/* The directory, if it looks like a queue. look_r is what it looks like. */
static size_t add_if_queue(struct search *search, const char *path,
                           struct look *look_r)
{
    int error = queue_look_into(path, look_r);

    if (error != 0) {
        queue_complain_path(search->to, path, "cannot be opened", error,
                            "left out");
        search->set->unreadable_count++;
    }
    return error == 0 && queue_looks_like_one(look_r)
               ? add_dir(search->set, path, search->to)
               : 0;
}

/* A link below a directory that is no queue may lead anywhere. */
static void tell_of_link(struct search *search, const char *path)
{
    struct look look;

    if (queue_is_directory(path, true) && queue_look_into(path, &look) == 0 &&
        queue_looks_like_one(&look))
        complain_warning(search->to, slice_from_string(path),
                         "a link to a queue", "not followed so far down",
                         "left out unless it is named, too");
}

static size_t add_below(struct search *search, const char *base, int depth,
                        bool is_link_good);

/* One name right below; see add_below. */
static size_t add_one_below(struct search *search, const char *path, int depth,
                            bool is_link_good)
{
    struct look look;
    size_t added;

    if (!queue_is_directory(path, is_link_good)) {
        if (!is_link_good)
            tell_of_link(search, path);
        return 0;
    }
    added = add_if_queue(search, path, &look);
    if (depth > 1 && !queue_looks_like_one(&look) &&
        queue_is_directory(path, false))
        added += add_below(search, path, depth - 1, false);
    return added;
}

/*
 * The queues right below base, or links to them; where depth is 2, those below
 * a directory that is none, too, as queue groups may lie. Returns how many.
 */
static size_t add_below(struct search *search, const char *base, int depth,
                        bool is_link_good)
{
    struct string_list names = {0};
    size_t added = 0;

    queue_list_below(base, "", &names);
    for (size_t i = 0; i < names.count && search->looks_left > 0; i++) {
        char *path = queue_join_path(base, names.strings[i]);

        if (path != NULL)
            added += add_one_below(search, path, depth, is_link_good);
        free(path);
        if (--search->looks_left == 0)
            complain(search->to, slice_from_string(base),
                     "too many directories below", NULL, "the rest left out");
    }
    string_list_free(&names);
    return added;
}

static void add_wildcard(struct queue_set *set, const char *name, size_t star,
                         struct complaints *to)
{
    size_t slash = star;
    char *base, *prefix;

    while (slash > 0 && name[slash - 1] != '/')
        slash--;
    base = slash == 0 ? strdup(".") : strndup(name, slash);
    prefix = strndup(name + slash, star - slash);
    if (base != NULL && prefix != NULL) {
        if (prefix[0] == '\0')
            string_list_add(&set->open_bases, slice_from_string(base));
        if (add_matching(set, base, prefix, to) == 0)
            complain(to, slice_from_string(name), "no queue directory matches",
                     NULL, "left out");
    }
    free(base);
    free(prefix);
}

/* What is named cannot be listed. A file of a message is what a postmaster has
 * at hand, off another tool's output. */
static void complain_no_queue(struct queue_set *set, const char *name,
                              int error, struct complaints *to)
{
    const char *slash = strrchr(name, '/');

    if (error == ENOTDIR &&
        queue_is_file_name(slash == NULL ? name : slash + 1)) {
        complain(to, slice_from_string(name), "a message, not a queue",
                 "name its queue, and the message by --explain=ID, --show=ID "
                 "or --id=ID",
                 "left out");
        return;
    }
    queue_complain_path(to, name,
                        error == ENOENT || error == ENOTDIR
                            ? "no such queue"
                            : "cannot be opened",
                        error, "left out");
    set->unreadable_count += error != ENOENT && error != ENOTDIR;
}

/* depth: how far below a directory that is no queue queues are looked for */
static void add_named(struct queue_set *set, const char *name, int depth,
                      struct complaints *to)
{
    struct search search = {set, to, QUEUE_DIRS_MAX};
    size_t len = strlen(name);
    struct look look;
    struct stat st;
    size_t added;
    int error;

    if (len > 0 && name[len - 1] == '*' && stat(name, &st) < 0) {
        add_wildcard(set, name, len - 1, to);
        return;
    }
    if (!set->is_from_config && is_part_of_queue(name, to))
        return;
    error = queue_look_into(name, &look);
    if (error != 0) {
        complain_no_queue(set, name, error, to);
    } else if (!look.has_queue_files && !look.has_queue_folders &&
               (look.has_directories || look.has_others)) {
        /* a queue from which all was taken, or the base of some */
        added = look.has_holding ? add_dir(set, name, to) : 0;
        added += add_below(&search, name, depth, true);
        if (added == 0)
            complain(to, slice_from_string(name), "not a queue",
                     "no qf, df or hf file in it", "left out");
    } else {
        add_dir(set, name, to);
    }
}

/* Wildcards of the configuration count even when queues are named by hand: a
 * holding folder in the base of one would be taken for a queue. */
static void note_open_bases(struct queue_set *set, const struct config *config)
{
    for (size_t i = 0; i < config->queues.count; i++) {
        const char *name = config->queues.strings[i];
        size_t len = strlen(name);

        if (len >= 2 && name[len - 1] == '*' && name[len - 2] == '/')
            string_list_add(&set->open_bases, slice_make(name, len - 1));
    }
}

/* Three folders a directory, and sendmail allows thousands of directories. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 ||
        limit.rlim_cur >= DESCRIPTORS_WANTED)
        return;
    limit.rlim_cur = limit.rlim_max < DESCRIPTORS_WANTED ? limit.rlim_max
                                                         : DESCRIPTORS_WANTED;
    setrlimit(RLIMIT_NOFILE, &limit);
}

bool queue_is_configured(const struct queue_set *set,
                         const struct config *config)
{
    for (size_t i = 0; i < config->queues.count; i++) {
        glob_t found;
        bool is_ours = false;

        if (glob(config->queues.strings[i], GLOB_NOSORT, NULL, &found) != 0)
            continue;
        for (size_t p = 0; p < found.gl_pathc && !is_ours; p++) {
            struct stat st;

            if (stat(found.gl_pathv[p], &st) < 0)
                continue;
            for (size_t f = 0; f < set->folder_count; f++)
                is_ours = is_ours || (set->folders[f].device == st.st_dev &&
                                      set->folders[f].inode == st.st_ino);
        }
        globfree(&found);
        if (is_ours)
            return true;
    }
    return false;
}

bool queue_open(struct queue_set *set, const struct string_list *names,
                const struct config *config, struct complaints *to)
{
    *set = (struct queue_set){0};
    raise_descriptor_limit();
    note_open_bases(set, config);
    if (names->count > 0) {
        for (size_t i = 0; i < names->count; i++)
            add_named(set, names->strings[i], 2, to);
    } else if (config->queues.count > 0) {
        set->is_from_config = true;
        for (size_t i = 0; i < config->queues.count; i++)
            add_named(set, config->queues.strings[i], 1, to);
    } else {
        add_named(set, default_queue, 2, to);
    }
    return set->dir_count > 0;
}

uint16_t queue_add_held(struct queue_set *set, const char *path,
                        uint16_t control, uint16_t data)
{
    struct queue_dir *dirs =
        realloc(set->dirs, (set->dir_count + 1) * sizeof(*dirs));

    if (dirs == NULL)
        return FACTS_NO_DIR;
    set->dirs = dirs;
    if (set->dir_count >= QUEUE_DIRS_MAX)
        return FACTS_NO_DIR;
    dirs[set->dir_count] =
        (struct queue_dir){.path = queue_join_path(path, NULL),
                           .control = control,
                           .data = data,
                           .transcripts = data,
                           .is_held = true};
    return (uint16_t)set->dir_count++;
}

void queue_close(struct queue_set *set)
{
    for (size_t i = 0; i < set->folder_count; i++) {
        close(set->folders[i].fd);
        free(set->folders[i].path);
    }
    for (size_t i = 0; i < set->dir_count; i++)
        free(set->dirs[i].path);
    free(set->folders);
    free(set->dirs);
    string_list_free(&set->open_bases);
    *set = (struct queue_set){0};
}

uint16_t queue_find_dir(const struct queue_set *set, struct slice relative)
{
    uint16_t found = FACTS_NO_DIR;

    if (relative.len == 0 || relative.ptr[0] == '/')
        return FACTS_NO_DIR;
    for (size_t i = 0; i < set->dir_count; i++) {
        struct slice path = slice_from_string(set->dirs[i].path);

        if (path.len <= relative.len ||
            path.ptr[path.len - relative.len - 1] != '/' ||
            !slice_equal(slice_skip(path, path.len - relative.len), relative))
            continue;
        if (found != FACTS_NO_DIR)
            return FACTS_NO_DIR; /* two bases: cannot be told */
        found = (uint16_t)i;
    }
    return found;
}
