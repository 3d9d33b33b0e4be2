#include "qscan/sources.h"

#include <stdlib.h>

#include "parsers/address.h"
#include "parsers/array.h"
#include "parsers/bytes.h"
#include "parsers/hash.h"
#include "qscan/logrecord.h"

enum {
    SLOTS_MIN = 1 << 12,
    REACHED_ROWS_MAX = 1 << 24, /* in the bits of their number */
    REACHED_MORE_MAX = 255
};

/* ---- the table ---- */

uint64_t source_hash(const uint64_t key[2], const struct ip *ip)
{
    uint64_t hash = keyed_hash(key, ip_bytes(ip));

    return hash == 0 ? 1 : hash;
}

/* A line that repeats, by its own word, four thousand million times does not
 * bring a count back to nought. */
static uint32_t add_up(uint32_t sum, uint32_t count)
{
    return count > UINT32_MAX - sum ? UINT32_MAX : sum + count;
}

static uint32_t *slot_of(const struct sources *sources, const struct ip *ip,
                         uint64_t hash)
{
    uint32_t at = (uint32_t)hash & (sources->slot_count - 1);

    while (sources->slots[at] != 0 &&
           memcmp(&sources->items[sources->slots[at]].ip, ip, sizeof(*ip)) != 0)
        at = (at + 1) & (sources->slot_count - 1);
    return &sources->slots[at];
}

static bool grow_slots(struct sources *sources)
{
    uint32_t *old = sources->slots;
    uint32_t count = sources->slot_count * 2;

    sources->slots = calloc(count, sizeof(*sources->slots));
    if (sources->slots == NULL) {
        sources->slots = old;
        return false;
    }
    sources->slot_count = count;
    free(old);
    for (uint32_t i = 1; i < sources->count; i++)
        *slot_of(sources, &sources->items[i].ip,
                 source_hash(sources->key, &sources->items[i].ip)) = i;
    return true;
}

/* Room for one more row. Large tables are grown in place: no need to grow by
 * much. NULL: no memory. */
static void *with_room(void *rows, uint32_t count, uint32_t *capacity,
                       size_t row_bytes)
{
    uint32_t wanted = *capacity + *capacity / 8 + 1024;

    if (count < *capacity)
        return rows;
    rows = realloc(rows, wanted * row_bytes);
    if (rows != NULL)
        *capacity = wanted;
    return rows;
}

static bool has_row_free(struct sources *sources)
{
    struct source *items = with_room(sources->items, sources->count,
                                     &sources->capacity, sizeof(*items));

    if (items != NULL)
        sources->items = items;
    return items != NULL;
}

static bool add_more(struct sources *sources)
{
    struct source_more *mores =
        with_room(sources->mores, sources->more_count, &sources->more_capacity,
                  sizeof(*mores));

    if (mores == NULL)
        return false;
    sources->mores = mores;
    mores[sources->more_count++] = (struct source_more){.texts = 0};
    return true;
}

static bool add_texts(struct sources *sources)
{
    struct source_texts *texts =
        with_room(sources->texts, sources->text_count, &sources->text_capacity,
                  sizeof(*texts));

    if (texts == NULL)
        return false;
    sources->texts = texts;
    texts[sources->text_count++] = (struct source_texts){.sample_count = 0};
    return true;
}

static bool add_mail(struct sources *sources)
{
    struct source_mail *mails =
        with_room(sources->mails, sources->mail_count, &sources->mail_capacity,
                  sizeof(*mails));

    if (mails == NULL)
        return false;
    sources->mails = mails;
    mails[sources->mail_count++] = (struct source_mail){.bytes = 0};
    return true;
}

static bool add_told_apart(struct sources *sources)
{
    struct source_reached *reached =
        sources->reached_count == REACHED_ROWS_MAX
            ? NULL
            : with_room(sources->reached, sources->reached_count,
                        &sources->reached_capacity, sizeof(*reached));

    if (reached == NULL)
        return false;
    sources->reached = reached;
    reached[sources->reached_count++] = (struct source_reached){.count = 0};
    return true;
}

/* Rows number 0. */
static bool add_zeros(struct sources *sources)
{
    if (!has_row_free(sources) || !add_more(sources) || !add_texts(sources) ||
        !add_mail(sources) || !add_told_apart(sources))
        return false;
    sources->items[0] = (struct source){.more = 0};
    sources->count = 1;
    return true;
}

