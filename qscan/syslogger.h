/*
 * Lines for syslog, out of workers. syslog(3) keeps one descriptor for the
 * whole process, so a worker with descriptors of its own must not call it: it
 * hands its lines to a thread that shares those of the process, and does not
 * wait for syslogd either.
 */
#ifndef QSCAN_SYSLOGGER_H
#define QSCAN_SYSLOGGER_H

#include "qscan/buffer.h"

enum { SYSLOGGER_WAITING_BYTES = 64 * 1024 };

struct syslogger;

/* send: what is done with each line, without its newline, one at a time. NULL
 * where no thread can be started. */
struct syslogger *syslogger_start(void (*send)(struct slice line));

/* Lines that end in newlines; none are left in them. From any thread. Waits
 * while SYSLOGGER_WAITING_BYTES are not sent: a process that is killed takes
 * so many with it, and what its threads wait to add. */
void syslogger_add(struct syslogger *logger, struct buffer *lines);

/* Waits until all are sent. False when some were lost for lack of memory, here
 * or in the lines that were added. */
bool syslogger_stop(struct syslogger *logger);

#endif
