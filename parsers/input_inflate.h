/*
 * Raw deflate by either library (inside of input_log; a test holds the two
 * against each other). What is around it, the gzip format, is input_gzip.c's.
 */
#ifndef QSCAN_PARSERS_INPUT_INFLATE_H
#define QSCAN_PARSERS_INPUT_INFLATE_H

#include <stddef.h>
#include <stdint.h>

#include "parsers/input_log.h"

enum inflate_outcome {
    INFLATE_GOES_ON, /* in is empty, or out is full */
    INFLATE_END,     /* of the deflate stream; in stands behind it */
    INFLATE_DAMAGED,
};

/* Both pointers are moved. At the end, in may be moved back by up to
 * STORED_BACK_BYTES, below where it stood. */
struct inflate_step {
    const uint8_t *in;
    size_t in_bytes;
    uint8_t *out;
    size_t out_bytes;
};

struct inflate_library {
    const char *name;
    void *(*open)(void); /* NULL: no memory */
    void (*restart)(void *state);
    enum inflate_outcome (*run)(void *state, struct inflate_step *step);
    uint32_t (*crc)(const void *state); /* of all that came out since restart */
    void (*close)(void *state);
};

const struct inflate_library *inflate_zlib(void);

/* NULL where it is not built in. */
const struct inflate_library *inflate_isal(void);

/* input_log_open, where the file may be gzip, with this library. */
struct input_log *input_log_open_with(int fd,
                                      const struct inflate_library *library);

#endif
