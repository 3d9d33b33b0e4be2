#include "qscan/topk.h"

#include <stdlib.h>

#include "parsers/bytes.h"
#include "parsers/hash.h"

enum {
    FIRST_ROWS = 64,
    FIRST_TEXT_BYTES = 4096,
    NUMBER_BITS = 15, /* of a row, from 1 to TOPK_MAX */
};

void topk_init(struct topk *table, const uint64_t key[2])
{
    *table = (struct topk){.key = {key[0], key[1]}};
}

void topk_free(struct topk *table)
{
    free(table->rows);
    free(table->slots);
    free(table->texts);
    *table = (struct topk){0};
}

/* ---- space ---- */

/* A row's number beside bits of its hash, so that no row needs to be looked at
 * to see that it is another. */
static inline uint32_t slot_for(uint64_t hash, uint32_t number)
{
    return (uint32_t)hash >> NUMBER_BITS << NUMBER_BITS | number;
}

static inline struct topk_row *row_at(const struct topk *table, uint32_t slot)
{
    return &table->rows[(slot & ((1u << NUMBER_BITS) - 1)) - 1];
}

/* Slots are at least twice as many as rows can be. */
static void fill_slots(struct topk *table)
{
    memset(table->slots, 0, table->slot_count * sizeof(*table->slots));
    for (uint32_t n = 0; n < table->count; n++) {
        size_t at = table->rows[n].hash & (table->slot_count - 1);

        while (table->slots[at] != 0)
            at = (at + 1) & (table->slot_count - 1);
        table->slots[at] = slot_for(table->rows[n].hash, n + 1);
    }
}

static bool grow_rows(struct topk *table)
{
    uint32_t capacity = table->capacity == 0 ? FIRST_ROWS : table->capacity * 2;
    uint32_t *slots = calloc((size_t)capacity * 2, sizeof(*slots));
    struct topk_row *rows;

    if (slots == NULL)
        return false;
    rows = realloc(table->rows, capacity * sizeof(*rows));
    if (rows == NULL) {
        free(slots);
        return false;
    }
    free(table->slots);
    table->slots = slots;
    table->slot_count = capacity * 2;
    table->rows = rows;
    table->capacity = capacity;
    fill_slots(table);
    return true;
}

static bool grow_texts(struct topk *table, size_t more)
{
    size_t capacity =
        table->text_capacity == 0 ? FIRST_TEXT_BYTES : table->text_capacity * 2;
    char *texts;

    while (capacity - table->text_len < more)
        capacity *= 2;
    texts = malloc(capacity);
    if (texts == NULL)
        return false;
    if (table->text_len > 0)
        memcpy(texts, table->texts, table->text_len);
    for (uint32_t n = 0; n < table->count; n++)
        table->rows[n].text = texts + (table->rows[n].text - table->texts);
    free(table->texts);
    table->texts = texts;
    table->text_capacity = capacity;
    return true;
}

/* ---- the rare half ---- */

enum { SMALL_COUNTS = 1024 };

static int compare_counts(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;

    return (x < y) - (x > y);
}

/* When more than half are small, as they nearly always are: the least count
 * that is kept, and how many rows of just that count. */
static bool find_small_least(const struct topk *table, uint64_t *least_r,
                             uint32_t *ties_r)
{
    uint32_t counts[SMALL_COUNTS] = {0};
    uint32_t kept = table->count / 2, more = table->count;

    for (uint32_t n = 0; n < table->count; n++) {
        if (table->rows[n].count < SMALL_COUNTS) {
            counts[table->rows[n].count]++;
            more--;
        }
    }
    if (more >= kept)
        return false;
    for (uint32_t count = SMALL_COUNTS; count-- > 0;) {
        if (more + counts[count] >= kept) {
            *least_r = count;
            *ties_r = kept - more;
            return true;
        }
        more += counts[count];
    }
    return false;
}

/* The least count that is kept, and how many rows of just that count: the
 * first that came. False without memory. */
static bool find_least(const struct topk *table, uint64_t *least_r,
                       uint32_t *ties_r)
{
    uint64_t *counts;
    uint32_t kept = table->count / 2;
    uint32_t more = 0;

    if (find_small_least(table, least_r, ties_r))
        return true;
    counts = malloc(table->count * sizeof(*counts));
    if (counts == NULL)
        return false;
    for (uint32_t n = 0; n < table->count; n++)
        counts[n] = table->rows[n].count;
    qsort(counts, table->count, sizeof(*counts), compare_counts);
    *least_r = counts[kept - 1];
    while (counts[more] > *least_r)
        more++;
    *ties_r = kept - more;
    free(counts);
    return true;
}

