/*
 * A library for LD_PRELOAD that makes one system call fail, or kills the
 * program right beside it.
 *
 *     QSCAN_FAULT=renameat2:5:EIO      the fifth renameat2 fails so
 *     QSCAN_FAULT=fsync:2:kill-before  dies instead of the second fsync
 *     QSCAN_FAULT=fsync:2:kill-after   dies right after it
 *     QSCAN_FAULT=fsync:2:term         gets a SIGTERM just before, and goes on
 *     QSCAN_FAULT=flock:1:stop         stops before it, until it gets a SIGCONT
 *     QSCAN_FAULT=flock:1:stop-die     and then dies instead of the ninth after
 *     QSCAN_FAULT=write:2:short        half of it is written, then ENOSPC
 *     QSCAN_FAULT_FD=7                 a byte is written there when it struck
 *
 * Calls are counted over all threads. Of fcntl only F_OFD_SETLK counts, of
 * openat only what creates, of write only what appends to a regular file.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum what {
    NOTHING,
    FAIL,
    KILL_BEFORE,
    KILL_AFTER,
    SHORT,
    TERM,
    STOP,
    STOP_DIE
};

enum { DIES_AFTER = 9 };

static struct {
    char call[16];
    unsigned long nth;
    enum what what;
    int error;
    int tell_fd;
} fault;

static atomic_ulong calls_seen;

static int error_of(const char *name)
{
    static const struct {
        const char *name;
        int error;
    } errors[] = {{"ENOSPC", ENOSPC}, {"EIO", EIO}, {"EACCES", EACCES}};

    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
        if (strcmp(name, errors[i].name) == 0)
            return errors[i].error;
    fprintf(stderr, "fault: %s: no such fault\n", name);
    abort();
}

__attribute__((constructor)) static void read_environment(void)
{
    const char *spec = getenv("QSCAN_FAULT");
    const char *tell = getenv("QSCAN_FAULT_FD");
    char what[16];

    if (spec == NULL)
        return;
    if (sscanf(spec, "%15[a-z0-9]:%lu:%15s", fault.call, &fault.nth, what) !=
        3) {
        fprintf(stderr, "fault: %s: not CALL:N:WHAT\n", spec);
        abort();
    }
    fault.tell_fd = tell == NULL ? -1 : atoi(tell);
    if (strcmp(what, "kill-before") == 0)
        fault.what = KILL_BEFORE;
    else if (strcmp(what, "kill-after") == 0)
        fault.what = KILL_AFTER;
    else if (strcmp(what, "term") == 0)
        fault.what = TERM;
    else if (strcmp(what, "stop") == 0)
        fault.what = STOP;
    else if (strcmp(what, "stop-die") == 0)
        fault.what = STOP_DIE;
    else if (strcmp(what, "short") == 0)
        fault.what = SHORT;
    else {
        fault.what = FAIL;
        fault.error = error_of(what);
    }
}

/* The next function of that name; data and code pointers differ in C. */
#define REAL(name)                                                             \
    static __typeof__(name) *real_##name;                                      \
    if (real_##name == NULL)                                                   \
    *(void **)&real_##name = dlsym(RTLD_NEXT, #name)

static void die(void)
{
    kill(getpid(), SIGKILL);
    for (;;)
        pause();
}

/* What is to happen to this call; the dying begins here. */
static enum what strike(const char *call)
{
    char byte = '!';
    ssize_t told;

    if (fault.what == NOTHING || strcmp(call, fault.call) != 0 ||
        atomic_fetch_add(&calls_seen, 1) + 1 != fault.nth)
        return NOTHING;
    do
        told = fault.tell_fd < 0
                   ? 1
                   : pwrite(fault.tell_fd, &byte, sizeof(byte), 0);
    while (told < 0 && errno == EINTR);
    if (fault.what == KILL_BEFORE)
        die();
    if (fault.what == TERM || fault.what == STOP || fault.what == STOP_DIE) {
        kill(getpid(), fault.what == TERM ? SIGTERM : SIGSTOP);
        if (fault.what == STOP_DIE) {
            fault.nth += DIES_AFTER;
            fault.what = KILL_BEFORE;
        }
        return NOTHING;
    }
    errno = fault.error;
    return fault.what;
}

#define WRAP(name, call)                                                       \
    do {                                                                       \
        enum what what = strike(#name);                                        \
        int result;                                                            \
        if (what == FAIL)                                                      \
            return -1;                                                         \
        result = call;                                                         \
        if (what == KILL_AFTER)                                                \
            die();                                                             \
        return result;                                                         \
    } while (0)

int unlinkat(int directory, const char *name, int flags)
{
    REAL(unlinkat);
    WRAP(unlinkat, real_unlinkat(directory, name, flags));
}

int renameat2(int from, const char *old, int to, const char *new,
              unsigned flags)
{
    REAL(renameat2);
    WRAP(renameat2, real_renameat2(from, old, to, new, flags));
}

int fsync(int fd)
{
    REAL(fsync);
    WRAP(fsync, real_fsync(fd));
}

int fdatasync(int fd)
{
    REAL(fdatasync);
    WRAP(fdatasync, real_fdatasync(fd));
}

int flock(int fd, int operation)
{
    REAL(flock);
    WRAP(flock, real_flock(fd, operation));
}

int mkdirat(int directory, const char *name, mode_t mode)
{
    REAL(mkdirat);
    WRAP(mkdirat, real_mkdirat(directory, name, mode));
}

int fcntl(int fd, int command, ...)
{
    va_list more;
    void *argument;

    REAL(fcntl);
    va_start(more, command);
    argument = va_arg(more, void *);
    va_end(more);
    if (command != F_OFD_SETLK)
        return real_fcntl(fd, command, argument);
    WRAP(fcntl, real_fcntl(fd, command, argument));
}

int openat(int directory, const char *name, int flags, ...)
{
    va_list more;
    mode_t mode = 0;

    REAL(openat);
    if ((flags & O_CREAT) == 0)
        return real_openat(directory, name, flags);
    va_start(more, flags);
    mode = va_arg(more, mode_t);
    va_end(more);
    WRAP(openat, real_openat(directory, name, flags, mode));
}

static bool is_journal(int fd)
{
    struct stat st;
    int error = errno;
    int flags;

    REAL(fcntl);
    flags = real_fcntl(fd, F_GETFL);
    errno = error;
    return flags >= 0 && (flags & O_APPEND) != 0 && fd != STDERR_FILENO &&
           fd != STDOUT_FILENO && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

ssize_t write(int fd, const void *bytes, size_t len)
{
    enum what what = NOTHING;
    ssize_t written;

    REAL(write);
    if (is_journal(fd))
        what = strike("write");
    if (what == FAIL)
        return -1;
    if (what == SHORT) {
        /* the next write of the rest finds the disk full */
        fault.nth++;
        fault.what = FAIL;
        fault.error = ENOSPC;
        len /= 2;
    }
    written = real_write(fd, bytes, len);
    if (what == KILL_AFTER)
        die();
    return written;
}
