/*
 * Reports that others made: RFC 3464, plain texts known by the first sentence
 * that the program always writes, and what the header alone gives away.
 */
#include "parsers/dsn.h"

#include <assert.h>

#include "parsers/dsn_part.h"
#include "parsers/header.h"

/* The needles are literals, so this stays linear. */
static bool contains_nocase(struct slice text, struct slice needle)
{
    for (size_t i = 0; i + needle.len <= text.len; i++)
        if (slice_starts_nocase(slice_skip(text, i), needle))
            return true;
    return false;
}

static struct slice subject_of(const struct qf *qf)
{
    return dsn_header(qf, SLICE_LITERAL("Subject"), NULL);
}

static bool is_from_daemon(const struct qf *qf)
{
    struct slice from = dsn_header(qf, SLICE_LITERAL("From"), NULL);

    return contains_nocase(from, SLICE_LITERAL("mailer-daemon")) ||
           contains_nocase(from, SLICE_LITERAL("postmaster")) ||
           contains_nocase(from, SLICE_LITERAL("mdaemon@")) ||
           contains_nocase(from, SLICE_LITERAL("mail delivery system")) ||
           contains_nocase(from, SLICE_LITERAL("mail delivery subsystem"));
}

/* ---- multipart/report ---- */

static bool is_report_type(struct slice type)
{
    return slice_equal_nocase(header_token(type),
                              SLICE_LITERAL("multipart/report"));
}

/* Of addresses with other letters: RFC 6533. */
static bool is_status_report(struct slice type)
{
    struct slice of = header_parameter(type, SLICE_LITERAL("report-type"));

    return is_report_type(type) &&
           (slice_equal_nocase(of, SLICE_LITERAL("delivery-status")) ||
            slice_equal_nocase(of, SLICE_LITERAL("global-delivery-status")));
}

enum part_form {
    PART_OTHER,
    PART_STATUS,
    PART_ENCODED_STATUS, /* RFC 3464 2.1 forbids that: not decoded */
};

/* Takes the header off a part. Quoted-printable without a "=" is plain. */
static enum part_form read_part_header(struct slice *part)
{
    enum part_form form = PART_OTHER;
    bool is_encoded = false, is_quoted = false;
    struct header_field field;

    while (header_next(part, &field)) {
        struct slice token = header_token(field.value);

        if (slice_equal_nocase(field.name, SLICE_LITERAL("Content-Type"))) {
            if (dsn_is_status_type(token))
                form = PART_STATUS;
        } else if (slice_equal_nocase(
                       field.name,
                       SLICE_LITERAL("Content-Transfer-Encoding"))) {
            is_encoded = slice_equal_nocase(token, SLICE_LITERAL("base64"));
            is_quoted =
                slice_equal_nocase(token, SLICE_LITERAL("quoted-printable"));
        }
    }
    if (is_quoted && form == PART_STATUS)
        is_encoded = slice_index(*part, '=') < part->len;
    return form == PART_STATUS && is_encoded ? PART_ENCODED_STATUS : form;
}

static bool has_action(const struct dsn_recipient *recipient,
                       const char *action)
{
    return slice_equal_nocase(recipient->action, slice_from_string(action));
}

/* One failure makes it a failure report, one delay a warning. */
static enum dsn_kind kind_by_actions(const struct dsn *dsn)
{
    enum dsn_kind kind = DSN_OTHER;

    for (size_t i = 0; i < dsn->recipient_count; i++) {
        const struct dsn_recipient *recipient = &dsn->recipients[i];

        if (dsn_has_failed(recipient))
            return DSN_FAILURE;
        if (has_action(recipient, "delayed"))
            kind = DSN_WARNING;
        else if (kind == DSN_OTHER && (has_action(recipient, "delivered") ||
                                       has_action(recipient, "relayed") ||
                                       has_action(recipient, "expanded")))
            kind = DSN_RECEIPT;
    }
    return kind;
}

static enum dsn_outcome read_report(struct dsn *dsn, struct slice type,
                                    struct slice rest)
{
    struct slice boundary = header_parameter(type, SLICE_LITERAL("boundary"));
    struct slice part;
    enum dsn_delimiter found;
    enum dsn_outcome outcome;

