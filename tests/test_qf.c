/*
 * Control files. What a file was read as is written down as text, one fact a
 * line, and compared with the text in the table: every field is seen in every
 * case. Each case runs whole at a page nobody may read, and cut at every byte.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "parsers/qf.h"
#include "tests/assert_slice.h"
#include "tests/guard.h"

/* ---- what was read, as text ---- */

static void put_field(FILE *to, const char *name, struct slice value)
{
    if (!slice_is_absent(value)) {
        fprintf(to, "%s=", name);
        fwrite(value.ptr, 1, value.len, to);
        fputc('\n', to);
    }
}

static void put_numbers(FILE *to, const struct qf *qf)
{
    if (qf->version != 0)
        fprintf(to, "V=%lld\n", (long long)qf->version);
    if (qf->has_created)
        fprintf(to, "T=%lld\n", (long long)qf->created);
    if (qf->has_last_attempt)
        fprintf(to, "K=%lld\n", (long long)qf->last_attempt);
    if (qf->has_tries)
        fprintf(to, "N=%lld\n", (long long)qf->tries);
    if (qf->has_priority)
        fprintf(to, "P=%lld\n", (long long)qf->priority);
    if (qf->deliver_by != 0)
        fprintf(to, "!=%lld\n", (long long)qf->deliver_by);
}

static void put_lists(FILE *to, const struct qf *qf)
{
    for (size_t i = 0; i < qf->macro_count; i++) {
        fputs("$", to);
        fwrite(qf->macros[i].name.ptr, 1, qf->macros[i].name.len, to);
        put_field(to, "", qf->macros[i].value);
    }
    for (size_t i = 0; i < qf->recipient_count; i++) {
        put_field(to, "R", qf->recipients[i].address);
        put_field(to, " flags", qf->recipients[i].flags);
        put_field(to, " M", qf->recipients[i].status);
        put_field(to, " C", qf->recipients[i].user);
        put_field(to, " Q", qf->recipients[i].original);
        put_field(to, " r", qf->recipients[i].final);
    }
    for (size_t i = 0; i < qf->header_count; i++) {
        put_field(to, "H", qf->headers[i].name);
        put_field(to, " flags", qf->headers[i].flags);
        put_field(to, " value", qf->headers[i].value);
    }
}

/* The caller frees it. */
static char *facts_of(const struct qf *qf)
{
    char *text = NULL;
    size_t len;
    FILE *to = open_memstream(&text, &len);

    assert_non_null(to);
    put_numbers(to, qf);
    put_field(to, "d", qf->data_dir);
    put_field(to, "I", qf->inode);
    put_field(to, "B", qf->body_type);
    put_field(to, "q", qf->quarantine);
    put_field(to, "M", qf->status);
    put_field(to, "F", qf->flags);
    put_field(to, "S", qf->sender);
    put_field(to, "Z", qf->envelope_id);
    put_field(to, "A", qf->auth);
    put_lists(to, qf);
    fclose(to);
    return text;
}

/* ---- cases by hand ---- */

/* END completes a file whose one interesting line stands before it. */
#define END "S<>\nRPFD:a@example.org\n.\n"
#define END_FACTS "S=<>\nR=a@example.org\n flags=PFD\n"

struct qf_case {
    const char *title;
    const char *text;
    enum qf_outcome outcome;
    unsigned line;
    const char *facts;
};

