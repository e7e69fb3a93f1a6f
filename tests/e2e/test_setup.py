"""orsino setup: through a real terminal, and without any question."""

import os
import pty
import re
import select
import shutil
import signal
import subprocess
import termios
import time

import pytest

from conftest import table, write_private
from relay import Network
from rogue import SILENCE
from waiting import wait_for

PATIENCE = 20
ME = "me@example.invalid"
SECRET = 'p#ss; "word'


def plain(text):
    """Without colour."""
    return re.sub(r"\033\[\d*m", "", text.decode())


class Terminal:
    """orsino setup at a terminal, and who sits there."""

    def __init__(self, orsino, words, variables=None):
        self.said = b""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            for number in (signal.SIGINT, signal.SIGQUIT):
                signal.signal(number, signal.SIG_DFL)
            os.chdir(orsino.folder)
            os.execve(orsino.path, ["orsino", "setup", *words], orsino.environment(**(variables or {})))

    def expect(self, words):
        """Waits for these words behind what was waited for last."""
        end = time.monotonic() + PATIENCE
        while words.encode() not in self.said:
            readable, _, _ = select.select([self.fd], [], [], max(0, end - time.monotonic()))
            assert readable, f"no {words!r} after {self.said!r}"
            try:
                piece = os.read(self.fd, 4096)
            except OSError:
                piece = b""
            assert piece, f"it ended without {words!r}: {self.said!r}"
            self.said += piece
        before, _, self.said = self.said.partition(words.encode())
        return plain(before)

    def answer(self, question, text):
        self.expect(question)
        os.write(self.fd, text.encode() + b"\n")

    def end(self):
        """All that is still said, and how it ended."""
        try:
            while piece := os.read(self.fd, 4096):
                self.said += piece
        except OSError:
            pass
        os.close(self.fd)
        return plain(self.said), os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def echoes(self):
        return bool(termios.tcgetattr(self.fd)[3] & termios.ECHO)


@pytest.fixture
def place(tmp_path):
    folder = tmp_path / "etc"
    folder.mkdir()
    return folder / "orsino.ini"


def questions(terminal, host="localhost"):
    """Up to the password."""
    terminal.answer("Your mail address: ", ME)
    terminal.answer("server for outgoing mail: ", host)
    terminal.answer(f"User name [{ME}]: ", "")


def known(certificates, server):
    return ["--ca-file", str(certificates.ca_file), "--port", str(server.port)]


def test_from_nothing_to_a_message(rogue, orsino, certificates, place):
    server = rogue(tls="implicit")
    terminal = Terminal(orsino, ["-C", str(place), *known(certificates, server)])
    questions(terminal)
    terminal.answer("Password: ", SECRET)
    terminal.answer(f"mail for root and cron [{ME}]: ", "")
    text = terminal.expect("Send a test message to")
    assert re.search(r"ok +login +\d+ ms  as me@example\.invalid", text), text
    terminal.answer("[Y/n]: ", "")
    text, code = terminal.end()
    assert code == 0 and re.search(r"ok +test message", text)
    assert oct(place.stat().st_mode & 0o777) == "0o600" and os.listdir(place.parent) == ["orsino.ini"]
    server.wait()
    assert server.sessions[-1].login == (ME.encode(), SECRET.encode())
    orsino.run("bob@example.org", ini=place).succeeded()
    assert "local = me@example.invalid\n" in place.read_text()


def test_the_password_is_shown_nowhere(rogue, orsino, certificates, place):
    server = rogue(tls="implicit")
    terminal = Terminal(orsino, ["-C", str(place), *known(certificates, server)])
    questions(terminal)
    terminal.expect("Password: ")
    wait_for(lambda: not terminal.echoes(), PATIENCE, "the terminal to be silent")
    os.write(terminal.fd, SECRET.encode() + b"\n")
    terminal.expect("root and cron")
    assert terminal.echoes()
    with open(f"/proc/{terminal.pid}/cmdline", "rb") as file:
        assert SECRET.encode() not in file.read()
    os.write(terminal.fd, b"\n")
    seen = terminal.expect("Send a test message")
    os.write(terminal.fd, b"n\n")
    rest, code = terminal.end()
    assert code == 0 and SECRET not in seen + rest


def test_bad_answers_are_asked_again(rogue, orsino, certificates, place):
    server = rogue(tls="implicit")
    with_nothing = rogue(script={"greeting": "SSH-2.0-x"})
    terminal = Terminal(orsino, ["-C", str(place), "--ca-file", str(certificates.ca_file), "--port", str(server.port)])
    for bad in ("", "nonsense", "a b@c", "x" * 1000, "x" * 2000):
        terminal.answer("Your mail address: ", bad)
    terminal.answer("Your mail address: ", ME)
    terminal.answer("server for outgoing mail: ", "no..host")  # no resolver is asked
    terminal.answer("Take it all the same? [y/N]: ", "maybe")
    terminal.answer("Please answer y or n.", "n")
    terminal.answer("server for outgoing mail: ", "localhost")
    terminal.answer("User name", "")
    terminal.answer("Password: ", "")
    terminal.answer("Password: ", "secret")
    terminal.answer("root and cron", "")
    terminal.answer("Send a test message", "n")
    assert terminal.end()[1] == 0 and with_nothing.sessions == []


