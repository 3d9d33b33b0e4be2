#include "rules/check_logs.h"

#include <stdio.h>

#include "parsers/hash.h"
#include "rules/fields.h"

/* ---- reading ---- */

struct traffic_reader {
    struct traffic_sample *sample;
    const struct rules *set;
    struct slice text;
    size_t at;
    sample_note note;
    void *context;
    size_t with_at; /* where the fields begin */
};

static const char sample_shape[] =
    "a sample is EVENT*COUNT from ADDRESS in DURATION, ... with NAME=VALUE";

static bool fail(struct traffic_reader *reader, size_t offset, const char *why,
                 const char *what, struct slice shown)
{
    struct sample_error error = {.offset = offset, .why = why};

    snprintf(error.what, sizeof(error.what), "%s '%s'", what,
             lex_show(shown).text);
    reader->note(reader->context, &error);
    return false;
}

/* What follows, up to a blank or a comma; may be empty. */
static struct slice next_word(struct traffic_reader *reader)
{
    struct slice rest = slice_skip(reader->text, reader->at), word;
    size_t len = 0;

    while (rest.len > 0 && byte_is_blank(rest.ptr[0])) {
        rest = slice_skip(rest, 1);
        reader->at++;
    }
    while (len < rest.len && !byte_is_blank(rest.ptr[len]) &&
           rest.ptr[len] != ',')
        len++;
    word = slice_head(rest, len);
    reader->at += len;
    return word;
}

static size_t begin_of(const struct traffic_reader *reader, struct slice word)
{
    return reader->at - word.len;
}

static bool read_word(struct traffic_reader *reader, const char *wanted)
{
    struct slice word = next_word(reader);

    if (slice_equal(word, slice_from_string(wanted)))
        return true;
    return fail(reader, begin_of(reader, word), sample_shape,
                wanted[0] == 'f' ? "here 'from' is missing before"
                                 : "here 'in' is missing before",
                word);
}

static bool read_event(struct traffic_reader *reader, struct traffic_part *part)
{
    struct slice word = next_word(reader);
    size_t star = slice_index(word, '*');
    struct slice name = slice_head(word, star);

    if (star == word.len)
        return fail(reader, begin_of(reader, word), sample_shape, "no '*' in",
                    word);
    for (part->event = 0; part->event < reader->set->event_count; part->event++)
        if (slice_equal(name, slice_from_string(
                                  rules_event_name(reader->set, part->event))))
            break;
    if (part->event == reader->set->event_count)
        return fail(reader, begin_of(reader, word),
                    "an event is declared by a stanza: event NAME",
                    "unknown event", name);
    if (slice_to_integer(slice_skip(word, star + 1), &part->count) &&
        part->count >= 1 && part->count <= TRAFFIC_COUNT_MAX)
        return true;
    return fail(reader, begin_of(reader, word),
                "it is a number from 1 to 100000",
                "this is no count:", slice_skip(word, star + 1));
}

static bool read_part(struct traffic_reader *reader)
{
    struct traffic_sample *sample = reader->sample;
    struct traffic_part part;
    const char *expected;
    struct slice word;

    if (!read_event(reader, &part) || !read_word(reader, "from"))
        return false;
    word = next_word(reader);
    if (!cidr_parse(word, &part.from))
        return fail(reader, begin_of(reader, word),
                    "it is an address, or ADDRESS/BITS",
                    "this is no address:", word);
    if (!read_word(reader, "in"))
        return false;
    word = next_word(reader);
    if (!fields_number(TYPE_DURATION, word, &part.duration_sec, &expected) ||
        part.duration_sec < 0 || part.duration_sec > INT32_MAX)
        return fail(reader, begin_of(reader, word),
                    "a duration is a whole number with a unit: s, m, h, d, w",
                    "this is no duration:", word);
    if (sample->part_count == TRAFFIC_PARTS_MAX)
        return fail(reader, begin_of(reader, word), "it has at most 16",
                    "too many parts before", word);
    sample->parts[sample->part_count++] = part;
    return true;
}

/* Goes over a comma; false when there is none. */
static bool has_comma(struct traffic_reader *reader)
{
    struct slice rest = slice_skip(reader->text, reader->at);
    size_t blanks = 0;

    while (blanks < rest.len && byte_is_blank(rest.ptr[blanks]))
        blanks++;
    if (blanks == rest.len || rest.ptr[blanks] != ',')
        return false;
    reader->at += blanks + 1;
    return true;
}

static void note_with(void *context, const struct sample_error *error)
{
    const struct traffic_reader *reader = context;
    struct sample_error moved = *error;

    moved.offset += reader->with_at;
    reader->note(reader->context, &moved);
}

/* "with" and the fields behind it, if there is anything. */
static bool read_with(struct traffic_reader *reader)
{
    struct slice word = next_word(reader);

    if (word.len > 0 && !slice_equal(word, SLICE_LITERAL("with")))
        return fail(reader, begin_of(reader, word), sample_shape, "unexpected",
                    word);
    reader->with_at = reader->at;
    return sample_parse(&reader->sample->with, reader->set->lists, SCOPE_SOURCE,
                        slice_skip(reader->text, reader->at), note_with,
                        reader);
}

/* How many addresses events come from. */
static int64_t source_count(const struct traffic_part *part)
{
    unsigned host_bits = 128 - part->from.bits;
    int64_t room = host_bits > 40 ? INT64_MAX : INT64_C(1) << host_bits;

    return part->count < room ? part->count : room;
}

