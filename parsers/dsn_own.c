/*
 * Reports that this sendmail made: savemail.c, returntosender and errbody.
 */
#include "parsers/dsn.h"

#include <assert.h>

#include "parsers/dsn_part.h"
#include "parsers/filter.h"
#include "parsers/header.h"
#include "parsers/received.h"

/* ---- kind ---- */

static const struct {
    struct slice word; /* of Auto-Submitted */
    struct slice subject;
    enum dsn_kind kind;
} kinds[] = {
    {SLICE_TEXT("failure"), SLICE_TEXT("Returned mail: "), DSN_FAILURE},
    {SLICE_TEXT("warning-timeout"), SLICE_TEXT("Warning: "), DSN_WARNING},
    {SLICE_TEXT("return-receipt"), SLICE_TEXT("Return receipt"), DSN_RECEIPT},
    {SLICE_TEXT("postmaster-notification"), SLICE_TEXT("Postmaster notify: "),
     DSN_POSTMASTER},
    {SLICE_TEXT("postmaster-warning"), SLICE_TEXT("Postmaster warning: "),
     DSN_POSTMASTER},
};
enum { KIND_COUNT = sizeof kinds / sizeof *kinds };

static enum dsn_kind kind_by_subject(const struct qf *qf)
{
    size_t count;
    struct slice subject = dsn_header(qf, SLICE_LITERAL("Subject"), &count);

    for (size_t i = 0; count == 1 && i < KIND_COUNT; i++)
        if (slice_starts(subject, kinds[i].subject))
            return kinds[i].kind;
    return DSN_OTHER;
}

/* "auto-generated (failure)" */
static enum dsn_kind kind_by_word(struct slice value)
{
    struct slice lead = SLICE_LITERAL("auto-generated (");

    if (!slice_starts_nocase(value, lead) || value.ptr[value.len - 1] != ')')
        return DSN_OTHER;
    value = slice_skip(value, lead.len);
    value.len--;
    for (size_t i = 0; i < KIND_COUNT; i++)
        if (slice_equal_nocase(value, kinds[i].word))
            return kinds[i].kind;
    return DSN_OTHER;
}

enum dsn_kind dsn_kind_of_own(const struct qf *qf)
{
    size_t count;
    struct slice value =
        dsn_header(qf, SLICE_LITERAL("Auto-Submitted"), &count);
    enum dsn_kind by_subject = kind_by_subject(qf);
    enum dsn_kind by_word;

    if (count == 0)
        return by_subject;
    by_word = kind_by_word(value);
    if (count > 1 || (by_subject != DSN_OTHER && by_subject != by_word))
        return DSN_OTHER;
    return by_word;
}

/* ---- the text part ---- */

static bool is_digits_and_words(struct slice text)
{
    for (size_t i = 0; i < text.len; i++)
        if (!byte_is_digit(text.ptr[i]) && text.ptr[i] != ' ' &&
            (text.ptr[i] < 'a' || text.ptr[i] > 'z'))
            return false;
    return text.len > 0;
}

/* envelope.c: dropenvelope. A recipient's address can begin a line as well,
 * but then it is followed by "...". */
static const struct slice queued =
    SLICE_TEXT("Message could not be delivered for ");
static const struct slice by_time = SLICE_TEXT("Delivery time (");

static bool is_expiry(struct slice line)
{
    struct slice expired = SLICE_LITERAL("s) expired");

    if (slice_starts(line, queued))
        return is_digits_and_words(slice_skip(line, queued.len));
    if (!slice_starts(line, by_time) || line.len < by_time.len + expired.len)
        return false;
    return slice_equal(slice_skip(line, line.len - expired.len), expired);
}

/*
 * The opening, at its fixed place: what an address list below repeats is not
 * looked at. False when the text does not begin as errbody writes it.
 */
