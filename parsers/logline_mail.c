#include "parsers/bytes.h"
#include "parsers/logline_part.h"

/* ---- numbers ---- */

/* A number of up to seven digits with more behind it, as all its bytes at once;
 * how many digits there are, or 0. */
static inline size_t short_number(struct slice text, size_t at,
                                  int64_t *number_r)
{
    uint64_t word, others;
    unsigned count;

    if (text.len - at < sizeof(word))
        return 0;
    word = bytes_word(text.ptr + at);
    others = log_not_digits(word);
    count = others == 0 ? 0 : (unsigned)__builtin_ctzll(others) / 8;
    if (count > 0)
        *number_r = log_first_digits(word, count);
    return count;
}

/* take_number, of any number. */
static bool take_any_number(struct slice *rest, size_t key_len,
                            int64_t *number_r)
{
    enum { PLAIN_DIGITS_MAX = 18 }; /* that always fit */
    size_t len = key_len;
    int64_t number = 0;

    for (; len < rest->len && byte_is_digit(rest->ptr[len]); len++)
        if (len - key_len < PLAIN_DIGITS_MAX)
            number = number * 10 + (rest->ptr[len] - '0');
    if (len == key_len || len - key_len > PLAIN_DIGITS_MAX) {
        /* a sign, a long number, or none */
        len += len == key_len && len < rest->len && rest->ptr[len] == '-';
        while (len < rest->len && byte_is_digit(rest->ptr[len]))
            len++;
        if (!slice_to_integer(log_between(*rest, key_len, len), &number))
            return false;
    }
    *number_r = number;
    *rest = slice_skip(*rest, len);
    return true;
}

/* Takes a key and a decimal number (class= may be negative) off the front of
 * *rest, where the key stands. */
static inline bool take_number(struct slice *rest, size_t key_len,
                               int64_t *number_r)
{
    struct slice text = log_behind(*rest, key_len);
    size_t count = 1;

    if (text.len > 1 && byte_is_digit(text.ptr[0]) &&
        !byte_is_digit(text.ptr[1]))
        *number_r = text.ptr[0] - '0';
    else
        count = short_number(*rest, key_len, number_r);
    if (count == 0)
        return take_any_number(rest, key_len, number_r);
    *rest = log_behind(*rest, key_len + count);
    return true;
}

#define TAKE_NUMBER(rest, key, number_r)                                       \
    (LOG_STARTS(*(rest), key) && take_number((rest), sizeof(key) - 1, number_r))

/* ---- addresses ---- */

/* A comma begins another address, or what only looks like a field. */
static inline bytes16 mark_no_single(bytes16 c)
{
    return log_mark_plain_end(c) | (bytes16)(c == ',');
}

/* Length of the address that text begins with, when it can be taken at sight;
 * 0 otherwise. */
static inline size_t single_address(struct slice text)
{
    return log_in_angles(text, mark_no_single);
}

/* ---- from= (headers.c, logsender) ---- */

enum { RECIPIENTS_ABSURD = 1 << 24 };
static const int64_t size_absurd_bytes = INT64_C(1) << 36;

/* ", size=N, class=N[, pri=N], nrcpts=N"; 8.9 and older print pri=. A size is
 * what the client declared, also where no message came: an absurd one is none,
 * and no sum of others comes near the end of its type. */
static size_t take_counts(struct slice text, struct logline *line)
{
    struct slice rest = text;
    int64_t size, ignored, count;

    if (!TAKE_NUMBER(&rest, ", size=", &size) ||
        !TAKE_NUMBER(&rest, ", class=", &ignored))
        return 0;
    (void)TAKE_NUMBER(&rest, ", pri=", &ignored);
    if (!TAKE_NUMBER(&rest, ", nrcpts=", &count))
        return 0;
    line->size_bytes = size <= size_absurd_bytes ? size : -1;
    line->recipient_count = count <= RECIPIENTS_ABSURD ? count : -1;
    return text.len - rest.len;
}

/*
 * Where the address ends: at the first counts outside its quotes, or at the
 * only ones there are. text.len: none, or it cannot be told (hostile).
 */
