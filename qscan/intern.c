#include "qscan/intern.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <sys/auxv.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "parsers/hash.h"

enum {
    HUGE_PAGE_BYTES = 2 * 1024 * 1024,
    ARENA_BLOCK_BYTES = 256 * 1024,
    INTERN_TEXT_MAX = 1024,
    INTERN_FIRST_SLOTS = 1024,
    AHEAD = 16, /* so many texts before it is needed a slot is asked for */
};

struct arena_block {
    struct arena_block *next;
    size_t used, capacity;
    char bytes[];
};

void memory_prefer_huge_pages(void *memory, size_t bytes)
{
    uintptr_t page_bytes, first, end;

    if (bytes < HUGE_PAGE_BYTES)
        return;
    page_bytes = (uintptr_t)sysconf(_SC_PAGESIZE);
    first = (uintptr_t)memory & ~(page_bytes - 1);
    end = ((uintptr_t)memory + bytes + page_bytes - 1) & ~(page_bytes - 1);
    /* All of its pages: were only some of them advised, the kernel would see
     * several mappings, and realloc could not move them but had to copy. */
    madvise((void *)first, end - first, MADV_HUGEPAGE);
}

void *memory_zeroed(size_t count, size_t item_bytes)
{
    void *memory =
        count > SIZE_MAX / item_bytes ? NULL : malloc(count * item_bytes);

    if (memory == NULL)
        return NULL;
    memory_prefer_huge_pages(memory, count * item_bytes);
    return memset(memory, 0, count * item_bytes);
}

void *arena_alloc(struct arena *arena, size_t bytes)
{
    struct arena_block *block = arena->blocks;
    void *place;

    bytes = (bytes + 3) & ~(size_t)3; /* texts, mostly */
    if (block == NULL || block->capacity - block->used < bytes) {
        size_t capacity = bytes > ARENA_BLOCK_BYTES ? bytes : ARENA_BLOCK_BYTES;

        block = malloc(sizeof(*block) + capacity);
        if (block == NULL)
            return NULL;
        block->used = 0;
        block->capacity = capacity;
        block->next = arena->blocks;
        arena->blocks = block;
    }
    place = block->bytes + block->used;
    block->used += bytes;
    return place;
}

void arena_free(struct arena *arena)
{
    while (arena->blocks != NULL) {
        struct arena_block *next = arena->blocks->next;

        free(arena->blocks);
        arena->blocks = next;
    }
}

void arena_adopt(struct arena *into, struct arena *from)
{
    struct arena_block **end = &from->blocks;

    while (*end != NULL)
        end = &(*end)->next;
    *end = into->blocks;
    into->blocks = from->blocks;
    from->blocks = NULL;
}

void keyed_hash_new_key(uint64_t key[2])
{
    const void *given = (const void *)(uintptr_t)getauxval(AT_RANDOM);
    struct timespec now;

    if (getrandom(key, 2 * sizeof(key[0]), GRND_NONBLOCK) ==
        (ssize_t)(2 * sizeof(key[0])))
        return;
    /* Early at boot: the clock, and what the kernel gave this process. */
    clock_gettime(CLOCK_MONOTONIC, &now);
    key[0] = key[1] = 0;
    if (given != NULL)
        memcpy(key, given, 2 * sizeof(key[0]));
    key[0] ^= (uint64_t)now.tv_nsec * 0x9e3779b97f4a7c15U;
    key[1] ^= (uint64_t)now.tv_sec ^ (uint64_t)(uintptr_t)&now;
}

bool intern_init(struct intern *table, struct arena *arena,
                 const uint64_t key[2])
{
    *table = (struct intern){.arena = arena, .key = {key[0], key[1]}};
    table->slot_count = INTERN_FIRST_SLOTS;
    table->slots = calloc(table->slot_count, sizeof(*table->slots));
    table->capacity = INTERN_FIRST_SLOTS / 4 * 3;
    table->entries = calloc(table->capacity, sizeof(*table->entries));
    table->count = 1;
    if (table->slots == NULL || table->entries == NULL) {
        intern_free(table);
        return false;
    }
    return true;
}

void intern_free(struct intern *table)
{
    free(table->slots);
    free(table->entries);
    *table = (struct intern){0};
}

