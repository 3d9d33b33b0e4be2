#include "parsers/logline_part.h"

/* ---- who is at the other end ---- */

/* Offset behind PEER ($_) at the start of text, where only our own words, none
 * with brackets, can follow it. */
static size_t peer_end(struct slice text)
{
    struct slice forged = SLICE_LITERAL(" (may be forged)");
    const char *close = text.len == 0 ? NULL : memrchr(text.ptr, ']', text.len);
    size_t end;

    if (close == NULL)
        return slice_index(text, ' ');
    end = (size_t)(close - text.ptr) + 1;
    return slice_starts(slice_skip(text, end), forged) ? end + forged.len : end;
}

/* The first words of text that stand behind a PEER, or text.len. */
static size_t find_behind_peer(struct slice text, struct slice words,
                               size_t from)
{
    enum { PLACES_MAX = 4 }; /* each is looked at from the start */
    struct client client;
    size_t at = from;

    for (int i = 0; i < PLACES_MAX; i++, at++) {
        at = log_find(text, words, at);
        if (at == text.len || client_parse(slice_head(text, at), &client))
            return at;
    }
    return text.len;
}

/* ---- what a peer did ---- */

enum peer_rest {
    REST_NONE,
    REST_COMMAND, /* what follows is a command */
    REST_PROBE,   /* the words name the command, its argument follows */
    REST_ATTACK,  /* "CMD, count=N" */
};

static const struct peer_form {
    struct slice words;
    enum logline_kind kind;
    enum peer_rest rest;
} peer_forms[] = {
    {LOG_WORDS(": Possible SMTP RCPT flood, "), LOGLINE_FLOOD, REST_NONE},
    {LOG_WORDS(" did not issue MAIL/EXPN/VRFY/ETRN during connection"),
     LOGLINE_NO_COMMAND, REST_NONE},
    {LOG_WORDS(": VRFY "), LOGLINE_PROBE, REST_PROBE},
    {LOG_WORDS(": EXPN "), LOGLINE_PROBE, REST_PROBE},
    {LOG_WORDS(": ETRN "), LOGLINE_PROBE, REST_PROBE},
    {LOG_WORDS(": Vrfy "), LOGLINE_PROBE, REST_PROBE},
    {LOG_WORDS(": Expn "), LOGLINE_PROBE, REST_PROBE},
    {LOG_WORDS(": Etrn "), LOGLINE_PROBE, REST_PROBE},
    {LOG_WORDS(": vrfy "), LOGLINE_PROBE, REST_PROBE},
    {LOG_WORDS(": expn "), LOGLINE_PROBE, REST_PROBE},
    {LOG_WORDS(": etrn "), LOGLINE_PROBE, REST_PROBE},
    {LOG_WORDS(": possible SMTP attack: command="), LOGLINE_ATTACK,
     REST_ATTACK},
    {LOG_WORDS(": probable open proxy: command="), LOGLINE_PROXY, REST_COMMAND},
    {LOG_WORDS(": SMTP violation, "), LOGLINE_PEER, REST_NONE},
};

enum { PEER_FORM_COUNT = sizeof peer_forms / sizeof peer_forms[0] };

/*
 * Whether words of another form, or the same again, stand behind a PEER, too.
 * What identd says stands before our words, what the peer typed behind them:
 * with two places to choose from nobody can tell.
 */
static bool has_second_place(struct slice text, size_t first)
{
    /* without an ident the one with blanks in its name is no peer */
    if (slice_index(text, '@') == text.len)
        return false;
    for (size_t i = 0; i < PEER_FORM_COUNT; i++) {
        struct slice words = peer_forms[i].words;
        size_t at = find_behind_peer(text, words, 0);

        if (at == first)
            at = find_behind_peer(text, words, first + 1);
        if (at < text.len)
            return true;
    }
    return false;
}

static void take_attack(struct slice rest, struct logline *line)
{
    size_t count = log_find_last(rest, SLICE_LITERAL(", count="));

    line->command = slice_head(rest, count);
    slice_to_integer(LOG_SKIP(slice_skip(rest, count), ", count="),
                     &line->recipient_count);
}

