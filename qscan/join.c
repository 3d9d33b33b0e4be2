#include "qscan/join.h"

#include <stdlib.h>
#include <string.h>

enum {
    TABLE_MIN = 1 << 12,
    PENDING_TEXT_MAX = 100,
    QUOTES_MAX = 4096, /* sessions at a time whose first guess is kept whole */
    QUOTE_CLIENT_BYTES = 96,
    QUOTE_BYTES = EVIDENCE_MAX_BYTES - QUOTE_CLIENT_BYTES - 1,
    LOG_HOSTS = 8,
    CHILDREN_MAX = 100, /* of one split; sendmail makes no more than queues */
};

enum message_flag {
    MESSAGE_BOUNCE = 1,  /* born here; its client sent the original */
    MESSAGE_DONE = 2,    /* nothing of it is left */
    MESSAGE_SESSION = 4, /* no message: a process and its client */
    MESSAGE_SETTLED =
        8, /* as many recipients as came in; an alias makes more */
    MESSAGE_EXPANDED = 16, /* its recipients are members of a list of ours */
    MESSAGE_BRACKETS = 32, /* its client writes <> round addresses */
    MESSAGE_ACCEPTED = 64, /* its from line was counted so */
    MESSAGE_NULL = 128,    /* without a sender */
};

/* One id, or one process, under way. */
struct open_message {
    uint64_t key;  /* 0 = free */
    uint32_t time; /* of its last line, since 1970 */
    uint32_t source;
    uint32_t pending; /* first of a list; 0 = none */
    uint16_t left;    /* recipients that are not settled */
    uint8_t flags;
    uint8_t sender; /* part of its hash */
};

/* A guess, or failed login, whose client is not known yet. */
struct pending {
    uint32_t next;
    uint32_t count;
    uint32_t quote; /* its line; 0 = not kept */
    uint32_t user_domain;
    uint64_t events, recipient_hash, user_hash, process;
    int64_t time;
    bool is_refusal, is_login;
    uint8_t recipient_len, domain_len; /* the domain is the end of it */
    char recipient[PENDING_TEXT_MAX];
};

/* The line of a guess, to be evidence when another line has named its client;
 * behind a newline the end of that one. */
struct quote {
    uint32_t next; /* free one */
    uint32_t file;
    uint64_t line;
    uint32_t len;
    char text[EVIDENCE_MAX_BYTES];
};

struct join_state {
    uint64_t key[2];
    struct open_message *slots;
    size_t slot_count, used, last_slot;
    struct pending *pending; /* pending[0] is not used */
    uint32_t pending_count, pending_capacity, free_pending;
    uint32_t waiting_count;
    struct quote *quotes; /* quotes[0] is not used */
    uint32_t quote_count, quote_capacity, free_quote;
    int64_t now;                   /* log time */
    uint64_t log_hosts[LOG_HOSTS]; /* hashes of those noted last */
    unsigned next_log_host;
    /* the record before, for "repeated N times" */
    uint32_t last_file, last_source;
    uint32_t last_pending; /* where the guess of it waits */
    uint64_t last_line, last_host;
    uint8_t last_kind;
    struct source_event last_event;
};

/* ---- open messages ---- */

static uint32_t short_time(int64_t time)
{
    return time < 0 ? 0 : time > UINT32_MAX ? UINT32_MAX : (uint32_t)time;
}

/* Mostly it is asked for the one that was asked for last. */
static struct open_message *slot_of(struct join_state *state, uint64_t key)
{
    size_t at = state->last_slot;

    if (state->slots[at].key == key)
        return &state->slots[at];
    at = key & (state->slot_count - 1);
    while (state->slots[at].key != 0 && state->slots[at].key != key)
        at = (at + 1) & (state->slot_count - 1);
    state->last_slot = at;
    return &state->slots[at];
}

/* Of guesses that wait: the client of their process, or 0. Process numbers come
 * again. */
static uint32_t client_of_process(struct join_state *state,
                                  const struct open_message *message)
{
    const struct pending *first = &state->pending[message->pending];
    const struct open_message *process;

    if (first->process == 0)
        return 0;
    process = slot_of(state, first->process);
    return process->key != 0 &&
                   process->time <= first->time + JOIN_SESSION_SEC &&
                   process->time >= first->time - JOIN_SESSION_SEC
               ? process->source
               : 0;
}

/* How long a line of it may still come. */
static int64_t life_sec(struct join_state *state,
                        const struct open_message *message)
{
    if (message->pending != 0)
        return client_of_process(state, message) != 0 ? JOIN_SESSION_SEC
                                                      : JOIN_SILENCE_SEC;
    if ((message->flags & (MESSAGE_DONE | MESSAGE_SESSION)) != 0)
        return JOIN_SESSION_SEC;
    if ((message->flags & MESSAGE_SETTLED) != 0)
        return JOIN_SETTLED_SEC;
    /* An id that brought no message yet is no more than its session. */
    return message->left > 0 ? JOIN_MESSAGE_SEC : JOIN_SESSION_SEC;
}

/* None lives shorter than a session. */
static bool is_over(struct join_state *state,
                    const struct open_message *message)
{
    int64_t idle_sec = state->now - (int64_t)message->time;

    return idle_sec > JOIN_SESSION_SEC && idle_sec > life_sec(state, message);
}