/* The hash stands beside the number, so that most misses are seen without
 * touching the entry. */
static inline uint64_t slot_of(uint32_t hash, uint32_t number)
{
    return (uint64_t)hash << 32 | number;
}

static bool grow(struct intern *table)
{
    uint32_t slot_count = table->slot_count * 2;
    uint32_t capacity = slot_count / 4 * 3;
    uint64_t *slots;
    struct intern_entry *entries;

    if (slot_count > UINT32_MAX / 4)
        return false;
    entries = realloc(table->entries, capacity * sizeof(*entries));
    if (entries == NULL)
        return false;
    table->entries = entries;
    memory_prefer_huge_pages(entries, capacity * sizeof(*entries));
    slots = memory_zeroed(slot_count, sizeof(*slots));
    if (slots == NULL)
        return false;
    for (uint32_t n = 1; n < table->count; n++) {
        uint32_t at = entries[n].hash & (slot_count - 1);

        while (slots[at] != 0)
            at = (at + 1) & (slot_count - 1);
        slots[at] = slot_of(entries[n].hash, n);
    }
    free(table->slots);
    table->slots = slots;
    table->slot_count = slot_count;
    table->capacity = capacity;
    return true;
}

/* The slot that holds the text, or the free one where it belongs. */
static uint32_t find_slot(const struct intern *table, struct slice text,
                          uint32_t hash)
{
    uint32_t at = hash & (table->slot_count - 1);

    for (; table->slots[at] != 0; at = (at + 1) & (table->slot_count - 1)) {
        const struct intern_entry *entry;

        if (table->slots[at] >> 32 != hash)
            continue;
        entry = &table->entries[(uint32_t)table->slots[at]];
        if (entry->len == text.len &&
            memcmp(entry->text, text.ptr, text.len) == 0)
            break;
    }
    return at;
}

/* kept: the text already lies in an arena that lives long enough. */
static uint32_t add_hashed(struct intern *table, struct slice text,
                           uint32_t hash, bool kept)
{
    uint32_t at;
    char *copy;

    if (table->count >= table->capacity && !grow(table))
        return INTERN_NONE;
    at = find_slot(table, text, hash);
    if (table->slots[at] != 0)
        return (uint32_t)table->slots[at];
    if (!kept) {
        copy = arena_alloc(table->arena, text.len + 1);
        if (copy == NULL)
            return INTERN_NONE;
        if (text.len > 0)
            memcpy(copy, text.ptr, text.len);
        copy[text.len] = '\0';
        text.ptr = copy;
    }
    table->entries[table->count] =
        (struct intern_entry){text.ptr, (uint32_t)text.len, hash};
    table->slots[at] = slot_of(hash, table->count);
    return table->count++;
}

static uint32_t hash_of(const struct intern *table, struct slice text)
{
    return (uint32_t)keyed_hash(table->key, slice_head(text, INTERN_TEXT_MAX));
}

uint32_t intern_add(struct intern *table, struct slice text)
{
    return intern_add_prefetched(table, text, hash_of(table, text));
}

static void prefetch_slot(const struct intern *table, uint32_t hash)
{
    __builtin_prefetch(&table->slots[hash & (table->slot_count - 1)], 1);
}

uint32_t intern_prefetch(const struct intern *table, struct slice text)
{
    uint32_t hash = hash_of(table, text);

    prefetch_slot(table, hash);
    return hash;
}

void intern_prefetch_more(const struct intern *table, uint32_t hash)
{
    uint64_t slot = table->slots[hash & (table->slot_count - 1)];

    __builtin_prefetch(&table->entries[(uint32_t)slot]);
}

uint32_t intern_add_prefetched(struct intern *table, struct slice text,
                               uint32_t hash)
{
    if (slice_is_absent(text))
        return INTERN_NONE;
    return add_hashed(table, slice_head(text, INTERN_TEXT_MAX), hash, false);
}

uint32_t intern_find(const struct intern *table, struct slice text)
{
    if (slice_is_absent(text))
        return INTERN_NONE;
    return (uint32_t)table->slots[find_slot(
        table, slice_head(text, INTERN_TEXT_MAX), hash_of(table, text))];
}

