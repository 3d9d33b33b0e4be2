#include <stdlib.h>

#include "parsers/array.h"
#include "parsers/hash.h"
#include "rules/logs.h"

enum {
    FIRST_SLOTS = 1024,
    FIRST_WINDOWS = 256,
    FIRST_SOURCES = 1024,
    /* Odd numbers of eight bytes leave nothing over of what malloc rounds to:
     * the first takes the least that it gives. */
    FIRST_SEEN = 3,
    FIRSTS_A_BLOCK = 1024,
    /* Windows looked after for each new one: the dead are found before they
     * are a fifth of all. */
    SWEEP_STEPS = 8,
    /* Logs of several hosts are merged by clocks that differ: a line as late
     * as this still counts with what was before the newest. */
    LATE_SEC = 60,
};

static const uint32_t no_window = UINT32_MAX;

/*
 * One thing that counts, in order of time. Of two values of one window whose
 * hashes have the same half one is not counted: one pair in four thousand
 * million, and who does not know the key cannot choose one.
 */
struct seen {
    uint32_t time; /* epoch s */
    uint32_t what; /* distinct value; 0 where every event counts */
};

/* The first arrays of windows: a million of them cost a third more if malloc
 * looked after each. A free one has the next in its place. */
union first_seen {
    struct seen items[FIRST_SEEN];
    union first_seen *next_free;
};

struct first_block {
    struct first_block *next;
    union first_seen firsts[FIRSTS_A_BLOCK];
};

/* Who tried one user. */
struct triers {
    uint32_t *items;
    size_t count, capacity;
    size_t first_alarm, alarm_count; /* theirs */
};

/* A network, a domain, a user, or all together. */
struct crowd {
    struct crowd *next_fired;
    struct triers *triers; /* owned; of a user, once it has fired */
    uint32_t hash, len;
    char text[]; /* the domain; or the bytes of a struct ip, or of the hash of
                    a user; or nothing */
};

/*
 * What one rule counts for one source or crowd. Most never see more
 * than one thing, and there may be a million of them: that one needs no memory
 * of its own.
 */
struct window {
    union {
        struct seen *many; /* capacity > 0: those that count begin at first */
        struct seen one;   /* capacity 0 */
    } seen;
    union {
        struct {
            uint32_t number, next; /* next window of it + 1; 0: none */
        } source;                  /* COUNT_BY_SOURCE */
        struct crowd *crowd;       /* owned until it has fired */
        uint32_t next_free;        /* !is_used */
    } of;
    uint16_t first, count, capacity;
    uint8_t source_rule;
    bool is_used : 1;
    bool has_fired : 1; /* seen is gone */
};

_Static_assert(sizeof(struct window) == 24, "there are millions of them");
_Static_assert(RULES_SOURCE_RULES_MAX <= UINT8_MAX, "one byte has the rule");

struct slot {
    uint32_t hash;
    uint32_t window; /* + 1; 0 = free */
};

struct watch {
    const struct rules_source_rule *rules[RULES_SOURCE_RULES_MAX];
    uint64_t counting[RULES_EVENTS_MAX]; /* bit per rule that counts it */
    /* Bit per later rule that counts the same: it has no windows. */
    uint64_t twins[RULES_SOURCE_RULES_MAX];
    uint64_t key[2];
    /* the network asked for last: most guesses of a session are noted at once
     */
    struct ip network;
    uint64_t network_hash;
    uint32_t *first_of; /* by number of the source: window + 1; 0 = none */
    uint32_t source_capacity;
    struct slot *slots; /* of crowds: open addressing */
    uint32_t slot_count, crowd_count;
    struct window *windows;
    uint32_t window_count, window_capacity; /* ever used at once */
    uint32_t used_count, first_free, sweep_at;
    struct first_block *blocks; /* owned */
    union first_seen *free_firsts;
    size_t fresh_firsts; /* of the first block, that never were in use */
    struct watch_alarm *alarms;
    size_t alarm_count, alarm_capacity;
    struct crowd *fired; /* owned: alarms have their text */
};

