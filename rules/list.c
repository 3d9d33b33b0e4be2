#include "rules/list.h"

#include <stdlib.h>

#include "parsers/array.h"

enum {
    /* A longer text is no host name; its last labels are looked up all the
     * same. */
    NAME_MAX_BYTES = 255,
    FEW_NETS = 16, /* sooner compared than searched */
};

static enum list_outcome add_net(struct list_table *table,
                                 const struct cidr *net)
{
    struct cidr *nets = array_with_room(table->nets, table->net_count,
                                        &table->net_capacity, sizeof(*nets));

    if (nets == NULL)
        return LIST_NO_MEMORY;
    table->nets = nets;
    nets[table->net_count++] = *net;
    return LIST_OK;
}

static enum list_outcome add_name(struct list_table *table, struct slice text,
                                  unsigned scope)
{
    struct list_name *names = array_with_room(
        table->names, table->name_count, &table->name_capacity, sizeof(*names));
    struct slice copy;

    if (names == NULL)
        return LIST_NO_MEMORY;
    table->names = names;
    copy = pool_copy(&table->pool, text);
    if (slice_is_absent(copy))
        return LIST_NO_MEMORY;
    names[table->name_count++] =
        (struct list_name){copy.ptr, (uint32_t)copy.len, (uint8_t)scope, 0};
    return LIST_OK;
}

/* "192.0.2.1/24" must not become a name that never matches anything. */
static bool is_broken_net(struct slice entry)
{
    size_t slash = slice_index(entry, '/');
    struct ip ip;

    return slash < entry.len && ip_parse(slice_head(entry, slash), &ip);
}

enum list_outcome list_add(struct list_table *table, struct slice entry,
                           enum list_entry kind)
{
    struct cidr net;

    if (entry.len > LIST_ENTRY_MAX_BYTES ||
        table->name_count + table->net_count >= LIST_ENTRIES_MAX)
        return LIST_TOO_LONG;
    if (kind == LIST_BYTES)
        return add_name(table, entry, LIST_ITSELF);
    if (cidr_parse(entry, &net))
        return add_net(table, &net);
    if (is_broken_net(entry))
        return LIST_BAD_NET;
    if (kind == LIST_PLAIN && list_undotted(entry).len < entry.len &&
        add_name(table, entry, LIST_ITSELF) != LIST_OK)
        return LIST_NO_MEMORY;
    entry = list_undotted(entry);
    if (entry.len > 1 && entry.ptr[0] == '.')
        return add_name(table, slice_skip(entry, 1), LIST_SUBDOMAINS);
    return add_name(table, entry,
                    kind == LIST_DOMAIN ? LIST_ITSELF | LIST_SUBDOMAINS
                                        : LIST_ITSELF);
}

static struct slice name_text(const struct list_name *name)
{
    return slice_make(name->ptr, name->len);
}

static int compare_nocase(struct slice a, struct slice b)
{
    size_t shorter = a.len < b.len ? a.len : b.len;

    for (size_t i = 0; i < shorter; i++) {
        unsigned char x = (unsigned char)byte_lower(a.ptr[i]);
        unsigned char y = (unsigned char)byte_lower(b.ptr[i]);

        if (x != y)
            return x < y ? -1 : 1;
    }
    return a.len == b.len ? 0 : a.len < b.len ? -1 : 1;
}

/* Without regard to case first, so that all spellings of a name are
 * neighbours; then by bytes, so that each can be found. */
static int compare_exact(struct slice a, struct slice b)
{
    int order = compare_nocase(a, b);

    return order != 0 || a.len == 0 ? order : memcmp(a.ptr, b.ptr, a.len);
}

static int order_names(const void *left, const void *right)
{
    const struct list_name *a = left, *b = right;

    return compare_exact(name_text(a), name_text(b));
}

static int order_nets(const void *left, const void *right)
{
    const struct cidr *a = left, *b = right;

    if (a->bits != b->bits)
        return a->bits < b->bits ? -1 : 1;
    return memcmp(a->base.bytes, b->base.bytes, sizeof(a->base.bytes));
}

/* Doubles are dropped, their scopes joined. */
static void merge_doubles(struct list_table *table)
{
    size_t kept = 0;

    for (size_t i = 0; i < table->name_count; i++) {
        struct list_name *name = &table->names[i];

        if (kept > 0 && order_names(&table->names[kept - 1], name) == 0)
            table->names[kept - 1].scope |= name->scope;
        else
            table->names[kept++] = *name;
    }
    table->name_count = kept;
}

/* The first of each run of spellings carries the scope of all: a lookup that
 * ignores case lands there. */
static void join_runs(struct list_table *table)
{
    size_t first = 0;

    for (size_t i = 0; i < table->name_count; i++) {
        struct list_name *name = &table->names[i];

        if (!slice_equal_nocase(name_text(&table->names[first]),
                                name_text(name)))
            first = i;
        table->names[first].run_scope |= name->scope;
    }
}