struct slice intern_text(const struct intern *table, uint32_t number)
{
    if (number == INTERN_NONE || number >= table->count)
        return (struct slice){NULL, 0};
    return slice_make(table->entries[number].text, table->entries[number].len);
}

bool intern_merge(struct intern *into, const struct intern *from,
                  uint32_t *map_r)
{
    map_r[INTERN_NONE] = INTERN_NONE;
    for (uint32_t n = 1; n < from->count; n++) {
        const struct intern_entry *entry = &from->entries[n];

        if (from->count - n > AHEAD)
            prefetch_slot(into, entry[AHEAD].hash);
        map_r[n] = add_hashed(into, slice_make(entry->text, entry->len),
                              entry->hash, true);
        if (map_r[n] == INTERN_NONE)
            return false;
    }
    return true;
}

/* slot_count is a power of two, and at least 4. */
static size_t home_of(uint64_t hash, size_t slot_count)
{
    return (size_t)(hash >> (64 - __builtin_ctzll(slot_count)));
}

static bool hash_set_grow(struct hash_set *set, size_t slot_count)
{
    uint64_t *slots = memory_zeroed(slot_count, sizeof(*slots));

    if (slots == NULL)
        return false;
    for (size_t i = 0; i < set->slot_count; i++) {
        size_t at;

        if (set->slots[i] == 0)
            continue;
        at = home_of(set->slots[i], slot_count);
        while (slots[at] != 0)
            at = (at + 1) & (slot_count - 1);
        slots[at] = set->slots[i];
    }
    free(set->slots);
    set->slots = slots;
    set->slot_count = slot_count;
    return true;
}

bool hash_set_reserve(struct hash_set *set, size_t count)
{
    size_t slot_count = set->slot_count == 0 ? 4 : set->slot_count;

    while (slot_count / 4 * 3 < count)
        slot_count *= 2;
    return slot_count == set->slot_count || hash_set_grow(set, slot_count);
}

int hash_set_add(struct hash_set *set, uint64_t hash)
{
    size_t at;

    if (hash == 0)
        hash = 1;
    if (set->count * 4 >= set->slot_count * 3 &&
        !hash_set_reserve(set, set->count + 1))
        return -1;
    at = home_of(hash, set->slot_count);
    while (set->slots[at] != 0) {
        if (set->slots[at] == hash)
            return 0;
        at = (at + 1) & (set->slot_count - 1);
    }
    set->slots[at] = hash;
    set->count++;
    return 1;
}

bool hash_set_has(const struct hash_set *set, uint64_t hash)
{
    size_t at;

    if (set->count == 0)
        return false;
    if (hash == 0)
        hash = 1;
    at = home_of(hash, set->slot_count);
    while (set->slots[at] != 0 && set->slots[at] != hash)
        at = (at + 1) & (set->slot_count - 1);
    return set->slots[at] != 0;
}

void hash_set_visit(const struct hash_set *set, unsigned bits, uint64_t number,
                    void (*visit)(void *context, uint64_t hash), void *context)
{
    uint64_t first = number << (64 - bits) % 64;
    uint64_t last = first + (UINT64_MAX >> bits);
    size_t at, home_count;

    if (set->count == 0)
        return;
    if (bits == 0) {
        for (size_t i = 0; i < set->slot_count; i++)
            if (set->slots[i] != 0)
                visit(context, set->slots[i]);
        return;
    }
    at = home_of(first, set->slot_count);
    home_count = home_of(last, set->slot_count) - at + 1;
    /* Behind the last home stand those that found it taken. */
    for (size_t i = 0; i < set->slot_count; i++) {
        uint64_t hash = set->slots[at];

        if (hash == 0 && i >= home_count)
            return;
        if (hash != 0 && hash >= first && hash <= last)
            visit(context, hash);
        at = (at + 1) & (set->slot_count - 1);
    }
}

void hash_set_prefetch(const struct hash_set *set, uint64_t hash)
{
    if (set->slot_count > 0)
        __builtin_prefetch(&set->slots[home_of(hash, set->slot_count)], 1);
}

void hash_set_free(struct hash_set *set)
{
    free(set->slots);
    *set = (struct hash_set){0};
}
