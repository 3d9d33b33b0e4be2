#include "qscan/ruleset.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "parsers/array.h"
#include "qscan/buffer.h"
#include "qscan/shipped.h"

static const char local_rules[] = "/etc/qscan/rules.d";

struct named_text {
    char *name; /* as complaints name it */
    char *base; /* file name alone: decides order and overlay */
    char *text;
    size_t len;
};

struct texts {
    struct named_text *items;
    size_t count;
};

static void free_text(struct named_text *item)
{
    free(item->name);
    free(item->base);
    free(item->text);
}

static void texts_free(struct texts *texts)
{
    for (size_t i = 0; i < texts->count; i++)
        free_text(&texts->items[i]);
    free(texts->items);
}

/* Takes the text over. With overlay, a file of the same name is replaced. */
static bool add_text(struct texts *texts, const char *name, char *text,
                     size_t len, bool overlay)
{
    const char *slash = strrchr(name, '/');
    struct named_text item = {.name = strdup(name),
                              .base = strdup(slash == NULL ? name : slash + 1),
                              .text = text,
                              .len = len};
    struct named_text *items;

    if (item.name == NULL || item.base == NULL) {
        free_text(&item);
        return false;
    }
    for (size_t i = 0; overlay && i < texts->count; i++) {
        if (strcmp(texts->items[i].base, item.base) == 0) {
            free_text(&texts->items[i]);
            texts->items[i] = item;
            return true;
        }
    }
    items = realloc(texts->items, (texts->count + 1) * sizeof(*items));
    if (items == NULL) {
        free_text(&item);
        return false;
    }
    texts->items = items;
    items[texts->count++] = item;
    return true;
}

static bool add_file(struct texts *texts, const char *path, bool overlay,
                     struct complaints *to)
{
    char *text = NULL;
    size_t len = 0;
    int error = config_read_named(path, &text, &len);

    if (error != 0) {
        complain(to, slice_from_string(path), "rule file cannot be read",
                 strerror(error), "no rule is used");
        return false;
    }
    return add_text(texts, path, text, len, overlay);
}

static int is_rule_file(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);

    return entry->d_name[0] != '.' && len > 6 &&
           strcmp(entry->d_name + len - 6, ".rules") == 0;
}

/* Adds the *.rules of a folder; -1 when it cannot be read (errno). */
static int add_folder(struct texts *texts, const char *path, bool overlay,
                      struct complaints *to)
{
    struct dirent **entries;
    int count = scandir(path, &entries, is_rule_file, NULL);
    int result = count;