@pytest.mark.parametrize("answers", [5, 0], ids=["five times", "the end of input"])
def test_somebody_who_has_no_answer(answers, orsino, place):
    terminal = Terminal(orsino, ["-C", str(place)])
    for _ in range(answers):
        terminal.answer("Your mail address: ", "nonsense")
    if not answers:
        terminal.expect("Your mail address: ")
        os.write(terminal.fd, b"\x04")
    text, code = terminal.end()
    assert code == 64 and "nothing is written" in text and not place.exists()


@pytest.fixture
def nowhere():
    """A network without a way out: only what needs no DNS is known."""
    network = Network()
    yield network
    network.stop()


# What is said to the server that was found, and what is asked next or written then.
CORRECTED = [
    ("it is right", "", "provider = gmail\n"),
    ("the name of another", "fastmail", "provider = fastmail\n"),
    ("a host and its port", "localhost:2465", "host = localhost\nport = 2465\n"),
    ("a URL", "smtps://localhost:2465/", "host = localhost\nport = 2465\n"),
]


@table("answer, wanted", CORRECTED)
def test_what_was_found_can_be_corrected(answer, wanted, nowhere, orsino, place):
    terminal = nowhere.run(Terminal, orsino, ["-C", str(place), "me@gmail.com"])
    terminal.answer("outgoing mail [smtp.gmail.com]: ", answer)
    if ":" in answer:
        terminal.answer("Take it all the same?", "y")
    before = terminal.expect("User name")
    assert ("app password" in before) == ("localhost" not in answer), before
    os.write(terminal.fd, b"\n")
    terminal.answer("Password: ", "x")
    terminal.answer("root and cron", "")
    assert terminal.end()[1] != 0  # nobody is there to be checked
    assert place.read_text() == (f"[orsino]\nlocal = me@gmail.com\n{wanted}user = me@gmail.com\npassword = x\nfrom = me@gmail.com\n")


def test_a_region_is_asked(orsino, place):
    terminal = Terminal(orsino, ["-C", str(place), "--no-check", "--provider", "ses", "--user", "AKIA", ME])
    text = terminal.expect("Region [us-east-1]: ")
    assert "set region = " in text
    os.write(terminal.fd, b"eu west\n")
    terminal.expect("This is no region.")
    terminal.answer("Region [us-east-1]: ", "eu-west-1")
    terminal.answer("Password: ", "x" * 2000)
    terminal.answer("This is too long.", "x")
    terminal.answer("root and cron", "")
    assert terminal.end()[1] == 0 and "provider = ses\nregion = eu-west-1\n" in place.read_text()


@pytest.mark.parametrize("answer, code", [("y", 0), ("n", 64), ("", 64)])
def test_the_account_of_another(answer, code, orsino, place):
    """It is the only one, and would be lost."""
    before = "[orsino]\nhost = a.example\nuser = a@b.it\npassword = x\nlocal = a@b.it\n"
    write_private(place, before)
    terminal = Terminal(orsino, ["-C", str(place), "--no-check", "--host", "b.example", ME])
    terminal.expect("is that of a@b.it.")
    terminal.answer("Replace it? [y/N]: ", answer)
    if code == 0:
        terminal.answer("User name", "")
        terminal.answer("Password: ", "y")
    assert terminal.end()[1] == code
    assert (place.read_text() == before) == (code != 0)


OLD = """# The INI of this house.
[orsino]
account = work     ; the usual one

# of the company
[work]
host = smtp.work.example
user = boss@work.example
password = "of; work"

[home]
  # an old server
host = smtp.old.example     ; gone in June
port = 2525
user = me@example.invalid
password = old
timeout = 1m ; kept
"""


def test_only_the_account_is_changed(orsino, place):
    write_private(place, OLD)
    place.chmod(0o640)
    done = orsino.run("setup", "-C", str(place), "--non-interactive", "--no-check", "--host", "smtp.new.example", "--password-stdin",
                      ME, name="orsino", message=b"new; password\n")  # fmt: skip
    assert (done.exit, done.err) == (0, "")
    wanted = OLD.replace("host = smtp.old.example ", "host = smtp.new.example ").replace("port = 2525\n", "")
    wanted = wanted.replace("password = old\n", 'password = "new; password"\n') + "from = me@example.invalid\n"
    assert place.read_text() == wanted
    assert (place.parent / "orsino.ini.bak").read_text() == OLD and len(os.listdir(place.parent)) == 2
    assert oct(place.stat().st_mode & 0o777) == "0o640"


