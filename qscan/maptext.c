#include "qscan/maptext.h"

#include <stdio.h>
#include <stdlib.h>

#include "parsers/hostname.h"

enum { NAME_MAX_BYTES = 256 };

/* ---- names ---- */

/* The lines about one domain mostly stand together. */
static void add_name(struct map_names *names, struct string_list *list,
                     struct slice name)
{
    if (list->count > 0 &&
        slice_equal(name, slice_from_string(list->strings[list->count - 1])))
        return;
    if (list->count >= MAP_NAMES_MAX || !string_list_add(list, name))
        names->is_cut = true;
}

/* ---- networks ---- */

/* "192.0.2" is 192.0.2.0/24: sendmail looks an address up without its last
 * part, again and again. */
static bool net_of_v4(struct slice key, char text[static ADDRESS_IP_TEXT_MAX])
{
    unsigned parts = 1;

    if (key.len > 0 && key.ptr[key.len - 1] == '.')
        key.len--;
    for (size_t i = 0; i < key.len; i++)
        parts += key.ptr[i] == '.';
    if (key.len > 15 || parts > 4)
        return false;
    snprintf(text, ADDRESS_IP_TEXT_MAX, "%.*s%s/%u", (int)key.len, key.ptr,
             &".0.0.0"[2 * (parts - 1)], 8 * parts);
    return true;
}

/* "2001:db8:1" and "2001:db8:1::" are prefixes, "2001:db8::1" is one host. */
static bool net_of_v6(struct slice key, char text[static ADDRESS_IP_TEXT_MAX])
{
    size_t gap = slice_find(key, SLICE_LITERAL("::"));
    unsigned groups = 1;

    if (key.len > 39 || (gap == 0 && key.len == 2)) /* "::": any host */
        return false;
    for (size_t i = 0; i < gap; i++)
        groups += key.ptr[i] == ':';
    if (gap + 2 < key.len || groups == 8)
        snprintf(text, ADDRESS_IP_TEXT_MAX, "%.*s", (int)key.len, key.ptr);
    else
        snprintf(text, ADDRESS_IP_TEXT_MAX, "%.*s::/%u", (int)gap, key.ptr,
                 16 * groups);
    return true;
}

static bool take_tag(struct slice *key, struct slice tag)
{
    if (!slice_starts_nocase(*key, tag))
        return false;
    *key = slice_skip(*key, tag.len);
    return true;
}

bool map_network(struct slice key, char text[static ADDRESS_IP_TEXT_MAX])
{
    struct cidr net;

    take_tag(&key, SLICE_LITERAL("IPv6:"));
    return (slice_index(key, ':') < key.len ? net_of_v6 : net_of_v4)(key,
                                                                     text) &&
           cidr_parse(slice_from_string(text), &net);
}

/* ---- hosts ---- */

/* A macro ("$w.example"), part of the key ("%1.example"), a socket and a user
 * are no names of hosts or domains. */
static bool is_host(struct slice host)
{
    for (size_t i = 0; i < host.len; i++)
        if (host.ptr[i] == '\0' || strchr("$%@/\"", host.ptr[i]) != NULL)
            return false;
    return host.len > 0;
}

/* ".example.org": whatever lies below it. False when it is too long. */
static bool make_below(char text[static NAME_MAX_BYTES], struct slice name)
{
    if (name.len > NAME_MAX_BYTES - 2)
        return false;
    snprintf(text, NAME_MAX_BYTES, ".%.*s", (int)name.len, name.ptr);
    return true;
}

/* Without brackets a relay's MX is asked for, which mostly is another host of
 * the same owner. */
static bool add_exchangers(struct string_list *hosts, size_t max,
                           struct slice host)
{
    char network[ADDRESS_IP_TEXT_MAX], below[NAME_MAX_BYTES];
    struct slice owner = name_owner(host);

    if (owner.len == 0)
        owner = host;
    if (slice_index(owner, '.') == owner.len || !make_below(below, owner) ||
        map_network(host, network))
        return true;
    return hosts->count < max &&
           string_list_add(hosts, slice_from_string(below));
}

bool map_add_hosts(struct string_list *hosts, size_t max, struct slice text)
{
    bool is_all = true;

    while (text.len > 0 && is_all) {
        bool is_literal = text.ptr[0] == '[';
        size_t end = slice_index(text, is_literal ? ']' : ':');
        struct slice host = slice_head(text, end);

        if (is_literal)
            host = slice_skip(host, 1);
        if (is_host(host))
            is_all = hosts->count < max && string_list_add(hosts, host) &&
                     (is_literal || add_exchangers(hosts, max, host));
        text = slice_skip(text, end + 1);
    }
    return is_all;
}

