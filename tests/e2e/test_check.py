"""orsino check: the whole way of an account, a line for each step, and nothing sent."""

import json
import os
import pty
import re
import subprocess

import pytest

from conftest import table, write_private
from rogue import CLOSE, SILENCE
from servers import PASSWORD

STEPS = ["configuration", "name look-up", "connection", "TLS", "certificate", "greeting", "EHLO", "login", "sender", "queue"]
STEPS_STARTTLS = ["configuration", "name look-up", "connection", "greeting", "EHLO", "STARTTLS", "TLS", "certificate", "EHLO",
                  "login", "sender", "queue"]  # fmt: skip


@pytest.fixture
def check(orsino):
    def run(config, *words, **more):
        return orsino.run("check", "-C", str(config), *words, name="orsino", message=b"", **more)

    return run


def steps(done):
    """Names and results, in turn."""
    assert done.err == ""
    return [(line[9:22].strip(), line[:7].strip()) for line in done.out.decode().splitlines()]


@pytest.mark.parametrize("tls, names", [("implicit", STEPS), ("starttls", STEPS_STARTTLS)], ids=["implicit", "starttls"])
def test_all_is_well(tls, names, rogue, ini, check, tmp_path):
    server = rogue(tls=tls)
    (tmp_path / "spool").mkdir(mode=0o700)
    done = check(ini(server.port, tls, queue=tmp_path / "spool"))
    assert steps(done) == [(name, "ok") for name in names] and done.exit == 0
    assert server.session.verbs.endswith("AUTH MAIL RSET QUIT") and not server.session.transactions
    text = done.out.decode()
    assert re.search(r"(?m)^ok +certificate +\d+ ms  .*, valid for (29|30) days, issued by \"Testing CA", text), text
    assert "<info@example.it> is accepted" in text and "spool can be written" in text


# What goes wrong; the steps before it, and the last line's words and the exit code.
FAILURES = [
    ("nobody listens", None, "implicit", "connection", "connection refused (nothing listens there", 75),
    ("a plain greeting", {}, "implicit", "TLS", "no TLS on this port", 76),
    ("a refusal", {"greeting": "554 5.7.1 not you"}, "none", "greeting", "554 5.7.1 not you", 69),
    ("EHLO refused", {"EHLO": "550 no", "HELO": "550 no"}, "none", "EHLO", "550 no", 69),
    ("hung up", {"greeting": CLOSE}, "none", "greeting", "closed", 75),
    ("silence", {"greeting": SILENCE}, "none", "greeting", "no answer", 75),
    ("the sender", {"MAIL": "553 5.7.1 not yours"}, "none", "sender", "from_header = force", 69),
    ("the sender, for now", {"MAIL": "451 4.3.0 later"}, "none", "sender", "451 4.3.0 later", 75),
]


@table("script, tls, name, words, code", FAILURES)
def test_a_step_that_fails(script, tls, name, words, code, rogue, ini, check):
    server = rogue(script or {})
    config = ini(server.port, tls, user=None, password=None, timeout="1s")
    if script is None:
        server.stop()
    done = check(config)
    found = steps(done)
    assert [step for step, result in found if result == "failed"] == [name]
    assert [result for step, result in found if step != name].count("failed") == 0
    line = next(line for line in done.out.decode().splitlines() if line.startswith("failed"))
    assert words in line and f"localhost:{server.port}" in line
    assert done.exit == code


def test_a_password_that_is_wrong(rogue, ini, check):
    server = rogue({"AUTH": "535 5.7.8 no"}, tls="implicit")
    done = check(ini(server.port, "implicit"))
    assert steps(done)[-2:] == [("login", "failed"), ("queue", "ok")] and done.exit == 77
    assert "check user = and password =" in done.out.decode()


@table("certificate, words", [
    ("expired", "expired", "expired on"),
    ("another name", "wrong-name", "set host = or tls_name ="),
    ("an unknown CA", "untrusted", "fingerprint ="),
])  # fmt: skip
def test_a_certificate(certificate, words, rogue, ini, check):
    server = rogue(tls="implicit", certificate=certificate)
    done = check(ini(server.port, "implicit"))
    assert ("certificate", "failed") in steps(done) and words in done.out.decode() and done.exit == 77
    assert all(session.verbs in ("", "QUIT") for session in server.sessions)


