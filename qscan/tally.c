#include "qscan/tally.h"

#include <stdlib.h>

#include "parsers/status.h"

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
        if (tally->classes[i].name == name ||
            strcmp(tally->classes[i].name, name) == 0)
            return &tally->classes[i];
    if (tally->class_count == TALLY_CLASSES_MAX)
        return &tally->classes[TALLY_CLASSES_MAX - 1];
    tally->classes[tally->class_count].name = name;
    return &tally->classes[tally->class_count++];
}

/* Lines of a rule that say the same are one reason. */
static bool is_reason(const struct tally_reason *reason,
                      const struct tally_reason *other)
{
    return reason->missed.words == other->missed.words &&
           reason->missed.condition == other->missed.condition &&
           reason->rule == other->rule;
}

/* An example is the lowest id, so that the same queue gives the same words. */
static uint32_t lower_id(const struct scan *scan, uint32_t one, uint32_t two)
{
    const struct facts *rows = scan->table.rows;

    return memcmp(rows[two].id, rows[one].id, FACTS_ID_MAX) < 0 ? two : one;
}

static void count_reason(struct tally *tally, const struct scan *scan,
                         const struct facts *row, uint32_t number)
{
    struct tally_reason *reason = tally->reasons;
    struct tally_reason *end = reason + tally->reason_count;
    struct tally_reason found = {.rule = RULES_NO_RULE, .row = number};

    if (!rowtext_missed(&scan->scene, row, &found.missed))
        found.rule = row->rule;
    while (reason < end && !is_reason(reason, &found))
        reason++;
    if (reason == tally->reasons + TALLY_REASONS_MAX)
        return; /* one of the rest */
    if (reason == end) {
        *reason = found;
        tally->reason_count++;
    }
    reason->count++;
    reason->row = lower_id(scan, reason->row, number);
}

static int compare_texts(const char *one, const char *two)
{
    return strcmp(one == NULL ? "" : one, two == NULL ? "" : two);
}

static int compare_reasons(const void *a, const void *b)
{
    const struct tally_reason *one = a, *two = b;
    int order = compare_texts(one->missed.words, two->missed.words);

    if (one->count != two->count)
        return one->count > two->count ? -1 : 1;
    if (order == 0)
        order = compare_texts(one->missed.condition, two->missed.condition);
    return order != 0 ? order : one->rule - two->rule;
}

enum what { BY_HOST, BY_SOURCE, BY_DOMAIN };

static uint32_t number_of(const struct facts *row, enum what what)
{
    enum status_kind kind = (enum status_kind)row->status_kind;

    switch (what) {
    case BY_HOST:
        return status_is_dead(kind) ? row->host : 0;
    case BY_SOURCE:
        return row->is_bounce ? row->source : 0;
    case BY_DOMAIN:
        return row->domain;
    }
    return 0; /* nobody's number */
}

