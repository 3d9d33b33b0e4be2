/*
 * Who connected: one record a client address, and the verdict of the rules on
 * source. Filled by the join, in the order of log time; judged once, at the
 * end.
 */
#ifndef QSCAN_SOURCES_H
#define QSCAN_SOURCES_H

#include "parsers/address.h"
#include "qscan/buffer.h"
#include "qscan/intern.h"
#include "qscan/names.h"
#include "qscan/topk.h"
#include "rules/logs.h"

enum {
    GUESSES_MAX = 10000, /* distinct recipients that are told apart */
    SOURCE_NAMES_MAX = 3,
    SOURCE_NAME_BITS = 40, /* of a keyed hash: two names of one are one name */
    SOURCE_SENDER_BITS = 21, /* the same of a sender's domain */
    SOURCE_SAMPLES_MAX = 6,
    SOURCE_DOMAINS_MAX = 16,
    SOURCE_USERS_MAX = 3, /* that log in, told apart */
    TRIES_MAX = 8,        /* failed logins of a source whose users are kept */
    DENIALS_MAX = 100,    /* attempts of a source, the denied of which are */
    DENIED_MIN = 3,       /* attempts, before senders are kept, */
    DENIED_SENDERS_MAX = 1000,   /* and envelopes, after which none is */
    DENIED_SENDERS_RECENT = 256, /* remembered, so that few come twice */
    KEPT_MAX = 1 << 21,          /* of these, of all sources together */
    SOURCE_REACHED_MAX = 4,
    SOURCE_TOLD_APART_MAX = 9, /* recipients that its mail was delivered to */
    SAMPLES_MAX = 1 << 17,     /* texts of guesses, of all sources together */
    EVIDENCE_MAX_BYTES = 400,
    MEMBERS_SHOWN_MAX = 100000,
};

struct source_domain {
    uint32_t domain;  /* number in domains */
    uint32_t guesses; /* events of it, not distinct */
};

enum {
    SOURCE_DOMAINS_NEAR = 2,
    SOURCE_GUESSES_NEAR = 3, /* besides the first */
};

/* There may be a million sources that guessed once or twice and were never seen
 * again. A row each must be small; what few of them have stands in rows of its
 * own. Rows number 0 are zeros, and stand for what a source has not. */

/* Of a source with many guesses. */
struct guess_list {
    struct hash_set all;
    uint64_t last_prefix; /* first bytes of the last one */
    bool has_last;
    uint16_t ascending, compared; /* that follow the one before in the alphabet,
                                     of so many */
};

/* Of a source with more than the first guess, or with texts. */
struct source_more {
    union {
        uint64_t near[SOURCE_GUESSES_NEAR]; /* behind the first */
        struct guess_list *far;             /* owned; once there are more */
    } guesses;                              /* by source_each_guess */
    union {
        struct source_domain near[SOURCE_DOMAINS_NEAR];
        struct source_domain *far; /* owned; domain_capacity > 0 */
    } domains;                     /* by source_domains */
    uint32_t texts;                /* its row */
    uint8_t domain_count, domain_capacity;
};

/* Of a source with further samples or names, or with a login. */
struct source_texts {
    uint32_t samples[SOURCE_SAMPLES_MAX]; /* numbers in samples */
    uint32_t names[SOURCE_NAMES_MAX];     /* numbers in names; further ones */
    uint32_t users[SOURCE_USERS_MAX];     /* parts of hashes */
    uint32_t reached[SOURCE_REACHED_MAX]; /* numbers in samples */
    uint8_t sample_count, name_count, user_count, reached_count;
};

/* Of a source that brought or took mail, or logged in, or tried to. */
struct source_mail {
    uint64_t bytes;        /* of messages */
    uint32_t messages;     /* accepted */
    uint32_t accepted;     /* recipients that were not refused */
    uint32_t mailed;       /* of those: mail for them came, too */
    uint32_t late_unknown; /* of those: found not to exist later */
    uint32_t delivered;    /* of those: delivered, "what got through" */
    uint32_t logins, login_failures;
    uint32_t bounces;        /* of ours that its mail caused */
    uint32_t taken;          /* deliveries that this host took from us */
    uint32_t hop_domains[2]; /* domains for which it took or refused mail */
    /* To how many different recipients mail was delivered: the row of those
     * that are told apart, and how often it went to others. */
    uint32_t reached : 24, reached_more : 8;
};

_Static_assert(sizeof(struct source_mail) == 56, "there are many of them");

/* Of a source that guesses, and sends mail as well. Of two recipients whose
 * hashes have the same half one is not counted; nobody can choose them. */
struct source_reached {
    uint32_t recipients[SOURCE_TOLD_APART_MAX]; /* halves of keyed hashes */
    uint32_t count;
};

