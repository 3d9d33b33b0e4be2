#include "parsers/logline_part.h"

struct known_words {
    struct slice words;
    enum logline_kind kind;
};

#define WORDS(words, kind)                                                     \
    {                                                                          \
        {(words), sizeof(words) - 1}, LOGLINE_##kind                           \
    }

/* clang-format off */
/* In the order of their first bytes, longer words before shorter ones. */
static const struct known_words known_starts[] = {
    WORDS("*** ", NOTICE), WORDS("--- ", NOTICE), WORDS("-- ", NOTICE),
    WORDS("8-bit character in ", REPLY), WORDS("<-- ", NOTICE),
    WORDS("<<< ", NOTICE), WORDS(">>> ", NOTICE),
    WORDS("Alias file ", SYSTEM),
    WORDS("Aborting queue run", NOTICE), WORDS("Adding ", NOTICE),
    WORDS("Address ", REPLY), WORDS("Addressee unknown", REPLY),
    WORDS("Argument required", REPLY), WORDS("Authentication required", REPLY),
    WORDS("Broadcast", NOTICE), WORDS("BODY requires", REPLY),
    WORDS("BY=", REPLY), WORDS("Cannot ", SYSTEM), WORDS("Can't ", SYSTEM),
    WORDS("Closing connection to ", NOTICE), WORDS("Connecting to ", NOTICE),
    WORDS("Could not ", SYSTEM), WORDS("CLEAR_STATE: ", NOTICE),
    WORDS("CRLFile missing", SYSTEM),
    WORDS("CurChildren = ", NOTICE), WORDS("Command not implemented", REPLY),
    WORDS("DNS failure: ", SYSTEM), WORDS("Denied ", SYSTEM), WORDS("DEBUG: ", NOTICE),
    WORDS("DIGEST-MD5 ", NOTICE),
    WORDS("Deny user ", SYSTEM), WORDS("Drop privs for user ", SYSTEM),
    WORDS("Dropping verbosity ", SYSTEM),
    WORDS("Dropped invalid comments", NOTICE), WORDS("Duplicate ", REPLY),
    WORDS("Error ", SYSTEM), WORDS("ERROR: ", SYSTEM),
    WORDS("ERROR=ARGS_", NOTICE), WORDS("ENVID ", REPLY),
    WORDS("Eight bit data ", REPLY), WORDS("File descriptors missing", SYSTEM),
    WORDS("Fixed MIME ", PEER), WORDS("FAILED to grow ", SYSTEM),
    WORDS("Infinite loop in ruleset ", SYSTEM), WORDS("I demand ", REPLY),
    WORDS("Illegal ", REPLY), WORDS("Insufficient disk space", REPLY),
    WORDS("LDAP ", SYSTEM), WORDS("Losing ", SYSTEM),
    WORDS("My unqualified host name ", SYSTEM), WORDS("MAIL too long", REPLY),
    WORDS("Missing recipient", REPLY), WORDS("More than one ", REPLY),
    WORDS("NIS map ", SYSTEM), WORDS("NextMacroId = ", NOTICE),
    WORDS("NOTIFY ", REPLY), WORDS("NUL byte ", REPLY),
    WORDS("No worthy mechs found", SYSTEM), WORDS("No ", REPLY),
    WORDS("Nothing to ", REPLY), WORDS("ORCPT ", REPLY),
    WORDS("Out of disk space", REPLY), WORDS("POSSIBLE ATTACK ", PEER),
    WORDS("Parameter required", REPLY), WORDS("Password verification ", NOTICE),
    WORDS("Permission denied", REPLY),
    WORDS("Please try again", REPLY), WORDS("Polite people ", REPLY),
    WORDS("QueueDirectory: ", SYSTEM), WORDS("QUIT: ", NOTICE),
    WORDS("Queue ", REPLY), WORDS("Ruleset ", SYSTEM),
    WORDS("RCPT too long", REPLY), WORDS("RET ", REPLY),
    WORDS("Received-SPF: ", NOTICE), WORDS("Recipient names ", REPLY), WORDS("SASL", SYSTEM),
    WORDS("SECURITY ALERT: ", SYSTEM),
    WORDS("SMTP outgoing connect on ", NOTICE), WORDS("SMTP connect ", NOTICE),
    WORDS("SMTP server ", NOTICE), WORDS("Saved message in ", SYSTEM),
    WORDS("Skipping ", NOTICE), WORDS("Sending \"", NOTICE),
    WORDS("SIZE ", REPLY), WORDS("Server does not ", REPLY),
    WORDS("Sorry, ", REPLY), WORDS("Truncated MIME ", PEER),
    WORDS("Truncated long MIME ", PEER), WORDS("Too many ", SYSTEM),
    WORDS("TLS", TLS), WORDS("Timeout.to_aconnect ", NOTICE),
    WORDS("Unable to ", SYSTEM), WORDS("Unbalanced ", REPLY),
    WORDS("Unsupported address family", SYSTEM), WORDS("Unknown BODY ", REPLY),
    WORDS("Warning: ", SYSTEM), WORDS("WARNING: ", SYSTEM),
    WORDS("WorkList for ", SYSTEM), WORDS("You ", REPLY),
    WORDS("_sasl_", SYSTEM),
    WORDS("abortmessage: ", NOTICE),
    WORDS("accepting connections again", NOTICE),
    WORDS("alias database ", NOTICE), WORDS("alias ", NOTICE),
    WORDS("aliasing/forwarding loop ", SYSTEM), WORDS("aliaswait", NOTICE),
    WORDS("assigned id", NOTICE), WORDS("accepting new messages", NOTICE),
    WORDS("authenticated=", NOTICE), WORDS("arith_map: ", SYSTEM),
    WORDS("auxpropfunc ", SYSTEM),
    WORDS("bogus queue file", SYSTEM), WORDS("bogus xtext", REPLY),
    WORDS("can not ", SYSTEM), WORDS("cannot ", SYSTEM),
    WORDS("can't ", SYSTEM), WORDS("chkqdir: ", SYSTEM),
    WORDS("clt_features=", NOTICE), WORDS("collect: ", LOST),
    WORDS("connect from ", NOTICE), WORDS("control: ", NOTICE),
    WORDS("could not ", SYSTEM), WORDS("checkqueuerunner: ", NOTICE),
    WORDS("clone ", NOTICE), WORDS("conn_limits: ", NOTICE),
    WORDS("connection_rate_check", NOTICE), WORDS("ctladdr=", NOTICE),
    WORDS("changed", SYSTEM), WORDS("cataddr: ", REPLY),
    WORDS("closing connection", REPLY), WORDS("daemon ", SYSTEM),
    WORDS("dangerous permissions", SYSTEM), WORDS("delaying=", NOTICE),
    WORDS("deliver: ", SYSTEM), WORDS("did not issue MAIL", NO_COMMAND),
    WORDS("discarded", NOTICE), WORDS("disconnect", NOTICE),
    WORDS("dns ", NOTICE), WORDS("dns_", NOTICE), WORDS("domain ", NOTICE),
    WORDS("dowork", NOTICE), WORDS("drop_privileges: ", SYSTEM),
    WORDS("dropenvelope", NOTICE), WORDS("dup_df: ", SYSTEM),
    WORDS("deferred: ", NOTICE), WORDS("delay=", NOTICE), WORDS("dsn=", NOTICE),
    WORDS("dbopen(", SYSTEM), WORDS("dferror: ", SYSTEM),
    WORDS("eatheader: ", NOTICE), WORDS("engine=", NOTICE),
    WORDS("error connecting to filter", SYSTEM), WORDS("error: ", SYSTEM),
    WORDS("expand ", NOTICE), WORDS("expanded ", NOTICE),
    WORDS("encode64 ", SYSTEM), WORDS("fill_fd: ", SYSTEM),
    WORDS("fileclass: ", SYSTEM), WORDS("filesys_update failed", SYSTEM),
    WORDS("finis", NOTICE), WORDS("forward ", SYSTEM),
    WORDS("forward: ", NOTICE), WORDS("fcntl(", SYSTEM),
    WORDS("func=init_sem", SYSTEM), WORDS("gatherq: ", SYSTEM),
    WORDS("getauthinfo", NOTICE), WORDS("getla: ", SYSTEM),
    WORDS("getmxrr: ", SYSTEM), WORDS("gethostbyaddr(", SYSTEM),
    WORDS("gethostbyname(", SYSTEM), WORDS("gethostby*.", NOTICE),
    WORDS("getrequests: ", SYSTEM),
    WORDS("grew WorkList", NOTICE), WORDS("grow_wlist", NOTICE),
    WORDS("getauth ", NOTICE), WORDS("global connection rate", NOTICE),
    WORDS("getmodifiers ", SYSTEM), WORDS("headers too large", PEER),
    WORDS("hostsignature", SYSTEM), WORDS("hesiod ", NOTICE),
    WORDS("hostname ", REPLY), WORDS("identity changed", NOTICE),
    WORDS("in background", NOTICE), WORDS("include ", SYSTEM),
    WORDS("include: ", SYSTEM), WORDS("including file ", NOTICE),
    WORDS("inittls: ", NOTICE), WORDS("invalid domain name ", PEER),
    WORDS("invalid ", SYSTEM), WORDS("interrupt", NOTICE),
    WORDS("illegal by-", REPLY), WORDS("key=", SYSTEM), WORDS("ldap", SYSTEM),
    WORDS("locked", NOTICE), WORDS("log terminated", NOTICE),
    WORDS("low on space", SYSTEM), WORDS("mail_", NOTICE),
    WORDS("mailfile: ", SYSTEM), WORDS("makeconnection", SYSTEM),
    WORDS("mci_", NOTICE), WORDS("message size (", REPLY),
    WORDS("mime7to8: ", NOTICE), WORDS("mime8to7: ", NOTICE),
    WORDS("moved to ", NOTICE), WORDS("multiqueue_cache: ", SYSTEM),
    WORDS("mailer=", NOTICE), WORDS("main: where=", NOTICE),
    WORDS("message-id=", NOTICE), WORDS("msgid=", NOTICE),
    WORDS("mode R requires", REPLY), WORDS("newaliases: ", SYSTEM),
    WORDS("nis", SYSTEM), WORDS("no secret in database", NOTICE),
    WORDS("null ", SYSTEM), WORDS("non-ASCII ", REPLY),
    WORDS("opendaemonsocket: ", SYSTEM), WORDS("openmailer", SYSTEM),
    WORDS("openmap", SYSTEM), WORDS("ownership change", SYSTEM),
    WORDS("owner ", NOTICE), WORDS("open timeout ", REPLY),
    WORDS("persistent queue runner", NOTICE), WORDS("possible ", PEER),
    WORDS("problem ", SYSTEM), WORDS("prog_open: ", SYSTEM),
    WORDS("putbody: ", SYSTEM), WORDS("putoutmsg", NOTICE),
    WORDS("proc_list_", SYSTEM), WORDS("ph_map_", NOTICE),
    WORDS("poststats: ", SYSTEM), WORDS("proxy mode ", SYSTEM),
    WORDS("prescan: ", REPLY), WORDS("quarantine=", NOTICE),
    WORDS("quarantine_queue_item: ", SYSTEM), WORDS("queue run ", NOTICE),
    WORDS("queue control process", NOTICE), WORDS("queuename: ", SYSTEM),
    WORDS("queued", NOTICE), WORDS("queueup", SYSTEM),
    WORDS("queue group name ", NOTICE), WORDS("queue manager: ", NOTICE),
    WORDS("queue directory ", SYSTEM), WORDS("rewrite: ", SYSTEM),
    WORDS("rscheck(", NOTICE), WORDS("readaliases: ", SYSTEM),
    WORDS("readcf: ", SYSTEM), WORDS("readqf: ", SYSTEM),
    WORDS("rebuil", NOTICE), WORDS("rejecting new messages", SYSTEM),
    WORDS("removed", NOTICE), WORDS("restart", NOTICE),
    WORDS("return to sender", NOTICE), WORDS("runqueue", NOTICE),
    WORDS("running queue", NOTICE), WORDS("run queue", NOTICE),
    WORDS("rcpt=", NOTICE), WORDS("relay=", NOTICE), WORDS("rq: ", NOTICE),
    WORDS("rqe: ", NOTICE), WORDS("rwg: ", NOTICE),
    WORDS("returntosender: ", SYSTEM), WORDS("remotename: ", REPLY),
    WORDS("reply: read error", REPLY), WORDS("safefopen: ", SYSTEM),
    WORDS("safeopen", SYSTEM), WORDS("savemail: ", SYSTEM),
    WORDS("secureware", SYSTEM), WORDS("sendall", NOTICE),
    WORDS("sendenvelope", NOTICE), WORDS("sender blocked", NOTICE),
    WORDS("server ", NOTICE), WORDS("setsender: ", SYSTEM),
    WORDS("skipping ", NOTICE), WORDS("socket map ", SYSTEM),
    WORDS("srv_features: ", SYSTEM), WORDS("starting daemon", NOTICE),
    WORDS("started as: ", NOTICE), WORDS("startup with ", NOTICE),
    WORDS("statfs(", SYSTEM), WORDS("stopping daemon", NOTICE),
    WORDS("symlink", SYSTEM), WORDS("sync_dir: ", SYSTEM),
    WORDS("syslog", NOTICE), WORDS("server=", NOTICE),
    WORDS("set automode ", NOTICE), WORDS("size=", NOTICE),
    WORDS("smtp: doublequeue", NOTICE), WORDS("smtpquit: ", NOTICE),
    WORDS("sql_select option missing", SYSTEM),
    WORDS("sqr: ", NOTICE), WORDS("stab: ", NOTICE), WORDS("stat=", NOTICE),
    WORDS("str_union: ", NOTICE), WORDS("shared memory ", SYSTEM),
    WORDS("sm_shmstop ", SYSTEM), WORDS("smtps: ", SYSTEM),
    WORDS("socket_map_", SYSTEM), WORDS("srvfeatures: ", SYSTEM),
    WORDS("text map ", SYSTEM),
    WORDS("timeout ", SYSTEM), WORDS("tls_", TLS), WORDS("too many ", SYSTEM),
    WORDS("too young", NOTICE), WORDS("total: cnt=", NOTICE),
    WORDS("time ", REPLY), WORDS("unable to ", SYSTEM),
    WORDS("unquarantine", NOTICE), WORDS("unauthorized PIPELINING", PEER),
    WORDS("unknown ", SYSTEM), WORDS("unlink", NOTICE), WORDS("user ", SYSTEM),
    WORDS("unlock", NOTICE), WORDS("warning: ", SYSTEM),
    WORDS("wrong ", SYSTEM), WORDS("xfilter", SYSTEM), WORDS("x_", NOTICE),
    WORDS("x-connect", NOTICE),
};

