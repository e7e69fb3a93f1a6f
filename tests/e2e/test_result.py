"""The result: the exit code, one line or none, the log, and the dialogue of -v with the password masked."""

import base64
import os
import re

import pytest

from conftest import table
from servers import PASSWORD, USER

SECRETS = [
    PASSWORD,
    base64.b64encode(PASSWORD.encode()).decode(),
    base64.b64encode(f"\0{USER}\0{PASSWORD}".encode()).decode(),
]


def check_no_secret(text):
    for secret in SECRETS:
        assert secret not in text
    # Nor a part of the blob of AUTH PLAIN, which begins with the same bytes whatever the password.
    assert SECRETS[2][:12] not in text


def test_success_is_silent(orsino, postfix, ini):
    orsino.run("silent@example.org", ini=ini(postfix.implicit, "implicit")).succeeded()
    postfix.take("silent@example.org")


def log_line(path):
    (line,) = path.read_text().splitlines()
    return line


@pytest.mark.parametrize("tls", ["implicit", "starttls"])
def test_log_of_a_success(tls, orsino, postfix, ini, tmp_path):
    log = tmp_path / "orsino.log"
    port = getattr(postfix, tls)
    orsino.run("-f", "web@example.it", "log@example.org", "log2@example.org", ini=ini(port, tls, log=log)).succeeded()
    line = log_line(log)
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4} orsino\[\d+\]: ", line)
    for word in ("from=<web@example.it>", "to=<log@example.org>,<log2@example.org>", f"host=localhost:{port}", "tls=TLSv1.2/"):
        assert word in line
    assert re.search(r"tls=TLSv1\.2/ECDHE_ECDSA_WITH_(CHACHA20_POLY1305|AES_\d+_GCM)", line)
    assert re.search(r"seconds=\d+\.\d\d ", line)
    (queue_id,) = re.findall(r"queued as ([0-9A-Za-z]+)", line)
    assert log.stat().st_mode & 0o777 == 0o600
    check_no_secret(line)
    for recipient in ("log@example.org", "log2@example.org"):
        assert f"id {queue_id}" in postfix.take(recipient).received


def test_log_without_tls(orsino, rogue, ini, tmp_path):
    log = tmp_path / "orsino.log"
    server = rogue()
    orsino.run("-t", ini=ini(server.port, log=log)).succeeded()
    assert "tls=none" in log_line(log) and "queued as R0GUE" in log_line(log)


def test_log_of_a_failure(orsino, rogue, ini, tmp_path):
    log = tmp_path / "orsino.log"
    server = rogue({"dot": "554 5.6.0 looks like spam"}, tls="implicit")
    orsino.run("-t", ini=ini(server.port, "implicit", log=log)).failed(69, "looks like spam")
    line = log_line(log)
    for word in ("from=<info@example.it>", "to=<anna@example.org>", f"host=localhost:{server.port}", "554 5.6.0 looks like spam"):
        assert word in line
    check_no_secret(line)


def test_log_tells_the_refused_from_the_others(orsino, rogue, ini, tmp_path):
    log = tmp_path / "orsino.log"
    server = rogue({"RCPT": {"nobody": "550 5.1.1 unknown"}})
    orsino.run("a@example.org", "nobody@example.org", "b@example.org", ini=ini(server.port, log=log)).failed(67)
    lines = log.read_text().splitlines()
    (refused,) = [line for line in lines if "unknown" in line]
    assert "to=<nobody@example.org> " in refused
    accepted = [line for line in lines if "queued as" in line]
    assert "a@example.org" in "".join(accepted) and "b@example.org" in "".join(accepted)
    assert "nobody" not in "".join(accepted)


def test_log_is_appended_to(orsino, rogue, ini, tmp_path):
    log = tmp_path / "orsino.log"
    log.write_text("before\n")
    server = rogue()
    orsino.run("-t", ini=ini(server.port, log=log)).succeeded()
    assert log.read_text().startswith("before\n") and log.read_text().count("\n") == 2


def test_log_that_cannot_be_written_loses_no_message(orsino, rogue, ini):
    server = rogue()
    orsino.run("-t", ini=ini(server.port, log="/nonexistent/orsino.log")).succeeded()
    assert server.session.message


def test_log_to_stderr(orsino, rogue, ini):
    server = rogue()
    result = orsino.run("-t", ini=ini(server.port, log="stderr"))
    assert (result.exit, result.out) == (0, b"")
    assert result.err.count("\n") == 1 and "queued as R0GUE" in result.err


def test_server_cannot_forge_lines(orsino, rogue, ini, tmp_path):
    """Whatever a server says: one line on stderr, one in the log, no control character in either."""
    log = tmp_path / "orsino.log"
    server = rogue({"dot": "554-one\r\n554-two %s %n\r\n554 three"})
    orsino.run("-t", ini=ini(server.port, log=log)).failed(69, "one", "%s %n")
    assert log_line(log).isprintable()


@pytest.mark.parametrize("escape", [b"\xc2\x9b", b"\x9b"], ids=["U+009B", "0x9B"])
def test_server_cannot_speak_to_the_terminal(escape, orsino, rogue, ini, tmp_path):
    """What some terminals take for the beginning of an escape sequence is no ASCII."""
    log = tmp_path / "orsino.log"
    server = rogue({"dot": b"554 it is " + escape + "31mred, Grüße\r\n".encode()})
    result = orsino.run("-v", "-t", ini=ini(server.port, log=log))
    for text in (result.err, log.read_text()):
        assert "31mred, Grüße" in text
        assert all(line.isprintable() and "\ufffd" not in line for line in text.splitlines())


