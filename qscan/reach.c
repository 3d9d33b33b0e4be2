#include "qscan/reach.h"

/* NULL: a later hour has the place. */
static struct reach_hour *hour_at(struct reach *reach, int64_t hour)
{
    struct reach_hour *place = &reach->hours[(uint64_t)hour % REACH_HOURS];

    if (place->hour > hour)
        return NULL;
    if (place->hour < hour)
        *place = (struct reach_hour){.hour = hour};
    return place;
}

static void add_host(struct reach_hosts *hosts, uint32_t hash)
{
    for (uint32_t i = 0; i < hosts->count; i++)
        if (hosts->hashes[i] == hash)
            return;
    if (hosts->count < REACH_HOSTS)
        hosts->hashes[hosts->count++] = hash;
}

static void add_hosts(struct reach_hosts *hosts, const struct reach_hosts *more)
{
    for (uint32_t i = 0; i < more->count; i++)
        add_host(hosts, more->hashes[i]);
}

static bool is_literal(struct slice host)
{
    return host.len > 0 && host.ptr[0] == '[';
}

/* A network of ours needs no line. */
static bool is_near(struct slice host)
{
    struct ip ip;

    return is_literal(host) && ip_parse(host, &ip) && ip_is_private(&ip);
}

void reach_note(struct reach *reach, int64_t tried, enum status_kind kind,
                struct slice host, uint32_t host_hash)
{
    struct reach_hour *at = hour_at(reach, tried / 3600);

    if (at == NULL)
        return;
    if (kind == STATUS_UNRESOLVED) {
        add_host(&at->unresolved, host_hash);
        return;
    }
    if (kind == STATUS_TIMEOUT || kind == STATUS_UNREACHABLE)
        add_host(&at->silent, host_hash);
    else if (kind == STATUS_REFUSED || status_is_alive(kind))
        at->has_answer |= !is_near(host);
    else
        return;
    at->has_address |= !is_literal(host);
}

void reach_merge(struct reach *into, const struct reach *from)
{
    for (size_t i = 0; i < REACH_HOURS; i++) {
        const struct reach_hour *more = &from->hours[i];
        struct reach_hour *at = hour_at(into, more->hour);

        if (at == NULL)
            continue;
        add_hosts(&at->silent, &more->silent);
        add_hosts(&at->unresolved, &more->unresolved);
        at->has_answer |= more->has_answer;
        at->has_address |= more->has_address;
    }
}

/* NULL: nothing was tried then. */
static const struct reach_hour *hour_of(const struct reach *reach,
                                        uint16_t number)
{
    const struct reach_hour *at = &reach->hours[number % REACH_HOURS];

    return (uint16_t)at->hour == number ? at : NULL;
}

/* Names may have been remembered while the line is dead. */
static bool has_proof(const struct reach *reach, uint16_t hour, bool by_name)
{
    bool has_answer = false, has_address = false;

    for (int shift = 0; shift <= 1; shift++) {
        const struct reach_hour *at = hour_of(reach, (uint16_t)(hour + shift));

        if (at != NULL) {
            has_answer |= at->has_answer;
            has_address |= at->has_address;
        }
    }
    return has_answer && (has_address || !by_name);
}

bool reach_is_lost(const struct reach *reach, uint16_t hour,
                   enum status_kind kind)
{
    bool by_name = kind == STATUS_UNRESOLVED;
    struct reach_hosts hosts = {.count = 0};

    if ((!by_name && kind != STATUS_TIMEOUT && kind != STATUS_UNREACHABLE) ||
        has_proof(reach, hour, by_name))
        return false;
    for (int shift = -1; shift <= 1; shift++) {
        const struct reach_hour *at = hour_of(reach, (uint16_t)(hour + shift));

        if (at != NULL)
            add_hosts(&hosts, by_name ? &at->unresolved : &at->silent);
    }
    return hosts.count == REACH_HOSTS;
}
