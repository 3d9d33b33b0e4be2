/* What is known of a client, and who is hostile: sources.c and verdict.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "parsers/hash.h"
#include "qscan/logrecord.h"
#include "qscan/shares.h"
#include "qscan/sourcefacts.h"
#include "rules/rules.h"
#include "tests/assert_slice.h"

enum { START = 1794960000, GUESS = 1, FLOOD = 2, LOGIN = 4, DENIED = 8 };

static const uint64_t key[2] = {UINT64_C(0x8f3a6c5e91d27b04),
                                UINT64_C(0x2be19407c6d85af3)};

static const char rules_text[] =
    "event unknown-user\n"
    "        line    reply\n"
    "        when    text ~ /User unknown/\n"
    "event flood\n"
    "        line    peer\n"
    "        when    text ~ /flood/\n"
    "event login\n"
    "        line    auth\n"
    "        when    text ~ /failure/\n"
    "event relay-denied\n"
    "        line    ruleset\n"
    "        when    reason ~ /Relaying denied/\n"
    "rule one\n"
    "        on      source\n"
    "        kind    dictionary-attack\n"
    "        count   distinct recipient of unknown-user by source >= 8 in 1h\n"
    "        unless  guesses.share < 50%\n"
    "        unless  source.returns is yes\n"
    "        unless  source.ours is yes\n"
    "rule flooding\n"
    "        on      source\n"
    "        kind    flood\n"
    "        count   of flood by source >= 2 in 1h\n"
    "rule net24\n"
    "        on      source\n"
    "        kind    dictionary-network\n"
    "        count   distinct recipient of unknown-user by source/24 >= 10 in "
    "1h\n"
    "        when    members >= 5\n"
    "        unless  bystanders >= 1\n"
    "        unless  source.returns is yes\n"
    "        unless  guesses.share < 50%\n"
    "rule net64\n"
    "        on      source\n"
    "        kind    dictionary-network\n"
    "        count   distinct recipient of unknown-user by source/64 >= 10 in "
    "1h\n"
    "        when    members >= 5\n"
    "        unless  bystanders.share >= 50%\n"
    "rule net48\n"
    "        on      source\n"
    "        kind    dictionary-network\n"
    "        count   distinct recipient of unknown-user by source/48 >= 10 in "
    "1h\n"
    "        when    members >= 5\n"
    "        any     bystanders.share < 50% | guesses >= 3\n"
    "rule crowd\n"
    "        on      source\n"
    "        kind    botnet\n"
    "        count   distinct source of unknown-user by domain >= 6 in 1h\n"
    "        when    members >= 5\n"
    "        when    members.near >= 3\n"
    "        unless  source.ours is yes\n"
    "rule often\n"
    "        on      source\n"
    "        kind    often\n"
    "        count   distinct recipient of unknown-user by source >= 6 in 1h\n"
    "        when    envelopes is 13\n"
    "rule blind\n"
    "        on      source\n"
    "        kind    blind\n"
    "        count   distinct recipient of unknown-user by source >= 7 in 1h\n"
    "        when    guesses.blind is 7\n"
    "rule filter\n"
    "        on      source\n"
    "        kind    filter\n"
    "        count   distinct recipient of unknown-user by source >= 6 in 1h\n"
    "        when    mailed.share is 25\n"
    "rule client\n"
    "        on      source\n"
    "        kind    client\n"
    "        count   distinct recipient of unknown-user by source >= 6 in 1h\n"
    "        when    guesses is 6\n"
    "        when    source.submits is yes\n"
    "rule user\n"
    "        on      source\n"
    "        kind    user\n"
    "        count   distinct source of login by user >= 4 in 1h\n"
    "        when    members >= 4\n"
    "        when    members.networks >= 3\n"
    "        unless  logins >= 1\n"
    "        unless  logins.network >= 3\n"
    "rule steady\n"
    "        on      source\n"
    "        kind    steady\n"
    "        count   of login by source >= 1 in 1h\n"
    "        when    senders.steady is yes\n"
    "rule pool\n"
    "        on      source\n"
    "        kind    pool\n"
    "        count   of flood by source >= 1 in 1h\n"
    "        when    mailed.owner is 40%\n"
    "rule relay\n"
    "        on      source\n"
    "        kind    relay\n"
    "        count   of relay-denied by source >= 1 in 1h\n"
    "        unless  source.astray is yes\n"
    "        unless  source.resident is yes\n"
    "rule site\n"
    "        on      source\n"
    "        kind    site\n"
    "        count   distinct source of login by site >= 4 in 1h\n"
    "        when    members >= 4\n"
    "        when    logins.tried >= 2\n"
    "        when    logins.unknown >= 1\n";

struct scene {
    struct rules *rules;
    struct sources sources;
    uint64_t line;
};

static int set_up(void **state)
{
    struct rules_file file = {"test", SLICE_LITERAL(rules_text)};
    struct rules_preset presets[] = {{"our-domains", "ours.example"},
                                     {"friends", "192.0.2.200"},
                                     {"our-hosts", "192.0.2.201"}};
    struct scene *scene = calloc(1, sizeof(*scene));

    assert_non_null(scene);
    scene->rules =
        rules_compile(&file, 1, presets, sizeof(presets) / sizeof(presets[0]),
                      NULL, NULL, NULL);
    assert_non_null(scene->rules);
    assert_true(sources_init(&scene->sources, scene->rules, key));
    assert_int_equal(scene->sources.guess_bit, GUESS);
    *state = scene;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *scene = *state;

    sources_free(&scene->sources);
    rules_free(scene->rules);
    free(scene);
    return 0;
}

static uint32_t add(struct scene *scene, const char *address)
{
    struct ip ip;

    assert_true(ip_parse(slice_from_string(address), &ip));
    return sources_add(&scene->sources, &ip,
                       source_hash(scene->sources.key, &ip));
}

static struct source_mail *mail_of(struct scene *scene, uint32_t number)
{
    return &scene->sources.mails[source_at(&scene->sources, number)->mail];
}

__attribute__((format(printf, 2, 3))) static uint32_t
add_of(struct scene *scene, const char *format, ...)
{
    char text[64];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    return add(scene, text);
}

static struct source_event guess_of(struct scene *scene, const char *recipient)
{
    struct slice text = slice_from_string(recipient);

    return (struct source_event){.events = GUESS,
                                 .time = START,
                                 .recipient_hash =
                                     record_address_hash(key, text),
                                 .recipient = text,
                                 .domain = address_domain(text),
                                 .count = 1,
                                 .is_refusal = true,
                                 .line = ++scene->line,
                                 .text = text};
}

static void guess(struct scene *scene, uint32_t source, const char *recipient)
{
    struct source_event event = guess_of(scene, recipient);

    sources_note(&scene->sources, source, &event);
}

/* The names u<first> to u<first + count - 1>, each once. */
static void guess_many(struct scene *scene, uint32_t source, unsigned first,
                       unsigned count, const char *domain)
{
    char text[128];

    for (unsigned i = first; i < first + count; i++) {
        snprintf(text, sizeof(text), "u%u@%s", i, domain);
        guess(scene, source, text);
    }
}

/* Mail of it that was delivered: as many recipients. */
static void accept(struct scene *scene, uint32_t source, unsigned recipients)
{
    struct source_envelope envelope = {
        .recipients = recipients, .bytes = 100, .time = START};

    sources_note_envelope(&scene->sources, source, &envelope);
    sources_note_delivery(&scene->sources, source, recipients,
                          (struct slice){NULL, 0});
}

static void name(struct scene *scene, uint32_t source, const char *text)
{
    struct slice given = slice_from_string(text);

    sources_name(&scene->sources, source, given, keyed_hash(key, given), false);
}

/* Nobody is called hostile and spared. */
static void assert_spared_are_not_hostile(const struct sources *sources)
{
    for (size_t i = 0; i < sources->spared_count; i++)
        for (size_t j = 0; j < sources->attacker_count; j++)
            for (uint32_t m = 0; m < sources->attackers[j].member_count; m++)
                assert_true(sources->attackers[j].members[m] !=
                            sources->spared[i].source);
}

static void judge(struct scene *scene)
{
    assert_true(sources_judge(&scene->sources, 2));
    assert_false(scene->sources.has_failed);
    assert_spared_are_not_hostile(&scene->sources);
}

static const struct attacker *attacker_of(struct scene *scene,
                                          const char *source)
{
    for (size_t i = 0; i < scene->sources.attacker_count; i++) {
        const struct attacker *attacker = &scene->sources.attackers[i];
        struct buffer text = {0};
        bool is_same;

        attacker_add_name(&scene->sources, attacker, &text);
        is_same = slice_equal(slice_make(text.bytes, text.len),
                              slice_from_string(source));
        buffer_free(&text);
        if (is_same)
            return attacker;
    }
    return NULL;
}

static void assert_spared(struct scene *scene, uint32_t source, const char *why)
{
    for (size_t i = 0; i < scene->sources.spared_count; i++)
        if (scene->sources.spared[i].source == source) {
            assert_string_equal(scene->sources.spared[i].why, why);
            return;
        }
    fail_msg("not spared: %s", why);
}

/* Strangers that make a domain one that is served here. */
static void make_served(struct scene *scene, const char *domain)
{
    for (unsigned i = 1; i <= 3; i++)
        guess_many(scene, add_of(scene, "203.0.113.%u", 60 * i), 90000 + i, 1,
                   domain);
}

/* ---- what is known of one ---- */

static void recipients_are_told_apart_up_to_the_bound(void **state)
{
    struct scene *scene = *state;
    uint32_t number = add(scene, "192.0.2.1");

    guess_many(scene, number, 0, GUESSES_MAX, "example.com");
    guess_many(scene, number, 0, 100, "example.com");
    assert_int_equal(source_at(&scene->sources, number)->guesses, GUESSES_MAX);
    assert_false(source_at(&scene->sources, number)->has_more_guesses);
    assert_true(source_guesses_are_exact(source_at(&scene->sources, number)));
    guess_many(scene, number, GUESSES_MAX, 1, "example.com");
    assert_int_equal(source_at(&scene->sources, number)->guesses, GUESSES_MAX);
    assert_true(source_at(&scene->sources, number)->has_more_guesses);
    judge(scene);
    assert_int_equal(attacker_of(scene, "192.0.2.1")->guesses, GUESSES_MAX);
    assert_false(attacker_of(scene, "192.0.2.1")->is_exact);
}

struct seen_guesses {
    uint64_t hashes[32];
    size_t count;
};

static void see_guess(void *context, uint64_t hash)
{
    struct seen_guesses *seen = context;

    for (size_t i = 0; i < seen->count; i++)
        assert_true(seen->hashes[i] != hash);
    assert_true(seen->count < 32);
    seen->hashes[seen->count++] = hash;
}

/* A few stand in the row of the source, more in a set. */
static void few_and_many_guesses_are_each_told_once(void **state)
{
    struct scene *scene = *state;

    for (unsigned count = 1; count <= 12; count++) {
        uint32_t number = add_of(scene, "192.0.2.%u", count);
        const struct source *source;
        struct seen_guesses all = {.count = 0}, parts = {.count = 0};

        guess_many(scene, number, 0, count, "example.com");
        guess_many(scene, number, 0, count, "example.com");
        source = source_at(&scene->sources, number);
        assert_int_equal(source->guesses, count);
        assert_int_equal(source->guess_events, 2 * count);
        assert_true((source_guess_list(&scene->sources, source) != NULL) ==
                    (count > SOURCE_GUESSES_NEAR + 1));
        source_each_guess(&scene->sources, source, (struct guess_part){0, 0},
                          see_guess, &all);
        for (uint64_t part = 0; part < 4; part++)
            source_each_guess(&scene->sources, source,
                              (struct guess_part){2, part}, see_guess, &parts);
        assert_int_equal(all.count, count);
        assert_int_equal(parts.count, count);
    }
}

