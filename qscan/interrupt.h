/*
 * Being asked to stop: SIGINT, SIGTERM and SIGHUP set a mark that the long
 * loops look at between two messages or two batches.
 */
#ifndef QSCAN_INTERRUPT_H
#define QSCAN_INTERRUPT_H

void interrupt_setup(void);
/* The signal that came, or 0. */
int interrupt_signal(void);

#endif
