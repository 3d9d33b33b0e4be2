/* The fields of a message, as the rules ask for them. */
#include "parsers/array.h"
#include "parsers/header.h"
#include "qscan/message_part.h"

void message_add_further_value(struct message *message,
                               struct field_value value)
{
    struct message_values *values = message->asked;
    struct field_value *items = array_with_room(
        values->items, values->count, &values->capacity, sizeof(*items));

    if (items == NULL) {
        message->has_failed = true;
        return;
    }
    values->items = items;
    if (values->count == 1)
        items[0] = values->first;
    items[values->count++] = value;
}

static bool has_any(const struct message *message)
{
    const struct message_values *values = message->asked;
    const struct field_value *items = message_items_of(values);

    for (size_t i = 0; i < values->count; i++)
        if (items[i].text.len > 0)
            return true;
    return false;
}

static void drop_if_all_empty(struct message *message)
{
    if (!has_any(message))
        message->asked->count = 0;
}

static void add_recipient_values(struct message *message,
                                 enum rules_field_id field)
{
    const struct qf *qf = &message->qf;

    for (size_t i = 0; i < qf->recipient_count; i++) {
        const struct qf_recipient *recipient = &qf->recipients[i];
        struct slice status = message_status_of(message, recipient);

        switch (field) {
        case FIELD_RECIPIENT:
            message_add_one_of_many(message, address_bare(recipient->address));
            break;
        case FIELD_RECIPIENT_DOMAIN:
            message_add_one_of_many(message,
                                    message_domain_of(message, recipient));
            break;
        case FIELD_RECIPIENT_HOST:
            message_add_one_of_many(message,
                                    message_host_of(message, recipient));
            break;
        case FIELD_RECIPIENT_FLAGS:
            message_add_one_of_many(message, recipient->flags);
            break;
        default: /* FIELD_STATUS */
            message_add_one_of_many(message, status);
            break;
        }
    }
    drop_if_all_empty(message);
}

static void add_headers(struct message *message, struct slice name)
{
    size_t index = 0;
    const struct qf_header *header;

    while ((header = qf_header_find(&message->qf, name, &index)) != NULL) {
        struct slice value = slice_trim(header->value);

        if (slice_index(value, '\xff') < value.len) {
            char *room = message_scratch(message, value.len);

            if (room == NULL)
                return;
            value = header_unescape(value, room, value.len);
        }
        message_add_text(message, value);
    }
}

enum field_state message_need_report(struct message *message)
{
    message_need_dsn(message);
    if (message->dsn_outcome == DSN_NOT_A_REPORT)
        return FIELD_ABSENT;
    return message->dsn_outcome == DSN_OK ? FIELD_PRESENT : FIELD_UNDECIDED;
}

static enum field_state add_dsn_values(struct message *message,
                                       enum rules_field_id field)
{
    const struct dsn *dsn = &message->dsn;
    enum field_state state = message_need_report(message);

    if (state != FIELD_PRESENT)
        return state;
    for (size_t i = 0; i < dsn->recipient_count; i++) {
        const struct dsn_recipient *recipient = &dsn->recipients[i];

        if (dsn->kind == DSN_FAILURE && !dsn_has_failed(recipient))
            continue;
        switch (field) {
        case FIELD_DSN_STATUS:
            message_add_one_of_many(message, recipient->status);
            break;
        case FIELD_DSN_RECIPIENT:
            message_add_one_of_many(message, recipient->final_recipient);
            break;
        case FIELD_DSN_DIAGNOSTIC:
            message_add_one_of_many(message, recipient->diagnostic);
            break;
        default: /* FIELD_DSN_REMOTE */
            message_add_one_of_many(
                message, message_lower(message, recipient->remote_mta));
            break;
        }
    }
    drop_if_all_empty(message);
    /* Given up by time is 4.4.7 (RFC 3463), whatever its recipients say. */
    if (field == FIELD_DSN_STATUS && dsn->has_expired)
        message_add_text(message, SLICE_LITERAL("4.4.7"));
    return FIELD_PRESENT;
}

static enum field_state add_reporter(struct message *message)
{
    enum field_state state = message_need_report(message);

    if (state == FIELD_PRESENT && message->dsn.reporting_mta.len > 0)
        message_add_text(message,
                         message_lower(message, message->dsn.reporting_mta));
    return state;
}

/* Our own name is ours, though no list may have it: sendmail adds it itself. */
static bool is_our_domain(struct message *message, struct slice domain)
{
    return slice_equal_nocase(domain, message->dsn.reporting_mta) ||
           rules_list_has(message->scene->rules, "our-domains",
                          message_lower(message, domain));
}

/* Whether any of those who failed is in one of our domains; absent where we do
 * not know them. */
