#include "qscan/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* A file gets its name when it is whole. */
static const char *loss_of(const struct output *output)
{
    return output->temporary != NULL ? "nothing written"
                                     : "the rest is missing";
}

static void fail(struct output *output, int error, const char *consequence)
{
    /* A reader that has seen enough ("| head") is no failure worth words. */
    if (!output->has_failed && error != EPIPE)
        complain(output->complaints,
                 slice_from_string(output->path != NULL ? output->path
                                                        : "standard output"),
                 "cannot be written", strerror(error), consequence);
    output->has_failed = true;
}

bool output_open(struct output *output, const char *path,
                 struct complaints *complaints)
{
    struct stat st;
    int fd;

    *output = (struct output){.file = stdout, .complaints = complaints};
    if (path == NULL)
        return true;
    output->path = strdup(path);
    /* A device or a pipe cannot be renamed into place. */
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
        output->file = fopen(path, "we");
        if (output->file == NULL)
            fail(output, errno, "nothing written");
        return output->file != NULL;
    }
    if (asprintf(&output->temporary, "%s.XXXXXX", path) < 0) {
        output->temporary = NULL;
        return false;
    }
    fd = mkostemp(output->temporary, O_CLOEXEC);
    if (fd >= 0) {
        mode_t mask = umask(0);

        umask(mask);
        fchmod(fd, 0666 & ~mask);
        output->file = fdopen(fd, "w");
    }
    if (fd < 0 || output->file == NULL) {
        fail(output, errno, "nothing written");
        output->file = NULL;
        return false;
    }
    return true;
}

void output_write(struct output *output, struct buffer *buffer)
{
    if (buffer->has_failed)
        fail(output, ENOMEM, loss_of(output));
    else if (buffer->len > 0 &&
             fwrite(buffer->bytes, 1, buffer->len, output->file) != buffer->len)
        fail(output, errno, loss_of(output));
    buffer_clear(buffer);
}

static bool finish_file(struct output *output, bool is_good)
{
    int fd = fileno(output->file);

    if (fflush(output->file) != 0 ||
        (output->temporary != NULL && fsync(fd) < 0))
        fail(output, errno, loss_of(output));
    if (fclose(output->file) != 0)
        fail(output, errno, loss_of(output));
    if (output->temporary == NULL)
        return !output->has_failed;
    if (is_good && !output->has_failed &&
        rename(output->temporary, output->path) == 0)
        return true;
    if (is_good && !output->has_failed)
        fail(output, errno, "nothing written");
    unlink(output->temporary);
    return false;
}

bool output_close(struct output *output, bool is_good)
{
    bool is_done;

    if (output->file == NULL) {
        is_done = false;
    } else if (output->file == stdout) {
        if (fflush(stdout) != 0)
            fail(output, errno, loss_of(output));
        is_done = !output->has_failed;
    } else {
        is_done = finish_file(output, is_good);
    }
    free(output->path);
    free(output->temporary);
    output->path = output->temporary = NULL;
    output->file = NULL;
    return is_done;
}
