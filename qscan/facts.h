/*
 * What outlives a message: one compact row each. Everything that prints a
 * whole message reads it again; half a million rows must fit in 50 MB.
 */
#ifndef QSCAN_FACTS_H
#define QSCAN_FACTS_H

#include "parsers/slice.h"
#include "parsers/status.h"

enum {
    FACTS_ID_MAX = 18, /* gatherq takes names of 20 characters at most */
    FACTS_NO_DIR = 0xffff,
};

/* Why a row was not judged by rules. */
enum facts_state {
    FACTS_JUDGED,      /* by rules: class and rule are set */
    FACTS_QUARANTINED, /* hf */
    FACTS_LOST,        /* Qf */
    FACTS_DAMAGED,
    FACTS_ORPHAN,
    FACTS_NEWBORN,    /* empty and young: sendmail is about to write it */
    FACTS_GONE,       /* vanished between listing and reading */
    FACTS_UNREADABLE, /* EACCES, EIO: complained about */
};

/* What else was listed of the same id, as bits. */
enum facts_beside {
    BESIDE_DATA = 1 << 0,       /* df, in the folder where it belongs */
    BESIDE_TRANSCRIPT = 1 << 1, /* xf, in any folder */
    BESIDE_REWRITE = 1 << 2,    /* tf */
    BESIDE_CONTROL = 1 << 3,    /* another control file */
};

/* Things worth a look, as bits. */
enum facts_oddity {
    ODD_LINK = 1 << 0,          /* a symbolic link named qf* */
    ODD_NOT_REGULAR = 1 << 1,   /* FIFO, device, directory */
    ODD_HARD_LINKED = 1 << 2,   /* qf with more than one name */
    ODD_WRITABLE = 1 << 3,      /* qf writable for others */
    ODD_TWO_CONTROLS = 1 << 4,  /* two control files of one id */
    ODD_ID_SHAPE = 1 << 5,      /* not an id of any sendmail */
    ODD_ID_TIME = 1 << 6,       /* id's time more than 10 minutes from T */
    ODD_LOCAL_ACTION = 1 << 7,  /* |prog, /file, :include: without a user */
    ODD_STALE_TF = 1 << 8,      /* a tf beside it: rewrite or left over */
    ODD_QUARANTINE_QF = 1 << 9, /* a qf with a quarantine reason */
    ODD_NO_DATA = 1 << 10,
    ODD_TEXT = 1 << 11,          /* truncated, bad line, trailing, NUL */
    ODD_FOREIGN_OWNER = 1 << 12, /* not the owner most files have */
    ODD_COUNT = 13,
};

struct facts {
    uint64_t inode;        /* of the control file, or of the orphan */
    uint64_t size_bytes;   /* of df */
    int64_t created;       /* T; mtime where there is none */
    uint64_t address_hash; /* of a bounce's first recipient; or 0 */
    uint64_t basis;        /* message_basis, where a purge may want it; or 0 */
    uint32_t domain;       /* of the first recipient, lower case; in strings */
    uint32_t more_domains; /* of the others, NUL-separated; in strings; or
                              has_targets: of those whom a report is of, each
                              with the host that refused it */
    uint32_t host;    /* that the status names, else the domain; in strings */
    uint32_t source;  /* the original's client, in sources; 0 = none */
    uint32_t pending; /* is_later: rules_judge's bytes, until the crowd is
                         counted; of a bounce that stays: rules_missed */
    uint16_t rule;    /* or RULES_NO_RULE */
    uint16_t tried;   /* reach_hour_of its last attempt */
    uint16_t aim; /* of a bounce: part of a hash of the recipient that failed;
                     0: none, or several */
    uint16_t dir;
    uint16_t oddities;
    char id[FACTS_ID_MAX];
    uint8_t id_len;
    char letter; /* q, h, Q; of an orphan d, x, t, T */
    uint8_t state;
    uint8_t status_kind; /* enum status_kind of the first recipient */
    uint8_t worker;      /* whose numbers they are, until merged */
    uint8_t beside;      /* enum facts_beside, once the names are joined */
    bool is_purge : 1;   /* its rule says so */
    bool is_undecided : 1;
    bool is_bounce : 1;   /* own failure report */
    bool is_own_name : 1; /* ... for what its source is called, or an address
                             literal */
    bool is_wanted : 1;   /* by --class, --where, --id */
    bool is_later : 1;    /* verdict hangs on the crowd: pending */
    bool is_where_later : 1;
    bool is_held : 1;      /* by an unfinished run: counts in the crowd only */
    bool has_data_dir : 1; /* a d line: df lies in another directory */
    bool is_regular : 1;   /* by the directory's own word */
    bool has_targets : 1;
    bool has_further : 1; /* recipients besides the first */
    bool is_untimed : 1;  /* nobody knows when it was tried */
    bool has_sender : 1;  /* mail of somebody: no report, no answer */
    bool is_cut : 1;      /* of whose names not all are kept */
};

struct facts_table {
    struct facts *rows; /* owned */
    size_t count, capacity;
};

static inline struct slice facts_id(const struct facts *row)
{
    return slice_make(row->id, row->id_len);
}

/* Of at most FACTS_ID_MAX bytes. */
static inline void facts_set_id(struct facts *row, struct slice id)
{
    memcpy(row->id, id.ptr, id.len);
    row->id_len = (uint8_t)id.len;
}

/* The id as a string. */
static inline void facts_copy_id(const struct facts *row,
                                 char id_r[static FACTS_ID_MAX + 1])
{
    memcpy(id_r, row->id, row->id_len);
    id_r[row->id_len] = '\0';
}

void facts_init(struct facts_table *table);
void facts_free(struct facts_table *table);

/* A new zeroed row, or NULL without memory. */
struct facts *facts_add(struct facts_table *table);

/* Numbers of all rows in the order of a cold disk (inode), or of a report
 * (directory, id); malloc'd, NULL without memory. */
uint32_t *facts_order_by_inode(const struct facts_table *table);
uint32_t *facts_order_by_id(const struct facts_table *table);

#endif
