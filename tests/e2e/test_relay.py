"""The relay: `orsino serve` and `sendmail -bd`, for programs that speak SMTP to a host and a port."""

import base64
import ctypes
import os
import random
import re
import resource
import shutil
import signal
import socket
import ssl
import subprocess
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest

from conftest import table
from relay import CONTENT, MAIL, PATIENCE, RCPT, Client, Relay, call, network, open_folder, relay  # noqa: F401
from rogue import CLOSE, RESET, SILENCE, Rogue
from sending import reverse_path
from test_bs import bodies, header, transactions
from waiting import wait_for

HERE, THERE = "10.9.8.7", "10.9.9.9"  # addresses of `network`
PASSWORD = "päss:word"

# How the hashes of the users begin: SHA-512, yescrypt, bcrypt with the least work.
HASHES = {"sha512": ("$6$", 1000), "yescrypt": ("$y$", 1), "bcrypt": ("$2b$", 4)}


def run_client(client, content=CONTENT):
    """A whole session with one message; the answer to it."""
    client.greet()
    answer = client.send(content=content)
    client.quit()
    client.close()
    return answer


# Where it listens.


@table(["address"], [("IPv4", "127.0.0.1"), ("IPv6", "::1")])
def test_both_loopback_addresses(address, relay, rogue):
    server = rogue()
    running = relay(server.port)
    assert running.names == [f"127.0.0.1:{running.port}", f"[::1]:{running.port}"]
    client = running.connect(address)
    assert run_client(client).startswith("250 Ok: queued as ")
    running.end()
    (one,) = transactions(server)
    shown = "[IPv6:::1]" if address == "::1" else "[127.0.0.1]"
    assert f"from client.example.org ({shown})" in header(one)


def test_a_unix_socket(relay, rogue, tmp_path):
    server = rogue()
    path = tmp_path / "relay.socket"
    running = relay(server.port, listen=path)
    assert running.names == [str(path)]
    assert run_client(running.connect(str(path))).startswith("250 ")
    assert path.stat().st_mode & 0o777 == 0o666
    running.end()
    assert not path.exists()
    assert bodies(server) == [b"hello\r\n"]


def test_a_socket_that_a_dead_relay_left(relay, rogue, tmp_path):
    server = rogue()
    path = tmp_path / "relay.socket"
    first = relay(server.port, listen=path)
    first.kill()
    assert path.exists()
    (tmp_path / "relay.log").unlink()
    second = relay(server.port, listen=path)
    assert run_client(second.connect(str(path))).startswith("250 ")
    second.end()




def handing_over(listener, orsino, config):
    """What systemd does: descriptor 3 is a socket that listens, and the variables say whose it is."""
    script = f'exec 3<&{listener.fileno()}; LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" serve -C "$1"'
    return ["bash", "-c", script, orsino.path, str(config)]


