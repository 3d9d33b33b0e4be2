#include "parsers/address.h"

#include <arpa/inet.h>
#include <assert.h>

#include "parsers/bytes.h"

static const struct slice absent = {NULL, 0};

/* ---- mail addresses ---- */

/*
 * Offset of the last byte c outside "quoted strings" and not behind a
 * backslash (RFC 5321 4.1.2), or s.len. A quote that never closes hides the
 * rest: what cannot be told has no domain.
 */
static size_t last_unquoted(struct slice s, char c)
{
    size_t last = s.len;
    bool is_quoted = false;

    if (slice_index(s, '"') == s.len && slice_index(s, '\\') == s.len) {
        const char *hit =
            s.len == 0 ? NULL : memrchr(s.ptr, (unsigned char)c, s.len);

        return hit == NULL ? s.len : (size_t)(hit - s.ptr);
    }
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '\\')
            i++;
        else if (s.ptr[i] == '"')
            is_quoted = !is_quoted;
        else if (s.ptr[i] == c && !is_quoted)
            last = i;
    }
    return last;
}

/* "@a,@[IPv6:::1]:user@host" -> "user@host"; a colon in brackets belongs to a
 * literal (RFC 5321 appendix F.2). */
static struct slice skip_route(struct slice address)
{
    bool is_literal = false;

    if (address.len == 0 || address.ptr[0] != '@')
        return address;
    for (size_t i = 0; i < address.len; i++) {
        if (address.ptr[i] == '[')
            is_literal = true;
        else if (address.ptr[i] == ']')
            is_literal = false;
        else if (address.ptr[i] == ':' && !is_literal)
            return slice_skip(address, i + 1);
    }
    return address;
}

struct slice address_bare_any(struct slice address)
{
    size_t open;

    address = slice_trim(address);
    if (address.len > 0 && address.ptr[address.len - 1] == '>') {
        /* "<a@b>", or with words before it: "Ann <a@b>" */
        open = address.ptr[0] == '<' ? 0 : last_unquoted(address, '<');
        if (open < address.len) {
            address.len--;
            address = slice_trim(slice_skip(address, open + 1));
        }
    }
    return skip_route(address);
}

static struct slice without_final_dot(struct slice name)
{
    if (name.len > 0 && name.ptr[name.len - 1] == '.')
        name.len--;
    return name;
}

struct slice address_domain(struct slice address)
{
    struct slice bare = address_bare(address);
    size_t at = last_unquoted(bare, '@');
    struct slice domain = without_final_dot(slice_skip(bare, at + 1));

    return domain.len == 0 ? absent : domain;
}

/* With a domain they are mail: "|prog"@host, or X.400's /C=US/O=x/@host. */
bool address_is_local_action(struct slice address)
{
    struct slice bare = address_bare(address);

    if (bare.len > 0 && bare.ptr[0] == '"')
        bare = slice_skip(bare, 1);
    return (slice_starts(bare, SLICE_LITERAL("|")) ||
            slice_starts(bare, SLICE_LITERAL("/")) ||
            slice_starts_nocase(bare, SLICE_LITERAL(":include:"))) &&
           slice_is_absent(address_domain(address));
}

/* ---- network addresses ---- */

static const uint8_t v4_prefix[12] = {[10] = 0xff, [11] = 0xff};

enum { NO_V4_NUMBER = 256 }; /* or more */

/* A number of an IPv4 address, digits all: to 255, without a leading zero. */
static inline unsigned v4_number(const char *p, size_t len)
{
    unsigned number;

    if (len - 1 > 2)
        return NO_V4_NUMBER;
    number = (unsigned)(p[0] - '0');
    if (len > 1) {
        if (number == 0)
            return NO_V4_NUMBER;
        number = number * 10 + (unsigned)(p[1] - '0');
        if (len == 3)
            number = number * 10 + (unsigned)(p[2] - '0');
    }
    return number;
}

/*
 * The address in bytes start to end - 1 of a block that was loaded from p;
 * strict, as inet_pton is: four numbers, neither octal nor short forms. Every
 * line of a log has one, so all its points are looked for at once.
 */
