"""The INI: where it is looked for, which account is taken, and what is said when it is wrong."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from conftest import ini_text, table, write_private
from servers import PASSWORD, USER


def plain_ini(server, sender, **more):
    """An account without TLS whose sender shows which file or account was taken."""
    keys = {"log": "none", "hostname": "client.example.it", "host": "localhost", "port": server.port, "tls": "none"}
    return ini_text(keys | {"from": sender} | more)


def sender_of(session):
    return session.command("MAIL").partition("<")[2].partition(">")[0]


def test_order_of_search(orsino, rogue):
    server = rogue()
    xdg = orsino.folder / "xdg"
    write_private(orsino.home / ".orsino.ini", plain_ini(server, "dot@example.it"))
    orsino.run("-t").succeeded()
    write_private(orsino.home / ".config/orsino/orsino.ini", plain_ini(server, "config@example.it"))
    orsino.run("-t").succeeded()
    write_private(xdg / "orsino/orsino.ini", plain_ini(server, "xdg@example.it"))
    orsino.run("-t", environment={"XDG_CONFIG_HOME": str(xdg)}).succeeded()
    named = write_private(orsino.folder / "named.ini", plain_ini(server, "named@example.it"))
    orsino.run("-t", ini=named, environment={"XDG_CONFIG_HOME": str(xdg)}).succeeded()
    server.wait()
    senders = [sender_of(session) for session in server.sessions]
    assert senders == ["dot@example.it", "config@example.it", "xdg@example.it", "named@example.it"]


@pytest.fixture
def no_system_ini():
    """Else the test would send mail in earnest."""
    assert not os.path.exists("/etc/orsino.ini"), "this test wants a machine without an /etc/orsino.ini"


def test_no_ini_anywhere(orsino, no_system_ini):
    orsino.run("-t").failed(78, "/etc/orsino.ini", ".orsino.ini")


TWO = "[orsino]\nlog = none\n[one]\nhost = a.example\n[two]\nhost = b.example\n"

NO_ACCOUNT = [
    ("no file", None, [], 78, "the configuration cannot be opened: No such file or directory"),
    ("a folder", "", [], 78, "it is not a regular file, but a folder"),
    ("an empty file", "#\n", [], 78, "an empty file: write [orsino] and host = into it; accounts here: none"),
    ("no account chosen", TWO, [], 78, "no account chosen: set account = in [orsino]; accounts here: one, two"),
    ("no such account", TWO, ["-a", "three"], 78, "no account three; accounts here: one, two"),
    ("a file of root's", TWO, [], 77,
     "the configuration may not be read by user 61234: it is for user 0 and group 0, mode 600"),
    ("a folder of root's", TWO, [], 77, "the configuration is in a folder that user 61234 may not enter"),
]  # fmt: skip


@table("text, words, code, sentence", NO_ACCOUNT)
def test_a_missing_file_is_told_from_an_unreadable_one_and_from_no_account(
    text, words, code, sentence, orsino, open_folder):
    path = open_folder / "folder" / "orsino.ini"
    if text:
        write_private(path, text).parent.chmod(0o700 if "folder" in sentence else 0o755)
    elif text == "":
        path.mkdir(parents=True)
    stranger = {"user": 61234, "group": 61234, "extra_groups": []} if code == 77 else {}
    if stranger and os.getuid() != 0:
        pytest.skip("needs root to become somebody else")
    orsino.folder = "/"
    line = orsino.run("-t", *words, ini=path, **stranger).failed(code)
    assert line.partition(" (")[0] == f"sendmail: {path}: {sentence}"


def test_home_of_another_user_does_not_count(orsino, rogue, no_system_ini):
    """cron and at may run with the HOME of somebody else."""
    server = rogue()
    config = write_private(orsino.home / ".orsino.ini", plain_ini(server, "other@example.it"))
    config.chmod(0o644)
    os.chown(config, 61234, -1)
    orsino.run("-t").failed(78)
    assert server.sessions == []


ACCOUNTS = """
[orsino]
account = Main
log = none
hostname = client.example.it
host = localhost
port = {port}
tls = none

[main]
from = main@example.it

[shop]
from = shop@example.it
match = @shop.example, *-orders@example.it, owner@example.it

