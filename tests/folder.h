/*
 * A folder of its own for a test, and files in it. Names are relative to it.
 *
 *     struct folder folder;
 *     folder_open(&folder);
 *     folder_write(&folder, "q/qf6AMHqPjw023674", "V8\n...");
 *     folder_close(&folder);
 */
#ifndef QSCAN_TESTS_FOLDER_H
#define QSCAN_TESTS_FOLDER_H

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FOLDER_PATH_MAX = 512 };

struct folder {
    char path[FOLDER_PATH_MAX];
    char joined[4][FOLDER_PATH_MAX]; /* the last answers of folder_path */
    unsigned next;
};

static inline void folder_need(bool is_good, const char *what)
{
    if (is_good)
        return;
    fprintf(stderr, "folder: %s: %s\n", what, strerror(errno));
    abort();
}

static inline void folder_open(struct folder *folder)
{
    const char *top = getenv("TMPDIR");

    memset(folder, 0, sizeof(*folder));
    snprintf(folder->path, sizeof(folder->path), "%s/qscan-test.XXXXXX",
             top == NULL ? "/tmp" : top);
    folder_need(mkdtemp(folder->path) != NULL, folder->path);
}

static inline int folder_remove_one(const char *path, const struct stat *st,
                                    int type, struct FTW *where)
{
    (void)st;
    (void)type;
    (void)where;
    return remove(path);
}

static inline void folder_close(struct folder *folder)
{
    nftw(folder->path, folder_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* The path of a name in it; good until the fourth call from here. */
static inline char *folder_path(struct folder *folder, const char *name)
{
    char *path = folder->joined[folder->next++ % 4];
    size_t len = strlen(folder->path), more = strlen(name);

    folder_need(len + more + 2 <= FOLDER_PATH_MAX, "path too long");
    memcpy(path, folder->path, len);
    path[len] = '/';
    memcpy(path + len + 1, name, more + 1);
    return path;
}

/* Makes a folder, and those above it. */
static inline void folder_make(struct folder *folder, const char *name)
{
    char *path = folder_path(folder, name);

    for (char *slash = path + strlen(folder->path) + 1;
         (slash = strchr(slash, '/')) != NULL; slash++) {
        *slash = '\0';
        folder_need(mkdir(path, 0755) == 0 || errno == EEXIST, path);
        *slash = '/';
    }
    folder_need(mkdir(path, 0755) == 0 || errno == EEXIST, path);
}

static inline void folder_write_bytes(struct folder *folder, const char *name,
                                      const void *bytes, size_t len)
{
    int fd =
        open(folder_path(folder, name), O_WRONLY | O_CREAT | O_TRUNC, 0600);

    folder_need(fd >= 0, name);
    folder_need(write(fd, bytes, len) == (ssize_t)len, name);
    close(fd);
}

static inline void folder_write(struct folder *folder, const char *name,
                                const char *text)
{
    folder_write_bytes(folder, name, text, strlen(text));
}

#endif
