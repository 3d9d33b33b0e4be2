/*
 * Nobody's mail is taken, put back or wiped unasked.
 */
#ifndef QSCAN_ASK_H
#define QSCAN_ASK_H

#include "qscan/complain.h"
#include "qscan/options.h"

/*
 * On a terminal the question is asked: what, as behind "it would". Without one,
 * only what is harmless goes ahead without --yes. False after it was said that
 * nothing is done.
 */
bool ask_confirm(const struct options *options, struct complaints *complaints,
                 const char *what, bool needs_yes);

#endif
