"""The repairs of messages, as they go over the wire and as they arrive at Postfix."""

import email.utils
import os
import pwd
import quopri
import re
import time
from dataclasses import dataclass
from email import message_from_bytes
from email.header import decode_header, make_header
from email.policy import default as email_policy

import pytest

HEAD = b"From: Info <info@example.it>\nTo: anna@example.org\nDate: Tue, 1 Sep 2026 10:00:00 +0200\nMessage-ID: <1@example.it>\n"
TO = "anna@example.org"


def own_from(address):
    """The From that is made for who runs the tests."""
    name = pwd.getpwuid(os.getuid()).pw_gecos.split(",")[0]
    return f"From: {name} <{address}>".encode() if name else f"From: {address}".encode()


class Arrived:
    """A message at its end, with LF line ends."""

    def __init__(self, raw):
        self.raw = raw
        self.header, _, self.body = raw.partition(b"\n\n")
        self.parsed = message_from_bytes(raw, policy=email_policy)

    @property
    def text(self):
        return self.parsed.get_content()


@pytest.fixture(params=["wire", "Postfix"])
def arrive(request, orsino, ini):
    """Sends a message and gives it as it came: to a scripted server, where each byte is looked at, and to Postfix."""

    def to_rogue(*words, message, **changes):
        server = request.getfixturevalue("rogue")(keywords=changes.pop("keywords", None))
        orsino.run(*words, TO, ini=ini(server.port, **changes), message=message).succeeded()
        check_wire(server.session.message)
        return Arrived(server.session.text.replace(b"\r\n", b"\n"))

    def to_postfix(*words, message, **changes):
        changes.pop("keywords", None)
        postfix = request.getfixturevalue("postfix")
        orsino.run(*words, TO, ini=ini(postfix.plain, **changes), message=message).succeeded()
        return Arrived(postfix.take(TO).sent)

    return to_rogue if request.param == "wire" else to_postfix


def check_wire(message):
    """What RFC 5321 and 5322 ask of every message, whatever it was made of."""
    lines = message.split(b"\r\n")
    assert lines.pop() == b""
    for line in lines:
        assert b"\r" not in line and b"\n" not in line and b"\0" not in line
        assert len(line) <= 998
        assert line == b"." or not line.startswith(b".") or line.startswith(b"..")
    assert b"" in lines, "no empty line between header and body"


@dataclass
class Case:
    """A repair. `header` are lines that must stand there, `absent` words that must not, `body` is all of it."""

    name: str
    message: bytes
    header: tuple = ()
    body: bytes = None
    absent: tuple = ()
    words: tuple = ()
    changes: tuple = ()


