/* The journal: written, synced, locked, cut, read again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>

#include "qscan/hold.h"
#include "qscan/journal.h"
#include "tests/folder.h"

static const char CONTROL[] =
    "V8\nT1795369945\nK1795371034\nN5\nP31201\n"
    "MDeferred: Connection refused by mx.example.net.\nFrs\n$_localhost\n"
    "SMAILER-DAEMON\nRPF:<ann@example.net>\nRPF:<\xff\"bob\"@example.net>\n"
    "H??Subject: Returned mail\n.\n";

struct world {
    struct folder folder;
    struct complaints complaints;
    struct queue_set set;
    struct facts_table table;
    struct scene scene;
    struct message message;
};

/* A queue with one message, loaded. */
static void open_world(struct world *world)
{
    struct string_list names = {0};
    struct config config = {0};
    struct queue_listing *listing;

    *world = (struct world){.scene = {.now = 1795375579}};
    complaints_init(&world->complaints, false);
    folder_open(&world->folder);
    folder_make(&world->folder, "q/df");
    folder_write(&world->folder, "q/qf6AMHqPjx023674", CONTROL);
    folder_write(&world->folder, "q/df/df6AMHqPjx023674", "body\n");
    string_list_add(&names,
                    slice_from_string(folder_path(&world->folder, "q")));
    assert_true(queue_open(&world->set, &names, &config, &world->complaints));
    string_list_free(&names);
    listing = queue_list(&world->set, &world->table, NULL, &world->complaints);
    assert_non_null(listing);
    assert_true(queue_join(listing) && queue_finish(listing));
    assert_int_equal(world->table.count, 1);
    world->scene.queues = &world->set;
    message_init(&world->message, &world->scene);
    assert_int_equal(message_load(&world->message, &world->table.rows[0], true),
                     INPUT_OK);
    assert_true(message_need_data_stat(&world->message));
}

static void close_world(struct world *world)
{
    message_free(&world->message);
    facts_free(&world->table);
    queue_close(&world->set);
    folder_close(&world->folder);
}

static const struct queue_folder *control_of(const struct world *world)
{
    return &world->set.folders[world->set.dirs[0].control];
}

static const struct queue_folder *data_of(const struct world *world)
{
    return &world->set.folders[world->set.dirs[0].data];
}

static void add_take(struct world *world, struct buffer *lines)
{
    journal_add_take(lines, &world->message, control_of(world), data_of(world),
                     77, "bounce-zombie", "bounce-to-zombie");
}

static void append(struct world *world, const struct buffer *lines)
{
    struct journal journal = {0};
    char *path = folder_path(&world->folder, "journal");

    if (journal_open(&journal, AT_FDCWD, path, path) != 0)
        assert_int_equal(journal_create(&journal, AT_FDCWD, path, path), 0);
    assert_int_equal(journal_append(&journal, lines), 0);
    journal_close(&journal);
}

struct seen {
    size_t count;
    struct journal_entry last;
    char class[64], rule[64], data_folder[FOLDER_PATH_MAX];
};

static void see(void *context, const struct journal_entry *entry)
{
    struct seen *seen = context;

    seen->count++;
    seen->last = *entry;
    snprintf(seen->class, sizeof(seen->class), "%s", entry->class);
    snprintf(seen->rule, sizeof(seen->rule), "%s", entry->rule);
    snprintf(seen->data_folder, sizeof(seen->data_folder), "%s",
             entry->data_folder == NULL ? "" : entry->data_folder);
}

static struct journal_state read_back(struct world *world, struct seen *seen)
{
    struct journal_state state;

    *seen = (struct seen){0};
    assert_int_equal(journal_read(AT_FDCWD,
                                  folder_path(&world->folder, "journal"), NULL,
                                  see, seen, &state),
                     0);
    return state;
}

static bool is_finished(struct world *world)
{
    bool answer = false;

    assert_int_equal(journal_is_finished(AT_FDCWD,
                                         folder_path(&world->folder, "journal"),
                                         &answer),
                     0);
    return answer;
}

/* ---- lines ---- */

