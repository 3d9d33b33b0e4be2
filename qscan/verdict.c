/* Who is hostile: the alarms of the watch held against what is known of each
 * source when all lines were read. */
#include <stdlib.h>

#include "parsers/address.h"
#include "parsers/array.h"
#include "parsers/hostname.h"
#include "qscan/shares.h"
#include "qscan/sourcefacts.h"

enum { MUCH_SHARE = 10 }; /* of the mail: worth a question */

static const uint64_t one_bit = 1;

struct judge {
    struct sources *sources;
    struct source_facts facts;
    const struct watch_alarm *alarms;
    size_t alarm_count;
    /* of facts.by_ip, those who guessed at domain d: guessers[guessers_at[d]]
     * up to guessers_at[d + 1]; of domains without an alarm: none */
    uint32_t *guessers, *guessers_at;
    uint32_t *crowd_of; /* by source: the first crowd of it, from 1 */
    uint8_t *named;     /* bit per source: an attacker or member of one */
    uint32_t *alarm_of; /* by source: the first alarm by a line of it, from 1 */
    /* the source that is asked about */
    uint32_t source;
    size_t member_count;  /* 0: no crowd */
    size_t network_count; /* that the members are in */
    uint32_t *firsts;     /* of the members, in order; while they are pruned */
    size_t first_count;
    size_t bystander_count;
    enum rules_field_id field; /* that a rule asked for last */
    char name[NAMES_TEXT_MAX];
    struct field_value values[2];
    unsigned next_value;
    /* its address, which rules ask for in each of their lists */
    char address[ADDRESS_IP_TEXT_MAX];
    size_t address_len;
    uint32_t address_source; /* whose it is; 0: nobody's */
    bool has_failed;
};

/* ---- what the rules ask for ---- */

static void give_text(struct judge *judge, struct slice text,
                      struct field_view *view_r)
{
    struct field_value *value = &judge->values[judge->next_value++ & 1];

    *value = (struct field_value){.text = text};
    *view_r = (struct field_view){FIELD_PRESENT, value, 1};
}

