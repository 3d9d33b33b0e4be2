/*
 * measure FILE COMMAND...: runs the command and appends to FILE one line,
 * "SECONDS KILOBYTES ANONYMOUS": how long it took by the clock on the wall, its
 * peak of resident memory, mapped files included, and the largest of some
 * looks at its anonymous memory in kilobytes. Exits as the command did.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { LOOK_MSEC = 5 };

static double now_sec(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* 0 when it is not known any more. */
static long anonymous_kilobytes(pid_t pid)
{
    char path[64], text[4096];
    const char *found;
    ssize_t len;
    int fd;

    snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    len = read(fd, text, sizeof(text) - 1);
    close(fd);
    text[len < 0 ? 0 : len] = '\0';
    found = strstr(text, "\nRssAnon:");
    return found == NULL ? 0 : strtol(found + 9, NULL, 10);
}

/* Looks until the child ends; its end wakes at once, so that looking does not
 * round the time up. */
static long look_on(pid_t pid, const sigset_t *child)
{
    struct timespec wait = {.tv_nsec = LOOK_MSEC * 1000000L};
    long most = 0, now;

    while (sigtimedwait(child, NULL, &wait) < 0) {
        now = anonymous_kilobytes(pid);
        most = now > most ? now : most;
    }
    return most;
}

int main(int argc, char **argv)
{
    struct rusage usage;
    double start_sec;
    sigset_t child, before;
    long anonymous;
    FILE *out;
    int status;
    pid_t pid;

    if (argc < 3) {
        fprintf(stderr, "usage: measure FILE COMMAND...\n");
        return 2;
    }
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child, &before);
    start_sec = now_sec();
    pid = fork();
    if (pid == 0) {
        sigprocmask(SIG_SETMASK, &before, NULL);
        execvp(argv[2], argv + 2);
        perror(argv[2]);
        _exit(127);
    }
    if (pid < 0)
        return 125;
    anonymous = look_on(pid, &child);
    if (wait4(pid, &status, 0, &usage) != pid)
        return 125;
    start_sec = now_sec() - start_sec;
    out = fopen(argv[1], "a");
    if (out == NULL) {
        perror(argv[1]);
        return 125;
    }
    fprintf(out, "%.4f %ld %ld\n", start_sec, usage.ru_maxrss, anonymous);
    if (fclose(out) != 0)
        return 125;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
