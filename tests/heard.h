/*
 * What goes to standard error meanwhile, kept in a file of a folder.
 *
 *     struct heard heard;
 *     heard_begin(&heard, &folder);
 *     complain(...);
 *     assert_string_equal(heard_end(&heard), "qscan: ...\n");
 */
#ifndef QSCAN_TESTS_HEARD_H
#define QSCAN_TESTS_HEARD_H

#include "tests/folder.h"

enum { HEARD_MAX = 64 * 1024 };

struct heard {
    int saved;
    char text[HEARD_MAX];
};

static inline void heard_begin(struct heard *heard, struct folder *folder)
{
    int fd =
        open(folder_path(folder, "heard"), O_RDWR | O_CREAT | O_TRUNC, 0600);

    folder_need(fd >= 0, "heard");
    fflush(stderr);
    heard->saved = dup(STDERR_FILENO);
    folder_need(heard->saved >= 0 && dup2(fd, STDERR_FILENO) >= 0, "dup");
    close(fd);
}

static inline const char *heard_end(struct heard *heard)
{
    ssize_t len;

    fflush(stderr);
    len = pread(STDERR_FILENO, heard->text, HEARD_MAX - 1, 0);
    dup2(heard->saved, STDERR_FILENO);
    close(heard->saved);
    folder_need(len >= 0, "pread");
    heard->text[len] = '\0';
    return heard->text;
}

#endif
