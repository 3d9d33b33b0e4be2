/* One hostile source, or all of them: its name, its numbers, its evidence, in
 * a row of text, of CSV, or as an object. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "qscan/attackers.h"
#include "tests/assert_slice.h"
#include "tests/heard.h"
#include "tests/logscene.h"

#define HOSTILE "\033[2J\"q\\\xc3\xa4\xff\xe2\x80\xae.example"
#define HOSTILE_SHOWN "\\x1b[2J\"q\\\\\xc3\xa4\\xff\\xe2\\x80\\xae.example"
#define HOSTILE_MAILED "\\x1b[2J\"q\\\\\\xc3\\xa4\\xff\\xe2\\x80\\xae.example"
#define HOSTILE_CSV "\\x1b[2J\"\"q\\\\\xc3\xa4\\xff\\xe2\\x80\\xae.example"
#define HOSTILE_JSON "\033[2J\"q\\\xc3\xa4\xef\xbf\xbd\xe2\x80\xae.example"

#define HEAD                                                                   \
    "source          kind               tries guesses  hits first       "      \
    "last\n"
#define CSV_HEAD                                                               \
    "source,kind,rule,guesses,guesses_exact,accepted,attempts,first,last,"     \
    "name,"                                                                    \
    "members,listable,evidence_file,evidence_line\n"

enum { FROM_MANY = 1 }; /* the rule of crowds */

/* ---- a scene ---- */

static struct sources *sources_of(struct scene *scene)
{
    return &scene->logs.sources;
}

/* The only one: 192.0.2.1. */
static struct attacker *begin_with_one(struct scene *scene, const char *name)
{
    scene_init(scene);
    scene_add_file(scene, "maillog", false);
    return scene_add_attacker(scene, scene_add_source(scene, "192.0.2.1", name),
                              "ann@example.com");
}

/* Makes a crowd of so many of it: 198.51.100.1 and on. */
static void make_crowd(struct scene *scene, struct attacker *attacker,
                       unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        char address[ADDRESS_IP_TEXT_MAX], sample[32];
        struct source *source;

        snprintf(address, sizeof(address), "198.51.100.%u", 1 + i);
        snprintf(sample, sizeof(sample), "guess%u@example.com", i);
        scene->members[i] = scene_add_source(scene, address, "");
        source = source_at(sources_of(scene), scene->members[i]);
        source->guess_sample =
            intern_add(&sources_of(scene)->samples, slice_from_string(sample));
    }
    attacker->source = 0;
    attacker->source_rule = FROM_MANY;
    attacker->members = scene->members;
    attacker->member_count = count;
}

/* Its row of further texts. */
static struct source_texts *texts_of(struct scene *scene, uint32_t source)
{
    source_at(sources_of(scene), source)->more = source;
    sources_of(scene)->mores[source].texts = source;
    return &sources_of(scene)->texts[source];
}

static uint32_t sample(struct scene *scene, const char *text)
{
    return intern_add(&sources_of(scene)->samples, slice_from_string(text));
}

static uint32_t host_name(struct scene *scene, const char *text)
{
    return names_add(&sources_of(scene)->names, slice_from_string(text));
}

static const char *print(struct scene *scene, enum format format)
{
    struct output *output = printed_begin(&scene->printed, &scene->complaints);

    scene->options.format = format;
    assert_true(attackers_print(&scene->options, &scene->logs, output));
    printed_end(&scene->printed);
    assert_false(output->has_failed);
    return scene->printed.text;
}

static json_t *object_of(struct scene *scene, const struct attacker *attacker)
{
    struct buffer out = {0};
    struct jsonout json;
    json_t *object;

    jsonout_init(&json, &out);
    attacker_json(&json, &scene->logs, attacker);
    object = json_of(buffer_text(&out));
    buffer_free(&out);
    return object;
}

static void assert_shown(struct buffer *out, const char *expected)
{
    assert_string_equal(buffer_text(out), expected);
    buffer_free(out);
}