static void test_what_was_written_is_read(void **state)
{
    struct world world;
    struct buffer lines = {0};
    struct seen seen;
    struct journal_state got;

    (void)state;
    open_world(&world);
    journal_add_begin(&lines, "20261122T175225Z-4711", "/q", false);
    add_take(&world, &lines);
    append(&world, &lines);
    got = read_back(&world, &seen);
    assert_true(got.has_begin);
    assert_false(got.has_end || got.is_delete);
    assert_int_equal(got.take_count, 1);
    assert_int_equal(seen.count, 1);
    assert_string_equal(seen.last.id, "6AMHqPjx023674");
    assert_int_equal(seen.last.letter, 'q');
    assert_int_equal(seen.last.created, 1795369945);
    assert_int_equal(seen.last.control.inode,
                     world.message.control_stat.st_ino);
    assert_int_equal(seen.last.data.inode, world.message.data_stat.st_ino);
    assert_int_equal(seen.last.data.size_bytes, sizeof("body\n") - 1);
    assert_int_equal(seen.last.data.mtime, world.message.data_stat.st_mtime);
    assert_int_equal(seen.last.transcript_inode, 77);
    assert_int_equal(seen.last.folder_inode, data_of(&world)->inode);
    assert_int_equal(seen.last.control_folder_inode, control_of(&world)->inode);
    assert_string_equal(seen.data_folder, data_of(&world)->path);
    assert_string_equal(seen.class, "bounce-zombie");
    assert_string_equal(seen.rule, "bounce-to-zombie");
    buffer_free(&lines);
    close_world(&world);
}

/* Owner, mode and times of what goes, whatever its bytes. */
static void test_take_line_says_what_went(void **state)
{
    struct world world;
    struct buffer lines = {0};
    json_t *line, *control;

    (void)state;
    open_world(&world);
    add_take(&world, &lines);
    assert_int_equal(lines.bytes[lines.len - 1], '\n');
    assert_null(memchr(lines.bytes, '\n', lines.len - 1));
    line = json_loadb(lines.bytes, lines.len, 0, NULL);
    assert_non_null(line);
    control = json_object_get(line, "qf");
    assert_int_equal(json_integer_value(json_object_get(control, "mode")),
                     0600);
    assert_int_equal(json_integer_value(json_object_get(control, "uid")),
                     getuid());
    assert_int_equal(json_integer_value(json_object_get(control, "mtime")),
                     world.message.control_stat.st_mtime);
    assert_int_equal(json_integer_value(json_object_get(control, "size")),
                     sizeof(CONTROL) - 1);
    assert_int_equal(json_array_size(json_object_get(line, "recipients")), 2);
    assert_int_equal(json_array_size(json_object_get(line, "lossy")), 1);
    assert_string_equal(json_string_value(json_object_get(line, "sender")),
                        "MAILER-DAEMON");
    json_decref(line);
    buffer_free(&lines);
    close_world(&world);
}

/* ---- begun, ended ---- */

