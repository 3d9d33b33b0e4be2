/*
 * A main for fuzz targets where libFuzzer is not: replays the files named, and
 * every file in the folders named, each once. Exit 1 when there was none, so
 * that a corpus that went missing does not pass for a clean one.
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void die(const char *path)
{
    fprintf(stderr, "%s: %s\n", path, strerror(errno));
    exit(1);
}

/* The copy has exactly the size of the file, so that a sanitizer or valgrind
 * sees the first byte read beyond it. */
static void replay_file(const char *path, size_t size)
{
    uint8_t *data = malloc(size);
    FILE *file = fopen(path, "rb");

    if (file == NULL || (data == NULL && size > 0) ||
        fread(data, 1, size, file) != size)
        die(path);
    fclose(file);
    LLVMFuzzerTestOneInput(data, size);
    free(data);
}

static size_t replay(const char *path);

static size_t replay_folder(const char *path)
{
    DIR *folder = opendir(path);
    struct dirent *found;
    size_t count = 0;

    if (folder == NULL)
        die(path);
    while ((found = readdir(folder)) != NULL) {
        char name[4096];

        if (found->d_name[0] == '.')
            continue;
        if ((size_t)snprintf(name, sizeof(name), "%s/%s", path,
                             found->d_name) >= sizeof(name)) {
            errno = ENAMETOOLONG;
            die(path);
        }
        count += replay(name);
    }
    closedir(folder);
    return count;
}

static size_t replay(const char *path)
{
    struct stat st;

    if (stat(path, &st) != 0)
        die(path);
    if (S_ISDIR(st.st_mode))
        return replay_folder(path);
    replay_file(path, (size_t)st.st_size);
    return 1;
}

int main(int argc, char **argv)
{
    size_t count = 0;

    for (int i = 1; i < argc; i++)
        count += replay(argv[i]);
    printf("%zu inputs replayed\n", count);
    return count == 0;
}