struct source {
    struct ip ip;
    uint64_t events;       /* bit per event that it showed */
    uint64_t settled;      /* of the watch */
    uint64_t guess;        /* hash of the first guess */
    uint32_t more, mail;   /* its rows */
    uint32_t name;         /* number in names: confirmed; 0 = none */
    uint32_t first, last;  /* epoch s */
    uint32_t attempts;     /* recipients asked for, logins tried, probes */
    uint32_t guess_events; /* how often it asked for one of its guesses */
    uint32_t senders, own_senders; /* envelopes; sender under its name */
    uint32_t null_senders;         /* of the envelopes */
    uint32_t guess_domain;         /* number in domains */
    uint32_t guesses : 14;         /* distinct, up to GUESSES_MAX */
    uint32_t guess_sample : 17;    /* number in samples */
    bool has_more_guesses : 1;     /* than GUESSES_MAX */
    uint64_t name_hash : SOURCE_NAME_BITS;       /* of name */
    uint64_t sender_domain : SOURCE_SENDER_BITS; /* the first; 0: none */
    bool has_sender_domains : 1;                 /* several */
    bool has_more_denials : 1;                   /* than are kept */
    bool has_forged_name : 1;
};

/* What is kept of many sources, a few of each. */
struct source_pair {
    uint32_t source, what;
};

struct source_pairs {
    struct source_pair *items; /* owned */
    size_t count, capacity;
};

/* A domain that mail is sent to. */
struct target_domain {
    uint32_t guesses;       /* events */
    uint32_t guess_sources; /* sources that guessed there first */
    uint64_t settled;       /* of the watch */
};

/* The line on which a count of a rule was reached. */
struct evidence {
    uint32_t file;   /* number of the file, in the order of reading */
    uint32_t source; /* whose event it was */
    uint64_t line;   /* from 1 */
    char *text;      /* raw; at most EVIDENCE_MAX_BYTES */
    uint32_t len;
    uint32_t user; /* of COUNT_BY_USER: number in samples */
};

/* What the rules say is hostile. */
struct attacker {
    uint16_t source_rule;
    uint32_t alarm;      /* that its evidence is of, a line of the source or of
                            a member; UINT32_MAX: of none */
    uint32_t source;     /* number of the source; 0: a crowd */
    struct cidr network; /* of COUNT_BY_NETWORK */
    uint32_t domain;     /* of COUNT_BY_DOMAIN */
    uint32_t user;       /* of COUNT_BY_USER: number in samples */
    bool is_site;        /* of COUNT_BY_SITE */
    uint32_t *members;   /* owned; sources, by address */
    size_t member_count;
    uint64_t rules; /* bit per source rule that matched, this one too */
    /* of all members together: */
    uint64_t guesses; /* distinct; a lower bound when !is_exact */
    bool is_exact;
    bool is_listable;   /* false: private, loopback, allowed: not for a list */
    bool holds_allowed; /* a network with an address that is allowed */
    uint64_t accepted, delivered, attempts, bounces;
    uint64_t mailed; /* recipients that it brought mail for from outside */
    int64_t first, last;
    uint64_t shared; /* of its guesses: made by another attacker, too */
};

/* Who reached a count and is no attacker all the same: why. */
struct spared {
    uint32_t source;
    uint16_t source_rule;
    const char *why;   /* "its name lies under a domain of ours"; or NULL */
    const char *field; /* why is NULL: which the first line that does not
                          hold asks for */
};

struct sources {
    uint64_t key[2];
    const struct rules *rules;
    struct watch *watch;
    struct rules_matcher *matcher;
    struct source *items;
    uint32_t count, capacity;
    struct source_more *mores;
    uint32_t more_count, more_capacity;
    struct source_texts *texts;
    uint32_t text_count, text_capacity;
    struct source_mail *mails;
    uint32_t mail_count, mail_capacity;
    struct source_reached *reached;
    uint32_t reached_count, reached_capacity;
    /* As whom it failed to log in, a part of the hash that has no domain in it,
     * in which domains, and to which it was denied relaying: the first ones. In
     * whose names it wrote since: parts of their hashes. */
    struct source_pairs tries, try_domains, denials, denied_senders;
    struct source_pair recent_senders[DENIED_SENDERS_RECENT]; /* by source */
    bool has_lost_senders;        /* there was no room for one */
    const struct topk *delivered; /* to whom: by record_address_hash; or NULL */
    struct hash_set users;        /* who logged in, see sources_has_user */
    uint32_t *slots;
    uint32_t slot_count;
    struct arena arena;
    struct names names;
    struct intern domains, samples;
    uint32_t last_domain; /* number of the one that came last; 0: none */
    uint64_t last_domain_hash;
    struct slice last_domain_text;
    uint32_t last_source; /* number of the one whose hash was needed last */
    uint64_t last_source_hash;
    struct intern log_hosts;       /* lower case */
    struct target_domain *targets; /* by number in domains */
    uint32_t target_capacity;
    struct evidence *evidence; /* by number of the alarm */
    size_t evidence_count, evidence_capacity;
    uint64_t guess_bit;     /* event "unknown-user" */
    uint64_t denied_bit;    /* event "relay-denied" */
    uint64_t domain_events; /* those of which the domain matters */
    /* afterwards */
    struct attacker *attackers; /* most guesses first, then by address */
    size_t attacker_count, attacker_capacity;
    struct spared *spared;
    size_t spared_count, spared_capacity;
    uint64_t mailed; /* recipients that mail from outside came for */
    struct source_mail lost_mail; /* written where there is no memory */
    bool has_failed;              /* no memory: numbers are too low */
};

