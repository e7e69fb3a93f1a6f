"""Errors that name the cure: the whole line that a send says, word for word, against a server that really does it."""

import hashlib
import shutil
import socket
import ssl
import subprocess
from pathlib import Path

import pytest

from conftest import MESSAGE, table, write_private
from relay import PATIENCE, Network
from rogue import SILENCE, Rogue
from test_machine import PRIVATE
from waiting import wait_for

BOB = "bob@example.org"
APP_PASSWORD = "make an app password at the provider and set password ="
SENDER = "set from = to an address that the login may send as, and from_header = force where callers name another"
SLOWER = "the provider limits how much is sent: send less at once, or ask him for more"
SMALLER = "the server sets this limit: send less, or a link to it"
VERIFY = "verify the address or its domain at the provider, or set from = to one that is"


def said_by(orsino, config, port, message=MESSAGE):
    """The line on stderr, with PORT for the port; and the exit code."""
    done = orsino.run(BOB, ini=config, message=message)
    assert done.out == b"" and done.err.count("\n") == 1, done.err
    return done.err.removeprefix("sendmail: ").rstrip("\n").replace(str(port), "PORT"), done.exit


# What a server answers: where; the answer, without and with what is ours in front; the cure; the exit code.
REPLIES = [
    ("a password that is wrong", "AUTH", "535 5.7.8 authentication failed", "login refused",
     "check user = and password =; some providers want an app password", 77),
    ("an app password is wanted", "AUTH", "534 5.7.9 Application-specific password required", "login refused", APP_PASSWORD, 77),
    ("a browser is wanted", "AUTH", "534 5.7.14 Please log in via your web browser", "login refused",
     "sign in once with a browser, then make an app password and set password =", 77),
    ("Microsoft has it switched off", "AUTH", "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled",
     "login refused", "Microsoft has this login switched off: have SMTP AUTH allowed for the mailbox", 77),
    ("too many logins", "AUTH", "454 4.7.0 Too many login attempts", "login refused", SLOWER, 75),
    ("a sender of another, RFC", "MAIL", "553 5.7.1 not owned by user", "sender <info@example.it> refused", SENDER, 69),
    ("a sender of another, Exchange", "dot", "550 5.7.60 Client does not have permissions to send as this sender",
     "the server refuses the message", SENDER, 69),
    ("a sender of another, Microsoft 365", "dot", "554 5.2.252 SendAsDenied; not allowed to send as x@example.it",
     "the server refuses the message", SENDER, 69),
    ("a sender of another, QQ", "MAIL", "501 Mail from address must be same as authorization user",
     "sender <info@example.it> refused", SENDER, 69),
    ("a sender that SES does not know", "dot", "554 Message rejected: Email address is not verified", "the server refuses the message",
     VERIFY, 69),
    ("no relaying", "RCPT", "554 5.7.1 Relay access denied", "recipient <bob@example.org> refused",
     "this server takes mail for its own domains alone: set host = to the one for submission", 69),
    ("no such user, at a host of that name", "RCPT", "550 5.1.1 <bob@relay.example.org> user unknown",
     "recipient <bob@example.org> refused", None, 67),
    ("too big for Google", "dot", "552 5.3.4 Your message exceeded Google's message size limits", "the server refuses the message",
     SMALLER, 69),
    ("too big, said at once", "MAIL", "552 5.3.4 Message size exceeds fixed limit", "sender <info@example.it> refused", SMALLER, 69),
    ("too big", "dot", "552 5.3.4 Message too big", "the server refuses the message", SMALLER, 69),
    ("a limit of the day", "MAIL", "550 5.4.5 Daily user sending limit exceeded", "sender <info@example.it> refused", SLOWER, 69),
    ("a limit of now", "dot", "432 4.3.2 Concurrent connections limit exceeded", "the server refuses the message", SLOWER, 75),
    ("too many recipients", "RCPT", "452 4.5.3 Too many recipients", "recipient <bob@example.org> refused", SLOWER, 75),
    ("too many connections", "greeting", "421 4.7.0 Too many connections", "the server refuses to serve us", SLOWER, 75),
    ("not now, and nothing to mend", "MAIL", "451 4.3.0 come back later", "sender <info@example.it> refused", None, 75),
]  # fmt: skip


