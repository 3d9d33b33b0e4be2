#include "parsers/logline_part.h"

#include "parsers/bytes.h"
#include "parsers/queueid.h"

enum {
    WORD_MAX = 255,     /* of a header: a host name, a tag */
    ID_MAX = 48,        /* with "[12]" */
    HEADER_WORDS = 6,   /* priority, host, "Message forwarded from" ... */
    SOLARIS_ID_MAX = 40 /* "[ID 801593 mail.info] " */
};

static void set_nothing(struct logline *line)
{
    bytes_clear(line, sizeof(*line));
    line->kind = LOGLINE_OTHER;
    line->repeat_count = 1;
    line->pid = -1;
    line->size_bytes = -1;
    line->recipient_count = -1;
    line->delay_sec = -1;
    line->xdelay_sec = -1;
    line->tries = -1;
}

/* ---- names ---- */

enum logline_shape logline_shape(enum logline_kind kind)
{
    static const enum logline_shape shapes[LOGLINE_KIND_COUNT] = {
        [LOGLINE_FROM] = SHAPE_FROM,       [LOGLINE_TO] = SHAPE_TO,
        [LOGLINE_DSN] = SHAPE_DSN,         [LOGLINE_CLONE] = SHAPE_OTHER,
        [LOGLINE_DONE] = SHAPE_OTHER,      [LOGLINE_REPLY] = SHAPE_REPLY,
        [LOGLINE_RULESET] = SHAPE_RULESET, [LOGLINE_LOST] = SHAPE_LOST,
        [LOGLINE_NO_COMMAND] = SHAPE_PEER, [LOGLINE_FLOOD] = SHAPE_PEER,
        [LOGLINE_ATTACK] = SHAPE_PEER,     [LOGLINE_PROBE] = SHAPE_PEER,
        [LOGLINE_PROXY] = SHAPE_PEER,      [LOGLINE_PREGREET] = SHAPE_PEER,
        [LOGLINE_PEER] = SHAPE_PEER,       [LOGLINE_AUTH] = SHAPE_AUTH,
        [LOGLINE_AUTH_OK] = SHAPE_AUTH,    [LOGLINE_TLS] = SHAPE_OTHER,
        [LOGLINE_MILTER] = SHAPE_MILTER,   [LOGLINE_REFUSING] = SHAPE_OTHER,
        [LOGLINE_CONNECT] = SHAPE_OTHER,   [LOGLINE_SYSTEM] = SHAPE_OTHER,
        [LOGLINE_NOTICE] = SHAPE_OTHER,    [LOGLINE_OTHER] = SHAPE_OTHER,
    };

    return kind < LOGLINE_KIND_COUNT ? shapes[kind] : SHAPE_OTHER;
}

static const char *const shape_names[SHAPE_COUNT] = {
    [SHAPE_FROM] = "from",   [SHAPE_TO] = "to",
    [SHAPE_REPLY] = "reply", [SHAPE_RULESET] = "ruleset",
    [SHAPE_PEER] = "peer",   [SHAPE_LOST] = "lost",
    [SHAPE_AUTH] = "auth",   [SHAPE_MILTER] = "milter",
    [SHAPE_DSN] = "dsn",     [SHAPE_OTHER] = "other",
};

const char *logline_shape_text(enum logline_shape shape)
{
    return shape < SHAPE_COUNT ? shape_names[shape] : "other";
}

bool logline_shape_find(struct slice name, enum logline_shape *shape_r)
{
    for (unsigned i = 0; i < SHAPE_COUNT; i++) {
        if (!slice_equal(name, slice_from_string(shape_names[i])))
            continue;
        *shape_r = (enum logline_shape)i;
        return true;
    }
    return false;
}