/* By the length, both ends and the middle, whatever their case. */
static unsigned mark_of(struct slice text)
{
    if (text.len == 0)
        return 0;
    return (unsigned)(text.len * 37 +
                      (unsigned char)byte_lower(text.ptr[0]) * 5u +
                      (unsigned char)byte_lower(text.ptr[text.len / 2]) * 61u +
                      (unsigned char)byte_lower(text.ptr[text.len - 1]) * 11u) %
           LIST_MARKS;
}

static void mark_names(struct list_table *table)
{
    for (size_t i = 0; i < table->name_count; i++) {
        unsigned mark = mark_of(name_text(&table->names[i]));

        table->marks[mark / 64] |= UINT64_C(1) << mark % 64;
    }
}

void list_seal(struct list_table *table)
{
    if (table->name_count > 0)
        qsort(table->names, table->name_count, sizeof(*table->names),
              order_names);
    merge_doubles(table);
    join_runs(table);
    mark_names(table);
    if (table->net_count > 0)
        qsort(table->nets, table->net_count, sizeof(*table->nets), order_nets);
    for (unsigned bits = 0, at = 0; bits < 130; bits++) {
        while (at < table->net_count && table->nets[at].bits < bits)
            at++;
        table->nets_up_to[bits] = at;
    }
}

typedef int (*order)(struct slice a, struct slice b);

/* The first entry that is not before text, or NULL. */
static const struct list_name *find(const struct list_table *table,
                                    struct slice text, order compare)
{
    size_t low = 0, high = table->name_count;
    unsigned mark = mark_of(text);

    if ((table->marks[mark / 64] >> mark % 64 & 1) == 0)
        return NULL;
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (compare(name_text(&table->names[middle]), text) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == table->name_count ||
        compare(name_text(&table->names[low]), text) != 0)
        return NULL;
    return &table->names[low];
}

static bool has_exactly(const struct list_table *table, struct slice text)
{
    const struct list_name *name = find(table, text, compare_exact);

    return name != NULL && (name->scope & LIST_ITSELF) != 0;
}

static bool has_name(const struct list_table *table, struct slice text)
{
    const struct list_name *name;

    text = list_undotted(text);
    name = find(table, text, compare_nocase);
    if (name != NULL && (name->run_scope & LIST_ITSELF) != 0)
        return true;
    if (text.len > NAME_MAX_BYTES)
        text = slice_skip(text, text.len - NAME_MAX_BYTES);
    for (;;) {
        text = slice_skip(text, slice_index(text, '.') + 1);
        if (text.len == 0)
            return false;
        name = find(table, text, compare_nocase);
        if (name != NULL && (name->run_scope & LIST_SUBDOMAINS) != 0)
            return true;
    }
}

static struct ip masked(const struct ip *ip, unsigned bits)
{
    struct ip result = {{0}};

    memcpy(result.bytes, ip->bytes, bits / 8);
    if (bits % 8 != 0)
        result.bytes[bits / 8] =
            (uint8_t)(ip->bytes[bits / 8] & (0xff << (8 - bits % 8)));
    return result;
}

/* From one length that there is to the next: mostly there are few. */
static bool has_ip(const struct list_table *table, const struct ip *ip)
{
    size_t first = 0;

    if (table->net_count <= FEW_NETS) {
        for (size_t i = 0; i < table->net_count; i++)
            if (cidr_contains(&table->nets[i], ip))
                return true;
        return false;
    }
    while (first < table->net_count) {
        unsigned bits = table->nets[first].bits;
        size_t end = table->nets_up_to[bits + 1];
        struct cidr wanted = {masked(ip, bits), bits};

        if (bsearch(&wanted, table->nets + first, end - first, sizeof(wanted),
                    order_nets) != NULL)
            return true;
        first = end;
    }
    return false;
}

bool list_search(const struct list_table *table, struct slice text,
                 const struct ip *ip, bool is_name)
{
    struct ip parsed;

    if (table->name_count > 0 &&
        (is_name ? has_name(table, text) : has_exactly(table, text)))
        return true;
    if (table->net_count == 0)
        return false;
    if (ip == NULL && ip_parse(text, &parsed))
        ip = &parsed;
    return ip != NULL && has_ip(table, ip);
}

bool list_has(const struct list_table *table, struct slice text, bool is_name)
{
    return list_has_known(table, text, NULL, is_name);
}

bool list_has_ip(const struct list_table *table, const struct ip *ip)
{
    char text[ADDRESS_IP_TEXT_MAX];

    if (has_ip(table, ip))
        return true;
    return table->name_count > 0 &&
           has_name(table, slice_make(text, ip_format(ip, text)));
}

void list_free(struct list_table *table)
{
    pool_free(&table->pool);
    free(table->names);
    free(table->nets);
    *table = (struct list_table){0};
}

bool list_overlaps(const struct list_table *table, const struct cidr *network)
{
    for (size_t i = 0; i < table->net_count; i++)
        if (cidr_contains(&table->nets[i], &network->base) ||
            cidr_contains(network, &table->nets[i].base))
            return true;
    return false;
}
