/*
 * What the live scene needs of its machine and cannot take for granted on a
 * bare one: the loopback interface of a new network namespace brought up
 * without ip(8), and a listener at /dev/log without a syslog daemon.
 *
 *     stage up NAME            bring the interface lo up, name the host
 *     stage log SOCKET FILE    append every syslog datagram to FILE as a line
 */
#include <errno.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { DATAGRAM_MAX_BYTES = 65536 };

static int fail(const char *object)
{
    fprintf(stderr, "stage: %s: %s\n", object, strerror(errno));
    return 1;
}

static int bring_loopback_up(void)
{
    struct ifreq request = {.ifr_name = "lo"};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return fail("socket");
    if (ioctl(fd, SIOCGIFFLAGS, &request) < 0)
        return fail("lo");
    request.ifr_flags |= IFF_UP | IFF_RUNNING;
    if (ioctl(fd, SIOCSIFFLAGS, &request) < 0)
        return fail("lo");
    close(fd);
    return 0;
}

/* Skips "<22>" and the sender's own "Nov 22 17:52:25 ". */
static const char *text_of(const char *datagram)
{
    const char *p = datagram;
    struct tm ignored;

    if (*p == '<') {
        const char *end = strchr(p, '>');
        if (end)
            p = end + 1;
    }
    const char *after = strptime(p, "%b %d %H:%M:%S ", &ignored);
    return after ? after : p;
}

static bool write_line(FILE *out, char *datagram)
{
    char stamp[32];
    time_t now = time(NULL);
    struct tm utc;

    for (char *p = datagram; *p; p++)
        if ((unsigned char)*p < ' ')
            *p = ' ';
    gmtime_r(&now, &utc);
    strftime(stamp, sizeof stamp, "%b %e %H:%M:%S", &utc);
    fprintf(out, "%s mx2 %s\n", stamp, text_of(datagram));
    /* Flushed at once: the test reads the log while it grows. */
    return fflush(out) == 0;
}

static int keep_log(const char *socket_path, const char *file_path)
{
    static char datagram[DATAGRAM_MAX_BYTES + 1];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    FILE *out = fopen(file_path, "a");
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (!out)
        return fail(file_path);
    if (strlen(socket_path) >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return fail(socket_path);
    }
    strcpy(address.sun_path, socket_path);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0)
        return fail(socket_path);
    if (chmod(socket_path, 0666) < 0)
        return fail(socket_path);
    for (;;) {
        ssize_t length = recv(fd, datagram, DATAGRAM_MAX_BYTES, 0);
        if (length < 0 && errno == EINTR)
            continue;
        if (length < 0)
            return fail(socket_path);
        datagram[length] = '\0';
        if (!write_line(out, datagram))
            return fail(file_path);
    }
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "up") == 0) {
        /* In a user namespace /proc/sys/kernel/hostname is not writable. */
        if (sethostname(argv[2], strlen(argv[2])) < 0)
            return fail(argv[2]);
        return bring_loopback_up();
    }
    if (argc == 4 && strcmp(argv[1], "log") == 0)
        return keep_log(argv[2], argv[3]);
    fprintf(stderr, "usage: stage up NAME | stage log SOCKET FILE\n");
    return 2;
}