static void take_probe(struct slice words, struct slice rest,
                       struct logline *line)
{
    line->command = slice_make(words.ptr + 2, words.len - 3);
    if (LOG_ENDS(rest, " [rejected]"))
        rest.len -= sizeof " [rejected]" - 1;
    if (byte_lower(line->command.ptr[0]) != 'e' ||
        byte_lower(line->command.ptr[1]) != 't')
        line->recipient = address_bare(rest);
}

static void take_peer_form(const struct peer_form *form, struct slice text,
                           size_t at, struct logline *line)
{
    struct slice rest = slice_skip(text, at + form->words.len);

    line->kind = form->kind;
    line->is_hostile = has_second_place(text, at);
    if (line->is_hostile)
        return;
    logline_set_relay(line, slice_head(text, at));
    if (form->rest == REST_COMMAND)
        line->command = rest;
    else if (form->rest == REST_ATTACK)
        take_attack(rest, line);
    else if (form->rest == REST_PROBE)
        take_probe(slice_make(text.ptr + at, form->words.len), rest, line);
}

/* "PEER: CMD attack?", all of a line (srvrsmtp.c, checksmtpattack, 8.9) */
static bool parse_old_attack(struct slice text, struct logline *line)
{
    static const struct slice commands[] = {
        SLICE_TEXT("HELO/EHLO"), SLICE_TEXT("VRFY"), SLICE_TEXT("EXPN"),
        SLICE_TEXT("ETRN"),      SLICE_TEXT("NOOP"), SLICE_TEXT("VERB"),
        SLICE_TEXT("ONEX"),      SLICE_TEXT("XUSR"),
    };
    struct slice end = SLICE_LITERAL(" attack?");
    size_t colon, behind;
    struct client client;

    if (!LOG_ENDS(text, " attack?"))
        return false;
    text.len -= end.len;
    colon = log_find(text, SLICE_LITERAL(": "), 0);
    behind = colon + 2;
    if (behind > text.len || !client_parse(slice_head(text, colon), &client))
        return false;
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (!slice_equal(slice_skip(text, behind), commands[i]))
            continue;
        line->kind = LOGLINE_ATTACK;
        line->command = slice_skip(text, behind);
        logline_set_relay(line, slice_head(text, colon));
        return true;
    }
    return false;
}

/* "PEER: VRFY x" and others that begin with the peer */
static bool parse_peer_first(struct slice text, struct logline *line)
{
    if (parse_old_attack(text, line))
        return true;
    for (size_t i = 0; i < PEER_FORM_COUNT; i++) {
        size_t at = find_behind_peer(text, peer_forms[i].words, 0);

        if (at == text.len)
            continue;
        take_peer_form(&peer_forms[i], text, at, line);
        return true;
    }
    return false;
}

/* "lost input channel from PEER[ to DAEMON[ after CMD]]" */
static bool parse_lost_channel(struct slice rest, struct logline *line)
{
    size_t end = peer_end(rest);
    struct slice after = SLICE_LITERAL(" after ");
    struct slice tail = slice_skip(rest, end);
    size_t at = log_find_last(tail, after);

    line->kind = LOGLINE_LOST;
    logline_set_relay(line, slice_head(rest, end));
    if (at < tail.len)
        line->command = slice_skip(tail, at + after.len);
    return true;
}

/* "timeout waiting for input from HOST during PHASE" (util.c, sfgets); HOST is
 * cut at 100 bytes. */
static bool parse_timeout(struct slice rest, struct logline *line)
{
    struct slice during = SLICE_LITERAL(" during ");
    size_t at = log_find_last(rest, during);

    line->kind = LOGLINE_LOST;
    logline_set_relay(line, slice_head(rest, at));
    if (at < rest.len)
        line->command = slice_skip(rest, at + during.len);
    return true;
}

