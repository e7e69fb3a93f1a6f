#include "unit.h"

#include "mail/repair.h"

#include <stdlib.h>
#include <string.h>

#define E_GRAVE "\xc3\xa8"

static const struct repair_policy usual = {
    .domain = "example.it",
    .from = "me@example.it",
    .full_name = "",
    .id_domain = "mail.example.it",
    .now = 1795553122,
};
static const struct repair_policy named = {
    .domain = "example.it",
    .from = "me@example.it",
    .full_name = "Anna Rossi",
    .id_domain = "mail.example.it",
    .now = 1795553122,
};
static const struct repair_policy no_domain = {
    .domain = "",
    .from = "me@example.it",
    .full_name = "",
    .id_domain = "mail.example.it",
    .now = 1795553122,
};

/* What each message needs, put behind the fields of a row so that nothing is added. */
#define STAMPS                                                                                     \
    "Date: Tue, 24 Nov 2026 20:45:22 +0000\n"                                                      \
    "Message-ID: <1@example.it>\n"
#define COMPLETE "From: me@example.it\n" STAMPS

static void set_header(struct message *m, struct slice block)
{
    message_init(m);
    buf_add_slice(&m->header, block);
    m->header_8bit = !slice_is_ascii(block);
}

/* Repairs a block; the result is in m, for the caller to free. */
static void repair(const char *sentence, struct message *m, const struct repair_policy *policy)
{
    struct status why = { 0 };

    check(sentence, message_repair(m, policy, &why) == CODE_OK);
    check(sentence, why.code == CODE_OK);
    check(sentence, m->header_8bit == !slice_is_ascii(buf_slice(&m->header)));
}

static void check_repair(const char *sentence, struct slice block, const char *want,
                         const struct repair_policy *policy)
{
    struct message m;

    set_header(&m, block);
    repair(sentence, &m, policy);
    check_text(sentence, buf_slice(&m.header), slice_of(want));
    /* A repaired message is a good message. */
    repair(sentence, &m, policy);
    check_text(sentence, buf_slice(&m.header), slice_of(want));
    message_free(&m);
}

static void good_blocks_are_kept(void **state)
{
    static const struct {
        const char *sentence, *block;
    } rows[] = {
        { "the least", COMPLETE },
        { "odd white space", "Subject:\t  a   b \n" COMPLETE },
        { "no space after the colon", "Subject:x\nTo:a@b.it\n" COMPLETE },
        { "an empty subject", "Subject:\n" COMPLETE },
        { "names in any case", "FROM: x@y.it\ndate: yesterday\nmessage-id: <a@b>\nTO: a@b.it\n" },
        { "folded fields", "Subject: a\n b\n\tc\nTo: a@b.it,\n\tc@d.it\n" COMPLETE },
        { "trace fields and their order",
          "Received: from a by b; Tue, 24 Nov 2026 20:45:22 +0000\nReceived: from c by d\n"
          "X-Spam: no\n" COMPLETE },
        { "a Resent- block without Resent-From", "Resent-To: a@b.it\nResent-Date: x\n" COMPLETE },
        { "two Resent- blocks", "Resent-From: a@b.it\nResent-To: c@d.it\nResent-From: "
                                "e@f.it\nResent-To: g@h.it\n" COMPLETE },
        { "names of all kinds",
          "To: \"Rossi, A.\" <a@b.it>, John Q. Public <j@x.it>, x@y.it (Mario),\n"
          " =?utf-8?Q?Caf=C3=A9?= <c@d.it>, <e@f.it> , \"a b\"@x.it\n" COMPLETE },
        { "groups",
          "To: undisclosed-recipients:;\nCc: Friends: a@b.it, c@d.it;, e@f.it\n" COMPLETE },
        { "several authors", "Sender: a@b.it\nFrom: a@b.it, c@d.it\n" STAMPS },
        { "MIME fields",
          "MIME-Version: 1.0\nContent-Type: text/plain;\n charset=\"utf-8\"; format=flowed\n"
          "Content-Transfer-Encoding: quoted-printable\nContent-Disposition: inline\n" COMPLETE },
        { "the broken folding of some callers",
          "Content-Type: multipart/alternative;\nAuto-Submitted: auto-generated;\n"
          "\tboundary=\"x\"\n" COMPLETE },
        { "lists that cannot be parsed", "To: a@b@c, \"unclosed\nCc: John Smith\n" COMPLETE },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++)
        check_repair(rows[i].sentence, slice_of(rows[i].block), rows[i].block, &usual);
}

struct row {
    const char *sentence, *block, *want;
};

static void check_rows(const struct row *rows, size_t n, const struct repair_policy *policy)
{
    for (size_t i = 0; i < n; i++)
        check_repair(rows[i].sentence, slice_of(rows[i].block), rows[i].want, policy);
}

