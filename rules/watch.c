#include <stdlib.h>

#include "parsers/hash.h"
#include "rules/logs.h"

enum {
    FIRST_SLOTS = 1024,
    FIRST_WINDOWS = 256,
    FIRST_SEEN = 2,
    /* Windows looked after for each new one: the dead are found before they
     * are a fifth of all. */
    SWEEP_STEPS = 8,
    /* Logs of several hosts are merged by clocks that differ: a line as late
     * as this still counts with what was before the newest. */
    LATE_SEC = 60,
};

static const uint32_t no_window = UINT32_MAX;

/* One thing that counts, in order of time. */
struct seen {
    int64_t time;
    uint64_t what; /* distinct value; 0 where every event counts */
};

/*
 * What one rule counts for one source, network or domain. Most never see more
 * than one thing, and there may be a million of them: that one needs no memory
 * of its own.
 */
struct window {
    union {
        struct seen *many; /* capacity > 0: those that count begin at first */
        struct seen one;   /* capacity 0 */
    } seen;
    union {
        struct ip base;
        struct {
            char *text; /* owned */
            uint32_t len;
        } domain; /* COUNT_BY_DOMAIN: has_domain */
    } key;
    uint32_t hash; /* of the key; of a free one: the next that is free */
    uint16_t first, count, capacity;
    uint16_t source_rule;
    bool is_used : 1, has_domain : 1;
    bool has_fired : 1; /* seen is gone */
};

struct watch {
    const struct rules_source_rule *rules[RULES_SOURCE_RULES_MAX];
    uint64_t counting[RULES_EVENTS_MAX]; /* bit per rule that counts it */
    uint64_t key[2];
    /* the network asked for last: most guesses of a session are noted at once
     */
    struct ip network;
    uint64_t network_hash;
    uint32_t *slots; /* open addressing: window + 1; 0 = free */
    uint32_t slot_count;
    struct window *windows;
    uint32_t window_count, window_capacity; /* ever used at once */
    uint32_t used_count, first_free, sweep_at;
    struct watch_alarm *alarms;
    size_t alarm_count, alarm_capacity;
};

