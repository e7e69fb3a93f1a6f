"""The queue as people see and steer it: mailq, and the words of `orsino queue`."""

import os
import pty
import re
import subprocess
import threading
import time

import pytest

from conftest import table
from queueing import PERMANENT, TEMPORARY, complete_message, provider, queue  # noqa: F401

ANNA, BERT = "anna@example.org", "bert@example.org"
BUSY = "451 4.2.1 mailbox busy, try again"
# The list under each of its names.
LISTS = {
    "mailq": ["mailq", "-C"],
    "sendmail -bp": ["sendmail", "-bp", "-C"],
    "orsino sendmail -bp": ["orsino", "sendmail", "-bp", "-C"],
}


def show(here, name, *more):
    words = [*LISTS[name], str(here.ini), *more]
    result = here.orsino.run(*words[1:], name=words[0], message=b"")
    assert (result.exit, result.err) == (0, "")
    return result.out.decode()


@pytest.mark.parametrize("name", LISTS)
def test_mailq_of_an_empty_queue(name, provider, queue):  # noqa: F811
    assert show(queue(provider()), name) == "Mail queue is empty\n"


@pytest.mark.parametrize("name", LISTS)
def test_mailq(name, provider, queue):  # noqa: F811
    """What scripts look for: an id at the beginning, the sender in its line, the reason in parentheses, the last line."""
    here = queue(provider({"RCPT": BUSY}))
    here.send("-f", "bounces@example.it", BERT, message=complete_message("1", b"x" * 70 + b"\n" + b"y" * 3000 + b"\n")).succeeded()
    head, first, *rest, last = show(here, name).splitlines()
    assert "ID" in head and "Size" in head and "Sender" in head, head
    assert re.match(here.spool.only() + r"[ *!] +\d{4} \w{3} \w{3} +\d+ \d\d:\d\d(:\d\d)? .*bounces@example\.it$", first), first
    text = "\n".join(rest)
    assert BUSY in text and re.search(r"(?m)^ *\(.*\)$", text), text
    assert re.search(rf"(?m)^ +{ANNA}$", text) and re.search(rf"(?m)^ +{BERT}$", text), text
    assert re.fullmatch(r"-- \d+ Kbytes in 1 Request\.", last), last


def test_marks_of_mailq(provider, queue):  # noqa: F811
    """* is being delivered, ! is on hold."""
    server = provider()
    here = queue(server)
    is_asked, may_answer, usual = threading.Event(), threading.Event(), server.next_answer

    def wait(step, default=None):
        if step == "DATA":
            is_asked.set()
            assert may_answer.wait(30)
        return usual(step, default)

    here.keep("1")
    held = here.spool.only()
    assert here.command("hold", held).exit == 0
    here.keep("2")
    (other,) = set(here.spool.names()) - {held}
    server.next_answer = wait
    process = subprocess.Popen(here.words("run"), executable=here.orsino.path, env=here.orsino.environment())
    assert is_asked.wait(30)
    text = show(here, "mailq")
    active = {entry["id"]: entry["active"] for entry in here.entries()}
    may_answer.set()
    assert process.wait(30) == 0
    assert f"{held}!" in text and f"{other}*" in text, text
    assert active == {held: False, other: True}


def test_json(provider, queue):  # noqa: F811
    here = queue(provider({"RCPT": [{"bert@": BUSY}]}))
    here.send(BERT, message=complete_message()).succeeded()
    entry = here.entry()
    assert entry["id"] == here.spool.only() and entry["state"] == "queued" and entry["active"] is False
    assert (entry["owner"], entry["account"], entry["from"]) == (os.getuid(), "test", "info@example.it")
    assert entry["size"] == len(complete_message()) and abs(entry["arrived"] - time.time()) < 30
    assert entry["age"] < 30 and entry["tries"] == 1 and entry["next_try"] > entry["last_try"]
    assert BUSY in entry["error"]
    states = {recipient["address"]: (recipient["state"], recipient["said"]) for recipient in entry["recipients"]}
    assert states == {ANNA: ("delivered", None), BERT: ("pending", BUSY)}
    assert here.entries("failed") == []
    (row,) = [r for r in entry["recipients"] if r["address"] == BERT]
    assert (row["reply"], row["status"]) == (451, "4.2.1")