static size_t find_counts(struct slice text, struct logline *line,
                          size_t *counts_len_r)
{
    struct slice words = SLICE_LITERAL(", size=");
    struct log_scan scan = {.text = text};
    size_t end = log_plain_address(text);
    size_t found = text.len;

    *counts_len_r = take_counts(slice_skip(text, end), line);
    if (end > 0 && *counts_len_r > 0)
        return end;
    while ((end = log_scan_next(&scan, ',')) < text.len) {
        *counts_len_r = take_counts(slice_skip(text, end), line);
        if (*counts_len_r > 0)
            return end;
    }
    for (end = log_find(text, words, 0); end < text.len;
         end = log_find(text, words, end + 1)) {
        size_t len = take_counts(slice_skip(text, end), line);

        if (len == 0)
            continue;
        line->is_hostile = found < text.len;
        found = end;
        *counts_len_r = len;
        if (line->is_hostile)
            return text.len;
    }
    return found;
}

/* "[, msgid=M][, bodytype=B][, proto=P][, daemon=D]": the message id is the
 * sender's free text, the others are taken off the end. */
static void from_tail(struct slice tail, struct logline *line)
{
    struct log_tail fields = log_tail_of(tail);
    struct slice ignored;

    LOG_TAKE_LAST(&fields, ", daemon=", &ignored);
    /* builds that log more */
    LOG_TAKE_LAST(&fields, ", auth=", &ignored);
    LOG_TAKE_LAST(&fields, ", tls_verify=", &ignored);
    LOG_TAKE_LAST(&fields, ", proto=", &line->protocol);
    LOG_TAKE_LAST(&fields, ", bodytype=", &ignored);
    if (LOG_STARTS(fields.rest, ", msgid="))
        line->message_id = LOG_SKIP(fields.rest, ", msgid=");
}

/*
 * Most are of one form, "<A>, size=N, class=N, nrcpts=N[, msgid=M][,
 * bodytype=B][, proto=P][, daemon=D], relay=R", without any other comma: then
 * all fields are where they seem to be.
 */
static bool parse_usual_from(struct slice text, struct logline *line)
{
    size_t end = single_address(text);
    struct slice message_id = log_absent, protocol = log_absent;
    struct slice rest = log_behind(text, end), relay, ignored;
    size_t counts_len = end == 0 ? 0 : take_counts(rest, line);

    if (counts_len == 0)
        return false;
    rest = log_behind(rest, counts_len);
    (void)LOG_TAKE_FIRST(&rest, ", msgid=", &message_id);
    (void)LOG_TAKE_FIRST(&rest, ", bodytype=", &ignored);
    (void)LOG_TAKE_FIRST(&rest, ", proto=", &protocol);
    (void)LOG_TAKE_FIRST(&rest, ", daemon=", &ignored);
    if (!LOG_TAKE_FIRST(&rest, ", relay=", &relay) || rest.len > 0)
        return false;
    line->kind = LOGLINE_FROM;
    line->sender = address_bare(slice_head(text, end));
    line->message_id = message_id;
    line->protocol = protocol;
    logline_set_relay(line, relay);
    return true;
}

/*
 * "A, size=N, class=N, received from HOST": releases before 8, with no word of
 * how many recipients there are. Of others a line that was cut may look so.
 */
static bool parse_old_from(struct slice text, struct logline *line)
{
    struct slice words = SLICE_LITERAL(", received from ");
    size_t by = log_find(text, words, 0);
    size_t size = log_find_last(slice_head(text, by), SLICE_LITERAL(", size="));
    struct slice counts = log_between(text, size, by);
    int64_t size_bytes, ignored;

    if (by == text.len || size == by || line->is_split ||
        !logline_is_old_id(line->id) ||
        !TAKE_NUMBER(&counts, ", size=", &size_bytes) ||
        !TAKE_NUMBER(&counts, ", class=", &ignored) || counts.len > 0)
        return false;
    line->kind = LOGLINE_FROM;
    line->is_hostile = log_find(text, words, by + 1) < text.len;
    if (line->is_hostile)
        return true;
    line->sender = address_bare(slice_head(text, size));
    line->size_bytes = size_bytes <= size_absurd_bytes ? size_bytes : -1;
    line->recipient_count = 1;
    logline_set_old_relay(line, slice_skip(text, by + words.len));
    return true;
}

