/* Queue directories in every layout, and what is found in them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "qscan/queue.h"
#include "tests/folder.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { ROWS_MAX = 64, LINE_MAX_BYTES = 4096 };

/*
 * A small language for trees, blank-separated: "a/" a folder, "a" an empty
 * file, "a->b" a link with that text.
 */
static void make_tree(struct folder *folder, const char *tree)
{
    char words[LINE_MAX_BYTES];

    snprintf(words, sizeof(words), "%s", tree);
    for (char *word = strtok(words, " "); word != NULL;
         word = strtok(NULL, " ")) {
        char *arrow = strstr(word, "->");

        if (arrow != NULL) {
            *arrow = '\0';
            folder_need(symlink(arrow + 2, folder_path(folder, word)) == 0,
                        word);
        } else if (word[strlen(word) - 1] == '/') {
            word[strlen(word) - 1] = '\0';
            folder_make(folder, word);
        } else {
            folder_write(folder, word, "");
        }
    }
}

struct opened {
    struct queue_set set;
    struct config config;
    struct complaints complaints;
    struct facts_table table;
    bool is_open;
};

static void add_names(struct folder *folder, struct string_list *list,
                      const char *names)
{
    char words[LINE_MAX_BYTES];

    snprintf(words, sizeof(words), "%s", names);
    for (char *word = strtok(words, " "); word != NULL;
         word = strtok(NULL, " "))
        assert_true(string_list_add(
            list, slice_from_string(folder_path(folder, word))));
}

static void open_queues(struct opened *opened, struct folder *folder,
                        const char *names, const char *config_names)
{
    struct string_list list = {0};

    *opened = (struct opened){.is_open = false};
    complaints_init(&opened->complaints, false);
    facts_init(&opened->table);
    add_names(folder, &list, names);
    add_names(folder, &opened->config.queues, config_names);
    opened->is_open =
        queue_open(&opened->set, &list, &opened->config, &opened->complaints);
    string_list_free(&list);
}

static void list_queues(struct opened *opened)
{
    struct queue_listing *listing =
        queue_list(&opened->set, &opened->table, NULL, &opened->complaints);

    assert_non_null(listing);
    assert_true(queue_join(listing));
    assert_true(queue_finish(listing));
}

static void close_queues(struct opened *opened)
{
    queue_close(&opened->set);
    facts_free(&opened->table);
    config_free(&opened->config);
}

/* "DIR:LETTERid+beside", sorted: "0:qA+dx" is qfA of the first directory with
 * its df and an xf; beside: d x t, 2 = another control file, ! = orphan. */
static void describe(const struct opened *opened,
                     char line[static LINE_MAX_BYTES])
{
    uint32_t *order = facts_order_by_id(&opened->table);

    line[0] = '\0';
    for (size_t i = 0; i < opened->table.count; i++) {
        const struct facts *row = &opened->table.rows[order[i]];
        char part[128];

        snprintf(part, sizeof(part), "%s%u:%c%.*s%s%s%s%s%s%s",
                 i == 0 ? "" : " ", row->dir, row->letter, row->id_len, row->id,
                 row->beside != 0 ? "+" : "",
                 (row->beside & BESIDE_DATA) != 0 ? "d" : "",
                 (row->beside & BESIDE_TRANSCRIPT) != 0 ? "x" : "",
                 (row->beside & BESIDE_REWRITE) != 0 ? "t" : "",
                 (row->beside & BESIDE_CONTROL) != 0 ? "2" : "",
                 row->state == FACTS_ORPHAN ? "!" : "");
        strcat(line, part);
    }
    free(order);
}