bool sources_init(struct sources *sources, const struct rules *rules,
                  const uint64_t key[2])
{
    size_t guess = rules_event_find(rules, "unknown-user");
    size_t denied = rules_event_find(rules, "relay-denied");

    *sources = (struct sources){
        .rules = rules, .key = {key[0], key[1]}, .slot_count = SLOTS_MIN};
    if (guess < RULES_EVENTS_MAX)
        sources->guess_bit = UINT64_C(1) << guess;
    if (denied < RULES_EVENTS_MAX)
        sources->denied_bit = UINT64_C(1) << denied;
    sources->domain_events = sources->guess_bit;
    for (size_t i = 0; i < rules_source_rule_count(rules); i++)
        if (rules_source_rule(rules, i)->by == COUNT_BY_DOMAIN)
            sources->domain_events |= rules_source_rule(rules, i)->events;
    sources->watch = watch_new(rules, key);
    sources->matcher = rules_matcher_new(rules);
    sources->slots = calloc(SLOTS_MIN, sizeof(*sources->slots));
    return sources->watch != NULL && sources->matcher != NULL &&
           sources->slots != NULL && add_zeros(sources) &&
           names_init(&sources->names, &sources->arena, key) &&
           intern_init(&sources->domains, &sources->arena, key) &&
           intern_init(&sources->samples, &sources->arena, key) &&
           intern_init(&sources->log_hosts, &sources->arena, key);
}

static void free_guess_list(struct guess_list *list)
{
    hash_set_free(&list->all);
    free(list);
}

/* What the row of a source owns. */
static void free_owned(struct sources *sources, const struct source *source)
{
    struct source_more *more = &sources->mores[source->more];

    if (source_guess_list(sources, source) != NULL)
        free_guess_list(more->guesses.far);
    if (more->domain_capacity > 0)
        free(more->domains.far);
}

void sources_free(struct sources *sources)
{
    for (uint32_t i = 1; i < sources->count; i++)
        free_owned(sources, &sources->items[i]);
    for (size_t i = 0; i < sources->attacker_count; i++)
        free(sources->attackers[i].members);
    free(sources->items);
    free(sources->mores);
    free(sources->texts);
    free(sources->mails);
    free(sources->reached);
    free(sources->tries.items);
    free(sources->try_domains.items);
    free(sources->denials.items);
    free(sources->denied_senders.items);
    hash_set_free(&sources->users);
    free(sources->slots);
    free(sources->targets);
    free(sources->evidence);
    free(sources->attackers);
    free(sources->spared);
    names_free(&sources->names);
    intern_free(&sources->domains);
    intern_free(&sources->samples);
    intern_free(&sources->log_hosts);
    arena_free(&sources->arena);
    if (sources->watch != NULL)
        watch_free(sources->watch);
    if (sources->matcher != NULL)
        rules_matcher_free(sources->matcher);
    *sources = (struct sources){0};
}

static uint32_t remember_hash(struct sources *sources, uint32_t number,
                              uint64_t hash)
{
    sources->last_source = number;
    sources->last_source_hash = hash;
    return number;
}

/* Events of a source come after the line that names it. */
static uint64_t hash_again(struct sources *sources, uint32_t number)
{
    if (sources->last_source != number)
        remember_hash(sources, number,
                      source_hash(sources->key, &sources->items[number].ip));
    return sources->last_source_hash;
}

uint32_t sources_add(struct sources *sources, const struct ip *ip,
                     uint64_t hash)
{
    uint32_t *slot = slot_of(sources, ip, hash);

    if (*slot != 0)
        return remember_hash(sources, *slot, hash);
    if (!has_row_free(sources) ||
        (sources->count * UINT64_C(4) >= sources->slot_count * UINT64_C(3) &&
         !grow_slots(sources))) {
        sources->has_failed = true;
        return 0;
    }
    slot = slot_of(sources, ip, hash);
    *slot = sources->count;
    memset(&sources->items[sources->count], 0, sizeof(struct source));
    sources->items[sources->count].ip = *ip;
    return remember_hash(sources, sources->count++, hash);
}

/* ---- domains ---- */

/* Its number in domains. Mostly the same one is guessed at again. */
static uint32_t domain_number(struct sources *sources, struct slice domain)
{
    if (!slice_equal(sources->last_domain_text, domain)) {
        uint64_t hash = keyed_hash(sources->key, domain);

        sources->last_domain =
            intern_add_prefetched(&sources->domains, domain, (uint32_t)hash);
        sources->last_domain_hash = hash | 1;
        sources->last_domain_text =
            intern_text(&sources->domains, sources->last_domain);
    }
    return sources->last_domain;
}

