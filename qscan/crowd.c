#include "qscan/crowd.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "parsers/array.h"
#include "parsers/bytes.h"
#include "parsers/hash.h"
#include "parsers/hostname.h"
#include "parsers/status.h"
#include "qscan/workers.h"

enum {
    FIRST_SLOTS = 256,
    LASTING_SEC = 3600,  /* between a source's bounces */
    TYPOS_MAX = 3,       /* of one address by one person: more are guesses */
    ALONE_LEAST = 3,     /* bounces, in a name in which nobody else writes */
    BURST_SEC = 60,      /* in which no firm writes as several to strangers */
    FORGED_LEAST = 3,    /* bounces, of two names: of two it may be chance */
    STEADY_GUESSES = 12, /* of who left, by a firm that writes to many */
    ALIKE_LEAST = 3,     /* that ask for one address alone */
};

bool crowd_init(struct crowd *crowd, const uint64_t key[2])
{
    struct crowd_sources *sources = &crowd->sources;

    *crowd = (struct crowd){.key = {key[0], key[1]}};
    sources->slot_count = FIRST_SLOTS;
    sources->capacity = FIRST_SLOTS / 2;
    sources->count = 1;
    sources->slots = calloc(sources->slot_count, sizeof(*sources->slots));
    sources->items = calloc(sources->capacity, sizeof(*sources->items));
    if (sources->slots == NULL || sources->items == NULL ||
        !intern_init(&crowd->strings, &crowd->arena, key) ||
        !intern_init(&crowd->blobs, &crowd->arena, key) ||
        !intern_init(&crowd->client_domains, &crowd->arena, key)) {
        crowd_free(crowd);
        return false;
    }
    return true;
}

void crowd_free(struct crowd *crowd)
{
    intern_free(&crowd->strings);
    intern_free(&crowd->blobs);
    intern_free(&crowd->client_domains);
    free(crowd->clients);
    free(crowd->sources.items);
    free(crowd->sources.slots);
    free(crowd->guesses);
    free(crowd->answers);
    free(crowd->writers.items);
    hash_set_free(&crowd->writers.seen);
    free(crowd->hosts);
    arena_free(&crowd->arena);
    *crowd = (struct crowd){0};
}

static uint32_t source_hash(const struct crowd *crowd, const struct ip *ip)
{
    return (uint32_t)keyed_hash(crowd->key, ip_bytes(ip));
}

static uint32_t source_slot(const struct crowd *crowd, const struct ip *ip,
                            uint32_t hash)
{
    const struct crowd_sources *sources = &crowd->sources;
    uint32_t at = hash & (sources->slot_count - 1);

    while (sources->slots[at] != 0 &&
           memcmp(sources->items[sources->slots[at]].ip.bytes, ip->bytes,
                  sizeof(ip->bytes)) != 0)
        at = (at + 1) & (sources->slot_count - 1);
    return at;
}

uint32_t crowd_prefetch_source(const struct crowd *crowd, const struct ip *ip)
{
    uint32_t hash = source_hash(crowd, ip);

    __builtin_prefetch(
        &crowd->sources.slots[hash & (crowd->sources.slot_count - 1)], 1);
    return hash;
}

void crowd_prefetch_more(const struct crowd *crowd, uint32_t hash)
{
    const struct crowd_sources *sources = &crowd->sources;
    uint32_t number = sources->slots[hash & (sources->slot_count - 1)];

    __builtin_prefetch(&sources->items[number]);
}

static bool grow_sources(struct crowd *crowd)
{
    struct crowd_sources *sources = &crowd->sources;
    uint32_t capacity = sources->capacity * 2;
    struct crowd_source *items =
        realloc(sources->items, capacity * sizeof(*items));
    uint32_t *slots;

    if (items == NULL)
        return false;
    sources->items = items;
    slots = memory_zeroed(sources->slot_count * (size_t)2, sizeof(*slots));
    if (slots == NULL)
        return false;
    free(sources->slots);
    sources->slots = slots;
    sources->slot_count *= 2;
    sources->capacity = capacity;
    for (uint32_t n = 1; n < sources->count; n++)
        slots[source_slot(crowd, &items[n].ip,
                          source_hash(crowd, &items[n].ip))] = n;
    return true;
}

