"""Where the set-group-ID bit has no effect, as in services and cron jobs with NoNewPrivileges: the message goes to the
relay's UNIX socket, or the error says why not."""

import os
import socket

import pytest

from installed import ALICE, MALLORY, PASSWORD, house  # noqa: F401
from queueing import PERMANENT, TEMPORARY
from rogue import CLOSE
from waiting import wait_for

RELAY = 60003  # nobody's, as systemd's DynamicUser makes one
SEND = "exec setpriv --no-new-privs orsino sendmail -i"
MESSAGE = b"From: mallory\nTo: anna@example.org\nBcc: secret@example.org\nSubject: mine\n\nhello\n"
SOCKET = "run/orsino/submit.sock"
WAYS = {"orsino.service": "serve", "orsino@.service": "sendmail -bs"}


class Relay:
    """One of the services, started as systemd does: nobody, in the group, with the socket handed down."""

    def __init__(self, house, way, more=""):  # noqa: F811
        self.house, self.way, self.processes = house, way, []
        self.path = house.root / SOCKET
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.path))
        self.path.chmod(0o666)
        self.listener.listen()
        if way == "orsino.service":
            words = "exec 3<&0 </dev/null >/dev/null; LISTEN_FDS=1 LISTEN_PID=$$ exec orsino serve"
            self.processes.append(self._start(words, self.listener))

    def _start(self, words, connection):
        return self.house.start(words, RELAY, self.house.spool.stat().st_gid, stdin=connection, stdout=connection)

    def serve_one(self):
        """What systemd does for Accept=yes; orsino.service does it by itself."""
        if self.way == "orsino@.service":
            self.listener.settimeout(20)
            connection, _ = self.listener.accept()
            self.processes.append(self._start("exec orsino sendmail -bs", connection))
            connection.close()

    def stop(self):
        self.listener.close()
        self.path.unlink(missing_ok=True)
        for process in self.processes:
            process.kill()
            process.communicate()


@pytest.fixture
def relay(house):  # noqa: F811
    relays = []

    def start(way):
        relays.append(Relay(house, way))
        return relays[-1]

    yield start
    for one in relays:
        one.stop()


@pytest.fixture(autouse=True)
def provider_as_before(house):  # noqa: F811
    script = dict(house.server.script)
    house.server.sessions.clear()
    (house.root / "etc/orsino-aliases").write_text("root: admin@example.it\n")
    yield
    house.server.script = script
    house.take_back_mine()
    house.is_untouched()
    house.clean()


def send(house, one, words="-t", message=MESSAGE):  # noqa: F811
    process = house.start(f"{SEND} {words}")
    process.stdin.write(message)
    process.stdin.close()
    process.stdin = None
    one.serve_one()
    out, err = process.communicate(timeout=60)
    assert out == b""
    return process.returncode, err.decode()


@pytest.mark.parametrize("way", WAYS)
def test_a_message_arrives(way, house, relay):  # noqa: F811
    """As it does with the bit, but for the Received field."""
    one = relay(way)
    house.run("orsino sendmail -i -t", message=MESSAGE)
    assert send(house, one) == (0, "")
    house.server.wait()
    direct, handed = house.server.sessions
    assert handed.login == direct.login and PASSWORD in handed.login
    assert handed.recipients == direct.recipients
    assert sorted(handed.recipients) == ["anna@example.org", "secret@example.org"]
    assert handed.command("MAIL").split()[1] == direct.command("MAIL").split()[1]
    assert handed.body == direct.body
    assert b"secret@" not in handed.header
    assert (handed.field("From"), handed.field("To")) == (direct.field("From"), direct.field("To"))
    assert handed.field("Received").startswith("from localhost (local)")


@pytest.mark.parametrize("way", WAYS)
def test_a_bare_recipient_gets_the_relays_alias(way, house, relay):  # noqa: F811
    one = relay(way)
    assert send(house, one, "root", b"Subject: of cron\n\nhello\n") == (0, "")
    house.server.wait()
    assert house.server.sessions[0].recipients == ["admin@example.it"]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("script", [{"greeting": CLOSE}, {"MAIL": TEMPORARY}, {"dot": TEMPORARY}], ids=["dead", "MAIL", "dot"])
