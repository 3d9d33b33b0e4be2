#include "qscan/logrecord.h"

#include <stdlib.h>

#include "parsers/address.h"
#include "parsers/bytes.h"
#include "parsers/hash.h"
#include "parsers/hostname.h"
#include "parsers/status.h"
#include "qscan/sources.h"

enum {
    SCRATCH_BYTES = 64 * 1024,
    ADDRESS_MAX_BYTES = 1024, /* what is beyond does not tell two apart */
    REASON_MAX_BYTES = STATUS_TEMPLATE_BYTES,
    STATUS_MAX_BYTES = 240, /* of which is a template made */
    DETAIL_MAX_BYTES = 100,
};

struct scratch_block {
    struct scratch_block *next;
    char bytes[SCRATCH_BYTES];
};

/* ---- scratch ---- */

void record_scratch_clear(struct record_scratch *scratch)
{
    struct scratch_block *first = scratch->blocks;

    if (first == NULL)
        return;
    while (first->next != NULL) {
        struct scratch_block *next = first->next->next;

        free(first->next);
        first->next = next;
    }
    scratch->at = first->bytes;
    scratch->left = SCRATCH_BYTES;
}

void record_scratch_free(struct record_scratch *scratch)
{
    while (scratch->blocks != NULL) {
        struct scratch_block *next = scratch->blocks->next;

        free(scratch->blocks);
        scratch->blocks = next;
    }
    *scratch = (struct record_scratch){0};
}

/* At most ADDRESS_MAX_BYTES; NULL without memory. */
static char *scratch_take(struct record_scratch *scratch, size_t bytes)
{
    char *room;

    if (bytes > scratch->left) {
        struct scratch_block *block = malloc(sizeof(*block));

        if (block == NULL) {
            scratch->has_failed = true;
            return NULL;
        }
        block->next = scratch->blocks;
        scratch->blocks = block;
        scratch->at = block->bytes;
        scratch->left = SCRATCH_BYTES;
    }
    room = scratch->at;
    scratch->at += bytes;
    scratch->left -= bytes;
    return room;
}

/* ---- texts ---- */

static bool has_upper(struct slice text)
{
    return bytes_have(text, bytes16_mark_upper);
}

struct slice record_lower(struct slice text, char *room)
{
    if (room == NULL || !has_upper(text))
        return text;
    return bytes_lower(room, text);
}

static struct slice lower_in(struct record_scratch *scratch, struct slice text)
{
    char *room;

    text = slice_head(text, ADDRESS_MAX_BYTES);
    if (!has_upper(text))
        return text;
    room = scratch_take(scratch, text.len);
    return room == NULL ? text : bytes_lower(room, text);
}

/* "%" and "!" say another thing without quotes. */
static bool is_atom_byte(char c)
{
    return byte_is_digit(c) || byte_is_letter(c) || c == '.' || c == '-' ||
           c == '_' || c == '+' || c == '=';
}

/* How many bytes stand in quotes before the @ and need none, or 0. */
static size_t needless_quotes(struct slice text)
{
    size_t end = 1;

    if (!slice_starts(text, SLICE_LITERAL("\"")))
        return 0;
    for (; end < text.len && is_atom_byte(text.ptr[end]); end++)
        if (text.ptr[end] == '.' &&
            (text.ptr[end - 1] == '.' || text.ptr[end - 1] == '"'))
            return 0;
    return end > 1 && text.ptr[end - 1] != '.' &&
                   slice_starts(slice_skip(text, end), SLICE_LITERAL("\"@"))
               ? end - 1
               : 0;
}

static struct slice without_final_dot(struct slice text)
{
    if (text.len > 1 && text.ptr[text.len - 1] == '.' &&
        text.ptr[text.len - 2] != '.' && slice_index(text, '@') < text.len)
        text.len--;
    return text;
}

struct slice record_recipient(struct slice text, char *room)
{
    size_t quoted = needless_quotes(text);