static void flush_pending(struct join *join, struct open_message *message,
                          const struct record *record, uint32_t file,
                          uint64_t line);

/* Guesses of a session whose id no line named: the process may be known. */
static void give_up_pending(struct join *join, struct open_message *message)
{
    uint32_t source = client_of_process(join->state, message);

    if (source != 0)
        message->source = source;
    flush_pending(join, message, NULL, 0, 0);
}

/* A message whose guesses nobody is going to claim. */
struct unclaimed {
    int64_t time; /* of its last guess */
    uint32_t pending;
    size_t slot;
};

static int compare_unclaimed(const void *a, const void *b)
{
    const struct unclaimed *x = a, *y = b;

    if (x->time != y->time)
        return x->time < y->time ? -1 : 1;
    return x->pending < y->pending ? -1 : x->pending > y->pending;
}

static bool is_unclaimed(struct join_state *state,
                         const struct open_message *message, bool is_end)
{
    return message->key != 0 && message->pending != 0 &&
           (is_end || is_over(state, message));
}

/* The oldest first: which guesses are shown must not hang on the places in the
 * table, which are others in each run. Without memory it does. */
static void give_up_unclaimed(struct join *join, bool is_end)
{
    struct join_state *state = join->state;
    struct unclaimed *list = malloc((state->waiting_count + 1) * sizeof(*list));
    size_t count = 0;

    for (size_t i = 0; i < state->slot_count; i++) {
        struct open_message *message = &state->slots[i];

        if (!is_unclaimed(state, message, is_end))
            continue;
        if (list == NULL)
            give_up_pending(join, message);
        else
            list[count++] = (struct unclaimed){
                state->pending[message->pending].time, message->pending, i};
    }
    if (count > 1)
        qsort(list, count, sizeof(*list), compare_unclaimed);
    for (size_t i = 0; i < count; i++)
        give_up_pending(join, &state->slots[list[i].slot]);
    free(list);
}

/* Frees the slot; those behind it that were pushed out of their places move
 * up. */
static void remove_slot(struct join_state *state, size_t at)
{
    size_t mask = state->slot_count - 1;

    for (size_t next = (at + 1) & mask; state->slots[next].key != 0;
         next = (next + 1) & mask) {
        size_t home = state->slots[next].key & mask;

        if (((next - home) & mask) < ((next - at) & mask))
            continue;
        state->slots[at] = state->slots[next];
        at = next;
    }
    state->slots[at].key = 0;
    state->used--;
}

/* What was given up may live on as a message. */
static void remove_over(struct join *join)
{
    struct join_state *state = join->state;

    give_up_unclaimed(join, false);
    for (size_t i = 0; i < state->slot_count;) {
        if (state->slots[i].key != 0 && is_over(state, &state->slots[i]))
            remove_slot(state, i); /* another may stand there now */
        else
            i++;
    }
}

static bool grow(struct join_state *state)
{
    struct open_message *old = state->slots;
    size_t old_count = state->slot_count;
    struct open_message *slots = memory_zeroed(old_count * 2, sizeof(*slots));

    if (slots == NULL)
        return false;
    state->slots = slots;
    state->slot_count = old_count * 2;
    state->last_slot = 0;
    for (size_t i = 0; i < old_count; i++)
        if (old[i].key != 0)
            *slot_of(state, old[i].key) = old[i];
    free(old);
    return true;
}

/* Keeps those that may still matter, in a table at most half full. */
static bool make_room(struct join *join)
{
    struct join_state *state = join->state;

    remove_over(join);
    return state->used * 2 <= state->slot_count || grow(state);
}

static struct open_message *find_message(const struct join *join, uint64_t key)
{
    struct open_message *message;

    if (key == 0)
        return NULL;
    message = slot_of(join->state, key);
    if (message->key == 0 || is_over(join->state, message))
        return NULL;
    return message;
}

/* Ids of 8.9 and older come again the next day, when their message has left the
 * queue; a session names another then. */
static void forget_settled(struct join_state *state, uint64_t key)
{
    struct open_message *message = slot_of(state, key);

    if (message->key != 0 && message->pending == 0 &&
        (message->flags & MESSAGE_SETTLED) != 0 &&
        state->now - (int64_t)message->time > JOIN_SESSION_SEC)
        *message = (struct open_message){.key = key};
}

/* Pointers to others are not good afterwards. NULL without memory. */
static struct open_message *add_message(struct join *join, uint64_t key,
                                        int64_t time)
{
    struct join_state *state = join->state;
    struct open_message *message;

    /* Once: looking for room takes a walk through the table. */
    if (join->has_failed)
        return NULL;
    if (state->used * 4 >= state->slot_count * 3 && !make_room(join)) {
        join->has_failed = true;
        return NULL;
    }
    message = slot_of(state, key);
    if (message->key == 0) {
        state->used++;
        *message = (struct open_message){.key = key};
    } else if (is_over(state, message)) {
        /* Ids and process numbers come again. */
        if (message->pending != 0)
            give_up_pending(join, message);
        *message = (struct open_message){.key = key};
    }
    if (short_time(time) > message->time)
        message->time = short_time(time);
    return message;
}

/* ---- what is noted of a source ---- */

