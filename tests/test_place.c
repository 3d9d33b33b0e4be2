/* One run in one control folder: what is read, asked, locked and moved. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "qscan/place.h"
#include "tests/held.h"

/* That of the queue's only control folder. */
static void open_place(struct spool *spool, struct place *place)
{
    static struct place_request request;

    request = held_request(spool);
    for (size_t i = 0; i < spool->set.folder_count; i++)
        if (place_open(place, &request, RUN, (uint16_t)i))
            return;
    fail_msg("no place");
}

static void open_held(struct spool *spool, struct place *place,
                      enum spool_layout layout)
{
    held_open(spool, layout);
    open_place(spool, place);
}

static void close_held(struct spool *spool, struct place *place)
{
    place_close(place);
    spool_close(spool);
}

static const struct held *held_of(const struct place *place, const char *id)
{
    for (size_t i = 0; i < place->held.count; i++)
        if (strcmp(place->held.items[i].id, id) == 0)
            return &place->held.items[i];
    fail_msg("%s: not in the journal", id);
    return NULL;
}

/* ---- all places of a run ---- */

struct walk {
    size_t place_count, held_count, limit;
};

static bool count_place(void *context, struct place *place)
{
    struct walk *walk = context;

    walk->held_count += place->held.count;
    return ++walk->place_count < walk->limit;
}

/* Two queues, in each of which a run took a message. */
static void open_two(struct spool *spool)
{
    static const char take[] =
        "{\"event\":\"begin\",\"action\":\"hold\"}\n"
        "{\"event\":\"take\",\"id\":\"" ID "\",\"letter\":\"q\"}\n"
        "{\"event\":\"end\"}\n";

    spool_open(spool, SPOOL_PLAIN);
    folder_make(&spool->folder, "q/one/.qscan/" RUN);
    folder_make(&spool->folder, "q/two/.qscan/" RUN);
    folder_write(&spool->folder, "q/one/qf" OTHER_ID, "V8\n");
    folder_write(&spool->folder, "q/two/qf" OTHER_ID, "V8\n");
    spool_scan(spool);
    folder_write(&spool->folder, "q/one/.qscan/" RUN "/journal", take);
    folder_write(&spool->folder, "q/two/.qscan/" RUN "/journal", take);
    complaints_init(&spool->complaints, true);
}

static void test_walk_over_all_places(void **state)
{
    struct spool spool;
    struct place_request request;
    struct walk all = {.limit = 9}, first = {.limit = 1}, none = {.limit = 9};

    (void)state;
    open_two(&spool);
    request = held_request(&spool);
    assert_true(place_walk(&request, RUN, count_place, &all));
    assert_int_equal(all.place_count, 2);
    assert_int_equal(all.held_count, 2);
    assert_true(place_walk(&request, RUN, count_place, &first));
    assert_int_equal(first.place_count, 1);
    assert_false(place_walk(&request, LATER_RUN, count_place, &none));
    assert_int_equal(none.place_count, 0);
    spool_assert_complaints(&spool, 0, NULL);
    spool_close(&spool);
}

static void test_place_whose_journal_cannot_be_read(void **state)
{
    struct spool spool;
    struct place_request request;
    struct walk walk = {.limit = 9};
    const char *journal;

    (void)state;
    open_two(&spool);
    journal = folder_path(&spool.folder, "q/one/.qscan/" RUN "/journal");
    folder_need(unlink(journal) == 0 && symlink("/dev/null", journal) == 0,
                journal);
    request = held_request(&spool);
    assert_true(place_walk(&request, RUN, count_place, &walk));
    assert_int_equal(walk.place_count, 1);
    spool_assert_complaints(&spool, 1, "journal cannot be read");
    spool_close(&spool);
}

/* ---- what the journal names ---- */

static void test_without_a_journal_it_is_a_place(void **state)
{
    struct spool spool;
    struct place place;

    (void)state;
    held_open(&spool, SPOOL_PLAIN);
    spool_remove(&spool, spool_journal(&spool, RUN));
    open_place(&spool, &place);
    assert_false(place.has_journal);
    assert_int_equal(place.held.count, 0);
    assert_false(place_is_half_done(&place));
    close_held(&spool, &place);
}

