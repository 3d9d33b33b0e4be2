#include "qscan/gather.h"

#include "parsers/bytes.h"
#include "parsers/filter.h"
#include "parsers/hostname.h"
#include "qscan/buffer.h"

enum {
    MORE_DOMAINS_BYTES = 1000, /* further domains that a row remembers */
    TARGETS_MAX = 100,         /* recipients whose domains count for a client */
};

/* Domains of a message with several recipients, an empty one where there is
 * none: a long list is cut, but no host that answers is overlooked. */
static void gather_more_recipients(const struct gatherer *gatherer,
                                   struct facts *row)
{
    struct message *message = gatherer->message;
    struct buffer names = {0};

    for (size_t i = 1; i < message->qf.recipient_count; i++) {
        const struct qf_recipient *recipient = &message->qf.recipients[i];
        struct slice domain = message_domain_of(message, recipient);

        if (domain.len > 0 && status_is_alive(status_classify(
                                  message_status_of(message, recipient))))
            crowd_add_answer(gatherer->crowd, domain);
        if (names.len + domain.len < MORE_DOMAINS_BYTES) {
            buffer_add(&names, domain);
            buffer_add(&names, slice_make("", 1));
        } else {
            row->is_cut = true;
        }
    }
    if (names.len > 0)
        row->more_domains = intern_add(&gatherer->crowd->strings,
                                       slice_make(names.bytes, names.len));
    buffer_free(&names);
}

void gather_look(const struct gatherer *gatherer,
                 struct first_recipient *first_r)
{
    struct message *message = gatherer->message;
    const struct qf *qf = &message->qf;

    first_r->domain = first_r->host = (struct slice){NULL, 0};
    first_r->domain_hash = first_r->host_hash = 0;
    first_r->kind = STATUS_NONE;
    first_r->is_host_cut = false;
    if (qf->recipient_count == 0)
        return;
    first_r->kind = message_first_status(message, &first_r->host);
    first_r->domain = message_domain_of(message, &qf->recipients[0]);
    first_r->is_host_cut = first_r->host.len > sizeof(first_r->lower);
    if (first_r->is_host_cut ||
        slice_equal_nocase(first_r->host, first_r->domain))
        first_r->host = (struct slice){NULL, 0};
    first_r->host = bytes_lower(first_r->lower, first_r->host);
    first_r->domain_hash =
        intern_prefetch(&gatherer->crowd->strings, first_r->domain);
    if (first_r->host.len > 0)
        first_r->host_hash =
            intern_prefetch(&gatherer->crowd->strings, first_r->host);
}

/* By its last label; ".home.arpa" has another below it. */
static bool is_inner_name(struct slice host)
{
    static const struct slice inner[] = {
        SLICE_TEXT("local"),       SLICE_TEXT("lokal"),
        SLICE_TEXT("loc"),         SLICE_TEXT("lan"),
        SLICE_TEXT("localdomain"), SLICE_TEXT("localhost"),
        SLICE_TEXT("int"),         SLICE_TEXT("intern"),
        SLICE_TEXT("interne"),     SLICE_TEXT("intra"),
        SLICE_TEXT("internal"),    SLICE_TEXT("intranet"),
        SLICE_TEXT("priv"),        SLICE_TEXT("private"),
        SLICE_TEXT("corp"),        SLICE_TEXT("office"),
        SLICE_TEXT("home")};
    size_t dot = bytes_last_index(host, '.');
    struct slice label = slice_skip(host, dot + 1);

    if (dot == host.len)
        return true;
    if (slice_ends(host, SLICE_LITERAL(".home.arpa")))
        return true;
    for (size_t i = 0; i < sizeof(inner) / sizeof(inner[0]); i++)
        if (slice_equal(label, inner[i]))
            return true;
    return false;
}

/* A host of ours that answers shows neither that our line works nor that other
 * names are found. */
static bool is_inner_host(const struct scene *scene, struct slice host)
{
    struct ip ip;

    if (host.len == 0)
        return true;
    if (host.ptr[0] == '[')
        return ip_parse(host, &ip) &&
               rules_list_has_ip(scene->rules, "our-hosts", &ip);
    return is_inner_name(host) ||
           rules_list_has(scene->rules, "our-domains", host) ||
           rules_list_has(scene->rules, "our-hosts", host);
}

/* Of a message that was tried, which the first recipient's status tells of;
 * not if a clock that was wrong says when. */