/* ---- a few of each source ---- */

static void add_pair(struct sources *sources, struct source_pairs *pairs,
                     uint32_t source, uint32_t what)
{
    struct source_pair *items = array_with_room(
        pairs->items, pairs->count, &pairs->capacity, sizeof(*items));

    if (items == NULL) {
        sources->has_failed = true;
        return;
    }
    pairs->items = items;
    items[pairs->count++] = (struct source_pair){source, what};
}

static int order_pairs(const void *left, const void *right)
{
    const struct source_pair *a = left, *b = right;

    if (a->source != b->source)
        return a->source < b->source ? -1 : 1;
    return (a->what > b->what) - (a->what < b->what);
}

void source_pairs_sort(struct source_pairs *pairs)
{
    struct source_pair *items = pairs->items;
    size_t kept = 0;

    if (pairs->count == 0)
        return;
    qsort(items, pairs->count, sizeof(*items), order_pairs);
    for (size_t i = 1; i < pairs->count; i++)
        if (order_pairs(&items[i], &items[kept]) != 0)
            items[++kept] = items[i];
    pairs->count = kept + 1;
}

const struct source_pair *source_pairs_find(const struct source_pairs *pairs,
                                            uint32_t source, size_t *count_r)
{
    size_t low = 0, high = pairs->count, end;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (pairs->items[middle].source < source)
            low = middle + 1;
        else
            high = middle;
    }
    for (end = low; end < pairs->count && pairs->items[end].source == source;)
        end++;
    *count_r = end - low;
    return *count_r == 0 ? NULL : &pairs->items[low];
}

/* ---- what is known of one ---- */

/* To be written; NULL without memory. Good until the next one is added. */
static struct source_more *more_of(struct sources *sources,
                                   struct source *source)
{
    if (source->more == 0) {
        if (!add_more(sources)) {
            sources->has_failed = true;
            return NULL;
        }
        source->more = sources->more_count - 1;
    }
    return &sources->mores[source->more];
}

static struct source_texts *texts_of(struct sources *sources,
                                     struct source *source)
{
    struct source_more *more = more_of(sources, source);

    if (more == NULL)
        return NULL;
    if (more->texts == 0) {
        if (!add_texts(sources)) {
            sources->has_failed = true;
            return NULL;
        }
        more->texts = sources->text_count - 1;
    }
    return &sources->texts[more->texts];
}

/* Without memory the row of zeros is not to be written either: one that is
 * lost. */
static struct source_mail *mail_of(struct sources *sources,
                                   struct source *source)
{
    if (source->mail == 0) {
        if (!add_mail(sources)) {
            sources->has_failed = true;
            return &sources->lost_mail;
        }
        source->mail = sources->mail_count - 1;
    }
    return &sources->mails[source->mail];
}

static void touch(struct source *source, int64_t time)
{
    uint32_t sec = time < 0            ? 0
                   : time > UINT32_MAX ? UINT32_MAX
                                       : (uint32_t)time;

    if (source->first == 0 || sec < source->first)
        source->first = sec;
    if (sec > source->last)
        source->last = sec;
}

static bool has_further_name(const struct sources *sources,
                             const struct source_texts *texts,
                             struct slice name)
{
    char room[NAMES_TEXT_MAX];

    for (unsigned i = 0; i < texts->name_count; i++)
        if (slice_equal(names_text(&sources->names, texts->names[i], room),
                        slice_head(name, NAMES_TEXT_MAX)))
            return true;
    return false;
}

static void add_further_name(struct sources *sources, struct source *source,
                             struct slice name)
{
    struct source_texts *texts;

    if (has_further_name(sources, source_texts(sources, source), name))
        return;
    texts = texts_of(sources, source);
    if (texts != NULL)
        texts->names[texts->name_count++] = names_add(&sources->names, name);
}

void sources_name(struct sources *sources, uint32_t number, struct slice name,
                  uint64_t hash, bool is_forged)
{
    struct source *source = &sources->items[number];
    uint64_t kept = hash & ((UINT64_C(1) << SOURCE_NAME_BITS) - 1);

    if (is_forged)
        source->has_forged_name = true;
    if (name.len == 0 || is_forged)
        return;
    /* It is nearly always the same. */
    if (source->name != NAMES_NONE && source->name_hash == kept)
        return;
    if (source->name == NAMES_NONE) {
        source->name = names_add(&sources->names, name);
        source->name_hash = kept;
        return;
    }
    /* Whoever changes it all the time is not followed. */
    if (source_texts(sources, source)->name_count < SOURCE_NAMES_MAX)
        add_further_name(sources, source, name);
}

