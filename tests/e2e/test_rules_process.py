"""What callers of sendmail rely on, rule by rule: exit code, output, and how the process behaves, 24 to 40."""

import ctypes
import fcntl
import os
import resource
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

import pytest

from conftest import MESSAGE, ini_text, write_private
from rogue import CLOSE, SILENCE
from sending import ANNA, BOB, reverse_path, send  # noqa: F401
from waiting import wait_for

ROOT_ONLY = pytest.mark.skipif(os.getuid() != 0, reason="needs root to become somebody else")
# Private first: what is mounted there must not be seen outside.
NAMESPACE = "mount --make-rprivate / 2>/dev/null; set -e; "


def test_rule_24_success_says_nothing(send):
    send("-t")
    send("-t", "-i", message=b"To: " + BOB.encode() + b"\nSubject: caf\xe9\n\n\0" + b"x" * 3000)


def test_rule_25_failure_is_an_exit_code_and_one_line(orsino, rogue, ini, tmp_path):
    def fails(code, script=None, words=(BOB,), stopped=False, tls="none", **changes):
        server = rogue(script, tls=tls, certificate=changes.pop("certificate", "good"))
        if stopped:
            server.stop()
        return orsino.run(*words, ini=ini(server.port, tls, **changes)).failed(code)

    fails(64, words=["-Z", BOB])
    fails(65, words=["<bob@"])
    fails(67, {"RCPT": "550 5.1.1 no such user"})
    fails(68, host="no..host")  # no resolver is asked about such a name
    fails(69, {"MAIL": "550 5.7.1 not you"})
    fails(69, {"dot": "554 5.6.0 not this"})
    fails(76, {"greeting": "hello"})
    fails(77, {"AUTH": "535 5.7.8 wrong password"}, tls="implicit")
    fails(77, tls="implicit", certificate="wrong-name")
    orsino.run("-C", str(tmp_path / "none.ini"), BOB).failed(78)
    # What may pass is 75: the caller must not believe that the message went out.
    for script in ({"MAIL": "451 later"}, {"RCPT": "450 later"}, {"dot": "452 later"}, {"greeting": "421 busy"}, {"MAIL": CLOSE}):
        fails(75, script)
    fails(75, stopped=True)


def failing_command_lines(ini, rogue, tmp_path):
    """Every kind of failure before a server is asked, and the two commonest after."""
    server = rogue()
    nobody = rogue()
    nobody.stop()
    refuses = rogue({"MAIL": "550 no"})
    good = ["-C", str(ini(server.port))]
    broken = write_private(tmp_path / "broken.ini", "[test\n")
    open_to_all = write_private(tmp_path / "open.ini", ini_text({"host": "a.example", "user": "x", "password": '"y"'}))
    open_to_all.chmod(0o644)
    small = ini(server.port, name="small.ini", max_message="100k")
    return [
        (64, good + ["-Z", BOB]),
        (64, good),
        (64, good + ["-bz"]),
        (64, good + ["-q", BOB]),
        (78, ["-C", str(tmp_path / "none.ini"), "-t"]),
        (78, ["-C", str(broken), "-t"]),
        (77, ["-C", str(open_to_all), "-t"]),
        (78, good + ["-a", "nobody", "-t"]),
        (65, good + [BOB, "<b@"]),
        (65, good + ["-f", "a@b@c\r\nRCPT TO:<x@y>", BOB]),
        (65, ["-C", str(small), BOB]),
        (75, ["-C", str(ini(nobody.port, name="nobody.ini")), BOB]),
        (69, ["-C", str(ini(refuses.port, name="refuses.ini")), BOB]),
    ]


def test_rule_26_stdin_is_read_to_its_end_before_any_exit(orsino, ini, rogue, tmp_path):
    message = MESSAGE + b"one line of many\n" * 70000
    for code, words in failing_command_lines(ini, rogue, tmp_path):
        process = orsino.start(*words)
        process.stdin.write(message)  # a broken pipe is an exception here
        process.stdin.close()
        process.wait(30)
        said = process.stderr.read().decode()
        assert process.returncode == code, f"{words}: {said}"
        assert said.count("\n") == 1 and said.startswith("sendmail: "), said
        assert process.stdout.read() == b""
        process.stdout.close()
        process.stderr.close()


