/* Text on its way out: to a terminal, as JSON, as CSV. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>

#include "qscan/buffer.h"
#include "tests/assert_slice.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define TEXT(literal) (literal), sizeof(literal) - 1

static struct slice made(const struct buffer *buffer)
{
    return slice_make(buffer->bytes == NULL ? "" : buffer->bytes, buffer->len);
}

/* ---- growing ---- */

static void test_growing_keeps_every_byte(void **state)
{
    struct buffer buffer = {0};

    (void)state;
    for (int i = 0; i < 20000; i++)
        buffer_printf(&buffer, "%05d,", i);
    assert_int_equal(buffer.len, 20000 * 6);
    for (int i = 0; i < 20000; i++)
        assert_int_equal(atoi(buffer.bytes + i * 6), i);
    buffer_free(&buffer);
}

static void test_printf_takes_more_than_it_reserved(void **state)
{
    struct buffer buffer = {0};
    char text[9000];

    (void)state;
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    buffer_printf(&buffer, "%s", text);
    assert_int_equal(buffer.len, sizeof(text) - 1);
    assert_memory_equal(buffer.bytes, text, sizeof(text) - 1);
    buffer_clear(&buffer);
    assert_int_equal(buffer.len, 0);
    buffer_free(&buffer);
}

/* ---- escaped ---- */

static const struct {
    const char *title, *text;
    size_t len, columns;
    const char *want;
    size_t used;
} escape_cases[] = {
    {"plain", TEXT("joe@example.org"), 0, "joe@example.org", 15},
    {"empty", TEXT(""), 0, "", 0},
    {"valid UTF-8 stays",
     TEXT("Gr\xc3\xbc\xc3\x9f"
          "e \xe2\x82\xac \xf0\x9f\x93\xa7"),
     0,
     "Gr\xc3\xbc\xc3\x9f"
     "e \xe2\x82\xac \xf0\x9f\x93\xa7",
     9},
    {"escape sequence", TEXT("\033[2J"), 0, "\\x1b[2J", 7},
    {"newline and tab", TEXT("a\n\tb"), 0, "a\\x0a\\x09b", 10},
    {"NUL and DEL", TEXT("a\0\x7f"), 0, "a\\x00\\x7f", 9},
    {"backslash doubled", TEXT("a\\x41"), 0, "a\\\\x41", 6},
    {"C1 as UTF-8", TEXT("\xc2\x9b"), 0, "\\xc2\\x9b", 8},
    {"C1 as a byte", TEXT("\x9b"), 0, "\\x9b", 4},
    {"0xff", TEXT("\xff\xfe"), 0, "\\xff\\xfe", 8},
    {"right-to-left override", TEXT("\xe2\x80\xae"), 0, "\\xe2\\x80\\xae", 12},
    {"zero-width space", TEXT("\xe2\x80\x8b"), 0, "\\xe2\\x80\\x8b", 12},
    {"byte order mark", TEXT("\xef\xbb\xbf"), 0, "\\xef\\xbb\\xbf", 12},
    {"private use", TEXT("\xee\x80\x80"), 0, "\\xee\\x80\\x80", 12},
    {"tag characters", TEXT("\xf3\xa0\x80\x81"), 0, "\\xf3\\xa0\\x80\\x81", 16},
    {"overlong slash", TEXT("\xc0\xaf"), 0, "\\xc0\\xaf", 8},
    {"overlong NUL", TEXT("\xe0\x80\x80"), 0, "\\xe0\\x80\\x80", 12},
    {"surrogate", TEXT("\xed\xa0\x80"), 0, "\\xed\\xa0\\x80", 12},
    {"beyond Unicode", TEXT("\xf4\x90\x80\x80"), 0, "\\xf4\\x90\\x80\\x80", 16},
    {"UTF-8 cut at the end", TEXT("a\xe2\x82"), 0, "a\\xe2\\x82", 9},
    {"lone continuation", TEXT("\x80z"), 0, "\\x80z", 5},
    {"as long as allowed", TEXT("abcdef"), 6, "abcdef", 6},
    {"one too long", TEXT("abcdefg"), 6, "abc...", 6},
    {"not cut inside an escape", TEXT("ab\033cdefg"), 7, "ab...", 5},
    {"not cut inside UTF-8", TEXT("ab\xc3\xbc\xc3\xbc\xc3\xbc"), 4, "a...", 4},
    {"no room for the dots", TEXT("abcdefg"), 2, "...", 3},
};