uint32_t crowd_add_prefetched(struct crowd *crowd, const struct ip *ip,
                              uint32_t hash, uint32_t row)
{
    struct crowd_sources *sources = &crowd->sources;
    uint32_t at;

    if (sources->count == sources->capacity && !grow_sources(crowd)) {
        crowd->has_failed = true;
        return 0;
    }
    at = source_slot(crowd, ip, hash);
    if (sources->slots[at] == 0) {
        sources->items[sources->count] =
            (struct crowd_source){.ip = *ip, .row = row};
        sources->slots[at] = sources->count++;
    }
    return sources->slots[at];
}

uint32_t crowd_add_source(struct crowd *crowd, const struct ip *ip,
                          uint32_t row)
{
    return crowd_add_prefetched(crowd, ip, source_hash(crowd, ip), row);
}

/* A site by its name has the lowest bit, one by its network has not. */
static bool is_named_site(uint64_t site)
{
    return (site & 1) != 0;
}

/* Whichever of an address's names is met first, and by which worker. */
void crowd_add_site(struct crowd *crowd, uint32_t source, uint64_t site)
{
    struct crowd_source *to = &crowd->sources.items[source];

    if (source == 0)
        return;
    if (is_named_site(site) && is_named_site(to->site) && site != to->site)
        to->is_renamed = true;
    if (is_named_site(site) || to->site == 0)
        to->site = site;
}

/* Room for one more; NULL, and noted, without memory. */
static void *with_room(struct crowd *crowd, void *items, size_t count,
                       size_t *capacity, size_t item_bytes)
{
    items = array_with_room(items, count, capacity, item_bytes);
    crowd->has_failed = crowd->has_failed || items == NULL;
    return items;
}

void crowd_add_guess(struct crowd *crowd, uint32_t source,
                     struct slice recipient)
{
    char text[16 + 512];
    size_t len = recipient.len < 512 ? recipient.len : 512;
    struct crowd_guess *guesses;

    if (source == 0)
        return;
    guesses = with_room(crowd, crowd->guesses, crowd->guess_count,
                        &crowd->guess_capacity, sizeof(*guesses));
    if (guesses == NULL)
        return;
    crowd->guesses = guesses;
    memcpy(text, crowd->sources.items[source].ip.bytes, 16);
    bytes_lower(text + 16, slice_head(recipient, len));
    crowd->guesses[crowd->guess_count++] = (struct crowd_guess){
        keyed_hash(crowd->key, slice_make(text, 16 + len)), source};
}

/* Never 0, nor odd: see is_named_site. */
static uint64_t address_key(const struct crowd *crowd, const struct ip *ip,
                            size_t bytes_of_4, size_t bytes_of_6)
{
    size_t len = ip_is_v4(ip) ? bytes_of_4 : bytes_of_6;
    uint64_t hash =
        keyed_hash(crowd->key, slice_make((const char *)ip->bytes, len));

    return (hash | 2) & ~UINT64_C(1);
}

static uint64_t net_key(const struct crowd *crowd, const struct ip *ip)
{
    return address_key(crowd, ip, 15, 6);
}

/* mail.example.org and mx.example.org are of one site, and so are the hosts of
 * one /24 or /48. */
struct crowd_client_key crowd_client_key(const struct crowd *crowd,
                                         const struct client *client)
{
    struct crowd_client_key key;
    struct slice name = client->name, parent;
    char lower[256];

    if (!client->has_ip || ip_is_private(&client->ip))
        return (struct crowd_client_key){0, 0};
    key.host = address_key(crowd, &client->ip, 16, 8);
    key.site = net_key(crowd, &client->ip);
    if (name.len == 0 || name.len > sizeof(lower) || client->forged)
        return key;
    parent = slice_skip(name, slice_index(name, '.') + 1);
    /* "example.org" itself has no parent worth the name */
    if (slice_index(parent, '.') == parent.len)
        parent = name;
    key.site = keyed_hash(crowd->key, bytes_lower(lower, parent)) | 1;
    return key;
}

