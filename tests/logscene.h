/*
 * What logs show, put in by hand: files, sources, attackers. A scene has 40
 * members for crowds and three rules: many-guesses, from-many by domain, and
 * many-questions.
 */
#ifndef QSCAN_TESTS_LOGSCENE_H
#define QSCAN_TESTS_LOGSCENE_H

#include "qscan/attackers.h"
#include "tests/printed.h"

enum { HOUR = 3600, START = 494444 * HOUR }; /* 2026-05-28 20:00 UTC */

struct scene {
    struct options options;
    struct log_set set;
    struct log_file files[12];
    struct complaints complaints;
    struct logread logs;
    uint32_t members[40];
    struct rules *rules;
    struct printed printed;
};

void scene_init(struct scene *scene);
void scene_free(struct scene *scene);

/* path must last. */
void scene_add_file(struct scene *scene, const char *path, bool is_assumed);
/* Its number. */
uint32_t scene_add_source(struct scene *scene, const char *address,
                          const char *name);
/* By many-guesses: 25 tries, 20 guesses, 3 hits. sample is a guess, its domain
 * and the evidence, and must last. */
struct attacker *scene_add_attacker(struct scene *scene, uint32_t source,
                                    const char *sample);

#endif
