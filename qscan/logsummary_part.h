/*
 * What the parts of the summary of maillogs share: logsummary.c puts them in
 * their order.
 */
#ifndef QSCAN_LOGSUMMARY_PART_H
#define QSCAN_LOGSUMMARY_PART_H

#include "qscan/logsummary.h"
#include "qscan/report.h"

struct logsummary {
    const struct options *options;
    struct logread *logs;
    struct buffer out;
    bool has_color, has_failed;
    size_t rows;       /* in a table of sources */
    size_t minor_rows; /* in the others: all together fit a page or two */
    size_t details;    /* hostile sources that are shown in full */
    struct shown_attackers {
        uint32_t *items; /* owned; numbers of attackers, most tries first */
        size_t count;
        size_t members;  /* left out: they stand in a crowd that is shown */
        size_t crowds;   /* left out: all of its members are shown */
        size_t others;   /* addresses that are hostile in crowds alone */
        uint32_t *alone; /* owned; by source: its attacker, from 1; 0: none */
    } shown;
};

/* ---- logsummary.c ---- */

void logsummary_heading(struct logsummary *summary, const char *text,
                        bool is_alarm);

/* Fills lines with what words holds, and empties it. */
void logsummary_add_words(struct logsummary *summary, const char *indent,
                          struct buffer *words);

/* "1 login", "2 logins". */
void logsummary_add_counted(struct buffer *out, uint64_t count,
                            const char *what);

/* ---- logsummary_attackers.c ---- */

/* Sets summary->shown, which the caller frees; false without memory. */
bool logsummary_choose_attackers(struct logsummary *summary);
void logsummary_add_attackers(struct logsummary *summary);

/* Of all sources: how their lists look, and what was guessed most. */
void logsummary_add_guesses(struct logsummary *summary);

/* Who looks hostile but is not blamed. */
void logsummary_add_spared(struct logsummary *summary);

/* ---- logsummary_tables.c ---- */

/* In a line: "about: a 12, b 3, and 7 more". */
void logsummary_add_inline(struct logsummary *summary, const char *about,
                           const struct topk *table, size_t rows);

/* One a line, under a heading; nothing where the table is empty. */
void logsummary_add_table(struct logsummary *summary, const char *name,
                          const struct topk *table, bool has_bytes);
void logsummary_add_tables(struct logsummary *summary);
void logsummary_add_auth_tls(struct logsummary *summary);

/* The hour by hour picture. */
void logsummary_add_hours(struct logsummary *summary);

/* ---- logsummary_next.c ---- */

/* What to type next. */
void logsummary_add_next(struct logsummary *summary);

#endif
