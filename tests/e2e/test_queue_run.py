"""Runs of the queue: which messages they try, over how many connections, and what becomes of those that nobody takes."""

import os
import re
import signal
import subprocess
import time
from email import message_from_bytes
from email.policy import default as email_policy

import pytest

from conftest import table
from queueing import PERMANENT, TEMPORARY, complete_message, name_of, only_process_with, provider, queue  # noqa: F401
from rogue import CLOSE, SILENCE
from waiting import wait_for

ANNA, GONE = "anna@example.org", "gone@example.org"
MINUTE, HOUR, DAY = 60, 3600, 86400
MANY = 20
REFUSED = {"RCPT": [{"gone@": PERMANENT}]}


def stamp(seconds):
    """A time as it stands in a record."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


# A run under each of its names; the first word is that of argv[0].
RUNS = {
    "orsino queue run": lambda here: here.words("run"),
    "orsino sendmail -q": lambda here: ["orsino", "sendmail", "-C", str(here.ini), "-q"],
    "sendmail -q": lambda here: ["sendmail", "-C", str(here.ini), "-q"],
    "sendmail -qf": lambda here: ["sendmail", "-C", str(here.ini), "-qf"],
    "runq": lambda here: ["runq", "-C", str(here.ini)],
    "sendmail -Ranna": lambda here: ["sendmail", "-C", str(here.ini), "-Ranna"],
    "sendmail -qRanna": lambda here: ["sendmail", "-C", str(here.ini), "-qRanna"],
    "sendmail -qI": lambda here: ["sendmail", "-C", str(here.ini), "-qI" + here.spool.only()],
    "orsino queue run id": lambda here: here.words("run", here.spool.only()),
    "orsino queue run --due": lambda here: here.words("run", "--due"),
}


@pytest.mark.parametrize("name", RUNS)
def test_a_run_by_any_name(name, provider, queue):  # noqa: F811
    server = provider()
    here = queue(server)
    here.keep("1")
    words = RUNS[name](here)
    here.orsino.run(*words[1:], name=words[0], message=b"").succeeded()
    assert server.messages() == [complete_message("1")]
    assert here.spool.files() == {}
    assert len(here.logged("id=", "to=<anna@example.org>", 'said="250 2.0.0 Ok')) == 1, here.logged()


@table("words, names", [
    ("a part of a recipient", lambda here, ids: ["sendmail", "-C", str(here.ini), "-qRbert"], ["2"]),
    ("nobody's part", lambda here, ids: ["sendmail", "-C", str(here.ini), "-Rnobody"], []),
    ("an id", lambda here, ids: here.words("run", ids["3"]), ["3"]),
    ("an id, cut short, in lower case", lambda here, ids: here.words("run", ids["3"][:11].lower()), ["3"]),
])  # fmt: skip
def test_a_run_of_some(words, names, provider, queue):  # noqa: F811
    server = provider()
    here = queue(server)
    here.keep("1", "3")
    here.keep("2", words=("bert@example.org",))
    ids = {name_of(here.spool.body(name)): name for name in here.spool.names()}
    words = words(here, ids)
    here.orsino.run(*words[1:], name=words[0], message=b"").succeeded()
    assert server.names() == names


def test_an_empty_queue(provider, queue):  # noqa: F811
    server = provider()
    here = queue(server)
    here.run()
    here.run("--due")
    assert here.entries() == [] and server.connections == 0


def test_a_message_is_due_after_a_while(provider, queue):  # noqa: F811
    """Timers leave alone what was tried just now; who runs the queue by hand wants to see it go."""
    server = provider({"RCPT": [TEMPORARY, "250 ok"]})
    here = queue(server)
    here.send(message=complete_message()).succeeded()
    entry = here.entry()
    assert 0.8 * 5 * MINUTE <= entry["next_try"] - entry["last_try"] <= 1.2 * 5 * MINUTE
    assert abs(entry["last_try"] - time.time()) < 30 and entry["tries"] == 1
    here.run("--due")
    assert server.connections == 1
    here.spool.edit(next=stamp(time.time() - 1))
    here.run("--due")
    assert server.names() == ["1"]


def test_it_takes_longer_each_time(provider, queue):  # noqa: F811
    """From 5 minutes to 4 hours, give or take a fifth, so that a crowd parts."""
    server = provider({"RCPT": TEMPORARY})
    here = queue(server)
    here.keep(*map(str, range(8)))
    for tries in range(1, 9):
        here.run()
        usual = min(5 * MINUTE * 2 ** (tries - 1), 4 * HOUR)
        waits = [entry["next_try"] - entry["last_try"] for entry in here.entries()]
        assert len(waits) == 8 and all(0.8 * usual - 1 <= wait <= 1.2 * usual + 1 for wait in waits), (tries, waits)
        assert len(set(waits)) > 2, waits


def test_two_that_try_again_and_again(provider, queue):  # noqa: F811
    """-q15m goes into the background, --every stays; both look at what is due, and end at SIGTERM."""
    for number, words in enumerate((["sendmail", "-q1s", "-C"], ["orsino", "queue", "run", "--every", "1s", "-C"])):
        server = provider()
        here = queue(server, name=f"spool{number}")
        in_background = words[0] == "sendmail"
        process = subprocess.Popen([*words, str(here.ini)], executable=here.orsino.path, env=here.orsino.environment())
        if in_background:
            assert process.wait(10) == 0
        child = process.pid if not in_background else only_process_with(here.ini)
        here.keep("later")
        wait_for(lambda: not here.spool.files(), 20, "a later round")  # noqa: B023
        os.kill(child, signal.SIGTERM)
        if not in_background:
            assert process.wait(10) == 0
        wait_for(lambda: not os.path.exists(f"/proc/{child}/exe"), 10, "the end")  # noqa: B023
        assert server.names() == ["later"]


def test_all_go_over_one_connection(provider, queue):  # noqa: F811
    server = provider()
    here = queue(server)
    names = sorted(f"{number:02}" for number in range(MANY))
    here.keep(*names)
    here.run()
    assert server.names() == names
    assert server.connections == 1
    assert here.spool.files() == {}


DEAD = {
    "refuses": {"greeting": "421 4.3.2 not now"},
    "hangs up": {"greeting": CLOSE},
    "refuses for good": {"greeting": "554 5.7.1 not you"},
    "refuses EHLO": {"EHLO": "421 4.3.2 not now", "HELO": "421 4.3.2 not now"},
}


@pytest.mark.parametrize("script", DEAD.values(), ids=DEAD)
def test_a_dead_server_costs_one_connection(script, provider, queue):  # noqa: F811
    """Not one for each message; and what it says of itself is no fault of theirs."""
    server = provider(script)
    here = queue(server)
    here.keep(*map(str, range(MANY)))
    for run in (1, 2):
        here.run()
        assert server.connections == run
    entries = here.entries()
    assert len(entries) == MANY and sum(entry["tries"] for entry in entries) == 2
    server.script = {}
    here.run()
    assert len(server.names()) == MANY and here.spool.files() == {}


def test_a_silent_server_costs_one_wait(provider, queue):  # noqa: F811
    server = provider({"greeting": SILENCE})
    here = queue(server, timeout="1s", connect_timeout="1s")
    here.keep(*map(str, range(MANY)))
    began = time.monotonic()
    here.run()
    assert time.monotonic() - began < 10 and server.connections == 1


def test_a_server_that_hangs_up_on_each_message(provider, queue):  # noqa: F811
    """One message may be the cause, but not all of them."""
    server = provider({"DATA": CLOSE})
    here = queue(server)
    here.keep(*map(str, range(MANY)))
    here.run()
    assert server.connections <= 3
    assert len(here.spool.names()) == MANY


def test_a_message_that_breaks_the_connection_holds_up_nobody(provider, queue):  # noqa: F811
    server = provider({"DATA": ["354 go on", CLOSE, "354 go on"]})
    here = queue(server)
    here.keep(*map(str, range(MANY)))
    here.run()
    assert len(server.names()) == MANY - 1 and len(here.spool.names()) == 1 and server.connections == 2


def test_a_dead_account_holds_up_no_other(provider, queue, ini, tmp_path):  # noqa: F811
    dead, alive = provider({"greeting": CLOSE}), provider()
    here = queue(dead)
    with here.ini.open("a") as file:
        file.write(f"[other]\nhost = localhost\nport = {alive.port}\ntls = none\nfrom = info@example.it\n")
    here.keep("1", "2", words=("-a", "test"))
    here.keep("3", "4", words=("-a", "other"))
    here.run()
    assert alive.names() == ["3", "4"] and dead.connections == 1
    assert {entry["account"] for entry in here.entries()} == {"test"}


def test_an_account_that_is_gone(provider, queue):  # noqa: F811
    """The message waits for whoever puts it back into the INI."""
    server = provider()
    here = queue(server)
    here.keep("1")
    text = here.ini.read_text()
    here.ini.write_text(text.replace("[test]", "[renamed]"))
    here.command("run")
    assert server.connections == 0
    assert "no account test" in here.entry()["error"] and here.logged("no account test"), here.logged()
    here.ini.write_text(text)
    here.run()
    assert server.names() == ["1"]


# What a server may refuse for good once it has heard of a message.
FINAL = {
    "MAIL": {"MAIL": "550 5.7.1 you may not send"},
    "RCPT": {"RCPT": PERMANENT},
    "DATA": {"DATA": "554 5.7.1 no message from you"},
    "dot": {"dot": "554 5.6.0 no content like that"},
}


@pytest.mark.parametrize("script", FINAL.values(), ids=FINAL)
def test_a_refusal_is_final(script, provider, queue):  # noqa: F811
    (words,) = script.values()
    server = provider(script)
    here = queue(server)
    here.keep("1")
    here.run()
    assert here.spool.names() == [] and words in here.spool.record(folder="failed")
    assert here.entries("failed")[0]["recipients"][0]["said"] == words
    here.run()
    assert server.connections == 1


def test_a_refusal_without_keep_failed(provider, queue):  # noqa: F811
    here = queue(provider({"RCPT": PERMANENT}), keep_failed="no")
    here.keep("1")
    here.run()
    assert here.spool.files() == {}
    assert here.logged("kept=no"), here.logged()


def test_a_lifetime_ends(provider, queue):  # noqa: F811
    server = provider({"RCPT": TEMPORARY})
    here = queue(server, queue_lifetime="2h")
    here.keep("1")
    here.spool.edit(age=2 * HOUR - MINUTE)
    here.run()
    assert here.spool.names("failed") == []
    here.spool.edit(age=2 * HOUR)
    here.run()
    name = here.spool.only("failed")
    assert here.spool.files() == {"body": [name], "failed": [name]}
    assert TEMPORARY in here.spool.record(folder="failed")


def test_a_lifetime_ends_with_the_server_dead(provider, queue):  # noqa: F811
    """For all of them, also those that are not tried."""
    server = provider({"greeting": CLOSE})
    here = queue(server, queue_lifetime="2h")
    here.keep("1", "2", "3")
    for name in here.spool.names():
        here.spool.edit(name, age=2 * HOUR)
    here.run()
    assert len(here.spool.names("failed")) == 3 and server.connections == 1


def test_the_last_try_may_be_the_one(provider, queue):  # noqa: F811
    server = provider()
    here = queue(server, queue_lifetime="2h")
    here.keep("1")
    here.spool.edit(age=3 * HOUR)
    here.run()
    assert server.names() == ["1"] and here.spool.files() == {}


# A clock that was not set when the message came, or is not now: fields of the record; whether it is due; its age then.
CLOCKS = [
    ("from 1970 to now", lambda now: {"arrived": 10, "seen": 20, "last": 20, "next": 320}, True, DAY),
    ("now, and the record is of 2099", lambda now: {"arrived": 4e9, "seen": 4e9, "last": 4e9, "next": 4e9 + 300}, True, 0),
    ("a day in sleep", lambda now: {"seen": now - 3 * DAY, "last": now - 3 * DAY, "next": now - 2 * DAY}, True, DAY),
    ("an hour, as it should be", lambda now: {"seen": now - HOUR, "last": now - HOUR, "next": now - 10}, True, HOUR),
    ("not yet", lambda now: {"seen": now, "last": now, "next": now + HOUR}, False, 0),
]


@table("fields, is_due, age", CLOCKS)
def test_a_clock_that_jumps(fields, is_due, age, provider, queue):  # noqa: F811
    """It neither ends a message's life, nor keeps it waiting for a century, nor has it tried without end."""
    server = provider({"RCPT": TEMPORARY})
    here = queue(server, queue_lifetime="5d")
    here.send(message=complete_message()).succeeded()
    here.spool.edit(**{name: stamp(value) for name, value in fields(time.time()).items()})
    for connections in (2, 2):
        here.run("--due")
        assert server.connections == (connections if is_due else 1)
    entry = here.entry()
    assert age <= entry["age"] <= age + 60, entry
    assert abs(entry["next_try"] - time.time()) < 2 * HOUR, entry