    dsn->kind = DSN_OTHER;
    if (boundary.len == 0 || boundary.len > DSN_BOUNDARY_MAX)
        return DSN_INCOMPLETE;
    found = dsn_take_part(&rest, boundary, DSN_BY_OTHERS, &part);
    while (found == DSN_DELIMITER_NEXT) {
        enum part_form form;

        found = dsn_take_part(&rest, boundary, DSN_BY_OTHERS, &part);
        form = read_part_header(&part);
        if (form == PART_OTHER)
            continue;
        dsn->is_mime = true;
        outcome = form == PART_STATUS
                      ? dsn_read_status(dsn, part, DSN_BY_OTHERS)
                      : DSN_INCOMPLETE;
        dsn->kind = kind_by_actions(dsn);
        if (found != DSN_DELIMITER_NONE || outcome == DSN_TOO_MANY ||
            outcome == DSN_NO_MEMORY)
            return outcome;
    }
    if (found == DSN_DELIMITER_CLOSE) {
        dsn->kind = DSN_NONE;
        return DSN_NOT_A_REPORT;
    }
    dsn->is_cut = true;
    return DSN_INCOMPLETE;
}

/* ---- texts ---- */

/* The first enhanced code behind a reply code, or in "(#5.1.1)" as qmail
 * writes it. */
static struct slice status_in(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        struct slice rest = slice_skip(text, i), code;
        size_t len;

        if (i > 0 && !byte_is_space(text.ptr[i - 1]) && text.ptr[i - 1] != '(')
            continue;
        if (text.ptr[i] == '#') {
            len = dsn_code_len(slice_skip(rest, 1));
            if (len > 0)
                return slice_head(slice_skip(rest, 1), len);
        } else if (byte_is_digit(text.ptr[i])) {
            code = dsn_reply_status(rest);
            if (!slice_is_absent(code))
                return code;
        }
    }
    return (struct slice){NULL, 0};
}

static bool is_address(struct slice text)
{
    bool has_at = false;

    for (size_t i = 0; i < text.len; i++) {
        if (byte_is_space(text.ptr[i]))
            return false;
        has_at |= text.ptr[i] == '@';
    }
    return has_at;
}

static enum dsn_outcome add_named(struct dsn *dsn, struct slice address)
{
    struct dsn_recipient recipient;

    memset(&recipient, 0, sizeof recipient);
    recipient.final_recipient = address_bare(address);
    recipient.action = dsn->kind == DSN_WARNING ? SLICE_LITERAL("delayed")
                                                : SLICE_LITERAL("failed");
    return dsn_add_recipient(dsn, &recipient);
}

/* The line, too, is about the recipient named last. */
static void extend_diagnostic(struct dsn *dsn, struct slice line)
{
    struct dsn_recipient *last;

    if (line.len == 0)
        return;
    last = &dsn->recipients[dsn->recipient_count - 1];
    if (slice_is_absent(last->diagnostic))
        last->diagnostic = line;
    last->diagnostic.len = (size_t)(line.ptr + line.len - last->diagnostic.ptr);
    if (slice_is_absent(last->status))
        last->status = status_in(line);
}

/*
 * How a program writes a recipient. Each of these takes a line: true when it
 * named one (*address_r; *said_r is what the line says of it).
 */
typedef bool name_reader(struct slice line, struct slice *address_r,
                         struct slice *said_r);

/* "<user@host>:" of qmail, "<user@host>: host ... said: 550 ..." of Postfix */
static bool name_before_colon(struct slice line, struct slice *address_r,
                              struct slice *said_r)
{
    size_t end = slice_index(line, '>');

    if (line.len == 0 || line.ptr[0] != '<' || end + 1 >= line.len ||
        line.ptr[end + 1] != ':')
        return false;
    *address_r = slice_head(line, end + 1);
    *said_r = slice_trim(slice_skip(line, end + 2));
    return is_address(*address_r);
}

/* "  user@host" of Exim, once with a colon */
static bool name_indented(struct slice line, struct slice *address_r,
                          struct slice *said_r)
{
    if (!slice_starts(line, SLICE_LITERAL("  ")) ||
        slice_starts(line, SLICE_LITERAL("   ")))
        return false;
    line = slice_trim(line);
    if (line.len > 0 && line.ptr[line.len - 1] == ':')
        line.len--;
    *address_r = line;
    *said_r = slice_skip(line, line.len);
    return is_address(*address_r);
}

/* "user@host on Mon, 2 Feb 2004 10:11:12 +0100" of Exchange */
static bool name_before_date(struct slice line, struct slice *address_r,
                             struct slice *said_r)
{
    size_t end;

    line = slice_trim(line);
    end = slice_index(line, ' ');
    if (!slice_starts(slice_skip(line, end), SLICE_LITERAL(" on ")))
        return false;
    *address_r = slice_head(line, end);
    *said_r = slice_skip(line, line.len);
    return is_address(*address_r);
}

