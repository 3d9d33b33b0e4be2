#include "qscan/complain.h"

#include <stdio.h>

#include "qscan/buffer.h"

void complaints_init(struct complaints *to, bool is_quiet)
{
    *to = (struct complaints){.is_quiet = is_quiet};
    pthread_mutex_init(&to->lock, NULL);
}

static void print(struct slice object, const char *what, const char *why,
                  const char *consequence)
{
    struct buffer line = {0};

    buffer_add_string(&line, "qscan: ");
    buffer_add_escaped(&line, object, 0);
    buffer_add_string(&line, ": ");
    buffer_add_escaped(&line, slice_from_string(what), 0);
    if (why != NULL) {
        buffer_add_string(&line, ": ");
        buffer_add_escaped(&line, slice_from_string(why), 0);
    }
    if (consequence != NULL) {
        buffer_add_string(&line, "; ");
        buffer_add_escaped(&line, slice_from_string(consequence), 0);
    }
    buffer_add_string(&line, "\n");
    fwrite(line.bytes, 1, line.len, stderr);
    buffer_free(&line);
}

void complain(struct complaints *to, struct slice object, const char *what,
              const char *why, const char *consequence)
{
    pthread_mutex_lock(&to->lock);
    if (to->count++ < COMPLAINTS_MAX)
        print(object, what, why, consequence);
    pthread_mutex_unlock(&to->lock);
}

void complain_warning(struct complaints *to, struct slice object,
                      const char *what, const char *why,
                      const char *consequence)
{
    if (to->is_quiet)
        return;
    pthread_mutex_lock(&to->lock);
    print(object, what, why, consequence);
    pthread_mutex_unlock(&to->lock);
}

void complaints_finish(struct complaints *to)
{
    if (to->count > COMPLAINTS_MAX)
        fprintf(stderr, "qscan: and %zu more failures not printed\n",
                to->count - COMPLAINTS_MAX);
}
