"""Many writers and two runners at once, and a server that fails one call in five: all arrive, each once."""

import itertools
import random
import subprocess
import threading
import time

import pytest

from queueing import IS_SANITIZED, TEMPORARY, Provider, Queue, complete_message, provider, queue, quick_folder  # noqa: F401
from rogue import CLOSE

MESSAGES = 100 if IS_SANITIZED else 1000
WRITERS = 16
RUNNERS = 2
SECONDS = 240
# No server is told that a message failed after it was asked for the last word: that would be a second copy of it.
FAILURES = [("greeting", "421 4.3.2 not now"), ("MAIL", TEMPORARY), ("RCPT", TEMPORARY), ("DATA", CLOSE), ("dot", TEMPORARY)]


class Flaky(Provider):
    """Fails one call in five, at a step that is drawn by lot."""

    def __init__(self):
        self.lots = random.Random(5)
        self.lock = threading.Lock()
        self.failed = 0
        super().__init__()

    def next_answer(self, step, usual=None):
        answer = super().next_answer(step, usual)
        for failing, words in FAILURES:
            # Over its five steps a message fails with one chance in five.
            if step == failing and self.draws(0.2 / len(FAILURES) if step != "greeting" else 0.2):
                return words
        return answer

    def draws(self, chance):
        with self.lock:
            failing = self.lots.random() < chance
            self.failed += failing
        return failing


def write_all(queue, words, numbers, troubles):
    """One writer: a process for each message, until the numbers are used up."""
    for number in numbers:
        result = queue.send(*words, message=complete_message(f"n{number}"))
        if (result.exit, result.err) != (0, ""):
            troubles.append((number, result.exit, result.err))


def run_all(queue, is_over, troubles):
    """One runner: again and again, until the writers are done and nothing waits."""
    while not is_over():
        result = queue.command("run")
        if (result.exit, result.err) != (0, ""):
            troubles.append((result.exit, result.err))


class Numbers:
    """Each is given once, to whoever asks."""

    def __init__(self):
        self.lock, self.left = threading.Lock(), iter(range(MESSAGES))

    def __iter__(self):
        while True:
            with self.lock:
                number = next(self.left, None)
            if number is None:
                return
            yield number


@pytest.fixture
def flaky():
    server = Flaky()
    yield server
    server.stop()


@pytest.mark.parametrize("words", [("-odq",), ("-odi",), ("-odb",)], ids=["queued", "direct", "background"])
def test_a_thousand_messages(words, flaky, orsino, ini, quick_folder):  # noqa: F811
    here = Queue(orsino, ini, quick_folder, flaky.port, host="127.0.0.1", log="none", keep_failed="no")
    troubles, numbers, end = [], Numbers(), time.monotonic() + SECONDS
    writers = [threading.Thread(target=write_all, args=(here, words, numbers, troubles)) for _ in range(WRITERS)]

    def is_over():
        files = here.spool.files()
        return time.monotonic() > end or (not any(writer.is_alive() for writer in writers) and not files)

    runners = [threading.Thread(target=run_all, args=(here, is_over, troubles)) for _ in range(RUNNERS)]
    for thread in itertools.chain(writers, runners):
        thread.start()
    for thread in itertools.chain(writers, runners):
        thread.join()
    assert troubles == []
    assert here.spool.files() == {}
    assert flaky.names() == sorted(f"n{number}" for number in range(MESSAGES))
    assert flaky.failed > MESSAGES * 0.1


def test_two_runners_never_take_the_same(provider, queue):  # noqa: F811
    """The first has a message in hand, whose server is slow; the second passes it over, and sends the other."""
    is_asked, may_answer = threading.Event(), threading.Event()
    server = provider()
    slow = queue(server)
    slow.keep("1", "2")
    usual = server.next_answer

    def wait_at_the_first_dot(step, default=None):
        if step == "dot" and not is_asked.is_set():
            is_asked.set()
            assert may_answer.wait(30)
        return usual(step, default)

    server.next_answer = wait_at_the_first_dot
    first = subprocess.Popen(slow.words("run"), executable=slow.orsino.path, env=slow.orsino.environment(), stderr=subprocess.PIPE)
    assert is_asked.wait(30)
    assert len(slow.spool.locked()) == 1
    slow.run()
    assert len(slow.spool.names()) == 1, "the second one was not sent, or the first one taken away"
    may_answer.set()
    assert first.communicate(timeout=30) == (None, b"") and first.returncode == 0
    assert server.names() == ["1", "2"]
    assert slow.spool.files() == {}
