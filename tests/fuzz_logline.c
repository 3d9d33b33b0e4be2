/*
 * The bytes are lines of a maillog. Whatever is returned must lie inside its
 * line, a hostile or unfinished line has no status, and parsing it a second
 * time, with what the lines before have taught, gives the same.
 */
#include <stdint.h>
#include <stdlib.h>

#include "parsers/logline.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(struct slice part, struct slice whole)
{
    if (!slice_is_absent(part) &&
        (part.ptr < whole.ptr || part.len > whole.len ||
         part.ptr + part.len > whole.ptr + whole.len))
        abort();
}

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void check_fields(const struct logline *line, struct slice whole)
{
    const struct slice parts[] = {
        line->host,      line->tag,        line->id,        line->text,
        line->relay,     line->peer.ident, line->peer.name, line->sender,
        line->recipient, line->recipients, line->user,      line->status,
        line->dsn,       line->reply,      line->reason,    line->ruleset,
        line->child,     line->message_id, line->mailer,    line->ctladdr,
        line->protocol,  line->cipher,     line->verify,
    };

    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        check(parts[i], whole);
}

static void check_recipients(const struct logline *line)
{
    struct slice rest = line->recipients;
    struct slice recipient;
    size_t last = rest.len;

    while (logline_next_recipient(&rest, &recipient)) {
        check(recipient, line->recipients);
        require(rest.len < last);
        last = rest.len;
    }
}

static void check_same(const struct logline *a, const struct logline *b)
{
    require(log_stamp_epoch(&a->stamp, 2026, 0) ==
            log_stamp_epoch(&b->stamp, 2026, 0));
    require(a->host.ptr == b->host.ptr && a->host.len == b->host.len);
    require(a->tag.ptr == b->tag.ptr && a->tag.len == b->tag.len);
    require(a->id.ptr == b->id.ptr && a->id.len == b->id.len);
    require(a->text.ptr == b->text.ptr && a->text.len == b->text.len);
    require(a->pid == b->pid && a->repeat_count == b->repeat_count);
    require(a->kind == b->kind && a->is_hostile == b->is_hostile);
    require(a->status.ptr == b->status.ptr && a->relay.ptr == b->relay.ptr);
    require(a->size_bytes == b->size_bytes && a->delay_sec == b->delay_sec);
}

static void check_line(struct slice whole, struct logline_memory *memory)
{
    struct logline line, again;
    enum logline_outcome outcome = logline_parse(whole, NULL, &line);

    require(logline_parse(whole, memory, &again) == outcome);
    check_same(&line, &again);
    check_fields(&line, whole);
    check_recipients(&line);
    require(line.repeat_count > 0 && line.pid >= -1);
    if (outcome != LOGLINE_OK)
        require(slice_is_absent(line.text) && slice_is_absent(line.id));
    if (line.is_hostile || line.is_split)
        require(slice_is_absent(line.status) && slice_is_absent(line.dsn));
    if (outcome != LOGLINE_NO_STAMP)
        require(line.stamp.month >= 1 && line.stamp.month <= 12);
    log_stamp_epoch(&line.stamp, 2026, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice rest = slice_make((const char *)data, size);
    struct slice line;
    struct logline_memory memory = {.stamp.month = 0};

    while (slice_next_line(&rest, &line))
        check_line(line, &memory);
    return 0;
}
