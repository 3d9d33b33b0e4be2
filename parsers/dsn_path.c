/*
 * Where the original of a report had been before its client sent it, and what a
 * milter of ours found out.
 */
#include "parsers/authres.h"
#include "parsers/bytes.h"
#include "parsers/dsn.h"
#include "parsers/header.h"
#include "parsers/hostname.h"
#include "parsers/received.h"

/* "by HOST", behind "from HELO" where that is there; comments are passed over.
 */
static struct slice received_by(struct slice value)
{
    enum { WORDS_MAX = 32 };
    struct slice word = received_next_word(&value);

    if (slice_equal_nocase(word, SLICE_LITERAL("from"))) {
        received_next_word(&value);
        word = received_next_word(&value);
    }
    for (int i = 0; i < WORDS_MAX && !slice_is_absent(word); i++) {
        if (slice_equal_nocase(word, SLICE_LITERAL("by")))
            return received_next_word(&value);
        word = received_next_word(&value);
    }
    return (struct slice){NULL, 0};
}

/* What a server puts above its Received field: what it found, and signed. */
static bool is_above_received(struct slice name)
{
    static const struct slice starts[] = {
        SLICE_TEXT("X-"),         SLICE_TEXT("DKIM-"),
        SLICE_TEXT("DomainKey-"), SLICE_TEXT("ARC-"),
        SLICE_TEXT("Return-"),    SLICE_TEXT("Authentication-"),
        SLICE_TEXT("Comment"), /* of DomainKeys */
        SLICE_TEXT("DMARC-"),     SLICE_TEXT("Received-SPF"),
    };

    for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++)
        if (slice_starts_nocase(name, starts[i]))
            return true;
    return false;
}

/* "with PROTOCOL" behind "by HOST"; comments are passed over. */
static bool is_with_mapi(struct slice value)
{
    enum { WORDS_MAX = 32 };
    struct slice word = received_next_word(&value);

    for (int i = 0; i < WORDS_MAX && !slice_is_absent(word); i++) {
        bool is_with = slice_equal_nocase(word, SLICE_LITERAL("with"));

        word = received_next_word(&value);
        if (is_with && slice_equal_nocase(word, SLICE_LITERAL("mapi")))
            return true;
    }
    return false;
}

/* "ex01.corp.local", the name that a Windows domain has for itself; "from
 * ex01.corp.example ([10.0.0.5]) by ex01.corp.example ... with mapi", which is
 * what Exchange has from its users. */
static bool is_inside(struct slice by, struct slice value)
{
    struct slice end = SLICE_LITERAL(".local");

    return (by.len > end.len &&
            slice_equal_nocase(slice_skip(by, by.len - end.len), end)) ||
           is_with_mapi(value);
}

/* "(from ann@localhost)" (cf, HReceived); absent where there is none. */
static struct slice submitter(struct slice value)
{
    struct slice from = SLICE_LITERAL("(from ");

    if (!slice_starts(value, from))
        return (struct slice){NULL, 0};
    value = slice_skip(value, from.len);
    return slice_head(value, slice_index(value, '@'));
}

/* What a user of the host handed in comes to it by way of itself (submit.cf).
 * False when that is another host, or known. */
static bool take_hop(struct dsn_path *path, struct slice by, struct slice value)
{
    if (path->by.len == 0)
        path->by = by;
    else if (!slice_equal_nocase(by, path->by))
        return false;
    path->is_inside |= is_inside(by, value);
    path->user = submitter(value);
    return path->user.len == 0;
}

static void read_hops(struct slice text, struct dsn_path *path)
{
    enum { FIELDS_MAX = 10 };
    struct header_field field;

    for (int i = 0; i < FIELDS_MAX && header_next(&text, &field); i++) {
        struct slice by;

        if (!slice_equal_nocase(field.name, SLICE_LITERAL("Received"))) {
            if (is_above_received(field.name))
                continue;
            break;
        }
        by = received_by(field.value);
        if (by.len == 0 && slice_starts(field.value, SLICE_LITERAL("(qmail ")))
            path->has_qmail |=
                slice_find(field.value, SLICE_LITERAL(" invoked by ")) <
                field.value.len;
        else if (!name_is_localhost(by) && !take_hop(path, by, field.value))
            break;
    }
}