/* "collect: premature EOM: WHY", "collect: relay=H, from=A, info=WHY" */
static bool parse_collect(struct slice rest, struct logline *line)
{
    struct slice words = SLICE_LITERAL(", info=");
    size_t from, info;

    line->kind = LOGLINE_LOST;
    if (LOG_STARTS(rest, "premature EOM: ")) {
        line->reason = LOG_SKIP(rest, "premature EOM: ");
        return true;
    }
    if (!LOG_STARTS(rest, "relay="))
        return true;
    rest = LOG_SKIP(rest, "relay=");
    from = log_find(rest, SLICE_LITERAL(", from="), 0);
    logline_set_relay(line, slice_head(rest, from));
    rest = LOG_SKIP(slice_skip(rest, from), ", from=");
    info = log_find_last(rest, words);
    line->sender = address_bare(slice_head(rest, info));
    if (info < rest.len)
        line->reason = slice_skip(rest, info + words.len);
    return true;
}

/* "from HOST [IP] due to pre-greeting traffic", "... traffic before response"
 */
static bool parse_pregreet(struct slice text, struct logline *line)
{
    struct slice from = SLICE_LITERAL(" from ");
    size_t start = log_find(text, from, 0);
    size_t due = log_find_last(text, SLICE_LITERAL(" due to "));

    if (start == text.len || due == text.len || due < start + from.len)
        return false;
    line->kind = LOGLINE_PREGREET;
    line->command = LOG_SKIP(slice_head(text, start), "rejecting ");
    logline_set_relay(line, log_between(text, start + from.len, due));
    line->reason = LOG_SKIP(slice_skip(text, due), " due to ");
    return true;
}

/* "\"CMD\" command from PEER (IP)" */
static bool parse_bad_command(struct slice text, struct logline *line)
{
    struct slice words = SLICE_LITERAL("\" command from ");
    size_t at = log_find(text, words, 1);
    struct slice peer = slice_skip(text, at + words.len);

    if (at == text.len)
        return false;
    line->kind = LOGLINE_PEER;
    line->command = log_between(text, 1, at);
    logline_set_relay(line, slice_head(peer, peer_end(peer)));
    return true;
}

/* "tcpwrappers (HOST, IP) rejection" (conf.c, validate_connection): HOST is
 * what the PTR record says, confirmed by nobody. */
static bool parse_tcpwrappers(struct slice text, struct logline *line)
{
    struct slice comma = SLICE_LITERAL(", ");
    struct slice rest = LOG_SKIP(text, "tcpwrappers (");
    struct slice address;
    size_t at;

    if (!LOG_STARTS(text, "tcpwrappers ("))
        return false;
    line->kind = LOGLINE_PEER;
    line->reason = text;
    if (line->is_split || !LOG_ENDS(rest, ") rejection"))
        return true;
    rest.len -= sizeof ") rejection" - 1;
    at = log_find_last(rest, comma);
    address = slice_skip(rest, at + comma.len);
    line->peer.has_ip = ip_parse(address, &line->peer.ip);
    if (line->peer.has_ip)
        line->relay = address;
    return true;
}

/* ---- AUTH and STARTTLS ---- */

/* "AUTH failure (MECH): ERR (CODE) DETAIL[, user=U], relay=PEER" */
static bool parse_auth_failure(struct slice rest, struct logline *line)
{
    struct slice words = SLICE_LITERAL(", relay=");
    struct slice user_words = SLICE_LITERAL(", user=");
    size_t close = slice_index(rest, ')');
    size_t relay = log_find_last(rest, words);
    size_t user;

    line->kind = LOGLINE_AUTH;
    line->command = slice_head(rest, close);
    user = log_find(slice_head(rest, relay), user_words, 0);
    if (user < relay)
        line->user = log_between(rest, user + user_words.len, relay);
    if (close + 3 <= user)
        line->reason = log_between(rest, close + 3, user);
    if (relay < rest.len && !line->is_split)
        logline_set_relay(line, slice_skip(rest, relay + words.len));
    return true;
}

/* "AUTH decode64 error [1 for \"TEXT\"], relay=PEER" */
static bool parse_auth_decode(struct slice text, struct logline *line)
{
    struct slice words = SLICE_LITERAL("\"], relay=");
    size_t at = log_find_last(text, words);

    line->kind = LOGLINE_NOTICE;
    if (at == text.len || line->is_split)
        return true;
    line->kind = LOGLINE_PEER;
    logline_set_relay(line, slice_skip(text, at + words.len));
    return true;
}