bool sources_init(struct sources *sources, const struct rules *rules,
                  const uint64_t key[2]);
void sources_free(struct sources *sources);

/* ---- while reading ---- */

/* Of an address; never 0. */
uint64_t source_hash(const uint64_t key[2], const struct ip *ip);

/* The number of a client, from 1; 0 without memory. hash is its source_hash.
 * Pointers to sources are good until the next one is added. */
uint32_t sources_add(struct sources *sources, const struct ip *ip,
                     uint64_t hash);

/* Ask for the cache lines that the next calls for an address of that hash will
 * need: first of its slot, a little later of the source itself. */
static inline void sources_prefetch_slot(const struct sources *sources,
                                         uint64_t hash)
{
    __builtin_prefetch(&sources->slots[hash & (sources->slot_count - 1)]);
}
static inline void sources_prefetch_number(const struct sources *sources,
                                           uint32_t number)
{
    __builtin_prefetch(&sources->items[number]);
    __builtin_prefetch((const char *)&sources->items[number] + 64);
}
static inline void sources_prefetch(const struct sources *sources,
                                    uint64_t hash)
{
    sources_prefetch_number(sources,
                            sources->slots[hash & (sources->slot_count - 1)]);
}
static inline struct source *source_at(struct sources *sources, uint32_t number)
{
    return &sources->items[number];
}

static inline const struct source_more *
source_more(const struct sources *sources, const struct source *source)
{
    return &sources->mores[source->more];
}

static inline const struct source_texts *
source_texts(const struct sources *sources, const struct source *source)
{
    return &sources->texts[source_more(sources, source)->texts];
}

static inline const struct source_mail *
source_mail(const struct sources *sources, const struct source *source)
{
    return &sources->mails[source->mail];
}

/* The domain_count of them. Nearly all guess at one domain, or at the two of
 * one site. */
static inline const struct source_domain *
source_domains(const struct source_more *more)
{
    return more->domain_capacity > 0 ? more->domains.far : more->domains.near;
}

/* All guesses of it that are told apart, or NULL: they are few. */
static inline const struct guess_list *
source_guess_list(const struct sources *sources, const struct source *source)
{
    return source->guesses > SOURCE_GUESSES_NEAR + 1
               ? source_more(sources, source)->guesses.far
               : NULL;
}

/* A name the client has, its keyed hash, and whether the resolver confirmed it.
 * One that did not may be absent. */
void sources_name(struct sources *sources, uint32_t source, struct slice name,
                  uint64_t hash, bool is_forged);

struct source_event {
    uint64_t events;
    int64_t time;
    uint64_t recipient_hash, user_hash, sender_hash; /* keyed; 0: absent */
    struct slice recipient; /* bare, lower case; for samples; may be absent. Of
                               a login: the user */
    struct slice domain;    /* of the recipient */
    uint32_t count;
    bool is_late;    /* of a recipient that had been accepted */
    bool is_refusal; /* of a recipient, sender or connection */
    bool is_probe;   /* a login, VRFY, EXPN: neither */
    /* where it stands, should it be evidence */
    uint32_t file;
    uint64_t line;
    struct slice text;
};

/* Before a guess of that source is noted. */
static inline void sources_prefetch_guess(const struct sources *sources,
                                          uint32_t number, uint64_t hash)
{
    const struct guess_list *guesses =
        source_guess_list(sources, &sources->items[number]);

    if (guesses != NULL)
        hash_set_prefetch(&guesses->all, hash);
}

/* Counts what a source did: guesses, samples, alarms. */
void sources_note(struct sources *sources, uint32_t source,
                  const struct source_event *event);