def test_configurations(check, orsino, tmp_path):
    for text, words, code in (
        ("[a]\nhots = x\n", "hots", 78),
        ("[a]\nhost = localhost\nfrom = a@b.it\nuser = u\npassword_file = /nonexistent\n", "/nonexistent", 72),
        ("[a]\nhost = localhost\nfrom = a@b.it\n[b]\nhost = localhost\nfrom = c@d.it\n", "account", 78),
    ):
        done = check(write_private(tmp_path / "wrong.ini", text))
        assert steps(done) == [("configuration", "failed")] and words in done.out.decode() and done.exit == code
    done = check(tmp_path / "missing.ini")
    assert done.exit == 78 and b"missing.ini" in done.out


def test_an_account_by_name(rogue, check, tmp_path):
    server = rogue()
    text = "[orsino]\nlog = none\n" + "".join(
        f"[{name}]\nhost = localhost\ntls = none\nport = {port}\nfrom = {name}@b.it\n" for name, port in (("one", 1), ("two", server.port)))  # fmt: skip
    config = write_private(tmp_path / "two.ini", text)
    assert check(config, "two").exit == 0
    assert check(config, "-a", "two").exit == 0
    done = check(config, "three")
    assert done.exit == 78 and b"three" in done.out


def test_a_queue_that_cannot_be_written(rogue, ini, check, tmp_path):
    """Nothing is lost by it while the way is clear: it is told, and is no failure of the account."""
    (tmp_path / "file").write_text("")
    done = check(ini(rogue().port, queue=tmp_path / "file"))
    assert steps(done)[-1] == ("queue", "failed") and done.exit == 0


def test_a_test_message(rogue, ini, check):
    server = rogue(tls="implicit")
    done = check(ini(server.port, "implicit"), "--send", "bob@example.org")
    assert ("test message", "ok") in steps(done) and done.exit == 0
    server.wait()
    (sent,) = [one for session in server.sessions for one in session.transactions]
    assert "<bob@example.org>" in sent.recipients[0] and b"Subject: orsino works" in sent.text and b"Message-ID:" in sent.text
    refused = rogue({"RCPT": "550 5.1.1 nobody"}, tls="implicit")
    done = check(ini(refused.port, "implicit"), "--send", "gone@example.org")
    assert ("test message", "failed") in steps(done) and done.exit == 67
    assert check(ini(server.port, "implicit"), "--send", "no address <").exit == 65


def test_json(rogue, ini, check):
    server = rogue(tls="implicit")
    found = json.loads(check(ini(server.port, "implicit"), "--json").out)
    assert [step["step"] for step in found] == STEPS and {step["result"] for step in found} == {"ok"}
    assert all(isinstance(step["milliseconds"], int) and step["text"] for step in found)


def test_the_step_under_way_is_shown_on_a_terminal(rogue, ini, orsino):
    server = rogue({"greeting": (0.5, "220 mx")})
    ours, theirs = pty.openpty()
    process = subprocess.Popen(["orsino", "check", "-C", str(ini(server.port))], executable=orsino.path, env=orsino.environment(),
                               stdout=theirs, stderr=theirs)  # fmt: skip
    os.close(theirs)
    said = b""
    try:
        while piece := os.read(ours, 4096):
            said += piece
    except OSError:
        pass
    os.close(ours)
    assert process.wait(60) == 0
    assert b"...      greeting\r" in said and b"...      greeting\r" not in said.partition(b"greeting ")[2], said


def test_no_secret_is_shown(rogue, ini, check):
    server = rogue({"AUTH": f"535 5.7.8 {PASSWORD} is wrong"}, tls="implicit")
    for words in ((), ("--json",)):
        assert PASSWORD.encode() not in check(ini(server.port, "implicit"), *words).out


@table("words, said", [
    ("two accounts", ["a", "b"], "one account at most"),
    ("no such option", ["--sned", "x"], "no option --sned"),
    ("no argument", ["--send"], "--send needs an argument"),
])  # fmt: skip
def test_a_line_for_what_is_wrong(words, said, orsino):
    assert said in orsino.run("check", *words, name="orsino", message=b"").failed(64, "orsino: ")


def test_help(orsino):
    done = orsino.run("check", "--help", name="orsino", message=b"")
    assert (done.exit, done.err) == (0, "") and done.out.startswith(b"usage: orsino check ")


def test_a_message_for_root(rogue, orsino, ini):
    """It goes where a send goes."""
    server = rogue(tls="implicit")
    done = orsino.run("check", "-C", str(ini(server.port, "implicit", local="anna@example.org")), "--send", "root", name="orsino", message=b"")
    assert done.exit == 0
    server.wait()
    assert server.sessions[-1].recipients == ["anna@example.org"]