static bool parse_from(struct slice text, struct logline *line)
{
    struct slice words = SLICE_LITERAL(", relay=");
    size_t relay, counts_len, end, tail;

    if (!line->is_split && parse_usual_from(text, line))
        return true;
    end = find_counts(text, line, &counts_len);
    tail = end + counts_len;
    relay = log_find_last(text, words);
    if (relay == text.len && end == text.len)
        return parse_old_from(text, line);
    line->kind = LOGLINE_FROM;
    if (line->is_split)
        relay = text.len;
    if (relay < text.len)
        logline_set_relay(line, slice_skip(text, relay + words.len));
    if (line->is_hostile) {
        line->size_bytes = line->recipient_count = -1;
        return true;
    }
    if (end == text.len) {
        struct log_scan scan = {.text = text};

        tail = end = log_scan_next(&scan, ',');
    }
    line->sender = address_bare(slice_head(text, end));
    if (relay >= tail && relay < text.len)
        from_tail(log_between(text, tail, relay), line);
    return true;
}

/* ---- to= (deliver.c, logdelivery) ---- */

enum to_field {
    TO_CTLADDR,
    TO_DELAY,
    TO_XDELAY,
    TO_MAILER,
    TO_RELAY,
    TO_DSN,
    TO_REPLY,
    TO_QUARANTINE,
    TO_STAT,
    TO_OTHER, /* pri= and what other builds have */
    TO_NONE,  /* a comma, no field */
};

struct to_key {
    enum to_field field;
    uint32_t len;
};

#define TO_KEY(rest, words, field)                                             \
    (LOG_STARTS(rest, words) ? (struct to_key){field, sizeof(words) - 1}       \
                             : (struct to_key){TO_OTHER, 0})

/* Which field begins at a comma. */
static struct to_key to_key_at(struct slice rest)
{
    if (rest.len < 6 || rest.ptr[1] != ' ')
        return (struct to_key){TO_NONE, 0};
    switch (rest.ptr[2]) {
    case 'c':
        return TO_KEY(rest, ", ctladdr=", TO_CTLADDR);
    case 'd':
        if (rest.ptr[3] == 's')
            return TO_KEY(rest, ", dsn=", TO_DSN);
        return TO_KEY(rest, ", delay=", TO_DELAY);
    case 'x':
        return TO_KEY(rest, ", xdelay=", TO_XDELAY);
    case 'm':
        return TO_KEY(rest, ", mailer=", TO_MAILER);
    case 'q':
        return TO_KEY(rest, ", quarantine=", TO_QUARANTINE);
    case 'r':
        if (rest.ptr[4] == 'p')
            return TO_KEY(rest, ", reply=", TO_REPLY);
        return TO_KEY(rest, ", relay=", TO_RELAY);
    case 's':
        return TO_KEY(rest, ", stat=", TO_STAT);
    default:
        return (struct to_key){TO_OTHER, 0};
    }
}

enum {
    TO_ALL = (1u << TO_NONE) - 1,
    /* up to delay= only ctladdr= is ours; no delay= before release 8 */
    TO_AMONG_ADDRESSES = 1u << TO_DELAY | 1u << TO_STAT,
};

/* What ends a value: of reply= and quarantine= only stat=, of stat= nothing
 * but the line; our own come in a fixed order. */
static const unsigned to_heard_in[] = {
    [TO_CTLADDR] = TO_ALL,
    [TO_DELAY] = TO_ALL,
    [TO_XDELAY] = TO_ALL,
    [TO_MAILER] = TO_ALL,
    [TO_RELAY] = TO_ALL,
    [TO_DSN] = TO_ALL,
    [TO_REPLY] = 1u << TO_STAT,
    [TO_QUARANTINE] = 1u << TO_STAT,
    [TO_STAT] = 0,
};

struct to_values {
    struct slice of[TO_OTHER + 1]; /* absent: none */
    size_t addresses_end;          /* with ctladdr= */
    unsigned seen;                 /* bit of each field that stands anywhere */
    unsigned seen_twice;           /* ... more than once */
    unsigned heard;                /* those that count where we are */
    enum to_field open;            /* whose value goes on */
};

