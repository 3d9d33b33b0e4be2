/*
 * Delivery reports: what own and foreign ones have in common.
 */
#include "parsers/dsn.h"

#include <assert.h>
#include <stdlib.h>

#include "parsers/array.h"
#include "parsers/bytes.h"
#include "parsers/dsn_part.h"
#include "parsers/header.h"

void dsn_init(struct dsn *dsn)
{
    bytes_clear(dsn, sizeof *dsn);
}

void dsn_free(struct dsn *dsn)
{
    free(dsn->recipients);
    dsn_init(dsn);
}

void dsn_reset(struct dsn *dsn)
{
    struct dsn_recipient *recipients = dsn->recipients;
    size_t capacity = dsn->recipient_capacity;

    dsn_init(dsn);
    dsn->recipients = recipients;
    dsn->recipient_capacity = capacity;
}

enum dsn_outcome dsn_add_recipient(struct dsn *dsn,
                                   const struct dsn_recipient *recipient)
{
    struct dsn_recipient *recipients;

    if (dsn->recipient_count == DSN_RECIPIENTS_MAX)
        return DSN_TOO_MANY;
    recipients = array_with_room(dsn->recipients, dsn->recipient_count,
                                 &dsn->recipient_capacity, sizeof *recipients);
    if (recipients == NULL)
        return DSN_NO_MEMORY;
    dsn->recipients = recipients;
    dsn->recipients[dsn->recipient_count++] = *recipient;
    return DSN_OK;
}

bool dsn_has_failed(const struct dsn_recipient *recipient)
{
    return slice_equal_nocase(recipient->action, SLICE_LITERAL("failed"));
}

const char *dsn_kind_text(enum dsn_kind kind)
{
    switch (kind) {
    case DSN_NONE:
        return "none";
    case DSN_FAILURE:
        return "failure";
    case DSN_WARNING:
        return "warning";
    case DSN_RECEIPT:
        return "receipt";
    case DSN_POSTMASTER:
        return "postmaster";
    case DSN_OTHER:
        break;
    }
    return "other";
}

struct slice dsn_header(const struct qf *qf, struct slice name, size_t *count_r)
{
    struct slice value = {NULL, 0};
    const struct qf_header *header;
    size_t index = 0, count = 0;

    while ((header = qf_header_find(qf, name, &index)) != NULL)
        if (count++ == 0)
            value = slice_trim(header->value);
    if (count_r != NULL)
        *count_r = count;
    return value;
}

/* ---- parts ---- */

static enum dsn_delimiter delimiter_of(struct slice line, struct slice boundary,
                                       enum dsn_author author)
{
    if (!slice_starts(line, SLICE_LITERAL("--")) ||
        !slice_starts(slice_skip(line, 2), boundary))
        return DSN_DELIMITER_NONE;
    line = slice_skip(line, 2 + boundary.len);
    /* RFC 2046 5.1.1: gateways add white space. */
    if (author == DSN_BY_OTHERS)
        line = slice_trim(line);
    if (line.len == 0)
        return DSN_DELIMITER_NEXT;
    return slice_equal(line, SLICE_LITERAL("--")) ? DSN_DELIMITER_CLOSE
                                                  : DSN_DELIMITER_NONE;
}

/* The next line behind at that begins with '-', or end. */
static const char *find_dash_line(const char *at, const char *end)
{
    enum { WIDTH = sizeof(bytes16) };

    for (; end - at > WIDTH; at += WIDTH) {
        unsigned bits = bytes16_bits((bytes16)(bytes16_load(at) == '\n') &
                                     (bytes16)(bytes16_load(at + 1) == '-'));

        if (bits != 0)
            return at + bits_first(bits) + 1;
    }
    for (; end - at > 1; at++)
        if (at[0] == '\n' && at[1] == '-')
            return at + 1;
    return end;
}

/* Whether the line before this one, which is not the first, is empty. */
static bool is_after_empty(const char *start, const char *line)
{
    const char *newline = line - 1;

    if (newline > start && newline[-1] == '\r')
        newline--;
    return newline == start || newline[-1] == '\n';
}

/* Past lines that cannot be a delimiter of ours, up to one that follows an
 * empty line and begins like it; to the end when there is none. */
static void skip_our_lines(struct slice *rest)
{
    const char *line = rest->ptr, *end = rest->ptr + rest->len;

    do
        line = find_dash_line(line, end);
    while (line < end && !is_after_empty(rest->ptr, line));
    *rest = slice_make(line, (size_t)(end - line));
}

