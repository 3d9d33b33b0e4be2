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

struct slice address_domain(struct slice address)
{
    struct slice bare = address_bare(address);
    size_t at = last_unquoted(bare, '@');
    struct slice domain = slice_without_final_dot(slice_skip(bare, at + 1));

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
    client->name = slice_without_final_dot(text);
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
    client->name = slice_without_final_dot(text);
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

    host = slice_without_final_dot(host);
    domain = slice_without_final_dot(domain);
    if (domain.len == 0 || host.len < domain.len)
        return false;
    tail = slice_skip(host, host.len - domain.len);
    return slice_equal_nocase(tail, domain) &&
           (tail.ptr == host.ptr || tail.ptr[-1] == '.');
}