static void test_escaping(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(escape_cases); i++) {
        struct buffer buffer = {0};
        size_t used = buffer_add_escaped(
            &buffer, slice_make(escape_cases[i].text, escape_cases[i].len),
            escape_cases[i].columns);

        assert_slice_is(made(&buffer), escape_cases[i].want,
                        escape_cases[i].title);
        assert_int_equal(used, escape_cases[i].used);
        buffer_free(&buffer);
    }
}

static const struct {
    const char *title, *text;
    size_t len, columns;
    const char *want;
    size_t used;
} host_cases[] = {
    {"empty", TEXT(""), 5, "", 0},
    {"as long as allowed", TEXT("a.example"), 9, "a.example", 9},
    {"one too long", TEXT("ab.example"), 9, "...xample", 9},
    {"any length", TEXT("dsl-1.pool.example.net"), 0, "dsl-1.pool.example.net",
     22},
    {"a provider's line", TEXT("host46-64.pool18198.example.net"), 24,
     "...pool18198.example.net", 24},
    {"not cut inside an escape", TEXT("\033cdefg"), 8, "...cdefg", 8},
    {"an escape kept whole", TEXT("abcd\033fg"), 9, "...\\x1bfg", 9},
    {"not cut inside UTF-8",
     TEXT("\xc3\xbc\xc3\xbc\xc3\xbc"
          "ab"),
     4, "...b", 4},
    {"dots alone", TEXT("abcdefg"), 3, "...", 3},
    {"no room for the dots", TEXT("abcdefg"), 2, "...", 3},
};

static void test_hosts_are_cut_on_the_left(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(host_cases); i++) {
        struct buffer buffer = {0};
        size_t used = buffer_add_host(
            &buffer, slice_make(host_cases[i].text, host_cases[i].len),
            host_cases[i].columns);

        assert_slice_is(made(&buffer), host_cases[i].want, host_cases[i].title);
        assert_int_equal(used, host_cases[i].used);
        buffer_free(&buffer);
    }
}

/* Whatever the bytes: nothing below blank, no DEL, no C1, valid UTF-8. */
static void test_every_pair_of_bytes_is_harmless(void **state)
{
    struct buffer buffer = {0};

    (void)state;
    for (unsigned pair = 0; pair < 0x10000; pair++) {
        char text[2] = {(char)(pair >> 8), (char)pair};

        buffer_clear(&buffer);
        buffer_add_escaped(&buffer, slice_make(text, 2), 0);
        for (size_t i = 0; i < buffer.len; i++) {
            unsigned char byte = (unsigned char)buffer.bytes[i];

            assert_true(byte >= 0x20 && byte != 0x7f);
            if (byte == 0xc2)
                assert_true((unsigned char)buffer.bytes[i + 1] >= 0xa0);
        }
    }
    buffer_free(&buffer);
}

static void test_rule_text_keeps_its_backslashes(void **state)
{
    struct buffer buffer = {0};

    (void)state;
    buffer_add_rule_text(&buffer, SLICE_LITERAL("/^5\\.\\d/ \x1b"), 0);
    assert_slice_is(made(&buffer), "/^5\\.\\d/ \\x1b", "rule text");
    buffer_free(&buffer);
}

static void test_shell_words(void **state)
{
    static const struct {
        const char *word, *want;
    } cases[] = {
        {"/var/spool/mqueue", "/var/spool/mqueue"},
        {"~root", "'~root'"},
        {"a b", "'a b'"},
        {"it's", "'it'\\''s'"},
        {"$(id) `id` \\ *", "'$(id) `id` \\ *'"},
        {"caf\xc3\xa9", "'caf\xc3\xa9'"},
        {"", "''"},
        {"a\nb", "'(a name that cannot be shown)'"},
        {"\x1b[2J", "'(a name that cannot be shown)'"},
        {"\xff", "'(a name that cannot be shown)'"},
    };
    struct buffer buffer = {0};

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        buffer_clear(&buffer);
        buffer_add_shell_word(&buffer, slice_from_string(cases[i].word));
        assert_slice_is(made(&buffer), cases[i].want, cases[i].want);
    }
    buffer_free(&buffer);
}

/* ---- CSV ---- */

static const struct {
    const char *text;
    size_t len;
    const char *want;
} csv_cases[] = {
    {TEXT("joe@example.org"), "\"joe@example.org\""},
    {TEXT(""), "\"\""},
    {TEXT("say \"hi\""), "\"say \"\"hi\"\"\""},
    {TEXT("\""), "\"\"\"\""},
    {TEXT("a,b\nc"), "\"a,b\\x0ac\""},
    {TEXT("=1+1"), "\"'=1+1\""},
    {TEXT("+1"), "\"'+1\""},
    {TEXT("-1"), "\"'-1\""},
    {TEXT("@SUM(A1)"), "\"'@SUM(A1)\""},
    {TEXT("a=1"), "\"a=1\""},
};

