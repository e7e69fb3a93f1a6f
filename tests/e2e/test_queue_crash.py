"""The program is killed before and after each of its system calls, and started again: no message is lost, none comes twice.

What the caller was promised, by exit 0 or by a 250, is at the server or in the spool at that moment, whole. Afterwards runs
of the queue bring it to the server. It may come twice only when the program was killed between the sending of the final dot
and the removal of the message: what the server made of it cannot be known then (RFC 1047). How many kills that are is
printed, and how many calls there are between the server's answer and the removal is bounded.
"""

import itertools
import os
import queue as queues
import subprocess
import threading
from collections import Counter
from dataclasses import dataclass, field

import pytest

from conftest import ORSINO, Orsino
from queueing import IS_SANITIZED, PERMANENT, TEMPORARY, Provider, Queue, Spool, complete_message, name_of, quick_folder  # noqa: F401
from test_faults import FAIL

CRASH = FAIL.with_name("crash")
WORKERS = max(2, os.cpu_count() or 1)
# A run may take a few calls more or less than the one that was counted: waiting for the network differs.
MARGIN = 12
STEP = 7 if IS_SANITIZED else 1
# Calls between the one that sent the final dot and the removal of the message, at most.
WINDOW_MAX = 8
# A sanitizer asks for memory of its own in between.
SANITIZERS_CALLS = ("mmap", "munmap", "madvise", "getrandom") if IS_SANITIZED else ()
SENDS = ("sendto", "sendmsg", "write")
BODY = b"a line of a message that must arrive whole, or not at all\n" * 200
NAMES = ("1", "2", "3")


@dataclass
class Way:
    """One way through the program."""

    words: tuple  # a sendmail command, or one of `orsino queue`
    is_queue: bool = False
    follows: bool = False  # the processes that it starts are killed as well
    kept: tuple = ()  # messages that are in the queue before
    failed: tuple = ()  # and those that failed before
    script: dict = field(default_factory=dict)
    keys: dict = field(default_factory=dict)
    recipients: tuple = ()
    stdin: bytes = complete_message("1", BODY)
    promises: bytes = b""  # what it prints when the message is its own; b"": it says so by exit 0
    may_stay: tuple = ()  # messages that may be in failed/ in the end
    notices: bool = False
    calls: tuple = ()  # those that must be among the calls, else the loop proves nothing


DIALOGUE = (
    b"EHLO client\r\nMAIL FROM:<info@example.it>\r\nRCPT TO:<anna@example.org>\r\nDATA\r\n"
    + complete_message("1", BODY).replace(b"\n", b"\r\n") + b".\r\nQUIT\r\n"
)
SAFE = ("fsync", "flock", "renameat", "unlinkat")
WAYS = {
    "direct": Way(("-i", "-t"), calls=("sendto", "recvfrom")),
    "direct, put off": Way(("-i", "-t"), script={"MAIL": [TEMPORARY, "250 ok"]}, calls=("fsync", "flock", "renameat")),
    "direct, refused": Way(("-i", "-t"), script={"RCPT": PERMANENT}, may_stay=("1",), calls=("fsync", "flock", "renameat")),
    "queued": Way(("-i", "-t", "-odq"), calls=("fsync", "flock", "renameat")),
    "background": Way(("-i", "-t", "-odb"), follows=True, calls=SAFE),
    "dialogue, put off": Way(("-bs",), script={"MAIL": [TEMPORARY, "250 ok"]}, stdin=DIALOGUE, promises=b"250 Ok: queued as",
                             calls=("fsync", "flock", "renameat")),  # fmt: skip
    "run": Way(("run",), is_queue=True, kept=NAMES, calls=("fsync", "flock", "unlinkat")),
    "run, put off": Way(("run",), is_queue=True, kept=NAMES, script={"RCPT": ["250 ok", TEMPORARY, "250 ok"]}, calls=SAFE),
    "run, notice": Way(("run",), is_queue=True, kept=("1",), recipients=("gone@example.org",), notices=True, may_stay=("1",),
                       script={"RCPT": [{"gone@": PERMANENT}]}, keys={"bounce": "yes"}, calls=SAFE),  # fmt: skip
    "retry": Way(("retry", "all"), is_queue=True, failed=("1",), may_stay=("1",), calls=("flock", "renameat")),
}


