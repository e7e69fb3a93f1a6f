"""The disk fails: each call on it once, with every error it may have, and real disks that are full or read-only.

A submission whose provider is out of reach is kept, or its caller is told in one line and nothing is left behind. A run of
the queue loses nothing, and sends nothing twice once the disk is well again.
"""

import errno
import itertools
import os
import re
import resource
import subprocess
from dataclasses import dataclass

import pytest

from conftest import MESSAGE, Orsino
from queueing import IS_SANITIZED, PERMANENT, TEMPORARY, Provider, Queue, Spool, complete_message, name_of, provider, queue, quick_folder  # noqa: F401
from test_faults import FAIL
from test_machine import PRIVATE

ERRORS = ("ENOSPC",) if IS_SANITIZED else ("ENOSPC", "EDQUOT", "EIO", "EROFS", "EMFILE")
# All that the spool is made of. What is sent over the network goes through other calls.
CALLS = ("open,openat,read,pread,write,pwrite,close,fsync,fdatasync,ftruncate,fchmod,flock,rename,renameat,unlink,unlinkat,mkdir,"
         "mkdirat,fdopendir,readdir,faccessat,fstat,fstatat,lstat,stat,fcntl,memfd_create")  # fmt: skip
CALLS_MAX = 400
# 71 no descriptors, 73 cannot be made, 74 read error, 75 try again.
EXITS = (71, 73, 74, 75)
BODY = b"a line of a message that must be whole\n" * 200
NEEDS_ROOT = pytest.mark.skipif(os.getuid() != 0, reason="needs root for mounts of its own")


@dataclass
class Way:
    words: tuple
    is_queue: bool = False
    kept: tuple = ()
    script: tuple = ()
    recipients: tuple = ()  # besides that of the header
    calls: frozenset = frozenset()  # that must be among those that failed


OFF = (("MAIL", [TEMPORARY, "250 ok"]),)
MADE = frozenset(["openat", "write", "fsync", "renameat", "flock"])
WAYS = {
    "direct": Way(("-i", "-t"), script=OFF, calls=MADE),
    "refused": Way(("-i", "-t"), script=(("RCPT", PERMANENT),), calls=MADE),
    "queued": Way(("-i", "-t", "-odq"), calls=MADE),
    "run": Way(("run",), True, kept=("1", "2"), calls=frozenset(["openat", "read", "flock", "unlinkat", "fsync", "readdir"])),
    "run, put off": Way(("run",), True, kept=("1", "2"), script=(("RCPT", [TEMPORARY, "250 ok"]),), calls=MADE),
    "run, mixed": Way(("run",), True, kept=("1",), recipients=("bert@example.org",), calls=MADE,
                      script=(("RCPT", ["250 ok", TEMPORARY, "250 ok"]),)),  # fmt: skip
    "run, refused": Way(("run",), True, kept=("1",), script=(("RCPT", PERMANENT),), calls=MADE),
}


class Bench:
    """A spool with a way to fail it."""

    def __init__(self, way, folder, ini, error):
        self.way, self.error, self.folder = way, getattr(errno, error), folder
        folder.mkdir()
        self.provider = Provider()
        self.queue = Queue(Orsino(folder), lambda port, name, **more: ini(port, name=f"{folder.name}-{name}", **more), folder,
                           self.provider.port, host="127.0.0.1", log="none")  # fmt: skip
        self.message = folder / "message"
        self.message.write_bytes(complete_message("1", BODY))
        self.report = folder / "report"
        for name in way.kept:
            self.queue.send("-odq", *way.recipients, message=complete_message(name, BODY)).succeeded()
        self.start = Spool(folder / "start")
        self.start.copy_from(self.queue.spool)

    def reset(self):
        self.provider.settle()
        self.provider.forget()
        self.provider.script = {step: list(a) if isinstance(a, list) else [a] for step, a in self.way.script}
        self.queue.spool.copy_from(self.start)
        self.report.unlink(missing_ok=True)

    def run(self, **fault):
        """Gives the result, and the name of the call that failed."""
        options = ":".join(filter(None, [os.environ.get("ASAN_OPTIONS", ""), "verify_asan_link_order=0"]))
        environment = {
            "LD_PRELOAD": str(FAIL), "FAIL_REPORT": str(self.report), "FAIL_ONLY": CALLS, "FAIL_ERROR": str(self.error),
            "ASAN_OPTIONS": options}  # fmt: skip
        environment |= {f"FAIL_{name}": str(value) for name, value in fault.items()}
        with self.message.open("rb") as stdin:
            if self.way.is_queue:
                result = self.queue.orsino.run(*self.queue.words(*self.way.words)[1:], name="orsino", environment=environment, stdin=stdin)
            else:
                result = self.queue.orsino.run(*self.way.words, ini=self.queue.ini, environment=environment, stdin=stdin)
        lines = self.report.read_text().splitlines() if self.report.exists() else []
        calls = [line for line in lines if not line.startswith("spared")]
        return result, calls[0] if calls else None

    def arrived(self):
        """Each message with each recipient that it was taken for."""
        return sorted(
            (name_of(t.text), re.search("<(.*?)>", line)[1]) for t in self.provider.transactions() for line in t.recipients)

    def expected(self):
        return sorted((name, to) for name in self.way.kept for to in ("anna@example.org", *self.way.recipients))


