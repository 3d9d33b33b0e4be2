#include "qscan/options.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "qscan/buffer.h"
#include "qscan/workers.h"

enum {
    OPT_LIST = 256,
    OPT_EXPLAIN,
    OPT_SHOW,
    OPT_PURGE_BOUNCES,
    OPT_PURGE,
    OPT_UNDO,
    OPT_EXPUNGE,
    OPT_RUNS,
    OPT_CHECK_RULES,
    OPT_LOGS,
    OPT_ATTACKERS,
    OPT_RULES,
    OPT_CLASS,
    OPT_WHERE,
    OPT_ID,
    OPT_PLAN,
    OPT_APPLY,
    OPT_DELETE,
    OPT_JOURNAL,
    OPT_NOW,
    OPT_TOP,
    OPT_PROGRESS,
    OPT_COLOR,
    OPT_NO_SYSLOG,
    OPT_OLDER,
    OPT_SINCE,
    OPT_UNTIL,
    OPT_YEAR,
    OPT_UTC,
    OPT_VERSION,
};

static const struct option long_options[] = {
    {"list", no_argument, NULL, OPT_LIST},
    {"explain", required_argument, NULL, OPT_EXPLAIN},
    {"show", required_argument, NULL, OPT_SHOW},
    {"purge-bounces", no_argument, NULL, OPT_PURGE_BOUNCES},
    {"purge", required_argument, NULL, OPT_PURGE},
    {"undo", optional_argument, NULL, OPT_UNDO},
    {"expunge", optional_argument, NULL, OPT_EXPUNGE},
    {"runs", no_argument, NULL, OPT_RUNS},
    {"check-rules", no_argument, NULL, OPT_CHECK_RULES},
    {"logs", no_argument, NULL, OPT_LOGS},
    {"attackers", no_argument, NULL, OPT_ATTACKERS},
    {"rules", required_argument, NULL, OPT_RULES},
    {"class", required_argument, NULL, OPT_CLASS},
    {"where", required_argument, NULL, OPT_WHERE},
    {"id", required_argument, NULL, OPT_ID},
    {"plan", required_argument, NULL, OPT_PLAN},
    {"apply", required_argument, NULL, OPT_APPLY},
    {"delete", no_argument, NULL, OPT_DELETE},
    {"journal", required_argument, NULL, OPT_JOURNAL},
    {"now", required_argument, NULL, OPT_NOW},
    {"top", required_argument, NULL, OPT_TOP},
    {"progress", required_argument, NULL, OPT_PROGRESS},
    {"color", required_argument, NULL, OPT_COLOR},
    {"no-syslog", no_argument, NULL, OPT_NO_SYSLOG},
    {"older", required_argument, NULL, OPT_OLDER},
    {"since", required_argument, NULL, OPT_SINCE},
    {"until", required_argument, NULL, OPT_UNTIL},
    {"year", required_argument, NULL, OPT_YEAR},
    {"utc", no_argument, NULL, OPT_UTC},
    {"dry-run", no_argument, NULL, 'n'},
    {"yes", no_argument, NULL, 'y'},
    {"format", required_argument, NULL, 'f'},
    {"quiet", no_argument, NULL, 'q'},
    {"verbose", no_argument, NULL, 'v'},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, OPT_VERSION},
    {NULL, 0, NULL, 0},
};

static const char short_options[] = ":C:f:j:no:qvhy";

static void wrong(const char *object, const char *what, const char *why)
    __attribute__((nonnull(1, 2)));

static void wrong(const char *object, const char *what, const char *why)
{
    struct buffer line = {0};

    buffer_add_string(&line, "qscan: ");
    buffer_add_escaped(&line, slice_from_string(object), 0);
    buffer_printf(&line, ": %s", what);
    if (why != NULL)
        buffer_printf(&line, ": %s", why);
    buffer_add_string(&line, "; nothing done, see qscan --help\n");
    fwrite(line.bytes, 1, line.len, stderr);
    buffer_free(&line);
}

/* ---- values ---- */

