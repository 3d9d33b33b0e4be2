/*
 * What reports, plans and refusals say of a row.
 */
#ifndef QSCAN_ROWTEXT_H
#define QSCAN_ROWTEXT_H

#include "qscan/message.h"

/* The class by kind of file, or the one the rule gives; the rule, or NULL where
 * none matched. */
const char *rowtext_class(const struct scene *scene, const struct facts *row);
const char *rowtext_rule(const struct scene *scene, const struct facts *row);

/* Words for one bit of enum facts_oddity. */
const char *rowtext_oddity(unsigned bit);

/* Why a message stays whatever its rule says, or NULL. */
const char *rowtext_keep_reason(const struct facts *row);

/* What keeps a message that no rule purges, in a few words; false when it is
 * not known: of an own bounce it mostly is. The same line of the same rule
 * gives the same pointers. */
struct rowtext_missed {
    const char *words;
    const char *condition; /* as written; NULL: would say no more */
    bool is_unmet;         /* it should hold, else it should not */
};
bool rowtext_missed(const struct scene *scene, const struct facts *row,
                    struct rowtext_missed *missed_r);

/* Why a control file is damaged: qf_outcome's words, or "no df". */
const char *rowtext_damage(const struct message *message);

#endif