static struct source_event event_of(const struct record *record, uint32_t file,
                                    uint64_t line)
{
    return (struct source_event){.events = record->events,
                                 .time = record->time,
                                 .recipient_hash = record->recipient_hash,
                                 .recipient = record->recipient,
                                 .domain = record_domain(record),
                                 .count = record->repeat,
                                 .file = file,
                                 .line = line,
                                 .text = record->text};
}

static void note(struct join *join, uint32_t source,
                 const struct source_event *event)
{
    struct join_state *state = join->state;

    sources_note(join->sources, source, event);
    if ((event->events & join->sources->guess_bit) != 0 &&
        event->recipient.len > 0 &&
        !sources_is_outbound(join->sources, &join->sources->items[source],
                             event))
        topk_add_hashed(&join->tops.guessed, event->recipient,
                        event->recipient_hash, 1, 0);
    state->last_source = source;
    state->last_event = *event;
    state->last_event.recipient = (struct slice){NULL, 0};
    state->last_event.domain = (struct slice){NULL, 0};
    state->last_event.text = (struct slice){NULL, 0};
}

/* ---- guesses that wait ---- */

/* Of what no client is known for, guesses are told of. */
static void note_no_client(struct join *join, uint64_t events, uint64_t count)
{
    if ((events & join->sources->guess_bit) != 0)
        join->no_client += count;
}

static uint32_t take_pending(struct join_state *state)
{
    uint32_t number = state->free_pending;

    if (number != 0) {
        state->free_pending = state->pending[number].next;
        return number;
    }
    if (state->pending_count == state->pending_capacity) {
        uint32_t capacity = state->pending_capacity * 2 + 256;
        struct pending *grown =
            realloc(state->pending, capacity * sizeof(*grown));

        if (grown == NULL)
            return 0;
        state->pending = grown;
        state->pending_capacity = capacity;
        if (state->pending_count == 0)
            state->pending_count = 1;
    }
    return state->pending_count++;
}

static uint32_t grow_quotes(struct join_state *state)
{
    uint32_t capacity = state->quote_capacity * 2 + 64;
    struct quote *grown =
        capacity > QUOTES_MAX
            ? NULL
            : realloc(state->quotes, capacity * sizeof(*grown));

    if (grown == NULL)
        return 0;
    state->quotes = grown;
    state->quote_capacity = capacity;
    if (state->quote_count == 0)
        state->quote_count = 1;
    return state->quote_count++;
}

/* 0: there is no room; then the line that names the client must do. */
static uint32_t keep_quote(struct join_state *state,
                           const struct record *record, uint32_t file,
                           uint64_t line)
{
    size_t len =
        record->text.len < QUOTE_BYTES ? record->text.len : QUOTE_BYTES;
    uint32_t number = state->free_quote;
    struct quote *quote;

    if (number != 0)
        state->free_quote = state->quotes[number].next;
    else if (state->quote_count < state->quote_capacity)
        number = state->quote_count++;
    else if ((number = grow_quotes(state)) == 0)
        return 0;
    quote = &state->quotes[number];
    quote->file = file;
    quote->line = line;
    quote->len = (uint32_t)len;
    memcpy(quote->text, record->text.ptr, len);
    return number;
}

/* A line names the client of what waited: the end of it stands behind. */
static void quote_client(struct quote *quote, struct slice text)
{
    enum { END = QUOTE_CLIENT_BYTES };
    char *to = quote->text + quote->len;

    *to++ = '\n';
    if (text.len >= END)
        memcpy(to, text.ptr + text.len - END, END);
    else
        memcpy(to, text.ptr, text.len);
    quote->len += 1 + (text.len < END ? (uint32_t)text.len : END);
}

/* Evidence of what waited is its own line. */
static void use_quote(struct join_state *state, uint32_t number,
                      const struct record *record, struct source_event *event)
{
    struct quote *quote = &state->quotes[number];

    if (record != NULL)
        quote_client(quote, record->text);
    event->file = quote->file;
    event->line = quote->line;
    event->text = slice_make(quote->text, quote->len);
    quote->next = state->free_quote;
    state->free_quote = number;
}

/* The guesser chooses how long it is; what is aimed at, the domain, is kept
 * whole: "xxxxx...@example.com". */
static void keep_recipient(struct pending *item, const struct record *record)
{
    static const struct slice dots = SLICE_TEXT("...");
    struct slice text = record->recipient;
    size_t domain_len =
        record->domain_len > 0 ? text.len - record->domain_at : 0;
    size_t tail_len = domain_len + (domain_len > 0); /* with its @ */
    size_t head_len = text.len;

    item->recipient_len = item->domain_len = 0;
    if (text.len > PENDING_TEXT_MAX) {
        if (tail_len + dots.len > PENDING_TEXT_MAX)
            return;
        head_len = PENDING_TEXT_MAX - dots.len - tail_len;
        memcpy(item->recipient + head_len, dots.ptr, dots.len);
        memcpy(item->recipient + head_len + dots.len,
               text.ptr + text.len - tail_len, tail_len);
        text.len = PENDING_TEXT_MAX;
    }
    if (head_len > 0)
        memcpy(item->recipient, text.ptr, head_len);
    item->recipient_len = (uint8_t)text.len;
    item->domain_len = (uint8_t)domain_len;
}