    text = without_final_dot(text);
    if (room == NULL || quoted == 0)
        return record_lower(text, room);
    bytes_lower(room, slice_make(text.ptr + 1, quoted));
    bytes_lower(room + quoted, slice_skip(text, quoted + 2));
    return slice_make(room, text.len - 2);
}

static struct slice recipient_in(struct record_scratch *scratch,
                                 struct slice text)
{
    text = slice_head(text, ADDRESS_MAX_BYTES);
    if (text.ptr[0] == '"')
        return record_recipient(text, scratch_take(scratch, text.len));
    return lower_in(scratch, without_final_dot(text));
}

/* What does not stand in a template as it is. */
static inline bytes16 mark_variable(bytes16 c)
{
    return (bytes16)((c - '0' <= 9) | (c == '<') | (c == '[') | (c == '@'));
}

static size_t word_end(struct slice text, size_t at)
{
    while (at < text.len && !byte_is_blank(text.ptr[at]))
        at++;
    return at;
}

static bool is_ip_byte(char c)
{
    return byte_is_digit(c) || c == ':' || c == '.' ||
           (byte_lower(c) >= 'a' && byte_lower(c) <= 'f');
}

/* Length of the IPv6 address that text begins with; what ends the sentence is
 * none of it. 0: there is none. */
static size_t ipv6_len(struct slice text)
{
    struct ip ip;
    size_t len = 0;

    while (len < text.len && len < ADDRESS_IP_TEXT_MAX &&
           is_ip_byte(text.ptr[len]))
        len++;
    if (ip_parse(slice_head(text, len), &ip))
        return len;
    if (len > 0 && (text.ptr[len - 1] == '.' || text.ptr[len - 1] == ':'))
        len--;
    return ip_parse(slice_head(text, len), &ip) ? len : 0;
}

/*
 * What many lines have in common: digits become one "N", an IPv6 address, too;
 * what stands in <> or [] goes, a word with '@' becomes "@".
 */
static struct slice template_of(struct record_scratch *scratch,
                                struct slice text)
{
    char *out;
    size_t len = 0, plain, word = 0;
    size_t run = 0, run_at = 0; /* of bytes that an address has: out, text */

    text = slice_head(text, 2 * (size_t)REASON_MAX_BYTES);
    plain = bytes_find(text, mark_variable);
    if (plain == text.len)
        return slice_head(text, REASON_MAX_BYTES);
    out = scratch_take(scratch, REASON_MAX_BYTES);
    if (out == NULL)
        return slice_head(text, REASON_MAX_BYTES);
    for (size_t i = 0; i < text.len && len < REASON_MAX_BYTES; i++) {
        char c = text.ptr[i];
        size_t address_len = 0;

        if (i > 0 && !is_ip_byte(text.ptr[i - 1])) {
            run = len;
            run_at = i;
        }
        if (c == ':')
            address_len = ipv6_len(slice_skip(text, run_at));
        if (byte_is_digit(c)) {
            if (len == 0 || out[len - 1] != 'N')
                out[len++] = 'N';
        } else if (c == '<' || c == '[') {
            char close = c == '<' ? '>' : ']';
            size_t end = slice_index(slice_skip(text, i), close);

            out[len++] = c;
            if (len < REASON_MAX_BYTES)
                out[len++] = close;
            i += end;
        } else if (c == '@') {
            len = word;
            out[len++] = '@';
            i = word_end(text, i) - 1;
        } else if (address_len > 0) {
            out[run] = 'N';
            len = ++run;
            run_at += address_len;
            i = run_at - 1;
        } else {
            out[len++] = c;
            if (byte_is_blank(c))
                word = len;
        }
    }
    return slice_make(out, len);
}

static uint64_t mix(uint64_t hash)
{
    hash ^= hash >> 32;
    hash *= UINT64_C(0xd6e8feb86659fd93);
    hash ^= hash >> 32;
    return hash == 0 ? 1 : hash;
}

uint64_t record_message_hash(const uint64_t key[2], uint64_t host,
                             struct slice id)
{
    uint64_t hash = keyed_hash(key, id) ^ host;

