#include "qscan/interrupt.h"

#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>

/* A signal handler has nothing but globals. */
static atomic_int last_signal;

static void remember(int signal_number)
{
    atomic_store(&last_signal, signal_number);
}

void interrupt_setup(void)
{
    struct sigaction action = {0};

    action.sa_handler = remember;
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
}

int interrupt_signal(void)
{
    return atomic_load(&last_signal);
}