/* Usual errors of a session without an address (err.c, usrerr). */
static const struct known_words known_replies[] = {
    WORDS("Access denied", REPLY),
    WORDS("Bad ", REPLY),
    WORDS("Command rejected", REPLY),
    WORDS("Command unrecognized", REPLY),
    WORDS("Data format error", REPLY),
    WORDS("Domain name required", REPLY),
    WORDS("Fix reverse DNS", REPLY),
    WORDS("Header", REPLY),
    WORDS("Invalid ", REPLY),
    WORDS("Line too long", REPLY),
    WORDS("Message ", REPLY),
    WORDS("Need ", REPLY),
    WORDS("Nested MAIL", REPLY),
    WORDS("Relaying denied", REPLY),
    WORDS("Sender ", REPLY), WORDS("Service ", REPLY),
    WORDS("Syntax error", REPLY),
    WORDS("Too many hops ", REPLY),
    WORDS("Too many bad ", REPLY),
    WORDS("Too many recipients", REPLY),
    WORDS("User ", REPLY),
    WORDS("Virus", REPLY),
};

/* Where the name of a host, file or user of the line's own comes first. */
static const struct known_words known_middles[] = {
    WORDS(" aliases, longest ", NOTICE),
    WORDS(" did not issue MAIL", NO_COMMAND),
    WORDS(": SMTP DATA-", PEER), WORDS(": SMTP MAIL protocol error", PEER),
    WORDS(": SMTP RCPT protocol error", PEER),
    WORDS(" didn't use HELO protocol", PEER),
    WORDS(" command from ", PEER),
    WORDS(": world writable", SYSTEM), WORDS(" writable ", SYSTEM),
    WORDS(" has bad shell", SYSTEM),
    WORDS(" claimed to be ", PEER),
    WORDS(" parameter unrecognized", REPLY),
    WORDS(" requires domain address", REPLY),
    WORDS(" too old (require version ", SYSTEM),
    WORDS(": WARNING: dangerous ", SYSTEM),
    WORDS(": lookup error, expected ", SYSTEM),
    WORDS(": line ", SYSTEM),
    WORDS(": unlink-fail ", NOTICE), WORDS("; e_timers=", NOTICE), WORDS(": fl=0x", NOTICE),
    WORDS(" mailer (", SYSTEM),
    WORDS(" does not support 8BITMIME", NOTICE),
    WORDS(" owned process doing -bs", SYSTEM),
    WORDS(" set sender to ", SYSTEM),
    WORDS(": lookup (", SYSTEM),
    WORDS("unsafe", SYSTEM), WORDS("insecure", SYSTEM),
    WORDS(": locked", NOTICE), WORDS(": too young", NOTICE),
    WORDS(": changed", SYSTEM),
    WORDS(": delaying ", NOTICE),
    WORDS("Already quarantined", NOTICE), WORDS("Quarantined with", NOTICE),
    WORDS("Quarantine changed", NOTICE), WORDS("Removed quarantine", NOTICE),
    WORDS(": could not ", SYSTEM), WORDS(": cannot ", SYSTEM),
    WORDS(": Permission denied", SYSTEM),
    WORDS(": No such file or directory", SYSTEM),
    WORDS(": No space left", SYSTEM),
    WORDS("too many bad commands", PEER), WORDS("Too many bad ", PEER),
    WORDS("(may be forged)", PEER),
};
/* clang-format on */

