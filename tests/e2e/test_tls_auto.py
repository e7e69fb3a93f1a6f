"""tls = auto, an account without port and tls, and a port that expects TLS at once where STARTTLS was to come."""

import base64
import hashlib
import socket
import ssl

import pytest

from conftest import ini_text, table, write_private
from rogue import CLOSE, SILENCE, Rogue
from servers import PASSWORD, USER
from test_patience import hurried
from waiting import wait_for

FAST = 5  # times, where five seconds are to pass
LATE = 0.6  # seconds: a greeting that is not waited for by who does not know
BOB = "bob@example.org"


def check_secrecy(server):
    """Nothing secret came in the clear, in whatever form."""
    secrets = [PASSWORD.encode(), USER.encode() + b"\0" + PASSWORD.encode()]
    encoded = [base64.b64encode(f"{before}{PASSWORD}".encode()).rstrip(b"=")[:-2] for before in ("", f"\0{USER}\0")]
    for session in server.sessions:
        for secret in secrets + encoded + [b"AUTH", b"MAIL FROM"]:
            assert secret not in session.clear


def check_sent(server):
    """By the last of the connections, over TLS, with the login; none of the others got anything."""
    server.wait()
    *others, last = server.sessions
    assert last.tls[1] == "TLSv1.2" and last.login == (USER.encode(), PASSWORD.encode()) and last.transactions
    assert [other.transactions for other in others] == [[]] * len(others)
    check_secrecy(server)


# The server, what the account says, None for nothing; and how many connections there are.
AUTO = [
    ("TLS at once", "implicit", {}, "auto", 1),
    ("TLS at once, tls left out", "implicit", {}, None, 1),
    ("STARTTLS", "starttls", {}, "auto", 1),
    ("STARTTLS, tls left out", "starttls", {}, None, 1),
    ("STARTTLS behind a late greeting", "starttls", {"greeting": (LATE, "220 late")}, "auto", 2),
]


@table("server_tls, script, tls, connections", AUTO)
def test_an_unusual_port(server_tls, script, tls, connections, orsino, rogue, ini):
    server = rogue(script, server_tls)
    path = ini(server.port, "auto")
    if not tls:
        path.write_text(path.read_text().replace("tls = auto\n", ""))
    orsino.run(BOB, ini=path).succeeded()
    check_sent(server)
    assert len(server.sessions) == connections


@pytest.mark.parametrize("tls", ["implicit", "starttls"])
def test_to_find_out_costs_no_round_trip(tls, orsino, rogue, ini):
    flights = []
    for says in (tls, "auto"):
        server = rogue(None, tls)
        orsino.run(BOB, ini=ini(server.port, says)).succeeded()
        flights.append((server.session.verbs, len(server.session.reads)))
    assert flights[0] == flights[1]


@pytest.mark.parametrize("port", ["implicit", "starttls"])
def test_a_real_server(port, orsino, postfix, ini):
    orsino.run(f"auto.{port}@example.org", ini=ini(getattr(postfix, port), "auto")).succeeded()
    postfix.take(f"auto.{port}@example.org")


# A server's ways, the exit code, words of the line, connections.
REFUSED = [
    ("neither a greeting nor TLS", "none", {"greeting": SILENCE}, "good", 75, ["neither a greeting nor TLS in time"], 1),
    ("no STARTTLS", "none", {}, "good", 76, ["does not offer STARTTLS"], 1),
    ("no STARTTLS behind a late greeting", "none", {"greeting": (LATE, "220 late")}, "good", 76,
     ["does not offer STARTTLS"], 2),
    ("STARTTLS that is refused", "starttls", {"STARTTLS": "454 not now"}, "good", 75, ["454 not now"], 1),
    ("a stranger's certificate, at once", "implicit", {}, "untrusted", 77, ["not trusted|issued by"], 1),
    ("a stranger's certificate, STARTTLS", "starttls", {}, "untrusted", 77, ["not trusted|issued by"], 1),
    ("another host's certificate", "implicit", {}, "wrong-name", 77, ["name"], 1),
    ("it hangs up", "none", {"connect": CLOSE}, "good", 75, ["closed the connection"], 1),
]  # fmt: skip


@table("server_tls, script, certificate, code, words, connections", REFUSED)
def test_never_in_the_clear(server_tls, script, certificate, code, words, connections, orsino, rogue, ini):
    server = rogue(script, server_tls, certificate)
    line = orsino.run(BOB, ini=ini(server.port, "auto", connect_timeout="1s")).failed(code)
    for word in words:
        assert any(either in line for either in word.split("|")), line
    server.wait()
    assert len(server.sessions) == connections
    assert [session.transactions for session in server.sessions] == [[]] * connections
    check_secrecy(server)