/* "\tuser (user not found)" of GroupWise, which leaves its own domain out */
static bool name_before_reason(struct slice line, struct slice *address_r,
                               struct slice *said_r)
{
    size_t end;

    if (line.len == 0 || line.ptr[0] != '\t')
        return false;
    line = slice_trim(line);
    end = slice_find(line, SLICE_LITERAL(" ("));
    if (end == 0 || end == line.len || line.ptr[line.len - 1] != ')')
        return false;
    *address_r = slice_head(line, end);
    *said_r = slice_skip(slice_head(line, line.len - 1), end + 2);
    return slice_index(*address_r, ' ') == end;
}

/* A program that reports in plain text. The sentence is its own and opens the
 * body; the subject is there in the header, or the sender is a daemon. */
struct text_form {
    const char *sentence;
    const char *subject;     /* begins so, or NULL */
    const char *list_begins; /* a line before the recipients, or NULL */
    const char *list_ends;   /* a line after them begins so */
    const char *sender_ends; /* whom a line that begins so follows sent it */
    const char *delayed;     /* words that make it a delay notice, or NULL */
    name_reader *read_name;
};

static const struct text_form text_forms[] = {
    {"Hi. This is the qmail-send program at ", "failure notice", NULL,
     "--- Below this line is ", NULL, NULL, name_before_colon},
    {"This message was created automatically by mail delivery software",
     "Mail delivery failed", NULL, "------ This is a copy of ",
     "could not be delivered", "has not yet been delivered", name_indented},
    {"This message was created automatically by mail delivery software",
     "Warning: message ", NULL, "------ This is a copy of ",
     "has not yet been delivered", "has not yet been delivered", name_indented},
    {"This is the Postfix program at host ", NULL, NULL, "Received: ", NULL,
     "could not be delivered for ", name_before_colon},
    {"This is the mail system at host ", NULL, NULL, "Received: ", NULL,
     "could not be delivered for ", name_before_colon},
    {"Your message did not reach some or all of the intended recipients",
     "Undeliverable", "The following recipient", "Received: ", NULL, NULL,
     name_before_date},
    {"Your message", "Undeliverable", "did not reach the following recipient",
     "Received: ", NULL, NULL, name_before_date},
    {"The message that you sent was undeliverable to the following:",
     "Message status - undeliverable", NULL, "Possibly truncated original ",
     NULL, NULL, name_before_reason},
};
enum { TEXT_FORM_COUNT = sizeof text_forms / sizeof *text_forms };

static bool has_text_form(const struct text_form *form, const struct qf *qf,
                          struct slice first_line)
{
    if (!slice_starts(first_line, slice_from_string(form->sentence)))
        return false;
    if (form->subject == NULL)
        return is_from_daemon(qf);
    return slice_starts_nocase(subject_of(qf),
                               slice_from_string(form->subject));
}

static bool line_starts(struct slice line, const char *words)
{
    return words != NULL && slice_starts(line, slice_from_string(words));
}

static bool says(struct slice line, const char *words)
{
    return words != NULL && contains_nocase(line, slice_from_string(words));
}

static enum dsn_outcome
read_text_form(struct dsn *dsn, const struct text_form *form, struct slice rest)
{
    bool is_list = form->list_begins == NULL;
    bool is_open = false; /* a blank line ends what is said of a recipient */
    struct slice line;

    dsn->kind = DSN_FAILURE;
    dsn->is_cut = true;
    while (slice_next_line(&rest, &line)) {
        struct slice address, said;

        if (is_list && line_starts(line, form->list_ends)) {
            dsn->is_cut = false;
            break;
        }
        if (line_starts(line, form->sender_ends)) {
            dsn->recipient_count = 0;
            is_open = false;
        }
        if (line_starts(line, form->list_begins)) {
            is_list = true;
        } else if (is_list && form->read_name(line, &address, &said)) {
            enum dsn_outcome outcome = add_named(dsn, address);

            if (outcome != DSN_OK)
                return outcome;
            extend_diagnostic(dsn, said);
            is_open = true;
        } else if (line.len == 0) {
            is_open = false;
        } else if (dsn->recipient_count == 0 && says(line, form->delayed)) {
            dsn->kind = DSN_WARNING;
        } else if (is_open) {
            extend_diagnostic(dsn, slice_trim(line));
        }
    }
    return is_list ? DSN_OK : DSN_NOT_A_REPORT;
}

