#include "tests/printed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

struct output *printed_begin(struct printed *printed,
                             struct complaints *complaints)
{
    free(printed->text);
    *printed = (struct printed){.output = {.complaints = complaints}};
    printed->output.file = open_memstream(&printed->text, &printed->len);
    assert_non_null(printed->output.file);
    return &printed->output;
}

void printed_end(struct printed *printed)
{
    assert_int_equal(fclose(printed->output.file), 0);
    printed->output.file = NULL;
}

void printed_free(struct printed *printed)
{
    free(printed->text);
    printed->text = NULL;
}

FILE *printed_full(void)
{
    FILE *file = fopen("/dev/full", "we");

    if (file != NULL)
        setvbuf(file, NULL, _IONBF, 0);
    return file;
}

const char *buffer_text(struct buffer *buffer)
{
    buffer_add(buffer, slice_make("", 1));
    assert_false(buffer->has_failed);
    buffer->len--;
    return buffer->bytes;
}

size_t count_text(const char *text, const char *part)
{
    size_t count = 0;

    for (const char *at = text; (at = strstr(at, part)) != NULL; at++)
        count++;
    return count;
}

void assert_has(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("no \"%s\" in\n%s", part, text);
}

void assert_has_not(const char *text, const char *part)
{
    if (strstr(text, part) != NULL)
        fail_msg("\"%s\" in\n%s", part, text);
}

void assert_printable(const char *text)
{
    for (const char *at = text; *at != '\0'; at++) {
        unsigned char byte = (unsigned char)*at;

        if ((byte < 0x20 && byte != '\n') || byte == 0x7f)
            fail_msg("byte 0x%02x before: %.40s", byte, at + 1);
    }
    assert_has_not(text, "\xe2\x80\xae"); /* turns the direction */
    assert_has_not(text, "\xff");
}

void assert_mailable(const char *text)
{
    size_t columns = 0;

    assert_printable(text);
    for (const char *at = text; *at != '\0'; at++) {
        columns = *at == '\n' ? 0 : columns + ((*at & 0xc0) != 0x80);
        if (columns > 80)
            fail_msg("over 80 columns: %.100s", at - 80);
    }
}

json_t *json_of(const char *text)
{
    json_error_t error;
    json_t *value = json_loads(text, JSON_REJECT_DUPLICATES, &error);

    if (value == NULL)
        fail_msg("%s at %d in\n%s", error.text, error.position, text);
    return value;
}

void assert_json_string(const json_t *object, const char *key,
                        const char *value)
{
    const json_t *member = json_object_get(object, key);

    if (member == NULL)
        fail_msg("no %s", key);
    if (value == NULL)
        assert_true(json_is_null(member));
    else if (!json_is_string(member))
        fail_msg("%s is no text", key);
    else
        assert_string_equal(json_string_value(member), value);
}

void assert_json_integer(const json_t *object, const char *key,
                         json_int_t value)
{
    const json_t *member = json_object_get(object, key);

    if (!json_is_integer(member) || json_integer_value(member) != value)
        fail_msg("%s is not %lld", key, (long long)value);
}