static enum field_state add_is_ours(struct message *message)
{
    const struct scene *scene = message->scene;
    const struct dsn *dsn = &message->dsn;
    enum field_state state = message_need_report(message);
    bool is_any = false, is_ours = false;

    if (!scene->is_domains_known)
        return FIELD_ABSENT;
    if (state != FIELD_PRESENT)
        return state;
    for (size_t i = 0; i < dsn->recipient_count && !is_ours; i++) {
        struct slice domain =
            address_domain(dsn->recipients[i].final_recipient);

        if (domain.len == 0 || !dsn_has_failed(&dsn->recipients[i]))
            continue;
        is_any = true;
        is_ours = is_our_domain(message, domain);
    }
    if (is_any)
        message_add_number(message, is_ours);
    return FIELD_PRESENT;
}

/* Whether an alias led to any of those who failed. */
static enum field_state add_is_expanded(struct message *message)
{
    const struct dsn *dsn = &message->dsn;
    enum field_state state = message_need_report(message);
    bool is_any = false;

    if (state != FIELD_PRESENT)
        return state;
    for (size_t i = 0; i < dsn->recipient_count; i++)
        is_any |= dsn_has_failed(&dsn->recipients[i]) &&
                  dsn_was_expanded(&dsn->recipients[i]);
    message_add_number(message, is_any);
    return FIELD_PRESENT;
}

static enum field_state add_size(struct message *message)
{
    int64_t bytes = message_data_bytes(message);

    if (bytes < 0)
        return FIELD_ABSENT;
    message_add_number(message, bytes);
    return FIELD_PRESENT;
}

static void add_dsn_kind(struct message *message)
{
    enum dsn_kind kind = message_dsn_kind(message);

    if (kind != DSN_NONE)
        message_add_text(message, slice_from_string(dsn_kind_text(kind)));
}

bool message_is_notice(const struct message *message)
{
    static const struct {
        struct slice name, begins;
    } marks[] = {
        {SLICE_TEXT("Auto-Submitted"), SLICE_TEXT("auto-replied")},
        {SLICE_TEXT("Precedence"), SLICE_TEXT("auto_reply")},
        {SLICE_TEXT("Precedence"), SLICE_TEXT("auto-reply")},
        {SLICE_TEXT("Precedence"), SLICE_TEXT("autoreply")},
        {SLICE_TEXT("X-Autoreply"), SLICE_TEXT("")},
        {SLICE_TEXT("X-Autorespond"), SLICE_TEXT("")},
        {SLICE_TEXT("X-List-Administrivia"), SLICE_TEXT("yes")},
    };
    const struct qf *qf = &message->qf;

    for (size_t i = 0; i < qf->header_count; i++)
        for (size_t m = 0; m < sizeof(marks) / sizeof(marks[0]); m++)
            if (slice_equal_nocase(qf->headers[i].name, marks[m].name) &&
                slice_starts_nocase(qf->headers[i].value, marks[m].begins))
                return true;
    return false;
}

struct slice message_origin(const struct message *message)
{
    if (message_is_own_report(message))
        return SLICE_LITERAL("local-dsn");
    return message_has_null_sender(message) ? SLICE_LITERAL("null-sender")
                                            : SLICE_LITERAL("mail");
}

static void add_client_field(struct message *message, enum rules_field_id field)
{
    struct client client;

    if (client_parse(qf_macro_value(&message->qf, SLICE_LITERAL("_")), &client))
        message_add_client_value(message, &client, field);
}

static enum field_state collect(struct message *message,
                                enum rules_field_id field, struct slice header)
{
    const struct qf *qf = &message->qf;