static void add_key(struct crowd_keys *keys, uint64_t key)
{
    for (uint8_t i = 0; i < keys->count; i++)
        if (keys->keys[i] == key)
            return;
    if (keys->count < CROWD_CLIENTS_MAX)
        keys->keys[keys->count++] = key;
}

static void add_keys(struct crowd_keys *keys, const struct crowd_keys *more)
{
    for (uint8_t i = 0; i < more->count; i++)
        add_key(keys, more->keys[i]);
}

/* Of that number in client_domains; NULL, and noted, without memory. */
static struct crowd_clients *clients_of(struct crowd *crowd, uint32_t number)
{
    if (number == INTERN_NONE)
        return NULL;
    if (number >= crowd->client_capacity) {
        uint32_t capacity = number * 2 + 64;
        struct crowd_clients *clients =
            realloc(crowd->clients, capacity * sizeof(*clients));

        if (clients == NULL) {
            crowd->has_failed = true;
            return NULL;
        }
        memset(clients + crowd->client_capacity, 0,
               (capacity - crowd->client_capacity) * sizeof(*clients));
        crowd->clients = clients;
        crowd->client_capacity = capacity;
    }
    return &crowd->clients[number];
}

unsigned crowd_clients_of(const struct crowd *crowd, uint32_t number)
{
    const struct crowd_clients *clients;

    if (number == INTERN_NONE || number >= crowd->client_capacity)
        return 0;
    clients = &crowd->clients[number];
    return clients->hosts.count < clients->sites.count ? clients->hosts.count
                                                       : clients->sites.count;
}

/* A name of client_domains: a domain that was written to stands as it is, a
 * host, or a domain that replied, behind what no domain can have, since an
 * address ends its local part there. */
static const struct slice role_marks[CROWD_ROLES] = {
    [CROWD_FOR] = SLICE_TEXT(""),
    [CROWD_AT] = SLICE_TEXT("@"),
    [CROWD_REPLY] = SLICE_TEXT("@@")};

struct role_name {
    char text[257];
    size_t len;
};

static bool make_role_name(struct role_name *role_name, enum crowd_role role,
                           struct slice name)
{
    struct slice mark = role_marks[role];

    if (name.len == 0 || name.len > sizeof(role_name->text) - mark.len)
        return false;
    memcpy(role_name->text, mark.ptr, mark.len);
    memcpy(role_name->text + mark.len, name.ptr, name.len);
    role_name->len = mark.len + name.len;
    return true;
}

/* Mostly that of the message before. */
static uint32_t client_domain(struct crowd *crowd, enum crowd_role role,
                              struct slice name)
{
    struct intern *domains = &crowd->client_domains;
    uint32_t *last = &crowd->last_client_domain[role];

    if (!slice_equal(name, intern_text(domains, *last)))
        *last = intern_add(domains, name);
    return *last;
}

void crowd_add_client(struct crowd *crowd, enum crowd_role role,
                      struct slice name, struct crowd_client_key client_key)
{
    struct role_name role_name;
    struct crowd_clients *clients;

    if (client_key.host == 0 || !make_role_name(&role_name, role, name))
        return;
    clients = clients_of(
        crowd,
        client_domain(crowd, role, slice_make(role_name.text, role_name.len)));
    if (clients == NULL)
        return;
    add_key(&clients->hosts, client_key.host);
    add_key(&clients->sites, client_key.site);
}

static uint64_t writer_hash(const struct crowd *crowd, const struct ip *ip,
                            struct slice domain)
{
    char text[16 + 256];
    size_t len = domain.len < 256 ? domain.len : 256;

    memcpy(text, ip->bytes, 16);
    memcpy(text + 16, domain.ptr, len);
    return keyed_hash(crowd->key, slice_make(text, 16 + len));
}

static void add_mark(struct crowd *crowd, uint64_t hash)
{
    struct crowd_writers *writers = &crowd->writers;
    uint64_t *items = with_room(crowd, writers->items, writers->count,
                                &writers->capacity, sizeof(*items));

    if (items == NULL)
        return;
    writers->items = items;
    writers->items[writers->count++] = hash;
}