static void test_csv_fields(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(csv_cases); i++) {
        struct buffer buffer = {0};

        buffer_add_csv(&buffer,
                       slice_make(csv_cases[i].text, csv_cases[i].len));
        assert_slice_is(made(&buffer), csv_cases[i].want, csv_cases[i].text);
        buffer_free(&buffer);
    }
}

/* ---- JSON ---- */

static void test_json_nests_and_separates(void **state)
{
    struct buffer buffer = {0};
    struct jsonout json;

    (void)state;
    jsonout_init(&json, &buffer);
    jsonout_open(&json, '{');
    jsonout_field(&json, "a", SLICE_LITERAL("x"));
    jsonout_key(&json, "b");
    jsonout_open(&json, '[');
    jsonout_integer(&json, 1);
    jsonout_open(&json, '{');
    jsonout_close(&json, '}');
    jsonout_null(&json);
    jsonout_boolean(&json, true);
    jsonout_close(&json, ']');
    jsonout_field_boolean(&json, "c", false);
    jsonout_field(&json, "d", (struct slice){NULL, 0});
    jsonout_lossy(&json);
    jsonout_close(&json, '}');
    assert_slice_is(
        made(&buffer),
        "{\"a\":\"x\",\"b\":[1,{},null,true],\"c\":false,\"d\":null}", "json");
    buffer_free(&buffer);
}

static void test_json_integers_to_their_ends(void **state)
{
    static const int64_t numbers[] = {
        0,          7,         -1,        10,           -10,  99,
        100,        -100,      101,       999,          1000, 123456,
        1795375579, INT64_MAX, INT64_MIN, INT64_MIN + 1};
    struct buffer buffer = {0};

    (void)state;
    for (size_t i = 0; i < COUNT(numbers); i++) {
        struct jsonout json;
        char want[32];

        buffer_clear(&buffer);
        jsonout_init(&json, &buffer);
        jsonout_integer(&json, numbers[i]);
        snprintf(want, sizeof(want), "%lld", (long long)numbers[i]);
        assert_slice_is(made(&buffer), want, want);
    }
    buffer_free(&buffer);
}

static const struct {
    const char *title, *text;
    size_t len;
    const char *want;
    bool is_lossy;
} json_cases[] = {
    {"plain", TEXT("abc"), "\"abc\"", false},
    {"empty", TEXT(""), "\"\"", false},
    {"sixteen", TEXT("0123456789abcdef"), "\"0123456789abcdef\"", false},
    {"seventeen", TEXT("0123456789abcdefg"), "\"0123456789abcdefg\"", false},
    {"last of sixteen", TEXT("0123456789abcde\n"), "\"0123456789abcde\\n\"",
     false},
    {"last of seventeen", TEXT("0123456789abcdef\""),
     "\"0123456789abcdef\\\"\"", false},
    {"space and tilde", TEXT(" ~"), "\" ~\"", false},
    {"quote and backslash", TEXT("\"\\"), "\"\\\"\\\\\"", false},
    {"controls", TEXT("\n\t\r\0\x1b\x7f"),
     "\"\\n\\t\\u000d\\u0000\\u001b\\u007f\"", false},
    {"UTF-8", TEXT("\xc3\xbc"), "\"\xc3\xbc\"", false},
    {"C1", TEXT("\xc2\x9b"), "\"\\u009b\"", false},
    {"right-to-left override", TEXT("\xe2\x80\xae"), "\"\\u202e\"", false},
    {"tag character", TEXT("\xf3\xa0\x80\x81"), "\"\\udb40\\udc01\"", false},
    {"0xff", TEXT("a\xff"), "\"a\xef\xbf\xbd\"", true},
    {"cut UTF-8", TEXT("\xe2\x82"), "\"\xef\xbf\xbd\xef\xbf\xbd\"", true},
};

static void test_json_strings(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(json_cases); i++) {
        struct buffer buffer = {0};
        struct jsonout json;

        jsonout_init(&json, &buffer);
        jsonout_open(&json, '{');
        jsonout_field(&json, "k",
                      slice_make(json_cases[i].text, json_cases[i].len));
        assert_slice_is(slice_skip(made(&buffer), 5), json_cases[i].want,
                        json_cases[i].title);
        assert_int_equal(json.lossy_count, json_cases[i].is_lossy);
        buffer_free(&buffer);
    }
}