static enum dsn_delimiter
take_our_part(struct slice *rest, struct slice boundary, struct slice *part_r)
{
    struct slice whole = *rest, line;

    skip_our_lines(rest);
    while (slice_next_line(rest, &line)) {
        enum dsn_delimiter found = delimiter_of(line, boundary, DSN_BY_US);

        /* A line that the end of the text cuts may have meant to go on. */
        if (rest->ptr[-1] != '\n')
            break;
        if (found != DSN_DELIMITER_NONE) {
            *part_r = slice_head(whole, (size_t)(line.ptr - whole.ptr));
            return found;
        }
        skip_our_lines(rest);
    }
    *part_r = whole;
    return DSN_DELIMITER_NONE;
}

static enum dsn_delimiter take_foreign_part(struct slice *rest,
                                            struct slice boundary,
                                            struct slice *part_r)
{
    struct slice whole = *rest, line;

    while (slice_next_line(rest, &line)) {
        enum dsn_delimiter found = delimiter_of(line, boundary, DSN_BY_OTHERS);

        /* As above, but others leave the last newline out. */
        if (rest->ptr[-1] != '\n' && found != DSN_DELIMITER_CLOSE)
            break;
        if (found != DSN_DELIMITER_NONE) {
            *part_r = slice_head(whole, (size_t)(line.ptr - whole.ptr));
            return found;
        }
    }
    *part_r = whole;
    return DSN_DELIMITER_NONE;
}

enum dsn_delimiter dsn_take_part(struct slice *rest, struct slice boundary,
                                 enum dsn_author author, struct slice *part_r)
{
    assert(boundary.len > 0);
    return author == DSN_BY_US ? take_our_part(rest, boundary, part_r)
                               : take_foreign_part(rest, boundary, part_r);
}

/* ---- status codes ---- */

static size_t digits_len(struct slice text)
{
    size_t len = 0;

    while (len < text.len && byte_is_digit(text.ptr[len]))
        len++;
    return len;
}

/* RFC 3463 section 2: class, subject and detail, up to three digits. */
size_t dsn_code_len(struct slice text)
{
    size_t len = digits_len(text);

    if (len != 1 || strchr("245", text.ptr[0]) == NULL)
        return 0;
    for (int i = 0; i < 2; i++) {
        struct slice rest = slice_skip(text, len);
        size_t more;

        if (rest.len == 0 || rest.ptr[0] != '.')
            return 0;
        more = digits_len(slice_skip(rest, 1));
        if (more < 1 || more > 3)
            return 0;
        len += 1 + more;
    }
    return len;
}

struct slice dsn_reply_status(struct slice reply)
{
    struct slice absent = {NULL, 0};
    struct slice code = slice_skip(reply, 4);
    size_t len = dsn_code_len(code);

    if (digits_len(slice_head(reply, 4)) != 3 || len == 0 ||
        (reply.ptr[3] != ' ' && reply.ptr[3] != '-') ||
        code.ptr[0] != reply.ptr[0])
        return absent;
    /* "550 5.1.1.example.org unknown" has none. */
    if (len < code.len && !byte_is_space(code.ptr[len]))
        return absent;
    return slice_head(code, len);
}

/* ---- the delivery-status part ---- */

/* Fields up to a blank line: of the message or of one recipient. */
struct block {
    struct dsn_recipient recipient;
    struct slice reporting_mta, received_from, arrival_date;
    size_t field_count;
    size_t reporting_at; /* fields before Reporting-MTA */
    bool has_double;     /* a field that may stand once stands twice */
};

enum value_form { WHOLE, TYPED, TOKEN };

static const struct {
    struct slice name;
    size_t offset; /* of a slice in struct block */
    enum value_form form;
} block_fields[] = {
    {SLICE_TEXT("Final-Recipient"),
     offsetof(struct block, recipient.final_recipient), TYPED},
    {SLICE_TEXT("Original-Recipient"),
     offsetof(struct block, recipient.original_recipient), TYPED},
    {SLICE_TEXT("X-Actual-Recipient"),
     offsetof(struct block, recipient.actual_recipient), TYPED},
    {SLICE_TEXT("Action"), offsetof(struct block, recipient.action), TOKEN},
    {SLICE_TEXT("Status"), offsetof(struct block, recipient.status), TOKEN},
    {SLICE_TEXT("Remote-MTA"), offsetof(struct block, recipient.remote_mta),
     TYPED},
    {SLICE_TEXT("Diagnostic-Code"),
     offsetof(struct block, recipient.diagnostic), WHOLE},
    {SLICE_TEXT("Reporting-MTA"), offsetof(struct block, reporting_mta), TYPED},
    {SLICE_TEXT("Received-From-MTA"), offsetof(struct block, received_from),
     TYPED},
    {SLICE_TEXT("Arrival-Date"), offsetof(struct block, arrival_date), WHOLE},
};

/* RFC 3464 2.1.1: comments are no part of a value; an own report has none.
 * Behind a letter it is none either: X.400 addresses are written "a(a)b". */
static struct slice without_comments(struct slice value)
{
    bool is_quoted = false;