def test_text(provider, queue):  # noqa: F811
    here = queue(provider({"RCPT": BUSY}))
    here.send(message=complete_message()).succeeded()
    result = here.command("list")
    assert (result.exit, result.err) == (0, "")
    text = result.out.decode()
    for word in (here.spool.only(), ANNA, "info@example.it", "mailbox busy, try again"):
        assert word in text, text
    shown = here.command("show", here.spool.only()).out.decode()
    for word in (here.spool.only(), ANNA, "mailbox busy, try again", "hello there", "Subject: hello"):
        assert word in shown, shown
    assert here.command("show", "--message", here.spool.only()).out == complete_message()


UNPRINTABLE = re.compile(rb"[\x00-\x09\x0b-\x1f\x7f\x80-\x9f]")


def test_the_words_of_others_are_printed_as_text(provider, queue):  # noqa: F811
    """No escape sequence of a server's gets to the terminal."""
    here = queue(provider({"RCPT": b"451 4.2.1 busy \x9b2J\r\n"}))
    here.send(message=complete_message()).succeeded()
    for words in (("list",), ("list", "--json"), ("show", here.spool.only())):
        out = here.command(*words).out
        assert b"busy" in out and not UNPRINTABLE.search(out), out


def test_a_record_that_cannot_be_read_is_told(provider, queue):  # noqa: F811
    """It is in no list, but not passed over in silence; and what is in it is nothing for a terminal."""
    here = queue(provider({"RCPT": BUSY}))
    here.send(message=complete_message()).succeeded()
    here.spool.edit(error="\x1b[31m")
    for words, lines in ((("list",), 2), (("list", "--json"), 2), (("show", here.spool.only()), 1), (("hold", here.spool.only()), 1)):
        result = here.command(*words)
        assert here.spool.only() in result.err and result.err.count("\n") == lines, result.err
        assert not UNPRINTABLE.search(result.err.encode() + result.out), result.err
    assert len(here.spool.names()) == 1


def test_hold_and_release(provider, queue):  # noqa: F811
    server = provider()
    here = queue(server)
    here.keep("1", "2")
    first, second = here.spool.names()
    assert here.command("hold", first).exit == 0
    assert {entry["id"]: entry["state"] for entry in here.entries()} == {first: "held", second: "queued"}
    here.run()
    here.run("--due")
    assert here.spool.names() == [first]
    assert here.command("release", first).exit == 0
    here.run("--due")
    assert server.names() == ["1", "2"]


def test_a_record_that_cannot_be_read(provider, queue):  # noqa: F811
    """It is never an empty queue; it is left alone by all but remove with its id."""
    here = queue(provider({"RCPT": BUSY}))
    here.send().succeeded()
    name = here.spool.only()
    (here.spool.path / "queue" / name).write_text("hello\n")
    for words in (["list"], ["list", "--json"]):
        result = here.command(*words)
        assert result.exit == 65 and result.out.decode() in ("", "[]\n") and "line 1" in result.err
        assert "1 message cannot be read: mend the record, or use orsino queue remove" in result.err
    result = here.orsino.run("-C", str(here.ini), name="mailq", message=b"")
    assert result.exit == 65 and result.out == b""
    for words in (["hold", name], ["retry", name], ["run"]):
        assert here.command(*words).exit == 65
    assert here.command("remove", "all").exit == 65 and here.spool.only() == name
    result = here.command("remove", name.lower())
    assert (result.exit, result.out, result.err) == (0, b"1 message removed\n", "")
    assert here.spool.names() == [] and list((here.spool.path / "body").iterdir()) == []


def test_remove(provider, queue):  # noqa: F811
    server = provider()
    here = queue(server)
    here.keep("1", "2")
    first, second = here.spool.names()
    assert here.command("remove", first).exit == 0
    assert here.spool.files() == {"body": [second], "queue": [second]}
    assert here.command("remove", "all").exit == 0
    assert here.spool.files() == {}


def test_retry_of_one_that_failed(provider, queue):  # noqa: F811
    """With a new life; and who has it does not get it twice."""
    server = provider({"RCPT": [{"bert@": PERMANENT}]})
    here = queue(server)
    assert here.send(BERT, message=complete_message()).exit == 67
    name = here.spool.only("failed")
    here.spool.edit(folder="failed", age=10**6)
    assert here.command("retry", name).exit == 0
    assert here.spool.files() == {"body": [name], "queue": [name]}
    assert (here.entry()["age"], here.entry()["state"]) == (0, "queued")
    server.script = {}
    here.run("--due")
    assert [[BERT in line for line in t.recipients] for t in server.transactions()] == [[False], [True]]
    assert here.spool.files() == {}