static struct target_domain *target_of(struct sources *sources, uint32_t domain)
{
    if (domain >= sources->target_capacity) {
        uint32_t capacity = domain + domain / 2 + 64;
        struct target_domain *grown =
            realloc(sources->targets, capacity * sizeof(*grown));

        if (grown == NULL) {
            sources->has_failed = true;
            return NULL;
        }
        memset(grown + sources->target_capacity, 0,
               (capacity - sources->target_capacity) * sizeof(*grown));
        sources->targets = grown;
        sources->target_capacity = capacity;
    }
    return &sources->targets[domain];
}

static void note_sender_domain(struct source *source, uint32_t hash)
{
    uint32_t kept = source_sender_domain(hash);

    if (source->sender_domain == 0)
        source->sender_domain = kept;
    else if (source->sender_domain != kept)
        source->has_sender_domains = true;
}

/* The denial comes first: a from line is written when the envelope ends. */
bool sources_wants_sender(const struct sources *sources, uint32_t number)
{
    const struct source *source = &sources->items[number];

    return (source->events & sources->denied_bit) != 0 &&
           source->attempts >= DENIED_MIN &&
           source->senders < DENIED_SENDERS_MAX;
}

void sources_note_sender(struct sources *sources, uint32_t number,
                         uint32_t sender, struct slice domain)
{
    struct source_pair one = {number, sender};
    struct source_pair *recent =
        &sources->recent_senders[number % DENIED_SENDERS_RECENT];

    if (sender == 0 || order_pairs(recent, &one) == 0)
        return;
    /* one of ours, for which no guess was seen, perhaps */
    if (rules_list_has(sources->rules, "our-domains", domain))
        (void)domain_number(sources, domain);
    if (sources->denied_senders.count == KEPT_MAX) {
        sources->has_lost_senders = true;
        return;
    }
    *recent = one;
    add_pair(sources, &sources->denied_senders, number, sender);
}

void sources_note_envelope(struct sources *sources, uint32_t number,
                           const struct source_envelope *envelope)
{
    struct source *source = &sources->items[number];
    struct source_mail *mail;

    touch(source, envelope->time);
    source->senders++;
    source->own_senders += envelope->is_own_sender;
    source->null_senders += envelope->is_null_sender;
    if (envelope->sender_domain != 0)
        note_sender_domain(source, envelope->sender_domain);
    source->attempts = add_up(source->attempts, envelope->recipients);
    if (envelope->recipients == 0)
        return;
    mail = mail_of(sources, source);
    mail->accepted = add_up(mail->accepted, envelope->recipients);
    if (envelope->bytes <= 0)
        return;
    mail->messages++;
    mail->mailed = add_up(mail->mailed, envelope->recipients);
    mail->bytes += (uint64_t)envelope->bytes;
}

void sources_note_untaken(struct sources *sources, uint32_t number,
                          uint32_t recipients)
{
    struct source_mail *mail = mail_of(sources, &sources->items[number]);

    mail->messages -= mail->messages > 0;
    mail->mailed -= recipients < mail->mailed ? recipients : mail->mailed;
}

void sources_note_bounce(struct sources *sources, uint32_t number)
{
    mail_of(sources, &sources->items[number])->bounces++;
}

void sources_note_hop(struct sources *sources, uint32_t number,
                      struct slice domain, bool is_taken)
{
    struct source_mail *mail = mail_of(sources, &sources->items[number]);
    uint32_t interned;

    mail->taken += is_taken;
    if (domain.len == 0)
        return;
    interned = domain_number(sources, domain);
    for (unsigned i = 0; i < 2; i++) {
        if (mail->hop_domains[i] == interned)
            return;
        if (mail->hop_domains[i] == 0) {
            mail->hop_domains[i] = interned;
            return;
        }
    }
}

/* Only half the samples: guesses say more. */
static void add_reached(struct sources *sources, struct source *source,
                        struct slice recipient)
{
    struct source_texts *texts;
    uint32_t number;