static const struct {
    const char *title, *tree, *names, *want;
    size_t dirs, complaints;
} layouts[] = {
    {"flat", "q/ q/qfA q/dfA q/hfB q/dfB q/QfC q/dfC", "q",
     "0:qA+d 0:hB+d 0:QC+d", 1, 0},
    {"empty", "q/", "q", "", 1, 0},
    {"subdirectories", "q/qf/ q/df/ q/xf/ q/qf/qfA q/df/dfA q/xf/xfA", "q",
     "0:qA+dx", 1, 0},
    {"df alone below", "q/df/ q/qfA q/df/dfA q/xfA", "q", "0:qA+dx", 1, 0},
    {"df a link to another disk", "disk/ q/qf/ q/df->../disk q/qf/qfA disk/dfA",
     "q", "0:qA+d", 1, 0},
    {"queue a link", "real/ real/qfA real/dfA q->real", "q", "0:qA+d", 1, 0},
    {"df in the wrong folder", "q/qf/ q/df/ q/qf/qfA q/qf/dfA", "q", "0:qA", 1,
     0},
    {"wildcard", "q/a1/ q/a2/ q/b/ q/a1/qfA q/a2/qfB q/b/qfC", "q/a*",
     "0:qA 1:qB", 2, 0},
    {"wildcard over links and files",
     "q/a1/ q/a1/qfA far/ far/qfB q/a2->../far q/a3 q/a4->nowhere", "q/a*",
     "0:qA 1:qB", 2, 0},
    {"wildcard and the same twice", "q/a1/ q/a1/qfA q/a2->a1", "q/a* q/a1",
     "0:qA", 1, 0},
    {"wildcard without prefix", "q/a/ q/b/ q/a/qfA q/b/qfB q/.h/ q/.h/qfC",
     "q/*", "0:qA 1:qB", 2, 0},
    {"named twice, once through a link", "q/ q/qfA p->q", "q q/ p q/../q",
     "0:qA", 1, 0},
    {"base of queues", "q/a/ q/a/qfA q/b/qf/ q/b/qf/qfB q/c/ q/c/words", "q",
     "0:qA 1:qB", 2, 0},
    {"base of queues, one a link, and the same once more",
     "far/ far/qfB q/a/ q/a/qfA q/b->../far", "q far q/a q", "0:qA 1:qB", 2, 0},
    {"base of queues and of a queue group",
     "q/a/ q/a/qfA q/slow/s1/ q/slow/s1/qfB q/slow/s2/df/ q/slow/s2/df/dfC",
     "q", "0:qA 1:qB 2:dC!", 3, 0},
    {"base of nothing but a queue group", "q/slow/s1/ q/slow/s1/qfA", "q",
     "0:qA", 1, 0},
    {"group named beside its base", "q/a/ q/a/qfA q/s/s1/ q/s/s1/qfB",
     "q/s q q/s/s1 q", "0:qB 1:qA", 2, 0},
    {"three levels below", "q/a/ q/a/qfA q/b/c/d/ q/b/c/d/qfB", "q", "0:qA", 1,
     0},
    {"directories below a queue", "q/a/ q/a/qfA q/a/b/ q/a/b/qfB", "q", "0:qA",
     1, 0},
    {"links two levels below, and a link to a group",
     "far/s/ far/s/qfB q/a/ q/a/qfA q/b/ q/b/s->../../far/s q/c->../far", "q",
     "0:qA", 1, 0},
    {"base of queues with a link upwards", "q/a/ q/a/qfA q/b/ q/b/up->../..",
     "q", "0:qA", 1, 0},
    {"folders named like queue files", "q/a/ q/a/qfA q/b/ q/b/dfu/ q/xfce/",
     "q", "0:qA", 1, 0},
    {"hidden folders below",
     "q/a/ q/a/qfA q/b/.c/ q/b/.c/qfB q/.d/e/ "
     "q/.d/e/qfC",
     "q", "0:qA", 1, 0},
    {"all is held: in the queue itself, one below, two below",
     "q/.qscan/ q/lost+found/ p/a/.qscan/ r/s/t/.qscan/r/ r/s/t/.qscan/r/A.qf",
     "q p r", "", 3, 0},
    {"two that share a df folder",
     "disk/ a/qf/ b/qf/ a/df->../disk b/df->../disk a/qf/qfA b/qf/qfB disk/dfA "
     "disk/dfB",
     "a b", "0:qA+d 1:qB+d", 2, 0},
    {"missing beside a good one", "q/ q/qfA", "none q", "0:qA", 1, 1},
    {"orphans of all kinds", "q/ q/dfA q/xfB q/tfC q/TfD q/qfE q/dfE", "q",
     "0:dA! 0:xB! 0:tC! 0:TD! 0:qE+d", 1, 0},
    {"df here, control file in another directory", "a/ b/ a/dfA b/qfA", "a b",
     "1:qA", 2, 0},
    {"xf of another directory's message", "a/ b/ a/xfA b/qfA b/dfA", "a b",
     "1:qA+dx", 2, 0},
    {"tf beside it, and elsewhere", "a/ b/ a/qfA a/tfA b/qfB a/tfB", "a b",
     "0:qA+t 1:qB", 2, 0},
    {"two control files of one id", "q/ q/qfA q/hfA q/dfA q/qfB", "q",
     "0:hA+d2 0:qA+d2 0:qB", 1, 0},
    {"one id in two directories", "a/ b/ a/qfA b/qfA a/dfA", "a b",
     "0:qA+d2 1:qA+2", 2, 0},
    {"names that only look so",
     "q/ q/qf q/df q/xfil q/QF1 q/qF1 q/Qf q/q q/readme q/.qfA q/rfA q/qfA",
     "q", "0:qA 0:xil!", 1, 0},
    {"long and longest names",
     "q/ q/qf012345678901234567 q/qf0123456789012345678 "
     "q/df0123456789012345678",
     "q", "0:q012345678901234567", 1, 0},
    {"a folder named qf, df in another, and one alone",
     "q/qf/ q/qf/qfA p/df/ p/df/qfB", "q/qf p/df", "0:qA 1:qB", 2, 0},
    {"a folder named qf beside a file named df", "q/qf/ q/qf/qfA q/df", "q/qf",
     "0:qA", 1, 0},
    {"a folder of a queue beside the queue",
     "q/qf/ q/df/ q/xf/ q/qf/qfA q/df/dfA", "q/df/ q q/qf q/xf", "0:qA+d", 1,
     3},
    {"holding folder is not looked into",
     "q/ q/qfA q/.qscan/ q/.qscan/x/ q/.qscan/x/B.qf q/.qscan/qfC", "q", "0:qA",
     1, 0},
};

