/* What the crowd says of a message: fields that wait for the second phase. */
#include "qscan/message_part.h"

static bool source_writes(struct message *message, const struct ip *ip)
{
    const struct crowd *crowd = message->scene->crowd;

    for (size_t i = 0; i < message->qf.recipient_count; i++) {
        const struct qf_recipient *recipient = &message->qf.recipients[i];

        if (crowd_is_correspondent(crowd, ip,
                                   message_domain_of(message, recipient)) ||
            crowd_is_addressed(
                crowd,
                crowd_address_hash(crowd, address_bare(recipient->address))))
            return true;
    }
    return false;
}

const struct client *message_culprit(struct message *message)
{
    const struct client *source = message_source(message);

    return source == NULL || !source->has_ip || message_is_source_ours(message)
               ? NULL
               : source;
}

/* The source that counts are about, or NULL: then *state_r says what the field
 * is. */
static const struct client *counted_source(struct message *message,
                                           enum field_state *state_r)
{
    *state_r = message_source(message) == NULL &&
                       message_is_own_report(message) &&
                       message->dsn_outcome != DSN_OK
                   ? FIELD_UNDECIDED
                   : FIELD_ABSENT;
    return message_culprit(message);
}

/* Counts of the first recipient's domain; zeros without one. */
static struct crowd_host first_domain(struct message *message)
{
    if (message->qf.recipient_count == 0)
        return (struct crowd_host){0};
    return crowd_find_host(
        message->scene->crowd,
        message_domain_of(message, &message->qf.recipients[0]));
}

static bool is_steady(struct message *message,
                      const struct crowd_source *source)
{
    struct crowd_host domain = first_domain(message);

    return message->qf.recipient_count > 0 && crowd_is_steady(source, &domain);
}

enum field_state message_add_source_count(struct message *message,
                                          enum rules_field_id field)
{
    const struct scene *scene = message->scene;
    enum field_state state;
    const struct client *source = counted_source(message, &state);
    const struct crowd_source *counts;

    if (source == NULL)
        return state;
    if (scene->crowd == NULL)
        return FIELD_LATER;
    counts = crowd_find_source(scene->crowd, &source->ip);
    if (field == FIELD_SOURCE_WRITES)
        message_add_number(message, source_writes(message, &source->ip));
    else if (counts != NULL && field == FIELD_SOURCE_STEADY)
        message_add_number(message, is_steady(message, counts));
    else if (counts != NULL && field == FIELD_SOURCE_FORGES)
        message_add_number(message, crowd_forges(counts));
    else if (counts != NULL)
        message_add_number(message, field == FIELD_SOURCE_BOUNCES
                                        ? counts->bounces
                                        : counts->guesses);
    return FIELD_PRESENT;
}

struct slice message_refusing_host(const struct dsn_recipient *recipient)
{
    struct slice actual = recipient->actual_recipient;

    if (dsn_was_expanded(recipient) &&
        !slice_equal_nocase(address_domain(actual),
                            address_domain(recipient->final_recipient)))
        return (struct slice){NULL, 0};
    return recipient->remote_mta;
}

/* For whom the source sent, where our-domains does not say that it is us. */
enum field_state message_add_target_counts(struct message *message)
{
    const struct scene *scene = message->scene;
    const struct dsn *dsn = &message->dsn;
    unsigned sources;
    enum field_state state;

    if (counted_source(message, &state) == NULL)
        return state;
    if (dsn->kind != DSN_FAILURE)
        return FIELD_ABSENT;
    if (scene->crowd == NULL)
        return FIELD_LATER;
    sources = first_domain(message).sources;
    for (size_t i = 0; i < dsn->recipient_count; i++) {
        const struct dsn_recipient *recipient = &dsn->recipients[i];
        struct slice domain =
            message_lower(message, address_domain(recipient->final_recipient));

        if (domain.len > 0 && dsn_has_failed(recipient) &&
            !rules_list_has(scene->rules, "our-domains", domain))
            message_add_number(
                message,
                crowd_count_alike(
                    scene->crowd, domain,
                    message_lower(message, message_refusing_host(recipient)),
                    sources));
    }
    return FIELD_PRESENT;
}

int64_t crowd_value_of_host(const struct crowd_host *host,
                            enum rules_field_id field)
{
    if (field == FIELD_HOST_ANSWERED)
        return host->answered;
    if (field == FIELD_HOST_MAIL)
        return host->mail;
    return field == FIELD_HOST_DOMAINS ? host->domains : host->waiting;
}

bool crowd_is_of_host(enum rules_field_id field)
{
    return field == FIELD_HOST_WAITING || field == FIELD_HOST_DOMAINS ||
           field == FIELD_HOST_MAIL;
}

