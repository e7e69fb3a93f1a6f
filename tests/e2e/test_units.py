"""The files that start the relay and try the queue on a real system: what they start is started here, word by word."""

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
UNITS = ["orsino-queue.service", "orsino-queue.timer", "orsino.service", "orsino.socket", "orsino@.service"]
SERVICES = [name for name in UNITS if name.endswith(".service")]
SCRIPTS = ["etc/init.d/orsino", "etc/init.d/orsino-queue"]
# What openrc-run, and OpenWrt's rc.common, do with a script: they read it, and start what it says.
OPENRC = 'start_pre() { :; }; . "$1"; start_pre && printf "%s\\n" "$command $command_args"'
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


def words_of(line, config):
    """The words of an ExecStart, for this orsino, and this file in the place of /etc/orsino.ini."""
    words = shlex.split(line)
    assert words.pop(0) == "/usr/local/bin/orsino"
    return [ORSINO, *words, "-C", str(config)]


@pytest.fixture
def provider(ini, rogue, tmp_path):
    """An orsino.ini, the provider that it names, and a log."""
    server = rogue()
    log = tmp_path / "orsino.log"
    return ini(server.port, log=log, aliases="/nonexistent", listen="0"), server, log


def send_with(port):
    with smtplib.SMTP("127.0.0.1", port, timeout=PATIENCE) as client:
        assert client.sendmail("info@example.it", ["bob@example.org"], "Subject: x\n\nhello\n") == {}


def start(words, **more):
    return subprocess.Popen(words, env={"PATH": "/usr/bin:/bin"}, cwd="/", stderr=subprocess.PIPE, **more)


def stop(process):
    process.terminate()
    assert process.communicate(timeout=PATIENCE)[1] == b"" and process.returncode == 0


def test_a_client_of_the_socket_unit(provider):
    config, server, _ = provider
    unit = read_unit("orsino@.service")["Service"]
    assert unit["StandardInput"] == "socket"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = Client(socket.create_connection(listener.getsockname(), PATIENCE))
        connection, _ = listener.accept()
    with connection:
        process = start(words_of(unit["ExecStart"], config), stdin=connection, stdout=connection)
    client.greet()
    client.send()
    client.quit()
    assert process.communicate(timeout=PATIENCE) == (None, b"") and process.returncode == 0
    assert server.session.recipients == ["bob@example.org"]


def test_the_service_listens_by_itself(provider):
    config, server, log = provider
    process = start(words_of(read_unit("orsino.service")["Service"]["ExecStart"], config))
    wait_for(lambda: log.exists() and LISTENS in log.read_text(), PATIENCE, "the relay to listen")
    send_with(int(log.read_text().partition(LISTENS + "127.0.0.1:")[2].partition(",")[0]))
    stop(process)
    assert server.session.recipients == ["bob@example.org"]


def test_the_service_takes_sockets_of_systemd(provider):
    config, server, _ = provider
    words = words_of(read_unit("orsino.service")["Service"]["ExecStart"], config)
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
    assert listens == ["127.0.0.1:25", "[::1]:25", "/run/orsino/submit.sock"]
    assert unit["Accept"] == "yes"
    assert (unit["SocketMode"], unit["DirectoryMode"]) == ("0666", "0755")


def test_sendmail_hands_over_where_the_socket_unit_listens():
    header = (ROOT / "src/cli/handover.h").read_text()
    assert '#define RELAY_SOCKET "/run/orsino/submit.sock"' in header


@pytest.mark.parametrize("name", SERVICES)
def test_the_services_can_use_configuration_and_queue(name):
    unit = read_unit(name)["Service"]
    assert (unit["DynamicUser"], unit["Group"], unit["UMask"]) == ("yes", "orsino", "0077")
    # systemd refuses a dynamic user by the name of an existing group, and without User= takes that of the unit.
    assert unit["User"] not in ("orsino", "")
    assert unit["ReadWritePaths"] == "-/var/spool/orsino"
    # It would hide from SO_PEERCRED who calls, and from the spool that it is root's.
    assert "PrivateUsers" not in unit


def test_the_queue_unit_tries_what_waits(provider, tmp_path):
    config, server, _ = provider
    words = words_of(read_unit("orsino-queue.service")["Service"]["ExecStart"], config)
    environment = {"ORSINO_QUEUE": str(tmp_path / "spool")}
    keep = [ORSINO, "sendmail", "-odq", "-C", str(config), "bob@example.org"]
    subprocess.run(keep, env=environment, input=b"Subject: x\n\nhello\n", check=True)
    assert not server.sessions
    done = subprocess.run(words, env=environment, capture_output=True, timeout=PATIENCE)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert server.session.recipients == ["bob@example.org"]


def test_a_run_of_the_queue_by_unit_and_crontab():
    run = "/usr/local/bin/orsino queue run --due"
    assert read_unit("orsino-queue.service")["Service"]["ExecStart"] == run
    lines = (ROOT / "etc/cron.d/orsino-queue").read_text().splitlines()
    assert [line for line in lines if line[0] != "#"] == ['MAILTO=""', f"*/5 * * * * root {run}"]


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
def test_systemd_finds_no_fault(tmp_path):
    for name in UNITS:
        text = (ROOT / "etc/systemd" / name).read_text().replace("/usr/local/bin/orsino", ORSINO)
        (tmp_path / name).write_text(text)
    words = ["systemd-analyze", "verify", "--man=no", *(str(tmp_path / name) for name in UNITS)]
    done = subprocess.run(words, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@table("path, reader, words", [
    ("OpenRC, the relay", "openrc/orsino", OPENRC, "serve -C /tmp/my.ini"),
    ("OpenRC, the queue", "openrc/orsino-queue", OPENRC, "queue run --every 5m -C /tmp/my.ini"),
    ("OpenWrt, the relay", "procd/orsino", PROCD, "serve"),
    ("OpenWrt, the queue", "procd/orsino-queue", PROCD, "queue run --every 5m"),
])  # fmt: skip
def test_a_script_starts_it(path, reader, words, tmp_path):
    script = tmp_path / "orsino"
    script.write_text((ROOT / "etc" / path).read_text().replace("/usr/local/bin/orsino", "/bin/true"))
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
    ("OpenRC", "openrc", SCRIPTS),
    ("procd", "procd", SCRIPTS),
    ("cron", "cron", ["etc/cron.d/orsino-queue"]),
])  # fmt: skip
def test_they_are_installed_and_removed(service, files, tmp_path):
    words = ["--destdir", str(tmp_path), "--prefix", "/opt/orsino", "--no-sendmail"]
    assert install(*words, "--service", service).returncode == 0
    for file in files:
        text = (tmp_path / file).read_text()
        assert "/usr/local" not in text
        assert ("/opt/orsino/bin/orsino" in text) == (not file.endswith((".socket", ".timer")))
        assert os.access(tmp_path / file, os.X_OK) == ("init.d" in file)
    assert install("--uninstall", *words).returncode == 0
    assert not [file for file in files if (tmp_path / file).exists()]


@pytest.mark.parametrize("name", [*SCRIPTS, "etc/cron.d/orsino-queue"])
def test_what_is_of_another_is_left_alone(name, tmp_path):
    other = tmp_path / name
    other.parent.mkdir(parents=True)
    other.write_text("#!/bin/sh\n")
    install("--uninstall", "--destdir", str(tmp_path), "--no-sendmail")
    assert other.exists()


def test_an_unknown_service_system():
    done = install("--service", "runit")
    assert done.returncode == 1 and "systemd, openrc, procd or cron" in done.stderr