const char *logline_kind_text(enum logline_kind kind)
{
    static const char *const names[LOGLINE_KIND_COUNT] = {
        [LOGLINE_FROM] = "from",
        [LOGLINE_TO] = "to",
        [LOGLINE_DSN] = "dsn",
        [LOGLINE_CLONE] = "clone",
        [LOGLINE_DONE] = "done",
        [LOGLINE_REPLY] = "reply",
        [LOGLINE_RULESET] = "ruleset",
        [LOGLINE_LOST] = "lost",
        [LOGLINE_NO_COMMAND] = "no-command",
        [LOGLINE_FLOOD] = "flood",
        [LOGLINE_ATTACK] = "attack",
        [LOGLINE_PROBE] = "probe",
        [LOGLINE_PROXY] = "proxy",
        [LOGLINE_PREGREET] = "pregreet",
        [LOGLINE_PEER] = "peer",
        [LOGLINE_AUTH] = "auth",
        [LOGLINE_AUTH_OK] = "auth-ok",
        [LOGLINE_TLS] = "tls",
        [LOGLINE_MILTER] = "milter",
        [LOGLINE_REFUSING] = "refusing",
        [LOGLINE_CONNECT] = "connect",
        [LOGLINE_SYSTEM] = "system",
        [LOGLINE_NOTICE] = "notice",
        [LOGLINE_OTHER] = "other",
    };

    return kind < LOGLINE_KIND_COUNT ? names[kind] : "other";
}

/* ---- the id ---- */

/* Ids of sendmail 5 to 8.7: AA12345. */
static bool is_old_id(struct slice id)
{
    if (id.len < 7 || id.len > 9)
        return false;
    for (size_t i = 0; i < id.len; i++)
        if (i < 2 ? id.ptr[i] < 'A' || id.ptr[i] > 'Z'
                  : !byte_is_digit(id.ptr[i]))
            return false;
    return true;
}

bool logline_is_old_id(struct slice id)
{
    struct queueid decoded;

    queueid_decode(id, 0, &decoded);
    return decoded.era == QUEUEID_V8_8 || decoded.era == QUEUEID_V8_10 ||
           is_old_id(id);
}

/* Files named by hand are delivered, too; only where no other line has them. */
static bool is_hand_named(struct slice id, struct slice behind)
{
    for (size_t i = 0; i < id.len; i++)
        if ((unsigned char)id.ptr[i] <= ' ' || id.ptr[i] == '(' ||
            id.ptr[i] == '[')
            return false;
    if (LOG_STARTS(id, "Milter") || LOG_STARTS(id, "collect"))
        return false;
    return LOG_STARTS(behind, "to=") || LOG_STARTS(behind, "from=") ||
           LOG_STARTS(behind, "done; ");
}

enum { COMMON_ID_LEN = 14 };

/* The ids of today, by their shape: the calendar that queueid_decode asks
 * takes as long as the rest of the header. Of c the first bytes count. */
static bool is_common_id(bytes16 c)
{
    enum { ANY = 0xff, NUMBER = 0x3f00 }; /* eight, then six digits */
    unsigned digits = bytes16_bits((bytes16)(c - '0' <= 9));
    unsigned letters = bytes16_bits((bytes16)((c | 0x20) - 'a' <= 'z' - 'a'));

    return (digits & NUMBER) == NUMBER && ((digits | letters) & ANY) == ANY;
}

static bool is_id(struct slice id, struct slice behind)
{
    struct queueid decoded;

    if (id.len == COMMON_ID_LEN && is_common_id(bytes16_load_short(id)))
        return true;
    if (id.len < 2)
        return false;
    queueid_decode(id, 0, &decoded);
    return decoded.era != QUEUEID_OTHER || is_old_id(id) ||
           is_hand_named(id, behind);
}

/* Takes "[2]" off an id: conf.c splits lines of more than 1024 bytes. */
static int64_t take_part_number(struct slice *id)
{
    size_t open = id->len;
    int64_t part;

    if (id->len < 3 || id->ptr[id->len - 1] != ']')
        return 0;
    while (open > 0 && id->ptr[open - 1] != '[')
        open--;
    if (open == 0 ||
        !slice_to_integer(log_between(*id, open, id->len - 1), &part) ||
        part < 1)
        return 0;
    id->len = open - 1;
    return part;
}

/* "ID: " as nearly all lines have it */
static bool take_common_id(struct slice *text, struct logline *line)
{
    if (text->len < sizeof(bytes16) || text->ptr[COMMON_ID_LEN] != ':' ||
        text->ptr[COMMON_ID_LEN + 1] != ' ' ||
        !is_common_id(bytes16_load(text->ptr)))
        return false;
    line->id = slice_make(text->ptr, COMMON_ID_LEN);
    *text = log_behind(*text, COMMON_ID_LEN + 2);
    return true;
}