struct watch_key {
    uint8_t source_rule;
    uint32_t source;   /* COUNT_BY_SOURCE: its number */
    struct slice text; /* of a crowd */
    uint32_t hash;     /* of it */
};

/* ---- keys ---- */

/* The network that an address lies in. */
static struct ip network_of(const struct ip *ip, unsigned bits)
{
    struct ip base = {{0}};
    unsigned whole = bits / 8;

    memcpy(base.bytes, ip->bytes, whole);
    if (bits % 8 != 0)
        base.bytes[whole] = (uint8_t)(ip->bytes[whole] & 0xff00u >> bits % 8);
    return base;
}

static uint64_t hash_of_domain(const struct watch *watch,
                               const struct watch_event *event)
{
    uint64_t hash = event->hashes[WATCH_DOMAIN];

    return hash != 0 ? hash : keyed_hash(watch->key, event->domain);
}

static uint64_t hash_of_network(struct watch *watch, const struct ip *base)
{
    if (memcmp(&watch->network, base, sizeof(*base)) != 0 ||
        watch->network_hash == 0) {
        watch->network = *base;
        watch->network_hash = keyed_hash(watch->key, ip_bytes(base));
    }
    return watch->network_hash;
}

/* False when the rule does not count such an event. */
static bool make_key(struct watch *watch, unsigned source_rule,
                     const struct watch_event *event, struct watch_key *key_r)
{
    const struct rules_source_rule *rule = watch->rules[source_rule];
    uint64_t hash = 0;
    struct ip base;
    bool is_v4;

    *key_r = (struct watch_key){.source_rule = (uint8_t)source_rule};
    switch (rule->by) {
    case COUNT_BY_SOURCE:
        key_r->source = event->source_number;
        return true;
    case COUNT_BY_NETWORK:
        is_v4 = ip_is_v4(&event->source);
        if (is_v4 != (rule->bits <= 32))
            return false;
        base = network_of(&event->source, is_v4 ? rule->bits + 96 : rule->bits);
        hash = hash_of_network(watch, &base);
        key_r->text = slice_make((const char *)watch->network.bytes,
                                 sizeof(watch->network.bytes));
        break;
    case COUNT_BY_DOMAIN:
        if (event->domain.len == 0 || event->domain.len > UINT32_MAX)
            return false;
        hash = hash_of_domain(watch, event);
        key_r->text = event->domain;
        break;
    case COUNT_BY_USER:
        hash = event->hashes[WATCH_USER];
        if (hash == 0)
            return false;
        key_r->text =
            slice_make((const char *)&event->hashes[WATCH_USER], sizeof(hash));
        break;
    case COUNT_BY_SITE:
        key_r->text = SLICE_LITERAL("");
        break;
    }
    key_r->hash = (uint32_t)(hash + source_rule * UINT64_C(0x9e3779b97f4a7c15));
    return true;
}

static bool is_of_source(const struct watch *watch, uint8_t source_rule)
{
    return watch->rules[source_rule]->by == COUNT_BY_SOURCE;
}

static struct slice text_of(const struct crowd *crowd)
{
    return slice_make(crowd->text, crowd->len);
}

/* ---- windows of sources ---- */

static bool grow_sources(struct watch *watch, uint32_t number)
{
    uint64_t capacity = (uint64_t)number + number / 4 + FIRST_SOURCES;
    uint32_t *grown;

    if (capacity > UINT32_MAX)
        return false;
    grown = realloc(watch->first_of, capacity * sizeof(*grown));
    if (grown == NULL)
        return false;
    memset(grown + watch->source_capacity, 0,
           (capacity - watch->source_capacity) * sizeof(*grown));
    watch->first_of = grown;
    watch->source_capacity = (uint32_t)capacity;
    return true;
}