def test_log_that_is_a_fifo_nobody_reads(orsino, rogue, ini, tmp_path):
    os.mkfifo(tmp_path / "log")
    server = rogue()
    orsino.run("-t", ini=ini(server.port, log=tmp_path / "log")).succeeded()
    assert server.session.message


def test_quiet_error_mode(orsino, rogue, ini):
    server = rogue({"MAIL": "550 no"})
    for words in (["-oeq"], ["-eq"], ["-OErrorMode=q"], ["-O", "ErrorMode=quiet"]):
        result = orsino.run("-t", *words, ini=ini(server.port))
        assert (result.exit, result.out, result.err) == (69, b"", "")


@pytest.mark.parametrize("tls", ["implicit", "starttls"])
@pytest.mark.parametrize("auth", ["plain", "login"])
def test_dialogue(auth, tls, orsino, postfix, ini):
    result = orsino.run("-v", "v@example.org", ini=ini(getattr(postfix, tls), tls, auth=auth))
    assert (result.exit, result.out) == (0, b"")
    lines = result.err.splitlines()
    for line in ("< 220 mx.test.example ESMTP", "> EHLO client.example.it", "> DATA", "> QUIT"):
        assert line in lines
    assert any(line.startswith("> MAIL FROM:<info@example.it>") for line in lines)
    assert any(line.startswith("> RCPT TO:<v@example.org>") for line in lines)
    assert any(line.startswith("= TLSv1.2/") for line in lines)
    assert any(line.startswith("< 235 ") for line in lines)
    assert any("queued as" in line for line in lines)
    assert any(line.startswith("> ") and "****" in line for line in lines)
    check_no_secret(result.err)
    assert "hello there" not in result.err
    postfix.take("v@example.org")


REPEATED = [
    ("the command", {"AUTH": f"535 5.7.8 what is AUTH PLAIN {SECRETS[2]}"}, "plain", 77, "535"),
    ("a piece of it", {"AUTH": f"500 5.5.2 what is AUTH PLAIN {SECRETS[2][:20]}..."}, "plain", 77, "500"),
    ("in the second line", {"AUTH": f"535-5.7.8 no\r\n535 5.7.8 {SECRETS[2]}"}, "plain", 77, "535"),
    ("the password", {"AUTH": f"535 5.7.8 the password {PASSWORD} is wrong"}, "plain", 77, "535"),
    ("the line of LOGIN", {"AUTH3": f"535 5.7.8 what is {SECRETS[1]}"}, "login", 77, "535"),
    ("as a challenge", {"AUTH3": f"334 {SECRETS[1]}"}, "login", 76, "a user and a password"),
    ("without a code", {"AUTH": f"AUTH PLAIN {SECRETS[2]}"}, "plain", 76, "not SMTP"),
    ("as a second answer", {"AUTH": f"235 ok\r\n235 {SECRETS[2]}"}, "plain", 76, "more than one answer"),
    ("later", {"AUTH": f"235 hello {SECRETS[2]}", "MAIL": f"550 5.7.1 not with {PASSWORD}"}, "plain", 69, "550"),
]


@table("script, auth, code, said", REPEATED)
def test_server_that_repeats_the_login(script, auth, code, said, orsino, rogue, ini, tmp_path):
    server = rogue(script, tls="implicit")
    log = tmp_path / "orsino.log"
    result = orsino.run("-v", "-t", ini=ini(server.port, "implicit", auth=auth, log=log))
    line = result.err.splitlines()[-1]
    assert result.exit == code and said in line and "not shown: it repeats the password" in result.err
    check_no_secret(result.err + log.read_text())


def test_server_that_repeats_the_login_of_a_success(orsino, rogue, ini, tmp_path):
    server = rogue({"dot": f"250 2.0.0 queued as {PASSWORD}"}, tls="implicit")
    log = tmp_path / "orsino.log"
    orsino.run("-t", ini=ini(server.port, "implicit", log=log)).succeeded()
    check_no_secret(log.read_text())


def test_dialogue_of_a_refused_login(orsino, rogue, ini):
    """The words of a server that repeats nothing are shown."""
    blob = SECRETS[2]
    server = rogue({"AUTH": "535 5.7.8 bad credentials"}, tls="implicit")
    result = orsino.run("-v", "-t", ini=ini(server.port, "implicit"))
    assert result.exit == 77
    assert server.session.command("AUTH") == f"AUTH PLAIN {blob}"
    check_no_secret(result.err)
    assert result.err.splitlines()[-1].startswith("sendmail: ") and "bad credentials" in result.err


def test_dialogue_shows_no_control_characters(orsino, rogue, ini):
    server = rogue({"greeting": "220-one\ttwo\r\n220 three"})
    result = orsino.run("-v", "-t", ini=ini(server.port))
    assert result.exit == 0
    assert all(line.isprintable() for line in result.err.splitlines())


def test_no_secret_in_any_failure(orsino, rogue, ini, tmp_path):
    """A login at every stage of failure, with everything switched on that could show it."""
    log = tmp_path / "orsino.log"
    scripts = [{"AUTH": "334 ", "AUTH2": "535 no"}, {"AUTH": "454 later"}, {"MAIL": "530 log in"}, {"dot": "554 no"}]
    for script in scripts:
        server = rogue(script, tls="implicit")
        result = orsino.run("-v", "-t", ini=ini(server.port, "implicit", log=log, timeout="2s"))
        assert result.exit != 0
        check_no_secret(result.err)
    check_no_secret(log.read_text())
