/*
 * The bytes are a header block; each value is also taken for a structured
 * field. Whatever is returned must lie inside the bytes.
 */
#include <stdint.h>
#include <stdlib.h>

#include "parsers/header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(struct slice part, struct slice whole)
{
    if (!slice_is_absent(part) &&
        (part.ptr < whole.ptr || part.len > whole.len ||
         part.ptr + part.len > whole.ptr + whole.len))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = slice_make((const char *)data, size);
    struct slice rest = text;
    struct header_field field;
    char buffer[64];

    while (rest.len > 0) {
        if (!header_next(&rest, &field))
            continue;
        check(field.name, text);
        check(field.value, text);
        check(header_parameter(field.value, field.name), field.value);
        check(header_parameter(field.value, SLICE_LITERAL("b")), field.value);
        check(header_token(field.value), field.value);
        check(header_typed(field.value), field.value);
        if (header_unescape(field.value, buffer, sizeof buffer).len >
            field.value.len)
            abort();
    }
    return 0;
}
