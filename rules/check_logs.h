/* Samples of rules on source: traffic written in one line, for their hit and
 * miss lines. */
#ifndef QSCAN_RULES_CHECK_LOGS_H
#define QSCAN_RULES_CHECK_LOGS_H

#include "rules/check.h"

enum { TRAFFIC_PARTS_MAX = 16, TRAFFIC_COUNT_MAX = 100000 };

/* EVENT*COUNT from ADDRESS in DURATION */
struct traffic_part {
    size_t event;
    int64_t count, duration_sec;
    struct cidr from; /* its addresses in turn */
};

struct traffic_sample {
    struct traffic_part parts[TRAFFIC_PARTS_MAX];
    size_t part_count;
    struct sample with; /* fields; the source and, of several, their number
                           follow from the parts unless they are named */
    char source[ADDRESS_IP_TEXT_MAX];
};

/* Whatever it returns, traffic_sample_free is due. All events are declared by
 * now. */
bool traffic_sample_parse(struct traffic_sample *sample,
                          const struct rules *set, struct slice text,
                          sample_note note, void *context);
void traffic_sample_free(struct traffic_sample *sample);

/* Whether the count of the rule is reached; undecided without memory. */
enum rules_answer traffic_sample_fires(const struct traffic_sample *sample,
                                       const struct rules *set,
                                       size_t source_rule);

#endif
