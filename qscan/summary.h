/* The first thing a postmaster sees: what is wrong, the numbers, what to type
 * next. */
#ifndef QSCAN_SUMMARY_H
#define QSCAN_SUMMARY_H

#include "qscan/list.h"

bool summary_print(const struct options *options, const struct scan *scan,
                   struct output *output);

#endif
