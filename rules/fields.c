#include "rules/fields.h"

#define FIELD(id, name, type, origin, many)                                    \
    [id] = {id, name, SCOPE_MESSAGE, type, origin, many}
#define OF_EVENT(id, name, type, many)                                         \
    [id] = {id, name, SCOPE_EVENT, type, FROM_LINE, many}
#define OF_SOURCE(id, name, type)                                              \
    [id] = {id, name, SCOPE_SOURCE, type, FROM_TRAFFIC, false}
#define OF_MEMBER(id, name, type)                                              \
    [id] = {id, name, SCOPE_SOURCE, type, FROM_MEMBERS, false}

const struct rules_field rules_fields[FIELD_COUNT] = {
    FIELD(FIELD_ORIGIN, "origin", TYPE_WORD, FROM_CONTROL_FILE, false),
    FIELD(FIELD_SENDER, "sender", TYPE_TEXT, FROM_CONTROL_FILE, false),
    FIELD(FIELD_SENDER_DOMAIN, "sender.domain", TYPE_DOMAIN, FROM_CONTROL_FILE,
          false),
    FIELD(FIELD_RECIPIENT, "recipient", TYPE_TEXT, FROM_CONTROL_FILE, true),
    FIELD(FIELD_RECIPIENT_DOMAIN, "recipient.domain", TYPE_DOMAIN,
          FROM_CONTROL_FILE, true),
    FIELD(FIELD_RECIPIENT_HOST, "recipient.host", TYPE_DOMAIN,
          FROM_CONTROL_FILE, true),
    FIELD(FIELD_RECIPIENT_FLAGS, "recipient.flags", TYPE_FLAGS,
          FROM_CONTROL_FILE, true),
    FIELD(FIELD_RECIPIENTS, "recipients", TYPE_NUMBER, FROM_CONTROL_FILE,
          false),
    FIELD(FIELD_STATUS, "status", TYPE_TEXT, FROM_CONTROL_FILE, true),
    FIELD(FIELD_STATUS_ENVELOPE, "status.envelope", TYPE_TEXT,
          FROM_CONTROL_FILE, false),
    FIELD(FIELD_FLAGS, "flags", TYPE_FLAGS, FROM_CONTROL_FILE, false),
    FIELD(FIELD_TRIES, "tries", TYPE_NUMBER, FROM_CONTROL_FILE, false),
    FIELD(FIELD_AGE, "age", TYPE_DURATION, FROM_CONTROL_FILE, false),
    FIELD(FIELD_IDLE, "idle", TYPE_DURATION, FROM_CONTROL_FILE, false),
    FIELD(FIELD_SIZE, "size", TYPE_SIZE, FROM_CONTROL_FILE, false),
    FIELD(FIELD_PRIORITY, "priority", TYPE_NUMBER, FROM_CONTROL_FILE, false),
    FIELD(FIELD_CLIENT_ADDRESS, "client.address", TYPE_ADDRESS,
          FROM_CONTROL_FILE, false),
    FIELD(FIELD_CLIENT_NAME, "client.name", TYPE_DOMAIN, FROM_CONTROL_FILE,
          false),
    FIELD(FIELD_CLIENT_FORGED, "client.forged", TYPE_BOOLEAN, FROM_CONTROL_FILE,
          false),
    FIELD(FIELD_AUTH, "auth", TYPE_TEXT, FROM_CONTROL_FILE, false),
    FIELD(FIELD_HEADER, "header.", TYPE_TEXT, FROM_CONTROL_FILE, true),
    FIELD(FIELD_DSN_KIND, "dsn.kind", TYPE_WORD, FROM_DATA_FILE, false),
    FIELD(FIELD_DSN_STATUS, "dsn.status", TYPE_TEXT, FROM_DATA_FILE, true),
    FIELD(FIELD_DSN_RECIPIENT, "dsn.recipient", TYPE_TEXT, FROM_DATA_FILE,
          true),
    FIELD(FIELD_DSN_DIAGNOSTIC, "dsn.diagnostic", TYPE_TEXT, FROM_DATA_FILE,
          true),
    FIELD(FIELD_DSN_REMOTE, "dsn.remote", TYPE_DOMAIN, FROM_DATA_FILE, true),
    FIELD(FIELD_DSN_REPORTER, "dsn.reporter", TYPE_DOMAIN, FROM_DATA_FILE,
          false),
    FIELD(FIELD_DSN_OURS, "dsn.ours", TYPE_BOOLEAN, FROM_DATA_FILE, false),
    FIELD(FIELD_DSN_EXPANDED, "dsn.expanded", TYPE_BOOLEAN, FROM_DATA_FILE,
          false),
    FIELD(FIELD_RECIPIENT_NEIGHBOUR, "recipient.neighbour", TYPE_BOOLEAN,
          FROM_DATA_FILE, false),
    FIELD(FIELD_SOURCE, "source", TYPE_ADDRESS, FROM_DATA_FILE, false),
    FIELD(FIELD_SOURCE_NAME, "source.name", TYPE_DOMAIN, FROM_DATA_FILE, false),
    FIELD(FIELD_SOURCE_FORGED, "source.forged", TYPE_BOOLEAN, FROM_DATA_FILE,
          false),
    FIELD(FIELD_SOURCE_GENERIC, "source.generic", TYPE_BOOLEAN, FROM_DATA_FILE,
          false),
    FIELD(FIELD_SOURCE_KIN, "source.kin", TYPE_BOOLEAN, FROM_DATA_FILE, false),
    FIELD(FIELD_SOURCE_NEIGHBOUR, "source.neighbour", TYPE_BOOLEAN,
          FROM_DATA_FILE, false),
    FIELD(FIELD_SOURCE_AUTH, "source.auth", TYPE_BOOLEAN, FROM_DATA_FILE,
          false),
    FIELD(FIELD_SOURCE_HELO, "source.helo", TYPE_DOMAIN, FROM_DATA_FILE, false),
    FIELD(FIELD_SOURCE_RELAYS, "source.relays", TYPE_BOOLEAN, FROM_DATA_FILE,
          false),
    FIELD(FIELD_SOURCE_ANSWERS, "source.answers", TYPE_BOOLEAN, FROM_DATA_FILE,
          false),
    FIELD(FIELD_SOURCE_AUTHENTIC, "source.authentic", TYPE_BOOLEAN,
          FROM_DATA_FILE, false),
    FIELD(FIELD_SOURCE_BOUNCES, "source.bounces", TYPE_NUMBER, FROM_CROWD,
          false),
    FIELD(FIELD_SOURCE_GUESSES, "source.guesses", TYPE_NUMBER, FROM_CROWD,
          false),
    FIELD(FIELD_SOURCE_WRITES, "source.writes", TYPE_BOOLEAN, FROM_CROWD,
          false),
    FIELD(FIELD_SOURCE_STEADY, "source.steady", TYPE_BOOLEAN, FROM_CROWD,
          false),
    FIELD(FIELD_SOURCE_FORGES, "source.forges", TYPE_BOOLEAN, FROM_CROWD,
          false),
    FIELD(FIELD_HOST_WAITING, "host.waiting", TYPE_NUMBER, FROM_CROWD, true),
    FIELD(FIELD_HOST_DOMAINS, "host.domains", TYPE_NUMBER, FROM_CROWD, true),
    FIELD(FIELD_HOST_MAIL, "host.mail", TYPE_NUMBER, FROM_CROWD, true),
    FIELD(FIELD_HOST_ANSWERED, "host.answered", TYPE_NUMBER, FROM_CROWD, true),
    FIELD(FIELD_RECIPIENT_CLIENTS, "recipient.clients", TYPE_NUMBER, FROM_CROWD,
          true),
    FIELD(FIELD_RECIPIENT_KNOWN, "recipient.known", TYPE_BOOLEAN, FROM_CROWD,
          false),
    FIELD(FIELD_RECIPIENT_STEADY, "recipient.steady", TYPE_BOOLEAN, FROM_CROWD,
          false),
    FIELD(FIELD_DSN_CLIENTS, "dsn.clients", TYPE_NUMBER, FROM_CROWD, true),
    FIELD(FIELD_NETWORK_DOWN, "network.down", TYPE_BOOLEAN, FROM_CROWD, false),
    FIELD(FIELD_SOURCE_HOSTILE, "source.hostile", TYPE_BOOLEAN, FROM_LOGS,
          false),
    FIELD(FIELD_HOST_DELIVERED, "host.delivered", TYPE_NUMBER, FROM_LOGS,
          false),
    OF_EVENT(FIELD_EVENT_TEXT, "text", TYPE_TEXT, false),
    OF_EVENT(FIELD_EVENT_RECIPIENT, "recipient", TYPE_TEXT, true),
    OF_EVENT(FIELD_EVENT_RECIPIENT_DOMAIN, "recipient.domain", TYPE_DOMAIN,
             true),
    OF_EVENT(FIELD_EVENT_SENDER, "sender", TYPE_TEXT, false),
    OF_EVENT(FIELD_EVENT_SENDER_DOMAIN, "sender.domain", TYPE_DOMAIN, false),
    OF_EVENT(FIELD_EVENT_USER, "user", TYPE_TEXT, false),
    OF_EVENT(FIELD_EVENT_SOURCE, "source", TYPE_ADDRESS, false),
    OF_EVENT(FIELD_EVENT_RELAY, "relay", TYPE_TEXT, false),
    OF_EVENT(FIELD_EVENT_STATUS, "status", TYPE_TEXT, false),
    OF_EVENT(FIELD_EVENT_DSN, "dsn", TYPE_TEXT, false),
    OF_EVENT(FIELD_EVENT_REPLY, "reply", TYPE_TEXT, false),
    OF_EVENT(FIELD_EVENT_REASON, "reason", TYPE_TEXT, false),
    OF_EVENT(FIELD_EVENT_RULESET, "ruleset", TYPE_TEXT, false),
    OF_EVENT(FIELD_EVENT_COMMAND, "command", TYPE_TEXT, false),
    OF_EVENT(FIELD_EVENT_HOST, "host", TYPE_DOMAIN, false),
    OF_EVENT(FIELD_EVENT_TAG, "tag", TYPE_TEXT, false),
    OF_SOURCE(FIELD_FROM_ADDRESS, "source", TYPE_ADDRESS),
    OF_SOURCE(FIELD_FROM_NAME, "source.name", TYPE_DOMAIN),
    OF_SOURCE(FIELD_FROM_FORGED, "source.forged", TYPE_BOOLEAN),
    OF_SOURCE(FIELD_FROM_GENERIC, "source.generic", TYPE_BOOLEAN),
    OF_SOURCE(FIELD_FROM_LINE, "source.line", TYPE_BOOLEAN),
    OF_SOURCE(FIELD_FROM_OURS, "source.ours", TYPE_BOOLEAN),
    OF_SOURCE(FIELD_FROM_ATTEMPTS, "attempts", TYPE_NUMBER),
    OF_SOURCE(FIELD_FROM_ACCEPTED, "accepted", TYPE_NUMBER),
    OF_SOURCE(FIELD_FROM_MAILED, "mailed", TYPE_NUMBER),
    OF_SOURCE(FIELD_FROM_MAILED_SHARE, "mailed.share", TYPE_PERCENT),
    OF_SOURCE(FIELD_FROM_MAILED_OWNER, "mailed.owner", TYPE_PERCENT),
    OF_SOURCE(FIELD_FROM_GUESSES, "guesses", TYPE_NUMBER),
    OF_SOURCE(FIELD_FROM_GUESSES_ASKED, "guesses.asked", TYPE_NUMBER),
    OF_SOURCE(FIELD_FROM_GUESSES_KNOWN, "guesses.known", TYPE_PERCENT),
    OF_SOURCE(FIELD_FROM_GUESSES_ALIVE, "guesses.alive", TYPE_PERCENT),
    OF_SOURCE(FIELD_FROM_GUESSES_BLIND, "guesses.blind", TYPE_NUMBER),
    OF_SOURCE(FIELD_FROM_GUESSES_SHARE, "guesses.share", TYPE_PERCENT),
    OF_SOURCE(FIELD_FROM_DOMAINS, "domains", TYPE_NUMBER),
    OF_SOURCE(FIELD_FROM_ENVELOPES, "envelopes", TYPE_NUMBER),
    OF_SOURCE(FIELD_FROM_SENDERS_STEADY, "senders.steady", TYPE_BOOLEAN),
    OF_SOURCE(FIELD_FROM_SENDERS_OWN, "senders.own", TYPE_PERCENT),
    OF_SOURCE(FIELD_FROM_RETURNS, "source.returns", TYPE_BOOLEAN),
    OF_SOURCE(FIELD_FROM_ASTRAY, "source.astray", TYPE_BOOLEAN),
    OF_SOURCE(FIELD_FROM_RESIDENT, "source.resident", TYPE_BOOLEAN),
    OF_SOURCE(FIELD_FROM_SUBMITS, "source.submits", TYPE_BOOLEAN),
    OF_MEMBER(FIELD_FROM_MEMBERS, "members", TYPE_NUMBER),
    OF_MEMBER(FIELD_FROM_MEMBERS_NETWORKS, "members.networks", TYPE_NUMBER),
    OF_MEMBER(FIELD_FROM_MEMBERS_NEAR, "members.near", TYPE_NUMBER),
    OF_MEMBER(FIELD_FROM_BYSTANDERS, "bystanders", TYPE_NUMBER),
    OF_MEMBER(FIELD_FROM_BYSTANDERS_SHARE, "bystanders.share", TYPE_PERCENT),
    OF_SOURCE(FIELD_FROM_LOGINS, "logins", TYPE_NUMBER),
    OF_SOURCE(FIELD_FROM_LOGINS_USERS, "logins.users", TYPE_NUMBER),
    OF_SOURCE(FIELD_FROM_LOGINS_FAILED, "logins.failed", TYPE_NUMBER),
    OF_SOURCE(FIELD_FROM_LOGINS_SHARE, "logins.share", TYPE_PERCENT),
    OF_SOURCE(FIELD_FROM_LOGINS_TRIED, "logins.tried", TYPE_NUMBER),
    OF_SOURCE(FIELD_FROM_LOGINS_UNKNOWN, "logins.unknown", TYPE_NUMBER),
    OF_SOURCE(FIELD_FROM_LOGINS_ALIKE, "logins.alike", TYPE_BOOLEAN),
    OF_SOURCE(FIELD_FROM_LOGINS_SHARED, "logins.shared", TYPE_NUMBER),
    OF_SOURCE(FIELD_FROM_LOGINS_NETWORK, "logins.network", TYPE_NUMBER),
    OF_SOURCE(FIELD_FROM_DELIVERED, "delivered", TYPE_NUMBER),
};

