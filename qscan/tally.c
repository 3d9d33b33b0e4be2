#include "qscan/tally.h"

#include <stdlib.h>

static const int64_t age_limits_sec[TALLY_AGES - 1] = {
    3600, 4 * 3600, 24 * 3600, 3 * 24 * 3600, 5 * 24 * 3600};

const char *tally_age_text(size_t bucket)
{
    static const char *const texts[TALLY_AGES] = {"<1h", "<4h", "<1d",
                                                  "<3d", "<5d", "5d+"};

    return texts[bucket];
}

static size_t age_bucket(int64_t age_sec)
{
    size_t bucket = 0;

    while (bucket < TALLY_AGES - 1 && age_sec >= age_limits_sec[bucket])
        bucket++;
    return bucket;
}

static struct tally_class *find_class(struct tally *tally, const char *name)
{
    for (size_t i = 0; i < tally->class_count; i++)
        if (strcmp(tally->classes[i].name, name) == 0)
            return &tally->classes[i];
    if (tally->class_count == TALLY_CLASSES_MAX)
        return &tally->classes[TALLY_CLASSES_MAX - 1];
    tally->classes[tally->class_count].name = name;
    return &tally->classes[tally->class_count++];
}

static void count_row(struct tally *tally, const struct scan *scan,
                      const struct facts *row, uint32_t number)
{
    struct tally_class *class =
        find_class(tally, scan_class(&scan->scene, row));

    class->count++;
    class->bytes += row->size_bytes;
    if (row->created != 0 &&
        (class->oldest == 0 || row->created < class->oldest))
        class->oldest = row->created;
    for (unsigned bit = 0; bit < ODD_COUNT; bit++) {
        if ((row->oddities >> bit & 1) != 0 && tally->oddities[bit]++ == 0)
            tally->oddity_rows[bit] = number;
    }
    if (row->state == FACTS_ORPHAN)
        return;
    tally->messages++;
    tally->bytes += row->size_bytes;
    tally->undecided += row->is_undecided;
    tally->unreadable += row->state == FACTS_UNREADABLE;
    if (row->is_purge) {
        tally->purgeable++;
        tally->purgeable_bytes += row->size_bytes;
    }
    if (row->created != 0) {
        tally->ages[age_bucket(scan->scene.now - row->created)]++;
        if (tally->oldest == 0 || row->created < tally->oldest)
            tally->oldest = row->created;
    }
}

static int compare_classes(const void *a, const void *b)
{
    const struct tally_class *one = a, *two = b;

    if (one->count != two->count)
        return one->count > two->count ? -1 : 1;
    return strcmp(one->name, two->name);
}

/* Most first; equal counts in the order of their names, so that no worker's
 * speed shows. */
struct order {
    const struct scan *scan;
    bool is_source;
};

static int compare_tops(const void *a, const void *b, void *context)
{
    const struct tally_top *one = a, *two = b;
    const struct order *order = context;
    const struct crowd *crowd = order->scan->scene.crowd;

    if (one->count != two->count)
        return one->count > two->count ? -1 : 1;
    if (order->is_source)
        return memcmp(crowd->sources.items[one->number].ip.bytes,
                      crowd->sources.items[two->number].ip.bytes, 16);
    return strcmp(crowd->strings.entries[one->number].text,
                  crowd->strings.entries[two->number].text);
}

/* The most frequent numbers, from counts by number. */
static bool select_top(struct tally_list *list, const uint32_t *counts,
                       uint32_t number_count, unsigned top, struct order *order)
{
    size_t n = 0;

    for (uint32_t i = 1; i < number_count; i++) {
        list->all += counts[i] > 0;
        list->all_sum += counts[i];
    }
    list->items = malloc((list->all + 1) * sizeof(*list->items));
    if (list->items == NULL)
        return false;
    for (uint32_t i = 1; i < number_count; i++)
        if (counts[i] > 0)
            list->items[n++] = (struct tally_top){
                .number = i, .count = counts[i], .row = UINT32_MAX};
    qsort_r(list->items, n, sizeof(*list->items), compare_tops, order);
    list->count = top == 0 || n < top ? n : top;
    /* half a million rows of which ten are shown */
    struct tally_top *less =
        realloc(list->items, (list->count + 1) * sizeof(*list->items));
    if (less != NULL)
        list->items = less;
    return true;
}

enum what { BY_HOST, BY_SOURCE, BY_DOMAIN };

static uint32_t number_of(const struct facts *row, enum what what)
{
    enum status_kind kind = (enum status_kind)row->status_kind;

    switch (what) {
    case BY_HOST:
        return kind == STATUS_REFUSED || kind == STATUS_TIMEOUT ||
                       kind == STATUS_UNREACHABLE || kind == STATUS_UNRESOLVED
                   ? row->host
                   : 0;
    case BY_SOURCE:
        return row->is_bounce ? row->source : 0;
    case BY_DOMAIN:
        return row->domain;
    }
    return 0;
}

/* Example and ages of the few that are shown. */
static bool fill_top(struct tally_list *list, const struct options *options,
                     const struct scan *scan, enum what what,
                     uint32_t number_count)
{
    uint32_t *places = calloc(number_count, sizeof(*places));

    if (places == NULL)
        return false;
    for (size_t i = 0; i < list->count; i++)
        places[list->items[i].number] = (uint32_t)i + 1;
    for (size_t i = 0; i < scan->table.count; i++) {
        const struct facts *row = &scan->table.rows[i];
        uint32_t number = number_of(row, what);
        struct tally_top *top;

        if (number == 0 || places[number] == 0 ||
            !list_is_selected(options, scan, row))
            continue;
        top = &list->items[places[number] - 1];
        if (top->row == UINT32_MAX)
            top->row = (uint32_t)i;
        top->ages[age_bucket(scan->scene.now - row->created)]++;
    }
    free(places);
    return true;
}

static bool count_top(struct tally_list *list, const struct options *options,
                      const struct scan *scan, enum what what, unsigned top)
{
    const struct crowd *crowd = scan->scene.crowd;
    uint32_t number_count =
        what == BY_SOURCE ? crowd->sources.count : crowd->strings.count;
    uint32_t *counts = calloc(number_count, sizeof(*counts));
    struct order order = {scan, what == BY_SOURCE};
    bool is_done = counts != NULL;

    for (size_t i = 0; is_done && i < scan->table.count; i++)
        if (list_is_selected(options, scan, &scan->table.rows[i]))
            counts[number_of(&scan->table.rows[i], what)]++;
    is_done = is_done && select_top(list, counts, number_count, top, &order) &&
              fill_top(list, options, scan, what, number_count);
    free(counts);
    return is_done;
}

bool tally_count(struct tally *tally, const struct options *options,
                 const struct scan *scan, unsigned top)
{
    *tally = (struct tally){0};
    for (size_t i = 0; i < scan->table.count; i++)
        if (list_is_selected(options, scan, &scan->table.rows[i]))
            count_row(tally, scan, &scan->table.rows[i], (uint32_t)i);
    qsort(tally->classes, tally->class_count, sizeof(tally->classes[0]),
          compare_classes);
    return count_top(&tally->hosts, options, scan, BY_HOST, top) &&
           count_top(&tally->sources, options, scan, BY_SOURCE, top) &&
           count_top(&tally->domains, options, scan, BY_DOMAIN, top);
}

void tally_free(struct tally *tally)
{
    free(tally->hosts.items);
    free(tally->sources.items);
    free(tally->domains.items);
    *tally = (struct tally){0};
}