/* The window + 1, or 0. A source has one a rule at most. */
static uint32_t find_of_source(const struct watch *watch,
                               const struct watch_key *key)
{
    uint32_t at =
        key->source < watch->source_capacity ? watch->first_of[key->source] : 0;

    while (at != 0 && watch->windows[at - 1].source_rule != key->source_rule)
        at = watch->windows[at - 1].of.source.next;
    return at;
}

static void take_from_source(struct watch *watch, uint32_t number)
{
    const struct window *window = &watch->windows[number];
    uint32_t *at = &watch->first_of[window->of.source.number];

    while (*at != number + 1)
        at = &watch->windows[*at - 1].of.source.next;
    *at = window->of.source.next;
}

/* ---- windows of crowds ---- */

static bool is_key_of(const struct window *window, const struct watch_key *key)
{
    return window->source_rule == key->source_rule &&
           slice_equal(text_of(window->of.crowd), key->text);
}

/* The slot of the key, or the free one where it belongs. */
static struct slot *find_slot(const struct watch *watch,
                              const struct watch_key *key)
{
    uint32_t at = key->hash & (watch->slot_count - 1);

    while (watch->slots[at].window != 0 &&
           (watch->slots[at].hash != key->hash ||
            !is_key_of(&watch->windows[watch->slots[at].window - 1], key)))
        at = (at + 1) & (watch->slot_count - 1);
    return &watch->slots[at];
}

static bool grow_slots(struct watch *watch)
{
    uint32_t slot_count = watch->slot_count * 2;
    struct slot *slots;

    if (slot_count > UINT32_MAX / 4)
        return false;
    slots = calloc(slot_count, sizeof(*slots));
    if (slots == NULL)
        return false;
    for (uint32_t i = 0; i < watch->slot_count; i++) {
        uint32_t at = watch->slots[i].hash & (slot_count - 1);

        if (watch->slots[i].window == 0)
            continue;
        while (slots[at].window != 0)
            at = (at + 1) & (slot_count - 1);
        slots[at] = watch->slots[i];
    }
    free(watch->slots);
    watch->slots = slots;
    watch->slot_count = slot_count;
    return true;
}

static uint32_t slot_of_window(const struct watch *watch, uint32_t number)
{
    uint32_t at =
        watch->windows[number].of.crowd->hash & (watch->slot_count - 1);

    while (watch->slots[at].window != number + 1)
        at = (at + 1) & (watch->slot_count - 1);
    return at;
}

/* Takes a window out; those behind it that were pushed on move up. */
static void take_from_slots(struct watch *watch, uint32_t number)
{
    uint32_t mask = watch->slot_count - 1;
    uint32_t at = slot_of_window(watch, number);
    uint32_t next = at;

    for (;;) {
        next = (next + 1) & mask;
        if (watch->slots[next].window == 0)
            break;
        uint32_t home = watch->slots[next].hash & mask;
        /* Its home lies in (at, next]: it is found without the gap. */
        if (((next - home) & mask) < ((next - at) & mask))
            continue;
        watch->slots[at] = watch->slots[next];
        at = next;
    }
    watch->slots[at].window = 0;
    watch->crowd_count--;
}

static struct crowd *new_crowd(const struct watch_key *key)
{
    struct crowd *crowd = malloc(sizeof(*crowd) + key->text.len);

    if (crowd == NULL)
        return NULL;
    *crowd = (struct crowd){.hash = key->hash, .len = (uint32_t)key->text.len};
    memcpy(crowd->text, key->text.ptr, key->text.len);
    return crowd;
}

/* ---- windows ---- */

static uint32_t take_window(struct watch *watch)
{
    uint32_t number = watch->first_free;

    if (number != no_window) {
        watch->first_free = watch->windows[number].of.next_free;
        return number;
    }
    if (watch->window_count == watch->window_capacity) {
        uint32_t capacity = watch->window_capacity == 0
                                ? FIRST_WINDOWS
                                : watch->window_capacity / 4 * 5;
        struct window *windows;

        if (capacity > UINT32_MAX / 4)
            return no_window;
        windows = realloc(watch->windows, capacity * sizeof(*windows));
        if (windows == NULL)
            return no_window;
        watch->windows = windows;
        watch->window_capacity = capacity;
    }
    return watch->window_count++;
}