/* ---- what stands in the tables ---- */

static void test_rule_of_an_attacker(void **state)
{
    struct scene scene;
    struct attacker *attacker = begin_with_one(&scene, "a.example.net");

    (void)state;
    assert_string_equal(attacker_rule(&scene.logs, attacker)->name,
                        "many-guesses");
    attacker->source_rule = FROM_MANY;
    assert_string_equal(attacker_rule(&scene.logs, attacker)->kind, "botnet");
    scene_free(&scene);
}

static void test_evidence_and_the_file_it_stands_in(void **state)
{
    static const char text[] = "the line\nits client";
    struct scene scene;
    struct attacker *attacker = begin_with_one(&scene, "a.example.net");
    struct evidence *evidence = &sources_of(&scene)->evidence[0];

    (void)state;
    assert_ptr_equal(attacker_evidence(&scene.logs, attacker), evidence);
    assert_slice_is(evidence_line(evidence), "ann@example.com", "line");
    assert_int_equal(evidence_client(evidence).len, 0);
    evidence->text = (char *)(uintptr_t)text;
    evidence->len = sizeof(text) - 1;
    assert_slice_is(evidence_line(evidence), "the line", "line");
    assert_slice_is(evidence_client(evidence), "its client", "client");
    assert_slice_is(log_file_path(&scene.logs, 0), "maillog", "file");
    assert_slice_is(log_file_path(&scene.logs, 1), "?", "no file");
    assert_slice_is(log_file_path(&scene.logs, UINT32_MAX), "?", "no file");
    /* a place for it is no evidence */
    sources_of(&scene)->evidence[1] = *evidence;
    attacker->alarm = 1;
    assert_null(attacker_evidence(&scene.logs, attacker));
    attacker->alarm = UINT32_MAX;
    assert_null(attacker_evidence(&scene.logs, attacker));
    attacker->alarm = 0;
    evidence->text = NULL;
    assert_null(attacker_evidence(&scene.logs, attacker));
    scene_free(&scene);
}

static void test_names(void **state)
{
    struct scene scene;
    struct attacker *attacker = begin_with_one(&scene, HOSTILE);
    char room[NAMES_TEXT_MAX];
    struct buffer out = {0};

    (void)state;
    assert_slice_is(attacker_name(&scene.logs, attacker, room), HOSTILE,
                    "name");
    attacker_add_shown_name(&out, &scene.logs, attacker);
    assert_shown(&out, "192.0.2.1");
    source_at(sources_of(&scene), attacker->source)->name = NAMES_NONE;
    assert_int_equal(attacker_name(&scene.logs, attacker, room).len, 0);
    make_crowd(&scene, attacker, 3);
    attacker->domain =
        intern_add(&sources_of(&scene)->domains, SLICE_LITERAL(HOSTILE));
    assert_true(slice_is_absent(attacker_name(&scene.logs, attacker, room)));
    attacker_add_shown_name(&out, &scene.logs, attacker);
    assert_shown(&out, HOSTILE_SHOWN);
    attacker->domain = 0;
    attacker->user = sample(&scene, "bob\n");
    attacker_add_shown_name(&out, &scene.logs, attacker);
    assert_shown(&out, "user bob\\x0a");
    scene_free(&scene);
}

static void test_guesses_and_their_bound(void **state)
{
    struct attacker attacker = {.guesses = 20, .is_exact = true};
    struct buffer out = {0};

    (void)state;
    attacker_add_guesses(&out, &attacker);
    assert_shown(&out, "     20");
    attacker.guesses = GUESSES_MAX;
    attacker.is_exact = false;
    attacker_add_guesses(&out, &attacker);
    assert_shown(&out, ">=10000");
}

static void assert_samples(struct scene *scene, const struct attacker *attacker,
                           size_t max, size_t count)
{
    uint32_t samples[8] = {0};

    assert_int_equal(attacker_samples(&scene->logs, attacker, samples, max),
                     count);
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(samples[i] != 0, i < count);
}

