/* A matcher for samples and for the logs; the rest of it is in rules.h. */
#ifndef QSCAN_RULES_MATCH_H
#define QSCAN_RULES_MATCH_H

#include "rules/check.h"

/* Lets the built-in lists hold what the sample says and what their stanzas
 * say, but not what the program knows of this host: a sample gives the same
 * answer everywhere. */
void match_use_sample(struct rules_matcher *matcher,
                      const struct sample *sample);

enum { REMEMBERED_TEXTS = 1024, REMEMBERED_LINES = 4096 };

/* Of texts what the regexes said, two bits each; of lines of which the
 * conditions see the same their events. By keyed hashes alone: who does not
 * know the key can neither have two texts taken for one, nor have them judged
 * again at will. */
struct memory {
    uint64_t key[2];
    struct remembered_text {
        uint64_t hash, answers;
    } texts[REMEMBERED_TEXTS];
    struct remembered_line {
        uint64_t hash; /* 0: free */
        uint64_t events;
    } lines[REMEMBERED_LINES];
};

/* NULL: nothing is remembered. */
struct memory *match_memory(struct rules_matcher *matcher);

/* Answers one rule, whatever the others say. *failed_r becomes the first line
 * that kept it from matching, and its condition. */
enum rules_answer match_one(struct rules_matcher *matcher,
                            const struct rule *rule, rules_fetch fetch,
                            void *message, const struct rule_line **failed_r,
                            const struct condition **condition_r);

const struct rules *match_set(const struct rules_matcher *matcher);

/* What is asked by match_rule is fetched so, of that message, from now on. */
void match_begin(struct rules_matcher *matcher, rules_fetch fetch,
                 void *message);

/* Whether all lines of one stanza hold. Each condition is asked once until
 * another match_begin. */
enum rules_answer match_rule(struct rules_matcher *matcher,
                             const struct rule *rule);
/* The same of those lines whose answer may be late. */
enum rules_answer match_rule_later(struct rules_matcher *matcher,
                                   const struct rule *rule);

/* What these conditions on a text of a line say, two bits each, the first
 * highest; of a text that is absent it is 0. */
uint64_t match_answers(struct rules_matcher *matcher,
                       const uint16_t *conditions, size_t count,
                       struct slice text, struct rules_event_line *event);

/* Which events a line of these answers is: bit per event. */
uint64_t match_events(struct rules_matcher *matcher,
                      const struct shape_plan *plan, uint64_t answers,
                      struct rules_event_line *event);

#endif