static struct seen *take_first(struct watch *watch)
{
    union first_seen *first = watch->free_firsts;
    struct first_block *block;

    if (first != NULL) {
        watch->free_firsts = first->next_free;
        return first->items;
    }
    if (watch->fresh_firsts == 0) {
        block = malloc(sizeof(*block));
        if (block == NULL)
            return NULL;
        block->next = watch->blocks;
        watch->blocks = block;
        watch->fresh_firsts = FIRSTS_A_BLOCK;
    }
    return watch->blocks->firsts[--watch->fresh_firsts].items;
}

static void free_seen(struct watch *watch, struct window *window)
{
    union first_seen *first;

    if (window->capacity > FIRST_SEEN) {
        free(window->seen.many);
    } else if (window->capacity > 0) {
        first = (union first_seen *)(void *)window->seen.many;
        first->next_free = watch->free_firsts;
        watch->free_firsts = first;
    }
}

static void forget_seen(struct watch *watch, struct window *window)
{
    free_seen(watch, window);
    window->seen.many = NULL;
    window->first = window->count = window->capacity = 0;
}

static void free_window(struct watch *watch, struct window *window)
{
    forget_seen(watch, window);
    if (window->is_used && !window->has_fired &&
        !is_of_source(watch, window->source_rule))
        free(window->of.crowd);
}

static void give_window_back(struct watch *watch, uint32_t number)
{
    struct window *window = &watch->windows[number];

    free_window(watch, window);
    *window = (struct window){.of.next_free = watch->first_free};
    watch->first_free = number;
    watch->used_count--;
}

/* A new window that is found nowhere yet, or no_window without memory. */
static uint32_t new_window(struct watch *watch, const struct watch_key *key)
{
    uint32_t number = take_window(watch);

    if (number == no_window)
        return no_window;
    watch->windows[number] =
        (struct window){.source_rule = key->source_rule, .is_used = true};
    watch->used_count++;
    return number;
}

static struct window *add_to_source(struct watch *watch,
                                    const struct watch_key *key)
{
    struct window *window;
    uint32_t number;

    if (key->source >= watch->source_capacity &&
        !grow_sources(watch, key->source))
        return NULL;
    number = new_window(watch, key);
    if (number == no_window)
        return NULL;
    window = &watch->windows[number];
    window->of.source.number = key->source;
    window->of.source.next = watch->first_of[key->source];
    watch->first_of[key->source] = number + 1;
    return window;
}

static struct window *add_crowd(struct watch *watch,
                                const struct watch_key *key)
{
    struct crowd *crowd;
    uint32_t number;

    if (watch->crowd_count >= watch->slot_count / 4 * 3 && !grow_slots(watch))
        return NULL;
    crowd = new_crowd(key);
    if (crowd == NULL)
        return NULL;
    number = new_window(watch, key);
    if (number == no_window) {
        free(crowd);
        return NULL;
    }
    watch->windows[number].of.crowd = crowd;
    *find_slot(watch, key) = (struct slot){key->hash, number + 1};
    watch->crowd_count++;
    return &watch->windows[number];
}

/* A new one when there is none yet; NULL without memory. */
static struct window *window_of(struct watch *watch,
                                const struct watch_key *key)
{
    bool is_source = is_of_source(watch, key->source_rule);
    uint32_t number =
        is_source ? find_of_source(watch, key) : find_slot(watch, key)->window;

    if (number != 0)
        return &watch->windows[number - 1];
    return is_source ? add_to_source(watch, key) : add_crowd(watch, key);
}

static void drop_window(struct watch *watch, uint32_t number)
{
    if (is_of_source(watch, watch->windows[number].source_rule))
        take_from_source(watch, number);
    else
        take_from_slots(watch, number);
    give_window_back(watch, number);
}