void crowd_add_writer(struct crowd *crowd, const struct ip *ip,
                      struct slice domain)
{
    if (domain.len > 0)
        add_mark(crowd, writer_hash(crowd, ip, domain));
}

/* Beside those of writers: no domain begins so. */
static uint64_t taken_hash(const struct crowd *crowd, const struct ip *ip,
                           struct slice domain)
{
    char text[256];
    size_t len = domain.len < 255 ? domain.len : 255;

    text[0] = '@';
    memcpy(text + 1, domain.ptr, len);
    return writer_hash(crowd, ip, slice_make(text, 1 + len));
}

void crowd_add_taken(struct crowd *crowd, const struct ip *ip,
                     struct slice domain)
{
    if (domain.len > 0)
        add_mark(crowd, taken_hash(crowd, ip, domain));
}

/* Beside those of writers: no client has the address 0. */
static uint64_t known_hash(const struct crowd *crowd, struct slice domain)
{
    static const struct ip nobody;

    return writer_hash(crowd, &nobody, domain);
}

void crowd_add_known(struct crowd *crowd, struct slice domain)
{
    add_mark(crowd, known_hash(crowd, domain));
}

uint64_t crowd_address_hash(const struct crowd *crowd, struct slice address)
{
    char lower[256];

    return keyed_hash(crowd->key,
                      bytes_lower(lower, slice_head(address, sizeof(lower))));
}

void crowd_add_addressee(struct crowd *crowd, struct slice address)
{
    if (address.len > 0)
        add_mark(crowd, crowd_address_hash(crowd, address));
}

void crowd_add_answer(struct crowd *crowd, struct slice domain)
{
    uint32_t *answers = with_room(crowd, crowd->answers, crowd->answer_count,
                                  &crowd->answer_capacity, sizeof(*answers));

    if (answers == NULL)
        return;
    crowd->answers = answers;
    crowd->answers[crowd->answer_count++] = intern_add(&crowd->strings, domain);
}

/* ---- merge ---- */

struct renumbering {
    uint32_t *strings, *blobs, *sources;
};

static void renumbering_free(struct renumbering *map)
{
    free(map->strings);
    free(map->blobs);
    free(map->sources);
}

/* Adds the sources of from, which keeps none. */
static bool merge_sources(struct crowd *into, struct crowd *from,
                          struct renumbering *map)
{
    uint32_t *map_r = malloc(from->sources.count * sizeof(*map_r));

    map->sources = map_r;
    if (map_r == NULL)
        return false;
    map_r[0] = 0;
    for (uint32_t n = 1; n < from->sources.count; n++) {
        const struct crowd_source *source = &from->sources.items[n];

        map_r[n] = crowd_add_source(into, &source->ip, source->row);
        if (map_r[n] == 0)
            return false;
        crowd_add_site(into, map_r[n], source->site);
        into->sources.items[map_r[n]].is_renamed |= source->is_renamed;
    }
    free(from->sources.items);
    free(from->sources.slots);
    from->sources = (struct crowd_sources){0};
    return true;
}

static void merge_clients(struct crowd *into, const struct crowd *from)
{
    for (uint32_t n = 1; n < from->client_domains.count; n++) {
        uint32_t number = intern_add(&into->client_domains,
                                     intern_text(&from->client_domains, n));
        struct crowd_clients *clients;

        if (n >= from->client_capacity)
            continue;
        clients = clients_of(into, number);
        if (clients == NULL)
            return;
        add_keys(&clients->hosts, &from->clients[n].hosts);
        add_keys(&clients->sites, &from->clients[n].sites);
    }
}

static bool merge_strings(struct crowd *into, struct crowd *from,
                          struct renumbering *map)
{
    map->strings = malloc(from->strings.count * sizeof(*map->strings));
    map->blobs = malloc(from->blobs.count * sizeof(*map->blobs));
    if (map->strings == NULL || map->blobs == NULL ||
        !intern_merge(&into->strings, &from->strings, map->strings) ||
        !intern_merge(&into->blobs, &from->blobs, map->blobs))
        return false;
    merge_clients(into, from);
    reach_merge(&into->reach, &from->reach);
    free(from->clients);
    from->clients = NULL;
    if (from->has_failed)
        into->has_failed = true;
    arena_adopt(&into->arena, &from->arena);
    intern_free(&from->strings);
    intern_free(&from->blobs);
    intern_free(&from->client_domains);
    return true;
}

