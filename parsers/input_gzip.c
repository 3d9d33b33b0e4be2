/* RFC 1952: members, one behind the other. */
#include "parsers/input_decode.h"

#include <stdlib.h>

#include <zlib.h>

enum {
    FLAG_HEADER_CRC = 0x02,
    FLAG_EXTRA = 0x04,
    FLAG_NAME = 0x08,
    FLAG_COMMENT = 0x10,
    FLAGS_RESERVED = 0xe0,
};

struct gzip_text {
    struct stored *stored;
    const struct inflate_library *library;
    void *inflate;         /* owned */
    bool is_in_member;     /* behind its header */
    uint32_t member_bytes; /* of text, modulo 2^32 as in its trailer */
    uint32_t header_crc;
};

struct gzip_text *decode_gzip_open(struct stored *stored,
                                   const struct inflate_library *library)
{
    struct gzip_text *gzip = calloc(1, sizeof(*gzip));

    if (gzip == NULL)
        return NULL;
    gzip->stored = stored;
    gzip->library = library;
    gzip->inflate = library->open();
    if (gzip->inflate != NULL)
        return gzip;
    free(gzip);
    return NULL;
}

void decode_gzip_close(struct gzip_text *gzip)
{
    if (gzip == NULL)
        return;
    gzip->library->close(gzip->inflate);
    free(gzip);
}

/* Little-endian, of up to four bytes; false at the end of the file. */
static bool read_number(struct gzip_text *gzip, size_t bytes,
                        uint32_t *number_r)
{
    *number_r = 0;
    for (size_t i = 0; i < bytes; i++) {
        int byte = stored_next_byte(gzip->stored);
        uint8_t octet = (uint8_t)byte;

        if (byte < 0)
            return false;
        *number_r |= (uint32_t)octet << (8 * i);
        gzip->header_crc = (uint32_t)crc32(gzip->header_crc, &octet, 1);
    }
    return true;
}

static bool skip_bytes(struct gzip_text *gzip, uint32_t count)
{
    uint32_t byte;

    while (count-- > 0)
        if (!read_number(gzip, 1, &byte))
            return false;
    return true;
}

static bool skip_string(struct gzip_text *gzip)
{
    uint32_t byte;

    do
        if (!read_number(gzip, 1, &byte))
            return false;
    while (byte != 0);
    return true;
}

static bool skip_options(struct gzip_text *gzip, uint32_t flags)
{
    uint32_t extra_bytes;

    if (flags & FLAG_EXTRA &&
        !(read_number(gzip, 2, &extra_bytes) && skip_bytes(gzip, extra_bytes)))
        return false;
    if (flags & FLAG_NAME && !skip_string(gzip))
        return false;
    return !(flags & FLAG_COMMENT) || skip_string(gzip);
}

/* Behind the magic bytes. */
static enum input_log_outcome read_header(struct gzip_text *gzip)
{
    uint32_t method, flags, crc, computed;

    if (!read_number(gzip, 1, &method) || !read_number(gzip, 1, &flags))
        return INPUT_LOG_TRUNCATED;
    if (method != Z_DEFLATED || flags & FLAGS_RESERVED)
        return INPUT_LOG_DAMAGED;
    if (!skip_bytes(gzip, 6) || !skip_options(gzip, flags))
        return INPUT_LOG_TRUNCATED;
    computed = gzip->header_crc & 0xffff;
    if (flags & FLAG_HEADER_CRC) {
        if (!read_number(gzip, 2, &crc))
            return INPUT_LOG_TRUNCATED;
        if (crc != computed)
            return INPUT_LOG_DAMAGED;
    }
    return INPUT_LOG_OK;
}

/* Zeros up to the end of a tape's or disk's block are no garbage, as gzip(1)
 * has it. */
static enum input_log_outcome read_padding(struct gzip_text *gzip)
{
    int byte;

    do
        byte = stored_next_byte(gzip->stored);
    while (byte == 0);
    return byte < 0 ? INPUT_LOG_END : INPUT_LOG_GARBAGE;
}

/* OK: a member begins, and its text is next. */
static enum input_log_outcome begin_member(struct gzip_text *gzip)
{
    static const uint8_t magic[] = {0x1f, 0x8b};
    enum input_log_outcome outcome;

    for (size_t i = 0; i < sizeof(magic); i++) {
        int byte = stored_next_byte(gzip->stored);

        if (byte < 0 && i == 0)
            return INPUT_LOG_END;
        if (byte == 0 && i == 0)
            return read_padding(gzip);
        if (byte != magic[i])
            return INPUT_LOG_GARBAGE;
    }
    gzip->header_crc = (uint32_t)crc32(0, magic, sizeof(magic));
    outcome = read_header(gzip);
    if (outcome != INPUT_LOG_OK)
        return outcome;
    gzip->library->restart(gzip->inflate);
    gzip->member_bytes = 0;
    gzip->is_in_member = true;
    return INPUT_LOG_OK;
}

static enum input_log_outcome end_member(struct gzip_text *gzip)
{
    uint32_t crc, bytes;

    gzip->is_in_member = false;
    if (!read_number(gzip, 4, &crc) || !read_number(gzip, 4, &bytes))
        return INPUT_LOG_TRUNCATED;
    if (crc != gzip->library->crc(gzip->inflate) || bytes != gzip->member_bytes)
        return INPUT_LOG_DAMAGED;
    return INPUT_LOG_OK;
}

static enum input_log_outcome inflate_some(struct gzip_text *gzip, char *to,
                                           size_t room, size_t *got_r)
{
    struct stored *stored = gzip->stored;
    struct inflate_step step = {stored->next, stored->available_bytes,
                                (uint8_t *)to, room};
    enum inflate_outcome outcome = gzip->library->run(gzip->inflate, &step);
    size_t got = room - step.out_bytes;

    stored->next = step.in;
    stored->available_bytes = step.in_bytes;
    gzip->member_bytes += (uint32_t)got;
    *got_r += got;
    if (outcome == INFLATE_DAMAGED)
        return INPUT_LOG_DAMAGED;
    if (outcome == INFLATE_END)
        return end_member(gzip);
    if (step.out_bytes == 0)
        return INPUT_LOG_OK;
    if (step.in_bytes > 0) /* it takes all, or fills all */
        return INPUT_LOG_DAMAGED;
    return stored_refill(stored) ? INPUT_LOG_OK : INPUT_LOG_TRUNCATED;
}

enum input_log_outcome decode_gzip_fill(struct gzip_text *gzip, char *to,
                                        size_t room, size_t *got_r)
{
    enum input_log_outcome outcome = INPUT_LOG_OK;

    *got_r = 0;
    while (*got_r < room && outcome == INPUT_LOG_OK)
        outcome = gzip->is_in_member
                      ? inflate_some(gzip, to + *got_r, room - *got_r, got_r)
                      : begin_member(gzip);
    return outcome;
}
