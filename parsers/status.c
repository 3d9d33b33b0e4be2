#include "parsers/status.h"

#include "parsers/address.h"
#include "parsers/bytes.h"

static const struct slice absent = {NULL, 0};

/* Where in the rest of a text, behind its fixed words, the host stands. */
enum host_place {
    HOST_NONE,   /* fixed words only, to the end */
    HOST_AT_END, /* "H", or "H during PHASE" of the older releases */
    ANY_TAIL,    /* free text, not ours to read */
};

struct status_form {
    struct slice words;
    enum host_place place;
    enum status_kind kind;
};

/* clang-format off */
#define FORM(words, place, kind) {{(words), sizeof(words) - 1}, place, kind}

/*
 * Behind "Deferred: " or alone. sm_errstring and giveresponse for the network;
 * errno in the words of glibc, the BSDs, Solaris and musl.
 */
static const struct status_form forms[] = {
    FORM("Connection refused by ", HOST_AT_END, STATUS_REFUSED),
    FORM("Connection refused", HOST_NONE, STATUS_REFUSED),
    FORM("Connection timed out with ", HOST_AT_END, STATUS_TIMEOUT),
    FORM("Connection timed out", HOST_NONE, STATUS_TIMEOUT),
    FORM("Operation timed out with ", HOST_AT_END, STATUS_TIMEOUT),
    FORM("Operation timed out", HOST_NONE, STATUS_TIMEOUT),
    FORM("Connection reset by peer", HOST_NONE, STATUS_RESET),
    FORM("Connection reset by network", HOST_NONE, STATUS_RESET),
    FORM("Connection reset by ", HOST_AT_END, STATUS_RESET),
    FORM("reply: read error from ", HOST_AT_END, STATUS_RESET),
    FORM("No route to host", HOST_NONE, STATUS_UNREACHABLE),
    FORM("Host is unreachable", HOST_NONE, STATUS_UNREACHABLE),
    FORM("Host is down", HOST_NONE, STATUS_UNREACHABLE),
    FORM("Network is unreachable", HOST_NONE, STATUS_UNREACHABLE),
    FORM("Network unreachable", HOST_NONE, STATUS_UNREACHABLE),
    FORM("Network is down", HOST_NONE, STATUS_UNREACHABLE),
    /* ENETRESET, ECONNABORTED: a connection there was */
    FORM("Network dropped connection on reset", HOST_NONE, STATUS_RESET),
    FORM("Network dropped connection because of reset", HOST_NONE,
         STATUS_RESET),
    FORM("Software caused connection abort", HOST_NONE, STATUS_RESET),
    FORM("Connection aborted", HOST_NONE, STATUS_RESET),
    FORM("DNS failure: CNAME loop for ", HOST_AT_END, STATUS_UNRESOLVED),
    FORM("Transient parse error -- message queued for future delivery",
         HOST_NONE, STATUS_UNRESOLVED),
    FORM("Temporary AUTH failure", ANY_TAIL, STATUS_TLS),
    FORM("clt_features=TEMPFAIL", ANY_TAIL, STATUS_TLS),
    FORM("alias database unavailable", ANY_TAIL, STATUS_LOCAL),
    FORM("user database error", ANY_TAIL, STATUS_LOCAL),
    FORM("Operating system error", ANY_TAIL, STATUS_LOCAL),
    FORM("I/O error", ANY_TAIL, STATUS_LOCAL),
    FORM("readqf: ", ANY_TAIL, STATUS_LOCAL),
    FORM("Warning: ", ANY_TAIL, STATUS_META),
    FORM("Cannot send message for ", ANY_TAIL, STATUS_META),
    FORM("delivery time expired ", ANY_TAIL, STATUS_META),
};
/* clang-format on */

static inline bytes16 mark_no_host_byte(bytes16 c)
{
    return ~(bytes16)(((c | 0x20) - 'a' <= 'z' - 'a') | (c - '0' <= 9) |
                      (c == '.') | (c == '-') | (c == '_'));
}

static bool is_host_name(struct slice s)
{
    return s.len > 0 && !bytes_have(s, mark_no_host_byte);
}

/*
 * A host as the connecting code names it: a name or a bracketed literal, and
 * nothing beside it. *host_r is absent when the middle was cut out
 * (util.c: shortenstring), which makes it no host to count by.
 */
static bool take_host(struct slice text, struct slice *host_r)
{
    struct slice name = slice_without_final_dot(text);
    struct ip ip;

    *host_r = name;
    if (name.len > 0 && name.ptr[0] == '[')
        return ip_parse(name, &ip);
    if (!is_host_name(name))
        return false;
    if (slice_find(name, SLICE_LITERAL("..")) < name.len)
        *host_r = absent;
    return true;
}