static inline void end_value(struct to_values *values, const char *end)
{
    struct slice *open = &values->of[values->open];

    if (values->open != TO_OTHER)
        open->len = (size_t)(end - open->ptr);
}

/* The value that goes on ends where a field begins; the first of each field
 * counts. */
static inline void next_value(struct to_values *values, const char *at,
                              struct to_key key)
{
    end_value(values, at);
    values->open = TO_OTHER;
    if (key.field == TO_OTHER || !slice_is_absent(values->of[key.field]))
        return;
    values->of[key.field].ptr = at + key.len;
    values->open = key.field;
    values->heard = to_heard_in[key.field];
}

/* Releases before 8 wrote no delay=; if one follows, this was an address. */
static void stat_among_addresses(struct to_values *values, struct slice text,
                                 size_t at, struct to_key key)
{
    if (!slice_is_absent(values->of[TO_STAT]))
        return;
    values->of[TO_STAT] = log_behind(text, at + key.len);
    values->addresses_end = at;
}

/* A field that counts begins at offset at. */
static inline void to_field_heard(struct to_values *values, struct slice text,
                                  size_t at, struct to_key key)
{
    if (values->heard == TO_AMONG_ADDRESSES) {
        if (key.field == TO_STAT) {
            stat_among_addresses(values, text, at, key);
            return;
        }
        values->addresses_end = at;
        values->of[TO_STAT] = log_absent;
    }
    next_value(values, text.ptr + at, key);
}

/* The commas with a blank behind them, 32 bytes at a time. */
struct comma_scan {
    struct slice text;
    size_t done;   /* offset up to which commas were looked for */
    size_t block;  /* offset that bits are counted from */
    unsigned bits; /* of commas still to come */
};

/* Seventeen bytes are looked at. */
static inline unsigned comma_bits(const char *p)
{
    return bytes16_bits(
        (bytes16)((bytes16_load(p) == ',') & (bytes16_load(p + 1) == ' ')));
}

static inline struct comma_scan start_commas(struct slice text)
{
    struct comma_scan scan = {.text = text, .done = sizeof(bytes16)};
    size_t len = text.len < sizeof(bytes16) ? text.len : sizeof(bytes16);

    /* the blank is not asked for here: a key is looked at in any case */
    scan.bits = bytes16_bits(
        (bytes16)(bytes16_load_short(slice_head(text, len)) == ','));
    return scan;
}

/* Near the end sixteen bytes, at the very end some of those seen before; a
 * comma that is the last byte has no blank behind it. */
static bool last_commas(struct comma_scan *scan)
{
    enum { LOOKED_AT = sizeof(bytes16) + 1 };
    size_t len = scan->text.len;
    size_t seen;

    if (scan->done + 1 >= len)
        return false;
    scan->block = scan->done + LOOKED_AT <= len ? scan->done : len - LOOKED_AT;
    seen = scan->done - scan->block;
    scan->bits = comma_bits(scan->text.ptr + scan->block) >> seen << seen;
    scan->done = scan->block + sizeof(bytes16);
    return true;
}

static inline bool next_comma(struct comma_scan *scan, size_t *at_r)
{
    while (scan->bits == 0) {
        if (scan->done + 2 * sizeof(bytes16) < scan->text.len) {
            const char *p = scan->text.ptr + scan->done;

            scan->bits = comma_bits(p) | comma_bits(p + 16) << 16;
            scan->block = scan->done;
            scan->done += 2 * sizeof(bytes16);
        } else if (!last_commas(scan)) {
            return false;
        }
    }
    *at_r = scan->block + bits_first(scan->bits);
    scan->bits &= scan->bits - 1;
    return true;
}

/* One pass over the commas of a line. */
static void find_to_values(struct slice text, struct to_values *values)
{
    struct comma_scan commas = start_commas(text);
    size_t at;

    memset(values->of, 0, sizeof(values->of));
    values->addresses_end = text.len;
    values->seen = values->seen_twice = 0;
    values->heard = TO_AMONG_ADDRESSES;
    values->open = TO_OTHER;
    while (next_comma(&commas, &at)) {
        struct to_key key = to_key_at(slice_make(text.ptr + at, text.len - at));
        unsigned bit = 1u << key.field;

        values->seen_twice |= values->seen & bit;
        values->seen |= bit;
        if ((values->heard & bit) != 0)
            to_field_heard(values, text, at, key);
    }
    end_value(values, text.ptr + text.len);
}

