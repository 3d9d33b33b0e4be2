/*
 * A file as it is stored, byte after byte (inside of input_log). Of a regular
 * file no more is read than it had when it was opened.
 */
#ifndef QSCAN_PARSERS_INPUT_STORED_H
#define QSCAN_PARSERS_INPUT_STORED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    STORED_BYTES = 64 * 1024, /* read at once */
    STORED_BACK_BYTES = 8,    /* a decoder may have read ahead so far */
    STORED_HEAD_BYTES = 16,   /* read first, to know the format */
};

struct stored {
    int fd; /* owned */
    bool is_regular;
    uint64_t start_bytes; /* offset in a regular file */
    uint64_t size_bytes;  /* from there on; 0: not known */
    uint64_t read_bytes;
    bool is_over;
    bool was_cut; /* is over before size_bytes */
    int error;    /* is over for this reason; 0: none */
    /* What was read and not taken. The STORED_BACK_BYTES before next are good,
     * too: next may go back by so many after a refill. */
    const uint8_t *next;
    size_t available_bytes;
    uint8_t *buffer; /* owned */
    uint8_t head[STORED_BACK_BYTES + STORED_HEAD_BYTES];
};

void stored_open(struct stored *stored, int fd);
void stored_close(struct stored *stored);

/* Reads until the head has count bytes, or the file is over. */
void stored_read_head(struct stored *stored, size_t count);

/* Room for stored_refill; false without memory. */
bool stored_make_buffer(struct stored *stored);

/* When nothing is available: reads once. False at the end. */
bool stored_refill(struct stored *stored);

/* The next byte, or -1 at the end. */
int stored_next_byte(struct stored *stored);

/* Takes bytes until to is full or the file is over; says how many. */
size_t stored_take(struct stored *stored, char *to, size_t room);

#endif