static void test_samples_are_told_apart_and_few(void **state)
{
    struct scene scene;
    struct attacker *attacker = begin_with_one(&scene, "a.example.net");
    struct source_texts *texts = texts_of(&scene, attacker->source);
    uint32_t samples[8];

    (void)state;
    texts->samples[0] = sample(&scene, "bob@example.com");
    texts->samples[1] = sample(&scene, "ann@example.com");
    texts->samples[2] = sample(&scene, "cat@example.com");
    texts->samples[3] = sample(&scene, "dan@example.com");
    texts->sample_count = 3;
    assert_samples(&scene, attacker, 8, 3);
    assert_samples(&scene, attacker, 2, 2);
    assert_samples(&scene, attacker, 0, 0);
    assert_int_equal(attacker_samples(&scene.logs, attacker, samples, 8), 3);
    assert_int_equal(samples[0], sample(&scene, "ann@example.com"));
    assert_int_equal(samples[1], sample(&scene, "bob@example.com"));
    assert_int_equal(samples[2], sample(&scene, "cat@example.com"));
    /* of a crowd one each */
    make_crowd(&scene, attacker, 5);
    texts_of(&scene, scene.members[0])->samples[0] =
        sample(&scene, "eve@example.com");
    texts_of(&scene, scene.members[0])->sample_count = 1;
    assert_samples(&scene, attacker, 8, 5);
    assert_samples(&scene, attacker, 4, 4);
    source_at(sources_of(&scene), scene.members[1])->guess_sample = INTERN_NONE;
    assert_samples(&scene, attacker, 8, 4);
    scene_free(&scene);
}

static void test_recipients_that_its_mail_reached(void **state)
{
    struct scene scene;
    struct attacker *attacker = begin_with_one(&scene, "a.example.net");
    uint32_t reached[8];

    (void)state;
    assert_int_equal(attacker_reached(&scene.logs, attacker, reached, 8), 0);
    make_crowd(&scene, attacker, 4);
    for (unsigned i = 0; i < 4; i++) {
        struct source_texts *texts = texts_of(&scene, scene.members[i]);

        texts->reached[0] = sample(&scene, "all@example.com");
        texts->reached[1] =
            sample(&scene, i < 2 ? "two@example.com" : "other@example.com");
        texts->reached_count = 2;
    }
    assert_int_equal(attacker_reached(&scene.logs, attacker, reached, 8), 3);
    assert_int_equal(reached[0], sample(&scene, "all@example.com"));
    assert_int_equal(reached[1], sample(&scene, "two@example.com"));
    assert_int_equal(reached[2], sample(&scene, "other@example.com"));
    reached[1] = 0;
    assert_int_equal(attacker_reached(&scene.logs, attacker, reached, 1), 1);
    assert_int_equal(reached[1], 0);
    scene_free(&scene);
}

static void test_why_one_is_spared(void **state)
{
    struct spared spared = {.why = "it logged in", .field = "source.name"};
    struct buffer out = {0};

    (void)state;
    spared_add_why(&out, &spared);
    assert_shown(&out, "it logged in");
    spared.why = NULL;
    spared_add_why(&out, &spared);
    assert_shown(&out,
                 "spared by a condition: what it is called (source.name)");
}

/* A postmaster knows no fields; and the line must be whole. */
static void test_why_is_said_in_words(void **state)
{
    (void)state;
    for (unsigned i = 0; i < FIELD_COUNT; i++) {
        struct spared spared = {.field = rules_fields[i].name};
        struct buffer out = {0};

        if (i < FIELD_FROM_ADDRESS || i > FIELD_FROM_DELIVERED)
            continue;
        spared_add_why(&out, &spared);
        if (out.bytes[out.len - 1] != ')' || out.len > 76)
            fail_msg("%s: %.*s", spared.field, (int)out.len, out.bytes);
        buffer_free(&out);
    }
}

/* ---- text ---- */