def test_a_port_that_expects_tls_at_once(orsino, rogue, ini):
    server = rogue(None, "implicit")
    environment = hurried({}, FAST)
    result = orsino.run(BOB, ini=ini(server.port, "starttls", timeout="60s"), environment=environment)
    result.failed(76, f"localhost:{server.port}: this port expects TLS at once")
    server.wait()
    first, second = server.sessions
    assert first.tls is None and second.tls and first.lines == second.lines == []


def test_the_same_with_a_certificate_that_is_not_trusted(orsino, rogue, ini):
    """What the certificate says is the next fault, which is told when the mode is right."""
    server = rogue(None, "implicit", "untrusted")
    result = orsino.run(BOB, ini=ini(server.port, "starttls", timeout="60s"), environment=hurried({}, FAST))
    result.failed(76, "this port expects TLS at once")
    server.wait()
    assert len(server.sessions) == 2


@pytest.mark.parametrize("greeting", ["220 late", "220-very\r\n220 late"])
def test_a_late_greeting_is_waited_for(greeting, orsino, rogue, ini):
    server = rogue({"greeting": (6 / FAST, greeting)}, "starttls")
    orsino.run(BOB, ini=ini(server.port, "starttls", timeout="60s"), environment=hurried({}, FAST)).succeeded()
    server.wait()
    first, second = server.sessions
    assert first.tls and first.transactions and second.tls is None and second.transactions == []
    check_secrecy(server)


def test_a_quick_greeting_is_not_asked_for(orsino, rogue, ini):
    server = rogue(None, "starttls")
    orsino.run(BOB, ini=ini(server.port, "starttls"), environment=hurried({}, FAST)).succeeded()
    assert server.session.transactions


def fill(listener):
    """From now on nobody gets an answer from it, as behind a packet filter that drops."""
    waiting = []
    while True:
        waiting.append(socket.socket())
        waiting[-1].settimeout(0.3)
        try:
            waiting[-1].connect(listener.getsockname())
        except TimeoutError:
            return waiting


class House:
    """Ports 465 and 587 in a network of our own, and an account that names neither."""

    def __init__(self, network, orsino, certificates, folder):
        self.network, self.orsino, self.certificates = network, orsino, certificates
        self.open = []
        keys = {"log": "none", "hostname": "client.example.it", "host": "127.0.0.1", "from": USER, "user": USER}
        keys |= {"password": f'"{PASSWORD}"', "ca_file": certificates.ca_file, "timeout": "10s"}
        self.keys, self.folder = keys, folder

    def serve(self, port, tls, script=None, certificate="good"):
        context = self.certificates.server_context(certificate)
        server = self.network.run(Rogue, context, tls, script, address="127.0.0.1", port=port)
        self.open.append(server.stop)
        return server

    def filter(self, port):
        listener = self.network.run(socket.create_server, ("127.0.0.1", port), backlog=0)
        waiting = self.network.run(fill, listener)
        self.open += [listener.close] + [one.close for one in waiting]

    def send(self, **changes):
        path = write_private(self.folder / "open.ini", ini_text(self.keys | changes))
        return self.network.run(self.orsino.run, BOB, ini=path)

    def close(self):
        for close in self.open:
            close()


@pytest.fixture
def house(network, orsino, certificates, tmp_path):
    made = House(network, orsino, certificates, tmp_path)
    yield made
    made.close()


@pytest.mark.parametrize("tls", [None, "auto"])
def test_465_comes_first(tls, house):
    server, other = house.serve(465, "implicit"), house.serve(587, "starttls")
    house.send(tls=tls).succeeded()
    check_sent(server)
    assert len(server.sessions) == 1 and other.sessions == []


# What is at 465 when 587 is taken.
NO_465 = [
    ("refused", None, None),
    ("no TLS", "none", {}),
    ("closed in the handshake", "none", {"connect": CLOSE}),
    ("silent in the handshake", "none", {"greeting": SILENCE}),
]


@table("tls, script", NO_465)
def test_587_comes_second(tls, script, house):
    first = house.serve(465, tls, script) if tls else None
    server = house.serve(587, "starttls")
    house.send(connect_timeout="1s").succeeded()
    check_sent(server)
    assert len(server.sessions) == 1
    if first:
        first.wait()
        assert len(first.sessions) == 1
        check_secrecy(first)


