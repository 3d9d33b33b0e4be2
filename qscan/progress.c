#include "qscan/progress.h"

#include <stdio.h>
#include <unistd.h>

enum { SHOW_EVERY_NSEC = 200 * 1000 * 1000, SECOND_NSEC = 1000 * 1000 * 1000 };

static double seconds_since(const struct timespec *start)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - start->tv_sec) +
           (double)(now.tv_nsec - start->tv_nsec) / 1e9;
}

void progress_begin(struct progress *progress, const char *what, size_t total)
{
    atomic_store(&progress->done, 0);
    progress->what = what;
    progress->total = total;
    progress->is_shown = false;
    clock_gettime(CLOCK_MONOTONIC, &progress->start);
}

static void print_count(const struct progress *progress, double count)
{
    if (progress->is_bytes)
        fprintf(stderr, "%.1f MB", count / 1e6);
    else
        fprintf(stderr, "%.0f", count);
}

static void print(struct progress *progress, double sec)
{
    size_t done = atomic_load(&progress->done);
    double rate = sec > 0 ? (double)done / sec : 0;
    bool is_terminal = isatty(STDERR_FILENO);

    if (is_terminal)
        fputs("\r\033[K", stderr);
    print_count(progress, (double)done);
    if (progress->total > 0) {
        fputs(" of ", stderr);
        print_count(progress, (double)progress->total);
    }
    fprintf(stderr, " %s, ", progress->what);
    print_count(progress, rate);
    fputs("/s", stderr);
    if (rate > 0 && done < progress->total)
        fprintf(stderr, ", %.0f s left",
                (double)(progress->total - done) / rate);
    if (!is_terminal)
        fputc('\n', stderr);
    fflush(stderr);
    progress->is_shown = true;
}

void progress_show(struct progress *progress)
{
    double sec = seconds_since(&progress->start);

    if (progress->when == PROGRESS_NEVER ||
        (progress->when == PROGRESS_AUTO &&
         (sec < 1 || !isatty(STDERR_FILENO))))
        return;
    print(progress, sec);
}

struct timespec progress_deadline(void)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += SHOW_EVERY_NSEC;
    if (until.tv_nsec >= SECOND_NSEC) {
        until.tv_nsec -= SECOND_NSEC;
        until.tv_sec++;
    }
    return until;
}

void progress_end(struct progress *progress)
{
    if (progress->when == PROGRESS_ALWAYS)
        print(progress, seconds_since(&progress->start));
    if (progress->is_shown && isatty(STDERR_FILENO))
        fputs("\r\033[K", stderr);
    progress->is_shown = false;
}