def test_a_link_stays_one(orsino, place, tmp_path):
    """What it names is written, and the old one stays beside that."""
    real = write_private(tmp_path / "real.ini", OLD)
    place.symlink_to(real)
    words = ["setup", "-C", str(place), "--non-interactive", "--no-check", "--host", "new.example", ME]
    done = orsino.run(*words, name="orsino", environment={"ORSINO_PASSWORD": "x"})
    assert (done.exit, done.err) == (0, "") and place.is_symlink() and os.listdir(place.parent) == ["orsino.ini"]
    assert "host = new.example" in real.read_text() and (tmp_path / "real.ini.bak").read_text() == OLD
    real.unlink()
    done = orsino.run(*words, name="orsino", environment={"ORSINO_PASSWORD": "x"})
    assert "link" in done.failed(78) and place.is_symlink() and not real.exists()


def run_again(orsino, place, *words, password="x"):
    done = orsino.run("setup", "-C", str(place), "--non-interactive", "--no-check", *words, name="orsino", message=b"",
                      environment={"ORSINO_PASSWORD": password})  # fmt: skip
    assert (done.exit, done.err) == (0, "")
    return place.read_text()


PRESENT = "[orsino]\nhost = a.example\nport = 2465\ntls = implicit\nca_file = /ca.pem\ntls_name = b.example\nauth = {auth}\nuser = {user}\n"


def test_what_belongs_to_the_server_stays_with_it(orsino, place):
    """And goes with it, since it would defeat the new one."""
    for auth, stays in (("login", True), ("none", False)):
        write_private(place, PRESENT.format(auth=auth, user=ME) + "password = old\n")
        for words in ((ME,), ("--host", "a.example", ME)):
            text = run_again(orsino, place, *words, password="new")
            assert all(line in text for line in ("port = 2465\n", "ca_file = /ca.pem\n", "tls_name = b.example\n", "password = new\n")), text
            assert ("auth" in text) == stays
    text = run_again(orsino, place, "--host", "c.example", ME)
    assert text == f"[orsino]\nhost = c.example\nuser = {ME}\npassword = x\nfrom = {ME}\n"


@pytest.mark.parametrize("secret", ["password = old", "password_file = /run/secret"])
def test_the_password_of_the_file_stays(secret, orsino, place):
    """Where nothing is asked, and the server is the same."""
    write_private(place, PRESENT.format(auth="login", user=ME) + f"{secret}\n")
    done = run_plain(orsino, place, ["--local", ME, ME], {})
    assert (done.exit, done.err) == (0, "") and f"{secret}\n" in place.read_text() and f"local = {ME}\n" in place.read_text()
    assert "the password" in run_plain(orsino, place, ["--host", "c.example", ME], {}).failed(64)
    assert "the password" in run_plain(orsino, place, ["--account", "orsino", "another@example.invalid"], {}).failed(64)


def test_no_folder_is_made_for_a_slip(orsino, tmp_path):
    place = tmp_path / "no/such/orsino.ini"
    assert "No such file" in run_plain(orsino, place, ["--host", "h", ME], {"PASSWORD": "x"}).failed(73)
    assert not (tmp_path / "no").exists()


def test_the_old_files_are_all_kept(orsino, place):
    first = write_private(place, PRESENT.format(auth="login", user=ME) + "password = old\n").read_text()
    for name in ("b.example", "c.example", "d.example"):
        run_again(orsino, place, "--host", name, ME)
    assert sorted(os.listdir(place.parent)) == ["orsino.ini", "orsino.ini.bak", "orsino.ini.bak.1", "orsino.ini.bak.2"]
    assert (place.parent / "orsino.ini.bak").read_text() == first
    assert "host = c.example" in (place.parent / "orsino.ini.bak.2").read_text()


def test_the_world_does_not_see_the_first_password(orsino, place):
    place.write_text("[orsino]\nlocal = a@b.it\n")
    place.chmod(0o644)
    run_again(orsino, place, "--host", "a.example", ME)
    assert oct(place.stat().st_mode & 0o777) == "0o600"


def test_all_mail_goes_on_as_before(orsino, place):
    """By the only account that there was; a second one is not chosen by coming last."""
    before = "[work]\nhost = a.example\nuser = boss@b.it\npassword = x\n"
    write_private(place, before)
    done = orsino.run("setup", "-C", str(place), "--non-interactive", "--no-check", "--host", "h.example", ME, name="orsino", message=b"",
                      environment={"ORSINO_PASSWORD": "x"})  # fmt: skip
    assert done.exit == 0 and b"goes by the account work still; -a example takes the new one" in done.out
    text = place.read_text()
    assert "account = work\n" in text and "[example]\nhost = h.example\n" in text
    run_again(orsino, place, "--host", "i.example", ME)
    assert place.read_text() == text.replace("h.example", "i.example")