static void test_layouts(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(layouts); i++) {
        struct folder folder;
        struct opened opened;
        char got[LINE_MAX_BYTES];

        folder_open(&folder);
        make_tree(&folder, layouts[i].tree);
        open_queues(&opened, &folder, layouts[i].names, "");
        assert_true(opened.is_open);
        list_queues(&opened);
        describe(&opened, got);
        if (strcmp(got, layouts[i].want) != 0 ||
            opened.set.dir_count != layouts[i].dirs ||
            opened.complaints.count != layouts[i].complaints)
            fail_msg("%s: got \"%s\" in %zu directories, %zu complaints",
                     layouts[i].title, got, opened.set.dir_count,
                     opened.complaints.count);
        close_queues(&opened);
        folder_close(&folder);
    }
}

static const struct {
    const char *title, *tree, *names;
} refused[] = {
    {"not there", "x/", "none"},
    {"a file", "words", "words"},
    {"no queue file in it", "q/ q/words q/more", "q"},
    {"no queue in the folders below", "q/a/ q/a/words q/b/", "q"},
    {"wildcard that matches nothing", "q/a/", "q/b*"},
    {"wildcard that matches files only", "q/ q/b1", "q/b*"},
    {"wildcard of no folder", "x/", "none/b*"},
    {"link to itself", "q->q", "q"},
    {"control files of a queue", "q/qf/ q/df/ q/qf/qfA q/df/dfA", "q/qf"},
    {"data files of a queue", "q/qf/ q/df/ q/qf/qfA q/df/dfA", "q/df//"},
    {"transcripts of a queue", "q/df/ q/xf/ q/xf/xfA", "q/xf"},
    {"folder of a queue, by a dot", "q/qf/ q/df/ q/qf/qfA", "q/qf/."},
    {"folder of a queue, by a link", "q/qf/ q/df/ q/qf/qfA p->q/qf", "p"},
    {"folder of a queue, others on another disk",
     "disk/ q/qf/ q/df->../disk q/qf/qfA", "q/qf"},
    {"folder of a queue, by a wildcard", "q/qf/ q/df/ q/qf/qfA", "q/q*"},
};

