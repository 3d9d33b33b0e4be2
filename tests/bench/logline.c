/*
 * logline FILE [ROUNDS]: parses every line of a maillog, in memory, ROUNDS
 * times (default 3), and prints what one line takes in the best round and how
 * many there were of each kind. With -v in front of FILE, also the text of
 * every line of no known shape.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "parsers/logline.h"

struct counts {
    uint64_t lines, repeated, foreign, no_stamp, hostile;
    uint64_t kinds[LOGLINE_KIND_COUNT];
};

static double now_sec(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct slice map_file(const char *path)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char *map;

    if (fd < 0 || fstat(fd, &st) != 0 || st.st_size == 0) {
        perror(path);
        exit(1);
    }
    map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE,
               fd, 0);
    if (map == MAP_FAILED) {
        perror(path);
        exit(1);
    }
    close(fd);
    return slice_make(map, (size_t)st.st_size);
}

static void count_line(const struct logline *line, enum logline_outcome outcome,
                       struct counts *counts)
{
    counts->lines++;
    if (outcome == LOGLINE_OK) {
        counts->kinds[line->kind]++;
        counts->hostile += line->is_hostile;
    } else if (outcome == LOGLINE_REPEATED) {
        counts->repeated++;
    } else if (outcome == LOGLINE_FOREIGN) {
        counts->foreign++;
    } else {
        counts->no_stamp++;
    }
}

static struct counts parse_all(struct slice text, bool shows_other)
{
    struct counts counts = {.lines = 0};
    struct slice whole;
    struct logline_memory memory = {.stamp.month = 0};
    struct logline line;

    while (slice_next_line(&text, &whole)) {
        enum logline_outcome outcome = logline_parse(whole, &memory, &line);

        count_line(&line, outcome, &counts);
        if (shows_other &&
            (outcome != LOGLINE_OK || line.kind == LOGLINE_OTHER))
            printf("? %.*s\n", (int)whole.len, whole.ptr);
    }
    return counts;
}

static void print_counts(const struct counts *counts)
{
    for (unsigned i = 0; i < LOGLINE_KIND_COUNT; i++)
        if (counts->kinds[i] > 0)
            printf("%-12s %10" PRIu64 "\n",
                   logline_kind_text((enum logline_kind)i), counts->kinds[i]);
    printf("%-12s %10" PRIu64 "\n%-12s %10" PRIu64 "\n%-12s %10" PRIu64
           "\n%-12s %10" PRIu64 "\n",
           "(hostile)", counts->hostile, "repeated", counts->repeated,
           "foreign", counts->foreign, "no-stamp", counts->no_stamp);
}

int main(int argc, char **argv)
{
    bool shows_other = argc > 2 && strcmp(argv[1], "-v") == 0;
    const char *path = argc > 1 ? argv[shows_other ? 2 : 1] : NULL;
    int rounds = argc > 2 && !shows_other ? atoi(argv[2]) : 3;
    struct counts counts = {.lines = 0};
    double best_sec = 0;
    struct slice text;

    if (path == NULL) {
        fprintf(stderr, "usage: logline [-v] FILE [ROUNDS]\n");
        return 2;
    }
    text = map_file(path);
    for (int i = 0; i < (rounds < 1 ? 1 : rounds); i++) {
        double start_sec = now_sec();

        counts = parse_all(text, shows_other && i == 0);
        start_sec = now_sec() - start_sec;
        if (i == 0 || start_sec < best_sec)
            best_sec = start_sec;
    }
    print_counts(&counts);
    printf("%" PRIu64 " lines, %.0f lines/s, %.1f ns/line, %.0f MB/s\n",
           counts.lines, (double)counts.lines / best_sec,
           best_sec * 1e9 / (double)counts.lines,
           (double)text.len / best_sec / 1e6);
    return 0;
}