/*
 * Nine of ten lines are of one form, "<A>, delay=D, xdelay=X, mailer=M, pri=N[,
 * relay=H][, dsn=C][, reply=R], stat=S", without any other comma: then all
 * fields are where they seem to be, and this finds what find_to_values would.
 * False: it is not of that form.
 */
static bool find_usual_values(struct slice text, struct to_values *values)
{
    size_t addresses_end = single_address(text);
    struct slice rest = log_behind(text, addresses_end);

    if (addresses_end == 0)
        return false;
    values->of[TO_RELAY] = values->of[TO_DSN] = values->of[TO_REPLY] =
        log_absent;
    if (!LOG_TAKE_FIRST(&rest, ", delay=", &values->of[TO_DELAY]) ||
        !LOG_TAKE_FIRST(&rest, ", xdelay=", &values->of[TO_XDELAY]) ||
        !LOG_TAKE_FIRST(&rest, ", mailer=", &values->of[TO_MAILER]) ||
        !LOG_TAKE_FIRST(&rest, ", pri=", &values->of[TO_OTHER]))
        return false;
    (void)LOG_TAKE_FIRST(&rest, ", relay=", &values->of[TO_RELAY]);
    (void)LOG_TAKE_FIRST(&rest, ", dsn=", &values->of[TO_DSN]);
    (void)LOG_TAKE_FIRST(&rest, ", reply=", &values->of[TO_REPLY]);
    if (!LOG_TAKE_FIRST(&rest, ", stat=", &values->of[TO_STAT]) || rest.len > 0)
        return false;
    values->addresses_end = addresses_end;
    values->seen = 1u << TO_STAT;
    values->seen_twice = 0;
    return true;
}

/* "<x> (8/0)", "smmsp (103/106)" */
static struct slice without_ids(struct slice ctladdr)
{
    size_t open;

    if (ctladdr.len == 0 || ctladdr.ptr[ctladdr.len - 1] != ')')
        return ctladdr;
    open = log_find_last(ctladdr, SLICE_LITERAL(" ("));
    return slice_head(ctladdr, open);
}

/* "<x> (8/0)": a user of this host, who has no quotes in his name. */
static bool has_ids(struct slice ctladdr)
{
    struct slice ids = slice_skip(ctladdr, without_ids(ctladdr).len);
    int64_t ignored;

    return TAKE_NUMBER(&ids, " (", &ignored) &&
           TAKE_NUMBER(&ids, "/", &ignored) &&
           slice_equal(ids, SLICE_LITERAL(")"));
}

/*
 * What a .forward or an alias says goes into the log as it is, "to=this is
 * (bad, ctladdr=<rob@example.org> (1017/1000)"; RCPT takes nothing that does
 * not close (parseaddr.c, prescan). With one ctladdr= of a user here there is
 * no second place where the address could end. Out of line: the usual lines
 * would pay for its size.
 */
static __attribute__((noinline)) bool take_garbled(struct slice list,
                                                   struct logline *line)
{
    struct slice words = SLICE_LITERAL(", ctladdr=");
    size_t at = log_find(list, words, 0);
    struct slice ctladdr = slice_skip(list, at + words.len);

    if (at == 0 || log_find_last(list, words) != at || !has_ids(ctladdr))
        return false;
    line->is_garbled = true;
    line->recipients = line->recipient = slice_head(list, at);
    line->ctladdr = address_bare(without_ids(ctladdr));
    return true;
}

/* The addresses, and the user they are sent for. False when it cannot be told
 * where one ends. */
static bool take_addresses(struct slice list, bool has_ctladdr,
                           struct logline *line)
{
    struct log_scan scan = {.text = list};
    struct slice rest;
    size_t at;

