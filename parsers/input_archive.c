/*
 * bzip2, xz, zstd, lz4, through libarchive. It decodes concatenated members as
 * one text, and into buffers of its own, of 64 KiB for bzip2 and xz, up to
 * 128 KiB for zstd. It hands one out when it is full, however little it was fed
 * at a time, and drops what it holds when it meets damage: so much is lost that
 * "bzip2 -d" would still write, and nothing in its interface gives it.
 */
#include "parsers/input_decode.h"

#include <errno.h>
#include <stdlib.h>

#ifdef HAVE_LIBARCHIVE

#include <archive.h>
#include <archive_entry.h>

struct archive_text {
    struct stored *stored;
    struct archive *archive;        /* owned */
    enum input_log_outcome outcome; /* of opening, or once the text ended */
    bool is_open;
    bool met_end; /* of the stored bytes */
    const char *piece;
    size_t piece_bytes;
};

/* Never one of its programs: not "bzip2 -d" in another process. */
static bool add_filter(struct archive *archive, enum input_log_format format)
{
    switch (format) {
    case LOG_BZIP2:
        return archive_read_append_filter(archive, ARCHIVE_FILTER_BZIP2) ==
               ARCHIVE_OK;
    case LOG_XZ:
        return archive_read_append_filter(archive, ARCHIVE_FILTER_XZ) ==
               ARCHIVE_OK;
    case LOG_ZSTD:
        return archive_read_append_filter(archive, ARCHIVE_FILTER_ZSTD) ==
               ARCHIVE_OK;
    case LOG_LZ4:
        return archive_read_append_filter(archive, ARCHIVE_FILTER_LZ4) ==
               ARCHIVE_OK;
    case LOG_PLAIN:
    case LOG_GZIP:
        break;
    }
    return false;
}

struct archive_text *decode_archive_open(struct stored *stored,
                                         enum input_log_format format)
{
    struct archive_text *text = calloc(1, sizeof(*text));

    if (text == NULL)
        return NULL;
    text->stored = stored;
    text->archive = archive_read_new();
    if (text->archive == NULL) {
        free(text);
        return NULL;
    }
    if (!add_filter(text->archive, format) ||
        archive_read_support_format_raw(text->archive) != ARCHIVE_OK ||
        archive_read_support_format_empty(text->archive) != ARCHIVE_OK)
        text->outcome = INPUT_LOG_UNSUPPORTED;
    return text;
}

void decode_archive_close(struct archive_text *text)
{
    if (text == NULL)
        return;
    archive_read_free(text->archive);
    free(text);
}

static la_ssize_t read_stored(struct archive *archive, void *opaque,
                              const void **buffer_r)
{
    struct archive_text *text = opaque;
    struct stored *stored = text->stored;
    size_t count;

    (void)archive;
    if (stored->available_bytes == 0 && !stored_refill(stored)) {
        text->met_end = true;
        return 0;
    }
    *buffer_r = stored->next;
    count = stored->available_bytes;
    stored->next += count;
    stored->available_bytes = 0;
    return (la_ssize_t)count;
}

/* How many of the bytes read libarchive left behind the last member; those of
 * the last read are still there. */
static size_t rest_bytes(const struct archive_text *text, uint64_t used_bytes)
{
    uint64_t rest = text->stored->read_bytes - used_bytes;
    size_t buffered_bytes = (size_t)(text->stored->next - text->stored->buffer);

    return rest < buffered_bytes ? (size_t)rest : buffered_bytes;
}

/* Zeros are padding, as behind gzip. */
static enum input_log_outcome judge_rest(struct archive_text *text,
                                         uint64_t used_bytes)
{
    const uint8_t *end = text->stored->next;
    int byte;

    for (size_t rest = rest_bytes(text, used_bytes); rest > 0; rest--)
        if (*(end - rest) != 0)
            return INPUT_LOG_GARBAGE;
    do
        byte = stored_next_byte(text->stored);
    while (byte == 0);
    return byte < 0 ? INPUT_LOG_END : INPUT_LOG_GARBAGE;
}

static enum input_log_outcome damage(const struct archive_text *text)
{
    if (archive_errno(text->archive) == ENOMEM)
        return INPUT_LOG_NO_MEMORY;
    return text->met_end ? INPUT_LOG_TRUNCATED : INPUT_LOG_DAMAGED;
}

static enum input_log_outcome outcome_of(struct archive_text *text, int result)
{
    la_int64_t used_bytes;

    if (result == ARCHIVE_OK)
        return INPUT_LOG_OK;
    if (result != ARCHIVE_EOF)
        return damage(text);
    used_bytes = archive_filter_bytes(text->archive, -1);
    /* too few bytes even for the smallest member */
    if (used_bytes <= 0)
        return damage(text);
    return judge_rest(text, (uint64_t)used_bytes);
}

/* Opening reads already, and is a success even where nothing can be decoded;
 * only the words that it leaves tell that from an empty text. */
static enum input_log_outcome begin_text(struct archive_text *text)
{
    struct archive_entry *entry;
    int result =
        archive_read_open(text->archive, text, NULL, read_stored, NULL);

    text->is_open = true;
    if (result != ARCHIVE_OK || archive_error_string(text->archive) != NULL)
        return damage(text);
    return outcome_of(text, archive_read_next_header(text->archive, &entry));
}

static enum input_log_outcome next_piece(struct archive_text *text)
{
    const void *piece;
    la_int64_t offset;
    int result;

    if (!text->is_open)
        return begin_text(text);
    result = archive_read_data_block(text->archive, &piece, &text->piece_bytes,
                                     &offset);
    text->piece = piece;
    if (result != ARCHIVE_OK)
        text->piece_bytes = 0;
    return outcome_of(text, result);
}

enum input_log_outcome decode_archive_fill(struct archive_text *text, char *to,
                                           size_t room, size_t *got_r)
{
    *got_r = 0;
    while (*got_r < room && text->outcome == INPUT_LOG_OK) {
        size_t count = text->piece_bytes;

        if (count == 0) {
            text->outcome = next_piece(text);
            continue;
        }
        if (count > room - *got_r)
            count = room - *got_r;
        memcpy(to + *got_r, text->piece, count);
        text->piece += count;
        text->piece_bytes -= count;
        *got_r += count;
    }
    return text->outcome;
}

#else

/* The shape stays: it is recognised, and refused. */
struct archive_text {
    char nothing;
};

struct archive_text *decode_archive_open(struct stored *stored,
                                         enum input_log_format format)
{
    (void)stored;
    (void)format;
    return calloc(1, sizeof(struct archive_text));
}

void decode_archive_close(struct archive_text *text)
{
    free(text);
}

enum input_log_outcome decode_archive_fill(struct archive_text *text, char *to,
                                           size_t room, size_t *got_r)
{
    (void)text;
    (void)to;
    (void)room;
    *got_r = 0;
    return INPUT_LOG_UNSUPPORTED;
}

#endif