static void test_rows_stand_below_their_head(void **state)
{
    struct scene scene;
    struct attacker *attacker = begin_with_one(&scene, "a.example.net");
    struct buffer out = {0};

    (void)state;
    scene.logs.tally.last = START + HOUR;
    attacker_add_head(&out);
    assert_shown(&out, HEAD);
    attacker_add_row(&out, "", &scene.options, &scene.logs, attacker);
    assert_shown(&out, "192.0.2.1       dictionary-attack     25      20     3 "
                       "05-28 20:00 05-28 21:00\n");
    /* another year than that in which the logs end; numbers too long */
    attacker->first = START - 365 * 24 * (int64_t)HOUR;
    attacker->attempts = 12345678;
    attacker->accepted = UINT64_MAX;
    attacker->is_exact = false;
    attacker->guesses = GUESSES_MAX;
    attacker_add_row(&out, "  ", &scene.options, &scene.logs, attacker);
    assert_shown(&out, "  192.0.2.1       dictionary-attack    12M >=10000   "
                       "18E  2025-05-28 05-28 21:00\n");
    buffer_clear(&out);
    attacker->first = START - 200 * 24 * (int64_t)HOUR;
    attacker_add_row(&out, "", &scene.options, &scene.logs, attacker);
    assert_has(buffer_text(&out), " 11-09 20:00 05-28 21:00\n");
    buffer_free(&out);
    scene_free(&scene);
}

static void test_a_long_source_has_a_line_of_its_own(void **state)
{
    struct scene scene;
    struct attacker *attacker = begin_with_one(&scene, "a.example.net");
    struct buffer out = {0};

    (void)state;
    attacker->source = scene_add_source(&scene, "198.51.100.123", "");
    attacker_add_row(&out, "", &scene.options, &scene.logs, attacker);
    assert_has(buffer_text(&out), "198.51.100.123  dictionary-attack ");
    buffer_clear(&out);
    attacker->source = scene_add_source(&scene, "2001:db8:1:2::1234", "");
    attacker_add_row(&out, "  ", &scene.options, &scene.logs, attacker);
    assert_has(buffer_text(&out), "  2001:db8:1:2::1234\n"
                                  "                  dictionary-attack ");
    buffer_clear(&out);
    /* cut, and nothing of it escaped twice */
    make_crowd(&scene, attacker, 3);
    attacker->domain = intern_add(
        &sources_of(&scene)->domains,
        SLICE_LITERAL(HOSTILE ".a-name-that-goes-on-and-on-and-on.and-on.and-"
                              "on.and-on.example"));
    attacker_add_row(&out, "", &scene.options, &scene.logs, attacker);
    assert_mailable(buffer_text(&out));
    assert_has(buffer_text(&out), HOSTILE_SHOWN ".a-name");
    assert_has(buffer_text(&out), "...\n                botnet ");
    buffer_free(&out);
    scene_free(&scene);
}

/* As wide as it is shown, and in a report ASCII, however short. */
static void test_a_source_that_is_not_ascii_keeps_its_column(void **state)
{
    struct scene scene;
    struct attacker *attacker = begin_with_one(&scene, "a.example.net");
    struct buffer out = {0}, mailed = {.is_ascii = true};

    (void)state;
    make_crowd(&scene, attacker, 3);
    attacker->domain = intern_add(&sources_of(&scene)->domains,
                                  SLICE_LITERAL("\xc3\xa4.example"));
    attacker_add_row(&out, "", &scene.options, &scene.logs, attacker);
    assert_has(buffer_text(&out), "\xc3\xa4.example       botnet ");
    attacker_add_row(&mailed, "", &scene.options, &scene.logs, attacker);
    assert_has(buffer_text(&mailed),
               "\\xc3\\xa4.example\n                botnet ");
    assert_has(print(&scene, FORMAT_TEXT),
               "\n\\xc3\\xa4.example\n                botnet ");
    buffer_free(&out);
    buffer_free(&mailed);
    scene_free(&scene);
}

