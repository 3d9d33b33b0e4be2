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

/*
 * A name that a provider made of the address, as dial-up lines have them: it
 * holds the last two bytes of an IPv4 address as numbers ("ppp-198-51-100-7",
 * "7.100.dsl") or all four as one ("c6336407", "198051100007"); of an IPv6
 * address its last group and one other, which is more than a letter of a word.
 */
bool name_is_generic(struct slice name, const struct ip *ip);

/*
 * A label of the name, or a part of one between dashes, begins with what
 * providers call the lines of their customers, alone or with a number: "dsl-7",
 * "h3.cable.example.net". What is also a word for servers ("host", "static")
 * must have the last byte of the IPv4 address behind it. The provider's own
 * domain says nothing.
 */
bool name_is_line(struct slice name, const struct ip *ip);

/* Customers' domains may lie below it, like "co.example" or "org": a name of
 * one label, or of two with the first a short one. */
bool name_may_be_public(struct slice name);

/* "localhost", "localhost.localdomain": what every machine calls itself. */
bool name_is_localhost(struct slice name);

/* "netz.example" of "ppp7.dialin.netz.example": what lies below a name that may
 * be public. Absent of such a name itself. */
struct slice name_owner(struct slice name);

/* True when host equals domain or ends in "." domain; case and a final dot
 * are ignored. */
bool domain_is_within(struct slice host, struct slice domain);

/*
 * The host that a status text of sendmail's own names (spec: sendmail-queue.md
 * section 3): "Deferred: Connection refused by H", "... timed out with H",
 * "... reset by H", "Deferred: H: No route to host", "Name server: H: host name
 * lookup failure", "host map: lookup (H): deferred", "reply: read error from
 * H". Only those words count, from the start, "Deferred: " before them or not,
 * and H must be one host name or literal. Without a final dot, case as stored;
 * absent when it names none, when its middle was cut out ("..."), or when the
 * text is a remote reply.
 */
struct slice status_host(struct slice status);

/*
 * What a status text proves about the host. A remote reply (three digits and a
 * blank) or a reset proves that something answered, and so does a timeout in
 * an SMTP phase behind the opening ("during client MAIL", older releases). A
 * failed lookup is STATUS_LOCAL when the map is a table of our own (access,
 * mailertable, virtuser ...): that says nothing of the host.
 */
enum status_kind {
    STATUS_NONE,        /* absent or empty */
    STATUS_REFUSED,     /* connection refused */
    STATUS_TIMEOUT,     /* connection timed out */
    STATUS_UNREACHABLE, /* no route, network unreachable or down, host down */
    STATUS_UNRESOLVED,  /* name server or map lookup failed for now */
    STATUS_RESET,       /* reset, read error: TCP was answered */
    STATUS_REPLY,       /* an SMTP reply: "Deferred: 4xx ..." */
    STATUS_TLS,         /* TLS or AUTH policy failed: the host spoke */
    STATUS_BARE,        /* "Deferred" alone: cached failure of a live host */
    STATUS_LOCAL,       /* our own disk, alias file, mailer */
    STATUS_META,        /* "Warning: could not send ...": hides the cause */
    STATUS_OTHER,
};

enum status_kind status_classify(struct slice status);
/* Both at once: status_classify, and the status_host in *host_r. */
enum status_kind status_read(struct slice status, struct slice *host_r);
/* Nothing ever answered there: refused, timed out, unreachable, unresolved. */
bool status_is_dead(enum status_kind kind);
/* Something answered: a reply, a reset, a failed TLS or AUTH. */
bool status_is_alive(enum status_kind kind);

const char *status_kind_text(enum status_kind kind); /* "refused" */

#endif