static void count_row(struct tally *tally, const struct scan *scan,
                      const struct facts *row, uint32_t number)
{
    struct tally_class *class =
        find_class(tally, rowtext_class(&scan->scene, row));

    class->count++;
    class->bytes += row->size_bytes;
    if (row->created != 0 &&
        (class->oldest == 0 || row->created < class->oldest))
        class->oldest = row->created;
    for (unsigned bit = 0; row->oddities >> bit != 0; bit++)
        if ((row->oddities >> bit & 1) != 0)
            tally->oddity_rows[bit] =
                tally->oddities[bit]++ == 0
                    ? number
                    : lower_id(scan, tally->oddity_rows[bit], number);
    if (row->state == FACTS_ORPHAN)
        return;
    tally->messages++;
    tally->bytes += row->size_bytes;
    tally->undecided += row->is_undecided;
    if (row->is_bounce && row->state == FACTS_JUDGED && !row->is_purge &&
        number_of(row, BY_HOST) != 0) {
        tally->unproven++;
        count_reason(tally, scan, row, number);
    }
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

/* A heap whose first item is the least of those kept. */
static void sift_down(struct tally_top *heap, size_t count, size_t at,
                      struct order *order)
{
    for (;;) {
        size_t least = at;

        for (size_t child = 2 * at + 1; child <= 2 * at + 2; child++)
            if (child < count &&
                compare_tops(&heap[child], &heap[least], order) > 0)
                least = child;
        if (least == at)
            return;
        struct tally_top swap = heap[at];
        heap[at] = heap[least];
        heap[least] = swap;
        at = least;
    }
}

/* The most frequent numbers, from counts by number: ten of half a million. */
static bool select_top(struct tally_list *list, const uint32_t *counts,
                       uint32_t number_count, unsigned top, struct order *order)
{
    size_t wanted;
    uint32_t i = 1;

    for (uint32_t n = 1; n < number_count; n++) {
        list->all += counts[n] > 0;
        list->all_sum += counts[n];
    }
    wanted = top == 0 || top > list->all ? list->all : top;
    list->items = malloc((wanted + 1) * sizeof(*list->items));
    if (list->items == NULL)
        return false;
    for (; i < number_count && list->count < wanted; i++)
        if (counts[i] > 0)
            list->items[list->count++] = (struct tally_top){
                .number = i, .count = counts[i], .row = UINT32_MAX};
    for (size_t at = wanted / 2; at-- > 0;)
        sift_down(list->items, wanted, at, order);
    for (; i < number_count && wanted > 0; i++) {
        struct tally_top item = {
            .number = i, .count = counts[i], .row = UINT32_MAX};

        if (counts[i] < list->items[0].count || counts[i] == 0 ||
            compare_tops(&item, &list->items[0], order) > 0)
            continue;
        list->items[0] = item;
        sift_down(list->items, wanted, 0, order);
    }
    qsort_r(list->items, list->count, sizeof(*list->items), compare_tops,
            order);
    return true;
}

/* One kind of table in the making. */
struct counting {
    struct tally_list *list;
    enum what what;
    uint32_t number_count;
    uint32_t *counts; /* by number; later the place in the list + 1 */
};

static bool begin_counting(struct counting *counting, const struct scan *scan)
{
    const struct crowd *crowd = scan->scene.crowd;

    counting->number_count = counting->what == BY_SOURCE ? crowd->sources.count
                                                         : crowd->strings.count;
    counting->counts = calloc(counting->number_count, sizeof(uint32_t));
    return counting->counts != NULL;
}

static bool select_shown(struct counting *counting, const struct scan *scan,
                         unsigned top)
{
    struct order order = {scan, counting->what == BY_SOURCE};

    if (!select_top(counting->list, counting->counts, counting->number_count,
                    top, &order))
        return false;
    memset(counting->counts, 0, counting->number_count * sizeof(uint32_t));
    for (size_t i = 0; i < counting->list->count; i++)
        counting->counts[counting->list->items[i].number] = (uint32_t)i + 1;
    return true;
}

/* Example and ages of the few that are shown. */
static void fill_shown(struct counting *counting, const struct facts *row,
                       uint32_t row_number, int64_t now)
{
    uint32_t place = counting->counts[number_of(row, counting->what)];
    struct tally_top *top;

    if (place == 0)
        return;
    top = &counting->list->items[place - 1];
    if (top->row == UINT32_MAX)
        top->row = row_number;
    top->ages[age_bucket(now - row->created)]++;
}

static bool count_purgeable_sources(struct tally *tally,
                                    const struct options *options,
                                    const struct scan *scan)
{
    bool *is_seen = calloc(scan->scene.crowd->sources.count, sizeof(*is_seen));

    for (size_t i = 0; is_seen != NULL && i < scan->table.count; i++) {
        const struct facts *row = &scan->table.rows[i];

        if (row->source == 0 || !row->is_purge || is_seen[row->source] ||
            !list_is_selected(options, scan, row))
            continue;
        is_seen[row->source] = true;
        tally->purgeable_sources++;
    }
    free(is_seen);
    return is_seen != NULL;
}

struct counting_run {
    struct tally *tally;
    const struct options *options;
    const struct scan *scan;
    unsigned top;
    atomic_bool has_failed;
};

static bool count_rows(const struct counting_run *run)
{
    const struct scan *scan = run->scan;

    for (size_t i = 0; i < scan->table.count; i++) {
        const struct facts *row = &scan->table.rows[i];

        run->tally->all_messages += row->state != FACTS_ORPHAN &&
                                    row->state != FACTS_GONE && !row->is_held;
        if (list_is_selected(run->options, scan, row))
            count_row(run->tally, scan, row, (uint32_t)i);
    }
    return count_purgeable_sources(run->tally, run->options, scan);
}

static void count_numbers(const struct counting_run *run,
                          struct counting *kinds, size_t kind_count)
{
    const struct scan *scan = run->scan;

    for (size_t i = 0; i < scan->table.count; i++) {
        const struct facts *row = &scan->table.rows[i];

        if (list_is_selected(run->options, scan, row))
            for (size_t k = 0; k < kind_count; k++)
                kinds[k].counts[number_of(row, kinds[k].what)]++;
    }
}

static void fill_tables(const struct counting_run *run, struct counting *kinds,
                        size_t kind_count)
{
    const struct scan *scan = run->scan;

    for (size_t i = 0; i < scan->table.count; i++) {
        const struct facts *row = &scan->table.rows[i];

        if (list_is_selected(run->options, scan, row))
            for (size_t k = 0; k < kind_count; k++)
                fill_shown(&kinds[k], row, (uint32_t)i, scan->scene.now);
    }
}

static bool count_tables(const struct counting_run *run)
{
    struct tally *tally = run->tally;
    struct counting kinds[] = {{.list = &tally->hosts, .what = BY_HOST},
                               {.list = &tally->sources, .what = BY_SOURCE},
                               {.list = &tally->domains, .what = BY_DOMAIN}};
    enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };
    bool is_done = true;

    for (size_t k = 0; k < KINDS; k++)
        is_done = begin_counting(&kinds[k], run->scan) && is_done;
    if (is_done)
        count_numbers(run, kinds, KINDS);
    for (size_t k = 0; is_done && k < KINDS; k++)
        is_done = select_shown(&kinds[k], run->scan, run->top);
    if (is_done)
        fill_tables(run, kinds, KINDS);
    for (size_t k = 0; k < KINDS; k++)
        free(kinds[k].counts);
    return is_done;
}

enum { COUNTING_JOBS = 2 }; /* which have nothing in common */

static void count_half(void *context, unsigned worker, size_t first, size_t end)
{
    struct counting_run *run = context;

    (void)worker;
    (void)end;
    if (!(first == 0 ? count_rows(run) : count_tables(run)))
        atomic_store(&run->has_failed, true);
}

bool tally_count(struct tally *tally, const struct options *options,
                 const struct scan *scan, unsigned top)
{
    struct counting_run run = {
        .tally = tally, .options = options, .scan = scan, .top = top};

    *tally = (struct tally){0};
    if (!workers_do(scan->worker_count, COUNTING_JOBS, 1, count_half, &run) ||
        atomic_load(&run.has_failed))
        return false;
    qsort(tally->classes, tally->class_count, sizeof(tally->classes[0]),
          compare_classes);
    qsort(tally->reasons, tally->reason_count, sizeof(tally->reasons[0]),
          compare_reasons);
    return true;
}

void tally_free(struct tally *tally)
{
    free(tally->hosts.items);
    free(tally->sources.items);
    free(tally->domains.items);
    *tally = (struct tally){0};
}
