#include "mail/message.h"

#include "mail/header.h"
#include "mail/recipients.h"

void message_init(struct message *m)
{
    *m = (struct message){ .body_utf8 = true };
    /* Repairs may make it longer than what is read. */
    buf_init(&m->header, 2 * MESSAGE_HEADER_MAX);
    store_init(&m->body);
}

void message_free(struct message *m)
{
    buf_free(&m->header);
    store_free(&m->body);
}

/* A field that names recipients, or is one of a Resent- block: a bit for each name. */
enum {
    FIELD_TO = 1,
    FIELD_CC = 2,
    FIELD_BCC = 4,
    FIELD_RESENT_TO = 8,
    FIELD_RESENT_CC = 16,
    FIELD_RESENT_BCC = 32,
    FIELD_RESENT_FROM = 64,
    FIELD_RESENT_SENDER = 128,
    FIELD_RESENT_DATE = 256,
    FIELD_RESENT_ID = 512,
    FIELD_RESENT_OTHER = 1024,
    RECIPIENTS = FIELD_TO | FIELD_CC | FIELD_BCC,
    RESENT_RECIPIENTS = FIELD_RESENT_TO | FIELD_RESENT_CC | FIELD_RESENT_BCC,
    /* Not known by the RFC, and so may come more than once. */
    MAY_REPEAT = FIELD_RESENT_OTHER,
};

static unsigned kind_of(const struct field *field)
{
    static const struct {
        const char *name;
        unsigned kind;
    } rows[] = {
        { "To", FIELD_TO },
        { "Cc", FIELD_CC },
        { "Bcc", FIELD_BCC },
        { "Resent-To", FIELD_RESENT_TO },
        { "Resent-Cc", FIELD_RESENT_CC },
        { "Resent-Bcc", FIELD_RESENT_BCC },
        { "Resent-From", FIELD_RESENT_FROM },
        { "Resent-Sender", FIELD_RESENT_SENDER },
        { "Resent-Date", FIELD_RESENT_DATE },
        { "Resent-Message-ID", FIELD_RESENT_ID },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (slice_equal_nocase(field->name, slice_of(rows[i].name)))
            return rows[i].kind;
    return slice_starts_nocase(field->name, slice_of("Resent-")) ? FIELD_RESENT_OTHER : 0;
}

static bool has_resent_recipients(struct slice block)
{
    struct field field;

    while (header_next(&block, &field))
        if (kind_of(&field) & RESENT_RECIPIENTS)
            return true;
    return false;
}

static enum code add_field(struct envelope *e, const struct field *field,
                           struct recipient_rules *rules, struct status *why)
{
    if (recipients_add_list(e, rules, field->value, why)) {
        status_at(why, "%.*s", (int)slice_part(field->name, 0, 100).n, field->name.p);
        return why->code;
    }
    return CODE_OK;
}

/* The newest Resent- block. Each resending puts its fields, and each server its Received, above
 * all that is there, so that the first run that names recipients is the one that counts now. */
static enum code add_resent(struct slice block, struct envelope *e, struct recipient_rules *rules,
                            struct status *why)
{
    unsigned seen = 0;
    struct field field;

    while (header_next(&block, &field)) {
        unsigned kind = kind_of(&field);
        bool resent = kind >= FIELD_RESENT_TO;

        if (!resent || (seen & kind & ~(unsigned)MAY_REPEAT)) {
            if (seen & RESENT_RECIPIENTS)
                break;
            seen = 0;
        }
        if (resent)
            seen |= kind;
        if ((kind & RESENT_RECIPIENTS) && add_field(e, &field, rules, why))
            return why->code;
    }
    return CODE_OK;
}

enum code message_recipients(const struct message *m, struct envelope *e,
                             struct recipient_rules *rules, struct status *why)
{
    struct slice block = buf_slice(&m->header);
    struct field field;

    if (has_resent_recipients(block))
        return add_resent(block, e, rules, why);
    while (header_next(&block, &field))
        if ((kind_of(&field) & RECIPIENTS) && add_field(e, &field, rules, why))
            return why->code;
    return CODE_OK;
}