static void note_attempt(const struct gatherer *gatherer, struct facts *row,
                         const struct first_recipient *first)
{
    const struct qf *qf = &gatherer->message->qf;
    const struct scene *scene = gatherer->message->scene;
    bool has_host = first->host.len > 0;
    struct slice host = has_host ? first->host : first->domain;

    row->tried = reach_hour_of(qf->last_attempt);
    row->is_untimed = !message_has_attempt(gatherer->message);
    if (row->is_untimed ||
        ((first->kind == STATUS_REFUSED || status_is_alive(first->kind)) &&
         is_inner_host(scene, host)))
        return;
    reach_note(&gatherer->crowd->reach, qf->last_attempt, first->kind, host,
               has_host ? first->host_hash : first->domain_hash);
}

static void gather_recipients(const struct gatherer *gatherer,
                              struct facts *row,
                              const struct first_recipient *first)
{
    row->status_kind = (uint8_t)first->kind;
    row->domain = intern_add_prefetched(&gatherer->crowd->strings,
                                        first->domain, first->domain_hash);
    row->host = first->host.len == 0
                    ? row->domain
                    : intern_add_prefetched(&gatherer->crowd->strings,
                                            first->host, first->host_hash);
    note_attempt(gatherer, row, first);
    row->is_cut = first->is_host_cut;
    row->has_further = gatherer->message->qf.recipient_count > 1;
    if (row->has_further)
        gather_more_recipients(gatherer, row);
}

/* RFC 3848: a protocol name that ends in A was authenticated. */
static bool is_authenticated(const struct qf *qf)
{
    struct slice protocol = qf_macro_value(qf, SLICE_LITERAL("r"));

    return protocol.len > 0 && protocol.ptr[protocol.len - 1] == 'A';
}

/* A host of the domain's own: below it, by a proven name. One of that very name
 * is what every dial-up line is that sends in its own. */
static bool is_own_host(const struct client *client, struct slice domain)
{
    return !client->forged && client->name.len > domain.len && domain.len > 0 &&
           domain_is_within(client->name, domain);
}

static bool is_own_name(const struct client *client, struct slice domain)
{
    return domain.len > 0 &&
           (domain.ptr[0] == '[' || slice_equal_nocase(client->name, domain));
}

static bool is_named_in(const struct scene *scene, const char *list,
                        const struct client *client)
{
    return client->name.len > 0 && !client->forged &&
           rules_list_has(scene->rules, list, client->name);
}

/* Whose mail is ours: from our own network or relays, or after a login. Of a
 * host that is merely named in our-domains nobody knows: a web server's forms
 * and scripts write to whom strangers name. */
static bool is_inside(const struct message *message,
                      const struct client *client, bool is_logged_in)
{
    return is_logged_in || (client->has_ip && ip_is_private(&client->ip)) ||
           message_is_our_host(message->scene, client) ||
           is_named_in(message->scene, "our-hosts", client);
}

/* As crowd_client_key; 0 of a host of ours by its name, too. */
static struct crowd_client_key outside_key(const struct gatherer *gatherer,
                                           const struct client *client)
{
    const struct scene *scene = gatherer->message->scene;

    return (scene->is_domains_known &&
            is_named_in(scene, "our-domains", client)) ||
                   is_named_in(scene, "our-hosts", client)
               ? (struct crowd_client_key){0, 0}
               : crowd_client_key(gatherer->crowd, client);
}

/* Whom the client writes for: a report without a sender is of the host's owner,
 * unless a line of his customers' sent it. */
static struct slice writer_domain(const struct gatherer *gatherer,
                                  const struct client *client)
{
    if (!message_has_null_sender(gatherer->message))
        return address_domain(address_bare(gatherer->message->qf.sender));
    return client->has_ip && !name_is_generic(client->name, &client->ip)
               ? name_owner(client->name)
               : (struct slice){NULL, 0};
}

static void gather_writer(const struct gatherer *gatherer,
                          const struct client *client)
{
    struct slice domain = writer_domain(gatherer, client);
    char lower[256];

    if (domain.len > sizeof(lower))
        return;
    domain = bytes_lower(lower, domain);
    crowd_add_writer(gatherer->crowd, &client->ip, domain);
    if (is_own_host(client, domain))
        crowd_add_known(gatherer->crowd, domain);
}

/* A reply that a machine sent, without a sender or as one, may be for a forged
 * address. */
