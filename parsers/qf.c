#include "parsers/qf.h"

#include <assert.h>
#include <stdlib.h>

#include "parsers/array.h"
#include "parsers/bytes.h"

enum { LAST_LENIENT_VERSION = 7 };

/* What readqf carries from line to line beside the envelope itself. */
struct reader {
    struct qf *qf;
    struct slice user;                    /* C: in force until the next C */
    struct slice status, original, final; /* M, Q, r: for the next R only */
    bool has_nul;                         /* somewhere in the file */
    bool has_sender;
    bool is_complete; /* the final dot was seen */
};

void qf_init(struct qf *qf)
{
    assert(qf != NULL);
    memset(qf, 0, sizeof(*qf));
}

void qf_free(struct qf *qf)
{
    free(qf->recipients);
    free(qf->headers);
    qf_init(qf);
}

/* Everything but the arrays; macros beyond macro_count are never read. */
static void qf_reset(struct qf *qf)
{
    bytes_clear(qf, offsetof(struct qf, macros));
    qf->macro_count = 0;
    qf->recipient_count = 0;
    qf->header_count = 0;
    qf->line = 0;
}

/* sendmail reads these with atol; a value that atol would have to guess at
 * means that somebody else wrote the file. */
static enum qf_outcome take_number(struct slice value, int64_t *number_r)
{
    return slice_to_integer(value, number_r) ? QF_OK : QF_BAD_NUMBER;
}

/* Times and counts; only a priority may be negative. */
static enum qf_outcome take_count(struct slice value, int64_t *number_r)
{
    int64_t number;

    if (!slice_to_integer(value, &number) || number < 0)
        return QF_BAD_NUMBER;
    *number_r = number;
    return QF_OK;
}

static enum qf_outcome take_version(struct qf *qf, struct slice value)
{
    enum qf_outcome outcome = take_count(value, &qf->version);

    if (outcome == QF_OK && qf->version > QF_VERSION_MAX)
        return QF_BAD_VERSION;
    return outcome;
}

static enum qf_outcome take_body_type(struct qf *qf, struct slice value)
{
    qf->body_type = value;
    return slice_equal_nocase(value, SLICE_LITERAL("7BIT")) ||
                   slice_equal_nocase(value, SLICE_LITERAL("8BITMIME"))
               ? QF_OK
               : QF_BAD_LINE;
}

/* A mail folder's "From " line in a queue file is an attack (readqf). */
static enum qf_outcome take_flags(struct qf *qf, struct slice value)
{
    if (slice_starts(value, SLICE_LITERAL("rom ")))
        return QF_BAD_LINE;
    qf->flags = value;
    return QF_OK;
}

/* A name without its closing brace defines nothing (macro.c: macid_parse). */
static void take_macro(struct qf *qf, struct slice value)
{
    size_t name_bytes = 1;

    if (value.len == 0 || qf->macro_count == QF_MACROS_MAX)
        return;
    if (value.ptr[0] == '{') {
        name_bytes = slice_index(value, '}') + 1;
        if (name_bytes > value.len)
            return;
    }
    qf->macros[qf->macro_count++] = (struct qf_macro){
        .name = slice_head(value, name_bytes),
        .value = slice_skip(value, name_bytes),
    };
}

/* "!": a bit mask as one raw byte, a space, seconds. */
static enum qf_outcome take_deliver_by(struct qf *qf, struct slice value)
{
    if (value.len < 3 || value.ptr[1] != ' ')
        return QF_BAD_NUMBER;
    return take_number(slice_skip(value, 2), &qf->deliver_by);
}

/* The first M above the sender is the envelope's; below it each M describes
 * the recipient that follows. */
static void take_status(struct reader *reader, struct slice value)
{
    struct qf *qf = reader->qf;

    if (reader->has_sender || qf->recipient_count > 0)
        reader->status = value;
    else if (slice_is_absent(qf->status))
        qf->status = value;
}

static enum qf_outcome take_recipient(struct reader *reader, struct slice value,
                                      uint32_t line)
{
    struct qf *qf = reader->qf;
    struct slice flags = {NULL, 0};
    struct qf_recipient *recipients;

    if (qf->version >= 1) {
        size_t colon = slice_index(value, ':');

        flags = slice_head(value, colon);
        value = slice_skip(value, colon + 1);
    }
    if (value.len == 0)
        return QF_BAD_LINE;
    if (qf->recipient_count == QF_RECIPIENTS_MAX)
        return QF_TOO_MANY;
    recipients = array_with_room(qf->recipients, qf->recipient_count,
                                 &qf->recipient_capacity, sizeof(*recipients));
    if (recipients == NULL)
        return QF_NO_MEMORY;
    qf->recipients = recipients;
    qf->recipients[qf->recipient_count++] = (struct qf_recipient){
        .address = value,
        .flags = flags,
        .status = reader->status,
        .user = reader->user,
        .original = reader->original,
        .final = reader->final,
        .line = line,
    };
    reader->status = reader->original = reader->final = (struct slice){NULL, 0};
    return QF_OK;
}

