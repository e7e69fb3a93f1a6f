"""What the tests of the queue share: a spool, orsino with an INI that names it, and a server that counts."""

import fcntl
import json
import os
import re
import shutil
import socket
import tempfile
import time
from pathlib import Path

import pytest

from conftest import MESSAGE, ORSINO
from rogue import Rogue

FOLDERS = ("new", "body", "queue", "failed")
# Complete, so that nothing is added to it: it arrives, and lies in the spool, byte by byte as it is here.
HEADER = (
    b"From: Info <info@example.it>\nTo: anna@example.org\nSubject: hello\n"
    b"Date: Tue, 1 Sep 2026 10:00:00 +0200\nMessage-ID: <%s@example.it>\n\n"
)
# Each start takes ten times as long then: the tests that start it thousands of times do with fewer.
IS_SANITIZED = b"__asan_init" in Path(ORSINO).read_bytes()
TEMPORARY = "451 4.3.0 come back later"
PERMANENT = "550 5.1.1 no such user here"


def complete_message(name="1", body=b"hello there\n"):
    return HEADER % name.encode() + body


def name_of(message):
    """What complete_message was given, or "notice"."""
    if b"report-type=delivery-status" in message:
        return "notice"
    return re.search(rb"(?m)^Message-ID: <(.*?)@", message)[1].decode()


def only_process_with(path):
    """The id of the only process whose command line names this file."""
    found = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/cmdline", "rb") as file:
                words = file.read().split(b"\0")
        except OSError:
            continue
        if os.fsencode(path) in words:
            found.append(int(entry))
    (only,) = found
    return only