    return hash == 0 ? 1 : hash;
}

uint64_t record_address_hash(const uint64_t key[2], struct slice address)
{
    uint64_t hash = keyed_hash(key, slice_head(address, ADDRESS_MAX_BYTES));

    return hash == 0 ? 1 : hash;
}

uint64_t record_user_hash(uint64_t bare_hash, uint32_t domain)
{
    uint64_t hash = bare_hash ^ (uint64_t)domain << 32;

    return hash == 0 ? 1 : hash;
}

/* ---- one line ---- */

static void set_recipient(struct record_maker *maker,
                          struct record_scratch *scratch, struct slice address,
                          struct record *record)
{
    struct slice domain;

    if (address.len == 0)
        return;
    record->recipient = recipient_in(scratch, address);
    domain = logline_domain(record->recipient);
    if (domain.len > 0) {
        record->domain_at = (uint16_t)(domain.ptr - record->recipient.ptr);
        record->domain_len = (uint16_t)domain.len;
    }
    record->recipient_hash = record_address_hash(maker->key, record->recipient);
}

/* A host named "mail.example.net", or "example.net", that sends for
 * ann@example.net: its owner's, not a zombie's, which forges the name of its
 * own dial-up line, or its provider's. Those that send for others, each report
 * to one of them, name themselves, too: "bounce-7@mail132.example.net". */
static bool is_own_sender(const struct logline *line, struct slice domain)
{
    struct slice name = line->peer.name;
    size_t dot;

    dot = slice_index(domain, '.');
    if (line->peer.forged || name.len == 0 || dot >= domain.len ||
        !domain_is_within(name, domain) ||
        (line->peer.has_ip && name_is_generic(name, &line->peer.ip)))
        return false;
    return name.len > domain.len ||
           slice_index(slice_skip(domain, dot + 1), '.') ==
               domain.len - dot - 1 ||
           (line->peer.has_ip && !name_is_line(name, &line->peer.ip));
}

static void set_from(struct record_maker *maker, struct record_scratch *scratch,
                     const struct logline *line, struct record *record)
{
    struct slice domain;

    record->sender = lower_in(scratch, line->sender);
    domain = logline_domain(record->sender);
    if (record->sender.len > 0)
        record->sender_hash = record_address_hash(maker->key, record->sender);
    record->is_null_sender =
        !slice_is_absent(line->sender) && line->sender.len == 0;
    record->is_own_sender = is_own_sender(line, domain);
    if (domain.len > 0)
        record->sender_domain =
            (uint32_t)record_address_hash(maker->key, domain);
    record->has_brackets = slice_starts(line->text, SLICE_LITERAL("from=<"));
    record->size_bytes = line->size_bytes;
    record->recipients =
        line->recipient_count > 0 ? (uint32_t)line->recipient_count : 0;
}

static char *template_at(const struct record_maker *maker,
                         const struct status_memory *place)
{
    return maker->templates[place - maker->statuses];
}

static void learn_status(const struct record_maker *maker,
                         struct record_scratch *scratch, struct slice status,
                         uint64_t hash, struct status_memory *place)
{
    struct slice host, reason;
    enum status_kind kind = status_read(status, &host);

    *place = (struct status_memory){.hash = hash};
    if (status_is_dead(kind)) {
        place->reason = status_kind_text(kind);
        reason = slice_from_string(place->reason);
        place->host_hash = keyed_hash(maker->key, host);
        place->host_len = (uint16_t)host.len;
        if (host.len > 0)
            place->host_at = (uint16_t)(host.ptr - status.ptr);
    } else {
        reason = template_of(scratch, status);
        place->template_len = (uint16_t)reason.len;
        bytes_copy(template_at(maker, place), reason);
    }
    place->reason_hash = keyed_hash(maker->key, reason);
}

/* Where a text of that hash is, or drives out another: side by side, so that
 * they take few pages. */
