#include "qscan/complain.h"

#include <stdio.h>

#include "qscan/buffer.h"

void complaints_init(struct complaints *to, bool is_quiet)
{
    *to = (struct complaints){.is_quiet = is_quiet};
    pthread_mutex_init(&to->lock, NULL);
}

/* ": WHAT: WHY; CONSEQUENCE" */
static void add_reason(struct buffer *out, const char *what, const char *why,
                       const char *consequence)
{
    buffer_add_string(out, ": ");
    buffer_add_escaped(out, slice_from_string(what), 0);
    if (why != NULL) {
        buffer_add_string(out, ": ");
        buffer_add_escaped(out, slice_from_string(why), 0);
    }
    if (consequence != NULL) {
        buffer_add_string(out, "; ");
        buffer_add_escaped(out, slice_from_string(consequence), 0);
    }
}

static void print(struct slice object, const struct buffer *reason)
{
    struct buffer line = {0};

    buffer_add_string(&line, "qscan: ");
    buffer_add_escaped(&line, object, 0);
    buffer_add(&line, slice_make(reason->bytes, reason->len));
    buffer_add_string(&line, "\n");
    fwrite(line.bytes, 1, line.len, stderr);
    buffer_free(&line);
}

/* NULL: of no kind that could be remembered. */
static struct complaint_kind *kind_of(struct complaints *to,
                                      const struct buffer *reason)
{
    struct slice text = slice_make(reason->bytes, reason->len);
    struct complaint_kind *kind;

    for (size_t i = 0; i < to->kind_count; i++)
        if (slice_equal(slice_from_string(to->kinds[i].text), text))
            return &to->kinds[i];
    if (to->kind_count == COMPLAINT_KINDS || text.len == 0 ||
        text.len >= COMPLAINT_KIND_BYTES)
        return NULL;
    kind = &to->kinds[to->kind_count++];
    memcpy(kind->text, text.ptr, text.len);
    return kind;
}

static void complain_locked(struct complaints *to, struct slice object,
                            const struct buffer *reason)
{
    struct complaint_kind *kind = kind_of(to, reason);
    bool is_printed = to->printed_count < COMPLAINTS_MAX &&
                      (kind == NULL || kind->count < COMPLAINTS_ALIKE);

    to->count++;
    if (is_printed) {
        print(object, reason);
        to->printed_count++;
    } else if (kind == NULL) {
        to->other_count++;
    }
    if (kind != NULL) {
        kind->count++;
        kind->printed_count += is_printed;
    }
}

void complain(struct complaints *to, struct slice object, const char *what,
              const char *why, const char *consequence)
{
    struct buffer reason = {0};

    add_reason(&reason, what, why, consequence);
    pthread_mutex_lock(&to->lock);
    complain_locked(to, object, &reason);
    pthread_mutex_unlock(&to->lock);
    buffer_free(&reason);
}

void complain_warning(struct complaints *to, struct slice object,
                      const char *what, const char *why,
                      const char *consequence)
{
    struct buffer reason = {0};

    if (to->is_quiet)
        return;
    add_reason(&reason, what, why, consequence);
    pthread_mutex_lock(&to->lock);
    print(object, &reason);
    pthread_mutex_unlock(&to->lock);
    buffer_free(&reason);
}

void complaints_finish(struct complaints *to)
{
    for (size_t i = 0; i < to->kind_count; i++) {
        const struct complaint_kind *kind = &to->kinds[i];

        if (kind->count > kind->printed_count)
            fprintf(stderr, "qscan: and %zu more%s\n",
                    kind->count - kind->printed_count, kind->text);
    }
    if (to->other_count > 0)
        fprintf(stderr, "qscan: and %zu more failures not printed\n",
                to->other_count);
}
