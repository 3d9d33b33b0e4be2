#include "parsers/authres.h"

#include <string.h>

#include "parsers/hostname.h"
#include "parsers/received.h"

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

/* False for a word that is none. */
static bool split_pair(struct slice word, struct pair *pair_r)
{
    size_t at = slice_index(word, '=');

    if (at == word.len)
        return false;
    pair_r->key = slice_head(word, at);
    pair_r->value = unquoted(slice_skip(word, at + 1));
    return true;
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

static bool is_us(const struct authres *authres, struct slice name)
{
    struct slice owner = name_owner(name), ours = name_owner(authres->us);

    return name.len > 0 &&
           (slice_equal_nocase(name, authres->us) ||
            (!slice_is_absent(owner) && !slice_is_absent(ours) &&
             slice_equal_nocase(owner, ours)));
}

/* DKIM and DMARC speak for a domain and what lies below it. */
static bool is_aligned(const struct authres *authres, struct slice domain)
{
    return domain_is_within(authres->domain, domain) ||
           domain_is_within(domain, authres->domain);
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

enum { WORDS_MAX = 200 };

static bool results_pass(const struct authres *authres, struct slice value)
{
    struct slice word = received_next_word(&value);
    enum method method = METHOD_OTHER;
    bool is_first = false; /* of a clause */

    if (slice_is_absent(word) || !is_us(authres, word))
        return false;
    for (int i = 0; i < WORDS_MAX; i++) {
        struct pair pair;

        word = received_next_word(&value);
        if (slice_is_absent(word))
            return false;
        if (slice_equal(word, SLICE_LITERAL(";"))) {
            method = METHOD_OTHER;
            is_first = true;
            continue;
        }
        if (!split_pair(word, &pair))
            continue;
        if (is_first)
            method = method_of(&pair);
        else if (is_for_sender(authres, method, &pair))
            return true;
        is_first = false;
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
    struct slice word = received_next_word(&value);
    bool is_by_us = false, is_for_him = false;

    if (!slice_equal_nocase(word, SLICE_LITERAL("pass")))
        return false;
    for (int i = 0; i < WORDS_MAX; i++) {
        struct pair pair;

        word = received_next_word(&value);
        if (slice_is_absent(word))
            break;
        if (!split_pair(word, &pair))
            continue;
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
