/*
 * What is only known when all messages have been seen: how many bounces a
 * source caused, how many messages wait for one dead host, for which domains
 * independent hosts hand in mail. Each worker gathers its own; merged, it is
 * immutable.
 */
#ifndef QSCAN_CROWD_H
#define QSCAN_CROWD_H

#include <stdatomic.h>

#include "parsers/address.h"
#include "qscan/facts.h"
#include "qscan/intern.h"
#include "qscan/reach.h"

enum {
    CROWD_CLIENTS_MAX = 8, /* independent hosts of a domain, counted so far */
};

/* Two clients are independent when neither is the same: hashes of the address
 * (/64 of IPv6), and of the site, which is what a proven name lies below, or
 * the network. 0: the client does not count. */
struct crowd_client_key {
    uint64_t host, site;
};

struct crowd_source {
    struct ip ip;
    uint64_t site; /* see crowd_client_key; 0: none counts */
    uint32_t bounces;
    uint32_t guesses; /* distinct recipients that do not exist */
    uint32_t row;     /* one message of it, for its name; the first of its
                         bounces, once they are counted */
    unsigned before_sec : 12; /* the oldest of its bounces, before the first; */
    unsigned after_sec : 12;  /* the newest, after it; up to an hour each */
    bool is_several : 1;      /* bounces for several domains, */
    bool is_own_name : 1;     /* for its own name, or an address literal, */
    bool is_many : 1;         /* for several addresses */
    bool is_renamed : 1;      /* it had names of several sites */
};

struct crowd_sources {
    struct crowd_source *items; /* items[0] = none */
    uint32_t count, capacity;
    uint32_t *slots;
    uint32_t slot_count;
};

struct crowd_keys {
    uint64_t keys[CROWD_CLIENTS_MAX];
    uint8_t count;
};

/* The hosts that hand in mail for one domain, or whose mail one host refused:
 * as many as there are of whichever is less. */
struct crowd_clients {
    struct crowd_keys hosts, sites; /* see crowd_clients_of */
};

struct crowd_guess {
    uint64_t hash; /* of source and recipient */
    uint32_t source;
};

/* What an earlier run had counted; its messages are gone. */
struct crowd_known {
    char *domain; /* owned */
    unsigned clients;
};

/* What a client did with a name. */
enum crowd_role {
    CROWD_FOR,   /* wrote to that domain */
    CROWD_AT,    /* wrote to a domain whose host, that one, refused it */
    CROWD_REPLY, /* had a report about that domain that quotes a reply; the key
                    does not matter */
    CROWD_ROLES,
};

/* Hashes of the address that handed in mail and of its sender's domain, of
 * domains that mail goes to or comes from, see crowd_add_known, and of
 * addresses that mail waits for. */
struct crowd_writers {
    uint64_t *items; /* until merged */
    size_t count, capacity;
    struct hash_set seen; /* afterwards */
};

struct crowd_host {
    uint32_t waiting;  /* messages whose status says this host is dead */
    uint32_t domains;  /* other domains than its own that they are for */
    uint32_t answered; /* messages for this domain whose status says it lives */
    uint32_t sources;  /* independent ones of bounces to this domain */
    uint16_t aim;      /* of the first of those bounces: see struct facts */
    uint8_t aims : 7;  /* bounces so far, up to as many as are asked for */
    uint8_t is_aimless : 1; /* not all have that aim */
    uint8_t mail; /* that has a sender, and waits for this host; at most */
};

struct crowd {
    uint64_t key[2];
    struct arena arena;
    struct intern strings;         /* domains and hosts */
    struct intern blobs;           /* pending verdicts */
    struct intern client_domains;  /* number n belongs to clients[n]; with a
                                      mark in front that tells the role */
    struct crowd_clients *clients; /* by number in client_domains */
    uint32_t client_capacity;
    uint32_t last_client_domain[CROWD_ROLES];
    struct crowd_sources sources;
    struct crowd_guess *guesses; /* until merged */
    size_t guess_count, guess_capacity;
    struct crowd_writers writers;
    struct reach reach;
    uint32_t *answers; /* domains of further recipients, until merged */
    size_t answer_count, answer_capacity;
    struct crowd_host *hosts; /* by number in strings; after crowd_merge */
    atomic_bool has_failed;   /* no memory: counts are too low */
};

bool crowd_init(struct crowd *crowd, const uint64_t key[2]);
void crowd_free(struct crowd *crowd);

/* ---- while gathering, per worker ---- */

/* The source's number, from 1; 0 without memory. */
uint32_t crowd_add_source(struct crowd *crowd, const struct ip *ip,
                          uint32_t row);

/* Asks for the cache line that crowd_add_source will need, which is then done
 * by the hash that this returns. */
uint32_t crowd_prefetch_source(const struct crowd *crowd, const struct ip *ip);