/* Those that count, in order of time. */
static struct seen *seen_of(struct window *window)
{
    return window->capacity > 0 ? window->seen.many + window->first
                                : &window->seen.one;
}

/* ---- dead windows ---- */

/* The clock is the line's own time: one with a wild stamp harms the few
 * windows that it is held against, not all that come after it. */
static bool is_dead(const struct watch *watch, struct window *window,
                    int64_t now)
{
    const struct rules_source_rule *rule;

    if (!window->is_used || window->has_fired)
        return false;
    if (window->count == 0)
        return true;
    rule = watch->rules[window->source_rule];
    return seen_of(window)[window->count - 1].time <
           now - rule->window_sec - LATE_SEC;
}

/* What says whether a window is dead; it may lie anywhere. */
static const struct seen *far_of(const struct watch *watch, uint32_t number)
{
    return number < watch->window_count ? seen_of(&watch->windows[number])
                                        : NULL;
}

static void sweep(struct watch *watch, int64_t now)
{
    uint32_t number = watch->sweep_at;

    for (int i = 0; i < SWEEP_STEPS && watch->window_count > 0; i++) {
        if (number >= watch->window_count)
            number = 0;
        __builtin_prefetch(far_of(watch, number + SWEEP_STEPS));
        if (is_dead(watch, &watch->windows[number], now))
            drop_window(watch, number);
        number++;
    }
    watch->sweep_at = number;
}

/* ---- one window ---- */

/* Drops what is too old to count with anything from now on. */
static void drop_old(struct window *window, int64_t oldest)
{
    while (window->count > 0 && seen_of(window)->time < oldest) {
        window->first = (uint16_t)(window->first + (window->capacity > 0));
        window->count--;
    }
}

/* Room for one more behind the last. most: how many a window ever holds. */
static bool make_room(struct watch *watch, struct window *window, uint32_t most)
{
    const uint32_t largest = (most + most / 2 + 2) | 1;
    struct seen one = window->seen.one;
    uint32_t capacity;
    struct seen *seen;

    if (window->first + window->count < window->capacity ||
        (window->capacity == 0 && window->count == 0))
        return true;
    /* Moved when half as many left as stay: each one moves two at most. */
    if (window->first > 0 && window->first * 2 >= window->count) {
        memmove(window->seen.many, seen_of(window),
                window->count * sizeof(*seen));
        window->first = 0;
        return true;
    }
    capacity =
        window->capacity == 0 ? FIRST_SEEN : (window->capacity * 3u / 2) | 1;
    /* Enough that with most of them half as many have left when it is full. */
    if (capacity > largest)
        capacity = largest;
    if (window->capacity > FIRST_SEEN)
        seen = realloc(window->seen.many, capacity * sizeof(*seen));
    else if (capacity > FIRST_SEEN)
        seen = malloc(capacity * sizeof(*seen));
    else
        seen = take_first(watch);
    if (seen == NULL)
        return false;
    if (window->capacity == 0)
        seen[0] = one;
    if (window->capacity == FIRST_SEEN) {
        memcpy(seen, window->seen.many, sizeof(union first_seen));
        free_seen(watch, window);
    }
    window->seen.many = seen;
    window->capacity = (uint16_t)capacity;
    return true;
}

/* Index of that value, or count; what came last is looked at first. */
static uint32_t find_seen(struct window *window, uint32_t what)
{
    const struct seen *seen = seen_of(window);

    for (uint32_t i = window->count; i-- > 0;)
        if (seen[i].what == what)
            return i;
    return window->count;
}

/* Puts one into the order of time; those of one time stay as they came. */
static void insert_seen(struct window *window, struct seen one)
{
    struct seen *seen = seen_of(window);
    uint32_t at = window->count++;

    for (; at > 0 && seen[at - 1].time > one.time; at--)
        seen[at] = seen[at - 1];
    seen[at] = one;
}