@table(["address"], [("an address", "127.0.0.1"), ("a path", None)])
def test_sockets_handed_over_by_systemd(address, orsino, ini, rogue, tmp_path):
    server = rogue()
    path = str(tmp_path / "handed.socket")
    if address:
        listener = socket.create_server((address, 0))
    else:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        listener.listen()
    log = tmp_path / "relay.log"
    config = ini(server.port, log=log, aliases="/nonexistent", listen="1")
    process = subprocess.Popen(
        handing_over(listener, orsino, config), env=orsino.environment(), pass_fds=[listener.fileno()],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    with started(process, log) as running:
        connection = socket.socket(socket.AF_INET if address else socket.AF_UNIX)
        connection.settimeout(PATIENCE)
        connection.connect(listener.getsockname())
        listener.close()
        assert run_client(Client(connection)).startswith("250 ")
        running.end()
    assert os.path.exists(path) == (address is None)  # it is systemd's
    assert bodies(server) == [b"hello\r\n"]


@contextmanager
def started(process, log):
    """A relay that was started by hand, and is gone at the end."""
    try:
        yield Relay(process, log)
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def test_a_public_socket_of_systemd_is_no_open_relay(orsino, ini, network):
    config = ini(25)
    listener = network.run(socket.create_server, (HERE, 0))
    done = subprocess.run(
        handing_over(listener, orsino, config), env=orsino.environment(), pass_fds=[listener.fileno()], capture_output=True,
        timeout=PATIENCE,
    )  # fmt: skip
    listener.close()
    assert done.returncode == 78 and b"listen_allow" in done.stderr


def test_serve_takes_no_more_words(orsino, ini):
    orsino.run("serve", "-C", str(ini(25)), "extra", name="orsino").failed(64, "extra")


def inetd(run, orsino, config, where, source=None):
    """Accepts one client and hands it to `sendmail -bs`, as inetd does: the client, and the process."""
    listener = run(socket.create_server, (where, 0))
    connection = run(socket.create_connection, listener.getsockname(), PATIENCE, source and (source, 0))
    accepted, _ = listener.accept()
    listener.close()
    process = subprocess.Popen(
        ["sendmail", "-C", str(config), "-bs"], executable=orsino.path, env=orsino.environment(), stdin=accepted,
        stdout=accepted, stderr=subprocess.PIPE,
    )  # fmt: skip
    accepted.close()
    return Client(connection), process


def over(client, process):
    client.quit()
    client.close()
    assert process.wait(PATIENCE) == 0
    assert process.stderr.read() == b""
    process.stderr.close()


def test_a_client_of_inetd(orsino, ini, rogue):
    server = rogue()
    client, process = inetd(call, orsino, ini(server.port, aliases="/nonexistent"), "127.0.0.1")
    client.greet()
    assert client.send().startswith("250 ")
    over(client, process)
    (one,) = transactions(server)
    assert "from client.example.org ([127.0.0.1])" in header(one)




def test_a_client_of_inetd_from_another_machine(orsino, ini, rogue, network):
    server = rogue()
    client, process = inetd(network.run, orsino, ini(server.port), HERE)
    client.greet()
    assert "not 10.9.8.7" in client.expect("550 5.7.1", MAIL)
    over(client, process)
    client, process = inetd(network.run, orsino, ini(server.port, listen_allow="10.9.8.0/24", aliases="/nonexistent"), HERE)
    client.greet()
    assert client.send().startswith("250 ")
    over(client, process)
    assert len(transactions(server)) == 1


# Who may use it.


@table("changes, words", [
    ("everywhere", {"listen": "0.0.0.0:0"}, ["listen_allow", "listen_users"]),
    ("everywhere, with a star", {"listen": "*:0"}, ["listen_allow", "listen_users"]),
    ("everywhere, IPv6", {"listen": "[::]:0"}, ["listen_allow", "listen_users"]),
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
    path.chmod(0o666)
    running = relay(rogue().port, listen_users=path)
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


def test_the_log_has_a_line_for_each_message(relay, rogue):
    running = relay(rogue({"RCPT": {"carl": "550 5.1.1 no such user"}}).port)
    client = running.connect()
    client.greet()
    client.expect("250 ", MAIL)
    client.expect("550 ", "RCPT TO:<carl@example.org>")
    client.expect("250 ", "RSET")
    made = re.search(r"queued as (\w+)", client.send())[1]
    client.quit()
    running.end()
    (line,) = running.said(f"id={made} ")
    assert "client=127.0.0.1" in line and "bob@example.org" in line
    (line,) = running.said("carl@example.org")
    assert "550" in line


# Signals.


def test_an_idle_client_hears_of_the_end(relay, rogue):
    running = relay(rogue().port)
    client = running.connect()
    client.greet()
    running.process.send_signal(signal.SIGTERM)
    client.expect("421 4.3.2")
    client.is_over()
    running.ended()


def test_the_end_waits_for_the_message_under_way(relay, rogue):
    server = rogue()
    running = relay(server.port)
    client = running.connect()
    client.greet()
    client.begin()
    client.write(b"Subject: x\r\n\r\nhal")
    running.process.send_signal(signal.SIGTERM)
    running.wait_until_said("the relay ends")
    with pytest.raises(OSError):
        running.connect()
    client.write(b"f\r\n.\r\n")
    client.expect("250 Ok: queued as ")
    client.expect("421 4.3.2")
    client.is_over()
    running.ended()
    assert bodies(server) == [b"half\r\n"]


def test_a_second_signal_ends_it_at_once(relay, rogue):
    server = rogue()
    running = relay(server.port)
    client = running.connect()
    client.greet()
    client.begin()
    children = running.children()
    running.process.send_signal(signal.SIGTERM)
    running.wait_until_said("the relay ends")
    running.process.send_signal(signal.SIGTERM)
    running.ended()
    client.is_over()
    assert len(children) == 1
    wait_for(lambda: not os.path.exists(f"/proc/{children[0]}"), PATIENCE, "the end of the child")
    assert transactions(server) == []


def test_a_reload(relay, rogue, ini):
    server = rogue()
    running = relay(server.port, **{"from": "old@example.it"})

    def sender():
        client = running.connect()
        client.greet()
        assert client.send("MAIL FROM:<root>").startswith("250 ")
        client.quit()
        server.wait()
        return reverse_path(server.sessions[-1])

    changes = {"listen": "0", "log": running.log, "aliases": "/nonexistent"}
    assert sender() == "old@example.it"
    path = ini(server.port, name="relay.ini", **changes, **{"from": "new@example.it"})
    assert sender() == "old@example.it"
    running.process.send_signal(signal.SIGHUP)
    running.wait_until_said("the configuration was read again")
    assert sender() == "new@example.it"
    path.write_text(path.read_text() + "no_such_key = 1\n")
    running.process.send_signal(signal.SIGHUP)
    running.wait_until_said("no_such_key")
    assert sender() == "new@example.it"
    # A relay that others could reach is not what it becomes by a slip, either.
    ini(server.port, name="relay.ini", **changes, **{"from": "third@example.it", "listen_allow": "10.0.0.0/99"})
    running.process.send_signal(signal.SIGHUP)
    running.wait_until_said("listen_allow takes")
    assert sender() == "new@example.it"
    running.end()


def test_a_reload_does_not_disturb_a_session(relay, rogue):
    server = rogue()
    running = relay(server.port)
    client = running.connect()
    client.greet()
    client.begin()
    running.process.send_signal(signal.SIGHUP)
    running.wait_until_said("the configuration was read again")
    client.write(CONTENT + b".\r\n")
    client.expect("250 Ok")
    client.quit()
    running.end()
    assert len(transactions(server)) == 1


def test_in_the_background(orsino, ini, rogue, tmp_path):
    """Who called goes on when the relay listens, and not before."""
    server = rogue()
    log = tmp_path / "relay.log"
    orsino.run("-bd", ini=ini(server.port, listen="0", log=log, aliases="/nonexistent")).succeeded()
    (line,) = [line for line in log.read_text().splitlines() if "the relay listens at 127.0.0.1:" in line]
    port = int(re.search(r"127\.0\.0\.1:(\d+)", line)[1])
    pid = relay_of(port)
    try:
        client = Client(socket.create_connection(("127.0.0.1", port), PATIENCE))
        assert run_client(client).startswith("250 ")
        # It holds on to nothing of its caller.
        assert os.readlink(f"/proc/{pid}/cwd") == "/"
        assert {os.readlink(f"/proc/{pid}/fd/{fd}") for fd in (0, 1, 2)} == {"/dev/null"}
        assert os.getsid(pid) == pid
    finally:
        os.kill(pid, signal.SIGTERM)
    wait_for(lambda: not os.path.exists(f"/proc/{pid}/exe"), PATIENCE, "the end of the relay")
    assert bodies(server) == [b"hello\r\n"]


def relay_of(port):
    """The process that listens at this port of 127.0.0.1."""
    wanted = f" 0100007F:{port:04X} 00000000:0000 0A "
    (inode,) = [line.split()[9] for line in open("/proc/net/tcp") if wanted in line]
    (pid,) = [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if has_socket(pid, inode)]
    return pid


def has_socket(pid, inode):
    try:
        return f"socket:[{inode}]" in [os.readlink(fd) for fd in Path(f"/proc/{pid}/fd").iterdir()]
    except OSError:
        return False  # gone, or somebody else's


def test_in_the_background_it_says_what_is_wrong(orsino, ini):
    orsino.run("-bd", ini=ini(25, listen="0.0.0.0:0")).failed(78, "listen_allow")


# Many clients.


def test_as_many_as_may_be(relay, rogue):
    server = rogue()
    running = relay(server.port, listen_max=2)
    first, second, third = (running.connect() for _ in range(3))
    first.greet()
    second.greet()
    assert len(running.children()) == 2
    third.socket.settimeout(0.2)
    with pytest.raises(TimeoutError):
        third.line()
    third.socket.settimeout(PATIENCE)
    first.quit()
    assert run_client(third).startswith("250 ")
    second.quit()
    running.end()


def test_a_relay_without_descriptors_waits_for_some(relay, rogue):
    """It must not turn in circles: the signals would not get through."""
    few = {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (5, 5))}
    running = relay(rogue().port, listen="127.0.0.1:0", popen=few)
    client = running.connect()
    running.wait_until_said("a client has to wait")
    running.end()
    client.close()
    assert len(running.said("a client has to wait")) <= 3


class Crowd:
    """Clients that each send one message, and what each was answered."""

    def __init__(self, connect, count):
        self.connect = connect
        self.answers = {}
        self.threads = [threading.Thread(target=self._run, args=(number,), daemon=True) for number in range(count)]
        for thread in self.threads:
            thread.start()

    def _run(self, number):
        self.answers[number] = None
        try:
            client = self.connect()
            client.greet()
            client.expect("250 ", MAIL)
            answer = client.ask(RCPT)
            if answer.startswith("250 "):
                client.expect("354 ", "DATA")
                client.write(b"Subject: x\r\n\r\n%d\r\n.\r\n" % number)
                answer = client.reply()
            self.answers[number] = answer
            client.close()
        except (EOFError, OSError, AssertionError):
            pass

    def wait(self):
        for thread in self.threads:
            thread.join(60)
            assert not thread.is_alive()

    def numbers(self, start):
        return sorted(number for number, answer in self.answers.items() if answer and answer.startswith(start))


def arrived(server):
    return sorted(int(body) for body in bodies(server))


def test_two_hundred_clients_at_once(relay, rogue):
    chance = random.Random(42)
    kinds = ["250 2.1.5 ok"] * 8 + ["450 4.2.1 busy", "550 5.1.1 no"]
    ends = ["250 2.0.0 ok"] * 8 + ["451 4.3.0 later", "554 5.6.0 no"]
    server = rogue({"RCPT": chance.choices(kinds, k=400), "dot": chance.choices(ends, k=400)})
    running = relay(server.port, listen_max=50)
    crowd = Crowd(running.connect, 200)
    crowd.wait()
    running.end()
    taken = crowd.numbers("250 ")
    assert len(crowd.answers) == 200 and None not in crowd.answers.values()
    assert 0 < len(taken) < 200
    assert arrived(server) == taken


@table("answers, least, most", [
    ("at any moment", None, 10, 50),
    ("while thirty wait for the provider", {"dot": ["250 2.0.0 ok"] * 20 + [SILENCE]}, 20, 20),
])  # fmt: skip
def test_a_relay_that_is_killed_has_lost_nothing_that_it_took(answers, least, most, relay, rogue):
    """kill -9, parent and children, in the middle of fifty sessions."""
    server = rogue(answers)
    running = relay(server.port, listen_max=50)
    crowd = Crowd(running.connect, 50)
    wait_for(lambda: len(crowd.numbers("250 ")) >= least, PATIENCE, "the first answers")
    running.kill()
    crowd.wait()
    taken, there = crowd.numbers("250 "), arrived(server)
    assert least <= len(taken) <= most
    assert set(taken) <= set(there)
    assert len(there) == len(set(there))


class Restless(Crowd):
    """Clients that send several messages each, and go away where they like."""

    def __init__(self, connect, count, chance):
        # A generator for each: what one does must not depend on when another one runs.
        self.chances = [random.Random(chance.random()) for _ in range(count)]
        super().__init__(connect, count)

    def _run(self, number):
        chance = self.chances[number]
        try:
            client = self.connect()
            client.greet()
            for message in range(number * 10, number * 10 + 6):
                self.answers[message] = None
                if not self._send(client, message, chance.choices(["", "MAIL", "RCPT", "DATA", "dot"], [16, 1, 1, 1, 1])[0]):
                    break
            client.close()
        except (EOFError, OSError):
            pass

    def _send(self, client, message, leaves_at):
        for step in (MAIL, RCPT, "DATA"):
            answer = client.ask(step)
            if leaves_at == step[:4]:
                return False
            if answer[0] not in "23":
                self.answers[message] = answer
                return client.ask("RSET").startswith("250")
        client.write(b"Subject: x\r\n\r\n%d\r\n.\r\n" % message)
        if leaves_at == "dot":
            return False
        self.answers[message] = client.reply()
        return True


def test_clients_and_a_provider_that_go_away_at_random(relay, rogue):
    """Whatever happens: what was answered 250 is there once, what was refused is not, and the rest is not there twice."""
    chance = random.Random(7)
    closing = ("421 4.3.2 going down", CLOSE)
    server = rogue({
        "MAIL": chance.choices(["250 ok", "451 later", CLOSE, closing], [30, 1, 1, 1], k=999),
        "RCPT": chance.choices(["250 ok", "450 busy", "550 no", CLOSE, ("250 ok", CLOSE)], [30, 1, 1, 1, 1], k=999),
        "DATA": chance.choices(["354 go on", "451 later", CLOSE, RESET], [30, 1, 1, 1], k=999),
        "dot": chance.choices(["250 ok", "451 later", "554 no", CLOSE, closing, ("250 ok", CLOSE)], [30, 1, 1, 1, 1, 1], k=999),
    })  # fmt: skip
    running = relay(server.port, listen_max=20)
    crowd = Restless(running.connect, 40, chance)
    crowd.wait()
    running.end()
    there, taken = arrived(server), crowd.numbers("250 ")
    refused = {number for number, answer in crowd.answers.items() if answer and answer[0] in "45"}
    assert len(there) == len(set(there))
    assert set(taken) <= set(there)
    assert not refused & set(there)
    assert min(len(taken), len(refused), sum(answer is None for answer in crowd.answers.values())) > 5


def test_a_client_that_goes_away_leaves_no_process(relay, rogue):
    running = relay(rogue().port)
    client = running.connect()
    client.greet()
    client.begin()
    assert len(running.children()) == 1
    client.close()
    wait_for(lambda: not running.children(), PATIENCE, "the end of the child")
    assert run_client(running.connect()).startswith("250 ")
    running.end()


@table(["host"], [("by name", "localhost"), ("by address", "127.0.0.1")])
def test_a_relay_that_is_its_own_provider(host, relay):
    """No message may go round in a ring, a process for each turn."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    running = relay(port, listen=port, host=host)
    client = running.connect()
    client.greet()
    assert "this relay itself" in client.expect("451 4.3.5", MAIL)
    assert len(running.children()) == 1
    client.quit()
    running.end()
    assert running.said("this relay itself")


def test_a_ring_of_several_relays(relay, rogue):
    server = rogue()
    running = relay(server.port)
    client = running.connect()
    client.greet()
    field = b"Received: from a.example.org by b.example.org; Mon, 1 Jan 2024 10:00:00 +0100\r\n"
    assert "51 hops" in client.send(content=field * 51 + CONTENT)
    assert client.send(content=field * 50 + CONTENT).startswith("250 ")
    client.quit()
    running.end()
    assert len(transactions(server)) == 1
