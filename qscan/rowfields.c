#include "qscan/rowfields.h"

/* Counts of its first recipient's domain. */
static const struct crowd_host *row_domain(const struct rowfields *message)
{
    return &message->scene->crowd->hosts[message->row->domain];
}

/* Domains of a row's further recipients, or of those whom its report is of: it
 * has one of them. */
static struct slice further_names(const struct rowfields *message,
                                  bool of_targets)
{
    const struct facts *row = message->row;

    return intern_text(&message->scene->crowd->strings,
                       row->has_targets == of_targets ? row->more_domains
                                                      : INTERN_NONE);
}

/* Next of the names that NUL bytes end, or stand between. */
static bool next_name(struct slice *names, struct slice *name_r)
{
    if (names->len == 0)
        return false;
    *name_r = slice_head(*names, slice_index(*names, '\0'));
    *names = slice_skip(*names, name_r->len + 1);
    return true;
}

static void add_row_number(struct rowfields *message, int64_t number,
                           struct field_view *view_r)
{
    message->values[message->turn][view_r->value_count++] =
        (struct field_value){.text = SLICE_LITERAL(""), .number = number};
    view_r->state = FIELD_PRESENT;
}

static void add_row_domains(struct rowfields *message,
                            enum rules_field_id field,
                            struct field_view *view_r)
{
    const struct intern *strings = &message->scene->crowd->strings;
    struct slice more = further_names(message, false);
    struct slice domain = intern_text(strings, message->row->domain);

    if (field == FIELD_HOST_ANSWERED && more.len == 0) {
        /* nearly always: its number is at hand */
        add_row_number(message, row_domain(message)->answered, view_r);
        return;
    }
    do {
        if (view_r->value_count == ROWFIELDS_VALUES_MAX) {
            view_r->state = FIELD_UNDECIDED;
            return;
        }
        add_row_number(message,
                       crowd_value_of_domain(message->scene, field, domain),
                       view_r);
    } while (next_name(&more, &domain));
}

static void add_row_targets(struct rowfields *message,
                            struct field_view *view_r)
{
    const struct scene *scene = message->scene;
    struct slice names = further_names(message, true);
    struct slice domain, host;

    if (names.len == 0)
        view_r->state = FIELD_UNDECIDED;
    while (next_name(&names, &domain) && next_name(&names, &host)) {
        if (rules_list_has(scene->rules, "our-domains", domain))
            continue;
        if (view_r->value_count == ROWFIELDS_VALUES_MAX) {
            view_r->state = FIELD_UNDECIDED;
            return;
        }
        add_row_number(message,
                       crowd_count_alike(scene->crowd, domain, host,
                                         row_domain(message)->sources),
                       view_r);
    }
}

static bool row_source_writes(const struct rowfields *message,
                              const struct ip *ip)
{
    const struct crowd *crowd = message->scene->crowd;
    struct slice more = further_names(message, false);
    struct slice domain = intern_text(&crowd->strings, message->row->domain);

    if (crowd_is_addressed(crowd, message->row->address_hash))
        return true;
    do
        if (crowd_is_correspondent(crowd, ip, domain))
            return true;
    while (next_name(&more, &domain));
    return false;
}

/* Of further recipients a row has no address. */
static void add_row_writes(struct rowfields *message, const struct ip *ip,
                           struct field_view *view_r)
{
    bool writes = row_source_writes(message, ip);

    if (!writes && message->row->has_further)
        view_r->state = FIELD_UNDECIDED;
    else
        add_row_number(message, writes, view_r);
}

static void add_row_known(struct rowfields *message, struct field_view *view_r)
{
    const struct crowd *crowd = message->scene->crowd;
    struct slice more = further_names(message, false);
    struct slice domain = intern_text(&crowd->strings, message->row->domain);
    bool is_any = false;

    do
        is_any = crowd_is_known(crowd, domain);
    while (!is_any && next_name(&more, &domain));
    add_row_number(message, is_any, view_r);
}

static void add_row_source(struct rowfields *message, enum rules_field_id field,
                           struct field_view *view_r)
{
    const struct crowd_source *source =
        &message->scene->crowd->sources.items[message->row->source];

    if (message->row->source == 0) /* there is one, but of no failure */
        view_r->state = FIELD_UNDECIDED;
    else if (field == FIELD_SOURCE_WRITES)
        add_row_writes(message, &source->ip, view_r);
    else if (field == FIELD_SOURCE_FORGES)
        add_row_number(message, crowd_forges(source), view_r);
    else if (field == FIELD_SOURCE_STEADY)
        add_row_number(message, crowd_is_steady(source, row_domain(message)),
                       view_r);
    else
        add_row_number(message,
                       field == FIELD_SOURCE_BOUNCES ? source->bounces
                                                     : source->guesses,
                       view_r);
}

static void add_row_network(struct rowfields *message,
                            struct field_view *view_r)
{
    const struct facts *row = message->row;

    if (row->is_untimed)
        view_r->state = FIELD_UNDECIDED;
    else
        add_row_number(message,
                       reach_is_lost(&message->scene->crowd->reach, row->tried,
                                     row->status_kind),
                       view_r);
}

static bool is_of_recipients(enum rules_field_id field)
{
    return crowd_is_of_host(field) || field == FIELD_HOST_ANSWERED ||
           field == FIELD_RECIPIENT_CLIENTS || field == FIELD_RECIPIENT_KNOWN ||
           field == FIELD_RECIPIENT_STEADY || field == FIELD_SOURCE_WRITES;
}

void rowfields_fetch(void *context, enum rules_field_id field,
                     struct slice header, struct field_view *view_r)
{
    struct rowfields *message = context;

    (void)header;
    message->turn ^= 1;
    view_r->values = message->values[message->turn];
    view_r->value_count = 0;
    view_r->state = FIELD_ABSENT;
    if (message->row->is_cut && is_of_recipients(field))
        view_r->state = FIELD_UNDECIDED;
    else if (field == FIELD_SOURCE_BOUNCES || field == FIELD_SOURCE_GUESSES ||
             field == FIELD_SOURCE_WRITES || field == FIELD_SOURCE_STEADY ||
             field == FIELD_SOURCE_FORGES)
        add_row_source(message, field, view_r);
    else if (field == FIELD_RECIPIENT_KNOWN)
        add_row_known(message, view_r);
    else if (field == FIELD_RECIPIENT_STEADY)
        add_row_number(message, crowd_has_one_aim(row_domain(message)), view_r);
    else if (field == FIELD_NETWORK_DOWN)
        add_row_network(message, view_r);
    else if (field == FIELD_DSN_CLIENTS)
        add_row_targets(message, view_r);
    else if (field == FIELD_HOST_ANSWERED || field == FIELD_RECIPIENT_CLIENTS)
        add_row_domains(message, field, view_r);
    else if (crowd_is_of_host(field) &&
             further_names(message, false).len == 0) {
        add_row_number(
            message,
            crowd_value_of_host(
                &message->scene->crowd->hosts[message->row->host], field),
            view_r);
    } else {
        view_r->state = FIELD_UNDECIDED;
    }
}