[news]
from = news@example.it
match = *@news.example
"""

CHOICES = [
    ("the default", [], "info@example.it", "main"),
    ("-a", ["-a", "news"], "info@example.it", "news"),
    ("-a attached, another case", ["-aNEWS"], "info@example.it", "news"),
    ("a whole domain", [], "anna@shop.example", "shop"),
    ("a whole domain, another case", [], "anna@SHOP.Example", "shop"),
    ("not a part of a domain", [], "anna@my.shop.example.org", "main"),
    ("a pattern", [], "berlin-orders@example.it", "shop"),
    ("an address", [], "owner@example.it", "shop"),
    ("a pattern of the second", [], "a@news.example", "news"),
    ("-a before a pattern", ["-a", "main"], "a@news.example", "main"),
    ("-f before From", ["-f", "x@news.example"], "owner@example.it", "news"),
]


@table("words, sender, account", CHOICES)
def test_choice_of_account(words, sender, account, orsino, rogue, tmp_path):
    server = rogue()
    ini = write_private(tmp_path / "accounts.ini", ACCOUNTS.format(port=server.port))
    message = f"From: {sender}\nTo: anna@example.org\n\nhello\n".encode()
    orsino.run("-t", *words, ini=ini, message=message).succeeded()
    wanted = words[1] if "-f" in words else f"{account}@example.it"
    assert sender_of(server.session) == wanted


def test_one_account_needs_no_name(orsino, rogue, tmp_path):
    server = rogue()
    text = f"[only]\nhost = localhost\nport = {server.port}\ntls = none\nfrom = a@example.it\n[orsino]\nlog = none\n"
    orsino.run("-t", ini=write_private(tmp_path / "one.ini", text)).succeeded()
    assert server.session.message


def test_globals_alone_are_an_account(orsino, rogue, tmp_path):
    server = rogue()
    text = f"[orsino]\nlog = none\nhost = localhost\nport = {server.port}\ntls = none\nfrom = a@example.it\n"
    orsino.run("-t", ini=write_private(tmp_path / "flat.ini", text)).succeeded()
    assert server.session.message


GOOD = "[test]\nhost = mx.example.org\nuser = a@example.org\npassword = \"secret\"\n"

# (what is shown, the text, words of the line; a number is the line in the file)
WRONG = [
    ("an unknown key", GOOD + "colour = red\n", [5, "colour"]),
    ("a misspelt key", GOOD + "hots = x\n", [5, "hots", "host"]),
    ("another misspelt key", "[test]\nhost = a.example\npasword = x\n", [3, "pasword", "password"]),
    ("a key twice", GOOD + "host = other.example\n", [5, "host", "2"]),
    ("a section twice", GOOD + "[TEST]\nport = 25\n", [5, "test"]),
    ("a bad number", GOOD + "port = many\n", [5, "port", "many"]),
    ("a number too big", GOOD + "port = 70000\n", [5, "port", "70000"]),
    ("a bad boolean", GOOD + "pipelining = perhaps\n", [5, "pipelining", "perhaps"]),
    ("a bad choice", GOOD + "tls = always\n", [5, "tls", "always", "starttls"]),
    ("a bad time", GOOD + "timeout = soon\n", [5, "timeout", "soon"]),
    ("a missing host", '[test]\nuser = a\npassword = "b"\n', ["host", "test"]),
    ("a user without a password", "[test]\nhost = mx.example.org\nuser = a\n", ["password", "test"]),
    ("a # in a password", "[test]\nhost = mx.example.org\nuser = a\npassword = p#ss\n", [4, "password", "#", "quote"]),
    ("a ; in a password", "[test]\nhost = mx.example.org\nuser = a\npassword = p;ss\n", [4, "password", ";", "quote"]),
    ("a comment behind a password", "[test]\nhost = mx.example.org\nuser = a\npassword = pass ; mine\n", [4, "password", "quote"]),
    ("a ; in a host", "[test]\nhost = mx;example.org\n", [2, "host", "quote"]),
    ("a line too long", GOOD + "full_name = " + "x" * 1100 + "\n", [5, "line of 1112 bytes"]),
    ("a section that does not end", "[test\nhost = mx.example.org\n", [1]),
    ("a line without =", GOOD + "just words\n", [5]),
    ("a key of [orsino] in an account", GOOD + "log = none\n", [5, "log", "[orsino]"]),
    ("an account that is not there", "[orsino]\naccount = other\n" + GOOD, ["other"]),
    ("several accounts, none named", GOOD + "[second]\nhost = mx.example.org\n", ["account"]),
    ("a fingerprint that is too short", GOOD + "fingerprint = ab:cd\n", [5, "fingerprint"]),
    ("a provider that is none", GOOD + "provider = gmial\n", ["gmial", "gmail"]),
    ("a NUL", GOOD + "full_name = a\0b\n", [5]),
    ("nothing at all", "", ["account"]),
]


@table("text, words", WRONG)
def test_wrong(text, words, orsino, tmp_path):
    path = write_private(tmp_path / "wrong.ini", text)
    wanted = [f"{path}:{word}" if isinstance(word, int) else word for word in words]
    line = orsino.run("-t", ini=path).failed(78, str(path), *wanted)
    assert "p#ss" not in line and "secret" not in line and "p;ss" not in line


def test_missing_file(orsino, tmp_path):
    orsino.run("-t", ini=tmp_path / "none.ini").failed(78, str(tmp_path / "none.ini"))


@pytest.mark.parametrize("mode", [0o644, 0o604])
def test_password_that_others_can_read(mode, orsino, rogue, ini):
    server = rogue(tls="implicit")
    path = ini(server.port, "implicit")
    path.chmod(mode)
    line = orsino.run("-t", ini=path).failed(77, str(path), "chmod")
    assert PASSWORD not in line
    assert server.sessions == []


def test_password_that_the_group_can_read(orsino, rogue, ini):
    """Of root's file that is how a system gives an account to some users; of a user's own it is an oversight."""
    server = rogue(tls="implicit")
    path = ini(server.port, "implicit")
    path.chmod(0o640)
    orsino.run("-t", ini=path).succeeded()
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        orsino.path = shutil.copy(orsino.path, folder)
        own = shutil.copy(path, folder)
        os.chown(own, 61234, -1)
        orsino.home, orsino.folder = folder, "/"
        orsino.run("-t", ini=own, user=61234).failed(77, own, "chmod")


def test_without_a_password_others_may_read_it(orsino, rogue, ini):
    server = rogue()
    path = ini(server.port)
    path.chmod(0o644)
    orsino.run("-t", ini=path).succeeded()


def test_file_that_the_caller_may_not_read(orsino):
    """Told apart from one that is missing: the commonest "works as root, fails as www-data"."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        orsino.path = shutil.copy(orsino.path, folder)
        path = write_private(Path(folder) / "root.ini", GOOD)
        orsino.home, orsino.folder = folder, "/"
        orsino.run("-t", ini=path, user=61234).failed(77, str(path), "may not be read")


