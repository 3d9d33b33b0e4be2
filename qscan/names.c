#include "qscan/names.h"

#include <stdlib.h>

enum {
    STEP_BYTES = 4,
    BLOCK_STEPS = 1 << 14,
    BLOCK_BYTES = BLOCK_STEPS * STEP_BYTES,
    LABEL_MAX = 255,
};

/* Before the label: the number of its rest, and its length. */
enum { HEAD_BYTES = sizeof(uint32_t) + 1 };

bool names_init(struct names *names, struct arena *arena, const uint64_t key[2])
{
    *names = (struct names){.block_count = 0};
    return intern_init(&names->rests, arena, key);
}

void names_free(struct names *names)
{
    for (uint32_t i = 0; i < names->block_count; i++)
        free(names->blocks[i]);
    free(names->blocks);
    intern_free(&names->rests);
    *names = (struct names){.block_count = 0};
}

static bool add_block(struct names *names)
{
    if (names->block_count == names->block_capacity) {
        uint32_t capacity = names->block_capacity * 2 + 16;
        char **blocks = realloc(names->blocks, capacity * sizeof(*blocks));

        if (blocks == NULL)
            return false;
        names->blocks = blocks;
        names->block_capacity = capacity;
    }
    names->blocks[names->block_count] = malloc(BLOCK_BYTES);
    if (names->blocks[names->block_count] == NULL)
        return false;
    /* Number 0 is nobody's. */
    names->used = names->block_count == 0;
    names->block_count++;
    return true;
}

static char *place_of(const struct names *names, uint32_t number)
{
    return names->blocks[number / BLOCK_STEPS] +
           (size_t)(number % BLOCK_STEPS) * STEP_BYTES;
}

/* Room for so many bytes in one block; NAMES_NONE without memory. */
static uint32_t take_room(struct names *names, size_t bytes)
{
    uint32_t steps = (uint32_t)(bytes + STEP_BYTES - 1) / STEP_BYTES;
    uint32_t number;

    if ((names->block_count == 0 || BLOCK_STEPS - names->used < steps) &&
        (names->block_count == UINT32_MAX / BLOCK_STEPS || !add_block(names)))
        return NAMES_NONE;
    number = (names->block_count - 1) * BLOCK_STEPS + names->used;
    names->used += steps;
    return number;
}

uint32_t names_add(struct names *names, struct slice name)
{
    struct slice label, rest;
    uint32_t rest_number = INTERN_NONE, number;
    uint8_t len;
    char *place;

    if (name.len == 0)
        return NAMES_NONE;
    name = slice_head(name, NAMES_TEXT_MAX);
    label = slice_head(name, slice_index(slice_head(name, LABEL_MAX), '.'));
    rest = slice_skip(name, label.len);
    if (rest.len > 0) {
        rest_number = intern_add(&names->rests, rest);
        if (rest_number == INTERN_NONE)
            return NAMES_NONE;
    }
    number = take_room(names, HEAD_BYTES + label.len);
    if (number == NAMES_NONE)
        return NAMES_NONE;
    place = place_of(names, number);
    len = (uint8_t)label.len;
    memcpy(place, &rest_number, sizeof(rest_number));
    memcpy(place + sizeof(rest_number), &len, 1);
    memcpy(place + HEAD_BYTES, label.ptr, label.len);
    return number;
}

struct slice names_text(const struct names *names, uint32_t number,
                        char room[static NAMES_TEXT_MAX])
{
    const char *place;
    uint32_t rest_number;
    struct slice rest;
    uint8_t len;

    if (number == NAMES_NONE)
        return (struct slice){NULL, 0};
    place = place_of(names, number);
    memcpy(&rest_number, place, sizeof(rest_number));
    memcpy(&len, place + sizeof(rest_number), 1);
    memcpy(room, place + HEAD_BYTES, len);
    rest = intern_text(&names->rests, rest_number);
    if (rest.len > 0)
        memcpy(room + len, rest.ptr, rest.len);
    return slice_make(room, len + rest.len);
}
