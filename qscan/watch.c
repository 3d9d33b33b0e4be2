#include "qscan/watch.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>

#include "qscan/intern.h"

enum { EVENTS_BYTES = 64 * 1024 };

#ifndef XFS_SUPER_MAGIC
#define XFS_SUPER_MAGIC 0x58465342 /* not in older headers */
#endif

struct watch {
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
static bool add_folder(const struct watch *watch,
                       const struct queue_folder *folder)
{
    char path[64];

    if (!folder->holds_control)
        return true;
    snprintf(path, sizeof(path), "/proc/self/fd/%d", folder->fd);
    return is_local(folder->fd) &&
           inotify_add_watch(watch->fd, path,
                             IN_CREATE | IN_MOVED_TO | IN_ONLYDIR) >= 0;
}

struct watch *watch_new(const struct queue_set *set)
{
    struct watch *watch = calloc(1, sizeof(*watch));
    bool is_good;

    if (watch == NULL)
        return NULL;
    pthread_mutex_init(&watch->lock, NULL);
    keyed_hash_new_key(watch->key);
    watch->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    watch->events = malloc(EVENTS_BYTES);
    is_good = watch->fd >= 0 && watch->events != NULL;
    for (size_t i = 0; is_good && i < set->folder_count; i++)
        is_good = add_folder(watch, &set->folders[i]);
    if (is_good)
        return watch;
    watch_free(watch);
    return NULL;
}

void watch_free(struct watch *watch)
{
    if (watch == NULL)
        return;
    if (watch->fd >= 0)
        close(watch->fd);
    pthread_mutex_destroy(&watch->lock);
    hash_set_free(&watch->ids);
    free(watch->events);
    free(watch);
}

static uint64_t hash_of(const struct watch *watch, struct slice id)
{
    return keyed_hash(watch->key, id);
}

static void take_event(struct watch *watch, const struct inotify_event *event)
{
    const char *name = event->name; /* padded with NULs */

    /* lost, or the folder itself is gone */
    if ((event->mask & (IN_CREATE | IN_MOVED_TO)) == 0) {
        watch->has_lost = true;
        return;
    }
    if (event->len == 0 || memchr("qhQt", name[0], 4) == NULL || name[1] != 'f')
        return;
    if (hash_set_add(&watch->ids, hash_of(watch, slice_from_string(name + 2))) <
        0)
        watch->has_lost = true;
}

static void take_events(struct watch *watch, size_t bytes)
{
    const struct inotify_event *event;

    for (size_t at = 0; at < bytes; at += sizeof(*event) + event->len) {
        event =
            (const struct inotify_event *)(const void *)(watch->events + at);
        take_event(watch, event);
    }
}

void watch_catch_up(struct watch *watch)
{
    ssize_t n;

    if (watch == NULL)
        return;
    /* Held over reading and noting: who finds nothing to read must find what
     * another thread has read. */
    pthread_mutex_lock(&watch->lock);
    while (!watch->has_lost) {
        n = read(watch->fd, watch->events, EVENTS_BYTES);
        if (n > 0)
            take_events(watch, (size_t)n);
        else if (n < 0 && errno == EAGAIN)
            break;
        else if (n == 0 || errno != EINTR)
            watch->has_lost = true;
    }
    pthread_mutex_unlock(&watch->lock);
}

bool watch_has_seen(struct watch *watch, struct slice id)
{
    bool has_seen;

    if (watch == NULL)
        return true;
    pthread_mutex_lock(&watch->lock);
    has_seen = watch->has_lost || hash_set_has(&watch->ids, hash_of(watch, id));
    pthread_mutex_unlock(&watch->lock);
    return has_seen;
}
