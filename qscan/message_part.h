/*
 * What the parts of a message share: message.c reads it, message_fields.c gives
 * the rules its fields, message_source.c those of who brought the original of a
 * report, message_crowd.c those that are counted over all messages.
 */
#ifndef QSCAN_MESSAGE_PART_H
#define QSCAN_MESSAGE_PART_H

#include "qscan/message.h"

/* Room that lives as long as the message; NULL without memory. */
char *message_scratch(struct message *message, size_t bytes);

struct slice message_lower(struct message *message, struct slice text);

/* The host that the status of a recipient names, lower case. */
struct slice message_host_of(struct message *message,
                             const struct qf_recipient *recipient);

/* ---- the values of the field that is asked for ---- */

static inline const struct field_value *
message_items_of(const struct message_values *values)
{
    return values->count > 1 ? values->items : &values->first;
}

/* Another one than the first. */
void message_add_further_value(struct message *message,
                               struct field_value value);

/* Part by part: a value built of eight bytes at a time and copied by sixteen
 * would wait until they have left for the cache. */
static inline void message_add_value(struct message *message, struct slice text,
                                     int64_t number, const struct ip *ip)
{
    struct message_values *values = message->asked;

    if (values->count > 0) {
        message_add_further_value(message,
                                  (struct field_value){text, number, ip});
        return;
    }
    values->first.text = text;
    values->first.number = number;
    values->first.ip = ip;
    values->count = 1;
}

static inline void message_add_text(struct message *message, struct slice text)
{
    if (!slice_is_absent(text))
        message_add_value(message, text, 0, NULL);
}

static inline void message_add_ip(struct message *message, struct slice text,
                                  const struct ip *ip)
{
    if (!slice_is_absent(text))
        message_add_value(message, text, 0, ip);
}

/* A value of one recipient of several: must be there when others have one, so
 * that "every value" means every recipient. */
static inline void message_add_one_of_many(struct message *message,
                                           struct slice text)
{
    message_add_value(message, slice_is_absent(text) ? SLICE_LITERAL("") : text,
                      0, NULL);
}

static inline void message_add_number(struct message *message, int64_t number)
{
    message_add_value(message, SLICE_LITERAL(""), number, NULL);
}

/* A client's address, name, or what is said of it. */
void message_add_client_value(struct message *message,
                              const struct client *client,
                              enum rules_field_id field);

/* ---- groups of fields ---- */

/* What a field is that only a report has. */
enum field_state message_need_report(struct message *message);

enum field_state message_add_source_value(struct message *message,
                                          enum rules_field_id field);
enum field_state message_add_recipient_neighbour(struct message *message);

enum field_state message_add_source_count(struct message *message,
                                          enum rules_field_id field);
enum field_state message_add_target_counts(struct message *message);
enum field_state message_add_recipient_counts(struct message *message,
                                              enum rules_field_id field);
enum field_state message_add_recipient_known(struct message *message);
enum field_state message_add_recipient_steady(struct message *message);
enum field_state message_add_network_down(struct message *message);

static inline uint64_t message_bit_of(enum rules_field_id field)
{
    return UINT64_C(1) << field;
}

#endif