/* What another parser makes of it is what went in. */
static void test_json_of_any_bytes_parses_to_the_same(void **state)
{
    struct buffer buffer = {0};
    uint32_t random = 1;

    (void)state;
    for (int round = 0; round < 2000; round++) {
        char text[40];
        struct jsonout json;
        json_t *parsed;
        bool is_lossy;

        for (size_t i = 0; i < sizeof(text); i++) {
            random = random * 1664525 + 1013904223;
            text[i] = (char)(round % 2 == 0 ? random >> 24 : random >> 25);
        }
        buffer_clear(&buffer);
        jsonout_init(&json, &buffer);
        jsonout_open(&json, '{');
        jsonout_field(&json, "k", slice_make(text, sizeof(text)));
        is_lossy = json.lossy_count > 0;
        jsonout_lossy(&json);
        jsonout_close(&json, '}');
        parsed = json_loadb(buffer.bytes, buffer.len, JSON_ALLOW_NUL, NULL);
        assert_non_null(parsed);
        assert_int_equal(json_object_get(parsed, "lossy") != NULL, is_lossy);
        if (!is_lossy)
            assert_memory_equal(json_string_value(json_object_get(parsed, "k")),
                                text, sizeof(text));
        json_decref(parsed);
    }
    buffer_free(&buffer);
}

static void test_json_names_each_lossy_key_once(void **state)
{
    struct buffer buffer = {0};
    struct jsonout json;

    (void)state;
    jsonout_init(&json, &buffer);
    jsonout_open(&json, '{');
    jsonout_field(&json, "a", SLICE_LITERAL("\xff"));
    jsonout_field(&json, "b", SLICE_LITERAL("good"));
    jsonout_field(&json, "a", SLICE_LITERAL("\xfe"));
    jsonout_field(&json, "c", SLICE_LITERAL("\xfd"));
    jsonout_lossy(&json);
    jsonout_close(&json, '}');
    buffer_add(&buffer, slice_make("", 1));
    assert_non_null(strstr(buffer.bytes, ",\"lossy\":[\"a\",\"c\"]}"));
    buffer_free(&buffer);
}

/* A name out of a file as a key: whole, and escaped as any text. */
static void test_json_key_out_of_a_file(void **state)
{
    struct buffer buffer = {0};
    struct jsonout json;

    (void)state;
    jsonout_init(&json, &buffer);
    jsonout_open(&json, '{');
    jsonout_key(&json, "a");
    jsonout_open(&json, '{');
    jsonout_text_key(&json, SLICE_LITERAL("b\0\"\xff"));
    jsonout_integer(&json, 1);
    jsonout_text_key(&json, SLICE_LITERAL("c"));
    jsonout_integer(&json, 2);
    jsonout_close(&json, '}');
    jsonout_lossy(&json);
    jsonout_close(&json, '}');
    buffer_add(&buffer, slice_make("", 1));
    assert_string_equal(buffer.bytes, "{\"a\":{\"b\\u0000\\\"\xef\xbf\xbd\":1,"
                                      "\"c\":2},\"lossy\":[\"a\"]}");
    buffer_free(&buffer);
}

static void text_to_be_mailed_is_ascii(void **state)
{
    struct buffer buffer = {.is_ascii = true};

    (void)state;
    assert_int_equal(
        buffer_add_escaped(&buffer, SLICE_LITERAL("a\xc3\xa4\x1b\\z"), 0), 16);
    assert_int_equal(buffer.len, 16);
    assert_memory_equal(buffer.bytes, "a\\xc3\\xa4\\x1b\\\\z", 16);
    buffer_clear(&buffer);
    buffer_add_shell_word(&buffer, SLICE_LITERAL("\xc3\xa4"));
    assert_int_equal(buffer.bytes[0], '\'');
    assert_null(memchr(buffer.bytes, 0xc3, buffer.len));
    buffer_free(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_to_be_mailed_is_ascii),
        cmocka_unit_test(test_growing_keeps_every_byte),
        cmocka_unit_test(test_printf_takes_more_than_it_reserved),
        cmocka_unit_test(test_escaping),
        cmocka_unit_test(test_hosts_are_cut_on_the_left),
        cmocka_unit_test(test_every_pair_of_bytes_is_harmless),
        cmocka_unit_test(test_rule_text_keeps_its_backslashes),
        cmocka_unit_test(test_shell_words),
        cmocka_unit_test(test_csv_fields),
        cmocka_unit_test(test_json_nests_and_separates),
        cmocka_unit_test(test_json_integers_to_their_ends),
        cmocka_unit_test(test_json_strings),
        cmocka_unit_test(test_json_of_any_bytes_parses_to_the_same),
        cmocka_unit_test(test_json_names_each_lossy_key_once),
        cmocka_unit_test(test_json_key_out_of_a_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