static inline __attribute__((always_inline)) bool
take_v4(bytes16 block, const char *p, size_t start, size_t end, struct ip *ip_r)
{
    unsigned text = (1u << end) - (1u << start);
    unsigned points = bytes16_bits((bytes16)(block == '.')) & text;
    unsigned digits = bytes16_bits((bytes16)(block - '0' <= 9)) & text;
    unsigned behind_first = points & (points - 1);
    unsigned behind_second = behind_first & (behind_first - 1);
    size_t first, second, third;
    unsigned a, b, c, d;

    if ((points | digits) != text || behind_second == 0 ||
        (behind_second & (behind_second - 1)) != 0)
        return false;
    first = bits_first(points);
    second = bits_first(behind_first);
    third = bits_first(behind_second);
    a = v4_number(p + start, first - start);
    b = v4_number(p + first + 1, second - first - 1);
    c = v4_number(p + second + 1, third - second - 1);
    d = v4_number(p + third + 1, end - third - 1);
    if ((a | b | c | d) >= NO_V4_NUMBER)
        return false;
    memcpy(ip_r->bytes, v4_prefix, sizeof(v4_prefix));
    ip_r->bytes[12] = (uint8_t)a;
    ip_r->bytes[13] = (uint8_t)b;
    ip_r->bytes[14] = (uint8_t)c;
    ip_r->bytes[15] = (uint8_t)d;
    return true;
}

static bool ip_from_v4(struct slice text, struct ip *ip_r)
{
    if (text.len < sizeof "0.0.0.0" - 1 || text.len >= sizeof(bytes16))
        return false;
    return take_v4(bytes16_load_short(text), text.ptr, 0, text.len, ip_r);
}

static bool ip_from_v6(struct slice text, struct ip *ip_r)
{
    char buffer[ADDRESS_IP_TEXT_MAX];
    struct ip ip;

    if (text.len == 0 || text.len >= sizeof(buffer) ||
        slice_index(text, '\0') < text.len)
        return false;
    memcpy(buffer, text.ptr, text.len);
    buffer[text.len] = '\0';
    if (inet_pton(AF_INET6, buffer, ip.bytes) != 1)
        return false;
    *ip_r = ip;
    return true;
}

bool ip_parse(struct slice text, struct ip *ip_r)
{
    struct slice tag = SLICE_LITERAL("IPv6:");

    if (text.len >= 2 && text.ptr[0] == '[' && text.ptr[text.len - 1] == ']')
        text = slice_make(text.ptr + 1, text.len - 2);
    if (ip_from_v4(text, ip_r))
        return true;
    if (slice_starts_nocase(text, tag))
        return ip_from_v6(slice_skip(text, tag.len), ip_r);
    return slice_index(text, ':') < text.len && ip_from_v6(text, ip_r);
}

bool ip_is_v4(const struct ip *ip)
{
    return memcmp(ip->bytes, v4_prefix, sizeof(v4_prefix)) == 0;
}

struct slice ip_bytes(const struct ip *ip)
{
    size_t first = ip_is_v4(ip) ? sizeof(v4_prefix) : 0;

    return slice_make((const char *)ip->bytes + first,
                      sizeof(ip->bytes) - first);
}

/* RFC 1918, 3927, 4193, 4291 */
bool ip_is_private(const struct ip *ip)
{
    const uint8_t *bytes = ip->bytes;

    if (!ip_is_v4(ip))
        return ip_is_loopback(ip) || (bytes[0] & 0xfe) == 0xfc ||
               (bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80);
    switch (bytes[12]) {
    case 10:
    case 127:
        return true;
    case 169:
        return bytes[13] == 254;
    case 172:
        return (bytes[13] & 0xf0) == 16;
    case 192:
        return bytes[13] == 168;
    default:
        return false;
    }
}

/* RFC 1122, 1112, 4291 */
bool ip_is_no_host(const struct ip *ip)
{
    static const struct ip unspecified;

    if (ip_is_v4(ip))
        return ip->bytes[12] == 0 || ip->bytes[12] >= 224;
    return ip->bytes[0] == 0xff ||
           memcmp(ip, &unspecified, sizeof(unspecified)) == 0;
}