class Spool:
    """The folders of orsino-queue(5), looked at from outside."""

    def __init__(self, path):
        self.path = Path(path)
        self.path.mkdir(mode=0o700, exist_ok=True)

    def names(self, folder="queue"):
        try:
            return sorted(os.listdir(self.path / folder))
        except FileNotFoundError:
            return []

    def only(self, folder="queue"):
        (name,) = self.names(folder)
        return name

    def files(self):
        """The folders that hold anything, and what."""
        return {folder: names for folder in FOLDERS if (names := self.names(folder))}

    def record(self, name=None, folder="queue"):
        return (self.path / folder / (name or self.only(folder))).read_text()

    def field(self, field, name=None, folder="queue"):
        """The value of a line of the record's first part, None without one."""
        head = self.record(name, folder).partition("\nto:")[0]
        match = re.search(rf"(?m)^{field}: ?(.*)$", head)
        return match and match[1]

    def edit(self, name=None, folder="queue", **fields):
        """Gives lines of the record's first part other values, as an administrator may with an editor."""
        path = self.path / folder / (name or self.only(folder))
        head, mark, rest = path.read_text().partition("\nto:")
        for field, value in fields.items():
            head, count = re.subn(rf"(?m)^{field}:.*$", f"{field}: {value}", head)
            assert count == 1, f"no line {field} in {head!r}"
        path.write_text(head + mark + rest)

    def body(self, name=None):
        return (self.path / "body" / (name or self.only("body"))).read_bytes()

    def bodies(self):
        """Of the messages that are there: those with a record."""
        return [self.body(name) for folder in ("queue", "failed") for name in self.names(folder)]

    def clear(self):
        for folder in FOLDERS:
            for name in self.names(folder):
                (self.path / folder / name).unlink()

    def copy_from(self, other):
        """Becomes the same as another spool."""
        shutil.rmtree(self.path)
        shutil.copytree(other.path, self.path)

    def locked(self):
        """The bodies that a process has in hand."""
        return [name for name in self.names("body") if self._is_locked(name)]

    def _is_locked(self, name):
        with open(self.path / "body" / name, "rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    def is_sound(self):
        """No rubbish, and nothing held."""
        files = self.files()
        records = sorted(files.get("queue", []) + files.get("failed", []))
        assert files.get("new", []) == [], files
        assert files.get("body", []) == records, files
        assert self.locked() == []


class Queue:
    """orsino as its callers, its timer and its administrator run it, with a spool of its own."""

    def __init__(self, orsino, ini, folder, port, name="spool", **keys):
        self.orsino = orsino
        self.spool = Spool(folder / name)
        self.log = folder / f"{name}.log"
        keys = {"queue": self.spool.path, "log": self.log} | keys
        self.ini = ini(port, name=f"{name}.ini", **keys)

    def send(self, *words, message=MESSAGE, **more):
        return self.orsino.run(*words, *([] if "-bs" in words else ["-i", "-t"]), ini=self.ini, message=message, **more)

    def keep(self, *names, words=()):
        """Messages that lie in the queue afterwards, and were not tried."""
        for name in names or ("1",):
            self.send("-odq", *words, message=complete_message(name)).succeeded()

    def words(self, *words):
        """Of a command of `orsino queue`."""
        return ["orsino", "queue", *words, "-C", str(self.ini)]

    def command(self, *words, **more):
        return self.orsino.run(*self.words(*words)[1:], name="orsino", message=b"", **more)

    def run(self, *words, **more):
        result = self.command("run", *words, **more)
        result.succeeded()
        return result

    def run_until_empty(self, most=4):
        """Runs of the queue, one at least, which also sweeps."""
        for _ in range(most):
            self.run()
            if not self.spool.names():
                return
        assert self.spool.names() == []

    def entries(self, *words):
        """What `orsino queue list --json` gives."""
        result = self.command(*(words or ["list"]), "--json")
        assert (result.exit, result.err) == (0, "")
        return json.loads(result.out)

    def entry(self, *words):
        (entry,) = self.entries(*words)
        return entry

    def logged(self, *words):
        """The lines of the log that have each of the words."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [line for line in lines if all(word in line for word in words)]


class Provider(Rogue):
    """A scripted server without TLS that knows when it was asked and when it answered."""

    def __init__(self, script=None, **more):
        self.answered = []  # times at which a dot was answered
        super().__init__(None, "none", script, **more)

    def next_answer(self, step, usual=None):
        answer = super().next_answer(step, usual)
        if step == "dot":
            self.answered.append(time.monotonic())
        return answer

    def take_little(self):
        """Its socket holds no more than it has to."""
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)

    def forget(self):
        """What came until now."""
        self.sessions.clear()
        self.answered.clear()

    def settle(self, seconds=10):
        """Until all that came has been read."""
        if self.sessions:
            self.wait(seconds)

    def transactions(self):
        """Those that ended well. An empty one is what becomes of a 354 where no recipient was accepted (RFC 2920)."""
        self.settle()
        return [t for session in list(self.sessions) for t in session.transactions if t.accepted and t.text]

    def times(self):
        """The messages that were taken, and when the server said so; of clients that came one after the other."""
        self.settle()
        dots = [t for session in list(self.sessions) for t in session.transactions]
        return [(name_of(t.text), at) for t, at in zip(dots, self.answered, strict=True) if t.accepted and t.text]

    def messages(self):
        """Those that were taken, as text with LF."""
        return [t.text.replace(b"\r\n", b"\n") for t in self.transactions()]

    def names(self):
        """Of the complete messages that were taken, sorted; one that came twice is there twice."""
        return sorted(name_of(message) for message in self.messages())

    @property
    def connections(self):
        return len(self.sessions)


@pytest.fixture
def provider():
    servers = []

    def start(script=None, **more):
        servers.append(Provider(script, **more))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def queue(orsino, ini, tmp_path):
    """Gives a queue whose account is at this server."""

    def make(server, **keys):
        return Queue(orsino, ini, tmp_path, server.port, **keys)

    return make


@pytest.fixture
def quick_folder():
    """In memory where that can be had: what is synced a thousand times would wait for a disk."""
    memory = "/dev/shm"
    path = Path(tempfile.mkdtemp(dir=memory if os.access(memory, os.W_OK) else None))
    yield path
    shutil.rmtree(path)
