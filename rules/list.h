/*
 * Lists: sets of names, addresses and networks that conditions ask with "in".
 *
 * A table is filled, sealed, and then only read, by any thread. Names are
 * sorted, not hashed: neither the entries nor the text looked up can make a
 * lookup slow, whoever wrote them.
 */
#ifndef QSCAN_RULES_LIST_H
#define QSCAN_RULES_LIST_H

#include "parsers/address.h"
#include "rules/pool.h"

enum {
    LIST_ENTRY_MAX_BYTES = 1000,
    LIST_ENTRIES_MAX = 4000000,
    LIST_MARKS = 1024,
};

struct list_name {
    const char *ptr;
    uint32_t len;
    uint8_t scope;     /* LIST_ITSELF, LIST_SUBDOMAINS */
    uint8_t run_scope; /* of all spellings that differ in case only */
};

enum { LIST_ITSELF = 1, LIST_SUBDOMAINS = 2 };

struct list_table {
    struct pool pool;
    struct list_name *names;
    size_t name_count, name_capacity;
    /* Bit per mark of a name: most that are asked for have another one. */
    uint64_t marks[LIST_MARKS / 64];
    struct cidr *nets;
    size_t net_count, net_capacity;
    size_t nets_up_to[130]; /* nets of fewer than i bits */
};

/* What kind of names a table is given. */
enum list_entry {
    LIST_BYTES, /* the very bytes and nothing else, whatever they look like */
    /* A name counts for itself, ".name" for its subdomains; a final dot does
     * not count for names, but does for texts. */
    LIST_PLAIN,
    LIST_HOST,   /* the same, but a final dot is never part of it */
    LIST_DOMAIN, /* a name counts with its subdomains; no final dot */
};

enum list_outcome {
    LIST_OK,
    LIST_TOO_LONG, /* the entry, or the list */
    LIST_BAD_NET,  /* "192.0.2.1/24": bits beyond the prefix */
    LIST_NO_MEMORY,
};

/* A host name without the final dot that DNS allows. */
static inline struct slice list_undotted(struct slice name)
{
    if (name.len > 1 && name.ptr[name.len - 1] == '.')
        name.len--;
    return name;
}

/* Adds an address, a network in CIDR form or, failing both, a name. */
enum list_outcome list_add(struct list_table *table, struct slice entry,
                           enum list_entry kind);

/* Sorts; to be called once, after the last list_add. */
void list_seal(struct list_table *table);

static inline bool list_is_empty(const struct list_table *table)
{
    return table->name_count == 0 && table->net_count == 0;
}

/* is_name: text is a host name or address, whose case does not matter and
 * which subdomain entries cover; else bytes that must be the same. */
bool list_has(const struct list_table *table, struct slice text, bool is_name);
bool list_search(const struct list_table *table, struct slice text,
                 const struct ip *ip, bool is_name);
/* The same, when the address that text says is known, or NULL. Most sites fill
 * few of the lists that the shipped rules ask for. */
static inline bool list_has_known(const struct list_table *table,
                                  struct slice text, const struct ip *ip,
                                  bool is_name)
{
    return !list_is_empty(table) && list_search(table, text, ip, is_name);
}
/* list_has of an address as it is printed, with is_name. */
bool list_has_ip(const struct list_table *table, const struct ip *ip);

/* Whether it has an address of that network, or a network around it. */
bool list_overlaps(const struct list_table *table, const struct cidr *network);

void list_free(struct list_table *table);

#endif