/* Rows stay in the order in which they came, and so do their texts: both move
 * up where they are. */
static bool drop_rare(struct topk *table)
{
    uint64_t least = 0;
    uint64_t dropped_max = 0;
    uint32_t ties = 0;
    uint32_t count = 0;
    size_t text_len = 0;

    if (!find_least(table, &least, &ties))
        return false;
    for (uint32_t n = 0; n < table->count; n++) {
        struct topk_row row = table->rows[n];

        if (row.count < least || (row.count == least && ties == 0)) {
            if (row.count > dropped_max)
                dropped_max = row.count;
            continue;
        }
        ties -= row.count == least;
        memmove(table->texts + text_len, row.text, row.text_len);
        row.text = table->texts + text_len;
        text_len += row.text_len;
        table->rows[count++] = row;
    }
    table->count = count;
    table->text_len = text_len;
    table->error_max += dropped_max;
    fill_slots(table);
    return true;
}

/* ---- adding ---- */

/* Where that row's number is, or, free, where it belongs. */
static inline uint32_t *slot_of(const struct topk *table, uint64_t hash)
{
    size_t mask = table->slot_count - 1;
    size_t at = hash & mask;

    while (table->slots[at] != 0 &&
           ((table->slots[at] ^ (uint32_t)hash) >> NUMBER_BITS != 0 ||
            row_at(table, table->slots[at])->hash != hash))
        at = (at + 1) & mask;
    return &table->slots[at];
}

/* Slots are others afterwards. */
static bool make_room(struct topk *table)
{
    return table->capacity < TOPK_MAX ? grow_rows(table) : drop_rare(table);
}

static bool has_text_room(struct topk *table, size_t bytes)
{
    return table->text_capacity - table->text_len >= bytes ||
           grow_texts(table, bytes);
}

/* slot: the free one where it belongs, while there is room. */
static struct topk_row *new_row(struct topk *table, struct slice text,
                                uint64_t hash, uint32_t *slot)
{
    bool is_full = table->count == table->capacity;
    struct topk_row *row;

    if ((is_full && !make_room(table)) || !has_text_room(table, text.len + 1)) {
        table->has_failed = true;
        return NULL;
    }
    if (is_full)
        slot = slot_of(table, hash);
    row = &table->rows[table->count++];
    *slot = slot_for(hash, table->count);
    *row = (struct topk_row){.text = table->texts + table->text_len,
                             .text_len = (uint32_t)text.len,
                             .hash = hash};
    bytes_copy(table->texts + table->text_len, text);
    table->text_len += text.len;
    return row;
}

/* NULL without memory. */
static inline struct topk_row *row_of(struct topk *table, struct slice text,
                                      uint64_t hash)
{
    uint32_t *slot = NULL;

    if (table->capacity > 0) {
        slot = slot_of(table, hash);
        if (*slot != 0)
            return row_at(table, *slot);
    }
    return new_row(table, text, hash, slot);
}

void topk_add(struct topk *table, struct slice text, uint64_t count,
              uint64_t bytes)
{
    text = slice_head(text, TOPK_TEXT_MAX_BYTES);
    topk_add_hashed(table, text, keyed_hash(table->key, text), count, bytes);
}

void topk_add_hashed(struct topk *table, struct slice text, uint64_t hash,
                     uint64_t count, uint64_t bytes)
{
    struct topk_row *row;

    if (slice_is_absent(text) || count == 0)
        return;
    if (text.len > TOPK_TEXT_MAX_BYTES) {
        text = slice_head(text, TOPK_TEXT_MAX_BYTES);
        hash = keyed_hash(table->key, text);
    }
    table->total += count;
    row = row_of(table, text, hash);
    if (row == NULL)
        return;
    row->count += count;
    row->bytes += bytes;
}

static int compare_rows(const void *a, const void *b)
{
    const struct topk_row *x = a;
    const struct topk_row *y = b;
    uint32_t len = x->text_len < y->text_len ? x->text_len : y->text_len;
    int order;

    if (x->count != y->count)
        return x->count < y->count ? 1 : -1;
    order = len == 0 ? 0 : memcmp(x->text, y->text, len);
    return order != 0
               ? order
               : (x->text_len > y->text_len) - (x->text_len < y->text_len);
}

void topk_sort(struct topk *table)
{
    if (table->count > 0)
        qsort(table->rows, table->count, sizeof(*table->rows), compare_rows);
}