/* Bytes above ' ' make a name, but for ':' and DEL. */
static inline bytes16 mark_header_name_end(bytes16 c)
{
    return (bytes16)((c <= ' ') | (c == ':') | (c == 0x7f));
}

/* Splits "?flags?Name:value"; false when there is no name or no colon. */
static bool split_header(struct slice text, struct qf_header *header_r)
{
    const char *at, *end;

    header_r->flags = (struct slice){NULL, 0};
    if (text.len > 0 && text.ptr[0] == '?') {
        size_t close = 1; /* near: there is one flag or none */

        while (close < text.len && text.ptr[close] != '?')
            close++;
        header_r->flags = slice_make(text.ptr + 1, close - 1);
        text = slice_skip(text, close + 1);
    }
    end = text.ptr + text.len;
    header_r->name = slice_head(text, bytes_find(text, mark_header_name_end));
    at = text.ptr + header_r->name.len;
    while (at < end && byte_is_blank(*at))
        at++;
    if (header_r->name.len == 0 || at == end || *at != ':')
        return false;
    header_r->value = slice_trim(slice_make(at + 1, (size_t)(end - at - 1)));
    return true;
}

/* chompheader complains of a line without colon and goes on; so do we. */
static enum qf_outcome take_header(struct qf *qf, struct slice text,
                                   uint32_t line)
{
    struct qf_header header, *headers;

    if (!split_header(text, &header))
        return QF_OK;
    if (qf->header_count == QF_HEADERS_MAX)
        return QF_TOO_MANY;
    headers = array_with_room(qf->headers, qf->header_count,
                              &qf->header_capacity, sizeof(*headers));
    if (headers == NULL)
        return QF_NO_MEMORY;
    qf->headers = headers;
    header.line = line;
    qf->headers[qf->header_count++] = header;
    return QF_OK;
}

/* One line with its continuations: the switch of readqf. */
static enum qf_outcome take_line(struct reader *reader, struct slice text,
                                 uint32_t line)
{
    struct qf *qf = reader->qf;
    struct slice value = slice_skip(text, 1);

    if (text.len == 0)
        return QF_BAD_LINE;
    if (text.ptr[0] == 'H')
        return take_header(qf, value, line);
    if (reader->has_nul && slice_index(text, '\0') < text.len)
        return QF_NUL;
    switch (text.ptr[0]) {
    case 'V':
        return take_version(qf, value);
    case 'T':
        qf->has_created = true;
        return take_count(value, &qf->created);
    case 'K':
        qf->has_last_attempt = true;
        return take_count(value, &qf->last_attempt);
    case 'N':
        qf->has_tries = true;
        return take_count(value, &qf->tries);
    case 'P':
        qf->has_priority = true;
        return take_number(value, &qf->priority);
    case 'd':
        qf->data_dir = value;
        return QF_OK;
    case 'I':
        qf->inode = value;
        return QF_OK;
    case 'B':
        return take_body_type(qf, value);
    case 'q':
        qf->quarantine = value;
        return QF_OK;
    case 'M':
        take_status(reader, value);
        return QF_OK;
    case 'F':
        return take_flags(qf, value);
    case '$':
        take_macro(qf, value);
        return QF_OK;
    case 'S':
        qf->sender = value;
        reader->has_sender = true;
        return QF_OK;
    case 'Z':
        qf->envelope_id = value;
        return QF_OK;
    case 'A':
        qf->auth = value;
        return QF_OK;
    case '!':
        return take_deliver_by(qf, value);
    case 'C':
        reader->user = value.len == 0 ? (struct slice){NULL, 0} : value;
        return QF_OK;
    case 'Q':
        reader->original = value;
        return QF_OK;
    case 'r':
        reader->final = value;
        return QF_OK;
    case 'R':
        return take_recipient(reader, value, line);
    case '.':
        reader->is_complete = true;
        return value.len == 0 ? QF_OK : QF_BAD_LINE;
    case 'D':
    case 'E':
    case 'L':
        return QF_OK;
    case 'G':
    case 'X':
    case 'Y':
        /* experimental builds of 8.10 to 8.12 alone wrote them */
        return qf->version <= LAST_LENIENT_VERSION ? QF_OK : QF_BAD_LINE;
    default:
        return QF_BAD_LINE;
    }
}

