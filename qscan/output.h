/*
 * Standard output, or the file of -o, which appears whole or not at all.
 */
#ifndef QSCAN_OUTPUT_H
#define QSCAN_OUTPUT_H

#include <stdio.h>

#include "qscan/buffer.h"
#include "qscan/complain.h"

struct output {
    FILE *file;
    char *path, *temporary; /* of -o; NULL for standard output */
    struct complaints *complaints;
    bool has_failed;
};

/* path NULL = standard output. False after a complaint. */
bool output_open(struct output *output, const char *path,
                 struct complaints *complaints);

/* Writes what the buffer holds and empties it. */
void output_write(struct output *output, struct buffer *buffer);

/* Puts the file in its place; when is_good is false it is given up instead.
 * False after a complaint: the disk is full, the pipe is closed. */
bool output_close(struct output *output, bool is_good);

#endif