def test_retry_of_one_that_waits(provider, queue):  # noqa: F811
    server = provider({"RCPT": [TEMPORARY, "250 ok"]})
    here = queue(server)
    here.send(message=complete_message()).succeeded()
    here.run("--due")
    assert server.names() == []
    assert here.command("retry", here.spool.only()).exit == 0
    here.run("--due")
    assert server.names() == ["1"]


def test_who_retries_is_sent_a_notice_when_it_fails_again(provider, queue):  # noqa: F811
    """Nobody waits for the exit code then."""
    server = provider({"RCPT": [{"anna@": PERMANENT}]})
    here = queue(server, bounce="yes")
    assert here.send(message=complete_message()).exit == 67
    assert here.command("retry", "all").exit == 0
    here.run_until_empty()
    assert server.names() == ["notice"]


# Words that lead to nothing, and what is said.
WRONG = [
    ("no such id", ("show", "AAAAAAAAAAAA"), 64),
    ("no id", ("show", "../queue/x"), 64),
    ("no such word", ("frobnicate",), 64),
    ("hold without an id", ("hold",), 64),
    ("run with two ids", ("run", "A", "B"), 64),
    ("a time that is none", ("run", "--every", "soon"), 64),
    ("an option of another word", ("hold", "--json", "all"), 64),
]


@table("words, code", WRONG)
def test_wrong_words(words, code, provider, queue):  # noqa: F811
    here = queue(provider())
    here.keep("1")
    result = here.command(*words)
    assert (result.exit, result.out) == (code, b"") and result.err.count("\n") == 1, (result.exit, result.out, result.err)
    assert len(here.spool.names()) == 1


@table("script, code", [
    ("put off", {"RCPT": TEMPORARY}, 75),
    ("refused", {"RCPT": PERMANENT}, 67),
    ("taken", {}, 0),
])  # fmt: skip
def test_the_exit_code_of_a_run_of_one(script, code, provider, queue):  # noqa: F811
    here = queue(provider(script))
    here.keep("1")
    assert here.command("run", here.spool.only()).exit == code


def test_a_prefix_of_two_ids_is_none(provider, queue):  # noqa: F811
    here = queue(provider())
    here.keep("1", "2")
    common = os.path.commonprefix(here.spool.names())
    if common:
        assert here.command("remove", common).exit == 64
    assert len(here.spool.names()) == 2


def run_on_a_terminal(here, *words):
    """What is written to stderr when that is a terminal."""
    master, slave = pty.openpty()
    process = subprocess.Popen(here.words(*words), executable=here.orsino.path, env=here.orsino.environment(), stderr=slave)
    os.close(slave)
    text = b""
    try:
        while piece := os.read(master, 4096):
            text += piece
    except OSError:
        pass  # the terminal's end
    os.close(master)
    assert process.wait(30) == 0
    return text.decode()


def test_a_bar_on_a_terminal(provider, queue):  # noqa: F811
    server = provider()
    here = queue(server)
    here.keep(*map(str, range(10)))
    server.next_answer = slowly(server.next_answer)
    text = run_on_a_terminal(here, "run")
    assert re.search(r"\r\[#+ *\] \d+/10", text), text
    assert text.rstrip().endswith("10 delivered"), text


def slowly(usual):
    """A tenth of a second for each message, which is when the bar is drawn."""

    def answer(step, default=None):
        if step == "dot":
            time.sleep(0.12)
        return usual(step, default)

    return answer


def test_a_run_on_a_terminal_says_why(provider, queue):  # noqa: F811
    here = queue(provider({"RCPT": BUSY}))
    here.keep("1", "2")
    text = run_on_a_terminal(here, "run")
    assert "2/2  2 not sent" in text and "2 waiting\r\norsino: " in text and text.rstrip().endswith(f'"{BUSY}"'), text
    assert here.command("run").err == ""


def test_no_queue(provider, queue):  # noqa: F811
    """An error for who wants to steer it; a run, as by a timer, is quiet but at a terminal."""
    here = queue(provider(), queue="")
    for word in ("hold", "retry", "remove"):
        result = here.command(word, "all")
        assert result.exit == 64 and result.err == "orsino: there is no queue\n"
    assert here.command("run").err == "" and here.command("list").out == b"none\n"
    assert run_on_a_terminal(here, "run") == "orsino: there is no queue: queue = is empty, or its folder is not there\r\n"


def test_nothing_but_text_without_a_terminal(provider, queue):  # noqa: F811
    here = queue(provider())
    here.keep(*map(str, range(10)))
    here.run()
