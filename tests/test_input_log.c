/* Maillogs as blocks: any storage, any damage, changing files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <zlib.h>

#include "parsers/input.h"
#include "parsers/input_inflate.h"
#include "parsers/input_log.h"
#include "tests/folder.h"

/* ---- bytes that grow ---- */

struct bytes {
    char *ptr;
    size_t len, capacity;
};

static void add(struct bytes *bytes, const void *more, size_t len)
{
    if (bytes->capacity < bytes->len + len + 1) {
        bytes->capacity = 2 * (bytes->len + len + 1);
        bytes->ptr = realloc(bytes->ptr, bytes->capacity);
        assert_non_null(bytes->ptr);
    }
    if (len > 0)
        memcpy(bytes->ptr + bytes->len, more, len);
    bytes->len += len;
}

static void add_text(struct bytes *bytes, const char *text)
{
    add(bytes, text, strlen(text));
}

static void add_repeated(struct bytes *bytes, char c, size_t count)
{
    for (size_t i = 0; i < count; i++)
        add(bytes, &c, 1);
}

static void drop(struct bytes *bytes)
{
    free(bytes->ptr);
    *bytes = (struct bytes){0};
}

/* That of fixtures/log-input. */
static struct bytes make_text(void)
{
    struct bytes text = {0};
    char line[100];

    for (int i = 0; i < 120 * 100; i++) {
        snprintf(line, sizeof(line),
                 "Nov 16 14:28:37 mx.example.org sendmail[%d]: NOQUEUE: idle\n",
                 i % 100 + 1);
        add_text(&text, line);
    }
    return text;
}

/* ---- storage ---- */

static int file_of(const void *ptr, size_t len)
{
    int fd = memfd_create("log", MFD_CLOEXEC);

    folder_need(fd >= 0, "memfd");
    for (size_t done = 0; done < len;) {
        ssize_t n = write(fd, (const char *)ptr + done, len - done);
        folder_need(n > 0, "write");
        done += (size_t)n;
    }
    folder_need(lseek(fd, 0, SEEK_SET) == 0, "lseek");
    return fd;
}

/* Fed by a process of its own, so many bytes at a time. */
static int pipe_of(const void *ptr, size_t len, size_t step)
{
    int ends[2];
    pid_t child;

    folder_need(pipe(ends) == 0, "pipe");
    child = fork();
    folder_need(child >= 0, "fork");
    if (child == 0) {
        close(ends[0]);
        for (size_t done = 0; done < len;) {
            size_t count = len - done < step ? len - done : step;
            ssize_t n = write(ends[1], (const char *)ptr + done, count);
            if (n <= 0)
                break;
            done += (size_t)n;
        }
        _exit(0);
    }
    close(ends[1]);
    return ends[0];
}

enum { HEADER_CRC = 0x02, EXTRA = 0x04, NAME = 0x08, COMMENT = 0x10 };

static void add_number(struct bytes *bytes, uint32_t number, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        char c = (char)(number >> 8 * i);
        add(bytes, &c, 1);
    }
}

static void add_gzip_header(struct bytes *gz, int flags)
{
    size_t start = gz->len;

    add(gz, "\x1f\x8b\x08", 3);
    add_number(gz, (uint32_t)flags, 1);
    add(gz, "\0\0\0\0\0\x03", 6);
    if (flags & EXTRA)
        add(gz,
            "\x05\x00"
            "AB\x01\x00x",
            7);
    if (flags & NAME)
        add(gz, "maillog.1", 10);
    if (flags & COMMENT)
        add(gz, "of last week", 13);
    if (flags & HEADER_CRC)
        add_number(gz,
                   (uint32_t)crc32(0, (const Bytef *)gz->ptr + start,
                                   (uInt)(gz->len - start)),
                   2);
}