/* "AUTH=server, relay=P, authid=U, mech=M, bits=N" */
static bool parse_auth_server(struct slice rest, struct logline *line)
{
    struct slice authid = SLICE_LITERAL(", authid=");
    struct slice mech = SLICE_LITERAL(", mech=");
    size_t user = log_find(rest, authid, 0);
    size_t mech_at = log_find_last(rest, mech);
    struct slice tail = slice_skip(rest, mech_at + mech.len);

    line->kind = LOGLINE_AUTH_OK;
    logline_set_relay(line, slice_head(rest, user));
    if (user < rest.len && user + authid.len <= mech_at)
        line->user = log_between(rest, user + authid.len, mech_at);
    if (mech_at < rest.len)
        line->command =
            slice_head(tail, log_find_last(tail, SLICE_LITERAL(", bits=")));
    return true;
}

/* "PEER didn't use HELO protocol", "Host PEER claimed to be NAME", or absent.
 * As of other lines, what identd says of the peer may look like the other
 * words. */
static struct slice warned_peer(struct slice text, bool *is_hostile_r)
{
    struct slice claimed = SLICE_LITERAL(" claimed to be ");
    struct slice silent = SLICE_LITERAL(" didn't use HELO protocol");
    struct slice host = LOG_SKIP(text, "Host ");
    size_t at = LOG_STARTS(text, "Host ") ? find_behind_peer(host, claimed, 0)
                                          : host.len;
    size_t end = log_find_last(text, silent);
    bool is_silent = end + silent.len == text.len;

    if (at < host.len) {
        *is_hostile_r =
            slice_index(text, '@') < text.len &&
            (is_silent || find_behind_peer(host, claimed, at + 1) < host.len);
        return slice_head(host, at);
    }
    return is_silent ? slice_head(text, end) : log_absent;
}

/* "Authentication-Warning: OURS: ...": any client may cause those of a HELO
 * (srvrsmtp.c). What a user here did is told in other words (main.c). */
static bool parse_auth_warning(struct slice text, struct logline *line)
{
    struct slice rest = LOG_SKIP(text, "Authentication-Warning: ");
    struct slice peer;

    rest = slice_skip(rest, log_find(rest, SLICE_LITERAL(": "), 0) + 2);
    peer = warned_peer(rest, &line->is_hostile);
    line->kind = slice_is_absent(peer) ? LOGLINE_SYSTEM : LOGLINE_PEER;
    if (line->is_hostile)
        return true;
    line->reason = text;
    if (!slice_is_absent(peer))
        logline_set_relay(line, peer);
    return true;
}

static bool parse_auth(struct slice text, struct logline *line)
{
    if (LOG_STARTS(text, "AUTH failure ("))
        return parse_auth_failure(LOG_SKIP(text, "AUTH failure ("), line);
    if (LOG_STARTS(text, "Authentication-Warning: "))
        return parse_auth_warning(text, line);
    if (LOG_STARTS(text, "AUTH=server, relay="))
        return parse_auth_server(LOG_SKIP(text, "AUTH=server, relay="), line);
    if (LOG_STARTS(text, "AUTH decode64 error ["))
        return parse_auth_decode(text, line);
    /* "AUTH=client, relay=R, mech=M, bits=N" when it went well (usersmtp.c) */
    if (LOG_STARTS(text, "AUTH=client, ") &&
        log_find_last(text, SLICE_LITERAL(", mech=")) == text.len) {
        line->kind = LOGLINE_SYSTEM;
        line->reason = LOG_SKIP(text, "AUTH=client, ");
        return true;
    }
    if (LOG_STARTS(text, "AUTH warning") || LOG_STARTS(text, "AUTH ") ||
        LOG_STARTS(text, "AUTH=") || LOG_STARTS(text, "AUTH: ")) {
        line->kind = LOGLINE_NOTICE;
        return true;
    }
    return false;
}

