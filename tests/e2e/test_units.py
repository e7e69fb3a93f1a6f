"""The files that start the relay on a real system: what they start is started here, word by word."""

import configparser
import os
import shlex
import shutil
import smtplib
import socket
import subprocess
from pathlib import Path

import pytest

from conftest import ORSINO, table
from relay import LISTENS, PATIENCE, Client
from test_install import install
from waiting import wait_for

ROOT = Path(__file__).resolve().parents[2]
UNITS = ["orsino.service", "orsino.socket", "orsino@.service"]
# What openrc-run, and OpenWrt's rc.common, do with a script: they read it, and start what it says.
OPENRC = '. "$1"; start_pre && printf "%s\\n" "$command $command_args"'
PROCD = """
procd_open_instance() { :; }
procd_close_instance() { :; }
procd_set_param() { case $1 in command) shift; echo "$*" ;; esac; }
. "$1"
start_service
"""


def read_unit(name):
    parser = configparser.RawConfigParser(strict=False, delimiters="=", comment_prefixes="#", interpolation=None)
    parser.optionxform = str
    assert parser.read(ROOT / "etc/systemd" / name)
    return parser


def words_of(line, folder):
    """The words of an ExecStart, for this orsino and this folder of credentials."""
    words = shlex.split(line.replace("${CREDENTIALS_DIRECTORY}", str(folder)))
    assert words.pop(0) == "/usr/local/bin/orsino"
    return [ORSINO, *words]


@pytest.fixture
def credentials(ini, rogue, tmp_path):
    """A folder with an orsino.ini, as LoadCredential makes one, a provider behind it, and a log."""
    server = rogue()
    log = tmp_path / "orsino.log"
    ini(server.port, name="credentials/orsino.ini", log=log, aliases="/nonexistent", listen="0")
    return tmp_path / "credentials", server, log


def send_with(port):
    with smtplib.SMTP("127.0.0.1", port, timeout=PATIENCE) as client:
        assert client.sendmail("info@example.it", ["bob@example.org"], "Subject: x\n\nhello\n") == {}


def start(words, **more):
    return subprocess.Popen(words, env={"PATH": "/usr/bin:/bin"}, cwd="/", stderr=subprocess.PIPE, **more)


def stop(process):
    process.terminate()
    assert process.communicate(timeout=PATIENCE)[1] == b"" and process.returncode == 0


def test_a_client_of_the_socket_unit(credentials):
    folder, server, _ = credentials
    unit = read_unit("orsino@.service")["Service"]
    assert unit["StandardInput"] == "socket"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = Client(socket.create_connection(listener.getsockname(), PATIENCE))
        connection, _ = listener.accept()
    with connection:
        process = start(words_of(unit["ExecStart"], folder), stdin=connection, stdout=connection)
    client.greet()
    client.send()
    client.quit()
    assert process.communicate(timeout=PATIENCE) == (None, b"") and process.returncode == 0
    assert server.session.recipients == ["bob@example.org"]


def test_the_service_listens_by_itself(credentials):
    folder, server, log = credentials
    process = start(words_of(read_unit("orsino.service")["Service"]["ExecStart"], folder))
    wait_for(lambda: log.exists() and LISTENS in log.read_text(), PATIENCE, "the relay to listen")
    send_with(int(log.read_text().partition(LISTENS + "127.0.0.1:")[2].partition(",")[0]))
    stop(process)
    assert server.session.recipients == ["bob@example.org"]


def test_the_service_takes_sockets_of_systemd(credentials):
    folder, server, _ = credentials
    words = words_of(read_unit("orsino.service")["Service"]["ExecStart"], folder)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        script = 'export LISTEN_FDS=1 LISTEN_PID=$$; exec "$@"'
        move = lambda: os.dup2(listener.fileno(), 3)  # noqa: E731
        process = start(["sh", "-c", script, "sh", *words], pass_fds=[3], preexec_fn=move)
        send_with(listener.getsockname()[1])
    stop(process)
    assert server.session.recipients == ["bob@example.org"]


def test_the_socket_unit_serves_this_machine_alone():
    unit = read_unit("orsino.socket")["Socket"]
    text = (ROOT / "etc/systemd/orsino.socket").read_text().splitlines()
    listens = [line.partition("=")[2] for line in text if line.startswith("Listen")]
    assert listens == ["127.0.0.1:25", "[::1]:25"]
    assert unit["Accept"] == "yes"


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
def test_systemd_finds_no_fault(tmp_path):
    for name in UNITS:
        text = (ROOT / "etc/systemd" / name).read_text().replace("/usr/local/bin/orsino", ORSINO)
        (tmp_path / name).write_text(text)
    words = ["systemd-analyze", "verify", "--man=no", *(str(tmp_path / name) for name in UNITS)]
    done = subprocess.run(words, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@table("folder, reader, words", [
    ("OpenRC", "openrc", OPENRC, "serve -C /tmp/my.ini"),
    ("OpenWrt", "procd", PROCD, "serve"),
])  # fmt: skip
def test_a_script_starts_the_relay(folder, reader, words, tmp_path):
    script = tmp_path / "orsino"
    script.write_text((ROOT / "etc" / folder / "orsino").read_text().replace("/usr/local/bin/orsino", "/bin/true"))
    environment = {"orsino_args": "-C /tmp/my.ini"}
    done = subprocess.run(["sh", "-c", reader, "sh", script], env=environment, capture_output=True)
    assert (done.stdout.decode(), done.stderr) == (f"/bin/true {words}\n", b"")


def test_openrc_does_not_start_with_a_wrong_configuration(tmp_path, ini):
    good, bad = ini(1, name="good.ini"), ini(1, name="bad.ini", tls="perhaps")
    script = tmp_path / "orsino"
    script.write_text((ROOT / "etc/openrc/orsino").read_text().replace("/usr/local/bin/orsino", ORSINO))
    for config, code in ((good, 0), (bad, 78)):
        words = ["sh", "-c", '. "$1"; start_pre', "sh", script]
        done = subprocess.run(words, env={"orsino_args": f"-C {config}"}, capture_output=True)
        assert done.returncode == code, done.stderr


@table("service, files", [
    ("systemd", "systemd", [f"etc/systemd/system/{name}" for name in UNITS]),
    ("OpenRC", "openrc", ["etc/init.d/orsino"]),
    ("procd", "procd", ["etc/init.d/orsino"]),
])  # fmt: skip
def test_they_are_installed_and_removed(service, files, tmp_path):
    words = ["--destdir", str(tmp_path), "--prefix", "/opt/orsino", "--no-sendmail"]
    assert install(*words, "--service", service).returncode == 0
    for file in files:
        text = (tmp_path / file).read_text()
        assert "/usr/local" not in text
        assert ("/opt/orsino/bin/orsino" in text) == (not file.endswith(".socket"))
        assert os.access(tmp_path / file, os.X_OK) == ("init.d" in file)
    assert install("--uninstall", *words).returncode == 0
    assert not [file for file in files if (tmp_path / file).exists()]


def test_the_init_script_of_another_is_left_alone(tmp_path):
    other = tmp_path / "etc/init.d/orsino"
    other.parent.mkdir(parents=True)
    other.write_text("#!/bin/sh\n")
    install("--uninstall", "--destdir", str(tmp_path), "--no-sendmail")
    assert other.exists()


def test_an_unknown_service_system():
    done = install("--service", "runit")
    assert done.returncode == 1 and "systemd, openrc or procd" in done.stderr