/* A bot says that it is Outlook, not Exchange; X-MIMETrack is a client's of
 * Notes, too. */
static bool is_own_mark(struct slice rest)
{
    enum { LINE_MAX = 300 };
    struct slice line = slice_head(rest, LINE_MAX);

    return slice_starts_nocase(
               line,
               SLICE_LITERAL("X-MimeOLE: Produced By Microsoft Exchange V")) ||
           (slice_starts_nocase(line, SLICE_LITERAL("X-MIMETrack: ")) &&
            (slice_find(line, SLICE_LITERAL(" by Router on ")) < line.len ||
             slice_find(line, SLICE_LITERAL(" by SMTP Server on ")) <
                 line.len));
}

static void read_answered(struct slice text, struct dsn_path *path)
{
    struct header_field field;

    if (slice_starts_nocase(text, SLICE_LITERAL("In-Reply-To:")) &&
        header_next(&text, &field))
        path->answered = field.value;
}

/* "<text@DOMAIN>", among words in old ones. */
bool dsn_next_answered(struct slice *answered, struct slice *domain_r)
{
    struct slice id = slice_skip(*answered, slice_index(*answered, '<'));
    size_t end = slice_index(id, '>');

    *answered = slice_skip(id, end + 1);
    *domain_r = address_domain(address_bare(slice_head(id, end + 1)));
    return id.len > 0;
}

/* Line by line: a parser would look at each name. */
static void read_marks(struct slice text, struct dsn_path *path)
{
    enum { LINES_MAX = 200 };
    const char *at = text.ptr, *end = text.ptr + text.len;
    bool is_beside = true; /* our Received field */

    for (int i = 0; i < LINES_MAX && end - at > 2 && *at != '\n'; i++) {
        struct slice rest = slice_make(at, (size_t)(end - at));
        char first = byte_lower(at[0]);

        if (first == 'x' && byte_lower(at[2]) == 'm')
            path->has_own_mark |= is_own_mark(rest);
        else if (first == 'i' && path->answered.len == 0)
            read_answered(rest, path);
        else if (is_beside && first == 'r' &&
                 slice_starts_nocase(rest, SLICE_LITERAL("Received:")))
            is_beside = false;
        else if (is_beside && path->found_below.len == 0 &&
                 authres_may_begin(rest))
            path->found_below = rest;
        at = bytes_find_near(at, end, '\n');
        if (at == NULL)
            break;
        at++;
    }
}

void dsn_read_path(const struct dsn *dsn, struct dsn_path *path_r)
{
    *path_r = (struct dsn_path){.by = {NULL, 0}};
    if (dsn->brought.len == 0)
        return;
    read_hops(dsn->brought, path_r);
    read_marks(dsn->brought, path_r);
}

static bool has_passing_field(const struct authres *authres, struct slice text)
{
    enum { FIELDS_MAX = 20 };
    struct header_field field;

    for (int i = 0; i < FIELDS_MAX && header_next(&text, &field) &&
                    !slice_equal_nocase(field.name, SLICE_LITERAL("Received"));
         i++)
        if (authres_passes(authres, &field))
            return true;
    return false;
}

/* A milter puts its fields above our own Received, or below it (smfi_insheader
 * counts either as the first place). */
bool dsn_is_authentic(const struct dsn *dsn, const struct dsn_path *path,
                      struct slice domain)
{
    struct authres authres = {.us = dsn->reporting_mta, .domain = domain};

    if (dsn->has_source && dsn->source.has_ip)
        authres.client = &dsn->source.ip;
    return has_passing_field(&authres, dsn->above) ||
           has_passing_field(&authres, path->found_below);
}
