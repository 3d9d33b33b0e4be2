/*
 * A maillog as blocks of whole lines, plain or compressed; a caller cannot
 * tell. What it is compressed with is recognised by its first bytes, never by
 * its name: gzip (zlib, or ISA-L where it is built in), and bzip2, xz, zstd,
 * lz4 where libarchive is built in. Concatenated members are one text. A
 * regular plain file is mapped in windows; what cannot be mapped is read.
 *
 * Blocks are cut by their text alone, at the last newline within
 * LOG_BLOCK_BYTES of their start: the same text gives the same blocks, however
 * it is stored. A block ends without a newline only at the end of the text, or
 * where a line is longer than that: such a line comes in pieces, is_cut being
 * true for each piece but the last.
 *
 * Damage ends the text, not the program: everything that can be read before it
 * is handed out first; but libarchive keeps back what it has decoded of a piece
 * of up to 128 KiB, also when garbage follows xz or zstd (which is then
 * INPUT_LOG_DAMAGED or _TRUNCATED). A file that shrinks while it is read ends
 * where it is cut; one that grows is read up to the size it had when it was
 * opened.
 *
 * One thread at a time may call for an input; a block belongs to whoever holds
 * it, and several may be out at once, in any thread, also after
 * input_log_close. input_setup (input.h) must have been called: a mapped file
 * may shrink, and whoever reads a block then finds zero bytes instead of
 * SIGBUS.
 */
#ifndef QSCAN_PARSERS_INPUT_LOG_H
#define QSCAN_PARSERS_INPUT_LOG_H

#include "parsers/slice.h"

enum {
    LOG_BLOCK_BYTES = 256 * 1024,
    LOG_WINDOW_BYTES = 16 * 1024 * 1024, /* mapped at once, at most */
};

enum input_log_format {
    LOG_PLAIN,
    LOG_GZIP,
    LOG_BZIP2,
    LOG_XZ,
    LOG_ZSTD,
    LOG_LZ4,
};

enum input_log_outcome {
    INPUT_LOG_OK,
    INPUT_LOG_END,         /* all of it was handed out */
    INPUT_LOG_TRUNCATED,   /* compressed text ends too early */
    INPUT_LOG_DAMAGED,     /* bad data, bad CRC */
    INPUT_LOG_GARBAGE,     /* something else behind the last member */
    INPUT_LOG_UNSUPPORTED, /* not built in */
    INPUT_LOG_SHRUNK,      /* was cut while it was read */
    INPUT_LOG_FAILED,      /* errno, see input_log_error */
    INPUT_LOG_NO_MEMORY,
};

struct log_block {
    struct slice text; /* good until the next call with this block */
    bool is_cut;       /* its last line goes on in the next block */
    /* private */
    char *buffer;                /* owned */
    struct input_window *window; /* held: the text lies in it */
    char last;                   /* of text, when it was handed out */
};

struct input_log;

/*
 * Takes fd over, at whatever offset it is: it is closed by input_log_close,
 * and by this call when it returns NULL (no memory). Reads the first bytes,
 * enough to know the format; an empty file is LOG_PLAIN.
 */
struct input_log *input_log_open(int fd);
void input_log_close(struct input_log *in);

enum input_log_format input_log_format(const struct input_log *in);

/* How many bytes of the file, as it is stored, were taken so far, and its size
 * (0: not known, a pipe). For progress and rate. */
uint64_t input_log_taken_bytes(const struct input_log *in);
uint64_t input_log_size_bytes(const struct input_log *in);

void log_block_init(struct log_block *block);
void log_block_free(struct log_block *block);

/*
 * The next lines. INPUT_LOG_OK: block->text has at least one byte. Anything
 * else: no text, and every further call says the same.
 */
enum input_log_outcome input_log_next(struct input_log *in,
                                      struct log_block *block);

/* False when a mapped block lost bytes since input_log_next: zero bytes stand
 * there now, at its end. To be asked when it has been parsed. */
bool log_block_is_intact(const struct log_block *block);

/* errno of INPUT_LOG_FAILED. */
int input_log_error(const struct input_log *in);

const char *input_log_outcome_text(enum input_log_outcome outcome);
const char *input_log_format_text(enum input_log_format format); /* "gzip" */

/* "zlib 1.2.13, ISA-L 2.30, libarchive 3.6.2": what is built in. */
const char *input_log_libraries(void);

#endif
