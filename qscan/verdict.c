/* Who is hostile: the alarms of the watch held against what is known of each
 * source when all lines were read. */
#include <stdlib.h>

#include "parsers/address.h"
#include "parsers/array.h"
#include "qscan/logrecord.h"
#include "qscan/shares.h"

enum {
    NETWORK_V4_BITS = 96 + 24,
    NETWORK_V6_BITS = 48,
    /* A domain that so many clients guessed at is served here; a remote domain
     * that a user of ours mistyped is not. */
    SERVED_SOURCES = 3,
    RETURNS_SHARE = 80,     /* of a hundred envelopes, from the null sender */
    RETURNED_FEW = 2,       /* bounces from a host without a name */
    RETURNED_MANY = 1000,   /* bounces that no host returns alone ... */
    RETURNED_AN_HOUR = 100, /* ... so fast, all the time ... */
    NAMELESS_MIN = 10,      /* such hosts return nothing, but are a crowd, when
                               there are so many of them ... */
    NAMELESS_TIMES = 4,     /* ... and so many for each that has a name */
    RELAYS_ASKED_MAX = 256, /* each is a walk through all sources */
    RELAYED_MIN = 5,        /* guesses that show a relay of ours: fewer than
                               any rule names a source for ... */
    RELAYED_SHARE = 80,     /* ... when so many of a hundred are others' */
    PADDED_GUESSES = 30,
    PADDING_MAX = 8,      /* recipients that exist, between so many guesses */
    MUCH_SHARE = 10,      /* of the mail: worth a question */
    STEADY_ENVELOPES = 3, /* of one domain are no accident */
    STEADY_HOSTS = 3,     /* that a small site sends by */
    SUBMITTED_SHARE = 80, /* guesses of a client of ours that were accepted */
};

_Static_assert((int)PADDING_MAX < (int)SOURCE_TOLD_APART_MAX,
               "one more is told apart from so many");

static const uint64_t one_bit = 1;

/* What makes a source one of ours. */
enum ours { OURS_NOT_ASKED, OURS_NOT, OURS_HOP, OURS_NAME, OURS_RELAY };