static bool read_opening(struct dsn *dsn, struct slice *rest)
{
    struct slice line, after;

    do {
        if (!slice_next_line(rest, &line))
            return false;
    } while (line.len == 0 || slice_starts(line, SLICE_LITERAL("    **")));
    if (!slice_starts(line,
                      SLICE_LITERAL("The original message was received at ")))
        return false;
    if (!slice_next_line(rest, &line) ||
        !slice_starts(line, SLICE_LITERAL("from ")))
        return false;
    line = slice_trim(slice_skip(line, 5));
    if (line.len > 0) /* $_ can be empty */
        dsn->source_text = line;
    after = *rest;
    if (slice_next_line(&after, &line) &&
        slice_starts(line, SLICE_LITERAL("with id "))) {
        dsn->parent_id = slice_trim(slice_skip(line, 8));
        *rest = after;
    }
    return true;
}

enum section {
    SECTION_NONE,
    SECTION_FAILED,
    SECTION_DELAYED,
    SECTION_DELIVERED,
    SECTION_TRANSCRIPT,
    SECTION_ORIGINAL,
    SECTION_END, /* nothing was collected */
};

static enum section section_of(struct slice line)
{
    static const struct {
        struct slice heading;
        enum section section;
    } headings[] = {
        {SLICE_TEXT(
             "   ----- The following addresses had permanent fatal errors "
             "-----"),
         SECTION_FAILED},
        {SLICE_TEXT("   ----- The following addresses had transient non-fatal "
                    "errors -----"),
         SECTION_DELAYED},
        {SLICE_TEXT("   ----- The following addresses had successful delivery "
                    "notifications -----"),
         SECTION_DELIVERED},
        {SLICE_TEXT("   ----- Transcript of session follows -----"),
         SECTION_TRANSCRIPT},
        {SLICE_TEXT("   ----- Transcript of session is unavailable -----"),
         SECTION_TRANSCRIPT},
        {SLICE_TEXT("   ----- Original message follows -----"),
         SECTION_ORIGINAL},
        {SLICE_TEXT("   ----- Message header follows -----"), SECTION_ORIGINAL},
        {SLICE_TEXT("  ----- No message was collected -----"), SECTION_END},
    };

    if (!slice_starts(line, SLICE_LITERAL("  ")))
        return SECTION_NONE;
    for (size_t i = 0; i < sizeof headings / sizeof *headings; i++)
        if (slice_equal(line, headings[i].heading))
            return headings[i].section;
    return SECTION_NONE;
}

/* The MIME form names recipients and codes in its second part; of the text
 * only the transcript's word about time is wanted. */
static bool has_expiry(struct slice text)
{
    bool is_after_blank = false, is_transcript = false;
    struct slice line;

    if (slice_find(text, queued) == text.len &&
        slice_find(text, by_time) == text.len)
        return false; /* mostly */
    while (slice_next_line(&text, &line)) {
        if (is_transcript && is_expiry(line))
            return true;
        if (is_after_blank && section_of(line) == SECTION_TRANSCRIPT)
            is_transcript = true;
        is_after_blank = line.len == 0;
    }
    return false;
}

/* ---- the text form ---- */

enum {
    /* So many recipients are looked for in the transcript; more would make
     * it quadratic, and no code is better than a late one. */
    NAMED_MAX = 32,
};

/* The code that a reply was found to have; 5.0.0 for a permanent one without,
 * as of servers that know none: the MIME form has one of sendmail's making
 * there. */
static struct slice reply_code(struct slice reply, struct slice code)
{
    struct slice words = slice_skip(reply, 4);

    if (!slice_is_absent(code) || words.len == 0 ||
        byte_is_digit(words.ptr[0]) || reply.ptr[0] != '5' ||
        !byte_is_digit(reply.ptr[1]) || !byte_is_digit(reply.ptr[2]) ||
        (reply.ptr[3] != ' ' && reply.ptr[3] != '-'))
        return code;
    return SLICE_LITERAL("5.0.0");
}

