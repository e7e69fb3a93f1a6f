"""Machines where something is missing that programs take for granted: a message goes out all the same, by -t and by -bs."""

import os
import shutil
import subprocess

import pytest

from test_machine import PRIVATE

STRANGER = 61234
CONTAINER = "3f2a9c1d77e0"
NO_SUCH_USER = f"setpriv --reuid={STRANGER} --regid={STRANGER} --clear-groups"
DEVICES = 'mkdir {t}/dev; touch {t}/dev/null; mount --bind /dev/null {t}/dev/null; mount --rbind {t}/dev /dev'
READ_ONLY = "mount --bind /tmp /tmp; mount -o remount,bind,ro /tmp; mount -o remount,bind,ro /"

# What is odd: a script that makes it so, {t} is a folder; and what the program is then started by.
ODD = {
    "no passwd entry": ("", NO_SUCH_USER),
    "no HOME": ("unset HOME", "env"),
    "no USER": ("unset USER LOGNAME", "env"),
    "empty environment": ("", "env -i"),
    "no /etc/services": ("mkdir {t}/etc; mount --bind {t}/etc /etc", "env"),
    "no /dev/log": (DEVICES, "env"),
    "no stderr": ("exec 2>&-", "env"),
    "unreadable working folder": ("mkdir {t}/locked; cd {t}/locked; chmod 0 .", NO_SUCH_USER),
    "working folder that is gone": ("mkdir {t}/gone; cd {t}/gone; rmdir {t}/gone", "env"),
    "umask 0": ("umask 0", "env"),
    "umask 0777": ("umask 0777", "env"),
    "read-only root": (READ_ONLY, "env"),
    "host name without a dot": ("hostname vm", "env"),
    "container id for a host name": (f"hostname {CONTAINER}", "env"),
    "all of that": (
        f"hostname {CONTAINER}; mkdir {{t}}/etc {{t}}/locked; {DEVICES}; cd {{t}}/locked; chmod 0 .; "
        f"mount --bind {{t}}/etc /etc; {READ_ONLY}; umask 0777; exec 2>&-",
        NO_SUCH_USER + " env -i",
    ),
}
TEXT = b"a line of a message that is too long for memory alone\n" * 20000
MESSAGE = b"To: anna@example.org\nSubject: odd\n\n" + TEXT
DIALOGUE = b"EHLO client\nMAIL FROM:<root>\nRCPT TO:<anna@example.org>\nDATA\n" + MESSAGE + b".\nQUIT\n"


@pytest.mark.skipif(os.getuid() != 0, reason="needs root for a machine of its own")
@pytest.mark.parametrize("door", ["-t", "-bs"])
@pytest.mark.parametrize("what", ODD)
def test_odd_machine(what, door, orsino, rogue, ini, open_folder):
    server = rogue()
    setting, start = ODD[what]
    config = shutil.copy(ini(server.port, host="127.0.0.1", hostname=None, log=None, **{"from": None}), open_folder)
    os.chown(config, STRANGER, STRANGER)
    script = f'{PRIVATE}{setting.format(t=open_folder) or ":"}; exec {start} "$@"'
    words = ["unshare", "-m", "-u", "sh", "-c", script, "sh", orsino.path, "sendmail", "-C", config, door]
    done = subprocess.run(
        words, input=MESSAGE if door == "-t" else DIALOGUE.replace(b"\n", b"\r\n"), capture_output=True, timeout=60, cwd="/",
        env=orsino.environment(PATH="/usr/sbin:/usr/bin:/sbin:/bin", USER="root", LOGNAME="root"))
    assert (done.returncode, done.stderr) == (0, b""), done
    assert done.stdout == b"" if door == "-t" else b"\r\n250 Ok: queued as " in done.stdout
    session = server.session
    assert session.message.endswith(b"\r\n\r\n" + TEXT.replace(b"\n", b"\r\n")), session.message[-200:]
    assert session.command("EHLO") == "EHLO example.it"
    assert session.command("MAIL").split(">")[0].endswith("@example.it")
    assert session.field("From").rstrip(">").endswith("@example.it")
    for named in ("Message-ID", "From"):
        assert CONTAINER not in session.field(named)