static void take_seen(struct window *window, uint32_t at)
{
    struct seen *seen = seen_of(window);

    window->count--;
    memmove(seen + at, seen + at + 1, (window->count - at) * sizeof(*seen));
}

/*
 * Whether enough of them lie close enough together: those that a late one may
 * have completed, or the newest. *time_r: of the last of them.
 */
static bool is_reached(struct window *window,
                       const struct rules_source_rule *rule, int64_t *time_r)
{
    const struct seen *seen = seen_of(window);

    for (uint32_t i = 0; i + rule->at_least <= window->count; i++) {
        *time_r = seen[i + rule->at_least - 1].time;
        if (*time_r - (int64_t)seen[i].time <= rule->window_sec)
            return true;
    }
    return false;
}

/*
 * Counts one thing. A window holds at_least of them, the newest; one more
 * while it is decided, so that a late line counts with what was before the
 * newest.
 */
static bool count_one(struct watch *watch, struct window *window,
                      const struct rules_source_rule *rule, struct seen one)
{
    uint32_t known;

    if (one.what != 0 &&
        (known = find_seen(window, one.what)) < window->count) {
        uint32_t time = seen_of(window)[known].time;

        take_seen(window, known);
        if (time > one.time)
            one.time = time;
    }
    if (!make_room(watch, window, rule->at_least))
        return false;
    insert_seen(window, one);
    return true;
}

static void trim(struct window *window, const struct rules_source_rule *rule,
                 int64_t now)
{
    if (window->count > rule->at_least) {
        window->first =
            (uint16_t)(window->first + window->count - rule->at_least);
        window->count = (uint16_t)rule->at_least;
    }
    drop_old(window, now - rule->window_sec - LATE_SEC);
}

/* ---- alarms ---- */

static struct watch_alarm *new_alarm(struct watch *watch)
{
    struct watch_alarm *alarms =
        array_with_room(watch->alarms, watch->alarm_count,
                        &watch->alarm_capacity, sizeof(*alarms));

    if (alarms == NULL)
        return NULL;
    watch->alarms = alarms;
    return &watch->alarms[watch->alarm_count++];
}

static bool raise_alarm(struct watch *watch, unsigned source_rule,
                        const struct window *window,
                        const struct watch_event *event, int64_t time)
{
    enum rules_count_by by = watch->rules[source_rule]->by;
    struct watch_alarm *alarm = new_alarm(watch);

    if (alarm == NULL)
        return false;
    *alarm = (struct watch_alarm){.source_rule = (uint16_t)source_rule,
                                  .time = time};
    if (by == COUNT_BY_SOURCE)
        alarm->base = event->source;
    else if (by == COUNT_BY_NETWORK)
        memcpy(&alarm->base, window->of.crowd->text, sizeof(alarm->base));
    else if (by == COUNT_BY_DOMAIN)
        alarm->domain = text_of(window->of.crowd);
    return true;
}

/* The alarms of a user have all who tried it. */
static void show_triers(struct watch *watch, const struct triers *triers)
{
    for (size_t i = 0; i < triers->alarm_count; i++) {
        struct watch_alarm *alarm = &watch->alarms[triers->first_alarm + i];

        alarm->sources = triers->items;
        alarm->source_count = (uint32_t)triers->count;
    }
}

static bool add_trier(struct triers *triers, uint32_t source)
{
    if (triers->count == triers->capacity) {
        size_t capacity = triers->capacity + triers->capacity / 2 + 8;
        uint32_t *items = realloc(triers->items, capacity * sizeof(*items));

        if (items == NULL)
            return false;
        triers->items = items;
        triers->capacity = capacity;
    }
    triers->items[triers->count++] = source;
    return true;
}

/* Its alarms are the last ones. */
static bool keep_triers(struct watch *watch, struct window *window,
                        size_t first_alarm)
{
    struct triers *triers = calloc(1, sizeof(*triers));

    window->of.crowd->triers = triers;
    if (triers == NULL)
        return false;
    triers->first_alarm = first_alarm;
    triers->alarm_count = watch->alarm_count - first_alarm;
    for (uint32_t i = 0; i < window->count; i++)
        if (!add_trier(triers, seen_of(window)[i].what))
            return false;
    show_triers(watch, triers);
    return true;
}

