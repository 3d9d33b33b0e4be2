/* What attackers guessed, all together and in common. */
#include "qscan/shares.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "parsers/array.h"
#include "qscan/workers.h"

enum {
    SHARED_MAX = 1 << 17, /* guesses that a worker compares at once */
    CACHED_MAX = 1 << 15, /* so many lie in the cache of its processor */
    SHARE_MIN = 8,        /* ... worth it when so many are of one source */
    UNION_MAX = 1 << 20,  /* distinct guesses of one crowd */
    ALONE_MAX = 1 << 14,  /* so few are counted before a thread has begun */
    AHEAD = 6,
};

static bool is_in_part(uint64_t hash, struct guess_part part)
{
    return part.bits == 0 || hash >> (64 - part.bits) == part.number;
}

void source_each_guess(const struct sources *sources,
                       const struct source *source, struct guess_part part,
                       void (*visit)(void *context, uint64_t hash),
                       void *context)
{
    const struct guess_list *list = source_guess_list(sources, source);
    const uint64_t *near = source_more(sources, source)->guesses.near;

    if (list != NULL) {
        hash_set_visit(&list->all, part.bits, part.number, visit, context);
        return;
    }
    if (source->guesses > 0 && is_in_part(source->guess, part))
        visit(context, source->guess);
    for (unsigned i = 0; i + 1u < source->guesses; i++)
        if (is_in_part(near[i], part))
            visit(context, near[i]);
}

/* ---- of one attacker ---- */

struct guess_union {
    struct hash_set set;
    bool is_full;
};

static void add_to_union(void *context, uint64_t hash)
{
    struct guess_union *all = context;

    if (all->set.count >= UNION_MAX || hash_set_add(&all->set, hash) < 0)
        all->is_full = true;
}

static void add_totals(const struct sources *sources, struct attacker *attacker,
                       const struct source *source)
{
    const struct source_mail *mail = source_mail(sources, source);

    attacker->accepted += source_real_recipients(sources, source);
    attacker->mailed += source_outside_recipients(sources, source);
    attacker->delivered += mail->delivered;
    attacker->attempts += source->attempts;
    attacker->bounces += mail->bounces;
    if (attacker->first == 0 || source->first < attacker->first)
        attacker->first = source->first;
    if (source->last > attacker->last)
        attacker->last = source->last;
    attacker->is_exact = attacker->is_exact && source_guesses_are_exact(source);
}

static void add_all_totals(const struct sources *sources,
                           struct attacker *attacker)
{
    struct guess_union all = {0};
    size_t most = 0;

    attacker->is_exact = true;
    if (attacker->source != 0) {
        add_totals(sources, attacker, &sources->items[attacker->source]);
        attacker->guesses = sources->items[attacker->source].guesses;
        return;
    }
    for (size_t i = 0; i < attacker->member_count; i++)
        most += sources->items[attacker->members[i]].guesses;
    all.is_full =
        !hash_set_reserve(&all.set, most < UNION_MAX ? most : UNION_MAX);
    for (size_t i = 0; i < attacker->member_count; i++) {
        const struct source *source = &sources->items[attacker->members[i]];

        add_totals(sources, attacker, source);
        source_each_guess(sources, source, (struct guess_part){0, 0},
                          add_to_union, &all);
    }
    attacker->guesses = all.set.count;
    attacker->is_exact = attacker->is_exact && !all.is_full;
    hash_set_free(&all.set);
}

/* ---- of several ---- */

/* The guesses of a part, and which stand in more than one source. */
struct guess_table {
    uint64_t *hashes;  /* 0 = free */
    uint32_t *sources; /* that came last with it; shared_bit: another, too */
    size_t slot_count;
    uint32_t source; /* at hand */
    /* Of each attacker its number with shared_bit, and behind it the slots of
     * its guesses. */
    uint32_t *trail;
    size_t trail_count, trail_capacity;
    bool has_failed; /* no memory */
};

