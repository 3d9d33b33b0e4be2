/*
 * What the files of the maillog parser share; nobody else includes this. The
 * header of a line is taken in logline.c and its stamp in logstamp.c, addresses
 * and fields in logline_field.c, the way of a message in logline_mail.c, what
 * peers, milters and the daemon do in logline_peer.c, and what is known by a
 * few words alone in logline_words.c.
 */
#ifndef QSCAN_PARSERS_LOGLINE_PART_H
#define QSCAN_PARSERS_LOGLINE_PART_H

#include "parsers/bytes.h"
#include "parsers/logline.h"

static const struct slice log_absent = {NULL, 0};

/* ---- words in a text ---- */

/* Words in a static table. */
#define LOG_WORDS(words)                                                       \
    {                                                                          \
        (words), sizeof(words) - 1                                             \
    }

/* Length known at compile time: a compare, no call. */
#define LOG_STARTS(text, words)                                                \
    ((text).len >= sizeof(words) - 1 &&                                        \
     bytes_same((text).ptr, (words), sizeof(words) - 1))
#define LOG_ENDS(text, words)                                                  \
    ((text).len >= sizeof(words) - 1 &&                                        \
     bytes_same((text).ptr + (text).len - (sizeof(words) - 1), (words),        \
                sizeof(words) - 1))
#define LOG_SKIP(text, words) slice_skip((text), sizeof(words) - 1)

/* slice_skip of what is known to be there. */
static inline struct slice log_behind(struct slice text, size_t at)
{
    return slice_make(text.ptr + at, text.len - at);
}

/* Offset of the first words at or behind from, or text.len. */
static inline size_t log_find(struct slice text, struct slice words,
                              size_t from)
{
    if (from >= text.len)
        return text.len;
    return from + slice_find(slice_skip(text, from), words);
}

/* Offset of the last words, or text.len; every byte is looked at once. */
static inline size_t log_find_last(struct slice text, struct slice words)
{
    size_t end = text.len;

    while (end > 0) {
        size_t at = bytes_last_index(slice_head(text, end), words.ptr[0]);

        if (at == end)
            break;
        if (slice_starts(slice_skip(text, at), words))
            return at;
        end = at;
    }
    return text.len;
}

/* Both offsets lie inside text; nothing when they are the wrong way round. */
static inline struct slice log_between(struct slice text, size_t from,
                                       size_t to)
{
    return slice_make(text.ptr + from, to > from ? to - from : 0);
}

/* ---- times ---- */

struct log_clock {
    uint8_t hour, minute, second; /* 0..99 each */
    bool is_good;
};

/* "hh:mm:ss". Every line has some of these: all eight bytes at once. */
static inline struct log_clock log_clock_read(const char *p)
{
    const uint64_t form = UINT64_C(0x30303a30303a3030); /* "00:00:00" */
    uint64_t word = bytes_word(p) ^ form, pairs;

    /* a digit is below ten now, a colon 0: else the high bit comes up */
    if (((word | (word + UINT64_C(0x76767f76767f7676))) &
         UINT64_C(0x8080808080808080)) != 0)
        return (struct log_clock){.is_good = false};
    pairs = word * 10 + (word >> 8);
    return (struct log_clock){(uint8_t)pairs, (uint8_t)(pairs >> 24),
                              (uint8_t)(pairs >> 48), true};
}

/* Of a good one. */
static inline int64_t log_clock_sec(struct log_clock clock)
{
    return clock.hour * 3600 + clock.minute * 60 + clock.second;
}

enum { LOG_CLOCK_LEN = sizeof "00:00:00" - 1 };

/* log_duration of "D+HH:MM:SS", however many days. */
int64_t log_duration_any(struct slice text);

/* "[D+]HH:MM:SS", or -1 (sendmail/convtime.c: pintvl); a day has 24 hours.
 * Mostly there are no days, or less than ten. */
static inline int64_t log_duration(struct slice text)
{
    enum { DAY_LEN = 2 };
    struct log_clock clock;
    int64_t days = 0;

    if (text.len == DAY_LEN + LOG_CLOCK_LEN && text.ptr[1] == '+' &&
        byte_is_digit(text.ptr[0])) {
        days = text.ptr[0] - '0';
        text = slice_make(text.ptr + DAY_LEN, LOG_CLOCK_LEN);
    }
    if (text.len != LOG_CLOCK_LEN)
        return log_duration_any(text);
    clock = log_clock_read(text.ptr);
    return clock.is_good ? days * 86400 + log_clock_sec(clock) : -1;
}

/* ---- numbers ---- */

/* The bytes of a word that are no digits, 0x80 in each; exact up to the first
 * of them, and what is behind it may have one too many. */
static inline uint64_t log_not_digits(uint64_t word)
{
    word ^= UINT64_C(0x3030303030303030);
    return (word | (word + UINT64_C(0x7676767676767676))) &
           UINT64_C(0x8080808080808080);
}

/* The number of eight digits, each without its 0x30: all at once, as
 * log_clock_read does. */
static inline int64_t log_eight_digits(uint64_t digits)
{
    const uint64_t both = UINT64_C(0x000000ff000000ff);

    digits = digits * 10 + (digits >> 8); /* pairs, in every other byte */
    digits = (digits & both) * (100 + (UINT64_C(1000000) << 32)) +
             (digits >> 16 & both) * (1 + (UINT64_C(10000) << 32));
    return (int64_t)(digits >> 32);
}