static void add_pending(struct join *join, uint64_t key,
                        const struct record *record, uint32_t file,
                        uint64_t line)
{
    struct join_state *state = join->state;
    struct open_message *message = add_message(join, key, record->time);
    uint32_t number;
    struct pending *item;

    if (message == NULL)
        return;
    number = state->waiting_count < JOIN_PENDING_MAX ? take_pending(state) : 0;
    if (number == 0) {
        note_no_client(join, record->events, record->repeat);
        return;
    }
    item = &state->pending[number];
    /* The text behind them is not cleared. */
    item->next = message->pending;
    item->count = record->repeat;
    item->events = record->events;
    item->recipient_hash = record->recipient_hash;
    item->process = record->process;
    item->time = record->time;
    item->is_refusal = record->is_refusal;
    item->is_login = record->kind == LOGLINE_AUTH;
    item->user_hash = item->is_login ? record->user_hash : 0;
    item->user_domain = item->is_login ? record->user_domain : 0;
    item->quote = item->next == 0 ? keep_quote(state, record, file, line) : 0;
    keep_recipient(item, record);
    message->pending = number;
    state->last_pending = number;
    state->waiting_count++;
}

/* They were put in front of each other; the first comes first again. */
static uint32_t reversed(struct join *join, uint32_t source, uint32_t number)
{
    struct join_state *state = join->state;
    uint32_t before = 0;

    while (number != 0) {
        uint32_t next = state->pending[number].next;

        state->pending[number].next = before;
        sources_prefetch_guess(join->sources, source,
                               state->pending[number].recipient_hash);
        before = number;
        number = next;
    }
    return before;
}

/* The source of a message has become known (or never will: 0). */
static void flush_pending(struct join *join, struct open_message *message,
                          const struct record *record, uint32_t file,
                          uint64_t line)
{
    struct join_state *state = join->state;
    uint32_t source = message->source;
    uint32_t number = reversed(join, source, message->pending);
    struct source_event said = {.file = file,
                                .line = line,
                                .text = record == NULL ? (struct slice){NULL, 0}
                                                       : record->text};

    message->pending = 0;
    if (number != 0 && state->pending[number].quote != 0)
        use_quote(state, state->pending[number].quote, record, &said);
    while (number != 0) {
        struct pending *item = &state->pending[number];
        uint32_t next = item->next;
        struct slice recipient =
            slice_make(item->recipient, item->recipient_len);
        struct source_event event = {
            .events = item->events,
            .time = item->time,
            .recipient_hash = item->recipient_hash,
            .user_hash = item->user_hash,
            .count = item->count,
            .is_refusal = item->is_refusal,
            .is_probe = item->is_login,
            .recipient = recipient,
            .domain = slice_skip(recipient, recipient.len - item->domain_len),
            .file = said.file,
            .line = said.line,
            .text = said.text};

        if (source != 0 && item->is_login)
            sources_note_login(join->sources, source, false, item->time,
                               item->count);
        if (source != 0 && item->user_hash != 0)
            sources_note_user(join->sources, source, false, item->user_hash,
                              item->user_domain);
        if (source != 0)
            note(join, source, &event);
        else
            note_no_client(join, item->events, item->count);
        item->next = state->free_pending;
        state->free_pending = number;
        state->waiting_count--;
        number = next;
    }
}

/* A line names the client of its id and of its process. */
static void set_source(struct join *join, uint64_t key, uint32_t source,
                       unsigned flags, const struct record *record,
                       uint32_t file, uint64_t line)
{
    struct open_message *message;

    if (key == 0)
        return;
    message = add_message(join, key, record->time);
    if (message == NULL)
        return;
    message->source = source;
    message->flags = (uint8_t)(message->flags | flags);
    if (message->pending != 0)
        flush_pending(join, message, record, file, line);
}

/* 0 when the line names none. */
static uint32_t client_of(struct join *join, const struct record *record,
                          uint32_t file, uint64_t line)
{
    uint32_t source;

    if (!record->has_ip)
        return 0;
    source = sources_add(join->sources, &record->ip, record->ip_hash);
    if (source == 0)
        return 0;
    sources_name(join->sources, source, record->name, record->name_hash,
                 record->is_forged);
    set_source(join, record->message, source, 0, record, file, line);
    if (record->kind != LOGLINE_FROM)
        set_source(join, record->process, source, MESSAGE_SESSION, record, file,
                   line);
    return source;
}

/* ---- by kind ---- */

static void count_sender(struct join *join, const struct record *record)
{
    uint64_t bytes = (uint64_t)record->size_bytes;

    if (record->sender.len > 0)
        topk_add_hashed(&join->tops.senders, record->sender,
                        record->sender_hash, 1, bytes);
    else
        topk_add(&join->tops.senders, SLICE_LITERAL("<>"), 1, bytes);
}

/* In whose name it is, for sources_note_sender. */
static uint32_t sender_of(const struct record *record)
{
    static const struct slice roles[] = {
        SLICE_TEXT("postmaster"), SLICE_TEXT("mailer-daemon"),
        SLICE_TEXT("abuse"),      SLICE_TEXT("hostmaster"),
        SLICE_TEXT("webmaster"),  SLICE_TEXT("root"),
        SLICE_TEXT("admin"),      SLICE_TEXT("info"),
        SLICE_TEXT("test"),       SLICE_TEXT("support"),
        SLICE_TEXT("sales"),      SLICE_TEXT("user")};
    struct slice name =
        slice_head(record->sender, slice_index(record->sender, '@'));

    for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++)
        if (slice_equal(name, roles[i]))
            return SENDER_OF_NOBODY;
    return (uint32_t)record->sender_hash;
}