def check_line(where, result):
    assert re.fullmatch(r"(sendmail|orsino|orsino queue): [^\x00-\x1f\x7f]+\n", result.err), f"{where}: {result.err!r}"


def check_submission(where, bench, result):
    spool = bench.queue.spool
    refused = bench.way.script and bench.way.script[0][1] == PERMANENT
    if result.exit == 0:
        assert (result.out, result.err) == (b"", ""), where
        assert spool.bodies() == [complete_message("1", BODY)] or bench.provider.names() == ["1"], where
    elif refused and result.exit == 67:
        # The line itself is what could not be written.
        if not where.startswith("write,") or result.err:
            check_line(where, result)
        assert len(spool.names("failed")) <= 1 and spool.names() == [], where
    else:
        assert result.exit in EXITS, f"{where}: exit {result.exit}, {result.err!r}"
        check_line(where, result)
        assert spool.files() == {}, f"{where}: {spool.files()}"
        assert bench.provider.names() == [], where
    spool.is_sound()
    bench.queue.run_until_empty()
    assert bench.provider.names() == (["1"] if result.exit == 0 else []), where
    spool.is_sound()


def check_run(where, bench, result):
    spool = bench.queue.spool
    if result.exit != 0:
        # 65: one message of the queue could not be read, and the others were sent.
        assert result.exit in (*EXITS, 65), f"{where}: exit {result.exit}, {result.err!r}"
        check_line(where, result)
    assert spool.locked() == [], where
    bench.queue.run_until_empty()
    arrived, failed = bench.arrived(), spool.names("failed")
    if bench.way.script and bench.way.script[0][1] == PERMANENT:
        assert (arrived, len(failed)) == ([], 1), f"{where}: {arrived}, {spool.files()}"
    else:
        assert (arrived, failed) == (bench.expected(), []), f"{where}: {arrived}, {spool.files()}"
    spool.is_sound()


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("name", WAYS)
def test_every_call_on_the_disk_fails(name, error, quick_folder, ini):  # noqa: F811
    way, names, troubles = WAYS[name], [], []
    bench = Bench(way, quick_folder / "bench", ini, error)
    for number in itertools.count(1):
        assert number < CALLS_MAX, "it never went through"
        bench.reset()
        result, call = bench.run(AT=number)
        try:
            (check_run if way.is_queue else check_submission)(f"{call}, number {number}, {error}", bench, result)
        except AssertionError as trouble:
            troubles.append(str(trouble).partition("\n")[0])
        if call is None:
            break
        names.append(call)
    bench.provider.stop()
    assert not troubles, f"{len(troubles)} of {len(names)}: " + "\n".join(troubles)
    assert way.calls - set(names) == set()


@pytest.mark.parametrize("call", ["fsync", "renameat", "flock", "mkdirat", "unlinkat"])
@pytest.mark.parametrize("name", WAYS)
def test_a_call_that_always_fails(name, call, quick_folder, ini):  # noqa: F811
    """As on a file system that has no locks, or has become read-only after an error."""
    way = WAYS[name]
    bench = Bench(way, quick_folder / "bench", ini, "EIO")
    bench.reset()
    result, _ = bench.run(FROM=1, ONLY=call)
    (check_run if way.is_queue else check_submission)(call, bench, result)
    bench.provider.stop()


@pytest.fixture
def closed(provider, queue):  # noqa: F811
    """A queue whose provider refuses connections."""
    server = provider()
    server.stop()
    return queue(server, host="127.0.0.1")


def run_mounted(queue, script, *words, message=MESSAGE):  # noqa: F811
    """sendmail in a mount namespace that the script prepares; {spool} is the folder. Gives it, and the spool's files."""
    script = script.format(spool=queue.spool.path)
    command = (f'{PRIVATE}{script}; set +e; "$0" "$@" >&2; code=$?; cd {queue.spool.path}; '
               f"for folder in new body queue failed; do find $folder -type f 2>/dev/null; done; exit $code")  # fmt: skip
    return subprocess.run(
        ["unshare", "-m", "sh", "-c", command, queue.orsino.path, *words], input=message, capture_output=True, timeout=60,
        env=queue.orsino.environment(PATH="/usr/sbin:/usr/bin:/sbin:/bin"))


def submit_mounted(queue, script, *words, message=MESSAGE):  # noqa: F811
    return run_mounted(queue, script, "sendmail", "-C", str(queue.ini), "-i", "-t", *words, message=message)