def test_rule_27_nothing_is_sent_before_the_end_of_the_message(orsino, rogue, ini, tmp_path):
    server = rogue()
    config = ini(server.port)
    for number in (signal.SIGKILL, signal.SIGINT, signal.SIGTERM):
        # A shell has its background ignore SIGINT, and what is ignored stays so.
        process = orsino.start("-t", ini=config, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
        process.stdin.write(MESSAGE)
        process.stdin.flush()
        process.send_signal(number)
        assert process.wait(30) == -number
        for pipe in (process.stdin, process.stdout, process.stderr):
            pipe.close()
    folder = os.open(tmp_path, os.O_RDONLY)
    orsino.run(BOB, ini=config, stdin=folder).failed(74)
    os.close(folder)
    # A connection that is reset is a read error as well.
    listener = socket.create_server(("127.0.0.1", 0))
    ours, (theirs, _) = socket.create_connection(listener.getsockname()), listener.accept()
    process = subprocess.Popen(
        orsino.command(BOB, ini=config), executable=orsino.path, env=orsino.environment(), stdin=theirs,
        stderr=subprocess.PIPE)
    theirs.close()
    ours.sendall(MESSAGE)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    ours.close()
    assert process.wait(30) == 74, process.stderr.read()
    process.stderr.close()
    listener.close()
    assert server.sessions == []


def test_rule_28_it_returns_as_soon_as_the_answer_is_there(orsino, rogue, ini):
    server = rogue({"QUIT": SILENCE})
    process = orsino.start(BOB, ini=ini(server.port))
    process.stdin.write(MESSAGE)
    process.stdin.close()
    # Nobody is left behind who holds our stdout, which callers read to its end.
    assert process.stdout.read() == b"" and process.stderr.read() == b""
    assert process.wait(30) == 0
    process.stdout.close()
    process.stderr.close()
    server = rogue({"dot": SILENCE})
    began = time.monotonic()
    orsino.run(BOB, ini=ini(server.port, timeout="1s")).failed(75, "no answer")
    assert time.monotonic() - began < 20


def test_rule_29_stdin_of_every_kind(send, tmp_path):
    ours, theirs = socket.socketpair()
    ours.sendall(MESSAGE)
    ours.shutdown(socket.SHUT_WR)
    assert send("-t", stdin=theirs).body == b"hello there\r\n"
    ours.close()
    theirs.close()
    with tempfile.TemporaryFile() as file:  # deleted, and open for writing
        file.write(b"not this\n" + MESSAGE)
        file.seek(9)
        assert send("-t", stdin=file).body == b"hello there\r\n"
    assert send(BOB, stdin=subprocess.DEVNULL).body == b""
    with open(tmp_path / "read-only", "w+b") as file:
        file.write(MESSAGE)
        file.flush()
        with open(file.name, "rb") as again:
            assert send("-t", stdin=again).recipients == [ANNA]


@pytest.mark.parametrize("closed", ["0<&-", "1>&-", "2>&-", "1>&- 2>&-", "0<&- 1>&- 2>&-"])
def test_rule_30_closed_descriptors_do_not_become_ours(closed, orsino, rogue, ini):
    server = rogue()
    command = ["sh", "-c", f'exec "$0" sendmail -C "$1" {BOB} {closed}', orsino.path, str(ini(server.port))]
    done = subprocess.run(command, input=MESSAGE, env=orsino.environment(), capture_output=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    # Without a stdin the message is empty, and has what every message must have.
    assert server.session.field("From")
    assert (b"hello there" in server.session.message) == ("0<" not in closed)


def test_rule_30_inherited_descriptors_are_closed(orsino, rogue, ini):
    server = rogue()
    read_end, write_end = os.pipe()
    process = orsino.start("-t", ini=ini(server.port), pass_fds=[write_end])
    os.close(write_end)
    # While it still waits for its message, nobody holds the other end any more.
    ready, _, _ = select.select([read_end], [], [], 10)
    assert ready and os.read(read_end, 1) == b"" and process.poll() is None
    os.close(read_end)
    process.communicate(MESSAGE, timeout=30)
    assert process.returncode == 0 and server.session.message


def test_rule_30_sockets_of_systemd_stay_open(orsino, rogue, ini):
    read_end, other = os.pipe()
    write_end = fcntl.fcntl(other, fcntl.F_DUPFD_CLOEXEC, 20)  # not 3 by chance
    script = f'exec 3>/dev/fd/{write_end}; LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" sendmail -C "$1" -t'
    process = subprocess.Popen(
        ["sh", "-c", script, orsino.path, str(ini(rogue().port))], env=orsino.environment(), stdin=subprocess.PIPE,
        pass_fds=[write_end])
    folder = f"/proc/{process.pid}/fd"
    wait_for(lambda: str(write_end) not in os.listdir(folder), 10, "orsino to close what it got")
    assert "3" in os.listdir(folder)
    process.communicate(MESSAGE, timeout=30)
    assert process.returncode == 0
    for fd in (read_end, other, write_end):
        os.close(fd)


def test_rule_31_signals_as_callers_leave_them(send):
    def leave():
        for number in (signal.SIGPIPE, signal.SIGCHLD, signal.SIGHUP, signal.SIGINT, signal.SIGTSTP, signal.SIGTTOU):
            signal.signal(number, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD, signal.SIGALRM, signal.SIGTSTP, signal.SIGPIPE])

    assert send("-t", preexec_fn=leave).message


def test_rule_32_no_right_beyond_those_of_the_caller(send):
    no_new_privileges = 38

    def give_up():
        assert ctypes.CDLL(None).prctl(no_new_privileges, 1, 0, 0, 0) == 0

    assert send("-t", preexec_fn=give_up).message


def test_rule_33_the_environment_is_not_believed(orsino, rogue, ini, tmp_path):
    server = rogue({"MAIL": ["250 ok"]})
    config = ini(server.port, **{"from": None})
    foreign = tmp_path / "foreign"
    write_private(foreign / ".orsino.ini", "[broken\n")
    environments = [
        {}, {"HOME": "/"}, {"HOME": "/nonexistent", "USER": "liar", "LOGNAME": "liar"}, {"HOME": str(foreign)},
        {"TMPDIR": "/nonexistent"}, {"LANG": "xx_XX", "LC_ALL": "C.UTF-8", "TZ": "nowhere"}, {"PATH": ""},
        {"BIG": "x" * 100_000},
    ]
    large = b"Subject: large\n\n" + b"a line of sixteen\n" * 20000
    for environment in environments:
        done = subprocess.run(
            orsino.command(BOB, ini=config), executable=orsino.path, input=large, capture_output=True, timeout=60,
            env={name: value for name, value in orsino.environment().items() if name.endswith("SAN_OPTIONS")} | environment)
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b""), environment
    server.wait()
    assert len(server.sessions) == len(environments)
    assert not any("liar" in reverse_path(session) for session in server.sessions)


