#include "rules/arena.h"

#include <stdlib.h>

enum { CHUNK_BYTES = 16 * 1024 };

struct arena_chunk {
    struct arena_chunk *older;
    size_t used_bytes, size_bytes;
    max_align_t data[];
};

static struct arena_chunk *add_chunk(struct arena *arena, size_t size_bytes)
{
    struct arena_chunk *chunk;

    if (size_bytes < CHUNK_BYTES)
        size_bytes = CHUNK_BYTES;
    chunk = malloc(sizeof(*chunk) + size_bytes);
    if (chunk == NULL)
        return NULL;
    *chunk = (struct arena_chunk){arena->newest, 0, size_bytes};
    arena->newest = chunk;
    return chunk;
}

void *arena_alloc(struct arena *arena, size_t size_bytes)
{
    const size_t align = _Alignof(max_align_t);
    struct arena_chunk *chunk = arena->newest;
    void *memory;

    if (size_bytes > SIZE_MAX / 2)
        return NULL;
    size_bytes = (size_bytes + align - 1) / align * align;
    if (chunk == NULL || chunk->size_bytes - chunk->used_bytes < size_bytes)
        chunk = add_chunk(arena, size_bytes);
    if (chunk == NULL)
        return NULL;
    memory = (char *)chunk->data + chunk->used_bytes;
    chunk->used_bytes += size_bytes;
    return memory;
}

struct slice arena_copy(struct arena *arena, struct slice text)
{
    char *copy = arena_alloc(arena, text.len + 1);

    if (copy == NULL)
        return (struct slice){NULL, 0};
    if (text.len > 0)
        memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    return slice_make(copy, text.len);
}

void arena_free(struct arena *arena)
{
    while (arena->newest != NULL) {
        struct arena_chunk *older = arena->newest->older;

        free(arena->newest);
        arena->newest = older;
    }
}