static struct status_memory *status_place(struct record_maker *maker,
                                          uint64_t hash)
{
    uint16_t *number = &maker->status_numbers[hash % STATUS_NUMBERS];

    if (*number == 0)
        *number = (uint16_t)(maker->status_count++ % STATUSES + 1);
    return &maker->statuses[*number - 1];
}

/* Why mail waits or failed, and for which host that never answered. */
static void set_reason(struct record_maker *maker,
                       struct record_scratch *scratch, struct slice status,
                       struct record *record)
{
    struct status_memory *place;
    uint64_t hash;
    char *room;

    status = slice_head(status, STATUS_MAX_BYTES);
    if (status.len == 0)
        return;
    hash = keyed_hash(maker->key, status);
    place = status_place(maker, hash);
    if (place->hash != hash || hash == 0)
        learn_status(maker, scratch, status, hash, place);
    if (place->host_len > 0) {
        record->next_hop =
            slice_make(status.ptr + place->host_at, place->host_len);
        record->next_hop_hash = place->host_hash;
    }
    record->reason_hash = place->reason_hash;
    if (place->reason != NULL) {
        record->reason = slice_from_string(place->reason);
        return;
    }
    /* What is remembered now may be another text when this one is joined. */
    room = scratch_take(scratch, place->template_len);
    if (room == NULL)
        return;
    memcpy(room, template_at(maker, place), place->template_len);
    record->reason = slice_make(room, place->template_len);
}

static void set_ip(const struct record_maker *maker, const struct logline *line,
                   struct record *record)
{
    if (!line->peer.has_ip)
        return;
    record->has_ip = true;
    record->ip = line->peer.ip;
    record->ip_hash = source_hash(maker->key, &record->ip);
}

static void set_client(const struct record_maker *maker,
                       const struct logline *line, struct record *record)
{
    set_ip(maker, line, record);
    record->is_forged = line->peer.forged;
    if (!record->has_ip || line->peer.forged || line->peer.name.len == 0)
        return;
    record->name = line->peer.name;
    record->name_hash = record_address_hash(maker->key, record->name);
}

/* Whether the client named that recipient, or an alias of ours. */
static void set_named(struct record_maker *maker,
                      struct record_scratch *scratch,
                      const struct logline *line, struct record *record)
{
    record->has_brackets = slice_starts(line->recipients, SLICE_LITERAL("<"));
    if (line->ctladdr.len > 0)
        record->ctladdr_hash =
            record_address_hash(maker->key, lower_in(scratch, line->ctladdr));
}

/* One that waits, as most do in a queue under attack, says nothing of its
 * recipient or next hop that the join would count. */
static void set_to(struct record_maker *maker, struct record_scratch *scratch,
                   const struct logline *line, struct record *record)
{
    enum log_fate fate = log_fate(line);
    bool is_settled = fate == FATE_SENT || fate == FATE_FAILED;

    record->fate = (uint8_t)fate;
    if (fate == FATE_FAILED && line->is_garbled)
        record->events = 0; /* the client named another */
    if (is_settled)
        set_ip(maker, line, record);
    if (is_settled || record->events != 0)
        set_recipient(maker, scratch, line->recipient, record);
    if (record->events != 0)
        set_named(maker, scratch, line, record);
    record->recipients = log_recipient_count(line);
    if (record->recipients > 1)
        record->list = line->recipients;
    if (fate == FATE_FAILED ||
        (fate == FATE_WAITS && !log_is_quarantined(line)))
        set_reason(maker, scratch, line->status, record);
}

static void set_tls(struct record_scratch *scratch, const struct logline *line,
                    struct record *record)
{
    size_t len = line->protocol.len + line->cipher.len + 1;
    char *room;

    if (line->protocol.len == 0 || len > DETAIL_MAX_BYTES ||
        (room = scratch_take(scratch, len)) == NULL)
        return;
    memcpy(room, line->protocol.ptr, line->protocol.len);
    room[line->protocol.len] = ' ';
    if (line->cipher.len > 0)
        memcpy(room + line->protocol.len + 1, line->cipher.ptr,
               line->cipher.len);
    record->detail = slice_make(room, len);
}

