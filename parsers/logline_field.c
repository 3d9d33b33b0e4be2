#include "parsers/logline_part.h"

#include "parsers/bytes.h"

/* ---- scanning outside quotes ---- */

/* Bytes of one byte as the log has it: "a", "\\", "\101". */
static size_t logged_byte(struct slice text, size_t at)
{
    if (text.ptr[at] != '\\')
        return 1;
    if (at + 1 < text.len && text.ptr[at + 1] == '\\')
        return 2;
    if (at + 3 < text.len && byte_is_digit(text.ptr[at + 1]) &&
        byte_is_digit(text.ptr[at + 2]) && byte_is_digit(text.ptr[at + 3]))
        return 4;
    return 1;
}

static size_t skip_escape(struct slice text, size_t at)
{
    size_t len = logged_byte(text, at);

    at += len;
    /* "\ooo" is one byte of data and quotes nothing */
    if (len == 4 || at >= text.len)
        return at;
    return at + logged_byte(text, at);
}

/* What ends or begins something, but for the byte that is looked for. */
static const bool is_scan_byte[256] = {
    ['\\'] = true, ['"'] = true, ['('] = true,
    [')'] = true,  ['<'] = true, ['>'] = true};

size_t log_scan_next(struct log_scan *scan, char stop)
{
    struct slice text = scan->text;

    for (;;) {
        size_t at = scan->at;
        char c;

        while (at < text.len && text.ptr[at] != stop &&
               !is_scan_byte[(unsigned char)text.ptr[at]])
            at++;
        if (at >= text.len)
            break;
        c = text.ptr[at];

        if (c == '\\') {
            scan->at = skip_escape(text, at);
            continue;
        }
        scan->at = at + 1;
        if (c == '"') {
            scan->is_quoted = !scan->is_quoted;
        } else if (scan->is_quoted) {
            continue;
        } else if (c == '(') {
            scan->comments++;
        } else if (scan->comments > 0) {
            scan->comments -= c == ')';
        } else if (c == stop && scan->angles == 0) {
            return at;
        } else if (c == '<') {
            scan->angles++;
        } else if (c == '>' && scan->angles > 0) {
            scan->angles--;
        }
    }
    scan->at = text.len;
    return text.len;
}

bool log_scan_is_closed(const struct log_scan *scan)
{
    return scan->angles == 0 && scan->comments == 0 && !scan->is_quoted;
}

size_t log_plain_address(struct slice text)
{
    return log_in_angles(text, log_mark_plain_end);
}

bool logline_next_recipient(struct slice *rest, struct slice *recipient_r)
{
    size_t end;

    if (rest->len == 0)
        return false;
    end = log_plain_address(*rest);
    if (end == 0 || (end < rest->len && rest->ptr[end] != ',')) {
        struct log_scan scan = {.text = *rest};

        end = log_scan_next(&scan, ',');
    }
    *recipient_r = address_bare(slice_head(*rest, end));
    *rest = slice_skip(*rest, end + 1);
    return true;
}

/* ---- fields ---- */

/* "D+"; -1 when it is none. */
static int64_t days_of(struct slice text)
{
    int64_t days;

    if (text.ptr[text.len - 1] != '+' ||
        !slice_to_integer(slice_head(text, text.len - 1), &days) || days < 0 ||
        days > INT32_MAX)
        return -1;
    return days;
}

int64_t log_duration_any(struct slice text)
{
    struct log_clock clock;
    int64_t days;

    if (text.len <= LOG_CLOCK_LEN)
        return -1;
    days = days_of(slice_head(text, text.len - LOG_CLOCK_LEN));
    clock = log_clock_read(text.ptr + text.len - LOG_CLOCK_LEN);
    if (days < 0 || !clock.is_good)
        return -1;
    return days * 86400 + log_clock_sec(clock);
}

struct log_tail log_tail_of(struct slice text)
{
    return (struct log_tail){text, bytes_last_index(text, ',')};
}

void log_tail_cut(struct log_tail *tail, size_t key_len, struct slice *value_r)
{
    *value_r = log_behind(tail->rest, tail->comma + key_len);
    *tail = log_tail_of(slice_head(tail->rest, tail->comma));
}

/* ---- relay ---- */

/* "[198.51.100.1] [198.51.100.1]": a host without a name stands twice. */
static struct slice without_literal_name(struct slice relay)
{
    size_t close;

    if (relay.len == 0 || relay.ptr[0] != '[')
        return relay;
    close = bytes_index(relay, ']');
    if (close + 2 < relay.len && relay.ptr[close + 1] == ' ' &&
        relay.ptr[close + 2] == '[')
        return slice_skip(relay, close + 2);
    return relay;
}

static inline bytes16 mark_word_end(bytes16 c)
{
    return bytes16_mark_space(c) | (bytes16)((c == '[') | (c == '@'));
}

static bool is_one_word(struct slice text)
{
    return text.len > 0 && !bytes_have(text, mark_word_end);
}

/* A resolver that does not look at names hands out any PTR record, as it is:
 * no name, but the last brackets are sendmail's own all the same. */
static void take_address_alone(struct slice relay, struct client *client)
{
    size_t open;

    if (LOG_ENDS(relay, " (may be forged)"))
        relay.len -= sizeof " (may be forged)" - 1;
    open = bytes_last_index(relay, '[');
    if (open == 0 || open >= relay.len || relay.ptr[open - 1] != ' ' ||
        !ip_parse(slice_skip(relay, open), &client->ip))
        return;
    client->has_ip = client->forged = true;
}

