/*
 * measure FILE COMMAND...: runs the command and appends to FILE one line,
 * "SECONDS KILOBYTES": how long it took by the clock on the wall, and its peak
 * of resident memory. Exits as the command did.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now_sec(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    struct rusage usage;
    double start_sec;
    FILE *out;
    int status;
    pid_t pid;

    if (argc < 3) {
        fprintf(stderr, "usage: measure FILE COMMAND...\n");
        return 2;
    }
    start_sec = now_sec();
    pid = fork();
    if (pid == 0) {
        execvp(argv[2], argv + 2);
        perror(argv[2]);
        _exit(127);
    }
    if (pid < 0 || wait4(pid, &status, 0, &usage) != pid)
        return 125;
    start_sec = now_sec() - start_sec;
    out = fopen(argv[1], "a");
    if (out == NULL) {
        perror(argv[1]);
        return 125;
    }
    fprintf(out, "%.4f %ld\n", start_sec, usage.ru_maxrss);
    if (fclose(out) != 0)
        return 125;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