static bool take_known(struct slice text, const struct known_words *words,
                       size_t count, struct logline *line)
{
    for (size_t i = 0; i < count; i++) {
        if (text.ptr[0] != words[i].words.ptr[0] ||
            !slice_starts(text, words[i].words))
            continue;
        line->kind = words[i].kind;
        line->reason = text;
        return true;
    }
    return false;
}

/* The words with the first byte of text, among those in order. */
static bool take_known_start(struct slice text, struct logline *line)
{
    size_t first = 0;
    size_t end = sizeof known_starts / sizeof known_starts[0];
    size_t count = 0;

    while (first < end) {
        size_t middle = first + (end - first) / 2;

        if (known_starts[middle].words.ptr[0] < text.ptr[0])
            first = middle + 1;
        else
            end = middle;
    }
    while (first + count < sizeof known_starts / sizeof known_starts[0] &&
           known_starts[first + count].words.ptr[0] == text.ptr[0])
        count++;
    return take_known(text, known_starts + first, count, line);
}

bool logline_known_middle(struct slice text, struct logline *line)
{
    size_t count = sizeof known_middles / sizeof known_middles[0];

    for (size_t i = 0; i < count; i++) {
        if (log_find(text, known_middles[i].words, 0) == text.len)
            continue;
        line->kind = known_middles[i].kind;
        line->reason = text;
        return true;
    }
    return false;
}

