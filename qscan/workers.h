/* Threads that share one list of numbered jobs, taken in pieces. */
#ifndef QSCAN_WORKERS_H
#define QSCAN_WORKERS_H

#include "qscan/progress.h"

enum { WORKERS_MAX = 255 };

/*
 * Runs work(context, worker, first, end) for pieces of 0..job_count, in
 * worker_count threads, until all are done or a signal asked to stop. Pieces
 * begin at multiples of piece. False when not even one thread could be
 * started.
 */
bool workers_run(unsigned worker_count, size_t job_count, size_t piece,
                 void (*work)(void *context, unsigned worker, size_t first,
                              size_t end),
                 void *context, struct progress *progress);

/* The same without a word of progress, by no more threads than pieces; false
 * also when a signal came before all was done. */
bool workers_do(unsigned worker_count, size_t job_count, size_t piece,
                void (*work)(void *context, unsigned worker, size_t first,
                             size_t end),
                void *context);

/*
 * For work that opens and closes many files, and leaves none open: gives this
 * worker a table of descriptors of its own, as threads wait for each other at
 * one that they share. What was open before stays open in all of them; what a
 * worker opens from here on nobody else can use, and it ends with the worker.
 * False where that is denied: things are only slower.
 */
bool workers_own_descriptors(void);

#endif
