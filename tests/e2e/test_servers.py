"""THE table of server behaviours: what orsino says and does, and what it gives away, when a server is odd."""

import ssl
from dataclasses import dataclass, field

import pytest

from conftest import table
from rogue import CLOSE, KEYWORDS, RESET, SILENCE
from servers import PASSWORD, USER

LOGIN = "EHLO AUTH"
SENT = "EHLO AUTH MAIL RCPT DATA . QUIT"
TLS_SENT = "EHLO STARTTLS EHLO AUTH MAIL RCPT DATA . QUIT"
EIGHT_BIT = "Subject: x\n\ncaffè\n".encode()


def without(*words):
    return [k for k in KEYWORDS if not k.startswith(words)]


def with_auth(words):
    return without("AUTH") + [words]


@dataclass
class Case:
    """One behaviour. `got` is every command the server must have got, None when it must not have got any message."""

    name: str
    script: dict = field(default_factory=dict)
    tls: str = "implicit"  # of the account
    exit: int = 0
    says: tuple = ()
    got: str = None
    delivered: bool = False
    keywords: list = None
    certificate: str = "good"
    server_tls: str = None  # of the server, when it is another one
    message: bytes = b"Subject: x\n\nhello\n"
    to: tuple = ("anna@example.org",)
    changes: dict = field(default_factory=dict)  # to the account


REFUSED_TWICE = {"RCPT": "550 5.1.1 no such user", "DATA": "554 5.5.1 no valid recipients"}
BIG = b"Subject: big\n\n" + b"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde\n" * 32768
QUICK = {"timeout": "1s", "connect_timeout": "1s"}