/* One row, or more, for each line of the table of codes. */
static const struct qf_case line_cases[] = {
    {"V", "V8\n" END, QF_OK, 4, "V=8\n" END_FACTS},
    {"V missing is version 0", "S<>\nRPFD:a@example.org\n.\n", QF_OK, 3,
     "S=<>\nR=PFD:a@example.org\n"},
    {"V0 has no recipient flags", "V0\nS<>\nRa:b@example.org\n.\n", QF_OK, 4,
     "S=<>\nR=a:b@example.org\n"},
    {"V1 has them", "V1\nS<>\nRP:a:b@example.org\n.\n", QF_OK, 4,
     "V=1\nS=<>\nR=a:b@example.org\n flags=P\n"},
    {"V of a later release", "V9\n" END, QF_BAD_VERSION, 1, "V=9\n"},
    {"V without number", "V\n" END, QF_BAD_NUMBER, 1, ""},
    {"V negative", "V-1\n" END, QF_BAD_NUMBER, 1, ""},
    {"T", "V8\nT1795369945\n" END, QF_OK, 5, "V=8\nT=1795369945\n" END_FACTS},
    {"T empty", "V8\nT\n" END, QF_BAD_NUMBER, 2, "V=8\nT=0\n"},
    {"T negative", "V8\nT-1\n" END, QF_BAD_NUMBER, 2, "V=8\nT=0\n"},
    {"T too large for 64 bits", "V8\nT9223372036854775808\n" END, QF_BAD_NUMBER,
     2, "V=8\nT=0\n"},
    {"T largest", "V8\nT9223372036854775807\n" END, QF_OK, 5,
     "V=8\nT=9223372036854775807\n" END_FACTS},
    {"T with letters", "V8\nT12x\n" END, QF_BAD_NUMBER, 2, "V=8\nT=0\n"},
    {"K never tried", "V8\nK0\n" END, QF_OK, 5, "V=8\nK=0\n" END_FACTS},
    {"K bad", "V8\nKx\n" END, QF_BAD_NUMBER, 2, "V=8\nK=0\n"},
    {"N", "V8\nN22\n" END, QF_OK, 5, "V=8\nN=22\n" END_FACTS},
    {"N bad", "V8\nN 2\n" END, QF_BAD_NUMBER, 2, "V=8\nN=0\n"},
    {"P", "V8\nP120417\n" END, QF_OK, 5, "V=8\nP=120417\n" END_FACTS},
    {"P negative", "V8\nP-90\n" END, QF_OK, 5, "V=8\nP=-90\n" END_FACTS},
    {"P bad", "V8\nP--1\n" END, QF_BAD_NUMBER, 2, "V=8\nP=0\n"},
    {"d", "V8\ndgrp/g2\n" END, QF_OK, 5, "V=8\nd=grp/g2\n" END_FACTS},
    {"I", "V8\nI254/0/7\n" END, QF_OK, 5, "V=8\nI=254/0/7\n" END_FACTS},
    {"B 7BIT", "V8\nB7BIT\n" END, QF_OK, 5, "V=8\nB=7BIT\n" END_FACTS},
    {"B in any case", "V8\nB8bitMime\n" END, QF_OK, 5,
     "V=8\nB=8bitMime\n" END_FACTS},
    {"B unknown", "V8\nBBINARY\n" END, QF_BAD_LINE, 2, "V=8\nB=BINARY\n"},
    {"B empty", "V8\nB\n" END, QF_BAD_LINE, 2, "V=8\nB=\n"},
    {"q", "V8\nqvirus\n" END, QF_OK, 5, "V=8\nq=virus\n" END_FACTS},
    {"M of the envelope", "V8\nMDeferred\n" END, QF_OK, 5,
     "V=8\nM=Deferred\n" END_FACTS},
    {"M of the envelope: the first stays", "V8\nMone\nMtwo\n" END, QF_OK, 6,
     "V=8\nM=one\n" END_FACTS},
    {"F", "V8\nFwbs8\n" END, QF_OK, 5, "V=8\nF=wbs8\n" END_FACTS},
    {"F empty", "V8\nF\n" END, QF_OK, 5, "V=8\nF=\n" END_FACTS},
    {"F as a mail folder begins", "V8\nFrom mallory Mon\n" END, QF_BAD_LINE, 2,
     "V=8\n"},
    {"F with the letters of From", "V8\nFrom\n" END, QF_OK, 5,
     "V=8\nF=rom\n" END_FACTS},
    {"$ one letter", "V8\n$rESMTP\n" END, QF_OK, 5,
     "V=8\nS=<>\n$r=ESMTP\nR=a@example.org\n flags=PFD\n"},
    {"$ empty value", "V8\n$r\n" END, QF_OK, 5,
     "V=8\nS=<>\n$r=\nR=a@example.org\n flags=PFD\n"},
    {"$ name in braces", "V8\n${daemon_flags}c u\n" END, QF_OK, 5,
     "V=8\nS=<>\n${daemon_flags}=c u\nR=a@example.org\n flags=PFD\n"},
    {"$ braces never closed define nothing", "V8\n${daemon\n$\n" END, QF_OK, 6,
     "V=8\n" END_FACTS},
    {"S null sender", "V8\n" END, QF_OK, 4, "V=8\n" END_FACTS},
    {"S empty is a sender", "V8\nS\nRP:a@example.org\n.\n", QF_OK, 4,
     "V=8\nS=\nR=a@example.org\n flags=P\n"},
    {"S own report", "V8\nSMAILER-DAEMON\nRPF:<a@example.org>\n.\n", QF_OK, 4,
     "V=8\nS=MAILER-DAEMON\nR=<a@example.org>\n flags=PF\n"},
    {"S missing", "V8\nRP:a@example.org\n.\n", QF_NO_SENDER, 3,
     "V=8\nR=a@example.org\n flags=P\n"},
    {"Z", "V8\nZenv+20id\n" END, QF_OK, 5,
     "V=8\nS=<>\nZ=env+20id\nR=a@example.org\n flags=PFD\n"},
    {"A", "V8\nA<>\n" END, QF_OK, 5,
     "V=8\nS=<>\nA=<>\nR=a@example.org\n flags=PFD\n"},
    {"! notify", "V8\n!\001 3600\n" END, QF_OK, 5, "V=8\n!=3600\n" END_FACTS},
    {"! trace, return, in the past", "V8\n!\022 -60\n" END, QF_OK, 5,
     "V=8\n!=-60\n" END_FACTS},
    {"! a mask that is a blank", "V8\n!  60\n" END, QF_OK, 5,
     "V=8\n!=60\n" END_FACTS},
    {"! empty", "V8\n!\n" END, QF_BAD_NUMBER, 2, "V=8\n"},
    {"! mask alone", "V8\n!\001\n" END, QF_BAD_NUMBER, 2, "V=8\n"},
    {"! no seconds", "V8\n!\001 \n" END, QF_BAD_NUMBER, 2, "V=8\n"},
    {"! no mask", "V8\n!3600\n" END, QF_BAD_NUMBER, 2, "V=8\n"},
    {"R flags are what stands before the first colon",
     "V8\nS<>\nRPFD:\"a: b\" <a@example.org>\n.\n", QF_OK, 4,
     "V=8\nS=<>\nR=\"a: b\" <a@example.org>\n flags=PFD\n"},
    {"R without flags", "V8\nS<>\nR:a@example.org\n.\n", QF_OK, 4,
     "V=8\nS=<>\nR=a@example.org\n flags=\n"},
    {"R program", "V8\nS<>\nRPFDA:|/bin/x a:b\n.\n", QF_OK, 4,
     "V=8\nS=<>\nR=|/bin/x a:b\n flags=PFDA\n"},
    {"R without colon", "V8\nS<>\nRa@example.org\n.\n", QF_BAD_LINE, 3,
     "V=8\nS=<>\n"},
    {"R without address", "V8\nS<>\nRPFD:\n.\n", QF_BAD_LINE, 3, "V=8\nS=<>\n"},
    {"R without anything in version 0", "S<>\nR\n.\n", QF_BAD_LINE, 2,
     "S=<>\n"},
    {"R missing", "V8\nS<>\n.\n", QF_NO_RECIPIENT, 3, "V=8\nS=<>\n"},
    {"D, E, L are obsolete and ignored", "V8\nDdfAA01\nEann\nL20\n" END, QF_OK,
     7, "V=8\n" END_FACTS},
    {"G in a version that had it", "V5\nG1\nYx\nXy\n" END, QF_OK, 7,
     "V=5\n" END_FACTS},
    {"G in version 8", "V8\nG1\n" END, QF_BAD_LINE, 2, "V=8\n"},
    {"Y in version 8", "V8\nYx\n" END, QF_BAD_LINE, 2, "V=8\n"},
    {"X in version 8", "V8\nXy\n" END, QF_BAD_LINE, 2, "V=8\n"},
    {"unknown code", "V8\n@bogus\n" END, QF_BAD_LINE, 2, "V=8\n"},
    {"lower-case h", "V8\nhX: y\n" END, QF_BAD_LINE, 2, "V=8\n"},
    {"empty line", "V8\n\n" END, QF_BAD_LINE, 2, "V=8\n"},
    {"line of a carriage return", "V8\n\r\n" END, QF_BAD_LINE, 2, "V=8\n"},
    {"continuation of nothing", " x\n" END, QF_BAD_LINE, 1, ""},
    {"dot with company", "V8\nS<>\nRP:a@example.org\n.x\n.\n", QF_BAD_LINE, 4,
     "V=8\nS=<>\nR=a@example.org\n flags=P\n"},
};

#define HEADERS "V8\nS<>\nRP:a@example.org\n"
#define HEADERS_FACTS "V=8\nS=<>\nR=a@example.org\n flags=P\n"

