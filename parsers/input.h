/*
 * A whole queue file as one slice. Small files are read into a buffer that is
 * used again for the next file; large ones are mapped. A caller cannot tell.
 *
 * A mapped file may shrink while it is looked at (an administrator's editor, a
 * milter that replaces a body). The pages that went are then replaced by zero
 * pages and input_is_intact says false, so that the damage ends as an error
 * about this one file and not as SIGBUS. An input belongs to one thread.
 */
#ifndef QSCAN_PARSERS_INPUT_H
#define QSCAN_PARSERS_INPUT_H

#include <sys/stat.h>

#include "parsers/slice.h"

enum {
    INPUT_MAP_BYTES = 64 * 1024,          /* from here on files are mapped */
    INPUT_MAX_BYTES = 1024 * 1024 * 1024, /* beyond is INPUT_TOO_LARGE */
};

enum input_outcome {
    INPUT_OK,
    INPUT_GONE,        /* ENOENT: delivered or removed meanwhile */
    INPUT_DENIED,      /* EACCES, EPERM */
    INPUT_LINK,        /* a symbolic link: never followed */
    INPUT_NOT_REGULAR, /* FIFO, device, directory, socket */
    INPUT_TOO_LARGE,
    INPUT_FAILED, /* any other errno, in error */
};

struct input {
    char *buffer; /* owned; for small files */
    size_t capacity_bytes;
    void *map; /* owned; NULL when nothing is mapped */
    size_t map_bytes;
    struct input *next_mapped; /* of the same thread */
    bool was_cut;              /* set by the SIGBUS handler */
    int error;                 /* errno of the last failure */
};

/* Installs the process-wide SIGBUS handler; before any other call, once. A
 * fault outside an input's map, or a log's (input_log.h), is left to the
 * previous action. */
void input_setup(void);

void input_init(struct input *in);
void input_free(struct input *in);

/* As openat(2), for what is only looked at: its access time stays as it was,
 * where that is allowed (to its owner and root). */
int input_openat(int directory, const char *name, int flags);

/* Opens for reading without following a link or blocking on a FIFO. Returns
 * the descriptor, or -1 with *outcome_r and in->error set. */
int input_open(struct input *in, int directory, const char *name,
               enum input_outcome *outcome_r);

/*
 * Everything that fd holds from its start. st may be NULL; when given it is
 * filled by fstat (one more system call). The slice is good until the next
 * call with this input. The descriptor stays open and at any offset.
 */
enum input_outcome input_read(struct input *in, int fd, struct stat *st,
                              struct slice *text_r);

/* False when a mapped file lost bytes since input_read. */
bool input_is_intact(const struct input *in);

const char *input_outcome_text(enum input_outcome outcome);

#endif
