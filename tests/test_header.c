/*
 * Header fields: every case whole, cut at every byte, and ending at a page
 * nobody may read.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "parsers/header.h"
#include "tests/assert_slice.h"
#include "tests/guard.h"

enum { FIELDS_MAX = 4 };

static const struct block_case {
    const char *title;
    const char *text;
    const char *fields[FIELDS_MAX * 2 + 1]; /* name, value, ..., NULL */
    const char *rest;
} block_cases[] = {
    {"one field", "Subject: hello\n", {"Subject", "hello"}, ""},
    {"blank line ends the block and is taken",
     "A: 1\nB: 2\n\nC: body\n",
     {"A", "1", "B", "2"},
     "C: body\n"},
    {"carriage returns belong to the line end",
     "A: 1\r\nB: 2\r\n\r\nbody",
     {"A", "1", "B", "2"},
     "body"},
    {"folds are kept inside the value",
     "A: one\n\ttwo\n  three  \nB: x\n",
     {"A", "one\n\ttwo\n  three", "B", "x"},
     ""},
    {"a value may begin on the next line", "A:\n value\n", {"A", "value"}, ""},
    {"a line of blanks continues",
     "A: 1\n \t\nB: 2\n",
     {"A", "1", "B", "2"},
     ""},
    {"empty value is present", "A:\nB: \n", {"A", "", "B", ""}, ""},
    {"blanks before the colon are dropped", "A \t: 1\n", {"A", "1"}, ""},
    {"no blank after the colon", "A:1:2\n", {"A", "1:2"}, ""},
    {"last line without newline", "A: 1\nB: 2", {"A", "1", "B", "2"}, ""},
    {"a line without colon is skipped with its folds",
     "From nobody Mon\n and more: x\nA: 1\n",
     {"A", "1"},
     ""},
    {"a fold of nothing is skipped", " lost: 1\nA: 1\n", {"A", "1"}, ""},
    {"no name before the colon", ": 1\nA: 1\n", {"A", "1"}, ""},
    {"a name has no space inside", "from evil: x\nA: 1\n", {"A", "1"}, ""},
    {"a name has no 8-bit byte",
     "\xc3\xa4: x\nA: \xc3\xa4\n",
     {"A", "\xc3\xa4"},
     ""},
    {"nothing but a blank line", "\n", {NULL}, ""},
    {"nothing at all", "", {NULL}, ""},
};

static void header_blocks_give_fields_and_rest(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof block_cases / sizeof *block_cases; i++) {
        const struct block_case *c = &block_cases[i];
        struct slice rest = slice_from_string(c->text);
        struct header_field field;

        for (size_t j = 0; c->fields[j] != NULL; j += 2) {
            assert_true(header_next(&rest, &field));
            assert_slice_is(field.name, c->fields[j], c->title);
            assert_slice_is(field.value, c->fields[j + 1], c->title);
        }
        assert_false(header_next(&rest, &field));
        assert_slice_is(rest, c->rest, c->title);
    }
}

static void nul_bytes_are_data_in_a_value_only(void **state)
{
    struct slice rest = SLICE_LITERAL("N\0: no\nA: b\0c\nB: 2\n");
    struct header_field field;

    (void)state;
    assert_true(header_next(&rest, &field));
    assert_slice_is(field.name, "A", "");
    assert_true(slice_equal(field.value, SLICE_LITERAL("b\0c")));
    assert_true(header_next(&rest, &field));
    assert_slice_is(field.name, "B", "");
}

/* Fields lie inside the text and come in order. */
static void check_cut_block(struct slice cut, void *context)
{
    struct slice rest = cut;
    struct header_field field;
    const char *end = cut.ptr;

    (void)context;
    while (header_next(&rest, &field)) {
        assert_true(field.name.len > 0);
        assert_true(field.name.ptr >= end);
        end = field.value.ptr + field.value.len;
        assert_true(end <= cut.ptr + cut.len);
        assert_true(rest.ptr >= end);
    }
}

static void header_blocks_cut_at_every_byte_stay_inside(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof block_cases / sizeof *block_cases; i++)
        guard_cut_everywhere(slice_from_string(block_cases[i].text),
                             check_cut_block, NULL);
}

static const struct parameter_case {
    const char *value, *name, *want;
} parameter_cases[] = {
    {"multipart/report; boundary=abc", "boundary", "abc"},
    {"multipart/report; boundary=\"a b/c\"", "boundary", "a b/c"},
    {"multipart/report; report-type=delivery-status;\n\tboundary=\"x.1/h\"",
     "boundary", "x.1/h"},
    {"multipart/report; BOUNDARY = abc ; x=y", "boundary", "abc"},
    {"multipart/report;report-type=delivery-status", "report-type",
     "delivery-status"},
    {"multipart/report; boundary=a; boundary=b", "boundary", "a"},
    {"multipart/report; x=\"; boundary=no\"; boundary=yes", "boundary", "yes"},
    {"multipart/report (; boundary=no); boundary=yes", "boundary", "yes"},
    {"multipart/report; (c) boundary (d) = (e(f)\\)) yes (g)", "boundary",
     "yes"},
    {"multipart/report; boundary=\"a\\\"b\"", "boundary", "a\\\"b"},
    {"multipart/report; boundary=\"\"", "boundary", ""},
    {"multipart/report; boundary=\"never closed", "boundary", NULL},
    {"multipart/report; boundary=\"closed not\\\"", "boundary", NULL},
    {"multipart/report; x=\"never closed; boundary=no", "boundary", NULL},
    {"multipart/report (never closed; boundary=no", "boundary", NULL},
    {"multipart/report; boundary", "boundary", NULL},
    {"multipart/report; boundary*0=abc", "boundary", NULL},
    {"multipart/report; xboundary=abc", "boundary", NULL},
    {"boundary=abc", "boundary", NULL},
    {"", "boundary", NULL},
    {";;;;=;\";", "boundary", NULL},
};