static void test_lines_below_a_row(void **state)
{
    struct scene scene;
    struct attacker *attacker = begin_with_one(&scene, HOSTILE);
    const char *text;

    (void)state;
    text = print(&scene, FORMAT_TEXT);
    assert_mailable(text);
    assert_true(strncmp(text, HEAD, strlen(HEAD)) == 0);
    assert_has(text, "\n                " HOSTILE_MAILED "\n");
    assert_int_equal(count_text(text, "\n"), 3);
    assert_has_not(text, "of the mail");
    /* who brings much of the mail may be one of ours */
    sources_of(&scene)->mailed = 40;
    attacker->mailed = 10;
    assert_has(print(&scene, FORMAT_TEXT),
               "\n                brings 25 % of the mail; yours? name it in "
               "our-hosts\n");
    attacker->mailed = 9;
    assert_has_not(print(&scene, FORMAT_TEXT), "of the mail");
    attacker->mailed = 10;
    sources_of(&scene)->mailed = 1001;
    assert_has_not(print(&scene, FORMAT_TEXT), "of the mail");
    sources_of(&scene)->mailed = 40;
    make_crowd(&scene, attacker, 12);
    assert_true(
        cidr_parse(SLICE_LITERAL("198.51.100.0/24"), &attacker->network));
    text = print(&scene, FORMAT_TEXT);
    assert_has(text, "\n198.51.100.0/24 botnet ");
    assert_has(text, "\n                12 addresses: see --format=json\n");
    assert_has_not(text, "of the mail");
    scene_free(&scene);
}

static void test_a_long_name_is_cut_at_its_front(void **state)
{
    struct scene scene;

    (void)state;
    begin_with_one(&scene, "a-name-that-goes-on-and-on.and-on.and-on.and-on."
                           "and-on.and-on.example.net");
    assert_mailable(print(&scene, FORMAT_TEXT));
    assert_has(scene.printed.text,
               "\n                ...es-on-and-on.and-on.and-on.and-on."
               "and-on.and-on.example.net\n");
    scene_free(&scene);
}

static void test_a_source_without_name_has_no_line_for_it(void **state)
{
    struct scene scene;

    (void)state;
    begin_with_one(&scene, "");
    assert_int_equal(count_text(print(&scene, FORMAT_TEXT), "\n"), 2);
    scene_free(&scene);
}

static void test_nobody_is_hostile(void **state)
{
    struct scene scene;

    (void)state;
    scene_init(&scene);
    assert_string_equal(print(&scene, FORMAT_TEXT),
                        "No source is hostile by the rules.\n");
    assert_string_equal(print(&scene, FORMAT_CSV), CSV_HEAD);
    assert_string_equal(print(&scene, FORMAT_JSON), "");
    scene_free(&scene);
}

/* ---- CSV ---- */

static void test_fields_of_csv(void **state)
{
    struct scene scene;
    struct attacker *attacker = begin_with_one(&scene, HOSTILE);
    struct buffer out = {0};

    (void)state;
    scene.files[0].path = (char *)(uintptr_t) "=mail\"log\n";
    assert_string_equal(
        print(&scene, FORMAT_CSV),
        CSV_HEAD "\"192.0.2.1\",\"dictionary-attack\",\"many-guesses\",20,true,"
                 "3,25,1779998400,1780002000,\"" HOSTILE_CSV
                 "\",1,true,\"'=mail\"\"log\\x0a\",12345\n");
    attackers_add_csv(&out, &scene.logs);
    assert_shown(&out, scene.printed.text);
    attacker->is_exact = false;
    attacker->is_listable = false;
    attacker->alarm = UINT32_MAX;
    assert_has(print(&scene, FORMAT_CSV), ",20,false,3,");
    assert_has(scene.printed.text, "\",1,false,,\n");
    scene_free(&scene);
}

