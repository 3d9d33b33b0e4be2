/* What attackers guessed, all together and in common. */
#include "qscan/shares.h"

#include <stdlib.h>

enum {
    SHARED_MAX = 1 << 17, /* guesses compared at once between attackers */
    UNION_MAX = 1 << 20,  /* distinct guesses of one crowd */
};

void source_each_guess(const struct source *source, struct guess_part part,
                       void (*visit)(void *context, uint64_t hash),
                       void *context)
{
    if (source->more != NULL && source->more->guesses.count > 0)
        hash_set_visit(&source->more->guesses, part.bits, part.number, visit,
                       context);
    else if (source->guesses > 0 &&
             (part.bits == 0 ||
              source->guess >> (64 - part.bits) == part.number))
        visit(context, source->guess);
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

static void add_totals(struct attacker *attacker, const struct source *source)
{
    attacker->accepted += source_real_recipients(source);
    attacker->delivered += source->delivered;
    attacker->attempts += source->attempts;
    attacker->bounces += source->bounces;
    if (attacker->first == 0 || source->first < attacker->first)
        attacker->first = source->first;
    if (source->last > attacker->last)
        attacker->last = source->last;
    attacker->is_exact = attacker->is_exact && source_guesses_are_exact(source);
}

void shares_add_totals(const struct sources *sources, struct attacker *attacker)
{
    struct guess_union all = {0};
    size_t most = 0;

    attacker->is_exact = true;
    if (attacker->source != 0) {
        add_totals(attacker, &sources->items[attacker->source]);
        attacker->guesses = sources->items[attacker->source].guesses;
        return;
    }
    for (size_t i = 0; i < attacker->member_count; i++)
        most += sources->items[attacker->members[i]].guesses;
    all.is_full =
        !hash_set_reserve(&all.set, most < UNION_MAX ? most : UNION_MAX);
    for (size_t i = 0; i < attacker->member_count; i++) {
        const struct source *source = &sources->items[attacker->members[i]];

        add_totals(attacker, source);
        source_each_guess(source, (struct guess_part){0, 0}, add_to_union,
                          &all);
    }
    attacker->guesses = all.set.count;
    attacker->is_exact = attacker->is_exact && !all.is_full;
    hash_set_free(&all.set);
}

/* ---- of several ---- */

/* Guesses of the attackers, and which stand in more than one source. */
struct guess_table {
    uint64_t *hashes;  /* 0 = free */
    uint32_t *sources; /* that came last with it; shared_bit: another, too */
    size_t slot_count;
    uint32_t source; /* at hand */
    uint64_t shared;
    struct guess_part part; /* that is counted */
};

static const uint32_t shared_bit = UINT32_C(1) << 31;

static size_t guess_slot(const struct guess_table *table, uint64_t hash)
{
    size_t at = hash & (table->slot_count - 1);

    while (table->hashes[at] != 0 && table->hashes[at] != hash)
        at = (at + 1) & (table->slot_count - 1);
    return at;
}

static void count_guess(void *context, uint64_t hash)
{
    struct guess_table *table = context;
    size_t at = guess_slot(table, hash);

    if (table->hashes[at] == 0) {
        table->hashes[at] = hash;
        table->sources[at] = table->source;
    } else if ((table->sources[at] & ~shared_bit) != table->source) {
        table->sources[at] |= shared_bit;
    }
}

static void count_shared(void *context, uint64_t hash)
{
    struct guess_table *table = context;

    table->shared += table->sources[guess_slot(table, hash)] >> 31;
}

/* Their numbers. NULL without memory. */
static uint32_t *list_named(const struct sources *sources, const uint8_t *named,
                            size_t *count_r)
{
    uint32_t *list;
    size_t count = 0;

    for (uint32_t i = 0; i <= sources->count / 8; i++)
        count += (size_t)__builtin_popcount(named[i]);
    list = calloc(count + 1, sizeof(*list));
    *count_r = 0;
    for (uint32_t i = 1; i < sources->count && list != NULL; i++)
        if ((named[i / 8] >> i % 8 & 1) != 0)
            list[(*count_r)++] = i;
    return list;
}

/* Guess lists that several sources work through are one campaign. */
static void count_part(struct sources *sources, const uint32_t *named,
                       size_t named_count, struct guess_table *table)
{
    memset(table->hashes, 0, table->slot_count * sizeof(*table->hashes));
    for (size_t i = 0; i < named_count; i++) {
        table->source = named[i];
        source_each_guess(&sources->items[table->source], table->part,
                          count_guess, table);
    }
    for (size_t i = 0; i < sources->attacker_count; i++) {
        struct attacker *attacker = &sources->attackers[i];

        if (attacker->source == 0)
            continue;
        table->shared = 0;
        source_each_guess(&sources->items[attacker->source], table->part,
                          count_shared, table);
        attacker->shared += table->shared;
    }
}

void shares_count(struct sources *sources, const uint8_t *named)
{
    struct guess_table table = {.slot_count = 1024};
    size_t count;
    uint32_t *list = list_named(sources, named, &count);
    uint64_t all = 0;

    for (size_t i = 0; i < count && list != NULL; i++)
        all += sources->items[list[i]].guesses;
    for (; all > SHARED_MAX; all /= 2)
        table.part.bits++;
    /* A part is never just its share of all. */
    while (table.slot_count < all + all / 2)
        table.slot_count *= 2;
    table.hashes = calloc(table.slot_count, sizeof(*table.hashes));
    table.sources = calloc(table.slot_count, sizeof(*table.sources));
    for (uint64_t part = 0;
         part >> table.part.bits == 0 && table.hashes != NULL &&
         table.sources != NULL && list != NULL;
         part++) {
        table.part.number = part;
        count_part(sources, list, count, &table);
    }
    free(list);
    free(table.hashes);
    free(table.sources);
}