def test_rule_34_folder_umask_and_limits(orsino, rogue, ini, tmp_path):
    server = rogue()
    config = ini(server.port, log=tmp_path / "log")
    orsino.folder = tmp_path
    orsino.run("-C", config.name, "-t").succeeded()  # relative, to where the caller is
    script = f'mkdir "{tmp_path}/gone"; cd "{tmp_path}/gone"; rmdir "{tmp_path}/gone"; exec "$0" sendmail -C "$1" -t'
    done = subprocess.run(
        ["sh", "-c", script, orsino.path, str(config)], input=MESSAGE, env=orsino.environment(), capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    for mask in (0, 0o777):
        (tmp_path / "log").unlink(missing_ok=True)
        orsino.run("-t", ini=config, preexec_fn=lambda: os.umask(mask)).succeeded()
        assert (tmp_path / "log").stat().st_mode & 0o777 == 0o600
    quiet = ini(server.port, name="quiet.ini")
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
    large = MESSAGE + b"a line of sixteen\n" * 40000
    result = orsino.run("-t", ini=quiet, message=large, preexec_fn=limit)
    result.failed(73)
    orsino.run("-t", ini=quiet, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (8, 8))).succeeded()
    orsino.run("-t", ini=quiet, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_STACK, (262144, 262144))).succeeded()


@ROOT_ONLY
@pytest.mark.parametrize("uid", [65534, 61234, 1000750000])
def test_rule_35_any_user_with_or_without_a_name(uid, orsino, rogue, ini):
    server = rogue()
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        orsino.path = shutil.copy(orsino.path, folder)
        config = shutil.copy(ini(server.port, **{"from": None}), folder)
        os.chown(config, uid, -1)
        orsino.home, orsino.folder = "/nonexistent", "/"
        orsino.run("-C", config, BOB, message=b"hi\n", user=uid, group=uid, extra_groups=[]).succeeded()
    assert reverse_path(server.session).endswith("@example.it")
    assert uid == 65534 or reverse_path(server.session) == f"uid{uid}@example.it"