/*
 * "H" or "H during client MAIL". An SMTP phase beyond the opening tells that
 * the host had answered, whatever became of it then.
 */
static enum status_kind take_host_and_phase(struct slice text,
                                            enum status_kind kind,
                                            struct slice *host_r)
{
    struct slice during = SLICE_LITERAL(" during ");
    struct slice phase = slice_skip(text, slice_index(text, ' '));

    if (!take_host(slice_head(text, text.len - phase.len), host_r))
        return STATUS_OTHER;
    if (phase.len == 0)
        return kind;
    if (!slice_starts(phase, during))
        return STATUS_OTHER;
    phase = slice_skip(phase, during.len);
    return slice_equal(phase, SLICE_LITERAL("user open")) ? kind : STATUS_RESET;
}

static enum status_kind match_form(const struct status_form *form,
                                   struct slice text, struct slice *host_r)
{
    struct slice rest = slice_skip(text, form->words.len);

    if (text.len == 0 || text.ptr[0] != form->words.ptr[0] ||
        !slice_starts(text, form->words))
        return STATUS_OTHER;
    switch (form->place) {
    case HOST_NONE:
        return rest.len == 0 ? form->kind : STATUS_OTHER;
    case HOST_AT_END:
        return take_host_and_phase(rest, form->kind, host_r);
    case ANY_TAIL:
        return form->kind;
    }
    return STATUS_OTHER;
}

static enum status_kind match_forms(struct slice text, struct slice *host_r)
{
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        enum status_kind kind = match_form(&forms[i], text, host_r);

        if (kind != STATUS_OTHER)
            return kind;
    }
    return STATUS_OTHER;
}

/* Takes words off the end of *text. */
static bool drop_end(struct slice *text, struct slice words)
{
    if (text->len < words.len ||
        !slice_equal(slice_skip(*text, text->len - words.len), words))
        return false;
    text->len -= words.len;
    return true;
}

/* "Host H is down" (EHOSTDOWN). */
static enum status_kind match_host_down(struct slice text, struct slice *host_r)
{
    struct slice words = SLICE_LITERAL("Host ");

    if (!slice_starts(text, words) ||
        !drop_end(&text, SLICE_LITERAL(" is down")) ||
        !take_host(slice_skip(text, words.len), host_r))
        return STATUS_OTHER;
    return STATUS_UNREACHABLE;
}

/* "H: No route to host": giveresponse puts the host before some errors. */
static enum status_kind match_host_first(struct slice text,
                                         struct slice *host_r)
{
    size_t blank = slice_index(text, ' ');
    struct slice host, inner = absent;
    enum status_kind kind;

    if (blank == text.len || blank == 0 || text.ptr[blank - 1] != ':' ||
        !take_host(slice_head(text, blank - 1), &host))
        return STATUS_OTHER;
    text = slice_skip(text, blank + 1);
    kind = match_host_down(text, &inner);
    if (kind == STATUS_OTHER)
        kind = match_forms(text, &inner);
    if (kind != STATUS_UNREACHABLE && kind != STATUS_RESET)
        return STATUS_OTHER;
    *host_r = host;
    return kind;
}

/* "Name server: H: host name lookup failure", the host may be missing. */
static enum status_kind match_name_server(struct slice text,
                                          struct slice *host_r)
{
    static const char *const troubles[] = {
        "host name lookup failure",
        "host not found",
        "non-recoverable error",
        "no data known",
    };
    struct slice words = SLICE_LITERAL("Name server: ");

    if (!slice_starts(text, words))
        return STATUS_OTHER;
    text = slice_skip(text, words.len);
    for (size_t i = 0; i < sizeof(troubles) / sizeof(troubles[0]); i++) {
        struct slice host = text;

        if (!drop_end(&host, slice_from_string(troubles[i])))
            continue;
        if (host.len == 0)
            return STATUS_UNRESOLVED;
        if (drop_end(&host, SLICE_LITERAL(": ")) && take_host(host, host_r))
            return STATUS_UNRESOLVED;
    }
    return STATUS_OTHER;
}

/* Tables of our own that cf files look up while they parse an address. When
 * one of them fails, the trouble is here and says nothing of the host. */
