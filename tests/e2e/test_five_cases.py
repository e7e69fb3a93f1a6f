"""The five cases that orsino was made for, with a real System.Net.Mail.SmtpClient: Mono's.

Each provider listens at its true port, and at no other, in a network of its own: the INI names no port. SmtpClient
speaks plain SMTP and STARTTLS, never implicit TLS; Mono's does STARTTLS with TLS 1.0, as programs of its age do.
"""

import hashlib
import shutil
import socket
import ssl
import subprocess
from email import message_from_bytes
from email.policy import default as email_policy
from pathlib import Path

import pytest

from conftest import account_keys, write_private
from relay import Network
from rogue import Rogue
from servers import PASSWORD, USER

pytestmark = pytest.mark.skipif(not shutil.which("mcs"), reason="Mono is not installed")

PROGRAM = Path(__file__).parent / "mono" / "Send.cs"
PORTS = (25, 465, 587)
PATIENCE = 20  # seconds, for what works
SHORT = 2  # for what does not
ELSEWHERE = "10.9.8.7"  # an address of this network, but not of loopback
LOGIN = (USER.encode(), PASSWORD.encode())
RECIPIENTS = ["anna@example.org", "bob@example.org", "carla@example.org"]
BODY = "Già fatto.\r\n.\r\n.. dots\r\nFrom here on\r\n"
ATTACHED = bytes((i * 31 + i // 256) % 256 for i in range(100000))


@pytest.fixture(scope="module")
def internet():
    network = Network(f"{ELSEWHERE}/24")
    yield network
    network.stop()


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """Send.cs, compiled."""
    path = tmp_path_factory.mktemp("mono") / "Send.exe"
    # 618: the compiler calls SmtpClient obsolete, which it is.
    subprocess.run(["mcs", "-nowarn:618", f"-out:{path}", PROGRAM], check=True)
    return path


@pytest.fixture
def mono(internet, program, certificates):
    """Sends with SmtpClient, and gives the lines it prints."""
    pem = Path(certificates.server_file("good")).read_text()
    der = ssl.PEM_cert_to_DER_cert(pem[pem.index("-----BEGIN CERTIFICATE") :])

    own = hashlib.sha256(der).hexdigest()

    def send(port, mode="plain", count=1, patience=PATIENCE, login=(), trusted=own, host="127.0.0.1"):
        words = ["mono", program, host, port, mode, trusted, patience * 1000, count, *login]
        done = internet.run(subprocess.run, [str(word) for word in words], capture_output=True, text=True, timeout=60)
        assert done.stderr == ""
        lines = done.stdout.splitlines()
        assert done.returncode == (0 if lines[-1:] == [f"sent {count}"] else 1)
        return lines

    return send


@pytest.fixture
def provider(internet, certificates):
    """Starts a provider that listens at this port only."""
    servers = []

    def start(port, tls, old=False):
        context = certificates.server_context()
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if old:
            context.minimum_version = ssl.TLSVersion.TLSv1
            context.set_ciphers("ALL:@SECLEVEL=0")
        servers.append(internet.run(Rogue, context, tls, port=port))
        assert not [other for other in PORTS if other != port and internet.run(is_open, other)]
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


def is_open(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=SHORT).close()
    except ConnectionRefusedError:
        return False
    return True


@pytest.fixture
def config(tmp_path, certificates):
    """An INI as short as a person would write it: host and tls, a login, and the tests' own CA."""

    def write(tls, *more):
        keys = account_keys(None, tls, certificates)
        lines = [f"{key} = {value}" for key, value in keys.items() if value is not None]
        return write_private(tmp_path / "five.ini", "\n".join(["[orsino]", "log = none", *lines, *more]) + "\n")

    return write


@pytest.fixture
def sendmail(internet, orsino):
    def send(ini):
        message = f"From: Info <info@example.it>\nTo: {', '.join(RECIPIENTS)}\nSubject: hello\n\nhello\n".encode()
        internet.run(orsino.run, "-t", ini=ini, message=message).succeeded()

    return send


@pytest.fixture
def start_relay(internet, relay, certificates, tmp_path, config):
    """At the relay's own port, 25, for a provider with implicit TLS."""

    def start(*more):
        log = tmp_path / "relay.log"
        ini = config("implicit", *more)
        ini.write_text(ini.read_text().replace("log = none", f"log = {log}"))
        return relay(None, config=ini, run=internet.run)

    return start


@pytest.fixture
def identity(certificates, tmp_path):
    """A certificate for the relay, with its key."""
    return write_private(tmp_path / "relay.pem", Path(certificates.server_file("good")).read_text())


def check_message(session, number, relayed):
    """What SmtpClient sent, as the provider has it."""
    assert session.command("MAIL").startswith("MAIL FROM:<info@example.it>")
    assert session.recipients == RECIPIENTS
    message = message_from_bytes(session.text, policy=email_policy)
    assert message["Subject"] == f"Perché no? № {number}"
    assert message["From"] == "Caffè Orsino <info@example.it>"
    assert message["To"] == 'anna@example.org, "Bob, the other" <bob@example.org>'
    assert message["Bcc"] is None and b"carla" not in session.text
    assert message["Date"]
    # Mono makes none, and the relay leaves its mark.
    assert bool(message["Message-ID"]) == bool(message["Received"]) == relayed
    body, attached = message.iter_parts()
    assert body.get_content() == BODY
    assert attached.get_content() == ATTACHED


def check_sent(server, words):
    server.wait()
    (session,) = server.sessions
    assert session.verbs == words
    assert session.recipients == RECIPIENTS
    assert session.body == b"hello\r\n"
    return session


def test_case_1_provider_with_implicit_tls_on_465_only(provider, mono, sendmail, config):
    server = provider(465, "implicit")
    for mode in ("plain", "starttls"):
        # Each waits for the other to speak first.
        assert mono(465, mode, patience=SHORT) == [f"TimeoutException: no end after {SHORT * 1000} ms"]
    server.wait()
    assert [session.message for session in server.sessions] == [None, None]
    server.sessions.clear()
    sendmail(config("implicit"))
    session = check_sent(server, "EHLO AUTH MAIL RCPT RCPT RCPT DATA . QUIT")
    assert session.tls[1] == "TLSv1.2" and session.clear_lines == [] and session.login == LOGIN


def test_case_2_provider_with_starttls_on_587_only(provider, mono, sendmail, config):
    server = provider(587, "starttls")
    assert mono(587, "plain", patience=SHORT)
    lines = mono(587, "starttls", login=(USER, PASSWORD))
    assert lines[0].startswith("SmtpException: ") and "AuthenticationException" in lines[1], lines
    server.wait()
    server.sessions.clear()
    sendmail(config("starttls"))
    session = check_sent(server, "EHLO STARTTLS EHLO AUTH MAIL RCPT RCPT RCPT DATA . QUIT")
    assert session.tls[1] == "TLSv1.2" and session.login == LOGIN
    assert [line.split()[0] for line in session.clear_lines] == ["EHLO", "STARTTLS"]


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
def test_case_2_before_providers_gave_up_tls_1_0(provider, mono):
    server = provider(587, "starttls", old=True)
    assert mono(587, "starttls", login=(USER, PASSWORD)) == ["sent 1"]
    server.wait()
    (session,) = server.sessions
    assert "TLSv1.0" in (session.tls[1], session.tls[1] + ".0")  # by the age of Python
    check_message(session, 1, relayed=False)


def test_case_3_plain_25(provider, mono, sendmail, config):
    server = provider(25, "none")
    assert mono(25, count=2) == ["sent 1", "sent 2"]
    server.wait()
    for number, session in enumerate(server.sessions, 1):
        check_message(session, number, relayed=False)
    server.sessions.clear()
    sendmail(config("none"))
    check_sent(server, "EHLO MAIL RCPT RCPT RCPT DATA . QUIT")


def test_case_4_client_that_can_only_do_starttls_through_the_relay_to_implicit_only_provider(
        provider, mono, start_relay, identity):
    server = provider(465, "implicit")
    running = start_relay(f"listen_cert = {identity}")
    lines = mono(25, "starttls", count=3)
    assert lines == ["sent 1", "sent 2", "sent 3"], (lines, running.log.read_text())
    check_all(server, 3)
    # The client did see our certificate, and speak TLS: another one it refuses.
    lines = mono(25, "starttls", trusted="0" * 64)
    assert lines[0].startswith("SmtpException: ") and "AuthenticationException" in lines[1], lines
    assert len(server.sessions) == 3
    running.end()


def test_case_4_is_for_this_machine_alone(provider, mono, start_relay, identity):
    """TLS 1.0 can be broken by whoever is on the way: over a network it is not spoken."""
    server = provider(465, "implicit")
    running = start_relay(f"listen_cert = {identity}", f"listen = {ELSEWHERE}:25", f"listen_allow = {ELSEWHERE}")
    lines = mono(25, "starttls", host=ELSEWHERE)
    assert lines[0].startswith("SmtpException: ") and "AuthenticationException" in lines[1], lines
    assert running.said("the client does not speak TLS 1.2")
    assert server.sessions == []
    running.end()


def test_case_5_client_that_can_only_do_plain_through_the_relay(provider, mono, start_relay):
    server = provider(465, "implicit")
    running = start_relay()
    assert mono(25, "plain", count=3) == ["sent 1", "sent 2", "sent 3"], running.log.read_text()
    check_all(server, 3)
    # What it cannot have it is told: there is no certificate to show.
    lines = mono(25, "starttls")
    assert lines == ["SmtpException: Server does not support secure connections."]
    running.end()


def test_case_5_a_refused_recipient(provider, mono, start_relay):
    server = provider(465, "implicit")
    server.script["RCPT"] = [{"bob@": "550 5.1.1 no Bob here"}]
    running = start_relay()
    lines = mono(25)
    assert lines == ["SmtpFailedRecipientsException: failed recipients", "bob@example.org 550"]
    server.wait()
    (session,) = server.sessions
    assert session.message is None and session.recipients == RECIPIENTS  # Mono gives up for all
    running.end()


def check_all(server, count):
    server.wait()
    assert len(server.sessions) == count
    for number, session in enumerate(server.sessions, 1):
        assert session.tls[1] == "TLSv1.2" and session.clear_lines == [] and session.login == LOGIN
        check_message(session, number, relayed=True)
