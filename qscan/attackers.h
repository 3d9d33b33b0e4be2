/*
 * The sources that the rules judge hostile: --attackers, and their part of the
 * summary of logs. A crowd (a network, or the senders to a domain) is one
 * attacker, whatever the number of its members.
 */
#ifndef QSCAN_ATTACKERS_H
#define QSCAN_ATTACKERS_H

#include "qscan/logread.h"
#include "qscan/report.h"

/* False without memory. */
bool attackers_print(const struct options *options, struct logread *logs,
                     struct output *output);

/* One object, fields as the manual names them. */
void attacker_json(struct jsonout *json, const struct logread *logs,
                   const struct attacker *attacker);

/* A line of names, and a row each. */
void attackers_add_csv(struct buffer *out, const struct logread *logs);

/* Its name, escaped. */
void attacker_add_shown_name(struct buffer *out, const struct logread *logs,
                             const struct attacker *attacker);

/* The head of the table, and a row of it: 78 columns behind the indent. A long
 * source has a line of its own. */
void attacker_add_head(struct buffer *out);
void attacker_add_row(struct buffer *out, const char *indent,
                      const struct options *options, const struct logread *logs,
                      const struct attacker *attacker);

/* Of a network or domain, the rule says what the crowd did. */
const struct rules_source_rule *attacker_rule(const struct logread *logs,
                                              const struct attacker *attacker);
/* NULL: none was kept. */
const struct evidence *attacker_evidence(const struct logread *logs,
                                         const struct attacker *attacker);
/* The line; and the end of another one, which names the client of that. It is
 * empty where the line does so itself, or nobody does. */
struct slice evidence_line(const struct evidence *evidence);
struct slice evidence_client(const struct evidence *evidence);
/* The confirmed name of a single source, in room, or absent. */
struct slice attacker_name(const struct logread *logs,
                           const struct attacker *attacker,
                           char room[static NAMES_TEXT_MAX]);
/* In 7 columns; ">=10000" where it is a lower bound. */
void attacker_add_guesses(struct buffer *out, const struct attacker *attacker);

/* Guesses: up to max numbers in sources.samples. Returns how many. */
size_t attacker_samples(const struct logread *logs,
                        const struct attacker *attacker, uint32_t *samples_r,
                        size_t max);

/* Some whom its mail was delivered to, in the same way. */
size_t attacker_reached(const struct logread *logs,
                        const struct attacker *attacker, uint32_t *reached_r,
                        size_t max);
/* How many there are, as far as they are told apart; *is_low_r: at least. */
uint64_t attacker_reached_count(const struct logread *logs,
                                const struct attacker *attacker,
                                bool *is_low_r);

/* The path of a file by its number; "?" for none. */
struct slice log_file_path(const struct logread *logs, uint32_t file);

/* Why a source that reached a count is not hostile. */
void spared_add_why(struct buffer *out, const struct spared *spared);

#endif