void logline_set_old_relay(struct logline *line, struct slice relay)
{
    size_t open = log_find_last(relay, SLICE_LITERAL(" ("));
    struct client *peer = &line->peer;

    if (open < relay.len && LOG_ENDS(relay, ")") &&
        ip_parse(log_between(relay, open + 2, relay.len - 1), &peer->ip)) {
        line->relay = relay;
        peer->name = slice_head(relay, open);
        peer->has_ip = true;
    } else if (ip_parse(relay, &peer->ip)) {
        line->relay = relay;
        peer->has_ip = true;
    } else if (!slice_equal(relay, SLICE_LITERAL("local"))) {
        logline_set_relay(line, relay);
    }
}

void logline_set_relay(struct logline *line, struct slice relay)
{
    line->relay = relay;
    if (client_parse(without_literal_name(relay), &line->peer))
        return;
    if (!is_one_word(relay)) {
        take_address_alone(relay, &line->peer);
        return;
    }
    /* a cached status names the host alone */
    if (relay.ptr[relay.len - 1] == '.')
        relay.len--;
    line->peer.name = relay.len > 0 ? relay : log_absent;
}

/* ---- replies ---- */

static bool is_enhanced_byte(char c)
{
    return byte_is_digit(c) || c == '.';
}

struct slice logline_without_codes(struct slice text)
{
    struct slice rest = text;
    size_t len = 0;

    if (rest.len > 3 && (rest.ptr[0] == '4' || rest.ptr[0] == '5') &&
        byte_is_digit(rest.ptr[1]) && byte_is_digit(rest.ptr[2]) &&
        (rest.ptr[3] == ' ' || rest.ptr[3] == '-'))
        rest = slice_skip(rest, 4);
    if (rest.len > 1 && (rest.ptr[0] == '4' || rest.ptr[0] == '5') &&
        rest.ptr[1] == '.') {
        while (len < rest.len && is_enhanced_byte(rest.ptr[len]))
            len++;
        if (len < rest.len && rest.ptr[len] == ' ')
            rest = slice_skip(rest, len + 1);
    }
    return rest;
}

/* Length of the address in front of "... ", or text.len when there is none. */
static size_t address_before_dots(struct slice text)
{
    struct slice dots = SLICE_LITERAL("... ");
    struct log_scan scan = {.text = text};
    size_t end = log_plain_address(text);

    if (end > 0 && slice_starts(slice_skip(text, end), dots))
        return end;
    for (;;) {
        end = log_scan_next(&scan, '.');
        if (end == text.len)
            break;
        if (slice_starts(slice_skip(text, end), dots))
            return end;
    }
    /* an unclosed quote, its other half cut out of the middle */
    return log_scan_is_closed(&scan) ? text.len : log_find_last(text, dots);
}

void logline_set_reply(struct logline *line, struct slice reply)
{
    struct slice text = logline_without_codes(reply);
    size_t end = address_before_dots(text);

    line->reply = reply;
    line->reason = end < text.len ? slice_skip(text, end + 4) : text;
}

/* "/home/joe/.forward: line 2: mike at": where a name stands in a file of ours.
 */
static bool is_place_in_file(struct slice text)
{
    struct slice words = SLICE_LITERAL(": line "), number;

    if (!LOG_STARTS(text, "/"))
        return false;
    number = slice_skip(text, log_find(text, words, 0) + words.len);
    return number.len > 0 && byte_is_digit(number.ptr[0]);
}

/* usrerr: "<x@y>... User unknown", "550 5.1.1 x... User unknown" */
bool logline_reply(struct slice text, struct logline *line)
{
    struct slice said = logline_without_codes(text);
    size_t end = address_before_dots(said);

    if (end == said.len && said.ptr == text.ptr)
        return false;
    if (end < said.len && is_place_in_file(slice_head(said, end)))
        return false;
    line->kind = LOGLINE_REPLY;
    if (said.ptr != text.ptr)
        line->reply = text;
    line->reason = said;
    if (end < said.len) {
        line->recipient = address_bare(slice_head(said, end));
        line->reason = slice_skip(said, end + 4);
    }
    return true;
}

/* A colon or a blank inside may make it another shape. */
static inline bytes16 mark_no_usual_reply(bytes16 c)
{
    return log_mark_plain_end(c) | (bytes16)((c == ':') | (c == ' '));
}

bool logline_usual_reply(struct slice text, struct logline *line)
{
    size_t end = log_in_angles(text, mark_no_usual_reply);

    if (end == 0 || !LOG_STARTS(log_behind(text, end), "... "))
        return false;
    line->kind = LOGLINE_REPLY;
    line->recipient = address_bare(slice_make(text.ptr, end));
    line->reason = log_behind(text, end + 4);
    return true;
}

static inline bytes16 mark_quoting(bytes16 c)
{
    return (bytes16)((c == '\\') | (c == '"'));
}

struct slice logline_domain(struct slice address)
{
    struct slice domain;

    if (bytes_have(address, mark_quoting))
        return slice_index(address, '\\') < address.len
                   ? (struct slice){NULL, 0}
                   : address_domain(address);
    domain = slice_skip(address, bytes_last_index(address, '@') + 1);
    if (domain.len > 0 && domain.ptr[domain.len - 1] == '.')
        domain.len--;
    return domain.len > 0 ? domain : (struct slice){NULL, 0};
}
