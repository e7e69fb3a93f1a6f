"""What callers of sendmail rely on, rule by rule: the message, 14 to 23.

The bytes of every repair are in test_message.py.
"""

import email.header
import quopri
import re

import pytest

from conftest import table
from sending import BOB, send  # noqa: F401

HEAD = b"From: Info <info@example.it>\nTo: anna@example.org\nDate: Tue, 1 Sep 2026 10:00:00 +0200\nMessage-ID: <1@example.it>\n"
SEVEN_BITS = ["PIPELINING", "SIZE 40000000"]


def text_of(session):
    """The body as the recipient reads it."""
    if session.fields("Content-Transfer-Encoding") == ["quoted-printable"]:
        return quopri.decodestring(session.body)
    return session.body


def test_rule_14_line_ends_of_every_kind(send):
    rows = [
        b"one\ntwo\n", b"one\r\ntwo\r\n", b"one\r\ntwo\n", b"one\ntwo\r\n", b"one\rtwo\r",
    ]
    for body in rows:
        for head in (HEAD + b"\n", HEAD.replace(b"\n", b"\r\n") + b"\r\n", HEAD + b"\r\n"):
            session = send(BOB, message=head + body)
            assert session.body == b"one\r\ntwo\r\n", body
            assert session.field("Message-ID") == "<1@example.it>"
            rest = session.message.replace(b"\r\n", b"")
            assert b"\r" not in rest and b"\n" not in rest


# (what is shown, words, dot_terminates, the body, what arrives)
DOTS = [
    ("-i: a lone dot is data", ["-i"], None, b"a\n.\nb\n", b"a\r\n.\r\nb\r\n"),
    ("-i: two dots stay", ["-i"], None, b"a\n..\n..b\n", b"a\r\n..\r\n..b\r\n"),
    ("a lone dot before the end", [], None, b"a\n.\n", b"a\r\n"),
    ("the same with CRLF", [], None, b"a\r\n.\r\n", b"a\r\n"),
    ("text of a program that knows no dots", [], None, b"a\n.\nb\n", b"a\r\n.\r\nb\r\n"),
    ("all dots are doubled", [], None, b"a\n..\n..b\n...c\n", b"a\r\n.\r\n.b\r\n..c\r\n"),
    ("not all are", [], None, b"a\n..b\n.c\n", b"a\r\n..b\r\n.c\r\n"),
    ("as Sendmail: the rest is not sent", [], "yes", b"a\n.\nb\n", b"a\r\n"),
    ("as Sendmail: one of two dots goes", [], "yes", b"..a\n.b\n", b".a\r\n.b\r\n"),
    ("no dots at all", [], "no", b"a\n.\n", b"a\r\n.\r\n"),
]


@table("words, mode, body, arrives", DOTS)
def test_rule_15_dots(words, mode, body, arrives, send):
    assert send(*words, BOB, message=HEAD + b"\n" + body, changes={"dot_terminates": mode}).body == arrives


def test_rule_15_stdin_is_read_on_after_the_dot(orsino, rogue, ini):
    server = rogue()
    process = orsino.start(BOB, ini=ini(server.port, dot_terminates="yes"))
    process.stdin.write(HEAD + b"\na\n.\n" + b"not sent\n" * 100000)  # a broken pipe is an exception here
    process.stdin.close()
    assert process.wait(30) == 0
    assert server.session.body == b"a\r\n"
    process.stdout.close()
    process.stderr.close()


def test_rule_16_where_the_header_ends(orsino, rogue, ini, send):
    rows = [
        (HEAD + b"Subject: x\nno field\nmore\n", b"no field\r\nmore\r\n"),
        (b"From root Tue Sep  1 10:00:00 2026\n" + HEAD + b"Subject: x\n\nhello\n", b"hello\r\n"),
        (b">From root Tue Sep  1 10:00:00 2026\n" + HEAD + b"Subject: x\n\nhello\n", b"hello\r\n"),
        (b"\nSubject: in the body\n", b"Subject: in the body\r\n"),
        (b"", b""),
    ]
    for message, body in rows:
        session = send(BOB, message=message)
        assert session.body == body, message
        assert b"From root" not in session.message and b"Subject: in" not in session.header
    orsino.run("-t", ini=ini(rogue().port), message=b"").failed(64, "no recipient")


def test_rule_17_a_last_line_without_an_end(send):
    assert send(BOB, message=HEAD + b"\nhello").body == b"hello\r\n"
    assert send(BOB, message=HEAD + b"Subject: x").field("Subject") == "x"


def test_rule_18_what_is_missing_is_added_once(send):
    session = send(BOB, message=b"Subject: x\n\nhello\n")
    assert re.fullmatch(r"\w{3}, +\d+ \w{3} \d{4} \d\d:\d\d:\d\d [+-]\d{4}", session.field("Date"))
    assert re.fullmatch(r"<[^@<> ]+@example\.it>", session.field("Message-ID"))
    assert session.field("From").endswith("info@example.it>") or session.field("From") == "info@example.it"
    present = b"DATE: Tue, 1 Sep 2026 10:00:00 +0200\nmessage-Id: <1@x.org>\nFROM: info@example.it\nMime-Version: 1.0\n\nhello\n"
    session = send(BOB, message=present)
    for name, value in (("Date", "Tue, 1 Sep 2026 10:00:00 +0200"), ("Message-ID", "<1@x.org>"), ("From", "info@example.it")):
        assert session.field(name) == value
    assert session.fields("MIME-Version") == ["1.0"]


