/*
 * The bytes are a log: as a file, and as a pipe where they fit into one. Both
 * gunzippers must agree on what is whole; where it is damaged, one may notice
 * sooner, but no two may read different text.
 */
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "parsers/input_inflate.h"
#include "parsers/input_log.h"

enum { TEXT_MAX = 1024 * 1024, PIPE_MAX = 65536 };

struct text {
    char *ptr;
    size_t len;
    enum input_log_outcome outcome;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int file_of(const uint8_t *data, size_t size)
{
    int fd = memfd_create("log", MFD_CLOEXEC);

    if (fd < 0 || write(fd, data, size) != (ssize_t)size ||
        lseek(fd, 0, SEEK_SET) != 0)
        abort();
    return fd;
}

static int pipe_of(const uint8_t *data, size_t size)
{
    int ends[2];

    if (pipe(ends) != 0 || write(ends[1], data, size) != (ssize_t)size)
        abort();
    close(ends[1]);
    return ends[0];
}

/* A block is never empty, never too large, and ends with a newline, a piece of
 * a line, or the text. */
static void add_block(struct text *text, const struct log_block *block)
{
    size_t len = block->text.len;

    if (len == 0 || len > LOG_BLOCK_BYTES)
        abort();
    if (block->is_cut && len != LOG_BLOCK_BYTES)
        abort();
    memcpy(text->ptr + text->len, block->text.ptr, len);
    text->len += len;
}

static struct text read_all(int fd, const struct inflate_library *library)
{
    struct text text = {malloc(TEXT_MAX), 0, INPUT_LOG_OK};
    struct input_log *in = input_log_open_with(fd, library);
    struct log_block block;
    bool must_end = false;

    if (text.ptr == NULL || in == NULL)
        abort();
    log_block_init(&block);
    while (text.len + LOG_BLOCK_BYTES <= TEXT_MAX &&
           (text.outcome = input_log_next(in, &block)) == INPUT_LOG_OK) {
        if (must_end)
            abort();
        add_block(&text, &block);
        must_end = !block.is_cut && block.text.ptr[block.text.len - 1] != '\n';
    }
    log_block_free(&block);
    input_log_close(in);
    return text;
}

static void must_agree(const struct text *one, const struct text *other,
                       bool is_same_decoder)
{
    size_t len = one->len < other->len ? one->len : other->len;
    bool is_whole =
        one->outcome == INPUT_LOG_END || one->outcome == INPUT_LOG_GARBAGE;

    if (memcmp(one->ptr, other->ptr, len) != 0)
        abort();
    if ((is_same_decoder || is_whole) &&
        (one->len != other->len || one->outcome != other->outcome))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct text file = read_all(file_of(data, size), inflate_zlib());
    struct text other;

    if (inflate_isal() != NULL) {
        other = read_all(file_of(data, size), inflate_isal());
        must_agree(&file, &other, false);
        free(other.ptr);
    }
    if (size <= PIPE_MAX) {
        other = read_all(pipe_of(data, size), inflate_zlib());
        must_agree(&file, &other, true);
        free(other.ptr);
    }
    free(file.ptr);
    return 0;
}