static struct queue_folder *folder_named(struct spool *spool, const char *name)
{
    const char *path = folder_path(&spool->folder, name);

    for (size_t i = 0; i < spool->set.folder_count; i++)
        if (strcmp(spool->set.folders[i].path, path) == 0)
            return &spool->set.folders[i];
    fail_msg("%s: no folder of the queue", name);
    return NULL;
}

/* A folder is known by its path, else by its inode, which two disks may both
 * have: then by what it holds. */
static void test_folder_of_df_by_path_or_inode(void **state)
{
    (void)state;
    for (int is_moved = 0; is_moved <= 1; is_moved++) {
        struct spool spool;
        struct place place;
        struct queue_folder *data, *other;
        char *path;

        held_open(&spool, SPOOL_PARTED);
        data = folder_named(&spool, "q/df");
        other = folder_named(&spool, "q");
        other->inode = data->inode;
        other->holds_data = true;
        path = data->path;
        if (is_moved)
            data->path = (char *)"elsewhere"; /* the queue was mounted anew */
        open_place(&spool, &place);
        for (size_t i = 0; i < place.held.count; i++)
            assert_ptr_equal(place_folder(&place, place.held.items[i].data),
                             data);
        assert_int_equal(place.held.count, 2);
        data->path = path;
        close_held(&spool, &place);
    }
}

/* What is not held anywhere lay in the folder that belongs to this one. */
static void test_folder_of_df_that_is_not_held(void **state)
{
    struct spool spool;
    struct place place;
    struct queue_folder *data;
    ino_t inode;

    (void)state;
    held_open(&spool, SPOOL_PARTED);
    held_put_back(&spool, 'd', ID);
    data = folder_named(&spool, "q/df");
    inode = data->inode;
    for (int is_copy = 0; is_copy <= 1; is_copy++) {
        data->inode = inode + (ino_t)is_copy;
        open_place(&spool, &place);
        assert_ptr_equal(place_folder(&place, held_of(&place, ID)->data), data);
        place_close(&place);
    }
    spool_close(&spool);
}

/* ---- locking ---- */

static void test_who_locks_has_it_alone(void **state)
{
    struct spool spool;
    struct place place, other;

    (void)state;
    open_held(&spool, &place, SPOOL_PLAIN);
    open_place(&spool, &other);
    assert_int_equal(place_try_lock(&place), 0);
    assert_int_equal(place_lock(&place), 0); /* trying left no lock */
    assert_int_equal(place_try_lock(&other), EWOULDBLOCK);
    assert_int_equal(place_lock(&other), EWOULDBLOCK);
    place_close(&place);
    assert_int_equal(place_lock(&other), 0);
    close_held(&spool, &other);
}

/* Only a run that had not come to its end can have gone on. */
static void test_what_was_added_before_the_lock(void **state)
{
    static const char take[] =
        "{\"event\":\"take\",\"id\":\"6AMHqPjw023672\",\"letter\":\"q\"}\n";

    (void)state;
    for (int has_end = 0; has_end <= 1; has_end++) {
        struct spool spool;
        struct place place;

        held_open(&spool, SPOOL_PLAIN);
        if (!has_end)
            spool_cut_end(&spool, RUN);
        open_place(&spool, &place);
        assert_int_equal(place_is_half_done(&place), !has_end);
        spool_append(&spool, spool_journal(&spool, RUN), take);
        assert_int_equal(place_lock(&place), 0);
        assert_int_equal(place.held.count, has_end ? 2 : 3);
        close_held(&spool, &place);
    }
}

/* ---- files of a message ---- */

