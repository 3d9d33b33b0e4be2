/*
 * From rule files to a compiled set: --rules, else the installed folder
 * overlaid by /etc/qscan/rules.d, else the set embedded in the program.
 */
#ifndef QSCAN_RULESET_H
#define QSCAN_RULESET_H

#include "qscan/complain.h"
#include "qscan/config.h"
#include "rules/rules.h"

struct ruleset {
    struct rules *rules;
    size_t file_count;
    bool is_domains_known; /* our-domains holds something */
};

/*
 * paths: files or folders of --rules, or none. domains of config and the
 * addresses of this host go into the lists our-domains and our-hosts, when
 * with_config says that the queue is this host's. False after complaints: not
 * one rule is used then.
 */
bool ruleset_load(struct ruleset *set, const struct string_list *paths,
                  const struct config *config, bool with_config,
                  struct complaints *to);
void ruleset_free(struct ruleset *set);

/* rules_report that prints "file:line:column: what; why"; context is a
 * struct complaints, in which mistakes are counted. */
void ruleset_complain(void *context, const struct rules_problem *problem);

#endif