struct judge {
    struct sources *sources;
    const struct watch_alarm *alarms;
    size_t alarm_count;
    uint32_t *by_ip; /* sources that a crowd may hold or hit, by address */
    size_t by_ip_count;
    /* of by_ip, those who guessed at domain d: guessers[guessers_at[d]] up to
     * guessers_at[d + 1]; of domains without an alarm: none */
    uint32_t *guessers, *guessers_at;
    uint32_t *crowd_of; /* by source: the first crowd of it, from 1 */
    uint8_t *named;     /* bit per source: an attacker or member of one */
    uint32_t *alarm_of; /* by source: the first alarm by a line of it, from 1 */
    uint32_t *logins_near; /* by source: from its network; once asked for */
    uint8_t *sender_uses;  /* by sender_domain: how many sources have that one,
                              255 at most; once asked for */
    uint8_t *ours;         /* enum ours, by source: each rule asks the same */
    unsigned relays_asked;
    bool nameless_return; /* hosts without a name may be small mail hosts */
    uint64_t returned;    /* guesses of all who seem to return mail, but for
                             those with RETURNED_MANY */
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

/* ---- facts of a source ---- */

static bool is_served(const struct sources *sources, uint32_t domain)
{
    return domain != 0 && domain < sources->target_capacity &&
           sources->targets[domain].guess_sources >= SERVED_SOURCES;
}

static bool is_generic(const struct sources *sources,
                       const struct source *source)
{
    char room[NAMES_TEXT_MAX];
    struct slice name = names_text(&sources->names, source->name, room);

    return name.len == 0 || name_is_generic(name, &source->ip);
}

/* The name lies under a domain of ours, or one that people guess at: who owns
 * that domain named the host. A provider whom users of ours mistype names the
 * lines of his customers, too. */
static bool is_named_ours(const struct sources *sources,
                          const struct source *source)
{
    char room[NAMES_TEXT_MAX];
    struct slice name = names_text(&sources->names, source->name, room);

    if (name.len > 0 && rules_list_has(sources->rules, "our-domains", name))
        return true;
    for (size_t dot = slice_index(name, '.'); dot < name.len;
         dot = slice_index(name, '.')) {
        char lower[256];

        name = slice_skip(name, dot + 1);
        if (name.len > sizeof(lower) || slice_index(name, '.') == name.len)
            continue;
        if (is_served(sources, intern_find(&sources->domains,
                                           record_lower(name, lower))))
            return !is_generic(sources, source);
    }
    return false;
}

static bool is_next_hop(const struct sources *sources,
                        const struct source *source)
{
    const struct source_mail *mail = source_mail(sources, source);

    return is_served(sources, mail->hop_domains[0]) ||
           is_served(sources, mail->hop_domains[1]);
}

/* "mx2.example.org" where a host mx2 wrote some of the lines. */
static bool is_named_like_log_host(const struct sources *sources,
                                   const struct source *source)
{
    char room[NAMES_TEXT_MAX];
    struct slice name = names_text(&sources->names, source->name, room);
    char lower[256];

    if (name.len == 0 || name.len > sizeof(lower))
        return false;
    name = record_lower(name, lower);
    return intern_find(&sources->log_hosts, name) != INTERN_NONE ||
           intern_find(&sources->log_hosts,
                       slice_head(name, slice_index(name, '.'))) != INTERN_NONE;
}

struct overlap {
    const struct hash_set *guesses; /* of the one that may be a relay */
    struct hash_set found;
    bool has_failed;
};

static void find_overlap(void *context, uint64_t hash)
{
    struct overlap *overlap = context;

    if (hash_set_has(overlap->guesses, hash) &&
        hash_set_add(&overlap->found, hash) < 0)
        overlap->has_failed = true;
}

/*
 * A backup MX of ours hands its primary what others had guessed: its guesses
 * are theirs, found in its own log as accepted first. The name alone would
 * prove nothing, nor would the list, which a campaign shares.
 */
static bool find_relay(struct judge *judge, const struct source *source)
{
    const struct sources *sources = judge->sources;
    const struct guess_list *list = source_guess_list(sources, source);
    struct overlap overlap = {0};
    bool is_relay;

    if (source->guesses < RELAYED_MIN || list == NULL ||
        source_mail(sources, source)->late_unknown > 0 ||
        !is_named_like_log_host(sources, source) ||
        judge->relays_asked == RELAYS_ASKED_MAX)
        return false;
    judge->relays_asked++;
    overlap.guesses = &list->all;
    for (uint32_t i = 1; i < sources->count; i++)
        if (source_mail(sources, &sources->items[i])->late_unknown > 0)
            source_each_guess(sources, &sources->items[i],
                              (struct guess_part){0, 0}, find_overlap,
                              &overlap);
    is_relay =
        overlap.found.count * 100 >= (uint64_t)source->guesses * RELAYED_SHARE;
    judge->has_failed = judge->has_failed || overlap.has_failed;
    hash_set_free(&overlap.found);
    return is_relay;
}

static enum ours find_ours(struct judge *judge, const struct source *source)
{
    if (is_next_hop(judge->sources, source))
        return OURS_HOP;
    if (is_named_ours(judge->sources, source))
        return OURS_NAME;
    return find_relay(judge, source) ? OURS_RELAY : OURS_NOT;
}

static const char *why_ours(struct judge *judge, const struct source *source)
{
    static const char *const whys[] = {
        [OURS_NOT] = NULL,
        [OURS_HOP] = "mail for a domain served here goes to it",
        [OURS_NAME] = "its name lies under a domain served here",
        [OURS_RELAY] = "a host of these logs, which relays what others guess"};
    uint8_t *ours = &judge->ours[source - judge->sources->items];

    if (*ours == OURS_NOT_ASKED)
        *ours = (uint8_t)find_ours(judge, source);
    return whys[*ours];
}

/* Several at a time, and hardly any of the dead ones again. */
static bool asks_once(const struct source *source)
{
    return source->attempts >= UINT64_C(2) * source->senders &&
           source->guess_events <= source->guesses + source->guesses / 4u;
}

/* Mail for the same few again and again, between guesses of which none is
 * repeated, is to look like a list; but a list asks for its dead ones again,
 * and who knows a few has more mail for them than for the dead. */
static bool is_padding(const struct sources *sources,
                       const struct source *source)
{
    unsigned reached = source_reached(sources, source);
    uint64_t mailed = source_mailed_recipients(sources, source);

    return source->guesses >= PADDED_GUESSES &&
           source->guesses >= source->senders && asks_once(source) &&
           reached > 0 && reached <= PADDING_MAX &&
           mailed >= UINT64_C(3) * reached && mailed <= 2u * source->guesses;
}

/* Asking for somebody who exists, and sending nothing, makes no mail host. */
static int64_t guess_share(const struct sources *sources,
                           const struct source *source)
{
    uint64_t guesses = source->guesses;
    uint64_t all = guesses + (is_padding(sources, source)
                                  ? source_reached(sources, source)
                                  : source_mailed_recipients(sources, source));

    return share_of(guesses, all);
}

/* Padding is no mail that anybody would miss. */
static int64_t mailed_share(const struct sources *sources,
                            const struct source *source)
{
    return is_padding(sources, source)
               ? 0
               : share_of(source_mailed_recipients(sources, source),
                          sources->mailed);
}

static int64_t own_share(const struct source *source)
{
    return share_of(source->own_senders, source->senders);
}

static size_t domains_of(const struct sources *sources,
                         const struct source *source,
                         struct source_domain *domains)
{
    const struct source_more *more = source_more(sources, source);