/* "relay=R, version=V, verify=X, cipher=C, bits=A/B"; 8.11 and older have no
 * verify=, and newer builds more behind. */
static void parse_handshake(struct slice rest, struct logline *line)
{
    struct slice ignored;
    struct log_tail tail;
    size_t bits = log_find_last(rest, SLICE_LITERAL(", bits="));

    tail = log_tail_of(slice_head(rest, bits));
    LOG_TAKE_LAST(&tail, ", bits=", &ignored);
    LOG_TAKE_LAST(&tail, ", cipher=", &line->cipher);
    LOG_TAKE_LAST(&tail, ", verify=", &line->verify);
    LOG_TAKE_LAST(&tail, ", version=", &line->protocol);
    if (!slice_is_absent(line->protocol))
        logline_set_relay(line, tail.rest);
}

bool logline_usual_handshake(struct slice text, struct logline *line)
{
    enum { WHO_AT = sizeof "STARTTLS=" - 1, WHO_LEN = sizeof "server" - 1 };
    struct slice rest, relay, version, verify, cipher, ignored;

    if (!LOG_STARTS(text, "STARTTLS=server, relay=") &&
        !LOG_STARTS(text, "STARTTLS=client, relay="))
        return false;
    rest = log_behind(text, WHO_AT + WHO_LEN);
    if (!LOG_TAKE_FIRST(&rest, ", relay=", &relay) ||
        !LOG_TAKE_FIRST(&rest, ", version=", &version) ||
        !LOG_TAKE_FIRST(&rest, ", verify=", &verify) ||
        !LOG_TAKE_FIRST(&rest, ", cipher=", &cipher) ||
        !LOG_TAKE_FIRST(&rest, ", bits=", &ignored) || rest.len > 0)
        return false;
    line->kind = LOGLINE_TLS;
    line->command = slice_make(text.ptr + WHO_AT, WHO_LEN);
    line->protocol = version;
    line->verify = verify;
    line->cipher = cipher;
    logline_set_relay(line, relay);
    return true;
}

/* "error: accept failed=-1, reason=WHY, SSL_error=.., relay=R" */
static void parse_tls_error(struct slice rest, struct logline *line)
{
    struct slice reason = SLICE_LITERAL(", reason=");
    struct slice relay = SLICE_LITERAL(", relay=");
    size_t at = log_find(rest, reason, 0);
    size_t relay_at = log_find_last(rest, relay);

    line->reason = rest;
    if (at < rest.len) {
        struct slice tail = slice_skip(rest, at + reason.len);

        line->reason =
            slice_head(tail, log_find(tail, SLICE_LITERAL(", SSL_error="), 0));
    }
    if (relay_at < rest.len)
        logline_set_relay(line, slice_skip(rest, relay_at + relay.len));
}

static bool parse_tls(struct slice text, struct logline *line)
{
    struct slice rest = LOG_SKIP(text, "STARTTLS");
    size_t comma = slice_index(rest, ',');

    line->kind = LOGLINE_TLS;
    if (LOG_STARTS(rest, "="))
        line->command = log_between(rest, 1, comma);
    rest = slice_skip(rest, comma + 2);
    if (LOG_STARTS(rest, "relay="))
        parse_handshake(LOG_SKIP(rest, "relay="), line);
    else if (LOG_STARTS(rest, "error: "))
        parse_tls_error(LOG_SKIP(rest, "error: "), line);
    else
        line->reason = LOG_STARTS(text, "STARTTLS: ")
                           ? LOG_SKIP(text, "STARTTLS: ")
                           : rest;
    return true;
}

/* ---- milters ---- */

static void take_milter_address(struct slice value, struct logline *line)
{
    if (slice_equal(line->command, SLICE_LITERAL("from")))
        line->sender = address_bare(value);
    else if (slice_equal(line->command, SLICE_LITERAL("to")))
        line->recipient = address_bare(value);
}

/* "Milter: CMD=ARG, reject=TEXT", "Milter: data, discard": ARG is the peer's,
 * so the verdict is the last there is. */
