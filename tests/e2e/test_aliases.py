"""Names of the machine: aliases(5), local, domain, -n, and newaliases."""

import os
import shutil
import socket
import subprocess
import tempfile

import pytest

from conftest import MESSAGE, table
from test_machine import PRIVATE

STRANGER, GROUP = 65534, 12345

ALIASES = """\
# as Debian has them, and more
mailer-daemon: postmaster
postmaster:    root
root:          anna@example.org, Bob <bob@example.org>
Team :         root,
# and somebody
               carla@example.org, "list"
list:          :include:{folder}/list
self:          self, anna@example.org
final:         \\root
here:          root@localhost
nobody:        /dev/null
box:           /var/mail/box
program:       "|/usr/bin/vacation me, you"
ring:          ring2
ring2:         ring3
ring3:         ring
lost:          :include:{folder}/none
empty:
"""
LIST = "# members\ndora@example.org\nemil, fritz@example.org\n"
ROOT = ["anna@example.org", "bob@example.org"]


def line_of(name):
    """The number of the line that begins with this name."""
    return [line.split(":")[0].strip() for line in ALIASES.splitlines()].index(name) + 1


@pytest.fixture
def aliases(tmp_path):
    path = tmp_path / "aliases"
    path.write_text(ALIASES.format(folder=tmp_path))
    (tmp_path / "list").write_text(LIST)
    return path


@pytest.fixture
def settings(ini, aliases):
    """An INI for a server on this port, with these aliases and more globals."""

    def write(port, **more):
        path = ini(port, domain=more.pop("domain", "example.it"))
        keys = {"aliases": aliases} | more
        lines = "".join(f"{key} = {value}\n" for key, value in keys.items())
        path.write_text(path.read_text().replace("[orsino]\n", "[orsino]\n" + lines))
        return path

    return write


# (what is shown, words of the command line, more of the INI, the recipients)
DELIVERED = [
    ("an alias", ["root"], {}, ROOT),
    ("in any case", ["ROOT"], {}, ROOT),
    ("one that leads to another", ["MAILER-DAEMON"], {}, ROOT),
    ("a folded list, with an included file", ["team"], {},
     [*ROOT, "carla@example.org", "dora@example.org", "emil@example.it", "fritz@example.org"]),
    ("a name in its own alias", ["self"], {}, ["self@example.it", "anna@example.org"]),
    ("a backslash", ["final"], {}, ["root@example.it"]),
    ("a name at localhost in an alias", ["here"], {}, ROOT),
    ("at localhost", ["root@localhost"], {}, ROOT),
    ("at this host", [f"root@{socket.gethostname()}"], {}, ROOT),
    ("elsewhere", ["root@example.com"], {}, ["root@example.com"]),
    ("somebody twice", ["root", "anna@example.org", "postmaster"], {}, ROOT),
    ("a list in a word", ["root, gina@example.org"], {}, [*ROOT, "gina@example.org"]),
    ("no alias", ["www-data"], {}, ["www-data@example.it"]),
    ("no alias, at localhost", ["www-data@localhost"], {}, ["www-data@example.it"]),
    ("no alias, local", ["www-data", "cron@localhost"], {"local": "admin@example.it"}, ["admin@example.it"]),
    ("an alias before local", ["root"], {"local": "admin@example.it"}, ROOT),
    ("a backslash and local", ["final"], {"local": "admin@example.it"}, ["admin@example.it"]),
    ("-n", ["-n", "root"], {}, ["root@example.it"]),
    ("-n and local", ["-n", "root"], {"local": "admin@example.it"}, ["admin@example.it"]),
    ("no file at all", ["root"], {"aliases": "/nonexistent/aliases"}, ["root@example.it"]),
    ("no aliases wanted", ["root"], {"aliases": ""}, ["root@example.it"]),
]


@table("words, more, recipients", DELIVERED)
def test_names_become_addresses(orsino, rogue, settings, words, more, recipients):
    server = rogue()
    orsino.run(*words, ini=settings(server.port, **more)).succeeded()
    assert server.session.recipients == recipients


def test_names_in_the_header(orsino, rogue, settings):
    server = rogue()
    message = b"From: info@example.it\nTo: root (Charlie Root)\nCc: Team <list>\nSubject: hello\n\nhello\n"
    orsino.run("-t", ini=settings(server.port), message=message).succeeded()
    session = server.session
    assert session.recipients == [*ROOT, "dora@example.org", "emil@example.it", "fritz@example.org"]
    assert "anna@example.org" not in session.field("To")


# (what is shown, the recipient, words of the line)
REFUSED = [
    ("/dev/null", "nobody", ['the alias "nobody" writes to the file /dev/null', "nothing is delivered here"]),
    ("a file", "box", ['the alias "box" writes to the file /var/mail/box']),
    ("a command", "program", ['the alias "program" runs the command /usr/bin/vacation me, you']),
    ("a ring", "ring", ["lead back to one another", '"ring"', '"ring2"', '"ring3"']),
    ("a list that is not there", "lost", ["/none: it cannot be opened: No such file"]),
    ("nobody", "empty", ['the alias "empty" leads to nobody']),
]


