/*
 * A line taken apart as one text, so that a case of a table says all that it
 * expects: "kind field=value; field=value". What is absent is not said, and
 * the header only in logline_dump_header.
 */
#ifndef QSCAN_TESTS_LOGLINE_DUMP_H
#define QSCAN_TESTS_LOGLINE_DUMP_H

#include <inttypes.h>
#include <stdio.h>

#include "parsers/logline.h"

struct dump {
    char text[4096];
    size_t len;
};

static inline void dump_add(struct dump *dump, const char *name,
                            struct slice value)
{
    int len;

    if (slice_is_absent(value) || dump->len >= sizeof dump->text)
        return;
    len = snprintf(dump->text + dump->len, sizeof dump->text - dump->len,
                   "%s%s=%.*s", dump->len > 0 ? "; " : "", name, (int)value.len,
                   value.ptr);
    dump->len += (size_t)len;
}

static inline void dump_number(struct dump *dump, const char *name,
                               int64_t number)
{
    char text[24];

    if (number < 0)
        return;
    snprintf(text, sizeof text, "%" PRId64, number);
    dump_add(dump, name, slice_from_string(text));
}

static inline void dump_flag(struct dump *dump, const char *name, bool is_set)
{
    if (is_set)
        dump_add(dump, name, SLICE_LITERAL("yes"));
}

static inline void dump_peer(struct dump *dump, const struct client *peer)
{
    char text[ADDRESS_IP_TEXT_MAX];

    dump_add(dump, "peer.ident", peer->ident);
    dump_add(dump, "peer.name", peer->name);
    if (peer->has_ip)
        dump_add(dump, "peer.ip", slice_make(text, ip_format(&peer->ip, text)));
    dump_flag(dump, "peer.forged", peer->forged);
}

static inline void logline_dump(const struct logline *line, struct dump *dump)
{
    *dump = (struct dump){.len = 0};
    dump_add(dump, "kind", slice_from_string(logline_kind_text(line->kind)));
    dump_flag(dump, "hostile", line->is_hostile);
    dump_flag(dump, "split", line->is_split);
    dump_flag(dump, "unsent", line->is_unsent);
    dump_flag(dump, "garbled", line->is_garbled);
    dump_flag(dump, "continued", line->is_continued);
    dump_add(dump, "id", line->id);
    dump_add(dump, "relay", line->relay);
    dump_peer(dump, &line->peer);
    dump_add(dump, "sender", line->sender);
    dump_add(dump, "recipient", line->recipient);
    dump_add(dump, "recipients", line->recipients);
    dump_add(dump, "user", line->user);
    dump_add(dump, "status", line->status);
    dump_add(dump, "dsn", line->dsn);
    dump_add(dump, "reply", line->reply);
    dump_add(dump, "reason", line->reason);
    dump_add(dump, "ruleset", line->ruleset);
    dump_add(dump, "command", line->command);
    dump_add(dump, "child", line->child);
    dump_add(dump, "message_id", line->message_id);
    dump_add(dump, "mailer", line->mailer);
    dump_add(dump, "ctladdr", line->ctladdr);
    dump_add(dump, "protocol", line->protocol);
    dump_add(dump, "cipher", line->cipher);
    dump_add(dump, "verify", line->verify);
    dump_number(dump, "size", line->size_bytes);
    dump_number(dump, "count", line->recipient_count);
    dump_number(dump, "delay", line->delay_sec);
    dump_number(dump, "xdelay", line->xdelay_sec);
    dump_number(dump, "tries", line->tries);
}

/* "2026-11-16 14:28:37+0; host=..." and the text. */
static inline void logline_dump_header(const struct logline *line,
                                       enum logline_outcome outcome,
                                       struct dump *dump)
{
    static const char *const outcomes[] = {"ok", "repeated", "foreign",
                                           "no stamp"};
    const struct log_stamp *stamp = &line->stamp;

    *dump = (struct dump){.len = 0};
    dump->len = (size_t)snprintf(
        dump->text, sizeof dump->text, "%s %d-%02d-%02d %02d:%02d:%02d",
        outcomes[outcome], stamp->year, stamp->month, stamp->day, stamp->hour,
        stamp->minute, stamp->second);
    if (stamp->has_zone)
        dump->len += (size_t)snprintf(dump->text + dump->len,
                                      sizeof dump->text - dump->len, "%+d",
                                      stamp->zone_sec);
    dump_add(dump, "host", line->host);
    dump_add(dump, "tag", line->tag);
    dump_number(dump, "pid", line->pid);
    dump_number(dump, "times",
                line->repeat_count != 1 ? (int64_t)line->repeat_count : -1);
    dump_add(dump, "id", line->id);
    dump_add(dump, "text", line->text);
}

#endif
