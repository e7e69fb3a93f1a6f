"""What a send shows on a terminal while it takes its time; and that it shows nothing anywhere else."""

import os
import pty
import subprocess

import pytest

from conftest import MESSAGE, table

LARGE = MESSAGE + 8 * 1024 * 1024 // 64 * (63 * b"x" + b"\n")
BOB = "bob@example.org"


def send_at_a_terminal(orsino, config, message=MESSAGE, words=()):
    """What was written to the terminal that is stderr, all of it, and the exit code."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        ["sendmail", "-C", str(config), *words, BOB], executable=orsino.path, env=orsino.environment(), cwd=orsino.folder,
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=theirs)  # fmt: skip
    os.close(theirs)
    process.stdin.write(message)
    process.stdin.close()
    said = b""
    try:
        while piece := os.read(ours, 65536):
            said += piece
    except OSError:
        pass
    os.close(ours)
    return said, process.wait(60)


def screen(said):
    """What is left on the line in the end."""
    line = []
    for part in said.decode().split("\n")[-1].split("\r"):
        line[: len(part)] = list(part)
    return "".join(line).rstrip()


SLOW = [
    ("the greeting", {"greeting": (1.7, "220 mx")}, MESSAGE, b"talking to localhost:"),
    ("the answer", {"dot": (1.7, "250 2.0.0 Ok")}, MESSAGE, b"sent, waiting for the answer of localhost:"),
    ("the message", {"body": (1.7, b"")}, LARGE, b" of 8."),
]


@table("script, message, words", SLOW)
def test_what_takes_its_time_is_shown(script, message, words, orsino, rogue, ini):
    server = rogue(script)
    said, code = send_at_a_terminal(orsino, ini(server.port), message)
    assert code == 0 and words in said and screen(said) == "", said


def test_what_waits_in_the_queue_is_told(orsino, rogue, ini, tmp_path):
    """Of programs nobody is told: nothing is lost. A person has seen it come to nothing."""
    config = ini(rogue({"RCPT": "451 4.2.1 busy"}).port, queue=tmp_path / "spool")
    said, code = send_at_a_terminal(orsino, config)
    (name,) = os.listdir(tmp_path / "spool/queue")
    assert code == 0 and said.endswith(f"451 4.2.1 busy\"; it waits in the queue as {name}\r\n".encode())
    assert orsino.run(BOB, ini=config).err == ""


def test_a_failure_stands_on_a_line_of_its_own(orsino, rogue, ini):
    said, code = send_at_a_terminal(orsino, ini(rogue({"greeting": (1.7, "554 5.7.1 not you")}).port))
    assert code == 69 and b"talking to" in said
    assert said.rpartition(b"\r")[2] == b"\n" and b"\rsendmail: localhost:" in said, said


@pytest.mark.parametrize("words", [(), ("-v",)], ids=["quick", "-v"])
def test_nothing_is_shown_of_what_is_quick_or_traced(words, orsino, rogue, ini):
    script = {"greeting": (1.7, "220 mx")} if words else {}
    said, code = send_at_a_terminal(orsino, ini(rogue(script).port), words=words)
    assert code == 0 and b"talking to" not in said and (words or said == b"")


def test_nothing_is_shown_without_a_terminal(orsino, rogue, ini):
    server = rogue({"greeting": (1.7, "220 mx")})
    orsino.run(BOB, ini=ini(server.port)).succeeded()