@dataclass
class Kill:
    """One run that was cut off."""

    exit: int
    out: bytes
    calls: list
    at: float | None  # None: it came to its end first

    @property
    def window(self):
        """How many calls were begun since something was sent."""
        calls = [call for call in self.calls if call not in SANITIZERS_CALLS]
        return next(i for i, call in enumerate([*reversed(calls), SENDS[0]]) if call in SENDS)


class Bench:
    """A place of its own for one worker: a spool, a server, and the state that each run begins with."""

    def __init__(self, way, folder, ini):
        self.way, self.folder = way, folder
        folder.mkdir()
        self.script = way.script
        self.provider = Provider()
        keys = {"host": "127.0.0.1", "log": "none"} | way.keys
        self.queue = Queue(Orsino(folder), lambda port, name, **more: ini(port, name=f"{folder.name}-{name}", **more), folder,
                           self.provider.port, **keys)  # fmt: skip
        self.stdin = folder / "stdin"
        self.stdin.write_bytes(way.stdin)
        self.report = folder / "report"
        self.start = Spool(folder / "start")
        self._prepare()

    def _prepare(self):
        for name in self.way.failed:
            self.provider.script = {"RCPT": [PERMANENT]}
            assert self.queue.send(message=complete_message(name, BODY)).exit == 67
        for name in self.way.kept:
            self.queue.send("-odq", *self.way.recipients, message=complete_message(name, BODY)).succeeded()
        assert len(self.queue.spool.names("body")) == len(self.way.kept + self.way.failed)
        self.start.copy_from(self.queue.spool)

    def reset(self):
        self.provider.settle()
        self.provider.forget()
        self.provider.script = {step: list(a) if isinstance(a, list) else [a] for step, a in self.script.items()}
        self.queue.spool.copy_from(self.start)

    def crash(self, *words):
        """Runs the way under the killer."""
        follows = ["-f"] if self.way.follows else []
        command = self.queue.words(*self.way.words)[1:] if self.way.is_queue else ["sendmail", "-C", str(self.queue.ini), *self.way.words]
        with self.stdin.open("rb") as stdin:
            done = subprocess.run(
                [CRASH, *follows, "-r", self.report, *words, ORSINO, *command, *([] if self.way.is_queue else self.way.recipients)],
                stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(self.queue.orsino), timeout=60)
        *calls, last = self.report.read_text().splitlines()
        at = float(last.split()[-1]) if last.startswith("killed at ") else None
        return Kill(done.returncode, done.stdout, calls, at)

    def promised(self, kill):
        if self.way.promises:
            return kill.out.count(self.way.promises)
        return int(not self.way.is_queue and kill.exit == 0)

    def expected(self):
        return sorted(self.way.kept) if self.way.kept else ["1"]


def environment(orsino):
    """LeakSanitizer looks at the program as a debugger does, of which there can be one."""
    options = ":".join(filter(None, [os.environ.get("ASAN_OPTIONS", ""), "detect_leaks=0"]))
    return orsino.environment(ASAN_OPTIONS=options)


def check_whole(bench, where):
    """What has a record has its body, to the last byte."""
    spool = bench.queue.spool
    for folder in ("queue", "failed"):
        for name in spool.names(folder):
            text = spool.record(name, folder)
            assert text.startswith("orsino-queue 1\n") and text.endswith("\nend\n"), (where, text)
            body = spool.body(name)
            assert body.endswith(BODY) or b"report-type=delivery-status" in body, (where, body)
            assert spool.field("size", name, folder) == str(len(body)), (where, text)
    assert spool.locked() == [], where


def arrived(bench):
    """How often each message is at the server."""
    for message in bench.provider.messages():
        assert message.endswith(b"\n\n" + BODY) or name_of(message) == "notice", message
    return Counter(bench.provider.names())


