"""What an attacker tries at each door: a web form, a web page, a stranger on the network, a bad provider."""

import base64
import os
import select
import socket
import struct
import subprocess

from conftest import table
from relay import CONTENT, MAIL, PATIENCE, RCPT, transactions
from rogue import CLOSE
from waiting import wait_for

HERE, THERE = "10.9.8.7", "10.9.9.9"  # addresses of `network`
SESSION = f"EHLO x\r\n{MAIL}\r\n{RCPT}\r\nDATA\r\n".encode() + CONTENT + b".\r\nQUIT\r\n"
SMUGGLED = f"{MAIL}\r\n{RCPT}\r\nDATA\r\n".encode() + CONTENT + b".\r\n"


# Strangers on the network.


def accepted(network, source):
    """A client, and the socket that inetd would hand us for it."""
    with network.run(socket.create_server, (HERE, 0)) as listener:
        client = network.run(socket.create_connection, listener.getsockname(), PATIENCE, (source, 0))
        return client, listener.accept()[0]


def reset(client):
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


def is_reset(connection):
    try:
        connection.getpeername()
    except OSError:
        return True
    return False


def test_a_stranger_who_hides_behind_a_reset(network, rogue, orsino, ini):
    """What he said can still be read when nobody can tell any more who he was: it is not what a program of ours says."""
    server = network.run(rogue)
    client, connection = accepted(network, THERE)
    client.sendall(SESSION)
    reset(client)
    wait_for(lambda: is_reset(connection), PATIENCE, "the reset")
    with connection:
        process = network.run(
            subprocess.Popen, orsino.command("-bs", ini=ini(server.port)), executable=orsino.path,
            env=orsino.environment(), stdin=connection, stdout=connection, stderr=subprocess.PIPE)  # fmt: skip
        assert process.communicate(timeout=PATIENCE)[1] == b""
    assert process.returncode == 0
    assert server.sessions == []