@pytest.mark.parametrize("answer, account", [("", "work"), ("y", "example")])
def test_all_mail_by_the_new_account(answer, account, orsino, place):
    write_private(place, "[work]\nhost = a.example\nuser = boss@b.it\npassword = x\n")
    terminal = Terminal(orsino, ["-C", str(place), "--no-check", "--host", "h.example", "--local", ME, ME])
    terminal.answer("User name", "")
    terminal.answer("Password: ", "x")
    terminal.expect("All mail goes by the account work.")
    terminal.answer("Shall it go by this one? [y/N]: ", answer)
    assert terminal.end()[1] == 0 and f"account = {account}\n" in place.read_text()


def test_another_account_beside_it(orsino, place):
    write_private(place, OLD.replace("account = work     ; the usual one\n", ""))
    before = place.read_text()
    done = orsino.run("setup", "-C", str(place), "--non-interactive", "--no-check", "--provider", "fastmail", "--local", ME,
                      "new@fastmail.com", name="orsino", message=b"", environment={"ORSINO_PASSWORD": "x"})  # fmt: skip
    assert (done.exit, done.err) == (0, "")
    text = place.read_text()
    assert b"No account is chosen for all mail: -a fastmail takes this one" in done.out
    assert text.replace("local = me@example.invalid\n", "").startswith(before) and "account =" not in text
    assert text.endswith("[fastmail]\nprovider = fastmail\nuser = new@fastmail.com\npassword = x\nfrom = new@fastmail.com\n")


def test_an_account_that_a_section_would_hide(orsino, place):
    write_private(place, "[orsino]\nhost = a.example\nuser = a@b.it\npassword = x\n")
    before = place.read_text()
    done = orsino.run("setup", "-C", str(place), "--non-interactive", "--no-check", "--account", "two", "--host", "b.example", ME,
                      name="orsino", message=b"", environment={"ORSINO_PASSWORD": "x"})  # fmt: skip
    assert "--account orsino" in done.failed(64) and place.read_text() == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda n: n.name)
@pytest.mark.parametrize("question", ["Your mail address: ", "User name", "Password: ", "root and cron"])
def test_interrupted(question, number, rogue, orsino, certificates, place):
    """The old file is as it was, nothing lies beside it, and the terminal shows what is typed."""
    server = rogue(tls="implicit")
    write_private(place, OLD)
    terminal = Terminal(orsino, ["-C", str(place), *known(certificates, server)])
    for asked, answer in (("Your mail address: ", ME), ("server for outgoing mail", "localhost"), ("User name", ""), ("Password: ", "x")):
        if asked == question:
            break
        terminal.answer(asked, answer)
    terminal.expect(question)
    if question == "Password: ":
        wait_for(lambda: not terminal.echoes(), PATIENCE, "the terminal to be silent")
    if number == signal.SIGINT:
        os.write(terminal.fd, b"\x03")
    else:
        os.kill(terminal.pid, number)
    status = os.waitpid(terminal.pid, 0)[1]
    assert os.waitstatus_to_exitcode(status) == -number
    os.close(terminal.fd)
    assert place.read_text() == OLD and os.listdir(place.parent) == ["orsino.ini"]


def test_a_server_that_does_not_answer_is_told(rogue, orsino, place):
    server = rogue(script={"greeting": SILENCE})
    terminal = Terminal(orsino, ["-C", str(place), "--port", str(server.port)])
    terminal.answer("Your mail address: ", ME)
    terminal.answer("server for outgoing mail: ", "localhost")
    text = terminal.expect("Take it all the same?")
    assert "neither greets nor speaks TLS" in text
    os.write(terminal.fd, b"\x03")
    terminal.end()
    assert not place.exists()


