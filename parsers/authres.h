/*
 * What a host of ours found out about a sender, and wrote into the message:
 * Authentication-Results (RFC 8601) and Received-SPF (RFC 7208, section 9.1).
 *
 * Anybody can send such a field. A milter that writes them takes away what
 * came under its own name, and only the fields that stand beside our own
 * Received field are for this reader. Even so they only speak for a sender: by
 * a false one a bounce is kept.
 */
#ifndef QSCAN_PARSERS_AUTHRES_H
#define QSCAN_PARSERS_AUTHRES_H

#include "parsers/address.h"
#include "parsers/header.h"

struct authres {
    struct slice us;         /* our name; a host of the same owner will do */
    struct slice domain;     /* the sender's */
    const struct ip *client; /* who brought the message, or NULL */
};

/* Whether a field that says so may begin there. */
static inline bool authres_may_begin(struct slice text)
{
    return slice_starts_nocase(text, SLICE_LITERAL("Authentication-Results")) ||
           slice_starts_nocase(text, SLICE_LITERAL("Received-SPF"));
}

/* Whether the field says that the sender is who he says he is: SPF, DKIM or
 * DMARC passed for his domain. False for any other field. */
bool authres_passes(const struct authres *authres,
                    const struct header_field *field);

#endif
