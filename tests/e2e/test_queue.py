"""What becomes of a message that cannot be delivered now: kept or not, what the caller hears, and how long he waits."""

import mailbox
import os
import pwd
import re
import stat
import subprocess
import threading
import time

import pytest

from conftest import ORSINO, table
from queueing import PERMANENT, TEMPORARY, complete_message, only_process_with, provider, queue  # noqa: F401
from rogue import CLOSE, SILENCE
from test_machine import PRIVATE
from waiting import wait_for

ANNA, BERT = "anna@example.org", "bert@example.org"
LARGE = complete_message("1", b"a line of the large message\n" * 300_000)

# What keeps a server from taking a message now.
PUT_OFF = {
    "greeting 421": {"greeting": "421 4.3.2 not now"},
    "no greeting": {"greeting": CLOSE},
    "EHLO 451": {"EHLO": "421 4.3.2 not now", "HELO": "421 4.3.2 not now"},
    "MAIL 451": {"MAIL": TEMPORARY},
    "RCPT 451": {"RCPT": TEMPORARY},
    "DATA 451": {"DATA": TEMPORARY},
    "dot 451": {"dot": TEMPORARY},
    "closed at DATA": {"DATA": CLOSE},
    "closed at the dot": {"dot": CLOSE},
}


@pytest.mark.parametrize("script", PUT_OFF.values(), ids=PUT_OFF)
def test_what_cannot_be_delivered_now_is_kept(script, provider, queue):  # noqa: F811
    """Exit 0, not a word on stderr; the log says where it is, and the record why."""
    here = queue(provider(script))
    here.send(message=complete_message()).succeeded()
    name = here.spool.only()
    assert here.spool.files() == {"body": [name], "queue": [name]}
    assert here.spool.body() == complete_message()
    assert here.spool.field("tries") == "1" and here.spool.field("error"), here.spool.record()
    assert len(here.logged(f"id={name} ", "kept=queue")) == 1, here.logged()
    here.spool.is_sound()


def test_a_provider_that_is_down(provider, queue):  # noqa: F811
    server = provider()
    server.stop()
    here = queue(server)
    here.send().succeeded()
    assert "refused" in here.spool.field("error")


def test_a_message_that_is_delivered_leaves_nothing(provider, queue):  # noqa: F811
    server = provider()
    here = queue(server)
    here.send(message=complete_message()).succeeded()
    assert server.messages() == [complete_message()]
    assert here.spool.files() == {}


# What is final, its exit code, and the words of the server.
REFUSED = [
    ("MAIL 550", {"MAIL": "550 5.7.1 you may not send"}, 69),
    ("RCPT 550", {"RCPT": PERMANENT}, 67),
    ("DATA 554", {"DATA": "554 5.7.1 no message from you"}, 69),
    ("dot 554", {"dot": "554 5.6.0 no content like that"}, 69),
]


@table("script, code", REFUSED)
def test_a_refusal_is_told_and_the_message_kept_among_the_failed(script, code, provider, queue):  # noqa: F811
    (words,) = script.values()
    here = queue(provider(script))
    line = here.send(message=complete_message()).failed(code, words)
    name = here.spool.only("failed")
    assert line.endswith(f"; kept: orsino queue retry {name} puts it back"), line
    assert here.spool.files() == {"body": [name], "failed": [name]}
    assert here.spool.body() == complete_message()
    assert words in here.spool.record(folder="failed")
    assert here.spool.field("state", folder="failed") == "failed"


@table("script, code", REFUSED)
def test_a_refusal_without_keep_failed(script, code, provider, queue):  # noqa: F811
    here = queue(provider(script), keep_failed="no")
    here.send().failed(code, *script.values())
    assert here.spool.files() == {}


def test_who_sent_it_himself_is_sent_no_notice(provider, queue):  # noqa: F811
    """He saw the exit code."""
    server = provider({"RCPT": PERMANENT})
    here = queue(server, bounce="yes")
    assert here.send().exit == 67
    here.run()
    assert here.spool.names() == [] and server.connections == 1


def test_recipients_that_were_accepted_are_not_tried_again(provider, queue):  # noqa: F811
    server = provider({"RCPT": [{"bert@": TEMPORARY, "gone@": PERMANENT}]})
    here = queue(server)
    here.send(BERT, "gone@example.org", message=complete_message()).failed(67, "gone@example.org", PERMANENT)
    (first,) = server.transactions()
    assert [ANNA in line for line in first.recipients] == [True]
    assert sorted(re.findall(r"(?m)^to: (.*)$", here.spool.record())) == [ANNA, BERT, "gone@example.org"]
    server.script = {}
    here.run()
    _, second = server.transactions()
    assert [BERT in line for line in second.recipients] == [True]
    # One of them failed: that stays, with what became of each.
    assert here.spool.names() == []
    text = here.spool.record(folder="failed")
    states = dict(re.findall(r"(?m)^to: (\S+)\n(?:(?!to:).*\n)*?state: (\w+)", text))
    assert states == {ANNA: "delivered", BERT: "delivered", "gone@example.org": "failed"}, text


