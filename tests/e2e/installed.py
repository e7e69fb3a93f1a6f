"""orsino as install.sh leaves it, set-group-ID, in a mount namespace with files of its own: who shares that machine, and the
provider that it sends to."""

import base64
import hashlib
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import pytest

from conftest import ORSINO
from queueing import PERMANENT
from rogue import Rogue

ROOT = Path(__file__).resolve().parents[2]
MALLORY, ALICE = 60001, 60002
NAMES = {MALLORY: "mallory", ALICE: "alice"}
PASSWORD = b"the-password-of-the-house"
SECRET = b"written-by-alice-in-confidence"
LOGIN = b"\0info@example.it\0" + PASSWORD
# In all the forms that they have on their way.
TELLTALES = [PASSWORD, base64.b64encode(PASSWORD), base64.b64encode(LOGIN), SECRET]
MINE = b"From: mallory@example.it\nTo: anna@example.org\nSubject: mine\n\nnothing to hide\n"

SETUP = """
set -eu
top=$1
mount --make-rprivate / 2>/dev/null || :
mount -t tmpfs tmpfs "$top"
for dir in usr etc var; do
    mkdir -p "$top/$dir/upper" "$top/$dir/work"
    mount -t overlay overlay -o "lowerdir=/$dir,upperdir=$top/$dir/upper,workdir=$top/$dir/work" "/$dir"
done
chmod 755 "$top"
mount -t tmpfs -o mode=755 tmpfs /home
mount -t tmpfs -o mode=755 tmpfs /run
mkdir /run/orsino
rm -rf /etc/orsino.ini /etc/aliases /var/spool/orsino
for user in mallory:60001 alice:60002; do
    echo "${user%:*}:x:${user#*:}:" >>/etc/group
    echo "${user%:*}:x:${user#*:}:${user#*:}::/home/${user%:*}:/bin/sh" >>/etc/passwd
    mkdir -m 755 "/home/${user%:*}"
    chown "${user#*:}:${user#*:}" "/home/${user%:*}"
done
"$2/install.sh" --no-sendmail >/dev/null
rm -f /usr/local/bin/orsino
cp "$3" /usr/local/bin/orsino
chgrp orsino /usr/local/bin/orsino
chmod 2755 /usr/local/bin/orsino
cp "$4" /etc/orsino-ca.pem
chmod 644 /etc/orsino-ca.pem
echo ready
exec sleep 3600
"""

INI = """[orsino]
log = none
aliases = /etc/orsino-aliases
[house]
host = localhost
port = {port}
tls = implicit
ca_file = /etc/orsino-ca.pem
user = info@example.it
password = {password}
from = info@example.it
connect_timeout = 10s
"""


class House:
    """A machine with orsino installed, its provider, and a server of Mallory's own."""

    def __init__(self, certificates, folder):
        self.server = Rogue(certificates.server_context(), "implicit", {"RCPT": [{"gone@": PERMANENT}]})
        self.trap = Rogue(None, "none")
        self.process = subprocess.Popen(
            ["unshare", "-m", "sh", "-c", SETUP, "sh", folder, ROOT, ORSINO, certificates.ca_file],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT, env={**os.environ, "LC_ALL": "C"})  # fmt: skip
        if self.process.stdout.readline() != b"ready\n":
            raise AssertionError(self.process.communicate()[1].decode())
        self.root = Path(f"/proc/{self.process.pid}/root")
        self.ini = self.root / "etc/orsino.ini"
        self.ini.write_text(INI.format(port=self.server.port, password=PASSWORD.decode()))
        self.home = self.root / "home/mallory"
        self.spool = self.root / "var/spool/orsino"
        self.queued = self.failed = ""
        for recipient, words in (("anna@example.org", "-odq"), ("gone@example.org", "-odi")):
            message = b"From: alice@example.it\nTo: %s\n\n%s\n" % (recipient.encode(), SECRET)
            self.run(f"orsino sendmail {words} -i -t", user=ALICE, message=message)
        (self.queued,) = os.listdir(self.spool / "queue")
        (self.failed,) = os.listdir(self.spool / "failed")
        self.before = self.state()

    def words(self, user, group, variables):
        path = "PATH=/usr/local/bin:/usr/bin:/bin"
        rights = ["setpriv", "--reuid", str(user), "--regid", str(group), "--clear-groups"] if user else []
        return ["nsenter", f"--mount=/proc/{self.process.pid}/ns/mnt", *rights, "env", "-i", path, *variables]

    def start(self, script, user=MALLORY, group=None, variables=None, stdin=subprocess.PIPE, stdout=subprocess.PIPE, **more):
        home = f"/home/{NAMES[user]}" if user in (MALLORY, ALICE) else "/"
        facts = {
            "HOME": home, "ID": self.queued, "FAILED": self.failed, "PORT": self.trap.port,
            "SPOOL": "/var/spool/orsino", **{k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")},
        }  # fmt: skip
        pairs = [f"{key}={value}" for key, value in (facts | (variables or {})).items()]
        return subprocess.Popen(
            # What a shell has its background ignore would stay ignored.
            preexec_fn=lambda: [signal.signal(number, signal.SIG_DFL) for number in (signal.SIGINT, signal.SIGQUIT)],
            args=[*self.words(user, user if group is None else group, pairs), "sh", "-c", f"cd {home} && {script}"],
            stdin=stdin, stdout=stdout, stderr=subprocess.PIPE, **more)  # fmt: skip

    def run(self, script, user=MALLORY, message=b"", **more):
        process = self.start(script, user, **more)
        out, err = process.communicate(message, timeout=60)
        return process.returncode, out, err

    def state(self):
        """All that Mallory must not change: content, owner and rights of root's and Alice's files, and their number."""
        paths = [self.ini, self.root / "etc/orsino-ca.pem", *sorted(self.spool.rglob("*"))]
        found = {}
        for path in paths:
            st = path.lstat()
            content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
            found[str(path.relative_to(self.root))] = (st.st_uid, st.st_gid, oct(st.st_mode), st.st_nlink, content)
        return found

    def is_untouched(self):
        """Alice's records change with each look at them by root alone: nobody else runs them."""
        changed = {path: value for path, value in self.state().items() if self.before.get(path) != value}
        gone = [path for path in self.before if path not in self.state()]
        assert (changed, gone) == ({}, [])

    def take_back_mine(self):
        """The messages that Mallory has in the spool, which are his right."""
        for folder in ("queue", "failed"):
            for name in set(os.listdir(self.spool / folder)) - {self.queued, self.failed}:
                assert f"owner: {MALLORY}\n" in (self.spool / folder / name).read_text()
                for place in (folder, "body"):
                    (self.spool / place / name).unlink()

    def loot(self):
        """All that is in files of Mallory's, or that he may read."""
        for path in self.home.rglob("*"):
            if path.is_file() and not path.is_symlink():
                yield path, path.read_bytes()

    def clean(self):
        for path in self.home.iterdir():
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()

    def heard(self):
        """What Mallory's own server was told."""
        return b"".join(piece for session in list(self.trap.sessions) for piece in session.reads)

    def end(self):
        self.process.kill()
        self.process.communicate()
        self.server.stop()
        self.trap.stop()


@pytest.fixture(scope="module")
def house(certificates):
    if os.getuid() != 0:
        pytest.skip("needs root for a mount namespace")
    with tempfile.TemporaryDirectory(prefix="orsino-") as folder:
        made = House(certificates, folder)
        yield made
        made.end()