/* The number that the first or the last count bytes of a word, digits all,
 * stand for; 1 to 8 of them. */
static inline int64_t log_first_digits(uint64_t word, unsigned count)
{
    word ^= UINT64_C(0x3030303030303030);
    return log_eight_digits(word << (8 - count) * 8);
}

static inline int64_t log_last_digits(uint64_t word, unsigned count)
{
    word ^= UINT64_C(0x3030303030303030);
    return log_eight_digits(word >> (8 - count) * 8 << (8 - count) * 8);
}

/* ---- addresses as the log has them ---- */

/*
 * Looks for a byte outside quotes, <> and comments, as prescan does. The log
 * doubles backslashes (libsm, str2prt): "\\" is one, and what follows it is
 * quoted, be it written as one byte, "\\" or "\ooo".
 */
struct log_scan {
    struct slice text;
    size_t at;
    unsigned angles, comments;
    bool is_quoted;
};

/* Offset of the next such byte, or text.len; at stands behind it. */
size_t log_scan_next(struct log_scan *scan, char stop);
bool log_scan_is_closed(const struct log_scan *scan);

/* Length of "<...>" at the start of text when nothing inside needs a closer
 * look; 0 otherwise. */
size_t log_plain_address(struct slice text);

/* Where a plain address ends, or is none; '<' | 2 is '>'. */
static inline bytes16 log_mark_plain_end(bytes16 c)
{
    return (bytes16)(((c | 2) == '>') | (c == '"') | (c == '\\') | (c == '('));
}

/* Length of the "<A>" that text begins with when the first byte behind its '<'
 * that mark marks is its '>'; 0 otherwise. */
static inline size_t log_in_angles(struct slice text, bytes_mark mark)
{
    size_t end;

    if (text.len == 0 || text.ptr[0] != '<')
        return 0;
    end = 1 + bytes_find(log_behind(text, 1), mark);
    return end < text.len && text.ptr[end] == '>' ? end + 1 : 0;
}

/* ---- parts of a line ---- */

/* Bytes of the stamp at the start of text; 0 when there is none, *stamp_r then
 * means nothing. */
size_t log_stamp_take(struct slice text, struct log_stamp *stamp_r);

/* A text whose fields are taken off its end. */
struct log_tail {
    struct slice rest;
    size_t comma; /* of the last field; rest.len: none */
};

struct log_tail log_tail_of(struct slice text);
void log_tail_cut(struct log_tail *tail, size_t key_len, struct slice *value_r);

/* Takes ", key=value" off the end of *tail; nothing when the last field has
 * another key. */
#define LOG_TAKE_LAST(tail, key, value_r)                                      \
    do {                                                                       \
        if (LOG_STARTS(slice_skip((tail)->rest, (tail)->comma), (key)))        \
            log_tail_cut((tail), sizeof(key) - 1, (value_r));                  \
    } while (0)

/* Always inlined: a call would keep *rest in memory between any two. */
static inline __attribute__((always_inline)) void
log_take_first(struct slice *rest, size_t key_len, struct slice *value_r)
{
    struct slice value = log_behind(*rest, key_len);
    size_t len = bytes_index(value, ',');

    *value_r = slice_make(value.ptr, len);
    *rest = log_behind(value, len);
}

/* Takes ", key=value" off the front of *rest, the value as far as the next
 * comma or the end; false when another key stands there. */
#define LOG_TAKE_FIRST(rest, key, value_r)                                     \
    (LOG_STARTS(*(rest), key) &&                                               \
     (log_take_first((rest), sizeof(key) - 1, (value_r)), true))

/* relay and peer from "host. [ip]", "[ip] [ip]", "host" or $_ of a client. */
void logline_set_relay(struct logline *line, struct slice relay);

/* The same from "host (ip)", "[ip]", an ip or "local", as releases before 8 and
 * libwrap write them. */
void logline_set_old_relay(struct logline *line, struct slice relay);

/* Whether an id is one of a release before 8.12. */
bool logline_is_old_id(struct slice id);

/* reply and reason from "550 5.1.1 <x>... User unknown". */
void logline_set_reply(struct logline *line, struct slice reply);
/* "550 " and "5.1.1 " taken off; the text itself when it has none. */
struct slice logline_without_codes(struct slice text);

/* Each sets the kind and the fields of text, and is false when the text is
 * none of its shapes. */
bool logline_mail(struct slice text, struct logline *line);
bool logline_peer(struct slice text, struct logline *line);
bool logline_reply(struct slice text, struct logline *line);
/*
 * Of a whole handshake in the words of today what logline_peer sets: one line
 * of twelve. Its first word ends in a blank, so it is no id, no child's, no
 * address.
 */
bool logline_usual_handshake(struct slice text, struct logline *line);
/* Of "<x>... User unknown" what logline_reply sets, when x is such that none of
 * the others could take the line for its own: one line of four. */
bool logline_usual_reply(struct slice text, struct logline *line);
/* By its first words, and by words in its middle: nothing but kind, reason,
 * and the peer where one stands between known words. */
bool logline_known_start(struct slice text, struct logline *line);
bool logline_known_middle(struct slice text, struct logline *line);

#endif
