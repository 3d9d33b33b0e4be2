/*
 * Text that ends where memory ends. A parser that reads one byte too far is
 * killed on the spot, with any compiler and without a sanitizer.
 *
 *     struct guard guard;
 *     guard_open(&guard, 4096);
 *     parse(guard_text(&guard, text));
 *     guard_close(&guard);
 *
 *     guard_cut_everywhere(text, check, context);
 */
#ifndef QSCAN_TESTS_GUARD_H
#define QSCAN_TESTS_GUARD_H

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "parsers/slice.h"

struct guard {
    char *map;
    size_t map_bytes;
    char *end; /* first byte of the page nobody may touch */
};

/* Room for texts of up to capacity bytes, before an unmapped page. */
static inline void guard_open(struct guard *guard, size_t capacity)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t room = (capacity / page + 1) * page;

    guard->map_bytes = room + page;
    guard->map = mmap(NULL, guard->map_bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (guard->map == MAP_FAILED ||
        mprotect(guard->map + room, page, PROT_NONE) != 0) {
        perror("guard");
        abort();
    }
    guard->end = guard->map + room;
}

static inline void guard_close(struct guard *guard)
{
    munmap(guard->map, guard->map_bytes);
}

/* A copy of text whose last byte is the last readable one; good until the
 * next call. An empty text gets a pointer to the forbidden page itself. */
static inline struct slice guard_text(struct guard *guard, struct slice text)
{
    char *start = guard->end - text.len;

    if (text.len > (size_t)(guard->end - guard->map)) {
        fprintf(stderr, "guard: text larger than the room opened\n");
        abort();
    }
    if (text.len > 0)
        memcpy(start, text.ptr, text.len);
    return slice_make(start, text.len);
}

/* check sees every prefix of text, from the empty one to the whole, each
 * ending at the forbidden page. */
static inline void guard_cut_everywhere(struct slice text,
                                        void (*check)(struct slice cut,
                                                      void *context),
                                        void *context)
{
    struct guard guard;

    guard_open(&guard, text.len);
    for (size_t len = 0; len <= text.len; len++)
        check(guard_text(&guard, slice_head(text, len)), context);
    guard_close(&guard);
}

#endif
