/*
 * What all lines together tell of a source beyond its own row: whether it is
 * one of ours, or returns what others forged, what its neighbours did. Asked
 * when all lines were read.
 */
#ifndef QSCAN_SOURCEFACTS_H
#define QSCAN_SOURCEFACTS_H

#include "qscan/sources.h"

/* What all hosts whose names are of one owner brought from outside. */
struct owner_mail {
    uint64_t owner, mailed;
};

/* In order. */
struct fact_numbers {
    uint32_t *items; /* owned; NULL: not yet asked for */
    size_t count;
};

struct source_facts {
    struct sources *sources;
    uint32_t *by_ip; /* source_facts_sort() */
    size_t by_ip_count;
    uint32_t *logins_near; /* by source: from its network; once asked for */
    uint8_t *sender_uses;  /* by sender_domain: how many sources have that one,
                              255 at most; once asked for */
    uint8_t *looked_up;    /* by domain: of how many owners hosts were denied
                              relaying there, twice those whose mail arrives;
                              255 at most; once asked for */
    struct fact_numbers shared_users; /* as in sources->tries */
    struct owner_mail *owners;        /* by owner; once asked for */
    size_t owner_count;
    bool has_owners;
    struct hash_set known; /* guesses that hosts of several owners ask for;
                              once asked for */
    bool has_known;
    uint8_t *ours; /* enum ours, by source: each rule asks the same */
    unsigned relays_asked;
    struct fact_numbers our_domains; /* as struct source's sender_domain */
    struct fact_numbers mailboxes;   /* parts of the hashes of who got mail */
    bool nameless_return; /* hosts without a name may be small mail hosts */
    uint64_t returned;    /* guesses of all who seem to return mail, but for
                             those of many */
    bool has_failed;      /* no memory: something may be wrong */
};

/* Counts sources->mailed, and sorts what is kept of a few of each source. False
 * without memory. */
bool source_facts_init(struct source_facts *facts, struct sources *sources);
void source_facts_free(struct source_facts *facts);

/* Fills by_ip: sources that a crowd may hold or hit, by address. Who showed no
 * event is no member, and without mail that arrived, or a login, no bystander.
 * False without memory. */
bool source_facts_sort(struct source_facts *facts);

/* For qsort and bsearch: two uint32_t. */
int fact_order_numbers(const void *left, const void *right);

/* For qsort_r with the items of the sources: two numbers, by address. */
int fact_order_by_ip(const void *left, const void *right, void *items);

/* That of one provider, as far as one can tell. */
struct cidr fact_network(const struct ip *ip);

/* Mail of it was delivered, or it logged in. */
bool fact_has_mail_or_login(const struct sources *sources,
                            const struct source *source);

/* Without a confirmed name, or with that of a dial-up line. */
bool fact_is_generic(const struct sources *sources,
                     const struct source *source);

/* By what it is a host of this site, as text; NULL: it is none. */
const char *fact_why_ours(struct source_facts *facts,
                          const struct source *source);

/* Percent of its recipients that were guesses, of all mail from outside that
 * it brought, of its envelopes with a sender under its own name. */
int64_t fact_guess_share(const struct sources *sources,
                         const struct source *source);
int64_t fact_mailed_share(const struct sources *sources,
                          const struct source *source);
int64_t fact_own_share(const struct source *source);

/* Percent of all mail from outside that it and others of its owner brought; 0
 * of less than a hundred recipients, and of a line. */
int64_t fact_owner_share(struct source_facts *facts,
                         const struct source *source);

/* Its target domains, SOURCE_DOMAINS_MAX at most; returns how many. */
size_t fact_domains(const struct sources *sources, const struct source *source,
                    struct source_domain *domains);
/* The same number. */
int64_t fact_domain_count(const struct sources *sources,
                          const struct source *source);

/* A client of ours, whose mail goes to others. */
bool fact_is_submitting(const struct sources *sources,
                        const struct source *source);

/* It failed a hundred times to log in, and got in, once for each four of these
 * at most: an old password in a program, or one that was found. The log does
 * not tell which. */
bool fact_is_late_login(const struct sources *sources,
                        const struct source *source);

/* Its guesses, if it met nobody who exists; otherwise 0. */
int64_t fact_blind_guesses(const struct sources *sources,
                           const struct source *source);

/* Percent of its guesses that named hosts of several owners ask for, too: who
 * left, or was forged. */
int64_t fact_known_share(struct source_facts *facts,
                         const struct source *source);

/* Percent of its guesses to whom mail was delivered at another time: they left,
 * or the table of users was not at hand. */
int64_t fact_alive_share(struct source_facts *facts,
                         const struct source *source);

/* A mail host that returns what was forged in our name. */
bool fact_is_returning(const struct source_facts *facts,
                       const struct source *source);

/* Good logins from all addresses of its network; 0 without memory. */
uint32_t fact_logins_near(struct source_facts *facts, uint32_t source);

/* As how many users it failed to log in, of its first TRIES_MAX times, and how
 * many of those logged in from nowhere. */
struct login_tries {
    uint32_t users, unknown;
};

struct login_tries fact_login_tries(const struct sources *sources,
                                    uint32_t source);

/* How many of those users hosts of several networks try, none of which ever got
 * in. */
uint32_t fact_shared_tries(struct source_facts *facts, uint32_t source);

/* It tried hardly anybody but one user, who logs in from elsewhere, and whose
 * name it did not know how to write. */
bool fact_is_one_user(const struct sources *sources, uint32_t source);

/* It was denied relaying, but to domains alone that several mail hosts looked
 * for here, too. */
bool fact_is_astray(struct source_facts *facts, uint32_t source);

/*
 * Users of ours who forgot to log in: all its envelopes, a thousand at most,
 * are of one domain, which is ours, and all in whose name it wrote once it had
 * been denied relaying, at least one, got mail there. Of a log with more
 * recipients than topk holds the domain alone decides.
 */
bool fact_is_resident(struct source_facts *facts, uint32_t source);

/* It sends for one domain alone, and hardly anybody else does. */
bool fact_is_steady(struct source_facts *facts, const struct source *source);

#endif
