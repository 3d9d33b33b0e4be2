/*
 * One line of a maillog, as sendmail wrote it (spec: sendmail-queue.md, section
 * 8; sendmail/conf.c:sm_syslog).
 *
 * Values in these lines are not quoted, and the sender, the remote host and
 * whoever connects choose many of them: fields are found from the fixed ends
 * of each shape, so that text in "msgid=", "reply=" or "arg1=" cannot move an
 * address or a status. A line in which that is not possible (two "stat=") is
 * marked hostile and decides nothing.
 *
 * Everything is a slice of the line; escapes ("\ooo", "\\") are left as they
 * are. An absent field has a NULL ptr, an absent number is -1.
 */
#ifndef QSCAN_PARSERS_LOGLINE_H
#define QSCAN_PARSERS_LOGLINE_H

#include "parsers/address.h"
#include "parsers/slice.h"

enum { LOGLINE_MAX_BYTES = 64 * 1024 }; /* what is beyond is not looked at */

/*
 * The stamp. "Nov 16 14:28:37" has no year and stands in local time; RFC 3339,
 * RFC 5424 and journalctl -o short-iso have both, journalctl -o short-full has
 * the year, and a zone when it is UTC.
 */
struct log_stamp {
    int32_t year;       /* 0: not said */
    uint8_t month, day; /* 1..12, 1..31 */
    uint8_t hour, minute, second;
    bool has_zone;
    int32_t zone_sec; /* east of Greenwich */
};

enum logline_outcome {
    LOGLINE_OK,       /* sendmail's own line */
    LOGLINE_REPEATED, /* "last message repeated N times", repeat_count */
    LOGLINE_FOREIGN,  /* a good stamp, another program's line */
    LOGLINE_NO_STAMP, /* not a syslog line at all; nothing is set */
};

/* What a line tells, finer than the shapes that rules name. */
enum logline_kind {
    LOGLINE_FROM,    /* from=, size=, ... relay= */
    LOGLINE_TO,      /* to=, ... stat= */
    LOGLINE_DSN,     /* PARENT: CHILD: DSN: why; return to sender, ... */
    LOGLINE_CLONE,   /* PARENT: CHILD: clone: owner=; split: count=N, id=.. */
    LOGLINE_DONE,    /* done; delay=D, ntries=N */
    LOGLINE_REPLY,   /* <x>... User unknown; other 4xx, 5xx text */
    LOGLINE_RULESET, /* ruleset=, arg1=, ... reject= */
    LOGLINE_LOST,    /* lost input channel; timeout waiting for input;
                        collect: premature EOM, collect: relay= */
    LOGLINE_NO_COMMAND, /* did not issue MAIL/EXPN/VRFY/ETRN */
    LOGLINE_FLOOD,      /* Possible SMTP RCPT flood, throttling or worse */
    LOGLINE_ATTACK,     /* possible SMTP attack: command=, count= */
    LOGLINE_PROBE,      /* VRFY x, EXPN x, ETRN x */
    LOGLINE_PROXY,      /* probable open proxy: command= */
    LOGLINE_PREGREET,   /* rejecting commands ... due to pre-greeting traffic */
    LOGLINE_PEER,       /* other lines about a peer: SMTP violation, "CMD"
                           command from, bad commands, no HELO, a false one */
    LOGLINE_AUTH,       /* AUTH failure (MECH): ..., user=, relay= */
    LOGLINE_AUTH_OK,    /* AUTH=server, relay=, authid=, mech=, bits= */
    LOGLINE_TLS,        /* STARTTLS=WHO, relay=, ...; its errors */
    LOGLINE_MILTER,     /* Milter: ..., milter=, Milter (NAME): ... */
    LOGLINE_REFUSING,   /* rejecting, delaying, deferring connections on
                           daemon D: load average, children, per second */
    LOGLINE_CONNECT,    /* makeconnection (...) failed: ERR */
    LOGLINE_SYSTEM,     /* SYSERR, Losing, NOQUEUE: ..., bogus queue file, no
                           space, Authentication-Warning of a user here: needs
                           a person */
    LOGLINE_NOTICE,     /* starting daemon, alias database, grew WorkList,
                           dialogue of high log levels: known, harmless */
    LOGLINE_OTHER,      /* sendmail's, of no shape known here */
    LOGLINE_KIND_COUNT
};

/* The shapes that "line" names in a rule: from, to, reply, ruleset, peer,
 * lost, auth, milter, dsn, other. */
enum logline_shape {
    SHAPE_FROM,
    SHAPE_TO,
    SHAPE_REPLY,
    SHAPE_RULESET,
    SHAPE_PEER,
    SHAPE_LOST,
    SHAPE_AUTH,
    SHAPE_MILTER,
    SHAPE_DSN,
    SHAPE_OTHER,
    SHAPE_COUNT
};