/* inet_ntop takes printf for this, and every source of a bounce comes here. */
static size_t format_v4(const uint8_t bytes[static 4], char *text)
{
    char *at = text;

    for (size_t i = 0; i < 4; i++) {
        unsigned byte = bytes[i];

        if (i > 0)
            *at++ = '.';
        if (byte >= 100)
            *at++ = (char)('0' + byte / 100);
        if (byte >= 10)
            *at++ = (char)('0' + byte / 10 % 10);
        *at++ = (char)('0' + byte % 10);
    }
    *at = '\0';
    return (size_t)(at - text);
}

size_t ip_format(const struct ip *ip, char text[static ADDRESS_IP_TEXT_MAX])
{
    if (ip_is_v4(ip))
        return format_v4(ip->bytes + sizeof(v4_prefix), text);
    /* INET6_ADDRSTRLEN is 46: it cannot fail for want of room */
    if (inet_ntop(AF_INET6, ip->bytes, text, ADDRESS_IP_TEXT_MAX) == NULL)
        text[0] = '\0';
    return strlen(text);
}

/* Eight bytes of an address as a number, the first of them highest. */
static uint64_t half_of(const struct ip *ip, size_t at)
{
    return __builtin_bswap64(bytes_word((const char *)ip->bytes + at));
}

bool cidr_contains(const struct cidr *cidr, const struct ip *ip)
{
    uint64_t first = half_of(&cidr->base, 0) ^ half_of(ip, 0);
    uint64_t second = half_of(&cidr->base, 8) ^ half_of(ip, 8);

    assert(cidr->bits <= 128);
    if (cidr->bits <= 64)
        return cidr->bits == 0 || first >> (64 - cidr->bits) == 0;
    return first == 0 && second >> (128 - cidr->bits) == 0;
}

static bool has_host_bits(const struct cidr *cidr)
{
    for (unsigned bit = cidr->bits; bit < 128; bit++)
        if (cidr->base.bytes[bit / 8] & (0x80 >> (bit % 8)))
            return true;
    return false;
}

bool cidr_parse(struct slice text, struct cidr *cidr_r)
{
    size_t slash = slice_index(text, '/');
    struct slice address = slice_head(text, slash);
    unsigned most = slice_index(address, ':') < address.len ? 128 : 32;
    int64_t bits = most;
    struct cidr cidr;

    if (!ip_parse(address, &cidr.base))
        return false;
    if (slash < text.len &&
        !slice_to_integer(slice_skip(text, slash + 1), &bits))
        return false;
    if (bits < 0 || bits > most)
        return false;
    cidr.bits = (unsigned)bits + 128 - most;
    if (has_host_bits(&cidr))
        return false;
    *cidr_r = cidr;
    return true;
}

/* ---- the client, macro $_ ---- */

/* Whatever a PTR record says, as long as it cannot be taken for the words
 * around it. */
static inline bytes16 mark_no_name(bytes16 c)
{
    return (bytes16)((c <= ' ') | (c == 0x7f) | (c == '[') | (c == ']'));
}

static inline bytes16 mark_no_plain_name(bytes16 c)
{
    return mark_no_name(c) | (bytes16)(c == '@');
}

static bool is_client_name(struct slice s)
{
    return s.len > 0 && !bytes_have(s, mark_no_name);
}

/* Takes "ident@" off; identd writes the ident, so it may hold any '@'. */
static void split_ident(struct slice *text, struct client *client)
{
    size_t at = bytes_last_index(*text, '@');

    if (at == text->len)
        return;
    client->ident = slice_head(*text, at);
    *text = slice_skip(*text, at + 1);
}

/* "host", "ident@host" */
static bool take_client_name(struct slice text, struct client *client)
{
    bool is_plain = !bytes_have(text, mark_no_plain_name);

    if (!is_plain)
        split_ident(&text, client);
    client->name = without_final_dot(text);
    return is_plain ? client->name.len > 0 : is_client_name(client->name);
}