/* Only the row's own name can go on a list. */
static void test_what_is_listable_of_a_crowd_in_csv(void **state)
{
    struct scene scene;
    struct attacker *attacker = begin_with_one(&scene, "a.example.net");

    (void)state;
    make_crowd(&scene, attacker, 12);
    assert_true(
        cidr_parse(SLICE_LITERAL("198.51.100.0/24"), &attacker->network));
    assert_has(print(&scene, FORMAT_CSV), "\n\"198.51.100.0/24\",\"botnet\",");
    assert_has(scene.printed.text, ",\"\",12,true,\"maillog\",12345\n");
    attacker->is_listable = false;
    assert_has(print(&scene, FORMAT_CSV), ",\"\",12,false,");
    attacker->is_listable = true;
    attacker->domain =
        intern_add(&sources_of(&scene)->domains, SLICE_LITERAL("@example.com"));
    assert_has(print(&scene, FORMAT_CSV), "\n\"'@example.com\",\"botnet\",");
    assert_has(scene.printed.text, ",\"\",12,false,");
    scene_free(&scene);
}

/* ---- JSON ---- */

static void assert_texts(const json_t *object, const char *key, size_t count,
                         const char *first)
{
    const json_t *texts = json_object_get(object, key);

    assert_true(json_is_array(texts));
    assert_int_equal(json_array_size(texts), count);
    if (count > 0)
        assert_string_equal(json_string_value(json_array_get(texts, 0)), first);
}

static void test_a_source_in_json(void **state)
{
    struct scene scene;
    struct attacker *attacker = begin_with_one(&scene, HOSTILE);
    struct source_texts *texts = texts_of(&scene, attacker->source);
    struct source_more *more;
    json_t *object, *evidence, *domains;

    (void)state;
    attacker->mailed = 10;
    attacker->bounces = 4;
    attacker->shared = 5;
    sources_of(&scene)->mailed = 40;
    texts->names[0] = host_name(&scene, "b.example.net");
    texts->names[1] = host_name(&scene, HOSTILE);
    texts->names[2] = host_name(&scene, "c.example.net");
    texts->name_count = 3;
    more = &sources_of(&scene)->mores[attacker->source];
    more->domains.near[0] = (struct source_domain){
        source_at(sources_of(&scene), attacker->source)->guess_domain, 9};
    more->domains.near[1] = (struct source_domain){
        intern_add(&sources_of(&scene)->domains, SLICE_LITERAL("a\xff")), 8};
    more->domain_count = 2;
    sources_of(&scene)->evidence[0].text =
        (char *)(uintptr_t) "the line\nits client";
    sources_of(&scene)->evidence[0].len = 19;
    texts->reached[0] = sample(&scene, "got@example.com");
    texts->reached_count = 1;
    object = object_of(&scene, attacker);
    assert_json_string(object, "source", "192.0.2.1");
    assert_null(json_object_get(object, "members"));
    assert_null(json_object_get(object, "members_more"));
    assert_json_string(object, "kind", "dictionary-attack");
    assert_json_string(object, "rule", "many-guesses");
    assert_json_integer(object, "guesses", 20);
    assert_true(json_is_true(json_object_get(object, "guesses_exact")));
    assert_json_integer(object, "accepted", 3);
    assert_json_integer(object, "mail_share", 25);
    assert_json_integer(object, "attempts", 25);
    assert_json_integer(object, "bounces", 4);
    assert_json_integer(object, "shared", 5);
    assert_json_integer(object, "first", START);
    assert_json_integer(object, "last", START + HOUR);
    assert_texts(object, "names", 3, HOSTILE_JSON);
    assert_texts(object, "samples", 1, "ann@example.com");
    assert_texts(object, "reached", 1, "got@example.com");
    domains = json_object_get(object, "domains");
    assert_int_equal(json_object_size(domains), 2);
    assert_json_integer(domains, "ann@example.com", 9);
    assert_json_integer(domains, "a\xef\xbf\xbd", 8);
    assert_true(json_is_true(json_object_get(object, "listable")));
    evidence = json_object_get(object, "evidence");
    assert_json_string(evidence, "file", "maillog");
    assert_json_integer(evidence, "line", 12345);
    assert_json_string(evidence, "text", "the line");
    assert_texts(object, "lossy", 2, "names");
    json_decref(object);
    attacker->alarm = UINT32_MAX;
    attacker->is_exact = attacker->is_listable = false;
    object = object_of(&scene, attacker);
    assert_json_string(object, "evidence", NULL);
    assert_true(json_is_false(json_object_get(object, "guesses_exact")));
    assert_true(json_is_false(json_object_get(object, "listable")));
    json_decref(object);
    scene_free(&scene);
}