/* Lines about a peer that stands between known words. */
static const struct peer_words {
    struct slice start, before, after;
    enum logline_kind kind;
} peer_words[] = {
    {LOG_WORDS("Null connection from "),
     LOG_WORDS(" from "),
     {NULL, 0},
     LOGLINE_NO_COMMAND},
    {LOG_WORDS("connect from "),
     LOG_WORDS(" from "),
     {NULL, 0},
     LOGLINE_NOTICE},
    {LOG_WORDS("setsender: "),
     LOG_WORDS(": invalid or unparsable, received from "),
     {NULL, 0},
     LOGLINE_PEER},
    {LOG_WORDS("setsender: "),
     LOG_WORDS(": invalid or unparseable, received from "),
     {NULL, 0},
     LOGLINE_PEER},
    {LOG_WORDS("unauthorized PIPELINING"),
     LOG_WORDS(", relay="),
     {NULL, 0},
     LOGLINE_PEER},
    {LOG_WORDS("invalid domain name "),
     LOG_WORDS(") from "),
     {NULL, 0},
     LOGLINE_PEER},
    {LOG_WORDS("POSSIBLE ATTACK from "), LOG_WORDS(" from "),
     LOG_WORDS(": newline in string"), LOGLINE_PEER},
    {LOG_WORDS("header overflow from "), LOG_WORDS(" from "),
     LOG_WORDS(" during message collect"), LOGLINE_PEER},
    {LOG_WORDS("headers too large ("), LOG_WORDS(" max) from "),
     LOG_WORDS(" during message collect"), LOGLINE_PEER},
    {LOG_WORDS("SMTP "), LOG_WORDS(") from "),
     LOG_WORDS(" tempfailed (due to previous checks)"), LOGLINE_PEER},
};

