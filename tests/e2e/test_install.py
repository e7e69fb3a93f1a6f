"""install.sh: what it puts where, for whom, and that it takes back what it did, without touching this machine's own
files."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LINKS = ["usr/bin/mailq", "usr/bin/newaliases", "usr/lib/sendmail", "usr/sbin/sendmail"]
MANUAL = ["man5/orsino-queue.5", "man5/orsino.ini.5", "man8/orsino.8"]
PAGES = [f"usr/local/share/man/{page}" for page in ("man1/mailq.1", "man1/newaliases.1", "man1/sendmail.1", "man8/sendmail.8")]
FILES = ["usr/local/bin/orsino", *[f"usr/local/share/man/{page}" for page in MANUAL]]
FOLDERS = ["body", "failed", "new", "queue"]

# What follows runs over a copy of this machine that is only there for it.
COPY = """
set -eu
export LC_ALL=C
top=$1
mount -t tmpfs tmpfs "$top"
for dir in usr etc var; do
    mkdir -p "$top/$dir/upper" "$top/$dir/work"
    mount -t overlay overlay -o "lowerdir=/$dir,upperdir=$top/$dir/upper,workdir=$top/$dir/work" "/$dir"
done
rm -rf /usr/sbin/sendmail /usr/lib/sendmail /usr/bin/mailq /usr/bin/newaliases /etc/orsino.ini /var/spool/orsino
groupdel orsino 2>/dev/null || :
as_user() { setpriv --reuid 65534 --regid 65534 --clear-groups env HOME=/var/tmp/home "$@"; }
modes() { stat -c '%a %U %G %n' /usr/local/bin/orsino /etc/orsino.ini /var/spool/orsino /var/spool/orsino/*; }
"""

WITH_ANOTHER_SENDMAIL = """
printf 'another program\\n' >/usr/sbin/sendmail
ln -s ../sbin/sendmail /usr/lib/sendmail
./install.sh --prefix /opt/orsino >/dev/null
./install.sh >/dev/null
./install.sh >/dev/null
readlink /usr/sbin/sendmail /usr/lib/sendmail /usr/bin/mailq /usr/bin/newaliases
/usr/bin/mailq
echo '# mine' >/etc/orsino.ini
./install.sh --uninstall >/dev/null
cat /usr/sbin/sendmail /etc/orsino.ini
readlink /usr/lib/sendmail
ls /usr/bin/mailq /usr/bin/newaliases /usr/local/bin/orsino /usr/sbin/sendmail.before-orsino /var/spool/orsino \\
    2>/dev/null || echo 'the rest is gone'
command -v dpkg-divert >/dev/null && dpkg-divert --list '*orsino*'
exit 0
"""

WITH_THE_GROUP = """
./install.sh --no-sendmail >/dev/null
modes
echo 1 >/var/spool/orsino/queue/MESSAGE
./install.sh --no-sendmail >/dev/null
modes | cut -d' ' -f1-3 | sort | uniq -c | sed 's/^ *//'
printf '[orsino]\\nhost = smtp.example.com\\nfrom = a@example.com\\n' >/etc/orsino.ini
as_user cat /etc/orsino.ini 2>&1 || :
as_user ls /var/spool/orsino 2>&1 || :
as_user /usr/local/bin/orsino sendmail -bC && echo 'the user can send'
"""

NOTHING_NEW = """
./install.sh --no-sendmail
./install.sh --no-sendmail --service cron
./install.sh --no-sendmail
"""

STAGED_WITHOUT_THE_GROUP = """
BUILD=build ./install.sh --destdir "$top/stage"
stat -c %a "$top/stage/usr/local/bin/orsino" "$top/stage/etc/orsino.ini"
"""

STAGED_WITH_THE_GROUP = """
groupadd --system orsino
./install.sh --destdir "$top/stage" >/dev/null
cd "$top/stage"
find . ! -name . -group orsino -printf '%m %P\\n' | sort -k2
"""

AN_OLDER_CONFIGURATION = """
touch /etc/orsino.ini
for mode in 600 640 644; do chmod $mode /etc/orsino.ini; ./install.sh --no-sendmail; done
chgrp orsino /etc/orsino.ini
for mode in 600 640; do chmod $mode /etc/orsino.ini; ./install.sh --no-sendmail; done
"""

A_FOLDER_OF_ANOTHER = """
mkdir -p /var/spool/orsino/queue
chmod 700 /var/spool/orsino/queue
ln -s /etc /var/spool/orsino/body
before=$(stat -c '%a %U %G' /etc)
./install.sh --no-sendmail
[ "$(stat -c '%a %U %G' /etc)" = "$before" ] && stat -c '%a %U %G' /var/spool/orsino/queue
"""

WITHOUT_THE_GROUP = """
./install.sh --no-sendmail --no-group
modes 2>/dev/null || :
getent group orsino || echo 'no group'
"""

FOR_ONE_USER = """
mkdir /var/tmp/home
chown 65534:65534 /var/tmp/home
as_user env BUILD=build ./install.sh --no-sendmail --prefix /var/tmp/home/.local
find /var/tmp/home -type f -printf '%m %P\\n' | sort
as_user env BUILD=build ./install.sh --no-sendmail --prefix /var/tmp/home/.local --uninstall
find /var/tmp/home -type f -printf '%m %P\\n' | sort
"""

TAKEN_AWAY = """
./install.sh --no-sendmail >/dev/null
echo 1 >/var/spool/orsino/queue/MESSAGE
./install.sh --no-sendmail --uninstall
ls /var/spool/orsino
rm /var/spool/orsino/queue/MESSAGE
./install.sh --no-sendmail --uninstall
ls /var/spool/orsino 2>/dev/null || echo 'no spool'
"""


def install(*words, environment=None):
    return subprocess.run([str(ROOT / "install.sh"), *words], capture_output=True, text=True, env=environment)


def in_a_copy(script, tmp_path):
    """The lines that the script prints there."""
    words = ["unshare", "-m", "--propagation", "private", "sh", "-c", COPY + script, "sh", str(tmp_path)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def listing(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_symlink() or path.is_file())


def mode(path):
    return path.stat().st_mode & 0o7777


def test_a_staged_installation_has_these_files(tmp_path):
    done = install("--destdir", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert listing(tmp_path) == sorted(["etc/orsino.ini", *LINKS, *FILES, *PAGES])
    assert {str((tmp_path / link).readlink()) for link in LINKS} == {"/usr/local/bin/orsino"}
    assert sorted(path.name for path in (tmp_path / "var/spool/orsino").iterdir()) == FOLDERS


def test_a_staged_installation_without_links_and_with_a_prefix(tmp_path):
    assert install("--destdir", str(tmp_path), "--prefix", "/opt/orsino", "--no-sendmail").returncode == 0
    assert "opt/orsino/bin/orsino" in listing(tmp_path)
    assert not set(LINKS) & set(listing(tmp_path))


def test_a_staged_installation_for_a_group_that_is_not_there(tmp_path):
    """The package is told what is left for it to do, and nothing has a right that would be another's."""
    lines = in_a_copy(STAGED_WITHOUT_THE_GROUP, tmp_path)
    assert any("chmod 2755 /usr/local/bin/orsino; chmod 640 /etc/orsino.ini" in line for line in lines)
    assert lines[-2:] == ["755", "600"]


def test_a_staged_installation_for_a_group_that_is_there(tmp_path):
    assert in_a_copy(STAGED_WITH_THE_GROUP, tmp_path) == [
        "640 etc/orsino.ini", "2755 usr/local/bin/orsino", "2770 var/spool/orsino",
        *[f"2770 var/spool/orsino/{folder}" for folder in FOLDERS]]


def test_uninstall_leaves_the_configuration_only(tmp_path):
    install("--destdir", str(tmp_path))
    assert install("--uninstall", "--destdir", str(tmp_path)).returncode == 0
    assert listing(tmp_path) == ["etc/orsino.ini"]
    assert not (tmp_path / "var/spool/orsino").exists()


def test_an_existing_configuration_and_another_sendmail_are_kept(tmp_path):
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/orsino.ini").write_text("mine")
    (tmp_path / "usr/sbin").mkdir(parents=True)
    (tmp_path / "usr/sbin/sendmail").write_text("another")
    install("--destdir", str(tmp_path))
    assert (tmp_path / "etc/orsino.ini").read_text() == "mine"
    assert (tmp_path / "usr/sbin/sendmail.before-orsino").read_text() == "another"
    install("--uninstall", "--destdir", str(tmp_path))
    assert (tmp_path / "usr/sbin/sendmail").read_text() == "another"


def test_pages_of_another_package_stay(tmp_path):
    page = tmp_path / "usr/share/man/man1/mailq.1"
    page.parent.mkdir(parents=True)
    page.write_text("Postfix's")
    words = ("--destdir", str(tmp_path), "--prefix", "/usr")
    assert install(*words).returncode == 0
    assert page.read_text() == "Postfix's" and (page.parent / "sendmail.1").resolve() == tmp_path / "usr/share/man/man8/orsino.8"
    assert install("--uninstall", *words).returncode == 0
    assert page.read_text() == "Postfix's" and os.listdir(page.parent) == ["mailq.1"]


def test_another_prefix_later(tmp_path):
    """The links move on, and what was put aside at first is what comes back."""
    (tmp_path / "usr/sbin").mkdir(parents=True)
    (tmp_path / "usr/sbin/sendmail").write_text("another")
    assert install("--destdir", str(tmp_path)).returncode == 0
    assert install("--destdir", str(tmp_path), "--prefix", "/opt/orsino").returncode == 0
    assert {str((tmp_path / link).readlink()) for link in LINKS} == {"/opt/orsino/bin/orsino"}
    install("--uninstall", "--destdir", str(tmp_path), "--prefix", "/opt/orsino")
    assert (tmp_path / "usr/sbin/sendmail").read_text() == "another"
    assert not (tmp_path / "usr/sbin/sendmail.before-orsino").exists()


def test_over_a_whole_system(tmp_path):
    own = Path("/usr/sbin/sendmail")
    before = own.lstat().st_mtime if own.is_symlink() or own.exists() else None
    lines = in_a_copy(WITH_ANOTHER_SENDMAIL, tmp_path)
    assert lines[:4] == ["/usr/local/bin/orsino"] * 4
    assert lines[4:] == ["Mail queue is empty", "another program", "# mine", "../sbin/sendmail", "the rest is gone"]
    after = own.lstat().st_mtime if own.is_symlink() or own.exists() else None
    assert before == after


def test_the_group_may_read_the_configuration_and_write_the_queue(tmp_path):
    lines = in_a_copy(WITH_THE_GROUP, tmp_path)
    assert lines[:7] == [
        "2755 root orsino /usr/local/bin/orsino", "640 root orsino /etc/orsino.ini",
        "2770 root orsino /var/spool/orsino",
        *[f"2770 root orsino /var/spool/orsino/{folder}" for folder in FOLDERS]]
    assert lines[7:10] == ["1 2755 root orsino", "5 2770 root orsino", "1 640 root orsino"]
    assert ["Permission denied" in line for line in lines[10:12]] == [True, True]
    assert lines[-1] == "the user can send"


def test_it_says_when_nothing_tries_the_queue_again(tmp_path):
    lines = in_a_copy(NOTHING_NEW, tmp_path)
    told = "*/5 * * * * /usr/local/bin/orsino queue run --due"
    assert lines.count(told) == 1 and lines[1] == told
    assert sum("cron tries the queue again" in line for line in lines) == 1


def test_a_configuration_that_the_group_cannot_read(tmp_path):
    told = ["only root can send" in line for line in in_a_copy(AN_OLDER_CONFIGURATION, tmp_path)
            if "installed" in line or "only root" in line]
    assert told == [True, False, True, False, False, True, False, False]


def test_a_folder_of_another_in_the_spool(tmp_path):
    lines = in_a_copy(A_FOLDER_OF_ANOTHER, tmp_path)
    wrong = [line for line in lines if "should be a folder of mode 2770" in line]
    assert [line.split()[0] for line in wrong] == [f"/var/spool/orsino/{folder}" for folder in ("body", "queue")]
    assert lines[-1] == "700 root root"


def test_without_the_group(tmp_path):
    lines = in_a_copy(WITHOUT_THE_GROUP, tmp_path)
    assert lines[1:] == ["755 root root /usr/local/bin/orsino", "600 root root /etc/orsino.ini", "no group"]


def test_for_one_user(tmp_path):
    ini = "600 .config/orsino/orsino.ini"
    lines = in_a_copy(FOR_ONE_USER, tmp_path)
    files = [line for line in lines if line[:3].isdigit()]
    assert files == [ini, "644 .local/share/man/man5/orsino-queue.5", "644 .local/share/man/man5/orsino.ini.5",
                     "644 .local/share/man/man8/orsino.8", "755 .local/bin/orsino", ini]


def test_messages_outlive_it(tmp_path):
    lines = in_a_copy(TAKEN_AWAY, tmp_path)
    assert lines == [
        "messages are left in /var/spool/orsino", "removed orsino; /etc/orsino.ini is left where it is",
        "so is the group orsino", *FOLDERS, "removed orsino; /etc/orsino.ini is left where it is",
        "so is the group orsino", "no spool"]


@pytest.mark.parametrize("service", ["systemd", "openrc"])
def test_services_that_need_the_group(service, tmp_path):
    done = install("--destdir", str(tmp_path), "--no-group", "--service", service)
    assert done.returncode == 1 and "no --no-group" in done.stderr
    assert listing(tmp_path) == []


def test_usage():
    done = install("--nonsense")
    assert done.returncode == 64 and done.stderr.startswith("no option --nonsense\nusage:")
    assert "usage:" in install("--help").stdout
