#include "qscan/facts.h"

#include <stdlib.h>

#include "qscan/intern.h"

void facts_init(struct facts_table *table)
{
    *table = (struct facts_table){0};
}

void facts_free(struct facts_table *table)
{
    free(table->rows);
    facts_init(table);
}

struct facts *facts_add(struct facts_table *table)
{
    struct facts *row;

    if (table->count == table->capacity) {
        size_t capacity =
            table->capacity == 0 ? 1024 : table->capacity + table->capacity / 2;
        struct facts *rows = realloc(table->rows, capacity * sizeof(*rows));

        if (rows == NULL)
            return NULL;
        table->rows = rows;
        table->capacity = capacity;
        memory_prefer_huge_pages(rows, capacity * sizeof(*rows));
    }
    row = &table->rows[table->count++];
    *row = (struct facts){0};
    return row;
}

struct keyed {
    uint64_t key;
    uint32_t row;
};

/* Least significant byte first; bytes in which no key differs cost nothing
 * but the count. */
static bool radix_sort(struct keyed *items, size_t count)
{
    struct keyed *other = malloc((count + 1) * sizeof(*other));
    struct keyed *from = items, *to = other;

    if (other == NULL)
        return false;
    for (unsigned shift = 0; shift < 64; shift += 8) {
        size_t starts[257] = {0};

        for (size_t i = 0; i < count; i++)
            starts[(from[i].key >> shift & 0xff) + 1]++;
        if (count == 0 || starts[(from[0].key >> shift & 0xff) + 1] == count)
            continue;
        for (size_t b = 0; b < 256; b++)
            starts[b + 1] += starts[b];
        for (size_t i = 0; i < count; i++)
            to[starts[from[i].key >> shift & 0xff]++] = from[i];
        struct keyed *swap = from;
        from = to;
        to = swap;
    }
    if (from != items)
        memcpy(items, from, count * sizeof(*items));
    free(other);
    return true;
}

static uint32_t *rows_of(struct keyed *items, size_t count)
{
    uint32_t *order = malloc((count + 1) * sizeof(*order));

    for (size_t i = 0; order != NULL && i < count; i++)
        order[i] = items[i].row;
    free(items);
    return order;
}

uint32_t *facts_order_by_inode(const struct facts_table *table)
{
    struct keyed *items = malloc((table->count + 1) * sizeof(*items));

    if (items == NULL)
        return NULL;
    for (size_t i = 0; i < table->count; i++)
        items[i] = (struct keyed){table->rows[i].inode, (uint32_t)i};
    if (!radix_sort(items, table->count)) {
        free(items);
        return NULL;
    }
    return rows_of(items, table->count);
}

static int compare_ids(const void *a, const void *b, void *context)
{
    const struct facts *rows = context;
    const struct facts *x = &rows[*(const uint32_t *)a];
    const struct facts *y = &rows[*(const uint32_t *)b];
    size_t len = x->id_len < y->id_len ? x->id_len : y->id_len;
    int order;

    if (x->dir != y->dir)
        return x->dir < y->dir ? -1 : 1;
    order = memcmp(x->id, y->id, len);
    if (order != 0)
        return order;
    if (x->id_len != y->id_len)
        return x->id_len < y->id_len ? -1 : 1;
    return x->letter < y->letter ? -1 : x->letter > y->letter;
}

/* Numbers alone are sorted: keys beside them would cost 16 MB more where
 * memory is at its peak. */
uint32_t *facts_order_by_id(const struct facts_table *table)
{
    uint32_t *order = malloc((table->count + 1) * sizeof(*order));

    if (order == NULL)
        return NULL;
    for (size_t i = 0; i < table->count; i++)
        order[i] = (uint32_t)i;
    qsort_r(order, table->count, sizeof(*order), compare_ids, table->rows);
    return order;
}
