#include "qscan/sourcefacts.h"

#include <stdlib.h>

#include "parsers/array.h"
#include "parsers/bytes.h"
#include "parsers/hash.h"
#include "parsers/hostname.h"
#include "qscan/logrecord.h"
#include "qscan/shares.h"

enum {
    NETWORK_V4_BITS = 96 + 24,
    NETWORK_V6_BITS = 48,
    /* A domain that so many clients guessed at is served here; a remote domain
     * that a user of ours mistyped is not. */
    SERVED_SOURCES = 3,
    LATE_FAILURES_MIN = 100, /* of one who logs in after all ... */
    LATE_FAILURES_TIMES = 4, /* ... for each time that he does */
    ONE_USER_FAILURES = 24,  /* each way to write a name a few times */
    RETURNS_SHARE = 80,   /* null senders of a hundred envelopes, or guesses */
    RETURNED_FEW = 2,     /* bounces from a host without a name */
    RETURNED_MANY = 1000, /* bounces that no host returns alone ... */
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
    STEADY_ENVELOPES = 3, /* of one domain are no accident */
    STEADY_HOSTS = 3,     /* that a small site sends by */
    STEADY_SEC = 24 * 3600,
    OWNER_MAIL_MIN = 100, /* recipients; of fewer a share says nothing */
    ASTRAY_OWNERS = 3,    /* whose mail arrives, and whose hosts look for a
                             domain here, ... */
    OWNER_WORTH = 2,      /* ... or some of them, and twice as many of which */
    STRANGERS_MAX = 4,    /* none does, but no more than these */
    SHARED_NETWORKS = 5,  /* from which one user is tried in vain */
    KNOWN_FEW = 8,        /* guesses of a host, fewer than attack; ... */
    KNOWN_MANY = 64,      /* ... of one that returns what was forged */
    KNOWN_MAX = 1 << 19,  /* guesses that are looked at for it */
    SUBMITTED_SHARE = 80, /* guesses of a client of ours that were accepted */
};

_Static_assert((int)PADDING_MAX < (int)SOURCE_TOLD_APART_MAX,
               "one more is told apart from so many");

/* What makes a source one of ours. */
enum ours { OURS_NOT_ASKED, OURS_NOT, OURS_HOP, OURS_NAME, OURS_RELAY };

/* ---- one of ours? ---- */

static bool is_served(const struct sources *sources, uint32_t domain)
{
    return domain != 0 && domain < sources->target_capacity &&
           sources->targets[domain].guess_sources >= SERVED_SOURCES;
}

/* The hosts of mailing services are numbered by their addresses, too. */
static bool is_called_mail_host(struct slice name)
{
    static const struct slice words[] = {
        SLICE_TEXT("smtp"),  SLICE_TEXT("mail"),    SLICE_TEXT("email"),
        SLICE_TEXT("mta"),   SLICE_TEXT("mx"),      SLICE_TEXT("mailout"),
        SLICE_TEXT("relay"), SLICE_TEXT("outbound")};
    struct slice owner = name_owner(name);
    struct slice hosts = slice_head(name, name.len - owner.len);

    while (hosts.len > 0) {
        size_t len = 0;

        while (len < hosts.len && byte_is_letter(hosts.ptr[len]))
            len++;
        for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
            if (slice_equal_nocase(slice_head(hosts, len), words[i]))
                return true;
        hosts = slice_skip(hosts, len + 1);
    }
    return false;
}