def test_what_waits_is_the_callers_own(script, way, house, relay):  # noqa: F811
    """The kernel says whose it is."""
    one = relay(way)
    house.server.script = {step: [answer] for step, answer in script.items()}
    assert send(house, one) == (0, "")
    (name,) = set(os.listdir(house.spool / "queue")) - {house.queued}
    assert f"\nowner: {MALLORY}\n" in (house.spool / "queue" / name).read_text()
    assert (house.spool / "queue" / name).stat().st_uid == RELAY
    assert name in house.run("orsino mailq")[1].decode()
    assert name not in house.run("orsino mailq", user=ALICE)[1].decode()
    code, out, err = house.run(f"orsino queue remove {name}")
    assert (code, err) == (0, b""), out


@pytest.mark.parametrize("way", WAYS)
def test_a_refusal_is_told(way, house, relay):  # noqa: F811
    one = relay(way)
    house.server.script = {"RCPT": [PERMANENT]}
    code, err = send(house, one)
    assert code == 67
    assert PERMANENT in err and err.startswith("sendmail: /run/orsino/submit.sock: ") and err.count("\n") == 1


@pytest.mark.parametrize("way", WAYS)
def test_too_big_a_message(way, house, relay):  # noqa: F811
    text = house.ini.read_text()
    house.ini.write_text(text.replace("log = none", "log = none\nmax_message = 1k"))
    try:
        code, err = send(house, relay(way), message=MESSAGE + 2000 * b"x" + b"\n")
    finally:
        house.ini.write_text(text)
        house.before = house.state()
    assert code == 65 and "takes at most 1024" in err, err


def test_no_socket(house):  # noqa: F811
    code, out, err = house.run(f"{SEND} -t", message=MESSAGE)
    assert (code, out) == (77, b"")
    assert "NoNewPrivileges" in err.decode() and "start orsino.socket" in err.decode() and err.count(b"\n") == 1, err


def test_a_socket_without_a_relay(house):  # noqa: F811
    path = house.root / SOCKET
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    path.chmod(0o666)
    try:
        code, out, err = house.run(f"{SEND} -t", message=MESSAGE)
    finally:
        path.unlink()
    assert (code, out) == (75, b"")
    assert err.decode() == (
        "sendmail: /run/orsino/submit.sock: nobody listens at this socket: Connection refused (start orsino.socket)\n"
    )


@pytest.mark.parametrize("words", ["-oem", "-oew", "-oee"])
def test_dead_letter_without_a_relay(words, house):  # noqa: F811
    """As cron calls: the message is in the home directory that the user database has."""
    code, _, _ = house.run(f"HOME=/tmp {SEND} {words} root", message=b"Subject: of cron\n\nhello\n")
    assert code == 77
    letter = house.home / "dead.letter"
    st = letter.stat()
    assert (st.st_uid, oct(st.st_mode & 0o7777)) == (MALLORY, "0o600")
    assert b"\n\nhello\n" in letter.read_bytes()


def test_a_file_system_without_the_bit(house):  # noqa: F811
    code, _, err = house.run(
        "unshare -m sh -c 'mount --bind /usr/local/bin /usr/local/bin && mount -o remount,bind,nosuid /usr/local/bin && "
        f"exec setpriv --reuid {MALLORY} --regid {MALLORY} --clear-groups orsino sendmail -i -t'", user=0, message=MESSAGE)  # fmt: skip
    assert code == 77 and "nosuid" in err.decode() and "start orsino.socket" in err.decode(), err


def test_many_at_once(house, relay):  # noqa: F811
    one = relay("orsino.service")
    processes = [house.start(f"{SEND} -t") for _ in range(8)]
    for process in processes:
        process.stdin.write(MESSAGE)
        process.stdin.close()
        process.stdin = None
    assert [(process.communicate(timeout=60), process.returncode) for process in processes] == [((b"", b""), 0)] * 8
    house.server.wait()
    wait_for(lambda: sum(len(s.transactions) for s in house.server.sessions) == 8, 20, "all of them")
    assert one.processes[0].poll() is None