static const struct qf_case header_cases[] = {
    {"no question marks", HEADERS "HSubject: hi\n.\n", QF_OK, 5,
     HEADERS_FACTS "H=Subject\n value=hi\n"},
    {"empty flags", HEADERS "H??Subject:hi\n.\n", QF_OK, 5,
     HEADERS_FACTS "H=Subject\n flags=\n value=hi\n"},
    {"mailer flag, macro reference kept",
     HEADERS "H?P?Return-Path: <\201g>\n.\n", QF_OK, 5,
     HEADERS_FACTS "H=Return-Path\n flags=P\n value=<\201g>\n"},
    {"macro as condition", HEADERS "H?$x?Full-Name: A\nH?${mac}?X: B\n.\n",
     QF_OK, 6,
     HEADERS_FACTS "H=Full-Name\n flags=$x\n value=A\n"
                   "H=X\n flags=${mac}\n value=B\n"},
    {"escapes are kept", HEADERS "H??Subject: it\342\377\200\377\231s\n.\n",
     QF_OK, 5,
     HEADERS_FACTS "H=Subject\n flags=\n value=it\342\377\200\377\231s\n"},
    {"folds are kept inside, white space at the ends is not",
     HEADERS "H??To: a,\n\tb,\n c \nH??X:\n y\n\t\n.\n", QF_OK, 10,
     HEADERS_FACTS "H=To\n flags=\n value=a,\n\tb,\n c\n"
                   "H=X\n flags=\n value=y\n"},
    {"a fold that looks like qf lines stays in its header",
     HEADERS "H??Subject: x\n\tS<evil>\n\tR:b@example.org\n\t.\n.\n", QF_OK, 8,
     HEADERS_FACTS "H=Subject\n flags=\n"
                   " value=x\n\tS<evil>\n\tR:b@example.org\n\t.\n"},
    {"empty value", HEADERS "H??Subject:\nH??X: \n.\n", QF_OK, 6,
     HEADERS_FACTS "H=Subject\n flags=\n value=\nH=X\n flags=\n value=\n"},
    {"blanks before the colon", HEADERS "H??Subject \t: x\n.\n", QF_OK, 5,
     HEADERS_FACTS "H=Subject\n flags=\n value=x\n"},
    {"value with colons and question marks", HEADERS "H??Subject: a:b ?c?\n.\n",
     QF_OK, 5, HEADERS_FACTS "H=Subject\n flags=\n value=a:b ?c?\n"},
    {"no colon, no name, no end of flags: no header, no offence",
     HEADERS "H\nH??\nH?\nHfoo\nHfoo bar: x\nH: x\nH?P:x\nHfoo\n : y\n.\n",
     QF_OK, 13, HEADERS_FACTS},
    {"a header before the envelope",
     "V8\nH??X: y\nMwhy\nS<>\nRP:a@example.org\n.\n", QF_OK, 6,
     "V=8\nM=why\nS=<>\nR=a@example.org\n flags=P\n"
     "H=X\n flags=\n value=y\n"},
};

static const struct qf_case group_cases[] = {
    {"M, Q, r belong to the next recipient only",
     "V8\nMenv\nS<>\nMone\nQrfc822;x\nrRFC822; x\nRP:x@example.org\n"
     "RP:y@example.org\n.\n",
     QF_OK, 9,
     "V=8\nM=env\nS=<>\n"
     "R=x@example.org\n flags=P\n M=one\n Q=rfc822;x\n r=RFC822; x\n"
     "R=y@example.org\n flags=P\n"},
    {"any order before the recipient",
     "V8\nS<>\nrRFC822; x\nMone\nCjoe:1:2:j\nQrfc822;x\nRP:x@example.org\n.\n",
     QF_OK, 8,
     "V=8\nS=<>\nR=x@example.org\n flags=P\n M=one\n C=joe:1:2:j\n"
     " Q=rfc822;x\n r=RFC822; x\n"},
    {"the later of two M before a recipient counts",
     "V8\nS<>\nMone\nMtwo\nRP:x@example.org\n.\n", QF_OK, 6,
     "V=8\nS=<>\nR=x@example.org\n flags=P\n M=two\n"},
    {"C holds until the next C, a bare C clears",
     "V8\nS<>\nC:root\nRP:a@example.org\nRP:b@example.org\nCj:1:2:/x:y\n"
     "RP:c@example.org\nC\nRP:d@example.org\n.\n",
     QF_OK, 10,
     "V=8\nS=<>\n"
     "R=a@example.org\n flags=P\n C=:root\n"
     "R=b@example.org\n flags=P\n C=:root\n"
     "R=c@example.org\n flags=P\n C=j:1:2:/x:y\n"
     "R=d@example.org\n flags=P\n"},
    {"M below recipients is never the envelope's",
     "V8\nRP:a@example.org\nMown\nRP:b@example.org\nS<>\n.\n", QF_OK, 6,
     "V=8\nS=<>\nR=a@example.org\n flags=P\n"
     "R=b@example.org\n flags=P\n M=own\n"},
    {"M that no recipient follows is nobody's",
     "V8\nS<>\nRP:a@example.org\nMlost\n.\n", QF_OK, 5,
     "V=8\nS=<>\nR=a@example.org\n flags=P\n"},
    {"continuations belong to any code",
     "V8\nMone\n two\nS<>\nRP:a@example.org\n\tb\n.\n", QF_OK, 7,
     "V=8\nM=one\n two\nS=<>\nR=a@example.org\n\tb\n flags=P\n"},
    {"a number does not continue", "V8\nN1\n 2\n" END, QF_BAD_NUMBER, 2,
     "V=8\nN=0\n"},
    {"a dot does not continue", "V8\nS<>\nRP:a@example.org\n.\n x\n",
     QF_BAD_LINE, 4, "V=8\nS=<>\nR=a@example.org\n flags=P\n"},
};

static const struct qf_case ending_cases[] = {
    {"no byte", "", QF_EMPTY, 0, ""},
    {"one newline", "\n", QF_BAD_LINE, 1, ""},
    {"a dot", ".\n", QF_NO_SENDER, 1, ""},
    {"final dot without newline", "V8\nS<>\nRP:a@example.org\n.", QF_OK, 4,
     "V=8\nS=<>\nR=a@example.org\n flags=P\n"},
    {"no final dot", "V8\nS<>\nRP:a@example.org\n", QF_TRUNCATED, 3,
     "V=8\nS=<>\nR=a@example.org\n flags=P\n"},
    {"a last line without newline is not believed", "V8\nT1795369945\nN2",
     QF_TRUNCATED, 3, "V=8\nT=1795369945\n"},
    {"an unknown code may be the start of nothing yet", "V8\n@", QF_TRUNCATED,
     2, "V=8\n"},
    {"truncation is said before what is missing", "V8\n", QF_TRUNCATED, 1,
     "V=8\n"},
    {"CRLF", "V8\r\nMx\r\nS<>\r\nRP:a@example.org\r\nH??X: a\r\n b\r\n.\r\n",
     QF_OK, 7,
     "V=8\nM=x\nS=<>\nR=a@example.org\n flags=P\n"
     "H=X\n flags=\n value=a\r\n b\n"},
    {"only the carriage return of the line end goes", "V8\nMx\ry\r\r\n" END,
     QF_OK, 5, "V=8\nM=x\ry\r\n" END_FACTS},
    {"data after the dot", "V8\n" END "RP:b@example.org\n", QF_TRAILING, 5,
     "V=8\n" END_FACTS},
    {"an empty line after the dot", "V8\n" END "\n", QF_TRAILING, 5,
     "V=8\n" END_FACTS},
    {"half a line after the dot", "V8\n" END "x", QF_TRAILING, 5,
     "V=8\n" END_FACTS},
    {"a second dot", "V8\n" END ".\n", QF_TRAILING, 5, "V=8\n" END_FACTS},
    {"the first offence decides", "V8\nNx\n\nVx\n", QF_BAD_NUMBER, 2,
     "V=8\nN=0\n"},
    {"of two lines the later counts", "V8\nN1\nN2\nSa\n" END, QF_OK, 7,
     "V=8\nN=2\n" END_FACTS},
};

static void assert_facts(const char *title, const struct qf *qf,
                         enum qf_outcome outcome, const struct qf_case *want)
{
    char *facts = facts_of(qf);

