"""orsino setup: through a real terminal, and without any question."""

import os
import pty
import re
import select
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
]


@table("answer, wanted", CORRECTED)
def test_what_was_found_can_be_corrected(answer, wanted, nowhere, orsino, place):
    terminal = nowhere.run(Terminal, orsino, ["-C", str(place), "me@gmail.com"])
    terminal.answer("outgoing mail [smtp.gmail.com]: ", answer)
    if ":" in answer:
        terminal.answer("Take it all the same?", "y")
    before = terminal.expect("User name")
    assert ("app password" in before) == (answer != "localhost:2465"), before
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


def test_another_account_beside_it(orsino, place):
    write_private(place, OLD.replace("account = work     ; the usual one\n", ""))
    before = place.read_text()
    done = orsino.run("setup", "-C", str(place), "--non-interactive", "--no-check", "--provider", "fastmail", "--local", ME,
                      "new@fastmail.com", name="orsino", message=b"", environment={"ORSINO_PASSWORD": "x"})  # fmt: skip
    assert (done.exit, done.err) == (0, "")
    text = place.read_text()
    assert text.replace("local = me@example.invalid\naccount = fastmail\n", "").startswith(before)
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
    for asked, answer in (("Your mail address: ", ME), ("server for outgoing mail: ", "localhost"), ("User name", ""), ("Password: ", "x")):
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
    ("a provider that is none", ["--provider", "gnail", ME], {"PASSWORD": "x"}, "gnail", 64),
    ("a port that is none", ["--host", "h.example", "--port", "many", ME], {"PASSWORD": "x"}, "port", 78),
    ("an option that is none", ["--hots", "h.example", ME], {}, "--hots", 64),
    ("two addresses", ["a@b.it", ME], {}, "one address", 64),
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


def test_without_a_terminal(orsino, place):
    assert "--non-interactive" in orsino.run("setup", "-C", str(place), name="orsino", message=b"").failed(64)


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


def test_help(orsino):
    done = orsino.run("setup", "--help", name="orsino", message=b"")
    assert (done.exit, done.err) == (0, "") and done.out.startswith(b"usage: orsino setup ")