static void check_cut_parameter(struct slice cut, void *context)
{
    const struct parameter_case *c = context;
    struct slice got = header_parameter(cut, slice_from_string(c->name));

    assert_true(got.ptr == NULL ||
                (got.ptr >= cut.ptr && got.ptr + got.len <= cut.ptr + cut.len));
}

static void parameters_are_found_unquoted(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof parameter_cases / sizeof *parameter_cases;
         i++) {
        struct parameter_case c = parameter_cases[i];
        struct slice value = slice_from_string(c.value);

        assert_slice_is(header_parameter(value, slice_from_string(c.name)),
                        c.want, c.value);
        guard_cut_everywhere(value, check_cut_parameter, &c);
    }
}

static void tokens_end_at_blank_semicolon_or_comment(void **state)
{
    static const char *const cases[][2] = {
        {"multipart/report; x=y", "multipart/report"},
        {" \n\ttext/plain\n charset", "text/plain"},
        {"failed", "failed"},
        {"relayed (to non-DSN-aware mailer)", "relayed"},
        {"delivered(x)", "delivered"},
        {"", ""},
        {"; x", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_slice_is(header_token(slice_from_string(cases[i][0])),
                        cases[i][1], cases[i][0]);
}

static void types_are_taken_off_addresses(void **state)
{
    static const char *const cases[][2] = {
        {"rfc822; user@example.org", "user@example.org"},
        {"RFC822;user@example.org", "user@example.org"},
        {" dns ; mx.example.org \n", "mx.example.org"},
        {"x-local_2; a;b@example.org", "a;b@example.org"},
        {"user@example.org", "user@example.org"},
        {"\"a;b\"@example.org", "\"a;b\"@example.org"},
        {";user@example.org", ";user@example.org"},
        {"rfc822;", ""},
        {"", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_slice_is(header_typed(slice_from_string(cases[i][0])),
                        cases[i][1], cases[i][0]);
}

static void comments_end_with_their_own_parenthesis(void **state)
{
    static const struct {
        const char *text;
        size_t len;
    } cases[] = {
        {"(a) b", 3},  {"()", 2},       {"(a (b) c) d", 9}, {"(a\\) b) c", 7},
        {"(never", 6}, {"(a (b) c", 8}, {"(a\\", 3},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(header_comment_len(slice_from_string(cases[i].text)),
                         cases[i].len);
}

static void comments_and_blanks_are_skipped_at_the_front(void **state)
{
    static const char *const cases[][2] = {
        {" \t(a)\n (b (c)) d (e)", "d (e)"},
        {"d", "d"},
        {"(a", ""},
        {"", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_slice_is(header_skip_comments(slice_from_string(cases[i][0])),
                        cases[i][1], cases[i][0]);
}

static void unescape_drops_each_unquoted_ff(void **state)
{
    static const char *const cases[][2] = {
        {"\xe2\xff\x80\xff\x99", "\xe2\x80\x99"}, /* a raw UTF-8 quote */
        {"a\xff\xff"
         "b",
         "a\xff"
         "b"},
        {"\xff", ""},
        {"a\xff", "a"},
        {"<\x81g>\xff\x81g", "<\x81g>\x81g"},
    };
    char buffer[16];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_slice_is(header_unescape(slice_from_string(cases[i][0]), buffer,
                                        sizeof buffer),
                        cases[i][1], cases[i][0]);
}

static void unescape_returns_plain_values_themselves(void **state)
{
    struct slice plain = SLICE_LITERAL("no escape here");

    (void)state;
    assert_ptr_equal(header_unescape(plain, NULL, 0).ptr, plain.ptr);
    assert_int_equal(header_unescape(plain, NULL, 0).len, plain.len);
}

static void unescape_is_cut_at_the_capacity(void **state)
{
    char buffer[3] = {'x', 'x', 'x'};
    struct slice escaped = SLICE_LITERAL("\xff"
                                         "abcd");

    (void)state;
    assert_slice_is(header_unescape(escaped, buffer, 2), "ab", "");
    assert_int_equal(buffer[2], 'x');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(header_blocks_give_fields_and_rest),
        cmocka_unit_test(nul_bytes_are_data_in_a_value_only),
        cmocka_unit_test(header_blocks_cut_at_every_byte_stay_inside),
        cmocka_unit_test(parameters_are_found_unquoted),
        cmocka_unit_test(tokens_end_at_blank_semicolon_or_comment),
        cmocka_unit_test(types_are_taken_off_addresses),
        cmocka_unit_test(comments_end_with_their_own_parenthesis),
        cmocka_unit_test(comments_and_blanks_are_skipped_at_the_front),
        cmocka_unit_test(unescape_drops_each_unquoted_ff),
        cmocka_unit_test(unescape_returns_plain_values_themselves),
        cmocka_unit_test(unescape_is_cut_at_the_capacity),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
