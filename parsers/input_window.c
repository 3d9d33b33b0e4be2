#include "parsers/input_window.h"

#include <stdatomic.h>
#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

#include "parsers/input_log.h"

/* One for each input, and those that slow threads still hold. */
enum { WINDOWS_MAX = 64 };

struct input_window {
    atomic_bool is_taken;
    atomic_uint holder_count;
    atomic_uintptr_t start; /* 0: not mapped */
    atomic_uintptr_t lost;  /* the lowest page that was; UINTPTR_MAX: none */
};

/* A signal handler has no other way to learn of them. */
static struct input_window windows[WINDOWS_MAX];

static struct input_window *window_take(void)
{
    for (size_t i = 0; i < WINDOWS_MAX; i++)
        if (!atomic_exchange(&windows[i].is_taken, true))
            return &windows[i];
    return NULL;
}

struct input_window *input_window_open(int fd, uint64_t offset_bytes)
{
    struct input_window *window = window_take();
    void *map;

    if (window == NULL)
        return NULL;
    map = mmap(NULL, LOG_WINDOW_BYTES, PROT_READ, MAP_PRIVATE, fd,
               (off_t)offset_bytes);
    if (map == MAP_FAILED) {
        atomic_store(&window->is_taken, false);
        return NULL;
    }
    (void)madvise(map, LOG_WINDOW_BYTES, MADV_SEQUENTIAL);
    atomic_store(&window->holder_count, 1);
    atomic_store(&window->lost, UINTPTR_MAX);
    atomic_store(&window->start, (uintptr_t)map);
    return window;
}

void input_window_hold(struct input_window *window)
{
    atomic_fetch_add(&window->holder_count, 1);
}

void input_window_release(struct input_window *window)
{
    uintptr_t start;

    if (atomic_fetch_sub(&window->holder_count, 1) > 1)
        return;
    start = atomic_exchange(&window->start, 0);
    munmap((void *)start, LOG_WINDOW_BYTES);
    atomic_store(&window->is_taken, false);
}

const char *input_window_bytes(const struct input_window *window)
{
    return (const char *)atomic_load(&window->start);
}

bool input_window_has_lost(const struct input_window *window, const char *end)
{
    return atomic_load(&window->lost) < (uintptr_t)end;
}

static void lose_page(struct input_window *window, uintptr_t fault)
{
    uintptr_t page = fault - fault % (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t lost = atomic_load(&window->lost);

    while (page < lost &&
           !atomic_compare_exchange_weak(&window->lost, &lost, page))
        ;
}

bool input_window_lose(const char *fault)
{
    for (size_t i = 0; i < WINDOWS_MAX; i++) {
        uintptr_t start = atomic_load(&windows[i].start);

        if (start != 0 && (uintptr_t)fault >= start &&
            (uintptr_t)fault - start < LOG_WINDOW_BYTES) {
            lose_page(&windows[i], (uintptr_t)fault);
            return true;
        }
    }
    return false;
}