@table("recipient, words", REFUSED)
def test_what_is_not_delivered_is_said(orsino, rogue, settings, recipient, words):
    server = rogue()
    place = f"aliases:{line_of(recipient)}: "
    orsino.run("anna@example.org", recipient, ini=settings(server.port)).failed(78, place, *words)
    assert server.sessions == []


def test_no_domain_for_a_name(orsino, rogue, settings):
    server = rogue()
    orsino.run("www-data", ini=settings(server.port, domain=None)).failed(65, '"www-data" has no domain')


def test_a_line_without_a_name_may_be_the_one_looked_for(orsino, rogue, settings, aliases):
    aliases.write_text("postmaster: anna@example.org\nroot anna@example.org\n")
    server = rogue()
    path = settings(server.port)
    orsino.run("root", ini=path).failed(78, "aliases:2: ", "no ':' behind a name", '"root"')
    orsino.run("postmaster", ini=path).succeeded()


def test_aliases_that_cannot_be_read(orsino, rogue, settings, tmp_path):
    server = rogue()
    path = settings(server.port, aliases=tmp_path)
    orsino.run("root", ini=path).failed(78, str(tmp_path), "not a regular file")
    orsino.run("anna@example.org", ini=path).succeeded()  # no name, no need of them


def test_newaliases_reports_every_problem(orsino, settings, aliases):
    with aliases.open("a") as file:
        file.write("root: second@example.org\nno colon\nx@y: z@example.org\n")
    done = orsino.run(ini=settings(25), name="newaliases", message=b"")
    assert done.exit == 65
    assert done.out == f"{aliases}: 17 aliases, 9 problems\n".encode()
    lines = done.err.splitlines()
    wrong = [line_of(name) for name in ("nobody", "box", "program", "ring", "lost", "empty")]
    appended = [line_of("empty") + n for n in (1, 2, 3)]
    assert [int(line.split(":")[1]) for line in lines] == wrong + appended
    assert all(line.startswith(f"{aliases}:") and line.isprintable() for line in lines)


# (what is shown, the name it is called by, words)
NEWALIASES = [
    ("by its own name", "newaliases", []),
    ("-bi", "sendmail", ["-bi"]),
    ("orsino newaliases", "orsino", ["newaliases"]),
]


@table("name, words", NEWALIASES)
def test_newaliases_counts(orsino, settings, aliases, name, words):
    aliases.write_text("root: anna@example.org\npostmaster: root\n")
    done = orsino.run(*words, "-C", str(settings(25)), name=name, message=b"")
    assert (done.exit, done.out, done.err) == (0, f"{aliases}: 2 aliases\n".encode(), "")


def test_newaliases_without_a_file(orsino, settings):
    done = orsino.run(ini=settings(25, aliases="/nonexistent/aliases"), name="newaliases", message=b"")
    assert (done.exit, done.out, done.err) == (0, b"/nonexistent/aliases: no aliases, there is no such file\n", "")


def test_newaliases_without_an_ini(orsino):
    done = orsino.run(name="newaliases", message=b"")
    assert done.exit == 0 and done.out.startswith(b"/etc/aliases: "), (done.out, done.err)


def test_newaliases_with_a_wrong_ini(orsino, tmp_path):
    done = orsino.run("-C", str(tmp_path / "none.ini"), name="newaliases", message=b"")
    done.failed(78, "none.ini")


def test_a_message_is_not_changed_by_aliases(orsino, rogue, settings):
    server = rogue()
    orsino.run("root", ini=settings(server.port), message=MESSAGE).succeeded()
    assert server.session.field("To") == "anna@example.org"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a program more rights")
def test_no_file_is_included_with_more_rights_than_the_caller_has(orsino, tmp_path):
    """Else a message for a list would show who is in a file that the caller may not read."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        program = shutil.copy(orsino.path, folder)
        os.chown(program, 0, GROUP)
        os.chmod(program, 0o2755)
        etc = tmp_path / "etc"
        etc.mkdir()
        (etc / "orsino.ini").write_text("[orsino]\nhost = localhost\nlog = none\n")
        (etc / "aliases").write_text(f"list: :include:{tmp_path}/list\nroot: anna@example.org\n")
        (tmp_path / "list").write_text(LIST)
        become = f'exec setpriv --reuid={STRANGER} --regid={STRANGER} --clear-groups "$0" newaliases'
        done = subprocess.run(
            ["unshare", "-m", "sh", "-c", f"{PRIVATE} mount --bind {etc} /etc; {become}", program],
            env=orsino.environment(), cwd="/", input=b"", capture_output=True, timeout=60)
    assert done.returncode == 65, done.stderr
    assert done.stdout == b"/etc/aliases: 2 aliases, 1 problem\n"
    assert b"/etc/aliases:1: " in done.stderr and b"it is not read with more rights than the caller has" in done.stderr