struct source_envelope {
    uint32_t recipients; /* accepted, perhaps none */
    int64_t bytes, time;
    uint32_t sender_domain; /* keyed hash; 0: none */
    bool is_own_sender, is_null_sender;
};

/* What a source keeps of the hash of a sender's domain; never 0. */
static inline uint32_t source_sender_domain(uint32_t hash)
{
    uint32_t kept = hash & ((1u << SOURCE_SENDER_BITS) - 1);

    return kept == 0 ? 1 : kept;
}

/* postmaster, abuse and other names that every site has. */
enum { SENDER_OF_NOBODY = 1 };

/* Whether it is to be noted whose envelope it is, before the envelope itself:
 * of the few that rules may ask about. */
bool sources_wants_sender(const struct sources *sources, uint32_t source);

/* sender: SENDER_OF_NOBODY, or part of its record_address_hash; 0, the null
 * sender, is not noted. domain: in lower case. */
void sources_note_sender(struct sources *sources, uint32_t source,
                         uint32_t sender, struct slice domain);

/* An envelope of it ended. */
void sources_note_envelope(struct sources *sources, uint32_t source,
                           const struct source_envelope *envelope);

/* A message of it that was for so many was not taken after all. */
void sources_note_untaken(struct sources *sources, uint32_t source,
                          uint32_t recipients);

/* Mail of it was delivered, to so many; the recipient is one of them, or
 * absent: some are kept of a source that guesses. */
void sources_note_delivery(struct sources *sources, uint32_t source,
                           uint32_t count, struct slice recipient);

/* It logged in, or failed to, so many times. */
void sources_note_login(struct sources *sources, uint32_t source, bool is_good,
                        int64_t time, uint32_t count);

/* Whether somebody logged in as the user of whom a try keeps that part of his
 * hash. */
bool sources_has_user(const struct sources *sources, uint32_t part);

/* As whom, behind that; hash is that of record_user_hash(). */
void sources_note_user(struct sources *sources, uint32_t source, bool is_good,
                       uint64_t hash, uint32_t domain);

/* A bounce of ours came of its mail. */
void sources_note_bounce(struct sources *sources, uint32_t source);

/* Mail for that domain went to this address, and was taken or refused. */
void sources_note_hop(struct sources *sources, uint32_t source,
                      struct slice domain, bool is_taken);

/* A host of this site: it wrote lines of these logs. */
void sources_note_log_host(struct sources *sources, struct slice name);

/* ---- afterwards ---- */

/* Judges all alarms. False without memory. */
bool sources_judge(struct sources *sources, unsigned worker_count);

/* Recipients that it was accepted for and that exist. */
uint32_t source_real_recipients(const struct sources *sources,
                                const struct source *source);

/* Of these, those that a message came for, too. */
uint32_t source_mailed_recipients(const struct sources *sources,
                                  const struct source *source);

/* It is private, or logged in: its mail does not come from outside. */
bool source_is_client(const struct sources *sources,
                      const struct source *source);

/* Mail of a client of ours that another site refused: no guess here. */
bool sources_is_outbound(const struct sources *sources,
                         const struct source *source,
                         const struct source_event *event);

/* source_mailed_recipients(), of mail from outside. */
uint32_t source_outside_recipients(const struct sources *sources,
                                   const struct source *source);

/* Before they are searched: by source, each once. */
void source_pairs_sort(struct source_pairs *pairs);

/* Those of a source, side by side; *count_r: how many it has. */
const struct source_pair *source_pairs_find(const struct source_pairs *pairs,
                                            uint32_t source, size_t *count_r);

/* To how many different recipients its mail was delivered: of more than
 * SOURCE_TOLD_APART_MAX it is too low. */
unsigned source_reached(const struct sources *sources,
                        const struct source *source);

/* A number of distinct guesses of a source, and whether it is exact. */
bool source_guesses_are_exact(const struct source *source);

/* The target domains of an attacker, most first; returns how many of max were
 * filled. */
size_t attacker_domains(const struct sources *sources,
                        const struct attacker *attacker,
                        struct source_domain *domains_r, size_t max);

/* Neither an address, nor a domain, user or site that others attack. */
static inline bool attacker_is_network(const struct attacker *attacker)
{
    return attacker->source == 0 && attacker->domain == 0 &&
           attacker->user == 0 && !attacker->is_site;
}

/* Percent; of nothing, 0. */
static inline int64_t share_of(uint64_t part, uint64_t whole)
{
    return whole == 0 ? 0 : (int64_t)(100 * part / whole);
}

/* "192.0.2.1", "192.0.2.0/24", a domain, "user NAME" or "this site", as
 * --attackers names it, but not escaped. */
void attacker_add_name(const struct sources *sources,
                       const struct attacker *attacker, struct buffer *out);

#endif
