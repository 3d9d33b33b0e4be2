/*
 * What the name of a host says of it: a customer's line, a machine that never
 * was called anything, one of an owner's.
 */
#ifndef QSCAN_PARSERS_HOSTNAME_H
#define QSCAN_PARSERS_HOSTNAME_H

#include "parsers/address.h"

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

/* Both have an owner, and it is one. */
bool name_is_same_owner(struct slice a, struct slice b);

/* Equal, or one lies within the other, or both are of one owner. A name of one
 * label holds nobody else's. */
bool name_is_akin(struct slice name, struct slice other);

#endif