/* Takes "ID: ", "ID[1]: " or "NOQUEUE: " off the front of *text. */
static void take_id(struct slice *text, struct logline *line)
{
    size_t colon = bytes_index(slice_head(*text, ID_MAX), ':');
    struct slice id = slice_head(*text, colon);
    struct slice behind = slice_skip(*text, colon + 2);
    int64_t part;

    if (colon >= text->len || text->ptr[colon] != ':' ||
        (colon + 1 < text->len && text->ptr[colon + 1] != ' '))
        return;
    part = take_part_number(&id);
    line->has_no_queue = slice_equal(id, SLICE_LITERAL("NOQUEUE"));
    if (line->has_no_queue || id.len == 0)
        id = log_absent;
    else if (!is_id(id, behind))
        return;
    line->id = id;
    line->is_split |= part == 1;
    line->is_continued = part > 1;
    *text = behind;
}

/* ---- the text ---- */

/* "<x>... " and "joe... ": the address an error is about stands first. What
 * high log levels print of a dialogue ("<-- RCPT") does not. */
static bool is_address_first(struct slice text)
{
    size_t blank;

    if (LOG_STARTS(text, "<"))
        return !LOG_STARTS(text, "<-- ") && !LOG_STARTS(text, "<<< ");
    blank = bytes_index(text, ' ');
    return blank < text.len && LOG_ENDS(slice_head(text, blank), "...");
}

/* " ..." at the end says that another part follows. */
static void parse_text(struct slice text, struct logline *line)
{
    if (!take_common_id(&text, line)) {
        line->text = text;
        if (!line->is_split && logline_usual_handshake(text, line))
            return;
        take_id(&text, line);
    }
    if (line->is_split && LOG_ENDS(text, " ..."))
        text.len -= sizeof " ..." - 1;
    line->text = text;
    if (line->is_continued) {
        line->kind = LOGLINE_NOTICE;
        return;
    }
    if ((LOG_STARTS(text, "<") && logline_usual_reply(text, line)) ||
        logline_mail(text, line) ||
        (is_address_first(text) && logline_reply(text, line)) ||
        logline_peer(text, line) || logline_reply(text, line) ||
        logline_known_middle(text, line))
        return;
    line->kind = LOGLINE_OTHER;
}

static struct slice behind_last(struct slice text, char c)
{
    size_t start = text.len;

    while (start > 0 && text.ptr[start - 1] != c)
        start--;
    return slice_skip(text, start);
}

/* "sendmail", "sendmail-in", "sm-mta", with or without a path. */
static bool is_sendmail_tag(struct slice tag)
{
    struct slice rest;

    /* not postfix/sendmail */
    if (LOG_STARTS(tag, "/"))
        tag = behind_last(tag, '/');
    if (LOG_STARTS(tag, "sm-")) /* sm-notify belongs to NFS */
        return !slice_equal(tag, SLICE_LITERAL("sm-notify"));
    if (!LOG_STARTS(tag, "sendmail"))
        return false;
    rest = LOG_SKIP(tag, "sendmail");
    return rest.len == 0 || rest.ptr[0] == '-' || rest.ptr[0] == '.' ||
           rest.ptr[0] == '_';
}

/* Under a label of the site's own (-L) a line is known by its id and shape,
 * or by words that no other program has. A milter names ids, too, and a few
 * words of English are no shape. */
static bool is_sendmail_line(const struct logline *line)
{
    bool has_id = !slice_is_absent(line->id);

    if (is_sendmail_tag(line->tag))
        return true;
    switch (line->kind) {
    case LOGLINE_OTHER:
    case LOGLINE_NOTICE:
    case LOGLINE_PEER:
        /* Postfix says NOQUEUE, too, but not of this */
        return (line->is_continued && has_id) ||
               (line->has_no_queue && LOG_STARTS(line->text, "connect from "));
    case LOGLINE_REPLY:
        return has_id && !slice_is_absent(line->recipient);
    case LOGLINE_SYSTEM:
        return has_id && (LOG_STARTS(line->text, "SYSERR(") ||
                          LOG_STARTS(line->text, "Losing "));
    case LOGLINE_TLS:
    case LOGLINE_AUTH:
    case LOGLINE_AUTH_OK:
    case LOGLINE_RULESET:
        return true;
    default:
        return has_id;
    }
}

