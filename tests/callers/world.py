"""What a caller meets: the server that takes its message, users to run as, and the way to look at what arrived."""

import email
import email.header
import json
import os
import pwd
import re
import socket
import subprocess
import tempfile
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import house
from certificates import Certificates
from servers import PASSWORD, USER
from sink import Sink
from waiting import wait_for

PROGRAMS = house.PROGRAMS
ACCOUNT = USER  # the address that the INI gives to what has none
ADMIN = "admin@example.it"  # root's, in /etc/aliases
ANNA = "anna@example.it"
RELAY_PORT = 2525
DARIO_PORT = 2526  # of a provider that is down until somebody has it come up
AT_ONCE = 4

INI = f"""\
[orsino]
account  = provider
domain   = example.it
aliases  = /etc/aliases
listen   = {RELAY_PORT}, /run/orsino/submit.sock
host     = localhost
tls      = implicit
ca_file  = /etc/ssl/callers.pem
user     = {USER}
password = "{PASSWORD}"
from     = {ACCOUNT}

[provider]
port     = %d

[dario]
match    = dario@example.it
port     = {DARIO_PORT}
"""


class Mail:
    """One message as the server took it. Body and header are shown with LF, once it is sure that there was CRLF."""

    def __init__(self, kept):
        self.sender, self.recipients = kept.sender, kept.recipients
        self.login, self.tls = kept.login, kept.tls
        self.raw = kept.content
        self.parsed = email.message_from_bytes(self.raw)

    @property
    def body(self):
        return self.raw.partition(b"\r\n\r\n")[2].replace(b"\r\n", b"\n")

    @property
    def text(self):
        """The first part, its transfer encoding undone, in UTF-8 if its label is right."""
        part = next(part for part in self.parsed.walk() if not part.is_multipart())
        text = part.get_payload(decode=True).replace(b"\r\n", b"\n")
        try:
            return text.decode(part.get_content_charset("utf-8")).encode()
        except (LookupError, UnicodeDecodeError):
            return text

    def field(self, name):
        """The decoded value of a field, on one line; None without one."""
        value = self.parsed.get(name)
        if value is None:
            return None
        return re.sub(r"\r?\n[ \t]", " ", str(email.header.make_header(email.header.decode_header(value)))).strip()

    def check_form(self):
        """What holds for every message, whoever sent it."""
        equal("login", self.login, USER)
        assert not re.search(rb"(?<!\r)\n|\r(?!\n)|\0", self.raw), "a lone CR, a lone LF or a NUL was sent"
        longest = max(map(len, self.raw.split(b"\r\n")))
        assert longest <= 998, f"a line of {longest} bytes"
        for name in ("From", "Date", "Message-ID"):
            equal(f"number of {name} fields", len(self.parsed.get_all(name, [])), 1)
        for name in ("Bcc", "Return-Path"):
            assert name not in self.parsed, f"a field {name} was sent"
        header = self.raw.partition(b"\r\n\r\n")[0]
        assert header.isascii(), "raw 8-bit text in the header"
        assert re.search(r"@[\w-]+\.[\w.-]+", self.field("From")), f"From: {self.field('From')}"
        assert re.fullmatch(r"<\S+@[\w.-]+>", self.field("Message-ID")), self.field("Message-ID")

    def expect(self, sender, recipients, body=None, text=None, fields=None):
        """fields: {name: value}; a value may be a compiled expression, or None for a field that must not be there."""
        self.check_form()
        equal("envelope sender", self.sender, sender)
        equal("envelope recipients", sorted(self.recipients), sorted(recipients))
        for name, value in (fields or {}).items():
            found = self.field(name)
            if isinstance(value, re.Pattern):
                assert found is not None and value.search(found), f"{name}: {found!r}, not like {value.pattern!r}"
            else:
                equal(name, found, value)
        if body is not None:
            equal("body", self.body, body)
        if text is not None:
            equal("text", self.text, text)


def equal(what, found, wanted):
    assert found == wanted, f"{what}\n  arrived:  {short(found)}\n  expected: {short(wanted)}"


def short(value):
    shown = repr(value)
    return shown if len(shown) < 1500 else f"{shown[:700]} … {shown[-700:]} ({len(value)} in all)"