    line->recipients = list;
    while (has_ctladdr && (at = log_scan_next(&scan, ',')) < list.len) {
        if (!LOG_STARTS(slice_skip(list, at), ", ctladdr="))
            continue;
        line->recipients = slice_head(list, at);
        line->ctladdr = address_bare(
            without_ids(LOG_SKIP(slice_skip(list, at), ", ctladdr=")));
        has_ctladdr = false;
    }
    if (has_ctladdr && !log_scan_is_closed(&scan)) {
        line->recipients = log_absent;
        return take_garbled(list, line);
    }
    if (LOG_ENDS(line->recipients, " [more]"))
        line->recipients.len -= sizeof " [more]" - 1;
    rest = line->recipients;
    logline_next_recipient(&rest, &line->recipient);
    return true;
}

/* Of two that there must be one of, none can be believed; and what says
 * "Sent" beside a refusal was cut behind the remote host's words. */
static bool is_to_hostile(const struct to_values *values)
{
    unsigned single = 1u << TO_STAT | 1u << TO_DELAY | 1u << TO_DSN;
    struct slice dsn = values->of[TO_DSN];

    if ((values->seen_twice & single) != 0)
        return true;
    return LOG_STARTS(values->of[TO_STAT], "Sent") &&
           (!slice_is_absent(values->of[TO_REPLY]) ||
            (dsn.len > 0 && dsn.ptr[0] != '2'));
}

/* Words of deliver.c and queue.c that say what becomes of it. */
static bool is_to_decided(struct slice status)
{
    return LOG_STARTS(status, "Sent") || LOG_STARTS(status, "Deferred") ||
           LOG_STARTS(status, "quarantined") ||
           LOG_STARTS(status, "discarded") ||
           slice_equal(status, SLICE_LITERAL("queued"));
}

/* "to=A, delay=D, pri=N[, dsn=C], stat=S", without a mailer. Out of line, too.
 */
static __attribute__((noinline)) bool
is_to_unsent(struct slice text, const struct to_values *values)
{
    struct slice delay = values->of[TO_DELAY];

    return !slice_is_absent(delay) && slice_is_absent(values->of[TO_XDELAY]) &&
           LOG_STARTS(
               slice_skip(text, (size_t)(delay.ptr - text.ptr) + delay.len),
               ", pri=") &&
           !is_to_decided(values->of[TO_STAT]);
}

static bool parse_to(struct slice text, struct logline *line)
{
    struct to_values values;
    bool is_usual = find_usual_values(text, &values);

    if (!is_usual) {
        find_to_values(text, &values);
        if (slice_is_absent(values.of[TO_MAILER]))
            line->is_unsent = is_to_unsent(text, &values);
    }
    /* a long line may have been cut before stat=; Postfix has another delay= */
    line->delay_sec = log_duration(values.of[TO_DELAY]);
    if ((values.seen & 1u << TO_STAT) == 0 && !line->is_split &&
        line->delay_sec < 0)
        return false;
    line->kind = LOGLINE_TO;
    line->is_hostile = is_to_hostile(&values);
    if (is_usual) {
        line->recipients = slice_head(text, values.addresses_end);
        line->recipient = address_bare(line->recipients);
    } else if ((values.seen_twice & 1u << TO_DELAY) == 0 &&
               !take_addresses(slice_head(text, values.addresses_end),
                               (values.seen & 1u << TO_CTLADDR) != 0, line))
        line->is_hostile = true;
    if ((values.seen_twice & 1u << TO_DELAY) != 0) {
        line->delay_sec = -1;
        return true;
    }
    if (!slice_is_absent(values.of[TO_RELAY]))
        logline_set_relay(line, values.of[TO_RELAY]);
    line->mailer = values.of[TO_MAILER];
    line->xdelay_sec = log_duration(values.of[TO_XDELAY]);
    if (line->is_hostile || line->is_split || line->is_unsent)
        return true;
    line->status = values.of[TO_STAT];
    line->dsn = values.of[TO_DSN];
    if (!slice_is_absent(values.of[TO_REPLY]))
        logline_set_reply(line, values.of[TO_REPLY]);
    return true;
}

/* ---- rulesets (parseaddr.c, rscheck) ---- */

struct ruleset_places {
    size_t args_end; /* at ", relay=", or where the verdict begins */
    size_t relay;    /* text.len: none */
    size_t verdict;  /* ", reject=", ", discard", ", quarantine=" */
};

