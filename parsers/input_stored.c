#include "parsers/input_stored.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void stored_open(struct stored *stored, int fd)
{
    struct stat st;
    off_t start;

    *stored = (struct stored){.fd = fd};
    stored->next = stored->head + STORED_BACK_BYTES;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        return; /* reading tells why */
    start = lseek(fd, 0, SEEK_CUR);
    if (start < 0)
        return;
    stored->is_regular = true;
    stored->start_bytes = (uint64_t)start;
    if (st.st_size > start)
        stored->size_bytes = (uint64_t)(st.st_size - start);
}

void stored_close(struct stored *stored)
{
    if (stored->fd >= 0)
        close(stored->fd);
    free(stored->buffer);
}

/* Somebody may have left standard input non-blocking. */
static void wait_for_more(int fd)
{
    struct pollfd wanted = {.fd = fd, .events = POLLIN};

    (void)poll(&wanted, 1, -1);
}

/* One read; 0 at the end, for whatever reason. */
static size_t read_some(struct stored *stored, void *to, size_t room)
{
    ssize_t n;

    if (stored->is_regular) {
        uint64_t left = stored->size_bytes - stored->read_bytes;

        room = left < room ? (size_t)left : room;
    }
    if (stored->is_over || room == 0)
        return 0;
    while ((n = read(stored->fd, to, room)) < 0 &&
           (errno == EINTR || errno == EAGAIN))
        if (errno == EAGAIN)
            wait_for_more(stored->fd);
    if (n <= 0) {
        stored->is_over = true;
        stored->error = n < 0 ? errno : 0;
        stored->was_cut = n == 0 && stored->is_regular;
        return 0;
    }
    stored->read_bytes += (uint64_t)n;
    return (size_t)n;
}

void stored_read_head(struct stored *stored, size_t count)
{
    uint8_t *head = stored->head + STORED_BACK_BYTES;

    while (stored->available_bytes < count) {
        size_t n = read_some(stored, head + stored->available_bytes,
                             count - stored->available_bytes);
        if (n == 0)
            break;
        stored->available_bytes += n;
    }
}

bool stored_make_buffer(struct stored *stored)
{
    stored->buffer = malloc(STORED_BACK_BYTES + STORED_BYTES);
    return stored->buffer != NULL;
}

bool stored_refill(struct stored *stored)
{
    uint8_t *start = stored->buffer + STORED_BACK_BYTES;

    memmove(stored->buffer, stored->next - STORED_BACK_BYTES,
            STORED_BACK_BYTES);
    stored->next = start;
    stored->available_bytes = read_some(stored, start, STORED_BYTES);
    return stored->available_bytes > 0;
}

int stored_next_byte(struct stored *stored)
{
    if (stored->available_bytes == 0 && !stored_refill(stored))
        return -1;
    stored->available_bytes--;
    return *stored->next++;
}

size_t stored_take(struct stored *stored, char *to, size_t room)
{
    size_t have =
        stored->available_bytes < room ? stored->available_bytes : room;

    memcpy(to, stored->next, have);
    stored->next += have;
    stored->available_bytes -= have;
    while (have < room) {
        size_t n = read_some(stored, to + have, room - have);
        if (n == 0)
            break;
        have += n;
    }
    return have;
}
