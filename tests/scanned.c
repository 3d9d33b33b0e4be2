#include "tests/scanned.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

void scanned_begin(struct scanned *scanned, const char *rules)
{
    const struct rules_file file = {"test.rules", slice_from_string(rules)};

    *scanned = (struct scanned){.rules = NULL};
    folder_open(&scanned->folder);
    folder_make(&scanned->folder, "q");
    complaints_init(&scanned->complaints, false);
    scanned->rules = rules_compile(&file, 1, NULL, 0, NULL, NULL, NULL);
    assert_non_null(scanned->rules);
}

void scanned_scan(struct scanned *scanned, unsigned workers)
{
    struct string_list names = {0};
    const struct config none = {0};
    struct scan *scan = &scanned->scan;

    assert_true(string_list_add(
        &names, slice_from_string(folder_path(&scanned->folder, "q"))));
    assert_true(queue_open(&scanned->set, &names, &none, &scanned->complaints));
    string_list_free(&names);
    *scan = (struct scan){.queues = &scanned->set,
                          .worker_count = workers,
                          .complaints = &scanned->complaints,
                          .progress = {.when = PROGRESS_NEVER}};
    scan->scene.queues = &scanned->set;
    scan->scene.rules = scanned->rules;
    scan->scene.now = SCANNED_NOW;
    scan->scene.basis_before = scanned->began;
    scan->scene.basis_key[0] = UINT64_C(0x243f6a8885a308d3);
    scan->scene.basis_key[1] = UINT64_C(0x13198a2e03707344);
    scan->reads_data = scan->looks_at_files = true;
    facts_init(&scan->table);
    assert_true(scan_run(scan));
}

void scanned_drop(struct scanned *scanned)
{
    scan_free(&scanned->scan);
    queue_close(&scanned->set);
}

void scanned_end(struct scanned *scanned)
{
    rules_free(scanned->rules);
    folder_close(&scanned->folder);
}

void scanned_files(struct scanned *scanned, const char *id, const char *qf,
                   const char *df)
{
    char name[64];

    snprintf(name, sizeof(name), "q/qf%s", id);
    folder_write(&scanned->folder, name, qf);
    name[2] = 'd';
    if (df != NULL)
        folder_write(&scanned->folder, name, df);
}

void scanned_message(struct scanned *scanned, const char *id,
                     const char *status, const char *recipient)
{
    char qf[512];

    snprintf(qf, sizeof(qf),
             "V8\nT1795370000\nK1795375000\nN7\nP30000\nM%s\nFs\n"
             "S<ann@example.net>\nRPF:<%s>\nH??Subject: hello\n.\n",
             status, recipient);
    scanned_files(scanned, id, qf, "a body\n");
}

void scanned_bounce(struct scanned *scanned,
                    const struct scanned_bounce *bounce)
{
    char qf[1024], df[2048];
    char boundary[64];
    const char *mark = bounce->mark == NULL ? "" : bounce->mark;

    snprintf(boundary, sizeof(boundary), "%s.1795370000/mx.example.org",
             bounce->id);
    snprintf(qf, sizeof(qf),
             "V8\nT1795370000\nK1795375000\nN7\nP30000\n"
             "MDeferred: Connection refused by %s.\nFrs\n$_localhost\n"
             "SMAILER-DAEMON\nRPF:<%s>\n"
             "H??Subject: Returned mail: see transcript for details\n"
             "H??Content-Type: multipart/report; "
             "report-type=delivery-status;\n\tboundary=\"%s\"\n"
             "H??Auto-Submitted: auto-generated (failure)\n.\n",
             bounce->host, bounce->recipient, boundary);
    snprintf(df, sizeof(df),
             "This is a MIME-encapsulated message\n\n--%s\n\n"
             "The original message was received at Sun, 22 Nov 2026 17:53:20 "
             "GMT\nfrom %s [%s]%s\n\n"
             "   ----- The following addresses had permanent fatal errors "
             "-----\n<%s>\n    (reason: 550 5.1.1 <%s>... User unknown)\n\n"
             "--%s\nContent-Type: message/delivery-status\n\n"
             "Reporting-MTA: dns; mx.example.org\n"
             "Received-From-MTA: DNS; %s\n"
             "Arrival-Date: Sun, 22 Nov 2026 17:53:20 GMT\n\n"
             "%sFinal-Recipient: RFC822; %s\nAction: failed\nStatus: 5.1.1\n"
             "Remote-MTA: DNS; mail.example.com\n"
             "Diagnostic-Code: SMTP; 550 5.1.1 <%s>... User unknown\n"
             "Last-Attempt-Date: Sun, 22 Nov 2026 17:53:20 GMT\n\n"
             "--%s\nContent-Type: text/rfc822-headers\n\n"
             "Return-Path: <%s>\n"
             "Received: from %s (%s [%s]%s)\n"
             "\tby mx.example.org (8.17.1/8.17.1) with ESMTP id "
             "6AMHqK0f009999\n\tfor <%s>; Sun, 22 Nov 2026 17:53:20 GMT\n"
             "Subject: offer\n\n--%s--\n",
             boundary, bounce->name, bounce->source, mark, bounce->guess,
             bounce->guess, boundary, bounce->name,
             bounce->others == NULL ? "" : bounce->others, bounce->guess,
             bounce->guess, boundary, bounce->recipient, bounce->name,
             bounce->name, bounce->source, mark, bounce->guess, boundary);
    scanned_files(scanned, bounce->id, qf, df);
}

void scanned_set_time(struct scanned *scanned, const char *name, int64_t time)
{
    const struct timespec times[2] = {{.tv_sec = (time_t)time},
                                      {.tv_sec = (time_t)time}};

    folder_need(utimensat(AT_FDCWD, folder_path(&scanned->folder, name), times,
                          AT_SYMLINK_NOFOLLOW) == 0,
                name);
}

const struct facts *scanned_row(const struct scanned *scanned, const char *id)
{
    const struct facts_table *table = &scanned->scan.table;

    for (size_t i = 0; i < table->count; i++)
        if (slice_equal(facts_id(&table->rows[i]), slice_from_string(id)))
            return &table->rows[i];
    fail_msg("%s: no row", id);
    return NULL;
}