    if (outcome != want->outcome || qf->line != want->line)
        fail_msg("%s: got %s, line %u; want %s, line %u", title,
                 qf_outcome_text(outcome), qf->line,
                 qf_outcome_text(want->outcome), want->line);
    if (strcmp(facts, want->facts) != 0)
        fail_msg("%s: got\n%s\nwant\n%s", title, facts, want->facts);
    free(facts);
}

static void check_slice(struct slice part, struct slice whole)
{
    if (!slice_is_absent(part))
        assert_true(part.ptr >= whole.ptr &&
                    part.ptr + part.len <= whole.ptr + whole.len);
}

/* Of a file that is right as a whole, only the whole is right: what a reader
 * sees of one that is being written is never taken for a message. */
static void check_cut_of_right_file(struct slice cut, void *context)
{
    const struct slice *whole = context;
    struct qf qf;
    enum qf_outcome outcome;

    qf_init(&qf);
    outcome = qf_parse(&qf, cut);
    if (cut.len == 0)
        assert_int_equal(outcome, QF_EMPTY);
    else if (cut.ptr[cut.len - 1] == '.' && cut.len + 2 >= whole->len)
        assert_int_equal(outcome, QF_OK); /* the newline alone is missing */
    else if (cut.len < whole->len)
        assert_int_equal(outcome, QF_TRUNCATED);
    check_slice(qf.sender, cut);
    check_slice(qf.flags, cut);
    if (qf.recipient_count > 0)
        check_slice(qf.recipients[qf.recipient_count - 1].address, cut);
    if (qf.header_count > 0)
        check_slice(qf.headers[qf.header_count - 1].value, cut);
    qf_free(&qf);
}

/* Such a file is right up to its dot at most. */
static void check_cut_of_wrong_file(struct slice cut, void *context)
{
    struct qf qf;

    (void)context;
    qf_init(&qf);
    if (qf_parse(&qf, cut) == QF_OK) {
        if (cut.ptr[cut.len - 1] == '\n')
            cut.len--;
        assert_true(cut.len > 1 && cut.ptr[cut.len - 1] == '.' &&
                    cut.ptr[cut.len - 2] == '\n');
    }
    qf_free(&qf);
}

/* All cases through one struct, as a worker does it. */
static void run_cases(const struct qf_case *cases, size_t count)
{
    struct guard guard;
    struct qf qf;

    qf_init(&qf);
    guard_open(&guard, 4096);
    for (size_t i = 0; i < count; i++) {
        struct slice text = slice_from_string(cases[i].text);

        assert_facts(cases[i].title, &qf,
                     qf_parse(&qf, guard_text(&guard, text)), &cases[i]);
        if (cases[i].outcome == QF_OK)
            guard_cut_everywhere(text, check_cut_of_right_file, &text);
        else
            guard_cut_everywhere(text, check_cut_of_wrong_file, NULL);
    }
    guard_close(&guard);
    qf_free(&qf);
}

#define RUN(cases) run_cases(cases, sizeof(cases) / sizeof((cases)[0]))

static void every_code_is_read_as_readqf_reads_it(void **state)
{
    (void)state;
    RUN(line_cases);
}

static void headers_are_split_and_kept_as_stored(void **state)
{
    (void)state;
    RUN(header_cases);
}

static void lines_before_a_recipient_belong_to_it(void **state)
{
    (void)state;
    RUN(group_cases);
}

static void endings_decide_complete_from_damaged(void **state)
{
    (void)state;
    RUN(ending_cases);
}

/* ---- bytes no string literal can hold ---- */

static enum qf_outcome parse_everywhere(struct qf *qf, struct slice text)
{
    guard_cut_everywhere(text, check_cut_of_wrong_file, NULL);
    return qf_parse(qf, text);
}

static void a_nul_in_the_envelope_is_an_offence_in_a_header_not(void **state)
{
    static const char in_sender[] = "V8\nS<a\0b>\nRP:a@example.org\n.\n";
    static const char in_fold[] = "V8\nS<>\nRP:a@example.org\n b\0\n.\n";
    static const char in_header[] =
        "V8\nS<>\nRP:a@example.org\nH??X: a\0b\n.\n";
    static const char in_name[] = "V8\nS<>\nRP:a@example.org\nH??X\0: b\n.\n";
    static const char at_end[] = "V8\nS<>\nRP:a@example.org\n\0\0\0\0";
    struct qf qf;

    (void)state;
    qf_init(&qf);
    assert_int_equal(parse_everywhere(&qf, SLICE_LITERAL(in_sender)), QF_NUL);
    assert_int_equal(qf.line, 2);
    assert_true(slice_is_absent(qf.sender));
    assert_int_equal(parse_everywhere(&qf, SLICE_LITERAL(in_fold)), QF_NUL);
    assert_int_equal(qf.line, 3);
    assert_int_equal(parse_everywhere(&qf, SLICE_LITERAL(in_header)), QF_OK);
    assert_int_equal(qf.headers[0].value.len, 3);
    assert_int_equal(parse_everywhere(&qf, SLICE_LITERAL(in_name)), QF_OK);
    assert_int_equal(qf.header_count, 0);
    assert_int_equal(parse_everywhere(&qf, SLICE_LITERAL(at_end)), QF_NUL);
    assert_int_equal(qf.line, 4);
    qf_free(&qf);
}

/* ---- real files ---- */