/* Rows grow while others are held by number only. */
static void many_sources_keep_what_is_theirs(void **state)
{
    enum { COUNT = 5000 };
    struct scene *scene = *state;
    uint32_t first = scene->sources.count;

    for (unsigned i = 0; i < COUNT; i++) {
        uint32_t number =
            add_of(scene, "10.%u.%u.%u", i >> 16, i >> 8 & 255, i & 255);

        guess_many(scene, number, i, 1 + i % 7, "example.com");
        if (i % 3 == 0)
            sources_note_bounce(&scene->sources, number);
        sources_note_user(&scene->sources, number, true, i, 0);
    }
    assert_int_equal(scene->sources.count, first + COUNT);
    for (unsigned i = 0; i < COUNT; i++) {
        const struct source *source = source_at(&scene->sources, first + i);

        assert_int_equal(source->guesses, 1 + i % 7);
        assert_int_equal(source_mail(&scene->sources, source)->bounces,
                         i % 3 == 0);
        assert_int_equal(source_texts(&scene->sources, source)->users[0], i);
    }
    assert_int_equal(
        source_mail(&scene->sources, source_at(&scene->sources, 0))->bounces,
        0);
}

static void samples_are_the_first_distinct_ones(void **state)
{
    struct scene *scene = *state;
    uint32_t number = add(scene, "192.0.2.1");
    const struct source *source;
    const struct intern *samples = &scene->sources.samples;

    guess(scene, number, "b@example.com");
    guess(scene, number, "b@example.com");
    guess(scene, number, "a@example.com");
    guess(scene, number, "b@example.com");
    guess_many(scene, number, 0, 20, "example.com");
    source = source_at(&scene->sources, number);
    assert_int_equal(source->guesses, 22);
    assert_int_equal(source->attempts, 24);
    assert_slice_is(intern_text(samples, source->guess_sample), "b@example.com",
                    "first");
    assert_int_equal(source_texts(&scene->sources, source)->sample_count,
                     SOURCE_SAMPLES_MAX);
    assert_slice_is(
        intern_text(samples, source_texts(&scene->sources, source)->samples[0]),
        "a@example.com", "second");
    assert_slice_is(
        intern_text(samples, source_texts(&scene->sources, source)->samples[1]),
        "u0@example.com", "third");
}

static void domains_are_counted_up_to_their_bound(void **state)
{
    struct scene *scene = *state;
    uint32_t number = add(scene, "192.0.2.1");
    struct source_domain domains[SOURCE_DOMAINS_MAX];
    const struct source *source;
    char domain[32];

    guess_many(scene, number, 0, 5, "first.example");
    for (unsigned i = 0; i < SOURCE_DOMAINS_MAX + 2; i++) {
        snprintf(domain, sizeof(domain), "d%u.example", i);
        guess_many(scene, number, 0, 1 + (i == 3), domain);
    }
    source = source_at(&scene->sources, number);
    assert_int_equal(source_more(&scene->sources, source)->domain_count,
                     SOURCE_DOMAINS_MAX);
    judge(scene);
    assert_int_equal(attacker_domains(&scene->sources,
                                      attacker_of(scene, "192.0.2.1"), domains,
                                      2),
                     2);
    assert_slice_is(intern_text(&scene->sources.domains, domains[0].domain),
                    "first.example", "most");
    assert_int_equal(domains[0].guesses, 5);
    assert_slice_is(intern_text(&scene->sources.domains, domains[1].domain),
                    "d3.example", "next");
    assert_int_equal(domains[1].guesses, 2);
}

static void one_recipient_again_and_again_is_one_guess(void **state)
{
    struct scene *scene = *state;
    uint32_t number = add(scene, "192.0.2.1");
    struct source_event event = guess_of(scene, "a@example.com");

    event.count = 4000000000u;
    sources_note(&scene->sources, number, &event);
    guess(scene, number, "a@example.com");
    assert_int_equal(source_at(&scene->sources, number)->guesses, 1);
    assert_int_equal(source_at(&scene->sources, number)->more, 0);
    judge(scene);
    assert_int_equal(scene->sources.attacker_count, 0);
}

static void a_refused_recipient_counts_as_asked_for_each_time(void **state)
{
    struct scene *scene = *state;
    uint32_t number = add(scene, "192.0.2.1");
    struct source_event event = guess_of(scene, "bob@example.com");
    struct source_envelope asked = {.recipients = 5, .time = START};

    sources_note(&scene->sources, number, &event);
    event.count = 6;
    sources_note(&scene->sources, number, &event);
    sources_note_envelope(&scene->sources, number, &asked);
    assert_int_equal(source_at(&scene->sources, number)->guesses, 1);
    assert_int_equal(source_at(&scene->sources, number)->guess_events, 7);
    assert_int_equal(source_at(&scene->sources, number)->attempts, 12);
}

static void who_is_asked_for_without_a_message_is_not_mailed(void **state)
{
    struct scene *scene = *state;
    uint32_t number = add(scene, "192.0.2.1");
    struct source_envelope asked = {.recipients = 3, .time = START};
    struct source_event late = guess_of(scene, "bob@example.com");

    sources_note_envelope(&scene->sources, number, &asked);
    assert_int_equal(source_real_recipients(&scene->sources,
                                            source_at(&scene->sources, number)),
                     3);
    assert_int_equal(source_mailed_recipients(
                         &scene->sources, source_at(&scene->sources, number)),
                     0);
    accept(scene, number, 2);
    late.is_late = true;
    sources_note(&scene->sources, number, &late);
    assert_int_equal(source_mailed_recipients(
                         &scene->sources, source_at(&scene->sources, number)),
                     1);
}

static void some_whom_a_guesser_reached_are_kept(void **state)
{
    struct scene *scene = *state;
    uint32_t number = add(scene, "192.0.2.1");
    const struct source_texts *texts;
    char text[64];

    guess_many(scene, number, 0, 1, "example.com");
    sources_note_delivery(&scene->sources, number, 1,
                          SLICE_LITERAL("early@example.com"));
    assert_int_equal(source_at(&scene->sources, number)->more, 0);
    guess_many(scene, number, 1, 1, "example.com");
    for (unsigned i = 0; i < 4 * SOURCE_REACHED_MAX; i++) {
        snprintf(text, sizeof(text), "r%u@example.com", i / 2);
        sources_note_delivery(&scene->sources, number, 1,
                              slice_from_string(text));
    }
    texts = source_texts(&scene->sources, source_at(&scene->sources, number));
    assert_int_equal(texts->reached_count, SOURCE_REACHED_MAX);
    assert_slice_is(intern_text(&scene->sources.samples, texts->reached[0]),
                    "r0@example.com", "reached 0");
    assert_slice_is(intern_text(&scene->sources.samples, texts->reached[1]),
                    "r1@example.com", "reached 1");
    assert_int_equal(mail_of(scene, number)->delivered,
                     1 + 4 * SOURCE_REACHED_MAX);
}

static void logins_are_counted_beyond_sixteen_bits(void **state)
{
    struct scene *scene = *state;
    uint32_t number = add(scene, "192.0.2.1");

    sources_note_login(&scene->sources, number, false, START, 1);
    sources_note_login(&scene->sources, number, false, START, 200000);
    sources_note_login(&scene->sources, number, true, START, 70000);
    assert_int_equal(mail_of(scene, number)->login_failures, 200001);
    assert_int_equal(mail_of(scene, number)->logins, 70000);
    sources_note_login(&scene->sources, number, true, START + 9, UINT32_MAX);
    assert_int_equal(source_at(&scene->sources, number)->last, START + 9);
    assert_int_equal(mail_of(scene, number)->logins, UINT32_MAX);
}

/* Names by their first letter; * stands before a user who logs in elsewhere. */
static void one_user_may_not_know_how_he_is_called(void **state)
{
    static const struct {
        const char *names[4];
        unsigned failures;
        bool is_one;
    } cases[] = {
        {{"ann", "*ann.smith", "an.smith"}, 3, true},
        {{"*ann"}, 3, true},
        {{"ann", "ann.smith"}, 3, false},
        {{"*ann", "bob"}, 2, false},
        {{"*anna", "*adam", "alan", "amy"}, 24, true},
        {{"*anna", "*adam", "alan", "amy"}, 25, false},
    };
    struct scene *scene = *state;

    for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
        uint32_t source = add_of(scene, "198.18.1.%u", (unsigned)c);
        uint32_t home = add_of(scene, "198.18.2.%u", (unsigned)c);

        for (size_t i = 0; i < 4 && cases[c].names[i] != NULL; i++) {
            bool is_known = cases[c].names[i][0] == '*';
            const char *name = cases[c].names[i] + is_known;
            uint64_t hash = (c * 4 + i + 1) << RECORD_LETTER_BITS |
                            record_user_letter((unsigned char)name[0]);

            if (is_known)
                sources_note_user(&scene->sources, home, true, hash, 0);
            sources_note_user(&scene->sources, source, false, hash, 0);
        }
        sources_note_login(&scene->sources, source, false, START,
                           cases[c].failures);
    }
    source_pairs_sort(&scene->sources.tries);
    for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++)
        assert_int_equal(
            fact_is_one_user(&scene->sources, (uint32_t)(2 * c + 1)),
            cases[c].is_one);
}

static void users_are_told_apart_up_to_the_bound(void **state)
{
    struct scene *scene = *state;
    uint32_t number = add(scene, "192.0.2.1");

    for (uint64_t user = 1; user <= SOURCE_USERS_MAX + 2; user++) {
        uint64_t told = user < SOURCE_USERS_MAX ? user : SOURCE_USERS_MAX;

        sources_note_user(&scene->sources, number, true, user, 0);
        sources_note_user(&scene->sources, number, true, 1, 0);
        assert_int_equal(
            source_texts(&scene->sources, source_at(&scene->sources, number))
                ->user_count,
            told);
    }
}

static void names_are_confirmed_ones_and_few(void **state)
{
    char room[NAMES_TEXT_MAX];
    uint32_t used;
    struct scene *scene = *state;
    uint32_t number = add(scene, "192.0.2.1");
    const struct source *source;

    sources_name(&scene->sources, number, SLICE_LITERAL("forged.example"), 0,
                 true);
    assert_int_equal(source_at(&scene->sources, number)->name, INTERN_NONE);
    name(scene, number, "a.example");
    name(scene, number, "a.example");
    assert_int_equal(source_at(&scene->sources, number)->more, 0);
    name(scene, number, "b.example");
    name(scene, number, "b.example");
    name(scene, number, "c.example");
    name(scene, number, "d.example");
    name(scene, number, "e.example");
    source = source_at(&scene->sources, number);
    assert_true(source->has_forged_name);
    assert_slice_is(names_text(&scene->sources.names, source->name, room),
                    "a.example", "name");
    assert_int_equal(source_texts(&scene->sources, source)->name_count,
                     SOURCE_NAMES_MAX);
    assert_slice_is(names_text(&scene->sources.names,
                               source_texts(&scene->sources, source)->names[0],
                               room),
                    "b.example", "further");
    /* once more what was told before takes no room */
    used = scene->sources.names.used;
    name(scene, number, "a.example");
    name(scene, number, "c.example");
    assert_int_equal(scene->sources.names.used, used);
}