static void gather_addressees(const struct gatherer *gatherer, bool is_ours)
{
    struct message *message = gatherer->message;

    for (size_t i = 0; i < message->qf.recipient_count; i++) {
        const struct qf_recipient *recipient = &message->qf.recipients[i];
        struct slice domain = message_domain_of(message, recipient);

        crowd_add_addressee(gatherer->crowd, address_bare(recipient->address));
        if (is_ours && domain.len > 0)
            crowd_add_known(gatherer->crowd, domain);
    }
}

/* Who handed the message in, or to a filter of ours that did; false: nobody
 * knows. */
static bool find_client(const struct message *message, struct client *client,
                        bool *is_ours_r)
{
    struct filter_client first;
    bool is_logged_in = is_authenticated(&message->qf);

    if (!client_parse(qf_macro_value(&message->qf, SLICE_LITERAL("_")), client))
        return false;
    if (filter_is_near(client) && filter_find_client(&message->qf, &first)) {
        *client = first.client;
        is_logged_in = first.is_authenticated;
    }
    *is_ours_r = is_inside(message, client, is_logged_in);
    return true;
}

/* Not of what comes back, nor of what programs answer: that goes to forged
 * domains, too; nor where an alias of ours leads. */
static void gather_handed_in(const struct gatherer *gatherer,
                             struct crowd_client_key key)
{
    struct message *message = gatherer->message;

    for (size_t i = 0; i < message->qf.recipient_count && i < TARGETS_MAX;
         i++) {
        const struct qf_recipient *recipient = &message->qf.recipients[i];

        if (slice_index(recipient->flags, 'A') == recipient->flags.len)
            crowd_add_client(gatherer->crowd, CROWD_FOR,
                             message_domain_of(message, recipient), key);
    }
}

static void gather_client(const struct gatherer *gatherer, bool has_sender)
{
    struct message *message = gatherer->message;
    struct client client;
    bool is_ours = false;
    bool has_client = find_client(message, &client, &is_ours);
    struct crowd_client_key key;

    if (has_sender)
        gather_addressees(gatherer, is_ours);
    if (!has_client || is_ours)
        return;
    key = outside_key(gatherer, &client);
    if (has_sender)
        gather_handed_in(gatherer, key);
    gather_writer(gatherer, &client);
}

/* Mail of that source was taken, and it is told so. */
static void gather_receipt(const struct gatherer *gatherer, struct slice domain)
{
    const struct client *source =
        gatherer->reads_data ? message_source(gatherer->message) : NULL;

    if (source != NULL && source->has_ip)
        crowd_add_taken(gatherer->crowd, &source->ip, domain);
}

/* 5.1.1, and the other codes for an address that is not there (RFC 3463
 * 3.2); old reports have no code but say it. */
static bool is_unknown_recipient(const struct dsn_recipient *recipient)
{
    return slice_equal(recipient->status, SLICE_LITERAL("5.1.1")) ||
           slice_equal(recipient->status, SLICE_LITERAL("5.1.10")) ||
           slice_equal(recipient->status, SLICE_LITERAL("5.1.6"));
}

/* Adds a name and a NUL; false when there is no room. */
static bool add_lower(char *names, size_t *len, struct slice name)
{
    if (name.len >= MORE_DOMAINS_BYTES - *len)
        return false;
    bytes_lower(names + *len, name);
    *len += name.len;
    names[(*len)++] = '\0';
    return true;
}

/* Domains of who failed, each with the host that refused it: where there are
 * too many to keep, or the place is taken by further recipients, none, so that
 * what hangs on them stays undecided. */
static void keep_targets(const struct gatherer *gatherer, struct facts *row)
{
    const struct dsn *dsn = &gatherer->message->dsn;
    struct slice last = {NULL, 0}, last_host = {NULL, 0};
    char names[MORE_DOMAINS_BYTES];
    size_t len = 0;

    if (row->more_domains != INTERN_NONE)
        return;
    for (size_t i = 0; i < dsn->recipient_count; i++) {
        const struct dsn_recipient *recipient = &dsn->recipients[i];
        struct slice domain = address_domain(recipient->final_recipient);
        struct slice host = message_refusing_host(recipient);

        if (!dsn_has_failed(recipient) || domain.len == 0 ||
            (slice_equal_nocase(domain, last) &&
             slice_equal_nocase(host, last_host)))
            continue;
        last = domain;
        last_host = host;
        if (!add_lower(names, &len, domain) || !add_lower(names, &len, host))
            return;
    }
    if (len == 0)
        return;
    row->more_domains =
        intern_add(&gatherer->crowd->strings, slice_make(names, len));
    row->has_targets = row->more_domains != INTERN_NONE;
}