    if (sources->samples.count >= SAMPLES_MAX / 2)
        return;
    texts = texts_of(sources, source);
    number = intern_add(&sources->samples, recipient);
    if (texts == NULL || number == INTERN_NONE)
        return;
    for (unsigned i = 0; i < texts->reached_count; i++)
        if (texts->reached[i] == number)
            return;
    texts->reached[texts->reached_count++] = number;
}

/* False without memory: it is not told apart then. */
static bool tell_apart(struct sources *sources, struct source_mail *mail,
                       struct slice recipient)
{
    uint64_t hash = keyed_hash(sources->key, recipient);
    uint32_t half = (uint32_t)(hash ^ hash >> 32);
    struct source_reached *reached;

    if (mail->reached == 0) {
        if (!add_told_apart(sources))
            return false;
        mail->reached = (sources->reached_count - 1) & (REACHED_ROWS_MAX - 1);
    }
    reached = &sources->reached[mail->reached];
    for (uint32_t i = 0; i < reached->count; i++)
        if (reached->recipients[i] == half)
            return true;
    if (reached->count < SOURCE_TOLD_APART_MAX)
        reached->recipients[reached->count++] = half;
    return true;
}

/* Of so many one is told of, unless it is absent. */
static void note_reached(struct sources *sources, struct source_mail *mail,
                         uint32_t count, struct slice recipient)
{
    uint32_t more = mail->reached_more +
                    (count < REACHED_MORE_MAX ? count : REACHED_MORE_MAX);

    if (recipient.len > 0 && count > 0 && tell_apart(sources, mail, recipient))
        more--;
    mail->reached_more =
        more < REACHED_MORE_MAX ? (uint8_t)more : REACHED_MORE_MAX;
}

void sources_note_delivery(struct sources *sources, uint32_t number,
                           uint32_t count, struct slice recipient)
{
    struct source *source = &sources->items[number];
    struct source_mail *mail = mail_of(sources, source);
    bool is_kept = source->guesses > 1 && recipient.len > 0;

    mail->delivered = add_up(mail->delivered, count);
    note_reached(sources, mail, count,
                 is_kept ? recipient : (struct slice){NULL, 0});
    if (is_kept &&
        source_texts(sources, source)->reached_count < SOURCE_REACHED_MAX)
        add_reached(sources, source, recipient);
}

/* ---- guesses ---- */

/* The first bytes as a number, in the order of the alphabet. */
static uint64_t prefix_of(struct slice text)
{
    bytes16 block = bytes16_load_short(slice_head(text, 8));

    return __builtin_bswap64(bytes_word((const char *)&block));
}

static bool has_room_for_domain(struct source_more *more)
{
    bool is_far = more->domain_capacity > 0;
    unsigned capacity = is_far ? more->domain_capacity : SOURCE_DOMAINS_NEAR;
    struct source_domain *grown;

    if (more->domain_count < capacity)
        return true;
    if (capacity == SOURCE_DOMAINS_MAX)
        return false;
    /* odd numbers, which malloc has room for without more */
    capacity = is_far ? 2 * capacity + 1 : SOURCE_DOMAINS_NEAR + 1;
    if (capacity > SOURCE_DOMAINS_MAX)
        capacity = SOURCE_DOMAINS_MAX;
    grown =
        realloc(is_far ? more->domains.far : NULL, capacity * sizeof(*grown));
    if (grown == NULL)
        return false;
    if (!is_far)
        memcpy(grown, more->domains.near, sizeof(more->domains.near));
    more->domains.far = grown;
    more->domain_capacity = (uint8_t)capacity;
    return true;
}

static struct source_domain *own_domains(struct source_more *more)
{
    return more->domain_capacity > 0 ? more->domains.far : more->domains.near;
}

/* True when the domain is a new one. */
static bool add_domain(struct source_more *more, uint32_t domain)
{
    struct source_domain *domains = own_domains(more);

    for (unsigned i = 0; i < more->domain_count; i++) {
        if (domains[i].domain == domain) {
            domains[i].guesses++;
            return false;
        }
    }
    if (!has_room_for_domain(more))
        return false;
    own_domains(more)[more->domain_count++] = (struct source_domain){domain, 1};
    return true;
}

/* Counts the domain of a refused recipient; what the first one left in the
 * source itself goes on in more. */
