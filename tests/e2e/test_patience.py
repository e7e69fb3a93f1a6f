"""How long -bs and the relay wait for a client: the limits of RFC 5321 section 4.5.3.2, and those of a crowded relay.

The program's clock runs a hundred times as fast (FAIL_HURRY in tests/fault/fail.c), so that five minutes are three seconds.
"""

import os
import subprocess
import time

import pytest

from relay import MAIL, PATIENCE, RCPT, Talk, call, transactions
from rogue import Rogue
from test_faults import FAIL

HURRY = 100
FIVE_MINUTES = 300 / HURRY
TIMED_OUT = "421 4.4.2 Nothing came for too long"


def hurried(environment, times=HURRY):
    options = ":".join(filter(None, [os.environ.get("ASAN_OPTIONS", ""), "verify_asan_link_order=0"]))
    return environment | {"LD_PRELOAD": str(FAIL), "FAIL_HURRY": str(times), "ASAN_OPTIONS": options}


def in_a_hurry(run):
    """A way to run a program whose clock is fast."""
    return lambda popen, *words, env, **more: run(popen, *words, env=hurried(env), **more)


def greeted(client):
    client.greet()
    return client


def say_nothing(client):
    client.expect("220 ")


def say_half_a_command(client):
    """With a byte now and then, which is not enough."""
    greeted(client).write(b"MAIL ")
    for _ in range(4):
        time.sleep(FIVE_MINUTES / 5)
        client.write(b"x")


def stop_in_a_transaction(client):
    greeted(client).expect("250 ", MAIL)
    client.expect("250 ", RCPT)


def stop_in_a_message(client):
    greeted(client).begin()
    client.write(b"Subject: half\r\n\r\nof it")


def stop_in_a_chunk(client):
    stop_in_a_transaction(client)
    client.write(b"BDAT 100 LAST\r\nSubject: half\r\n")


@pytest.mark.parametrize("way", ["tcp", "tls"])
def test_a_silent_client_is_told_to_go(way, relay, rogue, certificates):
    server = rogue()
    keys = {"listen": "127.0.0.1:0" + ("/tls" if way == "tls" else ""), "listen_cert": certificates.server_file("good")}
    running = relay(server.port, run=in_a_hurry(call), **keys)
    silences = [say_nothing, greeted, stop_in_a_transaction, stop_in_a_message, stop_in_a_chunk, say_half_a_command]
    began, clients = time.monotonic(), []
    for fall_silent in silences:
        clients.append(running.connect(tls=certificates.client_context() if way == "tls" else None))
        fall_silent(clients[-1])
    for client in clients:
        client.expect(TIMED_OUT)
        client.is_over()
    assert FIVE_MINUTES <= time.monotonic() - began < PATIENCE
    assert transactions(server) == []
    running.end()


def test_who_speaks_may_stay(relay, rogue):
    server = rogue()
    running = relay(server.port, run=in_a_hurry(call))
    writer, asker = greeted(running.connect()), greeted(running.connect())
    writer.begin()
    for _ in range(2):
        time.sleep(FIVE_MINUTES * 0.6)
        writer.write(b"a line\r\n")
        asker.expect("250 ", "NOOP")
    writer.write(b".\r\n")
    writer.expect("250 ")
    writer.quit()
    asker.quit()
    assert len(transactions(server)) == 1


def test_a_crowded_relay_does_not_wait_for_idle_clients(relay, rogue):
    """Twenty seconds, in the last of its places; who came before has his five minutes."""
    running = relay(rogue().port, run=in_a_hurry(call), listen_max=2)
    first, second = running.connect(), running.connect()
    first.expect("220 ")
    began = time.monotonic()
    second.expect("220 ")
    second.expect(TIMED_OUT)
    second.is_over()
    assert time.monotonic() - began < FIVE_MINUTES / 2
    first.expect("250 ", "NOOP")
    running.end()


def test_a_stranger_must_log_in_soon(relay, network, certificates, tmp_path):
    """Two minutes; what else he says does not count."""
    users = tmp_path / "users"
    users.write_text("anna:!\n")
    server = network.run(Rogue, None, "none")
    running = relay(server.port, run=in_a_hurry(network.run), listen="10.9.8.7:0", listen_users=users,
                    listen_cert=certificates.server_file("good"))  # fmt: skip
    client = network.run(running.connect, "10.9.8.7")
    client.greet()
    began, said = time.monotonic(), "250 "
    while said.startswith("250 "):
        time.sleep(0.1)
        said = client.ask("NOOP")
    assert said == "421 4.7.0 No login came for too long"
    assert time.monotonic() - began < FIVE_MINUTES
    running.end()
    server.stop()


def test_a_program_that_keeps_a_pipe_open_may_be_silent(orsino, rogue, ini):
    """Rule 41: Symfony keeps its process for as long as a worker runs."""
    server = rogue()
    process = subprocess.Popen(
        orsino.command("-bs", ini=ini(server.port)), executable=orsino.path, env=hurried(orsino.environment()),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    client = Talk(process)
    try:
        client.greet()
        time.sleep(FIVE_MINUTES * 1.2)
        assert client.send().startswith("250 ")
        client.quit()
        client.ended()
    finally:
        process.kill()
        process.stderr.close()
    assert len(transactions(server)) == 1