# Without questions: words, variables; the lines that are written, or the word that is missing.
PLAIN = [
    ("all by options", ["--host", "h.example", "--port", "2525", "--tls", "starttls", "--user", "u", "--password-file", "/run/secret", ME], {},
     "[orsino]\nhost = h.example\nport = 2525\ntls = starttls\nuser = u\npassword_file = /run/secret\nfrom = me@example.invalid\n"),
    ("all by variables", [], {"HOST": "h.example", "USER": ME, "PASSWORD": "x"},
     "[orsino]\nhost = h.example\nuser = me@example.invalid\npassword = x\nfrom = me@example.invalid\n"),
    ("a provider", ["--provider", "gmail", "me@gmail.com"], {"PASSWORD": "x"},
     "[orsino]\nprovider = gmail\nuser = me@gmail.com\npassword = x\nfrom = me@gmail.com\n"),
    ("a provider with one user for all", ["--provider", "sendgrid", ME], {"PASSWORD": "x"},
     "[orsino]\nprovider = sendgrid\nuser = apikey\npassword = x\nfrom = me@example.invalid\n"),
    ("a provider, but another port", ["--provider", "gmail", "--port", "2587", "--tls", "starttls", ME], {"PASSWORD": "x"},
     "[orsino]\nprovider = gmail\nport = 2587\ntls = starttls\nuser = me@example.invalid\npassword = x\nfrom = me@example.invalid\n"),
    ("a provider's region", ["--provider", "ses", "--region", "eu-west-1", "--user", "u", ME], {"PASSWORD": "x"},
     "[orsino]\nprovider = ses\nregion = eu-west-1\nuser = u\npassword = x\nfrom = me@example.invalid\n"),
    ("an option for the password before both variables", ["--host", "a.example", "--password-file", "/x", ME], {"PASSWORD": "x"},
     "[orsino]\nhost = a.example\nuser = me@example.invalid\npassword_file = /x\nfrom = me@example.invalid\n"),
    ("an option for the server before all variables of it", ["--provider", "fastmail", ME],
     {"HOST": "h.example", "PORT": "26", "TLS": "starttls", "PASSWORD": "x"},
     "[orsino]\nprovider = fastmail\nuser = me@example.invalid\npassword = x\nfrom = me@example.invalid\n"),
    ("options before variables", ["--host", "a.example", ME], {"HOST": "b.example", "PASSWORD": "x"},
     "[orsino]\nhost = a.example\nuser = me@example.invalid\npassword = x\nfrom = me@example.invalid\n"),
]  # fmt: skip
MISSING = [
    ("the address", ["--host", "h.example"], {"PASSWORD": "x"}, "mail address", 64),
    ("the server", [ME], {"PASSWORD": "x"}, "--host", 64),
    ("the password", ["--host", "h.example", ME], {}, "--password-stdin", 64),
    ("a password on standard input", ["--host", "h.example", "--password-stdin", ME], {}, "standard input", 64),
    ("an address that is none", ["--host", "h.example", "me"], {"PASSWORD": "x"}, "no mail address", 65),
    ("an address that is too long", ["--host", "h.example", "me@" + ".".join(["x" * 60] * 6)], {"PASSWORD": "x"}, "no mail address", 65),
    ("a file without a name", ["-C", "", "--host", "h.example", ME], {"PASSWORD": "x"}, "-C", 64),
    ("a provider that is none", ["--provider", "gnail", ME], {"PASSWORD": "x"}, "did you mean gmail?", 64),
    ("a port that is none", ["--host", "h.example", "--port", "many", ME], {"PASSWORD": "x"}, "port", 64),
    ("an option that is none", ["--hots", "h.example", ME], {}, "--hots", 64),
    ("two addresses", ["a@b.it", ME], {}, "one address", 64),
    ("a file that is not named in full", ["--host", "h.example", "--ca-file", "ca.pem", ME], {"PASSWORD": "x"}, "absolute path", 64),
    ("a local that is no address", ["--host", "h.example", "--local", "foo", ME], {"PASSWORD": "x"}, "local takes one address", 64),
    ("a variable that is none", ["--host", "h.example", ME], {"PASSWORD": "x", "CA_FILE": "ca.pem"}, "absolute path", 78),
    ("a password twice", ["--host", "h.example", ME], {"PASSWORD": "x", "PASSWORD_FILE": "/x"}, "only one can be", 64),
    ("a password twice, by options", ["--host", "h.example", "--password-stdin", "--password-file", "/x", ME], {}, "only one can be", 64),
    ("a region that is none", ["--provider", "ses", "--region", "a b", ME], {"PASSWORD": "x"},
     "ses has no region", 64),
    ("a name that no account can have", ["--account", "a]b", "--host", "h.example", ME], {"PASSWORD": "x"}, "a]b", 64),
]  # fmt: skip


def run_plain(orsino, place, words, variables):
    return orsino.run("setup", "-C", str(place), "--non-interactive", "--no-check", *words, name="orsino", message=b"",
                      environment={f"ORSINO_{key}": value for key, value in variables.items()})  # fmt: skip


@table("words, variables, wanted", PLAIN)
def test_without_questions(words, variables, wanted, orsino, place):
    done = run_plain(orsino, place, words, variables)
    assert (done.exit, done.err) == (0, "")
    assert place.read_text() == wanted and oct(place.stat().st_mode & 0o777) == "0o600"


