"""Who gets the message: -t and the address lists of real headers, Bcc, and what no server may be told."""

import re

import pytest

from conftest import table

# (what is shown, the header, the recipients)
LISTS = [
    ("To, Cc and Bcc", "To: a@x.org\nCc: b@x.org\nBcc: c@x.org", "a@x.org b@x.org c@x.org"),
    ("names without regard to case", "TO: a@x.org\ncc: b@x.org\nbCC: c@x.org", "a@x.org b@x.org c@x.org"),
    ("two To fields", "To: a@x.org\nTo: b@x.org", "a@x.org b@x.org"),
    ("PHP's empty To first", "To: \nSubject: x\nTo: a@x.org", "a@x.org"),
    ("a display name", "To: Anna <a@x.org>", "a@x.org"),
    ("a quoted name with a comma", 'To: "Rossi, Anna" <a@x.org>, b@x.org', "a@x.org b@x.org"),
    ("a name with dots", "To: John Q. Public <a@x.org>", "a@x.org"),
    ("an encoded word", "To: =?utf-8?q?Ren=C3=A9?= <a@x.org>", "a@x.org"),
    ("a raw UTF-8 name", "To: René <a@x.org>", "a@x.org"),
    ("a folded list", "To: a@x.org,\n b@x.org,\n\tc@x.org", "a@x.org b@x.org c@x.org"),
    ("a field folded before its value", "To:\n a@x.org", "a@x.org"),
    ("a group", "To: friends: a@x.org, B <b@x.org>;", "a@x.org b@x.org"),
    ("a group and more", "To: friends: a@x.org;, b@x.org", "a@x.org b@x.org"),
    ("an empty group", "To: undisclosed-recipients:;\nBcc: c@x.org", "c@x.org"),
    ("a comment", "To: a@x.org (Anna), b@x.org (Bob (the builder))", "a@x.org b@x.org"),
    ("a comment with a comma", "To: a@x.org (Rossi, Anna)", "a@x.org"),
    ("a quoted local part", 'To: "a b"@x.org', ['"a b"@x.org']),
    ("quotes that are not needed", 'To: "anna"@x.org', "anna@x.org"),
    ("an obsolete route", "To: <@one.example,@two.example:a@x.org>", "a@x.org"),
    ("blanks around dots", "To: a . b @ x . org", "a.b@x.org"),
    ("a domain literal", "To: a@[127.0.0.1]", "a@[127.0.0.1]"),
    ("an apostrophe", "To: o'neil@x.org", "o'neil@x.org"),
    ("a plus", "To: anna+news@x.org", "anna+news@x.org"),
    ("dots that are no dot-atom", "To: a..b.@x.org", "a..b.@x.org"),
    ("semicolons", "To: a@x.org; b@x.org", "a@x.org b@x.org"),
    ("empty members", "To: ,, a@x.org,, b@x.org,", "a@x.org b@x.org"),
    ("a bare name", "To: root", "root@example.it"),
    ("the same one in To and Cc", "To: a@x.org\nCc: Anna <a@X.ORG>", "a@x.org"),
    ("Resent only", "To: old@x.org\nResent-To: new@x.org\nResent-Bcc: b@x.org", "new@x.org b@x.org"),
    (
        "the newest Resent block only",
        "Resent-From: r@x.org\nResent-To: new@x.org\nResent-From: q@x.org\nResent-To: older@x.org\nTo: old@x.org",
        "new@x.org",
    ),
    ("CRLF line ends", "To: a@x.org,\r\n b@x.org\r\nCc: c@x.org", "a@x.org b@x.org c@x.org"),
    ("a header that ends without an empty line", "To: a@x.org\nthis is no field: or is it", "a@x.org"),
    ("To in the body does not count", "To: a@x.org\n\nTo: b@x.org", "a@x.org"),
    ("a UTF-8 address", "To: jörg@x.org", "jörg@x.org"),
]


@table("header, recipients", LISTS)
def test_lists(header, recipients, orsino, rogue, ini):
    server = rogue()
    orsino.run("-t", ini=ini(server.port), message=f"{header}\n\nhello\n".encode()).succeeded()
    assert server.session.recipients == (recipients if isinstance(recipients, list) else recipients.split(" "))


