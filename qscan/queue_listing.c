/* The messages of a queue: the names of its files, and what belongs together.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "parsers/hash.h"
#include "qscan/intern.h"
#include "qscan/queue_part.h"
#include "rules/rules.h"

enum {
    GETDENTS_BYTES = 256 * 1024,
    NAME_MAX_SENDMAIL = 20, /* gatherq: MAXQFNAME */
    STRETCH = 32,           /* names joined at once */
    INNER_MAX = 1000,       /* directories in queues that are looked into */
    INNER_TOLD = 10,
};

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
        listing->inner.count < INNER_MAX ? queue_join_path(queue, name) : NULL;

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
        queue_list_below(dir->path, "", &names);
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
        !queue_is_directory(path, depth == 0) || is_in_set(search->set, path))
        return;
    search->looks_left--;
    if (queue_look_into(path, &look) != 0)
        return;
    if (queue_looks_like_one(&look))
        complain_warning(search->to, slice_from_string(path),
                         "a queue inside a queue", "it is not read with it",
                         ++search->told_count < INNER_TOLD
                             ? "left out unless it is named, too"
                             : "left out, and no more of them are named");
    else if (depth == 0 && queue_is_directory(path, false))
        queue_list_below(path, "", &names);
    for (size_t i = 0; i < names.count; i++) {
        char *below = queue_join_path(path, names.strings[i]);

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

    if (!queue_is_file_name(entry->d_name)) {
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
            queue_complain_path(to, folder->path, "cannot be listed", errno,
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