static enum dsn_outcome add_listed(struct dsn *dsn, struct slice line,
                                   enum section section)
{
    struct dsn_recipient recipient = {.action = SLICE_LITERAL("failed")};

    if (section == SECTION_DELAYED)
        recipient.action = SLICE_LITERAL("delayed");
    if (section == SECTION_DELIVERED) { /* "<user@host>  (relayed to ...)" */
        size_t end = line.len;

        while (end > 0 && line.ptr[end - 1] != '(')
            end--;
        recipient.action = SLICE_LITERAL("delivered");
        if (slice_starts(slice_skip(line, end), SLICE_LITERAL("relayed")))
            recipient.action = SLICE_LITERAL("relayed");
        if (end > 0)
            line = slice_trim(slice_head(line, end - 1));
    }
    recipient.final_recipient = address_bare(line);
    return dsn_add_recipient(dsn, &recipient);
}

/* What stands behind that word, up to the bracket that ends the line; absent
 * of another line. */
static struct slice behind_word(struct slice line, struct slice word)
{
    struct slice text = slice_skip(line, word.len);

    if (!slice_starts(line, word))
        return (struct slice){NULL, 0};
    if (text.len > 0 && text.ptr[text.len - 1] == ')')
        text.len--;
    return text;
}

/* A line of an address list: an address, or what belongs to the last one. It is
 * listed as what an alias made of it. */
static enum dsn_outcome read_listed(struct dsn *dsn, struct slice line,
                                    enum section section)
{
    struct slice reason = behind_word(line, SLICE_LITERAL("    (reason: "));
    struct slice alias =
        behind_word(line, SLICE_LITERAL("    (expanded from: "));
    struct dsn_recipient *last;

    if (dsn->recipient_count == 0 ||
        !slice_starts(line, SLICE_LITERAL("    (")))
        return add_listed(dsn, line, section);
    last = &dsn->recipients[dsn->recipient_count - 1];
    if (!slice_is_absent(reason) && slice_is_absent(last->diagnostic)) {
        last->diagnostic = reason;
        last->status = reply_code(reason, dsn_reply_status(reason));
    }
    if (!slice_is_absent(alias) && slice_is_absent(last->actual_recipient)) {
        last->actual_recipient = last->final_recipient;
        last->final_recipient = address_bare(alias);
    }
    return DSN_OK;
}

/* Gives the code to whoever failed, has none yet and is called so. What follows
 * the name is a '>', or nothing. */
static void give_code(struct dsn *dsn, struct slice name, struct slice code,
                      bool is_whole)
{
    if (dsn->recipient_count > NAMED_MAX)
        return;
    for (size_t i = 0; i < dsn->recipient_count; i++) {
        struct dsn_recipient *recipient = &dsn->recipients[i];
        struct slice address = slice_is_absent(recipient->actual_recipient)
                                   ? recipient->final_recipient
                                   : recipient->actual_recipient;
        struct slice behind = slice_skip(name, address.len);

        if (slice_is_absent(recipient->status) && dsn_has_failed(recipient) &&
            address.len > 0 && slice_starts(name, address) &&
            (is_whole ? behind.len == 0
                      : slice_starts(behind, SLICE_LITERAL(">"))))
            recipient->status = code;
    }
}

static const struct slice reply_mark = SLICE_TEXT("<<< ");

/* "<<< 550 5.1.1 <user@host>..." names a recipient of ours that has no code
 * yet; any other reply says nothing about anybody. */
static void take_reply(struct dsn *dsn, struct slice reply)
{
    struct slice said = dsn_reply_status(reply);
    struct slice code = reply_code(reply, said);
    struct slice name;

    if (slice_is_absent(code))
        return;
    name = slice_trim(slice_skip(reply, 4 + said.len));
    if (name.len > 0 && name.ptr[0] == '<')
        give_code(dsn, slice_skip(name, 1), code, false);
}