def memory_of(process):
    """Bytes; none when it has ended."""
    try:
        with open(f"/proc/{process}/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (FileNotFoundError, ProcessLookupError):
        return 0


def test_one_who_never_reads(relay, rogue):
    """A million commands without a look at the answers fill no memory, and keep nobody else waiting."""
    running = relay(rogue().port)
    client = running.connect()
    wait_for(running.children, PATIENCE, "a process for the client")
    (child,) = running.children()
    client.socket.setblocking(False)
    try:
        for _ in range(1000):
            try:
                client.write(b"NOOP\r\n" * 1000)
            except BlockingIOError:
                select.select([], [client.socket], [], 0.01)
    except ConnectionError:
        pass
    assert memory_of(child) < 16 << 20
    other = running.connect()
    other.greet()
    other.quit()


def test_a_login_that_forges_the_log(relay, rogue, tmp_path):
    """What watches the log must not be led to lock out somebody else."""
    users = tmp_path / "users"
    users.write_text("anna:*\n")
    running = relay(rogue().port, listen_users=users)
    client = running.connect()
    client.greet()
    name = "x\" error=none client=192.0.2.1 user=\"y"
    client.expect("535 ", "AUTH PLAIN " + base64.b64encode(f"\0{name}\0secret".encode()).decode())
    client.quit()
    running.end()
    (line,) = running.said("client=")
    assert line.count("client=127.0.0.1 ") == 1 and " client=192.0.2.1" not in line and " error=none" not in line


def test_a_session_that_is_killed(relay, rogue):
    server = rogue()
    running = relay(server.port, listen_max=1)
    client = running.connect()
    client.greet()
    client.begin()
    os.kill(running.children()[0], 9)
    client.is_over()
    other = running.connect()
    other.greet()
    assert other.send().startswith("250 ")
    other.quit()
    wait_for(lambda: not running.children(), PATIENCE, "no process to be left, nor a dead one")
    running.end()
    assert len(transactions(server)) == 1


# Web pages, which a browser lets speak to a port of its own machine.


@table(
    ["said"],
    [
        ("a form", b"POST / HTTP/1.1\r\nHost: localhost:2525\r\n\r\n" + SMUGGLED),
        ("an address", b"GET / HTTP/1.1\r\nHost: localhost:2525\r\n\r\n" + SMUGGLED),
        ("a method of the page's own", b"NOOP / HTTP/1.1\r\nHost: evil.example\r\n\r\n" + SMUGGLED),
        ("a method that is a command", b"EHLO / HTTP/1.1\r\nhost: evil.example\r\n\r\n" + SMUGGLED),
        ("a method that takes bytes", b"BDAT / HTTP/1.1\r\nX: y\r\n\r\n" + SMUGGLED),
        ("a handshake", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n" + SMUGGLED),
    ],
)
def test_a_web_page(said, relay, rogue):
    server = rogue()
    client = relay(server.port).connect()
    client.write(said)
    assert b"354 " not in client.rest()
    assert server.sessions == []


# Web forms, whose text is an argument or a header.


@table(
    ["words"],
    [
        ("a sender with a command", ["-f", "a@b.example>\r\nRCPT TO:<evil@b.example"]),
        ("a sender with a parameter", ["-f", "<a@b.example> BODY=7BIT"]),
        ("a sender in quotes", ["-f", '"a\r\nRCPT TO:<evil@b.example>"@b.example']),
        ("a name with a field", ["-F", "x\r\nBcc: evil@b.example\r\n\r\nbody"]),
        ("a recipient with a command", ["a@b.example>\r\nRCPT TO:<evil@b.example"]),
        ("an id with a command", ["-V", "a\r\nRCPT"]),
        ("a log", ["-X", "{folder}/x", "-D", "{folder}/y", "-OQueueDirectory={folder}", "-L", "{folder}/z\nroot: fake"]),
    ],
)
def test_an_argument(words, orsino, rogue, ini, tmp_path):
    server = rogue()
    log = tmp_path / "log"
    before = set(tmp_path.rglob("*"))
    config = ini(server.port, log=log)
    orsino.run(*[word.format(folder=tmp_path) for word in words], "anna@example.org", ini=config, message=b"Subject: x\n\nx\n")
    assert set(tmp_path.rglob("*")) <= before | {log, config}
    assert not log.exists() or log.read_text().count("\n") == 1
    if server.sessions:
        assert set(server.session.recipients) <= {"anna@example.org"}
        assert server.session.fields("Bcc") == [] and server.session.body == b"x\r\n"


# Other users of this machine.


def test_a_list_that_is_a_link(relay, rogue, tmp_path):
    """He whose list it is may not read what a link there leads to; nor may he hear it from the relay."""
    (tmp_path / "secret").write_text("password = hunter2\nadmin:$6$salt$hash:\n/etc/hunter2\n|hunter2\n")
    (tmp_path / "list").symlink_to(tmp_path / "secret")
    for number, line in enumerate((tmp_path / "secret").read_text().splitlines()):
        (tmp_path / f"line{number}").write_text(line)
    names = ["list"] + [f"line{number}" for number in range(4)]
    aliases = tmp_path / "aliases"
    aliases.write_text("".join(f"{name}: :include:{tmp_path}/{name}\n" for name in names))
    client = relay(rogue().port, aliases=aliases).connect()
    client.greet()
    client.expect("250 ", MAIL)
    for name in names:
        answer = client.expect("451 4.3.5 ", f"RCPT TO:<{name}>")
        assert f"{tmp_path}/{name}:1: " in answer and "hunter2" not in answer and "$6$" not in answer


def test_aliases_that_everybody_may_write(talk, rogue, tmp_path):
    server = rogue()
    aliases = tmp_path / "aliases"
    aliases.write_text("root: evil@example.org\n")
    aliases.chmod(0o666)
    client = talk(server.port, aliases=aliases)
    client.greet()
    client.expect("250 ", MAIL)
    answer = client.expect("451 4.3.5 ", "RCPT TO:<root>")
    assert "others can write it" in answer
    client.expect("250 ", RCPT)


# Providers.


@table(
    ["script"],
    [
        ("it takes the message before it has it", {"DATA": b"354 go\r\n250 2.0.0 Ok\r\n", "dot": "550 5.7.1 no"}),
        ("it takes it at DATA", {"DATA": "250 ok", "dot": "550 5.7.1 no"}),
        ("it says more than is asked", {"RCPT": b"250 ok\r\n250 ok\r\n354 go\r\n250 queued\r\n", "dot": "550 5.7.1 no"}),
        ("half a line", {"dot": (b"250 2.0.0 Ok", CLOSE)}),
        ("half an answer", {"dot": (b"250-2.0.0 Ok\r\n", CLOSE)}),
        ("an answer of two minds", {"dot": b"250-2.0.0 Ok\r\n550 5.7.1 no\r\n"}),
        ("two answers in one line", {"dot": b"550 5.7.1 no\r250 Ok: queued as X\r\n"}),
        ("a line end that is none", {"dot": "550 5.7.1 no\u2028250 Ok: queued as X"}),
        ("what a terminal obeys", {"dot": b"550 5.7.1 no\x1b[2J\r\n"}),
    ],
)
def test_a_provider_that_has_not_taken_it(script, talk, rogue):
    client = talk(rogue(script).port)
    client.greet()
    client.expect("250 ", MAIL)
    taken = client.ask(RCPT).startswith("250 ")
    answer = client.ask("DATA")
    assert answer.startswith("354 ") if taken else answer.startswith("554 ")
    if taken:
        client.write(CONTENT + b".\r\n")
        answer = client.reply()
        assert answer[0] in "45" and answer.isascii() and answer.isprintable()
    client.quit()
    assert b"queued as" not in client.rest()


def test_a_name_for_one_who_was_refused(talk, rogue, tmp_path):
    """Nobody is promised a message that he does not get because another one gets it."""
    server = rogue({"RCPT": {"bob": "550 5.1.1 no such user"}})
    server.script["RCPT"] = [{"bob": "550 5.1.1 no such user"}]
    aliases = tmp_path / "aliases"
    aliases.write_text("root: bob@example.org\nboth: bob@example.org, carl@example.org\n")
    client = talk(server.port, aliases=aliases)
    client.greet()
    client.expect("250 ", MAIL)
    client.expect("550 5.1.1 ", "RCPT TO:<bob@example.org>")
    client.expect("550 5.1.1 ", "RCPT TO:<root>")
    client.expect("554 ", "DATA")
    client.expect("250 ", "RCPT TO:<both>")
    client.expect("550 5.1.1 ", "RCPT TO:<root>")
    client.expect("354 ", "DATA")
    client.write(CONTENT + b".\r\n")
    client.expect("250 Ok: queued as ")
    client.quit()
    (one,) = transactions(server)
    assert [line.split("<")[1].split(">")[0] for line in one.recipients] == ["carl@example.org"]


# A web form that has words put into the command line, as PHP's mail() was made to do.

NOBODY = 65534


def run_as_nobody(orsino, config, *words):
    os.chown(config, NOBODY, NOBODY)
    return orsino.run(*words, ini=config, user=NOBODY, group=NOBODY, extra_groups=[])


def uploaded(open_folder, ini, *words, **changes):
    """An INI that the web server's user wrote at the attacker's wish."""
    config = open_folder / "uploaded.ini"
    config.write_text(ini(*words, **changes).read_text())
    config.chmod(0o600)
    return config


def test_a_log_that_would_be_a_program(orsino, rogue, ini, open_folder):
    """The server's words go into the log; in a file below the web server's root they would be run."""
    server = rogue(script={"dot": "250 <?php system($_GET[1]); ?>"})
    folder = open_folder / "www"
    folder.mkdir()
    folder.chmod(0o777)
    result = run_as_nobody(orsino, uploaded(open_folder, ini, server.port, log=folder / "x.php"), "-t")
    result.succeeded()
    server.wait()
    assert list(folder.iterdir()) == []


def test_a_secret_of_roots_for_a_server_of_theirs(orsino, rogue, ini, open_folder):
    secret = open_folder / "secret"
    secret.write_text("hunter2\n")
    secret.chmod(0o644)
    server = rogue(tls="implicit")
    keys = {"user": "x", "password": None, "password_file": secret, "ca_file": None}
    config = uploaded(open_folder, ini, server.port, "implicit", **keys)
    run_as_nobody(orsino, config, "-t").failed(77, "password_file must be your own")
    assert server.sessions == []