static bool read_words(struct string_list *list, const char *text,
                       const char *option)
{
    struct slice rest = slice_from_string(text);
    bool is_last = false;

    while (!is_last) {
        size_t end = slice_index(rest, ',');
        struct slice word = slice_trim(slice_head(rest, end));

        if (word.len == 0) {
            wrong(option, "an empty name in the list",
                  text[0] == '\0' ? NULL : text);
            return false;
        }
        string_list_add(list, word);
        is_last = end == rest.len;
        rest = slice_skip(rest, end + 1);
    }
    return true;
}

static bool read_count(unsigned *count_r, const char *text, unsigned least,
                       unsigned most, const char *option)
{
    int64_t number;

    if (!slice_to_integer(slice_from_string(text), &number) ||
        number < (int64_t)least || number > (int64_t)most) {
        char why[80];

        snprintf(why, sizeof(why), "a whole number from %u to %u is wanted",
                 least, most);
        wrong(option, "not a number in range", why);
        return false;
    }
    *count_r = (unsigned)number;
    return true;
}

static bool read_epoch(int64_t *time_r, const char *text)
{
    int64_t number;

    if (!slice_to_integer(slice_from_string(text), &number) || number < 0 ||
        number >= INT64_C(1) << 40)
        return false;
    *time_r = number;
    return true;
}

/* 20261122, 202611221752: as seconds they lie in 1970, or beyond 8000. False
 * after saying so. */
static bool is_no_dense_date(const char *text, const char *option)
{
    struct slice digits = slice_from_string(text);
    int64_t day;

    if ((digits.len != 8 && digits.len != 12) ||
        !slice_to_integer(digits, &day))
        return true;
    slice_to_integer(slice_head(digits, 8), &day);
    if (day < 19700101 || day > 20991231 || day / 100 % 100 < 1 ||
        day / 100 % 100 > 12 || day % 100 < 1 || day % 100 > 31)
        return true;
    wrong(option, "a date without its dashes, or seconds",
          "2026-11-22 or 2026-11-22T17:52 is wanted");
    return false;
}

/* mktime counts 30 February on into March. */
static bool has_day(const struct tm *tm)
{
    struct tm day = {
        .tm_year = tm->tm_year, .tm_mon = tm->tm_mon, .tm_mday = tm->tm_mday};

    return timegm(&day) != (time_t)-1 && day.tm_mday == tm->tm_mday;
}

/* 2026-11-22, 2026-11-22T17:52[:25[.5]][Z|+01:00]; local time where no zone is
 * said, unless is_utc. False of what lies before 1970, too. */
static bool read_date(int64_t *time_r, const char *text, bool is_utc)
{
    static const char *const formats[] = {"%Y-%m-%dT%H:%M:%S",
                                          "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M",
                                          "%Y-%m-%d %H:%M", "%Y-%m-%d"};

    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        struct tm tm = {.tm_isdst = -1};
        const char *end = strptime(text, formats[i], &tm);
        bool has_zone;
        long east_sec;

        if (end != NULL && end[0] == '.' && byte_is_digit(end[1]))
            end += 1 + strspn(end + 1, "0123456789"); /* as logs have it */
        has_zone = end != NULL && end[0] != '\0';
        if (has_zone)
            end = strptime(end, "%z", &tm);
        if (end == NULL || end[0] != '\0' || !has_day(&tm))
            continue;
        east_sec = tm.tm_gmtoff; /* timegm sets it */
        *time_r = has_zone || is_utc ? timegm(&tm) : mktime(&tm);
        if (has_zone)
            *time_r -= east_sec;
        return *time_r >= 0;
    }
    return false;
}

static bool read_time(int64_t *time_r, const char *text, const char *option)
{
    if (!is_no_dense_date(text, option))
        return false;
    if (read_epoch(time_r, text) || read_date(time_r, text, false))
        return true;
    wrong(option, "not a time",
          "epoch seconds or 2026-11-22T17:52:25Z is wanted");
    return false;
}

