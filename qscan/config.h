/*
 * What sendmail.cf says that qscan must know: where the queues are, when a
 * message is returned, and which domains are ours (readcf.c; cf/README).
 */
#ifndef QSCAN_CONFIG_H
#define QSCAN_CONFIG_H

#include "parsers/slice.h"
#include "qscan/string_list.h"

/* A file that the configuration names, and that cannot be read. */
struct config_fault {
    char *path; /* owned */
    int error;  /* errno, ENOENT only where sendmail would complain, too; or
                 * one of the CONFIG_ below */
    bool lists_hosts; /* and domains, else these alone */
};

struct config {
    char *file; /* the cf that was read, or could not be; NULL: none */
    struct config_fault *faults;
    size_t fault_count;
    struct string_list queues; /* as written, wildcards and all */
    /* Classes w, R and VirtHost, with their files and the classes in them;
     * what the access map relays to. */
    struct string_list domains;
    /* Classes M, G and LDAPRoute, macro M, keys of mailertable and virtuser,
     * senders that the access map relays for. */
    struct string_list senders;
    /* Smart host and hubs (macros S, H, R), fallback hosts, hosts of the
     * mailertable, clients that the access map relays for: names, ".name",
     * addresses, networks. */
    struct string_list relays;
    int64_t return_sec; /* Timeout.queuereturn of a DSN; 5 days */
    bool is_partial;    /* there may be more domains */
};

enum {
    CONFIG_RETURN_SEC = 5 * 24 * 3600,
    CONFIG_FAULTS_MAX = 100,
    CONFIG_RELAYS_MAX = 100000,
    /* No errno values: */
    CONFIG_IS_NONE = -1,        /* none of its lines is one of sendmail.cf */
    CONFIG_HAS_NO_TEXT = -2,    /* a map whose database alone is there */
    CONFIG_IS_NO_FILE = -3,     /* a map elsewhere, or a program */
    CONFIG_IS_NOT_DEFINED = -4, /* a name with such a macro */
};

/*
 * Reads file; NULL = the usual places, where no file at all is no error.
 * Returns 0, an errno value, or CONFIG_IS_NONE; /dev/null is a configuration
 * that says nothing, an empty file is none. A file named by an F or K line that
 * cannot be read is left out and noted in faults, unless it is missing and
 * optional
 * ("-o", as in sendmail's fileclass); so is one that holds more than there is
 * room for (EFBIG). Maps are read from the text that they are made from
 * (cf/README), which a site need not keep.
 */
int config_read(struct config *config, const char *file);
void config_free(struct config *config);

/* Why a file, or what is none, could not be read. */
const char *config_fault_text(const struct config_fault *fault);

/* A whole text file, at most 64 MB, in malloc'd memory; an errno value on
 * failure. */
int config_read_text(const char *path, char **text_r, size_t *len_r);

/* The same of a file that the user named: of a pipe, which may be <(...), the
 * writer is waited for, until the user stops it: EINTR. */
int config_read_named(const char *path, char **text_r, size_t *len_r);

/* "5d", "1h30m", "90" (default_unit: seconds of a bare number); -1 when it is
 * none. */
int64_t config_duration(struct slice text, int64_t default_unit_sec);

#endif
