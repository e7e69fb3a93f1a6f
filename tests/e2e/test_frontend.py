"""The front end: options as callers write them, roles, exit codes, and what a caller sees of a failure."""

import os
import pty
import shutil
import signal
import subprocess
import tempfile
import threading

import pytest

from conftest import MESSAGE, ini_text, table, write_private

# (what is shown, words of the command line, the sender, the recipients)
ACCEPTED = [
    ("-t", ["-t"], "info@example.it", ["anna@example.org"]),
    ("-i and a recipient", ["-i", "b@example.org"], "info@example.it", ["b@example.org"]),
    ("PHP's -t -i", ["-t", "-i"], "info@example.it", ["anna@example.org"]),
    ("a cluster", ["-ti"], "info@example.it", ["anna@example.org"]),
    ("a cluster that ends in a value", ["-tif", "web@example.it"], "web@example.it", ["anna@example.org"]),
    ("a cluster with the value attached", ["-itfweb@example.it"], "web@example.it", ["anna@example.org"]),
    (
        "Debian's cron", ["-i", "-FCronDaemon", "-B8BITMIME", "-oem", "root@example.org"], "info@example.it",
        ["root@example.org"],
    ),
    (
        "cronie", ["-FCronDaemon", "-i", "-odi", "-oem", "-oi", "-t", "-f", "root@example.it"], "root@example.it",
        ["anna@example.org"],
    ),
    ("-f with its value", ["-f", "web@example.it", "b@example.org"], "web@example.it", ["b@example.org"]),
    ("-f with its value attached", ["-fweb@example.it", "b@example.org"], "web@example.it", ["b@example.org"]),
    ("-r", ["-r", "web@example.it", "b@example.org"], "web@example.it", ["b@example.org"]),
    ("-f in angle brackets", ["-f", "<web@example.it>", "b@example.org"], "web@example.it", ["b@example.org"]),
    ("-f with a name", ["-f", "Web <web@example.it>", "b@example.org"], "web@example.it", ["b@example.org"]),
    ("-f in single quotes", ["-f", "'web@example.it'", "b@example.org"], "web@example.it", ["b@example.org"]),
    ("-f, bare", ["-f", "www-data", "b@example.org"], "info@example.it", ["b@example.org"]),
    ("-f, empty", ["-f", "", "b@example.org"], "", ["b@example.org"]),
    ("-f, empty in angle brackets", ["-f", "<>", "b@example.org"], "", ["b@example.org"]),
    ("-f, attached angle brackets", ["-f<>", "b@example.org"], "", ["b@example.org"]),
    (
        "the last -f counts", ["-f", "a@example.it", "-fb@example.it", "c@example.org"], "b@example.it",
        ["c@example.org"],
    ),
    ("options behind recipients", ["b@example.org", "-f", "web@example.it", "-i"], "web@example.it", ["b@example.org"]),
    ("-- ends the options", ["-i", "--", "b@example.org"], "info@example.it", ["b@example.org"]),
    ("a lone -", ["-", "b@example.org"], "info@example.it", ["b@example.org"]),
    ("an empty word", ["", "b@example.org"], "info@example.it", ["b@example.org"]),
    ("a comma list", ["b@example.org,c@example.org"], "info@example.it", ["b@example.org", "c@example.org"]),
    (
        "a comma list with blanks", ["b@example.org, c@example.org"], "info@example.it",
        ["b@example.org", "c@example.org"],
    ),
    ("two in one word", ["b@example.org c@example.org"], "info@example.it", ["b@example.org", "c@example.org"]),
    ("a name in a word", ['"B, C" <b@example.org>'], "info@example.it", ["b@example.org"]),
    ("a bare recipient", ["root"], "info@example.it", ["root@example.it"]),
    ("-t and a recipient", ["-t", "b@example.org"], "info@example.it", ["b@example.org", "anna@example.org"]),
    ("the same one twice", ["-t", "anna@example.org", "anna@EXAMPLE.org"], "info@example.it", ["anna@example.org"]),
    ("repeated options", ["-t", "-i", "-oi", "-i", "-t"], "info@example.it", ["anna@example.org"]),
    ("-O in two words", ["-O", "IgnoreDots=True", "b@example.org"], "info@example.it", ["b@example.org"]),
    ("-O attached", ["-ODeliveryMode=b", "b@example.org"], "info@example.it", ["b@example.org"]),
    ("-o in two words", ["-o", "em", "b@example.org"], "info@example.it", ["b@example.org"]),
    ("-bm", ["-bm", "b@example.org"], "info@example.it", ["b@example.org"]),
    (
        "options without effect", ["-G", "-U", "-m", "-n", "-Am", "-oem", "b@example.org"], "info@example.it",
        ["b@example.org"],
    ),
    (
        "and those with values", ["-h", "5", "-L", "tag", "-p", "a:b", "-d0.1", "-ep", "b@example.org"],
        "info@example.it", ["b@example.org"],
    ),
]