def test_mixed_recipients_that_are_all_put_off_or_accepted(provider, queue):  # noqa: F811
    """Nobody is refused, so it is no failure."""
    server = provider({"RCPT": [{"bert@": TEMPORARY}]})
    here = queue(server)
    here.send(BERT, message=complete_message()).succeeded()
    server.script = {}
    here.run()
    assert [len(t.recipients) for t in server.transactions()] == [1, 1]
    assert here.spool.files() == {}


# How the mode is chosen: words, keys, and whether the server is asked before the program ends.
MODES = [
    ("the default", (), {}, True),
    ("-odi", ("-odi",), {"delivery": "queue"}, True),
    ("-odq", ("-odq",), {}, False),
    ("-odd", ("-odd",), {}, False),
    ("delivery = queue", (), {"delivery": "queue"}, False),
    ("-O DeliveryMode=q", ("-O", "DeliveryMode=q"), {}, False),
]


@table("words, keys, is_asked", MODES)
def test_delivery_modes(words, keys, is_asked, provider, queue):  # noqa: F811
    server = provider()
    here = queue(server, **keys)
    here.send(*words, message=complete_message()).succeeded()
    assert server.connections == is_asked
    assert len(here.spool.names()) == (not is_asked)
    if not is_asked:
        assert here.spool.field("tries") == "0"
        here.run()
    assert server.messages() == [complete_message()]
    assert here.spool.files() == {}


def hold(server, step):
    """The server does not answer at this step until the event that is returned is set."""
    may_answer, usual = threading.Event(), server.next_answer

    def wait(asked, default=None):
        if asked == step:
            assert may_answer.wait(30)
        return usual(asked, default)

    server.next_answer = wait
    return may_answer


@pytest.mark.parametrize("words, keys", [(("-odb",), {}), ((), {"delivery": "background"})], ids=["-odb", "delivery = background"])
def test_background(words, keys, provider, queue):  # noqa: F811
    """The caller is free, pipes and all, before the server has said a word; the message is safe by then."""
    server = provider()
    may_answer = hold(server, "greeting")
    here = queue(server, **keys)
    here.send(*words, message=complete_message()).succeeded()
    assert not may_answer.is_set()
    name = here.spool.only()
    wait_for(lambda: server.sessions, 10, "the child to connect")
    assert here.spool.locked() == [name]
    here.run()
    may_answer.set()
    wait_for(lambda: not here.spool.files(), 10, "the message to be gone from the queue")
    assert server.messages() == [complete_message()]
    assert len(here.logged("to=<anna@example.org>", "said=")) == 1, here.logged()


def test_background_holds_nothing_of_the_callers(provider, queue, tmp_path):  # noqa: F811
    """No descriptor, no folder, no session: a file system can be unmounted, a terminal closed, a pipe comes to its end."""
    server = provider()
    may_answer = hold(server, "greeting")
    here = queue(server)
    reading, writing = os.pipe()
    here.send("-odb", pass_fds=(writing,)).succeeded()
    os.close(writing)
    assert os.read(reading, 1) == b"", "somebody else holds the pipe"
    os.close(reading)
    wait_for(lambda: server.sessions, 10, "the child to connect")
    child = only_process_with(here.ini)
    links = {os.readlink(f"/proc/{child}/fd/{fd}") for fd in os.listdir(f"/proc/{child}/fd")}
    own = (str(here.spool.path), str(here.log), "/dev/null", "socket:")
    assert [link for link in links if not link.startswith(own)] == []
    assert os.readlink(f"/proc/{child}/cwd") == "/"
    assert os.getsid(child) == child
    may_answer.set()
    wait_for(lambda: not here.spool.files(), 10, "the message to be gone from the queue")


def test_background_with_a_provider_that_refuses(provider, queue):  # noqa: F811
    """Nobody hears of it but who looks into the log and failed/."""
    here = queue(provider({"RCPT": PERMANENT}))
    here.send("-odb").succeeded()
    wait_for(lambda: here.spool.names("failed"), 10, "the message to fail")
    wait_for(lambda: not here.spool.locked(), 10, "the child to let go")
    assert PERMANENT in here.spool.record(folder="failed")
    assert len(here.logged("exit=67", "no such user")) == 1, here.logged()


