"""Who may use the relay: addresses, networks, logins, TLS with the clients."""

import base64
import ctypes
import os
import shutil
import socket
import ssl
from pathlib import Path

import pytest

from conftest import table
from relay import MAIL, PATIENCE, RCPT, Client, header, run_client, transactions
from rogue import Rogue

HERE, THERE = "10.9.8.7", "10.9.9.9"  # addresses of `network`
PASSWORD = "päss:word"

# How the hashes of the users begin: SHA-512, yescrypt, bcrypt with the least work.
HASHES = {"sha512": ("$6$", 1000), "yescrypt": ("$y$", 1), "bcrypt": ("$2b$", 4)}


# Who may use it.


@table("changes, words", [
    ("everywhere", {"listen": "0.0.0.0:0"}, ["listen_allow", "listen_users"]),
    ("everywhere, with a star", {"listen": "*:0"}, ["listen_allow", "listen_users"]),
    ("everywhere, IPv6", {"listen": "[::]:0"}, ["listen_allow", "listen_users"]),
    ("at a port of TLS, without a certificate", {"listen": "127.4.6.5:465"}, ["TLS at 127.4.6.5:465", "listen_cert"]),
    ("one of several", {"listen": "0, 0.0.0.0:0"}, ["listen_allow", "listen_users"]),
    ("logins in the clear", {"listen": "0.0.0.0:0", "listen_users": "/etc/users"}, ["listen_cert"]),
    ("networks that are none", {"listen_allow": "10.0.0.0/33"}, ["listen_allow", "10.0.0.0/33"]),
    ("a network too few", {"listen_allow": "10.0.0.0/8,"}, ["listen_allow"]),
    ("no place", {"listen": "somewhere"}, ["listen", "somewhere"]),
    ("TLS without a certificate", {"listen": "0/tls"}, ["listen_cert"]),
])  # fmt: skip
def test_a_relay_that_must_not_begin(changes, words, orsino, ini):
    orsino.run("-bD", ini=ini(25, **{"listen": "0"} | changes)).failed(78, *words)


def test_a_certificate_that_cannot_be_used(orsino, ini, certificates, tmp_path):
    pem = open(certificates.server_file("good")).read()
    key, chain = tmp_path / "key.pem", tmp_path / "chain.pem"
    key.write_text(pem[: pem.index("-----BEGIN CERT")])
    key.chmod(0o600)
    chain.write_text(pem[pem.index("-----BEGIN CERT") :])
    chain.chmod(0o600)
    shown = tmp_path / "shown.pem"
    shutil.copy(key, shown)
    shown.chmod(0o644)
    text = tmp_path / "text.pem"
    text.write_text("nothing of the kind\n")
    missing = tmp_path / "missing.pem"
    for changes, code, words in [
        ({"listen_cert": missing}, 72, ["missing.pem"]),
        ({"listen_cert": chain}, 78, ["key"]),
        ({"listen_cert": chain, "listen_key": missing}, 72, ["missing.pem"]),
        ({"listen_cert": chain, "listen_key": shown}, 77, ["shown.pem", "chmod"]),
        ({"listen_cert": text, "listen_key": key}, 78, ["text.pem"]),
        ({"listen_cert": chain, "listen_key": chain}, 78, ["key"]),
    ]:
        orsino.run("-bD", ini=ini(25, listen="0/tls", **changes)).failed(code, *words)


def test_a_file_of_users_that_cannot_be_used(orsino, ini, tmp_path):
    """Told when the relay begins, and not by the first client who is turned away."""
    nobody, theirs = tmp_path / "nobody", tmp_path / "theirs"
    nobody.write_text("# still to be filled in\n\nanna\n")
    theirs.write_text("anna:$6$saltsalt$x\n")
    nobody.chmod(0o600)
    theirs.chmod(0o666)
    for path, code, words in [
        (tmp_path / "missing", 72, ["missing"]),
        (nobody, 78, ["nobody", "name:hash"]),
        (theirs, 77, ["theirs", "chmod"]),
    ]:
        orsino.run("-bD", ini=ini(25, listen="0", listen_users=path)).failed(code, *words)


def test_a_port_that_is_taken(orsino, ini):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        line = orsino.run("-bD", ini=ini(25, listen=port)).err
    assert f"127.0.0.1:{port}" in line and "another program" in line