/* Exim names them in the header too: "a@b, c@d". */
static enum dsn_outcome add_failed_header(struct dsn *dsn, const struct qf *qf)
{
    const struct qf_header *header;
    size_t index = 0;

    while ((header = qf_header_find(qf, SLICE_LITERAL("X-Failed-Recipients"),
                                    &index)) != NULL) {
        struct slice rest = header->value;

        while (rest.len > 0) {
            size_t end = slice_index(rest, ',');
            struct slice address = slice_trim(slice_head(rest, end));
            enum dsn_outcome outcome = DSN_OK;

            if (is_address(address))
                outcome = add_named(dsn, address);
            if (outcome != DSN_OK)
                return outcome;
            rest = slice_skip(rest, end + 1);
        }
    }
    return DSN_OK;
}

/* Another sendmail's text form: what it says of its own source is not ours
 * to believe. */
static enum dsn_outcome read_sendmail_text(struct dsn *dsn, struct slice body)
{
    struct slice original;
    enum dsn_outcome outcome = dsn_read_text(dsn, body, &original);

    dsn->has_expired = false;
    dsn->kind = kind_by_actions(dsn);
    if (outcome == DSN_INCOMPLETE)
        dsn->is_cut = true;
    return outcome;
}

static bool is_sendmail_text(const struct qf *qf, struct slice first_line)
{
    struct slice subject = subject_of(qf);

    return slice_starts(
               first_line,
               SLICE_LITERAL("The original message was received at ")) &&
           is_from_daemon(qf) &&
           (slice_starts(subject, SLICE_LITERAL("Returned mail: ")) ||
            slice_starts(subject, SLICE_LITERAL("Warning: could not send ")));
}

static enum dsn_outcome read_text(struct dsn *dsn, const struct qf *qf,
                                  struct slice body)
{
    struct slice first_line = {NULL, 0};
    struct slice rest = body;
    enum dsn_outcome outcome;

    while (slice_next_line(&rest, &first_line) && first_line.len == 0)
        ;
    /* A sentence that the end of the text cuts may still come. */
    dsn->is_cut = rest.len == 0;
    if (is_sendmail_text(qf, first_line))
        return read_sendmail_text(dsn, rest);
    for (size_t i = 0; i < TEXT_FORM_COUNT; i++) {
        if (!has_text_form(&text_forms[i], qf, first_line))
            continue;
        outcome = read_text_form(dsn, &text_forms[i], rest);
        if (outcome == DSN_OK && dsn->recipient_count == 0)
            outcome = add_failed_header(dsn, qf);
        if (outcome == DSN_NOT_A_REPORT)
            dsn->kind = DSN_NONE;
        return outcome;
    }
    return DSN_NOT_A_REPORT;
}

/* Exchange 5.5 and GroupWise put the text into the first part, the original
 * into the next. */
static enum dsn_outcome read_first_part(struct dsn *dsn, const struct qf *qf,
                                        struct slice type, struct slice rest)
{
    struct slice boundary = header_parameter(type, SLICE_LITERAL("boundary"));
    struct slice part;
    enum dsn_outcome outcome;

    if (boundary.len == 0 || boundary.len > DSN_BOUNDARY_MAX)
        return DSN_NOT_A_REPORT;
    if (dsn_take_part(&rest, boundary, DSN_BY_OTHERS, &part) ==
        DSN_DELIMITER_NEXT) {
        enum dsn_delimiter found =
            dsn_take_part(&rest, boundary, DSN_BY_OTHERS, &part);

        read_part_header(&part);
        outcome = read_text(dsn, qf, part);
        dsn->is_cut = found == DSN_DELIMITER_NONE;
        return outcome;
    }
    dsn->is_cut = true;
    return DSN_NOT_A_REPORT;
}

/* ---- the whole ---- */

static bool is_mixed_type(struct slice type)
{
    return slice_equal_nocase(header_token(type),
                              SLICE_LITERAL("multipart/mixed"));
}

/* Subjects that programs give their reports, and no person a message: the
 * first that fits. */