# Where a server falls silent, with a message that is long enough to be stuck at that place.
SILENCES = [
    ("greeting", {"greeting": SILENCE}, complete_message()),
    ("EHLO", {"EHLO": SILENCE}, complete_message()),
    ("RCPT", {"RCPT": SILENCE}, complete_message()),
    ("DATA", {"DATA": SILENCE}, complete_message()),
]


@table("script, message", SILENCES)
def test_patience(script, message, provider, queue):  # noqa: F811
    """No web page hangs for as long as a server may be silent."""
    here = queue(provider(script), patience="1s", timeout="5m", pipelining="no")
    began = time.monotonic()
    here.send(message=message).succeeded()
    assert 0.9 < time.monotonic() - began < 6
    assert here.spool.body() == message
    assert "patience" in here.spool.field("error"), here.spool.record()


def test_patience_with_a_server_that_takes_a_message_slowly(provider, queue):  # noqa: F811
    """All sockets and buffers in between are full, and it reads no more."""
    server = provider({"body": CLOSE})
    server.take_little()
    may_go_on = hold(server, "body")
    here = queue(server, patience="1s", timeout="5m")
    began = time.monotonic()
    here.send(message=LARGE).succeeded()
    assert time.monotonic() - began < 6
    assert here.spool.body() == LARGE
    may_go_on.set()


def test_patience_does_not_count_for_the_last_answer(provider, queue):  # noqa: F811
    """All is sent, and the server may have it: to break off would be to send it twice."""
    server = provider()
    may_answer = hold(server, "dot")
    here = queue(server, patience="1s")
    timer = threading.Timer(2.0, may_answer.set)
    timer.start()
    here.send(message=complete_message()).succeeded()
    timer.join()
    assert server.messages() == [complete_message()]
    assert here.spool.files() == {}


def test_patience_counts_for_the_whole(provider, queue):  # noqa: F811
    """A line now and then is not enough."""
    server, usual = provider(), None
    usual = server.next_answer

    def drip(step, default=None):
        time.sleep(0.4)
        return usual(step, default)

    server.next_answer = drip
    here = queue(server, patience="1s", pipelining="no")
    began = time.monotonic()
    here.send(message=complete_message()).succeeded()
    assert time.monotonic() - began < 3
    assert here.spool.body() == complete_message()


def test_a_dialogue_is_told_that_its_message_is_kept(provider, queue):  # noqa: F811
    """With the provider down, -bs answers as if it were a queueing server: it is one."""
    server = provider()
    server.stop()
    here = queue(server)
    lines = ["EHLO client", "MAIL FROM:<info@example.it>", "RCPT TO:<anna@example.org>", "DATA", complete_message("1").decode() + ".", "QUIT"]
    result = here.send("-bs", message="\n".join(lines).replace("\n", "\r\n").encode() + b"\r\n")
    assert (result.exit, result.err) == (0, "")
    codes = [line[:3] for line in result.out.decode().splitlines() if line[3:4] == " "]
    assert codes == ["220", "250", "250", "250", "354", "250", "221"], result.out
    assert here.spool.body().endswith(complete_message())


def test_the_spool_is_for_its_owner_alone(provider, queue):  # noqa: F811
    here = queue(provider({"MAIL": TEMPORARY}))
    here.send().succeeded()
    for folder in ("new", "body", "queue", "failed"):
        path = here.spool.path / folder
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, folder
        assert [p.name for p in path.iterdir() if stat.S_IMODE(p.stat().st_mode) != 0o600] == []


def test_a_spool_with_a_group_can_be_written_by_the_group(provider, queue):  # noqa: F811
    """As it is installed: 2770 root:orsino."""
    here = queue(provider({"MAIL": TEMPORARY}))
    here.spool.path.chmod(0o2770)
    here.send().succeeded()
    for folder in ("body", "queue"):
        (path,) = (here.spool.path / folder).iterdir()
        assert stat.S_IMODE(path.stat().st_mode) == 0o660, path
        assert stat.S_IMODE(path.parent.stat().st_mode) & 0o777 == 0o770, path.parent


# Nothing of these may be followed or written.
LINKS = [
    ("the spool", "", True),
    ("new", "new", True),
    ("body", "body", True),
    ("queue", "queue", True),
]


@table("name, is_folder", LINKS)
def test_links_in_the_spool_are_not_followed(name, is_folder, provider, queue, tmp_path):  # noqa: F811
    server = provider({"MAIL": TEMPORARY})
    here = queue(server)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    path = here.spool.path / name
    if path.exists():
        path.rmdir()
    path.symlink_to(elsewhere)
    result = here.send()
    assert result.exit in (73, 75, 77), (result.exit, result.err)
    assert list(elsewhere.rglob("*")) == []