CASES = [
    Case("a normal one, implicit TLS", got=SENT, delivered=True),
    Case("a normal one, STARTTLS", tls="starttls", got=TLS_SENT, delivered=True),
    Case("a normal one, without TLS and login", tls="none", got="EHLO MAIL RCPT DATA . QUIT", delivered=True),
    # The greeting
    Case(
        "greeting 554", {"greeting": "554 5.7.1 you are on a list"}, exit=69, says=("554 5.7.1 you are on a list",),
        got="QUIT",
    ),
    Case("greeting 421", {"greeting": ("421 4.3.2 too busy", CLOSE)}, exit=75, says=("421 4.3.2 too busy",), got=""),
    Case("greeting of 100 lines", {"greeting": "220-welcome\r\n" * 99 + "220 ready"}, got=SENT, delivered=True),
    Case(
        "greeting that is no SMTP", {"greeting": b"hello and welcome\r\n"}, exit=76, says=("hello and welcome",),
        got="",
    ),
    Case(
        "greeting of HTTP", {"greeting": b"HTTP/1.1 400 Bad Request\r\n\r\n"}, exit=76, says=("HTTP/1.1 400",),
        got="",
    ),
    Case("hangs up at once", {"greeting": CLOSE}, exit=75, says=("connection", "greeting"), got=""),
    Case("reset at once", {"greeting": RESET}, exit=75, says=("connection",), got=""),
    # Replies that are no replies
    Case("reply cut off", {"EHLO": (b"250-rogue\r\n250-PIPELI", CLOSE)}, exit=75, says=("EHLO",), got="EHLO"),
    Case(
        "reply of 10,000 lines", {"EHLO": b"250-more\r\n" * 10000 + b"250 end\r\n"}, exit=76,
        says=("too long", "250-more"), got="EHLO",
    ),
    Case("reply line of 1 MB", {"EHLO": b"250 " + b"x" * 1_000_000 + b"\r\n"}, exit=76, says=("line",), got="EHLO"),
    Case("reply whose codes differ", {"MAIL": b"250-yes\r\n550 no\r\n"}, tls="none", exit=76, says=("MAIL",)),
    Case("reply with an escape in it", {"MAIL": b"250 \x1b[2Jok\r\n"}, tls="none", exit=76),
    Case("reply with a code of 999", {"MAIL": b"999 what\r\n"}, tls="none", exit=76, says=("999 what",)),
    Case("reply byte by byte", {"greeting": tuple(bytes([c]) for c in b"220 slow\r\n")}, got=SENT, delivered=True),
    Case("replies with bare LF", {"greeting": b"220 unix\n", "MAIL": b"250 ok\n"}, got=SENT, delivered=True),
    Case(
        "two replies at once", {"EHLO": b"250 a\r\n250 b\r\n"}, tls="none", exit=76, says=("more than one answer",),
        got="EHLO",
    ),
    # TLS
    Case(
        "no TLS on the TLS port",
        {"connect": ("220 mx ESMTP", SILENCE)},
        exit=76,
        says=("no TLS on this port", "220 mx ESMTP", "tls = starttls", "set tls = starttls, or port = 465"),
        got="",
    ),
    Case(
        "TLS on the plain port",
        tls="starttls",
        server_tls="implicit",
        exit=75,
        says=("greeting", "tls = implicit", "465"),
        got="",
        changes=QUICK,
    ),
    Case("hangs up in the handshake", {"connect": CLOSE}, exit=75, says=("TLS",), got=""),
    Case("expired certificate", certificate="expired", exit=77, says=("certificate", "expired"), got=""),
    Case("certificate of tomorrow", certificate="not-yet", exit=77, says=("certificate", "not valid before"), got=""),
    Case("wrong name", certificate="wrong-name", exit=77, says=("name", "mail.elsewhere.example", "localhost"), got=""),
    Case("untrusted authority", certificate="untrusted", exit=77, says=("Some Stranger", "ca_file"), got=""),
    Case("self-signed", certificate="self-signed", exit=77, says=("self-signed", "ca_file"), got=""),
    Case(
        "untrusted authority after STARTTLS", tls="starttls", certificate="untrusted", exit=77,
        says=("not among the CAs",), got="EHLO STARTTLS",
    ),
    # STARTTLS
    Case(
        "STARTTLS stripped",
        tls="starttls",
        server_tls="none",
        exit=76,
        says=("does not offer STARTTLS", "tls = implicit"),
        got="EHLO QUIT",
    ),
    Case(
        "STARTTLS refused for now", {"STARTTLS": "454 4.7.0 not now"}, "starttls", 75, ("454 4.7.0 not now",),
        "EHLO STARTTLS QUIT",
    ),
    Case(
        "STARTTLS refused for good", {"STARTTLS": "502 5.5.1 what"}, "starttls", 76, ("STARTTLS", "502"),
        "EHLO STARTTLS QUIT",
    ),
    Case(
        "plaintext behind STARTTLS",
        {"STARTTLS": b"220 go\r\n250-evil\r\n250 AUTH PLAIN\r\n"},
        "starttls",
        76,
        ("plaintext", "STARTTLS", "250-evil"),
        "EHLO STARTTLS",
    ),
    # EHLO and the login
    Case(
        "EHLO refused, no login wanted", {"EHLO": "502 5.5.1 what"}, "none", 0, (),
        "EHLO HELO MAIL RCPT DATA . QUIT", True,
    ),
    Case("EHLO refused, a login wanted", {"EHLO": "502 5.5.1 what"}, exit=69, says=("EHLO", "502"), got="EHLO QUIT"),
    Case(
        "EHLO and HELO refused", {"EHLO": "502 no", "HELO": "504 need a name"}, "none", 69, ("504 need a name",),
        "EHLO HELO QUIT",
    ),
    Case(
        "login refused", {"AUTH": "535 5.7.8 bad credentials"}, exit=77, says=("535 5.7.8", "password ="),
        got=LOGIN + " QUIT",
    ),
    Case(
        "login wants an app password", {"AUTH": "534 5.7.9 Application-specific password required"}, exit=77,
        says=("app password",),
    ),
    Case(
        "login not possible now", {"AUTH": "454 4.7.0 try later"}, exit=75, says=("454 4.7.0 try later",),
        got=LOGIN + " QUIT",
    ),
    Case(
        "no login mechanism we know", keywords=with_auth("AUTH GSSAPI NTLM"), exit=77, says=("GSSAPI NTLM",),
        got="EHLO QUIT",
    ),
    Case("no login offered", keywords=without("AUTH"), exit=77, says=("auth = none",), got="EHLO QUIT"),
    Case(
        "only LOGIN", keywords=with_auth("AUTH LOGIN"),
        got="EHLO AUTH aW5mb0BleGFtcGxlLml0 cCNzczt3b3Jk MAIL RCPT DATA . QUIT", delivered=True,
    ),
    Case("the old form of AUTH", keywords=with_auth("AUTH=PLAIN"), got=SENT, delivered=True),
    Case("PLAIN without an initial response", {"AUTH": "334 ", "AUTH2": "235 ok"}, delivered=True),
    Case(
        "a login that never ends", {"AUTH": "334 ", "AUTH2": "334 ", "AUTH3": "334 "}, exit=76,
        says=("asks for more",),
    ),
    Case(
        "no login without TLS", tls="none", exit=77, says=("TLS",), got="EHLO QUIT",
        changes={"user": USER, "password": f'"{PASSWORD}"'},
    ),
    # The envelope
    Case(
        "sender refused", {"MAIL": "550 5.7.1 not your address", "RCPT": "503 no", "DATA": "503 no"}, exit=69,
        says=("not your address", "from ="),
    ),
    Case(
        "sender refused for now", {"MAIL": "451 4.7.1 later", "RCPT": "503 no", "DATA": "503 no"}, exit=75,
        says=("451 4.7.1 later",),
    ),
    Case(
        "all recipients refused", REFUSED_TWICE, exit=67, says=("anna@example.org", "550 5.1.1 no such user"),
        got="EHLO AUTH MAIL RCPT DATA QUIT",
    ),
    Case(
        "recipient refused by policy", {**REFUSED_TWICE, "RCPT": "554 5.7.1 go away"}, exit=69,
        says=("554 5.7.1 go away",),
    ),
    Case(
        "recipient refused for now", {**REFUSED_TWICE, "RCPT": "450 4.2.1 full"}, exit=75,
        says=("450 4.2.1 full", "anna@example.org"),
    ),
    Case(
        "some refused, the others get it",
        {"RCPT": {"nobody": "550 5.1.1 unknown"}},
        exit=67,
        says=("nobody@example.org", "550 5.1.1 unknown", "1 of 3"),
        got="EHLO AUTH MAIL RCPT RCPT RCPT DATA . QUIT",
        delivered=True,
        to=("anna@example.org", "nobody@example.org", "bob@example.org"),
    ),
    Case(
        "one refused for now, one for good",
        {"RCPT": {"later": "450 4.2.1 full", "nobody": "550 5.1.1 unknown"}},
        exit=67,
        says=("550 5.1.1 unknown", "2 of 3"),
        delivered=True,
        to=("later@example.org", "nobody@example.org", "anna@example.org"),
    ),
    Case(
        "251 and 252 are accepted", {"RCPT": ["251 will forward", "252 will try"]},
        to=("a@example.org", "b@example.org"), delivered=True,
    ),
    Case(
        "354 although nobody is left", {"RCPT": "550 5.1.1 unknown", "dot": "554 5.5.1 none"}, exit=67,
        says=("550 5.1.1",), got=SENT,
    ),
    # The message
    Case(
        "DATA refused", {"DATA": "554 5.7.1 no mail from you"}, exit=69, says=("554 5.7.1 no mail from you",),
        got="EHLO AUTH MAIL RCPT DATA QUIT",
    ),
    Case("DATA refused for now", {"DATA": "451 4.3.0 busy"}, exit=75, says=("451 4.3.0 busy",)),
    Case(
        "4xx at the end", {"dot": "452 4.3.1 disk full"}, exit=75, says=("452 4.3.1 disk full",), got=SENT,
        delivered=True,
    ),
    Case(
        "5xx at the end", {"dot": "554 5.6.0 looks like spam"}, exit=69, says=("554 5.6.0 looks like spam",),
        got=SENT, delivered=True,
    ),
    Case("several lines at the end", {"dot": "250-2.0.0 fine\r\n250 2.0.0 queued"}, got=SENT, delivered=True),
    Case(
        "dropped after the last dot", {"dot": CLOSE}, exit=75, says=("may have been accepted", "look for it"),
        got="EHLO AUTH MAIL RCPT DATA .", delivered=True,
    ),
    Case("dropped before the last dot", {"body": CLOSE}, exit=75, says=("connection",), message=BIG),
    Case("reset before the last dot", {"body": RESET}, exit=75, says=("connection",), message=BIG),
    Case(
        "refused in the middle of the message", {"body": ("552 5.3.4 too big", CLOSE)}, exit=69,
        says=("552 5.3.4 too big",), message=BIG,
    ),
    # 421 at any time
    Case(
        "421 after EHLO", {"EHLO": ("421 4.3.0 going down", CLOSE)}, exit=75, says=("421 4.3.0 going down",),
        got="EHLO",
    ),
    Case(
        "421 after AUTH", {"AUTH": ("421 4.3.0 going down", CLOSE)}, exit=75, says=("421 4.3.0 going down",),
        got=LOGIN,
    ),
    Case("421 in the middle", {"MAIL": ("421 4.3.0 going down", CLOSE)}, exit=75, says=("421 4.3.0 going down",)),
    Case("421 after RCPT", {"RCPT": ("421 4.3.0 going down", CLOSE)}, exit=75, says=("421 4.3.0 going down",)),
    Case(
        "421 at the end", {"dot": ("421 4.3.0 going down", CLOSE)}, exit=75, says=("421 4.3.0 going down",),
        delivered=True,
    ),
    Case("421 instead of a goodbye", {"QUIT": ("421 4.3.0 going down", CLOSE)}, got=SENT, delivered=True),
    # What is offered
    Case("no PIPELINING", keywords=without("PIPELINING"), got=SENT, delivered=True),
    Case("nothing but a login", keywords=["AUTH PLAIN"], got=SENT, delivered=True),
    Case("no 8BITMIME, 8-bit text", keywords=without("8BITMIME"), message=EIGHT_BIT, got=SENT, delivered=True),
    Case(
        "SIZE too small", keywords=["SIZE 100"] + without("SIZE"), exit=65, says=("100",), got="EHLO AUTH QUIT",
        message=BIG,
    ),
    Case("SIZE without a number", keywords=["SIZE"] + without("SIZE"), got=SENT, delivered=True),
    Case(
        "no SMTPUTF8, an address that needs it",
        keywords=without("SMTPUTF8"),
        exit=65,
        says=("SMTPUTF8",),
        got="EHLO AUTH QUIT",
        to=("jörg@example.org",),
    ),
    # Silence at each step
    Case("silence instead of TLS", {"connect": SILENCE}, exit=75, says=("TLS",), got="", changes=QUICK),
    Case("silence instead of a greeting", {"greeting": SILENCE}, exit=75, says=("greeting",), got="", changes=QUICK),
    Case("silence after EHLO", {"EHLO": SILENCE}, exit=75, says=("EHLO",), got="EHLO", changes=QUICK),
    Case(
        "silence after STARTTLS", {"STARTTLS": SILENCE}, "starttls", 75, ("STARTTLS",), "EHLO STARTTLS",
        changes=QUICK,
    ),
    Case("silence after AUTH", {"AUTH": SILENCE}, exit=75, says=("AUTH",), got=LOGIN, changes=QUICK),
    Case("silence after MAIL", {"MAIL": SILENCE}, exit=75, says=("MAIL",), changes=QUICK),
    Case("silence after RCPT", {"RCPT": SILENCE}, exit=75, says=("RCPT",), changes=QUICK),
    Case("silence after DATA", {"DATA": SILENCE}, exit=75, says=("DATA",), changes=QUICK),
    Case(
        "silence after the last dot", {"dot": SILENCE}, exit=75, says=("may have been accepted",), delivered=True,
        changes=QUICK,
    ),
    Case("silence after QUIT", {"QUIT": SILENCE}, got=SENT, delivered=True, changes={"timeout": "60s"}),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_behaviour(case, orsino, rogue, ini):
    server = rogue(case.script, tls=case.server_tls or case.tls, certificate=case.certificate, keywords=case.keywords)
    result = orsino.run("-i", *case.to, ini=ini(server.port, case.tls, **case.changes), message=case.message)
    session = server.session
    if case.exit == 0:
        result.succeeded()
    else:
        result.failed(case.exit, f"localhost:{server.port}", *case.says)
    if case.got is not None:
        assert session.verbs == case.got
    assert (session.message not in (None, b"")) == case.delivered
    check_secrets(session, result)


def check_secrets(session, result):
    """Nothing secret without TLS, and nothing secret on stderr."""
    assert [line for line in session.clear_lines if "AUTH" in line.upper()] == []
    assert PASSWORD not in result.err


def test_the_table_is_as_long_as_promised():
    assert len(CASES) >= 25
    assert len({case.name for case in CASES}) == len(CASES)


def limited(certificates, **limits):
    context = certificates.server_context()
    for name, value in limits.items():
        setattr(context, name, value)
    return context


def said_nothing_secret(server):
    """What else the server speaks is found out by a second connection, which only says EHLO and QUIT."""
    server.wait()
    assert [session.verbs in ("", "EHLO", "EHLO QUIT") for session in server.sessions] == [True, True]


# What a server speaks: for the context of its TLS, and the line that follows.
NOT_OURS = [
    ("TLS 1.3 alone", {"minimum_version": ssl.TLSVersion.TLSv1_3}, None,
     "the server speaks TLS 1.3 alone: it refuses 1.2, and older ones (ask the provider for a server with TLS 1.2, which orsino "
     "speaks)"),
    ("TLS 1.1 at most", {"minimum_version": ssl.TLSVersion.TLSv1, "maximum_version": ssl.TLSVersion.TLSv1_1}, "ALL:@SECLEVEL=0",
     "the server speaks TLS 1.1 at most, and 1.2 is needed (whoever runs the server has to give it TLS 1.2)"),
    ("CBC alone", {"maximum_version": ssl.TLSVersion.TLSv1_2}, "ECDHE-ECDSA-AES128-SHA256:ECDHE-ECDSA-AES256-SHA384",
     "the server has no TLS suite with ECDHE and an AEAD cipher, it would use ECDHE_ECDSA_WITH_AES_128_CBC_SHA256 (whoever runs "
     "the server has to allow ECDHE with AES-GCM or ChaCha20)"),
]  # fmt: skip


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
@pytest.mark.parametrize("tls", ["implicit", "starttls"])
@table("versions, ciphers, said", NOT_OURS)
def test_server_without_our_tls(versions, ciphers, said, tls, orsino, rogue, ini, certificates):
    context = limited(certificates, **versions)
    if ciphers:
        context.set_ciphers(ciphers)
    server = rogue(tls=tls, context=context)
    line = orsino.run("a@example.org", ini=ini(server.port, tls)).failed(76)
    assert line == f"sendmail: localhost:{server.port}: {said}"
    if tls == "implicit":
        said_nothing_secret(server)


def test_nobody_listens(orsino, rogue, ini):
    server = rogue()
    server.stop()
    config = ini(server.port, "implicit")
    orsino.run("a@example.org", ini=config).failed(75, f"localhost:{server.port}", "refused", "nothing listens there")