/* What the workers share. */
struct share_run {
    struct sources *sources;
    uint32_t *members; /* of crowds, that are no attackers themselves */
    size_t member_count;
    size_t source_count; /* with the attackers */
    bool has_single;     /* an attacker that is no crowd */
    uint64_t guess_count;
    unsigned part_bits;
    size_t slot_count;          /* of a table */
    struct guess_table *tables; /* one a worker */
    atomic_bool has_failed;
};

static const uint32_t shared_bit = UINT32_C(1) << 31;

static size_t guess_slot(const struct guess_table *table, uint64_t hash)
{
    size_t at = hash & (table->slot_count - 1);

    while (table->hashes[at] != 0 && table->hashes[at] != hash)
        at = (at + 1) & (table->slot_count - 1);
    return at;
}

static inline size_t add_guess(struct guess_table *table, uint64_t hash)
{
    size_t at = guess_slot(table, hash);

    if (table->hashes[at] == 0) {
        table->hashes[at] = hash;
        table->sources[at] = table->source;
    } else if ((table->sources[at] & ~shared_bit) != table->source) {
        table->sources[at] |= shared_bit;
    }
    return at;
}

static void add_trail(struct guess_table *table, size_t step)
{
    uint32_t *trail = array_with_room(table->trail, table->trail_count,
                                      &table->trail_capacity, sizeof(*trail));

    if (trail == NULL) {
        table->has_failed = true;
        return;
    }
    table->trail = trail;
    table->trail[table->trail_count++] = (uint32_t)step;
}

static void add_attackers_guess(void *context, uint64_t hash)
{
    struct guess_table *table = context;

    add_trail(table, add_guess(table, hash));
}

static void add_members_guess(void *context, uint64_t hash)
{
    add_guess(context, hash);
}

/* Other workers count it as well. */
static void add_shared(struct sources *sources, uint32_t attacker,
                       uint64_t shared)
{
    if (shared > 0)
        __atomic_fetch_add(&sources->attackers[attacker].shared, shared,
                           __ATOMIC_RELAXED);
}

static void follow_trail(const struct guess_table *table,
                         struct sources *sources)
{
    uint32_t attacker = 0;
    uint64_t shared = 0;

    for (size_t i = 0; i < table->trail_count; i++) {
        uint32_t step = table->trail[i];

        if ((step & shared_bit) == 0) {
            shared += table->sources[step] >> 31;
            continue;
        }
        add_shared(sources, attacker, shared);
        attacker = step & ~shared_bit;
        shared = 0;
    }
    add_shared(sources, attacker, shared);
}

/* Far from any cache, while others are counted. */
static void prefetch_guesses(const struct sources *sources, size_t attacker,
                             struct guess_part part)
{
    const struct guess_list *list;

    if (attacker >= sources->attacker_count ||
        sources->attackers[attacker].source == 0)
        return;
    list = source_guess_list(
        sources, &sources->items[sources->attackers[attacker].source]);
    if (list != NULL && part.bits > 0)
        hash_set_prefetch(&list->all, part.number << (64 - part.bits));
}

static void visit_guesses(const struct share_run *run, uint32_t source,
                          struct guess_part part, struct guess_table *table,
                          void (*visit)(void *context, uint64_t hash))
{
    table->source = source;
    source_each_guess(run->sources, &run->sources->items[source], part, visit,
                      table);
}

/* Guess lists that several sources work through are one campaign. */
static void count_part(const struct share_run *run, struct guess_table *table,
                       struct guess_part part)
{
    const struct sources *sources = run->sources;

    memset(table->hashes, 0, table->slot_count * sizeof(*table->hashes));
    table->trail_count = 0;
    for (size_t i = 0; i < sources->attacker_count; i++) {
        prefetch_guesses(sources, i + AHEAD, part);
        if (sources->attackers[i].source == 0)
            continue;
        add_trail(table, i | shared_bit);
        visit_guesses(run, sources->attackers[i].source, part, table,
                      add_attackers_guess);
    }
    for (size_t i = 0; i < run->member_count; i++)
        visit_guesses(run, run->members[i], part, table, add_members_guess);
    follow_trail(table, run->sources);
}