static void senders(void **state)
{
    static const struct row rows[] = {
        { "Debian cron", "From: root (Cron Daemon)\n" STAMPS,
          "From: Cron Daemon <root@example.it>\n" STAMPS },
        { "cronie", "From: \"(Cron Daemon)\" <root>\n" STAMPS,
          "From: \"(Cron Daemon)\" <root@example.it>\n" STAMPS },
        { "fail2ban", "From: Fail2Ban <fail2ban>\n" STAMPS,
          "From: Fail2Ban <fail2ban@example.it>\n" STAMPS },
        { "systemd-cron", "From: root (systemd-cron)\n" STAMPS,
          "From: systemd-cron <root@example.it>\n" STAMPS },
        { "a bare name", "From: root\n" STAMPS, "From: root@example.it\n" STAMPS },
        { "a bare name in brackets", "From: <root>\n" STAMPS, "From: root@example.it\n" STAMPS },
        { "a comment that needs quotes", "From: root (Cron, the (old) Daemon)\n" STAMPS,
          "From: \"Cron, the (old) Daemon\" <root@example.it>\n" STAMPS },
        { "a comment beyond ASCII", "From: root (Ren\xc3\xa9)\n" STAMPS,
          "From: =?utf-8?Q?Ren=C3=A9?= <root@example.it>\n" STAMPS },
        { "an encoded comment", "From: root (=?utf-8?Q?Ren=C3=A9?=)\n" STAMPS,
          "From: =?utf-8?Q?Ren=C3=A9?= <root@example.it>\n" STAMPS },
        { "a name and a comment", "From: Cron <root> (on vm)\n" STAMPS,
          "From: Cron <root@example.it> (on vm)\n" STAMPS },
        { "an address that is complete keeps its comment", "From: me@x.it (Me)\n" STAMPS,
          "From: me@x.it (Me)\n" STAMPS },
        { "a name beyond ASCII in quotes", "From: \"Rossi, Ren\xc3\xa9\" <r@x.it>\n" STAMPS,
          "From: =?utf-8?Q?Rossi=2C_Ren=C3=A9?= <r@x.it>\n" STAMPS },
        { "a name in Latin-1", "From: Ren\xe9 <r@x.it>\n" STAMPS,
          "From: =?unknown-8bit?Q?Ren=E9?= <r@x.it>\n" STAMPS },
        { "a UTF-8 address stays, its name does not",
          "From: Ren\xc3\xa9 <ren\xc3\xa9@x.it>\n" STAMPS,
          "From: =?utf-8?Q?Ren=C3=A9?= <ren\xc3\xa9@x.it>\n" STAMPS },
        { "Sender and Reply-To", "Sender: root\nReply-To: Admin <admin>\nFrom: a@x.it\n" STAMPS,
          "Sender: root@example.it\nReply-To: Admin <admin@example.it>\nFrom: a@x.it\n" STAMPS },
        { "an empty From is replaced", "From:\n" STAMPS, STAMPS "From: me@example.it\n" },
        { "a From that cannot be parsed stays", "From: \"Mailer\" <>, <>\nFrom: <>\n" STAMPS,
          "From: \"Mailer\" <>, <>\n" STAMPS },
        { "one of empty brackets too", "From: <>\n" STAMPS, STAMPS "From: me@example.it\n" },
        { "the second From counts if the first says nothing", "From: \nFrom: a@x.it\n" STAMPS,
          "From: a@x.it\n" STAMPS },
        { "but otherwise the first", "From: a@x.it\nFrom: b@x.it\n" STAMPS,
          "From: a@x.it\n" STAMPS },
        { "white space before the colon", "From : root\n" STAMPS,
          "From: root@example.it\n" STAMPS },
        { "a host without a dot", "From: mdadm monitoring <root@vm>\n" STAMPS,
          "From: mdadm monitoring <root@example.it>\n" STAMPS },
        { "localhost", "From: root@localhost (Cron Daemon)\n" STAMPS,
          "From: Cron Daemon <root@example.it>\n" STAMPS },
        { "localhost in full", "From: \"a b\"@localhost.LocalDomain\n" STAMPS,
          "From: \"a b\"@example.it\n" STAMPS },
        { "a host that is local, in Sender and the Resent- fields",
          "Sender: root@vm\nResent-From: a@vm\nResent-Sender: b@vm.localdomain\n" COMPLETE,
          "Sender: root@example.it\nResent-From: a@example.it\n"
          "Resent-Sender: b@example.it\n" COMPLETE },
        { "a local UTF-8 host", "From: root@\xc3\xa8\n" STAMPS, "From: root@example.it\n" STAMPS },
        { "an address literal is no local host", "From: a@[IPv6:::1], b@[127.0.0.1]\n" STAMPS,
          "From: a@[IPv6:::1], b@[127.0.0.1]\n" STAMPS },
        { "replies go where they are wanted", "Reply-To: root@vm\n" COMPLETE,
          "Reply-To: root@vm\n" COMPLETE },
    };
    static const struct row named_rows[] = {
        { "a bare name gets the full name", "From: root\n" STAMPS,
          "From: Anna Rossi <root@example.it>\n" STAMPS },
        { "but keeps one it has", "From: Cron <root>\n" STAMPS,
          "From: Cron <root@example.it>\n" STAMPS },
        { "a comment is one", "From: root (Cron)\n" STAMPS,
          "From: Cron <root@example.it>\n" STAMPS },
        { "a complete From is left alone", "From: a@x.it\n" STAMPS, "From: a@x.it\n" STAMPS },
        { "a local host is no name either", "From: root@vm\n" STAMPS,
          "From: Anna Rossi <root@example.it>\n" STAMPS },
        { "only From gets it", "Sender: root\nFrom: a@x.it\n" STAMPS,
          "Sender: root@example.it\nFrom: a@x.it\n" STAMPS },
        { "a missing From gets it", STAMPS, STAMPS "From: Anna Rossi <me@example.it>\n" },
    };
    static const struct row no_domain_rows[] = {
        { "without a domain the account's address", "From: root (Cron Daemon)\n" STAMPS,
          "From: Cron Daemon <me@example.it>\nX-Original-From: root (Cron Daemon)\n" STAMPS },
        { "also for Sender and Resent-From", "Resent-From: x\nSender: root\nFrom: a@x.it\n" STAMPS,
          "Resent-From: x <me@example.it>\nSender: root <me@example.it>\nFrom: a@x.it\n" STAMPS },
        { "a local host is kept", "From: root@vm (Cron Daemon)\nSender: a@localhost\n" STAMPS,
          "From: root@vm (Cron Daemon)\nSender: a@localhost\n" STAMPS },
        { "recipients stay bare", "To: root, x (y)\nReply-To: root\n" COMPLETE,
          "To: root, x (y)\nReply-To: root\n" COMPLETE },
        { "their names are encoded", "To: Ren\xc3\xa9 <rene>\n" COMPLETE,
          "To: =?utf-8?Q?Ren=C3=A9?= <rene>\n" COMPLETE },
    };

    (void)state;
    check_rows(rows, LENGTH(rows), &usual);
    check_rows(named_rows, LENGTH(named_rows), &named);
    check_rows(no_domain_rows, LENGTH(no_domain_rows), &no_domain);
}