/* For record_user_hash; name is in lower case. */
static uint64_t hash_user(const struct record_maker *maker, struct slice name)
{
    uint64_t hash = record_address_hash(maker->key, name);
    unsigned char letter = name.len == 0 ? 0 : (unsigned char)name.ptr[0];

    return (hash & ~(uint64_t)record_user_letter(UINT32_MAX)) |
           record_user_letter(letter);
}

static void set_auth(struct record_maker *maker, struct record_scratch *scratch,
                     const struct logline *line, struct record *record)
{
    size_t at;

    record->detail = line->command;
    record->user = lower_in(scratch, line->user);
    if (record->user.len == 0)
        return;
    at = bytes_last_index(record->user, '@');
    if (at < record->user.len)
        record->user_domain = (uint32_t)record_address_hash(
            maker->key, slice_skip(record->user, at));
    record->user_hash = record_user_hash(
        hash_user(maker, slice_head(record->user, at)), record->user_domain);
}

/* False: nothing in it matters to the join. */
static bool set_by_kind(struct record_maker *maker,
                        struct record_scratch *scratch,
                        const struct logline *line, struct record *record)
{
    switch (line->kind) {
    case LOGLINE_FROM:
        set_from(maker, scratch, line, record);
        return true;
    case LOGLINE_TO:
        set_to(maker, scratch, line, record);
        return true;
    case LOGLINE_DSN:
        record->is_dsn_failure =
            slice_equal(line->command, SLICE_LITERAL("DSN"));
        record->children = line->child;
        return true;
    case LOGLINE_CLONE:
        record->children = line->child;
        if (line->recipient_count > 0)
            record->recipients = (uint32_t)line->recipient_count;
        return true;
    case LOGLINE_DONE:
        return true;
    case LOGLINE_REPLY:
    case LOGLINE_RULESET:
    case LOGLINE_MILTER:
        if (log_is_of_next_hop(line))
            return false;
        /* what a rule set or a milter discards or holds has no reply */
        record->is_refusal = line->kind == LOGLINE_REPLY || line->reply.len > 0;
        record->is_connection =
            line->kind == LOGLINE_RULESET &&
            (record->message == 0 ||
             slice_equal(line->ruleset, SLICE_LITERAL("check_relay")));
        if (record->events == 0 && !record->is_refusal)
            return false;
        set_recipient(maker, scratch, line->recipient, record);
        record->reason = template_of(scratch, line->reason);
        record->reason_hash = keyed_hash(maker->key, record->reason);
        return true;
    case LOGLINE_AUTH:
    case LOGLINE_AUTH_OK:
        set_auth(maker, scratch, line, record);
        return true;
    case LOGLINE_TLS:
        set_tls(scratch, line, record);
        return record->detail.len > 0 || record->events != 0;
    case LOGLINE_PROBE:
        set_recipient(maker, scratch, line->recipient, record);
        return true;
    case LOGLINE_LOST:
    case LOGLINE_NO_COMMAND:
    case LOGLINE_FLOOD:
    case LOGLINE_ATTACK:
    case LOGLINE_PROXY:
    case LOGLINE_PREGREET:
    case LOGLINE_PEER:
        return true;
    case LOGLINE_OTHER:
        record->reason = template_of(scratch, line->text);
        return true;
    default:
        return record->events != 0;
    }
}

static uint64_t match(struct record_maker *maker, const struct logline *line)
{
    enum logline_shape shape = logline_shape(line->kind);

    if ((maker->event_shapes >> shape & 1) == 0)
        return 0;
    return rules_match_line(maker->matcher, line);
}

