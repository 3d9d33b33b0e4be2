/*
 * Words of the Received fields that sendmail writes (cf: HReceived). Not for
 * others than dsn_own, dsn_path and filter, which read whole fields.
 */
#ifndef QSCAN_PARSERS_RECEIVED_H
#define QSCAN_PARSERS_RECEIVED_H

#include "parsers/header.h"
#include "parsers/slice.h"

/* Takes a word off *text; comments are passed over. Absent at the end. */
static inline struct slice received_next_word(struct slice *text)
{
    size_t len;

    *text = header_skip_comments(*text);
    if (text->len == 0)
        return (struct slice){NULL, 0};
    len = header_token_len(*text);
    if (len == 0)
        len = 1;
    *text = slice_skip(*text, len);
    return slice_make(text->ptr - len, len);
}

/* Behind the id: "(version=TLSv1.2 cipher=C bits=256 verify=OK)", the client
 * showed a certificate that we trust. */
static inline bool received_has_certificate(struct slice text)
{
    struct slice end = SLICE_LITERAL(" verify=OK)");

    text = slice_trim(text);
    if (!slice_starts(text, SLICE_LITERAL("(version=")))
        return false;
    text = slice_head(text, header_comment_len(text));
    return text.len > end.len &&
           slice_equal(slice_skip(text, text.len - end.len), end);
}

/* "(authenticated bits=0)" stands before "by", or in the words of another cf
 * "(user=ann mech=PLAIN bits=0)"; "with ESMTPA" (RFC 3848) behind it, where the
 * cf leaves the comment out. */
static inline bool received_is_logged_in(struct slice text,
                                         struct slice protocol)
{
    text = slice_trim(text);
    return slice_starts(text, SLICE_LITERAL("(authenticated")) ||
           slice_starts(text, SLICE_LITERAL("(user=")) ||
           (protocol.len > 0 && protocol.ptr[protocol.len - 1] == 'A');
}

#endif