# (what is shown, words, the header, exit code, words of the line)
REFUSED = [
    ("no recipient with -t", ["-t"], "Subject: x", 64, ["recipient", "To, Cc or Bcc"]),
    ("an empty group only", ["-t"], "To: undisclosed-recipients:;", 64, ["recipient"]),
    ("an empty Resent block", ["-t"], "To: a@x.org\nResent-To: ", 64, ["recipient"]),
    ("an open angle bracket", ["-t"], "To: Anna <a@x.org", 65, ["To", "Anna <a@x.org"]),
    ("an open quote", ["-t"], 'To: "Anna <a@x.org>', 65, ["To", "Anna"]),
    ("two at signs", ["-t"], "Cc: a@b@x.org", 65, ["Cc", "a@b@x.org"]),
    ("no local part", ["-t"], "Bcc: @x.org", 65, ["Bcc", "@x.org"]),
    ("one bad one among good ones", ["-t"], "To: a@x.org, b@, c@x.org", 65, ["b@"]),
    ("a NUL", ["-t"], "To: a\0b@x.org", 65, []),
    ("an argument with a line end", ["a@x.org\r\nRCPT TO:<evil@x.org>"], "", 65, []),
    ("an argument with a folded list", ["a@x.org,\r\n b@x.org"], "", 65, ["a@x.org", "line end"]),
    ("an argument with a bare LF", ["a@x.org\nDATA"], "", 65, []),
    ("a sender with a line end", ["-f", "a@x.org>\r\nRSET", "b@x.org"], "", 65, []),
    ("a control character", ["a\x01b@x.org"], "", 65, []),
    ("an address beyond all limits", ["a" * 400 + "@x.org"], "", 65, ["aaaa"]),
]


@table("words, header, code, said", REFUSED)
def test_refused(words, header, code, said, orsino, rogue, ini):
    server = rogue()
    orsino.run(*words, ini=ini(server.port), message=f"{header}\n\nhello\n".encode()).failed(code, *said)
    assert server.sessions == []


def test_a_bare_name_without_a_domain(orsino, rogue, ini):
    server = rogue()
    result = orsino.run("root", ini=ini(server.port, domain=None))
    result.failed(65, "root", "has no domain", "domain =")
    assert server.sessions == []


INJECTIONS = [
    "Subject: x\r\n.\r\nMAIL FROM:<evil@x.org>\r\nRCPT TO:<evil@x.org>\r\nDATA\r\n",
    "Subject: x\n\n\n.\r\nMAIL FROM:<evil@x.org>\r\n",
    "Subject: x\n\nhello\r.\rMAIL FROM:<evil@x.org>\r",
    "Subject: x\n\nhello\n.\rMAIL FROM:<evil@x.org>\n",
    "Subject: x\n\nhello\r\n.\nMAIL FROM:<evil@x.org>\r\n",
    "Subject: x\n\nhello\r.\nMAIL FROM:<evil@x.org>\r\n",
    "Subject: x\n\nhello\r\r.\r\r\nMAIL FROM:<evil@x.org>\r\n",
    "Subject: x\n\nhello\r\n\0.\r\nMAIL FROM:<evil@x.org>\r\n",
    "Subject: x\rBcc: evil@x.org\rTo: evil@x.org\n\nhello\n",
]


@pytest.mark.parametrize("options", [[], ["-i"]], ids=["dots as by default", "-i"])
@pytest.mark.parametrize("message", INJECTIONS, ids=range(len(INJECTIONS)))
def test_no_smuggling(message, options, orsino, rogue, ini):
    """One message stays one: no sequence that any server takes for the end stands inside it."""
    server = rogue()
    orsino.run(*options, "b@example.org", ini=ini(server.port), message=message.encode()).succeeded()
    session = server.session
    assert session.verbs == "EHLO MAIL RCPT DATA . QUIT"
    assert session.recipients == ["b@example.org"]
    rest = session.message.replace(b"\r\n", b"")
    assert b"\r" not in rest and b"\n" not in rest and b"\0" not in rest
    assert not session.fields("Bcc")


@pytest.mark.parametrize("words", [["-t"], ["a@example.org", "hidden@example.org"]], ids=["-t", "without -t"])
def test_bcc_never_leaves(words, orsino, postfix, rogue, ini):
    header = b"To: a@example.org\nBcc: hidden@example.org,\n other@example.org\nbcc : x@example.org\nSubject: x\nResent-Bcc: y@example.org\n"
    if words == ["-t"]:
        header = header.replace(b"Resent-Bcc: y@example.org\n", b"")
    server = rogue()
    orsino.run(*words, ini=ini(server.port), message=header + b"\nhello\n").succeeded()
    assert "hidden@example.org" in server.session.recipients
    check_no_bcc(server.session.message)
    orsino.run(*words, ini=ini(postfix.plain), message=header + b"\nhello\n").succeeded()
    for recipient in ("a@example.org", "hidden@example.org"):
        check_no_bcc(postfix.take(recipient).sent)


def check_no_bcc(message):
    assert b"hidden" not in message
    assert not re.search(rb"(?mi)^(resent-)?bcc", message)


def test_a_thousand_recipients(orsino, rogue, ini):
    server = rogue()
    wanted = [f"user{i}@example.org" for i in range(1000)]
    message = "To: " + ",\n ".join(wanted) + "\n\nhello\n"
    orsino.run("-t", ini=ini(server.port), message=message.encode()).succeeded()
    assert server.session.recipients == wanted
