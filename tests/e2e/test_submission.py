"""The submission: TLS, login, pipelining and what is declared, against Postfix with Dovecot, aiosmtpd and scripts."""

import socket
import ssl
import subprocess

import pytest

from conftest import MESSAGE, table
from rogue import KEYWORDS
from servers import LARGE_LIMIT, PASSWORD, SMALL_LIMIT, USER, free_ports
from waiting import wait_for

BIG_LINE = b"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde\n"


def without(*words):
    return [k for k in KEYWORDS if not k.startswith(words)]


@pytest.fixture(params=["implicit", "starttls"])
def tls(request):
    return request.param


def test_postfix(tls, orsino, postfix, ini):
    orsino.run("-t", ini=ini(getattr(postfix, tls), tls)).succeeded()
    mail = postfix.take("anna@example.org")
    assert mail.sender == "<info@example.it>"
    assert mail.body == b"hello there\n"
    assert f"Authenticated sender: {USER}" in mail.received
    assert "using TLSv1.2 with cipher ECDHE-ECDSA-" in mail.received
    assert "CHACHA20-POLY1305" in mail.received or "GCM" in mail.received
    assert "Received: from client.example.it" in str(mail.raw)
    assert "with ESMTPSA" in mail.received


@pytest.mark.parametrize("mechanism", ["plain", "login"])
def test_postfix_login_mechanisms(mechanism, orsino, postfix, ini):
    orsino.run("-t", ini=ini(postfix.implicit, "implicit", auth=mechanism)).succeeded()
    postfix.take("anna@example.org")
    assert f"sasl_method={mechanism.upper()}, sasl_username={USER}" in postfix.log()


def test_postfix_refuses_the_password(tls, orsino, postfix, ini):
    config = ini(getattr(postfix, tls), tls, password='"wrong"')
    orsino.run("-t", ini=config).failed(77, "login refused", "535", "user = and password =")


def test_postfix_wants_a_login(orsino, postfix, ini):
    config = ini(postfix.implicit, "implicit", user=None, password=None)
    orsino.run("-t", ini=config).failed(69, "554 5.7.1", "access denied")


def test_postfix_on_the_wrong_port(orsino, postfix, ini):
    config = ini(postfix.starttls, "implicit")
    orsino.run("-t", ini=config).failed(76, "no TLS on this port", "220 mx.test.example", "tls = starttls")


def test_postfix_refuses_some(orsino, postfix, ini):
    words = ["one@example.org", "reject-two@example.org", "later-three@example.org", "four@example.org"]
    result = orsino.run(*words, ini=ini(postfix.implicit, "implicit"))
    result.failed(67, "<reject-two@example.org>", "<later-three@example.org>", "5.1.1", "no such mailbox here", "2 of 4")
    assert postfix.take("one@example.org").body == b"hello there\n"
    assert postfix.take("four@example.org").body == b"hello there\n"


REFUSALS = [
    ("no such user", "reject-a@example.org", 67, "550 5.1.1"),
    ("by policy", "policy-a@example.org", 69, "550 5.7.1"),
    ("for now", "later-a@example.org", 75, "450 4.2.1"),
]


@table("recipient, code, said", REFUSALS)
def test_postfix_refuses_all(recipient, code, said, orsino, postfix, ini):
    orsino.run(recipient, ini=ini(postfix.implicit, "implicit")).failed(code, recipient, said)


def test_postfix_takes_no_relay(orsino, postfix, ini):
    result = orsino.run("a@elsewhere.example", ini=ini(postfix.plain))
    result.failed(69, "relay access denied", "user = and password =")