def check_kill(bench, where, kill, tally):
    spool = bench.queue.spool
    check_whole(bench, where)
    for name in set(spool.names("queue")) & set(spool.names("failed")):
        pytest.fail(f"{where}: {name} waits and has failed")
    # Of what was sent before the kill, the server may still have to read some.
    bench.provider.settle()
    before, times = arrived(bench), bench.provider.times()
    there = spool.bodies() + bench.provider.messages()
    if bench.promised(kill):
        assert there, f"{where}: it was promised, and is nowhere"
    bench.queue.run_until_empty()
    after = arrived(bench)
    count = check_arrived(bench, where, kill, before, after)
    tally["twice"] += count
    tally["twice, answered"] += count and kill.at > times[-1][1]
    tally["longest"] = max(tally["longest"], count and kill.window)
    spool.is_sound()


def check_arrived(bench, where, kill, before, after):
    """Gives how many came twice."""
    way, stays = bench.way, len(bench.queue.spool.names("failed"))
    wanted = [name for name in bench.expected() if name not in way.may_stay]
    twice = [name for name, times in after.items() if times > 1]
    must_be_there = way.is_queue or bench.promised(kill)
    for name in wanted if must_be_there else ():
        assert after[name] >= 1, f"{where}: {name} did not arrive: {after}"
    if must_be_there and way.may_stay:
        assert stays == len(way.may_stay) or after["1"] == 1, f"{where}: it is neither in failed/ nor at the server"
    if way.notices:
        assert after["notice"] >= 1, f"{where}: no notice: {after}"
    for name in twice:
        assert after[name] == 2 and len(twice) == 1, f"{where}: {after}"
        assert before[name] == 1, f"{where}: {name} came twice in runs that nobody killed: {after}"
        assert kill.at and kill.window <= WINDOW_MAX, f"{where}: {name} came twice, {kill.calls[-WINDOW_MAX:]}"
    return len(twice)


def sweep(way, folder, ini, tally):
    """Kills at each call, with a few workers. Gives the names of the calls."""
    first = Bench(way, folder / "0", ini)
    first.reset()
    counted = first.crash("count")
    assert counted.at is None and len(counted.calls) > 50
    points = queues.SimpleQueue()
    for number, moment in itertools.product(range(1, len(counted.calls) + MARGIN + 1, STEP), ("before", "after")):
        points.put((moment, number))
    troubles = []
    benches = [first, *(Bench(way, folder / str(i), ini) for i in range(1, WORKERS))]
    workers = [threading.Thread(target=work, args=(bench, points, tally, troubles)) for bench in benches]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    for bench in benches:
        bench.provider.stop()
    assert not troubles, f"{len(troubles)} of {tally['kills']} kills went wrong, the first: {troubles[0]}"
    return counted.calls


def work(bench, points, tally, troubles):
    while True:
        try:
            moment, number = points.get_nowait()
        except queues.Empty:
            return
        try:
            bench.reset()
            kill = bench.crash(moment, str(number))
            tally["kills"] += kill.at is not None
            tally["runs that came to their end"] += kill.at is None
            where = f"killed {moment} call {number}, {kill.calls[-1] if kill.calls else None}"
            check_kill(bench, where, kill, tally)
        except (AssertionError, pytest.fail.Exception, OSError) as error:
            troubles.append(f"{moment} {number}: {error}")


@pytest.mark.parametrize("name", WAYS)
def test_killed_at_every_call(name, quick_folder, ini, capsys):  # noqa: F811
    tally = Counter()
    calls = sweep(WAYS[name], quick_folder, ini, tally)
    missing = set(WAYS[name].calls) - set(calls)
    assert not missing, f"no {missing} among {sorted(set(calls))}"
    assert tally["kills"] >= len(calls) // STEP, tally
    with capsys.disabled():
        print(f"\n{name}: {len(calls)} calls, {tally['kills']} kills, {tally['twice']} messages twice, "
              f"of these {tally['twice, answered']} after the server's answer, {tally['longest']} calls after the dot at most", end=" ")


def test_the_killer_kills(tmp_path):
    """Before: the call was not done. After: it was."""
    report, out = tmp_path / "report", tmp_path / "out"

    def crash(*words):
        with out.open("wb") as file:
            return subprocess.run([CRASH, "-r", report, *words, "echo", "hello"], stdout=file).returncode

    assert crash("count") == 0
    number = str(report.read_text().splitlines().index("write") + 1)
    for moment, written in (("before", b""), ("after", b"hello\n")):
        assert (crash(moment, number), out.read_bytes()) == (137, written)