static void add_from(struct join *join, const struct record *record,
                     uint32_t file, uint64_t line)
{
    uint32_t number = client_of(join, record, file, line);
    struct open_message *message =
        record->message == 0 ? NULL
                             : add_message(join, record->message, record->time);

    if (message != NULL) {
        message->left =
            (uint16_t)(record->recipients < UINT16_MAX ? record->recipients
                                                       : UINT16_MAX);
        message->sender = (uint8_t)record->sender_hash;
        if (record->has_brackets)
            message->flags |= MESSAGE_BRACKETS;
        if (record->recipients == 0)
            message->flags |= MESSAGE_DONE;
        if (number == 0 && message->pending != 0)
            flush_pending(join, message, record, file, line);
    }
    if (!record->is_counted)
        return;
    if (number != 0) {
        struct source_envelope envelope = {
            .recipients = record->recipients,
            .bytes = record->size_bytes,
            .time = record->time,
            .sender_domain = record->sender_domain,
            .is_own_sender = record->is_own_sender,
            .is_null_sender = record->is_null_sender};

        if (sources_wants_sender(join->sources, number))
            sources_note_sender(join->sources, number, sender_of(record),
                                logline_domain(record->sender));
        sources_note_envelope(join->sources, number, &envelope);
        if (record->events != 0) {
            struct source_event event = event_of(record, file, line);

            event.sender_hash = record->sender_hash;
            note(join, number, &event);
        }
    }
    if (record->recipients == 0 || record->size_bytes <= 0)
        return;
    count_sender(join, record);
    if (message != NULL)
        message->flags |= record->is_null_sender
                              ? MESSAGE_ACCEPTED | MESSAGE_NULL
                              : MESSAGE_ACCEPTED;
}

/* One recipient of a message is settled, or found not to exist. */
static void add_late(struct join *join, uint32_t source,
                     const struct record *record, struct slice recipient,
                     uint32_t file, uint64_t line)
{
    struct source_event event = event_of(record, file, line);

    if (!slice_equal(recipient, record->recipient)) {
        event.recipient = recipient;
        event.domain = logline_domain(recipient);
        event.recipient_hash = record_address_hash(join->state->key, recipient);
    }
    event.is_late = true;
    note(join, source, &event);
}

/* Of a list as a line has it: what is longer is cut. */
enum { RECIPIENT_ROOM = LOGLINE_MAX_BYTES / 64 };

/* The next one, in room. False at the end. */
static bool next_recipient(struct slice *rest, char room[static RECIPIENT_ROOM],
                           struct slice *recipient_r)
{
    if (!logline_next_recipient(rest, recipient_r))
        return false;
    *recipient_r =
        record_recipient(slice_head(*recipient_r, RECIPIENT_ROOM), room);
    return true;
}

/* Of so many of them at most. */
static void add_late_each(struct join *join, uint32_t source,
                          const struct record *record, uint32_t most,
                          uint32_t file, uint64_t line)
{
    struct slice rest = record->list, recipient;
    char room[RECIPIENT_ROOM];

    if (rest.len == 0 && most > 0)
        add_late(join, source, record, record->recipient, file, line);
    for (; most > 0 && next_recipient(&rest, room, &recipient); most--)
        add_late(join, source, record, recipient, file, line);
}

static void add_deliveries(struct join *join, uint32_t source,
                           const struct record *record)
{
    struct slice rest = record->list, recipient;
    char room[RECIPIENT_ROOM];

    /* Of others the first one is enough. */
    if (rest.len == 0 || source_at(join->sources, source)->guesses < 2) {
        sources_note_delivery(join->sources, source, record->recipients,
                              record->recipient);
        return;
    }
    while (next_recipient(&rest, room, &recipient))
        sources_note_delivery(join->sources, source, 1, recipient);
}

/* One delivery for each of the recipients of a line. */
static void count_delivered(struct join *join, const struct record *record)
{
    struct topk *table = &join->tops.recipients;
    struct slice rest = record->list, recipient;
    char room[RECIPIENT_ROOM];

    if (rest.len == 0)
        topk_add_hashed(table, record->recipient, record->recipient_hash,
                        record->recipients, 0);
    while (next_recipient(&rest, room, &recipient))
        topk_add_hashed(table, recipient,
                        record_address_hash(join->state->key, recipient), 1, 0);
}

static void count_reasons(struct join *join, const struct record *record)
{
    struct log_tops *tops = &join->tops;

    if (record->fate == FATE_SENT)
        count_delivered(join, record);
    else if (record->fate == FATE_WAITS)
        topk_add_hashed(&tops->deferrals, record->reason, record->reason_hash,
                        record->recipients, 0);
    else if (record->fate == FATE_FAILED)
        topk_add_hashed(&tops->failures, record->reason, record->reason_hash,
                        record->recipients, 0);
    if (record->fate == FATE_WAITS && record->next_hop.len > 0)
        topk_add_hashed(&tops->dead_hosts, record->next_hop,
                        record->next_hop_hash, 1, 0);
}

static void settle(struct open_message *message, uint32_t count)
{
    message->left =
        message->left > count ? (uint16_t)(message->left - count) : 0;
    if (message->left == 0)
        message->flags |= MESSAGE_SETTLED;
}