/* What another program's line keeps. */
static void forget_fields(struct logline *line)
{
    struct logline known;

    set_nothing(&known);
    known.stamp = line->stamp;
    known.host = line->host;
    known.tag = line->tag;
    known.pid = line->pid;
    known.repeat_count = line->repeat_count;
    *line = known;
}

/* "N times" with or without more; 0 when there is no such number. */
static uint32_t repeat_number(struct slice text, struct slice *behind_r)
{
    size_t len = 0;
    int64_t number = 0;

    while (len < text.len && byte_is_digit(text.ptr[len]))
        len++;
    if (!slice_to_integer(slice_head(text, len), &number) || number < 1 ||
        !LOG_STARTS(slice_skip(text, len), " time"))
        return 0;
    *behind_r = LOG_SKIP(slice_skip(text, len), " time");
    return number > UINT32_MAX ? UINT32_MAX : (uint32_t)number;
}

/* Behind what syslogd says of the line before, or nothing. */
static struct slice behind_repeated(struct slice text)
{
    if (LOG_STARTS(text, "last message repeated "))
        return LOG_SKIP(text, "last message repeated ");
    if (LOG_STARTS(text, "above message repeats ")) /* HP-UX */
        return LOG_SKIP(text, "above message repeats ");
    return log_absent;
}

/* "last message repeated 3 times"; false when *text is something else: what
 * rsyslog puts around a text that is repeated is taken off. */
static bool take_repeated(struct slice *text, struct logline *line)
{
    struct slice behind = behind_repeated(*text);
    uint32_t count;

    if (behind.len > 0) {
        count = repeat_number(behind, &behind);
        if (count > 0) {
            line->repeat_count = count;
            return true;
        }
    }
    /* "message repeated 3 times: [ TEXT]" */
    if (LOG_STARTS(*text, "message repeated ")) {
        count = repeat_number(LOG_SKIP(*text, "message repeated "), &behind);
        if (count > 0 && LOG_STARTS(behind, "s: [") && LOG_ENDS(behind, "]")) {
            line->repeat_count = count;
            *text = LOG_SKIP(behind, "s: [");
            text->len--;
            if (LOG_STARTS(*text, " "))
                *text = slice_skip(*text, 1);
        }
    }
    return false;
}

static inline bool is_repeated(struct slice text)
{
    /* asked twice a line, and hardly ever so */
    if (text.len == 0 ||
        (text.ptr[0] != 'l' && text.ptr[0] != 'm' && text.ptr[0] != 'a'))
        return false;
    return behind_repeated(text).len > 0 ||
           LOG_STARTS(text, "message repeated ");
}

/* Behind the tag, or behind the host where a syslogd writes no tag. */
static enum logline_outcome parse_message(struct slice text,
                                          struct logline *line)
{
    if (is_repeated(text) && take_repeated(&text, line))
        return LOGLINE_REPEATED;
    parse_text(text, line);
    if (is_sendmail_line(line))
        return LOGLINE_OK;
    forget_fields(line);
    return LOGLINE_FOREIGN;
}

/* ---- the header ---- */

/* "<22>", "<mail.info>" and "<2.6>" */
static struct slice skip_priority(struct slice text)
{
    size_t close;

    if (text.len == 0 || text.ptr[0] != '<')
        return text;
    close = slice_index(slice_head(text, 24), '>');
    if (close >= text.len || text.ptr[close] != '>')
        return text;
    text = slice_skip(text, close + 1);
    return LOG_STARTS(text, " ") ? slice_skip(text, 1) : text;
}

/* "mail.info" (BusyBox, Solaris), "mail:info" (AIX), "<mail.info>" (FreeBSD) */
static bool is_priority_word(struct slice word)
{
    if (word.len > 2 && word.ptr[0] == '<' && word.ptr[word.len - 1] == '>')
        return true;
    if (!LOG_STARTS(word, "mail"))
        return false;
    word = LOG_SKIP(word, "mail");
    if (word.len < 4 || (word.ptr[0] != '.' && word.ptr[0] != ':'))
        return false;
    word = slice_skip(word, 1);
    return slice_equal(word, SLICE_LITERAL("info")) ||
           slice_equal(word, SLICE_LITERAL("notice")) ||
           slice_equal(word, SLICE_LITERAL("warn")) ||
           slice_equal(word, SLICE_LITERAL("warning")) ||
           slice_equal(word, SLICE_LITERAL("err")) ||
           slice_equal(word, SLICE_LITERAL("error")) ||
           slice_equal(word, SLICE_LITERAL("crit")) ||
           slice_equal(word, SLICE_LITERAL("alert")) ||
           slice_equal(word, SLICE_LITERAL("emerg")) ||
           slice_equal(word, SLICE_LITERAL("debug"));
}

