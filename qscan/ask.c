#include "qscan/ask.h"

#include <ctype.h>
#include <stdio.h>
#include <unistd.h>

#include "qscan/report.h"

/* Where the answer comes from, or NULL when nobody is there. What ids were
 * read from has ended. */
static FILE *open_answers(const struct options *options)
{
    if (isatty(STDIN_FILENO)) {
        clearerr(stdin);
        return stdin;
    }
    return options->ids_from_stdin && isatty(STDERR_FILENO)
               ? fopen("/dev/tty", "re")
               : NULL;
}

/* "take 2 messages" becomes "Take 2 messages? [y/N] ", in lines. */
static void print_question(const char *what)
{
    struct buffer text = {0}, lines = {0};

    buffer_printf(&text, "%c%s? [y/N]", toupper((unsigned char)what[0]),
                  what + 1);
    report_add_filled(&lines, 0, 2, slice_make(text.bytes, text.len));
    fprintf(stderr, "%.*s ", (int)lines.len, lines.bytes);
    fflush(stderr);
    buffer_free(&text);
    buffer_free(&lines);
}

static bool is_confirmed(FILE *from, const char *what)
{
    char answer[16];
    bool has_answer;

    print_question(what);
    has_answer = fgets(answer, sizeof(answer), from) != NULL;
    if (!has_answer)
        fputc('\n', stderr);
    return has_answer && (answer[0] == 'y' || answer[0] == 'Y');
}

/* The option that nobody may give unasked. */
static const char *option_to_confirm(const struct options *options)
{
    switch (options->mode) {
    case MODE_UNDO:
        return "--undo";
    case MODE_EXPUNGE:
        return "--expunge";
    case MODE_APPLY:
        return "--apply";
    default:
        return options->is_delete ? "--delete" : "--purge";
    }
}

static void complain_unconfirmed(const struct options *options,
                                 struct complaints *complaints,
                                 const char *what)
{
    struct buffer why = {0};

    buffer_printf(&why, "it would %s", what);
    buffer_add(&why, slice_make("", 1));
    complain(complaints, slice_from_string(option_to_confirm(options)),
             "needs --yes without a terminal", why.bytes, "nothing done");
    buffer_free(&why);
}

bool ask_confirm(const struct options *options, struct complaints *complaints,
                 const char *what, bool needs_yes)
{
    FILE *from;
    bool is_yes;

    if (options->is_yes)
        return true;
    from = open_answers(options);
    if (from == NULL) {
        if (!needs_yes)
            return true;
        complain_unconfirmed(options, complaints, what);
        return false;
    }
    is_yes = is_confirmed(from, what);
    if (from != stdin)
        fclose(from);
    if (is_yes)
        return true;
    fputs("qscan: not confirmed; nothing done\n", stderr);
    return false;
}