static bool is_own_table(struct slice map)
{
    static const char *const names[] = {
        "access",   "mailertable",   "virtuser", "virtusertable", "domaintable",
        "generics", "genericstable", "authinfo", "bitdomain",     "uudomain",
        "aliases",  "ldapmra",       "ldapmh",   "userdb",        "user",
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (slice_equal_nocase(map, slice_from_string(names[i])))
            return true;
    return false;
}

/* "host map: lookup (H): deferred" (parseaddr.c: map_lookup). */
static enum status_kind match_map(struct slice text, struct slice *host_r)
{
    struct slice words = SLICE_LITERAL(" map: lookup (");
    struct slice map = slice_head(text, slice_index(text, ' '));

    text = slice_skip(text, map.len);
    if (map.len == 0 || !slice_starts(text, words) ||
        !drop_end(&text, SLICE_LITERAL("): deferred")))
        return STATUS_OTHER;
    if (is_own_table(map))
        return STATUS_LOCAL;
    return take_host(slice_skip(text, words.len), host_r) ? STATUS_UNRESOLVED
                                                          : STATUS_OTHER;
}

/* "local mailer (/bin/x) exited with EX_TEMPFAIL" (deliver.c: giveresponse). */
static enum status_kind match_mailer(struct slice text)
{
    struct slice words = SLICE_LITERAL(" mailer (");
    struct slice exited = SLICE_LITERAL(") exited with ");

    text = slice_skip(text, slice_index(text, ' '));
    if (!slice_starts(text, words))
        return STATUS_OTHER;
    text = slice_skip(text, slice_index(text, ')'));
    return slice_starts(text, exited) ? STATUS_LOCAL : STATUS_OTHER;
}

/*
 * Three digits and a blank: what follows is the peer's own, or our cf's in its
 * style. The lines with '-' behind the digits are never stored (usersmtp.c:
 * reply), but hosts are named like that: "198-51-100-7.example".
 */
static bool is_reply(struct slice text)
{
    return text.len >= 3 && byte_is_digit(text.ptr[0]) &&
           byte_is_digit(text.ptr[1]) && byte_is_digit(text.ptr[2]) &&
           (text.len == 3 || text.ptr[3] == ' ');
}

/* TLS failures get a reply code from the cf (proto.m4: tls_server). */
static enum status_kind classify_reply(struct slice text)
{
    struct slice words = slice_skip(text, 4);
    size_t digits = 0;

    while (digits < words.len &&
           (byte_is_digit(words.ptr[digits]) || words.ptr[digits] == '.'))
        digits++;
    words = slice_trim(slice_skip(words, digits));
    return slice_starts(words, SLICE_LITERAL("TLS handshake failed")) ||
                   slice_starts(words,
                                SLICE_LITERAL("server not authenticated"))
               ? STATUS_TLS
               : STATUS_REPLY;
}

enum status_kind status_read(struct slice status, struct slice *host_r)
{
    static enum status_kind (*const matches[])(struct slice, struct slice *) = {
        match_forms,       match_host_down, match_host_first,
        match_name_server, match_map,
    };
    struct slice text = slice_trim(status);
    struct slice deferred = SLICE_LITERAL("Deferred");

    *host_r = absent;
    if (text.len == 0)
        return STATUS_NONE;
    if (slice_equal(text, deferred))
        return STATUS_BARE;
    if (slice_starts(text, SLICE_LITERAL("Deferred:")))
        text = slice_trim(slice_skip(text, deferred.len + 1));
    if (text.len == 0)
        return STATUS_BARE;
    if (is_reply(text))
        return classify_reply(text);
    for (size_t i = 0; i < sizeof(matches) / sizeof(matches[0]); i++) {
        struct slice host = absent;
        enum status_kind kind = matches[i](text, &host);

        if (kind != STATUS_OTHER) {
            *host_r = host;
            return kind;
        }
    }
    return match_mailer(text);
}

struct slice status_host(struct slice status)
{
    struct slice host;

    (void)status_read(status, &host);
    return host;
}

enum status_kind status_classify(struct slice status)
{
    struct slice host;

    return status_read(status, &host);
}

bool status_is_dead(enum status_kind kind)
{
    return kind == STATUS_REFUSED || kind == STATUS_TIMEOUT ||
           kind == STATUS_UNREACHABLE || kind == STATUS_UNRESOLVED;
}

bool status_is_alive(enum status_kind kind)
{
    return kind == STATUS_RESET || kind == STATUS_REPLY || kind == STATUS_TLS;
}

const char *status_kind_text(enum status_kind kind)
{
    switch (kind) {
    case STATUS_NONE:
        return "none";
    case STATUS_REFUSED:
        return "refused";
    case STATUS_TIMEOUT:
        return "timeout";
    case STATUS_UNREACHABLE:
        return "unreachable";
    case STATUS_UNRESOLVED:
        return "unresolved";
    case STATUS_RESET:
        return "reset";
    case STATUS_REPLY:
        return "reply";
    case STATUS_TLS:
        return "tls";
    case STATUS_BARE:
        return "bare";
    case STATUS_LOCAL:
        return "local";
    case STATUS_META:
        return "meta";
    case STATUS_OTHER:
        return "other";
    }
    return "other";
}