@table("words, sender, recipients", ACCEPTED)
def test_accepted(words, sender, recipients, orsino, rogue, ini):
    server = rogue()
    orsino.run(*words, ini=ini(server.port)).succeeded()
    assert server.session.command("MAIL").startswith(f"MAIL FROM:<{sender}>")
    assert server.session.recipients == recipients


REFUSED = [
    ("an unknown letter", ["-t", "-Z"], "Z"),
    ("an unknown letter in a cluster", ["-tZ"], "Z"),
    ("an unknown long option", ["--delete-everything"], "-"),
    ("-B with nonsense", ["-B9BIT", "b@example.org"], "9BIT"),
    ("-N with nonsense", ["-N", "sometimes", "b@example.org"], "sometimes"),
    ("-N with never and more", ["-N", "never,failure", "b@example.org"], "never"),
    ("-R with nonsense", ["-R", "half", "b@example.org"], "half"),
    ("-V that is no xtext", ["-V", "a b", "b@example.org"], "-V"),
    ("-f without a value", ["b@example.org", "-f"], "-f"),
    ("no recipient", [], "recipient"),
    ("a mode of later versions", ["-bz", "b@example.org"], "-bz"),
]


@table("words, said", REFUSED)
def test_refused(words, said, orsino, rogue, ini):
    server = rogue()
    orsino.run(*words, ini=ini(server.port)).failed(64, said)
    assert server.sessions == []


def test_nothing_is_written_where_options_name_files(orsino, rogue, ini, tmp_path):
    server = rogue()
    target = tmp_path / "written"
    words = ["-X", str(target), f"-OQueueDirectory={target}", "-oQ" + str(target), "-D", str(target), "b@example.org"]
    orsino.run(*words, ini=ini(server.port)).succeeded()
    assert server.session.message
    assert not target.exists()


def test_options_end_at_the_first_recipient_for_posix(orsino, rogue, ini):
    server = rogue()
    result = orsino.run("b@example.org", "-t", ini=ini(server.port), environment={"POSIXLY_CORRECT": "1"})
    # "-t" is now a recipient: a bare name, with the default domain.
    result.succeeded()
    assert server.session.recipients == ["b@example.org", "-t@example.it"]


def test_started_as_orsino_sendmail(orsino, rogue, ini):
    server = rogue()
    orsino.run("sendmail", "-C", str(ini(server.port)), "-t", name="orsino").succeeded()
    assert server.session.recipients == ["anna@example.org"]


def test_started_as_orsino_send(orsino, rogue, ini):
    server = rogue()
    orsino.run("send", "-C", str(ini(server.port)), "-t", name="orsino").succeeded()
    assert server.session.recipients == ["anna@example.org"]


@pytest.mark.parametrize("name", ["sendmail", "send-mail"])
def test_started_through_a_link(name, orsino, rogue, ini, link):
    server = rogue()
    command = [str(link(name)), "-C", str(ini(server.port)), "-t"]
    done = subprocess.run(command, input=MESSAGE, env=orsino.environment(), capture_output=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert server.session.recipients == ["anna@example.org"]


@pytest.mark.parametrize("name", ["", "/"])
def test_started_without_a_name(name, orsino, rogue, ini):
    server = rogue()
    orsino.run("anna@example.org", ini=ini(server.port), name=name).succeeded()
    assert server.session.recipients == ["anna@example.org"]


def test_empty_queue_and_aliases(orsino):
    mailq = orsino.run(name="mailq")
    assert (mailq.exit, mailq.err) == (0, "") and b"Mail queue is empty" in mailq.out
    assert b"Mail queue is empty" in orsino.run("-bp").out
    newaliases = orsino.run(name="newaliases")
    assert (newaliases.exit, newaliases.err) == (0, "") and newaliases.out.startswith(b"/etc/aliases: ")


def test_help_fits_a_screen(orsino):
    for word in ("help", "--help"):
        result = orsino.run(word, name="orsino")
        lines = result.out.decode().splitlines()
        assert (result.exit, result.err) == (0, "")
        assert 5 < len(lines) <= 24 and max(map(len, lines)) <= 80
    assert b"orsino" in orsino.run("version", name="orsino").out


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
        (64, good + ["-Z", "b@example.org"]),
        (64, good),
        (64, good + ["-bz"]),
        (78, ["-C", str(tmp_path / "none.ini"), "-t"]),
        (78, ["-C", str(broken), "-t"]),
        (77, ["-C", str(open_to_all), "-t"]),
        (78, good + ["-a", "nobody", "-t"]),
        (65, good + ["b@example.org", "<b@"]),
        (65, good + ["-f", "a@b@c\r\nRCPT TO:<x@y>", "b@example.org"]),
        (65, ["-C", str(small), "b@example.org"]),
        (75, ["-C", str(ini(nobody.port, name="nobody.ini")), "b@example.org"]),
        (69, ["-C", str(ini(refuses.port, name="refuses.ini")), "b@example.org"]),
    ]