/* Midnight of the day that lies so many days back. */
static int64_t midnight(int64_t moment, int days_back, bool is_utc)
{
    time_t now = (time_t)moment;
    struct tm tm = {0};

    if (is_utc)
        gmtime_r(&now, &tm);
    else
        localtime_r(&now, &tm);
    tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
    tm.tm_mday -= days_back;
    tm.tm_isdst = -1;
    return (int64_t)(is_utc ? timegm(&tm) : mktime(&tm));
}

/* As read_time; or today, yesterday, or an age: 24h, 7d. */
static bool read_moment(int64_t *time_r, const char *text, const char *option,
                        const struct options *options)
{
    int64_t now = options->now >= 0 ? options->now : (int64_t)time(NULL);
    int64_t age;

    if (strcmp(text, "today") == 0 || strcmp(text, "yesterday") == 0) {
        *time_r = midnight(now, text[0] == 'y', options->is_utc);
        return true;
    }
    if (!is_no_dense_date(text, option))
        return false;
    if (read_epoch(time_r, text) || read_date(time_r, text, options->is_utc))
        return true;
    age = config_duration(slice_from_string(text), 1);
    if (age >= 0) {
        *time_r = now - age;
        return true;
    }
    wrong(option, "not a time",
          "2026-11-22T17:52, today, yesterday, or an age such as 24h is "
          "wanted");
    return false;
}

static bool read_when(enum progress_when *when_r, const char *text,
                      const char *option)
{
    static const char *const names[] = {"auto", "always", "never"};

    for (unsigned i = 0; i < 3; i++) {
        if (strcmp(text, names[i]) == 0) {
            *when_r = (enum progress_when)i;
            return true;
        }
    }
    wrong(option, "unknown value", "auto, always or never is wanted");
    return false;
}

static bool read_format(enum format *format_r, const char *text)
{
    static const char *const names[] = {"text", "json", "csv"};

    for (unsigned i = 0; i < 3; i++) {
        if (strcmp(text, names[i]) == 0) {
            *format_r = (enum format)i;
            return true;
        }
    }
    wrong("--format", "unknown format", "text, json or csv is wanted");
    return false;
}

static bool read_older(int64_t *sec_r, const char *text)
{
    *sec_r = config_duration(slice_from_string(text), 24 * 3600);
    if (*sec_r >= 0)
        return true;
    wrong("--older", "not a time span", "such as 14d or 12h is wanted");
    return false;
}

/* ---- options ---- */

static bool set_mode(struct options *options, bool *has_mode, enum mode mode,
                     const char *name)
{
    if (*has_mode && options->mode != mode) {
        wrong(name, "a second mode", "one thing at a time");
        return false;
    }
    *has_mode = true;
    options->mode = mode;
    return true;
}

/* The value of an option that means nothing when it is empty. */
static bool take_text(const char **text_r, const char *option,
                      const char *wanted)
{
    *text_r = optarg;
    if (optarg == NULL || optarg[0] != '\0')
        return true;
    wrong(option, wanted, NULL);
    return false;
}

/* The last of two would count, and more be taken than both allow. */
static bool take_once(const char **text_r, const char *option,
                      const char *wanted)
{
    if (*text_r == NULL)
        return take_text(text_r, option, wanted);
    wrong(option, "given twice", "one is wanted");
    return false;
}