int64_t crowd_value_of_domain(const struct scene *scene,
                              enum rules_field_id field, struct slice domain)
{
    struct crowd_host host;

    if (field == FIELD_RECIPIENT_CLIENTS)
        return crowd_count_clients(scene->crowd, CROWD_FOR, domain);
    host = crowd_find_host(scene->crowd, domain);
    return crowd_value_of_host(&host, field);
}

/* Where the site's own list of domains is known, it says what is inbound; but
 * we may relay for more, by a map, and for a report that matters. */
static bool counts_clients(const struct message *message)
{
    return message_is_own_report(message) || !message->scene->is_domains_known;
}

enum field_state message_add_recipient_counts(struct message *message,
                                              enum rules_field_id field)
{
    const struct scene *scene = message->scene;

    if (field == FIELD_RECIPIENT_CLIENTS && !counts_clients(message))
        return FIELD_ABSENT;
    if (scene->crowd == NULL)
        return FIELD_LATER;
    for (size_t i = 0; i < message->qf.recipient_count; i++) {
        const struct qf_recipient *recipient = &message->qf.recipients[i];
        struct slice name = message_domain_of(message, recipient);

        if (crowd_is_of_host(field)) {
            struct slice host = message_host_of(message, recipient);

            name = host.len > 0 ? host : name;
        }
        message_add_number(message, crowd_value_of_domain(scene, field, name));
    }
    return FIELD_PRESENT;
}

/* Whether mail goes both ways between a recipient's domain and ours. */
enum field_state message_add_recipient_known(struct message *message)
{
    const struct crowd *crowd = message->scene->crowd;
    bool is_any = false;

    if (crowd == NULL)
        return FIELD_LATER;
    for (size_t i = 0; i < message->qf.recipient_count && !is_any; i++)
        is_any = crowd_is_known(
            crowd, message_domain_of(message, &message->qf.recipients[i]));
    message_add_number(message, is_any);
    return FIELD_PRESENT;
}

/* Whether all bounces to the first recipient's domain tell of one address. */
enum field_state message_add_recipient_steady(struct message *message)
{
    struct crowd_host domain;

    if (message->scene->crowd == NULL)
        return FIELD_LATER;
    domain = first_domain(message);
    if (message->qf.recipient_count > 0)
        message_add_number(message, crowd_has_one_aim(&domain));
    return FIELD_PRESENT;
}

bool message_has_attempt(const struct message *message)
{
    enum { CLOCK_SEC = 3600 }; /* that it may have been ahead */
    const struct qf *qf = &message->qf;

    return qf->has_last_attempt && qf->last_attempt > 0 &&
           qf->last_attempt <= message->scene->now + CLOCK_SEC;
}

enum field_state message_add_network_down(struct message *message)
{
    const struct crowd *crowd = message->scene->crowd;
    const struct qf *qf = &message->qf;
    struct slice host;

    if (crowd == NULL)
        return FIELD_LATER;
    if (!message_has_attempt(message))
        return FIELD_UNDECIDED;
    if (qf->recipient_count > 0)
        message_add_number(message,
                           reach_is_lost(&crowd->reach,
                                         reach_hour_of(qf->last_attempt),
                                         message_first_status(message, &host)));
    return FIELD_PRESENT;
}

uint64_t message_late(struct message *message)
{
    uint64_t late = message_bit_of(FIELD_HOST_WAITING) |
                    message_bit_of(FIELD_HOST_DOMAINS) |
                    message_bit_of(FIELD_HOST_MAIL) |
                    message_bit_of(FIELD_HOST_ANSWERED) |
                    message_bit_of(FIELD_RECIPIENT_KNOWN) |
                    message_bit_of(FIELD_RECIPIENT_STEADY) |
                    message_bit_of(FIELD_NETWORK_DOWN);

    if (message->scene->crowd != NULL || message->has_failed)
        return 0;
    if (counts_clients(message))
        late |= message_bit_of(FIELD_RECIPIENT_CLIENTS);
    if (!message->is_dsn_parsed || message_culprit(message) == NULL)
        return late;
    if (message->dsn.kind == DSN_FAILURE)
        late |= message_bit_of(FIELD_DSN_CLIENTS);
    return late | message_bit_of(FIELD_SOURCE_BOUNCES) |
           message_bit_of(FIELD_SOURCE_GUESSES) |
           message_bit_of(FIELD_SOURCE_WRITES) |
           message_bit_of(FIELD_SOURCE_STEADY) |
           message_bit_of(FIELD_SOURCE_FORGES);
}