/* IRIX: "6C:host", the level of the line and a letter for its facility. */
static inline struct slice skip_irix_priority(struct slice word)
{
    if (word.len < 4 || word.ptr[2] != ':' || word.ptr[0] < '0' ||
        word.ptr[0] > '7' || word.ptr[1] < 'A' || word.ptr[1] > 'Z')
        return word;
    return slice_skip(word, 3);
}

/* "[4793]" at the end of a word, seven digits at most. Bytes taken; 0: another
 * shape, or none. */
static size_t take_pid(struct slice word, int64_t *pid_r)
{
    uint64_t digits, others;
    unsigned open; /* the last byte that is no digit, of eight before "]" */

    if (word.len < 10)
        return 0;
    digits = bytes_word(word.ptr + word.len - 9);
    others = log_not_digits(digits);
    if (others == 0 || others >> 63 != 0)
        return 0;
    open = 7 - (unsigned)__builtin_clzll(others) / 8;
    if (word.ptr[word.len - 9 + open] != '[')
        return 0;
    *pid_r = log_last_digits(digits, 7 - open);
    return 9 - open;
}

/* "sm-mta[4793]", without the colon */
static void set_tag(struct slice word, struct logline *line)
{
    const char *open;
    size_t taken;

    line->tag = word;
    if (word.len < 3 || word.ptr[word.len - 1] != ']')
        return;
    taken = take_pid(word, &line->pid);
    line->tag.len -= taken;
    if (taken > 0)
        return;
    open = memrchr(word.ptr, '[', word.len);
    if (open == NULL || open == word.ptr)
        return;
    line->tag.len = (size_t)(open - word.ptr);
    slice_to_integer(log_between(word, line->tag.len + 1, word.len - 1),
                     &line->pid);
    if (line->pid < 0)
        line->pid = -1;
}

/* Solaris: "[ID 801593 mail.info] " behind the tag */
static inline struct slice skip_message_number(struct slice text)
{
    size_t close;

    if (!LOG_STARTS(text, "[ID "))
        return text;
    close = slice_index(slice_head(text, SOLARIS_ID_MAX), ']');
    if (close + 1 >= text.len || text.ptr[close] != ']' ||
        text.ptr[close + 1] != ' ')
        return text;
    return slice_skip(text, close + 2);
}

static struct slice skip_blanks(struct slice text)
{
    size_t at = 0;

    while (at < text.len && text.ptr[at] == ' ')
        at++;
    return log_behind(text, at);
}

/* ---- what lines before have taught ---- */

/* As log_stamp_take. A second has many lines. */
static inline size_t take_stamp(struct slice text,
                                struct logline_memory *memory,
                                struct log_stamp *stamp_r)
{
    enum { LEN = LOGLINE_STAMP_BYTES - 1 };
    size_t taken;

    if (memory == NULL || text.len <= LEN)
        return log_stamp_take(text, stamp_r);
    if (memory->stamp.month != 0 &&
        bytes16_bits((bytes16)(bytes16_load(text.ptr) ==
                               bytes16_load(memory->stamp_text))) == 0xffff) {
        *stamp_r = memory->stamp;
        return LEN;
    }
    taken = log_stamp_take(text, stamp_r);
    if (taken == LEN && text.ptr[LEN] == ' ') {
        memcpy(memory->stamp_text, text.ptr, LOGLINE_STAMP_BYTES);
        memory->stamp = *stamp_r;
    }
    return taken;
}

/* "4793]: ", seven digits at most: how many there are; 0: another shape. */
static inline unsigned pid_ahead(const char *p, int64_t *pid_r)
{
    uint64_t word = bytes_word(p);
    uint64_t others = log_not_digits(word);
    unsigned count;

    if (others == 0)
        return 0;
    count = (unsigned)__builtin_ctzll(others) / 8;
    if (count == 0 || !bytes_same(p + count, "]: ", 3))
        return 0;
    *pid_r = log_first_digits(word, count);
    return count;
}