@table("words, variables, said, code", MISSING)
def test_what_is_missing_is_named(words, variables, said, code, orsino, place):
    done = run_plain(orsino, place, words, variables)
    assert said in done.failed(code, "orsino: ") and os.listdir(place.parent) == []


# What comes on standard input, and the password of it; or the word of what is wrong.
GIVEN = [
    ("a line", b"x y\n", "x y", ""),
    ("a line of DOS", b"x\r\n", "x", ""),
    ("without an end", b"x", "x", ""),
    ("the first of two", b"x\ny\n", "x", ""),
    ("a long one", b"x" * 900 + b"\n", "x" * 900, ""),
    ("one that is too long", b"x" * 2000 + b"\n", "", "too long"),
    ("one with a NUL", b"x\0y\n", "", "NUL"),
    ("an empty line", b"\ny\n", "", "password on standard input is missing"),
]  # fmt: skip


@table("given, password, said", GIVEN)
def test_a_password_on_standard_input(given, password, said, orsino, place):
    done = orsino.run("setup", "-C", str(place), "--non-interactive", "--no-check", "--host", "h", "--password-stdin", ME, name="orsino",
                      message=given)  # fmt: skip
    if said:
        assert said in done.failed(64, "orsino: ") and not place.exists()
    else:
        assert (done.exit, done.err) == (0, "") and f"\npassword = {password}\n" in place.read_text()


def test_a_password_is_not_read_from_a_terminal_that_shows_it(orsino, place):
    text, code = Terminal(orsino, ["-C", str(place), "--password-stdin", ME]).end()
    assert code == 64 and "--password-stdin goes with --non-interactive alone" in text


def test_without_a_terminal(orsino, place):
    assert "--non-interactive" in orsino.run("setup", "-C", str(place), name="orsino", message=b"").failed(64)


def test_a_password_that_was_wrong(rogue, orsino, certificates, place):
    """It is asked for again; and a second setup begins with what the account has."""
    server = rogue({"AUTH": ["535 5.7.8 no", "535 5.7.8 no", "235 2.7.0 welcome"]}, tls="implicit")
    terminal = Terminal(orsino, ["-C", str(place), *known(certificates, server)])
    questions(terminal)
    terminal.answer("Password: ", "wrong")
    terminal.answer("root and cron", "")
    terminal.answer("Enter the password once more? [Y/n]: ", "")
    terminal.answer("Password: ", "  right ")
    terminal.answer("Enter the password once more? [Y/n]: ", "n")
    text, code = terminal.end()
    assert code == 77 and f"orsino check -C {place} looks again" in text
    assert "password = \"  right \"\n" in place.read_text()
    assert os.listdir(place.parent) == ["orsino.ini"], "what we made ourselves is no old file"
    terminal = Terminal(orsino, ["-C", str(place), ME])
    terminal.answer(f"outgoing mail [localhost:{server.port}]: ", "")
    terminal.answer(f"User name [{ME}]: ", "")
    terminal.answer("Password: ", "right")
    terminal.expect("Send a test message")
    os.write(terminal.fd, b"\x04")  # the end of input is no yes
    assert terminal.end()[1] == 0 and f"ca_file = {certificates.ca_file}\n" in place.read_text()
    server.wait()
    assert server.sessions[-1].login == (ME.encode(), b"right") and not any(session.message for session in server.sessions)


def test_answers_that_cannot_be_written(rogue, orsino, certificates, place):
    """Each is asked again at once, and none is found wrong after the last."""
    server = rogue(tls="implicit")
    terminal = Terminal(orsino, ["-C", str(place), *known(certificates, server)])
    terminal.answer("Your mail address: ", ME)
    terminal.answer("outgoing mail: ", "localhost:abc")
    terminal.expect("without port or ://")
    terminal.answer("outgoing mail: ", "localhost:99999")
    terminal.expect("port takes a number from 1 to 65535.")
    terminal.answer("outgoing mail: ", "localhost")
    terminal.answer("User name", "a\"b#'c")
    terminal.expect("the file cannot hold this value")
    terminal.answer("User name", "")
    terminal.answer("Password: ", "a#\"'b")
    terminal.expect("use password_file")
    terminal.answer("Password: ", "x")
    terminal.answer("root and cron", "foo")
    terminal.expect("local takes one address")
    terminal.answer("root and cron", "")
    terminal.answer("Send a test message", "n")
    assert terminal.end()[1] == 0


def test_a_name_that_is_nearly_a_provider_s(nowhere, orsino, place):
    """It may be a host of the house: it is asked, and only then doubted."""
    terminal = nowhere.run(Terminal, orsino, ["-C", str(place), ME])
    terminal.answer("outgoing mail: ", "gmial")
    terminal.expect("; did you mean gmail?")
    terminal.answer("Take it all the same? [y/N]: ", "n")
    terminal.answer("outgoing mail: ", "gmail")
    terminal.expect("User name")
    os.kill(terminal.pid, signal.SIGTERM)
    terminal.end()


