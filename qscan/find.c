#include "qscan/find.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct find_name find_by_id(const char *id)
{
    return (struct find_name){.id = id};
}

/* Of "x" it is ".", of "/x" it is "/". */
static void look_at_folder(struct find_name *name, const char *argument,
                           size_t len)
{
    char *path = strndup(argument, len > 0 ? len : 1);
    struct stat st;

    name->has_folder = true;
    if (path != NULL && stat(path, &st) == 0) {
        name->is_folder = true;
        name->device = st.st_dev;
        name->inode = st.st_ino;
    }
    free(path);
}

bool find_parse(struct find_name *name, const char *argument)
{
    const char *slash = strrchr(argument, '/');
    const char *base = slash == NULL ? argument : slash + 1;

    if (base[0] == '\0' || strchr("qhQdxtT", base[0]) == NULL ||
        base[1] != 'f' || base[2] == '\0')
        return false;
    *name = find_by_id(base + 2);
    name->letter = base[0];
    if (slash != NULL)
        look_at_folder(name, argument, (size_t)(slash - argument));
    return true;
}

static bool is_control(char letter)
{
    return letter == 'q' || letter == 'h' || letter == 'Q';
}

/* df, xf and tf have no row of their own but where their message is gone. */
static bool fits_letter(const struct facts *row, char letter)
{
    return letter == 0 || row->letter == letter ||
           (!is_control(letter) && row->state != FACTS_ORPHAN);
}

static bool fits_folder(const struct scan *scan, const struct facts *row,
                        const struct find_name *name)
{
    const struct queue_folder *folder =
        queue_folder_for(scan->scene.queues, row->dir, name->letter);

    if (!name->has_folder || (name->letter == 'd' && row->has_data_dir))
        return true;
    return name->is_folder && folder->device == name->device &&
           folder->inode == name->inode;
}

const struct facts *find_row(const struct scan *scan,
                             const struct find_name *name)
{
    const struct facts_table *table = &scan->table;
    struct slice id = slice_from_string(name->id);
    const struct facts *found = NULL;

    for (size_t i = 0; i < table->count; i++) {
        const struct facts *row = &table->rows[i];

        if (row->state == FACTS_GONE || !slice_equal(facts_id(row), id) ||
            !fits_letter(row, name->letter) || !fits_folder(scan, row, name))
            continue;
        if (found == NULL ||
            (found->state == FACTS_ORPHAN && row->state != FACTS_ORPHAN))
            found = row;
    }
    return found;
}