static const struct {
    const char *subject; /* begins so */
    enum dsn_kind kind;
} report_subjects[] = {
    {"Undeliverable", DSN_FAILURE},    /* Exchange, IMail */
    {"Undelivered mail", DSN_FAILURE}, /* Postfix, LSMTP */
    {"Delivery Status Notification (Failure)", DSN_FAILURE},
    {"Delivery Status Notification (Delay)", DSN_WARNING},
    {"Delivery status notification: error", DSN_FAILURE},   /* OpenSMTPD */
    {"Delivery status notification: warning", DSN_WARNING}, /* OpenSMTPD */
    {"Delivery status notification", DSN_OTHER},
    {"failure notice", DSN_FAILURE},                 /* qmail, Yahoo */
    {"failure delivery", DSN_FAILURE},               /* Yahoo */
    {"Mail delivery fail", DSN_FAILURE},             /* Exim: failed */
    {"Warning: message ", DSN_WARNING},              /* Exim */
    {"Message status - undeliverable", DSN_FAILURE}, /* GroupWise */
    {"Delivery failure", DSN_FAILURE},               /* Domino, Yahoo, others */
    {"Returned mail", DSN_FAILURE},                  /* sendmail before 8.8 */
    {"Mail Delivery Problem", DSN_FAILURE},          /* AOL */
    {"Permanent Delivery Failure", DSN_FAILURE},     /* MDaemon */
    {"Message Delivery Failure", DSN_FAILURE},
    {"Mail not delivered", DSN_FAILURE},
    {"Mail could not be delivered", DSN_FAILURE},
    {"mail failed, returning to sender", DSN_FAILURE}, /* smail */
    {"Mail System Error - Returned Mail", DSN_FAILURE},
    {"Non delivery report", DSN_FAILURE},
};
enum { SUBJECT_COUNT = sizeof report_subjects / sizeof *report_subjects };

/* By a Subject that only reports have, and another header of theirs. */
static enum dsn_kind kind_by_header(const struct qf *qf)
{
    struct slice subject = subject_of(qf);

    if (!is_from_daemon(qf) &&
        slice_is_absent(
            dsn_header(qf, SLICE_LITERAL("X-Failed-Recipients"), NULL)))
        return DSN_NONE;
    for (size_t i = 0; i < SUBJECT_COUNT; i++)
        if (slice_starts_nocase(subject,
                                slice_from_string(report_subjects[i].subject)))
            return report_subjects[i].kind;
    return DSN_NONE;
}

/* What no part and no text tells. */
static enum dsn_outcome parse_header(struct dsn *dsn, const struct qf *qf)
{
    dsn->kind = kind_by_header(qf);
    return dsn->kind == DSN_NONE ? DSN_NOT_A_REPORT
                                 : add_failed_header(dsn, qf);
}

/* A daemon's parts, if one is a status part, are a report; else its text. */
static enum dsn_outcome parse_mixed(struct dsn *dsn, const struct qf *qf,
                                    struct slice type, struct slice body)
{
    enum dsn_outcome outcome;
    bool is_cut = false;

    if (is_from_daemon(qf)) {
        outcome = read_report(dsn, type, body);
        if (dsn->is_mime)
            return outcome;
        is_cut = dsn->is_cut;
        dsn->is_cut = false;
    }
    outcome = read_first_part(dsn, qf, type, body);
    dsn->is_cut |= is_cut;
    return outcome;
}

static enum dsn_outcome parse_any_type(struct dsn *dsn, const struct qf *qf,
                                       struct slice type, struct slice body)
{
    enum dsn_outcome outcome = is_mixed_type(type)
                                   ? parse_mixed(dsn, qf, type, body)
                                   : read_text(dsn, qf, body);

    return outcome == DSN_NOT_A_REPORT ? parse_header(dsn, qf) : outcome;
}

enum dsn_outcome dsn_parse_foreign(struct dsn *dsn, const struct qf *qf,
                                   struct slice body)
{
    struct slice type = dsn_header(qf, SLICE_LITERAL("Content-Type"), NULL);
    enum dsn_outcome outcome;

    dsn_reset(dsn);
    if (!is_report_type(type))
        return parse_any_type(dsn, qf, type, body);
    /* RFC 6522: the type of report is a parameter; old ones leave it out. */
    if (!is_status_report(type) &&
        !slice_is_absent(header_parameter(type, SLICE_LITERAL("report-type"))))
        return DSN_NOT_A_REPORT;
    outcome = read_report(dsn, type, body);
    if (!dsn->is_mime && !is_status_report(type))
        return parse_header(dsn, qf);
    if (dsn->is_mime && dsn->kind != DSN_OTHER)
        return outcome;
    /* no part of it says more than its header */
    dsn->kind = kind_by_header(qf);
    if (dsn->kind == DSN_NONE)
        dsn->kind = DSN_OTHER;
    return dsn->is_mime ? outcome : DSN_INCOMPLETE;
}