bool fact_is_generic(const struct sources *sources, const struct source *source)
{
    char room[NAMES_TEXT_MAX];
    struct slice name = names_text(&sources->names, source->name, room);

    return name.len == 0 ||
           (name_is_generic(name, &source->ip) && !is_called_mail_host(name));
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
            return !fact_is_generic(sources, source);
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
static bool find_relay(struct source_facts *facts, const struct source *source)
{
    const struct sources *sources = facts->sources;
    const struct guess_list *list = source_guess_list(sources, source);
    struct overlap overlap = {0};
    bool is_relay;

    if (source->guesses < RELAYED_MIN || list == NULL ||
        source_mail(sources, source)->late_unknown > 0 ||
        !is_named_like_log_host(sources, source) ||
        facts->relays_asked == RELAYS_ASKED_MAX)
        return false;
    facts->relays_asked++;
    overlap.guesses = &list->all;
    for (uint32_t i = 1; i < sources->count; i++)
        if (source_mail(sources, &sources->items[i])->late_unknown > 0)
            source_each_guess(sources, &sources->items[i],
                              (struct guess_part){0, 0}, find_overlap,
                              &overlap);
    is_relay =
        overlap.found.count * 100 >= (uint64_t)source->guesses * RELAYED_SHARE;
    facts->has_failed = facts->has_failed || overlap.has_failed;
    hash_set_free(&overlap.found);
    return is_relay;
}

static enum ours find_ours(struct source_facts *facts,
                           const struct source *source)
{
    if (is_next_hop(facts->sources, source))
        return OURS_HOP;
    if (is_named_ours(facts->sources, source))
        return OURS_NAME;
    return find_relay(facts, source) ? OURS_RELAY : OURS_NOT;
}

const char *fact_why_ours(struct source_facts *facts,
                          const struct source *source)
{
    static const char *const whys[] = {
        [OURS_NOT] = NULL,
        [OURS_HOP] = "mail for a domain served here goes to it",
        [OURS_NAME] = "its name lies under a domain served here",
        [OURS_RELAY] = "a host of these logs, which relays what others guess"};
    uint8_t *ours = &facts->ours[source - facts->sources->items];

    if (*ours == OURS_NOT_ASKED)
        *ours = (uint8_t)find_ours(facts, source);
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
int64_t fact_guess_share(const struct sources *sources,
                         const struct source *source)
{
    uint64_t guesses = source->guesses;
    uint64_t all = guesses + (is_padding(sources, source)
                                  ? source_reached(sources, source)
                                  : source_mailed_recipients(sources, source));

    return share_of(guesses, all);
}

/* Padding is no mail that anybody would miss. */
int64_t fact_mailed_share(const struct sources *sources,
                          const struct source *source)
{
    return is_padding(sources, source)
               ? 0
               : share_of(source_mailed_recipients(sources, source),
                          sources->mailed);
}

int64_t fact_own_share(const struct source *source)
{
    return share_of(source->own_senders, source->senders);
}

size_t fact_domains(const struct sources *sources, const struct source *source,
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

int64_t fact_domain_count(const struct sources *sources,
                          const struct source *source)
{
    unsigned count = source_more(sources, source)->domain_count;

    return count > 0 ? count : source->guess_domain != 0;
}

static bool is_domain_ours(const struct sources *sources, uint32_t domain)
{
    return is_served(sources, domain) ||
           rules_list_has(sources->rules, "our-domains",
                          intern_text(&sources->domains, domain));
}

bool fact_is_late_login(const struct sources *sources,
                        const struct source *source)
{
    const struct source_mail *mail = source_mail(sources, source);

    return mail->logins > 0 && mail->login_failures >= LATE_FAILURES_MIN &&
           mail->login_failures / LATE_FAILURES_TIMES >= mail->logins;
}

/* Mail of a client of ours goes to others, whose dead addresses are none of
 * ours. */
bool fact_is_submitting(const struct sources *sources,
                        const struct source *source)
{
    struct source_domain domains[SOURCE_DOMAINS_MAX];
    size_t count;

    if (share_of(source_mail(sources, source)->late_unknown,
                 source->guess_events) < SUBMITTED_SHARE ||
        !source_is_client(sources, source))
        return false;
    count = fact_domains(sources, source, domains);
    for (size_t i = 0; i < count; i++)
        if (is_domain_ours(sources, domains[i].domain))
            return false;
    return true;
}

/* The guesses of one that met nobody who exists, though it asked for several
 * at a time and gave each up at once: no list, and no host that asks whether a
 * sender exists. */
int64_t fact_blind_guesses(const struct sources *sources,
                           const struct source *source)
{
    bool is_blind = source_real_recipients(sources, source) == 0 &&
                    source_mail(sources, source)->taken == 0 &&
                    asks_once(source);

    return is_blind ? source->guesses : 0;
}

/* A bounce goes to one recipient; who asks for many, or guesses without them,
 * returns nothing. What came with a sender and arrived is the mail of a
 * provider's users. */
static bool sends_as_bounces(const struct sources *sources,
                             const struct source *source)
{
    uint64_t mailed = source_mailed_recipients(sources, source);
    uint64_t others = source->senders - source->null_senders;
    uint64_t asked =
        source->guess_events + source_real_recipients(sources, source);

    others = others > mailed ? others - mailed : 0;
    return asked <= source->senders + source->senders / 4 &&
           share_of(source->null_senders, source->guesses) >= RETURNS_SHARE &&
           share_of(source->null_senders, source->null_senders + others) >=
               RETURNS_SHARE;
}

static bool is_small(const struct sources *sources, const struct source *source)
{
    return source->guesses <= RETURNED_FEW && fact_is_generic(sources, source);
}

/* Mail that is forged in our name goes to many sites, and comes back from each
 * of them. One that returns more than all the others together, never brought
 * mail and never got any, asks for itself. */
static bool returns_too_much(const struct source_facts *facts,
                             const struct source *source)
{
    const struct source_mail *mail = source_mail(facts->sources, source);
    uint64_t hours = (source->last - source->first) / 3600 + 1;

    return source->guesses >= RETURNED_MANY &&
           source->guesses >= hours * RETURNED_AN_HOUR &&
           source->guesses > facts->returned && mail->messages == 0 &&
           mail->taken == 0;
}

/* Mail that was forged in our name comes back from honest hosts, to whoever
 * the forger made up. Small ones among them have no name. */
bool fact_is_returning(const struct source_facts *facts,
                       const struct source *source)
{
    if (!sends_as_bounces(facts->sources, source))
        return false;
    if (fact_is_generic(facts->sources, source))
        return source->guesses <= RETURNED_FEW && facts->nameless_return;
    return !returns_too_much(facts, source);
}

/*
 * Whoever says MAIL FROM:<> looks like one that returns mail. Most mail hosts
 * have a name: where those that seem to return are nearly all without one, they
 * are no mail hosts, unless names could not be looked up here, which those
 * would show that bring mail.
 */
static void survey_returns(struct source_facts *facts)
{
    const struct sources *sources = facts->sources;
    uint32_t nameless = 0, named = 0, nameless_mailers = 0, named_mailers = 0;

    for (uint32_t i = 1; i < sources->count; i++) {
        const struct source *source = &sources->items[i];

        if (source->senders == 0)
            continue;
        if (source_mailed_recipients(sources, source) > 0)
            *(source->name == 0 ? &nameless_mailers : &named_mailers) += 1;
        facts->sources->mailed += source_outside_recipients(sources, source);
        if (source->guesses == 0 || !sends_as_bounces(sources, source))
            continue;
        if (source->guesses < RETURNED_MANY)
            facts->returned += source->guesses;
        if (is_small(sources, source))
            nameless++;
        else
            named += !fact_is_generic(sources, source);
    }
    facts->nameless_return = nameless < NAMELESS_MIN ||
                             nameless <= (uint64_t)named * NAMELESS_TIMES ||
                             named_mailers <= nameless_mailers;
}

/* ---- sources by address ---- */

int fact_order_by_ip(const void *left, const void *right, void *context)
{
    const struct source *items = context;
    const uint32_t *a = left, *b = right;

    return memcmp(&items[*a].ip, &items[*b].ip, sizeof(struct ip));
}

bool fact_has_mail_or_login(const struct sources *sources,
                            const struct source *source)
{
    const struct source_mail *mail = source_mail(sources, source);

    return mail->delivered > 0 || mail->logins > 0;
}

bool source_facts_sort(struct source_facts *facts)
{
    struct sources *sources = facts->sources;

    if (facts->by_ip != NULL)
        return true;
    facts->by_ip = calloc(sources->count + 1, sizeof(*facts->by_ip));
    if (facts->by_ip == NULL)
        return false;
    for (uint32_t i = 1; i < sources->count; i++)
        if (sources->items[i].events != 0 ||
            fact_has_mail_or_login(sources, &sources->items[i]))
            facts->by_ip[facts->by_ip_count++] = i;
    qsort_r(facts->by_ip, facts->by_ip_count, sizeof(*facts->by_ip),
            fact_order_by_ip, sources->items);
    return true;
}

/* Of one provider, as far as one can tell. */
struct cidr fact_network(const struct ip *ip)
{
    return (struct cidr){*ip, ip_is_v4(ip) ? NETWORK_V4_BITS : NETWORK_V6_BITS};
}

/* Returns where the next network begins in by_ip. */
static size_t count_logins_near(struct source_facts *facts, size_t begin)
{
    const struct sources *sources = facts->sources;
    struct cidr network = fact_network(&sources->items[facts->by_ip[begin]].ip);
    uint64_t logins = 0;
    size_t end = begin;

    for (; end < facts->by_ip_count; end++) {
        const struct source *source = &sources->items[facts->by_ip[end]];

        if (!cidr_contains(&network, &source->ip))
            break;
        logins += source_mail(sources, source)->logins;
    }
    for (size_t i = begin; i < end; i++)
        facts->logins_near[facts->by_ip[i]] =
            logins < UINT32_MAX ? (uint32_t)logins : UINT32_MAX;
    return end;
}

/* Hardly any rule asks. 0 without memory. */
uint32_t fact_logins_near(struct source_facts *facts, uint32_t source)
{
    if (facts->logins_near == NULL) {
        if (!source_facts_sort(facts)) {
            facts->has_failed = true;
            return 0;
        }
        facts->logins_near =
            calloc(facts->sources->count, sizeof(*facts->logins_near));
        if (facts->logins_near == NULL) {
            facts->has_failed = true;
            return 0;
        }
        for (size_t i = 0; i < facts->by_ip_count;)
            i = count_logins_near(facts, i);
    }
    return facts->logins_near[source];
}

/* ---- whom it sends for, and as whom ---- */

static void count_up(uint8_t *count, unsigned more)
{
    *count = (uint8_t)(*count < UINT8_MAX - more ? *count + more : UINT8_MAX);
}

static bool count_sender_domains(struct source_facts *facts)
{
    const struct sources *sources = facts->sources;

    facts->sender_uses =
        calloc((size_t)1 << SOURCE_SENDER_BITS, sizeof(*facts->sender_uses));
    if (facts->sender_uses == NULL)
        return false;
    for (uint32_t i = 1; i < sources->count; i++)
        count_up(&facts->sender_uses[sources->items[i].sender_domain], 1);
    return true;
}

/* Something speaks for it beside what it says of itself. */
static bool is_lasting(const struct sources *sources,
                       const struct source *source)
{
    return source_mailed_recipients(sources, source) > 0 ||
           source_mail(sources, source)->taken > 0 ||
           source->last - source->first >= STEADY_SEC;
}

/* An office's host sends for the office, and hardly anybody else does; a bot
 * forges one domain after the other, or a large one, or that of the victim,
 * as others do. Hardly any rule asks. */
bool fact_is_steady(struct source_facts *facts, const struct source *source)
{
    if (source->sender_domain == 0 || source->has_sender_domains ||
        source->senders - source->null_senders < STEADY_ENVELOPES ||
        !is_lasting(facts->sources, source))
        return false;
    if (facts->sender_uses == NULL && !count_sender_domains(facts)) {
        facts->has_failed = true;
        return false;
    }
    return facts->sender_uses[source->sender_domain] <= STEADY_HOSTS;
}

struct login_tries fact_login_tries(const struct sources *sources,
                                    uint32_t source)
{
    size_t count;
    const struct source_pair *tries =
        source_pairs_find(&sources->tries, source, &count);
    struct login_tries result = {.users = (uint32_t)count};
    size_t domain_count;

    (void)source_pairs_find(&sources->try_domains, source, &domain_count);
    if (domain_count > count) /* one name in several is several users */
        result.users = (uint32_t)domain_count;
    for (size_t i = 0; i < count; i++)
        result.unknown += !sources_has_user(sources, tries[i].what);
    return result;
}

/* A phone is set up as "ann", "ann.smith", "ann.smith@example.org": who guesses
 * has other names. Of tries, the first ones, the first letter is known. */
bool fact_is_one_user(const struct sources *sources, uint32_t source)
{
    size_t count, known = 0;
    const struct source_pair *tries =
        source_pairs_find(&sources->tries, source, &count);

    if (source_mail(sources, &sources->items[source])->login_failures >
        ONE_USER_FAILURES)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (record_user_letter(tries[i].what) !=
            record_user_letter(tries[0].what))
            return false;
        known += sources_has_user(sources, tries[i].what);
    }
    return known > 0;
}

int fact_order_numbers(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;

    return (a > b) - (a < b);
}

static bool is_in(const struct fact_numbers *numbers, uint32_t number)
{
    return bsearch(&number, numbers->items, numbers->count, sizeof(number),
                   fact_order_numbers) != NULL;
}

/* A user whom a host of a network failed to be. */
struct try_from {
    uint32_t user;
    uint64_t network;
};

static int order_tries(const void *left, const void *right)
{
    const struct try_from *a = left, *b = right;

    if (a->user != b->user)
        return a->user < b->user ? -1 : 1;
    return (a->network > b->network) - (a->network < b->network);
}

static uint64_t network_hash(const struct sources *sources, const struct ip *ip)
{
    struct cidr network = fact_network(ip);
    struct slice bytes = slice_make((const char *)ip->bytes, network.bits / 8);

    return keyed_hash(sources->key, bytes);
}

/* Keeps the users of a sorted list that stand there often enough. */
static void keep_shared(struct fact_numbers *shared, const struct try_from *all,
                        size_t count)
{
    size_t networks = 0;

    for (size_t i = 0; i < count; i++) {
        bool is_same = i > 0 && all[i].user == all[i - 1].user;

        if (is_same && all[i].network == all[i - 1].network)
            continue;
        networks = is_same ? networks + 1 : 1;
        if (networks == SHARED_NETWORKS)
            shared->items[shared->count++] = all[i].user;
    }
}

static bool index_tries(struct source_facts *facts)
{
    const struct sources *sources = facts->sources;
    const struct source_pairs *tries = &sources->tries;
    struct try_from *all = calloc(tries->count, sizeof(*all));
    struct fact_numbers *shared = &facts->shared_users;
    size_t count = 0;

    shared->items = calloc(tries->count, sizeof(*shared->items));
    if (all == NULL || shared->items == NULL) {
        free(all);
        return false;
    }
    for (size_t i = 0; i < tries->count; i++) {
        const struct source *source = &sources->items[tries->items[i].source];

        if (source_mail(sources, source)->logins == 0)
            all[count++] = (struct try_from){
                tries->items[i].what, network_hash(sources, &source->ip)};
    }
    qsort(all, count, sizeof(*all), order_tries);
    keep_shared(shared, all, count);
    free(all);
    return true;
}

uint32_t fact_shared_tries(struct source_facts *facts, uint32_t source)
{
    size_t count;
    const struct source_pair *tries =
        source_pairs_find(&facts->sources->tries, source, &count);
    uint32_t shared = 0;

    if (count == 0)
        return 0;
    if (facts->shared_users.items == NULL && !index_tries(facts)) {
        facts->has_failed = true;
        return 0;
    }
    for (size_t i = 0; i < count; i++)
        shared += is_in(&facts->shared_users, tries[i].what);
    return shared;
}

/* ---- hosts of one owner ---- */

/* 0 without one: a line's is the provider, not who has the line. */
static uint64_t owner_of(const struct sources *sources,
                         const struct source *source)
{
    char room[NAMES_TEXT_MAX], lower[256];
    struct slice name = names_text(&sources->names, source->name, room);
    struct slice owner = name_owner(name);

    if (owner.len == 0 || owner.len > sizeof(lower) ||
        fact_is_generic(sources, source) || name_is_line(name, &source->ip))
        return 0;
    return record_address_hash(sources->key, record_lower(owner, lower));
}

static int order_owners(const void *left, const void *right)
{
    const struct owner_mail *a = left, *b = right;

    return (a->owner > b->owner) - (a->owner < b->owner);
}

static bool sum_owners(struct source_facts *facts)
{
    const struct sources *sources = facts->sources;
    size_t capacity = 0, kept = 0;

    facts->has_owners = true;
    for (uint32_t i = 1; i < sources->count; i++) {
        const struct source *source = &sources->items[i];
        struct owner_mail one = {
            .mailed = source_outside_recipients(sources, source)};
        struct owner_mail *owners;

        if (one.mailed > 0 && !is_padding(sources, source))
            one.owner = owner_of(sources, source);
        if (one.owner == 0)
            continue;
        owners = array_with_room(facts->owners, facts->owner_count, &capacity,
                                 sizeof(*owners));
        if (owners == NULL) {
            facts->owner_count = 0;
            return false;
        }
        facts->owners = owners;
        owners[facts->owner_count++] = one;
    }
    if (facts->owner_count == 0)
        return true;
    qsort(facts->owners, facts->owner_count, sizeof(*facts->owners),
          order_owners);
    for (size_t i = 1; i < facts->owner_count; i++) {
        if (facts->owners[i].owner == facts->owners[kept].owner)
            facts->owners[kept].mailed += facts->owners[i].mailed;
        else
            facts->owners[++kept] = facts->owners[i];
    }
    facts->owner_count = kept + 1;
    return true;
}

/* A filter in front of us, or a large provider, has many hosts. Hardly any rule
 * asks. */
int64_t fact_owner_share(struct source_facts *facts,
                         const struct source *source)
{
    struct owner_mail wanted = {.owner = owner_of(facts->sources, source)};
    const struct owner_mail *found;

    if (wanted.owner == 0)
        return 0;
    if (!facts->has_owners && !sum_owners(facts)) {
        facts->has_failed = true;
        return 0;
    }
    found = facts->owner_count == 0
                ? NULL
                : bsearch(&wanted, facts->owners, facts->owner_count,
                          sizeof(wanted), order_owners);
    return found == NULL || found->mailed < OWNER_MAIL_MIN
               ? 0
               : share_of(found->mailed, facts->sources->mailed);
}

/* ---- whom mail hosts ask for, too ---- */

struct asked_for {
    struct source_facts *facts;
    struct hash_set seen, pairs; /* guesses; the same with an owner each */
    uint64_t owner;              /* at hand */
};

static void note_asked(void *context, uint64_t hash)
{
    struct asked_for *asked = context;
    uint64_t pair = (hash ^ asked->owner) * UINT64_C(0x9e3779b97f4a7c15);
    int is_new = hash_set_add(&asked->pairs, pair == 0 ? 1 : pair);

    if (is_new > 0) {
        is_new = hash_set_add(&asked->seen, hash);
        if (is_new == 0)
            is_new = hash_set_add(&asked->facts->known, hash);
    }
    asked->facts->has_failed |= is_new < 0;
}

/* A few guesses are a mail host's that has old addresses, or bounces. */
static bool asks_as_mail_host(const struct source_facts *facts,
                              const struct source *source)
{
    return source->guesses > 0 &&
           (source->guesses < KNOWN_FEW ||
            (source->guesses < KNOWN_MANY && fact_is_returning(facts, source)));
}

/* As many sources as there is room for, in the order in which they came. */
static void gather_known(struct source_facts *facts)
{
    const struct sources *sources = facts->sources;
    struct asked_for asked = {.facts = facts};

    facts->has_known = true;
    for (uint32_t i = 1; i < sources->count; i++) {
        const struct source *source = &sources->items[i];

        if (!asks_as_mail_host(facts, source) ||
            asked.pairs.count + source->guesses > KNOWN_MAX)
            continue;
        asked.owner = owner_of(sources, source);
        if (asked.owner != 0)
            source_each_guess(sources, source, (struct guess_part){0, 0},
                              note_asked, &asked);
    }
    hash_set_free(&asked.seen);
    hash_set_free(&asked.pairs);
}

struct known_count {
    const struct hash_set *known;
    uint32_t found;
};

static void count_known(void *context, uint64_t hash)
{
    struct known_count *count = context;

    count->found += hash_set_has(count->known, hash);
}

int64_t fact_known_share(struct source_facts *facts,
                         const struct source *source)
{
    struct known_count count = {.known = &facts->known};

    if (!facts->has_known)
        gather_known(facts);
    if (facts->known.count > 0)
        source_each_guess(facts->sources, source, (struct guess_part){0, 0},
                          count_known, &count);
    return share_of(count.found, source->guesses);
}

/* To whom mail was delivered. */
static bool list_mailboxes(struct source_facts *facts)
{
    const struct topk *delivered = facts->sources->delivered;
    size_t count = delivered == NULL ? 0 : delivered->count;
    struct fact_numbers *mailboxes = &facts->mailboxes;

    mailboxes->items = calloc(count + 1, sizeof(*mailboxes->items));
    if (mailboxes->items == NULL) {
        facts->has_failed = true;
        return false;
    }
    for (size_t i = 0; i < count; i++)
        mailboxes->items[i] = (uint32_t)delivered->rows[i].hash;
    mailboxes->count = count;
    qsort(mailboxes->items, count, sizeof(*mailboxes->items),
          fact_order_numbers);
    return true;
}

struct alive_count {
    const struct fact_numbers *mailboxes;
    uint32_t found;
};

static void count_alive(void *context, uint64_t hash)
{
    struct alive_count *count = context;

    count->found += is_in(count->mailboxes, (uint32_t)hash);
}

int64_t fact_alive_share(struct source_facts *facts,
                         const struct source *source)
{
    struct alive_count count = {.mailboxes = &facts->mailboxes};

    if (facts->mailboxes.items != NULL || list_mailboxes(facts))
        source_each_guess(facts->sources, source, (struct guess_part){0, 0},
                          count_alive, &count);
    return share_of(count.found, source->guesses);
}

/* ---- to which domains it was denied relaying ---- */

/* A domain that hosts of an owner were denied. */
struct look_up {
    uint32_t domain;
    bool is_stranger; /* none of whose mail arrived */
    uint64_t owner;
};

static int order_look_ups(const void *left, const void *right)
{
    const struct look_up *a = left, *b = right;

    if (a->domain != b->domain)
        return a->domain < b->domain ? -1 : 1;
    if (a->owner != b->owner)
        return a->owner < b->owner ? -1 : 1;
    return a->is_stranger - b->is_stranger;
}

/* Mail that arrived speaks for an owner as two without do, of whom some may be
 * testers that want one drop box. */
static void count_owners(struct source_facts *facts, struct look_up *all,
                         size_t count)
{
    unsigned strangers = 0;

    qsort(all, count, sizeof(*all), order_look_ups);
    for (size_t i = 0; i < count; i++) {
        bool is_first = i == 0 || all[i].domain != all[i - 1].domain;

        if (!is_first && all[i].owner == all[i - 1].owner)
            continue;
        strangers = is_first ? 0 : strangers;
        if (!all[i].is_stranger)
            count_up(&facts->looked_up[all[i].domain], OWNER_WORTH);
        else if (strangers++ < STRANGERS_MAX)
            count_up(&facts->looked_up[all[i].domain], 1);
    }
}

/* Of each domain the owners. */
static bool index_denials(struct source_facts *facts)
{
    const struct sources *sources = facts->sources;
    const struct source_pairs *denials = &sources->denials;
    struct look_up *all = calloc(denials->count, sizeof(*all));
    size_t count = 0;

    facts->looked_up =
        calloc(sources->domains.count + 1u, sizeof(*facts->looked_up));
    if (facts->looked_up == NULL || all == NULL) {
        free(all);
        return false;
    }
    for (size_t i = 0; i < denials->count; i++) {
        const struct source *source = &sources->items[denials->items[i].source];

        all[count].domain = denials->items[i].what;
        all[count].is_stranger = source_mail(sources, source)->delivered == 0;
        all[count].owner = owner_of(sources, source);
        count += all[count].owner != 0;
    }
    if (count > 0)
        count_owners(facts, all, count);
    free(all);
    return true;
}

/* Mail hosts send to a domain by its MX: when several are denied, it is one
 * that left us, and whose MX still leads here. Who tries whether we relay wants
 * to reach one that no mail host looks for here. Hardly any rule asks. */
bool fact_is_astray(struct source_facts *facts, uint32_t source)
{
    const struct sources *sources = facts->sources;
    size_t count;
    const struct source_pair *denials =
        source_pairs_find(&sources->denials, source, &count);

    if (count == 0 || sources->items[source].has_more_denials)
        return false;
    if (facts->looked_up == NULL && !index_denials(facts)) {
        facts->has_failed = true;
        return false;
    }
    for (size_t i = 0; i < count; i++)
        if (facts->looked_up[denials[i].what] < ASTRAY_OWNERS * OWNER_WORTH)
            return false;
    return true;
}

/* ---- users of ours ---- */

/* As of struct source. */
static uint32_t sender_domain_of(const struct sources *sources, uint32_t domain)
{
    uint64_t hash = record_address_hash(sources->key,
                                        intern_text(&sources->domains, domain));

    return source_sender_domain((uint32_t)hash);
}

static bool list_our_domains(struct source_facts *facts)
{
    const struct sources *sources = facts->sources;
    struct fact_numbers *ours = &facts->our_domains;

    ours->items = calloc(sources->domains.count + 1u, sizeof(*ours->items));
    if (ours->items == NULL) {
        facts->has_failed = true;
        return false;
    }
    for (uint32_t d = 1; d < sources->domains.count; d++)
        if (is_domain_ours(sources, d))
            ours->items[ours->count++] = sender_domain_of(sources, d);
    qsort(ours->items, ours->count, sizeof(*ours->items), fact_order_numbers);
    return true;
}

/* Of a large log not all are at hand who got mail, nor, of many that were
 * denied, all names: then the domain must do. */
static bool is_all_known(const struct sources *sources)
{
    return !sources->has_lost_senders && sources->delivered != NULL &&
           sources->delivered->error_max == 0 &&
           !sources->delivered->has_failed;
}

bool fact_is_resident(struct source_facts *facts, uint32_t number)
{
    const struct sources *sources = facts->sources;
    const struct source *source = &sources->items[number];
    size_t count;
    const struct source_pair *senders =
        source_pairs_find(&sources->denied_senders, number, &count);

    if (source->senders > DENIED_SENDERS_MAX || source->has_sender_domains)
        return false;
    if ((facts->our_domains.items == NULL && !list_our_domains(facts)) ||
        (facts->mailboxes.items == NULL && !list_mailboxes(facts)))
        return false;
    if (!is_in(&facts->our_domains, source->sender_domain))
        return false;
    if (!is_all_known(sources))
        return true;
    for (size_t i = 0; i < count; i++)
        if (!is_in(&facts->mailboxes, senders[i].what))
            return false;
    return count > 0;
}

/* ---- all of them ---- */

bool source_facts_init(struct source_facts *facts, struct sources *sources)
{
    *facts = (struct source_facts){.sources = sources};
    facts->ours = calloc(sources->count + 1, sizeof(*facts->ours));
    if (facts->ours == NULL)
        return false;
    source_pairs_sort(&sources->tries);
    source_pairs_sort(&sources->try_domains);
    source_pairs_sort(&sources->denials);
    source_pairs_sort(&sources->denied_senders);
    survey_returns(facts);
    return true;
}

void source_facts_free(struct source_facts *facts)
{
    free(facts->by_ip);
    free(facts->logins_near);
    free(facts->sender_uses);
    free(facts->looked_up);
    free(facts->shared_users.items);
    free(facts->our_domains.items);
    free(facts->mailboxes.items);
    hash_set_free(&facts->known);
    free(facts->owners);
    free(facts->ours);
}