def test_465_is_filtered(house):
    house.filter(465)
    server = house.serve(587, "starttls")
    house.send(connect_timeout="1s").succeeded()
    check_sent(server)


def test_patience_is_shared_by_the_two(house, tmp_path):
    house.filter(465)
    server = house.serve(587, "starttls")
    (tmp_path / "queue").mkdir(mode=0o700)
    house.send(patience="4s", queue=tmp_path / "queue").succeeded()
    check_sent(server)


def test_an_untrusted_certificate_is_the_end(house):
    house.serve(465, "implicit", certificate="untrusted")
    other = house.serve(587, "starttls")
    house.send().failed(77, "127.0.0.1:465: ")
    assert other.sessions == []


def test_a_refused_login_is_the_end(house):
    house.serve(465, "implicit", {"AUTH": "535 5.7.8 no"})
    other = house.serve(587, "starttls")
    house.send().failed(77, "127.0.0.1:465: ", "535 5.7.8 no")
    assert other.sessions == []


# At 465, at 587; the exit code, and what is said of both.
NEITHER = [
    ("both refused", None, None, 75, "127.0.0.1:465: connection refused; and 587: connection refused"),
    ("plain at 465", ("none", {"greeting": "220 plain"}), None, 76,
     '127.0.0.1:465: no TLS on this port, it said "220 plain"; and 587: connection refused'),
    ("no STARTTLS at 587", None, ("none", {}), 76,
     "127.0.0.1:465: connection refused; and 587: the server does not offer STARTTLS"),
    ("a greeting that refuses", None, ("starttls", {"greeting": "554 go away"}), 69,
     '127.0.0.1:465: connection refused; and 587: the server refuses to serve us, it said "554 go away"'),
]  # fmt: skip


@table("first, other, code, words", NEITHER)
def test_neither_can_be_had(first, other, code, words, house):
    servers = [house.serve(port, *way) for port, way in ((465, first), (587, other)) if way]
    house.send().failed(code, words)
    for server in servers:
        server.wait()
        assert len(server.sessions) == 1 and server.session.transactions == []
        check_secrecy(server)


def test_both_are_filtered(house):
    house.filter(465)
    house.filter(587)
    words = "127.0.0.1:465: no answer in time; and 587: no answer in time"
    house.send(connect_timeout="1s").failed(75, words)


def test_silence_at_465_is_not_decided_by_587(house, tmp_path):
    """What 587 says is final; but 465 may answer tomorrow: the message waits for it."""
    house.filter(465)
    house.serve(587, "none")
    words = "127.0.0.1:465: no answer in time; and 587: the server does not offer STARTTLS"
    house.send(connect_timeout="1s").failed(75, words)
    house.send(connect_timeout="1s", queue=tmp_path / "spool").succeeded()
    assert len(list((tmp_path / "spool/queue").iterdir())) == 1


def test_a_login_refused_at_587_tells_of_587(house):
    house.serve(587, "starttls", {"AUTH": "535 5.7.8 no"})
    line = house.send().failed(77, "127.0.0.1:587: ", "535 5.7.8 no")
    assert "465" not in line.partition(" (")[0]


def test_the_log_names_the_port_that_took_it(house, tmp_path):
    house.serve(587, "starttls")
    house.send(log=tmp_path / "mail.log").succeeded()
    text = wait_for((tmp_path / "mail.log").read_text, 5, "a line in the log")
    assert "127.0.0.1:587" in text and ":465" not in text


def fingerprint(certificates, name):
    der = ssl.PEM_cert_to_DER_cert("-----BEGIN CERTIFICATE" + open(certificates.server_file(name)).read().split(
        "-----BEGIN CERTIFICATE")[1])  # fmt: skip
    return hashlib.sha256(der).hexdigest()


@pytest.mark.parametrize("tls", ["implicit", "starttls"])
@pytest.mark.parametrize("certificate", ["self-signed", "expired", "wrong-name"])
def test_a_fingerprint_is_believed(tls, certificate, orsino, rogue, ini, certificates):
    server = rogue(None, tls, certificate)
    changes = {"ca_file": None, "fingerprint": fingerprint(certificates, certificate)}
    orsino.run(BOB, ini=ini(server.port, tls, **changes)).succeeded()
    check_sent(server)


def test_another_certificate_is_not(orsino, rogue, ini, certificates):
    server = rogue(None, "implicit", "good")
    orsino.run(BOB, ini=ini(server.port, "auto", fingerprint=fingerprint(certificates, "expired"))).failed(77)
    check_secrecy(server)
    assert server.session.lines == []
