/* Who brought the original of a report, and what is known of it. */
#include "parsers/hostname.h"
#include "qscan/message_part.h"

static struct slice ip_text(struct message *message, const struct ip *ip)
{
    char *text = message_scratch(message, ADDRESS_IP_TEXT_MAX);

    if (text == NULL)
        return (struct slice){NULL, 0};
    return slice_make(text, ip_format(ip, text));
}

static bool is_generic(const struct client *client)
{
    return client->forged || client->name.len == 0 ||
           name_is_generic(client->name, &client->ip);
}

void message_add_client_value(struct message *message,
                              const struct client *client,
                              enum rules_field_id field)
{
    switch (field) {
    case FIELD_CLIENT_ADDRESS:
    case FIELD_SOURCE:
        if (client->has_ip)
            message_add_ip(message, ip_text(message, &client->ip), &client->ip);
        break;
    case FIELD_CLIENT_NAME:
    case FIELD_SOURCE_NAME:
        if (!client->forged)
            message_add_text(message, message_lower(message, client->name));
        break;
    case FIELD_SOURCE_GENERIC:
        if (client->has_ip)
            message_add_number(message, is_generic(client));
        break;
    default: /* ..._FORGED */
        message_add_number(message, client->forged);
        break;
    }
}

/* Customers of a provider and its mail host, the hosts of a university. */
static bool is_neighbour(const struct client *client, struct slice here)
{
    return !client->forged && name_is_same_owner(client->name, here);
}

/* "dsl-7-113-0-203.example.net": the lines of a provider are of one owner, but
 * their users are strangers. */
static bool is_numbered(struct slice name)
{
    enum { DIGITS_MIN = 4 };
    unsigned digits = 0;

    for (size_t i = 0; i < name.len; i++)
        digits += byte_is_digit(name.ptr[i]);
    return digits >= DIGITS_MIN;
}

/* What any machine, or a line, is called is no server's name. */
static bool is_line_name(struct slice name, const struct client *client)
{
    return name_is_localhost(name) ||
           (client->forged && slice_equal_nocase(name, client->name)) ||
           (client->has_ip && (name_is_generic(name, &client->ip) ||
                               name_is_line(name, &client->ip)));
}

/* Whether the sender is who handed it in to a sendmail at his home. */
static bool is_by_sender(const struct message *message, struct slice user)
{
    const struct qf *qf = &message->qf;
    struct slice sender;

    if (user.len == 0 || qf->recipient_count == 0)
        return false;
    sender = address_bare(qf->recipients[0].address);
    return slice_starts_nocase(sender, user) && sender.len > user.len &&
           sender.ptr[user.len] == '@';
}

static const struct dsn_path *path_of(struct message *message)
{
    if (!message->has_path)
        dsn_read_path(&message->dsn, &message->path);
    message->has_path = true;
    return &message->path;
}

/* What it sent had passed a server that is called as it calls itself, or a host
 * below that, and not as whoever failed to be reached by it. */
static bool is_relaying(struct message *message)
{
    const struct dsn *dsn = &message->dsn;
    const struct dsn_path *path = path_of(message);
    struct slice name = dsn->helo;

    if (path->is_inside || path->has_own_mark ||
        (is_by_sender(message, path->user) && domain_is_within(path->by, name)))
        return true;
    if (name.len == 0 ||
        !(path->by.len > 0 ? domain_is_within(path->by, name)
                           : path->has_qmail) ||
        is_line_name(name, &dsn->source))
        return false;
    for (size_t i = 0; i < dsn->recipient_count; i++)
        if (slice_equal_nocase(
                name, address_domain(dsn->recipients[i].final_recipient)))
            return false;
    return true;
}

static bool is_answered(const struct dsn *dsn, struct slice domain)
{
    for (size_t i = 0; i < dsn->recipient_count; i++)
        if (name_is_akin(domain,
                         address_domain(dsn->recipients[i].final_recipient)))
            return true;
    return name_is_akin(domain, dsn->reporting_mta);
}

/* Whether what it sent answers mail from where its recipient is, or from here.
 */
