#include "parsers/input_log.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zlib.h>
#ifdef HAVE_ISAL
#include <isa-l.h>
#endif
#ifdef HAVE_LIBARCHIVE
#include <archive.h>
#endif

#include "parsers/input_decode.h"
#include "parsers/input_inflate.h"
#include "parsers/input_stored.h"
#include "parsers/input_window.h"

struct input_log {
    struct stored stored;
    enum input_log_format format;
    enum input_log_outcome outcome; /* of every further call; OK: not over */
    /* A regular plain file: offsets in it, and the window we are in. */
    bool is_mapped;
    bool was_cut;
    uint64_t offset, end;
    struct input_window *window; /* held */
    uint64_t window_offset;
    /* All else: a stream. */
    struct gzip_text *gzip;            /* owned */
    struct archive_text *archive;      /* owned */
    char *carry;                       /* owned; of LOG_BLOCK_BYTES */
    size_t carry_bytes;                /* begin the next block */
    enum input_log_outcome stream_end; /* OK: more may come */
};

/* One byte more than a block has: it tells whether the text goes on. */
enum { ROOM_BYTES = LOG_BLOCK_BYTES + 1 };

/* ---- formats ---- */

static const struct magic {
    enum input_log_format format;
    size_t least_bytes; /* of a file that has no more */
    size_t len;
    char bytes[STORED_HEAD_BYTES]; /* '?' is any digit */
} magics[] = {
    {LOG_GZIP, 2, 2, "\x1f\x8b"},
    {LOG_BZIP2, 4, 10, "BZh?\x31\x41\x59\x26\x53\x59"},
    {LOG_BZIP2, 4, 10, "BZh?\x17\x72\x45\x38\x50\x90"}, /* no text */
    {LOG_XZ, 4, 6, "\xfd\x37zXZ"},
    {LOG_ZSTD, 4, 4, "\x28\xb5\x2f\xfd"},
    {LOG_LZ4, 4, 4, "\x04\x22\x4d\x18"},
    {LOG_LZ4, 4, 4, "\x02\x21\x4c\x18"}, /* of lz4 -l */
};
enum { MAGICS = sizeof(magics) / sizeof(magics[0]) };

static bool agrees(const struct magic *magic, struct slice head)
{
    for (size_t i = 0; i < head.len && i < magic->len; i++)
        if (magic->bytes[i] == '?' ? !byte_is_digit(head.ptr[i])
                                   : magic->bytes[i] != head.ptr[i])
            return false;
    return true;
}

static struct slice head_of(const struct input_log *in)
{
    return slice_make((const char *)in->stored.next,
                      in->stored.available_bytes);
}

/* Reads no byte more than it takes: a pipe may have no other yet. */
static enum input_log_format find_format(struct input_log *in)
{
    for (size_t i = 0; i < MAGICS; i++) {
        const struct magic *magic = &magics[i];

        while (head_of(in).len < magic->len && agrees(magic, head_of(in))) {
            size_t had = head_of(in).len;

            stored_read_head(&in->stored, had + 1);
            if (head_of(in).len == had)
                break;
        }
        if (head_of(in).len >= magic->least_bytes && agrees(magic, head_of(in)))
            return magic->format;
    }
    return LOG_PLAIN;
}

/* ---- open and close ---- */

static bool open_stream(struct input_log *in,
                        const struct inflate_library *library)
{
    in->carry = malloc(LOG_BLOCK_BYTES);
    if (in->carry == NULL)
        return false;
    if (in->format == LOG_PLAIN)
        return true;
    if (!stored_make_buffer(&in->stored))
        return false;
    if (in->format == LOG_GZIP) {
        in->gzip = decode_gzip_open(&in->stored, library);
        return in->gzip != NULL;
    }
    in->archive = decode_archive_open(&in->stored, in->format);
    return in->archive != NULL;
}

struct input_log *input_log_open_with(int fd,
                                      const struct inflate_library *library)
{
    struct input_log *in = calloc(1, sizeof(*in));

    if (in == NULL) {
        close(fd);
        return NULL;
    }
    stored_open(&in->stored, fd);
    in->format = find_format(in);
    in->is_mapped = in->format == LOG_PLAIN && in->stored.is_regular;
    if (in->is_mapped) {
        in->offset = in->stored.start_bytes;
        in->end = in->offset + in->stored.size_bytes;
    } else if (!open_stream(in, library)) {
        input_log_close(in);
        return NULL;
    }
    return in;
}

struct input_log *input_log_open(int fd)
{
    const struct inflate_library *fastest = inflate_isal();

    return input_log_open_with(fd, fastest != NULL ? fastest : inflate_zlib());
}