static bool take_mode(struct options *options, bool *has_mode, int option)
{
    static const char run_wanted[] = "the name of a run is wanted";

    switch (option) {
    case OPT_LIST:
        return set_mode(options, has_mode, MODE_LIST, "--list");
    case OPT_EXPLAIN:
        return take_once(&options->id, "--explain", "an id is wanted") &&
               set_mode(options, has_mode, MODE_EXPLAIN, "--explain");
    case OPT_SHOW:
        return take_once(&options->id, "--show", "an id is wanted") &&
               set_mode(options, has_mode, MODE_SHOW, "--show");
    case OPT_PURGE_BOUNCES:
        return set_mode(options, has_mode, MODE_PURGE_BOUNCES,
                        "--purge-bounces");
    case OPT_PURGE:
        return set_mode(options, has_mode, MODE_PURGE_CLASS, "--purge") &&
               read_words(&options->purge_classes, optarg, "--purge");
    case OPT_APPLY:
        return take_once(&options->apply_file, "--apply",
                         "a plan file is wanted") &&
               set_mode(options, has_mode, MODE_APPLY, "--apply");
    case OPT_UNDO:
        return take_once(&options->run, "--undo", run_wanted) &&
               set_mode(options, has_mode, MODE_UNDO, "--undo");
    case OPT_EXPUNGE:
        return take_once(&options->run, "--expunge", run_wanted) &&
               set_mode(options, has_mode, MODE_EXPUNGE, "--expunge");
    case OPT_RUNS:
        return set_mode(options, has_mode, MODE_RUNS, "--runs");
    case OPT_LOGS:
        return set_mode(options, has_mode, MODE_LOGS, "--logs");
    case OPT_ATTACKERS:
        return set_mode(options, has_mode, MODE_ATTACKERS, "--attackers");
    default:
        return set_mode(options, has_mode, MODE_CHECK_RULES, "--check-rules");
    }
}

static bool take_ids(struct options *options, const char *text)
{
    if (strcmp(text, "-") == 0) {
        options->ids_from_stdin = true;
        return true;
    }
    return read_words(&options->ids, text, "--id");
}

static bool take_year(struct options *options)
{
    unsigned year;

    if (!read_count(&year, optarg, 1970, 9999, "--year"))
        return false;
    options->year = (int32_t)year;
    return true;
}

static bool take_option(struct options *options, int option)
{
    static const char file_wanted[] = "the name of a file is wanted";

    switch (option) {
    case OPT_RULES:
        return string_list_add(&options->rules, slice_from_string(optarg));
    case OPT_CLASS:
        return read_words(&options->classes, optarg, "--class");
    case OPT_WHERE:
        return take_once(&options->where, "--where", "a condition is wanted");
    case OPT_ID:
        return take_ids(options, optarg);
    case OPT_PLAN:
        return take_once(&options->plan_file, "--plan", file_wanted);
    case OPT_DELETE:
        options->is_delete = true;
        return true;
    case OPT_JOURNAL:
        return take_text(&options->journal_directory, "--journal",
                         "a directory is wanted");
    case OPT_NOW:
        return read_time(&options->now, optarg, "--now");
    case OPT_TOP:
        options->has_top = true;
        return read_count(&options->top, optarg, 0, 1000000, "--top");
    case OPT_PROGRESS:
        return read_when(&options->progress, optarg, "--progress");
    case OPT_COLOR:
        return read_when(&options->color, optarg, "--color");
    case OPT_NO_SYSLOG:
        options->no_syslog = true;
        return true;
    case OPT_OLDER:
        return read_older(&options->older_sec, optarg);
    case OPT_SINCE:
        return take_text(&options->since_text, "--since", "a time is wanted");
    case OPT_UNTIL:
        return take_text(&options->until_text, "--until", "a time is wanted");
    case OPT_YEAR:
        return take_year(options);
    case OPT_UTC:
        options->is_utc = true;
        return true;
    case 'C':
        return take_text(&options->config_file, "-C", file_wanted);
    case 'f':
        return read_format(&options->format, optarg);
    case 'j':
        return read_count(&options->workers, optarg, 1, WORKERS_MAX, "-j");
    case 'n':
        options->is_dry_run = true;
        return true;
    case 'o':
        return take_text(&options->output_file, "-o", file_wanted);
    case 'q':
        options->is_quiet = true;
        return true;
    case 'v':
        options->is_verbose = true;
        return true;
    default: /* 'y' */
        options->is_yes = true;
        return true;
    }
}

bool options_is_purge_mode(enum mode mode)
{
    return mode == MODE_PURGE_BOUNCES || mode == MODE_PURGE_CLASS ||
           mode == MODE_APPLY;
}

bool options_is_taking(const struct options *options)
{
    return options_is_purge_mode(options->mode) && !options->is_dry_run &&
           options->plan_file == NULL;
}

static bool is_log_mode(enum mode mode)
{
    return mode == MODE_LOGS || mode == MODE_ATTACKERS;
}