struct watch_key {
    uint16_t source_rule;
    uint32_t hash;
    struct ip base;
    struct slice domain;
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

static uint64_t hash_of_source(const struct watch *watch,
                               const struct watch_event *event)
{
    uint64_t hash = event->hashes[WATCH_SOURCE];

    return hash != 0 ? hash : keyed_hash(watch->key, ip_bytes(&event->source));
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
static bool make_key(struct watch *watch, uint16_t source_rule,
                     const struct rules_source_rule *rule,
                     const struct watch_event *event, struct watch_key *key_r)
{
    uint64_t hash = 0;
    bool is_v4;

    *key_r = (struct watch_key){.source_rule = source_rule};
    switch (rule->by) {
    case COUNT_BY_SOURCE:
        key_r->base = event->source;
        hash = hash_of_source(watch, event);
        break;
    case COUNT_BY_NETWORK:
        is_v4 = ip_is_v4(&event->source);
        if (is_v4 != (rule->bits <= 32))
            return false;
        key_r->base =
            network_of(&event->source, is_v4 ? rule->bits + 96 : rule->bits);
        hash = hash_of_network(watch, &key_r->base);
        break;
    case COUNT_BY_DOMAIN:
        if (event->domain.len == 0 || event->domain.len > UINT32_MAX)
            return false;
        key_r->domain = event->domain;
        hash = hash_of_domain(watch, event);
        break;
    }
    key_r->hash = (uint32_t)(hash + source_rule * UINT64_C(0x9e3779b97f4a7c15));
    return true;
}

static struct slice domain_of(const struct window *window)
{
    return window->has_domain
               ? slice_make(window->key.domain.text, window->key.domain.len)
               : (struct slice){NULL, 0};
}

static bool is_key_of(const struct window *window, const struct watch_key *key)
{
    if (window->hash != key->hash || window->source_rule != key->source_rule ||
        window->has_domain != (key->domain.len > 0))
        return false;
    return window->has_domain
               ? slice_equal(domain_of(window), key->domain)
               : memcmp(&window->key.base, &key->base, sizeof(key->base)) == 0;
}

/* ---- the table ---- */

/* The slot of the key, or the free one where it belongs. */
static uint32_t find_slot(const struct watch *watch,
                          const struct watch_key *key)
{
    uint32_t at = key->hash & (watch->slot_count - 1);

    while (watch->slots[at] != 0 &&
           !is_key_of(&watch->windows[watch->slots[at] - 1], key))
        at = (at + 1) & (watch->slot_count - 1);
    return at;
}

static bool grow_slots(struct watch *watch)
{
    uint32_t slot_count = watch->slot_count * 2;
    uint32_t *slots;

    if (slot_count > UINT32_MAX / 4)
        return false;
    slots = calloc(slot_count, sizeof(*slots));
    if (slots == NULL)
        return false;
    for (uint32_t i = 0; i < watch->window_count; i++) {
        uint32_t at = watch->windows[i].hash & (slot_count - 1);

        if (!watch->windows[i].is_used)
            continue;
        while (slots[at] != 0)
            at = (at + 1) & (slot_count - 1);
        slots[at] = i + 1;
    }
    free(watch->slots);
    watch->slots = slots;
    watch->slot_count = slot_count;
    return true;
}

/* Takes a slot out; those behind it that were pushed on move up. */
static void clear_slot(struct watch *watch, uint32_t at)
{
    uint32_t mask = watch->slot_count - 1;
    uint32_t next = at;

    for (;;) {
        next = (next + 1) & mask;
        if (watch->slots[next] == 0)
            break;
        uint32_t home = watch->windows[watch->slots[next] - 1].hash & mask;
        /* Its home lies in (at, next]: it is found without the gap. */
        if (((next - home) & mask) < ((next - at) & mask))
            continue;
        watch->slots[at] = watch->slots[next];
        at = next;
    }
    watch->slots[at] = 0;
}

static uint32_t slot_of_window(const struct watch *watch, uint32_t number)
{
    uint32_t at = watch->windows[number].hash & (watch->slot_count - 1);

    while (watch->slots[at] != number + 1)
        at = (at + 1) & (watch->slot_count - 1);
    return at;
}

static uint32_t take_window(struct watch *watch)
{
    uint32_t number = watch->first_free;

    if (number != no_window) {
        watch->first_free = watch->windows[number].hash;
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

static void forget_seen(struct window *window)
{
    if (window->capacity > 0)
        free(window->seen.many);
    window->seen.many = NULL;
    window->first = window->count = window->capacity = 0;
}

static void free_window(struct window *window)
{
    forget_seen(window);
    if (window->has_domain)
        free(window->key.domain.text);
}

static void give_window_back(struct watch *watch, uint32_t number)
{
    struct window *window = &watch->windows[number];

    free_window(window);
    *window = (struct window){.hash = watch->first_free};
    watch->first_free = number;
}

static char *copy_of(struct slice text)
{
    char *copy = malloc(text.len + 1);

    if (copy != NULL && text.len > 0)
        memcpy(copy, text.ptr, text.len);
    return copy;
}

/* A new window for the key; NULL without memory. */
static struct window *add_window(struct watch *watch,
                                 const struct watch_key *key)
{
    uint32_t number;
    struct window *window;

    if (watch->used_count >= watch->slot_count / 4 * 3 && !grow_slots(watch))
        return NULL;
    number = take_window(watch);
    if (number == no_window)
        return NULL;
    window = &watch->windows[number];
    *window = (struct window){.hash = key->hash,
                              .source_rule = key->source_rule,
                              .is_used = true,
                              .key.base = key->base};
    if (key->domain.len > 0) {
        window->has_domain = true;
        window->key.domain.text = copy_of(key->domain);
        window->key.domain.len = (uint32_t)key->domain.len;
        if (window->key.domain.text == NULL) {
            give_window_back(watch, number);
            return NULL;
        }
    }
    watch->slots[find_slot(watch, key)] = number + 1;
    watch->used_count++;
    return window;
}

static struct window *window_of(struct watch *watch,
                                const struct watch_key *key)
{
    uint32_t number = watch->slots[find_slot(watch, key)];

    return number != 0 ? &watch->windows[number - 1] : add_window(watch, key);
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

static void sweep(struct watch *watch, int64_t now)
{
    uint32_t number = watch->sweep_at;

    for (int i = 0; i < SWEEP_STEPS && watch->window_count > 0; i++) {
        if (number >= watch->window_count)
            number = 0;
        if (is_dead(watch, &watch->windows[number], now)) {
            clear_slot(watch, slot_of_window(watch, number));
            give_window_back(watch, number);
            watch->used_count--;
        }
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
static bool make_room(struct window *window, uint32_t most)
{
    struct seen one = window->seen.one;
    uint32_t capacity;
    struct seen *seen;

    if (window->first + window->count < window->capacity ||
        (window->capacity == 0 && window->count == 0))
        return true;
    /* Moved when at least as many left as stay: each one once. */
    if (window->first > 0 && window->first >= window->count) {
        memmove(window->seen.many, seen_of(window),
                window->count * sizeof(*seen));
        window->first = 0;
        return true;
    }
    capacity = window->capacity == 0 ? FIRST_SEEN : window->capacity * 4;
    if (capacity > 2 * (most + 1))
        capacity = 2 * (most + 1);
    seen = realloc(window->capacity > 0 ? window->seen.many : NULL,
                   capacity * sizeof(*seen));
    if (seen == NULL)
        return false;
    if (window->capacity == 0)
        seen[0] = one;
    window->seen.many = seen;
    window->capacity = (uint16_t)capacity;
    return true;
}

/* Index of that value, or count; what came last is looked at first. */
static uint32_t find_seen(struct window *window, uint64_t what)
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
        if (*time_r - seen[i].time <= rule->window_sec)
            return true;
    }
    return false;
}

/*
 * Counts one thing. A window holds at_least of them, the newest; one more
 * while it is decided, so that a late line counts with what was before the
 * newest.
 */
static bool count_one(struct window *window,
                      const struct rules_source_rule *rule, struct seen one)
{
    uint32_t known;

    if (one.what != 0 &&
        (known = find_seen(window, one.what)) < window->count) {
        int64_t time = seen_of(window)[known].time;

        take_seen(window, known);
        if (time > one.time)
            one.time = time;
    }
    if (!make_room(window, rule->at_least))
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

static bool fire(struct watch *watch, struct window *window, int64_t time)
{
    if (watch->alarm_count == watch->alarm_capacity) {
        size_t capacity =
            watch->alarm_capacity == 0 ? 64 : watch->alarm_capacity * 2;
        struct watch_alarm *alarms =
            realloc(watch->alarms, capacity * sizeof(*alarms));

        if (alarms == NULL)
            return false;
        watch->alarms = alarms;
        watch->alarm_capacity = capacity;
    }
    watch->alarms[watch->alarm_count++] =
        (struct watch_alarm){.source_rule = window->source_rule,
                             .time = time,
                             .domain = domain_of(window)};
    if (!window->has_domain)
        watch->alarms[watch->alarm_count - 1].base = window->key.base;
    forget_seen(window);
    window->has_fired = true;
    return true;
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

static bool note_for_rule(struct watch *watch, unsigned number,
                          const struct watch_event *event)
{
    const struct rules_source_rule *rule = watch->rules[number];
    struct seen one = {event->time, 0};
    uint32_t times = 1;
    struct watch_key key;
    struct window *window;
    int64_t reached;

    if (rule->distinct != 0)
        one.what = event->hashes[rule->distinct - 1];
    else
        times = event->count < rule->at_least ? event->count : rule->at_least;
    if (rule->distinct != 0 && one.what == 0)
        return true;
    if (!make_key(watch, (uint16_t)number, rule, event, &key)) {
        if (rule->by == COUNT_BY_NETWORK)
            settle(event, number, rule);
        return true;
    }
    window = window_of(watch, &key);
    if (window == NULL)
        return false;
    if (window->has_fired)
        settle(event, number, rule);
    for (uint32_t i = 0; i < times && !window->has_fired; i++) {
        if (!count_one(window, rule, one))
            return false;
        if (is_reached(window, rule, &reached))
            return fire(watch, window, reached);
        trim(window, rule, event->time);
    }
    return true;
}

/* Bit per rule that counts one of these events. */
static uint64_t rules_counting(const struct watch *watch, uint64_t events)
{
    uint64_t rules = 0;

    for (; events != 0; events &= events - 1)
        rules |= watch->counting[__builtin_ctzll(events)];
    return rules;
}

bool watch_note(struct watch *watch, const struct watch_event *event)
{
    uint64_t rules =
        rules_counting(watch, event->events) & ~settled_rules(event);
    bool is_noted = true;

    for (; rules != 0; rules &= rules - 1) {
        unsigned number = (unsigned)__builtin_ctzll(rules);
        uint32_t used = watch->used_count;

        is_noted &= note_for_rule(watch, number, event);
        if (watch->used_count > used)
            sweep(watch, event->time);
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
        for (uint64_t events = watch->rules[i]->events; events != 0;
             events &= events - 1)
            watch->counting[__builtin_ctzll(events)] |= UINT64_C(1) << i;
    }
    watch->slot_count = FIRST_SLOTS;
    watch->slots = calloc(watch->slot_count, sizeof(*watch->slots));
    if (watch->slots == NULL) {
        watch_free(watch);
        return NULL;
    }
    return watch;
}

void watch_free(struct watch *watch)
{
    if (watch == NULL)
        return;
    for (uint32_t i = 0; i < watch->window_count; i++)
        free_window(&watch->windows[i]);
    free(watch->windows);
    free(watch->slots);
    free(watch->alarms);
    free(watch);
}