void input_log_close(struct input_log *in)
{
    if (in == NULL)
        return;
    if (in->window != NULL)
        input_window_release(in->window);
    decode_gzip_close(in->gzip);
    decode_archive_close(in->archive);
    stored_close(&in->stored);
    free(in->carry);
    free(in);
}

enum input_log_format input_log_format(const struct input_log *in)
{
    return in->format;
}

uint64_t input_log_taken_bytes(const struct input_log *in)
{
    return in->is_mapped ? in->offset - in->stored.start_bytes
                         : in->stored.read_bytes - in->stored.available_bytes;
}

uint64_t input_log_size_bytes(const struct input_log *in)
{
    return in->stored.size_bytes;
}

int input_log_error(const struct input_log *in)
{
    return in->stored.error;
}

/* ---- blocks ---- */

void log_block_init(struct log_block *block)
{
    *block = (struct log_block){0};
}

static void empty_block(struct log_block *block)
{
    if (block->window != NULL)
        input_window_release(block->window);
    block->window = NULL;
    block->text = (struct slice){0};
    block->is_cut = false;
}

void log_block_free(struct log_block *block)
{
    empty_block(block);
    free(block->buffer);
    log_block_init(block);
}

static bool has_buffer(struct log_block *block)
{
    if (block->buffer == NULL)
        block->buffer = malloc(ROOM_BYTES);
    return block->buffer != NULL;
}

/* Text that goes on behind its LOG_BLOCK_BYTES. */
static void cut(struct log_block *block)
{
    const char *newline;

    block->text.len = LOG_BLOCK_BYTES;
    newline = memrchr(block->text.ptr, '\n', LOG_BLOCK_BYTES);
    if (newline != NULL)
        block->text.len = (size_t)(newline - block->text.ptr) + 1;
    block->is_cut = newline == NULL;
}

/* The page where the file ends now shows zeros without a fault. */
bool log_block_is_intact(const struct log_block *block)
{
    const char *end = block->text.ptr + block->text.len;

    return block->window == NULL || block->text.len == 0 ||
           (end[-1] == block->last &&
            !input_window_has_lost(block->window, end));
}

/* ---- a regular plain file ---- */

/* Ends the text where the file ends now, if that is before its end. */
static void look_whether_it_shrank(struct input_log *in)
{
    struct stat st;

    if (fstat(in->stored.fd, &st) != 0 || (uint64_t)st.st_size >= in->end)
        return;
    in->was_cut = true;
    in->end = (uint64_t)st.st_size;
}

static bool is_in_window(const struct input_log *in, size_t count)
{
    return in->window != NULL &&
           in->offset + count - in->window_offset <= LOG_WINDOW_BYTES;
}

static bool has_window(struct input_log *in, size_t count)
{
    uint64_t page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);

    if (is_in_window(in, count))
        return true;
    if (in->window != NULL)
        input_window_release(in->window);
    in->window_offset = in->offset - in->offset % page_bytes;
    in->window = input_window_open(in->stored.fd, in->window_offset);
    return in->window != NULL;
}

/* Count bytes are left in the file, or so many that the block must be cut. A
 * NUL at the end is no text, and would not show that the file shrank. */
static bool map_block(struct input_log *in, struct log_block *block,
                      size_t count)
{
    if (!has_window(in, count))
        return false;
    input_window_hold(in->window);
    block->window = in->window;
    block->text.ptr = input_window_bytes(in->window) +
                      (size_t)(in->offset - in->window_offset);
    block->text.len = count;
    if (count > LOG_BLOCK_BYTES)
        cut(block);
    block->last = block->text.ptr[block->text.len - 1];
    if (block->last != '\0')
        return true;
    empty_block(block);
    return false;
}

static enum input_log_outcome read_failed(struct input_log *in)
{
    in->stored.error = errno;
    return INPUT_LOG_FAILED;
}

/* As map_block, where there is no map. */
static enum input_log_outcome read_block(struct input_log *in,
                                         struct log_block *block, size_t count)
{
    size_t have = 0;

    if (!has_buffer(block))
        return INPUT_LOG_NO_MEMORY;
    while (have < count) {
        ssize_t n = pread(in->stored.fd, block->buffer + have, count - have,
                          (off_t)(in->offset + have));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return read_failed(in);
        if (n == 0)
            break;
        have += (size_t)n;
    }
    if (have < count) {
        in->was_cut = true;
        in->end = in->offset + have;
    }
    block->text = slice_make(block->buffer, have);
    if (have > LOG_BLOCK_BYTES)
        cut(block);
    return have > 0 ? INPUT_LOG_OK : INPUT_LOG_SHRUNK;
}