class Log:
    """/dev/log: what orsino and the callers say there is shown when something fails."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("/dev/log")
        os.chmod("/dev/log", 0o666)
        self.lines = []
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        while True:
            self.lines.append(self.socket.recv(8192).decode("utf-8", "replace").rstrip("\n\0"))


class World:
    def __init__(self):
        self.log = Log()
        self.folder = Path(tempfile.mkdtemp())
        certificates = Certificates(self.folder)
        self.sink = Sink(certificates.server_context(), "implicit")
        Path("/etc/ssl").mkdir(exist_ok=True)
        Path("/etc/ssl/callers.pem").write_bytes(Path(certificates.ca_file).read_bytes())
        ini = Path("/etc/orsino.ini")
        ini.write_text(INI % self.sink.port)
        # As install.sh leaves it: nobody who calls may read it.
        ini.chmod(0o640)
        os.chown(ini, 0, self.group("orsino"))
        Path("/run/orsino").mkdir(exist_ok=True)
        self.daemons = []
        self.lock = threading.Lock()
        self.seen = set()
        self.relay_started = False

    @staticmethod
    def group(name):
        return next(int(line.split(":")[2]) for line in Path("/etc/group").read_text().splitlines() if line.startswith(name + ":"))

    def stop(self):
        for daemon in self.daemons:
            daemon.kill()
            daemon.wait()
        self.sink.stop()

    # Running

    def as_user(self, user, environment):
        entry = pwd.getpwnam(user)
        variables = {"HOME": entry.pw_dir, "USER": user, "LOGNAME": user, "LANG": "C.UTF-8", "PATH": os.environ["PATH"]}
        return {
            "user": entry.pw_uid,
            "group": entry.pw_gid,
            "extra_groups": os.getgrouplist(user, entry.pw_gid),
            "env": variables | (environment or {}),
        }

    def run(self, *words, user="anna", input=b"", environment=None, exits=0, cwd="/tmp"):
        words = [str(word) for word in words]
        done = subprocess.run(
            words, input=input, capture_output=True, timeout=120, cwd=cwd, **self.as_user(user, environment)
        )
        said = (done.stdout + done.stderr).decode("utf-8", "replace")
        assert done.returncode == exits, f"{' '.join(words)[:200]}: exit {done.returncode}, said: {said}"
        return said

    def start(self, *words, user="root", environment=None):
        """A daemon, in the foreground of its own process, until the end of all."""
        out = open(self.folder / f"{Path(words[0]).name}.{len(self.daemons)}.out", "wb")
        more = self.as_user(user, environment)
        daemon = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd="/", **more)
        self.daemons.append(daemon)
        return daemon

    def relay(self):
        """The port of `orsino serve`, which is started by the first who asks."""
        with self.lock:
            if not self.relay_started:
                self.start("/usr/local/bin/orsino", "serve")
                wait_for(lambda: can_connect(RELAY_PORT), 10, "the relay to listen")
                self.relay_started = True
        return RELAY_PORT

    def come_up(self, port):
        """The provider at this port, where nobody was before; it is the same server as for all others."""
        listener = socket.create_server(("127.0.0.1", port))
        threading.Thread(target=self.pass_on, args=(listener,), daemon=True).start()

    def pass_on(self, listener):
        while True:
            ours, theirs = listener.accept()[0], socket.create_connection(("127.0.0.1", self.sink.port))
            for a, b in ((ours, theirs), (theirs, ours)):
                threading.Thread(target=pass_bytes, args=(a, b), daemon=True).start()

    def put_off(self, address):
        """The server takes nothing for him now, until take_again."""
        self.sink.handler.answers[address] = "451 4.3.0 come back later"

    def take_again(self, address):
        del self.sink.handler.answers[address]

    def waiting(self, user):
        """The messages that this user sees in the queue, as `orsino queue list` has them."""
        return json.loads(self.run("orsino", "queue", "list", "--json", user=user))

    # Looking

    def all_with(self, mark):
        mark = mark.encode()
        return [kept for kept in list(self.sink.kept) if mark in kept.content]

    def mail(self, mark, seconds=30):
        """The one message that has the mark in it, as it is on the wire."""
        wait_for(lambda: self.all_with(mark), seconds, f"a message with {mark!r}")
        found = self.all_with(mark)
        equal(f"number of messages with {mark!r}", len(found), 1)
        self.seen.add(found[0])
        return Mail(found[0])

    # All of them

    def attempt(self, caller):
        begin = time.monotonic()
        try:
            caller.run(self)
            return None, time.monotonic() - begin
        except Exception as error:
            said = str(error) if isinstance(error, AssertionError) else traceback.format_exc()
            return said or traceback.format_exc(), time.monotonic() - begin

    def run_all(self, callers):
        """Those that wait for a minute to end do so beside the others."""
        with ThreadPoolExecutor(AT_ONCE) as quick, ThreadPoolExecutor(max_workers=32) as waiting:
            tasks = [(waiting if caller.waits else quick).submit(self.attempt, caller) for caller in callers]
            failed = [self.report(caller, *task.result()) for caller, task in zip(callers, tasks)].count(False)
        if not failed:
            failed = self.report_unseen()
        if failed:
            self.show_logs()
        print(f"{len(callers) - failed} passed, {failed} failed")
        return 1 if failed or not callers else 0

    def report_unseen(self):
        """When all went well, nothing else may have arrived: nothing twice, nothing to somebody else."""
        unseen = [Mail(kept) for kept in self.sink.kept if kept not in self.seen]
        for mail in unseen:
            print(f"FAILED  nobody expected: from <{mail.sender}> to {mail.recipients}, {short(mail.raw)}")
        return len(unseen)

    def show_logs(self):
        print("\nthe log:\n" + "\n".join(f"  {line[:300]}" for line in self.log.lines[-80:]))
        for file in sorted(self.folder.glob("*.out")):
            print(f"{file.name}:\n  " + file.read_text(errors="replace")[-2000:].replace("\n", "\n  "))

    @staticmethod
    def report(caller, problem, seconds):
        print(f"{'FAILED' if problem else 'ok    '}  {caller.name:<44} {seconds:5.1f} s", flush=True)
        if problem:
            print("        " + problem.strip()[:3000].replace("\n", "\n        "), flush=True)
        return not problem


def pass_bytes(a, b):
    try:
        while piece := a.recv(65536):
            b.sendall(piece)
        b.shutdown(socket.SHUT_WR)
    except OSError:  # one of them has gone
        pass


def can_connect(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False