def test_another_answer_than_the_option(nowhere, orsino, place):
    """What went with the server of the option goes with it."""
    terminal = nowhere.run(Terminal, orsino, ["-C", str(place), "--host", "127.0.0.1", "--port", "1", ME])
    terminal.answer("Take it all the same? [y/N]: ", "n")
    terminal.answer("outgoing mail: ", "fastmail")
    terminal.answer("User name", "")
    terminal.answer("Password: ", "x")
    terminal.answer("root and cron", "")
    assert terminal.end()[1] != 0
    assert place.read_text() == f"[orsino]\nlocal = {ME}\nprovider = fastmail\nuser = {ME}\npassword = x\nfrom = {ME}\n"


def test_enter_brings_back_what_was_there(rogue, orsino, certificates, place):
    """Also after a slip: the server that Enter stands for keeps all that goes with it."""
    server = rogue(tls="implicit")
    write_private(place, f"[orsino]\nhost = localhost\nport = {server.port}\ntls = implicit\nca_file = {certificates.ca_file}\n"
                         f"user = {ME}\npassword = old\n")  # fmt: skip
    terminal = Terminal(orsino, ["-C", str(place), ME])
    terminal.answer("outgoing mail [", "localhost:abc")
    terminal.expect("without port or ://")
    terminal.answer("outgoing mail [", "")
    terminal.answer("User name", "")
    terminal.answer("Password: ", "new")
    terminal.answer("root and cron", "")
    terminal.answer("Send a test message", "n")
    assert terminal.end()[1] == 0 and f"ca_file = {certificates.ca_file}\n" in place.read_text()


def test_a_file_that_changes_meanwhile(orsino, place):
    """What somebody else wrote while questions were answered is not lost."""
    for before in (None, "[orsino]\nlocal = a@b.it\n"):
        if before:
            write_private(place, before)
        terminal = Terminal(orsino, ["-C", str(place), "--no-check", "--host", "h.example", "--local", ME, ME])
        terminal.answer("User name", "")
        terminal.expect("Password: ")
        other = write_private(place.parent / "other", "[orsino]\nhost = other.example\n")
        other.rename(place)
        os.write(terminal.fd, b"x\n")
        text, code = terminal.end()
        assert code == 73 and "somebody else has changed it meanwhile: begin anew" in text
        assert place.read_text() == "[orsino]\nhost = other.example\n" and os.listdir(place.parent) == ["orsino.ini"]
        place.unlink()


def test_what_is_no_file_is_left(orsino, place):
    os.mkfifo(place)
    assert "it is no file that could be written" in run_plain(orsino, place, ["--host", "h", ME], {"PASSWORD": "x"}).failed(78)
    assert place.is_fifo() and os.listdir(place.parent) == ["orsino.ini"]


def test_a_folder_that_cannot_be_read(orsino, open_folder):
    """Nor synced; the file is written, and that is said."""
    folder = open_folder / "folder"
    folder.mkdir(mode=0o700)
    os.chown(folder, 60001, 60001)
    folder.chmod(0o300)
    done = orsino.run("setup", "-C", str(folder / "x.ini"), "--non-interactive", "--no-check", "--host", "h.example", ME, name="orsino",
                      message=b"", user=60001, environment={"ORSINO_PASSWORD": "x"})  # fmt: skip
    assert (done.exit, done.err) == (0, "") and (folder / "x.ini").exists()


def test_nobody_is_stopped_at_the_password(orsino, place):
    """Who went on would see it on the screen."""
    terminal = Terminal(orsino, ["-C", str(place), "--no-check", "--host", "h.example", "--local", ME, ME])
    terminal.answer("User name", "")
    terminal.expect("Password: ")
    wait_for(lambda: not terminal.echoes(), PATIENCE, "the terminal to be silent")
    os.write(terminal.fd, b"\x1a")
    os.kill(terminal.pid, signal.SIGTSTP)
    os.write(terminal.fd, b"x\n")
    assert terminal.end()[1] == 0 and "password = x\n" in place.read_text()


def test_a_global_is_not_inherited_from_another_server(orsino, place):
    write_private(place, "[orsino]\naccount = a\nport = 24587\ntls = starttls\ntls_name = a.example\n[a]\nhost = a.example\n")
    done = run_plain(orsino, place, ["--host", "b.example", "--tls", "implicit", "--account", "b", ME], {"PASSWORD": "x"})
    assert (done.exit, done.err) == (0, "")
    assert place.read_text().endswith(f"[b]\nhost = b.example\nport = 465\ntls = implicit\ntls_name =\nuser = {ME}\npassword = x\nfrom = {ME}\n")
    once = place.read_text()
    assert run_plain(orsino, place, [ME], {}).exit == 0 and place.read_text() == once, "nor when it is set up again"


