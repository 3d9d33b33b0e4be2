/* qscan/cfclass.c: words of a cf, its macros, and which classes are ours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "qscan/cfclass.h"
#include "tests/assert_slice.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- words ---- */

static const struct {
    const char *text, *name, *rest;
} names[] = {
    {"wexample.org", "w", "example.org"},
    {"{VirtHost} a b", "VirtHost", " a b"},
    {"{w}example.org", "w", "example.org"},
    {"{never", "never", ""},
    {"w", "w", ""},
    {"", "", ""},
};

static void test_names(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(names); i++) {
        struct slice rest = slice_from_string(names[i].text);

        assert_slice_is(cf_take_name(&rest), names[i].name, names[i].text);
        assert_slice_is(rest, names[i].rest, names[i].text);
    }
}

static const struct {
    const char *text, *first, *second;
} words[] = {
    {"a b", "a", "b"},
    {"  a\tb ", "a", "b"},
    {"a # b", "a", ""},
    {"a#b c", "a", ""},
    {"a # b\n\tc", "a", "c"},
    {"a\\#b c", "a\\#b", "c"},
    {"a$#b c", "a$#b", "c"},
    {"# a", "", ""},
    {"", "", ""},
};

static void test_words(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(words); i++) {
        struct slice rest = slice_from_string(words[i].text);

        assert_slice_is(cf_next_word(&rest), words[i].first, words[i].text);
        assert_slice_is(cf_next_word(&rest), words[i].second, words[i].text);
    }
}

/* ---- classes ---- */

static void note(struct cf *cf, const char *line)
{
    cf_note_references(cf, slice_from_string(line));
}

static void assert_kind(const struct cf *cf, const char *name,
                        enum cf_class_kind want)
{
    if (cf_class_kind(cf, slice_from_string(name)) != want)
        fail_msg("class %s is not %d", name, want);
}

static void test_ours_without_references(void **state)
{
    struct cf cf = {.class_count = 0};

    (void)state;
    cf_find_our_classes(&cf);
    assert_kind(&cf, "w", CLASS_OF_NAMES);
    assert_kind(&cf, "VirtHost", CLASS_OF_NAMES);
    assert_kind(&cf, "R", CLASS_OF_RELAYED);
    assert_kind(&cf, "M", CLASS_OF_SENDERS);
    assert_kind(&cf, "LDAPRoute", CLASS_OF_SENDERS);
    assert_kind(&cf, "P", CLASS_OTHER);
    assert_kind(&cf, "", CLASS_OTHER);
}

/* In any order, over any number of steps, and in a circle. */
static void test_what_is_in_ours_is_ours(void **state)
{
    struct cf cf = {.class_count = 0};

    (void)state;
    note(&cf, "{two}$={three} local");
    note(&cf, "{one}$={two}");
    note(&cf, "w example.org $={one}");
    note(&cf, "{three}$={one}");
    note(&cf, "R$=w");
    note(&cf, "{other}$=w");
    cf_find_our_classes(&cf);
    assert_kind(&cf, "one", CLASS_OF_RELAYED);
    assert_kind(&cf, "two", CLASS_OF_RELAYED);
    assert_kind(&cf, "three", CLASS_OF_RELAYED);
    assert_kind(&cf, "w", CLASS_OF_RELAYED);
    assert_kind(&cf, "other", CLASS_OTHER);
}

static void test_classes_and_references_are_bounded(void **state)
{
    struct cf cf = {.class_count = 0};

    (void)state;
    for (int i = 0; i < CF_REFERENCES_MAX + 100; i++) {
        static char lines[CF_REFERENCES_MAX + 100][32];

        snprintf(lines[i], sizeof(lines[i]), "w$={c%d}", i);
        note(&cf, lines[i]);
    }
    cf_find_our_classes(&cf);
    assert_int_equal(cf.reference_count, CF_REFERENCES_MAX);
    assert_int_equal(cf.class_count, CF_CLASSES_MAX);
    assert_kind(&cf, "w", CLASS_OF_NAMES);
    assert_kind(&cf, "c0", CLASS_OF_NAMES);
}

/* ---- macros ---- */

static const struct {
    const char *word;
    enum cf_expansion outcome;
    const char *want;
} expansions[] = {
    {"plain.example", CF_EXPANDED, "plain.example"},
    {"mail.$m", CF_EXPANDED, "mail.example.org"},
    {"$m", CF_EXPANDED, "example.org"},
    {"${dom}.$m", CF_EXPANDED, "sub.example.org"},
    {"$w", CF_IS_OWN_NAME, ""},
    {"$j", CF_IS_OWN_NAME, ""},
    {"a.$x", CF_IS_NOT_DEFINED, ""},
    {"$n", CF_IS_NOT_DEFINED, ""}, /* a macro in it */
    {"$", CF_IS_NOT_DEFINED, ""},
    {"$e", CF_IS_NOT_DEFINED, ""}, /* empty */
};

static void test_macros(void **state)
{
    static const char *const lines[] = {"mold.example", "mexample.org # ours",
                                        "{dom}sub", "nhost.$m", "e"};
    struct cf cf = {.macro_count = 0};

    (void)state;
    for (size_t i = 0; i < COUNT(lines); i++)
        cf_note_macro(&cf, slice_from_string(lines[i]));
    for (size_t i = 0; i < COUNT(expansions); i++) {
        char text[CF_NAME_MAX_BYTES];
        struct slice got = {NULL, 0};

        if (cf_expand(&cf, slice_from_string(expansions[i].word), text, &got) !=
            expansions[i].outcome)
            fail_msg("%s: another outcome", expansions[i].word);
        if (expansions[i].outcome == CF_EXPANDED)
            assert_slice_is(got, expansions[i].want, expansions[i].word);
    }
}

static void test_what_is_too_long_is_not_expanded(void **state)
{
    struct cf cf = {.macro_count = 0};
    char word[CF_NAME_MAX_BYTES + 1], text[CF_NAME_MAX_BYTES];
    struct slice got;

    (void)state;
    memset(word, 'a', sizeof(word));
    assert_int_equal(
        cf_expand(&cf, slice_make(word, sizeof(word) - 1), text, &got),
        CF_EXPANDED);
    assert_int_equal(got.len, CF_NAME_MAX_BYTES);
    assert_int_equal(cf_expand(&cf, slice_make(word, sizeof(word)), text, &got),
                     CF_IS_TOO_LONG);
}

static void test_macros_are_bounded(void **state)
{
    struct cf cf = {.macro_count = 0};

    (void)state;
    for (int i = 0; i < CF_MACROS_MAX + 10; i++)
        cf_note_macro(&cf, SLICE_LITERAL("mexample.org"));
    assert_int_equal(cf.macro_count, CF_MACROS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_ours_without_references),
        cmocka_unit_test(test_what_is_in_ours_is_ours),
        cmocka_unit_test(test_classes_and_references_are_bounded),
        cmocka_unit_test(test_macros),
        cmocka_unit_test(test_what_is_too_long_is_not_expanded),
        cmocka_unit_test(test_macros_are_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
