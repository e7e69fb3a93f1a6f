"""orsino as a server: `orsino serve` and `sendmail -bs`, a client for them, and a network of our own to have peers in."""

import ctypes
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from waiting import wait_for

PATIENCE = 20  # seconds, for a program that hangs
NEW_NETWORK = 0x40000000  # CLONE_NEWNET
LISTENS = "the relay listens at "
MAIL = "MAIL FROM:<info@example.it>"
RCPT = "RCPT TO:<bob@example.org>"
CONTENT = b"Subject: x\r\n\r\nhello\r\n"


class Pipes:
    """Two pipes with the face of a socket."""

    def __init__(self, process):
        self.process = process

    def sendall(self, data):
        while data:
            data = data[os.write(self.process.stdin.fileno(), data) :]

    def recv(self, size):
        readable, _, _ = select.select([self.process.stdout], [], [], PATIENCE)
        if not readable:
            raise TimeoutError("nothing was said")
        return os.read(self.process.stdout.fileno(), size)

    def shutdown(self, _):
        self.process.stdin.close()

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()


class Client:
    """Speaks SMTP line by line, and keeps to no rule of it."""

    def __init__(self, connection):
        self.socket = connection
        self.left = b""

    def write(self, data):
        self.socket.sendall(data)

    def say(self, *lines):
        self.write("".join(line + "\r\n" for line in lines).encode())

    def line(self):
        """The next line without its CRLF; EOFError at the end."""
        while b"\r\n" not in self.left:
            piece = self.socket.recv(65536)
            if not piece:
                raise EOFError(f"the server hung up; it said {self.left!r} before")
            self.left += piece
        line, self.left = self.left.split(b"\r\n", 1)
        return line.decode()

    def reply(self):
        lines = [self.line()]
        while re.match(r"\d{3}-", lines[-1]):
            lines.append(self.line())
        return "\n".join(lines)

    def ask(self, line):
        self.say(line)
        return self.reply()

    def expect(self, start, line=None):
        """What the server says to this line, which must begin so."""
        got = self.ask(line) if line else self.reply()
        assert got.startswith(start), f"{line!r} was answered {got!r}, not {start!r}"
        return got

    def greet(self):
        self.expect("220 ")
        return self.expect("250", "EHLO client.example.org")

    def begin(self, sender=MAIL, *recipients):
        """As far as DATA's 354."""
        self.expect("250 ", sender)
        for recipient in recipients or [RCPT]:
            self.expect("250 ", recipient)
        self.expect("354 ", "DATA")

    def send(self, sender=MAIL, *recipients, content=CONTENT):
        """A whole message; the answer to its dot."""
        self.begin(sender, *recipients)
        self.write(content + b".\r\n")
        return self.reply()

    def quit(self):
        self.expect("221 ", "QUIT")
        self.is_over()

    def rest(self):
        """All that is said until the server hangs up, or the connection breaks."""
        while True:
            try:
                piece = self.socket.recv(65536)
            except TimeoutError:
                raise
            except OSError:
                piece = b""
            if not piece:
                rest, self.left = self.left, b""
                return rest
            self.left += piece

    def is_over(self, said=b""):
        assert self.rest() == said

    def start_tls(self, context):
        self.expect("220 ", "STARTTLS")
        self.secure(context)

    def secure(self, context):
        self.socket = context.wrap_socket(self.socket, server_hostname="localhost")

    def half_close(self):
        """No more will be said. Over TLS it is the connection below that says so."""
        self.socket.shutdown(socket.SHUT_WR)

    def close(self):
        self.socket.close()


