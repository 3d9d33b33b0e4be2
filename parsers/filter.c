#include "parsers/filter.h"

#include "parsers/hostname.h"
#include "parsers/queueid.h"
#include "parsers/received.h"

struct hop {
    struct filter_client from;
    struct slice host; /* behind "by" */
    bool has_version;
    struct slice protocol;
    struct slice id;
    bool is_whole; /* a date follows */
};

/* All of "from HELO (SOURCE)". */
static bool read_hop_client(struct slice text, struct filter_client *from)
{
    struct slice rest;

    if (!slice_starts(text, SLICE_LITERAL("from ")))
        return false;
    rest = slice_skip(text, 5);
    from->helo = slice_head(rest, slice_index(rest, ' '));
    rest = slice_skip(rest, from->helo.len);
    if (from->helo.len == 0 || !slice_starts(rest, SLICE_LITERAL(" (")) ||
        rest.ptr[rest.len - 1] != ')')
        return false;
    from->text = slice_head(slice_skip(rest, 2), rest.len - 3);
    return client_parse(from->text, &from->client) && from->client.has_ip;
}

/* "(8.13.8/8.13.8)": $v/$Z, which no other program writes behind its name. */
static bool is_version(struct slice text)
{
    text = slice_trim(text);
    text = slice_head(text, slice_index(text, ')'));
    return text.len > 1 && text.ptr[0] == '(' && byte_is_digit(text.ptr[1]) &&
           slice_index(text, '/') < text.len;
}

/* Behind the id: "(version=TLSv1.2 ...)", "for ADDRESS", and "; DATE", without
 * which the field may have been cut. */
static bool has_date(struct slice text)
{
    text = header_skip_comments(text);
    if (slice_starts(text, SLICE_LITERAL("for ")))
        text = slice_skip(text, slice_index(text, ';'));
    return slice_starts(text, SLICE_LITERAL(";")) &&
           slice_trim(slice_skip(text, 1)).len > 0;
}

static bool take_word(struct slice *text, struct slice word)
{
    return slice_equal(received_next_word(text), word);
}

/*
 * "from HELO (SOURCE)", "by HOST (...) with PROTOCOL id ID", and no word more.
 * client_len is how long the first half is.
 */
static bool read_hop(struct slice value, size_t client_len, struct hop *hop)
{
    struct slice text = slice_skip(value, client_len), login = text;

    if (!read_hop_client(slice_head(value, client_len), &hop->from) ||
        !take_word(&text, SLICE_LITERAL("by")))
        return false;
    hop->host = received_next_word(&text);
    hop->has_version = is_version(text);
    if (!take_word(&text, SLICE_LITERAL("with")))
        return false;
    hop->protocol = received_next_word(&text);
    if (!take_word(&text, SLICE_LITERAL("id")))
        return false;
    hop->id = received_next_word(&text);
    hop->from.is_authenticated = received_is_logged_in(login, hop->protocol) ||
                                 received_has_certificate(text);
    hop->is_whole = has_date(text);
    return true;
}

/*
 * A field that sendmail wrote about an SMTP client, as the cf has it: with "by"
 * on a line of its own. Whatever ident says in $_, the last brackets and the
 * last parenthesis of the line above are sendmail's.
 */
static bool read_sendmail_hop(struct slice value, struct hop *hop)
{
    struct queueid id;

    if (!read_hop(value, slice_index(value, '\n'), hop) || !hop->has_version ||
        !hop->is_whole)
        return false;
    queueid_decode(hop->id, 0, &id);
    return id.era != QUEUEID_OTHER;
}

/* Where a filter of ours says that it is: mostly not where others find it. */
static bool is_loopback_host(struct slice host)
{
    struct ip ip;

    return name_is_localhost(host) ||
           (ip_parse(host, &ip) && ip_is_loopback(&ip));
}

/* LMTP is for what delivers to a mailbox, whose owner's Sieve may send the mail
 * again; POP3 and IMAP are fetchmail's. */
static bool is_smtp(struct slice protocol)
{
    return slice_equal_nocase(protocol, SLICE_LITERAL("SMTP")) ||
           slice_equal_nocase(protocol, SLICE_LITERAL("ESMTP")) ||
           slice_equal_nocase(protocol, SLICE_LITERAL("ESMTPS"));
}

/* A field that a filter on this host, and not a sendmail, wrote about a client
 * on this host. */
static bool is_filter_hop(struct slice value, struct slice us)
{
    struct hop hop;

    return read_hop(value, slice_index(value, ')') + 1, &hop) &&
           filter_is_near(&hop.from.client) && !hop.has_version &&
           !hop.from.is_authenticated && is_smtp(hop.protocol) &&
           (is_loopback_host(hop.host) || slice_equal_nocase(hop.host, us));
}

/* The second sendmail's field: nobody had logged in there. A host that is
 * called localhost is anybody. */
static bool is_second(const struct hop *hop, struct slice us)
{
    return filter_is_near(&hop->from.client) && !hop->from.is_authenticated &&
           !is_loopback_host(hop->host) &&
           (us.len == 0 || slice_equal_nocase(hop->host, us));
}

/* The first sendmail's, below a filter's. That the client is this host again
 * tells of a list's mail, or a user's. */
static bool is_first(const struct hop *hop, const struct filter_walk *walk)
{
    return walk->received_count > 2 && !filter_is_near(&hop->from.client) &&
           slice_equal_nocase(hop->host, walk->us);
}

enum filter_step filter_next(struct filter_walk *walk, struct slice value,
                             struct filter_client *client_r)
{
    struct hop hop;
    bool is_sendmail = read_sendmail_hop(value, &hop);

    walk->received_count++;
    if (walk->received_count == 1) {
        if (!is_sendmail || !is_second(&hop, walk->us))
            return FILTER_NONE;
        walk->us = hop.host;
        return FILTER_MORE;
    }
    if (is_filter_hop(value, walk->us))
        return FILTER_MORE;
    if (!is_sendmail || !is_first(&hop, walk))
        return FILTER_NONE;
    *client_r = hop.from;
    return FILTER_FOUND;
}

bool filter_find_client(const struct qf *qf, struct filter_client *client_r)
{
    struct filter_walk walk = {.received_count = 0};
    enum filter_step step = FILTER_MORE;
    const struct qf_header *header;
    size_t index = 0;

    while (step == FILTER_MORE &&
           (header = qf_header_find(qf, SLICE_LITERAL("Received"), &index)) !=
               NULL)
        step = filter_next(&walk, slice_trim(header->value), client_r);
    return step == FILTER_FOUND;
}