def parts_of_notice(server):
    """The last message that the server took, as a delivery status notification."""
    raw = server.messages()[-1]
    assert server.transactions()[-1].command.startswith("MAIL FROM:<>"), "a notice about a notice could follow"
    message = message_from_bytes(raw, policy=email_policy)
    assert message.get_content_type() == "multipart/report"
    assert message["Content-Type"].params["report-type"] == "delivery-status"
    assert [part.defects for part in message.walk() if part.defects] == []
    return message, *message.iter_parts()


def test_a_notice(provider, queue):  # noqa: F811
    """RFC 3464, through the same account; once, and only for those who did not get it."""
    server = provider(REFUSED)
    here = queue(server, bounce="yes")
    here.keep("1", words=("-f", "bounces@example.it", "-V", "envelope-7", GONE))
    here.run_until_empty()
    here.run()
    assert server.names() == ["1", "notice"]
    assert [ANNA in line for line in server.transactions()[0].recipients] == [True]
    assert ["<bounces@example.it>" in line for line in server.transactions()[1].recipients] == [True]
    message, text, status, original = parts_of_notice(server)
    assert message["From"].addresses[0].addr_spec == "info@example.it"
    assert message["To"].addresses[0].addr_spec == "bounces@example.it"
    assert message["Auto-Submitted"] == "auto-replied" and message["Message-ID"] and message["Date"]
    assert GONE in text.get_content() and PERMANENT in " ".join(text.get_content().split()) and ANNA not in text.get_content()
    assert status.get_content_type() == "message/delivery-status"
    whole, *recipients = status.get_payload()
    assert whole["Reporting-MTA"].startswith("dns;") and whole["Original-Envelope-Id"] == "envelope-7" and whole["Arrival-Date"]
    (recipient,) = recipients
    assert recipient["Final-Recipient"].replace(" ", "") == f"rfc822;{GONE}"
    assert (recipient["Action"], recipient["Status"]) == ("failed", "5.1.1")
    assert re.fullmatch(r"smtp; ?" + re.escape(PERMANENT), recipient["Diagnostic-Code"])
    assert original.get_content_type() in ("text/rfc822-headers", "message/rfc822")
    assert "<1@example.it>" in original.as_string()
    # What failed is still there to be looked at.
    assert len(here.spool.names("failed")) == 1