static void renumber_row(struct facts *row, const struct renumbering *map)
{
    if (map->strings == NULL)
        return; /* the first worker's numbers stay */
    row->domain = map->strings[row->domain];
    row->more_domains = map->strings[row->more_domains];
    row->host = map->strings[row->host];
    if (row->is_later)
        row->pending = map->blobs[row->pending];
    row->source = map->sources[row->source];
}

/* Adds one part's guesses, so that each counts once over all parts. */
static bool count_guesses(struct crowd *crowd, struct hash_set *seen,
                          struct crowd *part, const uint32_t *sources)
{
    for (size_t i = 0; i < part->guess_count; i++) {
        const struct crowd_guess *guess = &part->guesses[i];
        uint32_t source =
            sources == NULL ? guess->source : sources[guess->source];
        int added;

        if (part->guess_count - i > CROWD_AHEAD)
            hash_set_prefetch(seen, guess[CROWD_AHEAD].hash);
        added = hash_set_add(seen, guess->hash);
        if (added < 0)
            return false;
        crowd->sources.items[source].guesses += (uint32_t)added;
    }
    free(part->guesses);
    part->guesses = NULL;
    part->guess_count = part->guess_capacity = 0;
    return true;
}

static bool merge_writers(struct hash_set *seen, struct crowd_writers *writers)
{
    bool is_done = true;

    for (size_t i = 0; is_done && i < writers->count; i++) {
        if (writers->count - i > CROWD_AHEAD)
            hash_set_prefetch(seen, writers->items[i + CROWD_AHEAD]);
        is_done = hash_set_add(seen, writers->items[i]) >= 0;
    }
    free(writers->items);
    writers->items = NULL;
    writers->count = writers->capacity = 0;
    return is_done;
}

static void count_answers(struct crowd *crowd, const struct crowd *part,
                          const uint32_t *strings)
{
    for (size_t i = 0; i < part->answer_count; i++) {
        uint32_t domain = part->answers[i];

        crowd->hosts[strings == NULL ? domain : strings[domain]].answered++;
    }
}

/* True when the domain lies beside or below the host: "mx.example.org" for
 * "example.org" and "a.example.org". */
static bool is_related(struct slice domain, struct slice host)
{
    struct slice parent = slice_skip(host, slice_index(host, '.') + 1);

    if (name_may_be_public(parent))
        return slice_equal(domain, parent) || domain_is_within(domain, host);
    return domain_is_within(domain, parent);
}

/* The same bytes count once; false without memory. */
static bool count_once(const struct crowd *crowd, struct hash_set *seen,
                       struct slice what, uint32_t *count)
{
    int added = hash_set_add(seen, keyed_hash(crowd->key, what));

    *count += added > 0;
    return added >= 0;
}

/* A domain that waits for a host of another name counts once for it. */
static bool count_waiting(struct crowd *crowd, struct hash_set *seen,
                          const struct facts *row)
{
    uint32_t pair[2] = {row->host, row->domain};

    crowd->hosts[row->host].waiting++;
    if (row->has_sender && crowd->hosts[row->host].mail < UINT8_MAX)
        crowd->hosts[row->host].mail++;
    if (row->host == row->domain ||
        is_related(intern_text(&crowd->strings, row->domain),
                   intern_text(&crowd->strings, row->host)))
        return true;
    return count_once(crowd, seen, slice_make((const char *)pair, sizeof(pair)),
                      &crowd->hosts[row->host].domains);
}

/* Whichever of a source's bounces the first is: files are listed in any order.
 */
static void note_time(struct crowd_source *source, int64_t first, int64_t time)
{
    int64_t apart_sec = time - first;

    if (apart_sec < -LASTING_SEC)
        apart_sec = -LASTING_SEC;
    if (apart_sec > LASTING_SEC)
        apart_sec = LASTING_SEC;
    if (-apart_sec > source->before_sec)
        source->before_sec = (unsigned)-apart_sec & 4095;
    if (apart_sec > source->after_sec)
        source->after_sec = (unsigned)apart_sec & 4095;
}

