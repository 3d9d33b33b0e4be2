/* A process that may open few files more. */
#ifndef QSCAN_TESTS_FEW_DESCRIPTORS_H
#define QSCAN_TESTS_FEW_DESCRIPTORS_H

#include <sys/resource.h>

/* Descriptors are numbered below that from now on; returns what was before. */
static inline rlim_t few_descriptors(rlim_t end)
{
    struct rlimit limit;
    rlim_t before;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    before = limit.rlim_cur;
    limit.rlim_cur = end;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    return before;
}

#endif