static void parse_milter_verdict(struct slice rest, struct logline *line)
{
    struct slice reject = SLICE_LITERAL(", reject=");
    size_t at = log_find_last(rest, reject);
    size_t comma = slice_index(rest, ',');
    size_t equals = slice_index(slice_head(rest, comma), '=');

    if (comma == rest.len) {
        line->reason = rest;
        return;
    }
    if (at == rest.len) {
        const char *last =
            rest.len == 0 ? NULL : memrchr(rest.ptr, ',', rest.len);

        at = last == NULL ? rest.len : (size_t)(last - rest.ptr);
        line->reason = slice_skip(rest, at + 2);
    } else {
        logline_set_reply(line, slice_skip(rest, at + reject.len));
    }
    line->command = slice_head(rest, equals < comma ? equals : comma);
    if (equals < at)
        take_milter_address(log_between(rest, equals + 1, at), line);
}

/* "Milter: connect: host=H, addr=IP, rejecting commands" */
static void parse_milter_connect(struct slice text, struct logline *line)
{
    struct slice rest = LOG_SKIP(text, "connect: ");
    struct slice words = SLICE_LITERAL(", addr=");
    size_t at = log_find_last(rest, words);
    struct slice address = slice_skip(rest, at + words.len);
    size_t comma = slice_index(address, ',');

    line->command = slice_head(text, sizeof "connect" - 1);
    line->reason = slice_skip(address, comma + 2);
    line->relay = slice_head(address, comma);
    line->peer.has_ip = ip_parse(line->relay, &line->peer.ip);
    if (LOG_STARTS(rest, "host="))
        line->peer.name = LOG_SKIP(slice_head(rest, at), "host=");
}

/* "milter=NAME, action=A, reject=T", "milter=NAME, quarantine=R". What one of
 * them answered (MilterLogLevel > 10) is what "Milter: .., reject=T" says on a
 * line of its own (> 3): no reply here, or there were two. */
static void parse_milter_action(struct slice rest, struct logline *line)
{
    size_t comma = slice_index(rest, ',');

    line->ruleset = slice_head(rest, comma);
    rest = slice_skip(rest, comma + 2);
    if (LOG_STARTS(rest, "action=")) {
        rest = LOG_SKIP(rest, "action=");
        comma = slice_index(rest, ',');
        line->command = slice_head(rest, comma);
        rest = slice_skip(rest, comma + 2);
    }
    line->reason = rest;
    if (LOG_STARTS(rest, "quarantine="))
        line->reason = LOG_SKIP(rest, "quarantine=");
}

/* "Milter (NAME): TEXT", "Milter (NAME) add: header: TEXT" */
static void parse_milter_named(struct slice rest, struct logline *line)
{
    size_t close = slice_index(rest, ')');

    line->ruleset = slice_head(rest, close);
    rest = slice_skip(rest, close + 1);
    line->reason = slice_skip(rest, LOG_STARTS(rest, ": ") ? 2 : 1);
}

static bool parse_milter(struct slice text, struct logline *line)
{
    if (LOG_STARTS(text, "Milter ("))
        parse_milter_named(LOG_SKIP(text, "Milter ("), line);
    else if (LOG_STARTS(text, "Milter: connect: "))
        parse_milter_connect(LOG_SKIP(text, "Milter: "), line);
    else if (LOG_STARTS(text, "Milter: "))
        parse_milter_verdict(LOG_SKIP(text, "Milter: "), line);
    else if (LOG_STARTS(text, "milter="))
        parse_milter_action(LOG_SKIP(text, "milter="), line);
    else if (LOG_STARTS(text, "Milter ") || LOG_STARTS(text, "milter_"))
        line->reason = text;
    else
        return false;
    line->kind = LOGLINE_MILTER;
    return true;
}

/* ---- the daemon ---- */