/* The first of a source's bounces, and each other beside it. */
static void compare_bounces(struct crowd *crowd,
                            const struct facts_table *table,
                            const struct facts *row)
{
    struct crowd_source *source = &crowd->sources.items[row->source];
    const struct facts *first;

    if (source->bounces++ == 0)
        source->row = (uint32_t)(row - table->rows);
    first = &table->rows[source->row];
    note_time(source, first->created, row->created);
    source->is_many |= row->address_hash != first->address_hash;
    source->is_several |= row->domain != first->domain;
    source->is_own_name |= row->is_own_name;
}

bool crowd_is_steady(const struct crowd_source *source,
                     const struct crowd_host *domain)
{
    bool is_typing = source->bounces >= 2 && source->bounces <= TYPOS_MAX &&
                     !source->is_many;
    bool is_lasting = source->before_sec + source->after_sec >= LASTING_SEC;
    bool is_burst = source->is_many && source->guesses > 1 &&
                    source->guesses + 1 >= source->bounces &&
                    source->before_sec + source->after_sec <= BURST_SEC;
    bool is_alone = source->bounces >= ALONE_LEAST && !is_burst &&
                    source->bounces <= STEADY_GUESSES && domain->sources == 1;
    bool is_shared = domain->sources > 2 && source->bounces <= TYPOS_MAX;

    return !source->is_several && !source->is_own_name && !is_shared &&
           ((is_typing && source->guesses <= TYPOS_MAX) ||
            ((is_alone || is_lasting) && source->guesses <= STEADY_GUESSES));
}

bool crowd_forges(const struct crowd_source *source)
{
    return source->is_several && source->bounces >= FORGED_LEAST;
}

/* Whichever of them the first is. */
static void compare_aims(struct crowd_host *domain, const struct facts *row)
{
    if (domain->aims == 0)
        domain->aim = row->aim;
    if (row->aim == 0 || row->aim != domain->aim)
        domain->is_aimless = 1;
    if (domain->aims < ALIKE_LEAST)
        domain->aims++;
}

bool crowd_has_one_aim(const struct crowd_host *domain)
{
    return domain->aims == ALIKE_LEAST && !domain->is_aimless;
}

/* A client that wrote in the name of a domain counts once for it. A literal is
 * nobody's name. */
static bool count_bounce(struct crowd *crowd, struct hash_set *seen,
                         const struct facts_table *table,
                         const struct facts *row)
{
    struct crowd_source *source = &crowd->sources.items[row->source];
    struct slice domain = intern_text(&crowd->strings, row->domain);
    uint64_t pair[2] = {source->is_renamed ? net_key(crowd, &source->ip)
                                           : source->site,
                        row->domain};

    compare_bounces(crowd, table, row);
    if (row->domain != INTERN_NONE)
        compare_aims(&crowd->hosts[row->domain], row);
    if (source->site == 0 || domain.len == 0 || domain.ptr[0] == '[')
        return true;
    return count_once(crowd, seen, slice_make((const char *)pair, sizeof(pair)),
                      &crowd->hosts[row->domain].sources);
}

/* ---- counting the rows, once their numbers are those of the sum ---- */

enum { RENUMBERED_AT_ONCE = 4096 };

struct row_count {
    struct crowd *crowd;
    struct facts_table *table;
    const struct renumbering *maps;
    atomic_bool has_failed;
};

static void renumber_piece(void *context, unsigned worker, size_t first,
                           size_t end)
{
    struct row_count *count = context;

    (void)worker;
    for (size_t i = first; i < end; i++) {
        struct facts *row = &count->table->rows[i];

        renumber_row(row, &count->maps[row->worker]);
    }
}

/* What has no domain and names no host waits for none. */
static bool count_hosts(struct crowd *crowd, struct hash_set *seen,
                        const struct facts *row)
{
    if (status_is_alive(row->status_kind) && row->domain != INTERN_NONE)
        crowd->hosts[row->domain].answered++;
    return !status_is_dead(row->status_kind) || row->host == INTERN_NONE ||
           count_waiting(crowd, seen, row);
}

