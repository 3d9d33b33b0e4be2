/*
 * Strings kept once: domains, hosts, status texts and names repeat endlessly
 * in a queue under attack. Not shared between threads: each worker has its
 * own table, and intern_merge joins them.
 */
#ifndef QSCAN_INTERN_H
#define QSCAN_INTERN_H

#include "parsers/slice.h"

enum { INTERN_NONE = 0 }; /* the number of the absent string */

struct intern_entry {
    const char *text; /* NUL-terminated; may hold NULs all the same */
    uint32_t len;
    uint32_t hash;
};

struct intern {
    struct intern_entry *entries; /* entries[0] stands for "absent" */
    uint32_t count, capacity;
    uint64_t *slots; /* open addressing: hash and number; 0 = free */
    uint32_t slot_count;
    struct arena *arena;
    uint64_t key[2];
};

/* Bytes that live until the whole arena goes. */
struct arena {
    struct arena_block *blocks;
};

void *arena_alloc(struct arena *arena, size_t bytes); /* NULL: no memory */

/* Large tables are walked at random: huge pages, where the system has them,
 * save most of the page faults and half of the misses. */
void memory_prefer_huge_pages(void *memory, size_t bytes);

/* For a table whose slots are looked at before they are written: what calloc
 * gives would fault at the look, and again at the write, which every processor
 * is then told of. NULL: no memory. */
void *memory_zeroed(size_t count, size_t item_bytes);
void arena_free(struct arena *arena);
/* What lies in from lives on in into; from is empty afterwards. */
void arena_adopt(struct arena *into, struct arena *from);

/* A key for parsers/hash.h, that nobody outside can guess. */
void keyed_hash_new_key(uint64_t key[2]);

/* The strings live in the arena, which outlives the table. */
bool intern_init(struct intern *table, struct arena *arena,
                 const uint64_t key[2]);
void intern_free(struct intern *table);

/* The number of that string, from 1; INTERN_NONE for an absent slice or when
 * there is no memory. Longer than 1024 bytes is cut there. */
uint32_t intern_add(struct intern *table, struct slice text);

/* Asks for the cache line that intern_add of that string will need, which is
 * then done by the hash that this returns. */
uint32_t intern_prefetch(const struct intern *table, struct slice text);

/* A while later, when that line has come: asks for the one it leads to. */
void intern_prefetch_more(const struct intern *table, uint32_t hash);
uint32_t intern_add_prefetched(struct intern *table, struct slice text,
                               uint32_t hash);

/* The number of that string or INTERN_NONE, adding nothing. */
uint32_t intern_find(const struct intern *table, struct slice text);

struct slice intern_text(const struct intern *table, uint32_t number);

/* Ask for what intern_text will need, and, when that has come, for the text. */
static inline void intern_prefetch_entry(const struct intern *table,
                                         uint32_t number)
{
    __builtin_prefetch(&table->entries[number]);
}
static inline void intern_prefetch_text(const struct intern *table,
                                        uint32_t number)
{
    __builtin_prefetch(table->entries[number].text);
}

/* Adds all strings of from, whose arena must live on; map_r[n] becomes the
 * number in into of from's n. map_r holds from->count numbers. */
bool intern_merge(struct intern *into, const struct intern *from,
                  uint32_t *map_r);

/* A set of 64-bit hashes, of which every bit is as good as another: counts
 * distinct things. */
struct hash_set {
    uint64_t *slots; /* 0 = free; where the first bits of a hash say */
    size_t count, slot_count;
};

/* Room for so many: until then it does not grow. False without memory. */
bool hash_set_reserve(struct hash_set *set, size_t count);
/* 1 when added, 0 when it was there, -1 without memory. */
int hash_set_add(struct hash_set *set, uint64_t hash);
bool hash_set_has(const struct hash_set *set, uint64_t hash);
/* Calls visit for all whose first bits (0 to 32) make that number, and looks
 * at little else. */
void hash_set_visit(const struct hash_set *set, unsigned bits, uint64_t number,
                    void (*visit)(void *context, uint64_t hash), void *context);
/* Asks for the cache line that adding hash will look at first. */
void hash_set_prefetch(const struct hash_set *set, uint64_t hash);
void hash_set_free(struct hash_set *set);

#endif
