"""A relay that runs the queue as well: sendmail -bd -q15m, as start scripts of Sendmail have it."""

import os
import signal

import pytest

from queueing import complete_message, provider, queue  # noqa: F401
from relay import PATIENCE, relay, run_client  # noqa: F401
from rogue import SILENCE
from waiting import wait_for


@pytest.fixture
def attended(relay, queue, tmp_path):  # noqa: F811
    """A queue at this server, and a relay that attends to it."""

    def start(server, words=("sendmail", "-bD", "-q1s"), **keys):
        here = queue(server, log=tmp_path / "relay.log", listen="0", aliases="/nonexistent", **keys)
        here.log = tmp_path / "relay.log"
        return here, relay(None, words=words, config=here.ini)

    return start


def wait_until_empty(here):
    wait_for(lambda: here.spool.files() == {}, PATIENCE, "an empty queue")


@pytest.mark.parametrize("words", [("sendmail", "-bD", "-q1s"), ("serve", "-q1s")], ids=" ".join)
def test_what_waits_is_delivered(words, provider, attended):  # noqa: F811
    server = provider()
    here, one = attended(server, words)
    for names in (["1", "2"], ["3"]):
        here.keep(*names)
        wait_until_empty(here)
    assert server.names() == ["1", "2", "3"]
    one.end()


def test_back_off_holds(provider, attended):  # noqa: F811
    """What is not due is left alone, round for round."""
    server = provider({"MAIL": "451 4.3.0 come back later"})
    here, one = attended(server)
    here.keep("1")
    one.wait_until_said("come back later")
    server.script = {}
    here.keep("2")
    wait_for(lambda: server.names() == ["2"], PATIENCE, "the second message")
    assert len(here.spool.names()) == 1
    one.end()


def test_clients_are_served_meanwhile(provider, attended):  # noqa: F811
    """And no second round begins before the first has ended, nor does the relay end before."""
    server = provider({"greeting": [SILENCE, "220 ready"]})
    here, one = attended(server)
    here.keep("1")
    wait_for(lambda: server.connections == 1, PATIENCE, "a round of the queue")
    assert run_client(one.connect()).startswith("250 ")
    (attendant,) = wait_for(lambda: len(one.children()) == 1 and one.children(), PATIENCE, "the client's process to end")
    one.process.send_signal(signal.SIGTERM)
    one.wait_until_said("the relay ends")
    assert one.children() == [attendant]
    one.process.send_signal(signal.SIGTERM)
    one.ended()
    assert here.spool.locked() == [] and len(here.spool.names()) == 1
    assert len(server.messages()) == 1


def test_a_configuration_that_is_wrong_for_a_while(provider, attended):  # noqa: F811
    server = provider()
    here, one = attended(server)
    text = here.ini.read_text()
    here.ini.write_text(text + "[broken]\nport = many\n")
    one.wait_until_said("port")
    here.ini.write_text(text)
    here.keep("1")
    wait_until_empty(here)
    one.end()


def test_a_dead_attendant_is_replaced(provider, attended):  # noqa: F811
    server = provider({"greeting": [SILENCE, "220 ready"]})
    here, one = attended(server)
    here.keep("1")
    wait_for(lambda: server.connections == 1, PATIENCE, "a round of the queue")
    (attendant,) = one.children()
    os.kill(attendant, signal.SIGKILL)
    wait_until_empty(here)
    assert server.names() == ["1"]
    one.end()