static void evidence_is_the_line_that_reached_the_count(void **state)
{
    struct scene *scene = *state;
    uint32_t number = add(scene, "192.0.2.1");
    char text[2 * EVIDENCE_MAX_BYTES];
    struct source_event event = guess_of(scene, "late@example.com");
    const struct evidence *evidence;

    memset(text, 'x', sizeof(text));
    guess_many(scene, number, 0, 7, "example.com");
    event.file = 3;
    event.line = 77;
    event.text = slice_make(text, sizeof(text));
    sources_note(&scene->sources, number, &event);
    guess_many(scene, number, 10, 7, "example.com");
    judge(scene);
    assert_int_equal(scene->sources.attacker_count, 1);
    evidence = &scene->sources.evidence[scene->sources.attackers[0].alarm];
    assert_int_equal(evidence->file, 3);
    assert_int_equal(evidence->line, 77);
    assert_int_equal(evidence->len, EVIDENCE_MAX_BYTES);
}

static void
times_before_the_epoch_and_after_2106_are_kept_in_range(void **state)
{
    struct scene *scene = *state;
    uint32_t number = add(scene, "192.0.2.1");
    struct source_event event = guess_of(scene, "a@example.com");

    event.time = INT64_C(-5000000000);
    sources_note(&scene->sources, number, &event);
    event.time = INT64_C(250000000000);
    sources_note(&scene->sources, number, &event);
    assert_int_equal(source_at(&scene->sources, number)->last, UINT32_MAX);
}

/* ---- ours ---- */

static void a_host_that_mail_for_a_served_domain_goes_to_is_ours(void **state)
{
    struct scene *scene = *state;
    uint32_t number = add(scene, "192.0.2.1");

    guess_many(scene, number, 0, 20, "example.com");
    make_served(scene, "served.example");
    sources_note_hop(&scene->sources, number, SLICE_LITERAL("served.example"),
                     false);
    judge(scene);
    assert_null(attacker_of(scene, "192.0.2.1"));
    assert_spared(scene, number, "mail for a domain served here goes to it");
}

static void a_host_of_a_remote_domain_is_not(void **state)
{
    struct scene *scene = *state;
    uint32_t number = add(scene, "192.0.2.1");

    guess_many(scene, number, 0, 20, "example.com");
    sources_note_hop(&scene->sources, number, SLICE_LITERAL("remote.example"),
                     true);
    judge(scene);
    assert_non_null(attacker_of(scene, "192.0.2.1"));
}

static void a_name_under_a_served_domain_is_ours(void **state)
{
    struct scene *scene = *state;
    uint32_t number = add(scene, "192.0.2.1");
    uint32_t listed = add(scene, "192.0.2.2");
    uint32_t forged = add(scene, "192.0.2.3");

    guess_many(scene, number, 0, 20, "example.com");
    guess_many(scene, listed, 100, 20, "example.com");
    guess_many(scene, forged, 200, 20, "example.com");
    make_served(scene, "served.example");
    name(scene, number, "MX2.Served.Example");
    name(scene, listed, "gw.ours.example");
    sources_name(&scene->sources, forged, SLICE_LITERAL("mx.served.example"), 0,
                 true);
    judge(scene);
    assert_spared(scene, number, "its name lies under a domain served here");
    assert_spared(scene, listed, "its name lies under a domain served here");
    assert_non_null(attacker_of(scene, "192.0.2.3"));
}

/* Whom users of ours mistype is a provider, and his lines are no hosts of ours.
 */
static void a_name_of_a_line_under_a_served_domain_is_a_strangers(void **state)
{
    struct scene *scene = *state;
    uint32_t number = add(scene, "192.0.2.1");

    guess_many(scene, number, 0, 20, "example.com");
    make_served(scene, "served.example");
    name(scene, number, "dsl-192-0-2-1.served.example");
    judge(scene);
    assert_non_null(attacker_of(scene, "192.0.2.1"));
}

/* A host "mx2" writes logs here; what it guesses it had accepted before. */
static void a_relay_of_ours_hands_on_what_others_guess(void **state)
{
    struct scene *scene = *state;
    uint32_t relay = add(scene, "192.0.2.1");
    uint32_t stranger = add(scene, "192.0.2.2");
    uint32_t own = add(scene, "192.0.2.3");
    uint32_t quiet = add(scene, "192.0.2.4"); /* of a short log */

    sources_note_log_host(&scene->sources, SLICE_LITERAL("MX2"));
    sources_note_log_host(&scene->sources, SLICE_LITERAL("mx3"));
    name(scene, relay, "mx2.example.net");
    name(scene, stranger, "other.example.net");
    name(scene, own, "mx3.example.net");
    name(scene, quiet, "mx3.example.net");
    for (unsigned i = 0; i < 20; i++) {
        uint32_t client = add_of(scene, "203.0.%u.5", i);
        struct source_event event;
        char text[32];

        snprintf(text, sizeof(text), "u%u@example.com", i);
        event = guess_of(scene, text);
        event.is_late = true;
        sources_note(&scene->sources, client, &event);
    }
    guess_many(scene, relay, 0, 20, "example.com");
    guess_many(scene, stranger, 0, 20, "example.com");
    guess_many(scene, quiet, 0, 8, "example.com");
    guess_many(scene, own, 0, 15, "example.com");
    guess_many(scene, own, 1000, 5, "example.com"); /* 75 % are others' */
    judge(scene);
    assert_null(attacker_of(scene, "192.0.2.1"));
    assert_spared(scene, relay,
                  "a host of these logs, which relays what others guess");
    assert_spared(scene, quiet,
                  "a host of these logs, which relays what others guess");
    assert_non_null(attacker_of(scene, "192.0.2.2"));
    assert_non_null(attacker_of(scene, "192.0.2.3"));
}

static void who_brings_real_mail_is_spared(void **state)
{
    struct scene *scene = *state;
    uint32_t number = add(scene, "192.0.2.1");

    guess_many(scene, number, 0, 20, "example.com");
    accept(scene, number, 21);
    judge(scene);
    assert_int_equal(scene->sources.attacker_count, 0);
    assert_spared(scene, number, "most of its recipients exist");
}

/* ---- attackers ---- */

static void a_source_is_named_once_with_all_its_rules(void **state)
{
    struct scene *scene = *state;
    uint32_t number = add(scene, "192.0.2.1");
    struct source_event event = guess_of(scene, "a@example.com");

    event.events = FLOOD;
    sources_note(&scene->sources, number, &event);
    sources_note(&scene->sources, number, &event);
    guess_many(scene, number, 0, 20, "example.com");
    judge(scene);
    assert_int_equal(scene->sources.attacker_count, 1);
    assert_int_equal(scene->sources.attackers[0].rules, 3);
    assert_int_equal(scene->sources.attackers[0].source_rule, 0);
}

static void guesses_of_two_attackers_are_shared(void **state)
{
    struct scene *scene = *state;

    guess_many(scene, add(scene, "192.0.2.1"), 0, 20, "example.com");
    guess_many(scene, add(scene, "198.51.100.1"), 15, 20, "example.com");
    guess_many(scene, add(scene, "203.0.113.1"), 90, 10, "example.com");
    /* The same, but not hostile. */
    guess_many(scene, add(scene, "198.18.0.1"), 0, 3, "example.com");
    judge(scene);
    assert_int_equal(scene->sources.attacker_count, 3);
    assert_int_equal(attacker_of(scene, "192.0.2.1")->shared, 5);
    assert_int_equal(attacker_of(scene, "198.51.100.1")->shared, 5);
    assert_int_equal(attacker_of(scene, "203.0.113.1")->shared, 0);
}

static void most_guesses_come_first_then_the_lower_address(void **state)
{
    struct scene *scene = *state;

    guess_many(scene, add(scene, "203.0.113.1"), 0, 9, "example.com");
    guess_many(scene, add(scene, "192.0.2.1"), 100, 9, "example.com");
    guess_many(scene, add(scene, "198.51.100.1"), 200, 10, "example.com");
    judge(scene);
    assert_ptr_equal(attacker_of(scene, "198.51.100.1"),
                     &scene->sources.attackers[0]);
    assert_ptr_equal(attacker_of(scene, "192.0.2.1"),
                     &scene->sources.attackers[1]);
}

static void addresses_not_for_a_list_are_marked(void **state)
{
    static const char *const places[] = {
        "10.0.0.1", "127.0.0.1", "192.0.2.200", "192.0.2.201",
        "fe80::1",  "0.0.0.0",   "224.0.0.5",   "255.255.255.255",
        "::",       "ff02::1",   "198.51.100.7"};
    unsigned count = sizeof(places) / sizeof(places[0]);
    struct scene *scene = *state;

    for (unsigned i = 0; i < count; i++)
        guess_many(scene, add(scene, places[i]), 100 * i, 20, "example.com");
    judge(scene);
    for (unsigned i = 0; i < count; i++) {
        assert_non_null(attacker_of(scene, places[i]));
        assert_int_equal(attacker_of(scene, places[i])->is_listable,
                         i == count - 1);
    }
}

/* ---- crowds ---- */

/* Members with two guesses each, of different ones. */
static void add_network(struct scene *scene, const char *format,
                        unsigned members)
{
    for (unsigned i = 1; i <= members; i++) {
        char text[64];

        snprintf(text, sizeof(text), "%s%x", format, i);
        guess_many(scene, add(scene, text), 10 * i, 2, "example.com");
    }
}

static void a_network_is_one_attacker(void **state)
{
    struct scene *scene = *state;
    const struct attacker *attacker;

    add_network(scene, "198.51.100.", 5);
    judge(scene);
    assert_int_equal(scene->sources.attacker_count, 1);
    attacker = attacker_of(scene, "198.51.100.0/24");
    assert_non_null(attacker);
    assert_int_equal(attacker->member_count, 5);
    assert_int_equal(attacker->guesses, 10);
    assert_int_equal(attacker->attempts, 10);
    assert_true(attacker->is_exact);
    assert_true(attacker->is_listable);
}

static void members_that_are_not_hostile_are_none(void **state)
{
    struct scene *scene = *state;
    const struct attacker *attacker;

    add_network(scene, "198.51.100.", 6);
    accept(scene, add(scene, "198.51.100.3"), 9);
    mail_of(scene, add(scene, "198.51.100.3"))->delivered = 0;
    judge(scene);
    attacker = attacker_of(scene, "198.51.100.0/24");
    assert_non_null(attacker);
    assert_int_equal(attacker->member_count, 5);
    for (size_t i = 0; i < 5; i++)
        assert_int_not_equal(attacker->members[i], add(scene, "198.51.100.3"));
}

static void too_few_that_are_left_are_no_crowd(void **state)
{
    struct scene *scene = *state;

    add_network(scene, "198.51.100.", 5);
    accept(scene, add(scene, "198.51.100.3"), 9);
    mail_of(scene, add(scene, "198.51.100.3"))->delivered = 0;
    judge(scene);
    assert_int_equal(scene->sources.attacker_count, 0);
}