/* How many recipients of a line the client may have named. Others are members
 * of an alias or a .forward: they have no <> where those of RCPT have, a user
 * here stands for them (for all, where it is the sender), and they are more
 * than came in. */
static uint32_t named_by_client(const struct open_message *message,
                                const struct record *record)
{
    if ((message->flags & MESSAGE_EXPANDED) != 0 ||
        ((message->flags & MESSAGE_BRACKETS) != 0 && !record->has_brackets))
        return 0;
    if (record->ctladdr_hash != 0 &&
        (uint8_t)record->ctladdr_hash != message->sender)
        return 0;
    if (record->fate != FATE_FAILED)
        return record->recipients;
    if ((message->flags & MESSAGE_SETTLED) != 0)
        return 0;
    return message->left == 0 || message->left > record->recipients
               ? record->recipients
               : message->left;
}

/* Who takes or refuses our mail runs a mail server. Not our bounces: whoever
 * sends to us chooses where they go. */
static void note_hop(struct join *join, const struct record *record)
{
    uint32_t source = sources_add(join->sources, &record->ip, record->ip_hash);

    if (source != 0)
        sources_note_hop(join->sources, source, record_domain(record),
                         record->fate == FATE_SENT);
}

/* Refused by a filter at its end, or its client left: behind its from line
 * there is one that says so, or one for each recipient. False: it was not
 * accepted, or that is known. */
static bool take_back(struct join *join, struct open_message *message)
{
    if ((message->flags & MESSAGE_ACCEPTED) == 0)
        return false;
    message->flags &= (uint8_t)~MESSAGE_ACCEPTED;
    logtally_add_untaken(&join->late, message->time, message->left,
                         (message->flags & MESSAGE_NULL) != 0);
    if (message->source != 0)
        sources_note_untaken(join->sources, message->source, message->left);
    return true;
}

static void add_to(struct join *join, const struct record *record,
                   uint32_t file, uint64_t line)
{
    struct open_message *message = find_message(join, record->message);
    bool is_settled = record->fate >= FATE_UNSENT;
    uint32_t source = 0, named = 0;
    bool is_bounce = false;

    if (message != NULL) {
        if (record->events != 0)
            named = named_by_client(message, record);
        source = message->source;
        is_bounce = (message->flags & MESSAGE_BOUNCE) != 0;
        if (record->fate == FATE_UNSENT && record->is_counted)
            (void)take_back(join, message);
        if (short_time(record->time) > message->time)
            message->time = short_time(record->time);
        if (is_settled)
            settle(message, record->recipients);
    }
    if (!record->is_counted)
        return;
    count_reasons(join, record);
    if (is_settled && record->has_ip && !is_bounce)
        note_hop(join, record);
    if (source == 0 || is_bounce)
        return;
    if (record->fate == FATE_SENT)
        add_deliveries(join, source, record);
    else if (record->events != 0)
        add_late_each(join, source, record, named, file, line);
}

/* What a list's clone inherits, or each part of a split, which has one
 * recipient or more; parts that are more than came in hold members of a list.
 */
static unsigned share_left(const struct open_message *parent,
                           const struct record *record, uint16_t *left_r)
{
    unsigned flags =
        parent->flags & (MESSAGE_BOUNCE | MESSAGE_EXPANDED | MESSAGE_BRACKETS);
    bool is_known = parent->left > 0 || (parent->flags & MESSAGE_SETTLED) != 0;

    *left_r = 1;
    if (record->recipients == 0 ||
        (is_known && record->recipients > parent->left))
        return flags | MESSAGE_EXPANDED;
    if (parent->left > record->recipients)
        *left_r = (uint16_t)(parent->left - record->recipients + 1);
    return flags;
}

/* Ids that are born from another: bounces, clones, splits. */
static void add_children(struct join *join, const struct record *record)
{
    struct open_message *parent = find_message(join, record->message);
    uint32_t source = parent == NULL ? 0 : parent->source;
    uint8_t sender = parent == NULL ? 0 : parent->sender;
    uint16_t left = 1;
    unsigned flags = parent == NULL ? 0 : share_left(parent, record, &left);
    struct slice rest = record->children;

    if (record->kind == LOGLINE_DSN) {
        flags = MESSAGE_BOUNCE;
        left = 1;
        /* of a list's mail the owner gets it */
        if (source != 0 && (parent->flags & MESSAGE_EXPANDED) == 0 &&
            record->is_dsn_failure && record->is_counted)
            sources_note_bounce(join->sources, source);
    }
    for (int i = 0; i < CHILDREN_MAX && rest.len > 0; i++) {
        size_t end = slice_index(rest, ';');
        struct slice id = slice_trim(slice_head(rest, end));
        struct open_message *child;

        rest = slice_skip(rest, end + 1);
        if (id.len == 0)
            continue;
        child = add_message(
            join, record_message_hash(join->state->key, record->host, id),
            record->time);
        if (child == NULL)
            return;
        child->source = source;
        child->flags = (uint8_t)(child->flags | flags);
        child->left = left;
        child->sender = sender;
    }
}

/* A refusal: its client stands on it, on another line of its id, or of its
 * process. */