/* Of sources and of hosts: they write to different members. */
enum { COUNTING_JOBS = 2 };

static void count_half(void *context, unsigned worker, size_t first, size_t end)
{
    struct row_count *count = context;
    struct crowd *crowd = count->crowd;
    const struct facts_table *table = count->table;
    struct hash_set seen = {0};
    bool is_done = true;

    (void)worker;
    (void)end;
    for (size_t i = 0; is_done && i < table->count; i++) {
        const struct facts *row = &table->rows[i];

        if (table->count - i > CROWD_AHEAD)
            crowd_prefetch_ahead(crowd, row);
        if (row->state == FACTS_GONE)
            continue;
        if (first == 0)
            is_done = !row->is_bounce || count_bounce(crowd, &seen, table, row);
        else
            is_done = count_hosts(crowd, &seen, row);
    }
    if (!is_done)
        atomic_store(&count->has_failed, true);
    hash_set_free(&seen);
}

static bool count_rows(struct crowd *crowd, unsigned worker_count,
                       struct facts_table *table,
                       const struct renumbering *maps)
{
    struct row_count count = {crowd, table, maps, false};

    crowd->hosts = calloc(crowd->strings.count, sizeof(*crowd->hosts));
    return crowd->hosts != NULL &&
           workers_do(worker_count, table->count, RENUMBERED_AT_ONCE,
                      renumber_piece, &count) &&
           workers_do(worker_count, COUNTING_JOBS, 1, count_half, &count) &&
           !atomic_load(&count.has_failed);
}

/* ---- the sum of all workers' crowds ---- */

struct merge {
    struct crowd *parts;
    size_t part_count;
    struct renumbering *maps;
    atomic_bool has_failed;
};

static bool merge_all_sources(const struct merge *merge)
{
    struct crowd *parts = merge->parts;
    struct hash_set seen = {0};
    bool is_done = true;

    for (size_t i = 1; is_done && i < merge->part_count; i++)
        is_done = merge_sources(&parts[0], &parts[i], &merge->maps[i]);
    for (size_t i = 0; is_done && i < merge->part_count; i++)
        is_done =
            count_guesses(&parts[0], &seen, &parts[i], merge->maps[i].sources);
    hash_set_free(&seen);
    for (size_t i = 0; is_done && i < merge->part_count; i++)
        is_done = merge_writers(&parts[0].writers.seen, &parts[i].writers);
    return is_done;
}

static bool merge_all_strings(const struct merge *merge)
{
    bool is_done = true;

    for (size_t i = 1; is_done && i < merge->part_count; i++)
        is_done =
            merge_strings(&merge->parts[0], &merge->parts[i], &merge->maps[i]);
    return is_done;
}

enum { MERGE_JOBS = 2 }; /* which have nothing in common */

static void merge_half(void *context, unsigned worker, size_t first, size_t end)
{
    struct merge *merge = context;

    (void)worker;
    (void)end;
    if (!(first == 0 ? merge_all_strings(merge) : merge_all_sources(merge)))
        atomic_store(&merge->has_failed, true);
}

static bool merge_parts(struct crowd *parts, size_t part_count,
                        struct renumbering *maps)
{
    struct merge merge = {parts, part_count, maps, false};

    return workers_do((unsigned)part_count, MERGE_JOBS, 1, merge_half,
                      &merge) &&
           !atomic_load(&merge.has_failed);
}

bool crowd_merge(struct crowd *parts, size_t part_count,
                 struct facts_table *table)
{
    struct renumbering *maps = calloc(part_count, sizeof(*maps));
    bool is_done = maps != NULL && merge_parts(parts, part_count, maps);

    is_done =
        is_done && count_rows(&parts[0], (unsigned)part_count, table, maps);
    for (size_t i = 0; is_done && i < part_count; i++)
        count_answers(&parts[0], &parts[i], maps[i].strings);
    for (size_t i = 0; maps != NULL && i < part_count; i++)
        renumbering_free(&maps[i]);
    free(maps);
    return is_done && !parts[0].has_failed;
}