@table("step, answer, what, cure, code", REPLIES)
def test_a_reply(step, answer, what, cure, code, orsino, rogue, ini):
    server = rogue({step: answer}, tls="implicit")
    line, exits = said_by(orsino, ini(server.port, "implicit"), server.port)
    assert line == f'localhost:PORT: {what}, it said "{answer}"' + (f" ({cure})" if cure else "")
    assert exits == code


def test_size(orsino, rogue, ini):
    server = rogue(keywords=["SIZE 1000"])
    line, code = said_by(orsino, ini(server.port), server.port, MESSAGE + 2000 * b"x" + b"\n")
    assert line.startswith("localhost:PORT: the message has ") and line.endswith(f"the server takes at most 1000 ({SMALLER})") and code == 65


# Providers, by their hosts; what they say to a wrong password, and their note.
PROVIDERS = [
    ("smtp.gmail.com", "535 5.7.8 Username and Password not accepted",
     "take an app password for password =: https://myaccount.google.com/apppasswords"),
    ("smtp.mail.yahoo.com", "535 5.7.0 (#AUTH005) Too bad",
     "take an app password for password =: https://login.yahoo.com/account/security"),
    ("smtp.mail.me.com", "535 5.7.8 Error: authentication failed",
     "take an app-specific password for password =: https://account.apple.com"),
    ("smtp.sendgrid.net", "535 Authentication failed: Bad username / password", "take an API key for password ="),
    ("email-smtp.us-east-1.amazonaws.com", "535 Authentication Credentials Invalid",
     "set region = to that of your SES, where the SMTP user and password were made"),
]  # fmt: skip


@pytest.mark.parametrize("host, answer, note", PROVIDERS, ids=[row[0] for row in PROVIDERS])
def test_a_providers_note(host, answer, note, orsino, rogue, ini, certificates, tmp_path):
    """The name leads to the loopback here, and the certificate is known by its fingerprint."""
    server = rogue({"AUTH": answer}, tls="implicit")
    pem = Path(certificates.server_file("good")).read_text()
    der = ssl.PEM_cert_to_DER_cert(pem[pem.index("-----BEGIN CERTIFICATE") : pem.index("-----END CERTIFICATE-----") + 26])
    config = ini(server.port, "implicit", host=host, ca_file=None, fingerprint=hashlib.sha256(der).hexdigest())
    path = tmp_path / "names"
    path.write_text(f"127.0.0.1 {host}\n")
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", f'{PRIVATE}mount --bind {path} /etc/hosts; exec "$0" sendmail -C "$@"', orsino.path, str(config), BOB],
        input=MESSAGE, env=orsino.environment(PATH="/usr/sbin:/usr/bin:/sbin:/bin"), capture_output=True, timeout=60)  # fmt: skip
    assert done.stderr.decode() == f'sendmail: {host}:{server.port}: login refused, it said "{answer}" ({note})\n'
    assert done.returncode == 77


class OpenSsl:
    """openssl s_server with a certificate of the tests', which speaks as much of SMTP as silence does."""

    def __init__(self, certificates, certificate, words):
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.process = subprocess.Popen(
            ["openssl", "s_server", "-accept", str(self.port), "-cert", certificates.server_file(certificate), "-key",
             certificates.server_file(certificate), "-quiet", *words],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
        wait_for(self.listens, PATIENCE, "openssl s_server")

    def listens(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        except OSError:
            return False

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()


@pytest.fixture
def openssl(certificates):
    servers = []

    def start(*words, certificate="good"):
        servers.append(OpenSsl(certificates, certificate, words))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


OLD = "DEFAULT:@SECLEVEL=0"
TLS = [
    ("TLS 1.3 alone", ["-tls1_3"], "the server speaks TLS 1.3 alone: it refuses 1.2, and older ones",
     "ask the provider for a server with TLS 1.2, which orsino speaks"),
    ("TLS 1.1 alone", ["-tls1_1", "-cipher", OLD], "the server speaks TLS 1.1 at most, and 1.2 is needed",
     "whoever runs the server has to give it TLS 1.2"),
    ("TLS 1.0 alone", ["-tls1", "-cipher", OLD], "the server speaks TLS 1.0 at most, and 1.2 is needed",
     "whoever runs the server has to give it TLS 1.2"),
    ("CBC alone", ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES256-SHA"],
     "the server has no TLS suite with ECDHE and an AEAD cipher, it would use ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
     "whoever runs the server has to allow ECDHE with AES-GCM or ChaCha20"),
]  # fmt: skip


@table("words, what, cure", TLS)
def test_tls_that_is_not_ours(words, what, cure, orsino, openssl, ini):
    server = openssl(*words)
    assert said_by(orsino, ini(server.port, "implicit"), server.port) == (f"localhost:PORT: {what} ({cure})", 76)


@pytest.fixture
def rsa(certificates, tmp_path):
    """The name of a certificate with a key of RSA."""
    pem = tmp_path / "rsa.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", pem, "-out", tmp_path / "cert", "-subj", "/CN=localhost"],
                   check=True, capture_output=True)  # fmt: skip
    pem.write_text(pem.read_text() + (tmp_path / "cert").read_text())
    shutil.copy(pem, certificates.server_file("rsa"))
    return "rsa"


