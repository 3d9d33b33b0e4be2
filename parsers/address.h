/*
 * Mail addresses, host names and network addresses as they stand in queue
 * files and logs.
 */
#ifndef QSCAN_PARSERS_ADDRESS_H
#define QSCAN_PARSERS_ADDRESS_H

#include "parsers/slice.h"

enum { ADDRESS_IP_TEXT_MAX = 48 };

/* IPv4 is kept as ::ffff:a.b.c.d, so both compare with memcmp. */
struct ip {
    uint8_t bytes[16];
};

/* address_bare, whatever there is to take off. */
struct slice address_bare_any(struct slice address);

/* The address without surrounding "<>" and white space, without words before
 * them ("Ann <ann@host>") and without a source route ("<@a,@b:user@host>"). A
 * null sender gives an empty slice. */
static inline struct slice address_bare(struct slice address)
{
    const char *p = address.ptr;
    size_t len = address.len;

    /* "<a@b>" with nothing to trim and no route, as nearly all are */
    if (len > 2 && p[0] == '<' && p[len - 1] == '>' &&
        (unsigned char)p[1] > ' ' && p[1] != '@' &&
        (unsigned char)p[len - 2] > ' ')
        return slice_make(p + 1, len - 2);
    return address_bare_any(address);
}

/* The part after the last '@' outside quotes, without a final dot; a literal
 * keeps its brackets. Absent when there is none, or a quote never closes. Case
 * is kept. */
struct slice address_domain(struct slice address);

/* True for "|program", "/file" and ":include:list" recipients, quoted or not,
 * without a domain: with one they are mail like any other. */
bool address_is_local_action(struct slice address);

/* "192.0.2.1", "2001:db8::1", "IPv6:2001:db8::1" (any case), each also in
 * brackets. The slice must be the address and nothing else. */
bool ip_parse(struct slice text, struct ip *ip_r);
bool ip_is_v4(const struct ip *ip);
/* For hashing: what tells it from all others, of IPv4 the four bytes. */
struct slice ip_bytes(const struct ip *ip);

static inline bool ip_is_loopback(const struct ip *ip)
{
    static const uint8_t v4[] = {[10] = 0xff, [11] = 0xff, [12] = 127};
    static const uint8_t v6[] = {[15] = 1};

    return memcmp(ip->bytes, v4, sizeof(v4)) == 0 ||
           memcmp(ip->bytes, v6, sizeof(v6)) == 0;
}

/* RFC 1918, RFC 4193, link-local, loopback. */
bool ip_is_private(const struct ip *ip);

/* "This" network, multicast, reserved, broadcast: no host has it. */
bool ip_is_no_host(const struct ip *ip);

/* RFC 5952 text, NUL-terminated; returns its length. */
size_t ip_format(const struct ip *ip, char text[static ADDRESS_IP_TEXT_MAX]);

struct cidr {
    struct ip base;
    unsigned bits; /* of 128; an IPv4 /24 is 120 */
};

/* "192.0.2.0/24", "2001:db8::/32", or a bare address. Host bits beyond the
 * prefix are an error (false). */
bool cidr_parse(struct slice text, struct cidr *cidr_r);
bool cidr_contains(const struct cidr *cidr, const struct ip *ip);

/*
 * What sendmail knows of the host it talks to, the macro $_ (daemon.c,
 * getauthinfo): "[ip]", "host [ip]", "host [ip] (may be forged)",
 * "ident@host [ip]", "ident@[ip]", "user@localhost", "localhost". The name is
 * absent when there was none (only "[ip]"). The address is that of the last
 * brackets; the ident is the peer's own word and may hold anything.
 */
struct client {
    struct slice ident;
    struct slice name;
    struct ip ip;
    bool has_ip;
    bool forged; /* "(may be forged)" */
};

/* False when the text has none of these shapes; *client_r is then empty. */
bool client_parse(struct slice text, struct client *client_r);

/* True when host equals domain or ends in "." domain; case and a final dot
 * are ignored. */
bool domain_is_within(struct slice host, struct slice domain);

#endif
