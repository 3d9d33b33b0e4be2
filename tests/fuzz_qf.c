/*
 * The bytes are a control file; what it holds goes on to the readers of
 * addresses, clients, status texts and queue ids. Whatever is handed out must
 * lie inside the bytes, and the same struct must serve for the next file.
 */
#include <stdint.h>
#include <stdlib.h>

#include "parsers/address.h"
#include "parsers/qf.h"
#include "parsers/queueid.h"
#include "parsers/status.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(struct slice part, struct slice whole)
{
    if (!slice_is_absent(part) &&
        (part.ptr < whole.ptr || part.len > whole.len ||
         part.ptr > whole.ptr + (whole.len - part.len)))
        abort();
}

static void check_address(struct slice address)
{
    check(address_bare(address), address);
    check(address_domain(address), address);
    (void)address_is_local_action(address);
}

/* What is printed must read back as the same address. */
static void check_ip(const struct ip *ip)
{
    char text[ADDRESS_IP_TEXT_MAX];
    size_t len = ip_format(ip, text);
    struct ip again;
    struct cidr cidr;

    if (len == 0 || !ip_parse(slice_make(text, len), &again) ||
        memcmp(ip, &again, sizeof(again)) != 0)
        abort();
    if (!cidr_parse(slice_make(text, len), &cidr) || !cidr_contains(&cidr, ip))
        abort();
    if (ip_is_loopback(ip) && !ip_is_private(ip))
        abort();
}

static void check_client(struct slice text)
{
    struct client client;

    if (!client_parse(text, &client) &&
        (client.has_ip || client.forged || client.name.ptr != NULL))
        abort();
    check(client.ident, text);
    check(client.name, text);
    if (client.has_ip)
        check_ip(&client.ip);
}

static void check_status(struct slice status)
{
    enum status_kind kind = status_classify(status);
    struct slice host = status_host(status);

    check(host, status);
    if (host.len > 0 && (kind == STATUS_REPLY || kind == STATUS_NONE ||
                         kind == STATUS_OTHER || kind == STATUS_META))
        abort();
    (void)domain_is_within(host, status);
}

static void check_envelope(const struct qf *qf, struct slice text)
{
    const struct slice parts[] = {
        qf->data_dir, qf->inode,  qf->body_type,   qf->quarantine, qf->status,
        qf->flags,    qf->sender, qf->envelope_id, qf->auth,
    };

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        check(parts[i], text);
    for (size_t i = 0; i < qf->macro_count; i++) {
        check(qf->macros[i].name, text);
        check(qf->macros[i].value, text);
        check_client(qf->macros[i].value);
    }
    check_status(qf->status);
    check_address(qf->sender);
    (void)qf_has_flag(qf, 'r');
}

static void check_recipients(const struct qf *qf, struct slice text)
{
    for (size_t i = 0; i < qf->recipient_count; i++) {
        const struct qf_recipient *recipient = &qf->recipients[i];

        check(recipient->address, text);
        check(recipient->flags, text);
        check(recipient->status, text);
        check(recipient->user, text);
        check(recipient->original, text);
        check(recipient->final, text);
        check_address(recipient->address);
        check_status(recipient->status);
        if (recipient->line == 0 || recipient->line > qf->line)
            abort();
    }
}

static void check_headers(const struct qf *qf, struct slice text)
{
    for (size_t i = 0; i < qf->header_count; i++) {
        const struct qf_header *header = &qf->headers[i];
        struct queueid id;

        check(header->flags, text);
        check(header->name, text);
        check(header->value, text);
        check_status(header->value);
        check_client(header->value);
        queueid_decode(header->value, qf->created, &id);
        if (header->name.len == 0)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = slice_make((const char *)data, size);
    struct slice half = slice_head(text, size / 2);
    struct qf qf;
    enum qf_outcome outcome;

    qf_init(&qf);
    (void)qf_parse(&qf, half);
    outcome = qf_parse(&qf, text);
    if (outcome == QF_OK &&
        (slice_is_absent(qf.sender) || qf.recipient_count == 0))
        abort();
    check_envelope(&qf, text);
    check_recipients(&qf, text);
    check_headers(&qf, text);
    qf_free(&qf);
    return 0;
}