def check_mounted(done, codes):
    """It is kept, and nothing was said; or nothing is left, and one line says why. Gives whether it is kept."""
    files = done.stdout.split()
    if done.returncode == 0:
        assert done.stderr == b"" and sorted(f.split(b"/")[0] for f in files) == [b"body", b"queue"], done
        return True
    assert done.returncode in codes, done
    assert files == [] and done.stderr.count(b"\n") == 1 and done.stderr.startswith(b"sendmail: "), done
    return False


@NEEDS_ROOT
@pytest.mark.parametrize("words", [(), ("-odq",), ("-odb",)], ids=["direct", "queued", "background"])
def test_a_full_disk(closed, words):  # noqa: F811
    """64 KB, filled up more and more before a message of 10 KB comes."""
    message = complete_message("1", b"a line of a message that takes room\n" * 280)
    kept = []
    for used in range(0, 68, 4):
        script = ("mount -t tmpfs -o size=64k,mode=0700 none {spool}; mkdir {spool}/new {spool}/body {spool}/queue {spool}/failed; "
                  f"head -c {used}k /dev/zero >{{spool}}/other 2>/dev/null || :")
        done = submit_mounted(closed, script, *words, message=message)
        kept.append(check_mounted(done, (73, 75)))
        assert kept[-1] or b"No space left" in done.stderr, done
    assert kept[0] and not kept[-1] and sorted(kept, reverse=True) == kept, kept


@NEEDS_ROOT
def test_a_disk_without_inodes(closed):  # noqa: F811
    kept = []
    for inodes in range(2, 12):
        done = submit_mounted(closed, f"mount -t tmpfs -o nr_inodes={inodes},mode=0700 none {{spool}}")
        kept.append(check_mounted(done, (73, 75)))
    assert not kept[0] and kept[-1] and sorted(kept) == kept, kept


@NEEDS_ROOT
@pytest.mark.parametrize("is_made", [False, True], ids=["empty", "made"])
def test_a_read_only_spool(closed, is_made):  # noqa: F811
    if is_made:
        closed.keep("other")
        assert closed.command("remove", "all").exit == 0
    done = submit_mounted(closed, "mount --bind {spool} {spool}; mount -o remount,bind,ro {spool}")
    assert not check_mounted(done, (73, 75))
    assert b"Read-only file system" in done.stderr, done


@NEEDS_ROOT
def test_a_run_of_a_read_only_spool_sends_nothing_twice(provider, queue):  # noqa: F811
    """Whoever cannot note that a message was sent must not send it with each run of the queue."""
    server = provider()
    healthy = queue(server, host="127.0.0.1")
    healthy.keep("1", "2")
    for _ in range(3):
        run_mounted(healthy, "mount --bind {spool} {spool}; mount -o remount,bind,ro {spool}", *healthy.words("run"))
    assert server.names() == [], "sent without a way to take note of it"
    healthy.run()
    assert server.names() == ["1", "2"]


@NEEDS_ROOT
def test_a_run_on_a_full_disk(provider, queue):  # noqa: F811
    """Removing needs no room: what is delivered is gone from the queue."""
    server = provider()
    healthy = queue(server, host="127.0.0.1")
    healthy.keep("1", "2")
    script = ("cp -a {spool} {spool}.copy; mount -t tmpfs -o size=64k,mode=0700 none {spool}; cp -a {spool}.copy/. {spool}; "
              "head -c 64k /dev/zero >{spool}/other 2>/dev/null || :")  # fmt: skip
    done = run_mounted(healthy, f'{script}; "$0" {" ".join(healthy.words("run")[1:])} || :', *healthy.words("run"))
    names = server.names()
    assert names in ([], ["1", "2"]), f"{names} came in two runs"
    assert bool(names) == (done.stdout == b""), done


@pytest.mark.parametrize("size", [0, 100, 4096, 65536])
def test_a_limit_on_the_size_of_files(closed, size):  # noqa: F811
    """SIGXFSZ would kill it, and a message that is cut off would look like a whole one."""
    result = closed.send(message=complete_message("1", BODY), preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)))
    if size < len(BODY):
        result.failed(73 if result.exit == 73 else 75, "too large")
        assert closed.spool.files() == {}
    else:
        result.succeeded()
        assert closed.spool.bodies() == [complete_message("1", BODY)]


def test_a_limit_on_descriptors(closed):  # noqa: F811
    kept = []
    for limit in range(4, 20):
        closed.spool.clear()
        result = closed.send(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit)))
        kept.append(result.exit == 0)
        if not kept[-1]:
            assert result.exit in EXITS and result.err.count("\n") == 1, (limit, result.exit, result.err)
        assert len(closed.spool.names()) == kept[-1], limit
        closed.spool.is_sound()
    assert not kept[0] and kept[-1] and sorted(kept) == kept, kept


def test_the_callers_umask_does_not_count(closed):  # noqa: F811
    closed.send(preexec_fn=lambda: os.umask(0o777)).succeeded()
    for folder in ("body", "queue"):
        (path,) = (closed.spool.path / folder).iterdir()
        assert path.stat().st_mode & 0o777 == 0o600
