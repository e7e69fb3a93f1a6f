"""What the tests share: servers, INIs, and orsino itself as a caller runs it."""

import os
import subprocess
from pathlib import Path

import pytest

from certificates import Certificates
from relay import network, open_folder, relay, talk  # noqa: F401
from rogue import Rogue
from servers import PASSWORD, USER, Postfix
from sink import Sink

ORSINO = os.path.abspath(os.environ.get("ORSINO", Path(__file__).parents[2] / "build" / "orsino"))
MESSAGE = b"From: Info <info@example.it>\nTo: anna@example.org\nSubject: hello\n\nhello there\n"
GLOBALS = ("account", "domain", "hostname", "log", "dot_terminates", "max_message", "aliases", "local", "allow_from",
           "listen", "listen_allow", "listen_users", "listen_cert", "listen_key", "listen_max", "queue",
           "queue_lifetime", "delivery", "patience", "keep_failed", "bounce")


def pytest_sessionstart(session):
    if not os.access(ORSINO, os.X_OK):
        pytest.exit(f"{ORSINO} is not there: run make first", 2)


def table(names, rows):
    """Runs a test for each row; the row's first member says in a few words what it is about."""
    return pytest.mark.parametrize(names, [row[1:] for row in rows], ids=[row[0] for row in rows])


class Result:
    def __init__(self, done):
        self.exit = done.returncode
        self.out = done.stdout
        self.err = done.stderr.decode("utf-8", "replace")

    def succeeded(self):
        """Nothing said, nothing wrong: many callers take a word on either as a failure."""
        assert (self.exit, self.out, self.err) == (0, b"", "")

    def failed(self, code, *words):
        """The one line for people; it must hold each of the words."""
        assert self.exit == code, f"exit {self.exit}, said {self.err!r}"
        assert self.out == b""
        assert self.err.endswith("\n") and self.err.count("\n") == 1, self.err
        line = self.err.rstrip("\n")
        assert line.isprintable() and line.startswith(("sendmail: ", "orsino: ")), line
        for word in words:
            assert word.lower() in line.lower(), f"no {word!r} in {line!r}"
        return line


class Orsino:
    """Runs the binary: in an empty environment, from an empty folder, with a home of its own."""

    def __init__(self, folder):
        self.path = ORSINO
        self.home = folder / "home"
        self.home.mkdir()
        self.folder = folder

    def environment(self, **more):
        kept = {name: value for name, value in os.environ.items() if name.endswith("SAN_OPTIONS")}
        return {"HOME": str(self.home), "PATH": "/usr/bin:/bin", **kept, **more}

    def command(self, *words, ini=None, name="sendmail"):
        return [name, *(["-C", str(ini)] if ini else []), *words]

    def run(self, *words, ini=None, message=MESSAGE, name="sendmail", environment=None, **more):
        done = subprocess.run(
            self.command(*words, ini=ini, name=name),
            executable=self.path,
            env=self.environment(**(environment or {})),
            cwd=self.folder,
            capture_output=True,
            timeout=60,
            **({} if "stdin" in more else {"input": message}),
            **more,
        )
        return Result(done)

    def start(self, *words, ini=None, **more):
        """The same, still running, to be written to."""
        return subprocess.Popen(
            self.command(*words, ini=ini),
            executable=self.path,
            env=self.environment(),
            cwd=self.folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            **more,
        )


@pytest.fixture
def orsino(tmp_path):
    return Orsino(tmp_path)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def postfix(certificates):
    server = Postfix(certificates)
    yield server
    server.stop()


@pytest.fixture
def rogue(certificates):
    """Starts a scripted server; by default one without TLS and login, the quickest way to see what is sent."""
    servers = []

    def start(script=None, tls="none", certificate="good", **more):
        context = more.pop("context", None) or certificates.server_context(certificate)
        servers.append(Rogue(context, tls, script, **more))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def sink(certificates):
    servers = []

    def start(tls, **more):
        servers.append(Sink(certificates.server_context(), tls, **more))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


def account_keys(server_port, tls, certificates):
    keys = {"host": "localhost", "port": server_port, "tls": tls, "from": "info@example.it"}
    keys |= {"timeout": "10s", "connect_timeout": "10s"}
    if tls != "none":
        keys |= {"ca_file": certificates.ca_file, "user": USER, "password": f'"{PASSWORD}"'}
    return keys


def ini_text(keys):
    """An INI with one account; keys that are None are left out."""
    lines = {True: ["[orsino]"], False: ["[test]"]}
    for key, value in keys.items():
        if value is not None:
            lines[key in GLOBALS].append(f"{key} = {value}")
    return "\n".join(lines[True] + lines[False]) + "\n"


@pytest.fixture
def ini(tmp_path, certificates):
    """Writes an INI for a server on this port, mode 0600, and gives its path."""

    def write(port, tls="none", name="orsino.ini", **changes):
        keys = {"log": "none", "hostname": "client.example.it", "domain": "example.it"}
        keys |= account_keys(port, tls, certificates) | changes
        return write_private(tmp_path / name, ini_text(keys))

    return write


def write_private(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o600)
    return path


@pytest.fixture
def link(tmp_path):
    """A symbolic link of this name to orsino."""

    def make(name):
        path = tmp_path / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.symlink_to(ORSINO)
        return path

    return make