/* Whom the source wrote to; where a report quotes a reply, a host of that
 * domain spoke. */
static void gather_targets(const struct gatherer *gatherer,
                           struct crowd_client_key key)
{
    const struct dsn *dsn = &gatherer->message->dsn;
    char lower[256], lower_host[256];

    for (size_t i = 0; i < dsn->recipient_count && i < TARGETS_MAX; i++) {
        const struct dsn_recipient *recipient = &dsn->recipients[i];
        struct slice domain = address_domain(recipient->final_recipient);
        struct slice host = message_refusing_host(recipient);

        if (domain.len == 0 || domain.len > sizeof(lower))
            continue;
        domain = bytes_lower(lower, domain);
        crowd_add_client(gatherer->crowd, CROWD_FOR, domain, key);
        if (host.len > 0 && host.len <= sizeof(lower_host))
            crowd_add_client(gatherer->crowd, CROWD_AT,
                             bytes_lower(lower_host, host), key);
        if (slice_is_absent(recipient->diagnostic))
            continue;
        crowd_add_answer(gatherer->crowd, domain);
        crowd_add_client(gatherer->crowd, CROWD_REPLY, domain,
                         (struct crowd_client_key){1, 1});
    }
}

static void gather_source(const struct gatherer *gatherer, struct facts *row,
                          uint32_t row_number, const struct client *source,
                          uint32_t hash, uint64_t site)
{
    struct message *message = gatherer->message;

    row->source =
        crowd_add_prefetched(gatherer->crowd, &source->ip, hash, row_number);
    crowd_add_site(gatherer->crowd, row->source, site);
    for (size_t i = 0; i < message->dsn.recipient_count; i++)
        if (is_unknown_recipient(&message->dsn.recipients[i]))
            crowd_add_guess(gatherer->crowd, row->source,
                            message->dsn.recipients[i].final_recipient);
}

/* Of several nobody knows which one was meant. */
static uint16_t aim_of(const struct gatherer *gatherer)
{
    const struct dsn *dsn = &gatherer->message->dsn;
    struct slice aim = {NULL, 0};
    uint16_t hash;

    for (size_t i = 0; i < dsn->recipient_count; i++) {
        if (!dsn_has_failed(&dsn->recipients[i]))
            continue;
        if (aim.len > 0)
            return 0;
        aim = dsn->recipients[i].final_recipient;
    }
    if (aim.len == 0)
        return 0;
    hash = (uint16_t)crowd_address_hash(gatherer->crowd, aim);
    return hash == 0 ? 1 : hash;
}

/* Between asking for a place in a table and looking at it something else is
 * done. */
void gather_message(const struct gatherer *gatherer, struct facts *row,
                    uint32_t row_number, const struct first_recipient *first)
{
    struct message *message = gatherer->message;
    struct crowd *crowd = gatherer->crowd;
    const struct client *source = NULL;
    uint32_t hash = 0;
    struct crowd_client_key key = {0, 0};

    intern_prefetch_more(&crowd->strings, first->domain_hash);
    row->has_sender = !message_is_own_report(message) &&
                      !message_has_null_sender(message) &&
                      !message_is_notice(message);
    if (!message_is_own_report(message))
        gather_client(gatherer, row->has_sender);
    else if (row->is_bounce) {
        source = message_culprit(message);
        row->aim = aim_of(gatherer);
    } else if (message_dsn_kind(message) == DSN_RECEIPT)
        gather_receipt(gatherer, first->domain);
    if (source != NULL) {
        hash = crowd_prefetch_source(crowd, &source->ip);
        key = outside_key(gatherer, source);
        gather_targets(gatherer, key);
        if (is_own_host(source, first->domain))
            crowd_add_known(crowd, first->domain);
        row->is_own_name = is_own_name(source, first->domain);
        if (message->qf.recipient_count > 0)
            row->address_hash = crowd_address_hash(
                crowd, address_bare(message->qf.recipients[0].address));
        crowd_prefetch_more(crowd, hash);
    }
    gather_recipients(gatherer, row, first);
    if (source != NULL) {
        keep_targets(gatherer, row);
        gather_source(gatherer, row, row_number, source, hash, key.site);
    }
}