/* One more, once: it is settled then. */
static bool note_trier(struct watch *watch, const struct window *window,
                       uint32_t source)
{
    struct triers *triers = window->of.crowd->triers;

    if (triers == NULL || !add_trier(triers, source))
        return false;
    show_triers(watch, triers);
    return true;
}

static bool fire(struct watch *watch, struct window *window,
                 const struct watch_event *event, int64_t time)
{
    size_t first_alarm = watch->alarm_count;
    unsigned source_rule = window->source_rule;
    uint64_t twins = watch->twins[source_rule];
    bool is_kept;

    /* First of all: alarms have the text of the crowd. */
    if (!is_of_source(watch, window->source_rule)) {
        window->of.crowd->next_fired = watch->fired;
        watch->fired = window->of.crowd;
    }
    window->has_fired = true;
    is_kept = raise_alarm(watch, source_rule, window, event, time);
    for (; twins != 0 && is_kept; twins &= twins - 1)
        is_kept = raise_alarm(watch, (unsigned)__builtin_ctzll(twins), window,
                              event, time);
    if (is_kept && watch->rules[source_rule]->by == COUNT_BY_USER)
        is_kept = keep_triers(watch, window, first_alarm);
    forget_seen(watch, window);
    return is_kept;
}

/* Most events are of a source or a domain whose counts were reached long ago:
 * their windows are looked for once. */
static void settle(const struct watch_event *event, unsigned number,
                   const struct rules_source_rule *rule)
{
    uint64_t *settled = rule->by == COUNT_BY_DOMAIN ? event->domain_settled
                                                    : event->source_settled;

    if (settled != NULL)
        *settled |= UINT64_C(1) << number;
}

static uint64_t settled_rules(const struct watch_event *event)
{
    return (event->source_settled == NULL ? 0 : *event->source_settled) |
           (event->domain_settled == NULL ? 0 : *event->domain_settled);
}

/* Of a keyed hash; 0 of none. */
static uint32_t half_of(uint64_t hash)
{
    uint32_t half = (uint32_t)(hash ^ hash >> 32);

    return half == 0 && hash != 0 ? 1 : half;
}

/* Counts one thing, or one that was repeated. */
static bool count_in(struct watch *watch, struct window *window,
                     const struct watch_event *event, struct seen one)
{
    const struct rules_source_rule *rule = watch->rules[window->source_rule];
    uint32_t times = rule->distinct != 0             ? 1
                     : event->count < rule->at_least ? event->count
                                                     : rule->at_least;
    int64_t reached;

    for (uint32_t i = 0; i < times; i++) {
        if (!count_one(watch, window, rule, one))
            return false;
        if (is_reached(window, rule, &reached))
            return fire(watch, window, event, reached);
        trim(window, rule, one.time);
    }
    return true;
}

static bool note_for_rule(struct watch *watch, unsigned number,
                          const struct watch_event *event, uint32_t time)
{
    const struct rules_source_rule *rule = watch->rules[number];
    struct seen one = {time, 0};
    struct watch_key key;
    struct window *window;

    if (rule->by == COUNT_BY_USER)
        one.what = event->source_number;
    else if (rule->distinct != 0)
        one.what = half_of(event->hashes[rule->distinct - 1]);
    if (rule->distinct != 0 && one.what == 0)
        return true;
    if (!make_key(watch, number, event, &key)) {
        if (rule->by == COUNT_BY_NETWORK)
            settle(event, number, rule);
        return true;
    }
    window = window_of(watch, &key);
    if (window == NULL)
        return false;
    if (!window->has_fired)
        return count_in(watch, window, event, one);
    settle(event, number, rule);
    return rule->by != COUNT_BY_USER || note_trier(watch, window, one.what);
}

