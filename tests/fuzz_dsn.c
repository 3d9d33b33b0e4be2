/*
 * The bytes are a control file, up to its "." line, and a body; read both as
 * an own and as a foreign report. Also checked: a front of the body that the
 * parser calls sufficient gives the same result as the whole.
 */
#include <stdint.h>
#include <stdlib.h>

#include "parsers/dsn.h"
#include "parsers/header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool is_sound)
{
    if (!is_sound)
        abort();
}

/* Every byte can be read; the sum keeps the reads. */
static size_t touch(struct slice part)
{
    size_t sum = 0;

    for (size_t i = 0; i < part.len; i++)
        sum += (unsigned char)part.ptr[i];
    return sum;
}

static size_t touch_all(const struct dsn *dsn)
{
    size_t sum = touch(dsn->parent_id) + touch(dsn->source_text) +
                 touch(dsn->helo) + touch(dsn->reporting_mta) +
                 touch(dsn->received_from) + touch(dsn->arrival_date) +
                 touch(dsn->above) + touch(dsn->brought);
    struct dsn_path path;

    dsn_read_path(dsn, &path);
    sum += touch(path.by) + touch(path.user) + touch(path.answered) +
           touch(path.found_below) +
           dsn_is_authentic(dsn, &path, address_domain(dsn->source_text));

    for (size_t i = 0; i < dsn->recipient_count; i++) {
        const struct dsn_recipient *recipient = &dsn->recipients[i];

        sum += touch(recipient->final_recipient) +
               touch(recipient->original_recipient) + touch(recipient->action) +
               touch(recipient->status) + touch(recipient->remote_mta) +
               touch(recipient->diagnostic);
    }
    return sum;
}

static struct slice id_of(const struct qf *qf)
{
    size_t index = 0;
    const struct qf_header *header =
        qf_header_find(qf, SLICE_LITERAL("Content-Type"), &index);
    struct slice boundary = {NULL, 0};

    if (header != NULL)
        boundary = header_parameter(header->value, SLICE_LITERAL("boundary"));
    return slice_head(boundary, slice_index(boundary, '.'));
}

static enum dsn_outcome parse(struct dsn *dsn, const struct qf *qf,
                              struct slice body, bool is_own)
{
    return is_own ? dsn_parse_own(dsn, qf, dsn_kind_of_own(qf), id_of(qf), body)
                  : dsn_parse_foreign(dsn, qf, body);
}

static void try(const struct qf *qf, struct slice body, size_t cut, bool is_own)
{
    struct dsn whole, front;
    enum dsn_outcome outcome;

    dsn_init(&whole);
    dsn_init(&front);
    outcome = parse(&whole, qf, body, is_own);
    check(outcome != DSN_NO_MEMORY);
    check((whole.kind == DSN_NONE) == (outcome == DSN_NOT_A_REPORT));
    check(touch_all(&whole) != SIZE_MAX);
    if (parse(&front, qf, slice_head(body, cut), is_own) != DSN_NO_MEMORY &&
        !front.is_cut) {
        check(parse(&front, qf, slice_head(body, cut), is_own) == outcome);
        check(front.recipient_count == whole.recipient_count);
        check(slice_equal(front.parent_id, whole.parent_id));
        check(slice_equal(front.source_text, whole.source_text));
        check(slice_equal(front.helo, whole.helo));
        check(front.is_authenticated == whole.is_authenticated);
        check(front.has_expired == whole.has_expired);
        check(front.kind == whole.kind);
    }
    dsn_free(&whole);
    dsn_free(&front);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = slice_make((const char *)data, size);
    struct slice body = text, line;
    struct qf qf;
    size_t cut;

    while (slice_next_line(&body, &line) &&
           !slice_equal(line, SLICE_LITERAL(".")))
        ;
    qf_init(&qf);
    qf_parse(&qf, slice_head(text, text.len - body.len));
    /* Cut at a place that moves with the size; foreign texts at a newline,
     * where the end of the body may be the end of its last line. */
    cut = body.len * (size % 17) / 17;
    try(&qf, body, cut, true);
    while (cut > 0 && body.ptr[cut - 1] != '\n')
        cut--;
    try(&qf, body, cut, false);
    qf_free(&qf);
    return 0;
}
