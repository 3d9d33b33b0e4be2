/*
 * A queue of which a run took two messages: for tests of what looks at runs,
 * puts them back and frees them. Include cmocka first.
 *
 *     struct spool spool;
 *     held_open(&spool, SPOOL_PLAIN);
 *     held_put_back(&spool, 'q', ID);
 *     assert_int_equal(held_look(&spool).split_count, 1);
 *     spool_close(&spool);
 */
#ifndef QSCAN_TESTS_HELD_H
#define QSCAN_TESTS_HELD_H

#include "qscan/runs.h"
#include "tests/spool.h"

#define RUN "20260101T000000Z-1"
#define LATER_RUN "20260102T000000Z-1"
#define ID "6AMHqPjw023670"
#define OTHER_ID "6AMHqPjw023671"

struct place_request held_request(struct spool *spool);

/* RUN holds two messages, the one of ID with a transcript. */
void held_open(struct spool *spool, enum spool_layout layout);

/* Killed between its control files and what belongs to them. */
void held_open_torn(struct spool *spool, enum spool_layout layout);

void held_assert_all(struct spool *spool);

/* As a crash that forgot this one renaming leaves it. */
void held_put_back(struct spool *spool, char letter, const char *id);

/* Every file and folder gets another inode, and the folders another path. */
void held_copy_queue(struct spool *spool);

/* What holds the journal of a run that is alive. */
struct journal held_keep_alive(struct spool *spool);

struct held_run held_look(struct spool *spool);
bool held_complete(struct spool *spool);

/* How many runs are listed as such; want: this one alone, or NULL. */
size_t held_count_unfinished(struct spool *spool, const char *want);

void held_assert_end(struct spool *spool, bool has_end);

#endif