enum {
    PID_AHEAD_BYTES = 10, /* that pid_ahead looks at */
    ORIGIN_LOOKED_AT = 1 + LOGLINE_ORIGIN_BYTES + PID_AHEAD_BYTES,
};

static inline struct logline_origin *origin_place(struct logline_memory *memory,
                                                  const char *p)
{
    uint64_t hash = bytes_word(p) * UINT64_C(0x9e3779b97f4a7c15);

    return &memory->origins[hash >> 32 & (LOGLINE_ORIGINS - 1)];
}

static inline uint32_t equal_bits32(const char *a, const char *b)
{
    return bytes16_bits((bytes16)(bytes16_load(a) == bytes16_load(b))) |
           bytes16_bits((bytes16)(bytes16_load(a + 16) == bytes16_load(b + 16)))
               << 16;
}

/* Takes " HOST TAG[PID]:" off the front of *text when host and tag are known:
 * then the words are where parse_bsd would find them, whatever the pid. */
static inline bool recall_origin(struct slice *text,
                                 struct logline_memory *memory,
                                 struct logline *line)
{
    const char *p = text->ptr + 1;
    const struct logline_origin *origin;
    unsigned digits;

    if (memory == NULL || text->len < ORIGIN_LOOKED_AT)
        return false;
    origin = origin_place(memory, p);
    if ((equal_bits32(p, origin->text) | origin->behind) != UINT32_MAX ||
        origin->len == 0)
        return false;
    digits = pid_ahead(p + origin->len, &line->pid);
    if (digits == 0)
        return false;
    line->host = slice_make(p, origin->host_len);
    line->tag = slice_make(p + origin->host_len + 1,
                           (size_t)(origin->len - origin->host_len - 2));
    *text = log_behind(*text, 1 + origin->len + digits + sizeof "]:" - 1);
    return true;
}

/* Remembers host and tag when nothing but one blank stands before and between
 * them, and " HOST TAG[PID]: " is what the text begins with. */
static void learn_origin(struct slice text, struct logline_memory *memory,
                         const struct logline *line)
{
    const char *p = text.ptr + 1;
    size_t len = line->host.len + 1 + line->tag.len + 1;
    struct logline_origin *origin;
    int64_t pid;

    if (memory == NULL || text.len < ORIGIN_LOOKED_AT || line->pid < 0 ||
        line->host.ptr != p || line->tag.ptr != p + line->host.len + 1 ||
        line->tag.len == 0 || len > LOGLINE_ORIGIN_BYTES || p[len - 1] != '[' ||
        pid_ahead(p + len, &pid) == 0)
        return;
    origin = origin_place(memory, p);
    memcpy(origin->text, p, LOGLINE_ORIGIN_BYTES);
    origin->behind = (uint32_t)(UINT64_C(0xffffffff) << len);
    origin->len = (uint8_t)len;
    origin->host_len = (uint8_t)line->host.len;
}

/* "[host] tag[pid]: text" and what syslogds put between. */
static enum logline_outcome parse_bsd(struct slice text,
                                      struct logline_memory *memory,
                                      struct logline *line)
{
    struct slice start = text;

    if (recall_origin(&text, memory, line))
        return parse_message(skip_message_number(skip_blanks(text)), line);
    for (int i = 0; i < HEADER_WORDS; i++) {
        struct slice word;

        text = skip_blanks(text);
        if (is_repeated(text)) /* some have no host there */
            return parse_message(text, line);
        word = slice_head(text, bytes_index(slice_head(text, WORD_MAX), ' '));
        if (word.len == 0 || word.len == WORD_MAX)
            break;
        text = slice_skip(text, word.len);
        if (word.ptr[word.len - 1] == ':') {
            word.len--;
            set_tag(word, line);
            learn_origin(start, memory, line);
            return parse_message(skip_message_number(skip_blanks(text)), line);
        }
        if (is_priority_word(word))
            continue;
        /* AIX: "[LOGHOST] Message forwarded from HOST: tag[pid]: " */
        if (slice_equal(word, SLICE_LITERAL("Message")) &&
            LOG_STARTS(text, " forwarded from ")) {
            text = LOG_SKIP(text, " forwarded from ");
            line->host = slice_head(text, slice_index(text, ':'));
            text = slice_skip(text, line->host.len + 1);
            continue;
        }
        if (slice_is_absent(line->host)) {
            line->host = skip_irix_priority(word);
            continue;
        }
        set_tag(word, line);
        if (line->pid >= 0) /* "tag[pid] text" */
            return parse_message(skip_blanks(text), line);
        break;
    }
    return LOGLINE_FOREIGN;
}