static void test_a_crowd_in_json(void **state)
{
    struct scene scene;
    struct attacker *attacker = begin_with_one(&scene, "a.example.net");
    json_t *object;

    (void)state;
    make_crowd(&scene, attacker, 24);
    for (unsigned i = 0; i < 24; i++) {
        char name[32];

        /* two each have a name that reads the same */
        snprintf(name, sizeof(name), "n%u.example.net", i / 2);
        source_at(sources_of(&scene), scene.members[i])->name =
            host_name(&scene, name);
    }
    attacker->is_site = true;
    object = object_of(&scene, attacker);
    assert_json_string(object, "source", "this site");
    json_decref(object);
    attacker->is_site = false;
    attacker->user = sample(&scene, "bob");
    object = object_of(&scene, attacker);
    assert_json_string(object, "source", "user bob");
    assert_json_string(object, "rule", "from-many");
    assert_texts(object, "members", 24, "198.51.100.1");
    assert_json_integer(object, "members_more", 0);
    assert_texts(object, "names", 10, "n0.example.net");
    assert_texts(object, "samples", 10, "guess0@example.com");
    assert_texts(object, "reached", 0, NULL);
    json_decref(object);
    scene_free(&scene);
}

/* A crowd so large; its members must be freed. */
static uint32_t *make_large_crowd(struct scene *scene,
                                  struct attacker *attacker, size_t count)
{
    uint32_t *members = calloc(count, sizeof(*members));

    assert_non_null(members);
    make_crowd(scene, attacker, 1);
    for (size_t i = 0; i < count; i++)
        members[i] = scene->members[0];
    attacker->members = members;
    attacker->member_count = count;
    return members;
}

static void test_members_beyond_the_shown_are_counted(void **state)
{
    struct scene scene;
    struct attacker *attacker = begin_with_one(&scene, "a.example.net");
    uint32_t *members =
        make_large_crowd(&scene, attacker, MEMBERS_SHOWN_MAX + 7);
    json_t *object;

    (void)state;
    object = object_of(&scene, attacker);
    assert_texts(object, "members", MEMBERS_SHOWN_MAX, "198.51.100.1");
    assert_json_integer(object, "members_more", 7);
    json_decref(object);
    free(members);
    scene_free(&scene);
}

/* ---- the whole ---- */

static void test_each_attacker_once_and_in_order(void **state)
{
    struct scene scene;
    const char *text, *second;

    (void)state;
    begin_with_one(&scene, "a.example.net");
    scene_add_attacker(&scene, scene_add_source(&scene, "192.0.2.2", ""),
                       "bob@example.com");
    text = print(&scene, FORMAT_JSON);
    assert_int_equal(count_text(text, "\n"), 2);
    second = strchr(text, '\n') + 1;
    assert_true(strncmp(text, "{\"source\":\"192.0.2.1\",", 22) == 0);
    assert_true(strncmp(second, "{\"source\":\"192.0.2.2\",", 22) == 0);
    assert_int_equal(count_text(print(&scene, FORMAT_CSV), "\n"), 3);
    assert_int_equal(count_text(print(&scene, FORMAT_TEXT), "\n"), 4);
    scene_free(&scene);
}

