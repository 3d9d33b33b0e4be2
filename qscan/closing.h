/*
 * Descriptors that are closed together. A reader of very many small files
 * spends a good part of its time on entering the kernel; numbers that follow
 * one another are closed by one call. For one thread, and only where no other
 * thread shares its descriptors are they many in a row.
 */
#ifndef QSCAN_CLOSING_H
#define QSCAN_CLOSING_H

enum { CLOSING_MAX = 32 };

struct closing {
    int fds[CLOSING_MAX];
    unsigned count;
};

/* Nobody may use fd any more. When there is no more room all are closed. */
void closing_add(struct closing *closing, int fd);

/* Closes all of them. */
void closing_close(struct closing *closing);

#endif