/* Whether --utc is given shows only when all options were read. */
static bool complete_window(struct options *options)
{
    options->since = INT64_MIN;
    options->until = INT64_MAX;
    if (options->since_text != NULL &&
        !read_moment(&options->since, options->since_text, "--since", options))
        return false;
    if (options->until_text != NULL &&
        !read_moment(&options->until, options->until_text, "--until", options))
        return false;
    if (options->since < options->until)
        return true;
    wrong("--since", "lies behind --until", NULL);
    return false;
}

/* What the queue's modes and those of the logs do not share. */
static bool check_log_options(const struct options *options)
{
    bool is_logs = is_log_mode(options->mode);
    const char *queue_option =
        options->classes.count > 0                          ? "--class"
        : options->where != NULL                            ? "--where"
        : options->ids.count > 0 || options->ids_from_stdin ? "--id"
        : options->journal_directory != NULL                ? "--journal"
                                                            : NULL;

    if (is_logs && queue_option != NULL) {
        wrong(queue_option, "goes with queues", "this mode reads maillogs");
        return false;
    }
    if (!is_logs &&
        (options->since_text != NULL || options->until_text != NULL ||
         options->year != 0 || options->is_utc)) {
        wrong(options->since_text != NULL   ? "--since"
              : options->until_text != NULL ? "--until"
              : options->year != 0          ? "--year"
                                            : "--utc",
              "goes with --logs and --attackers", NULL);
        return false;
    }
    if (!is_logs || options->queues.count > 0)
        return true;
    if (isatty(STDIN_FILENO)) {
        wrong(options->mode == MODE_LOGS ? "--logs" : "--attackers",
              "no log named", "name files, or pipe a log in");
        return false;
    }
    return true;
}

/* A row for each message; what --plan writes is for --apply, in its own
 * format, and an --apply has a result alone. */
static bool is_printing_plan(const struct options *options)
{
    return options_is_purge_mode(options->mode) &&
           options->mode != MODE_APPLY && options->is_dry_run &&
           options->plan_file == NULL;
}

/* Options that would silently mean nothing are refused, but for those that
 * may stand in an alias: what surrounds a run, and not what it does. */
static bool check_together(const struct options *options)
{
    enum mode mode = options->mode;
    bool is_purge = options_is_purge_mode(mode);
    bool is_run_mode =
        mode == MODE_UNDO || mode == MODE_EXPUNGE || mode == MODE_RUNS;
    bool is_narrowed = options->classes.count > 0 || options->ids.count > 0 ||
                       options->ids_from_stdin || options->where != NULL;

    if ((options->is_delete || options->plan_file != NULL) && !is_purge) {
        wrong(options->is_delete ? "--delete" : "--plan", "needs a purge mode",
              NULL);
        return false;
    }
    if (options->plan_file != NULL && mode == MODE_APPLY) {
        wrong("--plan", "cannot be written while a plan is applied", NULL);
        return false;
    }
    if (options->plan_file != NULL && options->output_file != NULL) {
        wrong("-o", "--plan names its file itself", NULL);
        return false;
    }
    if (options->is_dry_run && !is_purge && mode != MODE_UNDO &&
        mode != MODE_EXPUNGE) {
        wrong("--dry-run", "this mode changes nothing anyway", NULL);
        return false;
    }
    if (options->has_top && mode != MODE_SUMMARY && mode != MODE_LOGS) {
        wrong("--top", "goes with a summary", "other modes have no tables");
        return false;
    }
    if (options->is_yes && !is_purge && mode != MODE_UNDO &&
        mode != MODE_EXPUNGE) {
        wrong("--yes", "this mode asks nothing", NULL);
        return false;
    }
    if (options->journal_directory != NULL && mode == MODE_CHECK_RULES) {
        wrong("--journal", "this mode looks at no queue", NULL);
        return false;
    }
    if (options->queues.count > 0 && mode == MODE_CHECK_RULES) {
        wrong(options->queues.strings[0], "--check-rules looks at no queue",
              "a rule file is named with --rules=");
        return false;
    }
    if (options->older_sec >= 0 && mode != MODE_EXPUNGE && mode != MODE_RUNS) {
        wrong("--older", "goes with --expunge and --runs", NULL);
        return false;
    }
    if (mode == MODE_APPLY && (is_narrowed || options->is_delete)) {
        wrong("--apply", "does exactly what its plan says",
              "--class, --where, --id and --delete belong to the plan");
        return false;
    }
    if (is_narrowed && (is_run_mode || mode == MODE_CHECK_RULES ||
                        mode == MODE_EXPLAIN || mode == MODE_SHOW)) {
        wrong("--class, --where, --id", "this mode takes no selection", NULL);
        return false;
    }
    if (options->format == FORMAT_CSV && mode != MODE_LIST &&
        !is_log_mode(mode) && !is_printing_plan(options)) {
        wrong("--format=csv", "this mode has no such format",
              "it goes with --list, a purge's --dry-run, --logs and "
              "--attackers");
        return false;
    }
    if (options->format == FORMAT_JSON &&
        (mode == MODE_SHOW || mode == MODE_CHECK_RULES)) {
        wrong("--format=json", "this mode has no such format", NULL);
        return false;
    }
    return true;
}

