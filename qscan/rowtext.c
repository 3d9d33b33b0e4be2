#include "qscan/rowtext.h"

#include <string.h>

const char *rowtext_oddity(unsigned bit)
{
    static const char *const texts[ODD_COUNT] = {
        "symbolic link named like a control file",
        "control file that is no regular file",
        "control file with more than one name",
        "control file writable for others",
        "two control files of one id",
        "id of no shape that sendmail makes",
        "id whose time is not the message's",
        "|program, /file or :include: without a user",
        "tf beside the control file",
        "qf with a quarantine reason",
        "no df",
        "control file cut, garbled or overlong",
        "control file owned by somebody else",
    };

    return bit < ODD_COUNT ? texts[bit] : "";
}

const char *rowtext_keep_reason(const struct facts *row)
{
    if ((row->oddities & ODD_TWO_CONTROLS) != 0)
        return "two control files of one id";
    if ((row->oddities & ODD_STALE_TF) != 0)
        return "a tf beside it: being rewritten";
    if ((row->oddities & ODD_HARD_LINKED) != 0)
        return "its control file has another name";
    return NULL;
}

/* What a condition on a field is about, for one who does not know the rules:
 * in the sense in which the shipped rules ask for it or, "unless", against. */
static const struct {
    enum rules_field_id field;
    const char *unmet, *met;
} missed_words[] = {
    {FIELD_TRIES, "tried too few times so far", NULL},
    {FIELD_AGE, "too young so far", NULL},
    {FIELD_RECIPIENTS, NULL, "more than one recipient"},
    {FIELD_STATUS, "its status does not say that no host answers", NULL},
    {FIELD_STATUS_ENVELOPE, NULL, "the host had spoken before it fell silent"},
    {FIELD_RECIPIENT_DOMAIN, NULL, "the sender's domain is ours, or a home's"},
    {FIELD_RECIPIENT_HOST, NULL, "they wait for a host of ours, or a home's"},
    {FIELD_RECIPIENT, NULL,
     "the sender's address is a forwarder's or a list's"},
    {FIELD_RECIPIENT_FLAGS, NULL, "an alias of ours led to the sender"},
    {FIELD_DSN_STATUS, "the mail timed out, or was not refused for good",
     "the refusal is not that of an address that nobody has"},
    {FIELD_DSN_DIAGNOSTIC, NULL,
     "the refusal is not that of an address that nobody has"},
    {FIELD_DSN_CLIENTS, NULL, "the mail may be of somebody whom we relay for"},
    {FIELD_SOURCE, "the mail came from here or a known host",
     "the mail came from here or a known host"},
    {FIELD_SOURCE_AUTH, NULL, "whoever brought the mail had logged in"},
    {FIELD_SOURCE_NAME, "the mail came from a host with a name of its own",
     "the mail came from a host with a name of its own"},
    {FIELD_SOURCE_GENERIC, "the mail came from a host with a name of its own",
     NULL},
    {FIELD_SOURCE_NEIGHBOUR, NULL,
     "the mail came from a customer of ours or our provider's"},
    {FIELD_SOURCE_KIN, NULL,
     "the host that brought the mail is of the sender's owner"},
    {FIELD_SOURCE_RELAYS, "the mail had passed a server called like its client",
     "the mail had passed a server that is called like its client"},
    {FIELD_SOURCE_ANSWERS, NULL, "the mail says that it answers one of ours"},
    {FIELD_SOURCE_AUTHENTIC, NULL,
     "the sender had passed SPF, DKIM or DMARC here"},
    {FIELD_SOURCE_STEADY, NULL,
     "the host that brought the mail forges no other sender"},
    {FIELD_SOURCE_WRITES, NULL,
     "the sender is a correspondent of somebody here"},
    {FIELD_RECIPIENT_NEIGHBOUR, NULL,
     "its recipient is of our own house, or our relay's"},
    {FIELD_RECIPIENT_STEADY, NULL,
     "all who wrote in that name wrote to one address"},
    {FIELD_RECIPIENT_KNOWN, NULL,
     "mail goes to or comes from the sender's domain"},
    {FIELD_NETWORK_DOWN, NULL,
     "all hosts fail: our own line or name server may be down"},
    {FIELD_HOST_ANSWERED, NULL, "a host of the sender's domain answers"},
    {FIELD_HOST_DOMAINS, "several domains wait for that host: a relay",
     "several domains wait for that host: a relay"},
    {FIELD_HOST_MAIL, "mail of people waits for that host, too: a relay",
     "mail of people waits for that host, too: a relay"},
    {FIELD_RECIPIENT_CLIENTS, NULL, "we may relay for that domain"},
};

static const char *words_of(enum rules_field_id field, bool is_unmet)
{
    const char *words = NULL;

    for (size_t i = 0; i < sizeof(missed_words) / sizeof(missed_words[0]); i++)
        if (missed_words[i].field == field)
            words = is_unmet ? missed_words[i].unmet : missed_words[i].met;
    return words != NULL ? words : "a condition of the rule";
}

/* A regex, or what needs more than a line of a report, tells nobody more. */
static bool is_telling(const char *condition)
{
    return strlen(condition) <= 30 && strchr(condition, '~') == NULL;
}

bool rowtext_missed(const struct scene *scene, const struct facts *row,
                    struct rowtext_missed *missed_r)
{
    struct rules_missed_line line;

    *missed_r = (struct rowtext_missed){.words = rowtext_keep_reason(row)};
    if (missed_r->words != NULL)
        return true;
    if (row->is_undecided)
        missed_r->words = "a rule could not be decided";
    if (!row->is_bounce || row->is_later || row->state != FACTS_JUDGED ||
        row->pending == 0)
        return missed_r->words != NULL;
    rules_missed_line(scene->rules, row->pending, &line);
    *missed_r = (struct rowtext_missed){
        .condition = is_telling(line.text) ? line.text : NULL,
        .is_unmet = strcmp(line.word, "unless") != 0};
    missed_r->words = words_of(line.field, missed_r->is_unmet);
    return true;
}

const char *rowtext_damage(const struct message *message)
{
    return message->qf_outcome != QF_OK ? qf_outcome_text(message->qf_outcome)
                                        : "no df";
}

const char *rowtext_class(const struct scene *scene, const struct facts *row)
{
    switch ((enum facts_state)row->state) {
    case FACTS_QUARANTINED:
        return "quarantined";
    case FACTS_LOST:
        return "lost";
    case FACTS_DAMAGED:
        return "damaged";
    case FACTS_ORPHAN:
        return "orphan";
    case FACTS_JUDGED:
        if (row->rule != RULES_NO_RULE)
            return rules_class(scene->rules, row->rule);
        break;
    case FACTS_NEWBORN:
    case FACTS_GONE:
    case FACTS_UNREADABLE:
        break;
    }
    return "unclassified";
}

const char *rowtext_rule(const struct scene *scene, const struct facts *row)
{
    return row->state == FACTS_JUDGED && row->rule != RULES_NO_RULE
               ? rules_name(scene->rules, row->rule)
               : NULL;
}