/* "rejecting connections[ on daemon D| on port 25]: WHY" */
static bool parse_refusing(struct slice text, struct logline *line)
{
    struct slice words = SLICE_LITERAL(" connections");
    size_t at = log_find(slice_head(text, 40), words, 0);
    struct slice rest = slice_skip(text, at + words.len);
    struct slice before_reason = SLICE_LITERAL(": ");
    size_t end;

    if (at >= slice_head(text, 40).len)
        return false;
    line->kind = LOGLINE_REFUSING;
    if (LOG_STARTS(rest, " on daemon "))
        rest = LOG_SKIP(rest, " on daemon ");
    else if (LOG_STARTS(rest, " on "))
        rest = LOG_SKIP(rest, " on ");
    else if (!LOG_STARTS(rest, ":"))
        return false;
    if (LOG_STARTS(text, "have been ")) /* "... for 1+00:00:00" */
        before_reason = SLICE_LITERAL(" for ");
    end = log_find(rest, before_reason, 0);
    if (end > 0)
        line->command = slice_head(rest, end);
    line->reason = slice_skip(rest, end + before_reason.len);
    return true;
}

/* "makeconnection (HOST [IP].PORT (FAMILY)) failed: ERR" */
static bool parse_connect(struct slice text, struct logline *line)
{
    struct slice failed = SLICE_LITERAL(" failed: ");
    struct slice rest = LOG_SKIP(text, "makeconnection (");
    size_t at = log_find_last(rest, failed);
    const char *close;

    line->kind = LOGLINE_NOTICE;
    if (at == rest.len)
        return true;
    line->kind = LOGLINE_CONNECT;
    line->reason = slice_skip(rest, at + failed.len);
    rest = slice_head(rest, at);
    close = rest.len == 0 ? NULL : memrchr(rest.ptr, ']', rest.len);
    if (close != NULL)
        logline_set_relay(line,
                          slice_head(rest, (size_t)(close - rest.ptr) + 1));
    return true;
}

/* "SYSERR(user): TEXT" */
static bool parse_syserr(struct slice text, struct logline *line)
{
    struct slice words = SLICE_LITERAL("): ");
    size_t close = log_find(text, words, 0);

    line->kind = LOGLINE_SYSTEM;
    line->reason = slice_skip(text, close + words.len);
    if (close == text.len)
        line->reason = text;
    return true;
}

/* Our own words first; then a peer, whose first bytes may be anything. */
static bool parse_by_first_words(struct slice text, struct logline *line)
{
    switch (text.ptr[0]) {
    case 'A':
        return parse_auth(text, line);
    case 'M':
    case 'm':
        if (LOG_STARTS(text, "makeconnection ("))
            return parse_connect(text, line);
        return parse_milter(text, line);
    case 'S':
        if (LOG_STARTS(text, "STARTTLS"))
            return parse_tls(text, line);
        return LOG_STARTS(text, "SYSERR") && parse_syserr(text, line);
    case 'c':
        return LOG_STARTS(text, "collect: ") &&
               parse_collect(LOG_SKIP(text, "collect: "), line);
    case 'd':
        return (LOG_STARTS(text, "delaying connections") ||
                LOG_STARTS(text, "deferring connections")) &&
               parse_refusing(text, line);
    case 'h':
        return LOG_STARTS(text, "have been rejecting connections") &&
               parse_refusing(text, line);
    case 'l':
        return LOG_STARTS(text, "lost input channel from ") &&
               parse_lost_channel(LOG_SKIP(text, "lost input channel from "),
                                  line);
    case 'r':
        if (LOG_STARTS(text, "rejecting connections"))
            return parse_refusing(text, line);
        return LOG_STARTS(text, "rejecting ") && parse_pregreet(text, line);
    case 't':
        if (LOG_STARTS(text, "timeout waiting for input from "))
            return parse_timeout(
                LOG_SKIP(text, "timeout waiting for input from "), line);
        return parse_tcpwrappers(text, line);
    case '"':
        return parse_bad_command(text, line);
    default:
        return false;
    }
}

bool logline_peer(struct slice text, struct logline *line)
{
    if (text.len == 0)
        return false;
    if (text.ptr[0] == '[') /* a peer without a name */
        return parse_peer_first(text, line);
    return parse_by_first_words(text, line) ||
           logline_known_start(text, line) || parse_peer_first(text, line);
}
