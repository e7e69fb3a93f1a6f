"""Configuration by the environment: without a file, over one, and for none but the caller himself."""

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from conftest import MESSAGE, table, write_private
from servers import PASSWORD, USER
from test_machine import PRIVATE

MANUAL = Path(__file__).parents[2] / "man" / "orsino.ini.5"
STRANGER = 61234
GROUP = 61235


@pytest.fixture(autouse=True)
def no_system_ini():
    """Else these tests would send mail in earnest."""
    assert not os.path.exists("/etc/orsino.ini"), "this test wants a machine without an /etc/orsino.ini"


@pytest.fixture
def variables(certificates, tmp_path):
    """All that is needed to send to a server, as variables; changes are by key, and None takes one away."""

    def make(server, **changes):
        keys = {"host": "localhost", "port": server.port, "tls": "implicit", "ca_file": certificates.ca_file}
        keys |= {"user": USER, "password": PASSWORD, "from": "env@example.it", "hostname": "client.example.it"}
        keys |= {"log": tmp_path / "log", "timeout": "10s"} | changes
        return {f"ORSINO_{key.upper()}": str(value) for key, value in keys.items() if value is not None}

    return make


@pytest.fixture
def by_a_stranger(orsino):
    """Makes orsino a copy in a folder where everybody can run it, and gives the arguments to run it as a stranger."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        orsino.path = shutil.copy(orsino.path, folder)
        orsino.home, orsino.folder = folder, "/"
        yield {"user": STRANGER, "group": STRANGER, "extra_groups": []}


def sender(server):
    return server.session.command("MAIL").split(">")[0].split("<")[1]


def log_of(tmp_path):
    path = tmp_path / "log"
    return path.read_text() if path.exists() else ""


def test_no_file_at_all(orsino, rogue, variables, tmp_path):
    server = rogue(tls="implicit")
    secret = tmp_path / "secret"
    secret.write_text(PASSWORD + "\n")
    more = variables(server, password=None, password_file=secret, full_name="Container 7", dsn_notify="failure")
    orsino.run("-i", "anna@example.org", message=b"Subject: hi\n\nhi\n", environment=more).succeeded()
    assert server.session.login == (USER.encode(), PASSWORD.encode())
    assert sender(server) == "env@example.it"
    assert server.session.command("EHLO") == "EHLO client.example.it"
    assert "NOTIFY=FAILURE" in server.session.command("RCPT")
    assert server.session.field("From") == "Container 7 <env@example.it>"
    assert "from=<env@example.it>" in log_of(tmp_path) and "unknown" not in log_of(tmp_path)


def test_the_account_without_a_file_has_a_name(orsino, rogue, variables):
    server = rogue(tls="implicit")
    orsino.run("-t", "-a", "environment", environment=variables(server)).succeeded()
    orsino.run("-t", "-a", "office", environment=variables(server)).failed(78, "no account office", "environment")


def test_without_a_host_it_is_no_configuration(orsino):
    orsino.run("-t", environment={"ORSINO_USER": "me"}).failed(78, "no configuration", "ORSINO_HOST")
    orsino.run("-t", environment={"ORSINO_HOST": ""}).failed(78, "no configuration")


def test_a_named_file_must_be_there(orsino, rogue, variables, tmp_path):
    server = rogue(tls="implicit")
    orsino.run("-t", ini=tmp_path / "none.ini", environment=variables(server)).failed(78, str(tmp_path / "none.ini"))
    assert server.sessions == []


def test_over_the_file(orsino, rogue, ini, variables):
    """For every account, with -C too, and one by one: the rest stays as it is in the file."""
    server, other = rogue(), rogue()
    config = ini(other.port)
    orsino.run("-t", ini=config, environment={"ORSINO_PORT": str(server.port)}).succeeded()
    orsino.run("-t", "-a", "test", ini=config, environment={"ORSINO_PORT": str(server.port)}).succeeded()
    orsino.run(
        "-i", "a@example.org", ini=config, environment={"ORSINO_PORT": str(server.port), "ORSINO_FROM": "env@example.it"}
    ).succeeded()
    server.wait()
    assert len(server.sessions) == 3 and other.sessions == []
    assert server.sessions[2].command("MAIL").startswith("MAIL FROM:<env@example.it>")


def test_over_a_file_of_the_user(orsino, rogue, variables):
    server = rogue(tls="implicit")
    write_private(orsino.home / ".orsino.ini", "[orsino]\nhost = other.example\npassword_file = /nonexistent\nfrom = f@example.it\n")
    orsino.run("-i", "a@example.org", environment=variables(server, **{"from": None})).succeeded()
    assert server.session.login == (USER.encode(), PASSWORD.encode())
    assert sender(server) == "f@example.it"


ACCOUNTS = """
[orsino]
host = localhost
port = {port}
tls = none
log = none
hostname = client.example.it
[one]
from = one@example.it
[two]
from = two@example.it
[three]
from = three@example.it
match = *@three.example
"""

CHOICES = [
    ("the variable", [], "two", "two@example.it"),
    ("the option comes first", ["-a", "one"], "two", "one@example.it"),
    ("a match comes first", ["-f", "x@three.example"], "two", "x@three.example"),
    ("no such account", [], "four", None),
]


@table("words, account, want", CHOICES)
def test_account(words, account, want, orsino, rogue):
    server = rogue()
    config = write_private(orsino.folder / "orsino.ini", ACCOUNTS.format(port=server.port))
    done = orsino.run("-i", *words, "a@example.org", ini=config, message=b"hi\n", environment={"ORSINO_ACCOUNT": account})
    if want is None:
        done.failed(78, "ORSINO_ACCOUNT", "no account four", "one, two, three")
    else:
        done.succeeded()
        assert sender(server) == want


# For each key a value that a message can be sent with, and one that the key does not take, if there is any.
VALUES = {
    "account": ("environment", "office"),
    "domain": ("example.it", "a b"),
    "hostname": ("client.example.it", "a b"),
    "aliases": ("/nonexistent", "aliases"),
    "local": ("admin@example.it", "admin"),
    "allow_from": ("*@example.it", None),
    "log": ("none", "nothing"),
    "dot_terminates": ("no", "perhaps"),
    "max_message": ("50M", "50MB"),
    "queue": ("/nonexistent", "queue"),
    "queue_lifetime": ("3d", "30s"),
    "delivery": ("direct", "later"),
    "patience": ("7s", "0"),
    "keep_failed": ("no", "perhaps"),
    "bounce": ("yes", "perhaps"),
    "listen": ("2525", None),
    "listen_allow": ("192.0.2.0/24", None),
    "listen_users": ("/nonexistent", "users"),
    "listen_cert": ("/nonexistent", "cert"),
    "listen_key": ("/nonexistent", "key"),
    "listen_max": ("7", "0"),
    "provider": ("gmail", None),
    "region": (None, None),
    "host": ("localhost", "localhost:465"),
    "port": (None, "smtps"),
    "tls": ("implicit", "ssl"),
    "tls_name": ("localhost", "a b"),
    "ca_file": (None, "ca.pem"),
    "fingerprint": (None, "ab:cd"),
    "auth": ("plain", "ntlm"),
    "user": (USER, None),
    "password": (PASSWORD, "\n"),
    "password_file": (None, "secret"),
    "from": ("env@example.it", None),
    "full_name": ("Me", None),
    "from_header": ("keep", "yes"),
    "match": ("*@nowhere.example", None),
    "timeout": ("7s", "soon"),
    "connect_timeout": ("7s", "0"),
    "pipelining": ("no", "perhaps"),
    "dsn_notify": ("never", "always"),
    "dsn_return": ("full", "body"),
}


def test_the_list_of_keys_is_complete():
    text = MANUAL.read_text()
    start = text.index(".Sh KEYS")
    keys = re.findall(r"^\.It Ic (\w+)$", text[start:text.index(".Sh", start + 1)], re.M)
    assert sorted(keys) == sorted(VALUES)


@pytest.mark.parametrize("key", VALUES)
def test_each_key(key, orsino, rogue, variables, tmp_path):
    server = rogue(tls="implicit")
    good, bad = VALUES[key]
    changes = {key: good} if good else {}
    if key == "password_file":
        changes = {"password": None, key: write_private(tmp_path / "secret", PASSWORD)}
    orsino.run("-t", environment=variables(server, **changes)).succeeded()
    assert server.session.message and "unknown" not in log_of(tmp_path)
    if bad:
        more = variables(server) | {f"ORSINO_{key.upper()}": bad}
        line = orsino.run("-t", environment=more).failed(78, f"ORSINO_{key.upper()}: ")
        assert PASSWORD not in line
    assert len(server.sessions) == 1


def test_an_unknown_name_is_no_more_than_a_warning(orsino, rogue, variables, tmp_path):
    server = rogue(tls="implicit")
    orsino.run("-t", environment=variables(server) | {"ORSINO_PROT": "25", "ORSINO": "x"}).succeeded()
    assert "ORSINO_PROT (did you mean ORSINO_PORT?)" in log_of(tmp_path)


def test_an_unknown_name_where_nothing_else_is_configured(orsino):
    """Then there is no log yet, and the slip is the reason."""
    words = ["no configuration", "ORSINO_HOSTT (did you mean ORSINO_HOST?)"]
    orsino.run("-t", environment={"ORSINO_HOSTT": "smtp.example.org"}).failed(78, *words)


def test_the_port_that_kubernetes_sets(orsino, rogue, variables):
    server = rogue(tls="implicit")
    more = variables(server, port="tcp://10.0.0.11:25")
    orsino.run("-t", environment=more).failed(78, "ORSINO_PORT: port takes a number", "Kubernetes")


def test_a_password_is_in_no_message(orsino, rogue, variables, tmp_path):
    server = rogue(tls="implicit", script={"AUTH": "535 5.7.8 no"})
    line = orsino.run("-t", environment=variables(server)).failed(77, "535")
    assert PASSWORD not in line and PASSWORD not in log_of(tmp_path)


def test_a_file_that_may_not_be_read(orsino, rogue, variables, by_a_stranger):
    """The environment does without it and tells the log; a file that is named must be readable."""
    server = rogue(tls="implicit")
    folder = Path(orsino.home)
    own = write_private(folder / ".orsino.ini", "[orsino]\nhost = localhost\n")
    os.chown(own, STRANGER, STRANGER)
    own.chmod(0)
    log = folder / "log"
    log.touch()
    log.chmod(0o666)
    shutil.copy(variables(server)["ORSINO_CA_FILE"], folder / "ca.pem")
    more = variables(server, log=log, ca_file=folder / "ca.pem")
    orsino.run("-t", environment=more, **by_a_stranger).succeeded()
    assert f"{own}: the configuration may not be read" in log.read_text() and "environment" in log.read_text()
    orsino.run("-t", **by_a_stranger).failed(77, str(own), f"its own user {STRANGER}", "chmod 600")
    orsino.run("-t", ini=own, environment=more, **by_a_stranger).failed(77, str(own), "may not be read")


def test_who_may_read_a_file_is_said(orsino, by_a_stranger):
    path = write_private(Path(orsino.home) / "root.ini", "[orsino]\nhost = localhost\n")
    os.chown(path, 0, GROUP)
    path.chmod(0o640)
    orsino.run("-t", ini=path, **by_a_stranger).failed(
        77, str(path), f"may not be read by user {STRANGER}: it is for user 0 and group {GROUP}, mode 640", "chgrp")


@pytest.mark.parametrize("mode", [0o660, 0o606, 0o622])
def test_a_file_that_others_can_write(mode, orsino, rogue, ini):
    server = rogue()
    path = ini(server.port)
    os.chown(path, 0, GROUP)
    path.chmod(mode)
    orsino.run("-t", ini=path).failed(77, str(path), "can write", "chmod go-w")
    assert server.sessions == []


def raise_rights(orsino):
    os.chown(orsino.path, 0, GROUP)
    os.chmod(orsino.path, 0o2755)


def test_more_rights_than_the_caller_has(orsino, rogue, variables, by_a_stranger):
    """A set-group-ID program gives its rights up for a file of the caller's, and believes his variables then alone."""
    server = rogue()
    folder = Path(orsino.home)
    config = write_private(folder / ".orsino.ini", ACCOUNTS.format(port=server.port))
    os.chown(config, STRANGER, STRANGER)
    more = variables(server, tls="none", user=None, password=None, ca_file=None, log="none", account="one")
    raise_rights(orsino)
    orsino.run("-t", environment=more, **by_a_stranger).succeeded()
    server.wait()
    config.unlink()
    orsino.run("-t", environment=more, **by_a_stranger).failed(
        78, "no configuration", "ORSINO_HOST does not count: this program has the right of a group")
    orsino.run("-t", environment={"ORSINO_PORT": "x"}, **by_a_stranger).failed(78, "no configuration")
    assert len(server.sessions) == 1