/* Of one /48, each in a network of its own, at a domain of its own. */
static void add_far_member(struct scene *scene, unsigned number,
                           unsigned guesses)
{
    char domain[64];

    snprintf(domain, sizeof(domain), "d%u.example.com", number);
    guess_many(scene, add_of(scene, "2001:db8:0:%x::1", number), 1, guesses,
               domain);
}

/* Three of few guesses fall out for five whose mail arrived. */
static size_t attackers_left_of(struct scene *scene, unsigned members)
{
    for (unsigned i = 1; i <= members; i++)
        add_far_member(scene, i, 3);
    for (unsigned i = 0; i < 3; i++)
        add_far_member(scene, 20 + i, 1);
    for (unsigned i = 0; i < 8; i++)
        accept(scene, add_of(scene, "2001:db8:0:%x::2", i), 1);
    judge(scene);
    return scene->sources.attacker_count;
}

static void a_crowd_that_is_still_one_for_its_bystanders_stays(void **state)
{
    struct scene *scene = *state;

    assert_int_equal(attackers_left_of(scene, 5), 1);
    assert_int_equal(scene->sources.attackers[0].member_count, 5);
}

static void a_crowd_that_is_none_for_its_bystanders_is_dropped(void **state)
{
    assert_int_equal(attackers_left_of(*state, 4), 0);
}

/* Asks, as the fifth of that network, so that its count is reached; but it
 * brings mail, and falls out. */
static void add_honest_fifth(struct scene *scene)
{
    uint32_t honest = add(scene, "198.51.100.200");

    accept(scene, honest, 9);
    mail_of(scene, honest)->delivered = 0;
    guess_many(scene, honest, 900, 2, "example.com");
}

static void the_evidence_of_a_crowd_is_of_a_member(void **state)
{
    struct scene *scene = *state;
    const struct attacker *attacker;

    add_network(scene, "198.51.100.", 4);
    add_honest_fifth(scene);
    /* the sixth at that domain: of another rule */
    guess_many(scene, add(scene, "198.51.100.9"), 300, 2, "example.com");
    judge(scene);
    attacker = attacker_of(scene, "198.51.100.0/24");
    assert_non_null(attacker);
    assert_int_equal(attacker->member_count, 5);
    assert_int_equal(scene->sources.evidence[attacker->alarm].source,
                     add(scene, "198.51.100.9"));
}

static void a_crowd_none_of_whom_reached_a_count_has_no_evidence(void **state)
{
    struct scene *scene = *state;
    const struct attacker *attacker;

    add_network(scene, "198.51.100.", 4);
    add_honest_fifth(scene);
    guess_many(scene, add(scene, "198.51.100.9"), 300, 2, "example.org");
    judge(scene);
    attacker = attacker_of(scene, "198.51.100.0/24");
    assert_non_null(attacker);
    assert_true(attacker->alarm >= scene->sources.evidence_count);
}

static void a_bystander_saves_the_network(void **state)
{
    struct scene *scene = *state;

    add_network(scene, "198.51.100.", 5);
    accept(scene, add(scene, "198.51.100.200"), 1);
    judge(scene);
    assert_null(attacker_of(scene, "198.51.100.0/24"));
}

static void an_honest_host_that_returns_bounces_is_a_bystander(void **state)
{
    struct scene *scene = *state;
    struct source_envelope bounce = {.time = START, .is_null_sender = true};
    uint32_t honest;

    add_network(scene, "198.51.100.", 5);
    honest = add(scene, "198.51.100.200");
    name(scene, honest, "mail.example.net");
    guess(scene, honest, "forged@example.com");
    sources_note_envelope(&scene->sources, honest, &bounce);
    judge(scene);
    assert_null(attacker_of(scene, "198.51.100.0/24"));
}

/* Seven guesses, seven events each time, in so many envelopes. */
static uint32_t guess_seven(struct scene *scene, unsigned times,
                            unsigned envelopes)
{
    struct source_envelope none = {.time = START};
    uint32_t source = add(scene, "192.0.2.77");

    for (unsigned i = 0; i < times; i++)
        guess_many(scene, source, 10, 7, "example.com");
    for (unsigned i = 0; i < envelopes; i++)
        sources_note_envelope(&scene->sources, source, &none);
    return source;
}

static void
who_meets_nobody_with_several_at_a_time_guesses_blindly(void **state)
{
    struct scene *scene = *state;

    guess_seven(scene, 1, 3);
    judge(scene);
    assert_non_null(attacker_of(scene, "192.0.2.77"));
}

static void who_asks_for_one_at_a_time_does_not(void **state)
{
    struct scene *scene = *state;

    guess_seven(scene, 1, 4);
    judge(scene);
    assert_null(attacker_of(scene, "192.0.2.77"));
}

static void who_asks_again_does_not(void **state)
{
    struct scene *scene = *state;

    guess_seven(scene, 2, 3);
    judge(scene);
    assert_null(attacker_of(scene, "192.0.2.77"));
}

static void who_meets_somebody_does_not(void **state)
{
    struct scene *scene = *state;
    struct source_envelope met = {.recipients = 1, .time = START};

    sources_note_envelope(&scene->sources, guess_seven(scene, 1, 2), &met);
    judge(scene);
    assert_null(attacker_of(scene, "192.0.2.77"));
}

static void who_takes_mail_does_not(void **state)
{
    struct scene *scene = *state;

    sources_note_hop(&scene->sources, guess_seven(scene, 1, 3),
                     SLICE_LITERAL("remote.example"), true);
    judge(scene);
    assert_null(attacker_of(scene, "192.0.2.77"));
}

/* Thirty guesses, each so many times, and so many recipients that exist, of
 * whom so many are different, ten envelopes of them. */
static uint32_t pad(struct scene *scene, unsigned times, unsigned recipients,
                    unsigned different)
{
    uint32_t source = add(scene, "192.0.2.77");
    struct source_envelope padded = {
        .recipients = recipients / 10, .bytes = 100, .time = START};

    for (unsigned i = 0; i < times; i++)
        guess_many(scene, source, 0, 30, "example.com");
    for (unsigned i = 0; i < 10; i++)
        sources_note_envelope(&scene->sources, source, &padded);
    for (unsigned i = 0; i < recipients; i++) {
        char text[64];

        snprintf(text, sizeof(text), "good%u@example.com", i % different);
        sources_note_delivery(&scene->sources, source, 1,
                              slice_from_string(text));
    }
    return source;
}

static void a_few_recipients_again_and_again_hide_no_guesses(void **state)
{
    struct scene *scene = *state;

    pad(scene, 1, 60, 5);
    judge(scene);
    assert_non_null(attacker_of(scene, "192.0.2.77"));
    assert_int_equal(attacker_of(scene, "192.0.2.77")->accepted, 60);
}

static void
a_few_recipients_again_and_again_are_no_share_of_the_mail(void **state)
{
    struct scene *scene = *state;

    accept(scene, add(scene, "192.0.2.79"), 180);
    pad(scene, 1, 60, 5);
    judge(scene);
    assert_int_equal(scene->sources.mailed, 240);
    assert_int_equal(attacker_of(scene, "192.0.2.77")->rules, 1);
}

static void many_recipients_are_real_mail(void **state)
{
    struct scene *scene = *state;

    pad(scene, 1, 60, 30);
    judge(scene);
    assert_null(attacker_of(scene, "192.0.2.77"));
}

/* Whatever the key of the hashes is. */
static void one_recipient_more_than_a_few_is_real_mail(void **state)
{
    struct scene *scene = *state;
    uint32_t source = pad(scene, 1, 60, 9);

    judge(scene);
    assert_int_equal(
        source_reached(&scene->sources, source_at(&scene->sources, source)), 9);
    assert_null(attacker_of(scene, "192.0.2.77"));
}

static void much_mail_for_a_few_is_real_mail(void **state)
{
    struct scene *scene = *state;

    pad(scene, 1, 70, 5);
    judge(scene);
    assert_null(attacker_of(scene, "192.0.2.77"));
}

static void a_list_that_asks_for_its_dead_again_is_real_mail(void **state)
{
    struct scene *scene = *state;

    pad(scene, 2, 60, 5);
    judge(scene);
    assert_null(attacker_of(scene, "192.0.2.77"));
}

static void mail_without_guesses_is_real_mail(void **state)
{
    struct scene *scene = *state;
    struct source_envelope other = {.time = START};
    uint32_t source = pad(scene, 1, 60, 5);

    for (unsigned i = 0; i < 21; i++)
        sources_note_envelope(&scene->sources, source, &other);
    judge(scene);
    assert_null(attacker_of(scene, "192.0.2.77"));
}

static void recipients_that_are_not_told_apart_are_many(void **state)
{
    struct scene *scene = *state;
    uint32_t source = add(scene, "192.0.2.77");

    sources_note_delivery(&scene->sources, source, 9,
                          SLICE_LITERAL("a@example.com"));
    assert_int_equal(
        source_reached(&scene->sources, source_at(&scene->sources, source)), 9);
    sources_note_delivery(&scene->sources, source, 2000000000,
                          (struct slice){NULL, 0});
    sources_note_delivery(&scene->sources, source, 1, (struct slice){NULL, 0});
    assert_int_equal(
        source_reached(&scene->sources, source_at(&scene->sources, source)),
        255);
}

static void the_share_of_the_mail_is_that_of_strangers(void **state)
{
    struct scene *scene = *state;
    uint32_t filter = add(scene, "192.0.2.77"), user = add(scene, "192.0.2.78");

    guess_many(scene, filter, 0, 6, "example.com");
    accept(scene, filter, 10);
    accept(scene, add(scene, "192.0.2.79"), 30);
    accept(scene, add(scene, "10.1.2.3"), 500);
    accept(scene, user, 500);
    sources_note_login(&scene->sources, user, true, START, 1);
    judge(scene);
    assert_int_equal(scene->sources.mailed, 40);
    assert_non_null(attacker_of(scene, "192.0.2.77"));
    assert_int_equal(attacker_of(scene, "192.0.2.77")->mailed, 10);
}

static void who_brings_much_of_the_mail_may_be_a_filter(void **state)
{
    struct scene *scene = *state;
    uint32_t filter = add(scene, "192.0.2.77");

    guess_many(scene, filter, 0, 6, "example.com");
    accept(scene, filter, 6);
    accept(scene, add(scene, "192.0.2.79"), 54);
    judge(scene);
    assert_non_null(strstr(scene->sources.spared[0].why, "much of the mail"));
}

/* Six guesses of which so many had been accepted first. */
static void send_to_six(struct scene *scene, const char *address, unsigned late,
                        const char *domain)
{
    uint32_t source = add(scene, address);

    for (unsigned i = 0; i < 6; i++) {
        char text[64];
        struct source_event event;

        snprintf(text, sizeof(text), "u%u@%s", i, domain);
        event = guess_of(scene, text);
        event.is_late = i < late;
        sources_note(&scene->sources, source, &event);
    }
}

static void a_private_client_sends_to_others(void **state)
{
    struct scene *scene = *state;

    send_to_six(scene, "10.1.2.3", 5, "remote.example");
    judge(scene);
    assert_non_null(attacker_of(scene, "10.1.2.3"));
}

static void a_client_that_logs_in_sends_to_others(void **state)
{
    struct scene *scene = *state;

    sources_note_login(&scene->sources, add(scene, "192.0.2.7"), true, START,
                       1);
    send_to_six(scene, "192.0.2.7", 6, "remote.example");
    judge(scene);
    assert_non_null(attacker_of(scene, "192.0.2.7"));
}