/* A line of sendmail's within the time asked for, or before it. */
static enum record_outcome make_own(struct record_maker *maker,
                                    const struct logline *line,
                                    struct record_scratch *scratch,
                                    struct record *record)
{
    if (!line->is_hostile)
        record->events = match(maker, line);
    if (record->is_counted)
        logtally_add(&maker->tally, line, record->time, record->events,
                     maker->guess_bit);
    if (line->is_hostile)
        return RECORD_COUNTED;
    record->kind = (uint8_t)line->kind;
    record->host = keyed_hash(maker->key, line->host);
    record->log_host = line->host;
    if (line->id.len > 0)
        record->message =
            record_message_hash(maker->key, record->host, line->id);
    if (line->pid >= 0)
        record->process = mix(record->host + (uint64_t)line->pid);
    if (line->kind != LOGLINE_TO)
        set_client(maker, line, record);
    return set_by_kind(maker, scratch, line, record) ? RECORD_MADE
                                                     : RECORD_COUNTED;
}

void record_parse(struct record_maker *maker, struct slice text,
                  struct record_line *line_r)
{
    line_r->text = text;
    line_r->outcome = logline_parse(text, &maker->memory, &line_r->line);
}

enum record_outcome record_make(struct record_maker *maker,
                                const struct record_line *parsed,
                                const struct log_epoch *near,
                                struct record_scratch *scratch,
                                struct record *record_r)
{
    struct logtally *tally = &maker->tally;
    const struct logline *line = &parsed->line;
    enum logline_outcome outcome = parsed->outcome;

    tally->text_bytes += parsed->text.len + 1;
    tally->overlong_lines += parsed->text.len > LOGLINE_MAX_BYTES;
    if (outcome == LOGLINE_NO_STAMP) {
        tally->lines++;
        tally->no_stamp_lines++;
        return RECORD_NO_TIME;
    }
    bytes_clear(record_r, sizeof(*record_r));
    record_r->time = log_clock_read(&maker->clock, near, &line->stamp);
    record_r->text = parsed->text;
    record_r->repeat = line->repeat_count > 1 ? line->repeat_count : 1;
    record_r->is_counted =
        record_r->time >= maker->since && record_r->time < maker->until;
    if (!record_r->is_counted) {
        tally->lines++;
        tally->outside_lines++;
        if (record_r->time >= maker->until || outcome != LOGLINE_OK)
            return RECORD_COUNTED;
    } else if (outcome == LOGLINE_FOREIGN) {
        tally->lines++;
        tally->foreign_lines++;
        return RECORD_COUNTED;
    } else if (outcome == LOGLINE_REPEATED) {
        tally->lines++;
        tally->repeat_lines++;
        tally->repeated_count += line->repeat_count;
        record_r->is_repeat = true;
        record_r->host = keyed_hash(maker->key, line->host);
        return RECORD_MADE;
    }
    /* "message repeated N times: [ ... ]" is the line itself, once */
    if (record_r->is_counted)
        tally->repeated_count += record_r->repeat - 1;
    return make_own(maker, line, scratch, record_r);
}

/* ---- a thread's own ---- */

bool record_maker_init(struct record_maker *maker, const struct rules *rules,
                       const uint64_t key[2], bool is_utc)
{
    size_t guess = rules_event_find(rules, "unknown-user");

    *maker = (struct record_maker){.rules = rules,
                                   .clock = {.is_utc = is_utc},
                                   .key = {key[0], key[1]},
                                   .since = INT64_MIN,
                                   .until = INT64_MAX};
    if (guess < RULES_EVENTS_MAX)
        maker->guess_bit = UINT64_C(1) << guess;
    maker->event_shapes = rules_event_shapes(rules);
    maker->matcher = rules_matcher_new(rules);
    maker->statuses = calloc(STATUSES, sizeof(*maker->statuses));
    maker->templates = calloc(STATUSES, sizeof(*maker->templates));
    logtally_init(&maker->tally);
    maker->tally.hour_shift_sec = log_hour_shift(is_utc);
    return maker->matcher != NULL && maker->statuses != NULL &&
           maker->templates != NULL && rules_remember(maker->matcher, key);
}

void record_maker_free(struct record_maker *maker)
{
    if (maker->matcher != NULL)
        rules_matcher_free(maker->matcher);
    free(maker->statuses);
    free(maker->templates);
    logtally_free(&maker->tally);
}