/* A while later, when that line has come: asks for the one it leads to. */
void crowd_prefetch_more(const struct crowd *crowd, uint32_t hash);
uint32_t crowd_add_prefetched(struct crowd *crowd, const struct ip *ip,
                              uint32_t hash, uint32_t row);

/* The source is a host of that site; met with a name and without, of the
 * name's, with names of several, of none but its network. */
void crowd_add_site(struct crowd *crowd, uint32_t source, uint64_t site);

/* A bounce of that source tells of a recipient that does not exist. */
void crowd_add_guess(struct crowd *crowd, uint32_t source,
                     struct slice recipient);

/* 0 of one that does not count: without an address, or from within our own
 * network. */
struct crowd_client_key crowd_client_key(const struct crowd *crowd,
                                         const struct client *client);

/* What a client of that key did with a domain or host (lower case). */
void crowd_add_client(struct crowd *crowd, enum crowd_role role,
                      struct slice name, struct crowd_client_key client_key);

/* A client handed in mail whose sender is in that domain (lower case). */
void crowd_add_writer(struct crowd *crowd, const struct ip *ip,
                      struct slice domain);

/* Mail that a client brought in the name of that domain (lower case) was taken:
 * we owe a receipt for it. */
void crowd_add_taken(struct crowd *crowd, const struct ip *ip,
                     struct slice domain);

/* Mail goes to or comes from people of that domain (lower case): a host whose
 * proven name lies under it handed in mail in its name, or a client of ours has
 * mail for it. */
void crowd_add_known(struct crowd *crowd, struct slice domain);

/* Mail that has a sender waits for that address. */
void crowd_add_addressee(struct crowd *crowd, struct slice address);

/* What facts keep of an address, for crowd_is_addressed. */
uint64_t crowd_address_hash(const struct crowd *crowd, struct slice address);

/* A host of that domain answered one of several recipients of a message (the
 * first recipient's stands in its row), or a recipient that a report is of. */
void crowd_add_answer(struct crowd *crowd, struct slice domain);

/* ---- afterwards ---- */

/* By its number in client_domains: the independent ones of its clients. */
unsigned crowd_clients_of(const struct crowd *crowd, uint32_t number);

/* True of a name of client_domains that tells of a reply. */
bool crowd_is_reply(struct slice name);

/* An earlier run, whose messages are gone from the queue, had seen that many
 * clients of a name of client_domains: it counts no fewer now; or a reply of a
 * host there: it has answered. After crowd_merge. */
void crowd_raise_clients(struct crowd *crowd, struct slice name,
                         unsigned count);

/* Joins the workers' crowds into parts[0], renumbers the rows and counts. False
 * without memory, or when a signal asked to stop: good for crowd_free only. */
bool crowd_merge(struct crowd *parts, size_t part_count,
                 struct facts_table *table);

const struct crowd_source *crowd_find_source(const struct crowd *crowd,
                                             const struct ip *ip);
/* So many before it is needed a place in memory is asked for. */
enum { CROWD_AHEAD = 16 };

/* Asks for what the fields of the crowd will need of the row so many further
 * on: first for what it names, half the way later for what these stand for. */
void crowd_prefetch_ahead(const struct crowd *crowd, const struct facts *rows);

/* True of a source with a few guesses at most, and two bounces or more, an hour
 * apart, and all for one domain: a firm has many people, but one name; or three
 * to twelve at once, a program's batch, where no other has any for it; or two
 * or three for one address, whose owner mistypes. Of a domain that two others
 * or more have bounces for, two or three may be chance. */
bool crowd_is_steady(const struct crowd_source *source,
                     const struct crowd_host *domain);

/* True of a source that has three bounces or more, and for several domains: it
 * makes them up, or is a server of many. */
bool crowd_forges(const struct crowd_source *source);

/* True of a domain when several bounces to it all tell of one recipient that
 * failed: whoever guesses asks for another one each time. */
bool crowd_has_one_aim(const struct crowd_host *domain);

/* Counts of a host or domain (lower case); zeros when unknown. */
struct crowd_host crowd_find_host(const struct crowd *crowd, struct slice host);
/* True when mail goes both ways: that address handed in mail whose sender is in
 * the domain, and some client mail for it, or a receipt. */
bool crowd_is_correspondent(const struct crowd *crowd, const struct ip *ip,
                            struct slice domain);
/* True of a domain that was so. */
bool crowd_is_known(const struct crowd *crowd, struct slice domain);
/* True when mail that has a sender waits for the address of that hash. */
bool crowd_is_addressed(const struct crowd *crowd, uint64_t hash);
unsigned crowd_count_clients(const struct crowd *crowd, enum crowd_role role,
                             struct slice name);

/* How many did like one who wrote to that domain and was refused by the host
 * (absent = unknown), or in the name of a domain of so many sources: the most
 * of the three. */
unsigned crowd_count_alike(const struct crowd *crowd, struct slice target,
                           struct slice host, unsigned sources);

#endif