static void test_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(refused); i++) {
        struct folder folder;
        struct opened opened;

        folder_open(&folder);
        make_tree(&folder, refused[i].tree);
        open_queues(&opened, &folder, refused[i].names, "");
        if (opened.is_open || opened.complaints.count != 1)
            fail_msg("%s: taken, or %zu complaints", refused[i].title,
                     opened.complaints.count);
        close_queues(&opened);
        folder_close(&folder);
    }
}

static void test_directory_named_like_a_wildcard(void **state)
{
    struct folder folder;
    struct opened opened;
    char got[LINE_MAX_BYTES];

    (void)state;
    folder_open(&folder);
    make_tree(&folder, "q*/ q*/qfA qx/ qx/qfB");
    open_queues(&opened, &folder, "q*", "");
    list_queues(&opened);
    describe(&opened, got);
    assert_string_equal(got, "0:qA");
    close_queues(&opened);
    folder_close(&folder);
}

static void test_queues_of_the_configuration(void **state)
{
    struct folder folder;
    struct opened opened;
    char got[LINE_MAX_BYTES];

    (void)state;
    folder_open(&folder);
    make_tree(&folder, "m/ m/qfA s/s1/ s/s2/ s/s2/qfB");
    open_queues(&opened, &folder, "", "m s/s*");
    assert_true(opened.is_open);
    assert_true(opened.set.is_from_config);
    list_queues(&opened);
    describe(&opened, got);
    assert_string_equal(got, "0:qA 2:qB");
    close_queues(&opened);
    /* named by hand, they count no more */
    open_queues(&opened, &folder, "s/s2", "m s/s*");
    assert_false(opened.set.is_from_config);
    assert_int_equal(opened.set.dir_count, 1);
    close_queues(&opened);
    folder_close(&folder);
}

/* What sendmail.cf says of its groups is all that sendmail knows. */
static void test_configured_base_is_not_searched_two_levels_deep(void **state)
{
    struct folder folder;
    struct opened opened;
    char got[LINE_MAX_BYTES];

    (void)state;
    folder_open(&folder);
    make_tree(&folder, "m/a/ m/a/qfA m/old/b/ m/old/b/qfB");
    open_queues(&opened, &folder, "", "m");
    list_queues(&opened);
    describe(&opened, got);
    assert_string_equal(got, "0:qA");
    close_queues(&opened);
    folder_close(&folder);
}

static void test_counts_of_what_is_left_out(void **state)
{
    struct folder folder;
    struct opened opened;

    (void)state;
    folder_open(&folder);
    make_tree(&folder, "q/qf/ q/df/ q/qf/qf0123456789012345678 q/df/qfA "
                       "q/qf/dfB q/df/xfC");
    open_queues(&opened, &folder, "q", "");
    list_queues(&opened);
    assert_int_equal(opened.set.long_name_count, 1);
    assert_int_equal(opened.set.stray_count, 3);
    assert_int_equal(opened.table.count, 0);
    close_queues(&opened);
    folder_close(&folder);
}

static void test_only_directories_by_their_own_word_are_regular(void **state)
{
    struct folder folder;
    struct opened opened;
    size_t regular = 0;

    (void)state;
    folder_open(&folder);
    make_tree(&folder, "q/ q/qfA q/qfB->qfA q/qfC/");
    folder_need(mkfifo(folder_path(&folder, "q/qfD"), 0600) == 0, "mkfifo");
    open_queues(&opened, &folder, "q", "");
    list_queues(&opened);
    assert_int_equal(opened.table.count, 4);
    for (size_t i = 0; i < 4; i++) {
        const struct facts *row = &opened.table.rows[i];

        regular += row->is_regular;
        assert_int_equal(row->is_regular, row->id[0] == 'A');
    }
    assert_int_equal(regular, 1);
    close_queues(&opened);
    folder_close(&folder);
}

