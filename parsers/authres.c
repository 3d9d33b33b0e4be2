#include "parsers/authres.h"

#include <string.h>

#include "parsers/hostname.h"

/* "spf=pass", or "smtp.mailfrom=ann@example.net". */
struct pair {
    struct slice key, value;
};

static struct slice unquoted(struct slice text)
{
    size_t len = text.len;

    return len >= 2 && text.ptr[0] == '"' && text.ptr[len - 1] == '"'
               ? slice_make(text.ptr + 1, len - 2)
               : text;
}

/* Takes what stands before white space, ';', '(' or stop, if it is one; in
 * quotes they end nothing (RFC 8601: "reason"). */
static struct slice take_word(struct slice *text, char stop)
{
    struct slice word;
    size_t len = 0;

    *text = header_skip_comments(*text);
    while (len < text->len && text->ptr[len] != ';' && text->ptr[len] != '(' &&
           text->ptr[len] != stop && !byte_is_space(text->ptr[len])) {
        size_t quoted;

        if (text->ptr[len] != '"') {
            len++;
            continue;
        }
        quoted = header_quoted_len(slice_skip(*text, len));
        len = quoted > 0 ? len + quoted : text->len; /* never closed */
    }
    word = slice_head(*text, len);
    *text = slice_skip(*text, len);
    return word;
}

static bool take_char(struct slice *text, char c)
{
    *text = header_skip_comments(*text);
    if (text->len == 0 || text->ptr[0] != c)
        return false;
    *text = slice_skip(*text, 1);
    return true;
}

enum { WORDS_MAX = 200 };

/* Takes the next pair, from words that are none. *ends_r: ';' stood before it.
 * False at the end, and where there are too many. */
static bool take_pair(struct slice *text, struct pair *pair_r, bool *ends_r)
{
    *ends_r = false;
    for (int i = 0; i < WORDS_MAX && text->len > 0; i++) {
        if (take_char(text, ';')) {
            *ends_r = true;
            continue;
        }
        pair_r->key = take_word(text, '=');
        if (!take_char(text, '='))
            continue;
        *text = header_skip_comments(*text);
        pair_r->value = unquoted(take_word(text, '\0'));
        return true;
    }
    return false;
}

/* What stands behind the last @, or all of it. */
static struct slice domain_of(struct slice address)
{
    struct slice domain = address_domain(address);

    return domain.len > 0 ? domain : address;
}

static bool is_key(const struct pair *pair, const char *key)
{
    return slice_equal_nocase(pair->key, slice_from_string(key));
}

/* DKIM and DMARC speak for all that is of one owner (RFC 7489, relaxed). */
static bool is_aligned(const struct authres *authres, struct slice domain)
{
    return name_is_akin(authres->domain, domain);
}

/* Of the clauses of a field. */
enum method { METHOD_OTHER, METHOD_SPF, METHOD_DKIM, METHOD_DMARC };

/* That passed: "dkim=pass", "dkim/1=pass". */
static enum method method_of(const struct pair *pair)
{
    struct slice name = slice_head(pair->key, slice_index(pair->key, '/'));

    if (!slice_equal_nocase(pair->value, SLICE_LITERAL("pass")))
        return METHOD_OTHER;
    if (slice_equal_nocase(name, SLICE_LITERAL("spf")))
        return METHOD_SPF;
    if (slice_equal_nocase(name, SLICE_LITERAL("dkim")))
        return METHOD_DKIM;
    if (slice_equal_nocase(name, SLICE_LITERAL("dmarc")))
        return METHOD_DMARC;
    return METHOD_OTHER;
}

/* Whether that is whom the method passed. "smtp.mail" is of RFC 5451. */
static bool is_for_sender(const struct authres *authres, enum method method,
                          const struct pair *pair)
{
    switch (method) {
    case METHOD_SPF:
        return (is_key(pair, "smtp.mailfrom") || is_key(pair, "smtp.mail")) &&
               slice_equal_nocase(domain_of(pair->value), authres->domain);
    case METHOD_DKIM:
        return (is_key(pair, "header.d") || is_key(pair, "header.i")) &&
               is_aligned(authres, domain_of(pair->value));
    case METHOD_DMARC:
        return is_key(pair, "header.from") &&
               is_aligned(authres, domain_of(pair->value));
    case METHOD_OTHER:
        break;
    }
    return false;
}

/* Who wrote it: "mx.example.org", also quoted, or with the id of a job. */
static bool is_us(const struct authres *authres, struct slice word)
{
    word = unquoted(word);
    return name_is_akin(authres->us, slice_head(word, slice_index(word, '/')));
}

static bool results_pass(const struct authres *authres, struct slice value)
{
    enum method method = METHOD_OTHER;
    struct pair pair;
    bool is_first; /* of a clause */

    if (!is_us(authres, take_word(&value, '\0')))
        return false;
    for (int i = 0; i < WORDS_MAX && take_pair(&value, &pair, &is_first); i++) {
        if (is_first)
            method = method_of(&pair);
        else if (is_for_sender(authres, method, &pair))
            return true;
    }
    return false;
}

static bool is_client(const struct authres *authres, struct slice text)
{
    struct ip ip;

    return authres->client != NULL && ip_parse(text, &ip) &&
           memcmp(&ip, authres->client, sizeof(ip)) == 0;
}

/* "pass (US: ...) receiver=US; client-ip=192.0.2.7; envelope-from=<...>": it
 * has no name that must stand there; the client's address nobody but a server
 * writes. */
static bool spf_passes(const struct authres *authres, struct slice value)
{
    bool is_by_us = false, is_for_him = false, ends;
    struct pair pair;

    if (!slice_equal_nocase(take_word(&value, '\0'), SLICE_LITERAL("pass")))
        return false;
    for (int i = 0; i < WORDS_MAX && take_pair(&value, &pair, &ends); i++) {
        if (is_key(&pair, "receiver"))
            is_by_us |= is_us(authres, pair.value);
        else if (is_key(&pair, "client-ip"))
            is_by_us |= is_client(authres, pair.value);
        else if (is_key(&pair, "envelope-from"))
            is_for_him |= slice_equal_nocase(
                domain_of(address_bare(pair.value)), authres->domain);
        else if (is_key(&pair, "identity") &&
                 !slice_equal_nocase(pair.value, SLICE_LITERAL("mailfrom")))
            return false;
    }
    return is_by_us && is_for_him;
}

bool authres_passes(const struct authres *authres,
                    const struct header_field *field)
{
    if (authres->domain.len == 0)
        return false;
    if (slice_equal_nocase(field->name,
                           SLICE_LITERAL("Authentication-Results")))
        return results_pass(authres, field->value);
    if (slice_equal_nocase(field->name, SLICE_LITERAL("Received-SPF")))
        return spf_passes(authres, field->value);
    return false;
}