    switch (field) {
    case FIELD_ORIGIN:
        message_add_text(message, message_origin(message));
        break;
    case FIELD_SENDER:
        message_add_text(message, slice_is_absent(qf->sender)
                                      ? qf->sender
                                      : address_bare(qf->sender));
        break;
    case FIELD_SENDER_DOMAIN:
        message_add_text(
            message,
            message_lower(message, address_domain(address_bare(qf->sender))));
        break;
    case FIELD_RECIPIENT:
    case FIELD_RECIPIENT_DOMAIN:
    case FIELD_RECIPIENT_HOST:
    case FIELD_RECIPIENT_FLAGS:
    case FIELD_STATUS:
        add_recipient_values(message, field);
        break;
    case FIELD_STATUS_ENVELOPE:
        message_add_text(message, qf->status);
        break;
    case FIELD_RECIPIENTS:
        message_add_number(message, (int64_t)qf->recipient_count);
        break;
    case FIELD_FLAGS:
        message_add_text(message, qf->flags);
        break;
    case FIELD_TRIES:
        if (qf->has_tries)
            message_add_number(message, qf->tries);
        break;
    case FIELD_AGE:
        if (qf->has_created)
            message_add_number(message, message->scene->now - qf->created);
        break;
    case FIELD_IDLE:
        if (qf->has_last_attempt && qf->last_attempt != 0)
            message_add_number(message, message->scene->now - qf->last_attempt);
        break;
    case FIELD_SIZE:
        return add_size(message);
    case FIELD_PRIORITY:
        if (qf->has_priority)
            message_add_number(message, qf->priority);
        break;
    case FIELD_CLIENT_ADDRESS:
    case FIELD_CLIENT_NAME:
    case FIELD_CLIENT_FORGED:
        add_client_field(message, field);
        break;
    case FIELD_AUTH:
        message_add_text(message, qf->auth);
        break;
    case FIELD_HEADER:
        add_headers(message, header);
        break;
    case FIELD_DSN_KIND:
        add_dsn_kind(message);
        break;
    case FIELD_DSN_STATUS:
    case FIELD_DSN_RECIPIENT:
    case FIELD_DSN_DIAGNOSTIC:
    case FIELD_DSN_REMOTE:
        return add_dsn_values(message, field);
    case FIELD_DSN_OURS:
        return add_is_ours(message);
    case FIELD_DSN_EXPANDED:
        return add_is_expanded(message);
    case FIELD_DSN_REPORTER:
        return add_reporter(message);
    case FIELD_RECIPIENT_NEIGHBOUR:
        return message_add_recipient_neighbour(message);
    case FIELD_SOURCE:
    case FIELD_SOURCE_NAME:
    case FIELD_SOURCE_FORGED:
    case FIELD_SOURCE_GENERIC:
    case FIELD_SOURCE_NEIGHBOUR:
    case FIELD_SOURCE_KIN:
    case FIELD_SOURCE_AUTH:
    case FIELD_SOURCE_HELO:
    case FIELD_SOURCE_RELAYS:
    case FIELD_SOURCE_ANSWERS:
    case FIELD_SOURCE_AUTHENTIC:
        return message_add_source_value(message, field);
    case FIELD_SOURCE_BOUNCES:
    case FIELD_SOURCE_GUESSES:
    case FIELD_SOURCE_WRITES:
    case FIELD_SOURCE_STEADY:
    case FIELD_SOURCE_FORGES:
        return message_add_source_count(message, field);
    case FIELD_HOST_WAITING:
    case FIELD_HOST_DOMAINS:
    case FIELD_HOST_MAIL:
    case FIELD_HOST_ANSWERED:
    case FIELD_RECIPIENT_CLIENTS:
        return message_add_recipient_counts(message, field);
    case FIELD_RECIPIENT_KNOWN:
        return message_add_recipient_known(message);
    case FIELD_RECIPIENT_STEADY:
        return message_add_recipient_steady(message);
    case FIELD_NETWORK_DOWN:
        return message_add_network_down(message);
    case FIELD_DSN_CLIENTS:
        return message_add_target_counts(message);
    case FIELD_SOURCE_HOSTILE: /* of the logs: none is given */
    case FIELD_HOST_DELIVERED:
    default: /* of lines and sources: no message has them */
        break;
    }
    return FIELD_PRESENT;
}

/* Headers have many names: the last two of them have a place each. A field of
 * lines or sources, which no message has, shares the second. */
static struct message_values *values_of(struct message *message,
                                        enum rules_field_id field)
{
    if (field >= FIELD_EVENT_TEXT)
        return &message->values[MESSAGE_VALUES - 1];
    if (field != FIELD_HEADER)
        return &message->values[field];
    message->is_second_header = !message->is_second_header;
    return &message->values[message->is_second_header ? MESSAGE_VALUES - 1
                                                      : (int)FIELD_HEADER];
}

void message_fetch(void *context, enum rules_field_id field,
                   struct slice header, struct field_view *view_r)
{
    struct message *message = context;
    struct message_values *values = values_of(message, field);
    uint64_t bit = field < FIELD_EVENT_TEXT && field != FIELD_HEADER
                       ? message_bit_of(field)
                       : 0;

    if ((message->known & bit) == 0) {
        enum field_state state;

        values->count = 0;
        message->asked = values;
        state = collect(message, field, header);
        if (message->has_failed)
            state = FIELD_UNDECIDED;
        else if (state == FIELD_PRESENT && values->count == 0)
            state = FIELD_ABSENT;
        values->state = state;
        message->known |= message->has_failed ? 0 : bit;
    }
    view_r->state = values->state;
    view_r->values = message_items_of(values);
    view_r->value_count = values->state == FIELD_PRESENT ? values->count : 0;
}