/* What giveresponse (deliver.c) can make of a recipient's permanent refusal,
 * in the words of strexit.c. 8.9 and older write no code. */
static const struct {
    struct slice number, code, words;
} refusals[] = {
    {SLICE_TEXT("550 "), SLICE_TEXT("5.1.1"), SLICE_TEXT("... User unknown")},
    {SLICE_TEXT("554 "), SLICE_TEXT("5.0.0"),
     SLICE_TEXT("... Service unavailable")},
};

/* "550 5.1.1 <user@host>... User unknown" -> "user@host" and "5.1.1". The whole
 * line must be so: a client may have put such words into an address. */
static bool read_refusal(struct slice line, struct slice *name_r,
                         struct slice *code_r)
{
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        struct slice words = refusals[i].words, code = refusals[i].code;
        struct slice name = slice_skip(line, refusals[i].number.len);

        if (!slice_starts(line, refusals[i].number) || name.len < words.len ||
            !slice_equal(slice_skip(name, name.len - words.len), words))
            continue;
        name.len -= words.len;
        if (slice_starts(name, code) && name.len > code.len &&
            name.ptr[code.len] == ' ')
            name = slice_skip(name, code.len + 1);
        if (name.len > 2 && name.ptr[0] == '<' && name.ptr[name.len - 1] == '>')
            name = slice_make(name.ptr + 1, name.len - 2);
        *name_r = name;
        *code_r = code;
        return true;
    }
    return false;
}

/* The last line of a reply "550 no such user"; one with a code of another class
 * says two things. */
static bool is_refusing(struct slice reply)
{
    return reply.len > 3 && reply.ptr[0] == '5' &&
           byte_is_digit(reply.ptr[1]) && byte_is_digit(reply.ptr[2]) &&
           reply.ptr[3] == ' ' &&
           (dsn_code_len(slice_skip(reply, 4)) == 0 ||
            !slice_is_absent(dsn_reply_status(reply)));
}

/*
 * Our own word for the reply on the line before, and about whom it is. Without
 * a reply there a name server, a program or the queue's time may have been
 * the cause. What the reply has for a code goes first, as in the MIME form.
 */
static void take_refusal(struct dsn *dsn, struct slice reply, struct slice line)
{
    struct slice name, code, said = dsn_reply_status(reply);

    if (!is_refusing(reply) || !read_refusal(line, &name, &code))
        return;
    give_code(dsn, name, slice_is_absent(said) ? code : said, true);
}

/* *reply is the line before, when a remote host said it; else absent. */
static void read_transcript_line(struct dsn *dsn, struct slice line,
                                 struct slice *reply)
{
    if (slice_starts(line, reply_mark)) {
        *reply = slice_skip(line, reply_mark.len);
        take_reply(dsn, *reply);
    } else {
        take_refusal(dsn, *reply, line);
        *reply = (struct slice){NULL, 0};
    }
}

/* Who has no permanent code when the time was up failed by it
 * (dropenvelope). */
static void expire_listed(struct dsn *dsn)
{
    for (size_t i = 0; i < dsn->recipient_count; i++) {
        struct dsn_recipient *recipient = &dsn->recipients[i];

        if (dsn_has_failed(recipient) &&
            (recipient->status.len == 0 || recipient->status.ptr[0] != '5'))
            recipient->status = SLICE_LITERAL("4.4.7");
    }
}

enum dsn_outcome dsn_read_text(struct dsn *dsn, struct slice body,
                               struct slice *original_r)
{
    enum section section = SECTION_NONE;
    bool is_after_blank = false;
    struct slice line, reply = {NULL, 0};