def test_a_port_that_is_roots(orsino, ini, network, open_folder):
    """In a network of its own port 25 is free."""
    network.run(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").write_text, "1024")
    config = shutil.copy(ini(25, listen="25"), open_folder)
    os.chmod(config, 0o644)
    done = network.run(orsino.run, "-bD", ini=config, user=65534, group=65534)
    done.failed(77, "25", "root")


def test_other_machines_by_their_network(relay, ini, network):
    server = network.run(Rogue, None, "none")
    running = relay(server.port, run=network.run, listen=f"{HERE}:0, 127.0.0.1:0", listen_allow="10.9.8.0/24, 2001:db8::/32")
    client = network.run(running.connect, HERE, source=HERE)
    assert run_client(client).startswith("250 ")
    stranger = network.run(running.connect, HERE, source=THERE)
    assert stranger.expect("554 5.7.1")
    stranger.is_over()
    running.wait_until_said(f"client={THERE} error=not in listen_allow")
    # This machine is never shut out.
    local = running.names[1].rpartition(":")[2]
    client = Client(network.run(socket.create_connection, ("127.0.0.1", int(local)), PATIENCE))
    assert run_client(client).startswith("250 ")
    running.end()
    assert len(transactions(server)) == 2
    server.stop()


def crypt(prefix, work):
    """The hash of PASSWORD, as mkpasswd(1) makes it."""
    library = ctypes.CDLL("libcrypt.so.1")
    library.crypt.restype = library.crypt_gensalt.restype = ctypes.c_char_p
    salt = library.crypt_gensalt(prefix.encode(), ctypes.c_ulong(work), None, 0)
    return library.crypt(PASSWORD.encode(), salt).decode()


@pytest.fixture(scope="module")
def users(tmp_path_factory):
    path = tmp_path_factory.mktemp("users") / "users"
    lines = [f"{name}:{crypt(*kind)}" for name, kind in HASHES.items()]
    path.write_text("# who may send\n\n" + "\n".join(lines) + "\nbroken:*\nempty:\n")
    path.chmod(0o640)
    return path


def plain(user, password=PASSWORD):
    return "AUTH PLAIN " + base64.b64encode(f"\0{user}\0{password}".encode()).decode()


def log_in(client, user, password=PASSWORD):
    """AUTH LOGIN; what is said in the end."""
    client.expect("334 VXNlcm5hbWU6", "AUTH LOGIN")
    client.expect("334 UGFzc3dvcmQ6", base64.b64encode(user.encode()).decode())
    return client.ask(base64.b64encode(password.encode()).decode())


@pytest.fixture
def relay_for_others(relay, network, certificates, users):
    """A relay that other machines may use with a login, its provider, and a way to connect."""
    server = network.run(Rogue, None, "none")
    running = relay(server.port, run=network.run, listen=f"{HERE}:0, 127.0.0.1:0", listen_users=users,
                    listen_cert=certificates.server_file("good"))  # fmt: skip

    def connect():
        return network.run(running.connect, HERE, source=THERE)

    yield running, server, connect
    server.stop()


@pytest.mark.parametrize("user", HASHES)
def test_a_login_over_a_network(user, relay_for_others, certificates):
    running, server, connect = relay_for_others
    client = connect()
    assert "AUTH" not in client.greet()
    client.expect("5", plain(user))
    client.expect("530 5.7.0", MAIL)
    client.start_tls(certificates.client_context())
    assert "AUTH PLAIN LOGIN" in client.expect("250", "EHLO client.example.org")
    client.expect("530 5.7.0", MAIL)
    client.expect("535 5.7.8", plain(user, "wrong"))
    client.expect("235 2.7.0", plain(user))
    assert client.send().startswith("250 ")
    client.quit()
    running.end()
    (one,) = transactions(server)
    assert "with ESMTPSA id" in header(one)
    assert PASSWORD not in running.log.read_text()


@table("user, password, want", [
    ("sha512", "sha512", PASSWORD, "235 2.7.0"),
    ("yescrypt", "yescrypt", PASSWORD, "235 2.7.0"),
    ("bcrypt", "bcrypt", PASSWORD, "235 2.7.0"),
    ("a wrong password", "sha512", "wrong", "535 5.7.8"),
    ("half of the password", "bcrypt", PASSWORD[:4], "535 5.7.8"),
    ("an empty password", "yescrypt", "", "501 5.5.2"),
    ("nobody", "nobody", PASSWORD, "535 5.7.8"),
    ("a comment is no user", "# who may send", "x", "535 5.7.8"),
    ("a user who is locked", "broken", "*", "535 5.7.8"),
    ("a user without a hash", "empty", "x", "535 5.7.8"),
])  # fmt: skip
def test_logins(user, password, want, relay, rogue, users):
    running = relay(rogue().port, listen_users=users)
    client = running.connect()
    assert "AUTH PLAIN LOGIN" in client.greet()
    assert log_in(client, user, password).startswith(want)
    client.close()
    client = running.connect()
    client.greet()
    client.expect(want, plain(user, password))
    client.close()
    running.end()


def test_a_program_of_this_machine_needs_no_login(relay, rogue, users):
    server = rogue()
    running = relay(server.port, listen_users=users)
    client = running.connect()
    assert "AUTH PLAIN LOGIN" in client.greet()
    assert client.send().startswith("250 ")
    client.quit()
    running.end()
    assert len(transactions(server)) == 1


def test_a_file_of_users_that_others_can_write(relay, rogue, tmp_path):
    path = tmp_path / "open"
    path.write_text(f"anna:{crypt(*HASHES['sha512'])}\n")
    path.chmod(0o600)
    running = relay(rogue().port, listen_users=path)
    path.chmod(0o666)
    client = running.connect()
    client.greet()
    client.expect("454 4.7.0", plain("anna"))
    path.chmod(0o600)
    client.expect("235 ", plain("anna"))
    client.close()
    running.end()
    assert running.said("others can write it")


# TLS on the side of the clients.


def test_starttls_and_implicit_tls(relay, rogue, certificates):
    server = rogue()
    running = relay(server.port, listen="0, 127.0.0.1:0/tls", listen_cert=certificates.server_file("good"))
    context = certificates.client_context()
    client = running.connect()
    assert "STARTTLS" in client.greet()
    client.start_tls(context)
    assert "STARTTLS" not in client.expect("250", "EHLO client.example.org")
    assert client.send().startswith("250 ")
    client.quit()
    implicit = int(running.names[2].rpartition(":")[2])
    client = Client(socket.create_connection(("127.0.0.1", implicit), PATIENCE))
    client.secure(context)
    assert run_client(client).startswith("250 ")
    running.end()
    assert all("with ESMTPS id" in header(one) for one in transactions(server))
    assert len(transactions(server)) == 2


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
def test_old_tls_is_for_programs_of_this_machine(relay, certificates, network):
    """Mono has nothing newer; over a network it is no protection any more."""
    server = network.run(Rogue, None, "none")
    running = relay(server.port, run=network.run, listen=f"{HERE}:0/tls, 127.0.0.1:0/tls", listen_allow="10.0.0.0/8",
                    listen_cert=certificates.server_file("good"))  # fmt: skip
    old = certificates.client_context()
    old.set_ciphers("ALL:@SECLEVEL=0")
    old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1

    def connect(name, context):
        address, _, port = name.rpartition(":")
        client = Client(network.run(socket.create_connection, (address, int(port)), PATIENCE))
        client.secure(context)
        return client

    far, near = running.names
    with pytest.raises((ssl.SSLError, ConnectionError)):
        connect(far, old)
    assert run_client(connect(far, certificates.client_context())).startswith("250 ")
    assert run_client(connect(near, old)).startswith("250 ")
    running.end()
    server.stop()


def test_what_is_said_before_tls_does_not_count_behind_it(relay, rogue, certificates):
    """CVE-2011-0411: a command that somebody on the way put behind STARTTLS."""
    server = rogue()
    running = relay(server.port, listen_cert=certificates.server_file("good"))
    client = running.connect()
    client.greet()
    client.say("STARTTLS", MAIL)
    assert b"220" not in client.rest()
    client.close()
    client = running.connect()
    client.greet()
    client.expect("250 ", MAIL)
    client.start_tls(certificates.client_context())
    client.expect("503 5.5.1", RCPT)
    client.expect("250", "EHLO client.example.org")
    client.close()
    running.end()
    assert server.sessions == []


def test_a_client_that_speaks_no_tls(relay, rogue, certificates):
    running = relay(rogue().port, listen="0/tls", listen_cert=certificates.server_file("good"))
    client = running.connect()
    client.say("EHLO client.example.org")
    assert b"250" not in client.rest()
    running.end()


def test_a_client_that_says_nothing_keeps_nobody_waiting(relay, rogue, certificates):
    running = relay(rogue().port, listen="0/tls", listen_cert=certificates.server_file("good"))
    silent = [socket.create_connection(("127.0.0.1", running.port)) for _ in range(5)]
    assert run_client(running.connect(tls=certificates.client_context())).startswith("250 ")
    for connection in silent:
        connection.close()
    running.end()