    value = header_skip_comments(value);
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] == '\\' && is_quoted)
            i++;
        else if (value.ptr[i] == '"')
            is_quoted = !is_quoted;
        else if (value.ptr[i] == '(' && !is_quoted && i > 0 &&
                 byte_is_space(value.ptr[i - 1]))
            return slice_trim(slice_head(value, i));
    }
    return value;
}

/* Comments of a text that is whole may be part of it. */
static struct slice value_of(struct slice text, enum value_form form,
                             enum dsn_author author)
{
    if (form == WHOLE)
        return text;
    if (form == TYPED)
        text = header_typed(text);
    if (author == DSN_BY_OTHERS)
        text = without_comments(text);
    return form == TOKEN ? header_token(text) : text;
}

static void take_field(struct block *block, const struct header_field *field,
                       enum dsn_author author)
{
    enum { COUNT = sizeof block_fields / sizeof *block_fields };

    block->field_count++;
    for (size_t i = 0; i < COUNT; i++) {
        struct slice *slot = (void *)((char *)block + block_fields[i].offset);

        if (!slice_equal_nocase(field->name, block_fields[i].name))
            continue;
        if (!slice_is_absent(*slot))
            block->has_double = true;
        else
            *slot = value_of(field->value, block_fields[i].form, author);
        if (slot == &block->reporting_mta)
            block->reporting_at = block->field_count - 1;
        return;
    }
}

/* A sendmail of Sun's wrote them in its own reports, and others do. */
static void take_brackets_off(struct slice *address)
{
    if (address->len > 0 && address->ptr[0] == '<')
        *address = address_bare(*address);
}

static void read_block(struct slice *rest, enum dsn_author author,
                       struct block *block_r)
{
    struct header_field field;
    struct slice *status = &block_r->recipient.status;

    bytes_clear(block_r, sizeof *block_r);
    while (header_next(rest, &field))
        take_field(block_r, &field, author);
    take_brackets_off(&block_r->recipient.final_recipient);
    take_brackets_off(&block_r->recipient.original_recipient);
    take_brackets_off(&block_r->recipient.actual_recipient);
    if (status->len == 0 || dsn_code_len(*status) != status->len)
        *status = (struct slice){NULL, 0};
}

/*
 * Original-Envelope-Id is decoded xtext (savemail.c: xuntextify), so ENVID can
 * bring lines of its own, blank ones too, between it and our Reporting-MTA:
 * then that field is not the first or second of all, or stands too late.
 */
static bool block_is_ours(const struct block *block, bool is_first)
{
    const struct dsn_recipient *recipient = &block->recipient;

    if (block->has_double)
        return false;
    if (is_first)
        return !slice_is_absent(block->reporting_mta) &&
               block->reporting_at <= 1 &&
               slice_is_absent(recipient->final_recipient) &&
               slice_is_absent(recipient->original_recipient) &&
               slice_is_absent(recipient->action) &&
               slice_is_absent(recipient->status);
    return slice_is_absent(block->reporting_mta) &&
           slice_is_absent(block->received_from) &&
           slice_is_absent(block->arrival_date) &&
           recipient->final_recipient.len > 0 && recipient->action.len > 0 &&
           recipient->status.len > 0;
}

static void keep_first(struct slice *slot, struct slice value)
{
    if (slice_is_absent(*slot))
        *slot = value;
}

static void take_message_fields(struct dsn *dsn, const struct block *block)
{
    keep_first(&dsn->reporting_mta, block->reporting_mta);
    keep_first(&dsn->received_from, block->received_from);
    keep_first(&dsn->arrival_date, block->arrival_date);
}

/* RFC 6533 renamed both types for addresses in UTF-8. */
bool dsn_is_status_type(struct slice type)
{
    return slice_equal_nocase(type, SLICE_LITERAL("message/delivery-status")) ||
           slice_equal_nocase(type,
                              SLICE_LITERAL("message/global-delivery-status"));
}

enum dsn_outcome dsn_read_status(struct dsn *dsn, struct slice text,
                                 enum dsn_author author)
{
    bool is_first = true, is_sound = true;

    dsn->is_mime = true;
    while (text.len > 0) {
        struct block block;
        enum dsn_outcome outcome = DSN_OK;

        read_block(&text, author, &block);
        if (block.field_count == 0)
            continue;
        if (author == DSN_BY_US && !block_is_ours(&block, is_first))
            is_sound = false;
        is_first = false;
        take_message_fields(dsn, &block);
        if (!slice_is_absent(block.recipient.final_recipient) ||
            !slice_is_absent(block.recipient.original_recipient))
            outcome = dsn_add_recipient(dsn, &block.recipient);
        if (outcome != DSN_OK)
            return outcome;
    }
    return is_sound && !is_first ? DSN_OK : DSN_INCOMPLETE;
}