    if (more->domain_count > 0) {
        memcpy(domains, source_domains(more),
               more->domain_count * sizeof(*domains));
        return more->domain_count;
    }
    if (source->guess_domain == 0)
        return 0;
    domains[0] = (struct source_domain){source->guess_domain, 1};
    return 1;
}

static bool is_domain_ours(const struct sources *sources, uint32_t domain)
{
    return is_served(sources, domain) ||
           rules_list_has(sources->rules, "our-domains",
                          intern_text(&sources->domains, domain));
}

/* Mail of a client of ours goes to others, whose dead addresses are none of
 * ours. */
static bool is_submitting(const struct sources *sources,
                          const struct source *source)
{
    struct source_domain domains[SOURCE_DOMAINS_MAX];
    size_t count;

    if (share_of(source_mail(sources, source)->late_unknown,
                 source->guess_events) < SUBMITTED_SHARE ||
        !source_is_client(sources, source))
        return false;
    count = domains_of(sources, source, domains);
    for (size_t i = 0; i < count; i++)
        if (is_domain_ours(sources, domains[i].domain))
            return false;
    return true;
}

/* The guesses of one that met nobody who exists, though it asked for several
 * at a time and gave each up at once: no list, and no host that asks whether a
 * sender exists. */
static int64_t blind_guesses(const struct sources *sources,
                             const struct source *source)
{
    bool is_blind = source_real_recipients(sources, source) == 0 &&
                    source_mail(sources, source)->taken == 0 &&
                    asks_once(source);

    return is_blind ? source->guesses : 0;
}

/* A bounce goes to one recipient; who asks for many returns nothing. */
static bool sends_as_bounces(const struct source *source)
{
    return source->attempts <= source->senders + source->senders / 4 &&
           share_of(source->null_senders, source->senders) >= RETURNS_SHARE;
}

static bool is_small(const struct source *source)
{
    return source->name == 0 && source->guesses <= RETURNED_FEW;
}

/* Mail that is forged in our name goes to many sites, and comes back from each
 * of them. One that returns more than all the others together, never brought
 * mail and never got any, asks for itself. */
static bool returns_too_much(const struct judge *judge,
                             const struct source *source)
{
    const struct source_mail *mail = source_mail(judge->sources, source);
    uint64_t hours = (source->last - source->first) / 3600 + 1;

    return source->guesses >= RETURNED_MANY &&
           source->guesses >= hours * RETURNED_AN_HOUR &&
           source->guesses > judge->returned && mail->messages == 0 &&
           mail->taken == 0;
}

/* Mail that was forged in our name comes back from honest hosts, to whoever
 * the forger made up. Small ones among them have no name. */
static bool is_returning(const struct judge *judge, const struct source *source)
{
    if (!sends_as_bounces(source))
        return false;
    return is_small(source) ? judge->nameless_return
                            : !is_generic(judge->sources, source) &&
                                  !returns_too_much(judge, source);
}

/*
 * Whoever says MAIL FROM:<> looks like one that returns mail. Most mail hosts
 * have a name: where those that seem to return are nearly all without one, they
 * are no mail hosts, unless names could not be looked up here, which those
 * would show that bring mail.
 */
static void survey_returns(struct judge *judge)
{
    const struct sources *sources = judge->sources;
    uint32_t nameless = 0, named = 0, nameless_mailers = 0, named_mailers = 0;

    for (uint32_t i = 1; i < sources->count; i++) {
        const struct source *source = &sources->items[i];

        if (source->senders == 0)
            continue;
        if (source_mailed_recipients(sources, source) > 0)
            *(source->name == 0 ? &nameless_mailers : &named_mailers) += 1;
        judge->sources->mailed += source_outside_recipients(sources, source);
        if (source->guesses == 0 || !sends_as_bounces(source))
            continue;
        if (source->guesses < RETURNED_MANY)
            judge->returned += source->guesses;
        if (is_small(source))
            nameless++;
        else
            named += !is_generic(sources, source);
    }
    judge->nameless_return = nameless < NAMELESS_MIN ||
                             nameless <= (uint64_t)named * NAMELESS_TIMES ||
                             named_mailers <= nameless_mailers;
}

/* ---- sources by address ---- */

static int order_by_ip(const void *left, const void *right, void *context)
{
    const struct source *items = context;
    const uint32_t *a = left, *b = right;

    return memcmp(&items[*a].ip, &items[*b].ip, sizeof(struct ip));
}

static bool has_mail_or_login(const struct sources *sources,
                              const struct source *source)
{
    const struct source_mail *mail = source_mail(sources, source);

    return mail->delivered > 0 || mail->logins > 0;
}

/* Who showed no event is no member, and without mail that arrived, or a login,
 * no bystander. */
static bool sort_by_ip(struct judge *judge)
{
    struct sources *sources = judge->sources;

    judge->by_ip = calloc(sources->count + 1, sizeof(*judge->by_ip));
    if (judge->by_ip == NULL)
        return false;
    for (uint32_t i = 1; i < sources->count; i++)
        if (sources->items[i].events != 0 ||
            has_mail_or_login(sources, &sources->items[i]))
            judge->by_ip[judge->by_ip_count++] = i;
    qsort_r(judge->by_ip, judge->by_ip_count, sizeof(*judge->by_ip),
            order_by_ip, sources->items);
    return true;
}

/* Of one provider, as far as one can tell. */
static struct cidr network_around(const struct ip *ip)
{
    return (struct cidr){*ip, ip_is_v4(ip) ? NETWORK_V4_BITS : NETWORK_V6_BITS};
}

/* Returns where the next network begins in by_ip. */
static size_t count_logins_near(struct judge *judge, size_t begin)
{
    const struct sources *sources = judge->sources;
    struct cidr network =
        network_around(&sources->items[judge->by_ip[begin]].ip);
    uint64_t logins = 0;
    size_t end = begin;

    for (; end < judge->by_ip_count; end++) {
        const struct source *source = &sources->items[judge->by_ip[end]];

        if (!cidr_contains(&network, &source->ip))
            break;
        logins += source_mail(sources, source)->logins;
    }
    for (size_t i = begin; i < end; i++)
        judge->logins_near[judge->by_ip[i]] =
            logins < UINT32_MAX ? (uint32_t)logins : UINT32_MAX;
    return end;
}

/* Hardly any rule asks. 0 without memory. */
static uint32_t logins_near(struct judge *judge, uint32_t source)
{
    if (judge->logins_near == NULL) {
        if (judge->by_ip == NULL && !sort_by_ip(judge)) {
            judge->has_failed = true;
            return 0;
        }
        judge->logins_near =
            calloc(judge->sources->count, sizeof(*judge->logins_near));
        if (judge->logins_near == NULL) {
            judge->has_failed = true;
            return 0;
        }
        for (size_t i = 0; i < judge->by_ip_count;)
            i = count_logins_near(judge, i);
    }
    return judge->logins_near[source];
}

static bool count_sender_domains(struct judge *judge)
{
    const struct sources *sources = judge->sources;

    judge->sender_uses =
        calloc((size_t)1 << SOURCE_SENDER_BITS, sizeof(*judge->sender_uses));
    if (judge->sender_uses == NULL)
        return false;
    for (uint32_t i = 1; i < sources->count; i++) {
        uint8_t *uses = &judge->sender_uses[sources->items[i].sender_domain];

        *uses = (uint8_t)(*uses + (*uses < UINT8_MAX));
    }
    return true;
}

/* An office's host sends for the office, and hardly anybody else does; a bot
 * forges one domain after the other, or a large one, or that of the victim,
 * as others do. Hardly any rule asks. */
static bool is_steady(struct judge *judge, const struct source *source)
{
    if (source->sender_domain == 0 || source->has_sender_domains ||
        source->senders - source->null_senders < STEADY_ENVELOPES)
        return false;
    if (judge->sender_uses == NULL && !count_sender_domains(judge)) {
        judge->has_failed = true;
        return false;
    }
    return judge->sender_uses[source->sender_domain] <= STEADY_HOSTS;
}

/* ---- what the rules ask for ---- */

static int64_t domain_count(const struct sources *sources,
                            const struct source *source)
{
    unsigned count = source_more(sources, source)->domain_count;

    return count > 0 ? count : source->guess_domain != 0;
}

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
    uint32_t unknown = 0;

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
        give_number(judge, is_generic(sources, source), view_r);
        break;
    case FIELD_FROM_LINE:
        give_number(
            judge,
            name_is_line(names_text(&sources->names, source->name, judge->name),
                         &source->ip),
            view_r);
        break;
    case FIELD_FROM_OURS:
        give_number(judge, why_ours(judge, source) != NULL, view_r);
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
        give_number(judge, mailed_share(sources, source), view_r);
        break;
    case FIELD_FROM_GUESSES:
        give_number(judge, source->guesses, view_r);
        break;
    case FIELD_FROM_GUESSES_ASKED:
        give_number(judge, source->guess_events, view_r);
        break;
    case FIELD_FROM_GUESSES_BLIND:
        give_number(judge, blind_guesses(sources, source), view_r);
        break;
    case FIELD_FROM_GUESSES_SHARE:
        if (source->guesses > 0)
            give_number(judge, guess_share(sources, source), view_r);
        break;
    case FIELD_FROM_DOMAINS:
        give_number(judge, domain_count(sources, source), view_r);
        break;
    case FIELD_FROM_ENVELOPES:
        give_number(judge, source->senders, view_r);
        break;
    case FIELD_FROM_SENDERS_STEADY:
        give_number(judge, is_steady(judge, source), view_r);
        break;
    case FIELD_FROM_SENDERS_OWN:
        give_number(judge, own_share(source), view_r);
        break;
    case FIELD_FROM_RETURNS:
        give_number(judge, is_returning(judge, source), view_r);
        break;
    case FIELD_FROM_SUBMITS:
        give_number(judge, is_submitting(sources, source), view_r);
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
        give_number(judge, source_tried_users(sources, judge->source, &unknown),
                    view_r);
        break;
    case FIELD_FROM_LOGINS_UNKNOWN:
        source_tried_users(sources, judge->source, &unknown);
        give_number(judge, unknown, view_r);
        break;
    case FIELD_FROM_LOGINS_NETWORK:
        give_number(judge, logins_near(judge, judge->source), view_r);
        break;
    case FIELD_FROM_DELIVERED:
        give_number(judge, mail->taken, view_r);
        break;
    default:
        break;
    }
}