def test_a_spool_that_others_can_write_is_refused(provider, queue):  # noqa: F811
    here = queue(provider({"MAIL": TEMPORARY}))
    here.spool.path.chmod(0o777)
    result = here.send()
    assert result.exit in (73, 75, 77) and str(here.spool.path) in result.err, (result.exit, result.err)
    assert here.spool.files() == {}


@pytest.mark.parametrize("value", ["", None], ids=["queue =", "no key"])
def test_without_a_queue_the_caller_keeps_it(value, provider, queue):  # noqa: F811
    here = queue(provider({"MAIL": TEMPORARY}), queue=value)
    here.send().failed(75, TEMPORARY)
    assert here.spool.files() == {}
    assert len(here.logged("exit=75", "to=<anna@example.org>")) == 1 and not here.logged("kept="), here.logged()
    # Nothing can be put off, so what was asked for is done at once.
    here.send("-odq").failed(75, TEMPORARY)


def send_from_home(here, home, *words):
    """sendmail with `home` for the home directory that the user database has."""
    home.mkdir()
    passwd = home.parent / "passwd"
    user = pwd.getpwuid(os.getuid())
    passwd.write_text(f"{user.pw_name}:x:{user.pw_uid}:{user.pw_gid}::{home}:/bin/sh\n")
    script = f'{PRIVATE}mount --bind {passwd} /etc/passwd; exec "$0" sendmail -C "$@"'
    return subprocess.run(
        ["unshare", "-m", "sh", "-c", script, here.orsino.path, str(here.ini), "-i", "-t", *words], input=complete_message(),
        env=here.orsino.environment(PATH="/usr/sbin:/usr/bin:/sbin:/bin"), capture_output=True, timeout=60)


# With the error modes of Sendmail: is it in dead.letter, and is there a line on stderr?
ERROR_MODES = [
    ("no mode", (), False, True),
    ("-oep", ("-oep",), False, True),
    ("-oeq", ("-oeq",), False, False),
    ("-oem", ("-oem",), True, True),
    ("-oew", ("-oew",), True, True),
    ("-oee", ("-oee",), True, True),
    ("-O ErrorMode=m", ("-O", "ErrorMode=m"), True, True),
]


@table("words, is_saved, is_told", ERROR_MODES)
def test_dead_letter(words, is_saved, is_told, provider, queue, tmp_path):  # noqa: F811
    """Without a queue, and with a caller who will not look, as cron."""
    here = queue(provider({"MAIL": TEMPORARY}), queue="")
    letter = tmp_path / "root/dead.letter"
    done = send_from_home(here, letter.parent, *words)
    assert (done.returncode, done.stdout, TEMPORARY.encode() in done.stderr) == (75, b"", is_told), done
    assert letter.exists() == is_saved
    assert len(here.logged("dead.letter")) == is_saved, here.logged()
    if is_saved:
        assert stat.S_IMODE(letter.stat().st_mode) == 0o600
        (message,) = mailbox.mbox(letter)
        assert message["Message-ID"] == "<1@example.it>" and message.get_payload() == "hello there\n"
        assert TEMPORARY in message["X-Orsino-Error"]


def test_no_dead_letter_of_what_is_kept(provider, queue, tmp_path):  # noqa: F811
    here = queue(provider({"MAIL": TEMPORARY}))
    done = send_from_home(here, tmp_path / "root", "-oem")
    assert (done.returncode, done.stderr) == (0, b"")
    assert list((tmp_path / "root").iterdir()) == [] and len(here.spool.names()) == 1


def test_dead_letter_of_what_could_not_be_kept(provider, queue, tmp_path):  # noqa: F811
    here = queue(provider({"MAIL": TEMPORARY}))
    here.spool.path.chmod(0o777)
    done = send_from_home(here, tmp_path / "root", "-oem")
    assert done.returncode in (73, 75, 77)
    assert (tmp_path / "root/dead.letter").exists() and here.spool.files() == {}


def test_environment_names_the_queue(provider, orsino, tmp_path):  # noqa: F811
    server = provider({"MAIL": TEMPORARY})
    spool = tmp_path / "spool"
    environment = {"ORSINO_HOST": "127.0.0.1", "ORSINO_PORT": str(server.port), "ORSINO_TLS": "none", "ORSINO_LOG": "none",
                   "ORSINO_FROM": "info@example.it", "ORSINO_QUEUE": str(spool)}  # fmt: skip
    orsino.run("-i", "-t", environment=environment).succeeded()
    assert len(os.listdir(spool / "queue")) == 1


