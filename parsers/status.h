/*
 * Status texts: the M line of a recipient or an envelope, and stat= in the log.
 */
#ifndef QSCAN_PARSERS_STATUS_H
#define QSCAN_PARSERS_STATUS_H

#include "parsers/slice.h"

/*
 * The host that a status text of sendmail's own names (spec: sendmail-queue.md
 * section 3): "Deferred: Connection refused by H", "... timed out with H",
 * "... reset by H", "Deferred: H: No route to host", "Name server: H: host name
 * lookup failure", "host map: lookup (H): deferred", "reply: read error from
 * H". Only those words count, from the start, "Deferred: " before them or not,
 * and H must be one host name or literal. Without a final dot, case as stored;
 * absent when it names none, when its middle was cut out ("..."), or when the
 * text is a remote reply.
 */
struct slice status_host(struct slice status);

/*
 * What a status text proves about the host. A remote reply (three digits and a
 * blank) or a reset proves that something answered, and so does a timeout in
 * an SMTP phase behind the opening ("during client MAIL", older releases). A
 * failed lookup is STATUS_LOCAL when the map is a table of our own (access,
 * mailertable, virtuser ...): that says nothing of the host.
 */
enum status_kind {
    STATUS_NONE,        /* absent or empty */
    STATUS_REFUSED,     /* connection refused */
    STATUS_TIMEOUT,     /* connection timed out */
    STATUS_UNREACHABLE, /* no route, network unreachable or down, host down */
    STATUS_UNRESOLVED,  /* name server or map lookup failed for now */
    STATUS_RESET,       /* reset, read error: TCP was answered */
    STATUS_REPLY,       /* an SMTP reply: "Deferred: 4xx ..." */
    STATUS_TLS,         /* TLS or AUTH policy failed: the host spoke */
    STATUS_BARE,        /* "Deferred" alone: cached failure of a live host */
    STATUS_LOCAL,       /* our own disk, alias file, mailer */
    STATUS_META,        /* "Warning: could not send ...": hides the cause */
    STATUS_OTHER,
};

enum status_kind status_classify(struct slice status);
/* Both at once: status_classify, and the status_host in *host_r. */
enum status_kind status_read(struct slice status, struct slice *host_r);
/* Nothing ever answered there: refused, timed out, unreachable, unresolved. */
bool status_is_dead(enum status_kind kind);
/* Something answered: a reply, a reset, a failed TLS or AUTH. */
bool status_is_alive(enum status_kind kind);

const char *status_kind_text(enum status_kind kind); /* "refused" */

#endif
