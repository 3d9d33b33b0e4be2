#include "qscan/closing.h"

#include <stdbool.h>
#include <sys/syscall.h>
#include <unistd.h>

/* False where the system has no such call: before Linux 5.9. */
static bool close_run(int first, int last)
{
#ifdef SYS_close_range
    return syscall(SYS_close_range, first, last, 0) == 0;
#else
    (void)first;
    (void)last;
    return false;
#endif
}

/* Only numbers of ours, each of them: others may lie between. */
static void close_numbers(const int *fds, unsigned count)
{
    if (count > 1 && close_run(fds[0], fds[count - 1]))
        return;
    for (unsigned i = 0; i < count; i++)
        close(fds[i]);
}

void closing_close(struct closing *closing)
{
    unsigned first = 0;

    for (unsigned i = 1; i <= closing->count; i++) {
        if (i < closing->count && closing->fds[i] == closing->fds[i - 1] + 1)
            continue;
        close_numbers(closing->fds + first, i - first);
        first = i;
    }
    closing->count = 0;
}

void closing_add(struct closing *closing, int fd)
{
    if (closing->count == CLOSING_MAX)
        closing_close(closing);
    closing->fds[closing->count++] = fd;
}