def test_no_forward_secrecy(orsino, openssl, ini, rsa):
    """An exchange of keys by RSA alone."""
    server = openssl("-tls1_2", "-cipher", "AES128-GCM-SHA256", certificate=rsa)
    line, code = said_by(orsino, ini(server.port, "implicit"), server.port)
    assert "it would use RSA_WITH_AES_128_GCM_SHA256 (whoever runs the server has to allow ECDHE" in line and code == 76


def test_a_suite_that_nobody_here_knows(orsino, openssl, ini, rsa):
    """Nothing in common, also when everything is offered: the server can only hang up."""
    server = openssl("-tls1_2", "-cipher", "DHE-RSA-AES128-GCM-SHA256", certificate=rsa)
    assert said_by(orsino, ini(server.port, "implicit"), server.port) == (
        "localhost:PORT: the server says: handshake failure (TLS alert 40) "
        "(whoever runs the server has to allow TLS 1.2 and ECDHE with AES-GCM or ChaCha20)", 76)  # fmt: skip


SHOWN = "set fingerprint = as orsino probe localhost --port PORT shows it"
OTHER_CA = f"its CA is not the one in ca_file =: add it there, or {SHOWN}"
OWN_CA = f"if the server is yours, name its CA in ca_file =, or {SHOWN}"
CERTIFICATES = [
    ("expired", "expired", 'the certificate of "test server localhost" expired on ',
     "(the server needs a new certificate, unless this machine's clock is wrong)"),
    ("not yet valid", "not-yet", 'the certificate of "test server localhost" is not valid before ',
     "(the server uses it too early, unless this machine's clock is wrong)"),
    ("another name", "wrong-name", "wrong name: its certificate is for mail.elsewhere.example, not for localhost",
     "(set host = or tls_name = to a name in the certificate)"),
    ("an unknown issuer", "untrusted", 'issued by "', f"({OTHER_CA})"),
    ("its own issuer", "self-signed", 'self-signed certificate of "test server localhost"', f"({OTHER_CA})"),
]  # fmt: skip


@table("certificate, what, cure", CERTIFICATES)
def test_a_certificate(certificate, what, cure, orsino, openssl, ini):
    server = openssl("-tls1_2", certificate=certificate)
    line, code = said_by(orsino, ini(server.port, "implicit"), server.port)
    assert line.startswith(f"localhost:PORT: {what}") and line.endswith(cure) and code == 77, line
    if certificate == "untrusted":
        assert "Some Stranger" in line


def test_an_issuer_that_the_machine_does_not_know(orsino, openssl, ini):
    server = openssl("-tls1_2", certificate="untrusted")
    line, code = said_by(orsino, ini(server.port, "implicit", ca_file=None), server.port)
    assert "Some Stranger" in line and line.endswith(f"({OWN_CA})") and code == 77


def test_a_clock_that_was_never_set(orsino, openssl, ini, tmp_path):
    """1970: the certificate is not to blame."""
    source = tmp_path / "clock.c"
    source.write_text("#include <time.h>\ntime_t time(time_t *t) { if (t) *t = 86400; return 86400; }\n")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", tmp_path / "clock.so", source], check=True)
    server = openssl("-tls1_2")
    done = orsino.run(BOB, ini=ini(server.port, "implicit"),
                      environment={"LD_PRELOAD": str(tmp_path / "clock.so"), "ASAN_OPTIONS": "verify_asan_link_order=0:detect_leaks=0"})  # fmt: skip
    assert done.exit == 77 and "but this machine's clock reads 1970-01-02 (set this machine's clock)" in done.err, done.err