static const struct file_case {
    const char *name;
    enum qf_outcome outcome;
    unsigned line;
    int64_t version, created, last_attempt, tries;
    const char *flags, *sender, *status;
    size_t recipients, own_status, headers, macros;
} file_cases[] = {
    {"8bitmime", QF_OK, 27, 8, 1795375195, 1795375195, 1, "8bs",
     "<carol@north-young7.example>",
     "Deferred: Connection refused by mail.example.com.", 1, 0, 8, 5},
    {"auth", QF_OK, 27, 8, 1795375206, 1795375206, 1, "bs",
     "<carol@north-young7.example>",
     "Deferred: Connection refused by mail.example.com.", 1, 0, 8, 5},
    {"autoreply", QF_OK, 28, 8, 1795375211, 1795375211, 1, "bns", "<>",
     "Deferred: Connection refused by [198.51.100.59]", 1, 0, 10, 5},
    {"client-forged", QF_OK, 29, 8, 1795375193, 1795375194, 1, "bs",
     "<willn@[198.51.100.47]>",
     "Deferred: Connection refused by mail.example.com.", 1, 0, 11, 5},
    {"empty", QF_EMPTY, 0, 0, 0, 0, 0, NULL, NULL, NULL, 0, 0, 0, 0},
    {"folded-header", QF_OK, 88, 8, 1795375196, 1795375196, 1, "bs",
     "<carol@north-young7.example>",
     "Deferred: Connection refused by mail.example.com.", 1, 0, 10, 5},
    {"foreign-bounce", QF_OK, 30, 8, 1795375192, 1795375192, 1, "bs", "<>",
     "Deferred: Connection refused by mail.example.com.", 1, 0, 11, 5},
    {"header-like-qf-lines", QF_OK, 30, 8, 1795375198, 1795375198, 1, "s",
     "<carol@north-young7.example>",
     "Deferred: Connection refused by mail.example.com.", 1, 0, 8, 5},
    {"latin1-header", QF_OK, 26, 8, 1795375195, 1795375195, 1, "8bs",
     "<carol@north-young7.example>",
     "Deferred: Connection refused by mail.example.com.", 1, 0, 8, 5},
    {"list-partial", QF_OK, 43, 8, 1795342840, 1795375518, 56, "bns",
     "<owner-list@example.com>",
     "host map: lookup (broken-dns.example): deferred", 7, 2, 10, 5},
    {"long-header", QF_OK, 26, 8, 1795375196, 1795375196, 1, "s",
     "<carol@north-young7.example>",
     "Deferred: Connection refused by mail.example.com.", 1, 0, 8, 5},
    {"lost-bad-line", QF_BAD_LINE, 4, 8, 1795375193, 1795375193, 0, NULL, NULL,
     NULL, 0, 0, 0, 0},
    {"no-final-dot", QF_TRUNCATED, 30, 8, 1795081301, 1795371040, 9, "rs",
     "MAILER-DAEMON", "Deferred: Connection refused by mail.quickloan.example.",
     1, 0, 11, 5},
    {"no-header", QF_OK, 24, 8, 1795375196, 1795375197, 1, "s",
     "<carol@north-young7.example>",
     "Deferred: Connection refused by mail.example.com.", 1, 0, 6, 5},
    {"notify-never", QF_OK, 26, 8, 1795375205, 1795375205, 1, "bs",
     "<carol@north-young7.example>",
     "Deferred: Connection refused by mail.example.com.", 1, 0, 8, 5},
    {"orcpt-notify-envid", QF_OK, 28, 8, 1795375205, 1795375205, 1, "bds",
     "<carol@north-young7.example>",
     "Deferred: Connection refused by mail.example.com.", 1, 0, 8, 5},
    {"outbound", QF_OK, 27, 8, 1795081336, 1795371037, 9, "wbs",
     "<support@example.com>",
     "Deferred: Connection refused by mail.alpha-miller2.example.", 1, 0, 8, 5},
    {"own-bounce-expired", QF_OK, 31, 8, 1795277998, 1795371055, 7, "rs",
     "MAILER-DAEMON",
     "Deferred: Connection refused by mail.first-moore5.example.", 1, 0, 11, 5},
    {"own-bounce-fresh", QF_OK, 31, 8, 1795374971, 1795374971, 1, "rs",
     "MAILER-DAEMON",
     "Deferred: Connection refused by mail.first-moore5.example.", 1, 0, 11, 5},
    {"own-bounce-ipv6", QF_OK, 31, 8, 1794977564, 1795375519, 21, "rs",
     "MAILER-DAEMON",
     "Deferred: cust-2001-db8-bad-310.dyn.bigcable.example.: Network is "
     "unreachable",
     1, 0, 11, 5},
    {"own-bounce-lookup", QF_OK, 31, 8, 1794977563, 1795371058, 10, "rns",
     "MAILER-DAEMON", "host map: lookup (lame-delegation.example): deferred", 1,
     0, 11, 5},
    {"own-bounce-refused", QF_OK, 31, 8, 1794977563, 1795371039, 10, "rs",
     "MAILER-DAEMON", "Deferred: Connection refused by [203.0.113.23]", 1, 0,
     11, 5},
    {"own-bounce-reset", QF_OK, 31, 8, 1794977573, 1795371020, 10, "rs",
     "MAILER-DAEMON", "reply: read error from mx.reset.example.", 1, 0, 11, 5},
    {"own-double-bounce", QF_OK, 31, 8, 1794977570, 1795375517, 35, "rs",
     "MAILER-DAEMON", "Deferred: Connection refused by mx.noc-offline.example.",
     1, 0, 11, 5},
    {"own-receipt", QF_OK, 31, 8, 1794977570, 1795371024, 10, "rns",
     "MAILER-DAEMON",
     "Deferred: Connection refused by mail.city-wright3.example.", 1, 0, 11, 5},
    {"own-relayed-receipt", QF_OK, 31, 8, 1794977571, 1795371024, 10, "rns",
     "MAILER-DAEMON",
     "Deferred: Connection refused by mail.first-moore5.example.", 1, 0, 11, 5},
    {"own-warning", QF_OK, 31, 8, 1794977583, 1795371047, 9, "rs",
     "MAILER-DAEMON", "Deferred: Connection refused by [198.51.100.198]", 1, 0,
     11, 5},
    {"quarantined-by-admin", QF_OK, 32, 8, 1795081296, 1795371055, 9, "rns",
     "MAILER-DAEMON", "Deferred: Connection refused by nowhere-mail.example.",
     1, 0, 11, 5},
    {"quarantined-by-milter", QF_OK, 26, 8, 1795375214, 1795375214, 0, "bs",
     "<q@north-young7.example>", NULL, 1, 0, 8, 5},
    {"queue-group", QF_OK, 31, 8, 1795372511, 1795372518, 3, "rs",
     "MAILER-DAEMON", "Deferred: Connection refused by mx3.deadhosts.example.",
     1, 0, 11, 5},
    {"recipient-with-brackets", QF_OK, 26, 8, 1795375203, 1795375203, 1, "bs",
     "<carol@north-young7.example>",
     "Deferred: Connection refused by mail.example.com.", 1, 0, 8, 5},
    {"recipient-with-colon", QF_OK, 26, 8, 1795375204, 1795375204, 1, "bs",
     "<carol@north-young7.example>",
     "Deferred: Connection refused by mail.example.com.", 1, 0, 8, 5},
    {"recipients-40", QF_OK, 103, 8, 1795375206, 0, 0, "bs",
     "<carol@north-young7.example>", NULL, 40, 0, 8, 5},
    {"source-route", QF_OK, 26, 8, 1795375209, 1795375209, 1, "bs",
     "<@hop1,@hop2:a@north-young7.example>",
     "Deferred: Connection refused by mail.example.com.", 1, 0, 8, 5},
    {"submission", QF_OK, 26, 8, 1795375215, 1795375215, 2, "bs", "smmsp",
     "Deferred: Connection refused by [127.0.0.1]", 1, 0, 8, 2},
    {"submission-user-root", QF_OK, 26, 8, 1795375215, 1795375215, 2, "bs",
     "smmsp", "Deferred: Connection refused by [127.0.0.1]", 1, 0, 8, 2},
    {"truncated", QF_TRUNCATED, 17, 8, 1795081297, 1795375518, 19, "rs",
     "MAILER-DAEMON",
     "Deferred: Connection refused by host198-51-100-73.dyn.bigcable.example.",
     1, 0, 0, 5},
    {"truncated-before-recipient", QF_TRUNCATED, 15, 8, 1795358726, 1795371048,
     5, "rs", "MAILER-DAEMON",
     "Deferred: Connection refused by "
     "cust-198-51-100-47.pool.cheapdsl.example.",
     0, 0, 0, 5},
    {"utf8-sender", QF_OK, 26, 8, 1795375195, 1795375195, 1, "bs",
     "<j\303\274rgen@north-young7.example>",
     "Deferred: Connection refused by mail.example.com.", 1, 0, 8, 5},
};

