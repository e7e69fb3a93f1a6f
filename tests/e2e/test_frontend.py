"""The front end: options as callers write them, and roles. How the process behaves is in test_rules_process.py."""

import subprocess

import pytest

from conftest import MESSAGE, table

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


@pytest.mark.parametrize("words", [("queue", "list"), ("check",), ("probe", "--help")], ids=" ".join)
def test_output_that_cannot_be_written(words, orsino, rogue, ini):
    config = ini(rogue(tls="implicit").port, "implicit")
    with open("/dev/full", "wb") as full:
        done = subprocess.run(["orsino", *words, "-C", str(config)], executable=orsino.path, env=orsino.environment(), stdout=full,
                              stderr=subprocess.PIPE, timeout=60)  # fmt: skip
    assert done.returncode == 74 and done.stderr == b"orsino: the output cannot be written: No space left on device\n"


def test_help_fits_a_screen(orsino):
    for command in ("send", "serve", "mailq", "newaliases", "version"):
        done = orsino.run(command, "--help", name="orsino", message=b"")
        assert done.exit == 0 and done.out.startswith(b"usage: sendmail [options]"), command
    assert "did you mean check?" in orsino.run("chek", name="orsino", message=b"").failed(64)
    done = orsino.run("queue", "--help", name="orsino", message=b"")
    assert done.exit == 0 and done.out.startswith(b"usage: orsino queue list [--json]\n")
    for word in ("help", "--help"):
        result = orsino.run(word, name="orsino")
        lines = result.out.decode().splitlines()
        assert (result.exit, result.err) == (0, "")
        assert 5 < len(lines) <= 24 and max(map(len, lines)) <= 80
    assert b"orsino" in orsino.run("version", name="orsino").out