static bool has_table(const struct share_run *run, struct guess_table *table)
{
    if (table->hashes == NULL)
        table->hashes = calloc(run->slot_count, sizeof(*table->hashes));
    if (table->sources == NULL)
        table->sources = calloc(run->slot_count, sizeof(*table->sources));
    table->slot_count = run->slot_count;
    return table->hashes != NULL && table->sources != NULL;
}

static void count_job(struct share_run *run, struct guess_table *table,
                      size_t part)
{
    table->has_failed = !has_table(run, table);
    if (!table->has_failed)
        count_part(run, table, (struct guess_part){run->part_bits, part});
    if (table->has_failed)
        atomic_store(&run->has_failed, true);
}

/* A job is an attacker's totals or a part. */
static void do_jobs(void *context, unsigned worker, size_t first, size_t end)
{
    struct share_run *run = context;
    size_t attackers = run->sources->attacker_count;

    for (size_t job = first; job < end; job++) {
        if (job < attackers)
            add_all_totals(run->sources, &run->sources->attackers[job]);
        else
            count_job(run, &run->tables[worker], job - attackers);
    }
}

static void add_source(struct share_run *run, uint32_t source)
{
    run->source_count++;
    run->guess_count += run->sources->items[source].guesses;
}

static bool list_sources(struct share_run *run, uint8_t *named)
{
    const struct sources *sources = run->sources;
    size_t count = 0;

    for (size_t i = 0; i < sources->attacker_count; i++) {
        uint32_t source = sources->attackers[i].source;

        if (source == 0)
            continue;
        run->has_single = true;
        add_source(run, source);
        named[source / 8] &= (uint8_t) ~(1u << source % 8);
    }
    for (uint32_t i = 0; i <= sources->count / 8; i++)
        count += (size_t)__builtin_popcount(named[i]);
    run->members = calloc(count + 1, sizeof(*run->members));
    for (uint32_t i = 1; i < sources->count && run->members != NULL; i++) {
        if ((named[i / 8] >> i % 8 & 1) == 0)
            continue;
        run->members[run->member_count++] = i;
        add_source(run, i);
    }
    return run->members != NULL;
}

static void plan_parts(struct share_run *run)
{
    uint64_t count = run->guess_count;

    for (; count > SHARED_MAX ||
           (count > CACHED_MAX && count >= SHARE_MIN * run->source_count);
         count /= 2)
        run->part_bits++;
    /* A part is never just its share of all. */
    run->slot_count = 1024;
    while (run->slot_count < count + count / 2)
        run->slot_count *= 2;
}

static bool run_jobs(struct share_run *run, unsigned worker_count)
{
    size_t parts = run->has_single ? (size_t)1 << run->part_bits : 0;
    size_t jobs = run->sources->attacker_count + parts;

    if (run->guess_count > ALONE_MAX)
        return workers_do(worker_count, jobs, 1, do_jobs, run);
    do_jobs(run, 0, 0, jobs);
    return true;
}

bool shares_count(struct sources *sources, uint8_t *named,
                  unsigned worker_count)
{
    struct share_run run = {.sources = sources};
    bool is_good;

    run.tables = calloc(worker_count, sizeof(*run.tables));
    is_good = list_sources(&run, named) && run.tables != NULL;
    if (is_good) {
        plan_parts(&run);
        is_good = run_jobs(&run, worker_count) && !run.has_failed;
    }
    for (unsigned i = 0; i < worker_count && run.tables != NULL; i++) {
        free(run.tables[i].hashes);
        free(run.tables[i].sources);
        free(run.tables[i].trail);
    }
    free(run.tables);
    free(run.members);
    return is_good;
}