def test_a_file_of_another_user_in_the_home(orsino, open_folder):
    """It does not count, and that is said: root may have written it."""
    path = write_private(open_folder / ".orsino.ini", GOOD)
    orsino.home = open_folder
    line = orsino.run("-t", user=61234).failed(78, f"{path} (it belongs to another user)")
    assert f"{open_folder}/.config/orsino/orsino.ini, " in line


def test_password_with_every_special_character(orsino, sink, rogue, ini):
    server = rogue(tls="implicit")
    orsino.run("-t", ini=ini(server.port, "implicit")).succeeded()
    assert server.session.login == (USER.encode(), PASSWORD.encode())
    odd = "a#b;c=d[e]$f 'g' ü%h"
    other = rogue(tls="implicit")
    orsino.run("-t", ini=ini(other.port, "implicit", name="odd.ini", password=f'"{odd}"')).succeeded()
    assert other.session.login == (USER.encode(), odd.encode())


@pytest.mark.parametrize("content", [PASSWORD, PASSWORD + "\n", PASSWORD + "\r\nsecond line\n"])
def test_password_file(content, orsino, rogue, ini, tmp_path):
    server = rogue(tls="implicit")
    path = write_private(tmp_path / "password", "")
    path.write_bytes(content.encode())
    orsino.run("-t", ini=ini(server.port, "implicit", password=None, password_file=path)).succeeded()
    assert server.session.login == (USER.encode(), PASSWORD.encode())


def test_password_file_that_is_not_there(orsino, rogue, ini, tmp_path):
    server = rogue(tls="implicit")
    result = orsino.run("-t", ini=ini(server.port, "implicit", password=None, password_file=tmp_path / "none"))
    assert result.exit in (72, 78)
    result.failed(result.exit, str(tmp_path / "none"))
    assert server.sessions == []


def test_tls_name(orsino, rogue, ini):
    """The name in the certificate, where it is not that of the host."""
    server = rogue(tls="implicit", certificate="wrong-name")
    orsino.run("-t", ini=ini(server.port, "implicit", tls_name="mail.elsewhere.example")).succeeded()
    assert server.session.server_name == "mail.elsewhere.example"


def test_system_bundle_does_not_trust_our_authority(orsino, rogue, ini):
    server = rogue(tls="implicit")
    orsino.run("-t", ini=ini(server.port, "implicit", ca_file=None)).failed(77, "Orsino Test Authority", "ca_file")


def test_ca_file_that_is_not_there(orsino, rogue, ini, tmp_path):
    server = rogue(tls="implicit")
    result = orsino.run("-t", ini=ini(server.port, "implicit", ca_file=tmp_path / "none.pem"))
    result.failed(78, str(tmp_path / "none.pem"))
    assert server.sessions == []