static void add_deflated(struct bytes *gz, const void *ptr, size_t len)
{
    z_stream stream = {0};
    size_t room = len + len / 8 + 1000;
    char *out = malloc(room);

    assert_int_equal(
        deflateInit2(&stream, 6, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
    stream.next_in = (Bytef *)(uintptr_t)ptr;
    stream.avail_in = (uInt)len;
    stream.next_out = (Bytef *)out;
    stream.avail_out = (uInt)room;
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    add(gz, out, room - stream.avail_out);
    deflateEnd(&stream);
    free(out);
}

static void add_member(struct bytes *gz, const void *ptr, size_t len, int flags)
{
    add_gzip_header(gz, flags);
    add_deflated(gz, ptr, len);
    add_number(gz, (uint32_t)crc32(0, len == 0 ? NULL : ptr, (uInt)len), 4);
    add_number(gz, (uint32_t)len, 4);
}

/* ---- what comes out ---- */

enum { BLOCKS_MAX = 64 };

struct result {
    struct bytes text;
    size_t block_count;
    size_t ends[BLOCKS_MAX]; /* of the first blocks, in text */
    bool is_cut[BLOCKS_MAX];
    enum input_log_outcome outcome;
    enum input_log_format format;
    int error;
};

static void read_all(int fd, const struct inflate_library *library,
                     struct result *result)
{
    struct input_log *in =
        library == NULL ? input_log_open(fd) : input_log_open_with(fd, library);
    struct log_block block;

    assert_non_null(in);
    memset(result, 0, sizeof(*result));
    log_block_init(&block);
    while ((result->outcome = input_log_next(in, &block)) == INPUT_LOG_OK) {
        assert_true(block.text.len > 0);
        assert_true(block.text.len <= LOG_BLOCK_BYTES);
        add(&result->text, block.text.ptr, block.text.len);
        assert_true(log_block_is_intact(&block));
        if (result->block_count < BLOCKS_MAX) {
            result->ends[result->block_count] = result->text.len;
            result->is_cut[result->block_count] = block.is_cut;
        }
        result->block_count++;
    }
    assert_int_equal(block.text.len, 0);
    assert_int_equal(input_log_next(in, &block), result->outcome);
    result->format = input_log_format(in);
    result->error = input_log_error(in);
    log_block_free(&block);
    input_log_close(in);
    while (waitpid(-1, NULL, WNOHANG) > 0)
        ;
}

static void assert_text(const struct result *result, const void *ptr,
                        size_t len)
{
    assert_int_equal(result->text.len, len);
    if (len > 0)
        assert_memory_equal(result->text.ptr, ptr, len);
}

/* How the header says that a text is cut. */
static void assert_cut_as_promised(const struct result *result)
{
    size_t start = 0, count = 0;
    const char *text = result->text.ptr;

    while (start < result->text.len) {
        size_t left = result->text.len - start, len = left;
        bool is_cut = false;

        if (left > LOG_BLOCK_BYTES) {
            len = LOG_BLOCK_BYTES;
            while (len > 0 && text[start + len - 1] != '\n')
                len--;
            is_cut = len == 0;
            len = is_cut ? LOG_BLOCK_BYTES : len;
        }
        if (count < BLOCKS_MAX) {
            assert_int_equal(result->ends[count], start + len);
            assert_int_equal(result->is_cut[count], is_cut);
        }
        start += len;
        count++;
    }
    assert_int_equal(result->block_count, count);
}

/* Whole, and cut as promised. */
static void check_fd(int fd, const struct inflate_library *library,
                     struct bytes text, enum input_log_outcome outcome)
{
    struct result result;

    read_all(fd, library, &result);
    assert_int_equal(result.outcome, outcome);
    assert_text(&result, text.ptr, text.len);
    assert_cut_as_promised(&result);
    drop(&result.text);
}

static const struct inflate_library *library_at(size_t i)
{
    return i == 0 ? inflate_zlib() : i == 1 ? inflate_isal() : NULL;
}

/* With each library. */
static void check_gzip(struct bytes gz, struct bytes text,
                       enum input_log_outcome outcome)
{
    for (size_t i = 0; library_at(i) != NULL; i++) {
        check_fd(file_of(gz.ptr, gz.len), library_at(i), text, outcome);
        check_fd(pipe_of(gz.ptr, gz.len, 4093), library_at(i), text, outcome);
    }
}

static void check_everywhere(struct bytes text)
{
    struct bytes gz = {0};

    check_fd(file_of(text.ptr, text.len), NULL, text, INPUT_LOG_END);
    check_fd(pipe_of(text.ptr, text.len, 65536), NULL, text, INPUT_LOG_END);
    add_member(&gz, text.ptr, text.len, 0);
    check_gzip(gz, text, INPUT_LOG_END);
    drop(&gz);
}

/* ---- blocks ---- */

static void test_a_log_gives_the_same_blocks_in_any_storage(void **state)
{
    struct bytes text = make_text();

    (void)state;
    check_everywhere(text);
    drop(&text);
}

static void check_shape(size_t before, const char *middle, size_t behind)
{
    struct bytes text = {0};

    add_repeated(&text, 'a', before);
    add_text(&text, middle);
    add_repeated(&text, 'b', behind);
    check_everywhere(text);
    drop(&text);
}

static void test_texts_around_the_size_of_a_block(void **state)
{
    (void)state;
    for (int more = -1; more <= 1; more++) {
        size_t whole = (size_t)(LOG_BLOCK_BYTES + more);

        check_shape(whole, "", 0);
        check_shape(whole, "\n", 0);
        check_shape(whole, "\n", 10);
        check_shape(whole, "\r\n", 10);
        check_shape(10, "\n", whole - 11);
        check_shape(10, "\n", whole);
        check_shape(2 * whole, "", 0);
        check_shape(2 * whole, "\n", whole);
    }
}

static void check_shape_of(struct slice shape)
{
    struct bytes text = {0};

    add(&text, shape.ptr, shape.len);
    check_everywhere(text);
    drop(&text);
}

static void test_short_and_odd_texts(void **state)
{
    static const struct slice texts[] = {
        {"", 0},      {"\n", 1}, {"x", 1},      {"a\r\nb", 4}, {"a\0b\n", 4},
        {"a\n\0", 3}, {"\0", 1}, {"\n\n\n", 3}, {"\x1f", 1},   {"BZh9 no", 7},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        check_shape_of(texts[i]);
}

static void test_several_windows_from_an_odd_offset(void **state)
{
    enum { SIZE = 2 * LOG_WINDOW_BYTES + 5000, OFFSET = 4099 };
    struct bytes lines = make_text(), text = {malloc(SIZE), SIZE, SIZE};
    struct bytes rest = {text.ptr + OFFSET, SIZE - OFFSET, 0};
    struct result result;
    int fd;

    (void)state;
    for (size_t i = 0; i < SIZE; i++)
        text.ptr[i] = lines.ptr[i % lines.len];
    fd = file_of(text.ptr, SIZE);
    assert_int_equal(lseek(fd, OFFSET, SEEK_SET), OFFSET);
    read_all(fd, NULL, &result);
    assert_int_equal(result.outcome, INPUT_LOG_END);
    assert_text(&result, rest.ptr, rest.len);
    assert_cut_as_promised(&result);
    drop(&result.text);
    drop(&text);
    drop(&lines);
}

/* More than there may be windows: the last ones are read. */
static void test_more_inputs_at_once_than_windows(void **state)
{
    enum { INPUTS = 80 };
    struct bytes text = make_text();
    struct input_log *in[INPUTS];
    struct log_block blocks[INPUTS];

    (void)state;
    for (size_t i = 0; i < INPUTS; i++) {
        in[i] = input_log_open(file_of(text.ptr, text.len));
        log_block_init(&blocks[i]);
        assert_int_equal(input_log_next(in[i], &blocks[i]), INPUT_LOG_OK);
        input_log_close(in[i]);
    }
    for (size_t i = 0; i < INPUTS; i++) {
        assert_true(blocks[i].text.len > LOG_BLOCK_BYTES - 100);
        assert_memory_equal(blocks[i].text.ptr, text.ptr, blocks[i].text.len);
        assert_true(log_block_is_intact(&blocks[i]));
        log_block_free(&blocks[i]);
    }
    drop(&text);
}

static void test_pipes_fed_byte_by_byte(void **state)
{
    struct bytes text = {0}, gz = {0};

    (void)state;
    add_text(&text, "one\ntwo\nthree");
    add_member(&gz, text.ptr, text.len, NAME | HEADER_CRC);
    check_fd(pipe_of(text.ptr, text.len, 1), NULL, text, INPUT_LOG_END);
    for (size_t i = 0; library_at(i) != NULL; i++)
        check_fd(pipe_of(gz.ptr, gz.len, 1), library_at(i), text,
                 INPUT_LOG_END);
    drop(&gz);
    drop(&text);
}

static void test_taken_and_size_are_of_the_file_as_it_is_stored(void **state)
{
    struct bytes text = make_text(), gz = {0};
    struct log_block block;
    struct input_log *in;

    (void)state;
    add_member(&gz, text.ptr, text.len, 0);
    log_block_init(&block);
    in = input_log_open(file_of(gz.ptr, gz.len));
    assert_int_equal(input_log_size_bytes(in), gz.len);
    while (input_log_next(in, &block) == INPUT_LOG_OK)
        assert_true(input_log_taken_bytes(in) <= gz.len);
    assert_int_equal(input_log_taken_bytes(in), gz.len);
    input_log_close(in);
    in = input_log_open(file_of(text.ptr, text.len));
    assert_int_equal(input_log_taken_bytes(in), 0);
    assert_int_equal(input_log_next(in, &block), INPUT_LOG_OK);
    assert_int_equal(input_log_taken_bytes(in), block.text.len);
    input_log_close(in);
    in = input_log_open(pipe_of(text.ptr, 100, 100));
    assert_int_equal(input_log_size_bytes(in), 0);
    input_log_close(in);
    log_block_free(&block);
    drop(&gz);
    drop(&text);
}

/* ---- gzip ---- */

static void test_gzip_headers_with_every_option(void **state)
{
    struct bytes text = {0}, gz = {0};

    (void)state;
    add_text(&text, "some\nlines\n");
    for (int flags = 0; flags < 32; flags++) {
        gz.len = 0;
        add_member(&gz, text.ptr, text.len, flags);
        check_gzip(gz, text, INPUT_LOG_END);
        gz.ptr[9] ^= 1; /* the system it was made on */
        check_gzip(gz, flags & HEADER_CRC ? (struct bytes){0} : text,
                   flags & HEADER_CRC ? INPUT_LOG_DAMAGED : INPUT_LOG_END);
    }
    gz.ptr[3] = 0x20;
    check_gzip(gz, (struct bytes){0}, INPUT_LOG_DAMAGED);
    gz.ptr[3] = 0;
    gz.ptr[2] = 7;
    check_gzip(gz, (struct bytes){0}, INPUT_LOG_DAMAGED);
    drop(&gz);
    drop(&text);
}

/* Members that end at every place of a read, for what reads ahead. */
static void test_concatenated_members_are_one_text(void **state)
{
    struct bytes text = {0}, gz = {0};
    char line[60];

    (void)state;
    for (int i = 0; i < 4000; i++) {
        int len = snprintf(line, sizeof(line), "%d %x%s", i, i * 2654435761U,
                           i % 3 == 0 ? "\n" : "");
        add(&text, line, (size_t)len);
        add_member(&gz, line, (size_t)len, i % 7 == 0 ? NAME | HEADER_CRC : 0);
        if (i % 100 == 0)
            add_member(&gz, NULL, 0, 0);
    }
    check_gzip(gz, text, INPUT_LOG_END);
    drop(&gz);
    drop(&text);
}

static void test_wrong_crc_and_wrong_length(void **state)
{
    struct bytes text = make_text(), gz = {0};

    (void)state;
    add_member(&gz, text.ptr, text.len, 0);
    for (size_t back = 1; back <= 8; back++) {
        gz.ptr[gz.len - back] ^= 0x10;
        check_gzip(gz, text, INPUT_LOG_DAMAGED);
        gz.ptr[gz.len - back] ^= 0x10;
    }
    check_gzip(gz, text, INPUT_LOG_END);
    drop(&gz);
    drop(&text);
}

static void check_trailer(const char *bytes, size_t len,
                          enum input_log_outcome outcome)
{
    struct bytes text = make_text(), gz = {0};

    add_member(&gz, text.ptr, text.len, 0);
    add(&gz, bytes, len);
    check_gzip(gz, text, outcome);
    drop(&gz);
    drop(&text);
}

static void test_what_follows_the_last_member(void **state)
{
    static const char zeros[1000];

    (void)state;
    check_trailer("", 0, INPUT_LOG_END);
    check_trailer(zeros, 1, INPUT_LOG_END);
    check_trailer(zeros, sizeof(zeros), INPUT_LOG_END);
    check_trailer("\0\0\0x", 4, INPUT_LOG_GARBAGE);
    check_trailer("x", 1, INPUT_LOG_GARBAGE);
    check_trailer("Nov 16 and so on\n", 17, INPUT_LOG_GARBAGE);
    check_trailer("\x1f", 1, INPUT_LOG_GARBAGE);
    check_trailer("\x1fx", 2, INPUT_LOG_GARBAGE);
    check_trailer("\x1f\x8b", 2, INPUT_LOG_TRUNCATED);
    check_trailer("\x1f\x8b\x08\0\0", 5, INPUT_LOG_TRUNCATED);
}

/* Lines that repeat, and some that do not. */
static struct bytes make_small_text(void)
{
    struct bytes text = {0};
    char line[80];

    for (unsigned i = 0; i < 60; i++) {
        snprintf(line, sizeof(line), "%u sm-mta[%u]: %x %s", i, i * i,
                 i * 2654435761U, i % 5 == 0 ? "stat=Sent\n" : "stat=Def\n");
        add_text(&text, line);
    }
    return text;
}

/* Both libraries, one outcome, one text, which begins the whole text. */
static void check_damaged(struct bytes gz, struct bytes whole,
                          struct result *result)
{
    struct result other;

    read_all(file_of(gz.ptr, gz.len), inflate_zlib(), result);
    assert_true(result->text.len <= whole.len);
    assert_text(result, whole.ptr, result->text.len);
    if (inflate_isal() == NULL)
        return;
    read_all(file_of(gz.ptr, gz.len), inflate_isal(), &other);
    assert_int_equal(other.outcome, result->outcome);
    assert_text(&other, result->text.ptr, result->text.len);
    drop(&other.text);
}

static void test_gzip_truncated_at_every_byte(void **state)
{
    struct bytes text = make_small_text(), gz = {0};
    size_t had = 0;

    (void)state;
    add_member(&gz, text.ptr, text.len, NAME);
    for (size_t len = 2; len <= gz.len; len++) {
        struct result result;

        check_damaged((struct bytes){gz.ptr, len, 0}, text, &result);
        assert_int_equal(result.outcome,
                         len < gz.len ? INPUT_LOG_TRUNCATED : INPUT_LOG_END);
        assert_true(result.text.len >= had); /* no loss */
        had = result.text.len;
        if (len + 8 >= gz.len)
            assert_int_equal(had, text.len);
        drop(&result.text);
    }
    drop(&gz);
    drop(&text);
}

/* But for bits that mean nothing, as those that fill the last byte. */
static void assert_noticed(const struct result *result, struct bytes text)
{
    if (result->outcome == INPUT_LOG_END)
        assert_text(result, text.ptr, text.len);
    else
        assert_true(result->outcome == INPUT_LOG_DAMAGED ||
                    result->outcome == INPUT_LOG_TRUNCATED ||
                    result->outcome == INPUT_LOG_GARBAGE);
}

static void test_gzip_with_a_bit_flipped(void **state)
{
    enum { HEADER_BYTES = 10 };
    struct bytes text = make_small_text(), gz = {0};

    (void)state;
    add_member(&gz, text.ptr, text.len, 0);
    for (size_t bit = HEADER_BYTES * 8; bit < gz.len * 8; bit += 3) {
        for (size_t i = 0; library_at(i) != NULL; i++) {
            struct result result;

            gz.ptr[bit / 8] ^= (char)(1 << bit % 8);
            read_all(file_of(gz.ptr, gz.len), library_at(i), &result);
            gz.ptr[bit / 8] ^= (char)(1 << bit % 8);
            assert_noticed(&result, text);
            drop(&result.text);
        }
    }
    drop(&gz);
    drop(&text);
}

/* ---- through libarchive ---- */

static bool has_libarchive(void)
{
    return strstr(input_log_libraries(), "libarchive") != NULL;
}

static struct bytes fixture(const char *name)
{
    struct bytes bytes = {0};
    char path[200], part[65536];
    ssize_t n;
    int fd;

    snprintf(path, sizeof(path), "tests/fixtures/log-input/%s", name);
    fd = open(path, O_RDONLY);
    folder_need(fd >= 0, path);
    while ((n = read(fd, part, sizeof(part))) > 0)
        add(&bytes, part, (size_t)n);
    close(fd);
    return bytes;
}

static const struct archived {
    const char *name, *none;
    enum input_log_format format;
    bool shows_garbage;
} archived[] = {
    {"text.bz2", "none.bz2", LOG_BZIP2, true},
    {"text.xz", "none.xz", LOG_XZ, false},
    {"text.zst", "none.zst", LOG_ZSTD, false},
    {"text.lz4", "none.lz4", LOG_LZ4, true},
    {"legacy.lz4", "none.lz4", LOG_LZ4, false},
};
enum { ARCHIVED = sizeof(archived) / sizeof(archived[0]) };

static void test_bzip2_xz_zstd_lz4(void **state)
{
    struct bytes text = make_text();

    (void)state;
    for (size_t i = 0; i < ARCHIVED; i++) {
        struct bytes file = fixture(archived[i].name);
        struct result result;

        read_all(file_of(file.ptr, file.len), NULL, &result);
        assert_int_equal(result.format, archived[i].format);
        if (has_libarchive()) {
            assert_int_equal(result.outcome, INPUT_LOG_END);
            assert_text(&result, text.ptr, text.len);
            assert_cut_as_promised(&result);
            check_fd(pipe_of(file.ptr, file.len, 7), NULL, text, INPUT_LOG_END);
        } else {
            assert_int_equal(result.outcome, INPUT_LOG_UNSUPPORTED);
            assert_int_equal(result.block_count, 0);
        }
        drop(&result.text);
        drop(&file);
    }
    drop(&text);
}

static void test_archived_nothing_twice_and_with_garbage(void **state)
{
    struct bytes text = make_text(), twice = {0};

    (void)state;
    if (!has_libarchive())
        skip();
    add(&twice, text.ptr, text.len);
    add(&twice, text.ptr, text.len);
    for (size_t i = 0; i < ARCHIVED; i++) {
        struct bytes none = fixture(archived[i].none);
        struct bytes file = fixture(archived[i].name);
        size_t len = file.len;

        check_fd(file_of(none.ptr, none.len), NULL, (struct bytes){0},
                 INPUT_LOG_END);
        add(&file, file.ptr, 0);
        if (archived[i].shows_garbage) {
            add_text(&file, "something else");
            check_fd(file_of(file.ptr, file.len), NULL, text,
                     INPUT_LOG_GARBAGE);
            file.len = len;
        }
        if (i != 4) {
            struct bytes again = fixture(archived[i].name);

            add(&file, again.ptr, again.len);
            check_fd(file_of(file.ptr, file.len), NULL, twice, INPUT_LOG_END);
            drop(&again);
        }
        drop(&file);
        drop(&none);
    }
    drop(&twice);
    drop(&text);
}

static void test_archived_and_truncated_anywhere(void **state)
{
    struct bytes text = make_text();

    (void)state;
    if (!has_libarchive())
        skip();
    for (size_t i = 0; i < 4; i++) {
        struct bytes file = fixture(archived[i].name);

        for (size_t len = 6; len < file.len; len += 1 + file.len / 97) {
            struct result result;

            read_all(file_of(file.ptr, len), NULL, &result);
            assert_int_equal(result.outcome, INPUT_LOG_TRUNCATED);
            assert_true(result.text.len <= text.len);
            assert_text(&result, text.ptr, result.text.len);
            drop(&result.text);
        }
        drop(&file);
    }
    drop(&text);
}

static void test_archived_and_damaged(void **state)
{
    struct bytes text = make_text();

    (void)state;
    if (!has_libarchive())
        skip();
    for (size_t i = 0; i < 4; i++) {
        struct bytes file = fixture(archived[i].name);

        for (size_t at = 20; at < file.len; at += 1 + file.len / 97) {
            struct result result;

            file.ptr[at] ^= 0x04;
            read_all(file_of(file.ptr, file.len), NULL, &result);
            file.ptr[at] ^= 0x04;
            assert_noticed(&result, text);
            drop(&result.text);
        }
        drop(&file);
    }
    drop(&text);
}

/* ---- files that change, files that cannot be read ---- */

static size_t count_zeros(struct slice text)
{
    size_t count = 0;

    for (size_t i = 0; i < text.len; i++)
        count += text.ptr[i] == '\0';
    return count;
}

static void *count_in_thread(void *block)
{
    static _Thread_local size_t count;

    count = count_zeros(((struct log_block *)block)->text);
    return count > 0 ? block : NULL;
}

static void test_file_cut_while_a_block_is_out(void **state)
{
    static const size_t sizes[] = {0, 1, 5000, 8192, LOG_BLOCK_BYTES - 2000};
    struct bytes text = make_text();

    (void)state;
    input_setup(); /* cmocka has a handler of its own around each test */
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        int fd = file_of(text.ptr, text.len), writer = dup(fd);
        struct input_log *in = input_log_open(fd);
        struct log_block block, other;
        pthread_t thread;
        void *lost;

        log_block_init(&block);
        log_block_init(&other);
        assert_int_equal(input_log_next(in, &block), INPUT_LOG_OK);
        assert_true(log_block_is_intact(&block));
        assert_int_equal(ftruncate(writer, (off_t)sizes[i]), 0);
        /* in a thread that did not ask for it */
        assert_int_equal(pthread_create(&thread, NULL, count_in_thread, &block),
                         0);
        assert_int_equal(pthread_join(thread, &lost), 0);
        assert_non_null(lost);
        assert_false(log_block_is_intact(&block));
        assert_int_equal(count_zeros(block.text), block.text.len - sizes[i]);
        assert_memory_equal(block.text.ptr, text.ptr, sizes[i]);
        assert_int_equal(input_log_next(in, &other), INPUT_LOG_SHRUNK);
        input_log_close(in);
        assert_false(log_block_is_intact(&block));
        log_block_free(&block);
        log_block_free(&other);
        close(writer);
    }
    drop(&text);
}

static void test_file_cut_before_a_block_gives_what_is_left(void **state)
{
    struct bytes text = make_text();
    size_t size = text.len - 12345;
    int fd = file_of(text.ptr, text.len), writer = dup(fd);
    struct input_log *in = input_log_open(fd);
    struct log_block block;
    struct bytes got = {0};

    (void)state;
    input_setup();
    log_block_init(&block);
    assert_int_equal(input_log_next(in, &block), INPUT_LOG_OK);
    add(&got, block.text.ptr, block.text.len);
    assert_int_equal(ftruncate(writer, (off_t)size), 0);
    assert_true(log_block_is_intact(&block)); /* it lies before the cut */
    while (input_log_next(in, &block) == INPUT_LOG_OK) {
        add(&got, block.text.ptr, block.text.len);
        assert_true(log_block_is_intact(&block));
    }
    assert_int_equal(input_log_next(in, &block), INPUT_LOG_SHRUNK);
    assert_int_equal(got.len, size);
    assert_memory_equal(got.ptr, text.ptr, size);
    log_block_free(&block);
    input_log_close(in);
    close(writer);
    drop(&got);
    drop(&text);
}

static void test_growing_file_is_read_up_to_its_size_at_opening(void **state)
{
    struct bytes text = make_text(), gz = {0};

    (void)state;
    add_member(&gz, text.ptr, text.len, 0);
    for (int i = 0; i < 2; i++) {
        struct bytes stored = i == 0 ? text : gz, got = {0};
        int fd = file_of(stored.ptr, stored.len), writer = dup(fd);
        struct input_log *in = input_log_open(fd);
        struct log_block block;

        assert_int_equal(pwrite(writer, "more\n", 5, (off_t)stored.len), 5);
        log_block_init(&block);
        while (input_log_next(in, &block) == INPUT_LOG_OK)
            add(&got, block.text.ptr, block.text.len);
        assert_int_equal(input_log_next(in, &block), INPUT_LOG_END);
        assert_int_equal(got.len, text.len);
        assert_memory_equal(got.ptr, text.ptr, text.len);
        log_block_free(&block);
        input_log_close(in);
        close(writer);
        drop(&got);
    }
    drop(&gz);
    drop(&text);
}

static void test_compressed_file_cut_while_it_is_read(void **state)
{
    struct bytes noise = {0}, gz = {0};
    struct log_block block;
    struct input_log *in;
    int fd, writer;

    (void)state;
    for (unsigned i = 1, x = 1; i < 4 * LOG_BLOCK_BYTES; i++) {
        char c = (char)((x = x * 1103515245U + 12345U) >> 16);
        add(&noise, &c, 1);
    }
    add_member(&gz, noise.ptr, noise.len, 0);
    fd = file_of(gz.ptr, gz.len);
    writer = dup(fd);
    in = input_log_open(fd);
    log_block_init(&block);
    assert_int_equal(input_log_next(in, &block), INPUT_LOG_OK);
    assert_int_equal(ftruncate(writer, 1000), 0);
    while (input_log_next(in, &block) == INPUT_LOG_OK)
        ;
    assert_int_equal(input_log_next(in, &block), INPUT_LOG_SHRUNK);
    log_block_free(&block);
    input_log_close(in);
    close(writer);
    drop(&gz);
    drop(&noise);
}

static void test_what_cannot_be_read_fails_with_its_reason(void **state)
{
    struct folder folder;
    struct result result;

    (void)state;
    folder_open(&folder);
    read_all(open(folder.path, O_RDONLY | O_DIRECTORY), NULL, &result);
    assert_int_equal(result.outcome, INPUT_LOG_FAILED);
    assert_int_equal(result.error, EISDIR);
    folder_write(&folder, "log", "a line\n");
    read_all(open(folder_path(&folder, "log"), O_WRONLY), NULL, &result);
    assert_int_equal(result.outcome, INPUT_LOG_FAILED);
    assert_int_equal(result.error, EBADF);
    folder_close(&folder);
}

static void test_a_pipe_that_does_not_block_is_waited_for(void **state)
{
    struct bytes text = make_text();
    int fd = pipe_of(text.ptr, text.len, 1000);

    (void)state;
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    check_fd(fd, NULL, text, INPUT_LOG_END);
    drop(&text);
}

static void test_every_outcome_and_format_has_words(void **state)
{
    (void)state;
    for (int i = INPUT_LOG_OK; i <= INPUT_LOG_NO_MEMORY; i++)
        assert_true(strlen(input_log_outcome_text((enum input_log_outcome)i)) >
                    3);
    for (int i = LOG_PLAIN; i <= LOG_LZ4; i++)
        assert_true(strlen(input_log_format_text((enum input_log_format)i)) >
                    1);
    assert_non_null(strstr(input_log_libraries(), "zlib 1."));
    assert_int_equal(strstr(input_log_libraries(), "ISA-L") != NULL,
                     inflate_isal() != NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_log_gives_the_same_blocks_in_any_storage),
        cmocka_unit_test(test_texts_around_the_size_of_a_block),
        cmocka_unit_test(test_short_and_odd_texts),
        cmocka_unit_test(test_several_windows_from_an_odd_offset),
        cmocka_unit_test(test_more_inputs_at_once_than_windows),
        cmocka_unit_test(test_pipes_fed_byte_by_byte),
        cmocka_unit_test(test_taken_and_size_are_of_the_file_as_it_is_stored),
        cmocka_unit_test(test_gzip_headers_with_every_option),
        cmocka_unit_test(test_concatenated_members_are_one_text),
        cmocka_unit_test(test_wrong_crc_and_wrong_length),
        cmocka_unit_test(test_what_follows_the_last_member),
        cmocka_unit_test(test_gzip_truncated_at_every_byte),
        cmocka_unit_test(test_gzip_with_a_bit_flipped),
        cmocka_unit_test(test_bzip2_xz_zstd_lz4),
        cmocka_unit_test(test_archived_nothing_twice_and_with_garbage),
        cmocka_unit_test(test_archived_and_truncated_anywhere),
        cmocka_unit_test(test_archived_and_damaged),
        cmocka_unit_test(test_file_cut_while_a_block_is_out),
        cmocka_unit_test(test_file_cut_before_a_block_gives_what_is_left),
        cmocka_unit_test(test_growing_file_is_read_up_to_its_size_at_opening),
        cmocka_unit_test(test_compressed_file_cut_while_it_is_read),
        cmocka_unit_test(test_what_cannot_be_read_fails_with_its_reason),
        cmocka_unit_test(test_a_pipe_that_does_not_block_is_waited_for),
        cmocka_unit_test(test_every_outcome_and_format_has_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