/* Offset of the last verdict, or text.len. */
static size_t last_verdict(struct slice text)
{
    size_t at = log_find_last(text, SLICE_LITERAL(", reject="));

    if (at == text.len && LOG_ENDS(text, ", discard"))
        at = text.len - (sizeof ", discard" - 1);
    if (at == text.len)
        at = log_find_last(text, SLICE_LITERAL(", quarantine="));
    return at;
}

/* Offset of the first verdict at or behind from, or text.len. */
static size_t first_verdict(struct slice text, size_t from)
{
    size_t reject = log_find(text, SLICE_LITERAL(", reject="), from);
    size_t other = log_find(text, SLICE_LITERAL(", quarantine="), from);

    if (other < reject)
        reject = other;
    if (reject == text.len && LOG_ENDS(text, ", discard") &&
        text.len - (sizeof ", discard" - 1) >= from)
        reject = text.len - (sizeof ", discard" - 1);
    return reject;
}

/* check_mail and check_rcpt: the argument is an address that prescan took to
 * be whole, so the first field outside its quotes is ours. */
static bool find_by_address(struct slice text, struct ruleset_places *places)
{
    struct log_scan scan = {.text = text};
    size_t at;

    while ((at = log_scan_next(&scan, ',')) < text.len) {
        struct slice rest = slice_skip(text, at);

        places->args_end = at;
        if (LOG_STARTS(rest, ", relay=")) {
            places->relay = at;
            places->verdict = first_verdict(text, at);
            return true;
        }
        if (LOG_STARTS(rest, ", reject=") || LOG_STARTS(rest, ", discard") ||
            LOG_STARTS(rest, ", quarantine=")) {
            places->relay = text.len;
            places->verdict = at;
            return true;
        }
    }
    return false;
}

/* The others: their argument is free text, their reply is the site's own. */
static void find_from_end(struct slice text, struct ruleset_places *places)
{
    struct slice words = SLICE_LITERAL(", relay=");
    size_t relay;

    places->verdict = last_verdict(text);
    relay = log_find_last(slice_head(text, places->verdict), words);
    places->relay = relay < places->verdict ? relay : text.len;
    places->args_end =
        places->relay < text.len ? places->relay : places->verdict;
}

/* Two ", relay=" and no closed address: nobody can tell. */
static bool has_two_relays(struct slice text)
{
    struct slice words = SLICE_LITERAL(", relay=");
    size_t first = log_find(text, words, 0);

    return first < text.len && log_find(text, words, first + 1) < text.len;
}

static void take_argument(struct slice args, struct logline *line)
{
    struct slice argument = LOG_SKIP(args, "arg1=");

    if (!LOG_STARTS(args, "arg1="))
        return;
    if (LOG_STARTS(line->ruleset, "check_mail"))
        line->sender = address_bare(argument);
    else if (LOG_STARTS(line->ruleset, "check_rcpt"))
        line->recipient = address_bare(argument);
}

static void take_verdict(struct slice verdict, struct logline *line)
{
    if (LOG_STARTS(verdict, ", reject="))
        logline_set_reply(line, LOG_SKIP(verdict, ", reject="));
    else if (LOG_STARTS(verdict, ", quarantine="))
        line->reason = LOG_SKIP(verdict, ", quarantine=");
    else if (verdict.len > 2)
        line->reason = slice_skip(verdict, 2);
}

static bool parse_ruleset(struct slice text, struct logline *line)
{
    struct ruleset_places places;
    struct slice rest = LOG_SKIP(text, "ruleset=");
    size_t name = slice_index(rest, ',');
    bool is_address;

    line->kind = LOGLINE_RULESET;
    line->ruleset = slice_head(rest, name);
    rest = slice_skip(rest, name + 2);
    if (rest.len == 0)
        return true;
    is_address = slice_equal(line->ruleset, SLICE_LITERAL("check_mail")) ||
                 slice_equal(line->ruleset, SLICE_LITERAL("check_rcpt"));
    if (!is_address || !find_by_address(rest, &places)) {
        find_from_end(rest, &places);
        line->is_hostile =
            line->is_split || (is_address && has_two_relays(rest));
    }
    if (line->is_hostile)
        return true;
    take_argument(slice_head(rest, places.args_end), line);
    if (places.relay < rest.len)
        logline_set_relay(
            line, log_between(rest, places.relay + sizeof ", relay=" - 1,
                              places.verdict));
    take_verdict(slice_skip(rest, places.verdict), line);
    return true;
}