/* from_header = fill */
static void filling(void **state)
{
    static const struct row rows[] = {
        { "Debian cron", "From: root (Cron Daemon)\n" STAMPS,
          "From: Cron Daemon <me@example.it>\nX-Original-From: root (Cron Daemon)\n" STAMPS },
        { "cronie", "From: \"(Cron Daemon)\" <root>\n" STAMPS,
          "From: \"(Cron Daemon)\" <me@example.it>\n"
          "X-Original-From: \"(Cron Daemon)\" <root>\n" STAMPS },
        { "mdadm", "From: mdadm monitoring <root@vm>\n" STAMPS,
          "From: mdadm monitoring <me@example.it>\n"
          "X-Original-From: mdadm monitoring <root@vm>\n" STAMPS },
        { "PHP: the local part is a name, the address is none", "From: www-data@localhost\n" STAMPS,
          "From: www-data <me@example.it>\nX-Original-From: www-data@localhost\n" STAMPS },
        { "a login that needs quotes", "From: \"a, b\"@vm\n" STAMPS,
          "From: \"a, b\" <me@example.it>\nX-Original-From: \"a, b\"@vm\n" STAMPS },
        { "a name beyond ASCII", "From: Ren\xc3\xa9 <rene@vm>\n" STAMPS,
          "From: =?utf-8?Q?Ren=C3=A9?= <me@example.it>\n"
          "X-Original-From: =?utf-8?Q?Ren=C3=A9?= <rene@vm>\n" STAMPS },
        { "an address beyond ASCII goes", "From: ren\xc3\xa9@vm\n" STAMPS,
          "From: =?utf-8?Q?ren=C3=A9?= <me@example.it>\n"
          "X-Original-From: =?utf-8?Q?ren=C3=A9=40vm?=\n" STAMPS },
        { "a complete one stays", "From:  a@x.it\nSender: <b@y.it>\n" STAMPS,
          "From:  a@x.it\nSender: <b@y.it>\n" STAMPS },
        { "the account's own stays, also if it is bare", "From: me (Me)\nSender: me@vm\n" STAMPS,
          "From: Me <me@example.it>\nSender: me@example.it\n" STAMPS },
        { "a missing one is no replacement", STAMPS, STAMPS "From: me@example.it\n" },
        { "nor an empty one", "From: <>\n" STAMPS, STAMPS "From: me@example.it\n" },
        { "several become one", "From: root@vm, (x) , admin, a@x.it,\n www@localhost\n" STAMPS,
          "From: root <me@example.it>, a@x.it\n"
          "X-Original-From: root@vm, (x) , admin, a@x.it,\n www@localhost\n" STAMPS },
        { "and only one with the account's own", "From: me@example.it, root\n" STAMPS,
          "From: me@example.it\nX-Original-From: me@example.it, root\n" STAMPS },
        { "a From that cannot be parsed", "From: \"Mailer\" <>, x\n y z <\n" STAMPS,
          "From: me@example.it\nX-Original-From: \"Mailer\" <>, x\n y z <\n" STAMPS },
        { "one that can in part is its author's", "From: a@b@c, a@x.it\n" STAMPS,
          "From: a@b@c, a@x.it\n" STAMPS },
        { "unless something in it is replaced", "From: a@b@c, root\n" STAMPS,
          "From: root <me@example.it>\nX-Original-From: a@b@c, root\n" STAMPS },
        { "an X-Original-From of others is kept, alone",
          "x-original-from: somebody\nFrom: root\nX-Original-From: else\n" STAMPS,
          "x-original-from: somebody\nFrom: root <me@example.it>\nX-Original-From: else\n" STAMPS },
        { "Sender says nothing new", "Sender: www@vm\nFrom: root\nSender: a@y.it\n" STAMPS,
          "From: root <me@example.it>\nX-Original-From: root\n" STAMPS },
        { "not even for a From that is missing", "Sender: www@vm\n" STAMPS,
          STAMPS "From: me@example.it\n" },
        { "but beside another author it does", "Sender: www (Web)\nFrom: a@x.it\n" STAMPS,
          "Sender: Web <me@example.it>\nFrom: a@x.it\n" STAMPS },
        { "the Resent- fields", "Resent-From: root\nResent-Sender: Cron <cron@vm>\n" COMPLETE,
          "Resent-From: root <me@example.it>\nResent-Sender: Cron <me@example.it>\n" COMPLETE },
        { "answers to local ones go nowhere else", "From: root@vm\nTo: root\n" STAMPS,
          "From: root <me@example.it>\nX-Original-From: root@vm\nTo: root@example.it\n" STAMPS },
        { "a signed message as well", "DKIM-Signature: v=1\nFrom: root\n" STAMPS,
          "DKIM-Signature: v=1\nFrom: root <me@example.it>\nX-Original-From: root\n" STAMPS },
    };
    static const struct row named_rows[] = {
        { "a bare name gets the full name", "From: root\n" STAMPS,
          "From: Anna Rossi <me@example.it>\nX-Original-From: root\n" STAMPS },
        { "at a local host too", "From: <root@localhost>\n" STAMPS,
          "From: Anna Rossi <me@example.it>\nX-Original-From: <root@localhost>\n" STAMPS },
        { "but keeps one it has", "From: root (Cron)\n" STAMPS,
          "From: Cron <me@example.it>\nX-Original-From: root (Cron)\n" STAMPS },
    };
    struct repair_policy fill = usual, fill_named = named, fill_no_domain = no_domain;

    (void)state;
    fill.replaces_local = fill_named.replaces_local = fill_no_domain.replaces_local = true;
    check_rows(rows, LENGTH(rows), &fill);
    check_rows(named_rows, LENGTH(named_rows), &fill_named);
    check_repair("without a domain it is the same", slice_of("From: root@vm\nSender: x\n" STAMPS),
                 "From: root <me@example.it>\nX-Original-From: root@vm\n" STAMPS, &fill_no_domain);
}