def test_a_notice_of_a_lifetime_that_ended(provider, queue):  # noqa: F811
    server = provider({"RCPT": [TEMPORARY, "250 ok"]})
    here = queue(server, bounce="yes", queue_lifetime="1h")
    here.keep("1")
    here.spool.edit(age=2 * HOUR)
    here.run_until_empty()
    _, _, status, _ = parts_of_notice(server)
    _, recipient = status.get_payload()
    assert recipient["Action"] == "failed" and re.fullmatch(r"[45]\.\d+\.\d+", recipient["Status"])
    assert TEMPORARY in recipient["Diagnostic-Code"]


# Who is told nothing: words of sendmail, keys.
UNTOLD = [
    ("bounce = no", (), {"bounce": "no"}),
    ("-N never", ("-N", "never"), {"bounce": "yes"}),
    ("-N delay", ("-N", "delay"), {"bounce": "yes"}),
    ("a null reverse-path", ("-f", "<>"), {"bounce": "yes"}),
]


@table("words, keys", UNTOLD)
def test_no_notice(words, keys, provider, queue):  # noqa: F811
    server = provider(REFUSED)
    here = queue(server, **keys)
    here.keep("1", words=(*words, GONE))
    here.run_until_empty()
    here.run()
    assert server.names() == ["1"] and len(here.spool.names("failed")) == 1


def test_a_notice_that_is_refused(provider, queue):  # noqa: F811
    """There is none about it."""
    server = provider({"RCPT": PERMANENT})
    here = queue(server, bounce="yes")
    here.keep("1")
    here.run_until_empty()
    here.run()
    assert server.transactions() == [] and len(here.spool.names("failed")) == 2