static bool add_known(struct traffic_reader *reader)
{
    struct traffic_sample *sample = reader->sample;
    struct field_value source = {.number = 0}, members = {.number = 0};

    source.text = slice_make(
        sample->source, ip_format(&sample->parts[0].from.base, sample->source));
    for (size_t i = 0; i < sample->part_count; i++)
        members.number += source_count(&sample->parts[i]);
    if (sample_add_unnamed(&sample->with, FIELD_FROM_ADDRESS, source) &&
        (members.number == 1 ||
         sample_add_unnamed(&sample->with, FIELD_FROM_MEMBERS, members)))
        return true;
    return fail(reader, 0, "out of memory", "sample", reader->text);
}

bool traffic_sample_parse(struct traffic_sample *sample,
                          const struct rules *set, struct slice text,
                          sample_note note, void *context)
{
    struct traffic_reader reader = {.sample = sample,
                                    .set = set,
                                    .text = text,
                                    .note = note,
                                    .context = context};

    *sample = (struct traffic_sample){.part_count = 0};
    do {
        if (!read_part(&reader))
            return false;
    } while (has_comma(&reader));
    return read_with(&reader) && add_known(&reader);
}

void traffic_sample_free(struct traffic_sample *sample)
{
    sample_free(&sample->with);
}

/* ---- running ---- */

static struct ip address_at(const struct traffic_part *part, int64_t number)
{
    uint64_t left = (uint64_t)(number % source_count(part));
    struct ip ip = part->from.base;

    for (int i = sizeof(ip.bytes) - 1; i >= 0 && left > 0; i--) {
        left += ip.bytes[i];
        ip.bytes[i] = (uint8_t)left;
        left >>= 8;
    }
    return ip;
}

static uint32_t low_word(const struct ip *ip)
{
    return (uint32_t)ip->bytes[12] << 24 | (uint32_t)ip->bytes[13] << 16 |
           (uint32_t)ip->bytes[14] << 8 | ip->bytes[15];
}

/* One number an address, of whatever parts it is. */
static uint32_t number_of(const struct traffic_sample *sample,
                          const struct ip *ip)
{
    uint32_t number = 1;

    for (size_t i = 0; i < sample->part_count; i++) {
        const struct traffic_part *part = &sample->parts[i];
        uint32_t at = low_word(ip) - low_word(&part->from.base);
        struct ip found = address_at(part, at);

        if (at < source_count(part) && memcmp(&found, ip, sizeof(found)) == 0)
            return number + at;
        number += (uint32_t)source_count(part);
    }
    return number;
}

/* The first and the last lie the whole duration apart. */
static int64_t time_at(const struct traffic_part *part, int64_t number)
{
    return part->count == 1 ? 0
                            : part->duration_sec * number / (part->count - 1);
}

/* user: 0 for one that is made up, too. */
static bool note_event(struct watch *watch, const struct traffic_sample *sample,
                       const struct traffic_part *part, int64_t number,
                       uint64_t made_up, uint64_t user)
{
    static const uint64_t key[2] = {1, 2};
    struct watch_event event = {
        .events = UINT64_C(1) << part->event,
        .time = time_at(part, number),
        .source = address_at(part, number),
        .domain = SLICE_LITERAL("example.org"),
        .hashes = {[WATCH_RECIPIENT] = made_up,
                   [WATCH_SENDER] = made_up,
                   [WATCH_USER] = user != 0 ? user : made_up,
                   [WATCH_DOMAIN] = 1},
        .count = 1,
    };

    event.source_number = number_of(sample, &event.source);
    event.hashes[WATCH_SOURCE] =
        keyed_hash(key, slice_make((const char *)event.source.bytes,
                                   sizeof(event.source.bytes))) |
        1;
    return watch_note(watch, &event);
}

/* The part whose next event is the earliest, or NULL when none is left. */
static const struct traffic_part *next_part(const struct traffic_sample *sample,
                                            const int64_t *numbers)
{
    const struct traffic_part *next = NULL;
    int64_t time = 0;

    for (size_t i = 0; i < sample->part_count; i++) {
        const struct traffic_part *part = &sample->parts[i];

        if (numbers[i] < part->count &&
            (next == NULL || time_at(part, numbers[i]) < time)) {
            next = part;
            time = time_at(part, numbers[i]);
        }
    }
    return next;
}

static bool run_events(const struct traffic_sample *sample, struct watch *watch,
                       uint64_t user)
{
    int64_t numbers[TRAFFIC_PARTS_MAX] = {0};
    const struct traffic_part *part;
    uint64_t made_up = 0;

    while ((part = next_part(sample, numbers)) != NULL)
        if (!note_event(watch, sample, part, numbers[part - sample->parts]++,
                        ++made_up, user))
            return false;
    return true;
}

enum rules_answer traffic_sample_fires(const struct traffic_sample *sample,
                                       const struct rules *set,
                                       size_t source_rule)
{
    static const uint64_t key[2] = {1, 2};
    struct watch *watch = watch_new(set, key);
    enum rules_answer answer = ANSWER_UNDECIDED;
    const struct watch_alarm *alarms;

    if (watch != NULL &&
        run_events(sample, watch,
                   rules_source_rule(set, source_rule)->by == COUNT_BY_USER)) {
        answer = ANSWER_NO;
        for (size_t i = watch_alarms(watch, &alarms); i-- > 0;)
            if (alarms[i].source_rule == source_rule)
                answer = ANSWER_YES;
    }
    watch_free(watch);
    return answer;
}
