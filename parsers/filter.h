/*
 * Who brought a message to a content filter, by its Received fields.
 *
 * sendmail hands all mail to a filter on the same host (amavisd-new), which
 * hands it to a second sendmail, whose queue this is. Its client is always this
 * host; who brought the message stands further down:
 *
 *     from localhost (localhost [127.0.0.1]) by US (8.13.8/8.13.8) ...
 *     from US ([127.0.0.1]) by localhost (US [127.0.0.1]) (amavisd-new) ...
 *     from HELO (NAME [IP]) by US (8.13.8/8.13.8) ...
 *
 * Who speaks to our sendmail from elsewhere cannot write these. Each who hands
 * mail on writes his field above all that he was given: the first is ours, its
 * client on this host wrote the next, and so on. What the sender wrote stands
 * below the field of the first sendmail about him, and that is the last looked
 * at, whatever it says. Where a program of ours sends again what it was given
 * and writes no field (procmail, lists, some filters), the second field is our
 * sendmail's; where it fetches mail elsewhere, it is another host's. Neither is
 * a filter's, and nothing below is looked at.
 *
 * They can be written by who speaks to our sendmail from a loopback address and
 * has no field written about him: a program or a web form on this host, or a
 * stranger behind a tunnel or proxy that names nobody. He may call himself any
 * address. So a bounce of his own, which was kept before, may be taken: he
 * could have had that by sending nothing. And what he sent counts for that
 * address, as a guess more, or as mail in the name of another domain
 * (source.guesses, source.steady). No count takes a bounce: at most it does not
 * spare one that is for a dead host and of mail refused for good. Those that
 * count hosts, anybody with a few hosts can raise.
 */
#ifndef QSCAN_PARSERS_FILTER_H
#define QSCAN_PARSERS_FILTER_H

#include "parsers/address.h"
#include "parsers/qf.h"
#include "parsers/slice.h"

/* Who spoke to the first sendmail, by the field that this one wrote. */
struct filter_client {
    struct slice text;    /* $_ there */
    struct client client; /* the same, taken apart; has an address */
    struct slice helo;
    bool is_authenticated; /* had logged in, or showed a certificate that we
                              trust */
};

struct filter_walk {
    struct slice us; /* our name; empty: as in the first field */
    size_t received_count;
};

enum filter_step {
    FILTER_MORE, /* of these fields so far; the next one says more */
    FILTER_FOUND,
    FILTER_NONE,
};

/* Takes the Received fields of a message, trimmed, one by one from the top.
 * *client_r is set when it is found, and else not to be looked at. */
enum filter_step filter_next(struct filter_walk *walk, struct slice value,
                             struct filter_client *client_r);

/* The same of a message in the queue; false: none is found. */
bool filter_find_client(const struct qf *qf, struct filter_client *client_r);

/* Whether a client is on this host, so that it may be a filter. */
static inline bool filter_is_near(const struct client *client)
{
    return client->has_ip && ip_is_loopback(&client->ip);
}

#endif
