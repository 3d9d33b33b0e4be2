/* Rate and time left on standard error, while workers work. */
#ifndef QSCAN_PROGRESS_H
#define QSCAN_PROGRESS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

enum progress_when { PROGRESS_AUTO, PROGRESS_ALWAYS, PROGRESS_NEVER };

struct progress {
    enum progress_when when;
    atomic_size_t done;
    size_t total;     /* 0: not known */
    bool is_bytes;    /* said in MB */
    const char *what; /* "messages read" */
    struct timespec start;
    bool is_shown; /* a line stands on the terminal */
};

void progress_begin(struct progress *progress, const char *what, size_t total);
/* Called now and then by the thread that waits. */
void progress_show(struct progress *progress);
/* Until when it may wait before that, of CLOCK_REALTIME: a fifth of a second.
 */
struct timespec progress_deadline(void);
void progress_end(struct progress *progress);

#endif