# (what is shown, From as it was written, as it arrives)
SENDERS = [
    ("cron of Debian", "root (Cron Daemon)", "Cron Daemon <info@example.it>"),
    ("cronie", '"(Cron Daemon)" <root>', '"(Cron Daemon)" <info@example.it>'),
    ("fail2ban", "Fail2Ban <fail2ban>", "Fail2Ban <info@example.it>"),
    ("anacron", "Anacron <root>", "Anacron <info@example.it>"),
    ("systemd-cron", "root (systemd-cron)", "systemd-cron <info@example.it>"),
    ("mdadm", "mdadm monitoring <root@vm>", "mdadm monitoring <info@example.it>"),
]


@table("written, arrives", SENDERS)
def test_rule_19_senders_that_no_provider_takes(written, arrives, send):
    session = send(BOB, message=f"From: {written}\nTo: root\n\nhello\n".encode())
    assert session.field("From") == arrives
    assert session.field("X-Original-From") == written
    assert session.field("To") == "root@example.it"
    session = send(BOB, message=f"From: {written}\n\nhello\n".encode(), changes={"from_header": "keep"})
    assert session.field("From") == arrives.replace("info@", "fail2ban@" if "fail2ban" in written else "root@")


def test_rule_19_fields_that_may_occur_once(send):
    session = send(BOB, message=b"From: info@example.it\nTo: a@x.org\nTo: b@x.org\nSubject: one\nSubject: two\n\nhello\n")
    assert (session.field("To"), session.field("Subject")) == ("a@x.org, b@x.org", "one")


def test_rule_20_8_bit_text(send):
    utf8, latin = "caff\u00e8 \u2713".encode(), b"caff\xe8"
    for words in (["-B8BITMIME"], []):
        for text in (utf8, latin):
            session = send(*words, BOB, message=HEAD + b"Subject: " + text + b"\n\n" + text + b"\n")
            assert session.body == text + b"\r\n" and session.command("MAIL").count("BODY=8BITMIME") == 1
            assert session.field("Subject").isascii() and session.field("MIME-Version") == "1.0"
            session = send(*words, BOB, message=HEAD + b"\n" + text + b"\n", keywords=SEVEN_BITS)
            assert session.message.isascii() and text_of(session) == text + b"\r\n"
    subject = send(BOB, message=HEAD + b"Subject: " + utf8 + b"\n\nhello\n").field("Subject")
    assert str(email.header.make_header(email.header.decode_header(subject))).encode() == utf8
    # Debian's cron says US-ASCII of what is none; its bytes survive.
    label = b"MIME-Version: 1.0\nContent-Type: text/plain; charset=US-ASCII\nContent-Transfer-Encoding: 8bit\n"
    assert send(BOB, message=HEAD + label + b"\n" + utf8 + b"\n").body == utf8 + b"\r\n"
    assert b"after" in text_of(send(BOB, message=HEAD + b"\nbefore\0after\nend\n"))


def test_rule_21_lines_without_an_end(send):
    long = b"word " * 800
    for message in (
        HEAD + b"Subject: " + long + b"\n\nhello\n", HEAD + b"X-Cron-Env: <A=" + b"x" * 5000 + b">\n\nhello\n",
        HEAD + b"\n" + long + b"\n", HEAD + b"\n" + b"x" * 100000 + b"\n",
    ):
        session = send(BOB, message=message)
        assert max(map(len, session.message.split(b"\r\n"))) <= 998
    assert text_of(send(BOB, message=HEAD + b"\n" + b"x" * 3000 + b"\n")) == b"x" * 3000 + b"\r\n"


@pytest.mark.parametrize("keywords", [None, SEVEN_BITS], ids=["8BITMIME", "7 bits"])
def test_rule_22_binary_is_a_label_that_few_servers_know(keywords, send):
    head = HEAD + b"MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: binary\n\n"
    body = "caff\u00e8\n".encode() + b"y" * 2000 + b"\n"
    session = send(BOB, message=head + body, keywords=keywords)
    assert session.field("Content-Transfer-Encoding") != "binary"
    assert text_of(session) == body.replace(b"\n", b"\r\n")


def test_rule_22_broken_folding_passes(send):
    broken = b"MIME-Version: 1.0\nContent-Type: text/plain;\nAuto-Submitted: auto-generated;\n\tcharset=\"UTF-8\"\n"
    assert broken.replace(b"\n", b"\r\n") in send(BOB, message=HEAD + broken + b"\nhello\n").header


def test_rule_23_from_in_the_text_stays(send):
    assert send(BOB, message=HEAD + b"\nFrom here on\n>From there\n").body == b"From here on\r\n>From there\r\n"