    *original_r = (struct slice){NULL, 0};
    while (section != SECTION_ORIGINAL && section != SECTION_END &&
           slice_next_line(&body, &line)) {
        enum section next = is_after_blank ? section_of(line) : SECTION_NONE;

        if (body.ptr[-1] != '\n')
            break; /* cut: it may have meant to go on */
        is_after_blank = line.len == 0;
        if (next != SECTION_NONE) {
            section = next;
        } else if (section == SECTION_TRANSCRIPT) {
            dsn->has_expired |= is_expiry(line);
            read_transcript_line(dsn, line, &reply);
        } else if (line.len == 0) {
            section = SECTION_NONE; /* ends a list of addresses */
        } else if (section != SECTION_NONE) {
            enum dsn_outcome outcome = read_listed(dsn, line, section);

            if (outcome != DSN_OK)
                return outcome;
        }
    }
    if (dsn->has_expired)
        expire_listed(dsn);
    if (section == SECTION_ORIGINAL)
        *original_r = body;
    return section == SECTION_ORIGINAL || section == SECTION_END
               ? DSN_OK
               : DSN_INCOMPLETE;
}

/* ---- the original's header ---- */

/* Queue ids make file names: short, and no byte that one cannot have. */
static bool is_queue_id(struct slice id)
{
    for (size_t i = 0; i < id.len; i++)
        if (id.ptr[i] <= ' ' || id.ptr[i] > '~' || id.ptr[i] == '/')
            return false;
    return id.len > 0 && id.len <= 20;
}

/*
 * Our own Received (cf: HReceived): "from HELO ($_)", or "(from $_)" without
 * SMTP, then "by HOST (...) with PROTO id ID". HELO has no blank. What ident
 * says in $_ may have parentheses, so the text already known goes first.
 */
static struct slice received_source(struct slice value, struct slice known,
                                    struct slice *helo_r, struct slice *rest_r)
{
    struct slice absent = {NULL, 0};
    struct slice comment, inside;
    size_t len;

    *rest_r = value;
    *helo_r = absent;
    if (slice_starts(value, SLICE_LITERAL("(from "))) {
        comment = value;
        inside = slice_skip(value, 6);
    } else if (slice_starts(value, SLICE_LITERAL("from "))) {
        size_t end = 5;

        while (end < value.len && !byte_is_space(value.ptr[end]) &&
               value.ptr[end] != '(')
            end++;
        comment = slice_skip(value, end + 1);
        if (!slice_starts(slice_skip(value, end), SLICE_LITERAL(" (")))
            return absent;
        inside = slice_skip(comment, 1);
        *helo_r = slice_skip(slice_head(value, end), 5);
    } else {
        return absent;
    }
    if (!slice_is_absent(known) && slice_starts(inside, known) &&
        slice_starts(slice_skip(inside, known.len), SLICE_LITERAL(")")))
        len = known.len + 1;
    else
        len = header_comment_len(comment) - (size_t)(inside.ptr - comment.ptr);
    if (len == 0 || inside.ptr[len - 1] != ')')
        return absent;
    *rest_r = slice_skip(inside, len);
    return slice_head(inside, len - 1);
}

/* "by HOST (...) with PROTO id ID"; *protocol_r is absent without "with", and
 * *rest_r is what follows. */
static struct slice received_id(struct slice text, struct slice *protocol_r,
                                struct slice *rest_r)
{
    struct slice word = received_next_word(&text);

    *protocol_r = *rest_r = (struct slice){NULL, 0};
    if (!slice_equal(word, SLICE_LITERAL("by")))
        return (struct slice){NULL, 0};
    do {
        word = received_next_word(&text);
        if (slice_equal(word, SLICE_LITERAL("with")))
            *protocol_r = word = received_next_word(&text);
        if (slice_equal(word, SLICE_LITERAL("id"))) {
            word = received_next_word(&text);
            break;
        }
    } while (!slice_is_absent(word) &&
             !slice_equal(word, SLICE_LITERAL("for")) &&
             !slice_equal(word, SLICE_LITERAL(";")));
    *rest_r = text;
    return is_queue_id(word) ? word : (struct slice){NULL, 0};
}

