#include "rules/pool.h"

#include <stdlib.h>

enum { CHUNK_BYTES = 16 * 1024 };

struct pool_chunk {
    struct pool_chunk *older;
    size_t used_bytes, size_bytes;
    max_align_t data[];
};

static struct pool_chunk *add_chunk(struct pool *pool, size_t size_bytes)
{
    struct pool_chunk *chunk;

    if (size_bytes < CHUNK_BYTES)
        size_bytes = CHUNK_BYTES;
    chunk = malloc(sizeof(*chunk) + size_bytes);
    if (chunk == NULL)
        return NULL;
    *chunk = (struct pool_chunk){pool->newest, 0, size_bytes};
    pool->newest = chunk;
    return chunk;
}

void *pool_alloc(struct pool *pool, size_t size_bytes)
{
    const size_t align = _Alignof(max_align_t);
    struct pool_chunk *chunk = pool->newest;
    void *memory;

    if (size_bytes > SIZE_MAX / 2)
        return NULL;
    size_bytes = (size_bytes + align - 1) / align * align;
    if (chunk == NULL || chunk->size_bytes - chunk->used_bytes < size_bytes)
        chunk = add_chunk(pool, size_bytes);
    if (chunk == NULL)
        return NULL;
    memory = (char *)chunk->data + chunk->used_bytes;
    chunk->used_bytes += size_bytes;
    return memory;
}

struct slice pool_copy(struct pool *pool, struct slice text)
{
    char *copy = pool_alloc(pool, text.len + 1);

    if (copy == NULL)
        return (struct slice){NULL, 0};
    if (text.len > 0)
        memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    return slice_make(copy, text.len);
}

void pool_free(struct pool *pool)
{
    while (pool->newest != NULL) {
        struct pool_chunk *older = pool->newest->older;

        free(pool->newest);
        pool->newest = older;
    }
}
