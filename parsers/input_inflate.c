#include "parsers/input_inflate.h"

#include <stdlib.h>

#include <zlib.h>
#ifdef HAVE_ISAL
#include <isa-l/igzip_lib.h>
#endif

/* ---- zlib ---- */

struct zlib_state {
    z_stream stream;
    uint32_t crc;
};

static void *zlib_open(void)
{
    struct zlib_state *state = calloc(1, sizeof(*state));

    if (state != NULL && inflateInit2(&state->stream, -MAX_WBITS) == Z_OK)
        return state;
    free(state);
    return NULL;
}

static void zlib_restart(void *opaque)
{
    struct zlib_state *state = opaque;

    inflateReset(&state->stream);
    state->crc = 0;
}

static enum inflate_outcome zlib_run(void *opaque, struct inflate_step *step)
{
    struct zlib_state *state = opaque;
    z_stream *stream = &state->stream;
    uint8_t *start = step->out;
    int result;

    stream->next_in = (Bytef *)(uintptr_t)step->in;
    stream->avail_in = (uInt)step->in_bytes;
    stream->next_out = step->out;
    stream->avail_out = (uInt)step->out_bytes;
    result = inflate(stream, Z_NO_FLUSH);
    *step = (struct inflate_step){stream->next_in, stream->avail_in,
                                  stream->next_out, stream->avail_out};
    state->crc =
        (uint32_t)crc32(state->crc, start, (uInt)(stream->next_out - start));
    if (result == Z_STREAM_END)
        return INFLATE_END;
    return result == Z_OK || result == Z_BUF_ERROR ? INFLATE_GOES_ON
                                                   : INFLATE_DAMAGED;
}

static uint32_t zlib_crc(const void *opaque)
{
    return ((const struct zlib_state *)opaque)->crc;
}

static void zlib_close(void *opaque)
{
    struct zlib_state *state = opaque;

    inflateEnd(&state->stream);
    free(state);
}

const struct inflate_library *inflate_zlib(void)
{
    static const struct inflate_library library = {
        "zlib", zlib_open, zlib_restart, zlib_run, zlib_crc, zlib_close,
    };

    return &library;
}

/* ---- ISA-L ---- */

#ifdef HAVE_ISAL

#ifdef __x86_64__
__attribute__((target("avx"))) static void clear_upper_halves(void)
{
    __builtin_ia32_vzeroupper();
}
#endif

/* Some of its routines leave the upper halves of the vector registers in use:
 * every SSE instruction of this thread would then wait for them. */
static void leave_vectors(void)
{
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx"))
        clear_upper_halves();
#endif
}

static void isal_restart(void *opaque)
{
    struct inflate_state *state = opaque;

    isal_inflate_reset(state);
    state->crc_flag = ISAL_GZIP_NO_HDR; /* for the CRC's sake */
}

static void *isal_open(void)
{
    struct inflate_state *state = calloc(1, sizeof(*state));

    if (state != NULL) {
        isal_inflate_init(state);
        isal_restart(state);
    }
    return state;
}

/* It reads ahead by whole bytes, and keeps them. */
static void isal_give_back(struct inflate_state *state,
                           struct inflate_step *step)
{
    size_t count = (size_t)state->read_in_length / 8;

    step->in -= count;
    step->in_bytes += count;
}

static enum inflate_outcome isal_run(void *opaque, struct inflate_step *step)
{
    struct inflate_state *state = opaque;
    int result;

    state->next_in = (uint8_t *)(uintptr_t)step->in;
    state->avail_in = (uint32_t)step->in_bytes;
    state->next_out = step->out;
    state->avail_out = (uint32_t)step->out_bytes;
    result = isal_inflate(state);
    leave_vectors();
    *step = (struct inflate_step){state->next_in, state->avail_in,
                                  state->next_out, state->avail_out};
    if (result < 0)
        return INFLATE_DAMAGED;
    if (state->block_state != ISAL_BLOCK_FINISH)
        return INFLATE_GOES_ON;
    isal_give_back(state, step);
    return INFLATE_END;
}

static uint32_t isal_crc(const void *opaque)
{
    return ((const struct inflate_state *)opaque)->crc;
}

const struct inflate_library *inflate_isal(void)
{
    static const struct inflate_library library = {
        "ISA-L", isal_open, isal_restart, isal_run, isal_crc, free,
    };

    return &library;
}

#else

const struct inflate_library *inflate_isal(void)
{
    return NULL;
}

#endif