static void note_domain(const struct sources *sources, struct source *source,
                        struct source_more *more, uint32_t domain,
                        struct target_domain *target,
                        const struct source_event *event)
{
    bool is_new = source->guess_domain == 0;

    if (more != NULL && more->domain_count == 0 && !is_new)
        add_domain(more, source->guess_domain);
    if (more != NULL)
        is_new = add_domain(more, domain);
    if (source->guess_domain == 0)
        source->guess_domain = domain;
    if ((event->events & sources->guess_bit) == 0)
        return;
    /* A user of ours who mistypes says nothing of whose domain it is. */
    if (sources_is_outbound(sources, source, event))
        return;
    target->guesses = add_up(target->guesses, event->count);
    target->guess_sources += is_new && !source_is_client(sources, source);
}

/* Of what stands in the row, and one more; NULL without memory. */
static struct guess_list *make_list(const struct source *source,
                                    const struct source_more *more,
                                    uint64_t hash)
{
    struct guess_list *list = calloc(1, sizeof(*list));
    bool is_done = list != NULL && hash_set_add(&list->all, hash) >= 0 &&
                   hash_set_add(&list->all, source->guess) >= 0;

    for (unsigned i = 0; i < SOURCE_GUESSES_NEAR; i++)
        is_done =
            is_done && hash_set_add(&list->all, more->guesses.near[i]) >= 0;
    if (!is_done && list != NULL) {
        free_guess_list(list);
        list = NULL;
    }
    return list;
}

/* To few others. True when the recipient is a new one. */
static bool add_near(struct sources *sources, struct source *source,
                     struct source_more *more, uint64_t hash)
{
    unsigned near_count = source->guesses - 1u;
    struct guess_list *list;

    for (unsigned i = 0; i < near_count; i++)
        if (more->guesses.near[i] == hash)
            return false;
    if (near_count == SOURCE_GUESSES_NEAR) {
        list = make_list(source, more, hash);
        if (list == NULL) {
            sources->has_failed = true;
            return false;
        }
        more->guesses.far = list;
    } else {
        more->guesses.near[near_count] = hash;
    }
    source->guesses++;
    return true;
}

/* True when the recipient is a new one. */
static bool add_distinct(struct sources *sources, struct source *source,
                         struct source_more *more, uint64_t hash)
{
    int outcome;

    if (source->guesses == 0) {
        source->guess = hash;
        source->guesses = 1;
        return true;
    }
    if (source->guess == hash || more == NULL)
        return false;
    if (source->guesses <= SOURCE_GUESSES_NEAR + 1)
        return add_near(sources, source, more, hash);
    if (source->guesses >= GUESSES_MAX) {
        if (!hash_set_has(&more->guesses.far->all, hash))
            source->has_more_guesses = true;
        return false;
    }
    outcome = hash_set_add(&more->guesses.far->all, hash);
    if (outcome < 0)
        sources->has_failed = true;
    source->guesses += outcome > 0;
    return outcome > 0;
}

/* By the hash at hand, where it is that of the text: a guess that waited may
 * have been too long to keep. */
static uint32_t sample_number(struct sources *sources,
                              const struct source_event *event)
{
    return event->recipient.len == 0
               ? intern_add(&sources->samples, event->recipient)
               : intern_add_prefetched(&sources->samples, event->recipient,
                                       (uint32_t)event->recipient_hash);
}

/* Of a list that is gone through by the alphabet each follows the last. */
static void note_order(struct guess_list *list, struct slice recipient)
{
    uint64_t prefix = prefix_of(recipient);

    if (list->has_last) {
        list->compared++;
        list->ascending += prefix >= list->last_prefix;
    }
    list->last_prefix = prefix;
    list->has_last = true;
}

static void add_sample(struct sources *sources, struct source *source,
                       struct source_more *more,
                       const struct source_event *event)
{
    bool has_room = sources->samples.count < SAMPLES_MAX;
    struct source_texts *texts;

    if (source->guesses == 1) {
        if (has_room)
            source->guess_sample =
                sample_number(sources, event) & (SAMPLES_MAX - 1);
        return;
    }
    if (source_guess_list(sources, source) != NULL)
        note_order(more->guesses.far, event->recipient);
    if (!has_room ||
        source_texts(sources, source)->sample_count == SOURCE_SAMPLES_MAX)
        return;
    texts = texts_of(sources, source);
    if (texts != NULL)
        texts->samples[texts->sample_count++] = sample_number(sources, event);
}