static char *load(const char *name, size_t *len_r)
{
    char path[256];
    FILE *file;
    char *text = malloc(1 << 16);

    snprintf(path, sizeof(path), "tests/fixtures/qf/%s", name);
    file = fopen(path, "rb");
    if (file == NULL || text == NULL)
        fail_msg("%s: cannot be read (tests run at the top of the tree)", path);
    *len_r = fread(text, 1, 1 << 16, file);
    fclose(file);
    return text;
}

static void assert_file(const struct qf *qf, enum qf_outcome outcome,
                        const struct file_case *want)
{
    size_t own_status = 0;

    if (outcome != want->outcome || qf->line != want->line)
        fail_msg("%s: %s, line %u", want->name, qf_outcome_text(outcome),
                 qf->line);
    if (qf->version != want->version || qf->created != want->created ||
        qf->last_attempt != want->last_attempt || qf->tries != want->tries)
        fail_msg("%s: a number differs", want->name);
    assert_slice_is(qf->flags, want->flags, want->name);
    assert_slice_is(qf->sender, want->sender, want->name);
    assert_slice_is(qf->status, want->status, want->name);
    for (size_t i = 0; i < qf->recipient_count; i++)
        own_status += !slice_is_absent(qf->recipients[i].status);
    if (qf->recipient_count != want->recipients ||
        own_status != want->own_status || qf->header_count != want->headers ||
        qf->macro_count != want->macros)
        fail_msg("%s: %zu recipients, %zu with status, %zu headers, %zu macros",
                 want->name, qf->recipient_count, own_status, qf->header_count,
                 qf->macro_count);
}

static void real_files_give_their_facts(void **state)
{
    struct guard guard;
    struct qf qf;

    (void)state;
    qf_init(&qf);
    guard_open(&guard, 1 << 16);
    for (size_t i = 0; i < sizeof(file_cases) / sizeof(file_cases[0]); i++) {
        size_t len;
        char *bytes = load(file_cases[i].name, &len);
        struct slice text = slice_make(bytes, len);

        assert_file(&qf, qf_parse(&qf, guard_text(&guard, text)),
                    &file_cases[i]);
        if (file_cases[i].outcome == QF_OK)
            guard_cut_everywhere(text, check_cut_of_right_file, &text);
        free(bytes);
    }
    guard_close(&guard);
    qf_free(&qf);
}

/* ---- each version of the file, every fact ---- */

static const struct qf_case version_cases[] = {

    {"made-v0", NULL, QF_OK, 17,
     "T=786549600\nP=128417\n"
     "M=Deferred: Connection refused by mail.example.net.\nF=w\n"
     "S=ann@example.org\n"
     "R=bob@example.net\nR=\"Carol: sales\"@example.net\n"
     "H=return-path\n flags=P\n value=<ann@example.org>\n"
     "H=Received\n value=by relay.example.org (8.6.12/8.6.12)\n"
     "\tid KAA01234; Sun, 4 Dec 1994 10:00:00 GMT\n"
     "H=Date\n value=Sun, 4 Dec 1994 10:00:00 GMT\n"
     "H=Message-Id\n flags=M\n"
     " value=<199412041000.KAA01234@relay.example.org>\n"
     "H=From\n value=ann@example.org\nH=To\n value=bob@example.net\n"
     "H=Subject\n value=meeting\n"},
    {"made-v2", NULL, QF_OK, 28,
     "V=2\nT=862401600\nK=862405200\nN=2\nP=90417\nI=3/1/20123\n"
     "B=8BITMIME\nM=Deferred: Connection timed out with mail.example.net.\n"
     "F=8\nS=<ann@example.org>\nZ=QQ314159\n"
     "$r=ESMTP\n$s=mail.example.org\n$_=mail.example.org [192.0.2.10]\n"
     "R=<bob@example.net>\n flags=PFD\n"
     " C=list:100:10:/var/mail/lists/members\n"
     "R=<carol@example.net>\n flags=PSFD\n Q=rfc822;carol+40example.net\n"
     "H=Return-Path\n flags=P\n value=<ann@example.org>\n"
     "H=Received\n"
     " value=from mail.example.org (mail.example.org [192.0.2.10])\n"
     "\tby relay.example.org (8.8.5/8.8.5) with ESMTP id KAA20123\n"
     "\tfor <bob@example.net>; Wed, 30 Apr 1997 10:00:00 GMT\n"
     "H=Date\n flags=D\n value=Wed, 30 Apr 1997 10:00:00 GMT\n"
     "H=From\n value=Ann <ann@example.org>\nH=To\n value=bob@example.net\n"
     "H=Subject\n value=minutes\n"},
    {"made-v4", NULL, QF_OK, 24,
     "V=4\nT=953395200\nK=953398800\nN=3\nP=120417\nI=3/1/30123\n"
     "M=Deferred: mail.example.net.: No route to host\nF=w\n"
     "S=<ann@example.org>\nA=<>\n"
     "$_=mail.example.org [192.0.2.10]\n$r=ESMTP\n$s=mail.example.org\n"
     "${daemon_flags}=\nR=<bob@example.net>\n flags=PFD\n"
     "H=Return-Path\n flags=P\n value=<g>\n"
     "H=Received\n flags=\n"
     " value=from mail.example.org (mail.example.org [192.0.2.10])\n"
     "\tby relay.example.org (8.10.0/8.10.0) with ESMTP id e2IG00x30123\n"
     "\tfor <bob@example.net>; Sat, 18 Mar 2000 16:00:00 GMT\n"
     "H=Date\n flags=D\n value=Sat, 18 Mar 2000 16:00:00 GMT\n"
     "H=From\n flags=\n value=Ann <ann@example.org>\n"
     "H=To\n flags=\n value=bob@example.net\n"
     "H=Subject\n flags=\n value=minutes\n"},
    {"made-v5", NULL, QF_OK, 25,
     "V=5\nT=999842400\nK=999846000\nN=3\nP=120417\nI=3/1/30123\n"
     "M=Deferred: mail.example.net.: No route to host\nF=w\n"
     "S=<ann@example.org>\nA=ann@example.org\n"
     "$_=mail.example.org [192.0.2.10]\n$r=ESMTP\n$s=mail.example.org\n"
     "${daemon_flags}=\nR=<bob@example.net>\n flags=PFD\n"
     "H=Return-Path\n flags=P\n value=<g>\n"
     "H=Received\n flags=\n"
     " value=from mail.example.org (mail.example.org [192.0.2.10])\n"
     "\tby relay.example.org (8.11.6/8.11.6) with ESMTP id f8767xx30123\n"
     "\tfor <bob@example.net>; Fri, 7 Sep 2001 06:00:00 GMT\n"
     "H=Date\n flags=D\n value=Fri, 7 Sep 2001 06:00:00 GMT\n"
     "H=From\n flags=\n value=Ann <ann@example.org>\n"
     "H=To\n flags=\n value=bob@example.net\n"
     "H=Subject\n flags=\n value=minutes\n"},

    {"made-v6", NULL, QF_OK, 39,
     "V=6\nT=1031400000\nK=1031403600\nN=4\nP=150417\n!=3600\nd=grp/g2\n"
     "I=3/1/40123\n"
     "M=Deferred: 452 4.2.2 <carol@example.net>: mailbox full\nF=s\n"
     "S=<ann@example.org>\nZ=env+20id\nA=ann@example.org\n"
     "$_=ann@mail.example.org [IPv6:2001:db8::25]\n$r=ESMTP\n"
     "$s=mail.example.org\n${daemon_flags}=c u\n${if_addr}=192.0.2.25\n"
     "R=<bob@example.net>\n flags=PFD\n r=RFC822; bob@example.net\n"
     "R=<carol@example.net>\n flags=PNSFD\n"
     " M=Deferred: 452 4.2.2 <carol@example.net>: mailbox full\n"
     " Q=rfc822;carol+40example.net\n r=RFC822; carol@example.net\n"
     "R=dave@example.net\n flags=FDA\n C=list:1:0:<list@example.org>\n"
     " r=RFC822; list@example.org\n"
     "R=erin@example.net\n flags=FDA\n C=list:1:0:<list@example.org>\n"
     "H=Return-Path\n flags=P\n value=<\201g>\n"
     "H=Received\n flags=\n value=from mail.example.org "
     "(IDENT:ann@mail.example.org [IPv6:2001:db8::25])\n"
     "\tby relay.example.org (8.12.6/8.12.6) with ESMTP id g87C002340123\n"
     "\tfor <bob@example.net>; Sat, 7 Sep 2002 12:00:00 GMT\n"
     "H=Date\n flags=D\n value=Sat, 7 Sep 2002 12:00:00 GMT\n"
     "H=From\n flags=\n value=Ann <ann@example.org>\n"
     "H=To\n flags=\n value=bob@example.net\n"
     "H=Full-Name\n flags=$x\n value=Ann\n"
     "H=X-Mac\n flags=${mac}\n value=yes\n"
     "H=Subject\n flags=\n value=minutes\n"},
    {"made-v8", NULL, QF_OK, 40,
     "V=8\nT=1795369945\nK=1795369946\nN=1\nP=-90232\n!=-7200\n"
     "d=slow/slow1\nI=254/0/10952790\nB=7bit\n"
     "q=held: looks like a campaign\n"
     "M=Deferred: Connection refused by [127.0.0.2]\nF=bs\n"
     "S=joe@src.test\nZ=env+20id\nA=<>\n"
     "$_=root@localhost\n$r=\n${daemon_flags}=c u\n${if_addr}=\n"
     "R=|/usr/bin/filter: -f x:y\n flags=PFD\n"
     " C=joe:1000:1000:|/usr/bin/filter: -f x:y\n"
     " r=RFC822; bob@zombie.test\n"
     "R=\"grey, x: y\" <grey@fake.test>\n flags=PN\n"
     " M=Deferred: 450 4.7.1 <grey>: Greylisted, try again in 300 seconds\n"
     " C=:root\n Q=rfc822;grey+2Bx@fake.test\n r=RFC822; grey@fake.test\n"
     "R=/var/mail/archive\n flags=FDAB\n"
     "H=Return-Path\n flags=P\n value=<\201g>\n"
     "H=Received\n flags=\n value=(from root@localhost)\n"
     "\tby mx.qscan.test (8.17.1.9/8.17.1.9) id 6AMHqPLN023699;\n"
     "\tSun, 22 Nov 2026 17:52:25 GMT\n"
     "H=Subject\n flags=\n value=no blank here\n"
     "H=X-Quote\n flags=\n value=it\342\377\200\377\231s\n"
     "H=X-Empty\n flags=\n value=\nH=X-Folded\n flags=\n value=below\n"
     "H=X-Plain\n value=no question marks\n"},

};