#define PLACE(field, member)                                                   \
    [FIELD_EVENT_##field] = offsetof(struct logline, member)
const uint16_t fields_line_places[FIELD_COUNT] = {
    PLACE(TEXT, text),       PLACE(SENDER, sender), PLACE(USER, user),
    PLACE(RELAY, relay),     PLACE(STATUS, status), PLACE(DSN, dsn),
    PLACE(REPLY, reply),     PLACE(REASON, reason), PLACE(RULESET, ruleset),
    PLACE(COMMAND, command), PLACE(HOST, host),     PLACE(TAG, tag),
};

/* Long enough for any header name; keeps a rule file from hiding a novel. */
enum { HEADER_NAME_MAX_BYTES = 127 };

static bool is_header_name(struct slice name)
{
    return name.len > 0 && name.len <= HEADER_NAME_MAX_BYTES;
}

bool fields_find(enum rules_scope scope, struct slice name,
                 enum rules_field_id *id_r, struct slice *header_r)
{
    struct slice prefix = slice_from_string(rules_fields[FIELD_HEADER].name);

    *header_r = (struct slice){NULL, 0};
    if (scope == SCOPE_MESSAGE && slice_starts(name, prefix)) {
        *header_r = slice_skip(name, prefix.len);
        *id_r = FIELD_HEADER;
        return is_header_name(*header_r);
    }
    for (int i = 0; i < FIELD_COUNT; i++)
        if (rules_fields[i].scope == scope &&
            slice_equal(name, slice_from_string(rules_fields[i].name))) {
            *id_r = rules_fields[i].id;
            return true;
        }
    return false;
}

const char *fields_scope_text(enum rules_scope scope)
{
    static const char *const texts[SCOPE_COUNT] = {"messages", "events",
                                                   "sources"};

    return texts[scope];
}

const char *fields_elsewhere(struct slice name)
{
    enum rules_field_id id;
    struct slice header;

    for (int scope = 0; scope < SCOPE_COUNT; scope++)
        if (fields_find((enum rules_scope)scope, name, &id, &header))
            return fields_scope_text((enum rules_scope)scope);
    return NULL;
}

bool fields_is_text(enum rules_field_type type)
{
    return type <= TYPE_FLAGS;
}

bool fields_is_name(enum rules_field_type type)
{
    return type == TYPE_DOMAIN || type == TYPE_ADDRESS;
}

bool fields_may_be_later(enum rules_field_id id)
{
    return rules_fields[id].origin == FROM_CROWD ||
           rules_fields[id].origin == FROM_LOGS ||
           rules_fields[id].origin == FROM_MEMBERS;
}

const char *fields_words(enum rules_field_id id)
{
    if (id == FIELD_ORIGIN)
        return "local-dsn, null-sender, mail";
    if (id == FIELD_DSN_KIND)
        return "failure, warning, receipt, postmaster, other";
    return NULL;
}

bool fields_has_word(enum rules_field_id id, struct slice word)
{
    struct slice rest = slice_from_string(fields_words(id));

    while (rest.len > 0) {
        size_t end = slice_index(rest, ',');

        if (slice_equal(slice_trim(slice_head(rest, end)), word))
            return true;
        rest = slice_skip(rest, end + 1);
    }
    return false;
}

static bool is_boolean(struct slice text, int64_t *number_r)
{
    if (slice_equal(text, SLICE_LITERAL("yes")))
        *number_r = 1;
    else if (slice_equal(text, SLICE_LITERAL("no")))
        *number_r = 0;
    else
        return false;
    return true;
}

/* What one unit is worth, 0 for a letter that is no unit of this type. */
static int64_t unit_worth(enum rules_field_type type, char unit)
{
    static const struct {
        enum rules_field_type type;
        char unit;
        int64_t worth;
    } units[] = {
        {TYPE_DURATION, 's', 1},      {TYPE_DURATION, 'm', 60},
        {TYPE_DURATION, 'h', 3600},   {TYPE_DURATION, 'd', 86400},
        {TYPE_DURATION, 'w', 604800}, {TYPE_SIZE, 'k', 1 << 10},
        {TYPE_SIZE, 'M', 1 << 20},    {TYPE_SIZE, 'G', 1 << 30},
    };

    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
        if (units[i].type == type && units[i].unit == unit)
            return units[i].worth;
    return 0;
}

static bool is_percent(struct slice text, int64_t *number_r)
{
    int64_t number;

    if (text.len > 0 && text.ptr[text.len - 1] == '%')
        text.len--;
    if (!slice_to_integer(text, &number) || number < 0 || number > 100)
        return false;
    *number_r = number;
    return true;
}

static bool number_with_unit(enum rules_field_type type, struct slice text,
                             int64_t *number_r)
{
    char last = text.len == 0 ? '0' : text.ptr[text.len - 1];
    int64_t worth = unit_worth(type, last), count;

    if (worth == 0) {
        /* "age > 90" could mean anything, "age > 0" cannot. */
        return slice_to_integer(text, number_r) &&
               (type != TYPE_DURATION || *number_r == 0);
    }
    if (!slice_to_integer(slice_head(text, text.len - 1), &count) ||
        count > INT64_MAX / worth || count < INT64_MIN / worth)
        return false;
    *number_r = count * worth;
    return true;
}

bool fields_number(enum rules_field_type type, struct slice text,
                   int64_t *number_r, const char **expected_r)
{
    switch (type) {
    case TYPE_BOOLEAN:
        *expected_r = "the value is yes or no";
        return is_boolean(text, number_r);
    case TYPE_PERCENT:
        *expected_r = "a share is 0 to 100, with or without '%'";
        return is_percent(text, number_r);
    case TYPE_NUMBER:
        *expected_r = "the value is a whole number without unit";
        return slice_to_integer(text, number_r);
    case TYPE_DURATION:
        *expected_r = "a duration is a whole number with a unit: s, m, h, d, w";
        return number_with_unit(type, text, number_r);
    case TYPE_SIZE:
        *expected_r = "a size is a whole number of bytes, or with k, M, G";
        return number_with_unit(type, text, number_r);
    default:
        *expected_r = "the field holds text";
        return false;
    }
}