static void add_refusal(struct join *join, const struct record *record,
                        uint32_t file, uint64_t line)
{
    uint32_t source = client_of(join, record, file, line);
    struct open_message *message;
    struct source_event event;
    bool was_accepted = false;

    if (!record->is_counted)
        return;
    if (record->kind == LOGLINE_MILTER && record->is_refusal) {
        message = find_message(join, record->message);
        was_accepted = message != NULL && take_back(join, message);
    }
    if (record->is_refusal && record->reason.len > 0)
        topk_add_hashed(record->is_connection ? &join->tops.refused_connections
                                              : &join->tops.rejections,
                        record->reason, record->reason_hash, 1, 0);
    if (source == 0 && record->message != 0) {
        message = find_message(join, record->message);
        source = message == NULL ? 0 : message->source;
    }
    if (record->events == 0 && source == 0)
        return;
    if (source == 0) {
        uint64_t key = record->message != 0 ? record->message : record->process;

        if (key != 0)
            add_pending(join, key, record, file, line);
        else
            note_no_client(join, record->events, record->repeat);
        return;
    }
    event = event_of(record, file, line);
    /* Of what a filter refuses at the end each recipient was counted. */
    event.is_refusal = record->is_refusal && !was_accepted;
    note(join, source, &event);
}

/* A connection in which the client speaks too early has one line, or two: with
 * greet_pause one of the greeting, and then one of the HELO. */
static bool is_early_again(struct join *join, const struct record *record)
{
    uint64_t process = record->process != 0 ? record->process : record->message;
    /* of this client: other lines of the process have other keys */
    uint64_t key = process ^ record->ip_hash;
    struct open_message *session;

    if (process == 0 || key == 0)
        return false;
    if (find_message(join, key) != NULL)
        return true;
    session = add_message(join, key, record->time);
    if (session != NULL)
        session->flags |= MESSAGE_SESSION;
    return false;
}

/* A mail program that does not get in is set up anew, as "ann@example.org"
 * after "ann", or before. Of one client within an hour that is one user: the
 * first of the two. Those of further domains are others. */
static uint64_t user_of(struct join *join, uint32_t source,
                        const struct record *record)
{
    uint32_t domain = record->user_domain;
    uint64_t bare = record_user_hash(record->user_hash, domain);
    uint64_t key = bare + source * UINT64_C(0x9e3779b97f4a7c15);
    struct open_message *seen;
    bool is_new;

    if (record->user_hash == 0 || key == 0)
        return record->user_hash;
    is_new = find_message(join, key) == NULL;
    seen = add_message(join, key, record->time);
    if (seen == NULL)
        return record->user_hash;
    if (is_new) {
        seen->flags = MESSAGE_SESSION;
        seen->sender = domain == 0; /* the first one was bare */
    }
    if (seen->source == 0)
        seen->source = domain;
    if (domain != 0 && domain != seen->source)
        return record->user_hash;
    return seen->sender != 0 ? bare : record_user_hash(bare, seen->source);
}

/* Lines that name the client themselves. */
static void add_peer(struct join *join, const struct record *record,
                     uint32_t file, uint64_t line)
{
    bool is_good = record->kind == LOGLINE_AUTH_OK;
    bool is_login = is_good || record->kind == LOGLINE_AUTH;
    uint32_t source = client_of(join, record, file, line);
    struct source_event event;

    if (!record->is_counted)
        return;
    switch (record->kind) {
    case LOGLINE_AUTH:
        if (record->user.len > 0)
            topk_add(&join->tops.users, record->user, 1, 0);
        break;
    case LOGLINE_AUTH_OK:
        if (record->detail.len > 0)
            topk_add(&join->tops.mechanisms, record->detail, 1, 0);
        break;
    case LOGLINE_TLS:
        if (record->detail.len > 0)
            topk_add(&join->tops.ciphers, record->detail, 1, 0);
        break;
    case LOGLINE_PREGREET:
        if (is_early_again(join, record))
            return;
        break;
    default:
        break;
    }
    if (source == 0 && record->message != 0) {
        struct open_message *message = find_message(join, record->message);

        source = message == NULL ? 0 : message->source;
    }
    /* Before 8.13 a failed login did not say whose it was. */
    if (source == 0 && record->kind == LOGLINE_AUTH && record->events != 0 &&
        record->message != 0)
        add_pending(join, record->message, record, file, line);
    if (source == 0)
        return;
    if (is_login)
        sources_note_login(join->sources, source, is_good, record->time,
                           record->repeat);
    if (is_login && record->user_hash != 0)
        sources_note_user(join->sources, source, is_good, record->user_hash,
                          record->user_domain);
    if (record->events == 0)
        return;
    event = event_of(record, file, line);
    if (is_login) {
        event.user_hash = user_of(join, source, record);
        event.recipient = record->user;
    }
    event.is_probe =
        record->kind == LOGLINE_AUTH || record->kind == LOGLINE_PROBE ||
        record->kind == LOGLINE_PREGREET || record->kind == LOGLINE_PROXY;
    note(join, source, &event);
}

/* "last message repeated N times": what the line before it said, again. That
 * line may be another program's, or another host's. */