/* Fits what ends like context. */
static bool ends_like(const void *context, const char *spec)
{
    struct slice s = slice_of(spec), end = slice_of(context);

    return end.n > 0 && s.n >= end.n && slice_equal(slice_part(s, s.n - end.n, s.n), end);
}

/* from_header = force, and allow_from. */
static void keeping_few(void **state)
{
    static const struct row force_rows[] = {
        { "a contact form: the name stays, and answers go where they went",
          "From: Anna <anna@else.example>\nTo: a@x.it\n" STAMPS,
          "From: Anna <me@example.it>\nX-Original-From: Anna <anna@else.example>\n"
          "Reply-To: Anna <anna@else.example>\nTo: a@x.it\n" STAMPS },
        { "a Reply-To is believed", "From: anna@else.example\nReply-To: b@y.it\n" STAMPS,
          "From: anna <me@example.it>\nX-Original-From: anna@else.example\n"
          "Reply-To: b@y.it\n" STAMPS },
        { "wherever it stands", "Reply-To: b@y.it\nFrom: anna@else.example\n" STAMPS,
          "Reply-To: b@y.it\nFrom: anna <me@example.it>\n"
          "X-Original-From: anna@else.example\n" STAMPS },
        { "but an empty one says nothing", "Reply-To: \nFrom: anna@else.example\n" STAMPS,
          "From: anna <me@example.it>\nX-Original-From: anna@else.example\n"
          "Reply-To: anna@else.example\n" STAMPS },
        { "several authors", "From: A <a@x.it>, root@vm, b@[192.0.2.1], c@y.it (C)\n" STAMPS,
          "From: A <me@example.it>\n"
          "X-Original-From: A <a@x.it>, root@vm, b@[192.0.2.1], c@y.it (C)\n"
          "Reply-To: A <a@x.it>, c@y.it (C)\n" STAMPS },
        { "answers to the account's own are kept, too", "From: me@example.it, c@y.it\n" STAMPS,
          "From: me@example.it\nX-Original-From: me@example.it, c@y.it\n"
          "Reply-To: me@example.it, c@y.it\n" STAMPS },
        { "a comment is a name", "From: anna@else.example (Anna B.)\n" STAMPS,
          "From: \"Anna B.\" <me@example.it>\nX-Original-From: anna@else.example (Anna B.)\n"
          "Reply-To: anna@else.example (Anna B.)\n" STAMPS },
        { "a name beyond ASCII", "From: Ren\xc3\xa9 <r@x.it>\n" STAMPS,
          "From: =?utf-8?Q?Ren=C3=A9?= <me@example.it>\n"
          "X-Original-From: =?utf-8?Q?Ren=C3=A9?= <r@x.it>\n"
          "Reply-To: =?utf-8?Q?Ren=C3=A9?= <r@x.it>\n" STAMPS },
        { "the account's own stays as it is", "From: \"Me\"  <me@Example.IT> (x)\n" STAMPS,
          "From: \"Me\"  <me@Example.IT> (x)\n" STAMPS },
        { "a bare one is forced, too", "From: root (Cron Daemon)\n" STAMPS,
          "From: Cron Daemon <me@example.it>\nX-Original-From: root (Cron Daemon)\n" STAMPS },
        { "one that cannot be parsed", "From: a@b@c\nSender: John Smith\n" STAMPS,
          "From: me@example.it\nX-Original-From: a@b@c\n" STAMPS },
        { "not even in part", "From: me@example.it, a@b@c\n" STAMPS,
          "From: me@example.it\nX-Original-From: me@example.it, a@b@c\n" STAMPS },
        { "a group", "From: Staff: a@x.it, b@x.it;\n" STAMPS,
          "From: a <me@example.it>\nX-Original-From: Staff: a@x.it, b@x.it;\n"
          "Reply-To: a@x.it, b@x.it\n" STAMPS },
        { "Sender and the Resent- fields",
          "Sender: s@x.it\nResent-From: r@x.it\nResent-Sender: t@x.it\n" COMPLETE,
          "Resent-From: r <me@example.it>\nResent-Sender: t <me@example.it>\n" COMPLETE },
        { "recipients are not touched", "To: a@x.it\nCc: root\nReply-To: root@vm\n" COMPLETE,
          "To: a@x.it\nCc: root@example.it\nReply-To: root@vm\n" COMPLETE },
    };
    static const struct row allow_rows[] = {
        { "what fits stays", "From: A <a@x.it>\nSender: b@x.it\n" STAMPS,
          "From: A <a@x.it>\nSender: b@x.it\n" STAMPS },
        { "the account's own as well", "From: me@example.it\n" STAMPS,
          "From: me@example.it\n" STAMPS },
        { "what does not fit goes, alone", "From: A <a@x.it>, The Boss <boss@y.it>\n" STAMPS,
          "From: A <a@x.it>, The Boss <me@example.it>\n"
          "X-Original-From: A <a@x.it>, The Boss <boss@y.it>\n"
          "Reply-To: A <a@x.it>, The Boss <boss@y.it>\n" STAMPS },
        { "and what cannot be parsed", "From: a@x.it, boss@y.it@z\n" STAMPS,
          "From: a@x.it\nX-Original-From: a@x.it, boss@y.it@z\n" STAMPS },
        { "Sender", "Sender: boss@y.it\nFrom: a@x.it\n" STAMPS,
          "Sender: boss <me@example.it>\nFrom: a@x.it\n" STAMPS },
        { "what the domain makes of a bare name must fit", "From: Boss <boss>\n" STAMPS,
          "From: Boss <me@example.it>\nX-Original-From: Boss <boss>\n" STAMPS },
    };
    struct repair_policy force = usual, allow = usual;

    (void)state;
    force.keeps_from = allow.keeps_from = ends_like;
    force.context = "";
    allow.context = "@x.it";
    check_rows(force_rows, LENGTH(force_rows), &force);
    check_rows(allow_rows, LENGTH(allow_rows), &allow);
    force.replaces_local = true;
    check_rows(force_rows, LENGTH(force_rows), &force);
    allow.domain = "x.it";
    check_repair("and may", slice_of("From: Boss <boss@vm>\n" STAMPS),
                 "From: Boss <boss@x.it>\n" STAMPS, &allow);
}