static void files_of_all_versions_give_all_their_facts(void **state)
{
    struct qf qf;

    (void)state;
    qf_init(&qf);
    for (size_t i = 0; i < sizeof(version_cases) / sizeof(version_cases[0]);
         i++) {
        size_t len;
        char *bytes = load(version_cases[i].title, &len);
        struct slice text = slice_make(bytes, len);

        assert_facts(version_cases[i].title, &qf, qf_parse(&qf, text),
                     &version_cases[i]);
        guard_cut_everywhere(text, check_cut_of_right_file, &text);
        free(bytes);
    }
    qf_free(&qf);
}

/* ---- much of one thing ---- */

/* head, then unit repeated count times, then tail; the caller frees it. */
static struct slice repeat(const char *head, const char *unit, size_t count,
                           const char *tail)
{
    size_t head_bytes = strlen(head), unit_bytes = strlen(unit);
    size_t tail_bytes = strlen(tail);
    size_t len = head_bytes + unit_bytes * count + tail_bytes;
    char *text = malloc(len);

    assert_non_null(text);
    memcpy(text, head, head_bytes);
    for (size_t i = 0; i < count; i++)
        memcpy(text + head_bytes + i * unit_bytes, unit, unit_bytes);
    memcpy(text + len - tail_bytes, tail, tail_bytes);
    return slice_make(text, len);
}

static const struct much_case {
    const char *title;
    const char *head, *unit;
    size_t count;
    const char *tail;
    enum qf_outcome outcome;
    size_t recipients, headers, macros;
} much_cases[] = {
    {"as many recipients as allowed", "V8\nS<>\n", "RP:a@example.org\n",
     QF_RECIPIENTS_MAX, ".\n", QF_OK, QF_RECIPIENTS_MAX, 0, 0},
    {"one recipient too many", "V8\nS<>\n", "RP:a@example.org\n",
     QF_RECIPIENTS_MAX + 1, ".\n", QF_TOO_MANY, QF_RECIPIENTS_MAX, 0, 0},
    {"as many headers as allowed", HEADERS, "H??X: y\n", QF_HEADERS_MAX, ".\n",
     QF_OK, 1, QF_HEADERS_MAX, 0},
    {"one header too many", HEADERS, "H??X: y\n", QF_HEADERS_MAX + 1, ".\n",
     QF_TOO_MANY, 1, QF_HEADERS_MAX, 0},
    {"macros beyond the room are dropped", HEADERS, "$rESMTP\n",
     QF_MACROS_MAX + 1, ".\n", QF_OK, 1, 0, QF_MACROS_MAX},
    /* quadratic work on any of these would take minutes */
    {"a header line of 10 MB", HEADERS "H??X: ", "0123456789", 1000000, "\n.\n",
     QF_OK, 1, 1, 0},
    {"a header of a million folds", HEADERS "H??X: y\n", "\tfold\n", 1000000,
     ".\n", QF_OK, 1, 1, 0},
    {"a header name of 10 MB", HEADERS "H??", "0123456789", 1000000, "\n.\n",
     QF_OK, 1, 0, 0},
    {"a header of blanks", HEADERS "H??X:", "          ", 1000000, "y\n.\n",
     QF_OK, 1, 1, 0},
    {"question marks", HEADERS "H", "??????????", 1000000, "\n.\n", QF_OK, 1, 0,
     0},
    {"a million lines of status", "V8\n", "Mwhy\n", 1000000,
     "S<>\nRP:a@example.org\n.\n", QF_OK, 1, 0, 0},
    {"a million lines of C", "V8\nS<>\n", "C:a\n", 1000000,
     "RP:a@example.org\n.\n", QF_OK, 1, 0, 0},
    {"a million lines that are no headers", HEADERS, "Hx\n", 1000000, ".\n",
     QF_OK, 1, 0, 0},
    {"no newline at all", "V8\nS", "0123456789", 1000000, "", QF_TRUNCATED, 0,
     0, 0},
    {"newlines", "", "\n", 10000000, "", QF_BAD_LINE, 0, 0, 0},
    {"blanks", "", "          ", 1000000, "", QF_TRUNCATED, 0, 0, 0},
};

