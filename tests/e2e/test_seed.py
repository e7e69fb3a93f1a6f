"""What orsino began with: a provider that speaks implicit TLS alone, and five observations by which nobody could tell.
Port 25 answers in the clear, and without STARTTLS; 465 greets only within TLS; nothing listens at 587. The screen that
`orsino probe` shows of it is in golden/probe.txt, beside those of a check and a setup, as the README shows them:
tests/screens writes them."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from conftest import write_private
from relay import Network
from rogue import Rogue
from test_setup import Terminal

GOLDEN = Path(__file__).parent / "golden"
HOST = "localhost"
NO_LOGIN = ["PIPELINING", "SIZE 52428800", "8BITMIME"]
LOGIN = [*NO_LOGIN, "AUTH LOGIN PLAIN"]


@pytest.fixture
def provider(certificates):
    """In a network of its own, with the ports of the world."""
    network = Network()
    context = certificates.server_context()
    servers = [
        network.run(Rogue, None, "none", None, NO_LOGIN, "127.0.0.1", 25),
        network.run(Rogue, context, "implicit", None, LOGIN, "127.0.0.1", 465),
    ]
    yield network, servers
    for server in servers:
        server.stop()
    network.stop()


def check_screen(name, text, folder):
    """As the file has it; with WRITE_GOLDEN in the environment the file is written."""
    path = GOLDEN / f"{name}.txt"
    text = masked(text.replace(str(folder), "/etc"))
    if os.environ.get("WRITE_GOLDEN"):
        path.write_text(text)
    assert text == path.read_text()


def masked(text):
    """Without what differs from run to run; columns stay where they are."""
    text = re.sub(r"\033\[\d*m", "", text.replace("\r\n", "\n"))
    text = re.sub(r"[^\n\r]*\r", "", text)  # what was written over
    text = re.sub(r"\d+(\.\d)? ms", lambda found: "N ms".rjust(len(found[0])), text)
    text = re.sub(r"Testing CA #[\w-]+", "Testing CA", text)
    return re.sub(r"(valid (?:for )?)\d+ days", r"\1NN days", text)


def run(network, orsino, *words, message=b""):
    return network.run(subprocess.run, ["orsino", *words], executable=orsino.path, env=orsino.environment(), cwd=orsino.folder,
                       input=message, capture_output=True, timeout=60)  # fmt: skip


def test_ten_seconds_instead_of_a_day(provider, orsino, certificates, tmp_path):
    network, (plain, implicit) = provider
    ca = f"ca_file = {certificates.ca_file}\n"
    config = write_private(tmp_path / "ca.ini", f"[a]\nhost = localhost\nfrom = a@b.it\n{ca}")
    done = run(network, orsino, "probe", "-C", str(config), HOST)
    assert (done.returncode, done.stderr) == (0, b"")
    check_screen("probe", done.stdout.decode(), tmp_path)
    # The lines that it prints are those that send.
    lines = done.stdout.decode().partition("In the INI:\n\n")[2]
    lines = lines.replace("user = ...", "user = info@example.it").replace("password = ...", 'password = "p#ss"')
    own = write_private(tmp_path / "own.ini", f"[orsino]\nlog = none\n[provider]\n{lines}from = info@example.it\n{ca}")
    sent = run(network, orsino, "sendmail", "-C", str(own), "-i", "bob@example.org", message=b"Subject: it works\n\nhello\n")
    assert (sent.returncode, sent.stdout, sent.stderr) == (0, b"", b"")
    implicit.wait()
    assert b"Subject: it works" in implicit.sessions[-1].text and implicit.sessions[-1].login == (b"info@example.it", b"p#ss")
    plain.wait()
    assert all(not session.transactions for session in plain.sessions)


# What the administrator had set, one after the other, and the line that each of them says now.
OBSERVED = [
    ("port 25, in the clear", "port = 25\ntls = starttls",
     "the server does not offer STARTTLS (set tls = implicit, port = 465)", 76),
    ("TLS at once on port 25", "port = 25\ntls = implicit",
     'no TLS on this port, it said "220 rogue.example.org ESMTP" (set tls = starttls, or port = 465)', 76),
    ("STARTTLS on port 465", "port = 465\ntls = starttls", "this port expects TLS at once (set tls = implicit)", 76),
    ("port 587", "port = 587", "connection refused (", 75),
]  # fmt: skip


@pytest.mark.parametrize("keys, said, code", [row[1:] for row in OBSERVED], ids=[row[0] for row in OBSERVED])
def test_each_of_his_tries(keys, said, code, provider, orsino, certificates, tmp_path):
    network, _ = provider
    text = f"[orsino]\nlog = none\n[a]\nhost = {HOST}\n{keys}\nfrom = info@example.it\nca_file = {certificates.ca_file}\n"
    done = run(network, orsino, "sendmail", "-C", str(write_private(tmp_path / "his.ini", text)), "bob@example.org",
               message=b"Subject: x\n\nhello\n")  # fmt: skip
    assert done.returncode == code and done.stderr.count(b"\n") == 1
    assert said in done.stderr.decode(), done.stderr


def test_what_he_would_have_needed_to_know_least(provider, orsino, certificates, tmp_path):
    """The host alone is enough."""
    network, (_, implicit) = provider
    text = f"[orsino]\nlog = none\n[a]\nhost = {HOST}\nfrom = info@example.it\nca_file = {certificates.ca_file}\n"
    done = run(network, orsino, "sendmail", "-C", str(write_private(tmp_path / "least.ini", text)), "bob@example.org",
               message=b"Subject: x\n\nhello\n")  # fmt: skip
    assert (done.returncode, done.stderr) == (0, b"")
    assert implicit.session.transactions


def test_the_screen_of_a_check(provider, orsino, certificates, tmp_path):
    network, _ = provider
    text = f"[orsino]\nlog = none\n[example]\nhost = {HOST}\nuser = info@example.it\npassword = x\nca_file = {certificates.ca_file}\n"
    config = write_private(tmp_path / "orsino.ini", text)
    done = run(network, orsino, "check", "-C", str(config))
    assert (done.returncode, done.stderr) == (0, b"")
    check_screen("check", done.stdout.decode(), tmp_path)


def test_the_screen_of_a_setup(provider, orsino, certificates, tmp_path):
    network, (_, implicit) = provider
    terminal = network.run(Terminal, orsino, ["-C", str(tmp_path / "orsino.ini"), "--ca-file", str(certificates.ca_file), "info@example.test"])
    screen = "$ orsino setup info@example.test\n"
    answers = [("server for outgoing mail: ", HOST), ("User name [info@example.test]: ", ""), ("Password: ", "p#ss;word"),
               ("root and cron [info@example.test]: ", ""), ("[Y/n]: ", "")]  # fmt: skip
    for question, answer in answers:
        screen += terminal.expect(question) + question
        os.write(terminal.fd, answer.encode() + b"\n")
    rest, code = terminal.end()
    assert code == 0
    check_screen("setup", screen + rest, tmp_path)
    implicit.wait()
    assert b"Subject: orsino works" in implicit.sessions[-1].text


@pytest.mark.parametrize("name", ["probe", "check", "setup"])
def test_the_readme_shows_the_screens(name):
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    shown = readme.partition(f"<!-- screen: tests/e2e/golden/{name}.txt -->\n```\n")[2].partition("```\n<!-- end of screen -->")[0]
    assert shown == (GOLDEN / f"{name}.txt").read_text()
