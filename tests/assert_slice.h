/*
 * Slices in assertions: a failure shows both texts. Include cmocka first.
 */
#ifndef QSCAN_TESTS_ASSERT_SLICE_H
#define QSCAN_TESTS_ASSERT_SLICE_H

#include "parsers/slice.h"

/* want NULL: the slice is absent. title names the case of a table. */
static inline void assert_slice_is(struct slice got, const char *want,
                                   const char *title)
{
    if (slice_is_absent(got) && want == NULL)
        return;
    if (slice_is_absent(got) || want == NULL ||
        !slice_equal(got, slice_from_string(want)))
        fail_msg("%s: got %s\"%.*s\", want %s\"%s\"", title,
                 slice_is_absent(got) ? "none " : "", (int)got.len,
                 got.ptr == NULL ? "" : got.ptr, want == NULL ? "none " : "",
                 want == NULL ? "" : want);
}

/* Nothing was made up, nor read beyond the text. */
static inline void assert_inside(struct slice part, struct slice whole)
{
    if (!slice_is_absent(part))
        assert_true(part.ptr >= whole.ptr &&
                    part.ptr + part.len <= whole.ptr + whole.len);
}

#endif