def test_an_account_without_an_address_is_not_lost_either(orsino, place):
    """Nor without questions."""
    before = "[orsino]\nhost = relay.lan\nauth = none\nlocal = a@b.it\n"
    write_private(place, before)
    done = run_plain(orsino, place, ["--provider", "fastmail", ME], {"PASSWORD": "x"})
    assert "is that of relay.lan: --account orsino replaces it" in done.failed(64) and place.read_text() == before
    words = ["--provider", "fastmail", "--account", "orsino", ME]
    assert run_plain(orsino, place, words, {"PASSWORD": "x"}).exit == 0 and "provider = fastmail" in place.read_text()
    write_private(place, before)
    terminal = Terminal(orsino, ["-C", str(place), "--no-check", "--provider", "fastmail", ME])
    terminal.expect("is that of relay.lan.")
    terminal.answer("Replace it? [y/N]: ", "")
    assert terminal.end()[1] == 64 and place.read_text() == before


@pytest.mark.parametrize("answer, code", [("y", 0), ("", 77)])
def test_a_certificate_that_is_known_to_the_user(answer, code, rogue, orsino, certificates, place):
    server = rogue(tls="implicit", certificate="self-signed")
    terminal = Terminal(orsino, ["-C", str(place), "--port", str(server.port), ME])
    terminal.answer("outgoing mail: ", "localhost")
    terminal.expect("Its fingerprint is ")
    terminal.answer("as one that you know is his? [y/N]: ", answer)
    if code != 0:
        terminal.answer("Take it all the same? [y/N]: ", "y")
    terminal.answer("User name", "")
    terminal.answer("Password: ", "x")
    terminal.answer("root and cron", "")
    if code == 0:
        terminal.answer("Send a test message", "n")
    assert terminal.end()[1] == code and ("fingerprint = " in place.read_text()) == (code == 0)


def test_the_check_decides(rogue, orsino, certificates, place):
    """The file is written, and the exit code is that which a message would have had."""
    server = rogue({"AUTH": "535 5.7.8 no"}, tls="implicit")
    words = ["--non-interactive", *known(certificates, server), "--tls", "implicit", "--host", "localhost", ME]
    done = orsino.run("setup", "-C", str(place), *words, name="orsino", message=b"", environment={"ORSINO_PASSWORD": "x"})
    assert done.exit == 77 and b"check user = and password =" in done.out and place.exists()


def test_a_file_that_is_wrong_is_left_alone(orsino, place):
    write_private(place, "[a]\nhost = x\nhost = y\n")
    assert "host" in run_plain(orsino, place, ["--host", "h", ME], {"PASSWORD": "x"}).failed(78, str(place))
    assert place.read_text() == "[a]\nhost = x\nhost = y\n" and os.listdir(place.parent) == ["orsino.ini"]


def test_a_users_own_file(orsino, open_folder):
    """In folders that nobody else may enter."""
    home = open_folder / "home"
    home.mkdir()
    os.chown(home, 60001, 60001)
    done = subprocess.run(
        ["setpriv", "--reuid", "60001", "--regid", "60001", "--clear-groups", orsino.path, "setup", "--non-interactive", "--no-check",
         "--host", "h.example", ME], env=orsino.environment(HOME=str(home), ORSINO_PASSWORD="x"), capture_output=True)  # fmt: skip
    assert (done.returncode, done.stderr) == (0, b"")
    path = home / ".config/orsino/orsino.ini"
    assert [oct(one.stat().st_mode & 0o777) for one in (path, path.parent, path.parent.parent)] == ["0o600", "0o700", "0o700"]


def test_the_check_finds_the_file_as_a_send_does(rogue, orsino, certificates, open_folder):
    """With the queue that goes with a file of one's own."""
    server, home, ca = rogue(tls="implicit"), open_folder / "home", open_folder / "ca.pem"
    home.mkdir()
    os.chown(home, 60001, 60001)
    shutil.copy(certificates.ca_file, ca)
    ca.chmod(0o644)
    done = orsino.run("setup", "--non-interactive", "--ca-file", str(ca), "--port", str(server.port), "--host", "localhost", "--tls", "implicit",
                      ME, name="orsino", message=b"", user=60001,
                      environment={"HOME": str(home), "ORSINO_PASSWORD": "x", "ORSINO_QUEUE": "/nowhere"})  # fmt: skip
    assert done.exit == 0 and f"{home}/.local/state/orsino can be written".encode() in done.out, done.out + done.err.encode()


def test_help(orsino):
    done = orsino.run("setup", "--help", name="orsino", message=b"")
    assert (done.exit, done.err) == (0, "") and done.out.startswith(b"usage: orsino setup ")