def test_postfix_size_limit(orsino, postfix, ini):
    message = b"Subject: big\n\n" + BIG_LINE * (SMALL_LIMIT // 64 + 1)
    before = len(postfix.log())
    result = orsino.run("a@example.org", ini=ini(postfix.small), message=message)
    result.failed(65, str(SMALL_LIMIT), "bytes")
    wait_for(lambda: "disconnect" in postfix.log()[before:], 10, "Postfix to log the end")
    assert "ehlo=1 quit=1 commands=2" in postfix.log()[before:]


def test_postfix_large_message(orsino, postfix, ini):
    body = BIG_LINE * (8_000_000 // 64)
    assert len(body) < LARGE_LIMIT
    orsino.run("large@example.org", ini=ini(postfix.implicit, "implicit"), message=b"Subject: x\n\n" + body).succeeded()
    assert postfix.take("large@example.org", seconds=30).body == body


def test_aiosmtpd(tls, orsino, sink, ini):
    """With implicit TLS its greeting comes in one segment with the end of the handshake."""
    server = sink(tls)
    orsino.run("-t", "bob@example.org", ini=ini(server.port, tls)).succeeded()
    (kept,) = server.kept
    assert (kept.sender, sorted(kept.recipients)) == ("info@example.it", ["anna@example.org", "bob@example.org"])
    assert kept.ehlo_name == "client.example.it"
    assert kept.login == USER
    assert kept.tls[0].startswith("ECDHE-ECDSA-") and kept.tls[1] == "TLSv1.2"
    assert kept.content.endswith(b"\r\n\r\nhello there\r\n")


# (what is shown, answers, exit code, word of the line)
MISBEHAVIOUR = [
    ("sender", {"MAIL": "550 5.7.1 not your address"}, 69, "550 5.7.1 not your address"),
    ("recipient", {"anna@example.org": "550 5.1.1 who is that"}, 67, "550 5.1.1 who is that"),
    ("recipient for now", {"anna@example.org": "451 4.7.1 greylisted"}, 75, "451 4.7.1 greylisted"),
    ("message", {"DATA": "554 5.6.0 spam"}, 69, "554 5.6.0 spam"),
    ("message for now", {"DATA": "452 4.3.1 full"}, 75, "452 4.3.1 full"),
]


@table("answers, code, said", MISBEHAVIOUR)
def test_aiosmtpd_refuses(tls, answers, code, said, orsino, sink, ini):
    server = sink(tls, answers=answers)
    orsino.run("-t", ini=ini(server.port, tls)).failed(code, said)
    assert server.kept == []


def test_aiosmtpd_refuses_the_password(tls, orsino, sink, ini):
    server = sink(tls)
    orsino.run("-t", ini=ini(server.port, tls, password='"wrong"')).failed(77, "login refused", "535")
    assert server.kept == []


def test_login_is_said_after_starttls_only(orsino, rogue, ini):
    server = rogue(tls="starttls")
    orsino.run("-t", ini=ini(server.port, "starttls")).succeeded()
    session = server.session
    assert session.clear_lines == ["EHLO client.example.it", "STARTTLS"]
    assert session.login == (USER.encode(), PASSWORD.encode())


def test_what_was_offered_before_tls_is_forgotten(orsino, rogue, ini):
    """Before TLS everything is offered, after it nothing but the login."""
    server = rogue(
        {"EHLO": ["250-rogue\r\n250-STARTTLS\r\n250-SIZE 10\r\n250-DSN\r\n250 PIPELINING", "250-rogue\r\n250 AUTH PLAIN"]},
        tls="starttls",
    )
    orsino.run("-t", "-N", "never", ini=ini(server.port, "starttls")).succeeded()
    assert server.session.command("MAIL") == "MAIL FROM:<info@example.it>"
    assert server.session.command("RCPT") == "RCPT TO:<anna@example.org>"


def test_server_name_is_sent(tls, orsino, rogue, ini):
    server = rogue(tls=tls)
    orsino.run("-t", ini=ini(server.port, tls)).succeeded()
    assert server.session.server_name == "localhost"


@pytest.mark.parametrize("host", ["127.0.0.1", "[127.0.0.1]"])
def test_ip_address_as_host(host, orsino, rogue, ini):
    server = rogue(tls="implicit")
    orsino.run("-t", ini=ini(server.port, "implicit", host=host)).succeeded()
    assert server.session.server_name is None


@pytest.mark.parametrize("host", ["::1", "[::1]"])
def test_ipv6(host, orsino, rogue, ini):
    server = rogue(tls="implicit", address="::1")
    orsino.run("-t", ini=ini(server.port, "implicit", host=host)).succeeded()
    assert server.session.recipients == ["anna@example.org"]


def test_ipv6_in_a_failure(orsino, rogue, ini):
    server = rogue(tls="implicit", address="::1", script={"greeting": "554 5.7.1 not you"})
    orsino.run("-t", ini=ini(server.port, "implicit", host="::1")).failed(69, f"[::1]:{server.port}: ", "not you")


def test_ip_address_that_the_certificate_does_not_name(orsino, rogue, ini):
    server = rogue(tls="implicit", certificate="wrong-name")
    orsino.run("-t", ini=ini(server.port, "implicit", host="127.0.0.1")).failed(77, "name", "127.0.0.1")
    assert server.session.lines == []


SUITES = [
    ("ECDHE-ECDSA-CHACHA20-POLY1305", "CHACHA20_POLY1305"),
    ("ECDHE-ECDSA-AES128-GCM-SHA256", "AES_128_GCM"),
    ("ECDHE-ECDSA-AES256-GCM-SHA384", "AES_256_GCM"),
]


@pytest.mark.parametrize("suite, logged", SUITES, ids=[row[1] for row in SUITES])
def test_each_suite(suite, logged, orsino, rogue, ini, certificates, tmp_path):
    context = certificates.server_context()
    context.set_ciphers(suite)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    server = rogue(tls="implicit", context=context)
    log = tmp_path / "log"
    orsino.run("-t", ini=ini(server.port, "implicit", log=log)).succeeded()
    assert server.session.tls == (suite, "TLSv1.2")
    assert logged in log.read_text()


def test_openssl_sees_only_good_suites(orsino, ini, certificates, tmp_path):
    """What OpenSSL's own server shows of our hello: TLS 1.2, ECDHE with AEAD suites, no more."""
    (port,) = free_ports(1)
    command = ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-naccept", "1", "-msg", "-trace"]
    command += ["-cert", certificates.server_file("good")]
    trace = tmp_path / "trace"
    with open(trace, "w+b") as output:
        server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=output, stderr=output)
        try:
            wait_for(lambda: b"ACCEPT" in trace.read_bytes(), 10, "openssl s_server")
            # It is no mail server: orsino waits for a greeting, and gives up.
            orsino.run("-t", ini=ini(port, "implicit", timeout="1s")).failed(75, "greeting")
        finally:
            server.terminate()
            server.wait(10)
    hello = trace.read_text(errors="replace").partition("cipher_suites")[2].partition("compression_methods")[0]
    suites = [line.split()[-1] for line in hello.splitlines() if "TLS_" in line]
    assert suites
    for suite in suites:
        assert suite.startswith("TLS_ECDHE_") and ("GCM" in suite or "POLY1305" in suite), suite


def flights(session):
    """The commands as they came, those of one read together."""
    pieces = [piece for piece in session.reads if piece[:4] in (b"MAIL", b"RCPT", b"DATA")]
    return [[line[:4].decode() for line in piece.split(b"\r\n") if line] for piece in pieces]


def test_one_flight_with_pipelining(tls, orsino, rogue, ini):
    server = rogue(tls=tls)
    orsino.run("a@example.org", "b@example.org", ini=ini(server.port, tls)).succeeded()
    assert flights(server.session) == [["MAIL", "RCPT", "RCPT", "DATA"]]


@pytest.mark.parametrize("how", ["not offered", "switched off"])
def test_one_by_one_without_pipelining(how, orsino, rogue, ini):
    server = rogue(keywords=without("PIPELINING") if how == "not offered" else None)
    config = ini(server.port, pipelining="no" if how == "switched off" else "yes")
    orsino.run("a@example.org", "b@example.org", ini=config).succeeded()
    assert flights(server.session) == [["MAIL"], ["RCPT"], ["RCPT"], ["DATA"]]


def test_many_recipients_in_bounded_flights(orsino, rogue, ini):
    """Neither side may wait for the other for ever: the answers to a flight must fit its buffers."""
    server = rogue({"RCPT": "250 2.1.5 " + "recipient ok " * 30})
    wanted = [f"recipient-number-{i}@example.org" for i in range(3000)]
    message = ("Bcc: " + ",\n ".join(wanted) + "\n\nhello\n").encode()
    orsino.run("-t", ini=ini(server.port), message=message).succeeded()
    assert server.session.recipients == wanted


def test_size_is_declared_to_the_byte(orsino, rogue, ini):
    server = rogue()
    message = b"From: a@example.it\nSubject: x\n\n.dot\n" + "perché\n".encode() + b"y" * 2000 + b"\nlast"
    orsino.run("a@example.org", ini=ini(server.port), message=message).succeeded()
    declared = int(server.session.command("MAIL").partition("SIZE=")[2].split()[0])
    assert declared == len(server.session.text)


# (what is shown, words, keywords, message, the MAIL and the RCPT command)
EIGHT = "Subject: x\n\ncaffè\n".encode()
SEVEN = b"Subject: x\n\nhello\n"
DECLARED = [
    ("7 bits", [], KEYWORDS, SEVEN, "", ""),
    ("8 bits", [], KEYWORDS, EIGHT, " BODY=8BITMIME", ""),
    ("a UTF-8 recipient", ["jörg@example.org"], KEYWORDS, SEVEN, " SMTPUTF8", ""),
    ("a UTF-8 sender", ["-f", "jörg@example.it"], KEYWORDS, SEVEN, " BODY=8BITMIME SMTPUTF8", ""),
    (
        "DSN", ["-N", "success,failure", "-R", "hdrs", "-V", "id+2B7"], KEYWORDS, SEVEN, " RET=HDRS ENVID=id+2B7",
        " NOTIFY=SUCCESS,FAILURE",
    ),
    ("DSN, never", ["-Nnever", "-Rfull"], KEYWORDS, SEVEN, " RET=FULL", " NOTIFY=NEVER"),
    ("DSN not offered", ["-N", "never", "-R", "full", "-V", "x"], without("DSN"), SEVEN, "", ""),
]


@table("words, keywords, message, mail, rcpt", DECLARED)
def test_declared(words, keywords, message, mail, rcpt, orsino, rogue, ini):
    server = rogue(keywords=keywords)
    orsino.run("anna@example.org", *words, ini=ini(server.port), message=message).succeeded()
    command = server.session.command("MAIL")
    parameters = "".join(" " + p for p in command.split(" ")[2:] if not p.startswith("SIZE="))
    assert parameters == mail
    assert server.session.lines[2] == f"RCPT TO:<anna@example.org>{rcpt}"


def test_dsn_from_the_account(orsino, rogue, ini):
    server = rogue()
    orsino.run("-t", ini=ini(server.port, dsn_notify="failure,delay", dsn_return="headers")).succeeded()
    assert " RET=HDRS" in server.session.command("MAIL")
    assert server.session.command("RCPT").endswith(" NOTIFY=FAILURE,DELAY")


def test_ehlo_name_is_hostname(orsino, rogue, ini):
    server = rogue()
    orsino.run("-t", ini=ini(server.port, hostname="web.example.it")).succeeded()
    assert server.session.lines[0] == "EHLO web.example.it"


def test_ehlo_name_without_hostname(orsino, rogue, ini):
    """The machine's own name when it may be shown, else the sender's domain."""
    server = rogue()
    orsino.run("-t", ini=ini(server.port, hostname=None)).succeeded()
    own = socket.gethostname()
    public = "." in own and not own.endswith((".localdomain", ".localhost"))
    assert server.session.lines[0] == f"EHLO {own if public else 'example.it'}"


def test_ehlo_name_of_last_resort(orsino, rogue, ini):
    server = rogue()
    own = socket.gethostname()
    orsino.run("-t", "-f", "", ini=ini(server.port, hostname=None)).succeeded()
    assert server.session.lines[0] in ("EHLO [127.0.0.1]", f"EHLO {own}" if "." in own else "EHLO [127.0.0.1]")


def test_no_waiting_for_the_answer_to_quit(orsino, rogue, ini):
    server = rogue({"QUIT": "221 bye"})
    orsino.run("-t", ini=ini(server.port)).succeeded()
    assert server.session.verbs.endswith(" . QUIT")


def test_message_is_the_same_over_each_way(orsino, rogue, ini):
    texts = set()
    for mode in ("none", "implicit", "starttls"):
        server = rogue(tls=mode)
        orsino.run("-t", ini=ini(server.port, mode), message=b"Date: x\nMessage-ID: <a@b>\n" + MESSAGE).succeeded()
        texts.add(server.session.text)
    assert len(texts) == 1