/* Whether the value has it, in capitals or not; one that is a whole word does
 * not count where another word, or a host's name, begins with it. */
static bool has_sign(struct slice value, struct slice sign, bool is_whole)
{
    for (; value.len >= sign.len; value = slice_skip(value, 1)) {
        struct slice behind = slice_skip(value, sign.len);

        if (slice_equal_nocase(slice_head(value, sign.len), sign) &&
            (!is_whole || behind.len == 0 || byte_is_space(behind.ptr[0]) ||
             slice_index(SLICE_LITERAL(";,)"), behind.ptr[0]) < 3))
            return true;
    }
    return false;
}

/* A cf may write the field otherwise: "from $_ by $j", or without the client,
 * to hide where its users are. Then any word of a login counts, whoever wrote
 * it: at worst a bounce is kept. */
static bool may_be_logged_in(struct slice value)
{
    static const struct {
        const char *text;
        bool is_whole;
    } signs[] = {{"(authenticated", false},
                 {"(user=", false},
                 {"smtpa", true},
                 {"smtpsa", true},
                 {"verify=ok", true}};

    for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++)
        if (has_sign(value, slice_from_string(signs[i].text),
                     signs[i].is_whole))
            return true;
    return false;
}

static bool is_same_source(struct slice a, struct slice b)
{
    struct client one, other;

    if (slice_equal(a, b))
        return true;
    return client_parse(a, &one) && client_parse(b, &other) && one.has_ip &&
           other.has_ip && memcmp(&one.ip, &other.ip, sizeof one.ip) == 0;
}

/* False when it contradicts what the text part said. */
static bool take_received(struct dsn *dsn, struct slice value)
{
    struct slice helo, rest, protocol, behind;
    struct slice source =
        received_source(value, dsn->source_text, &helo, &rest);
    struct slice id = received_id(rest, &protocol, &behind);

    if (!slice_is_absent(source) && !slice_is_absent(dsn->source_text) &&
        !is_same_source(source, dsn->source_text))
        return false;
    if (!slice_is_absent(source) && helo.len > 0)
        dsn->helo = helo;
    dsn->is_authenticated = slice_is_absent(source)
                                ? may_be_logged_in(value)
                                : received_is_logged_in(rest, protocol) ||
                                      received_has_certificate(behind);
    if (slice_is_absent(id))
        return true;
    if (!slice_is_absent(dsn->parent_id) && !slice_equal(id, dsn->parent_id))
        return false;
    dsn->parent_id = id;
    return true;
}

/* The first Received is ours; those below it came with the message. text is
 * the original and all that follows it, which *original_r keeps. */
static enum dsn_outcome read_original(struct dsn *dsn, struct slice text,
                                      struct slice *original_r)
{
    struct slice whole = text;
    struct header_field field;

    *original_r = text;
    while (header_next(&text, &field)) {
        if (!slice_equal_nocase(field.name, SLICE_LITERAL("Received")))
            continue;
        if (text.len == 0) /* the field may go on */
            break;
        dsn->above = slice_head(whole, (size_t)(field.name.ptr - whole.ptr));
        dsn->brought = text;
        return take_received(dsn, field.value) ? DSN_OK : DSN_INCOMPLETE;
    }
    if (text.len > 0)
        return DSN_OK; /* a header without one */
    dsn->is_cut = true;
    return DSN_INCOMPLETE;
}

/* Whether the header ended, of which a field was read: else text did. */
static bool is_header_over(struct slice text)
{
    return text.len > 0 || (text.ptr[-1] == '\n' && text.ptr[-2] == '\n');
}

static void take_filter_client(struct dsn *dsn,
                               const struct filter_client *client)
{
    dsn->source_text = client->text;
    dsn->source = client->client;
    dsn->helo = client->helo;
    dsn->is_authenticated = client->is_authenticated;
}