static void a_trace(void **state)
{
    struct repair_policy traced = usual;
    struct message m;

    (void)state;
    traced.received = "from a (local)\n\tby b with SMTP id 100%s;\n\tTue, 24 Nov 2026";
    set_header(&m, slice_of("Received: from c\nX: y\n" COMPLETE));
    repair("a Received", &m, &traced);
    check_text("it stands in front", buf_slice(&m.header),
               slice_of("Received: from a (local)\n\tby b with SMTP id 100%s;\n"
                        "\tTue, 24 Nov 2026\nReceived: from c\nX: y\n" COMPLETE));
    message_free(&m);
}

static void recipients(void **state)
{
    static const struct row rows[] = {
        { "a bare name", "To: root\n" COMPLETE, "To: root@example.it\n" COMPLETE },
        { "only the bare ones change",
          "To: \"A, B\"  <a@x.it>,root ,\n\t<joe>, c@x.it (c)\n" COMPLETE,
          "To: \"A, B\"  <a@x.it>,root@example.it ,\n\tjoe@example.it, c@x.it (c)\n" COMPLETE },
        { "recipients at a local host", "To: a@vm, b@localhost\nCc: root@vm (Root)\n" COMPLETE,
          "To: a@vm, b@localhost\nCc: root@vm (Root)\n" COMPLETE },
        { "in a group", "Cc: Staff: anna, b@x.it; , root\n" COMPLETE,
          "Cc: Staff: anna@example.it, b@x.it; , root@example.it\n" COMPLETE },
        { "in Resent- fields", "Resent-To: root\nResent-Cc: a@x.it\nResent-Sender: b\n" COMPLETE,
          "Resent-To: root@example.it\nResent-Cc: a@x.it\nResent-Sender: b@example.it\n" COMPLETE },
        { "beside one that cannot be parsed", "To: a@b@c, root, John Smith\n" COMPLETE,
          "To: a@b@c, root@example.it, John Smith\n" COMPLETE },
        { "8-bit words of one that cannot be parsed", "To: Ren\xc3\xa9 Smith, b@x.it\n" COMPLETE,
          "To: =?utf-8?Q?Ren=C3=A9?= Smith, b@x.it\n" COMPLETE },
        { "the name of a group", "To: Citt" E_GRAVE "bbb: a@x.it;\n" COMPLETE,
          "To: =?utf-8?Q?Citt=C3=A8bbb?=: a@x.it;\n" COMPLETE },
        { "a comment of an address", "To: a@x.it (Ren\xc3\xa9)\n" COMPLETE,
          "To: a@x.it (=?utf-8?Q?Ren=C3=A9?=)\n" COMPLETE },
        { "UTF-8 addresses stay", "To: ren\xc3\xa9@x.it, b@\xc3\xa8xxx.it\n" COMPLETE,
          "To: ren\xc3\xa9@x.it, b@\xc3\xa8xxx.it\n" COMPLETE },
        { "PHP's empty To before the real one", "To: \nSubject: x\nTo: a@x.it\n" COMPLETE,
          "Subject: x\nTo: a@x.it\n" COMPLETE },
        { "an empty To alone", "To:\nCc: \t\n" COMPLETE, COMPLETE },
        { "several To are one", "To: a@x.it,\nSubject: x\nTO: root,\n b@x.it\nto: \n" COMPLETE,
          "To: a@x.it,\n root@example.it,\n b@x.it\nSubject: x\n" COMPLETE },
        { "Bcc never leaves",
          "Bcc: a@x.it,\n b@x.it\nResent-Bcc: c@x.it\nBCC:\nTo: d@x.it\nbcc : e@x.it\n" COMPLETE,
          "To: d@x.it\n" COMPLETE },
        { "nor Return-Path and Content-Length",
          "Return-Path: <a@x.it>\ncontent-length: 12\nTo: d@x.it\n" COMPLETE,
          "To: d@x.it\n" COMPLETE },
    };

    (void)state;
    check_rows(rows, LENGTH(rows), &usual);
}

