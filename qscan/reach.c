#include "qscan/reach.h"

enum { HOSTS_LEAST = 5 }; /* fewer may well be dead at once */

static struct reach_hour *place_of(struct reach *reach, int64_t hour)
{
    return &reach->hours[(uint64_t)hour % REACH_HOURS];
}

/* NULL: a later hour has the place. */
static struct reach_hour *hour_at(struct reach *reach, int64_t hour)
{
    struct reach_hour *place = place_of(reach, hour);

    if (place->hour > hour)
        return NULL;
    if (place->hour < hour)
        *place = (struct reach_hour){.hour = hour};
    return place;
}

/* A literal needs no name server; one of a network of ours no line. */
static bool is_literal(struct slice host, bool *is_near_r)
{
    struct ip ip;
    bool is_literal = host.len > 0 && host.ptr[0] == '[';

    *is_near_r = is_literal && ip_parse(host, &ip) && ip_is_private(&ip);
    return is_literal;
}

void reach_note(struct reach *reach, int64_t tried, enum status_kind kind,
                struct slice host, uint32_t host_hash)
{
    struct reach_hour *at = hour_at(reach, tried / 3600);
    uint64_t bit = UINT64_C(1) << host_hash % 64;
    bool has_name, is_near;

    if (at == NULL)
        return;
    has_name = !is_literal(host, &is_near);
    if (kind == STATUS_UNRESOLVED) {
        at->unresolved |= bit;
        return;
    }
    if (kind == STATUS_TIMEOUT || kind == STATUS_UNREACHABLE)
        at->silent |= bit;
    else if (kind == STATUS_REFUSED || status_is_alive(kind))
        at->has_answer |= !is_near;
    else
        return;
    at->has_address |= has_name;
}

void reach_merge(struct reach *into, const struct reach *from)
{
    for (size_t i = 0; i < REACH_HOURS; i++) {
        const struct reach_hour *more = &from->hours[i];
        struct reach_hour *at = hour_at(into, more->hour);

        if (at == NULL)
            continue;
        at->silent |= more->silent;
        at->unresolved |= more->unresolved;
        at->has_answer |= more->has_answer;
        at->has_address |= more->has_address;
    }
}

bool reach_is_lost(const struct reach *reach, uint16_t hour,
                   enum status_kind kind)
{
    bool by_name = kind == STATUS_UNRESOLVED, has_proof = false;
    uint64_t hosts = 0;

    if (!by_name && kind != STATUS_TIMEOUT && kind != STATUS_UNREACHABLE)
        return false;
    for (int shift = -1; shift <= 1; shift++) {
        uint16_t number = (uint16_t)(hour + shift);
        const struct reach_hour *at = &reach->hours[number % REACH_HOURS];

        if ((uint16_t)at->hour != number)
            continue;
        hosts |= by_name ? at->unresolved : at->silent;
        has_proof |= by_name ? at->has_address : at->has_answer;
    }
    return !has_proof && __builtin_popcountll(hosts) >= HOSTS_LEAST;
}