/* ---- born and done (savemail.c, deliver.c, queue.c, envelope.c) ---- */

static inline bytes16 mark_id_end(bytes16 c)
{
    return (bytes16)((c == ':') | (c == ' '));
}

/* "CHILD: DSN: User unknown": our own words, with another id before them. */
static bool parse_child(struct slice text, struct logline *line)
{
    static const struct slice kinds[] = {
        LOG_WORDS("DSN: "), LOG_WORDS("sender notify: "),
        LOG_WORDS("return to sender: "), LOG_WORDS("postmaster notify: ")};
    size_t colon = bytes_find(slice_head(text, 32), mark_id_end);
    struct slice rest = slice_skip(text, colon + 2);

    if (colon == 0 || colon + 2 > text.len || text.ptr[colon] != ':' ||
        text.ptr[colon + 1] != ' ')
        return false;
    if (LOG_STARTS(rest, "clone: owner=")) {
        line->kind = LOGLINE_CLONE;
        line->child = slice_head(text, colon);
        line->sender = address_bare(LOG_SKIP(rest, "clone: owner="));
        return true;
    }
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (!slice_starts(rest, kinds[i]))
            continue;
        line->kind = LOGLINE_DSN;
        line->child = slice_head(text, colon);
        line->command = slice_head(rest, kinds[i].len - 2);
        line->reason = slice_skip(rest, kinds[i].len);
        return true;
    }
    return false;
}

/* "CHILD: clone PARENT, owner=A": releases before 8.12 wrote it the other way
 * round (deliver.c, sendall). */
static bool parse_old_clone(struct slice text, struct logline *line)
{
    struct slice words = SLICE_LITERAL(", owner=");
    struct slice parent = LOG_SKIP(text, "clone ");
    size_t end;

    if (!LOG_STARTS(text, "clone ") || !logline_is_old_id(line->id))
        return false;
    end = log_find(parent, words, 0);
    if (end == parent.len || !logline_is_old_id(slice_head(parent, end)))
        return false;
    line->kind = LOGLINE_CLONE;
    line->child = line->id;
    line->id = slice_head(parent, end);
    line->sender = address_bare(slice_skip(parent, end + words.len));
    return true;
}

/* "split: count=2, ids=A; B", "split: maxrcpts=.., rcpts=.., count=.., id=A" */
static bool parse_split(struct slice text, struct logline *line)
{
    size_t id = log_find(text, SLICE_LITERAL(", id"), 0);
    size_t count = log_find(slice_head(text, id), SLICE_LITERAL("count="), 0);
    struct slice ids = slice_skip(text, id);
    size_t equals = slice_index(ids, '=');

    if (id == text.len || count == id || equals == ids.len)
        return false;
    line->kind = LOGLINE_CLONE;
    line->child = slice_skip(ids, equals + 1);
    slice_to_integer(log_between(text, count + sizeof "count=" - 1, id),
                     &line->recipient_count);
    return true;
}

static bool parse_done(struct slice text, struct logline *line)
{
    struct slice rest = LOG_SKIP(text, "done; delay=");
    size_t comma = slice_index(rest, ',');

    if (!LOG_STARTS(text, "done; delay="))
        return false;
    line->kind = LOGLINE_DONE;
    line->delay_sec = log_duration(slice_head(rest, comma));
    rest = slice_skip(rest, comma);
    (void)TAKE_NUMBER(&rest, ", ntries=", &line->tries);
    return true;
}

bool logline_mail(struct slice text, struct logline *line)
{
    if (LOG_STARTS(text, "to="))
        return parse_to(LOG_SKIP(text, "to="), line);
    if (LOG_STARTS(text, "from="))
        return parse_from(LOG_SKIP(text, "from="), line);
    if (LOG_STARTS(text, "ruleset="))
        return parse_ruleset(text, line);
    if (LOG_STARTS(text, "done; "))
        return parse_done(text, line);
    if (LOG_STARTS(text, "split: "))
        return parse_split(text, line);
    return parse_child(text, line) || parse_old_clone(text, line);
}