static void texts(void **state)
{
    static const struct row rows[] = {
        { "a UTF-8 subject", "Subject: Perch\xc3\xa9 no\n" COMPLETE,
          "Subject: =?utf-8?Q?Perch=C3=A9?= no\n" COMPLETE },
        { "a Latin-1 subject", "Subject: Perch\xe9 no\n" COMPLETE,
          "Subject: =?unknown-8bit?Q?Perch=E9?= no\n" COMPLETE },
        { "cron's environment", "X-Cron-Env: <LANG=caff\xc3\xa8>\n" COMPLETE,
          "X-Cron-Env: =?utf-8?Q?=3CLANG=3Dcaff=C3=A8=3E?=\n" COMPLETE },
        { "a file name in quotes",
          "Content-Disposition: attachment; filename=\"caff\xc3\xa8 1.txt\"\n" COMPLETE,
          "Content-Disposition: attachment; "
          "filename=\"=?utf-8?Q?caff=C3=A8_1=2Etxt?=\"\n" COMPLETE },
        { "a file name without quotes",
          "Content-Disposition: attachment; filename=caff\xc3\xa8.txt; size=1\n" COMPLETE,
          "Content-Disposition: attachment; filename=\"=?utf-8?Q?caff=C3=A8=2Etxt?=\"; "
          "size=1\n" COMPLETE },
        { "a quote inside a file name",
          "Content-Disposition: attachment; filename=\"a\\\"b\xc3\xa8.txt\"\n" COMPLETE,
          "Content-Disposition: attachment; "
          "filename=\"=?utf-8?Q?a=22b=C3=A8=2Etxt?=\"\n" COMPLETE },
        { "control characters", "Subject: a\x1b[31m\x7f b\n" COMPLETE,
          "Subject: a [31m  b\n" COMPLETE },
        { "lines of white space alone", "Subject: a\n \n\t \n b\n  \nX: y\n" COMPLETE,
          "Subject: a\n b\nX: y\n" COMPLETE },
        { "lines of control characters alone", "Subject: a\n \x01\x02\n b\n" COMPLETE,
          "Subject: a\n b\n" COMPLETE },
        { "two subjects", "Subject: a\nX: y\nSUBJECT: b\n" COMPLETE,
          "Subject: a\nX: y\n" COMPLETE },
        { "an empty subject and a full one", "Subject:\nSubject: b\n" COMPLETE,
          "Subject: b\n" COMPLETE },
        { "two empty subjects", "Subject:\nSubject: \n" COMPLETE, "Subject:\n" COMPLETE },
        { "two dates, two ids", COMPLETE "Date: x\nMessage-Id: <2@x>\n", COMPLETE },
        { "two MIME versions", "MIME-Version: 1.0\nMime-Version: 1.0\n" COMPLETE,
          "MIME-Version: 1.0\n" COMPLETE },
        { "lines that are no fields", "nonsense\nX: y\n" COMPLETE, "X: y\n" COMPLETE },
    };
    static const char with_nul[] = "Subject: a\0b\n" COMPLETE;

    (void)state;
    check_rows(rows, LENGTH(rows), &usual);
    check_repair("a NUL in a subject", (struct slice){ with_nul, sizeof with_nul - 1 },
                 "Subject: a b\n" COMPLETE, &usual);
}