/* A recipient was refused: perhaps one that does not exist. */
static void note_recipient(struct sources *sources, struct source *source,
                           uint32_t domain, struct target_domain *target,
                           const struct source_event *event)
{
    bool is_guess = (event->events & sources->guess_bit) != 0;
    bool is_further = is_guess && source->guesses > 0 &&
                      source->guess != event->recipient_hash;
    struct source_more *more =
        is_further || source->more != 0 ? more_of(sources, source) : NULL;

    if (target != NULL)
        note_domain(sources, source, more, domain, target, event);
    if (!is_guess)
        return;
    source->guess_events = add_up(source->guess_events, event->count);
    if (event->recipient_hash != 0 &&
        add_distinct(sources, source, more, event->recipient_hash))
        add_sample(sources, source, more, event);
    if (event->is_late) {
        struct source_mail *mail = mail_of(sources, source);

        mail->late_unknown = add_up(mail->late_unknown, event->count);
    }
}

/* ---- alarms ---- */

/* same: of another alarm by that line; or NULL. */
static bool keep_text(struct sources *sources, struct evidence *evidence,
                      const struct evidence *same, struct slice text)
{
    size_t len = text.len < EVIDENCE_MAX_BYTES ? text.len : EVIDENCE_MAX_BYTES;

    evidence->len = (uint32_t)len;
    if (len == 0)
        return true;
    evidence->text =
        same != NULL ? same->text : arena_alloc(&sources->arena, len);
    if (evidence->text == NULL)
        return false;
    if (same == NULL)
        memcpy(evidence->text, text.ptr, len);
    return true;
}

static bool keep_evidence(struct sources *sources, uint32_t number,
                          const struct source_event *event, bool is_another)
{
    struct evidence *evidence =
        array_with_room(sources->evidence, sources->evidence_count,
                        &sources->evidence_capacity, sizeof(*evidence));

    if (evidence == NULL)
        return false;
    sources->evidence = evidence;
    evidence += sources->evidence_count++;
    *evidence = (struct evidence){
        .file = event->file, .source = number, .line = event->line};
    return keep_text(sources, evidence, is_another ? evidence - 1 : NULL,
                     event->text);
}

/* Whose logins the alarm of the newest evidence is about. */
static bool keep_user(struct sources *sources, const struct watch_alarm *alarm,
                      const struct source_event *event)
{
    struct evidence *evidence = &sources->evidence[sources->evidence_count - 1];
    struct slice user = event->recipient;

    if (alarm->source_count == 0)
        return true;
    evidence->user =
        intern_add(&sources->samples, user.len > 0 ? user : SLICE_LITERAL("?"));
    return evidence->user != INTERN_NONE;
}

/* target: of the domain, or NULL. */
static void watch_event(struct sources *sources, uint32_t number,
                        struct target_domain *target,
                        const struct source_event *event)
{
    struct source *source = &sources->items[number];
    const struct watch_alarm *alarms;
    size_t first = sources->evidence_count;
    struct watch_event seen = {
        .events = event->events,
        .time = event->time,
        .source = source->ip,
        .source_number = number,
        .domain = event->domain,
        .hashes = {[WATCH_RECIPIENT] = event->recipient_hash,
                   [WATCH_SENDER] = event->sender_hash,
                   [WATCH_USER] = event->user_hash,
                   [WATCH_SOURCE] = hash_again(sources, number)},
        .count = event->count,
        .source_settled = &source->settled,
        .domain_settled = target == NULL ? NULL : &target->settled};

    if (event->domain.len > 0)
        seen.hashes[WATCH_DOMAIN] = sources->last_domain_hash;
    if (!watch_note(sources->watch, &seen))
        sources->has_failed = true;
    while (sources->evidence_count < watch_alarms(sources->watch, &alarms))
        if (!keep_evidence(sources, number, event,
                           sources->evidence_count > first) ||
            !keep_user(sources, &alarms[sources->evidence_count - 1], event)) {
            sources->has_failed = true;
            return;
        }
}

/* ---- what it did ---- */

static void note_denial(struct sources *sources, uint32_t number,
                        uint32_t domain)
{
    struct source *source = &sources->items[number];
    struct source_pairs *denials = &sources->denials;
    struct source_pair one = {number, domain};

    if (denials->count > 0 &&
        order_pairs(&denials->items[denials->count - 1], &one) == 0)
        return;
    if (source->attempts > DENIALS_MAX || denials->count == KEPT_MAX)
        source->has_more_denials = true;
    else
        add_pair(sources, denials, number, domain);
}