static void much_of_one_thing_is_an_outcome(void **state)
{
    struct qf qf;

    (void)state;
    qf_init(&qf);
    for (size_t i = 0; i < sizeof(much_cases) / sizeof(much_cases[0]); i++) {
        const struct much_case *want = &much_cases[i];
        struct slice text =
            repeat(want->head, want->unit, want->count, want->tail);
        enum qf_outcome outcome = qf_parse(&qf, text);

        if (outcome != want->outcome ||
            qf.recipient_count != want->recipients ||
            qf.header_count != want->headers || qf.macro_count != want->macros)
            fail_msg("%s: %s, %zu recipients, %zu headers, %zu macros",
                     want->title, qf_outcome_text(outcome), qf.recipient_count,
                     qf.header_count, qf.macro_count);
        free((void *)(uintptr_t)text.ptr);
    }
    qf_free(&qf);
}

static void all_nuls_are_an_outcome(void **state)
{
    size_t len = 10000000;
    char *text = calloc(len, 1);
    struct qf qf;

    (void)state;
    assert_non_null(text);
    qf_init(&qf);
    assert_int_equal(qf_parse(&qf, slice_make(text, len)), QF_NUL);
    free(text);
    qf_free(&qf);
}

/* ---- one struct, many files ---- */

static void nothing_of_one_file_shows_in_the_next(void **state)
{
    struct slice full = SLICE_LITERAL(
        "V8\nT1\nK2\nN3\nP4\ndx\nIx\nB7BIT\nqx\nMx\nFr\n$rx\nSx\nZx\nAx\n"
        "!\001 9\nC:x\nMx\nQx\nrx\nRP:x@example.org\nH??X: y\n.\n");
    struct slice bare = SLICE_LITERAL("S<>\nRb@example.org\n.\n");
    struct qf_case want = {"second", NULL, QF_OK, 3, "S=<>\nR=b@example.org\n"};
    struct qf qf;
    struct qf_recipient *recipients;

    (void)state;
    qf_init(&qf);
    assert_int_equal(qf_parse(&qf, full), QF_OK);
    recipients = qf.recipients;
    assert_facts("after a full file", &qf, qf_parse(&qf, bare), &want);
    assert_ptr_equal(qf.recipients, recipients);
    assert_false(qf_has_flag(&qf, 'r'));
    assert_int_equal(qf_parse(&qf, SLICE_LITERAL("")), QF_EMPTY);
    assert_int_equal(qf.recipient_count, 0);
    assert_true(slice_is_absent(qf.sender));
    qf_free(&qf);
    assert_null(qf.recipients);
}

static void flags_macros_and_headers_are_found_by_name(void **state)
{
    struct slice text = SLICE_LITERAL(
        "V8\nFwr\n$_[192.0.2.1]\n$r\n${if_addr}x\n$_localhost\nS<>\n"
        "RP:a@example.org\nH??To: a\nH??Received: one\nH??received: two\n.\n");
    const struct qf_header *header;
    size_t index = 0;
    struct qf qf;

    (void)state;
    qf_init(&qf);
    assert_int_equal(qf_parse(&qf, text), QF_OK);
    assert_true(qf_has_flag(&qf, 'w') && qf_has_flag(&qf, 'r'));
    assert_false(qf_has_flag(&qf, 'b') || qf_has_flag(&qf, '\n'));
    assert_slice_is(qf_macro_value(&qf, SLICE_LITERAL("_")), "localhost", "_");
    assert_slice_is(qf_macro_value(&qf, SLICE_LITERAL("r")), "", "r");
    assert_slice_is(qf_macro_value(&qf, SLICE_LITERAL("{if_addr}")), "x",
                    "name in braces");
    assert_slice_is(qf_macro_value(&qf, SLICE_LITERAL("s")), NULL, "s");
    header = qf_header_find(&qf, SLICE_LITERAL("RECEIVED"), &index);
    assert_slice_is(header->value, "one", "first");
    header = qf_header_find(&qf, SLICE_LITERAL("Received"), &index);
    assert_slice_is(header->value, "two", "second");
    assert_null(qf_header_find(&qf, SLICE_LITERAL("Received"), &index));
    index = 0;
    assert_null(qf_header_find(&qf, SLICE_LITERAL("Receive"), &index));
    qf_free(&qf);
}

static void every_line_number_is_that_of_the_first_line(void **state)
{
    struct slice text =
        SLICE_LITERAL("V8\nMx\n y\nS<>\n\tz\nRP:a@example.org\n b\n"
                      "RP:c@example.org\nH??X: 1\n 2\n 3\nH??Y: 4\n.\n");
    struct qf qf;

    (void)state;
    qf_init(&qf);
    assert_int_equal(qf_parse(&qf, text), QF_OK);
    assert_int_equal(qf.recipients[0].line, 6);
    assert_int_equal(qf.recipients[1].line, 8);
    assert_int_equal(qf.headers[0].line, 9);
    assert_int_equal(qf.headers[1].line, 12);
    assert_int_equal(qf.line, 13);
    qf_free(&qf);
}

static void every_outcome_has_words(void **state)
{
    (void)state;
    for (int i = QF_OK; i <= QF_NO_MEMORY; i++) {
        assert_string_not_equal(qf_outcome_text((enum qf_outcome)i), "");
        for (int k = QF_OK; k < i; k++)
            assert_string_not_equal(qf_outcome_text((enum qf_outcome)i),
                                    qf_outcome_text((enum qf_outcome)k));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_is_read_as_readqf_reads_it),
        cmocka_unit_test(headers_are_split_and_kept_as_stored),
        cmocka_unit_test(lines_before_a_recipient_belong_to_it),
        cmocka_unit_test(endings_decide_complete_from_damaged),
        cmocka_unit_test(a_nul_in_the_envelope_is_an_offence_in_a_header_not),
        cmocka_unit_test(real_files_give_their_facts),
        cmocka_unit_test(files_of_all_versions_give_all_their_facts),
        cmocka_unit_test(much_of_one_thing_is_an_outcome),
        cmocka_unit_test(all_nuls_are_an_outcome),
        cmocka_unit_test(nothing_of_one_file_shows_in_the_next),
        cmocka_unit_test(flags_macros_and_headers_are_found_by_name),
        cmocka_unit_test(every_line_number_is_that_of_the_first_line),
        cmocka_unit_test(every_outcome_has_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