/*
 * The last line, when no newline ends it. Only the final dot counts without
 * one; of anything else more may be to come, so its value is not believed.
 */
static enum qf_outcome take_unfinished(struct reader *reader, struct slice text)
{
    if (slice_equal(text, SLICE_LITERAL("."))) {
        reader->is_complete = true;
        return QF_OK;
    }
    /* sendmail writes no NUL, so waiting for more is in vain */
    if (reader->has_nul && text.ptr[0] != 'H' &&
        slice_index(text, '\0') < text.len)
        return QF_NUL;
    return QF_TRUNCATED;
}

/* What is wrong with a file all of whose lines are right. */
static enum qf_outcome judge_whole(const struct reader *reader)
{
    if (!reader->is_complete)
        return QF_TRUNCATED;
    if (!reader->has_sender)
        return QF_NO_SENDER;
    if (reader->qf->recipient_count == 0)
        return QF_NO_RECIPIENT;
    return QF_OK;
}

/* End of the line at start: its newline, or NULL when none ends it. Moves
 * *line_count on by the newlines passed, continuations included. */
static const char *line_end(const char *start, const char *end,
                            uint32_t *line_count)
{
    const char *newline = bytes_find_near(start, end, '\n');

    while (newline != NULL) {
        ++*line_count;
        if (newline + 1 == end || !byte_is_blank(newline[1]))
            break;
        newline = bytes_find_near(newline + 1, end, '\n');
    }
    return newline;
}

enum qf_outcome qf_parse(struct qf *qf, struct slice text)
{
    struct reader reader = {.qf = qf};
    const char *at = text.ptr;
    const char *end;
    uint32_t line_count = 0;
    enum qf_outcome outcome;

    assert(qf != NULL);
    qf_reset(qf);
    if (text.len == 0)
        return QF_EMPTY;
    end = text.ptr + text.len;
    reader.has_nul = memchr(text.ptr, '\0', text.len) != NULL;
    while (at < end) {
        uint32_t first_line = line_count + 1;
        const char *newline = line_end(at, end, &line_count);
        struct slice line;

        qf->line = first_line;
        if (reader.is_complete)
            return QF_TRAILING;
        if (newline == NULL) {
            outcome =
                take_unfinished(&reader, slice_make(at, (size_t)(end - at)));
            if (outcome != QF_OK)
                return outcome;
            break;
        }
        line = slice_make(at, (size_t)(newline - at));
        if (line.len > 0 && line.ptr[line.len - 1] == '\r')
            line.len--;
        outcome = take_line(&reader, line, first_line);
        if (outcome != QF_OK)
            return outcome;
        at = newline + 1;
    }
    return judge_whole(&reader);
}

const char *qf_outcome_text(enum qf_outcome outcome)
{
    switch (outcome) {
    case QF_OK:
        return "complete";
    case QF_EMPTY:
        return "empty";
    case QF_TRUNCATED:
        return "no final dot";
    case QF_BAD_LINE:
        return "bad line";
    case QF_BAD_VERSION:
        return "version of a later sendmail";
    case QF_BAD_NUMBER:
        return "not a number";
    case QF_TRAILING:
        return "data after the final dot";
    case QF_NUL:
        return "NUL byte";
    case QF_NO_SENDER:
        return "no sender";
    case QF_NO_RECIPIENT:
        return "no recipient";
    case QF_TOO_MANY:
        return "too many lines of one kind";
    case QF_NO_MEMORY:
        return "out of memory";
    }
    return "unknown outcome";
}

bool qf_has_flag(const struct qf *qf, char flag)
{
    return slice_index(qf->flags, flag) < qf->flags.len;
}

struct slice qf_macro_value(const struct qf *qf, struct slice name)
{
    for (size_t i = qf->macro_count; i-- > 0;)
        if (slice_equal(qf->macros[i].name, name))
            return qf->macros[i].value;
    return (struct slice){NULL, 0};
}

const struct qf_header *qf_header_find(const struct qf *qf, struct slice name,
                                       size_t *index)
{
    for (size_t i = *index; i < qf->header_count; i++) {
        if (slice_equal_nocase(qf->headers[i].name, name)) {
            *index = i + 1;
            return &qf->headers[i];
        }
    }
    *index = qf->header_count;
    return NULL;
}
