/*
 * Decoders: stored bytes go in, text comes out (inside of input_log).
 *
 * A fill writes text to `to` until it is full (INPUT_LOG_OK) or the text ends
 * (any other outcome, INPUT_LOG_FAILED and INPUT_LOG_SHRUNK aside, which are
 * for the caller to see in `stored`); *got_r says how much came, both ways.
 */
#ifndef QSCAN_PARSERS_INPUT_DECODE_H
#define QSCAN_PARSERS_INPUT_DECODE_H

#include "parsers/input_inflate.h"
#include "parsers/input_log.h"
#include "parsers/input_stored.h"

struct gzip_text;

/* NULL: no memory. Neither takes `stored` over. */
struct gzip_text *decode_gzip_open(struct stored *stored,
                                   const struct inflate_library *library);
enum input_log_outcome decode_gzip_fill(struct gzip_text *gzip, char *to,
                                        size_t room, size_t *got_r);
void decode_gzip_close(struct gzip_text *gzip);

struct archive_text;

/* NULL: no memory. A format that is not built in shows in the first fill. */
struct archive_text *decode_archive_open(struct stored *stored,
                                         enum input_log_format format);
enum input_log_outcome decode_archive_fill(struct archive_text *text, char *to,
                                           size_t room, size_t *got_r);
void decode_archive_close(struct archive_text *text);

#endif
