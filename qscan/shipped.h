/*
 * The shipped rules, embedded in the program so that it runs from anywhere
 * without being installed. The table is written by scripts/embed-rules.
 */
#ifndef QSCAN_QSCAN_SHIPPED_H
#define QSCAN_QSCAN_SHIPPED_H

#include <stddef.h>

struct shipped_rule_file {
    const char *name; /* without folder: "10-bounces.rules" */
    const char *text; /* NUL-terminated, but may hold any byte */
    size_t len;       /* bytes, without that NUL */
};

/* In name order; shipped_rule_count of them. */
extern const struct shipped_rule_file shipped_rules[];
extern const size_t shipped_rule_count;

#endif
