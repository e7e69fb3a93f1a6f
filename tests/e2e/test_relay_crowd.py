"""The relay with many clients at once, some of which go away, as providers do."""

import random
import resource
import socket
import threading

import pytest

from conftest import table
from relay import CONTENT, MAIL, PATIENCE, RCPT, bodies, run_client, transactions
from rogue import CLOSE, RESET, SILENCE
from waiting import wait_for


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


def test_last_words_reach_a_client_that_talks_on(relay, rogue):
    """Closed with bytes unread, the socket would reset the connection instead."""
    client = relay(rogue().port).connect()
    client.greet()
    client.socket.sendall(b"WHAT\r\n" * 20000)
    said = b""
    while piece := client.socket.recv(65536):
        said += piece
    assert said.splitlines()[-1].startswith(b"421 4.7.0")