/* "host [ip]", "[ip]", "ident@[ip]": the last brackets are sendmail's own. */
static bool client_of_network(struct slice text, struct client *client)
{
    size_t open = bytes_last_index(text, '[');
    struct slice before = slice_head(text, open);

    if (open == text.len || !ip_parse(slice_skip(text, open), &client->ip))
        return false;
    client->has_ip = true;
    if (before.len == 0)
        return true;
    if (byte_is_blank(before.ptr[before.len - 1]))
        return take_client_name(slice_head(before, before.len - 1), client);
    split_ident(&before, client);
    return before.len == 0;
}

/* "user@localhost" from the command line, "localhost" for own reports. */
static bool client_of_this_host(struct slice text, struct client *client)
{
    split_ident(&text, client);
    client->name = text;
    return slice_equal_nocase(text, SLICE_LITERAL("localhost"));
}

static bool client_parse_any(struct slice text, struct client *client_r)
{
    static const char forged[] = " (may be forged)";
    enum { FORGED_LEN = sizeof forged - 1 };
    bool is_known;

    *client_r = (struct client){.forged = false};
    text = slice_trim(text);
    if (text.len > FORGED_LEN &&
        bytes_same(text.ptr + text.len - FORGED_LEN, forged, FORGED_LEN)) {
        client_r->forged = true;
        text.len -= FORGED_LEN;
    }
    if (text.len > 0 && text.ptr[text.len - 1] == ']')
        is_known = client_of_network(text, client_r);
    else
        is_known = !client_r->forged && client_of_this_host(text, client_r);
    if (!is_known)
        *client_r = (struct client){.forged = false};
    return is_known;
}

/* Takes "[192.0.2.1]" off the end of *text, which ends in "]". */
static inline bool take_last_v4(struct slice *text, struct ip *ip_r)
{
    size_t len = text->len - 1;
    size_t from = len < sizeof(bytes16) ? 0 : len - sizeof(bytes16);
    size_t end = len - from;
    bytes16 block = len < sizeof(block)
                        ? bytes16_load_short(slice_head(*text, len))
                        : bytes16_load(text->ptr + from);
    unsigned opens = bytes16_bits((bytes16)(block == '['));
    size_t open;

    if (opens == 0)
        return false;
    open = bits_last(opens);
    if (!take_v4(block, text->ptr + from, open + 1, end, ip_r))
        return false;
    text->len = from + open;
    return true;
}

/* "host [192.0.2.1]" and "[192.0.2.1]" without an ident, as nearly all are;
 * false: it is of another shape, and *client may hold anything. */
static inline bool client_parse_usual(struct slice text, struct client *client)
{
    if (text.len == 0 || text.ptr[text.len - 1] != ']' ||
        !take_last_v4(&text, &client->ip))
        return false;
    client->has_ip = true;
    if (text.len == 0)
        return true;
    if (text.ptr[--text.len] != ' ' || text.len == 0 ||
        bytes_have(text, mark_no_plain_name))
        return false;
    client->name = without_final_dot(text);
    return client->name.len > 0;
}

bool client_parse(struct slice text, struct client *client_r)
{
    *client_r = (struct client){.forged = false};
    return client_parse_usual(text, client_r) ||
           client_parse_any(text, client_r);
}

bool domain_is_within(struct slice host, struct slice domain)
{
    struct slice tail;

    host = without_final_dot(host);
    domain = without_final_dot(domain);
    if (domain.len == 0 || host.len < domain.len)
        return false;
    tail = slice_skip(host, host.len - domain.len);
    return slice_equal_nocase(tail, domain) &&
           (tail.ptr == host.ptr || tail.ptr[-1] == '.');
}

/* ---- status texts ---- */

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
    struct slice name = without_final_dot(text);
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

/* ---- generic names ---- */

enum { NAME_RUN_MAX_BYTES = 12 };

static bool is_hex_byte(char c)
{
    c = byte_lower(c);
    return byte_is_digit(c) || (c >= 'a' && c <= 'f');
}

/* A run of digits (or hex digits) as a number; false when it is too long. */
static bool run_number(struct slice run, unsigned base, uint64_t *number_r)
{
    uint64_t number = 0;

    if (run.len == 0 || run.len > NAME_RUN_MAX_BYTES)
        return false;
    for (size_t i = 0; i < run.len; i++) {
        char c = byte_lower(run.ptr[i]);

        number = number * base +
                 (uint64_t)(byte_is_digit(c) ? c - '0' : c - 'a' + 10);
    }
    *number_r = number;
    return true;
}