static bool holds(struct judge *judge, uint32_t source, uint16_t rule,
                  size_t member_count)
{
    judge->source = source;
    judge->member_count = member_count;
    return rules_judge_source(judge->sources->matcher, rule, fetch, judge) ==
           ANSWER_YES;
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
    const char *why = why_ours(judge, source);

    if (ip_is_loopback(&source->ip))
        return "this host itself, by loopback";
    if (rules_list_has_ip(sources->rules, "our-hosts", &source->ip))
        return "listed in our-hosts: this host, or one of this site";
    if (rules_list_has_ip(sources->rules, "friends", &source->ip))
        return "listed in friends";
    if (why != NULL)
        return why;
    if (is_submitting(sources, source))
        return "its mail goes through here to others";
    if (source_mail(sources, source)->logins > 0)
        return "it logged in";
    if (source->guesses > 0 && guess_share(sources, source) < 50)
        return "most of its recipients exist";
    if (mailed_share(sources, source) >= MUCH_SHARE)
        return "much of the mail comes from it: a filter in front of us?";
    if (source->senders > 0 && own_share(source) >= 50)
        return "it sends for the domain that it is named after";
    if (is_returning(judge, source))
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
    size_t low = 0, high = judge->by_ip_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (memcmp(&judge->sources->items[judge->by_ip[middle]].ip, ip,
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
         i < judge->by_ip_count; i++) {
        const struct source *source = &items[judge->by_ip[i]];

        if (!cidr_contains(&crowd->network, &source->ip))
            break;
        if ((source->events & rule->events) != 0 &&
            !add_member(members, judge->by_ip[i]))
            judge->has_failed = true;
    }
}

static void find_at_domain(struct judge *judge, const struct attacker *crowd,
                           const struct rules_source_rule *rule,
                           struct members *members)
{
    const struct source *items = judge->sources->items;

    for (uint32_t i = judge->guessers_at[crowd->domain];
         i < judge->guessers_at[crowd->domain + 1]; i++) {
        uint32_t number = judge->guessers[i];

        if ((items[number].events & rule->events) != 0 &&
            !is_named(judge, number) && !add_member(members, number))
            judge->has_failed = true;
    }
}

static void find_at_site(struct judge *judge,
                         const struct rules_source_rule *rule,
                         struct members *members)
{
    const struct source *items = judge->sources->items;

    for (size_t i = 0; i < judge->by_ip_count; i++) {
        uint32_t number = judge->by_ip[i];

        if ((items[number].events & rule->events) != 0 &&
            !is_named(judge, number) && !add_member(members, number))
            judge->has_failed = true;
    }
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
            order_by_ip, judge->sources->items);
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

    for (size_t i = 0; i < judge->by_ip_count; i++) {
        uint32_t number = judge->by_ip[i];
        size_t count =
            domains_of(judge->sources, &judge->sources->items[number], domains);

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
    return has_mail_or_login(judge->sources, source) ||
           (source->guesses > 0 && is_returning(judge, source));
}

/* Clients of the network who are no members. */
static size_t count_bystanders(const struct judge *judge,
                               const struct attacker *crowd,
                               const struct members *members)
{
    const struct sources *sources = judge->sources;
    size_t count = 0, next = 0;

    for (size_t i = first_from(judge, &crowd->network.base);
         i < judge->by_ip_count; i++) {
        uint32_t number = judge->by_ip[i];
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
        network = network_around(ip);
        count++;
    }
    return count;
}

enum { NEAR_ROUNDS = 4 };

static int order_firsts(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

static void note_firsts(struct judge *judge, const struct members *members)
{
    judge->first_count = members->count;
    for (size_t i = 0; i < members->count; i++)
        judge->firsts[i] = judge->sources->items[members->items[i]].first;
    qsort(judge->firsts, members->count, sizeof(*judge->firsts), order_firsts);
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
        if (round++ < NEAR_ROUNDS)
            note_firsts(judge, members);
        before = members->count;
        told = judge->bystander_count;
        for (size_t i = 0; i < before; i++)
            if (holds(judge, members->items[i], crowd->source_rule, before))
                members->items[kept++] = members->items[i];
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
    if (order == NULL ||
        (count > 0 && judge->by_ip == NULL && !sort_by_ip(judge)) ||
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
    judge.ours = calloc(sources->count + 1, sizeof(*judge.ours));
    if (judge.named == NULL || judge.crowd_of == NULL || judge.ours == NULL) {
        free(judge.named);
        free(judge.crowd_of);
        free(judge.ours);
        return false;
    }
    sources_sort_tries(sources);
    survey_returns(&judge);
    judge_sources(&judge);
    judge_crowds(&judge, COUNT_BY_NETWORK);
    judge_crowds(&judge, COUNT_BY_DOMAIN);
    judge_crowds(&judge, COUNT_BY_USER);
    judge_crowds(&judge, COUNT_BY_SITE);
    free(judge.crowd_of);
    free(judge.ours);
    free(judge.by_ip);
    free(judge.alarm_of);
    free(judge.logins_near);
    free(judge.sender_uses);
    free(judge.guessers);
    free(judge.guessers_at);
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
    return !judge.has_failed;
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

size_t attacker_domains(const struct sources *sources,
                        const struct attacker *attacker,
                        struct source_domain *domains_r, size_t max)
{
    size_t source_count = attacker->source != 0 ? 1 : attacker->member_count;
    struct source_domain *all =
        calloc(source_count * SOURCE_DOMAINS_MAX + 1, sizeof(*all));
    size_t count = 0, kept = 0;

    if (all == NULL)
        return 0;
    for (size_t i = 0; i < source_count; i++)
        count += domains_of(
            sources,
            &sources->items[attacker->source != 0 ? attacker->source
                                                  : attacker->members[i]],
            all + count);
    qsort(all, count, sizeof(*all), order_domain_numbers);
    for (size_t i = 1; i < count; i++) {
        if (all[i].domain == all[kept].domain)
            all[kept].guesses += all[i].guesses;
        else
            all[++kept] = all[i];
    }
    kept += count > 0;
    qsort(all, kept, sizeof(*all), order_domains);
    if (kept > max)
        kept = max;
    memcpy(domains_r, all, kept * sizeof(*all));
    free(all);
    return kept;
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
