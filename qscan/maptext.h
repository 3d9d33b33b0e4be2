/*
 * What the texts that sendmail's maps are made from say of domains and hosts
 * of ours (cf/README, makemap(8)): access, mailertable, virtuser.
 */
#ifndef QSCAN_MAPTEXT_H
#define QSCAN_MAPTEXT_H

#include "parsers/address.h"
#include "qscan/config.h"

struct map_names {
    struct string_list domains; /* that anybody may send to: they are ours */
    struct string_list senders; /* that mail of ours comes from, or has a way */
    struct string_list hosts;   /* names, ".name", addresses, networks */
    bool is_cut;                /* there was no room for more */
};

enum { MAP_NAMES_MAX = 1000000 }; /* in each, before they are told apart */

/* False: no map that says such things is called so in a cf. */
bool map_is_known(struct slice name);

/* Leaves each list sorted, no name in it twice. Of a line that makes no sense
 * nothing is taken. */
void map_names_read(struct map_names *names, struct slice map,
                    struct slice text);
void map_names_free(struct map_names *names);

/* "192.0.2" and "IPv6:2001:db8:1" as "192.0.2.0/24" and "2001:db8:1::/48";
 * false of what is no address, nor the beginning of one. */
bool map_network(struct slice key, char text[static ADDRESS_IP_TEXT_MAX]);

/* "relay.example", "[relay.example]:[192.0.2.9]": names or literals, and what
 * lies beside those without brackets, ".example"; true when all found room in a
 * list of max. */
bool map_add_hosts(struct string_list *hosts, size_t max, struct slice text);

#endif