static void test_held_or_queued(void **state)
{
    static const char letters[] = "qdx";

    (void)state;
    for (int layout = SPOOL_PLAIN; layout <= SPOOL_PARTED; layout++) {
        struct spool spool;
        struct place place;
        const struct held *held;
        struct stat st;

        open_held(&spool, &place, (enum spool_layout)layout);
        held = held_of(&place, ID);
        assert_int_equal(place_count_held(&place), 2);
        assert_true(place_is_control_held(&place, held));
        assert_false(place_has_control_anywhere(&place, held));
        for (const char *letter = letters; *letter != '\0'; letter++) {
            const struct queue_folder *folder =
                queue_folder_for(&spool.set, 0, *letter);
            size_t number = (size_t)(folder - spool.set.folders);

            assert_true(place_is_held_file(&place, number, *letter, held, &st));
            assert_false(
                place_is_queue_file(&place, number, *letter, held, &st));
            assert_int_equal(place_put_back(&place, number, *letter, held), 0);
            assert_false(
                place_is_held_file(&place, number, *letter, held, &st));
            assert_true(
                place_is_queue_file(&place, number, *letter, held, &st));
        }
        assert_int_equal(place_count_held(&place), 1);
        assert_true(place_has_control_anywhere(&place, held));
        close_held(&spool, &place);
    }
}

static void test_nothing_is_put_over_what_exists(void **state)
{
    struct spool spool;
    struct place place;
    const struct held *held;

    (void)state;
    open_held(&spool, &place, SPOOL_PLAIN);
    held = held_of(&place, ID);
    folder_write(&spool.folder, "q/df" ID, "of somebody else");
    assert_int_equal(place_put_back(&place, held->data, 'd', held), EEXIST);
    spool_assert_file(&spool, "q/df" ID, "of somebody else");
    spool_remove(&spool, "q/df" ID);
    spool_assert_held(&spool, RUN, ID);
    close_held(&spool, &place);
}

static void test_rewrites_and_lost_ones_are_control_files(void **state)
{
    static const char letters[] = "qhQtT";

    (void)state;
    for (const char *letter = letters; *letter != '\0'; letter++) {
        struct spool spool;
        struct place place;

        open_held(&spool, &place, SPOOL_PARTED);
        folder_write(&spool.folder, spool_queued(&spool, *letter, ID), "V8\n");
        assert_true(place_has_control_anywhere(&place, held_of(&place, ID)));
        assert_false(
            place_has_control_anywhere(&place, held_of(&place, OTHER_ID)));
        close_held(&spool, &place);
    }
}

static void test_split_is_reunited(void **state)
{
    struct spool spool;
    struct place place;
    const struct held *held;

    (void)state;
    open_held(&spool, &place, SPOOL_PARTED);
    held = held_of(&place, ID);
    assert_false(place_is_split(&place, held));
    assert_int_equal(place_reunite(&place, held), ENOENT);
    held_put_back(&spool, 'q', ID);
    assert_true(place_is_split(&place, held));
    /* with a df of its own it is whole */
    folder_write(&spool.folder, "q/df/df" ID, "x");
    assert_false(place_is_split(&place, held));
    spool_remove(&spool, "q/df/df" ID);
    assert_int_equal(place_reunite(&place, held), 0);
    assert_false(place_is_split(&place, held));
    spool_assert_queued(&spool, ID);
    spool_assert_file(&spool, "q/xf/xf" ID, "said");
    spool_assert_complaints(&spool, 0, NULL);
    close_held(&spool, &place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_walk_over_all_places),
        cmocka_unit_test(test_place_whose_journal_cannot_be_read),
        cmocka_unit_test(test_without_a_journal_it_is_a_place),
        cmocka_unit_test(test_folder_of_df_by_path_or_inode),
        cmocka_unit_test(test_folder_of_df_that_is_not_held),
        cmocka_unit_test(test_who_locks_has_it_alone),
        cmocka_unit_test(test_what_was_added_before_the_lock),
        cmocka_unit_test(test_held_or_queued),
        cmocka_unit_test(test_nothing_is_put_over_what_exists),
        cmocka_unit_test(test_rewrites_and_lost_ones_are_control_files),
        cmocka_unit_test(test_split_is_reunited),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
