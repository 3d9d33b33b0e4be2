#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "tests/held.h"

struct place_request held_request(struct spool *spool)
{
    return (struct place_request){.queues = &spool->set,
                                  .options = &spool->options,
                                  .complaints = &spool->complaints};
}

void held_open(struct spool *spool, enum spool_layout layout)
{
    spool_open(spool, layout);
    spool_write(spool, ID, "dead");
    spool_write(spool, OTHER_ID, "dead");
    folder_write(&spool->folder, spool_queued(spool, 'x', ID), "said");
    spool_run(spool, RUN, false);
}

void held_open_torn(struct spool *spool, enum spool_layout layout)
{
    held_open(spool, layout);
    held_put_back(spool, 'd', ID);
    held_put_back(spool, 'x', ID);
    spool_cut_end(spool, RUN);
}

void held_assert_all(struct spool *spool)
{
    spool_assert_held(spool, RUN, ID);
    spool_assert_held(spool, RUN, OTHER_ID);
    spool_assert_file(spool, spool_held(spool, RUN, 'x', ID), "said");
    spool_assert_file(spool, spool_queued(spool, 'x', ID), NULL);
}

void held_put_back(struct spool *spool, char letter, const char *id)
{
    spool_move(spool, spool_held(spool, RUN, letter, id),
               spool_queued(spool, letter, id));
}

void held_copy_queue(struct spool *spool)
{
    char command[3 * FOLDER_PATH_MAX];

    snprintf(command, sizeof(command), "cd '%s' && cp -a q copy && mv q old",
             folder_path(&spool->folder, "."));
    folder_need(system(command) == 0, command);
    spool_move(spool, "copy", "q");
    spool_scan(spool);
}

struct journal held_keep_alive(struct spool *spool)
{
    const char *path = folder_path(&spool->folder, spool_journal(spool, RUN));
    struct journal journal = {.path = NULL};

    assert_int_equal(journal_open(&journal, AT_FDCWD, path, path), 0);
    return journal;
}

struct held_run held_look(struct spool *spool)
{
    struct place_request request = held_request(spool);
    struct held_run run;

    assert_true(runs_look_at(&request, RUN, 0, &run));
    return run;
}

bool held_complete(struct spool *spool)
{
    struct place_request request = held_request(spool);

    return runs_complete(&request, RUN);
}

size_t held_count_unfinished(struct spool *spool, const char *want)
{
    struct place_request request = held_request(spool);
    struct string_list runs = {0};
    size_t count;

    runs_list_unfinished(&request, &runs);
    count = runs.count;
    if (want != NULL && (count != 1 || strcmp(runs.strings[0], want) != 0))
        fail_msg("%zu runs, not %s alone", count, want);
    string_list_free(&runs);
    return count;
}

void held_assert_end(struct spool *spool, bool has_end)
{
    struct journal_state state;

    assert_int_equal(
        journal_read(AT_FDCWD,
                     folder_path(&spool->folder, spool_journal(spool, RUN)),
                     NULL, NULL, NULL, &state),
        0);
    assert_int_equal(state.has_end, has_end);
}