/* How many of the members' firsts lie before that moment. */
static size_t firsts_before(const struct judge *judge, int64_t time)
{
    size_t low = 0, high = judge->first_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (judge->firsts[middle] < time)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Members that were first seen within a day of this one. */
static size_t count_near(const struct judge *judge, const struct source *source)
{
    enum { NEAR_SEC = 24 * 3600 };
    int64_t first = source->first;

    return firsts_before(judge, first + NEAR_SEC + 1) -
           firsts_before(judge, first - NEAR_SEC);
}

static void give_number(struct judge *judge, int64_t number,
                        struct field_view *view_r)
{
    struct field_value *value = &judge->values[judge->next_value++ & 1];

    *value = (struct field_value){.number = number};
    *view_r = (struct field_view){FIELD_PRESENT, value, 1};
}

static void give_address(struct judge *judge, const struct source *source,
                         struct field_view *view_r)
{
    if (judge->address_source != judge->source) {
        judge->address_source = judge->source;
        judge->address_len = ip_format(&source->ip, judge->address);
    }
    give_text(judge, slice_make(judge->address, judge->address_len), view_r);
}

/* A rules_fetch; the message is the struct judge. */
static void fetch(void *message, enum rules_field_id field, struct slice header,
                  struct field_view *view_r)
{
    struct judge *judge = message;
    const struct sources *sources = judge->sources;
    const struct source *source = &sources->items[judge->source];
    const struct source_mail *mail = source_mail(sources, source);

    (void)header;
    judge->field = field;
    *view_r = (struct field_view){FIELD_ABSENT, NULL, 0};
    switch (field) {
    case FIELD_FROM_ADDRESS:
        give_address(judge, source, view_r);
        break;
    case FIELD_FROM_NAME:
        if (source->name != NAMES_NONE)
            give_text(judge,
                      names_text(&sources->names, source->name, judge->name),
                      view_r);
        break;
    case FIELD_FROM_FORGED:
        give_number(judge, source->has_forged_name, view_r);
        break;
    case FIELD_FROM_GENERIC:
        give_number(judge, fact_is_generic(sources, source), view_r);
        break;
    case FIELD_FROM_LINE:
        give_number(
            judge,
            name_is_line(names_text(&sources->names, source->name, judge->name),
                         &source->ip),
            view_r);
        break;
    case FIELD_FROM_OURS:
        give_number(judge, fact_why_ours(&judge->facts, source) != NULL,
                    view_r);
        break;
    case FIELD_FROM_ATTEMPTS:
        give_number(judge, source->attempts, view_r);
        break;
    case FIELD_FROM_ACCEPTED:
        give_number(judge, source_real_recipients(sources, source), view_r);
        break;
    case FIELD_FROM_MAILED:
        give_number(judge, source_mailed_recipients(sources, source), view_r);
        break;
    case FIELD_FROM_MAILED_SHARE:
        give_number(judge, fact_mailed_share(sources, source), view_r);
        break;
    case FIELD_FROM_MAILED_OWNER:
        give_number(judge, fact_owner_share(&judge->facts, source), view_r);
        break;
    case FIELD_FROM_GUESSES:
        give_number(judge, source->guesses, view_r);
        break;
    case FIELD_FROM_GUESSES_ASKED:
        give_number(judge, source->guess_events, view_r);
        break;
    case FIELD_FROM_GUESSES_ALIVE:
        give_number(judge, fact_alive_share(&judge->facts, source), view_r);
        break;
    case FIELD_FROM_GUESSES_KNOWN:
        give_number(judge, fact_known_share(&judge->facts, source), view_r);
        break;
    case FIELD_FROM_GUESSES_BLIND:
        give_number(judge, fact_blind_guesses(sources, source), view_r);
        break;
    case FIELD_FROM_GUESSES_SHARE:
        if (source->guesses > 0)
            give_number(judge, fact_guess_share(sources, source), view_r);
        break;
    case FIELD_FROM_DOMAINS:
        give_number(judge, fact_domain_count(sources, source), view_r);
        break;
    case FIELD_FROM_ASTRAY:
        give_number(judge, fact_is_astray(&judge->facts, judge->source),
                    view_r);
        break;
    case FIELD_FROM_RESIDENT:
        give_number(judge, fact_is_resident(&judge->facts, judge->source),
                    view_r);
        break;
    case FIELD_FROM_ENVELOPES:
        give_number(judge, source->senders, view_r);
        break;
    case FIELD_FROM_SENDERS_STEADY:
        give_number(judge, fact_is_steady(&judge->facts, source), view_r);
        break;
    case FIELD_FROM_SENDERS_OWN:
        give_number(judge, fact_own_share(source), view_r);
        break;
    case FIELD_FROM_RETURNS:
        give_number(judge, fact_is_returning(&judge->facts, source), view_r);
        break;
    case FIELD_FROM_SUBMITS:
        give_number(judge, fact_is_submitting(sources, source), view_r);
        break;
    case FIELD_FROM_MEMBERS:
        if (judge->member_count > 0)
            give_number(judge, (int64_t)judge->member_count, view_r);
        break;
    case FIELD_FROM_MEMBERS_NETWORKS:
        if (judge->member_count > 0)
            give_number(judge, (int64_t)judge->network_count, view_r);
        break;
    case FIELD_FROM_MEMBERS_NEAR:
        if (judge->member_count > 0)
            give_number(judge, (int64_t)count_near(judge, source), view_r);
        break;
    case FIELD_FROM_BYSTANDERS:
        if (judge->member_count > 0)
            give_number(judge, (int64_t)judge->bystander_count, view_r);
        break;
    case FIELD_FROM_BYSTANDERS_SHARE:
        if (judge->member_count > 0)
            give_number(judge,
                        share_of(judge->bystander_count,
                                 judge->bystander_count + judge->member_count),
                        view_r);
        break;
    case FIELD_FROM_LOGINS:
        give_number(judge, mail->logins, view_r);
        break;
    case FIELD_FROM_LOGINS_USERS:
        give_number(judge, source_texts(sources, source)->user_count, view_r);
        break;
    case FIELD_FROM_LOGINS_FAILED:
        give_number(judge, mail->login_failures, view_r);
        break;
    case FIELD_FROM_LOGINS_SHARE:
        give_number(judge,
                    share_of(mail->logins,
                             (uint64_t)mail->logins + mail->login_failures),
                    view_r);
        break;
    case FIELD_FROM_LOGINS_TRIED:
        give_number(judge, fact_login_tries(sources, judge->source).users,
                    view_r);
        break;
    case FIELD_FROM_LOGINS_UNKNOWN:
        give_number(judge, fact_login_tries(sources, judge->source).unknown,
                    view_r);
        break;
    case FIELD_FROM_LOGINS_ALIKE:
        give_number(judge, fact_is_one_user(sources, judge->source), view_r);
        break;
    case FIELD_FROM_LOGINS_SHARED:
        give_number(judge, fact_shared_tries(&judge->facts, judge->source),
                    view_r);
        break;
    case FIELD_FROM_LOGINS_NETWORK:
        give_number(judge, fact_logins_near(&judge->facts, judge->source),
                    view_r);
        break;
    case FIELD_FROM_DELIVERED:
        give_number(judge, mail->taken, view_r);
        break;
    default:
        break;
    }
}

/* member_count: of its crowd; 0: it stands alone. */
static void ask_about(struct judge *judge, uint32_t source, size_t member_count)
{
    judge->source = source;
    judge->member_count = member_count;
}

static bool holds(struct judge *judge, uint32_t source, uint16_t rule,
                  size_t member_count)
{
    ask_about(judge, source, member_count);
    return rules_judge_source(judge->sources->matcher, rule, fetch, judge) ==
           ANSWER_YES;
}

/* When its crowd has lost members. */
static bool still_holds(struct judge *judge, uint32_t source, uint16_t rule,
                        size_t member_count)
{
    ask_about(judge, source, member_count);
    return rules_judge_member_again(judge->sources->matcher, rule, fetch,
                                    judge) == ANSWER_YES;
}

/* By itself; what is known of it does not change from rule to rule. */
static bool holds_alone(struct judge *judge, uint32_t source, uint16_t rule,
                        bool is_first)
{
    if (is_first)
        return holds(judge, source, rule, 0);
    return rules_judge_source_again(judge->sources->matcher, rule) ==
           ANSWER_YES;
}

/* By address they lie anywhere in the memory: each is asked for ahead, and
 * once it is there its rows. */
static void prefetch_rows(const struct sources *sources,
                          const uint32_t *numbers, size_t count, size_t at)
{
    enum { AHEAD = 16, ROWS_AHEAD = 8 };

    if (count - at > AHEAD)
        sources_prefetch_number(sources, numbers[at + AHEAD]);
    if (count - at > ROWS_AHEAD) {
        const struct source *source = &sources->items[numbers[at + ROWS_AHEAD]];

        __builtin_prefetch(source_more(sources, source));
        __builtin_prefetch(source_mail(sources, source));
    }
}

/* ---- results ---- */

static struct attacker *new_attacker(struct judge *judge)
{
    struct sources *sources = judge->sources;
    struct attacker *attackers =
        array_with_room(sources->attackers, sources->attacker_count,
                        &sources->attacker_capacity, sizeof(*attackers));

    if (attackers == NULL) {
        judge->has_failed = true;
        return NULL;
    }
    sources->attackers = attackers;
    sources->attackers[sources->attacker_count] = (struct attacker){0};
    return &sources->attackers[sources->attacker_count++];
}

/* NULL: by none of what is known to speak for a source. */
static const char *why_spared(struct judge *judge, const struct source *source)
{
    const struct sources *sources = judge->sources;
    const char *why = fact_why_ours(&judge->facts, source);

    if (ip_is_loopback(&source->ip))
        return "this host itself, by loopback";
    if (rules_list_has_ip(sources->rules, "our-hosts", &source->ip))
        return "listed in our-hosts: this host, or one of this site";
    if (rules_list_has_ip(sources->rules, "friends", &source->ip))
        return "listed in friends";
    if (why != NULL)
        return why;
    if (fact_is_submitting(sources, source))
        return "its mail goes through here to others";
    if (source_mail(sources, source)->logins > 0)
        return "it logged in";
    if (source->guesses > 0 && fact_guess_share(sources, source) < 50)
        return "most of its recipients exist";
    if (fact_mailed_share(sources, source) >= MUCH_SHARE)
        return "much of the mail comes from it: a filter in front of us?";
    if (source->senders > 0 && fact_own_share(source) >= 50)
        return "it sends for the domain that it is named after";
    if (fact_is_returning(&judge->facts, source))
        return "a mail host that returns what was forged in our name";
    return NULL;
}

/* A line that does not hold ends a rule: it is about the field asked last. */
static enum rules_field_id field_that_failed(struct judge *judge,
                                             uint32_t source, uint16_t rule)
{
    holds(judge, source, rule, 0);
    return judge->field;
}

static void spare(struct judge *judge, uint32_t source, uint16_t rule)
{
    struct sources *sources = judge->sources;
    const char *why = why_spared(judge, &sources->items[source]);
    const char *field = NULL;
    struct spared *spared;

    if (why == NULL) {
        enum rules_field_id failed = field_that_failed(judge, source, rule);

        if (failed == FIELD_FROM_ADDRESS &&
            ip_is_private(&sources->items[source].ip))
            why = "its address is private: a monitor, or a computer in here?";
        else
            field = rules_fields[failed].name;
    }
    spared = array_with_room(sources->spared, sources->spared_count,
                             &sources->spared_capacity, sizeof(*spared));
    if (spared == NULL) {
        judge->has_failed = true;
        return;
    }
    sources->spared = spared;
    sources->spared[sources->spared_count++] =
        (struct spared){source, rule, why, field};
}

/* ---- single sources ---- */

static void set_named(struct judge *judge, uint32_t source)
{
    judge->named[source / 8] |= (uint8_t)(1u << source % 8);
}

/* All alarms of one source, a chain: the first rule that holds names it. */
static void judge_source(struct judge *judge, uint32_t source, uint32_t first,
                         const uint32_t *next)
{
    struct attacker *attacker = NULL;

    for (uint32_t alarm = first; alarm != 0; alarm = next[alarm]) {
        uint16_t rule = judge->alarms[alarm - 1].source_rule;

        if (!holds_alone(judge, source, rule, alarm == first))
            continue;
        if (attacker == NULL) {
            attacker = new_attacker(judge);
            if (attacker == NULL)
                return;
            attacker->source_rule = rule;
            attacker->alarm = alarm - 1;
            attacker->source = source;
            set_named(judge, source);
        }
        attacker->rules |= one_bit << rule;
    }
    if (attacker == NULL)
        spare(judge, source, judge->alarms[first - 1].source_rule);
}

/* Puts the alarms of that rule in front of those of their sources. */
static void chain_alarms(struct judge *judge, size_t rule, uint32_t *first,
                         uint32_t *next)
{
    struct sources *sources = judge->sources;

    for (uint32_t i = 0; i < judge->alarm_count; i++) {
        const struct ip *ip = &judge->alarms[i].base;
        uint32_t source;

        if (judge->alarms[i].source_rule != rule)
            continue;
        source = sources_add(sources, ip, source_hash(sources->key, ip));
        next[i + 1] = first[source];
        first[source] = i + 1;
    }
}

static void judge_sources(struct judge *judge)
{
    const struct sources *sources = judge->sources;
    /* by source and by alarm: the alarm that comes first, or next, from 1 */
    uint32_t *first = calloc(sources->count, sizeof(*first));
    uint32_t *next = calloc(judge->alarm_count + 1, sizeof(*next));
    bool has_room = first != NULL && next != NULL;

    judge->has_failed = judge->has_failed || !has_room;
    for (size_t rule = rules_source_rule_count(sources->rules);
         rule-- > 0 && has_room;)
        if (rules_source_rule(sources->rules, rule)->by == COUNT_BY_SOURCE)
            chain_alarms(judge, rule, first, next);
    for (uint32_t i = 1; i < sources->count && has_room; i++)
        if (first[i] != 0)
            judge_source(judge, i, first[i], next);
    free(first);
    free(next);
}

/* ---- crowds ---- */

/* The first in by_ip that is not below that address. */
static size_t first_from(const struct judge *judge, const struct ip *ip)
{
    size_t low = 0, high = judge->facts.by_ip_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (memcmp(&judge->sources->items[judge->facts.by_ip[middle]].ip, ip,
                   sizeof(*ip)) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct members {
    uint32_t *items; /* owned */
    size_t count, capacity;
};

static bool add_member(struct members *members, uint32_t source)
{
    uint32_t *items = array_with_room(members->items, members->count,
                                      &members->capacity, sizeof(*items));

    if (items == NULL)
        return false;
    members->items = items;
    members->items[members->count++] = source;
    return true;
}

/* Whether a rule of its own, or that of its network, names it already. */
static bool is_named(const struct judge *judge, uint32_t source)
{
    return (judge->named[source / 8] >> source % 8 & 1) != 0;
}

static void find_in_network(struct judge *judge, const struct attacker *crowd,
                            const struct rules_source_rule *rule,
                            struct members *members)
{
    const struct source *items = judge->sources->items;

    for (size_t i = first_from(judge, &crowd->network.base);
         i < judge->facts.by_ip_count; i++) {
        const struct source *source = &items[judge->facts.by_ip[i]];

        if (!cidr_contains(&crowd->network, &source->ip))
            break;
        if ((source->events & rule->events) != 0 &&
            !add_member(members, judge->facts.by_ip[i]))
            judge->has_failed = true;
    }
}

/* Who did it, and was not named for more. */
static void add_unnamed(struct judge *judge, uint32_t source,
                        const struct rules_source_rule *rule,
                        struct members *members)
{
    if ((judge->sources->items[source].events & rule->events) != 0 &&
        !is_named(judge, source) && !add_member(members, source))
        judge->has_failed = true;
}

static void find_at_domain(struct judge *judge, const struct attacker *crowd,
                           const struct rules_source_rule *rule,
                           struct members *members)
{
    for (uint32_t i = judge->guessers_at[crowd->domain];
         i < judge->guessers_at[crowd->domain + 1]; i++)
        add_unnamed(judge, judge->guessers[i], rule, members);
}

static void find_at_site(struct judge *judge,
                         const struct rules_source_rule *rule,
                         struct members *members)
{
    for (size_t i = 0; i < judge->facts.by_ip_count; i++)
        add_unnamed(judge, judge->facts.by_ip[i], rule, members);
}

/* In the order of by_ip. Of those that the alarm tells of twice one is kept. */
static void find_at_user(struct judge *judge, const struct watch_alarm *alarm,
                         struct members *members)
{
    size_t kept = 0;

    for (size_t i = 0; i < alarm->source_count; i++)
        if (!is_named(judge, alarm->sources[i]) &&
            !add_member(members, alarm->sources[i]))
            judge->has_failed = true;
    if (members->count == 0)
        return;
    qsort_r(members->items, members->count, sizeof(*members->items),
            fact_order_by_ip, judge->sources->items);
    for (size_t i = 1; i < members->count; i++)
        if (members->items[i] != members->items[kept])
            members->items[++kept] = members->items[i];
    members->count = kept + 1;
}

/* ---- who guessed at which domain ---- */

/* Calls visit for each source in by_ip and each of its domains. */
static void each_guesser(const struct judge *judge,
                         void (*visit)(void *context, uint32_t source,
                                       uint32_t domain),
                         void *context)
{
    struct source_domain domains[SOURCE_DOMAINS_MAX];

    for (size_t i = 0; i < judge->facts.by_ip_count; i++) {
        uint32_t number = judge->facts.by_ip[i];
        size_t count;

        prefetch_rows(judge->sources, judge->facts.by_ip,
                      judge->facts.by_ip_count, i);
        count = fact_domains(judge->sources, &judge->sources->items[number],
                             domains);

        for (size_t j = 0; j < count; j++)
            visit(context, number, domains[j].domain);
    }
}

struct guesser_counts {
    uint8_t *has_alarm; /* by domain */
    uint32_t *counts;   /* by domain; while they are put in, where the next
                           one goes */
    uint32_t *guessers;
};

static void count_guesser(void *context, uint32_t source, uint32_t domain)
{
    struct guesser_counts *all = context;

    (void)source;
    all->counts[domain] += all->has_alarm[domain];
}

static void put_guesser(void *context, uint32_t source, uint32_t domain)
{
    struct guesser_counts *all = context;

    if (all->has_alarm[domain])
        all->guessers[all->counts[domain]++] = source;
}

static void mark_alarms(const struct judge *judge, uint8_t *has_alarm)
{
    const struct sources *sources = judge->sources;

    for (size_t i = 0; i < judge->alarm_count; i++)
        if (rules_source_rule(sources->rules, judge->alarms[i].source_rule)
                ->by == COUNT_BY_DOMAIN)
            has_alarm[intern_find(&sources->domains, judge->alarms[i].domain)] =
                1;
}

static bool fill_index(struct judge *judge, struct guesser_counts *all)
{
    uint32_t domain_count = judge->sources->domains.count, total = 0;

    mark_alarms(judge, all->has_alarm);
    each_guesser(judge, count_guesser, all);
    for (uint32_t domain = 0; domain <= domain_count; domain++) {
        uint32_t count = all->counts[domain];

        judge->guessers_at[domain] = all->counts[domain] = total;
        total += count;
    }
    judge->guessers_at[domain_count + 1] = total;
    all->guessers = judge->guessers = calloc(total + 1, sizeof(uint32_t));
    if (all->guessers == NULL)
        return false;
    each_guesser(judge, put_guesser, all);
    return true;
}

/* One pass for all domains: a site may have thousands that are guessed at. */
static bool index_guessers(struct judge *judge)
{
    uint32_t domain_count = judge->sources->domains.count;
    struct guesser_counts all = {
        .has_alarm = calloc(domain_count + 1, sizeof(*all.has_alarm)),
        .counts = calloc(domain_count + 1, sizeof(*all.counts))};
    bool is_good;

    judge->guessers_at = calloc(domain_count + 2, sizeof(uint32_t));
    is_good = all.has_alarm != NULL && all.counts != NULL &&
              judge->guessers_at != NULL && fill_index(judge, &all);
    free(all.has_alarm);
    free(all.counts);
    return is_good;
}

static bool is_allowed(const struct sources *sources, const struct ip *ip)
{
    return rules_list_has_ip(sources->rules, "our-hosts", ip) ||
           rules_list_has_ip(sources->rules, "friends", ip);
}

/* A list that holds the network would hit whoever's mail arrived, a user of
 * ours whose mail has not yet, and an honest host whose bounces did not. */
static bool is_bystander(const struct judge *judge, const struct source *source)
{
    return fact_has_mail_or_login(judge->sources, source) ||
           (source->guesses > 0 && fact_is_returning(&judge->facts, source));
}

/* Clients of the network who are no members. */
static size_t count_bystanders(const struct judge *judge,
                               const struct attacker *crowd,
                               const struct members *members)
{
    const struct sources *sources = judge->sources;
    size_t count = 0, next = 0;

    for (size_t i = first_from(judge, &crowd->network.base);
         i < judge->facts.by_ip_count; i++) {
        uint32_t number = judge->facts.by_ip[i];
        const struct source *source = &sources->items[number];

        if (!cidr_contains(&crowd->network, &source->ip))
            break;
        if (next < members->count && members->items[next] == number)
            next++;
        else
            count += is_bystander(judge, source) && !is_named(judge, number);
    }
    return count;
}

/* Members are in the order of their addresses. */
static size_t count_networks(const struct sources *sources,
                             const struct members *members)
{
    struct cidr network = {0};
    size_t count = 0;

    for (size_t i = 0; i < members->count; i++) {
        const struct ip *ip = &sources->items[members->items[i]].ip;

        if (count > 0 && cidr_contains(&network, ip))
            continue;
        network = fact_network(ip);
        count++;
    }
    return count;
}

enum { NEAR_ROUNDS = 4 };

static void note_firsts(struct judge *judge, const struct members *members)
{
    judge->first_count = members->count;
    for (size_t i = 0; i < members->count; i++)
        judge->firsts[i] = judge->sources->items[members->items[i]].first;
    qsort(judge->firsts, members->count, sizeof(*judge->firsts),
          fact_order_numbers);
}

/* Who is not hostile is no member; what is left must still be a crowd, and
 * stand alone: asked again until nobody falls out who was told the same of the
 * crowd. Members only grow fewer and bystanders more, so that each line of a
 * rule changes its answer once: no more rounds than it has such lines. Who was
 * near is not asked for ever: one after the other may fall out. Members are in
 * the order of by_ip. */
static void prune(struct judge *judge, const struct attacker *crowd,
                  struct members *members)
{
    bool is_network = attacker_is_network(crowd);
    uint16_t rule = crowd->source_rule;
    unsigned round = 0;
    size_t before, told;

    judge->bystander_count = 0;
    judge->firsts = calloc(members->count + 1, sizeof(*judge->firsts));
    if (judge->firsts == NULL) {
        judge->has_failed = true;
        return;
    }
    do {
        size_t kept = 0;

        judge->network_count = count_networks(judge->sources, members);
        if (round < NEAR_ROUNDS)
            note_firsts(judge, members);
        before = members->count;
        told = judge->bystander_count;
        for (size_t i = 0; i < before; i++) {
            uint32_t member = members->items[i];
            bool stays;

            prefetch_rows(judge->sources, members->items, before, i);
            stays = round == 0 ? holds(judge, member, rule, before)
                               : still_holds(judge, member, rule, before);
            if (stays)
                members->items[kept++] = member;
        }
        round++;
        members->count = kept;
        if (is_network)
            judge->bystander_count = count_bystanders(judge, crowd, members);
    } while (members->count < before || judge->bystander_count != told);
    free(judge->firsts);
    judge->firsts = NULL;
}

/* Whether one earlier crowd holds them all. */
static bool is_covered(const struct judge *judge, const struct members *members)
{
    uint32_t crowd = judge->crowd_of[members->items[0]];

    for (size_t i = 0; crowd != 0 && i < members->count; i++)
        if (judge->crowd_of[members->items[i]] != crowd)
            crowd = 0;
    return crowd != 0;
}

static bool index_alarms(struct judge *judge)
{
    const struct sources *sources = judge->sources;

    judge->alarm_of = calloc(sources->count + 1, sizeof(*judge->alarm_of));
    if (judge->alarm_of == NULL)
        return false;
    for (size_t i = sources->evidence_count; i-- > 0;)
        judge->alarm_of[sources->evidence[i].source] = (uint32_t)(i + 1);
    return true;
}

/* The line that reached the count may be one of a host that fell out of the
 * crowd. Then that of another count which a member reached has to do. Members
 * are named by now. */
static uint32_t alarm_of_member(const struct judge *judge, uint32_t alarm,
                                const struct members *members)
{
    const struct sources *sources = judge->sources;

    if (alarm < sources->evidence_count &&
        is_named(judge, sources->evidence[alarm].source))
        return alarm;
    for (size_t i = 0; i < members->count; i++)
        if (judge->alarm_of[members->items[i]] != 0)
            return judge->alarm_of[members->items[i]] - 1;
    return UINT32_MAX;
}

/* Somebody else's mail comes from that network, too: its members are named as
 * a crowd that guesses at a domain. */
static void name_by_domain(const struct sources *sources,
                           struct attacker *attacker)
{
    struct source_domain domain;

    if (attacker_domains(sources, attacker, &domain, 1) == 1) {
        attacker->domain = domain.domain;
        attacker->network = (struct cidr){0};
    }
}

static void judge_crowd(struct judge *judge, uint32_t number)
{
    struct sources *sources = judge->sources;
    const struct watch_alarm *alarm = &judge->alarms[number];
    const struct rules_source_rule *rule =
        rules_source_rule(sources->rules, alarm->source_rule);
    struct attacker crowd = {.source_rule = alarm->source_rule,
                             .rules = one_bit << alarm->source_rule};
    struct members members = {0};
    struct attacker *attacker;

    if (rule->by == COUNT_BY_NETWORK) {
        crowd.network = (struct cidr){
            alarm->base, rule->bits <= 32 ? 96 + rule->bits : rule->bits};
        find_in_network(judge, &crowd, rule, &members);
    } else if (rule->by == COUNT_BY_USER) {
        /* Without memory there is none, and all addresses are no network. */
        if (number >= sources->evidence_count ||
            sources->evidence[number].user == INTERN_NONE)
            return;
        crowd.user = sources->evidence[number].user;
        find_at_user(judge, alarm, &members);
    } else if (rule->by == COUNT_BY_SITE) {
        crowd.is_site = true;
        find_at_site(judge, rule, &members);
    } else {
        crowd.domain = intern_find(&sources->domains, alarm->domain);
        find_at_domain(judge, &crowd, rule, &members);
    }
    prune(judge, &crowd, &members);
    if (members.count == 0 || is_covered(judge, &members) ||
        (attacker = new_attacker(judge)) == NULL) {
        free(members.items);
        return;
    }
    *attacker = crowd;
    attacker->members = members.items;
    attacker->member_count = members.count;
    attacker->holds_allowed =
        rule->by == COUNT_BY_NETWORK &&
        (rules_list_overlaps(sources->rules, "our-hosts", &crowd.network) ||
         rules_list_overlaps(sources->rules, "friends", &crowd.network));
    if (rule->by == COUNT_BY_NETWORK && judge->bystander_count > 0)
        name_by_domain(sources, attacker);
    for (size_t i = 0; i < members.count; i++) {
        set_named(judge, members.items[i]);
        if (judge->crowd_of[members.items[i]] == 0)
            judge->crowd_of[members.items[i]] =
                (uint32_t)sources->attacker_count;
    }
    attacker->alarm = alarm_of_member(judge, number, &members);
}

static int order_alarms(const void *left, const void *right, void *context)
{
    const struct watch_alarm *alarms = context;
    const uint32_t *a = left, *b = right;

    if (alarms[*a].source_rule != alarms[*b].source_rule)
        return alarms[*a].source_rule < alarms[*b].source_rule ? -1 : 1;
    return (*a > *b) - (*a < *b);
}

static void judge_crowds(struct judge *judge, enum rules_count_by by)
{
    uint32_t *order = calloc(judge->alarm_count + 1, sizeof(*order));
    size_t count = 0;

    for (size_t i = 0; i < judge->alarm_count && order != NULL; i++)
        if (rules_source_rule(judge->sources->rules,
                              judge->alarms[i].source_rule)
                ->by == by)
            order[count++] = (uint32_t)i;
    if (order == NULL || (count > 0 && !source_facts_sort(&judge->facts)) ||
        (count > 0 && judge->alarm_of == NULL && !index_alarms(judge)) ||
        (count > 0 && by == COUNT_BY_DOMAIN && !index_guessers(judge))) {
        free(order);
        judge->has_failed = true;
        return;
    }
    qsort_r(order, count, sizeof(*order), order_alarms,
            (void *)(uintptr_t)judge->alarms);
    for (size_t i = 0; i < count; i++)
        judge_crowd(judge, order[i]);
    free(order);
}

/* ---- the verdict ---- */

static bool is_address_listable(const struct sources *sources,
                                const struct ip *ip)
{
    return !ip_is_private(ip) && !ip_is_no_host(ip) && !is_allowed(sources, ip);
}

/* A crowd that is no network is listed by its members. */
static bool is_listable(const struct sources *sources,
                        const struct attacker *attacker)
{
    if (attacker->source != 0)
        return is_address_listable(sources,
                                   &sources->items[attacker->source].ip);
    if (attacker_is_network(attacker))
        return is_address_listable(sources, &attacker->network.base) &&
               !attacker->holds_allowed;
    for (size_t i = 0; i < attacker->member_count; i++)
        if (!is_address_listable(sources,
                                 &sources->items[attacker->members[i]].ip))
            return false;
    return true;
}

static int order_attackers(const void *left, const void *right, void *context)
{
    const struct attacker *a = left, *b = right;
    const struct sources *sources = context;
    int order;

    if (a->guesses != b->guesses)
        return a->guesses > b->guesses ? -1 : 1;
    if (a->attempts != b->attempts)
        return a->attempts > b->attempts ? -1 : 1;
    if ((a->source != 0) != (b->source != 0))
        return a->source != 0 ? 1 : -1;
    order = a->source != 0
                ? memcmp(&sources->items[a->source].ip,
                         &sources->items[b->source].ip, sizeof(struct ip))
                : memcmp(&a->network.base, &b->network.base, sizeof(struct ip));
    if (order != 0)
        return order;
    if (a->domain != b->domain) {
        struct slice first = intern_text(&sources->domains, a->domain);
        struct slice second = intern_text(&sources->domains, b->domain);
        size_t shorter = first.len < second.len ? first.len : second.len;

        order = shorter == 0 ? 0 : memcmp(first.ptr, second.ptr, shorter);
        if (order != 0)
            return order;
        return (first.len > second.len) - (first.len < second.len);
    }
    if (a->source_rule != b->source_rule)
        return a->source_rule > b->source_rule ? 1 : -1;
    return (a->alarm > b->alarm) - (a->alarm < b->alarm);
}

/* Whom one rule spared a crowd of another may hold. */
static void drop_named(struct judge *judge)
{
    struct sources *sources = judge->sources;
    size_t left = 0;

    for (size_t i = 0; i < sources->spared_count; i++)
        if (!is_named(judge, sources->spared[i].source))
            sources->spared[left++] = sources->spared[i];
    sources->spared_count = left;
}

static int order_spared(const void *left, const void *right, void *context)
{
    const struct spared *a = left, *b = right;
    const struct source *items = context;

    return memcmp(&items[a->source].ip, &items[b->source].ip,
                  sizeof(struct ip));
}

bool sources_judge(struct sources *sources, unsigned worker_count)
{
    struct judge judge = {.sources = sources};

    watch_end(sources->watch);
    judge.alarm_count = watch_alarms(sources->watch, &judge.alarms);
    judge.named = calloc(sources->count / 8 + 1, 1);
    judge.crowd_of = calloc(sources->count + 1, sizeof(*judge.crowd_of));
    if (judge.named == NULL || judge.crowd_of == NULL ||
        !source_facts_init(&judge.facts, sources)) {
        free(judge.named);
        free(judge.crowd_of);
        return false;
    }
    judge_sources(&judge);
    judge_crowds(&judge, COUNT_BY_NETWORK);
    judge_crowds(&judge, COUNT_BY_DOMAIN);
    judge_crowds(&judge, COUNT_BY_USER);
    judge_crowds(&judge, COUNT_BY_SITE);
    free(judge.crowd_of);
    free(judge.alarm_of);
    source_facts_free(&judge.facts);
    free(judge.guessers);
    free(judge.guessers_at);
    drop_named(&judge);
    if (!shares_count(sources, judge.named, worker_count))
        judge.has_failed = true;
    free(judge.named);
    for (size_t i = 0; i < sources->attacker_count; i++)
        sources->attackers[i].is_listable =
            is_listable(sources, &sources->attackers[i]);
    if (sources->attacker_count > 0)
        qsort_r(sources->attackers, sources->attacker_count,
                sizeof(*sources->attackers), order_attackers, sources);
    if (sources->spared_count > 0)
        qsort_r(sources->spared, sources->spared_count,
                sizeof(*sources->spared), order_spared, sources->items);
    return !judge.has_failed && !judge.facts.has_failed;
}

/* ---- for reports ---- */

static int order_domains(const void *left, const void *right)
{
    const struct source_domain *a = left, *b = right;

    if (a->guesses != b->guesses)
        return a->guesses > b->guesses ? -1 : 1;
    return (a->domain > b->domain) - (a->domain < b->domain);
}

static int order_domain_numbers(const void *left, const void *right)
{
    const struct source_domain *a = left, *b = right;

    return (a->domain > b->domain) - (a->domain < b->domain);
}

/* Domains of several sources; those of one number may stand there twice. */
struct domain_sums {
    struct source_domain *items; /* owned */
    size_t count, capacity;
};

/* One row of each number. */
static void fold_domains(struct domain_sums *sums)
{
    struct source_domain *all = sums->items;
    size_t kept = 0;

    if (sums->count < 2)
        return;
    qsort(all, sums->count, sizeof(*all), order_domain_numbers);
    for (size_t i = 1; i < sums->count; i++) {
        if (all[i].domain == all[kept].domain)
            all[kept].guesses += all[i].guesses;
        else
            all[++kept] = all[i];
    }
    sums->count = kept + 1;
}

/* Room for those of one more source: a crowd has many members, and few
 * domains. */
static bool has_room_for_domains(struct domain_sums *sums)
{
    struct source_domain *grown;
    size_t capacity;

    if (sums->capacity - sums->count >= SOURCE_DOMAINS_MAX)
        return true;
    fold_domains(sums);
    if (sums->capacity - sums->count >= sums->capacity / 2 + SOURCE_DOMAINS_MAX)
        return true;
    capacity = 2 * sums->capacity + 2 * SOURCE_DOMAINS_MAX;
    grown = realloc(sums->items, capacity * sizeof(*grown));
    if (grown == NULL)
        return false;
    sums->items = grown;
    sums->capacity = capacity;
    return true;
}

size_t attacker_domains(const struct sources *sources,
                        const struct attacker *attacker,
                        struct source_domain *domains_r, size_t max)
{
    size_t source_count = attacker->source != 0 ? 1 : attacker->member_count;
    struct domain_sums sums = {0};
    size_t shown;

    for (size_t i = 0; i < source_count && has_room_for_domains(&sums); i++)
        sums.count += fact_domains(
            sources,
            &sources->items[attacker->source != 0 ? attacker->source
                                                  : attacker->members[i]],
            sums.items + sums.count);
    fold_domains(&sums);
    shown = sums.count < max ? sums.count : max;
    if (sums.count > 0) {
        qsort(sums.items, sums.count, sizeof(*sums.items), order_domains);
        memcpy(domains_r, sums.items, shown * sizeof(*domains_r));
    }
    free(sums.items);
    return shown;
}

void attacker_add_name(const struct sources *sources,
                       const struct attacker *attacker, struct buffer *out)
{
    char text[ADDRESS_IP_TEXT_MAX];

    if (attacker->source != 0) {
        ip_format(&sources->items[attacker->source].ip, text);
        buffer_add_string(out, text);
    } else if (attacker->domain != 0) {
        buffer_add(out, intern_text(&sources->domains, attacker->domain));
    } else if (attacker->is_site) {
        buffer_add_string(out, "this site");
    } else if (attacker->user != 0) {
        buffer_add_string(out, "user ");
        buffer_add(out, intern_text(&sources->samples, attacker->user));
    } else {
        bool is_v4 = ip_is_v4(&attacker->network.base);

        ip_format(&attacker->network.base, text);
        buffer_printf(out, "%s/%u", text,
                      attacker->network.bits - (is_v4 ? 96 : 0));
    }
}