static bool is_answering(struct message *message)
{
    struct slice answered = path_of(message)->answered, domain;

    while (dsn_next_answered(&answered, &domain))
        if (is_answered(&message->dsn, domain))
            return true;
    return false;
}

/* Whether one that the report goes to was found to have sent the original. */
static bool is_authentic(struct message *message)
{
    for (size_t i = 0; i < message->qf.recipient_count; i++)
        if (dsn_is_authentic(
                &message->dsn, path_of(message),
                message_domain_of(message, &message->qf.recipients[i])))
            return true;
    return false;
}

/* "MUELLER", or "MUELLER-PC", of mueller.example: what a Windows network is
 * called that belongs to the sender's firm. A bot knows whole names alone. */
static bool is_network_name(struct slice helo, struct slice domain)
{
    enum { LABEL_MIN = 4 };
    struct slice owner = name_owner(domain);
    struct slice label = slice_head(owner, slice_index(owner, '.'));

    return label.len >= LABEL_MIN && slice_index(helo, '.') == helo.len &&
           slice_starts_nocase(helo, label) &&
           (helo.len == label.len || helo.ptr[label.len] == '-');
}

/*
 * A department's host writes in the name of another one of its university, and
 * the line of a provider's customer, in that of a domain whose mail the
 * provider takes; a firm's host calls itself by the name of its group, whose
 * mail host takes the mail. That a name called is under the sender's own domain
 * proves nothing: bots do that.
 */
static bool is_kin(struct message *message, const struct client *source)
{
    struct slice helo = message->dsn.helo;

    for (size_t i = 0; i < message->qf.recipient_count; i++) {
        const struct qf_recipient *recipient = &message->qf.recipients[i];
        struct slice domain = message_domain_of(message, recipient);
        struct slice host = message_host_of(message, recipient);

        if (is_numbered(domain) || is_numbered(host) ||
            (slice_equal_nocase(domain, source->name) &&
             is_line_name(domain, source)))
            continue;
        if (!source->forged && (name_is_same_owner(source->name, domain) ||
                                name_is_same_owner(source->name, host)))
            return true;
        if ((name_is_same_owner(helo, host) &&
             !name_is_same_owner(domain, host)) ||
            is_network_name(helo, domain))
            return true;
    }
    return false;
}

/* A user of our own organisation, or mail that goes by a relay of it. */
enum field_state message_add_recipient_neighbour(struct message *message)
{
    enum field_state state = message_need_report(message);
    struct slice here = message->dsn.reporting_mta;
    bool is_any = false;

    if (state != FIELD_PRESENT || here.len == 0)
        return state;
    for (size_t i = 0; i < message->qf.recipient_count && !is_any; i++) {
        const struct qf_recipient *recipient = &message->qf.recipients[i];

        is_any =
            name_is_same_owner(message_domain_of(message, recipient), here) ||
            name_is_same_owner(message_host_of(message, recipient), here);
    }
    message_add_number(message, is_any);
    return FIELD_PRESENT;
}

enum field_state message_add_source_value(struct message *message,
                                          enum rules_field_id field)
{
    const struct client *source = message_source(message);

    if (source != NULL && field == FIELD_SOURCE_AUTH)
        message_add_number(message, message->dsn.is_authenticated);
    else if (source != NULL && field == FIELD_SOURCE_NEIGHBOUR)
        message_add_number(message,
                           is_neighbour(source, message->dsn.reporting_mta));
    else if (source != NULL && field == FIELD_SOURCE_KIN)
        message_add_number(message, is_kin(message, source));
    else if (source != NULL && field == FIELD_SOURCE_HELO)
        message_add_text(message, message_lower(message, message->dsn.helo));
    else if (source != NULL && field == FIELD_SOURCE_RELAYS)
        message_add_number(message, is_relaying(message));
    else if (source != NULL && field == FIELD_SOURCE_ANSWERS)
        message_add_number(message, is_answering(message));
    else if (source != NULL && field == FIELD_SOURCE_AUTHENTIC)
        message_add_number(message, is_authentic(message));
    else if (source != NULL)
        message_add_client_value(message, source, field);
    else if (message_is_own_report(message) && message->dsn_outcome != DSN_OK)
        return FIELD_UNDECIDED;
    return FIELD_PRESENT;
}
