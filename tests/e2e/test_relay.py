"""The relay: `orsino serve` and `sendmail -bd`, for programs that speak SMTP to a host and a port."""

import os
import re
import signal
import socket
import subprocess
from contextlib import contextmanager
from pathlib import Path

import pytest

from conftest import table
from relay import CONTENT, MAIL, PATIENCE, Client, Relay, bodies, call, header, run_client, transactions
from sending import reverse_path
from waiting import wait_for

HERE, THERE = "10.9.8.7", "10.9.9.9"  # addresses of `network`


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