struct logline {
    struct log_stamp stamp;
    enum logline_kind kind;
    bool is_hostile;   /* two of what there must be one of: decides nothing */
    bool is_split;     /* its end stands in lines to come, or was cut off: what
                          stands last (status, dsn, reply) is absent */
    bool is_unsent;    /* to: named before anything was sent, with no mailer:
                          the client left or began anew, or its data was
                          refused (srvrsmtp.c, logundelrcpts). Status and dsn
                          are those of another thing, and absent */
    bool is_garbled;   /* to: a quote, < or ( of the address does not close: an
                          alias or .forward of a user here (ctladdr) */
    bool has_no_queue; /* "NOQUEUE: " stood before text */
    bool is_continued; /* text behind "ID[2]: ": the rest of the line before */
    uint32_t repeat_count; /* 1, but for repeated lines */
    int64_t pid;           /* -1: none */
    struct slice host;     /* of the header; absent when there is none */
    struct slice tag;      /* "sm-mta" */
    struct slice id;       /* absent: none, or NOQUEUE */
    struct slice text;     /* all behind the id */
    /* who: */
    struct slice relay;  /* as it stands: "host. [ip]", $_ of a client */
    struct client peer;  /* relay taken apart; has_ip false when it has none */
    struct slice sender; /* from=, check_mail's argument; <> kept out: bare */
    struct slice recipient;  /* first address, bare; see recipients */
    struct slice recipients; /* to=: "A,B,C" as it stands */
    struct slice user;       /* AUTH: user=, authid= */
    /* what: */
    struct slice status;  /* stat= */
    struct slice dsn;     /* dsn= */
    struct slice reply;   /* reply=, reject=: "550 5.1.1 ..."; none of a line
                             "milter=": "Milter: ..., reject=" has it, too */
    struct slice reason;  /* text without the address it is about: "User
                             unknown"; of reply, ruleset, dsn, milter, auth,
                             connect and system lines */
    struct slice ruleset; /* "check_rcpt"; of a milter line the milter */
    struct slice command; /* after "after", "during", command=, VRFY, the
                             milter's, AUTH mechanism, "server" of STARTTLS,
                             "sender notify" of a dsn line, daemon of refused
                             connections */
    struct slice child;   /* DSN, CLONE: id that is born here; of a split all:
                             "A; B; C" */
    struct slice message_id; /* msgid= */
    struct slice mailer;
    struct slice ctladdr;          /* bare: a local or aliased sender */
    struct slice protocol;         /* proto= of from; version= of TLS */
    struct slice cipher;           /* of TLS */
    struct slice verify;           /* of TLS: OK, NO, FAIL, ... */
    int64_t size_bytes;            /* from */
    int64_t recipient_count;       /* from: nrcpts=; attack, split: count= */
    int64_t delay_sec, xdelay_sec; /* to */
    int64_t tries;                 /* done: ntries= */
};

/*
 * What a line mostly has in common with one before it: the second, and host
 * and tag. Begins as zeros and belongs to one thread; it holds copies, and no
 * answer depends on it.
 */
enum {
    LOGLINE_STAMP_BYTES = 16,  /* "Nov 16 14:28:37 " */
    LOGLINE_ORIGIN_BYTES = 32, /* "HOST TAG[" */
    LOGLINE_ORIGINS = 8,
};

struct logline_memory {
    char stamp_text[LOGLINE_STAMP_BYTES];
    struct log_stamp stamp; /* its month 0: none yet */
    struct logline_origin {
        char text[LOGLINE_ORIGIN_BYTES];
        uint32_t behind; /* a bit for each byte that is none of text's */
        uint8_t len;     /* 0: free */
        uint8_t host_len;
    } origins[LOGLINE_ORIGINS];
};

/*
 * Takes one line apart, without its newline. *line_r is filled as far as the
 * outcome says; for LOGLINE_FOREIGN stamp, host and tag are set. Who has many
 * lines brings a memory, who has one NULL.
 */
enum logline_outcome logline_parse(struct slice line,
                                   struct logline_memory *memory,
                                   struct logline *line_r);

/* Its stamp alone; false where logline_parse says LOGLINE_NO_STAMP. */
bool logline_stamp(struct slice line, struct logline_memory *memory,
                   struct log_stamp *stamp_r);

/* The next address of a "to=" list as it stands in recipients, bare: commas
 * inside quotes or <> do not separate. False at the end. */
bool logline_next_recipient(struct slice *rest, struct slice *recipient_r);

/*
 * The domain of a bare address as it stands in a line, without a final dot;
 * absent when there is none. A log doubles backslashes (conf.c:sm_syslog), so
 * what they quote cannot be told: such an address has no domain here.
 */
struct slice logline_domain(struct slice address);

enum logline_shape logline_shape(enum logline_kind kind);
const char *logline_shape_text(enum logline_shape shape); /* "ruleset" */
bool logline_shape_find(struct slice name, enum logline_shape *shape_r);
const char *logline_kind_text(enum logline_kind kind);

/* Whether its day is in that year, or in its own: 29 February may be not. */
bool log_stamp_has_day(const struct log_stamp *stamp, int32_t year);

/*
 * Seconds since the epoch of a stamp, its year and zone being given where it
 * says none (a stamp's own count first). 29 February of another year is 1
 * March.
 */
int64_t log_stamp_epoch(const struct log_stamp *stamp, int32_t year,
                        int32_t zone_sec);

#endif
