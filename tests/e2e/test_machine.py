"""What orsino takes from the machine it runs on, in a mount namespace where that is of the test's making."""

import re
import socket
import subprocess

from conftest import MESSAGE

# Private first: what is mounted here must not be seen outside.
PRIVATE = "mount --make-rprivate / 2>/dev/null; set -e; "


def run_with(mounts, orsino, ini, *words):
    script = f'{PRIVATE}{mounts}; exec "$0" sendmail -C "$@"'
    return subprocess.run(
        ["unshare", "-m", "sh", "-c", script, orsino.path, str(ini), *words],
        input=MESSAGE, env=orsino.environment(PATH="/usr/sbin:/usr/bin:/sbin:/bin"), capture_output=True, timeout=60)


def devices_with_a_log(folder):
    """Shell commands that put a /dev in place with little in it, and the socket that stands for syslogd."""
    dev = folder / "dev"
    dev.mkdir()
    for name in ("null", "urandom"):
        (dev / name).touch()
    syslogd = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    syslogd.bind(str(dev / "log"))
    syslogd.settimeout(10)
    binds = "; ".join(f"mount --bind /dev/{name} {dev}/{name}" for name in ("null", "urandom"))
    return f"{binds}; mount --rbind {dev} /dev", syslogd


def test_syslog_gets_a_line_for_each_message(orsino, rogue, ini, tmp_path):
    mounts, syslogd = devices_with_a_log(tmp_path)
    server = rogue()
    done = run_with(mounts, orsino, ini(server.port, log="syslog"), "-t")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    line = syslogd.recv(4096).decode()
    # Facility mail is 2, level info is 6: 2 * 8 + 6.
    assert re.match(r"<22>.* orsino\[\d+\]: from=<info@example\.it> to=<anna@example\.org> host=localhost:\d+ tls=none ", line), line


def test_syslog_gets_a_line_for_a_failure(orsino, rogue, ini, tmp_path):
    mounts, syslogd = devices_with_a_log(tmp_path)
    server = rogue(script={"dot": "554 5.7.1 no"})
    done = run_with(mounts, orsino, ini(server.port, log="syslog"), "-t")
    assert done.returncode == 69
    line = syslogd.recv(4096).decode()
    assert line.startswith("<19>") and 'exit=69 error=' in line and "554 5.7.1 no" in line, line


def hosts(folder, *addresses):
    path = folder / "hosts"
    path.write_text("".join(f"{address} many.example.org\n" for address in addresses))
    return f"mount --bind {path} /etc/hosts"


def test_the_next_address_is_tried(orsino, rogue, ini, tmp_path):
    server = rogue()
    for first in ("::1", "127.0.0.2"):
        done = run_with(hosts(tmp_path, first, server.address), orsino, ini(server.port, host="many.example.org"), "-t")
        assert (done.returncode, done.stderr) == (0, b"")
    server.wait()
    assert len(server.sessions) == 2


def test_no_address_answers(orsino, rogue, ini, tmp_path):
    server = rogue()
    server.stop()
    done = run_with(hosts(tmp_path, "127.0.0.2", "127.0.0.3"), orsino, ini(server.port, host="many.example.org"), "-t")
    assert done.returncode == 75
    assert re.match(rb"sendmail: many\.example\.org:\d+: .*2 addresses", done.stderr), done.stderr


def test_a_machine_without_ca_certificates(orsino, rogue, ini, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    mounts = "; ".join(f"[ ! -d {path} ] || mount --bind {empty} {path}" for path in ("/etc/ssl", "/etc/pki", "/usr/local/share/certs"))
    server = rogue(tls="implicit")
    done = run_with(mounts, orsino, ini(server.port, "implicit", ca_file=None), "-t")
    assert done.returncode == 78
    assert b"no CA certificates" in done.stderr and b"install the package ca-certificates" in done.stderr, done.stderr
    assert server.sessions == []