/* Bit per rule that counts one of these events. */
static uint64_t rules_counting(const struct watch *watch, uint64_t events)
{
    uint64_t rules = 0;

    for (; events != 0; events &= events - 1)
        rules |= watch->counting[__builtin_ctzll(events)];
    return rules;
}

static uint32_t clamped(int64_t time)
{
    return time < 0 ? 0 : time > UINT32_MAX ? UINT32_MAX : (uint32_t)time;
}

bool watch_note(struct watch *watch, const struct watch_event *event)
{
    uint64_t rules =
        rules_counting(watch, event->events) & ~settled_rules(event);
    uint32_t time = clamped(event->time);
    bool is_noted = true;

    for (; rules != 0; rules &= rules - 1) {
        unsigned number = (unsigned)__builtin_ctzll(rules);
        uint32_t used = watch->used_count;

        is_noted &= note_for_rule(watch, number, event, time);
        if (watch->used_count > used)
            sweep(watch, time);
    }
    return is_noted;
}

size_t watch_alarms(const struct watch *watch,
                    const struct watch_alarm **alarms_r)
{
    *alarms_r = watch->alarms;
    return watch->alarm_count;
}

size_t watch_window_count(const struct watch *watch)
{
    return watch->used_count;
}

static bool count_the_same(const struct rules_source_rule *a,
                           const struct rules_source_rule *b)
{
    return a->events == b->events && a->distinct == b->distinct &&
           a->by == b->by && a->bits == b->bits && a->at_least == b->at_least &&
           a->window_sec == b->window_sec;
}

/* The first that counts the same has the windows, and the alarms of all. */
static void add_rule(struct watch *watch, unsigned number)
{
    const struct rules_source_rule *rule = watch->rules[number];

    for (unsigned i = 0; i < number; i++)
        if (count_the_same(watch->rules[i], rule)) {
            watch->twins[i] |= UINT64_C(1) << number;
            return;
        }
    for (uint64_t events = rule->events; events != 0; events &= events - 1)
        watch->counting[__builtin_ctzll(events)] |= UINT64_C(1) << number;
}

struct watch *watch_new(const struct rules *rules, const uint64_t key[2])
{
    struct watch *watch = calloc(1, sizeof(*watch));

    if (watch == NULL)
        return NULL;
    watch->key[0] = key[0];
    watch->key[1] = key[1];
    watch->first_free = no_window;
    for (size_t i = 0; i < rules_source_rule_count(rules); i++) {
        watch->rules[i] = rules_source_rule(rules, i);
        add_rule(watch, (unsigned)i);
    }
    watch->slot_count = FIRST_SLOTS;
    watch->slots = calloc(watch->slot_count, sizeof(*watch->slots));
    if (watch->slots == NULL) {
        watch_free(watch);
        return NULL;
    }
    return watch;
}

void watch_end(struct watch *watch)
{
    for (uint32_t i = 0; i < watch->window_count; i++)
        free_window(watch, &watch->windows[i]);
    while (watch->blocks != NULL) {
        struct first_block *block = watch->blocks;

        watch->blocks = block->next;
        free(block);
    }
    watch->free_firsts = NULL;
    watch->fresh_firsts = 0;
    free(watch->windows);
    free(watch->first_of);
    free(watch->slots);
    watch->windows = NULL;
    watch->first_of = NULL;
    watch->slots = NULL;
    watch->window_count = watch->window_capacity = watch->used_count = 0;
    memset(watch->counting, 0, sizeof(watch->counting));
}

void watch_free(struct watch *watch)
{
    if (watch == NULL)
        return;
    watch_end(watch);
    while (watch->fired != NULL) {
        struct crowd *crowd = watch->fired;

        watch->fired = crowd->next_fired;
        if (crowd->triers != NULL)
            free(crowd->triers->items);
        free(crowd->triers);
        free(crowd);
    }
    free(watch->alarms);
    free(watch);
}
