#include "qscan/newnames.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>

#include "parsers/hash.h"
#include "qscan/intern.h"

enum { EVENTS_BYTES = 64 * 1024 };

#ifndef XFS_SUPER_MAGIC
#define XFS_SUPER_MAGIC 0x58465342 /* not in older headers */
#endif

struct newnames {
    int fd;
    pthread_mutex_t lock;
    bool has_lost; /* anything may have come */
    uint64_t key[2];
    struct hash_set ids; /* hashes of those that came */
    char *events;
};

/* Only where every change is this machine's: a server tells nobody of what
 * its other clients do. */
static bool is_local(int folder)
{
    struct statfs fs;

    if (fstatfs(folder, &fs) < 0)
        return false;
    switch ((unsigned long)fs.f_type) {
    case TMPFS_MAGIC:
    case EXT4_SUPER_MAGIC:
    case XFS_SUPER_MAGIC:
    case BTRFS_SUPER_MAGIC:
        return true;
    default:
        return false;
    }
}

/* By its descriptor: the path may lead elsewhere by now. */
static bool add_folder(const struct newnames *newnames,
                       const struct queue_folder *folder)
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/self/fd/%d", folder->fd);
    return is_local(folder->fd) &&
           (!folder->holds_control ||
            inotify_add_watch(newnames->fd, path,
                              IN_CREATE | IN_MOVED_TO | IN_ONLYDIR) >= 0);
}

struct newnames *newnames_new(const struct queue_set *set)
{
    struct newnames *newnames = calloc(1, sizeof(*newnames));
    bool is_good;

    if (newnames == NULL)
        return NULL;
    pthread_mutex_init(&newnames->lock, NULL);
    keyed_hash_new_key(newnames->key);
    newnames->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    newnames->events = malloc(EVENTS_BYTES);
    is_good = newnames->fd >= 0 && newnames->events != NULL;
    for (size_t i = 0; is_good && i < set->folder_count; i++)
        is_good = add_folder(newnames, &set->folders[i]);
    if (is_good)
        return newnames;
    newnames_free(newnames);
    return NULL;
}

void newnames_free(struct newnames *newnames)
{
    if (newnames == NULL)
        return;
    if (newnames->fd >= 0)
        close(newnames->fd);
    pthread_mutex_destroy(&newnames->lock);
    hash_set_free(&newnames->ids);
    free(newnames->events);
    free(newnames);
}

static uint64_t hash_of(const struct newnames *newnames, struct slice id)
{
    return keyed_hash(newnames->key, id);
}

static void take_event(struct newnames *newnames,
                       const struct inotify_event *event)
{
    const char *name = event->name; /* padded with NULs */

    /* lost, or the folder itself is gone */
    if ((event->mask & (IN_CREATE | IN_MOVED_TO)) == 0) {
        newnames->has_lost = true;
        return;
    }
    if (event->len == 0 || memchr("qhQt", name[0], 4) == NULL || name[1] != 'f')
        return;
    if (hash_set_add(&newnames->ids,
                     hash_of(newnames, slice_from_string(name + 2))) < 0)
        newnames->has_lost = true;
}

static void take_events(struct newnames *newnames, size_t bytes)
{
    const struct inotify_event *event;

    for (size_t at = 0; at < bytes; at += sizeof(*event) + event->len) {
        event =
            (const struct inotify_event *)(const void *)(newnames->events + at);
        take_event(newnames, event);
    }
}

void newnames_catch_up(struct newnames *newnames)
{
    ssize_t n;

    if (newnames == NULL)
        return;
    /* Held over reading and noting: who finds nothing to read must find what
     * another thread has read. */
    pthread_mutex_lock(&newnames->lock);
    while (!newnames->has_lost) {
        n = read(newnames->fd, newnames->events, EVENTS_BYTES);
        if (n > 0)
            take_events(newnames, (size_t)n);
        else if (n < 0 && errno == EAGAIN)
            break;
        else if (n == 0 || errno != EINTR)
            newnames->has_lost = true;
    }
    pthread_mutex_unlock(&newnames->lock);
}

bool newnames_has_seen(struct newnames *newnames, struct slice id)
{
    bool has_seen;

    if (newnames == NULL)
        return true;
    pthread_mutex_lock(&newnames->lock);
    has_seen = newnames->has_lost ||
               hash_set_has(&newnames->ids, hash_of(newnames, id));
    pthread_mutex_unlock(&newnames->lock);
    return has_seen;
}