@ROOT_ONLY
@pytest.mark.parametrize("name", ["vm", "localhost", "3f2a9c1d77e0", "host_with.under_score"])
def test_rule_36_any_name_of_the_host(name, orsino, rogue, ini):
    server = rogue()
    new_uts_namespace = 0x04000000

    def become():
        assert ctypes.CDLL(None).unshare(new_uts_namespace) == 0
        socket.sethostname(name)

    message = b"To: bob@example.org\n\nhello\n"
    orsino.run("-t", ini=ini(server.port, hostname=None), message=message, preexec_fn=become).succeeded()
    assert server.session.command("EHLO") == "EHLO example.it"
    assert name.encode() not in server.session.field("Message-ID").encode()


@ROOT_ONLY
def test_rule_37_a_machine_with_hardly_a_file(orsino, rogue, ini, tmp_path):
    server = rogue()
    empty, dev = tmp_path / "empty", tmp_path / "dev"
    empty.mkdir()
    dev.mkdir()
    (dev / "null").touch()
    mounts = f"mount --bind /dev/null {dev}/null; mount --rbind {dev} /dev; "
    mounts += "".join(f"[ ! -d {path} ] || mount --bind {empty} {path}; " for path in ("/var", "/run", "/home", "/etc"))
    script = NAMESPACE + mounts + 'exec "$0" sendmail -C "$1" -t'
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", script, orsino.path, str(ini(server.port, host="127.0.0.1", log=None))],
        input=b"To: bob@example.org\n\nhello\n", env=orsino.environment(PATH="/usr/sbin:/usr/bin:/sbin:/bin"),
        capture_output=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert server.session.message


def test_rule_38_a_certificate_of_the_future_hints_at_the_clock(orsino, rogue, ini):
    server = rogue(tls="implicit", certificate="not-yet")
    orsino.run(BOB, ini=ini(server.port, "implicit")).failed(77, "not valid before", "clock")
    assert server.session.lines == []


def test_rule_39_many_at_once_do_not_get_in_each_others_way(orsino, rogue, ini):
    server = rogue()
    config = ini(server.port)
    # Each first in a process namespace of its own, where it has the same number, as in containers.
    own = ["unshare", "--pid", "--fork"] if os.getuid() == 0 else ["env"]
    results = []

    def run():
        command = [*own, orsino.path, "sendmail", "-C", str(config), "-t"]
        results.append(subprocess.run(command, input=MESSAGE, env=orsino.environment(), capture_output=True, timeout=60))

    threads = [threading.Thread(target=run) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {(done.returncode, done.stdout, done.stderr) for done in results} == {(0, b"", b"")}
    server.wait()
    assert len({session.field("Message-ID") for session in server.sessions}) == 20


def test_rule_40_nothing_in_the_arguments_writes_reads_or_runs(orsino, rogue, ini, send, tmp_path):
    server = rogue()
    config = ini(server.port)
    for word in ("a@x.org\r\nRCPT TO:<evil@x.org>", "a@x.org\nDATA", "a\rb@x.org", "a\x01b@x.org", "a\x7fb@x.org"):
        orsino.run(word, ini=config).failed(65)
        orsino.run("-f", word, BOB, ini=config).failed(65)
    assert server.sessions == []
    # Who opens this waits for somebody to write to it, until the time is up.
    trap, made = tmp_path / "trap", tmp_path / "made"
    os.mkfifo(trap)
    attached = "-X -D -oQ -OQueueDirectory= -oA -OAliasFile= -OStatusFile= -oH -p -A -L -M -d -E -J".split()
    for path in (str(trap), str(made)):
        for word in attached:
            assert send(word + path, BOB).recipients == [BOB], word
        for word in ("-X", "-D", "-p", "-A", "-L", "-M", "-O", "-o"):
            assert send(word, path, BOB).recipients == [BOB], word
    assert not made.exists()
    for word in (f"$(touch {made})@example.org", f"`touch${{IFS}}{made}`@example.org", f"x;touch {made}", f"|touch {made}"):
        orsino.run("--", word, ini=config)
    assert not made.exists()