def test_another_fingerprint(orsino, openssl, ini):
    server = openssl("-tls1_2")
    line, code = said_by(orsino, ini(server.port, "implicit", fingerprint="ab" * 32, ca_file=None), server.port)
    assert line.startswith("localhost:PORT: it shows another certificate than the one of fingerprint =, ") and code == 77
    assert line.endswith(" (if you know that this one is his, set fingerprint = to it)")


# Ports that are not what the account takes them for.
@table("tls, script, said", [
    ("a greeting where TLS is expected", "implicit", {"connect": ("220 mx ESMTP", SILENCE)},
     'no TLS on this port, it said "220 mx ESMTP" (set tls = starttls, or port = 465)'),
    ("SSH", "implicit", {"connect": ("SSH-2.0-OpenSSH_9.2", SILENCE)},
     'no TLS on this port, it said "SSH-2.0-OpenSSH_9.2" (that is no mail server to send through: check host = and port =)'),
    ("no STARTTLS", "starttls", {}, "the server does not offer STARTTLS (set tls = implicit, port = 465)"),
])  # fmt: skip
def test_a_port_of_another_kind(tls, script, said, orsino, rogue, ini):
    server = rogue(script)
    assert said_by(orsino, ini(server.port, tls), server.port) == (f"localhost:PORT: {said}", 76)


def test_tls_1_3_at_once_where_starttls_is_expected(orsino, ini, certificates):
    """A server that hangs up on us, and that is TLS all the same."""
    context = certificates.server_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    server = Rogue(context, "implicit", {})
    line = said_by(orsino, ini(server.port, "starttls"), server.port)
    server.stop()
    assert line == ("localhost:PORT: this port expects TLS at once (set tls = implicit, or leave it out)", 76)


@pytest.mark.parametrize("tls", ["starttls", "none"])
def test_tls_at_once_where_starttls_is_expected(tls, orsino, rogue, ini):
    """Not openssl's server, which has ears for one client at a time."""
    server = rogue(tls="implicit")
    line = said_by(orsino, ini(server.port, tls), server.port)
    assert line == ("localhost:PORT: this port expects TLS at once (set tls = implicit, or leave it out)", 76)


def test_port_25_that_a_network_blocks(orsino, tmp_path):
    """A queue that is full, as silent as a firewall."""
    network = Network()
    listener = network.run(socket.create_server, ("127.0.0.1", 25), backlog=0)
    waiting = [network.run(connect_and_forget) for _ in range(2)]
    config = write_private(tmp_path / "own.ini", "[orsino]\nlog = none\n[a]\nhost = 127.0.0.1\nport = 25\nfrom = a@b.it\nconnect_timeout = 1s\n")
    done = network.run(orsino.run, BOB, ini=config)
    for one in (*waiting, listener):
        one.close()
    network.stop()
    assert done.failed(75) == (
        "sendmail: 127.0.0.1:25: no answer in time (many networks block port 25: set port = 587, or port = 465 with tls = implicit)")


def connect_and_forget():
    one = socket.socket()
    one.setblocking(False)
    one.connect_ex(("127.0.0.1", 25))
    return one


@table("resolver, said, code", [
    ("a name that does not exist", None, "the host name does not exist (check host =)", 68),
    ("no DNS at all", "nameserver 127.0.0.9\n", "the host name cannot be looked up now (check the network and /etc/resolv.conf)", 75),
])  # fmt: skip
def test_names(resolver, said, code, network, orsino, tmp_path):
    """The first is looked for in a file alone; for the second a nameserver is asked that is not there."""
    host = "mail.example.test"
    text = f"[orsino]\nlog = none\n[a]\nhost = {host}\nfrom = a@b.it\n"
    (tmp_path / "nsswitch").write_text("hosts: files\n" if not resolver else "hosts: files dns\n")
    (tmp_path / "resolv").write_text(resolver or "")
    config = write_private(tmp_path / "own.ini", text)
    mounts = f"mount --bind {tmp_path}/nsswitch /etc/nsswitch.conf; mount --bind {tmp_path}/resolv /etc/resolv.conf"
    done = network.run(
        subprocess.run, ["unshare", "-m", "sh", "-c", f'{PRIVATE}{mounts}; exec "$0" sendmail -C "$@"', orsino.path, str(config), BOB],
        input=MESSAGE, env=orsino.environment(PATH="/usr/sbin:/usr/bin:/sbin:/bin", RES_OPTIONS="timeout:1 attempts:1"), capture_output=True,
        timeout=60)  # fmt: skip
    assert (done.stderr.decode(), done.returncode) == (f"sendmail: {host}:465: {said}\n", code)