/* "d" lines: relative to the base, only directories of the set, and only when
 * it cannot be another. */
static void test_d_lines(void **state)
{
    static const struct {
        const char *text;
        uint16_t want;
    } cases[] = {
        {"g/one", 0},
        {"one", 0},
        {"two", 1},
        {"three", 2},
        {"h/three", 2},
        {"", FACTS_NO_DIR},
        {"four", FACTS_NO_DIR},
        {"e", FACTS_NO_DIR},
        {"/g/one", FACTS_NO_DIR},
        {"../one", FACTS_NO_DIR},
        {"same", FACTS_NO_DIR},
        {"h/same", 4},
        {"one/", FACTS_NO_DIR},
    };
    struct folder folder;
    struct opened opened;
    char absolute[FOLDER_PATH_MAX];

    (void)state;
    folder_open(&folder);
    make_tree(&folder, "g/one/ g/two/ h/three/ g/same/ h/same/");
    open_queues(&opened, &folder, "g/one g/two h/three g/same h/same", "");
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint16_t got =
            queue_find_dir(&opened.set, slice_from_string(cases[i].text));

        if (got != cases[i].want)
            fail_msg("d%s: got %u, want %u", cases[i].text, got, cases[i].want);
    }
    snprintf(absolute, sizeof(absolute), "%s", folder_path(&folder, "g/one"));
    assert_int_equal(queue_find_dir(&opened.set, slice_from_string(absolute)),
                     FACTS_NO_DIR);
    close_queues(&opened);
    folder_close(&folder);
}

static void test_file_names(void **state)
{
    static const struct {
        const char *id;
        size_t len;
        bool is_held, want;
        const char *name;
    } cases[] = {
        {"6AMHqPjw023674", 14, false, true, "qf6AMHqPjw023674"},
        {"6AMHqPjw023674", 14, true, true, "6AMHqPjw023674.qf"},
        {"-weird.id_1", 11, true, true, "-weird.id_1.qf"},
        {"", 0, false, false, NULL},
        {"../x", 4, false, false, NULL},
        {"a/b", 3, true, false, NULL},
        {"a\0b", 3, true, false, NULL},
        {"0123456789012345678901234567890123456789012345678901234567890", 61,
         true, false, NULL},
    };
    char name[QUEUE_HELD_NAME_MAX];

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_int_equal(queue_file_name(name, 'q',
                                         slice_make(cases[i].id, cases[i].len),
                                         cases[i].is_held),
                         cases[i].want);
        if (cases[i].want)
            assert_string_equal(name, cases[i].name);
    }
}

static void test_many_names_are_joined(void **state)
{
    enum { MANY = 20000 };
    struct folder folder;
    struct opened opened;
    char name[64];
    size_t orphans = 0, whole = 0;

    (void)state;
    folder_open(&folder);
    folder_make(&folder, "q");
    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof(name), "q/%cf6AMHqP%07d", i % 2 == 0 ? 'q' : 'd',
                 i / 2);
        folder_write(&folder, name, "");
    }
    folder_write(&folder, "q/df-orphan", "");
    open_queues(&opened, &folder, "q", "");
    list_queues(&opened);
    assert_int_equal(opened.table.count, MANY / 2 + 1);
    for (size_t i = 0; i < opened.table.count; i++) {
        orphans += opened.table.rows[i].state == FACTS_ORPHAN;
        whole += opened.table.rows[i].beside == BESIDE_DATA;
    }
    assert_int_equal(orphans, 1);
    assert_int_equal(whole, MANY / 2);
    close_queues(&opened);
    folder_close(&folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layouts),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_directory_named_like_a_wildcard),
        cmocka_unit_test(test_queues_of_the_configuration),
        cmocka_unit_test(test_configured_base_is_not_searched_two_levels_deep),
        cmocka_unit_test(test_counts_of_what_is_left_out),
        cmocka_unit_test(test_only_directories_by_their_own_word_are_regular),
        cmocka_unit_test(test_d_lines),
        cmocka_unit_test(test_file_names),
        cmocka_unit_test(test_many_names_are_joined),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
