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

#include "parsers/hash.h"
#include "parsers/input.h"
#include "qscan/hold.h"
#include "qscan/intern.h"
#include "rules/rules.h"

enum {
    GETDENTS_BYTES = 256 * 1024,
    NAME_MAX_SENDMAIL = 20, /* gatherq: MAXQFNAME */
    DESCRIPTORS_WANTED = 65536,
    STRETCH = 32,     /* names joined at once */
    INNER_MAX = 1000, /* directories in queues that are looked into */
    INNER_TOLD = 10,
};

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

static char *join_path(const char *directory, const char *name)
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
        .path = join_path(path, NULL),
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

static void complain_path(struct complaints *to, const char *path,
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
    char *path = join_path(set->folders[top].path, name);
    int folder;

    if (path == NULL)
        return top;
    folder = queue_open_folder(set, set->folders[top].fd, name, path);
    if (folder < 0 && (errno == ENOENT || errno == ENOTDIR)) {
        folder = top;
    } else if (folder < 0) {
        complain_path(to, path, "cannot be opened", errno,
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
        complain_path(to, path, "cannot be opened", errno, "left out");
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
        .path = join_path(path, NULL),
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

static bool is_queue_file(const char *name)
{
    return name[0] != '\0' && name[1] == 'f' && name[2] != '\0' &&
           strchr("qhQdxtT", name[0]) != NULL;
}

static bool is_queue_folder(const char *name)
{
    return strcmp(name, "qf") == 0 || strcmp(name, "df") == 0 ||
           strcmp(name, "xf") == 0;
}

struct look {
    bool has_queue_files, has_queue_folders, has_directories, has_others;
    bool has_holding; /* all that was in it may be held */
};

static void look_at(struct look *look, const struct dirent *entry)
{
    bool is_directory = entry->d_type == DT_DIR;

    if (strcmp(entry->d_name, HOLD_ROOT) == 0)
        look->has_holding = true;
    else if (entry->d_name[0] == '.')
        return;
    else if (is_queue_folder(entry->d_name))
        look->has_queue_folders = true;
    else if (is_queue_file(entry->d_name) && !is_directory)
        look->has_queue_files = true;
    else if (is_directory || entry->d_type == DT_LNK)
        look->has_directories = true;
    else
        look->has_others = true;
}

/* What a directory seems to be, by its first few thousand names. */
static int look_into(const char *path, struct look *look_r)
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

static bool is_queue(const struct look *look)
{
    return look->has_queue_files || look->has_queue_folders ||
           look->has_holding;
}

static bool is_directory(const char *path, bool is_link_good)
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
        char *path = join_path(queue, name);

        is_there = is_there || (*other != letter && path != NULL &&
                                is_directory(path, true));
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

/* Every directory of base, or link or what may be one, whose name starts with
 * prefix, sorted; false when base cannot be opened. */
static bool list_below(const char *base, const char *prefix,
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

    list_below(base, prefix, &names);
    for (size_t i = 0; i < names.count; i++) {
        char *path = join_path(base, names.strings[i]);

        if (path != NULL && is_directory(path, true)) {
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
    int error = look_into(path, look_r);

    if (error != 0) {
        complain_path(search->to, path, "cannot be opened", error, "left out");
        search->set->unreadable_count++;
    }
    return error == 0 && is_queue(look_r)
               ? add_dir(search->set, path, search->to)
               : 0;
}

/* A link below a directory that is no queue may lead anywhere. */
static void tell_of_link(struct search *search, const char *path)
{
    struct look look;

    if (is_directory(path, true) && look_into(path, &look) == 0 &&
        is_queue(&look))
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

    if (!is_directory(path, is_link_good)) {
        if (!is_link_good)
            tell_of_link(search, path);
        return 0;
    }
    added = add_if_queue(search, path, &look);
    if (depth > 1 && !is_queue(&look) && is_directory(path, false))
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

    list_below(base, "", &names);
    for (size_t i = 0; i < names.count && search->looks_left > 0; i++) {
        char *path = join_path(base, names.strings[i]);

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

    if (error == ENOTDIR && is_queue_file(slash == NULL ? name : slash + 1)) {
        complain(to, slice_from_string(name), "a message, not a queue",
                 "name its queue, and the message by --explain=ID, --show=ID "
                 "or --id=ID",
                 "left out");
        return;
    }
    complain_path(to, name,
                  error == ENOENT || error == ENOTDIR ? "no such queue"
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
    error = look_into(name, &look);
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
    dirs[set->dir_count] = (struct queue_dir){.path = join_path(path, NULL),
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

/* ---- listing ---- */

/* A name without a row of its own, until the join. */
struct other {
    uint64_t inode;
    uint16_t folder;
    char letter;
    uint8_t id_len;
    bool is_regular;
    char id[FACTS_ID_MAX];
};

struct queue_listing {
    struct queue_set *set;
    struct facts_table *table;
    pthread_mutex_t *lock; /* of the table, while it is listed; or NULL */
    size_t row_count;      /* control files: rows before any orphan */
    struct other *others;
    size_t other_count, other_capacity;
    uint64_t key[2];
    uint32_t *slots; /* row number + 1 by id, open addressing */
    size_t slot_count;
    uint8_t *beside;          /* by row: enum facts_beside */
    size_t orphan_count;      /* what is left of others after the join */
    struct string_list inner; /* directories in queues, or links */
};

static bool add_other(struct queue_listing *listing, const struct other *other)
{
    if (listing->other_count == listing->other_capacity) {
        size_t capacity =
            listing->other_capacity == 0
                ? 4096
                : listing->other_capacity + listing->other_capacity / 2;
        struct other *others =
            realloc(listing->others, capacity * sizeof(*others));

        if (others == NULL)
            return false;
        listing->others = others;
        listing->other_capacity = capacity;
        memory_prefer_huge_pages(others, capacity * sizeof(*others));
    }
    listing->others[listing->other_count++] = *other;
    return true;
}

static bool add_control(struct queue_listing *listing, uint16_t dir,
                        char letter, struct slice id, uint64_t inode,
                        bool is_regular)
{
    struct facts *row = facts_add(listing->table);

    if (row == NULL)
        return false;
    row->inode = inode;
    row->dir = dir;
    row->rule = RULES_NO_RULE;
    row->letter = letter;
    row->is_regular = is_regular;
    facts_set_id(row, id);
    return true;
}

static void note_inner(struct queue_listing *listing, const char *queue,
                       const char *name)
{
    char *path =
        listing->inner.count < INNER_MAX ? join_path(queue, name) : NULL;

    if (path != NULL)
        string_list_add(&listing->inner, slice_from_string(path));
    free(path);
}

/* Whoever names a directory may mean all below it; what sendmail.cf names is
 * all that sendmail knows. */
static void note_if_inner(struct queue_listing *listing, const char *queue,
                          const struct dirent64 *entry)
{
    if (!listing->set->is_from_config && entry->d_name[0] != '.' &&
        (entry->d_type == DT_DIR || entry->d_type == DT_LNK ||
         entry->d_type == DT_UNKNOWN))
        note_inner(listing, queue, entry->d_name);
}

/* A queue's folders may lie in a directory that is not listed itself. */
static void note_inner_of_parted(struct queue_listing *listing)
{
    const struct queue_set *set = listing->set;

    for (size_t i = 0; !set->is_from_config && i < set->dir_count; i++) {
        const struct queue_dir *dir = &set->dirs[i];
        struct string_list names = {0};

        if (dir->is_held ||
            strcmp(set->folders[dir->control].path, dir->path) == 0)
            continue;
        list_below(dir->path, "", &names);
        for (size_t n = 0; n < names.count; n++)
            note_inner(listing, dir->path, names.strings[n]);
        string_list_free(&names);
    }
}

static bool is_in_set(const struct queue_set *set, const char *path)
{
    struct stat st;

    if (stat(path, &st) < 0)
        return false;
    for (size_t i = 0; i < set->folder_count; i++)
        if (set->folders[i].device == st.st_dev &&
            set->folders[i].inode == st.st_ino)
            return true;
    return false;
}

struct inner_search {
    const struct queue_set *set;
    struct complaints *to;
    size_t looks_left, told_count;
};

/* depth: 1 for what lies in a directory in a queue */
static void tell_if_queue(struct inner_search *search, const char *path,
                          int depth)
{
    struct string_list names = {0};
    struct look look;

    if (search->looks_left == 0 || search->told_count == INNER_TOLD ||
        !is_directory(path, depth == 0) || is_in_set(search->set, path))
        return;
    search->looks_left--;
    if (look_into(path, &look) != 0)
        return;
    if (is_queue(&look))
        complain_warning(search->to, slice_from_string(path),
                         "a queue inside a queue", "it is not read with it",
                         ++search->told_count < INNER_TOLD
                             ? "left out unless it is named, too"
                             : "left out, and no more of them are named");
    else if (depth == 0 && is_directory(path, false))
        list_below(path, "", &names);
    for (size_t i = 0; i < names.count; i++) {
        char *below = join_path(path, names.strings[i]);

        if (below != NULL)
            tell_if_queue(search, below, depth + 1);
        free(below);
    }
    string_list_free(&names);
}

/*
 * A queue inside a queue is a queue group, or what somebody has put aside,
 * which no purge should find: it is told of, and not read.
 */
static void tell_of_inner(struct queue_listing *listing, struct complaints *to)
{
    struct inner_search search = {listing->set, to, INNER_MAX, 0};

    const struct string_list *inner = &listing->inner;

    string_list_sort(&listing->inner);
    for (size_t i = 0; i < inner->count; i++)
        if (i == 0 || strcmp(inner->strings[i], inner->strings[i - 1]) != 0)
            tell_if_queue(&search, inner->strings[i], 0);
}

static bool take_name(struct queue_listing *listing, uint16_t folder_number,
                      const struct dirent64 *entry)
{
    const struct queue_folder *folder = &listing->set->folders[folder_number];
    size_t len;
    char letter = entry->d_name[0];
    struct slice id;
    struct other other;
    /* a file system that does not say is asked when the file is read */
    bool is_regular = entry->d_type == DT_REG || entry->d_type == DT_UNKNOWN;

    if (!is_queue_file(entry->d_name)) {
        note_if_inner(listing, folder->path, entry);
        return true;
    }
    len = strlen(entry->d_name);
    if (len > NAME_MAX_SENDMAIL) {
        listing->set->long_name_count++;
        return true;
    }
    id = slice_make(entry->d_name + 2, len - 2);
    if (memchr("qhQ", letter, 3) != NULL) {
        if (folder->holds_control)
            return add_control(listing, folder->first_dir, letter, id,
                               entry->d_ino, is_regular);
        listing->set->stray_count++;
        return true;
    }
    if ((letter == 'd' && !folder->holds_data) ||
        (letter == 'x' && !folder->holds_transcripts) ||
        ((letter == 't' || letter == 'T') && !folder->holds_control)) {
        listing->set->stray_count++;
        return true;
    }
    other = (struct other){.inode = entry->d_ino,
                           .folder = folder_number,
                           .letter = letter,
                           .id_len = (uint8_t)id.len,
                           .is_regular = is_regular};
    memcpy(other.id, id.ptr, id.len);
    return add_other(listing, &other);
}

static bool take_names(struct queue_listing *listing, uint16_t folder_number,
                       const char *names, size_t bytes)
{
    bool is_done = true;

    if (listing->lock != NULL)
        pthread_mutex_lock(listing->lock);
    for (size_t at = 0; is_done && at < bytes;) {
        const struct dirent64 *entry =
            (const struct dirent64 *)(const void *)(names + at);

        is_done = take_name(listing, folder_number, entry);
        at += entry->d_reclen;
    }
    if (listing->lock != NULL)
        pthread_mutex_unlock(listing->lock);
    return is_done;
}

static bool list_folder(struct queue_listing *listing, uint16_t folder_number,
                        char *names, struct complaints *to)
{
    struct queue_folder *folder = &listing->set->folders[folder_number];

    folder->first_row = (uint32_t)listing->table->count;
    lseek(folder->fd, 0, SEEK_SET);
    for (;;) {
        ssize_t n = getdents64(folder->fd, names, GETDENTS_BYTES);

        if (n < 0) {
            complain_path(to, folder->path, "cannot be listed", errno,
                          "the rest of it is not seen");
            listing->set->unreadable_count++;
        }
        if (n <= 0)
            return true;
        if (!take_names(listing, folder_number, names, (size_t)n))
            return false;
    }
}

static size_t slot_of(const struct queue_listing *listing, struct slice id)
{
    return keyed_hash(listing->key, id) & (listing->slot_count - 1);
}

static void index_control(struct queue_listing *listing, size_t i, size_t at)
{
    const struct facts *rows = listing->table->rows;

    for (; listing->slots[at] != 0; at = (at + 1) & (listing->slot_count - 1)) {
        uint32_t twin = listing->slots[at] - 1;

        /* in whatever directory: they may share one df */
        if (slice_equal(facts_id(&rows[twin]), facts_id(&rows[i]))) {
            listing->beside[twin] |= BESIDE_CONTROL;
            listing->beside[i] |= BESIDE_CONTROL;
        }
    }
    listing->slots[at] = (uint32_t)i + 1;
}

/* Each look into the table misses the caches: a stretch of slots is asked for
 * before the first of them is needed. */
static bool index_controls(struct queue_listing *listing)
{
    const struct facts *rows = listing->table->rows;
    size_t at[STRETCH];

    keyed_hash_new_key(listing->key);
    /* Four to a row: in a fuller table rows of others are met on the way. */
    listing->slot_count = 64;
    while (listing->slot_count < listing->row_count * 4)
        listing->slot_count *= 2;
    listing->slots =
        memory_zeroed(listing->slot_count, sizeof(*listing->slots));
    listing->beside = calloc(listing->row_count + 1, 1);
    if (listing->slots == NULL || listing->beside == NULL)
        return false;
    for (size_t first = 0; first < listing->row_count; first += STRETCH) {
        size_t count = listing->row_count - first;

        if (count > STRETCH)
            count = STRETCH;
        for (size_t i = 0; i < count; i++) {
            at[i] = slot_of(listing, facts_id(&rows[first + i]));
            __builtin_prefetch(&listing->slots[at[i]], 1);
        }
        for (size_t i = 0; i < count; i++)
            index_control(listing, first + i, at[i]);
    }
    return true;
}

/* Tells the control file of an id that something of it lies in folder. False
 * when no directory at all has a control file of that id. */
static bool attach(struct queue_listing *listing, const struct other *other,
                   size_t at)
{
    struct slice id = slice_make(other->id, other->id_len);
    bool has_control = false;

    for (; listing->slots[at] != 0; at = (at + 1) & (listing->slot_count - 1)) {
        uint32_t number = listing->slots[at] - 1;
        const struct facts *row = &listing->table->rows[number];
        const struct queue_dir *dir = &listing->set->dirs[row->dir];

        if (!slice_equal(facts_id(row), id))
            continue;
        has_control = true;
        if (other->letter == 'd' && dir->data == other->folder)
            listing->beside[number] |= BESIDE_DATA;
        else if (other->letter == 'x')
            listing->beside[number] |= BESIDE_TRANSCRIPT;
        else if (other->letter == 't' && dir->control == other->folder)
            listing->beside[number] |= BESIDE_REWRITE;
    }
    return has_control;
}

static void attach_stretch(struct queue_listing *listing, size_t first,
                           size_t count)
{
    size_t at[STRETCH];

    for (size_t i = 0; i < count; i++) {
        const struct other *other = &listing->others[first + i];

        at[i] = slot_of(listing, slice_make(other->id, other->id_len));
        __builtin_prefetch(&listing->slots[at[i]]);
    }
    for (size_t i = 0; i < count; i++) {
        uint32_t number = listing->slots[at[i]];

        if (number != 0) {
            __builtin_prefetch(&listing->table->rows[number - 1].id);
            __builtin_prefetch(&listing->beside[number - 1], 1);
        }
    }
    for (size_t i = 0; i < count; i++)
        if (!attach(listing, &listing->others[first + i], at[i]))
            listing->others[listing->orphan_count++] =
                listing->others[first + i];
}

/* Half a million names that found their place need no memory any more. */
static void shrink_to_orphans(struct queue_listing *listing)
{
    struct other *orphans =
        realloc(listing->others,
                (listing->orphan_count + 1) * sizeof(*listing->others));

    if (orphans != NULL)
        listing->others = orphans;
    free(listing->slots);
    listing->slots = NULL;
}

bool queue_join(struct queue_listing *listing)
{
    if (!index_controls(listing))
        return false;
    for (size_t first = 0; first < listing->other_count; first += STRETCH)
        attach_stretch(listing, first,
                       listing->other_count - first < STRETCH
                           ? listing->other_count - first
                           : STRETCH);
    shrink_to_orphans(listing);
    return true;
}

static bool add_orphan(struct queue_listing *listing, const struct other *other)
{
    struct facts *row = facts_add(listing->table);

    if (row == NULL)
        return false;
    row->inode = other->inode;
    row->dir = listing->set->folders[other->folder].first_dir;
    row->rule = RULES_NO_RULE;
    row->state = FACTS_ORPHAN;
    row->letter = other->letter;
    row->is_regular = other->is_regular;
    facts_set_id(row, slice_make(other->id, other->id_len));
    return true;
}

bool queue_finish(struct queue_listing *listing)
{
    bool is_done = true;

    for (size_t i = 0; i < listing->row_count; i++)
        listing->table->rows[i].beside = listing->beside[i];
    for (size_t i = 0; is_done && i < listing->orphan_count; i++)
        is_done = add_orphan(listing, &listing->others[i]);
    queue_listing_free(listing);
    return is_done;
}

void queue_listing_free(struct queue_listing *listing)
{
    if (listing == NULL)
        return;
    free(listing->slots);
    free(listing->others);
    free(listing->beside);
    string_list_free(&listing->inner);
    free(listing);
}

struct queue_listing *queue_list(struct queue_set *set,
                                 struct facts_table *table,
                                 pthread_mutex_t *lock, struct complaints *to)
{
    struct queue_listing *listing = calloc(1, sizeof(*listing));
    char *names = malloc(GETDENTS_BYTES);
    bool is_done = names != NULL && listing != NULL;

    if (is_done) {
        listing->set = set;
        listing->table = table;
        listing->lock = lock;
    }
    for (size_t i = 0; is_done && i < set->folder_count; i++)
        if (set->folders[i].holds_control || set->folders[i].holds_data ||
            set->folders[i].holds_transcripts)
            is_done = list_folder(listing, (uint16_t)i, names, to);
    free(names);
    if (is_done) {
        note_inner_of_parted(listing);
        tell_of_inner(listing, to);
        listing->row_count = table->count;
        return listing;
    }
    queue_listing_free(listing);
    return NULL;
}