static void a_stranger_does_not_send_through_here(void **state)
{
    struct scene *scene = *state;

    send_to_six(scene, "192.0.2.7", 6, "remote.example");
    judge(scene);
    assert_null(attacker_of(scene, "192.0.2.7"));
}

static void who_is_refused_at_once_does_not_send_through_here(void **state)
{
    struct scene *scene = *state;

    send_to_six(scene, "10.1.2.3", 4, "remote.example");
    judge(scene);
    assert_null(attacker_of(scene, "10.1.2.3"));
}

static void
who_guesses_at_a_domain_of_ours_does_not_send_through_here(void **state)
{
    struct scene *scene = *state;

    send_to_six(scene, "10.1.2.3", 6, "ours.example");
    make_served(scene, "example.org");
    send_to_six(scene, "10.1.2.4", 6, "example.org");
    judge(scene);
    assert_null(attacker_of(scene, "10.1.2.3"));
    assert_null(attacker_of(scene, "10.1.2.4"));
}

/* So many bounces in so many hours, one recipient each. */
static uint32_t return_many(struct scene *scene, const char *address,
                            unsigned count, unsigned hours)
{
    struct source_envelope bounce = {.is_null_sender = true};
    uint32_t source = add(scene, address);

    name(scene, source, "mx.example.net");
    guess_many(scene, source, 1000, count, "example.com");
    for (unsigned i = 0; i < count; i++) {
        bounce.time = START + (int64_t)hours * 3600 * i / count;
        sources_note_envelope(&scene->sources, source, &bounce);
    }
    return source;
}

/* So many envelopes with a sender, of which mail came or not. */
static void write_many(struct scene *scene, uint32_t source, unsigned count,
                       bool is_taken)
{
    struct source_envelope envelope = {
        .time = START, .recipients = is_taken, .bytes = is_taken ? 1000 : 0};

    for (unsigned i = 0; i < count; i++)
        sources_note_envelope(&scene->sources, source, &envelope);
}

/* Connections that are refused are no recipients asked for. */
static void who_returns_bounces_may_meet_a_limit(void **state)
{
    struct scene *scene = *state;
    struct source_envelope bounce = {.time = START, .is_null_sender = true};
    struct source_event refused = {
        .time = START, .count = 1, .is_refusal = true};
    uint32_t host = add(scene, "192.0.2.1");

    name(scene, host, "mail.provider.example");
    for (unsigned i = 0; i < 20; i++) {
        guess_many(scene, host, i, 1, "example.com");
        sources_note_envelope(&scene->sources, host, &bounce);
        sources_note(&scene->sources, host, &refused);
    }
    judge(scene);
    assert_int_equal(scene->sources.attacker_count, 0);
}

static void a_provider_returns_what_was_forged_and_brings_mail(void **state)
{
    struct scene *scene = *state;
    uint32_t guesser;

    write_many(scene, return_many(scene, "192.0.2.77", 40, 3), 60, true);
    write_many(scene, return_many(scene, "192.0.2.78", 40, 3), 30, false);
    /* one bounce makes no guesser honest, though a backup MX takes all of it */
    guesser = return_many(scene, "192.0.2.79", 1, 3);
    for (unsigned i = 0; i < 40; i++) {
        char text[40];
        struct source_event event;

        snprintf(text, sizeof(text), "x%u@example.com", i);
        event = guess_of(scene, text);
        event.is_refusal = false;
        sources_note(&scene->sources, guesser, &event);
    }
    write_many(scene, guesser, 40, true); /* and is found out later */
    judge(scene);
    assert_null(attacker_of(scene, "192.0.2.77"));
    assert_non_null(attacker_of(scene, "192.0.2.78"));
    assert_non_null(attacker_of(scene, "192.0.2.79"));
}

static void what_was_forged_comes_back_from_an_honest_host(void **state)
{
    struct scene *scene = *state;

    return_many(scene, "192.0.2.77", 999, 3);
    judge(scene);
    assert_int_equal(scene->sources.attacker_count, 0);
    assert_non_null(strstr(scene->sources.spared[0].why, "returns"));
}

static void who_seems_to_return_thousands_in_hours_guesses(void **state)
{
    struct scene *scene = *state;

    return_many(scene, "192.0.2.77", 1000, 3);
    judge(scene);
    assert_non_null(attacker_of(scene, "192.0.2.77"));
}

static void
a_host_that_asks_all_the_year_whether_senders_exist_does_not(void **state)
{
    struct scene *scene = *state;

    return_many(scene, "192.0.2.77", 1000, 11);
    judge(scene);
    assert_null(attacker_of(scene, "192.0.2.77"));
}

static void a_provider_that_brings_mail_may_return_thousands(void **state)
{
    struct scene *scene = *state;

    accept(scene, return_many(scene, "192.0.2.77", 1000, 3), 1);
    judge(scene);
    assert_null(attacker_of(scene, "192.0.2.77"));
}

static void one_that_takes_mail_may_return_thousands(void **state)
{
    struct scene *scene = *state;

    sources_note_hop(&scene->sources, return_many(scene, "192.0.2.77", 1000, 3),
                     SLICE_LITERAL("remote.example"), true);
    judge(scene);
    assert_null(attacker_of(scene, "192.0.2.77"));
}

static void one_of_many_that_return_may_return_thousands(void **state)
{
    struct scene *scene = *state;

    return_many(scene, "192.0.2.77", 1100, 3);
    return_many(scene, "192.0.2.78", 600, 3);
    return_many(scene, "192.0.2.79", 500, 3);
    judge(scene);
    assert_null(attacker_of(scene, "192.0.2.77"));
}

static void a_user_who_logged_in_is_a_bystander(void **state)
{
    struct scene *scene = *state;

    add_network(scene, "198.51.100.", 5);
    sources_note_login(&scene->sources, add(scene, "198.51.100.200"), true,
                       START, 1);
    judge(scene);
    assert_null(attacker_of(scene, "198.51.100.0/24"));
}

static void a_neighbour_outside_is_no_bystander(void **state)
{
    struct scene *scene = *state;

    add_network(scene, "198.51.100.", 5);
    accept(scene, add(scene, "198.51.101.0"), 1);
    accept(scene, add(scene, "198.51.99.255"), 1);
    judge(scene);
    assert_non_null(attacker_of(scene, "198.51.100.0/24"));
}

/* Neighbours of a network of five whose mail arrived. */
static size_t attackers_beside(struct scene *scene, unsigned bystanders)
{
    add_network(scene, "2001:db8:0:7::", 5);
    for (unsigned i = 1; i <= bystanders; i++) {
        char text[64];

        snprintf(text, sizeof(text), "2001:db8:0:7::a%x", i);
        accept(scene, add(scene, text), 1);
    }
    judge(scene);
    return scene->sources.attacker_count;
}

static void fewer_bystanders_than_members_are_a_smaller_share(void **state)
{
    assert_int_equal(attackers_beside(*state, 4), 1);
}

static void as_many_bystanders_as_members_are_half_of_them(void **state)
{
    assert_int_equal(attackers_beside(*state, 5), 0);
}

static void a_crowd_that_an_earlier_one_holds_is_dropped(void **state)
{
    struct scene *scene = *state;

    add_network(scene, "2001:db8:0:7::", 5);
    judge(scene);
    /* /48 and the domain hold the same members. */
    assert_int_equal(scene->sources.attacker_count, 1);
    assert_non_null(attacker_of(scene, "2001:db8:0:7::/64"));
}

static void a_larger_crowd_is_named_beside_it(void **state)
{
    struct scene *scene = *state;

    add_network(scene, "2001:db8:0:7::", 5);
    add_network(scene, "2001:db8:0:8::", 2);
    judge(scene);
    assert_non_null(attacker_of(scene, "2001:db8:0:7::/64"));
    assert_non_null(attacker_of(scene, "2001:db8::/48"));
    assert_int_equal(attacker_of(scene, "2001:db8::/48")->member_count, 7);
    assert_int_equal(attacker_of(scene, "2001:db8::/48")->guesses, 10);
}

static void try_user(struct scene *scene, uint32_t source, const char *user)
{
    struct slice text = slice_from_string(user);
    struct source_event event = {.events = LOGIN,
                                 .time = START,
                                 .user_hash = keyed_hash(key, text) | 1,
                                 .recipient = text,
                                 .count = 1,
                                 .is_probe = true,
                                 .text = text};

    sources_note(&scene->sources, source, &event);
}

static void who_tries_a_user_from_many_networks_is_a_crowd(void **state)
{
    struct scene *scene = *state;
    const struct attacker *attacker;

    for (unsigned i = 5; i > 0; i--) {
        try_user(scene, add_of(scene, "198.18.%u.9", i / 2), "ann");
        try_user(scene, add_of(scene, "198.18.%u.8", i / 2), "ann");
    }
    try_user(scene, add(scene, "198.18.77.1"), "bob");
    judge(scene);
    assert_int_equal(scene->sources.attacker_count, 1);
    attacker = attacker_of(scene, "user ann");
    assert_non_null(attacker);
    assert_int_equal(attacker->member_count, 6);
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(attacker->members[i],
                         add_of(scene, "198.18.%u.%u", (unsigned)i / 2,
                                8 + (unsigned)i % 2));
    assert_true(attacker->is_listable);
    assert_false(attacker_is_network(attacker));
}

static void a_crowd_with_an_address_that_is_nobodys_is_not_listed(void **state)
{
    struct scene *scene = *state;

    for (unsigned i = 5; i > 0; i--)
        try_user(scene, add_of(scene, "198.18.%u.9", i), "ann");
    try_user(scene, add(scene, "0.0.0.0"), "ann");
    judge(scene);
    assert_int_equal(scene->sources.attacker_count, 1);
    assert_false(attacker_of(scene, "user ann")->is_listable);
}

static void one_who_goes_through_two_networks_is_no_crowd(void **state)
{
    struct scene *scene = *state;

    for (unsigned i = 0; i < 20; i++)
        try_user(scene, add_of(scene, "198.18.%u.%u", i % 2, i), "ann");
    judge(scene);
    assert_int_equal(scene->sources.attacker_count, 0);
}

static void who_logs_in_has_only_mistyped(void **state)
{
    struct scene *scene = *state;

    for (unsigned i = 0; i < 4; i++)
        try_user(scene, add_of(scene, "198.18.%u.1", i), "ann");
    sources_note_login(&scene->sources, add(scene, "198.18.2.1"), true, START,
                       1);
    judge(scene);
    assert_int_equal(scene->sources.attacker_count, 0);
}

/* The phone of the user whom a botnet tries, with his old password. */
static void whose_network_logs_in_is_no_bot(void **state)
{
    struct scene *scene = *state;
    const struct attacker *attacker;

    for (unsigned i = 0; i < 5; i++)
        try_user(scene, add_of(scene, "198.18.%u.1", i), "ann");
    try_user(scene, add(scene, "198.18.77.1"), "ann");
    try_user(scene, add(scene, "198.18.78.1"), "ann");
    sources_note_login(&scene->sources, add(scene, "198.18.77.8"), true, START,
                       2);
    sources_note_login(&scene->sources, add(scene, "198.18.77.9"), true, START,
                       1);
    sources_note_login(&scene->sources, add(scene, "198.18.78.9"), true, START,
                       2);
    judge(scene);
    attacker = attacker_of(scene, "user ann");
    assert_non_null(attacker);
    assert_int_equal(attacker->member_count, 6);
    assert_int_equal(attacker->members[5], add(scene, "198.18.78.1"));
}

