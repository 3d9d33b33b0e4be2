#include "qscan/logsummary_part.h"

#include "qscan/attackers.h"

enum {
    FILES_NAMED_MAX = 10, /* in a command */
    WORD_MAX = 66,        /* a longer one is not put into a command */
};

struct command {
    struct buffer *out;
    size_t used;
};

static void add_command_word(struct command *command, const char *option,
                             struct slice value)
{
    struct buffer word = {.is_ascii = true};

    buffer_add_string(&word, option);
    if (!slice_is_absent(value))
        buffer_add_shell_word(&word, value);
    if (command->used > 0 &&
        command->used + 1 + word.len > REPORT_COLUMNS - 2) {
        buffer_add_string(command->out, " \\\n      ");
        command->used = 6;
    } else {
        buffer_add_string(command->out, command->used == 0 ? "    " : " ");
        command->used += command->used == 0 ? 4 : 1;
    }
    buffer_add(command->out, slice_make(word.bytes, word.len));
    command->used += word.len;
    buffer_free(&word);
}

/* Whether a command can name all files, and still be read. */
static bool can_name_files(const struct string_list *files)
{
    for (size_t i = 0; i < files->count; i++) {
        struct buffer word = {.is_ascii = true};
        bool is_long;

        buffer_add_shell_word(&word, slice_from_string(files->strings[i]));
        is_long = word.len > WORD_MAX;
        buffer_free(&word);
        if (is_long)
            return false;
    }
    return files->count <= FILES_NAMED_MAX;
}

/* What is too long for a line is left to be put in, not left out. */
static void add_option(struct command *command, const char *option,
                       const char *value)
{
    if (value != NULL)
        add_command_word(command, option,
                         strlen(value) <= WORD_MAX / 2
                             ? slice_from_string(value)
                             : SLICE_LITERAL("..."));
}

static void add_file_word(struct command *command, const char *path)
{
    add_command_word(command, report_path_guard(path), slice_from_string(path));
}

static void add_command(struct logsummary *summary, const char *about,
                        const char *mode, const char *more)
{
    const struct options *options = summary->options;
    struct command command = {.out = &summary->out};
    struct slice none = {NULL, 0};

    buffer_printf(&summary->out, "  %s:\n", about);
    add_command_word(&command, "qscan", none);
    add_command_word(&command, mode, none);
    add_command_word(&command, more, none);
    for (size_t i = 0; i < options->rules.count; i++)
        add_option(&command, "--rules=", options->rules.strings[i]);
    add_option(&command, "-C ", options->config_file);
    add_option(&command, "--since=", options->since_text);
    add_option(&command, "--until=", options->until_text);
    if (options->now >= 0) {
        char now[40];

        snprintf(now, sizeof(now), "--now=%lld", (long long)options->now);
        add_command_word(&command, now, none);
    }
    if (options->year != 0) {
        char year[24];

        snprintf(year, sizeof(year), "--year=%d", (int)options->year);
        add_command_word(&command, year, none);
    }
    if (options->is_utc)
        add_command_word(&command, "--utc", none);
    if (!can_name_files(&options->queues))
        add_command_word(&command, "FILE...", none);
    else
        for (size_t i = 0; i < options->queues.count; i++)
            add_file_word(&command, options->queues.strings[i]);
    buffer_add_string(&summary->out, "\n");
}

static const char *grep_for(enum input_log_format format)
{
    switch (format) {
    case LOG_GZIP:
        return "zgrep";
    case LOG_BZIP2:
        return "bzgrep";
    case LOG_XZ:
        return "xzgrep";
    case LOG_ZSTD:
        return "zstdgrep";
    case LOG_LZ4: /* there is none */
        return NULL;
    case LOG_PLAIN:
        break;
    }
    return "grep";
}

/* As sendmail writes the address: [192.0.2.1], [IPv6:...] never shortened. Of
 * IPv6 the evidence line has the words. */
static void add_grep(struct logsummary *summary)
{
    const struct logread *logs = summary->logs;
    const struct sources *sources = &logs->sources;

    for (size_t i = 0; i < summary->shown.count; i++) {
        const struct attacker *attacker =
            &sources->attackers[summary->shown.items[i]];
        const struct evidence *evidence = attacker_evidence(logs, attacker);
        const struct source *source = &sources->items[attacker->source];
        struct command command = {.out = &summary->out};
        const struct log_file *file;
        char text[ADDRESS_IP_TEXT_MAX + 2] = "[";
        size_t len;

        if (attacker->source == 0 || evidence == NULL ||
            evidence->file >= logs->set->count || !ip_is_v4(&source->ip))
            continue;
        file = &logs->set->files[evidence->file];
        if (strlen(file->path) > WORD_MAX || grep_for(file->format) == NULL)
            continue;
        len = ip_format(&source->ip, text + 1);
        memcpy(text + 1 + len, "]", 2);
        buffer_add_string(&summary->out,
                          "  What one of them did, in the log itself:\n");
        add_command_word(&command, grep_for(file->format),
                         (struct slice){NULL, 0});
        add_command_word(&command, "-F", (struct slice){NULL, 0});
        add_command_word(&command, "", slice_make(text, len + 2));
        add_file_word(&command, file->path);
        buffer_add_string(&summary->out, "\n");
        return;
    }
}

/* By name, too: from <(zcat ...) bash makes /dev/fd/63. */
static bool reads_pipe(const struct logsummary *summary)
{
    const struct log_set *set = summary->logs->set;

    for (size_t i = 0; i < set->count; i++)
        if (set->files[i].is_pipe)
            return true;
    return false;
}

void logsummary_add_next(struct logsummary *summary)
{
    /* What came from a pipe is gone. */
    if (reads_pipe(summary))
        return;
    logsummary_heading(summary, "WHAT TO TYPE NEXT", false);
    if (summary->logs->sources.attacker_count > 0) {
        add_command(summary, "All hostile sources, one JSON object a line",
                    "--attackers", "--format=json");
        add_grep(summary);
    }
    if (summary->options->top != 0)
        add_command(summary, "All rows of all tables", "--logs", "--top=0");
    add_command(summary, "For a program", "--logs", "--format=json");
}