static void missing_fields(void **state)
{
    static const char id_end[] = "@mail.example.it>\n";
    struct message m;
    struct slice block, id;
    struct buf first;

    (void)state;
    check("the environment", setenv("TZ", "XST-5:30", 1) == 0);
    set_header(&m, slice_of(""));
    repair("a message without a header", &m, &named);
    block = buf_slice(&m.header);
    check("date first",
          slice_starts_nocase(block, slice_of("Date: Wed, 25 Nov 2026 02:15:22 +0530\n"
                                              "From: Anna Rossi <me@example.it>\nMessage-ID: <")));
    id = slice_part(block, slice_find(block, '<') + 1, block.n);
    check("the id ends the block with its domain",
          id.n > sizeof id_end &&
              slice_equal(slice_part(block, block.n - strlen(id_end), block.n), slice_of(id_end)));
    buf_init(&first, 1000);
    buf_add_slice(&first, block);
    message_free(&m);

    set_header(&m, slice_of(""));
    repair("again", &m, &named);
    check("no two ids are the same", !slice_equal(buf_slice(&first), buf_slice(&m.header)));
    message_free(&m);
    buf_free(&first);

    set_header(&m, slice_of("Date:\nMessage-ID: \n\t\nFrom: a@x.it\nX: y\n"));
    repair("blank ones are missing", &m, &usual);
    check("they are made anew",
          slice_starts_nocase(buf_slice(&m.header),
                              slice_of("From: a@x.it\nX: y\nDate: Wed, 25 Nov 2026 02:15:22 "
                                       "+0530\nMessage-ID: <1795553122.")));
    message_free(&m);
    check("the environment", setenv("TZ", "YST3", 1) == 0);
    set_header(&m, slice_of(""));
    repair("a zone west of Greenwich", &m, &usual);
    check("has a minus", slice_starts_nocase(buf_slice(&m.header),
                                             slice_of("Date: Tue, 24 Nov 2026 17:45:22 -0300\n"
                                                      "From: me@example.it\n")));
    message_free(&m);
}

enum {
    HIGH = 1,     /* 8-bit bytes in the body */
    NOT_UTF8 = 2, /* which are not UTF-8 */
    NUL = 4,
    LONG = 8, /* a line over 998 */
    QP = 16,  /* wanted: quoted-printable */
};

#define PLAIN_8BIT                                                                                 \
    "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n"                                 \
    "Content-Transfer-Encoding: 8bit\n"