/* A word of an RFC 5424 header; "-" is absent. */
static struct slice take_word(struct slice *text)
{
    struct slice word = slice_head(*text, slice_index(*text, ' '));

    *text = slice_skip(*text, word.len + 1);
    return slice_equal(word, SLICE_LITERAL("-")) ? log_absent : word;
}

/* "[id k=\"v\"]..." or "-"; a bracket inside quotes is data, and so is what
 * stands behind a backslash there (RFC 5424 6.3.3). */
static struct slice skip_structured_data(struct slice text)
{
    bool is_quoted = false, is_open = false;
    size_t at;

    if (LOG_STARTS(text, "-"))
        return slice_skip(text, 1);
    for (at = 0; at < text.len; at++) {
        char c = text.ptr[at];

        if (is_quoted && c == '\\')
            at++;
        else if (c == '"')
            is_quoted = is_open && !is_quoted;
        else if (!is_quoted && c == '[')
            is_open = true;
        else if (!is_quoted && c == ']')
            is_open = false;
        else if (!is_quoted && !is_open)
            break;
    }
    return slice_skip(text, at);
}

static enum logline_outcome parse_rfc5424(struct slice text,
                                          struct logline *line)
{
    struct slice pid;

    text = skip_blanks(text);
    line->host = take_word(&text);
    set_tag(take_word(&text), line);
    pid = take_word(&text);
    if (pid.len == 0 || !slice_to_integer(pid, &line->pid) || line->pid < 0)
        line->pid = line->pid > 0 ? line->pid : -1;
    take_word(&text);
    text = skip_blanks(skip_structured_data(text));
    if (LOG_STARTS(text, "\xef\xbb\xbf"))
        text = slice_skip(text, 3);
    return parse_message(skip_message_number(skip_blanks(text)), line);
}

static struct slice clip(struct slice line, bool *is_cut_r)
{
    *is_cut_r = line.len > LOGLINE_MAX_BYTES;
    line = slice_head(line, LOGLINE_MAX_BYTES);
    if (line.len > 0 && (unsigned char)line.ptr[line.len - 1] > ' ')
        return line;
    while (line.len > 0 &&
           (line.ptr[line.len - 1] == '\r' || line.ptr[line.len - 1] == ' ' ||
            line.ptr[line.len - 1] == '\0'))
        line.len--;
    return line;
}

/* Takes the stamp, and what may stand before it, off the front of *text. */
static inline bool take_head(struct slice *text, struct logline_memory *memory,
                             struct log_stamp *stamp_r, bool *is_rfc5424_r)
{
    size_t taken;

    *text = skip_priority(*text);
    *is_rfc5424_r = LOG_STARTS(*text, "1 ");
    if (*is_rfc5424_r)
        *text = slice_skip(*text, 2);
    taken = take_stamp(*text, memory, stamp_r);
    *text = slice_skip(*text, taken);
    if (taken > 0 && (text->len == 0 || text->ptr[0] == ' '))
        return true;
    *stamp_r = (struct log_stamp){.year = 0};
    return false;
}

bool logline_stamp(struct slice line, struct logline_memory *memory,
                   struct log_stamp *stamp_r)
{
    bool is_cut, is_rfc5424;

    line = clip(line, &is_cut);
    return take_head(&line, memory, stamp_r, &is_rfc5424);
}

enum logline_outcome logline_parse(struct slice line,
                                   struct logline_memory *memory,
                                   struct logline *line_r)
{
    bool is_cut, is_rfc5424;
    struct slice text = clip(line, &is_cut);

    set_nothing(line_r);
    if (!take_head(&text, memory, &line_r->stamp, &is_rfc5424))
        return LOGLINE_NO_STAMP;
    line_r->is_split = is_cut;
    return is_rfc5424 ? parse_rfc5424(text, line_r)
                      : parse_bsd(text, memory, line_r);
}