static void fail_as(struct scene *scene, uint32_t source, const char *user)
{
    try_user(scene, source, user);
    sources_note_login(&scene->sources, source, false, START, 1);
    sources_note_user(
        &scene->sources, source, false,
        record_user_hash(keyed_hash(key, slice_from_string(user)), 0), 0);
}

enum { EMPTY = 11, LASTING = 12 };

/* Mail with a sender of that domain, and a report without; of EMPTY there is
 * none. */
static void send_as(struct scene *scene, uint32_t source, uint32_t domain,
                    unsigned count)
{
    char user[32];
    struct source_envelope envelope = {.recipients = 1,
                                       .bytes = domain == EMPTY ? 0 : 9,
                                       .time = START,
                                       .sender_domain = domain};

    for (unsigned i = 0; i < count; i++)
        sources_note_envelope(&scene->sources, source, &envelope);
    envelope = (struct source_envelope){.time = START, .is_null_sender = true};
    sources_note_envelope(&scene->sources, source, &envelope);
    snprintf(user, sizeof(user), "user%u", source); /* no two try the same */
    try_user(scene, source, user);
}

static void who_sends_for_one_domain_alone_is_steady(void **state)
{
    enum { OFFICE = 1 << SOURCE_SENDER_BITS, SHARED = 7, OTHER = 9 };
    struct scene *scene = *state;
    uint32_t office = add(scene, "198.18.1.1");

    send_as(scene, office, OFFICE, 3); /* its kept bits are none */
    send_as(scene, add(scene, "198.18.1.2"), OTHER, 2);
    for (unsigned i = 0; i < 4; i++)
        send_as(scene, add_of(scene, "198.18.2.%u", i), SHARED, 3);
    send_as(scene, add(scene, "198.18.3.1"), OTHER, 2);
    send_as(scene, add(scene, "198.18.3.1"), OTHER + 1, 1);
    send_as(scene, add(scene, "198.18.4.1"), 0, 9);
    send_as(scene, add(scene, "198.18.5.1"), EMPTY, 3);
    judge(scene);
    assert_int_equal(scene->sources.attacker_count, 1);
    assert_int_equal(scene->sources.attackers[0].source, office);
}

/* Without mail of its own, it came again a day later. */
static void who_comes_again_is_steady(void **state)
{
    struct scene *scene = *state;

    for (unsigned i = 0; i < 2; i++) {
        uint32_t source = add_of(scene, "198.18.1.%u", i);
        struct source_envelope later = {.time = START + 24 * 3600 - i,
                                        .sender_domain = LASTING + i};

        for (unsigned n = 0; n < 3; n++)
            sources_note_envelope(&scene->sources, source, &later);
        try_user(scene, source, i == 0 ? "ann" : "bob");
    }
    judge(scene);
    assert_int_equal(scene->sources.attacker_count, 1);
    assert_non_null(attacker_of(scene, "198.18.1.0"));
}

static void bring(struct scene *scene, const char *address, const char *text,
                  unsigned recipients)
{
    struct source_event event = {.events = FLOOD, .time = START, .count = 1};
    uint32_t source = add(scene, address);

    if (text != NULL)
        name(scene, source, text);
    if (recipients > 0)
        accept(scene, source, recipients);
    sources_note(&scene->sources, source, &event);
}

static void hosts_of_one_owner_bring_mail_together(void **state)
{
    struct scene *scene = *state;

    bring(scene, "198.18.1.1", "a1.pool.example", 90);
    bring(scene, "198.18.1.2", "A2.eu.Pool.example", 110);
    bring(scene, "198.18.1.3", "a3.pool.example", 0);
    bring(scene, "198.18.1.4", "dsl4.pool.example", 60); /* a customer */
    bring(scene, "198.18.1.5", "mx.few.example", 90);
    bring(scene, "198.18.1.6", NULL, 150);
    judge(scene);
    assert_int_equal(scene->sources.mailed, 500);
    assert_int_equal(scene->sources.attacker_count, 3);
    for (unsigned i = 1; i <= 3; i++) {
        char text[16];

        snprintf(text, sizeof(text), "198.18.1.%u", i);
        assert_non_null(attacker_of(scene, text));
    }
}

static void deny(struct scene *scene, uint32_t source, const char *recipient)
{
    struct source_event event = guess_of(scene, recipient);

    event.events = DENIED;
    sources_note(&scene->sources, source, &event);
}

/* Mail hosts show that a domain left; a drop box is looked for by testers. */
static void who_looks_for_a_domain_that_left_is_astray(void **state)
{
    struct scene *scene = *state;
    uint32_t office = add(scene, "198.18.1.1");
    uint32_t tester = add(scene, "198.18.1.2");
    uint32_t often = add(scene, "198.18.1.3"); /* more than is kept */

    deny(scene, office, "ann@left.example");
    deny(scene, office, "bob@left.example");
    deny(scene, office, "ann@gone.example");
    deny(scene, tester, "ann@left.example");
    deny(scene, tester, "me@box.example");
    for (unsigned i = 0; i < 4; i++) {
        uint32_t host = add_of(scene, "192.0.2.%u", i);
        char text[32];

        snprintf(text, sizeof(text),
                 i == 3 ? "dsl%u.o3.example" : "mail.o%u.example", i);
        name(scene, host, text);
        if (i != 2) /* one with the name of a line, and one without mail */
            accept(scene, host, 1);
        deny(scene, host, "cy@box.example");
        for (unsigned twice = 0; twice < 2; twice++)
            deny(scene, host, "cy@gone.example");
        deny(scene, host, "cy@left.example");
    }
    for (unsigned i = 0; i < 2; i++) {
        uint32_t host = add_of(scene, "192.0.2.1%u", i);

        name(scene, host, "smtp.b.example");
        accept(scene, host, 1);
        deny(scene, host, "dan@left.example");
        deny(scene, host, "dan@gone.example");
    }
    for (unsigned i = 0; i <= DENIALS_MAX; i++)
        deny(scene, often, i % 2 == 0 ? "ann@left.example" : "x@gone.example");
    judge(scene);
    assert_null(attacker_of(scene, "198.18.1.1"));
    assert_non_null(attacker_of(scene, "198.18.1.2"));
    assert_non_null(attacker_of(scene, "198.18.1.3"));
    assert_non_null(attacker_of(scene, "192.0.2.0"));
    assert_null(attacker_of(scene, "192.0.2.10"));
}

static uint32_t domain_hash(const char *domain)
{
    return (uint32_t)record_address_hash(key, slice_from_string(domain));
}

/* An envelope in somebody's name ends, of which a recipient was denied. */
static void deny_as(struct scene *scene, uint32_t source, const char *sender)
{
    struct source_envelope envelope = {.time = START};

    deny(scene, source, "cy@box.example");
    envelope.is_null_sender = *sender == '\0';
    if (!envelope.is_null_sender)
        envelope.sender_domain = domain_hash(strchr(sender, '@') + 1);
    if (!envelope.is_null_sender &&
        sources_wants_sender(&scene->sources, source))
        sources_note_sender(&scene->sources, source, domain_hash(sender),
                            slice_from_string(strchr(sender, '@') + 1));
    sources_note_envelope(&scene->sources, source, &envelope);
}

static void deliver_to(struct topk *delivered, const char *address)
{
    struct slice text = slice_from_string(address);

    topk_add_hashed(delivered, text, record_address_hash(key, text), 1, 0);
}

struct denied {
    const char *ip;
    const char *senders[3];
    unsigned envelopes;
    bool is_resident;
};

/* ours.example is in our-domains. */
static void judge_denied(struct scene *scene, const struct denied *cases,
                         size_t count, struct topk *delivered)
{
    deliver_to(delivered, "bob@ours.example");
    deliver_to(delivered, "ann@ours.example");
    deliver_to(delivered, "eve@other.example");
    scene->sources.delivered = delivered;
    for (size_t c = 0; c < count; c++) {
        uint32_t source = add(scene, cases[c].ip);
        size_t names = 1;

        while (names < 3 && cases[c].senders[names] != NULL)
            names++;
        for (unsigned i = 0; i < cases[c].envelopes; i++)
            deny_as(scene, source, cases[c].senders[i % names]);
    }
    judge(scene);
    for (size_t c = 0; c < count; c++)
        if ((attacker_of(scene, cases[c].ip) == NULL) != cases[c].is_resident)
            fail_msg("%s", cases[c].ip);
    scene->sources.delivered = NULL;
}

static void users_who_forget_to_log_in_are_resident(void **state)
{
    static const struct denied cases[] = {
        {"198.18.1.1", {"ann@ours.example"}, 3, true},
        {"198.18.1.2", {"ann@ours.example"}, 2, false}, /* no name is kept */
        {"198.18.1.3", {"ann@ours.example", "bob@ours.example"}, 8, true},
        {"198.18.1.4", {"ann@ours.example", "cat@ours.example"}, 4, false},
        {"198.18.1.5", {"cat@ours.example"}, 4, false},
        {"198.18.1.6", {"ann@ours.example", ""}, 4, true},
        {"198.18.1.7", {""}, 4, false},
        {"198.18.1.8", {"eve@other.example"}, 4, false},
        {"198.18.1.9", {"ann@ours.example", "eve@other.example"}, 4, false},
        {"198.18.2.1", {"ann@ours.example"}, DENIED_SENDERS_MAX, true},
        {"198.18.2.2", {"ann@ours.example"}, DENIED_SENDERS_MAX + 1, false},
    };
    struct scene *scene = *state;
    struct topk delivered;

    topk_init(&delivered, key);
    judge_denied(scene, cases, sizeof(cases) / sizeof(cases[0]), &delivered);
    /* some names once, however often they come */
    assert_in_range(scene->sources.denied_senders.count, 8, 16);
    topk_free(&delivered);
}

/* In doubt nobody is blamed: not all are known who got mail. */
static void of_too_many_the_domain_decides_who_is_resident(void **state)
{
    static const struct denied cases[] = {
        {"198.18.1.1", {"cat@ours.example"}, 4, true},
        {"198.18.1.2", {"eve@other.example"}, 4, false},
        {"198.18.1.3", {"cat@ours.example", "eve@other.example"}, 4, false},
    };
    struct scene *scene = *state;
    struct topk delivered;
    char text[32];

    topk_init(&delivered, key);
    for (unsigned i = 0; i <= TOPK_MAX; i++) {
        snprintf(text, sizeof(text), "u%u@other.example", i);
        deliver_to(&delivered, text);
    }
    assert_true(delivered.error_max > 0);
    judge_denied(scene, cases, sizeof(cases) / sizeof(cases[0]), &delivered);
    topk_free(&delivered);
}

/* They left, or our own table failed for a while. */
static void guesses_that_got_mail_otherwise_are_counted(void **state)
{
    struct scene *scene = *state;
    uint32_t guesser = add(scene, "198.18.1.1"),
             other = add(scene, "198.18.1.2");
    struct source_facts facts;
    struct topk delivered;
    char text[32];

    topk_init(&delivered, key);
    for (unsigned i = 0; i < 3; i++) {
        snprintf(text, sizeof(text), "u%u@example.com", i);
        deliver_to(&delivered, text);
    }
    guess_many(scene, guesser, 0, 10, "example.com");
    guess_many(scene, other, 3, 1, "example.com");
    assert_true(source_facts_init(&facts, &scene->sources));
    assert_int_equal(
        fact_alive_share(&facts, source_at(&scene->sources, guesser)), 0);
    source_facts_free(&facts);
    scene->sources.delivered = &delivered;
    assert_true(source_facts_init(&facts, &scene->sources));
    assert_int_equal(
        fact_alive_share(&facts, source_at(&scene->sources, guesser)), 30);
    assert_int_equal(
        fact_alive_share(&facts, source_at(&scene->sources, other)), 0);
    assert_false(facts.has_failed);
    source_facts_free(&facts);
    scene->sources.delivered = NULL;
    topk_free(&delivered);
}