@pytest.fixture
def of_the_system(orsino, by_a_stranger, tmp_path):
    """Runs orsino, set-group-ID, where this is /etc/orsino.ini for the group; setpriv has more options."""

    def run(port, *options, **environment):
        etc = tmp_path / "etc"
        etc.mkdir()
        tmp_path.chmod(0o755)
        for name in ("hosts", "passwd", "group", "nsswitch.conf"):
            if os.path.exists(f"/etc/{name}"):
                shutil.copy(f"/etc/{name}", etc)
        config = write_private(etc / "orsino.ini", ACCOUNTS.format(port=port).replace("[one]", "account = one\n[one]"))
        os.chown(config, 0, GROUP)
        config.chmod(0o640)
        raise_rights(orsino)
        become = ["setpriv", f"--reuid={STRANGER}", f"--regid={STRANGER}", "--clear-groups", *options]
        script = f'{PRIVATE} mount --bind {etc} /etc; exec {" ".join(become)} "$0" sendmail -t'
        return subprocess.run(["unshare", "-m", "sh", "-c", script, orsino.path], input=MESSAGE, cwd="/", capture_output=True,
                              timeout=60, env=orsino.environment(**environment))

    return run


def test_more_rights_and_the_file_of_the_system(of_the_system, rogue):
    """What the group may read is used as it is: no variable leads it, or its password, elsewhere."""
    server, other = rogue(), rogue()
    done = of_the_system(server.port, ORSINO_HOST="localhost", ORSINO_PORT=str(other.port), ORSINO_ACCOUNT="two")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    server.wait()
    assert len(server.sessions) == 1 and other.sessions == []
    assert sender(server) == "one@example.it"


def test_why_more_rights_have_no_effect_is_said(of_the_system, rogue):
    server = rogue()
    done = of_the_system(server.port, "--no-new-privs")
    assert done.returncode == 77 and done.stderr.count(b"\n") == 1
    for words in (f"it is for user 0 and group {GROUP}, mode 640", "set-group-ID bit", "NoNewPrivileges is set"):
        assert words.encode() in done.stderr
    assert server.sessions == []
