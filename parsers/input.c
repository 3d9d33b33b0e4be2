#include "parsers/input.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "parsers/input_window.h"

/* The maps of this thread, for the SIGBUS handler: a signal handler has no
 * other way to learn of them. */
static _Thread_local struct input *mapped;
static struct sigaction previous_action;

static struct input *input_holding(const char *fault)
{
    for (struct input *in = mapped; in != NULL; in = in->next_mapped)
        if (fault >= (char *)in->map && fault < (char *)in->map + in->map_bytes)
            return in;
    return NULL;
}

/* Whether the fault lies in a map of ours; whoever owns it will be told. */
static bool is_loss(const char *fault)
{
    struct input *in = input_holding(fault);

    if (in == NULL)
        return input_window_lose(fault);
    in->was_cut = true;
    return true;
}

static void replace_lost_page(int signal_number, siginfo_t *info, void *context)
{
    char *fault = info->si_addr;
    size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE);

    (void)context;
    if (is_loss(fault) &&
        mmap(fault - (uintptr_t)fault % page_bytes, page_bytes, PROT_READ,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED)
        return;
    /* Not ours: run into it again with the action that stood before. */
    sigaction(signal_number, &previous_action, NULL);
}

void input_setup(void)
{
    struct sigaction action = {0};

    action.sa_sigaction = replace_lost_page;
    action.sa_flags = SA_SIGINFO;
    sigemptyset(&action.sa_mask);
    sigaction(SIGBUS, &action, &previous_action);
}

void input_init(struct input *in)
{
    *in = (struct input){0};
}

static void unmap(struct input *in)
{
    if (in->map == NULL)
        return;
    for (struct input **link = &mapped; *link != NULL;
         link = &(*link)->next_mapped) {
        if (*link == in) {
            *link = in->next_mapped;
            break;
        }
    }
    munmap(in->map, in->map_bytes);
    in->map = NULL;
}

void input_free(struct input *in)
{
    unmap(in);
    free(in->buffer);
    input_init(in);
}

static enum input_outcome outcome_of_errno(struct input *in, int error)
{
    in->error = error;
    switch (error) {
    case ENOENT:
        return INPUT_GONE;
    case EACCES:
    case EPERM:
        return INPUT_DENIED;
    case ELOOP:
        return INPUT_LINK;
    case EISDIR:
    case ENXIO:  /* a socket */
    case ESPIPE: /* a FIFO */
        return INPUT_NOT_REGULAR;
    default:
        return INPUT_FAILED;
    }
}

int input_openat(int directory, const char *name, int flags)
{
    int fd = openat(directory, name, flags | O_NOATIME);

    return fd < 0 && errno == EPERM ? openat(directory, name, flags) : fd;
}

int input_open(struct input *in, int directory, const char *name,
               enum input_outcome *outcome_r)
{
    int fd =
        input_openat(directory, name,
                     O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);

    *outcome_r = fd >= 0 ? INPUT_OK : outcome_of_errno(in, errno);
    return fd;
}

/* Regular files only: there a short read means the end. */
static ssize_t read_up_to(int fd, char *buffer, size_t capacity_bytes)
{
    size_t have = 0;

    while (have < capacity_bytes) {
        ssize_t n =
            pread(fd, buffer + have, capacity_bytes - have, (off_t)have);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        have += (size_t)n;
        if (n == 0 || have < capacity_bytes)
            break;
    }
    return (ssize_t)have;
}

static enum input_outcome map_file(struct input *in, int fd, size_t size_bytes,
                                   struct slice *text_r)
{
    void *map = mmap(NULL, size_bytes, PROT_READ, MAP_PRIVATE, fd, 0);

    if (map == MAP_FAILED)
        return outcome_of_errno(in, errno);
    in->map = map;
    in->map_bytes = size_bytes;
    in->next_mapped = mapped;
    mapped = in;
    *text_r = slice_make(map, size_bytes);
    return INPUT_OK;
}

enum input_outcome input_read(struct input *in, int fd, struct stat *st,
                              struct slice *text_r)
{
    struct stat own;
    ssize_t n;

    unmap(in);
    in->was_cut = false;
    in->error = 0;
    if (in->buffer == NULL) {
        /* zeroed: a regex engine looks at whole words, beyond the last byte */
        in->buffer = calloc(1, INPUT_MAP_BYTES);
        if (in->buffer == NULL)
            return outcome_of_errno(in, ENOMEM);
        in->capacity_bytes = INPUT_MAP_BYTES;
    }
    if (st != NULL) {
        if (fstat(fd, st) < 0)
            return outcome_of_errno(in, errno);
        if (!S_ISREG(st->st_mode))
            return INPUT_NOT_REGULAR;
    }
    n = read_up_to(fd, in->buffer, in->capacity_bytes);
    if (n < 0)
        return outcome_of_errno(in, errno);
    *text_r = slice_make(in->buffer, (size_t)n);
    if ((size_t)n < in->capacity_bytes)
        return INPUT_OK;
    if (fstat(fd, &own) < 0)
        return outcome_of_errno(in, errno);
    if (!S_ISREG(own.st_mode))
        return INPUT_NOT_REGULAR;
    if (own.st_size > INPUT_MAX_BYTES)
        return INPUT_TOO_LARGE;
    if ((size_t)own.st_size <= in->capacity_bytes)
        return INPUT_OK;
    return map_file(in, fd, (size_t)own.st_size, text_r);
}

bool input_is_intact(const struct input *in)
{
    return !in->was_cut;
}

const char *input_outcome_text(enum input_outcome outcome)
{
    switch (outcome) {
    case INPUT_OK:
        return "read";
    case INPUT_GONE:
        return "gone";
    case INPUT_DENIED:
        return "Permission denied";
    case INPUT_LINK:
        return "a symbolic link";
    case INPUT_NOT_REGULAR:
        return "not a regular file";
    case INPUT_TOO_LARGE:
        return "larger than 1 GB";
    case INPUT_FAILED:
        return "cannot be read";
    }
    return "cannot be read";
}