static bool parse_peer_words(struct slice text, struct logline *line)
{
    for (size_t i = 0; i < sizeof peer_words / sizeof peer_words[0]; i++) {
        const struct peer_words *form = &peer_words[i];
        size_t at, end = text.len;

        if (!slice_starts(text, form->start))
            continue;
        if (form->after.len > 0)
            end = log_find_last(text, form->after);
        at = log_find_last(slice_head(text, end), form->before);
        if (at == end || (form->after.len > 0 && end == text.len))
            continue;
        line->kind = form->kind;
        logline_set_relay(line, log_between(text, at + form->before.len, end));
        return true;
    }
    return false;
}

/* "<-- " and nothing behind it: the blank at the end of a line was cut off. */
static bool take_empty_dialogue(struct slice text, struct logline *line)
{
    if (!slice_equal(text, SLICE_LITERAL("<--")) &&
        !slice_equal(text, SLICE_LITERAL("<<<")) &&
        !slice_equal(text, SLICE_LITERAL(">>>")))
        return false;
    line->kind = LOGLINE_NOTICE;
    line->reason = text;
    return true;
}

/* libwrap's words */
static bool parse_refused_connect(struct slice text, struct logline *line)
{
    if (!LOG_STARTS(text, "refused connect from "))
        return false;
    line->kind = LOGLINE_PEER;
    logline_set_old_relay(line, LOG_SKIP(text, "refused connect from "));
    return true;
}

bool logline_known_start(struct slice text, struct logline *line)
{
    return parse_refused_connect(text, line) || parse_peer_words(text, line) ||
           take_known(text, known_replies,
                      sizeof known_replies / sizeof known_replies[0], line) ||
           take_known_start(text, line) || take_empty_dialogue(text, line);
}