bool crowd_is_reply(struct slice name)
{
    return slice_starts(name, role_marks[CROWD_REPLY]);
}

static void raise_answer(struct crowd *crowd, struct slice domain)
{
    uint32_t number = intern_find(&crowd->strings, domain);

    if (number != INTERN_NONE && crowd->hosts[number].answered == 0)
        crowd->hosts[number].answered = 1;
}

/* The keys stand for clients of then. */
static void raise_keys(struct crowd_keys *keys, unsigned count)
{
    for (uint64_t key = 1; key <= count && keys->count < count; key++)
        add_key(keys, key);
}

void crowd_raise_clients(struct crowd *crowd, struct slice name, unsigned count)
{
    struct crowd_clients *clients =
        clients_of(crowd, intern_add(&crowd->client_domains, name));

    if (crowd_is_reply(name))
        raise_answer(crowd, slice_skip(name, role_marks[CROWD_REPLY].len));
    if (clients == NULL)
        return;
    raise_keys(&clients->hosts, count);
    raise_keys(&clients->sites, count);
}

const struct crowd_source *crowd_find_source(const struct crowd *crowd,
                                             const struct ip *ip)
{
    uint32_t number =
        crowd->sources.slots[source_slot(crowd, ip, source_hash(crowd, ip))];

    return number == 0 ? NULL : &crowd->sources.items[number];
}

void crowd_prefetch_ahead(const struct crowd *crowd, const struct facts *rows)
{
    const struct facts *far = rows + CROWD_AHEAD, *near = far - CROWD_AHEAD / 2;

    intern_prefetch_entry(&crowd->strings, far->domain);
    intern_prefetch_entry(&crowd->strings, far->more_domains);
    intern_prefetch_entry(&crowd->strings, far->host);
    __builtin_prefetch(&crowd->hosts[far->domain]);
    __builtin_prefetch(&crowd->hosts[far->host]);
    __builtin_prefetch(&crowd->sources.items[far->source]);
    hash_set_prefetch(&crowd->writers.seen, far->address_hash);
    intern_prefetch_text(&crowd->strings, near->domain);
    intern_prefetch_text(&crowd->strings, near->more_domains);
    intern_prefetch_text(&crowd->strings, near->host);
}

struct crowd_host crowd_find_host(const struct crowd *crowd, struct slice host)
{
    uint32_t number = intern_find(&crowd->strings, host);

    if (number == INTERN_NONE || crowd->hosts == NULL)
        return (struct crowd_host){0};
    return crowd->hosts[number];
}

unsigned crowd_count_clients(const struct crowd *crowd, enum crowd_role role,
                             struct slice name)
{
    struct role_name role_name;

    if (!make_role_name(&role_name, role, name))
        return 0;
    return crowd_clients_of(
        crowd, intern_find(&crowd->client_domains,
                           slice_make(role_name.text, role_name.len)));
}

unsigned crowd_count_alike(const struct crowd *crowd, struct slice target,
                           struct slice host, unsigned sources)
{
    unsigned most = crowd_count_clients(crowd, CROWD_FOR, target);
    unsigned count = crowd_count_clients(crowd, CROWD_AT, host);

    most = count > most ? count : most;
    return sources > most ? sources : most;
}

bool crowd_is_known(const struct crowd *crowd, struct slice domain)
{
    return domain.len > 0 && crowd->writers.seen.count > 0 &&
           hash_set_has(&crowd->writers.seen, known_hash(crowd, domain));
}

bool crowd_is_addressed(const struct crowd *crowd, uint64_t hash)
{
    return hash != 0 && crowd->writers.seen.count > 0 &&
           hash_set_has(&crowd->writers.seen, hash);
}

bool crowd_is_correspondent(const struct crowd *crowd, const struct ip *ip,
                            struct slice domain)
{
    const struct hash_set *seen = &crowd->writers.seen;

    if (domain.len == 0 || seen->count == 0)
        return false;
    return hash_set_has(seen, taken_hash(crowd, ip, domain)) ||
           (hash_set_has(seen, writer_hash(crowd, ip, domain)) &&
            crowd_count_clients(crowd, CROWD_FOR, domain) >= 1);
}