static void test_what_ends_a_journal(void **state)
{
    static const struct {
        const char *events; /* b t e u(ndo-begin) U(ndo) x(punge-begin) X */
        bool has_end;
    } cases[] = {
        {"b", false},    {"bt", false},     {"bte", true},
        {"btet", false}, {"bteu", false},   {"bteuU", true},
        {"btuU", true},  {"bteuUuU", true}, {"bteuUu", false},
        {"be", true},    {"e", true},       {"bteb", true},
        {"btex", false}, {"btexX", true},   {"btexXu", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct world world;
        struct buffer lines = {0};
        struct seen seen;

        open_world(&world);
        for (const char *event = cases[i].events; *event != '\0'; event++) {
            if (*event == 'b')
                journal_add_begin(&lines, "run", "/q", true);
            else if (*event == 't')
                add_take(&world, &lines);
            else if (*event == 'e')
                journal_add_end(&lines, 1, false);
            else if (*event == 'u')
                journal_add_undo_begin(&lines);
            else if (*event == 'U')
                journal_add_undo(&lines, 1, 0);
            else if (*event == 'x')
                journal_add_expunge_begin(&lines, control_of(&world), 1);
            else
                journal_add_expunge(&lines, control_of(&world), 1, 0);
        }
        append(&world, &lines);
        if (read_back(&world, &seen).has_end != cases[i].has_end)
            fail_msg("%s", cases[i].events);
        /* the last line alone says the same, but for a begin after the end,
         * which no run writes */
        if (strcmp(cases[i].events, "bteb") != 0)
            assert_int_equal(is_finished(&world), cases[i].has_end);
        buffer_free(&lines);
        close_world(&world);
    }
}

/* Of the folder that is asked about, in a journal that several share. */
static void test_expunges_of_one_folder(void **state)
{
    struct world world;
    struct buffer lines = {0};
    struct queue_folder other;
    struct journal_state got;
    const char *path;

    (void)state;
    open_world(&world);
    path = folder_path(&world.folder, "journal");
    other = *control_of(&world);
    other.device++; /* the roots of two disks have one inode */
    journal_add_end(&lines, 5, false);
    journal_add_expunge_begin(&lines, control_of(&world), 5);
    journal_add_expunge(&lines, control_of(&world), 2, 3);
    journal_add_expunge_begin(&lines, control_of(&world), 3);
    append(&world, &lines);
    assert_int_equal(
        journal_read(AT_FDCWD, path, control_of(&world), NULL, NULL, &got), 0);
    assert_true(got.is_expunging && !got.has_end);
    assert_int_equal(got.expunging_held, 3);
    assert_int_equal(got.expunged_count, 2);
    assert_int_equal(journal_read(AT_FDCWD, path, &other, NULL, NULL, &got), 0);
    assert_true(!got.is_expunging && got.has_end);
    assert_int_equal(got.expunged_count, 0);
    buffer_free(&lines);
    close_world(&world);
}

static void test_delete_is_remembered(void **state)
{
    struct world world;
    struct buffer lines = {0};
    struct seen seen;

    (void)state;
    open_world(&world);
    journal_add_begin(&lines, "run", "/q", true);
    append(&world, &lines);
    assert_true(read_back(&world, &seen).is_delete);
    buffer_free(&lines);
    close_world(&world);
}

/* ---- damage ---- */

/* Cut at every byte: whole lines count, the cut one does not, and what is
 * appended after it is read. */
static void test_cut_anywhere_and_written_on(void **state)
{
    struct world world;
    struct buffer lines = {0}, end = {0};
    size_t first_end;

    (void)state;
    open_world(&world);
    journal_add_begin(&lines, "run", "/q", false);
    first_end = lines.len;
    add_take(&world, &lines);
    journal_add_end(&end, 1, true);
    for (size_t cut = 0; cut <= lines.len; cut++) {
        struct seen seen;
        struct journal_state got;

        folder_write_bytes(&world.folder, "journal", lines.bytes, cut);
        got = read_back(&world, &seen);
        assert_int_equal(got.has_begin, cut >= first_end);
        assert_int_equal(seen.count, cut == lines.len);
        assert_false(got.has_end);
        assert_false(is_finished(&world));
        append(&world, &end);
        got = read_back(&world, &seen);
        assert_true(got.has_end);
        assert_true(is_finished(&world));
        /* a line that lacked its end alone is whole again */
        assert_int_equal(seen.count, cut + 1 >= lines.len);
    }
    buffer_free(&lines);
    buffer_free(&end);
    close_world(&world);
}

static void test_lines_of_no_meaning_are_passed_over(void **state)
{
    static const char text[] =
        "\n{}\n[]\nnull\nnonsense\n{\"event\":7}\n{\"event\":\"other\"}\n"
        "{\"event\":\"take\"}\n{\"event\":\"take\",\"id\":7,\"letter\":\"q\"}\n"
        "{\"event\":\"take\",\"id\":\"x\",\"letter\":\"d\"}\n"
        "{\"event\":\"take\",\"id\":\"x\",\"letter\":\"\"}\n"
        "{\"event\":\"take\",\"id\":\"0123456789012345678\","
        "\"letter\":\"q\"}\n"
        "{\"event\":\"take\",\"id\":\"good\",\"letter\":\"h\"}\n";
    struct world world;
    struct seen seen;

    (void)state;
    open_world(&world);
    folder_write_bytes(&world.folder, "journal", text, sizeof(text) - 1);
    assert_int_equal(read_back(&world, &seen).take_count, 1);
    assert_string_equal(seen.last.id, "good");
    assert_int_equal(seen.last.letter, 'h');
    assert_int_equal(seen.last.transcript_inode, 0);
    close_world(&world);
}

static void test_end_behind_very_long_lines(void **state)
{
    enum { LONG = 3 * 1024 * 1024 };
    struct world world;
    struct buffer end = {0};
    struct seen seen;
    char *text = malloc(LONG);

    (void)state;
    open_world(&world);
    memset(text, 'x', LONG);
    text[LONG - 1] = '\n';
    folder_write_bytes(&world.folder, "journal", text, LONG);
    free(text);
    assert_false(is_finished(&world));
    journal_add_end(&end, 0, false);
    append(&world, &end);
    assert_true(is_finished(&world));
    assert_true(read_back(&world, &seen).has_end);
    buffer_free(&end);
    close_world(&world);
}

/* ---- files ---- */

static void test_locked_while_its_run_lives(void **state)
{
    struct world world;
    struct journal one = {0}, two = {0};
    char path[FOLDER_PATH_MAX];

    (void)state;
    open_world(&world);
    snprintf(path, sizeof(path), "%s", folder_path(&world.folder, "journal"));
    assert_int_equal(journal_create(&one, AT_FDCWD, path, path), 0);
    assert_int_equal(journal_create(&two, AT_FDCWD, path, path), EEXIST);
    assert_int_equal(journal_open(&two, AT_FDCWD, path, path), EWOULDBLOCK);
    journal_close(&two);
    journal_close(&one);
    assert_int_equal(journal_open(&two, AT_FDCWD, path, path), 0);
    journal_close(&two);
    close_world(&world);
}

static void test_errors_of_opening(void **state)
{
    struct world world;
    struct journal journal = {0};
    struct journal_state got;
    struct seen seen;
    bool answer;

    (void)state;
    open_world(&world);
    folder_write(&world.folder, "real", "");
    folder_need(symlink("real", folder_path(&world.folder, "link")) == 0,
                "symlink");
    folder_need(mkfifo(folder_path(&world.folder, "fifo"), 0600) == 0,
                "mkfifo");
    assert_int_equal(journal_open(&journal, AT_FDCWD,
                                  folder_path(&world.folder, "none"), "x"),
                     ENOENT);
    assert_int_equal(journal_open(&journal, AT_FDCWD,
                                  folder_path(&world.folder, "link"), "x"),
                     ELOOP);
    assert_int_equal(journal_open(&journal, AT_FDCWD,
                                  folder_path(&world.folder, "fifo"), "x"),
                     EINVAL);
    assert_int_equal(journal_read(AT_FDCWD, folder_path(&world.folder, "link"),
                                  NULL, see, &seen, &got),
                     ELOOP);
    /* a read that fails is not the end */
    folder_make(&world.folder, "unreadable");
    assert_int_equal(journal_read(AT_FDCWD,
                                  folder_path(&world.folder, "unreadable"),
                                  NULL, see, &seen, &got),
                     EISDIR);
    assert_int_equal(journal_is_finished(
                         AT_FDCWD, folder_path(&world.folder, "none"), &answer),
                     ENOENT);
    journal_close(&journal);
    close_world(&world);
}

static void test_full_disk_is_told(void **state)
{
    struct journal journal = {.path = NULL};
    struct buffer line = {0};

    (void)state;
    journal_add_undo_begin(&line);
    journal.fd = open("/dev/full", O_RDWR | O_APPEND);
    journal.path = strdup("full");
    pthread_mutex_init(&journal.lock, NULL);
    assert_true(journal.fd >= 0);
    assert_int_equal(journal_append(&journal, &line), ENOSPC);
    journal_close(&journal);
    buffer_free(&line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_written_is_read),
        cmocka_unit_test(test_take_line_says_what_went),
        cmocka_unit_test(test_what_ends_a_journal),
        cmocka_unit_test(test_expunges_of_one_folder),
        cmocka_unit_test(test_delete_is_remembered),
        cmocka_unit_test(test_cut_anywhere_and_written_on),
        cmocka_unit_test(test_lines_of_no_meaning_are_passed_over),
        cmocka_unit_test(test_end_behind_very_long_lines),
        cmocka_unit_test(test_locked_while_its_run_lives),
        cmocka_unit_test(test_errors_of_opening),
        cmocka_unit_test(test_full_disk_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