static void a_mailing_service_numbers_its_hosts(void **state)
{
    static const struct {
        const char *ip, *name;
        bool is_generic;
    } cases[] = {
        {"198.18.40.135", "a40-135.smtp-out.sending.example", false},
        {"198.18.40.136", "Mail40-136.sending.example", false},
        {"198.18.40.137", "dsl-40-137.pool.example", true},
        {"198.18.40.138", "a40-138.mail.example", true}, /* the owner's name */
        {"198.18.40.139", "a40-139.smtpish.sending.example", true},
        {"198.18.40.140", "", true},
    };
    struct scene *scene = *state;

    for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
        uint32_t host = add(scene, cases[c].ip);

        if (cases[c].name[0] != '\0')
            name(scene, host, cases[c].name);
        if (fact_is_generic(&scene->sources,
                            source_at(&scene->sources, host)) !=
            cases[c].is_generic)
            fail_msg("%s", cases[c].name);
    }
}

/* The server of a small office, where its line has a name. */
static void a_line_may_return_a_bounce_or_two(void **state)
{
    struct scene *scene = *state;
    struct source_envelope bounce = {.time = START, .is_null_sender = true};
    struct source_facts facts;

    for (unsigned i = 1; i <= 3; i++) {
        uint32_t host = add_of(scene, "198.18.1.%u", i);
        char text[40];

        snprintf(text, sizeof(text), "dsl-1-%u.pool.example", i);
        name(scene, host, text);
        for (unsigned j = 0; j < i; j++) {
            guess_many(scene, host, j, 1, "example.com");
            sources_note_envelope(&scene->sources, host, &bounce);
        }
    }
    assert_true(source_facts_init(&facts, &scene->sources));
    for (unsigned i = 1; i <= 3; i++)
        assert_int_equal(
            fact_is_returning(&facts, source_at(&scene->sources, i)), i <= 2);
    source_facts_free(&facts);
}

static void names_that_come_in_turns_are_kept_once(void **state)
{
    static const struct denied cases[] = {
        {"198.18.1.1", {"cat@ours.example"}, 4, true}};
    struct scene *scene = *state;
    uint32_t ann = add(scene, "198.18.2.1"), bob = add(scene, "198.18.2.2");
    struct topk delivered;

    for (unsigned i = 0; i < 50; i++) {
        deny_as(scene, ann, "ann@ours.example");
        deny_as(scene, bob, "bob@ours.example");
    }
    assert_int_equal(scene->sources.denied_senders.count, 2);
    /* no room: as if there were too many */
    scene->sources.denied_senders.count = KEPT_MAX;
    deny_as(scene, ann, "cat@ours.example");
    scene->sources.denied_senders.count = 2;
    assert_true(scene->sources.has_lost_senders);
    topk_init(&delivered, key);
    judge_denied(scene, cases, 1, &delivered);
    topk_free(&delivered);
}

/* One whose mail arrived, and some whose mail did not; without him never. */
static void strangers_look_for_a_domain_that_left(void **state)
{
    static const struct {
        const char *ip, *domain;
        unsigned mailers, strangers;
        bool is_astray;
    } cases[] = {{"198.18.1.1", "left1.example", 1, 3, false},
                 {"198.18.2.1", "left2.example", 1, 4, true},
                 {"198.18.3.1", "left3.example", 0, 9, false},
                 {"198.18.4.1", "left4.example", 2, 2, true}};
    struct scene *scene = *state;

    for (unsigned c = 0; c < 4; c++) {
        uint32_t tester = add(scene, cases[c].ip);

        for (unsigned i = 0; i < cases[c].mailers + cases[c].strangers; i++) {
            uint32_t host = add_of(scene, "192.0.2.%u", 20 * c + i);
            char text[32];

            snprintf(text, sizeof(text), "mail.owner%u.example", i);
            name(scene, host, text);
            if (i < cases[c].mailers)
                accept(scene, host, 1);
            snprintf(text, sizeof(text), "cy%u@%s", i, cases[c].domain);
            deny(scene, host, text);
            deny(scene, tester, text);
        }
    }
    judge(scene);
    for (unsigned c = 0; c < 4; c++)
        assert_int_equal(attacker_of(scene, cases[c].ip) == NULL,
                         cases[c].is_astray);
}

/* Who left, or was forged, is asked for by mail hosts; others by one alone, or
 * by lines, or through a whole list. */
static void guesses_of_mail_hosts_are_known(void **state)
{
    struct scene *scene = *state;
    static const char *const hosts[] = {
        "mail.anton.example", "mail.berta.example", "mx2.berta.example",
        "dsl7.caesar.example", ""};
    uint32_t asker = add(scene, "198.18.1.1");
    struct source_facts facts;

    for (unsigned i = 0; i < 5; i++) {
        uint32_t host = add_of(scene, "192.0.2.%u", i);

        if (hosts[i][0] != '\0')
            name(scene, host, hosts[i]);
        if (i < 2)
            guess_many(scene, host, 0, 2, "example.com");
        guess_many(scene, host, i == 0 ? 50 : 10, 2, "example.com");
    }
    for (unsigned i = 0; i < 2; i++) { /* eight are a list */
        uint32_t host = add_of(scene, "192.0.3.%u", i);

        name(scene, host, i == 0 ? "mail.dora.example" : "mail.emil.example");
        guess_many(scene, host, 20, 8, "example.com");
    }
    guess_many(scene, asker, 0, 2, "example.com");  /* both owners */
    guess_many(scene, asker, 10, 2, "example.com"); /* berta and lines */
    guess_many(scene, asker, 20, 2, "example.com"); /* the list */
    guess_many(scene, asker, 90, 2, "example.com");
    assert_true(source_facts_init(&facts, &scene->sources));
    assert_int_equal(fact_known_share(&facts, &scene->sources.items[asker]),
                     25);
    assert_int_equal(
        fact_known_share(&facts,
                         &scene->sources.items[add(scene, "192.0.2.0")]),
        50);
    assert_int_equal(
        fact_known_share(&facts,
                         &scene->sources.items[add(scene, "192.0.2.4")]),
        0);
    assert_false(facts.has_failed);
    source_facts_free(&facts);
}

/* Dead recipients elsewhere, of a mailing of ours, are no guesses here. */
static void what_others_refuse_our_clients_is_outbound(void **state)
{
    struct scene *scene = *state;
    static const char *const clients[] = {"10.0.0.1", "198.18.1.1",
                                          "198.18.2.1"};

    sources_note_login(&scene->sources, add(scene, clients[1]), true, START, 1);
    for (unsigned i = 0; i < 3; i++) {
        uint32_t number = add(scene, clients[i]);
        struct source_event event = guess_of(scene, "ann@other.example");

        assert_false(sources_is_outbound(
            &scene->sources, source_at(&scene->sources, number), &event));
        event.is_refusal = false;
        event.is_late = true;
        assert_int_equal(sources_is_outbound(&scene->sources,
                                             source_at(&scene->sources, number),
                                             &event),
                         i < 2);
        sources_note(&scene->sources, number, &event);
    }
    assert_int_equal(scene->sources
                         .targets[intern_find(&scene->sources.domains,
                                              SLICE_LITERAL("other.example"))]
                         .guesses,
                     1);
}

/* Of five networks, none of which ever logged in. */
static void users_whom_several_networks_try_are_shared(void **state)
{
    struct scene *scene = *state;
    struct source_facts facts;
    uint32_t last = 0;

    for (unsigned i = 0; i < 6; i++) {
        last = add_of(scene, "198.18.%u.9", i);
        fail_as(scene, last, "ann");
        if (i > 0)
            fail_as(scene, last, "bob");
        fail_as(scene, add_of(scene, "198.19.1.%u", i), "cy");
        if (i > 1)
            fail_as(scene, last, "dan");
    }
    fail_as(scene, last, "cy");
    sources_note_login(&scene->sources, add(scene, "198.18.1.9"), true, START,
                       1);
    assert_true(source_facts_init(&facts, &scene->sources));
    /* ann of six, bob of four that never logged in, cy of two, dan of four */
    assert_int_equal(fact_shared_tries(&facts, last), 1);
    assert_int_equal(fact_shared_tries(&facts, add(scene, "198.19.1.0")), 0);
    assert_int_equal(fact_shared_tries(&facts, add(scene, "198.18.0.9")), 1);
    assert_false(facts.has_failed);
    source_facts_free(&facts);
}

static void who_tries_users_at_a_site_is_a_crowd(void **state)
{
    static const char *const users[] = {"ann", "bob", "cy", "dan", "eve"};
    struct scene *scene = *state;
    const struct attacker *attacker;
    uint32_t office = add(scene, "198.18.77.1");

    /* from address to address, two of them each, and one of whom once more */
    for (unsigned i = 0; i < 5; i++) {
        uint32_t bot = add_of(scene, "198.18.%u.9", i);

        fail_as(scene, bot, users[i]);
        fail_as(scene, bot, users[(i + 1) % 5]);
        fail_as(scene, bot, users[i]);
    }
    /* one user with an old password; two who log in elsewhere */
    fail_as(scene, add(scene, "198.18.78.1"), "fay");
    fail_as(scene, add(scene, "198.18.79.1"), "gus");
    fail_as(scene, add(scene, "198.18.79.1"), "hal");
    for (unsigned i = 0; i < 2; i++) {
        sources_note_login(&scene->sources, office, true, START, 1);
        sources_note_user(
            &scene->sources, office, true,
            record_user_hash(
                keyed_hash(key, slice_from_string(i == 0 ? "gus" : "hal")), 0),
            0);
    }
    judge(scene);
    assert_int_equal(scene->sources.attacker_count, 1);
    attacker = attacker_of(scene, "this site");
    assert_non_null(attacker);
    assert_int_equal(attacker->member_count, 5);
    assert_int_equal(attacker->members[4], add(scene, "198.18.4.9"));
    assert_false(attacker_is_network(attacker));
    assert_true(attacker->is_listable);
}

/* A name in another domain is the same name. */
static void few_failed_logins_of_a_source_are_kept(void **state)
{
    struct scene *scene = *state;
    uint32_t number = add(scene, "198.18.1.1");
    struct login_tries tries;

    for (uint64_t user = 1; user <= TRIES_MAX + 2; user++) {
        sources_note_login(&scene->sources, number, false, START, 1);
        sources_note_user(&scene->sources, number, false, user, 0);
    }
    sources_note_user(&scene->sources, add(scene, "198.18.2.1"), true,
                      record_user_hash(2, 9), 9);
    source_pairs_sort(&scene->sources.tries);
    tries = fact_login_tries(&scene->sources, number);
    assert_int_equal(tries.users, TRIES_MAX);
    assert_int_equal(tries.unknown, TRIES_MAX - 1);
    tries = fact_login_tries(&scene->sources, number - 1);
    assert_int_equal(tries.users, 0);
    assert_int_equal(tries.unknown, 0);
}