static void add_repeat(struct join *join, const struct record *record,
                       uint32_t file, uint64_t line)
{
    struct join_state *state = join->state;
    struct source_event event = state->last_event;

    if (state->last_file != file || state->last_line + 1 != line ||
        state->last_host != record->host || !record->is_counted)
        return;
    state->last_line = line;
    if (state->last_pending != 0)
        state->pending[state->last_pending].count += record->repeat;
    if (state->last_source == 0)
        return;
    event.count = record->repeat;
    event.time = record->time;
    if (state->last_kind == LOGLINE_AUTH)
        sources_note_login(join->sources, state->last_source, false,
                           record->time, record->repeat);
    sources_note(join->sources, state->last_source, &event);
}

/* A stamp of the far future, from before a clock was set right, does not make
 * all that comes after it too late. */
static void set_now(struct join_state *state, int64_t time)
{
    if (time > state->now || time < state->now - JOIN_SETTLED_SEC)
        state->now = time;
}

/* Lines of a few hosts come in turns. */
static void note_log_host(struct join *join, const struct record *record)
{
    struct join_state *state = join->state;

    for (unsigned i = 0; i < LOG_HOSTS; i++)
        if (state->log_hosts[i] == record->host)
            return;
    state->log_hosts[state->next_log_host++ % LOG_HOSTS] = record->host;
    sources_note_log_host(join->sources, record->log_host);
}

void join_add(struct join *join, const struct record *record, uint32_t file,
              uint64_t line)
{
    struct join_state *state = join->state;

    set_now(state, record->time);
    if (record->is_repeat) {
        add_repeat(join, record, file, line);
        return;
    }
    note_log_host(join, record);
    state->last_source = 0;
    state->last_pending = 0;
    state->last_file = file;
    state->last_line = line;
    state->last_host = record->host;
    state->last_kind = record->kind;
    switch (record->kind) {
    case LOGLINE_FROM:
        forget_settled(state, record->message);
        add_from(join, record, file, line);
        break;
    case LOGLINE_TO:
        add_to(join, record, file, line);
        break;
    case LOGLINE_DSN:
    case LOGLINE_CLONE:
        add_children(join, record);
        break;
    case LOGLINE_DONE: {
        struct open_message *message = find_message(join, record->message);

        if (message != NULL)
            message->flags |= MESSAGE_DONE;
        break;
    }
    case LOGLINE_REPLY:
    case LOGLINE_RULESET:
    case LOGLINE_MILTER:
        forget_settled(state, record->message);
        add_refusal(join, record, file, line);
        break;
    case LOGLINE_OTHER:
        if (record->is_counted)
            topk_add(&join->tops.unknown, record->reason, 1, 0);
        break;
    default:
        add_peer(join, record, file, line);
        break;
    }
}

void join_prefetch(const struct join *join, const struct record *record)
{
    const struct join_state *state = join->state;
    size_t mask = state->slot_count - 1;

    __builtin_prefetch(&state->slots[record->message & mask]);
    if (record->has_ip) {
        sources_prefetch_slot(join->sources, record->ip_hash);
        __builtin_prefetch(&state->slots[record->process & mask]);
    }
    if ((record->events & join->sources->guess_bit) != 0)
        topk_prefetch(&join->tops.guessed, record->recipient_hash);
}

void join_prefetch_more(const struct join *join, const struct record *record)
{
    if (record->has_ip)
        sources_prefetch(join->sources, record->ip_hash);
    else if (record->kind == LOGLINE_REPLY || record->kind == LOGLINE_TO)
        sources_prefetch_number(
            join->sources,
            join->state->slots[record->message & (join->state->slot_count - 1)]
                .source);
}

void join_finish(struct join *join)
{
    give_up_unclaimed(join, true);
}

/* ---- beginning and end ---- */

static struct topk *const *all_tops(struct log_tops *tops, size_t *count_r,
                                    struct topk **list)
{
    struct topk *const each[] = {
        &tops->senders,    &tops->recipients, &tops->guessed,
        &tops->rejections, &tops->deferrals,  &tops->failures,
        &tops->dead_hosts, &tops->mechanisms, &tops->users,
        &tops->ciphers,    &tops->unknown,    &tops->refused_connections};

    *count_r = sizeof(each) / sizeof(each[0]);
    memcpy(list, each, sizeof(each));
    return list;
}

enum { TOPS_MAX = 16 };

bool join_init(struct join *join, struct sources *sources,
               const uint64_t key[2])
{
    struct topk *list[TOPS_MAX];
    size_t count;

    *join = (struct join){.sources = sources};
    logtally_init(&join->late);
    all_tops(&join->tops, &count, list);
    for (size_t i = 0; i < count; i++)
        topk_init(list[i], key);
    sources->delivered = &join->tops.recipients;
    join->state = calloc(1, sizeof(*join->state));
    if (join->state == NULL)
        return false;
    join->state->key[0] = key[0];
    join->state->key[1] = key[1];
    join->state->slot_count = TABLE_MIN;
    join->state->slots = calloc(TABLE_MIN, sizeof(*join->state->slots));
    return join->state->slots != NULL;
}

void join_free(struct join *join)
{
    struct topk *list[TOPS_MAX];
    size_t count;

    all_tops(&join->tops, &count, list);
    for (size_t i = 0; i < count; i++)
        topk_free(list[i]);
    logtally_free(&join->late);
    if (join->state == NULL)
        return;
    free(join->state->slots);
    free(join->state->pending);
    free(join->state->quotes);
    free(join->state);
    join->state = NULL;
}