/* The source is this host. Where that is a content filter of ours, the source
 * is who spoke to the sendmail before it; text is the original. */
static enum dsn_outcome look_behind_filter(struct dsn *dsn, struct slice text)
{
    struct filter_walk walk = {.us = dsn->reporting_mta};
    struct slice behind = text; /* the last Received field */
    struct header_field field;

    while (header_next(&text, &field)) {
        struct filter_client client;
        enum filter_step step;

        if (!slice_equal_nocase(field.name, SLICE_LITERAL("Received")))
            continue;
        step = filter_next(&walk, field.value, &client);
        if (text.len == 0) /* the field may go on */
            break;
        if (step == FILTER_FOUND) {
            take_filter_client(dsn, &client);
            dsn->above =
                slice_head(behind, (size_t)(field.name.ptr - behind.ptr));
            dsn->brought = text;
        }
        if (step != FILTER_MORE)
            return DSN_OK;
        behind = text;
    }
    if (is_header_over(text))
        return DSN_OK;
    dsn->is_cut = true;
    return DSN_INCOMPLETE;
}

/* ---- the whole ---- */

static enum dsn_outcome worse(enum dsn_outcome a, enum dsn_outcome b)
{
    return b != DSN_OK ? b : a;
}

/* Skips the header of a part; absent unless it has exactly one Content-Type.
 * The text part of an own report has no header. */
static struct slice part_type(struct slice *part)
{
    struct slice type = {NULL, 0};
    struct header_field field;
    size_t count = 0;

    while (header_next(part, &field)) {
        if (!slice_equal_nocase(field.name, SLICE_LITERAL("Content-Type")))
            continue;
        type = header_token(field.value);
        count++;
    }
    return count == 1 ? type : (struct slice){NULL, 0};
}

static enum dsn_outcome read_text_part(struct dsn *dsn, struct slice part)
{
    struct slice line;

    if (!slice_next_line(&part, &line) || line.len != 0 ||
        !read_opening(dsn, &part))
        return DSN_INCOMPLETE;
    dsn->has_expired = has_expiry(part);
    return DSN_OK;
}

static enum dsn_outcome read_status_part(struct dsn *dsn, struct slice part)
{
    if (!dsn_is_status_type(part_type(&part)))
        return DSN_INCOMPLETE;
    return dsn_read_status(dsn, part, DSN_BY_US);
}

static bool is_original_type(struct slice type)
{
    static const struct slice types[] = {
        SLICE_TEXT("message/rfc822"),
        SLICE_TEXT("text/rfc822-headers"),
        SLICE_TEXT("message/global"), /* RFC 6533 */
        SLICE_TEXT("message/global-headers"),
    };

    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (slice_equal_nocase(type, types[i]))
            return true;
    return false;
}

static enum dsn_outcome read_original_part(struct dsn *dsn, struct slice part,
                                           struct slice *original_r)
{
    struct slice type = part_type(&part);

    if (part.len == 0) {
        dsn->is_cut = true;
        return DSN_INCOMPLETE;
    }
    if (!is_original_type(type))
        return DSN_INCOMPLETE;
    return read_original(dsn, part, original_r);
}

static enum dsn_outcome read_mime(struct dsn *dsn, struct slice boundary,
                                  struct slice rest, struct slice *original_r)
{
    struct slice part;
    enum dsn_outcome outcome;
    enum dsn_delimiter found = dsn_take_part(&rest, boundary, DSN_BY_US, &part);

