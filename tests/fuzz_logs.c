/*
 * The bytes are a maillog: each line becomes a record, is joined, and the
 * sources are judged by a small set of rules. What is printed of them has no
 * control byte, whoever wrote the log, and no line wider than a terminal.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "qscan/attackers.h"
#include "qscan/logsummary.h"

enum { COLUMNS_MAX = 80 };

static const char rules_text[] =
    "event unknown-user\n"
    "        line    reply, ruleset, to\n"
    "        any     reason ~ /unknown/ | status ~ /^User unknown/\n"
    "event login\n"
    "        line    auth\n"
    "        when    text ~ /./\n"
    "rule one\n"
    "        on      source\n"
    "        kind    dictionary-attack\n"
    "        count   of unknown-user, login by source >= 1 in 1h\n"
    "rule network\n"
    "        on      source\n"
    "        kind    dictionary-network\n"
    "        count   distinct recipient of unknown-user by source/24 >= 1 in "
    "1h\n"
    "rule crowd\n"
    "        on      source\n"
    "        kind    botnet\n"
    "        count   distinct source of unknown-user by domain >= 1 in 1h\n";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool is_true)
{
    if (!is_true)
        abort();
}

static struct rules *the_rules(void)
{
    static struct rules *rules;
    struct rules_file file = {"fuzz", SLICE_LITERAL(rules_text)};

    if (rules == NULL)
        rules = rules_compile(&file, 1, NULL, 0, NULL, NULL, NULL);
    must(rules != NULL);
    return rules;
}

/* In columns, not bytes: what stays of UTF-8 is printable. */
static void must_be_safe(const char *text, size_t len, bool is_table)
{
    size_t column = 0;

    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];

        must(c == '\n' || (c >= ' ' && c != 0x7f));
        column = c == '\n' ? 0 : column + ((c & 0xc0) != 0x80);
        must(!is_table || column <= COLUMNS_MAX);
    }
}

static void print(struct logread *logs, struct complaints *complaints,
                  enum mode mode, enum format format)
{
    struct options options = {.mode = mode,
                              .format = format,
                              .color = PROGRESS_NEVER,
                              .top = 10,
                              .now = 0,
                              .since = INT64_MIN,
                              .until = INT64_MAX,
                              .is_utc = true};
    struct output output = {.complaints = complaints};
    char *text = NULL;
    size_t len = 0;

    output.file = open_memstream(&text, &len);
    must(output.file != NULL);
    must(mode == MODE_LOGS ? logsummary_print(&options, logs, &output)
                           : attackers_print(&options, logs, &output));
    fclose(output.file);
    must_be_safe(text, len, format == FORMAT_TEXT);
    free(text);
}

static void read_lines(struct logread *logs, struct slice rest,
                       struct record_maker *maker,
                       struct record_scratch *scratch)
{
    const struct log_epoch near = {2026, 11};
    struct slice line;
    uint64_t number = 0;

    while (slice_next_line(&rest, &line)) {
        struct record_line parsed;
        struct record record;

        number++;
        record_parse(maker, line, &parsed);
        if (record_make(maker, &parsed, &near, scratch, &record) == RECORD_MADE)
            join_add(&logs->join, &record, 0, number);
    }
    join_finish(&logs->join);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint64_t key[2] = {UINT64_C(0x8f3a6c5e91d27b04),
                                    UINT64_C(0x2be19407c6d85af3)};
    static char name[] = "log";
    struct log_file file = {.path = name, .has_stamp = true, .year = 2026};
    struct log_set set = {.files = &file, .count = 1, .is_utc = true};
    struct complaints complaints;
    struct record_scratch scratch = {0};
    struct record_maker maker;
    struct logread logs = {.set = &set,
                           .rules = the_rules(),
                           .workers = 1,
                           .since = INT64_MIN,
                           .until = INT64_MAX,
                           .complaints = &complaints};

    complaints_init(&complaints, true);
    logtally_init(&logs.tally);
    must(record_maker_init(&maker, logs.rules, key, true));
    must(sources_init(&logs.sources, logs.rules, key));
    must(join_init(&logs.join, &logs.sources, key));
    read_lines(&logs, slice_make((const char *)data, size), &maker, &scratch);
    must(sources_judge(&logs.sources, 1));
    logtally_merge(&logs.tally, &maker.tally);
    for (enum format format = FORMAT_TEXT; format <= FORMAT_CSV; format++) {
        print(&logs, &complaints, MODE_ATTACKERS, format);
        print(&logs, &complaints, MODE_LOGS, format);
    }
    record_scratch_free(&scratch);
    record_maker_free(&maker);
    logread_free(&logs);
    return 0;
}