static void test_a_full_disk_is_said_once(void **state)
{
    struct scene scene;
    struct folder folder;
    struct heard heard;
    struct output output = {.file = printed_full(),
                            .complaints = &scene.complaints};

    (void)state;
    if (output.file == NULL)
        skip(); /* no /dev/full */
    begin_with_one(&scene, "a.example.net");
    folder_open(&folder);
    heard_begin(&heard, &folder);
    assert_true(attackers_print(&scene.options, &scene.logs, &output));
    assert_string_equal(heard_end(&heard),
                        "qscan: standard output: cannot be written: No space "
                        "left on device; the rest is missing\n");
    assert_true(output.has_failed);
    assert_int_equal(scene.complaints.count, 1);
    fclose(output.file);
    folder_close(&folder);
    scene_free(&scene);
}

/* Where the output goes: how often something was written, and whether that
 * fails. */
struct sink {
    size_t calls;
    bool is_full;
};

static ssize_t take(void *cookie, const char *bytes, size_t len)
{
    struct sink *sink = cookie;

    (void)bytes;
    sink->calls++;
    errno = ENOSPC;
    return sink->is_full ? 0 : (ssize_t)len;
}

static size_t writes_of(struct scene *scene, bool is_full)
{
    struct sink sink = {.is_full = is_full};
    struct output output = {
        .file = fopencookie(&sink, "w", (cookie_io_functions_t){.write = take}),
        .complaints = &scene->complaints};

    assert_non_null(output.file);
    setvbuf(output.file, NULL, _IONBF, 0);
    scene->options.format = FORMAT_JSON;
    assert_true(attackers_print(&scene->options, &scene->logs, &output));
    assert_int_equal(output.has_failed, is_full);
    fclose(output.file);
    return sink.calls;
}

/* Three attackers that fill the buffer, each of them. */
static void test_what_is_long_is_written_in_pieces(void **state)
{
    struct scene scene;
    struct attacker *attacker = begin_with_one(&scene, "a.example.net");
    uint32_t *members = make_large_crowd(&scene, attacker, 30000);
    struct folder folder;
    struct heard heard;

    (void)state;
    for (int i = 0; i < 2; i++) {
        struct attacker *other =
            scene_add_attacker(&scene, scene.members[0], "bob@example.com");

        *other = *attacker;
    }
    assert_int_equal(writes_of(&scene, false), 3);
    folder_open(&folder);
    heard_begin(&heard, &folder);
    /* and not gone on with where nothing can be written */
    assert_int_equal(writes_of(&scene, true), 1);
    assert_has(heard_end(&heard), "No space left on device");
    folder_close(&folder);
    free(members);
    scene_free(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rule_of_an_attacker),
        cmocka_unit_test(test_evidence_and_the_file_it_stands_in),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_guesses_and_their_bound),
        cmocka_unit_test(test_samples_are_told_apart_and_few),
        cmocka_unit_test(test_recipients_that_its_mail_reached),
        cmocka_unit_test(test_why_one_is_spared),
        cmocka_unit_test(test_why_is_said_in_words),
        cmocka_unit_test(test_rows_stand_below_their_head),
        cmocka_unit_test(test_a_long_source_has_a_line_of_its_own),
        cmocka_unit_test(test_a_source_that_is_not_ascii_keeps_its_column),
        cmocka_unit_test(test_lines_below_a_row),
        cmocka_unit_test(test_a_long_name_is_cut_at_its_front),
        cmocka_unit_test(test_a_source_without_name_has_no_line_for_it),
        cmocka_unit_test(test_nobody_is_hostile),
        cmocka_unit_test(test_fields_of_csv),
        cmocka_unit_test(test_what_is_listable_of_a_crowd_in_csv),
        cmocka_unit_test(test_a_source_in_json),
        cmocka_unit_test(test_a_crowd_in_json),
        cmocka_unit_test(test_members_beyond_the_shown_are_counted),
        cmocka_unit_test(test_each_attacker_once_and_in_order),
        cmocka_unit_test(test_a_full_disk_is_said_once),
        cmocka_unit_test(test_what_is_long_is_written_in_pieces),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