static enum input_log_outcome next_of_file(struct input_log *in,
                                           struct log_block *block)
{
    enum input_log_outcome outcome = INPUT_LOG_OK;
    uint64_t left;
    size_t count;

    look_whether_it_shrank(in);
    if (in->offset >= in->end)
        return in->was_cut ? INPUT_LOG_SHRUNK : INPUT_LOG_END;
    left = in->end - in->offset;
    count = left < ROOM_BYTES ? (size_t)left : ROOM_BYTES;
    if (!map_block(in, block, count))
        outcome = read_block(in, block, count);
    in->offset += block->text.len;
    return outcome;
}

/* ---- a stream ---- */

static enum input_log_outcome fill(struct input_log *in, char *to, size_t room,
                                   size_t *got_r)
{
    enum input_log_outcome outcome;

    if (in->gzip != NULL) {
        outcome = decode_gzip_fill(in->gzip, to, room, got_r);
    } else if (in->archive != NULL) {
        outcome = decode_archive_fill(in->archive, to, room, got_r);
    } else {
        *got_r = stored_take(&in->stored, to, room);
        outcome = *got_r == room ? INPUT_LOG_OK : INPUT_LOG_END;
    }
    if (outcome != INPUT_LOG_END && outcome != INPUT_LOG_TRUNCATED)
        return outcome;
    if (in->stored.error != 0)
        return INPUT_LOG_FAILED;
    return in->stored.was_cut ? INPUT_LOG_SHRUNK : outcome;
}

static void carry_over(struct input_log *in, struct slice rest)
{
    memcpy(in->carry, rest.ptr, rest.len);
    in->carry_bytes = rest.len;
}

static enum input_log_outcome next_of_stream(struct input_log *in,
                                             struct log_block *block)
{
    size_t have = in->carry_bytes;
    size_t got = 0;

    if (!has_buffer(block))
        return INPUT_LOG_NO_MEMORY;
    memcpy(block->buffer, in->carry, have);
    in->carry_bytes = 0;
    if (in->stream_end == INPUT_LOG_OK)
        in->stream_end =
            fill(in, block->buffer + have, ROOM_BYTES - have, &got);
    block->text = slice_make(block->buffer, have + got);
    if (block->text.len > LOG_BLOCK_BYTES) {
        struct slice all = block->text;

        cut(block);
        carry_over(in, slice_skip(all, block->text.len));
    }
    return block->text.len > 0 ? INPUT_LOG_OK : in->stream_end;
}

enum input_log_outcome input_log_next(struct input_log *in,
                                      struct log_block *block)
{
    enum input_log_outcome outcome;

    empty_block(block);
    if (in->outcome != INPUT_LOG_OK)
        return in->outcome;
    outcome =
        in->is_mapped ? next_of_file(in, block) : next_of_stream(in, block);
    if (outcome == INPUT_LOG_OK)
        return outcome;
    empty_block(block);
    in->outcome = outcome;
    return outcome;
}

/* ---- words ---- */

const char *input_log_outcome_text(enum input_log_outcome outcome)
{
    switch (outcome) {
    case INPUT_LOG_OK:
        return "read";
    case INPUT_LOG_END:
        return "read to its end";
    case INPUT_LOG_TRUNCATED:
        return "ends too early";
    case INPUT_LOG_DAMAGED:
        return "damaged";
    case INPUT_LOG_GARBAGE:
        return "followed by something else";
    case INPUT_LOG_UNSUPPORTED:
        return "compressed in a way that is not built in";
    case INPUT_LOG_SHRUNK:
        return "was cut while it was read";
    case INPUT_LOG_FAILED:
        return "cannot be read";
    case INPUT_LOG_NO_MEMORY:
        return "no memory";
    }
    return "cannot be read";
}

const char *input_log_format_text(enum input_log_format format)
{
    switch (format) {
    case LOG_PLAIN:
        return "plain";
    case LOG_GZIP:
        return "gzip";
    case LOG_BZIP2:
        return "bzip2";
    case LOG_XZ:
        return "xz";
    case LOG_ZSTD:
        return "zstd";
    case LOG_LZ4:
        return "lz4";
    }
    return "plain";
}

#define TEXT_OF(value) TEXT_OF_EXPANDED(value)
#define TEXT_OF_EXPANDED(value) #value

const char *input_log_libraries(void)
{
    return "zlib " ZLIB_VERSION
#ifdef HAVE_ISAL
           ", ISA-L " TEXT_OF(ISAL_MAJOR_VERSION) "." TEXT_OF(
               ISAL_MINOR_VERSION)
#endif
#ifdef HAVE_LIBARCHIVE
               ", libarchive " ARCHIVE_VERSION_ONLY_STRING
#endif
        ;
}