/* Those that this process may run on: a container has fewer than its host. */
static long count_processors(void)
{
    cpu_set_t allowed;

    return sched_getaffinity(0, sizeof(allowed), &allowed) == 0
               ? CPU_COUNT(&allowed)
               : sysconf(_SC_NPROCESSORS_ONLN);
}

static void set_defaults(struct options *options)
{
    long processors = count_processors();

    *options = (struct options){.now = -1, .older_sec = -1, .top = 10};
    options->workers = processors < 1             ? 1
                       : processors > WORKERS_MAX ? WORKERS_MAX
                                                  : (unsigned)processors;
}

/* outcome: what getopt_long returned, with optopt as it set it. */
static void complain_option(char **argv, int outcome)
{
    const char *given = argv[optind - 1];
    char letter[3] = {'-', (char)optopt, '\0'};
    bool is_letter = optopt > 0 && optopt < 256;

    if (is_letter && strchr(short_options, optopt) == NULL)
        wrong(letter, "unknown option", NULL);
    else if (outcome == ':')
        wrong(is_letter && strncmp(given, "--", 2) != 0 ? letter : given,
              "its value is missing", NULL);
    else
        wrong(given, optopt == 0 ? "unknown option" : "takes no value", NULL);
}

/* Abbreviations would turn a word of a later version (--check) into another
 * one of today (--check-rules): names count only in full. */
static bool is_in_full(char **argv, int index)
{
    const char *given = argv[optind - 1];
    size_t len = strlen(long_options[index].name);

    if (optarg == given && optarg != NULL)
        given = argv[optind - 2];
    return strncmp(given, "--", 2) == 0 &&
           strncmp(given + 2, long_options[index].name, len) == 0 &&
           (given[len + 2] == '\0' || given[len + 2] == '=');
}

enum options_outcome options_read(struct options *options, int argc,
                                  char **argv)
{
    bool has_mode = false;
    int option, index = -1;

    set_defaults(options);
    opterr = 0;
    optind = 0; /* forgets what an earlier call left behind (GNU) */
    while ((option = getopt_long(argc, argv, short_options, long_options,
                                 &index)) != -1) {
        bool is_good;

        if (index >= 0 && option != '?' && option != ':' &&
            !is_in_full(argv, index)) {
            optopt = 0;
            complain_option(argv, '?');
            return OPTIONS_WRONG;
        }
        index = -1;
        if (option == 'h')
            return OPTIONS_HELP;
        if (option == OPT_VERSION)
            return OPTIONS_VERSION;
        if (option == '?' || option == ':') {
            complain_option(argv, option);
            return OPTIONS_WRONG;
        }
        if ((option >= OPT_LIST && option <= OPT_ATTACKERS) ||
            option == OPT_APPLY)
            is_good = take_mode(options, &has_mode, option);
        else
            is_good = take_option(options, option);
        if (!is_good)
            return OPTIONS_WRONG;
    }
    for (; optind < argc; optind++)
        string_list_add(&options->queues, slice_from_string(argv[optind]));
    return check_together(options) && check_log_options(options) &&
                   complete_window(options)
               ? OPTIONS_RUN
               : OPTIONS_WRONG;
}

