/* The command line, taken apart and checked; nothing is opened here. */
#ifndef QSCAN_OPTIONS_H
#define QSCAN_OPTIONS_H

#include "qscan/config.h"
#include "qscan/progress.h"

enum mode {
    MODE_SUMMARY,
    MODE_LIST,
    MODE_EXPLAIN,
    MODE_SHOW,
    MODE_PURGE_BOUNCES,
    MODE_PURGE_CLASS,
    MODE_APPLY,
    MODE_UNDO,
    MODE_EXPUNGE,
    MODE_RUNS,
    MODE_CHECK_RULES,
    MODE_LOGS,
    MODE_ATTACKERS,
};

enum format { FORMAT_TEXT, FORMAT_JSON, FORMAT_CSV };

struct options {
    enum mode mode;
    const char *id;  /* --explain, --show */
    const char *run; /* --undo, --expunge; NULL = the default one */
    struct string_list purge_classes;
    struct string_list rules;   /* --rules */
    struct string_list queues;  /* QUEUE...; of the log modes FILE... */
    struct string_list classes; /* --class */
    struct string_list ids;     /* --id */
    bool ids_from_stdin;
    const char *where;
    const char *config_file; /* -C */
    const char *plan_file, *apply_file, *journal_directory, *output_file;
    enum format format;
    enum progress_when progress, color;
    int64_t now;       /* epoch s; -1 = the clock */
    int64_t older_sec; /* --older; -1 = not given */
    const char *since_text, *until_text;
    int64_t since, until; /* epoch s; INT64_MIN, INT64_MAX = not given */
    int32_t year;         /* of the first stamp that has none; 0 = not given */
    unsigned top, workers;
    bool is_dry_run, is_yes, is_delete, is_quiet, is_verbose, no_syslog;
    bool has_top; /* --top was given */
    bool is_utc;  /* stamps without a zone, and times in reports */
};

enum options_outcome {
    OPTIONS_RUN,
    OPTIONS_HELP,    /* -h: print help, exit 0 */
    OPTIONS_VERSION, /* --version */
    OPTIONS_WRONG,   /* a complaint was printed: exit 2 */
};

enum options_outcome options_read(struct options *options, int argc,
                                  char **argv);
void options_free(struct options *options);

/* A mode that takes messages away, if neither --dry-run nor --plan holds it
 * back. */
bool options_is_purge_mode(enum mode mode);

/* Whether it takes messages now: then it first completes what was killed. */
bool options_is_taking(const struct options *options);

void options_print_help(void);

#endif
