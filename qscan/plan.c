#include "qscan/plan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>

#include "parsers/array.h"

struct planned {
    const char *id, *queue; /* in the arena */
    struct act_planned file;
    bool is_found;
};

struct planned_list {
    struct planned *items;
    size_t count, capacity;
};

static const char *keep_text(struct arena *arena, const char *text)
{
    size_t len = text == NULL ? 0 : strlen(text);
    char *copy = arena_alloc(arena, len + 1);

    if (copy == NULL)
        return "";
    memcpy(copy, text == NULL ? "" : text, len);
    copy[len] = '\0';
    return copy;
}

static int64_t integer_of(const json_t *object, const char *key)
{
    return (int64_t)json_integer_value(json_object_get(object, key));
}

/* False when the line is none of a plan. */
static bool read_line(struct plan *plan, struct planned_list *list,
                      const json_t *line)
{
    const char *action = json_string_value(json_object_get(line, "action"));
    const char *id = json_string_value(json_object_get(line, "id"));
    const char *queue = json_string_value(json_object_get(line, "queue"));
    const json_t *identity = json_object_get(line, "identity");
    struct planned *items;

    if (json_object_get(line, "run") != NULL)
        return true; /* the result, at the end */
    if (action == NULL || id == NULL || queue == NULL)
        return false;
    if (strcmp(action, "keep") == 0)
        return true;
    if (identity == NULL ||
        (strcmp(action, "hold") != 0 && strcmp(action, "delete") != 0))
        return false;
    items = array_with_room(list->items, list->count, &list->capacity,
                            sizeof(*items));
    if (items == NULL)
        return false;
    list->items = items;
    /* one word changed by hand must not delete what was to be held */
    if (list->count > 0 && plan->is_delete != (action[0] == 'd'))
        return false;
    plan->is_delete = action[0] == 'd';
    list->items[list->count++] = (struct planned){
        .id = keep_text(&plan->arena, id),
        .queue = keep_text(&plan->arena, queue),
        .file = {
            .device = (uint64_t)integer_of(identity, "device"),
            .inode = (uint64_t)integer_of(identity, "inode"),
            .size_bytes = integer_of(identity, "size"),
            .mtime_nsec = integer_of(identity, "mtime_nsec"),
            .ctime_nsec = integer_of(identity, "ctime_nsec"),
            .data_bytes = (uint64_t)integer_of(line, "size_bytes"),
            .class = keep_text(&plan->arena, json_string_value(json_object_get(
                                                 line, "class"))),
            .rule = keep_text(&plan->arena, json_string_value(json_object_get(
                                                line, "rule")))}};
    return true;
}

static bool read_file(struct plan *plan, struct planned_list *list,
                      const char *path, struct complaints *to)
{
    FILE *file = fopen(path, "re");
    char *text = NULL;
    size_t capacity = 0;
    ssize_t len;
    unsigned line_number = 0;
    bool is_good = true;
    const char *what = NULL, *why = NULL;
    char bad_line[64];

    if (file == NULL) {
        complain(to, slice_from_string(path), "plan cannot be read",
                 strerror(errno), "nothing done");
        return false;
    }
    while (is_good && (len = getline(&text, &capacity, file)) > 0) {
        json_t *line = json_loadb(text, (size_t)len, 0, NULL);

        line_number++;
        is_good = line != NULL && read_line(plan, list, line);
        json_decref(line);
    }
    if (ferror(file) != 0) {
        what = "plan cannot be read";
        why = strerror(errno);
    } else if (!is_good) {
        snprintf(bad_line, sizeof(bad_line), "line %u is not of this plan",
                 line_number);
        what = bad_line;
    } else if (line_number == 0) {
        what = "plan is empty"; /* one without messages has a line */
    }
    if (what != NULL)
        complain(to, slice_from_string(path), what, why, "nothing done");
    free(text);
    fclose(file);
    return what == NULL;
}

static int compare_planned(const void *a, const void *b)
{
    const struct planned *one = a, *two = b;
    int order = strcmp(one->id, two->id);

    return order != 0 ? order : strcmp(one->queue, two->queue);
}

/* Of that id, the one with this very file; else the one that was in this
 * directory, whose file changed. The queue may be spelled in another way. */
static struct planned *find_planned(const struct planned_list *list,
                                    const struct scan *scan,
                                    const struct facts *row)
{
    const struct queue_set *queues = scan->scene.queues;
    const struct queue_dir *dir = &queues->dirs[row->dir];
    struct planned *by_path = NULL;
    char id[FACTS_ID_MAX + 1];
    size_t first = 0, end = list->count;

    facts_copy_id(row, id);
    while (first < end) {
        size_t middle = first + (end - first) / 2;

        if (strcmp(list->items[middle].id, id) < 0)
            first = middle + 1;
        else
            end = middle;
    }
    for (; first < list->count && strcmp(list->items[first].id, id) == 0;
         first++) {
        struct planned *planned = &list->items[first];

        if (planned->is_found)
            continue;
        if (planned->file.inode == row->inode &&
            planned->file.device == queues->folders[dir->control].device)
            return planned;
        if (strcmp(planned->queue, dir->path) == 0)
            by_path = planned;
    }
    return by_path;
}

/* A df that two control files share is not one message's to take. */
static bool may_be_taken(const struct facts *row)
{
    return (row->beside & (BESIDE_CONTROL | BESIDE_REWRITE)) == 0 &&
           act_is_plain_id(facts_id(row));
}

static void match_rows(struct plan *plan, struct planned_list *list,
                       const struct scan *scan)
{
    for (size_t i = 0; i < scan->table.count; i++) {
        const struct facts *row = &scan->table.rows[i];
        struct planned *planned;

        if (row->state == FACTS_ORPHAN || row->letter == 'Q')
            continue;
        planned = find_planned(list, scan, row);
        if (planned == NULL)
            continue;
        planned->is_found = true;
        if (!may_be_taken(row)) {
            plan->changed_count++;
            continue;
        }
        plan->jobs[plan->job_count++] =
            (struct act_job){(uint32_t)i, &planned->file};
    }
    plan->missing_count = list->count - plan->job_count - plan->changed_count;
}

bool plan_read(struct plan *plan, const char *path, const struct scan *scan,
               struct complaints *to)
{
    struct planned_list list = {0};
    bool is_good;

    *plan = (struct plan){0};
    is_good = read_file(plan, &list, path, to);
    plan->jobs = calloc(list.count + 1, sizeof(*plan->jobs));
    is_good = is_good && plan->jobs != NULL;
    if (is_good && list.count > 0) {
        qsort(list.items, list.count, sizeof(*list.items), compare_planned);
        match_rows(plan, &list, scan);
        if (plan->job_count + plan->changed_count == 0) {
            complain(to, slice_from_string(path),
                     "none of its messages is in these queues", NULL,
                     "nothing done");
            is_good = false;
        }
    }
    plan->items = list.items;
    return is_good;
}

void plan_free(struct plan *plan)
{
    free(plan->jobs);
    free(plan->items);
    arena_free(&plan->arena);
    *plan = (struct plan){0};
}