def test_a_users_own_file_has_a_queue_of_its_own(provider, orsino, ini):  # noqa: F811
    """$XDG_STATE_HOME/orsino, or ~/.local/state/orsino, made when it is needed."""
    server = provider({"MAIL": TEMPORARY})
    ini(server.port, name="home/.orsino.ini")
    orsino.run("-i", "-t").succeeded()
    path = orsino.home / ".local/state/orsino"
    assert len(os.listdir(path / "queue")) == 1
    assert stat.S_IMODE(path.stat().st_mode) == 0o700
    state = orsino.home / "state"
    orsino.run("-i", "-t", environment={"XDG_STATE_HOME": str(state)}).succeeded()
    assert len(os.listdir(state / "orsino/queue")) == 1


def test_a_dry_run_keeps_nothing(provider, queue):  # noqa: F811
    here = queue(provider())
    subprocess.run([ORSINO, "sendmail", "-C", here.ini, "-bv", ANNA], check=True, stdout=subprocess.DEVNULL)
    assert here.spool.files() == {}


def test_bytes_are_kept_as_they_are_sent(provider, queue):  # noqa: F811
    """NUL, a lone CR, dots, eight bits, a line that is too long: the same later as at once."""
    odd = (b"To: anna@example.org\nSubject: odd\nDate: Tue, 1 Sep 2026 10:00:00 +0200\nMessage-ID: <1@example.it>\n"
           b"From: info@example.it\n\n.dot\n..\nGr\xc3\xbc\xc3\x9fe\n" + b"x" * 2000 + b"\nlast line without an end")  # fmt: skip
    server = provider()
    here = queue(server)
    here.send(message=odd).succeeded()
    here.send("-odq", message=odd).succeeded()
    here.run()
    at_once, later = server.messages()
    assert at_once == later


def test_an_envelope_is_kept_as_it_is(provider, queue):  # noqa: F811
    """Parameters of MAIL and RCPT, and the order of the recipients."""
    server = provider()
    here = queue(server)
    words = ("-f", "bounces@example.it", "-N", "failure,delay", "-R", "hdrs", "-V", "id+2B1", "bert@example.org", '"a b"@example.org')
    here.send(*words, message=complete_message()).succeeded()
    here.send("-odq", *words, message=complete_message()).succeeded()
    here.run()
    at_once, later = server.sessions
    server.settle()
    kinds = ("MAIL", "RCPT")
    assert [line for line in later.lines if line.startswith(kinds)] == [line for line in at_once.lines if line.startswith(kinds)]


def test_a_null_reverse_path_is_kept(provider, queue):  # noqa: F811
    server = provider()
    here = queue(server)
    here.send("-odq", "-f", "<>").succeeded()
    here.run()
    assert server.sessions[0].command("MAIL").startswith("MAIL FROM:<>")


def test_a_record_can_be_read(provider, queue):  # noqa: F811
    """With a text editor, by its lines; the first names the version, the last the end."""
    here = queue(provider({"RCPT": "451 4.2.1 mailbox busy, try again"}))
    here.send(message=complete_message()).succeeded()
    first, *lines, last = here.spool.record().splitlines()
    assert (first, last) == ("orsino-queue 1", "end")
    assert all(re.fullmatch(r"[a-z]+:( .*)?", line) for line in lines), lines
    fields = dict(line.split(": ", 1) for line in lines if ": " in line)
    assert fields["id"] == here.spool.only() and fields["account"] == "test" and fields["owner"] == str(os.getuid())
    assert fields["from"] == "info@example.it" and fields["to"] == ANNA and fields["size"] == str(len(complete_message()))
    for time_of in ("arrived", "last", "next"):
        assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", fields[time_of]), lines
    assert "mailbox busy, try again" in here.spool.record()


BROKEN = {
    "another version": "orsino-queue 2\nid: x\nend\n",
    "nothing": "",
    "no end": "orsino-queue 1\n",
    "binary": "\0\1\2\377" * 100,
}


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
def test_a_record_that_cannot_be_read_is_left(text, provider, queue):  # noqa: F811
    """It keeps nobody else's message from being sent, and is not thrown away."""
    server = provider()
    here = queue(server)
    here.keep("1", "2")
    broken = next(name for name in here.spool.names() if b"<1@" in here.spool.body(name))
    (here.spool.path / "queue" / broken).write_text(text)
    here.command("run")
    assert server.names() == ["2"]
    assert here.spool.files() == {"body": [broken], "queue": [broken]}
    assert here.logged(f"id={broken} ", "error="), here.logged()