/* The next run of such digits in a name. */
static bool next_run(struct slice *rest, bool is_hex, struct slice *run_r)
{
    size_t start = 0, end;

    while (start < rest->len && !(is_hex ? is_hex_byte(rest->ptr[start])
                                         : byte_is_digit(rest->ptr[start])))
        start++;
    end = start;
    while (end < rest->len && (is_hex ? is_hex_byte(rest->ptr[end])
                                      : byte_is_digit(rest->ptr[end])))
        end++;
    *run_r = slice_make(rest->ptr + start, end - start);
    *rest = slice_skip(*rest, end);
    return run_r->len > 0;
}

/* The letters beside it may be hex digits, too: "dC6336407". */
static bool has_hex_v4(struct slice name, uint64_t whole)
{
    struct slice run;
    uint64_t number;

    while (next_run(&name, true, &run))
        if (run.len >= 8 &&
            ((run_number(slice_head(run, 8), 16, &number) && number == whole) ||
             (run_number(slice_skip(run, run.len - 8), 16, &number) &&
              number == whole)))
            return true;
    return false;
}

static bool is_generic_v4(struct slice name, const uint8_t bytes[4])
{
    uint64_t whole = (uint64_t)bytes[0] << 24 | (uint64_t)bytes[1] << 16 |
                     (uint64_t)bytes[2] << 8 | bytes[3];
    uint64_t padded = bytes[0] * UINT64_C(1000000000) +
                      bytes[1] * UINT64_C(1000000) + bytes[2] * UINT64_C(1000) +
                      bytes[3];
    struct slice rest = name, run;
    bool has_third = false, has_last = false;
    uint64_t number;

    while (next_run(&rest, false, &run)) {
        if (!run_number(run, 10, &number))
            continue;
        if (run.len > 9 && (number == padded || number == whole))
            return true;
        /* One number may stand for two equal bytes no more than once. */
        if (number == bytes[3] && !has_last)
            has_last = true;
        else if (number == bytes[2])
            has_third = true;
    }
    return (has_third && has_last) || has_hex_v4(name, whole);
}

/* "mail" has an "a" in it, which is no group of an address: one without a
 * digit stands between dots or dashes. */
static bool is_group_text(struct slice name, struct slice run)
{
    size_t at = (size_t)(run.ptr - name.ptr);

    for (size_t i = 0; i < run.len; i++)
        if (byte_is_digit(run.ptr[i]))
            return true;
    return (at == 0 || !byte_is_letter(name.ptr[at - 1])) &&
           (at + run.len == name.len ||
            !byte_is_letter(name.ptr[at + run.len]));
}

static bool is_generic_v6(struct slice name, const uint8_t bytes[16])
{
    struct slice rest = name, run;
    unsigned last = bytes[14] * 256u + bytes[15];
    bool has_last = false, has_other = false;
    uint64_t number;

    while (next_run(&rest, true, &run)) {
        if (run.len > 4 || !is_group_text(name, run) ||
            !run_number(run, 16, &number))
            continue;
        if (number == last && !has_last) {
            has_last = true;
            continue;
        }
        for (int i = 0; i < 14; i += 2)
            has_other = has_other || (number != 0 &&
                                      number == bytes[i] * 256u + bytes[i + 1]);
    }
    return has_last && has_other;
}

bool name_is_generic(struct slice name, const struct ip *ip)
{
    return ip_is_v4(ip) ? is_generic_v4(name, ip->bytes + 12)
                        : is_generic_v6(name, ip->bytes);
}