/* "ann" and "ann@a.example" are one, as a program is set up anew. */
static void one_name_in_several_domains_is_several_users(void **state)
{
    static const uint32_t domains[][4] = {
        {0, 7, 0, 7}, {7, 8, 7, 8}, {7, 7, 7, 7}, {9, 8, 9, 7}};
    static const uint32_t want[] = {1, 2, 1, 3};
    struct scene *scene = *state;

    for (unsigned j = 0; j < 4; j++)
        for (unsigned i = 0; i < 4; i++) {
            uint32_t number = add_of(scene, "198.18.%u.1", i);

            sources_note_user(&scene->sources, number, false,
                              record_user_hash(5, domains[i][j]),
                              domains[i][j]);
        }
    judge(scene);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(
            fact_login_tries(&scene->sources, add_of(scene, "198.18.%u.1", i))
                .users,
            want[i]);
}

static void a_botnet_holds_those_that_nothing_else_names(void **state)
{
    struct scene *scene = *state;
    const struct attacker *attacker;

    for (unsigned i = 0; i < 8; i++)
        guess_many(scene, add_of(scene, "198.18.%u.1", i), i, 1, "example.com");
    guess_many(scene, add(scene, "192.0.2.1"), 100, 20, "example.com");
    guess_many(scene, add(scene, "192.0.2.2"), 200, 1, "example.org");
    judge(scene);
    assert_int_equal(scene->sources.attacker_count, 2);
    attacker = attacker_of(scene, "example.com");
    assert_non_null(attacker);
    assert_int_equal(attacker->member_count, 8);
    assert_int_equal(attacker->guesses, 8);
    assert_non_null(attacker_of(scene, "192.0.2.1"));
}

/* Hosts of one day are a crowd; who comes by himself, earlier or later, has a
 * typo. */
static void members_of_a_botnet_come_together(void **state)
{
    struct scene *scene = *state;
    const struct attacker *attacker;

    for (unsigned i = 0; i < 8; i++)
        guess_many(scene, add_of(scene, "198.18.%u.1", i), i, 1, "example.com");
    for (unsigned i = 1; i < 5; i++) {
        struct source_event event = guess_of(scene, "typo@example.com");

        /* two within a day of each other, and two by themselves */
        event.time = START + (int64_t)(i == 2 ? 3 : 2 * i + 1) * 86400;
        sources_note(&scene->sources, add_of(scene, "198.18.%u.2", i), &event);
    }
    judge(scene);
    attacker = attacker_of(scene, "example.com");
    assert_non_null(attacker);
    assert_int_equal(attacker->member_count, 8);
}

static void envelopes_are_counted_whatever_comes_of_them(void **state)
{
    struct scene *scene = *state;
    uint32_t often = add(scene, "192.0.2.1"), once = add(scene, "192.0.2.2");
    struct source_envelope envelope = {.time = START};

    guess_many(scene, often, 0, 6, "example.com");
    guess_many(scene, once, 100, 6, "example.org");
    for (int i = 0; i < 13; i++)
        sources_note_envelope(&scene->sources, often, &envelope);
    sources_note_envelope(&scene->sources, once, &envelope);
    judge(scene);
    assert_non_null(attacker_of(scene, "192.0.2.1"));
    assert_null(attacker_of(scene, "192.0.2.2"));
}

/* More guesses than those of one crowd are told apart; its members are no
 * attackers by themselves. */
static void the_guesses_of_a_vast_crowd_are_bounded(void **state)
{
    struct scene *scene = *state;
    const struct attacker *attacker;

    for (unsigned i = 1; i <= 215; i++) {
        uint32_t number = add_of(scene, "198.51.100.%u", i);

        guess_many(scene, number, i * GUESSES_MAX, GUESSES_MAX, "x");
        accept(scene, number, 2 * GUESSES_MAX);
    }
    judge(scene);
    assert_int_equal(scene->sources.attacker_count, 1);
    attacker = attacker_of(scene, "x");
    assert_non_null(attacker);
    assert_int_equal(attacker->member_count, 215);
    assert_false(attacker->is_exact);
    assert_int_equal(attacker->guesses, 1 << 20);
}

static void without_a_guess_nobody_is_hostile(void **state)
{
    struct scene *scene = *state;

    judge(scene);
    assert_int_equal(scene->sources.attacker_count, 0);
    assert_int_equal(scene->sources.spared_count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define IN_SCENE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
        IN_SCENE(recipients_are_told_apart_up_to_the_bound),
        IN_SCENE(few_and_many_guesses_are_each_told_once),
        IN_SCENE(many_sources_keep_what_is_theirs),
        IN_SCENE(samples_are_the_first_distinct_ones),
        IN_SCENE(domains_are_counted_up_to_their_bound),
        IN_SCENE(one_recipient_again_and_again_is_one_guess),
        IN_SCENE(a_refused_recipient_counts_as_asked_for_each_time),
        IN_SCENE(who_is_asked_for_without_a_message_is_not_mailed),
        IN_SCENE(some_whom_a_guesser_reached_are_kept),
        IN_SCENE(logins_are_counted_beyond_sixteen_bits),
        IN_SCENE(one_user_may_not_know_how_he_is_called),
        IN_SCENE(users_are_told_apart_up_to_the_bound),
        IN_SCENE(names_are_confirmed_ones_and_few),
        IN_SCENE(evidence_is_the_line_that_reached_the_count),
        IN_SCENE(times_before_the_epoch_and_after_2106_are_kept_in_range),
        IN_SCENE(a_host_that_mail_for_a_served_domain_goes_to_is_ours),
        IN_SCENE(a_host_of_a_remote_domain_is_not),
        IN_SCENE(a_name_under_a_served_domain_is_ours),
        IN_SCENE(a_name_of_a_line_under_a_served_domain_is_a_strangers),
        IN_SCENE(a_relay_of_ours_hands_on_what_others_guess),
        IN_SCENE(who_brings_real_mail_is_spared),
        IN_SCENE(a_source_is_named_once_with_all_its_rules),
        IN_SCENE(guesses_of_two_attackers_are_shared),
        IN_SCENE(most_guesses_come_first_then_the_lower_address),
        IN_SCENE(addresses_not_for_a_list_are_marked),
        IN_SCENE(a_network_is_one_attacker),
        IN_SCENE(members_that_are_not_hostile_are_none),
        IN_SCENE(too_few_that_are_left_are_no_crowd),
        IN_SCENE(a_crowd_that_is_still_one_for_its_bystanders_stays),
        IN_SCENE(a_crowd_that_is_none_for_its_bystanders_is_dropped),
        IN_SCENE(the_evidence_of_a_crowd_is_of_a_member),
        IN_SCENE(a_crowd_none_of_whom_reached_a_count_has_no_evidence),
        IN_SCENE(a_bystander_saves_the_network),
        IN_SCENE(an_honest_host_that_returns_bounces_is_a_bystander),
        IN_SCENE(who_meets_nobody_with_several_at_a_time_guesses_blindly),
        IN_SCENE(who_asks_for_one_at_a_time_does_not),
        IN_SCENE(who_asks_again_does_not),
        IN_SCENE(who_meets_somebody_does_not),
        IN_SCENE(who_takes_mail_does_not),
        IN_SCENE(a_few_recipients_again_and_again_hide_no_guesses),
        IN_SCENE(a_few_recipients_again_and_again_are_no_share_of_the_mail),
        IN_SCENE(many_recipients_are_real_mail),
        IN_SCENE(a_list_that_asks_for_its_dead_again_is_real_mail),
        IN_SCENE(one_recipient_more_than_a_few_is_real_mail),
        IN_SCENE(much_mail_for_a_few_is_real_mail),
        IN_SCENE(mail_without_guesses_is_real_mail),
        IN_SCENE(recipients_that_are_not_told_apart_are_many),
        IN_SCENE(the_share_of_the_mail_is_that_of_strangers),
        IN_SCENE(who_brings_much_of_the_mail_may_be_a_filter),
        IN_SCENE(a_private_client_sends_to_others),
        IN_SCENE(a_client_that_logs_in_sends_to_others),
        IN_SCENE(a_stranger_does_not_send_through_here),
        IN_SCENE(who_is_refused_at_once_does_not_send_through_here),
        IN_SCENE(who_guesses_at_a_domain_of_ours_does_not_send_through_here),
        IN_SCENE(a_provider_returns_what_was_forged_and_brings_mail),
        IN_SCENE(what_was_forged_comes_back_from_an_honest_host),
        IN_SCENE(who_seems_to_return_thousands_in_hours_guesses),
        IN_SCENE(a_host_that_asks_all_the_year_whether_senders_exist_does_not),
        IN_SCENE(a_provider_that_brings_mail_may_return_thousands),
        IN_SCENE(one_that_takes_mail_may_return_thousands),
        IN_SCENE(one_of_many_that_return_may_return_thousands),
        IN_SCENE(a_user_who_logged_in_is_a_bystander),
        IN_SCENE(a_neighbour_outside_is_no_bystander),
        IN_SCENE(fewer_bystanders_than_members_are_a_smaller_share),
        IN_SCENE(as_many_bystanders_as_members_are_half_of_them),
        IN_SCENE(a_crowd_that_an_earlier_one_holds_is_dropped),
        IN_SCENE(a_larger_crowd_is_named_beside_it),
        IN_SCENE(who_tries_a_user_from_many_networks_is_a_crowd),
        IN_SCENE(who_sends_for_one_domain_alone_is_steady),
        IN_SCENE(who_comes_again_is_steady),
        IN_SCENE(hosts_of_one_owner_bring_mail_together),
        IN_SCENE(who_looks_for_a_domain_that_left_is_astray),
        IN_SCENE(users_who_forget_to_log_in_are_resident),
        IN_SCENE(of_too_many_the_domain_decides_who_is_resident),
        IN_SCENE(names_that_come_in_turns_are_kept_once),
        IN_SCENE(a_line_may_return_a_bounce_or_two),
        IN_SCENE(a_mailing_service_numbers_its_hosts),
        IN_SCENE(guesses_that_got_mail_otherwise_are_counted),
        IN_SCENE(who_returns_bounces_may_meet_a_limit),
        IN_SCENE(strangers_look_for_a_domain_that_left),
        IN_SCENE(guesses_of_mail_hosts_are_known),
        IN_SCENE(what_others_refuse_our_clients_is_outbound),
        IN_SCENE(users_whom_several_networks_try_are_shared),
        IN_SCENE(who_tries_users_at_a_site_is_a_crowd),
        IN_SCENE(few_failed_logins_of_a_source_are_kept),
        IN_SCENE(a_crowd_with_an_address_that_is_nobodys_is_not_listed),
        IN_SCENE(one_who_goes_through_two_networks_is_no_crowd),
        IN_SCENE(who_logs_in_has_only_mistyped),
        IN_SCENE(whose_network_logs_in_is_no_bot),
        IN_SCENE(one_name_in_several_domains_is_several_users),
        IN_SCENE(a_botnet_holds_those_that_nothing_else_names),
        IN_SCENE(members_of_a_botnet_come_together),
        IN_SCENE(envelopes_are_counted_whatever_comes_of_them),
        IN_SCENE(the_guesses_of_a_vast_crowd_are_bounded),
        IN_SCENE(without_a_guess_nobody_is_hostile),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