def test_stdin_is_read_to_its_end_whatever_fails(orsino, ini, rogue, tmp_path):
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


def test_nothing_is_sent_before_the_end_of_the_message(orsino, rogue, ini):
    server = rogue()
    process = orsino.start("b@example.org", ini=ini(server.port))
    process.stdin.write(b"Subject: half of\n\na mess")
    process.stdin.flush()
    process.send_signal(signal.SIGKILL)
    process.wait(30)
    process.stdin.close()
    assert server.sessions == []


def test_stdin_that_cannot_be_read(orsino, rogue, ini, tmp_path):
    server = rogue()
    folder = os.open(tmp_path, os.O_RDONLY)
    orsino.run("b@example.org", ini=ini(server.port), stdin=folder).failed(74, "read")
    os.close(folder)
    assert server.sessions == []


def test_stdin_is_a_file_in_the_middle(orsino, rogue, ini, tmp_path):
    server = rogue()
    (tmp_path / "mail").write_bytes(b"not this\n" + MESSAGE)
    with open(tmp_path / "mail", "r+b", buffering=0) as stdin:
        stdin.seek(9)
        orsino.run("-t", ini=ini(server.port), stdin=stdin).succeeded()
    assert server.session.recipients == ["anna@example.org"]


@pytest.mark.parametrize("closed", ["0<&-", "1>&-", "2>&-", "1>&- 2>&-", "0<&- 1>&- 2>&-"])
def test_closed_descriptors(closed, orsino, rogue, ini):
    server = rogue()
    command = ["sh", "-c", f'exec "$0" sendmail -C "$1" b@example.org {closed}', orsino.path, str(ini(server.port))]
    done = subprocess.run(command, input=MESSAGE, env=orsino.environment(), capture_output=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    # Without a stdin the message is empty, and has what every message must have.
    assert server.session.field("From")
    assert (b"hello there" in server.session.message) == ("0<" not in closed)


def test_signals_that_the_caller_left_ignored(orsino, rogue, ini):
    server = rogue()

    def ignore():
        for number in (signal.SIGPIPE, signal.SIGCHLD, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD, signal.SIGALRM])

    orsino.run("-t", ini=ini(server.port), preexec_fn=ignore).succeeded()
    assert server.session.message


def test_a_person_at_a_terminal_is_not_left_waiting(orsino, rogue, ini):
    server = rogue()
    ours, theirs = pty.openpty()
    try:
        orsino.run(ini=ini(server.port), stdin=theirs).failed(64, "recipient")
    finally:
        os.close(ours)
        os.close(theirs)


def test_an_unknown_user_without_a_home(orsino, rogue, ini):
    server = rogue()
    stranger = 61234
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        orsino.path = shutil.copy(orsino.path, folder)
        config = shutil.copy(ini(server.port, **{"from": None}), folder)
        os.chown(config, stranger, -1)
        orsino.home, orsino.folder = "/nonexistent", "/"
        orsino.run("-C", config, "b@example.org", message=b"hi\n", user=stranger).succeeded()
    assert server.session.command("MAIL").startswith(f"MAIL FROM:<uid{stranger}@example.it>")


def test_many_at_once(orsino, rogue, ini):
    server = rogue()
    config = ini(server.port)
    results = []
    threads = [threading.Thread(target=lambda: results.append(orsino.run("-t", ini=config))) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for result in results:
        result.succeeded()
    server.wait()
    ids = {session.field("Message-ID") for session in server.sessions}
    assert len(server.sessions) == 20 and len(ids) == 20