static void bodies(void **state)
{
    static const struct {
        const char *sentence;
        unsigned body;
        const char *fields, *want; /* COMPLETE between the fields and what is added */
        const char *added;
        unsigned encoding;
    } rows[] = {
        { "7 bits need nothing", 0, "", "", "", 0 },
        { "8 bits undeclared", HIGH, "", "", PLAIN_8BIT, 0 },
        { "8 bits that are not UTF-8", HIGH | NOT_UTF8, "", "",
          "MIME-Version: 1.0\nContent-Type: text/plain; charset=unknown-8bit\n"
          "Content-Transfer-Encoding: 8bit\n",
          0 },
        { "only MIME-Version", HIGH, "Mime-Version: 1.0\n", "Mime-Version: 1.0\n",
          "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n", 0 },
        { "PHP's type without the rest", HIGH, "Content-Type: text/html\n",
          "Content-Type: text/html\n", "MIME-Version: 1.0\nContent-Transfer-Encoding: 8bit\n", 0 },
        { "a wrong label", HIGH, "Content-Type: text/plain\nContent-Transfer-Encoding: 7bit\n",
          "Content-Type: text/plain\nContent-Transfer-Encoding: 8bit\n", "MIME-Version: 1.0\n", 0 },
        { "cron's charset is left to it", HIGH,
          "MIME-Version: 1.0\nContent-Type: text/plain; charset=US-ASCII\n"
          "Content-Transfer-Encoding: 8bit\n",
          "MIME-Version: 1.0\nContent-Type: text/plain; charset=US-ASCII\n"
          "Content-Transfer-Encoding: 8bit\n",
          "", 0 },
        { "a multipart is left alone", HIGH,
          "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=x\n",
          "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=x\n", "", 0 },
        { "an encoded body with 8 bits too", HIGH,
          "Content-Type: text/plain\nContent-Transfer-Encoding: quoted-printable\n",
          "Content-Type: text/plain\nContent-Transfer-Encoding: quoted-printable\n", "", 0 },
        { "a signed message too", HIGH | LONG, "DKIM-Signature: v=1\n", "DKIM-Signature: v=1\n", "",
          0 },
        { "systemd-cron's binary", HIGH,
          "MIME-Version: 1.0\nContent-Type: text/plain\nContent-Transfer-Encoding: binary\n",
          "MIME-Version: 1.0\nContent-Type: text/plain\nContent-Transfer-Encoding: 8bit\n", "", 0 },
        { "binary without 8 bits", 0,
          "MIME-Version: 1.0\nContent-Type: image/x\nContent-Transfer-Encoding: Binary\n",
          "MIME-Version: 1.0\nContent-Type: image/x\nContent-Transfer-Encoding: 7bit\n", "", 0 },
        { "binary with long lines and text", HIGH | LONG,
          "MIME-Version: 1.0\nContent-Type: text/plain\nContent-Transfer-Encoding: binary\n",
          "MIME-Version: 1.0\nContent-Type: text/plain\n"
          "Content-Transfer-Encoding: quoted-printable\n",
          "", QP },
        { "long lines without MIME", LONG, "Subject: x\n", "Subject: x\n",
          "MIME-Version: 1.0\nContent-Type: text/plain; charset=us-ascii\n"
          "Content-Transfer-Encoding: quoted-printable\n",
          QP },
        { "a NUL", NUL, "Content-Type: text/html\n", "Content-Type: text/html\n",
          "MIME-Version: 1.0\nContent-Transfer-Encoding: quoted-printable\n", QP },
        { "long lines in a multipart are broken", LONG,
          "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=x\n",
          "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=x\n", "", 0 },
        { "long 8-bit lines of no text get their label", HIGH | LONG,
          "MIME-Version: 1.0\nContent-Type: application/json\n",
          "MIME-Version: 1.0\nContent-Type: application/json\n",
          "Content-Transfer-Encoding: 8bit\n", 0 },
        { "two labels", LONG,
          "MIME-Version: 1.0\nContent-Type: text/plain\nContent-Transfer-Encoding: 7bit\n"
          "Content-Transfer-Encoding: 8bit\n",
          "MIME-Version: 1.0\nContent-Type: text/plain\n"
          "Content-Transfer-Encoding: quoted-printable\n",
          "", QP },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct buf block, want;
        struct message m;

        buf_init(&block, 10000);
        buf_init(&want, 10000);
        buf_addf(&block, "%s" COMPLETE, rows[i].fields);
        buf_addf(&want, "%s" COMPLETE "%s", rows[i].want, rows[i].added);
        set_header(&m, buf_slice(&block));
        m.body_8bit = rows[i].body & HIGH;
        m.body_utf8 = !(rows[i].body & NOT_UTF8);
        m.body_nul = rows[i].body & NUL;
        m.longest_line = rows[i].body & LONG ? 999 : 998;
        repair(rows[i].sentence, &m, &usual);
        check_text(rows[i].sentence, buf_slice(&m.header), buf_slice(&want));
        check(rows[i].sentence,
              m.encoding == (rows[i].encoding == QP ? ENCODING_QUOTED_PRINTABLE : ENCODING_AS_IS));
        message_free(&m);
        buf_free(&block);
        buf_free(&want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_blocks_are_kept),
        cmocka_unit_test(senders),
        cmocka_unit_test(filling),
        cmocka_unit_test(keeping_few),
        cmocka_unit_test(a_trace),
        cmocka_unit_test(recipients),
        cmocka_unit_test(texts),
        cmocka_unit_test(missing_fields),
        cmocka_unit_test(bodies),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
