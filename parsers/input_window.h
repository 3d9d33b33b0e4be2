/*
 * A window of a file, mapped, that several blocks of several threads look into
 * (inside of input). All windows have one size and stand in one table of the
 * process, so that a SIGBUS in whichever thread finds its own by one word.
 */
#ifndef QSCAN_PARSERS_INPUT_WINDOW_H
#define QSCAN_PARSERS_INPUT_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

struct input_window;

/* Maps LOG_WINDOW_BYTES from offset on, whatever the file's size; offset is a
 * multiple of the page size. The caller holds it. NULL when it cannot be
 * mapped, or when there are windows enough: read, then. */
struct input_window *input_window_open(int fd, uint64_t offset_bytes);

void input_window_hold(struct input_window *window);

/* The last one unmaps it. */
void input_window_release(struct input_window *window);

const char *input_window_bytes(const struct input_window *window);

/* Whether a page that begins before end was lost. */
bool input_window_has_lost(const struct input_window *window, const char *end);

/* For the SIGBUS handler: whether fault lies in a window. That page is lost. */
bool input_window_lose(const char *fault);

#endif
