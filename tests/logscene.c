#include "tests/logscene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

static const char rules_text[] =
    "event unknown-user\n"
    "        line    reply\n"
    "        when    text ~ /User unknown/\n"
    "rule many-guesses\n"
    "        on      source\n"
    "        kind    dictionary-attack\n"
    "        count   distinct recipient of unknown-user by source >= 5 in 10m\n"
    "rule from-many\n"
    "        on      source\n"
    "        kind    botnet\n"
    "        count   distinct source of unknown-user by domain >= 9 in 1h\n"
    "event vrfy\n"
    "        line    peer\n"
    "        when    text ~ /VRFY/\n"
    "rule many-questions\n"
    "        on      source\n"
    "        kind    vrfy-probe\n"
    "        count   of vrfy by source >= 5 in 10m\n";

static const uint64_t key[2] = {UINT64_C(0x8f3a6c5e91d27b04),
                                UINT64_C(0x2be19407c6d85af3)};

static struct rules *make_rules(void)
{
    struct rules_file file = {"test", SLICE_LITERAL(rules_text)};

    return rules_compile(&file, 1, NULL, 0, NULL, NULL, NULL);
}

static void init_tables(struct log_tops *tops)
{
    topk_init(&tops->senders, key);
    topk_init(&tops->recipients, key);
    topk_init(&tops->guessed, key);
    topk_init(&tops->rejections, key);
    topk_init(&tops->deferrals, key);
    topk_init(&tops->failures, key);
    topk_init(&tops->dead_hosts, key);
    topk_init(&tops->mechanisms, key);
    topk_init(&tops->users, key);
    topk_init(&tops->ciphers, key);
    topk_init(&tops->unknown, key);
    topk_init(&tops->refused_connections, key);
}

static void free_tables(struct log_tops *tops)
{
    topk_free(&tops->senders);
    topk_free(&tops->recipients);
    topk_free(&tops->guessed);
    topk_free(&tops->rejections);
    topk_free(&tops->deferrals);
    topk_free(&tops->failures);
    topk_free(&tops->dead_hosts);
    topk_free(&tops->mechanisms);
    topk_free(&tops->users);
    topk_free(&tops->ciphers);
    topk_free(&tops->unknown);
    topk_free(&tops->refused_connections);
}

void scene_init(struct scene *scene)
{
    struct sources *sources = &scene->logs.sources;

    memset(scene, 0, sizeof(*scene));
    scene->options = (struct options){.mode = MODE_LOGS,
                                      .color = PROGRESS_NEVER,
                                      .top = 10,
                                      .since = INT64_MIN,
                                      .until = INT64_MAX,
                                      .is_utc = true};
    complaints_init(&scene->complaints, false);
    scene->rules = make_rules();
    assert_non_null(scene->rules);
    scene->set = (struct log_set){.files = scene->files, .is_utc = true};
    scene->logs.set = &scene->set;
    scene->logs.rules = scene->rules;
    scene->logs.complaints = &scene->complaints;
    logtally_init(&scene->logs.tally);
    init_tables(&scene->logs.join.tops);
    assert_true(names_init(&sources->names, &sources->arena, key));
    assert_true(intern_init(&sources->domains, &sources->arena, key));
    assert_true(intern_init(&sources->samples, &sources->arena, key));
    sources->count = 1;
    sources->items = calloc(100, sizeof(*sources->items));
    sources->mores = calloc(100, sizeof(*sources->mores));
    sources->texts = calloc(100, sizeof(*sources->texts));
    sources->mails = calloc(100, sizeof(*sources->mails));
    sources->mail_count = 1;
    sources->reached = calloc(1, sizeof(*sources->reached));
    sources->targets = calloc(100, sizeof(*sources->targets));
    sources->target_capacity = 100;
    sources->evidence = calloc(100, sizeof(*sources->evidence));
    sources->attackers = calloc(100, sizeof(*sources->attackers));
    sources->spared = calloc(100, sizeof(*sources->spared));
}

void scene_free(struct scene *scene)
{
    struct sources *sources = &scene->logs.sources;

    free(sources->items);
    free(sources->mores);
    free(sources->texts);
    free(sources->mails);
    free(sources->reached);
    free(sources->targets);
    free(sources->evidence);
    free(sources->attackers);
    free(sources->spared);
    names_free(&sources->names);
    intern_free(&sources->domains);
    intern_free(&sources->samples);
    arena_free(&sources->arena);
    free_tables(&scene->logs.join.tops);
    logtally_free(&scene->logs.tally);
    rules_free(scene->rules);
    printed_free(&scene->printed);
}

void scene_add_file(struct scene *scene, const char *path, bool is_assumed)
{
    scene->files[scene->set.count++] =
        (struct log_file){.path = (char *)(uintptr_t)path,
                          .has_stamp = true,
                          .year = 2026,
                          .is_year_assumed = is_assumed,
                          .start = START};
}

uint32_t scene_add_source(struct scene *scene, const char *address,
                          const char *name)
{
    struct sources *sources = &scene->logs.sources;
    struct source *source = &sources->items[sources->count];

    assert_true(ip_parse(slice_from_string(address), &source->ip));
    source->name = names_add(&sources->names, slice_from_string(name));
    source->mail = sources->mail_count++;
    sources->mails[source->mail] =
        (struct source_mail){.messages = sources->count, .bytes = 1000};
    source->first = source->last = START;
    return sources->count++;
}

struct attacker *scene_add_attacker(struct scene *scene, uint32_t source,
                                    const char *sample)
{
    struct sources *sources = &scene->logs.sources;
    struct slice text = slice_from_string(sample);
    uint32_t number = (uint32_t)sources->attacker_count;
    struct attacker *attacker = &sources->attackers[number];

    sources->items[source].guess_sample = intern_add(&sources->samples, text);
    sources->items[source].guess_domain = intern_add(&sources->domains, text);
    sources->targets[sources->items[source].guess_domain].guesses = 7;
    sources->evidence[number] = (struct evidence){
        .line = 12345, .text = (char *)(uintptr_t)text.ptr, .len = 300};
    if (sources->evidence[number].len > text.len)
        sources->evidence[number].len = (uint32_t)text.len;
    sources->evidence_count = number + 1;
    sources->attacker_count++;
    *attacker = (struct attacker){.alarm = number,
                                  .source = source,
                                  .guesses = 20,
                                  .is_exact = true,
                                  .is_listable = true,
                                  .accepted = 3,
                                  .attempts = 25,
                                  .first = START,
                                  .last = START + HOUR};
    return attacker;
}