/* ---- lines ---- */

static bool add_net(struct map_names *names, struct slice key)
{
    char text[ADDRESS_IP_TEXT_MAX];

    if (!map_network(key, text))
        return false;
    add_name(names, &names->hosts, slice_from_string(text));
    return true;
}

/* "example.org" and ".example.org" both, here, mean what is below, too. */
static void add_domain(struct map_names *names, struct string_list *list,
                       struct slice domain)
{
    if (domain.len > 0 && domain.ptr[0] == '.')
        domain = slice_skip(domain, 1);
    if (is_host(domain))
        add_name(names, list, domain);
}

static void add_client(struct map_names *names, struct slice key)
{
    char below[NAME_MAX_BYTES];

    if (add_net(names, key))
        return;
    if (key.len > 0 && key.ptr[0] == '.')
        key = slice_skip(key, 1);
    if (!is_host(key) || slice_index(key, ':') < key.len ||
        !make_below(below, key))
        return;
    add_name(names, &names->hosts, key);
    add_name(names, &names->hosts, slice_from_string(below));
}

/* Of an address alone, the domain is not one that anybody may send to. */
static void add_target(struct map_names *names, struct slice key)
{
    struct slice domain = address_domain(key);

    if (slice_is_absent(domain))
        add_domain(names, &names->domains, key);
    else
        add_domain(names, &names->senders, domain);
}

/* "Connect:192.0.2 RELAY", "To:example.org RELAY", "example.org RELAY" */
static void read_access(struct map_names *names, struct slice key,
                        struct slice value)
{
    if (!slice_equal_nocase(value, SLICE_LITERAL("RELAY")))
        return;
    if (take_tag(&key, SLICE_LITERAL("Connect:"))) {
        add_client(names, key);
    } else if (take_tag(&key, SLICE_LITERAL("To:"))) {
        add_target(names, key);
    } else if (take_tag(&key, SLICE_LITERAL("From:"))) {
        struct slice domain = address_domain(key);

        add_domain(names, &names->senders,
                   slice_is_absent(domain) ? key : domain);
    } else if (!add_net(names, key) && slice_index(key, ':') == key.len) {
        add_target(names, key);
    }
}

/* What stands behind their names is a user, or words. */
static bool is_mailer_without_host(struct slice mailer)
{
    static const char *const names[] = {"error", "local",    "discard",
                                        "prog",  "procmail", "usenet"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (slice_equal_nocase(mailer, slice_from_string(names[i])))
            return true;
    return false;
}

/* "example.org <TAB> esmtp:[mail.example.org]" */
static void read_mailertable(struct map_names *names, struct slice key,
                             struct slice value)
{
    size_t colon = slice_index(value, ':');

    add_domain(names, &names->senders, key);
    if (!is_mailer_without_host(slice_head(value, colon)) &&
        !map_add_hosts(&names->hosts, MAP_NAMES_MAX,
                       slice_skip(value, colon + 1)))
        names->is_cut = true;
}

/* "ann@example.org <TAB> ann", "@example.org <TAB> %1@example.net" */
static void read_virtuser(struct map_names *names, struct slice key,
                          struct slice value)
{
    (void)value;
    add_domain(names, &names->senders, address_domain(key));
}

/* ---- maps ---- */

typedef void (*read_entry)(struct map_names *names, struct slice key,
                           struct slice value);

static read_entry reader_of(struct slice map)
{
    static const struct {
        const char *map;
        read_entry read;
    } readers[] = {{"access", read_access},
                   {"mailertable", read_mailertable},
                   {"virtuser", read_virtuser}};

    for (size_t i = 0; i < sizeof(readers) / sizeof(readers[0]); i++)
        if (slice_equal_nocase(map, slice_from_string(readers[i].map)))
            return readers[i].read;
    return NULL;
}

bool map_is_known(struct slice name)
{
    return reader_of(name) != NULL;
}

void map_names_read(struct map_names *names, struct slice map,
                    struct slice text)
{
    read_entry read = reader_of(map);
    struct slice line;

    *names = (struct map_names){0};
    while (slice_next_line(&text, &line)) {
        struct slice key, value;

        if (line.len == 0 || line.ptr[0] == '#' || byte_is_space(line.ptr[0]))
            continue;
        key = slice_next_word(&line);
        value = slice_next_word(&line);
        read(names, key, value);
    }
    string_list_sort_once(&names->domains);
    string_list_sort_once(&names->senders);
    string_list_sort_once(&names->hosts);
}

void map_names_free(struct map_names *names)
{
    string_list_free(&names->domains);
    string_list_free(&names->senders);
    string_list_free(&names->hosts);
}