    if (found == DSN_DELIMITER_NEXT &&
        !slice_equal(slice_trim(part),
                     SLICE_LITERAL("This is a MIME-encapsulated message")))
        return DSN_INCOMPLETE;
    if (found == DSN_DELIMITER_NEXT) {
        found = dsn_take_part(&rest, boundary, DSN_BY_US, &part);
        outcome = read_text_part(dsn, part);
        if (found == DSN_DELIMITER_NEXT) {
            found = dsn_take_part(&rest, boundary, DSN_BY_US, &part);
            outcome = worse(outcome, read_status_part(dsn, part));
            if (outcome == DSN_TOO_MANY || outcome == DSN_NO_MEMORY)
                return outcome;
            if (found == DSN_DELIMITER_CLOSE)
                return outcome; /* the original was lost */
            if (found == DSN_DELIMITER_NEXT)
                return worse(outcome,
                             read_original_part(dsn, rest, original_r));
        }
    }
    dsn->is_cut = found == DSN_DELIMITER_NONE;
    return DSN_INCOMPLETE;
}

static enum dsn_outcome read_text_form(struct dsn *dsn, struct slice rest,
                                       struct slice *original_r)
{
    struct slice original;
    enum dsn_outcome outcome;

    if (!read_opening(dsn, &rest)) {
        dsn->is_cut = rest.len == 0;
        return DSN_INCOMPLETE;
    }
    outcome = dsn_read_text(dsn, rest, &original);
    dsn->is_cut = outcome == DSN_INCOMPLETE;
    if (outcome != DSN_OK || slice_is_absent(original))
        return outcome;
    while (original.len > 0 && original.ptr[0] == '\n')
        original = slice_skip(original, 1);
    return read_original(dsn, original, original_r);
}

static bool has_failed_recipient(const struct dsn *dsn)
{
    for (size_t i = 0; i < dsn->recipient_count; i++)
        if (dsn_has_failed(&dsn->recipients[i]))
            return true;
    return false;
}

/* dropenvelope: 4.4.7 when the queue's time was up, 5.4.7 for Deliver-By. */
static bool has_expired_recipient(const struct dsn *dsn)
{
    for (size_t i = 0; i < dsn->recipient_count; i++) {
        struct slice status = dsn->recipients[i].status;

        if (dsn_has_failed(&dsn->recipients[i]) &&
            (slice_equal(status, SLICE_LITERAL("4.4.7")) ||
             slice_equal(status, SLICE_LITERAL("5.4.7"))))
            return true;
    }
    return false;
}

/* The boundary begins with the report's own id, so that another report's
 * body, copied under this qf, is not taken for its own. */
static bool is_own_boundary(struct slice boundary, struct slice id)
{
    return id.len > 0 && boundary.len <= DSN_BOUNDARY_MAX &&
           slice_starts(boundary, id) &&
           slice_starts(slice_skip(boundary, id.len), SLICE_LITERAL("."));
}

enum dsn_outcome dsn_parse_own(struct dsn *dsn, const struct qf *qf,
                               enum dsn_kind kind, struct slice id,
                               struct slice body)
{
    size_t count;
    struct slice type = dsn_header(qf, SLICE_LITERAL("Content-Type"), &count);
    struct slice boundary = header_parameter(type, SLICE_LITERAL("boundary"));
    struct slice original = {NULL, 0};
    enum dsn_outcome outcome;

    dsn_reset(dsn);
    if (!qf_has_flag(qf, 'r'))
        return DSN_NOT_A_REPORT;
    dsn->kind = kind;
    if (count == 0)
        outcome = read_text_form(dsn, body, &original);
    else if (count == 1 && is_own_boundary(boundary, id))
        outcome = read_mime(dsn, boundary, body, &original);
    else
        return DSN_INCOMPLETE;
    dsn->has_source = client_parse(dsn->source_text, &dsn->source);
    if (outcome == DSN_OK && filter_is_near(&dsn->source) &&
        !slice_is_absent(original))
        outcome = look_behind_filter(dsn, original);
    dsn->has_expired |= has_expired_recipient(dsn);
    if (outcome == DSN_OK && dsn->kind == DSN_FAILURE &&
        !has_failed_recipient(dsn))
        return DSN_INCOMPLETE;
    return outcome;
}