void sources_note(struct sources *sources, uint32_t number,
                  const struct source_event *event)
{
    struct source *source = &sources->items[number];
    struct target_domain *target = NULL;
    uint32_t domain = INTERN_NONE;

    touch(source, event->time);
    source->events |= event->events;
    if (event->is_refusal || event->is_probe)
        source->attempts = add_up(source->attempts, event->count);
    if (event->events == 0)
        return;
    if (event->domain.len > 0)
        domain = domain_number(sources, event->domain);
    if (domain != INTERN_NONE && (event->events & sources->domain_events) != 0)
        target = target_of(sources, domain);
    if (domain != INTERN_NONE && (event->events & sources->denied_bit) != 0)
        note_denial(sources, number, domain);
    note_recipient(sources, source, domain, target, event);
    watch_event(sources, number, target, event);
}

/* Of so many recipients those that were not found to be unknown later. */
static uint32_t without_unknown(const struct source_mail *mail, uint32_t count)
{
    return count > mail->late_unknown ? count - mail->late_unknown : 0;
}

uint32_t source_real_recipients(const struct sources *sources,
                                const struct source *source)
{
    const struct source_mail *mail = source_mail(sources, source);

    return without_unknown(mail, mail->accepted);
}

uint32_t source_mailed_recipients(const struct sources *sources,
                                  const struct source *source)
{
    const struct source_mail *mail = source_mail(sources, source);

    return without_unknown(mail, mail->mailed);
}

bool source_is_client(const struct sources *sources,
                      const struct source *source)
{
    return source_mail(sources, source)->logins > 0 ||
           ip_is_private(&source->ip);
}

bool sources_is_outbound(const struct sources *sources,
                         const struct source *source,
                         const struct source_event *event)
{
    return event->is_late && source_is_client(sources, source);
}

uint32_t source_outside_recipients(const struct sources *sources,
                                   const struct source *source)
{
    uint32_t mailed = source_mailed_recipients(sources, source);

    return mailed > 0 && !source_is_client(sources, source) ? mailed : 0;
}

unsigned source_reached(const struct sources *sources,
                        const struct source *source)
{
    const struct source_mail *mail = source_mail(sources, source);

    return sources->reached[mail->reached].count + mail->reached_more;
}

bool source_guesses_are_exact(const struct source *source)
{
    return !source->has_more_guesses;
}

void sources_note_log_host(struct sources *sources, struct slice name)
{
    char lower[256];

    intern_add(&sources->log_hosts,
               record_lower(slice_head(name, sizeof(lower)), lower));
}

/* A set has its elements where their first bits say. */
static uint64_t user_key(uint32_t part)
{
    return (uint64_t)part << 32;
}

bool sources_has_user(const struct sources *sources, uint32_t part)
{
    return hash_set_has(&sources->users, user_key(part));
}

static void note_good_user(struct sources *sources, uint32_t number,
                           uint64_t hash)
{
    struct source_texts *texts = texts_of(sources, &sources->items[number]);

    if (hash_set_add(&sources->users, user_key((uint32_t)hash)) < 0)
        sources->has_failed = true;
    if (texts == NULL)
        return;
    for (unsigned i = 0; i < texts->user_count; i++)
        if (texts->users[i] == (uint32_t)hash)
            return;
    if (texts->user_count < SOURCE_USERS_MAX)
        texts->users[texts->user_count++] = (uint32_t)hash;
}

static void note_try(struct sources *sources, uint32_t number, uint64_t hash,
                     uint32_t domain)
{
    const struct source *source = &sources->items[number];

    if (source_mail(sources, source)->login_failures > TRIES_MAX ||
        sources->tries.count >= KEPT_MAX)
        return;
    add_pair(sources, &sources->tries, number, (uint32_t)hash);
    if (domain != 0)
        add_pair(sources, &sources->try_domains, number, domain);
}

void sources_note_user(struct sources *sources, uint32_t number, bool is_good,
                       uint64_t hash, uint32_t domain)
{
    if (is_good)
        note_good_user(sources, number, hash);
    else
        note_try(sources, number, hash, domain);
}

void sources_note_login(struct sources *sources, uint32_t number, bool is_good,
                        int64_t time, uint32_t count)
{
    struct source_mail *mail = mail_of(sources, &sources->items[number]);
    uint32_t *logins = is_good ? &mail->logins : &mail->login_failures;

    touch(&sources->items[number], time);
    *logins = add_up(*logins, count);
}