void options_free(struct options *options)
{
    string_list_free(&options->purge_classes);
    string_list_free(&options->rules);
    string_list_free(&options->queues);
    string_list_free(&options->classes);
    string_list_free(&options->ids);
}

void options_print_help(void)
{
    fputs(
        "Usage: qscan [MODE] [OPTION]... [QUEUE]...\n"
        "       qscan --logs [OPTION]... [FILE]...\n"
        "\n"
        "Judges the messages of a sendmail queue by rules; takes away,\n"
        "undoably, bounces that no host will ever accept. QUEUE is a\n"
        "directory, or a wildcard as sendmail writes it ('/q/d*'); without\n"
        "one, the queues of sendmail.cf, else /var/spool/mqueue. Or reads\n"
        "maillogs, plain or compressed: FILE, or standard input.\n"
        "\n"
        "Looking; nothing is changed:\n"
        "  (no mode)            summary: what is wrong, what to type next\n"
        "  --list               one message a line\n"
        "  --explain=ID         why this message has its class\n"
        "  --show=ID            envelope, headers, 100 lines of the body\n"
        "  --check-rules        load the rules, run their samples; no queue\n"
        "Acting:\n"
        "  --purge-bounces      take what a rule with \"purge yes\" gives\n"
        "  --purge=CLASS[,...]  take the messages of these classes\n"
        "  --apply=FILE         take exactly the messages of a plan\n"
        "  --undo[=RUN]         put back what a run took (the latest)\n"
        "  --expunge[=RUN]      remove for good what a run holds\n"
        "  --runs               list the runs: when, state, how many, size\n"
        "Maillogs:\n"
        "  --logs               summary: attacks, mail, troubles; to be "
        "mailed\n"
        "  --attackers          only the sources that the rules call hostile\n"
        "  --since=TIME         only lines from then on; 2026-11-22T17:52,\n"
        "  --until=TIME         ... before then; today, yesterday, 24h, 7d\n"
        "  --year=YEAR          in which stamps without a year begin\n"
        "  --utc                stamps without a zone, and the report, are "
        "UTC\n"
        "Which messages (of the summary, --list and the purges):\n"
        "  --class=CLASS[,...]  only these classes\n"
        "  --where='CONDITION'  only where this holds; qscan.rules(5)\n"
        "  --id=ID[,...]        only these; --id=- reads standard input\n"
        "How to act:\n"
        "  -n, --dry-run        print the plan; change nothing\n"
        "  -y, --yes            do not ask\n"
        "  --plan=FILE          write the plan for --apply and stop\n"
        "  --delete             remove at once, do not hold: no undo\n"
        "  --journal=DIR        keep the journal there (a full disk)\n"
        "  --older=AGE          only runs older than this, such as 14d\n"
        "  --no-syslog          do not log what was taken\n"
        "Output:\n"
        "  -f, --format=FORMAT  text, json or csv\n"
        "  -o FILE              write there, all or nothing\n"
        "  --top=N              rows in a table of a summary (10); 0: all\n"
        "  --progress=WHEN      auto, always or never\n"
        "  --color=WHEN         of the summary: auto, always or never\n"
        "  -q, --quiet          no warnings, only failures\n"
        "  -v, --verbose        how long each phase took\n"
        "Other:\n"
        "  --rules=PATH         these rules (file or folder), no others; may\n"
        "                       be repeated, the first that matches decides\n"
        "  -C FILE              this sendmail.cf\n"
        "  --now=TIME           as of then: ages, and what --since=24h means\n"
        "  -j N                 threads (as many as processors)\n"
        "  -h, --help           this\n"
        "  --version            version, libraries, what is built in\n"
        "\n"
        "Exit status: 0 done; 1 done, but what is named above failed;\n"
        "2 nothing done; 130, 143 interrupted. More: man qscan\n",
        stdout);
}