CASES = [
    Case(
        "a good one stays as it is", HEAD + b"Subject: x\nX-Odd:   kept  as it is\n\nhello\n",
        HEAD.splitlines() + [b"X-Odd:   kept  as it is"], b"hello\n",
    ),
    Case("no header at all", b"just text\n", (own_from("info@example.it"),), b"just text\n"),
    Case("an empty line first: no header", b"\nSubject: in the body\n", (), b"Subject: in the body\n", (b"Subject",)),
    Case("nothing at all", b"", (own_from("info@example.it"),), b""),
    Case("a header without a body", HEAD + b"Subject: x\n", (b"Subject: x",), b""),
    Case("no final newline", HEAD + b"\nhello", (), b"hello\n"),
    Case("no final newline in the header", HEAD + b"Subject: x", (b"Subject: x",), b""),
    Case("text ends the header", HEAD + b"Subject: x\nhello there\nbye\n", (b"Subject: x",), b"hello there\nbye\n"),
    # The sender's fields
    Case("From from the account", b"Subject: x\n\nhello\n", (own_from("info@example.it"),)),
    Case("From from -f", b"Subject: x\n\nhello\n", (own_from("web@example.it"),), words=("-f", "web@example.it")),
    Case(
        "From with -F", b"Subject: x\n\nhello\n", (b"From: Cron Daemon <info@example.it>",),
        words=("-F", "Cron Daemon"),
    ),
    Case(
        "From with -F, attached", b"Subject: x\n\nhello\n", (b"From: CronDaemon <info@example.it>",),
        words=("-FCronDaemon",),
    ),
    Case(
        "From with a full name that must be quoted", b"\nhello\n", (b'From: "Web, Master" <info@example.it>',),
        words=("-F", "Web, Master"),
    ),
    Case(
        "From with the account's full name", b"\nhello\n", (b"From: The Shop <info@example.it>",),
        changes=(("full_name", "The Shop"),),
    ),
    Case("From without an address", b"From:\nSubject: x\n\nhello\n", (own_from("info@example.it"),)),
    Case(
        "-F does not touch a From", HEAD + b"\nhello\n", (b"From: Info <info@example.it>",), absent=(b"Other",),
        words=("-F", "Other"),
    ),
    Case(
        "cron's From", b"From: root (Cron Daemon)\nTo: root\n\nhello\n",
        (b"From: Cron Daemon <info@example.it>", b"X-Original-From: root (Cron Daemon)", b"To: root@example.it"),
    ),
    Case(
        "quoted cron", b'From: "(Cron Daemon)" <root>\n\nhello\n',
        (b'From: "(Cron Daemon)" <info@example.it>', b'X-Original-From: "(Cron Daemon)" <root>'),
    ),
    Case(
        "fail2ban's From", b"From: Fail2Ban <fail2ban>\nTo: root\n\nhello\n",
        (b"From: Fail2Ban <info@example.it>", b"X-Original-From: Fail2Ban <fail2ban>"),
    ),
    Case(
        "a sender at a host without a dot", b"From: mdadm monitoring <root@vm>\nTo: bob@vm\n\nhello\n",
        (b"From: mdadm monitoring <info@example.it>", b"To: bob@vm"),
    ),
    Case(
        "a sender at localhost", b"From: root@localhost (Cron Daemon)\nSender: www@localhost.localdomain\n\nhello\n",
        (b"From: Cron Daemon <info@example.it>", b"X-Original-From: root@localhost (Cron Daemon)"),
        absent=(b"Sender:",),
    ),
    Case(
        "an author whom the provider would refuse", b"From: Anna <anna@example.com>\n\nhello\n",
        (b"From: Anna <info@example.it>", b"X-Original-From: Anna <anna@example.com>", b"Reply-To: Anna <anna@example.com>"),
        changes={"from_header": "force"},
    ),
    Case(
        "cron's From, kept", b"From: root (Cron Daemon)\nTo: root\n\nhello\n",
        (b"From: Cron Daemon <root@example.it>", b"To: root@example.it"),
        changes={"from_header": "keep"},
    ),
    Case(
        "quoted cron, kept", b'From: "(Cron Daemon)" <root>\n\nhello\n', (b'From: "(Cron Daemon)" <root@example.it>',),
        changes={"from_header": "keep"},
    ),
    Case(
        "fail2ban's From, kept", b"From: Fail2Ban <fail2ban>\nTo: root\n\nhello\n",
        (b"From: Fail2Ban <fail2ban@example.it>",),
        changes={"from_header": "keep"},
    ),
    Case(
        "a sender at a host without a dot, kept", b"From: mdadm monitoring <root@vm>\nTo: bob@vm\n\nhello\n",
        (b"From: mdadm monitoring <root@example.it>", b"To: bob@vm"),
        changes={"from_header": "keep"},
    ),
    Case(
        "a sender at localhost, kept", b"From: root@localhost (Cron Daemon)\nSender: www@localhost.localdomain\n\nhello\n",
        (b"From: Cron Daemon <root@example.it>", b"Sender: www@example.it"),
        changes={"from_header": "keep"},
    ),
    Case(
        "bare names among others", b"To: root, Bob <bob@x.org>, admin\nReply-To: joe\n\nx\n",
        (b"To: root@example.it, Bob <bob@x.org>, admin@example.it", b"Reply-To: joe@example.it"),
    ),
    Case(
        "two From fields", b"From: a@example.it\nFrom: second@example.it\n\nhello\n", (b"From: a@example.it",),
        absent=(b"second@example.it",),
    ),
    Case(
        "an empty To and a full one", b"To: \nTo: anna@example.org\n\nhello\n", (b"To: anna@example.org",),
        absent=(b"To: \n",),
    ),
    # Other fields
    Case(
        "Message-Id in another case", b"message-id: <7@x.org>\n\nhello\n", (b"message-id: <7@x.org>",),
        absent=(b"Message-ID",),
    ),
    Case(
        "what must not be sent", HEAD + b"Return-Path: <x@y>\nContent-Length: 5\nBcc: z@y\n\nhello\n", (),
        b"hello\n", (b"Return-Path", b"Content-Length", b"Bcc", b"z@y"),
    ),
    Case(
        "an mbox line first", b"From root@host Tue Sep  1 10:00:00 2026\n" + HEAD + b"\nhello\n",
        (b"From: Info <info@example.it>",), b"hello\n", (b"root@host",),
    ),
    Case(
        "a quoted mbox line first", b">From root@host Tue Sep  1 10:00:00 2026\n" + HEAD + b"\nhello\n", (),
        b"hello\n", (b"root@host",),
    ),
    Case(
        "text that begins like an mbox line", b"From now on\nit works\n", (own_from("info@example.it"),),
        b"From now on\nit works\n",
    ),
    Case("From in the body is text", HEAD + b"\nFrom here on\n", (), b"From here on\n"),
    # Line ends
    Case("CRLF", HEAD.replace(b"\n", b"\r\n") + b"\r\none\r\ntwo\r\n", HEAD.splitlines(), b"one\ntwo\n"),
    Case("CRLF header, LF body", HEAD.replace(b"\n", b"\r\n") + b"\r\none\ntwo\n", HEAD.splitlines(), b"one\ntwo\n"),
    Case("bare CR", HEAD + b"\none\rtwo\r\nthree\n", (), b"one\ntwo\nthree\n"),
    Case("CR CR LF", HEAD + b"\none\r\r\ntwo\r\r\n", (), b"one\ntwo\n"),
    Case("CRLF that was cut by the end", HEAD + b"\none\r", (), b"one\n"),
    # Dots
    Case("a lone dot with -i is text", HEAD + b"\none\n.\ntwo\n", (), b"one\n.\ntwo\n", words=("-i",)),
    Case("a last dot with -i is text", HEAD + b"\none\n.\n", (), b"one\n.\n", words=("-i",)),
    Case("stuffed dots with -i are text", HEAD + b"\n..one\n...\n", (), b"..one\n...\n", words=("-i",)),
    Case("a last dot ends it", HEAD + b"\none\n.\n", (), b"one\n"),
    Case("anacron's unstuffed dots are kept", HEAD + b"\none\n.\ntwo\n.profile\n", (), b"one\n.\ntwo\n.profile\n"),
    Case("Symfony's stuffed dots are unstuffed", HEAD + b"\none\n..\n..profile\ntwo\n", (), b"one\n.\n.profile\ntwo\n"),
    Case("stuffed and unstuffed dots: nothing is lost", HEAD + b"\n..one\n.two\n", (), b"..one\n.two\n"),
    Case(
        "dot_terminates = yes", HEAD + b"\none\n..two\n.\nthree\n", (), b"one\n.two\n",
        changes=(("dot_terminates", "yes"),),
    ),
    Case("dot_terminates = no", HEAD + b"\none\n.\n", (), b"one\n.\n", changes=(("dot_terminates", "no"),)),
    # Bytes
    Case("NUL is no end", HEAD + b"\nbefore\nmid\0dle\nafter\n", (), None),
    Case("tabs and form feeds stay", HEAD + b"\na\tb\x0cc\n", (), b"a\tb\x0cc\n"),
    Case(
        "UTF-8 without MIME", HEAD + "\ncaffè\n".encode(),
        (b"MIME-Version: 1.0", b"Content-Type: text/plain; charset=utf-8", b"Content-Transfer-Encoding: 8bit"),
        "caffè\n".encode(),
    ),
    Case(
        "Latin-1 without MIME", HEAD + b"\ncaff\xe8\n",
        (b"MIME-Version: 1.0", b"Content-Type: text/plain; charset=unknown-8bit"), b"caff\xe8\n",
    ),
    Case(
        "UTF-8 with MIME",
        HEAD + "MIME-Version: 1.0\nContent-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n<p>è\n".encode(),
        (b"Content-Type: text/html; charset=utf-8",), "<p>è\n".encode(),
    ),
    Case(
        "cron's wrong charset",
        HEAD + "MIME-Version: 1.0\nContent-Type: text/plain; charset=US-ASCII\nContent-Transfer-Encoding: 8bit\n\ncaffè\n".encode(),
        (), "caffè\n".encode(),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_repair(case, arrive):
    arrived = arrive(*case.words, message=case.message, **dict(case.changes))
    lines = arrived.header.split(b"\n")
    for line in case.header:
        assert line in lines
    for word in case.absent:
        assert word not in arrived.header
    if case.body is not None:
        assert arrived.body == case.body
    check_complete(arrived)


def check_complete(arrived):
    """What every message has once, also one that had nothing."""
    for name in ("From", "Date", "Message-ID"):
        assert len(arrived.parsed.get_all(name, [])) == 1, name
    ((_, address),) = email.utils.getaddresses(arrived.parsed.get_all("From"))
    assert "@" in address
    assert re.fullmatch(r"<[^<>@\s]+@[^<>@\s]+>", arrived.parsed["Message-ID"].strip())


def test_the_table_is_as_long_as_promised():
    assert len(CASES) >= 25
    assert len({case.name for case in CASES}) == len(CASES)


def test_date_and_message_id_of_now(arrive):
    before = int(time.time())
    arrived = arrive(message=b"Subject: x\n\nhello\n")
    date = email.utils.parsedate_to_datetime(arrived.parsed["Date"])
    assert before <= date.timestamp() <= time.time()
    assert re.match(r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d", arrived.parsed["Date"])
    assert arrived.parsed["Message-ID"].endswith("@example.it>")


def test_date_has_the_local_zone(orsino, rogue, ini):
    server = rogue()
    environment = {"TZ": "XXX-05:30", "LC_ALL": "de_DE.UTF-8"}
    orsino.run(TO, ini=ini(server.port), message=b"\nhello\n", environment=environment).succeeded()
    assert server.session.field("Date").endswith(" +0530")


@pytest.mark.parametrize(
    "raw, text",
    [
        ("Prüfung".encode(), "Prüfung"),
        (("Größe " * 40).encode(), ("Größe " * 40).strip()),
        ("日本語の件名".encode() * 9, "日本語の件名" * 9),
        (b"caff\xe8", None),
    ],
    ids=["one word", "many words", "many bytes a letter", "not UTF-8"],
)
def test_raw_8_bit_subject(raw, text, arrive):
    arrived = arrive(message=HEAD + b"Subject: " + raw + b"\n\nhello\n")
    assert arrived.header.isascii()
    subject = message_from_bytes(arrived.raw)["Subject"]
    words = re.findall(r"=\?.*?\?=", subject)
    assert words and all(len(word) <= 75 for word in words)
    if text is not None:
        assert str(make_header(decode_header(subject))).strip() == text
    else:
        assert decode_header(subject)[0][0] == raw


def test_raw_8_bit_name(arrive):
    arrived = arrive(message="From: René <rene@example.it>\nSubject: x\n\nhello\n".encode())
    assert arrived.header.isascii()
    assert email.utils.getaddresses([arrived.parsed["From"]]) == [("René", "rene@example.it")]


def test_full_name_beyond_ascii(arrive):
    arrived = arrive("-F", "Jörg Müller", message=b"Subject: x\n\nhello\n")
    assert arrived.header.isascii()
    assert email.utils.getaddresses([arrived.parsed["From"]]) == [("Jörg Müller", "info@example.it")]


LONG_LINE = b"word " * 700 + b"end."


def test_long_subject_is_folded(arrive):
    arrived = arrive(message=HEAD + b"Subject: " + LONG_LINE + b"\n\nhello\n")
    assert max(map(len, arrived.header.split(b"\n"))) <= 998
    unfolded = re.search(rb"(?m)^Subject:((?:.*\n)(?:[ \t].*\n)*)", arrived.header + b"\n")[1].replace(b"\n", b"")
    assert unfolded.split() == LONG_LINE.split()


def test_long_word_in_a_header_is_folded_hard(arrive):
    arrived = arrive(message=HEAD + b"X-Key: " + b"k" * 5000 + b"\n\nhello\n")
    assert max(map(len, arrived.header.split(b"\n"))) <= 998
    assert arrived.header.count(b"k") == 5000


def test_long_line_of_text_becomes_quoted_printable(arrive):
    body = LONG_LINE + b"\nshort = one\n" + "trailing blank \nperché\n".encode()
    arrived = arrive(message=HEAD + b"Subject: x\n\n" + body)
    assert arrived.parsed["Content-Transfer-Encoding"] == "quoted-printable"
    assert arrived.parsed["MIME-Version"] == "1.0"
    assert max(map(len, arrived.body.split(b"\n"))) <= 76
    assert quopri.decodestring(arrived.body) == body


def test_long_line_of_html_becomes_quoted_printable(arrive):
    fields = b"MIME-Version: 1.0\nContent-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: 8bit\n"
    body = "<p>è".encode() * 1000 + b"\n"
    arrived = arrive(message=HEAD + fields + b"\n" + body)
    assert arrived.parsed["Content-Transfer-Encoding"] == "quoted-printable"
    assert arrived.parsed.get_content_type() == "text/html"
    assert arrived.text == body.decode()


def test_long_line_of_base64_is_broken(arrive):
    fields = b"MIME-Version: 1.0\nContent-Type: image/png\nContent-Transfer-Encoding: base64\n"
    arrived = arrive(message=HEAD + fields + b"\n" + b"QUJD" * 1000 + b"\n")
    assert arrived.parsed["Content-Transfer-Encoding"] == "base64"
    assert max(map(len, arrived.body.split(b"\n"))) <= 998
    assert arrived.parsed.get_content() == b"ABC" * 1000


def test_long_line_in_a_multipart_is_broken(arrive):
    fields = b'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="b"\n'
    body = b"--b\nContent-Type: text/plain\n\n" + LONG_LINE + b"\n--b--\n"
    arrived = arrive(message=HEAD + fields + b"\n" + body)
    assert b"Content-Transfer-Encoding" not in arrived.header
    assert max(map(len, arrived.body.split(b"\n"))) <= 998
    assert arrived.body.replace(b"\n ", b"") == body


def test_long_line_of_a_signed_message_is_not_encoded(arrive):
    arrived = arrive(message=HEAD + b"DKIM-Signature: v=1; a=rsa-sha256\n\n" + LONG_LINE + b"\n")
    assert b"quoted-printable" not in arrived.header
    assert arrived.body.replace(b"\n ", b"") == LONG_LINE + b"\n"


def test_line_of_exactly_998_stays(arrive):
    arrived = arrive(message=HEAD + b"\n" + b"x" * 998 + b"\n")
    assert arrived.body == b"x" * 998 + b"\n"


def test_nul_does_not_cut(arrive):
    arrived = arrive(message=HEAD + b"\nbefore\nmid\0dle\nafter\n")
    text = arrived.text
    assert "before\nmid" in text and "dle\nafter\n" in text


def test_8_bit_text_for_a_server_that_takes_7(orsino, rogue, ini):
    server = rogue(keywords=["PIPELINING", "SIZE 1000000"])
    body = "caffè = buono\n".encode()
    orsino.run(TO, ini=ini(server.port), message=HEAD + b"\n" + body).succeeded()
    session = server.session
    assert session.message.isascii()
    assert "BODY" not in session.command("MAIL")
    assert session.field("Content-Transfer-Encoding") == "quoted-printable"
    assert quopri.decodestring(session.body.replace(b"\r\n", b"\n")) == body


def test_8_bit_multipart_for_a_server_that_takes_7(orsino, rogue, ini):
    server = rogue(keywords=["PIPELINING"])
    message = HEAD + b"MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\n\xc3\xa8\n--b--\n"
    orsino.run(TO, ini=ini(server.port), message=message).failed(65, "8-bit", "base64 or quoted-printable")
    assert server.session.verbs == "EHLO QUIT"


@pytest.mark.parametrize("size", [255 * 1024, 257 * 1024, 300_000, 3_000_000])
def test_sizes_around_the_temporary_file(size, arrive):
    body = b"".join(b"%08d the quick brown fox jumps over the lazy dog, and on\n" % i for i in range(size // 62))
    arrived = arrive(message=HEAD + b"\n" + body)
    assert arrived.body == body


def test_no_temporary_file_is_left(orsino, rogue, ini, tmp_path):
    server = rogue()
    folder = tmp_path / "temporary"
    folder.mkdir()
    message = HEAD + b"\n" + b"hello there\n" * 50000
    orsino.run(TO, ini=ini(server.port), message=message, environment={"TMPDIR": str(folder)}).succeeded()
    assert list(folder.iterdir()) == []


def test_temporary_folder_that_is_not_there(orsino, rogue, ini):
    server = rogue()
    message = HEAD + b"\n" + b"hello there\n" * 50000
    orsino.run(TO, ini=ini(server.port), message=message, environment={"TMPDIR": "/nonexistent"}).succeeded()
    assert server.session.body == b"hello there\r\n" * 50000


def test_message_over_the_limit(orsino, rogue, ini):
    server = rogue()
    config = ini(server.port, max_message="100k")
    orsino.run(TO, ini=config, message=HEAD + b"\n" + b"x\n" * 60000).failed(65, "more than 102400 bytes")
    assert server.sessions == []


def test_signed_and_good_messages_are_kept_to_the_byte(arrive):
    fields = b"X-Mailer: one\n\ttwo\nDKIM-Signature: v=1; a=rsa-sha256; d=example.it;\n\tbh=abc; b=def\nSubject:  two  blanks \n"
    message = HEAD + fields + b"\n\n leading blank\ntrailing blank \n\n\n"
    assert arrive(message=message).raw == message