static bool is_line_word(struct slice word)
{
    static const struct slice words[] = {
        SLICE_TEXT("abo"),       SLICE_TEXT("adsl"),
        SLICE_TEXT("broadband"), SLICE_TEXT("cable"),
        SLICE_TEXT("catv"),      SLICE_TEXT("client"),
        SLICE_TEXT("cpe"),       SLICE_TEXT("cust"),
        SLICE_TEXT("customer"),  SLICE_TEXT("dhcp"),
        SLICE_TEXT("dial"),      SLICE_TEXT("dialin"),
        SLICE_TEXT("dialup"),    SLICE_TEXT("dsl"),
        SLICE_TEXT("dyn"),       SLICE_TEXT("dynamic"),
        SLICE_TEXT("dynip"),     SLICE_TEXT("fiber"),
        SLICE_TEXT("ftth"),      SLICE_TEXT("fttx"),
        SLICE_TEXT("gprs"),      SLICE_TEXT("hdsl"),
        SLICE_TEXT("home"),      SLICE_TEXT("kabel"),
        SLICE_TEXT("lte"),       SLICE_TEXT("mobile"),
        SLICE_TEXT("pool"),      SLICE_TEXT("ppp"),
        SLICE_TEXT("pppoe"),     SLICE_TEXT("residential"),
        SLICE_TEXT("sdsl"),      SLICE_TEXT("subscriber"),
        SLICE_TEXT("umts"),      SLICE_TEXT("user"),
        SLICE_TEXT("vdsl"),      SLICE_TEXT("vhdsl"),
        SLICE_TEXT("wimax"),     SLICE_TEXT("xdsl"),
    };

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (slice_starts_nocase(word, words[i]) &&
            (word.len == words[i].len ||
             (word.len == words[i].len + 1 &&
              byte_lower(word.ptr[word.len - 1]) == 's')))
            return true;
    return false;
}

static bool is_host_word(struct slice word)
{
    static const struct slice words[] = {
        SLICE_TEXT("host"), SLICE_TEXT("ip"),     SLICE_TEXT("nat"),
        SLICE_TEXT("res"),  SLICE_TEXT("static"), SLICE_TEXT("wan"),
    };

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (slice_equal_nocase(word, words[i]))
            return true;
    return false;
}

/* "-7" or "7" */
static bool begins_with_last_byte(struct slice text, const struct ip *ip)
{
    uint64_t number;
    size_t len = 0;

    if (text.len > 0 && !byte_is_digit(text.ptr[0]))
        text = slice_skip(text, 1);
    while (len < text.len && byte_is_digit(text.ptr[len]))
        len++;
    return ip_is_v4(ip) && len > 0 &&
           run_number(slice_head(text, len), 10, &number) &&
           number == ip->bytes[15];
}

static bool is_name_separator(char c)
{
    return c == '.' || c == '-';
}

bool name_is_line(struct slice name, const struct ip *ip)
{
    size_t last_dot;

    if (name.len > 0 && name.ptr[name.len - 1] == '.')
        name.len--;
    last_dot = bytes_last_index(name, '.');
    if (last_dot == name.len)
        return false;
    for (size_t at = 0, end; at < last_dot; at = end + 1) {
        struct slice word;

        for (end = at; end < last_dot && byte_is_letter(name.ptr[end]); end++)
            ;
        word = slice_make(name.ptr + at, end - at);
        if (end < last_dot &&
            (is_name_separator(name.ptr[end]) ||
             byte_is_digit(name.ptr[end])) &&
            (is_line_word(word) ||
             (is_host_word(word) &&
              begins_with_last_byte(slice_skip(name, end), ip))))
            return true;
        while (end < last_dot && !is_name_separator(name.ptr[end]))
            end++;
    }
    return false;
}

bool name_is_localhost(struct slice name)
{
    return slice_equal_nocase(name, SLICE_LITERAL("localhost")) ||
           slice_equal_nocase(name, SLICE_LITERAL("localhost.localdomain"));
}

bool name_may_be_public(struct slice name)
{
    enum { SHORT_MAX = 3 };
    size_t first = slice_index(name, '.');
    struct slice rest = slice_skip(name, first + 1);

    return first == name.len ||
           (first <= SHORT_MAX && slice_index(rest, '.') == rest.len);
}

struct slice name_owner(struct slice name)
{
    struct slice owner = {NULL, 0};

    for (; !name_may_be_public(name);
         name = slice_skip(name, slice_index(name, '.') + 1))
        owner = name;
    return owner;
}