    for (int i = 0; i < count; i++) {
        char *file;

        if (asprintf(&file, "%s/%s", path, entries[i]->d_name) >= 0) {
            if (!add_file(texts, file, overlay, to))
                result = -2;
            free(file);
        }
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
    return result;
}

static int compare_bases(const void *a, const void *b)
{
    const struct named_text *one = a, *two = b;

    return strcmp(one->base, two->base);
}

static bool add_named(struct texts *texts, const struct string_list *paths,
                      struct complaints *to)
{
    for (size_t i = 0; i < paths->count; i++) {
        struct stat st;
        size_t first = texts->count;

        if (stat(paths->strings[i], &st) == 0 && S_ISDIR(st.st_mode)) {
            int count = add_folder(texts, paths->strings[i], false, to);

            if (count == 0)
                complain(to, slice_from_string(paths->strings[i]),
                         "no *.rules file in this folder", NULL,
                         "no rule is used");
            else if (count == -1)
                complain(to, slice_from_string(paths->strings[i]),
                         "rule folder cannot be read", strerror(errno),
                         "no rule is used");
            if (count <= 0)
                return false;
            qsort(texts->items + first, texts->count - first,
                  sizeof(*texts->items), compare_bases);
        } else if (!add_file(texts, paths->strings[i], false, to)) {
            return false;
        }
    }
    return true;
}

static bool add_usual(struct texts *texts, struct complaints *to)
{
    int count = add_folder(texts, QSCAN_RULES_DIR, true, to);

    if (count == -2)
        return false;
    for (size_t i = 0; count <= 0 && i < shipped_rule_count; i++) {
        const struct shipped_rule_file *file = &shipped_rules[i];
        char *text = malloc(file->len + 1);
        char name[256];

        if (text == NULL)
            return false;
        memcpy(text, file->text, file->len);
        snprintf(name, sizeof(name), "shipped/%s", file->name);
        if (!add_text(texts, name, text, file->len, true))
            return false;
    }
    count = add_folder(texts, local_rules, true, to);
    if (count == -1 && errno != ENOENT) {
        complain(to, slice_from_string(local_rules),
                 "rule folder cannot be read", strerror(errno),
                 "no rule is used");
        return false;
    }
    if (texts->count > 0)
        qsort(texts->items, texts->count, sizeof(*texts->items), compare_bases);
    return count != -2;
}

/* ---- presets ---- */

struct presets {
    struct rules_preset *items;
    size_t count, capacity;
    struct string_list addresses;
};

static void add_preset(struct presets *presets, const char *list,
                       const char *value)
{
    struct rules_preset *items = array_with_room(
        presets->items, presets->count, &presets->capacity, sizeof(*items));

    if (items == NULL)
        return;
    presets->items = items;
    presets->items[presets->count++] = (struct rules_preset){list, value};
}

static void find_own_addresses(struct string_list *addresses)
{
    struct ifaddrs *all;
    char text[INET6_ADDRSTRLEN];

    if (getifaddrs(&all) < 0)
        return;
    for (struct ifaddrs *one = all; one != NULL; one = one->ifa_next) {
        const void *bytes;

        if (one->ifa_addr == NULL || (one->ifa_flags & IFF_LOOPBACK) != 0)
            continue;
        if (one->ifa_addr->sa_family == AF_INET)
            bytes = &((struct sockaddr_in *)(void *)one->ifa_addr)->sin_addr;
        else if (one->ifa_addr->sa_family == AF_INET6)
            bytes = &((struct sockaddr_in6 *)(void *)one->ifa_addr)->sin6_addr;
        else
            continue;
        if (inet_ntop(one->ifa_addr->sa_family, bytes, text, sizeof(text)) !=
            NULL)
            string_list_add(addresses, slice_from_string(text));
    }
    freeifaddrs(all);
}

static void collect_presets(struct presets *presets,
                            const struct config *config, bool with_config)
{
    for (size_t i = 0; with_config && i < config->domains.count; i++)
        add_preset(presets, "our-domains", config->domains.strings[i]);
    for (size_t i = 0; with_config && i < config->senders.count; i++)
        add_preset(presets, "our-senders", config->senders.strings[i]);
    for (size_t i = 0; with_config && i < config->relays.count; i++)
        add_preset(presets, "our-hosts", config->relays.strings[i]);
    find_own_addresses(&presets->addresses);
    for (size_t i = 0; i < presets->addresses.count; i++)
        add_preset(presets, "our-hosts", presets->addresses.strings[i]);
}

static void presets_free(struct presets *presets)
{
    free(presets->items);
    string_list_free(&presets->addresses);
}

/* ---- compile ---- */

void ruleset_complain(void *context, const struct rules_problem *problem)
{
    struct complaints *to = context;
    struct buffer line = {0};

    if (problem->is_warning && to->is_quiet)
        return;
    buffer_add_string(&line, "qscan: ");
    buffer_add_escaped(&line, slice_from_string(problem->file), 0);
    buffer_printf(&line, ":%u", problem->line);
    if (problem->column > 0)
        buffer_printf(&line, ":%u", problem->column);
    buffer_add_string(&line, problem->is_warning ? ": warning: " : ": ");
    buffer_add_escaped(&line, slice_from_string(problem->what), 0);
    if (problem->why != NULL && problem->why[0] != '\0') {
        buffer_add_string(&line, "; ");
        buffer_add_escaped(&line, slice_from_string(problem->why), 0);
    }
    buffer_add_string(&line, "\n");
    fwrite(line.bytes, 1, line.len, stderr);
    buffer_free(&line);
    if (!problem->is_warning)
        to->count++;
}

static int read_list_file(void *context, const char *path, char **text_r,
                          size_t *len_r)
{
    (void)context;
    return config_read_text(path, text_r, len_r);
}

static struct rules *compile(const struct texts *texts,
                             const struct presets *presets,
                             struct complaints *to)
{
    struct rules_file *files = calloc(texts->count + 1, sizeof(*files));
    struct rules *rules;

    if (files == NULL)
        return NULL;
    for (size_t i = 0; i < texts->count; i++)
        files[i] = (struct rules_file){
            texts->items[i].name,
            slice_make(texts->items[i].text, texts->items[i].len)};
    rules = rules_compile(files, texts->count, presets->items, presets->count,
                          read_list_file, ruleset_complain, to);
    free(files);
    return rules;
}

bool ruleset_load(struct ruleset *set, const struct string_list *paths,
                  const struct config *config, bool with_config,
                  struct complaints *to)
{
    struct texts texts = {0};
    struct presets presets = {0};

    *set = (struct ruleset){0};
    if (paths->count > 0 ? add_named(&texts, paths, to)
                         : add_usual(&texts, to)) {
        collect_presets(&presets, config, with_config);
        set->rules = compile(&texts, &presets, to);
        if (set->rules == NULL)
            complain(to, SLICE_LITERAL("rules"), "the set is refused", NULL,
                     "nothing done");
        set->file_count = texts.count;
        set->is_domains_known = set->rules != NULL &&
                                !(with_config && config->is_partial) &&
                                !rules_list_is_empty(set->rules, "our-domains");
    }
    presets_free(&presets);
    texts_free(&texts);
    return set->rules != NULL;
}

void ruleset_free(struct ruleset *set)
{
    rules_free(set->rules);
    set->rules = NULL;
}