class Relay:
    """A running `orsino serve` that logs into this file."""

    def __init__(self, process, log):
        self.process, self.log = process, log
        try:
            names = wait_for(self._listening, PATIENCE, "the relay to listen")
        except AssertionError:
            self.kill()
            raise
        self.names = [name.removesuffix("/tls") for name in names.split(", ")]

    def _listening(self):
        lines = self.said(LISTENS)
        assert lines or self.process.poll() is None, f"the relay ended: {self.process.stderr.read()!r}"
        return lines and lines[-1].partition(LISTENS)[2]

    def said(self, words):
        """The lines of the log that hold these words."""
        text = self.log.read_text() if self.log.exists() else ""
        return [line for line in text.splitlines() if words in line]

    def wait_until_said(self, words, times=1):
        return wait_for(lambda: len(self.said(words)) >= times, PATIENCE, f"{words!r} in the log")

    @property
    def port(self):
        return int(self.names[0].rpartition(":")[2])

    def connect(self, address="127.0.0.1", source=None, tls=None):
        """A client that has said nothing yet; `tls` is the context of implicit TLS."""
        if address.startswith("/"):
            connection = socket.socket(socket.AF_UNIX)
            connection.settimeout(PATIENCE)
            connection.connect(address)
        else:
            connection = socket.create_connection((address, self.port), PATIENCE, source and (source, 0))
        client = Client(connection)
        if tls:
            client.secure(tls)
        return client

    def children(self):
        """The processes that serve a client each."""
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children") as file:
            return [int(pid) for pid in file.read().split()]

    def end(self):
        """The orderly end, after which nothing may be left to say."""
        self.process.send_signal(signal.SIGTERM)
        self.ended()

    def ended(self):
        out, err = self.process.communicate(timeout=PATIENCE)
        assert (self.process.returncode, out, err) == (0, b"", b"")

    def kill(self):
        """With the children: they are in a process group of their own."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.communicate()


class Network:
    """A network of its own, in which this machine has these addresses. Only what `run` runs is in there."""

    def __init__(self, *addresses):
        # A network belongs to a thread, and to the processes and sockets that are made in it.
        self.thread = ThreadPoolExecutor(max_workers=1)
        self.run(self._enter, addresses)

    def _enter(self, addresses):
        assert ctypes.CDLL(None).unshare(NEW_NETWORK) == 0
        for words in ["link set lo up"] + [f"addr add {address} dev lo" for address in addresses]:
            subprocess.run(["ip", *words.split()], check=True)

    def run(self, function, *words, **more):
        return self.thread.submit(function, *words, **more).result(60)

    def stop(self):
        self.thread.shutdown()


@pytest.fixture(scope="session")
def network():
    if os.getuid() != 0:
        pytest.skip("needs root for a network of its own")
    made = Network("10.9.8.7/24", "10.9.9.9/24")
    yield made
    made.stop()


@pytest.fixture
def open_folder(orsino):
    """A folder that everybody may enter, which the one of a test is not, nor may be the one that orsino is built in."""
    with tempfile.TemporaryDirectory(prefix="orsino-") as name:
        os.chmod(name, 0o755)
        orsino.path = shutil.copy(orsino.path, name)
        yield Path(name)


@pytest.fixture
def relay(orsino, ini, tmp_path):
    """Starts a relay to the provider at this port; what it is told in `words` comes before its configuration."""
    relays = []

    def start(port, words=("serve",), run=None, config=None, popen=None, **changes):
        log = tmp_path / "relay.log"
        keys = {"listen": "0", "log": log, "aliases": "/nonexistent"} | changes
        config = config or ini(port, name="relay.ini", **keys)
        process = (run or call)(
            subprocess.Popen, ["orsino", words[0], "-C", str(config), *words[1:]], executable=orsino.path,
            env=orsino.environment(), cwd=orsino.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, start_new_session=True, **(popen or {}),
        )  # fmt: skip
        relays.append(Relay(process, log))
        return relays[-1]

    yield start
    for one in relays:
        one.kill()


def call(function, *words, **more):
    return function(*words, **more)


class Talk(Client):
    """With `sendmail -bs` over its pipes."""

    def __init__(self, process):
        super().__init__(Pipes(process))
        self.process = process

    def ended(self, said=b""):
        """It is over, with nothing but this said: exit 0, and never a word on stderr."""
        if not self.process.stdin.closed:
            self.half_close()
        self.is_over(said)
        assert self.process.wait(PATIENCE) == 0
        assert self.process.stderr.read() == b""


@pytest.fixture
def talk(orsino, ini):
    """Starts `sendmail -bs` for the provider at this port, or with this INI."""
    processes = []

    def start(port=None, words=("-bs",), config=None, **changes):
        config = config or ini(port, **{"aliases": "/nonexistent"} | changes)
        processes.append(orsino.start(*words, ini=config))
        return Talk(processes[-1])

    yield start
    for process in processes:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            pipe.close()


def transactions(server):
    """All messages that the provider took, in turn."""
    server.wait()
    return [one for session in server.sessions for one in session.transactions if one.accepted]


def bodies(server):
    return [one.text.partition(b"\r\n\r\n")[2] for one in transactions(server)]


def header(transaction):
    return transaction.text.partition(b"\r\n\r\n")[0].decode() + "\r\n"


def field(transaction, name):
    (value,) = re.findall(rf"(?m)^{name}: (.*(?:\r\n[ \t].*)*)\r$", header(transaction))
    return value


def run_client(client, content=CONTENT):
    """A whole session with one message; the answer to it."""
    client.greet()
    answer = client.send(content=content)
    client.quit()
    client.close()
    return answer
